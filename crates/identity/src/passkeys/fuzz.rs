//! Entry points for fuzzers: the readers of what authenticators write. None may panic.

use base::Timestamp;
use rustls_pki_types::CertificateDer;

use super::attestation::{AttestationObject, AttestationPolicy, Claim, Model};
use super::authenticator_data::AuthenticatorData;
use super::key::PublicKey;

/// A root that no statement of chance leads to: that of the published vectors, without the key.
const ROOT: &[u8] = include_bytes!("../../tests/vectors/webauthn_l3_root.der");
/// In the years of that root.
const NOW: i64 = 1_790_000_000_000;

/// An attestation object, the data and the statement in it, and the key in the data.
pub fn attestation(bytes: &[u8]) {
    if let Some(object) = AttestationObject::read(bytes) {
        authenticator_data(object.data);
        statement(&object);
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

/// A maker's statement. One of chance leads to no root.
fn statement(object: &AttestationObject<'_>) {
    let data = AuthenticatorData::read(object.data).and_then(|data| data.attested);
    let Some(key) = data else { return };
    let Some(public) = PublicKey::read(key.cose) else { return };
    let root = CertificateDer::from(ROOT);
    let Ok(policy) = AttestationPolicy::new(&[root], Vec::new()) else { return };
    let claim = Claim { signed: object.data, key: &public, model: Model(key.model), now: Timestamp(NOW) };
    assert!(policy.check(object, &claim).is_err(), "a statement of chance leads to no root");
}
