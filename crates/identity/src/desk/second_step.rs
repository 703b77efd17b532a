//! The second step of a sign-in, and giving it again later: one page for members and buyers.

use axum::Router;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use base::SessionId;
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::form::Choice;
use webkit::page::{Problems, Zone, show};

use super::buyer;
use super::form::go;
use super::hall::Hall;
use super::held::{self, HELD};
use super::visit::{
    PENDING, Side, Visit, add_cookie, let_member_in, renew_buyer, secret_of, shown_device, with_next,
};
use crate::codes::OneTimeCode;
use crate::factors::{FactorError, FactorKind};
use crate::pages::second_step::SecondStepPage;
use crate::permissions::{Actor, Permission};
use crate::person::Person;
use crate::proof::Proof;
use crate::recovery::RecoveryCode;
use crate::sent_codes::{CodePurpose, Errand};
use crate::sessions::{NewSession, require_buyer, require_member};
use crate::sign_in::{self, Arrival, Opened, SecondStep, StepUp};
use crate::sms::{self, SmsError};
use crate::token::Token;

/// Which of the four pages it is.
#[derive(Clone, Copy)]
struct Door {
    side: Side,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    SignIn,
    StepUp,
}

impl Door {
    fn path(self) -> &'static str {
        match (self.side, self.stage) {
            (Side::Member, Stage::SignIn) => "/sign-in/step",
            (Side::Member, Stage::StepUp) => "/sign-in/again",
            (Side::Buyer, Stage::SignIn) => "/me/step",
            (Side::Buyer, Stage::StepUp) => "/me/again",
        }
    }

    /// Where the first step is made.
    fn begin(self) -> &'static str {
        match self.side {
            Side::Member => "/sign-in",
            Side::Buyer => "/me/sign-in",
        }
    }

    fn home(self) -> &'static str {
        home(self.side)
    }
}

/// Where somebody of a side goes who came for nothing in particular.
pub(super) fn home(side: Side) -> &'static str {
    match side {
        Side::Member => super::sign_in::HOME,
        Side::Buyer => buyer::HOME,
    }
}

/// The pages of one side.
pub(super) fn router(side: Side) -> Router<Hall> {
    let mut router = Router::new();
    for stage in [Stage::SignIn, Stage::StepUp] {
        let door = Door { side, stage };
        let shown = move |hall: Shared<Hall>, visit: Visit| show_step(hall, visit, door);
        let taken =
            move |hall: Shared<Hall>, visit: Visit, sent: Incoming| take_step(hall, visit, sent, door);
        let asked =
            move |hall: Shared<Hall>, visit: Visit, sent: Incoming| send_code(hall, visit, sent, door);
        router = router.route(door.path(), get(shown).post(taken));
        router = router.route(&format!("{}/code", door.path()), post(asked));
    }
    router
}

/// Who stands at the door, with what they can show.
struct Caller {
    person: Person,
    kinds: Vec<FactorKind>,
    /// What a sent code is bound to.
    bound: String,
}

/// The person in the middle of the sign-in, or in the session. 401 leads back to the first step.
fn find_caller(tx: &mut Tx<'_>, visit: &Visit, door: Door) -> Result<Caller, ApiError> {
    let begin = || ApiError::unauthenticated("sign in first");
    if door.stage == Stage::SignIn {
        let token = visit.pending.as_ref().ok_or_else(begin)?;
        let (person, kinds) = sign_in::find_second_step(tx, token, visit.now)?.ok_or_else(begin)?;
        return Ok(Caller { person, kinds, bound: token.hash() });
    }
    let (actor, id) = find_actor(tx, visit, door.side)?;
    let person = Person::of(&actor).ok_or_else(begin)?;
    let kinds = sign_in::list_kinds(tx, person)?;
    Ok(Caller { person, kinds, bound: id.short().to_owned() })
}

