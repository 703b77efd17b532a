//! The second step of a sign-in over HTTP, and giving it again within a session.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use base::{MemberId, SessionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};

use super::buyers::{CodeRequestedView, SignedInView};
use super::errors::{self, SECOND_FACTOR_WRONG, SIGN_IN_GONE};
use super::gate::Bearer;
use crate::buyers::DeviceToken;
use crate::codes::{OneTimeCode, ShownDevice};
use crate::context::Context;
use crate::factors::FactorError;
use crate::permissions::{Actor, Permission};
use crate::person::Person;
use crate::proof::Proof;
use crate::recovery::RecoveryCode;
use crate::sent_codes::{CodePurpose, Errand};
use crate::sessions::NewSession;
use crate::sign_in::{self, Arrival, Opened, PendingSignIn, SecondStep, StepUp};
use crate::sms;
use crate::text::Label;
use crate::token::{Token, TokenKind};

/// The first step was right; the second one comes next.
#[derive(Serialize, ToSchema)]
pub struct SecondStepView {
    /// To be given with the second step. It opens nothing else.
    token: String,
    /// Until when it is good, RFC 3339.
    expires_at: String,
    /// What the person has: `totp`, `passkey`, `sms`, `recovery`.
    factors: Vec<&'static str>,
}

/// The second step.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondStepBody {
    /// The token of the first step.
    #[schema(example = "twp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    token: String,
    /// `totp`, `sms` or `recovery`.
    #[schema(example = "totp")]
    kind: String,
    /// The code: six digits, or a recovery code.
    #[schema(max_length = 40, example = "123456")]
    code: String,
    /// For `sms`: the id that asking for the code gave.
    request: Option<String>,
    /// What this device got the last time.
    device_token: Option<String>,
    /// For a buyer: what to call the device.
    #[schema(max_length = 60)]
    device_label: Option<String>,
}

/// Asks for a code by text message as the second step.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondStepCodeBody {
    /// The token of the first step.
    token: String,
}

/// A second factor, given again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUpBody {
    /// `totp`, `sms` or `recovery`; `contact` for a buyer who has none of them.
    #[schema(example = "totp")]
    kind: String,
    /// The code: six digits, or a recovery code.
    #[schema(max_length = 40, example = "123456")]
    code: String,
    /// For `sms` and `contact`: the id that asking for the code gave.
    request: Option<String>,
}

/// The session goes on under another token. The old one opens nothing any more.
#[derive(Serialize, ToSchema)]
pub struct SteppedUpView {
    /// The session.
    session: String,
    /// To be sent as `Authorization: Bearer …` from now on.
    token: String,
    /// When the session ends, RFC 3339.
    expires_at: String,
}

/// A member who has just signed in. The token is not shown again.
#[derive(Serialize, ToSchema)]
pub struct MemberSessionView {
    /// The member.
    member: String,
    /// The session.
    session: String,
    /// To be sent as `Authorization: Bearer …`.
    token: String,
    /// When the session ends in any case, RFC 3339; it ends earlier after 15 minutes without use.
    expires_at: String,
    /// Whether a second factor was given. If not, the session is good for setting one up and for nothing else.
    second_factor: bool,
    /// To be given at the next sign-in on this device; absent where it was known already.
    device_token: Option<String>,
}

/// Who is in: a member or a buyer.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum OpenedView {
    /// A member.
    Member(MemberSessionView),
    /// A buyer.
    Buyer(SignedInView),
}

/// Takes the second step of a sign-in and opens the session.
#[utoipa::path(post, path = "/v1/second_steps", tag = "sign-in", request_body = SecondStepBody, security(()),
    responses((status = 201, body = OpenedView), ApiErrors))]
pub async fn create_second_step(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<SecondStepBody>,
) -> Result<(StatusCode, Answer<OpenedView>), ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let mut problems = Problems::new();
    let proof = parse_proof(&mut problems, &body.kind, &body.code, body.request.as_deref());
    let label = match body.device_label.as_deref() {
        Some(text) => problems.take("device_label", Label::parse(text)),
        None => Some(who.place.agent.clone()),
    };
    let (Some(proof), Some(label)) = (proof, label) else { return Err(problems.into_error()) };
    let token = Token::parse(TokenKind::PendingSignIn, &body.token).ok_or_else(gone)?;
    let shown = body.device_token.as_deref().and_then(DeviceToken::parse);
    let device = ShownDevice {
        token: shown,
        label,
        origin: who.place.origin.clone(),
        session: who.place.session.clone(),
    };
    let means = cx.clone();
    let step = cx.db.write(move |tx| {
        let from = Arrival { device: &device, origin: &who.place.origin };
        sign_in::take_second_step(tx, &means.means(who.at), &token, &proof, from)
    });
    match step.await.map_err(|found| errors::fault(&found))? {
        SecondStep::In(opened) => Ok((StatusCode::CREATED, Answer(opened.into()))),
        SecondStep::Wrong { left } => {
            Err(ApiError::new(&SECOND_FACTOR_WRONG, format!("the code is wrong; {left} tries are left")))
        }
        SecondStep::Gone => Err(gone()),
        SecondStep::TooMany { retry_after_seconds } => Err(errors::too_many(retry_after_seconds)),
    }
}

/// Sends the code of the second step by text message.
#[utoipa::path(post, path = "/v1/second_steps/code", tag = "sign-in", request_body = SecondStepCodeBody, security(()),
    responses((status = 202, body = CodeRequestedView), ApiErrors))]
