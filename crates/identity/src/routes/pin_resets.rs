//! A locked or forgotten PIN set anew by its buyer, and the link that freezes, over HTTP.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};

use super::buyers::CodeRequestedView;
use super::errors::{LINK_GONE, ONE_TIME_CODE_GONE, ONE_TIME_CODE_WRONG};
use super::gate::Bearer;
use crate::codes::OneTimeCode;
use crate::context::Context;
use crate::disputes;
use crate::permissions::Permission;
use crate::pin::Pin;
use crate::pin_reset::{self, PinReset};
use crate::token::{Token, TokenKind};

/// The code that came to the contact, and the PIN that is to hold from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinResetBody {
    /// The six digits of the message.
    #[schema(max_length = 7, example = "012345")]
    code: String,
    /// The new PIN: six digits, not a sequence, date or pattern.
    #[schema(pattern = "^[0-9]{6}$")]
    new_pin: String,
}

/// The new PIN is in force and held back for a while. The session goes on under another token; all others ended.
#[derive(Serialize, ToSchema)]
pub struct PinResetView {
    /// The session.
    session: String,
    /// To be sent as `Authorization: Bearer …` from now on.
    token: String,
    /// When the session ends, RFC 3339.
    expires_at: String,
    /// Until when the PIN is held back, RFC 3339.
    cooling_until: Option<String>,
    /// Small payments it confirms until then.
    payments_left: i64,
    /// Whether it stays held back after that time: it rests on a code to the contact alone, and no second factor is 30 days
    /// old. Then it confirms five small payments in all, until one is or whoever runs the installation confirms who the buyer is.
    held_after: bool,
}

/// The last part of a link that a notice held.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeLinkBody {
    /// The token.
    #[schema(max_length = 60, example = "twx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    token: String,
}

/// Sends a code to the buyer's contact, to set a locked or forgotten PIN anew. Who has a second factor gives it first.
#[utoipa::path(post, path = "/v1/me/pin/resets", tag = "account", security(("buyer_session" = [])),
    responses((status = 202, body = CodeRequestedView), ApiErrors))]
pub async fn create_pin_reset(
    State(cx): State<Context>,
    who: Bearer,
) -> Result<(StatusCode, Answer<CodeRequestedView>), ApiError> {
    let (means, origin) = (cx.clone(), who.place.origin.clone());
    let asked = cx.write_as(who, Permission::OwnAccount, move |tx, caller| {
        let from = (origin.as_str(), means.host());
        Ok(pin_reset::request_pin_reset(tx, &caller.means, caller.buyer()?, from)?)
    });
    Ok((StatusCode::ACCEPTED, Answer(asked.await?.into())))
}

/// Sets the PIN anew with the code. For a day it then pays little or nothing, and every channel is told.
#[utoipa::path(post, path = "/v1/me/pin/resets/{id}/finish", tag = "account", request_body = PinResetBody,
    params(("id" = String, Path, description = "the id that asking for the code gave")),
    security(("buyer_session" = [])), responses((status = 200, body = PinResetView), ApiErrors))]
pub async fn finish_pin_reset(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<PinResetBody>,
) -> ApiResult<PinResetView> {
    let mut problems = Problems::new();
    let request = problems.take("id", id.parse::<SessionId>());
    let code = problems.take("code", OneTimeCode::parse(&body.code));
    let new = problems.take("new_pin", Pin::parse(&body.new_pin));
    let (Some(request), Some(code), Some(new)) = (request, code, new) else {
        return Err(problems.into_error());
    };
    let public_url = cx.public_url.clone();
    let done = cx.write_as(who, Permission::OwnAccount, move |tx, caller| {
        let session = (caller.buyer()?, caller.token()?);
        let given = (request, &code);
        Ok(pin_reset::finish_pin_reset(tx, &caller.means, session, given, &new, &public_url)?)
    });
    match done.await? {
        PinReset::Done(session, held) => Ok(Answer(PinResetView {
            session: session.id.to_string(),
            token: session.token.secret().expose().clone(),
            expires_at: session.expires.to_rfc3339(),
            cooling_until: held.until.map(|until| until.to_rfc3339()),
            payments_left: held.payments_left,
            held_after: held.is_held_after,
        })),
        PinReset::Wrong { left } => {
            Err(ApiError::new(&ONE_TIME_CODE_WRONG, format!("the code is wrong; {left} tries are left")))
        }
        PinReset::Gone => {
            Err(ApiError::new(&ONE_TIME_CODE_GONE, "this code does not work any more; ask for a new one"))
        }
    }
}

/// "This was not me": freezes the account whose notice held the link. Whoever runs the installation frees it again.
#[utoipa::path(post, path = "/v1/freeze_links", tag = "account", request_body = FreezeLinkBody, security(()),
    responses((status = 204), ApiErrors))]
pub async fn use_freeze_link(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<FreezeLinkBody>,
) -> Result<StatusCode, ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let token = Token::parse(TokenKind::Dispute, &body.token)
        .ok_or_else(|| ApiError::new(&LINK_GONE, "this link does not work any more"))?;
    let means = cx.clone();
    let frozen = cx.db.write(move |tx| disputes::freeze_by_link(tx, &means.means(who.at), &token));
    frozen.await?;
    Ok(StatusCode::NO_CONTENT)
}
