//! Gives entries their positions, extends the tree, and signs a checkpoint: each second, by one node.
//!
//! What has no position is found by a read ([`Waiting::find`]), so that payments never wait for a search. [`sequence`] is
//! one transaction by keys: it checks the lease and that the log is still the one that the read saw, gives positions,
//! extends the tiles and stores a signed checkpoint whose size is its key. So two checkpoints of one size cannot both be committed, a holder
//! that slept past its lease is refused, and what was signed in a transaction that did not commit never leaves it.
//! [`Sequencer::step`] runs it and publishes to the checkpoint file after the commit, from what the database holds.
//!
//! Before it signs, the sequencer checks that the tree it extends is the one its last checkpoint signed, and the one
//! in the checkpoint file: a database that was rolled back, or whose tiles were edited, is refused, not signed.

use base::Timestamp;
use store::{Db, Tx};

use crate::anchor::{AnchorError, AnchorFile};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::lease::{Lease, acquire_lease};
use crate::lookup::{LookupError, consistency, find_signed, find_signed_at};
use crate::note::{NoteError, Signer};
use crate::store::{
    EntryRow, count_unsequenced, find_head, find_tile, insert_checkpoint, list_unsequenced, put_head,
    put_tile, update_position,
};
use crate::tiles::Edge;
use crate::tree::{Digest, leaf_hash};

/// Most entries that get a position in one transaction. Small, since payments of the same moment wait for it.
pub const CHUNK_ENTRIES_MAX: usize = 500;
/// Most entries that one look finds.
pub const FOUND_ENTRIES_MAX: usize = 10 * CHUNK_ENTRIES_MAX;
/// Most looks of one [`Sequencer::step`]; the rest waits for the next.
pub const STEP_LOOKS_MAX: usize = 8;
/// How long the sequencer's lease lasts, in milliseconds.
pub const LEASE_MS: i64 = 10_000;
/// The lease's name.
pub const LEASE_NAME: &str = "audit sequencer";

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The lease went to another node.
    #[error("the sequencer's lease went to another node")]
    Fenced,
    /// The database is older than a checkpoint this node has seen.
    #[error(
        "the database ends at {size} entries, but a checkpoint of {known} was published: it was rolled back"
    )]
    RolledBack {
        /// Entries in the database.
        size: u64,
        /// Entries in the published checkpoint.
        known: u64,
    },
    /// The database has another history than a checkpoint this node has seen.
    #[error("the log does not continue the published checkpoint of {known} entries: history was rewritten")]
    Forked {
        /// Entries in the published checkpoint.
        known: u64,
    },
    /// Tiles, head and checkpoints do not fit together.
    #[error("the log is damaged: {0}; run `tillward audit verify`")]
    Damaged(String),
    /// Proofs could not be built.
    #[error(transparent)]
    Lookup(LookupError),
    /// The checkpoint could not be signed.
    #[error("the checkpoint could not be signed")]
    Sign(#[source] NoteError),
    /// The checkpoint file.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
}

impl From<LookupError> for SequenceError {
    fn from(error: LookupError) -> SequenceError {
        match error {
            LookupError::Store(error) => SequenceError::Store(error),
            other => SequenceError::Lookup(other),
        }
    }
}

/// What one transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequenced {
    /// Entries that got a position.
    pub appended: usize,
    /// Size of the log afterwards.
    pub size: u64,
    /// The new checkpoint; `None` when nothing was appended. Publish it only after the commit.
    pub checkpoint: Option<SignedCheckpoint>,
}

/// Entries without a position, oldest first, and the log as it was when they were found.
#[derive(Clone, Debug)]
pub struct Waiting {
    size: u64,
    epoch: i64,
    rows: Vec<(EntryRow, Digest)>,
}

impl Waiting {
    /// Looks for up to `limit` entries.
    ///
    /// # Errors
    /// Those of the store.
    pub fn find(tx: &mut Tx<'_>, limit: usize) -> Result<Waiting, store::Error> {
        let (size, epoch) = find_head(tx)?;
        let hashed = |row: EntryRow| {
            let hash = leaf_hash(row.body.as_bytes());
            (row, hash)
        };
        Ok(Waiting { size, epoch, rows: list_unsequenced(tx, limit)?.into_iter().map(hashed).collect() })
    }

    /// Takes the first [`CHUNK_ENTRIES_MAX`] off. The others then wait for the log that has these.
    fn take_chunk(&mut self) -> Waiting {
        let rest = self.rows.split_off(self.rows.len().min(CHUNK_ENTRIES_MAX));
        let rows = std::mem::replace(&mut self.rows, rest);
        let chunk = Waiting { size: self.size, epoch: self.epoch, rows };
        self.size += chunk.rows.len() as u64;
        chunk
    }
}

