//! Counting tries: how many in a window, and how long to wait after too many (C04).
//!
//! A try is counted before it is made, in its own committed transaction, so parallel tries cannot outrun the counter.

use base::Timestamp;
use store::Tx;

use crate::context::Fault;
use crate::store::throttles::{self, ThrottleRow};

/// A rule for one kind of try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Its name in the table.
    pub kind: &'static str,
    /// Tries allowed in a window.
    pub tries_max: i64,
    /// The window, in seconds; it begins with the first try.
    pub window_seconds: i64,
    /// How long to refuse after the last allowed try, in seconds.
    pub block_seconds: i64,
}

/// Too many tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// When to come back, in seconds.
    pub retry_after_seconds: i64,
}

/// Counts one try of `subject`, or refuses it when the limit is reached. A refusal writes nothing.
pub(crate) fn count(
    tx: &mut Tx,
    limit: &Limit,
    subject: &str,
    now: Timestamp,
) -> Result<Result<(), Blocked>, Fault> {
    let fresh = ThrottleRow { count: 0, window_from: now, blocked_until: Timestamp(0) };
    let known = throttles::find_throttle(tx, limit.kind, subject)?.unwrap_or(fresh);
    if now < known.blocked_until {
        let wait = known.blocked_until.millis_since(now);
        return Ok(Err(Blocked { retry_after_seconds: (wait + 999) / 1000 }));
    }
    let over = known.window_from.plus_seconds(limit.window_seconds) <= now;
    let begun = if over || known.count >= limit.tries_max { fresh } else { known };
    let count = begun.count + 1;
    let blocked_until =
        if count >= limit.tries_max { now.plus_seconds(limit.block_seconds) } else { Timestamp(0) };
    throttles::update_throttle(tx, limit.kind, subject, ThrottleRow { count, blocked_until, ..begun })?;
    Ok(Ok(()))
}

/// Forgets the tries of `subject`, after a right one.
pub(crate) fn clear(tx: &mut Tx, limit: &Limit, subject: &str) -> Result<(), Fault> {
    Ok(throttles::delete_throttle(tx, limit.kind, subject)?)
}

/// Takes back one counted try, after a right one that must not hide the wrong ones before it.
pub(crate) fn give_back(tx: &mut Tx, limit: &Limit, subject: &str) -> Result<(), Fault> {
    if let Some(row) = throttles::find_throttle(tx, limit.kind, subject)? {
        let back = ThrottleRow { count: (row.count - 1).max(0), blocked_until: Timestamp(0), ..row };
        throttles::update_throttle(tx, limit.kind, subject, back)?;
    }
    Ok(())
}
