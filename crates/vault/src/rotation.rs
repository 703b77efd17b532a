//! Replacing keys while payments run, level by level.
//!
//! - **root**: the next root key is taken from the key source, the few keys below it are wrapped by it in one
//!   transaction, the source adopts it. Nothing that is sealed changes.
//! - **kek**: a new key-encryption key is made; once every node has it, it wraps new data keys, and those there are get
//!   wrapped by it, some in each transaction. Values stay as they are.
//! - **data**: each owner gets a new data key, and the owner's values are sealed anew, some in each transaction. Until
//!   the last one is, the older key still opens.
//! - **seed**: a new seed of the sub-keys makes new hashes: PINs, blind indexes, codes. Those that are kept are made anew
//!   from what is sealed beside them, or get a layer; what lives for minutes is accepted under the old one until it ends.
//!
//! A replaced key is *retired*: it opens and seals nothing new. It is destroyed by [`destroy_key`], which refuses while
//! anything hangs from it. A replaced data key is destroyed as soon as its last value was sealed anew.
//!
//! A rotation is a row. Each step is one transaction that moves some keys *and* the row, so a crash anywhere loses
//! nothing and the next step goes on where the last one ended. One node works at a time, under a lease that is checked in
//! each transaction. The key source is never asked inside a transaction.

use std::sync::Arc;

use audit::{Action, Actor, Detail, Entry, Object, Outcome};
use base::{Dice, EntryId, ShopId, Timestamp};
use store::{Db, Tx};

use crate::handle::{DERIVE, SEAL, Vault, VaultError};
use crate::limits::{KEK_SETTLE_MS, ROTATION_LEASE_MS, SEEDS_MAX};
use crate::source::{KeySource, RootName, SourceError};
use crate::store::data_keys;
use crate::store::keks::{self, KekRow, KeyState, RootRow};
use crate::store::rotations::{self as rows, Level, Rotation, RotationState};

mod data;
mod kek;
mod root;
mod seed;

pub use data::{SEALED, SealedColumn, SealedValue};
pub use seed::{KeyedColumn, Pass, Rekeyed};

const STARTED: Action = Action::new("key.rotation_started");
const ENDED: Action = Action::new("key.rotation_ended");
const DESTROYED: Action = Action::new("key.destroyed");
const LEASE: &str = "key rotation";
/// Rotations that are shown.
const LISTED_MAX: i64 = 50;

/// Why a key was not replaced or destroyed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// One at a time.
    #[error("rotation {id} of level `{}` is not done yet; wait for it", level.name())]
    Running {
        /// Its number.
        id: i64,
        /// Its level.
        level: Level,
    },
    /// No such version.
    #[error("there is no version {version} on level `{}`", level.name())]
    NotFound {
        /// The level.
        level: Level,
        /// The version that was asked for.
        version: i64,
    },
    /// It still seals or wraps, so it is not one to destroy.
    #[error("version {version} of level `{}` is {}; only a retired key is destroyed", level.name(), state.name())]
    NotRetired {
        /// The level.
        level: Level,
        /// The version that was asked for.
        version: i64,
        /// What it is.
        state: KeyState,
    },
    /// Something hangs from it.
    #[error(
        "{uses} {} still hang from version {version} of level `{}`; {}",
        if *level == Level::Seed { "hashes" } else { "keys" },
        level.name(),
        if *level == Level::Seed { "docs/keys.md says when each leaves" } else { "rotate it first" }
    )]
    InUse {
        /// The level.
        level: Level,
        /// The version that was asked for.
        version: i64,
        /// How many keys.
        uses: i64,
    },
    /// As many seeds as may be kept at once.
    #[error("{SEEDS_MAX} versions of level `seed` are kept; destroy one that is retired first")]
    TooManySeeds,
    /// What hangs from a seed is counted by looking at every row, which is done at the machine.
    #[error(
        "a seed is destroyed at the machine with `tillward keys destroy`, which looks at every row first"
    )]
    AtMachine,
    /// Data keys are destroyed by their rotation, one by one.
    #[error(
        "data keys have no version in common; each is destroyed when its owner's last value is sealed anew"
    )]
    NoVersion,
    /// Another node took the rotation over.
    #[error("another node goes on with the rotation")]
    Fenced,
    /// Keys or key source.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<store::Error> for RotationError {
    fn from(error: store::Error) -> RotationError {
        RotationError::Vault(error.into())
    }
}

