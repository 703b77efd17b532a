//! Limits of the web edge. Each has a unit in its name and a test at the limit and one past it.

/// Largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Longest wait for a request to be answered, in milliseconds.
pub const REQUEST_MS_MAX: u64 = 30_000;
/// Longest text of one message in an error body, in characters; the rest is cut.
pub const ERROR_MESSAGE_CHARS_MAX: usize = 300;
/// Most problems reported in one error body.
pub const ERROR_DETAILS_MAX: usize = 50;

/// Items of a page of a list when the caller asks for no number.
pub const PAGE_ITEMS_DEFAULT: u32 = 20;
/// Most items of a page of a list.
pub const PAGE_ITEMS_MAX: u32 = 100;
/// Longest cursor, in characters.
pub const CURSOR_CHARS_MAX: usize = 512;

/// Longest `Idempotency-Key`, in characters.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// How long an idempotency key and its answer are kept, in seconds.
pub const IDEMPOTENCY_KEEP_SECONDS: i64 = 24 * 3600;

/// How far `created` of a signature may be from now, either way, in seconds.
pub const SIGNATURE_WINDOW_SECONDS: i64 = 300;
/// Shortest nonce of a signature, in characters.
pub const NONCE_CHARS_MIN: usize = 16;
/// Longest nonce of a signature, in characters.
pub const NONCE_CHARS_MAX: usize = 64;
/// Longest `keyid` of a signature, in characters.
pub const KEY_ID_CHARS_MAX: usize = 64;
/// Most components one signature may cover.
pub const COMPONENTS_MAX: usize = 32;
/// Longest `Signature`, `Signature-Input` or `Content-Digest` field, in bytes.
pub const SIGNATURE_FIELD_BYTES_MAX: usize = 4096;
/// Longest signature base, in bytes.
pub const SIGNATURE_BASE_BYTES_MAX: usize = 16 * 1024;
/// Shortest secret of an HMAC key, in bytes (the width of SHA-256).
pub const HMAC_SECRET_BYTES_MIN: usize = 32;

/// Most rows one sweep of expired nonces or idempotency keys deletes in one transaction. Small, since
/// payments of the same moment wait for it; whoever sweeps calls again until fewer go.
pub const SWEEP_ROWS_MAX: i64 = 500;

/// Most keys one throttle remembers; callers beyond them share one bucket.
pub const THROTTLE_KEYS_MAX: usize = 65_536;

/// Largest `Cookie` field that is read, in bytes.
pub const COOKIE_BYTES_MAX: usize = 8192;

/// Longest signed token that is read, in bytes.
pub const JWS_BYTES_MAX: usize = 8 * 1024;
/// Longest name of a public key, in characters.
pub const JWK_NAME_CHARS_MAX: usize = 128;
/// Shortest modulus of an RSA key, in bytes: 2,048 bits (FAPI 2.0 §5.4.1).
pub const RSA_BYTES_MIN: usize = 256;
/// Longest modulus of an RSA key, in bytes; longer ones cost time and bring nothing.
pub const RSA_BYTES_MAX: usize = 512;
