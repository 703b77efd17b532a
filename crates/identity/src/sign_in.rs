//! The two steps of a sign-in, and giving the second one again later.
//!
//! The first step is a password, or a code sent to a buyer's contact. Somebody who has a second factor then holds a token
//! that opens nothing but the second step, for ten minutes and five tries. Somebody who has none gets a session: a member's
//! is held to setting up a factor ([`crate::Denied::SecondFactorNeeded`]). Each step makes new tokens, so none that was
//! seen before a step is worth anything after it (SES-1).

use base::{DeviceId, MemberId, SessionId, Timestamp};
use store::Tx;
use vault::Vault;

use crate::buyers::{self, DeviceToken};
use crate::codes::{ShownDevice, SignedIn};
use crate::context::{Fault, Means, takes_faults};
use crate::factors::{self, FactorKind};
use crate::limits::{OWN_FRESH_SECONDS, PENDING_SECONDS, PENDING_TRIES_MAX, PLACE_SECONDS};
use crate::member_devices;
use crate::networks::Network;
use crate::notices::{self, FirstProof, Notice};
use crate::permissions::{Actor, Denied};
use crate::person::Person;
use crate::proof::{self, Occasion, Proof, ProofCheck};
use crate::record::{self, Event};
use crate::recovery;
use crate::sent_codes::CodePurpose;
use crate::sessions::{self, AuthError, NewSession, Outside};
use crate::store::buyers::BuyerState;
use crate::store::members::{self, MemberRow, MemberState};
use crate::store::pending::{self, PendingRow};
use crate::text::Label;
use crate::throttle::{self, Limit};
use crate::token::{Token, TokenKind};

/// A place somebody signed in from, remembered so that a new one is told. One entry, no limit.
const PLACE: Limit = Limit { kind: "place", tries_max: 1, window_seconds: 0, block_seconds: PLACE_SECONDS };

/// A sign-in whose first step was right.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
    /// Opens the second step.
    pub token: Token,
    /// Who signs in.
    pub person: Person,
    /// When the first step is forgotten.
    pub expires: Timestamp,
    /// What the person has, to choose from; each kind once.
    pub kinds: Vec<FactorKind>,
}

/// Where the first step leads.
#[derive(Clone, Debug)]
pub enum FirstStep {
    /// In: the person has no second factor.
    In(NewSession),
    /// To the second step.
    SecondStep(PendingSignIn),
}

/// Somebody who is in.
#[derive(Clone, Debug)]
pub enum Opened {
    /// A member.
    Member(MemberId, NewSession),
    /// A buyer.
    Buyer(Box<SignedIn>),
}

impl Opened {
    /// The session.
    pub fn session(&self) -> &NewSession {
        match self {
            Opened::Member(_, session) => session,
            Opened::Buyer(signed_in) => &signed_in.session,
        }
    }
}

/// What the second step came to. All are results, so that the count is kept.
#[derive(Clone, Debug)]
pub enum SecondStep {
    /// In.
    In(Opened),
    /// A wrong code.
    Wrong {
        /// Tries that are left before the first step must be made again.
        left: i64,
    },
    /// Unknown, expired or spent: begin again.
    Gone,
    /// Too many wrong codes for this person from this place.
    TooMany {
        /// When to come back, in seconds.
        retry_after_seconds: i64,
    },
}

/// Where and on what somebody signs in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The device, as it tells.
    pub device: &'a ShownDevice,
    /// The network address, as tries are counted by.
    pub origin: &'a str,
}

/// Begins the second step for somebody who has a second factor; `None` for somebody who has none.
pub(crate) fn begin_second_step(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
) -> Result<Option<PendingSignIn>, Fault> {
    if !factors::has_second_factor(tx, means.vault, person)? {
        return Ok(None);
    }
    let kinds = list_kinds(tx, person)?;
    let token = Token::random(TokenKind::PendingSignIn, means.dice);
    let expires = means.now.plus_seconds(PENDING_SECONDS);
    let row = PendingRow { token_hash: token.hash(), person, tries: 0, expires, outside: None };
    pending::insert_pending(tx, row)?;
    Ok(Some(PendingSignIn { token, person, expires, kinds }))
}

/// Notes that the first step of a sign-in was taken at the provider.
pub(crate) fn mark_pending_outside(tx: &mut Tx, token: &Token, outside: Outside) -> Result<(), Fault> {
    match pending::find_pending(tx, &token.hash())? {
        Some(row) => Ok(pending::update_pending(tx, PendingRow { outside: Some(outside), ..row })?),
        None => Ok(()),
    }
}

