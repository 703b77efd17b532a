//! Limits that hold everywhere. Each has a unit in its name and a test at the limit and one past it.

/// Largest amount of one payment, refund or top-up, in minor units (ten billion yuan in fen).
pub const AMOUNT_MAX_MINOR: i64 = 1_000_000_000_000;
/// Longest text an id may have.
pub const ID_CHARS_MAX: usize = 40;
