//! Connected apps: the list with what members allowed them, registering one, disconnecting.

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::{AppId, ConnectionId};
use store::Tx;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, show};

use super::form::{Once, go};
use super::hall::Hall;
use super::member::{Member, press, read_as, write_as};
use super::roles::permission_key;
use super::visit::{Side, Visit};
use super::words::text_problem;
use crate::grants::Permissions;
use crate::members::find_member_person;
use crate::oauth::{
    App, AppError, AppProblem, Connection, NewApp, disconnect, is_for_apps, list_apps, register_app,
    remove_app,
};
use crate::pages::apps::{AppCard, AppsPage, ConnectionRow};
use crate::pages::roles::PermissionChoice;
use crate::permissions::Permission;
use crate::text::Label;

/// Where the apps are.
const HOME: &str = "/desk/apps";

/// Shows the apps.
pub(super) async fn show_apps(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    apps_page(&hall, &visit, StatusCode::OK, Typed::default(), Problems::none()).await
}

async fn apps_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    typed: Typed,
    problems: Problems,
) -> Result<Response, ApiError> {
    let view = read_as(hall, visit, Permission::ManageApiKeys, move |tx, member| {
        let page = member.frame(tx)?;
        let found = list_apps(tx, &member.actor, member.shop.id, member.means.now)?;
        let mut apps = Vec::new();
        for (app, connections) in found {
            let rows = connections.into_iter().map(|one| row_of(tx, member, &page, one));
            let connections = rows.collect::<Result<_, _>>()?;
            apps.push(card_of(&page, app, connections));
        }
        Ok(AppsPage {
            apps,
            choices: choices(&page, &typed.may),
            name_typed: typed.name,
            redirects_typed: typed.redirects,
            keys_typed: typed.keys,
            problems,
            action_href: HOME.to_owned(),
            page,
        })
    });
    Ok(show(status, &view.await?))
}

/// Permissions in words.
pub(super) fn in_words(page: &Frame, permissions: Permissions) -> Vec<String> {
    permissions.iter().map(|permission| page.t(permission_key(permission))).collect()
}

fn card_of(page: &Frame, app: App, connections: Vec<ConnectionRow>) -> AppCard {
    AppCard {
        may: in_words(page, app.permissions),
        remove_href: format!("{HOME}/{}/remove", app.id),
        id: app.id.to_string(),
        name: app.name,
        at: app.created,
        redirects: app.redirects,
        connections,
    }
}

fn row_of(
    tx: &mut Tx<'_>,
    member: &Member<'_>,
    page: &Frame,
    one: Connection,
) -> Result<ConnectionRow, ApiError> {
    let person = find_member_person(tx, member.means.vault, member.shop.id, one.member)?;
    Ok(ConnectionRow {
        who: person.name.expose().clone(),
        may: in_words(page, one.permissions),
        at: one.created,
        used: one.used,
        ends: one.expires,
        end_href: format!("{HOME}/connections/{}/end", one.id),
    })
}

fn choices(page: &Frame, ticked: &[String]) -> Vec<PermissionChoice> {
    let all = Permission::ALL.iter().copied().filter(|permission| is_for_apps(*permission));
    let choice = |permission: Permission| PermissionChoice {
        name: permission.name(),
        label: page.t(permission_key(permission)),
        fresh: false,
        checked: ticked.iter().any(|name| name == permission.name()),
    };
    all.map(choice).collect()
}

/// An app as typed. Permissions are ticked, so the field comes several times.
#[derive(Default)]
struct Typed {
    name: String,
    redirects: String,
    keys: String,
    may: Vec<String>,
}

impl Typed {
    fn read(visit: &Visit, incoming: &Incoming) -> Result<(Typed, Once), ApiError> {
        let posted = visit.read::<Vec<(String, String)>>(Side::Member, incoming)?;
        let mut typed = Typed::default();
        for (field, value) in posted.form {
            match field.as_str() {
                "name" => typed.name = value,
                "redirects" => typed.redirects = value,
                "keys" => typed.keys = value,
                "may" => typed.may.push(value),
                _ => return Err(ApiError::bad_field("may", "unknown field in the form")),
            }
        }
        Ok((typed, posted.once))
    }

    fn parse(&self, page: &Frame) -> Result<NewApp, Problems> {
        let mut problems = Problems::none();
        let label = Label::parse(&self.name).map_err(|why| problems.add("name", text_problem(page, why)));
        // Checked even without a name, so that everything is said at once.
        let stand_in = Label::from_agent("");
        let read = NewApp::parse(label.clone().unwrap_or(stand_in), &self.redirects, &self.keys, &self.may);
        for problem in read.as_ref().err().into_iter().flatten() {
            let (field, key) = match problem {
                AppProblem::Redirects => ("redirects", "apps-problem-redirects"),
                AppProblem::Keys(_) => ("keys", "apps-problem-keys"),
                AppProblem::Permissions => ("may", "role-none"),
            };
            problems.add(field, page.t(key));
        }
        match (label, read) {
            (Ok(_), Ok(new)) => Ok(new),
            _ => Err(problems),
        }
    }
}

/// Registers an app.
pub(super) async fn create_app(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let (typed, once) = Typed::read(&visit, &incoming)?;
    let page = visit.frame(&hall, Side::Member, webkit::page::Zone::default());
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let new = match typed.parse(&page) {
        Ok(new) => new,
        Err(problems) => return apps_page(&hall, &visit, refused, typed, problems).await,
    };
    let made =
        write_as(
            &hall,
            &visit,
            Permission::ManageApiKeys,
            once,
            vec![],
            move |tx, member| match register_app(tx, &member.means, &member.actor, member.shop.id, &new) {
                Ok(_) => Ok((HOME.to_owned(), ())),
                Err(AppError::TooMany) => Ok((String::new(), ())),
                Err(error) => Err(error.into()),
            },
        );
    if !made.await?.0.is_empty() {
        return Ok(go(HOME));
    }
    let mut problems = Problems::none();
    problems.add("", page.t("apps-full"));
    apps_page(&hall, &visit, refused, typed, problems).await
}

/// Ends what one member allowed.
pub(super) async fn end_connection(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: ConnectionId = id.parse().map_err(|_| ApiError::not_found("no such connection"))?;
    press(&hall, &visit, &incoming, Permission::ManageApiKeys, move |tx, member| {
        disconnect(tx, &member.means, &member.actor, member.shop.id, id)?;
        Ok(HOME.to_owned())
    })
    .await
}

/// Removes an app with all that members allowed it.
pub(super) async fn delete_app(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: AppId = id.parse().map_err(|_| ApiError::not_found("no such app"))?;
    press(&hall, &visit, &incoming, Permission::ManageApiKeys, move |tx, member| {
        remove_app(tx, &member.means, &member.actor, member.shop.id, id)?;
        Ok(HOME.to_owned())
    })
    .await
}
