//! Group commit: one thread takes all closures that wait, runs them in one transaction, makes it durable once, and only
//! then answers each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::conn::{Conn, Mode};
use crate::embedded::Embedded;
use crate::error::Error;
use crate::flushing::Flusher;
use crate::following::Followers;
use crate::journal::Draft;
use crate::kept::Kept;
use crate::limits::{
    BATCH_CLOSURES_MAX, COLLECT_ROUNDS_MAX, RECORD_CLOSURES_MAX, RETRIES_MAX, SETTLE_IDLE_MS,
};
use crate::tx::{Hook, Key, Rows, Tx};

/// A closure that waits for the committer, whatever it returns.
pub(crate) trait Job: Send {
    /// The rows it will read.
    fn keys(&self) -> &[Key];
    /// Runs the closure and keeps its result. `false`: it failed.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Replaces the result by an error of the store.
    fn fail(&mut self, problem: Error);
    /// Sends the result to the caller.
    fn answer(self: Box<Self>);
    /// Whether somebody is about to read on another connection.
    fn hurries(&self) -> bool {
        false
    }
}

/// Somebody is about to read on another connection: what is committed is to be settled soon.
pub(crate) struct Hurry;

impl Job for Hurry {
    fn keys(&self) -> &[Key] {
        &[]
    }

    fn run(&mut self, _: &mut Tx<'_>) -> bool {
        true
    }

    fn fail(&mut self, _: Error) {}

    fn answer(self: Box<Self>) {}

    fn hurries(&self) -> bool {
        true
    }
}

/// A closure as a [`Job`].
pub(crate) struct Work<T, E, F> {
    pub(crate) work: F,
    pub(crate) keys: Vec<Key>,
    pub(crate) result: Option<Result<T, E>>,
    pub(crate) reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Work<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let ran = catch_unwind(AssertUnwindSafe(|| (self.work)(tx)));
        let result = ran.unwrap_or_else(|_| Err(Error::Bug("a closure panicked; see the log".into()).into()));
        let done = result.is_ok();
        self.result = Some(result);
        done
    }

    fn fail(&mut self, problem: Error) {
        self.result = Some(Err(problem.into()));
    }

    fn answer(self: Box<Self>) {
        // The caller may have gone away; the work is done all the same.
        if let Some(result) = self.result {
            let _ = self.reply.send(result);
        }
    }
}

type Batch = Vec<Box<dyn Job>>;

/// Serves closures until the last sender is gone. `waiting` counts those that were not answered yet.
pub(crate) fn serve(
    conn: Conn,
    queue: &Receiver<Box<dyn Job>>,
    flusher: Option<Flusher>,
    followers: Arc<Followers>,
    waiting: &Arc<AtomicUsize>,
) {
    let kept = Kept::new(conn.is_sole_writer());
    let waiting = Arc::clone(waiting);
    let batch_max = if flusher.is_some() { RECORD_CLOSURES_MAX } else { BATCH_CLOSURES_MAX };
    let mut committer =
        Committer { conn, kept, rows: Rows::default(), flusher, followers, waiting, next: None };
    while let Some(first) = committer.wait(queue) {
        let mut batch: Batch = vec![first];
        while batch.len() < batch_max {
            let Ok(next) = queue.try_recv() else { break };
            batch.push(next);
        }
        committer.run(batch, queue);
        if let Some(conn) = committer.conn.embedded() {
            conn.settle_if_due();
        }
    }
    if let Some(Err(problem)) = committer.conn.embedded().map(Embedded::drain) {
        tracing::warn!(%problem, "acknowledged work is left in the journal");
    }
}

/// A batch that has run.
#[derive(Default)]
struct Ended {
    /// What is to be flushed before it is answered.
    draft: Option<Draft>,
    /// What is to run once it is durable.
    hooks: Vec<Hook>,
}

/// Tells the callers of a batch how it ended.
fn answer(mut batch: Batch, hooks: Vec<Hook>, flushed: Result<(), Error>, waiting: &AtomicUsize) {
    match flushed {
        Ok(()) => {
            for hook in hooks {
                if catch_unwind(AssertUnwindSafe(hook)).is_err() {
                    tracing::error!("a hook after a commit panicked");
                }
            }
        }
        Err(problem) => batch.iter_mut().for_each(|job| job.fail(problem.clone())),
    }
    let count = batch.len();
    batch.into_iter().for_each(Job::answer);
    waiting.fetch_sub(count, Ordering::AcqRel);
}

/// How a batch is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// Expecting that it goes through.
    Usual,
    /// After it, or a larger one with it, failed.
    Protected,
}

struct Committer {
    conn: Conn,
    kept: Kept,
    /// Empty, with the room that the last batch took.
    rows: Rows,
    /// Flushes batches while the next ones run; `None` where the engine flushes itself.
    flusher: Option<Flusher>,
    followers: Arc<Followers>,
    waiting: Arc<AtomicUsize>,
    /// A closure that was taken from the queue already.
    next: Option<Box<dyn Job>>,
}

