//! Writes sealed files in the age format (C2SP `age.md`, version 1) for one X25519 recipient.
//!
//! The format is published and has readers of others: `age -d -i key.txt`, `rage`, `pyrage`. The file key is wrapped for
//! the recipient with X25519, HKDF-SHA256 and ChaCha20-Poly1305; the content is sealed in chunks of 64 KiB, each with
//! its number, the last one marked, so that a cut, an exchange of chunks or any altered bit is refused by the reader.
//! What we write can be opened by whoever has the recipient's identity, and by nobody else: not by us either.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::{hkdf, hmac};
use base::{Dice, Secret};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use zeroize::Zeroizing;

/// Bytes of plain text in a chunk.
pub const CHUNK_BYTES: usize = 64 * 1024;
const FILE_KEY_BYTES: usize = 16;
const NONCE_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const VERSION: &str = "age-encryption.org/v1\n";
const X25519_INFO: &[u8] = b"age-encryption.org/v1/X25519";
const HRP: &str = "age";
const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM_CHARS: usize = 6;

/// Who can open a file: an X25519 public key, written `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    key: [u8; KEY_BYTES],
    text: String,
}

/// Not a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an age recipient, `age1…`, as `age-keygen` prints it")]
pub struct RecipientProblem;

impl FromStr for Recipient {
    type Err = RecipientProblem;

    /// Reads a recipient (Bech32, BIP 173, lower case, prefix `age`). One of small order is refused here, before anybody
    /// approves an export that could not be sealed for it.
    fn from_str(text: &str) -> Result<Recipient, RecipientProblem> {
        let text = text.trim();
        let key = read_bech32(text).and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes).ok());
        let key = key.filter(gives_a_secret).ok_or(RecipientProblem)?;
        Ok(Recipient { key, text: text.to_owned() })
    }
}

/// Whether a secret can be agreed on with this key. Which private key asks makes no difference (RFC 7748, section 6.1).
fn gives_a_secret(key: &[u8; KEY_BYTES]) -> bool {
    let peer = UnparsedPublicKey::new(&X25519, key);
    PrivateKey::from_private_key(&X25519, &[1; KEY_BYTES])
        .is_ok_and(|any| agree(&any, peer, SealFailed, |_| Ok(())).is_ok())
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A recipient that gives no shared secret: a point of small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recipient is not a usable key")]
pub struct SealFailed;

/// Seals `plain` for `recipient`.
///
/// # Errors
/// [`SealFailed`] for a key of small order.
pub fn seal(plain: &Secret<Vec<u8>>, recipient: &Recipient, dice: &Dice) -> Result<Vec<u8>, SealFailed> {
    let file_key: Zeroizing<[u8; FILE_KEY_BYTES]> = Zeroizing::new(dice.bytes());
    let mut out = header(&file_key, recipient, dice)?;
    let nonce: [u8; NONCE_BYTES] = dice.bytes();
    out.extend_from_slice(&nonce);
    let key = derive(file_key.as_slice(), &nonce, b"payload")?;
    let cipher = cipher(&key)?;
    let plain = plain.expose();
    out.reserve(plain.len() + plain.len() / CHUNK_BYTES * 16 + 32);
    // An empty text is one empty chunk; otherwise no chunk is empty.
    let count = plain.len().div_ceil(CHUNK_BYTES).max(1);
    for number in 0..count {
        let from = number * CHUNK_BYTES;
        let chunk = plain.get(from..plain.len().min(from + CHUNK_BYTES)).unwrap_or_default();
        let at = out.len();
        out.extend_from_slice(chunk);
        let nonce = Nonce::assume_unique_for_key(chunk_nonce(number, number + 1 == count));
        let body = out.get_mut(at..).unwrap_or_default();
        let tag = cipher.seal_in_place_separate_tag(nonce, Aad::empty(), body).map_err(|_| SealFailed)?;
        out.extend_from_slice(tag.as_ref());
    }
    Ok(out)
}

fn header(
    file_key: &[u8; FILE_KEY_BYTES],
    recipient: &Recipient,
    dice: &Dice,
) -> Result<Vec<u8>, SealFailed> {
    let secret: Zeroizing<[u8; KEY_BYTES]> = Zeroizing::new(dice.bytes());
    let secret = PrivateKey::from_private_key(&X25519, secret.as_slice()).map_err(|_| SealFailed)?;
    let share = secret.compute_public_key().map_err(|_| SealFailed)?;
    let peer = UnparsedPublicKey::new(&X25519, recipient.key);
    let mut salt = share.as_ref().to_vec();
    salt.extend_from_slice(&recipient.key);
    let key = agree(&secret, peer, SealFailed, |shared| derive(shared, &salt, X25519_INFO))?;
    let mut body = file_key.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    cipher(&key)?.seal_in_place_append_tag(nonce, Aad::empty(), &mut body).map_err(|_| SealFailed)?;
    let encode = |bytes: &[u8]| BASE64_STANDARD_NO_PAD.encode(bytes);
    let head = format!("{VERSION}-> X25519 {}\n{}\n---", encode(share.as_ref()), encode(&body));
    let mac_key = derive(file_key, &[], b"header")?;
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, mac_key.as_slice()), head.as_bytes());
    Ok(format!("{head} {}\n", encode(mac.as_ref())).into_bytes())
}

