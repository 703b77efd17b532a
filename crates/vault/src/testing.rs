//! What tests of every domain do with keys: the seed of the sub-keys is replaced under them, and destroyed.

use std::sync::Arc;

use base::{Dice, Timestamp};
use store::Db;

use crate::rotation::{
    Hanging, Nodes, RotationError, Rotator, Step, destroy_key, list_rotations, start_rotation,
};
use crate::{KeySource, Level, RootKey, RotationState, Vault};

/// An unlocked vault that a test replaces keys of.
pub struct Replacing<'a> {
    /// Its database.
    pub db: &'a Db,
    /// The vault.
    pub vault: &'a Arc<Vault>,
    /// The root key it was unlocked with, in bytes.
    pub root: [u8; 32],
    /// What hangs from its keys.
    pub hanging: &'static Hanging,
    /// Where chance comes from.
    pub dice: Dice,
}

impl Replacing<'_> {
    /// Replaces the seed, to the end.
    ///
    /// # Errors
    /// [`RotationError`].
    ///
    /// # Panics
    /// When a row was passed over.
    pub fn replace_seed(&self, now: Timestamp) -> Result<(), RotationError> {
        let root: Arc<dyn KeySource> = Arc::new(RootKey::from_bytes(self.root));
        let rotator = Rotator::new(root, self.hanging, "one", Nodes::One);
        let (by, dice) = (audit::Actor::system("test"), self.dice.clone());
        self.db.write_blocking(move |tx| start_rotation(tx, Level::Seed, &by, now, &dice))?;
        while rotator.step(self.db, self.vault, now, &self.dice)? != Step::Idle {}
        let last = self.db.read_blocking(list_rotations)?.into_iter().next();
        let whole = last.is_some_and(|last| {
            last.state == RotationState::Done && last.done == last.total && last.problem.is_none()
        });
        assert!(whole, "every row was passed");
        Ok(())
    }

    /// Destroys a version of the seed.
    ///
    /// # Errors
    /// [`RotationError`] with the reason why not.
    pub fn destroy_seed(&self, version: i64, now: Timestamp) -> Result<(), RotationError> {
        let (by, root) = (audit::Actor::system("test"), RootKey::from_bytes(self.root));
        let what = (Level::Seed, version, self.hanging);
        destroy_key(self.db, self.vault, &root, what, &by, (now, &self.dice))
    }
}
