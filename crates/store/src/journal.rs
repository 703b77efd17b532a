//! The journal of the embedded engine: what makes a batch durable.
//!
//! SQLite pays for a commit by the page: a batch of payments touches some twenty pages each, and every one is written,
//! checksummed and flushed whole. So the rows of a batch go into this journal instead, one record a batch, flushed
//! (`fdatasync`) before anybody is answered, and reach SQLite later, many batches in one transaction. After a crash the
//! records past SQLite's last commit are carried out again, in order.
//!
//! - A record is `length, epoch, sequence, SHA-256, statements`; one that is torn or does not continue its forerunner
//!   ends the journal.
//! - There are two files. One is written until it is full; then the other, which rests until SQLite's write-ahead log has
//!   been flushed past what it holds, is written over from its start. A file has its bytes before they are needed, so
//!   that a flush writes no more than the record: a file that grows is flushed with the file system's own log.
//! - The number of the last batch that SQLite holds is a row of SQLite's own, written in the same transaction.

use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;

use crate::error::Error;
use crate::limits::SPARE_DRAFT_BYTES_MAX;
use crate::value::Value;

/// `length` (4), `epoch` (8), `sequence` (8), SHA-256 over these two and the statements (32).
const HEAD_BYTES: usize = 52;
/// Largest record that is read back, bytes.
const RECORD_BYTES_MAX: u64 = 1 << 31;
/// A journal file rests once it holds this many bytes.
pub(crate) const FILE_BYTES_FULL: u64 = 32 * 1024 * 1024;
/// By how much a file grows that is short of room, bytes.
const FILE_BYTES_STEP: u64 = 2 * 1024 * 1024;
/// By how much a file grows ahead of need, bytes: a batch waits for it no longer than for a flush.
const FILE_BYTES_AHEAD: u64 = 256 * 1024;
/// What a file grows by, a piece at a time.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// One of the two files.
struct Part {
    path: PathBuf,
    file: File,
    /// Where the next record goes.
    offset: u64,
    /// How long the file is.
    length: u64,
    /// Number of the last batch in it.
    last: i64,
    /// SQLite holds all that is in it, flushed.
    free: bool,
}

/// The journal, open for writing.
pub(crate) struct Journal {
    parts: [Part; 2],
    active: usize,
    epoch: i64,
    sequence: i64,
    /// A write or a flush failed: what is on disk is not known, so that nothing is written behind it.
    torn: bool,
}

/// A record to be: the statements of one batch, room for the head before them.
#[derive(Default)]
pub(crate) struct Draft(Vec<u8>);

/// A record read back.
pub(crate) struct Record {
    /// Number of its batch.
    pub(crate) sequence: i64,
    pub(crate) statements: Vec<u8>,
}

impl Journal {
    /// Opens both files beside the database, making those that are not there. `epoch` is the database's own, so that
    /// the journal of another database is not believed.
    pub(crate) fn open(database: &Path, epoch: i64) -> Result<Journal, Error> {
        let part = |name: &str| {
            let path = database.with_extension(name);
            let mut options = File::options();
            let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
            let file = file.map_err(|e| Error::Refused(format!("cannot open `{}`: {e}", path.display())))?;
            let length = file.metadata().map_or(0, |about| about.len());
            Ok::<_, Error>(Part { path, file, offset: 0, length, last: 0, free: true })
        };
        let parts = [part("journal-a")?, part("journal-b")?];
        // The files' names must last as long as what is flushed into them.
        let folder =
            database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let kept = File::open(folder).and_then(|folder| folder.sync_all());
        kept.map_err(|e| Error::Unavailable(format!("cannot flush the folder `{}`: {e}", folder.display())))?;
        Ok(Journal { parts, active: 0, epoch, sequence: 0, torn: false })
    }

    /// The number of the last batch.
    pub(crate) fn sequence(&self) -> i64 {
        self.sequence
    }

