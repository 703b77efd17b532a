//! Keys of every level replaced, cut short anywhere, gone on with, and destroyed.

use std::path::Path;
use std::sync::Arc;

use audit::Actor;
use base::{Dice, Secret, ShopId, Timestamp};
use store::testing::Scratch;
use store::{Db, Migration, Table, Tx, blob, text};
use vault::inventory::list_keys;
use vault::rotation::{
    Nodes, RotationError, Rotator, SEALED, Step, destroy_key, list_rotations, start_rotation,
};
use vault::{
    FileSource, Hanging, KeySource, KeyState, Level, Place, RotationState, SealedColumn, SealedValue,
    SourceError, Vault, VaultError, check_nonces,
};

pub const NOW: Timestamp = Timestamp(1_772_357_400_000);
const OWNERS: usize = 30;
const NOTES_EACH: usize = 9;
/// One owner has more values than a transaction seals anew.
const NOTES_OF_ONE: usize = 450;

const NOTES: Migration = Migration {
    version: 299,
    name: "notes of a test",
    sql:
        "CREATE TABLE notes (shop_id TEXT NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (shop_id, owner, id))",
};
static NOTE: Table = Table::new("notes", &[text("shop_id"), text("owner"), text("id")], &[blob("body")]);
/// What hangs from the keys of the tests.
pub static HANGING: &Hanging = &Hanging { sealed: &[SEALED, COLUMNS], keyed: &[crate::seeds::KEYED] };
static COLUMNS: &[SealedColumn] =
    &[SealedColumn { table: "notes", column: "body", list: list_notes, update: update_note }];

