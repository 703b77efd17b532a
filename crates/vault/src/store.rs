//! All SQL of the vault: wrapped keys, sealed system secrets, rotations. No decisions.

pub(crate) mod data_keys;
pub(crate) mod keks;
pub(crate) mod rotations;
pub(crate) mod seeds;

use store::{Error, Migration, Table, Tx, blob, int, text};

use base::Timestamp;

/// The vault's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
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
    },
    Migration {
        version: 210,
        name: "vault: named root keys, key states, rotations",
        // A destroyed data key is wrapped by no key: its version 0 keeps it out of what is left to wrap anew.
        sql: "
        ALTER TABLE vault_keks ADD COLUMN root TEXT NOT NULL DEFAULT '';
        ALTER TABLE vault_keks ADD COLUMN retired_ms BIGINT;
        ALTER TABLE vault_keks ADD COLUMN destroyed_ms BIGINT;
        ALTER TABLE vault_data_keys ADD COLUMN older BIGINT NOT NULL DEFAULT 0;
        UPDATE vault_data_keys SET kek_version = 0 WHERE wrapped IS NULL;
        CREATE INDEX vault_data_keys_by_kek ON vault_data_keys (kek_version);
        CREATE TABLE vault_roots (
            version BIGINT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
            created_ms BIGINT NOT NULL, retired_ms BIGINT, destroyed_ms BIGINT,
            PRIMARY KEY (version)
        );
        CREATE TABLE vault_older_keys (
            shop_id TEXT NOT NULL, owner TEXT NOT NULL, version BIGINT NOT NULL,
            kek_version BIGINT NOT NULL, wrapped BLOB NOT NULL, created_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, owner, version)
        );
        CREATE INDEX vault_older_keys_by_kek ON vault_older_keys (kek_version);
        CREATE TABLE vault_rotations (
            id BIGINT NOT NULL, level TEXT NOT NULL, from_version BIGINT NOT NULL, to_version BIGINT NOT NULL,
            state TEXT NOT NULL, done BIGINT NOT NULL, total BIGINT NOT NULL, place TEXT NOT NULL, problem TEXT,
            started_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL, ended_ms BIGINT,
            PRIMARY KEY (id)
        );",
    },
    Migration {
        version: 220,
        name: "vault: what hangs from a replaced seed",
        sql: "
        CREATE TABLE vault_seed_uses (
            version BIGINT NOT NULL, name TEXT NOT NULL, uses BIGINT NOT NULL, counted_ms BIGINT NOT NULL,
            PRIMARY KEY (version, name)
        );",
    },
    Migration {
        version: 230,
        name: "vault: how many values a data key has sealed",
        sql: "ALTER TABLE vault_data_keys ADD COLUMN sealed BIGINT NOT NULL DEFAULT 0;",
    },
];

static SECRETS: Table = Table::new("vault_secrets", &[text("name")], &[blob("sealed"), int("created_ms")]);

/// An enum that is stored by name.
macro_rules! named {
    ($(#[$doc:meta])* $vis:vis enum $type:ident { $($(#[$variant_doc:meta])* $name:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $type { $($(#[$variant_doc])* $name),* }

        impl $type {
            /// Its name in the database and the API.
            pub const fn name(self) -> &'static str {
                match self { $($type::$name => $text),* }
            }

            /// Reads its name.
            pub fn from_name(name: &str) -> Option<$type> {
                match name { $($text => Some($type::$name),)* _ => None }
            }
        }
    };
}
pub(crate) use named;

/// A row that cannot be read is our own mistake, or somebody edited the database.
fn broken(table: &str) -> Error {
    Error::Bug(format!("a row of `{table}` cannot be read"))
}

pub(crate) fn find_secret(tx: &mut Tx, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let row = tx.get(&SECRETS, &[name.into()])?;
    row.map(|row| row.blob(1).map(<[u8]>::to_vec)).transpose()
}

pub(crate) fn insert_secret(tx: &mut Tx, name: &str, sealed: Vec<u8>, now: Timestamp) -> Result<(), Error> {
    tx.insert(&SECRETS, vec![name.into(), sealed.into(), now.into()])
}

/// Names and sealed bytes of up to `limit` secrets after `after`.
pub(crate) fn list_secrets(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let sql = "SELECT name, sealed FROM vault_secrets WHERE name > ?1 ORDER BY name LIMIT ?2";
    let rows = tx.query(sql, &[after.into(), limit.into()])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.blob(1)?.to_vec()))).collect()
}

pub(crate) fn update_secret(tx: &mut Tx, name: &str, sealed: Vec<u8>) -> Result<(), Error> {
    if let Some(row) = tx.get(&SECRETS, &[name.into()])? {
        tx.put(&SECRETS, vec![name.into(), sealed.into(), row.time(2)?.into()])?;
    }
    Ok(())
}
