//! Rows of openings, of who reads how much, and of alerts.

use base::{AlertId, OpeningId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use crate::opening::Purpose;
use crate::watch::{Alert, AlertKind, Habit, Limits};

static OPENINGS: Table = Table::new(
    "openings",
    &[text("shop_id"), text("subject"), text("id")],
    &[text("reader"), text("purpose"), text("opened"), blob("reason"), int("created_ms")],
);

static READING_HABITS: Table = Table::new(
    "reading_habits",
    &[text("shop_id"), text("reader")],
    &[
        int("hour_ms"),
        int("hour_count"),
        int("day_ms"),
        int("day_count"),
        int("usual_milli"),
        int("days"),
        int("told_hour_ms"),
        int("told_day_ms"),
        int("refused_ms"),
        int("told_unusual_ms"),
    ],
)
.kept();

static OPENING_LIMITS: Table = Table::new(
    "opening_limits",
    &[text("shop_id")],
    &[int("person_hour"), int("key_hour"), int("shop_hour"), int("alert_hour"), int("alert_day")],
)
.kept();

static READING_ALERTS: Table = Table::new(
    "reading_alerts",
    &[text("shop_id"), text("id")],
    &[text("reader"), text("kind"), int("openings"), int("threshold"), int("created_ms")],
);

/// One opening, its reason sealed.
#[derive(Clone)]
pub(crate) struct OpeningRow {
    pub(crate) shop: ShopId,
    /// The token or customer, as `tok_…`.
    pub(crate) subject: String,
    pub(crate) id: OpeningId,
    pub(crate) reader: String,
    pub(crate) purpose: Purpose,
    pub(crate) opened: String,
    pub(crate) reason: Vec<u8>,
    pub(crate) created: Timestamp,
}

pub(crate) fn insert_opening(tx: &mut Tx, row: OpeningRow) -> Result<(), Error> {
    let values = vec![
        row.shop.short().into(),
        row.subject.into(),
        row.id.short().into(),
        row.reader.into(),
        row.purpose.name().into(),
        row.opened.into(),
        row.reason.into(),
        row.created.into(),
    ];
    tx.insert(&OPENINGS, values)
}

/// The openings of a subject, newest first.
pub(crate) fn list_openings(
    tx: &mut Tx,
    shop: ShopId,
    subject: &str,
    limit: i64,
) -> Result<Vec<OpeningRow>, Error> {
    let sql = "SELECT shop_id, subject, id, reader, purpose, opened, reason, created_ms FROM openings \
        WHERE shop_id = ?1 AND subject = ?2 ORDER BY id DESC LIMIT ?3";
    let rows = tx.query(sql, &[shop.short().into(), subject.into(), limit.into()])?;
    rows.iter().map(read_opening).collect()
}

/// The openings of a shop.
pub(crate) fn count_openings(tx: &mut Tx, shop: ShopId) -> Result<i64, Error> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM openings WHERE shop_id = ?1";
    tx.query_opt(sql, &[shop.short().into()])?.map_or(Ok(0), |row| row.int(0))
}

fn read_opening(row: &Row) -> Result<OpeningRow, Error> {
    Ok(OpeningRow {
        shop: ShopId::from_short(row.text(0)?).ok_or_else(|| bad("shop"))?,
        subject: row.text(1)?.to_owned(),
        id: OpeningId::from_short(row.text(2)?).ok_or_else(|| bad("id"))?,
        reader: row.text(3)?.to_owned(),
        purpose: Purpose::from_name(row.text(4)?).ok_or_else(|| bad("purpose"))?,
        opened: row.text(5)?.to_owned(),
        reason: row.blob(6)?.to_vec(),
        created: row.time(7)?,
    })
}

pub(crate) fn find_habit(tx: &mut Tx, shop: ShopId, reader: &str) -> Result<Habit, Error> {
    let Some(row) = tx.get(&READING_HABITS, &[shop.short().into(), reader.into()])? else {
        return Ok(Habit::default());
    };
    Ok(Habit {
        hour: row.time(2)?,
        hour_count: row.int(3)?,
        day: row.time(4)?,
        day_count: row.int(5)?,
        usual_milli: row.int(6)?,
        days: row.int(7)?,
        told_hour: row.time(8)?,
        told_day: row.time(9)?,
        refused: row.time(10)?,
        told_unusual: row.time(11)?,
    })
}

pub(crate) fn put_habit(tx: &mut Tx, shop: ShopId, reader: &str, habit: &Habit) -> Result<(), Error> {
    let values: Vec<Value> = vec![
        shop.short().into(),
        reader.into(),
        habit.hour.into(),
        habit.hour_count.into(),
        habit.day.into(),
        habit.day_count.into(),
        habit.usual_milli.into(),
        habit.days.into(),
        habit.told_hour.into(),
        habit.told_day.into(),
        habit.refused.into(),
        habit.told_unusual.into(),
    ];
    tx.put(&READING_HABITS, values)
}

pub(crate) fn find_limits(tx: &mut Tx, shop: ShopId) -> Result<Limits, Error> {
    let Some(row) = tx.get(&OPENING_LIMITS, &[shop.short().into()])? else { return Ok(Limits::default()) };
    Ok(Limits {
        person_hour: row.int(1)?,
        key_hour: row.int(2)?,
        shop_hour: row.int(3)?,
        alert_hour: row.int(4)?,
        alert_day: row.int(5)?,
    })
}

pub(crate) fn put_limits(tx: &mut Tx, shop: ShopId, limits: &Limits) -> Result<(), Error> {
    let values = vec![
        shop.short().into(),
        limits.person_hour.into(),
        limits.key_hour.into(),
        limits.shop_hour.into(),
        limits.alert_hour.into(),
        limits.alert_day.into(),
    ];
    tx.put(&OPENING_LIMITS, values)
}

pub(crate) fn insert_alert(tx: &mut Tx, alert: &Alert) -> Result<(), Error> {
    use base::ScopedId;
    let values = vec![
        alert.id.shop().short().into(),
        alert.id.short().into(),
        alert.reader.clone().into(),
        alert.kind.name().into(),
        alert.openings.into(),
        alert.threshold.into(),
        alert.created.into(),
    ];
    tx.insert(&READING_ALERTS, values)
}

/// The alerts of a shop, newest first.
pub(crate) fn list_alerts(tx: &mut Tx, shop: ShopId, limit: i64) -> Result<Vec<Alert>, Error> {
    let sql = "SELECT shop_id, id, reader, kind, openings, threshold, created_ms FROM reading_alerts \
        WHERE shop_id = ?1 ORDER BY id DESC LIMIT ?2";
    let rows = tx.query(sql, &[shop.short().into(), limit.into()])?;
    rows.iter()
        .map(|row| {
            Ok(Alert {
                id: AlertId::from_short(row.text(1)?).ok_or_else(|| bad("alert"))?,
                reader: row.text(2)?.to_owned(),
                kind: AlertKind::from_name(row.text(3)?).ok_or_else(|| bad("kind"))?,
                openings: row.int(4)?,
                threshold: row.int(5)?,
                created: row.time(6)?,
            })
        })
        .collect()
}

fn bad(what: &str) -> Error {
    Error::Bug(format!("a stored opening has an unreadable {what}"))
}
