//! The vault as the rest of the program holds it: unlocked once at the start, shared as `Arc<Vault>`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use audit::{Action, Actor, Entry, Object, Outcome};
use base::{Dice, EntryId, Secret, ShopId, Timestamp};
use store::{Db, Tx};
use zeroize::Zeroizing;

use crate::keys::{KEY_BYTES, KeyBytes};
use crate::seal::{OpenError, Place, SealError};
use crate::source::{KeyName, KeySource, RootName, SourceError};
use crate::store::keks::{self as rows, KekRow, KeyState, RootRow};
use crate::store::{find_secret, insert_secret};
use crate::sub_keys::Seeds;

const KEYS_CREATED: Action = Action::new("vault.keys_created");
/// Purpose of the keys that wrap data keys.
pub(crate) const SEAL: &str = "seal";
/// Purpose of the seed of the sub-keys.
pub(crate) const DERIVE: &str = "derive";
pub(crate) const FIRST_VERSION: i64 = 1;
pub(crate) const SYSTEM_OWNER: &str = "system";
pub(crate) const SECRETS_TABLE: &str = "vault_secrets";
pub(crate) const SECRETS_COLUMN: &str = "sealed";

// INVARIANT: a key has one place on the heap until it is cleared there. Held in the map itself it would be copied when the
// map moves its entries, and nobody clears what a removed one leaves behind.
type Keks = BTreeMap<i64, Box<KeyBytes>>;

/// The unlocked vault: key-encryption keys and sub-keys in memory, cleared when dropped.
pub struct Vault {
    keks: RwLock<Keks>,
    seeds: RwLock<Seeds>,
}

/// The first keys of a database, made and wrapped before the transaction that stores them.
#[derive(Clone)]
struct FirstKeys {
    root: RootRow,
    keks: Vec<KekRow>,
    entry: Entry,
}

impl Vault {
    /// Whether this database has a vault already. If so, a missing key file must not be answered with a new one.
    ///
    /// # Errors
    /// [`store::Error`].
    pub fn exists(tx: &mut Tx) -> Result<bool, store::Error> {
        Ok(!rows::list_keks(tx)?.is_empty())
    }

    /// Unlocks the vault; makes its first keys in a database that has none. No transaction is open while the source works.
    ///
    /// # Errors
    /// [`VaultError::WrongRootKey`] when the database was sealed with another root key, [`VaultError::Incomplete`] when
    /// keys are missing, [`VaultError::Source`], [`VaultError::Store`].
    pub fn start(db: &Db, source: &dyn KeySource, now: Timestamp, dice: &Dice) -> Result<Vault, VaultError> {
        let mut stored = db.read_blocking(rows::list_keks)?;
        if stored.is_empty() {
            let first = FirstKeys::make(source, now, dice)?;
            stored = db.write_blocking(move |tx| first.insert(tx))?;
        }
        let vault = Vault::unlock(source, &stored)?;
        if let Some(root) = unnamed_root(source, &stored, dice)? {
            db.write_blocking(move |tx| name_root(tx, &root))?;
        }
        Ok(vault)
    }

