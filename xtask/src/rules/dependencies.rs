//! The crates that are really built: none that is banned, each under an accepted licence.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::spdx;
use crate::ratchet::Finding;

/// One TLS and crypto stack, one way to each database.
const BANNED: [(&str, &str); 6] = [
    ("ring", "aws-lc-rs is the crypto stack"),
    ("openssl-sys", "rustls with aws-lc-rs is the TLS stack"),
    ("native-tls", "rustls with aws-lc-rs is the TLS stack"),
    ("sqlx-core", "crates/store speaks to both engines"),
    ("evalexpr", "its licence is AGPL-3.0"),
    ("perpetual", "it needs a nightly compiler"),
];
/// Crates that ship a licence file in place of an expression, with what was read in the file.
const READ_IN_FILE: [(&str, &str); 1] = [("forust-ml", "Apache-2.0")];
const LOCK: &str = "Cargo.lock";

/// Asks cargo what the workspace is built of on this machine and checks it.
pub fn check_workspace(root: &Path) -> Result<Vec<Finding>, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--workspace",
            "--edges",
            "normal,build,dev",
            "--prefix",
            "none",
            "--format",
            "{p}|{l}",
        ])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cannot start `cargo tree`: {e}"))?;
    if !output.status.success() {
        return Err(format!("`cargo tree` failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(check(&String::from_utf8_lossy(&output.stdout)))
}

/// Checks lines of the form `name version (place)|licence (*)`.
fn check(tree: &str) -> Vec<Finding> {
    let crates: BTreeSet<(&str, &str)> = tree.lines().filter_map(read_line).collect();
    crates
        .into_iter()
        .flat_map(|(name, licence)| banned(name).into_iter().chain(unlicensed(name, licence)))
        .collect()
}

fn read_line(line: &str) -> Option<(&str, &str)> {
    let (package, licence) = line.trim_end_matches("(*)").split_once('|')?;
    Some((package.split(' ').next()?, licence.trim()))
}

fn banned(name: &str) -> Option<Finding> {
    let (_, reason) = BANNED.iter().find(|(banned, _)| *banned == name)?;
    let message = format!("`{name}` is in the build; {reason} (`cargo tree -i {name}` shows who wants it)");
    Some(Finding::new("banned-crate", LOCK, 0, name, message))
}

fn unlicensed(name: &str, expression: &str) -> Option<Finding> {
    let read = READ_IN_FILE.iter().find(|(known, _)| *known == name && expression.is_empty());
    let licence = read.map_or(expression, |(_, licence)| licence);
    let message = format!("`{name}` is licensed `{licence}`, which xtask/src/rules/spdx.rs does not accept");
    (!spdx::is_accepted(licence)).then(|| Finding::new("licence", LOCK, 0, name, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_crates_and_licences_are_found() {
        let tree = "app v0.1.0 (crates/app)|Apache-2.0\nring v0.17.0|MIT (*)\ncopyleft v1.0.0|GPL-3.0\n\
                    silent v1.0.0|\nforust-ml v0.8.0|\nserde v1.0.0|MIT OR Apache-2.0\nring v0.17.0|MIT\n";
        let found: Vec<_> = check(tree).into_iter().map(|f| (f.rule, f.item)).collect();
        let expected = [("licence", "copyleft"), ("banned-crate", "ring"), ("licence", "silent")];
        assert_eq!(found, expected.map(|(rule, item)| (rule, item.to_owned())));
    }
}
