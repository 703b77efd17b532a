//! Which databases are accepted, and what happens when the disk does not play along.

use store::{Error, Migration, testing::Scratch};

mod versions;

const ONE: Migration =
    Migration { version: 1, name: "one", sql: "CREATE TABLE one (id BIGINT NOT NULL PRIMARY KEY)" };
const TWO: Migration =
    Migration { version: 2, name: "two", sql: "CREATE TABLE two (id BIGINT NOT NULL PRIMARY KEY)" };

#[test]
fn migrations_run_once_and_in_order() {
    for scratch in Scratch::each() {
        drop(scratch.open(&[ONE]).unwrap());
        drop(scratch.open(&[TWO, ONE]).unwrap());
        let db = scratch.open(&[ONE, TWO]).unwrap();
        let steps =
            db.read_blocking(|tx| tx.query("SELECT version FROM schema_migrations ORDER BY 1", &[])).unwrap();
        assert_eq!(steps.len(), 2);
    }
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    for scratch in Scratch::each() {
        drop(scratch.open(&[ONE, TWO]).unwrap());
        let refused = scratch.open(&[ONE]).err().unwrap();
        assert!(refused.to_string().contains("newer tillward"), "{refused}");
    }
}

#[test]
fn a_migration_that_fails_leaves_nothing_of_itself() {
    let bad = Migration { version: 2, name: "bad", sql: "CREATE TABLE three (id BIGINT); CREATE TABL oops" };
    for scratch in Scratch::each() {
        assert!(scratch.open(&[ONE, bad]).is_err());
        let db = scratch.open(&[ONE, TWO]).unwrap();
        assert!(db.read_blocking(|tx| tx.query("SELECT id FROM three", &[])).is_err());
    }
}

#[test]
fn one_process_at_a_time_uses_a_file() {
    let scratch = Scratch::file();
    let _held = scratch.open(&[ONE]).unwrap();
    let refused = scratch.open(&[ONE]).err().unwrap();
    assert!(refused.to_string().contains("in use"), "{refused}");
}

#[test]
fn a_file_that_is_no_database_or_not_ours_is_refused() {
    let scratch = Scratch::file();
    let store::Config::File(path) = scratch.config() else { unreachable!() };
    std::fs::write(
        path,
        "certainly not a database, just some text of more than a hundred bytes to fill a header page",
    )
    .unwrap();
    assert!(matches!(scratch.open(&[ONE]), Err(Error::Refused(_))));
    std::fs::remove_file(path).unwrap();
    rusqlite::Connection::open(path).unwrap().execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    let refused = scratch.open(&[ONE]).err().unwrap();
    assert!(refused.to_string().contains("another program"), "{refused}");
}

#[test]
fn a_full_disk_is_said_loses_nothing_and_passes() {
    let scratch = Scratch::file();
    let db = scratch.open(&[ONE]).unwrap();
    // `max_page_count` makes SQLite answer exactly as a full disk does.
    db.write_blocking(|tx| tx.query("PRAGMA max_page_count = 8", &[])).unwrap();
    let insert = |n: i64| db.write_blocking(move |tx| tx.execute("INSERT INTO one VALUES (?1)", &[n.into()]));
    let mut stored = 0;
    let problem = loop {
        match insert(stored) {
            Ok(_) => stored += 1,
            Err(problem) => break problem,
        }
        assert!(stored < 100_000);
    };
    assert!(matches!(problem, Error::Unavailable(_)), "{problem:?}");
    let count = || {
        let rows = db.read_blocking(|tx| tx.query("SELECT COUNT(*) FROM one", &[])).unwrap();
        rows[0].int(0).unwrap()
    };
    assert_eq!(count(), stored);
    db.write_blocking(|tx| tx.query("PRAGMA max_page_count = 100000", &[])).unwrap();
    assert!(insert(stored).is_ok());
    assert_eq!(count(), stored + 1);
}
