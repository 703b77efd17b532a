//! SQL of one-time codes and the sign-ups that wait beside them.

use base::{BuyerId, SessionId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};
use webkit::page::Lang;

use super::{broken, named};
use crate::buyers::PendingBuyer;

named! {
    /// What became of a request for a code.
    pub(crate) enum CodeState {
        /// Its code can be given.
        Open = "open",
        /// Its code was given.
        Used = "used",
    }
}

static CODES: Table = Table::new(
    "one_time_codes",
    &[text("id")],
    &[
        text("contact_index"),
        text("buyer_id"),
        blob("tag"),
        int("tries"),
        text("state"),
        int("created_ms"),
        int("expires_ms"),
        blob("new_name"),
        blob("new_contact"),
        text("new_lang"),
        blob("new_pin_salt"),
        blob("new_pin_verifier"),
    ],
);

pub(crate) struct CodeRow {
    pub(crate) id: SessionId,
    pub(crate) contact_index: String,
    pub(crate) buyer: Option<BuyerId>,
    pub(crate) tag: Vec<u8>,
    pub(crate) tries: i64,
    pub(crate) state: CodeState,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) pending: Option<PendingBuyer>,
}

pub(crate) fn find_code(tx: &mut Tx, id: SessionId) -> Result<Option<CodeRow>, Error> {
    tx.get(&CODES, &[id.short().into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn list_ended_codes(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Vec<CodeRow>, Error> {
    let sql = "SELECT id, contact_index, buyer_id, tag, tries, state, created_ms, expires_ms,
                      new_name, new_contact, new_lang, new_pin_salt, new_pin_verifier
               FROM one_time_codes WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(sql, &[before.into(), Value::Int(limit)])?.iter().map(read).collect()
}

pub(crate) fn insert_code(tx: &mut Tx, row: CodeRow) -> Result<(), Error> {
    tx.insert(&CODES, values(row))
}

pub(crate) fn update_code(tx: &mut Tx, row: CodeRow) -> Result<(), Error> {
    tx.put(&CODES, values(row))
}

pub(crate) fn delete_code(tx: &mut Tx, id: SessionId) -> Result<(), Error> {
    tx.delete(&CODES, &[id.short().into()])
}

fn read(row: &Row) -> Result<CodeRow, Error> {
    let bad = || broken("one_time_codes");
    let contact_index = row.text(1)?.to_owned();
    let buyer = row.opt_text(2)?.map(|id| BuyerId::from_short(id).ok_or_else(bad)).transpose()?;
    let pending = match (buyer, row.opt_blob(8)?) {
        (Some(id), Some(name)) => Some(PendingBuyer {
            id,
            name: name.to_vec(),
            contact: row.blob(9)?.to_vec(),
            lang: Lang::from_tag(row.text(10)?).ok_or_else(bad)?,
            pin_salt: row.blob(11)?.to_vec(),
            pin_verifier: row.blob(12)?.to_vec(),
        }),
        _ => None,
    };
    Ok(CodeRow {
        id: SessionId::from_short(row.text(0)?).ok_or_else(bad)?,
        contact_index,
        buyer,
        tag: row.blob(3)?.to_vec(),
        tries: row.int(4)?,
        state: CodeState::from_name(row.text(5)?).ok_or_else(bad)?,
        created: row.time(6)?,
        expires: row.time(7)?,
        pending,
    })
}

fn values(row: CodeRow) -> Vec<Value> {
    let mut values: Vec<Value> = vec![
        row.id.short().into(),
        row.contact_index.into(),
        row.buyer.map(|buyer| buyer.short().to_owned()).into(),
        row.tag.into(),
        row.tries.into(),
        row.state.name().into(),
        row.created.into(),
        row.expires.into(),
    ];
    values.extend(match row.pending {
        Some(new) => [
            new.name.into(),
            new.contact.into(),
            new.lang.code().into(),
            new.pin_salt.into(),
            new.pin_verifier.into(),
        ],
        None => [Value::Null, Value::Null, Value::Null, Value::Null, Value::Null],
    });
    values
}
