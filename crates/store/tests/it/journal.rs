//! The embedded engine's journal: what was acknowledged is there after a crash, whatever SQLite had committed.

use std::fs;
use std::path::{Path, PathBuf};

use base::Timestamp;
use store::{Config, Db, Error, Migration, Table, Value, int, text};

const NOTES: Migration = Migration {
    version: 1,
    name: "notes",
    sql: "CREATE TABLE notes (shop_id TEXT NOT NULL, id TEXT NOT NULL, count BIGINT NOT NULL,
          PRIMARY KEY (shop_id, id)) WITHOUT ROWID",
};
static KEPT: Table = Table::new("notes", &[text("shop_id"), text("id")], &[int("count")]).kept();

fn open(folder: &Path) -> Result<Db, Error> {
    Db::open(&Config::File(folder.join("tillward.db")), &[NOTES], Timestamp(0))
}

fn row(id: &str, count: i64) -> Vec<Value> {
    vec!["s".into(), id.into(), count.into()]
}

fn add(db: &Db, id: &'static str, amount: i64) -> Result<i64, Error> {
    db.write_blocking(move |tx| {
        let found = tx.get(&KEPT, &["s".into(), id.into()])?;
        let sum = found.map_or(Ok(0), |row| row.int(2))? + amount;
        tx.put(&KEPT, row(id, sum))?;
        Ok(sum)
    })
}

fn read(db: &Db) -> Vec<(String, i64)> {
    let rows = db.read_blocking(|tx| tx.query("SELECT id, count FROM notes ORDER BY id", &[])).unwrap();
    rows.iter().map(|row| (row.text(0).unwrap().to_owned(), row.int(1).unwrap())).collect()
}

/// The folder as a machine that lost power finds it: what was flushed, here all that was written.
fn copy(folder: &Path) -> tempfile::TempDir {
    let found = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), found.path().join(entry.file_name())).unwrap();
    }
    found
}

fn part(folder: &Path) -> PathBuf {
    folder.join("tillward.journal-a")
}

/// Bytes in the journal's first file up to the end of its last record. The rest is room that is still empty.
fn used(folder: &Path) -> usize {
    let held = fs::read(part(folder)).unwrap();
    let mut end = 0;
    // Length and epoch begin a record.
    while held.get(end + 4..end + 12).is_some_and(|epoch| epoch != [0; 8]) {
        end += 52 + u32::from_le_bytes(held[end..end + 4].try_into().unwrap()) as usize;
    }
    end
}

#[test]
fn c24_what_was_acknowledged_survives_a_crash_before_sqlite_commits() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).unwrap();
    for step in 1..=50 {
        assert_eq!(add(&db, "a", 1).unwrap(), step);
        // The copy is taken while the committer is between batches or inside SQLite's open transaction.
        if step % 10 == 0 {
            let crashed = copy(folder.path());
            let again = open(crashed.path()).unwrap();
            assert_eq!(read(&again), vec![("a".to_owned(), step)]);
            assert_eq!(add(&again, "b", 7).unwrap(), 7);
        }
    }
}

#[test]
fn a_read_sees_what_was_acknowledged_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).unwrap();
    for step in 1..=200 {
        add(&db, "a", 1).unwrap();
        assert_eq!(read(&db), vec![("a".to_owned(), step)]);
    }
}

#[test]
fn a_crash_that_lost_sqlites_log_is_made_good_from_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).unwrap();
    assert_eq!(read(&db), vec![]);
    let before = copy(folder.path());
    for _ in 0..20 {
        add(&db, "a", 3).unwrap();
    }
    // SQLite's files as they were at the start, the journal as it is: none of SQLite's own commits was flushed.
    fs::copy(part(folder.path()), part(before.path())).unwrap();
    let again = open(before.path()).unwrap();
    assert_eq!(read(&again), vec![("a".to_owned(), 60)]);
}

#[test]
fn a_torn_record_ends_the_journal_and_harms_nothing_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).unwrap();
    assert_eq!(read(&db), vec![]);
    let before = copy(folder.path());
    let mut ends = Vec::new();
    for _ in 0..8 {
        add(&db, "a", 1).unwrap();
        ends.push(used(folder.path()));
    }
    let whole = fs::read(part(folder.path())).unwrap();
    for cut in 0..ends[7] + 20 {
        let held = ends.iter().filter(|end| **end <= cut).count() as i64;
        if cut % 37 != 0 && !ends.contains(&cut) {
            continue;
        }
        let crashed = copy(before.path());
        let mut torn = whole[..cut].to_vec();
        torn.resize(whole.len(), 0xFF);
        fs::write(part(crashed.path()), torn).unwrap();
        let again = open(crashed.path()).unwrap();
        let expected = if held == 0 { vec![] } else { vec![("a".to_owned(), held)] };
        assert_eq!(read(&again), expected, "cut at {cut}");
    }
}

#[test]
fn the_journal_of_another_database_is_not_believed() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let db = open(one.path()).unwrap();
    add(&db, "a", 1).unwrap();
    drop(open(other.path()).unwrap());
    fs::copy(part(one.path()), part(other.path())).unwrap();
    assert_eq!(read(&open(other.path()).unwrap()), vec![]);
}

