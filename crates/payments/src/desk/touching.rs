//! Paying with a passkey: the payer sees amount and payee, touches the device, and the touch is good for that alone.

use axum::extract::{Path, State as Shared};
use axum::response::Response;
use identity::desk::{Side, Visit, admit_payer, go};
use identity::routes::passkey_bodies::{PasskeyUseBody, RequestView};
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;

use super::Desk;
use super::carrying::{Wish, carry};
use super::paying::{Seen, Trouble, payment_id, read_place, show_again};
use crate::challenge::Answer;
use crate::confirm::Confirm;
use crate::proof::{self, PasskeyProof};
use crate::routes::errors;

/// What the payer was shown, and the touch; empty while it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TouchForm {
    confirm_token: String,
    credential: String,
    #[serde(default)]
    place: String,
}

/// Gives the options for a passkey, bound to what the payer was shown.
pub(super) async fn ask_passkey(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let form = visit.read::<TouchForm>(Side::Buyer, &incoming)?.form;
    let seen = Seen::read(&visit, id, &form.confirm_token);
    let (_, nonce) = seen.ok_or_else(|| ApiError::bad_field("confirm_token", "show the payment again"))?;
    let site = desk.identity().site()?;
    let (cx, asker) = (desk.clone(), visit.clone());
    let asked = desk.db().write(move |tx| {
        let payer = admit_payer(tx, &cx.hall, &asker)?;
        proof::ask_passkey(tx, &payer.means, &payer.session, id, &nonce).map_err(errors::of_confirm)
    });
    let (_, options) = asked.await?;
    Ok(identity::desk::answer_script(&RequestView::new(&site, &options)))
}

/// Confirms a payment with a passkey.
pub(super) async fn confirm_payment(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let posted = visit.read::<TouchForm>(Side::Buyer, &incoming)?;
    let Some((amount, nonce)) = Seen::read(&visit, id, &posted.form.confirm_token) else {
        return Ok(go(&format!("/pay/{id}")));
    };
    let Ok(used) = PasskeyUseBody::parse_text(&posted.form.credential) else {
        return show_again(&desk, &visit, id, Trouble::Passkey).await;
    };
    let place = read_place(&posted.form.place)?;
    let shown = PasskeyProof::new(desk.identity().site()?, used);
    let command = Confirm::by_passkey(id, amount, base::ScopedId::shop(&id), nonce, shown);
    carry(&desk, &visit, posted.once, Wish::Confirm(command, place)).await
}

/// Says with a passkey that it was the payer.
pub(super) async fn answer_challenge(
    Shared(desk): Shared<Desk>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = payment_id(&id)?;
    let posted = visit.read::<TouchForm>(Side::Buyer, &incoming)?;
    let Some((_, nonce)) = Seen::read(&visit, id, &posted.form.confirm_token) else {
        return Ok(go(&format!("/pay/{id}")));
    };
    let Ok(used) = PasskeyUseBody::parse_text(&posted.form.credential) else {
        return show_again(&desk, &visit, id, Trouble::Passkey).await;
    };
    let shown = PasskeyProof::new(desk.identity().site()?, used);
    let answer = Answer::Passkey(Box::new((shown, nonce)));
    carry(&desk, &visit, posted.once, Wish::Answer(id, answer)).await
}
