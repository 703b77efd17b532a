//! SQL of codes that were sent to a person.

use base::{SessionId, Timestamp};
use store::{Error, Table, Tx, Value, blob, int, text};

use super::broken;

/// What a code is sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePurpose {
    /// To verify a number or address.
    Verify,
    /// As the second step of a sign-in.
    SignIn,
    /// As a step-up within a session.
    StepUp,
    /// To set a new payment PIN.
    PinReset,
}

impl CodePurpose {
    /// Its name, as codes are bound to it and the log shows it.
    // INVARIANT: names never change while codes are on their way.
    pub fn name(self) -> &'static str {
        match self {
            CodePurpose::Verify => "verify",
            CodePurpose::SignIn => "sign_in",
            CodePurpose::StepUp => "step_up",
            CodePurpose::PinReset => "pin_reset",
        }
    }
}

static SENT: Table = Table::new(
    "sent_codes",
    &[text("id")],
    &[blob("tag"), int("tries"), int("expires_ms"), text("number_index")],
);

pub(crate) struct SentRow {
    pub(crate) id: SessionId,
    pub(crate) tag: Vec<u8>,
    pub(crate) tries: i64,
    pub(crate) expires: Timestamp,
    /// What the number it went to is counted by; `None` for an address.
    pub(crate) number_index: Option<String>,
}

pub(crate) fn find_sent(tx: &mut Tx, id: SessionId) -> Result<Option<SentRow>, Error> {
    let Some(row) = tx.get(&SENT, &[id.short().into()])? else { return Ok(None) };
    Ok(Some(SentRow {
        id,
        tag: row.blob(1)?.to_vec(),
        tries: row.int(2)?,
        expires: row.time(3)?,
        number_index: row.opt_text(4)?.map(str::to_owned),
    }))
}

pub(crate) fn insert_sent(tx: &mut Tx, row: SentRow) -> Result<(), Error> {
    tx.insert(&SENT, values(row))
}

pub(crate) fn update_sent(tx: &mut Tx, row: SentRow) -> Result<(), Error> {
    tx.put(&SENT, values(row))
}

pub(crate) fn delete_sent(tx: &mut Tx, id: SessionId) -> Result<(), Error> {
    tx.delete(&SENT, &[id.short().into()])
}

pub(crate) fn list_ended_sent(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Vec<SessionId>, Error> {
    let sql = "SELECT id FROM sent_codes WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    let id = |text: &str| SessionId::from_short(text).ok_or_else(|| broken("sent_codes"));
    rows.iter().map(|row| id(row.text(0)?)).collect()
}

fn values(row: SentRow) -> Vec<Value> {
    vec![row.id.short().into(), row.tag.into(), row.tries.into(), row.expires.into(), row.number_index.into()]
}
