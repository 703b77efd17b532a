//! A locked or forgotten PIN, set anew by its buyer; and the link with which a buyer says "this was not me".
//!
//! Whoever forgot the PIN cannot wake a sleeping session with it, so these pages show nothing of the account.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::SessionId;
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, show};

use super::form::{Button, go};
use super::hall::Hall;
use super::visit::{Side, Visit, admit_payer, renew_buyer, with_next};
use crate::codes::OneTimeCode;
use crate::disputes::{DisputeError, Disputed, find_dispute, freeze_by_link};
use crate::pages::account::{ForgotStage, FreezeLinkPage, PinForgotPage};
use crate::pages::notice::NoticeKind;
use crate::pin::{Cooling, Pin};
use crate::pin_reset::{self, PinReset, PinResetError};
use crate::sessions::NewSession;
use crate::token::{Token, TokenKind};

const FORGOT: &str = "/me/pin/forgot";
/// Where a buyer goes on who came from nowhere in particular.
const HOME: &str = "/me/account";

/// Where a PIN is set anew, and back from there to the page that `visit` is about.
pub(super) fn path(hall: &Hall, visit: &Visit) -> String {
    let asked = visit.browser.path.split('?').next().unwrap_or_default();
    let next = hall.trade().form_page(asked).unwrap_or_else(|| visit.next(HOME));
    with_next(FORGOT, &next)
}

/// Says what setting a PIN anew means.
pub(super) async fn show_forgot(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    let checked = hall.db().read(move |tx| {
        let payer = admit_payer(tx, &cx, &asker)?;
        Ok::<_, ApiError>(pin_reset::check_pin_reset(tx, &payer.means, &payer.session)?)
    });
    checked.await?;
    Ok(ask_page(&hall, &visit, StatusCode::OK, ""))
}

fn view(hall: &Hall, visit: &Visit, stage: ForgotStage, problems: Problems) -> PinForgotPage {
    let next = visit.next(HOME);
    let action = match stage {
        ForgotStage::Ask => FORGOT.to_owned(),
        ForgotStage::Code { .. } | ForgotStage::Done(_) => format!("{FORGOT}/set"),
    };
    let mut page = visit.buyer_frame(hall);
    // The language switch is a link; it leads to a page that can be shown again.
    page.path = with_next(FORGOT, &next);
    PinForgotPage {
        page,
        stage,
        problems,
        action_href: with_next(&action, &next),
        again_href: with_next(FORGOT, &next),
        next_href: next,
    }
}

fn ask_page(hall: &Hall, visit: &Visit, status: StatusCode, problem: &str) -> Response {
    let mut problems = Problems::none();
    if !problem.is_empty() {
        problems.add("", visit.buyer_frame(hall).t(problem));
    }
    show(status, &view(hall, visit, ForgotStage::Ask, problems))
}

fn code_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    request: String,
    problems: Problems,
) -> Response {
    show(status, &view(hall, visit, ForgotStage::Code { request }, problems))
}

/// Sends the code.
pub(super) async fn request_code(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let once = visit.read::<Button>(Side::Buyer, &incoming)?.once;
    let (cx, asker) = (hall.clone(), visit.clone());
    let asked = hall.db().write(move |tx| {
        let payer = admit_payer(tx, &cx, &asker)?;
        once.run(tx, asker.now, |tx| {
            let (origin, host) = (asker.origin(), cx.identity.host());
            let word = match pin_reset::request_pin_reset(tx, &payer.means, &payer.session, (&origin, host)) {
                Ok(asked) => asked.request.to_string(),
                Err(PinResetError::NotActive) => "frozen".to_owned(),
                Err(PinResetError::Code(_)) => "wait".to_owned(),
                Err(error) => return Err(error.into()),
            };
            Ok((word, ()))
        })
    });
    let (word, _) = asked.await?;
    Ok(match word.as_str() {
        "frozen" => ask_page(&hall, &visit, StatusCode::FORBIDDEN, "problem-forgot-frozen"),
        "wait" => ask_page(&hall, &visit, StatusCode::TOO_MANY_REQUESTS, "problem-forgot-wait"),
        _ => code_page(&hall, &visit, StatusCode::OK, word, Problems::none()),
    })
}

/// The code, and the new PIN twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetForm {
    request: String,
    code: String,
    pin: String,
    pin_again: String,
}

impl ResetForm {
    fn parse(&self, page: &Frame) -> Result<(SessionId, OneTimeCode, Pin), Problems> {
        let mut problems = Problems::none();
        let code = OneTimeCode::parse(&self.code).map_err(|_| problems.add("code", page.t("problem-code")));
        let pin = Pin::parse(&self.pin).map_err(|_| problems.add("pin", page.t("problem-pin")));
        if self.pin != self.pin_again {
            problems.add("pin_again", page.t("problem-pin-again"));
        }
        match (self.request.parse::<SessionId>(), code, pin) {
            (Ok(request), Ok(code), Ok(pin)) if problems.is_empty() => Ok((request, code, pin)),
            _ => Err(problems),
        }
    }
}

