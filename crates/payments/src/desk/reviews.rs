//! The review queue: payments that wait for a member's decision.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{PaymentId, ScopedId};
use identity::Permission;
use identity::desk::{Side, Visit, go, payer_name};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, show};

use super::Desk;
use super::detail::{find_device_text, find_own, find_similar};
use super::member::{Member, read_as, write_as};
use super::paying::payment_id;
use super::rows::{decision_view, find_decision, row_of};
use super::words::shown_outcome;
use crate::day_limit::find_passed;
use crate::limits::DESCRIPTION_CHARS_MAX;
use crate::pages::detail::DecisionView;
use crate::pages::reviews::{OverLimit, ReviewDetail, ReviewItem, ReviewsPage};
use crate::payment::{Payment, State};
use crate::review::{self, Review, Ruling, Verdict};
use crate::routes::errors;
use crate::store as rows;
use crate::text::ShortText;

/// Most payments in the queue.
const QUEUE_MAX: i64 = 100;

/// Shows the queue with the most urgent payment open.
pub(super) async fn list_reviews(Shared(desk): Shared<Desk>, visit: Visit) -> Result<Response, ApiError> {
    let view =
        read_as(&desk, &visit, Permission::Review, |tx, member| fill(tx, member, None, Problems::none()));
    Ok(show(StatusCode::OK, &view.await?))
}

/// Shows the queue with one payment open; one that was decided meanwhile has its own page.
pub(super) async fn show_review(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    review_page(&desk, &visit, payment_id(&id)?, StatusCode::OK, Problems::none()).await
}

async fn review_page(
    desk: &Desk,
    visit: &Visit,
    id: PaymentId,
    status: StatusCode,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(desk, visit, Permission::Review, move |tx, member| {
        let payment = find_own(tx, member, id)?;
        if payment.state_at(member.means.now) != State::InReview {
            return Ok(None);
        }
        fill(tx, member, Some(payment), problems).map(Some)
    });
    Ok(match view.await? {
        Some(view) => show(status, &view),
        None => go(&format!("/desk/payments/{id}")),
    })
}

fn fill(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    chosen: Option<Payment>,
    problems: Problems,
) -> Result<ReviewsPage, ApiError> {
    let page = member.frame(tx)?;
    let open = rows::list_open_reviews(tx, member.shop.id, member.means.now, QUEUE_MAX)?;
    let first = open.first().map(|review| review.payment);
    let chosen = match (chosen, first) {
        (Some(payment), _) => Some(payment),
        (None, Some(id)) => rows::find_payment(tx, id)?,
        (None, None) => None,
    };
    let chosen_id = chosen.as_ref().map(|payment| payment.id);
    let mut queue = Vec::new();
    for review in &open {
        queue.extend(item_of(tx, member, &page, review, chosen_id)?);
    }
    let open = chosen.map(|payment| detail_of(tx, member, &page, payment, problems)).transpose()?;
    Ok(ReviewsPage { page, queue, open })
}

fn item_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    review: &Review,
    chosen: Option<PaymentId>,
) -> Result<Option<ReviewItem>, ApiError> {
    let Some(payment) = rows::find_payment(tx, review.payment)? else { return Ok(None) };
    let row = row_of(tx, member, page, &payment)?;
    Ok(Some(ReviewItem {
        href: format!("/desk/reviews/{}", payment.id),
        amount: payment.amount,
        payer: row.payer,
        reason: row.reason,
        due_at: review.expires_at,
        is_open: chosen == Some(payment.id),
    }))
}

fn detail_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    payment: Payment,
    problems: Problems,
) -> Result<ReviewDetail, ApiError> {
    let decision = find_decision(tx, &payment)?;
    let over = find_passed(tx, &member.shop.country, &payment, member.means.now)?.map(|passed| OverLimit {
        by: passed.by,
        wait_until: Some(passed.resets_at).filter(|at| passed.fits_a_day && *at < payment.expires_at),
    });
    Ok(ReviewDetail {
        over,
        payment_id: payment.id.to_string(),
        payment_href: format!("/desk/payments/{}", payment.id),
        amount: payment.amount,
        at: payment.confirmed_at.unwrap_or(payment.created_at),
        payer: payer_name(tx, member.means.vault, payment.buyer)?,
        order_line: payment.description.clone().unwrap_or_default(),
        device: find_device_text(tx, page, &payment)?,
        address: String::new(),
        decision: decision.map_or_else(unreadable, |decision| decision_view(member, page, &decision)),
        similar: find_similar(tx, member, page, &payment)?,
        problems,
        action_href: format!("/desk/reviews/{}", payment.id),
    })
}

/// Stands for a decision of a program that wrote it in another form.
fn unreadable() -> DecisionView {
    DecisionView {
        outcome: shown_outcome(risk::Outcome::Review),
        score: String::new(),
        reasons: Vec::new(),
        watched: Vec::new(),
        buyer_text: String::new(),
        rules_version: "–".to_owned(),
        model_version: "–".to_owned(),
        features: Vec::new(),
    }
}

/// A member's decision.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VerdictForm {
    decision: String,
    note: String,
}

/// Carries a member's decision out, and goes on to the next payment.
pub(super) async fn decide_review(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let posted = visit.read::<VerdictForm>(Side::Member, &incoming)?;
    let ruling = match posted.form.decision.as_str() {
        "approve" => Ruling::Approve,
        "decline" => Ruling::Decline,
        "fraud" => Ruling::DeclineAsFraud,
        _ => return Err(ApiError::bad_field("decision", "must be `approve`, `decline` or `fraud`")),
    };
    let Ok(note) = ShortText::parse(&posted.form.note, DESCRIPTION_CHARS_MAX) else {
        let mut problems = Problems::none();
        let page = visit.frame(&desk.hall, Side::Member, webkit::page::Zone::default());
        problems.add("note", page.t("problem-note"));
        return review_page(&desk, &visit, id, StatusCode::UNPROCESSABLE_ENTITY, problems).await;
    };
    let verdict = Verdict { ruling, note };
    let keys = vec![rows::payment_key(id)];
    let done = write_as(&desk, &visit, Permission::Review, posted.once, keys, move |tx, member| {
        member.allow(Permission::Review, id.shop())?;
        let who = member.session.member;
        let moved = review::decide_review(tx, &member.means, who, &member.from, id, &verdict);
        let moved = moved.map_err(errors::of_confirm)?;
        member.desk.context.publish(tx, &moved.payment);
        Ok((format!("/desk/payments/{id}"), ()))
    });
    match done.await {
        Ok((path, _)) => Ok(go(&path)),
        // The page says by how much, and what can be done.
        Err(error) if error.code.name == errors::DAY_LIMIT.name => {
            review_page(&desk, &visit, id, StatusCode::UNPROCESSABLE_ENTITY, Problems::none()).await
        }
        // A colleague, the payer or time was quicker: the payment's page says who.
        Err(error) if error.status() == StatusCode::CONFLICT => Ok(go(&format!("/desk/payments/{id}"))),
        Err(error) => Err(error),
    }
}
