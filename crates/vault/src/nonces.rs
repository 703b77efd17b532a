//! Looks at every sealed value: under one data key no nonce may stand twice (SP 800-38D, 8.3; C45, CR-1).
//!
//! Nonces are random, so a pair is a fault of the generator, or two copies of one installation that sealed apart from each
//! other and were joined. The same bytes in two places are a copy and no fault.

use std::collections::HashMap;

use base::{ShopId, Timestamp};
use store::{Db, Tx};

use crate::rotation::SealedColumn;
use crate::seal::nonce_of;
use crate::store::data_keys::find_next_owner;

/// Values that one query lists.
const PAGE_ROWS_MAX: i64 = 500;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NonceReport {
    /// Owners of data keys that were looked at.
    pub owners: u64,
    /// Sealed values of theirs.
    pub values: u64,
    /// The most values of one owner.
    pub most: u64,
    /// Where a nonce stands a second time under one key: table, column and row.
    pub twice: Vec<String>,
}

/// Reads every sealed value of every owner, one owner in each transaction.
///
/// # Errors
/// [`store::Error`].
pub fn check_nonces(
    db: &Db,
    columns: &'static [&'static [SealedColumn]],
) -> Result<NonceReport, store::Error> {
    let (mut report, mut after) = (NonceReport::default(), (String::new(), String::new()));
    loop {
        let from = after.clone();
        let looked = db.read_blocking(move |tx| {
            let last = (from.0.as_str(), from.1.as_str());
            let Some((shop, owner)) = find_next_owner(tx, last, Timestamp(i64::MAX))? else {
                return Ok(None);
            };
            let mut seen = Seen::default();
            for column in columns.iter().flat_map(|list| list.iter()) {
                seen.look(tx, column, shop, &owner)?;
            }
            Ok::<_, store::Error>(Some(((shop.short().to_owned(), owner), seen)))
        })?;
        let Some((owner, seen)) = looked else { return Ok(report) };
        report.owners += 1;
        report.values += seen.values;
        report.most = report.most.max(seen.values);
        report.twice.extend(seen.twice);
        after = owner;
    }
}

/// The nonces of one owner, by version of the key.
#[derive(Default)]
struct Seen {
    nonces: HashMap<(u32, [u8; 12]), Vec<u8>>,
    values: u64,
    twice: Vec<String>,
}

impl Seen {
    fn look(
        &mut self,
        tx: &mut Tx<'_>,
        column: &SealedColumn,
        shop: ShopId,
        owner: &str,
    ) -> Result<(), store::Error> {
        let mut after = String::new();
        loop {
            let found = (column.list)(tx, shop, owner, &after, PAGE_ROWS_MAX)?;
            let Some(last) = found.last() else { return Ok(()) };
            after.clone_from(&last.row);
            for value in found {
                self.values += 1;
                let Some(nonce) = nonce_of(&value.sealed) else { continue };
                let before = self.nonces.entry(nonce).or_insert_with(|| value.sealed.clone());
                if *before != value.sealed {
                    self.twice.push(format!("{}.{} `{}`", column.table, column.column, value.row));
                }
            }
        }
    }
}
