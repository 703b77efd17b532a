//! Every Rust file is reached from a crate root by `mod`, `#[path]` or `include!`.

use std::collections::HashSet;

use crate::ratchet::Finding;
use crate::source::{Source, words};
use crate::tree::Tree;

/// Finds Rust files that no build reads.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut reached: HashSet<String> = HashSet::new();
    let mut waiting: Vec<&Source> = tree.sources.iter().filter(|source| is_root(&source.path)).collect();
    while let Some(source) = waiting.pop() {
        if reached.insert(source.path.clone()) {
            let next = named_files(source);
            waiting.extend(tree.sources.iter().filter(|other| next.contains(&other.path)));
        }
    }
    let dead = tree.sources.iter().filter(|source| !reached.contains(&source.path));
    let message = "no `mod` reaches this file; wire it or delete it";
    dead.map(|source| Finding::new("dead-file", &source.path, 0, "", message.to_owned())).collect()
}

fn is_root(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = folder.rsplit('/').next().unwrap_or(folder);
    match name {
        "build.rs" | "main.rs" => true,
        "lib.rs" => parent == "src",
        _ => ["tests", "benches", "examples", "bin", "fuzz_targets"].contains(&parent),
    }
}

/// The files that `source` may mean by its modules.
fn named_files(source: &Source) -> HashSet<String> {
    let (folder, name) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let stem = name.trim_end_matches(".rs");
    let inside =
        if is_root(&source.path) || stem == "mod" { folder.to_owned() } else { format!("{folder}/{stem}") };
    let mut files = HashSet::new();
    for module in declared_modules(&source.code) {
        files.insert(format!("{inside}/{module}.rs"));
        files.insert(format!("{inside}/{module}/mod.rs"));
    }
    let paths = source.literals.iter().filter(|literal| literal.text.ends_with(".rs"));
    files.extend(paths.map(|literal| format!("{folder}/{}", literal.text)));
    files
}

/// Names in `mod name;`.
fn declared_modules(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for at in words(code, "mod") {
        let rest = code.get(at + 3..).unwrap_or_default().trim_start();
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if rest.get(name.len()..).is_some_and(|after| after.trim_start().starts_with(';')) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn a_file_that_nobody_names_is_found() {
        let files = [
            ("crates/a/src/lib.rs", "mod pay;\npub mod page;"),
            ("crates/a/src/pay.rs", "mod refund;"),
            ("crates/a/src/pay/refund.rs", ""),
            ("crates/a/src/page/mod.rs", "#[path = \"other.rs\"] mod x;"),
            ("crates/a/src/page/other.rs", ""),
            ("crates/a/src/refund.rs", ""),
            ("crates/a/tests/it/main.rs", "mod pay;"),
            ("crates/a/tests/it/pay.rs", ""),
            ("crates/a/tests/it/lost.rs", "// mod lost;"),
        ];
        assert_eq!(found(check, &files), ["crates/a/src/refund.rs:0 ", "crates/a/tests/it/lost.rs:0 "]);
    }
}
