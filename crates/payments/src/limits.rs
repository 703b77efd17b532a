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
/// Longest span that a shop tells of a payer's past, days: a hundred years.
pub const PAST_DAYS_MAX: f64 = 36_500.0;
/// The same in hours.
pub const PAST_HOURS_MAX: f64 = PAST_DAYS_MAX * 24.0;
/// The same in minutes.
pub const PAST_MINUTES_MAX: f64 = PAST_HOURS_MAX * 60.0;
/// Most wrong PINs of a day that a shop tells of.
pub const FAILED_PINS_MAX: u32 = 10_000;
/// Bytes of a confirmation's nonce, at least and at most.
pub const NONCE_BYTES_MIN: usize = 16;
/// See [`NONCE_BYTES_MIN`].
pub const NONCE_BYTES_MAX: usize = 64;
/// Bytes of a nonce of our own.
pub const NONCE_BYTES: usize = 32;
/// Most refunds of one payment.
pub const REFUNDS_MAX: i64 = 50;
/// What one person may give back of one payment in a shop that set no limit of its own, minor units: 1,000.00 in most
/// currencies.
pub const REFUND_LIMIT_DEFAULT_MINOR: i64 = 100_000;
/// Highest limit that a shop can set, minor units: no payment is larger.
pub const REFUND_LIMIT_MINOR_MAX: i64 = base::limits::AMOUNT_MAX_MINOR;
/// How long ago the second factor may have been given by whoever asks for a refund above the limit, in seconds.
pub const REFUND_STEP_UP_SECONDS: i64 = identity::limits::STEP_UP_SECONDS;
/// Rules that no shop quiets: guessed PINs, emptied accounts and copied codes cost buyers money at every shop.
pub const FIXED_RULES: [&str; 3] = ["device_pin_guessing", "takeover_drain", "code_scanned_apart"];
/// Newest decisions of a shop among which is counted how often its rules fired.
pub const RULE_DECISIONS_MAX: i64 = 500;
