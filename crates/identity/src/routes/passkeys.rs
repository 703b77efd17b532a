//! Passkeys over HTTP: adding, listing, removing; signing in with one; showing one as a second factor.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::{FactorId, SessionId};
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};
use webkit::paging::List;

use super::errors::{PASSKEY_REFUSED, PASSKEY_STALE, PASSKEY_TAKEN, PASSKEYS_UNAVAILABLE, refused_pin};
use super::gate::{Bearer, Caller};
use super::passkey_bodies::{CreationView, NewPasskeyBody, PasskeyUseBody, RequestOptionsView, RequestView};
use super::second_steps::SteppedUpView;
use crate::buyers::DeviceToken;
use crate::codes::ShownDevice;
use crate::context::{Context, Means};
use crate::factors;
use crate::passkeys::{self, Enrolled, Entered, Holder, Passkey, PasskeyRefusal, PasskeyStepUp, Site};
use crate::permissions::{Actor, Permission};
use crate::person::Person;
use crate::pin::{self, Pin, PinCheck};
use crate::sign_in::{Arrival, require_own_fresh};
use crate::text::Label;
use crate::token::{Token, TokenKind};

/// A new passkey and its name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishRegistrationBody {
    /// What to call it; without one, what the browser calls itself.
    #[schema(max_length = 60, example = "phone")]
    label: Option<String>,
    /// The payment PIN: needed from a buyer who has no second factor yet.
    #[schema(pattern = "^[0-9]{6}$", format = Password)]
    pin: Option<String>,
    /// What the browser made.
    credential: NewPasskeyBody,
}

/// A passkey of the caller.
#[derive(Serialize, ToSchema)]
pub struct PasskeyView {
    /// The passkey.
    #[schema(example = "fac_000000000000000000000000abcd")]
    id: String,
    /// What its owner calls it.
    label: String,
    /// Since when, RFC 3339.
    created_at: String,
    /// When it was last used, RFC 3339.
    used_at: Option<String>,
    /// Whether it is copied to other devices of its owner.
    backed_up: bool,
    /// Whether it counted backwards, as a copied key does; it is refused since.
    copied: bool,
}

/// Options for signing in with a passkey.
#[derive(Serialize, ToSchema)]
pub struct PasskeyAttemptView {
    /// Give it back with the answer.
    attempt: String,
    /// The options, in the standard's own words.
    #[serde(rename = "publicKey")]
    public_key: RequestOptionsView,
}

/// The answer of an authenticator at sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySessionBody {
    /// What the options came with.
    attempt: String,
    /// What the browser brings.
    credential: PasskeyUseBody,
    /// What this device got the last time, so that it is recognised.
    device_token: Option<String>,
    /// What to call the device.
    #[schema(max_length = 60)]
    device_label: Option<String>,
}

/// Somebody who has just signed in with a passkey. The tokens are not shown again.
#[derive(Serialize, ToSchema)]
pub struct PasskeySessionView {
    /// `buyer` or `member`.
    kind: &'static str,
    /// The buyer or member.
    id: String,
    /// The session.
    session: String,
    /// To be sent as `Authorization: Bearer …`.
    token: String,
    /// A buyer's device.
    device: Option<String>,
    /// To be given at the next sign-in on this device; absent for a member's that was known already.
    device_token: Option<String>,
    /// When the session ends in any case, RFC 3339.
    expires_at: String,
}

/// The answer of an authenticator in an open session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyStepUpBody {
    /// What the browser brings.
    credential: PasskeyUseBody,
}

impl Context {
    /// The site passkeys belong to.
    ///
    /// # Errors
    /// 409 where the public address has no domain name, or no TLS.
    pub fn site(&self) -> Result<Site, ApiError> {
        let site = Site::of(&self.public_url).ok_or_else(|| {
            let text = "passkeys need a public address with a domain name, over TLS or on localhost";
            ApiError::new(&PASSKEYS_UNAVAILABLE, text)
        })?;
        Ok(site.with_makers(self.makers.clone()))
    }
}

/// Asks for a new passkey of the caller.
#[utoipa::path(post, path = "/v1/passkeys/registrations", tag = "passkeys",
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = CreationView), ApiErrors))]
pub async fn create_passkey_registration(State(cx): State<Context>, who: Bearer) -> ApiResult<CreationView> {
    let site = cx.site()?;
    let options = cx.write_as(who, Permission::OwnSecurity, |tx, caller| {
        let (person, session) = person_of(caller)?;
        Ok(passkeys::start_registration(tx, &caller.means, person, Holder::Session(session))?)
    });
    Ok(Answer(CreationView::new(&site, options.await?)))
}

/// Keeps a new passkey. Needs a fresh second factor where the caller has one; a buyer without one gives the PIN.
#[utoipa::path(post, path = "/v1/passkeys/registrations/finish", tag = "passkeys",
    request_body = FinishRegistrationBody, security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 201, body = PasskeyView), ApiErrors))]
