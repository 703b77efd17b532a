//! What each refusal of identity looks like over HTTP.

use vault::rotation::RotationError;
use webkit::error::{ApiError, Code};

use crate::access_review::AccessReviewError;
use crate::api_keys::ApiKeyError;
use crate::approvals::ApprovalError;
use crate::buyer_policy::BuyerPolicyError;
use crate::buyers::BuyerError;
use crate::cases::CaseError;
use crate::ceremonies::CeremonyError;
use crate::certificates::CertificateError;
use crate::codes::CodeRequestError;
use crate::contact_change::ContactChangeError;
use crate::context::Fault;
use crate::custom_roles::RoleError;
use crate::disputes::DisputeError;
use crate::factors::FactorError;
use crate::limits::FACTOR_SETTLED_SECONDS;
use crate::members::{LoginError, MemberError};
use crate::oauth::{AppError, ConsentError};
use crate::passkeys::PasskeyError;
use crate::password_reset::PasswordResetError;
use crate::permissions::Denied;
use crate::pin::PinCheck;
use crate::pin_reset::PinResetError;
use crate::sessions::AuthError;
use crate::setup::SetupError;
use crate::sign_in::OwnError;
use crate::sms::SmsError;

macro_rules! codes {
    ($($name:ident = $text:literal, $status:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub static $name: Code = Code::new($text, $status, $meaning);)*
        /// Every error code of identity.
        pub static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    SIGN_IN_REFUSED = "sign_in_refused", 401, "the address or the password is wrong";
    SESSION_ASLEEP = "session_asleep", 403, "the session was idle for five minutes; give the PIN to see the account again";
    SECOND_FACTOR_NEEDED = "second_factor_needed", 403, "the session was opened with the password alone; give the second factor, or set one up";
    STEP_UP_NEEDED = "step_up_needed", 403, "the second factor was given too long ago for this; give it again";
    PASSWORD_CHANGE_NEEDED = "password_change_needed", 403, "the password is on a list that thieves try first; change it before anything else";
    PASSWORD_WRONG = "password_wrong", 403, "the old password is wrong";
    PIN_WRONG = "pin_wrong", 403, "the PIN is wrong; the message says how many tries are left";
    PIN_LOCKED = "pin_locked", 403, "too many wrong PINs; paying is locked until the PIN is set anew";
    PIN_COOLING = "pin_cooling", 403, "the PIN was set anew and pays little or nothing for a while; the message says until when";
    ACCOUNT_NOT_ACTIVE = "account_not_active", 403, "the account is frozen and cannot pay";
    ONE_TIME_CODE_WRONG = "one_time_code_wrong", 403, "the code is wrong; the message says how many tries are left";
    ONE_TIME_CODE_GONE = "one_time_code_gone", 409, "the code was used, ran out or was tried too often; ask for a new one";
    SECOND_FACTOR_WRONG = "second_factor_wrong", 403, "the code is wrong or was used; the message says how many tries are left";
    SIM_CHANGED = "sim_changed", 409, "the SIM card of the number was changed lately, so codes to it prove nothing for seven days; use another second factor";
    SIGN_IN_GONE = "sign_in_gone", 409, "the first step of the sign-in ran out or was tried too often; begin again";
    LAST_FACTOR = "last_factor", 409, "a member keeps at least one second factor";
    LINK_GONE = "link_gone", 409, "the one-time link was used or ran out; ask for a new one";
    PASSKEY_REFUSED = "passkey_refused", 403, "the passkey does not open this; the message says why";
    PASSKEY_STALE = "passkey_stale", 409, "the request for a passkey was used, is too old or somebody else's; ask again";
    PASSKEY_TAKEN = "passkey_taken", 409, "the passkey is registered already";
    PASSKEYS_UNAVAILABLE = "passkeys_unavailable", 409, "browsers offer no passkeys at this installation's public address";
    PASSKEY_LIMIT = "passkey_limit", 409, "the account has as many passkeys as it may have; remove one first";
    MEMBER_EXISTS = "member_exists", 409, "there is a member with this address already";
    ENROLMENT_GONE = "enrolment_gone", 409, "the enrolment code was used or ran out; ask for a new one";
    HOLDER_GONE = "holder_gone", 409, "the terminal or API key is unknown or no longer in force";
    NOT_OUR_CERTIFICATE = "not_our_certificate", 403, "only a certificate of the built-in authority can be renewed here";
    LAST_OWNER = "last_owner", 409, "a shop keeps an owner, the installation an operator";
    MORE_THAN_OWN = "more_than_own", 403, "you can only give and take what you may do yourself";
    OWN_PROPOSAL = "own_proposal", 403, "somebody else must decide what you proposed, or about you";
    NOBODY_ELSE = "nobody_else", 409, "this takes two people, and nobody else could approve it; ask whoever runs the installation";
    ALREADY_DECIDED = "already_decided", 409, "somebody decided this already";
    CASE_CLOSED = "case_closed", 409, "the case is closed";
    CASE_NOT_TAKEN = "case_not_taken", 409, "a colleague works the case; take it over before closing it";
    OWN_CASE = "own_case", 403, "somebody else must work a case about your account";
    EMERGENCY_GAINS_NOTHING = "emergency_gains_nothing", 409, "the role lends nothing that the member lacks";
    EMERGENCY_RUNNING = "emergency_running", 409, "an emergency access is still running; end it first";
    EMERGENCY_UNREVIEWED = "emergency_unreviewed", 409, "somebody else must review the member's last emergencies first";
    ROLE_EXISTS = "role_exists", 409, "the shop has a role of this name already";
    ROLE_IN_USE = "role_in_use", 409, "a member has the role; give them another one first";
    ROTATION_RUNNING = "rotation_running", 409, "another rotation of keys is not done yet; wait for it";
    KEY_IN_USE = "key_in_use", 409, "only a key that was replaced, and from which nothing hangs, is destroyed";
    KEYS_CHANGED = "keys_changed", 409, "the keys changed after this was proposed; propose it again";
    SHOP_LIMIT = "shop_limit", 409, "the shop has as many of these as it may have; remove one first";
}

/// A buyer's session that was idle and may not show the account before the PIN was given again.
pub fn asleep() -> ApiError {
    ApiError::new(&SESSION_ASLEEP, "give the PIN to see the account again")
}

/// A fault over HTTP: 503 when the database is away, else 500. Its text goes to the log alone.
pub fn fault(fault: &Fault) -> ApiError {
    match fault {
        Fault::Store(error) => error.clone().into(),
        Fault::Vault(vault::VaultError::Store(error)) => error.clone().into(),
        Fault::Vault(_) | Fault::Row(_) => ApiError::internal(fault),
    }
}

/// A refusal by the table of permissions: 401, 404 or 403, with a code of its own where a second factor would help.
pub fn denied(denied: Denied) -> ApiError {
    match denied {
        Denied::SignInNeeded => ApiError::unauthenticated("sign in, or send a valid key or session"),
        Denied::NotFound => ApiError::not_found("there is no such thing"),
        Denied::NotAllowed => ApiError::forbidden("your role does not allow this"),
        Denied::SecondFactorNeeded => ApiError::new(&SECOND_FACTOR_NEEDED, denied.to_string()),
        Denied::StepUpNeeded => ApiError::new(&STEP_UP_NEEDED, denied.to_string()),
        Denied::PasswordChangeNeeded => ApiError::new(&PASSWORD_CHANGE_NEEDED, denied.to_string()),
        Denied::Asleep => asleep(),
        Denied::Frozen => ApiError::new(&ACCOUNT_NOT_ACTIVE, denied.to_string()),
    }
}

/// A session that opens nothing: 401.
pub fn unauthenticated(error: AuthError) -> ApiError {
    match error {
        AuthError::SignInNeeded => denied(Denied::SignInNeeded),
        AuthError::Fault(found) => fault(&found),
    }
}

impl From<Fault> for ApiError {
    fn from(found: Fault) -> ApiError {
        fault(&found)
    }
}

impl From<Denied> for ApiError {
    fn from(found: Denied) -> ApiError {
        denied(found)
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> ApiError {
        let text = error.to_string();
        match error {
            AppError::Denied(found) => denied(found),
            AppError::TooMany => ApiError::new(&SHOP_LIMIT, text),
            AppError::NotFound => ApiError::not_found(text),
            AppError::Fault(found) => fault(&found),
        }
    }
}

impl From<ConsentError> for ApiError {
    fn from(error: ConsentError) -> ApiError {
        let text = error.to_string();
        match error {
            ConsentError::Denied(found) => denied(found),
            ConsentError::Gone => ApiError::new(&LINK_GONE, text),
            ConsentError::NothingToGive => ApiError::forbidden(text),
            ConsentError::Fault(found) => fault(&found),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(found: AuthError) -> ApiError {
        unauthenticated(found)
    }
}

impl From<BuyerError> for ApiError {
    fn from(error: BuyerError) -> ApiError {
        match error {
            // Said only after the contact was confirmed, so it tells nothing new.
            BuyerError::ContactTaken | BuyerError::ContactIsFactor => ApiError::conflict(error.to_string()),
            BuyerError::NotFound => ApiError::not_found(error.to_string()),
            BuyerError::WeakPin(problem) => ApiError::bad_field("new_pin", problem),
            BuyerError::Fault(found) => fault(&found),
        }
    }
}

impl From<CodeRequestError> for ApiError {
    fn from(error: CodeRequestError) -> ApiError {
        match error {
            CodeRequestError::TooMany { retry_after_seconds } => too_many(retry_after_seconds),
            CodeRequestError::Fault(found) => fault(&found),
        }
    }
}

impl From<PasswordResetError> for ApiError {
    fn from(error: PasswordResetError) -> ApiError {
        match error {
            PasswordResetError::Gone => ApiError::new(&LINK_GONE, error.to_string()),
            PasswordResetError::Fault(found) => fault(&found),
        }
    }
}

impl From<BuyerPolicyError> for ApiError {
    fn from(error: BuyerPolicyError) -> ApiError {
        let text = error.to_string();
        match error {
            BuyerPolicyError::Denied(found) => denied(found),
            BuyerPolicyError::Amount => ApiError::bad_field("factor_above_minor", text),
            BuyerPolicyError::NotFound => ApiError::not_found(text),
            BuyerPolicyError::Fault(found) => fault(&found),
        }
    }
}

impl From<ContactChangeError> for ApiError {
    fn from(error: ContactChangeError) -> ApiError {
        match error {
            ContactChangeError::Denied(found) => denied(found),
            ContactChangeError::Code(found) => found.into(),
            ContactChangeError::Buyer(found) => found.into(),
            ContactChangeError::Fault(found) => fault(&found),
        }
    }
}

impl From<PinResetError> for ApiError {
    fn from(error: PinResetError) -> ApiError {
        let text = error.to_string();
        match error {
            PinResetError::NotActive => ApiError::new(&ACCOUNT_NOT_ACTIVE, text),
            PinResetError::StepUpNeeded => denied(Denied::StepUpNeeded),
            PinResetError::SignInNeeded => denied(Denied::SignInNeeded),
            PinResetError::WeakPin(problem) => ApiError::bad_field("new_pin", problem),
            PinResetError::Code(found) => found.into(),
            PinResetError::Fault(found) => fault(&found),
        }
    }
}

impl From<DisputeError> for ApiError {
    fn from(error: DisputeError) -> ApiError {
        match error {
            DisputeError::Gone => ApiError::new(&LINK_GONE, error.to_string()),
            DisputeError::Fault(found) => fault(&found),
        }
    }
}

impl From<CaseError> for ApiError {
    fn from(error: CaseError) -> ApiError {
        let text = error.to_string();
        match error {
            CaseError::Denied(found) => denied(found),
            CaseError::NotMember => ApiError::forbidden(text),
            CaseError::NotFound => ApiError::not_found(text),
            CaseError::OwnCase => ApiError::new(&OWN_CASE, text),
            CaseError::Closed => ApiError::new(&CASE_CLOSED, text),
            CaseError::NotTaken => ApiError::new(&CASE_NOT_TAKEN, text),
            CaseError::Note => ApiError::bad_field("note", text),
            CaseError::Fault(found) => fault(&found),
        }
    }
}

impl From<FactorError> for ApiError {
    fn from(error: FactorError) -> ApiError {
        let text = error.to_string();
        match error {
            FactorError::TooMany => ApiError::new(&SHOP_LIMIT, text),
            FactorError::NotFound => ApiError::not_found(text),
            FactorError::IsContact => ApiError::bad_field("number", text),
            FactorError::LastFactor => ApiError::new(&LAST_FACTOR, text),
            FactorError::Fault(found) => fault(&found),
        }
    }
}

impl From<SmsError> for ApiError {
    fn from(error: SmsError) -> ApiError {
        match error {
            SmsError::Factor(found) => found.into(),
            SmsError::Code(found) => found.into(),
            SmsError::SimChanged => ApiError::new(&SIM_CHANGED, error.to_string()),
            SmsError::Fault(found) => fault(&found),
        }
    }
}

impl From<OwnError> for ApiError {
    fn from(error: OwnError) -> ApiError {
        match error {
            OwnError::Denied(found) => denied(found),
            OwnError::Fault(found) => fault(&found),
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> ApiError {
        match error {
            LoginError::TooMany { retry_after_seconds } => too_many(retry_after_seconds),
            LoginError::Busy(full) => ApiError::unavailable(5, full),
            LoginError::Fault(found) => fault(&found),
        }
    }
}

impl From<MemberError> for ApiError {
    fn from(error: MemberError) -> ApiError {
        let text = error.to_string();
        match error {
            MemberError::Denied(found) => denied(found),
            MemberError::EmailTaken => ApiError::new(&MEMBER_EXISTS, text),
            MemberError::TooMany => ApiError::new(&SHOP_LIMIT, text),
            MemberError::NotFound => ApiError::not_found(text),
            MemberError::LastOwner => ApiError::new(&LAST_OWNER, text),
            MemberError::MoreThanOwn => ApiError::new(&MORE_THAN_OWN, text),
            MemberError::OtherRole => ApiError::bad_field("roles", text),
            MemberError::OwnFactors => ApiError::new(&OWN_PROPOSAL, text),
            MemberError::NobodyElse => ApiError::new(&NOBODY_ELSE, text),
            MemberError::Approval(found) => found.into(),
            MemberError::Fault(found) => fault(&found),
        }
    }
}

impl From<ApprovalError> for ApiError {
    fn from(error: ApprovalError) -> ApiError {
        let text = error.to_string();
        match error {
            ApprovalError::Denied(found) => denied(found),
            ApprovalError::OwnProposal => ApiError::new(&OWN_PROPOSAL, text),
            ApprovalError::NotFound => ApiError::not_found(text),
            ApprovalError::Decided => ApiError::new(&ALREADY_DECIDED, text),
            ApprovalError::TooMany => ApiError::new(&SHOP_LIMIT, text),
            ApprovalError::Fault(found) => fault(&found),
        }
    }
}

impl From<CeremonyError> for ApiError {
    fn from(error: CeremonyError) -> ApiError {
        let text = error.to_string();
        match error {
            CeremonyError::Denied(found) => denied(found),
            CeremonyError::NobodyElse => ApiError::new(&NOBODY_ELSE, text),
            CeremonyError::Stale => ApiError::new(&KEYS_CHANGED, text),
            CeremonyError::Approval(found) => found.into(),
            CeremonyError::Rotation(found) => of_rotation(&found),
            CeremonyError::Fault(found) => fault(&found),
        }
    }
}

fn of_rotation(error: &RotationError) -> ApiError {
    match error {
        RotationError::Running { .. } => ApiError::new(&ROTATION_RUNNING, error.to_string()),
        RotationError::NotFound { .. } => ApiError::not_found(error.to_string()),
        RotationError::NotRetired { .. }
        | RotationError::InUse { .. }
        | RotationError::TooManySeeds
        | RotationError::AtMachine
        | RotationError::NoVersion => ApiError::new(&KEY_IN_USE, error.to_string()),
        RotationError::Vault(vault::VaultError::Store(error)) => error.clone().into(),
        RotationError::Fenced | RotationError::Vault(_) => ApiError::internal(error),
    }
}

impl From<RoleError> for ApiError {
    fn from(error: RoleError) -> ApiError {
        let text = error.to_string();
        match error {
            RoleError::Denied(found) => denied(found),
            RoleError::MoreThanOwn => ApiError::new(&MORE_THAN_OWN, text),
            RoleError::NotFound => ApiError::not_found(text),
            RoleError::NameTaken => ApiError::new(&ROLE_EXISTS, text),
            RoleError::InUse => ApiError::new(&ROLE_IN_USE, text),
            RoleError::TooMany => ApiError::new(&SHOP_LIMIT, text),
            RoleError::Approval(found) => found.into(),
            RoleError::Fault(found) => fault(&found),
        }
    }
}

impl From<AccessReviewError> for ApiError {
    fn from(error: AccessReviewError) -> ApiError {
        let text = error.to_string();
        match error {
            AccessReviewError::Denied(found) => denied(found),
            AccessReviewError::NotFound => ApiError::not_found(text),
            AccessReviewError::OwnLine => ApiError::new(&OWN_PROPOSAL, text),
            AccessReviewError::Decided => ApiError::new(&ALREADY_DECIDED, text),
            AccessReviewError::LastOwner => ApiError::new(&LAST_OWNER, text),
            AccessReviewError::Fault(found) => fault(&found),
        }
    }
}

impl From<SetupError> for ApiError {
    fn from(error: SetupError) -> ApiError {
        match error {
            SetupError::Gone => ApiError::new(&LINK_GONE, error.to_string()),
            SetupError::Member(found) => found.into(),
            SetupError::Fault(found) => fault(&found),
        }
    }
}

impl From<CertificateError> for ApiError {
    fn from(error: CertificateError) -> ApiError {
        let text = error.to_string();
        match error {
            CertificateError::Denied(found) => denied(found),
            CertificateError::Minutes => ApiError::bad_field("minutes", text),
            CertificateError::CodeGone => ApiError::new(&ENROLMENT_GONE, text),
            CertificateError::NoHolder => ApiError::new(&HOLDER_GONE, text),
            CertificateError::TooMany | CertificateError::TooManyCodes => ApiError::new(&SHOP_LIMIT, text),
            CertificateError::NotOurs => ApiError::new(&NOT_OUR_CERTIFICATE, text),
            CertificateError::NotFound => ApiError::not_found(text),
            CertificateError::Fault(found) => fault(&found),
        }
    }
}

impl From<ApiKeyError> for ApiError {
    fn from(error: ApiKeyError) -> ApiError {
        let text = error.to_string();
        match error {
            ApiKeyError::Denied(found) => denied(found),
            ApiKeyError::TooMany => ApiError::new(&SHOP_LIMIT, text),
            ApiKeyError::NotFound => ApiError::not_found(text),
            ApiKeyError::Fault(found) => fault(&found),
        }
    }
}

/// What a PIN that was not right looks like; `None` for the right one.
pub fn refused_pin(check: PinCheck) -> Option<ApiError> {
    match check {
        PinCheck::Right => None,
        PinCheck::Wrong { left } => {
            let text = format!("the PIN is wrong; {left} tries are left until paying is locked");
            Some(ApiError::new(&PIN_WRONG, text))
        }
        PinCheck::Locked => Some(ApiError::new(&PIN_LOCKED, "too many wrong PINs; the PIN is locked")),
        PinCheck::Cooling { until } => {
            let days = FACTOR_SETTLED_SECONDS / 86_400;
            let text = match until {
                Some(until) => {
                    format!("the PIN was set anew and does not do this before {}", until.to_rfc3339())
                }
                None => format!(
                    "the PIN was set anew with a code alone and does not do this until a second factor is {days} days old, \
                     or whoever runs the installation confirms who you are"
                ),
            };
            Some(ApiError::new(&PIN_COOLING, text))
        }
        PinCheck::NotActive => {
            Some(ApiError::new(&ACCOUNT_NOT_ACTIVE, "the account is frozen and cannot pay"))
        }
    }
}

pub(super) fn too_many(retry_after_seconds: i64) -> ApiError {
    ApiError::too_many(u32::try_from(retry_after_seconds).unwrap_or(u32::MAX))
}

impl From<PasskeyError> for ApiError {
    fn from(error: PasskeyError) -> ApiError {
        let text = error.to_string();
        match error {
            PasskeyError::TooMany => ApiError::new(&PASSKEY_LIMIT, text),
            PasskeyError::NobodyThere => ApiError::not_found(text),
            PasskeyError::NotFound => ApiError::not_found(text),
            PasskeyError::LastFactor => ApiError::new(&LAST_FACTOR, text),
            PasskeyError::Fault(found) => fault(&found),
        }
    }
}