pub async fn send_second_step_code(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<SecondStepCodeBody>,
) -> Result<(StatusCode, Answer<CodeRequestedView>), ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let token = Token::parse(TokenKind::PendingSignIn, &body.token).ok_or_else(gone)?;
    let means = cx.clone();
    let asked = cx.db.write(move |tx| {
        let person = sign_in::find_pending(tx, &token, who.at)?.ok_or_else(gone)?;
        let errand = Errand { person, purpose: CodePurpose::SignIn, bound: &token.hash() };
        let from = (who.place.origin.as_str(), means.host());
        Ok::<_, ApiError>(sms::send_sms(tx, &means.means(who.at), errand, from)?)
    });
    Ok((StatusCode::ACCEPTED, Answer(asked.await?.into())))
}

/// Gives a second factor again, for what asks for a fresh one.
#[utoipa::path(post, path = "/v1/session/step-up", tag = "sign-in", request_body = StepUpBody,
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 200, body = SteppedUpView), ApiErrors))]
pub async fn create_step_up(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<StepUpBody>,
) -> ApiResult<SteppedUpView> {
    let mut problems = Problems::new();
    let proof = match body.kind.as_str() {
        "contact" => parse_sent(&mut problems, &body.code, body.request.as_deref())
            .map(|(request, code)| Proof::Contact { request, code }),
        kind => parse_proof(&mut problems, kind, &body.code, body.request.as_deref()),
    };
    let Some(proof) = proof else { return Err(problems.into_error()) };
    let origin = who.place.origin.clone();
    let step = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let (person, id) = session_of(&caller.actor)?;
        let session = (caller.token()?, id);
        Ok(sign_in::step_up(tx, &caller.means, person, session, &proof, &origin)?)
    });
    match step.await? {
        StepUp::Done(session) => Ok(Answer(session.into())),
        StepUp::Wrong => Err(ApiError::new(&SECOND_FACTOR_WRONG, "the code is wrong or was used already")),
        StepUp::TooMany { retry_after_seconds } => Err(errors::too_many(retry_after_seconds)),
    }
}

/// Sends a code for a step-up: to the verified number, or to the contact of a buyer who has no second factor.
#[utoipa::path(post, path = "/v1/session/code", tag = "sign-in",
    security(("buyer_session" = []), ("member_session" = [])),
    responses((status = 202, body = CodeRequestedView), ApiErrors))]
pub async fn send_step_up_code(
    State(cx): State<Context>,
    who: Bearer,
) -> Result<(StatusCode, Answer<CodeRequestedView>), ApiError> {
    let (origin, host) = (who.place.origin.clone(), cx.host().to_owned());
    let asked = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let (person, id) = session_of(&caller.actor)?;
        let errand = Errand { person, purpose: CodePurpose::StepUp, bound: id.short() };
        let from = (origin.as_str(), host.as_str());
        match sms::send_sms(tx, &caller.means, errand, from) {
            Err(sms::SmsError::Factor(FactorError::NotFound)) => {
                Ok(sms::send_to_contact(tx, &caller.means, errand, from)?)
            }
            other => Ok(other?),
        }
    });
    Ok((StatusCode::ACCEPTED, Answer(asked.await?.into())))
}

/// Who calls, and in which session.
pub(super) fn session_of(actor: &Actor) -> Result<(Person, SessionId), ApiError> {
    match actor {
        Actor::Member(session) => Ok((Person::Member(session.member), session.id)),
        Actor::Buyer(session) => Ok((Person::Buyer(session.buyer), session.id)),
        _ => Err(ApiError::unauthenticated("sign in first")),
    }
}

fn gone() -> ApiError {
    ApiError::new(&SIGN_IN_GONE, "this sign-in does not go on; begin again")
}

fn parse_proof(problems: &mut Problems, kind: &str, code: &str, request: Option<&str>) -> Option<Proof> {
    match kind {
        "totp" => problems.take("code", OneTimeCode::parse(code)).map(Proof::Totp),
        "recovery" => problems.take("code", RecoveryCode::parse(code)).map(Proof::Recovery),
        "sms" => parse_sent(problems, code, request).map(|(request, code)| Proof::Sms { request, code }),
        _ => problems.take("kind", Err("kind is `totp`, `sms` or `recovery`")),
    }
}

fn parse_sent(
    problems: &mut Problems,
    code: &str,
    request: Option<&str>,
) -> Option<(SessionId, OneTimeCode)> {
    let code = problems.take("code", OneTimeCode::parse(code));
    let request = problems.take("request", request.unwrap_or_default().parse::<SessionId>());
    Some((request?, code?))
}

impl From<PendingSignIn> for SecondStepView {
    fn from(pending: PendingSignIn) -> SecondStepView {
        SecondStepView {
            token: pending.token.secret().expose().clone(),
            expires_at: pending.expires.to_rfc3339(),
            factors: pending.kinds.iter().map(|kind| kind.name()).collect(),
        }
    }
}

impl From<NewSession> for SteppedUpView {
    fn from(session: NewSession) -> SteppedUpView {
        SteppedUpView {
            session: session.id.to_string(),
            token: session.token.secret().expose().clone(),
            expires_at: session.expires.to_rfc3339(),
        }
    }
}

impl MemberSessionView {
    pub(super) fn new(member: MemberId, session: &NewSession, second_factor: bool) -> MemberSessionView {
        MemberSessionView {
            member: member.to_string(),
            session: session.id.to_string(),
            token: session.token.secret().expose().clone(),
            expires_at: session.expires.to_rfc3339(),
            second_factor,
            device_token: session.device.as_ref().map(|token| token.reveal().expose().clone()),
        }
    }
}

impl From<Opened> for OpenedView {
    fn from(opened: Opened) -> OpenedView {
        match opened {
            Opened::Member(member, session) => {
                let proven = true;
                OpenedView::Member(MemberSessionView::new(member, &session, proven))
            }
            Opened::Buyer(signed_in) => OpenedView::Buyer(SignedInView::from(*signed_in)),
        }
    }
}
