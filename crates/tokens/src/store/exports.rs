//! Rows of sealed exports.

use base::{ExportId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, blob, int, text};

use crate::export::What;
use crate::opening::Purpose;

static EXPORTS: Table = Table::new(
    "exports",
    &[text("shop_id"), text("id")],
    &[
        text("what"),
        text("recipient"),
        text("purpose"),
        blob("reason"),
        text("proposer"),
        int("records"),
        int("created_ms"),
        int("taken_ms"),
    ],
);

const COLUMNS: &str =
    "shop_id, id, what, recipient, purpose, reason, proposer, records, created_ms, taken_ms";

/// One export, its reason sealed.
#[derive(Clone)]
pub(crate) struct ExportRow {
    pub(crate) id: ExportId,
    pub(crate) what: What,
    pub(crate) recipient: String,
    pub(crate) purpose: Purpose,
    pub(crate) reason: Vec<u8>,
    pub(crate) proposer: String,
    pub(crate) records: Option<i64>,
    pub(crate) created: Timestamp,
    pub(crate) taken: Option<Timestamp>,
}

pub(crate) fn find_export(tx: &mut Tx, id: ExportId) -> Result<Option<ExportRow>, Error> {
    tx.get(&EXPORTS, &[id.shop().short().into(), id.short().into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn put_export(tx: &mut Tx, row: ExportRow) -> Result<(), Error> {
    let values = vec![
        row.id.shop().short().into(),
        row.id.short().into(),
        row.what.name().into(),
        row.recipient.into(),
        row.purpose.name().into(),
        row.reason.into(),
        row.proposer.into(),
        row.records.into(),
        row.created.into(),
        row.taken.into(),
    ];
    tx.put(&EXPORTS, values)
}

/// The exports of a shop, newest first.
pub(crate) fn list_exports(tx: &mut Tx, shop: ShopId, limit: i64) -> Result<Vec<ExportRow>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM exports WHERE shop_id = ?1 ORDER BY id DESC LIMIT ?2");
    tx.query(&sql, &[shop.short().into(), limit.into()])?.iter().map(read).collect()
}

/// The exports of a kind that held a subject made at `since` and gone at `until`, newest first: what that one is told.
pub(crate) fn list_taken_exports(
    tx: &mut Tx,
    shop: ShopId,
    what: What,
    (since, until): (Timestamp, Option<Timestamp>),
    limit: i64,
) -> Result<Vec<ExportRow>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM exports WHERE shop_id = ?1 AND what = ?2 AND created_ms >= ?3 AND taken_ms < ?4 \
            ORDER BY id DESC LIMIT ?5"
    );
    let until = until.unwrap_or(Timestamp(i64::MAX));
    let params = [shop.short().into(), what.name().into(), since.into(), until.into(), limit.into()];
    tx.query(&sql, &params)?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<ExportRow, Error> {
    let bad = |what: &str| Error::Bug(format!("a stored export has an unreadable {what}"));
    Ok(ExportRow {
        id: ExportId::from_short(row.text(1)?).ok_or_else(|| bad("id"))?,
        what: What::from_name(row.text(2)?).ok_or_else(|| bad("kind"))?,
        recipient: row.text(3)?.to_owned(),
        purpose: Purpose::from_name(row.text(4)?).ok_or_else(|| bad("purpose"))?,
        reason: row.blob(5)?.to_vec(),
        proposer: row.text(6)?.to_owned(),
        records: row.opt_int(7)?,
        created: row.time(8)?,
        taken: row.opt_time(9)?,
    })
}
