//! By what an app proves who it is: a token it signs for each request (RFC 7523 §3, `private_key_jwt`).

use base::{AppId, Timestamp};
use serde::Deserialize;
use webkit::jose::{JwsProblem, PublicKey, read_head, read_signed, read_unchecked};

use super::SingleUse;
use super::proof::hash_of;
use crate::limits::{APP_ASSERTION_SECONDS_MAX, APP_JTI_BYTES_MAX, APP_SKEW_SECONDS};

/// Why an assertion was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionProblem {
    /// Not rightly signed by a key of the app.
    #[error("the client assertion was refused: {0}")]
    Jws(JwsProblem),
    /// Of another app.
    #[error("`iss` and `sub` of the client assertion must both be the `client_id`")]
    Subject,
    /// Made for another server.
    #[error("`aud` of the client assertion must be the issuer, as one text")]
    Audience,
    /// Over, not begun, or good for too long.
    #[error(
        "the client assertion is over, not begun, or lives longer than {APP_ASSERTION_SECONDS_MAX} seconds"
    )]
    Time,
    /// Used before.
    #[error("the client assertion was used before")]
    Used,
    /// None was sent.
    #[error("prove the app with a signed `client_assertion` (private_key_jwt)")]
    Missing,
    /// Its app is not registered.
    #[error("there is no such app")]
    NoApp,
    /// Another app than the one that the request names.
    #[error("`client_id` is not the app of the client assertion")]
    OtherApp,
}

impl AssertionProblem {
    /// Whether the app signed it all the same, so that it is known who sent it, or from whom it was taken.
    pub fn is_signed(self) -> bool {
        match self {
            AssertionProblem::Subject
            | AssertionProblem::Audience
            | AssertionProblem::Time
            | AssertionProblem::Used => true,
            AssertionProblem::Jws(_)
            | AssertionProblem::Missing
            | AssertionProblem::NoApp
            | AssertionProblem::OtherApp => false,
        }
    }

    /// A stable name for the audit log.
    pub fn reason(self) -> &'static str {
        match self {
            AssertionProblem::Jws(JwsProblem::Signature) => "assertion_wrong",
            AssertionProblem::Jws(JwsProblem::Algorithm) => "assertion_algorithm_wrong",
            AssertionProblem::Jws(_) => "assertion_malformed",
            AssertionProblem::Subject => "assertion_subject_wrong",
            AssertionProblem::Audience => "assertion_audience_wrong",
            AssertionProblem::Time => "assertion_clock_skew",
            AssertionProblem::Used => "assertion_replayed",
            AssertionProblem::Missing => "assertion_missing",
            AssertionProblem::NoApp => "assertion_app_unknown",
            AssertionProblem::OtherApp => "assertion_app_other",
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    jti: String,
    exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
}

#[derive(Deserialize)]
struct Subject {
    sub: String,
}

/// The app that an assertion says it is of. Nothing was checked.
pub fn assertion_subject(text: &str) -> Option<AppId> {
    read_unchecked::<Subject>(text)?.sub.parse().ok()
}

/// Checks that `text` is an assertion of `app` for `issuer`, signed by one of `keys`.
///
/// # Errors
/// [`AssertionProblem`].
pub fn check_assertion(
    text: &str,
    app: AppId,
    keys: &[PublicKey],
    issuer: &str,
    now: Timestamp,
) -> Result<SingleUse, AssertionProblem> {
    let claims = read_claims(text, keys).map_err(AssertionProblem::Jws)?;
    let named = app.to_string();
    if claims.iss != named || claims.sub != named {
        return Err(AssertionProblem::Subject);
    }
    if claims.aud != issuer {
        return Err(AssertionProblem::Audience);
    }
    if claims.jti.is_empty() || claims.jti.len() > APP_JTI_BYTES_MAX {
        return Err(AssertionProblem::Jws(JwsProblem::Malformed));
    }
    let seconds = now.millis().div_euclid(1000);
    let (late, early) = (seconds.saturating_sub(APP_SKEW_SECONDS), seconds.saturating_add(APP_SKEW_SECONDS));
    let has_begun = [claims.iat, claims.nbf].into_iter().flatten().all(|begin| begin <= early);
    let ends_soon = claims.exp <= early.saturating_add(APP_ASSERTION_SECONDS_MAX);
    if !has_begun || !ends_soon || claims.exp <= late {
        return Err(AssertionProblem::Time);
    }
    let ends = Timestamp(claims.exp.saturating_mul(1000));
    let forget_at = ends.plus_seconds(APP_SKEW_SECONDS + 1);
    Ok(SingleUse { signer: named, id_hash: hash_of(&claims.jti), forget_at })
}

/// The claims, where one of the keys signed them: the one it names, or one for its algorithm.
fn read_claims(text: &str, keys: &[PublicKey]) -> Result<Claims, JwsProblem> {
    let head = read_head(text)?;
    let typed = head.typ.as_deref().is_none_or(|typ| {
        ["jwt", "client-authentication+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
    });
    if !typed {
        return Err(JwsProblem::Malformed);
    }
    let named =
        |key: &&PublicKey| head.kid.is_none() || key.name().is_none() || key.name() == head.kid.as_deref();
    let fitting = keys.iter().filter(|key| head.fits(key)).filter(named);
    let mut problem = JwsProblem::Algorithm;
    for key in fitting {
        match read_signed(text, key) {
            Ok(claims) => return Ok(claims),
            Err(found) => problem = found,
        }
    }
    Err(problem)
}
