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
//! answer), `member.rs`; then the doors: `sign_in.rs`, `second_step.rs`, `enrol.rs`, `links.rs`, `buyer.rs`, `wake.rs`.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use webkit::body::Incoming;

use security::At;

mod account;
mod address;
mod apps;
mod buyer;
mod buyer_policy;
mod consent;
mod contact;
mod dress;
mod emergency;
mod enrol;
mod forgot;
mod form;
mod front;
mod hall;
mod held;
mod key_tree;
mod keys;
mod links;
mod member;
mod menu;
mod outside;
mod own;
mod passkeys;
mod passwords;
mod people;
mod roles;
mod sealed;
mod second_step;
mod security;
mod shops;
mod sign_in;
mod two_people;
mod visit;
mod wake;
mod words;

pub use dress::{error_page, show_notice};
pub use form::{Button, Once, Posted, go};
pub use hall::{Errand, Hall, Trade};
pub use member::{Member, admit_member, press, read_as, write_as, write_each_as};
pub use menu::{Menu, MenuEntry, MenuGroup};
pub use passkeys::answer_script;
pub use visit::{
    Browser, Payer, Side, Visit, admit_payer, find_payer, is_local, place, renew_buyer, touch_buyer,
    with_next,
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
    let routes = routes.merge(own(Side::Buyer)).merge(own(Side::Member)).merge(people());
    // Called by the provider's server, which sends no header of a browser.
    let bare = Router::new().route("/sign-in/outside/logout", post(outside::end_sessions));
    surround(routes, &hall).merge(bare).with_state(hall)
}

/// What this domain adds to the bar of the desk.
pub fn menu() -> Vec<MenuEntry> {
    use crate::permissions::Permission;

    use MenuGroup::{Installation, Own, People, Security, Shop};

    let section =
        |path, key, permission, group| MenuEntry::new(path, key, crate::pages::texts, permission, group);
    vec![
        section("/desk/members", "nav-members", Permission::ViewMembers, People).with_also("/desk/roles"),
        section("/desk/approvals", "nav-approvals", Permission::Approve, People)
            .counting(two_people::count_approvals),
        section("/desk/access-review", "nav-access-review", Permission::ReviewAccess, People)
            .counting(two_people::count_review_lines),
        section("/desk/api-keys", "nav-api-keys", Permission::ManageApiKeys, Security),
        section("/desk/apps", "nav-apps", Permission::ManageApiKeys, Security),
        section("/desk/emergency", "nav-emergency", Permission::EmergencyAccess, Security)
            .counting(emergency::count_waiting),
        section("/desk/buyer-policy", "nav-buyer-policy", Permission::ManageShop, Shop),
        section("/desk/shops", "nav-shops", Permission::Operate, Installation),
        section("/desk/keys", "nav-keys", Permission::ManageKeys, Installation),
        section("/desk/security", "security-title", Permission::OwnSecurity, Own).with_also("/desk/password"),
        section("/desk/devices", "devices-title", Permission::OwnSecurity, Own),
    ]
}

fn buyers() -> Router<Hall> {
    Router::new()
        .route("/me/sign-in", get(buyer::show_sign_in).post(buyer::request_sign_in))
        .merge(passkeys::router(Side::Buyer))
        .route("/me/new", get(buyer::show_sign_up).post(buyer::request_sign_up))
        .route("/me/code", post(buyer::verify_code))
        .route("/me/known", get(buyer::show_known))
        .route("/me/wake", get(wake::show_wake).post(wake::wake_session))
        .route("/me/sign-out", post(buyer::sign_out))
        .merge(second_step::router(Side::Buyer))
        .merge(enrol::router(Side::Buyer))
        .route("/me/account", get(account::show_account))
        .route("/me/pin", get(account::show_pin).post(account::update_pin))
        .route("/me/pin/forgot", get(forgot::show_forgot).post(forgot::request_code))
        .route("/me/pin/forgot/set", post(forgot::set_pin))
        .route("/freeze/{token}", get(forgot::show_freeze_link).post(forgot::use_freeze_link))
        .route("/me/contact", get(contact::show_contact).post(contact::request_code))
        .route("/me/contact/set", post(contact::set_contact))
        .route("/me/activity", get(account::list_activity))
        .route("/me/freeze", get(account::show_freeze).post(account::freeze))
        .route("/me/thaw", post(account::thaw_account))
}

