//! A member's forgotten password, set anew by a link in a mail (ASVS 6.4.3).
//!
//! The link works once and for half an hour. It sets a password and opens nothing: the second factor is asked for at the
//! sign-in that follows, so a mailbox alone lets nobody in.
//!
//! Whether an address belongs to anybody shows nowhere, not in time either: the door counts the try and writes a row, and
//! looks for no member (PW-5). A job finds the member later and queues the mail ([`answer_password_resets`]), in one
//! transaction with the end of the row. So a crash loses nothing: what was answered with 202 is on disk, and is gone on with
//! after the next start. While as many wait as may wait, everybody is told to come back.

use base::{MemberId, Secret, ShopId, Timestamp};
use store::Tx;

use crate::context::{Fault, Means, takes_faults};
use crate::letters;
use crate::limits::{RESET_LINK_SECONDS, RESET_REQUESTS_WAITING_MAX};
use crate::logins;
use crate::mail::{self, Recipient};
use crate::members::{self, LoginError, MemberError};
use crate::password::{PasswordHash, QueueFull};
use crate::permissions::Actor;
use crate::person::Person;
use crate::phone::Contact;
use crate::record::{self, Event};
use crate::sign_in;
use crate::store::members::{self as rows, MemberRow, MemberState};
use crate::store::password_resets::{self as resets, RequestRow, ResetRow};
use crate::text::Email;
use crate::throttle::{self, Limit};
use crate::token::{Token, TokenKind, key_text};

/// Links asked for, for one address from one place.
const PER_PAIR: Limit = Limit { kind: "reset_pair", tries_max: 3, window_seconds: 3600, block_seconds: 900 };
/// Links asked for from one place, for whomever.
const PER_ORIGIN: Limit =
    Limit { kind: "reset_origin", tries_max: 20, window_seconds: 3600, block_seconds: 900 };
/// Links for one address from places its member never signed in from: strangers cannot use up those of the usual place,
/// which has as many of its own.
const PER_ACCOUNT: Limit =
    Limit { kind: "reset_account", tries_max: 10, window_seconds: 86_400, block_seconds: 3600 };
const REQUEST_ID_BYTES: usize = 10;

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

/// Takes a request for a link. The same is done for every address: nobody is looked for here. `public_url` is what links in
/// mails start with.
///
/// # Errors
/// [`LoginError::TooMany`]; [`LoginError::Busy`] while [`RESET_REQUESTS_WAITING_MAX`] requests wait.
pub fn request_password_reset(
    tx: &mut Tx,
    means: &Means<'_>,
    email: &Email,
    origin: &str,
    public_url: &str,
) -> Result<(), LoginError> {
    count(tx, means, &members::email_index(means.vault, email), origin)?;
    if resets::count_requests(tx, RESET_REQUESTS_WAITING_MAX)? >= RESET_REQUESTS_WAITING_MAX {
        return Err(LoginError::Busy(QueueFull));
    }
    let id = format!("{:012x}{}", means.now.millis(), key_text(&means.dice.bytes::<REQUEST_ID_BYTES>()));
    let indexes = logins::email_indexes(means.vault, email);
    let row = RequestRow { id, indexes, public_url: public_url.to_owned(), created: means.now };
    Ok(resets::insert_request(tx, row)?)
}

/// Answers up to `limit` requests that wait, oldest first: whoever is an active member with a password gets a mail with a
/// link, and nobody else gets anything. Returns how many were answered; call again while it returns `limit`.
///
/// # Errors
/// [`Fault`] alone.
pub fn answer_password_resets(tx: &mut Tx, means: &Means<'_>, limit: usize) -> Result<usize, Fault> {
    let waiting = resets::list_requests(tx, limit)?;
    for request in &waiting {
        resets::delete_request(tx, &request.id)?;
        match find_by_indexes(tx, &request.indexes)? {
            Some(row) => send_link(tx, means, row, &request.public_url)?,
            None => {
                let nobody = audit::Object::word("login");
                let event =
                    Event::new(ShopId::HOUSE, &Actor::Anyone, record::PASSWORD_RESET_ASKED, nobody).refused();
                record::note(tx, means, event)?;
            }
        }
    }
    Ok(waiting.len())
}

/// Sends a member a link; an earlier one ends.
fn send_link(tx: &mut Tx, means: &Means<'_>, row: MemberRow, public_url: &str) -> Result<(), Fault> {
    delete_resets(tx, row.id)?;
    let token = Token::random(TokenKind::PasswordReset, means.dice);
    let expires = means.now.plus_seconds(RESET_LINK_SECONDS);
    let reset = ResetRow { token_hash: token.hash(), shop: row.shop, member: row.id, expires };
    resets::insert_reset(tx, reset)?;
    let link = Secret::new(format!("{public_url}/reset/{}", token.secret().expose()));
    let email = members::open_person(tx, means.vault, &row)?.email;
    let contact = Contact::parse(email.expose()).map_err(|_| Fault::Row("member"))?;
    let to = Recipient { shop: row.shop, owner: row.id.short(), contact: &contact };
    mail::queue_mail(tx, means, &to, &letters::password_reset(row.lang, &link, expires))?;
    let event = Event::new(row.shop, &Actor::Anyone, record::PASSWORD_RESET_ASKED, row.id);
    record::note(tx, means, event)
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
    let row = row.ok_or(PasswordResetError::Gone)?;
    let member = rows::find_member(tx, row.shop, row.member)?.filter(can_reset);
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
    for hash in resets::list_resets_of(tx, member)? {
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

fn find_by_indexes(tx: &mut Tx, indexes: &[String]) -> Result<Option<MemberRow>, Fault> {
    let Some(login) = logins::find_login_by(tx, indexes)? else { return Ok(None) };
    Ok(rows::find_member(tx, login.shop, login.member)?.filter(can_reset))
}

fn count(tx: &mut Tx, means: &Means<'_>, index: &str, origin: &str) -> Result<(), LoginError> {
    let pair = format!("{index} {origin}");
    // From a known place the pair is counted in place of the address: as many rows are read and written for everybody.
    let by = if members::is_known_place(tx, &pair, means.now)? { pair.as_str() } else { index };
    for (limit, subject) in [(&PER_PAIR, pair.as_str()), (&PER_ORIGIN, origin), (&PER_ACCOUNT, by)] {
        if let Err(blocked) = throttle::count(tx, limit, subject, means.now)? {
            return Err(LoginError::TooMany { retry_after_seconds: blocked.retry_after_seconds });
        }
    }
    Ok(())
}
