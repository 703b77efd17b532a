//! Sign-in and security of the own account: what opens it, where it is open, the password.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{ConnectionId, FactorId, SessionId};
use serde::Deserialize;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, show};

use super::apps::in_words;
use super::form::{Button, go};
use super::hall::Hall;
use super::member::{read_as, write_as};
use super::own::{Own, read_own, write_own};
use super::second_step::{renew_cookie, session_token};
use super::visit::{Side, Visit, place, with_next};
use super::words::{device_text, password_problem};
use crate::factors::{Factor, FactorError, FactorKind, list_counting, list_factors, remove_factor};
use crate::members::{LoginError, confirm_member, find_password_context};
use crate::oauth::{App, AppError, Connection, disconnect_own, list_own_connections};
use crate::own::{change_password, end_own_session, list_own_sessions, sign_out_elsewhere};
use crate::pages::security::{
    AppLine, DevicesPage, FactorLine, FactorRemovePage, MeterPart, PasswordPage, SecurityPage, SessionRow,
};
use crate::password::{Password, PasswordRule};
use crate::permissions::Permission;
use crate::person::Person;
use crate::recovery::count_recovery_codes;
use crate::sessions::{AuthError, require_member};
use crate::sign_in::require_own_fresh;
use crate::strength::{Advice, judge_password};

/// Which side's account a route is about.
#[derive(Clone, Copy)]
pub(super) struct At(pub Side);

impl At {
    fn security(self) -> String {
        format!("{}/security", self.0.base())
    }

    fn add(self) -> String {
        match self.0 {
            Side::Buyer => "/me/factor".to_owned(),
            Side::Member => "/sign-in/factor".to_owned(),
        }
    }
}

