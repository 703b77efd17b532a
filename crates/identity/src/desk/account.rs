//! A buyer's account: where everything is, the PIN, what happened lately, freezing it all and taking that back.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, show};

use super::form::{Button, go};
use super::hall::Hall;
use super::own::{Own, read_own, write_own};
use super::visit::{Side, Visit, with_next};
use super::words::{Wrong, device_text, masked_contact};
use crate::activity::{self, Activity, Happening};
use crate::buyers::{self, Buyer, BuyerError, PinChange};
use crate::cases::Cause;
use crate::factors::list_counting;
use crate::limits::ACTIVITY_SHOWN_MAX;
use crate::own::{Thaw, ThawError, freeze_everything, has_fresh_proof, list_own_sessions, thaw};
use crate::pages::account::{
    AccountPage, ActivityPage, ActivityRow, FreezePage, FrozenPage, PinChangePage, Standing,
};
use crate::permissions::Actor;
use crate::pin::{Pin, PinCheck};
use crate::sessions::BuyerSession;
use crate::store::buyers::BuyerState;

/// The account.
const HOME: &str = "/me/account";

fn session_of(own: &Own<'_>) -> Result<BuyerSession, ApiError> {
    match own.actor() {
        Actor::Buyer(session) => Ok(session),
        _ => Err(ApiError::unauthenticated("sign in first")),
    }
}

fn find_buyer(tx: &mut Tx<'_>, session: &BuyerSession) -> Result<Buyer, ApiError> {
    let buyer = buyers::find_buyer(tx, session.buyer)?;
    buyer.ok_or_else(|| ApiError::not_found("no such account"))
}

fn standing(buyer: &Buyer) -> Standing {
    match buyer.state {
        BuyerState::Active if buyer.pin_locked => Standing::PinLocked,
        BuyerState::Active => Standing::Good,
        BuyerState::Frozen => Standing::Frozen,
        BuyerState::Held | BuyerState::Erased => Standing::Held,
    }
}

