//! A member's address, changed over HTTP.

use axum::Json as Answer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base::SessionId;
use serde::Deserialize;
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};

use super::buyers::CodeRequestedView;
use super::errors::{MEMBER_EXISTS, ONE_TIME_CODE_GONE, ONE_TIME_CODE_WRONG, denied, fault};
use super::gate::Bearer;
use super::second_steps::SteppedUpView;
use crate::address_change::{self, AddressChange, AddressChangeError};
use crate::codes::OneTimeCode;
use crate::context::Context;
use crate::permissions::Permission;
use crate::text::Email;

/// A new address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAddressBody {
    /// The new e-mail address.
    #[schema(max_length = 254, example = "li.si@new.example")]
    email: String,
}

/// The code that came to the new address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishAddressBody {
    /// The same address as before.
    #[schema(max_length = 254, example = "li.si@new.example")]
    email: String,
    /// The six digits.
    #[schema(max_length = 7, example = "012345")]
    code: String,
}

/// Sends a code to a new address of the member who asks. Needs a second factor given in the last 15 minutes. Whether the
/// address is a member's is not told.
#[utoipa::path(post, path = "/v1/me/address_changes", tag = "members", request_body = NewAddressBody,
    security(("member_session" = [])), responses((status = 202, body = CodeRequestedView), ApiErrors))]
pub async fn create_address_change(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewAddressBody>,
) -> Result<(StatusCode, Answer<CodeRequestedView>), ApiError> {
    let new = Email::parse(&body.email).map_err(|problem| ApiError::bad_field("email", problem))?;
    let (means, origin) = (cx.clone(), who.place.origin.clone());
    let asked = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let from = (origin.as_str(), means.host());
        Ok(address_change::request_address_change(tx, &caller.means, caller.member()?, &new, from)?)
    });
    Ok((StatusCode::ACCEPTED, Answer(asked.await?.into())))
}

/// Changes the address with the code that came to the new one. The old one is told, with a link that puts it back and stops
/// the account; all other sessions end.
#[utoipa::path(post, path = "/v1/me/address_changes/{id}/finish", tag = "members", request_body = FinishAddressBody,
    params(("id" = String, Path, description = "the id that asking for the code gave")),
    security(("member_session" = [])), responses((status = 200, body = SteppedUpView), ApiErrors))]
pub async fn finish_address_change(
    State(cx): State<Context>,
    who: Bearer,
    Path(id): Path<String>,
    Json(body): Json<FinishAddressBody>,
) -> ApiResult<SteppedUpView> {
    let mut problems = Problems::new();
    let request = problems.take("id", id.parse::<SessionId>());
    let new = problems.take("email", Email::parse(&body.email));
    let code = problems.take("code", OneTimeCode::parse(&body.code));
    let (Some(request), Some(new), Some(code)) = (request, new, code) else {
        return Err(problems.into_error());
    };
    let context = cx.clone();
    let done = cx.write_as(who, Permission::OwnSecurity, move |tx, caller| {
        let session = (caller.member()?, caller.token()?);
        let to = (&new, &*context.public_url);
        Ok(address_change::finish_address_change(tx, &caller.means, session, to, (request, &code))?)
    });
    match done.await? {
        AddressChange::Done(session) => Ok(Answer(session.into())),
        AddressChange::Wrong { left } => {
            Err(ApiError::new(&ONE_TIME_CODE_WRONG, format!("the code is wrong; {left} tries are left")))
        }
        AddressChange::Gone => {
            Err(ApiError::new(&ONE_TIME_CODE_GONE, "this code does not work any more; ask for a new one"))
        }
    }
}

impl From<AddressChangeError> for ApiError {
    fn from(error: AddressChangeError) -> ApiError {
        let text = error.to_string();
        match error {
            AddressChangeError::Denied(found) => denied(found),
            AddressChangeError::Code(found) => found.into(),
            AddressChangeError::Taken => ApiError::new(&MEMBER_EXISTS, text),
            AddressChangeError::Fault(found) => fault(&found),
        }
    }
}
