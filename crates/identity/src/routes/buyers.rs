//! Buyers over HTTP: sign-up, sign-in, own account.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};
use webkit::page::Lang;
use webkit::paging::List;

use super::errors::{self, ONE_TIME_CODE_GONE, ONE_TIME_CODE_WRONG, denied};
use super::gate::{Bearer, Caller};
use super::second_steps::{SecondStepView, SteppedUpView};
use crate::buyers::{self as domain, DeviceToken, PinChange, SignUp};
use crate::cases::Cause;
use crate::codes::{self, CodeCheck, CodeRequested, Knock, OneTimeCode, ShownDevice, SignedIn};
use crate::context::Context;
use crate::members;
use crate::networks::CountryOf;
use crate::own;
use crate::permissions::{Actor, Denied, Permission};
use crate::person::Person;
use crate::phone::Contact;
use crate::pin::{self, Pin, PinCheck};
use crate::sessions::{self, SessionLine};
use crate::text::{Label, PersonName};

/// What somebody gives to become a buyer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBuyerBody {
    /// The name, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100, example = "Zhang San")]
    name: String,
    /// The e-mail address the code goes to, or the telephone number with its country.
    #[schema(max_length = 254, example = "zhang.san@mail.example")]
    contact: String,
    /// The payment PIN: six digits, not a sequence, date or pattern.
    #[schema(pattern = "^[0-9]{6}$", example = "482916")]
    pin: String,
    /// `en` or `zh`, the language of mails. Without it, the one the request asks for.
    language: Option<String>,
}

/// Asks for a code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBuyerSessionBody {
    /// The e-mail address or telephone number of the account.
    #[schema(max_length = 254, example = "zhang.san@mail.example")]
    contact: String,
    /// `en` or `zh`, the language of the mail.
    language: Option<String>,
    /// What this device got the last time: codes asked for on a device that is known are counted apart.
    device_token: Option<String>,
}

/// Gives the code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyBody {
    /// The six digits from the mail.
    #[schema(example = "012345")]
    code: String,
    /// What this device got the last time, so that it is recognised.
    device_token: Option<String>,
    /// What to call the device.
    #[schema(max_length = 60)]
    device_label: Option<String>,
}

/// A PIN to be checked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinBody {
    /// Six digits.
    #[schema(pattern = "^[0-9]{6}$")]
    pin: String,
}

/// A PIN to be replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPinBody {
    /// The PIN in force.
    #[schema(pattern = "^[0-9]{6}$")]
    old_pin: String,
    /// The new one.
    #[schema(pattern = "^[0-9]{6}$")]
    new_pin: String,
}

/// A request for a code was taken. The same whether or not the contact is known.
#[derive(Serialize, ToSchema)]
pub struct CodeRequestedView {
    /// Give it with the code.
    #[schema(example = "ses_000000000000000000000000abcd")]
    id: String,
    /// Until when the code is good, RFC 3339.
    expires_at: String,
}

/// A buyer who has just signed in. The tokens are not shown again.
#[derive(Serialize, ToSchema)]
pub struct SignedInView {
    /// The buyer.
    buyer: String,
    /// The session.
    session: String,
    /// To be sent as `Authorization: Bearer …`.
    token: String,
    /// The device.
    device: String,
    /// To be given at the next sign-in on this device.
    device_token: String,
    /// When the session ends, RFC 3339.
    expires_at: String,
    /// Whether the account was made just now. `false` after a sign-up: the contact had an account, this is it, and its PIN
    /// is the one from before. Say so; `POST /v1/me/pin_resets` sets it anew.
    is_new: bool,
}

/// Who the caller is.
#[derive(Serialize, ToSchema)]
pub struct MeView {
    /// `buyer` or `member`.
    kind: &'static str,
    /// The buyer or member.
    id: String,
    /// The name.
    name: String,
    /// The address.
    contact: String,
    /// `active`, or `frozen` for a buyer who cannot pay.
    state: &'static str,
    /// A member's shop.
    shop: Option<String>,
    /// A member's roles.
    roles: Vec<&'static str>,
    /// A buyer's PIN is locked after too many wrong tries.
    pin_locked: bool,
    /// Since when, RFC 3339.
    created_at: String,
}

/// An open session.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// The session.
    id: String,
    /// What the browser or program called itself.
    agent: String,
    /// When it was opened, RFC 3339.
    opened_at: String,
    /// When it was last used, to the minute, RFC 3339.
    used_at: String,
    /// Whether it is the one that asks.
    is_current: bool,
    /// The network it was opened from, without the last part: `203.0.113.•`; absent where it is not known.
    network: Option<String>,
    /// Its country, ISO 3166-1 alpha-2, where the operator's table knows it.
    country: Option<String>,
}

