//! `/v1/top_ups`: money into a buyer's stored balance, by whoever runs the installation.

use axum::extract::State;
use axum::response::Response;
use base::{BuyerId, ScopedId, ShopId};
use identity::gate::{Made, Operation};
use identity::{Contact, Permission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};

use super::{Context, errors, read};
use crate::balance;

/// Money that was received for a buyer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TopUpBody {
    /// The buyer's id, e-mail address, or telephone number with its country.
    #[schema(min_length = 3, max_length = 254)]
    buyer: String,
    /// How much was received, minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    amount_minor: i64,
    /// ISO 4217 currency.
    #[schema(example = "CNY", min_length = 3, max_length = 3)]
    currency: String,
}

/// A top-up that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TopUpView {
    /// The buyer.
    buyer: String,
    /// How much, minor units.
    amount_minor: i64,
    /// ISO 4217 currency.
    currency: String,
    /// The buyer's balance after it, minor units.
    balance_minor: i64,
}

/// Whose balance.
#[derive(Clone)]
enum Named {
    Id(BuyerId),
    Contact(Contact),
}

impl Named {
    fn parse(text: &str) -> Result<Named, &'static str> {
        if let Ok(id) = text.parse() {
            return Ok(Named::Id(id));
        }
        Contact::parse(text).map(Named::Contact).map_err(|_| "must be a buyer's id, e-mail address or number")
    }
}

/// Adds money to a buyer's stored balance. Needs an operator's session or key; `tillward operator-key` makes the key.
#[utoipa::path(post, path = "/v1/top_ups", request_body = TopUpBody, tag = "operation",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = TopUpView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_top_up(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let body = incoming.json::<TopUpBody>()?;
    let mut problems = Problems::new();
    let named = problems.take("buyer", Named::parse(&body.buyer));
    let amount = read::amount(&mut problems, body.amount_minor, &body.currency);
    let (Some(named), Some(amount)) = (named, amount) else { return Err(problems.into_error()) };
    let operation = Operation { name: "create_top_up", permission: Permission::TopUp };
    let call = context.open(incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        caller.allow(Permission::TopUp, ShopId::HOUSE)?;
        let buyer = match &named {
            Named::Id(id) => Some(*id),
            Named::Contact(contact) => identity::find_buyer_by_contact(tx, caller.means.vault, contact)
                .map_err(|e| errors::fault(&e))?,
        };
        let buyer = buyer.ok_or_else(|| ApiError::not_found("buyer does not exist"))?;
        debug_assert_eq!(buyer.shop(), ShopId::HOUSE);
        balance::top_up(tx, &caller.means, &caller.audit(), buyer, amount)?;
        let balance_minor = balance::find_balance(tx, buyer, amount.currency)?;
        let (amount_minor, currency) = (amount.minor, amount.currency.to_string());
        Made::new(201, &TopUpView { buyer: buyer.to_string(), amount_minor, currency, balance_minor })
    })
    .await
}
