//! Proving a passkey: to sign in, as a second factor, for a payment.

use base::{BuyerId, FactorId, SessionId, ShopId};
use store::Tx;

use super::ceremony::{PasskeyProblem, PasskeyUse, UseState, check_use};
use super::challenges::{self, hash_text};
use super::enrol::list_kept;
use super::kept::KeptKey;
use super::site::Site;
use super::{Holder, PasskeyError, PasskeyRefusal};
use crate::buyers::{self, BuyerState};
use crate::context::{Fault, Means};
use crate::factors::{self, FactorKind};
use crate::notices::{self, Notice};
use crate::permissions::Actor;
use crate::person::Person;
use crate::record::{self, Event};
use crate::store::passkeys::{self as rows, OwnerRow, Purpose};
use crate::throttle::{self, Limit};
use crate::token::{Token, TokenKind};

/// Refused passkeys at payments of one buyer; beside them the PIN stays open, with a count of its own.
const PER_PAYER: Limit =
    Limit { kind: "passkey_payment", tries_max: 5, window_seconds: 3600, block_seconds: 3600 };

/// What a browser needs to use a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestOptions {
    /// What the authenticator has to sign for.
    pub challenge: Vec<u8>,
    /// The credentials to choose from; none lets the person choose among all they have for this site.
    pub allowed: Vec<Vec<u8>>,
}

/// What came of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyCheck {
    /// The passkey of this person.
    Right {
        /// Whose it is.
        person: Person,
        /// Which one.
        factor: FactorId,
    },
    /// It was refused.
    Refused(PasskeyRefusal),
}

/// What came of a use at a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentCheck {
    /// The payer's passkey, for exactly this payment.
    Right,
    /// It was refused.
    Refused(PasskeyRefusal),
    /// Too many were refused; it was not looked at.
    Locked {
        /// When to come back, in seconds.
        retry_after_seconds: i64,
    },
    /// The buyer is frozen, erased or unknown; it was not looked at.
    NotActive,
}

/// Asks whoever is there to sign in. The token goes to the page and comes back with the answer. Every caller is asked the
/// same, since no account is named.
///
/// # Errors
/// [`Fault`] alone.
pub fn start_sign_in(tx: &mut Tx, means: &Means<'_>) -> Result<(Token, RequestOptions), Fault> {
    let token = Token::random(TokenKind::PasskeyAttempt, means.dice);
    let challenge = challenges::give_random(tx, means, Purpose::SignIn, Holder::Attempt(&token))?;
    Ok((token, RequestOptions { challenge, allowed: Vec::new() }))
}

/// Says whose passkey was used to sign in. The authenticator must name its person.
///
/// # Errors
/// [`Fault`] alone.
pub fn verify_sign_in(
    tx: &mut Tx,
    means: &Means<'_>,
    site: &Site,
    attempt: &Token,
    used: &PasskeyUse,
) -> Result<PasskeyCheck, Fault> {
    let ask = Ask { purpose: Purpose::SignIn, holder: Holder::Attempt(attempt), person: None };
    verify(tx, means, site, ask, used)
}

/// Asks a person who is signed in for one of their passkeys.
///
/// # Errors
/// [`Fault`] alone.
pub fn start_step_up(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    session: SessionId,
) -> Result<RequestOptions, Fault> {
    let challenge = challenges::give_random(tx, means, Purpose::StepUp, Holder::Session(session))?;
    Ok(RequestOptions { challenge, allowed: allowed(tx, means, person)? })
}

/// Checks the passkey of a person who is signed in.
///
/// # Errors
/// [`Fault`] alone.
pub fn verify_step_up(
    tx: &mut Tx,
    means: &Means<'_>,
    site: &Site,
    (person, session): (Person, SessionId),
    used: &PasskeyUse,
) -> Result<PasskeyCheck, Fault> {
    let ask = Ask { purpose: Purpose::StepUp, holder: Holder::Session(session), person: Some(person) };
    verify(tx, means, site, ask, used)
}

/// Asks a buyer to confirm a payment. `binding` is what the payment's confirmation is bound to; it is the challenge.
///
/// # Errors
/// [`Fault`] alone.
pub fn start_payment(
    tx: &mut Tx,
    means: &Means<'_>,
    (buyer, session): (BuyerId, SessionId),
    binding: &[u8; 32],
) -> Result<RequestOptions, PasskeyError> {
    let allowed = allowed(tx, means, Person::Buyer(buyer))?;
    challenges::give(tx, means, Purpose::Pay, Holder::Session(session), binding)?;
    Ok(RequestOptions { challenge: binding.to_vec(), allowed })
}

/// Checks the buyer's passkey over `binding`, which the caller computed anew from the payment's own row. Refusals are counted
/// before they are judged, and past five an hour nothing is looked at.
///
/// # Errors
/// [`Fault`] alone.
pub fn verify_payment(
    tx: &mut Tx,
    means: &Means<'_>,
    site: &Site,
    (buyer, session): (BuyerId, SessionId),
    binding: &[u8; 32],
    used: &PasskeyUse,
) -> Result<PaymentCheck, Fault> {
    let active = buyers::find_buyer(tx, buyer)?.is_some_and(|buyer| buyer.state == BuyerState::Active);
    if !active {
        return Ok(PaymentCheck::NotActive);
    }
    if let Err(blocked) = throttle::count(tx, &PER_PAYER, buyer.short(), means.now)? {
        return Ok(PaymentCheck::Locked { retry_after_seconds: blocked.retry_after_seconds });
    }
    let person = Person::Buyer(buyer);
    let ask = Ask { purpose: Purpose::Pay, holder: Holder::Session(session), person: Some(person) };
    if used.challenge() != binding {
        // A touch that was meant for another amount, payee or payment.
        let refusal = PasskeyRefusal::Problem(PasskeyProblem::WrongChallenge);
        note_refusal(tx, means, Some(person), refusal)?;
        return Ok(PaymentCheck::Refused(refusal));
    }
    match verify(tx, means, site, ask, used)? {
        PasskeyCheck::Right { .. } => {
            throttle::clear(tx, &PER_PAYER, buyer.short())?;
            Ok(PaymentCheck::Right)
        }
        PasskeyCheck::Refused(refusal) => Ok(PaymentCheck::Refused(refusal)),
    }
}

