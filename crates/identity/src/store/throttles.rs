//! SQL of counted tries.

use base::Timestamp;
use store::{Error, Table, Tx, Value, int, text};

static THROTTLES: Table = Table::new(
    "throttles",
    &[text("kind"), text("subject")],
    &[int("tries"), int("window_from_ms"), int("blocked_until_ms")],
);

#[derive(Clone, Copy)]
pub(crate) struct ThrottleRow {
    pub(crate) count: i64,
    pub(crate) window_from: Timestamp,
    pub(crate) blocked_until: Timestamp,
}

pub(crate) fn find_throttle(tx: &mut Tx, kind: &str, subject: &str) -> Result<Option<ThrottleRow>, Error> {
    let Some(row) = tx.get(&THROTTLES, &[kind.into(), subject.into()])? else { return Ok(None) };
    Ok(Some(ThrottleRow { count: row.int(2)?, window_from: row.time(3)?, blocked_until: row.time(4)? }))
}

pub(crate) fn update_throttle(tx: &mut Tx, kind: &str, subject: &str, row: ThrottleRow) -> Result<(), Error> {
    let values =
        vec![kind.into(), subject.into(), row.count.into(), row.window_from.into(), row.blocked_until.into()];
    tx.put(&THROTTLES, values)
}

pub(crate) fn delete_throttle(tx: &mut Tx, kind: &str, subject: &str) -> Result<(), Error> {
    tx.delete(&THROTTLES, &[kind.into(), subject.into()])
}

/// Kind and subject of up to `limit` rows that neither count nor block any more.
pub(crate) fn list_old_throttles(
    tx: &mut Tx,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<(String, String)>, Error> {
    let sql =
        "SELECT kind, subject FROM throttles WHERE window_from_ms < ?1 AND blocked_until_ms < ?1 LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}
