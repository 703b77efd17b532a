//! The embedded engine: SQLite in WAL mode behind a journal.
//!
//! Each batch's statements run at once inside a transaction of SQLite that stays open over many batches. What makes a
//! batch durable is its record in the [`Journal`], flushed before anybody is answered. A batch with raw statements is
//! not journalled: it ends SQLite's transaction and flushes that instead. Readers see a batch once SQLite's transaction
//! was committed ([`SqliteConn::settle`]); [`Flushing`] knows whether that is so.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Dice;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, ffi::ErrorCode};
use rustc_hash::FxHashMap;

use crate::conn::{Mode, Write, WriteKind};
use crate::error::Error;
use crate::flushing::Flushing;
use crate::journal::{Draft, Journal};
use crate::limits::{SETTLE_EVERY_MS, WAL_WAIT_BYTES};
use crate::table::Table;
use crate::value::{Row, Value};

/// Marks a file as ours, so that a database of another program is refused ("TILW").
const APPLICATION_ID: i64 = 0x5449_4C57;
const STATEMENTS_CACHED: usize = 256;
const PAGE_CACHE_KIB: i64 = 64 * 1024;

/// One connection to the file.
pub(crate) struct SqliteConn {
    conn: Connection,
    path: PathBuf,
    statements: FxHashMap<usize, TableSql>,
    writes_since_look: u32,
    /// The committer's connection has one.
    log: Option<Log>,
}

/// What the committer's connection keeps beside SQLite.
struct Log {
    flushing: Arc<Flushing>,
    /// What the batch wrote.
    draft: Draft,
    /// The batch wrote rows.
    wrote: bool,
    /// The batch wrote what the journal does not hold.
    raw: bool,
    /// A savepoint was set before the first statement of the batch.
    protected: bool,
    /// SQLite lost batches that the journal holds: they are carried out again before the next batch.
    lost: bool,
    since: Instant,
}

/// The number of the last batch that SQLite holds, and what tells this database from others.
const JOURNAL_TABLE: &str = "CREATE TABLE IF NOT EXISTS store_journal (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1), epoch BIGINT NOT NULL, applied BIGINT NOT NULL) WITHOUT ROWID";

struct TableSql {
    get: String,
    insert: String,
    put: String,
    delete: String,
}

impl TableSql {
    /// `lone`: the key is the table itself, and there is no other index.
    fn of(table: &Table, lone: bool) -> TableSql {
        let name = table.name;
        let marks = (1..=table.width()).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ");
        let keys: Vec<_> =
            table.key.iter().enumerate().map(|(i, c)| format!("{} = ?{}", c.name, i + 1)).collect();
        let by_key = keys.join(" AND ");
        let insert = format!("INSERT INTO {name} ({}) VALUES ({marks})", table.column_list());
        TableSql {
            get: format!("SELECT {} FROM {name} WHERE {by_key}", table.column_list()),
            // One step down the tree in place of two; with another unique index it would remove rows of other keys.
            put: if lone {
                insert.replacen("INSERT", "REPLACE", 1)
            } else {
                format!("{insert} {}", table.on_conflict())
            },
            delete: format!("DELETE FROM {name} WHERE {by_key}"),
            insert,
        }
    }
}

/// Holds the database for one process: a second one would break the promise that batches see each other.
pub(crate) fn lock_file(path: &Path) -> Result<File, Error> {
    let lock = path.with_extension("lock");
    let file = File::create(&lock)
        .map_err(|e| Error::Refused(format!("cannot create `{}`: {e}", lock.display())))?;
    file.try_lock().map_err(|_| {
        Error::Refused(format!("`{}` is in use by another tillward; stop that one first", path.display()))
    })?;
    Ok(file)
}

