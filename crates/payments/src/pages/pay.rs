//! The buyer's way on the phone: pay page, amount, sign-in, PIN, "is this you?", waiting for the shop.
//!
//! Field names of the forms are in each struct's comment. Every form also carries `csrf` when the frame has a token.

use askama::Template;
use base::{Money, Timestamp};
use webkit::page::{Frame, Problems};

use super::shown::PaymentShown;

/// What is paid, to whom, how: the first thing after the scan. Template `pay.html`.
/// Its form posts nothing but `confirm_token` to `action_href`; the next page asks who pays, or for the PIN.
#[derive(Template)]
#[template(path = "pay.html")]
pub struct PayPage {
    /// The frame.
    pub page: Frame,
    /// Name of the shop.
    pub shop: String,
    /// Whether the shop's identity was verified.
    pub verified: bool,
    /// The till, such as `Counter 1`; empty when there is none.
    pub terminal: String,
    /// What is to be paid.
    pub amount: Money,
    /// What it is for; empty when the shop said nothing.
    pub order_line: String,
    /// The shop's own order number; empty when there is none.
    pub order_reference: String,
    /// The payment method in words.
    pub method: String,
    /// What is left on the balance; absent before sign-in.
    pub balance: Option<Money>,
    /// The signed-in payer, shortened; empty before sign-in.
    pub payer: String,
    /// When the code ends; absent for one that does not.
    pub expires_at: Option<Timestamp>,
    /// Hidden field `confirm_token`: binds the next steps to this amount and payee; may be empty.
    pub confirm_token: String,
    /// Where the form posts to.
    pub action_href: String,
    /// Where "do not pay" posts to; empty to leave it out.
    pub cancel_href: String,
}

impl PayPage {
    /// Whole minutes until the code ends, at least one; 0 for a code that does not end.
    pub fn minutes_left(&self) -> i64 {
        let left = |end: Timestamp| end.millis_since(self.page.now).div_euclid(60_000).max(1);
        self.expires_at.map_or(0, left)
    }
}

