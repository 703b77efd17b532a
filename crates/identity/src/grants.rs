//! What a member is given: the built-in roles and the shop's own, as one set of permissions, and who may give it.
//!
//! Promises: nobody gives or takes what they do not have themselves; what only owners, finance, security and operators
//! hold is given by two people wherever a shop has two (AZ-6, C13).

use base::{RoleId, ScopedId, ShopId};
use store::Tx;

use crate::context::Fault;
use crate::custom_roles::door;
use crate::permissions::{Actor, Permission, Role};
use crate::person::Person;
use crate::store::members::{self, MemberRow, MemberState};
use crate::store::roles;

/// A set of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Permissions(u64);

impl Permissions {
    /// None.
    pub const NONE: Permissions = Permissions(0);

    /// Those of built-in roles.
    pub fn of_roles(granted: &[Role]) -> Permissions {
        let has = |permission: &&Permission| granted.iter().any(|role| role.grants(**permission));
        Permission::ALL.iter().filter(has).copied().collect()
    }

    /// Whether it has `permission`.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// With those of `other`.
    #[must_use]
    pub fn with(self, other: Permissions) -> Permissions {
        Permissions(self.0 | other.0)
    }

    /// Those that are in `other` as well.
    #[must_use]
    pub fn within(self, other: Permissions) -> Permissions {
        Permissions(self.0 & other.0)
    }

    /// Without those of `other`.
    #[must_use]
    pub fn without(self, other: Permissions) -> Permissions {
        Permissions(self.0 & !other.0)
    }

    /// Each of them, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names, parted by commas, as they are stored.
    pub(crate) fn to_text(self) -> String {
        self.iter().map(Permission::name).collect::<Vec<_>>().join(",")
    }

    pub(crate) fn from_text(text: &str) -> Option<Permissions> {
        text.split(',').filter(|name| !name.is_empty()).map(Permission::from_name).collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(all: I) -> Permissions {
        Permissions(all.into_iter().fold(0, |bits, permission| bits | bit(permission)))
    }
}

fn bit(permission: Permission) -> u64 {
    1 << (permission as u32)
}

/// The roles of one member.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Grants {
    /// The built-in ones.
    pub roles: Vec<Role>,
    /// The shop's own.
    pub custom: Vec<RoleId>,
}

impl From<Vec<Role>> for Grants {
    fn from(roles: Vec<Role>) -> Grants {
        Grants { roles, custom: Vec::new() }
    }
}

impl From<Role> for Grants {
    fn from(role: Role) -> Grants {
        vec![role].into()
    }
}

/// Why a list of roles was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleProblem {
    /// No role.
    #[error("name at least one role")]
    None,
    /// Not a role for members.
    #[error("`{0}` is not a role; members can be {names}, or a role of the shop's own by its id", names = member_roles())]
    Unknown(String),
}

fn member_roles() -> String {
    let names = Role::ALL.iter().filter(|role| role.is_for_members());
    names.map(|role| format!("`{}`", role.name())).collect::<Vec<_>>().join(", ")
}

impl Grants {
    /// Reads roles for a member: names of built-in ones and ids of the shop's own, each once.
    ///
    /// # Errors
    /// [`RoleProblem`].
    pub fn parse(names: &[String]) -> Result<Grants, RoleProblem> {
        let mut grants = Grants::default();
        for name in names {
            let role = Role::from_name(name).filter(|role| role.is_for_members() || *role == Role::Operator);
            match (role, name.parse::<RoleId>()) {
                (Some(role), _) => grants.roles.push(role),
                (None, Ok(id)) => grants.custom.push(id),
                (None, Err(_)) => return Err(RoleProblem::Unknown(name.chars().take(40).collect())),
            }
        }
        grants.roles.sort_unstable();
        grants.roles.dedup();
        grants.custom.sort_unstable();
        grants.custom.dedup();
        if grants.roles.is_empty() && grants.custom.is_empty() { Err(RoleProblem::None) } else { Ok(grants) }
    }

    /// As the audit log names them.
    pub(crate) fn text(&self) -> String {
        let roles = self.roles.iter().map(|role| role.name().to_owned());
        roles.chain(self.custom.iter().map(ToString::to_string)).collect::<Vec<_>>().join(",")
    }
}

