//! `/v1/payments` for shops.

use axum::extract::{Path, State};
use axum::response::Response;
use base::{PaymentId, ScopedId};
use identity::gate::{Caller, Made, Operation};
use identity::{Actor, Permission};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, FieldProblem, Problems};
use webkit::paging::{Cursor, List, parse_limit};

use super::orders::{cursor_id, path_id};
use super::views::PaymentView;
use super::{Context, errors, read};
use crate::create::{self, NewPayment, Purpose};
use crate::payment::{Payment, State as PaymentState};
use crate::screening::Origination;
use crate::store::{self as rows, PaymentFilter};

/// A payment to be made: for an order kept here, or for an amount.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentBody {
    /// The order it pays; its amount counts, so send no other.
    order: Option<String>,
    /// Amount in minor units, without an order.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    amount_minor: Option<i64>,
    /// ISO 4217 currency, without an order.
    #[schema(example = "CNY", min_length = 3, max_length = 3)]
    currency: Option<String>,
    /// The shop's own reference, without an order.
    #[schema(max_length = 64)]
    reference: Option<String>,
    /// What is bought, without an order.
    #[schema(max_length = 140)]
    description: Option<String>,
    /// The terminal it is shown at.
    terminal: Option<String>,
    /// How long it can be paid, seconds: 30 to 86,400; 900 without it.
    #[schema(minimum = 30, maximum = 86_400)]
    expires_in_seconds: Option<i64>,
}

impl PaymentBody {
    fn parse(self) -> Result<NewPayment, ApiError> {
        let mut problems = Problems::new();
        let purpose = self.purpose(&mut problems);
        let terminal = read::id(&mut problems, "terminal", self.terminal.as_deref());
        match purpose {
            Some(purpose) if problems.is_empty() => {
                NewPayment::new(purpose, terminal, self.expires_in_seconds).map_err(errors::of_create)
            }
            _ => Err(problems.into_error()),
        }
    }

    fn purpose(&self, problems: &mut Problems) -> Option<Purpose> {
        let amounts = self.amount_minor.is_some() || self.currency.is_some();
        let words = self.reference.is_some() || self.description.is_some();
        if self.order.is_some() {
            if amounts || words {
                problems
                    .add("order", "amount, reference and description come with the order; leave them out");
            }
            return read::id(problems, "order", self.order.as_deref()).map(Purpose::Order);
        }
        let reference = read::reference(problems, self.reference.as_deref());
        let description = read::words(problems, "description", self.description.as_deref());
        match (self.amount_minor, self.currency.as_deref()) {
            (Some(minor), Some(currency)) => {
                let amount = read::amount(problems, minor, currency)?;
                Some(Purpose::Amount { amount, reference, description })
            }
            _ => {
                problems.add("amount_minor", "send `amount_minor` and `currency`, or `order`");
                None
            }
        }
    }
}

/// Makes a payment and its dynamic code.
#[utoipa::path(post, path = "/v1/payments", request_body = PaymentBody, tag = "payments",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = PaymentView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_payment(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let new = incoming.json::<PaymentBody>()?.parse()?;
    let operation = Operation { name: "create_payment", permission: Permission::TakePayments };
    let call = context.open(incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let new = at_own_terminal(&new, &caller.actor)?;
        let payment =
            create::create_payment(tx, &caller.means, caller.shop, &new).map_err(errors::of_create)?;
        context.publish(tx, &payment);
        Made::new(201, &PaymentView::new(&context, &payment, caller.means.now))
    })
    .await
}

/// A terminal makes payments at itself and at no other.
fn at_own_terminal(new: &NewPayment, actor: &Actor) -> Result<NewPayment, ApiError> {
    let Actor::Terminal(caller) = actor else { return Ok(new.clone()) };
    new.clone().at(caller.terminal).map_err(errors::of_create)
}

/// Which payments.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only in this state.
    state: Option<String>,
    /// Only with this reference of the shop's.
    reference: Option<String>,
    /// Made at this instant or later, RFC 3339.
    from: Option<String>,
    /// Made before this instant, RFC 3339.
    to: Option<String>,
    /// Items on the page, 1 to 100; 20 without it.
    limit: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
}

impl ListQuery {
    fn filter(&self, now: base::Timestamp) -> Result<PaymentFilter, ApiError> {
        let mut problems = Problems::new();
        let mut time = |field: &'static str, text: &Option<String>| {
            let text = text.as_deref()?;
            let at =
                base::Timestamp::parse_rfc3339(text).ok_or("must be RFC 3339 such as `2026-03-01T09:30:00Z`");
            problems.take(field, at)
        };
        let (from, to) = (time("from", &self.from), time("to", &self.to));
        let state = self.state.as_deref().and_then(|name| {
            problems.take("state", PaymentState::named(name).ok_or("is not a state of a payment"))
        });
        let reference =
            read::reference(&mut problems, self.reference.as_deref()).map(|text| text.to_string());
        problems.check()?;
        Ok(PaymentFilter { state, reference, from, to, now, ..PaymentFilter::default() })
    }
}

