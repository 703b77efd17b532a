//! Access reviews over HTTP.

use axum::Json as Answer;
use axum::extract::{Path, State};
use base::AccessReviewId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult};
use webkit::paging::List;

use super::gate::Bearer;
use crate::access_review::{self, AccessReview, AccessReviewError, Line};
use crate::context::Context;
use crate::permissions::Permission;

/// A decision about one line.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessDecisionBody {
    /// The member or key.
    #[schema(max_length = 80)]
    subject: String,
    /// It stays (`true`), or goes.
    confirm: bool,
}

/// An access review.
#[derive(Serialize, ToSchema)]
pub struct AccessReviewView {
    /// The review.
    id: String,
    /// `open` or `closed`.
    state: &'static str,
    /// When it opened, RFC 3339.
    opened_at: String,
    /// When what is undecided is suspended, RFC 3339.
    due_at: String,
    /// When it was closed, RFC 3339.
    closed_at: Option<String>,
}

/// An access review with its lines.
#[derive(Serialize, ToSchema)]
pub struct AccessReviewLinesView {
    /// The review.
    review: AccessReviewView,
    /// Each member and key of the shop, as of when the review opened.
    lines: Vec<AccessLineView>,
}

/// One member or key under review.
#[derive(Serialize, ToSchema)]
pub struct AccessLineView {
    /// The member or key.
    subject: String,
    /// `member`, `api_key` or `certificate` (of a terminal or key: its holder is named in `grants`).
    kind: &'static str,
    /// The roles.
    grants: String,
    /// Since when, RFC 3339.
    since: String,
    /// The last use, RFC 3339.
    used_at: Option<String>,
    /// When the password or key was set, RFC 3339.
    secret_set_at: Option<String>,
    /// `unused`, `old_key`, `single_factor`.
    flags: Vec<&'static str>,
    /// `confirm`, `remove` or `suspended`.
    decision: Option<&'static str>,
    /// Who decided.
    decided_by: Option<String>,
    /// When, RFC 3339.
    decided_at: Option<String>,
}

/// The access reviews of the caller's shop, newest first. One opens by itself each quarter.
#[utoipa::path(get, path = "/v1/access_reviews", tag = "members", security(("member_session" = [])),
    responses((status = 200, body = List<AccessReviewView>), ApiErrors))]
pub async fn list_access_reviews(
    State(cx): State<Context>,
    who: Bearer,
) -> ApiResult<List<AccessReviewView>> {
    let found = cx.read_as(who, Permission::ViewMembers, |tx, caller| {
        Ok(access_review::list_access_reviews(tx, &caller.actor, caller.shop)?)
    });
    let data = found.await?.into_iter().map(AccessReviewView::from).collect();
    Ok(Answer(List { data, next_cursor: None }))
}

/// An access review with its lines.
#[utoipa::path(get, path = "/v1/access_reviews/{id}", tag = "members", security(("member_session" = [])),
    params(("id" = String, Path, description = "the review")),
    responses((status = 200, body = AccessReviewLinesView), ApiErrors))]
pub async fn find_access_review(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> ApiResult<AccessReviewLinesView> {
    let id = parse_review(&id);
    let found = cx.read_as(who, Permission::ViewMembers, move |tx, caller| {
        Ok(access_review::find_access_review(tx, &caller.actor, caller.shop, id?)?)
    });
    let (review, lines) = found.await?;
    let lines = lines.into_iter().map(AccessLineView::from).collect();
    Ok(Answer(AccessReviewLinesView { review: review.into(), lines }))
}

/// Confirms or removes one line. Removing a member ends everything they have; removing a key revokes it.
#[utoipa::path(post, path = "/v1/access_reviews/{id}/decisions", tag = "members", request_body = AccessDecisionBody,
    security(("member_session" = [])), params(("id" = String, Path, description = "the review")),
    responses((status = 200, body = AccessLineView), ApiErrors))]
pub async fn decide_access(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<AccessDecisionBody>,
) -> ApiResult<AccessLineView> {
    let id = parse_review(&id);
    let decided = cx.write_as(who, Permission::ReviewAccess, move |tx, caller| {
        let place = (caller.shop, id.clone()?);
        let (subject, confirm) = (body.subject.as_str(), body.confirm);
        Ok(access_review::decide_line(tx, &caller.means, &caller.actor, place, subject, confirm)?)
    });
    Ok(Answer(decided.await?.into()))
}

fn parse_review(text: &str) -> Result<AccessReviewId, ApiError> {
    text.parse().map_err(|_| AccessReviewError::NotFound.into())
}

impl From<AccessReview> for AccessReviewView {
    fn from(review: AccessReview) -> AccessReviewView {
        AccessReviewView {
            id: review.id.to_string(),
            state: review.state.name(),
            opened_at: review.opened.to_rfc3339(),
            due_at: review.due.to_rfc3339(),
            closed_at: review.closed.map(|at| at.to_rfc3339()),
        }
    }
}

impl From<Line> for AccessLineView {
    fn from(line: Line) -> AccessLineView {
        AccessLineView {
            subject: line.subject,
            kind: line.kind.name(),
            grants: line.grants,
            since: line.since.to_rfc3339(),
            used_at: line.used.map(|at| at.to_rfc3339()),
            secret_set_at: line.secret_set.map(|at| at.to_rfc3339()),
            flags: line.flags.into_iter().map(|flag| flag.name()).collect(),
            decision: line.decision.map(|decision| decision.name()),
            decided_by: line.decider,
            decided_at: line.decided.map(|at| at.to_rfc3339()),
        }
    }
}
