//! What runs once a day, by whichever node comes first: the books are proven (C23), and the newest checkpoint of the
//! audit log leaves the machine by mail, so that a database put back whole is noticed elsewhere (AU-4).
//!
//! A day is a day of UTC. What could not be done is tried again at the next look, since a day is marked as done in the
//! transaction that says so.

use std::sync::Arc;

use audit::{Action, Actor, Entry, Object, Outcome};
use base::{EntryId, Secret, ShopId, Timestamp};
use identity::{Contact, Email, Fault, Letter, Means, Recipient};
use ledger::Proof;
use store::Tx;

use super::store::{find_last_day, put_last_day};
use crate::installation::Installation;

const SECONDS_A_DAY: i64 = 86_400;
const BOOKS: &str = "books";
const CHECKPOINT: &str = "checkpoint mail";
const LEDGER_PROVED: Action = Action::new("ledger.proved");

/// The daily jobs of this node.
pub(super) struct Nightly {
    at: Installation,
}

impl Nightly {
    pub(super) fn new(at: Installation) -> Nightly {
        Nightly { at }
    }

    /// Does what this day has not seen yet.
    pub(super) fn look(&self) {
        if let Err(problem) = self.prove_books() {
            tracing::warn!(%problem, "the books could not be proven; it is tried again");
        }
        if let Some(email) = &self.at.checkpoint_mail
            && let Err(problem) = self.mail_checkpoint(email)
        {
            tracing::warn!(%problem, "the checkpoint could not be put into a mail; it is tried again");
        }
    }

    fn is_done(&self, job: &'static str, day: i64) -> Result<bool, store::Error> {
        self.at.db.read_blocking(move |tx| Ok(find_last_day(tx, job)?.is_some_and(|last| last >= day)))
    }

    fn prove_books(&self) -> Result<(), store::Error> {
        let now = self.at.clock.now();
        if self.is_done(BOOKS, day_of(now))? {
            return Ok(());
        }
        let proof = self.at.db.read_blocking(ledger::prove_balanced)?;
        if !proof.is_balanced() {
            tracing::error!(
                alarm = "ledger",
                faults = proof.faults.len(),
                "the books do not balance; run `tillward ledger prove`"
            );
        }
        let dice = self.at.dice.clone();
        self.at
            .db
            .write_blocking(move |tx| note_proof(tx, EntryId::new(ShopId::HOUSE, now, &dice), now, &proof))
    }

    fn mail_checkpoint(&self, email: &Email) -> Result<(), String> {
        let now = self.at.clock.now();
        if self.is_done(CHECKPOINT, day_of(now)).map_err(|e| e.to_string())? {
            return Ok(());
        }
        let key = self.at.signer.verifier_key();
        let found = self.at.db.read_blocking(move |tx| audit::find_signed(tx, key));
        let Some(checkpoint) = found.map_err(|e| e.to_string())? else { return Ok(()) };
        let (vault, dice, contact) =
            (Arc::clone(&self.at.vault), self.at.dice.clone(), Contact::Email(email.clone()));
        let queued = self.at.db.write_blocking(move |tx| {
            queue_checkpoint(tx, &Means { vault: &vault, dice: &dice, now }, &contact, &checkpoint.note)
        });
        queued.map_err(|e: Fault| e.to_string())
    }
}

/// The day of UTC, counted from 1970.
pub(crate) fn day_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(SECONDS_A_DAY)
}

/// Enters what a proof found into the audit log, once a day.
fn note_proof(tx: &mut Tx<'_>, id: EntryId, now: Timestamp, proof: &Proof) -> Result<(), store::Error> {
    if !begin_day(tx, BOOKS, now)? {
        return Ok(());
    }
    let outcome = if proof.is_balanced() { Outcome::Success } else { Outcome::Failed };
    let faults = i64::try_from(proof.faults.len()).unwrap_or(i64::MAX);
    let entry = Entry::new(id, now, Actor::system("nightly"), LEDGER_PROVED, Object::word("ledger"), outcome)
        .detail("accounts", proof.accounts)
        .detail("transfers", proof.transfers)
        .detail("faults", faults);
    audit::append(tx, &entry).map(drop)
}

