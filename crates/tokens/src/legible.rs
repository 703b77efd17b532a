//! Lists go on where a sealed value does not open: one altered row hides no other, and whoever watches the log is told its
//! place.

use vault::{DataKey, OpenError, Place, Vault, VaultError};

use ::store::Tx;
use base::ShopId;

/// The opened value, or `None` where it does not open: it was altered, or moved from another row. Told with the field
/// `alarm`, which is what a watcher of the log looks for.
pub(crate) fn legible<T>(place: &Place<'_>, opened: Result<T, OpenError>) -> Option<T> {
    opened.map_err(|problem| tell(place, &problem)).ok()
}

/// The data key of an owner, or `None` where it was altered or destroyed.
///
/// # Errors
/// Every other [`VaultError`].
pub(crate) fn find_key(
    tx: &mut Tx,
    vault: &Vault,
    shop: ShopId,
    owner: &str,
) -> Result<Option<DataKey>, VaultError> {
    match vault.find_data_key(tx, shop, owner) {
        Ok(key) => Ok(Some(key)),
        Err(VaultError::Destroyed) => Ok(None),
        Err(problem @ VaultError::Tampered) => {
            tell(&Place { table: "data_keys", column: "wrapped", row: owner }, &problem);
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

fn tell(place: &Place<'_>, problem: &dyn std::fmt::Display) {
    let Place { table, column, row } = place;
    tracing::error!(alarm = "vault", table, column, row, %problem, "a sealed value does not open");
}
