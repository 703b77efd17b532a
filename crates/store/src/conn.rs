//! One connection, to whichever engine. The set is closed, so it is an enum.

use std::sync::Arc;

use crate::error::Error;
use crate::flushing::Flushing;
use crate::journal::Draft;
use crate::migrate::Migration;
use crate::postgres_engine::PostgresConn;
use crate::sqlite_engine::SqliteConn;
use crate::table::Table;
use crate::value::{Row, Value};

/// What a buffered write does with its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteKind {
    /// The key must be new.
    Insert,
    /// Adds or replaces.
    Put,
    /// Removes; the row holds only the key.
    Delete,
}

/// One buffered write.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) table: &'static Table,
    pub(crate) row: Row,
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Reads of one consistent moment.
    Read,
    /// Reads and writes.
    Write,
}

/// An open connection.
pub(crate) enum Conn {
    Sqlite(Box<SqliteConn>),
    Postgres(Box<PostgresConn>),
}

macro_rules! each {
    ($self:ident, $conn:ident => $do:expr) => {
        match $self {
            Conn::Sqlite($conn) => $do,
            Conn::Postgres($conn) => $do,
        }
    };
}

impl Conn {
    pub(crate) fn begin(&mut self, mode: Mode) -> Result<(), Error> {
        each!(self, conn => conn.begin(mode))
    }

    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        each!(self, conn => conn.commit())
    }

    /// Gives up the transaction; a connection that cannot do even that is opened anew at the next `begin`.
    pub(crate) fn rollback(&mut self) {
        each!(self, conn => conn.rollback());
    }

    /// Prepares for taking back the batch alone, before its first statement.
    pub(crate) fn protect(&mut self) -> Result<(), Error> {
        match self {
            Conn::Sqlite(conn) => conn.protect(),
            Conn::Postgres(_) => Ok(()),
        }
    }

    /// Makes everything acknowledged visible to other connections.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        match self {
            Conn::Sqlite(conn) => conn.settle(),
            Conn::Postgres(_) => Ok(()),
        }
    }

    /// Whether everything acknowledged is visible to other connections.
    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Conn::Sqlite(conn) => conn.is_settled(),
            Conn::Postgres(_) => true,
        }
    }

    /// Whether it is time to settle however busy the committer is.
    pub(crate) fn is_settling_due(&self) -> bool {
        match self {
            Conn::Sqlite(conn) => conn.is_settling_due(),
            Conn::Postgres(_) => false,
        }
    }

    /// What flushes batches; `None` where the engine does it itself.
    pub(crate) fn flushing(&self) -> Option<Arc<Flushing>> {
        match self {
            Conn::Sqlite(conn) => conn.flushing(),
            Conn::Postgres(_) => None,
        }
    }

    /// Ends the batch. Gives what is still to be flushed before anybody is answered; nothing where that is done.
    pub(crate) fn seal(&mut self) -> Result<Option<Draft>, Error> {
        match self {
            Conn::Sqlite(conn) => conn.seal(),
            Conn::Postgres(conn) => conn.commit().map(|()| None),
        }
    }

    /// Whether the transaction is to be taken back before the next batch.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Conn::Sqlite(conn) => conn.is_lost(),
            Conn::Postgres(_) => false,
        }
    }

    /// What was handed over to be flushed was not: the transaction must be taken back.
    pub(crate) fn mark_lost(&mut self) {
        if let Conn::Sqlite(conn) = self {
            conn.mark_lost();
        }
    }

    /// No other process writes: rows that were committed may be kept in memory.
    pub(crate) fn is_sole_writer(&self) -> bool {
        matches!(self, Conn::Sqlite(_))
    }

    pub(crate) fn get(&mut self, table: &'static Table, key: &[Value]) -> Result<Option<Row>, Error> {
        each!(self, conn => conn.get(table, key))
    }

    /// The rows that exist among `keys`, in any order.
    pub(crate) fn get_many(&mut self, table: &'static Table, keys: &[Vec<Value>]) -> Result<Vec<Row>, Error> {
        match self {
            Conn::Sqlite(conn) => keys.iter().filter_map(|key| conn.get(table, key).transpose()).collect(),
            Conn::Postgres(conn) => conn.get_many(table, keys),
        }
    }

    /// A look-up in the same process costs nothing to save; one across a socket does.
    pub(crate) fn gains_from_prefetch(&self) -> bool {
        matches!(self, Conn::Postgres(_))
    }

    /// Writes rows of one table with one kind.
    pub(crate) fn write_rows(&mut self, kind: WriteKind, writes: &[Write]) -> Result<(), Error> {
        each!(self, conn => conn.write_rows(kind, writes))
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        each!(self, conn => conn.query(sql, params))
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        each!(self, conn => conn.execute(sql, params))
    }

    /// Runs one migration's statements.
    pub(crate) fn migrate(&mut self, migration: &Migration) -> Result<(), Error> {
        each!(self, conn => conn.run_script(migration.sql))
    }
}
