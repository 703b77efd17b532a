//! What hangs from the seed of the sub-keys here: printed codes, which stay good under the key they were printed by until they
//! are taken back. A dynamic code ends by itself.

mod store;

use base::CodeId;
use vault::limits::KEK_SETTLE_MS;
use vault::{KeyedColumn, Rekeyed};

use crate::store::find_code;

/// Every column of it.
pub const KEYED: &[KeyedColumn] = &[KeyedColumn {
    name: "printed codes",
    list: store::list_printed_codes,
    count: store::count_printed_codes,
    rekey: |tx, vault, name, _| {
        let code = name.rsplit_once('/').and_then(|(_, id)| CodeId::from_short(id));
        let code = code.map_or(Ok(None), |id| find_code(tx, id))?;
        let good = code.filter(|code| code.revoked_at.is_none());
        // A node that had not heard of a new key may have printed by the older one for a moment.
        let printed = good.map(|code| vault.seed_version_at(code.created_at.plus_millis(-KEK_SETTLE_MS)));
        let versions = printed.into_iter().filter_map(|version| u32::try_from(version).ok()).collect();
        Ok(Rekeyed { versions, is_stuck: false })
    },
}];