/// Sets the new PIN.
pub(super) async fn set_pin(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<ResetForm>(Side::Buyer, &incoming)?;
    let (page, form) = (visit.buyer_frame(&hall), posted.form);
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let (request, code, pin) = match form.parse(&page) {
        Ok(parsed) => parsed,
        Err(problems) => return Ok(code_page(&hall, &visit, refused, form.request, problems)),
    };
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let done = hall.db().write(move |tx| {
        let payer = admit_payer(tx, &cx, &asker)?;
        once.run(tx, asker.now, |tx| {
            let (session, url) = ((&payer.session, payer.token), &cx.identity.public_url);
            let given = (request, &code);
            word_of(pin_reset::finish_pin_reset(tx, &payer.means, session, given, &pin, url))
        })
    });
    let (word, set) = done.await?;
    let mut problems = Problems::none();
    match (word.as_str(), word.parse::<i64>()) {
        ("done", _) => return Ok(done_page(&hall, &visit, set.flatten())),
        ("frozen", _) => return Ok(ask_page(&hall, &visit, StatusCode::FORBIDDEN, "problem-forgot-frozen")),
        ("weak", _) => problems.add("pin", page.t("problem-pin-weak")),
        (_, Ok(left)) if left > 0 => problems.add("code", page.t1("problem-code-wrong", "left", left)),
        _ => problems.add("code", page.t("problem-code-gone")),
    }
    Ok(code_page(&hall, &visit, StatusCode::FORBIDDEN, form.request, problems))
}

type Set = Option<(NewSession, Cooling)>;

fn word_of(reset: Result<PinReset, PinResetError>) -> Result<(String, Set), ApiError> {
    Ok(match reset {
        Ok(PinReset::Done(session, held)) => ("done".to_owned(), Some((session, held))),
        Ok(PinReset::Wrong { left }) => (left.to_string(), None),
        Ok(PinReset::Gone) => ("gone".to_owned(), None),
        Err(PinResetError::WeakPin(_)) => ("weak".to_owned(), None),
        Err(PinResetError::NotActive) => ("frozen".to_owned(), None),
        Err(error) => return Err(error.into()),
    })
}

/// Says what the new PIN does for now. A second submit of the form goes on.
fn done_page(hall: &Hall, visit: &Visit, set: Set) -> Response {
    let Some((session, held)) = set else { return go(&visit.next(HOME)) };
    let mut answer = show(StatusCode::OK, &view(hall, visit, ForgotStage::Done(held), Problems::none()));
    renew_buyer(&mut answer, visit, &session);
    answer
}

fn gone(hall: &Hall, visit: &Visit) -> Response {
    let (page, action_href) = (visit.buyer_frame(hall), "/me/sign-in".to_owned());
    show(StatusCode::GONE, &NoticeKind::LinkGone.page(page, action_href))
}

/// Shows what the link of a notice does. Opening it does nothing: mail programs open links too.
pub(super) async fn show_freeze_link(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(text): Path<String>,
) -> Result<Response, ApiError> {
    let Some(token) = Token::parse(TokenKind::Dispute, &text) else { return Ok(gone(&hall, &visit)) };
    let now = visit.now;
    let found = hall.db().read(move |tx| match find_dispute(tx, &token, now) {
        Ok((_, about)) => Ok(Some(about)),
        Err(DisputeError::Gone) => Ok(None),
        Err(DisputeError::Fault(fault)) => Err(ApiError::from(fault)),
    });
    let Some(about) = found.await? else { return Ok(gone(&hall, &visit)) };
    let (page, action_href) = (visit.buyer_frame(&hall), format!("/freeze/{text}"));
    Ok(show(StatusCode::OK, &FreezeLinkPage { page, about, is_done: false, action_href }))
}

/// Freezes the account.
pub(super) async fn use_freeze_link(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(text): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let once = visit.read::<Button>(Side::Buyer, &incoming)?.once;
    visit.knock(&hall)?;
    let Some(token) = Token::parse(TokenKind::Dispute, &text) else { return Ok(gone(&hall, &visit)) };
    let (cx, asker) = (hall.clone(), visit.clone());
    let frozen = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let word = match freeze_by_link(tx, &cx.identity.means(asker.now), &token) {
                Ok(about) => about.name(),
                Err(DisputeError::Gone) => "gone",
                Err(DisputeError::Fault(fault)) => return Err(fault.into()),
            };
            Ok((word.to_owned(), ()))
        })
    });
    let Some(about) = Disputed::from_name(&frozen.await?.0) else { return Ok(gone(&hall, &visit)) };
    let (page, action_href) = (visit.buyer_frame(&hall), String::new());
    Ok(show(StatusCode::OK, &FreezeLinkPage { page, about, is_done: true, action_href }))
}