/// Whoever is signed in on this side, with the right to their own security.
pub(super) fn find_actor(tx: &mut Tx<'_>, visit: &Visit, side: Side) -> Result<(Actor, SessionId), ApiError> {
    let begin = || ApiError::unauthenticated("sign in first");
    let (actor, id) = match side {
        Side::Member => {
            let session = require_member(tx, visit.member.as_ref().ok_or_else(begin)?, visit.now)?;
            (Actor::Member(session.clone()), session.id)
        }
        Side::Buyer => {
            let session = require_buyer(tx, visit.buyer.as_ref().ok_or_else(begin)?, visit.now)?;
            (Actor::Buyer(session.clone()), session.id)
        }
    };
    actor.allow(Permission::OwnSecurity, actor.home().unwrap_or(base::ShopId::HOUSE))?;
    Ok((actor, id))
}

/// The token of the session of a side.
pub(super) fn session_token(visit: &Visit, side: Side) -> Result<&Token, ApiError> {
    let token = match side {
        Side::Member => visit.member.as_ref(),
        Side::Buyer => visit.buyer.as_ref(),
    };
    token.ok_or_else(|| ApiError::unauthenticated("sign in first"))
}

/// Gives the browser the session under its new token, and a form that waits with it.
pub(super) fn renew_cookie(
    answer: &mut Response,
    hall: &Hall,
    visit: &Visit,
    side: Side,
    session: &NewSession,
) {
    let secret = visit.secret(side);
    let keeper = held::Keeper { secret: &secret, now: visit.now, dice: &hall.identity.dice };
    let next = secret_of(&visit.browser, Some(&session.token));
    if let Some(form) = visit.held.as_ref().and_then(|form| held::renew(keeper, form, &next)) {
        add_cookie(answer, HELD.set(&form, visit.browser.secure));
    }
    match side {
        Side::Member => let_member_in(answer, visit, session),
        Side::Buyer => renew_buyer(answer, visit, session),
    }
}

/// Asks for the second step.
async fn show_step(Shared(hall): Shared<Hall>, visit: Visit, door: Door) -> Result<Response, ApiError> {
    let asker = visit.clone();
    let found = hall.db().read(move |tx| find_caller(tx, &asker, door)).await;
    let caller = match found {
        Err(error) if error.status() == StatusCode::UNAUTHORIZED => {
            return Ok(go(&with_next(door.begin(), &visit.next(door.home()))));
        }
        other => other?,
    };
    if caller.kinds.is_empty() && door.side == Side::Member {
        return Ok(go(&with_next("/sign-in/factor", &visit.next(door.home()))));
    }
    let asked = visit.query("by").unwrap_or_default();
    let kind = choose(&caller, &asked);
    Ok(step_page(&hall, &visit, door, &caller, Shown { kind, ..Shown::ok() }))
}

/// What the page shows this time.
struct Shown {
    status: StatusCode,
    kind: &'static str,
    request: String,
    problems: Problems,
}

impl Shown {
    fn ok() -> Shown {
        Shown { status: StatusCode::OK, kind: "", request: String::new(), problems: Problems::none() }
    }
}

/// The kind to ask for: the one that was chosen, or the first of app, text message and recovery code.
fn choose(caller: &Caller, asked: &str) -> &'static str {
    let order = [FactorKind::Totp, FactorKind::Passkey, FactorKind::Sms, FactorKind::Recovery];
    let has = |kind: &&FactorKind| caller.kinds.contains(kind);
    let chosen = order.iter().filter(has).find(|kind| kind.name() == asked);
    let first = || order.iter().find(has);
    chosen.or_else(first).map_or("contact", |kind| kind.name())
}

