//! Members: who works in a shop, with which roles.
//!
//! One address belongs to one member of one shop. Signing in takes three steps, so that hashing stays outside every
//! transaction: [`start_login`] counts the try and finds the hash, [`crate::PasswordQueue`] checks the password, and
//! [`finish_login`] opens the session or leaves the count standing.

use base::{DeviceId, MemberId, RoleId, Secret, ShopId, Timestamp};
use store::Tx;
use vault::Vault;
use webkit::page::Lang;

use crate::api_keys;
use crate::approvals::{self, ApprovalAction, ApprovalError, Asked, Proposal};
use crate::context::{Context, Fault, Means, takes_faults};
use crate::disputes;
use crate::factors;
use crate::grants::{self, Grants, Permissions};
use crate::limits::MEMBERS_MAX;
pub(crate) use crate::logins::{INDEX_KIND, email_index, find_login_of};
use crate::member_devices;
use crate::notices::{self, Notice};
use crate::oauth;
use crate::password::{Password, PasswordHash, QueueFull};
use crate::password_reset;
use crate::permissions::{Actor, Denied, Permission, Role};
use crate::person::Person;
use crate::record::{self, Event};
use crate::sessions;
use crate::sign_in::{self, FirstStep};
use crate::store::members::{self, LoginRow, MemberRow};
use crate::suspensions;
use crate::text::{Email, PersonName};
use crate::throttle::{self, Limit};
use crate::token::hash_text;

pub use crate::place::{Place, origin_of};
pub use crate::store::members::MemberState;

const TABLE: &str = "members";

/// Wrong passwords for one address from one place; PCI 8.3.4 asks for at most ten and half an hour.
const PER_PAIR: Limit =
    Limit { kind: "login_pair", tries_max: 10, window_seconds: 1800, block_seconds: 1800 };
/// Wrong passwords from one place, whoever is tried.
const PER_ORIGIN: Limit =
    Limit { kind: "login_origin", tries_max: 50, window_seconds: 1800, block_seconds: 1800 };
/// Wrong passwords for one address from places its member never signed in from. Those where the member did are not
/// counted here, so strangers cannot lock a member out of the usual place (PW-4: at most 100).
const PER_ACCOUNT: Limit =
    Limit { kind: "login_account", tries_max: 100, window_seconds: 86_400, block_seconds: 1800 };
/// A place a member signed in from. Kept in the same table: one entry, no limit.
const KNOWN_PLACE: Limit =
    Limit { kind: "login_known", tries_max: 1, window_seconds: 0, block_seconds: 2_592_000 };

/// A member, without anything personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The member.
    pub id: MemberId,
    /// The shop.
    pub shop: ShopId,
    /// The roles.
    pub roles: Vec<Role>,
    /// The shop's own roles.
    pub custom: Vec<RoleId>,
    /// Invited, active, suspended or disabled.
    pub state: MemberState,
    /// The language of mails.
    pub lang: Lang,
    /// Since when.
    pub created: Timestamp,
    /// The last sign-in.
    pub last_login: Option<Timestamp>,
    /// When the password was set.
    pub password_set: Option<Timestamp>,
}

/// A member's name and address, opened for colleagues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPerson {
    /// The name.
    pub name: Secret<String>,
    /// The address.
    pub email: Secret<String>,
}

/// What makes a member, checked.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// The name.
    pub name: PersonName,
    /// The address to sign in with.
    pub email: Email,
    /// The roles; see [`Grants::parse`].
    pub grants: Grants,
    /// The language of mails.
    pub lang: Lang,
}

/// Why a member could not be made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// The address belongs to a member already.
    #[error("there is a member with this address already")]
    EmailTaken,
    /// A shop has so many.
    #[error("a shop has at most {MEMBERS_MAX} members; remove one first")]
    TooMany,
    /// No such member in this shop.
    #[error("no such member")]
    NotFound,
    /// Somebody must own the shop, or run the installation.
    #[error(
        "a shop keeps an active owner, the installation an active operator; give another member the role first"
    )]
    LastOwner,
    /// The roles, old or new, allow something the caller may not do.
    #[error("you can only give and take what you may do yourself")]
    MoreThanOwn,
    /// A role that is not for members of this shop.
    #[error("a role is not one of this shop")]
    OtherRole,
    /// Their own second factors.
    #[error("somebody else must propose to reset your second factors")]
    OwnFactors,
    /// Nobody in the shop could approve.
    #[error("nobody else in this shop can approve this; ask whoever runs the installation")]
    NobodyElse,
    /// The proposal to a second person was refused.
    #[error(transparent)]
    Approval(ApprovalError),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(MemberError);

