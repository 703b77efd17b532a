//! SQL of links with which a buyer says that a change was not theirs.

use base::{BuyerId, Timestamp};
use store::{Error, Table, Tx, Value, int, text};

use super::{broken, named};

named! {
    /// What a buyer says of: "this was not me".
    pub enum Disputed {
        /// A payment PIN set anew without the old one.
        Pin = "pin",
        /// A contact changed for another one.
        Contact = "contact",
    }
}

static LINKS: Table =
    Table::new("dispute_links", &[text("token_hash")], &[text("buyer_id"), int("expires_ms"), text("about")]);

pub(crate) struct DisputeRow {
    pub(crate) token_hash: String,
    pub(crate) buyer: BuyerId,
    pub(crate) expires: Timestamp,
    pub(crate) about: Disputed,
}

pub(crate) fn find_dispute(tx: &mut Tx, token_hash: &str) -> Result<Option<DisputeRow>, Error> {
    let Some(row) = tx.get(&LINKS, &[token_hash.into()])? else { return Ok(None) };
    let bad = || broken("dispute_links");
    Ok(Some(DisputeRow {
        token_hash: row.text(0)?.to_owned(),
        buyer: BuyerId::from_short(row.text(1)?).ok_or_else(bad)?,
        expires: row.time(2)?,
        about: Disputed::from_name(row.text(3)?).ok_or_else(bad)?,
    }))
}

pub(crate) fn insert_dispute(tx: &mut Tx, row: DisputeRow) -> Result<(), Error> {
    let (buyer, about) = (row.buyer.short().into(), row.about.name().into());
    tx.insert(&LINKS, vec![row.token_hash.into(), buyer, row.expires.into(), about])
}

pub(crate) fn delete_dispute(tx: &mut Tx, token_hash: &str) -> Result<(), Error> {
    tx.delete(&LINKS, &[token_hash.into()])
}

pub(crate) fn list_disputes_of(tx: &mut Tx, buyer: BuyerId) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM dispute_links WHERE buyer_id = ?1";
    list(tx, sql, &[buyer.short().into()])
}

pub(crate) fn list_ended_disputes(
    tx: &mut Tx,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM dispute_links WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    list(tx, sql, &[before.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()])
}

fn list(tx: &mut Tx, sql: &str, params: &[Value]) -> Result<Vec<String>, Error> {
    tx.query(sql, params)?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}
