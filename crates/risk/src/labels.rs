//! What one party's labels come to: the payments known to be fraud, and those known to be genuine.
//!
//! Promise: a payment counts as fraud from the moment somebody said so and until they take it back, and as genuine once it is
//! [`LABEL_DELAY`] old and nobody said fraud, or earlier where somebody said genuine. None of it needs a visit to old
//! payments: what is genuine is derived from the party's log when it is asked for, by the same code live and on a file.
//! A label that is taken back leaves the log as if it had never been there.
//!
//! Payments of one log entry (a minute; longer where a log was thinned) count as genuine first and fraud after.

use crate::window::LABEL_DELAY;
use crate::wire::{Reader, Writer};

/// What somebody says of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// The payer did not mean it.
    Fraud,
    /// It was the payer's own.
    Genuine,
}

/// A label is said, or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is said.
    Set,
    /// It was said before and is taken back.
    Lift,
}

/// Labels of one party as known at one instant. Times are seconds since the epoch, 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Payments known to be fraud.
    pub frauds: u32,
    /// When the latest of the known frauds was paid.
    pub last_fraud: u32,
    /// When the first fraud of the latest run was paid. A run is frauds without a genuine payment between.
    pub run_start: u32,
    /// When the latest of the known genuine payments was paid.
    pub last_genuine: u32,
    /// Frauds in the latest run.
    pub run_length: u32,
    /// Known genuine payments since the latest fraud.
    pub genuine_since: u32,
}

/// The labels inside one entry of a log, beside its count of frauds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Frauds among them whose money never moved.
    pub stopped: u16,
    /// Paid ones that somebody called genuine.
    pub vouched: u16,
}

impl Marks {
    pub fn is_empty(self) -> bool {
        self == Marks::default()
    }

    pub fn add(&mut self, other: Marks) {
        self.stopped = self.stopped.saturating_add(other.stopped);
        self.vouched = self.vouched.saturating_add(other.vouched);
    }

    /// The same, changed by one label; and the frauds beside it.
    pub fn apply(&mut self, frauds: &mut u32, label: Label, paid: bool, change: Change) {
        match label {
            Label::Fraud => {
                step(frauds, change);
                if !paid {
                    step16(&mut self.stopped, change);
                }
            }
            Label::Genuine if paid => step16(&mut self.vouched, change),
            Label::Genuine => {}
        }
    }

    /// Payments of an entry known to be genuine, once all of it is old enough or before.
    pub fn genuine(self, paid: u32, frauds: u32, aged: bool) -> u32 {
        let unpaid = u32::from(self.stopped);
        let left = paid.saturating_sub(frauds.saturating_sub(unpaid));
        if aged { left } else { left.min(u32::from(self.vouched)) }
    }
}

fn step(count: &mut u32, change: Change) {
    *count = match change {
        Change::Set => count.saturating_add(1),
        Change::Lift => count.saturating_sub(1),
    };
}

fn step16(count: &mut u16, change: Change) {
    *count = match change {
        Change::Set => count.saturating_add(1),
        Change::Lift => count.saturating_sub(1),
    };
}

/// What an entry of a log tells of labels, for [`tell`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// When the entry ends.
    pub at: u32,
    /// What was paid in it.
    pub paid: u32,
    /// Frauds in it.
    pub frauds: u32,
    /// Its marks.
    pub marks: Marks,
}

/// The labels of what a log has forgotten, folded together in the order it was paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// End of the newest entry that was forgotten; 0 for none.
    pub until: u32,
    /// Known frauds of the party in all, the log's included.
    pub frauds_ever: u32,
    frauds: u32,
    genuine: u32,
    last_fraud: u32,
    run_start: u32,
    last_genuine: u32,
    run_length: u32,
    genuine_since: u32,
    /// End of the newest entry in which anything was paid.
    last_paid: u32,
}

impl Past {
    /// Takes in the oldest entry of a log, which forgets it.
    pub fn take(&mut self, entry: &Told) {
        let genuine = entry.marks.genuine(entry.paid, entry.frauds, true);
        self.until = self.until.max(entry.at);
        self.last_paid = if entry.paid > 0 { entry.at } else { self.last_paid };
        if genuine > 0 {
            self.genuine = self.genuine.saturating_add(genuine);
            self.genuine_since = self.genuine_since.saturating_add(genuine);
            self.last_genuine = entry.at;
        }
        if entry.frauds > 0 {
            self.add_frauds(entry.at, entry.frauds);
        }
    }

    fn add_frauds(&mut self, at: u32, frauds: u32) {
        if self.genuine_since > 0 || self.run_length == 0 {
            (self.run_start, self.run_length) = (at, 0);
        }
        self.frauds = self.frauds.saturating_add(frauds);
        self.run_length = self.run_length.saturating_add(frauds);
        self.last_fraud = self.last_fraud.max(at);
        self.genuine_since = 0;
    }

