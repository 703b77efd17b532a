//! Giving money back, in full or in part, never more than was paid.

use base::{ApprovalId, EntryId, Money, PaymentId, RefundId, ScopedId, Timestamp, TransferId};
use identity::approvals::ApprovalError;
use identity::{Denied, Means};
use ledger::{AccountKey, Reason, ShopPurpose, Transfer};
use store::Tx;

use crate::limits::REFUNDS_MAX;
use crate::payment::{Payment, State};
use crate::record::{self, Deed};
use crate::screening::{self, Origination};
use crate::store as rows;
use crate::text::ShortText;

/// A refund, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// The payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Money,
    /// Why, in the shop's words.
    pub reason: Option<String>,
    /// Its entry in the audit log.
    pub entry: Option<EntryId>,
    /// When.
    pub created_at: Timestamp,
}

/// What a refund takes.
#[derive(Clone, Debug)]
pub struct NewRefund {
    /// The payment.
    pub payment: PaymentId,
    /// How much; all that is left when `None`.
    pub amount: Option<Money>,
    /// Why.
    pub reason: Option<ShortText>,
}

/// Why a refund was refused. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    /// No such payment.
    #[error("payment does not exist")]
    NoPayment,
    /// Not paid, or all given back.
    #[error("payment is {} and cannot be refunded", .0.name())]
    NotRefundable(State),
    /// More than is left.
    #[error("amount is more than the {left_minor} minor units that can still be refunded")]
    TooMuch {
        /// Minor units left.
        left_minor: i64,
    },
    /// In another currency.
    #[error("currency is not that of the payment")]
    Currency,
    /// Too many refunds of one payment.
    #[error("payment has {REFUNDS_MAX} refunds already; no more can be made")]
    TooMany,
    /// The shop's balance does not cover it.
    #[error("the shop's balance does not cover this refund")]
    ShopFunds,
    /// A second factor is missing or too old for an amount above the shop's limit.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// What was approved is not what the payment is now.
    #[error("payment, payee or amount are not those that were approved")]
    NotAsApproved,
    /// The proposal to a second person was refused.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Gives money back to the payer, whatever the amount: for the program's own work. People and systems of a shop go
/// through [`crate::refund_proposal::request_refund`].
///
/// # Errors
/// [`RefundError`].
pub fn refund(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &audit::Actor,
    from: &Origination,
    new: &NewRefund,
) -> Result<(Refund, Payment), RefundError> {
    give_back(tx, means, actor, from, new, None)
}

/// Gives money back; `approval` is the one that a second person gave for it.
pub(crate) fn give_back(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &audit::Actor,
    from: &Origination,
    new: &NewRefund,
    approval: Option<ApprovalId>,
) -> Result<(Refund, Payment), RefundError> {
    let payment = rows::find_payment(tx, new.payment)?.ok_or(RefundError::NoPayment)?;
    let amount = check(&payment, new)?;
    let buyer = payment.buyer.ok_or(RefundError::NotRefundable(payment.stored_state))?;
    let transfer = Transfer {
        id: TransferId::new(payment.id.shop(), means.now, means.dice),
        debit: AccountKey::shop(payment.id.shop(), ShopPurpose::Settlement, amount.currency),
        credit: AccountKey::buyer(buyer, amount.currency),
        amount,
        reason: Reason::Refund,
        payment: Some(payment.id),
        hold: None,
        at: means.now,
    };
    match ledger::post_new(tx, &transfer)? {
        Ok(_) => {}
        Err(ledger::Refusal::InsufficientFunds(_)) => return Err(RefundError::ShopFunds),
        Err(refusal) => {
            return Err(store::Error::Bug(format!("the ledger refused a refund: {refusal}")).into());
        }
    }
    screening::remember_flow(tx, buyer, Some(payment.id.shop()), amount, means.now)?;
    let refunded_minor = payment.refunded_minor + amount.minor;
    let whole = refunded_minor == payment.amount.minor;
    let stored_state = if whole { State::Refunded } else { State::PartlyRefunded };
    let mut payment = Payment { refunded_minor, refunds: payment.refunds + 1, stored_state, ..payment };
    let leaf = record::note(tx, means, actor, Deed::Refund(amount, approval), &payment, from)?;
    payment.entry = Some(leaf.entry_id);
    rows::update_payment(tx, &payment)?;
    let refund = Refund {
        id: RefundId::new(payment.id.shop(), means.now, means.dice),
        payment: payment.id,
        amount,
        reason: new.reason.as_ref().map(ToString::to_string),
        entry: Some(leaf.entry_id),
        created_at: means.now,
    };
    rows::insert_refund(tx, &refund)?;
    Ok((refund, payment))
}

/// What would be given back, if it can be.
pub(crate) fn check(payment: &Payment, new: &NewRefund) -> Result<Money, RefundError> {
    let left_minor = payment.refundable_minor();
    if left_minor == 0 {
        return Err(RefundError::NotRefundable(payment.stored_state));
    }
    if payment.refunds >= REFUNDS_MAX {
        return Err(RefundError::TooMany);
    }
    let amount = new.amount.unwrap_or(Money::new(left_minor, payment.amount.currency));
    if amount.currency != payment.amount.currency {
        return Err(RefundError::Currency);
    }
    if amount.minor > left_minor || amount.minor <= 0 {
        return Err(RefundError::TooMuch { left_minor });
    }
    Ok(amount)
}
