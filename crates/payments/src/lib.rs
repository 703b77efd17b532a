//! Codes, payments, refunds and orders.

pub mod code_token;
pub mod emv;
pub mod qr;
