//! Who has what, looked at each quarter: a campaign opens by itself, every member, key and client certificate is a line, and each line is
//! confirmed or removed (C09, C11, AZ-9; PCI 7.2.4, 8.2.6).
//!
//! Promises:
//! - a shop whose last review is older than [`ACCESS_REVIEW_EVERY_DAYS`] gets one with the next run of the job;
//! - a line says since when, when last used, how old the password or key is, and what stands out;
//! - nobody decides their own line where a colleague could;
//! - whoever decides is told when it opens and [`ACCESS_REVIEW_REMINDER_DAYS`] days before its end;
//! - what is undecided after [`ACCESS_REVIEW_OPEN_DAYS`] is suspended, never the last owner of a shop nor the last operator of
//!   the house; it can be confirmed later. Who is suspended is told, and whoever could restore them what ended.
//!   Certificates are revoked then, with those that renewed them: their holder is enrolled anew;
//! - the first decision of a line counts: a second one, made at the same time, is refused;
//! - the closed review is in the audit log with the digest of all its lines, under the log's signature.
//!
//! Passwords are listed with their age and never forced to change by age alone. A key's age is flagged.

mod telling;

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base::{AccessReviewId, ApiKeyId, CertificateId, MemberId, ScopedId, ShopId, Timestamp};
use store::Tx;

use crate::api_keys;
use crate::certificates::{self, Certificate};
use crate::context::{Fault, Means, takes_faults};
use crate::factors;
use crate::grants::{self, Grants};
use crate::limits::{
    ACCESS_REVIEW_EVERY_DAYS, ACCESS_REVIEW_OPEN_DAYS, ACCESS_REVIEW_REMINDER_DAYS, API_KEY_OLD_DAYS,
    IDLE_DAYS_MAX, SHOPS_LISTED_MAX,
};
use crate::members::{self, MemberState};
use crate::notices::Stopped;
use crate::permissions::{Actor, Denied, Permission};
use crate::record::{self, Event};
use crate::shops;
use crate::store::access_reviews::{self as rows, LineRow, ReviewRow};
use crate::store::api_keys::{self as key_rows, KeyState};
use crate::store::members as member_rows;
use crate::store::members::MemberRow;
use crate::suspensions::{self, SuspendedFor};
use crate::throttle::{self, Limit};

pub use crate::store::access_reviews::{Decision, LineKind, ReviewState};

const DAY_SECONDS: i64 = 86_400;
/// Reviews of a shop in one list.
const REVIEWS_LISTED_MAX: i64 = 40;
/// Reviews that one run closes.
const REVIEWS_CLOSED_MAX: i64 = 20;
/// A review whose deciders were reminded. Kept in the table of limits until the review is over: one entry, no limit.
const REMINDED: Limit = Limit {
    kind: "access_review_reminded",
    tries_max: 1,
    window_seconds: 0,
    block_seconds: (ACCESS_REVIEW_REMINDER_DAYS + 1) * DAY_SECONDS,
};

/// What stands out in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFlag {
    /// Not used for [`IDLE_DAYS_MAX`] days.
    Unused,
    /// A key older than [`API_KEY_OLD_DAYS`] days, or one without an end.
    OldKey,
    /// A member without a second factor.
    SingleFactor,
}

impl LineFlag {
    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            LineFlag::Unused => "unused",
            LineFlag::OldKey => "old_key",
            LineFlag::SingleFactor => "single_factor",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<LineFlag> {
        [LineFlag::Unused, LineFlag::OldKey, LineFlag::SingleFactor]
            .into_iter()
            .find(|flag| flag.name() == name)
    }
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessReview {
    /// The review.
    pub id: AccessReviewId,
    /// Open or closed.
    pub state: ReviewState,
    /// When it opened.
    pub opened: Timestamp,
    /// When what is undecided is suspended.
    pub due: Timestamp,
    /// When it was closed.
    pub closed: Option<Timestamp>,
}

/// One member or key under review, as of when the review opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The member or key, as its id.
    pub subject: String,
    /// Which of both.
    pub kind: LineKind,
    /// The roles.
    pub grants: String,
    /// Since when.
    pub since: Timestamp,
    /// The last use.
    pub used: Option<Timestamp>,
    /// When the password or key was set.
    pub secret_set: Option<Timestamp>,
    /// What stands out.
    pub flags: Vec<LineFlag>,
    /// What became of it.
    pub decision: Option<Decision>,
    /// Who decided: an id, or `system`.
    pub decider: Option<String>,
    /// When.
    pub decided: Option<Timestamp>,
}

