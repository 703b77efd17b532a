//! The installation's keys, for operators: the tree, replacing the keys of a level, destroying one that was replaced.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use vault::inventory::{KeyFacts, list_keys};
use vault::rotation::{RotationError, list_rotations};
use vault::{KeyState, Level, Rotation, RotationState};
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Problems, Zone, show};

use super::form::{Button, go};
use super::hall::Hall;
use super::member::{read_as, write_as};
use super::visit::{Side, Visit};
use crate::ceremonies::{CeremonyError, is_root_asked, list_asked, request_destruction, request_rotation};
use crate::pages::keys::{KeyDestroyPage, KeyLevel, KeyNode, KeyRotatePage, KeyShown, KeysPage, RotationBar};
use crate::permissions::Permission;

/// Where the keys are.
const HOME: &str = "/desk/keys";
/// Rotations that are shown once they are done.
const PAST_MAX: usize = 5;
/// The levels that are replaced: what seals, from the root down; and beside it what hashes.
const TREES: [&[Level]; 2] = [&[Level::Root, Level::Kek, Level::Data], &[Level::Seed]];

/// Shows the tree.
pub(super) async fn show_tree(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&hall, &visit, Permission::ManageKeys, |tx, member| {
        let page = member.frame(tx)?;
        let rotations = list_rotations(tx)?;
        let (past, running): (Vec<_>, Vec<_>) =
            rotations.iter().partition(|rotation| rotation.state == RotationState::Done);
        let (now, busy) = (member.means.now, !running.is_empty());
        let tree = Tree { keys: list_keys(tx)?, busy, asked: list_asked(tx, now)?, now };
        Ok(KeysPage {
            trees: TREES
                .iter()
                .map(|levels| levels.iter().map(|level| tree.level(*level)).collect())
                .collect(),
            root_waits: is_root_asked(tx, now)?,
            running: running.first().map(|rotation| bar(rotation)),
            past: past.into_iter().take(PAST_MAX).map(bar).collect(),
            page,
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// What the tree is drawn from.
struct Tree {
    keys: Vec<KeyFacts>,
    /// A rotation goes on.
    busy: bool,
    /// Keys whose destruction was asked for.
    asked: Vec<(Level, i64)>,
    now: base::Timestamp,
}

impl Tree {
    fn level(&self, level: Level) -> KeyLevel {
        let own = self.keys.iter().filter(|key| key.level == level);
        let mut nodes: Vec<KeyNode> = own.map(|key| self.node(key)).collect();
        nodes.sort_by_key(|node| (node.state != KeyShown::Active, -node.version));
        let rotate_href = if self.busy { String::new() } else { format!("{HOME}/rotate/{}", level.name()) };
        KeyLevel { level: level.name(), keys: nodes, rotate_href }
    }

    fn node(&self, key: &KeyFacts) -> KeyNode {
        let place = (key.level, key.version);
        let waits = key.state == KeyState::Retired && self.asked.contains(&place);
        let can_end = key.level != Level::Seed
            && key.state == KeyState::Retired
            && key.uses == 0
            && !self.busy
            && !waits;
        node(key, self.now, (waits, if can_end { destroy_path(place) } else { String::new() }))
    }
}

fn destroy_path((level, version): (Level, i64)) -> String {
    format!("{HOME}/destroy/{}/{version}", level.name())
}

fn node(key: &KeyFacts, now: base::Timestamp, (waits, destroy_href): (bool, String)) -> KeyNode {
    KeyNode {
        version: key.version,
        name: key.name.clone().unwrap_or_default(),
        algorithm: key.algorithm.to_owned(),
        state: match key.state {
            KeyState::Coming => KeyShown::Coming,
            KeyState::Active => KeyShown::Active,
            KeyState::Retired => KeyShown::Retired,
            KeyState::Destroyed => KeyShown::Destroyed,
        },
        created: key.created,
        ended: key.destroyed.or(key.retired),
        days_left: key.days_left(now),
        uses: u64::try_from(key.uses).unwrap_or(0),
        destroy_href,
        waits,
    }
}

fn bar(rotation: &Rotation) -> RotationBar {
    RotationBar {
        level: rotation.level.name(),
        done: u64::try_from(rotation.done).unwrap_or(0),
        total: u64::try_from(rotation.total).unwrap_or(0),
        problem: rotation.problem.clone().unwrap_or_default(),
        started: rotation.started,
        ended: rotation.ended,
    }
}

fn parse_level(text: &str) -> Result<Level, ApiError> {
    let found = TREES.concat().into_iter().find(|level| level.name() == text);
    found.ok_or_else(|| ApiError::not_found("no such level of keys"))
}

/// Asks whether the keys of a level are to be replaced, and says what follows.
pub(super) async fn show_rotation(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(level): Path<String>,
) -> Result<Response, ApiError> {
    let level = parse_level(&level)?;
    let view = read_as(&hall, &visit, Permission::ManageKeys, move |tx, member| {
        let all = list_keys(tx)?;
        let uses: i64 = all.iter().filter(|key| key.level == level).map(|key| key.uses).sum();
        Ok(KeyRotatePage {
            page: member.frame(tx)?,
            level: level.name(),
            uses: u64::try_from(uses).unwrap_or(0),
            action_href: format!("{HOME}/rotate/{}", level.name()),
            back_href: HOME.to_owned(),
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// The level, named once more by the button.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LevelForm {
    level: String,
}

/// Starts a rotation; the job of a node does it.
pub(super) async fn start(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<LevelForm>(Side::Member, &incoming)?;
    let level = parse_level(&posted.form.level)?;
    let done = write_as(&hall, &visit, Permission::ManageKeys, posted.once, vec![], move |tx, member| {
        match request_rotation(tx, &member.means, &member.actor, level) {
            // One that goes on already is shown with its bar.
            Ok(_) | Err(CeremonyError::Rotation(RotationError::Running { .. })) => Ok((HOME.to_owned(), ())),
            Err(error) => Err(error.into()),
        }
    });
    Ok(go(&done.await?.0))
}

/// The key that an address names.
fn parse_key((level, version): (String, String)) -> Result<(Level, i64), ApiError> {
    let version = version.parse().map_err(|_| ApiError::not_found("no such key"))?;
    match parse_level(&level)? {
        // Each data key ends by itself, with its owner's last value that was sealed by it.
        Level::Data => Err(ApiError::not_found("no such key")),
        level => Ok((level, version)),
    }
}

/// Says what is lost with a key, and asks whether a colleague is to be asked.
pub(super) async fn show_destruction(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(place): Path<(String, String)>,
) -> Result<Response, ApiError> {
    destroy_page(&hall, &visit, StatusCode::OK, parse_key(place)?, Problems::none()).await
}

async fn destroy_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    key: (Level, i64),
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(hall, visit, Permission::ManageKeys, move |tx, member| {
        let all = list_keys(tx)?;
        let found =
            all.iter().find(|one| (one.level, one.version, one.state) == (key.0, key.1, KeyState::Retired));
        let found = found.ok_or_else(|| ApiError::not_found("no such key"))?;
        Ok(KeyDestroyPage {
            level: key.0.name(),
            version: key.1,
            since: found.created,
            until: found.retired.unwrap_or(member.means.now),
            problems,
            action_href: destroy_path(key),
            back_href: HOME.to_owned(),
            page: member.frame(tx)?,
        })
    });
    Ok(show(status, &view.await?))
}

/// Asks a second operator to let a key be destroyed.
pub(super) async fn destroy(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(place): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let key = parse_key(place)?;
    let once = visit.read::<Button>(Side::Member, &incoming)?.once;
    let done = write_as(&hall, &visit, Permission::ManageKeys, once, vec![], move |tx, member| {
        match request_destruction(tx, &member.means, &member.actor, key) {
            Ok(_) => Ok((HOME.to_owned(), ())),
            Err(CeremonyError::NobodyElse) => Ok(("destroy-alone".to_owned(), ())),
            Err(CeremonyError::Rotation(problem)) if is_in_the_way(&problem) => {
                Ok(("destroy-in-use".to_owned(), ()))
            }
            Err(error) => Err(error.into()),
        }
    });
    let (word, _) = done.await?;
    if word.starts_with('/') {
        return Ok(go(&word));
    }
    let mut problems = Problems::none();
    problems.add("", visit.frame(&hall, Side::Member, Zone::default()).t(&word));
    destroy_page(&hall, &visit, StatusCode::CONFLICT, key, problems).await
}

fn is_in_the_way(problem: &RotationError) -> bool {
    use RotationError::{AtMachine, InUse, NoVersion, NotRetired, Running, TooManySeeds};
    matches!(
        problem,
        Running { .. } | NotRetired { .. } | InUse { .. } | NoVersion | AtMachine | TooManySeeds
    )
}
