//! Keys derived from one seed, a purpose each.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base::Timestamp;

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
    /// Blind indexes. Use [`crate::Vault::index`].
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

/// The seeds that are loaded, each with its sub-keys.
pub(crate) struct Seeds {
    active: i64,
    present: Arc<SubKeys>,
    by_version: BTreeMap<i64, Seed>,
}

struct Seed {
    keys: Arc<SubKeys>,
    retired: Option<Timestamp>,
}

impl Seeds {
    /// The seed in use alone.
    pub(crate) fn new(active: i64, seed: &KeyBytes) -> Seeds {
        let present = Arc::new(SubKeys::derive(seed));
        let first = Seed { keys: Arc::clone(&present), retired: None };
        Seeds { active, present, by_version: BTreeMap::from([(active, first)]) }
    }

    /// The version that new hashes are made by.
    pub(crate) fn active(&self) -> i64 {
        self.active
    }

    /// Makes a loaded version the one that new hashes are made by.
    pub(crate) fn set_active(&mut self, version: i64) {
        if let Some(seed) = self.by_version.get(&version) {
            (self.active, self.present) = (version, Arc::clone(&seed.keys));
        }
    }

    pub(crate) fn load(&mut self, version: i64, seed: &KeyBytes, retired: Option<Timestamp>) {
        self.by_version.insert(version, Seed { keys: Arc::new(SubKeys::derive(seed)), retired });
    }

    /// Learns when a seed was replaced.
    pub(crate) fn set_retired(&mut self, version: i64, retired: Option<Timestamp>) {
        if let Some(seed) = self.by_version.get_mut(&version) {
            seed.retired = retired;
        }
    }

    /// Forgets a seed that was destroyed; never the one in use.
    pub(crate) fn forget(&mut self, version: i64) {
        if version != self.active {
            self.by_version.remove(&version);
        }
    }

    pub(crate) fn get(&self, version: i64) -> Option<&SubKeys> {
        self.by_version.get(&version).map(|seed| &*seed.keys)
    }

    /// The sub-keys in use.
    pub(crate) fn present(&self) -> &SubKeys {
        &self.present
    }

    /// Those that were in use at a time; the present ones where those are not loaded.
    pub(crate) fn at(&self, then: Timestamp) -> &SubKeys {
        self.get(self.version_at(then)).unwrap_or(&self.present)
    }

    /// The first version that was not yet retired then.
    pub(crate) fn version_at(&self, then: Timestamp) -> i64 {
        let in_use = |seed: &Seed| seed.retired.is_none_or(|retired| then < retired);
        self.by_version.iter().find(|(_, seed)| in_use(seed)).map_or(self.active, |(version, _)| *version)
    }

    /// Those that are loaded, the oldest first.
    pub(crate) fn versions(&self) -> impl Iterator<Item = i64> + '_ {
        self.by_version.keys().copied()
    }

    /// Those that are loaded and not in use, the newest first.
    pub(crate) fn others(&self) -> impl Iterator<Item = i64> + '_ {
        self.by_version.keys().rev().copied().filter(|version| *version != self.active)
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