/// Signs a buyer up: sends a code to the contact. The account exists once the code was given.
#[utoipa::path(post, path = "/v1/buyers", tag = "buyers", request_body = NewBuyerBody, security(()),
    responses((status = 202, body = CodeRequestedView), ApiErrors))]
pub async fn create_buyer(
    State(cx): State<Context>,
    who: Bearer,
    lang: Lang,
    Json(body): Json<NewBuyerBody>,
) -> Result<(StatusCode, Answer<CodeRequestedView>), ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let mut problems = Problems::new();
    let name = problems.take("name", PersonName::parse(&body.name));
    let contact = problems.take("contact", Contact::parse_reachable(&body.contact, cx.sends_texts));
    let pin = problems.take("pin", Pin::parse(&body.pin));
    let lang = parse_language(&mut problems, body.language.as_deref(), lang);
    let sign_up = match (name, contact, pin) {
        (Some(name), Some(contact), Some(pin)) => problems.take("pin", SignUp::new(name, contact, pin, lang)),
        _ => None,
    };
    let Some(sign_up) = sign_up.filter(|_| problems.is_empty()) else { return Err(problems.into_error()) };
    let means = cx.clone();
    let asked = cx
        .db
        .write(move |tx| {
            let from = Knock { origin: &who.place.origin, host: means.host(), device: None };
            codes::request_sign_up(tx, &means.means(who.at), &sign_up, from)
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Answer(asked.into())))
}

/// Signs a buyer in: sends a code to the contact if it has an account. The answer does not tell whether it has.
#[utoipa::path(post, path = "/v1/buyer_sessions", tag = "buyers", request_body = NewBuyerSessionBody, security(()),
    responses((status = 202, body = CodeRequestedView), ApiErrors))]
pub async fn create_buyer_session(
    State(cx): State<Context>,
    who: Bearer,
    lang: Lang,
    Json(body): Json<NewBuyerSessionBody>,
) -> Result<(StatusCode, Answer<CodeRequestedView>), ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let mut problems = Problems::new();
    let contact = problems.take("contact", Contact::parse_reachable(&body.contact, cx.sends_texts));
    let lang = parse_language(&mut problems, body.language.as_deref(), lang);
    let Some(contact) = contact.filter(|_| problems.is_empty()) else { return Err(problems.into_error()) };
    let device = body.device_token.as_deref().and_then(DeviceToken::parse);
    let means = cx.clone();
    let asked = cx
        .db
        .write(move |tx| {
            let from = Knock { origin: &who.place.origin, host: means.host(), device: device.as_ref() };
            codes::request_sign_in(tx, &means.means(who.at), &contact, lang, from)
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Answer(asked.into())))
}

/// Gives the code from the mail and opens a session; 202 with a token for the second step where the buyer has one.
#[utoipa::path(post, path = "/v1/buyer_sessions/{id}/verify", tag = "buyers", request_body = VerifyBody, security(()),
    params(("id" = String, Path, description = "the id that asking for the code gave")),
    responses((status = 201, body = SignedInView), (status = 202, body = SecondStepView), ApiErrors))]
pub async fn verify_buyer_session(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<VerifyBody>,
) -> Result<Response, ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let mut problems = Problems::new();
    let request = problems.take("id", id.parse::<SessionId>());
    let code = problems.take("code", OneTimeCode::parse(&body.code));
    let label = match body.device_label.as_deref() {
        Some(text) => problems.take("device_label", Label::parse(text)),
        None => Some(who.place.agent.clone()),
    };
    let (Some(request), Some(code), Some(label)) = (request, code, label) else {
        return Err(problems.into_error());
    };
    let token = body.device_token.as_deref().and_then(DeviceToken::parse);
    let device =
        ShownDevice { token, label, origin: who.place.origin.clone(), session: who.place.session.clone() };
    let means = cx.clone();
    let check =
        cx.db.write(move |tx| codes::verify_code(tx, &means.means(who.at), request, &code, &device)).await;
    match check.map_err(|found| errors::fault(&found))? {
        CodeCheck::Right(signed_in) => {
            Ok((StatusCode::CREATED, Answer(SignedInView::from(*signed_in))).into_response())
        }
        CodeCheck::SecondStep(pending) => {
            Ok((StatusCode::ACCEPTED, Answer(SecondStepView::from(pending))).into_response())
        }
        CodeCheck::Wrong { left } => {
            Err(ApiError::new(&ONE_TIME_CODE_WRONG, format!("the code is wrong; {left} tries are left")))
        }
        CodeCheck::Gone => {
            Err(ApiError::new(&ONE_TIME_CODE_GONE, "this code does not work any more; ask for a new one"))
        }
    }
}

