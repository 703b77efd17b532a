//! Roles: the table of what each may do, and the editor of those that a shop makes itself.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::RoleId;
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, Zone, show};

use super::form::{Once, go};
use super::hall::Hall;
use super::member::{Member, press, read_as, write_as};
use super::visit::{Side, Visit};
use super::words::{role_text, text_problem};
use crate::approvals::Asked;
use crate::custom_roles::{
    CustomRole, NewRole, RoleError, create_role, delete_role, is_for_members, list_custom_roles, update_role,
};
use crate::members::{self, MemberState, list_members};
use crate::pages::roles::{
    OwnRoleRow, PermissionChoice, PermissionRow, RoleEditPage, RoleHolder, RoleLine, RolesPage,
};
use crate::permissions::{Permission, Role};
use crate::text::Label;

/// Where the roles are.
const HOME: &str = "/desk/roles";

/// What each role may do, and the shop's own roles.
pub(super) async fn show_roles(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    let view = read_as(&hall, &visit, Permission::ViewMembers, |tx, member| {
        let page = member.frame(tx)?;
        let all = list_members(tx, member.means.vault, &member.actor, member.shop.id)?;
        let people: Vec<members::Member> = all.into_iter().map(|(found, _)| found).collect();
        let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| role.fits(member.shop.id)).collect();
        let may = member.actor.holds(Permission::ManageRoles);
        let own = list_custom_roles(tx, &member.actor, member.shop.id)?;
        let rows =
            Permission::ALL.iter().filter(|permission| roles.iter().any(|role| role.grants(**permission)));
        Ok(RolesPage {
            rows: rows.map(|permission| row_of(&page, &roles, *permission)).collect(),
            own: own.into_iter().map(|role| own_row(&people, may, role)).collect(),
            roles: roles.iter().map(|role| line_of(&page, &people, *role)).collect(),
            new_href: if may { format!("{HOME}/new") } else { String::new() },
            page,
        })
    });
    Ok(show(StatusCode::OK, &view.await?))
}

fn line_of(page: &Frame, people: &[members::Member], role: Role) -> RoleLine {
    let holds = |one: &&members::Member| one.state != MemberState::Disabled && one.roles.contains(&role);
    RoleLine {
        label: role_text(page, role),
        does: page.t(format!("role-does-{}", role.name())),
        holders: people.iter().filter(holds).count(),
    }
}

fn row_of(page: &Frame, roles: &[Role], permission: Permission) -> PermissionRow {
    PermissionRow {
        label: page.t(permission_key(permission)),
        fresh: permission.fresh_seconds().is_some(),
        may: roles.iter().map(|role| role.grants(permission)).collect(),
    }
}

fn own_row(people: &[members::Member], may: bool, role: CustomRole) -> OwnRoleRow {
    OwnRoleRow {
        permissions: shown(&role).count(),
        holders: people.iter().filter(|one| has(one, role.id)).count(),
        href: if may { format!("{HOME}/{}", role.id) } else { String::new() },
        name: role.name,
    }
}

fn has(one: &members::Member, role: RoleId) -> bool {
    one.state != MemberState::Disabled && one.custom.contains(&role)
}

/// What a role allows besides the door, which every role opens.
fn shown(role: &CustomRole) -> impl Iterator<Item = Permission> {
    role.permissions.iter().filter(|permission| !is_door(*permission))
}

fn is_door(permission: Permission) -> bool {
    matches!(permission, Permission::Enter | Permission::OwnSecurity | Permission::OwnPassword)
}

/// The text of a permission.
pub(super) fn permission_key(permission: Permission) -> String {
    format!("may-{}", permission.name().to_lowercase().replace(' ', "-"))
}

/// A role as typed. Permissions are ticked, so the field comes several times.
#[derive(Default)]
struct Typed {
    name: String,
    may: Vec<String>,
}

