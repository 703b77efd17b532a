//! SQL of owners' data keys.

use base::{ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use super::broken;

static DATA_KEYS: Table = Table::new(
    "vault_data_keys",
    &[text("shop_id"), text("owner")],
    &[
        int("version"),
        int("kek_version"),
        blob("wrapped"),
        int("created_ms"),
        int("destroyed_ms"),
        int("older"),
        int("sealed"),
    ],
);
static OLDER_KEYS: Table = Table::new(
    "vault_older_keys",
    &[text("shop_id"), text("owner"), int("version")],
    &[int("kek_version"), blob("wrapped"), int("created_ms")],
);

/// An owner's data key, wrapped by a key-encryption key. `wrapped` is `None` once it was destroyed; `older` says how
/// many earlier versions still open values, `sealed` how many values this version counts as sealed.
#[derive(Clone)]
pub(crate) struct DataKeyRow {
    pub(crate) version: i64,
    pub(crate) kek_version: i64,
    pub(crate) wrapped: Option<Vec<u8>>,
    pub(crate) created: Timestamp,
    pub(crate) destroyed: Option<Timestamp>,
    pub(crate) older: i64,
    pub(crate) sealed: i64,
}

/// A data key that was replaced and still opens what is not sealed anew yet.
#[derive(Clone)]
pub(crate) struct OlderKeyRow {
    pub(crate) shop: ShopId,
    pub(crate) owner: String,
    pub(crate) version: i64,
    pub(crate) kek_version: i64,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) created: Timestamp,
}

pub(crate) fn find_data_key(tx: &mut Tx, shop: ShopId, owner: &str) -> Result<Option<DataKeyRow>, Error> {
    let row = tx.get(&DATA_KEYS, &[shop.short().into(), owner.into()])?;
    row.map(|row| read(&row)).transpose()
}

pub(crate) fn insert_data_key(tx: &mut Tx, shop: ShopId, owner: &str, row: DataKeyRow) -> Result<(), Error> {
    tx.insert(&DATA_KEYS, values(shop, owner, row))
}

pub(crate) fn update_data_key(tx: &mut Tx, shop: ShopId, owner: &str, row: DataKeyRow) -> Result<(), Error> {
    tx.put(&DATA_KEYS, values(shop, owner, row))
}

/// Owners whose data key is wrapped by this key-encryption key, at most `limit`.
pub(crate) fn list_wrapped_by(
    tx: &mut Tx,
    kek_version: i64,
    limit: i64,
) -> Result<Vec<(ShopId, String)>, Error> {
    let sql = "SELECT shop_id, owner FROM vault_data_keys WHERE kek_version = ?1 LIMIT ?2";
    tx.query(sql, &[kek_version.into(), limit.into()])?.iter().map(read_owner).collect()
}

/// The first owner after this one whose data key was made before `before` and lives.
pub(crate) fn find_next_owner(
    tx: &mut Tx,
    after: (&str, &str),
    before: Timestamp,
) -> Result<Option<(ShopId, String)>, Error> {
    let sql = "SELECT shop_id, owner FROM vault_data_keys
               WHERE (shop_id, owner) > (?1, ?2) AND created_ms < ?3 AND kek_version > 0
               ORDER BY shop_id, owner LIMIT 1";
    let row = tx.query_opt(sql, &[after.0.into(), after.1.into(), before.into()])?;
    row.map(|row| read_owner(&row)).transpose()
}

/// How many live data keys there are and when the oldest was made: all, or those of one key-encryption key.
pub(crate) fn count_data_keys(
    tx: &mut Tx,
    kek_version: Option<i64>,
) -> Result<(i64, Option<Timestamp>), Error> {
    let all = "SELECT CAST(COUNT(*) AS BIGINT), MIN(created_ms) FROM vault_data_keys WHERE kek_version > 0";
    let some = "SELECT CAST(COUNT(*) AS BIGINT), MIN(created_ms) FROM vault_data_keys WHERE kek_version = ?1";
    let row = match kek_version {
        None => tx.query_opt(all, &[])?,
        Some(version) => tx.query_opt(some, &[version.into()])?,
    };
    row.map_or(Ok((0, None)), |row| Ok((row.int(0)?, row.opt_time(1)?)))
}