    /// Writes and flushes drafts, a record each. Once this returns `Ok` all of them are durable; else none counts, and
    /// nothing more is written before [`Journal::begin_anew`].
    pub(crate) fn append<'d>(&mut self, drafts: impl Iterator<Item = &'d mut Draft>) -> Result<(), Error> {
        if std::mem::replace(&mut self.torn, true) {
            return Err(Error::Unavailable("an earlier flush of the journal failed".into()));
        }
        self.turn();
        let Some(part) = self.parts.get_mut(self.active) else { return Err(lost_part()) };
        let (mut offset, mut sequence) = (part.offset, self.sequence);
        for draft in drafts.filter(|draft| !draft.is_empty()) {
            sequence += 1;
            fill_head(&mut draft.0, self.epoch, sequence)?;
            let end = offset + draft.0.len() as u64;
            // What an earlier use left behind must not look like the next record.
            draft.0.extend_from_slice(&[0; HEAD_BYTES]);
            part.reserve(end + HEAD_BYTES as u64)?;
            part.file.write_all_at(&draft.0, offset).map_err(unwritten)?;
            offset = end;
        }
        if sequence != self.sequence {
            part.file.sync_data().map_err(unwritten)?;
        }
        (part.offset, part.last, part.free) = (offset, sequence, false);
        (self.sequence, self.torn) = (sequence, false);
        Ok(())
    }

    /// Goes on in the other file, if this one is full and the other one free.
    fn turn(&mut self) {
        let other = 1 - self.active;
        let full = self.parts.get(self.active).is_some_and(|part| part.offset >= FILE_BYTES_FULL);
        if !full || self.parts.get(other).is_none_or(|next| !next.free) {
            return;
        }
        if let Some(next) = self.parts.get_mut(other) {
            next.offset = 0;
        }
        self.active = other;
    }

    /// Makes a file a little longer, if what was written says that it will soon be too short. Gives it to be flushed, opened
    /// anew: whoever shares an open file with the journal's own flushes could be told of a failure in their place.
    /// Nothing where both are long enough.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the file cannot be written.
    pub(crate) fn grow_ahead(&mut self) -> Result<Option<File>, Error> {
        let written = self.parts.get(self.active).map_or(0, |part| part.offset);
        let enough = (2 * written).min(FILE_BYTES_FULL + FILE_BYTES_STEP);
        let Some(part) = self.parts.iter_mut().find(|part| part.length < enough) else { return Ok(None) };
        part.lengthen(part.length + FILE_BYTES_AHEAD)?;
        File::open(&part.path).map(Some).map_err(unwritten)
    }

    /// Whether the other file waits for SQLite's log to be flushed, now that SQLite holds every batch up to `settled`.
    pub(crate) fn is_resting(&self, settled: i64) -> bool {
        self.parts.get(1 - self.active).is_some_and(|part| !part.free && part.last <= settled)
    }

    /// SQLite holds every batch up to `settled`, flushed: a resting file may be used again.
    pub(crate) fn free(&mut self, settled: i64) {
        if let Some(part) = self.parts.get_mut(1 - self.active).filter(|part| part.last <= settled) {
            part.free = true;
        }
    }

    /// The records after `applied`, in order, from both files.
    pub(crate) fn read_back(&self, applied: i64) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        for part in &self.parts {
            let found = read_records(&part.file, self.epoch)?;
            records.extend(found.into_iter().filter(|record| record.sequence > applied));
        }
        records.sort_by_key(|record| record.sequence);
        let numbers = applied.saturating_add(1)..;
        if records.iter().zip(numbers).any(|(record, wanted)| record.sequence != wanted) {
            return Err(Error::Refused(
                "the journal beside the database is damaged: a batch is missing".into(),
            ));
        }
        Ok(records)
    }

    /// After everything up to batch `sequence` is in SQLite and flushed: begins both files anew.
    pub(crate) fn reset(&mut self, sequence: i64) {
        self.sequence = sequence;
        for part in &mut self.parts {
            (part.offset, part.free) = (0, true);
        }
        (self.active, self.torn) = (0, false);
    }

    /// As [`Journal::reset`], after a flush that failed: first nothing is left in either file, flushed. So no record that
    /// counted for nothing is ever read back, and none is written behind one that the disk may not hold.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when a file cannot be written or flushed; nothing is appended then.
    pub(crate) fn begin_anew(&mut self, sequence: i64) -> Result<(), Error> {
        for part in self.parts.iter().filter(|part| part.length > 0) {
            part.fill_with_zeros(0, part.length)?;
            part.file.sync_data().map_err(unwritten)?;
        }
        self.reset(sequence);
        Ok(())
    }

    /// Puts another file in the place of the one that is written.
    #[cfg(test)]
    pub(crate) fn swap_file(&mut self, file: File) -> File {
        std::mem::replace(&mut self.parts[self.active].file, file)
    }
}

