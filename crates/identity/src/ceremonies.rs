//! Ceremonies of the installation's keys that take two people: replacing the root key, destroying a key (C13, C47).
//!
//! Promises: what is approved names level and version, and is looked at again when it is approved; a rotation starts with
//! the second person's yes; a destruction is done by the job of a node right after it, since the key source is never
//! asked in a transaction. Where the house has one operator alone, that one can replace the root key, and destroys keys
//! at the machine (`tillward keys destroy`).

use base::{ApprovalId, ShopId, Timestamp};
use store::Tx;
use vault::inventory::list_keys;
use vault::rotation::{RotationError, check_destroyable, start_rotation};
use vault::{KeyState, Level, Rotation};

use crate::approvals::{self, Approval, ApprovalAction, ApprovalError, ApprovalState, Asked, Proposal};
use crate::context::{Fault, Means, takes_faults};
use crate::permissions::{Actor, Denied, Permission};
use crate::store::approvals as rows;

/// Something that takes two people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// The next root key replaces this version.
    RotateRoot {
        /// The version in force.
        version: i64,
    },
    /// A retired key ends for good.
    Destroy {
        /// Its level.
        level: Level,
        /// Its version.
        version: i64,
    },
}

impl Ceremony {
    /// What a second person is asked for.
    fn proposal(self) -> Proposal {
        let (subject, summary) = match self {
            Ceremony::RotateRoot { version } => {
                (format!("rotate root {version}"), format!("root {version} → {}", version + 1))
            }
            Ceremony::Destroy { level, version } => {
                let key = format!("{} {version}", level.name());
                (format!("destroy {key}"), format!("{key} ✕"))
            }
        };
        Proposal::new(ShopId::HOUSE, ApprovalAction::KeyCeremony, &subject, &summary)
    }

    /// Reads the subject of an approval.
    fn read(subject: &str) -> Option<Ceremony> {
        let mut words = subject.split(' ');
        let (what, level) = (words.next()?, Level::from_name(words.next()?)?);
        let version = words.next()?.parse().ok()?;
        match (what, level) {
            ("rotate", Level::Root) => Some(Ceremony::RotateRoot { version }),
            ("destroy", level) => Some(Ceremony::Destroy { level, version }),
            _ => None,
        }
    }
}

/// Why a ceremony was not begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CeremonyError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// The house has no second operator.
    #[error("nobody else could approve this; destroy the key at the machine with `tillward keys destroy`")]
    NobodyElse,
    /// The keys changed after it was proposed.
    #[error("the keys changed meanwhile; propose it again")]
    Stale,
    /// The proposal to a second person was refused.
    #[error(transparent)]
    Approval(ApprovalError),
    /// The keys do not allow it.
    #[error(transparent)]
    Rotation(RotationError),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(CeremonyError);

impl From<Denied> for CeremonyError {
    fn from(denied: Denied) -> CeremonyError {
        CeremonyError::Denied(denied)
    }
}

impl From<ApprovalError> for CeremonyError {
    fn from(error: ApprovalError) -> CeremonyError {
        CeremonyError::Approval(error)
    }
}

impl From<RotationError> for CeremonyError {
    fn from(error: RotationError) -> CeremonyError {
        CeremonyError::Rotation(error)
    }
}

/// What became of a request for a rotation.
#[derive(Clone, Debug)]
pub enum Requested {
    /// It goes on by itself.
    Started(Rotation),
    /// It waits for a second person.
    Waits(ApprovalId),
}

/// Starts replacing the keys of a level. For the root key a second operator is asked, where there is one.
///
/// # Errors
/// [`CeremonyError`] but [`CeremonyError::NobodyElse`] and [`CeremonyError::Stale`].
pub fn request_rotation(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    level: Level,
) -> Result<Requested, CeremonyError> {
    actor.allow(Permission::ManageKeys, ShopId::HOUSE)?;
    if level == Level::Root {
        let ceremony = Ceremony::RotateRoot { version: active_root(tx)? };
        if let Asked::Wait(id) = approvals::ask_if_two(tx, means, actor, &ceremony.proposal())? {
            return Ok(Requested::Waits(id));
        }
    }
    Ok(Requested::Started(start_rotation(tx, level, &actor.into(), means.now, means.dice)?))
}