#[test]
fn a_batch_that_is_taken_back_leaves_what_was_acknowledged_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).unwrap();
    for step in 1..=30 {
        add(&db, "a", 1).unwrap();
        // Fails after its rows were written by the query in between.
        let refused = db.write_blocking(|tx| {
            tx.put(&KEPT, row("a", -1))?;
            tx.query("SELECT count FROM notes", &[])?;
            Err::<(), _>(Error::Conflict("on purpose".into()))
        });
        assert!(refused.is_err());
        // Fails at the very end, when its rows meet others: nothing in memory knew the key.
        let clash = db.write_blocking(|tx| {
            tx.execute("INSERT INTO notes VALUES ('s', 'b', 1) ON CONFLICT DO NOTHING", &[])?;
            tx.insert(&KEPT, row("b", 2))
        });
        assert!(clash.is_err());
        assert_eq!(add(&db, "a", 0).unwrap(), step);
        let crashed = copy(folder.path());
        let again = open(crashed.path()).unwrap();
        assert_eq!(read(&again), vec![("a".to_owned(), step)]);
    }
}

#[test]
fn both_files_are_used_in_turn_and_the_last_word_counts() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).unwrap();
    let large = "x".repeat(900_000);
    for step in 0..60_i64 {
        let large = large.clone();
        db.write_blocking(move |tx| tx.put(&KEPT, vec![large.as_str().into(), "big".into(), step.into()]))
            .unwrap();
        add(&db, "a", 1).unwrap();
        if step % 20 == 19 {
            let crashed = copy(folder.path());
            let again = open(crashed.path()).unwrap();
            assert_eq!(add(&again, "a", 0).unwrap(), step + 1);
        }
        std::thread::sleep(std::time::Duration::from_millis(4));
    }
    assert!(folder.path().join("tillward.journal-b").metadata().unwrap().len() > 0);
}

#[test]
fn what_raw_statements_change_is_not_remembered_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).unwrap();
    add(&db, "a", 1).unwrap();
    db.write_blocking(|tx| tx.execute("UPDATE notes SET count = 10", &[])).unwrap();
    assert_eq!(add(&db, "a", 1).unwrap(), 11);
    db.write_blocking(|tx| tx.query("UPDATE notes SET count = 20 RETURNING id", &[])).unwrap();
    assert_eq!(add(&db, "a", 1).unwrap(), 21);
    assert_eq!(read(&db), vec![("a".to_owned(), 21)]);
}

#[test]
fn what_cannot_be_flushed_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    fs::remove_file(part(folder.path())).unwrap();
    std::os::unix::fs::symlink("/dev/full", part(folder.path())).unwrap();
    let db = open(folder.path()).unwrap();
    for round in 0..5 {
        let adding = |db: Db| std::thread::spawn(move || add(&db, "a", 1));
        let many: Vec<_> = (0..20).map(|_| adding(db.clone())).collect();
        for refused in many {
            assert!(matches!(refused.join().unwrap(), Err(Error::Unavailable(_))));
        }
        // What SQLite flushes itself still works, and shows that nothing else was kept.
        let text = format!("INSERT INTO notes VALUES ('s', 'raw-{round}', {round})");
        db.write_blocking(move |tx| tx.execute(&text, &[])).unwrap();
        assert_eq!(read(&db).len(), round + 1);
    }
    drop(db);
    assert_eq!(read(&open(folder.path()).unwrap()).len(), 5);
}

#[test]
fn c25_crashes_under_load_lose_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).unwrap();
    let acknowledged = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (db, acknowledged, stop) = (db.clone(), acknowledged.clone(), stop.clone());
            std::thread::spawn(move || {
                while !stop.load(std::sync::atomic::Ordering::Acquire) {
                    let sum = add(&db, "a", 1).unwrap();
                    acknowledged.fetch_max(sum, std::sync::atomic::Ordering::AcqRel);
                    std::thread::yield_now();
                }
            })
        })
        .collect();
    for _ in 0..20 {
        std::thread::sleep(std::time::Duration::from_millis(15));
        let known = acknowledged.load(std::sync::atomic::Ordering::Acquire);
        // Only the journal is copied as of one moment; SQLite's files would be torn. Its records alone must suffice.
        let held = fs::read(part(folder.path())).unwrap();
        let sums =
            held.windows(9).filter(|w| w[0] == b'i').map(|w| i64::from_le_bytes(w[1..].try_into().unwrap()));
        let highest = sums.filter(|sum| *sum < 10_000_000).max().unwrap_or(0);
        assert!(highest >= known, "acknowledged {known}, the journal holds {highest}");
    }
    stop.store(true, std::sync::atomic::Ordering::Release);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let total = acknowledged.load(std::sync::atomic::Ordering::Acquire);
    drop(db);
    assert_eq!(read(&open(folder.path()).unwrap()), vec![("a".to_owned(), total)]);
}
