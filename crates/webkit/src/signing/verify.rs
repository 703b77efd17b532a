//! Verification: parameters, coverage, key, time, body and last the signature itself.

use axum::http::{HeaderName, StatusCode};
use base::Timestamp;

use super::component::{
    AUTHORITY, CONTENT_DIGEST, CONTENT_TYPE, Component, ComponentError, IDEMPOTENCY_KEY, METHOD, PATH, QUERY,
    REQUEST_METHOD, STATUS,
};
use super::digest::{DIGEST_HEADER, DigestError, check_digest};
use super::keys::KeyRecord;
use super::message::Message;
use super::read::{Malformed, Presented};
use super::{REQUEST_TAG, RESPONSE_TAG};
use crate::error::{ApiError, SIGNATURE_MALFORMED, SIGNATURE_REFUSED};
use crate::idempotency;
use crate::limits::{SIGNATURE_BASE_BYTES_MAX, SIGNATURE_WINDOW_SECONDS};

/// A nonce is kept this much longer than its signature can be fresh, for clocks that step back.
const FORGET_SLACK_SECONDS: i64 = 60;

/// What a signature must cover and carry.
#[derive(Debug)]
pub struct Policy {
    tag: &'static str,
    required: &'static [Component],
    /// `expires` and `nonce` are needed too.
    once: bool,
}

static READ: [Component; 4] = [METHOD, AUTHORITY, PATH, QUERY];
static WRITE: [Component; 6] = [METHOD, AUTHORITY, PATH, QUERY, CONTENT_TYPE, CONTENT_DIGEST];
static ANSWER: [Component; 3] = [STATUS, CONTENT_DIGEST, REQUEST_METHOD];
static DIGEST: Component = CONTENT_DIGEST;
static ONCE_KEY: Component = IDEMPOTENCY_KEY;

impl Policy {
    /// A request that changes nothing.
    pub const READ: Policy = Policy { tag: REQUEST_TAG, required: &READ, once: true };
    /// A request that changes something (SIG-2).
    pub const WRITE: Policy = Policy { tag: REQUEST_TAG, required: &WRITE, once: true };
    /// An answer (SIG-8).
    pub const RESPONSE: Policy = Policy { tag: RESPONSE_TAG, required: &ANSWER, once: false };

    /// The policy of a request by its method: `GET` and `HEAD` read, all others write.
    pub fn of_method(method: &axum::http::Method) -> &'static Policy {
        static POLICIES: [Policy; 2] = [Policy::READ, Policy::WRITE];
        let [read, write] = &POLICIES;
        if matches!(method.as_str(), "GET" | "HEAD") { read } else { write }
    }
}

/// A verified signature. Before the work is done its nonce must be noted with [`crate::replay::insert_nonce`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Which key.
    pub key_id: String,
    /// Its nonce; empty for an answer.
    pub nonce: String,
    /// When it was made.
    pub created: Timestamp,
    /// After this instant the nonce may be forgotten, since the signature is stale.
    pub forget_at: Timestamp,
}