impl From<ApprovalError> for MemberError {
    fn from(error: ApprovalError) -> MemberError {
        MemberError::Approval(error)
    }
}

impl From<Denied> for MemberError {
    fn from(denied: Denied) -> MemberError {
        MemberError::Denied(denied)
    }
}

/// A member of a shop, or `None`.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_member(tx: &mut Tx, shop: ShopId, id: MemberId) -> Result<Option<Member>, Fault> {
    Ok(members::find_member(tx, shop, id)?.map(|row| member(&row)))
}

/// The members of a shop with their names, for colleagues who may see them.
///
/// # Errors
/// [`MemberError::Denied`].
pub fn list_members(
    tx: &mut Tx,
    vault: &Vault,
    actor: &Actor,
    shop: ShopId,
) -> Result<Vec<(Member, MemberPerson)>, MemberError> {
    actor.allow(Permission::ViewMembers, shop)?;
    let mut found = Vec::new();
    for row in members::list_members(tx, shop)? {
        let person = open_person(tx, vault, &row)?;
        found.push((member(&row), person));
    }
    Ok(found)
}

/// The active members of a shop who have `permission`, whatever their roles are called. For notices.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_holders_of(tx: &mut Tx, shop: ShopId, permission: Permission) -> Result<Vec<MemberId>, Fault> {
    let holders = crate::grants::list_holders(tx, shop, permission, &Actor::System)?;
    Ok(holders.into_iter().map(|row| row.id).collect())
}

/// The active members of a shop who watch over its security; where nobody does, its owners. For notices.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_security_members(tx: &mut Tx, shop: ShopId) -> Result<Vec<MemberId>, Fault> {
    let rows = members::list_members(tx, shop)?;
    let with = |role: Role| -> Vec<MemberId> {
        let active = rows.iter().filter(|row| row.state == MemberState::Active && row.roles.contains(&role));
        active.map(|row| row.id).collect()
    };
    let watchers = with(Role::Security);
    Ok(if watchers.is_empty() { with(Role::Owner) } else { watchers })
}

/// A member's name and address. The caller has the right to see them.
///
/// # Errors
/// [`MemberError::NotFound`].
pub fn find_member_person(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    id: MemberId,
) -> Result<MemberPerson, MemberError> {
    let row = members::find_member(tx, shop, id)?.ok_or(MemberError::NotFound)?;
    Ok(open_person(tx, vault, &row)?)
}

/// What a thief would try first as a member's password: the address, the name and the shop's name.
///
/// # Errors
/// [`MemberError::NotFound`].
pub(crate) fn find_password_context(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    id: MemberId,
) -> Result<[String; 3], MemberError> {
    let person = find_member_person(tx, vault, shop, id)?;
    let shop = crate::shops::find_shop(tx, shop)?.map(|shop| shop.name).unwrap_or_default();
    Ok([person.email.expose().clone(), person.name.expose().clone(), shop])
}

/// Makes an active member with a password: the first owner, an import, a demonstration.
///
/// # Errors
/// [`MemberError::EmailTaken`], [`MemberError::TooMany`].
pub fn create_member(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    new: &NewMember,
    password: &PasswordHash,
) -> Result<MemberId, MemberError> {
    insert_member(tx, means, actor, shop, new, Some(password))
}

