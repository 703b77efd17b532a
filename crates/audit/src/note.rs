//! C2SP signed notes with Ed25519 keys: text that carries its signatures.
//!
//! Specification: <https://c2sp.org/signed-note>. Parsing is safe on hostile text: everything has a limit and nothing
//! is trusted before [`Note::verify`] says so. Signatures of unknown keys are ignored, as the specification asks.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::tree::sha256;

/// Longest note that is read.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Most signature lines of a note. The specification asks for at least 16.
pub const SIGNATURES_MAX: usize = 64;
/// Longest name of a key, which is also the log's origin.
pub const KEY_NAME_BYTES_MAX: usize = 128;

/// Signature type of a plain Ed25519 note signature.
const TYPE_ED25519: u8 = 0x01;
/// Signature type of a timestamped Ed25519 cosignature (C2SP tlog-cosignature).
const TYPE_TIMED: u8 = 0x04;
/// Bytes of an Ed25519 signature.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// Why a note, key or signature was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`], or more than [`SIGNATURES_MAX`] signatures.
    #[error("the note is longer than {NOTE_BYTES_MAX} bytes or has more than {SIGNATURES_MAX} signatures")]
    TooLarge,
    /// Not of the form the specification gives.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// A key name is empty, too long, or has a space or plus.
    #[error("a key name has 1 to {KEY_NAME_BYTES_MAX} bytes without spaces, control characters and `+`")]
    Name,
    /// Not a verifier key `name+id+base64`.
    #[error("not a verifier key; it looks like `example.com/log+530d903a+AekyeRrm…`")]
    Key,
    /// The private key cannot be read.
    #[error("not an Ed25519 private key in PKCS #8")]
    PrivateKey,
    /// The known key's signature does not fit the text.
    #[error("the signature of `{0}` is wrong: the text or the signature was changed")]
    WrongSignature(String),
    /// No signature of the known key.
    #[error("there is no signature of `{0}`")]
    NotSigned(String),
}

/// A note as read: text and signatures, none of it checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Who claims to have signed.
    pub name: String,
    /// The key's short id.
    pub key_id: u32,
    /// What follows the id.
    pub bytes: Vec<u8>,
}

