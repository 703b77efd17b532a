//! What a shop demands of those who pay it: above an amount a passkey, or a second factor given lately.
//!
//! The PIN alone stays enough for a cup of tea. A shop that sells dear things says from which amount on it is not; then a
//! payment is confirmed with a passkey, or with the PIN by a buyer who gave a second factor in the last five minutes.

use base::limits::AMOUNT_MAX_MINOR;
use base::{Money, ShopId, Timestamp};
use store::Tx;

use crate::context::{Fault, Means, takes_faults};
use crate::factors;
use crate::limits::BUYER_FACTOR_SECONDS;
use crate::members::list_security_members;
use crate::notices::{Notice, queue_notice};
use crate::permissions::{Actor, Denied, Permission};
use crate::person::Person;
use crate::record::{self, Event};
use crate::sessions::BuyerSession;
use crate::shops::Shop;
use crate::store::shops::{self, ShopRow};

/// Why a policy was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuyerPolicyError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// Below nothing, or above every payment.
    #[error("an amount is from 0 to {AMOUNT_MAX_MINOR} minor units")]
    Amount,
    /// The house sells nothing.
    #[error("no such shop")]
    NotFound,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(BuyerPolicyError);

impl From<Denied> for BuyerPolicyError {
    fn from(denied: Denied) -> BuyerPolicyError {
        BuyerPolicyError::Denied(denied)
    }
}

/// Sets above which amount a shop demands a second factor of buyers; `None` to demand none. In force with the next payment.
/// Those who watch over the shop's security are told.
///
/// # Errors
/// [`BuyerPolicyError`].
pub fn set_buyer_policy(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    above_minor: Option<i64>,
) -> Result<(), BuyerPolicyError> {
    actor.allow(Permission::ManageShop, shop)?;
    if above_minor.is_some_and(|minor| !(0..=AMOUNT_MAX_MINOR).contains(&minor)) {
        return Err(BuyerPolicyError::Amount);
    }
    let row = shops::find_shop(tx, shop)?.ok_or(BuyerPolicyError::NotFound)?;
    if row.shop.buyer_factor_above_minor == above_minor {
        return Ok(());
    }
    // An amount of -1 stands for none in the log.
    let event = Event::new(shop, actor, record::BUYER_POLICY_CHANGED, shop)
        .with("from_minor", row.shop.buyer_factor_above_minor.unwrap_or(-1))
        .with("to_minor", above_minor.unwrap_or(-1));
    shops::update_shop(tx, ShopRow { shop: Shop { buyer_factor_above_minor: above_minor, ..row.shop } })?;
    record::note(tx, means, event)?;
    for member in list_security_members(tx, shop)? {
        queue_notice(tx, means, Person::Member(member), &Notice::BuyerPolicyChanged)?;
    }
    Ok(())
}

/// Whether a buyer has still to give a second factor before a PIN pays this amount in this shop. Nothing is read for a shop
/// or an amount that demands none.
///
/// # Errors
/// [`Fault`] alone.
pub fn lacks_factor(
    tx: &mut Tx,
    shop: &Shop,
    session: &BuyerSession,
    amount: Money,
    means: &Means<'_>,
) -> Result<bool, Fault> {
    if !shop.demands_factor(amount) {
        return Ok(false);
    }
    let is_fresh = |given: Timestamp| means.now < given.plus_seconds(BUYER_FACTOR_SECONDS);
    if !session.second_factor.is_some_and(is_fresh) {
        return Ok(true);
    }
    // A code to the contact counts as a proof within a session, and is no second factor.
    Ok(!factors::has_second_factor(tx, means.vault, Person::Buyer(session.buyer))?)
}
