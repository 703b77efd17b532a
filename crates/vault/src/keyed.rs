//! Keyed hashes that are kept: what a value is found by ([`Vault::index`]) and what a secret is checked against
//! ([`Vault::keyed`]), each with the versions of the keys it was made by.
//!
//! When the seed of the sub-keys is replaced, a hash whose value is sealed beside it is made anew. One whose value is
//! kept nowhere, such as a PIN's, gets a layer: the hash itself is hashed under the new key, and the versions stand in
//! the order they were used. Checking goes the same way, so the old key is still needed, but alone it is worth nothing
//! to whoever has it and the database. The next time the secret is given and right, a plain hash under the newest key
//! takes the place of the layers. Layering is how older password hashes are strengthened without the passwords (OWASP
//! Password Storage Cheat Sheet, "Upgrading Legacy Hashes"); HMAC under an unknown key is a pseudo-random function of
//! whatever it is given (RFC 2104; Bellare 2006), so one unknown key in the chain is enough.

use aws_lc_rs::{constant_time, hmac};
use base::Timestamp;
use store::Tx;
use zeroize::Zeroizing;

use crate::handle::{DERIVE, Vault, VaultError};
use crate::keys::push_part;
use crate::limits::SEEDS_MAX;
use crate::store::keks::{self as rows, KeyState};
use crate::sub_keys::{Seeds, SubKey};

const HASH_BYTES: usize = 32;
const VERSION_BYTES: usize = 4;
const FIRST: u32 = 1;
/// What a layer is made over begins with this, so that no first message is taken for one.
const LAYER: &[u8] = b"tillward layer v1";

/// A keyed hash with the versions of the keys it was made by, the innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedHash {
    bytes: [u8; HASH_BYTES],
    versions: Vec<u32>,
}

impl KeyedHash {
    /// Reads what [`KeyedHash::stored`] gave; `None` for anything else.
    pub fn read(stored: &[u8]) -> Option<KeyedHash> {
        let (bytes, rest) = stored.split_first_chunk::<HASH_BYTES>()?;
        let (chunks, []) = rest.as_chunks::<VERSION_BYTES>() else { return None };
        let versions: Vec<u32> = chunks.iter().map(|chunk| u32::from_be_bytes(*chunk)).collect();
        let rises = versions.windows(2).all(|pair| pair.first() < pair.last());
        let canonical = versions != [FIRST] && versions.len() <= SEEDS_MAX && rises && !versions.contains(&0);
        let versions = if versions.is_empty() { vec![FIRST] } else { versions };
        canonical.then_some(KeyedHash { bytes: *bytes, versions })
    }

    /// As it is stored: the hash, and the versions of four bytes each unless it is the first alone.
    pub fn stored(&self) -> Vec<u8> {
        let mut out = self.bytes.to_vec();
        if self.versions != [FIRST] {
            out.extend(self.versions.iter().flat_map(|version| version.to_be_bytes()));
        }
        out
    }

    /// The hash alone.
    pub fn bytes(&self) -> &[u8; HASH_BYTES] {
        &self.bytes
    }

    /// The versions of the keys it was made by, the innermost first.
    pub fn versions(&self) -> &[u32] {
        &self.versions
    }
}

impl Vault {
    /// The HMAC-SHA256 key of one purpose that is in use.
    pub fn hmac_key(&self, sub: SubKey) -> hmac::Key {
        let seeds = self.seeds();
        seeds.present().get(sub).clone()
    }

    /// Every key of one purpose that still opens something: the one in use first.
    pub fn hmac_keys(&self, sub: SubKey) -> Vec<hmac::Key> {
        let seeds = self.seeds();
        let older = seeds.others().filter_map(|version| seeds.get(version));
        [seeds.present().get(sub).clone()]
            .into_iter()
            .chain(older.map(|seed| seed.get(sub).clone()))
            .collect()
    }

    /// Whether `tag` is the HMAC-SHA256 of `message` under any key of the purpose that still opens something. For what
    /// lives shorter than a key that was replaced.
    pub fn has_tag(&self, sub: SubKey, message: &[u8], tag: &[u8]) -> bool {
        self.hmac_keys(sub).iter().any(|key| hmac::verify(key, message, tag).is_ok())
    }