/// Why a review could not be read or decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessReviewError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// No such review or line in this shop.
    #[error("no such access review, or no such line in it")]
    NotFound,
    /// Their own line.
    #[error("somebody else must decide about you")]
    OwnLine,
    /// Decided already.
    #[error("the line was decided already")]
    Decided,
    /// The line is the last owner's, or the last operator's.
    #[error(
        "a shop keeps an active owner, the installation an active operator; give another member the role first"
    )]
    LastOwner,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(AccessReviewError);

impl From<Denied> for AccessReviewError {
    fn from(denied: Denied) -> AccessReviewError {
        AccessReviewError::Denied(denied)
    }
}

/// The reviews of a shop, newest first.
///
/// # Errors
/// [`AccessReviewError::Denied`].
pub fn list_access_reviews(
    tx: &mut Tx,
    actor: &Actor,
    shop: ShopId,
) -> Result<Vec<AccessReview>, AccessReviewError> {
    actor.allow(Permission::ViewMembers, shop)?;
    Ok(rows::list_reviews(tx, shop, REVIEWS_LISTED_MAX)?.iter().map(review).collect())
}

/// A review with its lines.
///
/// # Errors
/// [`AccessReviewError::Denied`], [`AccessReviewError::NotFound`].
pub fn find_access_review(
    tx: &mut Tx,
    actor: &Actor,
    shop: ShopId,
    id: AccessReviewId,
) -> Result<(AccessReview, Vec<Line>), AccessReviewError> {
    actor.allow(Permission::ViewMembers, shop)?;
    let row = find(tx, shop, id)?;
    let lines = rows::list_lines(tx, id)?.into_iter().map(line).collect();
    Ok((review(&row), lines))
}

/// Confirms or removes one line. A line that was suspended for lack of a decision may still be decided: confirming lets
/// it work again. The review closes with its last line.
///
/// # Errors
/// [`AccessReviewError`].
pub fn decide_line(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    (shop, id): (ShopId, AccessReviewId),
    subject: &str,
    confirm: bool,
) -> Result<Line, AccessReviewError> {
    actor.allow(Permission::ReviewAccess, shop)?;
    let found = find(tx, shop, id)?;
    let row = rows::find_line(tx, id, subject)?.ok_or(AccessReviewError::NotFound)?;
    // What was revoked for lack of a decision does not come back.
    let is_over = row.kind == LineKind::Certificate && row.decision.is_some();
    if is_over || matches!(row.decision, Some(Decision::Confirm | Decision::Remove)) {
        return Err(AccessReviewError::Decided);
    }
    if row.subject == actor.label()
        && !grants::list_holders(tx, shop, Permission::ReviewAccess, actor)?.is_empty()
    {
        return Err(AccessReviewError::OwnLine);
    }
    let decision = if confirm { Decision::Confirm } else { Decision::Remove };
    carry_out(tx, means, actor, &row, decision)?;
    let (decider, decided) = (Some(actor.label()), Some(means.now));
    let row = LineRow { decision: Some(decision), decider, decided, ..row };
    rows::update_line(tx, row.clone())?;
    let event = Event::new(shop, actor, record::ACCESS_REVIEW_DECIDED, id)
        .with("subject", audit::Text::masked(subject))
        .with("decision", decision.name());
    record::note(tx, means, event)?;
    if found.state == ReviewState::Open && rows::list_lines(tx, id)?.iter().all(|row| row.decision.is_some())
    {
        close(tx, means, actor, &found)?;
    }
    Ok(line(row))
}

