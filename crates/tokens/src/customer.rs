//! Customers: personal data a shop keeps, value by value.
//!
//! Each customer has a data key of their own and each value is sealed at its own place, so a value cannot be moved to
//! another customer or slot. Searching goes by blind index, exact, within one shop: the same phone number has another
//! index in another shop. Erasing a customer destroys the data key and deletes cards, values and indexes.

use std::collections::BTreeSet;

use ::store::Tx;
use base::{CustomerId, ScopedId, Secret, ShopId, Timestamp};
use identity::{Fault, Means};
use vault::{DataKey, KeyedHash, OpenError, Place, Vault, VaultError};

use crate::legible::{find_key, legible};
use crate::limits::{LIST_MAX, VALUES_MAX};
use crate::record::{self, By, Event, note, takes_faults};
use crate::store::cards;
use crate::store::customers::{self as rows, CustomerRow, ExternalRow, ValueRow};
use crate::token;
use crate::values::{ExternalId, Kind, Scheme, Value};
use crate::watch::{self, Admission};

pub(crate) const TABLE: &str = "customers";
pub(crate) const VALUES_TABLE: &str = "customer_values";
/// The kind of what came under a shop's own id.
const CONTENT: &str = "import content";
/// The kind of the shop's own ids of customers.
pub(crate) const EXTERNAL: &str = "customer";

/// Whether a customer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// With data.
    Active,
    /// Erased: an id without data.
    Erased,
}

impl State {
    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Erased => "erased",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<State> {
        [State::Active, State::Erased].into_iter().find(|state| state.name() == name)
    }
}

/// A customer, without anything personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The customer.
    pub id: CustomerId,
    /// Active or erased.
    pub state: State,
    /// Since when.
    pub created: Timestamp,
    /// The last change of a value.
    pub changed: Timestamp,
    /// When the data went.
    pub erased: Option<Timestamp>,
}

/// A value as it may be shown without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedValue {
    /// Its number within the customer.
    pub slot: i64,
    /// What it is.
    pub kind: Kind,
    /// Which rules it follows.
    pub scheme: Scheme,
    /// What may be shown; `None` where the sealed value does not open.
    pub masked: Option<String>,
    /// Since when.
    pub created: Timestamp,
}

/// A customer with masked values.
#[derive(Clone, Debug)]
pub struct MaskedCustomer {
    /// The customer.
    pub customer: Customer,
    /// What the shop calls them.
    pub external: Option<Secret<String>>,
    /// The values in the order they came.
    pub values: Vec<MaskedValue>,
}

/// A customer to keep, checked.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// At least one, at most [`VALUES_MAX`].
    pub values: Vec<Value>,
    /// What the shop calls them; the same twice is refused.
    pub external: Option<ExternalId>,
}

/// Why a customer could not be made, found or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    /// No value, or more than fit.
    #[error("a customer has 1 to {VALUES_MAX} values")]
    Values,
    /// The shop gave this id to a customer before.
    #[error("a customer with this external id is kept already as `{0}`")]
    ExternalTaken(String),
    /// No such customer in this shop.
    #[error("there is no such customer")]
    NotFound,
    /// No such value of this customer.
    #[error("the customer has no value `{0}`")]
    NoValue(i64),
    /// The data is gone.
    #[error("the customer was erased")]
    Erased,
    /// A search by what nobody is found by.
    #[error("customers are not found by their address")]
    NotSearchable,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(CustomerError);

/// Keeps a customer.
///
/// # Errors
/// [`CustomerError::Values`], [`CustomerError::ExternalTaken`].
pub fn create_customer(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    new: &NewCustomer,
) -> Result<Customer, CustomerError> {
    if new.values.is_empty() || new.values.len() > VALUES_MAX {
        return Err(CustomerError::Values);
    }
    let id = CustomerId::new(shop, means.now, means.dice);
    if let Some(external) = &new.external {
        take_external(tx, means.vault, id, external, new)?;
    }
    let key = means.vault.data_key(tx, shop, id.short(), means.now, means.dice)?;
    let mut slots = 0;
    for value in &new.values {
        slots += 1;
        insert_value(tx, means, &key, id, slots, value)?;
    }
    let customer =
        Customer { id, state: State::Active, created: means.now, changed: means.now, erased: None };
    let external = new.external.as_ref().map(|own| key.seal(&external_place(&id), own.secret(), means.dice));
    rows::insert_customer(
        tx,
        CustomerRow { customer: customer.clone(), external: external.transpose()?, slots },
    )?;
    note(tx, means, by, shop, Event::new(record::CUSTOMER_CREATED, id).with("values", slots))?;
    Ok(customer)
}

