//! Key bytes: deriving (HKDF-SHA256, RFC 5869), wrapping (AES-256-KWP, RFC 5649) and hexadecimal text.

use aws_lc_rs::hkdf;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use zeroize::Zeroizing;

/// Bytes of every key in the tree.
pub const KEY_BYTES: usize = 32;
/// Longest thing that is wrapped: a key and the tag of its owner.
const WRAP_PLAIN_BYTES_MAX: usize = 48;
/// Padding and integrity bytes the wrapping may add, as the library asks for.
const WRAP_EXTRA_BYTES: usize = 15;
const SALT: &[u8] = b"tillward vault v1";

/// A key in memory, cleared when dropped.
pub type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

/// A key for `label` and `context`, each part length-prefixed so that no two uses share a key.
pub(crate) fn derive(secret: &KeyBytes, label: &str, context: &[&[u8]]) -> KeyBytes {
    let mut info = Vec::with_capacity(64);
    push_part(&mut info, label.as_bytes());
    for part in context {
        push_part(&mut info, part);
    }
    let mut out: KeyBytes = Zeroizing::new([0; KEY_BYTES]);
    let root = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret.as_slice());
    let done = root.expand(&[&info], KeyLength).and_then(|okm| okm.fill(out.as_mut_slice()));
    assert!(done.is_ok(), "HKDF gives 32 bytes for any input");
    out
}

/// Appends `part` behind its length, four bytes big-endian.
pub(crate) fn push_part(out: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(part);
}

/// Wraps `plain`, at most 48 bytes.
pub(crate) fn wrap(kek: &KeyBytes, plain: &[u8]) -> Vec<u8> {
    assert!(plain.len() <= WRAP_PLAIN_BYTES_MAX, "only keys are wrapped");
    let mut out = [0u8; WRAP_PLAIN_BYTES_MAX + WRAP_EXTRA_BYTES];
    let wrapped = AesKek::new(&AES_256, kek.as_slice())
        .and_then(|kek| kek.wrap_with_padding(plain, &mut out).map(|wrapped| wrapped.to_vec()));
    assert!(wrapped.is_ok(), "wrapping a short key cannot fail");
    wrapped.unwrap_or_default()
}

/// Opens a wrapped key; `None` when it was altered, cut, or wrapped by another key.
pub(crate) fn unwrap(kek: &KeyBytes, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new([0u8; WRAP_PLAIN_BYTES_MAX + WRAP_EXTRA_BYTES]);
    if wrapped.len() > out.len() {
        return None;
    }
    let kek = AesKek::new(&AES_256, kek.as_slice()).ok()?;
    kek.unwrap_with_padding(wrapped, out.as_mut_slice()).ok().map(|plain| Zeroizing::new(plain.to_vec()))
}

/// Lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> Zeroizing<String> {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    // Room for all of it from the beginning: a text that grows leaves what it held behind.
    let mut out = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    out
}

/// Reads exactly one key of lower-case hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<KeyBytes> {
    let mut out: KeyBytes = Zeroizing::new([0; KEY_BYTES]);
    if text.len() != 2 * KEY_BYTES {
        return None;
    }
    for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *slot = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(out)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> KeyBytes {
        Zeroizing::new([byte; KEY_BYTES])
    }

    #[test]
    fn parts_are_separated_before_they_are_derived_from() {
        assert_ne!(*derive(&key(1), "ab", &[b"c"]), *derive(&key(1), "a", &[b"bc"]));
        assert_ne!(*derive(&key(1), "a", &[b"b", b""]), *derive(&key(1), "a", &[b"", b"b"]));
        assert_ne!(*derive(&key(1), "a", &[]), *derive(&key(2), "a", &[]));
    }

    #[test]
    fn altered_cut_and_foreign_wraps_are_refused() {
        let wrapped = wrap(&key(3), &[5; 48]);
        assert_eq!(unwrap(&key(3), &wrapped).unwrap().as_slice(), &[5; 48]);
        assert!(unwrap(&key(4), &wrapped).is_none());
        for at in 0..wrapped.len() {
            let mut altered = wrapped.clone();
            altered[at] ^= 1;
            assert!(unwrap(&key(3), &altered).is_none(), "byte {at}");
            assert!(unwrap(&key(3), &wrapped[..at]).is_none(), "cut to {at}");
        }
        assert!(unwrap(&key(3), &[0; 200]).is_none());
    }

    #[test]
    fn hex_round_trips_and_refuses_the_rest() {
        let bytes: KeyBytes = Zeroizing::new(std::array::from_fn(|at| at as u8 * 8));
        assert_eq!(from_hex(&to_hex(bytes.as_slice())).as_deref(), Some(&*bytes));
        assert!(from_hex(&"A".repeat(64)).is_none());
        assert!(from_hex(&"0".repeat(63)).is_none());
    }
}
