//! SQL of root keys and of the keys they wrap.

use base::Timestamp;
use store::{Error, Row, Table, Tx, blob, int, text};

use super::{broken, named};

named! {
    /// What a key may still do.
    pub enum KeyState {
        /// Made, and not used before every node has it.
        Coming = "coming",
        /// In use.
        Active = "active",
        /// Opens what it sealed and seals nothing new.
        Retired = "retired",
        /// Gone for good.
        Destroyed = "destroyed",
    }
}

static KEKS: Table = Table::new(
    "vault_keks",
    &[text("purpose"), int("version")],
    &[
        text("state"),
        blob("wrapped"),
        int("created_ms"),
        text("root"),
        int("retired_ms"),
        int("destroyed_ms"),
    ],
);
static ROOTS: Table = Table::new(
    "vault_roots",
    &[int("version")],
    &[text("name"), text("kind"), text("state"), int("created_ms"), int("retired_ms"), int("destroyed_ms")],
);

/// A key that a root key wraps. `wrapped` is empty once it was destroyed.
#[derive(Clone)]
pub(crate) struct KekRow {
    pub(crate) purpose: String,
    pub(crate) version: i64,
    pub(crate) state: KeyState,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) created: Timestamp,
    pub(crate) root: String,
    pub(crate) retired: Option<Timestamp>,
    pub(crate) destroyed: Option<Timestamp>,
}

/// A root key by name; the key itself is in its source.
#[derive(Clone)]
pub(crate) struct RootRow {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) state: KeyState,
    pub(crate) created: Timestamp,
    pub(crate) retired: Option<Timestamp>,
    pub(crate) destroyed: Option<Timestamp>,
}

pub(crate) fn list_keks(tx: &mut Tx) -> Result<Vec<KekRow>, Error> {
    let sql = "SELECT purpose, version, state, wrapped, created_ms, root, retired_ms, destroyed_ms
               FROM vault_keks ORDER BY purpose, version";
    tx.query(sql, &[])?.iter().map(read_kek).collect()
}

pub(crate) fn find_kek(tx: &mut Tx, purpose: &str, version: i64) -> Result<Option<KekRow>, Error> {
    tx.get(&KEKS, &[purpose.into(), version.into()])?.map(|row| read_kek(&row)).transpose()
}

pub(crate) fn insert_kek(tx: &mut Tx, row: KekRow) -> Result<(), Error> {
    tx.insert(&KEKS, kek_values(row))
}

pub(crate) fn update_kek(tx: &mut Tx, row: KekRow) -> Result<(), Error> {
    tx.put(&KEKS, kek_values(row))
}

pub(crate) fn list_roots(tx: &mut Tx) -> Result<Vec<RootRow>, Error> {
    let sql = "SELECT version, name, kind, state, created_ms, retired_ms, destroyed_ms FROM vault_roots ORDER BY version";
    let read = |row: &Row| {
        Ok(RootRow {
            version: row.int(0)?,
            name: row.text(1)?.to_owned(),
            kind: row.text(2)?.to_owned(),
            state: KeyState::from_name(row.text(3)?).ok_or_else(|| broken("vault_roots"))?,
            created: row.time(4)?,
            retired: row.opt_time(5)?,
            destroyed: row.opt_time(6)?,
        })
    };
    tx.query(sql, &[])?.iter().map(read).collect()
}

pub(crate) fn put_root(tx: &mut Tx, row: RootRow) -> Result<(), Error> {
    let values = vec![
        row.version.into(),
        row.name.into(),
        row.kind.into(),
        row.state.name().into(),
        row.created.into(),
        row.retired.into(),
        row.destroyed.into(),
    ];
    tx.put(&ROOTS, values)
}

fn read_kek(row: &Row) -> Result<KekRow, Error> {
    Ok(KekRow {
        purpose: row.text(0)?.to_owned(),
        version: row.int(1)?,
        state: KeyState::from_name(row.text(2)?).ok_or_else(|| broken("vault_keks"))?,
        wrapped: row.blob(3)?.to_vec(),
        created: row.time(4)?,
        root: row.text(5)?.to_owned(),
        retired: row.opt_time(6)?,
        destroyed: row.opt_time(7)?,
    })
}

fn kek_values(row: KekRow) -> Vec<store::Value> {
    vec![
        row.purpose.into(),
        row.version.into(),
        row.state.name().into(),
        row.wrapped.into(),
        row.created.into(),
        row.root.into(),
        row.retired.into(),
        row.destroyed.into(),
    ]
}
