//! Who is told of an access review: whoever decides it, before its end, and whoever could put right what it ended.

use base::ShopId;
use store::Tx;

use crate::context::{Fault, Means};
use crate::grants;
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

/// Tells everybody who manages members, or decides reviews, what ended without a person's word. Nobody is told of nothing.
pub(super) fn tell_keepers(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    why: SuspendedFor,
    stopped: Stopped,
) -> Result<(), Fault> {
    if stopped == Stopped::default() {
        return Ok(());
    }
    let mut told = grants::list_holders(tx, shop, Permission::ManageMembers, &Actor::System)?;
    for row in grants::list_holders(tx, shop, Permission::ReviewAccess, &Actor::System)? {
        if !told.iter().any(|one| one.id == row.id) {
            told.push(row);
        }
    }
    let notice = Notice::AccessStopped { why, stopped };
    for row in told {
        queue_notice(tx, means, Person::Member(row.id), &notice)?;
    }
    Ok(())
}