/// Shows what opens the account.
pub(super) async fn show_security(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    at: At,
) -> Result<Response, ApiError> {
    let view = read_own(&hall, &visit, at.0, move |tx, own| {
        let factors = list_factors(tx, own.person)?;
        let lines = factors.iter().filter(|factor| factor.kind != FactorKind::Recovery);
        let page = own.frame(tx)?;
        let counting = list_counting(tx, own.means().vault, own.person)?;
        let counts = |line: &Factor| counting.iter().any(|factor| factor.id == line.id);
        Ok(SecurityPage {
            base: at.0.base(),
            add_href: at.add(),
            has_password: at.0 == Side::Member,
            factors: lines
                .map(|factor| FactorLine { is_contact: !counts(factor), ..line_of(&page, at, factor) })
                .collect(),
            recovery_left: count_recovery_codes(tx, own.person)?,
            sessions: list_own_sessions(tx, own.person, own.means().now)?.len(),
            apps: list_apps(tx, own, &page)?,
            page,
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// The apps that act for a member; a buyer has none.
fn list_apps(tx: &mut Tx<'_>, own: &Own<'_>, page: &Frame) -> Result<Vec<AppLine>, ApiError> {
    let Person::Member(id) = own.person else { return Ok(Vec::new()) };
    let found = list_own_connections(tx, id, own.means().now)?;
    let line = |(app, one): (App, Connection)| AppLine {
        name: app.name,
        may: in_words(page, one.permissions),
        at: one.created,
        used: one.used,
        end_href: format!("/desk/security/apps/{}/end", one.id),
    };
    Ok(found.into_iter().map(line).collect())
}

/// Ends what the member allowed an app.
pub(super) async fn end_app(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: ConnectionId = id.parse().map_err(|_| ApiError::not_found("no such app"))?;
    let once = visit.read::<Button>(Side::Member, &incoming)?.once;
    let done = write_own(&hall, &visit, Side::Member, once, move |tx, own| {
        let Person::Member(member) = own.person else { return Err(ApiError::not_found("no such app")) };
        match disconnect_own(tx, &own.means(), member, id) {
            // It is gone, as was asked.
            Ok(()) | Err(AppError::NotFound) => Ok((At(Side::Member).security(), ())),
            Err(other) => Err(other.into()),
        }
    });
    Ok(go(&done.await?.0))
}

fn line_of(page: &Frame, at: At, factor: &Factor) -> FactorLine {
    FactorLine {
        kind: factor.kind.name(),
        label: device_text(page, &factor.label),
        created: factor.created,
        used: factor.used,
        is_contact: false,
        remove_href: format!("{}/{}/remove", at.security(), factor.id),
    }
}

fn parse_factor(text: &str) -> Result<FactorId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("no such second factor"))
}

/// Asks whether a factor is to go, and says what follows.
pub(super) async fn show_removal(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    at: At,
) -> Result<Response, ApiError> {
    let id = parse_factor(&id)?;
    let view = read_own(&hall, &visit, at.0, move |tx, own| {
        let all = list_factors(tx, own.person)?;
        let factor = all.iter().find(|factor| factor.id == id);
        let factor = factor.ok_or_else(|| ApiError::not_found("no such second factor"))?;
        let counting = list_counting(tx, own.means().vault, own.person)?;
        let page = own.frame(tx)?;
        Ok(FactorRemovePage {
            is_last: counting.iter().all(|factor| factor.id == id),
            factor: line_of(&page, at, factor),
            page,
            action_href: format!("{}/{id}/remove", at.security()),
            back_href: at.security(),
            add_href: at.add(),
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// Removes a factor.
pub(super) async fn delete_factor(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    at: At,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = parse_factor(&id)?;
    let once = visit.read::<Button>(at.0, &incoming)?.once;
    let done = write_own(&hall, &visit, at.0, once, move |tx, own| {
        require_own_fresh(tx, own.means().vault, &own.actor())?;
        match remove_factor(tx, &own.means(), own.person, own.person, id) {
            Ok(_) | Err(FactorError::NotFound | FactorError::TooMany | FactorError::IsContact) => {
                Ok((at.security(), ()))
            }
            Err(FactorError::LastFactor) => Ok((format!("{}/{id}/remove", at.security()), ())),
            Err(FactorError::Fault(fault)) => Err(fault.into()),
        }
    });
    Ok(go(&done.await?.0))
}

/// Shows where the account is open.
pub(super) async fn list_devices(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    at: At,
) -> Result<Response, ApiError> {
    let view = read_own(&hall, &visit, at.0, move |tx, own| {
        let page = own.frame(tx)?;
        let mut lines = list_own_sessions(tx, own.person, own.means().now)?;
        lines.sort_by_key(|line| line.id != own.session);
        let row = |line: crate::sessions::SessionLine| SessionRow {
            device: device_text(&page, &line.agent),
            opened: line.opened,
            used: line.used,
            is_this: line.id == own.session,
            network: line.network.map(|network| network.to_string()),
            country: line.network.and_then(|network| own.country_of(network.first())),
            end_href: format!("{}/devices/{}/end", at.0.base(), line.id),
        };
        let rows: Vec<SessionRow> = lines.into_iter().map(row).collect();
        let others = format!("{}/devices/end", at.0.base());
        let end_others_href = if rows.len() > 1 { others } else { String::new() };
        Ok(DevicesPage { page, rows, end_others_href, back_href: at.security() })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// Ends one session. For another one than this a proof that is too old is asked for again.
pub(super) async fn end_device(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    at: At,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: SessionId = id.parse().map_err(|_| ApiError::not_found("no such session"))?;
    let once = visit.read::<Button>(at.0, &incoming)?.once;
    let done = write_own(&hall, &visit, at.0, once, move |tx, own| {
        end_own_session(tx, &own.means(), &own.actor(), id)?;
        Ok((format!("{}/devices", at.0.base()), ()))
    });
    Ok(go(&done.await?.0))
}

/// Ends every session but this one.
pub(super) async fn end_other_devices(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    at: At,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let once = visit.read::<Button>(at.0, &incoming)?.once;
    let done = write_own(&hall, &visit, at.0, once, move |tx, own| {
        sign_out_elsewhere(tx, &own.means(), &own.actor())?;
        Ok((format!("{}/devices", at.0.base()), ()))
    });
    Ok(go(&done.await?.0))
}

/// Asks a member for the old password and a new one.
pub(super) async fn show_password(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    password_page(&hall, &visit, StatusCode::OK, Problems::none()).await
}

async fn password_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    problems: Problems,
) -> Result<Response, ApiError> {
    let action = with_next("/desk/password", &visit.next("/desk/security"));
    let profile = hall.identity.password_profile;
    let view = read_as(hall, visit, Permission::OwnPassword, move |tx, member| {
        // Where the password must be changed nothing else opens, so there is no bar to choose from.
        let is_due = member.session.password_due;
        Ok(PasswordPage {
            page: if is_due { member.bare_frame() } else { member.frame(tx)? },
            is_due,
            chars_min: PasswordRule::of_member(tx, profile, member.session.member)?.chars_min(),
            wants_both: profile.wants_both(),
            problems,
            action_href: action,
            back_href: "/desk/security".to_owned(),
        })
    });
    Ok(show(status, &view.await?))
}

/// Old and new password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordForm {
    old: String,
    password: String,
}

/// Changes a member's password.
pub(super) async fn update_password(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<PasswordForm>(Side::Member, &incoming)?;
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let (who, context, rule) = find_context(&hall, &visit).await?;
    let page = visit.frame(&hall, Side::Member, webkit::page::Zone::default());
    let new = match check_new(&page, &posted.form.password, (&context, rule)) {
        Ok(new) => new,
        Err(problems) => return password_page(&hall, &visit, refused, problems).await,
    };
    if let Some(problem) = check_old(&hall, &visit, who, &posted.form.old, &page).await? {
        let mut problems = Problems::none();
        problems.add("old", problem);
        return password_page(&hall, &visit, refused, problems).await;
    }
    let hash = hall.identity.passwords.hash(new, hall.identity.dice.clone()).await;
    let hash = hash.map_err(|full| ApiError::unavailable(5, full))?;
    let (next, permission) = (visit.next("/desk/security"), Permission::OwnPassword);
    let done = write_as(&hall, &visit, permission, posted.once, vec![], move |tx, member| {
        let token = session_token(member.visit, Side::Member)?;
        let renewed = change_password(tx, &member.means, (&member.session, token), &hash)?;
        Ok((next.clone(), renewed))
    });
    let (next, renewed) = done.await?;
    let mut answer = go(&next);
    if let Some(session) = renewed {
        renew_cookie(&mut answer, &hall, &visit, Side::Member, &session);
    }
    Ok(answer)
}

type Who = (base::ShopId, base::MemberId);

/// The member, what a thief would try first, and what stands beside the password.
async fn find_context(hall: &Hall, visit: &Visit) -> Result<(Who, Vec<String>, PasswordRule), ApiError> {
    let profile = hall.identity.password_profile;
    let found = read_as(hall, visit, Permission::OwnPassword, move |tx, member| {
        let (shop, id) = (member.shop.id, member.session.member);
        let names = find_password_context(tx, member.means.vault, shop, id)?;
        Ok(((shop, id), names.to_vec(), PasswordRule::of_member(tx, profile, id)?))
    });
    found.await
}

fn check_new(
    page: &Frame,
    text: &str,
    (context, rule): (&[String], PasswordRule),
) -> Result<Password, Problems> {
    let context: Vec<&str> = context.iter().map(String::as_str).collect();
    let judged = Password::parse(text).and_then(|new| new.check_strength(&context, rule).map(|()| new));
    judged.map_err(|why| {
        let mut problems = Problems::none();
        problems.add("password", password_problem(page, why));
        problems
    })
}

/// What is wrong with the old password; tries are counted as at sign-in.
async fn check_old(
    hall: &Hall,
    visit: &Visit,
    who: Who,
    old: &str,
    page: &Frame,
) -> Result<Option<String>, ApiError> {
    let Ok(old) = Password::parse(old) else { return Ok(Some(page.t("problem-password-wrong"))) };
    match confirm_member(&hall.identity, who, old, &place(visit), visit.now).await {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(page.t("problem-password-wrong"))),
        Err(LoginError::TooMany { retry_after_seconds }) => {
            let minutes = retry_after_seconds.max(1).div_euclid(60) + 1;
            Ok(Some(page.t1("sign-in-locked", "minutes", minutes)))
        }
        Err(error) => Err(error.into()),
    }
}

/// A password as far as it is typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeterForm {
    password: String,
}

/// What is asked of the password of whoever types one; of whoever is not signed in, that it can stand alone.
async fn find_rule(hall: &Hall, visit: &Visit) -> Result<PasswordRule, ApiError> {
    let profile = hall.identity.password_profile;
    let (token, now) = (visit.member.clone(), visit.now);
    let found = hall.db().read(move |tx| {
        let Some(token) = token else { return Ok(PasswordRule::alone(profile)) };
        match require_member(tx, &token, now) {
            Ok(session) => Ok(PasswordRule::of_member(tx, profile, session.member)?),
            Err(AuthError::SignInNeeded) => Ok(PasswordRule::alone(profile)),
            Err(error) => Err(ApiError::from(error)),
        }
    });
    found.await
}

/// Tells how hard a password is to guess. Nothing is kept; other sites are refused before this.
pub(super) async fn judge(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    hall.count_meter(&visit.origin(), visit.now)?;
    let form: MeterForm = incoming.form()?;
    let page = visit.frame(&hall, Side::Member, webkit::page::Zone::default());
    let strength = judge_password(&form.password, &[], find_rule(&hall, &visit).await?);
    let key = strength.advice.map(|advice| match advice {
        Advice::Longer => "meter-advice-short",
        Advice::BothKinds => "meter-advice-kinds",
        Advice::Known => "meter-advice-known",
        Advice::MoreWords => "meter-advice-words",
    });
    let advice = key.map_or_else(String::new, |key| page.t(key));
    Ok(show(StatusCode::OK, &MeterPart { page, score: strength.score, advice }))
}
