//! The vault as the rest of the program holds it: unlocked once at the start, shared as `Arc<Vault>`.

use std::collections::BTreeMap;
use std::fmt;

use audit::{Action, Actor, Entry, Object, Outcome};
use aws_lc_rs::{digest, hmac};
use base::{Dice, EntryId, Secret, ShopId, Timestamp};
use store::Tx;
use zeroize::Zeroizing;

use crate::keyfile::RootKey;
use crate::keys::{self, KEY_BYTES, KeyBytes, push_part};
use crate::limits::OWNER_CHARS_MAX;
use crate::seal::{DataKey, OpenError, Place, SealError};
use crate::store::{self as rows, DataKeyRow, KekRow};

const KEYS_CREATED: Action = Action::new("vault.keys_created");
const SEAL: &str = "seal";
const DERIVE: &str = "derive";
const ACTIVE: &str = "active";
const FIRST_VERSION: i64 = 1;
const SYSTEM_OWNER: &str = "system";
const OWNER_TAG_BYTES: usize = 16;

/// What a derived key is for. One purpose, one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubKey {
    /// Verifiers of payment PINs.
    Pin,
    /// One-time codes sent to a contact.
    OneTimeCode,
    /// Blind indexes. Use [`Vault::blind_index`].
    BlindIndex,
    /// Signatures of payment codes (QR).
    CodeSigning,
    /// Fingerprints of requests beside their idempotency keys.
    Fingerprint,
}

impl SubKey {
    // INVARIANT: labels never change; everything made under one would stop verifying.
    fn label(self) -> &'static str {
        match self {
            SubKey::Pin => "pin",
            SubKey::OneTimeCode => "one-time code",
            SubKey::BlindIndex => "blind index",
            SubKey::CodeSigning => "code signing",
            SubKey::Fingerprint => "request fingerprint",
        }
    }
}

struct SubKeys {
    pin: hmac::Key,
    one_time_code: hmac::Key,
    blind_index: hmac::Key,
    code_signing: hmac::Key,
    fingerprint: hmac::Key,
}

impl SubKeys {
    fn derive(seed: &KeyBytes) -> SubKeys {
        let key = |sub: SubKey| {
            let bytes = keys::derive(seed, sub.label(), &[]);
            hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice())
        };
        SubKeys {
            pin: key(SubKey::Pin),
            one_time_code: key(SubKey::OneTimeCode),
            blind_index: key(SubKey::BlindIndex),
            code_signing: key(SubKey::CodeSigning),
            fingerprint: key(SubKey::Fingerprint),
        }
    }
}

/// The unlocked vault: key-encryption keys and sub-keys in memory, cleared when dropped.
pub struct Vault {
    keks: BTreeMap<i64, KeyBytes>,
    active: i64,
    sub_keys: SubKeys,
}

impl Vault {
    /// Whether this database has a vault already. If so, a missing key file must not be answered with a new one.
    ///
    /// # Errors
    /// [`store::Error`].
    pub fn exists(tx: &mut Tx) -> Result<bool, store::Error> {
        Ok(!rows::list_keks(tx)?.is_empty())
    }

    /// Unlocks the vault with the root key; makes its first keys in a database that has none.
    ///
    /// # Errors
    /// [`VaultError::WrongRootKey`] when the database was sealed with another one, [`VaultError::Incomplete`] when
    /// keys are missing, [`VaultError::Store`].
    pub fn open(tx: &mut Tx, root: &RootKey, now: Timestamp, dice: &Dice) -> Result<Vault, VaultError> {
        let mut stored = rows::list_keks(tx)?;
        if stored.is_empty() {
            for purpose in [SEAL, DERIVE] {
                let key: KeyBytes = Zeroizing::new(dice.bytes());
                rows::insert_kek(tx, first_kek(root, purpose, &key), now)?;
                stored.push(first_kek(root, purpose, &key));
            }
            let id = EntryId::new(ShopId::HOUSE, now, dice);
            let (actor, vault) = (Actor::system("vault"), Object::word("vault"));
            audit::append(tx, &Entry::new(id, now, actor, KEYS_CREATED, vault, Outcome::Success))?;
        }
        Vault::unlock(root, &stored)
    }

    fn unlock(root: &RootKey, stored: &[KekRow]) -> Result<Vault, VaultError> {
        let mut keks = BTreeMap::new();
        let mut active = None;
        let mut seed = None;
        for row in stored {
            let key = root.unwrap(&row.purpose, row.version, &row.wrapped).ok_or(VaultError::WrongRootKey)?;
            if row.purpose == DERIVE {
                seed = Some(key);
            } else {
                active = if row.state == ACTIVE { Some(row.version) } else { active };
                keks.insert(row.version, key);
            }
        }
        let (Some(active), Some(seed)) = (active, seed) else { return Err(VaultError::Incomplete) };
        Ok(Vault { keks, active, sub_keys: SubKeys::derive(&seed) })
    }

    /// The HMAC-SHA256 key of one purpose.
    pub fn hmac_key(&self, sub: SubKey) -> &hmac::Key {
        match sub {
            SubKey::Pin => &self.sub_keys.pin,
            SubKey::OneTimeCode => &self.sub_keys.one_time_code,
            SubKey::BlindIndex => &self.sub_keys.blind_index,
            SubKey::CodeSigning => &self.sub_keys.code_signing,
            SubKey::Fingerprint => &self.sub_keys.fingerprint,
        }
    }

