//! The installation's keys, for operators: the tree, and replacing the keys of a level.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use vault::inventory::{KeyFacts, list_keys};
use vault::rotation::{RotationError, list_rotations, start_rotation};
use vault::{KeyState, Level, Rotation, RotationState};
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::show;

use super::form::go;
use super::hall::Hall;
use super::member::{read_as, write_as};
use super::visit::{Side, Visit};
use crate::pages::keys::{KeyLevel, KeyNode, KeyRotatePage, KeyShown, KeysPage, RotationBar};
use crate::permissions::Permission;

/// Where the keys are.
const HOME: &str = "/desk/keys";
/// Rotations that are shown once they are done.
const PAST_MAX: usize = 5;
/// The levels that are replaced, from the root down.
const LEVELS: [Level; 3] = [Level::Root, Level::Kek, Level::Data];

/// Shows the tree.
pub(super) async fn show_tree(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&hall, &visit, Permission::ManageKeys, |tx, member| {
        let page = member.frame(tx)?;
        let rotations = list_rotations(tx)?;
        let (past, running): (Vec<_>, Vec<_>) =
            rotations.iter().partition(|rotation| rotation.state == RotationState::Done);
        let (keys, busy) = (list_keys(tx)?, !running.is_empty());
        Ok(KeysPage {
            levels: LEVELS.iter().map(|level| level_of(*level, &keys, busy, member.means.now)).collect(),
            running: running.first().map(|rotation| bar(rotation)),
            past: past.into_iter().take(PAST_MAX).map(bar).collect(),
            page,
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn level_of(level: Level, keys: &[KeyFacts], busy: bool, now: base::Timestamp) -> KeyLevel {
    let own = keys.iter().filter(|key| key.level == level);
    let mut nodes: Vec<KeyNode> = own.map(|key| node(key, now)).collect();
    nodes.sort_by_key(|node| (node.state != KeyShown::Active, -node.version));
    let rotate_href = if busy { String::new() } else { format!("{HOME}/rotate/{}", level.name()) };
    KeyLevel { level: level.name(), keys: nodes, rotate_href }
}

fn node(key: &KeyFacts, now: base::Timestamp) -> KeyNode {
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
        destroy_href: String::new(),
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
    let found = LEVELS.into_iter().find(|level| level.name() == text);
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
        let (now, dice) = (member.means.now, member.means.dice);
        match start_rotation(tx, level, &member.audit(), now, dice) {
            // One that goes on already is shown with its bar.
            Ok(_) | Err(RotationError::Running { .. }) => Ok((HOME.to_owned(), ())),
            Err(error) => Err(ApiError::internal(error)),
        }
    });
    Ok(go(&done.await?.0))
}
