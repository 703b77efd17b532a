//! Members of a shop or of the house: the list, inviting, roles, ending sessions, a leaver.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{MemberId, ShopId};
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, Zone, show};

use super::form::go;
use super::hall::Hall;
use super::member::{Member, press, read_as, write_as};
use super::visit::{Side, Visit};
use super::words::{role_text, text_problem};
use crate::approvals::Asked;
use crate::custom_roles::{CustomRole, list_custom_roles};
use crate::factor_reset::reset_factors;
use crate::factors::{FactorKind, list_factors};
use crate::grants::Grants;
use crate::members::{
    self, MemberError, MemberPerson, MemberState, NewMember, find_member, find_member_person, list_members,
    remove_member, update_roles,
};
use crate::pages::people::{
    MemberNewPage, MemberPage, MemberRemovePage, MemberRow, MemberShown, MembersPage, RoleChoice,
};
use crate::permissions::{Permission, Role};
use crate::person::Person;
use crate::sessions::list_member_sessions;
use crate::setup::{Invited, invite_member, resend_invitation};
use crate::sign_out::{sign_person_out, sign_shop_out};
use crate::suspensions::{keeper_of, restore_member};
use crate::text::{Email, PersonName};

/// Where the members are.
const HOME: &str = "/desk/members";

/// Shows everybody who works here.
pub(super) async fn show_members(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let signed_out = visit.query("out").and_then(|count| count.parse().ok());
    let view = read_as(&hall, &visit, Permission::ViewMembers, move |tx, member| {
        let page = member.frame(tx)?;
        let mut rows = Vec::new();
        for (found, person) in list_members(tx, member.means.vault, &member.actor, member.shop.id)? {
            rows.push(row_of(tx, member, &page, &found, &person)?);
        }
        rows.sort_by_key(|row: &MemberRow| (row.state == MemberShown::Removed, row.name.clone()));
        let href = |permission, rest: &str| match member.actor.holds(permission) {
            true => format!("{HOME}{rest}"),
            false => String::new(),
        };
        let invite_href = href(Permission::ManageMembers, "/new");
        let sign_out_href = href(Permission::ManageSecurity, "/sign-out");
        Ok(MembersPage { page, rows, invite_href, sign_out_href, signed_out })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn row_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    found: &members::Member,
    person: &MemberPerson,
) -> Result<MemberRow, ApiError> {
    let own = list_custom_roles(tx, &member.actor, member.shop.id)?;
    let mut roles: Vec<String> = found.roles.iter().map(|role| role_text(page, *role)).collect();
    roles.extend(own.into_iter().filter(|role| found.custom.contains(&role.id)).map(|role| role.name));
    Ok(MemberRow {
        name: person.name.expose().clone(),
        email: person.email.expose().clone(),
        roles: roles.join(" · "),
        state: shown(found.state),
        has_factor: crate::factors::has_member_factor(tx, found.id)?,
        last_login: found.last_login,
        is_self: found.id == member.session.member,
        href: format!("{HOME}/{}", found.id),
    })
}

fn shown(state: MemberState) -> MemberShown {
    match state {
        MemberState::Invited => MemberShown::Invited,
        MemberState::Active => MemberShown::Active,
        MemberState::Suspended => MemberShown::Suspended,
        MemberState::Disabled => MemberShown::Removed,
    }
}

/// The roles a member can be given here, the shop's own last, with those of `chosen` ticked.
fn choices(page: &Frame, shop: ShopId, own: &[CustomRole], chosen: &Grants) -> Vec<RoleChoice> {
    let grantable = Role::ALL.iter().filter(|role| role.fits(shop));
    let built_in = grantable.map(|role| RoleChoice {
        name: role.name().to_owned(),
        label: role_text(page, *role),
        does: page.t(format!("role-does-{}", role.name())),
        checked: chosen.roles.contains(role),
    });
    let own = own.iter().map(|role| RoleChoice {
        name: role.id.to_string(),
        label: role.name.clone(),
        does: page.t1("role-own", "n", role.permissions.iter().count()),
        checked: chosen.custom.contains(&role.id),
    });
    built_in.chain(own).collect()
}

/// Name, address and roles, as typed. Roles are ticked, so the field comes several times.
#[derive(Default)]
struct Typed {
    name: String,
    email: String,
    roles: Vec<String>,
}

impl Typed {
    fn read(visit: &Visit, incoming: &Incoming) -> Result<(Typed, super::form::Once), ApiError> {
        let posted = visit.read::<Vec<(String, String)>>(Side::Member, incoming)?;
        let mut typed = Typed::default();
        for (field, value) in posted.form {
            match field.as_str() {
                "name" => typed.name = value,
                "email" => typed.email = value,
                "role" => typed.roles.push(value),
                _ => return Err(ApiError::bad_field("role", "unknown field in the form")),
            }
        }
        Ok((typed, posted.once))
    }

    fn chosen(&self) -> Grants {
        Grants::parse(&self.roles).unwrap_or_default()
    }

    fn parse_roles(&self, page: &Frame, problems: &mut Problems) -> Option<Grants> {
        Grants::parse(&self.roles).map_err(|_| problems.add("role", page.t("problem-roles"))).ok()
    }

    fn parse(&self, page: &Frame) -> Result<NewMember, Problems> {
        let mut problems = Problems::none();
        let name = PersonName::parse(&self.name).map_err(|why| problems.add("name", text_problem(page, why)));
        let email = Email::parse(&self.email).map_err(|_| problems.add("email", page.t("problem-email")));
        let grants = self.parse_roles(page, &mut problems);
        match (name, email, grants) {
            (Ok(name), Ok(email), Some(grants)) => Ok(NewMember { name, email, grants, lang: page.lang }),
            _ => Err(problems),
        }
    }
}

/// Asks whom to invite. Who may not, or must show the second factor again, learns it before typing.
pub(super) async fn show_new(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    new_page(&hall, &visit, StatusCode::OK, Typed::default(), Problems::none()).await
}

async fn new_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    typed: Typed,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(hall, visit, Permission::ManageMembers, move |tx, member| {
        let page = member.frame(tx)?;
        let own = list_custom_roles(tx, &member.actor, member.shop.id)?;
        Ok(MemberNewPage {
            roles: choices(&page, member.shop.id, &own, &typed.chosen()),
            name_typed: typed.name,
            email_typed: typed.email,
            problems,
            action_href: format!("{HOME}/new"),
            back_href: HOME.to_owned(),
            page,
        })
    });
    Ok(show(status, &view.await?))
}

/// Invites somebody; the link goes to their address.
pub(super) async fn create_member(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let (typed, once) = Typed::read(&visit, &incoming)?;
    let page = visit.frame(&hall, Side::Member, Zone::default());
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let new = match typed.parse(&page) {
        Ok(new) => new,
        Err(problems) => return new_page(&hall, &visit, refused, typed, problems).await,
    };
    let url = hall.identity.public_url.clone();
    let made =
        write_as(
            &hall,
            &visit,
            Permission::ManageMembers,
            once,
            vec![],
            move |tx, member| match invite_member(
                tx,
                &member.means,
                &member.actor,
                member.shop.id,
                &new,
                &url,
            ) {
                Ok(Invited::Member(_)) => Ok((HOME.to_owned(), ())),
                Ok(Invited::Waiting(_)) => Ok(("member-waits".to_owned(), ())),
                Err(error) => Ok((refusal(error)?.to_owned(), ())),
            },
        );
    let (word, _) = made.await?;
    if word.starts_with('/') {
        return Ok(go(&word));
    }
    let mut problems = Problems::none();
    let field = match word.as_str() {
        "member-taken" => "email",
        "member-more" | "member-waits" => "role",
        _ => "",
    };
    problems.add(field, page.t(&word));
    new_page(&hall, &visit, refused, typed, problems).await
}

/// The text of what a form can put right; anything else is an error.
fn refusal(error: MemberError) -> Result<&'static str, ApiError> {
    match error {
        MemberError::EmailTaken => Ok("member-taken"),
        MemberError::TooMany => Ok("member-full"),
        MemberError::MoreThanOwn | MemberError::OtherRole => Ok("member-more"),
        MemberError::LastOwner => Ok("member-last-owner"),
        other => Err(other.into()),
    }
}

