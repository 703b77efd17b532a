//! A payment: what it is, its states, and what may follow what.
//!
//! ```text
//! waiting ──confirm──▶ paid ──refund──▶ partly_refunded ──▶ refunded
//!    │  ├──▶ paused (is this you?) ──yes──▶ paid      no ──▶ declined
//!    │  ├──▶ in_review (a member decides) ──▶ paid | declined
//!    │  └──▶ declined
//!    └──▶ cancelled (by the shop)       waiting, paused, in_review ──time──▶ expired
//! ```
//!
//! INVARIANT: money has moved in `paid`, `partly_refunded` and `refunded`, and in no other state.

use base::{
    BuyerId, CodeId, DecisionId, DeviceId, EntryId, Money, OrderId, PaymentId, TerminalId, Timestamp,
};

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nobody has confirmed it yet.
    Waiting,
    /// Paused: the payer is asked whether it is them. No money has moved.
    Paused,
    /// Paused: a member of the shop decides. No money has moved.
    InReview,
    /// Paid.
    Paid,
    /// Paid, part of it given back.
    PartlyRefunded,
    /// Paid and all of it given back.
    Refunded,
    /// Declined for good. No money has moved.
    Declined,
    /// Its time ran out. No money has moved.
    Expired,
    /// The shop took it back. No money has moved.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [State; 9] = [
        State::Waiting,
        State::Paused,
        State::InReview,
        State::Paid,
        State::PartlyRefunded,
        State::Refunded,
        State::Declined,
        State::Expired,
        State::Cancelled,
    ];

    /// The word in the API and the database.
    pub const fn name(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Paused => "paused",
            State::InReview => "in_review",
            State::Paid => "paid",
            State::PartlyRefunded => "partly_refunded",
            State::Refunded => "refunded",
            State::Declined => "declined",
            State::Expired => "expired",
            State::Cancelled => "cancelled",
        }
    }

    /// Reads [`State::name`].
    pub fn named(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether money has moved.
    pub const fn has_moved_money(self) -> bool {
        matches!(self, State::Paid | State::PartlyRefunded | State::Refunded)
    }

    /// Whether time can end it.
    pub const fn can_expire(self) -> bool {
        matches!(self, State::Waiting | State::Paused | State::InReview)
    }
}

/// Why a payment was declined, as a stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeclineReason {
    /// The balance is too low.
    InsufficientFunds,
    /// Screening said no.
    Screening,
    /// The payer said it was not them.
    NotThePayer,
    /// A member said no.
    Review,
}

impl DeclineReason {
    const ALL: [DeclineReason; 4] = [
        DeclineReason::InsufficientFunds,
        DeclineReason::Screening,
        DeclineReason::NotThePayer,
        DeclineReason::Review,
    ];

    /// The word in the API and the database.
    pub const fn name(self) -> &'static str {
        match self {
            DeclineReason::InsufficientFunds => "insufficient_funds",
            DeclineReason::Screening => "not_accepted",
            DeclineReason::NotThePayer => "refused_by_payer",
            DeclineReason::Review => "refused_in_review",
        }
    }

    /// Reads [`DeclineReason::name`].
    pub fn named(name: &str) -> Option<DeclineReason> {
        DeclineReason::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// How a payment came to be scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A dynamic code: made for this payment alone. The code has the payment's own unique part.
    Dynamic,
    /// A printed code; the buyer typed the amount.
    Static(CodeId),
}

/// A payment, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Its id; names the shop.
    pub id: PaymentId,
    /// How much.
    pub amount: Money,
    /// How much of it was given back, minor units.
    pub refunded_minor: i64,
    /// Refunds made so far.
    pub refunds: i64,
    /// Where it stood when it was last written; see [`Payment::state_at`].
    pub stored_state: State,
    /// Why it was declined.
    pub decline: Option<DeclineReason>,
    /// The order it pays, where the shop keeps orders here.
    pub order: Option<OrderId>,
    /// The shop's own reference of the order.
    pub reference: Option<String>,
    /// What is bought, in the shop's words.
    pub description: Option<String>,
    /// Where the code was scanned.
    pub terminal: Option<TerminalId>,
    /// What was scanned.
    pub origin: Origin,
    /// Who pays, once confirmed.
    pub buyer: Option<BuyerId>,
    /// On which device.
    pub device: Option<DeviceId>,
    /// What the confirmation was bound to: SHA-256 of amount, currency, payee, payment and nonce.
    pub confirmation: Option<Vec<u8>>,
    /// The screening decision.
    pub decision: Option<DecisionId>,
    /// The entry of the audit log for the last change.
    pub entry: Option<EntryId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the payer's code was first opened.
    pub scanned_at: Option<Timestamp>,
    /// When the payer confirmed it.
    pub confirmed_at: Option<Timestamp>,
    /// When it reached a final state.
    pub settled_at: Option<Timestamp>,
    /// When it ends by itself, in a state that can.
    pub expires_at: Timestamp,
}

impl Payment {
    /// Where it stands at `now`: time ends what waits, without a write.
    pub fn state_at(&self, now: Timestamp) -> State {
        if self.stored_state.can_expire() && now >= self.expires_at {
            State::Expired
        } else {
            self.stored_state
        }
    }

    /// What can still be given back, minor units.
    pub fn refundable_minor(&self) -> i64 {
        if self.stored_state.has_moved_money() { self.amount.minor - self.refunded_minor } else { 0 }
    }

    /// The code it was scanned by.
    pub fn code(&self) -> CodeId {
        match self.origin {
            Origin::Static(code) => code,
            Origin::Dynamic => dynamic_code(self.id),
        }
    }
}

/// The dynamic code of a payment.
pub fn dynamic_code(payment: PaymentId) -> CodeId {
    // INVARIANT: both are a shop and a unique part of the same form.
    CodeId::from_short(payment.short()).unwrap_or_else(|| unreachable_code(payment))
}

/// The payment behind a dynamic code.
pub fn payment_of(code: CodeId) -> Option<PaymentId> {
    PaymentId::from_short(code.short())
}

fn unreachable_code(payment: PaymentId) -> CodeId {
    debug_assert!(false, "every payment id is a code id: {payment}");
    CodeId::earliest(base::ScopedId::shop(&payment), Timestamp(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_own_word() {
        for state in State::ALL {
            assert_eq!(State::named(state.name()), Some(state));
        }
        assert_eq!(State::named("gone"), None);
    }

    #[test]
    fn fr_3_no_state_that_waits_has_moved_money() {
        for state in State::ALL {
            assert!(!(state.can_expire() && state.has_moved_money()), "{state:?}");
        }
    }

    #[test]
    fn a_payment_and_its_dynamic_code_name_each_other() {
        let shop = base::ShopId::random(&base::Dice::System);
        let id = PaymentId::new(shop, Timestamp(5), &base::Dice::System);
        assert_eq!(payment_of(dynamic_code(id)), Some(id));
    }
}
