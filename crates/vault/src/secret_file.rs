//! Small files that hold one secret: a PIN, a token, a share.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base::Secret;
use zeroize::Zeroizing;

/// Reads a file of one secret text, without the line break at its end. Others must not be able to read it. The message
/// of a refusal names the file and never its content.
pub(crate) fn read_secret_file(path: &Path, what: &str, bytes_max: usize) -> Result<Secret<String>, String> {
    let refused = |why: String| format!("{what} file `{}` {why}", path.display());
    let file = File::open(path).map_err(|e| refused(format!("cannot be opened: {e}")))?;
    let about = file.metadata().map_err(|e| refused(format!("cannot be examined: {e}")))?;
    if !about.is_file() {
        return Err(refused("is not a plain file".to_owned()));
    }
    let mode = about.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(refused(format!("has mode {mode:04o}, others can reach it; run `chmod 600` on it")));
    }
    let mut raw = Zeroizing::new(Vec::with_capacity(bytes_max + 1));
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut raw).map_err(|e| refused(format!("cannot be read: {e}")))?;
    if raw.len() > bytes_max {
        return Err(refused(format!("has more than {bytes_max} bytes")));
    }
    let text = std::str::from_utf8(&raw).map_err(|_| refused("is not text".to_owned()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() { Err(refused("is empty".to_owned())) } else { Ok(Secret::new(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(content: &[u8], mode: u32) -> Result<Secret<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read_secret_file(&path, "PIN", 8)
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
            let refused = read(content, mode).unwrap_err();
            assert!(refused.contains(why) && !refused.contains("planted"), "{refused}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(read_secret_file(folder.path(), "PIN", 8).unwrap_err().contains("not a plain file"));
    }
}