/// Lists a shop's payments, newest first.
#[utoipa::path(get, path = "/v1/payments", params(ListQuery), tag = "payments",
    responses((status = 200, body = List<PaymentView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn list_payments(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let query = incoming.query::<ListQuery>()?;
    let filter = query.filter(incoming.context.at)?;
    let limit =
        parse_limit(query.limit.as_deref()).map_err(|p: FieldProblem| ApiError::bad_request(vec![p]))?;
    let before = match &query.cursor {
        Some(cursor) => Some(cursor_id(Cursor::decode("payments", cursor)?.text()?)?),
        None => None,
    };
    let call = context.open(incoming).await?;
    call.read(Permission::ViewPayments, move |tx, caller| {
        let found = rows::list_payments(tx, caller.shop, &filter, before.as_deref(), i64::from(limit) + 1)?;
        let list = List::new(found, limit, |payment| Cursor::new("payments").text(payment.id.short()));
        Made::new(200, &list.map(|payment| PaymentView::new(&context, &payment, caller.means.now)))
    })
    .await
}

/// Shows a payment to its shop or its payer.
#[utoipa::path(get, path = "/v1/payments/{id}", params(("id" = String, Path)), tag = "payments",
    responses((status = 200, body = PaymentView), ApiErrors),
    security(("signature" = []), ("member_session" = []), ("buyer_session" = [])))]
pub(super) async fn find_payment(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: PaymentId = path_id(&id)?;
    let call = context.open(incoming).await?;
    call.read(Permission::Enter, move |tx, caller| {
        let payment = visible_payment(tx, caller, id)?;
        Made::new(200, &PaymentView::new(&context, &payment, caller.means.now))
    })
    .await
}

/// A payment the caller may see: the shop's own, the buyer's own, or the one made at the terminal that asks.
pub(super) fn visible_payment(
    tx: &mut store::Tx<'_>,
    caller: &Caller<'_>,
    id: PaymentId,
) -> Result<Payment, ApiError> {
    let unknown = || ApiError::not_found("payment does not exist");
    match &caller.actor {
        Actor::Anyone => Err(ApiError::unauthenticated("sign in, or send a valid key or session")),
        Actor::Buyer(session) => {
            let payment = rows::find_payment(tx, id)?.ok_or_else(unknown)?;
            match payment.buyer {
                Some(buyer) if buyer != session.buyer => Err(unknown()),
                None => Err(unknown()),
                // What still needs the payer is shown to them without the PIN that it will ask for.
                Some(_) if session.awake || payment.stored_state == PaymentState::Paused => Ok(payment),
                Some(_) => Err(identity::routes::asleep()),
            }
        }
        Actor::Terminal(session) => {
            let payment = rows::find_payment(tx, id)?.filter(|_| id.shop() == session.shop);
            payment.filter(|payment| payment.terminal == Some(session.terminal)).ok_or_else(unknown)
        }
        Actor::Member(_) | Actor::ApiKey(_) | Actor::App(_) | Actor::Operator | Actor::System => {
            caller.allow(Permission::ViewPayments, id.shop())?;
            rows::find_payment(tx, id)?.ok_or_else(unknown)
        }
    }
}

/// Takes back a payment that waits.
#[utoipa::path(post, path = "/v1/payments/{id}/cancel", params(("id" = String, Path),
    ("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    tag = "payments", responses((status = 200, body = PaymentView), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn cancel_payment(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: PaymentId = path_id(&id)?;
    let operation = Operation { name: "cancel_payment", permission: Permission::SettlePayments };
    let call = context.open(incoming).await?;
    call.write(operation, vec![rows::payment_key(id)], move |tx, caller| {
        caller.allow(Permission::SettlePayments, id.shop())?;
        let payment =
            create::cancel_payment(tx, &caller.means, &caller.audit(), id, &Origination::of(caller));
        let payment = payment.map_err(errors::of_create)?;
        context.publish(tx, &payment);
        Made::new(200, &PaymentView::new(&context, &payment, caller.means.now))
    })
    .await
}

/// The proof that a payment's entry is in the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProofView {
    /// The entry.
    entry: String,
    /// `included`, or `pending` until a checkpoint covers it.
    standing: &'static str,
    /// The entry's text: the SHA-256 of a zero byte and this text is its leaf hash.
    text: Option<String>,
    /// The inclusion proof in its C2SP form (`tlog-proof`), signed checkpoint included.
    proof: Option<String>,
    /// The log's public key.
    public_key: String,
}

/// Proves that a payment is in the audit log.
#[utoipa::path(get, path = "/v1/payments/{id}/proof", params(("id" = String, Path)), tag = "payments",
    responses((status = 200, body = ProofView), ApiErrors),
    security(("signature" = []), ("member_session" = []), ("buyer_session" = [])))]
pub(super) async fn find_proof(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: PaymentId = path_id(&id)?;
    let call = context.open(incoming).await?;
    call.read(Permission::Enter, move |tx, caller| {
        let payment = visible_payment(tx, caller, id)?;
        let entry =
            payment.entry.ok_or_else(|| ApiError::not_found("payment has no entry in the log yet"))?;
        let key = context.signer.verifier_key();
        let standing = audit::prove(tx, key, entry).map_err(ApiError::internal)?;
        let (standing, proof) = match standing {
            audit::Standing::Included(inclusion) => ("included", Some(inclusion.to_text())),
            audit::Standing::Pending => ("pending", None),
            audit::Standing::Unknown => {
                return Err(ApiError::internal("an entry of the audit log is missing"));
            }
        };
        let text = audit::find_entry_text(tx, entry)?;
        let view = ProofView { entry: entry.to_string(), standing, text, proof, public_key: key.to_string() };
        Made::new(200, &view)
    })
    .await
}
