//! What people do with their own account: see and end their sessions, freeze everything, take that back.
//!
//! Who may is decided by the caller's session ([`crate::permissions::Permission::OwnSecurity`]); here is what is done.

use base::{SessionId, Timestamp};
use store::Tx;
use vault::Vault;

use crate::buyers::{BuyerError, Freeze, set_frozen};
use crate::cases::{Cause, open_account_case};
use crate::context::{Fault, Means, takes_faults};
use crate::factors;
use crate::notices::{Notice, queue_notice};
use crate::password::PasswordHash;
use crate::password_reset;
use crate::permissions::{Actor, Denied};
use crate::person::Person;
use crate::pin::{Pin, PinCheck, find_cooling, verify_pin_of};
use crate::record::{self, Event};
use crate::sessions::{self, AuthError, BuyerSession, MemberSession, NewSession, SessionLine};
use crate::sign_in::{self, OwnError, require_own_fresh};
use crate::store::buyers::{self, BuyerState};
use crate::store::members::{self, MemberRow};
use crate::store::sessions::{self as rows, SessionKind};
use crate::token::Token;

/// The open sessions of a person, newest first.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_own_sessions(tx: &mut Tx, person: Person, now: Timestamp) -> Result<Vec<SessionLine>, Fault> {
    match person {
        Person::Buyer(id) => sessions::list_buyer_sessions(tx, id, now),
        Person::Member(id) => sessions::list_member_sessions(tx, id, now),
    }
}

/// Ends one session of whoever asks, chosen from the list: the one that asks at any time, another one with a fresh proof,
/// so that a thief of one device does not sign its owner out of the others (ASVS 7.5.2). Returns whether it was theirs.
///
/// # Errors
/// Those of [`require_own_fresh`].
pub fn end_own_session(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    id: SessionId,
) -> Result<bool, OwnError> {
    let (person, current) = session_of(actor)?;
    if id != current {
        require_own_fresh(tx, means.vault, actor)?;
    }
    Ok(end_sessions(tx, means, person, |session| session == id)? > 0)
}

/// Ends every session of whoever asks but the one that asks, with a fresh proof. Returns how many there were.
///
/// # Errors
/// Those of [`require_own_fresh`].
pub fn sign_out_elsewhere(tx: &mut Tx, means: &Means<'_>, actor: &Actor) -> Result<usize, OwnError> {
    let (_, current) = session_of(actor)?;
    let person = require_own_fresh(tx, means.vault, actor)?;
    Ok(end_other_sessions(tx, means, person, current)?)
}

fn session_of(actor: &Actor) -> Result<(Person, SessionId), OwnError> {
    match actor {
        Actor::Member(session) => Ok((Person::Member(session.member), session.id)),
        Actor::Buyer(session) => Ok((Person::Buyer(session.buyer), session.id)),
        _ => Err(OwnError::Denied(Denied::SignInNeeded)),
    }
}

/// Ends every session of a person but one, as part of a change that was proven by itself. Returns how many there were.
///
/// # Errors
/// [`Fault`] alone.
pub fn end_other_sessions(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    keep: SessionId,
) -> Result<usize, Fault> {
    end_sessions(tx, means, person, |session| session != keep)
}

fn end_sessions(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    chosen: impl Fn(SessionId) -> bool,
) -> Result<usize, Fault> {
    let kind = match person {
        Person::Buyer(_) => SessionKind::Buyer,
        Person::Member(_) => SessionKind::Member,
    };
    let mut all = rows::list_sessions(tx, kind, person.short())?;
    all.retain(|row| chosen(row.id));
    for row in &all {
        sessions::close(tx, means, row)?;
    }
    Ok(all.len())
}

/// Freezes the account of the buyer who asks, since something was not them: nothing can be paid from it, every other session
/// ends, the buyer is told on every channel, and whoever runs the installation has a case to look into. Returns how many
/// sessions ended.
///
/// # Errors
/// [`BuyerError::NotFound`].
pub fn freeze_everything(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &BuyerSession,
    cause: Cause,
) -> Result<usize, BuyerError> {
    let person = Person::Buyer(session.buyer);
    let is_frozen = buyers::find_buyer(tx, session.buyer)?.is_some_and(|row| row.state != BuyerState::Active);
    set_frozen(tx, means, &Actor::Buyer(session.clone()), session.buyer, Freeze::Freeze)?;
    if !is_frozen {
        queue_notice(tx, means, person, &Notice::Frozen { keeps_one: true })?;
    }
    open_account_case(tx, means, person, cause)?;
    Ok(end_other_sessions(tx, means, person, session.id)?)
}

