//! Rows whose key begins alike, whoever holds them: the database, memory, or the transaction itself.

use store::{Db, Error, Migration, Table, Tx, Value, int, testing::each_engine, text};

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "parts",
    sql: "CREATE TABLE parts (owner TEXT NOT NULL, kind TEXT NOT NULL, id BIGINT NOT NULL, n BIGINT NOT NULL,
          PRIMARY KEY (owner, kind, id)) WITHOUT ROWID",
}];
static PARTS: Table = Table::new("parts", &[text("owner"), text("kind"), int("id")], &[int("n")]);

fn part(owner: &str, id: i64, n: i64) -> Vec<Value> {
    vec![owner.into(), "k".into(), id.into(), n.into()]
}

fn key(owner: &str, id: i64) -> Vec<Value> {
    vec![owner.into(), "k".into(), id.into()]
}

fn list(tx: &mut Tx<'_>, prefix: &[Value]) -> Result<Vec<(i64, i64)>, Error> {
    tx.list(&PARTS, prefix)?.iter().map(|row| Ok((row.int(2)?, row.int(3)?))).collect()
}

fn write<T: Send + 'static>(
    db: &Db,
    work: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    db.write_blocking(work)
}

#[test]
fn a_list_holds_the_last_version_of_each_row_wherever_it_is() {
    each_engine(MIGRATIONS, |db| {
        write(&db, |tx| (1..=6).try_for_each(|id| tx.insert(&PARTS, part("a", id, 0)))).unwrap();
        // A read on another connection sees what was acknowledged: from here on the database itself holds it.
        assert_eq!(db.read_blocking(|tx| list(tx, &["a".into()])).unwrap().len(), 6);
        write(&db, |tx| {
            tx.insert(&PARTS, part("b", 1, 9))?;
            tx.put(&PARTS, part("a", 2, 5))?;
            tx.delete(&PARTS, &key("a", 3))
        })
        .unwrap();
        let seen = write(&db, |tx| {
            let before = list(tx, &["a".into(), "k".into()])?;
            tx.put(&PARTS, part("a", 4, 7))?;
            tx.delete(&PARTS, &key("a", 5))?;
            tx.insert(&PARTS, part("a", 0, 1))?;
            tx.insert(&PARTS, part("a", 3, 8))?;
            Ok((before, list(tx, &["a".into()])?))
        });
        let (before, after) = seen.unwrap();
        assert_eq!(before, [(1, 0), (2, 5), (4, 0), (5, 0), (6, 0)]);
        assert_eq!(after, [(0, 1), (1, 0), (2, 5), (3, 8), (4, 7), (6, 0)]);
        assert_eq!(db.read_blocking(|tx| list(tx, &["a".into()])).unwrap(), after);
        assert_eq!(write(&db, |tx| list(tx, &["b".into()])), Ok(vec![(1, 9)]));
        assert_eq!(write(&db, |tx| list(tx, &["c".into()])), Ok(vec![]));
        assert_eq!(write(&db, |tx| list(tx, &[])).map(|all| all.len()), Ok(7), "no prefix means all");
    });
}

#[test]
fn a_list_is_right_behind_raw_sql_and_in_a_closure_that_is_taken_back() {
    each_engine(MIGRATIONS, |db| {
        write(&db, |tx| tx.insert(&PARTS, part("a", 1, 0))).unwrap();
        let seen = write(&db, |tx| {
            tx.put(&PARTS, part("a", 2, 2))?;
            tx.execute("UPDATE parts SET n = n + 10 WHERE owner = 'a'", &[])?;
            tx.put(&PARTS, part("a", 3, 3))?;
            list(tx, &["a".into()])
        });
        assert_eq!(seen, Ok(vec![(1, 10), (2, 12), (3, 3)]));
        let failed = write(&db, |tx| {
            tx.put(&PARTS, part("a", 1, 99))?;
            list(tx, &["a".into()])?;
            Err::<(), _>(Error::Conflict("enough".into()))
        });
        assert_eq!(failed, Err(Error::Conflict("enough".into())));
        assert_eq!(write(&db, |tx| list(tx, &["a".into()])), Ok(vec![(1, 10), (2, 12), (3, 3)]));
    });
}

#[test]
fn a_prefix_is_no_longer_than_the_key() {
    each_engine(MIGRATIONS, |db| {
        let listed = |width: usize| write(&db, move |tx| list(tx, &vec![Value::from("a"); width]));
        assert!(matches!(listed(4), Err(Error::Bug(_))));
        assert_eq!(write(&db, |tx| list(tx, &key("a", 1))), Ok(vec![]), "a whole key");
    });
}
