//! A page that says which test shows what names tests that exist: a renamed or deleted one would leave a requirement bare
//! without anybody seeing it.

use std::collections::BTreeSet;

use crate::ratchet::Finding;
use crate::tree::Tree;

/// The pages that name tests.
const PAGES: [&str; 4] = ["docs/coverage.md", "docs/asvs.md", "docs/threat-model.md", "docs/keys.md"];
/// Words of our tests' names are joined; what has fewer joints is a table, a setting or a module.
const JOINTS_MIN: usize = 3;

/// Finds names in backticks that are no function of ours. A name with `…` stands for all that begin and end so.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let names = functions(tree);
    let pages = tree.files.iter().filter(|file| PAGES.contains(&file.path.as_str()));
    let mut findings = Vec::new();
    for page in pages {
        for (line, text) in (1..).zip(page.text.lines()) {
            for name in
                text.split('`').skip(1).step_by(2).filter(|name| is_name(name) && !exists(&names, name))
            {
                let message = format!("there is no test `{name}`; name the one that shows this");
                findings.push(Finding::new("proofs", &page.path, line, name, message));
            }
        }
    }
    findings
}

/// The names of all functions in Rust and Python.
fn functions(tree: &Tree) -> BTreeSet<&str> {
    let code = tree.files.iter().filter(|file| file.path.ends_with(".rs") || file.path.ends_with(".py"));
    let lines = code.flat_map(|file| file.text.lines());
    lines.filter_map(function).collect()
}

fn function(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ").or_else(|| line.split_once("def "))?;
    let begins = before.is_empty() || before.ends_with([' ', '\t']);
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    begins.then_some(name)
}

fn is_name(text: &str) -> bool {
    let spelled = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '…';
    let joints = text.chars().filter(|c| matches!(c, '_' | '…')).count();
    text.chars().all(spelled) && joints >= JOINTS_MIN
}

fn exists(names: &BTreeSet<&str>, text: &str) -> bool {
    match text.split_once('…') {
        None => names.contains(text),
        Some((start, end)) => names.iter().any(|name| name.starts_with(start) && name.ends_with(end)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn a_page_that_names_a_test_which_is_not_there_is_found() {
        let source =
            ("crates/a/src/b.rs", "#[test]\nfn c01_a_thing_holds_on_both_sides() {}\npub fn short() {}\n");
        let oracle = ("oracles/a.py", "def c02_the_other_side_says_so(server):\n    pass\n");
        let page = |text| ("docs/coverage.md", text);
        let good = page(
            "`c01_a_thing_holds_on_both_sides`, `c02_the_other_side_says_so`, `c01_a_thing_…`, `buyers`\n",
        );
        assert!(found(check, &[source, oracle, good]).is_empty());
        for name in ["c01_a_thing_holds", "c01_a_thing_…_elsewhere", "short_and_not_there"] {
            let text = format!("\n`{name}`\n");
            assert_eq!(found(check, &[source, ("docs/keys.md", &text)]), [format!("docs/keys.md:2 {name}")]);
            assert!(found(check, &[source, ("docs/other.md", &text)]).is_empty());
        }
    }
}
