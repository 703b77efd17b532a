//! The files of the workspace as relative paths and texts: read from the disk, or made up by a test.

use std::fs;
use std::path::Path;

use crate::source::Source;

/// Folders that hold nothing of ours.
const FOLDERS_SKIPPED: [&str; 5] = ["target", "node_modules", "corpus", "artifacts", "__pycache__"];
/// Folders that start with a point and are ours all the same.
const POINT_FOLDERS_READ: [&str; 3] = [".ci", ".cargo", ".config"];
/// Endings of the files whose text the rules look at.
const ENDINGS_READ: [&str; 12] =
    ["rs", "md", "toml", "txt", "sh", "py", "html", "css", "js", "ftl", "sql", "json"];
/// Files without an ending that are scripts.
const SCRIPTS: [&str; 2] = ["test", ".ci/run"];
/// Larger files are data, not text that people wrote.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// One file: its path from the top of the workspace with `/`, and its text (empty for what is not read).
pub struct File {
    /// For example `crates/base/src/money.rs`.
    pub path: String,
    /// The text, or nothing for pictures and data.
    pub text: String,
}

/// All files, and the Rust ones taken apart.
pub struct Tree {
    /// Every file, sorted by path.
    pub files: Vec<File>,
    /// The Rust files among them.
    pub sources: Vec<Source>,
}

impl Tree {
    /// Reads the tree below `root`.
    pub fn read(root: &Path) -> Result<Tree, String> {
        let mut files = Vec::new();
        collect(root, "", &mut files)?;
        Ok(Tree::new(files))
    }

    /// A tree of made-up files, for the rules' own tests.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Tree::new(files.iter().map(file).collect())
    }

    fn new(mut files: Vec<File>) -> Tree {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
        let sources = rust.map(|file| Source::new(&file.path, &file.text)).collect();
        Tree { files, sources }
    }

    /// The text of the file at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    /// Whether `path` is a file or a folder that holds one.
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        path.is_empty() || self.files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
    }

    /// The manifests of our crates with the crate's folder: `("crates/base", text)`.
    pub fn manifests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|file| {
            let folder = file.path.strip_suffix("/Cargo.toml")?;
            Some((folder, file.text.as_str()))
        })
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<(), String> {
    let unreadable = |e: std::io::Error| format!("cannot read folder `{}`: {e}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() && is_ours(&name) {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() {
            let text = if is_text(&path) { read_text(&entry.path()) } else { String::new() };
            files.push(File { path, text });
        }
    }
    Ok(())
}

fn is_ours(folder: &str) -> bool {
    let hidden = folder.starts_with('.') && !POINT_FOLDERS_READ.contains(&folder);
    !hidden && !FOLDERS_SKIPPED.contains(&folder)
}

fn is_text(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    SCRIPTS.contains(&path) || ENDINGS_READ.contains(&ending)
}

/// A file that vanishes meanwhile, is too large or is not UTF-8 counts as data.
fn read_text(path: &Path) -> String {
    let small = fs::metadata(path).is_ok_and(|meta| meta.len() <= TEXT_BYTES_MAX);
    if small { fs::read_to_string(path).unwrap_or_default() } else { String::new() }
}