fn allowed(tx: &mut Tx, means: &Means<'_>, person: Person) -> Result<Vec<Vec<u8>>, Fault> {
    let kept = list_kept(tx, means, person)?.into_iter();
    Ok(kept.filter(|(_, kept)| !kept.copied).map(|(_, kept)| kept.id).collect())
}

/// What is asked, and of whom.
#[derive(Clone, Copy)]
struct Ask<'a> {
    purpose: Purpose,
    holder: Holder<'a>,
    /// Whose passkey it has to be, where that is known.
    person: Option<Person>,
}

fn verify(
    tx: &mut Tx,
    means: &Means<'_>,
    site: &Site,
    ask: Ask<'_>,
    used: &PasskeyUse,
) -> Result<PasskeyCheck, Fault> {
    if !challenges::take(tx, means, ask.purpose, ask.holder, used.challenge())? {
        return refuse(tx, means, ask.person, PasskeyRefusal::Stale);
    }
    let Some(owner) = find_owner(tx, ask, used)? else {
        return refuse(tx, means, ask.person, PasskeyRefusal::Unknown);
    };
    let OwnerRow { person, factor } = owner;
    let Some(secret) = factors::find_secret(tx, means, person, FactorKind::Passkey, factor)? else {
        return refuse(tx, means, ask.person, PasskeyRefusal::Unknown);
    };
    let kept = KeptKey::read(&secret)?;
    if kept.copied {
        return refuse(tx, means, Some(person), PasskeyRefusal::Copied);
    }
    match check_use(site, used.challenge(), kept.known(), used) {
        Ok(use_state) => accept(tx, means, owner, kept, use_state),
        Err(problem) => {
            if problem == PasskeyProblem::CounterBack {
                distrust(tx, means, owner, kept)?;
            }
            refuse(tx, means, Some(person), PasskeyRefusal::Problem(problem))
        }
    }
}

/// Whose credential it is. The authenticator's word about its person must fit, and stand there where nobody else names one.
fn find_owner(tx: &mut Tx, ask: Ask<'_>, used: &PasskeyUse) -> Result<Option<OwnerRow>, Fault> {
    let Some(owner) = rows::find_owner(tx, &hash_text(used.id()))? else { return Ok(None) };
    let handle = rows::find_handle(tx, owner.person.shop(), owner.person.short())?;
    let named = match used.user_handle() {
        Some(shown) => handle.as_deref() == Some(shown),
        None => ask.person.is_some(),
    };
    let wanted = ask.person.is_none_or(|person| person == owner.person);
    Ok((named && wanted).then_some(owner))
}

fn accept(
    tx: &mut Tx,
    means: &Means<'_>,
    owner: OwnerRow,
    kept: KeptKey,
    use_state: UseState,
) -> Result<PasskeyCheck, Fault> {
    let OwnerRow { person, factor } = owner;
    let kept = KeptKey { use_state, ..kept };
    factors::update_secret(tx, means, person, factor, &kept.write()).map_err(fault_of)?;
    factors::note_use(tx, means, person, factor).map_err(fault_of)?;
    Ok(PasskeyCheck::Right { person, factor })
}

/// Refuses the passkey from now on and tells its owner: somebody may have a copy (WA-3).
fn distrust(tx: &mut Tx, means: &Means<'_>, owner: OwnerRow, kept: KeptKey) -> Result<(), Fault> {
    let OwnerRow { person, factor } = owner;
    let kept = KeptKey { copied: true, ..kept };
    factors::update_secret(tx, means, person, factor, &kept.write()).map_err(fault_of)?;
    let event = Event::new(person.shop(), person, record::PASSKEY_COPY_SUSPECTED, factor);
    record::note(tx, means, event.refused())?;
    let all = factors::list_factors(tx, person)?;
    let label = all.into_iter().find(|one| one.id == factor).map_or_else(String::new, |one| one.label);
    notices::queue_notice(tx, means, person, &Notice::PasskeyCopied { label })
}

fn refuse(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Option<Person>,
    refusal: PasskeyRefusal,
) -> Result<PasskeyCheck, Fault> {
    note_refusal(tx, means, person, refusal)?;
    Ok(PasskeyCheck::Refused(refusal))
}

fn note_refusal(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Option<Person>,
    refusal: PasskeyRefusal,
) -> Result<(), Fault> {
    let event = match person {
        Some(person) => Event::new(person.shop(), person, record::PASSKEY_REFUSED, person),
        None => {
            let nobody = audit::Object::word("passkey");
            Event::new(ShopId::HOUSE, &Actor::Anyone, record::PASSKEY_REFUSED, nobody)
        }
    };
    record::note(tx, means, event.refused().with("reason", refusal.word()))
}

/// A factor that was just read is there.
fn fault_of(error: factors::FactorError) -> Fault {
    match error {
        factors::FactorError::Fault(fault) => fault,
        _ => Fault::Row("factor"),
    }
}
