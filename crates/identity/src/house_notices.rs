//! Telling whoever runs the installation what concerns all of its shops.

use base::ShopId;
use store::Tx;

use crate::context::{Fault, Means};
use crate::members::list_security_members;
use crate::notices::{Notice, queue_notice};
use crate::person::Person;
use crate::store::members::{self, MemberState};
use crate::store::shops;

/// Shops whose people are told where the house has none of its own. An installation with more has operators.
const SHOPS_TOLD_MAX: usize = 20;

/// Queues a notice to every operator of the house; where there is none, to those of each shop who look after security, or
/// own it. Returns how many people are told.
///
/// # Errors
/// [`Fault`] alone.
pub fn tell_house(tx: &mut Tx, means: &Means<'_>, notice: &Notice) -> Result<usize, Fault> {
    let rows = members::list_members(tx, ShopId::HOUSE)?;
    let mut told: Vec<_> =
        rows.into_iter().filter(|row| row.state == MemberState::Active).map(|row| row.id).collect();
    if told.is_empty() {
        for row in shops::list_shops(tx, SHOPS_TOLD_MAX)? {
            told.extend(list_security_members(tx, row.shop.id)?);
        }
    }
    for member in &told {
        queue_notice(tx, means, Person::Member(*member), notice)?;
    }
    Ok(told.len())
}
