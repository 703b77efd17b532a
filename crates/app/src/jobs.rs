//! What runs beside requests: sequencing the audit log, delivering mails, sweeping what ended, keeping keys, and what a
//! day asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use audit::{AnchorFile, SequenceError, Sequencer};
use base::Timestamp;

use crate::config::{Mail, TextMessages};
use crate::installation::Installation;
use crate::limits::{
    ACCESS_EVERY_SECONDS, ALARM_EVERY_MS, CERTIFICATES_EVERY_SECONDS, DAILY_LOOK_EVERY_SECONDS,
    KEYS_EVERY_MS, MAIL_EVERY_MS, SEQUENCE_EVERY_MS, SWEEP_EVERY_SECONDS, SWEEP_ROUNDS_MAX,
};

use crate::page_watch::Watch;
use crate::page_watch::browser::Browser;

mod access;
pub mod keys;
mod nightly;
mod post;
mod store;

pub(crate) use nightly::{begin_day, day_of};
pub use store::MIGRATIONS;
pub(crate) use store::{find_last_day, put_last_day};
mod texts;
mod watch;

pub use watch::{note_export, note_proof, note_verification};

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
    pub fn start(installation: &Installation, mail: Mail, messages: TextMessages) -> Result<Jobs, String> {
        let mut jobs = Jobs {
            stop: Arc::new(AtomicBool::new(false)),
            waiting: Arc::new(AtomicU64::new(u64::MAX)),
            threads: Vec::new(),
        };
        let holder = format!("node-{:016x}", u64::from_le_bytes(installation.dice.bytes()));
        let file = AnchorFile::new(&installation.checkpoints);
        let sequencer =
            Sequencer::open((*installation.signer).clone(), &holder, file).map_err(|e| e.to_string())?;
        let at = installation.clone();
        let waiting = Arc::clone(&jobs.waiting);
        let log = watch::Log::new(at.clone(), &holder, Arc::clone(&jobs.stop));
        let step = sequence(at, sequencer, waiting, log, Arc::clone(&jobs.stop));
        jobs.each("sequencer", Duration::from_millis(SEQUENCE_EVERY_MS), step)?;
        let at = installation.clone();
        jobs.each("sweeper", Duration::from_secs(SWEEP_EVERY_SECONDS), move || {
            sweep(&at);
            end_emergencies(&at);
        })?;
        let mut keeper = keys::Keeper::new(installation.clone(), &holder);
        jobs.each("keys", Duration::from_millis(KEYS_EVERY_MS), move || keeper.keep())?;
        let at = installation.clone();
        let pause = Duration::from_secs(CERTIFICATES_EVERY_SECONDS);
        jobs.each("certificates", pause, move || {
            watch_certificates(&at);
            remind_of_api_keys(&at);
        })?;
        let at = installation.clone();
        jobs.each("access", Duration::from_secs(ACCESS_EVERY_SECONDS), move || access::look(&at))?;
        let mut post = post::Post::new(installation.clone(), mail)?;
        let nightly = nightly::Nightly::new(installation.clone());
        jobs.each("nightly", Duration::from_secs(DAILY_LOOK_EVERY_SECONDS), move || nightly.look())?;
        let at = installation.clone();
        jobs.each("post", Duration::from_millis(MAIL_EVERY_MS), move || {
            answer_password_resets(&at);
            post.deliver();
        })?;
        if messages.go_out() {
            let texts = texts::Texts::new(installation.clone(), messages)?;
            jobs.each("texts", Duration::from_millis(MAIL_EVERY_MS), move || texts.deliver())?;
        }
        Ok(jobs)
    }

    /// Looks at the payment pages once a day, where payers reach them, and in `browser` where there is one.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn watch_pages(
        &mut self,
        installation: &Installation,
        url: &str,
        browser: Option<Browser>,
    ) -> Result<(), String> {
        let watch = Watch::new(installation.clone(), url, Arc::clone(&self.stop))?.with_browser(browser);
        self.each("pages", Duration::from_secs(DAILY_LOOK_EVERY_SECONDS), move || watch.look())
    }

    /// Whether every entry of the audit log had its position when the sequencer last looked.
    pub fn is_log_settled(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    fn each(
        &mut self,
        name: &str,
        pause: Duration,
        mut step: impl FnMut() + Send + 'static,
    ) -> Result<(), String> {
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

/// Raises what is due about certificates that end soon (TLS-5).
fn watch_certificates(at: &Installation) {
    loop {
        let raised = match at.write_if_due(identity::raise_alarms) {
            Ok(raised) => raised,
            Err(problem) => return tracing::warn!(%problem, "certificates could not be looked through"),
        };
        for alarm in &raised {
            let (id, label) = (alarm.certificate.id, alarm.certificate.label.as_str());
            tracing::error!(alarm = "certificate", %id, label, days = alarm.days, "a certificate ends soon");
        }
        if raised.len() < identity::limits::ALARMS_PER_ROUND_MAX {
            return;
        }
    }
}

/// Reminds shops of API keys that end soon.
fn remind_of_api_keys(at: &Installation) {
    loop {
        match at.write_if_due(identity::remind_of_api_keys) {
            Ok(reminded) if reminded >= identity::limits::API_KEY_REMINDERS_MAX => {}
            Ok(_) => return,
            Err(problem) => return tracing::warn!(%problem, "API keys could not be looked through"),
        }
    }
}

/// Looks up whose forgotten password is to be set anew, and queues the links.
fn answer_password_resets(at: &Installation) {
    let most = identity::limits::RESET_REQUESTS_ANSWERED_MAX;
    loop {
        match at.write_if_due(move |tx, means| identity::answer_password_resets(tx, means, most)) {
            Ok(answered) if answered >= most => {}
            Ok(_) => return,
            Err(problem) => return tracing::warn!(%problem, "forgotten passwords could not be looked up"),
        }
    }
}

/// Closes emergency accesses whose time is over; they opened nothing any more from that moment on.
fn end_emergencies(at: &Installation) {
    loop {
        match at.write_if_due(identity::end_due_emergencies) {
            Ok(ended) if ended >= identity::limits::EMERGENCIES_ENDED_MAX => {}
            Ok(_) => return,
            Err(problem) => return tracing::warn!(%problem, "emergency accesses could not be closed"),
        }
    }
}

/// One step after another while entries wait, so that a busy second does not leave work to the next. What it does after
/// `stop` is set it does without keeping the lease.
fn sequence(
    at: Installation,
    mut sequencer: Sequencer,
    waiting: Arc<AtomicU64>,
    mut log: watch::Log,
    stop: Arc<AtomicBool>,
) -> impl FnMut() + Send {
    let mut alarm = Alarm::default();
    move || {
        log.note();
        loop {
            match sequencer.step(&at.db, at.clock.now()) {
                Ok(step) => {
                    waiting.store(step.waiting, Ordering::Release);
                    if !step.holder || step.waiting == 0 {
                        break;
                    }
                }
                Err(problem) => {
                    report(&problem, &mut alarm, at.clock.now());
                    break;
                }
            }
        }
        if stop.load(Ordering::Acquire) {
            release(&mut sequencer, &at);
        }
    }
}

/// An orderly end: the server that is started next sequences at once.
fn release(sequencer: &mut Sequencer, at: &Installation) {
    if let Err(problem) = sequencer.release(&at.db) {
        tracing::warn!(%problem, "the lease of the audit log could not be given back; it ends by itself");
    }
}

/// When the alarm was last raised.
#[derive(Default)]
struct Alarm(Option<Timestamp>);

impl Alarm {
    /// Whether to raise it now: at once, then once in [`ALARM_EVERY_MS`].
    fn is_due(&mut self, now: Timestamp) -> bool {
        let due = self.0.is_none_or(|last| now.millis_since(last).abs() >= ALARM_EVERY_MS);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

/// Whether a person must look: the log no longer grows, or its history was changed (AU-6).
fn is_alarming(problem: &SequenceError) -> bool {
    !matches!(problem, SequenceError::Store(_) | SequenceError::Fenced)
}

/// The field `alarm` is what a watcher of the log looks for; its value does not change.
fn report(problem: &SequenceError, alarm: &mut Alarm, now: Timestamp) {
    if !is_alarming(problem) {
        tracing::warn!(%problem, "the audit log could not be sequenced; it is tried again");
    } else if alarm.is_due(now) {
        tracing::error!(alarm = "audit_log", %problem, "the audit log cannot be continued; run `tillward audit verify`");
    }
}

/// One kind of rows that end: deletes some and says how many.
type Sweep = fn(&Installation) -> Result<usize, identity::Fault>;

const SWEEPS: [(&str, Sweep, usize); 5] = [
    ("sessions, codes and mails", sweep_identity, identity::limits::SWEEP_ROWS_MAX),
    ("cards of ended tokens", sweep_tokens, tokens::limits::SWEEP_ROWS_MAX as usize),
    ("replaced payout accounts", sweep_payouts, tokens::limits::SWEEP_ROWS_MAX as usize),
    ("idempotency keys", sweep_keys, webkit::limits::SWEEP_ROWS_MAX as usize),
    ("nonces", sweep_nonces, webkit::limits::SWEEP_ROWS_MAX as usize),
];

fn sweep_identity(at: &Installation) -> Result<usize, identity::Fault> {
    at.write_if_due(identity::sweep)
}

fn sweep_tokens(at: &Installation) -> Result<usize, identity::Fault> {
    at.write_if_due(tokens::token::sweep)
}

fn sweep_payouts(at: &Installation) -> Result<usize, identity::Fault> {
    at.write_if_due(tokens::payout::sweep)
}

fn sweep_keys(at: &Installation) -> Result<usize, identity::Fault> {
    let gone = webkit::idempotency::delete_expired_keys(&at.db, at.clock.now())?;
    Ok(usize::try_from(gone).unwrap_or(usize::MAX))
}

fn sweep_nonces(at: &Installation) -> Result<usize, identity::Fault> {
    let gone = webkit::replay::delete_expired_nonces(&at.db, at.clock.now())?;
    Ok(usize::try_from(gone).unwrap_or(usize::MAX))
}

/// Small transactions until nothing is left, so that payments get their turn between them.
fn sweep(at: &Installation) {
    for (what, step, rows_max) in SWEEPS {
        for _ in 0..SWEEP_ROUNDS_MAX {
            match step(at) {
                Ok(gone) if gone >= rows_max => std::thread::yield_now(),
                Ok(_) => break,
                Err(problem) => {
                    tracing::warn!(%problem, what, "what ended could not be swept");
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Clock, Dice};

    #[test]
    fn au_6_the_alarm_is_raised_once_a_minute_and_not_for_what_passes() {
        let mut alarm = Alarm::default();
        let raised: Vec<i64> = (0..180).filter(|second| alarm.is_due(Timestamp(second * 1000))).collect();
        assert_eq!(raised, [0, 60, 120]);
        let passing = [SequenceError::Fenced, SequenceError::Store(::store::Error::Raced)];
        assert!(passing.iter().all(|problem| !is_alarming(problem)));
        let lasting =
            [SequenceError::RolledBack { size: 1, known: 2 }, SequenceError::Damaged("a tile".to_owned())];
        assert!(lasting.iter().all(is_alarming));
    }

    #[test]
    fn the_sweeper_keeps_up_with_more_than_one_transaction_deletes() {
        let folder = tempfile::tempdir().unwrap();
        let (data, key_file) = (Some(folder.path().join("data")), Some(folder.path().join("root.key")));
        let config = crate::config::Settings { data, key_file, ..Default::default() }.check().unwrap();
        let at = Installation::open(&config, Clock::System, Dice::System).unwrap();
        let rows = 2 * webkit::limits::SWEEP_ROWS_MAX + 7;
        let later = at.clock.now().plus_seconds(3600);
        at.db
            .write_blocking(move |tx| {
                for n in 0..rows + 1 {
                    let ends = if n < rows { Timestamp(1) } else { later };
                    let row = vec!["00000000".into(), "key".into(), format!("{n:016}").into(), ends.into()];
                    tx.insert(&webkit::replay::SIGNATURE_NONCES, row)?;
                }
                Ok::<_, ::store::Error>(())
            })
            .unwrap();
        sweep(&at);
        let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM signature_nonces";
        assert_eq!(
            at.db.read_blocking(|tx| tx.query(count, &[])?.remove(0).int(0)),
            Ok(1),
            "what has not ended stays"
        );
    }
}
