//! Idempotency: a request that is sent twice is carried out once (draft-ietf-httpapi-idempotency-key-header-07).
//!
//! [`begin`] and [`Claim::finish`] run in the transaction of the work itself, so key and work are stored together or
//! not at all (IDEM-5). [`Running`] tells a second request at once that the first still runs (IDEM-4); where that is another
//! node's to know, the second waits in the store and gets the first one's answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::{ShopId, Timestamp};
use store::{Db, Row, Table, Tx, Value, blob, int, text};

use crate::error::{ApiError, IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_MISSING};
use crate::error::{IDEMPOTENCY_KEY_REUSED, REQUEST_IN_PROGRESS};
use crate::limits::{IDEMPOTENCY_KEEP_SECONDS, IDEMPOTENCY_KEY_CHARS_MAX, SWEEP_ROWS_MAX};

/// The request header.
pub static HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The response header that flags a stored answer.
pub static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Keys and the answers they stand for.
pub static IDEMPOTENCY_KEYS: Table = Table::new(
    "idempotency_keys",
    &[text("shop_id"), text("caller"), text("endpoint"), text("key")],
    &[blob("fingerprint"), int("status"), blob("body"), int("created_at"), int("expires_at")],
);

/// A key a caller chose: 1 to [`IDEMPOTENCY_KEY_CHARS_MAX`] visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a header value: bare, or a quoted string as the draft has it. Both forms name the same key.
    ///
    /// # Errors
    /// 400 `idempotency_key_invalid`.
    pub fn parse(value: &[u8]) -> Result<IdempotencyKey, ApiError> {
        let quoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        let key = match quoted {
            Some(inner) => unescape(inner),
            None if value.starts_with(b"\"") => None,
            None => Some(value.to_vec()),
        };
        let fits = |key: &Vec<u8>| {
            (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic)
        };
        key.filter(fits).and_then(|key| String::from_utf8(key).ok()).map(IdempotencyKey).ok_or_else(|| {
            let text = format!(
                "`idempotency-key` must be 1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters"
            );
            ApiError::new(&IDEMPOTENCY_KEY_INVALID, text)
        })
    }

    /// The key of a request, or `None`.
    ///
    /// # Errors
    /// 400 when it is repeated or malformed.
    pub fn find(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
        let mut values = headers.get_all(&HEADER).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => IdempotencyKey::parse(value.as_bytes()).map(Some),
            (Some(_), Some(_)) => {
                Err(ApiError::new(&IDEMPOTENCY_KEY_INVALID, "send one `idempotency-key` field, not several"))
            }
        }
    }

    /// The key of a request that must have one (IDEM-1).
    ///
    /// # Errors
    /// 400 when it is missing, repeated or malformed.
    pub fn required(headers: &HeaderMap) -> Result<IdempotencyKey, ApiError> {
        IdempotencyKey::find(headers)?.ok_or_else(|| {
            ApiError::new(
                &IDEMPOTENCY_KEY_MISSING,
                "send an `idempotency-key` header with a fresh random value",
            )
        })
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn unescape(inner: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return None,
            b'\\' => out.push(*bytes.next().filter(|b| matches!(b, b'"' | b'\\'))?),
            other => out.push(*other),
        }
    }
    Some(out)
}

/// HMAC-SHA256 over the length-prefixed method, target and body of a request. Keyed, since a body may hold a PIN: a bare
/// hash of it would give the PIN away to whoever reads the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    present: [u8; 32],
    /// The same request under keys that were replaced less than a key's time ago.
    older: Vec<[u8; 32]>,
}

impl Fingerprint {
    /// The fingerprint of a request under `key`, the same on every node; `target` is path and query.
    pub fn of(key: &hmac::Key, method: &str, target: &str, body: &[u8]) -> Fingerprint {
        let mut hash = hmac::Context::with_key(key);
        for part in [method.as_bytes(), target.as_bytes(), body] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut out = [0u8; 32];
        out.copy_from_slice(hash.sign().as_ref());
        Fingerprint { present: out, older: Vec::new() }
    }

    /// This fingerprint, or another of the same request under a key that was replaced: a request that is sent again after
    /// the replacement is still the same.
    pub fn or_older(mut self, other: &Fingerprint) -> Fingerprint {
        self.older.push(other.present);
        self
    }

    fn is_of(&self, stored: &[u8]) -> bool {
        stored == self.present || self.older.iter().any(|older| stored == older)
    }

    /// Its bytes, as they are stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.present
    }
}

