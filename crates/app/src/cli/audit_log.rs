//! `tillward audit verify|prove|export|key`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use audit::{AnchorFile, Inclusion, Report, SignedCheckpoint, VerifierKey};
use base::{Clock, Dice};
use risk::output::Output;

use super::screen::check_outputs;
use super::{Source, say, whole};
use crate::config::Config;
use crate::installation::Installation;
use crate::jobs::{note_export, note_proof, note_verification};

/// Verify, prove and export the audit log.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  tillward audit export --out log.jsonl\n  \
    tillward audit verify --log log.jsonl --public-key key.txt --checkpoints audit-checkpoints.jsonl\n  \
    tillward audit prove aud_0123…")]
pub(super) struct AuditLog {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Check an exported log, or the database itself; exit code 1 when anything is wrong
    #[command(after_help = "Examples:\n  \
        tillward audit verify --log log.jsonl --public-key key.txt --checkpoints audit-checkpoints.jsonl\n  \
        tillward audit verify --data /var/lib/tillward/data --json\n\n\
        The first form needs nothing but the three files: run it on another machine. For the second, stop the server \
        when the engine is the embedded one.")]
    Verify {
        /// The exported log; without it the database is checked
        #[arg(long, value_name = "FILE", requires = "public_key")]
        log: Option<PathBuf>,
        /// The log's public key: a file, or the key itself
        #[arg(long, value_name = "KEY")]
        public_key: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        source: Source,
    },
    /// Prove that an entry is in the log
    #[command(
        after_help = "Example:\n  tillward audit prove aud_0123… --data /var/lib/tillward/data > entry.proof\n\n\
        The proof is in the format `c2sp.org/tlog-proof@v1`. On the embedded engine stop the server first."
    )]
    Prove {
        /// The entry, `aud_…`
        entry: String,
        #[command(flatten)]
        source: Source,
    },
    /// Write the log to a file that can be verified without the database
    #[command(
        after_help = "Examples:\n  tillward audit export --data /var/lib/tillward/data --out log.jsonl\n  \
        tillward audit export --from 10000 --out rest.jsonl\n\n\
        The file is there whole or not at all. On the embedded engine stop the server first."
    )]
    Export {
        /// Where to
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// First position to write
        #[arg(long, default_value_t = 0)]
        from: u64,
        #[command(flatten)]
        source: Source,
    },
    /// Print the log's public key
    #[command(after_help = "Example:\n  tillward audit key --data /var/lib/tillward/data > key.txt\n\n\
        Keep it away from this machine: whoever verifies the log must not take the key from it. On the embedded engine \
        stop the server first.")]
    Key {
        #[command(flatten)]
        source: Source,
    },
}

