//! The data folder: made for its owner alone, and closed again where it stands open.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What a new folder has, and the most that is left of one that everybody could reach.
const FOLDER_MODE: u32 = 0o700;
/// What everybody on the machine may do. A group that the operator let in, to make backups, is left alone.
const EVERYBODY_BITS: u32 = 0o007;
const MODE_BITS: u32 = 0o7777;
/// Of a folder that everybody may put files into, such as `/tmp`: it is never ours alone.
const SHARED_BIT: u32 = 0o1000;
/// A group that may write, or that new files are given to, was let in on purpose.
const GROUP_BITS: u32 = 0o2020;
/// What our files in it begin with, and what a file system keeps at its root.
const OUR_NAMES: [&str; 3] = ["tillward.", "audit-checkpoints", "lost+found"];

/// Makes the folder, for its owner alone. One that is there stays as it is. Returns those that were not, the innermost first.
pub(crate) fn make_folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let all = path.ancestors().filter(|folder| !folder.as_os_str().is_empty());
    let missing = all.take_while(|folder| !folder.exists()).map(Path::to_owned).collect::<Vec<_>>();
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path);
    made.inspect_err(|_| remove_folders(&missing)).map(|()| missing)
}

/// Takes back what [`make_folder`] made, as far as nothing is in it.
pub(crate) fn remove_folders(made: &[PathBuf]) {
    for folder in made {
        // One that cannot be removed is in use, or was never made.
        let _ = fs::remove_dir(folder);
    }
}

/// Takes a folder that everybody can reach away from all but its owner, if it is ours and holds nothing else. Where it
/// is not, the log says what to do: closing it could lock others out of what is theirs.
pub(crate) fn close_folder(path: &Path) {
    let Ok(about) = fs::metadata(path) else { return };
    let mode = about.mode() & MODE_BITS;
    if mode & EVERYBODY_BITS == 0 {
        return;
    }
    let own = about.uid() == rustix::process::geteuid().as_raw() && mode & SHARED_BIT == 0;
    let closed = if mode & GROUP_BITS == 0 { FOLDER_MODE } else { mode & !EVERYBODY_BITS };
    if own && holds_only_ours(path) && fs::set_permissions(path, Permissions::from_mode(closed)).is_ok() {
        tracing::info!(
            "the data folder `{}` had mode {mode:04o}; it is closed to others now",
            path.display()
        );
    } else {
        tracing::warn!(
            "the data folder `{}` has mode {mode:04o}, others can reach it; keep nothing else in it and run `chmod 700` on it",
            path.display()
        );
    }
}

fn holds_only_ours(path: &Path) -> bool {
    let ours = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            OUR_NAMES.iter().any(|begin| name.as_encoded_bytes().starts_with(begin.as_bytes()))
        })
    };
    fs::read_dir(path).is_ok_and(|mut entries| entries.all(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & MODE_BITS
    }

    /// The mode that a folder of `before` with these files has afterwards.
    #[track_caller]
    fn check(before: u32, files: &[&str], after: u32) {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        fs::set_permissions(folder.path(), Permissions::from_mode(before)).unwrap();
        close_folder(folder.path());
        assert_eq!(mode(folder.path()), after, "{before:04o} {files:?}");
    }

    #[test]
    fn a_folder_of_ours_that_everybody_reaches_is_closed_and_no_other() {
        let ours = ["tillward.db", "tillward.lock", "audit-checkpoints.jsonl", "lost+found"];
        for (before, after) in
            [(0o755, 0o700), (0o705, 0o700), (0o777, 0o770), (0o2775, 0o2770), (0o750, 0o750), (0o700, 0o700)]
        {
            check(before, &ours, after);
            check(before, &[], after);
        }
        check(0o755, &["tillward.db", "letters.txt"], 0o755);
        check(0o1777, &["tillward.db", "somebodys-own"], 0o1777);
        check(0o1777, &["tillward.db"], 0o1777);
    }

    #[test]
    fn a_new_folder_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/data");
        assert_eq!(make_folder(&path).unwrap(), [path.clone(), folder.path().join("new")]);
        assert_eq!((mode(&path), mode(&folder.path().join("new"))), (0o700, 0o700));
        fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
        assert_eq!(make_folder(&path).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(mode(&path), 0o750);
    }

    #[test]
    fn folders_that_were_made_for_nothing_go_again_unless_something_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let (outer, inner) = (folder.path().join("new"), folder.path().join("new/data"));
        remove_folders(&make_folder(&inner).unwrap());
        assert!(!outer.exists() && folder.path().exists());
        let made = make_folder(&inner).unwrap();
        fs::write(outer.join("letters.txt"), "").unwrap();
        remove_folders(&made);
        assert!(!inner.exists() && outer.exists());
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(make_folder(&folder.path().join("file/data")).is_err());
    }
}
