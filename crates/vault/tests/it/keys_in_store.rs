//! Keys in the database: unlocked with the right root key only, one for each owner, destroyed for good.

use base::{Dice, Secret, ShopId, Timestamp};
use store::testing::{Scratch, each_engine};
use store::{Db, Value};
use vault::{OpenError, Place, RootKey, SubKey, Vault, VaultError};

const NOW: Timestamp = Timestamp(1_772_357_400_000);
const NAME: Place<'static> = Place { table: "buyers", column: "name", row: "r1" };

fn migrations() -> Vec<store::Migration> {
    [audit::MIGRATIONS, vault::MIGRATIONS].concat()
}

fn open_with(db: &Db, root: u8) -> Result<Vault, VaultError> {
    db.write_blocking(move |tx| Vault::open(tx, &RootKey::from_bytes([root; 32]), NOW, &Dice::System))
}

fn seal(db: &Db, root: u8, owner: &'static str, text: &'static str) -> Vec<u8> {
    let vault = open_with(db, root).unwrap();
    db.write_blocking(move |tx| {
        let key = vault.data_key(tx, ShopId::HOUSE, owner, NOW, &Dice::System)?;
        Ok::<_, VaultError>(key.seal(&NAME, &Secret::new(text.to_owned()), &Dice::System)?)
    })
    .unwrap()
}

fn open(db: &Db, owner: &'static str, sealed: Vec<u8>) -> Result<String, VaultError> {
    let vault = open_with(db, 1).unwrap();
    db.read_blocking(move |tx| {
        let key = vault.find_data_key(tx, ShopId::HOUSE, owner)?;
        Ok(key.open(&NAME, &sealed)?.expose().clone())
    })
}

#[test]
fn what_was_sealed_opens_after_a_restart() {
    for scratch in Scratch::each() {
        let sealed = seal(&scratch.open(&migrations()).unwrap(), 1, "buy_1", "Zhang San");
        let db = scratch.open(&migrations()).unwrap();
        assert_eq!(open(&db, "buy_1", sealed), Ok("Zhang San".to_owned()));
    }
}

#[test]
fn another_root_key_is_refused_and_changes_nothing() {
    each_engine(&migrations(), |db| {
        assert!(!db.read_blocking(Vault::exists).unwrap());
        let sealed = seal(&db, 1, "buy_1", "x");
        assert!(db.read_blocking(Vault::exists).unwrap());
        assert_eq!(open_with(&db, 2).err(), Some(VaultError::WrongRootKey));
        assert_eq!(open(&db, "buy_1", sealed), Ok("x".to_owned()));
    });
}

#[test]
fn c45_one_persons_bytes_do_not_open_under_another_persons_key() {
    each_engine(&migrations(), |db| {
        let sealed = seal(&db, 1, "buy_1", "x");
        seal(&db, 1, "buy_2", "y");
        assert_eq!(open(&db, "buy_2", sealed.clone()), Err(VaultError::Open(OpenError::Refused)));
        assert_eq!(open(&db, "buy_3", sealed), Err(VaultError::NoDataKey));
    });
}

#[test]
fn exchanged_data_keys_are_noticed() {
    each_engine(&migrations(), |db| {
        let sealed = seal(&db, 1, "buy_1", "x");
        seal(&db, 1, "buy_2", "y");
        let copy = "UPDATE vault_data_keys SET wrapped = (SELECT wrapped FROM vault_data_keys WHERE owner = 'buy_2') \
                    WHERE owner = 'buy_1'";
        db.write_blocking(move |tx| tx.execute(copy, &[])).unwrap();
        assert_eq!(open(&db, "buy_1", sealed), Err(VaultError::Tampered));
    });
}

#[test]
fn cr_3_a_destroyed_data_key_closes_its_owners_values_for_good() {
    each_engine(&migrations(), |db| {
        let sealed = seal(&db, 1, "buy_1", "x");
        let other = seal(&db, 1, "buy_2", "y");
        let destroy = |db: &Db| {
            db.write_blocking(|tx| Vault::destroy_data_key(tx, ShopId::HOUSE, "buy_1", NOW)).unwrap()
        };
        assert!(destroy(&db));
        assert!(!destroy(&db));
        assert_eq!(open(&db, "buy_1", sealed), Err(VaultError::Destroyed));
        assert_eq!(open(&db, "buy_2", other), Ok("y".to_owned()));
        let vault = open_with(&db, 1).unwrap();
        let again = db.write_blocking(move |tx| {
            vault.data_key(tx, ShopId::HOUSE, "buy_1", NOW, &Dice::System).map(|_| ())
        });
        assert_eq!(again, Err(VaultError::Destroyed));
        let kept = db.read_blocking(|tx| {
            tx.query_opt("SELECT wrapped FROM vault_data_keys WHERE owner = ?1", &[Value::from("buy_1")])
        });
        assert_eq!(kept.unwrap().unwrap().values(), &[Value::Null]);
    });
}

#[test]
fn system_secrets_are_made_once_and_stay() {
    each_engine(&migrations(), |db| {
        let read = |db: &Db, name: &'static str| {
            let vault = open_with(db, 1).unwrap();
            db.write_blocking(move |tx| vault.system_secret(tx, name, NOW, &Dice::System)).unwrap()
        };
        let first = read(&db, "audit signing");
        assert_eq!(first.expose().len(), 32);
        assert_eq!(read(&db, "audit signing"), first);
        assert_ne!(read(&db, "other"), first);
    });
}

#[test]
fn cr_6_blind_indexes_are_keyed_and_separate_by_kind() {
    let (mut one, mut two) = (None, None);
    each_engine(&migrations(), |db| {
        let vault = open_with(&db, 1).unwrap();
        let index = vault.index("email", "a@b.example");
        assert_eq!(index, open_with(&db, 1).unwrap().index("email", "a@b.example"));
        assert_ne!(index, vault.index("phone", "a@b.example"));
        assert_ne!(vault.index("ab", "c"), vault.index("a", "bc"));
        assert_ne!(index, vault.index("email", "a@b.exampl"));
    });
    for slot in [&mut one, &mut two] {
        let db = Scratch::file().open(&migrations()).unwrap();
        *slot = Some(open_with(&db, 1).unwrap().index("email", "a@b.example"));
    }
    assert_ne!(one, two, "two installations have two keys, even under one root key");
}

#[test]
fn each_purpose_has_its_own_key() {
    each_engine(&migrations(), |db| {
        let vault = open_with(&db, 1).unwrap();
        let sign = |sub| aws_lc_rs::hmac::sign(&vault.hmac_key(sub), b"x").as_ref().to_vec();
        assert_ne!(sign(SubKey::Pin), sign(SubKey::OneTimeCode));
        assert_ne!(sign(SubKey::CodeSigning), sign(SubKey::BlindIndex));
    });
}
