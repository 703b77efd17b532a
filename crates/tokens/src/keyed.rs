//! The columns of this domain that hold hashes under sub-keys, so that the seed of those can be replaced.
//!
//! INVARIANT: a column of such hashes that is not listed here stops being found once its seed is destroyed.

use base::{CustomerId, ShopId, TokenId};
use store::Tx;
use vault::{KeyedColumn, KeyedHash, Pass, Rekeyed, SubKey, Vault, VaultError};

use crate::customer;
use crate::store::cards::{self, TokenRow};
use crate::store::customers::{self, ExternalRow, ValueRow};
use crate::store::keyed::{
    count_cards, count_externals, count_values, list_cards, list_externals, list_values, parts, read_hex,
};
use crate::token;

/// Every one of them.
pub const KEYED: &[KeyedColumn] = &[
    KeyedColumn {
        name: "indexes of customers' values",
        list: list_values,
        count: count_values,
        rekey: rekey_value,
    },
    KeyedColumn { name: "fingerprints of cards", list: list_cards, count: count_cards, rekey: rekey_card },
    KeyedColumn {
        name: "shops' own ids",
        list: list_externals,
        count: count_externals,
        rekey: rekey_external,
    },
];

fn hangs(hash: &KeyedHash) -> Rekeyed {
    Rekeyed { versions: hash.versions().to_vec(), is_stuck: false }
}

fn rekey_value(tx: &mut Tx<'_>, vault: &Vault, name: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let [_, id, slot] = parts(name);
    let (Some(id), Ok(slot)) = (CustomerId::from_short(id), slot.parse()) else {
        return Ok(Rekeyed::default());
    };
    let Some(row) = customers::find_value(tx, id, slot)? else { return Ok(Rekeyed::default()) };
    let Some(hash) = row.search.clone() else { return Ok(Rekeyed::default()) };
    if pass == Pass::Look || vault.is_plain(&hash) {
        return Ok(hangs(&hash));
    }
    match customer::rekey_value(tx, vault, &row) {
        Ok(Some(search)) => {
            let new = hangs(&search);
            customers::put_value(tx, ValueRow { search: Some(search), ..row })?;
            Ok(new)
        }
        // Somebody altered or moved the value: its index stays as it is.
        Ok(None) | Err(VaultError::Open(_) | VaultError::NoDataKey | VaultError::Destroyed) => {
            Ok(Rekeyed { is_stuck: true, ..hangs(&hash) })
        }
        Err(error) => Err(error),
    }
}

fn rekey_card(tx: &mut Tx<'_>, vault: &Vault, name: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let [_, id] = parts(name);
    match TokenId::from_short(id).map_or(Ok(None), |id| cards::find_token(tx, id))? {
        Some(row) => token::rekey_fingerprint(tx, vault, row, pass),
        None => Ok(Rekeyed::default()),
    }
}

/// A shop's own id of a card is kept nowhere, nor is what came with it: both get a layer.
fn rekey_external(tx: &mut Tx<'_>, vault: &Vault, name: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let [shop, kind, search] = parts(name);
    let (Some(shop), Some(hash)) =
        (ShopId::from_short(shop), read_hex(search).and_then(|bytes| KeyedHash::read(&bytes)))
    else {
        return Ok(Rekeyed::default());
    };
    let Some(row) = customers::find_external(tx, shop, kind, &hash)? else { return Ok(Rekeyed::default()) };
    let next = vault.layered(SubKey::BlindIndex, &hash).filter(|_| pass == Pass::Rekey);
    let Some(search) = next else { return Ok(hangs(&hash)) };
    let content = vault.layered(SubKey::BlindIndex, &row.content).unwrap_or_else(|| row.content.clone());
    let (stored, new) = (search.stored(), hangs(&search));
    customers::delete_external(tx, shop, kind, &hash.stored())?;
    customers::insert_external(tx, ExternalRow { search, content, ..row.clone() })?;
    point_to(tx, &row, stored)?;
    Ok(new)
}

/// Lets the card of a shop's own id know its new index, by which it takes the id along when it ends.
pub(crate) fn point_to(tx: &mut Tx<'_>, row: &ExternalRow, search: Vec<u8>) -> Result<(), store::Error> {
    if row.kind != token::EXTERNAL {
        return Ok(());
    }
    let Ok(id) = row.id.parse::<TokenId>() else { return Ok(()) };
    match cards::find_token(tx, id)? {
        Some(card) if card.external.is_some() => {
            cards::update_token(tx, TokenRow { external: Some(search), ..card })
        }
        _ => Ok(()),
    }
}