    /// A label on a payment that the log has forgotten. Counts stay exact; where such a fraud stands among payments
    /// that are forgotten as well is not known any more, so it counts as the latest of them.
    pub fn apply(&mut self, at: u32, label: Label, paid: bool, change: Change) {
        if label == Label::Genuine {
            return;
        }
        let moved = u32::from(paid);
        match change {
            Change::Set => {
                self.genuine = self.genuine.saturating_sub(moved);
                self.add_frauds(at, 1);
            }
            Change::Lift => {
                self.frauds = self.frauds.saturating_sub(1);
                self.genuine = self.genuine.saturating_add(moved);
                self.genuine_since = self.genuine_since.saturating_add(moved);
                self.run_length = self.run_length.saturating_sub(1).min(self.frauds);
                self.last_genuine = if paid { self.last_genuine.max(at) } else { self.last_genuine };
            }
        }
        if self.frauds == 0 {
            (self.last_fraud, self.run_start, self.run_length) = (0, 0, 0);
            (self.genuine_since, self.last_genuine) = (self.genuine, self.last_paid);
        }
    }

    pub fn write(&self, out: &mut Writer) {
        for value in [
            self.until,
            self.frauds_ever,
            self.frauds,
            self.genuine,
            self.last_fraud,
            self.run_start,
            self.last_genuine,
            self.run_length,
            self.genuine_since,
            self.last_paid,
        ] {
            out.uint(u64::from(value));
        }
    }

    pub fn read(input: &mut Reader<'_>) -> Option<Past> {
        Some(Past {
            until: input.u32()?,
            frauds_ever: input.u32()?,
            frauds: input.u32()?,
            genuine: input.u32()?,
            last_fraud: input.u32()?,
            run_start: input.u32()?,
            last_genuine: input.u32()?,
            run_length: input.u32()?,
            genuine_since: input.u32()?,
            last_paid: input.u32()?,
        })
    }

    /// As programs wrote it that folded labels as they came in: all frauds the party had, the log's among them.
    pub fn read_folded(input: &mut Reader<'_>) -> Option<Past> {
        let (frauds, genuine) = (input.u32()?, input.u32()?);
        Some(Past {
            until: 0,
            frauds_ever: frauds,
            frauds,
            genuine,
            last_fraud: input.u32()?,
            run_start: input.u32()?,
            last_genuine: input.u32()?,
            run_length: input.u32()?,
            genuine_since: input.u32()?,
            last_paid: 0,
        })
    }

    /// Leaves of such a fold what its log, which has `frauds` and `paid` in entries since `oldest`, does not tell.
    pub fn without_log(mut self, (frauds, paid): (u32, u32), oldest: u32, paid_ever: u32) -> Past {
        let before = paid_ever.saturating_sub(paid);
        self.frauds = self.frauds_ever.saturating_sub(frauds);
        self.genuine = before.saturating_sub(self.frauds);
        self.until = if before > 0 { oldest.saturating_sub(crate::window::DAY) } else { 0 };
        self.last_genuine = if self.genuine > 0 { self.until } else { 0 };
        self.last_paid = self.until;
        if self.frauds == 0 {
            (self.last_fraud, self.run_start, self.run_length) = (0, 0, 0);
            self.genuine_since = self.genuine;
        } else {
            self.run_length = self.run_length.min(self.frauds);
            self.genuine_since = 0;
        }
        self
    }
}

/// The labels known at `now`, from a log's entries, newest first, and what came before them.
pub(crate) fn tell(
    newest_first: impl Iterator<Item = Told>,
    past: &Past,
    paid_ever: u32,
    now: u32,
) -> Labels {
    let mut labels = Labels { frauds: past.frauds_ever, ..Labels::default() };
    let (mut young_paid, mut run_ended) = (0u32, false);
    for entry in newest_first {
        let aged = now.saturating_sub(entry.at) >= LABEL_DELAY;
        // Without a fraud, all that is old enough is genuine: nothing further back need be read.
        if labels.frauds == 0 && aged && entry.paid > 0 {
            labels.last_genuine = labels.last_genuine.max(entry.at);
            labels.genuine_since = labels.genuine_since.saturating_add(paid_ever.saturating_sub(young_paid));
            return labels;
        }
        young_paid = young_paid.saturating_add(if aged { 0 } else { entry.paid });
        if entry.frauds > 0 && !run_ended {
            labels.last_fraud = labels.last_fraud.max(entry.at);
            labels.run_start = entry.at;
            labels.run_length = labels.run_length.saturating_add(entry.frauds);
        }
        let genuine = entry.marks.genuine(entry.paid, entry.frauds, aged);
        if genuine > 0 {
            labels.last_genuine = labels.last_genuine.max(entry.at);
            run_ended |= labels.run_length > 0;
        }
        if labels.run_length == 0 {
            labels.genuine_since = labels.genuine_since.saturating_add(genuine);
        }
        if run_ended {
            return labels;
        }
    }
    before(labels, past, (paid_ever, young_paid))
}

/// What remains to be told where the log ends.
fn before(mut labels: Labels, past: &Past, (paid_ever, young_paid): (u32, u32)) -> Labels {
    labels.last_genuine = labels.last_genuine.max(past.last_genuine);
    if labels.frauds == 0 {
        labels.genuine_since = labels.genuine_since.saturating_add(paid_ever.saturating_sub(young_paid));
    } else if labels.run_length == 0 {
        labels.genuine_since = labels.genuine_since.saturating_add(past.genuine_since);
        (labels.last_fraud, labels.run_start) = (past.last_fraud, past.run_start);
        labels.run_length = past.run_length;
    } else if past.run_length > 0 && past.genuine_since == 0 {
        labels.run_start = past.run_start;
        labels.run_length = labels.run_length.saturating_add(past.run_length);
    }
    labels
}
