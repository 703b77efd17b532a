//! Power that a member takes for a time in an emergency: breaking the glass (AZ-8).
//!
//! Promises:
//! - whoever may do it at all takes one built-in role, for minutes, in the one session that asked, with a second factor
//!   given just now and a reason that stays;
//! - owners and those who look after security are told at once, whoever it was;
//! - it ends by itself, or when a colleague or the member ends it, with the next request; every entry of the audit log
//!   about what is done meanwhile names it;
//! - what would outlast it is not lent: keys, certificates, roles, accounts for payouts, a second person's yes; and what
//!   was taken is not given on ([`crate::Actor::covers`]);
//! - somebody else looks at it afterwards. Whoever has three that nobody looked at takes no fourth.

use base::{EmergencyId, MemberId, ScopedId, SessionId, ShopId, Timestamp};
use store::Tx;

use crate::context::{Fault, Means, takes_faults};
use crate::grants::Permissions;
use crate::limits::{
    EMERGENCIES_ENDED_MAX, EMERGENCIES_LISTED_MAX, EMERGENCIES_UNREVIEWED_MAX, EMERGENCY_MINUTES_MAX,
    EMERGENCY_MINUTES_MIN, EMERGENCY_REASON_CHARS_MIN, REASON_CHARS_MAX,
};
use crate::notices::{Notice, queue_notice};
use crate::permissions::{Actor, Denied, Permission, Role};
use crate::person::Person;
use crate::record::{self, Event};
use crate::sessions::MemberSession;
use crate::store::emergencies as rows;
use crate::store::members::{self, MemberRow, MemberState};
use crate::text::clean;

/// What is never lent, whatever the role: it would last.
pub const NEVER_LENT: [Permission; 8] = [
    Permission::ManagePayouts,
    Permission::ManageRoles,
    Permission::ReviewAccess,
    Permission::Approve,
    Permission::ManageApiKeys,
    Permission::ManageCertificates,
    Permission::EmergencyAccess,
    Permission::ManageKeys,
];

/// What a session holds for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lent {
    /// Under which emergency.
    pub id: EmergencyId,
    /// What it adds.
    pub permissions: Permissions,
}

/// Power that somebody took for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergency {
    /// The emergency.
    pub id: EmergencyId,
    /// Who took it.
    pub member: MemberId,
    /// In which session alone it counts.
    pub session: SessionId,
    /// The role that was taken.
    pub role: Role,
    /// Why, as the member wrote it.
    pub reason: String,
    /// Since when.
    pub begun: Timestamp,
    /// Until when at most.
    pub ends: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Who ended it: an id, or `system`.
    pub ender: Option<String>,
    /// Who looked at it afterwards.
    pub reviewer: Option<MemberId>,
    /// When.
    pub reviewed: Option<Timestamp>,
    /// What they wrote.
    pub note: Option<String>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmergencyState {
    /// It counts.
    Running,
    /// It is over, and nobody else has looked at it.
    Unreviewed,
    /// Somebody else has.
    Reviewed,
}

impl EmergencyState {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            EmergencyState::Running => "running",
            EmergencyState::Unreviewed => "unreviewed",
            EmergencyState::Reviewed => "reviewed",
        }
    }
}

impl Emergency {
    /// How far it has come.
    pub fn state(&self, now: Timestamp) -> EmergencyState {
        match (self.reviewed, self.ended) {
            (Some(_), _) => EmergencyState::Reviewed,
            (None, None) if now < self.ends => EmergencyState::Running,
            (None, _) => EmergencyState::Unreviewed,
        }
    }
}

/// What somebody wants to take, checked.
#[derive(Clone, Debug)]
pub struct NewEmergency {
    role: Role,
    minutes: i64,
    reason: String,
}

/// Why it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmergencyProblem {
    /// Not a role of members.
    #[error("must be a built-in role of members")]
    Role,
    /// Too short or too long.
    #[error("must be {EMERGENCY_MINUTES_MIN} to {EMERGENCY_MINUTES_MAX} minutes")]
    Minutes,
    /// Nothing a colleague could judge.
    #[error("must say why, in {EMERGENCY_REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters on one line")]
    Reason,
}

