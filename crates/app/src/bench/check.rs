//! What must hold after a run, and after a run that was killed: nothing acknowledged is lost or paid twice, the books
//! balance, the audit log verifies.

use std::collections::BTreeSet;
use std::path::Path;

use audit::{AnchorFile, SignedCheckpoint};
use base::{Clock, Dice, PaymentId};
use payments::State;
use store::Tx;

use super::{config_of, whole};
use crate::installation::Installation;
use crate::jobs::Jobs;

/// Problems that are named one by one.
const PROBLEMS_MAX: usize = 20;

/// What the checks found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Payments in the database that are paid.
    pub paid: u64,
    /// Payments that were acknowledged as paid.
    pub acknowledged: u64,
    /// Debits equal credits, and every balance is the sum of its transfers.
    pub ledger_balanced: bool,
    /// The audit log is what was signed.
    pub audit_verified: bool,
    /// Entries of the audit log.
    pub audit_entries: u64,
    /// What is wrong, a line each.
    pub problems: Vec<String>,
}

impl Verdict {
    /// Whether everything holds.
    pub fn is_good(&self) -> bool {
        self.ledger_balanced && self.audit_verified && self.problems.is_empty()
    }
}

/// Checks an installation against the number of acknowledged payments. More may be paid than were acknowledged: an
/// answer can be lost, a payment cannot.
pub(super) fn check(at: &Installation, acknowledged: u64) -> Result<Verdict, String> {
    let mut verdict = Verdict { acknowledged, ..Verdict::default() };
    let anchors: Vec<SignedCheckpoint> = if at.checkpoints.exists() {
        AnchorFile::new(&at.checkpoints).read_all(at.signer.verifier_key()).map_err(|e| whole(&e))?
    } else {
        Vec::new()
    };
    let key = at.signer.verifier_key().clone();
    let (proof, report, counts) = at
        .db
        .read_blocking(move |tx| {
            let report = audit::verify_database(tx, &key, &anchors)?;
            Ok::<_, audit::ExportError>((
                ledger::prove_balanced(tx)?,
                report,
                payments::store::count_payments(tx)?,
            ))
        })
        .map_err(|e| whole(&e))?;
    verdict.ledger_balanced = proof.is_balanced();
    verdict.problems.extend(proof.faults.iter().take(PROBLEMS_MAX).map(ToString::to_string));
    verdict.audit_verified = report.is_clean();
    verdict.audit_entries = report.entries;
    verdict.problems.extend(report.findings.iter().take(PROBLEMS_MAX).map(ToString::to_string));
    verdict.paid =
        counts.iter().filter(|(state, _)| *state == State::Paid).map(|(_, n)| n.unsigned_abs()).sum();
    if verdict.paid < acknowledged {
        verdict
            .problems
            .push(format!("{acknowledged} payments were acknowledged, only {} are paid", verdict.paid));
    }
    Ok(verdict)
}

/// Opens the folder that a run left, perhaps a killed one, and checks each acknowledged payment in `acks`.
///
/// # Errors
/// When folder or file cannot be read.
pub fn check_folder(
    folder: &Path,
    acks: Option<&Path>,
    database_url: Option<String>,
) -> Result<Verdict, String> {
    let acked = acks.map_or_else(|| Ok(Vec::new()), read_acks)?;
    let config = config_of(folder, database_url)?;
    if !config.data.is_dir() {
        return Err(format!("no run left an installation in `{}`", folder.display()));
    }
    let at = Installation::open_existing(&config, Clock::System, Dice::System).map_err(|e| whole(&e))?;
    // The log goes on where it stopped.
    let jobs = Jobs::start(&at, crate::config::Mail::Nowhere, crate::config::TextMessages::Nowhere)?;
    super::settle(&jobs)?;
    drop(jobs);
    let unique: BTreeSet<PaymentId> = acked.iter().copied().collect();
    let mut verdict = check(&at, unique.len() as u64)?;
    if unique.len() != acked.len() {
        verdict.problems.push(format!("{} payments were acknowledged twice", acked.len() - unique.len()));
    }
    let found = at.db.read_blocking(move |tx| {
        let mut problems = Vec::new();
        for id in unique {
            problems.extend(check_paid_once(tx, id)?);
        }
        Ok::<_, store::Error>(problems)
    });
    verdict.problems.extend(found.map_err(|e| whole(&e))?.into_iter().take(PROBLEMS_MAX));
    Ok(verdict)
}

/// What is wrong with a payment that was acknowledged as paid.
fn check_paid_once(tx: &mut Tx<'_>, id: PaymentId) -> Result<Option<String>, store::Error> {
    let Some(payment) = payments::store::find_payment(tx, id)? else {
        return Ok(Some(format!("`{id}` was acknowledged and is lost")));
    };
    if payment.stored_state != State::Paid {
        return Ok(Some(format!("`{id}` was acknowledged and is {}", payment.stored_state.name())));
    }
    let transfers = ledger::list_payment_transfers(tx, id)?;
    let moved: i64 = transfers.iter().map(|transfer| transfer.amount.minor).sum();
    let once = transfers.len() == 1 && moved == payment.amount.minor;
    let entered = payment.entry.map(|entry| audit::find_entry_text(tx, entry)).transpose()?.flatten();
    Ok(match (once, entered) {
        (true, Some(_)) => None,
        (false, _) => Some(format!("`{id}` moved money {} times", transfers.len())),
        (true, None) => Some(format!("`{id}` is not in the audit log")),
    })
}

fn read_acks(path: &Path) -> Result<Vec<PaymentId>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
    // A line without its end was being written when the program was killed.
    let whole_lines = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let parse = |line: &str| line.parse().map_err(|e| format!("`{}` holds `{line}`: {e}", path.display()));
    whole_lines.lines().map(parse).collect()
}
