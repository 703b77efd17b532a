//! Orders: what a payment is for. They come from the shop's own system, or are typed in.

use base::{Money, OrderId, PaymentId, ShopId, Timestamp};
use identity::Means;
use store::Tx;

use crate::store as rows;
use crate::text::ShortText;

/// An order of a shop.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The shop's own reference.
    pub reference: Option<String>,
    /// What is bought.
    pub description: Option<String>,
    /// What it costs.
    pub amount: Money,
    /// The payment that paid it. INVARIANT: set once; an order is paid at most once.
    pub payment: Option<PaymentId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What making an order takes.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// What it costs.
    pub amount: Money,
    /// The shop's own reference.
    pub reference: Option<ShortText>,
    /// What is bought.
    pub description: Option<ShortText>,
}

/// Makes an order.
///
/// # Errors
/// Those of the store.
pub fn create_order(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    shop: ShopId,
    new: &NewOrder,
) -> Result<Order, store::Error> {
    let order = Order {
        id: OrderId::new(shop, means.now, means.dice),
        reference: new.reference.as_ref().map(ToString::to_string),
        description: new.description.as_ref().map(ToString::to_string),
        amount: new.amount,
        payment: None,
        created_at: means.now,
    };
    rows::put_order(tx, &order)?;
    Ok(order)
}