impl NewEmergency {
    /// Reads a role by its name.
    ///
    /// # Errors
    /// [`EmergencyProblem::Role`].
    pub fn parse_role(name: &str) -> Result<Role, EmergencyProblem> {
        let role = Role::from_name(name).filter(|role| role.is_for_members() || *role == Role::Operator);
        role.ok_or(EmergencyProblem::Role)
    }

    /// Reads a number of minutes.
    ///
    /// # Errors
    /// [`EmergencyProblem::Minutes`].
    pub fn parse_minutes(minutes: i64) -> Result<i64, EmergencyProblem> {
        let fits = (EMERGENCY_MINUTES_MIN..=EMERGENCY_MINUTES_MAX).contains(&minutes);
        if fits { Ok(minutes) } else { Err(EmergencyProblem::Minutes) }
    }

    /// Reads a reason. A card number in it is masked before anything is kept.
    ///
    /// # Errors
    /// [`EmergencyProblem::Reason`].
    pub fn parse_reason(text: &str) -> Result<String, EmergencyProblem> {
        let reason = clean(text, REASON_CHARS_MAX).map_err(|_| EmergencyProblem::Reason)?;
        if reason.chars().count() < EMERGENCY_REASON_CHARS_MIN {
            return Err(EmergencyProblem::Reason);
        }
        Ok(audit::Text::masked(&reason).as_str().to_owned())
    }

    /// Joins what was read.
    pub fn new(role: Role, minutes: i64, reason: String) -> NewEmergency {
        NewEmergency { role, minutes, reason }
    }
}

/// Why power was not taken, or a time not ended or reviewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmergencyError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// Not a role of this shop.
    #[error("the role is not one of this shop")]
    OtherRole,
    /// The member has all of it.
    #[error("the role gives you nothing that you lack and that is lent")]
    NothingGained,
    /// One is running.
    #[error("you hold such power already; end it first")]
    Running,
    /// The member's earlier ones wait.
    #[error("somebody else must review your last {EMERGENCIES_UNREVIEWED_MAX} emergencies first")]
    Unreviewed,
    /// It is not over.
    #[error("it is still running; end it first")]
    NotOver,
    /// The member's own.
    #[error("somebody else must review what you did")]
    Own,
    /// Reviewed already.
    #[error("it was reviewed already")]
    Reviewed,
    /// None in this shop.
    #[error("no such emergency access")]
    NotFound,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(EmergencyError);

impl From<Denied> for EmergencyError {
    fn from(denied: Denied) -> EmergencyError {
        EmergencyError::Denied(denied)
    }
}

/// What a role lends.
pub fn lent_by(role: Role) -> Permissions {
    Permissions::of_roles(&[role]).without(NEVER_LENT.into_iter().collect())
}

