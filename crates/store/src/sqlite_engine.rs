//! The embedded engine: SQLite in WAL mode, every commit flushed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, ffi::ErrorCode};
use rustc_hash::FxHashMap;

use crate::conn::{Mode, Write, WriteKind};
use crate::error::Error;
use crate::limits::WAL_WAIT_BYTES;
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
}

struct TableSql {
    get: String,
    insert: String,
    put: String,
    delete: String,
}

impl TableSql {
    fn of(table: &Table) -> TableSql {
        let name = table.name;
        let marks = (1..=table.width()).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ");
        let keys: Vec<_> = table.key.iter().enumerate().map(|(i, c)| format!("{} = ?{}", c.name, i + 1)).collect();
        let by_key = keys.join(" AND ");
        let insert = format!("INSERT INTO {name} ({}) VALUES ({marks})", table.column_list());
        TableSql {
            get: format!("SELECT {} FROM {name} WHERE {by_key}", table.column_list()),
            put: format!("{insert} {}", table.on_conflict()),
            delete: format!("DELETE FROM {name} WHERE {by_key}"),
            insert,
        }
    }
}

/// Holds the database for one process: a second one would break the promise that batches see each other.
pub(crate) fn lock_file(path: &Path) -> Result<File, Error> {
    let lock = path.with_extension("lock");
    let file = File::create(&lock).map_err(|e| Error::Refused(format!("cannot create `{}`: {e}", lock.display())))?;
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
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{PAGE_CACHE_KIB}; PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF; PRAGMA application_id = {APPLICATION_ID};"
        );
        conn.execute_batch(&setup).map_err(|e| refused(path, &e))?;
        Ok(SqliteConn::wrap(conn, path))
    }

    /// Opens the file for reading only.
    pub(crate) fn open_reader(path: &Path) -> Result<SqliteConn, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(error)?;
        conn.busy_timeout(Duration::from_secs(5)).map_err(error)?;
        conn.execute_batch("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;")
            .map_err(error)?;
        Ok(SqliteConn::wrap(conn, path))
    }

    fn wrap(conn: Connection, path: &Path) -> SqliteConn {
        conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        SqliteConn { conn, path: path.to_owned(), statements: FxHashMap::default(), writes_since_look: 0 }
    }

    pub(crate) fn begin(&mut self, mode: Mode) -> Result<(), Error> {
        let sql = if mode == Mode::Write { "BEGIN IMMEDIATE" } else { "BEGIN" };
        self.run_cached(sql, &[]).map(drop)
    }

    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        self.run_cached("COMMIT", &[])?;
        self.bound_wal();
        Ok(())
    }

    pub(crate) fn rollback(&mut self) {
        if !self.conn.is_autocommit() && self.conn.execute_batch("ROLLBACK").is_err() {
            tracing::error!("rollback failed; the next transaction will say why");
        }
    }

    pub(crate) fn get(&mut self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, Error> {
        let sql = self.statements.entry(table.identity()).or_insert_with(|| TableSql::of(table));
        let mut statement = self.conn.prepare_cached(&sql.get).map_err(error)?;
        let mut rows = statement.query(rusqlite::params_from_iter(key)).map_err(error)?;
        rows.next().map_err(error)?.map(|row| read_row(row, table.width())).transpose()
    }

    pub(crate) fn write_rows(&mut self, kind: WriteKind, writes: &[Write]) -> Result<(), Error> {
        let Some(table) = writes.first().map(|w| w.table) else { return Ok(()) };
        let sql = self.statements.entry(table.identity()).or_insert_with(|| TableSql::of(table));
        let text = match kind {
            WriteKind::Insert => &sql.insert,
            WriteKind::Put => &sql.put,
            WriteKind::Delete => &sql.delete,
        };
        let mut statement = self.conn.prepare_cached(text).map_err(error)?;
        for write in writes {
            statement.execute(rusqlite::params_from_iter(write.row.values())).map_err(|e| of_table(table, e))?;
        }
        Ok(())
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
        self.run_cached(sql, params)
    }

    pub(crate) fn run_script(&mut self, sql: &str) -> Result<(), Error> {
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
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|e| refused(path, &e));
    let owner = number("PRAGMA application_id")?;
    let tables = number("SELECT COUNT(*) FROM sqlite_master")?;
    if owner == APPLICATION_ID || (owner == 0 && tables == 0) {
        return Ok(());
    }
    Err(Error::Refused(format!("`{}` is a database of another program; give an empty folder", path.display())))
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
