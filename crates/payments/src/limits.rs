//! Limits of payments. Each has a unit in its name.

/// How long a dynamic code, and the payment behind it, can be paid unless the shop says otherwise.
pub const CODE_SECONDS_DEFAULT: i64 = 15 * 60;
/// Longest life of a dynamic code.
pub const CODE_SECONDS_MAX: i64 = 24 * 60 * 60;
/// Shortest life of a dynamic code.
pub const CODE_SECONDS_MIN: i64 = 30;
/// How long a buyer may take to answer "is this you?".
pub const CHALLENGE_SECONDS_MAX: i64 = 10 * 60;
/// How long a payment may wait for a member's review.
pub const REVIEW_SECONDS_MAX: i64 = 24 * 60 * 60;
/// Longest order reference.
pub const REFERENCE_CHARS_MAX: usize = 64;
/// Longest order description, and longest reason of a refund or review.
pub const DESCRIPTION_CHARS_MAX: usize = 140;
/// Longest name of a shop, terminal or printed code.
pub const NAME_CHARS_MAX: usize = 60;
/// Bytes of a confirmation's nonce, at least and at most.
pub const NONCE_BYTES_MIN: usize = 16;
/// See [`NONCE_BYTES_MIN`].
pub const NONCE_BYTES_MAX: usize = 64;
/// Bytes of a nonce of our own.
pub const NONCE_BYTES: usize = 32;
/// Most refunds of one payment.
pub const REFUNDS_MAX: i64 = 50;
