//! "Is this you?": the payer's answer to a paused payment (C35).

use identity::{BuyerSession, Means, Pin, PinCheck};
use risk::Attempt;
use store::Tx;

use base::{PaymentId, ScopedId};

use crate::confirm::{ConfirmError, Confirmed, Moved, declined, remember_end, settle};
use crate::payment::{DeclineReason, Payment, State};
use crate::record::{self, Deed};
use crate::review;
use crate::screening::Origination;
use crate::store as rows;

/// What the payer said.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It was me; here is my PIN once more.
    Yes(Pin),
    /// It was not me.
    No,
}

/// Carries the payer's answer out: the payment goes on or stops.
///
/// # Errors
/// [`ConfirmError::NoPayment`] (also for somebody else's payment), [`ConfirmError::NotWaiting`] when it is not paused.
pub fn answer_challenge(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    session: &BuyerSession,
    from: &Origination,
    id: PaymentId,
    answer: &Answer,
) -> Result<Confirmed, ConfirmError> {
    let payment = rows::find_payment(tx, id)?.filter(|payment| payment.buyer == Some(session.buyer));
    let payment = payment.ok_or(ConfirmError::NoPayment)?;
    match payment.state_at(means.now) {
        State::Paused => {}
        state => return Err(ConfirmError::NotWaiting(state)),
    }
    let mut payment = match answer {
        Answer::No => declined(means, payment, DeclineReason::NotThePayer),
        Answer::Yes(pin) => match identity::verify_pin(tx, means, session.buyer, pin)? {
            PinCheck::Right => resume(tx, means, payment)?,
            PinCheck::Wrong { left } => return Ok(Confirmed::PinWrong { left }),
            PinCheck::Locked => return Ok(Confirmed::PinLocked),
            PinCheck::NotActive => return Ok(Confirmed::NotActive),
        },
    };
    let attempt = if payment.stored_state == State::Paid { Attempt::Resumed } else { Attempt::Declined };
    remember_end(tx, means, &payment, attempt)?;
    let leaf = record::note(tx, means, &session.buyer.into(), Deed::Answer, &payment, from)?;
    payment.entry = Some(leaf.entry_id);
    rows::update_payment(tx, &payment)?;
    Ok(Confirmed::Moved(Box::new(Moved { payment, leaf })))
}

/// The payer takes a payment back while it waits for a member's review.
///
/// # Errors
/// As [`answer_challenge`].
pub fn stop_review(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    session: &BuyerSession,
    from: &Origination,
    id: PaymentId,
) -> Result<Confirmed, ConfirmError> {
    let payment = rows::find_payment(tx, id)?.filter(|payment| payment.buyer == Some(session.buyer));
    let payment = payment.ok_or(ConfirmError::NoPayment)?;
    match payment.state_at(means.now) {
        State::InReview => {}
        state => return Err(ConfirmError::NotWaiting(state)),
    }
    review::close(tx, means, id)?;
    let mut payment = declined(means, payment, DeclineReason::NotThePayer);
    remember_end(tx, means, &payment, Attempt::Declined)?;
    let leaf = record::note(tx, means, &session.buyer.into(), Deed::Answer, &payment, from)?;
    payment.entry = Some(leaf.entry_id);
    rows::update_payment(tx, &payment)?;
    Ok(Confirmed::Moved(Box::new(Moved { payment, leaf })))
}

fn resume(tx: &mut Tx<'_>, means: &Means<'_>, payment: Payment) -> Result<Payment, ConfirmError> {
    let shop = identity::find_shop(tx, payment.id.shop())?.ok_or(ConfirmError::NoPayment)?;
    settle(tx, means, &shop, payment)
}
