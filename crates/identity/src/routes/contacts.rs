//! A buyer's contact, changed over HTTP.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::SessionId;
use serde::Deserialize;
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};

use super::buyers::CodeRequestedView;
use super::errors::{self, ONE_TIME_CODE_GONE, ONE_TIME_CODE_WRONG, denied};
use super::gate::Bearer;
use super::second_steps::SteppedUpView;
use crate::codes::OneTimeCode;
use crate::contact_change::{self, ContactAsked, ContactChange};
use crate::context::Context;
use crate::permissions::{Denied, Permission};
use crate::phone::Contact;
use crate::pin::Pin;

/// A new contact, and the PIN.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContactBody {
    /// The new e-mail address, or telephone number with its country.
    #[schema(max_length = 254, example = "zhang.san@new.example")]
    contact: String,
    /// The payment PIN.
    #[schema(pattern = "^[0-9]{6}$")]
    pin: String,
}

/// The code that came to the new contact.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishContactBody {
    /// The same contact as before.
    #[schema(max_length = 254, example = "zhang.san@new.example")]
    contact: String,
    /// The six digits.
    #[schema(max_length = 7, example = "012345")]
    code: String,
}

/// Sends a code to a new contact. Needs a proof given in the last 15 minutes, and the PIN.
#[utoipa::path(post, path = "/v1/me/contact_changes", tag = "account", request_body = NewContactBody,
    security(("buyer_session" = [])), responses((status = 202, body = CodeRequestedView), ApiErrors))]
pub async fn create_contact_change(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewContactBody>,
) -> Result<(StatusCode, Answer<CodeRequestedView>), ApiError> {
    let mut problems = Problems::new();
    let new = problems.take("contact", Contact::parse_reachable(&body.contact, cx.sends_texts));
    let pin = problems.take("pin", Pin::parse(&body.pin));
    let (Some(new), Some(pin)) = (new, pin) else { return Err(problems.into_error()) };
    let (means, origin) = (cx.clone(), who.place.origin.clone());
    let asked = cx.write_as(who, Permission::OwnAccount, move |tx, caller| {
        let from = (origin.as_str(), means.host());
        let session = caller.awake_buyer()?;
        Ok(contact_change::request_contact_change(tx, &caller.means, session, (&new, &pin), from)?)
    });
    match asked.await? {
        ContactAsked::Sent(asked) => Ok((StatusCode::ACCEPTED, Answer(asked.into()))),
        ContactAsked::Refused(check) => {
            Err(errors::refused_pin(check).unwrap_or_else(|| denied(Denied::SignInNeeded)))
        }
    }
}

/// Changes the contact with the code that came to the new one. The old one is told, with a link that
/// freezes the account; all other sessions end.
#[utoipa::path(post, path = "/v1/me/contact_changes/{id}/finish", tag = "account", request_body = FinishContactBody,
    params(("id" = String, Path, description = "the id that asking for the code gave")),
    security(("buyer_session" = [])), responses((status = 200, body = SteppedUpView), ApiErrors))]
pub async fn finish_contact_change(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<FinishContactBody>,
) -> ApiResult<SteppedUpView> {
    let mut problems = Problems::new();
    let request = problems.take("id", id.parse::<SessionId>());
    let new = problems.take("contact", Contact::parse_reachable(&body.contact, cx.sends_texts));
    let code = problems.take("code", OneTimeCode::parse(&body.code));
    let (Some(request), Some(new), Some(code)) = (request, new, code) else {
        return Err(problems.into_error());
    };
    let context = cx.clone();
    let done = cx.write_as(who, Permission::OwnAccount, move |tx, caller| {
        let session = (caller.awake_buyer()?, caller.token()?);
        let to = (&new, &*context.public_url);
        Ok(contact_change::finish_contact_change(tx, &caller.means, session, to, (request, &code))?)
    });
    match done.await? {
        ContactChange::Done(session) => Ok(Answer(session.into())),
        ContactChange::Wrong { left } => {
            Err(ApiError::new(&ONE_TIME_CODE_WRONG, format!("the code is wrong; {left} tries are left")))
        }
        ContactChange::Gone => {
            Err(ApiError::new(&ONE_TIME_CODE_GONE, "this code does not work any more; ask for a new one"))
        }
    }
}
