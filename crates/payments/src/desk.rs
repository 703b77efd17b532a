//! The pages people see, with their handlers: the pay pages of buyers and the desk of a shop's members.
//!
//! Promises:
//! - every page works without script; script adds live rows, keys and large digits;
//! - every form carries a token of this browser and session, and is refused from another site;
//! - a form that is sent twice shows the same result twice and does its work once;
//! - what belongs to another shop or buyer does not exist, and who is not signed in is asked to.
//!
//! Handlers are thin: they read a form, call the domain in one transaction, and fill a view of [`crate::pages`]. Who asks,
//! forms, errors and the bar above the desk are identity's ([`identity::desk`]).
//! Reading order: `trade.rs` (what the bar and the doors learn from here), `paying.rs` for buyers, `member.rs` and the rest
//! for the desk.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use base::Timestamp;
use identity::desk::Hall;
use tokio::sync::Semaphore;

use crate::routes::Context;

mod buyer;
mod carrying;
mod certificates;
mod codes;
mod detail;
mod labels;
mod list;
mod live;
mod member;
mod overview;
mod paying;
mod places;
mod receipt;
mod refunds;
mod reviews;
mod rows;
mod rules;
mod specimen;
mod touching;
mod trade;
mod words;

pub use trade::{Trade, menu};

/// Event streams open at once.
const STREAMS_MAX: usize = 2_000;

/// What the handlers of pages hold. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    context: Context,
    /// The shell of all pages.
    hall: Hall,
    /// Room for event streams.
    streams: Arc<Semaphore>,
    /// When the books were last added up, and whether they balanced.
    books: Arc<Mutex<Option<(Timestamp, bool)>>>,
}

impl Desk {
    fn new(context: Context, hall: Hall) -> Desk {
        let hall = hall.with_texts(crate::pages::texts());
        Desk { context, hall, streams: Arc::new(Semaphore::new(STREAMS_MAX)), books: Arc::default() }
    }

    fn identity(&self) -> &identity::Context {
        &self.context.identity
    }

    fn db(&self) -> &store::Db {
        &self.context.identity.db
    }
}

impl FromRef<Desk> for Hall {
    fn from_ref(desk: &Desk) -> Hall {
        desk.hall.clone()
    }
}

/// A specimen of the PIN page, which anybody may see; the real one is for a payer who is signed in.
pub const SPECIMEN: &str = "/pay/specimen";

/// All pages of this domain.
pub fn router(context: Context, hall: Hall) -> Router {
    let desk = Desk::new(context, hall);
    let routes = Router::new().merge(buyers()).merge(members()).merge(codes());
    identity::desk::surround(routes, &desk.hall).with_state(desk)
}

fn buyers() -> Router<Desk> {
    Router::new()
        .route("/p/{token}", get(paying::scan_code).post(paying::start_payment))
        .route("/p/{token}/amount", post(paying::create_payment))
        .route("/pay/specimen", get(specimen::show_specimen))
        .route("/pay/{id}", get(paying::show_payment))
        .route("/pay/{id}/confirm", post(paying::confirm_payment))
        .route("/pay/{id}/answer", post(paying::answer_challenge))
        .route("/pay/{id}/confirm/passkey", post(touching::confirm_payment))
        .route("/pay/{id}/confirm/passkey/options", post(touching::ask_passkey))
        .route("/pay/{id}/answer/passkey", post(touching::answer_challenge))
        .route("/pay/{id}/answer/passkey/options", post(touching::ask_passkey))
        .route("/pay/{id}/stop", post(paying::stop_payment))
        .route("/pay/{id}/live", get(paying::follow_payment))
        .route("/pay/{id}/proof", get(receipt::find_proof))
        .route("/pay/{id}/not-me", get(receipt::show_not_me).post(receipt::freeze_account))
        .route("/me", get(buyer::list_own_payments))
        .route("/me/methods", get(buyer::list_methods))
}

fn members() -> Router<Desk> {
    Router::new()
        .route("/desk", get(overview::show_overview))
        .route("/desk/live", get(live::follow_payments))
        .route("/desk/payments", get(list::list_payments))
        .route("/desk/payments.csv", get(list::export_payments))
        .route("/desk/payments/{id}", get(detail::show_payment))
        .route("/desk/payments/{id}/proof", get(detail::find_proof))
        .route("/desk/payments/{id}/cancel", post(detail::cancel_payment))
        .route("/desk/payments/{id}/refund", post(refunds::create_refund))
        .route("/desk/payments/{id}/label", post(labels::update_label))
        .route("/desk/refunds", get(refunds::list_refunds))
        .route("/desk/refunds/limit", get(refunds::show_limit).post(refunds::update_limit))
        .route("/desk/places", get(places::list_places).post(places::update_place))
        .route(
            "/desk/certificates",
            get(certificates::list_certificates).post(certificates::create_enrolment),
        )
        .route("/desk/certificates/{id}/revoke", post(certificates::revoke_certificate))
        .route("/desk/rules", get(rules::list_rules))
        .route("/desk/rules/{id}", get(rules::show_rule).post(rules::update_rule))
        .route("/desk/reviews", get(reviews::list_reviews))
        .route("/desk/reviews/{id}", get(reviews::show_review).post(reviews::decide_review))
}

fn codes() -> Router<Desk> {
    Router::new()
        .route("/desk/codes", get(codes::list_codes).post(codes::create_code))
        .route("/desk/codes/new", get(codes::show_new_code))
        .route("/desk/codes/{id}", get(codes::show_code))
        .route("/desk/codes/{id}/live", get(live::follow_code))
        .route("/desk/codes/{id}/print", get(codes::print_code))
        .route("/desk/codes/{id}/image.svg", get(codes::find_svg))
        .route("/desk/codes/{id}/image.png", get(codes::find_png))
        .route("/desk/codes/{id}/withdraw", post(codes::withdraw_code))
}
