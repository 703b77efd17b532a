//! SQL of API keys.

use base::{ApiKeyId, MemberId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use super::{broken, named};
use crate::permissions::Role;

named! {
    /// Whether an API key works.
    pub enum KeyState {
        /// It does, until it expires.
        Active = "active",
        /// It was not confirmed in an access review. Can be restored.
        Suspended = "suspended",
        /// It was revoked, for good.
        Revoked = "revoked",
    }
}

static KEYS: Table = Table::new(
    "api_keys",
    &[text("shop_id"), text("id")],
    &[
        text("label"),
        blob("secret"),
        text("role"),
        text("state"),
        int("created_ms"),
        int("expires_ms"),
        int("ended_ms"),
        text("maker"),
        int("used_ms"),
        int("told_days"),
    ],
)
.kept();

pub(crate) struct KeyRow {
    pub(crate) id: ApiKeyId,
    pub(crate) label: String,
    pub(crate) secret: Vec<u8>,
    pub(crate) role: Role,
    pub(crate) state: KeyState,
    pub(crate) created: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    /// The member who made it.
    pub(crate) maker: Option<MemberId>,
    /// The last use, to the day.
    pub(crate) used: Option<Timestamp>,
    /// How many days before its end the shop was reminded last.
    pub(crate) told_days: Option<i64>,
}

/// The row of an API key, for [`store::Db::write_with`].
pub(crate) fn api_key_key(id: ApiKeyId) -> store::Key {
    store::Key::new(&KEYS, vec![id.shop().short().into(), id.short().into()])
}

pub(crate) fn find_key(tx: &mut Tx, id: ApiKeyId) -> Result<Option<KeyRow>, Error> {
    tx.get(&KEYS, &[id.shop().short().into(), id.short().into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn list_keys(tx: &mut Tx, shop: ShopId) -> Result<Vec<KeyRow>, Error> {
    let sql = "SELECT shop_id, id, label, secret, role, state, created_ms, expires_ms, ended_ms,
               maker, used_ms, told_days FROM api_keys WHERE shop_id = ?1 ORDER BY id DESC";
    tx.query(sql, &[shop.short().into()])?.iter().map(read).collect()
}

/// Keys in force that end by `end` at the latest and whose shop was not reminded of `days` before it, nor of fewer.
pub(crate) fn list_ending_keys(
    tx: &mut Tx,
    end: Timestamp,
    days: i64,
    limit: usize,
) -> Result<Vec<KeyRow>, Error> {
    let sql = "SELECT shop_id, id, label, secret, role, state, created_ms, expires_ms, ended_ms,
               maker, used_ms, told_days FROM api_keys
               WHERE expires_ms <= ?1 AND state = 'active' AND (told_days IS NULL OR told_days > ?2)
               ORDER BY expires_ms LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(sql, &[end.into(), Value::Int(days), Value::Int(limit)])?.iter().map(read).collect()
}

pub(crate) fn insert_key(tx: &mut Tx, row: KeyRow) -> Result<(), Error> {
    tx.insert(&KEYS, values(row))
}

pub(crate) fn update_key(tx: &mut Tx, row: KeyRow) -> Result<(), Error> {
    tx.put(&KEYS, values(row))
}

fn read(row: &Row) -> Result<KeyRow, Error> {
    let bad = || broken("api_keys");
    Ok(KeyRow {
        id: ApiKeyId::from_short(row.text(1)?).ok_or_else(bad)?,
        label: row.text(2)?.to_owned(),
        secret: row.blob(3)?.to_vec(),
        role: Role::from_name(row.text(4)?).ok_or_else(bad)?,
        state: KeyState::from_name(row.text(5)?).ok_or_else(bad)?,
        created: row.time(6)?,
        expires: row.opt_time(7)?,
        ended: row.opt_time(8)?,
        maker: row.opt_text(9)?.map(|short| MemberId::from_short(short).ok_or_else(bad)).transpose()?,
        used: row.opt_time(10)?,
        told_days: row.opt_int(11)?,
    })
}

fn values(row: KeyRow) -> Vec<Value> {
    vec![
        row.id.shop().short().into(),
        row.id.short().into(),
        row.label.into(),
        row.secret.into(),
        row.role.name().into(),
        row.state.name().into(),
        row.created.into(),
        row.expires.into(),
        row.ended.into(),
        row.maker.map(|id| id.short().to_owned()).into(),
        row.used.into(),
        row.told_days.into(),
    ]
}