/// What a session holds under an emergency of its member, if that counts now.
pub(crate) fn find_lent(
    tx: &mut Tx,
    id: EmergencyId,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<Lent>, Fault> {
    let row = rows::find_emergency(tx, id)?;
    let row = row.filter(|row| row.session == session && row.state(now) == EmergencyState::Running);
    Ok(row.map(|row| Lent { id, permissions: lent_by(row.role) }))
}

/// Takes a role for a time. Owners and security are told at once.
///
/// # Errors
/// [`EmergencyError`] but those of ending and reviewing.
pub fn begin_emergency(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &MemberSession,
    new: &NewEmergency,
) -> Result<Emergency, EmergencyError> {
    let (actor, shop, member) = (Actor::Member(session.clone()), session.shop, session.member);
    actor.allow(Permission::EmergencyAccess, shop)?;
    if !new.role.fits(shop) {
        return Err(EmergencyError::OtherRole);
    }
    if lent_by(new.role).iter().all(|permission| actor.holds(permission)) {
        return Err(EmergencyError::NothingGained);
    }
    let row = members::find_member(tx, shop, member)?.ok_or(EmergencyError::NotFound)?;
    let mut open = rows::list_unreviewed(tx, shop)?;
    open.retain(|one| one.member == member);
    if open.iter().any(|one| one.state(means.now) == EmergencyState::Running) {
        return Err(EmergencyError::Running);
    }
    if open.len() >= EMERGENCIES_UNREVIEWED_MAX {
        return Err(EmergencyError::Unreviewed);
    }
    let made = Emergency {
        id: EmergencyId::new(shop, means.now, means.dice),
        member,
        session: session.id,
        role: new.role,
        reason: new.reason.clone(),
        begun: means.now,
        ends: means.now.plus_seconds(new.minutes * 60),
        ended: None,
        ender: None,
        reviewer: None,
        reviewed: None,
        note: None,
    };
    rows::insert_emergency(tx, &made)?;
    members::update_member(tx, MemberRow { emergency: Some(made.id), ..row })?;
    let event = Event::new(shop, &actor, record::EMERGENCY_BEGUN, made.id)
        .with("role", new.role.name())
        .with("minutes", new.minutes)
        .with("why", audit::Text::masked(&new.reason));
    record::note(tx, means, event)?;
    tell(tx, means, &made, new.minutes)?;
    Ok(made)
}

/// Tells every owner, everybody who looks after security, and at the house every operator.
fn tell(tx: &mut Tx, means: &Means<'_>, made: &Emergency, minutes: i64) -> Result<(), Fault> {
    let watches = [Role::Owner, Role::Security, Role::Operator];
    let notice = Notice::EmergencyBegun {
        who: made.member.to_string(),
        role: made.role,
        minutes,
        reason: made.reason.clone(),
    };
    for row in members::list_members(tx, made.id.shop())? {
        let is_watcher = row.roles.iter().any(|role| watches.contains(role));
        if is_watcher && row.state == MemberState::Active {
            queue_notice(tx, means, Person::Member(row.id), &notice)?;
        }
    }
    Ok(())
}

/// Ends it now: the member, or a colleague who could take such power as well. Ending twice is no error.
///
/// # Errors
/// [`EmergencyError::Denied`], [`EmergencyError::NotFound`].
pub fn end_emergency(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    (shop, id): (ShopId, EmergencyId),
) -> Result<Emergency, EmergencyError> {
    actor.allow(Permission::EmergencyAccess, shop)?;
    let row = find(tx, shop, id)?;
    if row.ended.is_some() {
        return Ok(row);
    }
    Ok(close(tx, means, actor, row, means.now)?)
}

fn close(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    row: Emergency,
    at: Timestamp,
) -> Result<Emergency, Fault> {
    let (ended, ender) = (Some(at.min(row.ends)), Some(actor.label()));
    let row = Emergency { ended, ender, ..row };
    rows::update_emergency(tx, &row)?;
    let shop = row.id.shop();
    if let Some(member) = members::find_member(tx, shop, row.member)?
        && member.emergency == Some(row.id)
    {
        members::update_member(tx, MemberRow { emergency: None, ..member })?;
    }
    record::note(tx, means, Event::new(shop, actor, record::EMERGENCY_ENDED, row.id))?;
    Ok(row)
}

/// Closes those whose time is over. Returns how many; call again while it returns [`EMERGENCIES_ENDED_MAX`].
///
/// # Errors
/// [`Fault`] alone.
pub fn end_due_emergencies(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let limit = i64::try_from(EMERGENCIES_ENDED_MAX).unwrap_or(i64::MAX);
    let due = rows::list_due_emergencies(tx, means.now, limit)?;
    let count = due.len();
    for row in due {
        let ends = row.ends;
        close(tx, means, &Actor::System, row, ends)?;
    }
    Ok(count)
}

/// Signs one off that is over: somebody else looked at what was done.
///
/// # Errors
/// [`EmergencyError::Denied`], [`EmergencyError::NotFound`], [`EmergencyError::Own`], [`EmergencyError::NotOver`],
/// [`EmergencyError::Reviewed`].
pub fn review_emergency(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &MemberSession,
    (shop, id): (ShopId, EmergencyId),
    note: &str,
) -> Result<Emergency, EmergencyError> {
    let actor = Actor::Member(session.clone());
    actor.allow(Permission::ReviewAccess, shop)?;
    let row = find(tx, shop, id)?;
    if row.member == session.member {
        return Err(EmergencyError::Own);
    }
    match row.state(means.now) {
        EmergencyState::Running => return Err(EmergencyError::NotOver),
        EmergencyState::Reviewed => return Err(EmergencyError::Reviewed),
        EmergencyState::Unreviewed => {}
    }
    let row = if row.ended.is_some() { row } else { close(tx, means, &Actor::System, row, means.now)? };
    let (reviewer, reviewed) = (Some(session.member), Some(means.now));
    let row = Emergency { reviewer, reviewed, note: Some(note.to_owned()), ..row };
    rows::update_emergency(tx, &row)?;
    let event = Event::new(shop, &actor, record::EMERGENCY_REVIEWED, id);
    record::note(tx, means, event.with("note", audit::Text::masked(note)))?;
    Ok(row)
}

/// Those of a shop, the ones that nobody reviewed first.
///
/// # Errors
/// [`EmergencyError::Denied`].
pub fn list_emergencies(tx: &mut Tx, actor: &Actor, shop: ShopId) -> Result<Vec<Emergency>, EmergencyError> {
    actor.allow(Permission::ViewMembers, shop)?;
    Ok(rows::list_emergencies(tx, shop, EMERGENCIES_LISTED_MAX)?)
}

/// How many wait for the caller's review; for menus.
///
/// # Errors
/// [`Fault`] alone.
pub fn count_unreviewed(tx: &mut Tx, actor: &Actor, shop: ShopId, now: Timestamp) -> Result<usize, Fault> {
    if !actor.holds(Permission::ReviewAccess) {
        return Ok(0);
    }
    let open = rows::list_unreviewed(tx, shop)?;
    let waits = |row: &&Emergency| {
        row.state(now) == EmergencyState::Unreviewed && row.member.to_string() != actor.label()
    };
    Ok(open.iter().filter(waits).count())
}

fn find(tx: &mut Tx, shop: ShopId, id: EmergencyId) -> Result<Emergency, EmergencyError> {
    if id.shop() != shop {
        return Err(EmergencyError::NotFound);
    }
    rows::find_emergency(tx, id)?.ok_or(EmergencyError::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn az_8_what_outlasts_an_emergency_is_lent_by_no_role() {
        for role in Role::ALL {
            for permission in NEVER_LENT {
                assert!(!lent_by(*role).contains(permission), "{} {}", role.name(), permission.name());
            }
        }
        assert!(lent_by(Role::Manager).contains(Permission::ManageShop));
        assert!(crate::grants::is_weighty(Permission::EmergencyAccess), "it is given by two");
    }

    #[test]
    fn az_8_minutes_and_reasons_have_limits_on_both_sides() {
        let minutes = |n| NewEmergency::parse_minutes(n).is_ok();
        let (least, most) = (EMERGENCY_MINUTES_MIN, EMERGENCY_MINUTES_MAX);
        assert_eq!(
            [minutes(least - 1), minutes(least), minutes(most), minutes(most + 1)],
            [false, true, true, false]
        );
        let reason = |n: usize| NewEmergency::parse_reason(&"x".repeat(n)).is_ok();
        let (least, most) = (EMERGENCY_REASON_CHARS_MIN, REASON_CHARS_MAX);
        assert_eq!(
            [reason(least - 1), reason(least), reason(most), reason(most + 1)],
            [false, true, true, false]
        );
        assert!(NewEmergency::parse_reason("two lines\nof a reason").is_err());
        let kept = NewEmergency::parse_reason("card 4111111111111111 is charged twice").unwrap();
        assert!(!kept.contains("4111111111111111"), "{kept}");
        for name in ["integration", "buyer", "root"] {
            assert_eq!(NewEmergency::parse_role(name), Err(EmergencyProblem::Role));
        }
    }
}
