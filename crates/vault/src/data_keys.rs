//! One data key for each owner: made, found, wrapped anew, replaced, destroyed.
//!
//! Beside the key, 16 bytes that say whose it is are wrapped, so that two owners' rows cannot be exchanged. While an
//! owner's values are sealed anew under a newer key, the older key is kept in a table of its own and still opens.
//!
//! Whoever fetches a key for sealing has [`SEALS_EACH_FETCH`] values counted in the same transaction. A key that would pass
//! [`SEALS_MAX`] so is replaced first; the values it sealed open as before, and the next rotation seals them anew.

use aws_lc_rs::digest;
use base::{Dice, ShopId, Timestamp};
use store::Tx;
use zeroize::Zeroizing;

use crate::handle::{FIRST_VERSION, Vault, VaultError};
use crate::keys::{self, KEY_BYTES, KeyBytes, push_part};
use crate::limits::{OWNER_CHARS_MAX, SEALS_EACH_FETCH, SEALS_MAX};
use crate::seal::DataKey;
use crate::store::data_keys::{self as rows, DataKeyRow, OlderKeyRow};

const OWNER_TAG_BYTES: usize = 16;

impl Vault {
    /// The data key of an owner, to seal and to open with; made when there is none yet.
    ///
    /// # Errors
    /// As [`Vault::find_data_key`], without [`VaultError::NoDataKey`].
    pub fn data_key(
        &self,
        tx: &mut Tx,
        shop: ShopId,
        owner: &str,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<DataKey, VaultError> {
        match self.sealing_key(tx, shop, owner, now, dice) {
            Err(VaultError::NoDataKey) => self.make_data_key(tx, shop, owner, now, dice),
            other => other,
        }
    }

    /// The data key of an owner who has one, to seal and to open with.
    ///
    /// # Errors
    /// As [`Vault::find_data_key`].
    pub fn sealing_key(
        &self,
        tx: &mut Tx,
        shop: ShopId,
        owner: &str,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<DataKey, VaultError> {
        let each = i64::from(SEALS_EACH_FETCH);
        let mut row = rows::find_data_key(tx, shop, owner)?.ok_or(VaultError::NoDataKey)?;
        if row.wrapped.is_some() && row.sealed > SEALS_MAX - each {
            row = self.replace_row(tx, shop, owner, row, now, dice)?;
        }
        let key = self.open_row(tx, shop, owner, &row)?;
        rows::update_data_key(tx, shop, owner, DataKeyRow { sealed: row.sealed + each, ..row })?;
        Ok(key.may_seal(SEALS_EACH_FETCH))
    }

    /// The data key of an owner who has one, to open with alone.
    ///
    /// # Errors
    /// [`VaultError::NoDataKey`], [`VaultError::Destroyed`], [`VaultError::UnknownKek`], [`VaultError::Tampered`],
    /// [`VaultError::Store`].
    pub fn find_data_key(&self, tx: &mut Tx, shop: ShopId, owner: &str) -> Result<DataKey, VaultError> {
        let row = rows::find_data_key(tx, shop, owner)?.ok_or(VaultError::NoDataKey)?;
        self.open_row(tx, shop, owner, &row)
    }

    fn open_row(
        &self,
        tx: &mut Tx,
        shop: ShopId,
        owner: &str,
        row: &DataKeyRow,
    ) -> Result<DataKey, VaultError> {
        let wrapped = row.wrapped.as_deref().ok_or(VaultError::Destroyed)?;
        let key = self.unwrap_data_key(shop, owner, row.kek_version, wrapped)?;
        let mut key = DataKey::new(shop, owner, version_of(row.version)?, &key);
        if row.older > 0 {
            for older in rows::list_older_keys(tx, shop, owner)? {
                let bytes = self.unwrap_data_key(shop, owner, older.kek_version, &older.wrapped)?;
                key.also_open(version_of(older.version)?, &bytes);
            }
        }
        Ok(key)
    }

    /// Destroys an owner's data key: no value sealed under it opens again here. The row remains as a mark, so that no new
    /// key is made under the same name. A backup from before holds the wrapped key still; it is closed for good when
    /// the root key of its time is destroyed. Returns whether there was a key.
    ///
    /// # Errors
    /// [`VaultError::Store`].
    pub fn destroy_data_key(
        tx: &mut Tx,
        shop: ShopId,
        owner: &str,
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        match rows::find_data_key(tx, shop, owner)? {
            Some(row) if row.wrapped.is_some() => {
                delete_older_keys(tx, shop, owner, row.older)?;
                let dead =
                    DataKeyRow { wrapped: None, kek_version: 0, older: 0, destroyed: Some(now), ..row };
                rows::update_data_key(tx, shop, owner, dead)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn make_data_key(
        &self,
        tx: &mut Tx,
        shop: ShopId,
        owner: &str,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<DataKey, VaultError> {
        assert!(owner.len() <= OWNER_CHARS_MAX, "owners of data keys are ids of ours");
        let key: KeyBytes = Zeroizing::new(dice.bytes());
        let kek_version = self.sealing_kek(tx)?;
        let row = DataKeyRow {
            version: FIRST_VERSION,
            kek_version,
            wrapped: Some(self.wrap_data_key(shop, owner, kek_version, &key)?),
            created: now,
            destroyed: None,
            older: 0,
            sealed: i64::from(SEALS_EACH_FETCH),
        };
        rows::insert_data_key(tx, shop, owner, row)?;
        Ok(DataKey::new(shop, owner, 1, &key).may_seal(SEALS_EACH_FETCH))
    }

    /// Wraps an owner's data keys by another key-encryption key. The data keys stay what they are.
    pub(crate) fn rewrap_data_key(
        &self,
        tx: &mut Tx,
        shop: ShopId,
        owner: &str,
        to: i64,
    ) -> Result<(), VaultError> {
        let Some(row) = rows::find_data_key(tx, shop, owner)? else { return Ok(()) };
        let Some(wrapped) = row.wrapped.clone().filter(|_| row.kek_version != to) else { return Ok(()) };
        let key = self.unwrap_data_key(shop, owner, row.kek_version, &wrapped)?;
        let wrapped = Some(self.wrap_data_key(shop, owner, to, &key)?);
        Ok(rows::update_data_key(tx, shop, owner, DataKeyRow { kek_version: to, wrapped, ..row })?)
    }

    /// The same for a data key that was replaced.
    pub(crate) fn rewrap_older_key(&self, tx: &mut Tx, row: OlderKeyRow, to: i64) -> Result<(), VaultError> {
        let key = self.unwrap_data_key(row.shop, &row.owner, row.kek_version, &row.wrapped)?;
        let wrapped = self.wrap_data_key(row.shop, &row.owner, to, &key)?;
        Ok(rows::insert_older_key(tx, OlderKeyRow { kek_version: to, wrapped, ..row })?)
    }

    /// Gives an owner a new data key. The old one opens until [`forget_older_keys`].
    pub(crate) fn replace_data_key(
        &self,
        tx: &mut Tx,
        shop: ShopId,
        owner: &str,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<(), VaultError> {
        let row = rows::find_data_key(tx, shop, owner)?.filter(|row| row.wrapped.is_some());
        row.map_or(Ok(()), |row| self.replace_row(tx, shop, owner, row, now, dice).map(drop))
    }

    fn replace_row(
        &self,
        tx: &mut Tx,
        shop: ShopId,
        owner: &str,
        row: DataKeyRow,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<DataKeyRow, VaultError> {
        let wrapped = row.wrapped.clone().ok_or(VaultError::Destroyed)?;
        // An exchanged or altered key is noticed here, and not carried on as an older one.
        self.unwrap_data_key(shop, owner, row.kek_version, &wrapped)?;
        let key: KeyBytes = Zeroizing::new(dice.bytes());
        let kek_version = self.sealing_kek(tx)?;
        let older = OlderKeyRow {
            shop,
            owner: owner.to_owned(),
            version: row.version,
            kek_version: row.kek_version,
            wrapped,
            created: row.created,
        };
        rows::insert_older_key(tx, older)?;
        let row = DataKeyRow {
            version: row.version + 1,
            kek_version,
            wrapped: Some(self.wrap_data_key(shop, owner, kek_version, &key)?),
            created: now,
            older: row.older + 1,
            sealed: 0,
            ..row
        };
        rows::update_data_key(tx, shop, owner, row.clone())?;
        Ok(row)
    }

    fn wrap_data_key(
        &self,
        shop: ShopId,
        owner: &str,
        kek_version: i64,
        key: &KeyBytes,
    ) -> Result<Vec<u8>, VaultError> {
        let mut plain = Zeroizing::new(Vec::with_capacity(KEY_BYTES + OWNER_TAG_BYTES));
        plain.extend_from_slice(key.as_slice());
        plain.extend_from_slice(&owner_tag(shop, owner));
        self.with_kek(kek_version, |kek| keys::wrap(kek, &plain))
    }

    fn unwrap_data_key(
        &self,
        shop: ShopId,
        owner: &str,
        kek_version: i64,
        wrapped: &[u8],
    ) -> Result<KeyBytes, VaultError> {
        let plain = self.with_kek(kek_version, |kek| keys::unwrap(kek, wrapped))?;
        let plain = plain.ok_or(VaultError::Tampered)?;
        let (key, tag) = plain.split_first_chunk::<KEY_BYTES>().ok_or(VaultError::Tampered)?;
        if tag == owner_tag(shop, owner) { Ok(Zeroizing::new(*key)) } else { Err(VaultError::Tampered) }
    }
}

/// Destroys an owner's earlier data keys, once nothing is sealed under them.
pub(crate) fn forget_older_keys(tx: &mut Tx, shop: ShopId, owner: &str) -> Result<(), VaultError> {
    if let Some(row) = rows::find_data_key(tx, shop, owner)?.filter(|row| row.older > 0) {
        delete_older_keys(tx, shop, owner, row.older)?;
        rows::update_data_key(tx, shop, owner, DataKeyRow { older: 0, ..row })?;
    }
    Ok(())
}

fn delete_older_keys(tx: &mut Tx, shop: ShopId, owner: &str, older: i64) -> Result<(), store::Error> {
    if older > 0 {
        for row in rows::list_older_keys(tx, shop, owner)? {
            rows::delete_older_key(tx, shop, owner, row.version)?;
        }
    }
    Ok(())
}

fn version_of(version: i64) -> Result<u32, VaultError> {
    u32::try_from(version).map_err(|_| VaultError::Tampered)
}

fn owner_tag(shop: ShopId, owner: &str) -> [u8; OWNER_TAG_BYTES] {
    let mut input = Vec::with_capacity(64);
    push_part(&mut input, shop.short().as_bytes());
    push_part(&mut input, owner.as_bytes());
    let hash = digest::digest(&digest::SHA256, &input);
    hash.as_ref().first_chunk().copied().unwrap_or_default()
}