pub async fn finish_passkey_registration(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<FinishRegistrationBody>,
) -> Result<(StatusCode, Answer<PasskeyView>), ApiError> {
    let site = cx.site()?;
    let mut problems = Problems::new();
    let label = match body.label.as_deref() {
        Some(text) => problems.take("label", Label::parse(text)),
        None => Some(who.place.agent.clone()),
    };
    let pin = body.pin.as_deref().map(Pin::parse).transpose();
    let pin = problems.take("pin", pin).flatten();
    let (Some(label), true) = (label, problems.is_empty()) else { return Err(problems.into_error()) };
    let new = body.credential.parse()?;
    let kept = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let (person, session) = person_of(caller)?;
        match check_present(tx, &caller.means, &caller.actor, person, pin.as_ref())? {
            Present::Yes => {}
            Present::PinMissing => {
                return Err(ApiError::bad_field("pin", "is needed to add the first passkey"));
            }
            Present::Pin(check) => {
                let refused = refused_pin(check);
                return Ok(Err(refused.unwrap_or_else(|| ApiError::internal("a right PIN was refused"))));
            }
        }
        let holder = Holder::Session(session);
        let enrolled =
            passkeys::finish_registration(tx, &caller.means, &site, person, holder, (&new, &label))?;
        Ok(match enrolled {
            Enrolled::Refused(refusal) => Err(refused_passkey(refusal)),
            Enrolled::Added(id) => {
                let all = passkeys::list_passkeys(tx, &caller.means, person)?;
                all.into_iter()
                    .find(|one| one.id == id)
                    .ok_or_else(|| ApiError::internal("no passkey was kept"))
            }
        })
    });
    Ok((StatusCode::CREATED, Answer(PasskeyView::from(kept.await??))))
}

/// The caller's passkeys, oldest first.
#[utoipa::path(get, path = "/v1/passkeys", tag = "passkeys",
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = List<PasskeyView>), ApiErrors))]
pub async fn list_passkeys(State(cx): State<Context>, who: Bearer) -> ApiResult<List<PasskeyView>> {
    let data = cx.read_as(who, Permission::OwnSecurity, |tx, caller| {
        let (person, _) = person_of(caller)?;
        let all = passkeys::list_passkeys(tx, &caller.means, person)?;
        Ok(all.into_iter().map(PasskeyView::from).collect())
    });
    Ok(Answer(List { data: data.await?, next_cursor: None }))
}

/// Removes a passkey. Needs a fresh second factor; a member's last one stays.
#[utoipa::path(delete, path = "/v1/passkeys/{id}", tag = "passkeys",
    security(("buyer_session" = []), ("member_session" = [])),
    params(("id" = String, Path, description = "the passkey")), responses((status = 204), ApiErrors))]
pub async fn delete_passkey(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let missing = || ApiError::not_found("no such passkey");
    let id: Option<FactorId> = id.parse().ok();
    cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let (person, _) = person_of(caller)?;
        let id = id.ok_or_else(missing)?;
        require_own_fresh(tx, caller.means.vault, &caller.actor)?;
        Ok(passkeys::remove_passkey(tx, &caller.means, person, id)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks whoever is there to sign in with a passkey. No account is named, so every answer is alike.
#[utoipa::path(post, path = "/v1/sessions/passkey", tag = "passkeys", security(()),
    responses((status = 200, body = PasskeyAttemptView), ApiErrors))]
pub async fn create_passkey_attempt(State(cx): State<Context>, who: Bearer) -> ApiResult<PasskeyAttemptView> {
    cx.admit_anonymous(&who.place, who.at)?;
    let (site, means) = (cx.site()?, cx.clone());
    let asked = cx.db.write(move |tx| passkeys::start_sign_in(tx, &means.means(who.at)));
    let (attempt, options) = asked.await?;
    let public_key = RequestView::new(&site, &options).public_key;
    Ok(Answer(PasskeyAttemptView { attempt: attempt.secret().expose().clone(), public_key }))
}

/// Signs in with a passkey: the session has both factors.
#[utoipa::path(post, path = "/v1/sessions/passkey/finish", tag = "passkeys", request_body = PasskeySessionBody,
    security(()), responses((status = 201, body = PasskeySessionView), ApiErrors))]
pub async fn create_passkey_session(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<PasskeySessionBody>,
) -> Result<(StatusCode, Answer<PasskeySessionView>), ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let (site, means) = (cx.site()?, cx.clone());
    let mut problems = Problems::new();
    let attempt = Token::parse(TokenKind::PasskeyAttempt, &body.attempt);
    let attempt = problems.take("attempt", attempt.ok_or("must be what the options came with"));
    let label = match body.device_label.as_deref() {
        Some(text) => problems.take("device_label", Label::parse(text)),
        None => Some(who.place.agent.clone()),
    };
    let (Some(attempt), Some(label)) = (attempt, label) else { return Err(problems.into_error()) };
    let used = body.credential.parse()?;
    let token = body.device_token.as_deref().and_then(DeviceToken::parse);
    let device =
        ShownDevice { token, label, origin: who.place.origin.clone(), session: who.place.session.clone() };
    let entered = cx.db.write(move |tx| {
        let from = Arrival { device: &device, origin: &who.place.origin };
        passkeys::sign_in_with_passkey(tx, &means.means(who.at), &site, (&attempt, &used), from)
    });
    Ok((StatusCode::CREATED, Answer(PasskeySessionView::of(entered.await?)?)))
}

