//! A transaction as a domain sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashTable;

use crate::conn::{Conn, WriteKind};
use crate::error::Error;
use crate::following::Followers;
use crate::journal::Draft;
use crate::kept::Kept;
use crate::known::{Known, hash_of};
use crate::table::{Column, Table};
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
    row: Known,
    /// `row` says what the database holds; `false` until it was read or written.
    known: bool,
    /// `row` came from memory, which has it already.
    kept: bool,
    pending: Option<WriteKind>,
}

/// What a slot held before the current closure changed it.
struct Before {
    slot: usize,
    was: Slot,
}

pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// The rows of one transaction. The memory serves the next one as well.
#[derive(Default)]
pub(crate) struct Rows {
    slots: Vec<Slot>,
    /// Where each row's slot is.
    index: HashTable<usize>,
    /// Slots with unflushed writes, in order of their first write.
    dirty: Vec<usize>,
    /// How to take back what the current closure did.
    journal: Vec<Before>,
}

impl Rows {
    fn clear(&mut self) {
        self.slots.clear();
        self.index.clear();
        self.dirty.clear();
        self.journal.clear();
    }
}

/// A transaction. See the crate's page for what holds inside one.
pub struct Tx<'c> {
    conn: &'c mut Conn,
    rows: Rows,
    /// Rows committed before; `None` in a read-only transaction.
    kept: Option<&'c mut Kept>,
    hooks: Vec<Hook>,
    hooks_before: usize,
    /// New rows of followed tables.
    followed: Vec<(&'static Table, Row)>,
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
    /// Read-only, and was asked to write.
    refused: bool,
}

