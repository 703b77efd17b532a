//! `/v1/cases`: cases as JSON.

use axum::Json as Answer;
use axum::extract::{Path, State};
use base::{CaseId, MemberId, Timestamp};
use identity::Permission;
use identity::cases::{self, Case, CaseError, CaseNote, CaseOutcome, Listed};
use identity::gate::Bearer;
use payments::Origination;
use payments::routes::Context;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use webkit::body::{Json, Query};
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};
use webkit::paging::List;

use super::{Closer, close, outcome_named};
use crate::limits::CASES_LISTED_MAX;

/// All operations on cases.
pub fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(list_cases))
        .routes(routes!(find_case))
        .routes(routes!(take_case))
        .routes(routes!(close_case))
}

/// A case.
#[derive(Serialize, ToSchema)]
pub struct CaseView {
    /// The case.
    id: String,
    /// What was said not to be them: `payment`, `activity`, `pin`, `contact` or `address`.
    cause: &'static str,
    /// The payment that is looked into, where it is one.
    payment: Option<String>,
    /// Whose account it is: a buyer, or a member.
    account: String,
    /// `open`, `worked` or `closed`.
    state: &'static str,
    /// The member who works it, or closed it.
    worker: Option<String>,
    /// Since when it is open, RFC 3339.
    opened_at: String,
    /// When it was closed, RFC 3339.
    closed_at: Option<String>,
    /// How it ended: `fraud`, `genuine` or `unclear`.
    outcome: Option<&'static str>,
    /// Why, in the words of who closed it.
    note: Option<String>,
}

impl From<Case> for CaseView {
    fn from(case: Case) -> CaseView {
        CaseView {
            id: case.id.to_string(),
            cause: case.cause.name(),
            payment: case.payment().map(|payment| payment.to_string()),
            state: case.state.name(),
            worker: case.worker.map(|worker| worker.to_string()),
            opened_at: case.opened.to_rfc3339(),
            closed_at: case.closed.map(|at| at.to_rfc3339()),
            outcome: case.outcome.map(CaseOutcome::name),
            account: case.person,
            note: case.note,
        }
    }
}

/// That somebody took a case.
#[derive(Serialize, ToSchema)]
pub struct CaseHandView {
    /// When, RFC 3339.
    taken_at: String,
    /// The member.
    member: String,
}

/// A case with its history.
#[derive(Serialize, ToSchema)]
pub struct CaseHistoryView {
    /// The case as it stands.
    case: CaseView,
    /// Who took it, in order.
    hands: Vec<CaseHandView>,
}

impl CaseHistoryView {
    fn new((case, hands): (Case, Vec<(Timestamp, MemberId)>)) -> CaseHistoryView {
        let hand = |(at, member): (Timestamp, MemberId)| CaseHandView {
            taken_at: at.to_rfc3339(),
            member: member.to_string(),
        };
        CaseHistoryView { case: case.into(), hands: hands.into_iter().map(hand).collect() }
    }
}

/// Which cases.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CasesQuery {
    /// `open` for those that nobody closed, `closed` for the others; `open` without it.
    state: Option<String>,
}

impl CasesQuery {
    fn parse(&self) -> Result<Listed, ApiError> {
        match self.state.as_deref() {
            None | Some("open") => Ok(Listed::Open),
            Some("closed") => Ok(Listed::Closed),
            Some(_) => Err(ApiError::bad_field("state", "must be `open` or `closed`")),
        }
    }
}

/// The cases of the caller's shop: open ones, the longest waiting first, or closed ones, the newest first; 100 at most.
#[utoipa::path(get, path = "/v1/cases", tag = "cases", params(CasesQuery), security(("member_session" = [])),
    responses((status = 200, body = List<CaseView>), ApiErrors))]
async fn list_cases(
    State(context): State<Context>,
    who: Bearer,
    Query(query): Query<CasesQuery>,
) -> ApiResult<List<CaseView>> {
    let wanted = query.parse()?;
    let found = context.identity.read_as(who, Permission::WorkCases, move |tx, caller| {
        Ok(cases::list_cases(tx, &caller.actor, caller.shop, (wanted, CASES_LISTED_MAX))?)
    });
    let data = found.await?.into_iter().map(CaseView::from).collect();
    Ok(Answer(List { data, next_cursor: None }))
}

fn case_id(text: &str) -> Result<CaseId, ApiError> {
    text.parse().map_err(|_| CaseError::NotFound.into())
}

/// A case, and who took it when.
#[utoipa::path(get, path = "/v1/cases/{id}", tag = "cases", security(("member_session" = [])),
    params(("id" = String, Path, description = "the case")),
    responses((status = 200, body = CaseHistoryView), ApiErrors))]
async fn find_case(
    State(context): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> ApiResult<CaseHistoryView> {
    let id = case_id(&id);
    let found = context.identity.read_as(who, Permission::WorkCases, move |tx, caller| {
        Ok(cases::find_case(tx, &caller.actor, id.clone()?)?)
    });
    Ok(Answer(CaseHistoryView::new(found.await?)))
}

/// Takes a case that is open, or that a colleague works, to work it oneself.
#[utoipa::path(post, path = "/v1/cases/{id}/take", tag = "cases", security(("member_session" = [])),
    params(("id" = String, Path, description = "the case")),
    responses((status = 200, body = CaseView), ApiErrors))]
async fn take_case(
    State(context): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> ApiResult<CaseView> {
    let id = case_id(&id);
    let taken = context.identity.write_as(who, Permission::WorkCases, move |tx, caller| {
        Ok(cases::take_case(tx, &caller.means, &caller.actor, id.clone()?)?)
    });
    Ok(Answer(taken.await?.into()))
}

/// How a case ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CaseOutcomeBody {
    /// `fraud`: somebody else did it; `genuine`: it was them after all; `unclear`: it could not be told.
    outcome: String,
    /// Why; kept with the case, and with the label of its payment.
    #[schema(min_length = 1, max_length = 140)]
    note: String,
}

impl CaseOutcomeBody {
    fn parse(&self) -> Result<(CaseOutcome, CaseNote), ApiError> {
        let mut problems = Problems::new();
        let named = outcome_named(&self.outcome).ok_or("must be `fraud`, `genuine` or `unclear`");
        let outcome = problems.take("outcome", named);
        let note = problems.take("note", CaseNote::parse(&self.note));
        match (outcome, note) {
            (Some(outcome), Some(note)) => Ok((outcome, note)),
            _ => Err(problems.into_error()),
        }
    }
}

/// Closes a case that the caller took, or that nobody has. Closed as `fraud` or `genuine`, it labels its payment so, where the caller may
/// label payments.
#[utoipa::path(post, path = "/v1/cases/{id}/close", tag = "cases", request_body = CaseOutcomeBody,
    params(("id" = String, Path, description = "the case")), security(("member_session" = [])),
    responses((status = 200, body = CaseView), ApiErrors))]
async fn close_case(
    State(context): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<CaseOutcomeBody>,
) -> ApiResult<CaseView> {
    let (id, (outcome, note)) = (case_id(&id), body.parse()?);
    let closed = context.identity.write_as(who, Permission::WorkCases, move |tx, caller| {
        let from = Origination::of(caller);
        let by = Closer { means: &caller.means, actor: &caller.actor, from: &from };
        close(tx, &by, id.clone()?, (outcome, &note))
    });
    Ok(Answer(closed.await?.into()))
}
