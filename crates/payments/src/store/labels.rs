//! SQL of payments known to be fraud, and of the address a payment was decided on with.

use base::{DecisionId, PaymentId};
use risk::Key as PartyKey;
use store::{Error, Table, Tx, int, text};

use super::{DECISIONS, broken, key_of};
use crate::labels::{Label, LabelSource};

pub(super) static FRAUD_LABELS: Table =
    Table::new("fraud_labels", &[text("shop_id"), text("payment_id")], &[text("source"), int("known_at")]);

pub(super) const SQL: &str = "
    ALTER TABLE decisions ADD COLUMN address_party BIGINT;
    CREATE TABLE fraud_labels (
        shop_id TEXT NOT NULL, payment_id TEXT NOT NULL, source TEXT NOT NULL, known_at BIGINT NOT NULL,
        PRIMARY KEY (shop_id, payment_id)) WITHOUT ROWID";

pub(crate) fn insert_fraud_label(tx: &mut Tx<'_>, payment: PaymentId, label: &Label) -> Result<(), Error> {
    let mut row = key_of(&payment, payment.short());
    row.extend([label.source.name().into(), label.known_at.into()]);
    tx.insert(&FRAUD_LABELS, row)
}

pub(crate) fn find_fraud_label(tx: &mut Tx<'_>, payment: PaymentId) -> Result<Option<Label>, Error> {
    let row = tx.get(&FRAUD_LABELS, &key_of(&payment, payment.short()))?;
    row.map(|row| {
        let source = LabelSource::named(row.text(2)?).ok_or_else(|| broken("fraud label"))?;
        Ok(Label { source, known_at: row.time(3)? })
    })
    .transpose()
}

/// The party that stands for the address in the profiles a payment was decided on with.
pub(crate) fn find_decision_address(tx: &mut Tx<'_>, id: DecisionId) -> Result<Option<PartyKey>, Error> {
    let Some(row) = tx.get(&DECISIONS, &key_of(&id, id.short()))? else { return Ok(None) };
    Ok(row.opt_int(6)?.map(|party| PartyKey(party.cast_unsigned())))
}