impl From<SourceError> for RotationError {
    fn from(error: SourceError) -> RotationError {
        RotationError::Vault(error.into())
    }
}

/// Starts a rotation. The job of a node, or [`Rotator::run`], does it.
///
/// # Errors
/// [`RotationError::Running`], [`RotationError::TooManySeeds`], [`RotationError::Vault`].
pub fn start_rotation(
    tx: &mut Tx,
    level: Level,
    by: &Actor,
    now: Timestamp,
    dice: &Dice,
) -> Result<Rotation, RotationError> {
    if let Some(open) = rows::find_open_rotation(tx)? {
        return Err(RotationError::Running { id: open.id, level: open.level });
    }
    let id = rows::list_rotations(tx, 1)?.first().map_or(1, |last| last.id + 1);
    let (from_version, total) = match level {
        Level::Root => (active_root(tx)?.version, i64::try_from(live_keks(tx)?.len()).unwrap_or(i64::MAX)),
        Level::Kek => {
            let total = data_keys::count_data_keys(tx, None)?.0 + data_keys::count_older_keys(tx, None)?;
            (active_kek(tx)?.version, total)
        }
        Level::Data => (0, data_keys::count_made_before(tx, now)?),
        Level::Seed => (seed_to_replace(tx)?, 0),
    };
    let rotation = Rotation {
        id,
        level,
        from_version,
        to_version: 0,
        state: RotationState::Preparing,
        done: 0,
        total,
        place: String::new(),
        problem: None,
        started: now,
        updated: now,
        ended: None,
    };
    rows::put_rotation(tx, rotation.clone())?;
    note(tx, STARTED, level, from_version, by, (now, dice))?;
    Ok(rotation)
}

/// The newest rotations first.
///
/// # Errors
/// [`store::Error`].
pub fn list_rotations(tx: &mut Tx) -> Result<Vec<Rotation>, store::Error> {
    rows::list_rotations(tx, LISTED_MAX)
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is nothing to rotate.
    Idle,
    /// Another node has the lease, or a new key settles.
    Waiting,
    /// Something was moved; there may be more.
    Moved,
}

/// Advances rotations on one node.
pub struct Rotator {
    source: Arc<dyn KeySource>,
    columns: Vec<&'static SealedColumn>,
    keyed: Vec<&'static KeyedColumn>,
    holder: String,
    settle_ms: i64,
}

impl Rotator {
    /// Works as `holder`, a name no other node has, on everything that hangs from keys.
    pub fn new(source: Arc<dyn KeySource>, hanging: &Hanging, holder: &str, nodes: Nodes) -> Rotator {
        let columns = hanging.sealed.iter().flat_map(|list| list.iter()).collect();
        let settle_ms = if nodes == Nodes::One { 0 } else { KEK_SETTLE_MS };
        Rotator { source, columns, keyed: hanging.keyed(), holder: holder.to_owned(), settle_ms }
    }

    /// Does one step of the open rotation, if there is one.
    ///
    /// # Errors
    /// [`RotationError`]. It is noted in the rotation; the next call tries again.
    pub fn step(
        &self,
        db: &Db,
        vault: &Arc<Vault>,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<Step, RotationError> {
        let Some(rotation) = db.read_blocking(rows::find_open_rotation)? else { return Ok(Step::Idle) };
        let holder = self.holder.clone();
        let lease =
            db.write_blocking(move |tx| audit::acquire_lease(tx, LEASE, &holder, now, ROTATION_LEASE_MS))?;
        let Some(lease) = lease else { return Ok(Step::Waiting) };
        let id = rotation.id;
        let work = Work { rotator: self, db, vault, lease, now, dice };
        let done = match rotation.level {
            Level::Root => work.step_root(rotation),
            Level::Kek => work.step_kek(rotation),
            Level::Data => work.step_data(rotation),
            Level::Seed => work.step_seed(rotation),
        };
        if let Err(problem) = &done {
            let text = problem.to_string();
            db.write_blocking(move |tx| note_problem(tx, id, &text))?;
        }
        done
    }

    /// Steps until no rotation is open, showing how far it is. `wait` is called when a step had to wait.
    ///
    /// # Errors
    /// As [`Rotator::step`], at once.
    pub fn run(
        &self,
        db: &Db,
        vault: &Arc<Vault>,
        now: impl Fn() -> Timestamp,
        dice: &Dice,
        mut show: impl FnMut(&Rotation, Step),
    ) -> Result<(), RotationError> {
        loop {
            let open = db.read_blocking(rows::find_open_rotation)?;
            let step = self.step(db, vault, now(), dice)?;
            if let Some(before) = open {
                let id = before.id;
                let after = db.read_blocking(move |tx| rows::find_rotation(tx, id))?;
                show(after.as_ref().unwrap_or(&before), step);
            }
            if step == Step::Idle {
                return Ok(());
            }
        }
    }
}

/// Everything of a program that hangs from keys. INVARIANT: a column that is missing here is lost when the keys above it
/// are replaced and destroyed.
#[derive(Clone, Copy, Debug)]
pub struct Hanging {
    /// Columns that hold sealed values, by domain.
    pub sealed: &'static [&'static [SealedColumn]],
    /// Columns that hold hashes under sub-keys, by domain.
    pub keyed: &'static [&'static [KeyedColumn]],
}

