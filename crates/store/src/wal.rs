//! SQLite's write-ahead log as a file: flushed from here where SQLite does not, and made whole after a flush that failed.
//!
//! The kernel tells of a failed flush once. From then on it takes for written what may never have reached the disk, and
//! the next flush succeeds without it. So after any failure the log is *torn*: no journal file is freed, the log is not
//! copied into the database, and nothing is committed behind it, until it was written over with its own bytes, which
//! are in memory as they were, and flushed again. A start does that too: whoever was killed cannot say what failed.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::error::Error;
use crate::limits::FLUSH_STEADILY_MS;

/// Bytes that are written over in one piece.
const PIECE_BYTES: usize = 1024 * 1024;

/// The write-ahead log of a database, shared by the connections that write it.
pub(crate) struct Wal {
    path: PathBuf,
    /// How many flushes of it failed.
    failures: AtomicU64,
    /// How many of them it was written over for since.
    mended: AtomicU64,
}

impl Wal {
    /// Of the database at `path`.
    pub(crate) fn of(database: &Path) -> Wal {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        Wal { path: PathBuf::from(path), failures: AtomicU64::new(0), mended: AtomicU64::new(0) }
    }

    /// A flush of it failed.
    pub(crate) fn note_failure(&self) {
        self.failures.fetch_add(1, Ordering::AcqRel);
    }

    /// Refuses a log that is torn.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while it is.
    pub(crate) fn expect_whole(&self) -> Result<(), Error> {
        if self.mended.load(Ordering::Acquire) == self.failures.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(Error::Unavailable("a flush of the write-ahead log failed; it is written anew".into()))
    }

    /// Flushes it: after this, what SQLite has committed is durable by itself.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when that fails, and while it is torn.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.expect_whole()?;
        let flushed = self.open().and_then(|file| file.map_or(Ok(()), |file| file.sync_data()));
        flushed.map_err(|problem| {
            self.note_failure();
            Error::Unavailable(format!("the write-ahead log cannot be flushed: {problem}"))
        })
    }

    /// Makes it whole, if it is torn. Only for who holds SQLite's write lock, so that nobody else writes it meanwhile.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be written or flushed; it stays torn.
    pub(crate) fn mend(&self) -> Result<(), Error> {
        let failures = self.failures.load(Ordering::Acquire);
        if self.mended.load(Ordering::Acquire) == failures {
            return Ok(());
        }
        self.write_over()?;
        // Torn until here, for whoever flushes meanwhile; and still, where another flush failed since.
        self.mended.store(failures, Ordering::Release);
        tracing::warn!("a flush of the write-ahead log had failed; it was written over and flushed");
        Ok(())
    }

    /// Writes it over with its own bytes and flushes them. Only for who holds SQLite's write lock.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be read, written or flushed.
    pub(crate) fn write_over(&self) -> Result<(), Error> {
        let done = self.open().and_then(|file| file.map_or(Ok(()), |file| write_over(&file)));
        done.map_err(|e| Error::Unavailable(format!("the write-ahead log cannot be written over: {e}")))
    }

    /// Does `work`, which fills it, while it is flushed now and then; a flush that fails is noted.
    pub(crate) fn flush_steadily<T>(&self, work: impl FnOnce() -> T) -> T {
        let (done, flushed) = flush_steadily(&self.path, work);
        if !flushed {
            self.note_failure();
        }
        done
    }

    /// Nothing where it is not there: SQLite has copied all of it into the database.
    fn open(&self) -> std::io::Result<Option<File>> {
        match File::options().read(true).write(true).open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }
}

fn write_over(file: &File) -> std::io::Result<()> {
    let (mut piece, mut at) = (vec![0; PIECE_BYTES], 0);
    loop {
        let read = file.read_at(&mut piece, at)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        file.write_all_at(bytes, at)?;
        at += read as u64;
    }
    file.sync_data()
}

/// Flushes a file again and again while `work` fills it. Whoever waits for the journal's flush meanwhile waits behind
/// little; all at once at the end, the disk would be busy for as long as a payment may take.
/// Gives beside the work's result whether every flush went well.
pub(crate) fn flush_steadily<T>(path: &Path, work: impl FnOnce() -> T) -> (T, bool) {
    let Ok(file) = File::open(path) else { return (work(), true) };
    let (ended, end) = channel::<()>();
    let pause = Duration::from_millis(FLUSH_STEADILY_MS);
    std::thread::scope(|scope| {
        let flusher = scope.spawn(move || {
            while end.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                if file.sync_data().is_err() {
                    return false;
                }
            }
            true
        });
        let done = work();
        drop(ended);
        (done, flusher.join().unwrap_or(false))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wal(folder: &Path, bytes: &[u8]) -> (Wal, PathBuf) {
        let path = folder.join("x.db-wal");
        std::fs::write(&path, bytes).unwrap();
        (Wal::of(&folder.join("x.db")), path)
    }

    #[test]
    fn a_log_whose_flush_failed_is_not_believed_until_it_was_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..2 * PIECE_BYTES + 77).map(|n| (n % 251) as u8).collect();
        let (wal, path) = wal(folder.path(), &bytes);
        assert_eq!(wal.flush(), Ok(()));
        // A disk that takes what is written and fails to flush it: the null device.
        let aside = folder.path().join("aside");
        std::fs::rename(&path, &aside).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(matches!(wal.flush(), Err(Error::Unavailable(_))));
        assert!(matches!(wal.mend(), Err(Error::Unavailable(_))), "it cannot be mended there");
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        assert!(matches!(wal.flush(), Err(Error::Unavailable(_))), "the next flush proves nothing");
        assert_eq!((wal.mend(), wal.flush()), (Ok(()), Ok(())));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn a_failure_beside_the_work_that_fills_it_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        let (wal, path) = wal(folder.path(), b"frames");
        let pause = || std::thread::sleep(Duration::from_millis(10 * FLUSH_STEADILY_MS));
        wal.flush_steadily(pause);
        assert_eq!(wal.expect_whole(), Ok(()));
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        wal.flush_steadily(pause);
        assert!(wal.expect_whole().is_err());
    }

    #[test]
    fn a_log_that_is_not_there_is_flushed() {
        let wal = Wal::of(Path::new("/nowhere/x.db"));
        assert_eq!((wal.flush(), wal.write_over()), (Ok(()), Ok(())));
    }
}
