//! Gives entries their positions, extends the tree, and signs a checkpoint: each second, by one node.
//!
//! What has no position is told by the store as it becomes durable, and found by a read where other nodes write as well,
//! after a start, and each minute for what was missed ([`Waiting`]); payments never wait for a search. [`sequence`] is
//! one transaction by keys: it checks the lease, gives positions to what has none, extends the tiles and stores a
//! signed checkpoint whose size is its key. So two checkpoints of one size cannot both be committed, a holder that
//! slept past its lease is refused, and what was signed in a transaction that did not commit never leaves it.
//! [`Sequencer::step`] runs it and publishes to the checkpoint file after the commit, from what the database holds.
//!
//! Before it signs, the sequencer checks that the tree it extends is the one its last checkpoint signed, and the one
//! in the checkpoint file: a database that was rolled back, or whose tiles were edited, is refused, not signed.

use base::Timestamp;
use store::{Db, Follower, Row, Tx};

use crate::anchor::{AnchorError, AnchorFile};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::lease::{Lease, acquire_lease, release_lease};
use crate::lookup::{LookupError, consistency, find_signed, find_signed_at};
use crate::note::{NoteError, Signer};
use crate::store::{
    count_unsequenced, expect_entries, find_head, find_tile, find_unsequenced, follow_entries,
    insert_checkpoint, leaf_of, list_unsequenced, put_head, put_tile, update_position,
};
use crate::tiles::Edge;
use crate::tree::Digest;

/// Most entries that get a position in one transaction. Small, since payments of the same moment wait for it.
pub const CHUNK_ENTRIES_MAX: usize = 500;
/// Most entries that one look finds.
pub const FOUND_ENTRIES_MAX: usize = 10 * CHUNK_ENTRIES_MAX;
/// Most looks of one [`Sequencer::step`]; the rest waits for the next.
pub const STEP_LOOKS_MAX: usize = 8;
/// How often the table is looked at where new entries are told of, in milliseconds.
pub const LOOK_EVERY_MS: i64 = 60_000;
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

/// Entries that had no position when they were found, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Vec<(Row, Digest)>);

impl Waiting {
    /// Looks for up to `limit` entries.
    ///
    /// # Errors
    /// Those of the store.
    pub fn find(tx: &mut Tx<'_>, limit: usize) -> Result<Waiting, store::Error> {
        Waiting::of(list_unsequenced(tx, limit)?)
    }

    /// Hashes the entries of these rows.
    fn of(rows: Vec<Row>) -> Result<Waiting, store::Error> {
        let hashed = |row: Row| leaf_of(&row).map(|hash| (row, hash));
        rows.into_iter().map(hashed).collect::<Result<_, _>>().map(Waiting)
    }

    /// Takes the first [`CHUNK_ENTRIES_MAX`] off.
    fn take_chunk(&mut self) -> Waiting {
        let rest = self.0.split_off(self.0.len().min(CHUNK_ENTRIES_MAX));
        Waiting(std::mem::replace(&mut self.0, rest))
    }
}

/// Gives positions to those entries of `waiting` that still have none and signs a checkpoint, under `lease`. `known` is the
/// newest checkpoint seen outside the database.
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
    let mut edge = load_edge(tx, size)?;
    check_history(tx, &edge, signer, known)?;
    expect_entries(tx, waiting.0.iter().map(|(row, _)| row))?;
    for (seen, hash) in &waiting.0 {
        let Some(row) = find_unsequenced(tx, seen)? else { continue };
        update_position(tx, &row, edge.size())?;
        edge.push(*hash);
    }
    if edge.size() == size {
        return Ok(Sequenced { appended: 0, size, checkpoint: None });
    }
    for tile in edge.take_full_tiles().iter().chain(&edge.edge_tiles()) {
        put_tile(tx, tile)?;
    }
    let checkpoint = Checkpoint { origin: signer.origin().to_owned(), size: edge.size(), root: edge.root() };
    let signed = checkpoint.sign(signer, now).map_err(SequenceError::Sign)?;
    put_head(tx, edge.size(), lease.epoch)?;
    insert_checkpoint(tx, edge.size(), lease.epoch, now, &signed.note)?;
    let appended = usize::try_from(edge.size() - size).unwrap_or(usize::MAX);
    Ok(Sequenced { appended, size: edge.size(), checkpoint: Some(signed) })
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
    /// Tells of new entries, from the first step on.
    follower: Option<Follower>,
    /// When the table itself was last looked at, if everything since is known.
    looked: Option<Timestamp>,
    /// The lease under which the last chunk was sequenced.
    held: Option<Lease>,
}

