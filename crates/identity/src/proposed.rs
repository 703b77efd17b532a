//! What a proposal about people would change, read for those who decide it: who gets which roles, and what a role or a
//! person may do afterwards that they may not do now, or the other way round.
//!
//! It is read when it is looked at, against what holds then, since roles can change while a proposal waits.

use base::{MemberId, RoleId, ScopedId, Secret, ShopId};
use store::Tx;
use vault::{Place, Vault};

use crate::approvals::{Approval, ApprovalAction};
use crate::context::{Fault, Means};
use crate::custom_roles::door;
use crate::grants::{self, Grants, Permissions};
use crate::store::{members, roles};

/// Who a proposal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concerned {
    /// A member.
    Member(MemberId),
    /// Somebody who is not a member yet: the address an invitation would go to.
    Invited(Secret<String>),
    /// A role of the shop's own.
    Role {
        /// The role.
        id: RoleId,
        /// Its present name; `None` when it is gone.
        name: Option<String>,
        /// The name it would have.
        new_name: String,
    },
}

/// What a proposal would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whom or what.
    pub concerned: Concerned,
    /// The roles that the person would have from then on; empty for a role.
    pub grants: Grants,
    /// What they could do from then on and cannot now.
    pub gains: Permissions,
    /// What they could not do any more.
    pub loses: Permissions,
}

/// What `approval` would change about people or roles; `None` for what is about something else, and for one whose member
/// or invitation is gone.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_change(tx: &mut Tx, vault: &Vault, approval: &Approval) -> Result<Option<Change>, Fault> {
    let shop = approval.id.shop();
    match approval.action {
        ApprovalAction::GrantRoles => find_grant(tx, vault, approval, shop),
        ApprovalAction::ChangeRole => find_role_change(tx, approval),
        ApprovalAction::ResetFactors => {
            let member: Option<MemberId> = approval.subject.parse().ok();
            Ok(member.map(|id| Change::of(Concerned::Member(id), Grants::default(), [Permissions::NONE; 2])))
        }
        ApprovalAction::Refund
        | ApprovalAction::ChangeLimit
        | ApprovalAction::ExportCustomers
        | ApprovalAction::ChangePayout
        | ApprovalAction::KeyCeremony => Ok(None),
    }
}

impl Change {
    /// The difference between what is and what would be. Everybody has the door, so it is no difference.
    fn of(concerned: Concerned, grants: Grants, [before, after]: [Permissions; 2]) -> Change {
        let (gains, loses) = (after.without(before).without(door()), before.without(after).without(door()));
        Change { concerned, grants, gains, loses }
    }
}

/// The subject is who, which roles, and what they hold, each after a blank; the last one has blanks of its own.
fn find_grant(
    tx: &mut Tx,
    vault: &Vault,
    approval: &Approval,
    shop: ShopId,
) -> Result<Option<Change>, Fault> {
    let mut parts = approval.subject.splitn(3, ' ');
    let who = parts.next().unwrap_or_default();
    let names: Vec<String> = parts.next().unwrap_or_default().split(',').map(str::to_owned).collect();
    let grants = Grants::parse(&names).map_err(|_| Fault::Row("approval"))?;
    let after = Permissions::from_text(parts.next().unwrap_or_default()).ok_or(Fault::Row("approval"))?;
    let member = match MemberId::from_short(who) {
        Some(id) => members::find_member(tx, shop, id)?,
        None => None,
    };
    if let Some(row) = member {
        let before = grants::permissions_of(tx, &row)?;
        return Ok(Some(Change::of(Concerned::Member(row.id), grants, [before, after])));
    }
    let invited = find_invited(tx, vault, approval)?;
    Ok(invited.map(|email| Change::of(Concerned::Invited(email), grants, [Permissions::NONE, after])))
}

/// The subject is the role, its name, and what it would hold; the name is the summary as well.
fn find_role_change(tx: &mut Tx, approval: &Approval) -> Result<Option<Change>, Fault> {
    let (id, rest) = approval.subject.split_once(' ').ok_or(Fault::Row("approval"))?;
    let id: RoleId = id.parse().map_err(|_| Fault::Row("approval"))?;
    let text = rest.strip_prefix(approval.summary.as_str()).ok_or(Fault::Row("approval"))?;
    let after = Permissions::from_text(text.trim_start()).ok_or(Fault::Row("approval"))?;
    let row = roles::find_role(tx, id)?;
    let before = row.as_ref().map_or(Permissions::NONE, |row| row.permissions);
    let (name, new_name) = (row.map(|row| row.name), approval.summary.clone());
    Ok(Some(Change::of(Concerned::Role { id, name, new_name }, Grants::default(), [before, after])))
}

/// Seals the address of somebody to be invited, with a key of the proposal's own: it goes when the proposal is done.
pub(crate) fn seal_invited(
    tx: &mut Tx,
    means: &Means<'_>,
    id: base::ApprovalId,
    email: &Secret<String>,
) -> Result<Vec<u8>, Fault> {
    let key = means.vault.data_key(tx, id.shop(), id.short(), means.now, means.dice)?;
    Ok(key.seal(&place(id.short()), email, means.dice)?)
}

fn find_invited(tx: &mut Tx, vault: &Vault, approval: &Approval) -> Result<Option<Secret<String>>, Fault> {
    let Some(sealed) = &approval.invited else { return Ok(None) };
    let key = vault.find_data_key(tx, approval.id.shop(), approval.id.short())?;
    Ok(Some(key.open(&place(approval.id.short()), sealed)?))
}

fn place(row: &str) -> Place<'_> {
    Place { table: "approvals", column: "invited", row }
}
