//! Passkeys on pages: signing in with one, adding one. The page's script asks for the options, lets the person touch the
//! device, and sends the form; see `webkit/assets/passkey.js`.

use axum::Json;
use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base::SessionId;
use serde::Deserialize;
use serde_json::json;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, Zone, show};

use super::form::go;
use super::hall::Hall;
use super::member::admit_member;
use super::second_step::{find_actor, renew_cookie, session_token};
use super::visit::{
    BUYER, DEVICE, KEEP, Side, Visit, add_cookie, is_local, let_member_in, shown_device, with_next,
};
use super::words::{Wrong, device_text, text_problem};
use crate::factors::has_second_factor;
use crate::pages::passkeys::PasskeyNewPage;
use crate::passkeys::{
    self, Enrolled, Entered, Holder, NewPasskey, PasskeyError, PasskeyRefusal, PasskeyStepUp, PasskeyUse,
};
use crate::permissions::{Actor, Permission};
use crate::person::Person;
use crate::pin::{Pin, PinCheck};
use crate::routes::passkey_bodies::{CreationView, NewPasskeyBody, PasskeyUseBody, RequestView};
use crate::routes::passkeys::{Present, check_present};
use crate::sign_in::{Arrival, require_own_fresh};
use crate::text::Label;
use crate::token::{Token, TokenKind};

/// What a sign-in page says once after a passkey was refused: `?passkey=refused`.
const REFUSED: &str = "refused";

/// The pages of one side.
pub(super) fn router(side: Side) -> Router<Hall> {
    let (door, new) = (door(side), new_path(side));
    let asked = move |hall: Shared<Hall>, visit: Visit, sent: Incoming| ask_sign_in(hall, visit, sent, side);
    let entered = move |hall: Shared<Hall>, visit: Visit, sent: Incoming| sign_in(hall, visit, sent, side);
    let asked_again =
        move |hall: Shared<Hall>, visit: Visit, sent: Incoming| ask_step_up(hall, visit, sent, side);
    let given_again =
        move |hall: Shared<Hall>, visit: Visit, sent: Incoming| step_up(hall, visit, sent, side);
    let again = again_path(side);
    let shown = move |hall: Shared<Hall>, visit: Visit| show_new(hall, visit, side);
    let offered = move |hall: Shared<Hall>, visit: Visit, sent: Incoming| ask_new(hall, visit, sent, side);
    let added = move |hall: Shared<Hall>, visit: Visit, sent: Incoming| add_passkey(hall, visit, sent, side);
    Router::new()
        .route(&format!("{door}/passkey"), post(entered))
        .route(&format!("{door}/passkey/options"), post(asked))
        .route(&format!("{again}/passkey"), post(given_again))
        .route(&format!("{again}/passkey/options"), post(asked_again))
        .route(new, get(shown).post(added))
        .route(&format!("{new}/options"), post(offered))
}

fn door(side: Side) -> &'static str {
    match side {
        Side::Buyer => "/me/sign-in",
        Side::Member => "/sign-in",
    }
}

/// Where a passkey is added.
pub(super) fn new_path(side: Side) -> &'static str {
    match side {
        Side::Buyer => "/me/security/passkey",
        Side::Member => "/desk/security/passkey",
    }
}

fn security(side: Side) -> &'static str {
    match side {
        Side::Buyer => "/me/security",
        Side::Member => "/desk/security",
    }
}

/// What a sign-in page has to say of a passkey that was refused.
pub(super) fn refusal(hall: &Hall, visit: &Visit) -> Problems {
    let mut problems = Problems::none();
    if visit.query("passkey").as_deref() == Some(REFUSED) {
        problems.add("", visit.buyer_frame(hall).t("passkey-refused"));
    }
    problems
}

/// The form of a sign-in by passkey; the last two fields are empty while it asks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInForm {
    next: String,
    attempt: String,
    credential: String,
}

