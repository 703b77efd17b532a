//! What each refusal of this domain looks like over HTTP.

pub(crate) use identity::routes::fault;
use webkit::error::{ApiError, Code};

use crate::balance::TopUpError;
use crate::code::ScanError;
use crate::code_token::CodeTokenError;
use crate::confirm::ConfirmError;
use crate::create::CreateError;
use crate::labels::LabelError;
use crate::payment::State;
use crate::place::PlaceError;
use crate::refund::RefundError;
use crate::refund_limit::LimitError;
use crate::rules::RuleModeError;

macro_rules! codes {
    ($($name:ident = $text:literal, $status:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub(crate) static $name: Code = Code::new($text, $status, $meaning);)*
        /// Every error code of payments.
        pub static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    PAYMENT_NOT_WAITING = "payment_not_waiting", 409, "the payment is past the state this needs; read it again";
    PAYMENT_EXPIRED = "payment_expired", 409, "the payment's time ran out; make a new one";
    OTHER_PAYER = "other_payer", 409, "somebody else is paying this payment";
    ORDER_PAID = "order_paid", 409, "the order was paid already";
    CONFIRMATION_MISMATCH = "confirmation_mismatch", 422, "what was confirmed is not what the payment is; show it again";
    DAY_LIMIT = "day_limit", 422, "the amount is past the legal daily limit for this kind of code";
    BUYER_FACTOR_NEEDED = "buyer_factor_needed", 403, "the shop asks for a passkey, or a second factor given in the last five minutes, above an amount; the message says which";
    NOT_LABELLED = "not_labelled", 409, "nobody confirmed the payment, or it has not ended; a label is for one that did";
    RULE_FIXED = "rule_fixed", 409, "the rule protects what buyers hold with every shop; it stays on";
    CODE_MALFORMED = "code_malformed", 422, "the text is not a code of this installation";
    CODE_ALTERED = "code_altered", 422, "the code was altered after the shop made it";
    CODE_EXPIRED = "code_expired", 409, "the code's time ran out; ask the shop for a new one";
    CODE_USED = "code_used", 409, "the code has served already; ask the shop for a new one";
    CODE_REVOKED = "code_revoked", 409, "the shop took the code back";
    CODE_OTHER_SHOP = "code_other_shop", 422, "the code belongs to another shop";
    CODE_UNKNOWN = "code_unknown", 404, "the shop does not know the code";
    NOT_REFUNDABLE = "not_refundable", 409, "the payment is not in a state that can be refunded";
    REFUND_TOO_LARGE = "refund_too_large", 422, "the amount is more than what can still be refunded";
    NOT_AS_APPROVED = "not_as_approved", 409, "what was approved is not what it is now; propose it again";
    SHOP_FUNDS = "shop_funds", 409, "the shop's balance does not cover this";
}

fn not_waiting(state: State) -> ApiError {
    match state {
        State::Expired => ApiError::new(&PAYMENT_EXPIRED, "the payment's time ran out; make a new one"),
        other => ApiError::new(&PAYMENT_NOT_WAITING, format!("the payment is {}", other.name())),
    }
}

pub(crate) fn of_confirm(error: ConfirmError) -> ApiError {
    let text = error.to_string();
    match error {
        ConfirmError::NoPayment => ApiError::not_found(text),
        ConfirmError::NotWaiting(state) => not_waiting(state),
        ConfirmError::OtherPayer => ApiError::new(&OTHER_PAYER, text),
        ConfirmError::Mismatch(_) => ApiError::new(&CONFIRMATION_MISMATCH, text),
        ConfirmError::OrderPaid(_) => ApiError::new(&ORDER_PAID, text),
        ConfirmError::DayLimit => ApiError::new(&DAY_LIMIT, text),
        ConfirmError::Fault(found) => fault(&found),
    }
}

pub(crate) fn of_create(error: CreateError) -> ApiError {
    let text = error.to_string();
    match error {
        CreateError::Life => ApiError::bad_field("expires_in_seconds", text),
        CreateError::NoOrder => ApiError::bad_field("order", text),
        CreateError::NoTerminal => ApiError::bad_field("terminal", text),
        CreateError::OrderPaid(_) => ApiError::new(&ORDER_PAID, text),
        CreateError::NoPayment => ApiError::not_found(text),
        CreateError::NoCode => ApiError::new(&CODE_UNKNOWN, text),
        CreateError::CodeRevoked => ApiError::new(&CODE_REVOKED, text),
        CreateError::CodeCurrency(_) => ApiError::bad_field("currency", text),
        CreateError::NotWaiting(state) => not_waiting(state),
        CreateError::Store(error) => error.into(),
    }
}

pub(crate) fn of_scan(error: ScanError) -> ApiError {
    let text = error.to_string();
    match error {
        ScanError::Token(CodeTokenError::Malformed) => ApiError::new(&CODE_MALFORMED, text),
        ScanError::Token(CodeTokenError::Altered) => ApiError::new(&CODE_ALTERED, text),
        ScanError::Token(CodeTokenError::Expired) => ApiError::new(&CODE_EXPIRED, text),
        ScanError::Token(CodeTokenError::OtherShop) => ApiError::new(&CODE_OTHER_SHOP, text),
        ScanError::Unknown => ApiError::new(&CODE_UNKNOWN, text),
        ScanError::Used(_) => ApiError::new(&CODE_USED, text),
        ScanError::Revoked => ApiError::new(&CODE_REVOKED, text),
        ScanError::Store(error) => error.into(),
    }
}

/// A refund that was not made.
pub fn of_refund(error: RefundError) -> ApiError {
    let text = error.to_string();
    match error {
        RefundError::NoPayment => ApiError::not_found(text),
        RefundError::NotRefundable(_) | RefundError::TooMany => ApiError::new(&NOT_REFUNDABLE, text),
        RefundError::TooMuch { .. } => ApiError::new(&REFUND_TOO_LARGE, text),
        RefundError::Currency => ApiError::bad_field("currency", text),
        RefundError::Denied(found) => found.into(),
        RefundError::NotAsApproved => ApiError::new(&NOT_AS_APPROVED, text),
        RefundError::Approval(found) => found.into(),
        RefundError::ShopFunds => ApiError::new(&SHOP_FUNDS, text),
        RefundError::Store(error) => error.into(),
    }
}

/// A place that was not set.
pub(crate) fn of_place(error: PlaceError) -> ApiError {
    let text = error.to_string();
    match error {
        PlaceError::Denied(found) => found.into(),
        PlaceError::NoShop | PlaceError::NoTerminal => ApiError::not_found(text),
        PlaceError::Fault(found) => fault(&found),
    }
}

/// A rule whose mode was not changed.
pub(crate) fn of_rule(error: RuleModeError) -> ApiError {
    let text = error.to_string();
    match error {
        RuleModeError::Denied(found) => found.into(),
        RuleModeError::NoShop | RuleModeError::NoRule => ApiError::not_found(text),
        RuleModeError::Fixed => ApiError::new(&RULE_FIXED, text),
        RuleModeError::Fault(found) => fault(&found),
    }
}

/// A label that was not set.
pub fn of_label(error: LabelError) -> ApiError {
    let text = error.to_string();
    match error {
        LabelError::Denied(found) => found.into(),
        LabelError::NoPayment => ApiError::not_found(text),
        LabelError::NotEnded(_) => ApiError::new(&NOT_LABELLED, text),
        LabelError::NotMember => ApiError::forbidden(text),
        LabelError::Fault(found) => fault(&found),
    }
}

/// A limit that was not changed.
pub fn of_limit(error: LimitError) -> ApiError {
    let text = error.to_string();
    match error {
        LimitError::Denied(found) => found.into(),
        LimitError::OutOfRange => ApiError::bad_field("amount_minor", text),
        LimitError::Stale => ApiError::new(&NOT_AS_APPROVED, text),
        LimitError::Approval(found) => found.into(),
        LimitError::Store(error) => error.into(),
    }
}

/// For commands and demonstrations that top up.
impl From<TopUpError> for ApiError {
    fn from(error: TopUpError) -> ApiError {
        match error {
            TopUpError::NoBuyer => ApiError::not_found("buyer does not exist"),
            TopUpError::Refused(refusal) => ApiError::unprocessable(refusal.to_string()),
            TopUpError::Fault(found) => fault(&found),
        }
    }
}
