//! The root key in a file of its own: made once, readable by its owner only, outside the data folder.
//!
//! The file is one line of 94 bytes, `TILLWARD-ROOT-KEY-1:<64 hex digits>:<8 hex digits>`. The last part is the start
//! of a SHA-256 over the line before it, so a typing error in a copy kept on paper is noticed. Whoever loses the
//! file loses the data; whoever copies file and database has both.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use base::Dice;
use zeroize::Zeroizing;

use crate::keys::{self, KEY_BYTES, KeyBytes};
use crate::secret_file::{SecretFileError, folder_of, open_private, read_up_to, write_secret_file};
use crate::source::RootName;

const PREFIX: &str = "TILLWARD-ROOT-KEY-1:";
const CHECK_BYTES: usize = 4;
const NAME_BYTES: usize = 8;
const FILE_BYTES: usize = PREFIX.len() + 2 * KEY_BYTES + 1 + 2 * CHECK_BYTES + 1;
const FOLDER_MODE: u32 = 0o700;

/// The key everything else hangs from. It only wraps and unwraps other keys.
pub struct RootKey {
    key: KeyBytes,
}

impl RootKey {
    /// Makes a new key and writes it to `path`, which must not exist yet. Missing folders are made, for the owner only.
    ///
    /// # Errors
    /// [`KeyFileError::InsideData`] when `path` lies in `data_folder`, [`KeyFileError::File`].
    pub fn create(path: &Path, data_folder: &Path, dice: &Dice) -> Result<RootKey, KeyFileError> {
        refuse_inside(path, data_folder)?;
        let key: KeyBytes = Zeroizing::new(dice.bytes());
        write_new(path, &print_text(&key), dice)?;
        Ok(RootKey { key })
    }

    /// Refuses a place for a key, before anything is made there.
    ///
    /// # Errors
    /// [`KeyFileError::InsideData`] when `path` lies in `data_folder`, whether or not either is there yet.
    pub fn check_place(path: &Path, data_folder: &Path) -> Result<(), KeyFileError> {
        refuse_inside(path, data_folder)
    }

    /// Reads the key from `path`.
    ///
    /// # Errors
    /// [`KeyFileError::InsideData`], [`KeyFileError::Missing`], [`KeyFileError::Blank`], [`KeyFileError::Size`],
    /// [`KeyFileError::Content`], and [`KeyFileError::File`] when it is no plain file, is somebody else's, others reach it,
    /// or the system refuses.
    pub fn load(path: &Path, data_folder: &Path) -> Result<RootKey, KeyFileError> {
        refuse_inside(path, data_folder)?;
        let text = read_checked(path)?;
        let key = parse_text(&text).ok_or_else(|| KeyFileError::Content { path: path.to_owned() })?;
        Ok(RootKey { key })
    }

    /// A key from bytes, for tests and simulations that keep no file.
    pub fn from_bytes(key: [u8; KEY_BYTES]) -> RootKey {
        RootKey { key: Zeroizing::new(key) }
    }

    /// What it is called: derived from it, and says nothing about it.
    pub fn name(&self) -> RootName {
        let hash = keys::derive(&self.key, "root name", &[]);
        let head = hash.first_chunk::<NAME_BYTES>().map_or(&[][..], |head| head.as_slice());
        RootName::new(format!("file/{}", *keys::to_hex(head)))
    }

    /// The key itself, to be split into shares or written into a file.
    pub(crate) fn bytes(&self) -> &KeyBytes {
        &self.key
    }

    /// Writes the key into a file of its own, as [`RootKey::create`] does.
    ///
    /// # Errors
    /// As [`RootKey::create`].
    pub fn save(&self, path: &Path, data_folder: &Path, dice: &Dice) -> Result<(), KeyFileError> {
        refuse_inside(path, data_folder)?;
        write_new(path, &print_text(&self.key), dice)
    }

    /// Wraps `key` for storage. `purpose` and `version` are bound in: a wrapped key cannot pass for another one.
    pub(crate) fn wrap(&self, purpose: &str, version: i64, key: &KeyBytes) -> Vec<u8> {
        keys::wrap(&self.wrapping_key(purpose, version), key.as_slice())
    }

    /// Opens what [`RootKey::wrap`] made for the same purpose and version; `None` for anything else.
    pub(crate) fn unwrap(&self, purpose: &str, version: i64, wrapped: &[u8]) -> Option<KeyBytes> {
        let plain = keys::unwrap(&self.wrapping_key(purpose, version), wrapped)?;
        plain.as_slice().try_into().ok().map(Zeroizing::new)
    }

