//! The tables of the web edge: answered idempotency keys and used signature nonces.

use base::Timestamp;
use store::{Migration, Table, Tx};

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
];

/// Deletes up to `rows_max` rows of `table` whose `expires_at` has passed; returns how many.
pub(crate) fn delete_expired(
    tx: &mut Tx,
    table: &'static Table,
    now: Timestamp,
    rows_max: i64,
) -> Result<u64, store::Error> {
    let name = table.name;
    let key = table.key.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "DELETE FROM {name} WHERE ({key}) IN \
         (SELECT {key} FROM {name} WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)"
    );
    tx.execute(&sql, &[now.into(), rows_max.into()])
}
