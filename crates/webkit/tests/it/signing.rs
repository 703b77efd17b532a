//! What a signed request and a signed answer must have, and what is refused.

use axum::http::{HeaderMap, HeaderValue, Method};
use base::{Dice, Timestamp};
use proptest::prelude::*;
use webkit::ApiError;
use webkit::limits::{
    COMPONENTS_MAX, KEY_ID_CHARS_MAX, NONCE_CHARS_MAX, NONCE_CHARS_MIN, SIGNATURE_FIELD_BYTES_MAX,
    SIGNATURE_WINDOW_SECONDS,
};
use webkit::signing::{
    Accepted, KeyRecord, Message, Outgoing, Policy, Presented, REQUEST_TAG, RESPONSE_TAG, Refusal,
    RequestParts, ResponseParts, Signer, SigningKey, VerifyingKey, digest_sha256,
};

pub const NOW: Timestamp = Timestamp(1_772_357_400_000);
pub const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const BODY: &[u8] = b"{\"amount_minor\":1280}";

pub fn outgoing() -> Outgoing<'static> {
    Outgoing {
        method: "POST",
        scheme: "https",
        authority: "pay.example",
        target: "/v1/payments?x=1",
        content_type: Some("application/json"),
        body: BODY,
        idempotency_key: Some("order-1"),
    }
}

pub fn signer() -> Signer {
    Signer::new("key_1", SigningKey::hmac_sha256(SECRET).unwrap())
}

pub fn record() -> KeyRecord {
    KeyRecord::always(VerifyingKey::hmac_sha256(SECRET).unwrap())
}

pub fn sign(nonce: &str) -> HeaderMap {
    signer().sign_with_nonce(&outgoing(), NOW, nonce).unwrap()
}

fn parts(headers: &HeaderMap) -> RequestParts<'_> {
    RequestParts {
        method: "POST",
        scheme: "https",
        authority: "pay.example",
        path: "/v1/payments",
        query: Some("x=1"),
        headers,
        trailers: None,
    }
}

/// Verifies a request as a server does.
pub fn verify_at(
    headers: &HeaderMap,
    body: &[u8],
    record: &KeyRecord,
    now: Timestamp,
) -> Result<Accepted, Refusal> {
    let presented = Presented::read(headers, REQUEST_TAG)?.ok_or(Refusal::Unsigned)?;
    presented.verify(&Message::Request(parts(headers)), body, record, &Policy::WRITE, now)
}

fn verify(headers: &HeaderMap) -> Result<Accepted, Refusal> {
    verify_at(headers, BODY, &record(), NOW)
}

