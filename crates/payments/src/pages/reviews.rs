//! The review queue: list and detail side by side; `j`/`k` move, `a`/`d` decide.

use askama::Template;
use base::{Money, Timestamp};
use webkit::page::{Frame, Problems};

use super::detail::DecisionView;
use super::list::PaymentRow;
use super::shown::PaymentShown;

/// The queue with one payment open. Template `reviews.html`. The form has the fields `decision` (`approve`, `decline`, `fraud`) and
/// `note`.
#[derive(Template)]
#[template(path = "reviews.html")]
pub struct ReviewsPage {
    /// The frame.
    pub page: Frame,
    /// What waits, the most urgent first.
    pub queue: Vec<ReviewItem>,
    /// The open payment; absent when none is chosen.
    pub open: Option<ReviewDetail>,
}

/// One waiting payment in the queue.
#[derive(Clone, Debug)]
pub struct ReviewItem {
    /// Its review page.
    pub href: String,
    /// The money at risk.
    pub amount: Money,
    /// The payer, shortened.
    pub payer: String,
    /// The strongest reason in words.
    pub reason: String,
    /// Until when it has to be decided.
    pub due_at: Timestamp,
    /// Whether it is the open one.
    pub is_open: bool,
}

impl ReviewItem {
    /// Whether the time to decide has passed at `now`.
    pub fn is_late(&self, now: &Timestamp) -> bool {
        self.due_at < *now
    }
}

/// The open payment.
#[derive(Clone, Debug)]
pub struct ReviewDetail {
    /// The payment's id.
    pub payment_id: String,
    /// Its page.
    pub payment_href: String,
    /// Its amount.
    pub amount: Money,
    /// When it was tried.
    pub at: Timestamp,
    /// The payer, shortened.
    pub payer: String,
    /// What it is for; may be empty.
    pub order_line: String,
    /// The payer's device in words; may be empty.
    pub device: String,
    /// The payer's address, shortened; may be empty.
    pub address: String,
    /// Why it waits.
    pub decision: DecisionView,
    /// Payments of the same payer, device or amount, newest first.
    pub similar: Vec<PaymentRow>,
    /// What is wrong with `note` or the whole.
    pub problems: Problems,
    /// Why it cannot be approved now; absent where it can.
    pub over: Option<OverLimit>,
    /// Where the form posts to; empty when this member may look but not decide.
    pub action_href: String,
}

/// A payment that its payer's limit of the day leaves no room for.
#[derive(Clone, Debug)]
pub struct OverLimit {
    /// By how much the limit would be passed.
    pub by: Money,
    /// When the next day begins, where the payment can be approved then.
    pub wait_until: Option<Timestamp>,
}
