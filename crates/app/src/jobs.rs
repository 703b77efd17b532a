//! What runs beside requests: sequencing the audit log, delivering mails, sweeping what ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use audit::{AnchorFile, Sequencer};

use crate::config::Mail;
use crate::installation::Installation;
use crate::limits::{MAIL_EVERY_MS, SEQUENCE_EVERY_MS, SWEEP_EVERY_SECONDS};

mod post;

/// The running jobs; they end when it is dropped.
pub struct Jobs {
    stop: Arc<AtomicBool>,
    /// Entries of the audit log without a position at the last look; `u64::MAX` before the first.
    waiting: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts all jobs.
    ///
    /// # Errors
    /// The checkpoint file cannot be read, is another log's, or a thread cannot be started.
    pub fn start(installation: &Installation, mail: Mail) -> Result<Jobs, String> {
        let mut jobs = Jobs {
            stop: Arc::new(AtomicBool::new(false)),
            waiting: Arc::new(AtomicU64::new(u64::MAX)),
            threads: Vec::new(),
        };
        let holder = format!("node-{:016x}", u64::from_le_bytes(installation.dice.bytes()));
        let file = AnchorFile::new(&installation.checkpoints);
        let sequencer = Sequencer::open((*installation.signer).clone(), &holder, file).map_err(|e| e.to_string())?;
        let at = installation.clone();
        let waiting = Arc::clone(&jobs.waiting);
        jobs.each("sequencer", Duration::from_millis(SEQUENCE_EVERY_MS), sequence(at, sequencer, waiting))?;
        let at = installation.clone();
        jobs.each("sweeper", Duration::from_secs(SWEEP_EVERY_SECONDS), move || sweep(&at))?;
        let mut post = post::Post::new(installation.clone(), mail)?;
        jobs.each("post", Duration::from_millis(MAIL_EVERY_MS), move || post.deliver())?;
        Ok(jobs)
    }

    /// Whether every entry of the audit log had its position when the sequencer last looked.
    pub fn is_log_settled(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    fn each(&mut self, name: &str, pause: Duration, mut step: impl FnMut() + Send + 'static) -> Result<(), String> {
        let stop = Arc::clone(&self.stop);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while !stop.load(Ordering::Acquire) {
                step();
                std::thread::park_timeout(pause);
            }
            // One last step, so that what was just done is in the log before the program ends.
            step();
        });
        self.threads.push(thread.map_err(|e| format!("cannot start a thread: {e}"))?);
        Ok(())
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// One step after another while entries wait, so that a busy second does not leave work to the next.
fn sequence(at: Installation, mut sequencer: Sequencer, waiting: Arc<AtomicU64>) -> impl FnMut() + Send {
    move || {
        loop {
            match sequencer.step(&at.db, at.clock.now()) {
                Ok(step) => {
                    waiting.store(step.waiting, Ordering::Release);
                    if !step.holder || step.waiting == 0 {
                        break;
                    }
                }
                Err(problem) => {
                    tracing::error!(%problem, "the audit log could not be sequenced");
                    break;
                }
            }
        }
    }
}

fn sweep(at: &Installation) {
    let (now, vault, dice) = (at.clock.now(), Arc::clone(&at.vault), at.dice.clone());
    let swept = at.db.write_blocking(move |tx| {
        let means = identity::Means { vault: &vault, dice: &dice, now };
        identity::sweep(tx, &means)?;
        webkit::idempotency::delete_expired_keys(tx, now)?;
        webkit::replay::delete_expired_nonces(tx, now)?;
        Ok::<_, identity::Fault>(())
    });
    if let Err(problem) = swept {
        tracing::warn!(%problem, "what ended could not be swept");
    }
}
