//! Giving money back, with the password once more; and the list of what was given back.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{EntryId, Money, PaymentId, ScopedId};
use identity::approvals::Asked;
use identity::desk::{Once, Side, Visit, go, payer_name, place};
use identity::{LoginError, Password, Permission};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Pager, Problems, show};

use super::Desk;
use super::detail::{FormProblems, find_own, member_name, view_of};
use super::member::{Member, read_as, write_as};
use super::paying::payment_id;
use super::words::typed_amount;
use crate::limits::{DESCRIPTION_CHARS_MAX, REFUND_STEP_UP_SECONDS};
use crate::pages::detail::RefundPage;
use crate::pages::list::{RefundLimitPage, RefundRow, RefundsPage};
use crate::payment::Payment;
use crate::refund::{NewRefund, Refund};
use crate::refund_limit::{LimitError, find_limit, is_over, request_limit};
use crate::refund_proposal::{Requested, request_refund};
use crate::routes::errors;
use crate::store as rows;
use crate::text::ShortText;

/// Where the limit is.
const LIMIT: &str = "/desk/refunds/limit";
/// Rows of a page.
const ROWS_SHOWN: usize = 50;

/// The first step: how much and why. The second step brings the password as well.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundForm {
    amount: String,
    reason: String,
    password: Option<String>,
}

/// What is to be given back, checked against the payment.
struct Draft {
    payment: Payment,
    payer: String,
    amount: Money,
    reason: ShortText,
    /// The shop's limit, for an amount above it.
    over: Option<Money>,
}

/// Asks for the password, or, with it, gives the money back.
pub(super) async fn create_refund(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let posted = visit.read::<RefundForm>(Side::Member, &incoming)?;
    let form = posted.form;
    let (amount, reason) = (form.amount, form.reason);
    let draft = read_as(&desk, &visit, Permission::Refund, move |tx, member| {
        let payment = find_own(tx, member, id)?;
        let payer = payer_name(tx, member.means.vault, payment.buyer)?;
        let checked = check(&member.bare_frame(), &payment, &amount, &reason);
        let over = match &checked {
            Ok((amount, _)) => limit_passed(tx, member, &payment, *amount)?,
            Err(_) => None,
        };
        Ok((checked, Found { payment, payer, over }, member.session.member))
    });
    let (checked, Found { payment, payer, over }, member) = draft.await?;
    let draft = match (checked, form.password.is_some()) {
        (Ok((amount, reason)), _) => Draft { payment, payer, amount, reason, over },
        // The second submit of a form that worked finds nothing left to refund.
        (Err(_), true) => return Ok(go(&format!("/desk/payments/{id}"))),
        (Err(problems), false) => {
            let view = view_of(&desk, &visit, id, of_refund_form(problems)).await?;
            return Ok(show(StatusCode::UNPROCESSABLE_ENTITY, &view));
        }
    };
    let Some(password) = form.password else {
        return ask(&desk, &visit, StatusCode::OK, draft, Problems::none()).await;
    };
    match confirm(&desk, &visit, member, &password).await? {
        true => carry_out(&desk, &visit, posted.once, draft).await,
        false => {
            let mut problems = Problems::none();
            let page = visit.frame(&desk.hall, Side::Member, webkit::page::Zone::default());
            problems.add("password", page.t("problem-password-wrong"));
            ask(&desk, &visit, StatusCode::FORBIDDEN, draft, problems).await
        }
    }
}

fn of_refund_form(refund: Problems) -> FormProblems {
    FormProblems { refund, ..FormProblems::default() }
}

/// What was looked up for a form.
struct Found {
    payment: Payment,
    payer: String,
    over: Option<Money>,
}

/// The shop's limit where `amount` is above it. Such an amount asks for the second factor again, before the password.
fn limit_passed(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    payment: &Payment,
    amount: Money,
) -> Result<Option<Money>, ApiError> {
    if !is_over(tx, payment, amount)? {
        return Ok(None);
    }
    member.actor.require_fresh(REFUND_STEP_UP_SECONDS)?;
    Ok(Some(find_limit(tx, member.shop.id, amount.currency)?))
}

