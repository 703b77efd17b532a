//! Rows are told of once they are durable, and no others.

use store::limits::FOLLOWED_ROWS_MAX;
use store::testing::Scratch;
use store::{Db, EngineKind, Error, Migration, Row, Table, int, testing::each_engine, text};

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "news",
    sql: "CREATE TABLE news (shop TEXT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (shop, id));
          CREATE TABLE notes (shop TEXT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (shop, id))",
}];
static NEWS: Table = Table::new("news", &[text("shop"), int("id")], &[]).followed();
static NOTES: Table = Table::new("notes", &[text("shop"), int("id")], &[]);

fn add(db: &Db, table: &'static Table, ids: std::ops::Range<i64>) {
    db.write_blocking(move |tx| ids.clone().try_for_each(|id| tx.insert(table, vec!["a".into(), id.into()])))
        .unwrap();
}

fn ids(rows: Option<Vec<Row>>) -> Option<Vec<i64>> {
    rows.map(|rows| rows.iter().map(|row| row.int(1).unwrap()).collect())
}

#[test]
fn new_rows_of_a_followed_table_are_told_once_and_in_order() {
    each_engine(MIGRATIONS, |db| {
        let follower = db.follow(&NEWS);
        assert_eq!(follower.is_some(), db.engine() == EngineKind::Embedded, "only where nobody else writes");
        let Some(mut follower) = follower else { return };
        add(&db, &NEWS, 1..4);
        add(&db, &NOTES, 1..4);
        assert_eq!(ids(follower.take()), Some(vec![1, 2, 3]));
        assert_eq!(ids(follower.take()), Some(vec![]));
        let failed: Result<(), Error> = db.write_blocking(|tx| {
            tx.insert(&NEWS, vec!["a".into(), 9.into()])?;
            Err(Error::Conflict("on purpose".into()))
        });
        assert!(failed.is_err());
        let changed = db.write_blocking(|tx| {
            tx.delete(&NEWS, &["a".into(), 1.into()])?;
            tx.put(&NEWS, vec!["a".into(), 2.into()])
        });
        changed.unwrap();
        assert_eq!(ids(follower.take()), Some(vec![]), "what failed, changed or went is no news");
    });
}

#[test]
fn whoever_is_too_slow_is_told_so_and_goes_on_with_what_comes_next() {
    let scratch = Scratch::file();
    let db = scratch.open(MIGRATIONS).unwrap();
    let mut follower = db.follow(&NEWS).unwrap();
    let most = FOLLOWED_ROWS_MAX as i64;
    add(&db, &NEWS, 0..most);
    assert_eq!(follower.take().map(|rows| rows.len()), Some(FOLLOWED_ROWS_MAX));
    add(&db, &NEWS, most..2 * most + 1);
    assert_eq!(follower.take().map(|rows| rows.len()), None, "one was too many");
    add(&db, &NEWS, -1..0);
    assert_eq!(ids(follower.take()), Some(vec![-1]));
}
