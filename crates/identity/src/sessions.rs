//! Sessions of buyers and members: a random token, kept as its hash, ended on the server (SES-1, C14).
//!
//! Checking one costs a keyed read and never writes. Its use is written down at most once a minute, by
//! [`touch_session`], when the check says so.
//!
//! A **buyer's** session belongs to a device and lasts 30 days: the phone is remembered. It shows the account only while
//! *awake*: five minutes after the last use it asks for the PIN again. Each payment asks for the PIN in any case.
//! A **member's** session ends after 15 minutes without use and after 12 hours in any case.

use base::{BuyerId, DeviceId, MemberId, SessionId, ShopId, Timestamp};
use store::Tx;

use crate::activity::{self, Happening, Scene};
use crate::buyers::DeviceToken;
use crate::context::{Fault, Means, takes_faults};
use crate::emergency::{self, Lent};
use crate::factors::FactorKind;
use crate::grants::{self, Permissions};
use crate::limits::{
    BUYER_IDLE_SECONDS, BUYER_SESSION_SECONDS, MEMBER_IDLE_SECONDS, MEMBER_SESSION_SECONDS,
    SESSION_TOUCH_SECONDS,
};
use crate::networks::Network;
use crate::permissions::Role;
use crate::record::{self, Event};
use crate::store::members::{self, MemberState};
use crate::store::sessions::{self, SessionKind, SessionRow};
use crate::text::Label;
use crate::token::{Token, TokenKind};

/// The origin of a session that nobody opened from anywhere.
pub(crate) const NOWHERE: &str = "unknown";

/// A buyer who is signed in on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuyerSession {
    /// The session.
    pub id: SessionId,
    /// The buyer.
    pub buyer: BuyerId,
    /// The device it was opened on.
    pub device: DeviceId,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it ends in any case.
    pub expires: Timestamp,
    /// When a second factor was given in this session last.
    pub second_factor: Option<Timestamp>,
    /// The instant of the request, by which the session was checked.
    pub at: Timestamp,
    /// Whether the account may be shown; if not, ask for the PIN and call [`wake_session`].
    pub awake: bool,
    /// Whether [`touch_session`] is due.
    pub touch_due: bool,
}

/// A member who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSession {
    /// The session.
    pub id: SessionId,
    /// The member.
    pub member: MemberId,
    /// The member's shop.
    pub shop: ShopId,
    /// The member's roles, as of now.
    pub roles: Vec<Role>,
    /// What the shop's own roles add, as of now.
    pub custom: Permissions,
    /// What the member took in an emergency, in this session and as of now.
    pub emergency: Option<Lent>,
    /// When the password was given.
    pub opened: Timestamp,
    /// When it ends in any case.
    pub expires: Timestamp,
    /// When a second factor was given in this session last; `None` after the password alone.
    pub second_factor: Option<Timestamp>,
    /// Whether the password must be changed before anything else.
    pub password_due: bool,
    /// The instant of the request, by which the session was checked.
    pub at: Timestamp,
    /// Whether [`touch_session`] is due.
    pub touch_due: bool,
}

/// A session that was just opened, with the token its holder gets once.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session.
    pub id: SessionId,
    /// The token to send along from now on.
    pub token: Token,
    /// When it ends in any case.
    pub expires: Timestamp,
    /// What a member's device is to keep, where it was not known before. A buyer's stands in [`crate::SignedIn`].
    pub device: Option<DeviceToken>,
}

/// Where a session was born that began at the operator's provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outside {
    /// The provider's session, as a hash; empty where the provider named none.
    pub(crate) session: String,
    /// When the person signed in there, where the provider says so.
    pub(crate) authenticated: Option<Timestamp>,
}

/// A session as its owner sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLine {
    /// The session.
    pub id: SessionId,
    /// What the browser or program called itself.
    pub agent: String,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it was last used, to the minute.
    pub used: Timestamp,
    /// The network it was opened from, where that is known.
    pub network: Option<Network>,
}

/// Why a session was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Unknown, ended, or too old: sign in again.
    #[error("sign in first")]
    SignInNeeded,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(AuthError);

/// The buyer behind a session token. One keyed read, no write.
///
/// # Errors
/// [`AuthError::SignInNeeded`] when the token opens nothing, or no longer.
pub fn require_buyer(tx: &mut Tx, token: &Token, now: Timestamp) -> Result<BuyerSession, AuthError> {
    let row = find_open(tx, token, SessionKind::Buyer, now)?;
    let buyer = BuyerId::from_short(&row.subject).ok_or(Fault::Row("session"))?;
    let device = row.device.as_deref().and_then(DeviceId::from_short).ok_or(Fault::Row("session"))?;
    let awake = now < row.used.plus_seconds(BUYER_IDLE_SECONDS);
    Ok(BuyerSession {
        id: row.id,
        buyer,
        device,
        opened: row.opened,
        expires: row.expires,
        second_factor: row.second_factor,
        at: now,
        awake,
        touch_due: awake && is_touch_due(&row, now),
    })
}

