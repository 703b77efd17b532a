//! `/v1/reviews`: payments that wait for a member.

use axum::extract::{Path, State};
use axum::response::Response;
use base::{PaymentId, ScopedId};
use identity::gate::{Made, Operation};
use identity::{Actor, Permission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};
use webkit::paging::List;

use super::orders::path_id;
use super::views::PaymentView;
use super::{Context, errors, read};
use crate::day_limit::find_passed;
use crate::review::{self, Ruling, Verdict};
use crate::screening::Origination;
use crate::store as rows;

/// Most open reviews in one list.
const REVIEWS_MAX: i64 = 100;

/// A payment that waits for a member.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReviewView {
    /// The payment.
    payment: PaymentView,
    /// Since when it waits, RFC 3339.
    opened_at: String,
    /// When it expires undecided, RFC 3339.
    expires_at: String,
    /// Present where approving it now would pass its payer's legal limit of the day.
    over_day_limit: Option<OverDayLimitView>,
}

/// By how much a payment would pass its payer's limit of the day, and when there is room again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OverDayLimitView {
    /// The part that is too much, minor units.
    by_minor: i64,
    /// When the next day begins, RFC 3339; absent where the review expires before, or the payment is too large for any day.
    wait_until: Option<String>,
}

/// Lists a shop's open reviews, oldest first.
#[utoipa::path(get, path = "/v1/reviews", tag = "reviews",
    responses((status = 200, body = List<ReviewView>), ApiErrors), security(("member_session" = [])))]
pub(super) async fn list_reviews(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let call = context.open(incoming).await?;
    call.read(Permission::Review, move |tx, caller| {
        let now = caller.means.now;
        let mut data = Vec::new();
        let shop = identity::find_shop(tx, caller.shop).map_err(|e| errors::fault(&e))?;
        let country = shop.map(|shop| shop.country).unwrap_or_default();
        for review in rows::list_open_reviews(tx, caller.shop, now, REVIEWS_MAX)? {
            if let Some(payment) = rows::find_payment(tx, review.payment)? {
                let passed = find_passed(tx, &country, &payment, now)?;
                data.push(ReviewView {
                    over_day_limit: passed.map(|passed| OverDayLimitView {
                        by_minor: passed.by.minor,
                        wait_until: Some(passed.resets_at)
                            .filter(|at| passed.fits_a_day && *at < review.expires_at)
                            .map(|at| at.to_rfc3339()),
                    }),
                    payment: PaymentView::new(&context, &payment, now),
                    opened_at: review.opened_at.to_rfc3339(),
                    expires_at: review.expires_at.to_rfc3339(),
                });
            }
        }
        Made::new(200, &List { data, next_cursor: None })
    })
    .await
}

/// A member's decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VerdictBody {
    /// Let it through (`true`) or stop it.
    approve: bool,
    /// With `approve` false: it is fraud, and the parties are remembered for it.
    fraud: Option<bool>,
    /// Why; kept with the payment.
    #[schema(min_length = 1, max_length = 140)]
    note: String,
}

/// Decides a payment that waits for a member. One that was approved and cannot be paid any more, the balance being too
/// small or the account frozen, is answered as `declined` with the reason in `decline`. One that would pass its payer's
/// limit of the day is `day_limit` and stays in review: `over_day_limit` of the list says by how much.
#[utoipa::path(post, path = "/v1/reviews/{payment}/decision", request_body = VerdictBody, tag = "reviews",
    params(("payment" = String, Path),
    ("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 200, body = PaymentView), ApiErrors), security(("member_session" = [])))]
pub(super) async fn decide_review(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: PaymentId = path_id(&id)?;
    let body = incoming.json::<VerdictBody>()?;
    let mut problems = Problems::new();
    let Some(note) = read::words(&mut problems, "note", Some(&body.note)) else {
        return Err(problems.into_error());
    };
    let ruling = match (body.approve, body.fraud.unwrap_or_default()) {
        (true, false) => Ruling::Approve,
        (false, false) => Ruling::Decline,
        (false, true) => Ruling::DeclineAsFraud,
        (true, true) => {
            return Err(ApiError::bad_field("fraud", "cannot be true of a payment that is approved"));
        }
    };
    let verdict = Verdict { ruling, note };
    let operation = Operation { name: "decide_review", permission: Permission::Review };
    let call = context.open(incoming).await?;
    call.write(operation, vec![rows::payment_key(id)], move |tx, caller| {
        caller.allow(Permission::Review, id.shop())?;
        let Actor::Member(member) = &caller.actor else {
            return Err(ApiError::forbidden("only a member can decide a review"));
        };
        let moved =
            review::decide_review(tx, &caller.means, member.member, &Origination::of(caller), id, &verdict);
        let moved = moved.map_err(errors::of_confirm)?;
        context.publish(tx, &moved.payment);
        let now = caller.means.now;
        Made::new(200, &PaymentView::new(&context, &moved.payment, now).with_leaf(&moved.leaf, now))
    })
    .await
}
