//! Giving money back, with the password once more; and the list of what was given back.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{EntryId, Money, PaymentId, ScopedId};
use identity::desk::{Once, Side, Visit, go, payer_name, place};
use identity::{LoginError, Password, Permission};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Pager, Problems, show};

use super::Desk;
use super::detail::{find_own, member_name, view_of};
use super::member::{Member, read_as, write_as};
use super::paying::payment_id;
use super::words::typed_amount;
use crate::limits::DESCRIPTION_CHARS_MAX;
use crate::pages::detail::RefundPage;
use crate::pages::list::{RefundRow, RefundsPage};
use crate::payment::Payment;
use crate::refund::{self, NewRefund, Refund};
use crate::routes::errors;
use crate::store as rows;
use crate::text::ShortText;

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
        Ok((check(&member.bare_frame(), &payment, &amount, &reason), payment, payer, member.session.member))
    });
    let (checked, payment, payer, member) = draft.await?;
    let draft = match (checked, form.password.is_some()) {
        (Ok((amount, reason)), _) => Draft { payment, payer, amount, reason },
        // The second submit of a form that worked finds nothing left to refund.
        (Err(_), true) => return Ok(go(&format!("/desk/payments/{id}"))),
        (Err(problems), false) => {
            let view = view_of(&desk, &visit, id, problems).await?;
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
    let keys = vec![rows::payment_key(id)];
    let to = path.clone();
    let done = write_as(desk, visit, Permission::Refund, once, keys, move |tx, member| {
        member.allow(Permission::Refund, id.shop())?;
        let made = refund::refund(tx, &member.means, &member.audit(), &member.from, &new);
        let (_, payment) = made.map_err(errors::of_refund)?;
        member.desk.context.publish(tx, &payment);
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
    Ok(show(StatusCode::CONFLICT, &view_of(desk, visit, id, problems).await?))
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
        Ok(RefundsPage { page, rows, pager })
    });
    Ok(show(StatusCode::OK, &view.await?))
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
