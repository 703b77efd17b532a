//! Money that passes through a payer: what was topped up, and what shops gave back, in the last day.
//!
//! Promise: for the last [`SPAN`] seconds a sum is exact while a payer has at most [`FLOWS_MAX`] movements; past that, the
//! oldest of one kind are joined and count a little longer than a day, never shorter.

use base::{Currency, Timestamp};

use crate::facts::{Key, Word};
use crate::profile::seconds;
use crate::window::DAY;
use crate::wire::{Reader, Writer};

/// How long a movement counts, in seconds.
pub const SPAN: u32 = DAY;
/// Most movements that are remembered.
pub const FLOWS_MAX: usize = 16;

/// Where money of a payer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The payer put it into the balance.
    TopUp,
    /// A shop gave it back.
    Refund(Key),
}

/// The same as it is kept: the low half of the shop's key, as other counterparts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    TopUp,
    Shop(u32),
}

impl From {
    fn of(flow: Flow) -> From {
        match flow {
            Flow::TopUp => From::TopUp,
            Flow::Refund(shop) => From::Shop(shop.0 as u32),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Movement {
    from: From,
    currency: Word,
    /// Seconds since the epoch.
    at: u32,
    minor: i64,
}

/// The movements of one payer, in the order they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flows {
    // INVARIANT: at most FLOWS_MAX.
    movements: Vec<Movement>,
}

impl Flows {
    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.movements.is_empty()
    }

    /// Remembers `minor` units of `currency` that came at `at`, and forgets what is out of reach.
    pub fn add(&mut self, at: Timestamp, flow: Flow, minor: i64, currency: Currency) {
        let (at, from) = (seconds(at), From::of(flow));
        let Some(currency) = Word::parse(currency.code()) else { return };
        self.movements.retain(|movement| at.saturating_sub(movement.at) < SPAN);
        if self.movements.len() >= FLOWS_MAX {
            self.shorten();
        }
        self.movements.push(Movement { from, currency, at, minor });
    }

    /// What came in the [`SPAN`] before `now`, minor units of `currency`; saturates.
    pub fn sum(&self, now: Timestamp, flow: Flow, currency: Currency) -> i64 {
        let (now, from) = (seconds(now), From::of(flow));
        let Some(currency) = Word::parse(currency.code()) else { return 0 };
        let counts = |movement: &&Movement| {
            movement.from == from && movement.currency == currency && now.saturating_sub(movement.at) < SPAN
        };
        self.movements.iter().filter(counts).fold(0, |sum, movement| sum.saturating_add(movement.minor))
    }

    /// Makes room for one: joins the two oldest that are alike, or drops the oldest where all differ.
    fn shorten(&mut self) {
        let alike = |a: &Movement, b: &Movement| a.from == b.from && a.currency == b.currency;
        let pair = self.movements.iter().enumerate().find_map(|(older, movement)| {
            let mut later = self.movements.iter().enumerate().skip(older + 1);
            later.find(|(_, later)| alike(movement, later)).map(|(newer, _)| (older, newer))
        });
        let (older, newer) = pair.unwrap_or_default();
        let gone = self.movements.remove(older);
        if let Some(kept) = self.movements.get_mut(newer.saturating_sub(1)).filter(|_| pair.is_some()) {
            kept.minor = kept.minor.saturating_add(gone.minor);
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.uint(self.movements.len() as u64);
        for movement in &self.movements {
            match movement.from {
                From::TopUp => out.byte(0),
                From::Shop(key) => {
                    out.byte(1);
                    out.raw(&key.to_le_bytes());
                }
            }
            out.uint(movement.currency.packed());
            out.uint(u64::from(movement.at));
            out.int(movement.minor);
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Option<Flows> {
        let count = input.count(FLOWS_MAX)?;
        let mut movements = Vec::with_capacity(count);
        for _ in 0..count {
            let from = match input.byte()? {
                0 => From::TopUp,
                1 => From::Shop(u32::from_le_bytes(input.array()?)),
                _ => return None,
            };
            let currency = Word::from_packed(input.uint()?)?;
            movements.push(Movement { from, currency, at: input.u32()?, minor: input.int()? });
        }
        Some(Flows { movements })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_772_000_000;

    fn at(after: i64) -> Timestamp {
        Timestamp((START + after) * 1000)
    }

    fn usd() -> Currency {
        "USD".parse().unwrap()
    }

    #[test]
    fn a_day_ends_at_its_edge() {
        let mut flows = Flows::default();
        flows.add(at(0), Flow::TopUp, 100, Currency::CNY);
        let sum = |after| flows.sum(at(after), Flow::TopUp, Currency::CNY);
        assert_eq!((sum(0), sum(i64::from(SPAN) - 1), sum(i64::from(SPAN))), (100, 100, 0));
    }

    #[test]
    fn shops_currencies_and_top_ups_are_told_apart() {
        let mut flows = Flows::default();
        flows.add(at(0), Flow::TopUp, 1, Currency::CNY);
        flows.add(at(1), Flow::Refund(Key(7)), 20, Currency::CNY);
        flows.add(at(2), Flow::Refund(Key(8)), 300, Currency::CNY);
        flows.add(at(3), Flow::Refund(Key(7)), 4_000, usd());
        flows.add(at(4), Flow::Refund(Key(7)), 50_000, Currency::CNY);
        let sum = |flow, currency| flows.sum(at(5), flow, currency);
        assert_eq!(sum(Flow::TopUp, Currency::CNY), 1);
        assert_eq!(sum(Flow::Refund(Key(7)), Currency::CNY), 50_020);
        assert_eq!(sum(Flow::Refund(Key(8)), Currency::CNY), 300);
        assert_eq!((sum(Flow::Refund(Key(7)), usd()), sum(Flow::TopUp, usd())), (4_000, 0));
    }

    #[test]
    fn past_the_limit_nothing_alike_is_lost_and_the_list_stays_short() {
        let mut flows = Flows::default();
        for step in 0..1_000 {
            flows.add(at(step), Flow::TopUp, 1, Currency::CNY);
            assert!(flows.movements.len() <= FLOWS_MAX);
        }
        assert_eq!(flows.sum(at(1_000), Flow::TopUp, Currency::CNY), 1_000);
        // One more shop than there is room for: the oldest goes.
        let mut flows = Flows::default();
        for shop in 0..=FLOWS_MAX as u64 {
            flows.add(at(0), Flow::Refund(Key(shop)), 1, Currency::CNY);
        }
        let sum = |shop| flows.sum(at(1), Flow::Refund(Key(shop)), Currency::CNY);
        assert_eq!((sum(0), sum(1), sum(FLOWS_MAX as u64)), (0, 1, 1));
    }

    #[test]
    fn what_is_older_than_a_day_makes_room_first() {
        let mut flows = Flows::default();
        for _ in 0..FLOWS_MAX {
            flows.add(at(0), Flow::TopUp, 1, Currency::CNY);
        }
        flows.add(at(i64::from(SPAN)), Flow::TopUp, 5, Currency::CNY);
        assert_eq!(flows.movements.len(), 1);
        assert_eq!(flows.sum(at(i64::from(SPAN)), Flow::TopUp, Currency::CNY), 5);
    }

    #[test]
    fn sums_saturate() {
        let mut flows = Flows::default();
        for _ in 0..=FLOWS_MAX {
            flows.add(at(0), Flow::TopUp, i64::MAX, Currency::CNY);
        }
        assert_eq!(flows.sum(at(0), Flow::TopUp, Currency::CNY), i64::MAX);
    }
}
