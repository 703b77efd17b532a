//! The declared tables are the tables of the database, on every engine.

use std::collections::BTreeSet;

use store::testing::each_engine;

use crate::world::migrations;

#[test]
fn every_declared_table_has_exactly_its_columns_in_the_schema() {
    each_engine(&migrations(), |db| {
        for table in payments::store::TABLES {
            let declared: BTreeSet<&str> = table.columns().map(|column| column.name).collect();
            assert_eq!(declared.len(), table.width(), "`{}` names a column twice", table.name);
            let list = table.columns().map(|column| column.name).collect::<Vec<_>>().join(", ");
            // A column that is missing, misspelt or of another kind fails here.
            let sql = format!("SELECT {list} FROM {} LIMIT 1", table.name);
            assert_eq!(
                db.read_blocking(|tx| tx.query(&sql, &[])).map(|rows| rows.len()),
                Ok(0),
                "{}",
                table.name
            );
            let marks: Vec<_> =
                table.key.iter().enumerate().map(|(n, k)| format!("{} = ?{}", k.name, n + 1)).collect();
            let sql = format!("SELECT COUNT(*) FROM {} WHERE {}", table.name, marks.join(" AND "));
            let key: Vec<store::Value> = table.key.iter().map(|column| sample(column.kind)).collect();
            assert!(db.read_blocking(|tx| tx.query(&sql, &key)).is_ok(), "{}", table.name);
        }
    });
}

#[test]
fn a_row_of_every_table_comes_back_by_its_key_as_it_was_written() {
    each_engine(&migrations(), |db| {
        for table in payments::store::TABLES {
            let row: Vec<store::Value> = table.columns().map(|column| sample(column.kind)).collect();
            let written = row.clone();
            db.write_blocking(move |tx| tx.insert(table, written.clone())).unwrap();
            let key = row[..table.key.len()].to_vec();
            let found = db.read_blocking(|tx| tx.get(table, &key)).unwrap().unwrap();
            assert_eq!(found.values(), row.as_slice(), "{}", table.name);
            let mut star =
                db.read_blocking(|tx| tx.query(&format!("SELECT * FROM {}", table.name), &[])).unwrap();
            // No column of the schema is left out: the width is the same.
            assert_eq!(star.remove(0).values().len(), table.width(), "{}", table.name);
            let gone = key.clone();
            db.write_blocking(move |tx| tx.delete(table, &gone)).unwrap();
            assert_eq!(db.read_blocking(|tx| tx.get(table, &key)), Ok(None), "{}", table.name);
        }
    });
}

fn sample(kind: store::Kind) -> store::Value {
    match kind {
        store::Kind::Int => 7.into(),
        store::Kind::Real => 0.5.into(),
        store::Kind::Text => "x".into(),
        store::Kind::Blob => vec![1u8, 2].into(),
    }
}