/// Makes a member who has no password yet, and with [`crate::setup`] a link to choose one.
pub(crate) fn insert_member(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    new: &NewMember,
    password: Option<&PasswordHash>,
) -> Result<MemberId, MemberError> {
    if find_login_of(tx, means.vault, &new.email)?.is_some() {
        return Err(MemberError::EmailTaken);
    }
    let index = hash_text(&means.vault.index_to_store(tx, INDEX_KIND, new.email.secret().expose())?);
    if members::count_members(tx, shop)? >= MEMBERS_MAX {
        return Err(MemberError::TooMany);
    }
    let id = MemberId::new(shop, means.now, means.dice);
    let key = means.vault.data_key(tx, shop, id.short(), means.now, means.dice)?;
    let seal =
        |column, text: &Secret<String>| key.seal(&place(column, &id), text, means.dice).map_err(Fault::from);
    let row = MemberRow {
        shop,
        id,
        state: if password.is_some() { MemberState::Active } else { MemberState::Invited },
        name: seal("name", new.name.secret())?,
        email: seal("email", new.email.secret())?,
        email_index: index.clone(),
        roles: new.grants.roles.clone(),
        lang: new.lang,
        password: password.cloned(),
        created: means.now,
        last_login: None,
        custom: new.grants.custom.clone(),
        password_set: password.map(|_| means.now),
        password_due: None,
        emergency: None,
    };
    members::insert_member(tx, row)?;
    members::insert_login(tx, LoginRow { email_index: index, shop, member: id })?;
    let event = Event::new(shop, actor, record::MEMBER_CREATED, id).with("roles", grants_text(&new.grants));
    record::note(tx, means, event)?;
    Ok(id)
}

/// Gives a member other roles, in force with the next request. What weighs is given by two people, where there are two:
/// then the roles stay as they are until the approval that is waited for is there and this is asked again.
///
/// # Errors
/// [`MemberError`] but for those of making one.
pub fn update_roles(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: MemberId,
    grants: &Grants,
) -> Result<Asked, MemberError> {
    actor.allow(Permission::ManageMembers, shop)?;
    let row = find_row(tx, shop, id)?;
    let before = grants::permissions_of(tx, &row)?;
    let wanted = Wanted { shop, subject: id.short(), before, grants, invited: None };
    if !grants.roles.contains(&suspensions::keeper_of(shop)) {
        suspensions::keep_a_keeper(tx, &row)?;
    }
    if let asked @ Asked::Wait(_) = check_grant(tx, means, actor, &wanted)? {
        return Ok(asked);
    }
    let old = Grants { roles: row.roles.clone(), custom: row.custom.clone() };
    let event = Event::new(shop, actor, record::MEMBER_ROLES_CHANGED, id)
        .with("from", grants_text(&old))
        .with("to", grants_text(grants));
    let (roles, custom) = (grants.roles.clone(), grants.custom.clone());
    members::update_member(tx, MemberRow { roles, custom, ..row })?;
    record::note(tx, means, event)?;
    Ok(Asked::Go)
}

/// Roles that somebody is to have.
pub(crate) struct Wanted<'a> {
    pub(crate) shop: ShopId,
    /// Who, as the approval names them: an id or a keyed index.
    pub(crate) subject: &'a str,
    /// What they may do so far.
    pub(crate) before: Permissions,
    pub(crate) grants: &'a Grants,
    /// The address of somebody who is no member yet.
    pub(crate) invited: Option<&'a Secret<String>>,
}

/// Whether `actor` may give these roles: roles of this shop, nothing beyond their own, and with a second person's yes
/// where what is added weighs.
pub(crate) fn check_grant(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    wanted: &Wanted<'_>,
) -> Result<Asked, MemberError> {
    let after = grants::permissions_in(tx, wanted.shop, wanted.grants)?.ok_or(MemberError::OtherRole)?;
    if !actor.covers(after.with(wanted.before)) {
        return Err(MemberError::MoreThanOwn);
    }
    if !after.without(wanted.before).iter().any(grants::is_weighty) {
        return Ok(Asked::Go);
    }
    let text = wanted.grants.text();
    // With what the roles hold now: whoever approves does not approve what a role is made into afterwards.
    let subject = format!("{} {text} {}", wanted.subject, after.to_text());
    let proposal = Proposal::new(wanted.shop, ApprovalAction::GrantRoles, &subject, &text);
    let proposal = Proposal { invited: wanted.invited.cloned(), ..proposal };
    Ok(approvals::ask_if_two(tx, means, actor, &proposal)?)
}

