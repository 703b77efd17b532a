//! The sliding windows of one party: a short log of entries that is exact while it is short and grows coarser with
//! age when it is not.
//!
//! Promise: for a window of length `w`, the counts and sums lie between those of exactly the attempts in
//! `(now - w, now]` and those in `(now - w - grain, now]`, where `grain` is one minute for ten minutes and for a log
//! that was never thinned, ten minutes for an hour, two hours for a day, twelve hours for a week, a day beyond.
//! Adding is constant time (amortised), and memory is bounded by [`ENTRIES_MAX`].

use crate::labels::{Change, Label, Labels, Marks, Past, Told, tell};
use crate::wire::{Reader, Writer};

/// Seconds in a minute.
pub const MINUTE: u32 = 60;
/// Seconds in an hour.
pub const HOUR: u32 = 3_600;
/// Seconds in a day.
pub const DAY: u32 = 86_400;

/// How far back a log reaches, in seconds: thirty days seen through a label delay of seven.
pub const REACH: u32 = 38 * DAY;
/// Most entries a log keeps; at this length it forgets what is out of reach, and joins entries when more than
/// [`ENTRIES_EXACT_MAX`] are left. So two payments a day are remembered exactly.
pub const ENTRIES_MAX: usize = 96;
/// Most entries left after that.
pub const ENTRIES_EXACT_MAX: usize = 80;
/// How long the label delay is, in seconds: of the delayed windows, and until a payment counts as genuine that nobody
/// called a fraud.
pub const LABEL_DELAY: u32 = 7 * DAY;

/// The lengths of the windows that [`Log::sums`] reads, in seconds, in its order.
pub const SPANS: [u32; 9] =
    [10 * MINUTE, HOUR, DAY, 3 * DAY, 7 * DAY, LABEL_DELAY + DAY, 14 * DAY, 30 * DAY, LABEL_DELAY + 30 * DAY];

/// What happened in a stretch of time. Also one entry's content.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Attempts, however they ended.
    pub attempts: u32,
    /// Attempts that were paid.
    pub paid: u32,
    /// Attempts that were declined.
    pub declined: u32,
    /// Attempts with a small amount.
    pub small: u32,
    /// Attempts with a counterpart not met before.
    pub fresh: u32,
    /// Attempts known to be fraud.
    pub frauds: u32,
    /// Paid attempts of an amount far above the party's mean at the time.
    pub high: u32,
    /// Sum of the paid amounts, minor units.
    pub sum: i64,
    /// Sum of the squares of the paid amounts; seven digits are enough for a deviation.
    pub squares: f32,
    /// Highest ratio of amount to mean among the `high` ones.
    pub peak: f32,
}

impl Sums {
    /// Adds `other`; counts and sums saturate.
    pub fn add(&mut self, other: &Sums) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.paid = self.paid.saturating_add(other.paid);
        self.declined = self.declined.saturating_add(other.declined);
        self.small = self.small.saturating_add(other.small);
        self.fresh = self.fresh.saturating_add(other.fresh);
        self.frauds = self.frauds.saturating_add(other.frauds);
        self.high = self.high.saturating_add(other.high);
        self.sum = self.sum.saturating_add(other.sum);
        self.squares += other.squares;
        self.peak = self.peak.max(other.peak);
    }

    /// Mean paid amount, minor units. `None` when nothing was paid.
    pub fn mean(&self) -> Option<f64> {
        (self.paid > 0).then(|| self.sum as f64 / f64::from(self.paid))
    }

    /// Standard deviation of the paid amounts (population). `None` below two payments.
    pub fn deviation(&self) -> Option<f64> {
        let mean = self.mean().filter(|_| self.paid > 1)?;
        Some((f64::from(self.squares) / f64::from(self.paid) - mean * mean).max(0.0).sqrt())
    }
}

/// One entry: what happened after the entry before, up to and including `at`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    at: u32,
    marks: Marks,
    sums: Sums,
}

impl Entry {
    fn told(&self) -> Told {
        Told { at: self.at, paid: self.sums.paid, frauds: self.sums.frauds, marks: self.marks }
    }
}

/// The log of one party, oldest entry first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    // INVARIANT: `at` never falls from one entry to the next; at most ENTRIES_MAX entries.
    entries: Vec<Entry>,
    /// Labels of the entries that were forgotten.
    past: Past,
}

impl Log {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds what happened at `at` (seconds since the epoch). A time before the newest entry counts as that entry's.
    pub fn add(&mut self, at: u32, sums: &Sums) {
        if let Some(newest) = self.entries.last_mut() {
            let at = at.max(newest.at);
            if newest.at / MINUTE == at / MINUTE {
                newest.at = at;
                newest.sums.add(sums);
                return;
            }
        }
        let at = self.entries.last().map_or(at, |newest| at.max(newest.at));
        if self.entries.len() >= ENTRIES_MAX {
            self.thin(at);
        }
        self.entries.push(Entry { at, marks: Marks::default(), sums: *sums });
    }

