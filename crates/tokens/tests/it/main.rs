//! Cards and personal data, from the rule to the row.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on stops")]

mod customers;
mod importing;
mod keyed;
mod openings;
mod payout;
mod secrecy;
mod tokens;
mod world;
