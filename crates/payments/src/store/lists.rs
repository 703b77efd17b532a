//! The SQL behind lists and sums of a shop's payments.

use base::{Money, PaymentId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Tx, Value};

use super::{LAST_ID, PAYMENT_COLUMNS, broken, read_payment, read_refund};
use crate::payment::{Payment, State};
use crate::refund::Refund;

/// Sorts before every short id.
const FIRST_ID: &str = "";

/// Which payments of a shop are listed.
#[derive(Clone, Debug, Default)]
pub struct PaymentFilter {
    /// In this state at [`PaymentFilter::now`].
    pub state: Option<State>,
    /// With this reference of the shop's.
    pub reference: Option<String>,
    /// Of exactly this amount, minor units.
    pub amount_minor: Option<i64>,
    /// Made at this instant or later.
    pub from: Option<Timestamp>,
    /// Made before this instant.
    pub to: Option<Timestamp>,
    /// When it is asked: time ends what waits.
    pub now: Timestamp,
}

/// By what a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// When the payment was made.
    #[default]
    Time,
    /// The amount, then when.
    Amount,
}

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Newest or largest first.
    #[default]
    Down,
    /// Oldest or smallest first.
    Up,
}

/// Where a page of a sorted list ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The short id of its last payment.
    pub id: String,
    /// That payment's amount, minor units.
    pub amount_minor: i64,
}

/// A page of a shop's payments, newest first, before the payment with the short id `before`.
///
/// # Errors
/// Those of the store.
pub fn list_payments(
    tx: &mut Tx<'_>,
    shop: ShopId,
    filter: &PaymentFilter,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Payment>, Error> {
    let spot = before.map(|id| Spot { id: id.to_owned(), amount_minor: 0 });
    list_sorted_payments(tx, shop, filter, (Sort::Time, Direction::Down), spot.as_ref(), limit)
}

/// A page of a shop's payments in any order, after `spot`.
pub(crate) fn list_sorted_payments(
    tx: &mut Tx<'_>,
    shop: ShopId,
    filter: &PaymentFilter,
    order: (Sort, Direction),
    spot: Option<&Spot>,
    limit: i64,
) -> Result<Vec<Payment>, Error> {
    let (by, past) = match order {
        (Sort::Time, Direction::Down) => ("id DESC", "id < ?2"),
        (Sort::Time, Direction::Up) => ("id", "id > ?2"),
        (Sort::Amount, Direction::Down) => {
            ("amount_minor DESC, id DESC", "(amount_minor < ?11 OR (amount_minor = ?11 AND id < ?2))")
        }
        (Sort::Amount, Direction::Up) => {
            ("amount_minor, id", "(amount_minor > ?11 OR (amount_minor = ?11 AND id > ?2))")
        }
    };
    let sql = format!(
        "SELECT {PAYMENT_COLUMNS} FROM payments WHERE shop_id = ?1 AND id >= ?8 AND {past}
         AND (?3 = '' OR (?3 = 'expired' AND state IN ('waiting', 'paused', 'in_review') AND expires_at <= ?9)
              OR (state = ?3 AND (state NOT IN ('waiting', 'paused', 'in_review') OR expires_at > ?9)))
         AND (?4 = '' OR reference = ?4) AND created_at >= ?5 AND created_at < ?6
         AND (CAST(?10 AS BIGINT) = 0 OR amount_minor = ?10) ORDER BY {by} LIMIT ?7"
    );
    let (first_id, first_amount) = match order.1 {
        Direction::Down => (LAST_ID, i64::MAX),
        Direction::Up => (FIRST_ID, i64::MIN),
    };
    let mut params: Vec<Value> = vec![
        shop.short().into(),
        spot.map_or(first_id, |spot| spot.id.as_str()).into(),
        filter.state.map_or("", State::name).into(),
        filter.reference.clone().unwrap_or_default().into(),
        filter.from.map_or(i64::MIN, Timestamp::millis).into(),
        filter.to.map_or(i64::MAX, Timestamp::millis).into(),
        limit.into(),
        first_short(shop, filter.from).into(),
        filter.now.into(),
        filter.amount_minor.unwrap_or(0).into(),
    ];
    if order.0 == Sort::Amount {
        params.push(spot.map_or(first_amount, |spot| spot.amount_minor).into());
    }
    tx.query(&sql, &params)?.iter().map(read_payment).collect()
}

/// What sorts before every short id of `shop` made at `from` or later: ids begin with shop and time, so the primary
/// key finds them.
pub(super) fn first_short(shop: ShopId, from: Option<Timestamp>) -> String {
    from.map_or_else(|| FIRST_ID.to_owned(), |from| PaymentId::earliest(shop, from).short().to_owned())
}

/// A page of the payments that were made with a dynamic code, newest first.
pub(crate) fn list_dynamic_payments(
    tx: &mut Tx<'_>,
    shop: ShopId,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Payment>, Error> {
    let sql = format!(
        "SELECT {PAYMENT_COLUMNS} FROM payments WHERE shop_id = ?1 AND id < ?2 AND code_id IS NULL
         ORDER BY id DESC LIMIT ?3"
    );
    let params = [shop.short().into(), before.unwrap_or(LAST_ID).into(), limit.into()];
    tx.query(&sql, &params)?.iter().map(read_payment).collect()
}

/// How many payments went through with a printed code.
pub(crate) fn count_code_payments(tx: &mut Tx<'_>, code: base::CodeId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM payments WHERE shop_id = ?1 AND code_id = ?2
               AND state IN ('paid', 'partly_refunded', 'refunded')";
    let row = tx.query_opt(sql, &[code.shop().short().into(), code.short().into()])?;
    row.map_or(Ok(0), |row| Ok(u64::try_from(row.int(0)?).unwrap_or(0)))
}

/// A page of a shop's refunds, newest first.
pub(crate) fn list_shop_refunds(
    tx: &mut Tx<'_>,
    shop: ShopId,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Refund>, Error> {
    let sql =
        "SELECT shop_id, id, payment_id, amount_minor, currency, reason, entry_id, created_at FROM refunds
               WHERE shop_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    let params = [shop.short().into(), before.unwrap_or(LAST_ID).into(), limit.into()];
    tx.query(sql, &params)?.iter().map(read_refund).collect()
}

/// What a shop took in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Payments that went through.
    pub payments: u64,
    /// Their amounts, less what was given back of them.
    pub money: Money,
}

/// What a shop took of payments made in `from..to`, in the currency of `zero`.
///
/// # Errors
/// Those of the store.
pub fn sum_taken(
    tx: &mut Tx<'_>,
    shop: ShopId,
    zero: Money,
    from: Timestamp,
    to: Timestamp,
) -> Result<Taken, Error> {
    let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(amount_minor - refunded_minor), 0) AS BIGINT) FROM payments
               WHERE shop_id = ?1 AND id >= ?2 AND created_at >= ?3 AND created_at < ?4 AND currency = ?5
               AND state IN ('paid', 'partly_refunded', 'refunded')";
    let params = [
        shop.short().into(),
        first_short(shop, Some(from)).into(),
        from.into(),
        to.into(),
        zero.currency.code().into(),
    ];
    let read = |row: &Row| {
        let payments = u64::try_from(row.int(0)?).unwrap_or(0);
        Ok(Taken { payments, money: Money::new(row.int(1)?, zero.currency) })
    };
    tx.query_opt(sql, &params)?.as_ref().map(read).transpose()?.ok_or_else(|| broken("sum"))
}