/// Sign-in and security of the own account, the same for both sides.
fn own(side: Side) -> Router<Hall> {
    let (at, base) = (At(side), side.base());
    Router::new()
        .route(&format!("{base}/security"), get(move |hall, visit| security::show_security(hall, visit, at)))
        .route(
            &format!("{base}/security/{{id}}/remove"),
            get(move |hall, visit, id| security::show_removal(hall, visit, id, at)).post(
                move |hall, visit, id, sent: Incoming| security::delete_factor(hall, visit, id, at, sent),
            ),
        )
        .route(&format!("{base}/devices"), get(move |hall, visit| security::list_devices(hall, visit, at)))
        .route(
            &format!("{base}/devices/{{id}}/end"),
            post(move |hall, visit, id, sent: Incoming| security::end_device(hall, visit, id, at, sent)),
        )
        .route(
            &format!("{base}/devices/end"),
            post(move |hall, visit, sent: Incoming| security::end_other_devices(hall, visit, at, sent)),
        )
}

fn people() -> Router<Hall> {
    Router::new()
        .route("/desk/members", get(people::show_members))
        .route("/desk/members/sign-out", post(people::end_all_sessions))
        .route("/desk/members/new", get(people::show_new).post(people::create_member))
        .route("/desk/members/{id}", get(people::show_member))
        .route("/desk/members/{id}/roles", post(people::update_member_roles))
        .route("/desk/members/{id}/sessions", post(people::end_sessions))
        .route("/desk/members/{id}/factors", post(people::reset_member_factors))
        .route("/desk/members/{id}/remove", get(people::show_removal).post(people::delete_member))
        .route("/desk/members/{id}/invitation", post(people::resend))
        .route("/desk/roles", get(roles::show_roles))
        .route("/desk/roles/new", get(roles::show_new).post(roles::create))
        .route("/desk/roles/{id}", get(roles::show_role).post(roles::update))
        .route("/desk/roles/{id}/delete", post(roles::delete))
        .route("/desk/members/{id}/restore", post(people::restore))
        .route("/desk/approvals", get(two_people::show_approvals))
        .route("/desk/approvals/{id}/refuse", post(two_people::refuse))
        .route("/desk/access-review", get(two_people::show_review))
        .route("/desk/access-review/{id}", post(two_people::decide_one))
        .route("/desk/emergency", get(emergency::show_emergencies).post(emergency::begin))
        .route("/desk/emergency/{id}/end", post(emergency::end))
        .route("/desk/emergency/{id}/review", post(emergency::review))
        .route("/desk/buyer-policy", get(buyer_policy::show_policy).post(buyer_policy::update_policy))
        .route("/desk/shops", get(shops::show_shops))
        .route("/desk/keys", get(key_tree::show_tree))
        .route("/desk/keys/rotate/{level}", get(key_tree::show_rotation).post(key_tree::start))
        .route(
            "/desk/keys/destroy/{level}/{version}",
            get(key_tree::show_destruction).post(key_tree::destroy),
        )
}

fn members() -> Router<Hall> {
    Router::new()
        .route("/setup/{token}", get(links::show_link).post(links::use_link))
        .route("/sign-in", get(sign_in::show_sign_in).post(sign_in::sign_in))
        .merge(passkeys::router(Side::Member))
        .route("/sign-in/forgotten", get(passwords::show_forgotten).post(passwords::request_link))
        .route("/reset/{token}", get(passwords::show_reset).post(passwords::set_password))
        .route("/sign-in/outside", get(outside::begin))
        .route("/sign-in/outside/back", get(outside::finish))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/desk/password", get(security::show_password).post(security::update_password))
        .route("/desk/address", get(address::show_address).post(address::request_code))
        .route("/desk/address/set", post(address::set_address))
        .route("/password-strength", post(security::judge))
        .merge(second_step::router(Side::Member))
        .merge(enrol::router(Side::Member))
        .route("/desk/api-keys", get(keys::list_keys).post(keys::create_key))
        .route("/desk/api-keys/{id}/revoke", post(keys::revoke_key))
        .route("/desk/apps", get(apps::show_apps).post(apps::create_app))
        .route("/desk/apps/{id}/remove", post(apps::delete_app))
        .route("/desk/apps/connections/{id}/end", post(apps::end_connection))
        .route("/desk/security/apps/{id}/end", post(security::end_app))
        .route("/oauth/authorize", get(consent::show_question).post(consent::decide))
}