/// Who is in the middle of a sign-in, or `None` when the token opens nothing, or no longer.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_pending(tx: &mut Tx, token: &Token, now: Timestamp) -> Result<Option<Person>, Fault> {
    let row = pending::find_pending(tx, &token.hash())?;
    Ok(row.filter(|row| now < row.expires && row.tries < PENDING_TRIES_MAX).map(|row| row.person))
}

/// The kinds of factor somebody in the middle of a sign-in has, each once, and until when the token is good.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_second_step(
    tx: &mut Tx,
    token: &Token,
    now: Timestamp,
) -> Result<Option<(Person, Vec<FactorKind>)>, Fault> {
    let Some(person) = find_pending(tx, token, now)? else { return Ok(None) };
    Ok(Some((person, list_kinds(tx, person)?)))
}

/// The kinds of factor a person has, each once. Recovery codes that are all used up are not offered.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_kinds(tx: &mut Tx, person: Person) -> Result<Vec<FactorKind>, Fault> {
    let mut kinds: Vec<FactorKind> = Vec::new();
    for factor in factors::list_factors(tx, person)? {
        let is_spent =
            factor.kind == FactorKind::Recovery && recovery::count_recovery_codes(tx, person)? == 0;
        if !kinds.contains(&factor.kind) && !is_spent {
            kinds.push(factor.kind);
        }
    }
    Ok(kinds)
}

/// Takes the second step with a code.
///
/// # Errors
/// [`Fault`] alone.
pub fn take_second_step(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    proof: &Proof,
    from: Arrival<'_>,
) -> Result<SecondStep, Fault> {
    let open = |row: &PendingRow| means.now < row.expires && row.tries < PENDING_TRIES_MAX;
    let Some(row) = pending::find_pending(tx, &token.hash())?.filter(open) else {
        return Ok(SecondStep::Gone);
    };
    let device = find_known_device(tx, row.person, from.device.token.as_ref())?;
    let at = Occasion { purpose: CodePurpose::SignIn, bound: &row.token_hash, origin: from.origin, device };
    match proof::check_proof(tx, means, row.person, proof, at)? {
        ProofCheck::Right => {
            proof::forgive_slips(tx, row.person, row.tries)?;
            let opened = complete(tx, means, token, proof.name(), from)?;
            Ok(opened.map_or(SecondStep::Gone, SecondStep::In))
        }
        ProofCheck::Wrong => {
            let tries = row.tries + 1;
            let first = match row.person {
                Person::Buyer(_) => FirstProof::SentCode,
                Person::Member(_) if row.outside.is_some() => FirstProof::Provider,
                Person::Member(_) => FirstProof::Password,
            };
            proof::tell_stopped(tx, means, row.person, first)?;
            pending::update_pending(tx, PendingRow { tries, ..row })?;
            Ok(SecondStep::Wrong { left: PENDING_TRIES_MAX - tries })
        }
        ProofCheck::TooMany { retry_after_seconds } => Ok(SecondStep::TooMany { retry_after_seconds }),
    }
}

/// Completes a sign-in whose second factor the caller has just seen proven: a passkey, or a code. Uses the token up.
/// `None` when the token is gone, or the person was removed meanwhile.
///
/// # Errors
/// [`Fault`] alone.
pub fn complete_sign_in(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    kind: FactorKind,
    from: Arrival<'_>,
) -> Result<Option<Opened>, Fault> {
    complete(tx, means, token, kind.name(), from)
}

fn complete(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    proven: &'static str,
    from: Arrival<'_>,
) -> Result<Option<Opened>, Fault> {
    let Some(person) = find_pending(tx, token, means.now)? else { return Ok(None) };
    let outside = pending::find_pending(tx, &token.hash())?.and_then(|row| row.outside);
    pending::delete_pending(tx, &token.hash())?;
    match (open(tx, means, person, proven, from)?, outside) {
        (Some(Opened::Member(member, session)), Some(outside)) => {
            Ok(Some(Opened::Member(member, sessions::mark_outside(tx, session, &outside)?)))
        }
        (opened, _) => Ok(opened),
    }
}

/// Opens a session for somebody whose factor the caller has just seen proven, without a first step: a passkey is both.
/// `None` for a member who was removed.
///
/// # Errors
/// [`Fault`] alone.
pub fn open_proven(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    kind: FactorKind,
    from: Arrival<'_>,
) -> Result<Option<Opened>, Fault> {
    open(tx, means, person, kind.name(), from)
}

