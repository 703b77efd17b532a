//! Codes sent to a person to prove that a telephone or mailbox is theirs: at sign-in, for a step-up, to verify a number or
//! address, to set a forgotten PIN.
//!
//! A code has six digits, is kept as an HMAC bound to its request, lives ten minutes and five tries, and opens the one
//! thing it was asked for: purpose, person and session are part of the check (OTP-4, C07). How many are sent is limited
//! by number, by network address and by person. A number whose SIM card was changed lately gets a text without a code, and
//! the codes it got before are void (OTP-5). The text names the host the code is for, in the form browsers fill in
//! for that host alone (OTP-7).

use aws_lc_rs::hmac;
use base::{SessionId, Timestamp};
use store::Tx;
use vault::SubKey;

use crate::buyers::contact_index;
use crate::codes::{CodeRequestError, CodeRequested, OneTimeCode};
use crate::context::{Fault, Means};
use crate::letters;
use crate::limits::{CODE_LIFE_SECONDS, CODE_TRIES_MAX};
use crate::mail::{self, Recipient};
use crate::person::{Person, find_reach};
use crate::phone::Contact;
use crate::record::{self, Event};
use crate::sim_change;
use crate::store::sent_codes::{self as rows, SentRow};
use crate::throttle::{self, Limit};
use crate::token::hash_text;

pub use crate::store::sent_codes::CodePurpose;

/// Codes to one number or address.
const PER_CONTACT_HOUR: Limit =
    Limit { kind: "sent_contact_hour", tries_max: 5, window_seconds: 3600, block_seconds: 900 };
/// The same, each day.
const PER_CONTACT_DAY: Limit =
    Limit { kind: "sent_contact_day", tries_max: 10, window_seconds: 86_400, block_seconds: 3600 };
/// Codes asked for from one network address.
const PER_ORIGIN_DAY: Limit =
    Limit { kind: "sent_origin_day", tries_max: 50, window_seconds: 86_400, block_seconds: 3600 };
/// Codes asked for by one person.
const PER_PERSON_DAY: Limit =
    Limit { kind: "sent_person_day", tries_max: 20, window_seconds: 86_400, block_seconds: 3600 };
const INDEX_KIND: &str = "sent code contact";

/// What a code is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Errand<'a> {
    /// Who asks.
    pub person: Person,
    /// What for.
    pub purpose: CodePurpose,
    /// What it is bound to: the session, the pending sign-in, or the factor.
    pub bound: &'a str,
}

/// Where a code goes, and from where it was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The number or address.
    pub contact: &'a Contact,
    /// The network address of whoever asks, as tries are counted by.
    pub origin: &'a str,
    /// The host the code is for.
    pub host: &'a str,
}

/// Sends a code; to a number whose SIM card was changed lately a text that says why there is none. Whoever asks cannot tell.
///
/// # Errors
/// [`CodeRequestError::TooMany`].
pub fn send_code(
    tx: &mut Tx,
    means: &Means<'_>,
    errand: Errand<'_>,
    to: Delivery<'_>,
) -> Result<CodeRequested, CodeRequestError> {
    count_sent(tx, means, errand.person, to)?;
    let request = SessionId::new(errand.person.shop(), means.now, means.dice);
    let code = OneTimeCode::random(means);
    let expires = means.now.plus_seconds(CODE_LIFE_SECONDS);
    let tag = hmac::sign(&means.vault.hmac_key(SubKey::OneTimeCode), &message(request, errand, &code));
    let lang = find_reach(tx, means.vault, errand.person)?.map(|reach| reach.lang).unwrap_or_default();
    let letter = if sim_change::is_changed(tx, means, to.contact)? {
        letters::no_code(lang, to.host, means.now)
    } else {
        letters::sent_code(lang, errand.purpose, code.secret(), to.host, means.now)
    };
    let recipient =
        Recipient { shop: errand.person.shop(), owner: errand.person.short(), contact: to.contact };
    mail::queue_message(tx, means, &recipient, &letter)?;
    let number_index = match to.contact {
        Contact::Phone(_) => Some(contact_index(means.vault, to.contact)),
        Contact::Email(_) => None,
    };
    let tag = tag.as_ref().to_vec();
    rows::insert_sent(tx, SentRow { id: request, tag, tries: 0, expires, number_index })?;
    let event = Event::new(errand.person.shop(), errand.person, record::CODE_REQUESTED, request)
        .with("purpose", errand.purpose.name());
    record::note(tx, means, event)?;
    Ok(CodeRequested { request, expires })
}

