//! Who is at the door, and what they may do: shops and their members, buyers and their devices, API keys.
//!
//! Promises:
//! - a person's name and contact are sealed from the first row on, and looked up by a keyed index only;
//! - a wrong PIN, code or password is counted in a committed transaction before anything else happens, so parallel
//!   guesses are counted one by one;
//! - whether a contact or address is known shows neither in a text nor in a status;
//! - one table says which role may do what ([`Permission`], [`Role`]); what is not in it is denied, and what belongs to
//!   another shop is not found;
//! - every change writes an entry into the audit log, in the same transaction.
//!
//! Reading order: `permissions`, `text`, `token`, `pin`, `buyers`, `codes`, `sessions`, `password`, `members`, `setup`,
//! `api_keys`, `mail`, `store`, `routes`, `desk` with `pages`.

mod access_review;
mod activity;
mod address_change;
mod api_keys;
pub mod approvals;
mod blocklist;
mod buyer_policy;
mod buyers;
pub mod cases;
pub mod ceremonies;
mod certificates;
mod codes;
mod contact_change;
mod context;
mod custom_roles;
pub mod desk;
mod disputes;
mod emergency;
mod factor_reset;
pub mod factors;
mod grants;
mod house_notices;
mod keyed;
mod letters;
pub mod limits;
mod logins;
mod mail;
mod member_devices;
mod members;
mod networks;
mod notices;
pub mod oauth;
pub mod outside;
mod own;
pub mod pages;
pub mod passkeys;
mod password;
mod password_reset;
mod permissions;
mod person;
mod phone;
mod pin;
mod pin_reset;
mod place;
mod proof;
pub mod proposed;
mod record;
mod recovery;
pub mod routes;
mod sealed;
mod sent_codes;
mod sessions;
mod setup;
mod shops;
mod sign_in;
mod sign_out;
mod sim_change;
mod sms;
mod store;
mod strength;
mod suspensions;
mod sweep;
mod text;
mod thinning;
mod throttle;
mod token;
mod totp;

