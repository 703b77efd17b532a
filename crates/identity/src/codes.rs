//! One-time codes: how a buyer signs up and signs in on a device.
//!
//! Whether a contact is known shows nowhere: the answer is the same, the tries are counted the same, and only the
//! owner of the mailbox learns more (PW-5). A code is six digits, kept as an HMAC bound to its request, good for ten
//! minutes, five tries and one sign-in. What a sign-up brings waits beside its code and becomes an account only when
//! that code is given, so nobody can take a contact that is not theirs, nor slip their own PIN into somebody's account.

use aws_lc_rs::hmac;
use base::{BuyerId, DeviceId, Secret, SessionId, ShopId, Timestamp};
use store::Tx;
use vault::SubKey;
use webkit::page::Lang;

use crate::buyers::{self, BuyerError, DeviceToken, PendingBuyer, SignUp};
use crate::context::{Fault, Means, takes_faults};
use crate::letters;
use crate::limits::{CODE_LIFE_SECONDS, CODE_TRIES_MAX, WRONG_CODES_TOLD_SECONDS};
use crate::mail;
use crate::notices::{self, Notice};
use crate::permissions::Actor;
use crate::person::Person;
use crate::phone::Contact;
use crate::record::{self, Event};
use crate::sessions::NewSession;
use crate::sign_in::{self, PendingSignIn};
use crate::sim_change;
use crate::store::codes::{self as rows, CodeRow, CodeState};
use crate::text::Label;
use crate::throttle::{self, Limit};
use crate::token::Token;

/// Codes for one contact asked for from one address.
const PER_ORIGIN: Limit =
    Limit { kind: "code_origin", tries_max: 5, window_seconds: 3600, block_seconds: 900 };
/// Codes for one contact from everywhere: at most a hundred guesses a day at one account.
const PER_CONTACT: Limit =
    Limit { kind: "code_contact", tries_max: 20, window_seconds: 86_400, block_seconds: 3600 };
/// Codes asked for from one address, for whomever; a device that its buyer has used before is not counted.
const PER_ADDRESS: Limit =
    Limit { kind: "code_address", tries_max: 100, window_seconds: 3600, block_seconds: 3600 };
/// Wrong codes from one address, for whomever, on devices that no buyer has used before. After these no codes are asked for
/// or looked at from there for the rest of the hour: whoever tries one account after the other has 480 guesses a day (C04).
/// An hour and no longer, since many buyers share an address.
const WRONG_PER_ADDRESS: Limit =
    Limit { kind: "code_wrong_address", tries_max: 20, window_seconds: 3600, block_seconds: 3600 };
/// Codes by text message asked for from one address, for whomever.
const TEXTS_PER_ORIGIN: Limit =
    Limit { kind: "code_texts", tries_max: 30, window_seconds: 86_400, block_seconds: 3600 };
/// Codes for one contact asked for on a device that its buyer has used before. They count apart from all others, so that
/// strangers who use those up do not keep the buyer out.
const PER_DEVICE: Limit =
    Limit { kind: "code_device", tries_max: 10, window_seconds: 86_400, block_seconds: 3600 };
/// That a buyer was told of codes tried up to the limit. One entry, no limit.
const BURST_TOLD: Limit = Limit {
    kind: "code_burst_told",
    tries_max: 1,
    window_seconds: 0,
    block_seconds: WRONG_CODES_TOLD_SECONDS,
};
const CODE_DIGITS: usize = 6;
const CODES: u64 = 1_000_000;

/// A request for a code was taken. The same for known and unknown contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRequested {
    /// The request the code belongs to.
    pub request: SessionId,
    /// Until when the code is good.
    pub expires: Timestamp,
}

/// Why no code was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRequestError {
    /// Too many codes were asked for.
    #[error("too many codes were asked for; try again in {retry_after_seconds} s")]
    TooMany {
        /// When to come back, in seconds.
        retry_after_seconds: i64,
    },
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(CodeRequestError);

/// Six digits as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeCode(Secret<String>);