/// Gives positions to the entries of `waiting` and signs a checkpoint, under `lease`. Does nothing when the log has grown
/// since they were found: they may have their positions. `known` is the newest checkpoint seen outside the database.
///
/// # Errors
/// [`SequenceError`]; nothing is written then.
pub fn sequence(
    tx: &mut Tx<'_>,
    now: Timestamp,
    lease: &Lease,
    signer: &Signer,
    known: Option<&SignedCheckpoint>,
    waiting: &Waiting,
) -> Result<Sequenced, SequenceError> {
    if !lease.check(tx)? {
        return Err(SequenceError::Fenced);
    }
    let (size, epoch) = find_head(tx)?;
    if epoch > lease.epoch {
        return Err(SequenceError::Fenced);
    }
    if waiting.rows.is_empty() || (waiting.size, waiting.epoch) != (size, epoch) {
        return Ok(Sequenced { appended: 0, size, checkpoint: None });
    }
    let mut edge = load_edge(tx, size)?;
    check_history(tx, &edge, signer, known)?;
    for (row, hash) in &waiting.rows {
        let position = edge.size();
        edge.push(*hash);
        update_position(tx, row, position)?;
    }
    for tile in edge.take_full_tiles().iter().chain(&edge.edge_tiles()) {
        put_tile(tx, tile)?;
    }
    let checkpoint = Checkpoint { origin: signer.origin().to_owned(), size: edge.size(), root: edge.root() };
    let signed = checkpoint.sign(signer, now).map_err(SequenceError::Sign)?;
    put_head(tx, edge.size(), lease.epoch)?;
    insert_checkpoint(tx, edge.size(), lease.epoch, now, &signed.note)?;
    Ok(Sequenced { appended: waiting.rows.len(), size: edge.size(), checkpoint: Some(signed) })
}

fn load_edge(tx: &mut Tx<'_>, size: u64) -> Result<Edge, SequenceError> {
    let damaged =
        |level, tile| SequenceError::Damaged(format!("tile {tile} of level {level} is missing or cut"));
    Edge::load(size, |level, tile| find_tile(tx, level, tile).map_err(SequenceError::Store), damaged)
}

/// The tree must be the one that the stored checkpoint of this size signs, and continue what was published.
fn check_history(
    tx: &mut Tx<'_>,
    edge: &Edge,
    signer: &Signer,
    known: Option<&SignedCheckpoint>,
) -> Result<(), SequenceError> {
    if edge.size() > 0 {
        let stored = find_signed_at(tx, signer.verifier_key(), edge.size())?;
        if stored.is_none_or(|stored| stored.root() != edge.root()) {
            let what = format!("the tiles do not have the root that was signed at {} entries", edge.size());
            return Err(SequenceError::Damaged(what));
        }
    }
    let Some(known) = known else { return Ok(()) };
    let now = Checkpoint { origin: signer.origin().to_owned(), size: edge.size(), root: edge.root() };
    check_continues(tx, known, &now)
}

/// Whether the log at `now` continues the published `known`.
fn check_continues(tx: &mut Tx<'_>, known: &SignedCheckpoint, now: &Checkpoint) -> Result<(), SequenceError> {
    if now.size < known.size() {
        return Err(SequenceError::RolledBack { size: now.size, known: known.size() });
    }
    let proof = consistency(tx, known.size(), now.size)?;
    let same = crate::tree::verify_consistency(proof.from, proof.to, &proof.path, &known.root(), &now.root);
    if same { Ok(()) } else { Err(SequenceError::Forked { known: known.size() }) }
}

/// What one step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Entries that got a position.
    pub appended: usize,
    /// Whether this node holds the lease; `true` when there was nothing to do.
    pub holder: bool,
    /// Entries that still wait.
    pub waiting: u64,
    /// The newest published checkpoint.
    pub published: Option<SignedCheckpoint>,
}

/// Runs [`sequence`] for one node and keeps its checkpoint file. Every node has one; the lease picks who signs, and the
/// others witness: each checks that the log continues what it published before.
#[derive(Debug)]
pub struct Sequencer {
    signer: Signer,
    holder: String,
    file: AnchorFile,
    known: Option<SignedCheckpoint>,
    /// Size of the newest checkpoint in the file.
    published_size: u64,
}

