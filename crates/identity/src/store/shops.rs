//! SQL of shops.

use base::ShopId;
use store::{Error, Row, Table, Tx, Value, int, text};

use super::{broken, named, shop_at};
use crate::shops::Shop;

named! {
    /// Whether a shop sells.
    pub enum ShopState {
        /// It sells.
        Open = "open",
        /// It was closed: nothing is sold, everything can be read.
        Closed = "closed",
    }
}

static SHOPS: Table = Table::new(
    "shops",
    &[text("shop_id")],
    &[
        text("name"),
        text("city"),
        text("country"),
        text("category"),
        text("currency"),
        text("state"),
        int("created_ms"),
        int("buyer_factor_minor"),
    ],
)
.kept();

pub(crate) struct ShopRow {
    pub(crate) shop: Shop,
}

/// The row of a shop, for [`store::Tx::expect`].
pub fn shop_key(id: ShopId) -> store::Key {
    store::Key::new(&SHOPS, vec![id.short().into()])
}

pub(crate) fn find_shop(tx: &mut Tx, id: ShopId) -> Result<Option<ShopRow>, Error> {
    tx.get(&SHOPS, &[id.short().into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn list_shops(tx: &mut Tx, limit: usize) -> Result<Vec<ShopRow>, Error> {
    let sql = "SELECT shop_id, name, city, country, category, currency, state, created_ms, buyer_factor_minor
               FROM shops ORDER BY name, shop_id LIMIT ?1";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(sql, &[Value::Int(limit)])?.iter().map(read).collect()
}

pub(crate) fn insert_shop(tx: &mut Tx, row: ShopRow) -> Result<(), Error> {
    tx.insert(&SHOPS, values(row))
}

pub(crate) fn update_shop(tx: &mut Tx, row: ShopRow) -> Result<(), Error> {
    tx.put(&SHOPS, values(row))
}

fn values(row: ShopRow) -> Vec<Value> {
    let shop = row.shop;
    vec![
        shop.id.short().into(),
        shop.name.into(),
        shop.city.into(),
        shop.country.into(),
        shop.category.into(),
        shop.currency.code().into(),
        shop.state.name().into(),
        shop.created.into(),
        shop.buyer_factor_above_minor.into(),
    ]
}

fn read(row: &Row) -> Result<ShopRow, Error> {
    let shop = Shop {
        id: shop_at(row, 0, "shops")?,
        name: row.text(1)?.to_owned(),
        city: row.text(2)?.to_owned(),
        country: row.text(3)?.to_owned(),
        category: row.text(4)?.to_owned(),
        currency: row.text(5)?.parse().map_err(|_| broken("shops"))?,
        state: ShopState::from_name(row.text(6)?).ok_or_else(|| broken("shops"))?,
        created: row.time(7)?,
        buyer_factor_above_minor: row.opt_int(8)?,
    };
    Ok(ShopRow { shop })
}
