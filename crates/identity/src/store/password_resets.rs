//! SQL of links with which members set forgotten passwords anew.

use base::{MemberId, ShopId, Timestamp};
use store::{Error, Table, Tx, int, text};

use super::{broken, shop_at};

static RESETS: Table = Table::new(
    "password_resets",
    &[text("token_hash")],
    &[text("shop_id"), text("member_id"), int("expires_ms")],
);

/// A link. `member` is `None` for an address that belongs to nobody: its row is written all the same.
pub(crate) struct ResetRow {
    pub(crate) token_hash: String,
    pub(crate) member: Option<(ShopId, MemberId)>,
    pub(crate) expires: Timestamp,
}

pub(crate) fn find_reset(tx: &mut Tx, token_hash: &str) -> Result<Option<ResetRow>, Error> {
    let Some(row) = tx.get(&RESETS, &[token_hash.into()])? else { return Ok(None) };
    let member = match row.opt_text(2)? {
        None => None,
        Some(member) => {
            let member = MemberId::from_short(member).ok_or_else(|| broken("password_resets"))?;
            Some((shop_at(&row, 1, "password_resets")?, member))
        }
    };
    Ok(Some(ResetRow { token_hash: token_hash.to_owned(), member, expires: row.time(3)? }))
}

pub(crate) fn insert_reset(tx: &mut Tx, row: ResetRow) -> Result<(), Error> {
    let (shop, member) = row.member.unzip();
    let values = vec![
        row.token_hash.into(),
        shop.map(|shop| shop.short().to_owned()).into(),
        member.map(|member| member.short().to_owned()).into(),
        row.expires.into(),
    ];
    tx.insert(&RESETS, values)
}

pub(crate) fn delete_reset(tx: &mut Tx, token_hash: &str) -> Result<(), Error> {
    tx.delete(&RESETS, &[token_hash.into()])
}

pub(crate) fn list_resets_of(tx: &mut Tx, member: &str) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM password_resets WHERE member_id = ?1";
    tx.query(sql, &[member.into()])?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

pub(crate) fn list_ended_resets(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM password_resets WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), limit.into()])?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}
