//! One payment for the desk: what happened, why it was decided so, its entries and proof, and what can be done.

use askama::Template;
use base::{Money, Timestamp};
use webkit::page::chart::{self, Feature};
use webkit::page::{Frame, Html, Problems, Step};

use super::list::PaymentRow;
use super::shown::{OutcomeShown, PaymentShown};

/// A payment's page. Template `payment.html`. The refund form has the fields `amount` and `reason` and leads to
/// [`RefundPage`]; the cancel form has none.
#[derive(Template)]
#[template(path = "payment.html")]
pub struct PaymentPage {
    /// The frame.
    pub page: Frame,
    /// The payment's id.
    pub id: String,
    /// Its amount.
    pub amount: Money,
    /// Its state.
    pub state: PaymentShown,
    /// When it was made.
    pub at: Timestamp,
    /// The payer, shortened; empty before sign-in.
    pub payer: String,
    /// What it is for; may be empty.
    pub order_line: String,
    /// The shop's own order number; may be empty.
    pub order_reference: String,
    /// The payment method in words.
    pub method: String,
    /// The till; may be empty.
    pub terminal: String,
    /// The code's id; may be empty.
    pub code_id: String,
    /// The code's page; may be empty.
    pub code_href: String,
    /// The payer's device in words; may be empty.
    pub device: String,
    /// The payer's address, shortened; may be empty.
    pub address: String,
    /// What happened, oldest first.
    pub steps: Vec<Step>,
    /// What screening decided; absent before it ran.
    pub decision: Option<DecisionView>,
    /// Payments of the same payer, device or amount, newest first.
    pub similar: Vec<PaymentRow>,
    /// Whether this member may see the ledger.
    pub shows_ledger: bool,
    /// The ledger entries, oldest first.
    pub entries: Vec<EntryView>,
    /// The log entry's fingerprint; empty when there is none.
    pub leaf_hash: String,
    /// Its position in the log; absent until a checkpoint covers it.
    pub log_entry: Option<u64>,
    /// Where its inclusion proof can be downloaded; empty for none.
    pub proof_href: String,
    /// What can still be refunded; absent when nothing or not allowed to this member.
    pub refundable: Option<Money>,
    /// Where the refund form goes.
    pub refund_href: String,
    /// What was wrong with the refund form.
    pub refund_problems: Problems,
    /// Where the cancel form posts to; empty when it cannot be cancelled.
    pub cancel_href: String,
    /// What the payment is known to be, and the form that says so; absent where this member cannot say.
    pub label: Option<LabelForm>,
}

impl PaymentPage {
    /// Debits and credits of all entries; equal when the books are right.
    pub fn sums(&self) -> (Money, Money) {
        let zero = Money::new(0, self.amount.currency);
        let sum = |of: fn(&EntryView) -> Option<Money>| {
            let amounts = self.entries.iter().filter_map(of);
            amounts.fold(zero, |sum, amount| sum.plus(amount).unwrap_or(sum))
        };
        (sum(|entry| entry.debit), sum(|entry| entry.credit))
    }

    /// The sum of the debits.
    pub fn debit_sum(&self) -> Money {
        self.sums().0
    }

    /// The sum of the credits.
    pub fn credit_sum(&self) -> Money {
        self.sums().1
    }
}

/// The form in which a member says what a payment was. Fields `label` (`fraud`, `genuine`, `none`) and `note`.
#[derive(Clone, Debug)]
pub struct LabelForm {
    /// What it is known to be, in words.
    pub text: String,
    /// Who said so and why; empty for nobody.
    pub said: String,
    /// Whether it is known as fraud.
    pub is_fraud: bool,
    /// Whether somebody said that it was genuine.
    pub is_genuine: bool,
    /// What is wrong with `note`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

/// What screening decided and why.
#[derive(Clone, Debug)]
pub struct DecisionView {
    /// The outcome.
    pub outcome: OutcomeShown,
    /// Calibrated chance of fraud in words, such as `2.3 %`; empty without a model.
    pub score: String,
    /// The strongest reasons in words for analysts, at most three are shown.
    pub reasons: Vec<String>,
    /// What rules say that the shop only watches.
    pub watched: Vec<String>,
    /// What the buyer was told; may be empty.
    pub buyer_text: String,
    /// Version of the rule set.
    pub rules_version: String,
    /// Version of the model; `–` for none.
    pub model_version: String,
    /// Features against the payer's usual; empty for a payer who is new.
    pub features: Vec<Feature>,
}

impl DecisionView {
    /// The three strongest reasons.
    pub fn strongest(&self) -> impl Iterator<Item = &String> {
        self.reasons.iter().take(3)
    }

    /// The bars of the features.
    pub fn bars(&self, page: &Frame) -> Html {
        chart::features(page.lang, &self.features)
    }
}

/// One side of a ledger transfer.
#[derive(Clone, Debug)]
pub struct EntryView {
    /// When it was posted.
    pub at: Timestamp,
    /// The account in words.
    pub account: String,
    /// The amount on the debit side.
    pub debit: Option<Money>,
    /// The amount on the credit side.
    pub credit: Option<Money>,
}

/// The last step of a refund: names amount and payer, asks for the password. Template `refund.html`.
/// Fields `password`, hidden `amount`, `reason`; the form's token makes a second click refund nothing more.
#[derive(Template)]
#[template(path = "refund.html")]
pub struct RefundPage {
    /// The frame.
    pub page: Frame,
    /// The payment's id.
    pub payment_id: String,
    /// The payment's page.
    pub payment_href: String,
    /// What is given back.
    pub amount: Money,
    /// What is left of the payment after that.
    pub left_after: Money,
    /// To whom, shortened.
    pub payer: String,
    /// Why.
    pub reason: String,
    /// The shop's limit, where the amount is above it and a second person has to approve.
    pub over: Option<Money>,
    /// What is wrong with `password` or the whole.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}
