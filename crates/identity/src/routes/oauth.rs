//! The endpoints of OAuth: what apps' servers call (RFC 6749, 7009, 8414, 9126, 9449). The page on which a member decides is
//! in `desk/consent.rs`.
//!
//! Refusals have the form of those standards (`error`, `error_description`); what is not the app's fault, and being asked
//! too often, looks as everywhere else.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base::Timestamp;
use serde_json::json;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::jose::ALGORITHM_NAMES;

use super::gate::one_proof;
use crate::context::{Context, Fault};
use crate::limits::APP_REQUEST_SECONDS;
use crate::members::origin_of;
use crate::oauth::{
    self, App, Issued, Proof, ProofProblem, Proven, REQUEST_URI_PREFIX, Redeemed, Refusal, RefusalWord,
    SingleUse, assertion_subject, check_assertion, check_proof, find_active_app, from_scope, scope_of,
};
use crate::permissions::Permission;
use crate::token::{Token, TokenKind};

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const PUSH: &str = "/oauth/par";
const ISSUE: &str = "/oauth/token";
const REVOKE: &str = "/oauth/revoke";
/// Where a member decides.
pub(crate) const AUTHORIZE: &str = "/oauth/authorize";

/// The endpoints for apps.
pub fn router() -> Router<Context> {
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(describe_server))
        .route(PUSH, post(push_request))
        .route(ISSUE, post(issue_token))
        .route(REVOKE, post(revoke_token))
}

/// Why an endpoint gave nothing.
enum Problem {
    Refused { word: RefusalWord, text: String },
    Other(ApiError),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem::Refused { word: refusal.error, text: refusal.text.to_owned() }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Problem {
        Problem::Other(error)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        Problem::Other(fault.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Problem::Other(error) => error.into_response(),
            Problem::Refused { word, text } => {
                let status = match word {
                    RefusalWord::InvalidClient => StatusCode::UNAUTHORIZED,
                    _ => StatusCode::BAD_REQUEST,
                };
                answer(status, &json!({"error": word.name(), "error_description": text}))
            }
        }
    }
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    let unkept = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, unkept, Json(body)).into_response()
}

/// What this server is (RFC 8414).
async fn describe_server(State(cx): State<Context>) -> Response {
    let at = |path: &str| format!("{}{path}", cx.public_url);
    let scopes: Vec<String> = Permission::ALL
        .iter()
        .map(|permission| scope_of(*permission))
        .filter(|word| from_scope(word).is_some())
        .collect();
    Json(json!({
        "issuer": &*cx.public_url,
        "authorization_endpoint": at(AUTHORIZE),
        "pushed_authorization_request_endpoint": at(PUSH),
        "require_pushed_authorization_requests": true,
        "token_endpoint": at(ISSUE),
        "revocation_endpoint": at(REVOKE),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHM_NAMES,
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHM_NAMES,
        "dpop_signing_alg_values_supported": ALGORITHM_NAMES,
    }))
    .into_response()
}

/// A request of an app that proved who it is. Nothing of it was used up yet.
#[derive(Clone)]
struct Presented {
    app: App,
    assertion: SingleUse,
    proof: Option<Proof>,
    fields: BTreeMap<String, String>,
    now: Timestamp,
}

impl Presented {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn needed(&self, name: &str, text: &'static str) -> Result<&str, Refusal> {
        self.field(name).ok_or(Refusal::new(RefusalWord::InvalidRequest, text))
    }

    fn proven(&self) -> Result<&str, Refusal> {
        let proof = self.proof.as_ref().map(|proof| proof.thumbprint.as_str());
        proof.ok_or(Refusal::new(
            RefusalWord::InvalidProof,
            "the `dpop` field with a proof of the key is missing",
        ))
    }
}

