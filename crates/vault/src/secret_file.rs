//! Small files that hold one secret: a root key, a PIN, a token, a share.
//!
//! They are written whole or not at all ([`write_secret_file`]): beside under another name, flushed, and only then put in
//! place. A cut leaves at most a `NAME.part-…` that nobody reads and that may be deleted. They are read only where
//! nobody else reaches them ([`open_private`]); a pipe in their place does not make the program wait.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base::{Dice, Secret};
use rustix::fs::{CWD, OFlags, RenameFlags};
use zeroize::Zeroizing;

use crate::limits::SECRET_FILE_BYTES_MAX;

const FILE_MODE: u32 = 0o600;
const ROOT_USER: u32 = 0;

/// Why a file with a secret was not read or written. No text holds what is in it; the file is named by whoever says this.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// No such file.
    #[error("is missing")]
    Missing,
    /// There is a file already, and it is not overwritten.
    #[error("exists already and is not overwritten")]
    Exists,
    /// A folder on the way to it lets this user not in.
    #[error("cannot be reached: folder `{}` cannot be entered", .0.display())]
    Closed(PathBuf),
    /// A folder, device or pipe.
    #[error("is not a plain file")]
    NotAFile,
    /// It is somebody else's, who can change it at will.
    #[error(
        "belongs to user {owner}, and this program runs as user {ours}; run it as the file's owner, or change the owner with `chown`"
    )]
    Owner {
        /// The number of the user it belongs to.
        owner: u32,
        /// The number of the user of this process.
        ours: u32,
    },
    /// Others may read or write it.
    #[error("has mode {0:04o}, others can reach it; run `chmod 600` on it")]
    Mode(u32),
    /// Longer than any secret of its kind.
    #[error("has more than {0} bytes")]
    Long(usize),
    /// Not UTF-8.
    #[error("is not text")]
    NotText,
    /// Nothing but line breaks.
    #[error("is empty")]
    Empty,
    /// The operating system refused.
    #[error("could not be {doing}: {why}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The system's answer.
        why: io::Error,
    },
}

impl SecretFileError {
    pub(crate) fn io(doing: &'static str) -> impl Fn(io::Error) -> SecretFileError {
        move |why| SecretFileError::Io { doing, why }
    }
}

/// Reads a file of one secret text of at most `bytes_max` bytes, without the line break at its end. Nobody else must be able
/// to reach it.
///
/// # Errors
/// [`SecretFileError`].
pub fn read_secret_file(path: &Path, bytes_max: usize) -> Result<Secret<String>, SecretFileError> {
    let (file, _) = open_private(path)?;
    let raw = read_up_to(file, bytes_max)?;
    if raw.len() > bytes_max {
        return Err(SecretFileError::Long(bytes_max));
    }
    let text = std::str::from_utf8(&raw).map_err(|_| SecretFileError::NotText)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(SecretFileError::Empty) } else { Ok(Secret::new(text.to_owned())) }
}

/// Opens a plain file that belongs to the user of this process, or to the system's first user, and that nobody else reaches.
/// Gives its length in bytes with it.
pub(crate) fn open_private(path: &Path) -> Result<(File, u64), SecretFileError> {
    // Without the flag opening a pipe waits until somebody writes to it.
    let at_once = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(at_once).open(path);
    let file = opened.map_err(|why| not_opened(path, why))?;
    let about = file.metadata().map_err(SecretFileError::io("examined"))?;
    if !about.is_file() {
        return Err(SecretFileError::NotAFile);
    }
    refuse_owner(about.uid(), rustix::process::geteuid().as_raw())?;
    let mode = about.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Mode(mode));
    }
    Ok((file, about.len()))
}

/// Reads at most one byte more than `bytes_max`, so that the caller sees what is too long.
pub(crate) fn read_up_to(file: File, bytes_max: usize) -> Result<Zeroizing<Vec<u8>>, SecretFileError> {
    // Room for all of it from the beginning: a buffer that grows leaves what it held behind.
    let mut raw = Zeroizing::new(Vec::with_capacity(bytes_max + 1));
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut raw).map_err(SecretFileError::io("read"))?;
    Ok(raw)
}

