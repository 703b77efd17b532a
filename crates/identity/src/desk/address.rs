//! A member's address, changed: a second factor given lately, and a code that came to the new one.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::SessionId;
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Problems, show};

use super::form::go;
use super::hall::Hall;
use super::own::{read_own, write_own};
use super::second_step::{renew_cookie, session_token};
use super::visit::{Side, Visit};
use super::words::masked_contact;
use crate::address_change::{self, AddressChange, AddressChangeError};
use crate::codes::OneTimeCode;
use crate::members::find_member_person;
use crate::pages::security::AddressPage;
use crate::permissions::Actor;
use crate::sessions::MemberSession;
use crate::sign_in::require_own_fresh;
use crate::text::Email;

const ADDRESS: &str = "/desk/address";
const HOME: &str = "/desk/security";

/// What the page shows this time.
#[derive(Default)]
struct Shown {
    email: String,
    request: String,
    problem: Option<(&'static str, String)>,
}

fn session_of(actor: &Actor) -> Result<MemberSession, ApiError> {
    match actor {
        Actor::Member(session) => Ok(session.clone()),
        _ => Err(ApiError::unauthenticated("sign in first")),
    }
}

/// Asks for the new address. Who gave no second factor lately is sent for it first.
pub(super) async fn show_address(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    address_page(&hall, &visit, StatusCode::OK, Shown::default()).await
}

async fn address_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    shown: Shown,
) -> Result<Response, ApiError> {
    let view = read_own(hall, visit, Side::Member, move |tx, own| {
        require_own_fresh(tx, own.means().vault, &own.actor())?;
        let session = session_of(&own.actor())?;
        let person = find_member_person(tx, own.means().vault, session.shop, session.member)?;
        let mut page = own.frame(tx)?;
        // The language switch is a link; it leads to a page that can be shown again.
        ADDRESS.clone_into(&mut page.path);
        let mut problems = Problems::none();
        shown.problem.into_iter().for_each(|(field, text)| problems.add(field, text));
        let action = if shown.request.is_empty() { ADDRESS.to_owned() } else { format!("{ADDRESS}/set") };
        Ok(AddressPage {
            now_masked: masked_contact(person.email.expose()),
            new_masked: masked_contact(&shown.email),
            email: shown.email,
            request: shown.request,
            problems,
            action_href: action,
            back_href: HOME.to_owned(),
            page,
        })
    });
    Ok(show(status, &view.await?))
}

/// A new address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressForm {
    email: String,
}

/// Sends a code to the new address.
pub(super) async fn request_code(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<AddressForm>(Side::Member, &incoming)?;
    let page = visit.frame(&hall, Side::Member, webkit::page::Zone::default());
    let email = posted.form.email;
    let Ok(new) = Email::parse(&email) else {
        let problem = Some(("email", page.t("problem-email")));
        let shown = Shown { email, problem, ..Shown::default() };
        return address_page(&hall, &visit, StatusCode::UNPROCESSABLE_ENTITY, shown).await;
    };
    let (cx, asker) = (hall.clone(), visit.clone());
    let asked = write_own(&hall, &visit, Side::Member, posted.once, move |tx, own| {
        let (session, origin) = (session_of(&own.actor())?, asker.origin());
        let from = (origin.as_str(), cx.identity.host());
        match address_change::request_address_change(tx, &own.means(), &session, &new, from) {
            Ok(asked) => Ok((asked.request.to_string(), ())),
            Err(AddressChangeError::Code(_)) => Ok((String::new(), ())),
            Err(error) => Err(error.into()),
        }
    });
    let (request, _) = asked.await?;
    if request.is_empty() {
        let problem = Some(("", page.t("problem-forgot-wait")));
        let shown = Shown { email, problem, ..Shown::default() };
        return address_page(&hall, &visit, StatusCode::TOO_MANY_REQUESTS, shown).await;
    }
    address_page(&hall, &visit, StatusCode::OK, Shown { email, request, problem: None }).await
}

/// The code that came to the new address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    email: String,
    request: String,
    code: String,
}

/// Changes the address.
pub(super) async fn set_address(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<CodeForm>(Side::Member, &incoming)?;
    let page = visit.frame(&hall, Side::Member, webkit::page::Zone::default());
    let CodeForm { email, request, code } = posted.form;
    let again = |problem: String| Shown {
        email: email.clone(),
        request: request.clone(),
        problem: Some(("code", problem)),
    };
    let parsed = (Email::parse(&email), request.parse::<SessionId>(), OneTimeCode::parse(&code));
    let (Ok(new), Ok(id), Ok(code)) = parsed else {
        let shown = again(page.t("problem-code"));
        return address_page(&hall, &visit, StatusCode::UNPROCESSABLE_ENTITY, shown).await;
    };
    let (cx, asker) = (hall.clone(), visit.clone());
    let done = write_own(&hall, &visit, Side::Member, posted.once, move |tx, own| {
        let session = session_of(&own.actor())?;
        let holder = (&session, session_token(&asker, Side::Member)?);
        let to = (&new, &*cx.identity.public_url);
        Ok(match address_change::finish_address_change(tx, &own.means(), holder, to, (id, &code)) {
            Ok(AddressChange::Done(session)) => ("done".to_owned(), Some(session)),
            Ok(AddressChange::Wrong { left }) => (left.to_string(), None),
            Ok(AddressChange::Gone) => ("gone".to_owned(), None),
            Err(AddressChangeError::Taken) => ("taken".to_owned(), None),
            Err(error) => return Err(error.into()),
        })
    });
    let (word, renewed) = done.await?;
    let problem = match (word.as_str(), word.parse::<i64>()) {
        ("done", _) => {
            let mut answer = go(HOME);
            if let Some(session) = renewed.flatten() {
                renew_cookie(&mut answer, &hall, &visit, Side::Member, &session);
            }
            return Ok(answer);
        }
        ("taken", _) => page.t("problem-address-taken"),
        (_, Ok(left)) if left > 0 => page.t1("problem-code-wrong", "left", left),
        _ => page.t("problem-code-gone"),
    };
    address_page(&hall, &visit, StatusCode::UNPROCESSABLE_ENTITY, again(problem)).await
}