/// A customer with masked values.
///
/// # Errors
/// [`CustomerError::NotFound`].
pub fn find_customer(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    id: CustomerId,
) -> Result<MaskedCustomer, CustomerError> {
    let row = find_row(tx, shop, id)?;
    masked(tx, vault, row)
}

/// The customers of a shop with masked values, newest first, older than `before`.
///
/// # Errors
/// [`CustomerError::Fault`] alone.
pub fn list_customers(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    before: Option<CustomerId>,
    limit: i64,
) -> Result<Vec<MaskedCustomer>, CustomerError> {
    let found = rows::list_customers(tx, shop, before, limit.min(LIST_MAX + 1))?;
    found.into_iter().map(|row| masked(tx, vault, row)).collect()
}

/// What customers are looked for by.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A value, whole.
    Value(Value),
    /// What the shop calls them.
    External(ExternalId),
}

impl Wanted {
    /// What it is, by name.
    fn name(&self) -> &'static str {
        match self {
            Wanted::Value(value) => value.kind().name(),
            Wanted::External(_) => "external_id",
        }
    }
}

/// What a search came to. Both are answers: a refusal over a limit must leave its count behind.
#[derive(Clone, Debug)]
pub enum Search {
    /// Those found, masked.
    Found(Vec<MaskedCustomer>),
    /// Over the limit; nothing was looked for.
    Over {
        /// Seconds until the next hour begins.
        retry_after_seconds: u32,
    },
}

/// The customers of a shop who have exactly this value. Each search is counted and noted, by kind and never by value.
///
/// # Errors
/// [`CustomerError::NotSearchable`].
pub fn search_customers(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    wanted: &Wanted,
) -> Result<Search, CustomerError> {
    if let Admission::Over { retry_after_seconds } = watch::admit_search(tx, means, by, shop)? {
        return Ok(Search::Over { retry_after_seconds });
    }
    let found = match wanted {
        Wanted::Value(value) => list_customers_with(tx, means.vault, shop, value)?,
        Wanted::External(own) => list_customers_called(tx, means.vault, shop, own)?,
    };
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let event = Event::new(record::CUSTOMER_SEARCHED, shop).with("by", wanted.name()).with("found", count);
    note(tx, means, by, shop, event)?;
    Ok(Search::Found(found))
}

fn list_customers_with(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    value: &Value,
) -> Result<Vec<MaskedCustomer>, CustomerError> {
    let (kind, text) = search_parts(shop, value).ok_or(CustomerError::NotSearchable)?;
    let mut ids = BTreeSet::new();
    for search in vault.indexes(&kind, text.expose()) {
        ids.extend(rows::list_customers_by_index(tx, shop, &search, LIST_MAX)?);
    }
    let limit = usize::try_from(LIST_MAX).unwrap_or(usize::MAX);
    ids.into_iter().take(limit).map(|id| find_customer(tx, vault, shop, id)).collect()
}

fn list_customers_called(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    external: &ExternalId,
) -> Result<Vec<MaskedCustomer>, CustomerError> {
    let Some(row) = find_external(tx, vault, shop, EXTERNAL, external)? else { return Ok(Vec::new()) };
    let id = row.id.parse().map_err(|_| Fault::Row("external id"))?;
    Ok(vec![find_customer(tx, vault, shop, id)?])
}