    /// What a sealed value is looked up by: HMAC-SHA256 over the kind of value and its normalised text (CR-6). Equal
    /// texts of one kind give equal indexes; nothing can be read back from one.
    pub fn blind_index(&self, kind: &str, normalised: &str) -> [u8; 32] {
        let mut input = Zeroizing::new(Vec::with_capacity(kind.len() + normalised.len() + 8));
        push_part(&mut input, kind.as_bytes());
        push_part(&mut input, normalised.as_bytes());
        let tag = hmac::sign(self.hmac_key(SubKey::BlindIndex), &input);
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// The data key of an owner; made when there is none yet.
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
        match self.find_data_key(tx, shop, owner) {
            Err(VaultError::NoDataKey) => self.make_data_key(tx, shop, owner, now, dice),
            other => other,
        }
    }

    /// The data key of an owner who has one.
    ///
    /// # Errors
    /// [`VaultError::NoDataKey`], [`VaultError::Destroyed`], [`VaultError::UnknownKek`], [`VaultError::Tampered`],
    /// [`VaultError::Store`].
    pub fn find_data_key(&self, tx: &mut Tx, shop: ShopId, owner: &str) -> Result<DataKey, VaultError> {
        let row = rows::find_data_key(tx, shop, owner)?.ok_or(VaultError::NoDataKey)?;
        let wrapped = row.wrapped.ok_or(VaultError::Destroyed)?;
        let kek = self.kek(row.kek_version)?;
        let plain = keys::unwrap(kek, &wrapped).ok_or(VaultError::Tampered)?;
        let (key, tag) = plain.split_first_chunk::<KEY_BYTES>().ok_or(VaultError::Tampered)?;
        if tag != owner_tag(shop, owner) {
            return Err(VaultError::Tampered);
        }
        let version = u32::try_from(row.version).map_err(|_| VaultError::Tampered)?;
        Ok(DataKey::new(shop, owner, version, &Zeroizing::new(*key)))
    }

    /// Destroys an owner's data key: every value sealed under it, here and in backups, stays closed for good. The
    /// row remains as a mark, so that no new key is made under the same name. Returns whether there was a key.
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
                let dead = DataKeyRow { wrapped: None, destroyed: Some(now), ..row };
                rows::update_data_key(tx, shop, owner, dead)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// A 32-byte secret of the program itself, such as the seed of the audit signing key: found by name, or made.
    ///
    /// # Errors
    /// As [`Vault::data_key`], and [`VaultError::Open`] when what is stored was altered.
    pub fn system_secret(
        &self,
        tx: &mut Tx,
        name: &str,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<Secret<Vec<u8>>, VaultError> {
        let key = self.data_key(tx, ShopId::HOUSE, SYSTEM_OWNER, now, dice)?;
        let place = Place { table: "vault_secrets", column: "sealed", row: name };
        if let Some(sealed) = rows::find_secret(tx, name)? {
            return Ok(key.open_bytes(&place, &sealed)?);
        }
        let secret = Secret::new(dice.bytes::<KEY_BYTES>().to_vec());
        rows::insert_secret(tx, name, key.seal_bytes(&place, secret.expose(), dice)?, now)?;
        Ok(secret)
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
        let mut plain = Zeroizing::new(Vec::with_capacity(KEY_BYTES + OWNER_TAG_BYTES));
        plain.extend_from_slice(key.as_slice());
        plain.extend_from_slice(&owner_tag(shop, owner));
        let row = DataKeyRow {
            version: FIRST_VERSION,
            kek_version: self.active,
            wrapped: Some(keys::wrap(self.kek(self.active)?, &plain)),
            created: now,
            destroyed: None,
        };
        rows::insert_data_key(tx, shop, owner, row)?;
        Ok(DataKey::new(shop, owner, 1, &key))
    }

    fn kek(&self, version: i64) -> Result<&KeyBytes, VaultError> {
        self.keks.get(&version).ok_or(VaultError::UnknownKek { version })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

fn first_kek(root: &RootKey, purpose: &str, key: &KeyBytes) -> KekRow {
    KekRow {
        purpose: purpose.to_owned(),
        version: FIRST_VERSION,
        state: ACTIVE.to_owned(),
        wrapped: root.wrap(purpose, FIRST_VERSION, key),
    }
}

/// Wrapped beside the key, so that two owners' rows cannot be exchanged.
fn owner_tag(shop: ShopId, owner: &str) -> [u8; OWNER_TAG_BYTES] {
    let mut input = Vec::with_capacity(64);
    push_part(&mut input, shop.short().as_bytes());
    push_part(&mut input, owner.as_bytes());
    let hash = digest::digest(&digest::SHA256, &input);
    hash.as_ref().first_chunk().copied().unwrap_or_default()
}

/// What can go wrong with keys. None of the texts holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The root key at hand did not wrap this database's keys.
    #[error("the root key does not open this database's keys; use the key file it was set up with")]
    WrongRootKey,
    /// The table of keys is there, but a key that must be is not.
    #[error("the vault's keys are incomplete; restore the database from a backup")]
    Incomplete,
    /// A key-encryption key this process has not loaded.
    #[error("key-encryption key version {version} is not loaded; restart this node")]
    UnknownKek {
        /// Its version.
        version: i64,
    },
    /// The owner never had a data key.
    #[error("nothing was ever sealed for this owner")]
    NoDataKey,
    /// The owner was erased.
    #[error("the data of this owner was erased")]
    Destroyed,
    /// A wrapped data key was altered or belongs to somebody else.
    #[error("a wrapped data key was altered or exchanged")]
    Tampered,
    /// A value was not sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A value was not opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}
