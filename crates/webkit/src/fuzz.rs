//! Entry points for fuzzers: one function for each reader of outside bytes. None may panic; where there is a print and
//! a parse, they must agree.

use axum::http::{HeaderMap, HeaderValue};

use crate::idempotency::IdempotencyKey;
use crate::paging::Cursor;
use crate::signing::{DIGEST_HEADER, Message, Presented, RequestParts, check_digest};

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

/// A JSON body, read into a free value.
pub fn json_body(data: &[u8]) {
    let _ = crate::body::parse_json::<serde_json::Value>(data);
}
