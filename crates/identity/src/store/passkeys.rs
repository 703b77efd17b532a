//! SQL of passkeys: whose credential id it is, what authenticators know a person by, and challenges that wait.

use base::{FactorId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use super::{broken, named, shop_at};
use crate::person::Person;

named! {
    /// What a challenge was given out for.
    pub(crate) enum Purpose {
        /// Adding a passkey.
        Register = "register",
        /// Signing in, by whoever it is.
        SignIn = "sign_in",
        /// Showing a second factor in an open session.
        StepUp = "step_up",
        /// Confirming a payment.
        Pay = "pay",
    }
}

named! {
    /// Who owns a passkey.
    pub(crate) enum OwnerKind {
        Buyer = "buyer",
        Member = "member",
    }
}

static IDS: Table = Table::new(
    "passkey_ids",
    &[text("id_hash")],
    &[text("shop_id"), text("subject"), text("kind"), text("factor_id")],
);
static HANDLES: Table = Table::new("passkey_handles", &[text("shop_id"), text("subject")], &[blob("handle")]);
static CHALLENGES: Table = Table::new(
    "passkey_challenges",
    &[text("challenge_hash")],
    &[text("purpose"), text("holder"), int("expires_ms")],
);

/// Whose credential it is.
#[derive(Clone, Copy)]
pub(crate) struct OwnerRow {
    pub(crate) person: Person,
    pub(crate) factor: FactorId,
}

/// A challenge that was given out.
pub(crate) struct ChallengeRow {
    pub(crate) purpose: Purpose,
    pub(crate) holder: String,
    pub(crate) expires: Timestamp,
}

pub(crate) fn find_owner(tx: &mut Tx, id_hash: &str) -> Result<Option<OwnerRow>, Error> {
    tx.get(&IDS, &[id_hash.into()])?.map(|row| read_owner(&row)).transpose()
}

pub(crate) fn update_owner(tx: &mut Tx, id_hash: &str, owner: OwnerRow) -> Result<(), Error> {
    let kind = match owner.person {
        Person::Buyer(_) => OwnerKind::Buyer,
        Person::Member(_) => OwnerKind::Member,
    };
    let (shop, subject) = (owner.person.shop(), owner.person.short());
    tx.put(
        &IDS,
        vec![
            id_hash.into(),
            shop.short().into(),
            subject.into(),
            kind.name().into(),
            owner.factor.short().into(),
        ],
    )
}

/// The hashes of a person's credential ids, each with its factor.
pub(crate) fn list_ids(tx: &mut Tx, shop: ShopId, subject: &str) -> Result<Vec<(String, FactorId)>, Error> {
    let sql =
        "SELECT id_hash, factor_id FROM passkey_ids WHERE shop_id = ?1 AND subject = ?2 ORDER BY id_hash";
    let rows = tx.query(sql, &[shop.short().into(), subject.into()])?;
    let read = |row: &Row| {
        let factor = FactorId::from_short(row.text(1)?).ok_or_else(|| broken("passkey_ids"))?;
        Ok((row.text(0)?.to_owned(), factor))
    };
    rows.iter().map(read).collect()
}

pub(crate) fn delete_id(tx: &mut Tx, id_hash: &str) -> Result<(), Error> {
    tx.delete(&IDS, &[id_hash.into()])
}

pub(crate) fn find_handle(tx: &mut Tx, shop: ShopId, subject: &str) -> Result<Option<Vec<u8>>, Error> {
    let row = tx.get(&HANDLES, &[shop.short().into(), subject.into()])?;
    row.map(|row| row.blob(2).map(<[u8]>::to_vec)).transpose()
}

pub(crate) fn insert_handle(tx: &mut Tx, shop: ShopId, subject: &str, handle: Vec<u8>) -> Result<(), Error> {
    tx.insert(&HANDLES, vec![shop.short().into(), subject.into(), handle.into()])
}

pub(crate) fn delete_handle(tx: &mut Tx, shop: ShopId, subject: &str) -> Result<(), Error> {
    tx.delete(&HANDLES, &[shop.short().into(), subject.into()])
}

pub(crate) fn find_challenge(tx: &mut Tx, hash: &str) -> Result<Option<ChallengeRow>, Error> {
    tx.get(&CHALLENGES, &[hash.into()])?.map(|row| read_challenge(&row)).transpose()
}

/// Writes a challenge down; one that is given out again is good for its whole time again.
pub(crate) fn update_challenge(tx: &mut Tx, hash: &str, row: ChallengeRow) -> Result<(), Error> {
    let values = vec![hash.into(), row.purpose.name().into(), row.holder.into(), row.expires.into()];
    tx.put(&CHALLENGES, values)
}

pub(crate) fn delete_challenge(tx: &mut Tx, hash: &str) -> Result<(), Error> {
    tx.delete(&CHALLENGES, &[hash.into()])
}

pub(crate) fn list_ended_challenges(
    tx: &mut Tx,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let sql =
        "SELECT challenge_hash FROM passkey_challenges WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

fn read_owner(row: &Row) -> Result<OwnerRow, Error> {
    let bad = || broken("passkey_ids");
    let (shop, subject) = (shop_at(row, 1, "passkey_ids")?, row.text(2)?);
    let person = match OwnerKind::from_name(row.text(3)?).ok_or_else(bad)? {
        OwnerKind::Buyer => base::BuyerId::from_short(subject).map(Person::Buyer),
        OwnerKind::Member => base::MemberId::from_short(subject).map(Person::Member),
    };
    let person = person.filter(|person| person.shop() == shop).ok_or_else(bad)?;
    Ok(OwnerRow { person, factor: FactorId::from_short(row.text(4)?).ok_or_else(bad)? })
}

fn read_challenge(row: &Row) -> Result<ChallengeRow, Error> {
    let purpose = Purpose::from_name(row.text(1)?).ok_or_else(|| broken("passkey_challenges"))?;
    Ok(ChallengeRow { purpose, holder: row.text(2)?.to_owned(), expires: row.time(3)? })
}
