//! Members who are stopped for a time, and the one whom nobody stops.
//!
//! Promises:
//! - a shop keeps an active owner and the house an active operator, whatever a person or the program's own jobs do: without
//!   them nobody could let anybody in again;
//! - whoever is suspended for idleness or by an access review is told, and so is whoever is let in again;
//! - whoever runs the installation can let anybody in again at its command line.

use base::{MemberId, ScopedId, ShopId};
use store::Tx;

use crate::context::{Fault, Means};
use crate::grants;
use crate::members::{self, MemberError, MemberState};
use crate::notices::{self, Notice};
use crate::oauth;
use crate::permissions::{Actor, Permission, Role};
use crate::person::Person;
use crate::record::{self, Event};
use crate::sessions;
use crate::store::members::{self as rows, MemberRow};

/// Why a member was suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendedFor {
    /// They did not sign in for [`crate::limits::IDLE_DAYS_MAX`] days.
    Idle,
    /// Nobody decided in an access review that they still need what they have.
    Review,
    /// Whoever reads the earlier address says that it was not them who changed it.
    Dispute,
}

impl SuspendedFor {
    /// Its name in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            SuspendedFor::Idle => "idle",
            SuspendedFor::Review => "access review",
            SuspendedFor::Dispute => "disputed",
        }
    }
}

/// Suspends an active member, unless they are the last who can run the shop; returns whether they were. They keep their
/// password and factors, and can be restored.
pub(crate) fn suspend(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    row: MemberRow,
    why: SuspendedFor,
) -> Result<bool, Fault> {
    if is_last_keeper(tx, &row)? {
        return Ok(false);
    }
    let (shop, id) = (row.shop, row.id);
    sessions::end_member_sessions(tx, means, id)?;
    oauth::end_connections_of(tx, means, actor, id)?;
    rows::update_member(tx, MemberRow { state: MemberState::Suspended, ..row })?;
    record::note(tx, means, Event::new(shop, actor, record::MEMBER_SUSPENDED, id).with("why", why.name()))?;
    // Whoever disputes an address has just been told on the page, and reads what the old address gets.
    if why != SuspendedFor::Dispute {
        notices::queue_notice(tx, means, Person::Member(id), &Notice::AccessSuspended { why })?;
    }
    Ok(true)
}

/// Lets a suspended member in again.
///
/// # Errors
/// [`MemberError::Denied`], [`MemberError::NotFound`], [`MemberError::MoreThanOwn`].
pub fn restore_member(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: MemberId,
) -> Result<(), MemberError> {
    actor.allow(Permission::ManageMembers, shop)?;
    let row = members::find_row(tx, shop, id)?;
    let has = grants::permissions_of(tx, &row)?;
    if !actor.holds(Permission::ReviewAccess) && !actor.covers(has) {
        return Err(MemberError::MoreThanOwn);
    }
    restore(tx, means, actor, row)?;
    Ok(())
}

/// The same, by whoever runs the installation: for a shop, or the house, in which nobody is left who could. Returns whether
/// the member was suspended.
///
/// # Errors
/// [`MemberError::NotFound`].
pub fn restore_member_as_operator(tx: &mut Tx, means: &Means<'_>, id: MemberId) -> Result<bool, MemberError> {
    let row = members::find_row(tx, id.shop(), id)?;
    Ok(restore(tx, means, &Actor::Operator, row)?)
}

/// The time of idleness begins anew with it. Returns whether the member was suspended.
pub(crate) fn restore(tx: &mut Tx, means: &Means<'_>, actor: &Actor, row: MemberRow) -> Result<bool, Fault> {
    if row.state != MemberState::Suspended {
        return Ok(false);
    }
    let (shop, id) = (row.shop, row.id);
    let last_login = Some(means.now);
    rows::update_member(tx, MemberRow { state: MemberState::Active, last_login, ..row })?;
    record::note(tx, means, Event::new(shop, actor, record::MEMBER_RESTORED, id))?;
    notices::queue_notice(tx, means, Person::Member(id), &Notice::AccessRestored)?;
    Ok(true)
}

/// The role of which a shop, or the house, keeps an active holder.
pub(crate) fn keeper_of(shop: ShopId) -> Role {
    if shop == ShopId::HOUSE { Role::Operator } else { Role::Owner }
}

/// Whether nobody could run the shop, or the house, without this member.
pub(crate) fn is_last_keeper(tx: &mut Tx, row: &MemberRow) -> Result<bool, Fault> {
    match keep_a_keeper(tx, row) {
        Ok(()) => Ok(false),
        Err(MemberError::Fault(fault)) => Err(fault),
        Err(_) => Ok(true),
    }
}

/// Lets a member leave, or be another thing, where somebody else is left who can run the shop, or the house.
///
/// # Errors
/// [`MemberError::LastOwner`].
pub(crate) fn keep_a_keeper(tx: &mut Tx, leaving: &MemberRow) -> Result<(), MemberError> {
    let role = keeper_of(leaving.shop);
    let keeps = |row: &MemberRow| row.state == MemberState::Active && row.roles.contains(&role);
    if !keeps(leaving) {
        return Ok(());
    }
    let all = rows::list_members(tx, leaving.shop)?;
    let another = all.iter().any(|row| row.id != leaving.id && keeps(row));
    if another { Ok(()) } else { Err(MemberError::LastOwner) }
}
