//! Group commit: one thread takes all closures that wait, runs them in one transaction, makes it durable once, and only
//! then answers each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::conn::{Conn, Mode};
use crate::error::Error;
use crate::kept::Kept;
use crate::limits::{BATCH_CLOSURES_MAX, COLLECT_ROUNDS_MAX, RETRIES_MAX, SETTLE_IDLE_MS};
use crate::tx::{Key, Tx};

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
    /// Whether its caller is going to look at the result on another connection.
    fn settles(&self) -> bool {
        false
    }
}

/// Waits until a read on another connection sees everything that was acknowledged.
pub(crate) struct Barrier {
    pub(crate) result: Result<(), Error>,
    pub(crate) reply: oneshot::Sender<Result<(), Error>>,
}

impl Job for Barrier {
    fn keys(&self) -> &[Key] {
        &[]
    }

    fn run(&mut self, _: &mut Tx<'_>) -> bool {
        true
    }

    fn fail(&mut self, problem: Error) {
        self.result = Err(problem);
    }

    fn answer(self: Box<Self>) {
        let _ = self.reply.send(self.result);
    }

    fn settles(&self) -> bool {
        true
    }
}

/// The one implementation of [`Job`].
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

/// Serves closures until the last sender is gone.
pub(crate) fn serve(conn: Conn, queue: &Receiver<Box<dyn Job>>, done: impl Fn(usize)) {
    let mut committer = Committer { kept: Kept::new(conn.is_sole_writer()), conn };
    while let Some(first) = committer.next(queue) {
        let mut batch: Batch = vec![first];
        while batch.len() < BATCH_CLOSURES_MAX {
            let Ok(next) = queue.try_recv() else { break };
            batch.push(next);
        }
        let size = batch.len();
        committer.commit_batch(&mut batch, Care::Usual);
        committer.settle_for(&mut batch);
        batch.into_iter().for_each(Job::answer);
        done(size);
        if committer.conn.is_settling_due() {
            committer.settle();
        }
    }
    committer.settle();
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
}

impl Committer {
    /// The next closure. When there is none for a moment, what was acknowledged is made visible meanwhile.
    fn next(&mut self, queue: &Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        if !self.conn.is_settled() {
            match queue.recv_timeout(Duration::from_millis(SETTLE_IDLE_MS)) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.settle(),
            }
        }
        queue.recv().ok()
    }

    fn settle(&mut self) {
        if let Err(problem) = self.conn.settle() {
            tracing::warn!(%problem, "acknowledged work could not be made visible yet; it is kept in the journal");
        }
    }

    /// For jobs whose callers look on another connection.
    fn settle_for(&mut self, batch: &mut [Box<dyn Job>]) {
        if batch.iter().any(|job| job.settles())
            && let Err(problem) = self.conn.settle()
        {
            batch.iter_mut().filter(|job| job.settles()).for_each(|job| job.fail(problem.clone()));
        }
    }

    /// Leaves every job of the batch with a result that is true on disk.
    fn commit_batch(&mut self, batch: &mut [Box<dyn Job>], care: Care) {
        for _ in 0..RETRIES_MAX {
            match self.try_batch(batch, care) {
                Ok(()) => return,
                Err(Failed::Alone) => return self.split(batch, 1),
                Err(Failed::Store(Error::Conflict(_) | Error::Bug(_))) if batch.len() > 1 => {
                    return self.split(batch, 1);
                }
                Err(Failed::Store(Error::Raced)) if batch.len() > 1 => {
                    return self.split(batch, batch.len().div_ceil(2));
                }
                Err(Failed::Store(Error::Raced)) => {}
                Err(Failed::Store(problem)) => {
                    return batch.iter_mut().for_each(|job| job.fail(problem.clone()));
                }
            }
        }
        let many = Error::Unavailable("too many writers want the same rows".into());
        batch.iter_mut().for_each(|job| job.fail(many.clone()));
    }

    fn split(&mut self, batch: &mut [Box<dyn Job>], size: usize) {
        if batch.len() == 1 {
            return;
        }
        batch.chunks_mut(size).for_each(|part| self.commit_batch(part, Care::Protected));
    }

    fn try_batch(&mut self, batch: &mut [Box<dyn Job>], care: Care) -> Result<(), Failed> {
        self.conn.begin(Mode::Write)?;
        let hooks = match self.run_batch(batch, care) {
            Ok(hooks) => hooks,
            Err(failed) => {
                self.conn.rollback();
                // A lone closure that failed has its own error as result already.
                return if matches!(failed, Failed::Alone) && batch.len() == 1 { Ok(()) } else { Err(failed) };
            }
        };
        for hook in hooks {
            if catch_unwind(AssertUnwindSafe(hook)).is_err() {
                tracing::error!("a hook after a commit panicked");
            }
        }
        Ok(())
    }

    fn run_batch(&mut self, batch: &mut [Box<dyn Job>], care: Care) -> Result<Vec<Box<dyn FnOnce() + Send>>, Failed> {
        if care == Care::Protected {
            self.conn.protect()?;
        }
        let mut tx = Tx::new(&mut self.conn, Some(&mut self.kept));
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
        tx.flush_rows()?;
        Ok(tx.commit()?)
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
        Some(problem) if done || matches!(problem, Error::Raced | Error::Unavailable(_)) => Err(problem.into()),
        _ => Err(Failed::Alone),
    }
}
