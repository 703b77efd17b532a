//! HTTP Message Signatures (RFC 9421) and Digest Fields (RFC 9530), for requests and for our answers.
//!
//! A server reads what a request presents ([`Presented::read`]), finds the key by [`Presented::key_id`], and calls
//! [`Presented::verify`] with the [`Policy`] of the endpoint; then [`crate::replay::insert_nonce`] inside the work's
//! transaction. A client signs with a [`Signer`]. Time and nonces are arguments.
//!
//! There are two readers of the signature fields, a general one over structured fields and a fast one for the form our
//! own [`Signer`] writes; whatever the fast one accepts, the general one reads alike (a property test holds that).
//! Everything after reading is one code: the base is built byte by byte as RFC 9421 §2.5 says.
//!
//! Reading order: `message.rs`, `component.rs`, `read.rs`, `verify.rs`; then `digest.rs`, `keys.rs`, `sign.rs`.

mod component;
mod digest;
mod fast;
mod keys;
mod message;
mod read;
mod sign;
mod verify;

pub use component::{Component, ComponentError};
pub use digest::{DIGEST_HEADER, DigestError, check_digest, digest_sha256, digest_sha512};
pub use keys::{Algorithm, KeyError, KeyRecord, SigningKey, VerifyingKey};
pub use message::{Message, RequestParts, ResponseParts};
pub use read::{Malformed, Params, Presented};
pub use sign::{Outgoing, SignedHeaders, Signer};
pub use verify::{Accepted, Policy, Refusal, signature_base};

/// The `tag` of requests.
pub const REQUEST_TAG: &str = "tillward-v1";
/// The `tag` of answers.
pub const RESPONSE_TAG: &str = "tillward-v1-response";
