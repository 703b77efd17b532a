//! A buyer's contact, changed: a proof given lately, the PIN, and a code that came to the new one.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use base::SessionId;
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Problems, show};

use super::buyer::contact_problem;
use super::form::go;
use super::hall::Hall;
use super::own::{read_own, write_own};
use super::second_step::session_token;
use super::visit::{Side, Visit, renew_buyer};
use super::words::masked_contact;
use crate::buyers::BuyerError;
use crate::codes::OneTimeCode;
use crate::contact_change::{self, ContactAsked, ContactChange, ContactChangeError};
use crate::pages::account::ContactPage;
use crate::permissions::Actor;
use crate::phone::Contact;
use crate::pin::{Pin, PinCheck};
use crate::sessions::BuyerSession;
use crate::sign_in::require_own_fresh;

const CONTACT: &str = "/me/contact";
const HOME: &str = "/me/account";

/// What the page shows this time.
#[derive(Default)]
struct Shown {
    contact: String,
    request: String,
    problems: Vec<(&'static str, String)>,
}

fn session_of(actor: &Actor) -> Result<BuyerSession, ApiError> {
    match actor {
        Actor::Buyer(session) => Ok(session.clone()),
        _ => Err(ApiError::unauthenticated("sign in first")),
    }
}

/// Asks for the new contact. Who gave no proof lately is sent for one first.
pub(super) async fn show_contact(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    contact_page(&hall, &visit, StatusCode::OK, Shown::default()).await
}

async fn contact_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    shown: Shown,
) -> Result<Response, ApiError> {
    let takes_numbers = hall.identity.sends_texts;
    let view = read_own(hall, visit, Side::Buyer, move |tx, own| {
        require_own_fresh(tx, own.means().vault, &own.actor())?;
        let buyer = session_of(&own.actor())?.buyer;
        let person = crate::buyers::find_buyer_person(tx, own.means().vault, buyer)?;
        let mut page = own.frame(tx)?;
        // The language switch is a link; it leads to a page that can be shown again.
        CONTACT.clone_into(&mut page.path);
        let mut problems = Problems::none();
        shown.problems.into_iter().for_each(|(field, text)| problems.add(field, text));
        let action = if shown.request.is_empty() { CONTACT.to_owned() } else { format!("{CONTACT}/set") };
        Ok(ContactPage {
            now_masked: masked_contact(person.contact.expose()),
            new_masked: masked_contact(&shown.contact),
            contact: shown.contact,
            request: shown.request,
            takes_numbers,
            problems,
            action_href: action,
            page,
        })
    });
    Ok(show(status, &view.await?))
}

/// A new contact, and the PIN.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactForm {
    contact: String,
    pin: String,
}

