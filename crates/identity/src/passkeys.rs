//! Passkeys (WebAuthn level 3): adding one, signing in with nothing else, showing one as a second factor, confirming a
//! payment with one (C08, C20).
//!
//! Promises:
//! - a challenge is 32 random bytes, or a payment's binding; it is good for five minutes, once, for what and for whom it was
//!   given out (WA-1); the database knows its hash alone;
//! - the device was unlocked by its holder, on a page of ours, outside any frame; so one touch is two factors (WA-2);
//! - a credential belongs to one person; what authenticators know that person by is chance (WA-3);
//! - a passkey that counts backwards is refused from then on, and its owner is told;
//! - what was refused is in the audit log, and its challenge is spent.
//!
//! A passkey is a row of the second factors ([`crate::factors`]), its credential sealed in it.
//!
//! Reading order: `site`, `ceremony` (with `cbor`, `authenticator_data`, `key`), `attestation`, `kept`, `challenges`, `enrol`, `prove`, `entry`.

mod attestation;
mod authenticator_data;
mod cbor;
mod ceremony;
mod challenges;
mod enrol;
mod entry;
pub mod fuzz;
mod kept;
mod key;
mod prove;
mod site;

use base::SessionId;

use crate::context::{Fault, takes_faults};
use crate::factors::FactorError;
use crate::limits::PASSKEYS_MAX;
use crate::token::Token;

pub use attestation::{AttestationPolicy, AttestationPolicyError, Model, ModelError};
pub use ceremony::{ClientData, NewPasskey, PasskeyPart, PasskeyProblem, PasskeyUse, RawUse};
pub use challenges::sweep_challenges;
pub use enrol::{
    CreationOptions, Enrolled, Passkey, finish_registration, list_passkeys, remove_passkey,
    start_registration,
};
pub(crate) use enrol::{forget_all, forget_one};
pub use entry::{Entered, PasskeyStepUp, sign_in_with_passkey, step_up_with_passkey};
pub use key::ALGORITHMS;
pub use prove::{
    PasskeyCheck, PaymentCheck, RequestOptions, start_payment, start_sign_in, start_step_up, verify_payment,
    verify_sign_in, verify_step_up,
};
pub use site::Site;

/// Who a challenge is given to, and who alone may answer it.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// An open session.
    Session(SessionId),
    /// Somebody who is about to sign in and holds this token.
    Attempt(&'a Token),
}

/// Why nothing could be asked for or kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// A person has so many.
    #[error("an account has at most {PASSKEYS_MAX} passkeys; remove one first")]
    TooMany,
    /// The account was erased or removed meanwhile.
    #[error("there is no such account")]
    NobodyThere,
    /// No such passkey of this person.
    #[error("no such passkey")]
    NotFound,
    /// A member keeps one factor.
    #[error("a member keeps at least one second factor; add another one first")]
    LastFactor,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(PasskeyError);

impl From<FactorError> for PasskeyError {
    fn from(error: FactorError) -> PasskeyError {
        match error {
            FactorError::Fault(fault) => PasskeyError::Fault(fault),
            FactorError::TooMany => PasskeyError::TooMany,
            FactorError::NotFound | FactorError::IsContact => PasskeyError::NotFound,
            FactorError::LastFactor => PasskeyError::LastFactor,
        }
    }
}

/// Why an answer was refused. A result, not an error: the challenge is spent and the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyRefusal {
    /// The challenge is unknown, used, too old, or another's. Ask again.
    Stale,
    /// The answer does not hold.
    Problem(PasskeyProblem),
    /// No account of ours has this passkey, or not the one that is asked for.
    Unknown,
    /// The passkey counted backwards once; it has to be removed.
    Copied,
    /// The credential is registered already.
    Taken,
}

impl std::fmt::Display for PasskeyRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PasskeyRefusal::Stale => f.write_str("the request is used up or too old; start again"),
            PasskeyRefusal::Problem(problem) => problem.fmt(f),
            PasskeyRefusal::Unknown => f.write_str("no account has this passkey"),
            PasskeyRefusal::Copied => {
                f.write_str("the passkey may have been copied; remove it and add a new one")
            }
            PasskeyRefusal::Taken => f.write_str("the passkey is registered already"),
        }
    }
}

impl PasskeyRefusal {
    /// The word in the audit log.
    fn word(self) -> &'static str {
        match self {
            PasskeyRefusal::Stale => "stale_challenge",
            PasskeyRefusal::Problem(problem) => problem.word(),
            PasskeyRefusal::Unknown => "unknown_passkey",
            PasskeyRefusal::Copied => "copied",
            PasskeyRefusal::Taken => "taken",
        }
    }
}
