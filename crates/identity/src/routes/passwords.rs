//! Members' passwords over HTTP: changing one's own, and setting a forgotten one anew.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use base::{MemberId, ShopId};
use serde::Deserialize;
use utoipa::ToSchema;
use webkit::body::Json;
use webkit::error::{ApiError, ApiErrors, ApiResult, Problems};

use super::errors::PASSWORD_WRONG;
use super::gate::Bearer;
use super::second_steps::SteppedUpView;
use crate::context::Context;
use crate::members::{self, confirm_member};
use crate::own;
use crate::password::{Password, PasswordHash, PasswordProblem, PasswordProfile, PasswordRule};
use crate::password_reset;
use crate::permissions::Permission;
use crate::text::Email;
use crate::token::{Token, TokenKind};

/// A password to be replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasswordBody {
    /// The password in force.
    #[schema(format = Password)]
    old_password: String,
    /// The new one: 8 to 128 characters beside a second factor, else 15 to 128.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    new_password: String,
}

/// Whose password was forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordResetBody {
    /// The address the member signs in with.
    #[schema(max_length = 254, example = "li.si@shop.example")]
    email: String,
}

/// A forgotten password, set anew.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishPasswordResetBody {
    /// The last part of the link that came by mail.
    #[schema(max_length = 60, example = "twr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    token: String,
    /// The new password: 8 to 128 characters beside a second factor, else 15 to 128.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    new_password: String,
}

/// Changes the caller's password with the old one. The session goes on under a new token, all others end, and every channel
/// is told.
#[utoipa::path(put, path = "/v1/me/password", tag = "account", request_body = NewPasswordBody,
    security(("member_session" = [])), responses((status = 200, body = SteppedUpView), ApiErrors))]
pub async fn update_password(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<NewPasswordBody>,
) -> ApiResult<SteppedUpView> {
    let profile = cx.password_profile;
    let (id, context) = cx
        .read_as(who.clone(), Permission::OwnPassword, move |tx, caller| {
            let session = caller.member()?;
            let id = (session.shop, session.member);
            Ok((id, find_context(tx, (caller.means.vault, profile), id)?))
        })
        .await?;
    let mut problems = Problems::new();
    let old = problems.take("old_password", Password::parse(&body.old_password));
    let new = problems.take("new_password", judge(&body.new_password, &context));
    let (Some(old), Some(new)) = (old, new) else { return Err(problems.into_error()) };
    if !confirm_member(&cx, id, old, &who.place, who.at).await? {
        return Err(ApiError::new(&PASSWORD_WRONG, "the old password is wrong"));
    }
    let hash = hash(&cx, new).await?;
    let changed = cx.write_as(who, Permission::OwnPassword, move |tx, caller| {
        let session = (caller.member()?, caller.token()?);
        Ok(own::change_password(tx, &caller.means, session, &hash)?)
    });
    Ok(Answer(changed.await?.into()))
}

/// Sends a link for a new password to an address that belongs to a member. The answer does not tell whether it does.
#[utoipa::path(post, path = "/v1/password_resets", tag = "members", request_body = PasswordResetBody, security(()),
    responses((status = 202), ApiErrors))]
pub async fn create_password_reset(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<PasswordResetBody>,
) -> Result<StatusCode, ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let email = Email::parse(&body.email).map_err(|problem| ApiError::bad_field("email", problem))?;
    let means = cx.clone();
    let asked = cx.db.write(move |tx| {
        let (origin, url) = (&who.place.origin, &means.public_url);
        password_reset::request_password_reset(tx, &means.means(who.at), &email, origin, url)
    });
    asked.await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets a forgotten password anew, with the link that came by mail. Sign in afterwards, with the second factor as always.
#[utoipa::path(post, path = "/v1/password_resets/finish", tag = "members", request_body = FinishPasswordResetBody,
    security(()), responses((status = 204), ApiErrors))]
pub async fn finish_password_reset(
    State(cx): State<Context>,
    who: Bearer,
    Json(body): Json<FinishPasswordResetBody>,
) -> Result<StatusCode, ApiError> {
    cx.admit_anonymous(&who.place, who.at)?;
    let token = Token::parse(TokenKind::PasswordReset, &body.token);
    let token = token.ok_or(password_reset::PasswordResetError::Gone)?;
    let (means, link, at) = (cx.clone(), token.clone(), who.at);
    let context = cx.db.read(move |tx| {
        let id = password_reset::find_password_reset(tx, &link, at)?;
        find_context(tx, (&means.vault, means.password_profile), id)
    });
    let context = context.await?;
    let new = judge(&body.new_password, &context);
    let new = new.map_err(|problem| ApiError::bad_field("new_password", problem))?;
    let hash = hash(&cx, new).await?;
    let means = cx.clone();
    let set =
        cx.db.write(move |tx| password_reset::finish_password_reset(tx, &means.means(at), &token, &hash));
    set.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a thief would try first, the member's name, address and shop; and what stands beside the password.
fn find_context(
    tx: &mut store::Tx<'_>,
    (vault, profile): (&vault::Vault, PasswordProfile),
    (shop, id): (ShopId, MemberId),
) -> Result<(Vec<String>, PasswordRule), ApiError> {
    let names = members::find_password_context(tx, vault, shop, id)?;
    Ok((names.to_vec(), PasswordRule::of_member(tx, profile, id)?))
}

fn judge(text: &str, (context, rule): &(Vec<String>, PasswordRule)) -> Result<Password, PasswordProblem> {
    let context: Vec<&str> = context.iter().map(String::as_str).collect();
    let new = Password::parse(text)?;
    new.check_strength(&context, *rule)?;
    Ok(new)
}

async fn hash(cx: &Context, password: Password) -> Result<PasswordHash, ApiError> {
    let hash = cx.passwords.hash(password, cx.dice.clone()).await;
    hash.map_err(|full| ApiError::unavailable(5, full))
}
