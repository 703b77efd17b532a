//! SQL of sign-ins at the operator's provider.

use base::{MemberId, ScopedId, Timestamp};
use store::{Error, Table, Tx, Value, int, text};

use super::broken;

static ATTEMPTS: Table =
    Table::new("outside_attempts", &[text("state_hash")], &[text("next"), int("expires_ms")]);
static BINDINGS: Table = Table::new(
    "outside_bindings",
    &[text("subject")],
    &[text("issuer"), text("shop_id"), text("member_id"), int("created_ms")],
);

/// A sign-in on its way.
pub(crate) struct AttemptRow {
    pub(crate) state_hash: String,
    pub(crate) next: String,
    pub(crate) expires: Timestamp,
}

/// Somebody of the provider who is a member here.
#[derive(Clone)]
pub(crate) struct BindingRow {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) member: MemberId,
    pub(crate) created: Timestamp,
}

pub(crate) fn find_attempt(tx: &mut Tx, state_hash: &str) -> Result<Option<AttemptRow>, Error> {
    let Some(row) = tx.get(&ATTEMPTS, &[state_hash.into()])? else { return Ok(None) };
    let next = row.text(1)?.to_owned();
    Ok(Some(AttemptRow { state_hash: state_hash.to_owned(), next, expires: row.time(2)? }))
}

pub(crate) fn insert_attempt(tx: &mut Tx, row: AttemptRow) -> Result<(), Error> {
    tx.insert(&ATTEMPTS, vec![row.state_hash.into(), row.next.into(), row.expires.into()])
}

pub(crate) fn delete_attempt(tx: &mut Tx, state_hash: &str) -> Result<(), Error> {
    tx.delete(&ATTEMPTS, &[state_hash.into()])
}

pub(crate) fn list_ended_attempts(
    tx: &mut Tx,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let sql = "SELECT state_hash FROM outside_attempts WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    found.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

pub(crate) fn find_binding(tx: &mut Tx, subject: &str) -> Result<Option<BindingRow>, Error> {
    let Some(row) = tx.get(&BINDINGS, &[subject.into()])? else { return Ok(None) };
    let member = MemberId::from_short(row.text(3)?).ok_or_else(|| broken("outside_bindings"))?;
    let (subject, issuer) = (subject.to_owned(), row.text(1)?.to_owned());
    Ok(Some(BindingRow { subject, issuer, member, created: row.time(4)? }))
}

pub(crate) fn is_bound(tx: &mut Tx, member: MemberId, issuer: &str) -> Result<bool, Error> {
    let sql =
        "SELECT subject FROM outside_bindings WHERE shop_id = ?1 AND member_id = ?2 AND issuer = ?3 LIMIT 1";
    Ok(!tx.query(sql, &[member.shop().short().into(), member.short().into(), issuer.into()])?.is_empty())
}

pub(crate) fn delete_binding(tx: &mut Tx, subject: &str) -> Result<(), Error> {
    tx.delete(&BINDINGS, &[subject.into()])
}

pub(crate) fn insert_binding(tx: &mut Tx, row: BindingRow) -> Result<(), Error> {
    let (shop, member) = (row.member.shop(), row.member);
    let values = vec![
        row.subject.into(),
        row.issuer.into(),
        shop.short().into(),
        member.short().into(),
        row.created.into(),
    ];
    tx.insert(&BINDINGS, values)
}