/// Gives the options for signing in. Nobody is named, so everybody gets the same.
async fn ask_sign_in(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let _form = visit.read::<SignInForm>(side, &incoming)?;
    visit.knock(&hall)?;
    let site = hall.identity.site()?;
    let (cx, now) = (hall.identity.clone(), visit.now);
    let asked = hall.db().write(move |tx| passkeys::start_sign_in(tx, &cx.means(now)));
    let (attempt, options) = asked.await.map_err(ApiError::from)?;
    let view = RequestView::new(&site, &options);
    Ok(answer_script(&json!({"attempt": attempt.secret().expose(), "publicKey": view.public_key})))
}

/// Signs in whoever's passkey it is, and leads where they wanted to go.
async fn sign_in(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let posted = visit.read::<SignInForm>(side, &incoming)?;
    visit.knock(&hall)?;
    let form = posted.form;
    let next = if is_local(&form.next) { form.next.as_str() } else { home(side) };
    let again = || Ok(go(&format!("{}&passkey={REFUSED}", with_next(door(side), next))));
    let attempt = Token::parse(TokenKind::PasskeyAttempt, &form.attempt);
    let (Some(attempt), Ok(used)) = (attempt, PasskeyUseBody::parse_text(&form.credential)) else {
        return again();
    };
    let entered = enter((&hall, &visit, side), posted.once, attempt, used).await?;
    Ok(match entered {
        // The second submit of a form that worked goes where the first one went, with its cookies.
        None => go(next),
        Some(Entered::Refused(_)) => return again(),
        Some(Entered::Buyer(signed_in)) => {
            let mut answer = go(if side == Side::Buyer { next } else { home(Side::Buyer) });
            let secure = visit.browser.secure;
            add_cookie(&mut answer, BUYER.set(signed_in.session.token.secret().expose(), secure));
            add_cookie(&mut answer, DEVICE.set(signed_in.device_token.reveal().expose(), secure));
            add_cookie(&mut answer, KEEP.clear(secure));
            answer
        }
        Some(Entered::Member { session, .. }) => {
            let mut answer = go(if side == Side::Member { next } else { home(Side::Member) });
            let_member_in(&mut answer, &visit, &session);
            answer
        }
    })
}

async fn enter(
    (hall, visit, side): (&Hall, &Visit, Side),
    once: super::form::Once,
    attempt: Token,
    used: PasskeyUse,
) -> Result<Option<Entered>, ApiError> {
    let (cx, site, asker) = (hall.identity.clone(), hall.identity.site()?, visit.clone());
    let entered = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let device = shown_device(&asker, side);
            let means = cx.means(asker.now);
            let origin = asker.origin();
            let from = Arrival { device: &device, origin: &origin };
            let entered = passkeys::sign_in_with_passkey(tx, &means, &site, (&attempt, &used), from)?;
            Ok(("tried".to_owned(), entered))
        })
    });
    Ok(entered.await?.1)
}

fn home(side: Side) -> &'static str {
    match side {
        Side::Buyer => super::buyer::HOME,
        Side::Member => super::sign_in::HOME,
    }
}

/// Whoever is signed in on a side, with the right to their own security.
fn find_own(tx: &mut Tx<'_>, visit: &Visit, side: Side) -> Result<(Actor, Person, SessionId), ApiError> {
    let (actor, id) = find_actor(tx, visit, side)?;
    let person = Person::of(&actor).ok_or_else(|| ApiError::unauthenticated("sign in first"))?;
    Ok((actor, person, id))
}

/// Gives the options for a passkey as the second factor of a session.
async fn ask_step_up(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let _form = visit.read::<SignInForm>(side, &incoming)?;
    let site = hall.identity.site()?;
    let (cx, asker) = (hall.identity.clone(), visit.clone());
    let options = hall.db().write(move |tx| {
        let (_, person, session) = find_own(tx, &asker, side)?;
        Ok::<_, ApiError>(passkeys::start_step_up(tx, &cx.means(asker.now), person, session)?)
    });
    Ok(answer_script(&RequestView::new(&site, &options.await?)))
}