    fn wrapping_key(&self, purpose: &str, version: i64) -> KeyBytes {
        keys::derive(&self.key, "root wraps", &[purpose.as_bytes(), &version.to_be_bytes()])
    }
}

/// Why a key file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The key would lie beside the data it protects.
    #[error("key file `{}` is inside the data folder; keep it elsewhere, so that a copy of the data is not a copy of the key", path.display())]
    InsideData {
        /// The file.
        path: PathBuf,
    },
    /// No such file.
    #[error("key file `{}` is missing; without it the sealed data cannot be opened, restore it from its copy", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// No bytes, or zeros alone: what a cut leaves of a file that was being written or wiped.
    #[error("key file `{}` holds nothing; it was cut while it was written or destroyed, restore it from its copy", path.display())]
    Blank {
        /// The file.
        path: PathBuf,
    },
    /// Too short or too long.
    #[error("key file `{}` has {bytes} bytes where {FILE_BYTES} belong; it is not a Tillward key file or is cut off", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Right size, but not a key or a mistyped one.
    #[error("key file `{}` is not a Tillward root key, or a letter of it is wrong", path.display())]
    Content {
        /// The file.
        path: PathBuf,
    },
    /// It could not be read or written, for a reason that any file with a secret may have.
    #[error("key file `{}` {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: SecretFileError,
    },
}

impl KeyFileError {
    fn of(path: &Path) -> impl Fn(SecretFileError) -> KeyFileError {
        move |why| match why {
            SecretFileError::Missing => KeyFileError::Missing { path: path.to_owned() },
            why => KeyFileError::File { path: path.to_owned(), why },
        }
    }

    /// Whether it is certain that no key is in there: it was looked at, or there is nothing to look at.
    pub(crate) fn holds_no_key(&self) -> bool {
        match self {
            KeyFileError::Missing { .. }
            | KeyFileError::Blank { .. }
            | KeyFileError::Size { .. }
            | KeyFileError::Content { .. } => true,
            KeyFileError::File { why, .. } => matches!(why, SecretFileError::NotAFile),
            KeyFileError::InsideData { .. } => false,
        }
    }
}

fn refuse_inside(path: &Path, data_folder: &Path) -> Result<(), KeyFileError> {
    let inside = resolved(path).starts_with(resolved(data_folder));
    if inside { Err(KeyFileError::InsideData { path: path.to_owned() }) } else { Ok(()) }
}

/// The path with the symbolic links of its longest existing part resolved.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for part in absolute.ancestors() {
        if let Ok(real) = part.canonicalize() {
            return real.join(absolute.strip_prefix(part).unwrap_or(Path::new("")));
        }
    }
    absolute
}

fn write_new(path: &Path, text: &str, dice: &Dice) -> Result<(), KeyFileError> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder_of(path));
    made.map_err(SecretFileError::io("given a folder"))
        .and_then(|()| write_secret_file(path, text, dice))
        .map_err(KeyFileError::of(path))
}

fn read_checked(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let (file, bytes) = open_private(path).map_err(KeyFileError::of(path))?;
    if bytes != 0 && bytes != FILE_BYTES as u64 {
        return Err(KeyFileError::Size { path: path.to_owned(), bytes });
    }
    let raw = read_up_to(file, FILE_BYTES).map_err(KeyFileError::of(path))?;
    if raw.iter().all(|byte| *byte == 0) {
        return Err(KeyFileError::Blank { path: path.to_owned() });
    }
    let text = std::str::from_utf8(&raw).map_err(|_| KeyFileError::Content { path: path.to_owned() })?;
    Ok(Zeroizing::new(text.to_owned()))
}

pub(crate) fn print_text(key: &KeyBytes) -> Zeroizing<String> {
    // Room for all of it from the beginning: a text that grows leaves what it held behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES));
    text.push_str(PREFIX);
    text.push_str(&keys::to_hex(key.as_slice()));
    let check = check_of(&text);
    text.extend([":", check.as_str(), "\n"]);
    text
}

pub(crate) fn parse_text(text: &str) -> Option<KeyBytes> {
    let (line, check) = text.strip_suffix('\n')?.rsplit_once(':')?;
    if check != check_of(line).as_str() {
        return None;
    }
    keys::from_hex(line.strip_prefix(PREFIX)?)
}

