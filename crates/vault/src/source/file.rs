//! Root keys in files: the present one, the next one while it is rotated, and old ones until they are destroyed.
//!
//! The present key is at `PATH`. A rotation makes `PATH.next`, wraps everything by it, and then renames: `PATH` becomes
//! `PATH.old-NAME`, `PATH.next` becomes `PATH`. Whichever of the renames a crash leaves undone is made good at the next
//! start, since the database says by which key its keys are wrapped. With several nodes, copy `PATH.next` to each of
//! them before the rotation; each renames its own.
//!
//! Custodians' shares give a key without a file ([`FileSource::with_key`]); a rotation then makes `PATH.next`, which is
//! split into new shares and deleted.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::Dice;

use super::{KeyName, KeySource, RootName, SourceError, SourceKind};
use crate::keyfile::{KeyFileError, RootKey};
use crate::keys::KeyBytes;

/// Most old key files that are looked at.
const OLD_FILES_MAX: usize = 64;

/// Root keys in files beside each other.
pub struct FileSource {
    path: PathBuf,
    data_folder: PathBuf,
    keys: Mutex<Vec<RootKey>>,
}

impl FileSource {
    /// Opens the key at `path` and those beside it.
    ///
    /// # Errors
    /// [`KeyFileError`]; [`KeyFileError::Missing`] when neither `path` nor its next key is there.
    pub fn open(path: &Path, data_folder: &Path) -> Result<FileSource, KeyFileError> {
        let source = FileSource::holding(Vec::new(), path, data_folder);
        let mut keys = Vec::new();
        for file in source.files() {
            keys.push(RootKey::load(&file, data_folder)?);
        }
        if !path.exists() && !source.next_path().exists() {
            return Err(KeyFileError::Missing { path: path.to_owned() });
        }
        *source.keys() = keys;
        Ok(source)
    }

    /// Makes the first key at `path`.
    ///
    /// # Errors
    /// Those of [`RootKey::create`].
    pub fn create(path: &Path, data_folder: &Path, dice: &Dice) -> Result<FileSource, KeyFileError> {
        let key = RootKey::create(path, data_folder, dice)?;
        Ok(FileSource::holding(vec![key], path, data_folder))
    }

    /// A key that custodians put together and that is in no file, and whatever files there are beside `path`.
    ///
    /// # Errors
    /// Those of [`RootKey::load`] for a file that is there.
    pub fn with_key(key: RootKey, path: &Path, data_folder: &Path) -> Result<FileSource, KeyFileError> {
        let source = FileSource::holding(vec![key], path, data_folder);
        for file in source.files() {
            let key = RootKey::load(&file, data_folder)?;
            source.keys().push(key);
        }
        Ok(source)
    }

    /// Makes the next key ahead of a rotation, so that it can be copied to every node first.
    ///
    /// # Errors
    /// [`SourceError::File`].
    pub fn make_next(&self, dice: &Dice) -> Result<PathBuf, SourceError> {
        let path = self.next_path();
        if !path.exists() {
            let key = RootKey::create(&path, &self.data_folder, dice).map_err(of_file)?;
            self.keys().push(key);
        }
        Ok(path)
    }

    /// Whether a key is at hand that this database's keys can be wrapped by.
    pub fn holds(&self, root: &RootName) -> bool {
        self.keys().iter().any(|key| key.name() == *root)
    }

    fn holding(keys: Vec<RootKey>, path: &Path, data_folder: &Path) -> FileSource {
        let (path, data_folder) = (path.to_owned(), data_folder.to_owned());
        FileSource { path, data_folder, keys: Mutex::new(keys) }
    }