/// Asks a second operator to let a retired key be destroyed.
///
/// # Errors
/// [`CeremonyError`] but [`CeremonyError::Stale`].
pub fn request_destruction(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    key: (Level, i64),
) -> Result<ApprovalId, CeremonyError> {
    actor.allow(Permission::ManageKeys, ShopId::HOUSE)?;
    check_destroyable(tx, key)?;
    let (level, version) = key;
    let ceremony = Ceremony::Destroy { level, version };
    if let Some((approval, _)) = list_due(tx, means.now)?.into_iter().find(|(_, due)| *due == key) {
        return Ok(approval.id);
    }
    let proposal = ceremony.proposal();
    if !approvals::has_second(tx, actor, &proposal)? {
        return Err(CeremonyError::NobodyElse);
    }
    Ok(approvals::propose(tx, means, actor, &proposal)?)
}

/// What the yes of a second operator does: starts the rotation (`true`, it is done), or leaves a destruction that still
/// can be done to the job of a node (`false`).
///
/// # Errors
/// [`CeremonyError::Stale`], [`CeremonyError::Rotation`].
pub fn carry_out(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    approval: &Approval,
) -> Result<bool, CeremonyError> {
    match Ceremony::read(&approval.subject).ok_or(Fault::Row("approval"))? {
        Ceremony::RotateRoot { version } if active_root(tx)? != version => Err(CeremonyError::Stale),
        Ceremony::RotateRoot { .. } => {
            start_rotation(tx, Level::Root, &actor.into(), means.now, means.dice)?;
            Ok(true)
        }
        Ceremony::Destroy { level, version } => {
            check_destroyable(tx, (level, version))?;
            Ok(false)
        }
    }
}

/// A key of the hierarchy: its level and its version there.
pub type KeyName = (Level, i64);

/// The keys whose destruction was approved and is not done yet.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_due(tx: &mut Tx, now: Timestamp) -> Result<Vec<(Approval, KeyName)>, Fault> {
    let mut due = Vec::new();
    for row in rows::list_open(tx, ShopId::HOUSE, now)? {
        let is_due = row.action == ApprovalAction::KeyCeremony && row.state == ApprovalState::Approved;
        if let (true, Some(Ceremony::Destroy { level, version })) = (is_due, Ceremony::read(&row.subject)) {
            due.push((row, (level, version)));
        }
    }
    Ok(due)
}

/// Notes that a key whose destruction was approved is gone. One that another node noted already is left as it is.
///
/// # Errors
/// [`Fault`] alone.
pub fn finish_destruction(tx: &mut Tx, means: &Means<'_>, id: ApprovalId) -> Result<(), Fault> {
    let Some(row) = rows::find_approval(tx, id)? else { return Ok(()) };
    match approvals::finish(tx, means, &Actor::System, row) {
        Ok(_) => Ok(()),
        Err(ApprovalError::Fault(fault)) => Err(fault),
        Err(_) => Ok(()),
    }
}

/// The keys whose destruction waits for a second operator, or for the job of a node.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_asked(tx: &mut Tx, now: Timestamp) -> Result<Vec<(Level, i64)>, Fault> {
    let open = rows::list_open(tx, ShopId::HOUSE, now)?;
    let own = open.iter().filter(|row| row.action == ApprovalAction::KeyCeremony);
    let key = |row: &Approval| match Ceremony::read(&row.subject) {
        Some(Ceremony::Destroy { level, version }) => Some((level, version)),
        Some(Ceremony::RotateRoot { .. }) | None => None,
    };
    Ok(own.filter_map(key).collect())
}

/// Whether a rotation of the root key waits for a second operator.
///
/// # Errors
/// [`Fault`] alone.
pub fn is_root_asked(tx: &mut Tx, now: Timestamp) -> Result<bool, Fault> {
    let open = rows::list_open(tx, ShopId::HOUSE, now)?;
    let is_one = |row: &Approval| {
        row.action == ApprovalAction::KeyCeremony
            && matches!(Ceremony::read(&row.subject), Some(Ceremony::RotateRoot { .. }))
    };
    Ok(open.iter().any(is_one))
}

fn active_root(tx: &mut Tx) -> Result<i64, CeremonyError> {
    let keys = list_keys(tx)?;
    let active = keys.iter().find(|key| key.level == Level::Root && key.state == KeyState::Active);
    Ok(active.map(|key| key.version).ok_or(Fault::Row("root key"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceremony_is_read_as_it_was_proposed() {
        let root = Ceremony::Destroy { level: Level::Root, version: 1 };
        let kek = Ceremony::Destroy { level: Level::Kek, version: 12 };
        for ceremony in [Ceremony::RotateRoot { version: 3 }, root, kek] {
            assert_eq!(Ceremony::read(&ceremony.proposal().subject), Some(ceremony));
        }
        for other in ["", "rotate", "rotate kek 1", "destroy root", "destroy root x", "burn root 1"] {
            assert_eq!(Ceremony::read(other), None, "{other}");
        }
    }
}