    /// The keyed hash of a message, under the key in use.
    pub fn keyed(&self, sub: SubKey, message: &[u8]) -> KeyedHash {
        let seeds = self.seeds();
        KeyedHash {
            bytes: sign(seeds.present().get(sub), message),
            versions: vec![version_of(seeds.active())],
        }
    }

    /// Whether a keyed hash was made of this message.
    ///
    /// # Errors
    /// [`VaultError::UnknownSeed`] when it was made by a key this process does not have. It is then neither right nor wrong.
    pub fn keyed_fits(&self, sub: SubKey, message: &[u8], hash: &KeyedHash) -> Result<bool, VaultError> {
        let seeds = self.seeds();
        let found = chain(&seeds, sub, message, &hash.versions)?;
        Ok(constant_time::verify_slices_are_equal(&found, &hash.bytes).is_ok())
    }

    /// The hash with a layer of each key that came after it; `None` when there is none.
    pub fn layered(&self, sub: SubKey, hash: &KeyedHash) -> Option<KeyedHash> {
        let seeds = self.seeds();
        let last = i64::from(hash.versions.last().copied()?);
        let mut next = hash.clone();
        for version in seeds.versions().filter(|version| *version > last && *version <= seeds.active()) {
            let key = seeds.get(version)?.get(sub);
            next.bytes = layer(key, &next.bytes);
            next.versions.push(version_of(version));
        }
        (next.versions != hash.versions).then_some(next)
    }

    /// Whether a hash is by the key in use and no other.
    pub fn is_plain(&self, hash: &KeyedHash) -> bool {
        hash.versions == [version_of(self.seeds().active())]
    }

    /// What a sealed value is looked up by: a hash keyed for the kind of value over its normalised text (CR-6). Equal texts
    /// of one kind give equal hashes; nothing can be read back from one.
    pub fn index(&self, kind: &str, normalised: &str) -> KeyedHash {
        self.keyed(SubKey::BlindIndex, &index_input(kind, normalised))
    }

    /// The same, to be stored: by the key that the database says is in use, in this transaction. So a node that has not
    /// yet heard of a rotation stores nothing that the others would not find.
    ///
    /// # Errors
    /// [`VaultError::UnknownSeed`] when that key is not loaded here, [`VaultError::Store`].
    pub fn index_to_store(&self, tx: &mut Tx, kind: &str, normalised: &str) -> Result<KeyedHash, VaultError> {
        self.meet_active_seed(tx)?;
        Ok(self.index(kind, normalised))
    }

    /// Whether an index was made of this value.
    ///
    /// # Errors
    /// As [`Vault::keyed_fits`].
    pub fn index_fits(&self, kind: &str, normalised: &str, hash: &KeyedHash) -> Result<bool, VaultError> {
        self.keyed_fits(SubKey::BlindIndex, &index_input(kind, normalised), hash)
    }

    /// Every index that may stand for a value: by the key in use first, then by the older ones that still open something.
    pub fn indexes(&self, kind: &str, normalised: &str) -> Vec<KeyedHash> {
        let input = index_input(kind, normalised);
        let (active, seeds) = (self.index(kind, normalised), self.seeds());
        let made = seeds.others().filter_map(|version| {
            let bytes = sign(seeds.get(version)?.get(SubKey::BlindIndex), &input);
            Some(KeyedHash { bytes, versions: vec![version_of(version)] })
        });
        [active].into_iter().chain(made).collect()
    }

    /// The same for a value that is kept nowhere, so that its index has layers once a key was replaced.
    pub fn layered_indexes(&self, kind: &str, normalised: &str) -> Vec<KeyedHash> {
        let input = index_input(kind, normalised);
        let (mut found, seeds) = (vec![self.index(kind, normalised)], self.seeds());
        let versions: Vec<i64> = seeds.versions().collect();
        for first in (0..versions.len()).rev() {
            let Some(run) = versions.get(first..) else { continue };
            for length in 1..=run.len() {
                let run: Vec<u32> = run.iter().take(length).map(|version| version_of(*version)).collect();
                if let Ok(bytes) = chain(&seeds, SubKey::BlindIndex, &input, &run) {
                    found.push(KeyedHash { bytes, versions: run });
                }
            }
        }
        found
    }

