//! What is sealed, listed by owner, and stored again once it was sealed anew.

use base::{CustomerId, ShopId, TokenId};
use store::{Error, Tx};
use vault::SealedValue;

use super::cards::{self, TokenRow};
use super::customers::{self, CustomerRow, ValueRow};
use super::payouts::{self, PayoutRow, Slot};

/// One of the two sealed parts of a card.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// The number.
    Pan,
    /// The name.
    Holder,
}

impl Part {
    fn of(self, row: &mut TokenRow) -> &mut Option<Vec<u8>> {
        match self {
            Part::Pan => &mut row.pan,
            Part::Holder => &mut row.holder,
        }
    }
}

/// The one value of an owner that is itself a row.
fn one(row: &str, sealed: Option<Vec<u8>>, after: &str) -> Vec<SealedValue> {
    let value = sealed.filter(|_| after < row).map(|sealed| SealedValue { row: row.to_owned(), sealed });
    value.into_iter().collect()
}

pub(crate) fn list_parts(
    tx: &mut Tx,
    part: Part,
    id: Option<TokenId>,
    after: &str,
) -> Result<Vec<SealedValue>, Error> {
    let Some(id) = id else { return Ok(Vec::new()) };
    let Some(mut row) = cards::find_token(tx, id)? else { return Ok(Vec::new()) };
    Ok(one(id.short(), part.of(&mut row).take(), after))
}

pub(crate) fn update_part(
    tx: &mut Tx,
    part: Part,
    id: Option<TokenId>,
    sealed: Vec<u8>,
) -> Result<(), Error> {
    let Some(id) = id else { return Ok(()) };
    let Some(mut row) = cards::find_token(tx, id)? else { return Ok(()) };
    *part.of(&mut row) = Some(sealed);
    cards::update_token(tx, row)
}

pub(crate) fn list_externals(
    tx: &mut Tx,
    id: Option<CustomerId>,
    after: &str,
) -> Result<Vec<SealedValue>, Error> {
    let Some(id) = id else { return Ok(Vec::new()) };
    let row = customers::find_customer(tx, id)?;
    Ok(one(id.short(), row.and_then(|row| row.external), after))
}

pub(crate) fn update_external(tx: &mut Tx, id: Option<CustomerId>, sealed: Vec<u8>) -> Result<(), Error> {
    let Some(id) = id else { return Ok(()) };
    match customers::find_customer(tx, id)? {
        Some(row) => customers::update_customer(tx, CustomerRow { external: Some(sealed), ..row }),
        None => Ok(()),
    }
}

pub(crate) fn list_values(
    tx: &mut Tx,
    id: Option<CustomerId>,
    after: &str,
    limit: i64,
    name: fn(&CustomerId, i64) -> String,
) -> Result<Vec<SealedValue>, Error> {
    let Some(id) = id else { return Ok(Vec::new()) };
    let rows = customers::list_values(tx, id)?.into_iter();
    let named = rows.map(|row| SealedValue { row: name(&id, row.slot), sealed: row.sealed });
    let limit = usize::try_from(limit).unwrap_or(0);
    Ok(named.filter(|value| value.row.as_str() > after).take(limit).collect())
}

pub(crate) fn update_value(
    tx: &mut Tx,
    id: Option<CustomerId>,
    row: &str,
    sealed: Vec<u8>,
) -> Result<(), Error> {
    let slot = row.rsplit_once('/').and_then(|(_, slot)| slot.parse().ok());
    let (Some(id), Some(slot)) = (id, slot) else { return Ok(()) };
    match customers::find_value(tx, id, slot)? {
        Some(row) => customers::put_value(tx, ValueRow { sealed, ..row }),
        None => Ok(()),
    }
}

pub(crate) fn list_opening_reasons(
    tx: &mut Tx,
    shop: ShopId,
    owner: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, Error> {
    let sql = "SELECT id, reason FROM openings WHERE shop_id = ?1 AND subject IN (?2, ?3) AND id > ?4 \
        ORDER BY id LIMIT ?5";
    let (token, customer) = (format!("tok_{owner}"), format!("cus_{owner}"));
    let params = [shop.short().into(), token.into(), customer.into(), after.into(), limit.into()];
    values(tx, sql, &params)
}

pub(crate) fn update_opening_reason(
    tx: &mut Tx,
    shop: ShopId,
    owner: &str,
    row: &str,
    sealed: Vec<u8>,
) -> Result<(), Error> {
    let sql = "UPDATE openings SET reason = ?1 WHERE shop_id = ?2 AND subject IN (?3, ?4) AND id = ?5";
    let (token, customer) = (format!("tok_{owner}"), format!("cus_{owner}"));
    tx.execute(sql, &[sealed.into(), shop.short().into(), token.into(), customer.into(), row.into()])
        .map(drop)
}

pub(crate) fn list_export_reasons(
    tx: &mut Tx,
    shop: ShopId,
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, Error> {
    let sql = "SELECT id, reason FROM exports WHERE shop_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    values(tx, sql, &[shop.short().into(), after.into(), limit.into()])
}

pub(crate) fn update_export_reason(
    tx: &mut Tx,
    shop: ShopId,
    row: &str,
    sealed: Vec<u8>,
) -> Result<(), Error> {
    let sql = "UPDATE exports SET reason = ?1 WHERE shop_id = ?2 AND id = ?3";
    tx.execute(sql, &[sealed.into(), shop.short().into(), row.into()]).map(drop)
}

/// One of the sealed parts of a payout account.
#[derive(Clone, Copy)]
pub(crate) enum PayoutPart {
    /// Whose it is.
    Holder,
    /// The number.
    Number,
    /// The bank.
    Bank,
}

/// The account whose data key goes by the name of `owner`, with where it stands.
fn find_payout_of(tx: &mut Tx, (shop, owner): (ShopId, &str)) -> Result<Option<(Slot, PayoutRow)>, Error> {
    for slot in Slot::ALL {
        if let Some(row) = payouts::find_payout(tx, shop, slot)?
            && row.id == owner
        {
            return Ok(Some((slot, row)));
        }
    }
    Ok(None)
}

pub(crate) fn list_payout_parts(
    tx: &mut Tx,
    part: PayoutPart,
    of: (ShopId, &str),
    after: &str,
) -> Result<Vec<SealedValue>, Error> {
    let Some((_, row)) = find_payout_of(tx, of)? else { return Ok(Vec::new()) };
    let sealed = match part {
        PayoutPart::Holder => Some(row.holder),
        PayoutPart::Number => Some(row.number),
        PayoutPart::Bank => row.bank,
    };
    Ok(one(&row.id, sealed, after))
}

pub(crate) fn update_payout_part(
    tx: &mut Tx,
    part: PayoutPart,
    of: (ShopId, &str),
    sealed: Vec<u8>,
) -> Result<(), Error> {
    let Some((slot, mut row)) = find_payout_of(tx, of)? else { return Ok(()) };
    match part {
        PayoutPart::Holder => row.holder = sealed,
        PayoutPart::Number => row.number = sealed,
        PayoutPart::Bank => row.bank = Some(sealed),
    }
    payouts::put_payout(tx, slot, row)
}

fn values(tx: &mut Tx, sql: &str, params: &[store::Value]) -> Result<Vec<SealedValue>, Error> {
    let rows = tx.query(sql, params)?;
    let read =
        |row: &store::Row| Ok(SealedValue { row: row.text(0)?.to_owned(), sealed: row.blob(1)?.to_vec() });
    rows.iter().map(read).collect()
}
