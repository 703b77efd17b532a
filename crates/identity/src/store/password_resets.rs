//! SQL of links with which members set forgotten passwords anew.

use base::{MemberId, ShopId, Timestamp};
use store::{Error, Table, Tx, int, text};

use super::{broken, shop_at};

static RESETS: Table = Table::new(
    "password_resets",
    &[text("token_hash")],
    &[text("shop_id"), text("member_id"), int("expires_ms")],
);
static REQUESTS: Table = Table::new(
    "password_reset_requests",
    &[text("id")],
    &[text("email_indexes"), text("public_url"), int("created_ms")],
);

/// A link.
pub(crate) struct ResetRow {
    pub(crate) token_hash: String,
    pub(crate) shop: ShopId,
    pub(crate) member: MemberId,
    pub(crate) expires: Timestamp,
}

/// Somebody, known or not, who asked for a link and waits.
pub(crate) struct RequestRow {
    pub(crate) id: String,
    /// What the address that was named may be found by.
    pub(crate) indexes: Vec<String>,
    /// What the link is to start with.
    pub(crate) public_url: String,
    pub(crate) created: Timestamp,
}

pub(crate) fn count_requests(tx: &mut Tx, most: i64) -> Result<i64, Error> {
    let sql =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT id FROM password_reset_requests LIMIT ?1) AS waiting";
    tx.query_opt(sql, &[most.into()])?.map_or(Ok(0), |row| row.int(0))
}

pub(crate) fn insert_request(tx: &mut Tx, row: RequestRow) -> Result<(), Error> {
    let indexes = row.indexes.join(" ");
    tx.insert(&REQUESTS, vec![row.id.into(), indexes.into(), row.public_url.into(), row.created.into()])
}

pub(crate) fn delete_request(tx: &mut Tx, id: &str) -> Result<(), Error> {
    tx.delete(&REQUESTS, &[id.into()])
}

pub(crate) fn list_requests(tx: &mut Tx, limit: usize) -> Result<Vec<RequestRow>, Error> {
    let sql =
        "SELECT id, email_indexes, public_url, created_ms FROM password_reset_requests ORDER BY id LIMIT ?1";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[limit.into()])?;
    let read = rows.iter().map(|row| {
        Ok(RequestRow {
            id: row.text(0)?.to_owned(),
            indexes: row.text(1)?.split(' ').map(str::to_owned).collect(),
            public_url: row.text(2)?.to_owned(),
            created: row.time(3)?,
        })
    });
    read.collect()
}

/// A link; `None` also for one that an earlier version kept for nobody.
pub(crate) fn find_reset(tx: &mut Tx, token_hash: &str) -> Result<Option<ResetRow>, Error> {
    let Some(row) = tx.get(&RESETS, &[token_hash.into()])? else { return Ok(None) };
    if row.opt_text(1)?.is_none() {
        return Ok(None);
    }
    let member = MemberId::from_short(row.text(2)?).ok_or_else(|| broken("password_resets"))?;
    let (token_hash, shop) = (token_hash.to_owned(), shop_at(&row, 1, "password_resets")?);
    Ok(Some(ResetRow { token_hash, shop, member, expires: row.time(3)? }))
}

pub(crate) fn insert_reset(tx: &mut Tx, row: ResetRow) -> Result<(), Error> {
    let (shop, member) = (row.shop.short(), row.member.short());
    tx.insert(&RESETS, vec![row.token_hash.into(), shop.into(), member.into(), row.expires.into()])
}

pub(crate) fn delete_reset(tx: &mut Tx, token_hash: &str) -> Result<(), Error> {
    tx.delete(&RESETS, &[token_hash.into()])
}

pub(crate) fn list_resets_of(tx: &mut Tx, member: MemberId) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM password_resets WHERE member_id = ?1";
    tx.query(sql, &[member.short().into()])?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

pub(crate) fn list_ended_resets(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM password_resets WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), limit.into()])?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}
