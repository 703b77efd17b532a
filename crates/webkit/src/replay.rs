//! Nonces of signatures: each `(shop, key, nonce)` is accepted once while its signature could still be fresh (SIG-4).
//!
//! The check and the note are one step of the work's own transaction, so that of any number of copies exactly one
//! goes through, and a request that was rolled back may be sent again.

use base::{ShopId, Timestamp};
use store::{Db, Table, Tx, Value, int, text};

use crate::limits::SWEEP_ROWS_MAX;
use crate::signing::{Accepted, Refusal};

/// Nonces seen.
pub static SIGNATURE_NONCES: Table =
    Table::new("signature_nonces", &[text("shop_id"), text("key_id"), text("nonce")], &[int("expires_at")]);

/// Notes the nonce of an accepted signature.
///
/// # Errors
/// [`ReplayError::Refused`] with [`Refusal::Replayed`] when it was seen before, else those of the store.
pub fn insert_nonce(tx: &mut Tx, shop: ShopId, accepted: &Accepted) -> Result<(), ReplayError> {
    let key = row_key(shop, accepted);
    if tx.get(&SIGNATURE_NONCES, &key)?.is_some() {
        // INVARIANT: a row past its time counts as well. Its signature is stale and was refused before this.
        return Err(ReplayError::Refused(Refusal::Replayed));
    }
    let mut row = key;
    row.push(accepted.forget_at.into());
    tx.insert(&SIGNATURE_NONCES, row)?;
    Ok(())
}

/// Why a nonce was not noted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The signature was used before.
    #[error("{0}")]
    Refused(Refusal),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] store::Error),
}

impl From<ReplayError> for crate::error::ApiError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Refused(refusal) => refusal.into(),
            // Another node noted the same nonce between our look and our write.
            ReplayError::Store(store::Error::Conflict(_)) => Refusal::Replayed.into(),
            ReplayError::Store(error) => error.into(),
        }
    }
}

/// The key to prefetch for a signed request ([`store::Db::write_with`]).
pub fn prefetch_key(shop: ShopId, accepted: &Accepted) -> store::Key {
    store::Key::new(&SIGNATURE_NONCES, row_key(shop, accepted))
}

fn row_key(shop: ShopId, accepted: &Accepted) -> Vec<Value> {
    vec![shop.short().into(), (&accepted.key_id).into(), (&accepted.nonce).into()]
}

/// Deletes up to [`SWEEP_ROWS_MAX`] nonces whose signatures are stale; returns how many. Call again while it returns
/// the limit.
///
/// # Errors
/// Those of the store.
pub fn delete_expired_nonces(db: &Db, now: Timestamp) -> Result<u64, store::Error> {
    crate::store::delete_expired(db, &SIGNATURE_NONCES, now, SWEEP_ROWS_MAX)
}
