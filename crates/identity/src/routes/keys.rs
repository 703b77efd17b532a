//! API keys over HTTP.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::ApiKeyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};
use webkit::paging::List;

use super::gate::Bearer;
use crate::api_keys::{self, ApiKey, ApiKeyError, ApiKeyProblem, NewApiKey};
use crate::context::Context;
use crate::permissions::{Permission, Role};
use crate::text::Label;

/// Makes an API key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKeyBody {
    /// What to call it, 1 to 60 characters.
    #[schema(max_length = 60, example = "till system")]
    label: String,
    /// `integration` (sell and refund), `decisions` (ask for decisions alone) or `detokenise` (keep and open customers' data).
    #[schema(example = "integration")]
    role: String,
    /// How many days it lives, 1 to 366; 365 without it.
    #[schema(minimum = 1, maximum = 366, default = 365)]
    days: Option<i64>,
}

/// An API key.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyView {
    /// The key; `keyid` of signatures.
    id: String,
    /// What the shop calls it.
    label: String,
    /// What it may do.
    role: &'static str,
    /// `active`, `suspended` or `revoked`.
    state: &'static str,
    /// When it was made, RFC 3339.
    created_at: String,
    /// When it ends by itself, RFC 3339. Every key has an end; absent for one that was made before that was so.
    expires_at: Option<String>,
    /// The last use, to the day, RFC 3339.
    used_at: Option<String>,
}

/// An API key that was just made.
#[derive(Serialize, ToSchema)]
pub struct NewApiKeyView {
    /// The key.
    key: ApiKeyView,
    /// The secret. The bytes of this text are the HMAC-SHA256 key. It is not shown again.
    secret: String,
}

/// Makes an API key of the caller's shop and shows its secret, once.
#[utoipa::path(post, path = "/v1/api_keys", tag = "API keys", request_body = NewApiKeyBody, security(("member_session" = [])),
    responses((status = 201, body = NewApiKeyView), ApiErrors))]
pub async fn create_api_key(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewApiKeyBody>,
) -> Result<(StatusCode, Answer<NewApiKeyView>), ApiError> {
    let mut problems = Problems::new();
    let label = problems.take("label", Label::parse(&body.label));
    let role = problems.take("role", Role::from_name(&body.role).ok_or(ApiKeyProblem::Role));
    let (Some(label), Some(role)) = (label, role) else { return Err(problems.into_error()) };
    let new = NewApiKey::new(label, role, body.days).map_err(|problem| match problem {
        ApiKeyProblem::Role => ApiError::bad_field("role", problem),
        ApiKeyProblem::Days => ApiError::bad_field("days", problem),
    })?;
    let (key, secret) = cx
        .write_as(who, Permission::ManageApiKeys, move |tx, caller| {
            Ok(api_keys::create_api_key(tx, &caller.means, &caller.actor, caller.shop, &new)?)
        })
        .await?;
    let view = NewApiKeyView { key: ApiKeyView::from(key), secret: secret.secret().expose().clone() };
    Ok((StatusCode::CREATED, Answer(view)))
}

/// The API keys of the caller's shop, newest first.
#[utoipa::path(get, path = "/v1/api_keys", tag = "API keys", security(("member_session" = [])),
    responses((status = 200, body = List<ApiKeyView>), ApiErrors))]
pub async fn list_api_keys(State(cx): State<Context>, who: Bearer) -> ApiResult<List<ApiKeyView>> {
    let found = cx.read_as(who, Permission::ManageApiKeys, |tx, caller| {
        Ok(api_keys::list_api_keys(tx, &caller.actor, caller.shop)?)
    });
    let data = found.await?.into_iter().map(ApiKeyView::from).collect();
    Ok(Answer(List { data, next_cursor: None }))
}

/// Revokes an API key, for good.
#[utoipa::path(delete, path = "/v1/api_keys/{id}", tag = "API keys", security(("member_session" = [])),
    params(("id" = String, Path, description = "the key")), responses((status = 204), ApiErrors))]
pub async fn delete_api_key(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: Result<ApiKeyId, ApiError> = id.parse().map_err(|_| ApiKeyError::NotFound.into());
    let ring = Arc::clone(&cx.keys);
    cx.write_as(who, Permission::ManageApiKeys, move |tx, caller| {
        let id = id.clone()?;
        Ok(api_keys::revoke_api_key(tx, &caller.means, &caller.actor, caller.shop, id, &ring)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ApiKey> for ApiKeyView {
    fn from(key: ApiKey) -> ApiKeyView {
        ApiKeyView {
            id: key.id.to_string(),
            label: key.label,
            role: key.role.name(),
            state: key.state.name(),
            created_at: key.created.to_rfc3339(),
            expires_at: key.expires.map(|at| at.to_rfc3339()),
            used_at: key.used.map(|at| at.to_rfc3339()),
        }
    }
}
