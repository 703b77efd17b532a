//! Closures that share a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use store::{Db, Error, Key, Migration, Table, Tx, Value, blob, int, real, testing::each_engine, text};

static ACCOUNTS: Table =
    Table::new("accounts", &[text("shop_id"), text("id")], &[int("balance"), blob("note"), real("rate")]);
static MARKS: Table = Table::new("marks", &[text("id")], &[]);

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "accounts",
    sql: "CREATE TABLE accounts (shop_id TEXT NOT NULL, id TEXT NOT NULL, balance BIGINT NOT NULL, note BLOB,
            rate DOUBLE PRECISION, PRIMARY KEY (shop_id, id)) WITHOUT ROWID;
          CREATE TABLE marks (id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;",
}];

fn key(id: &str) -> Vec<Value> {
    vec!["s".into(), id.into()]
}

fn account(id: &str, balance: i64) -> Vec<Value> {
    vec!["s".into(), id.into(), balance.into(), vec![1u8, 2].into(), 0.5.into()]
}

fn balance(tx: &mut Tx<'_>, id: &str) -> Result<Option<i64>, Error> {
    tx.get(&ACCOUNTS, &key(id))?.map(|row| row.int(2)).transpose()
}

fn add(tx: &mut Tx<'_>, id: &str, amount: i64) -> Result<i64, Error> {
    let sum = balance(tx, id)?.unwrap_or(0) + amount;
    tx.put(&ACCOUNTS, account(id, sum))?;
    Ok(sum)
}

fn total(db: &Db) -> i64 {
    let sql = "SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) FROM accounts";
    db.read_blocking(|tx| tx.query_opt(sql, &[])?.map_or(Ok(-1), |row| row.int(0))).unwrap()
}

#[test]
fn a_hundred_parallel_additions_all_count() {
    each_engine(MIGRATIONS, |db| {
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| db.write_blocking(|tx| add(tx, "one", 7)).unwrap());
            }
        });
        assert_eq!(total(&db), 700);
    });
}

#[test]
fn a_failing_closure_leaves_nothing_and_disturbs_nobody() {
    each_engine(MIGRATIONS, |db| {
        std::thread::scope(|scope| {
            for n in 0..40 {
                let db = &db;
                scope.spawn(move || {
                    let done = db.write_blocking(move |tx| {
                        add(tx, "one", 1)?;
                        tx.insert(&MARKS, vec![format!("m{n}").into()])?;
                        if n % 2 == 0 { Err(Error::Refused("no".into())) } else { Ok(()) }
                    });
                    assert_eq!(done.is_ok(), n % 2 == 1);
                });
            }
        });
        assert_eq!(total(&db), 20);
        let marks = db.read_blocking(|tx| tx.query("SELECT id FROM marks", &[])).unwrap();
        assert_eq!(marks.len(), 20);
    });
}

#[test]
fn what_an_undone_closure_guessed_is_not_believed() {
    each_engine(MIGRATIONS, |db| {
        db.write_blocking(|tx| tx.put(&ACCOUNTS, account("one", 5))).unwrap();
        // The put is blind: the row was never read, so after the undo the batch must not think it is absent.
        let db = &db;
        std::thread::scope(|scope| {
            for n in 0..20 {
                scope.spawn(move || {
                    if n % 2 == 0 {
                        let refused: Result<(), Error> = db.write_blocking(|tx| {
                            tx.put(&ACCOUNTS, account("one", 99))?;
                            Err(Error::Refused("no".into()))
                        });
                        assert!(refused.is_err());
                    } else {
                        assert_eq!(db.write_blocking(|tx| balance(tx, "one")), Ok(Some(5)));
                    }
                });
            }
        });
    });
}