fn list_notes(
    tx: &mut Tx<'_>,
    shop: ShopId,
    owner: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<SealedValue>, store::Error> {
    let sql = "SELECT id, body FROM notes WHERE shop_id = ?1 AND owner = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
    let rows = tx.query(sql, &[shop.short().into(), owner.into(), after.into(), limit.into()])?;
    rows.iter()
        .map(|row| Ok(SealedValue { row: row.text(0)?.to_owned(), sealed: row.blob(1)?.to_vec() }))
        .collect()
}

fn update_note(
    tx: &mut Tx<'_>,
    shop: ShopId,
    owner: &str,
    row: &str,
    sealed: Vec<u8>,
) -> Result<(), store::Error> {
    tx.put(&NOTE, vec![shop.short().into(), owner.into(), row.into(), sealed.into()])
}

pub fn migrations() -> Vec<Migration> {
    [audit::MIGRATIONS, vault::MIGRATIONS, &[crate::seeds::HASHES, NOTES]].concat()
}

/// A database with sealed notes, its key source, and what rotates.
pub struct Yard {
    folder: tempfile::TempDir,
    pub db: Db,
    pub source: Arc<FileSource>,
    pub vault: Arc<Vault>,
    rotator: Rotator,
}

fn source_in(folder: &Path, fresh: bool) -> Arc<FileSource> {
    let (path, data) = (folder.join("root.key"), folder.join("data"));
    let source =
        if fresh { FileSource::create(&path, &data, &Dice::System) } else { FileSource::open(&path, &data) };
    Arc::new(source.unwrap())
}

fn owner(number: usize) -> String {
    format!("own_{number:03}")
}

fn notes_of(number: usize) -> usize {
    if number == 7 { NOTES_OF_ONE } else { NOTES_EACH }
}

fn body(owner: &str, id: &str) -> String {
    format!("note {id} of {owner}")
}

pub fn open_place(scratch: &Scratch) -> Yard {
    let folder = tempfile::tempdir().unwrap();
    let source = source_in(folder.path(), true);
    let db = scratch.open(&migrations()).unwrap();
    let vault = Arc::new(Vault::start(&db, &*source, NOW, &Dice::System).unwrap());
    let rotator = rotator(&source, "one");
    let place = Yard { folder, db, source, vault, rotator };
    for number in 0..OWNERS {
        let vault = Arc::clone(&place.vault);
        let made = place.db.write_blocking(move |tx| {
            for id in 0..notes_of(number) {
                write_note(tx, &vault, &owner(number), &format!("{id:05}"))?;
            }
            Ok::<_, VaultError>(())
        });
        made.unwrap();
    }
    let vault = Arc::clone(&place.vault);
    place.db.write_blocking(move |tx| vault.system_secret(tx, "a secret", NOW, &Dice::System)).unwrap();
    place
}

fn rotator(source: &Arc<FileSource>, holder: &str) -> Rotator {
    let source: Arc<dyn KeySource> = source.clone();
    Rotator::new(source, HANGING, holder, Nodes::One)
}

fn write_note(tx: &mut Tx<'_>, vault: &Vault, owner: &str, id: &str) -> Result<(), VaultError> {
    let key = vault.data_key(tx, ShopId::HOUSE, owner, NOW, &Dice::System)?;
    let place = Place { table: "notes", column: "body", row: id };
    let sealed = key.seal(&place, &Secret::new(body(owner, id)), &Dice::System)?;
    Ok(update_note(tx, ShopId::HOUSE, owner, id, sealed)?)
}

fn read_note(tx: &mut Tx<'_>, vault: &Vault, owner: &str, id: &str) -> Result<String, VaultError> {
    let key = vault.find_data_key(tx, ShopId::HOUSE, owner)?;
    let row = tx.get(&NOTE, &[ShopId::HOUSE.short().into(), owner.into(), id.into()])?.unwrap();
    let place = Place { table: "notes", column: "body", row: id };
    Ok(key.open(&place, row.blob(3)?)?.expose().clone())
}

impl Yard {
    pub fn check_all(&self) {
        check_all(&self.db, &self.vault);
    }

    pub fn start(&self, level: Level) -> Result<i64, RotationError> {
        let by = Actor::system("test");
        let started = self
            .db
            .write_blocking(move |tx| start_rotation(tx, level, &by, NOW.plus_seconds(60), &Dice::System));
        started.map(|rotation| rotation.id)
    }

    pub fn step(&self) -> Result<Step, RotationError> {
        self.rotator.step(&self.db, &self.vault, NOW.plus_seconds(61), &Dice::System)
    }

    pub fn finish(&self) -> usize {
        (0..10_000).take_while(|_| self.step().unwrap() != Step::Idle).count()
    }

    pub fn destroy(&self, level: Level, version: i64) -> Result<(), RotationError> {
        let (by, now) = (Actor::system("test"), NOW.plus_seconds(90));
        destroy_key(
            &self.db,
            &self.vault,
            &*self.source,
            (level, version, HANGING),
            &by,
            (now, &Dice::System),
        )
    }

    /// As after a crash: nothing in memory is left but what the database and the key files hold.
    pub fn restart(self) -> Yard {
        let source = source_in(self.folder.path(), false);
        let vault = Arc::new(Vault::start(&self.db, &*source, NOW.plus_seconds(61), &Dice::System).unwrap());
        let rotator = rotator(&source, "one");
        Yard { source, vault, rotator, ..self }
    }

    pub fn states(&self, purpose: &str) -> Vec<(i64, KeyState, i64)> {
        let keys = self.db.read_blocking(list_keys).unwrap();
        keys.iter()
            .filter(|key| key.purpose.starts_with(purpose))
            .map(|key| (key.version, key.state, key.uses))
            .collect()
    }
}

fn check_all(db: &Db, vault: &Arc<Vault>) {
    let vault = Arc::clone(vault);
    db.read_blocking(move |tx| {
        for number in 0..OWNERS {
            let owner = owner(number);
            for id in 0..notes_of(number) {
                let id = format!("{id:05}");
                assert_eq!(read_note(tx, &vault, &owner, &id)?, body(&owner, &id));
            }
        }
        Ok::<_, VaultError>(())
    })
    .unwrap();
}

#[test]
fn c47_every_level_is_replaced_and_everything_opens_before_while_and_after() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        for level in [Level::Root, Level::Kek, Level::Data] {
            place.start(level).unwrap();
            while place.step().unwrap() != Step::Idle {
                place.check_all();
            }
            let last = place.db.read_blocking(list_rotations).unwrap().remove(0);
            assert_eq!((last.level, last.state, last.problem), (level, RotationState::Done, None));
            assert!(last.done >= last.total, "{} of {}", last.done, last.total);
        }
        assert_eq!(place.states("root"), [(1, KeyState::Retired, 0), (2, KeyState::Active, 3)]);
        let owners = OWNERS as i64 + 1;
        let keks = [(1, KeyState::Retired, 0), (2, KeyState::Active, owners)];
        assert_eq!(place.states("key-encryption"), keks);
        place.destroy(Level::Kek, 1).unwrap();
        place.destroy(Level::Root, 1).unwrap();
        place.check_all();
        place.restart().check_all();
    }
}

