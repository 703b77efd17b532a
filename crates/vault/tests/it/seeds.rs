//! The seed of the sub-keys replaced: hashes that are found and checked before, while and after, and what still hangs.

use std::sync::Arc;

use base::Dice;
use store::testing::Scratch;
use store::{Migration, Table, Tx, blob, int, text};
use vault::inventory::list_seed_uses;
use vault::limits::SEEDS_MAX;
use vault::rotation::{RotationError, Step};
use vault::{KeyState, KeyedColumn, KeyedHash, Level, Pass, Rekeyed, SubKey, Vault, VaultError};

use crate::rotation::{NOW, Yard, open_place};

const PEOPLE: i64 = 130;

pub const HASHES: Migration = Migration {
    version: 298,
    name: "hashes of a test",
    sql: "
        CREATE TABLE found (hash BLOB NOT NULL, name TEXT NOT NULL, PRIMARY KEY (hash));
        CREATE TABLE checked (id BIGINT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (id));
        CREATE TABLE bound (hash BLOB NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (hash));",
};
/// Found by a hash; the name stands in for what is sealed beside it.
static FOUND: Table = Table::new("found", &[blob("hash")], &[text("name")]);
/// Checked against a hash, as PINs are.
static CHECKED: Table = Table::new("checked", &[int("id")], &[blob("hash")]);
/// Found by a hash of something that is kept nowhere.
static BOUND: Table = Table::new("bound", &[blob("hash")], &[int("id")]);

pub static KEYED: &[KeyedColumn] = &[
    KeyedColumn { name: "names", list: list_found, count: |tx| count(tx, "found"), rekey: rekey_found },
    KeyedColumn {
        name: "secrets",
        list: list_checked,
        count: |tx| count(tx, "checked"),
        rekey: rekey_checked,
    },
    KeyedColumn { name: "bindings", list: list_bound, count: |tx| count(tx, "bound"), rekey: rekey_bound },
];

