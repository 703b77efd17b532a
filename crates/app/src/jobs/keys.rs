//! Keys of this node: loads those another node made, goes on with a rotation, says when a key grows old, and replaces data
//! keys and the keys that wrap them when their time is over.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Timestamp;
use identity::Means;
use identity::ceremonies::{finish_destruction, list_due};
use store::EngineKind;
use vault::inventory::{KeyFacts, list_keys};
use vault::rotation::{Nodes, RotationError, Rotator, Step, destroy_key, start_rotation};
use vault::{KeyState, Level};

use crate::installation::{HANGING, Installation};
use crate::limits::{KEY_AGE_EVERY_MS, ROTATION_PAUSE_MS};

/// Steps of a rotation in one go; between two goes the program may stop.
const STEPS_MAX: usize = 100;

/// What advances rotations here, under a name no other node has.
pub fn rotator(at: &Installation, holder: &str) -> Rotator {
    match at.db.engine() {
        // Whoever has the database open is the only one, also after a crash: it need not wait for its own old lease.
        EngineKind::Embedded => Rotator::new(at.keys.clone(), HANGING, "the only node", Nodes::One),
        EngineKind::Postgres => Rotator::new(at.keys.clone(), HANGING, holder, Nodes::Several),
    }
}

/// The keeper of this node's keys.
pub(super) struct Keeper {
    at: Installation,
    rotator: Rotator,
    refreshed: Option<Timestamp>,
    aged: Option<Timestamp>,
    alarms: BTreeMap<(&'static str, i64), i64>,
    troubles: Troubles,
}

impl Keeper {
    pub(super) fn new(at: Installation, holder: &str) -> Keeper {
        let rotator = rotator(&at, holder);
        Keeper {
            at,
            rotator,
            refreshed: None,
            aged: None,
            alarms: BTreeMap::new(),
            troubles: Troubles::default(),
        }
    }

    /// One go.
    pub(super) fn keep(&mut self) {
        let now = self.at.clock.now();
        if is_due(&mut self.refreshed, now, vault::limits::REFRESH_EVERY_MS) {
            let done = self.at.vault.refresh(&self.at.db, &*self.at.keys);
            self.troubles.report(Work::Loading, done.err().map(|e| e.to_string()));
        }
        if is_due(&mut self.aged, now, KEY_AGE_EVERY_MS) {
            self.look_at_age(now);
        }
        self.troubles.report(Work::Destroying, destroy_due(&self.at, now).err());
        let rotated = self.rotate();
        self.troubles.report(Work::Rotating, rotated.err());
    }

    /// Goes on with a rotation, for a while.
    fn rotate(&self) -> Result<(), String> {
        for _ in 0..STEPS_MAX {
            match self.rotator.step(&self.at.db, &self.at.vault, self.at.clock.now(), &self.at.dice) {
                Ok(Step::Moved) => std::thread::sleep(Duration::from_millis(ROTATION_PAUSE_MS)),
                Ok(Step::Idle | Step::Waiting) => break,
                Err(problem) => return Err(problem.to_string()),
            }
        }
        Ok(())
    }

    fn look_at_age(&mut self, now: Timestamp) {
        let keys = match self.at.db.read_blocking(list_keys) {
            Ok(keys) => keys,
            Err(problem) => return tracing::warn!(%problem, "the age of keys could not be read"),
        };
        for key in keys {
            let alarm = key.alarm(now);
            let seen = self.alarms.insert((key.purpose, key.version), alarm.unwrap_or(i64::MAX));
            if alarm.is_some() && seen != alarm {
                say_age(&key, now);
            }
        }
        match replace_aged(&self.at, now) {
            Ok(Some(level)) => {
                tracing::info!(level = level.name(), "keys whose time is over are being replaced")
            }
            Ok(None) => {}
            Err(problem) => {
                tracing::warn!(alarm = "keys", %problem, "keys whose time is over could not be replaced")
            }
        }
    }
}

/// What may go wrong each time for as long as a key source is away.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Loading,
    Destroying,
    Rotating,
}

impl Work {
    const fn trouble(self) -> &'static str {
        match self {
            Work::Loading => "keys could not be loaded; what is loaded goes on",
            Work::Destroying => "a key whose destruction was approved is still there; it is tried again",
            Work::Rotating => "a rotation of keys waits; it is tried again",
        }
    }

    const fn well(self) -> &'static str {
        match self {
            Work::Loading => "keys are loaded again",
            Work::Destroying => "keys whose destruction was approved are destroyed again",
            Work::Rotating => "rotations of keys go on again",
        }
    }
}

