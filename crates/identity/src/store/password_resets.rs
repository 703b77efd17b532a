//! SQL of links with which members set forgotten passwords anew.

use base::{MemberId, ShopId, Timestamp};
use store::{Error, Table, Tx, int, text};

use super::{broken, shop_at};

static RESETS: Table = Table::new(
    "password_resets",
    &[text("token_hash")],
    &[text("shop_id"), text("member_id"), int("expires_ms")],
);

/// Who is to get a link.
pub(crate) enum Asker {
    /// A member.
    Member(ShopId, MemberId),
    /// Nobody, by the index of the address that was named: its rows are written and replaced all the same.
    Nobody(String),
}

impl Asker {
    /// What rows are found by.
    pub(crate) fn subject(&self) -> &str {
        match self {
            Asker::Member(_, id) => id.short(),
            Asker::Nobody(index) => index,
        }
    }
}

/// A link.
pub(crate) struct ResetRow {
    pub(crate) token_hash: String,
    pub(crate) asker: Asker,
    pub(crate) expires: Timestamp,
}

pub(crate) fn find_reset(tx: &mut Tx, token_hash: &str) -> Result<Option<ResetRow>, Error> {
    let Some(row) = tx.get(&RESETS, &[token_hash.into()])? else { return Ok(None) };
    let subject = row.text(2)?;
    let asker = match row.opt_text(1)? {
        None => Asker::Nobody(subject.to_owned()),
        Some(_) => {
            let member = MemberId::from_short(subject).ok_or_else(|| broken("password_resets"))?;
            Asker::Member(shop_at(&row, 1, "password_resets")?, member)
        }
    };
    Ok(Some(ResetRow { token_hash: token_hash.to_owned(), asker, expires: row.time(3)? }))
}

pub(crate) fn insert_reset(tx: &mut Tx, row: ResetRow) -> Result<(), Error> {
    let shop = match &row.asker {
        Asker::Member(shop, _) => Some(shop.short().to_owned()),
        Asker::Nobody(_) => None,
    };
    let subject = row.asker.subject().into();
    tx.insert(&RESETS, vec![row.token_hash.into(), shop.into(), subject, row.expires.into()])
}

pub(crate) fn delete_reset(tx: &mut Tx, token_hash: &str) -> Result<(), Error> {
    tx.delete(&RESETS, &[token_hash.into()])
}

pub(crate) fn list_resets_of(tx: &mut Tx, subject: &str) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM password_resets WHERE member_id = ?1";
    tx.query(sql, &[subject.into()])?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

pub(crate) fn list_ended_resets(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM password_resets WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), limit.into()])?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}
