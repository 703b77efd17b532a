//! Thinning out: of what anybody can cause again and again the log gets the first of an hour, the tenth, the hundredth and
//! the thousandth, each with how many there were ([`NOTED_AT`]).
//!
//! Sources are kept as keyed hashes, in bounded memory and on each node its own. When the table is full, sources whose hour
//! is over are forgotten; if none is, newcomers are counted together until one is.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use base::Timestamp;

use crate::limits::{NOTED_AT, NOTED_SOURCES_MAX};

/// What is counted as one.
const HOUR_SECONDS: i64 = 3600;
/// Where newcomers are counted while there is no room.
const SHARED: u64 = 0;

/// Counts by source.
#[derive(Debug, Default)]
pub struct Thinner {
    hasher: RandomState,
    hours: Mutex<HashMap<u64, Hour>>,
}

#[derive(Clone, Copy, Debug)]
struct Hour {
    from: Timestamp,
    count: u32,
}

impl Hour {
    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.from.plus_seconds(HOUR_SECONDS)
    }
}

impl Thinner {
    /// Counts one more of `source`. Returns how many there were within its hour, when the log is to be told.
    pub fn count(&self, source: &[u8], now: Timestamp) -> Option<u32> {
        let hash = self.hasher.hash_one(source);
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        if !hours.contains_key(&hash) && hours.len() >= NOTED_SOURCES_MAX {
            hours.retain(|_, hour| !hour.is_over(now));
        }
        let has_room = hours.contains_key(&hash) || hours.len() < NOTED_SOURCES_MAX;
        let fresh = Hour { from: now, count: 0 };
        let hour = hours.entry(if has_room { hash } else { SHARED }).or_insert(fresh);
        if hour.is_over(now) {
            *hour = fresh;
        }
        hour.count = hour.count.saturating_add(1);
        Some(hour.count).filter(|count| NOTED_AT.contains(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_772_357_400_000);

    /// What the log is told of `times` in a row.
    fn told(thinner: &Thinner, source: &[u8], times: u32, now: Timestamp) -> Vec<u32> {
        (0..times).filter_map(|_| thinner.count(source, now)).collect()
    }

    #[test]
    fn sig_9_an_hour_is_told_a_few_times_and_with_how_many_there_were() {
        let thinner = Thinner::default();
        assert_eq!(told(&thinner, b"a", 5_000, START), NOTED_AT);
        assert_eq!(told(&thinner, b"b", 1, START), [1], "another source");
        let last = Timestamp(START.plus_seconds(HOUR_SECONDS).0 - 1);
        assert_eq!(told(&thinner, b"a", 1, last), [0; 0]);
        assert_eq!(told(&thinner, b"a", 1, START.plus_seconds(HOUR_SECONDS)), [1], "another hour");
    }

    #[test]
    fn memory_is_bounded_and_newcomers_are_counted_together() {
        let thinner = Thinner::default();
        let sources: Vec<[u8; 4]> = (0..NOTED_SOURCES_MAX as u32 + 9).map(u32::to_be_bytes).collect();
        let told: Vec<Option<u32>> = sources.iter().map(|source| thinner.count(source, START)).collect();
        let (each, together) = told.split_at(NOTED_SOURCES_MAX);
        assert!(each.iter().all(|count| *count == Some(1)));
        assert_eq!(together.iter().flatten().collect::<Vec<_>>(), [&1], "nine of them, told as one");
        assert_eq!(thinner.count(b"late", START), Some(10));
        assert_eq!(thinner.hours.lock().unwrap().len(), NOTED_SOURCES_MAX + 1);
        assert_eq!(thinner.count(b"later", START.plus_seconds(HOUR_SECONDS)), Some(1), "there is room again");
    }
}