fn count(tx: &mut Tx<'_>, table: &str) -> Result<i64, store::Error> {
    tx.query(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {table}"), &[])?.remove(0).int(0)
}

fn list_found(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, store::Error> {
    let sql = "SELECT name FROM found WHERE name > ?1 ORDER BY name LIMIT ?2";
    tx.query(sql, &[after.into(), limit.into()])?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

fn list_checked(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, store::Error> {
    let sql = "SELECT id FROM checked WHERE id > ?1 ORDER BY id LIMIT ?2";
    let after: i64 = after.parse().unwrap_or(-1);
    tx.query(sql, &[after.into(), limit.into()])?.iter().map(|row| Ok(row.int(0)?.to_string())).collect()
}

fn list_bound(tx: &mut Tx<'_>, after: &str, limit: i64) -> Result<Vec<String>, store::Error> {
    let sql = "SELECT hash FROM bound WHERE hash > ?1 ORDER BY hash LIMIT ?2";
    let rows = tx.query(sql, &[unhex(after).into(), limit.into()])?;
    rows.iter().map(|row| Ok(hex(row.blob(0)?))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hangs(hash: &KeyedHash) -> Rekeyed {
    Rekeyed { versions: hash.versions().to_vec(), is_stuck: false }
}

fn rekey_found(tx: &mut Tx<'_>, vault: &Vault, name: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let rows = tx.query("SELECT hash FROM found WHERE name = ?1", &[name.into()])?;
    let Some(hash) = rows.first().and_then(|row| KeyedHash::read(row.blob(0).unwrap())) else {
        return Ok(Rekeyed::default());
    };
    if pass == Pass::Look || vault.is_plain(&hash) {
        return Ok(hangs(&hash));
    }
    let new = vault.index_to_store(tx, "name", name)?;
    tx.delete(&FOUND, &[hash.stored().into()])?;
    tx.insert(&FOUND, vec![new.stored().into(), name.into()])?;
    Ok(hangs(&new))
}

fn rekey_checked(tx: &mut Tx<'_>, vault: &Vault, id: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let id: i64 = id.parse().unwrap();
    let row = tx.get(&CHECKED, &[id.into()])?.unwrap();
    let hash = KeyedHash::read(row.blob(1)?).unwrap();
    match vault.layered(SubKey::Pin, &hash).filter(|_| pass == Pass::Rekey) {
        None => Ok(hangs(&hash)),
        Some(next) => {
            tx.put(&CHECKED, vec![id.into(), next.stored().into()])?;
            Ok(hangs(&next))
        }
    }
}

fn rekey_bound(tx: &mut Tx<'_>, vault: &Vault, name: &str, pass: Pass) -> Result<Rekeyed, VaultError> {
    let (stored, hash) = (unhex(name), KeyedHash::read(&unhex(name)).unwrap());
    let id = tx.get(&BOUND, &[stored.clone().into()])?.unwrap().int(1)?;
    match vault.layered(SubKey::BlindIndex, &hash).filter(|_| pass == Pass::Rekey) {
        None => Ok(hangs(&hash)),
        Some(next) => {
            tx.delete(&BOUND, &[stored.into()])?;
            tx.insert(&BOUND, vec![next.stored().into(), id.into()])?;
            Ok(hangs(&next))
        }
    }
}

fn secret(id: i64) -> Vec<u8> {
    format!("secret of {id}").into_bytes()
}

fn write_person(tx: &mut Tx<'_>, vault: &Vault, id: i64) -> Result<(), VaultError> {
    let name = format!("person {id:05}");
    let index = vault.index_to_store(tx, "name", &name)?;
    tx.put(&FOUND, vec![index.stored().into(), name.into()])?;
    tx.put(&CHECKED, vec![id.into(), vault.keyed(SubKey::Pin, &secret(id)).stored().into()])?;
    let bound = vault.index_to_store(tx, "subject", &format!("subject {id}"))?;
    tx.put(&BOUND, vec![bound.stored().into(), id.into()])?;
    Ok(())
}

fn find_name(tx: &mut Tx<'_>, vault: &Vault, name: &str) -> Result<bool, VaultError> {
    for index in vault.indexes("name", name) {
        if tx.get(&FOUND, &[index.stored().into()])?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn find_subject(tx: &mut Tx<'_>, vault: &Vault, subject: &str) -> Result<Option<i64>, VaultError> {
    for index in vault.layered_indexes("subject", subject) {
        if let Some(row) = tx.get(&BOUND, &[index.stored().into()])? {
            return Ok(Some(row.int(1)?));
        }
    }
    Ok(None)
}

fn settle(place: &Yard) {
    let vault = Arc::clone(&place.vault);
    let made = place.db.write_blocking(move |tx| {
        (0..PEOPLE).try_for_each(|id| write_person(tx, &vault, id))?;
        Ok::<_, VaultError>(())
    });
    made.unwrap();
}

/// Names are found, secrets fit and no other ones do: every seventh of them, and the newest.
#[track_caller]
fn check(place: &Yard, people: i64) {
    let vault = Arc::clone(&place.vault);
    let read = place.db.read_blocking(move |tx| {
        for id in (0..people).step_by(7).chain([people - 1]) {
            assert!(find_name(tx, &vault, &format!("person {id:05}"))?, "person {id} is not found");
            let hash = tx.get(&CHECKED, &[id.into()])?.unwrap();
            let hash = KeyedHash::read(hash.blob(1)?).unwrap();
            assert!(vault.keyed_fits(SubKey::Pin, &secret(id), &hash)?, "the secret of {id} does not fit");
            assert!(!vault.keyed_fits(SubKey::Pin, &secret(id + 1), &hash)?);
            assert_eq!(find_subject(tx, &vault, &format!("subject {id}"))?, Some(id));
        }
        assert!(!find_name(tx, &vault, "nobody")?);
        assert_eq!(find_subject(tx, &vault, "nobody")?, None);
        Ok::<_, VaultError>(())
    });
    assert_eq!(read, Ok(()));
}

/// What happens as people come by: a secret that is given and fits gets a plain hash, and so does a binding.
fn come_by(place: &Yard, people: i64) {
    let vault = Arc::clone(&place.vault);
    let done = place.db.write_blocking(move |tx| {
        for id in 0..people {
            tx.put(&CHECKED, vec![id.into(), vault.keyed(SubKey::Pin, &secret(id)).stored().into()])?;
        }
        tx.execute("DELETE FROM bound", &[])?;
        for id in 0..people {
            let bound = vault.index_to_store(tx, "subject", &format!("subject {id}"))?;
            tx.put(&BOUND, vec![bound.stored().into(), id.into()])?;
        }
        Ok::<_, VaultError>(())
    });
    done.unwrap();
}

fn uses(place: &Yard, version: i64) -> Vec<(String, i64)> {
    let uses = place.db.read_blocking(list_seed_uses).unwrap();
    uses.into_iter().filter(|uses| uses.version == version).map(|uses| (uses.name, uses.uses)).collect()
}

#[test]
fn c47_a_seed_is_replaced_twice_and_hashes_fit_before_while_and_after() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        settle(&place);
        check(&place, PEOPLE);
        let mut people = PEOPLE;
        for version in [2, 3] {
            place.start(Level::Seed).unwrap();
            loop {
                check(&place, people);
                let step = place.step().unwrap();
                let (vault, id) = (Arc::clone(&place.vault), people);
                place.db.write_blocking(move |tx| write_person(tx, &vault, id)).unwrap();
                people += 1;
                if step == Step::Idle {
                    break;
                }
            }
            check(&place, people);
            assert_eq!(place.states("seed").last(), Some(&(version, KeyState::Active, 6)));
        }
        assert!(uses(&place, 1).iter().all(|(name, _)| name != "names"), "what can be made anew is");
        let used = |uses| RotationError::InUse { level: Level::Seed, version: 1, uses };
        assert_eq!(place.destroy(Level::Seed, 1).err(), Some(used(2 * PEOPLE + 2)));
        let counted = vec![("bindings".to_owned(), PEOPLE + 1), ("secrets".to_owned(), PEOPLE + 1)];
        assert_eq!(uses(&place, 1), counted, "those from before, and one written before the first switch");
        come_by(&place, people);
        place.destroy(Level::Seed, 1).unwrap();
        place.destroy(Level::Seed, 2).unwrap();
        check(&place, people);
        let place = place.restart();
        check(&place, people);
        let gone = RotationError::NotRetired { level: Level::Seed, version: 1, state: KeyState::Destroyed };
        assert_eq!(place.destroy(Level::Seed, 1).err(), Some(gone));
        assert_eq!(uses(&place, 1), []);
    }
}

#[test]
fn c47_a_rotation_of_the_seed_that_is_cut_short_anywhere_goes_on_and_loses_nothing() {
    for scratch in Scratch::each() {
        let mut place = open_place(&scratch);
        settle(&place);
        place.start(Level::Seed).unwrap();
        let mut steps = 0;
        while place.step().unwrap() != Step::Idle {
            place = place.restart();
            check(&place, PEOPLE);
            steps += 1;
        }
        assert!(steps > 8, "{steps} steps");
        let plain = place.db.read_blocking(|tx| tx.query("SELECT hash FROM found", &[])).unwrap();
        let hashes = plain.iter().map(|row| KeyedHash::read(row.blob(0).unwrap()).unwrap());
        assert!(
            hashes.clone().count() == PEOPLE as usize
                && hashes.clone().all(|hash| place.vault.is_plain(&hash))
        );
    }
}

/// Whoever has an old key and the database still cannot try secrets: the layer is under a key they do not have.
#[test]
fn c47_an_old_key_alone_says_nothing_of_a_layered_secret() {
    let scratch = Scratch::file();
    let place = open_place(&scratch);
    let before = place.vault.keyed(SubKey::Pin, b"482916");
    place.start(Level::Seed).unwrap();
    place.finish();
    let layered = place.vault.layered(SubKey::Pin, &before).unwrap();
    assert_eq!(layered.versions(), [1, 2]);
    assert_ne!(layered.bytes(), before.bytes());
    assert_eq!(place.vault.keyed_fits(SubKey::Pin, b"482916", &layered), Ok(true));
    assert_eq!(place.vault.keyed_fits(SubKey::Pin, b"482917", &layered), Ok(false));
    assert_eq!(place.vault.keyed_fits(SubKey::RecoveryCode, b"482916", &layered), Ok(false));
    assert_eq!(place.vault.layered(SubKey::Pin, &layered), None, "one layer for each key");
    // A hash of the old key that claims to be by the new one alone, and one that leaves a layer out.
    for claimed in [[2u32].as_slice(), &[1]] {
        let mut stored = layered.bytes().to_vec();
        stored.extend(claimed.iter().filter(|_| claimed != [1]).flat_map(|version| version.to_be_bytes()));
        let claimed = KeyedHash::read(&stored).unwrap();
        assert_eq!(place.vault.keyed_fits(SubKey::Pin, b"482916", &claimed), Ok(false));
    }
}

#[test]
fn a_node_that_has_not_heard_of_a_seed_neither_refuses_a_right_secret_nor_stores_an_old_index() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        let slow = Arc::new(Vault::start(&place.db, &*place.source, NOW, &Dice::System).unwrap());
        place.start(Level::Seed).unwrap();
        place.finish();
        let new = place.vault.keyed(SubKey::Pin, b"482916");
        let unknown = VaultError::UnknownSeed { version: 2 };
        assert_eq!(slow.keyed_fits(SubKey::Pin, b"482916", &new), Err(unknown.clone()));
        let vault = Arc::clone(&slow);
        let stored = place.db.write_blocking(move |tx| vault.index_to_store(tx, "name", "somebody"));
        assert_eq!(stored, Err(unknown));
        slow.refresh(&place.db, &*place.source).unwrap();
        assert_eq!(slow.keyed_fits(SubKey::Pin, b"482916", &new), Ok(true));
        assert_eq!(slow.index("name", "somebody"), place.vault.index("name", "somebody"));
    }
}

#[test]
fn seeds_that_are_kept_are_limited_on_both_sides() {
    let scratch = Scratch::file();
    let place = open_place(&scratch);
    for _ in 1..SEEDS_MAX {
        place.start(Level::Seed).unwrap();
        place.finish();
    }
    assert_eq!(place.start(Level::Seed), Err(RotationError::TooManySeeds));
    place.destroy(Level::Seed, 3).unwrap();
    place.start(Level::Seed).unwrap();
    place.finish();
    let old = place.vault.index("name", "somebody");
    assert_eq!(old.versions(), [SEEDS_MAX as u32 + 1]);
}

#[test]
fn what_lives_for_minutes_is_accepted_under_the_key_it_was_made_by() {
    let scratch = Scratch::file();
    let place = open_place(&scratch);
    let tag = place.vault.keyed(SubKey::OneTimeCode, b"123456");
    let moment = place.vault.hash_of_moment(NOW, "nonce", "state");
    place.start(Level::Seed).unwrap();
    place.finish();
    assert!(place.vault.has_tag(SubKey::OneTimeCode, b"123456", tag.bytes()));
    assert!(!place.vault.has_tag(SubKey::OneTimeCode, b"123457", tag.bytes()));
    assert_eq!(place.vault.hash_of_moment(NOW, "nonce", "state"), moment);
    assert_ne!(place.vault.hash_of_moment(NOW.plus_seconds(90), "nonce", "state"), moment);
    assert_eq!(place.vault.hmac_keys(SubKey::OneTimeCode).len(), 2);
    place.destroy(Level::Seed, 1).unwrap();
    assert!(!place.vault.has_tag(SubKey::OneTimeCode, b"123456", tag.bytes()));
}