impl Hanging {
    fn keyed(&self) -> Vec<&'static KeyedColumn> {
        self.keyed.iter().flat_map(|list| list.iter()).collect()
    }
}

/// How many nodes share the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// This one alone.
    One,
    /// Perhaps several.
    Several,
}

/// One step at work.
struct Work<'a> {
    rotator: &'a Rotator,
    db: &'a Db,
    vault: &'a Arc<Vault>,
    lease: audit::Lease,
    now: Timestamp,
    dice: &'a Dice,
}

impl Work<'_> {
    /// A transaction of the rotation: refused when the lease went to another node, or the rotation moved meanwhile.
    fn write<T: Send + 'static>(
        &self,
        rotation: &Rotation,
        work: impl Fn(&mut Tx<'_>, Rotation) -> Result<T, RotationError> + Send + 'static,
    ) -> Result<T, RotationError> {
        let (lease, seen) = (self.lease.clone(), rotation.clone());
        self.db.write_blocking(move |tx| {
            let found = rows::find_rotation(tx, seen.id)?;
            match found {
                Some(row) if lease.check(tx)? && row.state == seen.state && row.place == seen.place => {
                    work(tx, row)
                }
                _ => Err(RotationError::Fenced),
            }
        })
    }
}

/// Destroys a retired key that nothing hangs from any more.
///
/// # Errors
/// [`RotationError`].
pub fn destroy_key(
    db: &Db,
    vault: &Arc<Vault>,
    source: &dyn KeySource,
    (level, version, hanging): (Level, i64, &Hanging),
    by: &Actor,
    (now, dice): (Timestamp, &Dice),
) -> Result<(), RotationError> {
    let (by, chance) = (by.clone(), dice.clone());
    match level {
        Level::Root => {
            let root = db.read_blocking(move |tx| destroyable_root(tx, version))?;
            source.destroy(&RootName::new(root.name))?;
            db.write_blocking(move |tx| {
                let root = destroyable_root(tx, version)?;
                keks::put_root(tx, RootRow { state: KeyState::Destroyed, destroyed: Some(now), ..root })?;
                note(tx, DESTROYED, level, version, &by, (now, &chance))
            })
        }
        Level::Kek => {
            db.write_blocking(move |tx| {
                let row = destroyable_kek(tx, version)?;
                let (state, destroyed) = (KeyState::Destroyed, Some(now));
                keks::update_kek(tx, KekRow { state, wrapped: Vec::new(), destroyed, ..row })?;
                note(tx, DESTROYED, level, version, &by, (now, &chance))
            })?;
            vault.forget(version);
            Ok(())
        }
        Level::Data => Err(RotationError::NoVersion),
        Level::Seed => seed::destroy_seed(db, vault, &hanging.keyed(), version, &by, (now, dice)),
    }
}

/// Whether a key could be destroyed now: retired, and nothing hangs from it.
///
/// # Errors
/// [`RotationError`] with the reason why not.
pub fn check_destroyable(tx: &mut Tx, (level, version): (Level, i64)) -> Result<(), RotationError> {
    match level {
        Level::Root => destroyable_root(tx, version).map(drop),
        Level::Kek => destroyable_kek(tx, version).map(drop),
        Level::Data => Err(RotationError::NoVersion),
        Level::Seed => Err(RotationError::AtMachine),
    }
}