fn check(
    page: &Frame,
    payment: &Payment,
    amount: &str,
    reason: &str,
) -> Result<(Money, ShortText), Problems> {
    let mut problems = Problems::none();
    let left = payment.refundable_minor();
    let amount = typed_amount(amount, payment.amount.currency);
    match amount {
        None => problems.add("amount", page.t("problem-amount")),
        Some(_) if left == 0 => problems.add("", page.t("problem-refund-state")),
        Some(amount) if amount.minor > left => problems.add("amount", page.t("problem-refund-much")),
        Some(_) => {}
    }
    let reason = ShortText::parse(reason, DESCRIPTION_CHARS_MAX);
    if reason.is_err() {
        problems.add("reason", page.t("problem-note"));
    }
    match (amount, reason) {
        (Some(amount), Ok(reason)) if problems.is_empty() => Ok((amount, reason)),
        _ => Err(problems),
    }
}

async fn confirm(
    desk: &Desk,
    visit: &Visit,
    member: base::MemberId,
    password: &str,
) -> Result<bool, ApiError> {
    let Ok(password) = Password::parse(password) else { return Ok(false) };
    let who = (member.shop(), member);
    let right = identity::confirm_member(desk.identity(), who, password, &place(visit), visit.now).await;
    right.map_err(|error: LoginError| error.into())
}

/// The last step: names amount and payer, asks for the password.
async fn ask(
    desk: &Desk,
    visit: &Visit,
    status: StatusCode,
    draft: Draft,
    problems: Problems,
) -> Result<Response, ApiError> {
    let page = read_as(desk, visit, Permission::Refund, |tx, member| member.frame(tx)).await?;
    let path = format!("/desk/payments/{}", draft.payment.id);
    let left = draft.payment.refundable_minor() - draft.amount.minor;
    let view = RefundPage {
        page,
        payment_id: draft.payment.id.to_string(),
        amount: draft.amount,
        left_after: Money::new(left, draft.amount.currency),
        payer: draft.payer,
        reason: draft.reason.to_string(),
        over: draft.over,
        problems,
        action_href: format!("{path}/refund"),
        payment_href: path,
    };
    Ok(show(status, &view))
}

async fn carry_out(desk: &Desk, visit: &Visit, once: Once, draft: Draft) -> Result<Response, ApiError> {
    let id: PaymentId = draft.payment.id;
    let path = format!("/desk/payments/{id}");
    let new = NewRefund { payment: id, amount: Some(draft.amount), reason: Some(draft.reason) };
    let keys = vec![rows::payment_key(id), rows::refund_limit_key(id.shop(), draft.amount.currency)];
    let to = path.clone();
    let done = write_as(desk, visit, Permission::Refund, once, keys, move |tx, member| {
        member.allow(Permission::Refund, id.shop())?;
        let asked = request_refund(tx, &member.means, &member.actor, &member.from, &new);
        // One that waits for a second person is shown among the steps of its payment.
        if let Requested::Done(done) = asked.map_err(errors::of_refund)? {
            member.desk.context.publish(tx, &done.1);
        }
        Ok((to.clone(), ()))
    });
    let problem = match done.await {
        Ok((path, _)) => return Ok(go(&path)),
        Err(error) if error.code.name == errors::SHOP_FUNDS.name => "problem-refund-funds",
        Err(error) if error.code.name == errors::REFUND_TOO_LARGE.name => "problem-refund-much",
        Err(error) if error.code.name == errors::NOT_REFUNDABLE.name => "problem-refund-state",
        Err(error) => return Err(error),
    };
    let mut problems = Problems::none();
    problems.add("", visit.frame(&desk.hall, Side::Member, webkit::page::Zone::default()).t(problem));
    Ok(show(StatusCode::CONFLICT, &view_of(desk, visit, id, of_refund_form(problems)).await?))
}

