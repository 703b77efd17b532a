//! A buyer's contact, changed by the buyer (ASVS 7.5.1, C15, FR-4).
//!
//! It takes a proof given lately, the payment PIN, and a code that came to the new address or number. The old one is told
//! with a link that freezes the account, and so is every other channel. Whether somebody has an account with the new contact shows only to whoever reads it.

use base::{BuyerId, SessionId, ShopId};
use store::Tx;

use crate::buyers::{self, BuyerError};
use crate::codes::{CodeRequestError, CodeRequested, OneTimeCode};
use crate::context::{Fault, Means, takes_faults};
use crate::disputes::{Disputed, create_freeze_link};
use crate::factors;
use crate::notices::{Notice, queue_notice};
use crate::own;
use crate::permissions::{Actor, Denied};
use crate::person::Person;
use crate::phone::Contact;
use crate::pin::{Pin, PinCheck, verify_settled_pin};
use crate::record::{self, Event};
use crate::sent_codes::{self, CodePurpose, Delivery, Errand, SentCheck};
use crate::sessions::{self, AuthError, BuyerSession, NewSession};
use crate::sign_in::{OwnError, require_own_change};
use crate::token::Token;

/// Why a contact cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactChangeError {
    /// No proof was given lately, or the session ended.
    #[error(transparent)]
    Denied(Denied),
    /// Too many codes were asked for.
    #[error(transparent)]
    Code(CodeRequestError),
    /// Somebody has an account with the new contact; said to its owner alone.
    #[error(transparent)]
    Buyer(BuyerError),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(ContactChangeError);

impl From<OwnError> for ContactChangeError {
    fn from(error: OwnError) -> ContactChangeError {
        match error {
            OwnError::Denied(denied) => ContactChangeError::Denied(denied),
            OwnError::Fault(fault) => ContactChangeError::Fault(fault),
        }
    }
}

impl From<CodeRequestError> for ContactChangeError {
    fn from(error: CodeRequestError) -> ContactChangeError {
        match error {
            CodeRequestError::Fault(fault) => ContactChangeError::Fault(fault),
            other => ContactChangeError::Code(other),
        }
    }
}

impl From<BuyerError> for ContactChangeError {
    fn from(error: BuyerError) -> ContactChangeError {
        match error {
            BuyerError::Fault(fault) => ContactChangeError::Fault(fault),
            other => ContactChangeError::Buyer(other),
        }
    }
}

impl From<AuthError> for ContactChangeError {
    fn from(error: AuthError) -> ContactChangeError {
        match error {
            AuthError::SignInNeeded => ContactChangeError::Denied(Denied::SignInNeeded),
            AuthError::Fault(fault) => ContactChangeError::Fault(fault),
        }
    }
}

/// What asking came to. Both are results, so that a wrong PIN is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactAsked {
    /// A code is on its way to the new contact.
    Sent(CodeRequested),
    /// The PIN was not right.
    Refused(PinCheck),
}

/// What giving the code came to. All are results, so that the count is kept.
#[derive(Clone, Debug)]
pub enum ContactChange {
    /// The new contact counts. The session goes on under a new token, and all others ended.
    Done(NewSession),
    /// A wrong code, or one for another contact.
    Wrong {
        /// Tries that are left.
        left: i64,
    },
    /// The request is unknown, expired, used or spent.
    Gone,
}

/// Sends a code to a new contact of the buyer who asks.
///
/// # Errors
/// [`ContactChangeError::Denied`], [`ContactChangeError::Code`]; [`ContactChangeError::Buyer`] for the number of the buyer's
/// own second factor.
pub fn request_contact_change(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &BuyerSession,
    (new, pin): (&Contact, &Pin),
    (origin, host): (&str, &str),
) -> Result<ContactAsked, ContactChangeError> {
    require_own_change(tx, means.vault, &Actor::Buyer(session.clone()))?;
    let check = verify_settled_pin(tx, means, session.buyer, pin)?;
    if check != PinCheck::Right {
        return Ok(ContactAsked::Refused(check));
    }
    if factors::has_number(tx, means, session.buyer, new)? {
        return Err(ContactChangeError::Buyer(BuyerError::ContactIsFactor));
    }
    let bound = bound(means, session, new);
    let to = Delivery { contact: new, origin, host };
    Ok(ContactAsked::Sent(sent_codes::send_code(tx, means, errand(session, &bound), to)?))
}

/// Changes the contact with the code that came to the new one. `public_url` is what links in mails start with.
///
/// # Errors
/// [`ContactChangeError::Denied`]; [`ContactChangeError::Buyer`] when the contact is another account's, or the number of the buyer's
/// own second factor.
pub fn finish_contact_change(
    tx: &mut Tx,
    means: &Means<'_>,
    (session, token): (&BuyerSession, &Token),
    (new, public_url): (&Contact, &str),
    (request, code): (SessionId, &OneTimeCode),
) -> Result<ContactChange, ContactChangeError> {
    require_own_change(tx, means.vault, &Actor::Buyer(session.clone()))?;
    let bound = bound(means, session, new);
    match sent_codes::check_sent(tx, means, errand(session, &bound), request, code)? {
        SentCheck::Right => {}
        SentCheck::Wrong { left } => return Ok(ContactChange::Wrong { left }),
        SentCheck::Gone => return Ok(ContactChange::Gone),
    }
    replace(tx, means, &Actor::Buyer(session.clone()), (session.buyer, new), public_url)?;
    let renewed = sessions::rotate_session(tx, means, token)?;
    own::end_other_sessions(tx, means, Person::Buyer(session.buyer), session.id)?;
    Ok(ContactChange::Done(renewed))
}

/// Puts another contact in place of a buyer's, for whoever runs the installation: the buyer has shown to them that it is
/// theirs. Every session ends, and the old contact is told.
///
/// # Errors
/// [`BuyerError::ContactTaken`], [`BuyerError::ContactIsFactor`], [`BuyerError::NotFound`].
pub fn put_contact_as_operator(
    tx: &mut Tx,
    means: &Means<'_>,
    (buyer, new): (BuyerId, &Contact),
    public_url: &str,
) -> Result<(), BuyerError> {
    replace(tx, means, &Actor::Operator, (buyer, new), public_url)?;
    sessions::end_buyer_sessions(tx, means, buyer)?;
    Ok(())
}

fn replace(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    (buyer, new): (BuyerId, &Contact),
    public_url: &str,
) -> Result<(), BuyerError> {
    // One telephone would be both factors.
    if factors::has_number(tx, means, buyer, new)? {
        return Err(BuyerError::ContactIsFactor);
    }
    let person = buyers::find_buyer_person(tx, means.vault, buyer)?;
    let old = Contact::parse(person.contact.expose()).map_err(|_| Fault::Row("contact"))?;
    buyers::put_contact(tx, means, buyer, new)?;
    record::note(tx, means, Event::new(ShopId::HOUSE, actor, record::CONTACT_CHANGED, buyer))?;
    let link = create_freeze_link(tx, means, (buyer, Disputed::Contact), public_url)?;
    Ok(queue_notice(tx, means, Person::Buyer(buyer), &Notice::ContactChanged { old, link })?)
}

/// A code is good for this session and this contact alone.
fn bound(means: &Means<'_>, session: &BuyerSession, new: &Contact) -> String {
    format!("{} {}", session.id.short(), buyers::contact_index(means.vault, new))
}

fn errand<'a>(session: &BuyerSession, bound: &'a str) -> Errand<'a> {
    Errand { person: Person::Buyer(session.buyer), purpose: CodePurpose::Verify, bound }
}