fn carry_out(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    row: &LineRow,
    decision: Decision,
) -> Result<(), AccessReviewError> {
    match (row.kind, decision) {
        (LineKind::Member, Decision::Confirm) => {
            if let Some(member) = find_member(tx, &row.subject)? {
                suspensions::restore(tx, means, actor, member)?;
            }
        }
        (LineKind::Member, _) => {
            if let Some(member) =
                find_member(tx, &row.subject)?.filter(|row| row.state != MemberState::Disabled)
            {
                if suspensions::is_last_keeper(tx, &member)? {
                    return Err(AccessReviewError::LastOwner);
                }
                members::end_member(tx, means, actor, member)?;
            }
        }
        (LineKind::Certificate, Decision::Confirm) => {}
        (LineKind::Certificate, _) => {
            certificates::end_held(tx, means, actor, parse_certificate(row)?)?;
        }
        (LineKind::ApiKey, decision) => {
            let id: ApiKeyId = row.subject.parse().map_err(|_| Fault::Row("access review line"))?;
            match decision {
                Decision::Confirm => {
                    api_keys::set_suspended(tx, means, actor, id, false)?;
                }
                Decision::Remove | Decision::Suspended => api_keys::revoke_key(tx, means, actor, id)?,
            }
        }
    }
    Ok(())
}

fn parse_certificate(row: &LineRow) -> Result<CertificateId, Fault> {
    row.subject.parse().map_err(|_| Fault::Row("access review line"))
}

fn find_member(tx: &mut Tx, subject: &str) -> Result<Option<MemberRow>, Fault> {
    let id: MemberId = subject.parse().map_err(|_| Fault::Row("access review line"))?;
    Ok(member_rows::find_member(tx, id.shop(), id)?)
}

/// Opens a review in every shop whose last one is old enough, the house included, and returns how many. The program's
/// own job; safe to run on every node, since transactions are serializable and the second one finds the first one's row.
///
/// # Errors
/// [`Fault`] alone.
pub fn open_due_reviews(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let mut opened = 0;
    for (shop, since) in every_shop(tx)? {
        let last = rows::list_reviews(tx, shop, 1)?.first().map(|row| row.opened);
        let first = match (last, since) {
            (Some(last), _) => Some(last),
            (None, Some(since)) => Some(since),
            // The house opened with its first operator.
            (None, None) => member_rows::list_members(tx, shop)?.iter().map(|row| row.created).min(),
        };
        let due = first.map(|at| at.plus_seconds(ACCESS_REVIEW_EVERY_DAYS * DAY_SECONDS));
        if due.is_some_and(|due| due <= means.now) {
            open_access_review(tx, means, shop)?;
            opened += 1;
        }
    }
    Ok(opened)
}

fn every_shop(tx: &mut Tx) -> Result<Vec<(ShopId, Option<Timestamp>)>, Fault> {
    let shops = shops::list_shops(tx, SHOPS_LISTED_MAX)?;
    let mut all: Vec<_> = shops.into_iter().map(|shop| (shop.id, Some(shop.created))).collect();
    all.push((ShopId::HOUSE, None));
    Ok(all)
}

/// Opens a review of a shop now, whenever the last one was. The caller is the program itself.
///
/// # Errors
/// [`Fault`] alone.
pub fn open_access_review(tx: &mut Tx, means: &Means<'_>, shop: ShopId) -> Result<AccessReviewId, Fault> {
    let id = AccessReviewId::new(shop, means.now, means.dice);
    let due = means.now.plus_seconds(ACCESS_REVIEW_OPEN_DAYS * DAY_SECONDS);
    let row = ReviewRow { id, state: ReviewState::Open, opened: means.now, due, closed: None };
    rows::insert_review(tx, &row)?;
    let mut lines = 0;
    for member in member_rows::list_members(tx, shop)? {
        if member.state != MemberState::Disabled {
            let found = member_line(tx, means, id, &member)?;
            rows::insert_line(tx, found)?;
            lines += 1;
        }
    }
    for key in key_rows::list_keys(tx, shop)? {
        let is_over = key.expires.is_some_and(|end| end <= means.now);
        if key.state != KeyState::Revoked && !is_over {
            rows::insert_line(tx, key_line(means.now, id, &key))?;
            lines += 1;
        }
    }
    for held in certificates::list_held(tx, shop, means.now)? {
        rows::insert_line(tx, certificate_line(id, &held))?;
        lines += 1;
    }
    let event = Event::new(shop, &Actor::System, record::ACCESS_REVIEW_OPENED, id).with("lines", lines);
    record::note(tx, means, event)?;
    telling::tell_deciders(tx, means, shop, (lines, ACCESS_REVIEW_OPEN_DAYS))?;
    Ok(id)
}

