//! Confirming a payment: the busiest path of the program. One transaction: state, proof, screening, money, log.

use audit::Leaf;
use base::{Money, PaymentId, ScopedId, ShopId, Timestamp};
use identity::passkeys::PasskeyRefusal;
use identity::{BuyerSession, BuyerState, Means, Pin, Shop};
use ledger::{AccountKey, Reason, ShopPurpose, Transfer};
use risk::{Attempt, Facts, Modes, Outcome, Profiles};
use store::Tx;

use crate::confirmation::Nonce;
use crate::day_limit;
use crate::limits::{CHALLENGE_SECONDS_MAX, REVIEW_SECONDS_MAX};
use crate::payment::{DeclineReason, Payment, State};
use crate::proof::{self, PasskeyProof, Proof};
use crate::record::{self, Deed};
use crate::review;
use crate::screening::{self, Origination, Parties, Screen, Whereabouts};
use crate::shop::find_premises;
use crate::store as rows;

/// A session open for so long tells the age of its device well enough for every rule: a week.
const SESSION_TELLS_MS: i64 = 7 * 86_400_000;

/// A payer's confirmation of exactly one amount to exactly one payee.
#[derive(Clone, Debug)]
pub struct Confirm {
    payment: PaymentId,
    amount: Money,
    payee: ShopId,
    nonce: Nonce,
    proof: Proof,
}

impl Confirm {
    /// What the payer saw and typed.
    pub fn new(payment: PaymentId, amount: Money, payee: ShopId, nonce: Nonce, pin: Pin) -> Confirm {
        Confirm { payment, amount, payee, nonce, proof: Proof::Pin(pin) }
    }

    /// What the payer saw, and the passkey they touched for it. `nonce` is the one the passkey was asked with.
    pub fn by_passkey(
        payment: PaymentId,
        amount: Money,
        payee: ShopId,
        nonce: Nonce,
        proof: PasskeyProof,
    ) -> Confirm {
        Confirm { payment, amount, payee, nonce, proof: Proof::Passkey(Box::new(proof)) }
    }

    /// The payment it confirms.
    pub fn payment(&self) -> PaymentId {
        self.payment
    }
}

/// What a confirmation led to. All are results: what they counted or wrote stays.
#[derive(Clone, Debug, PartialEq)]
pub enum Confirmed {
    /// The PIN was wrong; nothing happened to the payment.
    PinWrong {
        /// Tries that are left.
        left: i64,
    },
    /// Too many wrong PINs; paying is locked.
    PinLocked,
    /// The PIN was set anew and does not pay this yet.
    PinCooling {
        /// When it does; `None` until something stronger than the contact says who the payer is.
        until: Option<Timestamp>,
    },
    /// The shop demands a passkey or a second factor for this amount; the PIN was not looked at.
    FactorNeeded {
        /// Above which amount it does.
        above: Money,
    },
    /// The passkey was refused; nothing happened to the payment.
    PasskeyRefused(PasskeyRefusal),
    /// Too many refused passkeys; the PIN still works.
    PasskeyLocked {
        /// When to come back, in seconds.
        retry_after_seconds: i64,
    },
    /// The account is frozen or gone.
    NotActive,
    /// The payment moved on: paid, paused, in review or declined.
    Moved(Box<Moved>),
}

/// A payment that moved on.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// As it now stands.
    pub payment: Payment,
    /// Its entry in the audit log.
    pub leaf: Leaf,
}