    fn keys(&self) -> MutexGuard<'_, Vec<RootKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_path(&self) -> PathBuf {
        self.beside(".next")
    }

    fn old_path(&self, root: &RootName) -> PathBuf {
        self.beside(&format!("{OLD}{}", root.as_str().rsplit('/').next().unwrap_or_default()))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or(self.path.as_os_str()).to_owned();
        name.push(suffix);
        self.path.with_file_name(name)
    }

    /// The files there are: the present one first.
    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            [self.path.clone(), self.next_path()].into_iter().filter(|file| file.exists()).collect();
        let prefix = self.beside(OLD).file_name().map(|name| name.to_string_lossy().into_owned());
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
        let is_old = |name: &std::ffi::OsString| {
            prefix.as_ref().is_some_and(|prefix| name.to_string_lossy().starts_with(prefix))
        };
        let old = entries.filter(|entry| is_old(&entry.file_name())).map(|entry| entry.path());
        files.extend(old.take(OLD_FILES_MAX));
        files
    }

    fn key_at(&self, file: &Path) -> Result<Option<RootName>, SourceError> {
        if !file.exists() {
            return Ok(None);
        }
        RootKey::load(file, &self.data_folder).map(|key| Some(key.name())).map_err(of_file)
    }

    /// Does `work` with the key of this name. A file that came since the start is looked at as well.
    fn with<T>(&self, root: &RootName, work: impl FnOnce(&RootKey) -> T) -> Result<T, SourceError> {
        if !root.is_unnamed() && !self.holds(root) {
            for file in self.files() {
                let key = RootKey::load(&file, &self.data_folder).map_err(of_file)?;
                if !self.holds(&key.name()) {
                    self.keys().push(key);
                }
            }
        }
        let keys = self.keys();
        let found = keys.iter().find(|key| root.is_unnamed() || key.name() == *root);
        found.map(work).ok_or_else(|| SourceError::UnknownRoot(root.to_string()))
    }
}

const OLD: &str = ".old-";

impl KeySource for FileSource {
    fn kind(&self) -> SourceKind {
        SourceKind::File
    }

    fn first(&self, _: &Dice) -> Result<RootName, SourceError> {
        let first = self.keys().first().map(RootKey::name);
        first.ok_or_else(|| SourceError::UnknownRoot(self.path.display().to_string()))
    }

    fn next(&self, after: &RootName, dice: &Dice) -> Result<RootName, SourceError> {
        let path = self.make_next(dice)?;
        match self.key_at(&path)? {
            Some(name) if name != *after => self.with(&name, RootKey::name),
            // What waits as the next key is the present one: a copy, or a rotation that was not tidied up.
            _ => Err(SourceError::File(format!(
                "`{}` holds the present key; remove it, a new one is made",
                path.display()
            ))),
        }
    }

    fn wrap(
        &self,
        root: &RootName,
        what: KeyName<'_>,
        key: &KeyBytes,
        _: &Dice,
    ) -> Result<Vec<u8>, SourceError> {
        self.with(root, |held| held.wrap(what.purpose, what.version, key))
    }

    fn unwrap(&self, root: &RootName, what: KeyName<'_>, wrapped: &[u8]) -> Result<KeyBytes, SourceError> {
        self.with(root, |held| held.unwrap(what.purpose, what.version, wrapped))?.ok_or(SourceError::WrongKey)
    }

    fn adopt(&self, root: &RootName) -> Result<(), SourceError> {
        let (present, next) = (self.key_at(&self.path)?, self.next_path());
        if present.as_ref() == Some(root) || self.key_at(&next)?.as_ref() != Some(root) {
            return Ok(());
        }
        if let Some(old) = present {
            fs::rename(&self.path, self.old_path(&old)).map_err(|e| failed(&self.path, "renamed", &e))?;
        }
        fs::rename(&next, &self.path).map_err(|e| failed(&next, "renamed", &e))?;
        sync_folder(&self.path)
    }

    fn destroy(&self, root: &RootName) -> Result<(), SourceError> {
        for file in self.files() {
            if self.key_at(&file)?.as_ref() == Some(root) {
                wipe(&file)?;
            }
        }
        self.keys().retain(|key| key.name() != *root);
        Ok(())
    }
}

/// Overwrites and removes a file. What a disk keeps of an overwritten file is the disk's matter; copies are the owner's.
fn wipe(file: &Path) -> Result<(), SourceError> {
    let length = fs::metadata(file).map(|about| about.len()).unwrap_or_default();
    let zeros = vec![0; usize::try_from(length).unwrap_or_default()];
    let mut open =
        fs::OpenOptions::new().write(true).open(file).map_err(|e| failed(file, "overwritten", &e))?;
    open.write_all(&zeros).and_then(|()| open.sync_all()).map_err(|e| failed(file, "overwritten", &e))?;
    fs::remove_file(file).map_err(|e| failed(file, "removed", &e))?;
    sync_folder(file)
}

