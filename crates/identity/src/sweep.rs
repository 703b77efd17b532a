//! Forgetting what has ended: codes, sessions, counted tries. Run now and then by the program's own jobs.

use store::Tx;

use crate::codes;
use crate::context::{Fault, Means};
use crate::store::{sessions, throttles};

/// Rows of one kind that one run deletes.
const SWEEP_ROWS_MAX: usize = 1_000;
/// What is older than this counts nowhere any more.
const KEEP_SECONDS: i64 = 2 * 86_400;

/// Deletes what ended, up to a thousand rows of each kind, and returns how many rows went.
///
/// # Errors
/// [`Fault`] alone.
pub fn sweep(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let codes = codes::sweep_codes(tx, means, SWEEP_ROWS_MAX)?;
    let ended = sessions::list_ended_sessions(tx, means.now, SWEEP_ROWS_MAX)?;
    for token_hash in &ended {
        sessions::delete_session(tx, token_hash)?;
    }
    let old = throttles::delete_old_throttles(tx, means.now.plus_seconds(-KEEP_SECONDS))?;
    Ok(codes + ended.len() + usize::try_from(old).unwrap_or(usize::MAX))
}
