//! All tables and SQL of the log. Single statements, no decisions.
//!
//! `audit_entries` gets a row in the transaction of the work it records, with `position` NULL. The sequencer sets the
//! position once; nothing else of a row ever changes. One index over `(position, at)` serves both ways: finding what
//! has no position yet (oldest first) and finding by position. So an entry costs two row writes in all.

use base::{EntryId, ScopedId as _, ShopId, Timestamp};
use store::{Db, Error, Follower, Key, Migration, Row, Table, Tx, Value, blob, int, text};

use crate::entry::Entry;
use crate::promise::Leaf;
use crate::tiles::{Tile, hashes_from_bytes};
use crate::tree::{Digest, leaf_hash};

/// The log's part of the schema.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 100,
    name: "audit log",
    sql: "CREATE TABLE audit_entries (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, at BIGINT NOT NULL, position BIGINT, body TEXT NOT NULL,
            PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
          CREATE INDEX audit_entries_position ON audit_entries (position, at);
          CREATE TABLE audit_tiles (
            level BIGINT NOT NULL, tile BIGINT NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, tile));
          CREATE TABLE audit_checkpoints (
            size BIGINT NOT NULL PRIMARY KEY, epoch BIGINT NOT NULL, at BIGINT NOT NULL, note TEXT NOT NULL);
          CREATE TABLE audit_head (log TEXT NOT NULL PRIMARY KEY, size BIGINT NOT NULL, epoch BIGINT NOT NULL);
          CREATE TABLE leases (
            name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, epoch BIGINT NOT NULL, expires_at BIGINT NOT NULL)",
}];

static ENTRIES: Table =
    Table::new("audit_entries", &[text("shop_id"), text("id")], &[int("at"), int("position"), text("body")])
        .followed()
        .growing();
static TILES: Table = Table::new("audit_tiles", &[int("level"), int("tile")], &[blob("hashes")]);
static CHECKPOINTS: Table =
    Table::new("audit_checkpoints", &[int("size")], &[int("epoch"), int("at"), text("note")]);
static HEAD: Table = Table::new("audit_head", &[text("log")], &[int("size"), int("epoch")]);
static LEASES: Table =
    Table::new("leases", &[text("name")], &[text("holder"), int("epoch"), int("expires_at")]);

/// The only row of `audit_head`.
const LOG: &str = "audit";

/// Adds `entry` to the log, in the transaction of the work that it records. One buffered row, no reading.
///
/// # Errors
/// Those of the store; [`Error::Conflict`] for an id that is there already.
pub fn append(tx: &mut Tx<'_>, entry: &Entry) -> Result<Leaf, Error> {
    let body = entry.encode();
    let leaf = Leaf { entry_id: entry.id(), leaf_hash: leaf_hash(body.as_bytes()) };
    let mut row = entry_key(entry.id());
    row.extend([entry.at().into(), Value::Null, body.into()]);
    tx.insert(&ENTRIES, row)?;
    Ok(leaf)
}

fn entry_key(id: EntryId) -> Vec<Value> {
    vec![id.shop().short().into(), id.short().into()]
}

/// A row of `audit_entries`, as it is: nothing in it has been checked.
#[derive(Clone, Debug)]
pub(crate) struct EntryRow {
    pub shop: String,
    pub id: String,
    pub at: Timestamp,
    pub position: Option<i64>,
    pub body: String,
}

impl EntryRow {
    fn read(row: &Row) -> Result<EntryRow, Error> {
        Ok(EntryRow {
            shop: row.text(0)?.to_owned(),
            id: row.text(1)?.to_owned(),
            at: row.time(2)?,
            position: row.opt_int(3)?,
            body: row.text(4)?.to_owned(),
        })
    }
}

const ENTRY_COLUMNS: &str = "shop_id, id, at, position, body";

