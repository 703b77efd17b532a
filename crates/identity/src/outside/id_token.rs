//! ID tokens of a provider (OpenID Connect Core §3.1.3.7, RFC 8725).
//!
//! Promises: only signatures with a public key count, by an algorithm on our list and the provider's; the key is the
//! provider's own, found by its name, never one the token brings along; issuer, audience, nonce and times are all asked
//! for. A token that is refused says nothing of why to the outside.

use std::collections::BTreeMap;

use base::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::limits::{ID_TOKEN_AGE_SECONDS_MAX, ID_TOKEN_BYTES_MAX, ID_TOKEN_SKEW_SECONDS};

/// What may have signed an ID token: asymmetric, and of today. `none` and the HMAC family are not here, so a public key
/// can never pass for a secret.
pub(crate) const ALGORITHMS: [(Algorithm, &str); 6] = [
    (Algorithm::RS256, "RS256"),
    (Algorithm::PS256, "PS256"),
    (Algorithm::PS384, "PS384"),
    (Algorithm::ES256, "ES256"),
    (Algorithm::ES384, "ES384"),
    (Algorithm::EdDSA, "EdDSA"),
];

/// What a token must match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) algorithms: &'a [Algorithm],
    pub(crate) now: Timestamp,
}

/// What is read in a token that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who, to the provider: unique and never given to another.
    pub subject: String,
    /// Their address, where the provider has verified it.
    pub verified_email: Option<String>,
    /// How they signed in: `acr`, then each of `amr`.
    pub methods: Vec<String>,
    /// The provider's name for the session (`sid`).
    pub session: Option<String>,
    /// When they signed in there (`auth_time`).
    pub authenticated: Option<Timestamp>,
}

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// Longer than any we take.
    #[error("the ID token has more than {ID_TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Not a signed token, or one of another type.
    #[error("the ID token is malformed")]
    Malformed,
    /// Another algorithm, as `none` or one with a secret.
    #[error("the ID token is signed by an algorithm that is not taken")]
    Algorithm,
    /// The provider has no such key; it may have a new one.
    #[error("the ID token is signed with a key the provider does not name")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature of the ID token is wrong")]
    Signature,
    /// Issued by another.
    #[error("the ID token is of another issuer")]
    Issuer,
    /// Issued for another.
    #[error("the ID token is for another client")]
    Audience,
    /// Not of this sign-in.
    #[error("the ID token is of another sign-in")]
    Nonce,
    /// Not one by which the provider ends sessions.
    #[error("the token is no logout token")]
    NotLogout,
    /// Ended, not begun, or issued long ago.
    #[error("the time of the ID token is over, or not yet come")]
    Time,
}

#[derive(Deserialize)]
struct Raw {
    iss: String,
    sub: String,
    aud: OneOrMany,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<Truth>,
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    sid: Option<String>,
    auth_time: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Some providers send booleans as words.
#[derive(Deserialize)]
#[serde(untagged)]
enum Truth {
    Flag(bool),
    Word(String),
}

impl Truth {
    fn is_true(&self) -> bool {
        match self {
            Truth::Flag(flag) => *flag,
            Truth::Word(word) => word == "true",
        }
    }
}

/// A token by which the provider ends one session, or all of a person (OpenID Connect Back-Channel Logout 1.0 §2.4). It
/// names a person, a session, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// Who, to the provider.
    pub subject: Option<String>,
    /// Which of their sessions, to the provider (`sid`).
    pub session: Option<String>,
    /// The token's own name, so that one token counts once.
    pub id: String,
}

#[derive(Deserialize)]
struct RawLogout {
    iss: String,
    sub: Option<String>,
    sid: Option<String>,
    aud: OneOrMany,
    exp: Option<i64>,
    iat: i64,
    jti: String,
    events: BTreeMap<String, IgnoredAny>,
    nonce: Option<IgnoredAny>,
}

/// The event that makes a token a logout token.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Checks a token against the provider's keys and what is expected of it.
pub(crate) fn check(token: &str, keys: &JwkSet, expected: Expected<'_>) -> Result<Claims, TokenProblem> {
    check_claims(read_signed(token, keys, expected.algorithms, &["jwt"])?, expected)
}