/// Whose keys: a key means nothing outside its caller and endpoint (IDEM-6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The shop, or the house for a buyer's request.
    pub shop: ShopId,
    /// The API key, member or buyer who calls.
    pub caller: String,
    /// The operation, as `create_payment`.
    pub endpoint: &'static str,
}

/// What a key met.
#[derive(Debug)]
pub enum Begin {
    /// Nothing: do the work and call [`Claim::finish`].
    Fresh(Claim),
    /// The stored answer of the same request.
    Replay(Answer),
    /// The key was used for another request.
    Mismatch,
}

/// The right to carry a request out, and the duty to store its answer.
#[must_use = "store the answer with `finish`, or the request can be carried out again"]
#[derive(Debug)]
pub struct Claim {
    key: Vec<Value>,
    fingerprint: [u8; 32],
    created_at: Timestamp,
}

/// A stored answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its HTTP status.
    pub status: u16,
    /// Its body, JSON.
    pub body: Vec<u8>,
}

impl Answer {
    /// The answer as a response; `replayed` adds the header that flags a stored one (IDEM-2).
    pub fn to_response(&self, replayed: Replayed) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let json = HeaderValue::from_static("application/json");
        let mut response = (status, [(header::CONTENT_TYPE, json)], self.body.clone()).into_response();
        if replayed == Replayed::Yes {
            response.headers_mut().insert(REPLAYED.clone(), HeaderValue::from_static("true"));
        }
        response
    }
}

/// Whether an answer comes from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is the stored answer of an earlier request.
    Yes,
    /// It was made now.
    No,
}

/// Requests with a key that this node carries out at the moment. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Running(Arc<Mutex<HashMap<Asked, Begun>>>);