/// Adds a value to a customer and returns its slot.
///
/// # Errors
/// [`CustomerError::NotFound`], [`CustomerError::Erased`], [`CustomerError::Values`].
pub fn add_value(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    id: CustomerId,
    value: &Value,
) -> Result<i64, CustomerError> {
    let row = find_active(tx, shop, id)?;
    if rows::list_values(tx, id)?.len() >= VALUES_MAX {
        return Err(CustomerError::Values);
    }
    let key = means.vault.sealing_key(tx, shop, id.short(), means.now, means.dice)?;
    let slot = row.slots + 1;
    insert_value(tx, means, &key, id, slot, value)?;
    change(tx, means, row, slot)?;
    let event =
        Event::new(record::CUSTOMER_CHANGED, id).with("added", value.kind().name()).with("slot", slot);
    note(tx, means, by, shop, event)?;
    Ok(slot)
}

/// Removes a value of a customer. The last one stays: a customer without values is erased instead.
///
/// # Errors
/// [`CustomerError::NotFound`], [`CustomerError::Erased`], [`CustomerError::NoValue`], [`CustomerError::Values`].
pub fn remove_value(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    id: CustomerId,
    slot: i64,
) -> Result<(), CustomerError> {
    let row = find_active(tx, shop, id)?;
    let value = rows::find_value(tx, id, slot)?.ok_or(CustomerError::NoValue(slot))?;
    if rows::list_values(tx, id)?.len() == 1 {
        return Err(CustomerError::Values);
    }
    rows::delete_value(tx, id, slot)?;
    let slots = row.slots;
    change(tx, means, row, slots)?;
    let event =
        Event::new(record::CUSTOMER_CHANGED, id).with("removed", value.kind.name()).with("slot", slot);
    note(tx, means, by, shop, event)?;
    Ok(())
}

/// Erases a customer: values, indexes and cards go, and the data key with them. Twice is no error.
///
/// # Errors
/// [`CustomerError::NotFound`].
pub fn erase_customer(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    id: CustomerId,
) -> Result<Customer, CustomerError> {
    let row = find_row(tx, shop, id)?;
    if row.customer.state == State::Erased {
        return Ok(row.customer);
    }
    free_external(tx, means.vault, &row)?;
    let values = rows::list_values(tx, id)?;
    for value in &values {
        rows::delete_value(tx, id, value.slot)?;
    }
    let cards = erase_cards(tx, means, id)?;
    Vault::destroy_data_key(tx, shop, id.short(), means.now)?;
    let now = means.now;
    let customer = Customer { state: State::Erased, changed: now, erased: Some(now), ..row.customer };
    rows::update_customer(tx, CustomerRow { customer: customer.clone(), external: None, slots: row.slots })?;
    let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
    let event = Event::new(record::CUSTOMER_ERASED, id).with("values", count).with("cards", cards);
    note(tx, means, by, shop, event)?;
    Ok(customer)
}

/// Frees the shop's own id of a customer who is erased. One that does not open is found by whom it stands for, among all
/// of the shop's: what somebody altered must keep nobody from being erased.
fn free_external(tx: &mut Tx, vault: &Vault, row: &CustomerRow) -> Result<(), CustomerError> {
    let id = row.customer.id;
    if row.external.is_none() {
        return Ok(());
    }
    let key = find_key(tx, vault, id.shop(), id.short())?;
    let found = match key.and_then(|key| open_external(&key, row)) {
        Some(own) => {
            find_external_text(tx, vault, (id.shop(), EXTERNAL), &own)?.map(|row| row.search.stored())
        }
        None => rows::find_external_of(tx, id.shop(), EXTERNAL, &id.to_string())?,
    };
    if let Some(search) = found {
        rows::delete_external(tx, id.shop(), EXTERNAL, &search)?;
    }
    Ok(())
}

/// Ends every card of a customer who is erased.
fn erase_cards(tx: &mut Tx, means: &Means<'_>, id: CustomerId) -> Result<i64, CustomerError> {
    let mut count = 0;
    loop {
        let cards = cards::list_tokens_of_customer(tx, id, LIST_MAX)?;
        let kept = cards.into_iter().filter(|token| token.state == token::State::Active);
        let mut ended = 0;
        for token in kept {
            let Some(row) = cards::find_token(tx, token.id)? else { continue };
            token::end_token(tx, row, token::State::Deleted, means.now).map_err(token::fault_of)?;
            ended += 1;
        }
        count += ended;
        if ended < LIST_MAX {
            return Ok(count);
        }
    }
}