/// What the shop's own roles add up to. A role that is gone adds nothing.
pub(crate) fn custom_permissions(tx: &mut Tx, shop: ShopId, custom: &[RoleId]) -> Result<Permissions, Fault> {
    let mut all = Permissions::NONE;
    for id in custom.iter().filter(|id| id.shop() == shop) {
        if let Some(role) = roles::find_role(tx, *id)? {
            // With the door: a role from before it was as wide as it is now opens it too.
            all = all.with(role.permissions).with(door());
        }
    }
    Ok(all)
}

/// What a member may do.
pub(crate) fn permissions_of(tx: &mut Tx, row: &MemberRow) -> Result<Permissions, Fault> {
    Ok(Permissions::of_roles(&row.roles).with(custom_permissions(tx, row.shop, &row.custom)?))
}

/// What `grants` come to in `shop`; `None` when one of them is not for this shop.
pub(crate) fn permissions_in(
    tx: &mut Tx,
    shop: ShopId,
    grants: &Grants,
) -> Result<Option<Permissions>, Fault> {
    if grants.roles.iter().any(|role| !role.fits(shop)) {
        return Ok(None);
    }
    for id in &grants.custom {
        if id.shop() != shop || roles::find_role(tx, *id)?.is_none() {
            return Ok(None);
        }
    }
    let custom = custom_permissions(tx, shop, &grants.custom)?;
    Ok(Some(Permissions::of_roles(&grants.roles).with(custom)))
}

/// Whether a permission is given by two people: it asks for a fresh second factor, and of the members of a shop only
/// owners, finance and security have it.
pub fn is_weighty(permission: Permission) -> bool {
    let few = [Role::Owner, Role::Finance, Role::Security, Role::Operator];
    let of_members = permission.holders().iter().filter(|role| role.is_for_members());
    permission.fresh_seconds().is_some() && of_members.into_iter().all(|role| few.contains(role))
}

/// The active members of `shop` who have `permission`, without the one who acts as `but`.
pub(crate) fn list_holders(
    tx: &mut Tx,
    shop: ShopId,
    permission: Permission,
    but: &Actor,
) -> Result<Vec<MemberRow>, Fault> {
    let own = but.person();
    let mut holders = Vec::new();
    for row in members::list_members(tx, shop)? {
        let counts = row.state == MemberState::Active && Some(Person::Member(row.id)) != own;
        if counts && permissions_of(tx, &row)?.contains(permission) {
            holders.push(row);
        }
    }
    Ok(holders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_reads_back() {
        for role in Role::ALL {
            let set = Permissions::of_roles(&[*role]);
            for permission in Permission::ALL {
                assert_eq!(set.contains(*permission), role.grants(*permission));
            }
            assert_eq!(Permissions::from_text(&set.to_text()), Some(set));
        }
        assert_eq!(Permissions::from_text("fly"), None);
        assert!(Permission::ALL.len() <= 64, "a set has 64 places");
    }

    #[test]
    fn az_6_owner_finance_security_and_operator_are_given_by_two() {
        let weighty = |role: &Role| Permissions::of_roles(&[*role]).iter().any(is_weighty);
        let people = Role::ALL.iter().filter(|role| role.is_for_members() || **role == Role::Operator);
        let names: Vec<&str> = people.filter(|role| weighty(role)).map(|role| role.name()).collect();
        assert_eq!(names, ["owner", "finance", "security", "operator"]);
    }

    #[test]
    fn az_6_an_owner_has_all_that_a_member_of_the_shop_can_have() {
        let owner = Permissions::of_roles(&[Role::Owner]);
        for role in Role::ALL.iter().filter(|role| role.is_for_members()) {
            assert!(Permissions::of_roles(&[*role]).without(owner).is_empty(), "{}", role.name());
        }
        let manager = Permissions::of_roles(&[Role::Manager]);
        for (role, within) in
            [(Role::Cashier, true), (Role::Support, true), (Role::Owner, false), (Role::Finance, false)]
        {
            assert_eq!(Permissions::of_roles(&[role]).without(manager).is_empty(), within, "{}", role.name());
        }
    }
}