/// Sizes and positions as the database holds them; a log never gets near the limit.
fn stored(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(crate) fn find_entry(tx: &mut Tx<'_>, id: EntryId) -> Result<Option<EntryRow>, Error> {
    tx.get(&ENTRIES, &entry_key(id))?.as_ref().map(EntryRow::read).transpose()
}

/// The text of an entry, whose hash is its leaf; `None` when there is no such entry.
///
/// # Errors
/// Those of the store.
pub fn find_entry_text(tx: &mut Tx<'_>, id: EntryId) -> Result<Option<String>, Error> {
    Ok(find_entry(tx, id)?.map(|row| row.body))
}

/// Tells of new entries once they are durable; `None` where other nodes write too.
pub(crate) fn follow_entries(db: &Db) -> Option<Follower> {
    db.follow(&ENTRIES)
}

/// The rows of what has no position yet, oldest first.
pub(crate) fn list_unsequenced(tx: &mut Tx<'_>, limit: usize) -> Result<Vec<Row>, Error> {
    // Ordering by the NULL position too lets both engines walk the index.
    let sql = format!(
        "SELECT {ENTRY_COLUMNS} FROM audit_entries WHERE position IS NULL ORDER BY position, at LIMIT ?1"
    );
    tx.query(&sql, &[stored(limit as u64)])
}

/// How many entries have no position yet, and the time of the oldest.
pub(crate) fn count_unsequenced(tx: &mut Tx<'_>) -> Result<(u64, Option<Timestamp>), Error> {
    let sql = "SELECT COUNT(*), MIN(at) FROM audit_entries WHERE position IS NULL";
    let Some(row) = tx.query_opt(sql, &[])? else { return Ok((0, None)) };
    Ok((u64::try_from(row.int(0)?).unwrap_or(0), row.opt_time(1)?))
}

/// Names the rows that [`find_unsequenced`] will look for.
pub(crate) fn expect_entries<'r>(tx: &mut Tx<'_>, rows: impl Iterator<Item = &'r Row>) -> Result<(), Error> {
    tx.expect(|| {
        rows.filter_map(|row| row.values().get(..2)).map(|key| Key::new(&ENTRIES, key.to_vec())).collect()
    })
}

/// The row of an entry as it is now, if it has no position yet.
pub(crate) fn find_unsequenced(tx: &mut Tx<'_>, seen: &Row) -> Result<Option<Row>, Error> {
    let key = seen.values().get(..2).unwrap_or_default();
    let Some(row) = tx.get(&ENTRIES, key)? else { return Ok(None) };
    Ok(row.opt_int(3)?.is_none().then_some(row))
}

/// Gives the entry of a row its position.
pub(crate) fn update_position(tx: &mut Tx<'_>, row: &Row, position: u64) -> Result<(), Error> {
    let mut values = row.values().to_vec();
    if let Some(place) = values.get_mut(3) {
        *place = stored(position);
    }
    tx.put(&ENTRIES, values)
}

/// The hash of an entry's text, which is its leaf.
pub(crate) fn leaf_of(row: &Row) -> Result<Digest, Error> {
    Ok(leaf_hash(row.text(4)?.as_bytes()))
}

/// Rows with positions in `first..end`, in order.
pub(crate) fn list_positions(tx: &mut Tx<'_>, first: u64, end: u64) -> Result<Vec<EntryRow>, Error> {
    let sql = format!(
        "SELECT {ENTRY_COLUMNS} FROM audit_entries WHERE position >= ?1 AND position < ?2 ORDER BY position, at, id"
    );
    tx.query(&sql, &[stored(first), stored(end)])?.iter().map(EntryRow::read).collect()
}

/// Rows whose position no log of `size` can have.
pub(crate) fn list_strays(tx: &mut Tx<'_>, size: u64, limit: usize) -> Result<Vec<EntryRow>, Error> {
    let sql = format!(
        "SELECT {ENTRY_COLUMNS} FROM audit_entries WHERE position < 0 OR position >= ?1 ORDER BY position LIMIT ?2"
    );
    tx.query(&sql, &[stored(size), stored(limit as u64)])?.iter().map(EntryRow::read).collect()
}

