//! One payment: what happened, why, its entries, its proof; and what can be done with it.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{Money, PaymentId, ScopedId, Timestamp};
use identity::Permission;
use identity::desk::{Button, Side, Visit, device_text, go, payer_name};
use ledger::{AccountKey, Owner, ShopPurpose};
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Mark, Problems, Step, show};

use super::Desk;
use super::labels::{label_form, label_step};
use super::member::{Member, read_as, write_as};
use super::paying::payment_id;
use super::receipt::{find_log_line, proof_text, text_file};
use super::rows::{decision_view, find_decision, rows_of};
use super::words::{reached_at, shown, shown_outcome, till_name};
use crate::create::cancel_payment as cancel;
use crate::pages::detail::{EntryView, PaymentPage};
use crate::pages::list::PaymentRow;
use crate::payment::{DeclineReason, Payment, State};
use crate::refund_proposal::list_waiting;
use crate::review::{Review, ReviewState};
use crate::routes::errors;
use crate::store as rows;

/// Payments of the same payer that are shown beside one.
const SIMILAR_MAX: usize = 6;
/// Payments of a payer among which those of the shop are looked for.
const PAYER_ROWS_MAX: i64 = 60;

/// What was wrong with the forms of a payment's page.
#[derive(Default)]
pub(super) struct FormProblems {
    pub refund: Problems,
    pub label: Problems,
}

/// Shows one payment.
pub(super) async fn show_payment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let view = view_of(&desk, &visit, payment_id(&id)?, FormProblems::default());
    Ok(show(StatusCode::OK, &view.await?))
}

/// The payment's page, with what was wrong with one of its forms.
pub(super) async fn view_of(
    desk: &Desk,
    visit: &Visit,
    id: PaymentId,
    problems: FormProblems,
) -> Result<PaymentPage, ApiError> {
    let view = read_as(desk, visit, Permission::ViewPayments, move |tx, member| {
        let payment = find_own(tx, member, id)?;
        let page = member.frame(tx)?;
        fill(tx, member, page, payment, problems)
    });
    view.await
}

/// A payment of the member's shop.
///
/// # Errors
/// 404, for another shop's as well.
pub(super) fn find_own(tx: &mut Tx<'_>, member: &Member<'_>, id: PaymentId) -> Result<Payment, ApiError> {
    member.allow(Permission::ViewPayments, id.shop())?;
    rows::find_payment(tx, id)?.ok_or_else(|| ApiError::not_found("payment does not exist"))
}

fn fill(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: Frame,
    payment: Payment,
    problems: FormProblems,
) -> Result<PaymentPage, ApiError> {
    let now = member.means.now;
    let state = payment.state_at(now);
    let payer = payer_name(tx, member.means.vault, payment.buyer)?;
    let decision = find_decision(tx, &payment)?;
    let log = find_log_line(tx, &member.desk.context.signer, payment.entry, reached_at(&payment, state))?;
    let path = format!("/desk/payments/{}", payment.id);
    let left = Money::new(payment.refundable_minor(), payment.amount.currency);
    let can_refund = left.minor > 0 && member.can(Permission::Refund);
    let can_cancel = state == State::Waiting && member.can(Permission::SettlePayments);
    let shows_ledger = member.can(Permission::ViewLedger);
    Ok(PaymentPage {
        id: payment.id.to_string(),
        amount: payment.amount,
        state: shown(state),
        at: payment.created_at,
        order_line: payment.description.clone().unwrap_or_default(),
        order_reference: payment.reference.clone().unwrap_or_default(),
        method: page.t("method-balance"),
        terminal: till_name(tx, &payment)?,
        code_id: payment.code().to_string(),
        code_href: format!("/desk/codes/{}", payment.code()),
        device: find_device_text(tx, &page, &payment)?,
        address: String::new(),
        steps: Steps { page: &page, payment: &payment, state, out: Vec::new() }.tell(
            tx,
            member,
            decision.as_ref(),
        )?,
        decision: decision.map(|decision| decision_view(member, &page, &decision)),
        similar: find_similar(tx, member, &page, &payment)?,
        shows_ledger,
        entries: if shows_ledger { list_entries(tx, member, &page, &payment, &payer)? } else { Vec::new() },
        leaf_hash: log.leaf_hash,
        log_entry: log.entry,
        proof_href: if log.entry.is_some() { format!("{path}/proof") } else { String::new() },
        refundable: can_refund.then_some(left),
        refund_href: format!("{path}/refund"),
        refund_problems: problems.refund,
        label: label_form(tx, member, &page, &payment, problems.label)?,
        cancel_href: if can_cancel { format!("{path}/cancel") } else { String::new() },
        payer,
        page,
    })
}

