//! Committed rows kept in memory between batches, on the engine where nobody else writes.
//!
//! Only tables that ask for it ([`Table::kept`]) are kept: rows that are read far more often than they are made. Rows
//! come in after their commit and never before. A raw statement empties it, since nobody knows what it changed.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use crate::limits::ROWS_KEPT_MAX;
use crate::table::Table;
use crate::value::{Row, Value};

/// What was committed under a key.
struct Known {
    table: &'static Table,
    row: Result<Row, Absent>,
}

/// The key under which there is no row.
struct Absent(Vec<Value>);

/// The rows kept, in two halves by age.
pub(crate) struct Kept {
    on: bool,
    young: FxHashMap<u64, Known>,
    old: FxHashMap<u64, Known>,
}

/// A number that tells keys of tables apart nearly always.
pub(crate) fn hash_of(table: &'static Table, key: &[Value]) -> u64 {
    let mut hasher = FxHasher::default();
    table.identity().hash(&mut hasher);
    for value in key {
        value.hash(&mut hasher);
    }
    hasher.finish()
}

impl Known {
    fn is(&self, table: &'static Table, key: &[Value]) -> bool {
        let own = match &self.row {
            Ok(row) => row.values().get(..key.len()),
            Err(Absent(key)) => Some(key.as_slice()),
        };
        self.table.identity() == table.identity() && own == Some(key)
    }
}

impl Kept {
    /// An empty one; with `on` false it stays so.
    pub(crate) fn new(on: bool) -> Kept {
        Kept { on, young: FxHashMap::default(), old: FxHashMap::default() }
    }

    /// What is known of a row: `Some(None)` says that there is none.
    pub(crate) fn find(&mut self, table: &'static Table, hash: u64, key: &[Value]) -> Option<Option<Row>> {
        if !self.on || !table.keep {
            return None;
        }
        if let Some(known) = self.young.get(&hash) {
            return known.is(table, key).then(|| known.row.as_ref().ok().cloned());
        }
        let known = self.old.remove(&hash).filter(|known| known.is(table, key))?;
        let row = known.row.as_ref().ok().cloned();
        self.put(hash, known);
        Some(row)
    }

    /// Notes a row as committed.
    pub(crate) fn note(&mut self, table: &'static Table, hash: u64, key: &[Value], row: Option<&Row>) {
        if self.on && table.keep {
            let row = row.cloned().ok_or_else(|| Absent(key.to_vec()));
            self.put(hash, Known { table, row });
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    fn put(&mut self, hash: u64, known: Known) {
        if self.young.len() >= ROWS_KEPT_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        // INVARIANT: an older version must not come back once the younger half has aged.
        self.old.remove(&hash);
        self.young.insert(hash, known);
    }
}
