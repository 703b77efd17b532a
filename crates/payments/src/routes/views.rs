//! How payments look in JSON.

use std::str::FromStr;

use audit::{Digest, Leaf, Promise, Signer};
use base::{ScopedId, Timestamp};
use identity::approvals::{Approval, ApprovalState};
use serde::Serialize;
use utoipa::ToSchema;

use super::Context;
use crate::code::{StaticCode, claims_of, claims_of_static};
use crate::code_token::CodeToken;
use crate::order::Order;
use crate::payment::{DeclineReason, Payment, State};
use crate::refund::Refund;
use crate::refund_proposal::RefundProposal;
use crate::shop::Terminal;

/// An order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderView {
    /// Its id.
    pub id: String,
    /// What it costs, minor units.
    pub amount_minor: i64,
    /// ISO 4217 currency.
    pub currency: String,
    /// The shop's own reference.
    pub reference: Option<String>,
    /// What is bought.
    pub description: Option<String>,
    /// The payment that paid it.
    pub payment: Option<String>,
    /// When it was made, RFC 3339.
    pub created_at: String,
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> OrderView {
        OrderView {
            id: order.id.to_string(),
            amount_minor: order.amount.minor,
            currency: order.amount.currency.to_string(),
            reference: order.reference.clone(),
            description: order.description.clone(),
            payment: order.payment.map(|id| id.to_string()),
            created_at: order.created_at.to_rfc3339(),
        }
    }
}

/// A terminal.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TerminalView {
    /// Its id.
    pub id: String,
    /// What the shop calls it.
    pub name: String,
    /// Where it stands, degrees north; absent for where the shop is.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// When it was set up, RFC 3339.
    pub created_at: String,
}

impl From<&Terminal> for TerminalView {
    fn from(terminal: &Terminal) -> TerminalView {
        let (latitude, longitude) = terminal.place.map(risk::Place::degrees).unzip();
        TerminalView {
            id: terminal.id.to_string(),
            name: terminal.name.clone(),
            latitude,
            longitude,
            created_at: terminal.created_at.to_rfc3339(),
        }
    }
}

/// A payment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentView {
    /// Its id.
    pub id: String,
    /// The shop that is paid.
    pub shop: String,
    /// Amount in minor units.
    pub amount_minor: i64,
    /// ISO 4217 currency.
    pub currency: String,
    /// `waiting`, `paused`, `in_review`, `paid`, `partly_refunded`, `refunded`, `declined`, `expired` or `cancelled`.
    pub state: &'static str,
    /// Why it was declined: `insufficient_funds`, `not_accepted`, `refused_by_payer` or `refused_in_review`.
    pub decline: Option<&'static str>,
    /// What was given back, minor units.
    pub refunded_minor: i64,
    /// The order it pays.
    pub order: Option<String>,
    /// The shop's own reference.
    pub reference: Option<String>,
    /// What is bought.
    pub description: Option<String>,
    /// The code it is scanned by.
    pub code: String,
    /// What the code's QR symbol holds, while it can be paid.
    pub pay_url: Option<String>,
    /// The screening decision.
    pub decision: Option<String>,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// When it ends by itself, RFC 3339.
    pub expires_at: String,
    /// When the payer confirmed it, RFC 3339.
    pub confirmed_at: Option<String>,
    /// When it reached a final state, RFC 3339.
    pub settled_at: Option<String>,
    /// Its last entry in the audit log.
    pub audit: Option<AuditView>,
}

/// An entry of the audit log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// The entry.
    pub entry: String,
    /// Its leaf hash, hexadecimal. Given with the answer to the request that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
    /// When the promise is dated, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promised_at: Option<i64>,
    /// The log's signed promise to include the entry; see `tillward audit verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<String>,
}

impl PaymentView {
    /// A payment as it stands at `now`.
    pub fn new(context: &Context, payment: &Payment, now: Timestamp) -> PaymentView {
        let state = payment.state_at(now);
        let pay_url = (state == State::Waiting).then(|| pay_url(context, payment)).flatten();
        let time = |at: Timestamp| at.to_rfc3339();
        PaymentView {
            id: payment.id.to_string(),
            shop: payment.id.shop().to_string(),
            amount_minor: payment.amount.minor,
            currency: payment.amount.currency.to_string(),
            state: state.name(),
            decline: payment.decline.map(DeclineReason::name),
            refunded_minor: payment.refunded_minor,
            order: payment.order.map(|id| id.to_string()),
            reference: payment.reference.clone(),
            description: payment.description.clone(),
            code: payment.code().to_string(),
            pay_url,
            decision: payment.decision.map(|id| id.to_string()),
            created_at: time(payment.created_at),
            expires_at: time(payment.expires_at),
            confirmed_at: payment.confirmed_at.map(time),
            settled_at: payment.settled_at.map(time),
            audit: payment.entry.map(|entry| AuditView {
                entry: entry.to_string(),
                leaf: None,
                promised_at: None,
                promise: None,
            }),
        }
    }

    /// The same with the leaf of the entry that was just made; [`with_promise`] adds the promise after the commit.
    #[must_use]
    pub fn with_leaf(mut self, leaf: &Leaf, now: Timestamp) -> PaymentView {
        self.audit = Some(AuditView {
            entry: leaf.entry_id.to_string(),
            leaf: Some(hex(&leaf.leaf_hash.0)),
            promised_at: Some(now.millis()),
            promise: None,
        });
        self
    }
}

/// What the QR symbol of a payment holds.
pub fn pay_url(context: &Context, payment: &Payment) -> Option<String> {
    let token = match payment.origin {
        crate::payment::Origin::Dynamic => CodeToken::issue(&context.code_key(), &claims_of(payment)).ok()?,
        crate::payment::Origin::Static(_) => return None,
    };
    Some(token.url(context.public_url()))
}

