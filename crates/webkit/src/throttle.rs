//! A token bucket for each caller, in bounded memory.
//!
//! Keys (an address, an API key, an account) are kept only as keyed hashes. When the table is full, buckets that have
//! refilled are dropped; if none has, newcomers share one bucket until some do.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use base::Timestamp;

use crate::error::ApiError;
use crate::limits::THROTTLE_KEYS_MAX;

const SHARDS: usize = 16;

/// How much a caller may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// At once, after a rest.
    pub burst: u32,
    /// For ever, each minute.
    pub per_minute: u32,
}

/// Buckets by key.
#[derive(Debug)]
pub struct Throttle {
    rate: Rate,
    keys_max_per_shard: usize,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    buckets: HashMap<u64, Bucket>,
    shared: Option<Bucket>,
    swept_at: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of a request.
    tokens_milli: u64,
    filled_at: Timestamp,
}

impl Throttle {
    /// A throttle for up to [`THROTTLE_KEYS_MAX`] keys.
    pub fn new(rate: Rate) -> Throttle {
        Throttle::with_keys_max(rate, THROTTLE_KEYS_MAX)
    }

    /// A throttle for up to `keys_max` keys.
    pub fn with_keys_max(rate: Rate, keys_max: usize) -> Throttle {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Throttle { rate, keys_max_per_shard: keys_max.div_ceil(SHARDS), hasher: RandomState::new(), shards }
    }

    /// Takes one request out of the bucket of `key`.
    ///
    /// # Errors
    /// 429 with the wait when it is empty.
    pub fn check(&self, key: &[u8], now: Timestamp) -> Result<(), ApiError> {
        self.take(key, now).map_err(ApiError::too_many)
    }

    /// Takes one request, or returns the seconds to wait.
    ///
    /// # Errors
    /// Seconds until the next request fits, at least 1.
    pub fn take(&self, key: &[u8], now: Timestamp) -> Result<(), u32> {
        let hash = self.hasher.hash_one(key);
        let Some(shard) = self.shards.get((hash >> 60) as usize % SHARDS) else { return Ok(()) };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if !shard.buckets.contains_key(&hash) && shard.buckets.len() >= self.keys_max_per_shard {
            shard.sweep(self.rate, now);
        }
        let full = Bucket { tokens_milli: self.rate.burst_milli(), filled_at: now };
        let has_room = shard.buckets.len() < self.keys_max_per_shard || shard.buckets.contains_key(&hash);
        let bucket = if has_room {
            shard.buckets.entry(hash).or_insert(full)
        } else {
            shard.shared.get_or_insert(full)
        };
        bucket.take(self.rate, now)
    }

    /// How many keys are remembered.
    pub fn keys(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).buckets.len())
            .sum()
    }
}

impl Rate {
    fn burst_milli(self) -> u64 {
        u64::from(self.burst) * 1000
    }
}

impl Shard {
    /// Drops buckets that are full again; at most once a second, so that a flood pays for no endless sweeps.
    fn sweep(&mut self, rate: Rate, now: Timestamp) {
        if now.millis_since(self.swept_at).abs() < 1000 {
            return;
        }
        self.swept_at = now;
        self.buckets.retain(|_, bucket| {
            bucket.fill(rate, now);
            bucket.tokens_milli < rate.burst_milli()
        });
    }
}

impl Bucket {
    /// Adds what time has brought: `per_minute` requests a minute, which is `per_minute / 60` thousandths each ms.
    fn fill(&mut self, rate: Rate, now: Timestamp) {
        let waited_ms = u64::try_from(now.millis_since(self.filled_at)).unwrap_or(0);
        let gained = waited_ms.saturating_mul(u64::from(rate.per_minute)) / 60;
        if gained > 0 || waited_ms == 0 {
            self.tokens_milli = self.tokens_milli.saturating_add(gained).min(rate.burst_milli());
            self.filled_at = now.max(self.filled_at);
        }
    }

    fn take(&mut self, rate: Rate, now: Timestamp) -> Result<(), u32> {
        self.fill(rate, now);
        match self.tokens_milli.checked_sub(1000) {
            Some(rest) => {
                self.tokens_milli = rest;
                Ok(())
            }
            None => {
                let missing_ms = (1000 - self.tokens_milli) * 60 / u64::from(rate.per_minute.max(1));
                Err(u32::try_from(missing_ms.div_ceil(1000).max(1)).unwrap_or(u32::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Clock;

    const RATE: Rate = Rate { burst: 3, per_minute: 6 };

    #[test]
    fn a_burst_passes_and_the_next_waits() {
        let (throttle, clock) = (Throttle::new(RATE), Clock::manual(Timestamp(1_000_000)));
        let take = |key: &[u8]| throttle.take(key, clock.now());
        assert_eq!([take(b"a"), take(b"a"), take(b"a"), take(b"a")], [Ok(()), Ok(()), Ok(()), Err(10)]);
        assert_eq!(take(b"b"), Ok(()));
        clock.advance_seconds(9);
        assert_eq!(take(b"a"), Err(1));
        clock.advance_seconds(1);
        assert_eq!([take(b"a"), take(b"a")], [Ok(()), Err(10)]);
        clock.advance_seconds(3600);
        assert_eq!([take(b"a"), take(b"a"), take(b"a"), take(b"a")], [Ok(()), Ok(()), Ok(()), Err(10)]);
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing() {
        let throttle = Throttle::new(RATE);
        (0..3).for_each(|_| throttle.take(b"a", Timestamp(100_000)).unwrap());
        assert!(throttle.take(b"a", Timestamp(0)).is_err());
        assert!(throttle.take(b"a", Timestamp(100_000)).is_err());
    }

    #[test]
    fn memory_is_bounded_and_newcomers_share_a_bucket() {
        let throttle = Throttle::with_keys_max(RATE, 64);
        let now = Timestamp(1_000_000);
        for i in 0..10_000u32 {
            let _ = throttle.take(&i.to_be_bytes(), now);
        }
        assert!(throttle.keys() <= 64, "{}", throttle.keys());
        assert!((0..1000u32).any(|i| throttle.take(&(90_000 + i).to_be_bytes(), now).is_err()));
        let later = now.plus_seconds(3600);
        // However they are spread over the shards, so few fit into one and its shared bucket.
        assert!((0..7u32).all(|i| throttle.take(&(70_000 + i).to_be_bytes(), later).is_ok()));
    }

    #[test]
    fn a_refusal_is_429_with_the_wait() {
        let throttle = Throttle::new(Rate { burst: 0, per_minute: 1 });
        let error = throttle.check(b"a", Timestamp(0)).unwrap_err();
        assert_eq!((error.status().as_u16(), error.retry_after_seconds), (429, Some(60)));
    }
}