#[test]
fn an_inserted_key_is_refused_the_second_time() {
    each_engine(MIGRATIONS, |db| {
        let insert = || db.write_blocking(|tx| tx.insert(&ACCOUNTS, account("one", 1)));
        assert_eq!(insert(), Ok(()));
        assert!(matches!(insert(), Err(Error::Conflict(_))));
        let won = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..30 {
                scope.spawn(|| {
                    if db.write_blocking(|tx| tx.insert(&ACCOUNTS, account("two", 1))).is_ok() {
                        won.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(won.load(Ordering::SeqCst), 1);
        assert_eq!(total(&db), 2);
    });
}

#[test]
fn queries_see_what_is_buffered_and_statements_make_rows_read_anew() {
    each_engine(MIGRATIONS, |db| {
        let seen = db.write_blocking(|tx| {
            tx.put(&ACCOUNTS, account("one", 3))?;
            let before = tx.query_opt("SELECT balance FROM accounts WHERE id = ?1", &["one".into()])?;
            tx.execute("UPDATE accounts SET balance = ?2 WHERE id = ?1", &["one".into(), 8.into()])?;
            let after = balance(tx, "one")?;
            before.map_or(Ok((0, after)), |row| Ok::<_, Error>((row.int(0)?, after)))
        });
        assert_eq!(seen, Ok((3, Some(8))));
    });
}

#[test]
fn a_statement_is_rolled_back_with_its_closure() {
    each_engine(MIGRATIONS, |db| {
        db.write_blocking(|tx| tx.put(&ACCOUNTS, account("one", 5))).unwrap();
        std::thread::scope(|scope| {
            for n in 0..10 {
                let db = &db;
                scope.spawn(move || {
                    let _ = db.write_blocking(move |tx| {
                        tx.execute("UPDATE accounts SET balance = balance + 1", &[])?;
                        if n == 3 { Err(Error::Refused("no".into())) } else { Ok(()) }
                    });
                });
            }
        });
        assert_eq!(total(&db), 14);
    });
}

#[test]
fn rows_are_deleted_and_made_again_in_one_batch() {
    each_engine(MIGRATIONS, |db| {
        db.write_blocking(|tx| tx.insert(&ACCOUNTS, account("one", 1))).unwrap();
        let again = db.write_blocking(|tx| {
            tx.delete(&ACCOUNTS, &key("one"))?;
            assert_eq!(balance(tx, "one")?, None);
            tx.insert(&ACCOUNTS, account("one", 9))
        });
        assert_eq!(again, Ok(()));
        assert_eq!(total(&db), 9);
        db.write_blocking(|tx| tx.delete(&ACCOUNTS, &key("one"))).unwrap();
        assert_eq!(total(&db), 0);
    });
}

#[test]
fn hooks_run_once_for_what_was_committed_and_never_for_what_was_not() {
    each_engine(MIGRATIONS, |db| {
        let ran = Arc::new(AtomicU32::new(0));
        for fail in [false, true] {
            let ran = Arc::clone(&ran);
            let _ = db.write_blocking(move |tx| {
                let ran = Arc::clone(&ran);
                tx.after_commit(move || {
                    ran.fetch_add(1, Ordering::SeqCst);
                });
                if fail { Err(Error::Refused("no".into())) } else { Ok(()) }
            });
        }
        assert_eq!(ran.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_panicking_closure_is_our_fault_and_the_store_lives_on() {
    each_engine(MIGRATIONS, |db| {
        let bug: Result<(), Error> = db.write_blocking(|_| panic!("planted"));
        assert!(matches!(bug, Err(Error::Bug(_))));
        assert_eq!(db.write_blocking(|tx| add(tx, "one", 1)), Ok(1));
    });
}

#[test]
fn a_read_sees_one_moment_and_cannot_write() {
    each_engine(MIGRATIONS, |db| {
        let refused = db.read_blocking(|tx| tx.put(&ACCOUNTS, account("one", 1)));
        assert!(matches!(refused, Err(Error::Bug(_))));
        assert!(db.read_blocking(|tx| tx.execute("DELETE FROM accounts", &[])).is_err());
    });
}

#[test]
fn rows_named_ahead_are_the_rows_found() {
    each_engine(MIGRATIONS, |db| {
        db.write_blocking(|tx| tx.put(&ACCOUNTS, account("one", 4))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let keys = vec![Key::new(&ACCOUNTS, key("one")), Key::new(&ACCOUNTS, key("none"))];
        let found = runtime
            .block_on(db.write_with(keys, |tx| Ok::<_, Error>((balance(tx, "one")?, balance(tx, "none")?))));
        assert_eq!(found, Ok((Some(4), None)));
    });
}

#[test]
fn every_kind_of_value_comes_back() {
    each_engine(MIGRATIONS, |db| {
        let row = vec!["s".into(), "茶'?1".into(), i64::MIN.into(), Value::Null, 1.5.into()];
        let put = row.clone();
        db.write_blocking(move |tx| tx.put(&ACCOUNTS, put.clone())).unwrap();
        let back = db.read_blocking(|tx| tx.get(&ACCOUNTS, &key("茶'?1"))).unwrap().unwrap();
        assert_eq!(back.values(), row.as_slice());
        assert!(
            back.int(1).is_err() && back.text(2).is_err() && back.blob(3).is_err() && back.int(9).is_err()
        );
    });
}

type Closure = Box<dyn FnMut(&mut Tx<'_>) -> Result<(), Error> + Send>;

/// Runs each closure in its own thread while the committer is held up, so that they share a batch in this order.
fn in_one_batch(db: &Db, closures: Vec<Closure>) -> Vec<Result<(), Error>> {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let mut first = Some(held);
        scope.spawn(move || {
            db.write_blocking(move |_| {
                // Ends when the sender goes; a second run of the closure finds nothing to wait for.
                first.take().map(|held| held.recv());
                Ok::<_, Error>(())
            })
        });
        let mut waiting = Vec::new();
        for closure in closures {
            std::thread::sleep(std::time::Duration::from_millis(30));
            waiting.push(scope.spawn(move || db.write_blocking(closure)));
        }
        std::thread::sleep(std::time::Duration::from_millis(30));
        drop(hold);
        waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_statement_that_fails_loses_nothing_that_others_were_promised() {
    each_engine(MIGRATIONS, |db| {
        let done = in_one_batch(
            &db,
            vec![
                Box::new(|tx| {
                    tx.put(&ACCOUNTS, account("one", 5))?;
                    // A query writes the row at once, so that nothing is left to write before the commit.
                    tx.query("SELECT id FROM accounts", &[]).map(drop)
                }),
                Box::new(|tx| tx.query("SELECT wrong FROM nowhere", &[]).map(drop)),
                Box::new(|tx| tx.query("SELECT id FROM accounts", &[]).map(drop)),
            ],
        );
        assert_eq!((done[0].clone(), done[2].clone()), (Ok(()), Ok(())), "{done:?}");
        assert!(matches!(done[1], Err(Error::Bug(_))));
        assert_eq!(total(&db), 5);
    });
}

#[test]
fn a_conflict_is_its_own_closures_even_when_another_closure_meets_it_first() {
    each_engine(MIGRATIONS, |db| {
        db.write_blocking(|tx| tx.insert(&ACCOUNTS, account("one", 5))).unwrap();
        let done = in_one_batch(
            &db,
            vec![
                Box::new(|tx| tx.insert(&ACCOUNTS, account("one", 7))),
                Box::new(|tx| tx.query("SELECT id FROM accounts", &[]).map(drop)),
            ],
        );
        assert!(matches!(done[0], Err(Error::Conflict(_))), "{done:?}");
        assert_eq!(done[1], Ok(()));
        assert_eq!(total(&db), 5);
    });
}
