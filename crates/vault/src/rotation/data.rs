//! The data keys: each owner gets a new one, and the owner's values are sealed anew.

use std::sync::Arc;

use base::{Dice, ShopId, Timestamp};
use store::Tx;

use super::{RotationError, Step, Work, finish};
use crate::data_keys::forget_older_keys;
use crate::handle::{SECRETS_COLUMN, SECRETS_TABLE, SYSTEM_OWNER, Vault, VaultError};
use crate::limits::RESEAL_ROWS_MAX;
use crate::seal::{DataKey, Place};
use crate::store::data_keys::find_next_owner;
use crate::store::rotations::{self as rows, Rotation, RotationState};
use crate::store::{list_secrets, update_secret};

/// Owners of one transaction, however few values each has: each asks every column once.
const OWNERS_MAX: usize = 20;

/// One stored value of a [`SealedColumn`].
#[derive(Clone, Debug)]
pub struct SealedValue {
    /// The row, as in the [`Place`] it is sealed for.
    pub row: String,
    /// What is stored.
    pub sealed: Vec<u8>,
}

/// Lists values of an owner (shop, owner) behind a row (text, empty at first) in the order of their rows, at most so many.
pub type ListSealed = fn(&mut Tx<'_>, ShopId, &str, &str, i64) -> Result<Vec<SealedValue>, store::Error>;
/// Stores a value of an owner (shop, owner) that was sealed anew, at a row.
pub type UpdateSealed = fn(&mut Tx<'_>, ShopId, &str, &str, Vec<u8>) -> Result<(), store::Error>;

/// A column of sealed values, as its domain registers it. A domain lists each column it seals for; one that is missing
/// cannot be sealed anew.
#[derive(Clone, Copy, Debug)]
pub struct SealedColumn {
    /// The table named in the [`Place`].
    pub table: &'static str,
    /// The column named in the [`Place`].
    pub column: &'static str,
    /// Lists the values of an owner.
    pub list: ListSealed,
    /// Stores one that was sealed anew.
    pub update: UpdateSealed,
}

/// The columns of the vault itself.
pub const SEALED: &[SealedColumn] =
    &[SealedColumn { table: SECRETS_TABLE, column: SECRETS_COLUMN, list: list_own, update: update_own }];

fn list_own(
    tx: &mut Tx<'_>,
    shop: ShopId,
    owner: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, store::Error> {
    if shop != ShopId::HOUSE || owner != SYSTEM_OWNER {
        return Ok(Vec::new());
    }
    let found = list_secrets(tx, after, limit)?;
    Ok(found.into_iter().map(|(row, sealed)| SealedValue { row, sealed }).collect())
}

fn update_own(tx: &mut Tx<'_>, _: ShopId, _: &str, row: &str, sealed: Vec<u8>) -> Result<(), store::Error> {
    update_secret(tx, row, sealed)
}

const STUCK: &str = "stuck";
const WHOLE: &str = "whole";

/// Where the rotation is: behind an owner, or inside one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cursor {
    shop: String,
    owner: String,
    /// Column and row of the value that was last sealed anew; `None` between two owners.
    inside: Option<(usize, String)>,
    /// The version of the owner's key that the values so far were sealed under.
    version: u32,
    /// Whether one of the owner's values so far does not open, so that the older keys are kept. It is here and not in the
    /// [`Batch`], since an owner may take several transactions, and a transaction several owners.
    is_stuck: bool,
}

impl Cursor {
    /// A cursor from [`Cursor::text`].
    fn read(text: &str) -> Option<Cursor> {
        let mut parts = text.split('\n');
        let (shop, owner) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let inside = match (parts.next(), parts.next()) {
            (Some(column), Some(row)) => Some((column.parse().ok()?, row.to_owned())),
            _ => None,
        };
        let version = parts.next().and_then(|text| text.parse().ok()).unwrap_or(0);
        // One that was written before this was noted does not say it: without a version its owner is begun again.
        let (version, is_stuck) = match parts.next() {
            Some(mark) => (version, mark == STUCK),
            None => (0, false),
        };
        Some(Cursor { shop, owner, inside, version, is_stuck })
    }

    // INVARIANT: owners and rows are ids and names of ours, without line breaks.
    fn text(&self) -> String {
        match &self.inside {
            None => format!("{}\n{}", self.shop, self.owner),
            Some((column, row)) => {
                let mark = if self.is_stuck { STUCK } else { WHOLE };
                format!("{}\n{}\n{column}\n{row}\n{}\n{mark}", self.shop, self.owner, self.version)
            }
        }
    }
}

impl Work<'_> {
    pub(super) fn step_data(&self, rotation: Rotation) -> Result<Step, RotationError> {
        let (vault, now, dice) = (Arc::clone(self.vault), self.now, self.dice.clone());
        let columns = self.rotator.columns.clone();
        self.write(&rotation, move |tx, rotation| {
            let mut cursor = Cursor::read(&rotation.place).unwrap_or_default();
            let mut batch = Batch { vault: &vault, columns: &columns, now, dice: &dice, problem: None };
            let (owners, over) = batch.go(tx, &mut cursor, rotation.started)?;
            let (done, place) = (rotation.done + owners, cursor.text());
            let problem = batch.problem.or_else(|| rotation.problem.clone());
            let state = RotationState::Running;
            let row = Rotation { state, done, place, problem, updated: now, ..rotation };
            if over { finish(tx, row, (now, &dice)) } else { Ok(rows::put_rotation(tx, row)?) }
        })?;
        Ok(Step::Moved)
    }
}

/// What one transaction seals anew.
struct Batch<'a> {
    vault: &'a Vault,
    columns: &'a [&'static SealedColumn],
    now: Timestamp,
    dice: &'a Dice,
    problem: Option<String>,
}

