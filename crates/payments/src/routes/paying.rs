//! Paying, for buyers: confirm, answer "is this you?", own payments.

use axum::extract::{Path, State};
use axum::response::Response;
use base::{Currency, Money, PaymentId, ScopedId, ShopId};
use identity::gate::{Caller, Made, Operation};
use identity::passkeys::PasskeyUse;
use identity::routes::passkey_bodies::{PasskeyUseBody, RequestOptionsView, RequestView};
use identity::{Permission, Pin, PinCheck};
use risk::Place;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};
use webkit::paging::List;

use super::orders::path_id;
use super::views::PaymentView;
use super::{Context, errors, read};
use crate::challenge::{self, Answer};
use crate::confirm::{self, Confirm, Confirmed};
use crate::confirmation::Nonce;
use crate::proof::{PasskeyProof, ask_passkey};
use crate::screening::Origination;
use crate::store as rows;

/// Most payments in a buyer's own list.
const OWN_PAYMENTS_MAX: i64 = 100;

/// What the payer saw, and the PIN they typed on their own device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmBody {
    /// The amount the payer saw, minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    amount_minor: i64,
    /// The currency the payer saw.
    #[schema(example = "CNY", min_length = 3, max_length = 3)]
    currency: String,
    /// The shop the payer saw.
    payee: String,
    /// 16 to 64 random bytes of the payer's device, hexadecimal; with a passkey, the nonce it was asked with.
    #[schema(min_length = 32, max_length = 128)]
    nonce: String,
    /// The payment PIN, six digits. This or `passkey`.
    #[schema(min_length = 6, max_length = 6, format = Password)]
    pin: Option<String>,
    /// A passkey, touched for what `passkey_challenge` asked. This or `pin`.
    passkey: Option<PasskeyUseBody>,
    /// Where the payer's device says it is, degrees north, where the payer lets it. Kept to about a kilometre.
    #[schema(minimum = -90, maximum = 90)]
    latitude: Option<f64>,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    longitude: Option<f64>,
}

impl ConfirmBody {
    fn parse(self, context: &Context, payment: PaymentId) -> Result<(Confirm, Option<Place>), ApiError> {
        let mut problems = Problems::new();
        let currency = problems.take("currency", self.currency.parse::<Currency>());
        let payee = problems.take("payee", self.payee.parse::<ShopId>());
        let nonce = Nonce::parse(&self.nonce).ok_or("must be 16 to 64 bytes in hexadecimal");
        let nonce = problems.take("nonce", nonce);
        let shown = Shown::read(&mut problems, self.pin.as_deref(), self.passkey.as_ref())?;
        let place = read::place(&mut problems, self.latitude, self.longitude);
        let (Some(currency), Some(payee), Some(nonce), Some(shown), true) =
            (currency, payee, nonce, shown, problems.is_empty())
        else {
            return Err(problems.into_error());
        };
        let amount = Money::new(self.amount_minor, currency);
        let command = match shown {
            Shown::Pin(pin) => Confirm::new(payment, amount, payee, nonce, pin),
            Shown::Passkey(used) => {
                let proof = PasskeyProof::new(context.identity.site()?, *used);
                Confirm::by_passkey(payment, amount, payee, nonce, proof)
            }
        };
        Ok((command, place))
    }
}

/// What the payer shows: exactly one of the two.
enum Shown {
    Pin(Pin),
    Passkey(Box<PasskeyUse>),
}

impl Shown {
    fn read(
        problems: &mut Problems,
        pin: Option<&str>,
        passkey: Option<&PasskeyUseBody>,
    ) -> Result<Option<Shown>, ApiError> {
        match (pin, passkey) {
            (Some(pin), None) => Ok(problems.take("pin", Pin::parse(pin)).map(Shown::Pin)),
            (None, Some(passkey)) => Ok(Some(Shown::Passkey(Box::new(passkey.parse()?)))),
            _ => Ok(problems.take("pin", Err("send `pin` or `passkey`, one of them"))),
        }
    }
}