    /// Sets or lifts a label of the attempt of `at`, in the entry that covers it. `paid`: whether its money moved.
    pub fn label(&mut self, at: u32, label: Label, paid: bool, change: Change) {
        if label == Label::Fraud {
            self.past.frauds_ever = match change {
                Change::Set => self.past.frauds_ever.saturating_add(1),
                Change::Lift => self.past.frauds_ever.saturating_sub(1),
            };
        }
        if at <= self.past.until {
            return self.past.apply(at, label, paid, change);
        }
        let index = self.entries.partition_point(|entry| entry.at < at);
        if let Some(entry) = self.entries.get_mut(index) {
            entry.marks.apply(&mut entry.sums.frauds, label, paid, change);
        }
    }

    /// The labels known at `now` of a party that was paid `paid_ever` times.
    pub fn labels(&self, now: u32, paid_ever: u32) -> Labels {
        tell(self.entries.iter().rev().map(Entry::told), &self.past, paid_ever, now)
    }

    /// Totals of the windows `(now - span, now]` for each of [`SPANS`]: one pass over the log.
    pub fn sums(&self, now: u32) -> [Sums; SPANS.len()] {
        let mut out = [Sums::default(); SPANS.len()];
        let mut total = Sums::default();
        let mut newest_first = self.entries.iter().rev().peekable();
        for (slot, span) in out.iter_mut().zip(SPANS) {
            while let Some(entry) = newest_first.next_if(|entry| now.saturating_sub(entry.at) < span) {
                total.add(&entry.sums);
            }
            *slot = total;
        }
        out
    }

