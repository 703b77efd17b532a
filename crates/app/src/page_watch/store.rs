//! Which problems of the payment pages were told, and when.

use store::{Migration, Table, Tx, int, text};

/// The table of told problems.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 801,
    name: "problems of payment pages",
    sql: "CREATE TABLE page_problems (problem TEXT NOT NULL PRIMARY KEY, day BIGINT NOT NULL);",
}];

static PAGE_PROBLEMS: Table = Table::new("page_problems", &[text("problem")], &[int("day")]);

/// The day, counted from 1970, on which a problem was told.
pub(super) fn find_told(tx: &mut Tx<'_>, problem: &str) -> Result<Option<i64>, store::Error> {
    tx.get(&PAGE_PROBLEMS, &[problem.into()])?.map(|row| row.int(1)).transpose()
}

/// Notes that a problem was told.
pub(super) fn put_told(tx: &mut Tx<'_>, problem: &str, day: i64) -> Result<(), store::Error> {
    tx.put(&PAGE_PROBLEMS, vec![problem.into(), day.into()])
}

/// Forgets a problem.
pub(super) fn delete_told(tx: &mut Tx<'_>, problem: &str) -> Result<(), store::Error> {
    tx.delete(&PAGE_PROBLEMS, &[problem.into()])
}

/// Every problem that was told, in order.
pub(super) fn list_told(tx: &mut Tx<'_>) -> Result<Vec<(String, i64)>, store::Error> {
    let rows = tx.query("SELECT problem, day FROM page_problems ORDER BY problem", &[])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?))).collect()
}
