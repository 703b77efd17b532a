//! Lists of payments and of refunds.

use askama::Template;
use base::{Money, Timestamp};
use webkit::page::form::Choice;
use webkit::page::{Frame, Pager, Problems, SortHead};

use super::shown::PaymentShown;

/// One payment as a row.
#[derive(Clone, Debug)]
pub struct PaymentRow {
    /// The payment's id.
    pub id: String,
    /// Its page.
    pub href: String,
    /// When it was made.
    pub at: Timestamp,
    /// Its amount.
    pub amount: Money,
    /// Its state.
    pub state: PaymentShown,
    /// The payer, shortened; empty before sign-in.
    pub payer: String,
    /// What it is for: order line or the shop's order number.
    pub order: String,
    /// The strongest reason in words when it did not simply go through; else empty.
    pub reason: String,
}

/// One `<tr>`, as the event stream sends it. Template `payment_row_part.html`.
#[derive(Template)]
#[template(path = "payment_row_part.html")]
pub struct PaymentRowPart {
    /// The frame.
    pub page: Frame,
    /// The payment.
    pub row: PaymentRow,
}

/// All payments, filtered by the address: `q`, `state`, `from`, `to`, `sort`, `cursor`. Template `payments.html`.
#[derive(Template)]
#[template(path = "payments.html")]
pub struct PaymentsPage {
    /// The frame.
    pub page: Frame,
    /// What is searched for.
    pub q: String,
    /// The chosen state's slug; empty for any.
    pub state: String,
    /// First day, `2026-03-01`; empty for any.
    pub from: String,
    /// Last day; empty for any.
    pub to: String,
    /// The sortable column heads: time, then amount.
    pub time_head: SortHead,
    /// See `time_head`.
    pub amount_head: SortHead,
    /// The rows.
    pub rows: Vec<PaymentRow>,
    /// The neighbouring pages.
    pub pager: Pager,
    /// This list without filters.
    pub list_href: String,
    /// The same rows as CSV; empty to leave it out.
    pub export_href: String,
}

impl PaymentsPage {
    /// The states to choose from.
    pub fn state_choices(&self) -> Vec<Choice> {
        let any = Choice::new("", self.page.t("payments-any"));
        let states =
            PaymentShown::ALL.iter().map(|state| Choice::new(state.slug(), self.page.t(state.key())));
        std::iter::once(any).chain(states).collect()
    }

    /// Whether any filter is set.
    pub fn is_filtered(&self) -> bool {
        [&self.q, &self.state, &self.from, &self.to].iter().any(|filter| !filter.is_empty())
    }
}

/// One refund as a row.
#[derive(Clone, Debug)]
pub struct RefundRow {
    /// The refund's id.
    pub id: String,
    /// The page of the payment it belongs to.
    pub payment_href: String,
    /// The payment's id.
    pub payment_id: String,
    /// When.
    pub at: Timestamp,
    /// How much was given back.
    pub amount: Money,
    /// To whom, shortened.
    pub payer: String,
    /// Why.
    pub reason: String,
    /// The member who did it.
    pub by: String,
}

/// All refunds. Template `refunds.html`.
#[derive(Template)]
#[template(path = "refunds.html")]
pub struct RefundsPage {
    /// The frame.
    pub page: Frame,
    /// What one person may give back of one payment.
    pub limit: Money,
    /// Where that is changed; empty for those who may not.
    pub limit_href: String,
    /// The rows, newest first.
    pub rows: Vec<RefundRow>,
    /// The neighbouring pages.
    pub pager: Pager,
}

/// How much of a payment one person may give back. Template `refund_limit.html`. Field `amount`.
#[derive(Template)]
#[template(path = "refund_limit.html")]
pub struct RefundLimitPage {
    /// The frame.
    pub page: Frame,
    /// The limit in force.
    pub limit: Money,
    /// The amount as typed.
    pub amount_typed: String,
    /// What is wrong with `amount`, or that it waits for a second person.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Back.
    pub back_href: String,
}