/// Shows the account at a glance.
pub(super) async fn show_account(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_own(&hall, &visit, Side::Buyer, |tx, own| {
        let session = session_of(own)?;
        let buyer = find_buyer(tx, &session)?;
        let person = buyers::find_buyer_person(tx, own.means().vault, buyer.id)?;
        let factors = list_counting(tx, own.means().vault, own.person)?;
        Ok(AccountPage {
            page: own.frame(tx)?,
            who: person.name.expose().clone(),
            contact: masked_contact(person.contact.expose()),
            standing: standing(&buyer),
            factors: factors.len(),
            sessions: list_own_sessions(tx, own.person, own.means().now)?.len(),
            cooling: buyers::find_cooling(tx, &own.means(), buyer.id)?,
            pin_changed: buyer.pin_changed,
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// Asks for the old PIN and a new one.
pub(super) async fn show_pin(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    pin_page(&hall, &visit, StatusCode::OK, Problems::none()).await
}

async fn pin_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_own(hall, visit, Side::Buyer, move |tx, own| {
        let (page, action_href) = (own.frame(tx)?, "/me/pin".to_owned());
        Ok(PinChangePage { page, problems, action_href, forgot_href: "/me/pin/forgot".to_owned() })
    });
    Ok(show(status, &view.await?))
}

/// Old PIN, and the new one twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PinForm {
    old: String,
    pin: String,
    pin_again: String,
}

impl PinForm {
    fn parse(&self, page: &Frame) -> Result<(Pin, Pin), Problems> {
        let mut problems = Problems::none();
        let old = Pin::parse(&self.old).map_err(|_| problems.add("old", page.t("problem-pin")));
        let new = Pin::parse(&self.pin).map_err(|_| problems.add("pin", page.t("problem-pin")));
        if self.pin != self.pin_again {
            problems.add("pin_again", page.t("problem-pin-again"));
        }
        match (old, new) {
            (Ok(old), Ok(new)) if problems.is_empty() => Ok((old, new)),
            _ => Err(problems),
        }
    }
}

/// Changes the PIN.
pub(super) async fn update_pin(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<PinForm>(Side::Buyer, &incoming)?;
    let page = visit.buyer_frame(&hall);
    let (status, parsed) = (StatusCode::UNPROCESSABLE_ENTITY, posted.form.parse(&page));
    let (old, new) = match parsed {
        Ok(pins) => pins,
        Err(problems) => return pin_page(&hall, &visit, status, problems).await,
    };
    let done = write_own(&hall, &visit, Side::Buyer, posted.once, move |tx, own| {
        let buyer = session_of(own)?.buyer;
        let word = match buyers::change_pin(tx, &own.means(), buyer, &old, &new) {
            Ok(PinChange::Done) => "done".to_owned(),
            Ok(PinChange::Refused(PinCheck::Wrong { left })) => left.to_string(),
            Ok(PinChange::Refused(_)) => "0".to_owned(),
            Err(BuyerError::WeakPin(_)) => "weak".to_owned(),
            Err(error) => return Err(error.into()),
        };
        Ok((word, ()))
    });
    let (word, _) = done.await?;
    let mut problems = Problems::none();
    match (word.as_str(), word.parse::<i64>()) {
        ("done", _) => return Ok(go(HOME)),
        ("weak", _) => problems.add("pin", page.t("problem-pin-weak")),
        (_, Ok(left)) if left > 0 => problems.add("old", page.t1("problem-pin-wrong", "left", left)),
        _ => problems.add("old", page.t("problem-pin-none-left")),
    }
    pin_page(&hall, &visit, status, problems).await
}

/// What happened to the account lately.
pub(super) async fn list_activity(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_own(&hall, &visit, Side::Buyer, |tx, own| {
        let page = own.frame(tx)?;
        let rows = find_activity(tx, own, &page)?;
        Ok(ActivityPage { page, rows })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn find_activity(tx: &mut Tx<'_>, own: &Own<'_>, page: &Frame) -> Result<Vec<ActivityRow>, ApiError> {
    let buyer = session_of(own)?.buyer;
    let found = activity::list_activity(tx, buyer, ACTIVITY_SHOWN_MAX)?;
    Ok(found.into_iter().map(|line| activity_row(own, page, line)).collect())
}

fn activity_row(own: &Own<'_>, page: &Frame, line: Activity) -> ActivityRow {
    let note = match line.what {
        Happening::FactorAdded | Happening::FactorRemoved => page.t(format!("factor-{}", line.label)),
        _ if line.label.is_empty() => String::new(),
        _ => device_text(page, &line.label),
    };
    let freeze = if can_be_foreign(line.what) { "/me/freeze".to_owned() } else { String::new() };
    ActivityRow {
        at: line.at,
        what: page.t(format!("activity-{}", line.what.name().replace('_', "-"))),
        note,
        network: line.network.map(|network| network.to_string()),
        country: line.network.and_then(|network| own.country_of(network.first())),
        not_me_href: freeze,
    }
}

/// Whether somebody else may have done it, so that its owner has something to say.
fn can_be_foreign(what: Happening) -> bool {
    match what {
        Happening::SignedIn
        | Happening::DeviceAdded
        | Happening::FactorAdded
        | Happening::FactorRemoved
        | Happening::RecoveryUsed
        | Happening::PinChanged
        | Happening::PinReset
        | Happening::ContactChanged => true,
        Happening::SessionEnded
        | Happening::PasskeyCopied
        | Happening::PinLocked
        | Happening::WrongTries
        | Happening::StoppedAtSecondStep
        | Happening::SimChanged
        | Happening::Frozen
        | Happening::Unfrozen => false,
    }
}

/// Shows what freezing does; on a frozen account the way back.
pub(super) async fn show_freeze(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    freeze_page(&hall, &visit, StatusCode::OK, Wrong::No).await
}

/// Either page of the two.
enum Ice {
    Water(FreezePage),
    Frozen(FrozenPage),
}

async fn freeze_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    wrong: Wrong,
) -> Result<Response, ApiError> {
    let view = read_own(hall, visit, Side::Buyer, move |tx, own| {
        let page = own.frame(tx)?;
        let buyer = find_buyer(tx, &session_of(own)?)?;
        if matches!(standing(&buyer), Standing::Good | Standing::PinLocked) {
            let others = list_own_sessions(tx, own.person, own.means().now)?.len().saturating_sub(1);
            return Ok(Ice::Water(FreezePage { page, others, action_href: "/me/freeze".to_owned() }));
        }
        let proven = has_fresh_proof(tx, own.means().vault, &own.actor())?;
        let proof_href = if proven { String::new() } else { proof_href() };
        Ok(Ice::Frozen(FrozenPage {
            is_own: buyer.state == BuyerState::Frozen,
            proof_href,
            wrong: wrong.say(&page),
            action_href: "/me/thaw".to_owned(),
            page,
        }))
    });
    Ok(match view.await? {
        Ice::Water(view) => show(status, &view),
        Ice::Frozen(view) => show(status, &view),
    })
}

/// Where a buyer shows that it is them: with the second factor; without one, with a code to the contact.
fn proof_href() -> String {
    with_next("/me/again", "/me/freeze")
}

/// Freezes everything.
pub(super) async fn freeze(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let once = visit.read::<Button>(Side::Buyer, &incoming)?.once;
    let done = write_own(&hall, &visit, Side::Buyer, once, move |tx, own| {
        freeze_everything(tx, &own.means(), &session_of(own)?, Cause::Activity)?;
        Ok(("/me/freeze".to_owned(), ()))
    });
    Ok(go(&done.await?.0))
}

/// The PIN that takes the freeze back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThawForm {
    pin: String,
}

/// Takes the freeze back.
pub(super) async fn thaw_account(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<ThawForm>(Side::Buyer, &incoming)?;
    let Ok(pin) = Pin::parse(&posted.form.pin) else {
        return freeze_page(&hall, &visit, StatusCode::FORBIDDEN, Wrong::NotSixDigits).await;
    };
    let done = write_own(&hall, &visit, Side::Buyer, posted.once, move |tx, own| {
        let word = match thaw(tx, &own.means(), &session_of(own)?, &pin) {
            Ok(Thaw::Done) => "done".to_owned(),
            Ok(Thaw::Refused(PinCheck::Wrong { left })) => left.to_string(),
            Ok(Thaw::Refused(PinCheck::Cooling { .. })) => "cooling".to_owned(),
            Ok(Thaw::Refused(_)) => "0".to_owned(),
            Err(ThawError::NotOwn | ThawError::ProofNeeded) => "again".to_owned(),
            Err(ThawError::Fault(fault)) => return Err(fault.into()),
        };
        Ok((word, ()))
    });
    let (word, _) = done.await?;
    match (word.as_str(), word.parse::<i64>()) {
        ("done", _) => Ok(go(HOME)),
        ("again", _) => Ok(go("/me/freeze")),
        ("cooling", _) => freeze_page(&hall, &visit, StatusCode::FORBIDDEN, Wrong::Cooling).await,
        (_, Ok(left)) => freeze_page(&hall, &visit, StatusCode::FORBIDDEN, Wrong::Pin { left }).await,
        _ => freeze_page(&hall, &visit, StatusCode::FORBIDDEN, Wrong::Pin { left: 0 }).await,
    }
}