/// A printed code.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CodeView {
    /// Its id.
    pub id: String,
    /// `static`.
    pub kind: &'static str,
    /// What the shop calls it.
    pub name: String,
    /// Where it stands.
    pub terminal: Option<String>,
    /// ISO 4217 currency that is typed in.
    pub currency: String,
    /// What its QR symbol holds.
    pub url: Option<String>,
    /// When the shop took it back, RFC 3339.
    pub revoked_at: Option<String>,
    /// When it was made, RFC 3339.
    pub created_at: String,
}

impl CodeView {
    /// A printed code.
    pub fn new(context: &Context, code: &StaticCode) -> CodeView {
        CodeView {
            id: code.id.to_string(),
            kind: "static",
            name: code.name.clone(),
            terminal: code.terminal.map(|id| id.to_string()),
            currency: code.currency.to_string(),
            url: static_url(context, code),
            revoked_at: code.revoked_at.map(Timestamp::to_rfc3339),
            created_at: code.created_at.to_rfc3339(),
        }
    }
}

/// What the QR symbol of a printed code holds.
pub fn static_url(context: &Context, code: &StaticCode) -> Option<String> {
    let token = CodeToken::issue(&context.code_key(), &claims_of_static(code)).ok()?;
    Some(token.url(context.public_url()))
}

/// A refund.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefundView {
    /// Its id.
    pub id: String,
    /// The payment.
    pub payment: String,
    /// How much, minor units.
    pub amount_minor: i64,
    /// ISO 4217 currency.
    pub currency: String,
    /// Why.
    pub reason: Option<String>,
    /// When, RFC 3339.
    pub created_at: String,
}

impl From<&Refund> for RefundView {
    fn from(refund: &Refund) -> RefundView {
        RefundView {
            id: refund.id.to_string(),
            payment: refund.payment.to_string(),
            amount_minor: refund.amount.minor,
            currency: refund.amount.currency.to_string(),
            reason: refund.reason.clone(),
            created_at: refund.created_at.to_rfc3339(),
        }
    }
}

/// A refund above the shop's limit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefundProposalView {
    /// The approval it waits for.
    pub approval: String,
    /// The payment.
    pub payment: String,
    /// How much, minor units.
    pub amount_minor: i64,
    /// ISO 4217 currency.
    pub currency: String,
    /// Why.
    pub reason: Option<String>,
    /// `waiting`, `done`, `refused` or `expired`.
    pub state: &'static str,
    /// The refund, once it is done.
    pub refund: Option<String>,
    /// Who proposed it.
    pub proposed_by: String,
    /// Who decided it.
    pub decided_by: Option<String>,
    /// When it was proposed, RFC 3339.
    pub created_at: String,
    /// Until when it can be decided, RFC 3339.
    pub expires_at: String,
}

impl RefundProposalView {
    /// A proposal as it stands at `now`.
    pub fn new(proposal: &RefundProposal, approval: &Approval, now: Timestamp) -> RefundProposalView {
        RefundProposalView {
            approval: proposal.approval.to_string(),
            payment: proposal.payment.to_string(),
            amount_minor: proposal.amount.minor,
            currency: proposal.amount.currency.to_string(),
            reason: proposal.reason.clone(),
            state: match (approval.state, proposal.refund) {
                (_, Some(_)) => "done",
                (ApprovalState::Refused, None) => "refused",
                (_, None) if now >= approval.expires => "expired",
                (ApprovalState::Waiting | ApprovalState::Approved | ApprovalState::Used, None) => "waiting",
            },
            refund: proposal.refund.map(|id| id.to_string()),
            proposed_by: approval.proposer.clone(),
            decided_by: approval.decider.clone(),
            created_at: proposal.created_at.to_rfc3339(),
            expires_at: approval.expires.to_rfc3339(),
        }
    }
}

const PROMISE_SLOT: &[u8] = b"\"promised_at\":";

/// Adds the log's signed promise to an answer that carries a leaf. The stored answer has none: the signature costs more
/// than all else of an entry, so it is made outside the transaction. It is the same each time, since all it signs is
/// stored.
pub fn with_promise(signer: &Signer, body: Vec<u8>) -> Vec<u8> {
    let Some(start) = find(&body, PROMISE_SLOT) else { return body };
    let promise = read_leaf(&body).map(|(leaf, at)| Promise::sign(signer, leaf, at).to_string());
    let Some(promise) = promise.and_then(|text| serde_json::to_string(&text).ok()) else { return body };
    let mut out = Vec::with_capacity(body.len() + promise.len() + 16);
    out.extend_from_slice(body.get(..start).unwrap_or_default());
    out.extend_from_slice(b"\"promise\":");
    out.extend_from_slice(promise.as_bytes());
    out.push(b',');
    out.extend_from_slice(body.get(start..).unwrap_or_default());
    out
}

fn read_leaf(body: &[u8]) -> Option<(Leaf, Timestamp)> {
    let after = |name: &[u8]| body.get(find(body, name)? + name.len()..);
    let text =
        |rest: &[u8]| rest.split(|b| *b == b'"').next().map(|t| String::from_utf8_lossy(t).into_owned());
    let entry = text(after(b"\"audit\":{\"entry\":\"")?)?;
    let leaf = text(after(b"\"leaf\":\"")?)?;
    let digits: String =
        after(PROMISE_SLOT)?.iter().take_while(|b| b.is_ascii_digit()).map(|b| *b as char).collect();
    let leaf_hash = Digest(unhex(&leaf)?);
    Some((Leaf { entry_id: FromStr::from_str(&entry).ok()?, leaf_hash }, Timestamp(digits.parse().ok()?)))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    bytes?.try_into().ok()
}