/// Checks a logout token; the nonce of `expected` is not asked for: such a token has none.
pub(crate) fn check_logout(
    token: &str,
    keys: &JwkSet,
    expected: Expected<'_>,
) -> Result<Logout, TokenProblem> {
    let types = ["jwt", "logout+jwt", "application/logout+jwt"];
    let raw: RawLogout = read_signed(token, keys, expected.algorithms, &types)?;
    if raw.iss != expected.issuer {
        return Err(TokenProblem::Issuer);
    }
    let ours = |id: &String| id == expected.client_id;
    let named = match &raw.aud {
        OneOrMany::One(id) => ours(id),
        OneOrMany::Many(ids) => ids.iter().any(ours),
    };
    if !named {
        return Err(TokenProblem::Audience);
    }
    if !raw.events.contains_key(LOGOUT_EVENT) || raw.nonce.is_some() || raw.jti.is_empty() {
        return Err(TokenProblem::NotLogout);
    }
    let times = Times { issued: raw.iat, ends: raw.exp, begins: None };
    if !times.fit(expected.now) {
        return Err(TokenProblem::Time);
    }
    let said = |name: Option<String>| name.filter(|name| !name.is_empty());
    let (subject, session) = (said(raw.sub), said(raw.sid));
    if subject.is_none() && session.is_none() {
        return Err(TokenProblem::NotLogout);
    }
    Ok(Logout { subject, session, id: raw.jti })
}

/// The times of a token, in seconds.
struct Times {
    issued: i64,
    ends: Option<i64>,
    begins: Option<i64>,
}

impl Times {
    fn fit(&self, now: Timestamp) -> bool {
        let now = now.millis().div_euclid(1000);
        let late = now.saturating_sub(ID_TOKEN_SKEW_SECONDS);
        let early = now.saturating_add(ID_TOKEN_SKEW_SECONDS);
        let fresh = self.issued <= early && self.issued >= late.saturating_sub(ID_TOKEN_AGE_SECONDS_MAX);
        fresh && self.ends.is_none_or(|end| end > late) && self.begins.is_none_or(|begin| begin <= early)
    }
}

/// What a token says whose type and signature are right.
fn read_signed<T: DeserializeOwned>(
    token: &str,
    keys: &JwkSet,
    algorithms: &[Algorithm],
    types: &[&str],
) -> Result<T, TokenProblem> {
    if token.len() > ID_TOKEN_BYTES_MAX {
        return Err(TokenProblem::TooLong);
    }
    let header = decode_header(token).map_err(|_| algorithm_or_malformed(token))?;
    let fits = |typ: &str| types.iter().any(|known| typ.eq_ignore_ascii_case(known));
    if header.typ.as_deref().is_some_and(|typ| !fits(typ)) {
        return Err(TokenProblem::Malformed);
    }
    if !algorithms.contains(&header.alg) || !is_listed(header.alg) {
        return Err(TokenProblem::Algorithm);
    }
    let key = find_key(keys, header.kid.as_deref(), header.alg).ok_or(TokenProblem::UnknownKey)?;
    let key = DecodingKey::from_jwk(key).map_err(|_| TokenProblem::UnknownKey)?;
    let mut signature_alone = Validation::new(header.alg);
    signature_alone.required_spec_claims.clear();
    (signature_alone.validate_exp, signature_alone.validate_nbf, signature_alone.validate_aud) =
        (false, false, false);
    let read = decode::<T>(token, &key, &signature_alone).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::Json(_) => TokenProblem::Malformed,
        _ => TokenProblem::Signature,
    })?;
    Ok(read.claims)
}