/// Why a signature is refused. Callers see a malformed one and one answer for the rest; the audit sees the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The fields cannot be read.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// No signature where one is needed.
    #[error("the request must be signed, see `signature-input` and `signature` of RFC 9421")]
    Unsigned,
    /// A parameter is missing.
    #[error("the signature must have the parameter `{0}`")]
    MissingParameter(&'static str),
    /// A component must be covered and is not.
    #[error("the signature must cover `{0}`")]
    NotCovered(&'static str),
    /// A covered component has no value in the message.
    #[error("{0}")]
    NoValue(ComponentError),
    /// Made for something else.
    #[error("the signature is for another purpose")]
    WrongTag,
    /// Not the algorithm of the key.
    #[error("the signature names another algorithm than its key has")]
    WrongAlgorithm,
    /// No such key.
    #[error("there is no such key")]
    UnknownKey,
    /// The key is disabled, expired or not yet valid.
    #[error("the key is disabled, expired or not yet valid")]
    UnusableKey,
    /// `created` is too far from now.
    #[error("the signature was not made within {SIGNATURE_WINDOW_SECONDS} s of now")]
    Skewed,
    /// `expires` has passed.
    #[error("the signature has expired")]
    Expired,
    /// The body is not the one signed.
    #[error("{0}")]
    Digest(DigestError),
    /// The signature is not the key's.
    #[error("the signature is wrong")]
    Wrong,
    /// The nonce was used before.
    #[error("the nonce was used before")]
    Replayed,
}

impl Refusal {
    /// A stable name for the audit log (SIG-9).
    pub const fn reason(&self) -> &'static str {
        match self {
            Refusal::Malformed(_) => "signature_malformed",
            Refusal::Unsigned => "signature_missing",
            Refusal::MissingParameter(_) => "signature_parameter_missing",
            Refusal::NotCovered(_) => "signature_covers_too_little",
            Refusal::NoValue(_) => "signature_component_absent",
            Refusal::WrongTag => "signature_tag_wrong",
            Refusal::WrongAlgorithm => "signature_algorithm_wrong",
            Refusal::UnknownKey => "signature_key_unknown",
            Refusal::UnusableKey => "signature_key_unusable",
            Refusal::Skewed => "signature_clock_skew",
            Refusal::Expired => "signature_expired",
            Refusal::Digest(_) => "signature_digest_mismatch",
            Refusal::Wrong => "signature_wrong",
            Refusal::Replayed => "signature_replayed",
        }
    }

    /// Whether the text tells a caller only what the message itself shows.
    const fn is_plain_to_see(&self) -> bool {
        matches!(
            self,
            Refusal::Unsigned
                | Refusal::MissingParameter(_)
                | Refusal::NotCovered(_)
                | Refusal::NoValue(_)
                | Refusal::Digest(_)
        )
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        match &refusal {
            Refusal::Malformed(malformed) => ApiError::new(&SIGNATURE_MALFORMED, malformed.to_string()),
            seen if seen.is_plain_to_see() => ApiError::new(&SIGNATURE_REFUSED, seen.to_string()),
            _ => ApiError::new(
                &SIGNATURE_REFUSED,
                "the signature was refused; check key, clock and that each request has a fresh nonce",
            ),
        }
        .because(refusal.reason())
    }
}