/// What goes wrong now. Each work has its own, so that one that goes well hides no other.
#[derive(Default)]
struct Troubles(BTreeMap<Work, String>);

impl Troubles {
    /// Says it once, until it is another problem, and once when it goes well again.
    fn report(&mut self, work: Work, problem: Option<String>) {
        if !self.changes(work, problem.as_ref()) {
            return;
        }
        match problem {
            Some(problem) => tracing::warn!(alarm = "keys", %problem, "{}", work.trouble()),
            None => tracing::info!("{}", work.well()),
        }
    }

    /// Takes note, and tells whether there is something new to say.
    fn changes(&mut self, work: Work, problem: Option<&String>) -> bool {
        let before = match problem {
            Some(problem) => self.0.insert(work, problem.clone()),
            None => self.0.remove(&work),
        };
        before.as_ref() != problem
    }
}

/// Starts replacing the keys whose time is over, one level at a time: data keys and the keys that wrap them. The root key
/// takes two people, and after a new seed printed codes are printed anew, so of those the log reminds. Returns the level that is
/// being replaced from now on.
///
/// # Errors
/// What stopped it, in words; it is tried again at the next look.
pub fn replace_aged(at: &Installation, now: Timestamp) -> Result<Option<Level>, String> {
    let keys = at.db.read_blocking(list_keys).map_err(|e| e.to_string())?;
    let is_over = |key: &&KeyFacts| key.days_left(now).is_some_and(|left| left < 0);
    let by_itself = |key: &&KeyFacts| matches!(key.level, Level::Kek | Level::Data);
    let Some(level) = keys.iter().filter(by_itself).find(is_over).map(|key| key.level) else {
        return Ok(None);
    };
    let dice = at.dice.clone();
    let started = at.db.write_blocking(move |tx| {
        start_rotation(tx, level, &audit::Actor::system("key age policy"), now, &dice)
    });
    match started {
        Ok(_) => Ok(Some(level)),
        Err(RotationError::Running { .. }) => Ok(None),
        Err(problem) => Err(problem.to_string()),
    }
}

/// Destroys the keys whose destruction a second operator approved.
///
/// # Errors
/// What stopped it, in words; it is tried again.
pub fn destroy_due(at: &Installation, now: Timestamp) -> Result<(), String> {
    let due = at.db.read_blocking(move |tx| list_due(tx, now)).map_err(|e| e.to_string())?;
    for (approval, key) in due {
        let actor = audit::Actor::system("approved key destruction");
        let key = (key.0, key.1, HANGING);
        match destroy_key(&at.db, &at.vault, &*at.keys, key, &actor, (now, &at.dice)) {
            // The second is one that a crash cut off from being written down.
            Ok(()) | Err(RotationError::NotRetired { state: KeyState::Destroyed, .. }) => {}
            Err(problem) => return Err(problem.to_string()),
        }
        let (at, id) = (at.clone(), approval.id);
        let finished = at.db.clone().write_blocking(move |tx| {
            let means = Means { vault: &at.vault, dice: &at.dice, now };
            finish_destruction(tx, &means, id)
        });
        finished.map_err(|problem| problem.to_string())?;
    }
    Ok(())
}

/// The field `alarm` is what a watcher of the log looks for; its value does not change.
fn say_age(key: &KeyFacts, now: Timestamp) {
    let days_left = key.days_left(now).unwrap_or(0);
    tracing::warn!(
        alarm = "key_age",
        key = key.purpose,
        version = key.version,
        days_left,
        "a key grows old; root key and seed are replaced with `tillward keys rotate`, the others by themselves"
    );
}

fn is_due(last: &mut Option<Timestamp>, now: Timestamp, every_ms: i64) -> bool {
    let due = last.is_none_or(|last| now.millis_since(last).abs() >= every_ms);
    if due {
        *last = Some(now);
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_said_once_until_it_ends_however_well_the_rest_goes() {
        let mut troubles = Troubles::default();
        let away = Some("the token is away".to_owned());
        let mut said = Vec::new();
        for (loading, rotating) in
            [(None, None), (None, away.clone()), (None, away.clone()), (None, away), (None, None)]
        {
            let loading = troubles.changes(Work::Loading, loading.as_ref());
            said.push((loading, troubles.changes(Work::Rotating, rotating.as_ref())));
        }
        assert_eq!(said, [(false, false), (false, true), (false, false), (false, false), (false, true)]);
        let (one, other) = ("one".to_owned(), "other".to_owned());
        assert!(troubles.changes(Work::Loading, Some(&one)) && troubles.changes(Work::Loading, Some(&other)));
        assert!(troubles.changes(Work::Destroying, Some(&other)), "each work says its own");
    }
}
