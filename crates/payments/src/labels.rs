//! Payments that turned out to be fraud: what the memory of their parties learns, and when.
//!
//! A payer says "it was not me", to a challenge or of a payment that went through; or a member refuses a payment in review
//! as fraud. Promises: a payment is labelled once, whoever says it how often; the label counts from the moment it became
//! known, as in a replay of a file ([`risk::replay`]); it is in the log. Nobody takes one back: there are no disputes yet.

use audit::Actor;
use base::Timestamp;
use identity::Means;
use store::Tx;

use crate::payment::Payment;
use crate::record::{self, Deed};
use crate::screening::{self, Origination};
use crate::store as rows;

/// Who said that a payment was fraud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelSource {
    /// Its payer: it was not them.
    Payer,
    /// A member who refused it in review.
    Review,
}

impl LabelSource {
    /// The word in the log and the database.
    pub const fn name(self) -> &'static str {
        match self {
            LabelSource::Payer => "payer",
            LabelSource::Review => "review",
        }
    }

    /// Reads [`LabelSource::name`].
    pub fn named(name: &str) -> Option<LabelSource> {
        [LabelSource::Payer, LabelSource::Review].into_iter().find(|source| source.name() == name)
    }
}

/// That a payment is known to be fraud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Who said so.
    pub source: LabelSource,
    /// Since when it is known.
    pub known_at: Timestamp,
}

/// Notes that a payment was fraud, in the profiles of payer, device, address, shop and terminal. A payment that nobody
/// confirmed has no parties and is left alone, as is one that was labelled before.
///
/// # Errors
/// Those of the store.
pub fn label_fraud(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    from: &Origination,
    payment: &Payment,
    source: LabelSource,
) -> Result<(), store::Error> {
    let Some(paid_at) = payment.confirmed_at else { return Ok(()) };
    if rows::find_fraud_label(tx, payment.id)?.is_some() {
        return Ok(());
    }
    rows::insert_fraud_label(tx, payment.id, &Label { source, known_at: means.now })?;
    screening::learn_fraud(tx, payment, paid_at, means.now)?;
    record::note(tx, means, actor, Deed::Fraud(source), payment, from)?;
    Ok(())
}
