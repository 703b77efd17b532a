//! A transaction as a domain sees it.

use rustc_hash::FxHashMap;

use crate::conn::{Conn, Write, WriteKind};
use crate::error::Error;
use crate::journal::Draft;
use crate::kept::{Kept, hash_of};
use crate::table::Table;
use crate::value::{Row, Value};

/// Names a row that a closure will read, so that the committer can load all rows of a batch in one query a table.
#[derive(Clone, Debug)]
pub struct Key {
    pub(crate) table: &'static Table,
    pub(crate) key: Vec<Value>,
}

impl Key {
    /// The row of `table` with this primary key.
    pub fn new(table: &'static Table, key: Vec<Value>) -> Key {
        Key { table, key }
    }
}

/// One row as this transaction knows it.
#[derive(Clone, Debug)]
struct Slot {
    table: &'static Table,
    key: Vec<Value>,
    hash: u64,
    /// Another slot whose key has the same hash.
    twin: Option<usize>,
    row: Option<Row>,
    /// `row` says what the database holds; `false` until it was read or written.
    known: bool,
    pending: Option<WriteKind>,
}

/// What a slot held before the current closure changed it.
struct Before {
    slot: usize,
    row: Option<Row>,
    known: bool,
    pending: Option<WriteKind>,
}

pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// A transaction. See the crate's page for what holds inside one.
pub struct Tx<'c> {
    conn: &'c mut Conn,
    slots: Vec<Slot>,
    /// The newest slot of each hash.
    index: FxHashMap<u64, usize>,
    /// Rows committed before; `None` in a read-only transaction.
    kept: Option<&'c mut Kept>,
    /// Slots with unflushed writes, in order of their first write.
    dirty: Vec<usize>,
    /// How to take back what the current closure did.
    journal: Vec<Before>,
    hooks: Vec<Hook>,
    hooks_before: usize,
    /// The current closure did something that only a rollback can take back.
    hard: bool,
    /// A row that is not in memory stops the closure, so that the rows of all closures are loaded together.
    collecting: bool,
    /// Rows that stopped closures.
    wanted: Vec<Key>,
    /// The current closure was stopped.
    stopped: bool,
    /// The first error of the engine in the current closure. PostgreSQL refuses whatever follows one, and a write that
    /// failed may have been another closure's: the batch must not be committed.
    fault: Option<Error>,
}

