//! Roles that a shop makes itself: a name and a set of permissions, out of those that members can hold.

use base::{RoleId, ScopedId, ShopId, Timestamp};
use store::Tx;
use unicode_normalization::UnicodeNormalization;

use crate::approvals::{self, ApprovalAction, ApprovalError, Asked, Proposal};
use crate::context::{Fault, Means, takes_faults};
use crate::grants::{Permissions, is_weighty};
use crate::limits::ROLES_MAX;
use crate::permissions::{Actor, Denied, Permission, Role};
use crate::record::{self, Event};
use crate::store::members::{self, MemberState};
use crate::store::roles::{self as rows, RoleRow};
use crate::text::Label;

/// A role of a shop's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomRole {
    /// The role.
    pub id: RoleId,
    /// What the shop calls it.
    pub name: String,
    /// What it allows.
    pub permissions: Permissions,
    /// Since when.
    pub created: Timestamp,
}

/// What makes a role, checked.
#[derive(Clone, Debug)]
pub struct NewRole {
    name: Label,
    permissions: Permissions,
}

/// Why a role's description was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewRoleProblem {
    /// No permission.
    #[error("name at least one permission")]
    None,
    /// Not a permission that a member of a shop can hold.
    #[error("`{0}` is not a permission that a member can hold")]
    Permission(String),
}

impl NewRole {
    /// Checks a description.
    ///
    /// # Errors
    /// [`NewRoleProblem`].
    pub fn new(name: Label, names: &[String]) -> Result<NewRole, NewRoleProblem> {
        let shown = |name: &String| name.chars().take(40).collect::<String>();
        let read = |name: &String| {
            let permission = Permission::from_name(name).filter(|permission| is_for_members(*permission));
            permission.ok_or_else(|| NewRoleProblem::Permission(shown(name)))
        };
        let permissions = names.iter().map(read).collect::<Result<Permissions, _>>()?;
        if permissions.is_empty() {
            return Err(NewRoleProblem::None);
        }
        Ok(NewRole { name, permissions: permissions.with(door()) })
    }
}

/// What every role opens: whoever signs in can enter, and look after their own factors and password.
pub(crate) fn door() -> Permissions {
    [Permission::Enter, Permission::OwnSecurity, Permission::OwnPassword].into_iter().collect()
}

/// Whether a role of a shop's own may have it: a built-in role for members has.
pub fn is_for_members(permission: Permission) -> bool {
    permission.holders().iter().any(|role| role.is_for_members() || *role == Role::Operator)
}

/// Why a role could not be made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// It allows something the caller may not do.
    #[error("you can only give what you may do yourself")]
    MoreThanOwn,
    /// No such role in this shop.
    #[error("no such role")]
    NotFound,
    /// The name is another role's.
    #[error("there is a role of this name already")]
    NameTaken,
    /// Somebody has it.
    #[error("a member has this role; give them another one first")]
    InUse,
    /// A shop has so many.
    #[error("a shop has at most {ROLES_MAX} roles of its own; delete one first")]
    TooMany,
    /// The proposal to a second person was refused.
    #[error(transparent)]
    Approval(ApprovalError),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(RoleError);

impl From<Denied> for RoleError {
    fn from(denied: Denied) -> RoleError {
        RoleError::Denied(denied)
    }
}

impl From<ApprovalError> for RoleError {
    fn from(error: ApprovalError) -> RoleError {
        RoleError::Approval(error)
    }
}

/// The shop's own roles, oldest first, for those who may see members.
///
/// # Errors
/// [`RoleError::Denied`].
pub fn list_custom_roles(tx: &mut Tx, actor: &Actor, shop: ShopId) -> Result<Vec<CustomRole>, RoleError> {
    actor.allow(Permission::ViewMembers, shop)?;
    Ok(rows::list_roles(tx, shop)?.into_iter().map(role).collect())
}

/// Makes a role. Nobody has it yet.
///
/// # Errors
/// [`RoleError`] but for those of a role that is there.
pub fn create_role(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    new: &NewRole,
) -> Result<CustomRole, RoleError> {
    actor.allow(Permission::ManageRoles, shop)?;
    check(tx, actor, shop, None, new)?;
    let id = RoleId::new(shop, means.now, means.dice);
    let (name, permissions) = (new.name.as_str().to_owned(), new.permissions);
    let row = RoleRow { id, name, permissions, created: means.now };
    rows::insert_role(tx, &row)?;
    note(tx, means, actor, &row, record::ROLE_CREATED)?;
    Ok(role(row))
}

