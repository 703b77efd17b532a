//! Signing in with a passkey and nothing else: the touch is both factors.

use base::{MemberId, SessionId};
use store::Tx;

use super::PasskeyRefusal;
use super::ceremony::PasskeyUse;
use super::prove::{PasskeyCheck, verify_sign_in, verify_step_up};
use super::site::Site;
use crate::codes::SignedIn;
use crate::context::{Fault, Means};
use crate::factors::FactorKind;
use crate::person::Person;
use crate::sessions::{AuthError, NewSession, note_second_factor};
use crate::sign_in::{Arrival, Opened, open_proven};
use crate::token::Token;

/// Who came in.
#[derive(Clone, Debug)]
pub enum Entered {
    /// A buyer, on a device.
    Buyer(Box<SignedIn>),
    /// A member.
    Member {
        /// The member.
        member: MemberId,
        /// The session.
        session: NewSession,
    },
    /// Nobody.
    Refused(PasskeyRefusal),
}

/// What a passkey came to in an open session.
#[derive(Clone, Debug)]
pub enum PasskeyStepUp {
    /// The session goes on under a new token; the old one opens nothing any more.
    Done(NewSession),
    /// It was refused.
    Refused(PasskeyRefusal),
}

/// Signs in whoever's passkey it is.
///
/// # Errors
/// [`Fault`] alone.
pub fn sign_in_with_passkey(
    tx: &mut Tx,
    means: &Means<'_>,
    site: &Site,
    (attempt, used): (&Token, &PasskeyUse),
    from: Arrival<'_>,
) -> Result<Entered, Fault> {
    let person = match verify_sign_in(tx, means, site, attempt, used)? {
        PasskeyCheck::Right { person, .. } => person,
        PasskeyCheck::Refused(refusal) => return Ok(Entered::Refused(refusal)),
    };
    Ok(match open_proven(tx, means, person, FactorKind::Passkey, from)? {
        Some(Opened::Buyer(signed_in)) => Entered::Buyer(signed_in),
        Some(Opened::Member(member, session)) => Entered::Member { member, session },
        None => Entered::Refused(PasskeyRefusal::Unknown),
    })
}

/// Shows a passkey in an open session: its second factor is as fresh as can be.
///
/// # Errors
/// [`AuthError::SignInNeeded`] when the session has ended.
pub fn step_up_with_passkey(
    tx: &mut Tx,
    means: &Means<'_>,
    site: &Site,
    (person, session): (Person, SessionId),
    (token, used): (&Token, &PasskeyUse),
) -> Result<PasskeyStepUp, AuthError> {
    Ok(match verify_step_up(tx, means, site, (person, session), used)? {
        PasskeyCheck::Right { .. } => {
            PasskeyStepUp::Done(note_second_factor(tx, means, token, FactorKind::Passkey)?)
        }
        PasskeyCheck::Refused(refusal) => PasskeyStepUp::Refused(refusal),
    })
}
