//! Signs and verifies as told, a JSON object a line, so that `oracles/signatures.py` can set another implementation of
//! RFC 9421 against ours in both directions.
//!
//! In: `{"do":"sign"|"verify","algorithm":"hmac-sha256"|"ed25519","key":"HEX","now":SECONDS,"method":…,"scheme":…,
//! "authority":…,"target":…,"body":…,"content_type":…,"idempotency_key":…,"headers":{…}}`. Out: `{"headers":{…}}`,
//! `{"accepted":"KEY ID"}` or `{"refused":"REASON"}`.

use std::error::Error;
use std::io::{BufRead as _, Write as _};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use base::{Dice, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use webkit::signing::{
    KeyRecord, Message, Outgoing, Policy, Presented, REQUEST_TAG, RequestParts, Signer, SigningKey,
    VerifyingKey,
};

#[derive(Deserialize)]
struct Task {
    #[serde(rename = "do")]
    what: String,
    algorithm: String,
    key: String,
    now: i64,
    method: String,
    scheme: String,
    authority: String,
    target: String,
    body: String,
    content_type: Option<String>,
    idempotency_key: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let task: Task = serde_json::from_str(&line?)?;
        let answer = if task.what == "sign" { sign(&task)? } else { verify(&task)? };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn sign(task: &Task) -> Result<Value, Box<dyn Error>> {
    let key = bytes(&task.key)?;
    let key = match task.algorithm.as_str() {
        "ed25519" => SigningKey::ed25519(&key)?,
        _ => SigningKey::hmac_sha256(&key)?,
    };
    let request = Outgoing {
        method: &task.method,
        scheme: &task.scheme,
        authority: &task.authority,
        target: &task.target,
        content_type: task.content_type.as_deref(),
        body: task.body.as_bytes(),
        idempotency_key: task.idempotency_key.as_deref(),
    };
    let dice = Dice::predictable_for_tests(task.now.unsigned_abs());
    let headers = Signer::new("ours", key).sign_request(&request, now(task), &dice)?;
    let fields = headers.iter().map(|(name, value)| Ok((name.to_string(), json!(value.to_str()?))));
    let fields: Map<String, Value> = fields.collect::<Result<_, Box<dyn Error>>>()?;
    Ok(json!({ "headers": fields }))
}

fn verify(task: &Task) -> Result<Value, Box<dyn Error>> {
    let key = bytes(&task.key)?;
    let key = match task.algorithm.as_str() {
        "ed25519" => VerifyingKey::ed25519(&key)?,
        _ => VerifyingKey::hmac_sha256(&key)?,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &task.headers {
        headers
            .append(name.parse::<HeaderName>()?, HeaderValue::from_str(value.as_str().unwrap_or_default())?);
    }
    let (path, query) = match task.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (task.target.as_str(), None),
    };
    let request = RequestParts {
        method: &task.method,
        scheme: &task.scheme,
        authority: &task.authority,
        path,
        query,
        headers: &headers,
        trailers: None,
    };
    let presented = match Presented::read(&headers, REQUEST_TAG) {
        Ok(Some(presented)) => presented,
        Ok(None) => return Ok(json!({ "refused": "signature_missing" })),
        Err(_) => return Ok(json!({ "refused": "signature_malformed" })),
    };
    let policy = Policy::of_method(&task.method.parse::<Method>()?);
    let message = Message::Request(request);
    Ok(match presented.verify(&message, task.body.as_bytes(), &KeyRecord::always(key), policy, now(task)) {
        Ok(accepted) => json!({ "accepted": accepted.key_id }),
        Err(refusal) => json!({ "refused": refusal.reason() }),
    })
}

fn now(task: &Task) -> Timestamp {
    Timestamp(0).plus_seconds(task.now)
}

fn bytes(hex: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?));
    pairs.collect()
}
