//! Members' passwords: a forgotten one set anew by a link in a mail.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Problems, show};

use super::form::go;
use super::hall::Hall;
use super::links::{gone, hash, new_password};
use super::sign_in::door_frame;
use super::visit::{Side, Visit};
use crate::limits::RESET_LINK_SECONDS;
use crate::members::{LoginError, find_password_context};
use crate::pages::entry::{ForgottenPage, ResetPage};
use crate::password::PasswordRule;
use crate::password_reset::{self, PasswordResetError};
use crate::text::Email;
use crate::token::{Token, TokenKind};

/// Asks for the address.
pub(super) async fn show_forgotten(Shared(hall): Shared<Hall>, visit: Visit) -> Response {
    forgotten_page(&hall, &visit, StatusCode::OK, String::new(), Problems::none())
}

fn forgotten_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    email_typed: String,
    problems: Problems,
) -> Response {
    let is_sent = false;
    let (page, action_href) = (door_frame(hall, visit), "/sign-in/forgotten".to_owned());
    show(status, &ForgottenPage { page, email_typed, problems, is_sent, minutes: minutes(), action_href })
}

fn minutes() -> i64 {
    RESET_LINK_SECONDS / 60
}

/// The address of whoever forgot the password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForgottenForm {
    email: String,
}

/// Sends a link to an address that belongs to a member. The answer does not tell whether it does.
pub(super) async fn request_link(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<ForgottenForm>(Side::Member, &incoming)?;
    visit.knock(&hall)?;
    let page = door_frame(&hall, &visit);
    let Ok(email) = Email::parse(&posted.form.email) else {
        let mut problems = Problems::none();
        problems.add("email", page.t("problem-email"));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(forgotten_page(&hall, &visit, status, posted.form.email, problems));
    };
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let asked = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let (means, url) = (cx.identity.means(asker.now), &cx.identity.public_url);
            match password_reset::request_password_reset(tx, &means, &email, &asker.origin(), url) {
                Ok(()) => Ok(("sent".to_owned(), ())),
                Err(LoginError::TooMany { retry_after_seconds }) => Ok((retry_after_seconds.to_string(), ())),
                Err(error) => Err(error.into()),
            }
        })
    });
    let (word, _) = asked.await?;
    if let Ok(seconds) = word.parse::<i64>() {
        let mut problems = Problems::none();
        problems.add("", page.t1("sign-in-locked", "minutes", seconds.max(1).div_euclid(60) + 1));
        let status = StatusCode::TOO_MANY_REQUESTS;
        return Ok(forgotten_page(&hall, &visit, status, posted.form.email, problems));
    }
    let view = ForgottenPage {
        page,
        email_typed: String::new(),
        problems: Problems::none(),
        is_sent: true,
        minutes: minutes(),
        action_href: "/sign-in/forgotten".to_owned(),
    };
    Ok(show(StatusCode::OK, &view))
}

/// The member behind a link: the address and what else a thief would try first, and what is asked of the password.
async fn find_owner(
    hall: &Hall,
    visit: &Visit,
    token: &Token,
) -> Result<Option<([String; 3], PasswordRule)>, ApiError> {
    let (cx, now, token) = (hall.clone(), visit.now, token.clone());
    let found = hall.db().read(move |tx| match password_reset::find_password_reset(tx, &token, now) {
        Ok((shop, id)) => {
            let names = find_password_context(tx, &cx.identity.vault, shop, id)?;
            Ok(Some((names, PasswordRule::of_member(tx, cx.identity.password_profile, id)?)))
        }
        Err(PasswordResetError::Gone) => Ok(None),
        Err(PasswordResetError::Fault(fault)) => Err(ApiError::from(fault)),
    });
    found.await
}

fn reset_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    (text, email, rule): (&str, String, PasswordRule),
    problems: Problems,
) -> Response {
    let (page, action_href) = (door_frame(hall, visit), format!("/reset/{text}"));
    show(
        status,
        &ResetPage {
            page,
            email,
            chars_min: rule.chars_min(),
            wants_both: rule.profile.wants_both(),
            problems,
            action_href,
        },
    )
}

/// Asks for a new password.
pub(super) async fn show_reset(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(text): Path<String>,
) -> Result<Response, ApiError> {
    let Some(token) = Token::parse(TokenKind::PasswordReset, &text) else { return Ok(gone(&hall, &visit)) };
    let Some(([email, ..], rule)) = find_owner(&hall, &visit, &token).await? else {
        return Ok(gone(&hall, &visit));
    };
    Ok(reset_page(&hall, &visit, StatusCode::OK, (&text, email, rule), Problems::none()))
}

/// A password, chosen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetForm {
    password: String,
    #[serde(default, rename = "username")]
    _for_password_managers: String,
}

/// Sets the new password and leads to the sign-in. A second submit of the form leads there as well.
pub(super) async fn set_password(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(text): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<ResetForm>(Side::Member, &incoming)?;
    visit.knock(&hall)?;
    let Some(token) = Token::parse(TokenKind::PasswordReset, &text) else { return Ok(gone(&hall, &visit)) };
    let Some((owner, rule)) = find_owner(&hall, &visit, &token).await? else {
        return Ok(gone(&hall, &visit));
    };
    let mut problems = Problems::none();
    let context: Vec<&str> = owner.iter().map(String::as_str).collect();
    let page = door_frame(&hall, &visit);
    let judged = new_password(&page, &mut problems, &posted.form.password, (&context, rule));
    let Some(password) = judged else {
        let [email, ..] = owner;
        return Ok(reset_page(
            &hall,
            &visit,
            StatusCode::UNPROCESSABLE_ENTITY,
            (&text, email, rule),
            problems,
        ));
    };
    let hash = hash(&hall, password).await?;
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let set = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let means = cx.identity.means(asker.now);
            match password_reset::finish_password_reset(tx, &means, &token, &hash) {
                Ok(_) => Ok(("set".to_owned(), ())),
                Err(PasswordResetError::Gone) => Ok(("gone".to_owned(), ())),
                Err(PasswordResetError::Fault(fault)) => Err(fault.into()),
            }
        })
    });
    Ok(match set.await?.0.as_str() {
        "gone" => gone(&hall, &visit),
        _ => go("/sign-in?password=set"),
    })
}
