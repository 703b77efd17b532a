//! Proof that one entry is in the log, as a receipt shows it: checked offline with the public key alone.
//!
//! The text form is C2SP tlog-proof (<https://c2sp.org/tlog-proof>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{SignedCheckpoint, parse_decimal};
use crate::note::{NOTE_BYTES_MAX, NoteError, VerifierKey};
use crate::tree::{Digest, PATH_HASHES_MAX, verify_consistency, verify_inclusion};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Longest text of a proof: its hashes and a checkpoint.
pub const PROOF_BYTES_MAX: usize = NOTE_BYTES_MAX + 64 * PATH_HASHES_MAX;

/// Why a proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not the text of a proof.
    #[error("not a proof: {0}")]
    Malformed(&'static str),
    /// The checkpoint in it is not the log's.
    #[error("the proof's checkpoint is refused")]
    Checkpoint(#[source] NoteError),
    /// The hashes do not lead from the entry to the checkpoint's root.
    #[error("the entry is not in the log at position {0} as the proof says")]
    WrongPath(u64),
}

/// An inclusion proof with the checkpoint that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The entry's position, from 0.
    pub position: u64,
    /// The size of the tree the path is for.
    pub size: u64,
    /// The sibling hashes, nearest first.
    pub path: Vec<Digest>,
    /// The checkpoint's note.
    pub checkpoint: String,
}

impl Inclusion {
    /// Checks that the entry with this leaf hash is in the log, by the log's key alone.
    ///
    /// # Errors
    /// [`ProofError::Checkpoint`], [`ProofError::WrongPath`].
    pub fn verify(&self, key: &VerifierKey, leaf: &Digest) -> Result<SignedCheckpoint, ProofError> {
        let checkpoint = SignedCheckpoint::open(&self.checkpoint, key).map_err(ProofError::Checkpoint)?;
        let same = checkpoint.size() == self.size;
        if same && verify_inclusion(leaf, self.position, self.size, &self.path, &checkpoint.root()) {
            Ok(checkpoint)
        } else {
            Err(ProofError::WrongPath(self.position))
        }
    }

    /// The C2SP text.
    pub fn to_text(&self) -> String {
        let hashes: String = self.path.iter().map(|hash| format!("{hash}\n")).collect();
        format!("{FIRST_LINE}\nindex {}\n{hashes}\n{}", self.position, self.checkpoint)
    }

    /// Reads the C2SP text. Nothing in it is checked before [`Inclusion::verify`].
    ///
    /// # Errors
    /// [`ProofError::Malformed`], [`ProofError::Checkpoint`].
    pub fn parse(text: &str) -> Result<Inclusion, ProofError> {
        if text.len() > PROOF_BYTES_MAX {
            return Err(ProofError::Malformed("too long"));
        }
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(ProofError::Malformed("no checkpoint in it"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ProofError::Malformed("the first line is not `c2sp.org/tlog-proof@v1`"));
        }
        if let Some(extra) = lines.next_if(|line| line.starts_with("extra ")) {
            let base64 = extra.strip_prefix("extra ").unwrap_or_default();
            STANDARD.decode(base64).map_err(|_| ProofError::Malformed("the extra line is not base64"))?;
        }
        let position = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_decimal);
        let position = position.ok_or(ProofError::Malformed("no `index` line"))?;
        let path = lines.map(Digest::from_base64).take(PATH_HASHES_MAX + 1).collect::<Option<Vec<_>>>();
        let path = path.filter(|path| path.len() <= PATH_HASHES_MAX);
        let path = path.ok_or(ProofError::Malformed("a hash line is not base64 of 32 bytes"))?;
        let size = claimed_size(checkpoint)?;
        Ok(Inclusion { position, size, path, checkpoint: checkpoint.to_owned() })
    }
}

fn claimed_size(note: &str) -> Result<u64, ProofError> {
    let note = crate::note::Note::parse(note).map_err(ProofError::Checkpoint)?;
    let claimed = crate::checkpoint::Checkpoint::parse_text(note.text()).map_err(ProofError::Checkpoint)?;
    Ok(claimed.size)
}

/// A consistency proof between two signed checkpoints of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// The smaller size.
    pub from: u64,
    /// The larger size.
    pub to: u64,
    /// The hashes, in the order of RFC 6962.
    pub path: Vec<Digest>,
}

impl Consistency {
    /// Whether the log at `new` begins with the log at `old`.
    #[must_use]
    pub fn verify(&self, old: &SignedCheckpoint, new: &SignedCheckpoint) -> bool {
        self.from == old.size()
            && self.to == new.size()
            && verify_consistency(self.from, self.to, &self.path, &old.root(), &new.root())
    }
}