/// What ended when somebody left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Left {
    /// Sessions.
    pub sessions: usize,
    /// API keys the member had made.
    pub api_keys: usize,
    /// Apps that acted for the member.
    pub connections: usize,
    /// Second factors.
    pub factors: usize,
    /// Open proposals and unused approvals.
    pub approvals: usize,
}

/// Removes a member who leaves: no more signing in; sessions, factors, the API keys they made, their proposals and links
/// all end in this transaction, so their next request is refused on every node (C12, PCI 8.2.5). The row stays for the
/// books; the address is free again. Removing twice is no error.
///
/// # Errors
/// [`MemberError::Denied`], [`MemberError::NotFound`], [`MemberError::LastOwner`]; [`MemberError::MoreThanOwn`] for a
/// member with more rights, unless the caller looks after security.
pub fn remove_member(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: MemberId,
) -> Result<Left, MemberError> {
    actor.allow(Permission::ManageMembers, shop)?;
    let row = find_row(tx, shop, id)?;
    if row.state == MemberState::Disabled {
        return Ok(Left::default());
    }
    let has = grants::permissions_of(tx, &row)?;
    if !actor.holds(Permission::ManageSecurity) && !actor.covers(has) {
        return Err(MemberError::MoreThanOwn);
    }
    suspensions::keep_a_keeper(tx, &row)?;
    Ok(end_member(tx, means, actor, row)?)
}

/// Ends everything a member has.
pub(crate) fn end_member(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    row: MemberRow,
) -> Result<Left, Fault> {
    let (shop, id) = (row.shop, row.id);
    let left = Left {
        sessions: sessions::end_member_sessions(tx, means, id)?,
        api_keys: api_keys::revoke_keys_of(tx, means, actor, id)?,
        connections: oauth::end_connections_of(tx, means, actor, id)?,
        factors: factors::delete_all(tx, Person::Member(id))?,
        approvals: approvals::withdraw_all(tx, means, actor, shop, &id.to_string())?,
    };
    member_devices::delete_devices(tx, id)?;
    members::delete_login(tx, &row.email_index)?;
    crate::store::setup::delete_links_of(tx, id)?;
    // Nobody knows whose they are; those still needed are made again.
    crate::store::certificates::delete_enrolments(tx, shop)?;
    password_reset::delete_resets(tx, id)?;
    disputes::delete_disputes(tx, Person::Member(id))?;
    members::update_member(tx, MemberRow { state: MemberState::Disabled, password: None, ..row })?;
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let event = Event::new(shop, actor, record::MEMBER_REMOVED, id)
        .with("sessions", count(left.sessions))
        .with("api_keys", count(left.api_keys))
        .with("connections", count(left.connections));
    record::note(tx, means, event)?;
    Ok(left)
}

/// The address and language of somebody who was invited and has not accepted yet, for those who could invite them.
pub(crate) fn find_invited(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: MemberId,
) -> Result<(Email, Lang), MemberError> {
    let row = find_row(tx, shop, id)?;
    if row.state != MemberState::Invited {
        return Err(MemberError::NotFound);
    }
    if !actor.covers(grants::permissions_of(tx, &row)?) {
        return Err(MemberError::MoreThanOwn);
    }
    let person = find_member_person(tx, means.vault, shop, id)?;
    let email = Email::parse(person.email.expose()).map_err(|_| Fault::Row("member"))?;
    Ok((email, row.lang))
}

pub(crate) fn find_row(tx: &mut Tx, shop: ShopId, id: MemberId) -> Result<MemberRow, MemberError> {
    members::find_member(tx, shop, id)?.ok_or(MemberError::NotFound)
}

/// A try to sign in that was counted. `hash` belongs to nobody when the address is unknown: check it all the same.
#[derive(Clone, Debug)]
pub struct LoginTry {
    member: Option<(ShopId, MemberId)>,
    email_index: String,
    /// What its tries are counted by: a known device of the member, or else the address.
    by: String,
    /// Whether it comes from a known device or place, so that the counts of the address and of the name are not met.
    is_known: bool,
    /// What to check the password against.
    pub hash: PasswordHash,
}