impl Typed {
    fn read(visit: &Visit, incoming: &Incoming) -> Result<(Typed, Once), ApiError> {
        let posted = visit.read::<Vec<(String, String)>>(Side::Member, incoming)?;
        let mut typed = Typed::default();
        for (field, value) in posted.form {
            match field.as_str() {
                "name" => typed.name = value,
                "may" => typed.may.push(value),
                _ => return Err(ApiError::bad_field("may", "unknown field in the form")),
            }
        }
        Ok((typed, posted.once))
    }

    fn parse(&self, page: &Frame) -> Result<NewRole, Problems> {
        let mut problems = Problems::none();
        let label = Label::parse(&self.name).map_err(|why| problems.add("name", text_problem(page, why)));
        if self.may.is_empty() {
            problems.add("may", page.t("role-none"));
        }
        match label {
            Ok(label) if problems.is_empty() => NewRole::new(label, &self.may).map_err(|_| {
                problems.add("may", page.t("problem-choice"));
                problems
            }),
            _ => Err(problems),
        }
    }
}

impl From<&CustomRole> for Typed {
    fn from(role: &CustomRole) -> Typed {
        Typed { name: role.name.clone(), may: shown(role).map(|one| one.name().to_owned()).collect() }
    }
}

/// Asks for a new role.
pub(super) async fn show_new(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    edit_page(&hall, &visit, StatusCode::OK, None, Some(Typed::default()), Problems::none()).await
}

/// Shows a role of the shop's own: what it allows, and who has it.
pub(super) async fn show_role(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    edit_page(&hall, &visit, StatusCode::OK, Some(parse_role(&id)?), None, Problems::none()).await
}

fn parse_role(text: &str) -> Result<RoleId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("no such role"))
}

/// The editor of the role `id`, or of a new one, as typed or as it is.
async fn edit_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    id: Option<RoleId>,
    typed: Option<Typed>,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(hall, visit, Permission::ManageRoles, move |tx, member| {
        let page = member.frame(tx)?;
        let role = id.map(|id| find_own(tx, member, id)).transpose()?;
        let typed = typed.or_else(|| role.as_ref().map(Typed::from)).unwrap_or_default();
        let holders = role.as_ref().map_or(Ok(Vec::new()), |role| list_holders(tx, member, role.id))?;
        let path = role.as_ref().map_or_else(|| format!("{HOME}/new"), |role| format!("{HOME}/{}", role.id));
        let deletable = role.is_some() && holders.is_empty();
        Ok(RoleEditPage {
            choices: choices(&page, member, &typed, role.as_ref()),
            title: role.map_or_else(String::new, |role| role.name),
            name_typed: typed.name,
            delete_href: if deletable { format!("{path}/delete") } else { String::new() },
            action_href: path,
            back_href: HOME.to_owned(),
            holders,
            problems,
            page,
        })
    });
    Ok(show(status, &view.await?))
}

fn find_own(tx: &mut Tx<'_>, member: &Member<'_>, id: RoleId) -> Result<CustomRole, ApiError> {
    let own = list_custom_roles(tx, &member.actor, member.shop.id)?;
    own.into_iter().find(|role| role.id == id).ok_or_else(|| ApiError::not_found("no such role"))
}

fn list_holders(tx: &mut Tx<'_>, member: &Member<'_>, id: RoleId) -> Result<Vec<RoleHolder>, ApiError> {
    let all = list_members(tx, member.means.vault, &member.actor, member.shop.id)?;
    let own = all.into_iter().filter(|(found, _)| has(found, id));
    let holder = |(found, person): (members::Member, members::MemberPerson)| RoleHolder {
        name: person.name.expose().clone(),
        href: format!("/desk/members/{}", found.id),
    };
    Ok(own.map(holder).collect())
}

