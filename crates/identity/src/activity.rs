//! What happened to a buyer's account, kept for its owner to look over (C16): also what is gone by now, such as sessions
//! that ended and factors that were removed.
//!
//! The audit log is the proof of it and is kept by the house; this is the owner's own view, with the words of the device
//! and the network, and is forgotten after [`crate::limits::ACTIVITY_DAYS`].

use base::{BuyerId, EntryId, ShopId, Timestamp};
use store::Tx;

use crate::context::{Fault, Means};
use crate::limits::ACTIVITY_DAYS;
use crate::networks::Network;
use crate::notices::Notice;
use crate::store::activity::{self as rows, EventRow};

pub use crate::store::activity::Happening;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
    /// The device's label, or the name of the factor's kind; may be empty.
    pub label: String,
    /// The network it came from, where that is known.
    pub network: Option<Network>,
}

/// On what and from where something happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scene<'a> {
    pub(crate) label: &'a str,
    pub(crate) network: Option<Network>,
}

/// What happened to a buyer, newest first.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_activity(tx: &mut Tx, buyer: BuyerId, limit: usize) -> Result<Vec<Activity>, Fault> {
    let found = rows::list_events(tx, buyer, limit)?;
    let line = |EventRow { at, what, label, network, .. }| Activity { at, what, label, network };
    Ok(found.into_iter().map(line).collect())
}

/// Writes a line.
pub(crate) fn note(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    what: Happening,
    scene: Scene<'_>,
) -> Result<(), Fault> {
    let id = EntryId::new(ShopId::HOUSE, means.now, means.dice).short().to_owned();
    let (label, network) = (scene.label.to_owned(), scene.network);
    Ok(rows::insert_event(tx, EventRow { buyer, id, what, label, network, at: means.now })?)
}

/// Writes the line of what a buyer is told about. What has a line from where it happened has none from here.
pub(crate) fn note_notice(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    notice: &Notice,
) -> Result<(), Fault> {
    let (what, label) = match notice {
        Notice::FactorAdded(kind) => (Happening::FactorAdded, kind.name()),
        Notice::FactorRemoved(kind) => (Happening::FactorRemoved, kind.name()),
        Notice::PasskeyCopied { .. } => (Happening::PasskeyCopied, ""),
        Notice::RecoveryUsed { .. } => (Happening::RecoveryUsed, ""),
        Notice::PinChanged => (Happening::PinChanged, ""),
        Notice::PinReset { .. } => (Happening::PinReset, ""),
        Notice::PinLocked => (Happening::PinLocked, ""),
        Notice::ContactChanged { .. } => (Happening::ContactChanged, ""),
        Notice::FailedBurst | Notice::FailedStepUp => (Happening::WrongTries, ""),
        Notice::StoppedAtSecondStep { .. } => (Happening::StoppedAtSecondStep, ""),
        Notice::SimChanged { .. } => (Happening::SimChanged, ""),
        Notice::NewDevice { .. }
        | Notice::NewPlace { .. }
        | Notice::SessionEnded { .. }
        | Notice::Frozen { .. }
        | Notice::PasswordChanged
        | Notice::RecoveryGranted
        | Notice::BuyerConfirmed
        | Notice::ReadsTooMuch { .. }
        | Notice::PaymentPageChanged { .. }
        | Notice::BuyerPolicyChanged
        | Notice::ColleagueStopped { .. }
        | Notice::CaseOpened { .. }
        | Notice::EmergencyBegun { .. }
        | Notice::ApprovalAsked { .. }
        | Notice::PayoutAccount { .. }
        | Notice::RuleQuieted { .. }
        | Notice::ApiKeyEnds { .. }
        | Notice::AppRegistered { .. }
        | Notice::AppAllowed { .. }
        | Notice::CertificateEnds { .. }
        | Notice::AccessReviewWaits { .. }
        | Notice::AccessSuspended { .. }
        | Notice::AccessRestored
        | Notice::AccessStopped { .. } => return Ok(()),
    };
    note(tx, means, buyer, what, Scene { label, network: None })
}

/// Forgets everything of a buyer who is erased.
pub(crate) fn delete_activity(tx: &mut Tx, buyer: BuyerId) -> Result<(), Fault> {
    for row in rows::list_events(tx, buyer, usize::MAX)? {
        rows::delete_event(tx, buyer, &row.id)?;
    }
    Ok(())
}

/// Forgets what is too old. Returns how many lines.
pub(crate) fn sweep_activity(tx: &mut Tx, now: Timestamp, limit: usize) -> Result<usize, Fault> {
    let old = rows::list_old_events(tx, now.plus_seconds(-ACTIVITY_DAYS * 86_400), limit)?;
    for (buyer, id) in &old {
        rows::delete_event(tx, *buyer, id)?;
    }
    Ok(old.len())
}
