//! API keys: the list, making one and showing its secret once, revoking one.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use base::ApiKeyId;
use serde::Deserialize;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::page::{Frame, Problems, show};

use super::form::go;
use super::hall::Hall;
use super::member::{press, read_as, write_as};
use super::visit::{Side, Visit};
use super::words::text_problem;
use crate::api_keys::{
    ApiKey, ApiKeyError, KeyState, NewApiKey, create_api_key, list_api_keys, revoke_api_key,
};
use crate::pages::api_keys::{ApiKeyRow, ApiKeysPage, FreshKey};
use crate::permissions::{Permission, Role};
use crate::text::Label;

/// Where the keys are.
const HOME: &str = "/desk/api-keys";

/// Shows the keys.
pub(super) async fn list_keys(Shared(hall): Shared<Hall>, visit: Visit) -> Result<Response, ApiError> {
    keys_page(&hall, &visit, StatusCode::OK, KeyForm::default(), Problems::none(), None).await
}

async fn keys_page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    typed: KeyForm,
    problems: Problems,
    fresh: Option<FreshKey>,
) -> Result<Response, ApiError> {
    let view = read_as(hall, visit, Permission::ManageApiKeys, move |tx, member| {
        let page = member.frame(tx)?;
        let keys = list_api_keys(tx, &member.actor, member.shop.id)?;
        let rows = keys.into_iter().map(|key| row_of(&page, key, member.means.now)).collect();
        let action_href = HOME.to_owned();
        Ok(ApiKeysPage { page, rows, fresh, name_typed: typed.name, role: typed.role, problems, action_href })
    });
    Ok(show(status, &view.await?))
}

fn row_of(page: &Frame, key: ApiKey, now: base::Timestamp) -> ApiKeyRow {
    let in_force = key.state == KeyState::Active && key.expires.is_none_or(|end| now < end);
    ApiKeyRow {
        role: page.t(format!("keys-role-{}", key.role.name())),
        revoke_href: if in_force { format!("{HOME}/{}/revoke", key.id) } else { String::new() },
        id: key.id.to_string(),
        name: key.label,
        at: key.created,
        ends: key.expires,
    }
}

/// What a key is to be, as typed.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyForm {
    name: String,
    role: String,
}

impl KeyForm {
    fn parse(&self, page: &Frame) -> Result<NewApiKey, Problems> {
        let mut problems = Problems::none();
        let label = Label::parse(&self.name).map_err(|why| problems.add("name", text_problem(page, why)));
        let role = Role::from_name(&self.role).filter(|role| role.is_for_keys());
        match (label, role) {
            (Ok(label), Some(role)) => NewApiKey::new(label, role, None).map_err(|_| problems),
            (_, Some(_)) => Err(problems),
            (_, None) => {
                problems.add("role", page.t("problem-choice"));
                Err(problems)
            }
        }
    }
}

/// Makes a key and shows its secret, this once: a second submit of the form shows the list alone.
pub(super) async fn create_key(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let posted = visit.read::<KeyForm>(Side::Member, &incoming)?;
    let page = visit.frame(&hall, Side::Member, webkit::page::Zone::default());
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let new = match posted.form.parse(&page) {
        Ok(new) => new,
        Err(problems) => return keys_page(&hall, &visit, refused, posted.form, problems, None).await,
    };
    let made = write_as(&hall, &visit, Permission::ManageApiKeys, posted.once, vec![], move |tx, member| {
        match create_api_key(tx, &member.means, &member.actor, member.shop.id, &new) {
            Ok((key, secret)) => Ok((HOME.to_owned(), Some((key, secret)))),
            Err(ApiKeyError::TooMany) => Ok((String::new(), None)),
            Err(error) => Err(error.into()),
        }
    });
    match made.await? {
        (word, _) if word.is_empty() => {
            let mut problems = Problems::none();
            problems.add("", page.t("keys-full"));
            keys_page(&hall, &visit, refused, posted.form, problems, None).await
        }
        (_, Some(Some((key, secret)))) => {
            let fresh = FreshKey { id: key.id.to_string(), secret: secret.secret().expose().clone() };
            keys_page(&hall, &visit, StatusCode::OK, KeyForm::default(), Problems::none(), Some(fresh)).await
        }
        _ => Ok(go(HOME)),
    }
}

/// Revokes a key, for good.
pub(super) async fn revoke_key(
    Shared(hall): Shared<Hall>,
    visit: Visit,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, ApiError> {
    let id: ApiKeyId = id.parse().map_err(|_| ApiError::not_found("no such API key"))?;
    let ring = Arc::clone(&hall.identity.keys);
    press(&hall, &visit, &incoming, Permission::ManageApiKeys, move |tx, member| {
        revoke_api_key(tx, &member.means, &member.actor, member.shop.id, id, &ring)?;
        Ok(HOME.to_owned())
    })
    .await
}
