//! What keys there are, whose they are, how old they are and when their time ends (C44, CR-7).

use base::Timestamp;
use store::Tx;

use crate::handle::{DERIVE, SEAL};
use crate::limits::{ALARM_DAYS, DATA_KEY_DAYS_MAX, KEK_DAYS_MAX, ROOT_DAYS_MAX, SEED_DAYS_MAX};
use crate::store::data_keys;
use crate::store::keks::{self, KeyState};
use crate::store::rotations::Level;
use crate::store::seeds::{SeedUses, list_uses};

const DAY_MS: i64 = 86_400_000;

/// One key, or all data keys together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// Where it stands in the tree.
    pub level: Level,
    /// What it is for.
    pub purpose: &'static str,
    /// Who keeps it: the key source's operator, or the program.
    pub keeper: &'static str,
    /// How it is used.
    pub algorithm: &'static str,
    /// Its name in its source, for a root key.
    pub name: Option<String>,
    /// Its version; for data keys, how many key-encryption keys wrap them.
    pub version: i64,
    /// What it may still do.
    pub state: KeyState,
    /// When it was made; for data keys, the oldest.
    pub created: Timestamp,
    /// Days it is used before it is to be replaced; `None` for one that cannot be replaced by the program.
    pub days_max: Option<i64>,
    /// When it was replaced.
    pub retired: Option<Timestamp>,
    /// When it was destroyed.
    pub destroyed: Option<Timestamp>,
    /// Keys that hang from it: for a seed its sub-keys, and once it was replaced the hashes that were last counted to be
    /// checked by it.
    pub uses: i64,
}

impl KeyFacts {
    /// Whole days until it is to be replaced, negative after that; `None` for one that is out of use or stays.
    pub fn days_left(&self, now: Timestamp) -> Option<i64> {
        let days = self.days_max.filter(|_| self.state == KeyState::Active)?;
        Some(self.created.plus_millis(days * DAY_MS).millis_since(now).div_euclid(DAY_MS))
    }

    /// The alarm that is due: the smallest of [`ALARM_DAYS`] that was reached, 0 once its time is over.
    pub fn alarm(&self, now: Timestamp) -> Option<i64> {
        let left = self.days_left(now)?;
        if left <= 0 {
            return Some(0);
        }
        ALARM_DAYS.into_iter().filter(|days| left <= *days).min()
    }
}

/// Every key of the tree from the root down; the data keys are one line.
///
/// # Errors
/// [`store::Error`].
pub fn list_keys(tx: &mut Tx) -> Result<Vec<KeyFacts>, store::Error> {
    let mut keys = Vec::new();
    let (wrapped, uses) = (keks::list_keks(tx)?, list_uses(tx)?);
    for root in keks::list_roots(tx)? {
        let is_below = |row: &&keks::KekRow| row.root == root.name && row.state != KeyState::Destroyed;
        keys.push(KeyFacts {
            level: Level::Root,
            purpose: "root: wraps the keys below",
            keeper: "key source",
            algorithm: root_algorithm(&root.kind),
            version: root.version,
            state: root.state,
            created: root.created,
            days_max: Some(ROOT_DAYS_MAX),
            retired: root.retired,
            destroyed: root.destroyed,
            uses: i64::try_from(wrapped.iter().filter(is_below).count()).unwrap_or(i64::MAX),
            name: Some(root.name),
        });
    }
    for row in wrapped {
        let (purpose, algorithm, days_max, uses) = if row.purpose == SEAL {
            let uses = data_keys::count_data_keys(tx, Some(row.version))?.0
                + data_keys::count_older_keys(tx, Some(row.version))?;
            ("key-encryption: wraps data keys", "AES-256-KWP (RFC 5649)", Some(KEK_DAYS_MAX), uses)
        } else {
            debug_assert!(row.purpose == DERIVE, "two purposes");
            let counted = uses.iter().filter(|uses| uses.version == row.version).map(|uses| uses.uses);
            let uses = match row.state {
                KeyState::Active | KeyState::Coming => {
                    i64::try_from(crate::SubKey::ALL.len()).unwrap_or(i64::MAX)
                }
                KeyState::Retired | KeyState::Destroyed => counted.sum(),
            };
            (
                "seed of sub-keys: PINs, codes, blind indexes",
                "HKDF-SHA256, HMAC-SHA256",
                Some(SEED_DAYS_MAX),
                uses,
            )
        };
        let level = if row.purpose == SEAL { Level::Kek } else { Level::Seed };
        keys.push(KeyFacts {
            level,
            purpose,
            keeper: "program",
            algorithm,
            name: None,
            version: row.version,
            state: row.state,
            created: row.created,
            days_max,
            retired: row.retired,
            destroyed: row.destroyed,
            uses,
        });
    }
    keys.extend(data_key_facts(tx)?);
    Ok(keys)
}

/// What hangs from each seed of sub-keys, by kind, as it was last counted: while it was replaced, or when its destruction
/// was asked for.
///
/// # Errors
/// [`store::Error`].
pub fn list_seed_uses(tx: &mut Tx) -> Result<Vec<SeedUses>, store::Error> {
    Ok(list_uses(tx)?.into_iter().filter(|uses| uses.uses > 0).collect())
}

fn root_algorithm(kind: &str) -> &'static str {
    match kind {
        "pkcs11" => "AES-256-GCM inside the token",
        "transit" => "AES-256-GCM inside the service",
        _ => "HKDF-SHA256, AES-256-KWP (RFC 5649)",
    }
}

fn data_key_facts(tx: &mut Tx) -> Result<Option<KeyFacts>, store::Error> {
    let (count, oldest) = data_keys::count_data_keys(tx, None)?;
    let Some(oldest) = oldest else { return Ok(None) };
    Ok(Some(KeyFacts {
        level: Level::Data,
        purpose: "data: seal each owner's values",
        keeper: "program",
        algorithm: "AES-256-GCM",
        name: None,
        version: 0,
        state: KeyState::Active,
        created: oldest,
        days_max: Some(DATA_KEY_DAYS_MAX),
        retired: None,
        destroyed: None,
        uses: count,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c44_alarms_come_at_30_14_7_and_1_days_and_at_the_end() {
        let key = KeyFacts {
            level: Level::Data,
            purpose: "data: seal each owner's values",
            keeper: "program",
            algorithm: "AES-256-GCM",
            name: None,
            version: 1,
            state: KeyState::Active,
            created: Timestamp(0),
            days_max: Some(100),
            retired: None,
            destroyed: None,
            uses: 0,
        };
        let alarm_on = |day: i64| key.alarm(Timestamp(day * DAY_MS));
        let seen: Vec<_> = [69, 70, 85, 86, 92, 93, 98, 99, 100, 200].map(alarm_on).into_iter().collect();
        let wanted =
            [None, Some(30), Some(30), Some(14), Some(14), Some(7), Some(7), Some(1), Some(0), Some(0)];
        assert_eq!(seen, wanted);
        let retired = KeyFacts { state: KeyState::Retired, ..key };
        assert_eq!(retired.alarm(Timestamp(200 * DAY_MS)), None);
    }
}
