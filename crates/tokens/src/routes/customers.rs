//! `/v1/customers`: personal data a shop keeps.

use axum::extract::{Path, State};
use axum::response::Response;
use base::CustomerId;
use identity::gate::{Call, Made, Operation};
use identity::{Context, Permission};
use serde::Deserialize;
use utoipa::ToSchema;
use webkit::body::Incoming;
use webkit::error::{ApiError, ApiErrors, Problems};
use webkit::paging::{Cursor, List};

use super::errors;
use super::read::{PageQuery, ValueBody, path_id, why};
use super::tokens::by;
use super::views::{CustomerView, OpenedCustomerView, OpeningView};
use crate::customer::{self, NewCustomer, Search, Wanted};
use crate::limits::VALUES_MAX;
use crate::opening::{self, Attempt, Why};
use crate::values::ExternalId;

/// A customer to be kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerBody {
    /// Name, phones, mails, addresses, identity numbers, bank accounts.
    #[schema(min_items = 1, max_items = 40)]
    values: Vec<ValueBody>,
    /// What the shop calls them; the same twice is refused.
    #[schema(min_length = 1, max_length = 100)]
    external_id: Option<String>,
}

impl CustomerBody {
    fn parse(self) -> Result<NewCustomer, ApiError> {
        let mut problems = Problems::new();
        if self.values.is_empty() || self.values.len() > VALUES_MAX {
            problems.add("values", format!("must be 1 to {VALUES_MAX}"));
            return Err(problems.into_error());
        }
        let mut values = Vec::new();
        for (at, body) in self.values.into_iter().enumerate() {
            values.extend(body.parse(&mut problems, &format!("values[{at}]")));
        }
        let external =
            self.external_id.and_then(|text| problems.take("external_id", ExternalId::parse(&text)));
        problems.check()?;
        Ok(NewCustomer { values, external })
    }
}

/// Keeps a customer. The answer names no value; read the customer for the masked ones.
#[utoipa::path(post, path = "/v1/customers", request_body = CustomerBody, tag = "customers",
    params(("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = CustomerView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn create_customer(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let new = incoming.json::<CustomerBody>()?.parse()?;
    let operation = Operation { name: "create_customer", permission: Permission::ManageCustomers };
    let call = Call::open(&context, incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let made = customer::create_customer(tx, &caller.means, &by(caller), caller.shop, &new);
        Made::new(201, &CustomerView::bare(&made.map_err(errors::of_customer)?))
    })
    .await
}

/// Lists a shop's customers, masked, newest first.
#[utoipa::path(get, path = "/v1/customers", params(PageQuery), tag = "customers",
    responses((status = 200, body = List<CustomerView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn list_customers(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let (limit, before) = incoming.query::<PageQuery>()?.parse("customers")?;
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ViewCustomers, move |tx, caller| {
        let vault = caller.means.vault;
        let found = customer::list_customers(tx, vault, caller.shop, before, i64::from(limit) + 1);
        let found = found.map_err(errors::of_customer)?;
        let list = List::new(found, limit, |one| Cursor::new("customers").text(one.customer.id.to_string()));
        Made::new(200, &list.map(|found| CustomerView::new(&found)))
    })
    .await
}

/// What to look for: one value, or the shop's own id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchBody {
    /// The value somebody has.
    value: Option<ValueBody>,
    /// What the shop calls them.
    #[schema(min_length = 1, max_length = 100)]
    external_id: Option<String>,
}

impl SearchBody {
    fn parse(self) -> Result<Wanted, ApiError> {
        let mut problems = Problems::new();
        let wanted = match (self.value, self.external_id) {
            (Some(value), None) => value.parse(&mut problems, "value").map(Wanted::Value),
            (None, Some(text)) => {
                problems.take("external_id", ExternalId::parse(&text)).map(Wanted::External)
            }
            _ => {
                problems.add("body", "send `value` or `external_id`");
                None
            }
        };
        wanted.ok_or_else(|| problems.into_error())
    }
}