/// Caller, endpoint and key.
type Asked = Arc<(String, &'static str, String)>;

/// A request that runs, and the nonce of its signature.
type Begun = (Fingerprint, Option<String>);

/// A request's place among those that run; dropping it ends that.
#[must_use = "hold it until the work is done"]
#[derive(Debug)]
pub struct Turn {
    running: Running,
    asked: Asked,
}

impl Running {
    /// Takes a place for what `caller` asks of `endpoint`; it is kept until the turn is dropped. A copy of the very request
    /// that runs, known by the `nonce` of its signature, gets none: whoever counts nonces refuses it.
    ///
    /// # Errors
    /// While a request with this key runs: 409 `request_in_progress`, or 422 `idempotency_key_reused` if it is another one.
    pub fn enter(
        &self,
        (caller, endpoint, key): (String, &'static str, &IdempotencyKey),
        print: &Fingerprint,
        nonce: Option<&str>,
    ) -> Result<Option<Turn>, ApiError> {
        let asked = Arc::new((caller, endpoint, key.0.clone()));
        match self.lock().entry(Arc::clone(&asked)) {
            Entry::Vacant(place) => {
                place.insert((print.clone(), nonce.map(str::to_owned)));
                Ok(Some(Turn { running: self.clone(), asked }))
            }
            Entry::Occupied(place) if nonce.is_some() && place.get().1.as_deref() == nonce => Ok(None),
            Entry::Occupied(place) if print.is_of(&place.get().0.present) => Err(in_progress()),
            Entry::Occupied(_) => Err(mismatch()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Asked, Begun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.running.lock().remove(&self.asked);
    }
}

fn in_progress() -> ApiError {
    let text = "a request with this idempotency key still runs; ask again shortly";
    ApiError::new(&REQUEST_IN_PROGRESS, text).retry_after(1)
}

fn mismatch() -> ApiError {
    let text = "this idempotency key was used for a different request; take a new key";
    ApiError::new(&IDEMPOTENCY_KEY_REUSED, text)
}

/// Looks the key up.
///
/// # Errors
/// Those of the store.
pub fn begin(
    tx: &mut Tx,
    scope: &Scope,
    key: &IdempotencyKey,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Result<Begin, store::Error> {
    let key = row_key(scope, key);
    let found = tx.get(&IDEMPOTENCY_KEYS, &key)?;
    if let Some(begin) = found.map(|row| met(&row, fingerprint, now)).transpose()?.flatten() {
        return Ok(begin);
    }
    Ok(Begin::Fresh(Claim { key, fingerprint: fingerprint.present, created_at: now }))
}

/// What a stored row means for a request; `None` when the row is past its time.
fn met(row: &Row, fingerprint: &Fingerprint, now: Timestamp) -> Result<Option<Begin>, store::Error> {
    if row.time(8)? <= now {
        return Ok(None);
    }
    if !fingerprint.is_of(row.blob(4)?) {
        return Ok(Some(Begin::Mismatch));
    }
    let status = u16::try_from(row.int(5)?).unwrap_or(200);
    Ok(Some(Begin::Replay(Answer { status, body: row.blob(6)?.to_vec() })))
}

impl Claim {
    /// Stores the answer with the work.
    ///
    /// # Errors
    /// Those of the store.
    pub fn finish(self, tx: &mut Tx, status: u16, body: &[u8]) -> Result<(), store::Error> {
        let mut row = self.key;
        row.reserve_exact(IDEMPOTENCY_KEYS.width() - row.len());
        row.extend([
            Value::from(&self.fingerprint),
            Value::from(i64::from(status)),
            Value::from(body),
            Value::from(self.created_at),
            Value::from(self.created_at.plus_seconds(IDEMPOTENCY_KEEP_SECONDS)),
        ]);
        tx.put(&IDEMPOTENCY_KEYS, row)
    }
}

impl Begin {
    /// The claim of a fresh request, or the stored answer.
    ///
    /// # Errors
    /// 422 `idempotency_key_reused`.
    pub fn into_work(self) -> Result<Work, ApiError> {
        match self {
            Begin::Fresh(claim) => Ok(Work::Do(claim)),
            Begin::Replay(answer) => Ok(Work::Done(answer)),
            Begin::Mismatch => Err(mismatch()),
        }
    }
}

/// What is left to do for a request.
#[derive(Debug)]
pub enum Work {
    /// Everything.
    Do(Claim),
    /// Nothing: this is the answer.
    Done(Answer),
}

/// The key to prefetch for a request ([`store::Db::write_with`]).
pub fn prefetch_key(scope: &Scope, key: &IdempotencyKey) -> store::Key {
    store::Key::new(&IDEMPOTENCY_KEYS, row_key(scope, key))
}

fn row_key(scope: &Scope, key: &IdempotencyKey) -> Vec<Value> {
    vec![scope.shop.short().into(), (&scope.caller).into(), scope.endpoint.into(), key.as_str().into()]
}

/// Deletes up to [`SWEEP_ROWS_MAX`] keys past their time; returns how many. Call again while it returns the limit.
///
/// # Errors
/// Those of the store.
pub fn delete_expired_keys(db: &Db, now: Timestamp) -> Result<u64, store::Error> {
    crate::store::delete_expired(db, &IDEMPOTENCY_KEYS, now, SWEEP_ROWS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idem_6_keys_have_a_limit_on_both_sides() {
        let parse = |text: &str| IdempotencyKey::parse(text.as_bytes()).map(|key| key.0).ok();
        assert_eq!(parse("a").as_deref(), Some("a"));
        assert_eq!(parse("\"a\\\"b\\\\\"").as_deref(), Some("a\"b\\"));
        assert_eq!(parse("\"abc\""), parse("abc"));
        assert!(parse(&"k".repeat(IDEMPOTENCY_KEY_CHARS_MAX)).is_some());
        assert!(parse(&"k".repeat(IDEMPOTENCY_KEY_CHARS_MAX + 1)).is_none());
        for bad in ["", "\"\"", "a b", "\"a", "\"a\"b\"", "\"a\\b\"", "é", "\"", "\u{7f}"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn idem_1_a_missing_or_repeated_key_is_refused() {
        let mut headers = HeaderMap::new();
        assert_eq!(IdempotencyKey::required(&headers).unwrap_err().code.name, "idempotency_key_missing");
        headers.append(&HEADER, HeaderValue::from_static("one"));
        assert_eq!(IdempotencyKey::required(&headers).unwrap().as_str(), "one");
        headers.append(&HEADER, HeaderValue::from_static("one"));
        assert_eq!(IdempotencyKey::required(&headers).unwrap_err().code.name, "idempotency_key_invalid");
    }

    #[test]
    fn fingerprints_know_where_parts_end() {
        let (key, other) =
            (hmac::Key::new(hmac::HMAC_SHA256, b"one"), hmac::Key::new(hmac::HMAC_SHA256, b"two"));
        let of = |target, body: &[u8]| Fingerprint::of(&key, "POST", target, body);
        assert_ne!(of("/a", b"b"), of("/ab", b""));
        assert_eq!(of("/a", b"b"), of("/a", b"b"));
        assert_ne!(of("/a", b"b"), Fingerprint::of(&other, "POST", "/a", b"b"));
    }
}
