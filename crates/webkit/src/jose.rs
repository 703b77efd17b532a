//! Signed tokens that others bring (JWS, RFC 7515, RFC 8725) and the public keys that sign them (JWK, RFC 7517, RFC 7638).
//!
//! Promises: three algorithms, all with public keys; which one it is follows from the key and never from the token alone;
//! a key that shows private parts is refused; what a token calls critical is not understood and refused.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};

use crate::limits::{JWK_NAME_CHARS_MAX, JWS_BYTES_MAX, RSA_BYTES_MAX, RSA_BYTES_MIN};

/// What may sign, as the standards name it. The last two are one: RFC 9864 gives EdDSA over Ed25519 a name of its own.
pub const ALGORITHM_NAMES: [&str; 4] = ["ES256", "PS256", "EdDSA", "Ed25519"];
/// Members of a JWK that only its owner may know.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Bytes of a coordinate of P-256 and of a key of Ed25519.
const POINT_BYTES: usize = 32;

/// Why a key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Not a JWK.
    #[error("a key is not a JWK (RFC 7517)")]
    Malformed,
    /// Its private part was shown, so it is nobody's secret any more.
    #[error("a key shows its private part; make a new one and keep that part")]
    Private,
    /// Another kind.
    #[error("a key must be for ES256 (P-256), PS256 (RSA) or EdDSA (Ed25519), to sign")]
    Kind,
    /// An RSA key that is too short, or longer than is of use.
    #[error("an RSA key has 2048 to 4096 bits")]
    Size,
}

/// Why a signed token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsProblem {
    /// Longer than any we take.
    #[error("it has more than {JWS_BYTES_MAX} bytes")]
    TooLong,
    /// Not a signed token of the wanted kind.
    #[error("it is malformed")]
    Malformed,
    /// Another algorithm, as `none` or one with a secret, or not the key's.
    #[error("its algorithm is not taken, or not its key's")]
    Algorithm,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
}

/// A public key that may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The required members alone, in the order of RFC 7638 §3.2.
    required: String,
    algorithm: Algorithm,
    name: Option<String>,
}

impl PublicKey {
    /// Reads a JWK.
    ///
    /// # Errors
    /// [`KeyProblem`].
    pub fn parse(value: &Value) -> Result<PublicKey, KeyProblem> {
        let members = value.as_object().ok_or(KeyProblem::Malformed)?;
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(KeyProblem::Private);
        }
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let (algorithm, required) = required_members(members)?;
        let fits = text("alg").is_none_or(|alg| is_name_of(alg, algorithm));
        if !fits || text("use").is_some_and(|purpose| purpose != "sig") {
            return Err(KeyProblem::Kind);
        }
        let name = text("kid").map(str::to_owned);
        if name.as_ref().is_some_and(|name| name.chars().count() > JWK_NAME_CHARS_MAX) {
            return Err(KeyProblem::Malformed);
        }
        let key = PublicKey { required, algorithm, name };
        key.decoding_key().ok_or(KeyProblem::Malformed)?;
        Ok(key)
    }

    /// By what the key is known (RFC 7638, SHA-256).
    pub fn thumbprint(&self) -> String {
        key_text(digest::digest(&digest::SHA256, self.required.as_bytes()).as_ref())
    }

    /// The name that its owner gave it.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The algorithm, as the standards name it.
    pub fn algorithm(&self) -> &'static str {
        name_of(self.algorithm)
    }

    /// Reads a JWK, a list of them or a set (RFC 7517 §5), of 1 to `keys_max`.
    ///
    /// # Errors
    /// [`KeyProblem`].
    pub fn parse_all(text: &str, keys_max: usize) -> Result<Vec<PublicKey>, KeyProblem> {
        let value: Value = serde_json::from_str(text).map_err(|_| KeyProblem::Malformed)?;
        let all = match &value {
            Value::Array(all) => all.as_slice(),
            Value::Object(members) => match members.get("keys") {
                Some(Value::Array(all)) => all.as_slice(),
                Some(_) => return Err(KeyProblem::Malformed),
                None => std::slice::from_ref(&value),
            },
            _ => return Err(KeyProblem::Malformed),
        };
        if all.is_empty() || all.len() > keys_max {
            return Err(KeyProblem::Malformed);
        }
        all.iter().map(PublicKey::parse).collect()
    }

    /// Keys as a JSON list, which [`PublicKey::parse_all`] reads.
    pub fn text_of(keys: &[PublicKey]) -> String {
        Value::Array(keys.iter().map(PublicKey::to_value).collect()).to_string()
    }

    /// The public members and the name, as a JWK.
    fn to_value(&self) -> Value {
        let mut value: Value = serde_json::from_str(&self.required).unwrap_or_default();
        if let (Some(members), Some(name)) = (value.as_object_mut(), &self.name) {
            members.insert("kid".to_owned(), Value::String(name.clone()));
        }
        value
    }

    fn decoding_key(&self) -> Option<DecodingKey> {
        let jwk: Jwk = serde_json::from_str(&self.required).ok()?;
        DecodingKey::from_jwk(&jwk).ok()
    }
}