/// What is not six digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has exactly 6 digits")]
pub struct NotACode;

impl OneTimeCode {
    /// Reads six ASCII digits; spaces around and one in the middle are how people copy them.
    ///
    /// # Errors
    /// [`NotACode`].
    pub fn parse(text: &str) -> Result<OneTimeCode, NotACode> {
        let digits: String = text.trim().chars().filter(|c| *c != ' ').take(CODE_DIGITS + 1).collect();
        let whole = digits.len() == CODE_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        if whole { Ok(OneTimeCode(Secret::new(digits))) } else { Err(NotACode) }
    }

    /// The digits.
    pub(crate) fn secret(&self) -> &Secret<String> {
        &self.0
    }

    pub(crate) fn random(means: &Means<'_>) -> OneTimeCode {
        OneTimeCode(Secret::new(format!("{:06}", means.dice.below(CODES))))
    }
}

/// What a code check came to. All are results, so that the count is kept.
#[derive(Clone, Debug)]
pub enum CodeCheck {
    /// Signed in.
    Right(Box<SignedIn>),
    /// Right, but the buyer has a second factor, which comes next.
    SecondStep(PendingSignIn),
    /// A wrong code.
    Wrong {
        /// Tries that are left for this request.
        left: i64,
    },
    /// The request is unknown, expired, used or spent. Ask for a new code.
    Gone,
}

/// A buyer who has just signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The buyer.
    pub buyer: BuyerId,
    /// The device.
    pub device: DeviceId,
    /// What the device shows the next time.
    pub device_token: DeviceToken,
    /// The session.
    pub session: NewSession,
    /// Whether the account was made just now.
    pub is_new: bool,
}

/// Takes a sign-up and sends a code to its contact. If the contact has an account already, the code opens that
/// account, unchanged; whoever asked cannot tell.
///
/// # Errors
/// [`CodeRequestError::TooMany`].
pub fn request_sign_up(
    tx: &mut Tx,
    means: &Means<'_>,
    sign_up: &SignUp,
    from: Knock<'_>,
) -> Result<CodeRequested, CodeRequestError> {
    let index = buyers::contact_index(means.vault, &sign_up.contact);
    count_text(tx, means, &sign_up.contact, from.origin)?;
    count_request(tx, means, &index, from.origin)?;
    let known = buyers::find_buyer_by_contact(tx, means.vault, &sign_up.contact)?;
    let id = known.unwrap_or_else(|| BuyerId::new(ShopId::HOUSE, means.now, means.dice));
    let pending = buyers::seal_sign_up(tx, means, id, sign_up)?;
    let pending = if known.is_some() { None } else { Some(pending) };
    let letter = Letter { to: &sign_up.contact, lang: sign_up.lang, host: from.host };
    insert_request(tx, means, Target { index, buyer: Some(id), pending }, &letter)
}

/// Who asks for a code at the door.
#[derive(Clone, Copy, Debug)]
pub struct Knock<'a> {
    /// The network address, as tries are counted by.
    pub origin: &'a str,
    /// The host the code is for.
    pub host: &'a str,
    /// The token that the device kept from the last time.
    pub device: Option<&'a DeviceToken>,
}

/// Sends a code to a contact for opening its account on a device. Nothing is sent to a contact without account; whoever
/// asked cannot tell.
///
/// # Errors
/// [`CodeRequestError::TooMany`].
pub fn request_sign_in(
    tx: &mut Tx,
    means: &Means<'_>,
    contact: &Contact,
    lang: Lang,
    from: Knock<'_>,
) -> Result<CodeRequested, CodeRequestError> {
    let index = buyers::contact_index(means.vault, contact);
    let buyer = buyers::find_buyer_by_contact(tx, means.vault, contact)?;
    match find_known_device(tx, buyer, from.device)? {
        Some(device) => count_one(tx, means, &PER_DEVICE, &format!("{index} {}", device.short()))?,
        None => {
            count_text(tx, means, contact, from.origin)?;
            count_request(tx, means, &index, from.origin)?;
        }
    }
    insert_request(
        tx,
        means,
        Target { index, buyer, pending: None },
        &Letter { to: contact, lang, host: from.host },
    )
}

