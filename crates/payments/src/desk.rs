//! The pages people see, with their handlers: the pay pages of buyers and the desk of a shop's members.
//!
//! Promises:
//! - every page works without script; script adds live rows, keys and large digits;
//! - every form carries a token of this browser and session, and is refused from another site;
//! - a form that is sent twice shows the same result twice and does its work once;
//! - what belongs to another shop or buyer does not exist, and who is not signed in is asked to.
//!
//! Handlers are thin: they read a form, call the domain in one transaction, and fill a view of [`crate::pages`].
//! Reading order: `visit.rs` (who asks), `form.rs` (what was sent), `dress.rs` (what surrounds every answer), then
//! `paying.rs` and `buyer.rs` for buyers, `member.rs` and the rest for the desk.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use base::Timestamp;
use tokio::sync::Semaphore;
use webkit::throttle::{Rate, Throttle};

use crate::routes::Context;

mod buyer;
mod codes;
mod detail;
mod dress;
mod form;
mod front;
mod keys;
mod list;
mod live;
mod member;
mod overview;
mod paying;
mod receipt;
mod refunds;
mod reviews;
mod rows;
mod session;
mod visit;
mod words;

pub use dress::error_page;

/// Forms from one address without a session.
const KNOCKS: Rate = Rate { burst: 60, per_minute: 60 };
/// Event streams open at once.
const STREAMS_MAX: usize = 2_000;

/// What the handlers of pages hold. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    context: Context,
    /// Counts forms sent without a session, by address.
    knocks: Arc<Throttle>,
    /// Room for event streams.
    streams: Arc<Semaphore>,
    /// When the books were last added up, and whether they balanced.
    books: Arc<Mutex<Option<(Timestamp, bool)>>>,
}

impl Desk {
    fn new(context: Context) -> Desk {
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        Desk { context, knocks: Arc::new(Throttle::new(KNOCKS)), streams, books: Arc::default() }
    }

    fn identity(&self) -> &identity::Context {
        &self.context.identity
    }

    fn db(&self) -> &store::Db {
        &self.context.identity.db
    }

    /// Whether visitors come over TLS, to us or to the proxy before us.
    fn is_secure(&self, context: &webkit::RequestContext) -> bool {
        context.secure || self.context.public_url().starts_with("https://")
    }
}

/// All pages of this domain.
pub fn router(context: Context) -> Router {
    let desk = Desk::new(context);
    Router::new()
        .route("/", get(front::show_front))
        .merge(buyers())
        .merge(members())
        .merge(codes())
        .route_layer(from_fn_with_state(desk.clone(), dress::dress))
        .with_state(desk)
}

fn buyers() -> Router<Desk> {
    Router::new()
        .route("/p/{token}", get(paying::scan_code).post(paying::start_payment))
        .route("/p/{token}/amount", post(paying::create_payment))
        .route("/pay/{id}", get(paying::show_payment))
        .route("/pay/{id}/confirm", post(paying::confirm_payment))
        .route("/pay/{id}/answer", post(paying::answer_challenge))
        .route("/pay/{id}/stop", post(paying::stop_payment))
        .route("/pay/{id}/live", get(paying::follow_payment))
        .route("/pay/{id}/proof", get(receipt::find_proof))
        .route("/pay/{id}/not-me", get(receipt::show_not_me).post(receipt::freeze_account))
        .route("/me", get(buyer::list_own_payments))
        .route("/me/sign-in", get(buyer::show_sign_in).post(buyer::request_sign_in))
        .route("/me/new", get(buyer::show_sign_up).post(buyer::request_sign_up))
        .route("/me/code", post(buyer::verify_code))
        .route("/me/wake", get(buyer::show_wake).post(buyer::wake_session))
        .route("/me/sign-out", post(buyer::sign_out))
}

fn members() -> Router<Desk> {
    Router::new()
        .route("/setup/{token}", get(session::show_link).post(session::use_link))
        .route("/sign-in", get(session::show_sign_in).post(session::sign_in))
        .route("/sign-out", post(session::sign_out))
        .route("/desk", get(overview::show_overview))
        .route("/desk/live", get(live::follow_payments))
        .route("/desk/payments", get(list::list_payments))
        .route("/desk/payments.csv", get(list::export_payments))
        .route("/desk/payments/{id}", get(detail::show_payment))
        .route("/desk/payments/{id}/proof", get(detail::find_proof))
        .route("/desk/payments/{id}/cancel", post(detail::cancel_payment))
        .route("/desk/payments/{id}/refund", post(refunds::create_refund))
        .route("/desk/refunds", get(refunds::list_refunds))
        .route("/desk/reviews", get(reviews::list_reviews))
        .route("/desk/reviews/{id}", get(reviews::show_review).post(reviews::decide_review))
        .route("/desk/api-keys", get(keys::list_keys).post(keys::create_key))
        .route("/desk/api-keys/{id}/revoke", post(keys::revoke_key))
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
