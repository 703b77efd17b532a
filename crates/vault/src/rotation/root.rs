//! The root key: the keys right below it are wrapped by its successor.

use store::Tx;

use super::{RotationError, Step, Work, active_root, finish, live_keks};
use crate::handle::VaultError;
use crate::source::{KeyName, RootName};
use crate::store::keks::{self, KekRow, KeyState, RootRow};
use crate::store::rotations::{self as rows, Rotation, RotationState};

impl Work<'_> {
    pub(super) fn step_root(&self, rotation: Rotation) -> Result<Step, RotationError> {
        match rotation.state {
            RotationState::Preparing => self.rewrap_keks(&rotation)?,
            RotationState::Running => self.adopt_root(&rotation)?,
            RotationState::Done => return Ok(Step::Idle),
        }
        Ok(Step::Moved)
    }

    /// Wraps every key by the next root key, then stores all of it at once.
    fn rewrap_keks(&self, rotation: &Rotation) -> Result<(), RotationError> {
        let source = &self.rotator.source;
        let (from, old) = self.db.read_blocking(|tx| {
            let from = active_root(tx)?;
            Ok::<_, RotationError>((from, live_keks(tx)?))
        })?;
        let from_name = RootName::new(from.name.clone());
        let to_name = source.next(&from_name, self.dice)?;
        let mut moved = Vec::new();
        for row in old {
            let what = KeyName { purpose: &row.purpose, version: row.version };
            let wrapped = source.rewrap(&from_name, &to_name, what, &row.wrapped, self.dice)?;
            // What cannot be opened again is not stored.
            source.unwrap(&to_name, what, &wrapped)?;
            moved.push((row.clone(), KekRow { wrapped, root: to_name.as_str().to_owned(), ..row }));
        }
        let now = self.now;
        let kind = source.kind().name().to_owned();
        self.write(rotation, move |tx, rotation| {
            for (before, after) in &moved {
                put_if_same(tx, before, after)?;
            }
            let version = keks::list_roots(tx)?.last().map_or(1, |last| last.version + 1);
            let (name, kind) = (to_name.as_str().to_owned(), kind.clone());
            let state = KeyState::Active;
            keks::put_root(
                tx,
                RootRow { version, name, kind, state, created: now, retired: None, destroyed: None },
            )?;
            keks::put_root(tx, RootRow { state: KeyState::Retired, retired: Some(now), ..from.clone() })?;
            let done = i64::try_from(moved.len()).unwrap_or(i64::MAX);
            let state = RotationState::Running;
            let row = Rotation { state, to_version: version, done, problem: None, updated: now, ..rotation };
            Ok(rows::put_rotation(tx, row)?)
        })
    }

    fn adopt_root(&self, rotation: &Rotation) -> Result<(), RotationError> {
        let root = self.db.read_blocking(active_root)?;
        self.rotator.source.adopt(&RootName::new(root.name))?;
        let (now, dice) = (self.now, self.dice.clone());
        self.write(rotation, move |tx, rotation| finish(tx, rotation, (now, &dice)))
    }
}

/// Stores a key that was wrapped anew, unless the row changed since it was read.
fn put_if_same(tx: &mut Tx, before: &KekRow, after: &KekRow) -> Result<(), RotationError> {
    let there = keks::find_kek(tx, &before.purpose, before.version)?.ok_or(VaultError::Incomplete)?;
    if there.wrapped != before.wrapped || there.state != before.state {
        return Err(RotationError::Fenced);
    }
    Ok(keks::update_kek(tx, after.clone())?)
}
