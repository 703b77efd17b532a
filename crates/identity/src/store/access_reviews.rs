//! SQL of access reviews and their lines.

use base::{AccessReviewId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, int, text};

use super::{broken, named};
use crate::access_review::LineFlag;

named! {
    /// Where a review stands.
    pub enum ReviewState {
        /// Lines wait for a decision.
        Open = "open",
        /// Every line was decided, or suspended when the time was over.
        Closed = "closed",
    }
}

named! {
    /// What a line is about.
    pub enum LineKind {
        /// A member.
        Member = "member",
        /// An API key.
        ApiKey = "api_key",
        /// The client certificates of a terminal or API key.
        Certificate = "certificate",
    }
}

named! {
    /// What became of a line.
    pub enum Decision {
        /// It stays.
        Confirm = "confirm",
        /// It goes.
        Remove = "remove",
        /// Nobody decided in time.
        Suspended = "suspended",
    }
}

static REVIEWS: Table = Table::new(
    "access_reviews",
    &[text("shop_id"), text("id")],
    &[text("state"), int("opened_ms"), int("due_ms"), int("closed_ms")],
);
static LINES: Table = Table::new(
    "access_review_lines",
    &[text("shop_id"), text("review_id"), text("subject")],
    &[
        text("kind"),
        text("grants"),
        int("since_ms"),
        int("used_ms"),
        int("secret_ms"),
        text("flags"),
        text("decision"),
        text("decider"),
        int("decided_ms"),
    ],
);

pub(crate) struct ReviewRow {
    pub(crate) id: AccessReviewId,
    pub(crate) state: ReviewState,
    pub(crate) opened: Timestamp,
    pub(crate) due: Timestamp,
    pub(crate) closed: Option<Timestamp>,
}

#[derive(Clone)]
pub(crate) struct LineRow {
    pub(crate) review: AccessReviewId,
    pub(crate) subject: String,
    pub(crate) kind: LineKind,
    pub(crate) grants: String,
    pub(crate) since: Timestamp,
    pub(crate) used: Option<Timestamp>,
    pub(crate) secret_set: Option<Timestamp>,
    pub(crate) flags: Vec<LineFlag>,
    pub(crate) decision: Option<Decision>,
    pub(crate) decider: Option<String>,
    pub(crate) decided: Option<Timestamp>,
}

pub(crate) fn find_review(tx: &mut Tx, id: AccessReviewId) -> Result<Option<ReviewRow>, Error> {
    tx.get(&REVIEWS, &[id.shop().short().into(), id.short().into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn list_reviews(tx: &mut Tx, shop: ShopId, limit: i64) -> Result<Vec<ReviewRow>, Error> {
    let sql = "SELECT shop_id, id, state, opened_ms, due_ms, closed_ms FROM access_reviews
               WHERE shop_id = ?1 ORDER BY opened_ms DESC, id DESC LIMIT ?2";
    tx.query(sql, &[shop.short().into(), Value::Int(limit)])?.iter().map(read).collect()
}

pub(crate) fn list_due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<ReviewRow>, Error> {
    let sql = "SELECT shop_id, id, state, opened_ms, due_ms, closed_ms FROM access_reviews
               WHERE state = 'open' AND due_ms <= ?1 ORDER BY due_ms LIMIT ?2";
    tx.query(sql, &[now.into(), Value::Int(limit)])?.iter().map(read).collect()
}

pub(crate) fn insert_review(tx: &mut Tx, row: &ReviewRow) -> Result<(), Error> {
    tx.insert(&REVIEWS, values(row))
}

pub(crate) fn update_review(tx: &mut Tx, row: &ReviewRow) -> Result<(), Error> {
    tx.put(&REVIEWS, values(row))
}

pub(crate) fn find_line(
    tx: &mut Tx,
    review: AccessReviewId,
    subject: &str,
) -> Result<Option<LineRow>, Error> {
    let key = [review.shop().short().into(), review.short().into(), subject.into()];
    tx.get(&LINES, &key)?.map(|row| read_line(&row)).transpose()
}

pub(crate) fn list_lines(tx: &mut Tx, review: AccessReviewId) -> Result<Vec<LineRow>, Error> {
    let sql = "SELECT shop_id, review_id, subject, kind, grants, since_ms, used_ms, secret_ms, flags, decision,
               decider, decided_ms FROM access_review_lines WHERE shop_id = ?1 AND review_id = ?2 ORDER BY subject";
    tx.query(sql, &[review.shop().short().into(), review.short().into()])?.iter().map(read_line).collect()
}

pub(crate) fn insert_line(tx: &mut Tx, row: LineRow) -> Result<(), Error> {
    tx.insert(&LINES, line_values(row))
}

pub(crate) fn update_line(tx: &mut Tx, row: LineRow) -> Result<(), Error> {
    tx.put(&LINES, line_values(row))
}

fn read(row: &Row) -> Result<ReviewRow, Error> {
    let bad = || broken("access_reviews");
    Ok(ReviewRow {
        id: AccessReviewId::from_short(row.text(1)?).ok_or_else(bad)?,
        state: ReviewState::from_name(row.text(2)?).ok_or_else(bad)?,
        opened: row.time(3)?,
        due: row.time(4)?,
        closed: row.opt_time(5)?,
    })
}

fn values(row: &ReviewRow) -> Vec<Value> {
    vec![
        row.id.shop().short().into(),
        row.id.short().into(),
        row.state.name().into(),
        row.opened.into(),
        row.due.into(),
        row.closed.into(),
    ]
}

fn read_line(row: &Row) -> Result<LineRow, Error> {
    let bad = || broken("access_review_lines");
    let flags = row.text(8)?.split(',').filter(|name| !name.is_empty());
    let decision = row.opt_text(9)?.map(|name| Decision::from_name(name).ok_or_else(bad)).transpose()?;
    Ok(LineRow {
        review: AccessReviewId::from_short(row.text(1)?).ok_or_else(bad)?,
        subject: row.text(2)?.to_owned(),
        kind: LineKind::from_name(row.text(3)?).ok_or_else(bad)?,
        grants: row.text(4)?.to_owned(),
        since: row.time(5)?,
        used: row.opt_time(6)?,
        secret_set: row.opt_time(7)?,
        flags: flags.map(|name| LineFlag::from_name(name).ok_or_else(bad)).collect::<Result<_, _>>()?,
        decision,
        decider: row.opt_text(10)?.map(str::to_owned),
        decided: row.opt_time(11)?,
    })
}

fn line_values(row: LineRow) -> Vec<Value> {
    let flags: Vec<&str> = row.flags.iter().map(|flag| flag.name()).collect();
    vec![
        row.review.shop().short().into(),
        row.review.short().into(),
        row.subject.into(),
        row.kind.name().into(),
        row.grants.into(),
        row.since.into(),
        row.used.into(),
        row.secret_set.into(),
        flags.join(",").into(),
        row.decision.map(|decision| decision.name().to_owned()).into(),
        row.decider.into(),
        row.decided.into(),
    ]
}
