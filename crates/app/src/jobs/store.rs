//! Which day each daily job was last done on, for all nodes.

use store::{Migration, Table, Tx, int, text};

/// The tables of the running program.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 800,
    name: "daily jobs",
    sql: "CREATE TABLE daily_jobs (name TEXT NOT NULL PRIMARY KEY, day BIGINT NOT NULL);",
}];

static DAILY_JOBS: Table = Table::new("daily_jobs", &[text("name")], &[int("day")]);

/// The day, counted from 1970, on which a job was last done.
pub(crate) fn find_last_day(tx: &mut Tx<'_>, job: &'static str) -> Result<Option<i64>, store::Error> {
    tx.get(&DAILY_JOBS, &[job.into()])?.map(|row| row.int(1)).transpose()
}

/// Notes the day of a job.
pub(crate) fn put_last_day(tx: &mut Tx<'_>, job: &'static str, day: i64) -> Result<(), store::Error> {
    tx.put(&DAILY_JOBS, vec![job.into(), day.into()])
}
