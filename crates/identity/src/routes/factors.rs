//! One's own second factors over HTTP: see, add, remove. Adding and removing ask for a fresh one where there is one.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::{FactorId, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};
use webkit::paging::List;

use super::errors::{ONE_TIME_CODE_GONE, SECOND_FACTOR_WRONG};
use super::gate::{Bearer, Caller};
use super::second_steps::{SteppedUpView, session_of};
use crate::codes::OneTimeCode;
use crate::context::{Context, Fault};
use crate::factors::{self, Factor, FactorKind};
use crate::permissions::Permission;
use crate::person::Person;
use crate::phone::Phone;
use crate::recovery::{self, RecoveryCode};
use crate::sent_codes::SentCheck;
use crate::sessions::{self, NewSession};
use crate::sign_in;
use crate::sms;
use crate::text::Label;
use crate::totp;
use store::Tx;

/// A second factor.
#[derive(Serialize, ToSchema)]
pub struct FactorView {
    /// The factor.
    #[schema(example = "fct_000000000000000000000000abcd")]
    id: String,
    /// `totp`, `passkey`, `sms` or `recovery`.
    kind: &'static str,
    /// What its owner calls it.
    label: String,
    /// For `recovery`: how many codes are left.
    codes_left: Option<usize>,
    /// Since when, RFC 3339.
    created_at: String,
    /// When it was last used, RFC 3339.
    used_at: Option<String>,
}

/// Offers an authenticator app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTotpBody {
    /// What to call it, 1 to 60 characters.
    #[schema(min_length = 1, max_length = 60, example = "Phone")]
    label: String,
}

/// The key of an authenticator app. It is not shown again.
#[derive(Serialize, ToSchema)]
pub struct TotpOfferView {
    /// The factor, which counts once its first code is given.
    id: String,
    /// The key in base 32.
    key: String,
    /// The `otpauth:` address; show it as a QR code.
    uri: String,
}

/// Gives the first code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmTotpBody {
    /// Six digits.
    #[schema(example = "123456")]
    code: String,
}

/// Offers a telephone number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSmsBody {
    /// The number with its country.
    #[schema(max_length = 40, example = "+86 138 0013 8000")]
    number: String,
}

/// A number that was offered; a code is on its way to it.
#[derive(Serialize, ToSchema)]
pub struct SmsOfferView {
    /// The factor, which counts once the code is given.
    id: String,
    /// Give it with the code.
    request: String,
    /// Until when the code is good, RFC 3339.
    expires_at: String,
}

/// Gives the code that came to the number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmSmsBody {
    /// The id that offering the number gave.
    request: String,
    /// Six digits.
    #[schema(example = "123456")]
    code: String,
}

/// A factor counts from now on, and the session goes on with it.
#[derive(Serialize, ToSchema)]
pub struct ConfirmedView {
    /// The session under its new token.
    session: SteppedUpView,
    /// With the first factor: ten recovery codes, to be kept somewhere safe. They are not shown again.
    recovery_codes: Vec<String>,
}

/// Ten new recovery codes. They are not shown again, and the old ones work no longer.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodesView {
    /// The codes.
    #[schema(example = json!(["4k7x-q9mz-2d0a-h5tw-8ncr-3jve"]))]
    codes: Vec<String>,
}

/// The caller's second factors.
#[utoipa::path(get, path = "/v1/me/factors", tag = "account",
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = List<FactorView>), ApiErrors))]
pub async fn list_my_factors(State(cx): State<Context>, who: Bearer) -> ApiResult<List<FactorView>> {
    let found = cx.read_as(who, Permission::OwnSecurity, |tx, caller| {
        let (person, _) = session_of(&caller.actor)?;
        let left = recovery::count_recovery_codes(tx, person)?;
        Ok((factors::list_factors(tx, person)?, left))
    });
    let (list, left) = found.await?;
    let data = list.into_iter().map(|factor| view(factor, left)).collect();
    Ok(Answer(List { data, next_cursor: None }))
}

