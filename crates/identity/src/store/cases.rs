//! SQL of cases. That a closed one says how it ended is a check of the table itself.

use base::{CaseId, MemberId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, int, text};

use super::{broken, named};
use crate::cases::{Case, Listed};

named! {
    /// What a person said was not them.
    pub enum Cause {
        /// A payment from their account.
        Payment = "payment",
        /// Something in their activity: a sign-in, a device, a change.
        Activity = "activity",
        /// A payment PIN that was set anew.
        Pin = "pin",
        /// Their contact, changed for another one.
        Contact = "contact",
        /// A member's address, changed for another one.
        Address = "address",
    }
}

named! {
    /// How far a case is.
    pub enum CaseState {
        /// Nobody has taken it.
        Open = "open",
        /// Somebody works it.
        Worked = "worked",
        /// It is decided.
        Closed = "closed",
    }
}

named! {
    /// How a case ended.
    pub enum CaseOutcome {
        /// Somebody else did it.
        Fraud = "fraud",
        /// It was the person after all.
        Genuine = "genuine",
        /// It could not be told.
        Unclear = "unclear",
    }
}

static CASES: Table = Table::new(
    "cases",
    &[text("shop_id"), text("id")],
    &[
        text("cause"),
        text("subject"),
        text("person"),
        text("state"),
        text("worker"),
        int("opened_ms"),
        int("closed_ms"),
        text("outcome"),
        text("note"),
    ],
);

static SUBJECTS: Table = Table::new("case_subjects", &[text("shop_id"), text("subject")], &[text("case_id")]);

static HANDS: Table =
    Table::new("case_hands", &[text("shop_id"), text("case_id"), int("at_ms"), text("worker")], &[]);

const COLUMNS: &str =
    "shop_id, id, cause, subject, person, state, worker, opened_ms, closed_ms, outcome, note";

pub(crate) fn find_case(tx: &mut Tx, id: CaseId) -> Result<Option<Case>, Error> {
    tx.get(&CASES, &[id.shop().short().into(), id.short().into()])?.map(|row| read(&row)).transpose()
}

/// The last case of a shop about a payment or an account.
pub(crate) fn find_case_about(tx: &mut Tx, shop: ShopId, subject: &str) -> Result<Option<Case>, Error> {
    let Some(row) = tx.get(&SUBJECTS, &[shop.short().into(), subject.into()])? else { return Ok(None) };
    let id = CaseId::from_short(row.text(2)?).ok_or_else(|| broken("case_subjects"))?;
    find_case(tx, id)
}

/// Cases of a shop that are open or being worked, the longest waiting first; or closed ones, the newest first.
pub(crate) fn list_cases(tx: &mut Tx, shop: ShopId, wanted: Listed, limit: i64) -> Result<Vec<Case>, Error> {
    let (which, order) = match wanted {
        Listed::Open => ("closed_ms IS NULL", "id"),
        Listed::Closed => ("closed_ms IS NOT NULL", "id DESC"),
    };
    let sql = format!("SELECT {COLUMNS} FROM cases WHERE shop_id = ?1 AND {which} ORDER BY {order} LIMIT ?2");
    tx.query(&sql, &[shop.short().into(), limit.into()])?.iter().map(read).collect()
}

/// How many cases of a shop nobody has closed.
pub(crate) fn count_open_cases(tx: &mut Tx, shop: ShopId) -> Result<i64, Error> {
    let sql = "SELECT COUNT(*) FROM cases WHERE shop_id = ?1 AND closed_ms IS NULL";
    tx.query(sql, &[shop.short().into()])?.first().map_or(Ok(0), |row| row.int(0))
}

/// Keeps a new case, as the last one about its subject.
pub(crate) fn insert_case(tx: &mut Tx, case: &Case) -> Result<(), Error> {
    let (shop, id) = (case.id.shop(), case.id);
    tx.put(&SUBJECTS, vec![shop.short().into(), case.subject.as_str().into(), id.short().into()])?;
    tx.insert(&CASES, values(case))
}

pub(crate) fn update_case(tx: &mut Tx, case: &Case) -> Result<(), Error> {
    tx.put(&CASES, values(case))
}

/// Notes that a member took a case.
pub(crate) fn put_hand(tx: &mut Tx, id: CaseId, at: Timestamp, worker: MemberId) -> Result<(), Error> {
    tx.put(&HANDS, vec![id.shop().short().into(), id.short().into(), at.into(), worker.short().into()])
}

/// Who took a case, and when; in order.
pub(crate) fn list_hands(tx: &mut Tx, id: CaseId) -> Result<Vec<(Timestamp, MemberId)>, Error> {
    let sql =
        "SELECT at_ms, worker FROM case_hands WHERE shop_id = ?1 AND case_id = ?2 ORDER BY at_ms, worker";
    let rows = tx.query(sql, &[id.shop().short().into(), id.short().into()])?;
    let read = rows.iter().map(|row| {
        let worker = MemberId::from_short(row.text(1)?).ok_or_else(|| broken("case_hands"))?;
        Ok((row.time(0)?, worker))
    });
    read.collect()
}

fn read(row: &Row) -> Result<Case, Error> {
    let bad = || broken("cases");
    let worker = row.opt_text(6)?.map(|worker| MemberId::from_short(worker).ok_or_else(bad)).transpose()?;
    let outcome = row.opt_text(9)?.map(|name| CaseOutcome::from_name(name).ok_or_else(bad)).transpose()?;
    Ok(Case {
        id: CaseId::from_short(row.text(1)?).ok_or_else(bad)?,
        cause: Cause::from_name(row.text(2)?).ok_or_else(bad)?,
        subject: row.text(3)?.to_owned(),
        person: row.text(4)?.to_owned(),
        state: CaseState::from_name(row.text(5)?).ok_or_else(bad)?,
        worker,
        opened: row.time(7)?,
        closed: row.opt_time(8)?,
        outcome,
        note: row.opt_text(10)?.map(str::to_owned),
    })
}

fn values(case: &Case) -> Vec<Value> {
    vec![
        case.id.shop().short().into(),
        case.id.short().into(),
        case.cause.name().into(),
        case.subject.as_str().into(),
        case.person.as_str().into(),
        case.state.name().into(),
        case.worker.map(|worker| worker.short().to_owned()).into(),
        case.opened.into(),
        case.closed.into(),
        case.outcome.map(|outcome| outcome.name().to_owned()).into(),
        case.note.clone().into(),
    ]
}
