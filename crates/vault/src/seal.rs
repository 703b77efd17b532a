//! Sealing one field: AES-256-GCM with a random 96-bit nonce, bound to the place the field is stored at.
//!
//! Sealed bytes are `1 ‖ key version (4, big-endian) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The associated data are
//! shop, table, column, owner, row and key version, each length-prefixed, so sealed bytes that are moved to another
//! row, column or person do not open (CR-1, C45). Random nonces allow 2^32 values under one key (SP 800-38D §8.3): a
//! [`DataKey`] seals no more than what was counted for it when it was fetched, and is replaced before it comes to that.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::{Dice, Secret, ShopId};
use zeroize::Zeroize;

use crate::keys::{KeyBytes, push_part};
use crate::limits::PLAIN_BYTES_MAX;

const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 1 + 4 + NONCE_LEN;
const TAG_BYTES: usize = 16;

/// Where a sealed value is stored. The shop and the owner come from the [`DataKey`].
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key inside the table, as text.
    pub row: &'a str,
}

/// The key that seals everything of one owner. [`crate::Vault::data_key`] and [`crate::Vault::sealing_key`] give one that
/// seals, [`crate::Vault::find_data_key`] one that opens alone.
pub struct DataKey {
    shop: ShopId,
    owner: String,
    version: u32,
    cipher: LessSafeKey,
    /// Earlier versions, while values are sealed anew.
    older: Vec<(u32, LessSafeKey)>,
    /// Values it may still seal.
    left: AtomicU32,
}

impl DataKey {
    pub(crate) fn new(shop: ShopId, owner: &str, version: u32, key: &KeyBytes) -> DataKey {
        let (cipher, owner) = (cipher_of(key), owner.to_owned());
        DataKey { shop, owner, version, cipher, older: Vec::new(), left: AtomicU32::new(0) }
    }

    /// Lets it seal so many values, which are counted already.
    pub(crate) fn may_seal(self, values: u32) -> DataKey {
        DataKey { left: AtomicU32::new(values), ..self }
    }

    /// Opens what was sealed under an earlier version as well. Nothing is sealed under it.
    pub(crate) fn also_open(&mut self, version: u32, key: &KeyBytes) {
        self.older.push((version, cipher_of(key)));
    }

    /// The version that seals, from 1.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Whether these bytes are sealed under the version that seals.
    pub fn is_present(&self, sealed: &[u8]) -> bool {
        Parts::read(sealed).is_some_and(|parts| parts.version == self.version)
    }

    /// Seals a text for `place`.
    ///
    /// # Errors
    /// As [`DataKey::seal_bytes`].
    pub fn seal(&self, place: &Place<'_>, text: &Secret<String>, dice: &Dice) -> Result<Vec<u8>, SealError> {
        self.seal_bytes(place, text.expose().as_bytes(), dice)
    }

    /// Seals bytes for `place`.
    ///
    /// # Errors
    /// [`SealError::TooLong`] past [`PLAIN_BYTES_MAX`]; [`SealError::Spent`] when as many values were sealed as were
    /// counted for it.
    pub fn seal_bytes(&self, place: &Place<'_>, plain: &[u8], dice: &Dice) -> Result<Vec<u8>, SealError> {
        if plain.len() > PLAIN_BYTES_MAX {
            return Err(SealError::TooLong { bytes: plain.len() });
        }
        let counted =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        counted.map_err(|_| SealError::Spent)?;
        let nonce: [u8; NONCE_LEN] = dice.bytes();
        let mut out = Vec::with_capacity(HEAD_BYTES + plain.len() + TAG_BYTES);
        out.push(FORMAT);
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        let (_, body) = out.split_at_mut(HEAD_BYTES);
        let aad = Aad::from(self.associated(place, self.version));
        let tag = self.cipher.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, body);
        match tag {
            Ok(tag) => out.extend_from_slice(tag.as_ref()),
            Err(_) => {
                out.zeroize();
                return Err(SealError::TooLong { bytes: plain.len() });
            }
        }
        Ok(out)
    }

    /// Opens a text sealed for `place`.
    ///
    /// # Errors
    /// As [`DataKey::open_bytes`], and [`OpenError::NotText`].
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Secret<String>, OpenError> {
        let plain = self.open_raw(place, sealed)?;
        String::from_utf8(plain).map(Secret::new).map_err(|refused| {
            refused.into_bytes().zeroize();
            OpenError::NotText
        })
    }

    /// Opens bytes sealed for `place`.
    ///
    /// # Errors
    /// [`OpenError::Malformed`] for what is not sealed bytes, [`OpenError::OtherVersion`] for another version of the
    /// data key, [`OpenError::Refused`] when altered, moved from another place, or sealed by another key.
    pub fn open_bytes(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        self.open_raw(place, sealed).map(Secret::new)
    }

    fn open_raw(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let parts = Parts::read(sealed).ok_or(OpenError::Malformed)?;
        let cipher = self.cipher_of_version(parts.version)?;
        let mut plain = parts.body.to_vec();
        let nonce = Nonce::assume_unique_for_key(parts.nonce);
        let aad = Aad::from(self.associated(place, parts.version));
        let opened = cipher.open_in_place(nonce, aad, &mut plain).map(|plain| plain.len());
        match opened {
            Ok(length) => {
                plain.truncate(length);
                Ok(plain)
            }
            Err(_) => {
                plain.zeroize();
                Err(OpenError::Refused)
            }
        }
    }

    fn cipher_of_version(&self, sealed: u32) -> Result<&LessSafeKey, OpenError> {
        if sealed == self.version {
            return Ok(&self.cipher);
        }
        let older = self.older.iter().find(|(version, _)| *version == sealed);
        older.map(|(_, cipher)| cipher).ok_or(OpenError::OtherVersion { sealed, at_hand: self.version })
    }

    fn associated(&self, place: &Place<'_>, version: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        push_part(&mut out, self.shop.short().as_bytes());
        push_part(&mut out, place.table.as_bytes());
        push_part(&mut out, place.column.as_bytes());
        push_part(&mut out, self.owner.as_bytes());
        push_part(&mut out, place.row.as_bytes());
        push_part(&mut out, &version.to_be_bytes());
        out
    }
}

