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
    /// How long to refuse after the last allowed try, in seconds; at least until the window ends.
    pub block_seconds: i64,
}

/// Too many tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// When to come back, in seconds.
    pub retry_after_seconds: i64,
}

/// Counts one try of `subject`, or refuses it when the limit is reached. A refusal writes nothing. A window lets through
/// [`Limit::tries_max`] tries and no more: the count starts anew only when the window is over.
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
    let begun = if known.window_from.plus_seconds(limit.window_seconds) <= now { fresh } else { known };
    let window_end = begun.window_from.plus_seconds(limit.window_seconds);
    let count = begun.count + 1;
    let block_end = now.plus_seconds(limit.block_seconds).max(window_end);
    let blocked_until = if count >= limit.tries_max { block_end } else { Timestamp(0) };
    throttles::update_throttle(tx, limit.kind, subject, ThrottleRow { count, blocked_until, ..begun })?;
    Ok(Ok(()))
}

/// How long `subject` is refused still, in seconds; nothing is counted.
pub(crate) fn find_block(
    tx: &mut Tx,
    limit: &Limit,
    subject: &str,
    now: Timestamp,
) -> Result<Option<i64>, Fault> {
    let row = throttles::find_throttle(tx, limit.kind, subject)?.filter(|row| now < row.blocked_until);
    Ok(row.map(|row| (row.blocked_until.millis_since(now) + 999) / 1000))
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

/// Whether the last allowed try of `subject` was counted just now.
pub(crate) fn is_spent(tx: &mut Tx, limit: &Limit, subject: &str) -> Result<bool, Fault> {
    Ok(throttles::find_throttle(tx, limit.kind, subject)?.is_some_and(|row| row.count >= limit.tries_max))
}

/// Remembers `subject` for the limit's block time: a rule that is one entry and no limit.
pub(crate) fn remember(tx: &mut Tx, limit: &Limit, subject: &str, now: Timestamp) -> Result<(), Fault> {
    let blocked_until = now.plus_seconds(limit.block_seconds);
    let row = ThrottleRow { count: 1, window_from: now, blocked_until };
    Ok(throttles::update_throttle(tx, limit.kind, subject, row)?)
}

/// Until when `subject` is remembered, which may have passed.
pub(crate) fn find_remembered(tx: &mut Tx, limit: &Limit, subject: &str) -> Result<Option<Timestamp>, Fault> {
    Ok(throttles::find_throttle(tx, limit.kind, subject)?.map(|row| row.blocked_until))
}

/// Whether `subject` is remembered.
pub(crate) fn is_remembered(
    tx: &mut Tx,
    limit: &Limit,
    subject: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let row = throttles::find_throttle(tx, limit.kind, subject)?;
    Ok(row.is_some_and(|row| now < row.blocked_until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::testing::each_engine;

    const DAY_SECONDS: i64 = 86_400;
    const LIMIT: Limit =
        Limit { kind: "test", tries_max: 100, window_seconds: DAY_SECONDS, block_seconds: 1800 };
    const START: Timestamp = Timestamp(1_772_357_400_000);

    /// Tries every `pause_seconds` for a day, and how many were let through.
    fn tries_in_a_day(db: &store::Db, from: Timestamp, pause_seconds: i64) -> i64 {
        let let_through = db.write_blocking(move |tx| {
            let at = (0..DAY_SECONDS / pause_seconds).map(|i| from.plus_seconds(i * pause_seconds));
            let passed = at.map(|now| Ok(count(tx, &LIMIT, "somebody", now)?.is_ok()));
            passed.collect::<Result<Vec<_>, Fault>>()
        });
        let_through.unwrap().into_iter().map(i64::from).sum()
    }

    #[test]
    fn pw_4_a_limit_for_a_day_lets_through_no_more_than_it_says() {
        each_engine(crate::MIGRATIONS, |db| {
            for day in 0..3 {
                let from = START.plus_seconds(day * DAY_SECONDS * 2);
                assert_eq!(tries_in_a_day(&db, from, 60), LIMIT.tries_max, "day {day}");
            }
        });
    }

    #[test]
    fn a_block_lasts_its_time_and_until_the_window_ends() {
        each_engine(crate::MIGRATIONS, |db| {
            let waited = db.write_blocking(|tx| {
                for _ in 0..LIMIT.tries_max {
                    assert_eq!(count(tx, &LIMIT, "early", START)?, Ok(()));
                }
                let late = START.plus_seconds(DAY_SECONDS - 1);
                assert_eq!(count(tx, &LIMIT, "late", START)?, Ok(()));
                for _ in 1..LIMIT.tries_max {
                    assert_eq!(count(tx, &LIMIT, "late", late)?, Ok(()));
                }
                Ok::<_, Fault>([count(tx, &LIMIT, "early", START)?, count(tx, &LIMIT, "late", late)?])
            });
            let seconds = waited.unwrap().map(|refused| refused.unwrap_err().retry_after_seconds);
            assert_eq!(seconds, [DAY_SECONDS, LIMIT.block_seconds]);
        });
    }
}