fn is_name_of(name: &str, algorithm: Algorithm) -> bool {
    name == name_of(algorithm) || (algorithm == Algorithm::EdDSA && name == "Ed25519")
}

fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::PS256 => "PS256",
        Algorithm::EdDSA => "EdDSA",
        _ => "ES256",
    }
}

/// What a key signs with, and its required members in the order of their names. Each is decoded first, so that one key
/// has one text.
fn required_members(members: &Map<String, Value>) -> Result<(Algorithm, String), KeyProblem> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let bytes = |name: &str| {
        let decoded = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        decoded.ok_or(KeyProblem::Malformed)
    };
    let point = |name: &str| {
        let decoded = bytes(name)?;
        if decoded.len() == POINT_BYTES { Ok(key_text(&decoded)) } else { Err(KeyProblem::Malformed) }
    };
    let mut out = String::new();
    let algorithm = match (text("kty"), text("crv")) {
        (Some("EC"), Some("P-256")) => {
            let _ =
                write!(out, r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, point("x")?, point("y")?);
            Algorithm::ES256
        }
        (Some("OKP"), Some("Ed25519")) => {
            let _ = write!(out, r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, point("x")?);
            Algorithm::EdDSA
        }
        (Some("RSA"), _) => {
            let (exponent, modulus) = (bytes("e")?, bytes("n")?);
            let is_whole = modulus.first().is_some_and(|first| *first >= 0x80);
            if !is_whole || !(RSA_BYTES_MIN..=RSA_BYTES_MAX).contains(&modulus.len()) {
                return Err(KeyProblem::Size);
            }
            let _ =
                write!(out, r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, key_text(&exponent), key_text(&modulus));
            Algorithm::PS256
        }
        _ => return Err(KeyProblem::Kind),
    };
    Ok((algorithm, out))
}

fn key_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The head of a signed token. Nothing in it counts before the signature was found right.
#[derive(Deserialize)]
pub struct Head {
    alg: String,
    /// What kind of token it says it is.
    pub typ: Option<String>,
    /// The name of the key.
    pub kid: Option<String>,
    jwk: Option<Value>,
    crit: Option<IgnoredAny>,
}

/// Reads the head.
///
/// # Errors
/// [`JwsProblem`].
pub fn read_head(token: &str) -> Result<Head, JwsProblem> {
    if token.len() > JWS_BYTES_MAX {
        return Err(JwsProblem::TooLong);
    }
    let (head, _) = token.split_once('.').ok_or(JwsProblem::Malformed)?;
    let head = URL_SAFE_NO_PAD.decode(head).map_err(|_| JwsProblem::Malformed)?;
    let head: Head = serde_json::from_slice(&head).map_err(|_| JwsProblem::Malformed)?;
    if !ALGORITHM_NAMES.contains(&head.alg.as_str()) {
        return Err(JwsProblem::Algorithm);
    }
    if head.crit.is_some() {
        return Err(JwsProblem::Malformed);
    }
    Ok(head)
}

impl Head {
    /// The key that the token brings along.
    ///
    /// # Errors
    /// [`KeyProblem`]; without one it is malformed.
    pub fn key(&self) -> Result<PublicKey, KeyProblem> {
        PublicKey::parse(self.jwk.as_ref().ok_or(KeyProblem::Malformed)?)
    }

    /// Whether `key` can have signed it.
    pub fn fits(&self, key: &PublicKey) -> bool {
        is_name_of(&self.alg, key.algorithm)
    }
}

/// What a token says of itself, before anything was checked: enough to look up whose it may be.
pub fn read_unchecked<T: DeserializeOwned>(token: &str) -> Option<T> {
    let claims = token.split('.').nth(1).filter(|_| token.len() <= JWS_BYTES_MAX)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// What a token says that `key` signed. Times and names are the caller's to look at.
///
/// # Errors
/// [`JwsProblem`].
pub fn read_signed<T: DeserializeOwned>(token: &str, key: &PublicKey) -> Result<T, JwsProblem> {
    if key.algorithm == Algorithm::EdDSA {
        return read_ed25519(token, key);
    }
    let decoding = key.decoding_key().ok_or(JwsProblem::Algorithm)?;
    let mut signature_alone = Validation::new(key.algorithm);
    signature_alone.required_spec_claims.clear();
    (signature_alone.validate_exp, signature_alone.validate_nbf, signature_alone.validate_aud) =
        (false, false, false);
    let read = decode::<T>(token, &decoding, &signature_alone).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::Json(_) => JwsProblem::Malformed,
        jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => JwsProblem::Algorithm,
        _ => JwsProblem::Signature,
    })?;
    Ok(read.claims)
}