/// The member behind a session token, with the roles of this moment. Two keyed reads, no write.
///
/// # Errors
/// [`AuthError::SignInNeeded`] when the token opens nothing, or no longer, or the member was removed.
pub fn require_member(tx: &mut Tx, token: &Token, now: Timestamp) -> Result<MemberSession, AuthError> {
    let row = find_open(tx, token, SessionKind::Member, now)?;
    if now >= row.used.plus_seconds(MEMBER_IDLE_SECONDS) {
        return Err(AuthError::SignInNeeded);
    }
    let member = MemberId::from_short(&row.subject).ok_or(Fault::Row("session"))?;
    let found = members::find_member(tx, row.shop, member)?;
    let found = found.filter(|member| member.state == MemberState::Active).ok_or(AuthError::SignInNeeded)?;
    let custom = grants::custom_permissions(tx, row.shop, &found.custom)?;
    let emergency = match found.emergency {
        Some(id) => emergency::find_lent(tx, id, row.id, now)?,
        None => None,
    };
    Ok(MemberSession {
        id: row.id,
        member,
        shop: row.shop,
        roles: found.roles,
        custom,
        emergency,
        opened: row.opened,
        expires: row.expires,
        second_factor: row.second_factor,
        password_due: found.password_due.is_some(),
        at: now,
        touch_due: is_touch_due(&row, now),
    })
}

/// Writes down that a session is in use. Call it when `touch_due` says so, in a writing transaction.
///
/// # Errors
/// [`Fault`] alone; a session that has ended meanwhile is left alone.
pub fn touch_session(tx: &mut Tx, token: &Token, now: Timestamp) -> Result<(), Fault> {
    if let Some(row) = sessions::find_session(tx, &token.hash())?
        && now < idle_end(&row)
    {
        sessions::update_session(tx, SessionRow { used: now, ..row })?;
    }
    Ok(())
}

/// Lets a buyer's session show the account again. The caller has just seen the right PIN. The session goes on under a new
/// token; the old one opens nothing any more (SES-1).
///
/// # Errors
/// [`AuthError::SignInNeeded`] when the token opens nothing, or no longer.
pub fn wake_session(tx: &mut Tx, means: &Means<'_>, token: &Token) -> Result<NewSession, AuthError> {
    rotate_session(tx, means, token)
}

/// Notes that a second factor was proven in a session just now. The session goes on under a new token; the old one opens
/// nothing any more (SES-1).
///
/// # Errors
/// [`AuthError::SignInNeeded`] when the token opens nothing, or no longer.
pub fn note_second_factor(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    kind: FactorKind,
) -> Result<NewSession, AuthError> {
    renew_session(tx, means, token, kind.name())
}

pub(crate) fn renew_session(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    proven: &'static str,
) -> Result<NewSession, AuthError> {
    let (renewed, row) = swap_token(tx, means, token)?;
    mark_second_factor(tx, means, &renewed.token, proven)?;
    end_half_sessions(tx, means, &row)?;
    Ok(renewed)
}

/// Ends what a member opened with the password alone before there was a second factor: whoever holds it knows no more.
fn end_half_sessions(tx: &mut Tx, means: &Means<'_>, proven: &SessionRow) -> Result<(), Fault> {
    if proven.kind == SessionKind::Member {
        let all = sessions::list_sessions(tx, proven.kind, &proven.subject)?;
        for half in all.iter().filter(|half| half.id != proven.id && half.second_factor.is_none()) {
            close(tx, means, half)?;
        }
    }
    Ok(())
}

/// Goes on with a session under a new token after its owner proved something that is no second factor: a PIN, a password.
pub(crate) fn rotate_session(tx: &mut Tx, means: &Means<'_>, token: &Token) -> Result<NewSession, AuthError> {
    let (renewed, row) = swap_token(tx, means, token)?;
    record::note(tx, means, Event::new(row.shop, row.holder(), record::SESSION_RENEWED, row.id))?;
    Ok(renewed)
}

/// The session under its new token, and its row as it is kept now.
fn swap_token(tx: &mut Tx, means: &Means<'_>, token: &Token) -> Result<(NewSession, SessionRow), AuthError> {
    let row = sessions::find_session(tx, &token.hash())?.filter(|row| means.now < row.expires);
    let row = row.ok_or(AuthError::SignInNeeded)?;
    let renewed = Token::random(row.kind.token_kind(), means.dice);
    sessions::delete_session(tx, &row.token_hash)?;
    let row = SessionRow { token_hash: renewed.hash(), used: means.now, ..row };
    sessions::insert_session(tx, row.clone())?;
    Ok((NewSession { id: row.id, token: renewed, expires: row.expires, device: None }, row))
}

