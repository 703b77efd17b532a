//! Root keys in files: the present one, the next one while it is rotated, and old ones until they are destroyed.
//!
//! The present key is at `PATH`. A rotation makes `PATH.next`, wraps everything by it, and then renames: `PATH` becomes
//! `PATH.old-NAME`, `PATH.next` becomes `PATH`. Whichever of the renames a crash leaves undone is made good at the next
//! start, since the database says by which key its keys are wrapped. With several nodes, copy `PATH.next` to each of
//! them before the rotation; each renames its own.
//!
//! A key that is destroyed is renamed to `PATH.gone-NAME` before it is overwritten: no start reads that name, and the next
//! destruction of the same key finishes one that was cut. Files beside the present key that cannot be read are stepped
//! over with a warning; they are named again when a key is wanted that none of the others holds.
//!
//! Custodians' shares give a key without a file ([`FileSource::with_key`]); a rotation then makes `PATH.next`, which is
//! split into new shares and deleted.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::Dice;

use super::{KeyName, KeySource, RootName, SourceError, SourceKind};
use crate::keyfile::{KeyFileError, RootKey};
use crate::keys::KeyBytes;
use crate::secret_file::{beside, folder_of, sync_folder};

/// Most old key files that are looked at.
const OLD_FILES_MAX: usize = 64;
const NEXT: &str = ".next";
const OLD: &str = ".old-";
const GONE: &str = ".gone-";

/// Root keys in files beside each other.
pub struct FileSource {
    path: PathBuf,
    data_folder: PathBuf,
    from_shares: bool,
    held: Mutex<Held>,
}

/// The keys at hand, and the files that were stepped over, each with the reason.
#[derive(Default)]
struct Held {
    keys: Vec<RootKey>,
    stepped_over: BTreeMap<PathBuf, String>,
}

