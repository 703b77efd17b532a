//! Entry points for fuzzers: one function for each reader of outside bytes. None may panic; where there is a print and
//! a parse, they must agree.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::body::parse_form;
use crate::cookies::Cookie;
use crate::idempotency::IdempotencyKey;
use crate::jose::PublicKey;
use crate::paging::Cursor;
use crate::signing::{DIGEST_HEADER, Message, Presented, RequestParts, check_digest};

/// Keys of one app.
const KEYS_MAX: usize = 5;

/// `Signature-Input` and `Signature`, split at the first zero byte: reads them both ways and builds the base.
pub fn signature_fields(data: &[u8]) {
    let at = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (input, signature) = data.split_at(at);
    let mut headers = HeaderMap::new();
    let fields = [("signature-input", input), ("signature", signature.get(1..).unwrap_or_default())];
    for (name, bytes) in fields {
        let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
        headers.insert(name, value);
    }
    let fast = Presented::read(&headers, "t");
    let general = Presented::read_general(&headers, "t");
    assert!(fast == general, "the two readers must agree");
    if let Ok(Some(presented)) = fast {
        let request = RequestParts {
            method: "POST",
            scheme: "https",
            authority: "pay.example",
            path: "/v1/x",
            query: Some("a=1&b=%20"),
            headers: &headers,
            trailers: None,
        };
        let _ = presented.base(&Message::Request(request));
    }
}

/// A cursor of a list; what is read is written again alike.
pub fn cursor(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Cursor::decode("list", text);
    }
}

/// An `Idempotency-Key`; what is read is read again alike in its bare form, unless it starts with a quote.
pub fn idempotency_key(data: &[u8]) {
    if let Ok(key) = IdempotencyKey::parse(data)
        && !key.as_str().starts_with('"')
    {
        assert!(IdempotencyKey::parse(key.as_str().as_bytes()).is_ok_and(|again| again == key), "same key");
    }
}

/// A `Content-Digest` over a body.
pub fn content_digest(data: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(data) {
        let headers = HeaderMap::from_iter([(DIGEST_HEADER.clone(), value)]);
        let _ = check_digest(&headers, b"body");
    }
}

/// Public keys of an app, one, a list or a set: what is read is written and read again alike.
pub fn public_keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(keys) = PublicKey::parse_all(text, KEYS_MAX) else { return };
    assert!((1..=KEYS_MAX).contains(&keys.len()), "a number of keys past its limit");
    let again = PublicKey::parse_all(&PublicKey::text_of(&keys), KEYS_MAX);
    assert!(again.is_ok_and(|again| again == keys), "keys change when they are written");
    assert!(keys.iter().all(|key| key.thumbprint().len() == 43), "a thumbprint is a SHA-256");
}

/// A JSON body, read into a free value.
pub fn json_body(data: &[u8]) {
    let _ = crate::body::parse_json::<serde_json::Value>(data);
}

/// A form or a query string: pairs that are read mean the same when they are written and read again; a form of ours takes
/// its own fields alone, each once.
pub fn form(data: &[u8]) {
    type Pairs = Vec<(String, String)>;
    if let Ok(pairs) = parse_form::<Pairs>(data, "body") {
        let mut written = form_urlencoded::Serializer::new(String::new());
        written.extend_pairs(&pairs);
        let again = parse_form::<Pairs>(written.finish().as_bytes(), "body");
        assert!(again.is_ok_and(|again| again == pairs), "pairs change when they are written");
        if parse_form::<Fields>(data, "query").is_ok() {
            assert!(pairs.iter().filter(|(name, _)| name == "limit").count() <= 1, "a field counts once");
            assert!(pairs.iter().all(|(name, _)| name == "limit" || name == "name" || name == "again"));
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read and never looked at")]
struct Fields {
    limit: Option<u32>,
    name: Option<String>,
    again: Option<bool>,
}

/// The lines of a `Cookie` header, one a line: what is found in them can be set again as it is, if it could be ours.
pub fn cookies(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let headers: HeaderMap = lines.map(|line| (header::COOKIE, line)).collect();
    for secure in [false, true] {
        let cookie = Cookie::new("tw");
        let Some(value) = cookie.find(&headers, secure) else { continue };
        assert!(!value.contains(';'), "a value ends with its pair");
        let line = cookie.set(value, secure);
        let set = line.to_str().is_ok_and(|line| line.starts_with(&cookie.full_name(secure)));
        assert!(
            set && line.as_bytes().iter().all(|byte| (0x20..0x7f).contains(byte)),
            "a line of one header"
        );
    }
}
