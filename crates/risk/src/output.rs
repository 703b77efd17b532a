//! Output files: there whole, or not at all.
//!
//! What is written goes into a new file beside its place, and is moved there once it is on disk. A symbolic link stays,
//! and what it points to is replaced. Whatever is no regular file (a folder, a pipe, a device) is refused and left as
//! it is, and a file that happens to lie beside the place is never touched.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Buffered before it is written.
const BUFFER_BYTES: usize = 256 * 1024;
/// Names that are tried for the file beside; those of runs that were killed are taken.
const PART_NAMES_MAX: u32 = 100;
/// Links that are followed one after the other, as many as Linux follows.
const LINKS_MAX: usize = 40;
/// Who may read and write the file, of all the bits of its mode.
const PERMISSION_BITS: u32 = 0o777;
/// What a new file is made with, less what the process takes away.
const NEW_FILE_MODE: u32 = 0o666;

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A folder, a pipe or a device: putting a file in its place would destroy it.
    #[error("`{}` is not a regular file; name another", .0.display())]
    NotRegular(PathBuf),
    /// The operating system refused.
    #[error("`{}` cannot be written", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Where a file named `path` is or would be made, with every symbolic link resolved. Changes nothing.
///
/// # Errors
/// [`OutputError::NotRegular`] for what is there and is no regular file; [`OutputError::Io`] when its folder is not
/// there or cannot be searched.
pub fn find_place(path: &Path) -> Result<PathBuf, OutputError> {
    let found = match fs::metadata(path) {
        Ok(about) if about.is_file() => fs::canonicalize(path),
        Ok(_) => return Err(OutputError::NotRegular(path.to_owned())),
        Err(problem) if problem.kind() == ErrorKind::NotFound => place_of_new(path),
        Err(problem) => Err(problem),
    };
    found.map_err(|source| OutputError::Io { path: path.to_owned(), source })
}

/// Where a file that is not there would be made; a link may point to it.
fn place_of_new(path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(ErrorKind::NotADirectory.into());
    }
    let mut at = path.to_owned();
    for _ in 0..LINKS_MAX {
        let folder = at.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = fs::canonicalize(folder)?;
        let place = folder.join(at.file_name().ok_or(ErrorKind::InvalidInput)?);
        match fs::read_link(&place) {
            Ok(target) => at = folder.join(target),
            Err(_) => return Ok(place),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Writes `bytes` to `path`: whole or not at all.
///
/// # Errors
/// [`OutputError`]; what was there before is there then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let mut output = Output::create(path)?;
    output.append(bytes)?;
    output.finish()
}

/// A file that is being written beside its place. Dropped before [`Output::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Output {
    named: PathBuf,
    place: PathBuf,
    part: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Output {
    /// Begins a file. One that is replaced hands its permissions down.
    ///
    /// # Errors
    /// Those of [`find_place`]; [`OutputError::Io`] when nothing can be made in the folder.
    pub fn create(path: &Path) -> Result<Output, OutputError> {
        let place = find_place(path)?;
        let failed = |source| OutputError::Io { path: path.to_owned(), source };
        let old = fs::metadata(&place).ok().map(|old| old.permissions().mode() & PERMISSION_BITS);
        // Never wider than the old one, not even for a moment.
        let (part, file) = create_beside(&place, old.unwrap_or(NEW_FILE_MODE)).map_err(failed)?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        let output = Output { named: path.to_owned(), place, part, file: Some(file) };
        if let (Some(old), Some(file)) = (old, &output.file) {
            file.get_ref().set_permissions(Permissions::from_mode(old)).map_err(failed)?;
        }
        Ok(output)
    }

    /// Writes more.
    ///
    /// # Errors
    /// [`OutputError::Io`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.write_all(bytes).map_err(|source| OutputError::Io { path: self.named.clone(), source })
    }

    /// Moves it to its place, once all of it is on disk.
    ///
    /// # Errors
    /// [`OutputError::Io`]; nothing is left of it then.
    pub fn finish(mut self) -> Result<(), OutputError> {
        let done = self.flush().and_then(|()| self.file.as_ref().map_or(Ok(()), |f| f.get_ref().sync_all()));
        let done = done.and_then(|()| fs::rename(&self.part, &self.place)).and_then(|()| self.keep_name());
        if done.is_ok() {
            self.file = None;
        }
        done.map_err(|source| OutputError::Io { path: self.named.clone(), source })
    }
}