impl Part {
    /// Makes the file at least `end` bytes long.
    fn reserve(&mut self, end: u64) -> Result<(), Error> {
        if end <= self.length { Ok(()) } else { self.lengthen(end.next_multiple_of(FILE_BYTES_STEP)) }
    }

    /// Makes the file `end` bytes long, which is more than before.
    fn lengthen(&mut self, end: u64) -> Result<(), Error> {
        self.fill_with_zeros(self.length, end)?;
        self.length = end;
        Ok(())
    }

    fn fill_with_zeros(&self, from: u64, end: u64) -> Result<(), Error> {
        let mut at = from;
        while at < end {
            let piece = ZEROS.get(..usize::try_from(end - at).unwrap_or(ZEROS.len())).unwrap_or(&ZEROS);
            self.file.write_all_at(piece, at).map_err(unwritten)?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}

impl Draft {
    /// The same without its content, to be written again; nothing where it takes more room than most need.
    pub(crate) fn emptied(mut self) -> Option<Draft> {
        self.0.clear();
        (self.0.capacity() <= SPARE_DRAFT_BYTES_MAX).then_some(self)
    }

    /// The record it becomes as batch `sequence` of the database `epoch`.
    pub(crate) fn into_record(mut self, epoch: i64, sequence: i64) -> Vec<u8> {
        if !self.is_empty() {
            let _ = fill_head(&mut self.0, epoch, sequence);
        }
        self.0
    }

    /// How many bytes it will take in the journal.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was noted.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Begins a statement; its rows follow with [`Draft::note_row`].
    pub(crate) fn note_statement(&mut self, sql: &str) {
        if self.0.is_empty() {
            self.0.resize(HEAD_BYTES, 0);
        }
        self.0.push(b'S');
        put_bytes(&mut self.0, sql.as_bytes());
    }

    /// Notes the parameters of one run of the last statement.
    pub(crate) fn note_row(&mut self, values: &[Value]) {
        self.0.push(b'R');
        self.0.extend_from_slice(&(values.len() as u32).to_le_bytes());
        for value in values {
            match value {
                Value::Null => self.0.push(b'n'),
                Value::Int(i) => {
                    self.0.push(b'i');
                    self.0.extend_from_slice(&i.to_le_bytes());
                }
                Value::Real(r) => {
                    self.0.push(b'r');
                    self.0.extend_from_slice(&r.to_bits().to_le_bytes());
                }
                Value::Text(t) => {
                    self.0.push(b't');
                    put_bytes(&mut self.0, t.as_bytes());
                }
                Value::Blob(b) => {
                    self.0.push(b'b');
                    put_bytes(&mut self.0, b);
                }
            }
        }
    }
}

impl Record {
    /// Calls `run` with each statement and its parameters, in order.
    pub(crate) fn replay(
        &self,
        mut run: impl FnMut(&str, &[Value]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let damaged = || Error::Refused("the journal beside the database holds what cannot be read".into());
        let mut rest = Reader(&self.statements);
        let mut sql = "";
        while let Some(kind) = rest.byte() {
            match kind {
                b'S' => sql = rest.text().ok_or_else(damaged)?,
                b'R' => run(sql, &rest.values().ok_or_else(damaged)?)?,
                _ => return Err(damaged()),
            }
        }
        Ok(())
    }
}

fn fill_head(record: &mut [u8], epoch: i64, sequence: i64) -> Result<(), Error> {
    let length = u32::try_from(record.len().saturating_sub(HEAD_BYTES))
        .map_err(|_| Error::Bug("a batch is too large for the journal".into()))?;
    let Some((head, statements)) = record.split_at_mut_checked(HEAD_BYTES) else { return Err(lost_part()) };
    let hash = hash_of(epoch, sequence, statements);
    let fields =
        [&length.to_le_bytes()[..], &epoch.to_le_bytes(), &sequence.to_le_bytes(), hash.as_ref()].concat();
    head.copy_from_slice(&fields);
    Ok(())
}

fn hash_of(epoch: i64, sequence: i64, statements: &[u8]) -> digest::Digest {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&epoch.to_le_bytes());
    hash.update(&sequence.to_le_bytes());
    hash.update(statements);
    hash.finish()
}

/// The whole records from the start of a file.
fn read_records(file: &File, epoch: i64) -> Result<Vec<Record>, Error> {
    let unread = |e: std::io::Error| Error::Unavailable(format!("the journal cannot be read: {e}"));
    let size = file.metadata().map_err(unread)?.len();
    find_records(size, epoch, |bytes, offset| file.read_exact_at(bytes, offset)).map_err(unread)
}

/// The whole records from the start of `size` bytes, which `read` gives from an offset.
pub(crate) fn find_records<E>(
    size: u64,
    epoch: i64,
    mut read: impl FnMut(&mut [u8], u64) -> Result<(), E>,
) -> Result<Vec<Record>, E> {
    let (mut records, mut offset): (Vec<Record>, u64) = (Vec::new(), 0);
    while offset + HEAD_BYTES as u64 <= size {
        let mut head = [0u8; HEAD_BYTES];
        read(&mut head, offset)?;
        let mut fields = Reader(&head);
        let (Some(length), Some(of), Some(sequence)) = (fields.u32(), fields.i64(), fields.i64()) else {
            break;
        };
        // What an earlier use of the file left has a lower number.
        let continues = records.last().is_none_or(|last| sequence == last.sequence.wrapping_add(1));
        let start = offset + HEAD_BYTES as u64;
        let end = start + u64::from(length);
        if of != epoch || !continues || end > size || u64::from(length) > RECORD_BYTES_MAX {
            break;
        }
        let mut statements = vec![0u8; length as usize];
        read(&mut statements, start)?;
        if hash_of(epoch, sequence, &statements).as_ref() != fields.0 {
            break;
        }
        records.push(Record { sequence, statements });
        offset = end;
    }
    Ok(records)
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn unwritten(problem: std::io::Error) -> Error {
    Error::Unavailable(format!("the journal cannot be written: {problem}"))
}

fn lost_part() -> Error {
    Error::Bug("the journal has no file".into())
}

/// Takes values off the front of bytes; `None` once they do not suffice.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn i64(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn values(&mut self) -> Option<Vec<Value>> {
        let count = self.u32()?;
        (0..count).map(|_| self.value()).collect()
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.byte()? {
            b'n' => Value::Null,
            b'i' => Value::Int(self.i64()?),
            b'r' => Value::Real(f64::from_bits(self.i64()?.cast_unsigned())),
            b't' => Value::Text(self.text()?.to_owned()),
            b'b' => Value::Blob(self.bytes()?.to_vec()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(journal: &mut Journal, value: impl Into<Value>) {
        let mut draft = Draft::default();
        draft.note_statement("INSERT INTO t VALUES (?1)");
        draft.note_row(&[value.into()]);
        journal.append(std::iter::once(&mut draft)).unwrap();
    }

    fn blob(bytes: u64) -> Value {
        Value::Blob(vec![7; bytes as usize])
    }

    fn numbers(journal: &Journal, applied: i64) -> Vec<i64> {
        journal.read_back(applied).unwrap().iter().map(|record| record.sequence).collect()
    }

    #[test]
    fn c25_records_are_read_back_after_what_sqlite_holds() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("tillward.db"), 7).unwrap();
        for number in 1..=5 {
            append(&mut journal, number);
        }
        assert_eq!(numbers(&journal, 0), [1, 2, 3, 4, 5]);
        assert_eq!(numbers(&journal, 3), [4, 5]);
        assert!(numbers(&journal, 5).is_empty());
        // Written over from the start, with old records behind it.
        journal.reset(5);
        append(&mut journal, 6);
        assert_eq!(numbers(&journal, 5), [6]);
        assert!(journal.read_back(4).is_err(), "a batch that neither holds is missing");
    }

    #[test]
    fn c25_a_record_whose_flush_failed_is_gone_and_nothing_is_written_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("tillward.db"), 7).unwrap();
        append(&mut journal, blob(FILE_BYTES_FULL));
        append(&mut journal, 2);
        assert_eq!(journal.active, 1);
        // The next record reached the file whole, and its flush failed.
        let mut failed = Draft::default();
        failed.note_statement("INSERT INTO t VALUES (?1)");
        let bytes = failed.into_record(7, 3);
        journal.parts[1].file.write_all_at(&bytes, journal.parts[1].offset).unwrap();
        journal.torn = true;
        assert_eq!(numbers(&journal, 0), [1, 2, 3]);
        let mut draft = Draft::default();
        draft.note_statement("INSERT INTO t VALUES (?1)");
        let behind = journal.append(std::iter::once(&mut draft));
        assert!(matches!(behind, Err(Error::Unavailable(_))), "{behind:?}");
        journal.begin_anew(2).unwrap();
        assert!(numbers(&journal, 0).is_empty());
        append(&mut journal, 3);
        append(&mut journal, 4);
        assert_eq!((journal.active, numbers(&journal, 2)), (0, vec![3, 4]));
    }