impl Note {
    /// A note without signatures yet. `text` ends in a newline.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] when the text is empty, lacks the newline or has control characters;
    /// [`NoteError::TooLarge`].
    pub fn unsigned(text: String) -> Result<Note, NoteError> {
        check_text(&text)?;
        Ok(Note { text, signatures: Vec::new() })
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::TooLarge`], [`NoteError::Malformed`], [`NoteError::Name`].
    pub fn parse(input: &str) -> Result<Note, NoteError> {
        if input.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        // The last empty line separates; the text may have empty lines of its own.
        let end = input.rfind("\n\n").ok_or(NoteError::Malformed("no empty line before the signatures"))?;
        let (text, lines) = input.split_at(end + 1);
        check_text(text)?;
        let lines = lines.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n'));
        let lines = lines.ok_or(NoteError::Malformed("the last line lacks its newline"))?;
        if lines.split('\n').count() > SIGNATURES_MAX {
            return Err(NoteError::TooLarge);
        }
        let signatures = lines.split('\n').map(parse_signature).collect::<Result<_, _>>()?;
        Ok(Note { text: text.to_owned(), signatures })
    }

    /// The signed text, ending in a newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds `signer`'s plain signature.
    pub fn sign(&mut self, signer: &Signer) {
        let bytes = signer.sign(self.text.as_bytes()).to_vec();
        self.add(&signer.key.name, signer.key.id, bytes);
    }

    /// Adds `signer`'s timestamped cosignature, `seconds` since 1970.
    pub fn sign_timed(&mut self, signer: &Signer, seconds: u64) {
        let mut bytes = seconds.to_be_bytes().to_vec();
        bytes.extend(signer.sign(timed_message(&self.text, seconds).as_bytes()));
        self.add(&signer.key.name, signer.key.timed_id(), bytes);
    }

    /// Checks that `key` signed the text. Signatures of other keys are ignored.
    ///
    /// # Errors
    /// [`NoteError::WrongSignature`], [`NoteError::NotSigned`].
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let mut found = false;
        for signature in self.by(&key.name, key.id) {
            if !key.check(self.text.as_bytes(), &signature.bytes) {
                return Err(NoteError::WrongSignature(key.name.clone()));
            }
            found = true;
        }
        if found { Ok(()) } else { Err(NoteError::NotSigned(key.name.clone())) }
    }

    /// The time of `key`'s timestamped cosignature in seconds since 1970, or `None` when there is none.
    ///
    /// # Errors
    /// [`NoteError::WrongSignature`] when there is one and it is wrong.
    pub fn signed_time(&self, key: &VerifierKey) -> Result<Option<u64>, NoteError> {
        let Some(signature) = self.by(&key.name, key.timed_id()).next() else { return Ok(None) };
        let wrong = || NoteError::WrongSignature(key.name.clone());
        let (seconds, bytes) = signature.bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let seconds = u64::from_be_bytes(*seconds);
        let good = key.check(timed_message(&self.text, seconds).as_bytes(), bytes);
        if good && i64::try_from(seconds).is_ok() { Ok(Some(seconds)) } else { Err(wrong()) }
    }

    fn by<'n>(&'n self, name: &'n str, id: u32) -> impl Iterator<Item = &'n NoteSignature> {
        self.signatures.iter().filter(move |s| s.key_id == id && s.name == name)
    }

    fn add(&mut self, name: &str, key_id: u32, bytes: Vec<u8>) {
        self.signatures.push(NoteSignature { name: name.to_owned(), key_id, bytes });
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for signature in &self.signatures {
            let mut bytes = signature.key_id.to_be_bytes().to_vec();
            bytes.extend(&signature.bytes);
            writeln!(f, "\u{2014} {} {}", signature.name, STANDARD.encode(bytes))?;
        }
        Ok(())
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLarge);
    }
    if !text.ends_with('\n') {
        return Err(NoteError::Malformed("the text does not end in a newline"));
    }
    if text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(NoteError::Malformed("control characters"));
    }
    Ok(())
}

fn parse_signature(line: &str) -> Result<NoteSignature, NoteError> {
    let malformed = NoteError::Malformed("a signature line is `\u{2014} name base64`");
    let rest = line.strip_prefix("\u{2014} ").ok_or_else(|| malformed.clone())?;
    let (name, base64) = rest.split_once(' ').ok_or_else(|| malformed.clone())?;
    check_name(name)?;
    let bytes = STANDARD.decode(base64).map_err(|_| malformed.clone())?;
    let (id, bytes) = bytes.split_first_chunk::<4>().ok_or_else(|| malformed.clone())?;
    if bytes.is_empty() {
        return Err(malformed);
    }
    Ok(NoteSignature { name: name.to_owned(), key_id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > KEY_NAME_BYTES_MAX || name.contains(bad) {
        return Err(NoteError::Name);
    }
    Ok(())
}

fn timed_message(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// The public half of a log's key, with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    public: [u8; 32],
}

impl VerifierKey {
    fn new(name: &str, public: [u8; 32]) -> Result<VerifierKey, NoteError> {
        check_name(name)?;
        Ok(VerifierKey { name: name.to_owned(), id: key_id(name, TYPE_ED25519, &public), public })
    }

    /// The key's name, which is the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's short id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether `signature` is this key's Ed25519 signature over `message`.
    pub(crate) fn check(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }

    fn timed_id(&self) -> u32 {
        key_id(&self.name, TYPE_TIMED, &self.public)
    }
}

/// `SHA-256(name ‖ 0x0A ‖ type ‖ public key)[:4]`, big-endian.
fn key_id(name: &str, kind: u8, public: &[u8; 32]) -> u32 {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend([b'\n', kind]);
    bytes.extend(public);
    sha256(&bytes).0.first_chunk::<4>().map_or(0, |head| u32::from_be_bytes(*head))
}

impl fmt::Display for VerifierKey {
    /// The text form of the specification: `name+id+base64(type ‖ public key)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![TYPE_ED25519];
        bytes.extend(self.public);
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<VerifierKey, NoteError> {
        // Base64 may contain `+`, a name may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(base64)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let bytes = STANDARD.decode(base64).map_err(|_| NoteError::Key)?;
        let (kind, public) = bytes.split_first().ok_or(NoteError::Key)?;
        let key = VerifierKey::new(name, public.try_into().map_err(|_| NoteError::Key)?)?;
        if *kind != TYPE_ED25519 || id != format!("{:08x}", key.id) {
            return Err(NoteError::Key);
        }
        Ok(key)
    }
}

/// A log's private key. Cheap to clone, safe to use from many threads; never printed.
#[derive(Clone)]
pub struct Signer {
    key: VerifierKey,
    pair: Arc<Ed25519KeyPair>,
}

impl Signer {
    /// Makes a new key for the log `name` and returns it with its PKCS #8 form, which the caller stores outside the
    /// database, readable by nobody else.
    ///
    /// # Errors
    /// [`NoteError::Name`]; [`NoteError::PrivateKey`] when the system's random source fails.
    pub fn generate(name: &str) -> Result<(Signer, Secret<Vec<u8>>), NoteError> {
        let document =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| NoteError::PrivateKey)?;
        let signer = Signer::from_pkcs8(name, document.as_ref())?;
        Ok((signer, Secret::new(document.as_ref().to_vec())))
    }

    /// Reads a key of the log `name` from its PKCS #8 form.
    ///
    /// # Errors
    /// [`NoteError::Name`], [`NoteError::PrivateKey`].
    pub fn from_pkcs8(name: &str, pkcs8: &[u8]) -> Result<Signer, NoteError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| NoteError::PrivateKey)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| NoteError::PrivateKey)?;
        Ok(Signer { key: VerifierKey::new(name, public)?, pair: Arc::new(pair) })
    }

    /// The key of the log `name` that follows from a secret seed of 32 bytes.
    ///
    /// # Errors
    /// [`NoteError::Name`]; [`NoteError::PrivateKey`] for a seed of another length.
    pub fn from_seed(name: &str, seed: &Secret<Vec<u8>>) -> Result<Signer, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| NoteError::PrivateKey)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| NoteError::PrivateKey)?;
        Ok(Signer { key: VerifierKey::new(name, public)?, pair: Arc::new(pair) })
    }

    /// A key that a test can repeat.
    ///
    /// # Errors
    /// [`NoteError::Name`], [`NoteError::PrivateKey`].
    pub fn predictable_for_tests(name: &str, seed: &[u8; 32]) -> Result<Signer, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::PrivateKey)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| NoteError::PrivateKey)?;
        Ok(Signer { key: VerifierKey::new(name, public)?, pair: Arc::new(pair) })
    }

    /// The public half, to be given to everybody who verifies.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// The log's origin, which is the key's name.
    pub fn origin(&self) -> &str {
        &self.key.name
    }

    /// An Ed25519 signature over `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let signature = self.pair.sign(message);
        signature.as_ref().try_into().unwrap_or([0; SIGNATURE_BYTES])
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.key)
    }
}