/// Writes a new file for its owner alone, so that it is there whole or not at all. What has content is never overwritten; a
/// file without any, which a cut left, gives way.
///
/// # Errors
/// [`SecretFileError::Exists`], [`SecretFileError::Io`].
pub fn write_secret_file(path: &Path, text: &str, dice: &Dice) -> Result<(), SecretFileError> {
    let part = beside(path, &format!(".part-{:016x}", u64::from_le_bytes(dice.bytes())));
    let written = write_flushed(&part, text).and_then(|()| put_in_place(&part, path));
    // Also after a failure: what a full disk took of it is given back.
    let _ = fs::remove_file(&part);
    written?;
    sync_folder(path)
}

/// The path with something behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or(path.as_os_str()).to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Makes what happened to names in the folder of `path` last.
pub(crate) fn sync_folder(path: &Path) -> Result<(), SecretFileError> {
    let synced = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    synced.map_err(SecretFileError::io("made durable"))
}

/// The folder a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn not_opened(path: &Path, why: io::Error) -> SecretFileError {
    match why.kind() {
        io::ErrorKind::NotFound => SecretFileError::Missing,
        // Whoever may look at the file's entry and not open it is refused by the file, else by a folder.
        io::ErrorKind::PermissionDenied if path.symlink_metadata().is_err() => {
            let folder = path.ancestors().skip(1).find(|folder| folder.symlink_metadata().is_ok());
            SecretFileError::Closed(folder.unwrap_or(Path::new("/")).to_owned())
        }
        _ => SecretFileError::Io { doing: "opened", why },
    }
}

/// Whoever owns a file changes it at will. The system's first user does so with every file anyway.
fn refuse_owner(owner: u32, ours: u32) -> Result<(), SecretFileError> {
    if owner == ours || owner == ROOT_USER { Ok(()) } else { Err(SecretFileError::Owner { owner, ours }) }
}

fn write_flushed(path: &Path, text: &str) -> Result<(), SecretFileError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path);
    let mut file = made.map_err(SecretFileError::io("created"))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(SecretFileError::io("written"))
}

fn put_in_place(part: &Path, path: &Path) -> Result<(), SecretFileError> {
    match place(part, path) {
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
            if !clear_blank(path, &beside(part, ".blank")) {
                return Err(SecretFileError::Exists);
            }
            place(part, path).map_err(SecretFileError::io("put in place"))
        }
        placed => placed.map_err(SecretFileError::io("put in place")),
    }
}

/// Gives `part` its name, unless something has that name already.
fn place(part: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(part, path) {
        // Some file systems, as of memory sticks, know no second names.
        Err(why) if why.kind() != io::ErrorKind::AlreadyExists => {
            Ok(rustix::fs::renameat_with(CWD, part, CWD, path, RenameFlags::NOREPLACE)?)
        }
        linked => linked,
    }
}

/// Removes a file without content. One that another process gave content meanwhile is put back.
fn clear_blank(path: &Path, aside: &Path) -> bool {
    if !is_blank(path) || fs::rename(path, aside).is_err() {
        return false;
    }
    let blank = is_blank(aside);
    let back = if blank { Ok(()) } else { place(aside, path) };
    let _ = back.and_then(|()| fs::remove_file(aside));
    blank
}

