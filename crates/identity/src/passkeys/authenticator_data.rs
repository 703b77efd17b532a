//! What an authenticator says and signs: for which site, that somebody was there, how often it signed (WebAuthn L3 §6.1).

use super::cbor::{Item, Reader};
use crate::limits::PASSKEY_ID_BYTES_MAX;

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// Authenticator data, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AuthenticatorData<'a> {
    /// SHA-256 of the site's name.
    pub site_hash: [u8; 32],
    flags: u8,
    /// How often the key signed; 0 when the authenticator does not count.
    pub counter: u32,
    /// The new key, at a registration.
    pub attested: Option<AttestedKey<'a>>,
}

/// A key that was just made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttestedKey<'a> {
    /// The credential's id, at most [`PASSKEY_ID_BYTES_MAX`] bytes.
    pub id: &'a [u8],
    /// Its public key, COSE.
    pub cose: &'a [u8],
    /// What the authenticator says it is (AAGUID); zeros when it does not say.
    pub model: [u8; 16],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads authenticator data whole; `None` when malformed or with bytes left over.
    pub(super) fn read(bytes: &'a [u8]) -> Option<AuthenticatorData<'a>> {
        let mut reader = Reader::new(bytes);
        let site_hash = reader.take_array()?;
        let [flags] = reader.take_array()?;
        let counter = u32::from_be_bytes(reader.take_array()?);
        let attested = if flags & ATTESTED == 0 { None } else { Some(AttestedKey::read(&mut reader)?) };
        if flags & EXTENSIONS != 0 {
            let mut map = Reader::new(reader.skip()?);
            matches!(map.item()?, Item::Map(_)).then_some(())?;
        }
        reader.is_empty().then_some(AuthenticatorData { site_hash, flags, counter, attested })
    }

    pub(super) fn user_present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }

    pub(super) fn user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    /// Whether the key may be copied to other devices. It never changes.
    pub(super) fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    /// Whether the key is copied at present.
    pub(super) fn backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}

impl<'a> AttestedKey<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<AttestedKey<'a>> {
        let model = reader.take_array()?;
        let length = usize::from(u16::from_be_bytes(reader.take_array()?));
        let fits = (1..=PASSKEY_ID_BYTES_MAX).contains(&length);
        let id = reader.take(length).filter(|_| fits)?;
        Some(AttestedKey { id, cose: reader.skip()?, model })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(flags: u8, tail: &[u8]) -> Vec<u8> {
        [&[7; 32], &[flags][..], &[0, 0, 1, 2], tail].concat()
    }

    fn attested(id_bytes: u16) -> Vec<u8> {
        let id = vec![9; usize::from(id_bytes)];
        data(ATTESTED, &[&[0; 16], &id_bytes.to_be_bytes()[..], &id, &[0xa0]].concat())
    }

    #[test]
    fn the_37_bytes_of_an_assertion_are_read() {
        let bytes = data(USER_PRESENT | BACKUP_ELIGIBLE, &[]);
        let read = AuthenticatorData::read(&bytes).unwrap();
        assert_eq!((read.site_hash, read.counter, read.attested), ([7; 32], 258, None));
        assert!(read.user_present() && read.backup_eligible());
        assert!(!read.user_verified() && !read.backed_up());
    }

    #[test]
    fn what_is_cut_off_or_has_something_behind_it_is_refused() {
        let bytes = data(USER_PRESENT, &[]);
        assert_eq!(AuthenticatorData::read(&bytes[..36]), None);
        assert_eq!(AuthenticatorData::read(&[&bytes[..], &[0]].concat()), None);
        assert!(AuthenticatorData::read(&data(EXTENSIONS, &[0xa1, 0x61, 0x61, 0x01])).is_some());
        assert_eq!(AuthenticatorData::read(&data(EXTENSIONS, &[])), None);
        assert_eq!(AuthenticatorData::read(&data(EXTENSIONS, &[1])), None);
    }

    #[test]
    fn wa_3_a_credential_id_has_at_most_1023_bytes() {
        let limit = u16::try_from(PASSKEY_ID_BYTES_MAX).unwrap();
        let id_length =
            |bytes: &[u8]| AuthenticatorData::read(bytes).and_then(|d| Some(d.attested?.id.len()));
        assert_eq!(id_length(&attested(limit)), Some(PASSKEY_ID_BYTES_MAX));
        assert_eq!(id_length(&attested(limit + 1)), None);
        assert_eq!(id_length(&attested(1)), Some(1));
        assert_eq!(id_length(&attested(0)), None);
    }
}
