//! Between the committer and the journal: batches are flushed in order, while the committer runs the next ones.
//!
//! A batch is answered by whoever flushed it. When a flush fails, that batch and every one behind it are answered with
//! the error, until the committer has taken them all back ([`Flushing::mend`]).

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::error::Error;
use crate::journal::{Draft, Journal};
use crate::limits::SPARE_DRAFTS_MAX;

/// The journal, who waits for it, and how far it and SQLite are.
pub(crate) struct Flushing {
    journal: Mutex<Journal>,
    state: Mutex<State>,
    changed: Condvar,
    /// Number of the last durable batch.
    durable: AtomicI64,
    /// Drafts that were flushed, to be written in again: fresh memory costs more than what is written into it.
    spare: Mutex<Vec<Draft>>,
}

#[derive(Default)]
struct State {
    /// Batches handed over and not yet answered.
    under_way: usize,
    /// Why a flush failed.
    broken: Option<Error>,
}

/// A batch that waits for its flush.
struct Sealed {
    /// What to flush; may be empty.
    draft: Draft,
    /// Answers its callers, with an error where it could not be flushed.
    answer: Box<dyn FnOnce(Result<(), Error>) + Send>,
}

impl Flushing {
    /// With an open journal.
    pub(crate) fn new(journal: Journal) -> Flushing {
        Flushing {
            journal: Mutex::new(journal),
            state: Mutex::default(),
            changed: Condvar::new(),
            durable: AtomicI64::new(0),
            spare: Mutex::default(),
        }
    }

    /// An empty draft.
    pub(crate) fn spare_draft(&self) -> Draft {
        self.spare().pop().unwrap_or_default()
    }

    fn keep_draft(&self, draft: Draft) {
        let mut spare = self.spare();
        if spare.len() < SPARE_DRAFTS_MAX {
            spare.extend(draft.emptied());
        }
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Draft>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal itself. Not while batches are under way, except to flush them.
    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of the last durable batch.
    pub(crate) fn durable(&self) -> i64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Every batch up to `sequence` is durable.
    pub(crate) fn note_durable(&self, sequence: i64) {
        // Under the lock, so that whoever waits does not look just before and sleep just after.
        let _state = self.state();
        self.durable.store(sequence, Ordering::Release);
        self.changed.notify_all();
    }

    /// Waits until batch `sequence` is durable.
    ///
    /// # Errors
    /// Why it never will be.
    pub(crate) fn await_durable(&self, sequence: i64) -> Result<(), Error> {
        let waits = |state: &mut State| self.durable() < sequence && state.broken.is_none();
        let state = self.changed.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner);
        if self.durable() >= sequence { Ok(()) } else { state.broken.clone().map_or(Ok(()), Err) }
    }

    /// Waits until no batch is under way.
    ///
    /// # Errors
    /// Why a flush failed; then what was built on it must be taken back.
    pub(crate) fn wait(&self) -> Result<(), Error> {
        let state = self.until_idle();
        state.broken.clone().map_or(Ok(()), Err)
    }

    /// Waits likewise and forgets the failure: its batches are being taken back.
    pub(crate) fn mend(&self) {
        self.until_idle().broken = None;
    }

    /// Flushes one draft at once. Not while batches are under way.
    pub(crate) fn append_now(&self, draft: &mut Draft) -> Result<(), Error> {
        let mut journal = self.journal();
        journal.append(std::iter::once(draft))?;
        self.note_durable(journal.sequence());
        Ok(())
    }

    /// Flushes batches as they come, all that wait with one flush, until the committer is gone.
    fn serve(&self, queue: &Receiver<Sealed>) {
        while let Ok(first) = queue.recv() {
            let mut group = vec![first];
            group.extend(queue.try_iter());
            let broken = self.state().broken.clone();
            let done = broken.map_or_else(|| self.flush(&mut group), Err);
            if let Err(problem) = &done {
                self.state().broken.get_or_insert_with(|| problem.clone());
                self.changed.notify_all();
            }
            let count = group.len();
            for sealed in group {
                (sealed.answer)(done.clone());
                self.keep_draft(sealed.draft);
            }
            self.state().under_way -= count;
            self.changed.notify_all();
        }
    }

    fn flush(&self, group: &mut [Sealed]) -> Result<(), Error> {
        let mut journal = self.journal();
        journal.append(group.iter_mut().map(|sealed| &mut sealed.draft))?;
        self.note_durable(journal.sequence());
        Ok(())
    }

    fn until_idle(&self) -> MutexGuard<'_, State> {
        let state = self.state();
        let waited = self.changed.wait_while(state, |state| state.under_way > 0);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that flushes, as the committer holds it.
pub(crate) struct Flusher {
    flushing: Arc<Flushing>,
    queue: Option<Sender<Sealed>>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// Starts the thread.
    pub(crate) fn start(flushing: Arc<Flushing>) -> std::io::Result<Flusher> {
        let (sender, queue) = channel();
        let served = Arc::clone(&flushing);
        let thread =
            std::thread::Builder::new().name("flusher".to_owned()).spawn(move || served.serve(&queue))?;
        Ok(Flusher { flushing, queue: Some(sender), thread: Some(thread) })
    }

    /// Whether a flush failed and its batches were not taken back yet.
    pub(crate) fn is_broken(&self) -> bool {
        self.flushing.state().broken.is_some()
    }

    /// Whether no batch is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.flushing.state().under_way == 0
    }

    /// Has a batch flushed behind those before it, and then answered.
    pub(crate) fn hand_over(&self, draft: Draft, answer: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let sealed = Sealed { draft, answer: Box::new(answer) };
        self.flushing.state().under_way += 1;
        let gone = self.queue.as_ref().is_none_or(|queue| queue.send(sealed).is_err());
        if gone {
            // The thread ended by a mistake of ours; nothing is acknowledged any more.
            let mut state = self.flushing.state();
            state.under_way -= 1;
            state.broken = Some(Error::Unavailable("the journal is no longer written".into()));
            self.flushing.changed.notify_all();
        }
    }

    /// Flushes a batch behind those before it, on this thread.
    pub(crate) fn flush_now(&self, mut draft: Draft) -> Result<(), Error> {
        self.flushing.wait()?;
        let flushed = self.flushing.append_now(&mut draft);
        self.flushing.keep_draft(draft);
        flushed
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
