//! `/v1/refund_limits`: how much of a payment one person may give back.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base::{Currency, Money};
use identity::Permission;
use identity::approvals::Asked;
use identity::gate::Bearer;
use identity::routes::{WaitingView, waiting};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult};
use webkit::paging::List;

use super::{Context, errors};
use crate::limits::REFUND_LIMIT_DEFAULT_MINOR;
use crate::refund_limit::request_limit;
use crate::store as rows;

/// How much of a payment one person may give back.
#[derive(Serialize, ToSchema)]
pub(super) struct RefundLimitView {
    /// ISO 4217 currency; absent for the limit in every currency that has none of its own.
    currency: Option<String>,
    /// The most of one payment, minor units, all its refunds together.
    amount_minor: i64,
}

/// A limit to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundLimitBody {
    /// The most of one payment, minor units; with 0 every refund takes two people.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    amount_minor: i64,
}

/// The limits of the caller's shop, by currency, and last the one that stands where none was set.
#[utoipa::path(get, path = "/v1/refund_limits", tag = "refunds", security(("member_session" = [])),
    responses((status = 200, body = List<RefundLimitView>), ApiErrors))]
pub(super) async fn list_refund_limits(
    State(context): State<Context>,
    who: Bearer,
) -> ApiResult<List<RefundLimitView>> {
    let found = context.identity.read_as(who, Permission::ViewShop, |tx, caller| {
        caller.member()?;
        Ok(rows::list_refund_limits(tx, caller.shop)?)
    });
    let view = |limit: Money| RefundLimitView {
        currency: Some(limit.currency.to_string()),
        amount_minor: limit.minor,
    };
    let other = RefundLimitView { currency: None, amount_minor: REFUND_LIMIT_DEFAULT_MINOR };
    let data = found.await?.into_iter().map(view).chain([other]).collect();
    Ok(Answer(List { data, next_cursor: None }))
}

/// Sets the limit in one currency. A higher one waits for a second person, whose yes sets it; a lower one is set at once.
#[utoipa::path(put, path = "/v1/refund_limits/{currency}", request_body = RefundLimitBody, tag = "refunds",
    params(("currency" = String, Path, description = "ISO 4217, such as `CNY`")), security(("member_session" = [])),
    responses((status = 200, body = RefundLimitView), (status = 202, body = WaitingView), ApiErrors))]
pub(super) async fn update_refund_limit(
    State(context): State<Context>,
    who: Bearer,
    Path(currency): Path<String>,
    Json(body): Json<RefundLimitBody>,
) -> Result<Response, ApiError> {
    let currency: Result<Currency, _> = currency.parse();
    let currency = currency.map_err(|problem| ApiError::bad_field("currency", problem))?;
    let wanted = Money::new(body.amount_minor, currency);
    let asked = context.identity.write_as(who, Permission::ManageShop, move |tx, caller| {
        request_limit(tx, &caller.means, &caller.actor, caller.shop, wanted).map_err(errors::of_limit)
    });
    Ok(match asked.await? {
        Asked::Wait(id) => waiting(id),
        Asked::Go => {
            let view = RefundLimitView { currency: Some(currency.to_string()), amount_minor: wanted.minor };
            Answer(view).into_response()
        }
    })
}
