//! Where the root key lives: what wraps and unwraps the few keys right below it.
//!
//! Three real sources implement [`KeySource`]: a file ([`FileSource`], also unlocked by custodians' shares), a PKCS#11
//! token ([`Pkcs11Source`]) and the transit engine of Vault or OpenBao ([`TransitSource`]). A source is asked at the
//! start, when a key is rotated and when another node made a key; never while a payment waits, since what it
//! unwrapped is kept in memory. So its outage stops a start or a rotation and nothing else.
//!
//! A root key is named ([`RootName`]), since while it is rotated there are two of them.

use std::fmt;
use std::path::Path;

use base::Dice;
use zeroize::Zeroizing;

use crate::keys::{KEY_BYTES, KeyBytes, push_part};
use crate::secret_file::SecretFileError;

mod file;
mod pkcs11;
mod transit;

pub use file::FileSource;
pub use pkcs11::{Pkcs11Settings, Pkcs11Source};
pub use transit::{TransitSettings, TransitSource};

/// The name of one root key: unique, not secret, and never changed once something was wrapped by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RootName(String);

impl RootName {
    /// A name as a source or the database gives it.
    pub fn new(name: String) -> RootName {
        RootName(name)
    }

    /// As it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one of a database from before root keys had names.
    pub(crate) fn is_unnamed(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for RootName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which key is wrapped. It is bound into the wrap: a wrapped key cannot pass for another one.
#[derive(Clone, Copy, Debug)]
pub struct KeyName<'a> {
    /// What the key is for.
    pub purpose: &'a str,
    /// Its version, from 1.
    pub version: i64,
}

impl KeyName<'_> {
    /// Bytes that say the same, for associated data.
    fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(48);
        push_part(&mut out, b"tillward root wraps");
        push_part(&mut out, self.purpose.as_bytes());
        push_part(&mut out, &self.version.to_be_bytes());
        out
    }
}

/// The kind of a source, for people and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A file, or shares of its key.
    File,
    /// A PKCS#11 token.
    Pkcs11,
    /// The transit engine of Vault or OpenBao.
    Transit,
}

impl SourceKind {
    /// `file`, `pkcs11` or `transit`.
    pub const fn name(self) -> &'static str {
        match self {
            SourceKind::File => "file",
            SourceKind::Pkcs11 => "pkcs11",
            SourceKind::Transit => "transit",
        }
    }
}

/// Something that holds root keys and uses them for us. Its calls may wait for a device or the network: never call one
/// inside a transaction.
pub trait KeySource: Send + Sync {
    /// The kind, for people.
    fn kind(&self) -> SourceKind;

    /// The root key to begin with in a database that has no keys; made where the source makes keys.
    ///
    /// # Errors
    /// [`SourceError`].
    fn first(&self, dice: &Dice) -> Result<RootName, SourceError>;

    /// The root key that follows `after`; made when there is none yet. Asked twice, it answers the same.
    ///
    /// # Errors
    /// [`SourceError`].
    fn next(&self, after: &RootName, dice: &Dice) -> Result<RootName, SourceError>;

    /// Wraps a key.
    ///
    /// # Errors
    /// [`SourceError`].
    fn wrap(
        &self,
        root: &RootName,
        what: KeyName<'_>,
        key: &KeyBytes,
        dice: &Dice,
    ) -> Result<Vec<u8>, SourceError>;

    /// Opens what [`KeySource::wrap`] made for the same name by the same root key.
    ///
    /// # Errors
    /// [`SourceError::WrongKey`] for anything else, and those of reaching the key.
    fn unwrap(&self, root: &RootName, what: KeyName<'_>, wrapped: &[u8]) -> Result<KeyBytes, SourceError>;

    /// The same key wrapped by another root key.
    ///
    /// # Errors
    /// [`SourceError`].
    fn rewrap(
        &self,
        from: &RootName,
        to: &RootName,
        what: KeyName<'_>,
        wrapped: &[u8],
        dice: &Dice,
    ) -> Result<Vec<u8>, SourceError> {
        let key = self.unwrap(from, what, wrapped)?;
        self.wrap(to, what, &key, dice)
    }

    /// Makes `root` the one that is found first from now on. Called after everything was wrapped by it; safe to repeat.
    ///
    /// # Errors
    /// [`SourceError`].
    fn adopt(&self, root: &RootName) -> Result<(), SourceError>;

    /// Destroys a root key for good. Called only when nothing is wrapped by it; safe to repeat.
    ///
    /// # Errors
    /// [`SourceError`].
    fn destroy(&self, root: &RootName) -> Result<(), SourceError>;
}

/// Why a key source did not do as asked. No text holds a key, a PIN or a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Away, or too slow. What is in memory goes on.
    #[error(
        "the key source cannot be reached: {0}; what is loaded goes on, nothing else is unlocked until it is back"
    )]
    Unreachable(String),
    /// It answered and said no.
    #[error("the key source refused: {0}")]
    Refused(String),
    /// The token did not take the PIN. It is not tried again.
    #[error(
        "the token refused the PIN; it is not tried again, so that the token does not lock; correct the PIN file and restart"
    )]
    PinRefused,
    /// Another wrong PIN would lock the token.
    #[error(
        "the token is locked or has one try left for its PIN; log in once with its own tool, then restart"
    )]
    PinLastTry,
    /// No such root key there.
    #[error("the key source does not hold root key `{0}`")]
    UnknownRoot(String),
    /// A root key that could be taken out, or is not what it must be.
    #[error("root key `{name}` is refused: {why}")]
    Weak {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What was to be unwrapped was altered, or wrapped by another key or for another name.
    #[error("a wrapped key does not open with this root key")]
    WrongKey,
    /// The key file.
    #[error("{0}")]
    File(String),
    /// This source holds one key and makes no others.
    #[error("this key source makes no further root keys")]
    CannotRotate,
}

fn of_secret_file(what: &str, path: &Path, why: &SecretFileError) -> SourceError {
    SourceError::File(format!("{what} file `{}` {why}", path.display()))
}

/// A key behind 16 bytes that say which key it is, for a source without associated data of its own.
fn tagged(what: KeyName<'_>, key: &KeyBytes) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(KEY_BYTES + TAG_BYTES));
    plain.extend_from_slice(key.as_slice());
    plain.extend_from_slice(&name_tag(what));
    plain
}

/// Reads what [`tagged`] made for the same name.
fn untag(what: KeyName<'_>, plain: &[u8]) -> Option<KeyBytes> {
    let (key, tag) = plain.split_first_chunk::<KEY_BYTES>()?;
    (tag == name_tag(what)).then(|| Zeroizing::new(*key))
}

const TAG_BYTES: usize = 16;

fn name_tag(what: KeyName<'_>) -> [u8; TAG_BYTES] {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &what.to_bytes());
    hash.as_ref().first_chunk().copied().unwrap_or_default()
}