/// Takes a passkey as the second factor of a session, which goes on under a new token.
async fn step_up(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let posted = visit.read::<SignInForm>(side, &incoming)?;
    let form = posted.form;
    let next = if is_local(&form.next) { form.next } else { home(side).to_owned() };
    let again = || go(&format!("{}&by=passkey&passkey={REFUSED}", with_next(again_path(side), &next)));
    let Ok(used) = PasskeyUseBody::parse_text(&form.credential) else { return Ok(again()) };
    let (cx, site, asker, once) = (hall.identity.clone(), hall.identity.site()?, visit.clone(), posted.once);
    let taken = hall.db().write(move |tx| {
        let (_, person, session) = find_own(tx, &asker, side)?;
        once.run(tx, asker.now, |tx| {
            let shown = (session_token(&asker, side)?, &used);
            let means = cx.means(asker.now);
            let taken = passkeys::step_up_with_passkey(tx, &means, &site, (person, session), shown)?;
            Ok(("tried".to_owned(), taken))
        })
    });
    Ok(match taken.await?.1 {
        None => go(&next),
        Some(PasskeyStepUp::Refused(_)) => again(),
        Some(PasskeyStepUp::Done(session)) => {
            let mut answer = go(&next);
            renew_cookie(&mut answer, &hall, &visit, side, &session);
            answer
        }
    })
}

fn again_path(side: Side) -> &'static str {
    match side {
        Side::Buyer => "/me/again",
        Side::Member => "/sign-in/again",
    }
}

/// A new passkey: its name, what the device made, and a PIN where it is asked for.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewForm {
    label: String,
    #[serde(default)]
    pin: String,
    #[serde(default)]
    credential: String,
}

/// What is wrong with a try to add a passkey.
#[derive(Default)]
struct Trouble {
    wrong: Option<Wrong>,
    key: Option<&'static str>,
    label: Option<crate::text::TextError>,
}

/// Shows the form for a new passkey. A second factor that is there has to be fresh first.
async fn show_new(Shared(hall): Shared<Hall>, visit: Visit, side: Side) -> Result<Response, ApiError> {
    let label_typed = device_text(&visit.frame(&hall, side, Zone::default()), visit.device_label.as_str());
    new_page(&hall, &visit, side, StatusCode::OK, label_typed, Trouble::default()).await
}

async fn new_page(
    hall: &Hall,
    visit: &Visit,
    side: Side,
    status: StatusCode,
    label_typed: String,
    trouble: Trouble,
) -> Result<Response, ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    let found = hall.db().read(move |tx| {
        let (actor, person, _) = find_own(tx, &asker, side)?;
        if has_second_factor(tx, &cx.identity.vault, person)? {
            require_own_fresh(tx, &cx.identity.vault, &actor)?;
        }
        let page = frame(tx, &cx, &asker, side)?;
        let asks_maker = side == Side::Member && cx.identity.makers.is_some();
        Ok::<_, ApiError>((page, side == Side::Buyer, asks_maker))
    });
    let (page, asks_pin, asks_maker) = found.await?;
    let mut problems = Problems::none();
    if let Some(key) = trouble.key {
        problems.add("", page.t(key));
    }
    if let Some(why) = trouble.label {
        problems.add("label", text_problem(&page, why));
    }
    let view = PasskeyNewPage {
        wrong: trouble.wrong.map(|wrong| wrong.say(&page)).unwrap_or_default(),
        label_typed,
        asks_pin,
        asks_maker,
        problems,
        action_href: with_next(new_path(side), &visit.next(security(side))),
        options_href: format!("{}/options", new_path(side)),
        back_href: visit.next(security(side)),
        page,
    };
    Ok(show(status, &view))
}

fn frame(tx: &mut Tx<'_>, hall: &Hall, visit: &Visit, side: Side) -> Result<Frame, ApiError> {
    match side {
        Side::Buyer => Ok(visit.buyer_frame(hall)),
        Side::Member => admit_member(tx, hall, visit, Permission::OwnSecurity)?.frame(tx),
    }
}

/// Gives the options for a new passkey.
async fn ask_new(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let _form = visit.read::<NewForm>(side, &incoming)?;
    let site = hall.identity.site()?;
    let (cx, asker) = (hall.identity.clone(), visit.clone());
    let options = hall.db().write(move |tx| {
        let (_, person, session) = find_own(tx, &asker, side)?;
        let means = cx.means(asker.now);
        Ok::<_, ApiError>(passkeys::start_registration(tx, &means, person, Holder::Session(session))?)
    });
    Ok(answer_script(&CreationView::new(&site, options.await?)))
}