impl FileSource {
    /// Opens the key at `path` and those beside it.
    ///
    /// # Errors
    /// [`KeyFileError`] of the present key; [`KeyFileError::Missing`] when neither `path` nor its next key is there.
    pub fn open(path: &Path, data_folder: &Path) -> Result<FileSource, KeyFileError> {
        let source = FileSource::holding(Vec::new(), path, data_folder);
        let present = match RootKey::load(path, data_folder) {
            // A rotation may have been cut between its renames.
            Err(missing @ KeyFileError::Missing { .. }) => {
                match RootKey::load(&source.next_path(), data_folder) {
                    Err(KeyFileError::Missing { .. } | KeyFileError::Blank { .. }) => Err(missing),
                    next => next,
                }
            }
            present => present,
        };
        source.held().keys.push(present?);
        source.look();
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

    /// A key that custodians put together and that is in no file, and whatever keys there are beside `path`.
    pub fn with_key(key: RootKey, path: &Path, data_folder: &Path) -> FileSource {
        let source = FileSource { from_shares: true, ..FileSource::holding(vec![key], path, data_folder) };
        source.look();
        source
    }

    /// Makes the next key ahead of a rotation, so that it can be copied to every node first.
    ///
    /// # Errors
    /// [`SourceError::File`], also when something is in its place that is no key.
    pub fn make_next(&self, dice: &Dice) -> Result<PathBuf, SourceError> {
        let path = self.next_path();
        match RootKey::load(&path, &self.data_folder) {
            Ok(_) => {}
            Err(KeyFileError::Missing { .. } | KeyFileError::Blank { .. }) => {
                let key = RootKey::create(&path, &self.data_folder, dice).map_err(of_file)?;
                self.held().keys.push(key);
            }
            Err(why) => {
                let text = format!("{why}; put it right, or remove it and a new one is made");
                return Err(SourceError::File(text));
            }
        }
        Ok(path)
    }

    /// Whether a key is at hand that this database's keys can be wrapped by.
    pub fn holds(&self, root: &RootName) -> bool {
        self.held().keys.iter().any(|key| key.name() == *root)
    }

    fn holding(keys: Vec<RootKey>, path: &Path, data_folder: &Path) -> FileSource {
        let (path, data_folder) = (path.to_owned(), data_folder.to_owned());
        let held = Mutex::new(Held { keys, ..Held::default() });
        FileSource { path, data_folder, from_shares: false, held }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_path(&self) -> PathBuf {
        beside(&self.path, NEXT)
    }

    fn old_path(&self, root: &RootName) -> PathBuf {
        self.named(OLD, root)
    }

    fn named(&self, prefix: &str, root: &RootName) -> PathBuf {
        let name = root.as_str().rsplit('/').next().unwrap_or_default();
        beside(&self.path, &format!("{prefix}{name}"))
    }

    /// The files there are: the present one first.
    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            [self.path.clone(), self.next_path()].into_iter().filter(|file| file.exists()).collect();
        let prefix = beside(&self.path, OLD).file_name().map(|name| name.to_string_lossy().into_owned());
        let entries = fs::read_dir(folder_of(&self.path)).into_iter().flatten().flatten();
        let is_old = |name: &std::ffi::OsString| {
            prefix.as_ref().is_some_and(|prefix| name.to_string_lossy().starts_with(prefix))
        };
        let old = entries.filter(|entry| is_old(&entry.file_name())).map(|entry| entry.path());
        files.extend(old.take(OLD_FILES_MAX));
        files
    }

    /// Takes the keys of all files, and steps over what is none.
    fn look(&self) {
        for file in self.files() {
            let read = RootKey::load(&file, &self.data_folder);
            let mut held = self.held();
            match read {
                Ok(key) => {
                    held.stepped_over.remove(&file);
                    if !held.keys.iter().any(|other| other.name() == key.name()) {
                        held.keys.push(key);
                    }
                }
                Err(why) => held.step_over(file, &why),
            }
        }
    }

    /// The key in a file; none where the file is not there or holds nothing.
    fn key_at(&self, file: &Path) -> Result<Option<RootName>, SourceError> {
        match RootKey::load(file, &self.data_folder) {
            Ok(key) => Ok(Some(key.name())),
            Err(KeyFileError::Missing { .. } | KeyFileError::Blank { .. }) => Ok(None),
            Err(why) => Err(of_file(why)),
        }
    }

    /// Whether a file holds this key, or held it until an older program was cut while it overwrote it.
    ///
    /// # Errors
    /// [`SourceError::File`] when the file may hold it and is not to be read.
    fn is_of(&self, file: &Path, root: &RootName) -> Result<bool, SourceError> {
        match RootKey::load(file, &self.data_folder) {
            Ok(key) => Ok(key.name() == *root),
            Err(_) if file == self.old_path(root) && file.is_file() => Ok(true),
            Err(why) if why.holds_no_key() => Ok(false),
            Err(why) => Err(of_file(why)),
        }
    }

    /// Does `work` with the key of this name. A file that came since the start is looked at as well.
    fn with<T>(&self, root: &RootName, work: impl FnOnce(&RootKey) -> T) -> Result<T, SourceError> {
        if !root.is_unnamed() && !self.holds(root) {
            self.look();
        }
        let held = self.held();
        let found = held.keys.iter().find(|key| root.is_unnamed() || key.name() == *root);
        found.map(work).ok_or_else(|| held.unknown(root))
    }
}

impl Held {
    /// Says it once for each file and reason.
    fn step_over(&mut self, file: PathBuf, why: &KeyFileError) {
        let why = why.to_string();
        if self.stepped_over.get(&file) != Some(&why) {
            tracing::warn!(alarm = "keys", problem = %why, "a file beside the root key is not used");
            self.stepped_over.insert(file, why);
        }
    }

    /// What is said when a key is in no file: it may have been in one that was stepped over.
    fn unknown(&self, root: &RootName) -> SourceError {
        if self.stepped_over.is_empty() {
            return SourceError::UnknownRoot(root.to_string());
        }
        let whys: Vec<&str> = self.stepped_over.values().map(String::as_str).collect();
        SourceError::File(format!("root key `{root}` is in no file that opens: {}", whys.join("; ")))
    }
}

impl KeySource for FileSource {
    fn kind(&self) -> SourceKind {
        SourceKind::File
    }

    fn first(&self, _: &Dice) -> Result<RootName, SourceError> {
        let first = self.held().keys.first().map(RootKey::name);
        first.ok_or_else(|| SourceError::UnknownRoot(self.path.display().to_string()))
    }

