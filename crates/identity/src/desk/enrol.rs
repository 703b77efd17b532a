//! Setting up a second factor: an authenticator app or a telephone number, and the recovery codes that come with the
//! first one. Where a member goes who has none, and from the security settings of everybody.

use axum::Router;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use base::{FactorId, SessionId};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Html, Problems, Zone, show};
use webkit::qr::{Level, QUIET_MODULES_MIN, Symbol};

use super::form::{Button, go};
use super::hall::Hall;
use super::passkeys::new_path;
use super::second_step::{find_actor, home, renew_cookie, session_token};
use super::visit::{Side, Visit, with_next};
use crate::codes::OneTimeCode;
use crate::factors::{self, FactorError, FactorKind};
use crate::pages::second_step::{EnrolAppPage, EnrolPage, EnrolPhonePage, RecoveryCodesPage};
use crate::person::Person;
use crate::phone::Phone;
use crate::recovery;
use crate::sent_codes::SentCheck;
use crate::sessions::{self, NewSession};
use crate::sign_in;
use crate::sms::{self, SmsError};
use crate::totp::{self, TotpOffer};

/// Where the pages of a side begin.
fn path(side: Side) -> &'static str {
    match side {
        Side::Member => "/sign-in/factor",
        Side::Buyer => "/me/factor",
    }
}

/// The pages of one side.
pub(super) fn router(side: Side) -> Router<Hall> {
    let at = |rest: &str| format!("{}{rest}", path(side));
    Router::new()
        .route(&at(""), get(move |hall: Shared<Hall>, visit: Visit| show_ways(hall, visit, side)))
        .route(
            &at("/app"),
            post(move |hall: Shared<Hall>, visit: Visit, sent: Incoming| offer_app(hall, visit, sent, side)),
        )
        .route(
            &at("/app/confirm"),
            post(move |hall: Shared<Hall>, visit: Visit, sent: Incoming| {
                confirm_app(hall, visit, sent, side)
            }),
        )
        .route(
            &at("/phone"),
            post(move |hall: Shared<Hall>, visit: Visit, sent: Incoming| {
                offer_phone(hall, visit, sent, side)
            }),
        )
        .route(
            &at("/phone/confirm"),
            post(move |hall: Shared<Hall>, visit: Visit, sent: Incoming| {
                confirm_phone(hall, visit, sent, side)
            }),
        )
        .route(
            &at("/codes"),
            post(move |hall: Shared<Hall>, visit: Visit, sent: Incoming| {
                renew_codes(hall, visit, sent, side)
            }),
        )
}

/// Shows the ways to choose from.
async fn show_ways(Shared(hall): Shared<Hall>, visit: Visit, side: Side) -> Result<Response, ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    let found = hall.db().read(move |tx| {
        let person = find_person(tx, &cx, &asker, side)?;
        Ok::<_, ApiError>(factors::has_second_factor(tx, &cx.identity.vault, person)?)
    });
    let is_first = !found.await?;
    Ok(ways_page(&hall, &visit, side, is_first, StatusCode::OK, Problems::none()))
}

fn ways_page(
    hall: &Hall,
    visit: &Visit,
    side: Side,
    is_first: bool,
    status: StatusCode,
    problems: Problems,
) -> Response {
    let href = |rest: &str| with_next(&format!("{}{rest}", path(side)), &visit.next(home(side)));
    // A member's first factor brings recovery codes with it, which the page of passkeys does not give.
    let takes_passkey = side == Side::Buyer || !is_first;
    let passkey_href = with_next(new_path(side), &visit.next(home(side)));
    let view = EnrolPage {
        page: visit.frame(hall, side, Zone::default()),
        is_first,
        is_buyer: side == Side::Buyer,
        problems,
        passkey_href: if takes_passkey { passkey_href } else { String::new() },
        app_href: href("/app"),
        phone_href: if hall.identity.sends_texts { href("/phone") } else { String::new() },
        codes_href: if is_first { String::new() } else { href("/codes") },
        next_href: visit.next(home(side)),
    };
    show(status, &view)
}

/// Whoever may change their own factors now.
fn find_person(tx: &mut Tx<'_>, hall: &Hall, visit: &Visit, side: Side) -> Result<Person, ApiError> {
    let (actor, _) = find_actor(tx, visit, side)?;
    Ok(sign_in::require_own_change(tx, &hall.identity.vault, &actor)?)
}

/// Makes the key of an app and shows it.
async fn offer_app(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let posted = visit.read::<Button>(side, &incoming)?;
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let offered = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let person = find_person(tx, &cx, &asker, side)?;
            let (means, label) = (cx.identity.means(asker.now), asker.device_label.clone());
            let offer = totp::offer_totp(tx, &means, person, &label, cx.identity.host())?;
            Ok((offer.id.to_string(), ()))
        })
    });
    let (id, _) = offered.await?;
    app_page(&hall, &visit, side, &id, StatusCode::OK, Problems::none()).await
}