/// The payer's device in words; empty when nothing is known.
pub(super) fn find_device_text(tx: &mut Tx<'_>, page: &Frame, payment: &Payment) -> Result<String, ApiError> {
    let (Some(buyer), Some(device)) = (payment.buyer, payment.device) else { return Ok(String::new()) };
    let device = identity::find_device(tx, buyer, device)?;
    Ok(device.map_or_else(String::new, |device| device_text(page, &device.label)))
}

/// Other payments of the same payer to this shop, newest first.
pub(super) fn find_similar(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    payment: &Payment,
) -> Result<Vec<PaymentRow>, ApiError> {
    let Some(buyer) = payment.buyer else { return Ok(Vec::new()) };
    let all = rows::list_buyer_payments(tx, buyer, PAYER_ROWS_MAX)?;
    let own = all.into_iter().filter(|other| other.id.shop() == member.shop.id && other.id != payment.id);
    let own: Vec<Payment> = own.take(SIMILAR_MAX).collect();
    rows_of(tx, member, page, &own)
}

/// Both sides of each transfer of a payment, oldest first.
fn list_entries(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    payment: &Payment,
    payer: &str,
) -> Result<Vec<EntryView>, ApiError> {
    let name = |account: AccountKey| match account.owner {
        Owner::Buyer(_) => page.t1("account-buyer", "who", payer),
        Owner::Shop(_, ShopPurpose::Settlement) => page.t1("account-shop", "who", member.shop.name.as_str()),
        Owner::Shop(_, ShopPurpose::Reserve) => page.t1("account-reserve", "who", member.shop.name.as_str()),
        Owner::House(_) => page.t1("account-house", "purpose", account.to_string()),
    };
    let mut entries = Vec::new();
    for transfer in ledger::list_payment_transfers(tx, payment.id)? {
        let (at, amount) = (transfer.at, Some(transfer.amount));
        entries.push(EntryView { at, account: name(transfer.debit), debit: amount, credit: None });
        entries.push(EntryView { at, account: name(transfer.credit), debit: None, credit: amount });
    }
    Ok(entries)
}

/// The timeline, as it is told.
struct Steps<'a> {
    page: &'a Frame,
    payment: &'a Payment,
    state: State,
    out: Vec<Step>,
}