    fn next(&self, after: &RootName, dice: &Dice) -> Result<RootName, SourceError> {
        // What the new key could not take the place of is noticed before anything is wrapped by it.
        self.key_at(&self.path)?;
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
            rename(&self.path, &self.old_path(&old))?;
        }
        rename(&next, &self.path)?;
        if self.from_shares {
            let file = self.path.display().to_string();
            tracing::warn!(
                alarm = "keys",
                file,
                "the new root key lies in this file in plain; split it into new shares, then delete it"
            );
        }
        Ok(())
    }

    fn destroy(&self, root: &RootName) -> Result<(), SourceError> {
        let gone = self.named(GONE, root);
        // One that was cut before.
        if gone.is_file() {
            wipe(&gone)?;
        }
        for file in self.files() {
            if self.is_of(&file, root)? {
                rename(&file, &gone)?;
                wipe(&gone)?;
            }
        }
        self.held().keys.retain(|key| key.name() != *root);
        Ok(())
    }
}

/// Renames a file so that the new name lasts before anything else is done.
fn rename(from: &Path, to: &Path) -> Result<(), SourceError> {
    fs::rename(from, to).map_err(|e| failed(from, "renamed", &e))?;
    keep_names(to)
}

/// Overwrites and removes a file. What a disk keeps of an overwritten file is the disk's matter; copies are the owner's.
fn wipe(file: &Path) -> Result<(), SourceError> {
    let length = fs::metadata(file).map(|about| about.len()).unwrap_or_default();
    let zeros = vec![0; usize::try_from(length).unwrap_or_default()];
    let mut open =
        fs::OpenOptions::new().write(true).open(file).map_err(|e| failed(file, "overwritten", &e))?;
    open.write_all(&zeros).and_then(|()| open.sync_all()).map_err(|e| failed(file, "overwritten", &e))?;
    fs::remove_file(file).map_err(|e| failed(file, "removed", &e))?;
    keep_names(file)
}