fn check_claims(raw: Raw, expected: Expected<'_>) -> Result<Claims, TokenProblem> {
    if raw.iss != expected.issuer {
        return Err(TokenProblem::Issuer);
    }
    let ours = |id: &String| id == expected.client_id;
    let (named, several) = match &raw.aud {
        OneOrMany::One(id) => (ours(id), false),
        OneOrMany::Many(ids) => (ids.iter().any(ours), ids.len() > 1),
    };
    // Where several are named the token must say that it was made for us.
    let authorised = raw.azp.as_ref().map_or(!several, ours);
    if !named || !authorised {
        return Err(TokenProblem::Audience);
    }
    if raw.nonce.as_deref() != Some(expected.nonce) {
        return Err(TokenProblem::Nonce);
    }
    let times = Times { issued: raw.iat, ends: Some(raw.exp), begins: raw.nbf };
    if !times.fit(expected.now) {
        return Err(TokenProblem::Time);
    }
    if raw.sub.is_empty() {
        return Err(TokenProblem::Malformed);
    }
    let latest = expected.now.plus_seconds(ID_TOKEN_SKEW_SECONDS);
    let authenticated = raw.auth_time.map(|seconds| Timestamp(seconds.saturating_mul(1000)));
    if authenticated.is_some_and(|at| at > latest) {
        return Err(TokenProblem::Time);
    }
    let verified = raw.email_verified.is_some_and(|truth| truth.is_true());
    Ok(Claims {
        subject: raw.sub,
        verified_email: raw.email.filter(|_| verified),
        methods: raw.acr.into_iter().chain(raw.amr).collect(),
        session: raw.sid.filter(|sid| !sid.is_empty()),
        authenticated,
    })
}

fn is_listed(algorithm: Algorithm) -> bool {
    ALGORITHMS.iter().any(|(known, _)| *known == algorithm)
}

/// `none` and names nobody knows do not even parse; they are told apart from noise for the log.
fn algorithm_or_malformed(token: &str) -> TokenProblem {
    if token.split('.').count() == 3 { TokenProblem::Algorithm } else { TokenProblem::Malformed }
}

