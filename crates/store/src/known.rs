//! What is known of the row under a key: the row, or that there is none.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::table::Table;
use crate::value::{Row, Value};

/// A row of a table, or the absence of one. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) table: &'static Table,
    /// [`hash_of`] its table and key.
    pub(crate) hash: u64,
    /// The whole row; the key alone where there is no row.
    values: Row,
    there: bool,
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
    /// A row of `table`, whole.
    pub(crate) fn row(table: &'static Table, hash: u64, row: Row) -> Known {
        Known { table, hash, values: row, there: true }
    }

    /// No row under `key`.
    pub(crate) fn absent(table: &'static Table, hash: u64, key: Vec<Value>) -> Known {
        Known { table, hash, values: Row::new(key), there: false }
    }

    /// The row, if there is one.
    pub(crate) fn get(&self) -> Option<&Row> {
        self.there.then_some(&self.values)
    }

    /// Whether there is a row.
    pub(crate) fn is_there(&self) -> bool {
        self.there
    }

    /// The row's columns; those of the key alone where there is no row.
    pub(crate) fn values(&self) -> &[Value] {
        self.values.values()
    }

    /// The key.
    pub(crate) fn key(&self) -> &[Value] {
        self.values().get(..self.table.key.len()).unwrap_or_default()
    }

    /// The same key without its row.
    pub(crate) fn removed(&self) -> Known {
        Known::absent(self.table, self.hash, self.key().to_vec())
    }

    /// Whether it is of this table and its key begins so.
    pub(crate) fn begins(&self, table: &'static Table, prefix: &[Value]) -> bool {
        self.table.identity() == table.identity() && self.key().starts_with(prefix)
    }

    /// Whether it is of this key.
    pub(crate) fn is(&self, table: &'static Table, key: &[Value]) -> bool {
        self.table.identity() == table.identity() && self.key() == key
    }
}