/// Whether a file holds nothing: no bytes, or zeros alone.
fn is_blank(path: &Path) -> bool {
    let read = open_private(path).and_then(|(file, _)| read_up_to(file, SECRET_FILE_BYTES_MAX));
    read.is_ok_and(|raw| raw.len() <= SECRET_FILE_BYTES_MAX && raw.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn read(content: &[u8], mode: u32) -> Result<Secret<String>, SecretFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read_secret_file(&path, 8)
    }

    #[test]
    fn a_secret_file_is_read_without_its_line_break() {
        assert_eq!(read(b"1234567\n", 0o600).unwrap().expose(), "1234567");
        assert_eq!(read(b"12345678", 0o400).unwrap().expose(), "12345678");
    }

    #[test]
    fn refusals_say_why_and_never_what() {
        for (content, mode, why) in [
            (&b"planted!"[..], 0o640, "mode 0640"),
            (b"planted!!", 0o600, "more than 8"),
            (b"\n", 0o600, "empty"),
            (b"\xFF\xFE", 0o600, "not text"),
        ] {
            let refused = read(content, mode).unwrap_err().to_string();
            assert!(refused.contains(why) && !refused.contains("planted"), "{refused}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_secret_file(folder.path(), 8), Err(SecretFileError::NotAFile)));
        let missing = read_secret_file(&folder.path().join("none"), 8);
        assert!(matches!(missing, Err(SecretFileError::Missing)));
    }

    #[test]
    fn c46_a_pipe_in_place_of_a_secret_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        let (done, answer) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(read_secret_file(&pipe, 8).map(drop)));
        let refused = answer.recv_timeout(std::time::Duration::from_secs(10)).expect("it hangs");
        assert!(matches!(refused, Err(SecretFileError::NotAFile)), "{refused:?}");
    }

    #[test]
    fn c46_a_secret_file_of_another_user_is_refused() {
        for (owner, ours) in [(0, 0), (1000, 1000), (0, 1000)] {
            assert!(refuse_owner(owner, ours).is_ok(), "{owner} {ours}");
        }
        for (owner, ours) in [(1000, 0), (1001, 1000)] {
            let refused = refuse_owner(owner, ours).unwrap_err().to_string();
            assert!(refused.contains(&format!("user {owner}, and this program runs as user {ours}")));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write_secret_file(&path, "planted", &Dice::System).unwrap();
        // Only the system's first user gives files away.
        if std::os::unix::fs::chown(&path, Some(1), None).is_ok() {
            assert!(matches!(read_secret_file(&path, 8), Err(SecretFileError::Owner { owner: 1, .. })));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_entered_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        write_secret_file(&closed.join("secret"), "planted", &Dice::System).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        if rustix::process::geteuid().is_root() {
            // The first user enters every folder: what is said of a file that is there and refused.
            let refused = not_opened(&closed.join("secret"), denied()).to_string();
            assert!(refused.contains("could not be opened"), "{refused}");
            let refused = not_opened(&closed.join("none"), denied()).to_string();
            assert!(refused.contains(&format!("folder `{}` cannot be entered", closed.display())));
        } else {
            let refused = read_secret_file(&closed.join("secret"), 8).unwrap_err().to_string();
            assert!(refused.contains(&format!("folder `{}` cannot be entered", closed.display())));
        }
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn what_has_content_is_never_overwritten_and_what_has_none_gives_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for blank in [&b""[..], &[0; 94]] {
            fs::write(&path, blank).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            write_secret_file(&path, "planted", &Dice::System).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"planted");
            let again = write_secret_file(&path, "another", &Dice::System);
            assert!(matches!(again, Err(SecretFileError::Exists)), "{again:?}");
            assert_eq!(fs::read(&path).unwrap(), b"planted");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
            fs::remove_file(&path).unwrap();
        }
    }

    const FULL: &str = "TILLWARD_FULL_DISK_OF_TEST";

    /// The test runs itself again where no file may grow, as on a full disk; a shell makes that so.
    #[test]
    fn c47_a_full_disk_leaves_nothing_that_refuses_the_next_try() {
        if let Some(path) = std::env::var_os(FULL) {
            let full = write_secret_file(Path::new(&path), "planted", &Dice::System);
            let full = full.unwrap_err().to_string();
            assert!(full.contains("could not be written: ") && !full.contains("planted"), "{full}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let name = "secret_file::tests::c47_a_full_disk_leaves_nothing_that_refuses_the_next_try";
        let run = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(FULL, &path)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && printed.contains("1 passed"), "{printed}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
        write_secret_file(&path, "planted", &Dice::System).unwrap();
    }
}
