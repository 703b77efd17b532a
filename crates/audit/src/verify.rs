//! Says whether a log is what was signed, and if not, what is wrong with it and where.
//!
//! The verifier needs the exported log and the log's public key; checkpoints kept elsewhere (anchors) let it see a cut
//! tail and a rolled-back database as well. It recomputes every hash. The leaf hashes of the tiles are what lets it
//! name the very entry: tiles are believed only as far as they lead to a signed root.
//!
//! A live database goes through the same [`Auditor`] ([`verify_database`]).

use std::collections::BTreeMap;
use std::fmt;

use base::{ScopedId as _, Timestamp};

use crate::checkpoint::SignedCheckpoint;
use crate::compare::{Mismatch, compare};
use crate::entry::Entry;
use crate::export::{ExportError, Header, Sink, stretch};
use crate::note::{NoteError, VerifierKey};
use crate::store::EntryRow;
use crate::tree::{Digest, Frontier, leaf_hash};

mod database;
mod file;

pub use database::verify_database;
pub use file::{VerifyError, verify_export};

/// How far clocks and late commits may put an entry's time from where it stands in the log, in milliseconds.
pub const CLOCK_SLACK_MS: i64 = 5 * 60 * 1000;
/// Most findings a report lists; further ones are counted.
pub const FINDINGS_MAX: usize = 1_000;

/// Something wrong. Positions count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The entry is not the one that was signed.
    Altered {
        /// Its position.
        position: u64,
    },
    /// The entry is gone.
    Removed {
        /// Its position.
        position: u64,
    },
    /// An entry that was never signed.
    Inserted {
        /// Where it stands.
        position: u64,
    },
    /// The entry stands in another place.
    Reordered {
        /// Its signed position.
        position: u64,
        /// Where it stands now.
        found: u64,
    },
    /// The entry claims a time well before those that were signed before it.
    BackDated {
        /// Its position.
        position: u64,
        /// The time it claims.
        at: Timestamp,
    },
    /// The entry claims a time well after the checkpoint that covers it.
    PostDated {
        /// Its position.
        position: u64,
        /// The time it claims.
        at: Timestamp,
    },
    /// Entries are missing at the end: a checkpoint covers more than there are.
    CutTail {
        /// Entries there are.
        size: u64,
        /// Entries that were signed.
        signed: u64,
    },
    /// The entries do not have the root that was signed.
    Diverged {
        /// The last size whose root was right.
        from: u64,
        /// The size whose root is wrong.
        to: u64,
    },
    /// An anchored checkpoint and this log are two histories.
    Forked {
        /// The size of the anchored checkpoint.
        size: u64,
    },
    /// A checkpoint that the log's key did not sign, or that is out of place.
    ForgedCheckpoint {
        /// The number of entries before it.
        after: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// No checkpoint covers the last entries.
    Uncovered {
        /// The last covered size.
        from: u64,
        /// The size of the log.
        to: u64,
    },
    /// Stored hashes are not those of the entries; the entries themselves are right.
    TileAltered {
        /// Level of the tile.
        level: u32,
        /// Its number.
        tile: u64,
    },
    /// A row of the database carries other columns than its entry says.
    Mislabelled {
        /// The row's position.
        position: u64,
    },
    /// An entry was signed and is not in a form this program knows.
    Unreadable {
        /// Its position.
        position: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Altered { position } => write!(f, "entry {position} was altered"),
            Finding::Removed { position } => write!(f, "entry {position} was removed"),
            Finding::Inserted { position } => {
                write!(f, "an entry that was never signed stands at {position}")
            }
            Finding::Reordered { position, found } => write!(f, "entry {position} was moved to {found}"),
            Finding::BackDated { position, at } => {
                write!(f, "entry {position} is back-dated: it says {at}, later ones were signed before it")
            }
            Finding::PostDated { position, at } => {
                write!(f, "entry {position} is post-dated: it says {at}, after it was signed")
            }
            Finding::CutTail { size, signed } => {
                write!(f, "the end was cut off: {size} entries are there, {signed} were signed")
            }
            Finding::Diverged { from, to } => {
                write!(f, "entries {from} to {to} do not have the root that was signed at {to}")
            }
            Finding::Forked { size } => {
                write!(f, "the checkpoint of {size} entries kept elsewhere belongs to another history")
            }
            Finding::ForgedCheckpoint { after, problem } => {
                write!(f, "a checkpoint after entry {after} is refused: {problem}")
            }
            Finding::Uncovered { from, to } => write!(f, "no checkpoint covers the entries {from} to {to}"),
            Finding::TileAltered { level, tile } => {
                write!(f, "tile {tile} of level {level} was altered; the entries are right")
            }
            Finding::Mislabelled { position } => {
                write!(f, "the row of entry {position} carries another id, shop or time than the entry")
            }
            Finding::Unreadable { position } => write!(f, "entry {position} is not in a known form"),
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Position of the first entry looked at.
    pub first: u64,
    /// Size of the log.
    pub size: u64,
    /// Entries looked at.
    pub entries: u64,
    /// Checkpoints in the log whose signature is right.
    pub checkpoints: u64,
    /// Checkpoints kept elsewhere that were compared.
    pub anchors: u64,
    /// The largest size whose root was signed and is right.
    pub proven_size: u64,
    /// In a live database: entries that have no position yet.
    pub waiting: u64,
    /// What is wrong, up to [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub findings_total: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings_total == 0
    }

    fn add(&mut self, finding: Finding) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// An entry as it stands in the log.
struct Seen {
    hash: Digest,
    /// Where the log says it stands, when it says so.
    position: Option<u64>,
    at: Option<Timestamp>,
}

/// A stretch of up to 256 entries with what its tile says.
struct Stretch {
    start: u64,
    width: usize,
    tile: Vec<Digest>,
    seen: Vec<Seen>,
}

/// The tree as one source tells it; not usable once that source had a gap.
#[derive(Clone, Default)]
struct Track {
    frontier: Frontier,
    whole: bool,
}

impl Track {
    fn push(&mut self, hash: Option<&Digest>) {
        match hash {
            Some(hash) => self.frontier.push(*hash),
            None => self.whole = false,
        }
    }

    fn is(&self, root: &Digest) -> bool {
        self.whole && self.frontier.root() == *root
    }
}

/// Takes the parts of a log in order and gathers what is wrong.
pub(crate) struct Auditor<'k> {
    key: &'k VerifierKey,
    report: Report,
    /// Where the present stretch begins.
    position: u64,
    /// By the tiles, and by the entries themselves: whichever has the signed root is right.
    by_tiles: Track,
    by_entries: Track,
    stretch: Option<Stretch>,
    /// Checkpoints not reached yet, by size; `true` for anchors.
    ahead: BTreeMap<u64, Vec<(SignedCheckpoint, bool)>>,
    /// Differences between tiles and entries since the last right root.
    held: Vec<(Mismatch, u64, Digest)>,
    missing: BTreeMap<u64, Digest>,
    aliens: BTreeMap<u64, Digest>,
    diverged: bool,
    /// Newest entry time under the last checkpoint, and of the entries since.
    newest: Option<Timestamp>,
    since: Option<(u64, Timestamp)>,
}