impl Sequencer {
    /// A sequencer of the node `holder` (a name that no other node has) with its checkpoint file.
    ///
    /// # Errors
    /// [`AnchorError`] when the file cannot be read or is not this log's.
    pub fn open(signer: Signer, holder: &str, file: AnchorFile) -> Result<Sequencer, AnchorError> {
        let known = file.newest(signer.verifier_key())?;
        let published_size = known.as_ref().map_or(0, SignedCheckpoint::size);
        let holder = holder.to_owned();
        let (follower, looked, held) = (None, None, None);
        Ok(Sequencer { signer, holder, file, known, published_size, follower, looked, held })
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
        let mut step = Step { appended: 0, holder: true, waiting: 0, published: None };
        let worked = match self.told(db, now) {
            Some(rows) => self.work_off_told(db, now, rows, &mut step),
            None => self.look(db, now, &mut step),
        };
        if worked.is_err() || step.waiting > 0 {
            self.looked = None;
        }
        // What was committed before a failure is published all the same.
        self.publish(now)?;
        worked?;
        step.published = self.known.clone();
        Ok(step)
    }

    /// Gives the lease back if this node has it: call it after the last step, so that the next node sequences at once. Gives
    /// whether there was one to give back.
    ///
    /// # Errors
    /// Those of the store; the lease then ends by itself.
    pub fn release(&mut self, db: &Db) -> Result<bool, store::Error> {
        let Some(lease) = self.held.take() else { return Ok(false) };
        db.write_blocking(move |tx| release_lease(tx, &lease))
    }

    /// What came since the last step; `None` when only a look tells.
    fn told(&mut self, db: &Db, now: Timestamp) -> Option<Vec<Row>> {
        if self.follower.is_none() {
            self.follower = follow_entries(db);
        }
        let rows = self.follower.as_mut()?.take()?;
        self.looked.filter(|looked| now.millis_since(*looked) < LOOK_EVERY_MS).map(|_| rows)
    }

    fn work_off_told(
        &mut self,
        db: &Db,
        now: Timestamp,
        rows: Vec<Row>,
        step: &mut Step,
    ) -> Result<(), SequenceError> {
        step.waiting = rows.len() as u64;
        let done = self.work_off(db, now, Waiting::of(rows)?, step)?;
        if done {
            step.waiting = 0;
        }
        Ok(())
    }

    fn look(&mut self, db: &Db, now: Timestamp, step: &mut Step) -> Result<(), SequenceError> {
        step.waiting = self.observe(db)?;
        self.looked = Some(now);
        for _ in 0..STEP_LOOKS_MAX {
            if step.waiting == 0 {
                break;
            }
            let found = db.read_blocking(|tx| Waiting::find(tx, FOUND_ENTRIES_MAX))?;
            let all = found.0.len() < FOUND_ENTRIES_MAX;
            if !self.work_off(db, now, found, step)? {
                break;
            }
            step.waiting = if all { 0 } else { step.waiting.max(1) };
        }
        Ok(())
    }

    /// Chunk after chunk, each its own transaction. `false` when another node holds the lease.
    fn work_off(
        &mut self,
        db: &Db,
        now: Timestamp,
        mut found: Waiting,
        step: &mut Step,
    ) -> Result<bool, SequenceError> {
        while !found.0.is_empty() {
            let chunk = found.take_chunk();
            let count = chunk.0.len();
            let Some((lease, done)) = self.sequence_chunk(db, now, chunk)? else {
                step.holder = false;
                return Ok(false);
            };
            self.held = Some(lease);
            step.appended += done.appended;
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

    /// One transaction; `None` while another node holds the lease.
    fn sequence_chunk(
        &self,
        db: &Db,
        now: Timestamp,
        chunk: Waiting,
    ) -> Result<Option<(Lease, Sequenced)>, SequenceError> {
        let (signer, holder, known) = (self.signer.clone(), self.holder.clone(), self.known.clone());
        db.write_blocking(move |tx| {
            let Some(lease) = acquire_lease(tx, LEASE_NAME, &holder, now, LEASE_MS)? else { return Ok(None) };
            let done = sequence(tx, now, &lease, &signer, known.as_ref(), &chunk)?;
            Ok(Some((lease, done)))
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