impl<'c> Tx<'c> {
    /// A transaction that may write and knows what is kept, or one that only reads.
    pub(crate) fn new(conn: &'c mut Conn, kept: Option<&'c mut Kept>) -> Tx<'c> {
        Tx {
            conn,
            slots: Vec::new(),
            index: FxHashMap::default(),
            kept,
            dirty: Vec::new(),
            journal: Vec::new(),
            hooks: Vec::new(),
            hooks_before: 0,
            hard: false,
            collecting: false,
            wanted: Vec::new(),
            stopped: false,
            fault: None,
        }
    }

    /// The row of `table` with this primary key, or `None`.
    ///
    /// # Errors
    /// Those of the engine; [`Error::Bug`] for a key of the wrong length.
    pub fn get(&mut self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, Error> {
        let slot = self.load(table, key)?;
        Ok(self.slots.get(slot).and_then(|s| s.row.clone()))
    }

    /// Adds a row, all columns in the table's order.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a row with this key is there; seen now, or at the latest before the commit.
    pub fn insert(&mut self, table: &'static Table, row: Vec<Value>) -> Result<(), Error> {
        self.check_row(table, &row)?;
        let key = row.get(..table.key.len()).unwrap_or_default().to_vec();
        let known = self.find_slot(table, &key);
        let kind = match known.and_then(|slot| self.slots.get(slot)) {
            Some(slot) if slot.row.is_some() => return Err(Error::Conflict(table.name.to_owned())),
            // Deleted in this batch and not yet flushed: the row may still be in the database.
            Some(slot) if slot.pending.is_some() => WriteKind::Put,
            _ => WriteKind::Insert,
        };
        let slot = known.unwrap_or_else(|| self.add_slot(table, key, None, false));
        self.change(slot, Some(Row::new(row)), kind);
        Ok(())
    }

    /// Adds or replaces a row, all columns in the table's order.
    ///
    /// # Errors
    /// [`Error::Bug`] for a row of the wrong width or in a read-only transaction.
    pub fn put(&mut self, table: &'static Table, row: Vec<Value>) -> Result<(), Error> {
        self.check_row(table, &row)?;
        let key = row.get(..table.key.len()).unwrap_or_default().to_vec();
        let known = self.find_slot(table, &key);
        let slot = known.unwrap_or_else(|| self.add_slot(table, key, None, false));
        let inserted = self.slots.get(slot).is_some_and(|s| s.pending == Some(WriteKind::Insert));
        self.change(slot, Some(Row::new(row)), if inserted { WriteKind::Insert } else { WriteKind::Put });
        Ok(())
    }

    /// Removes a row; does nothing when it is not there.
    ///
    /// # Errors
    /// [`Error::Bug`] in a read-only transaction or for a key of the wrong length.
    pub fn delete(&mut self, table: &'static Table, key: &[Value]) -> Result<(), Error> {
        self.check_writable()?;
        let known = self.find_slot(table, key);
        let slot = known.unwrap_or_else(|| self.add_slot(table, key.to_vec(), None, false));
        self.change(slot, None, WriteKind::Delete);
        Ok(())
    }

    /// Runs a query with `?1`, `?2`, … and returns its rows. Sees everything written before it.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.flush()?;
        if self.kept.is_some() && !sql.trim_start().starts_with("SELECT") {
            // It may write, and nobody knows which rows.
            self.hard = true;
            self.forget();
        }
        let found = self.conn.query(sql, params);
        self.watch(found)
    }

    /// The first row of a query, or `None`.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// Runs a statement and returns how many rows it changed. For rare work: it makes the batch forget what it has in
    /// memory, and an error after it rolls the whole batch back and runs each closure alone.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        self.check_writable()?;
        self.flush()?;
        self.hard = true;
        self.forget();
        let changed = self.conn.execute(sql, params);
        self.watch(changed)
    }

    /// Runs `hook` once the batch is durable; never when the closure fails.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Loads rows ahead, one query a table.
    pub(crate) fn prefetch<'k>(&mut self, keys: impl Iterator<Item = &'k Key>) -> Result<(), Error> {
        if !self.conn.gains_from_prefetch() {
            return Ok(());
        }
        let mut wanted: Vec<(&'static Table, Vec<Vec<Value>>)> = Vec::new();
        for key in keys {
            match self.find_slot(key.table, &key.key).and_then(|slot| self.slots.get_mut(slot)) {
                Some(slot) if slot.known => continue,
                Some(slot) => slot.known = true,
                None => drop(self.add_slot(key.table, key.key.clone(), None, true)),
            }
            match wanted.iter_mut().find(|(table, _)| table.identity() == key.table.identity()) {
                Some((_, list)) => list.push(key.key.clone()),
                None => wanted.push((key.table, vec![key.key.clone()])),
            }
        }
        for (table, keys) in wanted {
            for row in self.conn.get_many(table, &keys)? {
                let found = self.find_slot(table, row.values().get(..table.key.len()).unwrap_or_default());
                if let Some(slot) = found.and_then(|slot| self.slots.get_mut(slot)) {
                    slot.row = Some(row);
                }
            }
        }
        Ok(())
    }

    /// From now on a row that is not in memory stops the closure that wants it; `false` ends that. Does nothing where
    /// a look-up costs no round trip.
    pub(crate) fn collect(&mut self, on: bool) {
        self.collecting = on && self.conn.gains_from_prefetch();
    }

    /// Whether the closure that just ran was stopped for want of a row. It is to be taken back and run again.
    pub(crate) fn take_stopped(&mut self) -> bool {
        std::mem::take(&mut self.stopped)
    }

    /// Loads the rows for which closures were stopped, one query a table.
    pub(crate) fn load_wanted(&mut self) -> Result<(), Error> {
        let wanted = std::mem::take(&mut self.wanted);
        self.prefetch(wanted.iter())
    }

    /// Marks the start of a closure: from here on its work can be taken back.
    pub(crate) fn begin_closure(&mut self) {
        self.journal.clear();
        self.hooks_before = self.hooks.len();
        self.hard = false;
        self.fault = None;
    }

    /// Takes back the current closure. Returns `false` when only a rollback of the batch can.
    pub(crate) fn undo_closure(&mut self) -> bool {
        self.hooks.truncate(self.hooks_before);
        if self.hard {
            return false;
        }
        for before in self.journal.drain(..).rev() {
            if let Some(slot) = self.slots.get_mut(before.slot) {
                slot.row = before.row;
                slot.known = before.known;
                slot.pending = before.pending;
            }
        }
        true
    }

    /// Writes what is buffered before a statement that must see it.
    fn flush(&mut self) -> Result<(), Error> {
        if self.stopped {
            return Err(Error::Raced);
        }
        if !self.dirty.is_empty() {
            let ready = self.conn.protect();
            self.watch(ready)?;
        }
        self.flush_rows()
    }

    /// Writes everything that is buffered, grouped by table and kind.
    pub(crate) fn flush_rows(&mut self) -> Result<(), Error> {
        if self.dirty.is_empty() {
            return Ok(());
        }
        self.hard |= !self.journal.is_empty();
        let mut groups: Vec<(usize, WriteKind, Vec<Write>)> = Vec::new();
        for slot in self.dirty.drain(..) {
            let Some(slot) = self.slots.get_mut(slot) else { continue };
            let Some(kind) = slot.pending.take() else { continue };
            let row = match (&slot.row, kind) {
                (Some(row), _) => row.clone(),
                (None, _) => Row::new(slot.key.clone()),
            };
            let write = Write { table: slot.table, row };
            let id = slot.table.identity();
            match groups.iter_mut().find(|(table, k, _)| *table == id && *k == kind) {
                Some((_, _, writes)) => writes.push(write),
                None => groups.push((id, kind, vec![write])),
            }
        }
        // Deletes first, so that a row moved from one key to another does not meet its old self.
        groups.sort_by_key(|(_, kind, _)| *kind != WriteKind::Delete);
        let written = groups.iter().try_for_each(|(_, kind, writes)| self.conn.write_rows(*kind, writes));
        self.watch(written)
    }

    /// What the engine refused in the current closure, whatever the closure made of it.
    pub(crate) fn take_fault(&mut self) -> Option<Error> {
        self.fault.take()
    }

    fn watch<T>(&mut self, done: Result<T, Error>) -> Result<T, Error> {
        done.inspect_err(|problem| {
            self.fault.get_or_insert_with(|| problem.clone());
        })
    }

    /// Ends the batch and keeps its rows. Gives what is still to be flushed, and what is to run then; with `now`
    /// nothing is left to be flushed.
    pub(crate) fn end(self, now: bool) -> Result<(Option<Draft>, Vec<Hook>), Error> {
        let draft = if now { self.conn.commit().map(|()| None)? } else { self.conn.seal()? };
        if let Some(kept) = self.kept {
            for slot in self.slots.iter().filter(|slot| slot.known) {
                kept.note(slot.table, slot.hash, &slot.key, slot.row.as_ref());
            }
        }
        Ok((draft, self.hooks))
    }

    fn find_slot(&self, table: &'static Table, key: &[Value]) -> Option<usize> {
        let mut at = self.index.get(&hash_of(table, key)).copied();
        while let Some(index) = at {
            let slot = self.slots.get(index)?;
            if slot.table.identity() == table.identity() && slot.key == key {
                return Some(index);
            }
            at = slot.twin;
        }
        None
    }

    fn load(&mut self, table: &'static Table, key: &[Value]) -> Result<usize, Error> {
        if key.len() != table.key.len() {
            return Err(Error::Bug(format!("`{}` has a key of {} columns", table.name, table.key.len())));
        }
        let found = self.find_slot(table, key);
        if let Some(slot) = found.filter(|slot| self.slots.get(*slot).is_some_and(|s| s.known)) {
            return Ok(slot);
        }
        if self.stopped || (self.collecting && !self.hard) {
            // INVARIANT: no closure catches this; the committer takes it back whatever it returns.
            self.wanted.push(Key::new(table, key.to_vec()));
            self.stopped = true;
            return Err(Error::Raced);
        }
        let kept = self.kept.as_deref_mut().and_then(|kept| kept.find(table, hash_of(table, key), key));
        let row = match kept {
            Some(row) => row,
            None => {
                let row = self.conn.get(table, key);
                self.watch(row)?
            }
        };
        let slot = found.unwrap_or_else(|| self.add_slot(table, key.to_vec(), None, true));
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.row = row;
            slot.known = true;
        }
        Ok(slot)
    }

    fn add_slot(&mut self, table: &'static Table, key: Vec<Value>, row: Option<Row>, known: bool) -> usize {
        let (slot, hash) = (self.slots.len(), hash_of(table, &key));
        let twin = self.index.insert(hash, slot);
        self.slots.push(Slot { table, key, hash, twin, row, known, pending: None });
        slot
    }

    fn change(&mut self, index: usize, row: Option<Row>, kind: WriteKind) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let (before, known, pending) = (slot.row.take(), slot.known, slot.pending);
        self.journal.push(Before { slot: index, row: before, known, pending });
        if pending.is_none() {
            self.dirty.push(index);
        }
        slot.row = row;
        slot.known = true;
        slot.pending = Some(kind);
    }

    fn forget(&mut self) {
        self.slots.clear();
        self.index.clear();
        self.dirty.clear();
        self.journal.clear();
        if let Some(kept) = &mut self.kept {
            kept.clear();
        }
    }

    fn check_row(&self, table: &'static Table, row: &[Value]) -> Result<(), Error> {
        if row.len() != table.width() {
            return Err(Error::Bug(format!(
                "`{}` has {} columns, not {}",
                table.name,
                table.width(),
                row.len()
            )));
        }
        self.check_writable()
    }

    fn check_writable(&self) -> Result<(), Error> {
        if self.kept.is_some() { Ok(()) } else { Err(Error::Bug("write in a read-only transaction".into())) }
    }
}
