//! The embedded engine as the committer sees it: a journal, rows in memory, and SQLite behind them.
//!
//! What makes a batch durable is its record in the [`Journal`], flushed before anybody is answered. Its rows wait in
//! memory ([`Unsettled`]), where every look-up by key finds them, until the [`Writer`] has brought them to SQLite.
//!
//! A batch with raw SQL, and one with rows that SQLite might yet refuse, is *direct*: everything before it is settled
//! first, it runs inside a transaction of SQLite's own, and that is flushed in place of the journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Dice;

use crate::conn::WriteKind;
use crate::error::Error;
use crate::flushing::Flushing;
use crate::heights::Heights;
use crate::journal::{Draft, Journal};
use crate::known::{Known, hash_of};
use crate::limits::{SETTLE_BYTES, SETTLE_EVERY_MS, UNSETTLED_BYTES_MAX};
use crate::settling::{Settling, Writer};
use crate::sqlite_engine::SqliteConn;
use crate::table::Table;
use crate::unsettled::Unsettled;
use crate::value::{Row, Value};
use crate::wal::Wal;

/// The number of the last batch that SQLite holds, and what tells this database from others.
const JOURNAL_TABLE: &str = "CREATE TABLE IF NOT EXISTS store_journal (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1), epoch BIGINT NOT NULL, applied BIGINT NOT NULL) WITHOUT ROWID";

/// The committer's side of the embedded engine.
pub(crate) struct Embedded {
    /// For batches that are direct.
    conn: SqliteConn,
    /// For the look-ups of all others. Those of one batch share a snapshot, whose locks are taken once.
    looker: SqliteConn,
    flushing: Arc<Flushing>,
    writer: Writer,
    unsettled: Unsettled,
    heights: Heights,
    /// Number of the last batch that ended with something to flush.
    sealed: i64,
    /// What the batch wrote, for the journal …
    draft: Draft,
    /// … and for memory.
    staged: Vec<Known>,
    /// What is in memory is not what was acknowledged: it is built anew before the next batch.
    lost: bool,
    /// Somebody waits to read.
    hurried: bool,
    /// When the writer was last given something.
    since: Instant,
}

/// Every file that the store keeps for a database in a file, whether it is there now or not: nobody else writes them.
pub fn files_of(database: &Path) -> Vec<PathBuf> {
    let beside = |end: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let ours = ["journal-a", "journal-b", "lock"].map(|name| database.with_extension(name));
    let mut all = vec![database.to_owned(), beside("-wal"), beside("-shm")];
    all.extend(ours);
    all
}

impl Embedded {
    /// Opens the file with its journal, and with everything in it that was acknowledged.
    pub(crate) fn open(path: &Path) -> Result<Embedded, Error> {
        let wal = Arc::new(Wal::of(path));
        let mut conn = SqliteConn::open_writer(path, &wal)?;
        conn.write_over_log()?;
        conn.flush_commits()?;
        conn.run_script(JOURNAL_TABLE)?;
        let fresh = i64::from_le_bytes(Dice::System.bytes());
        let begin =
            "INSERT INTO store_journal (one, epoch, applied) VALUES (1, ?1, 0) ON CONFLICT DO NOTHING";
        conn.execute(begin, &[Value::Int(fresh)])?;
        let epoch = conn.number("SELECT epoch FROM store_journal")?;
        let mut journal = Journal::open(path, epoch)?;
        let last = replay(&mut conn, &journal, i64::MAX)?;
        journal.reset(last);
        let flushing = Arc::new(Flushing::new(journal));
        flushing.note_durable(last);
        let writer = Writer::start(path, &wal, Arc::clone(&flushing), last)?;
        Ok(Embedded {
            conn,
            looker: SqliteConn::open_looker(path)?,
            flushing,
            writer,
            unsettled: Unsettled::default(),
            heights: Heights::default(),
            sealed: last,
            draft: Draft::default(),
            staged: Vec::new(),
            lost: false,
            hurried: false,
            since: Instant::now(),
        })
    }

    /// What flushes batches.
    pub(crate) fn flushing(&self) -> &Arc<Flushing> {
        &self.flushing
    }

    /// How far SQLite is.
    pub(crate) fn settling(&self) -> &Arc<Settling> {
        self.writer.settling()
    }

