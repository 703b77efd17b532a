//! The writer: brings committed rows to SQLite, on a thread of its own, so that the committer never waits for SQLite.
//!
//! A generation of rows ([`Generation`]) is written in one transaction once all of its batches are durable in the
//! journal. Nothing is flushed by that; before a file of the journal is used again the write-ahead log is flushed, here
//! too, and when that log has grown it is copied into the database. Whoever reads on another connection waits until
//! what was acknowledged before is settled ([`Settling::await_level`]).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::flushing::Flushing;
use crate::limits::{SETTLE_RETRY_MS, WAL_ALARM_BYTES, WAL_ALARM_EVERY_SECONDS, WAL_COPY_BYTES};
use crate::sqlite_engine::SqliteConn;
use crate::unsettled::{Generation, Leaving, Room};
use crate::wal::Wal;

/// How far SQLite is, and who waits for it.
pub(crate) struct Settling {
    flushing: Arc<Flushing>,
    /// Number of the last batch that other connections see.
    settled: AtomicI64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// A generation was handed over and is neither written nor given up.
    under_way: bool,
    /// Why it cannot be written; it is tried again.
    failed: Option<Error>,
    /// How often that was found out.
    failures: u64,
    /// For the next generation but one.
    room: Option<Room>,
}

impl Settling {
    fn new(flushing: Arc<Flushing>, settled: i64) -> Settling {
        Settling {
            flushing,
            settled: AtomicI64::new(settled),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Whether a read that begins now sees everything that was acknowledged.
    pub(crate) fn is_level(&self) -> bool {
        self.flushing.durable() <= self.settled.load(Ordering::Acquire)
    }

    /// Waits until a read that begins then sees everything that was acknowledged before the call. After a failure it waits
    /// for the next try.
    ///
    /// # Errors
    /// Why it cannot be written to SQLite, where a try after the call has failed; [`Error::Unavailable`] when that takes
    /// longer than `wait`.
    pub(crate) fn await_level(&self, target: i64, wait: Duration) -> Result<(), Error> {
        let end = Instant::now() + wait;
        let mut state = self.state();
        let before = state.failures;
        while self.settled.load(Ordering::Acquire) < target {
            if let Some(problem) = state.failed.as_ref().filter(|_| state.failures > before) {
                return Err(problem.clone());
            }
            let Some(rest) = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) else {
                return Err(Error::Unavailable("what was just written cannot be read yet".into()));
            };
            state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Every batch up to `number` is seen by other connections.
    pub(crate) fn note_settled(&self, number: i64) {
        let _state = self.state();
        self.settled.store(number, Ordering::Release);
        self.changed.notify_all();
    }

    /// What is under way could not be written.
    fn note_failure(&self, problem: Error) {
        let mut state = self.state();
        (state.failed, state.failures) = (Some(problem), state.failures + 1);
        drop(state);
        self.changed.notify_all();
    }

    /// Number of the last batch that is durable.
    pub(crate) fn durable(&self) -> i64 {
        self.flushing.durable()
    }

    fn serve(&self, queue: &Receiver<Leaving>, mut sqlite: Target) {
        while let Ok(leaving) = queue.recv() {
            let room = leaving.spent.and_then(Room::of);
            self.state().room = room;
            self.settle(&mut sqlite, &leaving.rows, queue);
            let mut state = self.state();
            (state.under_way, state.failed) = (false, None);
            drop(state);
            self.changed.notify_all();
            sqlite.free_journal(&self.flushing, self.settled.load(Ordering::Acquire));
            sqlite.bound_wal();
            self.grow_journal();
        }
    }

    /// Makes the journal's files as long as they will have to be, little by little, so that no batch waits for that.
    fn grow_journal(&self) {
        loop {
            let grown = self.flushing.journal().grow_ahead();
            // INVARIANT: nothing is lost by giving up. Whoever needs the room finds out, and says so.
            let Ok(Some(file)) = grown else { return };
            if file.sync_data().is_err() {
                return;
            }
        }
    }

    /// Writes a generation, however long that takes. Gives up when its batches were taken back or the store closes.
    fn settle(&self, sqlite: &mut Target, rows: &Generation, queue: &Receiver<Leaving>) {
        if self.flushing.await_durable(rows.last).is_err() {
            return;
        }
        while let Err(problem) = sqlite.conn.write_generation(rows) {
            let problem = match problem {
                Error::Raced => Error::Unavailable("another program holds the database".into()),
                other => other,
            };
            tracing::error!(%problem, "acknowledged work cannot be written to the database; it is kept in the journal");
            self.note_failure(problem);
            sqlite.make_room();
            // Nothing is sent while a generation is under way, so this waits for the end of the store or of the pause.
            let pause = queue.recv_timeout(Duration::from_millis(SETTLE_RETRY_MS)).map(drop);
            if pause == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
        self.note_settled(rows.last);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SQLite as the writer sees it.
struct Target {
    conn: SqliteConn,
    path: PathBuf,
    wal: Arc<Wal>,
    /// Pages in the write-ahead log after the last commit.
    wal_pages: Arc<AtomicU64>,
    page_bytes: u64,
    alarmed: Option<Instant>,
}

impl Target {
    fn open(path: &Path, wal: &Arc<Wal>) -> Result<Target, Error> {
        let mut conn = SqliteConn::open_writer(path, wal)?;
        let (wal_pages, page_bytes) = conn.watch_wal()?;
        Ok(Target { conn, path: path.to_owned(), wal: Arc::clone(wal), wal_pages, page_bytes, alarmed: None })
    }

    /// Lets the journal use a file again whose batches SQLite holds, flushed.
    fn free_journal(&self, flushing: &Flushing, settled: i64) {
        if !flushing.journal().is_resting(settled) {
            return;
        }
        match self.wal.flush() {
            Ok(()) => flushing.journal().free(settled),
            Err(problem) => {
                tracing::error!(%problem, "the write-ahead log cannot be flushed; the journal grows");
            }
        }
    }

    /// Where the disk is full, the write-ahead log may hold what the database has room for: once it is copied, the log is
    /// written from its beginning again and takes no more room.
    fn make_room(&mut self) {
        if self.wal_pages.load(Ordering::Acquire) > 0
            && let Err(problem) = self.conn.copy_wal(&self.path)
        {
            tracing::warn!(%problem, "the write-ahead log was not copied");
        }
    }

    /// Copies the log into the database once it is large. A reader of an older moment holds up a part of it; the log
    /// then grows until that reader is done.
    fn bound_wal(&mut self) {
        let bytes = self.wal_pages.load(Ordering::Acquire).saturating_mul(self.page_bytes);
        if bytes <= WAL_COPY_BYTES {
            return;
        }
        let copied = self.conn.copy_wal(&self.path);
        let due = self.alarmed.is_none_or(|last| last.elapsed().as_secs() >= WAL_ALARM_EVERY_SECONDS);
        if let Err(problem) = &copied {
            tracing::warn!(%problem, "the write-ahead log was not copied");
        } else if copied == Ok(false) && bytes > WAL_ALARM_BYTES && due {
            self.alarmed = Some(Instant::now());
            tracing::error!(
                alarm = "write_ahead_log",
                bytes,
                "the write-ahead log grows: a reader has kept an old moment for too long"
            );
        }
    }
}

/// The thread that writes, as the committer holds it.
pub(crate) struct Writer {
    settling: Arc<Settling>,
    queue: Option<Sender<Leaving>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; SQLite holds every batch up to `settled`.
    pub(crate) fn start(
        path: &Path,
        wal: &Arc<Wal>,
        flushing: Arc<Flushing>,
        settled: i64,
    ) -> Result<Writer, Error> {
        let sqlite = Target::open(path, wal)?;
        let settling = Arc::new(Settling::new(flushing, settled));
        let (sender, queue) = channel();
        let served = Arc::clone(&settling);
        let thread = std::thread::Builder::new().name("writer".to_owned());
        let thread = thread.spawn(move || served.serve(&queue, sqlite));
        let thread = thread.map_err(|e| Error::Unavailable(format!("cannot start a thread: {e}")))?;
        Ok(Writer { settling, queue: Some(sender), thread: Some(thread) })
    }

    /// How far SQLite is.
    pub(crate) fn settling(&self) -> &Arc<Settling> {
        &self.settling
    }

    /// Whether a generation can be handed over.
    pub(crate) fn is_idle(&self) -> bool {
        !self.settling.state().under_way
    }

    /// Memory for a generation, if there is some to be used again.
    pub(crate) fn take_room(&self) -> Option<Room> {
        self.settling.state().room.take()
    }

    /// Hands a generation over. Only when idle.
    pub(crate) fn hand_over(&self, leaving: Leaving) {
        self.settling.state().under_way = true;
        if self.queue.as_ref().is_none_or(|queue| queue.send(leaving).is_err()) {
            self.settling.note_failure(Error::Unavailable("the database is no longer written".into()));
        }
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub(crate) fn wait_idle(&self) -> Result<(), Error> {
        let busy = |state: &mut State| state.under_way && state.failed.is_none();
        let state = self.settling.changed.wait_while(self.settling.state(), busy);
        state.unwrap_or_else(PoisonError::into_inner).failed.clone().map_or(Ok(()), Err)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;

    const LONG: Duration = Duration::from_secs(20);

    fn settling() -> (std::path::PathBuf, Arc<Settling>) {
        let chance = u64::from_le_bytes(base::Dice::System.bytes());
        let folder = std::env::temp_dir().join(format!("tillward-settling-{chance:016x}"));
        std::fs::create_dir_all(&folder).unwrap();
        let journal = Journal::open(&folder.join("x.db"), 1).unwrap();
        (folder, Arc::new(Settling::new(Arc::new(Flushing::new(journal)), 0)))
    }

    fn full() -> Error {
        Error::Unavailable("the disk is full".into())
    }

    /// A read that begins after a failure; gives what it comes to once `next` has happened.
    fn read_until(next: impl FnOnce(&Settling)) -> Result<(), Error> {
        let (folder, settling) = settling();
        settling.state().under_way = true;
        settling.note_failure(full());
        let reading = Arc::clone(&settling);
        let read = std::thread::spawn(move || reading.await_level(1, LONG));
        while Arc::strong_count(&settling) < 2 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(!read.is_finished(), "it waits for the next try");
        next(&settling);
        let done = read.join().unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        done
    }

    #[test]
    fn a_read_right_after_a_failure_waits_for_the_next_try() {
        assert_eq!(read_until(|settling| settling.note_settled(1)), Ok(()));
        assert_eq!(read_until(|settling| settling.note_failure(full())), Err(full()));
    }

    #[test]
    fn a_read_waits_no_longer_than_it_is_told() {
        let (folder, settling) = settling();
        settling.note_failure(full());
        let late = settling.await_level(1, Duration::from_millis(20));
        assert_eq!(late, Err(Error::Unavailable("what was just written cannot be read yet".into())));
        assert_eq!(settling.await_level(0, LONG), Ok(()));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