fn queue_checkpoint(tx: &mut Tx<'_>, means: &Means<'_>, to: &Contact, note: &str) -> Result<(), Fault> {
    if !begin_day(tx, CHECKPOINT, means.now)? {
        return Ok(());
    }
    let body = format!(
        "Keep this mail. It holds the state of the audit log as signed today; `tillward audit verify` compares it with \
         what the log says later.\n\n请保留此邮件。其中是审计日志今日签名的状态，日后可用 `tillward audit verify` 与日志核对。\n\n{note}"
    );
    let letter = Letter {
        template: "checkpoint",
        subject: "Checkpoint of the audit log · 审计日志检查点".to_owned(),
        body: Secret::new(body),
        expires: None,
    };
    let recipient = Recipient { shop: ShopId::HOUSE, owner: CHECKPOINT, contact: to };
    identity::queue_mail(tx, means, &recipient, &letter)
}

/// Marks the day as done; `false` when another node was first.
pub(crate) fn begin_day(tx: &mut Tx<'_>, job: &'static str, now: Timestamp) -> Result<bool, store::Error> {
    let day = day_of(now);
    let is_new = find_last_day(tx, job)?.is_none_or(|last| last < day);
    if is_new {
        put_last_day(tx, job, day)?;
    }
    Ok(is_new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Clock, Dice};

    fn house(folder: &tempfile::TempDir, now: Timestamp) -> Installation {
        let (data, key_file) = (Some(folder.path().join("data")), Some(folder.path().join("root.key")));
        let config = crate::config::Settings { data, key_file, ..Default::default() }.check().unwrap();
        Installation::open(&config, Clock::manual(now), Dice::System).unwrap()
    }

    fn count(at: &Installation, sql: &'static str) -> i64 {
        at.db.read_blocking(move |tx| tx.query(sql, &[])?.remove(0).int(0)).unwrap()
    }

    const PROVED: &str =
        "SELECT CAST(COUNT(*) AS BIGINT) FROM audit_entries WHERE body LIKE '%ledger.proved%'";
    const MAILS: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox_mail WHERE template = 'checkpoint'";

    #[test]
    fn c23_the_books_are_proven_once_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let noon = Timestamp(86_400_000 * 20_000 + 43_200_000);
        let at = house(&folder, noon);
        let nightly = Nightly::new(at.clone());
        for (seconds, proofs) in [(0, 1), (43_199, 1), (1, 2)] {
            at.clock.advance_seconds(seconds);
            nightly.look();
            nightly.look();
            assert_eq!(count(&at, PROVED), proofs);
        }
    }

    #[test]
    fn c23_books_that_do_not_balance_are_entered_as_failed() {
        let folder = tempfile::tempdir().unwrap();
        let at = house(&folder, Timestamp(86_400_000));
        let proof = Proof {
            accounts: 1,
            transfers: 1,
            totals: Vec::new(),
            faults: vec![ledger::Fault::Currency(base::Currency::CNY)],
        };
        let id = EntryId::new(ShopId::HOUSE, Timestamp(86_400_000), &Dice::System);
        at.db.write_blocking(move |tx| note_proof(tx, id, Timestamp(86_400_000), &proof)).unwrap();
        let failed = "SELECT CAST(COUNT(*) AS BIGINT) FROM audit_entries WHERE body LIKE '%failed%' AND body LIKE '%ledger.proved%'";
        assert_eq!(count(&at, failed), 1);
    }

    #[test]
    fn au_4_a_checkpoint_leaves_by_mail_once_a_day_when_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = house(&folder, Timestamp(86_400_000 * 3));
        let keeper = Some(Email::parse("keeper@elsewhere.example").unwrap());
        let nightly = Nightly::new(Installation { checkpoint_mail: keeper, ..at.clone() });
        nightly.look();
        assert_eq!(count(&at, MAILS), 0, "nothing is signed yet");
        let file = audit::AnchorFile::new(&at.checkpoints);
        let mut sequencer = audit::Sequencer::open((*at.signer).clone(), "node", file).unwrap();
        sequencer.step(&at.db, at.clock.now()).unwrap();
        nightly.look();
        nightly.look();
        assert_eq!(count(&at, MAILS), 1);
    }
}