/// What a code check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentCheck {
    /// The right code; it is used up.
    Right,
    /// A wrong one, or one for something else.
    Wrong {
        /// Tries that are left.
        left: i64,
    },
    /// Unknown, expired, used, spent, or sent to a number whose SIM card was changed.
    Gone,
}

/// Checks a code for the errand it was sent for.
///
/// # Errors
/// [`Fault`] alone.
pub fn check_sent(
    tx: &mut Tx,
    means: &Means<'_>,
    errand: Errand<'_>,
    request: SessionId,
    code: &OneTimeCode,
) -> Result<SentCheck, Fault> {
    let open = |row: &SentRow| row.tries < CODE_TRIES_MAX && means.now < row.expires;
    let Some(row) = rows::find_sent(tx, request)?.filter(open) else { return Ok(SentCheck::Gone) };
    if means.vault.has_tag(SubKey::OneTimeCode, &message(request, errand, code), &row.tag) {
        rows::delete_sent(tx, request)?;
        return if is_void(tx, means, &row)? {
            refuse_void(tx, means, errand, request)
        } else {
            Ok(SentCheck::Right)
        };
    }
    let tries = row.tries + 1;
    rows::update_sent(tx, SentRow { tries, ..row })?;
    let event = Event::new(errand.person.shop(), errand.person, record::CODE_REFUSED, request);
    record::note(tx, means, event.refused().with("tries", tries))?;
    Ok(SentCheck::Wrong { left: CODE_TRIES_MAX - tries })
}

/// Whether a code went to a number whose SIM card was changed, before or after.
fn is_void(tx: &mut Tx, means: &Means<'_>, row: &SentRow) -> Result<bool, Fault> {
    match &row.number_index {
        Some(index) => sim_change::is_index_changed(tx, means, index),
        None => Ok(false),
    }
}

fn refuse_void(
    tx: &mut Tx,
    means: &Means<'_>,
    errand: Errand<'_>,
    request: SessionId,
) -> Result<SentCheck, Fault> {
    let event = Event::new(errand.person.shop(), errand.person, record::CODE_REFUSED, request);
    record::note(tx, means, event.refused().with("reason", "sim_changed"))?;
    Ok(SentCheck::Gone)
}

/// Forgets codes that ended. Returns how many.
pub(crate) fn sweep_sent(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<usize, Fault> {
    let ended = rows::list_ended_sent(tx, before, limit)?;
    for id in &ended {
        rows::delete_sent(tx, *id)?;
    }
    Ok(ended.len())
}

fn count_sent(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    to: Delivery<'_>,
) -> Result<(), CodeRequestError> {
    let contact = hash_text(&means.vault.index(INDEX_KIND, to.contact.secret().expose()));
    let limits = [
        (&PER_CONTACT_HOUR, contact.as_str()),
        (&PER_CONTACT_DAY, contact.as_str()),
        (&PER_ORIGIN_DAY, to.origin),
        (&PER_PERSON_DAY, person.short()),
    ];
    for (limit, subject) in limits {
        if let Err(blocked) = throttle::count(tx, limit, subject, means.now)? {
            return Err(CodeRequestError::TooMany { retry_after_seconds: blocked.retry_after_seconds });
        }
    }
    Ok(())
}

/// Everything a code is bound to. Each part is preceded by its length, so they cannot flow into each other.
fn message(request: SessionId, errand: Errand<'_>, code: &OneTimeCode) -> Vec<u8> {
    let shop = errand.person.shop();
    let parts = [
        "sent code",
        request.short(),
        shop.short(),
        errand.person.short(),
        errand.purpose.name(),
        errand.bound,
        code.secret().expose(),
    ];
    let mut message = Vec::new();
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part.as_bytes());
    }
    message
}
