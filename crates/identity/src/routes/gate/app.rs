//! What an app shows: an access token, and a proof that it holds the key which the token is bound to (RFC 9449 §7).

use axum::http::{HeaderMap, header};
use base::Timestamp;
use webkit::error::ApiError;

use crate::context::Context;
use crate::oauth::{AccessToken, Proof, Proven, check_proof};

/// The field in which a proof comes.
pub(in crate::routes) const PROOF: &str = "dpop";

/// A token, and a proof that is right for this very request. Whether the key is the token's own is asked in the
/// transaction of the work.
#[derive(Debug)]
pub struct AppCall {
    /// The token.
    pub token: AccessToken,
    /// The proof.
    pub proof: Proof,
}

/// What of a request a proof must fit.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) at: Timestamp,
}

/// The call of an app; `None` where the request comes from somebody else.
///
/// # Errors
/// 401 for a token or proof that is not right.
pub(super) fn read_call(cx: &Context, asked: &Asked<'_>) -> Result<Option<AppCall>, ApiError> {
    let mut fields = asked.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return Ok(None) };
    let Some((scheme, text)) = field.to_str().ok().and_then(|field| field.split_once(' ')) else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case("dpop") {
        return Ok(None);
    }
    let token = AccessToken::parse(text).ok_or_else(|| refused("the access token is none of ours"))?;
    let proof =
        one_proof(asked.headers)?.ok_or_else(|| refused("the `dpop` field with the proof is missing"))?;
    let address = format!("{}{}", cx.public_url, asked.path);
    let request = Proven { method: asked.method, address: &address, token: Some(text), now: asked.at };
    let proof = check_proof(proof, request).map_err(|problem| refused(&problem.to_string()))?;
    Ok(Some(AppCall { token, proof }))
}

/// The proof of a request, where it has one.
///
/// # Errors
/// 401 where it has several.
pub(in crate::routes) fn one_proof(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut fields = headers.get_all(PROOF).iter();
    match (fields.next(), fields.next()) {
        (None, _) => Ok(None),
        (Some(field), None) => Ok(Some(field.to_str().unwrap_or_default())),
        (Some(_), Some(_)) => Err(refused("send one `dpop` field")),
    }
}

/// A call of an app that was refused. The text is about the request alone.
pub(super) fn refused(text: &str) -> ApiError {
    ApiError::unauthenticated(text.to_owned())
}