fn member_line(
    tx: &mut Tx,
    means: &Means<'_>,
    review: AccessReviewId,
    row: &MemberRow,
) -> Result<LineRow, Fault> {
    let mut flags = Vec::new();
    if is_idle(row.last_login.unwrap_or(row.created), means.now) {
        flags.push(LineFlag::Unused);
    }
    if !factors::has_member_factor(tx, row.id)? {
        flags.push(LineFlag::SingleFactor);
    }
    let granted = Grants { roles: row.roles.clone(), custom: row.custom.clone() };
    Ok(LineRow {
        review,
        subject: row.id.to_string(),
        kind: LineKind::Member,
        grants: granted.text(),
        since: row.created,
        used: row.last_login,
        secret_set: row.password_set,
        flags,
        decision: None,
        decider: None,
        decided: None,
    })
}

fn key_line(now: Timestamp, review: AccessReviewId, row: &key_rows::KeyRow) -> LineRow {
    let mut flags = Vec::new();
    if is_idle(row.used.unwrap_or(row.created), now) {
        flags.push(LineFlag::Unused);
    }
    // Without an end it is of a version before every key had one.
    if row.expires.is_none() || row.created.plus_seconds(API_KEY_OLD_DAYS * DAY_SECONDS) <= now {
        flags.push(LineFlag::OldKey);
    }
    LineRow {
        review,
        subject: row.id.to_string(),
        kind: LineKind::ApiKey,
        grants: row.role.name().to_owned(),
        since: row.created,
        used: row.used,
        secret_set: Some(row.created),
        flags,
        decision: None,
        decider: None,
        decided: None,
    }
}

/// Its time says enough of its use: one that is not renewed ends by itself within days.
fn certificate_line(review: AccessReviewId, held: &Certificate) -> LineRow {
    LineRow {
        review,
        subject: held.id.to_string(),
        kind: LineKind::Certificate,
        grants: held.holder.clone(),
        since: held.issued,
        used: None,
        secret_set: Some(held.issued),
        flags: Vec::new(),
        decision: None,
        decider: None,
        decided: None,
    }
}

fn is_idle(used: Timestamp, now: Timestamp) -> bool {
    used.plus_seconds(IDLE_DAYS_MAX * DAY_SECONDS) <= now
}

/// Suspends what nobody decided in time, closes those reviews, and returns how many. The program's own job.
///
/// # Errors
/// [`Fault`] alone.
pub fn close_due_reviews(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let due = rows::list_due(tx, means.now, REVIEWS_CLOSED_MAX)?;
    for found in &due {
        let mut stopped = Stopped::default();
        for row in rows::list_lines(tx, found.id)?.into_iter().filter(|row| row.decision.is_none()) {
            let decision = suspend_line(tx, means, &row, &mut stopped)?;
            let (decider, decided) = (Some("system".to_owned()), Some(means.now));
            rows::update_line(tx, LineRow { decision: Some(decision), decider, decided, ..row })?;
        }
        close(tx, means, &Actor::System, found)?;
        telling::tell_keepers(tx, means, found.id.shop(), SuspendedFor::Review, stopped)?;
    }
    Ok(due.len())
}

/// The last who can run the shop stays, or nobody could ever decide again. What ended is added to `stopped`.
fn suspend_line(
    tx: &mut Tx,
    means: &Means<'_>,
    row: &LineRow,
    stopped: &mut Stopped,
) -> Result<Decision, Fault> {
    match row.kind {
        LineKind::Member => {
            let member = find_member(tx, &row.subject)?.filter(|row| row.state == MemberState::Active);
            let Some(member) = member else { return Ok(Decision::Suspended) };
            if !suspensions::suspend(tx, means, &Actor::System, member, SuspendedFor::Review)? {
                return Ok(Decision::Confirm);
            }
            stopped.members.push(row.subject.clone());
        }
        LineKind::Certificate => {
            let ended = certificates::end_held(tx, means, &Actor::System, parse_certificate(row)?)?;
            stopped.certificates.extend(ended);
        }
        LineKind::ApiKey => {
            let id: ApiKeyId = row.subject.parse().map_err(|_| Fault::Row("access review line"))?;
            stopped.api_keys.extend(api_keys::set_suspended(tx, means, &Actor::System, id, true)?);
        }
    }
    Ok(Decision::Suspended)
}

