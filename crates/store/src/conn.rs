//! One connection, to whichever engine. The set is closed, so it is an enum.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::embedded::Embedded;
use crate::error::Error;
use crate::flushing::Flushing;
use crate::journal::Draft;
use crate::known::Known;
use crate::migrate::Migration;
use crate::postgres_engine::PostgresConn;
use crate::settling::Settling;
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
    /// The committer's, to the embedded engine.
    Embedded(Box<Embedded>),
    /// A reader's, to the same.
    Reader(Box<SqliteConn>),
    /// Either's, to PostgreSQL.
    Postgres(Box<PostgresConn>),
}

macro_rules! each {
    ($self:ident, $conn:ident => $do:expr) => {
        match $self {
            Conn::Embedded($conn) => $do,
            Conn::Reader($conn) => $do,
            Conn::Postgres($conn) => $do,
        }
    };
}

impl Conn {
    pub(crate) fn begin(&mut self, mode: Mode) -> Result<(), Error> {
        match self {
            Conn::Embedded(conn) => conn.begin(),
            Conn::Reader(conn) => conn.execute("BEGIN", &[]).map(drop),
            Conn::Postgres(conn) => conn.begin(mode),
        }
    }

    /// Ends the batch and makes it durable.
    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        match self {
            Conn::Embedded(conn) => conn.commit(),
            Conn::Reader(conn) => conn.execute("COMMIT", &[]).map(drop),
            Conn::Postgres(conn) => conn.commit(),
        }
    }

    /// Gives up the transaction; a connection that cannot do even that is opened anew at the next `begin`.
    pub(crate) fn rollback(&mut self) {
        each!(self, conn => conn.rollback());
    }

    /// Ends the batch. Gives what is still to be flushed before anybody is answered; nothing where that is done.
    pub(crate) fn seal(&mut self) -> Result<Option<Draft>, Error> {
        match self {
            Conn::Embedded(conn) => conn.seal(),
            _ => self.commit().map(|()| None),
        }
    }

    /// The embedded engine, where this is its committer.
    pub(crate) fn embedded(&mut self) -> Option<&mut Embedded> {
        match self {
            Conn::Embedded(conn) => Some(conn),
            _ => None,
        }
    }

    /// What flushes batches and settles them; `None` where the engine does both itself.
    pub(crate) fn ways(&self) -> Option<(Arc<Flushing>, Arc<Settling>)> {
        match self {
            Conn::Embedded(conn) => Some((Arc::clone(conn.flushing()), Arc::clone(conn.settling()))),
            _ => None,
        }
    }

    /// No other process writes: rows that were committed may be kept in memory.
    pub(crate) fn is_sole_writer(&self) -> bool {
        matches!(self, Conn::Embedded(_))
    }

    /// The row with this key; `hash` is of both.
    pub(crate) fn get(
        &mut self,
        table: &'static Table,
        hash: u64,
        key: &[Value],
    ) -> Result<Option<Row>, Error> {
        match self {
            Conn::Embedded(conn) => conn.get(table, hash, key),
            Conn::Reader(conn) => conn.get(table, key),
            Conn::Postgres(conn) => conn.get(table, key),
        }
    }

    /// What is known of rows whose key begins with `prefix`, later versions behind earlier ones; `None` where a query says it
    /// all.
    pub(crate) fn list(
        &mut self,
        table: &'static Table,
        prefix: &[Value],
    ) -> Option<Result<Vec<Known>, Error>> {
        self.embedded().filter(|conn| !conn.is_direct()).map(|conn| conn.list(table, prefix))
    }

    /// The rows that exist among the keys, by table, in any order.
    pub(crate) fn get_many(
        &mut self,
        wanted: &[(&'static Table, Vec<Vec<Value>>)],
    ) -> Result<Vec<Vec<Row>>, Error> {
        match self {
            Conn::Postgres(conn) => conn.get_many(wanted),
            _ => Err(Error::Bug("only PostgreSQL looks rows up together".into())),
        }
    }

    /// A look-up in the same process costs nothing to save; one across a socket does.
    pub(crate) fn gains_from_prefetch(&self) -> bool {
        matches!(self, Conn::Postgres(_))
    }

    /// Raw SQL follows that must see the rows of this batch.
    pub(crate) fn go_direct(&mut self) -> Result<(), Error> {
        self.embedded().map_or(Ok(()), Embedded::go_direct)
    }

    /// Writes rows, each group of one table with one kind. `last`: the end of the batch follows.
    pub(crate) fn write_groups(
        &mut self,
        groups: Vec<(&'static Table, WriteKind, Vec<Known>)>,
        last: bool,
    ) -> Result<(), Error> {
        match self {
            Conn::Embedded(conn) => {
                groups.iter().try_for_each(|(table, _, _)| conn.expect_write(table))?;
                groups.into_iter().try_for_each(|(table, kind, writes)| conn.write_rows(table, kind, writes))
            }
            Conn::Reader(_) => Err(Error::Bug("write in a read-only transaction".into())),
            Conn::Postgres(conn) => conn.write_groups(&groups, last),
        }
    }

    /// How often writes waited for an answer of the database; nothing where it is in this process.
    pub(crate) fn trips(&self) -> Option<Arc<AtomicU64>> {
        match self {
            Conn::Postgres(conn) => Some(conn.trips()),
            _ => None,
        }
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
