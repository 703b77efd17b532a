//! Reads delimited text record by record in bounded memory: plain, gzip or zstd, told apart by their first bytes.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::{TableError, limits};

const BUFFER_BYTES: usize = 256 * 1024;
/// Largest zstd window accepted (2^27 = 128 MiB), which is the format's recommended bound.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Records of a file, one after the other.
pub(super) struct Records<'a> {
    input: Box<dyn BufRead + 'a>,
    parser: Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

/// One record: its text and where each cell ends.
pub(super) struct Record<'a> {
    text: &'a str,
    ends: &'a [usize],
    /// The line it begins on, from 1.
    pub line: u64,
}

impl<'a> Record<'a> {
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cell at `place`, without surrounding blanks.
    pub fn cell(&self, place: usize) -> Option<&'a str> {
        let from = if place == 0 { 0 } else { *self.ends.get(place - 1)? };
        self.text.get(from..*self.ends.get(place)?).map(str::trim)
    }
}

/// Counts the bytes taken from the file itself, for progress.
struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.taken.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

impl<'a> Records<'a> {
    /// Opens a stream of bytes; `taken` follows how many were read.
    pub fn open(source: impl Read + 'a, taken: Arc<AtomicU64>) -> Result<Records<'a>, TableError> {
        let mut source = BufReader::with_capacity(BUFFER_BYTES, Counted { inner: source, taken });
        let start = source.fill_buf().map_err(TableError::Io)?;
        let mut input: Box<dyn BufRead> = if start.starts_with(b"\x1f\x8b") {
            let inflate = flate2::bufread::MultiGzDecoder::new(source);
            Box::new(BufReader::with_capacity(BUFFER_BYTES, inflate))
        } else if start.starts_with(b"\x28\xb5\x2f\xfd") {
            let mut expand = zstd::Decoder::with_buffer(source).map_err(TableError::Io)?;
            expand.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(TableError::Io)?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, expand))
        } else {
            Box::new(source)
        };
        let head = read_head(&mut input)?;
        let delimiter = sniff(&head);
        Ok(Records {
            input: Box::new(Cursor::new(head).chain(input)),
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            // One spare each: the parser wants room left when a record ends.
            cells: vec![0; limits::LINE_BYTES_MAX + 1],
            ends: vec![0; limits::COLUMNS_MAX + 1],
        })
    }

    /// The next record, `None` at the end.
    pub fn next(&mut self) -> Result<Option<Record<'_>>, TableError> {
        let line = self.parser.line();
        let (mut cells, mut ends) = (0, 0);
        loop {
            let input = self.input.fill_buf().map_err(|source| TableError::Broken { line, source })?;
            let (result, taken, wrote, ended) = self.parser.read_record(
                input,
                self.cells.get_mut(cells..).unwrap_or_default(),
                self.ends.get_mut(ends..).unwrap_or_default(),
            );
            self.input.consume(taken);
            cells += wrote;
            ends += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => return Err(TableError::LongLine { line }),
                ReadRecordResult::OutputEndsFull => return Err(TableError::ManyColumns { line }),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => break,
            }
        }
        if ends > limits::COLUMNS_MAX {
            return Err(TableError::ManyColumns { line });
        }
        let bytes = self.cells.get(..cells).unwrap_or_default();
        let text = str::from_utf8(bytes).map_err(|_| TableError::NotUtf8 { line })?;
        Ok(Some(Record { text, ends: self.ends.get(..ends).unwrap_or_default(), line }))
    }
}

/// Reads up to the end of the first line, without a byte-order mark.
fn read_head(input: &mut impl BufRead) -> Result<Vec<u8>, TableError> {
    let mut head = Vec::new();
    let broken = |source| TableError::Broken { line: 1, source };
    let limit = limits::LINE_BYTES_MAX as u64 + 2;
    input.take(limit).read_until(b'\n', &mut head).map_err(broken)?;
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        return Err(TableError::NotUtf8 { line: 1 });
    }
    if head.starts_with(BOM) {
        head.drain(..BOM.len());
    }
    Ok(head)
}

/// The delimiter the first line has most of: comma, semicolon or tab.
fn sniff(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0)];
    for byte in head {
        quoted ^= *byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += usize::from(byte == delimiter && !quoted);
        }
    }
    let best = counts.iter().rev().max_by_key(|(_, count)| *count);
    best.map_or(b',', |(delimiter, _)| *delimiter)
}
