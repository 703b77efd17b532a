//! Answers about a live log: where an entry is, proofs, and whether a promise was kept.

use std::collections::HashMap;

use base::EntryId;
use store::Tx;

use crate::checkpoint::SignedCheckpoint;
use crate::note::{NoteError, VerifierKey};
use crate::promise::Promise;
use crate::proof::{Consistency, Inclusion};
use crate::store::{find_checkpoint, find_entry, find_head, find_latest_checkpoint, find_tile};
use crate::tiles::NodePlace;
use crate::tree::{Digest, consistency_path, inclusion_path, leaf_hash};

/// Why the log could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A tile is absent or too short.
    #[error("the log is damaged: tile {1} of level {0} is missing or cut; run `tillward audit verify`")]
    DamagedTile(u32, u64),
    /// The stored checkpoint is not this log's.
    #[error("the stored checkpoint is refused; run `tillward audit verify`")]
    Checkpoint(#[source] NoteError),
    /// A size for which there is no checkpoint.
    #[error("there is no checkpoint of size {0}")]
    NoCheckpoint(u64),
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no such entry.
    Unknown,
    /// It is stored and no checkpoint covers it yet.
    Pending,
    /// It is covered; here is the proof.
    Included(Inclusion),
}

/// What became of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromiseStanding {
    /// The entry is in the log as promised.
    Kept {
        /// Its position.
        position: u64,
    },
    /// The entry is stored as promised and waits for its position.
    Pending,
    /// There is no such entry: it was removed.
    Missing,
    /// The entry is there with another content: it was altered.
    Altered,
}

/// Reads tiles, each once.
pub(crate) struct TileReader<'t, 'c> {
    tx: &'t mut Tx<'c>,
    seen: HashMap<(u32, u64), Vec<Digest>>,
}

impl<'t, 'c> TileReader<'t, 'c> {
    pub(crate) fn new(tx: &'t mut Tx<'c>) -> TileReader<'t, 'c> {
        TileReader { tx, seen: HashMap::new() }
    }

    /// The hash of a complete subtree.
    pub(crate) fn node(&mut self, height: u32, index: u64) -> Result<Digest, LookupError> {
        let place = NodePlace::of(height, index);
        let key = (place.level, place.tile);
        let damaged = LookupError::DamagedTile(place.level, place.tile);
        if !self.seen.contains_key(&key) {
            let hashes = find_tile(self.tx, place.level, place.tile)?;
            self.seen.insert(key, hashes);
        }
        self.seen.get(&key).and_then(|hashes| place.read(hashes)).ok_or(damaged)
    }
}

/// Proves that an entry is in the log, up to the latest checkpoint.
///
/// # Errors
/// [`LookupError`].
pub fn prove(tx: &mut Tx<'_>, key: &VerifierKey, entry: EntryId) -> Result<Standing, LookupError> {
    let Some(row) = find_entry(tx, entry)? else { return Ok(Standing::Unknown) };
    let Some(position) = row.position.and_then(|p| u64::try_from(p).ok()) else {
        return Ok(Standing::Pending);
    };
    let Some(latest) = find_signed(tx, key)? else { return Ok(Standing::Pending) };
    let size = latest.size();
    if position >= size {
        return Ok(Standing::Pending);
    }
    let mut reader = TileReader::new(tx);
    let path = inclusion_path(position, size, |height, index| reader.node(height, index))?;
    Ok(Standing::Included(Inclusion { position, size, path, checkpoint: latest.note }))
}

/// Proves that the log at size `to` begins with the log at size `from`; both at most the present size.
///
/// # Errors
/// [`LookupError`]; [`LookupError::NoCheckpoint`] for sizes out of order or past the log's end.
pub fn consistency(tx: &mut Tx<'_>, from: u64, to: u64) -> Result<Consistency, LookupError> {
    let (size, _) = find_head(tx)?;
    if from > to || to > size {
        return Err(LookupError::NoCheckpoint(from.max(to)));
    }
    let mut reader = TileReader::new(tx);
    let path = consistency_path(from, to, |height, index| reader.node(height, index))?;
    Ok(Consistency { from, to, path })
}

/// Looks what became of a promise. Check its signature first ([`Promise::verify`]).
///
/// # Errors
/// [`LookupError::Store`].
pub fn check_promise(tx: &mut Tx<'_>, promise: &Promise) -> Result<PromiseStanding, LookupError> {
    let Some(row) = find_entry(tx, promise.leaf.entry_id)? else { return Ok(PromiseStanding::Missing) };
    if leaf_hash(row.body.as_bytes()) != promise.leaf.leaf_hash {
        return Ok(PromiseStanding::Altered);
    }
    let position = row.position.and_then(|p| u64::try_from(p).ok());
    Ok(position.map_or(PromiseStanding::Pending, |position| PromiseStanding::Kept { position }))
}

/// The latest checkpoint, checked.
///
/// # Errors
/// [`LookupError::Store`], [`LookupError::Checkpoint`].
pub fn find_signed(tx: &mut Tx<'_>, key: &VerifierKey) -> Result<Option<SignedCheckpoint>, LookupError> {
    open(find_latest_checkpoint(tx)?, key)
}

/// The checkpoint of exactly `size`, checked.
///
/// # Errors
/// [`LookupError::Store`], [`LookupError::Checkpoint`].
pub fn find_signed_at(
    tx: &mut Tx<'_>,
    key: &VerifierKey,
    size: u64,
) -> Result<Option<SignedCheckpoint>, LookupError> {
    open(find_checkpoint(tx, size)?, key)
}

fn open(note: Option<String>, key: &VerifierKey) -> Result<Option<SignedCheckpoint>, LookupError> {
    note.map(|note| SignedCheckpoint::open(&note, key).map_err(LookupError::Checkpoint)).transpose()
}