impl AuditLog {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        match self.what {
            What::Verify { log, public_key, json, source } => {
                let checkpoints = source.settings.checkpoints.clone();
                let report = match (log, public_key) {
                    (Some(log), Some(key)) => verify_file(&log, &read_key(&key)?, checkpoints.as_deref())?,
                    _ => verify_database(&open(source)?, checkpoints.as_deref())?,
                };
                Ok(show(&report, json))
            }
            What::Prove { entry, source } => prove(&open(source)?, &entry),
            What::Export { out, from, source } => {
                let config = source.read()?;
                check_export(&config, &out)?;
                export(&open_at(&config)?, &out, from)
            }
            What::Key { source } => {
                say(&open(source)?.signer.verifier_key().to_string());
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Opens an installation that is there; looking at a log must not make an empty one.
pub(super) fn open(source: Source) -> Result<Installation, String> {
    open_at(&source.read()?)
}

fn open_at(config: &Config) -> Result<Installation, String> {
    Installation::open_existing(config, Clock::System, Dice::System).map_err(|e| whole(&e))
}

fn read_key(text: &str) -> Result<VerifierKey, String> {
    let given = std::fs::read_to_string(text).unwrap_or_else(|_| text.to_owned());
    given
        .trim()
        .parse()
        .map_err(|e| format!("`{text}` is neither a file with a public key nor a public key: {e}"))
}

fn anchors(path: Option<&Path>, key: &VerifierKey) -> Result<Vec<SignedCheckpoint>, String> {
    let Some(path) = path else { return Ok(Vec::new()) };
    if !path.exists() {
        return Err(format!("there is no checkpoint file `{}`", path.display()));
    }
    AnchorFile::new(path).read_all(key).map_err(|e| format!("`{}`: {}", path.display(), whole(&e)))
}

fn verify_file(log: &Path, key: &VerifierKey, checkpoints: Option<&Path>) -> Result<Report, String> {
    let anchors = anchors(checkpoints, key)?;
    let file = File::open(log).map_err(|e| format!("cannot read `{}`: {e}", log.display()))?;
    audit::verify_export(&mut BufReader::new(file), key, &anchors)
        .map_err(|e| format!("`{}`: {}", log.display(), whole(&e)))
}

fn verify_database(at: &Installation, checkpoints: Option<&Path>) -> Result<Report, String> {
    let key = at.signer.verifier_key().clone();
    let own = Some(at.checkpoints.as_path()).filter(|path| path.exists());
    let anchors = anchors(checkpoints.or(own), &key)?;
    let report =
        at.db.read_blocking(|tx| audit::verify_database(tx, &key, &anchors)).map_err(|e| whole(&e))?;
    note_verification(at, report.entries, report.findings_total).map_err(|e| whole(&e))?;
    Ok(report)
}

fn show(report: &Report, json: bool) -> ExitCode {
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    if json {
        let object = serde_json::json!({
            "clean": report.is_clean(), "size": report.size, "entries": report.entries,
            "checkpoints": report.checkpoints, "anchors": report.anchors, "findings": findings,
        });
        say(&object.to_string());
    } else {
        findings.iter().for_each(|finding| say(finding));
        let verdict = if report.is_clean() { "the log is whole" } else { "the log was tampered with" };
        say(&format!(
            "{verdict}: {} entries, {} checkpoints, {} kept elsewhere",
            report.entries, report.checkpoints, report.anchors
        ));
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn prove(at: &Installation, entry: &str) -> Result<ExitCode, String> {
    let id: base::EntryId = entry.parse().map_err(|e: base::IdError| format!("`{entry}` is {e}"))?;
    let key = at.signer.verifier_key().clone();
    let standing = at.db.read_blocking(|tx| audit::prove(tx, &key, id)).map_err(|e| whole(&e))?;
    match standing {
        audit::Standing::Included(inclusion) => {
            note_proof(at, id).map_err(|e| whole(&e))?;
            say(&Inclusion::to_text(&inclusion));
            Ok(ExitCode::SUCCESS)
        }
        audit::Standing::Pending => {
            Err("no checkpoint covers the entry yet; ask again in a second".to_owned())
        }
        audit::Standing::Unknown => Err(format!("there is no entry `{entry}`")),
    }
}

/// Writes the log, which is there whole or not at all; what was there before stays on a failure.
fn export(at: &Installation, out: &Path, from: u64) -> Result<ExitCode, String> {
    let mut file = Output::create(out).map_err(|e| whole(&e))?;
    let key = at.signer.verifier_key().clone();
    let done = at.db.read_blocking(|tx| audit::export(tx, &key, from, &mut file)).map_err(|e| whole(&e))?;
    file.finish().map_err(|e| whole(&e))?;
    note_export(at, from, done.entries).map_err(|e| whole(&e))?;
    say(&format!(
        "wrote {} entries and {} checkpoints to `{}`",
        done.entries,
        done.checkpoints,
        out.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Refuses to put the log in place of the database, a file beside it, the key or the checkpoints.
fn check_export(config: &Config, out: &PathBuf) -> Result<(), String> {
    let files = match &config.database {
        store::Config::File(path) => store::files_of(path),
        store::Config::Postgres { .. } => Vec::new(),
    };
    let mut taken: Vec<Option<&PathBuf>> = files.iter().map(Some).collect();
    taken.extend([Some(&config.key_file), Some(&config.checkpoints)]);
    check_outputs(&taken, &[Some(out)])
}
