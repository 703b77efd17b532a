//! Proofs that the caller holds a key, one for each request (DPoP, RFC 9449).

use aws_lc_rs::digest;
use base::Timestamp;
use serde::Deserialize;
use url::Url;
use webkit::jose::{JwsProblem, KeyProblem, read_head, read_signed};

use super::SingleUse;
use crate::limits::{APP_JTI_BYTES_MAX, APP_SKEW_SECONDS};
use crate::token::key_text;

/// What the request is that a proof was sent with.
#[derive(Clone, Copy, Debug)]
pub struct Proven<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its public address; what follows a `?` does not count.
    pub address: &'a str,
    /// The access token that was sent along.
    pub token: Option<&'a str>,
    /// When it came.
    pub now: Timestamp,
}

/// A proof that is right. It counts once it was used up; see [`super::use_up`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of the key.
    pub thumbprint: String,
    /// Serves once.
    pub single: SingleUse,
}

/// Why a proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofProblem {
    /// Not rightly signed.
    #[error("the proof was refused: {0}")]
    Jws(JwsProblem),
    /// The key in it is none we take.
    #[error("the key of the proof was refused: {0}")]
    Key(KeyProblem),
    /// For another method or address.
    #[error("the proof is for another request")]
    Request,
    /// For another access token, or none.
    #[error("the proof is for another access token")]
    Token,
    /// Made too long ago, or not yet.
    #[error("the proof was not made within {APP_SKEW_SECONDS} seconds of now")]
    Time,
    /// By another key than the one that the access token is bound to.
    #[error("the access token is bound to another key")]
    OtherKey,
    /// Used before.
    #[error("the proof was used before")]
    Used,
    /// None was sent.
    #[error("the `dpop` field with a proof of the key is missing")]
    Missing,
    /// More than one was sent.
    #[error("send one `dpop` field")]
    Several,
}

