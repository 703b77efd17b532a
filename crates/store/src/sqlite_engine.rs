//! SQLite: one connection, its statements, and how its values and errors become ours.
//!
//! The embedded engine uses three kinds: the committer's, which looks rows up and runs what cannot wait
//! (`embedded.rs`), the writer's (`settling.rs`), and those of readers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, ffi::ErrorCode};
use rustc_hash::FxHashMap;

use crate::conn::WriteKind;
use crate::error::Error;
use crate::known::Known;
use crate::table::{Column, Table};
use crate::unsettled::Generation;
use crate::value::{Row, Value};
use crate::wal::{Wal, flush_steadily};

/// Marks a file as ours, so that a database of another program is refused ("TILW").
const APPLICATION_ID: i64 = 0x5449_4C57;
const STATEMENTS_CACHED: usize = 256;
const PAGE_CACHE_KIB: i64 = 64 * 1024;

/// One connection to the file.
pub(crate) struct SqliteConn {
    conn: Connection,
    statements: FxHashMap<usize, TableSql>,
    /// The log it writes. A connection that only reads has one of its own, which it never looks at.
    pub(crate) wal: Arc<Wal>,
}

/// A table as SQLite has it.
pub(crate) struct TableSql {
    get: String,
    /// The greatest last part among keys that agree in the others.
    greatest: String,
    insert: String,
    /// Adds or replaces.
    pub(crate) put: String,
    /// Removes.
    pub(crate) delete: String,
    /// Columns that must not be NULL.
    required: Vec<usize>,
    /// Whatever SQLite could refuse of a row has been checked before: it may be written after it was acknowledged.
    pub(crate) waits: bool,
}

impl TableSql {
    /// `lone`: the key is the table itself, and there is no other index.
    fn of(table: &Table, lone: bool, required: Vec<usize>, waits: bool) -> TableSql {
        let name = table.name;
        let marks = (1..=table.width()).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ");
        let keys: Vec<_> =
            table.key.iter().enumerate().map(|(i, c)| format!("{} = ?{}", c.name, i + 1)).collect();
        let by_key = keys.join(" AND ");
        let last = table.key.last().map_or("", |column| column.name);
        let group = keys.split_last().map_or_else(String::new, |(_, group)| group.join(" AND "));
        let insert = format!("INSERT INTO {name} ({}) VALUES ({marks})", table.column_list());
        TableSql {
            get: format!("SELECT {} FROM {name} WHERE {by_key}", table.column_list()),
            greatest: format!(
                "SELECT MAX({last}) FROM {name} WHERE {}",
                if group.is_empty() { "TRUE" } else { &group }
            ),
            // One step down the tree in place of two; with another unique index it would remove rows of other keys.
            put: if lone {
                insert.replacen("INSERT", "REPLACE", 1)
            } else {
                format!("{insert} {}", table.on_conflict())
            },
            delete: format!("DELETE FROM {name} WHERE {by_key}"),
            insert,
            required,
            waits,
        }
    }

    /// The statement for a kind of write.
    pub(crate) fn statement(&self, kind: WriteKind) -> &str {
        match kind {
            WriteKind::Insert => &self.insert,
            WriteKind::Put => &self.put,
            WriteKind::Delete => &self.delete,
        }
    }

    /// Refuses a row that SQLite would refuse later.
    pub(crate) fn check(&self, known: &Known) -> Result<(), Error> {
        let missing = |at: &usize| matches!(known.values().get(*at), Some(Value::Null));
        match known.get().and(self.required.iter().find(|at| missing(at))) {
            None => Ok(()),
            Some(at) => Err(Error::Bug(format!("`{}` must not be NULL in column {at}", known.table.name))),
        }
    }
}