fn parse_member(text: &str) -> Result<MemberId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("no such member"))
}

/// Shows one member.
pub(super) async fn show_member(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    member_page(&hall, &visit, &id, StatusCode::OK, None, Problems::none()).await
}

async fn member_page(
    hall: &Hall,
    visit: &Visit,
    id: &str,
    status: StatusCode,
    typed: Option<Typed>,
    problems: Problems,
) -> Result<Response, ApiError> {
    let id = parse_member(id)?;
    // What came of asking to reset the second factors, said once.
    let word = visit.query("factors").and_then(|word| factors_key(&word));
    let view = read_as(hall, visit, Permission::ViewMembers, move |tx, member| {
        let page = member.frame(tx)?;
        let (found, person) = find_one(tx, member, id)?;
        let row = row_of(tx, member, &page, &found, &person)?;
        let sessions = list_member_sessions(tx, id, member.means.now)?.len();
        let is_last_owner = is_last_owner(tx, member, &found)?;
        let may = member.actor.holds(Permission::ManageMembers) && found.state != MemberState::Disabled;
        let href =
            |what: &str, shown: bool| if shown { format!("{HOME}/{id}/{what}") } else { String::new() };
        let now = || Grants { roles: found.roles.clone(), custom: found.custom.clone() };
        let chosen = typed.map_or_else(now, |typed| typed.chosen());
        let own = list_custom_roles(tx, &member.actor, member.shop.id)?;
        let can_reset = member.actor.holds(Permission::ManageSecurity) && found.state == MemberState::Active;
        let suspended = found.state == MemberState::Suspended;
        let invited = found.state == MemberState::Invited;
        Ok(MemberPage {
            factors: factor_words(tx, &page, id)?,
            roles: choices(&page, member.shop.id, &own, &chosen),
            restore_href: href("restore", may && suspended),
            resend_href: href("invitation", may && invited),
            sessions_href: href("sessions", may && sessions > 0 && !row.is_self),
            roles_href: href("roles", may),
            factors_href: href("factors", can_reset && !row.is_self),
            factors_word: word.map_or_else(String::new, |key| page.t(key)),
            remove_href: href("remove", may && !is_last_owner),
            since: found.created,
            row,
            sessions,
            problems,
            is_last_owner,
            page,
        })
    });
    Ok(show(status, &view.await?))
}