/// Notes a second factor, proven just now, in a session whose token nobody has seen yet.
pub(crate) fn mark_second_factor(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    proven: &'static str,
) -> Result<(), Fault> {
    mark_second_factor_at(tx, means, token, (proven, means.now))
}

/// The same for one that was proven at a time.
pub(crate) fn mark_second_factor_at(
    tx: &mut Tx,
    means: &Means<'_>,
    token: &Token,
    (proven, at): (&'static str, Timestamp),
) -> Result<(), Fault> {
    let row = sessions::find_session(tx, &token.hash())?.ok_or(Fault::Row("session"))?;
    let event = Event::new(row.shop, row.holder(), record::SECOND_FACTOR_GIVEN, row.id).with("kind", proven);
    let second_factor = Some(at.min(means.now));
    sessions::update_session(tx, SessionRow { second_factor, used: means.now, ..row })?;
    record::note(tx, means, event)
}

/// Notes that a session nobody has seen yet was born from the provider's. It ends at the latest when a session would that
/// had been opened when the person signed in there (ASVS 7.6.1).
pub(crate) fn mark_outside(tx: &mut Tx, session: NewSession, outside: &Outside) -> Result<NewSession, Fault> {
    let row = sessions::find_session(tx, &session.token.hash())?.ok_or(Fault::Row("session"))?;
    let latest = outside.authenticated.map(|at| at.plus_seconds(MEMBER_SESSION_SECONDS));
    let expires = latest.map_or(row.expires, |latest| latest.min(row.expires));
    let outside = Some(outside.session.clone());
    sessions::update_session(tx, SessionRow { outside, expires, ..row })?;
    Ok(NewSession { expires, ..session })
}

/// Opens a session of a buyer on a device. `from` is what the browser calls itself, and the network address as
/// [`crate::origin_of`] gives it.
///
/// # Errors
/// [`Fault`] alone.
pub fn open_buyer_session(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    device: DeviceId,
    from: (&Label, &str),
) -> Result<NewSession, Fault> {
    let subject = Subject {
        kind: SessionKind::Buyer,
        shop: ShopId::HOUSE,
        id: buyer.short().to_owned(),
        device: Some(device.short().to_owned()),
        life_seconds: BUYER_SESSION_SECONDS,
    };
    open_session(tx, means, subject, from)
}

/// Opens a session of a member. `from` is what the browser calls itself, and the network address as [`crate::origin_of`]
/// gives it.
///
/// # Errors
/// [`Fault`] alone.
pub fn open_member_session(
    tx: &mut Tx,
    means: &Means<'_>,
    member: MemberId,
    from: (&Label, &str),
) -> Result<NewSession, Fault> {
    let subject = Subject {
        kind: SessionKind::Member,
        shop: base::ScopedId::shop(&member),
        id: member.short().to_owned(),
        device: None,
        life_seconds: MEMBER_SESSION_SECONDS,
    };
    open_session(tx, means, subject, from)
}

/// Opens a session of a member as if a second factor had just been given: for demonstrations, load tests and tests.
///
/// # Errors
/// [`Fault`] alone.
pub fn open_trusted_member_session(
    tx: &mut Tx,
    means: &Means<'_>,
    member: MemberId,
    agent: &Label,
) -> Result<NewSession, Fault> {
    let session = open_member_session(tx, means, member, (agent, NOWHERE))?;
    mark_second_factor(tx, means, &session.token, "trusted")?;
    Ok(session)
}

/// Ends the session of this token; nothing happens when there is none.
///
/// # Errors
/// [`Fault`] alone.
pub fn end_session(tx: &mut Tx, means: &Means<'_>, token: &Token) -> Result<(), Fault> {
    let hash = token.hash();
    match sessions::find_session(tx, &hash)? {
        Some(row) => close(tx, means, &row),
        None => Ok(()),
    }
}

/// The open sessions of a buyer, newest first.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_buyer_sessions(tx: &mut Tx, buyer: BuyerId, now: Timestamp) -> Result<Vec<SessionLine>, Fault> {
    list_lines(tx, SessionKind::Buyer, buyer.short(), now)
}

/// The open sessions of a member, newest first.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_member_sessions(
    tx: &mut Tx,
    member: MemberId,
    now: Timestamp,
) -> Result<Vec<SessionLine>, Fault> {
    list_lines(tx, SessionKind::Member, member.short(), now)
}

/// Ends every session of a buyer and returns how many there were.
///
/// # Errors
/// [`Fault`] alone.
pub fn end_buyer_sessions(tx: &mut Tx, means: &Means<'_>, buyer: BuyerId) -> Result<usize, Fault> {
    end_all(tx, means, SessionKind::Buyer, buyer.short())
}