fn cipher_of(key: &KeyBytes) -> LessSafeKey {
    match UnboundKey::new(&AES_256_GCM, key.as_slice()) {
        Ok(cipher) => LessSafeKey::new(cipher),
        // Nothing but a wrong length is refused, and the type fixes the length.
        Err(_) => unreachable!("a 32-byte key fits AES-256"),
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

struct Parts<'a> {
    version: u32,
    nonce: [u8; NONCE_LEN],
    body: &'a [u8],
}

impl Parts<'_> {
    fn read(sealed: &[u8]) -> Option<Parts<'_>> {
        let (format, rest) = sealed.split_first()?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        let fits = (TAG_BYTES..=PLAIN_BYTES_MAX + TAG_BYTES).contains(&body.len());
        let known = *format == FORMAT && fits;
        known.then_some(Parts { version: u32::from_be_bytes(*version), nonce: *nonce, body })
    }
}

/// Why a value was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Past the limit.
    #[error("a value of {bytes} bytes is too long to seal; the limit is {PLAIN_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Nothing is counted for it any more: it was fetched to open alone, or sealed what it may.
    #[error("this data key seals nothing more; fetch it for sealing")]
    Spent,
}

/// Why sealed bytes were not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not in the format of sealed bytes, too short or too long.
    #[error("sealed bytes are malformed")]
    Malformed,
    /// Sealed under another version of the data key.
    #[error("sealed under data key version {sealed}, at hand is version {at_hand}")]
    OtherVersion {
        /// The version written in the sealed bytes.
        sealed: u32,
        /// The version of the key that was tried.
        at_hand: u32,
    },
    /// Altered, moved from another place, or sealed by another key.
    #[error("sealed bytes do not belong to this place or were altered")]
    Refused,
    /// Opened, but not UTF-8.
    #[error("the sealed value is not text")]
    NotText,
}