impl Sequencer {
    /// A sequencer of the node `holder` (a name that no other node has) with its checkpoint file.
    ///
    /// # Errors
    /// [`AnchorError`] when the file cannot be read or is not this log's.
    pub fn open(signer: Signer, holder: &str, file: AnchorFile) -> Result<Sequencer, AnchorError> {
        let known = file.newest(signer.verifier_key())?;
        let published_size = known.as_ref().map_or(0, SignedCheckpoint::size);
        Ok(Sequencer { signer, holder: holder.to_owned(), file, known, published_size })
    }

    /// The newest checkpoint this node has published or seen.
    pub fn published(&self) -> Option<&SignedCheckpoint> {
        self.known.as_ref()
    }

    /// One step; call it each second from a thread that may wait. Safe to call again after any error.
    ///
    /// # Errors
    /// [`SequenceError`]. All but `Store` and `Fenced` are alarms: the log no longer grows until a person looks.
    pub fn step(&mut self, db: &Db, now: Timestamp) -> Result<Step, SequenceError> {
        let waiting = self.observe(db)?;
        let mut step = Step { appended: 0, holder: true, waiting, published: None };
        let worked = self.work_off(db, now, &mut step);
        // What was committed before a failure is published all the same.
        self.publish(now)?;
        worked?;
        step.published = self.known.clone();
        Ok(step)
    }

    fn work_off(&mut self, db: &Db, now: Timestamp, step: &mut Step) -> Result<(), SequenceError> {
        for _ in 0..STEP_LOOKS_MAX {
            if step.waiting == 0 {
                break;
            }
            let mut found = db.read_blocking(|tx| Waiting::find(tx, FOUND_ENTRIES_MAX))?;
            let all = found.rows.len() < FOUND_ENTRIES_MAX;
            if !self.work_off_found(db, now, &mut found, step)? {
                break;
            }
            step.waiting = if all { 0 } else { step.waiting.max(1) };
        }
        Ok(())
    }

    /// Chunk after chunk, each its own transaction. `false` when another node holds the lease or was faster.
    fn work_off_found(
        &mut self,
        db: &Db,
        now: Timestamp,
        found: &mut Waiting,
        step: &mut Step,
    ) -> Result<bool, SequenceError> {
        while !found.rows.is_empty() {
            let chunk = found.take_chunk();
            let count = chunk.rows.len();
            let Some((lease, done)) = self.sequence_chunk(db, now, chunk)? else {
                step.holder = false;
                return Ok(false);
            };
            if done.appended < count {
                return Ok(false);
            }
            found.epoch = lease;
            step.appended += count;
            step.waiting = step.waiting.saturating_sub(count as u64);
            self.known = done.checkpoint.or(self.known.take());
        }
        Ok(true)
    }

    /// Looks at what is committed and refuses another history. Gives how many entries wait.
    fn observe(&mut self, db: &Db) -> Result<u64, SequenceError> {
        let (key, known) = (self.signer.verifier_key().clone(), self.known.clone());
        let (waiting, latest) = db.read_blocking(move |tx| {
            let latest = find_signed(tx, &key)?;
            if let Some(known) = &known {
                let none = Checkpoint { origin: String::new(), size: 0, root: crate::tree::empty_root() };
                let newest = latest.as_ref().map_or(none, |latest| latest.checkpoint.clone());
                if newest != known.checkpoint {
                    check_continues(tx, known, &newest)?;
                }
            }
            Ok::<_, SequenceError>((count_unsequenced(tx)?.0, latest))
        })?;
        if let Some(latest) =
            latest.filter(|latest| self.known.as_ref().is_none_or(|k| k.size() < latest.size()))
        {
            self.known = Some(latest);
        }
        Ok(waiting)
    }

    /// One transaction; gives the lease's epoch too, or `None` while another node holds it.
    fn sequence_chunk(
        &self,
        db: &Db,
        now: Timestamp,
        chunk: Waiting,
    ) -> Result<Option<(i64, Sequenced)>, SequenceError> {
        let (signer, holder, known) = (self.signer.clone(), self.holder.clone(), self.known.clone());
        db.write_blocking(move |tx| {
            let Some(lease) = acquire_lease(tx, LEASE_NAME, &holder, now, LEASE_MS)? else { return Ok(None) };
            sequence(tx, now, &lease, &signer, known.as_ref(), &chunk).map(|done| Some((lease.epoch, done)))
        })
    }

    fn publish(&mut self, now: Timestamp) -> Result<(), SequenceError> {
        let Some(known) = &self.known else { return Ok(()) };
        if known.size() > self.published_size {
            self.file.publish(&known.note, now)?;
            self.published_size = known.size();
        }
        Ok(())
    }
}
