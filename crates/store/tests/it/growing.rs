//! A key that is known to be new without a search is new; one that is not is still refused.

use store::testing::Scratch;
use store::{Db, Error, Migration, Table, int, testing::each_engine, text};

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "entries",
    sql: "CREATE TABLE entries (shop TEXT NOT NULL, id TEXT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (shop, id))",
}];
static ENTRIES: Table = Table::new("entries", &[text("shop"), text("id")], &[int("n")]).growing();

fn insert(db: &Db, shop: &'static str, id: &str, n: i64) -> Result<(), Error> {
    let id = id.to_owned();
    db.write_blocking(move |tx| tx.insert(&ENTRIES, vec![shop.into(), (&id).into(), n.into()]))
}

fn find(db: &Db, shop: &'static str, id: &'static str) -> Option<i64> {
    let found = db.write_blocking(move |tx| tx.get(&ENTRIES, &[shop.into(), id.into()]));
    found.unwrap().map(|row| row.int(2).unwrap())
}

#[test]
fn a_key_that_is_there_is_refused_however_it_came_there() {
    each_engine(MIGRATIONS, |db| {
        insert(&db, "a", "m", 1).unwrap();
        insert(&db, "a", "p", 2).unwrap();
        for id in ["m", "p"] {
            assert!(matches!(insert(&db, "a", id, 3), Err(Error::Conflict(_))), "`{id}` was inserted before");
        }
        insert(&db, "a", "c", 4).unwrap();
        assert!(matches!(insert(&db, "a", "c", 5), Err(Error::Conflict(_))), "out of order");
        let raw = "INSERT INTO entries (shop, id, n) VALUES ('a', 'z', 6)";
        db.write_blocking(move |tx| tx.execute(raw, &[])).unwrap();
        assert!(matches!(insert(&db, "a", "z", 7), Err(Error::Conflict(_))), "by SQL");
        assert_eq!((find(&db, "a", "z"), find(&db, "a", "zz"), find(&db, "b", "m")), (Some(6), None, None));
        insert(&db, "b", "m", 8).unwrap();
        assert_eq!((find(&db, "a", "m"), find(&db, "b", "m")), (Some(1), Some(8)), "shops are apart");
    });
}

#[test]
fn what_a_closed_database_holds_is_found_again() {
    for scratch in Scratch::each() {
        let db = scratch.open(MIGRATIONS).unwrap();
        insert(&db, "a", "m", 1).unwrap();
        insert(&db, "a", "z", 2).unwrap();
        drop(db);
        let db = scratch.open(MIGRATIONS).unwrap();
        insert(&db, "a", "n", 3).unwrap();
        assert_eq!(find(&db, "a", "z"), Some(2));
        assert!(matches!(insert(&db, "a", "z", 4), Err(Error::Conflict(_))));
        let gone = db.write_blocking(|tx| tx.delete(&ENTRIES, &["a".into(), "z".into()]));
        gone.unwrap();
        assert_eq!(find(&db, "a", "z"), None);
        insert(&db, "a", "z", 5).unwrap();
        assert_eq!(find(&db, "a", "z"), Some(5), "what was deleted can come again");
    }
}