/// Version of the key and nonce of sealed bytes; `None` for what is none.
pub(crate) fn nonce_of(sealed: &[u8]) -> Option<(u32, [u8; NONCE_LEN])> {
    Parts::read(sealed).map(|parts| (parts.version, parts.nonce))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KEY_BYTES;
    use zeroize::Zeroizing;

    const HOME: Place<'static> = Place { table: "buyers", column: "name", row: "r1" };

    fn key_of(shop: ShopId, owner: &str, version: u32) -> DataKey {
        DataKey::new(shop, owner, version, &Zeroizing::new([7; KEY_BYTES])).may_seal(2)
    }

    fn key() -> DataKey {
        key_of(ShopId::HOUSE, "o1", 1)
    }

    fn text(value: &str) -> Secret<String> {
        Secret::new(value.to_owned())
    }

    #[test]
    fn a_sealed_text_opens_at_its_place() {
        let sealed = key().seal(&HOME, &text("Zhāng 三"), &Dice::System).unwrap();
        assert_eq!(key().open(&HOME, &sealed).unwrap().expose(), "Zhāng 三");
        assert_eq!(sealed.len(), HEAD_BYTES + "Zhāng 三".len() + TAG_BYTES);
        let empty = key().seal(&HOME, &text(""), &Dice::System).unwrap();
        assert_eq!(key().open(&HOME, &empty).unwrap().expose(), "");
    }

    #[test]
    fn c45_every_part_of_the_associated_data_matters() {
        let sealed = key().seal(&HOME, &text("value"), &Dice::System).unwrap();
        let refused = Err(OpenError::Refused);
        let open = |key: DataKey, place: Place<'_>| key.open(&place, &sealed).map(|_| ());
        assert_eq!(open(key(), HOME), Ok(()));
        let other = ShopId::random(&Dice::System);
        assert_eq!(open(key_of(other, "o1", 1), HOME), refused);
        assert_eq!(open(key_of(ShopId::HOUSE, "o2", 1), HOME), refused);
        assert_eq!(open(key(), Place { table: "members", ..HOME }), refused);
        assert_eq!(open(key(), Place { column: "contact", ..HOME }), refused);
        assert_eq!(open(key(), Place { row: "r2", ..HOME }), refused);
        let older = Err(OpenError::OtherVersion { sealed: 1, at_hand: 2 });
        assert_eq!(open(key_of(ShopId::HOUSE, "o1", 2), HOME), older);
        let mut claimed = sealed.clone();
        claimed[4] = 2;
        assert_eq!(key_of(ShopId::HOUSE, "o1", 2).open(&HOME, &claimed).map(|_| ()), refused);
    }

    #[test]
    fn c45_parts_cannot_flow_into_each_other() {
        let sealed =
            key().seal(&Place { column: "ab", row: "c", ..HOME }, &text("v"), &Dice::System).unwrap();
        let shifted = key().open(&Place { column: "a", row: "bc", ..HOME }, &sealed);
        assert_eq!(shifted.map(|_| ()), Err(OpenError::Refused));
    }

    #[test]
    fn altered_or_cut_bytes_never_open() {
        let sealed = key().seal(&HOME, &text("some value"), &Dice::System).unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(key().open(&HOME, &altered).is_err(), "byte {at}");
            assert!(key().open(&HOME, &sealed[..at]).is_err(), "cut to {at}");
        }
        let mut longer = sealed.clone();
        longer.push(0);
        assert_eq!(key().open(&HOME, &longer).map(|_| ()), Err(OpenError::Refused));
    }

    #[test]
    fn length_has_a_limit_on_both_sides() {
        let at_limit = vec![1; PLAIN_BYTES_MAX];
        let sealed = key().seal_bytes(&HOME, &at_limit, &Dice::System).unwrap();
        assert_eq!(key().open_bytes(&HOME, &sealed).unwrap().expose(), &at_limit);
        let past = key().seal_bytes(&HOME, &vec![1; PLAIN_BYTES_MAX + 1], &Dice::System);
        assert_eq!(past, Err(SealError::TooLong { bytes: PLAIN_BYTES_MAX + 1 }));
        assert_eq!(key().open(&HOME, &vec![1; sealed.len() + 1]).map(|_| ()), Err(OpenError::Malformed));
    }

    #[test]
    fn cr_1_a_data_key_seals_as_many_values_as_were_counted_for_it_and_no_more() {
        let key = key();
        let last = [(); 2].map(|()| key.seal(&HOME, &text("v"), &Dice::System).unwrap())[1].clone();
        assert_eq!(key.seal(&HOME, &text("v"), &Dice::System), Err(SealError::Spent));
        assert_eq!(key.open(&HOME, &last).unwrap().expose(), "v", "it still opens");
    }

    #[test]
    fn bytes_that_are_not_text_are_said_to_be_so() {
        let sealed = key().seal_bytes(&HOME, &[0xFF, 0xFE], &Dice::System).unwrap();
        assert_eq!(key().open(&HOME, &sealed).map(|_| ()), Err(OpenError::NotText));
    }

    #[test]
    fn two_seals_of_one_value_share_no_nonce_and_no_ciphertext() {
        let seal = || key().seal(&HOME, &text("same"), &Dice::System).unwrap();
        let (one, two) = (seal(), seal());
        assert_ne!(one[5..17], two[5..17]);
        assert_ne!(one[17..], two[17..]);
    }

    proptest::proptest! {
        #[test]
        fn hostile_bytes_are_an_error_and_never_a_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            proptest::prop_assert!(key().open(&HOME, &bytes).is_err());
        }

        #[test]
        fn any_bytes_come_back_as_they_were(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            let sealed = key().seal_bytes(&HOME, &bytes, &Dice::System).unwrap();
            let opened = key().open_bytes(&HOME, &sealed).unwrap();
            proptest::prop_assert_eq!(opened.expose(), &bytes);
        }
    }
}
