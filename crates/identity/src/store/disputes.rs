//! SQL of links with which a person says that a change was not theirs.

use base::{BuyerId, MemberId, Timestamp};
use store::{Error, Table, Tx, Value, blob, int, text};

use super::{broken, named};
use crate::person::Person;

named! {
    /// What a person says of: "this was not me".
    pub enum Disputed {
        /// A payment PIN set anew without the old one.
        Pin = "pin",
        /// A buyer's contact changed for another one.
        Contact = "contact",
        /// A member's address changed for another one.
        Address = "address",
    }
}

static LINKS: Table = Table::new(
    "dispute_links",
    &[text("token_hash")],
    &[text("buyer_id"), int("expires_ms"), text("about"), blob("old_address")],
);

pub(crate) struct DisputeRow {
    pub(crate) token_hash: String,
    /// Whose account it is; a member where it is about an address, else a buyer.
    pub(crate) person: Person,
    pub(crate) expires: Timestamp,
    pub(crate) about: Disputed,
    /// A member's address up to then, sealed.
    pub(crate) old_address: Option<Vec<u8>>,
}

pub(crate) fn find_dispute(tx: &mut Tx, token_hash: &str) -> Result<Option<DisputeRow>, Error> {
    let Some(row) = tx.get(&LINKS, &[token_hash.into()])? else { return Ok(None) };
    let bad = || broken("dispute_links");
    let (id, about) = (row.text(1)?, Disputed::from_name(row.text(3)?).ok_or_else(bad)?);
    let person = match about {
        Disputed::Pin | Disputed::Contact => BuyerId::from_short(id).map(Person::Buyer),
        Disputed::Address => MemberId::from_short(id).map(Person::Member),
    };
    Ok(Some(DisputeRow {
        token_hash: row.text(0)?.to_owned(),
        person: person.ok_or_else(bad)?,
        expires: row.time(2)?,
        about,
        old_address: row.opt_blob(4)?.map(<[u8]>::to_vec),
    }))
}

pub(crate) fn insert_dispute(tx: &mut Tx, row: DisputeRow) -> Result<(), Error> {
    tx.insert(&LINKS, values(row))
}

pub(crate) fn update_dispute(tx: &mut Tx, row: DisputeRow) -> Result<(), Error> {
    tx.put(&LINKS, values(row))
}

fn values(row: DisputeRow) -> Vec<Value> {
    let (person, about) = (row.person.short().into(), row.about.name().into());
    vec![row.token_hash.into(), person, row.expires.into(), about, row.old_address.into()]
}

pub(crate) fn delete_dispute(tx: &mut Tx, token_hash: &str) -> Result<(), Error> {
    tx.delete(&LINKS, &[token_hash.into()])
}

pub(crate) fn list_disputes_of(tx: &mut Tx, person: Person) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM dispute_links WHERE buyer_id = ?1";
    list(tx, sql, &[person.short().into()])
}

/// The links of a person that end at `expires` or later: that one and the younger ones, since all live as long.
pub(crate) fn list_disputes_since(
    tx: &mut Tx,
    person: Person,
    expires: Timestamp,
) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM dispute_links WHERE buyer_id = ?1 AND expires_ms >= ?2";
    list(tx, sql, &[person.short().into(), expires.into()])
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

/// The sealed addresses of a member's links, by the rows of the table.
pub(crate) fn list_old_addresses(
    tx: &mut Tx,
    person: Person,
    after: &str,
    limit: i64,
) -> Result<Vec<vault::SealedValue>, Error> {
    let sql = "SELECT token_hash, old_address FROM dispute_links
               WHERE buyer_id = ?1 AND token_hash > ?2 AND old_address IS NOT NULL ORDER BY token_hash LIMIT ?3";
    let rows = tx.query(sql, &[person.short().into(), after.into(), limit.into()])?;
    let read = rows
        .iter()
        .map(|row| Ok(vault::SealedValue { row: row.text(0)?.to_owned(), sealed: row.blob(1)?.to_vec() }));
    read.collect()
}

/// Keeps an address that was sealed anew.
pub(crate) fn update_old_address(tx: &mut Tx, token_hash: &str, sealed: Vec<u8>) -> Result<(), Error> {
    let Some(row) = find_dispute(tx, token_hash)? else { return Ok(()) };
    update_dispute(tx, DisputeRow { old_address: Some(sealed), ..row })
}