impl SqliteConn {
    /// Opens the file for writing, making it when it is not there.
    pub(crate) fn open_writer(path: &Path) -> Result<SqliteConn, Error> {
        let conn = Connection::open(path).map_err(|e| refused(path, &e))?;
        check_owner(&conn, path)?;
        conn.busy_timeout(Duration::from_secs(5)).map_err(error)?;
        let setup = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{PAGE_CACHE_KIB}; PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF; PRAGMA application_id = {APPLICATION_ID};"
        );
        conn.execute_batch(&setup).map_err(|e| refused(path, &e))?;
        Ok(SqliteConn::wrap(conn, path))
    }

    /// Opens the file for the committer: with its journal, and with everything in it that was acknowledged.
    pub(crate) fn open_committer(path: &Path) -> Result<SqliteConn, Error> {
        let mut opened = SqliteConn::open_writer(path)?;
        opened.conn.execute_batch(JOURNAL_TABLE).map_err(error)?;
        let fresh = i64::from_le_bytes(Dice::System.bytes());
        let begin =
            "INSERT INTO store_journal (one, epoch, applied) VALUES (1, ?1, 0) ON CONFLICT DO NOTHING";
        opened.conn.execute(begin, [fresh]).map_err(error)?;
        let epoch = opened.number("SELECT epoch FROM store_journal")?;
        let log = Log {
            flushing: Arc::new(Flushing::new(Journal::open(path, epoch)?)),
            draft: Draft::default(),
            wrote: false,
            raw: false,
            protected: false,
            lost: false,
            since: Instant::now(),
        };
        opened.log = Some(log);
        opened.recover()?;
        Ok(opened)
    }

    /// Carries out what the journal holds and SQLite does not, and begins the journal anew.
    fn recover(&mut self) -> Result<(), Error> {
        self.run_cached("BEGIN IMMEDIATE", &[])?;
        let last = self.replay()?;
        if let Some(log) = &self.log {
            log.flushing.journal().reset(last);
        }
        self.settle()?;
        let Some(log) = &self.log else { return Ok(()) };
        log.flushing.journal().flush_wal()?;
        log.flushing.note_durable(last);
        Ok(())
    }

    /// Runs the records after SQLite's last commit, inside an open transaction; gives the number of the last.
    fn replay(&mut self) -> Result<i64, Error> {
        let applied = self.number("SELECT applied FROM store_journal")?;
        let Some(log) = &self.log else { return Ok(applied) };
        let records = log.flushing.journal().read_back(applied)?;
        for record in &records {
            record.replay(|sql, params| self.run_cached(sql, params).map(drop))?;
        }
        if !records.is_empty() {
            tracing::info!(batches = records.len(), "carried out what the journal held");
        }
        Ok(records.last().map_or(applied, |record| record.sequence))
    }

    /// After SQLite lost its transaction: brings back the batches that were acknowledged. INVARIANT: no other batch.
    fn restore(&mut self) -> Result<(), Error> {
        let Some(log) = &self.log else { return Ok(()) };
        if !log.lost {
            return Ok(());
        }
        let flushing = Arc::clone(&log.flushing);
        flushing.mend();
        self.rollback_all();
        self.run_cached("BEGIN IMMEDIATE", &[])?;
        let applied = self.number("SELECT applied FROM store_journal")?;
        let (last, records) = {
            let journal = flushing.journal();
            (journal.sequence(), journal.read_back(applied)?)
        };
        for record in records.iter().filter(|record| record.sequence <= last) {
            record.replay(|sql, params| self.run_cached(sql, params).map(drop))?;
        }
        if let Some(log) = &mut self.log {
            log.lost = false;
            log.since = Instant::now();
        }
        Ok(())
    }

    /// How far what is acknowledged is visible.
    pub(crate) fn flushing(&self) -> Option<Arc<Flushing>> {
        self.log.as_ref().map(|log| Arc::clone(&log.flushing))
    }

    /// Whether acknowledged batches wait for SQLite's commit.
    pub(crate) fn is_settled(&self) -> bool {
        self.conn.is_autocommit() && self.log.as_ref().is_none_or(|log| !log.lost)
    }

    /// Whether the open transaction has lasted long enough.
    pub(crate) fn is_settling_due(&self) -> bool {
        let old = |log: &Log| log.since.elapsed() >= Duration::from_millis(SETTLE_EVERY_MS);
        !self.is_settled() && self.log.as_ref().is_some_and(old)
    }

    /// Commits SQLite's transaction, so that readers see every acknowledged batch. Nothing is flushed by it: the
    /// journal holds all of it until it is.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        self.restore()?;
        if self.conn.is_autocommit() {
            return Ok(());
        }
        let Some(log) = &self.log else { return Ok(()) };
        // Nobody may see what is not durable yet.
        if let Err(problem) = log.flushing.wait() {
            self.mark_lost();
            return Err(problem);
        }
        let last = log.flushing.journal().sequence();
        self.run_cached("UPDATE store_journal SET applied = ?1", &[Value::Int(last)])?;
        if let Err(problem) = self.run_cached("COMMIT", &[]) {
            self.mark_lost();
            return Err(problem);
        }
        if let Some(log) = &self.log {
            log.flushing.note_settled(last);
            log.flushing.journal().rotate();
        }
        self.bound_wal();
        Ok(())
    }

    /// Sets a savepoint before the first statement of a batch, so that the batch can be taken back alone.
    pub(crate) fn protect(&mut self) -> Result<(), Error> {
        if self.log.as_ref().is_some_and(|log| !log.protected) {
            self.run_cached("SAVEPOINT batch", &[])?;
            if let Some(log) = &mut self.log {
                log.protected = true;
            }
        }
        Ok(())
    }

    /// Whether what SQLite's transaction holds is not what was acknowledged.
    pub(crate) fn is_lost(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.lost)
    }

    /// What SQLite's transaction holds is not what was acknowledged.
    pub(crate) fn mark_lost(&mut self) {
        if let Some(log) = &mut self.log {
            log.lost = true;
        }
    }

    fn rollback_all(&mut self) {
        if !self.conn.is_autocommit() && self.conn.execute_batch("ROLLBACK").is_err() {
            tracing::error!("rollback failed; the next transaction will say why");
        }
    }

    fn number(&self, sql: &str) -> Result<i64, Error> {
        self.conn.query_row(sql, [], |row| row.get(0)).map_err(error)
    }

    /// Opens the file for reading only.
    pub(crate) fn open_reader(path: &Path) -> Result<SqliteConn, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(error)?;
        conn.busy_timeout(Duration::from_secs(5)).map_err(error)?;
        conn.execute_batch(
            "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
        )
        .map_err(error)?;
        Ok(SqliteConn::wrap(conn, path))
    }

    fn wrap(conn: Connection, path: &Path) -> SqliteConn {
        conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        SqliteConn {
            conn,
            path: path.to_owned(),
            statements: FxHashMap::default(),
            writes_since_look: 0,
            log: None,
        }
    }

    pub(crate) fn begin(&mut self, mode: Mode) -> Result<(), Error> {
        if mode == Mode::Read {
            return self.run_cached("BEGIN", &[]).map(drop);
        }
        self.restore()?;
        let fresh = self.conn.is_autocommit();
        if fresh {
            self.run_cached("BEGIN IMMEDIATE", &[])?;
        }
        if let Some(log) = &mut self.log {
            log.draft = Draft::default();
            (log.wrote, log.raw, log.protected) = (false, false, false);
            log.since = if fresh { Instant::now() } else { log.since };
        }
        Ok(())
    }

    /// Makes the batch durable. The caller rolls back when this fails.
    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        let Some(mut draft) = self.seal()? else { return Ok(()) };
        let Some(log) = &self.log else { return Ok(()) };
        log.flushing.wait()?;
        let appended = log.flushing.append_now(&mut draft);
        if appended.is_err() {
            // The savepoint is gone already.
            self.mark_lost();
        }
        appended
    }

    /// Ends the batch. Gives what is still to be flushed before anybody is answered; nothing where that is done.
    pub(crate) fn seal(&mut self) -> Result<Option<Draft>, Error> {
        let Some(log) = &mut self.log else {
            self.run_cached("COMMIT", &[])?;
            return Ok(None);
        };
        if log.raw {
            self.commit_flushed()?;
            return Ok(None);
        }
        let draft = std::mem::take(&mut log.draft);
        if log.protected {
            self.run_cached("RELEASE batch", &[])?;
        }
        Ok(Some(draft))
    }

    /// Commits a batch that the journal does not hold, with SQLite's own flush.
    fn commit_flushed(&mut self) -> Result<(), Error> {
        let Some(log) = &self.log else { return Ok(()) };
        let (flushing, protected) = (Arc::clone(&log.flushing), log.protected);
        flushing.wait()?;
        flushing.journal().skip();
        let released = if protected { self.run_cached("RELEASE batch", &[]).map(drop) } else { Ok(()) };
        if let Err(problem) = released.and_then(|()| self.settle()) {
            flushing.journal().unskip();
            self.mark_lost();
            return Err(problem);
        }
        let journal = flushing.journal();
        journal.flush_wal()?;
        flushing.note_durable(journal.sequence());
        Ok(())
    }

    /// Takes the batch back, and only that.
    pub(crate) fn rollback(&mut self) {
        let Some(log) = &mut self.log else { return self.rollback_all() };
        log.draft = Draft::default();
        let (wrote, protected) = (log.wrote, log.protected);
        if self.conn.is_autocommit() || log.lost {
            return self.mark_lost();
        }
        if protected {
            if self.conn.execute_batch("ROLLBACK TO batch; RELEASE batch").is_err() {
                self.mark_lost();
            }
        } else if wrote {
            self.mark_lost();
        }
    }

    /// Makes the statements of a table.
    fn know(&mut self, table: &'static Table) -> Result<(), Error> {
        if self.statements.contains_key(&table.identity()) {
            return Ok(());
        }
        let lone = "SELECT (SELECT COUNT(*) FROM pragma_index_list(?1)) = 1
                AND (SELECT SUM(wr) FROM pragma_table_list(?1)) = 1";
        let lone =
            self.conn.query_row(lone, [table.name], |row| row.get::<_, Option<bool>>(0)).map_err(error)?;
        self.statements.insert(table.identity(), TableSql::of(table, lone == Some(true)));
        Ok(())
    }

    pub(crate) fn get(&mut self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, Error> {
        self.know(table)?;
        let Some(sql) = self.statements.get(&table.identity()) else { return Ok(None) };
        let mut statement = self.conn.prepare_cached(&sql.get).map_err(error)?;
        let mut rows = statement.query(rusqlite::params_from_iter(key)).map_err(error)?;
        rows.next().map_err(error)?.map(|row| read_row(row, table.width())).transpose()
    }

    pub(crate) fn write_rows(&mut self, kind: WriteKind, writes: &[Write]) -> Result<(), Error> {
        let Some(table) = writes.first().map(|w| w.table) else { return Ok(()) };
        self.know(table)?;
        let Some(sql) = self.statements.get(&table.identity()) else { return Ok(()) };
        let text = match kind {
            WriteKind::Insert => &sql.insert,
            WriteKind::Put => &sql.put,
            WriteKind::Delete => &sql.delete,
        };
        if let Some(log) = &mut self.log {
            log.wrote = true;
            log.draft.note_statement(text);
            writes.iter().for_each(|write| log.draft.note_row(write.row.values()));
        }
        let mut statement = self.conn.prepare_cached(text).map_err(error)?;
        for write in writes {
            statement
                .execute(rusqlite::params_from_iter(write.row.values()))
                .map_err(|e| of_table(table, e))?;
        }
        Ok(())
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        if !self.conn.prepare_cached(sql).map_err(error)?.readonly() {
            self.note_raw()?;
        }
        let mut statement = self.conn.prepare_cached(sql).map_err(error)?;
        let width = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(error)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(error)? {
            out.push(read_row(row, width)?);
        }
        Ok(out)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        self.note_raw()?;
        self.run_cached(sql, params)
    }

    /// A statement follows that the journal does not hold.
    fn note_raw(&mut self) -> Result<(), Error> {
        self.protect()?;
        if let Some(log) = &mut self.log {
            (log.wrote, log.raw) = (true, true);
        }
        Ok(())
    }

    pub(crate) fn run_script(&mut self, sql: &str) -> Result<(), Error> {
        self.note_raw()?;
        self.conn.execute_batch(sql).map_err(error)
    }

    /// Copies the log into the file without disturbing writers. Runs on its own connection and thread.
    pub(crate) fn copy_wal(&mut self) {
        let copied = self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(problem) = copied {
            tracing::warn!(%problem, "the write-ahead log was not copied");
        }
    }

    /// Bytes in the write-ahead log now.
    pub(crate) fn wal_bytes(path: &Path) -> u64 {
        let mut wal = path.as_os_str().to_owned();
        wal.push("-wal");
        std::fs::metadata(wal).map_or(0, |m| m.len())
    }

    /// Every so often looks whether the background copy keeps up; waits for it when not.
    fn bound_wal(&mut self) {
        self.writes_since_look += 1;
        if self.writes_since_look < 64 {
            return;
        }
        self.writes_since_look = 0;
        if SqliteConn::wal_bytes(&self.path) > WAL_WAIT_BYTES {
            let _ = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
    }

    fn run_cached(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let mut statement = self.conn.prepare_cached(sql).map_err(error)?;
        let changed = statement.execute(rusqlite::params_from_iter(params)).map_err(error)?;
        Ok(changed as u64)
    }
}

/// Refuses a file that holds another program's tables.
fn check_owner(conn: &Connection, path: &Path) -> Result<(), Error> {
    let number =
        |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|e| refused(path, &e));
    let owner = number("PRAGMA application_id")?;
    let tables = number("SELECT COUNT(*) FROM sqlite_master")?;
    if owner == APPLICATION_ID || (owner == 0 && tables == 0) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "`{}` is a database of another program; give an empty folder",
        path.display()
    )))
}

