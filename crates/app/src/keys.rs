//! Keys over HTTP, for whoever runs the installation: what keys there are, and rotations.
//!
//! Splitting a key is a ceremony at the machine (`tillward keys`).

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use identity::ceremonies::{Requested, request_destruction, request_rotation};
use identity::gate::Bearer;
use identity::routes::{WaitingView, waiting};
use identity::{Context, Permission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::inventory::{self, KeyFacts};
use vault::rotation;
use vault::{Level, Rotation};
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult};
use webkit::paging::List;

/// All operations on keys.
pub fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(list_keys))
        .routes(routes!(create_key_rotation, list_key_rotations))
        .routes(routes!(destroy_key))
}

/// A key of the tree, without the key.
#[derive(Serialize, ToSchema)]
pub struct KeyView {
    /// What it is for.
    purpose: &'static str,
    /// Who keeps it: `key source` or `program`.
    keeper: &'static str,
    /// How it is used.
    algorithm: &'static str,
    /// Its name in the key source, for a root key.
    name: Option<String>,
    /// Its version; 0 for the data keys, which are one line together.
    version: i64,
    /// `coming`, `active`, `retired` or `destroyed`.
    state: &'static str,
    /// When it was made, RFC 3339; of data keys the oldest.
    created_at: String,
    /// Days it is used before it is to be replaced.
    days_max: Option<i64>,
    /// Days left of them; negative once they are over.
    days_left: Option<i64>,
    /// The alarm that is due: 30, 14, 7 or 1 day before, 0 when its time is over.
    alarm_days: Option<i64>,
    /// When it was replaced, RFC 3339.
    retired_at: Option<String>,
    /// When it was destroyed, RFC 3339.
    destroyed_at: Option<String>,
    /// Keys that hang from it; of a seed that was replaced, the hashes that were last counted.
    uses: i64,
}

/// A rotation of one level of keys.
#[derive(Serialize, ToSchema)]
pub struct KeyRotationView {
    /// Its number.
    id: i64,
    /// `root`, `kek`, `data` or `seed`.
    level: &'static str,
    /// `preparing`, `running` or `done`.
    state: &'static str,
    /// The version that is replaced; 0 for data keys.
    from_version: i64,
    /// The version that replaces it; 0 until it is made, and for data keys.
    to_version: i64,
    /// Keys that were moved; for the seed, rows with hashes.
    done: i64,
    /// How many there were to move; 0 until they are counted.
    total: i64,
    /// What stopped the last step; it is tried again.
    problem: Option<String>,
    /// When it was started, RFC 3339.
    started_at: String,
    /// When it ended, RFC 3339.
    ended_at: Option<String>,
}

/// Starts a rotation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyRotationBody {
    /// `root`, `kek` (key-encryption keys), `data` (data keys) or `seed` (of the keys for PINs, blind indexes and codes).
    #[schema(example = "kek")]
    level: String,
}

/// The keys from the root down, with their age.
#[utoipa::path(get, path = "/v1/keys", tag = "Keys", security(("member_session" = [])),
    responses((status = 200, body = List<KeyView>), ApiErrors))]
pub async fn list_keys(State(cx): State<Context>, who: Bearer) -> ApiResult<List<KeyView>> {
    let found = cx.read_as(who, Permission::ManageKeys, |tx, caller| {
        let now = caller.means.now;
        let keys = inventory::list_keys(tx)?;
        Ok(keys.into_iter().map(|key| key_view(key, now)).collect())
    });
    Ok(Answer(List { data: found.await?, next_cursor: None }))
}

/// The rotations of keys, newest first.
#[utoipa::path(get, path = "/v1/keys/rotations", tag = "Keys", security(("member_session" = [])),
    responses((status = 200, body = List<KeyRotationView>), ApiErrors))]
pub async fn list_key_rotations(State(cx): State<Context>, who: Bearer) -> ApiResult<List<KeyRotationView>> {
    let found = cx.read_as(who, Permission::ManageKeys, |tx, _| {
        Ok(rotation::list_rotations(tx)?.into_iter().map(KeyRotationView::from).collect())
    });
    Ok(Answer(List { data: found.await?, next_cursor: None }))
}

/// Starts replacing a key. It goes on by itself while payments run; look at it with the list. Where the installation has
/// two operators, the root key waits for the yes of the second one, which starts it.
#[utoipa::path(post, path = "/v1/keys/rotations", tag = "Keys", request_body = NewKeyRotationBody,
    security(("member_session" = [])),
    responses((status = 201, body = KeyRotationView), (status = 202, body = WaitingView), ApiErrors))]
pub async fn create_key_rotation(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewKeyRotationBody>,
) -> Result<Response, ApiError> {
    let level = Level::from_name(&body.level);
    let level =
        level.ok_or_else(|| ApiError::bad_field("level", "must be `root`, `kek`, `data` or `seed`"))?;
    let asked = cx.write_as(who, Permission::ManageKeys, move |tx, caller| {
        Ok(request_rotation(tx, &caller.means, &caller.actor, level)?)
    });
    Ok(match asked.await? {
        Requested::Started(rotation) => {
            (StatusCode::CREATED, Answer(KeyRotationView::from(rotation))).into_response()
        }
        Requested::Waits(id) => waiting(id),
    })
}

/// Asks a second operator to let a replaced key be destroyed, from which nothing hangs any more. Their yes destroys it,
/// for good: a backup that needs it opens no more.
#[utoipa::path(post, path = "/v1/keys/{level}/{version}/destroy", tag = "Keys", security(("member_session" = [])),
    params(("level" = String, Path, description = "`root` or `kek`"),
    ("version" = i64, Path, description = "its version")),
    responses((status = 202, body = WaitingView), ApiErrors))]
pub async fn destroy_key(
    State(cx): State<Context>,
    who: Bearer,
    Path((level, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let key = Level::from_name(&level).zip(version.parse::<i64>().ok());
    let asked = cx.write_as(who, Permission::ManageKeys, move |tx, caller| {
        let key = key.ok_or_else(|| ApiError::not_found("there is no such key"))?;
        Ok(request_destruction(tx, &caller.means, &caller.actor, key)?)
    });
    Ok(waiting(asked.await?))
}

fn key_view(key: KeyFacts, now: base::Timestamp) -> KeyView {
    KeyView {
        days_left: key.days_left(now),
        alarm_days: key.alarm(now),
        purpose: key.purpose,
        keeper: key.keeper,
        algorithm: key.algorithm,
        name: key.name,
        version: key.version,
        state: key.state.name(),
        created_at: key.created.to_rfc3339(),
        days_max: key.days_max,
        retired_at: key.retired.map(base::Timestamp::to_rfc3339),
        destroyed_at: key.destroyed.map(base::Timestamp::to_rfc3339),
        uses: key.uses,
    }
}

impl From<Rotation> for KeyRotationView {
    fn from(rotation: Rotation) -> KeyRotationView {
        KeyRotationView {
            id: rotation.id,
            level: rotation.level.name(),
            state: rotation.state.name(),
            from_version: rotation.from_version,
            to_version: rotation.to_version,
            done: rotation.done,
            total: rotation.total,
            problem: rotation.problem,
            started_at: rotation.started.to_rfc3339(),
            ended_at: rotation.ended.map(base::Timestamp::to_rfc3339),
        }
    }
}