fn open(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    proven: &'static str,
    from: Arrival<'_>,
) -> Result<Option<Opened>, Fault> {
    let opened = match person {
        Person::Member(member) => {
            let coming =
                Coming { agent: &from.device.label, origin: from.origin, device: from.device.token.as_ref() };
            let session = open_member(tx, means, member, coming)?;
            session.map(|session| Opened::Member(member, session))
        }
        Person::Buyer(buyer) => Some(Opened::Buyer(Box::new(open_buyer(tx, means, buyer, from.device)?))),
    };
    if let Some(opened) = &opened {
        sessions::mark_second_factor(tx, means, &opened.session().token, proven)?;
        end_replaced(tx, means, from.device.session.as_ref(), opened.session())?;
    }
    Ok(opened)
}

/// Ends the session that a browser held when it opened another one of the same kind (SES-1).
pub(crate) fn end_replaced(
    tx: &mut Tx,
    means: &Means<'_>,
    held: Option<&Token>,
    opened: &NewSession,
) -> Result<(), Fault> {
    match held {
        Some(token) if token.is_like(&opened.token) => sessions::end_session(tx, means, token),
        _ => Ok(()),
    }
}

/// The device behind a token, if this very person completed a sign-in on it before.
fn find_known_device(
    tx: &mut Tx,
    person: Person,
    shown: Option<&DeviceToken>,
) -> Result<Option<DeviceId>, Fault> {
    match (person, shown) {
        (Person::Member(member), shown) => member_devices::find_own_device(tx, member, shown),
        (Person::Buyer(buyer), Some(shown)) => buyers::find_own_device(tx, buyer, shown),
        (Person::Buyer(_), None) => Ok(None),
    }
}

/// On what and from where a member comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coming<'a> {
    pub(crate) agent: &'a Label,
    pub(crate) origin: &'a str,
    /// The token that the device kept from the last time.
    pub(crate) device: Option<&'a DeviceToken>,
}

/// Opens a session of a member, notes the sign-in, and tells of a new device, or of a new place of a known one. `None` for
/// one who was removed.
pub(crate) fn open_member(
    tx: &mut Tx,
    means: &Means<'_>,
    member: MemberId,
    from: Coming<'_>,
) -> Result<Option<NewSession>, Fault> {
    let Coming { agent, origin, .. } = from;
    let person = Person::Member(member);
    let row = members::find_member(tx, person.shop(), member)?;
    let Some(row) = row.filter(|row| row.state == MemberState::Active) else { return Ok(None) };
    let is_first = row.last_login.is_none();
    members::update_member(tx, MemberRow { last_login: Some(means.now), ..row })?;
    let device = member_devices::recognise(tx, means, member, from.device, agent)?;
    let is_new_place = remember_place(tx, means, person, origin)?;
    let (network, agent_told) = (Network::of_origin(origin), agent.clone());
    let notice = match (&device, is_new_place) {
        (Some(_), _) => Some(Notice::NewDevice { agent: agent_told, network }),
        (None, true) => Some(Notice::NewPlace { agent: agent_told, origin: origin.to_owned() }),
        (None, false) => None,
    };
    if let Some(notice) = notice.filter(|_| !is_first) {
        notices::queue_notice(tx, means, person, &notice)?;
    }
    let session = sessions::open_member_session(tx, means, member, (agent, origin))?;
    Ok(Some(NewSession { device, ..session }))
}

/// Remembers a place, and whether it was none of the person's.
fn remember_place(tx: &mut Tx, means: &Means<'_>, person: Person, place: &str) -> Result<bool, Fault> {
    let place = format!("{} {place}", person.short());
    let is_new = !throttle::is_remembered(tx, &PLACE, &place, means.now)?;
    throttle::remember(tx, &PLACE, &place, means.now)?;
    Ok(is_new)
}

/// Recognises or adds the buyer's device and opens a session on it. A new network of a known device is told; a new device
/// is told with its network. By network and not by address, which a telephone changes all day.
pub(crate) fn open_buyer(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: base::BuyerId,
    device: &ShownDevice,
) -> Result<SignedIn, Fault> {
    let from = (&device.label, device.origin.as_str());
    let known = buyers::recognise_device(tx, means, buyer, device.token.as_ref(), from)?;
    if let Some(network) = Network::of_origin(&device.origin) {
        let (person, place) = (Person::Buyer(buyer), network.to_string());
        let is_new = remember_place(tx, means, person, &place)?;
        if is_new && !known.is_new {
            let notice = Notice::NewPlace { agent: device.label.clone(), origin: place };
            notices::queue_notice(tx, means, person, &notice)?;
        }
    }
    let id = known.token.device;
    let session = sessions::open_buyer_session(tx, means, buyer, id, from)?;
    Ok(SignedIn { buyer, device: id, device_token: known.token, session, is_new: false })
}