impl Output {
    /// Flushes the folder, so that the file's name outlasts a power cut too.
    fn keep_name(&self) -> io::Result<()> {
        self.place.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// A new file in the folder of `place`, under a name that nothing has.
fn create_beside(place: &Path, mode: u32) -> io::Result<(PathBuf, File)> {
    let mut taken = ErrorKind::AlreadyExists.into();
    for number in 1..=PART_NAMES_MAX {
        let mut name = place.as_os_str().to_owned();
        name.push(if number == 1 { ".part".to_owned() } else { format!(".part{number}") });
        let part = PathBuf::from(name);
        match File::options().write(true).create_new(true).mode(mode).open(&part) {
            Ok(file) => return Ok((part, file)),
            Err(problem) if problem.kind() == ErrorKind::AlreadyExists => taken = problem,
            Err(problem) => return Err(problem),
        }
    }
    Err(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, symlink};

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut output = Output::create(&path).unwrap();
        output.append(b"half").unwrap();
        assert_eq!(names(folder.path()), ["x.part"]);
        drop(output);
        assert_eq!(names(folder.path()), Vec::<String>::new());
        write_whole(&path, b"whole").unwrap();
        write_whole(&path, b"again").unwrap();
        assert_eq!(
            (names(folder.path()), fs::read(&path).unwrap()),
            (vec!["x".to_owned()], b"again".to_vec())
        );
    }

    #[test]
    fn a_file_that_is_replaced_hands_its_permissions_down() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for mode in [0o600, 0o640] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            write_whole(&path, b"new").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
    }

    #[test]
    fn a_link_stays_and_what_it_points_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (at, real) = (folder.path(), folder.path().join("real"));
        fs::create_dir(at.join("there")).unwrap();
        fs::write(&real, "old").unwrap();
        symlink("real", at.join("link")).unwrap();
        symlink("link", at.join("twice")).unwrap();
        symlink("there/new", at.join("ahead")).unwrap();
        for (link, target) in [("link", "real"), ("twice", "real"), ("ahead", "there/new")] {
            write_whole(&at.join(link), link.as_bytes()).unwrap();
            assert!(fs::symlink_metadata(at.join(link)).unwrap().is_symlink(), "{link}");
            assert_eq!(fs::read_to_string(at.join(target)).unwrap(), link);
            assert!(!fs::symlink_metadata(at.join(target)).unwrap().is_symlink(), "{target}");
        }
        assert_eq!(names(at), ["ahead", "link", "real", "there", "twice"]);
        symlink("round", at.join("round")).unwrap();
        assert!(matches!(find_place(&at.join("round")), Err(OutputError::Io { .. })));
    }

    #[test]
    fn what_is_no_regular_file_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let pipe = at.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        symlink("pipe", at.join("link")).unwrap();
        fs::create_dir(at.join("folder")).unwrap();
        let before = names(at);
        for name in ["pipe", "link", "folder", "folder/"] {
            let path = at.join(name);
            let refused = write_whole(&path, b"x").unwrap_err();
            assert!(matches!(refused, OutputError::NotRegular(_)), "{refused}");
            let said = format!("`{}` is not a regular file; name another", path.display());
            assert_eq!(refused.to_string(), said);
        }
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        for name in ["none/x", "none/"] {
            assert!(matches!(find_place(&at.join(name)), Err(OutputError::Io { .. })), "{name}");
        }
        assert_eq!(names(at), before);
    }

    #[test]
    fn what_lies_beside_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (at, path) = (folder.path(), folder.path().join("x"));
        fs::write(at.join("x.part"), "mine").unwrap();
        write_whole(&path, b"x").unwrap();
        assert_eq!(fs::read_to_string(at.join("x.part")).unwrap(), "mine");
        for number in 2..=PART_NAMES_MAX {
            fs::write(at.join(format!("x.part{number}")), "mine").unwrap();
        }
        assert!(matches!(write_whole(&path, b"y"), Err(OutputError::Io { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "x");
    }
}