/// Why a try was not even made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Too many wrong tries.
    #[error("too many wrong tries; try again in {retry_after_seconds} s")]
    TooMany {
        /// When to come back, in seconds.
        retry_after_seconds: i64,
    },
    /// Too many sign-ins are being checked.
    #[error(transparent)]
    Busy(QueueFull),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(LoginError);

/// Takes a member's first step: counts the try, checks the password in the queue. `None` is a wrong address or password;
/// the answer to the caller must not tell which.
///
/// # Errors
/// [`LoginError`].
pub async fn sign_in_member(
    cx: &Context,
    email: Email,
    password: Password,
    from: &Place,
    now: Timestamp,
) -> Result<Option<(MemberId, FirstStep)>, LoginError> {
    let (means, at) = (cx.clone(), from.clone());
    let attempt = cx.db.write(move |tx| start_login(tx, &means.means(now), &email, &at)).await?;
    let right =
        cx.passwords.verify(password.clone(), attempt.hash.clone()).await.map_err(LoginError::Busy)?;
    // The one moment at which a present password is known: so it is held against the list in force.
    let is_listed = password.is_listed();
    let verdict = match (right, attempt.hash.is_outdated()) {
        (false, _) => Verdict::Wrong,
        (true, false) => Verdict::Right { rehashed: None, is_listed },
        (true, true) => {
            let hash = cx.passwords.hash(password, cx.dice.clone()).await.map_err(LoginError::Busy)?;
            Verdict::Right { rehashed: Some(hash), is_listed }
        }
    };
    let (means, from) = (cx.clone(), from.clone());
    let finished = cx.db.write(move |tx| {
        let means = means.means(now);
        let step = finish_login(tx, &means, &attempt, &verdict, &from)?;
        if let Some((_, FirstStep::In(opened))) = &step {
            sign_in::end_replaced(tx, &means, from.session.as_ref(), opened)?;
        }
        Ok::<_, Fault>(step)
    });
    Ok(finished.await?)
}

/// Checks the password of a member who is signed in, where something that cannot be undone asks for it again. Tries are
/// counted by the session, so that nobody at the same network address uses them up; no session is opened.
///
/// # Errors
/// [`LoginError`].
pub async fn confirm_member(
    cx: &Context,
    (shop, id): (ShopId, MemberId),
    password: Password,
    from: &Place,
    now: Timestamp,
) -> Result<bool, LoginError> {
    let (means, at) = (cx.clone(), from.clone());
    let attempt = cx.db.write(move |tx| {
        let row = members::find_member(tx, shop, id)?.ok_or(Fault::Row("member"))?;
        let email = open_person(tx, &means.vault, &row)?.email;
        let email = Email::parse(email.expose()).map_err(|_| Fault::Row("address"))?;
        let email_index = email_index(&means.vault, &email);
        let session = at.session.as_ref().map(|token| sessions::require_member(tx, token, now));
        let session = session.and_then(Result::ok).map(|session| session.id.short().to_owned());
        let by = session.unwrap_or_else(|| at.origin.clone());
        let pair = format!("{email_index} {by}");
        if let Err(blocked) = throttle::count(tx, &PER_PAIR, &pair, now)? {
            return Err(LoginError::TooMany { retry_after_seconds: blocked.retry_after_seconds });
        }
        let hash = row.password.unwrap_or_else(PasswordHash::of_nobody);
        Ok(LoginTry { member: Some((shop, id)), email_index, by, is_known: true, hash })
    });
    let attempt = attempt.await?;
    let right = cx.passwords.verify(password, attempt.hash.clone()).await.map_err(LoginError::Busy)?;
    let means = cx.clone();
    let settled = cx.db.write(move |tx| {
        if right {
            return forget_tries(tx, &attempt);
        }
        record::note(tx, &means.means(now), refused_login(&attempt))?;
        Ok(())
    });
    settled.await?;
    Ok(right)
}

