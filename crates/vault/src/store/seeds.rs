//! SQL of what was counted to hang from each seed of sub-keys.

use base::Timestamp;
use store::{Error, Table, Tx, int, text};

static USES: Table =
    Table::new("vault_seed_uses", &[int("version"), text("name")], &[int("uses"), int("counted_ms")]);

/// What hangs from one seed, of one kind, as it was last counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedUses {
    /// The version of the seed.
    pub version: i64,
    /// What kind of hash.
    pub name: String,
    /// How many.
    pub uses: i64,
    /// When they were counted.
    pub counted: Timestamp,
}

/// Everything that was counted, the oldest seed first.
pub(crate) fn list_uses(tx: &mut Tx) -> Result<Vec<SeedUses>, Error> {
    let sql = "SELECT version, name, uses, counted_ms FROM vault_seed_uses ORDER BY version, name";
    let rows = tx.query(sql, &[])?;
    let read = |row: &store::Row| {
        let (version, name) = (row.int(0)?, row.text(1)?.to_owned());
        Ok(SeedUses { version, name, uses: row.int(2)?, counted: row.time(3)? })
    };
    rows.iter().map(read).collect()
}

/// Sets how many of a kind hang from a seed.
pub(crate) fn put_uses(tx: &mut Tx, row: SeedUses) -> Result<(), Error> {
    tx.put(&USES, vec![row.version.into(), row.name.into(), row.uses.into(), row.counted.into()])
}

/// Adds to how many of a kind hang from a seed.
pub(crate) fn add_uses(tx: &mut Tx, row: SeedUses) -> Result<(), Error> {
    let there = tx.get(&USES, &[row.version.into(), row.name.as_str().into()])?;
    let before = there.map_or(Ok(0), |there| there.int(2))?;
    put_uses(tx, SeedUses { uses: before + row.uses, ..row })
}