/// Offers an authenticator app: makes its key, which is shown once.
#[utoipa::path(post, path = "/v1/me/factors/totp", tag = "account", request_body = NewTotpBody,
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 201, body = TotpOfferView), ApiErrors))]
pub async fn create_totp(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewTotpBody>,
) -> Result<(StatusCode, Answer<TotpOfferView>), ApiError> {
    let label = Label::parse(&body.label).map_err(|problem| ApiError::bad_field("label", problem))?;
    let host = cx.host().to_owned();
    let offer = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let person = sign_in::require_own_change(tx, caller.means.vault, &caller.actor)?;
        Ok(totp::offer_totp(tx, &caller.means, person, &label, &host)?)
    });
    let offer = offer.await?;
    let (key, uri) = (offer.key.expose().clone(), offer.uri.expose().clone());
    Ok((StatusCode::CREATED, Answer(TotpOfferView { id: offer.id.to_string(), key, uri })))
}

/// Gives the first code of an authenticator app; from then on it counts.
#[utoipa::path(post, path = "/v1/me/factors/totp/{id}/confirm", tag = "account", request_body = ConfirmTotpBody,
    params(("id" = String, Path, description = "the factor")),
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = ConfirmedView), ApiErrors))]
pub async fn confirm_totp(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<ConfirmTotpBody>,
) -> ApiResult<ConfirmedView> {
    let id = parse_factor(&id)?;
    let code = OneTimeCode::parse(&body.code).map_err(|problem| ApiError::bad_field("code", problem))?;
    let confirmed = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let person = sign_in::require_own_change(tx, caller.means.vault, &caller.actor)?;
        if !totp::confirm_totp(tx, &caller.means, person, id, &code)? {
            return Ok(None);
        }
        confirmed(tx, caller, person, FactorKind::Totp).map(Some)
    });
    let refused =
        || ApiError::new(&SECOND_FACTOR_WRONG, "the code is wrong; is the clock of the telephone right");
    Ok(Answer(confirmed.await?.ok_or_else(refused)?.into()))
}

/// Offers a telephone number: sends it a code.
#[utoipa::path(post, path = "/v1/me/factors/sms", tag = "account", request_body = NewSmsBody,
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 202, body = SmsOfferView), ApiErrors))]
pub async fn create_sms(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewSmsBody>,
) -> Result<(StatusCode, Answer<SmsOfferView>), ApiError> {
    if !cx.sends_texts {
        let text = "this installation sends no text messages; choose an authenticator app or a passkey";
        return Err(ApiError::conflict(text));
    }
    let phone = Phone::parse(&body.number).map_err(|problem| ApiError::bad_field("number", problem))?;
    let (origin, host) = (who.place.origin.clone(), cx.host().to_owned());
    let offer = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let person = sign_in::require_own_change(tx, caller.means.vault, &caller.actor)?;
        Ok(sms::offer_sms(tx, &caller.means, person, &phone, (&origin, &host))?)
    });
    let offer = offer.await?;
    let view = SmsOfferView {
        id: offer.id.to_string(),
        request: offer.request.request.to_string(),
        expires_at: offer.request.expires.to_rfc3339(),
    };
    Ok((StatusCode::ACCEPTED, Answer(view)))
}

