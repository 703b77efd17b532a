//! A locked or forgotten payment PIN, set anew by its buyer (PIN-2, C21).
//!
//! The proof is a code to the confirmed contact, and besides it a second factor given lately where the buyer has one. Mail
//! and numbers are read by others more often than PINs are guessed, so the new PIN is held back for a day: with the code
//! alone it confirms no payment, and after an authenticator app or passkey that is older than a month it confirms five small
//! ones. A PIN that rests on the code alone confirms five small payments in all after that day, however often it is set anew,
//! until a second factor has been there for a month or whoever runs the installation says who the buyer is: a stolen
//! mailbox, which could add a factor as well, never gets the balance by itself. Meanwhile it adds no passkey and takes no freeze back. Every channel is told, with a link that freezes the account
//! for whoever reads it and did not do this; only whoever runs the installation can take that back, since somebody else
//! reads the mailbox then.

use base::{BuyerId, SessionId, ShopId, Timestamp};
use store::Tx;

use crate::buyers::{self, BuyerError};
use crate::codes::{CodeRequestError, CodeRequested, OneTimeCode};
use crate::context::{Fault, Means, takes_faults};
use crate::disputes::{Disputed, create_freeze_link};
use crate::factors::{self, FactorKind};
use crate::limits::{OWN_FRESH_SECONDS, PIN_COOLING_PAYMENTS_MAX};
use crate::notices::{Notice, queue_notice};
use crate::own;
use crate::permissions::Actor;
use crate::person::Person;
use crate::phone::Contact;
use crate::pin::{self, Cooling, Pin, PinProblem};
use crate::record::{self, Event};
use crate::sent_codes::{self, CodePurpose, Delivery, Errand, SentCheck};
use crate::sessions::{self, AuthError, BuyerSession, NewSession};
use crate::store::buyers::{self as rows, BuyerRow, BuyerState};
use crate::token::Token;

/// Why a PIN cannot be set anew.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinResetError {
    /// The account is frozen or gone.
    #[error("the account is frozen; its PIN cannot be set anew")]
    NotActive,
    /// The buyer has a second factor and did not give it lately.
    #[error("give your second factor first")]
    StepUpNeeded,
    /// The session ended meanwhile.
    #[error("sign in first")]
    SignInNeeded,
    /// The new PIN is weak.
    #[error(transparent)]
    WeakPin(PinProblem),
    /// Too many codes were asked for.
    #[error(transparent)]
    Code(CodeRequestError),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(PinResetError);

impl From<CodeRequestError> for PinResetError {
    fn from(error: CodeRequestError) -> PinResetError {
        match error {
            CodeRequestError::Fault(fault) => PinResetError::Fault(fault),
            other => PinResetError::Code(other),
        }
    }
}

impl From<AuthError> for PinResetError {
    fn from(error: AuthError) -> PinResetError {
        match error {
            AuthError::SignInNeeded => PinResetError::SignInNeeded,
            AuthError::Fault(fault) => PinResetError::Fault(fault),
        }
    }
}

/// What giving the code came to. All are results, so that the count is kept.
#[derive(Clone, Debug)]
pub enum PinReset {
    /// The new PIN is in force, held back for a while; the session goes on under a new token, and all others ended.
    Done(NewSession, Cooling),
    /// A wrong code.
    Wrong {
        /// Tries that are left.
        left: i64,
    },
    /// The request is unknown, expired, used or spent.
    Gone,
}

/// What a buyer's new PIN rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// The code to the contact.
    Contact,
    /// An authenticator app or passkey as well, one that was there long before.
    Factor,
}

impl Basis {
    fn name(self) -> &'static str {
        match self {
            Basis::Contact => "contact",
            Basis::Factor => "factor",
        }
    }
}

/// Whether the buyer may ask for a code now; for pages, which send the buyer to the second factor first.
///
/// # Errors
/// [`PinResetError::NotActive`], [`PinResetError::StepUpNeeded`].
pub fn check_pin_reset(tx: &mut Tx, means: &Means<'_>, session: &BuyerSession) -> Result<(), PinResetError> {
    find_basis(tx, means, session).map(|_| ())
}

/// Sends a code to the buyer's contact for a new PIN. `from` is the network address of whoever asks, and the host the code
/// is for.
///
/// # Errors
/// [`PinResetError`] but the weak PIN.
pub fn request_pin_reset(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &BuyerSession,
    (origin, host): (&str, &str),
) -> Result<CodeRequested, PinResetError> {
    find_basis(tx, means, session)?;
    let person = find_person(tx, means, session.buyer)?;
    let contact = Contact::parse(person.contact.expose()).map_err(|_| Fault::Row("contact"))?;
    let to = Delivery { contact: &contact, origin, host };
    Ok(sent_codes::send_code(tx, means, errand(session), to)?)
}