/// Ends every session of a member and returns how many there were.
///
/// # Errors
/// [`Fault`] alone.
pub fn end_member_sessions(tx: &mut Tx, means: &Means<'_>, member: MemberId) -> Result<usize, Fault> {
    end_all(tx, means, SessionKind::Member, member.short())
}

/// Ends one session of a buyer, chosen from the list. Returns whether it was theirs.
///
/// # Errors
/// [`Fault`] alone.
pub fn end_buyer_session(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    id: SessionId,
) -> Result<bool, Fault> {
    let rows = sessions::list_sessions(tx, SessionKind::Buyer, buyer.short())?;
    let Some(row) = rows.into_iter().find(|row| row.id == id) else { return Ok(false) };
    close(tx, means, &row)?;
    Ok(true)
}

struct Subject {
    kind: SessionKind,
    shop: ShopId,
    id: String,
    device: Option<String>,
    life_seconds: i64,
}

fn open_session(
    tx: &mut Tx,
    means: &Means<'_>,
    subject: Subject,
    (agent, origin): (&Label, &str),
) -> Result<NewSession, Fault> {
    let token = Token::random(subject.kind.token_kind(), means.dice);
    let id = SessionId::new(subject.shop, means.now, means.dice);
    let expires = means.now.plus_seconds(subject.life_seconds);
    let row = SessionRow {
        token_hash: token.hash(),
        id,
        kind: subject.kind,
        shop: subject.shop,
        subject: subject.id,
        device: subject.device,
        agent: agent.as_str().to_owned(),
        opened: means.now,
        used: means.now,
        expires,
        second_factor: None,
        network: Network::of_origin(origin),
        outside: None,
    };
    let event = Event::new(row.shop, row.holder(), record::SESSION_OPENED, id);
    if let (SessionKind::Buyer, Some(buyer)) = (row.kind, BuyerId::from_short(&row.subject)) {
        let scene = Scene { label: &row.agent, network: row.network };
        activity::note(tx, means, buyer, Happening::SignedIn, scene)?;
    }
    sessions::insert_session(tx, row)?;
    record::note(tx, means, event)?;
    Ok(NewSession { id, token, expires, device: None })
}

fn find_open(tx: &mut Tx, token: &Token, kind: SessionKind, now: Timestamp) -> Result<SessionRow, AuthError> {
    let row = sessions::find_session(tx, &token.hash())?;
    row.filter(|row| row.kind == kind && now < row.expires).ok_or(AuthError::SignInNeeded)
}

fn is_touch_due(row: &SessionRow, now: Timestamp) -> bool {
    now >= row.used.plus_seconds(SESSION_TOUCH_SECONDS)
}

fn idle_end(row: &SessionRow) -> Timestamp {
    let idle = match row.kind {
        SessionKind::Buyer => BUYER_IDLE_SECONDS,
        SessionKind::Member => MEMBER_IDLE_SECONDS,
    };
    row.used.plus_seconds(idle).min(row.expires)
}

fn list_lines(
    tx: &mut Tx,
    kind: SessionKind,
    subject: &str,
    now: Timestamp,
) -> Result<Vec<SessionLine>, Fault> {
    let rows = sessions::list_sessions(tx, kind, subject)?;
    let open = rows.into_iter().filter(|row| now < row.expires);
    Ok(open
        .map(|row| {
            let SessionRow { id, agent, opened, used, network, .. } = row;
            SessionLine { id, agent, opened, used, network }
        })
        .collect())
}

fn end_all(tx: &mut Tx, means: &Means<'_>, kind: SessionKind, subject: &str) -> Result<usize, Fault> {
    let rows = sessions::list_sessions(tx, kind, subject)?;
    for row in &rows {
        close(tx, means, row)?;
    }
    Ok(rows.len())
}

/// Ends a session that is there, and writes it down.
pub(crate) fn close(tx: &mut Tx, means: &Means<'_>, row: &SessionRow) -> Result<(), Fault> {
    sessions::delete_session(tx, &row.token_hash)?;
    if let (SessionKind::Buyer, Some(buyer)) = (row.kind, BuyerId::from_short(&row.subject)) {
        let scene = Scene { label: &row.agent, network: row.network };
        activity::note(tx, means, buyer, Happening::SessionEnded, scene)?;
    }
    record::note(tx, means, Event::new(row.shop, row.holder(), record::SESSION_ENDED, row.id))
}

impl SessionKind {
    fn token_kind(self) -> TokenKind {
        match self {
            SessionKind::Buyer => TokenKind::BuyerSession,
            SessionKind::Member => TokenKind::MemberSession,
        }
    }
}