async fn app_page(
    hall: &Hall,
    visit: &Visit,
    side: Side,
    id: &str,
    status: StatusCode,
    problems: Problems,
) -> Result<Response, ApiError> {
    let offer = find_offer(hall, visit, side, id).await?;
    let page = visit.frame(hall, side, Zone::default());
    let symbol = Symbol::encode(offer.uri.expose(), Level::M).map_err(ApiError::internal)?;
    let svg = symbol.to_svg(QUIET_MODULES_MIN, &page.t("enrol-app-qr")).map_err(ApiError::internal)?;
    let groups: Vec<String> = offer
        .key
        .expose()
        .as_bytes()
        .chunks(4)
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect();
    let view = EnrolAppPage {
        page,
        qr: Html::from_trusted(svg),
        key: groups.join(" "),
        uri: offer.uri.expose().clone(),
        factor: id.to_owned(),
        problems,
        action_href: with_next(&format!("{}/app/confirm", path(side)), &visit.next(home(side))),
        back_href: with_next(path(side), &visit.next(home(side))),
    };
    Ok(show(status, &view))
}

async fn find_offer(hall: &Hall, visit: &Visit, side: Side, id: &str) -> Result<TotpOffer, ApiError> {
    let id: FactorId = id.parse().map_err(|_| ApiError::not_found("there is no such thing"))?;
    let (cx, asker) = (hall.clone(), visit.clone());
    let found = hall.db().read(move |tx| {
        let person = find_person(tx, &cx, &asker, side)?;
        let means = cx.identity.means(asker.now);
        Ok::<_, ApiError>(totp::find_totp_offer(tx, &means, person, id, cx.identity.host())?)
    });
    found.await
}

/// The first code of an app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppForm {
    factor: String,
    code: String,
}

/// Takes the first code of an app.
async fn confirm_app(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let posted = visit.read::<AppForm>(side, &incoming)?;
    let form = posted.form;
    let (Ok(id), Ok(code)) = (form.factor.parse::<FactorId>(), OneTimeCode::parse(&form.code)) else {
        return again_app(&hall, &visit, side, &form.factor, "problem-step-code").await;
    };
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let confirmed = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let person = find_person(tx, &cx, &asker, side)?;
            let means = cx.identity.means(asker.now);
            if !totp::confirm_totp(tx, &means, person, id, &code)? {
                return Ok(("wrong".to_owned(), None));
            }
            let token = session_token(&asker, side)?;
            let session = sessions::note_second_factor(tx, &means, token, FactorKind::Totp)?;
            let codes = first_codes(tx, &means, person)?;
            Ok(("done".to_owned(), Some(Enrolled { session, codes })))
        })
    });
    let (word, enrolled) = confirmed.await?;
    if word == "wrong" {
        return again_app(&hall, &visit, side, &form.factor, "problem-app-wrong").await;
    }
    Ok(enrolled_page(&hall, &visit, side, enrolled.flatten()))
}

async fn again_app(
    hall: &Hall,
    visit: &Visit,
    side: Side,
    id: &str,
    problem: &'static str,
) -> Result<Response, ApiError> {
    let mut problems = Problems::none();
    problems.add("code", visit.frame(hall, side, Zone::default()).t(problem));
    app_page(hall, visit, side, id, StatusCode::FORBIDDEN, problems).await
}

/// A factor that counts from now on.
struct Enrolled {
    session: NewSession,
    codes: Vec<String>,
}

/// Ten recovery codes for somebody who has none yet.
fn first_codes(
    tx: &mut Tx<'_>,
    means: &crate::context::Means<'_>,
    person: Person,
) -> Result<Vec<String>, ApiError> {
    if recovery::count_recovery_codes(tx, person)? > 0 {
        return Ok(Vec::new());
    }
    let codes = recovery::create_recovery_codes(tx, means, person)?;
    Ok(codes.iter().map(|code| code.reveal().expose().clone()).collect())
}

/// Shows the recovery codes that came with the factor; on to the next page where there are none to show.
fn enrolled_page(hall: &Hall, visit: &Visit, side: Side, enrolled: Option<Enrolled>) -> Response {
    let next = visit.next(home(side));
    let Some(enrolled) = enrolled else { return go(&next) };
    let mut answer = match enrolled.codes.is_empty() {
        true => go(&next),
        false => codes_page(hall, visit, side, enrolled.codes),
    };
    renew_cookie(&mut answer, hall, visit, side, &enrolled.session);
    answer
}

fn codes_page(hall: &Hall, visit: &Visit, side: Side, codes: Vec<String>) -> Response {
    let mut page = visit.frame(hall, side, Zone::default());
    // The language switch is a link; it leads to a page that can be shown again.
    page.path = with_next(path(side), &visit.next(home(side)));
    let view = RecoveryCodesPage { page, codes, next_href: visit.next(home(side)) };
    show(StatusCode::OK, &view)
}

