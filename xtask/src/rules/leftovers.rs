//! Nothing half done is left: no `todo!`, no ignored test, no `dbg!`; each module says what it promises.

use crate::ratchet::Finding;
use crate::source::{Source, line_of};
use crate::tree::Tree;

const LEFTOVERS: [&str; 5] = ["todo!", "unimplemented!", "dbg!", "#[ignore", "#[allow("];

/// Finds unfinished code and modules without an opening comment.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().flat_map(|source| leftovers(source).into_iter().chain(unexplained(source))).collect()
}

fn leftovers(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for left in LEFTOVERS {
        for (at, _) in source.code.match_indices(left) {
            let message =
                format!("`{left}` is left; finish it, assert what it does today, or use `#[expect]`");
            findings.push(Finding::new("leftover", &source.path, line_of(&source.code, at), left, message));
        }
    }
    findings
}

fn unexplained(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().map(str::trim_start);
    let first = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with("#!["));
    let explained = first.is_some_and(|line| line.starts_with("//!"));
    let message = "begins without `//!`; say what the module promises".to_owned();
    let needed = !source.is_test_file() && !source.text.trim().is_empty();
    (needed && !explained).then(|| Finding::new("module-comment", &source.path, 1, "", message))
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn unfinished_code_is_found_outside_strings() {
        let text = "//! x\nfn a() { todo!() }\n#[ignore]\nfn b() { dbg!(1); }\n";
        assert_eq!(found(check, &[("a.rs", text)]), ["a.rs:2 todo!", "a.rs:4 dbg!", "a.rs:3 #[ignore"]);
        assert!(found(check, &[("a.rs", "//! x\nconst A: &str = \"todo!\"; // dbg!\n")]).is_empty());
    }

    #[test]
    fn a_module_without_an_opening_comment_is_found() {
        assert_eq!(found(check, &[("a.rs", "fn a() {}\n//! late\n")]), ["a.rs:1 "]);
        assert!(found(check, &[("a.rs", "#![no_main]\n\n//! what it promises\nfn a() {}\n")]).is_empty());
        assert!(found(check, &[("crates/a/tests/it/main.rs", "fn a() {}\n")]).is_empty());
    }
}