    /// Drops what is out of reach and, where that is not enough, joins entries of the same grain.
    fn thin(&mut self, now: u32) {
        let gone = self.entries.partition_point(|entry| now.saturating_sub(entry.at) >= REACH);
        for entry in self.entries.drain(..gone) {
            self.past.take(&entry.told());
        }
        if self.entries.len() <= ENTRIES_EXACT_MAX {
            return;
        }
        self.entries.dedup_by(|newer, older| {
            let grain = grain(now.saturating_sub(newer.at));
            let same = newer.at / grain == older.at / grain;
            if same {
                older.at = newer.at;
                older.sums.add(&newer.sums);
                older.marks.add(newer.marks);
            }
            same
        });
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.uint(self.entries.len() as u64);
        let mut before = 0;
        for entry in &self.entries {
            out.uint(u64::from(entry.at - before));
            before = entry.at;
            write_sums(out, &entry.sums, entry.marks);
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Option<Log> {
        let count = input.count(ENTRIES_MAX)?;
        // Each entry takes three bytes at least, so a false count cannot reserve much.
        let mut entries = Vec::with_capacity(count.min(input.0.len() / 3) + 1);
        let mut at = 0u32;
        for _ in 0..count {
            at = at.checked_add(input.u32()?)?;
            let (sums, marks) = read_sums(input)?;
            entries.push(Entry { at, marks, sums });
        }
        Some(Log { entries, past: Past::default() })
    }

    /// The labels of what was forgotten, as stored beside the log: nothing where there is nothing to tell.
    pub(crate) fn write_past(&self, out: &mut Writer) {
        out.byte(if self.past == Past::default() { NO_PAST } else { PAST });
        if self.past != Past::default() {
            self.past.write(out);
        }
    }

    /// Puts what [`Log::write_past`] wrote to a log that was read. `paid_ever`: payments of the party's whole life.
    pub(crate) fn with_past(self, past: StoredPast, paid_ever: u32) -> Log {
        let past = match past {
            StoredPast::Known(past) => past,
            StoredPast::Folded(past) => {
                let add = |(frauds, paid): (u32, u32), entry: &Entry| {
                    (frauds.saturating_add(entry.sums.frauds), paid.saturating_add(entry.sums.paid))
                };
                let oldest = self.entries.first().map_or(0, |entry| entry.at);
                past.without_log(self.entries.iter().fold((0, 0), add), oldest, paid_ever)
            }
        };
        Log { past, ..self }
    }
}

const NO_PAST: u8 = 0;
const FOLDED: u8 = 1;
const PAST: u8 = 2;

/// The labels of what a log has forgotten, as read.
pub(crate) enum StoredPast {
    /// As it is kept now.
    Known(Past),
    /// From before the log told of labels: all of them.
    Folded(Past),
}

impl StoredPast {
    pub(crate) fn read(input: &mut Reader<'_>) -> Option<StoredPast> {
        match input.byte()? {
            NO_PAST => Some(StoredPast::Folded(Past::default())),
            FOLDED => Past::read_folded(input).map(StoredPast::Folded),
            PAST => Past::read(input).map(StoredPast::Known),
            _ => None,
        }
    }
}

/// How coarse entries of an age (seconds) may become.
fn grain(age: u32) -> u32 {
    match age {
        0..600 => MINUTE,
        600..3_600 => 10 * MINUTE,
        3_600..86_400 => 2 * HOUR,
        86_400..604_800 => 12 * HOUR,
        _ => DAY,
    }
}

const ONE: u8 = 1;
const ALL_PAID: u8 = 2;
const DECLINED: u8 = 4;
const SMALL: u8 = 8;
const FRESH: u8 = 16;
const FRAUDS: u8 = 32;
const HIGH: u8 = 64;
const MARKS: u8 = 128;

fn write_sums(out: &mut Writer, sums: &Sums, marks: Marks) {
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    let flags = flag(sums.attempts == 1, ONE)
        | flag(sums.paid == sums.attempts, ALL_PAID)
        | flag(sums.declined > 0, DECLINED)
        | flag(sums.small > 0, SMALL)
        | flag(sums.fresh > 0, FRESH)
        | flag(sums.frauds > 0, FRAUDS)
        | flag(sums.high > 0, HIGH)
        | flag(!marks.is_empty(), MARKS);
    out.byte(flags);
    if flags & ONE == 0 {
        out.uint(u64::from(sums.attempts));
    }
    if flags & ALL_PAID == 0 {
        out.uint(u64::from(sums.paid));
    }
    for (bit, value) in
        [(DECLINED, sums.declined), (SMALL, sums.small), (FRESH, sums.fresh), (FRAUDS, sums.frauds)]
    {
        if flags & bit != 0 {
            out.uint(u64::from(value));
        }
    }
    if flags & HIGH != 0 {
        out.uint(u64::from(sums.high));
        out.f32(sums.peak);
    }
    if flags & MARKS != 0 {
        out.uint(u64::from(marks.stopped));
        out.uint(u64::from(marks.vouched));
    }
    if sums.paid > 0 {
        out.int(sums.sum);
    }
    if sums.paid > 1 {
        out.f32(sums.squares);
    }
}

fn read_sums(input: &mut Reader<'_>) -> Option<(Sums, Marks)> {
    let flags = input.byte()?;
    let attempts = if flags & ONE != 0 { 1 } else { input.u32()? };
    let paid = if flags & ALL_PAID != 0 { attempts } else { input.u32()? };
    let mut sums = Sums { attempts, paid, ..Sums::default() };
    for (bit, slot) in [
        (DECLINED, &mut sums.declined),
        (SMALL, &mut sums.small),
        (FRESH, &mut sums.fresh),
        (FRAUDS, &mut sums.frauds),
    ] {
        if flags & bit != 0 {
            *slot = input.u32()?;
        }
    }
    if flags & HIGH != 0 {
        sums.high = input.u32()?;
        sums.peak = input.f32()?;
    }
    let mut marks = Marks::default();
    if flags & MARKS != 0 {
        marks.stopped = u16::try_from(input.u32()?).ok()?;
        marks.vouched = u16::try_from(input.u32()?).ok()?;
    }
    if paid > 0 {
        sums.sum = input.int()?;
    }
    sums.squares = if paid > 1 { input.f32()? } else { square(sums.sum) };
    Some((sums, marks))
}

/// The square of an amount, as [`Sums::squares`] keeps it.
pub fn square(minor: i64) -> f32 {
    let amount = minor as f64;
    (amount * amount) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(amount: i64) -> Sums {
        Sums { attempts: 1, paid: 1, sum: amount, squares: square(amount), ..Sums::default() }
    }

    #[test]
    fn a_window_excludes_its_far_edge() {
        let mut log = Log::default();
        log.add(1_000_000, &one(5));
        let count = |now: u32| log.sums(now)[0].attempts;
        assert_eq!((count(1_000_599), count(1_000_600)), (1, 0));
    }

    #[test]
    fn late_attempts_count_as_now() {
        let mut log = Log::default();
        log.add(1_000_000, &one(5));
        log.add(999_000, &one(7));
        assert_eq!(log.len(), 1);
        assert_eq!(log.sums(1_000_001)[0].sum, 12);
    }

    #[test]
    fn a_busy_log_stays_bounded_and_keeps_its_totals() {
        let mut log = Log::default();
        let start = 1_700_000_000;
        for step in 0..(40 * 24 * 60) {
            log.add(start + step * MINUTE, &one(1));
            assert!(log.len() <= ENTRIES_MAX);
        }
        let now = start + 40 * 24 * 60 * MINUTE;
        log.thin(now);
        assert!(log.len() <= ENTRIES_EXACT_MAX, "{}", log.len());
        let day = log.sums(now)[2].paid;
        assert!((1_439..=1_440 + 120).contains(&day), "{day}");
    }

    #[test]
    fn labels_reach_the_entry_that_covers_them() {
        let mut log = Log::default();
        for step in 0..10u32 {
            log.add(1_000_000 + step * HOUR, &one(1));
        }
        for after in [3 * HOUR, 3 * HOUR + 1, 10 * HOUR] {
            log.label(1_000_000 + after, Label::Fraud, true, Change::Set);
        }
        let frauds: Vec<u32> = log.entries.iter().map(|entry| entry.sums.frauds).collect();
        assert_eq!(frauds, [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
    }
}
