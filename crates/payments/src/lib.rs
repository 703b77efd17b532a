//! Payments: codes, orders, payments, reviews, refunds, stored balances.
//!
//! A payment waits, is confirmed by its payer with a PIN bound to amount and payee, is screened, and then moves money,
//! pauses, waits for a member, or is declined; see [`payment`] for its states. Nothing here waits for the network.
//! Reading order: `payment.rs`, `create.rs`, `confirm.rs` (the busiest path), then `challenge.rs`, `review.rs`,
//! `refund.rs` and what takes two people (`refund_limit.rs`, `refund_proposal.rs`); SQL is in `store.rs`, JSON in `routes/`, HTML in `pages/`.
//!
//! INVARIANT: money moves in `settle` and `refund` alone, each with its audit entry in the same transaction.

pub mod balance;
pub mod challenge;
pub mod code;
pub mod code_token;
pub mod confirm;
pub mod confirmation;
pub mod create;
pub mod day_limit;
pub mod desk;
pub mod emv;
mod keyed;
pub mod labels;
pub mod limits;
pub mod order;
pub mod payment;
pub mod place;
pub mod proof;
mod record;
pub mod refund;
pub mod refund_limit;
pub mod refund_proposal;
pub mod review;
pub mod routes;
pub mod rules;
pub mod screening;
pub mod shop;
pub mod store;
pub mod text;

pub use keyed::KEYED;
pub use payment::{DeclineReason, Origin, Payment, State};
pub use screening::{Origination, Screen};
pub mod pages;
