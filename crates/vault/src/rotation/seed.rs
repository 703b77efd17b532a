//! The seed of the sub-keys: a new one makes new hashes; those there are get made anew or get a layer
//! ([`crate::keyed`]), each kind as its domain registers it.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit::Actor;
use base::{Dice, Timestamp};
use store::{Db, Tx};

use super::{DESTROYED, RotationError, Step, Work, active_root, finish, note, refuse_open};
use crate::handle::{DERIVE, Vault, VaultError, new_kek};
use crate::limits::REKEY_ROWS_MAX;
use crate::source::{KeyName, RootName};
use crate::store::keks::{self, KekRow, KeyState};
use crate::store::rotations::{self as rows, Level, Rotation, RotationState};
use crate::store::seeds::{SeedUses, add_uses, list_uses, put_uses};

/// Lists the names of rows behind a name (empty at first) in order, at most so many.
pub type ListRows = fn(&mut Tx<'_>, &str, i64) -> Result<Vec<String>, store::Error>;
/// Counts the rows.
pub type CountRows = fn(&mut Tx<'_>) -> Result<i64, store::Error>;
/// Looks at one row, and makes its hashes anew where it is asked to.
pub type RekeyRow = fn(&mut Tx<'_>, &Vault, &str, Pass) -> Result<Rekeyed, VaultError>;

/// A column of hashes under a sub-key, as its domain registers it. What lives no longer than a day is not: it is
/// accepted under the older key until it ends.
#[derive(Clone, Copy, Debug)]
pub struct KeyedColumn {
    /// What they are, as reports say it.
    pub name: &'static str,
    /// Lists the rows.
    pub list: ListRows,
    /// Counts the rows.
    pub count: CountRows,
    /// Looks at a row, or makes it anew.
    pub rekey: RekeyRow,
}

/// What is to be done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Make its hashes anew by the key in use.
    Rekey,
    /// Leave it, and say what it hangs from.
    Look,
}

/// What a row came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rekeyed {
    /// The versions of the keys that its hashes are checked by now.
    pub versions: Vec<u32>,
    /// Whether its value does not open, so that its hash stayed as it is.
    pub is_stuck: bool,
}

/// How many rows of a kind hang from each version.
type Tally = BTreeMap<(i64, &'static str), i64>;

fn count(tally: &mut Tally, name: &'static str, row: &Rekeyed) {
    for version in &row.versions {
        *tally.entry((i64::from(*version), name)).or_default() += 1;
    }
}

impl Work<'_> {
    pub(super) fn step_seed(&self, rotation: Rotation) -> Result<Step, RotationError> {
        match rotation.state {
            RotationState::Preparing if rotation.to_version == 0 => self.make_seed(&rotation)?,
            RotationState::Preparing => return self.activate_seed(&rotation),
            // Every node gets time to hear which seed is in use, so that what is passed by is not made by the old one.
            RotationState::Running if rotation.place.is_empty() && !self.has_settled(rotation.updated) => {
                return Ok(Step::Waiting);
            }
            RotationState::Running => self.rekey_rows(&rotation)?,
            RotationState::Done => return Ok(Step::Idle),
        }
        Ok(Step::Moved)
    }

    fn has_settled(&self, since: Timestamp) -> bool {
        self.now.millis_since(since) >= self.rotator.settle_ms
    }

    fn make_seed(&self, rotation: &Rotation) -> Result<(), RotationError> {
        let columns = self.rotator.keyed.clone();
        let (root, newest, total) = self.db.read_blocking(move |tx| {
            let all = keks::list_keks(tx)?;
            let newest = all.iter().filter(|row| row.purpose == DERIVE).map(|row| row.version).max();
            let mut total = 0;
            for column in &columns {
                total += (column.count)(tx)?;
            }
            Ok::<_, RotationError>((active_root(tx)?, newest.unwrap_or(0), total))
        })?;
        let (what, root) = (KeyName { purpose: DERIVE, version: newest + 1 }, RootName::new(root.name));
        let row = new_kek(&*self.rotator.source, &root, what, self.now, self.dice)?;
        let now = self.now;
        self.write(rotation, move |tx, rotation| {
            keks::insert_kek(tx, row.clone())?;
            let row = Rotation { to_version: row.version, total, problem: None, updated: now, ..rotation };
            Ok(rows::put_rotation(tx, row)?)
        })?;
        Ok(self.vault.refresh(self.db, &*self.rotator.source)?)
    }

    fn activate_seed(&self, rotation: &Rotation) -> Result<Step, RotationError> {
        let version = rotation.to_version;
        let coming = self.db.read_blocking(move |tx| keks::find_kek(tx, DERIVE, version))?;
        let coming = coming.ok_or(VaultError::Incomplete)?;
        if !self.has_settled(coming.created) {
            return Ok(Step::Waiting);
        }
        // A node that cannot load it must not put it to use.
        self.vault.refresh(self.db, &*self.rotator.source)?;
        let now = self.now;
        self.write(rotation, move |tx, rotation| {
            for row in keks::list_keks(tx)?.into_iter().filter(|row| row.purpose == DERIVE) {
                if row.version == version {
                    keks::update_kek(tx, KekRow { state: KeyState::Active, ..row })?;
                } else if row.state == KeyState::Active {
                    keks::update_kek(tx, KekRow { state: KeyState::Retired, retired: Some(now), ..row })?;
                }
            }
            for uses in list_uses(tx)? {
                put_uses(tx, SeedUses { uses: 0, counted: now, ..uses })?;
            }
            let row = Rotation { state: RotationState::Running, problem: None, updated: now, ..rotation };
            Ok(rows::put_rotation(tx, row)?)
        })?;
        self.vault.refresh(self.db, &*self.rotator.source)?;
        Ok(Step::Moved)
    }

    /// Makes some rows of one column anew. They are listed ahead, so that the transaction itself reads by key alone.
    fn rekey_rows(&self, rotation: &Rotation) -> Result<(), RotationError> {
        let (at, after) = read_place(&rotation.place);
        let (vault, now, dice) = (Arc::clone(self.vault), self.now, self.dice.clone());
        let Some(column) = self.rotator.keyed.get(at).copied() else {
            return self.write(rotation, move |tx, rotation| finish(tx, rotation, (now, &dice)));
        };
        let from = after.clone();
        let names = self.db.read_blocking(move |tx| (column.list)(tx, &from, REKEY_ROWS_MAX))?;
        // A batch that is not full is the last: what comes behind it meanwhile is made by the new seed already.
        let is_full = i64::try_from(names.len()).unwrap_or(0) == REKEY_ROWS_MAX;
        let last = names.last().filter(|_| is_full);
        let place = last.map_or_else(|| place_of(at + 1, ""), |last| place_of(at, last));
        self.write(rotation, move |tx, rotation| {
            let (mut tally, mut problem) = (Tally::new(), rotation.problem.clone());
            for name in &names {
                let row = (column.rekey)(tx, &vault, name, Pass::Rekey)?;
                count(&mut tally, column.name, &row);
                if row.is_stuck {
                    problem =
                        Some(format!("one of `{}` does not open; it hangs from its older key", column.name));
                }
            }
            for ((version, name), uses) in tally {
                add_uses(tx, SeedUses { version, name: name.to_owned(), uses, counted: now })?;
            }
            let done = rotation.done + i64::try_from(names.len()).unwrap_or(0);
            let place = place.clone();
            Ok(rows::put_rotation(tx, Rotation { done, place, problem, updated: now, ..rotation })?)
        })
    }
}

/// Where a rotation of the seed is: in which column, behind which row.
fn read_place(text: &str) -> (usize, String) {
    let (at, after) = text.split_once('\n').unwrap_or(("0", ""));
    (at.parse().unwrap_or(0), after.to_owned())
}

// INVARIANT: names of rows are ids and hashes of ours, without line breaks.
fn place_of(at: usize, after: &str) -> String {
    format!("{at}\n{after}")
}

/// Destroys a retired seed, after every row that may hang from it was looked at.
pub(super) fn destroy_seed(
    db: &Db,
    vault: &Arc<Vault>,
    columns: &[&'static KeyedColumn],
    version: i64,
    by: &Actor,
    (now, dice): (Timestamp, &Dice),
) -> Result<(), RotationError> {
    db.read_blocking(move |tx| destroyable_seed(tx, version).map(drop))?;
    let tally = look_at_all(db, vault, columns)?;
    let uses: i64 = tally.iter().filter(|((of, _), _)| *of == version).map(|(_, uses)| *uses).sum();
    let (by, dice) = (by.clone(), dice.clone());
    db.write_blocking(move |tx| {
        for row in list_uses(tx)? {
            put_uses(tx, SeedUses { uses: 0, counted: now, ..row })?;
        }
        for ((version, name), uses) in &tally {
            put_uses(
                tx,
                SeedUses { version: *version, name: (*name).to_owned(), uses: *uses, counted: now },
            )?;
        }
        if uses > 0 {
            return Ok(());
        }
        let row = destroyable_seed(tx, version)?;
        let (state, destroyed) = (KeyState::Destroyed, Some(now));
        keks::update_kek(tx, KekRow { state, wrapped: Vec::new(), destroyed, ..row })?;
        note(tx, DESTROYED, Level::Seed, version, &by, (now, &dice))
    })?;
    if uses > 0 {
        return Err(RotationError::InUse { level: Level::Seed, version, uses });
    }
    vault.write_seeds().forget(version);
    Ok(())
}

fn destroyable_seed(tx: &mut Tx, version: i64) -> Result<KekRow, RotationError> {
    let level = Level::Seed;
    refuse_open(tx)?;
    let row = keks::find_kek(tx, DERIVE, version)?.ok_or(RotationError::NotFound { level, version })?;
    match row.state {
        KeyState::Retired => Ok(row),
        state => Err(RotationError::NotRetired { level, version, state }),
    }
}

/// What hangs from each seed, counted now.
fn look_at_all(
    db: &Db,
    vault: &Arc<Vault>,
    columns: &[&'static KeyedColumn],
) -> Result<Tally, RotationError> {
    let mut tally = Tally::new();
    for column in columns.iter().copied() {
        let mut after = String::new();
        loop {
            let (vault, from) = (Arc::clone(vault), after.clone());
            let looked = db.read_blocking(move |tx| {
                let names = (column.list)(tx, &from, REKEY_ROWS_MAX)?;
                let rows = names.iter().map(|name| (column.rekey)(tx, &vault, name, Pass::Look));
                let rows = rows.collect::<Result<Vec<_>, VaultError>>()?;
                Ok::<_, VaultError>((rows, names.into_iter().next_back()))
            })?;
            looked.0.iter().for_each(|row| count(&mut tally, column.name, row));
            let Some(last) = looked.1 else { break };
            after = last;
        }
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was() {
        for (at, after) in [(0, ""), (3, "a/b"), (12, "")] {
            assert_eq!(read_place(&place_of(at, after)), (at, after.to_owned()));
        }
        assert_eq!(read_place(""), (0, String::new()));
    }
}
