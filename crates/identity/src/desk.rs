//! The shell of every page: who asks, what they may open, the bar above the desk; and the pages of people at the door.
//!
//! Promises:
//! - every page works without script; script adds comfort;
//! - every form carries a token of this browser and session, and is refused from another site;
//! - a form that is sent twice shows the same result twice and does its work once;
//! - what belongs to another shop or person does not exist, and who is not signed in is asked to.
//!
//! Other domains build their pages on this: a [`Hall`] in the state of their handlers (by `FromRef`), [`Visit`] as the
//! extractor, [`read_as`] and [`write_as`] around the work, [`MenuEntry`] for the bar, [`surround`] around their router.
//! Handlers are thin: they read a form, call the domain in one transaction, and fill a view of a `pages` module.
//!
//! Reading order: `hall.rs`, `menu.rs`, `visit.rs` (who asks), `form.rs` (what was sent), `dress.rs` (what surrounds every
//! answer), `member.rs`; then the doors: `sign_in.rs`, `links.rs`, `buyer.rs`, `wake.rs`.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

mod buyer;
mod dress;
mod form;
mod front;
mod hall;
mod keys;
mod links;
mod member;
mod menu;
mod sign_in;
mod visit;
mod wake;
mod words;

pub use dress::{error_page, show_notice};
pub use form::{Button, Once, Posted, go};
pub use hall::{Errand, Hall, Trade};
pub use member::{Member, admit_member, read_as, write_as};
pub use menu::{Menu, MenuEntry, MenuSpot};
pub use visit::{
    Browser, Payer, Side, Visit, admit_payer, find_payer, is_local, place, touch_buyer, with_next,
};
pub use words::{Wrong, device_text, payer_name, role_text, short_name, text_problem};

/// What every router of pages wears: the visitor's name and language, refusal of other sites' forms, the way to sign in,
/// errors that people can read.
pub fn surround<S: Clone + Send + Sync + 'static>(router: Router<S>, hall: &Hall) -> Router<S> {
    router.route_layer(from_fn_with_state(hall.clone(), dress::dress))
}

/// All pages of this domain.
pub fn router(hall: &Hall) -> Router {
    let hall = hall.clone().with_texts(crate::pages::texts());
    let routes = Router::new().route("/", get(front::show_front)).merge(buyers()).merge(members());
    surround(routes, &hall).with_state(hall)
}

/// What this domain adds to the bar of the desk.
pub fn menu() -> Vec<MenuEntry> {
    use crate::permissions::Permission;

    vec![MenuEntry::new("/desk/api-keys", "nav-api-keys", crate::pages::texts, Permission::ManageApiKeys, 60)]
}

fn buyers() -> Router<Hall> {
    Router::new()
        .route("/me/sign-in", get(buyer::show_sign_in).post(buyer::request_sign_in))
        .route("/me/new", get(buyer::show_sign_up).post(buyer::request_sign_up))
        .route("/me/code", post(buyer::verify_code))
        .route("/me/wake", get(wake::show_wake).post(wake::wake_session))
        .route("/me/sign-out", post(buyer::sign_out))
}

fn members() -> Router<Hall> {
    Router::new()
        .route("/setup/{token}", get(links::show_link).post(links::use_link))
        .route("/sign-in", get(sign_in::show_sign_in).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/desk/api-keys", get(keys::list_keys).post(keys::create_key))
        .route("/desk/api-keys/{id}/revoke", post(keys::revoke_key))
}