/// Checks a code. The right one signs in: it makes the account of a sign-up, recognises or adds the device, and opens a
/// session.
///
/// # Errors
/// [`Fault`] alone.
pub fn verify_code(
    tx: &mut Tx,
    means: &Means<'_>,
    request: SessionId,
    code: &OneTimeCode,
    device: &ShownDevice,
) -> Result<CodeCheck, Fault> {
    let Some(row) = rows::find_code(tx, request)? else { return Ok(CodeCheck::Gone) };
    if row.state != CodeState::Open || means.now >= row.expires || row.tries >= CODE_TRIES_MAX {
        return Ok(CodeCheck::Gone);
    }
    let is_strange = find_known_device(tx, row.buyer, device.token.as_ref())?.is_none();
    if is_strange && throttle::find_block(tx, &WRONG_PER_ADDRESS, &device.origin, means.now)?.is_some() {
        return Ok(CodeCheck::Gone);
    }
    let right = means.vault.has_tag(SubKey::OneTimeCode, &message(request, code), &row.tag);
    let tries = row.tries + 1;
    match (right, row.buyer) {
        (true, Some(buyer)) if is_for(tx, means, buyer, &row)? => {
            let pending = row.pending.clone();
            let is_void = is_void(tx, means, &row)?;
            rows::update_code(tx, CodeRow { state: CodeState::Used, tries, pending: None, ..row })?;
            if is_void {
                forget_pending(tx, means, pending.as_ref())?;
                let reason = if pending.is_some() { "signed_up_meanwhile" } else { "sim_changed" };
                let event = Event::new(ShopId::HOUSE, &Actor::Anyone, record::CODE_REFUSED, request);
                record::note(tx, means, event.refused().with("reason", reason))?;
                return Ok(CodeCheck::Gone);
            }
            sign_in(tx, means, buyer, pending, device)
        }
        (_, buyer) => {
            if is_strange {
                let _counted = throttle::count(tx, &WRONG_PER_ADDRESS, &device.origin, means.now)?;
            }
            let told = buyer.filter(|_| tries == CODE_TRIES_MAX && row.pending.is_none());
            rows::update_code(tx, CodeRow { tries, ..row })?;
            if let Some(buyer) = told {
                tell_burst(tx, means, buyer)?;
            }
            let event = Event::new(ShopId::HOUSE, &Actor::Anyone, record::CODE_REFUSED, request);
            record::note(tx, means, event.refused().with("tries", tries))?;
            Ok(CodeCheck::Wrong { left: CODE_TRIES_MAX - tries })
        }
    }
}

/// Tells a buyer that somebody tried codes up to the limit; once a day, however often it happens.
fn tell_burst(tx: &mut Tx, means: &Means<'_>, buyer: BuyerId) -> Result<(), Fault> {
    if throttle::is_remembered(tx, &BURST_TOLD, buyer.short(), means.now)? {
        return Ok(());
    }
    throttle::remember(tx, &BURST_TOLD, buyer.short(), means.now)?;
    notices::queue_notice(tx, means, Person::Buyer(buyer), &Notice::FailedBurst)
}

/// A code that went to a contact which the buyer has given up meanwhile opens nothing.
fn is_for(tx: &mut Tx, means: &Means<'_>, buyer: BuyerId, row: &CodeRow) -> Result<bool, Fault> {
    match row.pending {
        Some(_) => Ok(true),
        None => buyers::has_contact(tx, means.vault, buyer, &row.contact_index),
    }
}

/// Whether the right code opens nothing all the same (OTP-5): one to a number whose SIM card was changed lately, and one of a
/// sign-up to a number that got its account meanwhile, since it is noted nowhere which card that one went to.
fn is_void(tx: &mut Tx, means: &Means<'_>, row: &CodeRow) -> Result<bool, Fault> {
    match &row.pending {
        None => sim_change::is_index_changed(tx, means, &row.contact_index),
        Some(pending) => buyers::is_number_taken(tx, means.vault, pending),
    }
}

