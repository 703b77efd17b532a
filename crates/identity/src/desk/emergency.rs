//! Emergency access at the desk: taking power for a time, ending it, and a colleague's review.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::EmergencyId;
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::form::Choice;
use webkit::page::{Frame, Problems, Zone, show};

use super::form::go;
use super::hall::Hall;
use super::member::{Member, press, read_as, write_as};
use super::two_people::name_of;
use super::visit::{Side, Visit};
use super::words::role_text;
use crate::emergency::{
    Emergency, EmergencyError, EmergencyState, NewEmergency, begin_emergency, count_unreviewed,
    end_emergency, lent_by, list_emergencies, review_emergency,
};
use crate::limits::EMERGENCY_MINUTES_MAX;
use crate::pages::review::{EmergencyPage, EmergencyRow};
use crate::permissions::{Permission, Role};

/// Where they are.
pub(super) const HOME: &str = "/desk/emergency";

/// How many wait for the member's review.
pub(super) fn count_waiting(tx: &mut Tx<'_>, member: &Member<'_>) -> Result<u64, ApiError> {
    Ok(count_unreviewed(tx, &member.actor, member.shop.id, member.means.now)? as u64)
}

/// Shows the form and what was taken.
pub(super) async fn show_emergencies(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    emergency_page(&hall, &visit, StatusCode::OK, EmergencyForm::default(), Problems::none()).await
}

async fn emergency_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    typed: EmergencyForm,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(hall, visit, Permission::EmergencyAccess, move |tx, member| {
        let page = member.frame(tx)?;
        let (mut rows, mut holds) = (Vec::new(), false);
        for found in list_emergencies(tx, &member.actor, member.shop.id)? {
            let is_running = found.state(member.means.now) == EmergencyState::Running;
            holds |= is_running && found.member == member.session.member;
            rows.push(row_of(tx, member, &page, found)?);
        }
        Ok(EmergencyPage {
            roles: list_roles(member, &page),
            holds,
            role: typed.role,
            minutes_typed: typed.minutes,
            minutes_max: EMERGENCY_MINUTES_MAX,
            reason_typed: typed.reason,
            problems,
            rows,
            action_href: HOME.to_owned(),
            page,
        })
    });
    Ok(show(status, &view.await?))
}

/// The roles that lend something the member lacks.
fn list_roles(member: &Member<'_>, page: &Frame) -> Vec<Choice> {
    let gains = |role: &&Role| {
        let is_role = role.fits(member.shop.id) && (role.is_for_members() || **role == Role::Operator);
        is_role && lent_by(**role).iter().any(|permission| !member.actor.holds(permission))
    };
    let choice = |role: &Role| Choice::new(role.name(), role_text(page, *role));
    Role::ALL.iter().filter(gains).map(choice).collect()
}

fn row_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    found: Emergency,
) -> Result<EmergencyRow, ApiError> {
    let (state, is_own) = (found.state(member.means.now), found.member == member.session.member);
    let may_review = !is_own && member.actor.holds(Permission::ReviewAccess);
    let href = |is_due: bool, what: &str| match is_due {
        true => format!("{HOME}/{}/{what}", found.id),
        false => String::new(),
    };
    Ok(EmergencyRow {
        id: found.id.to_string(),
        who: name_of(tx, member, &found.member.to_string())?,
        role: role_text(page, found.role),
        reason: found.reason.clone(),
        begun: found.begun,
        until: found.ended.unwrap_or(found.ends),
        reviewer: match found.reviewer {
            Some(id) => name_of(tx, member, &id.to_string())?,
            None => String::new(),
        },
        note: found.note.clone().unwrap_or_default(),
        end_href: href(state == EmergencyState::Running, "end"),
        review_href: href(state == EmergencyState::Unreviewed && may_review, "review"),
        state,
    })
}

/// What is to be taken, as typed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmergencyForm {
    role: String,
    minutes: String,
    reason: String,
}

impl EmergencyForm {
    fn parse(&self, page: &Frame) -> Result<NewEmergency, Problems> {
        let mut problems = Problems::none();
        let role =
            NewEmergency::parse_role(&self.role).map_err(|_| problems.add("role", page.t("problem-choice")));
        let minutes = self.minutes.trim().parse::<i64>().ok();
        let minutes = minutes.and_then(|minutes| NewEmergency::parse_minutes(minutes).ok());
        if minutes.is_none() {
            problems.add("minutes", page.t1("problem-emergency-minutes", "max", EMERGENCY_MINUTES_MAX));
        }
        let reason = NewEmergency::parse_reason(&self.reason);
        let reason = reason.map_err(|_| problems.add("reason", page.t("problem-emergency-reason")));
        match (role, minutes, reason) {
            (Ok(role), Some(minutes), Ok(reason)) => Ok(NewEmergency::new(role, minutes, reason)),
            _ => Err(problems),
        }
    }
}

/// Takes power for a time.
pub(super) async fn begin(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<EmergencyForm>(Side::Member, &incoming)?;
    let page = visit.frame(&hall, Side::Member, Zone::default());
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let new = match posted.form.parse(&page) {
        Ok(new) => new,
        Err(problems) => return emergency_page(&hall, &visit, refused, posted.form, problems).await,
    };
    let permission = Permission::EmergencyAccess;
    let begun = write_as(&hall, &visit, permission, posted.once, vec![], move |tx, member| {
        let word = match begin_emergency(tx, &member.means, &member.session, &new) {
            Ok(_) => "",
            Err(EmergencyError::Running) => "problem-emergency-running",
            Err(EmergencyError::Unreviewed) => "problem-emergency-unreviewed",
            Err(EmergencyError::NothingGained | EmergencyError::OtherRole) => "problem-emergency-nothing",
            Err(error) => return Err(error.into()),
        };
        Ok((word.to_owned(), ()))
    });
    let (word, _) = begun.await?;
    if word.is_empty() {
        return Ok(go(HOME));
    }
    let mut problems = Problems::none();
    problems.add("", page.t(word));
    emergency_page(&hall, &visit, refused, posted.form, problems).await
}

fn parse_emergency(text: &str) -> Result<EmergencyId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("no such emergency access"))
}

/// Ends one before its time.
pub(super) async fn end(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = parse_emergency(&id)?;
    press(&hall, &visit, &incoming, Permission::EmergencyAccess, move |tx, member| {
        end_emergency(tx, &member.means, &member.actor, (member.shop.id, id))?;
        Ok(HOME.to_owned())
    })
    .await
}

/// What a colleague found.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviewForm {
    note: String,
}

/// Signs one off.
pub(super) async fn review(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = parse_emergency(&id)?;
    let posted = visit.read::<ReviewForm>(Side::Member, &incoming)?;
    let Ok(note) = NewEmergency::parse_reason(&posted.form.note) else {
        let page = visit.frame(&hall, Side::Member, Zone::default());
        let mut problems = Problems::none();
        problems.add("", page.t("problem-emergency-note"));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return emergency_page(&hall, &visit, status, EmergencyForm::default(), problems).await;
    };
    let done = write_as(&hall, &visit, Permission::ReviewAccess, posted.once, vec![], move |tx, member| {
        match review_emergency(tx, &member.means, &member.session, (member.shop.id, id), &note) {
            Ok(_) | Err(EmergencyError::Reviewed) => Ok((HOME.to_owned(), ())),
            Err(error) => Err(error.into()),
        }
    });
    Ok(go(&done.await?.0))
}