    /// As [`Vault::start`], inside a transaction: for a source that answers from memory, such as a
    /// [`crate::RootKey`].
    ///
    /// # Errors
    /// As [`Vault::start`].
    pub fn open(
        tx: &mut Tx,
        source: &dyn KeySource,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<Vault, VaultError> {
        let mut stored = rows::list_keks(tx)?;
        if stored.is_empty() {
            stored = FirstKeys::make(source, now, dice)?.insert(tx)?;
        }
        let vault = Vault::unlock(source, &stored)?;
        if let Some(root) = unnamed_root(source, &stored, dice)? {
            name_root(tx, &root)?;
        }
        Ok(vault)
    }

    fn unlock(source: &dyn KeySource, stored: &[KekRow]) -> Result<Vault, VaultError> {
        let of = |purpose, state| move |row: &&KekRow| row.purpose == purpose && row.state == state;
        let seed = stored.iter().find(of(DERIVE, KeyState::Active));
        let whole = stored.iter().any(|row| of(SEAL, KeyState::Active)(&row));
        let Some(seed) = seed.filter(|_| whole) else { return Err(VaultError::Incomplete) };
        let (mut keks, mut seeds) = (Keks::new(), Seeds::new(seed.version, &unwrap(source, seed)?));
        for row in stored.iter().filter(|row| row.state != KeyState::Destroyed) {
            if row.purpose == SEAL {
                keks.insert(row.version, Box::new(unwrap(source, row)?));
            } else if row.version != seed.version {
                seeds.load(row.version, &unwrap(source, row)?, row.retired);
            }
        }
        Ok(Vault { keks: RwLock::new(keks), seeds: RwLock::new(seeds) })
    }

    /// Loads the keys below the root that were made since, here or by another node, and forgets those that were
    /// destroyed. When the source is away, what is loaded goes on.
    ///
    /// # Errors
    /// [`VaultError::Source`], [`VaultError::WrongRootKey`], [`VaultError::Store`].
    pub fn refresh(&self, db: &Db, source: &dyn KeySource) -> Result<(), VaultError> {
        let stored = db.read_blocking(rows::list_keks)?;
        let mut problem = None;
        for row in stored.iter().filter(|row| row.state != KeyState::Destroyed && !self.has_key(row)) {
            match unwrap(source, row) {
                Ok(key) if row.purpose == DERIVE => self.write_seeds().load(row.version, &key, row.retired),
                Ok(key) => drop(self.write().insert(row.version, Box::new(key))),
                Err(error) => problem = Some(error),
            }
        }
        for row in &stored {
            self.follow(row);
        }
        problem.map_or(Ok(()), Err)
    }

    fn has_key(&self, row: &KekRow) -> bool {
        if row.purpose == DERIVE {
            self.seeds().get(row.version).is_some()
        } else {
            self.has_kek(row.version)
        }
    }

    /// Takes over what the database says of a key.
    fn follow(&self, row: &KekRow) {
        let gone = row.state == KeyState::Destroyed;
        if row.purpose == SEAL {
            if gone {
                self.forget(row.version);
            }
            return;
        }
        let mut seeds = self.write_seeds();
        if row.state == KeyState::Active {
            seeds.set_active(row.version);
        }
        seeds.set_retired(row.version, row.retired);
        if gone {
            seeds.forget(row.version);
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
        let place = Place { table: SECRETS_TABLE, column: SECRETS_COLUMN, row: name };
        if let Some(sealed) = find_secret(tx, name)? {
            let key = self.find_data_key(tx, ShopId::HOUSE, SYSTEM_OWNER)?;
            return Ok(key.open_bytes(&place, &sealed)?);
        }
        let key = self.data_key(tx, ShopId::HOUSE, SYSTEM_OWNER, now, dice)?;
        let secret = Secret::new(dice.bytes::<KEY_BYTES>().to_vec());
        insert_secret(tx, name, key.seal_bytes(&place, secret.expose(), dice)?, now)?;
        Ok(secret)
    }

    /// The key-encryption key that wraps new data keys: what the database says, in this transaction. So a node that has
    /// not yet heard of a rotation wraps nothing by a key that is gone.
    pub(crate) fn sealing_kek(&self, tx: &mut Tx) -> Result<i64, VaultError> {
        let loaded: Vec<i64> = self.read().keys().rev().copied().collect();
        let mut usable = Err(VaultError::UnknownKek { version: loaded.first().copied().unwrap_or(0) });
        for version in loaded {
            match rows::find_kek(tx, SEAL, version)?.map(|row| row.state) {
                Some(KeyState::Active) => return Ok(version),
                Some(KeyState::Retired) if usable.is_err() => usable = Ok(version),
                _ => {}
            }
        }
        usable
    }

    /// Does `work` with a loaded key-encryption key.
    pub(crate) fn with_kek<T>(
        &self,
        version: i64,
        work: impl FnOnce(&KeyBytes) -> T,
    ) -> Result<T, VaultError> {
        let keks = self.read();
        keks.get(&version).map(|key| work(key)).ok_or(VaultError::UnknownKek { version })
    }

    pub(crate) fn has_kek(&self, version: i64) -> bool {
        self.read().contains_key(&version)
    }

    pub(crate) fn forget(&self, version: i64) {
        self.write().remove(&version);
    }

    pub(crate) fn seeds(&self) -> std::sync::RwLockReadGuard<'_, Seeds> {
        self.seeds.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write_seeds(&self) -> std::sync::RwLockWriteGuard<'_, Seeds> {
        self.seeds.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Keks> {
        self.keks.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Keks> {
        self.keks.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl FirstKeys {
    fn make(source: &dyn KeySource, now: Timestamp, dice: &Dice) -> Result<FirstKeys, VaultError> {
        let name = source.first(dice)?;
        let mut keks = Vec::new();
        for purpose in [SEAL, DERIVE] {
            let mut row = new_kek(source, &name, KeyName { purpose, version: FIRST_VERSION }, now, dice)?;
            row.state = KeyState::Active;
            keks.push(row);
        }
        let id = EntryId::new(ShopId::HOUSE, now, dice);
        let (actor, vault) = (Actor::system("vault"), Object::word("vault"));
        let entry = Entry::new(id, now, actor, KEYS_CREATED, vault, Outcome::Success);
        Ok(FirstKeys { root: first_root(source, &name, now), keks, entry })
    }

    /// Stores them, unless another node was first. Returns what there is.
    fn insert(&self, tx: &mut Tx) -> Result<Vec<KekRow>, store::Error> {
        let there = rows::list_keks(tx)?;
        if !there.is_empty() {
            return Ok(there);
        }
        rows::put_root(tx, self.root.clone())?;
        for row in &self.keks {
            rows::insert_kek(tx, row.clone())?;
        }
        audit::append(tx, &self.entry)?;
        Ok(self.keks.clone())
    }
}

/// A new key, wrapped and not in use yet.
pub(crate) fn new_kek(
    source: &dyn KeySource,
    root: &RootName,
    what: KeyName<'_>,
    now: Timestamp,
    dice: &Dice,
) -> Result<KekRow, VaultError> {
    let key: KeyBytes = Zeroizing::new(dice.bytes());
    Ok(KekRow {
        purpose: what.purpose.to_owned(),
        version: what.version,
        state: KeyState::Coming,
        wrapped: source.wrap(root, what, &key, dice)?,
        created: now,
        root: root.as_str().to_owned(),
        retired: None,
        destroyed: None,
    })
}

fn unwrap(source: &dyn KeySource, row: &KekRow) -> Result<KeyBytes, VaultError> {
    let what = KeyName { purpose: &row.purpose, version: row.version };
    match source.unwrap(&RootName::new(row.root.clone()), what, &row.wrapped) {
        Err(SourceError::WrongKey | SourceError::UnknownRoot(_)) => Err(VaultError::WrongRootKey),
        opened => Ok(opened?),
    }
}

fn first_root(source: &dyn KeySource, name: &RootName, created: Timestamp) -> RootRow {
    RootRow {
        version: FIRST_VERSION,
        name: name.as_str().to_owned(),
        kind: source.kind().name().to_owned(),
        state: KeyState::Active,
        created,
        retired: None,
        destroyed: None,
    }
}

/// The root key of a database from before root keys had names.
fn unnamed_root(
    source: &dyn KeySource,
    stored: &[KekRow],
    dice: &Dice,
) -> Result<Option<RootRow>, VaultError> {
    match stored.iter().find(|row| row.root.is_empty()) {
        None => Ok(None),
        Some(row) => Ok(Some(first_root(source, &source.first(dice)?, row.created))),
    }
}

fn name_root(tx: &mut Tx, root: &RootRow) -> Result<(), store::Error> {
    for row in rows::list_keks(tx)?.into_iter().filter(|row| row.root.is_empty()) {
        rows::update_kek(tx, KekRow { root: root.name.clone(), ..row })?;
    }
    if rows::list_roots(tx)?.is_empty() {
        rows::put_root(tx, root.clone())?;
    }
    Ok(())
}

/// What can go wrong with keys. None of the texts holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The root key at hand did not wrap this database's keys.
    #[error("the root key does not open this database's keys; use the key file it was set up with")]
    WrongRootKey,
    /// The key source is away or refused.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The table of keys is there, but a key that must be is not.
    #[error("the vault's keys are incomplete; restore the database from a backup")]
    Incomplete,
    /// A key-encryption key this process has not loaded.
    #[error("key-encryption key version {version} is not loaded; it is, once the key source answers again")]
    UnknownKek {
        /// Its version.
        version: i64,
    },
    /// A seed of sub-keys this process has not loaded.
    #[error("seed version {version} is not loaded; it is, once the key source answers again")]
    UnknownSeed {
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