fn sync_folder(file: &Path) -> Result<(), SourceError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|e| failed(folder, "made durable", &e))
}

fn failed(file: &Path, doing: &str, why: &std::io::Error) -> SourceError {
    SourceError::File(format!("key file `{}` could not be {doing}: {why}", file.display()))
}

fn of_file(error: KeyFileError) -> SourceError {
    SourceError::File(error.to_string())
}

impl KeySource for RootKey {
    fn kind(&self) -> SourceKind {
        SourceKind::File
    }

    fn first(&self, _: &Dice) -> Result<RootName, SourceError> {
        Ok(self.name())
    }

    fn next(&self, _: &RootName, _: &Dice) -> Result<RootName, SourceError> {
        Err(SourceError::CannotRotate)
    }

    fn wrap(
        &self,
        _: &RootName,
        what: KeyName<'_>,
        key: &KeyBytes,
        _: &Dice,
    ) -> Result<Vec<u8>, SourceError> {
        Ok(RootKey::wrap(self, what.purpose, what.version, key))
    }

    fn unwrap(&self, root: &RootName, what: KeyName<'_>, wrapped: &[u8]) -> Result<KeyBytes, SourceError> {
        if !root.is_unnamed() && *root != self.name() {
            return Err(SourceError::UnknownRoot(root.to_string()));
        }
        RootKey::unwrap(self, what.purpose, what.version, wrapped).ok_or(SourceError::WrongKey)
    }

    fn adopt(&self, _: &RootName) -> Result<(), SourceError> {
        Ok(())
    }

    fn destroy(&self, _: &RootName) -> Result<(), SourceError> {
        Err(SourceError::CannotRotate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    const WHAT: KeyName<'static> = KeyName { purpose: "seal", version: 1 };

    fn folder() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (path, data) = (folder.path().join("root.key"), folder.path().join("data"));
        (folder, path, data)
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path.parent().unwrap()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_rotation_makes_the_next_key_once_and_renames_it_into_place() {
        let (_folder, path, data) = folder();
        let source = FileSource::create(&path, &data, &Dice::System).unwrap();
        let old = source.first(&Dice::System).unwrap();
        let next = source.next(&old, &Dice::System).unwrap();
        assert_eq!(source.next(&old, &Dice::System).unwrap(), next, "asked twice, one key");
        assert_ne!(old, next);
        source.adopt(&next).unwrap();
        source.adopt(&next).unwrap();
        let again = FileSource::open(&path, &data).unwrap();
        assert_eq!(again.first(&Dice::System).unwrap(), next);
        assert!(again.holds(&old), "the old key is there until it is destroyed");
        again.destroy(&old).unwrap();
        assert_eq!(names(&path), ["root.key"]);
        assert!(!FileSource::open(&path, &data).unwrap().holds(&old));
    }

    #[test]
    fn a_crash_between_the_renames_loses_no_key() {
        let (_folder, path, data) = folder();
        let source = FileSource::create(&path, &data, &Dice::System).unwrap();
        let old = source.first(&Dice::System).unwrap();
        let next = source.next(&old, &Dice::System).unwrap();
        fs::rename(&path, source.old_path(&old)).unwrap();
        let again = FileSource::open(&path, &data).unwrap();
        assert!(again.holds(&old) && again.holds(&next));
        again.adopt(&next).unwrap();
        assert_eq!(RootKey::load(&path, &data).unwrap().name(), next);
    }

    #[test]
    fn a_key_file_that_came_later_is_found_when_it_is_needed() {
        let (_folder, path, data) = folder();
        let here = FileSource::create(&path, &data, &Dice::System).unwrap();
        let there = FileSource::open(&path, &data).unwrap();
        let next = here.next(&here.first(&Dice::System).unwrap(), &Dice::System).unwrap();
        let key = Zeroizing::new([5; 32]);
        let wrapped = here.wrap(&next, WHAT, &key, &Dice::System).unwrap();
        assert_eq!(*there.unwrap(&next, WHAT, &wrapped).unwrap(), *key);
        let other = KeyName { version: 2, ..WHAT };
        assert_eq!(there.unwrap(&next, other, &wrapped).err(), Some(SourceError::WrongKey));
    }
}
