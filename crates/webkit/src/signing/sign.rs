//! Signing: requests for clients, answers for the server.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base::{Dice, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::component::{
    CONTENT_DIGEST, CONTENT_TYPE, Component, ComponentError, REQUEST_AUTHORITY, REQUEST_METHOD, REQUEST_PATH,
    STATUS,
};
use super::digest::{DIGEST_HEADER, digest_sha256};
use super::fast::{READ, WRITE, WRITE_ONCE};
use super::keys::SigningKey;
use super::message::{Message, RequestParts, ResponseParts};
use super::read::{SIGNATURE, SIGNATURE_INPUT};
use super::verify::signature_base;
use super::{REQUEST_TAG, RESPONSE_TAG};
use crate::idempotency;
use crate::limits::SIGNATURE_WINDOW_SECONDS;

/// The label of our signatures.
const LABEL: &str = "sig1";

/// A request to sign.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host and port, as in the `Host` field.
    pub authority: &'a str,
    /// Path and query, as in the request line.
    pub target: &'a str,
    /// Media type of the body; `None` for a request without one.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
    /// The idempotency key.
    pub idempotency_key: Option<&'a str>,
}

/// All fields the request needs: `content-type`, `content-digest`, `idempotency-key`, `signature-input`, `signature`.
pub type SignedHeaders = HeaderMap;

/// A key with its id, ready to sign.
#[derive(Debug)]
pub struct Signer {
    key_id: String,
    key: SigningKey,
}

impl Signer {
    /// A signer; `key_id` is what the server calls the key.
    pub fn new(key_id: impl Into<String>, key: SigningKey) -> Signer {
        Signer { key_id: key_id.into(), key }
    }

    /// Signs a request made at `now`; the nonce comes from `dice`. It is refused after five minutes.
    ///
    /// # Errors
    /// [`ComponentError`] for a value no header field can have.
    pub fn sign_request(
        &self,
        request: &Outgoing<'_>,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<SignedHeaders, ComponentError> {
        self.sign_with_nonce(request, now, &nonce(now, dice))
    }

    /// [`Signer::sign_request`] with a nonce of the caller's.
    ///
    /// # Errors
    /// [`ComponentError`] for a value no header field can have.
    pub fn sign_with_nonce(
        &self,
        request: &Outgoing<'_>,
        now: Timestamp,
        nonce: &str,
    ) -> Result<SignedHeaders, ComponentError> {
        let mut headers = HeaderMap::with_capacity(8);
        if let Some(kind) = request.content_type {
            headers.insert(header::CONTENT_TYPE, field(header::CONTENT_TYPE, kind)?);
            headers.insert(&DIGEST_HEADER, field(DIGEST_HEADER.clone(), &digest_sha256(request.body))?);
        }
        if let Some(key) = request.idempotency_key {
            headers.insert(&idempotency::HEADER, field(idempotency::HEADER.clone(), key)?);
        }
        let components: &[Component] = match (request.content_type, request.idempotency_key) {
            (None, None) => &READ,
            (Some(_), None) => &WRITE,
            (_, Some(_)) => &WRITE_ONCE,
        };
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.target, None),
        };
        let params = self.params(components, now, REQUEST_TAG, Some(nonce));
        let base = signature_base(
            components,
            &Message::Request(RequestParts {
                method: request.method,
                scheme: request.scheme,
                authority: request.authority,
                path,
                query,
                headers: &headers,
                trailers: None,
            }),
            &params,
        )?;
        self.add(&mut headers, &params, &base)?;
        Ok(headers)
    }

    /// Signs an answer to `request`, whose signature was called `label` (SIG-8): adds `content-digest`,
    /// `signature-input` and `signature`. Status, body, method, host, path and the request's own signature are covered,
    /// so the answer fits that one request.
    ///
    /// # Errors
    /// [`ComponentError`] when the request has no such signature.
    pub fn sign_response(
        &self,
        status: u16,
        headers: &mut HeaderMap,
        body: &[u8],
        request: &RequestParts<'_>,
        label: &str,
        now: Timestamp,
    ) -> Result<(), ComponentError> {
        headers.insert(&DIGEST_HEADER, field(DIGEST_HEADER.clone(), &digest_sha256(body))?);
        let mut components = vec![STATUS, CONTENT_DIGEST, REQUEST_METHOD, REQUEST_AUTHORITY, REQUEST_PATH];
        components.push(Component::request_signature(label));
        if headers.contains_key(header::CONTENT_TYPE) {
            components.push(CONTENT_TYPE);
        }
        let params = self.params(&components, now, RESPONSE_TAG, None);
        let parts = ResponseParts { status, headers, trailers: None, request: Some(*request) };
        let base = signature_base(&components, &Message::Response(parts), &params)?;
        self.add(headers, &params, &base)
    }

    fn params(&self, components: &[Component], now: Timestamp, tag: &str, nonce: Option<&str>) -> String {
        let mut out = String::with_capacity(384);
        for (index, component) in components.iter().enumerate() {
            out.push(if index == 0 { '(' } else { ' ' });
            out.push_str(component.text());
        }
        let created = now.seconds();
        for part in [");created=", &created.to_string()] {
            out.push_str(part);
        }
        if let Some(nonce) = nonce {
            let expires = (created + SIGNATURE_WINDOW_SECONDS).to_string();
            for part in [";expires=", &expires, ";nonce=\"", nonce, "\""] {
                out.push_str(part);
            }
        }
        let algorithm = self.key.algorithm().name();
        for part in [";keyid=\"", &self.key_id, "\";alg=\"", algorithm, "\";tag=\"", tag, "\""] {
            out.push_str(part);
        }
        out
    }

    fn add(&self, headers: &mut HeaderMap, params: &str, base: &str) -> Result<(), ComponentError> {
        let mut signature = String::with_capacity(100);
        signature.push_str(LABEL);
        signature.push_str("=:");
        STANDARD.encode_string(self.key.sign(base.as_bytes()), &mut signature);
        signature.push(':');
        let input = format!("{LABEL}={params}");
        headers.insert(&SIGNATURE_INPUT, field(SIGNATURE_INPUT.clone(), &input)?);
        headers.insert(&SIGNATURE, field(SIGNATURE.clone(), &signature)?);
        Ok(())
    }
}

/// A nonce that sorts by time, so that the server's index grows at one end: 6 bytes of time, 10 of chance, in hex.
fn nonce(now: Timestamp, dice: &Dice) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut bytes = [0u8; 16];
    let (time, chance) = bytes.split_at_mut(6);
    time.copy_from_slice(now.millis().to_be_bytes().last_chunk::<6>().unwrap_or(&[0; 6]));
    dice.fill(chance);
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn field(name: HeaderName, value: &str) -> Result<HeaderValue, ComponentError> {
    let bad = |_| ComponentError::Unreadable(format!("\"{name}\""), "it is not ASCII without line ends");
    HeaderValue::from_str(value).map_err(bad)
}
