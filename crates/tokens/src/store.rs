//! All SQL of this domain, one file for each noun. Single queries, no decisions.

pub(crate) mod cards;
pub(crate) mod customers;
pub(crate) mod exports;
pub(crate) mod keyed;
pub(crate) mod openings;
pub(crate) mod payouts;
pub(crate) mod sealed;

use store::Migration;

/// This domain's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
    version: 900,
    name: "tokens: cards, customers, openings",
    sql: "
        CREATE TABLE card_tokens (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, brand TEXT NOT NULL, bin TEXT NOT NULL,
            last4 TEXT NOT NULL, digits BIGINT NOT NULL, expiry BIGINT NOT NULL, pan BLOB, holder BLOB,
            fingerprint BLOB, customer TEXT, single_use BIGINT NOT NULL, expires_ms BIGINT,
            created_ms BIGINT NOT NULL, ended_ms BIGINT, external BLOB,
            PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
        CREATE INDEX card_tokens_by_fingerprint ON card_tokens (shop_id, fingerprint);
        CREATE INDEX card_tokens_by_customer ON card_tokens (shop_id, customer) WHERE customer IS NOT NULL;
        CREATE INDEX card_tokens_ending ON card_tokens (expires_ms) WHERE expires_ms IS NOT NULL;
        CREATE TABLE customers (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, external BLOB, slots BIGINT NOT NULL,
            created_ms BIGINT NOT NULL, changed_ms BIGINT NOT NULL, erased_ms BIGINT,
            PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
        CREATE TABLE customer_values (
            shop_id TEXT NOT NULL, customer TEXT NOT NULL, slot BIGINT NOT NULL, kind TEXT NOT NULL,
            scheme TEXT NOT NULL, sealed BLOB NOT NULL, search BLOB, created_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, customer, slot)) WITHOUT ROWID;
        CREATE INDEX customer_values_by_search ON customer_values (shop_id, search) WHERE search IS NOT NULL;
        CREATE TABLE external_ids (
            shop_id TEXT NOT NULL, kind TEXT NOT NULL, search BLOB NOT NULL, id TEXT NOT NULL, content BLOB NOT NULL,
            PRIMARY KEY (shop_id, kind, search)) WITHOUT ROWID;
        CREATE TABLE openings (
            shop_id TEXT NOT NULL, subject TEXT NOT NULL, id TEXT NOT NULL, reader TEXT NOT NULL,
            purpose TEXT NOT NULL, opened TEXT NOT NULL, reason BLOB NOT NULL, created_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, subject, id)) WITHOUT ROWID;
        CREATE TABLE reading_habits (
            shop_id TEXT NOT NULL, reader TEXT NOT NULL, hour_ms BIGINT NOT NULL, hour_count BIGINT NOT NULL,
            day_ms BIGINT NOT NULL, day_count BIGINT NOT NULL, usual_milli BIGINT NOT NULL, days BIGINT NOT NULL,
            told_hour_ms BIGINT NOT NULL, told_day_ms BIGINT NOT NULL, refused_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, reader)) WITHOUT ROWID;
        CREATE TABLE opening_limits (
            shop_id TEXT NOT NULL PRIMARY KEY, person_hour BIGINT NOT NULL, key_hour BIGINT NOT NULL,
            shop_hour BIGINT NOT NULL, alert_hour BIGINT NOT NULL, alert_day BIGINT NOT NULL) WITHOUT ROWID;
        CREATE TABLE reading_alerts (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, reader TEXT NOT NULL, kind TEXT NOT NULL,
            openings BIGINT NOT NULL, threshold BIGINT NOT NULL, created_ms BIGINT NOT NULL,
            PRIMARY KEY (shop_id, id)) WITHOUT ROWID;",
    },
    Migration {
        version: 901,
        name: "tokens: sealed exports",
        sql: "
        CREATE TABLE exports (
            shop_id TEXT NOT NULL, id TEXT NOT NULL, what TEXT NOT NULL, recipient TEXT NOT NULL,
            purpose TEXT NOT NULL, reason BLOB NOT NULL, proposer TEXT NOT NULL, records BIGINT,
            created_ms BIGINT NOT NULL, taken_ms BIGINT,
            PRIMARY KEY (shop_id, id)) WITHOUT ROWID;",
    },
    Migration {
        version: 907,
        name: "tokens: payout accounts",
        sql: "
        CREATE TABLE payout_accounts (
            shop_id TEXT NOT NULL, slot TEXT NOT NULL, id TEXT NOT NULL, scheme TEXT NOT NULL, holder BLOB NOT NULL,
            number BLOB NOT NULL, bank BLOB, proposer TEXT NOT NULL, approval TEXT, created_ms BIGINT NOT NULL,
            effective_ms BIGINT,
            PRIMARY KEY (shop_id, slot)) WITHOUT ROWID;",
    },
    Migration {
        version: 908,
        name: "tokens: unusual days are told of apart",
        sql: "ALTER TABLE reading_habits ADD COLUMN told_unusual_ms BIGINT NOT NULL DEFAULT 0;",
    },
];