/// What can be ticked: what a member can hold and the reader holds, and what the role has already.
fn choices(
    page: &Frame,
    member: &Member<'_>,
    typed: &Typed,
    role: Option<&CustomRole>,
) -> Vec<PermissionChoice> {
    let had = |permission: Permission| role.is_some_and(|role| role.permissions.contains(permission));
    let can = |permission: &Permission| {
        let own = is_for_members(*permission) && member.actor.holds(*permission);
        !is_door(*permission) && (own || had(*permission))
    };
    let choice = |permission: &Permission| PermissionChoice {
        checked: typed.may.iter().any(|name| name == permission.name()),
        name: permission.name(),
        label: page.t(permission_key(*permission)),
        fresh: permission.fresh_seconds().is_some(),
    };
    Permission::ALL.iter().filter(|permission| can(permission)).map(choice).collect()
}

/// Makes a role.
pub(super) async fn create(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    save(&hall, &visit, None, &incoming).await
}

/// Changes a role.
pub(super) async fn update(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    save(&hall, &visit, Some(parse_role(&id)?), &incoming).await
}

async fn save(
    hall: &Hall,
    visit: &Visit,
    id: Option<RoleId>,
    incoming: &Incoming,
) -> Result<Response, ApiError> {
    let (typed, once) = Typed::read(visit, incoming)?;
    let page = visit.frame(hall, Side::Member, Zone::default());
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let new = match typed.parse(&page) {
        Ok(new) => new,
        Err(problems) => return edit_page(hall, visit, refused, id, Some(typed), problems).await,
    };
    let done = write_as(hall, visit, Permission::ManageRoles, once, vec![], move |tx, member| {
        let (means, actor, shop) = (&member.means, &member.actor, member.shop.id);
        let saved = match id {
            None => create_role(tx, means, actor, shop, &new).map(|_| Asked::Go),
            Some(id) => update_role(tx, means, actor, shop, id, &new),
        };
        match saved {
            Ok(Asked::Go) => Ok((HOME.to_owned(), ())),
            Ok(Asked::Wait(_)) => Ok(("member-waits".to_owned(), ())),
            Err(error) => Ok((refusal(error)?.to_owned(), ())),
        }
    });
    let (word, _) = done.await?;
    if word.starts_with('/') {
        return Ok(go(&word));
    }
    let mut problems = Problems::none();
    let field = match word.as_str() {
        "role-taken" => "name",
        "role-full" => "",
        _ => "may",
    };
    problems.add(field, page.t(&word));
    edit_page(hall, visit, refused, id, Some(typed), problems).await
}

/// The text of what a form can put right; anything else is an error.
fn refusal(error: RoleError) -> Result<&'static str, ApiError> {
    match error {
        RoleError::NameTaken => Ok("role-taken"),
        RoleError::TooMany => Ok("role-full"),
        RoleError::MoreThanOwn => Ok("member-more"),
        other => Err(other.into()),
    }
}

/// Deletes a role that nobody has.
pub(super) async fn delete(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id = parse_role(&id)?;
    press(&hall, &visit, &incoming, Permission::ManageRoles, move |tx, member| {
        match delete_role(tx, &member.means, &member.actor, member.shop.id, id) {
            Ok(()) => Ok(HOME.to_owned()),
            // Somebody was given it meanwhile; the page says who.
            Err(RoleError::InUse) => Ok(format!("{HOME}/{id}")),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use webkit::page::Lang;

    use super::*;

    #[test]
    fn every_role_and_permission_has_its_words() {
        let texts = crate::pages::texts();
        let mut keys: Vec<String> = Permission::ALL.iter().map(|one| permission_key(*one)).collect();
        let held = Role::ALL.iter().filter(|role| role.is_for_members() || **role == Role::Operator);
        for role in held {
            keys.extend([format!("role-{}", role.name()), format!("role-does-{}", role.name())]);
        }
        for key in keys {
            for lang in Lang::ALL {
                assert!(texts.has(lang, &key), "`{key}` {lang:?}");
            }
        }
    }
}
