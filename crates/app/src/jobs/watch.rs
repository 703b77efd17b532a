//! What happens to the audit log itself is entered into it: that it is written from here on, that it is not any more, and
//! that somebody looked at it, or took a copy (PCI DSS 10.2.1.3, 10.2.1.6). A start without a stop before it was a crash.
//! A copy that is verified elsewhere leaves no trace here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use audit::{Action, Actor, Entry, Object, Outcome};
use base::{EntryId, ShopId};

use crate::installation::Installation;

const STARTED: Action = Action::new("audit_log.started");
const STOPPED: Action = Action::new("audit_log.stopped");
const VERIFIED: Action = Action::new("audit_log.verified");
const PROVEN: Action = Action::new("audit_log.entry_proven");
const EXPORTED: Action = Action::new("audit_log.exported");
/// What these entries are about.
const LOG: &str = "audit_log";

/// Which of them the sequencer of this node has entered.
pub(super) struct Log {
    at: Installation,
    node: String,
    stop: Arc<AtomicBool>,
    started: bool,
    stopped: bool,
}

impl Log {
    /// Of a node, which ends when `stop` is set.
    pub(super) fn new(at: Installation, node: &str, stop: Arc<AtomicBool>) -> Log {
        Log { at, node: node.to_owned(), stop, started: false, stopped: false }
    }

    /// Enters what has changed; what cannot be entered now is entered at the next step.
    pub(super) fn note(&mut self) {
        if !self.started {
            self.started = self.enter(STARTED);
        }
        if !self.stopped && self.stop.load(Ordering::Acquire) {
            self.stopped = self.enter(STOPPED);
        }
    }

    fn enter(&self, action: Action) -> bool {
        let node = self.node.clone();
        let done = enter(&self.at, action, "sequencer", move |entry| {
            entry.detail("node", audit::Text::masked(&node))
        });
        if let Err(problem) = &done {
            tracing::warn!(%problem, "that the audit log starts or stops could not be entered into it");
        }
        done.is_ok()
    }
}

/// Enters that entries were copied out of the log, from position `from` on.
///
/// # Errors
/// Those of the store.
pub fn note_export(at: &Installation, from: u64, entries: u64) -> Result<(), store::Error> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    enter(at, EXPORTED, "command line", move |entry| {
        entry.detail("from", number(from)).detail("entries", number(entries))
    })
}

/// Enters that the whole log was read and verified, and how many things were found wrong.
///
/// # Errors
/// Those of the store.
pub fn note_verification(at: &Installation, entries: u64, findings: u64) -> Result<(), store::Error> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    enter(at, VERIFIED, "command line", move |entry| {
        entry.detail("entries", number(entries)).detail("findings", number(findings))
    })
}

/// Enters that an entry was read and proven.
///
/// # Errors
/// Those of the store.
pub fn note_proof(at: &Installation, proven: EntryId) -> Result<(), store::Error> {
    enter(at, PROVEN, "command line", move |entry| entry.detail("entry", proven))
}

fn enter(
    at: &Installation,
    action: Action,
    actor: &'static str,
    more: impl Fn(Entry) -> Entry + Send + 'static,
) -> Result<(), store::Error> {
    let (now, dice) = (at.clock.now(), at.dice.clone());
    at.db.write_blocking(move |tx| {
        let id = EntryId::new(ShopId::HOUSE, now, &dice);
        let entry = Entry::new(id, now, Actor::system(actor), action, Object::word(LOG), Outcome::Success);
        audit::append(tx, &more(entry)).map(drop)
    })
}