/// What taking a freeze back came to. All are results, so that a wrong PIN is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thaw {
    /// The account pays again.
    Done,
    /// The PIN was not right.
    Refused(PinCheck),
}

/// Why a freeze cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThawError {
    /// The buyer did not freeze it.
    #[error("whoever runs this service stopped this account; ask them")]
    NotOwn,
    /// No second factor given lately, or where there is none, no code to the contact.
    #[error("give your second factor again, or sign in again with a code")]
    ProofNeeded,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(ThawError);

/// Takes back the buyer's own freeze. It needs two things a thief of the phone lacks together: the PIN, and a second
/// factor given in the last 15 minutes; who has none must have signed in with a code in that time.
///
/// # Errors
/// [`ThawError::NotOwn`] when the house stopped the account, [`ThawError::ProofNeeded`].
pub fn thaw(tx: &mut Tx, means: &Means<'_>, session: &BuyerSession, pin: &Pin) -> Result<Thaw, ThawError> {
    let row = buyers::find_buyer(tx, session.buyer)?.ok_or(Fault::Row("buyer"))?;
    match row.state {
        BuyerState::Active => return Ok(Thaw::Done),
        BuyerState::Held | BuyerState::Erased => return Err(ThawError::NotOwn),
        BuyerState::Frozen => {}
    }
    if !has_fresh_proof(tx, means.vault, &Actor::Buyer(session.clone()))? {
        return Err(ThawError::ProofNeeded);
    }
    // A PIN that was set with a code alone must not undo what its owner froze.
    let held = find_cooling(tx, means, &row)?;
    let check = match (verify_pin_of(tx, means, row, pin)?, held) {
        (PinCheck::Right, Some(held)) => PinCheck::Cooling { until: held.until },
        (check, _) => check,
    };
    if check != PinCheck::Right {
        return Ok(Thaw::Refused(check));
    }
    match set_frozen(tx, means, &Actor::Buyer(session.clone()), session.buyer, Freeze::Unfreeze) {
        Ok(()) => Ok(Thaw::Done),
        Err(BuyerError::Fault(fault)) => Err(fault.into()),
        Err(_) => Err(ThawError::NotOwn),
    }
}

/// Whether a person's session has shown more than its token lately; see [`require_own_fresh`].
///
/// # Errors
/// [`Fault`] alone.
pub(crate) fn has_fresh_proof(tx: &mut Tx, vault: &Vault, actor: &Actor) -> Result<bool, Fault> {
    match require_own_fresh(tx, vault, actor) {
        Ok(_) => Ok(true),
        Err(OwnError::Denied(_)) => Ok(false),
        Err(OwnError::Fault(fault)) => Err(fault),
    }
}

/// Sets another password for a member who has just given the old one. The session goes on under a new token, every other one
/// ends, and the member is told.
///
/// # Errors
/// [`AuthError::SignInNeeded`] when the session ended meanwhile.
pub(crate) fn change_password(
    tx: &mut Tx,
    means: &Means<'_>,
    (session, token): (&MemberSession, &Token),
    password: &PasswordHash,
) -> Result<NewSession, AuthError> {
    let row = members::find_member(tx, session.shop, session.member)?.ok_or(Fault::Row("member"))?;
    let person = Person::Member(session.member);
    // One from before the first factor was added: whoever holds it has shown the password alone.
    if session.second_factor.is_none() && factors::has_second_factor(tx, means.vault, person)? {
        return Err(AuthError::SignInNeeded);
    }
    let (password, password_set) = (Some(password.clone()), Some(means.now));
    members::update_member(tx, MemberRow { password, password_set, password_due: None, ..row })?;
    let event = Event::new(session.shop, session.member, record::MEMBER_PASSWORD_SET, session.member);
    record::note(tx, means, event)?;
    queue_notice(tx, means, person, &Notice::PasswordChanged)?;
    sign_in::forget_pending(tx, person)?;
    password_reset::delete_resets(tx, session.member)?;
    end_other_sessions(tx, means, person, session.id)?;
    sessions::rotate_session(tx, means, token)
}