/// A telephone number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhoneForm {
    number: String,
}

/// Sends a code to a number.
async fn offer_phone(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let posted = visit.read::<PhoneForm>(side, &incoming)?;
    if !hall.identity.sends_texts {
        return Err(ApiError::not_found("this installation sends no text messages"));
    }
    let refused = |problem: &str| {
        let mut problems = Problems::none();
        problems.add("number", visit.frame(&hall, side, Zone::default()).t(problem));
        ways_page(&hall, &visit, side, true, StatusCode::UNPROCESSABLE_ENTITY, problems)
    };
    let Ok(phone) = Phone::parse(&posted.form.number) else { return Ok(refused("problem-number")) };
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let offered = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let person = find_person(tx, &cx, &asker, side)?;
            let (means, origin) = (cx.identity.means(asker.now), asker.origin());
            match sms::offer_sms(tx, &means, person, &phone, (&origin, cx.identity.host())) {
                Ok(offer) => Ok((format!("{} {}", offer.id, offer.request.request), ())),
                Err(SmsError::Factor(FactorError::IsContact)) => Ok((String::new(), ())),
                Err(error) => Err(error.into()),
            }
        })
    });
    let (word, _) = offered.await?;
    let Some((factor, request)) = word.split_once(' ') else { return Ok(refused("problem-number-contact")) };
    let form =
        ConfirmPhoneForm { factor: factor.to_owned(), request: request.to_owned(), code: String::new() };
    Ok(phone_page(&hall, &visit, side, form, StatusCode::OK, Problems::none()))
}

/// The code that came to the number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmPhoneForm {
    factor: String,
    request: String,
    code: String,
}

fn phone_page(
    hall: &Hall,
    visit: &Visit,
    side: Side,
    form: ConfirmPhoneForm,
    status: StatusCode,
    problems: Problems,
) -> Response {
    let view = EnrolPhonePage {
        page: visit.frame(hall, side, Zone::default()),
        factor: form.factor,
        request: form.request,
        problems,
        action_href: with_next(&format!("{}/phone/confirm", path(side)), &visit.next(home(side))),
        back_href: with_next(path(side), &visit.next(home(side))),
    };
    show(status, &view)
}

/// Takes the code that came to the number.
async fn confirm_phone(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let posted = visit.read::<ConfirmPhoneForm>(side, &incoming)?;
    let form = posted.form;
    let page = visit.frame(&hall, side, Zone::default());
    let again = |form: ConfirmPhoneForm, problem: &str| {
        let mut problems = Problems::none();
        problems.add("code", page.t(problem));
        phone_page(&hall, &visit, side, form, StatusCode::FORBIDDEN, problems)
    };
    let parsed =
        (form.factor.parse::<FactorId>(), form.request.parse::<SessionId>(), OneTimeCode::parse(&form.code));
    let (Ok(id), Ok(request), Ok(code)) = parsed else { return Ok(again(form, "problem-step-code")) };
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let confirmed = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let person = find_person(tx, &cx, &asker, side)?;
            let means = cx.identity.means(asker.now);
            match sms::confirm_sms(tx, &means, person, id, (request, &code))? {
                SentCheck::Right => {}
                SentCheck::Wrong { .. } => return Ok(("wrong".to_owned(), None)),
                SentCheck::Gone => return Ok(("gone".to_owned(), None)),
            }
            let token = session_token(&asker, side)?;
            let session = sessions::note_second_factor(tx, &means, token, FactorKind::Sms)?;
            let codes = first_codes(tx, &means, person)?;
            Ok(("done".to_owned(), Some(Enrolled { session, codes })))
        })
    });
    let (word, enrolled) = confirmed.await?;
    Ok(match word.as_str() {
        "wrong" => again(form, "problem-step-wrong"),
        "gone" => again(form, "problem-code-gone"),
        _ => enrolled_page(&hall, &visit, side, enrolled.flatten()),
    })
}

/// Makes ten new recovery codes and shows them.
async fn renew_codes(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let posted = visit.read::<Button>(side, &incoming)?;
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let made = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let person = find_person(tx, &cx, &asker, side)?;
            if !factors::has_second_factor(tx, &cx.identity.vault, person)? {
                return Err(ApiError::conflict("recovery codes stand in for a second factor; add one first"));
            }
            let codes = recovery::create_recovery_codes(tx, &cx.identity.means(asker.now), person)?;
            let codes: Vec<String> = codes.iter().map(|code| code.reveal().expose().clone()).collect();
            Ok(("done".to_owned(), codes))
        })
    });
    let (_, codes) = made.await?;
    Ok(match codes {
        Some(codes) => codes_page(&hall, &visit, side, codes),
        // A second submit cannot show them again.
        None => go(&with_next(path(side), &visit.next(home(side)))),
    })
}
