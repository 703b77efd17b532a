//! Forgetting what has ended: codes, sessions, counted tries, delivered mails. Run now and then by the program's own jobs.

use store::Tx;

use crate::activity;
use crate::approvals;
use crate::codes;
use crate::context::{Fault, Means};
use crate::disputes;
use crate::limits::SWEEP_ROWS_MAX;
use crate::oauth;
use crate::passkeys;
use crate::password_reset;
use crate::sent_codes;
use crate::sign_in;
use crate::store::{certificates, outbox, outside, sessions, throttles};

/// What is older than this counts nowhere any more.
const KEEP_SECONDS: i64 = 2 * 86_400;

/// Deletes what ended, up to [`SWEEP_ROWS_MAX`] rows, and returns how many rows went. Call again while it returns the
/// limit.
///
/// # Errors
/// [`Fault`] alone.
pub fn sweep(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let before = means.now.plus_seconds(-KEEP_SECONDS);
    let mut gone = codes::sweep_codes(tx, means, SWEEP_ROWS_MAX)?;
    let ended = sessions::list_ended_sessions(tx, means.now, SWEEP_ROWS_MAX - gone)?;
    for token_hash in &ended {
        sessions::delete_session(tx, token_hash)?;
    }
    gone += ended.len();
    gone += passkeys::sweep_challenges(tx, means.now, SWEEP_ROWS_MAX - gone)?;
    gone += sent_codes::sweep_sent(tx, means.now, SWEEP_ROWS_MAX - gone)?;
    gone += sign_in::sweep_pending(tx, means.now, SWEEP_ROWS_MAX - gone)?;
    gone += disputes::sweep_disputes(tx, means.now, SWEEP_ROWS_MAX - gone)?;
    gone += activity::sweep_activity(tx, means.now, SWEEP_ROWS_MAX - gone)?;
    gone += approvals::sweep_invited(tx, means, SWEEP_ROWS_MAX - gone)?;
    gone += password_reset::sweep_resets(tx, means.now, SWEEP_ROWS_MAX - gone)?;
    gone += oauth::sweep_apps(tx, means, SWEEP_ROWS_MAX - gone)?;
    let old = throttles::list_old_throttles(tx, before, SWEEP_ROWS_MAX - gone)?;
    for (kind, subject) in &old {
        throttles::delete_throttle(tx, kind, subject)?;
    }
    gone += old.len();
    let unused = certificates::list_ended_enrolments(tx, means.now, SWEEP_ROWS_MAX - gone)?;
    for code_hash in &unused {
        certificates::delete_enrolment(tx, code_hash)?;
    }
    gone += unused.len();
    let ended = outside::list_ended_attempts(tx, means.now, SWEEP_ROWS_MAX - gone)?;
    for state_hash in &ended {
        outside::delete_attempt(tx, state_hash)?;
    }
    gone += ended.len();
    let done = outbox::list_done_mails(tx, before, SWEEP_ROWS_MAX - gone)?;
    for (shop, id) in &done {
        outbox::delete_mail(tx, *shop, id)?;
    }
    Ok(gone + done.len())
}