/// Confirms a payment with the payer's PIN or passkey, bound to the amount and payee they saw.
#[utoipa::path(post, path = "/v1/payments/{id}/confirm", request_body = ConfirmBody, tag = "paying",
    params(("id" = String, Path),
    ("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 200, body = PaymentView), ApiErrors), security(("buyer_session" = [])))]
pub(super) async fn confirm_payment(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: PaymentId = path_id(&id)?;
    let (command, place) = incoming.json::<ConfirmBody>()?.parse(&context, id)?;
    let operation = Operation { name: "confirm_payment", permission: Permission::Pay };
    let screen = context.screen();
    let call = context.open(incoming).await?;
    call.write(operation, confirm::keys_of(&command), move |tx, caller| {
        let session = caller.buyer()?;
        let from = Origination { place, ..Origination::of(caller) };
        let confirmed = confirm::confirm(tx, &caller.means, &screen, session, &from, &command);
        show(&context, tx, caller, confirmed.map_err(errors::of_confirm)?)
    })
    .await
}

/// The payer's answer to "is this you?".
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerBody {
    /// Whether it was the payer.
    it_was_me: bool,
    /// The payment PIN once more, when it was. This or `passkey`.
    #[schema(min_length = 6, max_length = 6, format = Password)]
    pin: Option<String>,
    /// A passkey, touched for what `passkey_challenge` asked, when it was. This or `pin`.
    passkey: Option<PasskeyUseBody>,
    /// With `passkey`: the nonce it was asked with.
    #[schema(min_length = 32, max_length = 128)]
    nonce: Option<String>,
}

impl AnswerBody {
    fn parse(self, context: &Context) -> Result<Answer, ApiError> {
        if !self.it_was_me {
            return Ok(Answer::No);
        }
        let mut problems = Problems::new();
        match Shown::read(&mut problems, self.pin.as_deref(), self.passkey.as_ref())? {
            Some(Shown::Pin(pin)) => Ok(Answer::Yes(pin)),
            Some(Shown::Passkey(used)) => {
                let nonce = self.nonce.as_deref().and_then(Nonce::parse);
                let nonce = nonce.ok_or_else(|| {
                    ApiError::bad_field("nonce", "must be the nonce the passkey was asked with")
                })?;
                let proof = PasskeyProof::new(context.identity.site()?, *used);
                Ok(Answer::Passkey(Box::new((proof, nonce))))
            }
            None => Err(problems.into_error()),
        }
    }
}

/// Answers a paused payment: it was me, or it was not.
#[utoipa::path(post, path = "/v1/payments/{id}/answer", request_body = AnswerBody, tag = "paying",
    params(("id" = String, Path),
    ("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 200, body = PaymentView), ApiErrors), security(("buyer_session" = [])))]
pub(super) async fn answer_challenge(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: PaymentId = path_id(&id)?;
    let answer = incoming.json::<AnswerBody>()?.parse(&context)?;
    let operation = Operation { name: "answer_challenge", permission: Permission::Pay };
    let call = context.open(incoming).await?;
    call.write(operation, vec![rows::payment_key(id)], move |tx, caller| {
        let session = caller.buyer()?;
        let answered =
            challenge::answer_challenge(tx, &caller.means, session, &Origination::of(caller), id, &answer);
        show(&context, tx, caller, answered.map_err(errors::of_confirm)?)
    })
    .await
}

/// What the payer is asked to confirm, and the options for their passkey, whose challenge is bound to exactly that.
#[derive(Serialize, ToSchema)]
pub(super) struct PasskeyChallengeView {
    /// The amount, minor units.
    amount_minor: i64,
    /// The currency.
    currency: String,
    /// The shop.
    payee: String,
    /// Give it back with the passkey.
    nonce: String,
    /// The options, in the standard's own words: hand them to `PublicKeyCredential.parseRequestOptionsFromJSON`.
    #[serde(rename = "publicKey")]
    public_key: RequestOptionsView,
}

/// Asks the payer to confirm a payment, or to answer "is this you?", with a passkey. Show amount and payee before the touch:
/// the challenge is SHA-256 over amount, currency, payee, payment and nonce, and opens nothing else.
#[utoipa::path(post, path = "/v1/payments/{id}/passkey_challenge", tag = "paying", params(("id" = String, Path)),
    responses((status = 200, body = PasskeyChallengeView), ApiErrors), security(("buyer_session" = [])))]
pub(super) async fn create_passkey_challenge(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: PaymentId = path_id(&id)?;
    let site = context.identity.site()?;
    let operation = Operation { name: "create_passkey_challenge", permission: Permission::Pay };
    let call = context.open(incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let nonce = Nonce::random(caller.means.dice);
        let asked = ask_passkey(tx, &caller.means, caller.buyer()?, id, &nonce);
        let (payment, options) = asked.map_err(errors::of_confirm)?;
        let view = PasskeyChallengeView {
            amount_minor: payment.amount.minor,
            currency: payment.amount.currency.to_string(),
            payee: id.shop().to_string(),
            nonce: nonce.hex(),
            public_key: RequestView::new(&site, &options).public_key,
        };
        Made::new(200, &view)
    })
    .await
}

/// What a confirmation led to. A refused PIN is an answer with an error body, since its count must stay.
fn show(
    context: &Context,
    tx: &mut store::Tx<'_>,
    caller: &Caller<'_>,
    confirmed: Confirmed,
) -> Result<Made, ApiError> {
    let now = caller.means.now;
    let check = match confirmed {
        Confirmed::Moved(moved) => {
            context.publish(tx, &moved.payment);
            return Made::new(
                200,
                &PaymentView::new(context, &moved.payment, now).with_leaf(&moved.leaf, now),
            );
        }
        Confirmed::PasskeyRefused(refusal) => {
            return caller.made(&identity::routes::refused_passkey(refusal));
        }
        Confirmed::PasskeyLocked { retry_after_seconds } => {
            // Nothing was written, so nothing is lost.
            return Err(ApiError::too_many(u32::try_from(retry_after_seconds).unwrap_or(u32::MAX)));
        }
        Confirmed::FactorNeeded { above } => {
            // Nothing was written, so nothing is lost.
            let text = format!(
                "above {} {} this shop asks for a passkey, or a second factor given in the last five minutes",
                above.decimal(),
                above.currency
            );
            return Err(ApiError::new(&errors::BUYER_FACTOR_NEEDED, text));
        }
        Confirmed::PinWrong { left } => PinCheck::Wrong { left },
        Confirmed::PinLocked => PinCheck::Locked,
        Confirmed::PinCooling { until } => PinCheck::Cooling { until },
        Confirmed::NotActive => PinCheck::NotActive,
    };
    let refused =
        identity::routes::refused_pin(check).ok_or_else(|| ApiError::internal("a right PIN was refused"))?;
    caller.made(&refused)
}

/// Lists the buyer's own payments, newest first.
#[utoipa::path(get, path = "/v1/me/payments", tag = "paying",
    responses((status = 200, body = List<PaymentView>), ApiErrors), security(("buyer_session" = [])))]
pub(super) async fn list_own_payments(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let call = context.open(incoming).await?;
    call.read(Permission::OwnAccount, move |tx, caller| {
        let payments = rows::list_buyer_payments(tx, caller.awake_buyer()?.buyer, OWN_PAYMENTS_MAX)?;
        let data = payments.iter().map(|p| PaymentView::new(&context, p, caller.means.now)).collect();
        Made::new(200, &List { data, next_cursor: None })
    })
    .await
}
