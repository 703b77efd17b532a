//! Entry points for fuzzers: what apps, and whoever poses as one, send. None may panic, and nothing is taken that is not for
//! us.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base::{AppId, Dice, ShopId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use webkit::body::parse_form;
use webkit::jose::{PublicKey, read_unchecked};

use super::{App, Proven, assertion_subject, check_assertion, check_proof, read_fields, read_request};
use crate::limits::APP_KEYS_MAX;
use crate::permissions::Permission;

const NOW: Timestamp = Timestamp(1_772_357_400_000);
const ISSUER: &str = "https://pay.example";
const ADDRESS: &str = "https://pay.example/oauth/token";
const BACK: &str = "https://books.example/back";
/// Where the id of the app stands in claims.
const APP: &str = "APP";

/// An app, with a key drawn once for each run.
static OURS: LazyLock<Option<(App, EcdsaKeyPair, String)>> = LazyLock::new(|| {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
    let (x, y) = key.public_key().as_ref().get(1..)?.split_at_checked(32)?;
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    let app = App {
        id: AppId::new(ShopId::HOUSE, NOW, &Dice::predictable_for_tests(1)),
        name: "Books".to_owned(),
        redirects: vec![BACK.to_owned()],
        keys: PublicKey::parse_all(&jwk, APP_KEYS_MAX).ok()?,
        permissions: [Permission::ViewPayments].into_iter().collect(),
        created: NOW,
    };
    Some((app, key, jwk))
});

/// A token with these claims whose signature is right.
fn signed(key: &EcdsaKeyPair, head: &str, claims: &[u8]) -> Option<String> {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(&SystemRandom::new(), text.as_bytes()).ok()?;
    Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
}

/// What claims say for whom and for what they are.
#[derive(Deserialize)]
struct Said {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<String>,
    htm: Option<String>,
}

fn said(token: &str) -> [Option<String>; 4] {
    read_unchecked::<Said>(token).map(|said| [said.iss, said.sub, said.aud, said.htm]).unwrap_or_default()
}

/// An assertion as it comes, which no key of ours has signed, and the same bytes as claims that one has: what is taken is of
/// the app and for us. Returns whether those claims were taken.
pub fn client_assertion(data: &[u8]) -> bool {
    let Some((app, key, _)) = &*OURS else { return false };
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = assertion_subject(text);
        assert!(
            check_assertion(text, app.id, &app.keys, ISSUER, NOW).is_err(),
            "a signature of chance is good"
        );
    }
    let id = app.id.to_string();
    let claims = String::from_utf8_lossy(data).replace(APP, &id);
    let Some(token) = signed(key, r#"{"alg":"ES256"}"#, claims.as_bytes()) else { return false };
    let taken = check_assertion(&token, app.id, &app.keys, ISSUER, NOW).is_ok();
    let ours = [Some(id.clone()), Some(id), Some(ISSUER.to_owned())];
    let is_ours = said(&token).iter().zip(&ours).all(|(said, ours)| said == ours);
    assert!(!taken || is_ours, "an assertion of another app or for another server");
    taken
}

/// A proof as it comes, which may be right since it brings its key, and the same bytes as claims that ours has signed: what is
/// taken is for this request. Returns whether those claims were taken.
pub fn dpop_proof(data: &[u8]) -> bool {
    let Some((_, key, jwk)) = &*OURS else { return false };
    let request = Proven { method: "POST", address: ADDRESS, token: None, now: NOW };
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(proof) = check_proof(text, request)
    {
        assert!(proof.single.forget_at > NOW, "remembered while it is taken");
    }
    let head = format!(r#"{{"alg":"ES256","typ":"dpop+jwt","jwk":{jwk}}}"#);
    let Some(token) = signed(key, &head, data) else { return false };
    let taken = check_proof(&token, request).is_ok();
    let [.., method] = said(&token);
    assert!(!taken || method.as_deref() == Some("POST"), "a proof for another method");
    taken
}

/// A pushed request: what is taken leads back to the app alone. Returns whether it was taken.
pub fn pushed_request(data: &[u8]) -> bool {
    let Some((app, ..)) = &*OURS else { return false };
    let Ok(sent) = parse_form::<Vec<(String, String)>>(data, "body") else { return false };
    let Ok(fields) = read_fields(sent) else { return false };
    let taken = read_request(app, &fields, None).is_ok();
    let is_back = fields.get("redirect_uri").is_some_and(|back| back == BACK);
    assert!(!taken || is_back, "a request that leads elsewhere");
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seeds lie beside the fuzzing program.
    macro_rules! seed {
        ($path:literal) => {
            include_bytes!(concat!("../../../../fuzz/seeds/", $path))
        };
    }

    #[test]
    fn jwt_1_what_fuzzers_start_from_is_taken_and_with_a_byte_less_is_not() {
        let assertion = seed!("client_assertion/claims");
        assert!(client_assertion(assertion) && !client_assertion(&assertion[1..]));
        let proof = seed!("dpop_proof/claims");
        assert!(dpop_proof(proof) && !dpop_proof(&proof[1..]));
        let pushed = seed!("pushed_request/good");
        assert!(pushed_request(pushed) && !pushed_request(&pushed[1..]));
    }
}