/// Why a confirmation was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmError {
    /// No such payment.
    #[error("payment does not exist")]
    NoPayment,
    /// Not in a state that can be confirmed.
    #[error("payment is {} and cannot be confirmed", .0.name())]
    NotWaiting(State),
    /// Another buyer has it.
    #[error("payment is being paid by somebody else")]
    OtherPayer,
    /// What the payer saw is not what the payment is.
    #[error("confirmation is for another {0}; show the payment again")]
    Mismatch(&'static str),
    /// Its order was paid by another payment.
    #[error("order was paid already by `{0}`")]
    OrderPaid(PaymentId),
    /// Past the legal limit of a day.
    #[error("amount is past the daily limit for this kind of code")]
    DayLimit,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(#[from] identity::Fault),
}

impl From<store::Error> for ConfirmError {
    fn from(error: store::Error) -> ConfirmError {
        ConfirmError::Fault(error.into())
    }
}

/// The rows a confirmation reads that are known before it runs.
pub fn keys_of(command: &Confirm) -> Vec<store::Key> {
    vec![rows::payment_key(command.payment)]
}

/// The rows it reads that are known once the payer is; a terminal and an order only the payment knows.
fn keys_ahead(
    session: &BuyerSession,
    from: &Origination,
    command: &Confirm,
    now: Timestamp,
) -> Vec<store::Key> {
    let (shop, currency) = (command.payment.shop(), command.amount.currency);
    let mut keys = keys_of(command);
    keys.extend([
        identity::shop_key(shop),
        identity::buyer_key(session.buyer),
        rows::premises_key(shop),
        ledger::account_key(AccountKey::buyer(session.buyer, currency)),
        ledger::account_key(AccountKey::shop(shop, ShopPurpose::Settlement, currency)),
        day_limit::day_key(session.buyer, now),
    ]);
    keys.extend(screening::profile_keys(shop, session, from));
    keys
}

/// Confirms a payment with the payer's PIN or passkey.
///
/// # Errors
/// [`ConfirmError`].
pub fn confirm(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    screen: &Screen,
    session: &BuyerSession,
    from: &Origination,
    command: &Confirm,
) -> Result<Confirmed, ConfirmError> {
    tx.expect(|| keys_ahead(session, from, command, means.now))?;
    let payment = load_waiting(tx, means, session, command)?;
    let shop = identity::find_shop(tx, payment.id.shop())?.ok_or(ConfirmError::NoPayment)?;
    if matches!(command.proof, Proof::Pin(_))
        && identity::lacks_factor(tx, &shop, session, payment.amount, means)?
    {
        let above = Money::new(shop.buyer_factor_above_minor.unwrap_or_default(), shop.currency);
        return Ok(Confirmed::FactorNeeded { above });
    }
    let wrong_before = identity::find_buyer(tx, session.buyer)?.map_or(0, |buyer| buyer.pin_failures);
    let binding = proof::binding_of(&payment, &command.nonce);
    let refused = proof::check(tx, means, session, &command.proof, (payment.amount, &binding))?;
    if refused == Some(Confirmed::NotActive) {
        return Ok(Confirmed::NotActive);
    }
    let payment = Payment {
        buyer: Some(session.buyer),
        device: Some(session.device),
        confirmation: Some(binding.to_vec()),
        confirmed_at: Some(means.now),
        ..payment
    };
    let (facts, modes) = gather(tx, means, &payment, &shop, session, from)?;
    let failed_pins = u32::try_from(wrong_before).ok();
    let facts = Facts { failed_pins, address_country: screen.country_of(from.address), ..facts };
    if let Some(
        locked @ (Confirmed::PinLocked | Confirmed::PinCooling { .. } | Confirmed::PasskeyLocked { .. }),
    ) = refused
    {
        return Ok(locked);
    }
    if let Some(refused) = refused {
        screening::remember_guess(tx, &facts)?;
        return Ok(refused);
    }
    let (decision, outcome, profiles) = {
        let (id, decision, profiles) = screening::screen(tx, means, (screen, &modes), &facts, payment.id)?;
        (id, decision.outcome, profiles)
    };
    let payment = Payment { decision: Some(decision), ..payment };
    let payment = apply(tx, means, &shop, outcome, payment)?;
    if payment.stored_state == State::Paused {
        screening::keep_asked_place(tx, &payment, &facts, means.now)?;
    }
    screening::remember_payment(tx, &facts, profiles, attempt_of(payment.stored_state))?;
    finish(tx, means, session, from, payment)
}

/// The payment, if this payer can confirm it as they saw it.
fn load_waiting(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    session: &BuyerSession,
    command: &Confirm,
) -> Result<Payment, ConfirmError> {
    let payment = rows::find_payment(tx, command.payment)?.ok_or(ConfirmError::NoPayment)?;
    if payment.buyer.is_some_and(|buyer| buyer != session.buyer) {
        return Err(ConfirmError::OtherPayer);
    }
    match payment.state_at(means.now) {
        State::Waiting => {}
        state => return Err(ConfirmError::NotWaiting(state)),
    }
    check_seen(&payment, command)?;
    if let Some(order) = payment.order
        && let Some(paid_by) = rows::find_order(tx, order)?.and_then(|order| order.payment)
    {
        return Err(ConfirmError::OrderPaid(paid_by));
    }
    Ok(payment)
}

/// Dynamic linking: what was confirmed is what is there (SCA-1).
fn check_seen(payment: &Payment, command: &Confirm) -> Result<(), ConfirmError> {
    if command.amount.currency != payment.amount.currency {
        return Err(ConfirmError::Mismatch("currency"));
    }
    if command.amount.minor != payment.amount.minor {
        return Err(ConfirmError::Mismatch("amount"));
    }
    if command.payee != payment.id.shop() {
        return Err(ConfirmError::Mismatch("payee"));
    }
    Ok(())
}

fn gather(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    payment: &Payment,
    shop: &Shop,
    session: &BuyerSession,
    from: &Origination,
) -> Result<(Facts, Modes), ConfirmError> {
    let premises = find_premises(tx, shop.id, &shop.country)?;
    let terminal = payment.terminal.map_or(Ok(None), |id| rows::find_terminal(tx, id))?;
    let buyer = identity::find_buyer(tx, session.buyer)?.ok_or(ConfirmError::NoPayment)?;
    let account = ledger::find_account(tx, AccountKey::buyer(session.buyer, payment.amount.currency))?;
    let parties = Parties {
        payment,
        shop,
        premises: &premises,
        terminal: terminal.as_ref(),
        session,
        buyer: &buyer,
        device_since: device_since(tx, session, means.now)?,
        balance_minor: account.map_or(0, |account| account.balance.available_minor()),
    };
    let facts = screening::facts_of(&parties, from, means.now);
    Ok((facts, premises.modes))
}

/// When the payer's device was first seen. A session that has been open for long says enough.
fn device_since(tx: &mut Tx<'_>, session: &BuyerSession, now: Timestamp) -> Result<Timestamp, ConfirmError> {
    if now.millis_since(session.opened) >= SESSION_TELLS_MS {
        return Ok(session.opened);
    }
    let device = identity::find_device(tx, session.buyer, session.device)?;
    Ok(device.map_or(session.opened, |device| device.created))
}

/// Carries a decision out. INVARIANT: only `Outcome::Allow` moves money here.
fn apply(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    shop: &Shop,
    outcome: Outcome,
    payment: Payment,
) -> Result<Payment, ConfirmError> {
    match outcome {
        Outcome::Allow => settle(tx, means, shop, payment),
        Outcome::Challenge => {
            let expires_at = means.now.plus_seconds(CHALLENGE_SECONDS_MAX);
            Ok(Payment { stored_state: State::Paused, expires_at, ..payment })
        }
        Outcome::Review => {
            let expires_at = means.now.plus_seconds(REVIEW_SECONDS_MAX);
            review::open(tx, means, &payment, expires_at)?;
            Ok(Payment { stored_state: State::InReview, expires_at, ..payment })
        }
        Outcome::Block => Ok(declined(means, payment, DeclineReason::Screening)),
    }
}

/// Moves the money, or declines where there is not enough.
pub(crate) fn settle(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    shop: &Shop,
    payment: Payment,
) -> Result<Payment, ConfirmError> {
    let buyer = payment.buyer.ok_or(ConfirmError::NoPayment)?;
    // A review may take a day: an account that was frozen or erased meanwhile pays nothing.
    if !identity::find_buyer(tx, buyer)?.is_some_and(|buyer| buyer.state == BuyerState::Active) {
        return Ok(declined(means, payment, DeclineReason::NotThePayer));
    }
    let currency = payment.amount.currency;
    let payee = AccountKey::shop(payment.id.shop(), ShopPurpose::Settlement, currency);
    if ledger::find_account(tx, payee)?.is_none() {
        let _ = ledger::open_account(tx, payee, ledger::Limit::DebitsMustNotExceedCredits, means.now)?;
    }
    let counted = match day_limit::limit_of(&shop.country, currency) {
        Some(limit) => {
            let counted = day_limit::count(tx, limit, buyer, &payment, means.now)?;
            Some(counted.ok_or(ConfirmError::DayLimit)?)
        }
        None => None,
    };
    let transfer = Transfer {
        // The payment's own unique part: a payment that were posted twice would meet its own transfer.
        id: ledger::transfer_of(payment.id),
        debit: AccountKey::buyer(buyer, currency),
        credit: payee,
        amount: payment.amount,
        reason: Reason::Payment,
        payment: Some(payment.id),
        hold: None,
        at: means.now,
    };
    match ledger::post_new(tx, &transfer)? {
        Ok(_) => {
            mark_order_paid(tx, &payment)?;
            counted.map_or(Ok(()), |counted| day_limit::keep(tx, buyer, counted))?;
            Ok(Payment { stored_state: State::Paid, settled_at: Some(means.now), ..payment })
        }
        Err(ledger::Refusal::InsufficientFunds(_) | ledger::Refusal::NoAccount(_)) => {
            Ok(declined(means, payment, DeclineReason::InsufficientFunds))
        }
        Err(refusal) => Err(store::Error::Bug(format!("the ledger refused a payment: {refusal}")).into()),
    }
}

fn mark_order_paid(tx: &mut Tx<'_>, payment: &Payment) -> Result<(), ConfirmError> {
    if let Some(id) = payment.order
        && let Some(mut order) = rows::find_order(tx, id)?
    {
        if let Some(paid_by) = order.payment {
            return Err(ConfirmError::OrderPaid(paid_by));
        }
        order.payment = Some(payment.id);
        rows::put_order(tx, &order)?;
    }
    Ok(())
}

pub(crate) fn declined(means: &Means<'_>, payment: Payment, reason: DeclineReason) -> Payment {
    Payment { stored_state: State::Declined, decline: Some(reason), settled_at: Some(means.now), ..payment }
}

pub(crate) fn attempt_of(state: State) -> Attempt {
    match state {
        State::Paid | State::PartlyRefunded | State::Refunded => Attempt::Paid,
        State::Paused | State::InReview => Attempt::Paused,
        _ => Attempt::Declined,
    }
}

fn finish(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    session: &BuyerSession,
    from: &Origination,
    mut payment: Payment,
) -> Result<Confirmed, ConfirmError> {
    let actor = audit::Actor::from(session.buyer);
    let leaf = record::note(tx, means, &actor, Deed::Confirm, &payment, from)?;
    payment.entry = Some(leaf.entry_id);
    rows::update_payment(tx, &payment)?;
    Ok(Confirmed::Moved(Box::new(Moved { payment, leaf })))
}

/// Notes in the profiles that a paused payment went on or stopped. Only what is known without the payer counts, and where
/// they were when they proved that it was them.
pub(crate) fn remember_end(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    payment: &Payment,
    attempt: Attempt,
    proven: Whereabouts,
) -> Result<(), store::Error> {
    let known = screening::known_facts(payment, means.now);
    let facts = Facts { payer_place: proven.place, address_country: proven.country, ..known };
    let profiles: Profiles = screening::load_profiles(tx, ShopId::HOUSE, &facts)?;
    screening::remember_payment(tx, &facts, profiles, attempt)
}
