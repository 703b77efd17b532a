//! The review queue: payments that wait for a member's decision (C36).

use base::{MemberId, PaymentId, ScopedId, Timestamp};
use identity::Means;
use risk::Attempt;
use store::Tx;

use crate::confirm::{ConfirmError, Moved, declined, remember_end, settle};
use crate::labels::{LabelSource, label_fraud};
use crate::payment::{DeclineReason, Payment, State};
use crate::record::{self, Deed};
use crate::screening::{Origination, Whereabouts};
use crate::store as rows;
use crate::text::ShortText;

/// Where a review stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewState {
    /// Somebody has to look.
    Open,
    /// A member let it through, and it was paid.
    Approved,
    /// A member let it through, and it could not be paid: the balance was too small by then, or the account frozen.
    ApprovedUnpaid,
    /// A member stopped it.
    Rejected,
}

impl ReviewState {
    /// The word in the API and the database.
    pub const fn name(self) -> &'static str {
        match self {
            ReviewState::Open => "open",
            ReviewState::Approved => "approved",
            ReviewState::ApprovedUnpaid => "approved_unpaid",
            ReviewState::Rejected => "rejected",
        }
    }

    /// Reads [`ReviewState::name`].
    pub fn named(name: &str) -> Option<ReviewState> {
        let all =
            [ReviewState::Open, ReviewState::Approved, ReviewState::ApprovedUnpaid, ReviewState::Rejected];
        all.into_iter().find(|state| state.name() == name)
    }
}

/// The review of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The payment.
    pub payment: PaymentId,
    /// Where it stands.
    pub state: ReviewState,
    /// The member who decided.
    pub decided_by: Option<String>,
    /// The member's reason.
    pub note: Option<String>,
    /// Since when it waits.
    pub opened_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// When the payment expires undecided.
    pub expires_at: Timestamp,
}

/// What a member decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Let it through.
    Approve,
    /// Stop it.
    Decline,
    /// Stop it, and remember it as fraud.
    DeclineAsFraud,
}

/// A member's decision.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Let it through, or stop it.
    pub ruling: Ruling,
    /// Why; every decision says so.
    pub note: ShortText,
}

pub(crate) fn open(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    payment: &Payment,
    expires_at: Timestamp,
) -> Result<(), store::Error> {
    let review = Review {
        payment: payment.id,
        state: ReviewState::Open,
        decided_by: None,
        note: None,
        opened_at: means.now,
        decided_at: None,
        expires_at,
    };
    rows::put_review(tx, &review)
}

/// Takes a review out of the queue without a member: the payer has stopped the payment.
pub(crate) fn close(tx: &mut Tx<'_>, means: &Means<'_>, id: PaymentId) -> Result<(), store::Error> {
    let Some(review) = rows::find_review(tx, id)? else { return Ok(()) };
    rows::put_review(tx, &Review { state: ReviewState::Rejected, decided_at: Some(means.now), ..review })
}

/// Carries a member's decision out. An approved payment is declined all the same where the payer's account was frozen or
/// the balance is too small by now; its review then ends as [`ReviewState::ApprovedUnpaid`].
///
/// # Errors
/// [`ConfirmError::NoPayment`], [`ConfirmError::NotWaiting`] when it is not in review (any more).
pub fn decide_review(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    member: MemberId,
    from: &Origination,
    id: PaymentId,
    verdict: &Verdict,
) -> Result<Moved, ConfirmError> {
    let payment = rows::find_payment(tx, id)?.ok_or(ConfirmError::NoPayment)?;
    match payment.state_at(means.now) {
        State::InReview => {}
        state => return Err(ConfirmError::NotWaiting(state)),
    }
    let review = rows::find_review(tx, id)?.ok_or(ConfirmError::NoPayment)?;
    let mut payment = match verdict.ruling {
        Ruling::Approve => {
            let shop = identity::find_shop(tx, id.shop())?.ok_or(ConfirmError::NoPayment)?;
            settle(tx, means, &shop, payment)?
        }
        Ruling::Decline | Ruling::DeclineAsFraud => declined(means, payment, DeclineReason::Review),
    };
    let state = match (verdict.ruling, payment.stored_state) {
        (Ruling::Approve, State::Paid) => ReviewState::Approved,
        (Ruling::Approve, _) => ReviewState::ApprovedUnpaid,
        (Ruling::Decline | Ruling::DeclineAsFraud, _) => ReviewState::Rejected,
    };
    let decided = Review {
        state,
        decided_by: Some(member.to_string()),
        note: Some(verdict.note.to_string()),
        ..review
    };
    rows::put_review(tx, &Review { decided_at: Some(means.now), ..decided })?;
    let attempt = if payment.stored_state == State::Paid { Attempt::Resumed } else { Attempt::Declined };
    // A member's yes is no proof of the payer's: it moves nobody.
    remember_end(tx, means, &payment, attempt, Whereabouts::default())?;
    let who = member.into();
    let leaf = record::note(tx, means, &who, Deed::Review, &payment, from)?;
    if verdict.ruling == Ruling::DeclineAsFraud {
        label_fraud(tx, means, &who, from, &payment, LabelSource::Review)?;
    }
    payment.entry = Some(leaf.entry_id);
    rows::update_payment(tx, &payment)?;
    Ok(Moved { payment, leaf })
}