/// A static code: the buyer types the amount. Template `pay_amount.html`. Fields `amount`, `note`.
#[derive(Template)]
#[template(path = "pay_amount.html")]
pub struct PayAmountPage {
    /// The frame.
    pub page: Frame,
    /// Name of the shop.
    pub shop: String,
    /// Whether the shop's identity was verified.
    pub verified: bool,
    /// The till; empty when there is none.
    pub terminal: String,
    /// The currency's code, such as `CNY`.
    pub currency: String,
    /// The currency's symbol, such as `¥`.
    pub symbol: String,
    /// What was typed before, as plain decimal.
    pub amount_typed: String,
    /// What was typed as its purpose.
    pub note_typed: String,
    /// What is wrong with `amount` or `note`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

/// The PIN for this amount and payee. Template `pin.html`. Fields `pin`, hidden `confirm_token`.
#[derive(Template)]
#[template(path = "pin.html")]
pub struct PinPage {
    /// The frame.
    pub page: Frame,
    /// Name of the shop.
    pub shop: String,
    /// Whether the shop's identity was verified.
    pub verified: bool,
    /// What is to be paid.
    pub amount: Money,
    /// What is wrong with the PIN, as a sentence; empty at the first try.
    pub wrong: String,
    /// Hidden field `confirm_token`: binds the PIN to amount, payee, payment and nonce.
    pub confirm_token: String,
    /// Whether it is a specimen: nothing on it can be pressed.
    pub is_specimen: bool,
    /// Whether the payer has a passkey; its form posts to `action_href` with `/passkey` behind it.
    pub has_passkey: bool,
    /// What is wrong with the passkey, as a sentence; empty at the first try.
    pub passkey_wrong: String,
    /// Above which amount the shop demands a second factor, where it does so here.
    pub factor_above: Option<Money>,
    /// Where it is given, or set up; empty when the PIN may be typed.
    pub factor_href: String,
    /// Whether the payer has one to give.
    pub has_factor: bool,
    /// Where a forgotten PIN is set anew.
    pub forgot_href: String,
    /// Where the form posts to.
    pub action_href: String,
    /// Where "do not pay" posts to; empty to leave it out.
    pub cancel_href: String,
}

/// "Is this you?" Template `challenge.html`. Fields `answer` (`yes` or `no`) and, with `yes`, `pin`.
#[derive(Template)]
#[template(path = "challenge.html")]
pub struct ChallengePage {
    /// The frame.
    pub page: Frame,
    /// Name of the shop.
    pub shop: String,
    /// Whether the shop's identity was verified.
    pub verified: bool,
    /// What would be paid.
    pub amount: Money,
    /// When it was tried.
    pub at: Timestamp,
    /// From what, in words, such as `Chrome on Android`; empty when unknown.
    pub device: String,
    /// From where, in words, such as `Hangzhou`; empty when unknown.
    pub place: String,
    /// What is wrong with the PIN, as a sentence; empty at the first try.
    pub wrong: String,
    /// Hidden field `confirm_token`: binds a passkey to amount, payee, payment and nonce.
    pub confirm_token: String,
    /// Whether the payer has a passkey; its form posts to `action_href` with `/passkey` behind it.
    pub has_passkey: bool,
    /// What is wrong with the passkey, as a sentence; empty at the first try.
    pub passkey_wrong: String,
    /// Where the form posts to.
    pub action_href: String,
}

/// "This was not me": what freezing does, and the button that does it. Template `not_me.html`. No fields.
#[derive(Template)]
#[template(path = "not_me.html")]
pub struct NotMePage {
    /// The frame.
    pub page: Frame,
    /// Name of the shop.
    pub shop: String,
    /// The amount of the payment.
    pub amount: Money,
    /// When it was paid.
    pub at: Timestamp,
    /// Where the form posts to.
    pub action_href: String,
    /// Back to the receipt.
    pub back_href: String,
}

/// The buyer's own payments. Template `own_payments.html`.
#[derive(Template)]
#[template(path = "own_payments.html")]
pub struct OwnPaymentsPage {
    /// The frame.
    pub page: Frame,
    /// The signed-in buyer, shortened.
    pub who: String,
    /// What is left on the balances; one for each currency.
    pub balances: Vec<Money>,
    /// The payments, newest first.
    pub rows: Vec<OwnPayment>,
}

/// One of the buyer's own payments.
#[derive(Clone, Debug)]
pub struct OwnPayment {
    /// Its receipt.
    pub href: String,
    /// Name of the shop.
    pub shop: String,
    /// The amount.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
    /// Its state.
    pub state: PaymentShown,
}

/// What the buyer pays with, and what confirms a payment. Template `methods.html`. No fields.
#[derive(Template)]
#[template(path = "methods.html")]
pub struct MethodsPage {
    /// The frame.
    pub page: Frame,
    /// The stored balances; one for each currency.
    pub balances: Vec<BalanceLine>,
    /// The passkeys, oldest first.
    pub passkeys: Vec<PasskeyLine>,
    /// When the PIN was last set.
    pub pin_changed: Timestamp,
    /// Whether it is locked after too many wrong tries.
    pub pin_locked: bool,
}

/// A stored balance.
#[derive(Clone, Debug)]
pub struct BalanceLine {
    /// What can be paid with.
    pub available: Money,
    /// What is held for payments that are not settled yet.
    pub held: Money,
}

/// A passkey as a line.
#[derive(Clone, Debug)]
pub struct PasskeyLine {
    /// What its owner calls it.
    pub label: String,
    /// Since when.
    pub created: Timestamp,
    /// The last use.
    pub used: Option<Timestamp>,
    /// Where its removal is asked about.
    pub remove_href: String,
}

/// The shop looks at the payment. Template `wait.html`. The frame's `live` and `refresh_seconds` keep it fresh.
#[derive(Template)]
#[template(path = "wait.html")]
pub struct WaitPage {
    /// The frame.
    pub page: Frame,
    /// Name of the shop.
    pub shop: String,
    /// What would be paid.
    pub amount: Money,
    /// Since when it waits.
    pub since: Timestamp,
    /// The payment's id.
    pub payment_id: String,
    /// Where "cancel" posts to; empty to leave it out.
    pub cancel_href: String,
}
