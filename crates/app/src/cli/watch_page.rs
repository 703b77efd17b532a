//! `tillward watch-page`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{say, whole};
use crate::page_watch::visit::{SIGN_IN, Seen, Visitor};

/// Exit code when something is not as it was sent; 1 is for a page that could not be reached.
const CHANGED: u8 = 2;

/// Look at the payment page as payers receive it.
#[derive(clap::Args)]
#[command(
    after_help = "Compares scripts and security headers with what this version of the program sends. Exit code 0: as sent, 1: \
    not reached, 2: changed. The server does the same once a day; run this one from elsewhere. It needs no database.\n\n\
    Example:\n  tillward watch-page --url https://pay.shop.example --json"
)]
pub(super) struct WatchPage {
    /// Where payers reach the program; with the path of a printed code its pay page is looked at too
    #[arg(long, value_name = "URL")]
    url: String,
    /// PEM file with the one authority to believe, in place of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl WatchPage {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let visitor = Visitor::new(&self.url, self.ca.as_deref()).map_err(|e| whole(&e))?;
        let paths: Vec<String> = visitor.named_page().into_iter().chain([SIGN_IN.to_owned()]).collect();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let seen = runtime.block_on(visitor.look(&paths)).map_err(|e| whole(&e))?;
        if self.json {
            say(&in_json(&seen))
        } else {
            tell(&seen)
        }
        Ok(if seen.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(CHANGED) })
    }
}

fn tell(seen: &Seen) {
    say(&format!("{} pages, {} files", seen.pages, seen.files));
    for finding in &seen.findings {
        say(&format!("CHANGED: {finding}"));
    }
    say(if seen.findings.is_empty() {
        "the page is received as it was sent"
    } else {
        "the page was changed"
    });
}

fn in_json(seen: &Seen) -> String {
    let findings: Vec<_> = seen
        .findings
        .iter()
        .map(|finding| serde_json::json!({ "kind": finding.kind(), "text": finding.to_string() }))
        .collect();
    serde_json::json!({
        "changed": !findings.is_empty(), "pages": seen.pages, "files": seen.files, "findings": findings,
    })
    .to_string()
}
