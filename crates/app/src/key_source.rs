//! Opens the key source that the settings name.

use std::fs::OpenOptions;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Dice;
use vault::limits::SECRET_FILE_BYTES_MAX;
use vault::shares::{Share, ShareError, join_key};
use vault::{
    FileSource, KeyFileError, KeySource, Pkcs11Source, RootKey, SecretFileError, TransitSource,
    read_secret_file,
};
use zeroize::Zeroizing;

use crate::config::{Config, Keys};
use crate::installation::OpenError;

/// Opens the key source. A database without keys gets its first one where the source makes keys.
///
/// # Errors
/// [`OpenError`] with what to do.
pub fn open_source(config: &Config, sealed: bool, dice: &Dice) -> Result<Arc<dyn KeySource>, OpenError> {
    match &config.keys {
        Keys::File => Ok(Arc::new(open_file(config, sealed, dice)?)),
        Keys::Shares(files) => {
            let key = if files.is_empty() { ask_for_shares()? } else { read_shares(files)? };
            Ok(Arc::new(FileSource::with_key(key, &config.key_file, &config.data)))
        }
        Keys::Pkcs11(settings) => Ok(Arc::new(Pkcs11Source::open(settings.clone())?)),
        Keys::Transit(settings) => {
            install_tls();
            Ok(Arc::new(TransitSource::open(settings.clone())?))
        }
    }
}

/// Opens the key source of a database that is yet to be made, where there is one already, so that one that is refused
/// leaves no empty database behind. A key file is refused for its place even where it is not there yet, and where it could
/// not be made.
///
/// # Errors
/// [`OpenError`] with what to do.
pub fn open_ahead(config: &Config, dice: &Dice) -> Result<Option<Arc<dyn KeySource>>, OpenError> {
    if matches!(config.keys, Keys::File | Keys::Shares(_)) {
        RootKey::check_place(&config.key_file, &config.data)?;
    }
    let new = matches!(&config.database, store::Config::File(path) if !path.exists());
    // Where it cannot be told, opening it says why.
    let made = !matches!(config.keys, Keys::File) || config.key_file.try_exists().unwrap_or(true);
    match (new, made) {
        (true, true) => open_source(config, false, dice).map(Some),
        (true, false) => refuse_unmakeable(&config.key_file).map(|()| None),
        (false, _) => Ok(None),
    }
}

/// Refuses a key file that could not be made: what is there, nearest to it, is no folder or takes no new files. It is tried,
/// since what a folder says of itself is not all that counts.
fn refuse_unmakeable(path: &Path) -> Result<(), OpenError> {
    let parents =
        path.ancestors().skip(1).map(|at| if at.as_os_str().is_empty() { Path::new(".") } else { at });
    let nearest = parents.into_iter().find(|at| at.exists()).unwrap_or(Path::new("/"));
    let probe = nearest.join(format!(".tillward-{}", std::process::id()));
    let tried = OpenOptions::new().write(true).create_new(true).open(&probe);
    let tried = tried.and_then(|_| std::fs::remove_file(&probe));
    let refused = |why| SecretFileError::Io { doing: "made", why };
    tried.map_err(|why| KeyFileError::File { path: path.to_owned(), why: refused(why) }.into())
}

/// Opens the key file, or makes it for a database that has no keys. A file without content, which a cut first start left,
/// gives way to it.
fn open_file(config: &Config, sealed: bool, dice: &Dice) -> Result<FileSource, OpenError> {
    match FileSource::open(&config.key_file, &config.data) {
        Err(KeyFileError::Missing { path }) if sealed => Err(OpenError::KeyMissing(path)),
        Err(KeyFileError::Missing { .. } | KeyFileError::Blank { .. }) if !sealed => {
            Ok(FileSource::create(&config.key_file, &config.data, dice)?)
        }
        opened => Ok(opened?),
    }
}

/// One TLS stack for whoever calls out; the first call decides, later ones change nothing.
pub(crate) fn install_tls() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Puts the key together from files of one share each.
///
/// # Errors
/// [`OpenError::Shares`], naming the file.
pub fn read_shares(files: &[PathBuf]) -> Result<RootKey, OpenError> {
    let refused =
        |path: &PathBuf, why: String| OpenError::Shares(format!("share `{}` {why}", path.display()));
    let mut shares = Vec::new();
    for path in files {
        let text = read_secret_file(path, SECRET_FILE_BYTES_MAX).map_err(|e| refused(path, e.to_string()))?;
        shares.push(Share::parse(text.expose()).map_err(|e| refused(path, format!("is refused: {e}")))?);
    }
    join_key(&shares).map_err(|e| OpenError::Shares(e.to_string()))
}

