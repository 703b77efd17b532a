//! `/v1/payments/{id}/refunds` and `/v1/refunds/{id}`.

use axum::extract::{Path, State};
use axum::response::Response;
use base::{ApprovalId, Currency, Money, PaymentId, RefundId, ScopedId};
use identity::Permission;
use identity::gate::{Made, Operation};
use identity::routes::{WaitingView, fault};
use serde::Deserialize;
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};
use webkit::paging::List;

use super::orders::path_id;
use super::payments::visible_payment;
use super::views::{RefundProposalView, RefundView};
use super::{Context, errors, read};
use crate::refund::NewRefund;
use crate::refund_proposal::{Requested, find_proposal, request_refund};
use crate::screening::Origination;
use crate::store as rows;

/// A refund to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundBody {
    /// How much, minor units; all that is left without it.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    amount_minor: Option<i64>,
    /// The currency of the payment, with an amount.
    #[schema(example = "CNY", min_length = 3, max_length = 3)]
    currency: Option<String>,
    /// Why, for the books.
    #[schema(max_length = 140)]
    reason: Option<String>,
}

impl RefundBody {
    fn parse(self, payment: PaymentId) -> Result<NewRefund, ApiError> {
        let mut problems = Problems::new();
        let amount = match (self.amount_minor, self.currency.as_deref()) {
            (None, None) => None,
            (Some(minor), Some(currency)) => {
                let currency = problems.take("currency", currency.parse::<Currency>());
                currency.and_then(|currency| problems.take("amount_minor", Money::payable(minor, currency)))
            }
            _ => {
                problems.add("amount_minor", "send `amount_minor` and `currency`, or neither");
                None
            }
        };
        let reason = read::words(&mut problems, "reason", self.reason.as_deref());
        problems.check()?;
        Ok(NewRefund { payment, amount, reason })
    }
}

/// Gives part or all of a payment back. Above the shop's limit (`GET /v1/refund_limits`) it waits for a second person,
/// whose yes gives the money back; `GET /v1/refund_proposals/{id}` shows what became of it.
#[utoipa::path(post, path = "/v1/payments/{id}/refunds", request_body = RefundBody, tag = "refunds",
    params(("id" = String, Path),
    ("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = RefundView), (status = 202, body = WaitingView), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_refund(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: PaymentId = path_id(&id)?;
    let new = incoming.json::<RefundBody>()?.parse(id)?;
    let operation = Operation { name: "create_refund", permission: Permission::Refund };
    let call = context.open(incoming).await?;
    call.write(operation, vec![rows::payment_key(id)], move |tx, caller| {
        caller.allow(Permission::Refund, id.shop())?;
        let from = Origination::of(caller);
        let asked = request_refund(tx, &caller.means, &caller.actor, &from, &new);
        match asked.map_err(errors::of_refund)? {
            Requested::Done(done) => {
                context.publish(tx, &done.1);
                Made::new(201, &RefundView::from(&done.0))
            }
            Requested::Waits(id) => Made::new(202, &WaitingView::new(id)),
        }
    })
    .await
}

/// Lists the refunds of a payment, oldest first.
#[utoipa::path(get, path = "/v1/payments/{id}/refunds", params(("id" = String, Path)), tag = "refunds",
    responses((status = 200, body = List<RefundView>), ApiErrors),
    security(("signature" = []), ("member_session" = []), ("buyer_session" = [])))]
pub(super) async fn list_refunds(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: PaymentId = path_id(&id)?;
    let call = context.open(incoming).await?;
    call.read(Permission::Enter, move |tx, caller| {
        visible_payment(tx, caller, id)?;
        let data = rows::list_refunds(tx, id)?.iter().map(RefundView::from).collect();
        Made::new(200, &List { data, next_cursor: None })
    })
    .await
}

/// Shows a refund.
#[utoipa::path(get, path = "/v1/refunds/{id}", params(("id" = String, Path)), tag = "refunds",
    responses((status = 200, body = RefundView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn find_refund(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: RefundId = path_id(&id)?;
    let call = context.open(incoming).await?;
    call.read(Permission::ViewPayments, move |tx, caller| {
        caller.allow(Permission::ViewPayments, id.shop())?;
        let refund =
            rows::find_refund(tx, id)?.ok_or_else(|| ApiError::not_found("refund does not exist"))?;
        Made::new(200, &RefundView::from(&refund))
    })
    .await
}

/// Shows a refund that took two people, or waits for the second.
#[utoipa::path(get, path = "/v1/refund_proposals/{id}", tag = "refunds",
    params(("id" = String, Path, description = "the approval that the refund waits for")),
    responses((status = 200, body = RefundProposalView), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn find_refund_proposal(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: ApprovalId = path_id(&id)?;
    let call = context.open(incoming).await?;
    call.read(Permission::ViewPayments, move |tx, caller| {
        caller.allow(Permission::ViewPayments, id.shop())?;
        let found = find_proposal(tx, id).map_err(|found| fault(&found))?;
        let (proposal, approval) =
            found.ok_or_else(|| ApiError::not_found("no refund waits or waited for this approval"))?;
        Made::new(200, &RefundProposalView::new(&proposal, &approval, caller.means.now))
    })
    .await
}
