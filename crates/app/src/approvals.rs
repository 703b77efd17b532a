//! The yes of a second person, over HTTP and on the page: here and not with the domains, since what it does belongs to
//! several of them.
//!
//! Promises: decision and deed are one transaction; what cannot be done any more is not approved either.

use axum::Json as Answer;
use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::response::Response;
use axum::routing::post;
use base::{ApprovalId, ShopId};
use identity::approvals::{self, Approval, ApprovalAction, ApprovalError};
use identity::desk::{Button, Hall, Side, Visit, go, surround, write_as};
use identity::gate::Bearer;
use identity::routes::ApprovalView;
use identity::{Actor, Means, Permission, ceremonies};
use payments::routes::{Context, of_limit, of_refund};
use payments::{Origination, refund_limit, refund_proposal};
use store::Tx;
use tokens::By;
use tokens::routes::{of_limits, of_payout};
use tokens::{opening_limits, payout};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, ApiResult};

/// Where proposals wait.
const APPROVALS: &str = "/desk/approvals";

/// The operation.
pub fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::new().routes(routes!(approve_proposal))
}

/// The button of the page.
pub fn pages(context: Context, hall: &Hall) -> Router {
    let desk = Desk { context, hall: hall.clone() };
    let routes = Router::new().route("/desk/approvals/{id}/approve", post(approve));
    surround(routes, hall).with_state(desk)
}

/// What the handler of the page holds.
#[derive(Clone)]
struct Desk {
    context: Context,
    hall: Hall,
}

impl FromRef<Desk> for Hall {
    fn from_ref(desk: &Desk) -> Hall {
        desk.hall.clone()
    }
}

/// Says yes to what a colleague proposed. Refunds, limits, payout accounts and key ceremonies are done by it; anything else is done when
/// the colleague sends their request again.
#[utoipa::path(post, path = "/v1/approvals/{id}/approve", tag = "approvals", security(("member_session" = [])),
    params(("id" = String, Path, description = "the approval")),
    responses((status = 200, body = ApprovalView), ApiErrors))]
pub async fn approve_proposal(
    State(context): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> ApiResult<ApprovalView> {
    let id = id.parse().map_err(|_| ApprovalError::NotFound);
    let (identity, cx) = (context.identity.clone(), context);
    let done = identity.write_as(who, Permission::Approve, move |tx, caller| {
        let by = Approver { context: &cx, means: &caller.means, actor: &caller.actor };
        by.approve(tx, (caller.shop, id.clone()?), &Origination::of(caller))
    });
    Ok(Answer(done.await?.into()))
}

/// Says yes on the page. A proposal that a colleague decided a moment ago is shown as it stands.
async fn approve(
    State(desk): State<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: ApprovalId = id.parse().map_err(|_| ApiError::not_found("no such proposal"))?;
    let once = visit.read::<Button>(Side::Member, &incoming)?.once;
    let (cx, from) = (desk.context.clone(), Origination { address: visit.remote, place: None });
    let done = write_as(&desk.hall, &visit, Permission::Approve, once, vec![], move |tx, member| {
        let by = Approver { context: &cx, means: &member.means, actor: &member.actor };
        match by.approve(tx, (member.shop.id, id), &from) {
            Ok(_) => Ok((APPROVALS.to_owned(), ())),
            Err(error) if is_decided(&error) => Ok((APPROVALS.to_owned(), ())),
            Err(error) => Err(error),
        }
    });
    Ok(go(&done.await?.0))
}

fn is_decided(error: &ApiError) -> bool {
    error.code.name == ApiError::from(ApprovalError::Decided).code.name
}

/// A second person at work.
struct Approver<'a> {
    context: &'a Context,
    means: &'a Means<'a>,
    actor: &'a Actor,
}

impl Approver<'_> {
    fn approve(
        &self,
        tx: &mut Tx<'_>,
        (shop, id): (ShopId, ApprovalId),
        from: &Origination,
    ) -> Result<Approval, ApiError> {
        let approval = approvals::approve(tx, self.means, self.actor, shop, id)?;
        match self.carry_out(tx, &approval, from)? {
            true => Ok(approvals::finish(tx, self.means, self.actor, approval)?),
            false => Ok(approval),
        }
    }

    /// Does what was approved, where the yes does it. Whether it is done.
    fn carry_out(&self, tx: &mut Tx<'_>, approval: &Approval, from: &Origination) -> Result<bool, ApiError> {
        let (means, actor) = (self.means, self.actor);
        match approval.action {
            ApprovalAction::Refund => {
                let done = refund_proposal::carry_out(tx, means, actor, from, approval).map_err(of_refund)?;
                self.context.publish(tx, &done.1);
                Ok(true)
            }
            ApprovalAction::ChangeLimit if opening_limits::is_of_openings(approval) => {
                let by = By { actor, address: from.address, request: None };
                opening_limits::carry_out(tx, means, &by, approval).map_err(of_limits)?;
                Ok(true)
            }
            ApprovalAction::ChangeLimit => {
                refund_limit::carry_out(tx, means, actor, approval).map_err(of_limit)?;
                Ok(true)
            }
            ApprovalAction::ChangePayout => {
                let by = By { actor, address: from.address, request: None };
                payout::carry_out(tx, means, &by, approval).map_err(of_payout)?;
                Ok(true)
            }
            ApprovalAction::KeyCeremony => Ok(ceremonies::carry_out(tx, means, actor, approval)?),
            // The proposer sends the request again.
            ApprovalAction::GrantRoles
            | ApprovalAction::ChangeRole
            | ApprovalAction::ExportCustomers
            | ApprovalAction::ResetFactors => Ok(false),
        }
    }
}
