//! Entry points for fuzzers: what the operator's own provider answers. None may panic, and nobody comes in by it.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::JwkSet;

use super::super::id_token::{ALGORITHMS, Expected, check};

const NOW: Timestamp = Timestamp(1_772_357_400_000);
const HEADER: &str = "{\"alg\":\"ES256\"}";

/// A provider's key, drawn once for each run, and the set that shows it.
static SIGNER: LazyLock<Option<(EcdsaKeyPair, JwkSet)>> = LazyLock::new(|| {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
    let point = key.public_key().as_ref().get(1..)?;
    let (x, y) = point.split_at_checked(32)?;
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let keys = format!("{{\"keys\":[{{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"{x}\",\"y\":\"{y}\"}}]}}");
    let keys = serde_json::from_str(&keys).ok()?;
    Some((key, keys))
});

/// The first line is a set of keys, the rest an ID token that none of ours has signed: it is never good by ours, and by
/// the set's own keys only for this sign-in.
pub fn id_token(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (keys, token) = data.split_at(at);
    let Ok(token) = std::str::from_utf8(token.get(1..).unwrap_or_default()) else { return };
    if let Ok(keys) = serde_json::from_slice::<JwkSet>(keys) {
        let _ = check(token, &keys, expected(&every_algorithm()));
    }
    if let Some((_, ours)) = &*SIGNER {
        assert!(check(token, ours, expected(&every_algorithm())).is_err(), "a signature of chance is good");
    }
}

/// The claims of a token whose signature is right: whoever comes in by them has a name, and the token says our issuer and
/// this sign-in.
pub fn id_claims(data: &[u8]) {
    let Some((key, keys)) = &*SIGNER else { return };
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(data));
    let Ok(signature) = key.sign(&SystemRandom::new(), text.as_bytes()) else { return };
    let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
    if let Ok(claims) = check(&token, keys, expected(&every_algorithm())) {
        assert!(!claims.subject.is_empty(), "somebody without a name");
        let said: Option<serde_json::Value> = serde_json::from_slice(data).ok();
        // What nobody reads of the claims may be broken, such as half a letter in an unknown field.
        let has = |name: &str, value: &str| said.as_ref().is_none_or(|said| said[name] == value);
        assert!(has("iss", "https://id.example") && has("nonce", "n-1"), "a token of another sign-in");
    }
}

fn every_algorithm() -> Vec<Algorithm> {
    ALGORITHMS.iter().map(|(algorithm, _)| *algorithm).collect()
}

fn expected(algorithms: &[Algorithm]) -> Expected<'_> {
    Expected { issuer: "https://id.example", client_id: "shop", nonce: "n-1", algorithms, now: NOW }
}