    /// Begins a batch.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        if self.lost {
            self.restore()?;
        }
        if self.unsettled.bytes() >= UNSETTLED_BYTES_MAX {
            self.writer.wait_idle()?;
            self.settle();
        }
        Ok(())
    }

    /// Forgets what the batch did.
    pub(crate) fn rollback(&mut self) {
        self.draft = Draft::default();
        self.staged.clear();
        self.looker.rollback();
        self.conn.rollback();
    }

    /// Ends the batch. Gives what is still to be flushed before anybody is answered; nothing where that is done.
    pub(crate) fn seal(&mut self) -> Result<Option<Draft>, Error> {
        self.looker.rollback();
        if self.conn.is_open() {
            // INVARIANT: direct, so that everything before it is settled.
            return self.conn.commit(self.sealed).map(|()| None);
        }
        let draft = std::mem::replace(&mut self.draft, self.flushing.spare_draft());
        if !draft.is_empty() {
            self.sealed += 1;
            self.unsettled.add(self.staged.drain(..), self.sealed, draft.bytes());
        }
        Ok(Some(draft))
    }

    /// Ends the batch and makes it durable.
    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        let Some(mut draft) = self.seal()? else { return Ok(()) };
        let flushed = self.flushing.wait().and_then(|()| self.flushing.append_now(&mut draft));
        self.lost |= flushed.is_err();
        flushed
    }

    /// Whether what is in memory must be taken back before the next batch.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// A batch was not flushed: what was built on it must be taken back.
    pub(crate) fn mark_lost(&mut self) {
        self.lost = true;
    }

    /// Goes back to what was acknowledged: what SQLite holds, and what the journal holds beyond it. All of it is flushed
    /// in SQLite before the journal, of which the disk may have lost anything, is begun anew.
    fn restore(&mut self) -> Result<(), Error> {
        self.writer.wait_idle()?;
        self.flushing.mend();
        self.unsettled.clear();
        self.heights.clear();
        self.rollback();
        let last = self.flushing.durable();
        let found = replay(&mut self.conn, &self.flushing.journal(), last)?;
        if found < last {
            tracing::error!(alarm = "journal", found, last, "the journal lost what was acknowledged");
            return Err(Error::Unavailable("the journal cannot be read back to its end".into()));
        }
        self.conn.flush_committed()?;
        self.flushing.journal().begin_anew(last)?;
        self.settling().note_settled(last);
        (self.sealed, self.lost) = (last, false);
        tracing::warn!(
            last,
            "the journal could not be flushed; it was begun anew behind what was acknowledged"
        );
        Ok(())
    }

    /// Somebody waits to read what was acknowledged.
    pub(crate) fn hurry(&mut self) {
        self.hurried = true;
    }

    /// Whether the writer has been given everything.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// Gives the writer what is there, if it has time and it is time.
    pub(crate) fn settle_if_due(&mut self) {
        let due = self.hurried
            || self.since.elapsed() >= Duration::from_millis(SETTLE_EVERY_MS)
            || self.unsettled.bytes() >= SETTLE_BYTES;
        if due {
            self.settle();
        }
    }

    /// Gives the writer what is there, if it has time.
    pub(crate) fn settle(&mut self) {
        if !self.lost && !self.unsettled.is_empty() && self.writer.is_idle() {
            self.writer.hand_over(self.unsettled.leave(self.writer.take_room()));
            (self.hurried, self.since) = (false, Instant::now());
        }
    }

    /// Waits until SQLite holds every batch before this one.
    pub(crate) fn drain(&mut self) -> Result<(), Error> {
        self.looker.rollback();
        if let Err(problem) = self.flushing.wait() {
            self.lost = true;
            return Err(problem);
        }
        self.writer.wait_idle()?;
        self.settle();
        self.writer.wait_idle()
    }

    /// Makes the batch direct.
    pub(crate) fn go_direct(&mut self) -> Result<(), Error> {
        if !self.conn.is_open() {
            self.drain()?;
            self.conn.begin_write()?;
            // SQLite alone knows what follows.
            self.unsettled.clear();
            self.heights.clear();
        }
        Ok(())
    }

    pub(crate) fn get(
        &mut self,
        table: &'static Table,
        hash: u64,
        key: &[Value],
    ) -> Result<Option<Row>, Error> {
        if let Some(known) = self.unsettled.find(table, hash, key) {
            return Ok(known.get().cloned());
        }
        if self.conn.is_open() {
            return self.conn.get(table, key);
        }
        let (heights, looker) = (&mut self.heights, self.looker.looking()?);
        if heights.is_above(table, key, |prefix| looker.greatest(table, prefix))? {
            return Ok(None);
        }
        looker.get(table, key)
    }

    /// Whether the batch is direct.
    pub(crate) fn is_direct(&self) -> bool {
        self.conn.is_open()
    }

    /// What is known of rows whose key begins with `prefix`, later versions behind earlier ones.
    pub(crate) fn list(&mut self, table: &'static Table, prefix: &[Value]) -> Result<Vec<Known>, Error> {
        let rows = self.looker.looking()?.query(&table.list_sql(prefix.len()), prefix)?;
        let known = |row: Row| {
            let hash = hash_of(table, row.values().get(..table.key.len()).unwrap_or_default());
            Known::row(table, hash, row)
        };
        let mut found: Vec<Known> = rows.into_iter().map(known).collect();
        found.extend(self.unsettled.list(table, prefix));
        Ok(found)
    }

    /// Makes the batch direct if a row of this table could yet be refused.
    pub(crate) fn expect_write(&mut self, table: &'static Table) -> Result<(), Error> {
        if self.conn.know(table)?.waits { Ok(()) } else { self.go_direct() }
    }

    /// Writes rows of one table with one kind.
    pub(crate) fn write_rows(
        &mut self,
        table: &'static Table,
        kind: WriteKind,
        writes: Vec<Known>,
    ) -> Result<(), Error> {
        if self.conn.is_open() {
            return self.conn.write_rows(table, kind, writes.iter());
        }
        let sql = self.conn.know(table)?;
        writes.iter().try_for_each(|write| sql.check(write))?;
        // INVARIANT: an inserted key was looked for when it was inserted, so that a record can be carried out twice.
        self.draft.note_statement(if kind == WriteKind::Delete { &sql.delete } else { &sql.put });
        for write in &writes {
            self.heights.note(table, write.key());
            self.draft.note_row(write.values());
        }
        self.staged.extend(writes);
        Ok(())
    }

    /// A raw query. One that only reads needs no transaction where the batch wrote nothing before it.
    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        tracing::trace!(sql, "waits until SQLite holds every batch before it");
        match self.conn.is_reading(sql)? {
            true if self.conn.is_open() => {}
            true => self.drain()?,
            false => self.go_direct()?,
        }
        self.conn.query(sql, params)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        tracing::trace!(sql, "waits until SQLite holds every batch before it");
        self.go_direct()?;
        self.conn.execute(sql, params)
    }

    pub(crate) fn run_script(&mut self, sql: &str) -> Result<(), Error> {
        self.go_direct()?;
        self.conn.run_script(sql)
    }
}

