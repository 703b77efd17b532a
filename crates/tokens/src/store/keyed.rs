//! SQL of rows with hashes under sub-keys: their names in order, for the rotation of the seed. A name is the parts of the
//! row's key, with a slash between; bytes are hexadecimal.

use store::{Error, Row, Tx, Value};

/// The parts of a name; empty where there are fewer.
pub(crate) fn parts<const N: usize>(name: &str) -> [&str; N] {
    let mut parts = name.splitn(N, '/');
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

fn list(
    tx: &mut Tx<'_>,
    sql: &str,
    params: &[Value],
    name: impl Fn(&Row) -> Result<String, Error>,
) -> Result<Vec<String>, Error> {
    tx.query(sql, params)?.iter().map(name).collect()
}

fn count(tx: &mut Tx<'_>, sql: &str) -> Result<i64, Error> {
    tx.query_opt(sql, &[])?.map_or(Ok(0), |row| row.int(0))
}

pub(crate) fn list_values(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    let sql =
        "SELECT shop_id, customer, slot FROM customer_values WHERE (shop_id, customer, slot) > (?1, ?2, ?3)
               ORDER BY shop_id, customer, slot LIMIT ?4";
    let [shop, customer, slot] = parts(after);
    let slot: i64 = slot.parse().unwrap_or(0);
    list(tx, sql, &[shop.into(), customer.into(), slot.into(), limit.into()], |row| {
        Ok(format!("{}/{}/{}", row.text(0)?, row.text(1)?, row.int(2)?))
    })
}

pub(crate) fn count_values(tx: &mut Tx<'_>) -> Result<i64, Error> {
    count(tx, "SELECT CAST(COUNT(*) AS BIGINT) FROM customer_values")
}

pub(crate) fn list_cards(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    let sql =
        "SELECT shop_id, id FROM card_tokens WHERE (shop_id, id) > (?1, ?2) ORDER BY shop_id, id LIMIT ?3";
    let [shop, id] = parts(after);
    list(tx, sql, &[shop.into(), id.into(), limit.into()], |row| {
        Ok(format!("{}/{}", row.text(0)?, row.text(1)?))
    })
}

pub(crate) fn count_cards(tx: &mut Tx<'_>) -> Result<i64, Error> {
    count(tx, "SELECT CAST(COUNT(*) AS BIGINT) FROM card_tokens")
}

pub(crate) fn list_externals(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, Error> {
    let sql = "SELECT shop_id, kind, search FROM external_ids WHERE (shop_id, kind, search) > (?1, ?2, ?3)
               ORDER BY shop_id, kind, search LIMIT ?4";
    let [shop, kind, search] = parts(after);
    let search = read_hex(search).unwrap_or_default();
    list(tx, sql, &[shop.into(), kind.into(), search.into(), limit.into()], |row| {
        Ok(format!("{}/{}/{}", row.text(0)?, row.text(1)?, hex(row.blob(2)?)))
    })
}

pub(crate) fn count_externals(tx: &mut Tx<'_>) -> Result<i64, Error> {
    count(tx, "SELECT CAST(COUNT(*) AS BIGINT) FROM external_ids")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads bytes from a name.
pub(crate) fn read_hex(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.len().is_multiple_of(2).then(|| text.as_bytes().chunks(2).map(pair).collect())?
}