/// Shows what was given back, newest first.
pub(super) async fn list_refunds(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&desk, &visit, Permission::ViewPayments, |tx, member| {
        let page = member.frame(tx)?;
        let before =
            member.visit.query("cursor").filter(|cursor| base::RefundId::from_short(cursor).is_some());
        let mut found =
            rows::list_shop_refunds(tx, member.shop.id, before.as_deref(), ROWS_SHOWN as i64 + 1)?;
        let more = found.len() > ROWS_SHOWN;
        found.truncate(ROWS_SHOWN);
        let next = found.last().filter(|_| more).map(|last| page.href_with("cursor", last.id.short()));
        let first_href = if before.is_some() { page.href_with("cursor", "") } else { String::new() };
        let pager = Pager { shown: found.len(), first_href, next_href: next.unwrap_or_default() };
        let rows =
            found.iter().map(|refund| row_of(tx, member, &page, refund)).collect::<Result<_, ApiError>>()?;
        let can_set = member.can(Permission::ManageShop);
        Ok(RefundsPage {
            limit: find_limit(tx, member.shop.id, member.shop.currency)?,
            limit_href: if can_set { LIMIT.to_owned() } else { String::new() },
            page,
            rows,
            pager,
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// Shows how much of a payment one person may give back.
pub(super) async fn show_limit(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    limit_page(&desk, &visit, StatusCode::OK, None, Problems::none()).await
}

async fn limit_page(
    desk: &Desk,
    visit: &Visit,
    status: StatusCode,
    typed: Option<String>,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(desk, visit, Permission::ManageShop, move |tx, member| {
        let limit = find_limit(tx, member.shop.id, member.shop.currency)?;
        Ok(RefundLimitPage {
            page: member.frame(tx)?,
            amount_typed: typed.unwrap_or_else(|| limit.decimal()),
            limit,
            problems,
            action_href: LIMIT.to_owned(),
            back_href: "/desk/refunds".to_owned(),
        })
    });
    Ok(show(status, &view.await?))
}

/// A limit, as typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitForm {
    amount: String,
}

/// Sets the limit in the shop's currency. A higher one waits for a second person.
pub(super) async fn update_limit(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<LimitForm>(Side::Member, &incoming)?;
    let typed = posted.form.amount;
    let text = typed.clone();
    let done = write_as(&desk, &visit, Permission::ManageShop, posted.once, vec![], move |tx, member| {
        let Some(wanted) = typed_limit(&text, member.shop.currency) else {
            return Ok(("problem-amount".to_owned(), ()));
        };
        match request_limit(tx, &member.means, &member.actor, member.shop.id, wanted) {
            Ok(Asked::Go) => Ok((LIMIT.to_owned(), ())),
            Ok(Asked::Wait(_)) => Ok(("refund-limit-waits".to_owned(), ())),
            Err(LimitError::OutOfRange) => Ok(("problem-amount".to_owned(), ())),
            Err(error) => Err(errors::of_limit(error)),
        }
    });
    let (word, _) = done.await?;
    if word.starts_with('/') {
        return Ok(go(&word));
    }
    let mut problems = Problems::none();
    let page = visit.frame(&desk.hall, Side::Member, webkit::page::Zone::default());
    problems.add("amount", page.t(&word));
    let waits = word == "refund-limit-waits";
    let status = if waits { StatusCode::ACCEPTED } else { StatusCode::UNPROCESSABLE_ENTITY };
    limit_page(&desk, &visit, status, Some(typed), problems).await
}

/// A limit as typed: an amount, or nothing at all.
fn typed_limit(text: &str, currency: base::Currency) -> Option<Money> {
    let is_zero = text.trim().chars().all(|c| matches!(c, '0' | '.')) && text.contains('0');
    if is_zero { Some(Money::new(0, currency)) } else { typed_amount(text, currency) }
}

fn row_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    refund: &Refund,
) -> Result<RefundRow, ApiError> {
    let buyer = rows::find_payment(tx, refund.payment)?.and_then(|payment| payment.buyer);
    Ok(RefundRow {
        id: refund.id.to_string(),
        payment_href: format!("/desk/payments/{}", refund.payment),
        payment_id: refund.payment.to_string(),
        at: refund.created_at,
        amount: refund.amount,
        payer: payer_name(tx, member.means.vault, buyer)?,
        reason: refund.reason.clone().unwrap_or_default(),
        by: who_did(tx, member, page, refund.entry)?,
    })
}

/// Who made an entry of the log, in words.
fn who_did(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    entry: Option<EntryId>,
) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Named {
        actor: Actor,
    }
    #[derive(Deserialize)]
    struct Actor {
        kind: String,
        #[serde(default)]
        id: String,
    }
    let text = entry.map_or(Ok(None), |id| audit::find_entry_text(tx, id))?;
    let named = text.and_then(|text| serde_json::from_str::<Named>(&text).ok());
    let Some(Named { actor }) = named else { return Ok(String::new()) };
    match actor.kind.as_str() {
        "member" => member_name(tx, member, &actor.id),
        "api_key" => {
            let tail: String = actor.id.chars().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect();
            Ok(page.t1("by-key", "id", format!("…{tail}")))
        }
        _ => Ok(page.t("by-system")),
    }
}
