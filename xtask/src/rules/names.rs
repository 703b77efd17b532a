//! Files and modules are named for what they do: no drawer names, no second versions beside the first.

use crate::ratchet::Finding;
use crate::source::words;
use crate::tree::Tree;

const NAMES_BANNED: [&str; 9] =
    ["utils", "util", "helpers", "helper", "common", "misc", "manager", "core", "shared"];
const ENDINGS_BANNED: [&str; 3] = ["_new", "_v2", "_old"];

/// Finds files, folders and inline modules with a name that says nothing.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree.files.iter().filter(|file| file.path.ends_with(".rs"));
    let mut findings: Vec<Finding> = files.filter_map(|file| check_path(&file.path)).collect();
    for source in &tree.sources {
        for at in words(&source.code, "mod") {
            let rest = source.code.get(at + 3..).unwrap_or_default().trim_start();
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if is_banned(&name) {
                findings.push(finding(&source.path, crate::source::line_of(&source.code, at), &name));
            }
        }
    }
    findings
}

fn check_path(path: &str) -> Option<Finding> {
    let parts = path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let bad = parts.into_iter().find(|part| is_banned(part))?;
    Some(finding(path, 0, bad))
}

fn is_banned(name: &str) -> bool {
    NAMES_BANNED.contains(&name) || ENDINGS_BANNED.iter().any(|ending| name.ends_with(ending))
}

fn finding(path: &str, line: usize, name: &str) -> Finding {
    Finding::new("name", path, line, name, format!("`{name}` says nothing; name it for what it does"))
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn drawers_and_second_versions_are_found() {
        assert_eq!(found(check, &[("crates/a/src/utils.rs", "")]), ["crates/a/src/utils.rs:0 utils"]);
        assert_eq!(found(check, &[("crates/a/common/b.rs", "")]), ["crates/a/common/b.rs:0 common"]);
        assert_eq!(found(check, &[("a/flow_v2.rs", "")]), ["a/flow_v2.rs:0 flow_v2"]);
        assert_eq!(found(check, &[("a.rs", "\nmod helpers {}")]), ["a.rs:2 helpers"]);
        assert!(found(check, &[("a/refund.rs", "mod refund; // mod utils")]).is_empty());
    }
}