impl<'k> Auditor<'k> {
    pub(crate) fn new(key: &'k VerifierKey, anchors: &[SignedCheckpoint]) -> Auditor<'k> {
        let mut auditor = Auditor {
            key,
            report: Report::default(),
            position: 0,
            by_tiles: Track::default(),
            by_entries: Track::default(),
            stretch: None,
            ahead: BTreeMap::new(),
            held: Vec::new(),
            missing: BTreeMap::new(),
            aliens: BTreeMap::new(),
            diverged: false,
            newest: None,
            since: None,
        };
        for anchor in anchors {
            auditor.ahead.entry(anchor.size()).or_default().push((anchor.clone(), true));
        }
        auditor
    }

    /// Where the stretch after the present one begins.
    fn next_position(&self) -> u64 {
        self.position + self.stretch.as_ref().map_or(0, |stretch| stretch.width as u64)
    }

    fn has_stretch(&self) -> bool {
        self.stretch.is_some()
    }

    /// Ends the last stretch, compares what is left, and gives the report.
    pub(crate) fn finish(mut self) -> Report {
        self.end_stretch();
        let size = self.report.size;
        let beyond = self.ahead.split_off(&(size + 1));
        if let Some(signed) = beyond.keys().last() {
            self.report.add(Finding::CutTail { size, signed: *signed });
        }
        self.report.anchors += beyond.values().flatten().filter(|(_, anchor)| *anchor).count() as u64;
        if self.report.proven_size < size && !self.diverged {
            self.report.add(Finding::Uncovered { from: self.report.proven_size, to: size });
        }
        self.settle_held(true);
        self.name_mismatches();
        self.report
    }

    fn end_stretch(&mut self) {
        let Some(stretch) = self.stretch.take() else { return };
        let actual: Vec<Digest> = stretch.seen.iter().map(|seen| seen.hash).collect();
        for mismatch in compare(&stretch.tile, &actual) {
            self.hold(mismatch, &stretch);
        }
        let in_order = stretch.seen.len() == stretch.width;
        for index in 0..stretch.width {
            let position = stretch.start + index as u64;
            self.position = position + 1;
            self.by_tiles.push(stretch.tile.get(index));
            self.by_entries.push(actual.get(index).filter(|_| in_order));
            if let Some(seen) = stretch.seen.get(index).filter(|_| in_order) {
                self.check_time(position, seen.at);
            }
            for (checkpoint, anchor) in self.ahead.remove(&(position + 1)).unwrap_or_default() {
                self.check_root(&checkpoint, anchor);
            }
        }
    }

    fn hold(&mut self, mismatch: Mismatch, stretch: &Stretch) {
        let seen = |found: usize| stretch.seen.get(found);
        let (place, hash) = match mismatch {
            Mismatch::Missing { expected } => (expected, stretch.tile.get(expected).copied()),
            Mismatch::Alien { slot, found } => (slot, seen(found).map(|s| s.hash)),
            Mismatch::Moved { found, .. } => (found, seen(found).map(|s| s.hash)),
        };
        let labelled = match mismatch {
            Mismatch::Alien { found, .. } | Mismatch::Moved { found, .. } => {
                seen(found).and_then(|s| s.position)
            }
            Mismatch::Missing { .. } => None,
        };
        let position = labelled.unwrap_or(stretch.start + place as u64);
        // A moved entry's signed position travels in absolute numbers.
        let mismatch = match mismatch {
            Mismatch::Moved { expected, found } => {
                let expected = usize::try_from(stretch.start).unwrap_or(usize::MAX).saturating_add(expected);
                Mismatch::Moved { expected, found }
            }
            other => other,
        };
        self.held.push((mismatch, position, hash.unwrap_or(Digest([0; 32]))));
    }

    /// A checkpoint (or anchor) of the size reached just now.
    fn check_root(&mut self, signed: &SignedCheckpoint, anchor: bool) {
        self.report.anchors += u64::from(anchor);
        if self.diverged {
            return;
        }
        let root = signed.root();
        if self.by_tiles.is(&root) {
            self.settle_held(true);
            self.by_entries = self.by_tiles.clone();
        } else if self.by_entries.is(&root) {
            self.settle_held(false);
            self.by_tiles = self.by_entries.clone();
        } else {
            let (from, to) = (self.report.proven_size, signed.size());
            self.report.add(if anchor {
                Finding::Forked { size: to }
            } else {
                Finding::Diverged { from, to }
            });
            self.diverged = true;
            return;
        }
        self.report.proven_size = self.report.proven_size.max(signed.size());
        self.close_times(signed.at);
    }

    /// Differences since the last right root: either the entries are wrong, or the tiles.
    fn settle_held(&mut self, tiles_are_right: bool) {
        let mut tiles: Vec<u64> = Vec::new();
        for (mismatch, position, hash) in std::mem::take(&mut self.held) {
            match mismatch {
                _ if !tiles_are_right => tiles.push(stretch(position, u64::MAX).0),
                Mismatch::Missing { .. } => drop(self.missing.insert(position, hash)),
                Mismatch::Alien { .. } => drop(self.aliens.insert(position, hash)),
                Mismatch::Moved { expected, .. } => {
                    self.report.add(Finding::Reordered { position: expected as u64, found: position });
                }
            }
        }
        tiles.dedup();
        for tile in tiles {
            self.report.add(Finding::TileAltered { level: 0, tile });
        }
    }

    /// An entry that is missing here and unexpected there was moved; one that is both in one place was altered.
    fn name_mismatches(&mut self) {
        let mut missing = std::mem::take(&mut self.missing);
        let mut aliens = std::mem::take(&mut self.aliens);
        let homes: BTreeMap<Digest, u64> =
            missing.iter().map(|(position, hash)| (*hash, *position)).collect();
        aliens.retain(|found, hash| {
            let Some(position) = homes.get(hash).filter(|home| missing.remove(home).is_some()) else {
                return true;
            };
            self.report.add(Finding::Reordered { position: *position, found: *found });
            false
        });
        for (position, _) in missing {
            let altered = aliens.remove(&position).is_some();
            self.report.add(if altered {
                Finding::Altered { position }
            } else {
                Finding::Removed { position }
            });
        }
        for position in aliens.into_keys() {
            self.report.add(Finding::Inserted { position });
        }
    }

    fn check_time(&mut self, position: u64, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        if self.newest.is_some_and(|newest| newest.millis_since(at) > CLOCK_SLACK_MS) {
            self.report.add(Finding::BackDated { position, at });
        }
        if self.since.is_none_or(|(_, newest)| newest < at) {
            self.since = Some((position, at));
        }
    }

    /// At a checkpoint: the entries since the last one are not later than its signed time.
    fn close_times(&mut self, signed_at: Option<Timestamp>) {
        let Some((position, at)) = self.since.take() else { return };
        let bound = signed_at.unwrap_or(at);
        if at.millis_since(bound) > CLOCK_SLACK_MS {
            self.report.add(Finding::PostDated { position, at });
        }
        self.newest = self.newest.max(Some(at.min(bound)));
    }

    fn forged(&mut self, problem: &NoteError) {
        let after = self.position + self.stretch.as_ref().map_or(0, |s| s.seen.len() as u64);
        self.report.add(Finding::ForgedCheckpoint { after, problem: problem.to_string() });
    }

    /// Checks an entry's text and the columns beside it, where there are any.
    fn see(&mut self, body: &str, columns: Option<&EntryRow>) {
        let entry = Entry::decode(body).ok();
        let position = columns.and_then(|row| row.position).and_then(|p| u64::try_from(p).ok());
        let here = position.unwrap_or_else(|| {
            self.position + self.stretch.as_ref().map_or(0, |stretch| stretch.seen.len() as u64)
        });
        match (&entry, columns) {
            (None, _) => self.report.add(Finding::Unreadable { position: here }),
            (Some(entry), Some(row)) if !fits(entry, row) => {
                self.report.add(Finding::Mislabelled { position: here })
            }
            _ => {}
        }
        self.report.entries += 1;
        let hash = leaf_hash(body.as_bytes());
        if let Some(stretch) = &mut self.stretch {
            stretch.seen.push(Seen { hash, position, at: entry.map(|entry| entry.at()) });
        }
    }
}

fn fits(entry: &Entry, row: &EntryRow) -> bool {
    entry.id().short() == row.id && entry.id().shop().short() == row.shop && entry.at() == row.at
}

impl Sink for Auditor<'_> {
    fn header(&mut self, header: Header) -> Result<(), ExportError> {
        let first = header.frontier.size();
        self.report.first = first;
        self.position = first;
        self.report.size = header.size;
        self.report.proven_size = first;
        self.by_tiles = Track { frontier: header.frontier, whole: true };
        self.by_entries = self.by_tiles.clone();
        // Anchors from before the first entry cannot be compared; one of exactly that size can.
        let mut at_first = self.ahead.remove(&first).unwrap_or_default();
        self.ahead = self.ahead.split_off(&first);
        for (checkpoint, anchor) in at_first.drain(..) {
            self.check_root(&checkpoint, anchor);
        }
        Ok(())
    }

    fn tile(&mut self, hashes: Vec<Digest>) -> Result<(), ExportError> {
        self.end_stretch();
        let start = self.position;
        let (_, end) = stretch(start, self.report.size);
        let width = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        self.stretch = Some(Stretch { start, width, tile: hashes, seen: Vec::new() });
        Ok(())
    }

    fn entry(&mut self, row: EntryRow) -> Result<(), ExportError> {
        self.see(&row.body, Some(&row));
        Ok(())
    }

    fn checkpoint(&mut self, note: &str) -> Result<(), ExportError> {
        match SignedCheckpoint::open(note, self.key) {
            Err(problem) => self.forged(&problem),
            Ok(signed) if signed.size() <= self.position => {
                // Its place has passed. Only the size reached right now can still be compared.
                self.report.checkpoints += 1;
                if signed.size() == self.position {
                    self.check_root(&signed, false);
                } else {
                    self.forged(&NoteError::Malformed("it stands after entries that it does not cover"));
                }
            }
            Ok(signed) => {
                self.report.checkpoints += 1;
                self.ahead.entry(signed.size()).or_default().push((signed, false));
            }
        }
        Ok(())
    }
}