impl Batch<'_> {
    /// Moves the cursor on. Returns how many owners were finished, and whether there are no more.
    fn go(
        &mut self,
        tx: &mut Tx,
        cursor: &mut Cursor,
        before: Timestamp,
    ) -> Result<(i64, bool), RotationError> {
        let (mut left, mut finished) = (RESEAL_ROWS_MAX, 0);
        for _ in 0..OWNERS_MAX {
            if cursor.inside.is_none() {
                let after = (cursor.shop.as_str(), cursor.owner.as_str());
                let Some((shop, owner)) = find_next_owner(tx, after, before)? else {
                    return Ok((finished, true));
                };
                self.vault.replace_data_key(tx, shop, &owner, self.now, self.dice)?;
                let (shop, inside) = (shop.short().to_owned(), Some((0, String::new())));
                *cursor = Cursor { shop, owner, inside, version: 0, is_stuck: false };
            }
            if self.reseal_owner(tx, cursor, &mut left)? {
                finished += 1;
                cursor.inside = None;
            }
            if left == 0 {
                break;
            }
        }
        Ok((finished, false))
    }

    /// Seals values of the cursor's owner anew; whether all of them are.
    fn reseal_owner(
        &mut self,
        tx: &mut Tx,
        cursor: &mut Cursor,
        left: &mut usize,
    ) -> Result<bool, RotationError> {
        let shop = ShopId::from_short(&cursor.shop).ok_or(VaultError::Tampered)?;
        let key = match self.vault.sealing_key(tx, shop, &cursor.owner, self.now, self.dice) {
            // Erased meanwhile: nothing opens any more, and nothing must.
            Err(VaultError::Destroyed | VaultError::NoDataKey) => return Ok(true),
            key => key?,
        };
        if cursor.version != key.version() {
            // INVARIANT: older keys are forgotten only after every value was looked at under one version. A key that sealed
            // all it may was replaced since the last transaction, so this owner is begun again.
            let inside = Some((0, String::new()));
            *cursor = Cursor { inside, version: key.version(), is_stuck: false, ..cursor.clone() };
        }
        let (mut at, mut after) = cursor.inside.clone().unwrap_or_default();
        while let Some(column) = self.columns.get(at) {
            let limit = i64::try_from(*left).unwrap_or(i64::MAX);
            let values = (column.list)(tx, shop, &cursor.owner, &after, limit)?;
            if values.is_empty() {
                (at, after) = (at + 1, String::new());
                continue;
            }
            for value in values {
                cursor.is_stuck |= !self.reseal(tx, column, (shop, &cursor.owner, &key), &value)?;
                *left = left.saturating_sub(1);
                after = value.row;
            }
            cursor.inside = Some((at, after.clone()));
            if *left == 0 {
                return Ok(false);
            }
        }
        if !cursor.is_stuck {
            forget_older_keys(tx, shop, &cursor.owner)?;
        }
        Ok(true)
    }

    /// Seals one value anew; whether it opens. A value that does not is left as it is, and its owner's older keys with it.
    fn reseal(
        &mut self,
        tx: &mut Tx,
        column: &SealedColumn,
        (shop, owner, key): (ShopId, &str, &DataKey),
        value: &SealedValue,
    ) -> Result<bool, RotationError> {
        let place = Place { table: column.table, column: column.column, row: &value.row };
        let Ok(plain) = key.open_bytes(&place, &value.sealed) else {
            let (table, column) = (column.table, column.column);
            self.problem =
                Some(format!("a value of `{table}.{column}` does not open; its older key is kept"));
            return Ok(false);
        };
        // Asked after it opened: what only says that it is sealed under the present key may need an older one.
        if key.is_present(&value.sealed) {
            return Ok(true);
        }
        let sealed = key.seal_bytes(&place, plain.expose(), self.dice).map_err(VaultError::from)?;
        (column.update)(tx, shop, owner, &value.row, sealed)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let between = Cursor { shop: "s".into(), owner: "o".into(), ..Cursor::default() };
        let inside = Cursor { inside: Some((3, "row".into())), version: 2, ..between.clone() };
        let begun = Cursor { inside: Some((0, String::new())), ..between.clone() };
        let stuck = Cursor { is_stuck: true, ..inside.clone() };
        for cursor in [between, inside, begun, stuck] {
            assert_eq!(Cursor::read(&cursor.text()), Some(cursor));
        }
        assert_eq!(Cursor::read(""), None);
    }

    #[test]
    fn an_owner_whose_cursor_does_not_say_whether_all_opened_is_begun_again() {
        let read = Cursor::read("s\no\n3\nrow\n2").unwrap();
        assert_eq!(
            (read.version, read.is_stuck),
            (0, false),
            "no key has version 0, so it is not gone on with"
        );
    }
}
