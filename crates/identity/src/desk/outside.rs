//! Members who sign in with the operator's own provider: on the way there, and back.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::cookies::Cookie;
use webkit::error::ApiError;

use super::form::go;
use super::hall::Hall;
use super::sign_in::{HOME, first_step, show_problem};
use super::visit::{Visit, add_cookie, is_local, let_member_in, place, with_next};
use crate::outside::{
    Attempt, Provider, ProviderError, Request, Vouched, begin_outside, end_outside_sessions,
    find_outside_member, is_second_factor, open_outside_session, take_outside,
};
use crate::sign_in::FirstStep;
use crate::token::{Token, TokenKind};

/// The sign-in that this browser began.
const ATTEMPT: Cookie = Cookie::kept("tw_outside", 600);
/// Where the provider sends people back to.
const BACK: &str = "/sign-in/outside/back";
/// When the provider may say again that somebody signed out, where it could not be asked for its keys, seconds.
const LOGOUT_RETRY_SECONDS: u32 = 30;
/// Longest code of a provider, bytes.
const CODE_BYTES_MAX: usize = 2048;

fn provider(hall: &Hall) -> Result<Arc<Provider>, ApiError> {
    hall.identity.provider.clone().ok_or_else(|| ApiError::not_found("there is nothing at this address"))
}

/// Sends a member to the provider. A link of another site begins nothing: the provider may ask nothing, and then nobody
/// would have done anything to be signed in (ASVS 7.6.2).
pub(super) async fn begin(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let provider = provider(&hall)?;
    if webkit::cookies::comes_from_elsewhere(&headers) {
        return Ok(go(&with_next("/sign-in", &visit.next(""))));
    }
    visit.knock(&hall)?;
    let (cx, now, next) = (hall.identity.clone(), visit.now, visit.next(""));
    let begun = hall.db().write(move |tx| begin_outside(tx, &cx.means(now), &next));
    let attempt = begun.await.map_err(ApiError::from)?;
    let back = back_of(&hall);
    match provider.sign_in_url(request_of(&attempt, &back), visit.now).await {
        Ok(url) => {
            let location = HeaderValue::from_str(&url).map_err(ApiError::internal)?;
            let mut answer = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
            add_cookie(&mut answer, ATTEMPT.set(attempt.state.secret().expose(), visit.browser.secure));
            Ok(answer)
        }
        Err(problem) => Ok(away(&hall, &visit, &problem)),
    }
}

fn back_of(hall: &Hall) -> String {
    format!("{}{BACK}", hall.identity.public_url)
}

fn request_of<'a>(attempt: &'a Attempt, back: &'a str) -> Request<'a> {
    Request {
        redirect_url: back,
        state: attempt.state.secret().expose(),
        nonce: &attempt.nonce,
        verifier: &attempt.verifier,
    }
}

fn away(hall: &Hall, visit: &Visit, problem: &ProviderError) -> Response {
    tracing::warn!(%problem, "the provider for members failed");
    show_problem(hall, visit, StatusCode::BAD_GATEWAY, "sign-in-outside-away")
}

/// Takes a member back from the provider.
pub(super) async fn finish(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let provider = provider(&hall)?;
    visit.knock(&hall)?;
    let mut answer = match come_back(&hall, &visit, &headers, &provider).await? {
        Ok(answer) => answer,
        Err((status, key)) => show_problem(&hall, &visit, status, key),
    };
    add_cookie(&mut answer, ATTEMPT.clear(visit.browser.secure));
    Ok(answer)
}

/// What the provider posts when it signs somebody out. It may say more.
#[derive(Deserialize)]
pub(super) struct LogoutForm {
    logout_token: String,
}

