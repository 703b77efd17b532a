//! A specimen of the PIN page: the same template, frame, scripts and headers, with nothing to pay and nothing to press.
//!
//! The watch of the payment pages looks at it, since the real one takes a payer who is signed in (C30), and owners see with it
//! what their payers see.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::{Currency, Money};
use identity::desk::{Side, Visit};
use webkit::page::{Zone, show};

use super::Desk;
use crate::pages::pay::PinPage;

/// Shows the specimen, to anybody.
pub(super) async fn show_specimen(Shared(desk): Shared<Desk>, visit: Visit) -> Response {
    let page = visit.frame(&desk.hall, Side::Buyer, Zone::default());
    let view = PinPage {
        is_specimen: true,
        shop: page.t("pin-specimen-shop"),
        verified: false,
        amount: Money::new(0, Currency::CNY),
        wrong: String::new(),
        confirm_token: String::new(),
        has_passkey: true,
        passkey_wrong: String::new(),
        factor_above: None,
        factor_href: String::new(),
        has_factor: false,
        forgot_href: super::SPECIMEN.to_owned(),
        action_href: super::SPECIMEN.to_owned(),
        cancel_href: String::new(),
        page,
    };
    let mut answer = show(StatusCode::OK, &view);
    webkit::page::let_ask_for_place(&mut answer);
    answer
}
