//! SQL of printed codes, for the rotation of the seed they are signed by. A name is shop and id with a slash between.

use ::store::{Error, Tx};

/// Printed codes that are good, by name, behind `after`.
pub(super) fn list_printed_codes(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    let (shop, id) = after.split_once('/').unwrap_or_default();
    let sql = "SELECT shop_id || '/' || id FROM codes WHERE (shop_id, id) > (?1, ?2) AND revoked_at IS NULL
               ORDER BY shop_id, id LIMIT ?3";
    let rows = tx.query(sql, &[shop.into(), id.into(), limit.into()])?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// How many there are.
pub(super) fn count_printed_codes(tx: &mut Tx<'_>) -> Result<i64, Error> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM codes WHERE revoked_at IS NULL";
    tx.query_opt(sql, &[])?.map_or(Ok(0), |row| row.int(0))
}