/// The rotation is cut after each of its steps: everything in memory is lost, and a new process goes on.
#[test]
fn c47_a_rotation_that_is_cut_short_anywhere_goes_on_and_loses_nothing() {
    for scratch in Scratch::each() {
        let mut place = open_place(&scratch);
        for level in [Level::Root, Level::Kek, Level::Data] {
            place.start(level).unwrap();
            let mut steps = 0;
            while place.step().unwrap() != Step::Idle {
                place = place.restart();
                place.check_all();
                steps += 1;
            }
            assert!(steps >= 2, "level {} was never cut", level.name());
            assert_eq!(place.step().unwrap(), Step::Idle);
        }
        let older = "SELECT CAST(COUNT(*) AS BIGINT) FROM vault_older_keys";
        let left = place.db.read_blocking(|tx| tx.query(older, &[])?.remove(0).int(0));
        assert_eq!(left, Ok(0), "every replaced data key is gone");
        place.check_all();
    }
}

#[test]
fn c47_values_written_while_data_keys_are_replaced_are_not_lost() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        place.start(Level::Data).unwrap();
        let mut written = Vec::new();
        loop {
            let (vault, id) = (Arc::clone(&place.vault), format!("9{:04}", written.len()));
            let number = written.len() % (OWNERS + 5);
            let (name, note) = (owner(number), id.clone());
            place.db.write_blocking(move |tx| write_note(tx, &vault, &name, &note)).unwrap();
            written.push((owner(number), id));
            if place.step().unwrap() == Step::Idle {
                break;
            }
        }
        assert!(written.len() > 3);
        place.check_all();
        let place = place.restart();
        for (owner, id) in written {
            let (vault, expect) = (Arc::clone(&place.vault), body(&owner, &id));
            let read = place.db.read_blocking(move |tx| read_note(tx, &vault, &owner, &id));
            assert_eq!(read, Ok(expect));
        }
    }
}

#[test]
fn only_one_rotation_runs_at_a_time_and_only_on_one_node() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        place.start(Level::Kek).unwrap();
        let second = place.start(Level::Root).err();
        assert_eq!(second, Some(RotationError::Running { id: 1, level: Level::Kek }));
        assert_eq!(place.destroy(Level::Kek, 1).err(), second, "and nothing is destroyed meanwhile");
        assert_eq!(place.step().unwrap(), Step::Moved);
        let other = rotator(&place.source, "two");
        let now = NOW.plus_seconds(62);
        assert_eq!(other.step(&place.db, &place.vault, now, &Dice::System).unwrap(), Step::Waiting);
        let later = NOW.plus_seconds(200);
        let vault = Arc::clone(&place.vault);
        assert_eq!(other.step(&place.db, &vault, later, &Dice::System).unwrap(), Step::Moved);
        let again = place.rotator.step(&place.db, &vault, later, &Dice::System).unwrap();
        assert_eq!(again, Step::Waiting, "the first node is out");
    }
}

#[test]
fn a_key_in_use_is_not_destroyed() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        let active = |level| RotationError::NotRetired { level, version: 1, state: KeyState::Active };
        for level in [Level::Root, Level::Kek] {
            assert_eq!(place.destroy(level, 1).err(), Some(active(level)));
            assert_eq!(place.destroy(level, 9).err(), Some(RotationError::NotFound { level, version: 9 }));
        }
        assert_eq!(place.destroy(Level::Data, 1).err(), Some(RotationError::NoVersion));
        place.start(Level::Kek).unwrap();
        place.finish();
        // A data key that a slow node wrapped by the old key after everything else had moved.
        let sql = "UPDATE vault_data_keys SET kek_version = 1 WHERE owner = 'own_003'";
        place.db.write_blocking(move |tx| tx.execute(sql, &[])).unwrap();
        let used = RotationError::InUse { level: Level::Kek, version: 1, uses: 1 };
        assert_eq!(place.destroy(Level::Kek, 1).err(), Some(used));
    }
}

#[test]
fn a_node_that_missed_a_rotation_wraps_nothing_by_a_key_that_is_gone() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        let slow = Arc::new(Vault::start(&place.db, &*place.source, NOW, &Dice::System).unwrap());
        place.start(Level::Kek).unwrap();
        place.finish();
        place.destroy(Level::Kek, 1).unwrap();
        let vault = Arc::clone(&slow);
        let wrote = place.db.write_blocking(move |tx| write_note(tx, &vault, "own_new", "1"));
        assert_eq!(wrote, Err(VaultError::UnknownKek { version: 1 }), "it refuses");
        slow.refresh(&place.db, &*place.source).unwrap();
        let vault = Arc::clone(&slow);
        place.db.write_blocking(move |tx| write_note(tx, &vault, "own_new", "1")).unwrap();
        check_all(&place.db, &slow);
    }
}

