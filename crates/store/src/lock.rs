//! The lock file beside the embedded database: one process at a time.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Holds the database for one process: a second one would break the promise that batches see each other.
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
    made: bool,
}

impl Lock {
    /// Takes it, making the file where it is not there. What is in the file stays.
    ///
    /// # Errors
    /// [`Error::Refused`] while another process has it, and when there can be no such file.
    pub(crate) fn take(database: &Path) -> Result<Lock, Error> {
        let path = database.with_extension("lock");
        let (file, made) = open_or_make(&path)
            .map_err(|e| Error::Refused(format!("cannot create `{}`: {e}", path.display())))?;
        let lock = Lock { file, path, made };
        if lock.file.try_lock().is_ok() && lock.is_in_place() {
            return Ok(lock);
        }
        let database = database.display();
        Err(Error::Refused(format!("`{database}` is in use by another tillward; stop that one first")))
    }

    /// Removes the file, if it was made for this: a database that was refused is left as it was found.
    pub(crate) fn undo(&self) {
        if self.made && self.is_in_place() {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Whether the file that is locked is still the one with this name: whoever was refused may have removed it between
    /// our opening and our locking it, and a lock on a removed file keeps nobody out.
    fn is_in_place(&self) -> bool {
        let id = |about: io::Result<fs::Metadata>| about.ok().map(|about| (about.dev(), about.ino()));
        let ours = id(self.file.metadata());
        ours.is_some() && ours == id(fs::metadata(&self.path))
    }
}

fn open_or_make(path: &Path) -> io::Result<(File, bool)> {
    match File::options().write(true).create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(problem) if problem.kind() == ErrorKind::AlreadyExists => {
            Ok((File::options().write(true).open(path)?, false))
        }
        Err(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_the_database_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (database, file) = (folder.path().join("x.db"), folder.path().join("x.lock"));
        let first = Lock::take(&database).unwrap();
        let refused = Lock::take(&database).err().unwrap();
        assert!(refused.to_string().contains("is in use by another tillward"), "{refused}");
        assert!(file.exists(), "who was refused takes it from nobody");
        drop(first);
        Lock::take(&database).unwrap().undo();
        assert!(file.exists(), "it was there before");
    }

    #[test]
    fn a_lock_that_is_undone_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (database, file) = (folder.path().join("x.db"), folder.path().join("x.lock"));
        Lock::take(&database).unwrap().undo();
        assert!(!file.exists());
        fs::write(&file, "somebody's").unwrap();
        Lock::take(&database).unwrap().undo();
        assert_eq!(fs::read_to_string(&file).unwrap(), "somebody's");
    }

    #[test]
    fn a_lock_on_a_file_that_was_removed_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(&folder.path().join("x.db")).unwrap();
        assert!(lock.is_in_place());
        fs::remove_file(&lock.path).unwrap();
        assert!(!lock.is_in_place());
        let next = Lock::take(&folder.path().join("x.db")).unwrap();
        assert!(next.is_in_place() && !lock.is_in_place());
        lock.undo();
        assert!(next.is_in_place(), "another's is not removed");
    }
}