/// Gives the code that came to the number; from then on it counts.
#[utoipa::path(post, path = "/v1/me/factors/sms/{id}/confirm", tag = "account", request_body = ConfirmSmsBody,
    params(("id" = String, Path, description = "the factor")),
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = ConfirmedView), ApiErrors))]
pub async fn confirm_sms(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<ConfirmSmsBody>,
) -> ApiResult<ConfirmedView> {
    let mut problems = Problems::new();
    let request = problems.take("request", body.request.parse::<SessionId>());
    let code = problems.take("code", OneTimeCode::parse(&body.code));
    let (Some(request), Some(code)) = (request, code) else { return Err(problems.into_error()) };
    let id = parse_factor(&id)?;
    let checked = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let person = sign_in::require_own_change(tx, caller.means.vault, &caller.actor)?;
        match sms::confirm_sms(tx, &caller.means, person, id, (request, &code))? {
            SentCheck::Right => Ok(Ok(confirmed(tx, caller, person, FactorKind::Sms)?)),
            refused => Ok(Err(refused)),
        }
    });
    match checked.await? {
        Ok(confirmed) => Ok(Answer(confirmed.into())),
        Err(SentCheck::Wrong { left }) => {
            Err(ApiError::new(&SECOND_FACTOR_WRONG, format!("the code is wrong; {left} tries are left")))
        }
        Err(SentCheck::Gone | SentCheck::Right) => {
            Err(ApiError::new(&ONE_TIME_CODE_GONE, "this code does not work any more; ask for a new one"))
        }
    }
}

/// Removes a second factor. The caller is told on every channel.
#[utoipa::path(delete, path = "/v1/me/factors/{id}", tag = "account",
    params(("id" = String, Path, description = "the factor")),
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 204), ApiErrors))]
pub async fn delete_my_factor(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = parse_factor(&id)?;
    cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let person = sign_in::require_own_change(tx, caller.means.vault, &caller.actor)?;
        factors::remove_factor(tx, &caller.means, person, person, id)?;
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes ten new recovery codes. The old ones work no longer.
#[utoipa::path(post, path = "/v1/me/recovery_codes", tag = "account",
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 201, body = RecoveryCodesView), ApiErrors))]
pub async fn create_recovery_codes(
    State(cx): State<Context>,
    who: Bearer,
) -> Result<(StatusCode, Answer<RecoveryCodesView>), ApiError> {
    let codes = cx.write_as(who, Permission::OwnSecurity, |tx, caller| {
        let person = sign_in::require_own_change(tx, caller.means.vault, &caller.actor)?;
        if !factors::has_second_factor(tx, caller.means.vault, person)? {
            return Err(ApiError::conflict("recovery codes stand in for a second factor; add one first"));
        }
        Ok(recovery::create_recovery_codes(tx, &caller.means, person)?)
    });
    Ok((StatusCode::CREATED, Answer(RecoveryCodesView { codes: reveal(&codes.await?) })))
}

/// What confirming a factor gives: the session under a new token, and recovery codes with the first one.
struct Confirmed {
    session: NewSession,
    codes: Vec<RecoveryCode>,
}

fn confirmed(
    tx: &mut Tx<'_>,
    caller: &Caller<'_>,
    person: Person,
    kind: FactorKind,
) -> Result<Confirmed, ApiError> {
    let has_codes =
        recovery::count_recovery_codes(tx, person).map_err(|found: Fault| ApiError::from(found))? > 0;
    let codes =
        if has_codes { Vec::new() } else { recovery::create_recovery_codes(tx, &caller.means, person)? };
    let session = sessions::note_second_factor(tx, &caller.means, caller.token()?, kind)?;
    Ok(Confirmed { session, codes })
}

impl From<Confirmed> for ConfirmedView {
    fn from(confirmed: Confirmed) -> ConfirmedView {
        ConfirmedView { session: confirmed.session.into(), recovery_codes: reveal(&confirmed.codes) }
    }
}

fn reveal(codes: &[RecoveryCode]) -> Vec<String> {
    codes.iter().map(|code| code.reveal().expose().clone()).collect()
}

fn parse_factor(id: &str) -> Result<FactorId, ApiError> {
    id.parse().map_err(|problem: base::IdError| ApiError::bad_field("id", problem))
}

fn view(factor: Factor, left: usize) -> FactorView {
    FactorView {
        id: factor.id.to_string(),
        kind: factor.kind.name(),
        label: factor.label,
        codes_left: (factor.kind == FactorKind::Recovery).then_some(left),
        created_at: factor.created.to_rfc3339(),
        used_at: factor.used.map(|used| used.to_rfc3339()),
    }
}