/// Asks for one share after the other on the terminal, or reads them as lines where there is none.
fn ask_for_shares() -> Result<RootKey, OpenError> {
    let shown = std::io::stdin().is_terminal();
    let _silence = shown.then(Silence::begin);
    let (mut stdin, mut stderr) = (std::io::stdin().lock(), std::io::stderr());
    collect_shares(&mut stdin, shown.then_some(&mut stderr))
}

/// Reads a share a line until there are enough. A person is told of a wrong one at once, and asked again.
fn collect_shares(input: &mut dyn BufRead, mut person: Option<&mut dyn Write>) -> Result<RootKey, OpenError> {
    let refused = |why: ShareError| OpenError::Shares(why.to_string());
    let mut shares: Vec<Share> = Vec::new();
    loop {
        let needed = shares.first().map(Share::needed);
        if needed.is_some_and(|needed| shares.len() >= usize::from(needed)) {
            return join_key(&shares).map_err(refused);
        }
        if let Some(person) = &mut person {
            let of = needed.map(|needed| format!(" of {needed}")).unwrap_or_default();
            let _ = write!(person, "Share {}{of} (nothing is shown): ", shares.len() + 1);
            let _ = person.flush();
        }
        let Some(line) = read_line(input)? else {
            return Err(refused(ShareError::TooFew { given: shares.len(), needed: needed.unwrap_or(2) }));
        };
        let read = Share::parse(&line).and_then(|share| share.check_beside(&shares).map(|()| share));
        match (read, &mut person) {
            (Ok(share), person) => {
                shares.push(share);
                person.iter_mut().for_each(|person| drop(writeln!(person)));
            }
            (Err(problem), Some(person)) => drop(writeln!(person, "\n{problem}")),
            (Err(problem), None) => return Err(refused(problem)),
        }
    }
}

/// The next line; none at the end.
fn read_line(input: &mut dyn BufRead) -> Result<Option<Zeroizing<String>>, OpenError> {
    let mut line = Zeroizing::new(String::new());
    let read = input.read_line(&mut line);
    let read = read.map_err(|e| OpenError::Shares(format!("shares cannot be read: {e}")))?;
    Ok((read > 0).then_some(line))
}

/// Keeps the terminal from showing what is typed, until it is dropped.
struct Silence(Option<rustix::termios::Termios>);

impl Silence {
    fn begin() -> Silence {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet);
        }
        Silence(before)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let now = rustix::termios::OptionalActions::Now;
            let _ = rustix::termios::tcsetattr(std::io::stdin(), now, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault::shares::split_key;

    fn shares(byte: u8) -> Vec<String> {
        let made = split_key(&RootKey::from_bytes([byte; 32]), 2, 3, &Dice::System).unwrap();
        made.iter().map(|share| share.expose().clone()).collect()
    }

    #[test]
    fn a_person_is_told_at_once_of_a_share_that_does_not_fit_and_asked_again() {
        let (ours, theirs) = (shares(7), shares(8));
        let typed = [&ours[2], &ours[2], "nonsense", &theirs[0], &ours[0]].map(|line| format!("{line}\n"));
        let mut said = Vec::new();
        let root = collect_shares(&mut typed.concat().as_bytes(), Some(&mut said)).unwrap();
        assert!(root.name() == RootKey::from_bytes([7; 32]).name());
        let said = String::from_utf8(said).unwrap();
        let second = "Share 2 of 2 (nothing is shown): \n";
        let (twice, wrong) =
            ("share 3 was given twice\n", "this is not a share, or a letter of it is wrong\n");
        let foreign = "share 1 belongs to another key or was made at another time\n";
        let start = "Share 1 (nothing is shown): \n";
        assert_eq!(said, [start, second, twice, second, wrong, second, foreign, second].concat());
    }

    #[test]
    fn where_nobody_is_asked_a_share_that_does_not_fit_ends_it() {
        let ours = shares(7);
        let twice = format!("{0}\n{0}\n{1}\n", ours[0], ours[1]);
        let refused = collect_shares(&mut twice.as_bytes(), None).err().unwrap().to_string();
        assert_eq!(refused, "share 1 was given twice");
        let refused = collect_shares(&mut ours[0].as_bytes(), None).err().unwrap().to_string();
        assert_eq!(refused, "1 of 2 needed shares were given");
    }
}