/// The signature base (RFC 9421 §2.5).
///
/// # Errors
/// A component without a value.
pub fn signature_base(
    components: &[Component],
    message: &Message<'_>,
    params_text: &str,
) -> Result<String, ComponentError> {
    let mut base = String::with_capacity(1024);
    for component in components {
        component.append_line(message, &mut base)?;
        base.push('\n');
        if base.len() > SIGNATURE_BASE_BYTES_MAX {
            let what = component.text().to_owned();
            return Err(ComponentError::Unreadable(what, "the signature base is too long"));
        }
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(params_text);
    Ok(base)
}

impl Presented<'_> {
    /// The signature base of this signature over `message`.
    ///
    /// # Errors
    /// A component without a value.
    pub fn base(&self, message: &Message<'_>) -> Result<String, ComponentError> {
        signature_base(self.components(), message, &self.params_text)
    }

    /// Whether the signature itself is the key's over `message`; nothing else is checked.
    ///
    /// # Errors
    /// A component without a value.
    pub fn is_signed_by(
        &self,
        message: &Message<'_>,
        key: &super::VerifyingKey,
    ) -> Result<bool, ComponentError> {
        Ok(key.verifies(self.base(message)?.as_bytes(), &self.signature))
    }

    /// Verifies everything but the nonce's first use.
    ///
    /// # Errors
    /// The first [`Refusal`] found.
    pub fn verify(
        &self,
        message: &Message<'_>,
        body: &[u8],
        record: &KeyRecord,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Accepted, Refusal> {
        self.check_lengths()?;
        let accepted = self.check_params(policy)?;
        self.check_coverage(message, body, policy)?;
        if self.params.alg.as_deref() != Some(record.key.algorithm().name()) {
            return Err(Refusal::WrongAlgorithm);
        }
        if !record.is_usable(now) {
            return Err(Refusal::UnusableKey);
        }
        self.check_time(now)?;
        if self.covers(&DIGEST) {
            let headers = message.fields(false).ok_or(Refusal::Digest(DigestError::Missing))?;
            check_digest(headers, body).map_err(Refusal::Digest)?;
        }
        match self.is_signed_by(message, &record.key) {
            Ok(true) => Ok(accepted),
            Ok(false) => Err(Refusal::Wrong),
            Err(error) => Err(Refusal::NoValue(error)),
        }
    }

    fn check_params(&self, policy: &Policy) -> Result<Accepted, Refusal> {
        let params = &self.params;
        let created = params.created.ok_or(Refusal::MissingParameter("created"))?;
        let key_id = params.keyid.as_deref().ok_or(Refusal::MissingParameter("keyid"))?;
        params.alg.as_deref().ok_or(Refusal::MissingParameter("alg"))?;
        let tag = params.tag.as_deref().ok_or(Refusal::MissingParameter("tag"))?;
        if policy.once {
            params.expires.ok_or(Refusal::MissingParameter("expires"))?;
            params.nonce.as_deref().ok_or(Refusal::MissingParameter("nonce"))?;
        }
        if tag != policy.tag {
            return Err(Refusal::WrongTag);
        }
        let created = Timestamp(0).plus_seconds(created);
        Ok(Accepted {
            key_id: key_id.to_owned(),
            nonce: params.nonce.as_deref().unwrap_or_default().to_owned(),
            created,
            forget_at: created.plus_seconds(SIGNATURE_WINDOW_SECONDS + FORGET_SLACK_SECONDS),
        })
    }

    /// Required components; with a body also its digest, with an idempotency key also that: else whoever holds back a
    /// request could send it under another key, and the sender's retry would be a second payment.
    fn check_coverage(&self, message: &Message<'_>, body: &[u8], policy: &Policy) -> Result<(), Refusal> {
        for component in policy.required {
            self.check_covered(component)?;
        }
        if !body.is_empty() {
            self.check_covered(&DIGEST)?;
        }
        let sent = |name: &HeaderName| message.fields(false).is_some_and(|fields| fields.contains_key(name));
        if sent(&DIGEST_HEADER) {
            self.check_covered(&DIGEST)?;
        }
        if message.request().is_some() && sent(&idempotency::HEADER) {
            self.check_covered(&ONCE_KEY)?;
        }
        Ok(())
    }

    fn check_covered(&self, component: &'static Component) -> Result<(), Refusal> {
        if self.covers(component) { Ok(()) } else { Err(Refusal::NotCovered(component.text())) }
    }

    /// `created` within the window either way, and not after `expires` (SIG-4).
    fn check_time(&self, now: Timestamp) -> Result<(), Refusal> {
        let at = |seconds: i64| Timestamp(0).plus_seconds(seconds);
        let age_ms = self.params.created.map_or(i64::MAX, |created| now.millis_since(at(created)));
        if age_ms.unsigned_abs() > SIGNATURE_WINDOW_SECONDS.unsigned_abs() * 1000 {
            return Err(Refusal::Skewed);
        }
        if self.params.expires.is_some_and(|expires| now > at(expires)) {
            return Err(Refusal::Expired);
        }
        Ok(())
    }
}

/// The status a refusal is answered with: 400 for what cannot be read, else 401.
impl From<&Refusal> for StatusCode {
    fn from(refusal: &Refusal) -> StatusCode {
        match refusal {
            Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::UNAUTHORIZED,
        }
    }
}
