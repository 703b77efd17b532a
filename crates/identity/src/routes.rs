//! The JSON of identity: bodies, views, handlers. Thin: read, be let through, one transaction, show.
//!
//! People send their session as `Authorization: Bearer twb_…` (a buyer) or `twm_…` (a member). The API reads no cookie,
//! so another site cannot use somebody's browser to call it. Asking for a code answers the same for known and unknown
//! contacts; a wrong address and a wrong password answer the same.

mod access_reviews;
mod addresses;
mod approvals;
mod buyers;
mod certificates;
mod contacts;
mod emergencies;
mod errors;
mod factors;
pub mod gate;
mod keys;
mod members;
mod oauth;
pub mod passkey_bodies;
pub(crate) mod passkeys;
mod passwords;
mod pin_resets;
mod roles;
mod second_steps;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::context::Context;

pub use approvals::{ApprovalView, WaitingView, waiting};
pub use certificates::{EnrolmentBody, EnrolmentView};
pub use errors::{
    ACCOUNT_NOT_ACTIVE, CODES, LINK_GONE, PASSWORD_CHANGE_NEEDED, SECOND_FACTOR_NEEDED, STEP_UP_NEEDED,
    asleep, denied, fault, refused_pin, unauthenticated,
};
pub(crate) use oauth::AUTHORIZE;
pub use oauth::router as oauth_router;
pub use passkeys::refused_passkey;

/// All operations of this domain.
pub fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(buyers::create_buyer))
        .routes(routes!(buyers::create_buyer_session))
        .routes(routes!(buyers::verify_buyer_session))
        .routes(routes!(buyers::delete_buyer_session))
        .routes(routes!(buyers::wake_buyer_session))
        .routes(routes!(buyers::find_me))
        .routes(routes!(buyers::update_pin))
        .routes(routes!(pin_resets::create_pin_reset))
        .routes(routes!(pin_resets::finish_pin_reset))
        .routes(routes!(pin_resets::use_freeze_link))
        .routes(routes!(contacts::create_contact_change))
        .routes(routes!(contacts::finish_contact_change))
        .routes(routes!(addresses::create_address_change))
        .routes(routes!(addresses::finish_address_change))
        .routes(routes!(buyers::freeze_me))
        .routes(routes!(buyers::list_my_sessions, buyers::delete_my_other_sessions))
        .routes(routes!(passwords::update_password))
        .routes(routes!(passwords::create_password_reset))
        .routes(routes!(passwords::finish_password_reset))
        .routes(routes!(buyers::delete_my_session))
        .routes(routes!(second_steps::create_second_step))
        .routes(routes!(second_steps::send_second_step_code))
        .routes(routes!(second_steps::create_step_up))
        .routes(routes!(second_steps::send_step_up_code))
        .routes(routes!(factors::list_my_factors))
        .routes(routes!(factors::create_totp))
        .routes(routes!(factors::confirm_totp))
        .routes(routes!(factors::create_sms))
        .routes(routes!(factors::confirm_sms))
        .routes(routes!(factors::delete_my_factor))
        .routes(routes!(factors::create_recovery_codes))
        .routes(routes!(members::create_member_session))
        .routes(routes!(members::delete_member_session))
        .routes(routes!(members::create_setup))
        .routes(routes!(members::accept_invitation))
        .routes(routes!(members::find_shop))
        .routes(routes!(members::update_buyer_policy))
        .routes(routes!(members::create_member, members::list_members))
        .routes(routes!(members::delete_member))
        .routes(routes!(members::update_member_roles))
        .routes(routes!(members::reset_member_factors))
        .routes(routes!(members::leave_shop))
        .routes(routes!(members::restore_member))
        .routes(routes!(roles::create_role, roles::list_roles))
        .routes(routes!(roles::update_role, roles::delete_role))
        .routes(routes!(approvals::list_approvals))
        .routes(routes!(approvals::refuse_proposal))
        .routes(routes!(access_reviews::list_access_reviews))
        .routes(routes!(access_reviews::find_access_review))
        .routes(routes!(access_reviews::decide_access))
        .merge(emergency_router())
        .routes(routes!(keys::create_api_key, keys::list_api_keys))
        .routes(routes!(keys::delete_api_key))
        .routes(routes!(certificates::create_api_key_enrolment))
        .routes(routes!(certificates::create_certificate, certificates::list_certificates))
        .routes(routes!(certificates::renew_certificate))
        .routes(routes!(certificates::find_authority))
        .routes(routes!(certificates::find_revoked))
        .routes(routes!(certificates::delete_certificate))
        .routes(routes!(passkeys::create_passkey_registration))
        .routes(routes!(passkeys::finish_passkey_registration))
        .routes(routes!(passkeys::list_passkeys))
        .routes(routes!(passkeys::delete_passkey))
        .routes(routes!(passkeys::create_passkey_attempt))
        .routes(routes!(passkeys::create_passkey_session))
        .routes(routes!(passkeys::create_passkey_step_up))
        .routes(routes!(passkeys::finish_passkey_step_up))
}

fn emergency_router() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(emergencies::begin_emergency, emergencies::list_emergencies))
        .routes(routes!(emergencies::end_emergency))
        .routes(routes!(emergencies::review_emergency))
}