/// Signs the buyer out of this session.
#[utoipa::path(delete, path = "/v1/buyer_sessions/current", tag = "buyers", security(("buyer_session" = [])),
    responses((status = 204), ApiErrors))]
pub async fn delete_buyer_session(State(cx): State<Context>, who: Bearer) -> Result<StatusCode, ApiError> {
    cx.write_as(who, Permission::OwnAccount, |tx, caller| {
        Ok(sessions::end_session(tx, &caller.means, caller.token()?)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets an idle session show the account again, with the PIN. It goes on under a new token.
#[utoipa::path(post, path = "/v1/buyer_sessions/current/wake", tag = "buyers", request_body = PinBody,
    security(("buyer_session" = [])), responses((status = 200, body = SteppedUpView), ApiErrors))]
pub async fn wake_buyer_session(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<PinBody>,
) -> ApiResult<SteppedUpView> {
    let pin = Pin::parse(&body.pin).map_err(|problem| ApiError::bad_field("pin", problem))?;
    let checked = cx.write_as(who, Permission::OwnAccount, move |tx, caller| {
        let check = pin::verify_pin(tx, &caller.means, caller.buyer()?.buyer, &pin)?;
        if check != PinCheck::Right {
            return Ok(Err(check));
        }
        Ok(Ok(sessions::wake_session(tx, &caller.means, caller.token()?)?))
    });
    match checked.await? {
        Ok(session) => Ok(Answer(session.into())),
        Err(check) => Err(errors::refused_pin(check).unwrap_or_else(|| denied(Denied::SignInNeeded))),
    }
}

/// Who the caller is: a buyer or a member.
#[utoipa::path(get, path = "/v1/me", tag = "account",
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = MeView), ApiErrors))]
pub async fn find_me(State(cx): State<Context>, who: Bearer) -> ApiResult<MeView> {
    let me = cx.read_as(who, Permission::Enter, |tx, caller| match &caller.actor {
        Actor::Buyer(_) => {
            let id = caller.awake_buyer()?.buyer;
            let buyer = domain::find_buyer(tx, id)?.ok_or(domain::BuyerError::NotFound)?;
            let person = domain::find_buyer_person(tx, caller.means.vault, id)?;
            Ok(MeView {
                kind: "buyer",
                id: id.to_string(),
                name: person.name.expose().clone(),
                contact: person.contact.expose().clone(),
                state: buyer.state.name(),
                shop: None,
                roles: Vec::new(),
                pin_locked: buyer.pin_locked,
                created_at: buyer.created.to_rfc3339(),
            })
        }
        Actor::Member(session) => {
            let member = members::find_member(tx, session.shop, session.member)?;
            let member = member.ok_or(members::MemberError::NotFound)?;
            let person = members::find_member_person(tx, caller.means.vault, session.shop, session.member)?;
            Ok(MeView {
                kind: "member",
                id: member.id.to_string(),
                name: person.name.expose().clone(),
                contact: person.email.expose().clone(),
                state: member.state.name(),
                shop: Some(member.shop.to_string()),
                roles: member.roles.iter().map(|role| role.name()).collect(),
                pin_locked: false,
                created_at: member.created.to_rfc3339(),
            })
        }
        Actor::Anyone
        | Actor::ApiKey(_)
        | Actor::App(_)
        | Actor::Terminal(_)
        | Actor::Operator
        | Actor::System => Err(ApiError::unauthenticated("sign in first")),
    });
    Ok(Answer(me.await?))
}

/// Replaces the payment PIN. The buyer is told by mail.
#[utoipa::path(put, path = "/v1/me/pin", tag = "account", request_body = NewPinBody, security(("buyer_session" = [])),
    responses((status = 204), ApiErrors))]
pub async fn update_pin(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewPinBody>,
) -> Result<StatusCode, ApiError> {
    let mut problems = Problems::new();
    let old = problems.take("old_pin", Pin::parse(&body.old_pin));
    let new = problems.take("new_pin", Pin::parse(&body.new_pin));
    let (Some(old), Some(new)) = (old, new) else { return Err(problems.into_error()) };
    let change = cx
        .write_as(who, Permission::OwnAccount, move |tx, caller| {
            Ok(domain::change_pin(tx, &caller.means, caller.buyer()?.buyer, &old, &new)?)
        })
        .await?;
    match change {
        PinChange::Done => Ok(StatusCode::NO_CONTENT),
        PinChange::Refused(check) => errors::refused_pin(check).map_or(Ok(StatusCode::NO_CONTENT), Err),
    }
}

/// Freezes the own account: nothing can be paid from it until the house unfreezes it, every other session ends, and the buyer
/// is told on every channel.
#[utoipa::path(post, path = "/v1/me/freeze", tag = "account", security(("buyer_session" = [])),
    responses((status = 204), ApiErrors))]
