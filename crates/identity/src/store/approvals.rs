//! SQL of approvals. That nobody approves what they proposed is a check of the table itself (C13).

use base::{ApprovalId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, blob, int, text};

use super::{broken, named};
use crate::approvals::{Approval, ApprovalAction};

named! {
    /// Where a proposal stands.
    pub enum ApprovalState {
        /// It waits for a second person.
        Waiting = "waiting",
        /// It was approved and may be carried out once.
        Approved = "approved",
        /// It was refused or withdrawn.
        Refused = "refused",
        /// It was carried out.
        Used = "used",
    }
}

static APPROVALS: Table = Table::new(
    "approvals",
    &[text("shop_id"), text("id")],
    &[
        text("action"),
        text("subject"),
        text("summary"),
        text("proposer"),
        text("decider"),
        text("state"),
        int("created_ms"),
        int("decided_ms"),
        int("expires_ms"),
        blob("invited"),
    ],
);

const COLUMNS: &str = "shop_id, id, action, subject, summary, proposer, decider, state, created_ms, decided_ms, expires_ms, invited";

pub(crate) fn find_approval(tx: &mut Tx, id: ApprovalId) -> Result<Option<Approval>, Error> {
    tx.get(&APPROVALS, &[id.shop().short().into(), id.short().into()])?.map(|row| read(&row)).transpose()
}

/// Those that are waiting or approved and whose time has not run out, newest first.
pub(crate) fn list_open(tx: &mut Tx, shop: ShopId, now: Timestamp) -> Result<Vec<Approval>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM approvals
         WHERE shop_id = ?1 AND state IN ('waiting', 'approved') AND expires_ms > ?2 ORDER BY id DESC"
    );
    tx.query(&sql, &[shop.short().into(), now.into()])?.iter().map(read).collect()
}

/// Those whose time ran out and that still hold the address of somebody to be invited.
pub(crate) fn list_ended_invited(tx: &mut Tx, now: Timestamp, limit: usize) -> Result<Vec<Approval>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM approvals WHERE invited IS NOT NULL AND expires_ms <= ?1 LIMIT ?2");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(&sql, &[now.into(), Value::Int(limit)])?.iter().map(read).collect()
}

pub(crate) fn insert_approval(tx: &mut Tx, row: &Approval) -> Result<(), Error> {
    tx.insert(&APPROVALS, values(row))
}

pub(crate) fn update_approval(tx: &mut Tx, row: &Approval) -> Result<(), Error> {
    tx.put(&APPROVALS, values(row))
}

fn read(row: &Row) -> Result<Approval, Error> {
    let bad = || broken("approvals");
    Ok(Approval {
        id: ApprovalId::from_short(row.text(1)?).ok_or_else(bad)?,
        action: ApprovalAction::from_name(row.text(2)?).ok_or_else(bad)?,
        subject: row.text(3)?.to_owned(),
        summary: row.text(4)?.to_owned(),
        proposer: row.text(5)?.to_owned(),
        decider: row.opt_text(6)?.map(str::to_owned),
        state: ApprovalState::from_name(row.text(7)?).ok_or_else(bad)?,
        created: row.time(8)?,
        decided: row.opt_time(9)?,
        expires: row.time(10)?,
        invited: row.opt_blob(11)?.map(<[u8]>::to_vec),
    })
}

fn values(row: &Approval) -> Vec<Value> {
    vec![
        row.id.shop().short().into(),
        row.id.short().into(),
        row.action.name().into(),
        row.subject.as_str().into(),
        row.summary.as_str().into(),
        row.proposer.as_str().into(),
        row.decider.clone().into(),
        row.state.name().into(),
        row.created.into(),
        row.decided.into(),
        row.expires.into(),
        row.invited.clone().into(),
    ]
}