impl ProofProblem {
    /// A stable name for the audit log.
    pub fn reason(self) -> &'static str {
        match self {
            ProofProblem::Jws(JwsProblem::Signature) => "proof_wrong",
            ProofProblem::Jws(JwsProblem::Algorithm) => "proof_algorithm_wrong",
            ProofProblem::Jws(_) => "proof_malformed",
            ProofProblem::Key(_) => "proof_key_refused",
            ProofProblem::Request => "proof_for_another_request",
            ProofProblem::Token => "proof_for_another_token",
            ProofProblem::Time => "proof_clock_skew",
            ProofProblem::OtherKey => "proof_by_another_key",
            ProofProblem::Used => "proof_replayed",
            ProofProblem::Missing => "proof_missing",
            ProofProblem::Several => "proof_repeated",
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: Option<String>,
}

/// Checks a proof (RFC 9449 §4.3).
///
/// # Errors
/// [`ProofProblem`].
pub fn check_proof(text: &str, request: Proven<'_>) -> Result<Proof, ProofProblem> {
    let head = read_head(text).map_err(ProofProblem::Jws)?;
    let malformed = ProofProblem::Jws(JwsProblem::Malformed);
    if head.typ.as_deref() != Some("dpop+jwt") {
        return Err(malformed);
    }
    let key = head.key().map_err(ProofProblem::Key)?;
    if !head.fits(&key) {
        return Err(ProofProblem::Jws(JwsProblem::Algorithm));
    }
    let claims: Claims = read_signed(text, &key).map_err(ProofProblem::Jws)?;
    if claims.jti.is_empty() || claims.jti.len() > APP_JTI_BYTES_MAX {
        return Err(malformed);
    }
    if claims.htm != request.method || !is_same_place(&claims.htu, request.address) {
        return Err(ProofProblem::Request);
    }
    if claims.ath != request.token.map(hash_of) {
        return Err(ProofProblem::Token);
    }
    let now = request.now.millis().div_euclid(1000);
    if now.abs_diff(claims.iat) > APP_SKEW_SECONDS.unsigned_abs() {
        return Err(ProofProblem::Time);
    }
    let thumbprint = key.thumbprint();
    let made = Timestamp(claims.iat.saturating_mul(1000));
    let single = SingleUse {
        signer: format!("dpop:{thumbprint}"),
        id_hash: hash_of(&claims.jti),
        // One second more than it is taken: times within a second are one.
        forget_at: made.plus_seconds(APP_SKEW_SECONDS + 1),
    };
    Ok(Proof { thumbprint, single })
}

/// SHA-256 as the claim `ath` has it.
pub(super) fn hash_of(text: &str) -> String {
    key_text(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// Whether two addresses are one without what follows `?` and `#`, however they are written (RFC 3986 §6.2.2, §6.2.3).
fn is_same_place(one: &str, other: &str) -> bool {
    let place = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    match (place(one), place(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9449, figures 2 and 13, and the access token of the latter.
    const AT_TOKEN_ENDPOINT: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    const AT_RESOURCE: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    fn at_token_endpoint() -> Proven<'static> {
        let now = Timestamp(1_562_262_616_000);
        Proven { method: "POST", address: "https://server.example.com/token", token: None, now }
    }

    fn at_resource() -> Proven<'static> {
        Proven {
            method: "GET",
            address: "https://resource.example.org/protectedresource?page=2",
            token: Some(TOKEN),
            now: Timestamp(1_562_262_618_000),
        }
    }

    #[test]
    fn oi_2_the_proofs_of_the_standard_are_right() {
        for (text, request) in [(AT_TOKEN_ENDPOINT, at_token_endpoint()), (AT_RESOURCE, at_resource())] {
            assert_eq!(check_proof(text, request).unwrap().thumbprint, THUMBPRINT);
        }
    }

    #[test]
    fn oi_2_a_proof_for_another_request_or_token_is_refused() {
        let (good, resource) = (at_token_endpoint(), at_resource());
        let elsewhere = "https://server.example.com/revoke";
        for (text, request, problem) in [
            (AT_TOKEN_ENDPOINT, Proven { method: "GET", ..good }, ProofProblem::Request),
            (AT_TOKEN_ENDPOINT, Proven { method: "post", ..good }, ProofProblem::Request),
            (AT_TOKEN_ENDPOINT, Proven { address: elsewhere, ..good }, ProofProblem::Request),
            (
                AT_TOKEN_ENDPOINT,
                Proven { address: "http://server.example.com/token", ..good },
                ProofProblem::Request,
            ),
            (
                AT_TOKEN_ENDPOINT,
                Proven { address: "https://server.example.com:444/token", ..good },
                ProofProblem::Request,
            ),
            (AT_TOKEN_ENDPOINT, Proven { token: Some(TOKEN), ..good }, ProofProblem::Token),
            (AT_RESOURCE, Proven { token: None, ..resource }, ProofProblem::Token),
            (AT_RESOURCE, Proven { token: Some("another"), ..resource }, ProofProblem::Token),
        ] {
            assert_eq!(check_proof(text, request), Err(problem), "{request:?}");
        }
        let same = Proven { address: "HTTPS://SERVER.example.com:443/token#part", ..good };
        assert!(check_proof(AT_TOKEN_ENDPOINT, same).is_ok(), "written otherwise, and the same place");
    }

    #[test]
    fn oi_2_a_proof_is_taken_for_a_minute_either_way_and_no_longer() {
        let good = at_token_endpoint();
        for (seconds, is_right) in [(-61, false), (-60, true), (0, true), (60, true), (61, false)] {
            let found =
                check_proof(AT_TOKEN_ENDPOINT, Proven { now: good.now.plus_seconds(seconds), ..good });
            assert_eq!(found.is_ok(), is_right, "{seconds}");
            if let Ok(proof) = found {
                assert!(
                    proof.single.forget_at > good.now.plus_seconds(seconds),
                    "remembered while it is taken"
                );
            }
        }
    }

    #[test]
    fn jwt_1_a_proof_that_was_altered_is_refused() {
        let altered = AT_TOKEN_ENDPOINT.replace(".eyJ", ".eyK");
        assert!(check_proof(&altered, at_token_endpoint()).is_err());
        let (signed, _) = AT_TOKEN_ENDPOINT.rsplit_once('.').unwrap();
        let (_, other) = AT_RESOURCE.rsplit_once('.').unwrap();
        let swapped = check_proof(&format!("{signed}.{other}"), at_token_endpoint());
        assert_eq!(swapped, Err(ProofProblem::Jws(JwsProblem::Signature)));
        let unsigned = check_proof(&format!("{signed}."), at_token_endpoint());
        assert_eq!(unsigned, Err(ProofProblem::Jws(JwsProblem::Signature)));
    }
}