pub async fn freeze_me(State(cx): State<Context>, who: Bearer) -> Result<StatusCode, ApiError> {
    cx.write_as(who, Permission::OwnAccount, |tx, caller| {
        Ok(own::freeze_everything(tx, &caller.means, caller.buyer()?, Cause::Activity)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's open sessions.
#[utoipa::path(get, path = "/v1/me/sessions", tag = "account",
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = List<SessionView>), ApiErrors))]
pub async fn list_my_sessions(State(cx): State<Context>, who: Bearer) -> ApiResult<List<SessionView>> {
    let country_of = cx.country_of.clone();
    let data = cx.read_as(who, Permission::OwnSecurity, move |tx, caller| {
        let (person, current) = session_of(caller)?;
        let lines = own::list_own_sessions(tx, person, caller.means.now)?;
        Ok(lines.into_iter().map(|line| SessionView::new(line, current, &country_of)).collect())
    });
    Ok(Answer(List { data: data.await?, next_cursor: None }))
}

/// The caller, and the session that asks. A buyer's that sleeps shows nothing.
fn session_of(caller: &Caller<'_>) -> Result<(Person, SessionId), ApiError> {
    match &caller.actor {
        Actor::Member(session) => Ok((Person::Member(session.member), session.id)),
        _ => caller.awake_buyer().map(|session| (Person::Buyer(session.buyer), session.id)),
    }
}

/// How many sessions were ended.
#[derive(Serialize, ToSchema)]
pub struct EndedSessionsView {
    /// Sessions.
    ended: usize,
}

/// Ends every session of the caller but the one that asks, with a second factor of the last 15 minutes; without one, soon
/// after signing in.
#[utoipa::path(delete, path = "/v1/me/sessions", tag = "account",
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = EndedSessionsView), ApiErrors))]
pub async fn delete_my_other_sessions(
    State(cx): State<Context>,
    who: Bearer,
) -> ApiResult<EndedSessionsView> {
    let ended = cx.write_as(who, Permission::OwnSecurity, |tx, caller| {
        session_of(caller)?;
        Ok(own::sign_out_elsewhere(tx, &caller.means, &caller.actor)?)
    });
    Ok(Answer(EndedSessionsView { ended: ended.await? }))
}

/// Ends one of the caller's sessions: the one that asks at any time, another one with a second factor of the last 15 minutes;
/// without one, soon after signing in.
#[utoipa::path(delete, path = "/v1/me/sessions/{id}", tag = "account",
    security(("buyer_session" = []), ("member_session" = [])),
    params(("id" = String, Path, description = "the session")), responses((status = 204), ApiErrors))]
pub async fn delete_my_session(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let missing = || ApiError::not_found("no such session");
    let id: SessionId = id.parse().map_err(|_| missing())?;
    let ended = cx
        .write_as(who, Permission::OwnSecurity, move |tx, caller| {
            session_of(caller)?;
            Ok(own::end_own_session(tx, &caller.means, &caller.actor, id)?)
        })
        .await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
}

impl From<CodeRequested> for CodeRequestedView {
    fn from(asked: CodeRequested) -> CodeRequestedView {
        CodeRequestedView { id: asked.request.to_string(), expires_at: asked.expires.to_rfc3339() }
    }
}

impl From<SignedIn> for SignedInView {
    fn from(signed_in: SignedIn) -> SignedInView {
        SignedInView {
            buyer: signed_in.buyer.to_string(),
            session: signed_in.session.id.to_string(),
            token: signed_in.session.token.secret().expose().clone(),
            device: signed_in.device.to_string(),
            device_token: signed_in.device_token.reveal().expose().clone(),
            expires_at: signed_in.session.expires.to_rfc3339(),
            is_new: signed_in.is_new,
        }
    }
}

impl SessionView {
    fn new(line: SessionLine, current: SessionId, country_of: &CountryOf) -> SessionView {
        SessionView {
            network: line.network.map(|network| network.to_string()),
            country: line.network.and_then(|network| country_of(network.first())),
            id: line.id.to_string(),
            agent: line.agent,
            opened_at: line.opened.to_rfc3339(),
            used_at: line.used.to_rfc3339(),
            is_current: line.id == current,
        }
    }
}

/// The language that was named, or the one the request asks for.
pub(super) fn parse_language(problems: &mut Problems, named: Option<&str>, asked: Lang) -> Lang {
    let Some(named) = named else { return asked };
    Lang::ALL.into_iter().find(|lang| lang.code() == named).unwrap_or_else(|| {
        problems.add("language", "must be `en` or `zh`");
        asked
    })
}
