//! Where a look-up is a round trip, the rows of all closures of a batch are loaded together; the results are the same.

use std::sync::mpsc::channel;

use store::testing::each_engine;
use store::{Db, Error, Migration, Table, Tx, Value, int, text};

const LINKS: Migration = Migration {
    version: 1,
    name: "links",
    sql: "CREATE TABLE links (shop_id TEXT NOT NULL, id TEXT NOT NULL, next TEXT, count BIGINT NOT NULL,
          PRIMARY KEY (shop_id, id)) WITHOUT ROWID",
};
static TABLE: Table = Table::new("links", &[text("shop_id"), text("id")], &[text("next"), int("count")]);

fn key(id: &str) -> [Value; 2] {
    ["s".into(), id.into()]
}

fn put(tx: &mut Tx<'_>, id: &str, next: Option<String>, count: i64) -> Result<(), Error> {
    let [shop, own] = key(id);
    tx.put(&TABLE, vec![shop, own, next.into(), count.into()])
}

/// Follows the chain from `id` to its end and counts there, so that each step depends on the row before.
fn count_at_end(tx: &mut Tx<'_>, id: &str) -> Result<i64, Error> {
    let mut at = id.to_owned();
    loop {
        let row = tx.get(&TABLE, &key(&at))?.ok_or_else(|| Error::Bug("the chain is broken".into()))?;
        match row.opt_text(2)? {
            Some(next) => at = next.to_owned(),
            None => {
                let count = row.int(3)? + 1;
                put(tx, &at, None, count)?;
                return Ok(count);
            }
        }
    }
}

fn chains(db: &Db, chains: usize, length: usize) {
    db.write_blocking(move |tx| {
        for chain in 0..chains {
            for step in 0..length {
                let next = (step + 1 < length).then(|| format!("{chain}-{}", step + 1));
                put(tx, &format!("{chain}-{step}"), next, 0)?;
            }
        }
        Ok::<_, Error>(())
    })
    .unwrap();
}

#[test]
fn closures_that_look_up_row_after_row_share_a_batch_and_all_count() {
    each_engine(&[LINKS], |db| {
        chains(&db, 3, 40);
        // The first closure holds the committer, so that the others wait and form one batch.
        let (go, wait) = channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        let mut handles = vec![];
        let holder = db.clone();
        handles.push(std::thread::spawn(move || {
            holder
                .write_blocking(move |_| {
                    let _ = wait.lock().unwrap().recv();
                    Ok::<_, Error>(0)
                })
                .unwrap()
        }));
        std::thread::sleep(std::time::Duration::from_millis(20));
        for number in 0..30 {
            let db = db.clone();
            handles.push(std::thread::spawn(move || {
                let from = format!("{}-{}", number % 3, number % 7);
                db.write_blocking(move |tx| {
                    let count = count_at_end(tx, &from)?;
                    if number % 10 == 9 { Err(Error::Bug("on purpose".into())) } else { Ok(count) }
                })
                .unwrap_or(-1)
            }));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        go.send(()).unwrap();
        let results: Vec<i64> = handles.into_iter().map(|h| h.join().unwrap()).collect();
        assert_eq!(results.iter().filter(|r| **r == -1).count(), 3);
        let ends =
            db.read_blocking(|tx| tx.query("SELECT CAST(SUM(count) AS BIGINT) FROM links", &[])).unwrap();
        assert_eq!(ends[0].int(0).unwrap(), 27);
    });
}

#[test]
fn a_closure_that_keeps_a_stop_to_itself_is_run_again_all_the_same() {
    each_engine(&[LINKS], |db| {
        chains(&db, 1, 2);
        let found = db
            .write_blocking(|tx| Ok::<_, Error>(tx.get(&TABLE, &key("0-1")).is_ok_and(|row| row.is_some())));
        assert_eq!(found, Ok(true));
        let missing = db.write_blocking(|tx| Ok::<_, Error>(tx.get(&TABLE, &key("none"))));
        assert_eq!(missing, Ok(Ok(None)));
    });
}
