//! A signed promise that an entry will be in the log, given with the answer to a payment.
//!
//! Like a signed certificate timestamp of certificate transparency: it is made after the commit, outside the
//! committer, from the leaf hash alone, and holds before any checkpoint covers the entry. An entry that is removed
//! before it got a position is caught by its promise.
//!
//! **Statement** (Ed25519, the log's key): the tag `tillward audit promise v1`, the origin, the entry's id, the leaf
//! hash and the time (8 bytes, big-endian milliseconds), each preceded by its length in 4 bytes, big-endian. It begins
//! with a zero byte, so it can never be the text of a note.
//!
//! **Text form** for receipts, one word: `twp1:ENTRY:MILLISECONDS:LEAF:SIGNATURE:ORIGIN`, hash and signature in
//! base64 for addresses (RFC 4648 §5, no padding).

use std::fmt;
use std::str::FromStr;

use base::{EntryId, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::note::{KEY_NAME_BYTES_MAX, SIGNATURE_BYTES, Signer, VerifierKey};
use crate::tree::Digest;

const TAG: &[u8] = b"tillward audit promise v1";
const PREFIX: &str = "twp1";
/// Longest text form of a promise.
pub const PROMISE_BYTES_MAX: usize = 256 + KEY_NAME_BYTES_MAX;

/// What [`crate::append`] gives: an entry's id and leaf hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Which entry.
    pub entry_id: EntryId,
    /// Its hash as a leaf of the tree.
    pub leaf_hash: Digest,
}

/// A promise. Nothing in it is checked before [`Promise::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Which log.
    pub origin: String,
    /// Which entry, and its hash.
    pub leaf: Leaf,
    /// When the promise was given.
    pub at: Timestamp,
    signature: [u8; SIGNATURE_BYTES],
}

/// Why a promise was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromiseError {
    /// Not the text form of a promise.
    #[error("not a promise; it looks like `{PREFIX}:aud_…:1772357400123:…:…:shop.example/audit`")]
    Malformed,
    /// Another log's promise.
    #[error("the promise is of another log than the key")]
    OtherLog,
    /// The signature does not fit.
    #[error("the promise's signature is wrong: the promise was changed or never given")]
    WrongSignature,
}

impl Promise {
    /// Promises that `leaf` will be in the log. Call it once the entry is durable.
    pub fn sign(signer: &Signer, leaf: Leaf, at: Timestamp) -> Promise {
        let signature = signer.sign(&statement(signer.origin(), &leaf, at));
        Promise { origin: signer.origin().to_owned(), leaf, at, signature }
    }

    /// Checks that the log with this key gave the promise.
    ///
    /// # Errors
    /// [`PromiseError::OtherLog`], [`PromiseError::WrongSignature`].
    pub fn verify(&self, key: &VerifierKey) -> Result<(), PromiseError> {
        if self.origin != key.name() {
            return Err(PromiseError::OtherLog);
        }
        let good = key.check(&statement(&self.origin, &self.leaf, self.at), &self.signature);
        if good { Ok(()) } else { Err(PromiseError::WrongSignature) }
    }

    fn read(text: &str) -> Option<Promise> {
        let mut parts = text.splitn(6, ':');
        if text.len() > PROMISE_BYTES_MAX || parts.next()? != PREFIX {
            return None;
        }
        let entry_id = parts.next()?.parse().ok()?;
        let millis = parts.next()?;
        let at: i64 = millis.parse().ok()?;
        let leaf_hash = Digest::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?)?;
        let signature = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
        let origin = parts.next()?.to_owned();
        let leaf = Leaf { entry_id, leaf_hash };
        (at.to_string() == millis).then_some(Promise { origin, leaf, at: Timestamp(at), signature })
    }
}

fn statement(origin: &str, leaf: &Leaf, at: Timestamp) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    let entry_id = leaf.entry_id.to_string();
    for part in [TAG, origin.as_bytes(), entry_id.as_bytes(), &leaf.leaf_hash.0, &at.millis().to_be_bytes()] {
        out.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(part);
    }
    out
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaf = URL_SAFE_NO_PAD.encode(self.leaf.leaf_hash.0);
        let signature = URL_SAFE_NO_PAD.encode(self.signature);
        let (entry, millis) = (self.leaf.entry_id, self.at.millis());
        write!(f, "{PREFIX}:{entry}:{millis}:{leaf}:{signature}:{}", self.origin)
    }
}

impl FromStr for Promise {
    type Err = PromiseError;

    fn from_str(text: &str) -> Result<Promise, PromiseError> {
        Promise::read(text).ok_or(PromiseError::Malformed)
    }
}

/// Reads a promise and checks it: the one call for whoever holds a receipt and the public key.
///
/// # Errors
/// [`PromiseError`].
pub fn verify_promise(key: &VerifierKey, text: &str) -> Result<Promise, PromiseError> {
    let promise: Promise = text.parse()?;
    promise.verify(key)?;
    Ok(promise)
}
