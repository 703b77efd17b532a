//! Keys and algorithms. The algorithm belongs to the key, never to the message (SIG-5).

use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PSS_2048_8192_SHA512,
};
use base::Timestamp;

use crate::limits::HMAC_SECRET_BYTES_MIN;

/// A signature algorithm by its registered name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `hmac-sha256`.
    HmacSha256,
    /// `ed25519`.
    Ed25519,
    /// `ecdsa-p256-sha256`, verification only.
    EcdsaP256Sha256,
    /// `rsa-pss-sha512`, verification only.
    RsaPssSha512,
}

impl Algorithm {
    /// The name in the registry of RFC 9421.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::HmacSha256 => "hmac-sha256",
            Algorithm::Ed25519 => "ed25519",
            Algorithm::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Algorithm::RsaPssSha512 => "rsa-pss-sha512",
        }
    }
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Too short for HMAC-SHA256.
    #[error("the secret must have at least {HMAC_SECRET_BYTES_MIN} bytes")]
    ShortSecret,
    /// Wrong length or form.
    #[error("not a key of this algorithm")]
    Malformed,
}

/// What verifies signatures of one key.
#[derive(Clone, Debug)]
pub struct VerifyingKey(Verifying);

#[derive(Clone, Debug)]
enum Verifying {
    // INVARIANT: `hmac::Key` prints its algorithm alone.
    Hmac(Box<hmac::Key>),
    Ed25519(Arc<ParsedPublicKey>),
    P256(Arc<ParsedPublicKey>),
    RsaPss(PublicKeyComponents<Vec<u8>>),
}

impl VerifyingKey {
    /// A shared secret of at least [`HMAC_SECRET_BYTES_MIN`] bytes.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`].
    pub fn hmac_sha256(secret: &[u8]) -> Result<VerifyingKey, KeyError> {
        Ok(VerifyingKey(Verifying::Hmac(Box::new(hmac_key(secret)?))))
    }

    /// A public key of 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn ed25519(public: &[u8]) -> Result<VerifyingKey, KeyError> {
        check_length(public, 32)?;
        let key = ParsedPublicKey::new(&ED25519, public).map_err(|_| KeyError::Malformed)?;
        Ok(VerifyingKey(Verifying::Ed25519(Arc::new(key))))
    }

    /// An uncompressed point of 65 bytes.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn ecdsa_p256(point: &[u8]) -> Result<VerifyingKey, KeyError> {
        check_length(point, 65)?;
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyError::Malformed)?;
        Ok(VerifyingKey(Verifying::P256(Arc::new(key))))
    }

    /// Modulus and exponent, big-endian.
    pub fn rsa_pss(modulus: &[u8], exponent: &[u8]) -> VerifyingKey {
        let key = PublicKeyComponents { n: modulus.to_vec(), e: exponent.to_vec() };
        VerifyingKey(Verifying::RsaPss(key))
    }

    /// The key's algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Verifying::Hmac(_) => Algorithm::HmacSha256,
            Verifying::Ed25519(_) => Algorithm::Ed25519,
            Verifying::P256(_) => Algorithm::EcdsaP256Sha256,
            Verifying::RsaPss(_) => Algorithm::RsaPssSha512,
        }
    }

    /// Whether `signature` is this key's over `data`. HMAC compares in constant time.
    pub fn verifies(&self, data: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Verifying::Hmac(key) => hmac::verify(key, data, signature).is_ok(),
            Verifying::Ed25519(key) | Verifying::P256(key) => key.verify_sig(data, signature).is_ok(),
            Verifying::RsaPss(key) => key.verify(&RSA_PSS_2048_8192_SHA512, data, signature).is_ok(),
        }
    }
}

/// What the server knows of a key.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// The key; its algorithm is the only one accepted.
    pub key: VerifyingKey,
    /// Valid from this instant.
    pub not_before: Timestamp,
    /// Valid before this instant; `None` for ever.
    pub not_after: Option<Timestamp>,
    /// Switched off.
    pub disabled: bool,
}

impl KeyRecord {
    /// A key that is valid at any time.
    pub fn always(key: VerifyingKey) -> KeyRecord {
        KeyRecord { key, not_before: Timestamp(i64::MIN), not_after: None, disabled: false }
    }

    /// Whether the key may be used at `now` (SIG-6).
    pub fn is_usable(&self, now: Timestamp) -> bool {
        !self.disabled && self.not_before <= now && self.not_after.is_none_or(|end| now < end)
    }
}

/// What makes signatures.
#[derive(Debug)]
pub struct SigningKey(Signing);

#[derive(Debug)]
enum Signing {
    Hmac(Box<hmac::Key>),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// A shared secret of at least [`HMAC_SECRET_BYTES_MIN`] bytes.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`].
    pub fn hmac_sha256(secret: &[u8]) -> Result<SigningKey, KeyError> {
        Ok(SigningKey(Signing::Hmac(Box::new(hmac_key(secret)?))))
    }

    /// A private key of 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn ed25519(seed: &[u8]) -> Result<SigningKey, KeyError> {
        check_length(seed, 32)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Malformed)?;
        Ok(SigningKey(Signing::Ed25519(pair)))
    }

    /// The key's algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Signing::Hmac(_) => Algorithm::HmacSha256,
            Signing::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The public key of an Ed25519 key.
    pub fn public(&self) -> Option<&[u8]> {
        match &self.0 {
            Signing::Hmac(_) => None,
            Signing::Ed25519(pair) => Some(pair.public_key().as_ref()),
        }
    }

    /// Signs `data`.
    pub fn sign(&self, data: &[u8]) -> Vec<u8> {
        match &self.0 {
            Signing::Hmac(key) => hmac::sign(key, data).as_ref().to_vec(),
            Signing::Ed25519(pair) => pair.sign(data).as_ref().to_vec(),
        }
    }
}

fn hmac_key(secret: &[u8]) -> Result<hmac::Key, KeyError> {
    if secret.len() < HMAC_SECRET_BYTES_MIN {
        return Err(KeyError::ShortSecret);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, secret))
}

fn check_length(bytes: &[u8], wanted: usize) -> Result<(), KeyError> {
    if bytes.len() == wanted { Ok(()) } else { Err(KeyError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_secrets_have_a_shortest_length() {
        assert!(VerifyingKey::hmac_sha256(&[7; HMAC_SECRET_BYTES_MIN]).is_ok());
        let short = VerifyingKey::hmac_sha256(&[7; HMAC_SECRET_BYTES_MIN - 1]).map(|_| ());
        assert_eq!(short, Err(KeyError::ShortSecret));
    }

    #[test]
    fn sig_6_keys_have_a_time() {
        let key = VerifyingKey::hmac_sha256(&[7; 32]).unwrap();
        let record =
            KeyRecord { not_before: Timestamp(10), not_after: Some(Timestamp(20)), ..KeyRecord::always(key) };
        let usable = |at| record.is_usable(Timestamp(at));
        assert_eq!([9, 10, 19, 20].map(usable), [false, true, true, false]);
        assert!(!KeyRecord { disabled: true, ..record.clone() }.is_usable(Timestamp(15)));
    }

    #[test]
    fn debug_prints_no_secret() {
        let key = VerifyingKey::hmac_sha256(b"planted-planted-planted-planted-").unwrap();
        assert!(!format!("{key:?}").contains("planted"));
    }
}