    #[test]
    fn c25_a_file_is_used_again_only_once_sqlite_holds_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("tillward.db"), 7).unwrap();
        append(&mut journal, blob(FILE_BYTES_FULL));
        assert!(!journal.is_resting(1), "the file in use does not rest");
        append(&mut journal, blob(FILE_BYTES_FULL));
        // Both are full now, the first one rests with batch 1, and what comes goes behind batch 2.
        append(&mut journal, 3);
        assert!(!journal.is_resting(0) && journal.is_resting(1));
        assert_eq!(numbers(&journal, 0), [1, 2, 3]);
        journal.free(0);
        append(&mut journal, 4);
        assert_eq!(numbers(&journal, 0), [1, 2, 3, 4]);
        journal.free(1);
        append(&mut journal, 5);
        assert_eq!(numbers(&journal, 1), [2, 3, 4, 5]);
        assert!(journal.read_back(0).is_err(), "batch 1 was written over");
    }

    #[test]
    fn files_grow_ahead_of_need_up_to_where_they_are_full() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("tillward.db"), 7).unwrap();
        assert!(journal.grow_ahead().unwrap().is_none(), "nothing was written");
        append(&mut journal, blob(FILE_BYTES_STEP - 1_000));
        assert_eq!(grow(&mut journal), [2 * FILE_BYTES_STEP; 2], "twice what is written, in both");
        append(&mut journal, blob(FILE_BYTES_FULL));
        let [written, other] = grow(&mut journal);
        assert!(written > FILE_BYTES_FULL && other == FILE_BYTES_FULL + FILE_BYTES_STEP, "{written} {other}");
        assert_eq!(numbers(&journal, 0), [1, 2], "what was written is as it was");
    }

    /// Both lengths once neither file grows any more.
    fn grow(journal: &mut Journal) -> [u64; 2] {
        while journal.grow_ahead().unwrap().is_some() {}
        journal.parts.each_ref().map(|part| part.file.metadata().unwrap().len())
    }
}
