//! `/v1/orders` and `/v1/terminals`.

use axum::extract::{Path, State};
use axum::response::Response;
use base::{OrderId, ScopedId, TerminalId};
use identity::gate::{Made, Operation};
use identity::routes::{EnrolmentBody, EnrolmentView};
use identity::{Holder, Label, NewEnrolment, Permission};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, INVALID_CURSOR, Problems};
use webkit::paging::{Cursor, List, parse_limit};

use super::views::{OrderView, TerminalView};
use super::{Context, read};
use crate::order::{self, NewOrder};
use crate::{shop, store as rows};

/// An order to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderBody {
    /// What it costs, minor units.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    amount_minor: i64,
    /// ISO 4217 currency.
    #[schema(example = "CNY", min_length = 3, max_length = 3)]
    currency: String,
    /// The shop's own reference.
    #[schema(max_length = 64)]
    reference: Option<String>,
    /// What is bought.
    #[schema(max_length = 140)]
    description: Option<String>,
}

impl OrderBody {
    fn parse(self) -> Result<NewOrder, ApiError> {
        let mut problems = Problems::new();
        let amount = read::amount(&mut problems, self.amount_minor, &self.currency);
        let reference = read::reference(&mut problems, self.reference.as_deref());
        let description = read::words(&mut problems, "description", self.description.as_deref());
        match amount {
            Some(amount) if problems.is_empty() => Ok(NewOrder { amount, reference, description }),
            _ => Err(problems.into_error()),
        }
    }
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// Items on the page, 1 to 100; 20 without it.
    limit: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
}

impl PageQuery {
    /// The limit, and the short id before which the page starts.
    pub(super) fn parse(&self, list: &str) -> Result<(u32, Option<String>), ApiError> {
        let limit =
            parse_limit(self.limit.as_deref()).map_err(|problem| ApiError::bad_request(vec![problem]))?;
        let Some(cursor) = &self.cursor else { return Ok((limit, None)) };
        let mut parts = Cursor::decode(list, cursor)?;
        Ok((limit, Some(cursor_id(parts.text()?)?)))
    }
}

/// The short id in a cursor.
pub(super) fn cursor_id(text: String) -> Result<String, ApiError> {
    let known = text.len() <= base::limits::ID_CHARS_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if known { Ok(text) } else { Err(ApiError::new(&INVALID_CURSOR, "start again without the cursor")) }
}

/// Makes an order.
#[utoipa::path(post, path = "/v1/orders", request_body = OrderBody, tag = "orders",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = OrderView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_order(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let new = incoming.json::<OrderBody>()?.parse()?;
    let operation = Operation { name: "create_order", permission: Permission::TakePayments };
    let call = context.open(incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let order = order::create_order(tx, &caller.means, caller.shop, &new)?;
        Made::new(201, &OrderView::from(&order))
    })
    .await
}

/// Lists a shop's orders, newest first.
#[utoipa::path(get, path = "/v1/orders", params(PageQuery), tag = "orders",
    responses((status = 200, body = List<OrderView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn list_orders(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let (limit, before) = incoming.query::<PageQuery>()?.parse("orders")?;
    let call = context.open(incoming).await?;
    call.read(Permission::ViewPayments, move |tx, caller| {
        let orders = rows::list_orders(tx, caller.shop, before.as_deref(), i64::from(limit) + 1)?;
        let list = List::new(orders, limit, |order| Cursor::new("orders").text(order.id.short()));
        Made::new(200, &list.map(|order| OrderView::from(&order)))
    })
    .await
}

/// Shows an order.
#[utoipa::path(get, path = "/v1/orders/{id}", params(("id" = String, Path)), tag = "orders",
    responses((status = 200, body = OrderView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn find_order(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: OrderId = path_id(&id)?;
    let call = context.open(incoming).await?;
    call.read(Permission::ViewPayments, move |tx, caller| {
        caller.allow(Permission::ViewPayments, id.shop())?;
        let order = rows::find_order(tx, id)?.ok_or_else(|| ApiError::not_found("order does not exist"))?;
        Made::new(200, &OrderView::from(&order))
    })
    .await
}

/// A terminal to be set up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TerminalBody {
    /// What the shop calls it.
    #[schema(min_length = 1, max_length = 60)]
    name: String,
    /// Where it stands, degrees north; without it where the shop is. Kept to about a kilometre.
    #[schema(minimum = -90, maximum = 90)]
    latitude: Option<f64>,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    longitude: Option<f64>,
}

/// Sets up a terminal.
#[utoipa::path(post, path = "/v1/terminals", request_body = TerminalBody, tag = "terminals",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = TerminalView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_terminal(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let mut problems = Problems::new();
    let body = incoming.json::<TerminalBody>()?;
    let name = read::name(&mut problems, &body.name);
    let place = read::place(&mut problems, body.latitude, body.longitude);
    let Some(name) = name.filter(|_| problems.is_empty()) else { return Err(problems.into_error()) };
    let operation = Operation { name: "create_terminal", permission: Permission::ManageTerminals };
    let call = context.open(incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let terminal = shop::create_terminal(tx, &caller.means, &caller.audit(), caller.shop, &name, place)?;
        Made::new(201, &TerminalView::from(&terminal))
    })
    .await
}

/// Lists a shop's terminals by name.
#[utoipa::path(get, path = "/v1/terminals", tag = "terminals",
    responses((status = 200, body = List<TerminalView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn list_terminals(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let call = context.open(incoming).await?;
    call.read(Permission::ViewPayments, move |tx, caller| {
        let terminals = rows::list_terminals(tx, caller.shop)?;
        let data = terminals.iter().map(TerminalView::from).collect();
        Made::new(200, &List { data, next_cursor: None })
    })
    .await
}

/// Makes a code with which a terminal enrols for a client certificate. The code works once and is not shown again.
#[utoipa::path(post, path = "/v1/terminals/{id}/enrolments", request_body = EnrolmentBody, tag = "certificates",
    params(("id" = String, Path)), responses((status = 201, body = EnrolmentView), ApiErrors),
    security(("member_session" = [])))]
pub(super) async fn create_terminal_enrolment(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: TerminalId = path_id(&id)?;
    let minutes = incoming.json::<EnrolmentBody>()?.minutes();
    let operation =
        Operation { name: "create_terminal_enrolment", permission: Permission::ManageCertificates };
    let call = context.open(incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        caller.allow(Permission::ManageCertificates, id.shop())?;
        let terminal =
            rows::find_terminal(tx, id)?.ok_or_else(|| ApiError::not_found("terminal does not exist"))?;
        let new = NewEnrolment::new(Holder::Terminal(id), Label::from_agent(&terminal.name), minutes)?;
        let (code, expires) = identity::create_enrolment(tx, &caller.means, &caller.actor, &new)?;
        Made::new(201, &EnrolmentView::new(&code, expires))
    })
    .await
}

/// An id in a path: what is no id names nothing.
pub(super) fn path_id<T: std::str::FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("there is no such thing"))
}