/// As [`read_signed`], for a key of Ed25519: under its newer name the head is none that the other reader knows.
fn read_ed25519<T: DeserializeOwned>(token: &str, key: &PublicKey) -> Result<T, JwsProblem> {
    if !read_head(token)?.fits(key) {
        return Err(JwsProblem::Algorithm);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JwsProblem::Malformed)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwsProblem::Malformed)?;
    let members = key.to_value();
    let point = members.get("x").and_then(Value::as_str).and_then(|x| URL_SAFE_NO_PAD.decode(x).ok());
    let public = UnparsedPublicKey::new(&ED25519, point.unwrap_or_default());
    public.verify(signed.as_bytes(), &signature).map_err(|_| JwsProblem::Signature)?;
    let (_, claims) = signed.split_once('.').ok_or(JwsProblem::Malformed)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| JwsProblem::Malformed)?;
    serde_json::from_slice(&claims).map_err(|_| JwsProblem::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn oi_2_the_thumbprint_is_that_of_the_standards() {
        // RFC 9449, section 6.1 (P-256).
        let key = PublicKey::parse(&json!({"kty": "EC", "crv": "P-256",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}));
        assert_eq!(key.unwrap().thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        // RFC 8037, appendix A.3 (Ed25519).
        let key = PublicKey::parse(&json!({"kty": "OKP", "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}));
        assert_eq!(key.unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        // RFC 7638, section 3.1 (RSA).
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let key = PublicKey::parse(&json!({"kty": "RSA", "e": "AQAB", "n": modulus}));
        assert_eq!(key.unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn oi_2_keys_of_other_kinds_short_ones_and_private_ones_are_refused() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for (key, problem) in [
            (json!("text"), KeyProblem::Malformed),
            (json!({"kty": "oct", "k": "c2VjcmV0"}), KeyProblem::Private),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x}), KeyProblem::Private),
            (json!({"kty": "OKP", "crv": "X25519", "x": x}), KeyProblem::Kind),
            (json!({"kty": "EC", "crv": "P-384", "x": x, "y": x}), KeyProblem::Kind),
            (json!({"kty": "EC", "crv": "P-256", "x": x}), KeyProblem::Malformed),
            (json!({"kty": "EC", "crv": "P-256", "x": x, "y": "AA"}), KeyProblem::Malformed),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "enc"}), KeyProblem::Kind),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "HS256"}), KeyProblem::Kind),
            (json!({"kty": "RSA", "e": "AQAB", "n": key_text(&[0x80; 255])}), KeyProblem::Size),
            (json!({"kty": "RSA", "e": "AQAB", "n": key_text(&[0x80; 513])}), KeyProblem::Size),
            (json!({"kty": "RSA", "e": "AQAB", "n": key_text(&[0x7f; 256])}), KeyProblem::Size),
        ] {
            assert_eq!(PublicKey::parse(&key), Err(problem), "{key}");
        }
        for bytes in [RSA_BYTES_MIN, RSA_BYTES_MAX] {
            let key = json!({"kty": "RSA", "e": "AQAB", "n": key_text(&vec![0x80; bytes])});
            assert!(PublicKey::parse(&key).is_ok(), "{bytes}");
        }
    }

    #[test]
    fn oi_2_the_signature_of_the_standard_over_ed25519_is_right() {
        // RFC 8037, appendix A.4. What is signed there is a sentence, so a right signature ends at the claims.
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "alg": "Ed25519"});
        let key = PublicKey::parse(&key).unwrap();
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature =
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let read = |token: &str| read_signed::<Value>(token, &key).unwrap_err();
        assert_eq!(read(&format!("{signed}.{signature}")), JwsProblem::Malformed);
        assert_eq!(read(&format!("{signed}.{}", signature.replace('h', "i"))), JwsProblem::Signature);
        assert_eq!(read(&format!("{}.{signature}", signed.replace("RXh", "RXi"))), JwsProblem::Signature);
        assert_eq!(read(&format!("{signed}.")), JwsProblem::Signature);
        let other = format!("{}.e30.{signature}", key_text(br#"{"alg":"ES256"}"#));
        assert_eq!(read(&other), JwsProblem::Algorithm);
    }

    #[test]
    fn jwt_1_none_secrets_and_critical_words_do_not_pass_the_head() {
        let token = |head: Value| format!("{}.e30.c2ln", key_text(head.to_string().as_bytes()));
        for alg in ["none", "None", "HS256", "RS256", "ES384", "Ed448", ""] {
            let found = read_head(&token(json!({"alg": alg}))).err();
            assert_eq!(found, Some(JwsProblem::Algorithm), "{alg}");
        }
        let critical = token(json!({"alg": "ES256", "crit": ["b64"], "b64": false}));
        assert_eq!(read_head(&critical).err(), Some(JwsProblem::Malformed));
        for bad in ["", "a", "a.b", "\u{e9}.b.c"] {
            assert_eq!(read_head(bad).err(), Some(JwsProblem::Malformed), "{bad:?}");
        }
        let long = format!("{}.", "a".repeat(JWS_BYTES_MAX));
        assert_eq!(read_head(&long).err(), Some(JwsProblem::TooLong));
    }
}