fn step_page(hall: &Hall, visit: &Visit, door: Door, caller: &Caller, shown: Shown) -> Response {
    let page = visit.frame(hall, door.side, Zone::default());
    let next = visit.next(door.home());
    let others = caller.kinds.iter().filter(|kind| kind.name() != shown.kind);
    let others = others.map(|kind| {
        let href = format!("{}&by={}", with_next(door.path(), &next), kind.name());
        Choice::new(&href, page.t(format!("step-by-{}", kind.name())))
    });
    let view = SecondStepPage {
        others: others.collect(),
        kind: shown.kind.to_owned(),
        is_again: door.stage == Stage::StepUp,
        is_buyer: door.side == Side::Buyer,
        request: shown.request,
        problems: shown.problems,
        action_href: with_next(door.path(), &next),
        send_href: with_next(&format!("{}/code", door.path()), &next),
        begin_href: with_next(door.begin(), &next),
        // Before there is a session, the passkey alone signs in.
        passkey_href: match door.stage {
            Stage::SignIn => format!("{}/passkey", door.begin()),
            Stage::StepUp => format!("{}/passkey", door.path()),
        },
        passkey_next: next,
        page,
    };
    show(shown.status, &view)
}

/// A code and its kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepForm {
    kind: String,
    code: String,
    #[serde(default)]
    request: String,
    #[serde(default)]
    remember: String,
}

impl StepForm {
    fn proof(&self) -> Option<Proof> {
        let code = || OneTimeCode::parse(&self.code).ok();
        let request = || self.request.parse::<SessionId>().ok();
        match self.kind.as_str() {
            "totp" => Some(Proof::Totp(code()?)),
            "recovery" => Some(Proof::Recovery(RecoveryCode::parse(&self.code).ok()?)),
            "sms" => Some(Proof::Sms { request: request()?, code: code()? }),
            "contact" => Some(Proof::Contact { request: request()?, code: code()? }),
            _ => None,
        }
    }
}

/// What a step came to.
enum Taken {
    In(Opened),
    Again(NewSession),
    Refused,
}

/// Takes the step.
async fn take_step(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    door: Door,
) -> Result<Response, ApiError> {
    let posted = visit.read::<StepForm>(door.side, &incoming)?;
    visit.knock(&hall)?;
    let form = posted.form;
    let Some(proof) = form.proof() else {
        return refuse(&hall, &visit, door, form, "problem-step-code").await;
    };
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let taken = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| match door.stage {
            Stage::SignIn => take_second(tx, &cx, &asker, door.side, &proof),
            Stage::StepUp => take_again(tx, &cx, &asker, door.side, &proof),
        })
    });
    let (word, taken) = taken.await?;
    match word.as_str() {
        "in" => Ok(let_in(&hall, &visit, door, taken, &form)),
        "gone" => Ok(go(&with_next(door.begin(), &visit.next(door.home())))),
        "wait" => refuse(&hall, &visit, door, form, "problem-step-wait").await,
        _ => refuse(&hall, &visit, door, form, "problem-step-wrong").await,
    }
}

fn take_second(
    tx: &mut Tx<'_>,
    hall: &Hall,
    visit: &Visit,
    side: Side,
    proof: &Proof,
) -> Result<(String, Taken), ApiError> {
    let Some(token) = &visit.pending else { return Ok(("gone".to_owned(), Taken::Refused)) };
    let device = shown_device(visit, side);
    let (means, origin) = (hall.identity.means(visit.now), visit.origin());
    let arrival = Arrival { device: &device, origin: &origin };
    Ok(match sign_in::take_second_step(tx, &means, token, proof, arrival)? {
        SecondStep::In(opened) => ("in".to_owned(), Taken::In(opened)),
        SecondStep::Wrong { left } if left > 0 => ("wrong".to_owned(), Taken::Refused),
        SecondStep::Wrong { .. } | SecondStep::Gone => ("gone".to_owned(), Taken::Refused),
        SecondStep::TooMany { .. } => ("wait".to_owned(), Taken::Refused),
    })
}

fn take_again(
    tx: &mut Tx<'_>,
    hall: &Hall,
    visit: &Visit,
    side: Side,
    proof: &Proof,
) -> Result<(String, Taken), ApiError> {
    let (actor, id) = find_actor(tx, visit, side)?;
    let person = Person::of(&actor).ok_or_else(|| ApiError::unauthenticated("sign in first"))?;
    let session = (session_token(visit, side)?, id);
    let means = hall.identity.means(visit.now);
    Ok(match sign_in::step_up(tx, &means, person, session, proof, &visit.origin())? {
        StepUp::Done(session) => ("in".to_owned(), Taken::Again(session)),
        StepUp::Wrong => ("wrong".to_owned(), Taken::Refused),
        StepUp::TooMany { .. } => ("wait".to_owned(), Taken::Refused),
    })
}

