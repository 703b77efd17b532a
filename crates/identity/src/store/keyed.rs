//! SQL of rows with hashes under sub-keys: their names in order, for the rotation of the seed. A name is the parts of the
//! row's key, with a slash between.

use store::{Error, Tx, Value};

/// The parts of a name; empty where there are fewer.
pub(crate) fn parts<const N: usize>(name: &str) -> [&str; N] {
    let mut parts = name.splitn(N, '/');
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

fn list(tx: &mut Tx<'_>, sql: &str, params: &[Value]) -> Result<Vec<String>, Error> {
    let rows = tx.query(sql, params)?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

fn count(tx: &mut Tx<'_>, sql: &str) -> Result<i64, Error> {
    tx.query_opt(sql, &[])?.map_or(Ok(0), |row| row.int(0))
}

pub(crate) fn list_buyers(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    list(tx, "SELECT id FROM buyers WHERE id > ?1 ORDER BY id LIMIT ?2", &[after.into(), limit.into()])
}

pub(crate) fn count_buyers(tx: &mut Tx<'_>) -> Result<i64, Error> {
    count(tx, "SELECT CAST(COUNT(*) AS BIGINT) FROM buyers")
}

pub(crate) fn list_members(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    let sql = "SELECT shop_id || '/' || id FROM members WHERE (shop_id, id) > (?1, ?2)
               ORDER BY shop_id, id LIMIT ?3";
    let [shop, id] = parts(after);
    list(tx, sql, &[shop.into(), id.into(), limit.into()])
}

pub(crate) fn count_members(tx: &mut Tx<'_>) -> Result<i64, Error> {
    count(tx, "SELECT CAST(COUNT(*) AS BIGINT) FROM members")
}

pub(crate) fn list_recovery_codes(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    let sql = "SELECT shop_id || '/' || subject || '/' || tag FROM recovery_codes
               WHERE (shop_id, subject, tag) > (?1, ?2, ?3) ORDER BY shop_id, subject, tag LIMIT ?4";
    let [shop, subject, tag] = parts(after);
    list(tx, sql, &[shop.into(), subject.into(), tag.into(), limit.into()])
}

pub(crate) fn count_recovery_codes(tx: &mut Tx<'_>) -> Result<i64, Error> {
    count(tx, "SELECT CAST(COUNT(*) AS BIGINT) FROM recovery_codes")
}

pub(crate) fn list_bindings(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    let sql = "SELECT subject FROM outside_bindings WHERE subject > ?1 ORDER BY subject LIMIT ?2";
    list(tx, sql, &[after.into(), limit.into()])
}

pub(crate) fn count_bindings(tx: &mut Tx<'_>) -> Result<i64, Error> {
    count(tx, "SELECT CAST(COUNT(*) AS BIGINT) FROM outside_bindings")
}