impl Drop for SqliteConn {
    /// The last connection to close copies the log into the database and removes it: not one that is torn.
    fn drop(&mut self) {
        if self.wal.expect_whole().is_err() {
            let _ = self.conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

impl SqliteConn {
    /// Opens the file for writing, making it when it is not there. A commit is flushed by SQLite only where
    /// [`SqliteConn::flush_commits`] was called.
    pub(crate) fn open_writer(path: &Path, wal: &Arc<Wal>) -> Result<SqliteConn, Error> {
        let conn = Connection::open(path).map_err(|e| refused(path, &e))?;
        check_owner(&conn, path)?;
        conn.busy_timeout(Duration::from_secs(5)).map_err(error)?;
        let setup = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{PAGE_CACHE_KIB}; PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF; PRAGMA application_id = {APPLICATION_ID};"
        );
        conn.execute_batch(&setup).map_err(|e| refused(path, &e))?;
        Ok(SqliteConn::wrap(conn, Arc::clone(wal)))
    }

    /// From now on a commit returns once it is durable.
    pub(crate) fn flush_commits(&self) -> Result<(), Error> {
        self.conn.execute_batch("PRAGMA synchronous = FULL").map_err(error)
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
        Ok(SqliteConn::wrap(conn, Arc::new(Wal::of(path))))
    }

    /// Opens the file for the committer's look-ups: reading only, with room for pages.
    pub(crate) fn open_looker(path: &Path) -> Result<SqliteConn, Error> {
        let looker = SqliteConn::open_reader(path)?;
        let room = format!("PRAGMA cache_size = -{PAGE_CACHE_KIB}");
        looker.conn.execute_batch(&room).map_err(error)?;
        Ok(looker)
    }

    fn wrap(conn: Connection, wal: Arc<Wal>) -> SqliteConn {
        conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        SqliteConn { conn, statements: FxHashMap::default(), wal }
    }

    /// Whether a transaction is open.
    pub(crate) fn is_open(&self) -> bool {
        !self.conn.is_autocommit()
    }

    /// Itself, with a snapshot open.
    pub(crate) fn looking(&mut self) -> Result<&mut SqliteConn, Error> {
        if !self.is_open() {
            self.execute("BEGIN", &[])?;
        }
        Ok(self)
    }

    /// Begins a transaction that writes, on a write-ahead log that is whole.
    pub(crate) fn begin_write(&mut self) -> Result<(), Error> {
        self.execute("BEGIN IMMEDIATE", &[])?;
        // INVARIANT: whoever has begun to write is the only one to write the log.
        let mended = self.wal.mend();
        if mended.is_err() {
            self.rollback();
        }
        mended
    }

    /// Writes the log over, at a start: whoever wrote it may have been killed after a flush that failed.
    pub(crate) fn write_over_log(&mut self) -> Result<(), Error> {
        self.execute("BEGIN IMMEDIATE", &[])?;
        let done = self.wal.write_over();
        self.rollback();
        done
    }

    /// Makes what SQLite has committed durable.
    pub(crate) fn flush_committed(&mut self) -> Result<(), Error> {
        self.begin_write()?;
        self.rollback();
        self.wal.flush()
    }

    pub(crate) fn rollback(&mut self) {
        if self.is_open() && self.conn.execute_batch("ROLLBACK").is_err() {
            tracing::error!("rollback failed; the next transaction will say why");
        }
    }

    /// The one number that a query gives.
    pub(crate) fn number(&self, sql: &str) -> Result<i64, Error> {
        self.conn.query_row(sql, [], |row| row.get(0)).map_err(error)
    }

    /// The statements of a table.
    pub(crate) fn know(&mut self, table: &'static Table) -> Result<&TableSql, Error> {
        if !self.statements.contains_key(&table.identity()) {
            let known = self.look_at(table)?;
            self.statements.insert(table.identity(), known);
        }
        self.statements.get(&table.identity()).ok_or_else(|| Error::Bug("a table was forgotten".into()))
    }

    fn look_at(&self, table: &'static Table) -> Result<TableSql, Error> {
        let number = |sql: &str| {
            let found = self.conn.query_row(sql, [table.name], |row| row.get::<_, Option<i64>>(0));
            found.map(Option::unwrap_or_default).map_err(error)
        };
        let lone = number(
            "SELECT (SELECT COUNT(*) FROM pragma_index_list(?1)) = 1
                AND (SELECT SUM(wr) FROM pragma_table_list(?1)) = 1",
        )? == 1;
        // Beside its key: unique indexes, references either way, triggers.
        let others = number(
            "SELECT (SELECT COUNT(*) FROM pragma_index_list(?1) WHERE \"unique\" = 1 AND origin <> 'pk')
                  + (SELECT COUNT(*) FROM pragma_foreign_key_list(?1))
                  + (SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?1)
                  + (SELECT COUNT(*) FROM sqlite_master WHERE sql LIKE '%REFERENCES ' || ?1 || '%')",
        )?;
        let checks = number(
            // With its bracket: a name may hold the word.
            "SELECT (LENGTH(sql) - LENGTH(REPLACE(UPPER(sql), 'CHECK (', ''))) / 7
                  + (LENGTH(sql) - LENGTH(REPLACE(UPPER(sql), 'CHECK(', ''))) / 6
             FROM sqlite_master WHERE type = 'table' AND name = ?1",
        )?;
        let known_checks = table.columns().filter(|column| column.least.is_some()).count() as i64;
        let sql = "SELECT name FROM pragma_table_info(?1) WHERE \"notnull\" = 1";
        let mut statement = self.conn.prepare(sql).map_err(error)?;
        let names = statement.query_map([table.name], |row| row.get::<_, String>(0)).map_err(error)?;
        let names: Vec<String> = names.collect::<Result<_, _>>().map_err(error)?;
        let is_required = |column: &&Column| names.iter().any(|name| name.eq_ignore_ascii_case(column.name));
        let required = table.columns().enumerate().filter(|(_, column)| is_required(column));
        let required: Vec<usize> = required.map(|(at, _)| at).collect();
        let waits = others == 0 && checks == known_checks && required.len() == names.len();
        Ok(TableSql::of(table, lone, required, waits))
    }

    pub(crate) fn get(&mut self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, Error> {
        self.know(table)?;
        let Some(sql) = self.statements.get(&table.identity()) else { return Ok(None) };
        let mut statement = self.conn.prepare_cached(&sql.get).map_err(error)?;
        let mut rows = statement.query(rusqlite::params_from_iter(key)).map_err(error)?;
        rows.next().map_err(error)?.map(|row| read_row(row, table.width())).transpose()
    }

    /// The greatest last part among the keys that begin with `prefix`, a text.
    pub(crate) fn greatest(
        &mut self,
        table: &'static Table,
        prefix: &[Value],
    ) -> Result<Option<String>, Error> {
        self.know(table)?;
        let Some(sql) = self.statements.get(&table.identity()) else { return Ok(None) };
        let mut statement = self.conn.prepare_cached(&sql.greatest).map_err(error)?;
        statement.query_row(rusqlite::params_from_iter(prefix), |row| row.get(0)).map_err(error)
    }

    /// Writes rows of one table with one kind.
    pub(crate) fn write_rows<'k>(
        &mut self,
        table: &'static Table,
        kind: WriteKind,
        writes: impl Iterator<Item = &'k Known>,
    ) -> Result<(), Error> {
        self.know(table)?;
        let Some(sql) = self.statements.get(&table.identity()) else { return Ok(()) };
        let mut statement = self.conn.prepare_cached(sql.statement(kind)).map_err(error)?;
        for write in writes {
            statement.execute(rusqlite::params_from_iter(write.values())).map_err(|e| of_table(table, e))?;
        }
        Ok(())
    }

    /// Writes a generation in a transaction of its own, sorted, since neighbours share pages.
    pub(crate) fn write_generation(&mut self, generation: &Generation) -> Result<(), Error> {
        self.begin_write()?;
        let wal = Arc::clone(&self.wal);
        let written =
            self.write_sorted(generation).and_then(|()| wal.flush_steadily(|| self.commit(generation.last)));
        if written.is_err() {
            self.rollback();
        }
        written
    }

    fn write_sorted(&mut self, generation: &Generation) -> Result<(), Error> {
        let mut tables: FxHashMap<(usize, bool), Vec<&Known>> = FxHashMap::default();
        for known in generation.rows() {
            tables.entry((known.table.identity(), known.is_there())).or_default().push(known);
        }
        for ((_, there), mut rows) in tables {
            let Some(table) = rows.first().map(|known| known.table) else { continue };
            rows.sort_unstable_by(|a, b| a.key().cmp(b.key()));
            let kind = if there { WriteKind::Put } else { WriteKind::Delete };
            self.write_rows(table, kind, rows.into_iter())?;
        }
        Ok(())
    }

    /// Ends a transaction that leaves SQLite with every batch up to `applied`.
    pub(crate) fn commit(&mut self, applied: i64) -> Result<(), Error> {
        self.execute("UPDATE store_journal SET applied = ?1", &[Value::Int(applied)])?;
        self.conn.execute_batch("COMMIT").map_err(|problem| self.note(problem))
    }

    /// The error of a call that flushes.
    fn note(&self, problem: rusqlite::Error) -> Error {
        let failed = |e: &rusqlite::ffi::Error| e.extended_code == rusqlite::ffi::SQLITE_IOERR_FSYNC;
        if problem.sqlite_error().is_some_and(failed) {
            self.wal.note_failure();
        }
        error(problem)
    }

    /// Whether a statement changes nothing.
    pub(crate) fn is_reading(&self, sql: &str) -> Result<bool, Error> {
        self.conn.prepare_cached(sql).map(|statement| statement.readonly()).map_err(error)
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
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
        let mut statement = self.conn.prepare_cached(sql).map_err(error)?;
        let changed = statement.execute(rusqlite::params_from_iter(params)).map_err(error)?;
        Ok(changed as u64)
    }

    pub(crate) fn run_script(&mut self, sql: &str) -> Result<(), Error> {
        self.conn.execute_batch(sql).map_err(error)
    }

    /// How many pages the write-ahead log holds after each commit of this connection from now on, and their size, bytes.
    pub(crate) fn watch_wal(&mut self) -> Result<(Arc<AtomicU64>, u64), Error> {
        let pages = Arc::new(AtomicU64::new(0));
        let noted = Arc::clone(&pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
            noted.store(u64::try_from(pages).unwrap_or_default(), Ordering::Release);
            Ok(())
        };
        self.conn.wal_hook(Some(hook)).map_err(error)?;
        let page = self.number("PRAGMA page_size")?;
        Ok((pages, u64::try_from(page).unwrap_or_default()))
    }

    /// Copies the log into the file without disturbing writers. Gives whether all of it was copied.
    pub(crate) fn copy_wal(&mut self, path: &Path) -> Result<bool, Error> {
        self.wal.expect_whole()?;
        let columns = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let copy = || self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], columns);
        // SQLite flushes the database itself at the end, with a file of its own, which is told of a failure as well.
        let (copied, _) = flush_steadily(path, copy);
        copied.map(|(pages, copied)| pages == copied).map_err(|problem| self.note(problem))
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
