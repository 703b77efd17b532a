//! Committed rows that wait to be written to SQLite, the last version of each.
//!
//! The committer adds what each batch wrote. Now and then all of it goes to the writer as one [`Generation`], and stays
//! readable here until SQLite holds it: a row that changed a thousand times meanwhile is written once.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::kept::put;
use crate::known::Known;
use crate::table::Table;
use crate::value::Value;

/// Rows of some batches in a row, complete up to the last of them.
#[derive(Default)]
pub(crate) struct Generation {
    rows: HashTable<Known>,
    /// Number of the last batch in it.
    pub(crate) last: i64,
    /// What its batches took in the journal, bytes.
    pub(crate) bytes: usize,
}

impl Generation {
    /// All rows, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Known> {
        self.rows.iter()
    }

    fn find(&self, table: &'static Table, hash: u64, key: &[Value]) -> Option<&Known> {
        self.rows.find(hash, |known| known.is(table, key))
    }
}

/// The memory of a generation whose rows are gone, for another one: fresh memory costs more than what is written into it.
pub(crate) struct Room(HashTable<Known>);

impl Room {
    /// Frees the rows of a generation that nobody else has any more. Nothing where they took a small part of its memory.
    pub(crate) fn of(spent: Arc<Generation>) -> Option<Room> {
        let mut rows = Arc::into_inner(spent)?.rows;
        let fits = rows.len() >= rows.capacity() / 4;
        rows.clear();
        fits.then_some(Room(rows))
    }
}

/// The generation in the making, and the one that is being written.
#[derive(Default)]
pub(crate) struct Unsettled {
    fresh: Generation,
    leaving: Option<Arc<Generation>>,
}

/// What the writer is given.
pub(crate) struct Leaving {
    /// What to write.
    pub(crate) rows: Arc<Generation>,
    /// What was written before. Freeing it takes a while, which is not the committer's time.
    pub(crate) spent: Option<Arc<Generation>>,
}

impl Unsettled {
    /// What is known of a row.
    pub(crate) fn find(&self, table: &'static Table, hash: u64, key: &[Value]) -> Option<&Known> {
        let leaving = || self.leaving.as_ref().and_then(|leaving| leaving.find(table, hash, key));
        self.fresh.find(table, hash, key).or_else(leaving)
    }

    /// What is known of rows whose key begins so, later versions behind earlier ones.
    pub(crate) fn list(&self, table: &'static Table, prefix: &[Value]) -> Vec<Known> {
        let rows = self.leaving.iter().flat_map(|leaving| leaving.rows()).chain(self.fresh.rows());
        rows.filter(|known| known.begins(table, prefix)).cloned().collect()
    }

    /// Adds what a batch wrote: batch `number`, `bytes` in the journal.
    pub(crate) fn add(&mut self, rows: impl Iterator<Item = Known>, number: i64, bytes: usize) {
        rows.for_each(|known| put(&mut self.fresh.rows, known));
        self.fresh.last = number;
        self.fresh.bytes += bytes;
    }

    /// What the batches take that were not given to the writer yet, bytes of the journal.
    pub(crate) fn bytes(&self) -> usize {
        self.fresh.bytes
    }

    /// Whether everything was given to the writer.
    pub(crate) fn is_empty(&self) -> bool {
        self.fresh.bytes == 0
    }

    /// Takes what is there for the writer. What comes next is kept in `room`.
    pub(crate) fn leave(&mut self, room: Option<Room>) -> Leaving {
        let room = room.map_or_else(|| HashTable::with_capacity(self.fresh.rows.len()), |room| room.0);
        let next = Generation { rows: room, ..Generation::default() };
        let rows = Arc::new(std::mem::replace(&mut self.fresh, next));
        let spent = self.leaving.replace(Arc::clone(&rows));
        Leaving { rows, spent }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Unsettled::default();
    }
}
