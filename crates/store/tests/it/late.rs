//! Rows reach SQLite after they were acknowledged: what it could refuse is refused before.

use std::path::Path;
use std::time::Duration;

use base::Timestamp;
use store::testing::each_engine;
use store::{Config, Db, Error, Migration, Table, Value, int, text};

const PEOPLE: Migration = Migration {
    version: 1,
    name: "people",
    sql: "CREATE TABLE people (id TEXT NOT NULL PRIMARY KEY, mail TEXT NOT NULL, age BIGINT);
          CREATE UNIQUE INDEX people_mail ON people (mail);
          CREATE TABLE visits (id TEXT NOT NULL PRIMARY KEY, place TEXT NOT NULL, count BIGINT NOT NULL CHECK (count >= 1));
          CREATE TABLE rooms (id TEXT NOT NULL PRIMARY KEY, beds BIGINT NOT NULL CHECK (beds < 5))",
};
static PERSON: Table = Table::new("people", &[text("id")], &[text("mail"), int("age")]);
static VISIT: Table = Table::new("visits", &[text("id")], &[text("place"), int("count").at_least(1)]);
static ROOM: Table = Table::new("rooms", &[text("id")], &[int("beds")]);

fn put(db: &Db, table: &'static Table, row: Vec<Value>) -> Result<(), Error> {
    db.write_blocking(move |tx| tx.put(table, row.clone()))
}

fn count(db: &Db, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    db.read_blocking(|tx| tx.query(&sql, &[])?.first().map_or(Ok(-1), |row| row.int(0))).unwrap()
}

#[test]
fn a_second_unique_index_refuses_before_anybody_is_told() {
    each_engine(&[PEOPLE], |db| {
        let person = |id: &str, mail: &str| vec![id.into(), mail.into(), Value::Null];
        put(&db, &PERSON, person("a", "one@example.com")).unwrap();
        let clash = put(&db, &PERSON, person("b", "one@example.com"));
        assert!(matches!(clash, Err(Error::Conflict(_))), "{clash:?}");
        // A batch of both kinds of tables is one transaction all the same.
        let mixed = db.write_blocking(move |tx| {
            tx.put(&VISIT, vec!["v".into(), "here".into(), 1.into()])?;
            tx.put(&PERSON, person("c", "one@example.com"))
        });
        assert!(matches!(mixed, Err(Error::Conflict(_))), "{mixed:?}");
        assert_eq!((count(&db, "people"), count(&db, "visits")), (1, 0));
    });
}

#[test]
fn a_missing_value_and_one_below_its_least_are_refused_before_anybody_is_told() {
    each_engine(&[PEOPLE], |db| {
        for row in [vec!["v".into(), Value::Null, 1.into()], vec!["v".into(), "here".into(), 0.into()]] {
            let refused = put(&db, &VISIT, row);
            assert!(matches!(refused, Err(Error::Bug(_))), "{refused:?}");
        }
        // A check that the table does not declare is SQLite's to make, in time.
        let refused = put(&db, &ROOM, vec!["r".into(), 5.into()]);
        assert!(matches!(refused, Err(Error::Bug(_))), "{refused:?}");
        put(&db, &VISIT, vec!["v".into(), "here".into(), 1.into()]).unwrap();
        put(&db, &ROOM, vec!["r".into(), 4.into()]).unwrap();
        assert_eq!((count(&db, "visits"), count(&db, "rooms")), (1, 1));
    });
}

fn open(folder: &Path) -> Db {
    Db::open(&Config::File(folder.join("tillward.db")), &[PEOPLE], Timestamp(0)).unwrap()
}

#[test]
fn c24_while_sqlite_cannot_be_written_rows_are_acknowledged_found_by_key_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    assert_eq!(count(&db, "visits"), 0);
    let mut other = rusqlite::Connection::open(folder.path().join("tillward.db")).unwrap();
    let held = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    for n in 0..20_i64 {
        put(&db, &VISIT, vec![format!("{n}").into(), "here".into(), (n + 1).into()]).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    let found = db.write_blocking(|tx| tx.get(&VISIT, &["7".into()])).unwrap();
    assert_eq!(found.map(|row| row.int(2)), Some(Ok(8)));
    let again = db.write_blocking(|tx| tx.insert(&VISIT, vec!["7".into(), "there".into(), 1.into()]));
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let unseen = db.read_blocking(|tx| tx.query("SELECT id FROM visits", &[]));
    assert!(unseen.is_err(), "a read does not show less than was acknowledged");
    // A crash now loses nothing.
    let crashed = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        std::fs::copy(entry.path(), crashed.path().join(entry.file_name())).unwrap();
    }
    assert_eq!(count(&open(crashed.path()), "visits"), 20);
    drop(held);
    let seen = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        db.read_blocking(|tx| tx.query("SELECT id FROM visits", &[])).is_ok_and(|rows| rows.len() == 20)
    });
    assert!(seen, "it is written once that is possible again");
}

#[test]
fn a_row_that_changes_often_and_goes_is_written_as_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    for n in 1..=300_i64 {
        put(&db, &VISIT, vec!["often".into(), "here".into(), n.into()]).unwrap();
        put(&db, &VISIT, vec!["gone".into(), "here".into(), n.into()]).unwrap();
        db.write_blocking(|tx| tx.delete(&VISIT, &["gone".into()])).unwrap();
    }
    let rows = db.read_blocking(|tx| tx.query("SELECT id, count FROM visits", &[])).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].text(0).unwrap(), rows[0].int(1).unwrap()), ("often", 300));
    drop(db);
    assert_eq!(count(&open(folder.path()), "visits"), 1);
}