/// Reminds of reviews that end within [`ACCESS_REVIEW_REMINDER_DAYS`] days with something undecided, each once, and returns
/// of how many. The program's own job.
///
/// # Errors
/// [`Fault`] alone.
pub fn remind_of_open_reviews(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let soon = means.now.plus_seconds(ACCESS_REVIEW_REMINDER_DAYS * DAY_SECONDS);
    let mut reminded = 0;
    for found in rows::list_due(tx, soon, i64::try_from(SHOPS_LISTED_MAX).unwrap_or(i64::MAX))? {
        let review = found.id.short();
        if found.due <= means.now || throttle::is_remembered(tx, &REMINDED, review, means.now)? {
            continue;
        }
        throttle::remember(tx, &REMINDED, review, means.now)?;
        let left = rows::list_lines(tx, found.id)?.iter().filter(|row| row.decision.is_none()).count();
        let left = i64::try_from(left).unwrap_or(i64::MAX);
        let (shop, days) = (found.id.shop(), ACCESS_REVIEW_REMINDER_DAYS);
        let event = Event::new(shop, &Actor::System, record::ACCESS_REVIEW_ENDS_SOON, found.id);
        record::note(tx, means, event.with("undecided", left))?;
        telling::tell_deciders(tx, means, shop, (left, days))?;
        reminded += 1;
    }
    Ok(reminded)
}

fn close(tx: &mut Tx, means: &Means<'_>, actor: &Actor, row: &ReviewRow) -> Result<(), Fault> {
    let lines = rows::list_lines(tx, row.id)?;
    let count = |decision| {
        let found = lines.iter().filter(|line| line.decision == Some(decision)).count();
        i64::try_from(found).unwrap_or(i64::MAX)
    };
    let event = Event::new(row.id.shop(), actor, record::ACCESS_REVIEW_CLOSED, row.id)
        .with("confirmed", count(Decision::Confirm))
        .with("removed", count(Decision::Remove))
        .with("suspended", count(Decision::Suspended))
        .with("sha256", audit::Text::masked(&digest_of(&lines)));
    let (state, closed) = (ReviewState::Closed, Some(means.now));
    rows::update_review(tx, &ReviewRow { state, closed, ..*row })?;
    record::note(tx, means, event)
}

/// SHA-256 over all lines: for each its subject, roles, decision, decider and instant, each after its length.
fn digest_of(lines: &[LineRow]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for line in lines {
        let decided = line.decided.map_or(0, Timestamp::millis).to_string();
        let decision = line.decision.map_or("", Decision::name);
        let decider = line.decider.as_deref().unwrap_or_default();
        for part in [&line.subject, line.grants.as_str(), decision, decider, &decided] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Suspends active members who did not sign in for [`IDLE_DAYS_MAX`] days (PCI 8.2.6), never the last owner of a shop nor the
/// last operator of the house, and returns how many. They are told, and whoever could restore them. The program's own job.
///
/// # Errors
/// [`Fault`] alone.
pub fn suspend_idle_members(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let before = means.now.plus_seconds(-IDLE_DAYS_MAX * DAY_SECONDS);
    let mut suspended: BTreeMap<ShopId, Stopped> = BTreeMap::new();
    for row in member_rows::list_idle_members(tx, before)? {
        let (shop, id) = (row.shop, row.id);
        if suspensions::suspend(tx, means, &Actor::System, row, SuspendedFor::Idle)? {
            suspended.entry(shop).or_default().members.push(id.to_string());
        }
    }
    let count = suspended.values().map(|stopped| stopped.members.len()).sum();
    for (shop, stopped) in suspended {
        telling::tell_keepers(tx, means, shop, SuspendedFor::Idle, stopped)?;
    }
    Ok(count)
}

fn find(tx: &mut Tx, shop: ShopId, id: AccessReviewId) -> Result<ReviewRow, AccessReviewError> {
    let found = if id.shop() == shop { rows::find_review(tx, id)? } else { None };
    found.ok_or(AccessReviewError::NotFound)
}

fn review(row: &ReviewRow) -> AccessReview {
    AccessReview { id: row.id, state: row.state, opened: row.opened, due: row.due, closed: row.closed }
}

fn line(row: LineRow) -> Line {
    Line {
        subject: row.subject,
        kind: row.kind,
        grants: row.grants,
        since: row.since,
        used: row.used,
        secret_set: row.secret_set,
        flags: row.flags,
        decision: row.decision,
        decider: row.decider,
        decided: row.decided,
    }
}