fn find_one(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    id: MemberId,
) -> Result<(members::Member, MemberPerson), ApiError> {
    let shop = member.shop.id;
    let found = find_member(tx, shop, id)?.ok_or_else(|| ApiError::not_found("no such member"))?;
    Ok((found, find_member_person(tx, member.means.vault, shop, id)?))
}

fn is_last_owner(tx: &mut Tx<'_>, member: &Member<'_>, found: &members::Member) -> Result<bool, ApiError> {
    let role = keeper_of(member.shop.id);
    let owns = |member: &members::Member| member.state == MemberState::Active && member.roles.contains(&role);
    let all = list_members(tx, member.means.vault, &member.actor, member.shop.id)?;
    Ok(owns(found) && all.iter().filter(|(member, _)| owns(member)).count() < 2)
}

fn factor_words(tx: &mut Tx<'_>, page: &Frame, id: MemberId) -> Result<String, ApiError> {
    let mut words: Vec<String> = Vec::new();
    for factor in list_factors(tx, Person::Member(id))? {
        let word = page.t(format!("factor-{}", factor.kind.name()));
        if factor.kind != FactorKind::Recovery && !words.contains(&word) {
            words.push(word);
        }
    }
    Ok(words.join(" · "))
}

/// Gives a member other roles.
pub(super) async fn update_member_roles(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let member_id = parse_member(&id)?;
    let (typed, once) = Typed::read(&visit, &incoming)?;
    let page = visit.frame(&hall, Side::Member, Zone::default());
    let (refused, mut problems) = (StatusCode::UNPROCESSABLE_ENTITY, Problems::none());
    let Some(grants) = typed.parse_roles(&page, &mut problems) else {
        return member_page(&hall, &visit, &id, refused, Some(typed), problems).await;
    };
    let done =
        write_as(
            &hall,
            &visit,
            Permission::ManageMembers,
            once,
            vec![],
            move |tx, member| match update_roles(
                tx,
                &member.means,
                &member.actor,
                member.shop.id,
                member_id,
                &grants,
            ) {
                Ok(Asked::Go) => Ok((format!("{HOME}/{member_id}"), ())),
                Ok(Asked::Wait(_)) => Ok(("member-waits".to_owned(), ())),
                Err(error) => Ok((refusal(error)?.to_owned(), ())),
            },
        );
    let (word, _) = done.await?;
    if word.starts_with('/') {
        return Ok(go(&word));
    }
    problems.add("role", page.t(&word));
    member_page(&hall, &visit, &id, refused, Some(typed), problems).await
}

