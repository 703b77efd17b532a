//! Versioned migrations, forward only.

use base::Timestamp;

use crate::conn::{Conn, Mode};
use crate::error::Error;
use crate::value::Value;

/// One step of the schema, in SQL that both engines understand: BIGINT, TEXT, BLOB, DOUBLE PRECISION. `BLOB` becomes
/// `BYTEA` and `WITHOUT ROWID` is dropped where PostgreSQL runs it.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Order and identity. Each domain has its own hundred.
    pub version: i64,
    /// What it does, for people.
    pub name: &'static str,
    /// Its statements, separated by `;`.
    pub sql: &'static str,
}

const SCHEMA: Migration = Migration {
    version: 0,
    name: "migrations",
    sql: "CREATE TABLE IF NOT EXISTS schema_migrations (
            version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)",
};

/// Brings the schema up to date, each step in its own transaction, and returns how many steps were taken.
pub(crate) fn migrate(conn: &mut Conn, migrations: &[Migration], now: Timestamp) -> Result<usize, Error> {
    in_transaction(conn, |conn| conn.migrate(&SCHEMA))?;
    let applied = applied(conn)?;
    refuse_unknown(&applied, migrations)?;
    let mut steps: Vec<_> =
        migrations.iter().filter(|m| !applied.iter().any(|(v, _)| *v == m.version)).collect();
    steps.sort_by_key(|m| m.version);
    for step in &steps {
        in_transaction(conn, |conn| {
            conn.migrate(step)?;
            let params = [Value::Int(step.version), Value::from(step.name), Value::from(now)];
            conn.execute(
                "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?1, ?2, ?3)",
                &params,
            )
        })?;
    }
    Ok(steps.len())
}

fn applied(conn: &mut Conn) -> Result<Vec<(i64, String)>, Error> {
    let rows = in_transaction(conn, |conn| conn.query("SELECT version, name FROM schema_migrations", &[]))?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?.to_owned()))).collect()
}

fn refuse_unknown(applied: &[(i64, String)], migrations: &[Migration]) -> Result<(), Error> {
    for (version, name) in applied {
        match migrations.iter().find(|m| m.version == *version) {
            Some(known) if known.name == name => {}
            Some(known) => {
                let text = format!(
                    "migration {version} was applied as `{name}`; this program calls it `{}`",
                    known.name
                );
                return Err(Error::Refused(text));
            }
            None => {
                let text = format!(
                    "the database has migration {version} `{name}`, which this program does not know: it was written \
                     by a newer tillward; use that version or newer"
                );
                return Err(Error::Refused(text));
            }
        }
    }
    Ok(())
}

fn in_transaction<T>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, Error>) -> Result<T, Error> {
    conn.begin(Mode::Write)?;
    match work(conn).and_then(|done| conn.commit().map(|()| done)) {
        Ok(done) => Ok(done),
        Err(problem) => {
            conn.rollback();
            Err(problem)
        }
    }
}