impl<'c> Tx<'c> {
    /// A transaction that may write and knows what is kept, or one that only reads. `rows` is empty.
    pub(crate) fn new(conn: &'c mut Conn, kept: Option<&'c mut Kept>, rows: Rows) -> Tx<'c> {
        Tx {
            conn,
            rows,
            kept,
            hooks: Vec::new(),
            hooks_before: 0,
            followed: Vec::new(),
            hard: false,
            collecting: false,
            wanted: Vec::new(),
            stopped: false,
            fault: None,
            refused: false,
        }
    }

    /// The row of `table` with this primary key, or `None`.
    ///
    /// # Errors
    /// Those of the engine; [`Error::Bug`] for a key of the wrong length.
    pub fn get(&mut self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, Error> {
        let slot = self.load(table, hash_of(table, key), key)?;
        Ok(self.rows.slots.get(slot).and_then(|slot| slot.row.get()).cloned())
    }

    /// The rows of `table` whose key begins with `prefix`, by key. Sees everything written before it.
    ///
    /// # Errors
    /// Those of the engine; [`Error::Bug`] for a prefix that is longer than a key.
    pub fn list(&mut self, table: &'static Table, prefix: &[Value]) -> Result<Vec<Row>, Error> {
        if prefix.len() > table.key.len() {
            return Err(Error::Bug(format!("`{}` has a key of {} columns", table.name, table.key.len())));
        }
        let Some(found) = self.conn.list(table, prefix) else {
            return self.query(&table.list_sql(prefix.len()), prefix);
        };
        let mut rows: BTreeMap<Vec<Value>, Row> = BTreeMap::new();
        for known in self.watch(found)? {
            note_row(&mut rows, &known);
        }
        let own = self.rows.slots.iter().filter(|slot| slot.pending.is_some());
        own.filter(|slot| slot.row.begins(table, prefix)).for_each(|slot| note_row(&mut rows, &slot.row));
        Ok(rows.into_values().collect())
    }

    /// Adds a row, all columns in the table's order.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a row with this key is there; seen now, or at the latest before the commit.
    /// [`Error::Bug`] as for [`Tx::put`].
    pub fn insert(&mut self, table: &'static Table, row: Vec<Value>) -> Result<(), Error> {
        self.check_row(table, &row)?;
        let key = row.get(..table.key.len()).unwrap_or_default();
        let hash = hash_of(table, key);
        // Where nobody else writes, what is absent now is absent at the commit: nothing is left to be refused then.
        let found = if self.conn.is_sole_writer() {
            Some(self.load(table, hash, key)?)
        } else {
            self.find_slot(table, hash, key)
        };
        let kind = match found.and_then(|slot| self.rows.slots.get(slot)) {
            Some(slot) if slot.row.is_there() => return Err(Error::Conflict(table.name.to_owned())),
            // Deleted in this batch and not yet flushed: the row may still be in the database.
            Some(slot) if slot.pending.is_some() => WriteKind::Put,
            _ => WriteKind::Insert,
        };
        self.change(found, Known::row(table, hash, Row::new(row)), kind);
        Ok(())
    }

    /// Adds or replaces a row, all columns in the table's order.
    ///
    /// # Errors
    /// [`Error::Bug`] for a row of the wrong width or with a value below [`crate::Column::at_least`], and in a
    /// read-only transaction.
    pub fn put(&mut self, table: &'static Table, row: Vec<Value>) -> Result<(), Error> {
        self.check_row(table, &row)?;
        let key = row.get(..table.key.len()).unwrap_or_default();
        let hash = hash_of(table, key);
        let found = self.find_slot(table, hash, key);
        let pending = found.and_then(|slot| self.rows.slots.get(slot)).and_then(|slot| slot.pending);
        let kind = if pending == Some(WriteKind::Insert) { WriteKind::Insert } else { WriteKind::Put };
        self.change(found, Known::row(table, hash, Row::new(row)), kind);
        Ok(())
    }

    /// Removes a row; does nothing when it is not there.
    ///
    /// # Errors
    /// [`Error::Bug`] in a read-only transaction or for a key of the wrong length.
    pub fn delete(&mut self, table: &'static Table, key: &[Value]) -> Result<(), Error> {
        self.check_writable()?;
        check_key(table, key)?;
        let hash = hash_of(table, key);
        let found = self.find_slot(table, hash, key);
        self.change(found, Known::absent(table, hash, key.to_vec()), WriteKind::Delete);
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

    /// Names rows that this closure reads next. Where a look-up is a round trip, all of them are then loaded together; else
    /// this does nothing. What it may read as well costs little, what it does not name costs a round trip of its own.
    ///
    /// # Errors
    /// An error that the closure returns at once: it is run again, with the rows.
    pub fn expect(&mut self, keys: impl FnOnce() -> Vec<Key>) -> Result<(), Error> {
        if !self.stopped && (!self.collecting || self.hard) {
            return Ok(());
        }
        for key in keys() {
            let slot = self.find_slot(key.table, hash_of(key.table, &key.key), &key.key);
            if !slot.and_then(|slot| self.rows.slots.get(slot)).is_some_and(|slot| slot.known) {
                self.wanted.push(key);
                self.stopped = true;
            }
        }
        if self.stopped { Err(Error::Raced) } else { Ok(()) }
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
            let hash = hash_of(key.table, &key.key);
            match self.find_slot(key.table, hash, &key.key).and_then(|slot| self.rows.slots.get_mut(slot)) {
                Some(slot) if slot.known => continue,
                Some(slot) => slot.known = true,
                None => drop(self.add_slot(Known::absent(key.table, hash, key.key.clone()), true)),
            }
            match wanted.iter_mut().find(|(table, _)| table.identity() == key.table.identity()) {
                Some((_, list)) => list.push(key.key.clone()),
                None => wanted.push((key.table, vec![key.key.clone()])),
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let found = self.conn.get_many(&wanted)?;
        for ((table, _), rows) in wanted.into_iter().zip(found) {
            for row in rows {
                let key = row.values().get(..table.key.len()).unwrap_or_default();
                let hash = hash_of(table, key);
                let found = self.find_slot(table, hash, key);
                if let Some(slot) = found.and_then(|slot| self.rows.slots.get_mut(slot)) {
                    slot.row = Known::row(table, hash, row);
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
        self.rows.journal.clear();
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
        for before in self.rows.journal.drain(..).rev() {
            if let Some(slot) = self.rows.slots.get_mut(before.slot) {
                *slot = before.was;
            }
        }
        true
    }

    /// Writes what is buffered before a statement that must see it.
    fn flush(&mut self) -> Result<(), Error> {
        if self.stopped {
            return Err(Error::Raced);
        }
        if !self.rows.dirty.is_empty() {
            let ready = self.conn.go_direct();
            self.watch(ready)?;
        }
        self.flush_rows(false)
    }

    /// Writes everything that is buffered, grouped by table and kind. `last`: the end of the batch follows.
    pub(crate) fn flush_rows(&mut self, last: bool) -> Result<(), Error> {
        if self.rows.dirty.is_empty() {
            return Ok(());
        }
        self.hard |= !self.rows.journal.is_empty();
        let mut groups: Vec<(&'static Table, WriteKind, Vec<Known>)> = Vec::new();
        for slot in self.rows.dirty.drain(..) {
            let Some(slot) = self.rows.slots.get_mut(slot) else { continue };
            let Some(kind) = slot.pending.take() else { continue };
            let (table, write) = (slot.row.table, slot.row.clone());
            if table.follow && kind == WriteKind::Insert {
                self.followed.extend(write.get().map(|row| (table, row.clone())));
            }
            match groups.iter_mut().find(|(t, k, _)| t.identity() == table.identity() && *k == kind) {
                Some((_, _, writes)) => writes.push(write),
                None => groups.push((table, kind, vec![write])),
            }
        }
        // Deletes first, so that a row moved from one key to another does not meet its old self.
        groups.sort_by_key(|(_, kind, _)| *kind != WriteKind::Delete);
        let written = self.conn.write_groups(groups, last);
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

    /// Ends the batch and keeps its rows. Gives what is still to be flushed, what is to run then, and room for the next
    /// one; with `now` nothing is left to be flushed. `followers` are told of new rows.
    pub(crate) fn end(
        mut self,
        now: bool,
        followers: &Arc<Followers>,
    ) -> Result<(Option<Draft>, Vec<Hook>, Rows), Error> {
        let draft = if now { self.conn.commit().map(|()| None)? } else { self.conn.seal()? };
        if let Some(kept) = self.kept {
            let news = self.rows.slots.iter().filter(|slot| slot.known && !slot.kept);
            news.for_each(|slot| kept.note(&slot.row));
        }
        if !self.followed.is_empty() {
            let (followers, rows) = (Arc::clone(followers), self.followed);
            self.hooks.push(Box::new(move || followers.tell(&rows)));
        }
        self.rows.clear();
        Ok((draft, self.hooks, self.rows))
    }

    fn find_slot(&self, table: &'static Table, hash: u64, key: &[Value]) -> Option<usize> {
        let is = |at: &usize| self.rows.slots.get(*at).is_some_and(|slot| slot.row.is(table, key));
        self.rows.index.find(hash, is).copied()
    }

    fn load(&mut self, table: &'static Table, hash: u64, key: &[Value]) -> Result<usize, Error> {
        check_key(table, key)?;
        let found = self.find_slot(table, hash, key);
        if let Some(slot) = found.filter(|slot| self.rows.slots.get(*slot).is_some_and(|s| s.known)) {
            return Ok(slot);
        }
        if self.stopped || (self.collecting && !self.hard) {
            // INVARIANT: no closure catches this; the committer takes it back whatever it returns.
            self.wanted.push(Key::new(table, key.to_vec()));
            self.stopped = true;
            return Err(Error::Raced);
        }
        let kept = self.kept.as_deref_mut().and_then(|kept| kept.find(table, hash, key));
        let is_kept = kept.is_some();
        let row = match kept {
            Some(row) => row,
            None => {
                let row = self.conn.get(table, hash, key);
                match self.watch(row)? {
                    Some(row) => Known::row(table, hash, row),
                    None => Known::absent(table, hash, key.to_vec()),
                }
            }
        };
        let at = found.unwrap_or_else(|| self.add_slot(row.clone(), true));
        if let Some(slot) = self.rows.slots.get_mut(at) {
            *slot = Slot { row, known: true, kept: is_kept, pending: slot.pending };
        }
        Ok(at)
    }

    fn add_slot(&mut self, row: Known, known: bool) -> usize {
        let (at, hash) = (self.rows.slots.len(), row.hash);
        self.rows.slots.push(Slot { row, known, kept: false, pending: None });
        let slots = &self.rows.slots;
        self.rows.index.insert_unique(hash, at, |at| slots.get(*at).map_or(0, |slot| slot.row.hash));
        at
    }

    /// Notes a write in the slot `found`, or in a new one.
    fn change(&mut self, found: Option<usize>, row: Known, kind: WriteKind) {
        let at = found.unwrap_or_else(|| {
            let blank = row.removed();
            self.add_slot(blank, false)
        });
        let Some(slot) = self.rows.slots.get_mut(at) else { return };
        if slot.pending.is_none() {
            self.rows.dirty.push(at);
        }
        let was = std::mem::replace(slot, Slot { row, known: true, kept: false, pending: Some(kind) });
        self.rows.journal.push(Before { slot: at, was });
    }

    fn forget(&mut self) {
        self.rows.clear();
        if let Some(kept) = &mut self.kept {
            kept.clear();
        }
    }

    fn check_row(&mut self, table: &'static Table, row: &[Value]) -> Result<(), Error> {
        if row.len() != table.width() {
            return Err(Error::Bug(format!(
                "`{}` has {} columns, not {}",
                table.name,
                table.width(),
                row.len()
            )));
        }
        let below = |(column, value): &(&Column, &Value)| match (column.least, value) {
            (Some(least), Value::Int(value)) => *value < least,
            _ => false,
        };
        if let Some((column, _)) = table.columns().zip(row).find(below) {
            return Err(Error::Bug(format!(
                "`{}` of `{}` is below its least value",
                column.name, table.name
            )));
        }
        self.check_writable()
    }

    fn check_writable(&mut self) -> Result<(), Error> {
        if self.kept.is_some() {
            return Ok(());
        }
        self.refused = true;
        Err(Error::Bug("write in a read-only transaction".into()))
    }

    /// Whether a read-only transaction was asked to write.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused
    }
}

/// What is known now in place of what was known before.
fn note_row(rows: &mut BTreeMap<Vec<Value>, Row>, known: &Known) {
    match known.get() {
        Some(row) => drop(rows.insert(known.key().to_vec(), row.clone())),
        None => drop(rows.remove(known.key())),
    }
}

fn check_key(table: &Table, key: &[Value]) -> Result<(), Error> {
    if key.len() == table.key.len() {
        return Ok(());
    }
    Err(Error::Bug(format!("`{}` has a key of {} columns", table.name, table.key.len())))
}
