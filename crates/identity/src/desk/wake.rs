//! A buyer's session that was idle: the PIN shows the account again.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::show;

use super::buyer::HOME;
use super::dress::show_notice;
use super::form::go;
use super::hall::Hall;
use super::visit::{Payer, Side, Visit, admit_payer, renew_buyer, with_next};
use super::words::Wrong;
use crate::pages::entry::WakePage;
use crate::pages::notice::NoticeKind;
use crate::pin::{Pin, PinCheck, verify_pin};
use crate::sessions::{self, NewSession};

/// Asks for the PIN after a while without use.
pub(super) async fn show_wake(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let (cx, asker) = (hall.clone(), visit.clone());
    let awake = hall.db().read(move |tx| Ok::<_, ApiError>(admit_payer(tx, &cx, &asker)?.session.awake));
    if awake.await? {
        return Ok(go(&visit.next(HOME)));
    }
    Ok(wake_page(&hall, &visit, StatusCode::OK, Wrong::No))
}

fn wake_page(hall: &Hall, visit: &Visit, status: StatusCode, wrong: Wrong) -> Response {
    let page = visit.buyer_frame(hall);
    let action_href = with_next("/me/wake", &visit.next(HOME));
    let (sign_out_href, forgot_href) = ("/me/sign-out".to_owned(), super::forgot::path(hall, visit));
    show(status, &WakePage { wrong: wrong.say(&page), page, action_href, forgot_href, sign_out_href })
}

/// A PIN.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WakeForm {
    pin: String,
}

/// Shows the account again after the right PIN.
pub(super) async fn wake_session(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<WakeForm>(Side::Buyer, &incoming)?;
    let Ok(pin) = Pin::parse(&posted.form.pin) else {
        return Ok(wake_page(&hall, &visit, StatusCode::FORBIDDEN, Wrong::NotSixDigits));
    };
    let (cx, asker, once) = (hall.clone(), visit.clone(), posted.once);
    let checked = hall.db().write(move |tx| {
        let payer = admit_payer(tx, &cx, &asker)?;
        once.run(tx, asker.now, |tx| check_pin(tx, &payer, &pin))
    });
    let (word, renewed) = checked.await?;
    Ok(match (word.as_str(), word.parse::<i64>()) {
        // A second submit finds the first one's cookie.
        ("right", _) => {
            let mut answer = go(&visit.next(HOME));
            if let Some(session) = renewed.flatten() {
                renew_buyer(&mut answer, &visit, &session);
            }
            answer
        }
        (_, Ok(left)) if left > 0 => wake_page(&hall, &visit, StatusCode::FORBIDDEN, Wrong::Pin { left }),
        ("locked" | "0", _) => show_notice(&hall, &visit, NoticeKind::PinLocked),
        _ => show_notice(&hall, &visit, NoticeKind::Frozen),
    })
}

fn check_pin(
    tx: &mut Tx<'_>,
    payer: &Payer<'_>,
    pin: &Pin,
) -> Result<(String, Option<NewSession>), ApiError> {
    let word = match verify_pin(tx, &payer.means, payer.session.buyer, pin)? {
        PinCheck::Right => {
            let renewed = sessions::wake_session(tx, &payer.means, payer.token)?;
            return Ok(("right".to_owned(), Some(renewed)));
        }
        PinCheck::Wrong { left } => left.to_string(),
        PinCheck::Locked => "locked".to_owned(),
        PinCheck::Cooling { .. } | PinCheck::NotActive => "frozen".to_owned(),
    };
    Ok((word, None))
}