fn keep_names(file: &Path) -> Result<(), SourceError> {
    sync_folder(file).map_err(|why| SourceError::File(format!("key file `{}` {why}", file.display())))
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
    use std::os::unix::fs::PermissionsExt;
    use zeroize::Zeroizing;

    const WHAT: KeyName<'static> = KeyName { purpose: "seal", version: 1 };

    fn folder() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (path, data) = (folder.path().join("root.key"), folder.path().join("data"));
        (folder, path, data)
    }

    /// A file of ours with this in it.
    fn plant(file: &Path, content: &[u8]) {
        fs::write(file, content).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
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

    /// What a cut, a full disk or a hand may leave beside a key.
    const LEFT: [&[u8]; 4] = [b"", &[0; 94], b"junk", &[0xFF; 94]];

    #[test]
    fn c47_what_a_cut_left_beside_the_key_stops_no_start() {
        for left in LEFT {
            let (_folder, path, data) = folder();
            let present = FileSource::create(&path, &data, &Dice::System).unwrap();
            let present = present.first(&Dice::System).unwrap();
            for name in [".next", ".old-x", ".old-0011223344556677", ".part-7", ".gone-7"] {
                plant(&beside(&path, name), left);
            }
            fs::create_dir(beside(&path, ".old-folder")).unwrap();
            assert_eq!(FileSource::open(&path, &data).unwrap().first(&Dice::System), Ok(present));
            // Shares need no file at all: what is left of a deleted key file is stepped over too.
            plant(&path, left);
            let key = RootKey::from_bytes([7; 32]);
            let name = key.name();
            let source = FileSource::with_key(key, &path, &data);
            assert_eq!(source.first(&Dice::System), Ok(name));
        }
    }

    #[test]
    fn a_key_that_is_wanted_and_in_no_file_names_what_was_stepped_over() {
        let (_folder, path, data) = folder();
        FileSource::create(&path, &data, &Dice::System).unwrap();
        let next = beside(&path, ".next");
        plant(&next, b"planted");
        let source = FileSource::open(&path, &data).unwrap();
        let wanted = RootName::new("file/0011223344556677".to_owned());
        let refused = source.unwrap(&wanted, WHAT, &[]).err().unwrap().to_string();
        assert!(refused.contains(&next.display().to_string()) && refused.contains("7 bytes"), "{refused}");
        assert!(refused.contains(wanted.as_str()) && !refused.contains("planted"), "{refused}");
        fs::remove_file(&next).unwrap();
        let source = FileSource::open(&path, &data).unwrap();
        assert_eq!(
            source.unwrap(&wanted, WHAT, &[]).err(),
            Some(SourceError::UnknownRoot(wanted.to_string()))
        );
    }

    #[test]
    fn c47_a_next_key_that_holds_nothing_is_made_anew_and_junk_is_named_before_anything_is_wrapped() {
        for (left, refused) in LEFT.into_iter().zip([false, false, true, true]) {
            let (_folder, path, data) = folder();
            FileSource::create(&path, &data, &Dice::System).unwrap();
            plant(&beside(&path, ".next"), left);
            let source = FileSource::open(&path, &data).unwrap();
            let old = source.first(&Dice::System).unwrap();
            let next = source.next(&old, &Dice::System);
            if refused {
                let text = next.unwrap_err().to_string();
                assert!(text.contains("root.key.next") && text.contains("remove it"), "{text}");
                fs::remove_file(beside(&path, ".next")).unwrap();
                continue;
            }
            source.adopt(&next.clone().unwrap()).unwrap();
            assert_eq!(FileSource::open(&path, &data).unwrap().first(&Dice::System), next);
        }
    }

    #[test]
    fn c47_a_rotation_with_shares_takes_the_place_of_an_empty_file_and_of_no_other() {
        for (left, refused) in LEFT.into_iter().zip([false, false, true, true]) {
            let (_folder, path, data) = folder();
            plant(&path, left);
            let source = FileSource::with_key(RootKey::from_bytes([7; 32]), &path, &data);
            let old = source.first(&Dice::System).unwrap();
            let next = source.next(&old, &Dice::System);
            if refused {
                assert!(next.unwrap_err().to_string().contains("root.key"));
                assert_eq!(names(&path), ["root.key"], "nothing was made");
                continue;
            }
            source.adopt(&next.clone().unwrap()).unwrap();
            assert_eq!(FileSource::open(&path, &data).unwrap().first(&Dice::System), next);
            source.destroy(&old).unwrap();
            assert!(!source.holds(&old));
        }
    }

    #[test]
    fn c47_a_destruction_that_was_cut_is_finished_by_the_next() {
        let (_folder, path, data) = folder();
        let source = FileSource::create(&path, &data, &Dice::System).unwrap();
        let old = source.first(&Dice::System).unwrap();
        let next = source.next(&old, &Dice::System).unwrap();
        source.adopt(&next).unwrap();
        let (old_file, gone) = (source.old_path(&old), source.named(GONE, &old));
        let whole = fs::read(&old_file).unwrap();
        // Cut after the renaming, within the overwriting, and where an older program overwrote it.
        for (file, left) in [(&gone, &whole[..]), (&gone, &[0; 94]), (&old_file, &[0; 94]), (&old_file, b"")]
        {
            let _ = fs::remove_file(&old_file);
            plant(file, left);
            let again = FileSource::open(&path, &data).unwrap();
            assert!(!again.holds(&old), "what was to be destroyed is not used again");
            again.destroy(&old).unwrap();
            assert_eq!(names(&path), ["root.key"]);
            again.destroy(&old).unwrap();
        }
    }

    #[test]
    fn c47_a_destruction_steps_over_what_is_no_key_and_not_over_what_may_be_one() {
        let (_folder, path, data) = folder();
        let source = FileSource::create(&path, &data, &Dice::System).unwrap();
        let old = source.first(&Dice::System).unwrap();
        let next = source.next(&old, &Dice::System).unwrap();
        source.adopt(&next).unwrap();
        plant(&beside(&path, ".old-junk"), b"junk");
        let copy = beside(&path, ".old-copy");
        fs::copy(source.old_path(&old), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = source.destroy(&old).unwrap_err().to_string();
        assert!(refused.contains("mode 0644"), "{refused}");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
        source.destroy(&old).unwrap();
        assert_eq!(names(&path), ["root.key", "root.key.old-junk"]);
    }
}