/// Changes a role, for its members with their next request. What weighs is given by two people, where there are two.
///
/// # Errors
/// [`RoleError`].
pub fn update_role(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: RoleId,
    new: &NewRole,
) -> Result<Asked, RoleError> {
    actor.allow(Permission::ManageRoles, shop)?;
    let row = find(tx, shop, id)?;
    check(tx, actor, shop, Some(&row), new)?;
    if new.permissions.without(row.permissions).iter().any(is_weighty) && is_used(tx, shop, id)? {
        let subject = format!("{id} {} {}", new.name.as_str(), new.permissions.to_text());
        let proposal = Proposal::new(shop, ApprovalAction::ChangeRole, &subject, new.name.as_str());
        let asked = approvals::ask_if_two(tx, means, actor, &proposal)?;
        if let Asked::Wait(_) = asked {
            return Ok(asked);
        }
    }
    let row = RoleRow { name: new.name.as_str().to_owned(), permissions: new.permissions, ..row };
    rows::update_role(tx, &row)?;
    note(tx, means, actor, &row, record::ROLE_CHANGED)?;
    Ok(Asked::Go)
}

/// Deletes a role that nobody has.
///
/// # Errors
/// [`RoleError::Denied`], [`RoleError::NotFound`], [`RoleError::InUse`].
pub fn delete_role(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: RoleId,
) -> Result<(), RoleError> {
    actor.allow(Permission::ManageRoles, shop)?;
    let row = find(tx, shop, id)?;
    if is_used(tx, shop, id)? {
        return Err(RoleError::InUse);
    }
    rows::delete_role(tx, id)?;
    Ok(note(tx, means, actor, &row, record::ROLE_DELETED)?)
}

/// The name of one of the shop's own roles; `None` for one that is gone, or another shop's.
///
/// # Errors
/// [`Fault`] alone.
pub(crate) fn find_role_name(tx: &mut Tx, shop: ShopId, id: RoleId) -> Result<Option<String>, Fault> {
    match find(tx, shop, id) {
        Ok(row) => Ok(Some(row.name)),
        Err(RoleError::Fault(fault)) => Err(fault),
        Err(_) => Ok(None),
    }
}

fn find(tx: &mut Tx, shop: ShopId, id: RoleId) -> Result<RoleRow, RoleError> {
    if id.shop() != shop {
        return Err(RoleError::NotFound);
    }
    rows::find_role(tx, id)?.ok_or(RoleError::NotFound)
}

fn is_used(tx: &mut Tx, shop: ShopId, id: RoleId) -> Result<bool, Fault> {
    let all = members::list_members(tx, shop)?;
    Ok(all.iter().any(|row| row.state != MemberState::Disabled && row.custom.contains(&id)))
}

fn check(
    tx: &mut Tx,
    actor: &Actor,
    shop: ShopId,
    old: Option<&RoleRow>,
    new: &NewRole,
) -> Result<(), RoleError> {
    let had = old.map_or(Permissions::NONE, |row| row.permissions);
    if !actor.covers(new.permissions.with(had)) {
        return Err(RoleError::MoreThanOwn);
    }
    let others: Vec<RoleRow> =
        rows::list_roles(tx, shop)?.into_iter().filter(|row| Some(row.id) != old.map(|old| old.id)).collect();
    if others.iter().any(|row| row.name == new.name.as_str()) || is_own_word(new.name.as_str()) {
        return Err(RoleError::NameTaken);
    }
    if others.len() >= ROLES_MAX { Err(RoleError::TooMany) } else { Ok(()) }
}

/// What the pages call the roles that every shop has, in Chinese; in English they are called by their names.
const OWN_WORDS: [&str; 9] =
    ["店主", "店长", "收银员", "客服", "财务", "风控", "安全管理员", "审计员", "平台运维"];

/// Whether a name is that of a role every shop has, in one of our languages and however it is spelled: it would say more
/// than the role does.
fn is_own_word(name: &str) -> bool {
    let folded: String = name.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    Role::ALL.iter().any(|role| role.name().replace('_', "") == folded)
        || OWN_WORDS.contains(&folded.as_str())
}

fn note(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    row: &RoleRow,
    action: audit::Action,
) -> Result<(), Fault> {
    let permissions = audit::Text::masked(&row.permissions.to_text());
    record::note(tx, means, Event::new(row.id.shop(), actor, action, row.id).with("permissions", permissions))
}

fn role(row: RoleRow) -> CustomRole {
    CustomRole { id: row.id, name: row.name, permissions: row.permissions, created: row.created }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_is_called_by_a_word_that_the_pages_have_for_another() {
        let (en, zh) = crate::pages::LOCALES;
        for locale in [en, zh] {
            let word = |role: &Role| {
                let key = format!("role-{} = ", role.name());
                locale.lines().find_map(|line| line.strip_prefix(&key))
            };
            let words: Vec<&str> = Role::ALL.iter().filter_map(word).collect();
            assert_eq!(words.len(), OWN_WORDS.len(), "{words:?}");
            words.iter().for_each(|word| assert!(is_own_word(word), "{word}"));
        }
        assert!(!is_own_word("evening shift") && !is_own_word("晚班"));
    }
}
