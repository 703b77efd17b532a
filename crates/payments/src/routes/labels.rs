//! `/v1/payments/{id}/label`: what a payment is known to be.

use axum::Json as Answer;
use axum::extract::{Path, State};
use base::PaymentId;
use identity::Permission;
use identity::gate::Bearer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};

use super::orders::path_id;
use super::{Context, errors, read};
use crate::labels::{Label, set_label, word_name, word_named};
use crate::screening::Origination;
use crate::store as rows;

/// What takes a label back.
const NONE: &str = "none";

/// What a member says of a payment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelBody {
    /// `fraud`, `genuine`, or `none` to take the label back.
    label: String,
    /// Why; kept with the payment and in the log.
    #[schema(min_length = 1, max_length = 140)]
    note: String,
}

/// What a payment is known to be.
#[derive(Serialize, ToSchema)]
pub(super) struct LabelView {
    /// The payment.
    payment: String,
    /// `fraud`, `genuine` or `none`.
    label: &'static str,
    /// Who said so: `payer`, `review` or `member`; absent without a label.
    said_by: Option<&'static str>,
    /// The member, where one said so.
    member: Option<String>,
    /// The member's reason.
    note: Option<String>,
    /// Since when it is known, RFC 3339.
    known_at: Option<String>,
}

impl LabelView {
    fn new(id: PaymentId, label: Option<Label>) -> LabelView {
        LabelView {
            payment: id.to_string(),
            label: label.as_ref().map_or(NONE, |label| word_name(label.word)),
            said_by: label.as_ref().map(|label| label.source.name()),
            member: label.as_ref().and_then(|label| Some(label.member?.to_string())),
            known_at: label.as_ref().map(|label| label.known_at.to_rfc3339()),
            note: label.and_then(|label| label.note),
        }
    }
}

/// What a payment is known to be. Without a label it counts as genuine once it is a week old.
#[utoipa::path(get, path = "/v1/payments/{id}/label", params(("id" = String, Path)), tag = "payments",
    responses((status = 200, body = LabelView), ApiErrors), security(("member_session" = [])))]
pub(super) async fn find_payment_label(
    State(context): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> ApiResult<LabelView> {
    let id: PaymentId = path_id(&id)?;
    let found = context.identity.read_as(who, Permission::ViewDecisions, move |tx, caller| {
        caller.allow(Permission::ViewDecisions, base::ScopedId::shop(&id))?;
        if rows::find_payment(tx, id)?.is_none() {
            return Err(ApiError::not_found("payment does not exist"));
        }
        Ok(rows::find_label(tx, id)?)
    });
    Ok(Answer(LabelView::new(id, found.await?)))
}

/// Says what a payment was, or takes that back. The last word stands; what is counted of the parties follows it exactly.
#[utoipa::path(put, path = "/v1/payments/{id}/label", request_body = LabelBody, tag = "payments",
    params(("id" = String, Path)), security(("member_session" = [])),
    responses((status = 200, body = LabelView), ApiErrors))]
pub(super) async fn update_payment_label(
    State(context): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<LabelBody>,
) -> ApiResult<LabelView> {
    let id: PaymentId = path_id(&id)?;
    let mut problems = Problems::new();
    let wanted = match &*body.label {
        NONE => Some(None),
        word => {
            problems.take("label", word_named(word).map(Some).ok_or("must be `fraud`, `genuine` or `none`"))
        }
    };
    let note = read::words(&mut problems, "note", Some(&body.note));
    let (Some(wanted), Some(note)) = (wanted, note) else { return Err(problems.into_error()) };
    let done = context.identity.write_as(who, Permission::Review, move |tx, caller| {
        let from = Origination::of(caller);
        let said = set_label(tx, &caller.means, &caller.actor, &from, id, (wanted, &note));
        said.map_err(errors::of_label)
    });
    Ok(Answer(LabelView::new(id, done.await?)))
}
