//! Challenges that were given out: known by their hash, answered once (WA-1).

use base::Timestamp;
use store::Tx;

use super::Holder;
use super::ceremony::sha256;
use crate::context::{Fault, Means};
use crate::limits::{PASSKEY_CHALLENGE_BYTES, PASSKEY_CHALLENGE_SECONDS};
use crate::store::passkeys::{self as rows, ChallengeRow, Purpose};
use crate::token::key_text;

/// Makes a random challenge and writes it down.
pub(super) fn give_random(
    tx: &mut Tx,
    means: &Means<'_>,
    purpose: Purpose,
    holder: Holder<'_>,
) -> Result<Vec<u8>, Fault> {
    let challenge = means.dice.bytes::<PASSKEY_CHALLENGE_BYTES>().to_vec();
    give(tx, means, purpose, holder, &challenge)?;
    Ok(challenge)
}

/// Writes down that a challenge was given out.
pub(super) fn give(
    tx: &mut Tx,
    means: &Means<'_>,
    purpose: Purpose,
    holder: Holder<'_>,
    challenge: &[u8],
) -> Result<(), Fault> {
    let expires = means.now.plus_seconds(PASSKEY_CHALLENGE_SECONDS);
    let row = ChallengeRow { purpose, holder: holder_text(holder), expires };
    Ok(rows::update_challenge(tx, &hash_text(challenge), row)?)
}

/// Takes a challenge back. Whoever holds it spends it, whatever comes of the answer; of another holder or purpose it is as
/// good as unknown. Returns whether it could be answered.
pub(super) fn take(
    tx: &mut Tx,
    means: &Means<'_>,
    purpose: Purpose,
    holder: Holder<'_>,
    challenge: &[u8],
) -> Result<bool, Fault> {
    let hash = hash_text(challenge);
    let Some(row) = rows::find_challenge(tx, &hash)? else { return Ok(false) };
    if row.purpose != purpose || row.holder != holder_text(holder) {
        return Ok(false);
    }
    rows::delete_challenge(tx, &hash)?;
    Ok(means.now < row.expires)
}

/// Forgets challenges that can no longer be answered, up to `limit`, and returns how many.
///
/// # Errors
/// [`Fault`] alone.
pub fn sweep_challenges(tx: &mut Tx, now: Timestamp, limit: usize) -> Result<usize, Fault> {
    let ended = rows::list_ended_challenges(tx, now, limit)?;
    for hash in &ended {
        rows::delete_challenge(tx, hash)?;
    }
    Ok(ended.len())
}

fn holder_text(holder: Holder<'_>) -> String {
    match holder {
        Holder::Session(session) => session.short().to_owned(),
        Holder::Attempt(token) => token.hash(),
    }
}

pub(super) fn hash_text(bytes: &[u8]) -> String {
    key_text(&sha256(bytes))
}
