//! Dependencies between our crates point one way, as drawn in ARCHITECTURE.md; what is declared is used.

use toml::{Table, Value};

use crate::ratchet::Finding;
use crate::tree::Tree;

/// Each crate with those of ours it may depend on. A new arrow is a change of architecture.
const ARROWS: [(&str, &[&str]); 15] = [
    ("base", &[]),
    ("store", &["base"]),
    ("webkit", &["base", "store"]),
    ("audit", &["base", "store", "webkit"]),
    ("ledger", &["base", "store", "webkit"]),
    ("risk", &["base", "store", "webkit"]),
    ("vault", &["base", "store", "webkit", "audit"]),
    ("identity", &["base", "store", "webkit", "audit", "vault"]),
    ("tokens", &["base", "store", "webkit", "audit", "vault", "identity"]),
    ("connectors", &["base", "webkit"]),
    (
        "payments",
        &["base", "store", "webkit", "audit", "vault", "identity", "tokens", "ledger", "risk", "connectors"],
    ),
    ("testkit", &["base", "store", "webkit", "audit", "vault", "identity", "ledger", "risk", "payments"]),
    (
        "app",
        &[
            "base",
            "store",
            "webkit",
            "audit",
            "vault",
            "identity",
            "tokens",
            "ledger",
            "risk",
            "connectors",
            "payments",
            "testkit",
        ],
    ),
    ("xtask", &[]),
    (
        "fuzz",
        &[
            "base",
            "store",
            "webkit",
            "audit",
            "vault",
            "identity",
            "tokens",
            "ledger",
            "risk",
            "connectors",
            "payments",
            "app",
        ],
    ),
];

/// Finds arrows that point up, and dependencies nobody uses.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let crates = tree.manifests().filter(|(folder, _)| !folder.starts_with("bench/"));
    crates.flat_map(|(folder, text)| check_manifest(tree, folder, text)).collect()
}

fn check_manifest(tree: &Tree, folder: &str, text: &str) -> Vec<Finding> {
    let path = format!("{folder}/Cargo.toml");
    let Ok(manifest) = text.parse::<Table>() else {
        return vec![Finding::new("arrow", &path, 0, "", "not readable as TOML".to_owned())];
    };
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        let message = "a crate that xtask/src/rules/arrows.rs does not place; draw its arrows".to_owned();
        return vec![Finding::new("arrow", &path, 0, name, message)];
    };
    let names = dependency_names(&manifest, "dependencies");
    let ours = names.iter().filter(|name| ARROWS.iter().any(|(known, _)| known == name));
    let up = ours.filter(|name| !allowed.contains(&name.as_str()));
    let wrong =
        up.map(|to| Finding::new("arrow", &path, 0, to, format!("`{name}` may not depend on `{to}`")));
    wrong.chain(unused(tree, folder, &path, &names)).collect()
}

fn dependency_names(manifest: &Table, section: &str) -> Vec<String> {
    manifest
        .get(section)
        .and_then(Value::as_table)
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default()
}

/// A dependency whose name never occurs in the crate's source is built for nothing.
fn unused(tree: &Tree, folder: &str, path: &str, names: &[String]) -> Vec<Finding> {
    let inside = format!("{folder}/");
    let sources: Vec<_> = tree.sources.iter().filter(|source| source.path.starts_with(&inside)).collect();
    let absent = names.iter().filter(|name| {
        let word = name.replace('-', "_");
        !sources.iter().any(|source| crate::source::words(&source.code, &word).next().is_some())
    });
    let finding = |name: &String| {
        let message = format!("`{name}` is declared and never named in the code; remove it");
        Finding::new("unused-dependency", path, 0, name, message)
    };
    absent.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    fn manifest(names: &[&str]) -> String {
        let lines: Vec<String> = names.iter().map(|name| format!("{name}.workspace = true\n")).collect();
        format!("[package]\nname = \"x\"\n[dependencies]\n{}", lines.concat())
    }

    #[test]
    fn an_arrow_that_points_up_is_found() {
        let uses = ("crates/risk/src/lib.rs", "use base::A; use payments::B;");
        let found = found(check, &[("crates/risk/Cargo.toml", &manifest(&["base", "payments"])), uses]);
        assert_eq!(found, ["crates/risk/Cargo.toml:0 payments"]);
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(
            found(check, &[("crates/odd/Cargo.toml", &manifest(&[]))]),
            ["crates/odd/Cargo.toml:0 odd"]
        );
    }

    #[test]
    fn a_dependency_nobody_names_is_found() {
        let uses = ("crates/base/src/lib.rs", "use aws_lc_rs::digest; // csv\n");
        let found = found(check, &[("crates/base/Cargo.toml", &manifest(&["aws-lc-rs", "csv"])), uses]);
        assert_eq!(found, ["crates/base/Cargo.toml:0 csv"]);
    }
}
