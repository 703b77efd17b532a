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
use webkit::request::RequestContext;

use super::gate::{note_assertion, note_proof, one_proof};
use crate::context::{Context, Fault, Means};
use crate::limits::APP_REQUEST_SECONDS;
use crate::members::origin_of;
use crate::oauth::{
    self, App, AssertionProblem, Issued, Proof, ProofProblem, Proven, REQUEST_URI_PREFIX, Redeemed, Refusal,
    RefusalWord, SingleUse, assertion_subject, check_assertion, check_proof, find_active_app, from_scope,
    scope_of,
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

impl From<AssertionProblem> for Problem {
    fn from(problem: AssertionProblem) -> Problem {
        Problem::Refused { word: RefusalWord::InvalidClient, text: problem.to_string() }
    }
}

impl From<ProofProblem> for Problem {
    fn from(problem: ProofProblem) -> Problem {
        Problem::Refused { word: RefusalWord::InvalidProof, text: problem.to_string() }
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
    fields: Fields,
    context: RequestContext,
}

type Fields = BTreeMap<String, String>;

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

/// Reads a request: its fields, which app it is of, and what it proved. Requests of proven apps are counted by app, all
/// others by address, so that noise stops nobody but its sender.
async fn read(cx: &Context, incoming: &Incoming, path: &str) -> Result<Presented, Problem> {
    let (context, fields) = (incoming.context, read_fields(incoming)?);
    let named = assertion_subject(field_of(&fields, "client_assertion"));
    let app = match named {
        Some(id) => cx.db.read(move |tx| find_active_app(tx, id)).await?,
        None => None,
    };
    let (app, assertion) = match (check_app(cx, &fields, app.as_ref(), context.at), app) {
        (Ok(assertion), Some(app)) => (app, assertion),
        (found, app) => {
            let problem = found.err().unwrap_or(AssertionProblem::NoApp);
            note_assertion(cx, context.into(), app.map(|app| app.id), problem).await;
            cx.app_refusals.check(origin_of(context.remote).as_bytes(), context.at)?;
            return Err(problem.into());
        }
    };
    cx.app_calls.check(app.id.to_string().as_bytes(), context.at)?;
    match read_proof(cx, incoming, path) {
        Ok(proof) => Ok(Presented { app, assertion, proof, fields, context }),
        Err(problem) => {
            note_proof(cx, context.into(), app.id, problem).await;
            Err(problem.into())
        }
    }
}

fn field_of<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map(String::as_str).unwrap_or_default()
}

fn read_fields(incoming: &Incoming) -> Result<Fields, Problem> {
    let invalid = Refusal::new(RefusalWord::InvalidRequest, "send `application/x-www-form-urlencoded`");
    Ok(oauth::read_fields(incoming.form().map_err(|_| invalid)?)?)
}

/// Whether the assertion is `app`'s and for us.
fn check_app(
    cx: &Context,
    fields: &Fields,
    app: Option<&App>,
    now: Timestamp,
) -> Result<SingleUse, AssertionProblem> {
    let text = field_of(fields, "client_assertion");
    if field_of(fields, "client_assertion_type") != ASSERTION_TYPE || text.is_empty() {
        return Err(AssertionProblem::Missing);
    }
    let app = app.ok_or(AssertionProblem::NoApp)?;
    if fields.get("client_id").is_some_and(|named| *named != app.id.to_string()) {
        return Err(AssertionProblem::OtherApp);
    }
    check_assertion(text, app.id, &app.keys, &cx.public_url, now)
}

fn read_proof(cx: &Context, incoming: &Incoming, path: &str) -> Result<Option<Proof>, ProofProblem> {
    let Some(text) = one_proof(&incoming.headers)? else { return Ok(None) };
    let address = format!("{}{path}", cx.public_url);
    let method = incoming.method.as_str();
    let request = Proven { method, address: &address, token: None, now: incoming.context.at };
    check_proof(text, request).map(Some)
}

/// Why a request of a proven app came to nothing.
enum Stopped {
    Assertion(AssertionProblem),
    Proof(ProofProblem),
    Work(Refusal),
}

/// Uses up what serves once, and asks again whether the app is still there: in the transaction of the work.
fn admit(tx: &mut Tx<'_>, shown: &Presented) -> Result<Result<(), Stopped>, Fault> {
    let (shop, now) = (base::ScopedId::shop(&shown.app.id), shown.context.at);
    if !oauth::use_up(tx, shop, &shown.assertion, now)? {
        return Ok(Err(Stopped::Assertion(AssertionProblem::Used)));
    }
    if let Some(proof) = &shown.proof
        && !oauth::use_up(tx, shop, &proof.single, now)?
    {
        return Ok(Err(Stopped::Proof(ProofProblem::Used)));
    }
    Ok(match find_active_app(tx, shown.app.id)? {
        Some(_) => Ok(()),
        None => Err(Stopped::Assertion(AssertionProblem::NoApp)),
    })
}

/// What is done for an app. A refusal is a result, so that what was used up stays used up.
type Work<T> = fn(&mut Tx<'_>, &Means<'_>, &Presented) -> Result<Result<T, Refusal>, Fault>;

/// Runs `work` for an app in one transaction.
async fn write<T: Send + 'static>(cx: &Context, shown: &Presented, work: Work<T>) -> Result<T, Problem> {
    let done = match write_once(cx, shown, work).await {
        // Another node used the same things up between our look and our commit; it is seen now.
        Err(Fault::Store(store::Error::Conflict(_))) => write_once(cx, shown, work).await,
        other => other,
    };
    match done? {
        Ok(made) => Ok(made),
        Err(Stopped::Work(refusal)) => Err(refusal.into()),
        Err(Stopped::Assertion(problem)) => {
            note_assertion(cx, shown.context.into(), Some(shown.app.id), problem).await;
            Err(problem.into())
        }
        Err(Stopped::Proof(problem)) => {
            note_proof(cx, shown.context.into(), shown.app.id, problem).await;
            Err(problem.into())
        }
    }
}

async fn write_once<T: Send + 'static>(
    cx: &Context,
    shown: &Presented,
    work: Work<T>,
) -> Result<Result<T, Stopped>, Fault> {
    let (held, shown) = (cx.clone(), shown.clone());
    let run = move |tx: &mut Tx<'_>| match admit(tx, &shown)? {
        Ok(()) => Ok(work(tx, &held.means(shown.context.at), &shown)?.map_err(Stopped::Work)),
        Err(stopped) => Ok(Err(stopped)),
    };
    cx.db.write(run).await
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

fn redeem(tx: &mut Tx<'_>, means: &Means<'_>, shown: &Presented, proof_key: &str) -> Traded {
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

fn refresh(tx: &mut Tx<'_>, means: &Means<'_>, shown: &Presented, proof_key: &str) -> Traded {
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