/// A request with its own `Signature-Input`, signed rightly over whatever that says.
fn with_input(input: &str) -> HeaderMap {
    let mut headers = sign("0123456789abcdef");
    headers.insert("signature-input", input.parse().unwrap());
    let Ok(presented) = Presented::read_label(&headers, "sig1") else { return headers };
    if let Ok(base) = presented.base(&Message::Request(parts(&headers))) {
        let signature = SigningKey::hmac_sha256(SECRET).unwrap().sign(base.as_bytes());
        headers.insert("signature", format!("sig1=:{}:", base64_of(&signature)).parse().unwrap());
    }
    headers
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

const LIST: &str = "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-type\" \"content-digest\" \"idempotency-key\")";

fn params() -> String {
    let created = NOW.seconds();
    let expires = created + 300;
    format!(
        ";created={created};expires={expires};nonce=\"0123456789abcdef\";keyid=\"key_1\";alg=\"hmac-sha256\";tag=\"tillward-v1\""
    )
}

#[test]
fn a_signed_request_is_accepted() {
    let accepted = verify(&sign("0123456789abcdef")).unwrap();
    assert_eq!((accepted.key_id.as_str(), accepted.nonce.as_str()), ("key_1", "0123456789abcdef"));
    assert!(accepted.forget_at >= NOW.plus_seconds(SIGNATURE_WINDOW_SECONDS));
    assert_eq!(verify(&with_input(&format!("sig1={LIST}{}", params()))), Ok(accepted));
}

#[test]
fn sig_2_every_required_component_is_needed() {
    for name in
        ["@method", "@authority", "@path", "@query", "content-type", "content-digest", "idempotency-key"]
    {
        let quoted = format!("\"{name}\"");
        let fewer = LIST.replace(&quoted, "").replace("  ", " ").replace("( ", "(").replace(" )", ")");
        let refused = verify(&with_input(&format!("sig1={fewer}{}", params())));
        assert!(matches!(&refused, Err(Refusal::NotCovered(what)) if *what == quoted), "{name}: {refused:?}");
        // The same name with a parameter is another component.
        if !name.starts_with('@') {
            let other = LIST.replace(&quoted, &format!("{quoted};bs"));
            assert!(matches!(
                verify(&with_input(&format!("sig1={other}{}", params()))),
                Err(Refusal::NotCovered(_))
            ));
        }
    }
}

#[test]
fn sig_2_every_required_parameter_is_needed() {
    for name in ["created", "expires", "nonce", "keyid", "alg", "tag"] {
        let fewer: String = params()
            .split(';')
            .filter(|p| !p.is_empty() && !p.starts_with(name))
            .map(|p| format!(";{p}"))
            .collect();
        assert_eq!(verify(&with_input(&format!("sig1={LIST}{fewer}"))), Err(Refusal::MissingParameter(name)));
    }
}

#[test]
fn sig_2_a_reading_request_needs_less_but_never_an_uncovered_body() {
    let get = Outgoing { method: "GET", content_type: None, body: b"", idempotency_key: None, ..outgoing() };
    let headers = signer().sign_with_nonce(&get, NOW, "0123456789abcdef").unwrap();
    let request = RequestParts { method: "GET", ..parts(&headers) };
    let presented = Presented::read(&headers, REQUEST_TAG).unwrap().unwrap();
    let check =
        |body: &[u8], policy| presented.verify(&Message::Request(request), body, &record(), policy, NOW);
    assert!(check(b"", Policy::of_method(&Method::GET)).is_ok());
    assert!(matches!(
        check(b"x", Policy::of_method(&Method::GET)),
        Err(Refusal::NotCovered("\"content-digest\""))
    ));
    assert!(matches!(
        check(b"", Policy::of_method(&Method::POST)),
        Err(Refusal::NotCovered("\"content-type\""))
    ));
}

#[test]
fn sig_3_another_body_is_refused() {
    let headers = sign("0123456789abcdef");
    let refused = verify_at(&headers, b"{\"amount_minor\":9999}", &record(), NOW);
    assert_eq!(refused.unwrap_err().reason(), "signature_digest_mismatch");
    let mut both = headers.clone();
    both.insert("content-digest", digest_sha256(b"{\"amount_minor\":9999}").parse().unwrap());
    assert_eq!(verify_at(&both, b"{\"amount_minor\":9999}", &record(), NOW), Err(Refusal::Wrong));
}

#[test]
fn sig_4_the_window_is_300_seconds_either_way_and_ends_at_expires() {
    let headers = sign("0123456789abcdef");
    let at = |millis| verify_at(&headers, BODY, &record(), NOW.plus_millis(millis));
    assert!(at(-300_000).is_ok() && at(300_000).is_ok());
    assert_eq!(at(-300_001), Err(Refusal::Skewed));
    assert_eq!(at(300_001), Err(Refusal::Skewed));
    let soon = params()
        .replace(&format!("expires={}", NOW.seconds() + 300), &format!("expires={}", NOW.seconds() + 9));
    let headers = with_input(&format!("sig1={LIST}{soon}"));
    let at = |millis| verify_at(&headers, BODY, &record(), NOW.plus_millis(millis));
    assert!(at(9_000).is_ok());
    assert_eq!(at(9_001), Err(Refusal::Expired));
    let far = params().replace(&format!("created={}", NOW.seconds()), "created=999999999999999");
    assert_eq!(verify(&with_input(&format!("sig1={LIST}{far}"))), Err(Refusal::Skewed));
}

#[test]
fn sig_5_the_algorithm_is_the_keys() {
    for other in ["ed25519", "rsa-pss-sha512", "HMAC-SHA256", "none", ""] {
        let input = format!("sig1={LIST}{}", params().replace("hmac-sha256", other));
        assert_eq!(verify(&with_input(&input)), Err(Refusal::WrongAlgorithm), "{other}");
    }
    // HMAC with a public key as its secret, the classic confusion.
    let pair = SigningKey::ed25519(&[9; 32]).unwrap();
    let public = pair.public().unwrap().to_vec();
    let forger = Signer::new("key_1", SigningKey::hmac_sha256(&public).unwrap());
    let headers = forger.sign_with_nonce(&outgoing(), NOW, "0123456789abcdef").unwrap();
    let record = KeyRecord::always(VerifyingKey::ed25519(&public).unwrap());
    assert_eq!(verify_at(&headers, BODY, &record, NOW), Err(Refusal::WrongAlgorithm));
    let owner = Signer::new("key_1", pair);
    let headers = owner.sign_with_nonce(&outgoing(), NOW, "0123456789abcdef").unwrap();
    assert!(verify_at(&headers, BODY, &record, NOW).is_ok());
}

#[test]
fn sig_6_unusable_keys_are_refused_and_two_verify_during_rotation() {
    let headers = sign("0123456789abcdef");
    let check = |record: KeyRecord| verify_at(&headers, BODY, &record, NOW);
    assert_eq!(check(KeyRecord { disabled: true, ..record() }), Err(Refusal::UnusableKey));
    assert_eq!(check(KeyRecord { not_after: Some(NOW), ..record() }), Err(Refusal::UnusableKey));
    assert_eq!(check(KeyRecord { not_before: NOW.plus_millis(1), ..record() }), Err(Refusal::UnusableKey));
    let next = Signer::new("key_2", SigningKey::hmac_sha256(&[5; 32]).unwrap());
    let newer = next.sign_with_nonce(&outgoing(), NOW, "0123456789abcdef").unwrap();
    let old_record = KeyRecord { not_after: Some(NOW.plus_seconds(60)), ..record() };
    let new_record = KeyRecord::always(VerifyingKey::hmac_sha256(&[5; 32]).unwrap());
    assert!(check(old_record.clone()).is_ok());
    assert!(verify_at(&newer, BODY, &new_record, NOW).is_ok());
    assert_eq!(verify_at(&newer, BODY, &old_record, NOW), Err(Refusal::Wrong));
}

/// A request whose signature fields are exactly these.
fn raw(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

#[test]
fn sig_7_malformed_fields_are_400() {
    let good = format!("sig1={LIST}{}", params());
    let bytes = "sig1=:AAAA:";
    let many: String = (0..=COMPONENTS_MAX).map(|i| format!("\"x-{i}\" ")).collect();
    let cases: Vec<Vec<(&'static str, &str)>> = vec![
        vec![("signature", bytes)],
        vec![("signature-input", &good)],
        vec![("signature-input", &good), ("signature-input", &good), ("signature", bytes)],
        vec![("signature-input", &good), ("signature", bytes), ("signature", bytes)],
        vec![("signature-input", &good), ("signature", "sig1=:AAAA:, sig1=:AAAA:")],
        vec![("signature-input", &good), ("signature", "sig2=:AAAA:")],
        vec![("signature-input", &good), ("signature", "sig1=:AAAA:, sig2=:AAAA:")],
        vec![("signature-input", &good), ("signature", "sig1=\"AAAA\"")],
        vec![("signature-input", &good), ("signature", "sig1=AAAA")],
        vec![("signature-input", &good), ("signature", "")],
        vec![("signature-input", "sig1"), ("signature", bytes)],
        vec![("signature-input", "sig1=1"), ("signature", bytes)],
        vec![("signature-input", "sig1=(\"@method\""), ("signature", bytes)],
        vec![("signature-input", "sig1=(\"@method\" \"@method\")"), ("signature", bytes)],
        vec![("signature-input", "sig1=(\"date\" \"date\")"), ("signature", bytes)],
        vec![("signature-input", "sig1=(\"@nothing\")"), ("signature", bytes)],
        vec![("signature-input", "sig1=(token)"), ("signature", bytes)],
        vec![("signature-input", "sig1=();created=\"1\""), ("signature", bytes)],
        vec![("signature-input", "sig1=();created=1.5"), ("signature", bytes)],
        vec![("signature-input", "sig1=();created=1234567890123456"), ("signature", bytes)],
        vec![("signature-input", "sig1=();nonce=token"), ("signature", bytes)],
        vec![("signature-input", "sig1=();keyid=1"), ("signature", bytes)],
        vec![("signature-input", "a=(), b=()"), ("signature", "a=:AAAA:, b=:AAAA:")],
    ];
    for case in &cases {
        let refused = verify(&raw(case)).unwrap_err();
        assert!(matches!(refused, Refusal::Malformed(_)), "{case:?}: {refused:?}");
        assert_eq!(ApiError::from(refused).status().as_u16(), 400);
    }
    let too_many = format!("sig1=({})", many.trim());
    assert!(matches!(
        verify(&raw(&[("signature-input", &too_many), ("signature", bytes)])),
        Err(Refusal::Malformed(_))
    ));
}

#[test]
fn sig_7_fields_have_a_longest_length_on_both_sides() {
    let bytes = "sig1=:AAAA:";
    let input = |length: usize| format!("sig1=();x=\"{}\"", "a".repeat(length - "sig1=();x=\"\"".len()));
    let read = |text: String| {
        Presented::read(&raw(&[("signature-input", &text), ("signature", bytes)]), "t").is_ok()
    };
    assert!(read(input(SIGNATURE_FIELD_BYTES_MAX)));
    assert!(!read(input(SIGNATURE_FIELD_BYTES_MAX + 1)));
    let check = |nonce: usize, key: usize| {
        let changed =
            params().replace("0123456789abcdef", &"n".repeat(nonce)).replace("key_1", &"k".repeat(key));
        !matches!(verify(&with_input(&format!("sig1={LIST}{changed}"))), Err(Refusal::Malformed(_)))
    };
    assert!(check(NONCE_CHARS_MIN, 1) && check(NONCE_CHARS_MAX, KEY_ID_CHARS_MAX));
    assert!(
        !check(NONCE_CHARS_MIN - 1, 1) && !check(NONCE_CHARS_MAX + 1, 1) && !check(20, KEY_ID_CHARS_MAX + 1)
    );
}

#[test]
fn sig_7_of_several_signatures_ours_is_taken() {
    let ours = sign("0123456789abcdef");
    let text = |name: &str| ours[name].to_str().unwrap().to_owned();
    let mut both = ours.clone();
    both.insert(
        "signature-input",
        format!("proxy=(\"@method\");tag=\"other\", {}", text("signature-input")).parse().unwrap(),
    );
    both.insert("signature", format!("proxy=:AAAA:, {}", text("signature")).parse().unwrap());
    assert!(verify(&both).is_ok());
    let mut lines = ours.clone();
    lines.append("signature-input", HeaderValue::from_static("proxy=(\"@method\")"));
    lines.append("signature", HeaderValue::from_static("proxy=:AAAA:"));
    assert!(verify(&lines).is_ok());
}

#[test]
fn sig_8_an_answer_is_bound_to_its_request() {
    let headers = sign("0123456789abcdef");
    let request = parts(&headers);
    let mut answer = HeaderMap::new();
    answer.insert("content-type", HeaderValue::from_static("application/json"));
    let body = b"{\"state\":\"paid\"}";
    signer().sign_response(200, &mut answer, body, &request, "sig1", NOW).unwrap();
    let check = |status: u16, body: &[u8], request: RequestParts<'_>| {
        let presented = Presented::read(&answer, RESPONSE_TAG)?.ok_or(Refusal::Unsigned)?;
        let response = ResponseParts { status, headers: &answer, trailers: None, request: Some(request) };
        presented.verify(&Message::Response(response), body, &record(), &Policy::RESPONSE, NOW)
    };
    assert!(check(200, body, request).is_ok());
    assert_eq!(check(402, body, request), Err(Refusal::Wrong));
    assert!(matches!(check(200, b"{}", request), Err(Refusal::Digest(_))));
    assert_eq!(check(200, body, RequestParts { method: "PUT", ..request }), Err(Refusal::Wrong));
    let other = sign("fedcba9876543210");
    assert_eq!(check(200, body, parts(&other)), Err(Refusal::Wrong));
    // An answer is not a request.
    assert!(verify(&answer).is_err());
}

#[test]
fn sig_9_skew_replay_and_wrong_signatures_look_alike_to_the_caller() {
    let secret_reasons = [
        Refusal::Skewed,
        Refusal::Expired,
        Refusal::Replayed,
        Refusal::Wrong,
        Refusal::UnknownKey,
        Refusal::UnusableKey,
        Refusal::WrongAlgorithm,
        Refusal::WrongTag,
    ];
    let answers: Vec<_> = secret_reasons.iter().map(|r| ApiError::from(r.clone())).collect();
    for (answer, refusal) in answers.iter().zip(&secret_reasons) {
        assert_eq!((answer.status().as_u16(), answer.code.name), (401, "signature_refused"));
        assert_eq!(answer.message, answers[0].message);
        assert_eq!(answer.cause(), Some(refusal.reason()));
    }
    let mut reasons: Vec<_> = secret_reasons.iter().map(Refusal::reason).collect();
    reasons.dedup();
    assert_eq!(reasons.len(), secret_reasons.len());
}

#[test]
fn every_altered_byte_of_a_signed_request_is_refused() {
    let good = sign("0123456789abcdef");
    for name in ["signature-input", "signature", "content-digest", "content-type", "idempotency-key"] {
        let bytes = good[name].as_bytes().to_vec();
        for at in 0..bytes.len() {
            for flip in [1u8, 0x20] {
                let mut other = bytes.clone();
                other[at] ^= flip;
                let Ok(value) = HeaderValue::from_bytes(&other) else { continue };
                let mut headers = good.clone();
                headers.insert(name, value);
                if let Ok(accepted) = verify(&headers) {
                    // Spare bits at the end of base64, or the label alone: the signed bytes are the same.
                    let same = Presented::read_general(&headers, REQUEST_TAG).unwrap().unwrap();
                    assert_eq!(accepted, verify(&good).unwrap(), "{name} {at}");
                    assert!(name == "signature" || same.label() != "sig1", "{name} {at}");
                }
            }
        }
    }
}

#[test]
fn signing_takes_time_and_nonce_from_its_arguments() {
    let (one, two) = (Dice::predictable_for_tests(1), Dice::predictable_for_tests(1));
    let first = signer().sign_request(&outgoing(), NOW, &one).unwrap();
    assert_eq!(first, signer().sign_request(&outgoing(), NOW, &two).unwrap());
    assert_ne!(first, signer().sign_request(&outgoing(), NOW, &one).unwrap());
    assert!(verify(&first).is_ok());
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("sig1".to_owned()),
        Just("=".to_owned()),
        Just(LIST.to_owned()),
        Just(";".to_owned()),
        Just("created=".to_owned()),
        Just("expires=".to_owned()),
        Just("nonce=\"".to_owned()),
        Just("keyid=\"".to_owned()),
        Just("alg=\"".to_owned()),
        Just("tag=\"".to_owned()),
        Just("\"".to_owned()),
        Just("()".to_owned()),
        Just(" ".to_owned()),
        Just(", ".to_owned()),
        Just("-".to_owned()),
        "[0-9]{1,17}",
        "[a-z0-9_.*\\\\-]{0,6}",
        "[ -~]{0,3}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_fast_reader_and_the_general_one_agree(
        words in proptest::collection::vec(word(), 0..14),
        tail in proptest::collection::vec(word(), 0..4),
        start in prop_oneof![Just(String::new()), Just(format!("sig1={LIST}")), Just(format!("sig1={LIST}{}", params()))],
        signature in prop_oneof![Just("sig1=:AAAA:".to_owned()), "sig1=:[A-Za-z0-9+/]{0,12}={0,2}:", "[ -~]{0,20}"],
    ) {
        let mut data = format!("{start}{}{}", words.concat(), tail.concat()).into_bytes();
        data.push(0);
        data.extend(signature.bytes());
        webkit::fuzz::signature_fields(&data);
    }

    #[test]
    fn well_formed_parameters_read_alike(created in 0i64..10_i64.pow(15), nonce in "[ !#-\\[\\]-~]{0,30}", order in any::<bool>()) {
        let mut parts = [format!(";created={created}"), format!(";nonce=\"{nonce}\"")];
        if order { parts.reverse(); }
        let headers = raw(&[("signature-input", &format!("a-1={LIST}{}", parts.concat())), ("signature", "a-1=:AAAA:")]);
        let fast = Presented::read(&headers, "t").unwrap().unwrap();
        prop_assert_eq!(fast.params().created, Some(created));
        prop_assert_eq!(fast.params().nonce.as_deref(), Some(nonce.as_str()));
        prop_assert_eq!(&fast, &Presented::read_general(&headers, "t").unwrap().unwrap());
    }

    #[test]
    fn readers_of_outside_bytes_never_panic(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        webkit::fuzz::signature_fields(&data);
        webkit::fuzz::cursor(&data);
        webkit::fuzz::idempotency_key(&data);
        webkit::fuzz::content_digest(&data);
        webkit::fuzz::json_body(&data);
    }

    #[test]
    fn readers_of_outside_texts_never_panic(text in "[ -~]{0,120}") {
        webkit::fuzz::cursor(text.as_bytes());
        webkit::fuzz::idempotency_key(text.as_bytes());
        webkit::fuzz::content_digest(text.as_bytes());
        webkit::fuzz::json_body(text.as_bytes());
    }
}
