//! A member's forgotten password, set anew by a link in a mail (ASVS 6.4.3).
//!
//! The link works once and for half an hour. It sets a password and opens nothing: the second factor is asked for at the
//! sign-in that follows, so a mailbox alone lets nobody in. Whether an address belongs to anybody shows nowhere: the same
//! is counted, sealed and written for one that does not (PW-5).

use base::{MemberId, Secret, ShopId, Timestamp};
use store::Tx;

use crate::context::{Fault, Means, takes_faults};
use crate::letters;
use crate::limits::RESET_LINK_SECONDS;
use crate::mail::{self, Recipient};
use crate::members::{self, LoginError, MemberError};
use crate::password::PasswordHash;
use crate::permissions::Actor;
use crate::person::Person;
use crate::phone::Contact;
use crate::record::{self, Event};
use crate::sign_in;
use crate::store::members::{self as rows, MemberRow, MemberState};
use crate::store::password_resets::{self as resets, Asker, ResetRow};
use crate::text::Email;
use crate::throttle::{self, Limit};
use crate::token::{Token, TokenKind};

/// Links asked for, for one address from one place.
const PER_PAIR: Limit = Limit { kind: "reset_pair", tries_max: 3, window_seconds: 3600, block_seconds: 900 };
/// Links asked for from one place, for whomever.
const PER_ORIGIN: Limit =
    Limit { kind: "reset_origin", tries_max: 20, window_seconds: 3600, block_seconds: 900 };
/// Links for one address from places its member never signed in from: strangers cannot use up those of the usual place.
const PER_ACCOUNT: Limit =
    Limit { kind: "reset_account", tries_max: 10, window_seconds: 86_400, block_seconds: 3600 };

/// Why a link sets no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordResetError {
    /// Unknown, used, or too old.
    #[error("this link does not work any more; ask for a new one")]
    Gone,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(PasswordResetError);

/// Sends a link to an address that belongs to an active member with a password. Nothing goes to any other; whoever asked
/// cannot tell.
///
/// # Errors
/// [`LoginError::TooMany`].
pub fn request_password_reset(
    tx: &mut Tx,
    means: &Means<'_>,
    email: &Email,
    origin: &str,
    public_url: &str,
) -> Result<(), LoginError> {
    let index = members::email_index(means.vault, email);
    count(tx, means, &index, origin)?;
    let row = find_by_address(tx, means, email)?;
    let asker = row.as_ref().map_or(Asker::Nobody(index), |row| Asker::Member(row.shop, row.id));
    delete_resets_of(tx, asker.subject())?;
    let token = Token::random(TokenKind::PasswordReset, means.dice);
    let expires = means.now.plus_seconds(RESET_LINK_SECONDS);
    resets::insert_reset(tx, ResetRow { token_hash: token.hash(), asker, expires })?;
    let link = Secret::new(format!("{public_url}/reset/{}", token.secret().expose()));
    let lang = row.as_ref().map(|row| row.lang).unwrap_or_default();
    let letter = letters::password_reset(lang, &link, expires);
    let contact = Contact::Email(email.clone());
    let event = match &row {
        Some(row) => {
            let to = Recipient { shop: row.shop, owner: row.id.short(), contact: &contact };
            mail::queue_mail(tx, means, &to, &letter)?;
            Event::new(row.shop, &Actor::Anyone, record::PASSWORD_RESET_ASKED, row.id)
        }
        None => {
            mail::queue_to_nobody(tx, means, &contact, &letter)?;
            let nobody = audit::Object::word("login");
            Event::new(ShopId::HOUSE, &Actor::Anyone, record::PASSWORD_RESET_ASKED, nobody).refused()
        }
    };
    Ok(record::note(tx, means, event)?)
}

/// Whose password a link sets.
///
/// # Errors
/// [`PasswordResetError::Gone`].
pub fn find_password_reset(
    tx: &mut Tx,
    token: &Token,
    now: Timestamp,
) -> Result<(ShopId, MemberId), PasswordResetError> {
    let row = resets::find_reset(tx, &token.hash())?.filter(|row| now < row.expires);
    let Some(Asker::Member(shop, id)) = row.map(|row| row.asker) else {
        return Err(PasswordResetError::Gone);
    };
    let member = rows::find_member(tx, shop, id)?.filter(can_reset);
    member.map(|row| (row.shop, row.id)).ok_or(PasswordResetError::Gone)
}

/// Sets the password and uses the link up. Every session and every begun sign-in ends, and the member is told. Sign in
/// afterwards, with the second factor as always.
///
/// # Errors
/// [`PasswordResetError::Gone`].
pub fn finish_password_reset(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    password: &PasswordHash,
) -> Result<MemberId, PasswordResetError> {
    let (shop, id) = find_password_reset(tx, token, means.now)?;
    delete_resets(tx, id)?;
    sign_in::forget_pending(tx, Person::Member(id))?;
    match members::set_password(tx, means, shop, id, password) {
        Ok(()) => Ok(id),
        Err(MemberError::Fault(fault)) => Err(fault.into()),
        Err(_) => Err(PasswordResetError::Gone),
    }
}

/// Forgets every such link of a member.
pub(crate) fn delete_resets(tx: &mut Tx, member: MemberId) -> Result<(), Fault> {
    delete_resets_of(tx, member.short())
}

fn delete_resets_of(tx: &mut Tx, subject: &str) -> Result<(), Fault> {
    for hash in resets::list_resets_of(tx, subject)? {
        resets::delete_reset(tx, &hash)?;
    }
    Ok(())
}

/// Forgets links that ended. Returns how many.
pub(crate) fn sweep_resets(tx: &mut Tx, now: Timestamp, limit: usize) -> Result<usize, Fault> {
    let ended = resets::list_ended_resets(tx, now, limit)?;
    for hash in &ended {
        resets::delete_reset(tx, hash)?;
    }
    Ok(ended.len())
}

fn can_reset(row: &MemberRow) -> bool {
    row.state == MemberState::Active && row.password.is_some()
}

fn find_by_address(tx: &mut Tx, means: &Means<'_>, email: &Email) -> Result<Option<MemberRow>, Fault> {
    let login = members::find_login_of(tx, means.vault, email)?;
    // Somebody is looked for in any case, so that time does not tell.
    let nobody = || (ShopId::HOUSE, MemberId::new(ShopId::HOUSE, means.now, means.dice));
    let (shop, id) = login.map_or_else(nobody, |login| (login.shop, login.member));
    Ok(rows::find_member(tx, shop, id)?.filter(can_reset))
}

fn count(tx: &mut Tx, means: &Means<'_>, index: &str, origin: &str) -> Result<(), LoginError> {
    let pair = format!("{index} {origin}");
    let mut limits = vec![(&PER_PAIR, pair.as_str()), (&PER_ORIGIN, origin)];
    if !members::is_known_place(tx, &pair, means.now)? {
        limits.push((&PER_ACCOUNT, index));
    }
    for (limit, subject) in limits {
        if let Err(blocked) = throttle::count(tx, limit, subject, means.now)? {
            return Err(LoginError::TooMany { retry_after_seconds: blocked.retry_after_seconds });
        }
    }
    Ok(())
}
