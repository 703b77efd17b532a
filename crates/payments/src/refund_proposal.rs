//! A refund above what one person may give back: proposed by one, done by the yes of another (C13, AZ-6).
//!
//! Promises: payment, amount and payee are part of what is approved, and are looked at again before money moves; the yes
//! and the refund are one transaction, so it happens once or not at all; whoever calls gives a second factor freshly.
//! Where nobody else of the shop could approve, one person does it, and the log says so.

use base::{ApprovalId, BuyerId, Money, PaymentId, RefundId, ScopedId, Timestamp};
use identity::approvals::{self, Approval, ApprovalAction, ApprovalState, Asked, Proposal};
use identity::{Actor, Means};
use store::Tx;

use crate::limits::{DESCRIPTION_CHARS_MAX, REFUND_STEP_UP_SECONDS};
use crate::payment::Payment;
use crate::refund::{NewRefund, Refund, RefundError, check, give_back};
use crate::refund_limit::is_over;
use crate::screening::Origination;
use crate::store as rows;
use crate::text::ShortText;

/// A refund that waits for a second person, or waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundProposal {
    /// The approval it waits for.
    pub approval: ApprovalId,
    /// The payment.
    pub payment: PaymentId,
    /// To whom.
    pub buyer: BuyerId,
    /// How much.
    pub amount: Money,
    /// Why, in the shop's words.
    pub reason: Option<String>,
    /// The refund, once it was approved.
    pub refund: Option<RefundId>,
    /// When it was proposed.
    pub created_at: Timestamp,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub enum Requested {
    /// The money was given back.
    Done(Box<(Refund, Payment)>),
    /// It waits for a second person.
    Waits(ApprovalId),
}

/// Gives money back, or asks a second person where it is above the shop's limit. The caller has checked that the actor
/// may refund at all.
///
/// # Errors
/// [`RefundError`].
pub fn request_refund(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    from: &Origination,
    new: &NewRefund,
) -> Result<Requested, RefundError> {
    let payment = rows::find_payment(tx, new.payment)?.ok_or(RefundError::NoPayment)?;
    let amount = check(&payment, new)?;
    if is_over(tx, &payment, amount)? {
        actor.require_fresh(REFUND_STEP_UP_SECONDS)?;
        let buyer = payment.buyer.ok_or(RefundError::NotRefundable(payment.stored_state))?;
        let proposal = proposal_of(payment.id, buyer, amount);
        if let Asked::Wait(approval) = approvals::ask_if_two(tx, means, actor, &proposal)? {
            let (payment, created_at) = (payment.id, means.now);
            let reason = new.reason.as_ref().map(ToString::to_string);
            let row = RefundProposal { approval, payment, buyer, amount, reason, refund: None, created_at };
            if rows::find_refund_proposal(tx, approval)?.is_none() {
                rows::put_refund_proposal(tx, &row)?;
            }
            return Ok(Requested::Waits(approval));
        }
    }
    Ok(Requested::Done(Box::new(give_back(tx, means, &actor.into(), from, new, None)?)))
}

/// Gives back what a second person just approved.
///
/// # Errors
/// [`RefundError`]; [`RefundError::NotAsApproved`] when payment, payee or amount are not those of the approval.
pub fn carry_out(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    from: &Origination,
    approval: &Approval,
) -> Result<(Refund, Payment), RefundError> {
    let row = rows::find_refund_proposal(tx, approval.id)?.ok_or(RefundError::NotAsApproved)?;
    let payment = rows::find_payment(tx, row.payment)?.ok_or(RefundError::NoPayment)?;
    let bound = proposal_of(row.payment, row.buyer, row.amount);
    let is_same = bound.subject == approval.subject && payment.id.shop() == approval.id.shop();
    if !is_same || payment.buyer != Some(row.buyer) || row.refund.is_some() {
        return Err(RefundError::NotAsApproved);
    }
    let reason = row.reason.as_deref().and_then(|text| ShortText::parse(text, DESCRIPTION_CHARS_MAX).ok());
    let new = NewRefund { payment: row.payment, amount: Some(row.amount), reason };
    let done = give_back(tx, means, &actor.into(), from, &new, Some(approval.id))?;
    rows::put_refund_proposal(tx, &RefundProposal { refund: Some(done.0.id), ..row })?;
    Ok(done)
}

/// What a second person is asked for: an approval is good for exactly this payment, amount and payee.
fn proposal_of(payment: PaymentId, buyer: BuyerId, amount: Money) -> Proposal {
    let subject = format!("{payment} {} {} {buyer}", amount.minor, amount.currency);
    Proposal::new(payment.shop(), ApprovalAction::Refund, &subject, &format!("{amount}, {payment}"))
}

/// A proposal with its approval.
///
/// # Errors
/// Those of the store.
pub fn find_proposal(
    tx: &mut Tx<'_>,
    id: ApprovalId,
) -> Result<Option<(RefundProposal, Approval)>, identity::Fault> {
    let approval = approvals::find_approval(tx, id.shop(), id)?;
    Ok(rows::find_refund_proposal(tx, id)?.zip(approval))
}

/// The refunds of a payment that wait for a second person, oldest first.
///
/// # Errors
/// Those of the store.
pub fn list_waiting(
    tx: &mut Tx<'_>,
    payment: PaymentId,
    now: Timestamp,
) -> Result<Vec<RefundProposal>, identity::Fault> {
    let mut waiting = Vec::new();
    for row in rows::list_refund_proposals(tx, payment)? {
        let approval = approvals::find_approval(tx, payment.shop(), row.approval)?;
        if approval.is_some_and(|found| found.state == ApprovalState::Waiting && now < found.expires) {
            waiting.push(row);
        }
    }
    Ok(waiting)
}
