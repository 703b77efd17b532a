//! Keys derived from one seed, a purpose each.

use aws_lc_rs::hmac;

use crate::keys::{self, KeyBytes};

/// What a derived key is for. One purpose, one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubKey {
    /// Verifiers of payment PINs.
    Pin,
    /// One-time codes sent to a contact.
    OneTimeCode,
    /// Recovery codes of a second factor.
    RecoveryCode,
    /// Blind indexes. Use [`crate::Vault::blind_index`].
    BlindIndex,
    /// Signatures of payment codes (QR).
    CodeSigning,
    /// Fingerprints of requests beside their idempotency keys.
    Fingerprint,
}

impl SubKey {
    /// Every purpose.
    pub const ALL: [SubKey; 6] = [
        SubKey::Pin,
        SubKey::OneTimeCode,
        SubKey::RecoveryCode,
        SubKey::BlindIndex,
        SubKey::CodeSigning,
        SubKey::Fingerprint,
    ];

    // INVARIANT: labels never change; everything made under one would stop verifying.
    /// What it is called in derivations and reports.
    pub const fn label(self) -> &'static str {
        match self {
            SubKey::Pin => "pin",
            SubKey::OneTimeCode => "one-time code",
            SubKey::RecoveryCode => "recovery code",
            SubKey::BlindIndex => "blind index",
            SubKey::CodeSigning => "code signing",
            SubKey::Fingerprint => "request fingerprint",
        }
    }
}

pub(crate) struct SubKeys {
    pin: hmac::Key,
    one_time_code: hmac::Key,
    recovery_code: hmac::Key,
    blind_index: hmac::Key,
    code_signing: hmac::Key,
    fingerprint: hmac::Key,
}

impl SubKeys {
    pub(crate) fn derive(seed: &KeyBytes) -> SubKeys {
        let key = |sub: SubKey| {
            let bytes = keys::derive(seed, sub.label(), &[]);
            hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice())
        };
        SubKeys {
            pin: key(SubKey::Pin),
            one_time_code: key(SubKey::OneTimeCode),
            recovery_code: key(SubKey::RecoveryCode),
            blind_index: key(SubKey::BlindIndex),
            code_signing: key(SubKey::CodeSigning),
            fingerprint: key(SubKey::Fingerprint),
        }
    }

    pub(crate) fn get(&self, sub: SubKey) -> &hmac::Key {
        match sub {
            SubKey::Pin => &self.pin,
            SubKey::OneTimeCode => &self.one_time_code,
            SubKey::RecoveryCode => &self.recovery_code,
            SubKey::BlindIndex => &self.blind_index,
            SubKey::CodeSigning => &self.code_signing,
            SubKey::Fingerprint => &self.fingerprint,
        }
    }
}
