//! SQL of where payers were when they were asked whether it was them.

use base::{BuyerId, PaymentId, ScopedId, Timestamp};
use risk::Word;
use store::{Error, Table, Tx, Value, int, text};

use super::{broken, centi, place};
use crate::screening::Whereabouts;

/// A row for each payer, of the payment they were asked about last.
pub(super) static ASKED_PLACES: Table = Table::new(
    "asked_places",
    &[text("shop_id"), text("buyer_id")],
    &[text("payment_id"), int("lat_centi"), int("lon_centi"), text("country"), int("asked_at")],
);

pub(super) const SQL: &str = "
    CREATE TABLE asked_places (
        shop_id TEXT NOT NULL, buyer_id TEXT NOT NULL, payment_id TEXT NOT NULL, lat_centi BIGINT, lon_centi BIGINT,
        country TEXT, asked_at BIGINT NOT NULL, PRIMARY KEY (shop_id, buyer_id)) WITHOUT ROWID";

fn key(buyer: BuyerId) -> [Value; 2] {
    [buyer.shop().short().into(), buyer.short().into()]
}

pub(crate) fn put_asked_place(
    tx: &mut Tx<'_>,
    buyer: BuyerId,
    payment: PaymentId,
    whereabouts: Whereabouts,
    at: Timestamp,
) -> Result<(), Error> {
    let mut row = Vec::from(key(buyer));
    let (lat, lon) = centi(whereabouts.place);
    let country = whereabouts.country.map(Word::text);
    row.extend([payment.to_string().into(), lat, lon, country.into(), at.into()]);
    tx.put(&ASKED_PLACES, row)
}

pub(crate) fn delete_asked_place(tx: &mut Tx<'_>, buyer: BuyerId) -> Result<(), Error> {
    tx.delete(&ASKED_PLACES, &key(buyer))
}

/// Which payment the payer was asked about last, and where they were.
pub(crate) fn find_asked_place(
    tx: &mut Tx<'_>,
    buyer: BuyerId,
) -> Result<Option<(PaymentId, Whereabouts)>, Error> {
    let row = tx.get(&ASKED_PLACES, &key(buyer))?;
    row.map(|row| {
        let payment = row.text(2)?.parse().map_err(|_| broken("place"))?;
        let country = row.opt_text(5)?.and_then(Word::parse);
        Ok((payment, Whereabouts { place: place(&row, 3)?, country }))
    })
    .transpose()
}
