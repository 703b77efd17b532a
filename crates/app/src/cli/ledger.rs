//! `tillward ledger prove`.

use std::process::ExitCode;

use super::audit_log::open;
use super::{Source, say};

/// Prove the books.
#[derive(clap::Args)]
pub(super) struct Books {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Compute every balance again from what moved it; exit code 1 when anything does not fit
    #[command(after_help = "Example:\n  tillward ledger prove --data /var/lib/tillward/data --json\n\n\
        The server does the same once a day. On the embedded engine stop the server first.")]
    Prove {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        source: Source,
    },
}

impl Books {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let What::Prove { json, source } = self.what;
        let proof = open(source)?.db.read_blocking(::ledger::prove_balanced).map_err(|e| e.to_string())?;
        if json {
            say(&in_json(&proof))
        } else {
            tell(&proof)
        }
        Ok(if proof.is_balanced() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn tell(proof: &::ledger::Proof) {
    say(&format!("{} accounts, {} transfers", proof.accounts, proof.transfers));
    for totals in &proof.totals {
        let code = totals.currency.code();
        say(&format!(
            "{code}: debits {}, credits {} (minor units)",
            totals.debits_posted, totals.credits_posted
        ));
    }
    for fault in &proof.faults {
        say(&format!("WRONG: {fault}"));
    }
    say(if proof.is_balanced() { "the books balance" } else { "the books do not balance" });
}

fn in_json(proof: &::ledger::Proof) -> String {
    let faults: Vec<String> = proof.faults.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "balanced": proof.is_balanced(),
        "accounts": proof.accounts,
        "transfers": proof.transfers,
        "faults": faults,
    })
    .to_string()
}