fn check_of(line: &str) -> Zeroizing<String> {
    let hash = digest::digest(&digest::SHA256, line.as_bytes());
    keys::to_hex(hash.as_ref().first_chunk::<CHECK_BYTES>().map_or(&[], |head| head.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    struct Folders {
        _root: tempfile::TempDir,
        data: PathBuf,
        key: PathBuf,
    }

    fn folders() -> Folders {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        fs::create_dir(&data).unwrap();
        let key = root.path().join("keys").join("root.key");
        Folders { _root: root, data, key }
    }

    #[test]
    fn a_new_key_file_is_for_its_owner_only_and_loads_again() {
        let at = folders();
        let made = RootKey::create(&at.key, &at.data, &Dice::System).unwrap();
        let about = fs::metadata(&at.key).unwrap();
        assert_eq!(about.permissions().mode() & 0o7777, 0o600);
        assert_eq!(about.len(), FILE_BYTES as u64);
        let loaded = RootKey::load(&at.key, &at.data).unwrap();
        assert_eq!(*made.key, *loaded.key);
    }

    #[test]
    fn an_existing_key_file_is_never_overwritten() {
        let at = folders();
        RootKey::create(&at.key, &at.data, &Dice::System).unwrap();
        let before = fs::read(&at.key).unwrap();
        let again = RootKey::create(&at.key, &at.data, &Dice::System);
        let exists = |why: &SecretFileError| matches!(why, SecretFileError::Exists);
        assert!(matches!(again, Err(KeyFileError::File { why, .. }) if exists(&why)));
        assert_eq!(fs::read(&at.key).unwrap(), before);
    }

    #[test]
    fn a_key_file_inside_the_data_folder_is_refused_also_behind_a_link() {
        let at = folders();
        let inside = at.data.join("deep").join("root.key");
        assert!(matches!(
            RootKey::create(&inside, &at.data, &Dice::System),
            Err(KeyFileError::InsideData { .. })
        ));
        let link = at.key.parent().unwrap().to_owned();
        std::os::unix::fs::symlink(&at.data, &link).unwrap();
        assert!(matches!(
            RootKey::create(&at.key, &at.data, &Dice::System),
            Err(KeyFileError::InsideData { .. })
        ));
    }

    #[test]
    fn a_key_file_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o620, 0o601] {
            let at = folders();
            RootKey::create(&at.key, &at.data, &Dice::System).unwrap();
            fs::set_permissions(&at.key, fs::Permissions::from_mode(mode)).unwrap();
            let refused = RootKey::load(&at.key, &at.data).err().unwrap();
            assert!(refused.to_string().contains(&format!("mode {mode:04o}")), "{refused}");
        }
    }

    #[test]
    fn wrong_files_are_refused_with_a_reason() {
        let at = folders();
        let load = |content: &[u8]| {
            fs::create_dir_all(at.key.parent().unwrap()).unwrap();
            let _ = fs::remove_file(&at.key);
            fs::write(&at.key, content).unwrap();
            fs::set_permissions(&at.key, fs::Permissions::from_mode(0o600)).unwrap();
            RootKey::load(&at.key, &at.data).err().unwrap()
        };
        for blank in [&b""[..], &[0; FILE_BYTES]] {
            assert!(matches!(load(blank), KeyFileError::Blank { .. }));
        }
        assert!(matches!(load(&[b'x'; FILE_BYTES - 1]), KeyFileError::Size { .. }));
        assert!(matches!(load(&[b'x'; FILE_BYTES + 1]), KeyFileError::Size { .. }));
        assert!(matches!(load(&[0xFF; FILE_BYTES]), KeyFileError::Content { .. }));
        let good = print_text(&Zeroizing::new([7; KEY_BYTES])).to_string();
        let mistyped = good.replacen("07", "08", 1);
        assert!(matches!(load(mistyped.as_bytes()), KeyFileError::Content { .. }));
        fs::remove_file(&at.key).unwrap();
        assert!(matches!(RootKey::load(&at.key, &at.data), Err(KeyFileError::Missing { .. })));
        fs::create_dir(&at.key).unwrap();
        let refused = RootKey::load(&at.key, &at.data).err().unwrap();
        assert!(refused.to_string().contains("not a plain file"), "{refused}");
    }

    #[test]
    fn a_wrapped_key_opens_for_its_purpose_and_version_only() {
        let root = RootKey::from_bytes([1; KEY_BYTES]);
        let wrapped = root.wrap("seal", 1, &Zeroizing::new([9; KEY_BYTES]));
        assert_eq!(root.unwrap("seal", 1, &wrapped).as_deref(), Some(&[9; KEY_BYTES]));
        assert!(root.unwrap("derive", 1, &wrapped).is_none());
        assert!(root.unwrap("seal", 2, &wrapped).is_none());
        assert!(RootKey::from_bytes([2; KEY_BYTES]).unwrap("seal", 1, &wrapped).is_none());
    }
}
