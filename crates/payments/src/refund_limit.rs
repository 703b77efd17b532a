//! How much of a payment one person may give back, by shop and currency (C13, AZ-6).
//!
//! Promises: what is above the limit asks a second person ([`crate::refund_proposal`]); a higher limit does too, a lower
//! one is set at once. A shop that never set one has [`REFUND_LIMIT_DEFAULT_MINOR`].

use base::{Currency, Money, ScopedId, ShopId};
use identity::approvals::{self, Approval, ApprovalAction, ApprovalError, Asked, Proposal};
use identity::{Actor, Denied, Means, Permission};
use store::Tx;

use crate::limits::{REFUND_LIMIT_DEFAULT_MINOR, REFUND_LIMIT_MINOR_MAX};
use crate::payment::Payment;
use crate::record;
use crate::store as rows;

/// Why a limit was not changed. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Below zero, or more than any payment.
    #[error("the limit must be 0 to {REFUND_LIMIT_MINOR_MAX} minor units")]
    OutOfRange,
    /// It is another one now than when the change was proposed.
    #[error("the limit was changed meanwhile; propose it again")]
    Stale,
    /// The proposal to a second person was refused.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The most of one payment that one person of `shop` gives back, minor units.
///
/// # Errors
/// Those of the store.
pub fn find_limit(tx: &mut Tx<'_>, shop: ShopId, currency: Currency) -> Result<Money, store::Error> {
    let minor = rows::find_refund_limit(tx, shop, currency)?.unwrap_or(REFUND_LIMIT_DEFAULT_MINOR);
    Ok(Money::new(minor, currency))
}

/// Whether giving `amount` back takes two people. What was given back of the payment before counts with it, so that a
/// refund is not cut into small ones.
///
/// # Errors
/// Those of the store.
pub fn is_over(tx: &mut Tx<'_>, payment: &Payment, amount: Money) -> Result<bool, store::Error> {
    let limit = find_limit(tx, payment.id.shop(), amount.currency)?;
    Ok(payment.refunded_minor.saturating_add(amount.minor) > limit.minor)
}

/// Sets the limit of a shop, or asks a second person for a higher one where there is a second one.
///
/// # Errors
/// [`LimitError`] but [`LimitError::Stale`].
pub fn request_limit(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    wanted: Money,
) -> Result<Asked, LimitError> {
    actor.allow(Permission::ManageShop, shop)?;
    if !(0..=REFUND_LIMIT_MINOR_MAX).contains(&wanted.minor) {
        return Err(LimitError::OutOfRange);
    }
    let present = find_limit(tx, shop, wanted.currency)?;
    if wanted.minor > present.minor {
        let proposal = Change { from: present, to: wanted }.proposal(shop);
        let asked = approvals::ask_if_two(tx, means, actor, &proposal)?;
        if let Asked::Wait(_) = asked {
            return Ok(asked);
        }
    }
    set(tx, means, actor, shop, Change { from: present, to: wanted })?;
    Ok(Asked::Go)
}

/// Sets the limit that a second person just approved.
///
/// # Errors
/// [`LimitError::Stale`] when it was changed after it was proposed.
pub fn carry_out(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    approval: &Approval,
) -> Result<(), LimitError> {
    let shop = approval.id.shop();
    let change = Change::read(&approval.subject).ok_or_else(|| rows::broken("proposal"))?;
    if find_limit(tx, shop, change.to.currency)? != change.from {
        return Err(LimitError::Stale);
    }
    Ok(set(tx, means, actor, shop, change)?)
}

fn set(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    change: Change,
) -> Result<(), store::Error> {
    rows::put_refund_limit(tx, shop, change.to)?;
    record::note_limit(tx, means, &actor.into(), shop, (change.from, change.to))
}

/// One limit for another. As text it is what a second person approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    from: Money,
    to: Money,
}

impl Change {
    fn proposal(self, shop: ShopId) -> Proposal {
        let (currency, from, to) = (self.to.currency, self.from.minor, self.to.minor);
        let subject = format!("refund_limit {currency} {from} {to}");
        Proposal::new(shop, ApprovalAction::ChangeLimit, &subject, &format!("{} → {}", self.from, self.to))
    }

    fn read(subject: &str) -> Option<Change> {
        let mut words = subject.split(' ');
        if words.next() != Some("refund_limit") {
            return None;
        }
        let currency: Currency = words.next()?.parse().ok()?;
        let mut amount = || Some(Money::new(words.next()?.parse().ok()?, currency));
        Some(Change { from: amount()?, to: amount()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_was_proposed() {
        let change = Change { from: Money::new(5, Currency::CNY), to: Money::new(700, Currency::CNY) };
        let proposal = change.proposal(ShopId::HOUSE);
        assert_eq!(proposal.subject, "refund_limit CNY 5 700");
        assert_eq!(Change::read(&proposal.subject), Some(change));
        for other in ["", "refund_limit", "refund_limit CNY 5", "openings 1 2 3", "refund_limit XYZ 5 7"] {
            assert_eq!(Change::read(other), None, "{other}");
        }
    }
}