fn refused(path: &Path, problem: &rusqlite::Error) -> Error {
    match problem.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Error::Unavailable(problem.to_string()),
        _ => Error::Refused(format!("cannot use `{}` as a database: {problem}", path.display())),
    }
}

fn of_table(table: &Table, problem: rusqlite::Error) -> Error {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    match problem.sqlite_error() {
        Some(e) if matches!(e.extended_code, SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE) => {
            Error::Conflict(table.name.to_owned())
        }
        _ => error(problem),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn error(problem: rusqlite::Error) -> Error {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    let text = problem.to_string();
    match problem.sqlite_error() {
        Some(e) if matches!(e.extended_code, SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE) => {
            Error::Conflict(text)
        }
        Some(e) => match e.code {
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase => Error::Unavailable(text),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Raced,
            _ => Error::Bug(text),
        },
        None => Error::Bug(text),
    }
}

fn read_row(row: &rusqlite::Row<'_>, width: usize) -> Result<Row, Error> {
    let mut values = Vec::with_capacity(width);
    for index in 0..width {
        values.push(match row.get_ref(index).map_err(error)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(i) => Value::Int(i),
            ValueRef::Real(r) => Value::Real(r),
            ValueRef::Text(t) => Value::Text(String::from_utf8_lossy(t).into_owned()),
            ValueRef::Blob(b) => Value::Blob(b.to_vec()),
        });
    }
    Ok(Row::new(values))
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(i) => ValueRef::Integer(*i),
            Value::Real(r) => ValueRef::Real(*r),
            Value::Text(t) => ValueRef::Text(t.as_bytes()),
            Value::Blob(b) => ValueRef::Blob(b),
        }))
    }
}
