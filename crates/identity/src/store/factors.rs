//! SQL of second factors and recovery codes.

use base::{FactorId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use super::{broken, named, shop_at};

named! {
    /// A kind of second factor.
    pub enum FactorKind {
        /// Codes of an authenticator app (RFC 6238).
        Totp = "totp",
        /// A passkey (WebAuthn).
        Passkey = "passkey",
        /// Codes by text message. Restricted: offer something stronger.
        Sms = "sms",
        /// Recovery codes, for the day the other factor is lost.
        Recovery = "recovery",
    }
}

named! {
    /// Whether a factor counts.
    pub(crate) enum FactorState {
        /// It was offered and waits for its first proof.
        Pending = "pending",
        /// It counts.
        Active = "active",
    }
}

static FACTORS: Table = Table::new(
    "factors",
    &[text("shop_id"), text("subject"), text("id")],
    &[
        text("kind"),
        text("state"),
        text("label"),
        blob("secret"),
        int("step"),
        int("created_ms"),
        int("used_ms"),
    ],
);
static RECOVERY_CODES: Table =
    Table::new("recovery_codes", &[text("shop_id"), text("subject"), text("tag")], &[int("created_ms")]);

#[derive(Clone)]
pub(crate) struct FactorRow {
    pub(crate) shop: ShopId,
    pub(crate) subject: String,
    pub(crate) id: FactorId,
    pub(crate) kind: FactorKind,
    pub(crate) state: FactorState,
    pub(crate) label: String,
    pub(crate) secret: Vec<u8>,
    /// The last step of time whose code was used; -1 before the first.
    pub(crate) step: i64,
    pub(crate) created: Timestamp,
    pub(crate) used: Option<Timestamp>,
}

pub(crate) fn find_factor(
    tx: &mut Tx,
    shop: ShopId,
    subject: &str,
    id: FactorId,
) -> Result<Option<FactorRow>, Error> {
    let row = tx.get(&FACTORS, &[shop.short().into(), subject.into(), id.short().into()])?;
    row.map(|row| read(&row)).transpose()
}

pub(crate) fn list_factors(tx: &mut Tx, shop: ShopId, subject: &str) -> Result<Vec<FactorRow>, Error> {
    tx.list(&FACTORS, &[shop.short().into(), subject.into()])?.iter().map(read).collect()
}

pub(crate) fn insert_factor(tx: &mut Tx, row: FactorRow) -> Result<(), Error> {
    tx.insert(&FACTORS, values(row))
}

pub(crate) fn update_factor(tx: &mut Tx, row: FactorRow) -> Result<(), Error> {
    tx.put(&FACTORS, values(row))
}

pub(crate) fn delete_factor(tx: &mut Tx, shop: ShopId, subject: &str, id: FactorId) -> Result<(), Error> {
    tx.delete(&FACTORS, &[shop.short().into(), subject.into(), id.short().into()])
}

pub(crate) fn find_recovery_code(
    tx: &mut Tx,
    shop: ShopId,
    subject: &str,
    tag: &str,
) -> Result<Option<Timestamp>, Error> {
    let row = tx.get(&RECOVERY_CODES, &[shop.short().into(), subject.into(), tag.into()])?;
    row.map(|row| row.time(3)).transpose()
}

pub(crate) fn insert_recovery_code(
    tx: &mut Tx,
    shop: ShopId,
    subject: &str,
    tag: String,
    now: Timestamp,
) -> Result<(), Error> {
    tx.insert(&RECOVERY_CODES, vec![shop.short().into(), subject.into(), tag.into(), now.into()])
}

pub(crate) fn list_recovery_codes(tx: &mut Tx, shop: ShopId, subject: &str) -> Result<Vec<String>, Error> {
    let sql = "SELECT tag FROM recovery_codes WHERE shop_id = ?1 AND subject = ?2 ORDER BY tag";
    let rows = tx.query(sql, &[shop.short().into(), subject.into()])?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

pub(crate) fn delete_recovery_code(tx: &mut Tx, shop: ShopId, subject: &str, tag: &str) -> Result<(), Error> {
    tx.delete(&RECOVERY_CODES, &[shop.short().into(), subject.into(), tag.into()])
}

fn read(row: &Row) -> Result<FactorRow, Error> {
    let bad = || broken("factors");
    Ok(FactorRow {
        shop: shop_at(row, 0, "factors")?,
        subject: row.text(1)?.to_owned(),
        id: FactorId::from_short(row.text(2)?).ok_or_else(bad)?,
        kind: FactorKind::from_name(row.text(3)?).ok_or_else(bad)?,
        state: FactorState::from_name(row.text(4)?).ok_or_else(bad)?,
        label: row.text(5)?.to_owned(),
        secret: row.blob(6)?.to_vec(),
        step: row.int(7)?,
        created: row.time(8)?,
        used: row.opt_time(9)?,
    })
}

fn values(row: FactorRow) -> Vec<Value> {
    vec![
        row.shop.short().into(),
        row.subject.into(),
        row.id.short().into(),
        row.kind.name().into(),
        row.state.name().into(),
        row.label.into(),
        row.secret.into(),
        row.step.into(),
        row.created.into(),
        row.used.into(),
    ]
}