/// Sends a code to the new contact.
pub(super) async fn request_code(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<ContactForm>(Side::Buyer, &incoming)?;
    let (page, form) = (visit.buyer_frame(&hall), posted.form);
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let new = Contact::parse_reachable(&form.contact, hall.identity.sends_texts);
    let (Ok(new), Ok(pin)) = (&new, Pin::parse(&form.pin)) else {
        let problem = match &new {
            Err(_) => ("contact", page.t(contact_problem(&hall))),
            Ok(_) => ("pin", page.t("problem-pin")),
        };
        let shown = Shown { contact: form.contact, problems: vec![problem], ..Shown::default() };
        return contact_page(&hall, &visit, refused, shown).await;
    };
    let (cx, asker, new) = (hall.clone(), visit.clone(), new.clone());
    let asked = write_own(&hall, &visit, Side::Buyer, posted.once, move |tx, own| {
        let (session, origin) = (session_of(&own.actor())?, asker.origin());
        let from = (origin.as_str(), cx.identity.host());
        let asked = contact_change::request_contact_change(tx, &own.means(), &session, (&new, &pin), from);
        let word = match asked {
            Ok(ContactAsked::Sent(asked)) => asked.request.to_string(),
            Ok(ContactAsked::Refused(PinCheck::Wrong { left })) => left.to_string(),
            Ok(ContactAsked::Refused(PinCheck::Cooling { .. })) => "cooling".to_owned(),
            Ok(ContactAsked::Refused(_)) => "0".to_owned(),
            Err(ContactChangeError::Code(_)) => "wait".to_owned(),
            Err(ContactChangeError::Buyer(BuyerError::ContactIsFactor)) => "factor".to_owned(),
            Err(error) => return Err(error.into()),
        };
        Ok((word, ()))
    });
    let (word, _) = asked.await?;
    let problem = match (word.as_str(), word.parse::<i64>()) {
        ("wait", _) => ("", page.t("problem-forgot-wait")),
        ("factor", _) => ("contact", page.t("problem-contact-factor")),
        ("cooling", _) => ("pin", page.t("problem-pin-cooling")),
        (_, Ok(left)) if left > 0 => ("pin", page.t1("problem-pin-wrong", "left", left)),
        (_, Ok(_)) => ("pin", page.t("problem-pin-none-left")),
        _ => {
            let shown = Shown { contact: form.contact, request: word, problems: Vec::new() };
            return contact_page(&hall, &visit, StatusCode::OK, shown).await;
        }
    };
    let shown = Shown { contact: form.contact, problems: vec![problem], ..Shown::default() };
    contact_page(&hall, &visit, StatusCode::FORBIDDEN, shown).await
}

/// The code that came to the new contact.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    contact: String,
    request: String,
    code: String,
}

/// Changes the contact.
pub(super) async fn set_contact(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<CodeForm>(Side::Buyer, &incoming)?;
    let (page, form) = (visit.buyer_frame(&hall), posted.form);
    let again = |form: CodeForm, problem: String| Shown {
        contact: form.contact,
        request: form.request,
        problems: vec![("code", problem)],
    };
    let new = Contact::parse_reachable(&form.contact, hall.identity.sends_texts);
    let parsed = (new, form.request.parse::<SessionId>(), OneTimeCode::parse(&form.code));
    let (Ok(new), Ok(request), Ok(code)) = parsed else {
        let shown = again(form, page.t("problem-code"));
        return contact_page(&hall, &visit, StatusCode::UNPROCESSABLE_ENTITY, shown).await;
    };
    let (cx, asker) = (hall.clone(), visit.clone());
    let done = write_own(&hall, &visit, Side::Buyer, posted.once, move |tx, own| {
        let session = session_of(&own.actor())?;
        let holder = (&session, session_token(&asker, Side::Buyer)?);
        let to = (&new, &*cx.identity.public_url);
        let changed = contact_change::finish_contact_change(tx, &own.means(), holder, to, (request, &code));
        Ok(match changed {
            Ok(ContactChange::Done(session)) => ("done".to_owned(), Some(session)),
            Ok(ContactChange::Wrong { left }) => (left.to_string(), None),
            Ok(ContactChange::Gone) => ("gone".to_owned(), None),
            Err(ContactChangeError::Buyer(BuyerError::ContactTaken)) => ("taken".to_owned(), None),
            Err(ContactChangeError::Buyer(BuyerError::ContactIsFactor)) => ("factor".to_owned(), None),
            Err(error) => return Err(error.into()),
        })
    });
    let (word, renewed) = done.await?;
    let problem = match (word.as_str(), word.parse::<i64>()) {
        ("done", _) => {
            let mut answer = go(HOME);
            if let Some(session) = renewed.flatten() {
                renew_buyer(&mut answer, &visit, &session);
            }
            return Ok(answer);
        }
        ("taken", _) => page.t("problem-contact-taken"),
        ("factor", _) => page.t("problem-contact-factor"),
        (_, Ok(left)) if left > 0 => page.t1("problem-code-wrong", "left", left),
        _ => page.t("problem-code-gone"),
    };
    contact_page(&hall, &visit, StatusCode::FORBIDDEN, again(form, problem)).await
}
