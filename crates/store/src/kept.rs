//! Committed rows kept in memory between batches, on the engine where nobody else writes.
//!
//! Only tables that ask for it ([`Table::kept`]) are kept: rows that are read far more often than they are made. Rows
//! come in after their commit and never before. A raw statement empties it, since nobody knows what it changed.

use hashbrown::HashTable;

use crate::known::Known;
use crate::limits::ROWS_KEPT_MAX;
use crate::table::Table;
use crate::value::Value;

/// The rows kept, in two halves by age.
pub(crate) struct Kept {
    on: bool,
    young: HashTable<Known>,
    old: HashTable<Known>,
}

impl Kept {
    /// An empty one; with `on` false it stays so.
    pub(crate) fn new(on: bool) -> Kept {
        Kept { on, young: HashTable::new(), old: HashTable::new() }
    }

    /// What is known of a row.
    pub(crate) fn find(&mut self, table: &'static Table, hash: u64, key: &[Value]) -> Option<Known> {
        if !self.on || !table.keep {
            return None;
        }
        if let Some(known) = self.young.find(hash, |known| known.is(table, key)) {
            return Some(known.clone());
        }
        let known = self.old.find(hash, |known| known.is(table, key))?.clone();
        self.put(known.clone());
        Some(known)
    }

    /// Notes what was committed.
    pub(crate) fn note(&mut self, known: &Known) {
        if self.on && known.table.keep {
            self.put(known.clone());
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// INVARIANT: the younger half is asked first, so an older version in the other one is never seen again.
    fn put(&mut self, known: Known) {
        if self.young.len() >= ROWS_KEPT_MAX / 2 {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        put(&mut self.young, known);
    }
}

/// Puts a row in place of what was known of it.
pub(crate) fn put(rows: &mut HashTable<Known>, known: Known) {
    match rows.find_mut(known.hash, |other| other.is(known.table, known.key())) {
        Some(place) => *place = known,
        None => drop(rows.insert_unique(known.hash, known, |other| other.hash)),
    }
}
