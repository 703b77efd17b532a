//! C2SP checkpoints: what the log was at a size, signed.
//!
//! Specification: <https://c2sp.org/tlog-checkpoint>. Besides the plain signature (type 0x01) the log adds its own
//! timestamped one (type 0x04, C2SP tlog-cosignature), so that the time is signed without extension lines.

use base::Timestamp;

use crate::note::{Note, NoteError, Signer, VerifierKey};
use crate::tree::Digest;

/// Size and root of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log, as `shop.example/audit`.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
}

/// A checkpoint whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// When, to the second, where the note says so under signature.
    pub at: Option<Timestamp>,
    /// The whole note.
    pub note: String,
}

impl Checkpoint {
    /// The signed text: origin, size, root, a line each.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// Reads the text of a checkpoint. Extension lines are allowed and ignored.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse_text(text: &str) -> Result<Checkpoint, NoteError> {
        let body =
            text.strip_suffix('\n').ok_or(NoteError::Malformed("the text does not end in a newline"))?;
        if body.split('\n').any(str::is_empty) {
            return Err(NoteError::Malformed("a checkpoint has no empty lines"));
        }
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteError::Malformed("a checkpoint has a line each for origin, size and root"));
        };
        let size = parse_decimal(size).ok_or(NoteError::Malformed("the size is not a plain decimal"))?;
        let root =
            Digest::from_base64(root).ok_or(NoteError::Malformed("the root is not base64 of 32 bytes"))?;
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }

    /// Signs it at `at`.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] when the origin has control characters.
    pub fn sign(self, signer: &Signer, at: Timestamp) -> Result<SignedCheckpoint, NoteError> {
        let seconds = u64::try_from(at.seconds()).unwrap_or(0);
        let mut note = Note::unsigned(self.to_text())?;
        note.sign(signer);
        note.sign_timed(signer, seconds);
        let at = Some(Timestamp(0).plus_seconds(at.seconds().max(0)));
        Ok(SignedCheckpoint { checkpoint: self, at, note: note.to_string() })
    }
}

impl SignedCheckpoint {
    /// Reads a note, checks that `key` signed it and that it is of that key's log.
    ///
    /// # Errors
    /// Those of [`Note::parse`], [`Note::verify`], [`Note::signed_time`] and [`Checkpoint::parse_text`];
    /// [`NoteError::NotSigned`] for another log's checkpoint.
    pub fn open(note: &str, key: &VerifierKey) -> Result<SignedCheckpoint, NoteError> {
        let parsed = Note::parse(note)?;
        parsed.verify(key)?;
        let seconds = parsed.signed_time(key)?;
        let checkpoint = Checkpoint::parse_text(parsed.text())?;
        if checkpoint.origin != key.name() {
            return Err(NoteError::NotSigned(checkpoint.origin));
        }
        let at = seconds.and_then(|s| i64::try_from(s).ok()).map(|s| Timestamp(0).plus_seconds(s));
        Ok(SignedCheckpoint { checkpoint, at, note: note.to_owned() })
    }

    /// Number of entries it covers.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The root it signs.
    pub fn root(&self) -> Digest {
        self.checkpoint.root
    }
}

/// A decimal without sign, leading zeros or spaces.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}
