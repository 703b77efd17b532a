//! SQL of what payments are known to be, and of the address a payment was decided on with.

use base::{DecisionId, MemberId, PaymentId};
use risk::Key as PartyKey;
use store::{Error, Table, Tx, int, text};

use super::{DECISIONS, broken, key_of};
use crate::labels::{Label, LabelSource, Word, word_name, word_named};

pub(super) static LABELS: Table = Table::new(
    "fraud_labels",
    &[text("shop_id"), text("payment_id")],
    &[text("source"), int("known_at"), text("word"), text("member_id"), text("note"), int("moved")],
);

pub(super) const SQL: &str = "
    ALTER TABLE decisions ADD COLUMN address_party BIGINT;
    CREATE TABLE fraud_labels (
        shop_id TEXT NOT NULL, payment_id TEXT NOT NULL, source TEXT NOT NULL, known_at BIGINT NOT NULL,
        PRIMARY KEY (shop_id, payment_id)) WITHOUT ROWID";

/// Labels of members, who say why; a row without a word is of a fraud.
pub(super) const MEMBERS_SQL: &str = "
    ALTER TABLE fraud_labels ADD COLUMN word TEXT;
    ALTER TABLE fraud_labels ADD COLUMN member_id TEXT;
    ALTER TABLE fraud_labels ADD COLUMN note TEXT;
    ALTER TABLE fraud_labels ADD COLUMN moved BIGINT";

pub(crate) fn put_label(tx: &mut Tx<'_>, payment: PaymentId, label: &Label) -> Result<(), Error> {
    let mut row = key_of(&payment, payment.short());
    row.extend([
        label.source.name().into(),
        label.known_at.into(),
        word_name(label.word).into(),
        label.member.as_ref().map(MemberId::short).into(),
        label.note.clone().into(),
        label.moved.map(i64::from).into(),
    ]);
    tx.put(&LABELS, row)
}

pub(crate) fn delete_label(tx: &mut Tx<'_>, payment: PaymentId) -> Result<(), Error> {
    tx.delete(&LABELS, &key_of(&payment, payment.short()))
}

/// What a payment is known to be, or `None`.
///
/// # Errors
/// Those of the store.
pub fn find_label(tx: &mut Tx<'_>, payment: PaymentId) -> Result<Option<Label>, Error> {
    let row = tx.get(&LABELS, &key_of(&payment, payment.short()))?;
    row.map(|row| {
        let word = row.opt_text(4)?.map_or(Some(Word::Fraud), word_named);
        Ok(Label {
            word: word.ok_or_else(|| broken("label"))?,
            source: LabelSource::named(row.text(2)?).ok_or_else(|| broken("label"))?,
            known_at: row.time(3)?,
            member: row.opt_text(5)?.and_then(MemberId::from_short),
            note: row.opt_text(6)?.map(str::to_owned),
            moved: row.opt_int(7)?.map(|moved| moved != 0),
        })
    })
    .transpose()
}

/// The party that stands for the address in the profiles a payment was decided on with.
pub(crate) fn find_decision_address(tx: &mut Tx<'_>, id: DecisionId) -> Result<Option<PartyKey>, Error> {
    let Some(row) = tx.get(&DECISIONS, &key_of(&id, id.short()))? else { return Ok(None) };
    Ok(row.opt_int(6)?.map(|party| PartyKey(party.cast_unsigned())))
}
