//! What a browser brings back from an authenticator: JSON, base64url, CBOR and COSE, one inside the other.

use identity::passkeys::fuzz;
use identity::routes::passkey_bodies::{NewPasskeyBody, PasskeyUseBody};

/// A new passkey: the JSON of the request, and the same bytes as an attestation object.
pub fn new(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = NewPasskeyBody::parse_text(text);
    }
    fuzz::attestation(data);
}

/// A use of a passkey: the JSON of the request, and the same bytes as authenticator data and as a key.
pub fn used(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = PasskeyUseBody::parse_text(text);
    }
    fuzz::authenticator_data(data);
    fuzz::public_key(data);
}