    /// A keyed hash that nothing stored depends on for longer than a moment ago: by the key that was in use at `then`.
    /// Equal for equal inputs of one moment, whatever was replaced since.
    pub fn hash_of_moment(&self, then: Timestamp, kind: &str, text: &str) -> [u8; HASH_BYTES] {
        let seeds = self.seeds();
        sign(seeds.at(then).get(SubKey::BlindIndex), &index_input(kind, text))
    }

    /// The version of the seed that was in use at a time: the one that was retired first after it.
    pub fn seed_version_at(&self, then: Timestamp) -> i64 {
        self.seeds().version_at(then)
    }

    /// Makes the key that the database says is in use the one in use here.
    fn meet_active_seed(&self, tx: &mut Tx) -> Result<(), VaultError> {
        let (active, loaded) = {
            let seeds = self.seeds();
            (seeds.active(), seeds.versions().collect::<Vec<_>>())
        };
        for version in loaded.into_iter().rev() {
            let state = rows::find_kek(tx, DERIVE, version)?.map(|row| row.state);
            if state == Some(KeyState::Active) {
                if version != active {
                    self.write_seeds().set_active(version);
                }
                return Ok(());
            }
        }
        Err(VaultError::UnknownSeed { version: active + 1 })
    }
}

/// The hash of a message by these keys, the innermost first.
fn chain(
    seeds: &Seeds,
    sub: SubKey,
    message: &[u8],
    versions: &[u32],
) -> Result<[u8; HASH_BYTES], VaultError> {
    let key = |version: u32| {
        let version = i64::from(version);
        seeds.get(version).map(|seed| seed.get(sub)).ok_or(VaultError::UnknownSeed { version })
    };
    let (first, outer) = versions.split_first().ok_or(VaultError::Tampered)?;
    let mut bytes = sign(key(*first)?, message);
    for version in outer {
        bytes = layer(key(*version)?, &bytes);
    }
    Ok(bytes)
}

fn layer(key: &hmac::Key, bytes: &[u8; HASH_BYTES]) -> [u8; HASH_BYTES] {
    sign(key, &[LAYER, bytes].concat())
}

fn sign(key: &hmac::Key, message: &[u8]) -> [u8; HASH_BYTES] {
    hmac::sign(key, message).as_ref().first_chunk().copied().unwrap_or_default()
}

fn index_input(kind: &str, normalised: &str) -> Zeroizing<Vec<u8>> {
    let mut input = Zeroizing::new(Vec::with_capacity(kind.len() + normalised.len() + 8));
    push_part(&mut input, kind.as_bytes());
    push_part(&mut input, normalised.as_bytes());
    input
}

/// INVARIANT: versions of seeds count from 1; there are never four thousand million of them.
fn version_of(version: i64) -> u32 {
    u32::try_from(version).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_hash_is_read_back_and_nothing_else_is_one() {
        for versions in [vec![1], vec![2], vec![1, 2], vec![3, 4, 7]] {
            let hash = KeyedHash { bytes: [9; HASH_BYTES], versions };
            assert_eq!(KeyedHash::read(&hash.stored()), Some(hash));
        }
        let first = KeyedHash { bytes: [9; HASH_BYTES], versions: vec![1] };
        assert_eq!(first.stored().len(), HASH_BYTES, "as before there were versions");
        let with = |suffix: &[u8]| [&[9; HASH_BYTES][..], suffix].concat();
        for bad in [
            vec![9; HASH_BYTES - 1],
            with(&[0, 0, 0]),
            with(&[0, 0, 0, 1]),
            with(&[0, 0, 0, 0]),
            with(&[0, 0, 0, 2, 0, 0, 0, 2]),
            with(&[0, 0, 0, 3, 0, 0, 0, 2]),
        ] {
            assert_eq!(KeyedHash::read(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn layers_are_limited_on_both_sides() {
        let of = |count: usize| {
            let suffix = (2..).take(count).flat_map(u32::to_be_bytes);
            [9; HASH_BYTES].into_iter().chain(suffix).collect::<Vec<u8>>()
        };
        assert!(KeyedHash::read(&of(SEEDS_MAX)).is_some());
        assert!(KeyedHash::read(&of(SEEDS_MAX + 1)).is_none());
    }
}