fn cipher(key: &Zeroizing<[u8; KEY_BYTES]>) -> Result<LessSafeKey, SealFailed> {
    UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).map(LessSafeKey::new).map_err(|_| SealFailed)
}

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, SealFailed> {
    let mut out = Zeroizing::new([0; KEY_BYTES]);
    let root = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    root.expand(&[info], KeyLength).and_then(|okm| okm.fill(out.as_mut_slice())).map_err(|_| SealFailed)?;
    Ok(out)
}

/// Eleven bytes of the chunk's number, big-endian, and one that says whether it is the last.
fn chunk_nonce(number: usize, is_last: bool) -> [u8; 12] {
    let mut nonce = [0u8; 12];
    for (to, from) in nonce.iter_mut().skip(3).zip((number as u64).to_be_bytes()) {
        *to = from;
    }
    if let Some(last) = nonce.last_mut() {
        *last = u8::from(is_last);
    }
    nonce
}

/// The bytes of a Bech32 text with our prefix; `None` where prefix, characters, checksum or padding are wrong.
fn read_bech32(text: &str) -> Option<Vec<u8>> {
    let data = text.strip_prefix(HRP)?.strip_prefix('1')?;
    let values: Option<Vec<u32>> =
        data.chars().map(|c| ALPHABET.find(c).and_then(|at| u32::try_from(at).ok())).collect();
    let values = values.filter(|values| values.len() > CHECKSUM_CHARS && values.len() < 90)?;
    let expanded =
        HRP.bytes().map(|b| u32::from(b >> 5)).chain([0]).chain(HRP.bytes().map(|b| u32::from(b & 31)));
    if polymod(expanded.chain(values.iter().copied())) != 1 {
        return None;
    }
    let (mut bits, mut held, mut bytes) = (0u32, 0u32, Vec::new());
    for value in values.get(..values.len() - CHECKSUM_CHARS)? {
        bits = (bits << 5 | value) & 0xFFF;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).ok()?);
        }
    }
    let padding = bits & ((1 << held) - 1);
    (held < 5 && padding == 0).then_some(bytes)
}

/// The checksum of BIP 173.
fn polymod(values: impl Iterator<Item = u32>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1u32, |sum, value| {
        let top = sum >> 25;
        let next = (sum & 0x01FF_FFFF) << 5 ^ value;
        let factors = GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1);
        factors.fold(next, |sum, (_, generator)| sum ^ generator)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recipient of the format's own documentation.
    const DOCUMENTED: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    #[test]
    fn recipients_are_read_with_their_checksum() {
        let recipient: Recipient = DOCUMENTED.parse().unwrap();
        assert_eq!(recipient.to_string(), DOCUMENTED);
        for at in 4..DOCUMENTED.len() {
            let mut wrong = DOCUMENTED.to_owned().into_bytes();
            wrong[at] = if wrong[at] == b'q' { b'p' } else { b'q' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong.parse::<Recipient>().is_err(), "{wrong}");
        }
        for bad in [
            "",
            "age1",
            "age",
            "AGE1QL3Z7HJY54PW3HYWW5AYYFG7ZQGVC7W3J2ELW8ZMRJ2KG5SFN9AQMCAC8P",
            "bc1qqq",
            "age1é",
        ] {
            assert!(bad.parse::<Recipient>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_chunk_is_numbered_and_the_last_one_marked() {
        assert_eq!(chunk_nonce(0, false), [0; 12]);
        assert_eq!(chunk_nonce(258, true), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1]);
    }

    #[test]
    fn a_sealed_file_has_the_formats_shape_and_none_of_its_content() {
        let recipient: Recipient = DOCUMENTED.parse().unwrap();
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1] {
            let plain = Secret::new(vec![b'x'; length]);
            let sealed = seal(&plain, &recipient, &Dice::System).unwrap();
            let text = String::from_utf8_lossy(&sealed);
            assert!(text.starts_with("age-encryption.org/v1\n-> X25519 "));
            let head = text.find("\n--- ").unwrap() + 5 + 43 + 1;
            let chunks = length.div_ceil(CHUNK_BYTES).max(1);
            assert_eq!(sealed.len(), head + NONCE_BYTES + length + 16 * chunks, "{length}");
            assert!(!text.contains("xxxxxxxx"));
        }
    }

    #[test]
    fn a_recipient_of_small_order_is_refused_when_it_is_read() {
        // 0, 1 and a point of order eight.
        for text in [
            "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
            "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
            "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
        ] {
            assert!(read_bech32(text).is_some(), "{text} is well formed");
            assert_eq!(text.parse::<Recipient>(), Err(RecipientProblem), "{text}");
        }
        let recipient = Recipient { key: [0; KEY_BYTES], text: String::new() };
        assert_eq!(seal(&Secret::new(Vec::new()), &recipient, &Dice::System), Err(SealFailed));
    }
}