/// Counts a try to sign in and finds what to check the password against.
///
/// A device on which this member completed a sign-in before has a count of its own and meets no other (a device cookie, as
/// OWASP describes it): whoever sits behind the same address, or tries the same name, does not keep its owner out. From a
/// place the member signed in from, tries are counted for the pair of both. Anybody else also meets the counts of the
/// address and of the name.
///
/// # Errors
/// [`LoginError::TooMany`].
pub fn start_login(
    tx: &mut Tx,
    means: &Means<'_>,
    email: &Email,
    from: &Place,
) -> Result<LoginTry, LoginError> {
    let email_index = email_index(means.vault, email);
    let login = find_login_of(tx, means.vault, email)?;
    let device = match &login {
        Some(login) => member_devices::find_own_device(tx, login.member, from.device.as_ref())?,
        None => None,
    };
    let by = device.as_ref().map_or(from.origin.as_str(), DeviceId::short).to_owned();
    let pair = format!("{email_index} {by}");
    let is_known = device.is_some() || is_known_place(tx, &pair, means.now)?;
    let mut limits = vec![(&PER_PAIR, pair.as_str())];
    if !is_known {
        limits.extend([(&PER_ORIGIN, from.origin.as_str()), (&PER_ACCOUNT, email_index.as_str())]);
    }
    for (limit, subject) in limits {
        if let Err(blocked) = throttle::count(tx, limit, subject, means.now)? {
            return Err(LoginError::TooMany { retry_after_seconds: blocked.retry_after_seconds });
        }
    }
    let found = match login {
        Some(login) => members::find_member(tx, login.shop, login.member)?,
        None => None,
    };
    let found = found.filter(|row| row.state == MemberState::Active);
    let member = found.as_ref().map(|row| (row.shop, row.id));
    let hash = found.and_then(|row| row.password).unwrap_or_else(PasswordHash::of_nobody);
    Ok(LoginTry { member, email_index, by, is_known, hash })
}

/// Whether a member signed in from this place lately; `pair` is the index of the address, and the place.
pub(crate) fn is_known_place(tx: &mut Tx, pair: &str, now: Timestamp) -> Result<bool, Fault> {
    throttle::is_remembered(tx, &KNOWN_PLACE, pair, now)
}

/// How the password check went.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The password was right.
    Right {
        /// A new hash where the old one was outdated.
        rehashed: Option<PasswordHash>,
        /// Whether it is on the list of those nobody may choose by now (PW-2).
        is_listed: bool,
    },
    /// It was wrong.
    Wrong,
}

/// Takes the first step after the right password: to the second one, or into a session for a member without a second
/// factor. `None` after a wrong password, or when the member was removed meanwhile; the answer to the caller must not
/// tell which.
///
/// # Errors
/// [`Fault`] alone.
pub fn finish_login(
    tx: &mut Tx,
    means: &Means<'_>,
    attempt: &LoginTry,
    verdict: &Verdict,
    from: &Place,
) -> Result<Option<(MemberId, FirstStep)>, Fault> {
    // After a wrong password nothing is read of the member, so that time does not tell that there is one.
    let row = match (attempt.member, verdict) {
        (Some((shop, id)), Verdict::Right { .. }) => members::find_member(tx, shop, id)?,
        _ => None,
    };
    let row =
        row.filter(|row| row.state == MemberState::Active && row.password.as_ref() == Some(&attempt.hash));
    let (Some(row), Verdict::Right { rehashed, is_listed }) = (row, verdict) else {
        record::note(tx, means, refused_login(attempt))?;
        tell_burst(tx, means, attempt)?;
        return Ok(None);
    };
    forget_tries(tx, attempt)?;
    let pair = format!("{} {}", attempt.email_index, from.origin);
    throttle::clear(tx, &KNOWN_PLACE, &pair)?;
    let _remembered = throttle::count(tx, &KNOWN_PLACE, &pair, means.now)?;
    let id = row.id;
    let password = rehashed.clone().or_else(|| row.password.clone());
    let password_due = is_listed.then(|| row.password_due.unwrap_or(means.now));
    if password_due.is_some() && row.password_due.is_none() {
        record::note(tx, means, Event::new(row.shop, id, record::PASSWORD_DUE, id))?;
    }
    members::update_member(tx, MemberRow { password, password_due, ..row })?;
    if let Some(pending) = sign_in::begin_second_step(tx, means, Person::Member(id))? {
        sign_in::note_first_step(tx, means, pending.person)?;
        return Ok(Some((id, FirstStep::SecondStep(pending))));
    }
    let session = sign_in::open_member(tx, means, id, from.coming())?;
    Ok(session.map(|session| (id, FirstStep::In(session))))
}