/// Entries of a shop, newest first, older than `before`.
///
/// # Errors
/// Those of the store; [`Error::Bug`] when a stored entry cannot be read.
pub fn list_entries(
    tx: &mut Tx<'_>,
    shop: ShopId,
    before: Option<EntryId>,
    limit: u32,
) -> Result<Vec<Entry>, Error> {
    let sql = "SELECT body FROM audit_entries WHERE shop_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    let before = before.map_or_else(|| "~".to_owned(), |id| id.short().to_owned());
    let rows = tx.query(sql, &[shop.short().into(), before.into(), limit.into()])?;
    rows.iter().map(|row| Entry::decode(row.text(0)?).map_err(|e| Error::Bug(e.to_string()))).collect()
}

/// The hashes of a tile, as far as they can be read; empty when the tile is absent or not whole hashes.
pub(crate) fn find_tile(tx: &mut Tx<'_>, level: u32, tile: u64) -> Result<Vec<Digest>, Error> {
    let row = tx.get(&TILES, &[level.into(), stored(tile)])?;
    let hashes = row.map(|row| row.blob(2).map(hashes_from_bytes)).transpose()?;
    Ok(hashes.flatten().unwrap_or_default())
}

pub(crate) fn put_tile(tx: &mut Tx<'_>, tile: &Tile) -> Result<(), Error> {
    tx.put(&TILES, vec![tile.level.into(), stored(tile.index), tile.to_bytes().into()])
}

/// Size of the log, and the epoch of the lease under which it was last extended.
pub(crate) fn find_head(tx: &mut Tx<'_>) -> Result<(u64, i64), Error> {
    let Some(row) = tx.get(&HEAD, &[LOG.into()])? else { return Ok((0, 0)) };
    Ok((u64::try_from(row.int(1)?).unwrap_or(0), row.int(2)?))
}

pub(crate) fn put_head(tx: &mut Tx<'_>, size: u64, epoch: i64) -> Result<(), Error> {
    tx.put(&HEAD, vec![LOG.into(), stored(size), epoch.into()])
}

/// Stores a checkpoint's note. Its size is the key: a second checkpoint of one size is a conflict.
pub(crate) fn insert_checkpoint(
    tx: &mut Tx<'_>,
    size: u64,
    epoch: i64,
    at: Timestamp,
    note: &str,
) -> Result<(), Error> {
    tx.insert(&CHECKPOINTS, vec![stored(size), epoch.into(), at.into(), note.into()])
}

pub(crate) fn find_checkpoint(tx: &mut Tx<'_>, size: u64) -> Result<Option<String>, Error> {
    let row = tx.get(&CHECKPOINTS, &[stored(size)])?;
    row.map(|row| row.text(3).map(str::to_owned)).transpose()
}

pub(crate) fn find_latest_checkpoint(tx: &mut Tx<'_>) -> Result<Option<String>, Error> {
    let row = tx.query_opt("SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1", &[])?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// Notes of the checkpoints with `after < size <= to`, with their sizes, smallest first.
pub(crate) fn list_checkpoints(tx: &mut Tx<'_>, after: u64, to: u64) -> Result<Vec<(u64, String)>, Error> {
    let sql = "SELECT size, note FROM audit_checkpoints WHERE size > ?1 AND size <= ?2 ORDER BY size";
    let rows = tx.query(sql, &[stored(after), stored(to)])?;
    rows.iter().map(|row| Ok((u64::try_from(row.int(0)?).unwrap_or(0), row.text(1)?.to_owned()))).collect()
}

/// Who holds a lease: holder, epoch, end.
pub(crate) fn find_lease(tx: &mut Tx<'_>, name: &str) -> Result<Option<(String, i64, Timestamp)>, Error> {
    let row = tx.get(&LEASES, &[name.into()])?;
    row.map(|row| Ok((row.text(1)?.to_owned(), row.int(2)?, row.time(3)?))).transpose()
}

pub(crate) fn put_lease(
    tx: &mut Tx<'_>,
    name: &str,
    holder: &str,
    epoch: i64,
    expires_at: Timestamp,
) -> Result<(), Error> {
    tx.put(&LEASES, vec![name.into(), holder.into(), epoch.into(), expires_at.into()])
}