impl Steps<'_> {
    fn add(&mut self, mark: Mark, word: String, at: Option<Timestamp>) {
        self.out.push(Step { mark, word, at, note: String::new() });
    }

    fn tell(
        mut self,
        tx: &mut Tx<'_>,
        member: &Member<'_>,
        decision: Option<&risk::Decision>,
    ) -> Result<Vec<Step>, ApiError> {
        let (page, payment) = (self.page, self.payment);
        self.add(Mark::Done, page.t("step-created"), Some(payment.created_at));
        if let Some(at) = payment.scanned_at {
            self.add(Mark::Done, page.t("step-scanned"), Some(at));
        }
        if let Some(at) = payment.confirmed_at {
            self.add(Mark::Done, page.t("step-confirmed"), Some(at));
        }
        if let Some(decision) = decision {
            let outcome = shown_outcome(decision.outcome);
            let word = page.t1("step-screened", "outcome", page.t(outcome.key()));
            self.add(outcome.mark(), word, payment.confirmed_at);
        }
        self.tell_review(tx, member)?;
        self.tell_end();
        self.out.extend(label_step(tx, member, page, payment)?);
        for refund in rows::list_refunds(tx, payment.id)? {
            let word = page.t1("step-refunded", "amount", page.amount(&refund.amount));
            let note = refund.reason.unwrap_or_default();
            self.out.push(Step { mark: Mark::Returned, word, at: Some(refund.created_at), note });
        }
        for waiting in list_waiting(tx, payment.id, member.means.now)? {
            let word = page.t1("step-refund-waits", "amount", page.amount(&waiting.amount));
            let note = waiting.reason.unwrap_or_default();
            self.out.push(Step { mark: Mark::Waiting, word, at: Some(waiting.created_at), note });
        }
        if payment.entry.is_some() {
            self.add(Mark::Done, page.t("step-logged"), None);
        }
        Ok(self.out)
    }

    fn tell_review(&mut self, tx: &mut Tx<'_>, member: &Member<'_>) -> Result<(), ApiError> {
        let Some(review) = rows::find_review(tx, self.payment.id)? else { return Ok(()) };
        self.add(Mark::Review, self.page.t("step-review"), Some(review.opened_at));
        let Review { decided_by: Some(by), note, decided_at, state, .. } = review else { return Ok(()) };
        let who = member_name(tx, member, &by)?;
        let unpaid = state == ReviewState::ApprovedUnpaid;
        let word = self.page.t1(if unpaid { "step-approved-unpaid" } else { "step-reviewed" }, "who", who);
        self.out.push(Step { mark: Mark::Done, word, at: decided_at, note: note.unwrap_or_default() });
        Ok(())
    }

    fn tell_end(&mut self) {
        let (page, payment) = (self.page, self.payment);
        let (mark, word, at) = match self.state {
            State::Waiting => (Mark::Waiting, page.t("step-waits"), None),
            State::Paused => (Mark::Paused, page.t("step-paused"), payment.confirmed_at),
            State::InReview => return,
            State::Paid | State::PartlyRefunded | State::Refunded => {
                (Mark::Done, page.t("step-paid"), payment.settled_at)
            }
            State::Declined => (Mark::Stopped, declined_text(page, payment.decline), payment.settled_at),
            State::Expired => (Mark::Closed, page.t("step-expired"), Some(payment.expires_at)),
            State::Cancelled => (Mark::Closed, page.t("step-cancelled"), payment.settled_at),
        };
        self.add(mark, word, at);
    }
}

fn declined_text(page: &Frame, why: Option<DeclineReason>) -> String {
    match why {
        Some(DeclineReason::InsufficientFunds) => page.t("step-declined-funds"),
        Some(DeclineReason::NotThePayer) => page.t("step-declined-payer"),
        Some(DeclineReason::Review) => page.t("step-declined-review"),
        Some(DeclineReason::Screening) | None => page.t("step-declined"),
    }
}

/// The name of a member of the own shop by id; the id itself for one who is gone.
pub(super) fn member_name(tx: &mut Tx<'_>, member: &Member<'_>, id: &str) -> Result<String, ApiError> {
    let Ok(who) = id.parse::<base::MemberId>() else { return Ok(id.to_owned()) };
    match identity::find_member_person(tx, member.means.vault, member.shop.id, who) {
        Ok(person) => Ok(person.name.expose().clone()),
        Err(identity::MemberError::NotFound) => Ok(id.to_owned()),
        Err(error) => Err(error.into()),
    }
}

/// The proof that the payment's entry is in the log, as a file.
pub(super) async fn find_proof(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let text = read_as(&desk, &visit, Permission::ViewPayments, move |tx, member| {
        let payment = find_own(tx, member, id)?;
        proof_text(tx, &member.desk.context.signer, &payment)
    });
    Ok(text_file(&format!("{id}-proof.txt"), text.await?))
}

/// Takes back a payment that waits.
pub(super) async fn cancel_payment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let once = visit.read::<Button>(Side::Member, &incoming)?.once;
    let keys = vec![rows::payment_key(id)];
    let done = write_as(&desk, &visit, Permission::SettlePayments, once, keys, move |tx, member| {
        member.allow(Permission::SettlePayments, id.shop())?;
        let payment =
            cancel(tx, &member.means, &member.audit(), id, &member.from).map_err(errors::of_create)?;
        member.desk.context.publish(tx, &payment);
        Ok((format!("/desk/payments/{id}"), ()))
    });
    Ok(go(&done.await?.0))
}
