//! Members at the door: sign-in, sign-out.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, Zone, show};

use super::form::{Button, go};
use super::hall::Hall;
use super::visit::{MEMBER, PENDING, Side, Visit, add_cookie, is_local, let_member_in, place, with_next};
use crate::members::{LoginError, sign_in_member};
use crate::pages::entry::SignInPage;
use crate::password::Password;
use crate::sessions::{AuthError, end_session, require_member};
use crate::sign_in::FirstStep;
use crate::text::Email;

/// Where a member goes who came for nothing in particular.
pub(super) const HOME: &str = "/desk";

pub(super) fn door_frame(hall: &Hall, visit: &Visit) -> Frame {
    let mut page = visit.frame(hall, Side::Member, Zone::default());
    // Before the door nobody is signed in, whatever cookie is left from before.
    page.sign_out_href.clear();
    page
}

/// Asks a member to sign in.
pub(super) async fn show_sign_in(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let (token, now) = (visit.member.clone(), visit.now);
    let signed_in = hall.db().read(move |tx| {
        let Some(token) = token else { return Ok(false) };
        match require_member(tx, &token, now) {
            Ok(_) => Ok(true),
            Err(AuthError::SignInNeeded) => Ok(false),
            Err(error) => Err(ApiError::from(error)),
        }
    });
    if signed_in.await? {
        return Ok(go(&visit.next(HOME)));
    }
    let next = visit.next("");
    let problems = super::passkeys::refusal(&hall, &visit);
    Ok(sign_in_page(&hall, &visit, StatusCode::OK, String::new(), next, problems))
}

/// The page with one thing that went wrong.
pub(super) fn show_problem(hall: &Hall, visit: &Visit, status: StatusCode, key: &'static str) -> Response {
    let mut problems = Problems::none();
    problems.add("", door_frame(hall, visit).t(key));
    sign_in_page(hall, visit, status, String::new(), String::new(), problems)
}

fn sign_in_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    email_typed: String,
    next: String,
    problems: Problems,
) -> Response {
    let (page, action_href) = (door_frame(hall, visit), "/sign-in".to_owned());
    let (passkey_href, passkey_next) = ("/sign-in/passkey".to_owned(), next.clone());
    let provider = hall.identity.provider.as_ref();
    let outside = provider.map(|provider| provider.settings().label.clone()).unwrap_or_default();
    let outside_href = with_next("/sign-in/outside", &next);
    show(
        status,
        &SignInPage {
            page,
            email_typed,
            problems,
            next,
            action_href,
            passkey_href,
            passkey_next,
            outside,
            outside_href,
            is_password_set: visit.query("password").as_deref() == Some("set"),
            forgotten_href: "/sign-in/forgotten".to_owned(),
        },
    )
}

/// Address and password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInForm {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// Signs a member in.
pub(super) async fn sign_in(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let form = visit.read::<SignInForm>(Side::Member, &incoming)?.form;
    visit.knock(&hall)?;
    let page = door_frame(&hall, &visit);
    let opened = match (Email::parse(&form.email), Password::parse(&form.password)) {
        (Ok(email), Ok(password)) => {
            sign_in_member(&hall.identity, email, password, &place(&visit), visit.now).await
        }
        _ => Ok(None),
    };
    let (status, problem) = match opened {
        Ok(Some((_, step))) => {
            let next = if is_local(&form.next) { form.next.as_str() } else { HOME };
            return Ok(first_step(&visit, step, next));
        }
        Ok(None) => (StatusCode::FORBIDDEN, page.t("sign-in-failed")),
        Err(LoginError::TooMany { retry_after_seconds }) => {
            let minutes = retry_after_seconds.max(1).div_euclid(60) + 1;
            (StatusCode::TOO_MANY_REQUESTS, page.t1("sign-in-locked", "minutes", minutes))
        }
        Err(error) => return Err(error.into()),
    };
    let mut problems = Problems::none();
    problems.add("", problem);
    Ok(sign_in_page(&hall, &visit, status, form.email, form.next, problems))
}

/// To the second step; or, for a member who has none yet, to setting one up.
pub(super) fn first_step(visit: &Visit, step: FirstStep, next: &str) -> Response {
    let secure = visit.browser.secure;
    match step {
        FirstStep::SecondStep(pending) => {
            let mut answer = go(&with_next("/sign-in/step", next));
            add_cookie(&mut answer, PENDING.set(pending.token.secret().expose(), secure));
            answer
        }
        FirstStep::In(session) => {
            let mut answer = go(&with_next("/sign-in/factor", next));
            let_member_in(&mut answer, visit, &session);
            answer
        }
    }
}

/// Signs the member out of this session.
pub(super) async fn sign_out(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let _asked = visit.read::<Button>(Side::Member, &incoming)?;
    if let Some(token) = visit.member.clone() {
        let (cx, now) = (hall.identity.clone(), visit.now);
        hall.db().write(move |tx| end_session(tx, &cx.means(now), &token)).await.map_err(ApiError::from)?;
    }
    let mut answer = go("/sign-in");
    add_cookie(&mut answer, MEMBER.clear(visit.browser.secure));
    Ok(answer)
}