pub use access_review::{
    AccessReview, AccessReviewError, Decision, Line, LineFlag, LineKind, ReviewState, close_due_reviews,
    decide_line, find_access_review, list_access_reviews, open_access_review, open_due_reviews,
    remind_of_open_reviews, suspend_idle_members,
};
pub use activity::{Activity, Happening, list_activity};
pub use address_change::{AddressChange, AddressChangeError, finish_address_change, request_address_change};
pub use api_keys::{
    ApiKey, ApiKeyError, ApiKeyProblem, ApiKeyRing, KeyState, NewApiKey, RingKey, create_api_key,
    create_system_api_key, list_api_keys, remind_of_api_keys, require_active_key, revoke_api_key,
};
pub use blocklist::{Blocklist, BlocklistError, use_blocklist};
pub use buyer_policy::{BuyerPolicyError, lacks_factor, set_buyer_policy};
pub use buyers::{
    Buyer, BuyerError, BuyerPerson, BuyerState, Device, DeviceToken, Freeze, PinChange, SignUp, change_pin,
    create_buyer, erase_buyer, find_buyer, find_buyer_by_contact, find_buyer_person, find_cooling,
    find_device, list_devices, open_trusted_session, set_frozen, unlock_pin,
};
pub use certificates::{
    Alarm, Certificate, CertificateError, CertificateRequest, CertificateState, Holder, Issued, NewEnrolment,
    Purpose, RequestProblem, Watched, create_enrolment, create_key_enrolment, days_left, enrol,
    find_authority_pem, fingerprint, holder_of, list_authorities, list_certificates, list_revoked,
    prepare_authority, raise_alarms, renew, require_certificate, revoke_certificate, watch_certificate,
};
pub use codes::{
    CodeCheck, CodeRequestError, CodeRequested, Knock, NotACode, OneTimeCode, ShownDevice, SignedIn,
    request_sign_in, request_sign_up, verify_code,
};
pub use contact_change::{
    ContactAsked, ContactChange, ContactChangeError, finish_contact_change, put_contact_as_operator,
    request_contact_change,
};
pub use context::{Context, Fault, Means};
pub use custom_roles::{
    CustomRole, NewRole, NewRoleProblem, RoleError, create_role, delete_role, is_for_members,
    list_custom_roles, update_role,
};
pub use disputes::{DisputeError, Disputed, find_dispute, freeze_by_link};
pub use emergency::{
    Emergency, EmergencyError, EmergencyProblem, EmergencyState, Lent, NEVER_LENT, NewEmergency,
    begin_emergency, end_due_emergencies, end_emergency, lent_by, list_emergencies, review_emergency,
};
pub use factor_reset::{reset_factors, reset_factors_as_operator};
pub use factors::{Factor, FactorError, FactorKind, NewFactor};
pub use grants::{Grants, Permissions, RoleProblem, is_weighty};
pub use house_notices::tell_house;
pub use keyed::KEYED;
pub use mail::{
    Channel, DueMail, Letter, Message, Recipient, mark_failed, mark_refused, mark_sent, queue_mail,
    queue_message, take_due, take_due_on,
};
pub use members::{
    Left, LoginError, LoginTry, Member, MemberError, MemberPerson, MemberState, NewMember, Place, Verdict,
    confirm_member, create_member, find_member, find_member_person, finish_login, list_holders_of,
    list_members, list_security_members, origin_of, remove_member, sign_in_member, start_login, update_roles,
};
pub use networks::{CountryOf, Network};
pub use notices::{FirstProof, Notice, PayoutStep, Quiet, Stopped, queue_notice};
pub use own::{
    Thaw, ThawError, end_other_sessions, end_own_session, freeze_everything, list_own_sessions,
    sign_out_elsewhere, thaw,
};
pub use password::{
    Beside, Password, PasswordHash, PasswordProblem, PasswordProfile, PasswordQueue, PasswordRule, QueueFull,
    hash_password, verify_password,
};
pub use password_reset::{
    PasswordResetError, answer_password_resets, find_password_reset, finish_password_reset,
    request_password_reset,
};
pub use permissions::{Actor, AppCaller, Denied, KeyCaller, Permission, Role, TerminalCaller};
pub use person::Person;
pub use phone::{Contact, Phone};
pub use pin::{
    Cooling, PIN_DIGITS, Pin, PinCheck, PinProblem, small_payment_minor, verify_payment_pin, verify_pin,
    verify_settled_pin,
};
pub use pin_reset::{
    PinReset, PinResetError, check_pin_reset, confirm_buyer, finish_pin_reset, request_pin_reset,
};
pub use proof::{Occasion, Proof, ProofCheck, check_proof};
pub use recovery::{NotARecoveryCode, RecoveryCode, count_recovery_codes, create_recovery_codes};
pub use routes::gate;
pub use sealed::SEALED;
pub use sent_codes::{CodePurpose, Delivery, Errand, SentCheck, check_sent, send_code};
pub use sessions::{
    AuthError, BuyerSession, MemberSession, NewSession, SessionLine, end_buyer_session, end_buyer_sessions,
    end_member_sessions, end_session, list_buyer_sessions, list_member_sessions, note_second_factor,
    open_buyer_session, open_member_session, open_trusted_member_session, require_buyer, require_member,
    touch_session, wake_session,
};
pub use setup::{
    Invited, Link, SetupError, accept_invitation, complete_setup, create_setup_link, find_link,
    invite_member, invite_operator, link_text, resend_invitation,
};
pub use shops::{
    CITY_CHARS_MAX, Shop, ShopDraft, ShopProblem, ShopProfile, ShopState, create_shop, find_shop, list_shops,
};
pub use sign_in::{
    Arrival, FirstStep, Opened, OwnError, PendingSignIn, SecondStep, StepUp, complete_sign_in, find_pending,
    find_second_step, list_kinds, open_proven, require_own_fresh, step_up, take_second_step,
};
pub use sign_out::{Everybody, sign_everybody_out, sign_person_out, sign_shop_out};
pub use sim_change::{SimChange, note_sim_change};
pub use sms::{SmsError, SmsOffer, confirm_sms, offer_sms, send_sms, send_to_contact};
pub use store::MIGRATIONS;
pub use store::buyers::buyer_key;
pub use store::shops::shop_key;
pub use strength::{Advice, Strength, judge_password};
pub use suspensions::{SuspendedFor, restore_member, restore_member_as_operator};
pub use sweep::sweep;
pub use text::{Email, Label, PersonName, TextError};
pub use token::{Token, TokenKind};
pub use totp::{TotpOffer, confirm_totp, find_totp_offer, offer_totp, read_totp_key, show_code};