/// Reads a request: its fields, which app it is of, and what it proved.
async fn read(cx: &Context, incoming: &Incoming, path: &str) -> Result<Presented, Problem> {
    let now = incoming.context.at;
    cx.app_calls.check(origin_of(incoming.context.remote).as_bytes(), now)?;
    let fields = read_fields(incoming)?;
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let unknown = |text: &str| Problem::Refused { word: RefusalWord::InvalidClient, text: text.to_owned() };
    if field("client_assertion_type") != ASSERTION_TYPE {
        return Err(unknown("prove the app with a signed `client_assertion` (private_key_jwt)"));
    }
    let assertion = field("client_assertion");
    let id =
        assertion_subject(assertion).ok_or_else(|| unknown("`sub` of the client assertion names no app"))?;
    if fields.get("client_id").is_some_and(|named| *named != id.to_string()) {
        return Err(unknown("`client_id` is not the app of the client assertion"));
    }
    let app = cx.db.read(move |tx| find_active_app(tx, id)).await?;
    let app = app.ok_or_else(|| unknown("there is no such app"))?;
    let assertion = check_assertion(assertion, app.id, &app.keys, &cx.public_url, now)
        .map_err(|problem| unknown(&problem.to_string()))?;
    let proof = read_proof(cx, incoming, path)?;
    Ok(Presented { app, assertion, proof, fields, now })
}

/// The fields of the form, each once; an empty one is as good as absent (RFC 6749 §3.1).
fn read_fields(incoming: &Incoming) -> Result<BTreeMap<String, String>, Problem> {
    let invalid = |text| Refusal::new(RefusalWord::InvalidRequest, text);
    let sent: Vec<(String, String)> =
        incoming.form().map_err(|_| invalid("send `application/x-www-form-urlencoded`"))?;
    let mut fields = BTreeMap::new();
    for (name, value) in sent.into_iter().filter(|(_, value)| !value.is_empty()) {
        if fields.insert(name, value).is_some() {
            return Err(invalid("send each parameter once").into());
        }
    }
    Ok(fields)
}

fn read_proof(cx: &Context, incoming: &Incoming, path: &str) -> Result<Option<Proof>, Problem> {
    let refused = |problem: ProofProblem| Problem::Refused {
        word: RefusalWord::InvalidProof,
        text: problem.to_string(),
    };
    let Some(text) = one_proof(&incoming.headers).map_err(refused)? else { return Ok(None) };
    let address = format!("{}{path}", cx.public_url);
    let method = incoming.method.as_str();
    let request = Proven { method, address: &address, token: None, now: incoming.context.at };
    check_proof(text, request).map(Some).map_err(refused)
}

/// Uses up what serves once, and asks again whether the app is still there: in the transaction of the work.
fn admit(tx: &mut Tx<'_>, shown: &Presented) -> Result<Result<(), Refusal>, Fault> {
    let shop = base::ScopedId::shop(&shown.app.id);
    if !oauth::use_up(tx, shop, &shown.assertion, shown.now)? {
        return Ok(Err(Refusal::new(RefusalWord::InvalidClient, "the client assertion was used before")));
    }
    if let Some(proof) = &shown.proof
        && !oauth::use_up(tx, shop, &proof.single, shown.now)?
    {
        return Ok(Err(Refusal::new(RefusalWord::InvalidProof, "the proof was used before")));
    }
    Ok(match find_active_app(tx, shown.app.id)? {
        Some(_) => Ok(()),
        None => Err(Refusal::new(RefusalWord::InvalidClient, "there is no such app")),
    })
}

/// Runs `work` for an app in one transaction. A refusal is kept too: what was used up stays used up.
async fn write<T: Send + 'static>(
    cx: &Context,
    shown: &Presented,
    mut work: impl FnMut(&mut Tx<'_>, &crate::context::Means<'_>, &Presented) -> Result<Result<T, Refusal>, Fault>
    + Send
    + 'static,
) -> Result<T, Problem> {
    let (held, shown) = (cx.clone(), shown.clone());
    let done = cx.db.write(move |tx| match admit(tx, &shown)? {
        Ok(()) => work(tx, &held.means(shown.now), &shown),
        Err(refusal) => Ok::<_, Fault>(Err(refusal)),
    });
    Ok(done.await??)
}

