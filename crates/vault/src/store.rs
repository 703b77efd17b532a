//! All SQL of the vault: wrapped keys and sealed system secrets. No decisions.

use base::{ShopId, Timestamp};
use store::{Error, Migration, Row, Table, Tx, blob, int, text};

/// The vault's tables.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 200,
    name: "vault keys",
    sql: "
        CREATE TABLE vault_keks (
            purpose TEXT NOT NULL, version BIGINT NOT NULL,
            state TEXT NOT NULL, wrapped BLOB NOT NULL, created_ms BIGINT NOT NULL,
            PRIMARY KEY (purpose, version)
        );
        CREATE TABLE vault_data_keys (
            shop_id TEXT NOT NULL, owner TEXT NOT NULL,
            version BIGINT NOT NULL, kek_version BIGINT NOT NULL, wrapped BLOB,
            created_ms BIGINT NOT NULL, destroyed_ms BIGINT,
            PRIMARY KEY (shop_id, owner)
        );
        CREATE TABLE vault_secrets (
            name TEXT NOT NULL, sealed BLOB NOT NULL, created_ms BIGINT NOT NULL,
            PRIMARY KEY (name)
        );",
}];

static KEKS: Table = Table::new(
    "vault_keks",
    &[text("purpose"), int("version")],
    &[text("state"), blob("wrapped"), int("created_ms")],
);
static DATA_KEYS: Table = Table::new(
    "vault_data_keys",
    &[text("shop_id"), text("owner")],
    &[int("version"), int("kek_version"), blob("wrapped"), int("created_ms"), int("destroyed_ms")],
);
static SECRETS: Table = Table::new("vault_secrets", &[text("name")], &[blob("sealed"), int("created_ms")]);

/// A key that the root key wraps.
pub(crate) struct KekRow {
    pub(crate) purpose: String,
    pub(crate) version: i64,
    pub(crate) state: String,
    pub(crate) wrapped: Vec<u8>,
}

/// An owner's data key, wrapped by a key-encryption key. `wrapped` is `None` once it was destroyed.
pub(crate) struct DataKeyRow {
    pub(crate) version: i64,
    pub(crate) kek_version: i64,
    pub(crate) wrapped: Option<Vec<u8>>,
    pub(crate) created: Timestamp,
    pub(crate) destroyed: Option<Timestamp>,
}

pub(crate) fn list_keks(tx: &mut Tx) -> Result<Vec<KekRow>, Error> {
    let sql = "SELECT purpose, version, state, wrapped FROM vault_keks ORDER BY purpose, version";
    let read = |row: &Row| {
        Ok(KekRow {
            purpose: row.text(0)?.to_owned(),
            version: row.int(1)?,
            state: row.text(2)?.to_owned(),
            wrapped: row.blob(3)?.to_vec(),
        })
    };
    tx.query(sql, &[])?.iter().map(read).collect()
}

pub(crate) fn insert_kek(tx: &mut Tx, row: KekRow, now: Timestamp) -> Result<(), Error> {
    let values =
        vec![row.purpose.into(), row.version.into(), row.state.into(), row.wrapped.into(), now.into()];
    tx.insert(&KEKS, values)
}

pub(crate) fn find_data_key(tx: &mut Tx, shop: ShopId, owner: &str) -> Result<Option<DataKeyRow>, Error> {
    let Some(row) = tx.get(&DATA_KEYS, &[shop.short().into(), owner.into()])? else { return Ok(None) };
    Ok(Some(DataKeyRow {
        version: row.int(2)?,
        kek_version: row.int(3)?,
        wrapped: row.opt_blob(4)?.map(<[u8]>::to_vec),
        created: row.time(5)?,
        destroyed: row.opt_time(6)?,
    }))
}

pub(crate) fn insert_data_key(tx: &mut Tx, shop: ShopId, owner: &str, row: DataKeyRow) -> Result<(), Error> {
    tx.insert(&DATA_KEYS, data_key_values(shop, owner, row))
}

pub(crate) fn update_data_key(tx: &mut Tx, shop: ShopId, owner: &str, row: DataKeyRow) -> Result<(), Error> {
    tx.put(&DATA_KEYS, data_key_values(shop, owner, row))
}

fn data_key_values(shop: ShopId, owner: &str, row: DataKeyRow) -> Vec<store::Value> {
    vec![
        shop.short().into(),
        owner.into(),
        row.version.into(),
        row.kek_version.into(),
        row.wrapped.into(),
        row.created.into(),
        row.destroyed.into(),
    ]
}

pub(crate) fn find_secret(tx: &mut Tx, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let row = tx.get(&SECRETS, &[name.into()])?;
    row.map(|row| row.blob(1).map(<[u8]>::to_vec)).transpose()
}

pub(crate) fn insert_secret(tx: &mut Tx, name: &str, sealed: Vec<u8>, now: Timestamp) -> Result<(), Error> {
    tx.insert(&SECRETS, vec![name.into(), sealed.into(), now.into()])
}
