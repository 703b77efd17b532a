//! Proving a second factor: one place where a code of any kind is counted, checked, used up and written down.
//!
//! Guesses are limited twice: for a person from one place, and for a person from everywhere the person never proved a
//! factor from, so that strangers who know the password cannot lock its owner out of the usual place (PW-4). On a device on
//! which the person completed a sign-in before, tries are counted by that device, wherever it is; within a session, by that
//! session, since whoever is in it has proven more than a device does.

use base::{DeviceId, SessionId};
use store::Tx;

use crate::codes::OneTimeCode;
use crate::context::{Fault, Means};
use crate::factors::{self, FactorKind};
use crate::limits::{STOPPED_TOLD_AFTER, STOPPED_TOLD_SECONDS};
use crate::notices::{self, FirstProof, Notice};
use crate::person::Person;
use crate::recovery::{self, RecoveryCode};
use crate::sent_codes::{self, CodePurpose, Errand, SentCheck};
use crate::throttle::{self, Limit};
use crate::totp;

/// Wrong codes for one person from one place.
const PER_PAIR: Limit =
    Limit { kind: "factor_pair", tries_max: 10, window_seconds: 1800, block_seconds: 1800 };
/// Wrong codes for one person from places where none was ever right.
const PER_PERSON: Limit =
    Limit { kind: "factor_person", tries_max: 50, window_seconds: 86_400, block_seconds: 1800 };
/// Wrong codes in sign-ins of one person, from wherever, until the person is told; told once in that time.
const STOPPED: Limit = Limit {
    kind: "factor_stopped",
    tries_max: STOPPED_TOLD_AFTER,
    window_seconds: STOPPED_TOLD_SECONDS,
    block_seconds: STOPPED_TOLD_SECONDS,
};
/// A place where a person proved a factor. Kept in the same table: one entry, no limit.
const KNOWN_PLACE: Limit =
    Limit { kind: "factor_known", tries_max: 1, window_seconds: 0, block_seconds: 2_592_000 };

/// What somebody shows.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A code of an authenticator app.
    Totp(OneTimeCode),
    /// A code that came by text message.
    Sms {
        /// The request it belongs to.
        request: SessionId,
        /// The code.
        code: OneTimeCode,
    },
    /// A recovery code.
    Recovery(RecoveryCode),
    /// A code that came to the contact of a buyer who has no second factor: enough for what is of low risk. Never for a
    /// member, and never at sign-in (C07).
    Contact {
        /// The request it belongs to.
        request: SessionId,
        /// The code.
        code: OneTimeCode,
    },
}

impl Proof {
    /// What it proves, by name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Proof::Totp(_) => FactorKind::Totp.name(),
            Proof::Sms { .. } => FactorKind::Sms.name(),
            Proof::Recovery(_) => FactorKind::Recovery.name(),
            Proof::Contact { .. } => "contact",
        }
    }
}

/// What a proof came to. All are results, so that the count is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofCheck {
    /// It was right, and is used up.
    Right,
    /// It was wrong, used before, or for something else.
    Wrong,
    /// Too many wrong ones; this one was not looked at.
    TooMany {
        /// When to come back, in seconds.
        retry_after_seconds: i64,
    },
}

/// Where a proof is shown.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// At sign-in or as a step-up.
    pub purpose: CodePurpose,
    /// The session or pending sign-in it is shown in.
    pub bound: &'a str,
    /// The network address, as tries are counted by.
    pub origin: &'a str,
    /// The device, where the person completed a sign-in on it before: its tries are counted apart from all others.
    pub device: Option<DeviceId>,
}

impl Occasion<'_> {
    /// What tries are counted by.
    fn counted_by(&self) -> &str {
        match self.purpose {
            CodePurpose::StepUp => self.bound,
            CodePurpose::SignIn | CodePurpose::Verify | CodePurpose::PinReset => self.place(),
        }
    }

    /// The device or the network address.
    fn place(&self) -> &str {
        self.device.as_ref().map_or(self.origin, DeviceId::short)
    }
}

