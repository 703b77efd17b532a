//! What an app shows: an access token, and a proof that it holds the key which the token is bound to (RFC 9449 §7).
//!
//! The token is looked up by a read before anything else: what opens nothing writes nothing, so that nobody without a token
//! and its key fills a table. Whether it still opens something is asked again in the transaction of the work.

use axum::http::{HeaderMap, header};
use base::{AppId, MemberId};
use webkit::error::ApiError;
use webkit::request::RequestContext;

use super::noting::note_proof;
use crate::context::Context;
use crate::members::origin_of;
use crate::oauth::{AccessToken, Holder, Proof, ProofProblem, Proven, check_proof, find_holder};

/// The field in which a proof comes.
const PROOF: &str = "dpop";

/// A token of an app, and a proof by the token's key that is right for this very request.
#[derive(Debug)]
pub struct AppCall {
    /// The token.
    pub token: AccessToken,
    /// The proof.
    pub proof: Proof,
    /// Whose token it is.
    pub app: AppId,
    /// For whom the app calls.
    pub member: MemberId,
}

/// What of a request a proof must fit.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) context: RequestContext,
}

/// Why the call of an app was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallProblem {
    /// The token is nobody's.
    #[error("the access token opens nothing, or no longer")]
    Token,
    /// The proof does not fit it.
    #[error(transparent)]
    Proof(ProofProblem),
}

impl From<CallProblem> for ApiError {
    fn from(problem: CallProblem) -> ApiError {
        let word = match problem {
            CallProblem::Token | CallProblem::Proof(ProofProblem::OtherKey) => "invalid_token",
            CallProblem::Proof(_) => "invalid_dpop_proof",
        };
        let error = ApiError::unauthenticated(problem.to_string()).challenging(word);
        match problem {
            CallProblem::Token => error,
            CallProblem::Proof(problem) => error.because(problem.reason()),
        }
    }
}

/// The call of an app; `None` where the request comes from somebody else.
///
/// # Errors
/// 401 for a token or proof that is not right; 429 in its place after too many from one address.
pub(super) async fn read_call(cx: &Context, asked: &Asked<'_>) -> Result<Option<AppCall>, ApiError> {
    let Some(text) = token_text(asked.headers) else { return Ok(None) };
    let (token, now) = (AccessToken::parse(text), asked.context.at);
    let holder = match token.clone() {
        Some(token) => cx.db.read(move |tx| find_holder(tx, &token, now)).await?,
        None => None,
    };
    let problem = match (token, holder) {
        (Some(token), Some(holder)) => match check_call(cx, asked, text, &holder) {
            Ok(proof) => return Ok(Some(AppCall { token, proof, app: holder.app, member: holder.member })),
            Err(problem) => {
                note_proof(cx, asked.context.into(), holder.app, problem).await;
                CallProblem::Proof(problem)
            }
        },
        _ => CallProblem::Token,
    };
    // Right calls are not counted: whatever else comes from their address, it stops none of them.
    cx.app_refusals.check(origin_of(asked.context.remote).as_bytes(), now)?;
    Err(problem.into())
}

/// The token of the scheme `DPoP`.
fn token_text(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    let (scheme, text) = field.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("dpop").then_some(text)
}

fn check_call(cx: &Context, asked: &Asked<'_>, token: &str, holder: &Holder) -> Result<Proof, ProofProblem> {
    let text = one_proof(asked.headers)?.ok_or(ProofProblem::Missing)?;
    let address = format!("{}{}", cx.public_url, asked.path);
    let (method, now) = (asked.method, asked.context.at);
    let proof = check_proof(text, Proven { method, address: &address, token: Some(token), now })?;
    if proof.thumbprint == holder.proof_key { Ok(proof) } else { Err(ProofProblem::OtherKey) }
}

/// The proof of a request, where it has one.
///
/// # Errors
/// [`ProofProblem::Several`].
pub(in crate::routes) fn one_proof(headers: &HeaderMap) -> Result<Option<&str>, ProofProblem> {
    let mut fields = headers.get_all(PROOF).iter();
    match (fields.next(), fields.next()) {
        (None, _) => Ok(None),
        (Some(field), None) => Ok(Some(field.to_str().unwrap_or_default())),
        (Some(_), Some(_)) => Err(ProofProblem::Several),
    }
}
