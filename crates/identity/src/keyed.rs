//! The columns of identity that hold hashes under sub-keys, so that the seed of those can be replaced.
//!
//! INVARIANT: a column of such hashes that is not listed here stops being found or checked once its seed is destroyed.
//! Not listed is what ends within a day: codes on their way, counts of tries, sign-ins at the provider.

use base::{BuyerId, MemberId, ShopId};
use store::Tx;
use vault::{KeyedColumn, KeyedHash, Pass, Rekeyed, SubKey, Vault, VaultError};

use crate::buyers::rekey_contact;
use crate::logins::rekey_email;
use crate::outside::move_binding;
use crate::store::keyed::{
    count_bindings, count_buyers, count_members, count_recovery_codes, list_bindings, list_buyers,
    list_members, list_recovery_codes, parts,
};
use crate::store::{buyers, factors, members, outside};
use crate::token::{hash_text, read_hash};

/// Every one of them.
pub const KEYED: &[KeyedColumn] = &[
    KeyedColumn { name: "payment PINs", list: list_buyers, count: count_buyers, rekey: rekey_pin },
    KeyedColumn {
        name: "indexes of buyers' contacts",
        list: list_buyers,
        count: count_buyers,
        rekey: rekey_buyer,
    },
    KeyedColumn {
        name: "indexes of members' addresses",
        list: list_members,
        count: count_members,
        rekey: rekey_member,
    },
    KeyedColumn {
        name: "recovery codes",
        list: list_recovery_codes,
        count: count_recovery_codes,
        rekey: rekey_recovery_code,
    },
    KeyedColumn {
        name: "people of the sign-in provider",
        list: list_bindings,
        count: count_bindings,
        rekey: rekey_binding,
    },
];

fn hangs(hash: &KeyedHash) -> Rekeyed {
    Rekeyed { versions: hash.versions().to_vec(), is_stuck: false }
}

/// What stays by its older key, since what it was made of does not open.
fn stuck(hash: &KeyedHash) -> Rekeyed {
    Rekeyed { is_stuck: true, ..hangs(hash) }
}

/// What is made anew from an opened value: a value that somebody altered or moved stays as it is, and says so.
fn anew(old: &KeyedHash, made: Result<KeyedHash, VaultError>) -> Result<Rekeyed, VaultError> {
    match made {
        Ok(new) => Ok(hangs(&new)),
        Err(VaultError::Open(_) | VaultError::NoDataKey | VaultError::Destroyed | VaultError::Tampered) => {
            Ok(stuck(old))
        }
        Err(error) => Err(error),
    }
}

fn rekey_pin(tx: &mut Tx<'_>, vault: &Vault, id: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let row = BuyerId::from_short(id).map_or(Ok(None), |id| buyers::find_buyer(tx, id))?;
    let Some(row) = row else { return Ok(Rekeyed::default()) };
    let Some(hash) = KeyedHash::read(&row.pin_verifier) else { return Ok(Rekeyed::default()) };
    match vault.layered(SubKey::Pin, &hash).filter(|_| pass == Pass::Rekey) {
        None => Ok(hangs(&hash)),
        Some(next) => {
            buyers::update_buyer(tx, buyers::BuyerRow { pin_verifier: next.stored(), ..row })?;
            Ok(hangs(&next))
        }
    }
}

fn rekey_buyer(tx: &mut Tx<'_>, vault: &Vault, id: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let row = BuyerId::from_short(id).map_or(Ok(None), |id| buyers::find_buyer(tx, id))?;
    let Some(row) = row else { return Ok(Rekeyed::default()) };
    let Some(text) = row.contact_index.clone() else { return Ok(Rekeyed::default()) };
    let Some(hash) = read_hash(&text) else { return Ok(Rekeyed::default()) };
    if pass == Pass::Look || vault.is_plain(&hash) {
        return Ok(hangs(&hash));
    }
    let made = rekey_contact(tx, vault, row, &text);
    anew(&hash, made)
}

fn rekey_member(tx: &mut Tx<'_>, vault: &Vault, name: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let [shop, id] = parts(name);
    let (Some(shop), Some(id)) = (ShopId::from_short(shop), MemberId::from_short(id)) else {
        return Ok(Rekeyed::default());
    };
    let Some(row) = members::find_member(tx, shop, id)? else { return Ok(Rekeyed::default()) };
    let Some(hash) = read_hash(&row.email_index) else { return Ok(Rekeyed::default()) };
    if pass == Pass::Look || vault.is_plain(&hash) {
        return Ok(hangs(&hash));
    }
    let made = rekey_email(tx, vault, row);
    anew(&hash, made)
}

fn rekey_recovery_code(
    tx: &mut Tx<'_>,
    vault: &Vault,
    name: &str,
    pass: Pass,
) -> Result<Rekeyed, VaultError> {
    let [shop, subject, tag] = parts(name);
    let (Some(shop), Some(hash)) = (ShopId::from_short(shop), read_hash(tag)) else {
        return Ok(Rekeyed::default());
    };
    // Used up or replaced since it was listed.
    let Some(created) = factors::find_recovery_code(tx, shop, subject, tag)? else {
        return Ok(Rekeyed::default());
    };
    match vault.layered(SubKey::RecoveryCode, &hash).filter(|_| pass == Pass::Rekey) {
        None => Ok(hangs(&hash)),
        Some(next) => {
            factors::delete_recovery_code(tx, shop, subject, tag)?;
            factors::insert_recovery_code(tx, shop, subject, hash_text(&next), created)?;
            Ok(hangs(&next))
        }
    }
}

fn rekey_binding(tx: &mut Tx<'_>, vault: &Vault, subject: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let (Some(hash), Some(row)) = (read_hash(subject), outside::find_binding(tx, subject)?) else {
        return Ok(Rekeyed::default());
    };
    match vault.layered(SubKey::BlindIndex, &hash).filter(|_| pass == Pass::Rekey) {
        None => Ok(hangs(&hash)),
        Some(next) => {
            move_binding(tx, row, &next)?;
            Ok(hangs(&next))
        }
    }
}