/// Counts and checks a proof of a second factor.
///
/// # Errors
/// [`Fault`] alone.
pub fn check_proof(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    proof: &Proof,
    at: Occasion<'_>,
) -> Result<ProofCheck, Fault> {
    if let Some(retry_after_seconds) = count_guess(tx, means, person, &at)? {
        return Ok(ProofCheck::TooMany { retry_after_seconds });
    }
    let right = match proof {
        Proof::Totp(code) => totp::use_totp(tx, means, person, code)?,
        Proof::Recovery(code) => recovery::use_recovery_code(tx, means, person, code)?,
        Proof::Contact { .. } if !takes_contact(tx, means, person, at.purpose)? => false,
        Proof::Sms { request, code } | Proof::Contact { request, code } => {
            let errand = Errand { person, purpose: at.purpose, bound: at.bound };
            sent_codes::check_sent(tx, means, errand, *request, code)? == SentCheck::Right
        }
    };
    if right {
        forget_guesses(tx, means, person, &at)?;
        return Ok(ProofCheck::Right);
    }
    factors::note_refused(tx, means, person, proof.name())?;
    if at.purpose == CodePurpose::StepUp {
        tell_burst(tx, means, person, at.counted_by())?;
    }
    Ok(ProofCheck::Wrong)
}

/// Whether a code to the contact counts: for a buyer without a second factor, within a session.
pub(crate) fn takes_contact(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    purpose: CodePurpose,
) -> Result<bool, Fault> {
    let is_buyer = matches!(person, Person::Buyer(_));
    Ok(is_buyer && purpose == CodePurpose::StepUp && !factors::has_second_factor(tx, means.vault, person)?)
}

/// Counts a guess; the seconds to wait where there were too many.
fn count_guess(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    at: &Occasion<'_>,
) -> Result<Option<i64>, Fault> {
    let pair = pair(person, at.counted_by());
    // A member's session had a second factor. A buyer's may be of the time before there was one.
    let is_members = matches!(person, Person::Member(_)) && at.purpose == CodePurpose::StepUp;
    let is_known =
        is_members || at.device.is_some() || throttle::is_remembered(tx, &KNOWN_PLACE, &pair, means.now)?;
    let mut limits = vec![(&PER_PAIR, pair.as_str())];
    if !is_known {
        limits.push((&PER_PERSON, person.short()));
    }
    for (limit, subject) in limits {
        if let Err(blocked) = throttle::count(tx, limit, subject, means.now)? {
            return Ok(Some(blocked.retry_after_seconds));
        }
    }
    Ok(None)
}

/// Forgets the guesses after a right proof, and remembers the place.
fn forget_guesses(tx: &mut Tx, means: &Means<'_>, person: Person, at: &Occasion<'_>) -> Result<(), Fault> {
    throttle::clear(tx, &PER_PAIR, &pair(person, at.counted_by()))?;
    throttle::clear(tx, &PER_PERSON, person.short())?;
    throttle::remember(tx, &KNOWN_PLACE, &pair(person, at.place()), means.now)
}

/// Tells the person once, when the last allowed guess from a place was wrong within a session.
fn tell_burst(tx: &mut Tx, means: &Means<'_>, person: Person, origin: &str) -> Result<(), Fault> {
    if throttle::is_spent(tx, &PER_PAIR, &pair(person, origin))? {
        notices::queue_notice(tx, means, person, &Notice::FailedStepUp)?;
    }
    Ok(())
}

/// Tells the person early that somebody took the first step of a sign-in rightly and is wrong at the second: they know a
/// secret, whether or not they ever get further. Counted for the person, since whoever knows that can begin anew anywhere.
pub(crate) fn tell_stopped(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    first: FirstProof,
) -> Result<(), Fault> {
    let is_told = throttle::count(tx, &STOPPED, person.short(), means.now)?.is_err();
    if is_told || !throttle::is_spent(tx, &STOPPED, person.short())? {
        return Ok(());
    }
    notices::queue_notice(tx, means, person, &Notice::StoppedAtSecondStep { first })
}

/// Takes back the slips of a sign-in that was completed after all, so that they make no alarm of later ones. What others tried
/// meanwhile stays counted, and an alarm that was given stays given.
pub(crate) fn forgive_slips(tx: &mut Tx, person: Person, slips: i64) -> Result<(), Fault> {
    if slips == 0 || throttle::is_spent(tx, &STOPPED, person.short())? {
        return Ok(());
    }
    (0..slips).try_for_each(|_| throttle::give_back(tx, &STOPPED, person.short()))
}

fn pair(person: Person, origin: &str) -> String {
    format!("{} {origin}", person.short())
}