/// On to where the person wanted to go. A second submit finds the first one's cookies.
fn let_in(hall: &Hall, visit: &Visit, door: Door, taken: Option<Taken>, form: &StepForm) -> Response {
    let mut answer = go(&visit.next(door.home()));
    match taken {
        Some(Taken::In(opened)) => {
            add_cookie(&mut answer, PENDING.clear(visit.browser.secure));
            match opened {
                Opened::Member(_, session) => renew_cookie(&mut answer, hall, visit, Side::Member, &session),
                Opened::Buyer(signed_in) => {
                    buyer::welcome(&mut answer, visit, &signed_in, !form.remember.is_empty());
                }
            }
        }
        Some(Taken::Again(session)) => renew_cookie(&mut answer, hall, visit, door.side, &session),
        Some(Taken::Refused) | None => {}
    }
    answer
}

/// The page again, with what was wrong.
async fn refuse(
    hall: &Hall,
    visit: &Visit,
    door: Door,
    form: StepForm,
    problem: &'static str,
) -> Result<Response, ApiError> {
    let asker = visit.clone();
    let caller = hall.db().read(move |tx| find_caller(tx, &asker, door)).await?;
    let mut problems = Problems::none();
    problems.add("code", visit.frame(hall, door.side, Zone::default()).t(problem));
    let kind = choose(&caller, &form.kind);
    let shown = Shown { status: StatusCode::FORBIDDEN, kind, request: form.request, problems };
    Ok(step_page(hall, visit, door, &caller, shown))
}

/// What stands for a request where no code was sent, since the number's SIM card was changed.
const SIM_CHANGED: &str = "sim_changed";

/// Asks for a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeForm {
    kind: String,
}

/// Sends a code by text message, or to the contact of a buyer who has no second factor.
async fn send_code(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
    door: Door,
) -> Result<Response, ApiError> {
    let posted = visit.read::<CodeForm>(door.side, &incoming)?;
    visit.knock(&hall)?;
    let (cx, asker, once, kind) = (hall.clone(), visit.clone(), posted.once, posted.form.kind.clone());
    let sent = hall.db().write(move |tx| {
        once.run(tx, asker.now, |tx| {
            let caller = find_caller(tx, &asker, door)?;
            let purpose = if door.stage == Stage::SignIn { CodePurpose::SignIn } else { CodePurpose::StepUp };
            let errand = Errand { person: caller.person, purpose, bound: &caller.bound };
            let (means, origin) = (cx.identity.means(asker.now), asker.origin());
            let from = (origin.as_str(), cx.identity.host());
            let asked = match kind.as_str() {
                "contact" => sms::send_to_contact(tx, &means, errand, from),
                _ => sms::send_sms(tx, &means, errand, from),
            };
            match asked {
                Ok(asked) => Ok((asked.request.to_string(), ())),
                Err(SmsError::Factor(FactorError::NotFound)) => Ok((String::new(), ())),
                Err(SmsError::SimChanged) => Ok((SIM_CHANGED.to_owned(), ())),
                Err(error) => Err(error.into()),
            }
        })
    });
    let (request, _) = sent.await?;
    let asker = visit.clone();
    let caller = hall.db().read(move |tx| find_caller(tx, &asker, door)).await?;
    let kind = choose(&caller, &posted.form.kind);
    if request == SIM_CHANGED {
        let mut problems = Problems::none();
        problems.add("code", visit.frame(&hall, door.side, Zone::default()).t("problem-step-sim"));
        let shown = Shown { status: StatusCode::CONFLICT, kind, request: String::new(), problems };
        return Ok(step_page(&hall, &visit, door, &caller, shown));
    }
    Ok(step_page(&hall, &visit, door, &caller, Shown { kind, request, ..Shown::ok() }))
}
