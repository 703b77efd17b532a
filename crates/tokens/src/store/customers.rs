//! Rows of customers, their values, and the shops' own ids.

use base::{CustomerId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};
use vault::KeyedHash;

use crate::customer::{Customer, State};
use crate::values::{Kind, Scheme};

static CUSTOMERS: Table = Table::new(
    "customers",
    &[text("shop_id"), text("id")],
    &[text("state"), blob("external"), int("slots"), int("created_ms"), int("changed_ms"), int("erased_ms")],
);

static CUSTOMER_VALUES: Table = Table::new(
    "customer_values",
    &[text("shop_id"), text("customer"), int("slot")],
    &[text("kind"), text("scheme"), blob("sealed"), blob("search"), int("created_ms")],
);

static EXTERNAL_IDS: Table = Table::new(
    "external_ids",
    &[text("shop_id"), text("kind"), blob("search")],
    &[text("id"), blob("content")],
);

const COLUMNS: &str = "shop_id, id, state, external, slots, created_ms, changed_ms, erased_ms";
const VALUE_COLUMNS: &str = "shop_id, customer, slot, kind, scheme, sealed, search, created_ms";

/// A customer with the shop's own id, sealed.
#[derive(Clone)]
pub(crate) struct CustomerRow {
    pub(crate) customer: Customer,
    pub(crate) external: Option<Vec<u8>>,
    /// The slot the next value gets.
    pub(crate) slots: i64,
}

/// A sealed value.
#[derive(Clone)]
pub(crate) struct ValueRow {
    pub(crate) customer: CustomerId,
    pub(crate) slot: i64,
    pub(crate) kind: Kind,
    pub(crate) scheme: Scheme,
    pub(crate) sealed: Vec<u8>,
    pub(crate) search: Option<KeyedHash>,
    pub(crate) created: Timestamp,
}

/// What a shop's own id stands for.
#[derive(Clone)]
pub(crate) struct ExternalRow {
    pub(crate) shop: ShopId,
    pub(crate) kind: String,
    pub(crate) search: KeyedHash,
    pub(crate) id: String,
    pub(crate) content: KeyedHash,
}

fn key_of(id: CustomerId) -> Vec<Value> {
    vec![id.shop().short().into(), id.short().into()]
}

pub(crate) fn find_customer(tx: &mut Tx, id: CustomerId) -> Result<Option<CustomerRow>, Error> {
    tx.get(&CUSTOMERS, &key_of(id))?.map(|row| read(&row)).transpose()
}

pub(crate) fn insert_customer(tx: &mut Tx, row: CustomerRow) -> Result<(), Error> {
    tx.insert(&CUSTOMERS, values(row))
}

pub(crate) fn update_customer(tx: &mut Tx, row: CustomerRow) -> Result<(), Error> {
    tx.put(&CUSTOMERS, values(row))
}

/// The newest customers of a shop, older than `before`.
pub(crate) fn list_customers(
    tx: &mut Tx,
    shop: ShopId,
    before: Option<CustomerId>,
    limit: i64,
) -> Result<Vec<CustomerRow>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM customers WHERE shop_id = ?1 AND id < ?2 AND state = 'active' ORDER BY id DESC LIMIT ?3"
    );
    let before = before.map_or_else(|| "~".to_owned(), |id| id.short().to_owned());
    tx.query(&sql, &[shop.short().into(), before.into(), limit.into()])?.iter().map(read).collect()
}

/// Customers of a shop that were there at `until`, oldest first, after `after`.
pub(crate) fn list_customers_after(
    tx: &mut Tx,
    (shop, until): (ShopId, Timestamp),
    after: &str,
    limit: i64,
) -> Result<Vec<CustomerRow>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM customers WHERE shop_id = ?1 AND id > ?2 AND state = 'active' AND created_ms <= ?4 ORDER BY id LIMIT ?3"
    );
    tx.query(&sql, &[shop.short().into(), after.into(), limit.into(), until.into()])?
        .iter()
        .map(read)
        .collect()
}

/// Customers of a shop that were there at `until` and have not been erased.
pub(crate) fn count_customers(tx: &mut Tx, shop: ShopId, until: Timestamp) -> Result<i64, Error> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM customers WHERE shop_id = ?1 AND state = 'active' AND created_ms <= ?2";
    tx.query_opt(sql, &[shop.short().into(), until.into()])?.map_or(Ok(0), |row| row.int(0))
}

/// Customers with a value of this blind index.
pub(crate) fn list_customers_by_index(
    tx: &mut Tx,
    shop: ShopId,
    search: &KeyedHash,
    limit: i64,
) -> Result<Vec<CustomerId>, Error> {
    let sql = "SELECT DISTINCT customer FROM customer_values WHERE shop_id = ?1 AND search = ?2 ORDER BY customer \
        LIMIT ?3";
    let rows = tx.query(sql, &[shop.short().into(), search.stored().into(), limit.into()])?;
    rows.iter().map(|row| customer_id(row.text(0)?)).collect()
}

