//! Emergency access over HTTP: taking power for a time, ending it, reviewing it.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::{EmergencyId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};
use webkit::paging::List;

use super::errors::{
    ALREADY_DECIDED, EMERGENCY_GAINS_NOTHING, EMERGENCY_RUNNING, EMERGENCY_UNREVIEWED, OWN_PROPOSAL, denied,
    fault,
};
use super::gate::Bearer;
use crate::context::Context;
use crate::emergency::{self, Emergency, EmergencyError, NewEmergency};
use crate::permissions::Permission;

/// What is to be taken, for how long, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmergencyBody {
    /// A built-in role of members. What would outlast the time is not lent with it.
    #[schema(max_length = 40, example = "manager")]
    role: String,
    /// For how many minutes, 1 to 60.
    #[schema(minimum = 1, maximum = 60, example = 30)]
    minutes: i64,
    /// Why, in 10 to 200 characters; colleagues read it.
    #[schema(min_length = 10, max_length = 200, example = "till 3 charges twice, the owner is on a flight")]
    reason: String,
}

/// What a colleague says who looked at it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewEmergencyBody {
    /// What was found, in 10 to 200 characters.
    #[schema(min_length = 10, max_length = 200, example = "looked at the entries: one refund, rightly made")]
    note: String,
}

/// Power that somebody took for a time.
#[derive(Serialize, ToSchema)]
pub struct EmergencyView {
    /// The emergency; entries of the audit log about what was done under it name it.
    id: String,
    /// Who took it.
    member: String,
    /// The role.
    role: &'static str,
    /// Why.
    reason: String,
    /// `running`, `unreviewed` or `reviewed`.
    state: &'static str,
    /// Since when, RFC 3339.
    begun_at: String,
    /// Until when at most, RFC 3339.
    ends_at: String,
    /// When it ended, RFC 3339.
    ended_at: Option<String>,
    /// Who ended it: an id, or `system` for time.
    ended_by: Option<String>,
    /// Who reviewed it.
    reviewed_by: Option<String>,
    /// When, RFC 3339.
    reviewed_at: Option<String>,
    /// What they found.
    note: Option<String>,
}

impl EmergencyView {
    fn new(found: Emergency, now: Timestamp) -> EmergencyView {
        EmergencyView {
            id: found.id.to_string(),
            member: found.member.to_string(),
            role: found.role.name(),
            state: found.state(now).name(),
            begun_at: found.begun.to_rfc3339(),
            ends_at: found.ends.to_rfc3339(),
            ended_at: found.ended.map(|at| at.to_rfc3339()),
            ended_by: found.ender,
            reviewed_by: found.reviewer.map(|id| id.to_string()),
            reviewed_at: found.reviewed.map(|at| at.to_rfc3339()),
            note: found.note,
            reason: found.reason,
        }
    }
}

/// Takes a role for a time, in this session alone. Owners and security are told at once, and somebody else reviews it
/// afterwards. Needs a second factor given in the last 5 minutes.
#[utoipa::path(post, path = "/v1/emergencies", tag = "members", request_body = NewEmergencyBody,
    security(("member_session" = [])), responses((status = 201, body = EmergencyView), ApiErrors))]
pub async fn begin_emergency(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewEmergencyBody>,
) -> Result<(StatusCode, Answer<EmergencyView>), ApiError> {
    let mut problems = Problems::new();
    let role = problems.take("role", NewEmergency::parse_role(&body.role));
    let minutes = problems.take("minutes", NewEmergency::parse_minutes(body.minutes));
    let reason = problems.take("reason", NewEmergency::parse_reason(&body.reason));
    let (Some(role), Some(minutes), Some(reason)) = (role, minutes, reason) else {
        return Err(problems.into_error());
    };
    let (new, at) = (NewEmergency::new(role, minutes, reason), who.at);
    let made = cx.write_as(who, Permission::EmergencyAccess, move |tx, caller| {
        Ok(emergency::begin_emergency(tx, &caller.means, caller.member()?, &new)?)
    });
    Ok((StatusCode::CREATED, Answer(EmergencyView::new(made.await?, at))))
}

/// The emergency accesses of the caller's shop: those that nobody reviewed first, then the newest; 50 at most.
#[utoipa::path(get, path = "/v1/emergencies", tag = "members", security(("member_session" = [])),
    responses((status = 200, body = List<EmergencyView>), ApiErrors))]
pub async fn list_emergencies(State(cx): State<Context>, who: Bearer) -> ApiResult<List<EmergencyView>> {
    let at = who.at;
    let found = cx.read_as(who, Permission::ViewMembers, |tx, caller| {
        Ok(emergency::list_emergencies(tx, &caller.actor, caller.shop)?)
    });
    let data = found.await?.into_iter().map(|one| EmergencyView::new(one, at)).collect();
    Ok(Answer(List { data, next_cursor: None }))
}

/// Ends an emergency access before its time: one's own, or a colleague's.
#[utoipa::path(post, path = "/v1/emergencies/{id}/end", tag = "members", security(("member_session" = [])),
    params(("id" = String, Path, description = "the emergency")),
    responses((status = 200, body = EmergencyView), ApiErrors))]
pub async fn end_emergency(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> ApiResult<EmergencyView> {
    let (id, at) = (parse_emergency(&id), who.at);
    let ended = cx.write_as(who, Permission::EmergencyAccess, move |tx, caller| {
        let place = (caller.shop, id.clone()?);
        Ok(emergency::end_emergency(tx, &caller.means, &caller.actor, place)?)
    });
    Ok(Answer(EmergencyView::new(ended.await?, at)))
}

/// Signs off what a colleague did under an emergency access that is over.
#[utoipa::path(post, path = "/v1/emergencies/{id}/review", tag = "members", request_body = ReviewEmergencyBody,
    security(("member_session" = [])), params(("id" = String, Path, description = "the emergency")),
    responses((status = 200, body = EmergencyView), ApiErrors))]
pub async fn review_emergency(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<ReviewEmergencyBody>,
) -> ApiResult<EmergencyView> {
    let note = NewEmergency::parse_reason(&body.note).map_err(|why| ApiError::bad_field("note", why));
    let (id, at) = (parse_emergency(&id), who.at);
    let done = cx.write_as(who, Permission::ReviewAccess, move |tx, caller| {
        let (place, note) = ((caller.shop, id.clone()?), note.clone()?);
        Ok(emergency::review_emergency(tx, &caller.means, caller.member()?, place, &note)?)
    });
    Ok(Answer(EmergencyView::new(done.await?, at)))
}

fn parse_emergency(text: &str) -> Result<EmergencyId, ApiError> {
    text.parse().map_err(|_| EmergencyError::NotFound.into())
}

impl From<EmergencyError> for ApiError {
    fn from(error: EmergencyError) -> ApiError {
        let text = error.to_string();
        match error {
            EmergencyError::Denied(found) => denied(found),
            EmergencyError::OtherRole => ApiError::bad_field("role", text),
            EmergencyError::NothingGained => ApiError::new(&EMERGENCY_GAINS_NOTHING, text),
            EmergencyError::Running | EmergencyError::NotOver => ApiError::new(&EMERGENCY_RUNNING, text),
            EmergencyError::Unreviewed => ApiError::new(&EMERGENCY_UNREVIEWED, text),
            EmergencyError::Own => ApiError::new(&OWN_PROPOSAL, text),
            EmergencyError::Reviewed => ApiError::new(&ALREADY_DECIDED, text),
            EmergencyError::NotFound => ApiError::not_found(text),
            EmergencyError::Fault(found) => fault(&found),
        }
    }
}