/// The provider's key of this name and for this algorithm. Without a name it must be the only one that fits.
fn find_key<'k>(keys: &'k JwkSet, name: Option<&str>, algorithm: Algorithm) -> Option<&'k Jwk> {
    let mut found = keys.keys.iter().filter(|key| {
        fits(key, algorithm) && name.is_none_or(|name| key.common.key_id.as_deref() == Some(name))
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    if key.common.public_key_use.as_ref().is_some_and(|found| *found != PublicKeyUse::Signature) {
        return false;
    }
    let named = key.common.key_algorithm.as_ref().map(|named| format!("{named:?}"));
    if named.is_some_and(|named| named != format!("{algorithm:?}")) {
        return false;
    }
    match &key.algorithm {
        AlgorithmParameters::RSA(_) => {
            matches!(algorithm, Algorithm::RS256 | Algorithm::PS256 | Algorithm::PS384)
        }
        AlgorithmParameters::EllipticCurve(curve) => match algorithm {
            Algorithm::ES256 => curve.curve == EllipticCurve::P256,
            Algorithm::ES384 => curve.curve == EllipticCurve::P384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(pair) => {
            algorithm == Algorithm::EdDSA && pair.curve == EllipticCurve::Ed25519
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    const NOW: i64 = 1_772_357_400;
    const ISSUER: &str = "https://id.example";

    /// A provider of the test's own: it signs whatever it is told to.
    struct Provider {
        key: EcdsaKeyPair,
        keys: JwkSet,
    }

    fn provider() -> Provider {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        let keys = json!({"keys": [
            {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "a", "use": "sig", "alg": "ES256"}
        ]});
        Provider { key, keys: serde_json::from_value(keys).unwrap() }
    }

    impl Provider {
        fn sign(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let text = format!("{}.{}", part(header), part(claims));
            let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
        }

        fn check(&self, header: &Value, claims: &Value) -> Result<Claims, TokenProblem> {
            self.check_text(&self.sign(header, claims))
        }

        fn check_text(&self, token: &str) -> Result<Claims, TokenProblem> {
            check(token, &self.keys, expected())
        }
    }

    fn expected() -> Expected<'static> {
        let now = Timestamp(NOW * 1000);
        let algorithms = &[Algorithm::ES256, Algorithm::RS256];
        Expected { issuer: ISSUER, client_id: "shop", nonce: "n-1", algorithms, now }
    }

    fn header() -> Value {
        json!({"alg": "ES256", "kid": "a", "typ": "JWT"})
    }

    fn good() -> Value {
        json!({"iss": ISSUER, "sub": "u-1", "aud": "shop", "exp": NOW + 300, "iat": NOW, "nonce": "n-1",
               "email": "li@shop.example", "email_verified": true, "acr": "mfa", "amr": ["pwd", "otp"]})
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = good();
        claims[name] = value;
        claims
    }

    #[test]
    fn oi_1_a_good_token_says_who_it_is() {
        let claims = provider().check(&header(), &good()).unwrap();
        let methods = ["mfa", "pwd", "otp"].map(str::to_owned).to_vec();
        let verified_email = Some("li@shop.example".to_owned());
        let (session, authenticated) = (None, None);
        let read = Claims { subject: "u-1".to_owned(), verified_email, methods, session, authenticated };
        assert_eq!(claims, read);
        for unverified in [json!(false), json!("false"), json!("yes"), Value::Null] {
            let claims = provider().check(&header(), &with("email_verified", unverified)).unwrap();
            assert_eq!(claims.verified_email, None);
        }
    }

    #[test]
    fn jwt_1_none_and_a_public_key_as_a_secret_are_refused() {
        let provider = provider();
        for none in ["none", "None", "NONE", ""] {
            let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let unsigned = format!("{}.{}.", part(json!({"alg": none, "typ": "JWT"})), part(good()));
            assert_eq!(provider.check_text(&unsigned), Err(TokenProblem::Algorithm), "{none}");
        }
        // The key everybody knows, used as a secret.
        let public = serde_json::to_vec(&provider.keys).unwrap();
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let header = Header { kid: Some("a".to_owned()), ..Header::new(algorithm) };
            let forged = jsonwebtoken::encode(&header, &good(), &EncodingKey::from_secret(&public)).unwrap();
            assert_eq!(provider.check_text(&forged), Err(TokenProblem::Algorithm));
        }
        // On our list, and not what the provider's key is for.
        let other = provider.check(&json!({"alg": "RS256", "kid": "a"}), &good());
        assert_eq!(other, Err(TokenProblem::UnknownKey));
        let unlisted = provider.check(&json!({"alg": "ES384", "kid": "a"}), &good());
        assert_eq!(unlisted, Err(TokenProblem::Algorithm), "the provider does not use it");
    }

    #[test]
    fn jwt_1_only_the_providers_own_keys_count() {
        let (provider, thief) = (provider(), provider_of_a_thief());
        assert_eq!(provider.check_text(&thief.sign(&header(), &good())), Err(TokenProblem::Signature));
        for kid in ["b", "../a", "a' OR '1'='1", ""] {
            let named = json!({"alg": "ES256", "kid": kid});
            assert_eq!(provider.check(&named, &good()), Err(TokenProblem::UnknownKey), "{kid}");
        }
        // A key that the token brings along, or says where to find, is not looked at.
        let own = serde_json::to_value(&thief.keys.keys[0]).unwrap();
        let brought = json!({"alg": "ES256", "kid": "a", "jwk": own, "jku": "https://thief.example/keys"});
        assert_eq!(provider.check_text(&thief.sign(&brought, &good())), Err(TokenProblem::Signature));
        assert!(provider.check(&json!({"alg": "ES256"}), &good()).is_ok(), "one key, no name needed");
    }

    fn provider_of_a_thief() -> Provider {
        provider()
    }

    #[test]
    fn jwt_1_an_altered_token_is_refused() {
        let provider = provider();
        let token = provider.sign(&header(), &good());
        let other = provider.sign(&header(), &with("sub", json!("u-2")));
        let (parts, others): (Vec<&str>, Vec<&str>) =
            (token.split('.').collect(), other.split('.').collect());
        let mixed = format!("{}.{}.{}", parts[0], others[1], parts[2]);
        assert_eq!(provider.check_text(&mixed), Err(TokenProblem::Signature));
        for broken in ["", "a.b", "a.b.c.d.e", "...."] {
            assert!(provider.check_text(broken).is_err(), "{broken}");
        }
        assert_eq!(provider.check_text(&"a".repeat(ID_TOKEN_BYTES_MAX + 1)), Err(TokenProblem::TooLong));
        let of_another_type = json!({"alg": "ES256", "kid": "a", "typ": "at+jwt"});
        assert_eq!(provider.check(&of_another_type, &good()), Err(TokenProblem::Malformed));
    }

    #[test]
    fn jwt_1_issuer_audience_and_nonce_must_be_ours() {
        let provider = provider();
        let refused = |claims: Value| provider.check(&header(), &claims).unwrap_err();
        for other in ["https://id.example/", "https://ID.example", "https://thief.example", ""] {
            assert_eq!(refused(with("iss", json!(other))), TokenProblem::Issuer, "{other}");
        }
        for other in [json!("other"), json!([]), json!(["other"]), json!(["shop", "other"])] {
            assert_eq!(refused(with("aud", other)), TokenProblem::Audience);
        }
        assert_eq!(refused(with("azp", json!("other"))), TokenProblem::Audience);
        let mut several = with("aud", json!(["shop", "other"]));
        several["azp"] = json!("shop");
        assert!(provider.check(&header(), &several).is_ok());
        for other in [json!("n-2"), json!(""), Value::Null] {
            assert_eq!(refused(with("nonce", other)), TokenProblem::Nonce);
        }
        assert_eq!(refused(with("sub", json!(""))), TokenProblem::Malformed);
    }

    #[test]
    fn jwt_1_times_hold_within_a_minute_and_not_past_it() {
        let provider = provider();
        let skew = ID_TOKEN_SKEW_SECONDS;
        let oldest = NOW - skew - ID_TOKEN_AGE_SECONDS_MAX;
        for (name, good, bad) in [
            ("exp", NOW - skew + 1, NOW - skew),
            ("nbf", NOW + skew, NOW + skew + 1),
            ("iat", NOW + skew, NOW + skew + 1),
            ("iat", oldest, oldest - 1),
            ("auth_time", NOW + skew, NOW + skew + 1),
        ] {
            assert!(provider.check(&header(), &with(name, json!(good))).is_ok(), "{name} {good}");
            let refused = provider.check(&header(), &with(name, json!(bad)));
            assert_eq!(refused, Err(TokenProblem::Time), "{name} {bad}");
        }
        for missing in ["exp", "iat", "iss", "sub", "aud"] {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(missing);
            assert_eq!(provider.check(&header(), &claims), Err(TokenProblem::Malformed), "{missing}");
        }
    }

    #[test]
    fn oi_2_a_logout_token_names_the_event_and_its_person_and_no_nonce() {
        let provider = provider();
        let good = || {
            json!({"iss": ISSUER, "sub": "u-1", "aud": "shop", "iat": NOW, "exp": NOW + 120, "jti": "j-1",
                   "events": {LOGOUT_EVENT: {}}})
        };
        let check = |typ: &str, claims: &Value| {
            let token = provider.sign(&json!({"alg": "ES256", "kid": "a", "typ": typ}), claims);
            let expected = Expected {
                issuer: ISSUER,
                client_id: "shop",
                nonce: "",
                algorithms: &[Algorithm::ES256],
                now: Timestamp(NOW * 1000),
            };
            check_logout(&token, &provider.keys, expected)
        };
        let session = None;
        let read = Logout { subject: Some("u-1".to_owned()), session, id: "j-1".to_owned() };
        assert_eq!(check("logout+jwt", &good()), Ok(read.clone()));
        assert_eq!(check("JWT", &good()), Ok(read));
        assert_eq!(check("at+jwt", &good()), Err(TokenProblem::Malformed));
        for (name, value, problem) in [
            ("iss", json!("https://thief.example"), TokenProblem::Issuer),
            ("aud", json!("another"), TokenProblem::Audience),
            ("events", json!({"other": {}}), TokenProblem::NotLogout),
            ("events", Value::Null, TokenProblem::Malformed),
            ("nonce", json!("n"), TokenProblem::NotLogout),
            ("sub", Value::Null, TokenProblem::NotLogout),
            ("jti", json!(""), TokenProblem::NotLogout),
            ("sub", json!(""), TokenProblem::NotLogout),
            ("jti", Value::Null, TokenProblem::Malformed),
            ("exp", json!(NOW - 61), TokenProblem::Time),
            ("iat", json!(NOW - 700), TokenProblem::Time),
            ("iat", json!(NOW + 61), TokenProblem::Time),
        ] {
            let mut claims = good();
            claims[name] = value.clone();
            assert_eq!(check("logout+jwt", &claims), Err(problem), "{name} {value}");
        }
        let mut alone = good();
        alone["sid"] = json!("s-1");
        let session = Some("s-1".to_owned());
        let both = Logout { subject: Some("u-1".to_owned()), session, id: "j-1".to_owned() };
        assert_eq!(check("logout+jwt", &alone), Ok(both.clone()));
        alone.as_object_mut().unwrap().remove("sub");
        assert_eq!(check("logout+jwt", &alone), Ok(Logout { subject: None, ..both }), "a session alone");
    }
}