/// What a step-up came to.
#[derive(Clone, Debug)]
pub enum StepUp {
    /// The session goes on under a new token; the old one opens nothing any more.
    Done(NewSession),
    /// A wrong code.
    Wrong,
    /// Too many wrong codes.
    TooMany {
        /// When to come back, in seconds.
        retry_after_seconds: i64,
    },
}

/// Proves a second factor again, within a session.
///
/// # Errors
/// [`AuthError`].
pub fn step_up(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    session: (&Token, SessionId),
    proof: &Proof,
    origin: &str,
) -> Result<StepUp, AuthError> {
    let at = Occasion { purpose: CodePurpose::StepUp, bound: session.1.short(), origin, device: None };
    Ok(match proof::check_proof(tx, means, person, proof, at)? {
        ProofCheck::Right => StepUp::Done(sessions::renew_session(tx, means, session.0, proof.name())?),
        ProofCheck::Wrong => StepUp::Wrong,
        ProofCheck::TooMany { retry_after_seconds } => StepUp::TooMany { retry_after_seconds },
    })
}

/// Asks somebody for a proof of late: a second factor that is fresh where they have one, else that they lately signed in. A
/// buyer's session that sleeps proves nothing, however late it was opened.
///
/// # Errors
/// [`Denied::StepUpNeeded`], [`Denied::SignInNeeded`], [`Denied::Asleep`].
pub fn require_own_fresh(tx: &mut Tx, vault: &Vault, actor: &Actor) -> Result<Person, OwnError> {
    let (opened, given, at) = match actor {
        Actor::Member(session) => (session.opened, session.second_factor, session.at),
        Actor::Buyer(session) => (session.opened, session.second_factor, session.at),
        _ => return Err(OwnError::Denied(Denied::SignInNeeded)),
    };
    let person = Person::of(actor).ok_or(OwnError::Denied(Denied::SignInNeeded))?;
    let is_fresh = |since: Timestamp| at < since.plus_seconds(OWN_FRESH_SECONDS);
    let asleep = matches!(actor, Actor::Buyer(session) if !session.awake);
    let has_factor = factors::has_second_factor(tx, vault, person)?;
    let is_proven = given.is_some_and(is_fresh) || (!has_factor && is_fresh(opened));
    Err(OwnError::Denied(match person {
        // Whoever finds the device minutes later has shown nothing of their own: the PIN first.
        Person::Buyer(_) if is_proven && asleep => Denied::Asleep,
        _ if is_proven => return Ok(person),
        Person::Member(_) if !has_factor => Denied::SignInNeeded,
        _ => Denied::StepUpNeeded,
    }))
}

/// Lets somebody change their own factors, password or contact: with a proof of late, and not in an account that is frozen,
/// which whoever froze it must find as it was.
///
/// # Errors
/// Those of [`require_own_fresh`], [`Denied::Frozen`].
pub fn require_own_change(tx: &mut Tx, vault: &Vault, actor: &Actor) -> Result<Person, OwnError> {
    let person = require_own_fresh(tx, vault, actor)?;
    if let Person::Buyer(buyer) = person {
        let found = buyers::find_buyer(tx, buyer)?.ok_or(OwnError::Denied(Denied::SignInNeeded))?;
        if found.state != BuyerState::Active {
            return Err(OwnError::Denied(Denied::Frozen));
        }
    }
    Ok(person)
}

/// Why somebody may not change their own factors now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnError {
    /// Not fresh enough, or nobody.
    #[error(transparent)]
    Denied(Denied),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(OwnError);

/// Forgets the first steps of a person whose password is another one now.
pub(crate) fn forget_pending(tx: &mut Tx, person: Person) -> Result<(), Fault> {
    for token_hash in pending::list_pending_of(tx, person)? {
        pending::delete_pending(tx, &token_hash)?;
    }
    Ok(())
}

/// Forgets first steps that were never followed. Returns how many.
pub(crate) fn sweep_pending(tx: &mut Tx, now: Timestamp, limit: usize) -> Result<usize, Fault> {
    let ended = pending::list_ended_pending(tx, now, limit)?;
    for token_hash in &ended {
        pending::delete_pending(tx, token_hash)?;
    }
    Ok(ended.len())
}

/// An entry for a sign-in that was begun with the right first step.
pub(crate) fn note_first_step(tx: &mut Tx, means: &Means<'_>, person: Person) -> Result<(), Fault> {
    record::note(tx, means, Event::new(person.shop(), person, record::FIRST_STEP_TAKEN, person))
}
