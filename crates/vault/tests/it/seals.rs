//! How many values one data key seals (CR-1): counted in the transaction that fetches it, and replaced before the limit.

use std::sync::Arc;

use base::{Dice, Secret, ShopId, Timestamp};
use store::testing::{Scratch, each_engine};
use store::{Db, Tx};
use vault::limits::{SEALS_EACH_FETCH, SEALS_MAX};
use vault::rotation::Step;
use vault::{Level, Place, RootKey, SealError, Vault, VaultError};

use crate::rotation::open_place;

const NOW: Timestamp = Timestamp(1_772_357_400_000);
const NAME: Place<'static> = Place { table: "buyers", column: "name", row: "r1" };
const EACH: i64 = SEALS_EACH_FETCH as i64;

fn open(db: &Db) -> Arc<Vault> {
    let vault =
        db.write_blocking(|tx| Vault::open(tx, &RootKey::from_bytes([1; 32]), NOW, &Dice::System)).unwrap();
    Arc::new(vault)
}

/// Says that the owner's key has sealed so many values.
fn count(db: &Db, owner: &'static str, sealed: i64) {
    let sql = "UPDATE vault_data_keys SET sealed = ?1 WHERE owner = ?2";
    let changed = db.write_blocking(move |tx| tx.execute(sql, &[sealed.into(), owner.into()]));
    assert_eq!(changed, Ok(1));
}

fn counted(db: &Db, owner: &'static str) -> i64 {
    let sql = "SELECT sealed FROM vault_data_keys WHERE owner = ?1";
    db.read_blocking(|tx| tx.query(sql, &[owner.into()])?.remove(0).int(0)).unwrap()
}

/// Seals one value and gives the version of the key that did.
fn seal(db: &Db, vault: &Arc<Vault>) -> (u32, Vec<u8>) {
    let vault = Arc::clone(vault);
    db.write_blocking(move |tx| {
        let key = vault.data_key(tx, ShopId::HOUSE, "buy_1", NOW, &Dice::System)?;
        Ok::<_, VaultError>((key.version(), key.seal(&NAME, &Secret::new("Li".to_owned()), &Dice::System)?))
    })
    .unwrap()
}

fn read(tx: &mut Tx<'_>, vault: &Vault, sealed: &[u8]) -> Result<String, VaultError> {
    let key = vault.find_data_key(tx, ShopId::HOUSE, "buy_1")?;
    Ok(key.open(&NAME, sealed)?.expose().clone())
}

#[test]
fn cr_1_a_data_key_is_replaced_before_it_seals_more_than_its_limit() {
    each_engine(&[audit::MIGRATIONS, vault::MIGRATIONS].concat(), |db| {
        let vault = open(&db);
        let mut sealed = vec![seal(&db, &vault), seal(&db, &vault)];
        assert_eq!(counted(&db, "buy_1"), 2 * EACH, "each fetch counts what it may seal");
        count(&db, "buy_1", SEALS_MAX - EACH);
        sealed.push(seal(&db, &vault));
        assert_eq!(counted(&db, "buy_1"), SEALS_MAX, "up to the limit it is the same key");
        sealed.push(seal(&db, &vault));
        assert_eq!(counted(&db, "buy_1"), EACH, "and past it a new one");
        count(&db, "buy_1", SEALS_MAX - EACH + 1);
        sealed.push(seal(&db, &vault));
        let versions: Vec<u32> = sealed.iter().map(|(version, _)| *version).collect();
        assert_eq!(versions, [1, 1, 1, 2, 3]);
        for (_, sealed) in sealed {
            let vault = Arc::clone(&vault);
            assert_eq!(db.read_blocking(move |tx| read(tx, &vault, &sealed)), Ok("Li".to_owned()));
        }
    });
}

#[test]
fn cr_1_a_key_fetched_to_open_alone_seals_nothing() {
    let scratch = Scratch::file();
    let db = scratch.open(&[audit::MIGRATIONS, vault::MIGRATIONS].concat()).unwrap();
    let vault = open(&db);
    let (_, sealed) = seal(&db, &vault);
    let tried = db.read_blocking(move |tx| {
        assert_eq!(read(tx, &vault, &sealed)?, "Li");
        let key = vault.find_data_key(tx, ShopId::HOUSE, "buy_1")?;
        Ok::<_, VaultError>(key.seal(&NAME, &Secret::new("Li".to_owned()), &Dice::System))
    });
    assert_eq!(tried, Ok(Err(SealError::Spent)));
}

/// The key of an owner runs full again and again while the owner's values are sealed anew.
#[test]
fn cr_1_a_key_that_runs_full_in_the_middle_of_a_rotation_loses_nothing() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        place.start(Level::Data).unwrap();
        for _ in 0..8 {
            assert_ne!(place.step().unwrap(), Step::Idle);
            count(&place.db, "own_007", SEALS_MAX);
        }
        place.finish();
        let older = "SELECT CAST(COUNT(*) AS BIGINT) FROM vault_older_keys WHERE owner = 'own_007'";
        let left = place.db.read_blocking(|tx| tx.query(older, &[])?.remove(0).int(0));
        assert_eq!(left, Ok(0), "every replaced data key is gone");
        place.restart().check_all();
    }
}
