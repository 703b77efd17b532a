//! The exported log: one text file that an offline verifier reads from beginning to end.
//!
//! Each line is a JSON object, told apart by its first name, in the order of the log:
//!
//! | line | meaning |
//! |---|---|
//! | `{"tillward_audit":1,"origin":"…","key":"…","first":0,"size":N,"frontier":[…]}` | once, at the top; the key is for information, a verifier brings its own |
//! | `{"tile":"…"}` | leaf hashes (base64, one after the other) of the entries up to the next multiple of 256 or the end |
//! | `{"v":1,"id":"aud_…",…}` | an entry, exactly the text that is hashed: `leaf = SHA-256(0x00 ‖ line without newline)` |
//! | `{"checkpoint":"…"}` | a signed note that covers the entries above it |
//! | `{"end":{"entries":N}}` | once, at the bottom: without it the file was cut |
//!
//! `first` is the position of the first entry, and `frontier` holds the hashes of the complete subtrees before it, so
//! that a part of a log can be checked by itself against a later checkpoint.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use store::Tx;

use crate::canonical::{push_field, push_name, push_string};
use crate::entry::ENTRY_BYTES_MAX;
use crate::lookup::{LookupError, TileReader};
use crate::note::VerifierKey;
use crate::store::{EntryRow, find_head, find_tile, list_checkpoints, list_positions};
use crate::tiles::TILE_HASHES;
use crate::tree::{Digest, Frontier, frontier_nodes};

/// Longest line of an export: an entry, a note or a tile with its wrapping.
pub const LINE_BYTES_MAX: usize = 3 * ENTRY_BYTES_MAX;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log could not be read.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The file could not be written.
    #[error("cannot write the export")]
    Write(#[from] std::io::Error),
    /// Asked for entries past the end.
    #[error("the log has {size} entries; position {first} is past its end")]
    PastEnd {
        /// Where the export should begin.
        first: u64,
        /// Entries in the log.
        size: u64,
    },
}

impl From<store::Error> for ExportError {
    fn from(error: store::Error) -> ExportError {
        ExportError::Lookup(error.into())
    }
}

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Entries written.
    pub entries: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
}

/// What comes before the first entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub origin: String,
    pub key: String,
    /// Size of the log; entries from `first` to here follow.
    pub size: u64,
    /// The tree before the first entry; its size is the first position.
    pub frontier: Frontier,
}

/// Who takes the parts of a log in order: a file to be written, or a verifier.
pub(crate) trait Sink {
    fn header(&mut self, header: Header) -> Result<(), ExportError>;
    fn tile(&mut self, hashes: Vec<Digest>) -> Result<(), ExportError>;
    fn entry(&mut self, row: EntryRow) -> Result<(), ExportError>;
    fn checkpoint(&mut self, note: &str) -> Result<(), ExportError>;
}

/// Writes the log from position `first` on. Reads one consistent moment when `tx` does ([`store::Db::read`]).
///
/// # Errors
/// [`ExportError`].
pub fn export(
    tx: &mut Tx<'_>,
    key: &VerifierKey,
    first: u64,
    out: &mut dyn Write,
) -> Result<Exported, ExportError> {
    let mut writer = Writer { out, done: Exported::default() };
    walk(tx, key, first, &mut writer)?;
    let Writer { out, done } = writer;
    writeln!(out, "{{\"end\":{{\"entries\":{}}}}}", done.entries)?;
    out.flush()?;
    Ok(done)
}

/// Hands the log from position `first` on to `sink`, a tile's stretch at a time.
pub(crate) fn walk(
    tx: &mut Tx<'_>,
    key: &VerifierKey,
    first: u64,
    sink: &mut dyn Sink,
) -> Result<(), ExportError> {
    let (size, _) = find_head(tx)?;
    if first > size {
        return Err(ExportError::PastEnd { first, size });
    }
    let frontier = read_frontier(tx, first)?;
    sink.header(Header { origin: key.name().to_owned(), key: key.to_string(), size, frontier })?;
    let mut start = first;
    while start < size {
        let (tile, end) = stretch(start, size);
        walk_stretch(tx, tile, start..end, sink)?;
        start = end;
    }
    // Checkpoints of a size that the log does not have: the sign of a cut tail.
    for (_, note) in list_checkpoints(tx, size, i64::MAX as u64)? {
        sink.checkpoint(&note)?;
    }
    Ok(())
}