/// The first value of some owners is altered: of the one that takes several transactions, of the first, and of one that
/// shares its transaction with whole ones.
const ALTERED: [usize; 3] = [0, 7, 12];

fn swap_bodies(db: &Db) {
    db.write_blocking(move |tx| {
        for owner in ALTERED.map(owner) {
            let mut bodies = Vec::new();
            for id in ["00000", "00001"] {
                let row = tx.get(&NOTE, &[ShopId::HOUSE.short().into(), owner.as_str().into(), id.into()])?;
                bodies.push(row.unwrap().blob(3)?.to_vec());
            }
            bodies.reverse();
            for (id, body) in ["00000", "00001"].into_iter().zip(bodies) {
                update_note(tx, ShopId::HOUSE, &owner, id, body)?;
            }
        }
        Ok::<_, store::Error>(())
    })
    .unwrap();
}

fn owners_with_older_keys(db: &Db) -> Vec<String> {
    let sql = "SELECT DISTINCT owner FROM vault_older_keys ORDER BY owner";
    let list = |tx: &mut Tx<'_>| tx.query(sql, &[])?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect();
    db.read_blocking::<_, store::Error, _>(list).unwrap()
}

#[test]
fn c47_values_that_do_not_open_keep_their_older_keys_and_no_others_do() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        swap_bodies(&place.db);
        place.start(Level::Data).unwrap();
        place.finish();
        let last = place.db.read_blocking(list_rotations).unwrap().remove(0);
        assert_eq!(last.state, RotationState::Done);
        assert!(last.problem.unwrap().contains("notes.body"));
        assert_eq!(owners_with_older_keys(&place.db), ALTERED.map(owner));
        // Nothing was lost: put right, everything opens.
        swap_bodies(&place.db);
        place.check_all();
    }
}

/// A value whose header was altered to name the key in use still needs the older one.
#[test]
fn c47_a_value_that_only_claims_the_present_key_keeps_its_older_key() {
    let scratch = Scratch::file();
    let place = open_place(&scratch);
    let bump = |from: u32, to: u32| {
        let work = move |tx: &mut Tx<'_>| {
            let key = [ShopId::HOUSE.short().into(), "own_001".into(), "00001".into()];
            let mut sealed = tx.get(&NOTE, &key)?.unwrap().blob(3)?.to_vec();
            let at = sealed.windows(4).position(|part| part == from.to_be_bytes()).unwrap();
            sealed.splice(at..at + 4, to.to_be_bytes());
            update_note(tx, ShopId::HOUSE, "own_001", "00001", sealed)
        };
        place.db.write_blocking(work).unwrap();
    };
    bump(1, 2);
    place.start(Level::Data).unwrap();
    place.finish();
    assert_eq!(owners_with_older_keys(&place.db), ["own_001"]);
    bump(2, 1);
    place.check_all();
}

#[test]
fn an_erased_owner_stays_erased_through_every_rotation() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        place.start(Level::Data).unwrap();
        place.step().unwrap();
        place
            .db
            .write_blocking(|tx| Vault::destroy_data_key(tx, ShopId::HOUSE, "own_007", NOW.plus_seconds(61)))
            .unwrap();
        place.finish();
        for level in [Level::Kek, Level::Root] {
            place.start(level).unwrap();
            place.finish();
        }
        let vault = Arc::clone(&place.vault);
        let read = place.db.read_blocking(move |tx| read_note(tx, &vault, "own_007", "00001"));
        assert_eq!(read, Err(VaultError::Destroyed));
    }
}

