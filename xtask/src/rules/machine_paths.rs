//! No path of one machine stands in the tree: what runs here must run elsewhere.

use crate::ratchet::Finding;
use crate::source::line_of;
use crate::tree::{File, Tree};

/// Folders of some machine, without the slash before them.
const FOLDERS: [&str; 5] = ["work/", "root/", "tmp/", "home/", "Users/"];
/// Data, not text that people wrote.
const DATA_ENDINGS: [&str; 3] = [".json", ".css", ".sql"];

/// Finds absolute paths of a developer's machine in code, scripts and texts.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let texts =
        tree.files.iter().filter(|file| !DATA_ENDINGS.iter().any(|ending| file.path.ends_with(ending)));
    texts.flat_map(|file| check_file(tree, file)).collect()
}

fn check_file(tree: &Tree, file: &File) -> Vec<Finding> {
    let source = tree.sources.iter().find(|source| source.path == file.path);
    let mut findings = Vec::new();
    for folder in FOLDERS {
        let wanted = format!("/{folder}");
        for (at, _) in file.text.match_indices(&wanted) {
            let line = line_of(&file.text, at);
            let in_test = source.is_some_and(|source| source.is_test(line));
            if starts_here(&file.text, at) && !in_test {
                let message = format!("`{wanted}` is a path of one machine; take it from the environment");
                findings.push(Finding::new("machine-path", &file.path, line, &wanted, message));
            }
        }
    }
    findings
}

/// A slash inside a longer path or an address does not start a path.
fn starts_here(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|head| head.chars().next_back());
    !before.is_some_and(|c| c.is_alphanumeric() || "_.-}/*$~".contains(c))
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn a_path_of_one_machine_is_found() {
        let bad = format!("cd {}x\n", ["", "tmp", ""].join("/"));
        assert_eq!(found(check, &[("a.sh", &bad)]), ["a.sh:1 /tmp/"]);
        let bad = format!("//! x\nconst A: &str = \"{}a\";\n", ["", "root", ""].join("/"));
        assert_eq!(found(check, &[("a.rs", &bad)]), ["a.rs:2 /root/"]);
        let in_test = bad.replace("const", "#[cfg(test)]\nconst");
        assert!(found(check, &[("a.rs", &in_test)]).is_empty());
        assert!(
            found(check, &[("a.sh", "cd target/tmp/x; cd $HOME/work/y; curl http://h/home/z\n")]).is_empty()
        );
    }
}