pub(crate) fn insert_value(tx: &mut Tx, row: ValueRow) -> Result<(), Error> {
    tx.insert(&CUSTOMER_VALUES, value_values(row))
}

pub(crate) fn put_value(tx: &mut Tx, row: ValueRow) -> Result<(), Error> {
    tx.put(&CUSTOMER_VALUES, value_values(row))
}

fn value_values(row: ValueRow) -> Vec<Value> {
    let mut values = key_of(row.customer);
    values.extend([
        row.slot.into(),
        row.kind.name().into(),
        row.scheme.name().into(),
        row.sealed.into(),
        row.search.map(|search| search.stored()).into(),
        row.created.into(),
    ]);
    values
}

pub(crate) fn delete_value(tx: &mut Tx, customer: CustomerId, slot: i64) -> Result<(), Error> {
    let mut key = key_of(customer);
    key.push(slot.into());
    tx.delete(&CUSTOMER_VALUES, &key)
}

pub(crate) fn find_value(tx: &mut Tx, customer: CustomerId, slot: i64) -> Result<Option<ValueRow>, Error> {
    let mut key = key_of(customer);
    key.push(slot.into());
    tx.get(&CUSTOMER_VALUES, &key)?.map(|row| read_value(&row)).transpose()
}

/// The values of a customer in the order they came.
pub(crate) fn list_values(tx: &mut Tx, customer: CustomerId) -> Result<Vec<ValueRow>, Error> {
    let sql = format!(
        "SELECT {VALUE_COLUMNS} FROM customer_values WHERE shop_id = ?1 AND customer = ?2 ORDER BY slot"
    );
    tx.query(&sql, &key_of(customer))?.iter().map(read_value).collect()
}

pub(crate) fn find_external(
    tx: &mut Tx,
    shop: ShopId,
    kind: &str,
    search: &KeyedHash,
) -> Result<Option<ExternalRow>, Error> {
    let row = tx.get(&EXTERNAL_IDS, &[shop.short().into(), kind.into(), search.stored().into()])?;
    row.map(|row| {
        let content = KeyedHash::read(row.blob(4)?).ok_or_else(|| bad("content"))?;
        let (kind, id) = (kind.to_owned(), row.text(3)?.to_owned());
        Ok(ExternalRow { shop, kind, search: search.clone(), id, content })
    })
    .transpose()
}

pub(crate) fn insert_external(tx: &mut Tx, row: ExternalRow) -> Result<(), Error> {
    let values = vec![
        row.shop.short().into(),
        row.kind.into(),
        row.search.stored().into(),
        row.id.into(),
        row.content.stored().into(),
    ];
    tx.insert(&EXTERNAL_IDS, values)
}

/// By which index the shop's own id of a customer or card is kept; looks at all of the shop's.
pub(crate) fn find_external_of(
    tx: &mut Tx,
    shop: ShopId,
    kind: &str,
    id: &str,
) -> Result<Option<Vec<u8>>, Error> {
    let sql = "SELECT search FROM external_ids WHERE shop_id = ?1 AND kind = ?2 AND id = ?3";
    let found = tx.query_opt(sql, &[shop.short().into(), kind.into(), id.into()])?;
    found.map(|row| Ok(row.blob(0)?.to_vec())).transpose()
}

pub(crate) fn delete_external(tx: &mut Tx, shop: ShopId, kind: &str, search: &[u8]) -> Result<(), Error> {
    tx.delete(&EXTERNAL_IDS, &[shop.short().into(), kind.into(), search.into()])
}

fn bad(what: &str) -> Error {
    Error::Bug(format!("a stored customer has an unreadable {what}"))
}

fn customer_id(text: &str) -> Result<CustomerId, Error> {
    CustomerId::from_short(text).ok_or_else(|| bad("id"))
}

fn read(row: &Row) -> Result<CustomerRow, Error> {
    let customer = Customer {
        id: customer_id(row.text(1)?)?,
        state: State::from_name(row.text(2)?).ok_or_else(|| bad("state"))?,
        created: row.time(5)?,
        changed: row.time(6)?,
        erased: row.opt_time(7)?,
    };
    Ok(CustomerRow { customer, external: row.opt_blob(3)?.map(<[u8]>::to_vec), slots: row.int(4)? })
}

fn values(row: CustomerRow) -> Vec<Value> {
    let customer = row.customer;
    let mut values = key_of(customer.id);
    values.extend([
        customer.state.name().into(),
        row.external.into(),
        row.slots.into(),
        customer.created.into(),
        customer.changed.into(),
        customer.erased.into(),
    ]);
    values
}

fn read_value(row: &Row) -> Result<ValueRow, Error> {
    Ok(ValueRow {
        customer: customer_id(row.text(1)?)?,
        slot: row.int(2)?,
        kind: Kind::from_name(row.text(3)?).ok_or_else(|| bad("kind"))?,
        scheme: Scheme::from_name(row.text(4)?).ok_or_else(|| bad("scheme"))?,
        sealed: row.blob(5)?.to_vec(),
        search: row.opt_blob(6)?.and_then(KeyedHash::read),
        created: row.time(7)?,
    })
}
