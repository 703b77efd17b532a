//! What a payer proves a payment with: the PIN, or a passkey whose challenge is the payment's binding (SCA-1, WA-6, C20).
//!
//! The challenge of a payment passkey is the confirmation's own binding: SHA-256 over amount, currency, payee, payment and
//! nonce ([`crate::confirmation`]). The server computes it anew from the payment's row, so a touch that was meant for another
//! amount, payee or payment is worth nothing here.

use base::{Money, PaymentId};
use identity::passkeys::{self, PasskeyError, PasskeyUse, PaymentCheck, RequestOptions, Site};
use identity::{BuyerSession, Fault, Means, Pin, PinCheck};
use store::Tx;

use crate::confirm::{ConfirmError, Confirmed};
use crate::confirmation::{Nonce, bind};
use crate::payment::{Payment, State};
use crate::store as rows;

/// A passkey that was touched for a payment.
#[derive(Clone, Debug)]
pub struct PasskeyProof {
    site: Site,
    used: PasskeyUse,
}

impl PasskeyProof {
    /// What the browser of this site brought.
    pub fn new(site: Site, used: PasskeyUse) -> PasskeyProof {
        PasskeyProof { site, used }
    }
}

/// Either proof.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    Pin(Pin),
    Passkey(Box<PasskeyProof>),
}

/// What a payment's confirmation is bound to, from the payment's own row.
pub(crate) fn binding_of(payment: &Payment, nonce: &Nonce) -> [u8; 32] {
    bind(payment.amount, base::ScopedId::shop(&payment.id), payment.id, nonce)
}

/// Checks a proof of a payment of this amount, bound to this. `None` for the right one; else what the payer is told, its
/// count kept.
pub(crate) fn check(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    session: &BuyerSession,
    proof: &Proof,
    (amount, binding): (Money, &[u8; 32]),
) -> Result<Option<Confirmed>, Fault> {
    match proof {
        Proof::Pin(pin) => Ok(match identity::verify_payment_pin(tx, means, session.buyer, pin, amount)? {
            PinCheck::Right => None,
            PinCheck::Wrong { left } => Some(Confirmed::PinWrong { left }),
            PinCheck::Locked => Some(Confirmed::PinLocked),
            PinCheck::Cooling { until } => Some(Confirmed::PinCooling { until }),
            PinCheck::NotActive => Some(Confirmed::NotActive),
        }),
        Proof::Passkey(proof) => {
            let payer = (session.buyer, session.id);
            let check = passkeys::verify_payment(tx, means, &proof.site, payer, binding, &proof.used)?;
            Ok(match check {
                PaymentCheck::Right => None,
                PaymentCheck::Refused(refusal) => Some(Confirmed::PasskeyRefused(refusal)),
                PaymentCheck::Locked { retry_after_seconds } => {
                    Some(Confirmed::PasskeyLocked { retry_after_seconds })
                }
                PaymentCheck::NotActive => Some(Confirmed::NotActive),
            })
        }
    }
}

/// Asks the payer to confirm a payment, or to say that it was them, with a passkey. What is asked is good for five minutes,
/// for this session and this payment as it stands.
///
/// # Errors
/// [`ConfirmError::NoPayment`], [`ConfirmError::OtherPayer`], [`ConfirmError::NotWaiting`].
pub fn ask_passkey(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    session: &BuyerSession,
    id: PaymentId,
    nonce: &Nonce,
) -> Result<(Payment, RequestOptions), ConfirmError> {
    let payment = rows::find_payment(tx, id)?.ok_or(ConfirmError::NoPayment)?;
    if payment.buyer.is_some_and(|buyer| buyer != session.buyer) {
        return Err(ConfirmError::OtherPayer);
    }
    match payment.state_at(means.now) {
        State::Waiting | State::Paused => {}
        state => return Err(ConfirmError::NotWaiting(state)),
    }
    let binding = binding_of(&payment, nonce);
    let asked = passkeys::start_payment(tx, means, (session.buyer, session.id), &binding);
    match asked {
        Ok(options) => Ok((payment, options)),
        Err(PasskeyError::Fault(fault)) => Err(fault.into()),
        Err(_) => Err(Fault::Row("passkey").into()),
    }
}
