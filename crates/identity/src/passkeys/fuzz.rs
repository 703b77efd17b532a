//! Entry points for fuzzers: the readers of what authenticators write. None may panic.

use super::authenticator_data::{AuthenticatorData, data_of_attestation};
use super::key::PublicKey;

/// An attestation object, the data in it, and the key in that.
pub fn attestation(bytes: &[u8]) {
    if let Some(data) = data_of_attestation(bytes) {
        authenticator_data(data);
    }
}

/// Authenticator data, and the key a registration brings. Nothing is read past the end, and an id keeps its limit.
pub fn authenticator_data(bytes: &[u8]) {
    if let Some(key) = AuthenticatorData::read(bytes).and_then(|data| data.attested) {
        assert!((1..=crate::limits::PASSKEY_ID_BYTES_MAX).contains(&key.id.len()), "an id keeps its limit");
        public_key(key.cose);
    }
}

/// A COSE key. One that is accepted verifies no signature of chance.
pub fn public_key(bytes: &[u8]) {
    if let Some(key) = PublicKey::read(bytes) {
        assert!(!key.verifies(b"nothing that was signed", bytes), "a signature of chance is refused");
    }
}