/// Destroys the key of a sign-up that becomes no account.
fn forget_pending(tx: &mut Tx, means: &Means<'_>, pending: Option<&PendingBuyer>) -> Result<(), Fault> {
    if let Some(pending) = pending {
        vault::Vault::destroy_data_key(tx, ShopId::HOUSE, pending.id.short(), means.now)?;
    }
    Ok(())
}

/// What a device says when it gives a code.
#[derive(Clone, Debug)]
pub struct ShownDevice {
    /// The token it kept from the last time.
    pub token: Option<DeviceToken>,
    /// What it calls itself.
    pub label: Label,
    /// The network address it comes from, as [`crate::origin_of`] gives it.
    pub origin: String,
    /// The session it holds already: it ends when another one is opened there (SES-1).
    pub session: Option<Token>,
}

/// Forgets requests that ended a day ago, and the keys of sign-ups that were never confirmed. Returns how many.
///
/// # Errors
/// [`Fault`] alone.
pub fn sweep_codes(tx: &mut Tx, means: &Means<'_>, limit: usize) -> Result<usize, Fault> {
    let ended = rows::list_ended_codes(tx, means.now.plus_seconds(-86_400), limit)?;
    for row in &ended {
        if let Some(pending) = &row.pending
            && crate::store::buyers::find_buyer(tx, pending.id)?.is_none()
        {
            vault::Vault::destroy_data_key(tx, ShopId::HOUSE, pending.id.short(), means.now)?;
        }
        rows::delete_code(tx, row.id)?;
    }
    Ok(ended.len())
}

struct Target {
    index: String,
    buyer: Option<BuyerId>,
    pending: Option<PendingBuyer>,
}

struct Letter<'a> {
    to: &'a Contact,
    lang: Lang,
    host: &'a str,
}

fn count_request(tx: &mut Tx, means: &Means<'_>, index: &str, origin: &str) -> Result<(), CodeRequestError> {
    if let Some(retry_after_seconds) = throttle::find_block(tx, &WRONG_PER_ADDRESS, origin, means.now)? {
        return Err(CodeRequestError::TooMany { retry_after_seconds });
    }
    count_one(tx, means, &PER_ADDRESS, origin)?;
    let from = format!("{index} {origin}");
    count_one(tx, means, &PER_ORIGIN, &from)?;
    count_one(tx, means, &PER_CONTACT, index)
}

/// Text messages cost money, and numbers are tried by those who earn by them: so they are counted by address as well.
fn count_text(
    tx: &mut Tx,
    means: &Means<'_>,
    contact: &Contact,
    origin: &str,
) -> Result<(), CodeRequestError> {
    match contact {
        Contact::Email(_) => Ok(()),
        Contact::Phone(_) => count_one(tx, means, &TEXTS_PER_ORIGIN, origin),
    }
}

fn count_one(tx: &mut Tx, means: &Means<'_>, limit: &Limit, subject: &str) -> Result<(), CodeRequestError> {
    let counted = throttle::count(tx, limit, subject, means.now)?;
    counted.map_err(|blocked| CodeRequestError::TooMany { retry_after_seconds: blocked.retry_after_seconds })
}

/// The device, if it is one on which this very buyer was signed in before.
fn find_known_device(
    tx: &mut Tx,
    buyer: Option<BuyerId>,
    shown: Option<&DeviceToken>,
) -> Result<Option<DeviceId>, Fault> {
    match (buyer, shown) {
        (Some(buyer), Some(shown)) => buyers::find_own_device(tx, buyer, shown),
        _ => Ok(None),
    }
}