/// Asks the caller for one of their passkeys, as a second factor.
#[utoipa::path(post, path = "/v1/passkeys/step_up", tag = "passkeys",
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = RequestView), ApiErrors))]
pub async fn create_passkey_step_up(State(cx): State<Context>, who: Bearer) -> ApiResult<RequestView> {
    let site = cx.site()?;
    let options = cx.write_as(who, Permission::OwnSecurity, |tx, caller| {
        let (person, session) = person_of(caller)?;
        Ok(passkeys::start_step_up(tx, &caller.means, person, session)?)
    });
    Ok(Answer(RequestView::new(&site, &options.await?)))
}

/// Shows a passkey as a second factor: what asks for a fresh one is open for a while.
#[utoipa::path(post, path = "/v1/passkeys/step_up/finish", tag = "passkeys", request_body = PasskeyStepUpBody,
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = SteppedUpView), ApiErrors))]
pub async fn finish_passkey_step_up(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<PasskeyStepUpBody>,
) -> ApiResult<SteppedUpView> {
    let site = cx.site()?;
    let used = body.credential.parse()?;
    let check = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let shown = (caller.token()?, &used);
        Ok(passkeys::step_up_with_passkey(tx, &caller.means, &site, person_of(caller)?, shown)?)
    });
    match check.await? {
        PasskeyStepUp::Done(session) => Ok(Answer(session.into())),
        PasskeyStepUp::Refused(refusal) => Err(refused_passkey(refusal)),
    }
}

/// What a passkey that was refused looks like over HTTP.
pub fn refused_passkey(refusal: PasskeyRefusal) -> ApiError {
    let code = match refusal {
        PasskeyRefusal::Stale => &PASSKEY_STALE,
        PasskeyRefusal::Taken => &PASSKEY_TAKEN,
        PasskeyRefusal::Problem(_) | PasskeyRefusal::Unknown | PasskeyRefusal::Copied => &PASSKEY_REFUSED,
    };
    ApiError::new(code, refusal.to_string())
}

/// Whether adding a factor may go on.
pub(crate) enum Present {
    /// It may.
    Yes,
    /// The PIN is asked for.
    PinMissing,
    /// The PIN was not right. A result, so that its count is kept.
    Pin(PinCheck),
}

/// Adding a passkey needs a present factor (C15): a fresh second factor where there is one, or the password a member has just
/// signed in with; and always a buyer's PIN, since the passkey pays in its place.
pub(crate) fn check_present(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    person: Person,
    pin: Option<&Pin>,
) -> Result<Present, ApiError> {
    let Person::Buyer(buyer) = person else {
        require_own_fresh(tx, means.vault, actor)?;
        return Ok(Present::Yes);
    };
    if factors::has_second_factor(tx, means.vault, person)? {
        require_own_fresh(tx, means.vault, actor)?;
    }
    let Some(pin) = pin else { return Ok(Present::PinMissing) };
    Ok(match pin::verify_settled_pin(tx, means, buyer, pin)? {
        PinCheck::Right => Present::Yes,
        check => Present::Pin(check),
    })
}

fn person_of(caller: &Caller<'_>) -> Result<(Person, SessionId), ApiError> {
    match &caller.actor {
        Actor::Buyer(session) => Ok((Person::Buyer(session.buyer), session.id)),
        Actor::Member(session) => Ok((Person::Member(session.member), session.id)),
        _ => Err(ApiError::forbidden("this is for people")),
    }
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> PasskeyView {
        PasskeyView {
            id: passkey.id.to_string(),
            label: passkey.label,
            created_at: passkey.created.to_rfc3339(),
            used_at: passkey.used.map(|at| at.to_rfc3339()),
            backed_up: passkey.backed_up,
            copied: passkey.copied,
        }
    }
}

impl PasskeySessionView {
    fn of(entered: Entered) -> Result<PasskeySessionView, ApiError> {
        match entered {
            Entered::Buyer(signed_in) => Ok(PasskeySessionView {
                kind: "buyer",
                id: signed_in.buyer.to_string(),
                session: signed_in.session.id.to_string(),
                token: signed_in.session.token.secret().expose().clone(),
                device: Some(signed_in.device.to_string()),
                device_token: Some(signed_in.device_token.reveal().expose().clone()),
                expires_at: signed_in.session.expires.to_rfc3339(),
            }),
            Entered::Member { member, session } => Ok(PasskeySessionView {
                kind: "member",
                id: member.to_string(),
                session: session.id.to_string(),
                token: session.token.secret().expose().clone(),
                device: None,
                device_token: session.device.as_ref().map(|token| token.reveal().expose().clone()),
                expires_at: session.expires.to_rfc3339(),
            }),
            Entered::Refused(refusal) => Err(refused_passkey(refusal)),
        }
    }
}
