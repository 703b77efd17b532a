//! The result of a payment and its receipt: what, when, in which state, for what, and its proof.

use askama::Template;
use base::{Money, Timestamp};
use webkit::page::Frame;

use super::shown::PaymentShown;

/// Result and receipt for the buyer, in every state. Template `receipt.html`.
#[derive(Template)]
#[template(path = "receipt.html")]
pub struct ReceiptPage {
    /// The frame.
    pub page: Frame,
    /// Name of the shop.
    pub shop: String,
    /// Whether the shop's identity was verified.
    pub verified: bool,
    /// The amount of the payment.
    pub amount: Money,
    /// Its state.
    pub state: PaymentShown,
    /// When it reached this state.
    pub at: Timestamp,
    /// What it is for; empty when the shop said nothing.
    pub order_line: String,
    /// The shop's own order number; empty when there is none.
    pub order_reference: String,
    /// The payment method in words.
    pub method: String,
    /// The payment's id.
    pub payment_id: String,
    /// What the buyer is told about a payment that was declined; empty for the usual sentence.
    pub reason: String,
    /// What was given back; absent for nothing.
    pub refunded: Option<Money>,
    /// The log entry's fingerprint, in hex; empty when there is no entry yet.
    pub leaf_hash: String,
    /// The log entry's position; absent until a checkpoint covers it.
    pub log_entry: Option<u64>,
    /// How many entries the covering checkpoint has.
    pub log_size: u64,
    /// The covering checkpoint's root, in base64 or hex.
    pub log_root: String,
    /// The log's signed promise to include the entry, one word; empty when there is none.
    pub promise: String,
    /// Where entry and proof can be downloaded; empty for none.
    pub proof_href: String,
    /// Where "this was not me" leads; empty to leave it out.
    pub not_me_href: String,
    /// Where a declined payment can be tried again; empty to leave it out.
    pub again_href: String,
    /// The buyer's own payments; empty to leave it out.
    pub own_href: String,
}