impl Committer {
    /// The next closure. When there is none for a moment, what was acknowledged is settled meanwhile.
    fn wait(&mut self, queue: &Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        if let Some(job) = self.next.take() {
            return Some(job);
        }
        while let Some(conn) = self.conn.embedded().filter(|conn| !conn.is_handed_over() && !conn.is_lost()) {
            match queue.recv_timeout(Duration::from_millis(SETTLE_IDLE_MS)) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => conn.settle(),
            }
        }
        queue.recv().ok()
    }

    /// Runs a batch and has it answered once it is durable.
    fn run(&mut self, mut batch: Batch, queue: &Receiver<Box<dyn Job>>) {
        let Ended { draft, hooks } = self.commit_batch(&mut batch, Care::Usual);
        if batch.iter().any(|job| job.hurries())
            && let Some(conn) = self.conn.embedded()
        {
            conn.hurry();
        }
        // While nobody else waits, a second thread would only cost a wake-up.
        self.next = queue.try_recv().ok();
        let waiting = Arc::clone(&self.waiting);
        let Some(flusher) = &self.flusher else { return answer(batch, hooks, Ok(()), &waiting) };
        if self.next.is_some() || !flusher.is_idle() {
            let draft = draft.unwrap_or_default();
            return flusher.hand_over(draft, move |flushed| answer(batch, hooks, flushed, &waiting));
        }
        let flushed = flusher.flush_now(draft.unwrap_or_default());
        if flushed.is_err() {
            self.forget_batch();
        }
        answer(batch, hooks, flushed, &waiting);
    }

    /// After a flush failed: what was run on top of it was answered with the error and is taken back.
    fn take_back_failures(&mut self) {
        let broken = self.flusher.as_ref().is_some_and(Flusher::is_broken);
        if broken || self.conn.embedded().is_some_and(|conn| conn.is_lost()) {
            self.forget_batch();
        }
    }

    fn forget_batch(&mut self) {
        self.kept.clear();
        if let Some(conn) = self.conn.embedded() {
            conn.mark_lost();
        }
    }

    /// Leaves every job of the batch with a result that is true on disk.
    fn commit_batch(&mut self, batch: &mut [Box<dyn Job>], care: Care) -> Ended {
        for _ in 0..RETRIES_MAX {
            match self.try_batch(batch, care) {
                Ok(ended) => return ended,
                Err(Failed::Alone) => return self.split(batch, 1),
                Err(Failed::Store(Error::Conflict(_) | Error::Bug(_))) if batch.len() > 1 => {
                    return self.split(batch, 1);
                }
                Err(Failed::Store(Error::Raced)) if batch.len() > 1 => {
                    return self.split(batch, batch.len().div_ceil(2));
                }
                Err(Failed::Store(Error::Raced)) => {}
                Err(Failed::Store(problem)) => {
                    batch.iter_mut().for_each(|job| job.fail(problem.clone()));
                    return Ended::default();
                }
            }
        }
        let many = Error::Unavailable("too many writers want the same rows".into());
        batch.iter_mut().for_each(|job| job.fail(many.clone()));
        Ended::default()
    }

    /// Runs parts of a batch, each durable before the next begins.
    fn split(&mut self, batch: &mut [Box<dyn Job>], size: usize) -> Ended {
        let mut ended = Ended::default();
        if batch.len() > 1 {
            for part in batch.chunks_mut(size) {
                ended.hooks.extend(self.commit_batch(part, Care::Protected).hooks);
            }
        }
        ended
    }

    fn try_batch(&mut self, batch: &mut [Box<dyn Job>], care: Care) -> Result<Ended, Failed> {
        self.take_back_failures();
        self.conn.begin(Mode::Write)?;
        match self.run_batch(batch, care) {
            Ok((draft, hooks)) => Ok(Ended { draft, hooks }),
            Err(failed) => {
                self.conn.rollback();
                // A lone closure that failed has its own error as result already.
                let known = matches!(failed, Failed::Alone) && batch.len() == 1;
                if known { Ok(Ended::default()) } else { Err(failed) }
            }
        }
    }

    fn run_batch(
        &mut self,
        batch: &mut [Box<dyn Job>],
        care: Care,
    ) -> Result<(Option<Draft>, Vec<Hook>), Failed> {
        let mut tx = Tx::new(&mut self.conn, Some(&mut self.kept), std::mem::take(&mut self.rows));
        tx.prefetch(batch.iter().flat_map(|job| job.keys()))?;
        let mut left: Vec<&mut Box<dyn Job>> = batch.iter_mut().collect();
        for round in 0.. {
            tx.collect(care == Care::Usual && round < COLLECT_ROUNDS_MAX);
            let mut stopped = Vec::new();
            for job in left {
                if run_closure(&mut tx, job)? == Ran::Stopped {
                    stopped.push(job);
                }
            }
            if stopped.is_empty() {
                break;
            }
            tx.load_wanted()?;
            left = stopped;
        }
        tx.flush_rows(true)?;
        let (draft, hooks, rows) = tx.end(care == Care::Protected, &self.followers)?;
        self.rows = rows;
        Ok((draft, hooks))
    }
}

enum Failed {
    /// A closure failed after work that only a rollback takes back: run each alone.
    Alone,
    /// The engine failed.
    Store(Error),
}

impl From<Error> for Failed {
    fn from(problem: Error) -> Failed {
        Failed::Store(problem)
    }
}

/// How a closure ended.
#[derive(PartialEq, Eq)]
enum Ran {
    /// With a result.
    Done,
    /// For want of a row, without a trace.
    Stopped,
}

fn run_closure(tx: &mut Tx<'_>, job: &mut Box<dyn Job>) -> Result<Ran, Failed> {
    tx.begin_closure();
    let done = job.run(tx);
    if tx.take_stopped() {
        return if tx.undo_closure() { Ok(Ran::Stopped) } else { Err(Failed::Alone) };
    }
    match tx.take_fault() {
        None if done || tx.undo_closure() => Ok(Ran::Done),
        // Not the closure's own fault, or one that it kept to itself.
        Some(problem) if done || matches!(problem, Error::Raced | Error::Unavailable(_)) => {
            Err(problem.into())
        }
        _ => Err(Failed::Alone),
    }
}