fn destroyable_root(tx: &mut Tx, version: i64) -> Result<RootRow, RotationError> {
    let level = Level::Root;
    refuse_open(tx)?;
    let root = keks::list_roots(tx)?.into_iter().find(|root| root.version == version);
    let root = root.ok_or(RotationError::NotFound { level, version })?;
    if root.state != KeyState::Retired {
        return Err(RotationError::NotRetired { level, version, state: root.state });
    }
    let uses = live_keks(tx)?.iter().filter(|row| row.root == root.name).count();
    match i64::try_from(uses).unwrap_or(i64::MAX) {
        0 => Ok(root),
        uses => Err(RotationError::InUse { level, version, uses }),
    }
}

fn destroyable_kek(tx: &mut Tx, version: i64) -> Result<KekRow, RotationError> {
    let level = Level::Kek;
    refuse_open(tx)?;
    let row = keks::find_kek(tx, SEAL, version)?.ok_or(RotationError::NotFound { level, version })?;
    if row.state != KeyState::Retired {
        return Err(RotationError::NotRetired { level, version, state: row.state });
    }
    let uses =
        data_keys::count_data_keys(tx, Some(version))?.0 + data_keys::count_older_keys(tx, Some(version))?;
    if uses == 0 { Ok(row) } else { Err(RotationError::InUse { level, version, uses }) }
}

fn refuse_open(tx: &mut Tx) -> Result<(), RotationError> {
    match rows::find_open_rotation(tx)? {
        Some(open) => Err(RotationError::Running { id: open.id, level: open.level }),
        None => Ok(()),
    }
}

fn active_root(tx: &mut Tx) -> Result<RootRow, RotationError> {
    let active = keks::list_roots(tx)?.into_iter().find(|root| root.state == KeyState::Active);
    Ok(active.ok_or(VaultError::Incomplete)?)
}

fn active_kek(tx: &mut Tx) -> Result<KekRow, RotationError> {
    let is_active = |row: &KekRow| row.purpose == SEAL && row.state == KeyState::Active;
    Ok(keks::list_keks(tx)?.into_iter().find(is_active).ok_or(VaultError::Incomplete)?)
}

/// The version of the seed in use, if there is room for its successor.
fn seed_to_replace(tx: &mut Tx) -> Result<i64, RotationError> {
    let live: Vec<KekRow> = live_keks(tx)?.into_iter().filter(|row| row.purpose == DERIVE).collect();
    if live.len() >= SEEDS_MAX {
        return Err(RotationError::TooManySeeds);
    }
    let active = live.iter().find(|row| row.state == KeyState::Active);
    Ok(active.ok_or(VaultError::Incomplete)?.version)
}

/// Every key that a root key wraps and that was not destroyed.
fn live_keks(tx: &mut Tx) -> Result<Vec<KekRow>, store::Error> {
    Ok(keks::list_keks(tx)?.into_iter().filter(|row| row.state != KeyState::Destroyed).collect())
}

fn finish(tx: &mut Tx, rotation: Rotation, (now, dice): (Timestamp, &Dice)) -> Result<(), RotationError> {
    let (level, version) = (rotation.level, rotation.to_version);
    let done = Rotation { state: RotationState::Done, ended: Some(now), updated: now, ..rotation };
    rows::put_rotation(tx, done)?;
    note(tx, ENDED, level, version, &Actor::system("key rotation"), (now, dice))
}

fn note_problem(tx: &mut Tx, id: i64, text: &str) -> Result<(), store::Error> {
    match rows::find_rotation(tx, id)? {
        Some(row) if row.problem.as_deref() != Some(text) => {
            rows::put_rotation(tx, Rotation { problem: Some(text.to_owned()), ..row })
        }
        _ => Ok(()),
    }
}

fn note(
    tx: &mut Tx,
    action: Action,
    level: Level,
    version: i64,
    by: &Actor,
    (now, dice): (Timestamp, &Dice),
) -> Result<(), RotationError> {
    let id = EntryId::new(ShopId::HOUSE, now, dice);
    let entry = Entry::new(id, now, by.clone(), action, Object::word("key"), Outcome::Success)
        .detail("level", Detail::from(level.name()))
        .detail("version", Detail::from(version));
    audit::append(tx, &entry)?;
    Ok(())
}