/// Carries out what the journal holds after SQLite's last commit, up to batch `end`, and flushes it; gives the number of
/// the last batch that SQLite then holds.
fn replay(conn: &mut SqliteConn, journal: &Journal, end: i64) -> Result<i64, Error> {
    let applied = conn.number("SELECT applied FROM store_journal")?;
    let records = journal.read_back(applied)?;
    let last = records.iter().map(|record| record.sequence).take_while(|number| *number <= end).last();
    let Some(last) = last else { return Ok(applied) };
    conn.begin_write()?;
    let mut run = || {
        for record in records.iter().filter(|record| record.sequence <= last) {
            record.replay(|sql, params| conn.execute(sql, params).map(drop))?;
        }
        conn.commit(last)
    };
    if let Err(problem) = run() {
        conn.rollback();
        return Err(problem);
    }
    tracing::info!(batches = last - applied, "carried out what the journal held");
    Ok(last)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::table::{int, text};

    static NOTES: Table = Table::new("notes", &[text("id")], &[int("count")]);

    fn open(folder: &Path) -> Embedded {
        let mut engine = Embedded::open(&folder.join("tillward.db")).unwrap();
        engine.begin().unwrap();
        engine
            .run_script(
                "CREATE TABLE IF NOT EXISTS notes (id TEXT NOT NULL PRIMARY KEY, count BIGINT NOT NULL)",
            )
            .unwrap();
        engine.commit().unwrap();
        engine
    }

    fn put(engine: &mut Embedded, id: &str) -> Result<(), Error> {
        let row = Row::new(vec![id.into(), 1.into()]);
        let known = Known::row(&NOTES, hash_of(&NOTES, &[id.into()]), row);
        let done = engine
            .begin()
            .and_then(|()| engine.write_rows(&NOTES, WriteKind::Put, vec![known]))
            .and_then(|()| engine.commit());
        if done.is_err() {
            engine.rollback();
        }
        done
    }

    fn ids(engine: &mut Embedded) -> Vec<String> {
        engine.drain().unwrap();
        let rows = engine.query("SELECT id FROM notes ORDER BY id", &[]).unwrap();
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    /// Takes whatever is written and loses it; a flush fails.
    fn bad_disk() -> File {
        File::options().read(true).write(true).open("/dev/null").unwrap()
    }

    fn refused(done: Result<(), Error>) {
        assert!(matches!(done, Err(Error::Unavailable(_))), "{done:?}");
    }

    #[test]
    fn c25_after_a_flush_that_failed_nothing_is_acknowledged_until_the_journal_was_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = open(folder.path());
        for id in ["a", "b", "c"] {
            put(&mut engine, id).unwrap();
        }
        assert_eq!(ids(&mut engine), ["a", "b", "c"]);
        let good = engine.flushing.journal().swap_file(bad_disk());
        for id in ["d", "e", "f"] {
            refused(put(&mut engine, id));
        }
        engine.flushing.journal().swap_file(good);
        put(&mut engine, "g").unwrap();
        // A crash now: the folder as another process finds it.
        let crashed = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
            std::fs::copy(entry.path(), crashed.path().join(entry.file_name())).unwrap();
        }
        assert_eq!(ids(&mut open(crashed.path())), ["a", "b", "c", "g"]);
        assert_eq!(ids(&mut engine), ["a", "b", "c", "g"]);
    }

    #[test]
    fn c25_a_journal_that_lost_what_was_acknowledged_is_not_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = open(folder.path());
        // In the journal alone: SQLite was given nothing yet.
        put(&mut engine, "a").unwrap();
        put(&mut engine, "b").unwrap();
        let good = engine.flushing.journal().swap_file(bad_disk());
        for id in ["c", "d"] {
            refused(put(&mut engine, id));
        }
        // A file that can be flushed, but from which the records are gone.
        let empty = File::options().read(true).write(true).create_new(true).open(folder.path().join("empty"));
        engine.flushing.journal().swap_file(empty.unwrap());
        refused(put(&mut engine, "e"));
        engine.flushing.journal().swap_file(good);
        put(&mut engine, "f").unwrap();
        assert_eq!(ids(&mut engine), ["a", "b", "f"]);
    }

    #[test]
    fn c25_sqlite_commits_nothing_behind_a_log_whose_flush_failed() {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = open(folder.path());
        put(&mut engine, "a").unwrap();
        assert_eq!(ids(&mut engine), ["a"]);
        engine.conn.wal.note_failure();
        assert!(engine.conn.copy_wal(&folder.path().join("tillward.db")).is_err(), "it is not copied");
        engine.begin().unwrap();
        engine.execute("INSERT INTO notes VALUES ('raw', 1)", &[]).unwrap();
        assert_eq!(engine.conn.wal.expect_whole(), Ok(()), "it was made whole before that");
        engine.commit().unwrap();
        assert_eq!(ids(&mut engine), ["a", "raw"]);
    }

    #[test]
    fn c25_the_last_connection_to_close_copies_no_log_whose_flush_failed() {
        for fails in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let mut engine = open(folder.path());
            put(&mut engine, "a").unwrap();
            assert_eq!(ids(&mut engine), ["a"]);
            if fails {
                engine.conn.wal.note_failure();
            }
            drop(engine);
            assert_eq!(folder.path().join("tillward.db-wal").exists(), fails);
            assert_eq!(ids(&mut open(folder.path())), ["a"]);
        }
    }
}