fn insert_request(
    tx: &mut Tx,
    means: &Means<'_>,
    target: Target,
    letter: &Letter<'_>,
) -> Result<CodeRequested, CodeRequestError> {
    let request = SessionId::new(ShopId::HOUSE, means.now, means.dice);
    let code = OneTimeCode::random(means);
    let expires = means.now.plus_seconds(CODE_LIFE_SECONDS);
    let tag = hmac::sign(&means.vault.hmac_key(SubKey::OneTimeCode), &message(request, &code));
    // Looked up in any case, so that the work tells nobody whether there is an account.
    let is_changed = sim_change::is_changed(tx, means, letter.to)?;
    let text = match &target.pending {
        None if is_changed => letters::no_code(letter.lang, letter.host, means.now),
        _ => letters::code(letter.lang, &code.0, letter.host, means.now),
    };
    match target.buyer {
        Some(buyer) => buyers::notify(tx, means, buyer, letter.to, &text)?,
        None => mail::queue_to_nobody(tx, means, letter.to, &text.form_for(letter.to))?,
    }
    rows::insert_code(
        tx,
        CodeRow {
            id: request,
            contact_index: target.index,
            buyer: target.buyer,
            tag: tag.as_ref().to_vec(),
            tries: 0,
            state: CodeState::Open,
            created: means.now,
            expires,
            pending: target.pending,
        },
    )?;
    let event = Event::new(ShopId::HOUSE, &Actor::Anyone, record::CODE_REQUESTED, request);
    record::note(tx, means, event)?;
    Ok(CodeRequested { request, expires })
}

fn sign_in(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    pending: Option<PendingBuyer>,
    device: &ShownDevice,
) -> Result<CodeCheck, Fault> {
    let (buyer, is_new) = match pending {
        None => (buyer, false),
        Some(pending) => settle(tx, means, pending)?,
    };
    if let Some(pending) = sign_in::begin_second_step(tx, means, Person::Buyer(buyer))? {
        sign_in::note_first_step(tx, means, pending.person)?;
        return Ok(CodeCheck::SecondStep(pending));
    }
    let signed_in = sign_in::open_buyer(tx, means, buyer, device)?;
    sign_in::end_replaced(tx, means, device.session.as_ref(), &signed_in.session)?;
    Ok(CodeCheck::Right(Box::new(SignedIn { is_new, ..signed_in })))
}

/// Makes the account of a sign-up; or finds the one that was made with the same contact while this code was on its way.
fn settle(tx: &mut Tx, means: &Means<'_>, pending: PendingBuyer) -> Result<(BuyerId, bool), Fault> {
    match buyers::insert_pending(tx, means, pending.clone()) {
        Ok(buyer) => Ok((buyer, true)),
        Err(BuyerError::Fault(fault)) => Err(fault),
        Err(
            BuyerError::ContactTaken
            | BuyerError::ContactIsFactor
            | BuyerError::NotFound
            | BuyerError::WeakPin(_),
        ) => {
            let buyer = buyers::find_same_contact(tx, means.vault, &pending)?.ok_or(Fault::Row("contact"))?;
            forget_pending(tx, means, Some(&pending))?;
            Ok((buyer, false))
        }
    }
}

// INVARIANT: both parts have a fixed length.
fn message(request: SessionId, code: &OneTimeCode) -> Vec<u8> {
    [request.short().as_bytes(), code.0.expose().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v6_5_4_a_sent_code_is_one_of_a_million_all_alike() {
        assert_eq!(CODES, 10u64.pow(u32::try_from(CODE_DIGITS).unwrap()));
        let dice = base::Dice::System;
        let tenths = (0..20_000).fold([0u32; 10], |mut seen, _| {
            seen[usize::try_from(dice.below(CODES) * 10 / CODES).unwrap()] += 1;
            seen
        });
        // Each tenth is drawn 2,000 times on average; 2,400 is nine standard deviations away.
        assert!(tenths.iter().all(|count| (1_600..2_400).contains(count)), "{tenths:?}");
    }

    #[test]
    fn codes_are_read_as_people_copy_them() {
        let read = |text: &str| OneTimeCode::parse(text).map(|code| code.0.expose().clone());
        assert_eq!(read(" 012 345 ").as_deref(), Ok("012345"));
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(read(bad), Err(NotACode), "{bad}");
        }
    }
}
