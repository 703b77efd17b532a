//! SQL of sessions.

use base::{BuyerId, MemberId, SessionId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, int, text};

use super::{broken, named, shop_at};
use crate::networks::Network;

named! {
    /// Whose session it is.
    pub(crate) enum SessionKind {
        /// A buyer's.
        Buyer = "buyer",
        /// A member's.
        Member = "member",
    }
}

static SESSIONS: Table = Table::new(
    "sessions",
    &[text("token_hash")],
    &[
        text("id"),
        text("kind"),
        text("shop_id"),
        text("subject_id"),
        text("device_id"),
        text("agent"),
        int("opened_ms"),
        int("used_ms"),
        int("expires_ms"),
        int("second_factor_ms"),
        text("network"),
        text("outside"),
    ],
)
.kept();

#[derive(Clone)]
pub(crate) struct SessionRow {
    pub(crate) token_hash: String,
    pub(crate) id: SessionId,
    pub(crate) kind: SessionKind,
    pub(crate) shop: ShopId,
    pub(crate) subject: String,
    pub(crate) device: Option<String>,
    pub(crate) agent: String,
    pub(crate) opened: Timestamp,
    pub(crate) used: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) second_factor: Option<Timestamp>,
    pub(crate) network: Option<Network>,
    /// The provider's session it was born from, as a hash; empty where the provider named none.
    pub(crate) outside: Option<String>,
}

impl SessionRow {
    /// The buyer or member, for the audit log.
    pub(crate) fn holder(&self) -> audit::Actor {
        let known = match self.kind {
            SessionKind::Buyer => BuyerId::from_short(&self.subject).map(audit::Actor::from),
            SessionKind::Member => MemberId::from_short(&self.subject).map(audit::Actor::from),
        };
        known.unwrap_or_else(audit::Actor::unknown)
    }
}

/// The row of a session, for [`store::Db::write_with`].
pub(crate) fn session_key(token_hash: &str) -> store::Key {
    store::Key::new(&SESSIONS, vec![token_hash.into()])
}

pub(crate) fn find_session(tx: &mut Tx, token_hash: &str) -> Result<Option<SessionRow>, Error> {
    tx.get(&SESSIONS, &[token_hash.into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn list_sessions(tx: &mut Tx, kind: SessionKind, subject: &str) -> Result<Vec<SessionRow>, Error> {
    let sql =
        "SELECT token_hash, id, kind, shop_id, subject_id, device_id, agent, opened_ms, used_ms, expires_ms,
               second_factor_ms, network, outside FROM sessions WHERE subject_id = ?1 AND kind = ?2 ORDER BY opened_ms DESC, id";
    tx.query(sql, &[subject.into(), kind.name().into()])?.iter().map(read).collect()
}

/// Sessions that were born from one of the provider's.
pub(crate) fn list_outside_sessions(tx: &mut Tx, outside: &str) -> Result<Vec<SessionRow>, Error> {
    let sql =
        "SELECT token_hash, id, kind, shop_id, subject_id, device_id, agent, opened_ms, used_ms, expires_ms,
               second_factor_ms, network, outside FROM sessions WHERE outside = ?1";
    tx.query(sql, &[outside.into()])?.iter().map(read).collect()
}

/// Sessions of a kind, whosever they are.
pub(crate) fn list_any_sessions(
    tx: &mut Tx,
    kind: SessionKind,
    limit: usize,
) -> Result<Vec<SessionRow>, Error> {
    let sql =
        "SELECT token_hash, id, kind, shop_id, subject_id, device_id, agent, opened_ms, used_ms, expires_ms,
               second_factor_ms, network, outside FROM sessions WHERE kind = ?1 LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(sql, &[kind.name().into(), Value::Int(limit)])?.iter().map(read).collect()
}

pub(crate) fn list_ended_sessions(
    tx: &mut Tx,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM sessions WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(crate) fn insert_session(tx: &mut Tx, row: SessionRow) -> Result<(), Error> {
    tx.insert(&SESSIONS, values(row))
}

pub(crate) fn update_session(tx: &mut Tx, row: SessionRow) -> Result<(), Error> {
    tx.put(&SESSIONS, values(row))
}

pub(crate) fn delete_session(tx: &mut Tx, token_hash: &str) -> Result<(), Error> {
    tx.delete(&SESSIONS, &[token_hash.into()])
}

fn read(row: &Row) -> Result<SessionRow, Error> {
    let bad = || broken("sessions");
    Ok(SessionRow {
        token_hash: row.text(0)?.to_owned(),
        id: SessionId::from_short(row.text(1)?).ok_or_else(bad)?,
        kind: SessionKind::from_name(row.text(2)?).ok_or_else(bad)?,
        shop: shop_at(row, 3, "sessions")?,
        subject: row.text(4)?.to_owned(),
        device: row.opt_text(5)?.map(str::to_owned),
        agent: row.text(6)?.to_owned(),
        opened: row.time(7)?,
        used: row.time(8)?,
        expires: row.time(9)?,
        second_factor: row.opt_time(10)?,
        network: row.opt_text(11)?.and_then(Network::of_origin),
        outside: row.opt_text(12)?.map(str::to_owned),
    })
}

fn values(row: SessionRow) -> Vec<Value> {
    vec![
        row.token_hash.into(),
        row.id.short().into(),
        row.kind.name().into(),
        row.shop.short().into(),
        row.subject.into(),
        row.device.into(),
        row.agent.into(),
        row.opened.into(),
        row.used.into(),
        row.expires.into(),
        row.second_factor.into(),
        row.network.map(|network| network.first().to_string()).into(),
        row.outside.into(),
    ]
}