pub(crate) fn count_made_before(tx: &mut Tx, before: Timestamp) -> Result<i64, Error> {
    let sql =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM vault_data_keys WHERE kek_version > 0 AND created_ms < ?1";
    tx.query_opt(sql, &[before.into()])?.map_or(Ok(0), |row| row.int(0))
}

pub(crate) fn insert_older_key(tx: &mut Tx, row: OlderKeyRow) -> Result<(), Error> {
    tx.put(&OLDER_KEYS, older_values(row))
}

pub(crate) fn list_older_keys(tx: &mut Tx, shop: ShopId, owner: &str) -> Result<Vec<OlderKeyRow>, Error> {
    let sql = "SELECT shop_id, owner, version, kek_version, wrapped, created_ms FROM vault_older_keys
               WHERE shop_id = ?1 AND owner = ?2 ORDER BY version";
    tx.query(sql, &[shop.short().into(), owner.into()])?.iter().map(read_older).collect()
}

/// Earlier data keys that this key-encryption key wraps, at most `limit`.
pub(crate) fn list_older_wrapped_by(
    tx: &mut Tx,
    kek_version: i64,
    limit: i64,
) -> Result<Vec<OlderKeyRow>, Error> {
    let sql = "SELECT shop_id, owner, version, kek_version, wrapped, created_ms FROM vault_older_keys
               WHERE kek_version = ?1 LIMIT ?2";
    tx.query(sql, &[kek_version.into(), limit.into()])?.iter().map(read_older).collect()
}

pub(crate) fn count_older_keys(tx: &mut Tx, kek_version: Option<i64>) -> Result<i64, Error> {
    let row = match kek_version {
        None => tx.query_opt("SELECT CAST(COUNT(*) AS BIGINT) FROM vault_older_keys", &[])?,
        Some(version) => {
            let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM vault_older_keys WHERE kek_version = ?1";
            tx.query_opt(sql, &[version.into()])?
        }
    };
    row.map_or(Ok(0), |row| row.int(0))
}

pub(crate) fn delete_older_key(tx: &mut Tx, shop: ShopId, owner: &str, version: i64) -> Result<(), Error> {
    tx.delete(&OLDER_KEYS, &[shop.short().into(), owner.into(), Value::Int(version)])
}

fn read(row: &Row) -> Result<DataKeyRow, Error> {
    Ok(DataKeyRow {
        version: row.int(2)?,
        kek_version: row.int(3)?,
        wrapped: row.opt_blob(4)?.map(<[u8]>::to_vec),
        created: row.time(5)?,
        destroyed: row.opt_time(6)?,
        older: row.int(7)?,
        sealed: row.int(8)?,
    })
}

fn read_owner(row: &Row) -> Result<(ShopId, String), Error> {
    let shop = ShopId::from_short(row.text(0)?).ok_or_else(|| broken("vault_data_keys"))?;
    Ok((shop, row.text(1)?.to_owned()))
}

fn read_older(row: &Row) -> Result<OlderKeyRow, Error> {
    let (shop, owner) = read_owner(row)?;
    Ok(OlderKeyRow {
        shop,
        owner,
        version: row.int(2)?,
        kek_version: row.int(3)?,
        wrapped: row.blob(4)?.to_vec(),
        created: row.time(5)?,
    })
}

fn values(shop: ShopId, owner: &str, row: DataKeyRow) -> Vec<Value> {
    vec![
        shop.short().into(),
        owner.into(),
        row.version.into(),
        row.kek_version.into(),
        row.wrapped.into(),
        row.created.into(),
        row.destroyed.into(),
        row.older.into(),
        row.sealed.into(),
    ]
}

fn older_values(row: OlderKeyRow) -> Vec<Value> {
    vec![
        row.shop.short().into(),
        row.owner.into(),
        row.version.into(),
        row.kek_version.into(),
        row.wrapped.into(),
        row.created.into(),
    ]
}
