//! SQL of rotations.

use base::Timestamp;
use store::{Error, Row, Table, Tx, Value, int, text};

use super::{broken, named};

named! {
    /// A level of the tree of keys.
    pub enum Level {
        /// The root key.
        Root = "root",
        /// The key-encryption keys.
        Kek = "kek",
        /// The owners' data keys.
        Data = "data",
        /// The seed of the sub-keys: PINs, blind indexes, codes.
        Seed = "seed",
    }
}

named! {
    /// How far a rotation is.
    pub enum RotationState {
        /// The new key is made; every node gets it.
        Preparing = "preparing",
        /// What hangs from the old key is moved to the new one.
        Running = "running",
        /// Nothing hangs from the old key any more.
        Done = "done",
    }
}

/// A rotation of one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Its number, from 1.
    pub id: i64,
    /// Which level.
    pub level: Level,
    /// The version that is replaced; 0 for data keys, which have a version each.
    pub from_version: i64,
    /// The version that replaces it; 0 until it is made, and for data keys.
    pub to_version: i64,
    /// How far it is.
    pub state: RotationState,
    /// Keys, and for the seed keyed hashes, that were moved.
    pub done: i64,
    /// Keys there were to move when it began; new ones may have come since.
    pub total: i64,
    /// Where it goes on, for itself.
    pub(crate) place: String,
    /// What stopped the last step, if anything did. It is tried again.
    pub problem: Option<String>,
    /// When it was started.
    pub started: Timestamp,
    /// When it last moved.
    pub updated: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl Rotation {
    /// Whether there is something left to do.
    pub fn is_open(&self) -> bool {
        self.state != RotationState::Done
    }
}

static ROTATIONS: Table = Table::new(
    "vault_rotations",
    &[int("id")],
    &[
        text("level"),
        int("from_version"),
        int("to_version"),
        text("state"),
        int("done"),
        int("total"),
        text("place"),
        text("problem"),
        int("started_ms"),
        int("updated_ms"),
        int("ended_ms"),
    ],
);

const COLUMNS: &str = "id, level, from_version, to_version, state, done, total, place, problem, started_ms, updated_ms, ended_ms";

/// The newest rotations first.
pub(crate) fn list_rotations(tx: &mut Tx, limit: i64) -> Result<Vec<Rotation>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM vault_rotations ORDER BY id DESC LIMIT ?1");
    tx.query(&sql, &[limit.into()])?.iter().map(read).collect()
}

pub(crate) fn find_open_rotation(tx: &mut Tx) -> Result<Option<Rotation>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM vault_rotations WHERE state <> 'done' ORDER BY id LIMIT 1");
    tx.query_opt(&sql, &[])?.map(|row| read(&row)).transpose()
}

pub(crate) fn find_rotation(tx: &mut Tx, id: i64) -> Result<Option<Rotation>, Error> {
    tx.get(&ROTATIONS, &[id.into()])?.map(|row| read(&row)).transpose()
}

pub(crate) fn put_rotation(tx: &mut Tx, row: Rotation) -> Result<(), Error> {
    let values: Vec<Value> = vec![
        row.id.into(),
        row.level.name().into(),
        row.from_version.into(),
        row.to_version.into(),
        row.state.name().into(),
        row.done.into(),
        row.total.into(),
        row.place.into(),
        row.problem.into(),
        row.started.into(),
        row.updated.into(),
        row.ended.into(),
    ];
    tx.put(&ROTATIONS, values)
}

fn read(row: &Row) -> Result<Rotation, Error> {
    let broken = || broken("vault_rotations");
    Ok(Rotation {
        id: row.int(0)?,
        level: Level::from_name(row.text(1)?).ok_or_else(broken)?,
        from_version: row.int(2)?,
        to_version: row.int(3)?,
        state: RotationState::from_name(row.text(4)?).ok_or_else(broken)?,
        done: row.int(5)?,
        total: row.int(6)?,
        place: row.text(7)?.to_owned(),
        problem: row.opt_text(8)?.map(str::to_owned),
        started: row.time(9)?,
        updated: row.time(10)?,
        ended: row.opt_time(11)?,
    })
}
