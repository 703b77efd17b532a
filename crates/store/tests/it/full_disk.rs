//! A file system that is full to the last byte, under the journal, the write-ahead log and the database alike: what was
//! acknowledged is there, whoever else is told to try again, and it passes by itself. Only root can mount a small disk;
//! where that is not allowed the test says so and ends.

use std::time::{Duration, Instant};

use base::Timestamp;
use store::testing::SmallDisk;
use store::{Config, Db, Error, Migration, Table, blob, int};

const DISK_MEBIBYTES: u32 = 160;
/// Bytes of a row: a few hundred of them pass every buffer on the way.
const ROW_BYTES: usize = 64 * 1024;
const RECOVER_SECONDS_MAX: u64 = 30;

static BULKY: Table = Table::new("bulky", &[int("id")], &[blob("body")]);
const MADE: Migration = Migration {
    version: 1,
    name: "bulky",
    sql: "CREATE TABLE bulky (id BIGINT NOT NULL PRIMARY KEY, body BLOB NOT NULL)",
};

fn body(id: i64) -> Vec<u8> {
    vec![u8::try_from(id % 251).unwrap(); ROW_BYTES]
}

/// A store on a small disk, and how many rows it has acknowledged: their ids are the numbers below.
struct Place {
    disk: SmallDisk,
    config: Config,
    stored: i64,
}

impl Place {
    fn open(&self) -> Result<Db, Error> {
        Db::open(&self.config, &[MADE], Timestamp(0))
    }

    /// Inserts the next row. One that was refused is not there.
    fn insert(&mut self, db: &Db) -> Result<(), Error> {
        let id = self.stored;
        db.write_blocking(move |tx| tx.insert(&BULKY, vec![id.into(), body(id).into()]))?;
        self.stored += 1;
        Ok(())
    }

    /// Inserts until so many tries in a row were refused; how many were taken before.
    fn insert_until_refused(&mut self, db: &Db) -> i64 {
        let (before, mut refused) = (self.stored, 0);
        while refused < 5 {
            match self.insert(db) {
                Ok(()) => refused = 0,
                Err(Error::Unavailable(_)) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
            assert!(self.stored < 10_000, "the disk never filled up");
        }
        self.stored - before
    }

    fn insert_in_the_end(&mut self, db: &Db) {
        let began = Instant::now();
        while let Err(problem) = self.insert(db) {
            assert!(matches!(problem, Error::Unavailable(_)), "{problem:?}");
            assert!(began.elapsed().as_secs() < RECOVER_SECONDS_MAX, "it does not recover: {problem:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Every acknowledged row is there, whole, and no other.
    #[track_caller]
    fn check(&self, db: &Db) {
        let rows = db.read_blocking(|tx| tx.query("SELECT id, body FROM bulky ORDER BY id", &[])).unwrap();
        let ids: Vec<i64> = rows.iter().map(|row| row.int(0).unwrap()).collect();
        assert_eq!(ids, (0..self.stored).collect::<Vec<_>>());
        for row in &rows {
            assert!(row.blob(1).unwrap() == body(row.int(0).unwrap()), "row {}", row.int(0).unwrap());
        }
    }
}

#[test]
fn what_was_acknowledged_outlives_a_full_disk_on_its_way_from_the_journal_to_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("data"), DISK_MEBIBYTES) else {
        println!("NOT TESTED: only root can mount a small disk");
        return;
    };
    let config = Config::File(folder.path().join("data/tillward.db"));
    let mut place = Place { disk, config, stored: 0 };
    let db = place.open().unwrap();
    // A write-ahead log as large as it gets before it is copied, so that its copy finds no room.
    for _ in 0..600 {
        place.insert(&db).unwrap();
    }
    place.check(&db);
    // The disk fills while rows are on their way; the program goes on and recovers.
    place.disk.fill();
    let taken = place.insert_until_refused(&db);
    match db.read_blocking(|tx| tx.query("SELECT COUNT(*) FROM bulky", &[])) {
        Ok(rows) => assert_eq!(rows[0].int(0), Ok(place.stored), "a read shows all or nothing"),
        Err(problem) => assert!(matches!(problem, Error::Unavailable(_)), "{problem:?}"),
    }
    place.disk.make_room();
    place.insert_in_the_end(&db);
    place.check(&db);
    // It fills again, and the program ends and starts on the full disk.
    place.disk.fill();
    let more = place.insert_until_refused(&db);
    assert!(taken + more > 0, "the journal had taken something that the database had no room for");
    drop(db);
    let full = place.open();
    if let Err(problem) = &full {
        assert!(matches!(problem, Error::Unavailable(_)), "{problem:?}");
    }
    drop(full);
    place.disk.make_room();
    let db = place.open().unwrap();
    place.check(&db);
    place.insert_in_the_end(&db);
    place.check(&db);
}