/// CR-3: a copy of the whole database from before an erasure opens with the root key of its time, and no longer once
/// that key was replaced and destroyed.
#[test]
fn cr_3_a_copy_of_the_database_is_closed_when_the_root_key_of_its_time_is_destroyed() {
    let scratch = Scratch::file();
    let place = open_place(&scratch);
    let copy = tempfile::tempdir().unwrap();
    let store::Config::File(path) = scratch.config() else { unreachable!() };
    let Yard { folder, db, source, vault, rotator } = place;
    drop(db);
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let copied = || {
        let config = store::Config::File(copy.path().join("tillward.db"));
        Db::open(&config, &migrations(), NOW).unwrap()
    };
    let open_copy = |source: &FileSource| {
        let db = copied();
        let vault = Vault::start(&db, source, NOW, &Dice::System)?;
        db.read_blocking(move |tx| read_note(tx, &vault, "own_001", "00001"))
    };
    assert_eq!(open_copy(&source), Ok(body("own_001", "00001")), "a backup with its key opens");
    let place = Yard { folder, db: scratch.open(&migrations()).unwrap(), source, vault, rotator };
    let erase = |tx: &mut Tx<'_>| Vault::destroy_data_key(tx, ShopId::HOUSE, "own_001", NOW);
    place.db.write_blocking(erase).unwrap();
    assert!(open_copy(&place.source).is_ok(), "erasing alone does not reach a whole backup");
    place.start(Level::Root).unwrap();
    place.finish();
    place.destroy(Level::Root, 1).unwrap();
    let again = source_in(place.folder.path(), false);
    for source in [&place.source, &again] {
        assert_eq!(open_copy(source), Err(VaultError::WrongRootKey));
    }
    place.restart();
}

#[test]
fn an_old_database_whose_root_key_has_no_name_gets_one() {
    let scratch = Scratch::file();
    let place = open_place(&scratch);
    let forget = ["UPDATE vault_keks SET root = ''", "DELETE FROM vault_roots"];
    for sql in forget {
        place.db.write_blocking(move |tx| tx.execute(sql, &[])).unwrap();
    }
    let place = place.restart();
    assert_eq!(place.states("root"), [(1, KeyState::Active, 2)]);
    place.check_all();
    place.start(Level::Root).unwrap();
    place.finish();
    place.restart().check_all();
}

#[test]
fn a_root_key_that_is_one_of_a_kind_says_that_it_cannot_be_replaced() {
    let scratch = Scratch::file();
    let db = scratch.open(&migrations()).unwrap();
    let source: Arc<dyn KeySource> = Arc::new(vault::RootKey::from_bytes([1; 32]));
    let vault = Arc::new(Vault::start(&db, &*source, NOW, &Dice::System).unwrap());
    let by = Actor::system("test");
    db.write_blocking(move |tx| start_rotation(tx, Level::Root, &by, NOW, &Dice::System)).unwrap();
    let rotator = Rotator::new(source, HANGING, "one", Nodes::One);
    let stopped = rotator.step(&db, &vault, NOW, &Dice::System).err();
    assert_eq!(stopped, Some(SourceError::CannotRotate.into()));
    let open = db.read_blocking(list_rotations).unwrap().remove(0);
    assert!(open.problem.unwrap().contains("no further root keys"));
}

#[test]
fn c45_a_nonce_that_was_used_twice_is_found_and_a_copy_is_none() {
    for scratch in Scratch::each() {
        let place = open_place(&scratch);
        static SEALED_HERE: &[&[SealedColumn]] = &[SEALED, COLUMNS];
        let clean = check_nonces(&place.db, SEALED_HERE).unwrap();
        let notes = (0..OWNERS).map(notes_of).sum::<usize>() as u64;
        assert_eq!((clean.owners, clean.values), (OWNERS as u64 + 1, notes + 1));
        assert_eq!((clean.most, clean.twice), (NOTES_OF_ONE as u64, vec![]));
        // The bytes of one note under another row are a copy; with another text behind the same nonce they are a fault.
        let read = |tx: &mut Tx<'_>, id: &str| {
            let key = [ShopId::HOUSE.short().into(), "own_007".into(), id.into()];
            Ok::<_, store::Error>(tx.get(&NOTE, &key)?.unwrap().blob(3)?.to_vec())
        };
        let write = |tx: &mut Tx<'_>, id: &str, sealed| update_note(tx, ShopId::HOUSE, "own_007", id, sealed);
        place
            .db
            .write_blocking(move |tx| {
                let one = read(tx, "00001")?;
                write(tx, "00002", one)
            })
            .unwrap();
        assert_eq!(check_nonces(&place.db, SEALED_HERE).unwrap().twice, Vec::<String>::new());
        place
            .db
            .write_blocking(move |tx| {
                let (one, mut other) = (read(tx, "00001")?, read(tx, "00400")?);
                other[5..17].copy_from_slice(&one[5..17]);
                write(tx, "00400", other)
            })
            .unwrap();
        assert_eq!(check_nonces(&place.db, SEALED_HERE).unwrap().twice, ["notes.body `00400`"]);
    }
}