/// Tells a member once, when the last allowed try from a place was wrong.
fn tell_burst(tx: &mut Tx, means: &Means<'_>, attempt: &LoginTry) -> Result<(), Fault> {
    let pair = format!("{} {}", attempt.email_index, attempt.by);
    // Asked before it is known whether there is anybody to tell, so that time does not say.
    let is_spent = throttle::is_spent(tx, &PER_PAIR, &pair)?;
    match attempt.member {
        Some((_, id)) if is_spent => {
            notices::queue_notice(tx, means, Person::Member(id), &Notice::FailedBurst)
        }
        _ => Ok(()),
    }
}

/// The password was right: its tries count no longer.
fn forget_tries(tx: &mut Tx, attempt: &LoginTry) -> Result<(), Fault> {
    let pair = format!("{} {}", attempt.email_index, attempt.by);
    throttle::clear(tx, &PER_PAIR, &pair)?;
    if !attempt.is_known {
        throttle::give_back(tx, &PER_ORIGIN, &attempt.by)?;
    }
    throttle::clear(tx, &PER_ACCOUNT, &attempt.email_index)?;
    Ok(())
}

/// Sets the password of a member by a link: after an invitation, or one they forgot. Ends every session and what they
/// allowed apps.
pub(crate) fn set_password(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    id: MemberId,
    password: &PasswordHash,
) -> Result<(), MemberError> {
    let row = members::find_member(tx, shop, id)?
        .filter(|row| matches!(row.state, MemberState::Active | MemberState::Invited));
    let row = row.ok_or(MemberError::NotFound)?;
    sessions::end_member_sessions(tx, means, id)?;
    oauth::end_connections_of(tx, means, id, id)?;
    let had_one = row.password.is_some();
    members::update_member(
        tx,
        MemberRow {
            state: MemberState::Active,
            password: Some(password.clone()),
            password_set: Some(means.now),
            password_due: None,
            ..row
        },
    )?;
    let event = Event::new(shop, id, record::MEMBER_PASSWORD_SET, id);
    record::note(tx, means, event)?;
    if had_one {
        notices::queue_notice(tx, means, Person::Member(id), &Notice::PasswordChanged)?;
    }
    Ok(())
}

fn refused_login(attempt: &LoginTry) -> Event {
    let unknown = &Actor::Anyone;
    let event = match attempt.member {
        Some((shop, id)) => Event::new(shop, unknown, record::LOGIN_REFUSED, id),
        None => Event::new(ShopId::HOUSE, unknown, record::LOGIN_REFUSED, audit::Object::word("login")),
    };
    event.refused()
}

pub(crate) fn open_person(tx: &mut Tx, vault: &Vault, row: &MemberRow) -> Result<MemberPerson, Fault> {
    let key = vault.find_data_key(tx, row.shop, row.id.short())?;
    Ok(MemberPerson {
        name: key.open(&place("name", &row.id), &row.name)?,
        email: key.open(&place("email", &row.id), &row.email)?,
    })
}

fn member(row: &MemberRow) -> Member {
    Member {
        id: row.id,
        shop: row.shop,
        roles: row.roles.clone(),
        state: row.state,
        lang: row.lang,
        created: row.created,
        last_login: row.last_login,
        custom: row.custom.clone(),
        password_set: row.password_set,
    }
}

fn grants_text(grants: &Grants) -> audit::Text {
    audit::Text::masked(&grants.text())
}

pub(crate) fn place<'a>(column: &'static str, id: &'a MemberId) -> vault::Place<'a> {
    vault::Place { table: TABLE, column, row: id.short() }
}
