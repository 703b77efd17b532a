//! Chores of the workspace: `cargo xtask tidy` holds the house rules, `cargo xtask ci` runs what CI runs.
//!
//! The rules are plain text checks, one module each under `rules/`, over a tree of files that a test can make up
//! from short strings. They know Rust only as far as telling code from comments and strings.

mod ratchet;
mod rules;
mod source;
mod tree;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use ratchet::Verdict;
use tree::Tree;

const USAGE: &str = "usage: cargo xtask <task>

  tidy          check the house rules (see xtask/src/rules/)
  tidy --list   print what is wrong as lines for xtask/tidy-exceptions.txt
  ci            run exactly what CI runs: .ci/run
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["tidy"] => tidy(&root()),
        ["tidy", "--list"] => list(&root()),
        ["ci"] => ci(&root()),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(report) => say(&mut std::io::stdout(), &report, ExitCode::SUCCESS),
        Err(report) => say(&mut std::io::stderr(), &report, ExitCode::FAILURE),
    }
}

fn say(out: &mut dyn Write, report: &str, code: ExitCode) -> ExitCode {
    match writeln!(out, "{}", report.trim_end()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The top folder of the workspace, whichever folder the task was started in.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// Checks every rule; the error text lists what is wrong and what to do.
fn tidy(root: &Path) -> Result<String, String> {
    let verdict = judge(root)?;
    let report = verdict.to_string();
    if verdict.is_clean() { Ok(report) } else { Err(report) }
}

fn list(root: &Path) -> Result<String, String> {
    Ok(judge(root)?.as_exceptions())
}

fn judge(root: &Path) -> Result<Verdict, String> {
    let tree = Tree::read(root)?;
    let mut findings = rules::check(&tree);
    findings.extend(rules::dependencies::check_workspace(root)?);
    let exceptions = tree.text(ratchet::FILE).unwrap_or_default();
    Ok(ratchet::weigh(findings, exceptions))
}

fn ci(root: &Path) -> Result<String, String> {
    let status = Command::new("bash")
        .arg(".ci/run")
        .current_dir(root)
        .status()
        .map_err(|e| format!("cannot start `.ci/run`: {e}"))?;
    if status.success() { Ok("ci: passed".to_owned()) } else { Err(format!("ci: failed with {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        if let Err(report) = tidy(&root()) {
            panic!("{report}");
        }
    }
}