/// Keeps a new passkey.
async fn add_passkey(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    side: Side,
) -> Result<Response, ApiError> {
    let posted = visit.read::<NewForm>(side, &incoming)?;
    let (form, once) = (posted.form, posted.once);
    let label = match Label::parse(&form.label) {
        Ok(label) => label,
        Err(why) => {
            let trouble = Trouble { label: Some(why), ..Trouble::default() };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return new_page(&hall, &visit, side, status, form.label, trouble).await;
        }
    };
    let Ok(new) = NewPasskeyBody::parse_text(&form.credential) else {
        let trouble = Trouble { key: Some("passkey-new-refused"), ..Trouble::default() };
        return new_page(&hall, &visit, side, StatusCode::FORBIDDEN, form.label, trouble).await;
    };
    let (cx, asker, pin) = (hall.clone(), visit.clone(), Pin::parse(&form.pin).ok());
    let done = hall.db().write(move |tx| {
        let own = find_own(tx, &asker, side)?;
        once.run(tx, asker.now, |tx| Ok((keep(tx, &cx, &asker, &own, pin.as_ref(), (&new, &label))?, ())))
    });
    match trouble_of(&done.await?.0) {
        None => Ok(go(&visit.next(security(side)))),
        Some(trouble) => new_page(&hall, &visit, side, StatusCode::FORBIDDEN, form.label, trouble).await,
    }
}

/// The word that is kept of a try: `added`, a key of a text, or what became of the PIN.
fn keep(
    tx: &mut Tx<'_>,
    hall: &Hall,
    visit: &Visit,
    (actor, person, session): &(Actor, Person, SessionId),
    pin: Option<&Pin>,
    (new, label): (&NewPasskey, &Label),
) -> Result<String, ApiError> {
    let means = hall.identity.means(visit.now);
    match check_present(tx, &means, actor, *person, pin)? {
        Present::Yes => {}
        Present::PinMissing => return Ok("pin".to_owned()),
        Present::Pin(PinCheck::Wrong { left }) => return Ok(left.to_string()),
        Present::Pin(PinCheck::Cooling { .. }) => return Ok("cooling".to_owned()),
        Present::Pin(_) => return Ok("0".to_owned()),
    }
    let (site, holder) = (hall.identity.site()?, Holder::Session(*session));
    let enrolled = passkeys::finish_registration(tx, &means, &site, *person, holder, (new, label));
    Ok(match enrolled {
        Ok(Enrolled::Added(_)) => "added",
        Ok(Enrolled::Refused(PasskeyRefusal::Taken)) => "passkey-new-taken",
        Ok(Enrolled::Refused(PasskeyRefusal::Problem(problem))) if problem.is_of_maker() => {
            "passkey-new-maker"
        }
        Ok(Enrolled::Refused(_)) => "passkey-new-refused",
        Err(PasskeyError::TooMany) => "passkey-new-limit",
        Err(error) => return Err(error.into()),
    }
    .to_owned())
}

fn trouble_of(word: &str) -> Option<Trouble> {
    let with_key = |key| Some(Trouble { key: Some(key), ..Trouble::default() });
    let with_pin = |wrong| Some(Trouble { wrong: Some(wrong), ..Trouble::default() });
    match (word, word.parse::<i64>()) {
        ("added", _) => None,
        ("pin", _) => with_pin(Wrong::NotSixDigits),
        ("passkey-new-taken", _) => with_key("passkey-new-taken"),
        ("passkey-new-limit", _) => with_key("passkey-new-limit"),
        ("passkey-new-maker", _) => with_key("passkey-new-maker"),
        ("cooling", _) => with_key("problem-pin-cooling"),
        (_, Ok(0)) => with_key("pin-locked-title"),
        (_, Ok(left)) => with_pin(Wrong::Pin { left }),
        _ => with_key("passkey-new-refused"),
    }
}

/// JSON for the script of a page.
pub fn answer_script(value: &impl serde::Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(value)).into_response()
}