/// Finds customers by one exact value. What is looked for is in the body, since addresses of requests end up in logs. Each
/// search is counted and entered into the audit log, by its kind and never by its value.
#[utoipa::path(post, path = "/v1/customers/search", request_body = SearchBody, tag = "customers",
    responses((status = 200, body = List<CustomerView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn search_customers(
    State(context): State<Context>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let wanted = incoming.json::<SearchBody>()?.parse()?;
    let operation = Operation { name: "search_customers", permission: Permission::ViewCustomers };
    let call = Call::open(&context, incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let search = customer::search_customers(tx, &caller.means, &by(caller), caller.shop, &wanted);
        match search.map_err(errors::of_customer)? {
            Search::Found(found) => Made::new(
                200,
                &List { data: found.iter().map(CustomerView::new).collect(), next_cursor: None },
            ),
            Search::Over { retry_after_seconds } => caller.made(&errors::over_searches(retry_after_seconds)),
        }
    })
    .await
}

/// Shows a customer, masked.
#[utoipa::path(get, path = "/v1/customers/{id}", params(("id" = String, Path)), tag = "customers",
    responses((status = 200, body = CustomerView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn find_customer(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CustomerId = path_id(&id)?;
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ViewCustomers, move |tx, caller| {
        let found = customer::find_customer(tx, caller.means.vault, caller.shop, id);
        Made::new(200, &CustomerView::new(&found.map_err(errors::of_customer)?))
    })
    .await
}

/// Erases a customer with all values and cards, for good.
#[utoipa::path(delete, path = "/v1/customers/{id}", params(("id" = String, Path)), tag = "customers",
    responses((status = 200, body = CustomerView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn erase_customer(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CustomerId = path_id(&id)?;
    let operation = Operation { name: "erase_customer", permission: Permission::ManageCustomers };
    let call = Call::open(&context, incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let erased = customer::erase_customer(tx, &caller.means, &by(caller), caller.shop, id);
        Made::new(200, &CustomerView::bare(&erased.map_err(errors::of_customer)?))
    })
    .await
}

/// Adds a value to a customer.
#[utoipa::path(post, path = "/v1/customers/{id}/values", request_body = ValueBody, tag = "customers",
    params(("id" = String, Path),
    ("Idempotency-Key" = String, Header, description = "a key of your own, 1 to 255 visible characters")),
    responses((status = 201, body = CustomerView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn add_value(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CustomerId = path_id(&id)?;
    let mut problems = Problems::new();
    let value = incoming.json::<ValueBody>()?.parse(&mut problems, "");
    let Some(value) = value else { return Err(problems.into_error()) };
    let operation = Operation { name: "add_value", permission: Permission::ManageCustomers };
    let call = Call::open(&context, incoming).await?;
    call.write(operation, vec![], move |tx, caller| {
        let (means, shop) = (&caller.means, caller.shop);
        let added = customer::add_value(tx, means, &by(caller), shop, id, &value);
        added.map_err(errors::of_customer)?;
        let found = customer::find_customer(tx, means.vault, shop, id).map_err(errors::of_customer)?;
        Made::new(201, &CustomerView::bare(&found.customer))
    })
    .await
}

/// Removes a value of a customer.
#[utoipa::path(delete, path = "/v1/customers/{id}/values/{slot}", tag = "customers",
    params(("id" = String, Path), ("slot" = i64, Path, description = "the value's number")),
    responses((status = 200, body = CustomerView), ApiErrors), security(("signature" = []), ("member_session" = [])))]
pub(super) async fn remove_value(
    State(context): State<Context>,
    Path((id, slot)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let (id, slot): (CustomerId, i64) = (path_id(&id)?, path_id(&slot)?);
    let operation = Operation { name: "remove_value", permission: Permission::ManageCustomers };
    let call = Call::open(&context, incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let (means, shop) = (&caller.means, caller.shop);
        let removed = customer::remove_value(tx, means, &by(caller), shop, id, slot);
        removed.map_err(errors::of_customer)?;
        let found = customer::find_customer(tx, means.vault, shop, id).map_err(errors::of_customer)?;
        Made::new(200, &CustomerView::new(&found))
    })
    .await
}

/// Which values to open, what for, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenBody {
    /// The numbers of the values, no more than are needed.
    #[schema(min_items = 1, max_items = 40)]
    values: Vec<i64>,
    /// `process_payment`, `pay_out`, `answer_customer`, `check_fraud`, `handle_dispute`, `correct_data`, `legal_duty` or
    /// `migrate`.
    #[schema(example = "answer_customer")]
    purpose: String,
    /// A ticket or a sentence. Kept for the person it is about.
    #[schema(min_length = 3, max_length = 200, example = "ticket 4711")]
    reason: String,
}

impl OpenBody {
    fn parse(self) -> Result<(Vec<i64>, Why), ApiError> {
        let mut problems = Problems::new();
        let why = why(&mut problems, &self.purpose, &self.reason);
        why.map(|why| (self.values, why)).ok_or_else(|| problems.into_error())
    }
}

/// Opens values of a customer. Each answer is one opening: it is counted, entered into the audit log and kept for the
/// person it is about.
#[utoipa::path(post, path = "/v1/customers/{id}/open", request_body = OpenBody, params(("id" = String, Path)),
    tag = "customers", responses((status = 200, body = OpenedCustomerView), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn open_customer(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CustomerId = path_id(&id)?;
    let (slots, why) = incoming.json::<OpenBody>()?.parse()?;
    let operation = Operation { name: "open_customer", permission: Permission::OpenCustomers };
    let call = Call::open(&context, incoming).await?;
    call.write_plain(operation, move |tx, caller| {
        let (means, shop) = (&caller.means, caller.shop);
        let attempt = opening::open_customer(tx, means, &by(caller), shop, id, &slots, &why);
        match attempt.map_err(errors::of_opening)? {
            Attempt::Opened(opened) => Made::new(200, &OpenedCustomerView::from(&opened)),
            Attempt::Over { retry_after_seconds } => caller.made(&errors::over(retry_after_seconds)),
        }
    })
    .await
}

/// Lists who opened values of a customer, newest first: what the person is shown who asks.
#[utoipa::path(get, path = "/v1/customers/{id}/openings", params(("id" = String, Path)), tag = "customers",
    responses((status = 200, body = List<OpeningView>), ApiErrors),
    security(("signature" = []), ("member_session" = [])))]
pub(super) async fn list_customer_openings(
    State(context): State<Context>,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: CustomerId = path_id(&id)?;
    let call = Call::open(&context, incoming).await?;
    call.read(Permission::ViewCustomers, move |tx, caller| {
        let found = opening::list_customer_openings(tx, &caller.means, caller.shop, id);
        let found = found.map_err(errors::of_opening)?;
        Made::new(200, &List { data: found.iter().map(OpeningView::from).collect(), next_cursor: None })
    })
    .await
}
