//! Verification of an exported file, offline.

use std::io::{BufRead, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Auditor, Report};
use crate::anchor::read_checkpoint_line;
use crate::canonical::Scanner;
use crate::checkpoint::SignedCheckpoint;
use crate::export::{ExportError, Header, LINE_BYTES_MAX, Sink as _};
use crate::note::VerifierKey;
use crate::tiles::{TILE_HASHES, hashes_from_bytes};
use crate::tree::{Digest, Frontier};

/// Why a file is not an exported log at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be read.
    #[error("cannot read the exported log")]
    Read(#[from] std::io::Error),
    /// A line is not what belongs there.
    #[error("line {line}: {problem}")]
    Line {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The file ends without its last line.
    #[error("the file was cut: its last line, `{{\"end\":…}}`, is missing after line {0}")]
    Cut(u64),
    /// The log is another one than the key's.
    #[error("the exported log is of `{found}`, the key of `{wanted}`")]
    OtherLog {
        /// The origin in the file.
        found: String,
        /// The key's.
        wanted: String,
    },
}

/// Verifies an exported log with nothing but the file, the public key, and whatever checkpoints were kept elsewhere.
///
/// # Errors
/// [`VerifyError`] when the file is not a whole export. What is wrong with the log is in the report.
pub fn verify_export(
    input: &mut dyn BufRead,
    key: &VerifierKey,
    anchors: &[SignedCheckpoint],
) -> Result<Report, VerifyError> {
    let mut lines = Lines { input, number: 0 };
    let top = lines.next()?.ok_or(VerifyError::Cut(0))?;
    let header =
        read_header(&top).ok_or_else(|| lines.wrong("not the first line of an exported audit log"))?;
    if header.origin != key.name() {
        return Err(VerifyError::OtherLog { found: header.origin, wanted: key.name().to_owned() });
    }
    let mut reader =
        Reader { auditor: Auditor::new(key, anchors), size: header.size, entries: 0, tile_entries: 0 };
    pass(reader.auditor.header(header));
    loop {
        let line = lines.next()?.ok_or(VerifyError::Cut(lines.number))?;
        if reader.take(&line).map_err(|problem| lines.wrong(problem))? {
            break;
        }
    }
    match lines.next()? {
        Some(_) => Err(lines.wrong("something follows the last line")),
        None => Ok(reader.auditor.finish()),
    }
}

/// The auditor itself takes everything; only writing sinks fail.
fn pass(taken: Result<(), ExportError>) {
    if let Err(error) = taken {
        tracing::error!(%error, "the auditor refused a part of the log");
    }
}

struct Reader<'k> {
    auditor: Auditor<'k>,
    size: u64,
    entries: u64,
    tile_entries: usize,
}

impl Reader<'_> {
    /// Takes a line; `true` for the last one.
    fn take(&mut self, line: &str) -> Result<bool, &'static str> {
        if line.starts_with("{\"tile\":") {
            let hashes = read_tile(line).ok_or("a tile is base64 of up to 256 hashes")?;
            if self.auditor.next_position() >= self.size {
                return Err("a tile past the end of the log");
            }
            self.tile_entries = 0;
            pass(self.auditor.tile(hashes));
        } else if let Some(note) = read_checkpoint_line(line) {
            pass(self.auditor.checkpoint(&note));
        } else if let Some(entries) = read_end(line) {
            return if entries == self.entries {
                Ok(true)
            } else {
                Err("not the number of entries in the file")
            };
        } else {
            self.entries += 1;
            self.tile_entries += 1;
            if self.tile_entries > 2 * TILE_HASHES {
                return Err("more entries than a tile has room for");
            }
            if !self.auditor.has_stretch() {
                return Err("an entry before the first tile");
            }
            self.auditor.see(line, None);
        }
        Ok(false)
    }
}

struct Lines<'i> {
    input: &'i mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<String>, VerifyError> {
        let mut bytes = Vec::new();
        let read = (&mut *self.input).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if read > LINE_BYTES_MAX {
            return Err(self.wrong("longer than a line can be"));
        }
        String::from_utf8(bytes).map(Some).map_err(|_| self.wrong("not UTF-8"))
    }

    fn wrong(&self, problem: &'static str) -> VerifyError {
        VerifyError::Line { line: self.number, problem }
    }
}

fn read_header(line: &str) -> Option<Header> {
    let mut scan = Scanner::new(line);
    scan.expect("{\"tillward_audit\":1,\"origin\":")?;
    let origin = scan.string()?;
    scan.expect(",\"key\":")?;
    let key = scan.string()?;
    scan.expect(",\"first\":")?;
    let first = scan.uint()?;
    scan.expect(",\"size\":")?;
    let size = scan.uint().filter(|size| *size >= first)?;
    scan.expect(",\"frontier\":[")?;
    let mut parts = Vec::new();
    while !scan.take("]") {
        if !parts.is_empty() {
            scan.expect(",")?;
        }
        parts.push(Digest::from_base64(&scan.string()?)?);
    }
    scan.expect("}")?;
    scan.end()?;
    Some(Header { origin, key, size, frontier: Frontier::from_parts(first, parts)? })
}

fn read_tile(line: &str) -> Option<Vec<Digest>> {
    let mut scan = Scanner::new(line);
    scan.expect("{\"tile\":")?;
    let base64 = scan.string()?;
    scan.expect("}")?;
    scan.end()?;
    hashes_from_bytes(&STANDARD.decode(base64).ok()?)
}

fn read_end(line: &str) -> Option<u64> {
    let mut scan = Scanner::new(line);
    scan.expect("{\"end\":{\"entries\":")?;
    let entries = scan.uint()?;
    scan.expect("}}")?;
    scan.end().map(|()| entries)
}