fn factors_key(word: &str) -> Option<&'static str> {
    match word {
        "waits" => Some("member-lost-waits"),
        "done" => Some("member-lost-done"),
        "nobody" => Some("member-lost-nobody"),
        "own" => Some("member-lost-own"),
        _ => None,
    }
}

/// Proposes to reset the second factors of a member, or does it once a second person has approved.
pub(super) async fn reset_member_factors(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let (id, url) = (parse_member(&id)?, hall.identity.public_url.clone());
    press(&hall, &visit, &incoming, Permission::ManageSecurity, move |tx, member| {
        let whom = (member.shop.id, id);
        let word = match reset_factors(tx, &member.means, &member.actor, whom, &url) {
            Ok(Asked::Go) => "done",
            Ok(Asked::Wait(_)) => "waits",
            Err(MemberError::NobodyElse) => "nobody",
            Err(MemberError::OwnFactors) => "own",
            Err(error) => return Err(error.into()),
        };
        Ok(format!("{HOME}/{id}?factors={word}"))
    })
    .await
}

/// Lets a suspended member in again.
pub(super) async fn restore(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = parse_member(&id)?;
    press(&hall, &visit, &incoming, Permission::ManageMembers, move |tx, member| {
        restore_member(tx, &member.means, &member.actor, member.shop.id, id)?;
        Ok(format!("{HOME}/{id}"))
    })
    .await
}

/// Sends an invitation again; the link that was sent before ends.
pub(super) async fn resend(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let (id, url) = (parse_member(&id)?, hall.identity.public_url.clone());
    press(&hall, &visit, &incoming, Permission::ManageMembers, move |tx, member| {
        resend_invitation(tx, &member.means, &member.actor, member.shop.id, id, &url)?;
        Ok(format!("{HOME}/{id}"))
    })
    .await
}

/// Ends every session of a member.
pub(super) async fn end_sessions(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = parse_member(&id)?;
    press(&hall, &visit, &incoming, Permission::ManageSecurity, move |tx, member| {
        find_one(tx, member, id)?;
        sign_person_out(tx, &member.means, &member.actor, Person::Member(id))?;
        Ok(format!("{HOME}/{id}"))
    })
    .await
}

/// Ends every session of everybody here, but the one that asks.
pub(super) async fn end_all_sessions(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    press(&hall, &visit, &incoming, Permission::ManageSecurity, move |tx, member| {
        let (shop, keep) = (member.shop.id, member.session.id);
        let ended = sign_shop_out(tx, &member.means, &member.actor, shop, keep)?;
        Ok(format!("{HOME}?out={ended}"))
    })
    .await
}

/// Asks whether a member leaves, and says what follows.
pub(super) async fn show_removal(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = parse_member(&id)?;
    let view = read_as(&hall, &visit, Permission::ManageMembers, move |tx, member| {
        let (_, person) = find_one(tx, member, id)?;
        Ok(MemberRemovePage {
            page: member.frame(tx)?,
            name: person.name.expose().clone(),
            shop: member.shop.name.clone(),
            sessions: list_member_sessions(tx, id, member.means.now)?.len(),
            action_href: format!("{HOME}/{id}/remove"),
            back_href: format!("{HOME}/{id}"),
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

/// Removes a leaver: signed out everywhere, at once.
pub(super) async fn delete_member(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = parse_member(&id)?;
    press(&hall, &visit, &incoming, Permission::ManageMembers, move |tx, member| {
        match remove_member(tx, &member.means, &member.actor, member.shop.id, id) {
            Ok(_) => Ok(HOME.to_owned()),
            Err(MemberError::LastOwner) => Ok(format!("{HOME}/{id}")),
            Err(error) => Err(error.into()),
        }
    })
    .await
}
