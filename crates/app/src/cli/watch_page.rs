//! `tillward watch-page`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{say, whole};
use crate::page_watch::Finding;
use crate::page_watch::browser::{Browser, Sandbox};
use crate::page_watch::visit::{Seen, Visitor, list_pages};

/// Exit code when something is not as it was sent; 1 is for a page that could not be reached, or not shown in the browser.
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
    /// Browser of the Chromium family that runs the scripts of each page, such as /usr/bin/chromium; it believes its own
    /// authorities
    #[arg(long, value_name = "FILE", conflicts_with = "ca")]
    watch_browser: Option<PathBuf>,
    /// Give up the browser's sandbox, without which none runs as root: a page that breaks it has what its user has
    #[arg(long, requires = "watch_browser")]
    watch_browser_dangerously_unsandboxed: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl WatchPage {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let sandbox =
            if self.watch_browser_dangerously_unsandboxed { Sandbox::GivenUp } else { Sandbox::Kept };
        let browser = self.watch_browser.map(|program| Browser { program, sandbox });
        let visitor =
            Visitor::new(&self.url, self.ca.as_deref()).map_err(|e| whole(&e))?.with_browser(browser);
        let paths: Vec<String> = visitor.named_page().into_iter().chain(list_pages()).collect();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let seen = runtime.block_on(visitor.look(&paths)).map_err(|e| whole(&e))?;
        if self.json {
            say(&in_json(&seen))
        } else {
            tell(&seen)
        }
        Ok(match (seen.findings.is_empty(), is_changed(&seen)) {
            (true, _) => ExitCode::SUCCESS,
            (_, true) => ExitCode::from(CHANGED),
            (_, false) => ExitCode::FAILURE,
        })
    }
}

/// Whether something is not as it was sent; that the browser showed nothing says neither.
fn is_changed(seen: &Seen) -> bool {
    seen.findings.iter().any(|finding| !matches!(finding, Finding::Unshown(_)))
}

fn tell(seen: &Seen) {
    say(&format!("{} pages, {} of them in a browser, {} files", seen.pages, seen.pages_run, seen.files));
    for finding in &seen.findings {
        let word = if matches!(finding, Finding::Unshown(_)) { "NOT SEEN" } else { "CHANGED" };
        say(&format!("{word}: {finding}"));
    }
    say(match (seen.findings.is_empty(), is_changed(seen)) {
        (true, _) => "the page is received as it was sent",
        (_, true) => "the page was changed",
        (_, false) => "the page could not be looked at in the browser",
    });
}

fn in_json(seen: &Seen) -> String {
    let findings: Vec<_> = seen
        .findings
        .iter()
        .map(|finding| serde_json::json!({ "kind": finding.kind(), "text": finding.to_string() }))
        .collect();
    serde_json::json!({
        "changed": is_changed(seen), "pages": seen.pages, "pages_run": seen.pages_run, "files": seen.files, "findings": findings,
    })
    .to_string()
}
