//! Roles over HTTP: the built-in ones, and those a shop makes itself.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::RoleId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};
use webkit::paging::List;

use super::approvals::{WaitingView, waiting};
use super::gate::Bearer;
use crate::approvals::Asked;
use crate::context::Context;
use crate::custom_roles::{self, CustomRole, NewRole, RoleError};
use crate::grants::Permissions;
use crate::permissions::{Permission, Role};
use crate::text::Label;

/// A role of the shop's own, as typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleBody {
    /// What to call it, 1 to 60 characters.
    #[schema(max_length = 60, example = "evening shift")]
    name: String,
    /// Names of permissions, as `GET /v1/roles` lists them; one or more, and none beyond your own.
    #[schema(example = json!(["view payments", "take payments"]))]
    permissions: Vec<String>,
}

/// A role.
#[derive(Serialize, ToSchema)]
pub struct RoleView {
    /// Its name, or its id where the shop made it: what members are given.
    id: String,
    /// What it is called.
    name: String,
    /// `true` for one that the shop made.
    custom: bool,
    /// What it allows.
    permissions: Vec<&'static str>,
}

/// The roles that members of the caller's shop can have: the built-in ones first.
#[utoipa::path(get, path = "/v1/roles", tag = "members", security(("member_session" = [])),
    responses((status = 200, body = List<RoleView>), ApiErrors))]
pub async fn list_roles(State(cx): State<Context>, who: Bearer) -> ApiResult<List<RoleView>> {
    let found = cx.read_as(who, Permission::ViewMembers, |tx, caller| {
        let own = custom_roles::list_custom_roles(tx, &caller.actor, caller.shop)?;
        let built_in =
            Role::ALL.iter().filter(|role| role.fits(caller.shop)).map(|role| RoleView::from(*role));
        Ok(built_in.chain(own.into_iter().map(RoleView::from)).collect())
    });
    Ok(Answer(List { data: found.await?, next_cursor: None }))
}

/// Makes a role of the shop's own.
#[utoipa::path(post, path = "/v1/roles", tag = "members", request_body = RoleBody, security(("member_session" = [])),
    responses((status = 201, body = RoleView), ApiErrors))]
pub async fn create_role(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<RoleBody>,
) -> Result<(StatusCode, Answer<RoleView>), ApiError> {
    let new = parse(&body)?;
    let made = cx.write_as(who, Permission::ManageRoles, move |tx, caller| {
        Ok(custom_roles::create_role(tx, &caller.means, &caller.actor, caller.shop, &new)?)
    });
    Ok((StatusCode::CREATED, Answer(made.await?.into())))
}

/// Changes a role, for its members with their next request. 202 where a second person must approve first.
#[utoipa::path(put, path = "/v1/roles/{id}", tag = "members", request_body = RoleBody,
    security(("member_session" = [])), params(("id" = String, Path, description = "the role")),
    responses((status = 204), (status = 202, body = WaitingView), ApiErrors))]
pub async fn update_role(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<RoleBody>,
) -> Result<Response, ApiError> {
    let (id, new) = (parse_role(&id), parse(&body)?);
    let asked = cx.write_as(who, Permission::ManageRoles, move |tx, caller| {
        Ok(custom_roles::update_role(tx, &caller.means, &caller.actor, caller.shop, id.clone()?, &new)?)
    });
    Ok(match asked.await? {
        Asked::Go => StatusCode::NO_CONTENT.into_response(),
        Asked::Wait(approval) => waiting(approval),
    })
}

/// Deletes a role that no member has.
#[utoipa::path(delete, path = "/v1/roles/{id}", tag = "members", security(("member_session" = [])),
    params(("id" = String, Path, description = "the role")), responses((status = 204), ApiErrors))]
pub async fn delete_role(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = parse_role(&id);
    cx.write_as(who, Permission::ManageRoles, move |tx, caller| {
        Ok(custom_roles::delete_role(tx, &caller.means, &caller.actor, caller.shop, id.clone()?)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(body: &RoleBody) -> Result<NewRole, ApiError> {
    let mut problems = Problems::new();
    let name = problems.take("name", Label::parse(&body.name));
    // The name is judged apart, so that both problems are reported.
    let spare = Label::from_agent("role");
    let new = problems.take("permissions", NewRole::new(name.unwrap_or(spare), &body.permissions));
    problems.check()?;
    new.ok_or_else(|| ApiError::internal("a role without problems was not made"))
}

fn parse_role(text: &str) -> Result<RoleId, ApiError> {
    text.parse().map_err(|_| RoleError::NotFound.into())
}

fn names(permissions: Permissions) -> Vec<&'static str> {
    permissions.iter().map(Permission::name).collect()
}

impl From<Role> for RoleView {
    fn from(role: Role) -> RoleView {
        let (id, name) = (role.name().to_owned(), role.name().to_owned());
        RoleView { id, name, custom: false, permissions: names(Permissions::of_roles(&[role])) }
    }
}

impl From<CustomRole> for RoleView {
    fn from(role: CustomRole) -> RoleView {
        let permissions = names(role.permissions);
        RoleView { id: role.id.to_string(), name: role.name, custom: true, permissions }
    }
}
