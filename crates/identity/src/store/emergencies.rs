//! SQL of power that members took for a time. That nobody reviews their own is a check of the table itself.

use base::{EmergencyId, MemberId, ScopedId, SessionId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, int, text};

use super::broken;
use crate::emergency::Emergency;
use crate::permissions::Role;

static EMERGENCIES: Table = Table::new(
    "emergencies",
    &[text("shop_id"), text("id")],
    &[
        text("member_id"),
        text("session_id"),
        text("role"),
        text("reason"),
        int("begun_ms"),
        int("ends_ms"),
        int("ended_ms"),
        text("ender"),
        text("reviewer"),
        int("reviewed_ms"),
        text("note"),
    ],
);

const COLUMNS: &str =
    "shop_id, id, member_id, session_id, role, reason, begun_ms, ends_ms, ended_ms, ender, reviewer,
    reviewed_ms, note";

pub(crate) fn find_emergency(tx: &mut Tx, id: EmergencyId) -> Result<Option<Emergency>, Error> {
    tx.get(&EMERGENCIES, &[id.shop().short().into(), id.short().into()])?.map(|row| read(&row)).transpose()
}

/// Those of a shop, the ones that nobody reviewed first, then the newest.
pub(crate) fn list_emergencies(tx: &mut Tx, shop: ShopId, limit: i64) -> Result<Vec<Emergency>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM emergencies WHERE shop_id = ?1
         ORDER BY CASE WHEN reviewed_ms IS NULL THEN 0 ELSE 1 END, id DESC LIMIT ?2"
    );
    tx.query(&sql, &[shop.short().into(), limit.into()])?.iter().map(read).collect()
}

pub(crate) fn list_unreviewed(tx: &mut Tx, shop: ShopId) -> Result<Vec<Emergency>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM emergencies WHERE shop_id = ?1 AND reviewed_ms IS NULL");
    tx.query(&sql, &[shop.short().into()])?.iter().map(read).collect()
}

/// Those whose time is over and that nobody ended.
pub(crate) fn list_due_emergencies(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Emergency>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM emergencies WHERE ended_ms IS NULL AND ends_ms <= ?1 ORDER BY ends_ms LIMIT ?2"
    );
    tx.query(&sql, &[now.into(), limit.into()])?.iter().map(read).collect()
}

pub(crate) fn insert_emergency(tx: &mut Tx, row: &Emergency) -> Result<(), Error> {
    tx.insert(&EMERGENCIES, values(row))
}

pub(crate) fn update_emergency(tx: &mut Tx, row: &Emergency) -> Result<(), Error> {
    tx.put(&EMERGENCIES, values(row))
}

fn read(row: &Row) -> Result<Emergency, Error> {
    let bad = || broken("emergencies");
    Ok(Emergency {
        id: EmergencyId::from_short(row.text(1)?).ok_or_else(bad)?,
        member: MemberId::from_short(row.text(2)?).ok_or_else(bad)?,
        session: SessionId::from_short(row.text(3)?).ok_or_else(bad)?,
        role: Role::from_name(row.text(4)?).ok_or_else(bad)?,
        reason: row.text(5)?.to_owned(),
        begun: row.time(6)?,
        ends: row.time(7)?,
        ended: row.opt_time(8)?,
        ender: row.opt_text(9)?.map(str::to_owned),
        reviewer: row.opt_text(10)?.map(|short| MemberId::from_short(short).ok_or_else(bad)).transpose()?,
        reviewed: row.opt_time(11)?,
        note: row.opt_text(12)?.map(str::to_owned),
    })
}

fn values(row: &Emergency) -> Vec<Value> {
    vec![
        row.id.shop().short().into(),
        row.id.short().into(),
        row.member.short().into(),
        row.session.short().into(),
        row.role.name().into(),
        row.reason.as_str().into(),
        row.begun.into(),
        row.ends.into(),
        row.ended.into(),
        row.ender.clone().into(),
        row.reviewer.map(|id| id.short().to_owned()).into(),
        row.reviewed.into(),
        row.note.clone().into(),
    ]
}
