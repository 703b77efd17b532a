//! Leases: at most one node runs a job at a time, and a paused node that lost its lease cannot write.
//!
//! Each change of holder raises the epoch. Whoever writes under a lease reads the row in the same transaction
//! ([`Lease::check`]): a holder that slept past its lease meets a higher epoch and is refused (fencing). The epoch, not
//! the clock, keeps two holders apart: a lease that claims to last longer than any lease may was written by a clock
//! that was ahead, and counts as ended. Else such a clock would stop the job until the others catch up with it.
//! Who ends in order gives the lease back ([`release_lease`]); who is killed keeps it until it ends.

use base::Timestamp;
use store::{Error, Tx};

use crate::store::{find_lease, put_lease};

/// The holder of a lease that was given back.
const NOBODY: &str = "";

/// A lease as its holder knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which job.
    pub name: &'static str,
    /// Which node.
    pub holder: String,
    /// Raised each time the lease changes hands.
    pub epoch: i64,
}

/// Takes or renews a lease for `ttl_ms` milliseconds; `None` while another holds it. Renewing writes only when less
/// than half of the time is left. A lease with more than `ttl_ms` left has ended.
///
/// # Errors
/// Those of the store.
pub fn acquire_lease(
    tx: &mut Tx<'_>,
    name: &'static str,
    holder: &str,
    now: Timestamp,
    ttl_ms: i64,
) -> Result<Option<Lease>, Error> {
    let found = find_lease(tx, name)?;
    let (epoch, write) = match found {
        None => (1, true),
        Some((owner, epoch, end)) => match end.millis_since(now) {
            left if left <= 0 || left > ttl_ms => (epoch + 1, true),
            left if owner == holder => (epoch, left < ttl_ms / 2),
            _ => return Ok(None),
        },
    };
    if write {
        put_lease(tx, name, holder, epoch, now.plus_millis(ttl_ms))?;
    }
    Ok(Some(Lease { name, holder: holder.to_owned(), epoch }))
}

/// Gives a lease back, so that the next holder need not wait for its end. Does nothing, and gives `false`, where it went
/// to another holder, or was renewed under another epoch. The epoch stays: it never goes down.
///
/// # Errors
/// Those of the store.
pub fn release_lease(tx: &mut Tx<'_>, lease: &Lease) -> Result<bool, Error> {
    let ours = lease.check(tx)?;
    if ours {
        put_lease(tx, lease.name, NOBODY, lease.epoch, Timestamp(0))?;
    }
    Ok(ours)
}

impl Lease {
    /// Whether the lease is still this holder's in this transaction.
    ///
    /// # Errors
    /// Those of the store.
    pub fn check(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let found = find_lease(tx, self.name)?;
        Ok(found.is_some_and(|(holder, epoch, _)| holder == self.holder && epoch == self.epoch))
    }
}