fn change(tx: &mut Tx, means: &Means<'_>, row: CustomerRow, slots: i64) -> Result<(), CustomerError> {
    let customer = Customer { changed: means.now, ..row.customer };
    Ok(rows::update_customer(tx, CustomerRow { customer, slots, ..row })?)
}

pub(crate) fn find_row(tx: &mut Tx, shop: ShopId, id: CustomerId) -> Result<CustomerRow, CustomerError> {
    if id.shop() != shop {
        return Err(CustomerError::NotFound);
    }
    rows::find_customer(tx, id)?.ok_or(CustomerError::NotFound)
}

pub(crate) fn find_active(tx: &mut Tx, shop: ShopId, id: CustomerId) -> Result<CustomerRow, CustomerError> {
    let row = find_row(tx, shop, id)?;
    if row.customer.state == State::Erased { Err(CustomerError::Erased) } else { Ok(row) }
}

fn insert_value(
    tx: &mut Tx,
    means: &Means<'_>,
    key: &DataKey,
    id: CustomerId,
    slot: i64,
    value: &Value,
) -> Result<(), CustomerError> {
    let place_row = value_row(&id, slot);
    let row = ValueRow {
        customer: id,
        slot,
        kind: value.kind(),
        scheme: value.scheme(),
        sealed: key.seal(&value_place(&place_row), value.text(), means.dice)?,
        search: search_to_store(tx, means.vault, id.shop(), value)?,
        created: means.now,
    };
    Ok(rows::insert_value(tx, row)?)
}

/// Opens a value. The caller has checked the right to and notes it, or shows it masked.
pub(crate) fn open_value(key: &DataKey, row: &ValueRow) -> Result<Value, OpenError> {
    let text = key.open(&value_place(&value_row(&row.customer, row.slot)), &row.sealed)?;
    Ok(Value::stored(row.kind, row.scheme, text))
}

/// The value, where it opens.
pub(crate) fn open_legible(key: &DataKey, row: &ValueRow) -> Option<Value> {
    let place_row = value_row(&row.customer, row.slot);
    legible(&value_place(&place_row), open_value(key, row))
}

fn masked(tx: &mut Tx, vault: &Vault, row: CustomerRow) -> Result<MaskedCustomer, CustomerError> {
    if row.customer.state == State::Erased {
        return Ok(MaskedCustomer { customer: row.customer, external: None, values: Vec::new() });
    }
    let id = row.customer.id;
    let key = find_key(tx, vault, id.shop(), id.short())?;
    let values = rows::list_values(tx, id)?;
    let values = values.into_iter().map(|value| masked_value(key.as_ref(), value)).collect();
    let external = key.as_ref().and_then(|key| open_external(key, &row));
    Ok(MaskedCustomer { customer: row.customer, external, values })
}

fn masked_value(key: Option<&DataKey>, row: ValueRow) -> MaskedValue {
    let masked = key.and_then(|key| open_legible(key, &row)).map(|value| value.masked());
    MaskedValue { slot: row.slot, kind: row.kind, scheme: row.scheme, masked, created: row.created }
}

/// What the shop calls the customer, where that opens.
pub(crate) fn open_external(key: &DataKey, row: &CustomerRow) -> Option<Secret<String>> {
    let place = external_place(&row.customer.id);
    row.external.as_deref().and_then(|sealed| legible(&place, key.open(&place, sealed)))
}

fn take_external(
    tx: &mut Tx,
    vault: &Vault,
    id: CustomerId,
    external: &ExternalId,
    new: &NewCustomer,
) -> Result<(), CustomerError> {
    if let Some(taken) = find_external(tx, vault, id.shop(), EXTERNAL, external)? {
        return Err(CustomerError::ExternalTaken(taken.id));
    }
    let known = Known { shop: id.shop(), kind: EXTERNAL, external, content: &content_of(new) };
    known.insert(tx, vault, id.to_string())?;
    Ok(())
}

