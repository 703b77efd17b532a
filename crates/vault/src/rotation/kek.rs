//! The key-encryption keys: a new one wraps every data key.

use std::sync::Arc;

use store::Tx;

use super::{RotationError, Step, Work, active_root, finish};
use crate::handle::{SEAL, Vault, VaultError, new_kek};
use crate::limits::REWRAP_ROWS_MAX;
use crate::source::{KeyName, RootName};
use crate::store::data_keys;
use crate::store::keks::{self, KekRow, KeyState};
use crate::store::rotations::{self as rows, Rotation, RotationState};

impl Work<'_> {
    pub(super) fn step_kek(&self, rotation: Rotation) -> Result<Step, RotationError> {
        match rotation.state {
            RotationState::Preparing if rotation.to_version == 0 => self.make_kek(&rotation)?,
            RotationState::Preparing => return self.activate_kek(&rotation),
            RotationState::Running => self.rewrap_data_keys(&rotation)?,
            RotationState::Done => return Ok(Step::Idle),
        }
        Ok(Step::Moved)
    }

    fn make_kek(&self, rotation: &Rotation) -> Result<(), RotationError> {
        let (root, newest) = self.db.read_blocking(|tx| {
            let newest =
                keks::list_keks(tx)?.iter().filter(|row| row.purpose == SEAL).map(|row| row.version).max();
            Ok::<_, RotationError>((active_root(tx)?, newest.unwrap_or(0)))
        })?;
        let (what, root) = (KeyName { purpose: SEAL, version: newest + 1 }, RootName::new(root.name));
        let row = new_kek(&*self.rotator.source, &root, what, self.now, self.dice)?;
        let now = self.now;
        self.write(rotation, move |tx, rotation| {
            keks::insert_kek(tx, row.clone())?;
            let row = Rotation { to_version: row.version, problem: None, updated: now, ..rotation };
            Ok(rows::put_rotation(tx, row)?)
        })?;
        Ok(self.vault.refresh(self.db, &*self.rotator.source)?)
    }

    /// Puts the new key to use once every node had time to load it.
    fn activate_kek(&self, rotation: &Rotation) -> Result<Step, RotationError> {
        let version = rotation.to_version;
        let coming = self.db.read_blocking(move |tx| keks::find_kek(tx, SEAL, version))?;
        let coming = coming.ok_or(VaultError::Incomplete)?;
        if self.now.millis_since(coming.created) < self.rotator.settle_ms {
            return Ok(Step::Waiting);
        }
        if !self.vault.has_kek(version) {
            self.vault.refresh(self.db, &*self.rotator.source)?;
        }
        let now = self.now;
        self.write(rotation, move |tx, rotation| {
            for row in keks::list_keks(tx)?.into_iter().filter(|row| row.purpose == SEAL) {
                if row.version == version {
                    keks::update_kek(tx, KekRow { state: KeyState::Active, ..row })?;
                } else if row.state == KeyState::Active {
                    keks::update_kek(tx, KekRow { state: KeyState::Retired, retired: Some(now), ..row })?;
                }
            }
            let row = Rotation { state: RotationState::Running, problem: None, updated: now, ..rotation };
            Ok(rows::put_rotation(tx, row)?)
        })?;
        Ok(Step::Moved)
    }

    fn rewrap_data_keys(&self, rotation: &Rotation) -> Result<(), RotationError> {
        let (vault, now, dice) = (Arc::clone(self.vault), self.now, self.dice.clone());
        self.write(rotation, move |tx, rotation| {
            let moved = rewrap_some(tx, &vault, rotation.to_version)?;
            if moved == 0 {
                return finish(tx, Rotation { problem: None, ..rotation }, (now, &dice));
            }
            let done = rotation.done + moved;
            Ok(rows::put_rotation(tx, Rotation { done, problem: None, updated: now, ..rotation })?)
        })
    }
}

/// Wraps some of the data keys that another key-encryption key wraps; 0 when there are none left.
fn rewrap_some(tx: &mut Tx, vault: &Vault, to: i64) -> Result<i64, RotationError> {
    let others = keks::list_keks(tx)?;
    let others = others.iter().filter(|row| row.purpose == SEAL && row.version != to);
    for from in others.filter(|row| row.state != KeyState::Destroyed).map(|row| row.version) {
        let owners = data_keys::list_wrapped_by(tx, from, REWRAP_ROWS_MAX)?;
        for (shop, owner) in &owners {
            vault.rewrap_data_key(tx, *shop, owner, to)?;
        }
        if !owners.is_empty() {
            return Ok(i64::try_from(owners.len()).unwrap_or(i64::MAX));
        }
        let older = data_keys::list_older_wrapped_by(tx, from, REWRAP_ROWS_MAX)?;
        let count = older.len();
        for row in older {
            vault.rewrap_older_key(tx, row, to)?;
        }
        if count > 0 {
            return Ok(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
    Ok(0)
}
