//! How pages show the state of a payment, of a code and the outcome of screening: a word and a shape.

use webkit::page::Mark;

/// The state of a payment as a page shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentShown {
    /// Waits for the buyer.
    Created,
    /// Authorised; the amount is held.
    Held,
    /// Paid.
    Paid,
    /// Paused until the payer says that it is them.
    Challenged,
    /// Paused until a member decides.
    Review,
    /// Not paid.
    Declined,
    /// Paid, and part of it given back.
    PartRefunded,
    /// Paid, and all of it given back.
    Refunded,
    /// Taken back before it was paid.
    Cancelled,
    /// Its time ran out.
    Expired,
}

impl PaymentShown {
    /// Every state.
    pub const ALL: [PaymentShown; 10] = [
        PaymentShown::Created,
        PaymentShown::Held,
        PaymentShown::Paid,
        PaymentShown::Challenged,
        PaymentShown::Review,
        PaymentShown::Declined,
        PaymentShown::PartRefunded,
        PaymentShown::Refunded,
        PaymentShown::Cancelled,
        PaymentShown::Expired,
    ];

    /// Its shape.
    pub fn mark(&self) -> Mark {
        match self {
            PaymentShown::Created | PaymentShown::Held => Mark::Waiting,
            PaymentShown::Paid => Mark::Done,
            PaymentShown::Challenged => Mark::Paused,
            PaymentShown::Review => Mark::Review,
            PaymentShown::Declined => Mark::Stopped,
            PaymentShown::PartRefunded | PaymentShown::Refunded => Mark::Returned,
            PaymentShown::Cancelled | PaymentShown::Expired => Mark::Closed,
        }
    }

    /// The end of its text keys, also its value in addresses: `part-refunded`.
    pub fn slug(&self) -> &'static str {
        match self {
            PaymentShown::Created => "created",
            PaymentShown::Held => "held",
            PaymentShown::Paid => "paid",
            PaymentShown::Challenged => "challenged",
            PaymentShown::Review => "review",
            PaymentShown::Declined => "declined",
            PaymentShown::PartRefunded => "part-refunded",
            PaymentShown::Refunded => "refunded",
            PaymentShown::Cancelled => "cancelled",
            PaymentShown::Expired => "expired",
        }
    }

    /// The key of its word.
    pub fn key(&self) -> String {
        format!("state-{}", self.slug())
    }

    /// The key of the receipt's title.
    pub fn title_key(&self) -> String {
        format!("receipt-title-{}", self.slug())
    }

    /// The key of the receipt's sentence; it takes `$shop`.
    pub fn text_key(&self) -> String {
        format!("receipt-text-{}", self.slug())
    }

    /// Whether money has reached the shop at some time, so that there is a receipt.
    pub fn is_paid(&self) -> bool {
        matches!(self, PaymentShown::Paid | PaymentShown::PartRefunded | PaymentShown::Refunded)
    }
}

/// The state of a code as a page shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeShown {
    /// Can be paid.
    Open,
    /// Was paid; a dynamic code is good for one payment.
    Used,
    /// Its time ran out.
    Expired,
    /// The shop took it back.
    Withdrawn,
}

impl CodeShown {
    /// Every state.
    pub const ALL: [CodeShown; 4] =
        [CodeShown::Open, CodeShown::Used, CodeShown::Expired, CodeShown::Withdrawn];

    /// Its shape.
    pub fn mark(&self) -> Mark {
        match self {
            CodeShown::Open => Mark::Waiting,
            CodeShown::Used => Mark::Done,
            CodeShown::Expired | CodeShown::Withdrawn => Mark::Closed,
        }
    }

    /// The key of its word.
    pub fn key(&self) -> &'static str {
        match self {
            CodeShown::Open => "code-open",
            CodeShown::Used => "code-used",
            CodeShown::Expired => "code-expired",
            CodeShown::Withdrawn => "code-withdrawn",
        }
    }
}

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKindShown {
    /// One order and amount, one payment.
    Dynamic,
    /// The counter; the buyer types the amount.
    Static,
}

impl CodeKindShown {
    /// The key of its word.
    pub fn key(&self) -> &'static str {
        match self {
            CodeKindShown::Dynamic => "code-kind-dynamic",
            CodeKindShown::Static => "code-kind-static",
        }
    }
}

/// What screening decided, for the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeShown {
    /// Goes through.
    Allow,
    /// The payer was asked.
    Challenge,
    /// A member decides.
    Review,
    /// Declined.
    Block,
}

impl OutcomeShown {
    /// Every outcome.
    pub const ALL: [OutcomeShown; 4] =
        [OutcomeShown::Allow, OutcomeShown::Challenge, OutcomeShown::Review, OutcomeShown::Block];

    /// Its shape.
    pub fn mark(&self) -> Mark {
        match self {
            OutcomeShown::Allow => Mark::Done,
            OutcomeShown::Challenge => Mark::Paused,
            OutcomeShown::Review => Mark::Review,
            OutcomeShown::Block => Mark::Stopped,
        }
    }

    /// The key of its word.
    pub fn key(&self) -> &'static str {
        match self {
            OutcomeShown::Allow => "outcome-allow",
            OutcomeShown::Challenge => "outcome-challenge",
            OutcomeShown::Review => "outcome-review",
            OutcomeShown::Block => "outcome-block",
        }
    }
}
