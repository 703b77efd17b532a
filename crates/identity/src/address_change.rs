//! A member's address, changed by the member (ASVS 7.5.1, C15).
//!
//! It takes a second factor given lately and a code that came to the new address. The old one is told with a link that puts
//! it back and stops the account ([`crate::disputes`]), and so is every other channel. Whether the new address is a
//! member's shows only to whoever reads it.

use base::{MemberId, SessionId, ShopId};
use store::Tx;

use crate::codes::{CodeRequestError, CodeRequested, OneTimeCode};
use crate::context::{Fault, Means, takes_faults};
use crate::disputes::{Stolen, create_address_link};
use crate::logins::{email_index, move_login};
use crate::members::{self, MemberState};
use crate::notices::{Notice, queue_notice};
use crate::own;
use crate::password_reset;
use crate::permissions::{Actor, Denied};
use crate::person::Person;
use crate::phone::Contact;
use crate::record::{self, Event};
use crate::sent_codes::{self, CodePurpose, Delivery, Errand, SentCheck};
use crate::sessions::{self, AuthError, MemberSession, NewSession};
use crate::sign_in::{self, OwnError, require_own_fresh};
use crate::store::members as rows;
use crate::text::Email;
use crate::token::Token;

/// Why an address cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressChangeError {
    /// No second factor was given lately, or the session ended.
    #[error(transparent)]
    Denied(Denied),
    /// Too many codes were asked for.
    #[error(transparent)]
    Code(CodeRequestError),
    /// The new address is a member's; said to its owner alone.
    #[error("there is a member with this address already")]
    Taken,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(AddressChangeError);

impl From<OwnError> for AddressChangeError {
    fn from(error: OwnError) -> AddressChangeError {
        match error {
            OwnError::Denied(denied) => AddressChangeError::Denied(denied),
            OwnError::Fault(fault) => AddressChangeError::Fault(fault),
        }
    }
}

impl From<CodeRequestError> for AddressChangeError {
    fn from(error: CodeRequestError) -> AddressChangeError {
        match error {
            CodeRequestError::Fault(fault) => AddressChangeError::Fault(fault),
            other => AddressChangeError::Code(other),
        }
    }
}

impl From<AuthError> for AddressChangeError {
    fn from(error: AuthError) -> AddressChangeError {
        match error {
            AuthError::SignInNeeded => AddressChangeError::Denied(Denied::SignInNeeded),
            AuthError::Fault(fault) => AddressChangeError::Fault(fault),
        }
    }
}

/// What giving the code came to. All are results, so that the count is kept.
#[derive(Clone, Debug)]
pub enum AddressChange {
    /// The new address counts. The session goes on under a new token, and all others ended.
    Done(NewSession),
    /// A wrong code, or one for another address.
    Wrong {
        /// Tries that are left.
        left: i64,
    },
    /// The request is unknown, expired, used or spent.
    Gone,
}

/// Sends a code to a new address of the member who asks. `from` is the network address of whoever asks, and the host the
/// code is for.
///
/// # Errors
/// [`AddressChangeError::Denied`], [`AddressChangeError::Code`].
pub fn request_address_change(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &MemberSession,
    new: &Email,
    (origin, host): (&str, &str),
) -> Result<CodeRequested, AddressChangeError> {
    require_own_fresh(tx, means.vault, &Actor::Member(session.clone()))?;
    let (bound, contact) = (bound(means, session, new), Contact::Email(new.clone()));
    let to = Delivery { contact: &contact, origin, host };
    Ok(sent_codes::send_code(tx, means, errand(session, &bound), to)?)
}

/// Changes the address with the code that came to the new one. `public_url` is what links in mails start with.
///
/// # Errors
/// [`AddressChangeError::Denied`]; [`AddressChangeError::Taken`] when the address is another member's.
pub fn finish_address_change(
    tx: &mut Tx,
    means: &Means<'_>,
    (session, token): (&MemberSession, &Token),
    (new, public_url): (&Email, &str),
    (request, code): (SessionId, &OneTimeCode),
) -> Result<AddressChange, AddressChangeError> {
    require_own_fresh(tx, means.vault, &Actor::Member(session.clone()))?;
    let bound = bound(means, session, new);
    match sent_codes::check_sent(tx, means, errand(session, &bound), request, code)? {
        SentCheck::Right => {}
        SentCheck::Wrong { left } => return Ok(AddressChange::Wrong { left }),
        SentCheck::Gone => return Ok(AddressChange::Gone),
    }
    replace(tx, means, session, new, public_url)?;
    let renewed = sessions::rotate_session(tx, means, token)?;
    own::end_other_sessions(tx, means, Person::Member(session.member), session.id)?;
    Ok(AddressChange::Done(renewed))
}

fn replace(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &MemberSession,
    new: &Email,
    public_url: &str,
) -> Result<(), AddressChangeError> {
    let (shop, id) = (session.shop, session.member);
    let person = Person::Member(id);
    let row = rows::find_member(tx, shop, id)?.filter(|row| row.state == MemberState::Active);
    let row = row.ok_or(AddressChangeError::Denied(Denied::SignInNeeded))?;
    let old = members::open_person(tx, means.vault, &row)?.email;
    if !move_login(tx, means, row, new)? {
        return Err(AddressChangeError::Taken);
    }
    // What was on its way to the old mailbox, or begun with its password, opens nothing any more.
    sign_in::forget_pending(tx, person)?;
    password_reset::delete_resets(tx, id)?;
    record::note(tx, means, Event::new(shop, id, record::MEMBER_ADDRESS_CHANGED, id))?;
    let link = create_address_link(tx, means, &Stolen { member: id, old: &old }, public_url)?;
    let old = Contact::parse(old.expose()).map_err(|_| Fault::Row("address"))?;
    Ok(queue_notice(tx, means, person, &Notice::ContactChanged { old, link })?)
}

/// A code is good for this session and this address alone.
fn bound(means: &Means<'_>, session: &MemberSession, new: &Email) -> String {
    format!("{} {}", session.id.short(), email_index(means.vault, new))
}

fn errand<'a>(session: &MemberSession, bound: &'a str) -> Errand<'a> {
    Errand { person: Person::Member(session.member), purpose: CodePurpose::Verify, bound }
}

/// Puts a member's earlier address back, where nobody else has it by now.
pub(crate) fn put_back(
    tx: &mut Tx,
    means: &Means<'_>,
    (shop, id): (ShopId, MemberId),
    old: &str,
) -> Result<bool, Fault> {
    let Some(row) = rows::find_member(tx, shop, id)? else { return Ok(false) };
    let old = Email::parse(old).map_err(|_| Fault::Row("address"))?;
    move_login(tx, means, row, &old)
}
