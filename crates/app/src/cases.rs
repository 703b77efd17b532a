//! Cases over HTTP and at the desk: what a person said was not them, for the shop or the house to look into (C16).
//!
//! Promises: whoever may work cases sees those of their own shop and no others, the house those about buyers' accounts; a
//! case that is closed as fraud, or as the payer's own after all, labels its payment in the same transaction, where who
//! closes it may label payments.
//!
//! A case is opened and kept by [`identity::cases`], since the freeze that opens it belongs there. It is here that it meets
//! payments. Reading order: this file, `routes.rs` (JSON), `desk.rs` with `pages.rs` (HTML).

use base::CaseId;
use identity::cases::{self, Case, CaseNote, CaseOutcome};
use identity::{Actor, Means, Permission};
use payments::Origination;
use payments::labels::{Word, can_be_labelled, set_label};
use payments::limits::DESCRIPTION_CHARS_MAX;
use payments::routes::of_label;
use payments::text::ShortText;
use store::Tx;
use webkit::error::ApiError;

pub mod desk;
pub mod pages;
pub mod routes;

/// How a case can end.
const OUTCOMES: [CaseOutcome; 3] = [CaseOutcome::Fraud, CaseOutcome::Genuine, CaseOutcome::Unclear];

fn outcome_named(name: &str) -> Option<CaseOutcome> {
    OUTCOMES.into_iter().find(|outcome| outcome.name() == name)
}

/// Who closes a case, and from where.
struct Closer<'a> {
    means: &'a Means<'a>,
    actor: &'a Actor,
    from: &'a Origination,
}

/// Closes a case, and labels its payment with what it came to.
fn close(
    tx: &mut Tx<'_>,
    by: &Closer<'_>,
    id: CaseId,
    (outcome, note): (CaseOutcome, &CaseNote),
) -> Result<Case, ApiError> {
    let case = cases::close_case(tx, by.means, by.actor, id, (outcome, note))?;
    let word = match outcome {
        CaseOutcome::Fraud => Word::Fraud,
        CaseOutcome::Genuine => Word::Genuine,
        CaseOutcome::Unclear => return Ok(case),
    };
    let payment = case.payment().map_or(Ok(None), |id| payments::store::find_payment(tx, id))?;
    let labelled = payment.filter(|payment| can_be_labelled(payment, by.means.now));
    if let Some(payment) = labelled.filter(|_| by.actor.holds(Permission::Review)) {
        let note = ShortText::parse(note.as_str(), DESCRIPTION_CHARS_MAX);
        let note = note.map_err(ApiError::internal)?;
        set_label(tx, by.means, by.actor, by.from, payment.id, (Some(word), &note)).map_err(of_label)?;
    }
    Ok(case)
}