/// Takes what an app asks for, and gives a name for it that a browser may carry (RFC 9126).
async fn push_request(State(cx): State<Context>, incoming: Incoming) -> Result<Response, Problem> {
    let shown = read(&cx, &incoming, PUSH).await?;
    let token = write(&cx, &shown, |tx, means, shown| {
        let key = shown.proof.as_ref().map(|proof| proof.thumbprint.as_str());
        match oauth::read_request(&shown.app, &shown.fields, key) {
            Ok(request) => Ok(Ok(oauth::push_request(tx, means, &shown.app, &request)?)),
            Err(refusal) => Ok(Err(refusal)),
        }
    });
    let name = format!("{REQUEST_URI_PREFIX}{}", token.await?.secret().expose());
    Ok(answer(StatusCode::CREATED, &json!({"request_uri": name, "expires_in": APP_REQUEST_SECONDS})))
}

/// Trades a code or a refresh token for an access token.
async fn issue_token(State(cx): State<Context>, incoming: Incoming) -> Result<Response, Problem> {
    let shown = read(&cx, &incoming, ISSUE).await?;
    let issued = write(&cx, &shown, |tx, means, shown| {
        let key = match shown.proven() {
            Ok(key) => key,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match shown.field("grant_type") {
            Some("authorization_code") => redeem(tx, means, shown, key),
            Some("refresh_token") => refresh(tx, means, shown, key),
            _ => Ok(Err(Refusal::new(
                RefusalWord::UnsupportedGrant,
                "`grant_type` must be `authorization_code` or `refresh_token`",
            ))),
        }
    });
    let issued = issued.await?;
    let scope: Vec<String> = issued.permissions.iter().map(scope_of).collect();
    let mut body = json!({
        "access_token": issued.access.reveal().expose(),
        "token_type": "DPoP",
        "expires_in": issued.seconds,
        "scope": scope.join(" "),
    });
    if let (Some(token), Some(fields)) = (issued.refresh, body.as_object_mut()) {
        fields.insert("refresh_token".to_owned(), json!(token.secret().expose()));
    }
    Ok(answer(StatusCode::OK, &body))
}

type Traded = Result<Result<Issued, Refusal>, Fault>;

fn redeem(tx: &mut Tx<'_>, means: &crate::context::Means<'_>, shown: &Presented, proof_key: &str) -> Traded {
    let asked = || {
        let code = shown.needed("code", "`code` is missing")?;
        let redirect = shown.needed("redirect_uri", "`redirect_uri` is missing")?;
        let verifier = shown.needed("code_verifier", "`code_verifier` is missing")?;
        let unknown = Refusal::new(RefusalWord::InvalidGrant, "the code is none of ours");
        Ok((Token::parse(TokenKind::AppCode, code).ok_or(unknown)?, redirect, verifier))
    };
    match asked() {
        Ok((code, redirect, verifier)) => {
            oauth::redeem_code(tx, means, &shown.app, Redeemed { code: &code, redirect, verifier, proof_key })
        }
        Err(refusal) => Ok(Err(refusal)),
    }
}

fn refresh(tx: &mut Tx<'_>, means: &crate::context::Means<'_>, shown: &Presented, proof_key: &str) -> Traded {
    let text = match shown.needed("refresh_token", "`refresh_token` is missing") {
        Ok(text) => text,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match Token::parse(TokenKind::AppRefresh, text) {
        Some(token) => oauth::refresh(tx, means, &shown.app, (&token, shown.field("scope")), proof_key),
        None => Ok(Err(Refusal::new(RefusalWord::InvalidGrant, "the refresh token is none of ours"))),
    }
}

/// Revokes a token of the app's own (RFC 7009).
async fn revoke_token(State(cx): State<Context>, incoming: Incoming) -> Result<Response, Problem> {
    let shown = read(&cx, &incoming, REVOKE).await?;
    let revoked = write(&cx, &shown, |tx, means, shown| match shown.needed("token", "`token` is missing") {
        Ok(text) => Ok(Ok(oauth::revoke(tx, means, &shown.app, text)?)),
        Err(refusal) => Ok(Err(refusal)),
    });
    revoked.await?;
    Ok(answer(StatusCode::OK, &json!({})))
}
