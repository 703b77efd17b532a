//! Who is told of an access review: whoever decides it, before its end, and whoever could put right what it ended. Nobody
//! learns a name here that they could not look up.

use base::ShopId;
use store::Tx;

use crate::context::{Fault, Means};
use crate::grants::{self, Permissions};
use crate::notices::{Notice, Stopped, queue_notice};
use crate::permissions::{Actor, Permission};
use crate::person::Person;
use crate::suspensions::SuspendedFor;

/// Tells everybody who may decide a review how many lines wait, and for how many days.
pub(super) fn tell_deciders(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    (lines, days): (i64, i64),
) -> Result<(), Fault> {
    for row in grants::list_holders(tx, shop, Permission::ReviewAccess, &Actor::System)? {
        queue_notice(tx, means, Person::Member(row.id), &Notice::AccessReviewWaits { lines, days })?;
    }
    Ok(())
}

/// Tells everybody who manages members, or decides reviews, what ended without a person's word: each what they may see.
/// Nobody is told of nothing.
pub(super) fn tell_keepers(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    why: SuspendedFor,
    stopped: Stopped,
) -> Result<(), Fault> {
    let mut told = grants::list_holders(tx, shop, Permission::ManageMembers, &Actor::System)?;
    for row in grants::list_holders(tx, shop, Permission::ReviewAccess, &Actor::System)? {
        if !told.iter().any(|one| one.id == row.id) {
            told.push(row);
        }
    }
    for row in told {
        let stopped = seen_with(grants::permissions_of(tx, &row)?, &stopped);
        if stopped != Stopped::default() {
            queue_notice(tx, means, Person::Member(row.id), &Notice::AccessStopped { why, stopped })?;
        }
    }
    Ok(())
}

/// What of it somebody with these permissions may see.
fn seen_with(has: Permissions, stopped: &Stopped) -> Stopped {
    let seen = |permission, names: &[String]| if has.contains(permission) { names.to_vec() } else { vec![] };
    Stopped {
        members: seen(Permission::ViewMembers, &stopped.members),
        api_keys: seen(Permission::ManageApiKeys, &stopped.api_keys),
        certificates: seen(Permission::ManageCertificates, &stopped.certificates),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::Role;

    #[test]
    fn c09_each_role_is_told_of_what_it_may_see_and_of_nothing_else() {
        let [member, key, certificate] = ["mem_1", "till", "Counter 1"].map(|name| vec![name.to_owned()]);
        let all = Stopped { members: member.clone(), api_keys: key, certificates: certificate.clone() };
        let told = |role| seen_with(Permissions::of_roles(&[role]), &all);
        assert_eq!(told(Role::Owner), all);
        assert_eq!(told(Role::Security), all);
        let without_keys = Stopped { api_keys: vec![], ..all.clone() };
        assert_eq!(told(Role::Operator), without_keys);
        assert_eq!(told(Role::Manager), Stopped { members: member, ..Stopped::default() });
        assert_eq!(told(Role::Cashier), Stopped::default());
        let of_certificates: Permissions = [Permission::ManageCertificates].into_iter().collect();
        assert_eq!(
            seen_with(of_certificates, &all),
            Stopped { certificates: certificate, ..Stopped::default() }
        );
    }
}
