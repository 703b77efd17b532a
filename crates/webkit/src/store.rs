//! The tables of the web edge: answered idempotency keys and used signature nonces.

use base::Timestamp;
use store::{Db, Migration, Table};

/// Migrations of this crate, versions 700 to 799.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 700,
        name: "idempotency keys and signature nonces",
        sql: "
        CREATE TABLE idempotency_keys (
            shop_id TEXT NOT NULL,
            caller TEXT NOT NULL,
            endpoint TEXT NOT NULL,
            key TEXT NOT NULL,
            fingerprint BLOB NOT NULL,
            status BIGINT NOT NULL,
            body BLOB NOT NULL,
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            PRIMARY KEY (shop_id, caller, endpoint, key)
        );
        CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
        CREATE TABLE signature_nonces (
            shop_id TEXT NOT NULL,
            key_id TEXT NOT NULL,
            nonce TEXT NOT NULL,
            expires_at BIGINT NOT NULL,
            PRIMARY KEY (shop_id, key_id, nonce)
        );
        CREATE INDEX signature_nonces_expiry ON signature_nonces (expires_at);
    ",
    },
    Migration {
        version: 701,
        name: "idempotency keys and signature nonces are kept by their keys alone",
        sql: "
        CREATE TABLE idempotency_keys_by_key (
            shop_id TEXT NOT NULL,
            caller TEXT NOT NULL,
            endpoint TEXT NOT NULL,
            key TEXT NOT NULL,
            fingerprint BLOB NOT NULL,
            status BIGINT NOT NULL,
            body BLOB NOT NULL,
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            PRIMARY KEY (shop_id, caller, endpoint, key)
        ) WITHOUT ROWID;
        INSERT INTO idempotency_keys_by_key SELECT * FROM idempotency_keys;
        DROP TABLE idempotency_keys;
        ALTER TABLE idempotency_keys_by_key RENAME TO idempotency_keys;
        CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
        CREATE TABLE signature_nonces_by_key (
            shop_id TEXT NOT NULL,
            key_id TEXT NOT NULL,
            nonce TEXT NOT NULL,
            expires_at BIGINT NOT NULL,
            PRIMARY KEY (shop_id, key_id, nonce)
        ) WITHOUT ROWID;
        INSERT INTO signature_nonces_by_key SELECT * FROM signature_nonces;
        DROP TABLE signature_nonces;
        ALTER TABLE signature_nonces_by_key RENAME TO signature_nonces;
        CREATE INDEX signature_nonces_expiry ON signature_nonces (expires_at);
    ",
    },
    Migration {
        version: 702,
        name: "stored answers lie apart from their keys",
        sql: "
        CREATE TABLE idempotency_answers (
            shop_id TEXT NOT NULL,
            caller TEXT NOT NULL,
            endpoint TEXT NOT NULL,
            key TEXT NOT NULL,
            fingerprint BLOB NOT NULL,
            status BIGINT NOT NULL,
            body BLOB NOT NULL,
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            PRIMARY KEY (shop_id, caller, endpoint, key)
        );
        INSERT INTO idempotency_answers SELECT * FROM idempotency_keys;
        DROP TABLE idempotency_keys;
        ALTER TABLE idempotency_answers RENAME TO idempotency_keys;
        CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
    ",
    },
];

/// Deletes up to `rows_max` rows of `table`, whose last column is `expires_at`, that have passed it; returns how many. They
/// are looked for by a read and deleted by key, so that nobody waits for the search.
pub(crate) fn delete_expired(
    db: &Db,
    table: &'static Table,
    now: Timestamp,
    rows_max: i64,
) -> Result<u64, store::Error> {
    let (name, width) = (table.name, table.key.len());
    let columns = table.key.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT {columns} FROM {name} WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2");
    let found = db.read_blocking(|tx| tx.query(&sql, &[now.into(), rows_max.into()]))?;
    if found.is_empty() {
        return Ok(0);
    }
    db.write_blocking(move |tx| {
        let mut gone = 0;
        for key in found.iter().filter_map(|row| row.values().get(..width)) {
            // It may have been taken anew since it was found.
            let row = tx.get(table, key)?;
            if row.is_some_and(|row| row.time(table.width() - 1).is_ok_and(|ends| ends <= now)) {
                tx.delete(table, key)?;
                gone += 1;
            }
        }
        Ok(gone)
    })
}
