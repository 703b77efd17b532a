//! The greatest key of each group of a growing table, so that a new key is known to be new without a search.
//!
//! INVARIANT: for a group that is in here, no row that was committed or staged since has a greater key than the one kept;
//! what SQLite held before is asked for once. Keys that were taken back may still count, which costs a search.

use hashbrown::HashTable;

use crate::error::Error;
use crate::known::hash_of;
use crate::limits::HEIGHTS_MAX;
use crate::table::Table;
use crate::value::Value;

/// Rows of a table that agree in all columns of the key but the last.
struct Group {
    table: &'static Table,
    hash: u64,
    prefix: Vec<Value>,
    top: String,
    /// SQLite was asked.
    asked: bool,
}

/// The heights of all groups met so far.
#[derive(Default)]
pub(crate) struct Heights(HashTable<Group>);

/// A key in its parts: the group's, and its own.
fn split(key: &[Value]) -> Option<(&[Value], &str)> {
    match key.split_last() {
        Some((Value::Text(own), prefix)) => Some((prefix, own)),
        _ => None,
    }
}

impl Heights {
    /// Whether `key` is greater than every other of its group. `ask` gives the greatest that SQLite holds.
    pub(crate) fn is_above(
        &mut self,
        table: &'static Table,
        key: &[Value],
        ask: impl FnOnce(&[Value]) -> Result<Option<String>, Error>,
    ) -> Result<bool, Error> {
        let Some((prefix, own)) = split(key).filter(|_| table.grow) else { return Ok(false) };
        let Some(group) = self.group(table, prefix) else { return Ok(false) };
        if !group.asked {
            let held = ask(prefix)?.unwrap_or_default();
            if held > group.top {
                group.top = held;
            }
            group.asked = true;
        }
        Ok(own > group.top.as_str())
    }

    /// Notes a key that is written.
    pub(crate) fn note(&mut self, table: &'static Table, key: &[Value]) {
        let Some((prefix, own)) = split(key).filter(|_| table.grow) else { return };
        if let Some(group) = self.group(table, prefix).filter(|group| own > group.top.as_str()) {
            own.clone_into(&mut group.top);
        }
    }

    /// Forgets everything. Only when SQLite holds every row.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The group, made where there is none yet; `None` when there are too many. None is ever removed alone.
    fn group(&mut self, table: &'static Table, prefix: &[Value]) -> Option<&mut Group> {
        let hash = hash_of(table, prefix);
        let is = |group: &Group| group.table.identity() == table.identity() && group.prefix == prefix;
        if self.0.find(hash, is).is_none() {
            if self.0.len() >= HEIGHTS_MAX {
                return None;
            }
            let group = Group { table, hash, prefix: prefix.to_vec(), top: String::new(), asked: false };
            self.0.insert_unique(hash, group, |group| group.hash);
        }
        self.0.find_mut(hash, is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::text;

    static THINGS: Table = Table::new("things", &[text("shop"), text("id")], &[]).growing();
    static OTHERS: Table = Table::new("others", &[text("shop"), text("id")], &[]);

    fn key(shop: &str, id: &str) -> Vec<Value> {
        vec![shop.into(), id.into()]
    }

    #[test]
    fn a_key_above_all_others_of_its_group_is_new() {
        let mut heights = Heights::default();
        let held = |_: &[Value]| Ok(Some("m".to_owned()));
        let never = |_: &[Value]| -> Result<Option<String>, Error> { panic!("asked twice") };
        assert!(!heights.is_above(&THINGS, &key("a", "m"), held).unwrap(), "SQLite holds it");
        assert!(heights.is_above(&THINGS, &key("a", "n"), never).unwrap());
        heights.note(&THINGS, &key("a", "p"));
        assert!(!heights.is_above(&THINGS, &key("a", "n"), never).unwrap(), "a greater one was written");
        assert!(heights.is_above(&THINGS, &key("a", "q"), never).unwrap());
        heights.note(&THINGS, &key("a", "b"));
        assert!(heights.is_above(&THINGS, &key("a", "q"), never).unwrap(), "a smaller one lowers nothing");
    }

    #[test]
    fn what_was_written_before_sqlite_was_asked_counts() {
        let mut heights = Heights::default();
        heights.note(&THINGS, &key("b", "k"));
        assert!(!heights.is_above(&THINGS, &key("b", "j"), |_| Ok(None)).unwrap());
        assert!(heights.is_above(&THINGS, &key("c", "j"), |_| Ok(None)).unwrap(), "groups are apart");
    }

    #[test]
    fn a_table_that_does_not_grow_is_always_searched() {
        assert!(!Heights::default().is_above(&OTHERS, &key("a", "z"), |_| Ok(None)).unwrap());
    }
}
