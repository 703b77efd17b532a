//! Approvals over HTTP: what waits for a second person, and their no. Their yes is the program's (`app/src/approvals.rs`),
//! since what it does belongs to several domains.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::ApprovalId;
use serde::Serialize;
use utoipa::ToSchema;
use webkit::error::{ApiError, ApiErrors, ApiResult};
use webkit::paging::List;

use super::gate::Bearer;
use crate::approvals::{self, Approval, ApprovalError};
use crate::context::Context;
use crate::permissions::Permission;
use crate::proposed::{Concerned, find_change};

/// What waits for a second person.
#[derive(Serialize, ToSchema)]
pub struct ApprovalView {
    /// The approval.
    id: String,
    /// `grant_roles`, `change_role`, `refund`, `change_limit`, `export_customers`, `key_ceremony`, `change_payout` or `reset_factors`.
    action: &'static str,
    /// To what, and with which values.
    subject: String,
    /// What it is, in short.
    summary: String,
    /// The address an invitation would go to, where that is what is asked and it waits; for those who decide it.
    invited: Option<String>,
    /// Who proposed it.
    proposed_by: String,
    /// Who decided it.
    decided_by: Option<String>,
    /// `waiting`, `approved`, `refused` or `used`.
    state: &'static str,
    /// When it was proposed, RFC 3339.
    created_at: String,
    /// When it was decided, RFC 3339.
    decided_at: Option<String>,
    /// Until when it can be decided, or carried out once it was approved, RFC 3339.
    expires_at: String,
}

/// Done only after a second person says yes. The operation says whether their yes does it, or the same request is to be
/// sent again then.
#[derive(Serialize, ToSchema)]
pub struct WaitingView {
    /// The approval that is waited for.
    pub approval: String,
    /// `waiting`.
    pub state: &'static str,
}

impl WaitingView {
    /// What waits for the approval `id`.
    pub fn new(id: ApprovalId) -> WaitingView {
        WaitingView { approval: id.to_string(), state: "waiting" }
    }
}

/// The answer to a request that waits for a second person: 202.
pub fn waiting(id: ApprovalId) -> Response {
    (StatusCode::ACCEPTED, Answer(WaitingView::new(id))).into_response()
}

/// What waits or may still be carried out: what the caller could decide, and what they proposed. Newest first.
#[utoipa::path(get, path = "/v1/approvals", tag = "approvals", security(("member_session" = [])),
    responses((status = 200, body = List<ApprovalView>), ApiErrors))]
pub async fn list_approvals(State(cx): State<Context>, who: Bearer) -> ApiResult<List<ApprovalView>> {
    let found = cx.read_as(who, Permission::ViewShop, |tx, caller| {
        caller.member()?;
        let list = approvals::list_approvals(tx, &caller.actor, caller.shop, caller.means.now)?;
        let mut views = Vec::with_capacity(list.len());
        for approval in list {
            let change = find_change(tx, caller.means.vault, &approval)?;
            let invited = match change.map(|change| change.concerned) {
                Some(Concerned::Invited(email)) => Some(email.expose().clone()),
                _ => None,
            };
            views.push(ApprovalView { invited, ..ApprovalView::from(approval) });
        }
        Ok(views)
    });
    Ok(Answer(List { data: found.await?, next_cursor: None }))
}

/// Says no to what a colleague proposed.
#[utoipa::path(post, path = "/v1/approvals/{id}/refuse", tag = "approvals", security(("member_session" = [])),
    params(("id" = String, Path, description = "the approval")),
    responses((status = 200, body = ApprovalView), ApiErrors))]
pub async fn refuse_proposal(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> ApiResult<ApprovalView> {
    let id = parse_approval(&id);
    let done = cx.write_as(who, Permission::Approve, move |tx, caller| {
        Ok(approvals::decide(
            tx,
            &caller.means,
            &caller.actor,
            (caller.shop, id.clone()?),
            approvals::Answer::No,
        )?)
    });
    Ok(Answer(done.await?.into()))
}

fn parse_approval(text: &str) -> Result<ApprovalId, ApiError> {
    text.parse().map_err(|_| ApprovalError::NotFound.into())
}

impl From<Approval> for ApprovalView {
    fn from(found: Approval) -> ApprovalView {
        ApprovalView {
            id: found.id.to_string(),
            action: found.action.name(),
            subject: found.subject,
            summary: found.summary,
            invited: None,
            proposed_by: found.proposer,
            decided_by: found.decider,
            state: found.state.name(),
            created_at: found.created.to_rfc3339(),
            decided_at: found.decided.map(|at| at.to_rfc3339()),
            expires_at: found.expires.to_rfc3339(),
        }
    }
}
