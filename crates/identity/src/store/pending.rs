//! SQL of sign-ins that wait for their second step.

use base::{BuyerId, MemberId, Timestamp};
use store::{Error, Table, Tx, Value, int, text};

use super::broken;
use super::sessions::SessionKind;
use crate::person::Person;
use crate::sessions::Outside;

static PENDING: Table = Table::new(
    "pending_sign_ins",
    &[text("token_hash")],
    &[
        text("kind"),
        text("shop_id"),
        text("subject"),
        int("tries"),
        int("expires_ms"),
        text("outside"),
        int("outside_ms"),
    ],
);

pub(crate) struct PendingRow {
    pub(crate) token_hash: String,
    pub(crate) person: Person,
    pub(crate) tries: i64,
    pub(crate) expires: Timestamp,
    /// The provider's session where the first step was taken there.
    pub(crate) outside: Option<Outside>,
}

pub(crate) fn find_pending(tx: &mut Tx, token_hash: &str) -> Result<Option<PendingRow>, Error> {
    let Some(row) = tx.get(&PENDING, &[token_hash.into()])? else { return Ok(None) };
    let subject = row.text(3)?;
    let person = match SessionKind::from_name(row.text(1)?) {
        Some(SessionKind::Buyer) => BuyerId::from_short(subject).map(Person::Buyer),
        Some(SessionKind::Member) => MemberId::from_short(subject).map(Person::Member),
        None => None,
    };
    let person = person.ok_or_else(|| broken("pending_sign_ins"))?;
    let (token_hash, authenticated) = (token_hash.to_owned(), row.opt_time(7)?);
    let outside = row.opt_text(6)?.map(|session| Outside { session: session.to_owned(), authenticated });
    Ok(Some(PendingRow { token_hash, person, tries: row.int(4)?, expires: row.time(5)?, outside }))
}

pub(crate) fn insert_pending(tx: &mut Tx, row: PendingRow) -> Result<(), Error> {
    tx.insert(&PENDING, values(row))
}

pub(crate) fn update_pending(tx: &mut Tx, row: PendingRow) -> Result<(), Error> {
    tx.put(&PENDING, values(row))
}

pub(crate) fn delete_pending(tx: &mut Tx, token_hash: &str) -> Result<(), Error> {
    tx.delete(&PENDING, &[token_hash.into()])
}

pub(crate) fn list_ended_pending(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM pending_sign_ins WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(crate) fn list_pending_of(tx: &mut Tx, person: Person) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM pending_sign_ins WHERE shop_id = ?1 AND subject = ?2";
    let rows = tx.query(sql, &[person.shop().short().into(), person.short().into()])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(crate) fn list_pending_outside(tx: &mut Tx, outside: &str) -> Result<Vec<String>, Error> {
    let rows = tx.query("SELECT token_hash FROM pending_sign_ins WHERE outside = ?1", &[outside.into()])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

fn values(row: PendingRow) -> Vec<Value> {
    let (outside, authenticated) =
        row.outside.map_or((None, None), |outside| (Some(outside.session), outside.authenticated));
    let kind = match row.person {
        Person::Buyer(_) => SessionKind::Buyer,
        Person::Member(_) => SessionKind::Member,
    };
    vec![
        row.token_hash.into(),
        kind.name().into(),
        row.person.shop().short().into(),
        row.person.short().into(),
        row.tries.into(),
        row.expires.into(),
        outside.into(),
        authenticated.into(),
    ]
}
