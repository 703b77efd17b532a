//! What each refusal of this domain looks like over HTTP.

use identity::routes::fault;
use webkit::error::{ApiError, Code};

use crate::customer::CustomerError;
use crate::export::ExportError;
use crate::import::HeadingProblem;
use crate::opening::OpeningError;
use crate::opening_limits::LimitsError;
use crate::payout::PayoutError;
use crate::token::TokenError;

macro_rules! codes {
    ($($name:ident = $text:literal, $status:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub(crate) static $name: Code = Code::new($text, $status, $meaning);)*
        /// Every error code of this domain.
        pub static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    EXTERNAL_ID_TAKEN = "external_id_taken", 409, "another card or customer of the shop has this external id";
    TOKEN_ENDED = "token_ended", 409, "the token was used, deleted or ran out; its card is gone";
    CUSTOMER_ERASED = "customer_erased", 409, "the customer was erased; there is nothing to open or change";
    TOO_MANY_OPENINGS = "too_many_openings", 429, "the hourly number of openings is used up; wait, or ask whoever watches over security";
    TOO_MANY_SEARCHES = "too_many_searches", 429, "the hourly number of searches is used up; wait, or ask whoever watches over security";
    TABLE_REFUSED = "table_refused", 422, "the table's first line does not fit; nothing was imported";
    EXPORT_NOT_APPROVED = "export_not_approved", 409, "a second person has not approved this export";
    EXPORT_CLOSED = "export_closed", 409, "the export is over, or somebody else's; propose a new one";
    LIMITS_CHANGED = "limits_changed", 409, "the limits were changed after this was proposed; propose it again";
    PAYOUT_CHANGE_WAITS = "payout_change_waits", 409, "another change of the payout account waits; withdraw it first";
    PAYOUT_CHANGE_GONE = "payout_change_gone", 409, "the change of the payout account was withdrawn meanwhile";
    EXPORT_TOO_LARGE = "export_too_large", 422, "the shop has more records than one export holds";
}

/// Limits that were not changed.
pub fn of_limits(error: LimitsError) -> ApiError {
    let text = error.to_string();
    match error {
        LimitsError::Stale => ApiError::new(&LIMITS_CHANGED, text),
        LimitsError::Approval(found) => found.into(),
        LimitsError::Fault(found) => fault(&found),
    }
}

/// A payout account that was not changed.
pub fn of_payout(error: PayoutError) -> ApiError {
    let text = error.to_string();
    match error {
        PayoutError::Waits => ApiError::new(&PAYOUT_CHANGE_WAITS, text),
        PayoutError::NothingWaits => ApiError::not_found(text),
        PayoutError::Gone => ApiError::new(&PAYOUT_CHANGE_GONE, text),
        PayoutError::Approval(found) => found.into(),
        PayoutError::Fault(found) => fault(&found),
    }
}

pub(crate) fn of_token(error: TokenError) -> ApiError {
    let text = error.to_string();
    match error {
        TokenError::NotFound => ApiError::not_found(text),
        TokenError::NoCustomer => ApiError::bad_field("customer", text),
        TokenError::Life => ApiError::bad_field("expires_in_seconds", text),
        TokenError::ExternalTaken(_) => ApiError::new(&EXTERNAL_ID_TAKEN, text),
        TokenError::Ended(_) => ApiError::new(&TOKEN_ENDED, text),
        TokenError::Fault(found) => fault(&found),
    }
}

pub(crate) fn of_customer(error: CustomerError) -> ApiError {
    let text = error.to_string();
    match error {
        CustomerError::NotFound | CustomerError::NoValue(_) => ApiError::not_found(text),
        CustomerError::Values => ApiError::bad_field("values", text),
        CustomerError::NotSearchable => ApiError::bad_field("kind", text),
        CustomerError::ExternalTaken(_) => ApiError::new(&EXTERNAL_ID_TAKEN, text),
        CustomerError::Erased => ApiError::new(&CUSTOMER_ERASED, text),
        CustomerError::Fault(found) => fault(&found),
    }
}

pub(crate) fn of_opening(error: OpeningError) -> ApiError {
    let text = error.to_string();
    match error {
        OpeningError::NotFound => ApiError::not_found(text),
        OpeningError::Ended(_) => ApiError::new(&TOKEN_ENDED, text),
        OpeningError::Erased => ApiError::new(&CUSTOMER_ERASED, text),
        OpeningError::NoValue(_) | OpeningError::Nothing => ApiError::bad_field("values", text),
        OpeningError::Fault(found) => fault(&found),
    }
}

/// Over a limit. Carried as an answer, since the count must stay.
pub(crate) fn over(retry_after_seconds: u32) -> ApiError {
    let text = format!("the hourly number of openings is used up; try again in {retry_after_seconds} s");
    ApiError::new(&TOO_MANY_OPENINGS, text).retry_after(retry_after_seconds)
}

/// Over the limit of searches. Carried as an answer, since the count must stay.
pub(crate) fn over_searches(retry_after_seconds: u32) -> ApiError {
    let text = format!("the hourly number of searches is used up; try again in {retry_after_seconds} s");
    ApiError::new(&TOO_MANY_SEARCHES, text).retry_after(retry_after_seconds)
}

pub(crate) fn of_heading(problem: &HeadingProblem) -> ApiError {
    ApiError::new(&TABLE_REFUSED, problem.to_string())
}

pub(crate) fn of_export(error: ExportError) -> ApiError {
    let text = error.to_string();
    match error {
        ExportError::NotFound => ApiError::not_found(text),
        ExportError::TooLarge => ApiError::new(&EXPORT_TOO_LARGE, text),
        ExportError::Closed => ApiError::new(&EXPORT_CLOSED, text),
        ExportError::Approval(_) => ApiError::new(&EXPORT_NOT_APPROVED, text),
        ExportError::Fault(found) => fault(&found),
    }
}
