//! What every source of the root key must do, the token as well as the service: one check over each.

use std::sync::Arc;

use audit::Actor;
use base::{Dice, Secret, ShopId};
use store::Db;
use vault::rotation::{Nodes, Rotator, Step, destroy_key, start_rotation};
use vault::{KeyName, KeySource, Level, Place, SourceError, Vault, VaultError};

use crate::rotation::{HANGING, NOW};

pub const WHAT: KeyName<'static> = KeyName { purpose: "seal", version: 1 };
const NAME: Place<'static> = Place { table: "buyers", column: "name", row: "1" };

pub fn key() -> vault::KeyBytes {
    zeroize::Zeroizing::new([9; 32])
}

/// A key comes back under its own name alone, and altered bytes never do. Gives what was wrapped.
pub fn check_wrapping(source: &dyn KeySource) -> Vec<u8> {
    let root = source.first(&Dice::System).unwrap();
    let wrapped = source.wrap(&root, WHAT, &key(), &Dice::System).unwrap();
    assert_ne!(wrapped, source.wrap(&root, WHAT, &key(), &Dice::System).unwrap(), "no nonce twice");
    assert_eq!(*source.unwrap(&root, WHAT, &wrapped).unwrap(), *key());
    for other in [KeyName { version: 2, ..WHAT }, KeyName { purpose: "derive", ..WHAT }] {
        assert_eq!(source.unwrap(&root, other, &wrapped).err(), Some(SourceError::WrongKey));
    }
    for at in 0..wrapped.len() {
        let mut altered = wrapped.clone();
        altered[at] ^= 1;
        assert!(source.unwrap(&root, WHAT, &altered).is_err(), "byte {at}");
    }
    let mut altered = wrapped.clone();
    let middle = altered.len() / 2;
    altered[middle] = if altered[middle] == b'A' { b'B' } else { b'A' };
    assert_eq!(source.unwrap(&root, WHAT, &altered).err(), Some(SourceError::WrongKey));
    wrapped
}

/// Seals a name in a fresh vault, so that there is something to lose.
pub fn seal_name(db: &Db, vault: &Arc<Vault>) -> Vec<u8> {
    let vault = Arc::clone(vault);
    let seal = move |tx: &mut store::Tx<'_>| {
        let key = vault.data_key(tx, ShopId::HOUSE, "buy_1", NOW, &Dice::System)?;
        Ok::<_, VaultError>(key.seal(&NAME, &Secret::new("Li".to_owned()), &Dice::System)?)
    };
    db.write_blocking(seal).unwrap()
}

pub fn open_name(db: &Db, vault: &Arc<Vault>, sealed: Vec<u8>) -> Result<String, VaultError> {
    let vault = Arc::clone(vault);
    db.read_blocking(move |tx| {
        let key = vault.find_data_key(tx, ShopId::HOUSE, "buy_1")?;
        Ok(key.open(&NAME, &sealed)?.expose().clone())
    })
}

/// Root key and key-encryption keys are replaced and the old ones destroyed; what was sealed before opens for a source
/// that is opened anew. `check_gone` looks into the source between the two.
pub fn check_replacing<S: KeySource + 'static>(db: &Db, open: impl Fn() -> S, check_gone: impl Fn()) {
    let source = Arc::new(open());
    let vault = Arc::new(Vault::start(db, &*source, NOW, &Dice::System).unwrap());
    let sealed = seal_name(db, &vault);
    let shared: Arc<dyn KeySource> = source.clone();
    let rotator = Rotator::new(shared, HANGING, "one", Nodes::One);
    let by = Actor::system("test");
    for level in [Level::Root, Level::Kek, Level::Seed] {
        let start = by.clone();
        db.write_blocking(move |tx| start_rotation(tx, level, &start, NOW, &Dice::System)).unwrap();
        while rotator.step(db, &vault, NOW, &Dice::System).unwrap() != Step::Idle {}
        destroy_key(db, &vault, &*source, (level, 1, HANGING), &by, (NOW, &Dice::System)).unwrap();
    }
    check_gone();
    let again = Arc::new(Vault::start(db, &open(), NOW, &Dice::System).unwrap());
    assert_eq!(open_name(db, &again, sealed), Ok("Li".to_owned()));
}