/// What tells whether the same data comes again under the same external id.
pub(crate) fn content_of(new: &NewCustomer) -> Secret<String> {
    let mut parts = Secret::new(String::new());
    for value in &new.values {
        let part = format!(
            "{}\u{1f}{}\u{1f}{}\u{1e}",
            value.kind().name(),
            value.scheme().name(),
            value.text().expose()
        );
        parts = Secret::new(format!("{}{part}", parts.expose()));
    }
    parts
}

/// A shop's own id with what came under it.
pub(crate) struct Known<'a> {
    pub(crate) shop: ShopId,
    pub(crate) kind: &'static str,
    pub(crate) external: &'a ExternalId,
    pub(crate) content: &'a Secret<String>,
}

impl Known<'_> {
    /// Keeps it, and returns its index as stored.
    pub(crate) fn insert(&self, tx: &mut Tx, vault: &Vault, id: String) -> Result<Vec<u8>, Fault> {
        let own = self.external.secret().expose();
        let search = vault.index_to_store(tx, &index_kind(self.shop, self.kind), own)?;
        let content = vault.index(&index_kind(self.shop, CONTENT), self.content.expose());
        let stored = search.stored();
        let row = ExternalRow { shop: self.shop, kind: self.kind.to_owned(), search, id, content };
        rows::insert_external(tx, row)?;
        Ok(stored)
    }

    /// Whether what came before under this id is the same.
    pub(crate) fn is_same(&self, vault: &Vault, row: &ExternalRow) -> Result<bool, Fault> {
        Ok(vault.index_fits(&index_kind(self.shop, CONTENT), self.content.expose(), &row.content)?)
    }
}

/// What a shop's own id stands for, by whichever keys its index was made. The id of a card is kept nowhere else.
pub(crate) fn find_external(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    kind: &str,
    external: &ExternalId,
) -> Result<Option<ExternalRow>, Fault> {
    find_external_text(tx, vault, (shop, kind), external.secret())
}

fn find_external_text(
    tx: &mut Tx,
    vault: &Vault,
    (shop, kind): (ShopId, &str),
    external: &Secret<String>,
) -> Result<Option<ExternalRow>, Fault> {
    for search in vault.layered_indexes(&index_kind(shop, kind), external.expose()) {
        if let Some(row) = rows::find_external(tx, shop, kind, &search)? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// What customers are found by: a kind of index and its text.
fn search_parts(shop: ShopId, value: &Value) -> Option<(String, Secret<String>)> {
    let text = value.index_text()?;
    let kind = format!("value {} {}", value.kind().name(), value.scheme().name());
    Some((index_kind(shop, &kind), text))
}

/// The index of a value, to be stored beside it; `None` for one that nobody is found by.
pub(crate) fn search_to_store(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    value: &Value,
) -> Result<Option<KeyedHash>, VaultError> {
    let Some((kind, text)) = search_parts(shop, value) else { return Ok(None) };
    vault.index_to_store(tx, &kind, text.expose()).map(Some)
}

/// The index of a stored value by the key in use, when the seed of the sub-keys is replaced.
pub(crate) fn rekey_value(
    tx: &mut Tx,
    vault: &Vault,
    row: &ValueRow,
) -> Result<Option<KeyedHash>, VaultError> {
    let id = row.customer;
    let key = vault.find_data_key(tx, id.shop(), id.short())?;
    let text = key.open(&value_place(&value_row(&id, row.slot)), &row.sealed)?;
    search_to_store(tx, vault, id.shop(), &Value::stored(row.kind, row.scheme, text))
}

/// The kind of a keyed hash that is another one in each shop, so that two shops' rows tell nothing about each other (CR-6).
fn index_kind(shop: ShopId, kind: &str) -> String {
    format!("tokens {kind} {}", shop.short())
}

/// Where a value is sealed for; in the order of slots.
pub(crate) fn value_row(id: &CustomerId, slot: i64) -> String {
    format!("{}/{slot:08}", id.short())
}

fn value_place(row: &str) -> Place<'_> {
    Place { table: VALUES_TABLE, column: "sealed", row }
}

fn external_place(id: &CustomerId) -> Place<'_> {
    Place { table: TABLE, column: "external", row: id.short() }
}
