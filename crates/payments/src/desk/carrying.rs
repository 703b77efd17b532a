//! What the payer showed or said is carried out: one transaction, once for each form, and the page that it leads to.

use axum::response::Response;
use base::PaymentId;
use identity::NewSession;
use identity::desk::{Once, Payer, Visit, Wrong, admit_payer, go, renew_buyer, show_notice};
use identity::pages::notice::NoticeKind as Refused;
use risk::Place;
use store::{Key, Tx};
use webkit::error::{ApiError, Code};

use super::Desk;
use super::paying::{Trouble, refuse, show_again, unknown};
use super::trade::origination;
use crate::challenge::{self, Answer};
use crate::confirm::{self, Confirm, Confirmed};
use crate::pages::notice::NoticeKind;
use crate::payment::{DeclineReason, Payment};
use crate::routes::errors;
use crate::screening::Origination;
use crate::store as rows;

/// What a payer asked for on the pay page.
pub(super) enum Wish {
    /// To confirm with what was shown, from where the payer let the page say.
    Confirm(Confirm, Option<Place>),
    /// To answer "is this you?".
    Answer(PaymentId, Answer),
    /// To take a payment back that waits for the shop's review.
    Stop(PaymentId),
}

impl Wish {
    fn payment(&self) -> PaymentId {
        match self {
            Wish::Confirm(command, _) => command.payment(),
            Wish::Answer(id, _) | Wish::Stop(id) => *id,
        }
    }

    /// The rows that it will read.
    fn keys(&self) -> Vec<Key> {
        match self {
            Wish::Confirm(command, _) => confirm::keys_of(command),
            Wish::Answer(id, _) | Wish::Stop(id) => vec![rows::payment_key(*id)],
        }
    }
}

/// Carries a wish out, once.
pub(super) async fn carry(desk: &Desk, visit: &Visit, once: Once, wish: Wish) -> Result<Response, ApiError> {
    let (id, keys) = (wish.payment(), wish.keys());
    let (cx, asker, screen) = (desk.clone(), visit.clone(), desk.context.screen());
    let done = desk.db().write_with(keys, move |tx| {
        let payer = admit_payer(tx, &cx.hall, &asker)?;
        once.run(tx, asker.now, |tx| {
            let (means, session, from) = (&payer.means, &payer.session, origination(&asker));
            let carried = match &wish {
                Wish::Confirm(command, place) => {
                    let from = Origination { place: *place, ..from };
                    confirm::confirm(tx, means, &screen, session, &from, command)
                }
                Wish::Answer(id, answer) => {
                    challenge::answer_challenge(tx, means, session, &from, *id, answer)
                }
                Wish::Stop(id) => challenge::stop_review(tx, means, session, &from, *id),
            };
            settle(tx, &cx, &payer, carried.map_err(errors::of_confirm)?)
        })
    });
    conclude(desk, visit, id, done.await).await
}

/// The word that is kept of a PIN check: `moved`, `locked`, `frozen`, or the tries that are left.
fn settle(
    tx: &mut Tx<'_>,
    desk: &Desk,
    payer: &Payer<'_>,
    confirmed: Confirmed,
) -> Result<(String, Option<NewSession>), ApiError> {
    let word = match confirmed {
        Confirmed::Moved(moved) => {
            desk.context.publish(tx, &moved.payment);
            return Ok(("moved".to_owned(), wake(tx, payer, &moved.payment)?));
        }
        Confirmed::PinWrong { left } => left.to_string(),
        Confirmed::PinLocked => "locked".to_owned(),
        Confirmed::PinCooling { .. } => "cooling".to_owned(),
        // The page says it, and where to give it.
        Confirmed::FactorNeeded { .. } => "factor".to_owned(),
        Confirmed::PasskeyRefused(_) => "passkey".to_owned(),
        Confirmed::PasskeyLocked { .. } => "passkey locked".to_owned(),
        Confirmed::NotActive => "frozen".to_owned(),
    };
    Ok((word, None))
}

/// A session that slept goes on under a new token; one that was awake is in use. Whoever said "it was not me" proved
/// nothing.
fn wake(tx: &mut Tx<'_>, payer: &Payer<'_>, payment: &Payment) -> Result<Option<NewSession>, ApiError> {
    if payer.session.awake {
        identity::touch_session(tx, payer.token, payer.means.now)?;
        return Ok(None);
    }
    if payment.decline == Some(DeclineReason::NotThePayer) {
        return Ok(None);
    }
    Ok(Some(identity::wake_session(tx, &payer.means, payer.token)?))
}

/// What the payer sees after the PIN: the payment's page, the PIN once more, or why it cannot be.
async fn conclude(
    desk: &Desk,
    visit: &Visit,
    id: PaymentId,
    done: Result<(String, Option<Option<NewSession>>), ApiError>,
) -> Result<Response, ApiError> {
    let is = |error: &ApiError, codes: &[&Code]| codes.iter().any(|code| code.name == error.code.name);
    // What was confirmed before, or is not what the payer saw, is shown as it stands now.
    let stands = [&errors::PAYMENT_NOT_WAITING, &errors::PAYMENT_EXPIRED, &errors::CONFIRMATION_MISMATCH];
    match done {
        Ok((word, renewed)) => match (word.as_str(), word.parse::<i64>()) {
            (_, Ok(left)) if left > 0 => show_again(desk, visit, id, Trouble::Pin(Wrong::Pin { left })).await,
            ("passkey", _) => show_again(desk, visit, id, Trouble::Passkey).await,
            ("passkey locked", _) => show_again(desk, visit, id, Trouble::PasskeyLocked).await,
            ("locked" | "0", _) => Ok(show_notice(&desk.hall, visit, Refused::PinLocked)),
            ("cooling", _) => Ok(show_notice(&desk.hall, visit, Refused::Cooling)),
            ("frozen", _) => Ok(show_notice(&desk.hall, visit, Refused::Frozen)),
            _ => {
                let mut answer = go(&format!("/pay/{id}"));
                if let Some(session) = renewed.flatten() {
                    renew_buyer(&mut answer, visit, &session);
                }
                Ok(answer)
            }
        },
        Err(error) if is(&error, &[&errors::DAY_LIMIT]) => Ok(refuse(desk, visit, NoticeKind::DayLimit)),
        Err(error) if is(&error, &[&errors::ORDER_PAID]) => Ok(refuse(desk, visit, NoticeKind::CodeUsed)),
        Err(error) if is(&error, &[&errors::OTHER_PAYER]) => Err(unknown()),
        Err(error) if is(&error, &stands) => Ok(go(&format!("/pay/{id}"))),
        Err(error) => Err(error),
    }
}
