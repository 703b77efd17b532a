//! Files that a setting names, read whole, each up to a limit of its own.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A file of at most `bytes_max`; a larger one is not even read to its end. The error is a clause that goes behind the
/// setting and the file, which the caller names.
pub(crate) fn read_at_most(path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| e.to_string())?;
    file.take(limit).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() <= bytes_max { Ok(bytes) } else { Err(format!("it must have at most {bytes_max} bytes")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(read_at_most(&path, 3).unwrap_err().contains("No such file"));
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read_at_most(&path, 3), Ok(b"abc".to_vec()));
        assert_eq!(read_at_most(&path, 2), Err("it must have at most 2 bytes".to_owned()));
        assert!(read_at_most(folder.path(), 3).is_err(), "a folder");
    }
}
