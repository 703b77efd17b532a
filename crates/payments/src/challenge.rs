//! "Is this you?": the payer's answer to a paused payment (C35).

use identity::{BuyerSession, Means, Pin};
use risk::Attempt;
use store::Tx;

use base::{PaymentId, ScopedId};

use crate::confirm::{ConfirmError, Confirmed, Moved, declined, remember_end, settle};
use crate::confirmation::Nonce;
use crate::labels::{LabelSource, label_fraud};
use crate::payment::{DeclineReason, Payment, State};
use crate::proof::{self, PasskeyProof, Proof};
use crate::record::{self, Deed};
use crate::review;
use crate::screening::{self, Origination, Whereabouts};
use crate::store as rows;

/// What the payer said.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It was me; here is my PIN once more.
    Yes(Pin),
    /// It was me; here is my passkey, touched for this payment with this nonce. Stronger than the PIN.
    Passkey(Box<(PasskeyProof, Nonce)>),
    /// It was not me.
    No,
}

/// Carries the payer's answer out: the payment goes on, or stops and is known as fraud from then on.
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
    let refused = check_answer(tx, means, session, &payment, answer)?;
    let mut payment = match (answer, refused) {
        (Answer::No, _) => declined(means, payment, DeclineReason::NotThePayer),
        (_, None) => resume(tx, means, payment)?,
        (_, Some(refused)) => {
            if matches!(refused, Confirmed::PinWrong { .. } | Confirmed::PasskeyRefused(_)) {
                let facts = screening::guess_facts(&payment, session, from, means.now);
                screening::remember_guess(tx, &facts)?;
            }
            return Ok(refused);
        }
    };
    let attempt = if payment.stored_state == State::Paid { Attempt::Resumed } else { Attempt::Declined };
    // Remembered for a payment that was made alone: [`risk::observe`] moves nobody for one that was not.
    let asked_at = screening::take_asked_place(tx, &payment)?;
    remember_end(tx, means, &payment, attempt, asked_at)?;
    let payer = session.buyer.into();
    let leaf = record::note(tx, means, &payer, Deed::Answer, &payment, from)?;
    if matches!(answer, Answer::No) {
        label_fraud(tx, means, &payer, from, &payment, LabelSource::Payer)?;
    }
    payment.entry = Some(leaf.entry_id);
    rows::update_payment(tx, &payment)?;
    Ok(Confirmed::Moved(Box::new(Moved { payment, leaf })))
}

/// Checks what the payer shows; a "no" needs nothing.
fn check_answer(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    session: &BuyerSession,
    payment: &Payment,
    answer: &Answer,
) -> Result<Option<Confirmed>, ConfirmError> {
    let (shown, binding) = match answer {
        Answer::No => return Ok(None),
        Answer::Yes(pin) => (Proof::Pin(pin.clone()), [0; 32]),
        Answer::Passkey(answer) => {
            let (shown, nonce) = answer.as_ref();
            (Proof::Passkey(Box::new(shown.clone())), proof::binding_of(payment, nonce))
        }
    };
    Ok(proof::check(tx, means, session, &shown, (payment.amount, &binding))?)
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
    remember_end(tx, means, &payment, Attempt::Declined, Whereabouts::default())?;
    let leaf = record::note(tx, means, &session.buyer.into(), Deed::Answer, &payment, from)?;
    payment.entry = Some(leaf.entry_id);
    rows::update_payment(tx, &payment)?;
    Ok(Confirmed::Moved(Box::new(Moved { payment, leaf })))
}

fn resume(tx: &mut Tx<'_>, means: &Means<'_>, payment: Payment) -> Result<Payment, ConfirmError> {
    let shop = identity::find_shop(tx, payment.id.shop())?.ok_or(ConfirmError::NoPayment)?;
    settle(tx, means, &shop, payment)
}