/// Sets the PIN anew with the code. The old PIN is gone, the count of wrong ones starts at nothing, the session goes on
/// under a new token and every other one ends. `public_url` is what links in mails start with.
///
/// # Errors
/// [`PinResetError`] but too many codes. A weak PIN does not use the code up.
pub fn finish_pin_reset(
    tx: &mut Tx,
    means: &Means<'_>,
    (session, token): (&BuyerSession, &Token),
    (request, code): (SessionId, &OneTimeCode),
    new: &Pin,
    public_url: &str,
) -> Result<PinReset, PinResetError> {
    let basis = find_basis(tx, means, session)?;
    let person = find_person(tx, means, session.buyer)?;
    new.check_strength(person.contact.expose()).map_err(PinResetError::WeakPin)?;
    match sent_codes::check_sent(tx, means, errand(session), request, code)? {
        SentCheck::Right => {}
        SentCheck::Wrong { left } => return Ok(PinReset::Wrong { left }),
        SentCheck::Gone => return Ok(PinReset::Gone),
    }
    let held = put_pin(tx, means, session.buyer, new, basis)?;
    let renewed = sessions::rotate_session(tx, means, token)?;
    own::end_other_sessions(tx, means, Person::Buyer(session.buyer), session.id)?;
    tell(tx, means, session.buyer, held, public_url)?;
    Ok(PinReset::Done(renewed, held))
}

fn errand(session: &BuyerSession) -> Errand<'_> {
    let person = Person::Buyer(session.buyer);
    Errand { person, purpose: CodePurpose::PinReset, bound: session.id.short() }
}

/// What the buyer has shown in this session, if it is enough.
fn find_basis(tx: &mut Tx, means: &Means<'_>, session: &BuyerSession) -> Result<Basis, PinResetError> {
    let person = Person::Buyer(session.buyer);
    let state = rows::find_buyer(tx, session.buyer)?.map(|row| row.state);
    if state != Some(BuyerState::Active) {
        return Err(PinResetError::NotActive);
    }
    if !factors::has_second_factor(tx, means.vault, person)? {
        return Ok(Basis::Contact);
    }
    let is_fresh = |given: Timestamp| session.at < given.plus_seconds(OWN_FRESH_SECONDS);
    if !session.second_factor.is_some_and(is_fresh) {
        return Err(PinResetError::StepUpNeeded);
    }
    let factors = factors::list_factors(tx, person)?;
    // A number may be the contact itself, or stolen with it.
    let has_number = factors.iter().any(|factor| factor.kind == FactorKind::Sms);
    let is_settled = factors.iter().any(|factor| {
        let is_strong = matches!(factor.kind, FactorKind::Totp | FactorKind::Passkey);
        is_strong && factor.is_settled(session.at)
    });
    Ok(if is_settled && !has_number { Basis::Factor } else { Basis::Contact })
}

fn find_person(tx: &mut Tx, means: &Means<'_>, id: BuyerId) -> Result<buyers::BuyerPerson, PinResetError> {
    buyers::find_buyer_person(tx, means.vault, id).map_err(|error| match error {
        BuyerError::Fault(fault) => fault.into(),
        _ => PinResetError::NotActive,
    })
}

fn put_pin(
    tx: &mut Tx,
    means: &Means<'_>,
    id: BuyerId,
    new: &Pin,
    basis: Basis,
) -> Result<Cooling, PinResetError> {
    let row = rows::find_buyer(tx, id)?.ok_or(PinResetError::NotActive)?;
    let (pin_salt, pin_verifier) = buyers::fresh_verifier(means, id, new);
    let is_alone = basis == Basis::Contact;
    // INVARIANT: as long as nothing but codes to the contact was shown, no further small payments are given.
    let pin_reset_left =
        if is_alone && row.pin_alone { row.pin_reset_left } else { PIN_COOLING_PAYMENTS_MAX };
    let row = BuyerRow {
        pin_salt,
        pin_verifier,
        pin_failures: 0,
        pin_changed: means.now,
        pin_reset: Some(means.now),
        pin_reset_left,
        pin_alone: is_alone,
        ..row
    };
    let held = pin::begin_cooling(tx, means, &row)?;
    rows::update_buyer(tx, row)?;
    record::note(tx, means, Event::of_buyer(id, record::PIN_RESET).with("proof", basis.name()))?;
    Ok(held)
}

/// Lets a PIN that was set anew pay as usual at once: whoever decides has seen that the buyer is who they say. The buyer is
/// told.
///
/// # Errors
/// [`BuyerError::NotFound`] for an unknown or erased buyer.
pub fn confirm_buyer(tx: &mut Tx, means: &Means<'_>, actor: &Actor, id: BuyerId) -> Result<(), BuyerError> {
    let row = rows::find_buyer(tx, id)?.filter(|row| row.state != BuyerState::Erased);
    let row = row.ok_or(BuyerError::NotFound)?;
    if row.pin_reset.is_none() {
        return Ok(());
    }
    rows::update_buyer(tx, row.with_settled_pin())?;
    record::note(tx, means, Event::new(ShopId::HOUSE, actor, record::BUYER_CONFIRMED, id))?;
    Ok(queue_notice(tx, means, Person::Buyer(id), &Notice::BuyerConfirmed)?)
}

/// Tells every channel, with a link that freezes the account.
fn tell(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    held: Cooling,
    public_url: &str,
) -> Result<(), Fault> {
    let link = create_freeze_link(tx, means, (buyer, Disputed::Pin), public_url)?;
    queue_notice(tx, means, Person::Buyer(buyer), &Notice::PinReset { link, held })
}