/// Ends the sessions of somebody whom the provider signed out (OpenID Connect Back-Channel Logout 1.0). The provider's
/// server calls, and no browser: the signed token is the proof, so there is neither session nor form token.
pub(super) async fn end_sessions(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let provider = provider(&hall)?;
    visit.knock(&hall)?;
    let form: LogoutForm = incoming.form()?;
    let logout = match provider.read_logout(&form.logout_token, visit.now).await {
        Ok(logout) => logout,
        Err(ProviderError::Token(problem)) => {
            tracing::warn!(%problem, "a logout token was refused");
            return Err(ApiError::bad_field("logout_token", problem));
        }
        Err(problem) => return Err(ApiError::unavailable(LOGOUT_RETRY_SECONDS, problem)),
    };
    let (cx, now, issuer) = (hall.identity.clone(), visit.now, provider.settings().issuer.clone());
    let ended = hall.db().write(move |tx| end_outside_sessions(tx, &cx.means(now), &issuer, &logout));
    ended.await.map_err(|fault: crate::context::Fault| ApiError::from(fault))?;
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response())
}

type Refusal = (StatusCode, &'static str);
const FAILED: Refusal = (StatusCode::FORBIDDEN, "sign-in-outside-failed");
const STRANGER: Refusal = (StatusCode::FORBIDDEN, "sign-in-outside-stranger");
const AWAY: Refusal = (StatusCode::BAD_GATEWAY, "sign-in-outside-away");

async fn come_back(
    hall: &Hall,
    visit: &Visit,
    headers: &HeaderMap,
    provider: &Provider,
) -> Result<Result<Response, Refusal>, ApiError> {
    let began = ATTEMPT.find(headers, visit.browser.secure);
    let state = visit.query("state").filter(|state| began == Some(state.as_str()));
    let Some(state) = state.and_then(|state| Token::parse(TokenKind::OutsideState, &state)) else {
        return Ok(Err(FAILED));
    };
    let (cx, now, taken) = (hall.identity.clone(), visit.now, state.clone());
    let taken = hall.db().write(move |tx| take_outside(tx, &cx.means(now), &taken));
    let Some((next, began)) = taken.await.map_err(ApiError::from)? else { return Ok(Err(FAILED)) };
    // RFC 9207: where the provider names itself in the address, it is the one we asked.
    let issuer = provider.settings().issuer.clone();
    if visit.query("iss").is_some_and(|named| named != issuer) {
        return Ok(Err(FAILED));
    }
    let Some(code) = visit.query("code").filter(|code| code.len() <= CODE_BYTES_MAX) else {
        return Ok(Err(FAILED));
    };
    let (attempt, back) = (Attempt::of(&hall.identity.vault, state, began), back_of(hall));
    let claims = match provider.redeem(&code, request_of(&attempt, &back), visit.now).await {
        Ok(claims) => claims,
        Err(ProviderError::Token(problem)) => {
            tracing::warn!(%problem, "an ID token was refused");
            return Ok(Err(FAILED));
        }
        Err(problem) => {
            tracing::warn!(%problem, "the provider for members failed");
            return Ok(Err(AWAY));
        }
    };
    let proven = is_second_factor(provider.settings(), &claims);
    let (cx, from) = (hall.identity.clone(), place(visit));
    let opened = hall.db().write(move |tx| {
        let means = cx.means(now);
        let Some(member) = find_outside_member(tx, &means, &issuer, &claims)? else { return Ok(None) };
        let vouched = Vouched { issuer: &issuer, claims: &claims, proven };
        open_outside_session(tx, &means, member, &from, vouched)
    });
    let Some(step) = opened.await.map_err(|fault: crate::context::Fault| ApiError::from(fault))? else {
        return Ok(Err(STRANGER));
    };
    let next = if is_local(&next) { next.as_str() } else { HOME };
    Ok(Ok(let_in(visit, step, proven, next)))
}

/// Straight to work with a second factor of the provider's; else on as after a password.
fn let_in(visit: &Visit, step: FirstStep, proven: bool, next: &str) -> Response {
    match step {
        FirstStep::In(session) if proven => {
            let mut answer = go(next);
            let_member_in(&mut answer, visit, &session);
            answer
        }
        step => first_step(visit, step, next),
    }
}
