//! The checkpoint file: published checkpoints, kept outside the database.
//!
//! A log that was cut or rolled back is consistent in itself; only a checkpoint from elsewhere shows it. `PATH` is
//! appended to, at most once a minute, and is what should be copied off the machine; `PATH.latest` is replaced with
//! every checkpoint. Both hold lines `{"checkpoint":"…"}`, as an export does.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base::Timestamp;

use crate::canonical::Scanner;
use crate::checkpoint::SignedCheckpoint;
use crate::export::checkpoint_line;
use crate::note::{NoteError, VerifierKey};

/// A checkpoint is appended at most this often; between, only `PATH.latest` changes.
pub const APPEND_EVERY_MS: i64 = 60_000;
/// Longest checkpoint file that is read: about two years of one a minute.
pub const ANCHOR_FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Why a checkpoint file was refused.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The file cannot be read or written.
    #[error("cannot {action} the checkpoint file `{path}`")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A checkpoint in it is not signed by the log's key.
    #[error("checkpoint {number} of the given checkpoints is refused: {source}")]
    Checkpoint {
        /// Which one, from 1.
        number: usize,
        /// Why.
        #[source]
        source: NoteError,
    },
}

/// Reads checkpoints kept elsewhere: lines as in a checkpoint file, or plain notes one after the other, as they are
/// copied into e-mails. Each must be signed by `key`.
///
/// # Errors
/// [`AnchorError::Checkpoint`] for the first that is not.
pub fn parse_anchors(text: &str, key: &VerifierKey) -> Result<Vec<SignedCheckpoint>, AnchorError> {
    let open = |(index, note): (usize, String)| {
        SignedCheckpoint::open(&note, key)
            .map_err(|source| AnchorError::Checkpoint { number: index + 1, source })
    };
    split_notes(text).into_iter().enumerate().map(open).collect()
}

/// The notes in a text. A plain note ends after its last signature line.
fn split_notes(text: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = String::new();
    for line in text.lines() {
        if let Some(found) = read_checkpoint_line(line) {
            notes.push(found);
            continue;
        }
        let signature = line.starts_with('\u{2014}');
        let signed = note.lines().last().is_some_and(|last| last.starts_with('\u{2014}'));
        if signed && !signature {
            notes.push(std::mem::take(&mut note));
        }
        if !(note.is_empty() && line.trim().is_empty()) {
            note.push_str(line);
            note.push('\n');
        }
    }
    if !note.is_empty() {
        notes.push(note);
    }
    notes
}

/// The note in a line `{"checkpoint":"…"}`.
pub(crate) fn read_checkpoint_line(line: &str) -> Option<String> {
    let mut scan = Scanner::new(line);
    scan.expect("{\"checkpoint\":")?;
    let note = scan.string()?;
    scan.expect("}")?;
    scan.end().map(|()| note)
}

/// A checkpoint file.
#[derive(Debug)]
pub struct AnchorFile {
    path: PathBuf,
    appended_at: Option<Timestamp>,
}

impl AnchorFile {
    /// The file at `path`, made with the first checkpoint.
    pub fn new(path: &Path) -> AnchorFile {
        AnchorFile { path: path.to_owned(), appended_at: None }
    }

    /// The newest checkpoint in the file and in `PATH.latest`; `None` when there is neither. A line cut off by a crash
    /// is passed over.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub fn newest(&self, key: &VerifierKey) -> Result<Option<SignedCheckpoint>, AnchorError> {
        let mut notes = Vec::new();
        for path in [self.path.clone(), self.latest_path()] {
            let text = read(&path)?;
            // A whole line is valid JSON in itself; only the last can be cut.
            notes.extend(text.lines().rev().find_map(read_checkpoint_line));
        }
        let opened = notes.iter().enumerate().map(|(index, note)| {
            SignedCheckpoint::open(note, key)
                .map_err(|source| AnchorError::Checkpoint { number: index + 1, source })
        });
        Ok(opened.collect::<Result<Vec<_>, _>>()?.into_iter().max_by_key(SignedCheckpoint::size))
    }

    /// Every checkpoint in the file and in `PATH.latest`, checked, for comparing with a database.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub fn read_all(&self, key: &VerifierKey) -> Result<Vec<SignedCheckpoint>, AnchorError> {
        let text = format!("{}\n{}", read(&self.path)?, read(&self.latest_path())?);
        let whole: String =
            text.lines().filter(|l| read_checkpoint_line(l).is_some()).flat_map(|l| [l, "\n"]).collect();
        parse_anchors(&whole, key)
    }

    /// Writes a committed checkpoint.
    ///
    /// # Errors
    /// [`AnchorError::Io`].
    pub fn publish(&mut self, note: &str, now: Timestamp) -> Result<(), AnchorError> {
        let line = checkpoint_line(note);
        if self.appended_at.is_none_or(|at| now.millis_since(at) >= APPEND_EVERY_MS) {
            append(&self.path, &line).map_err(|source| io_error("write", &self.path, source))?;
            self.appended_at = Some(now);
        }
        let latest = self.latest_path();
        replace(&latest, &line).map_err(|source| io_error("write", &latest, source))
    }

    fn latest_path(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".latest");
        PathBuf::from(name)
    }
}

fn io_error(action: &'static str, path: &Path, source: std::io::Error) -> AnchorError {
    AnchorError::Io { action, path: path.display().to_string(), source }
}

fn read(path: &Path) -> Result<String, AnchorError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(ANCHOR_FILE_BYTES_MAX).read_to_end(&mut bytes)) {
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(io_error("read", path, error)),
    }
}

/// Appends a line on its own: after a line that a crash cut off, a newline comes first.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() > 0 {
        file.write_all(b"\n")?;
    }
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

fn replace(path: &Path, line: &str) -> std::io::Result<()> {
    let mut name = path.to_owned().into_os_string();
    name.push(".new");
    let new = PathBuf::from(name);
    std::fs::write(&new, line)?;
    std::fs::rename(&new, path)
}
