//! Group commit: one thread takes all closures that wait, runs them in one transaction, commits once, and only then
//! answers each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;

use tokio::sync::oneshot;

use crate::conn::{Conn, Mode};
use crate::error::Error;
use crate::limits::{BATCH_CLOSURES_MAX, RETRIES_MAX};
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
pub(crate) fn serve(mut conn: Conn, queue: &Receiver<Box<dyn Job>>, done: impl Fn(usize)) {
    while let Ok(first) = queue.recv() {
        let mut batch: Batch = vec![first];
        while batch.len() < BATCH_CLOSURES_MAX {
            let Ok(next) = queue.try_recv() else { break };
            batch.push(next);
        }
        let size = batch.len();
        commit_batch(&mut conn, &mut batch);
        batch.into_iter().for_each(Job::answer);
        done(size);
    }
}

/// Leaves every job of the batch with a result that is true on disk.
fn commit_batch(conn: &mut Conn, batch: &mut [Box<dyn Job>]) {
    for _ in 0..RETRIES_MAX {
        match try_batch(conn, batch) {
            Ok(()) => return,
            Err(Failed::Alone) => return split(conn, batch, 1),
            Err(Failed::Store(Error::Conflict(_) | Error::Bug(_))) if batch.len() > 1 => {
                return split(conn, batch, 1);
            }
            Err(Failed::Store(Error::Raced)) if batch.len() > 1 => {
                return split(conn, batch, batch.len().div_ceil(2));
            }
            Err(Failed::Store(Error::Raced)) => {}
            Err(Failed::Store(problem)) => {
                return batch.iter_mut().for_each(|job| job.fail(problem.clone()));
            }
        }
    }
    batch.iter_mut().for_each(|job| job.fail(Error::Unavailable("too many writers want the same rows".into())));
}

fn split(conn: &mut Conn, batch: &mut [Box<dyn Job>], size: usize) {
    if batch.len() == 1 {
        return;
    }
    batch.chunks_mut(size).for_each(|part| commit_batch(conn, part));
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

fn try_batch(conn: &mut Conn, batch: &mut [Box<dyn Job>]) -> Result<(), Failed> {
    conn.begin(Mode::Write)?;
    let hooks = match run_batch(conn, batch).and_then(|hooks| Ok(conn.commit().map(|()| hooks)?)) {
        Ok(hooks) => hooks,
        Err(failed) => {
            conn.rollback();
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

fn run_batch(conn: &mut Conn, batch: &mut [Box<dyn Job>]) -> Result<Vec<Box<dyn FnOnce() + Send>>, Failed> {
    let mut tx = Tx::new(conn, true);
    tx.prefetch(batch.iter().flat_map(|job| job.keys()))?;
    for job in batch.iter_mut() {
        tx.begin_closure();
        let done = job.run(&mut tx);
        match tx.take_fault() {
            None if done || tx.undo_closure() => {}
            // Not the closure's own fault, or one that it kept to itself.
            Some(problem) if done || matches!(problem, Error::Raced | Error::Unavailable(_)) => return Err(problem.into()),
            _ => return Err(Failed::Alone),
        }
    }
    tx.flush()?;
    Ok(tx.take_hooks())
}