/// The tile that `start` is in, and where its entries end in a log of `size`.
pub(crate) fn stretch(start: u64, size: u64) -> (u64, u64) {
    let tile = start / TILE_HASHES as u64;
    (tile, size.min((tile + 1).saturating_mul(TILE_HASHES as u64)))
}

fn walk_stretch(
    tx: &mut Tx<'_>,
    tile: u64,
    positions: std::ops::Range<u64>,
    sink: &mut dyn Sink,
) -> Result<(), ExportError> {
    let width = usize::try_from(positions.end - positions.start).unwrap_or(0);
    let before = usize::try_from(positions.start % TILE_HASHES as u64).unwrap_or(0);
    let hashes = find_tile(tx, 0, tile)?;
    sink.tile(hashes.into_iter().skip(before).take(width).collect())?;
    let mut checkpoints = list_checkpoints(tx, positions.start, positions.end)?.into_iter().peekable();
    for row in list_positions(tx, positions.start, positions.end)? {
        let position = row.position.and_then(|p| u64::try_from(p).ok()).unwrap_or(0);
        while let Some((_, note)) = checkpoints.next_if(|(size, _)| *size <= position) {
            sink.checkpoint(&note)?;
        }
        sink.entry(row)?;
    }
    for (_, note) in checkpoints {
        sink.checkpoint(&note)?;
    }
    Ok(())
}

fn read_frontier(tx: &mut Tx<'_>, size: u64) -> Result<Frontier, LookupError> {
    let mut reader = TileReader::new(tx);
    let parts =
        frontier_nodes(size).map(|(height, index)| reader.node(height, index)).collect::<Result<_, _>>()?;
    Ok(Frontier::from_parts(size, parts).unwrap_or_default())
}

struct Writer<'o> {
    out: &'o mut dyn Write,
    done: Exported,
}

impl Sink for Writer<'_> {
    fn header(&mut self, header: Header) -> Result<(), ExportError> {
        Ok(writeln!(self.out, "{}", header_line(&header))?)
    }

    fn tile(&mut self, hashes: Vec<Digest>) -> Result<(), ExportError> {
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        Ok(writeln!(self.out, "{{\"tile\":\"{}\"}}", STANDARD.encode(bytes))?)
    }

    fn entry(&mut self, row: EntryRow) -> Result<(), ExportError> {
        self.done.entries += 1;
        // A body edited behind the program's back may hold anything; a line break would break the file.
        let body = row.body.replace(['\n', '\r'], " ");
        Ok(writeln!(self.out, "{body}")?)
    }

    fn checkpoint(&mut self, note: &str) -> Result<(), ExportError> {
        self.done.checkpoints += 1;
        Ok(writeln!(self.out, "{}", checkpoint_line(note))?)
    }
}

fn header_line(header: &Header) -> String {
    let mut out = String::from("{\"tillward_audit\":1");
    push_field(&mut out, "origin", &header.origin);
    push_field(&mut out, "key", &header.key);
    push_name(&mut out, "first");
    out.push_str(&header.frontier.size().to_string());
    push_name(&mut out, "size");
    out.push_str(&header.size.to_string());
    push_name(&mut out, "frontier");
    out.push('[');
    for (index, part) in header.frontier.parts().iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(&mut out, &part.to_string());
    }
    out.push_str("]}");
    out
}

/// `{"checkpoint":"…"}` without a newline.
pub(crate) fn checkpoint_line(note: &str) -> String {
    let mut out = String::from("{");
    push_field(&mut out, "checkpoint", note);
    out.push('}');
    out
}
