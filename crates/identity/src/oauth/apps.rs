//! Apps a shop registered, and what its members allowed them.

use base::{AppId, ConnectionId, MemberId, ScopedId, ShopId, Timestamp};
use store::Tx;
use url::{Host, Url};
use webkit::jose::{KeyProblem, PublicKey};

use crate::context::{Fault, Means, takes_faults};
use crate::grants::{Permissions, list_holders};
use crate::limits::{APP_KEYS_BYTES_MAX, APP_KEYS_MAX, APP_REDIRECT_BYTES_MAX, APP_REDIRECTS_MAX, APPS_MAX};
use crate::notices::{Notice, queue_notice};
use crate::permissions::{Actor, Denied, Permission};
use crate::person::Person;
use crate::record::{self, Event};
use crate::store::apps::{self as rows, AppRow, ConnectionRow};
use crate::text::Label;

/// Whether an app may ever have it: what an API key may, without what opens sealed data or asks people for a fresh factor. Somebody else's software gets
/// tokens and masked records; a shop's own server, with its own key, opens what must be opened.
pub fn is_for_apps(permission: Permission) -> bool {
    let kept_back = [Permission::Enter, Permission::OpenCustomers, Permission::OpenTokens];
    let is_plain = permission.fresh_seconds().is_none() && !kept_back.contains(&permission);
    is_plain && permission.holders().iter().any(|role| role.is_for_keys())
}

/// What makes an app, checked.
#[derive(Clone, Debug)]
pub struct NewApp {
    name: Label,
    redirects: Vec<String>,
    keys: Vec<PublicKey>,
    permissions: Permissions,
}

/// Why an app's description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppProblem {
    /// No address, too many, or one that is no address of return.
    #[error(
        "name 1 to {APP_REDIRECTS_MAX} addresses, one a line: `https://…` without `#`, or `http://` on the app's own machine"
    )]
    Redirects,
    /// No key, too many, or none that we take.
    #[error("give 1 to {APP_KEYS_MAX} public keys, as a JWK or a JWK set: {0}")]
    Keys(KeyProblem),
    /// No permission, or one that an app cannot have.
    #[error("choose at least one thing that an app may do")]
    Permissions,
}

impl NewApp {
    /// Checks a description: addresses one a line, keys as a JWK, a list or a set of them, permissions by name.
    ///
    /// # Errors
    /// Every [`AppProblem`] there is.
    pub fn parse(
        name: Label,
        redirects: &str,
        keys: &str,
        may: &[String],
    ) -> Result<NewApp, Vec<AppProblem>> {
        let mut problems = Vec::new();
        let redirects = parse_redirects(redirects).ok_or_else(|| problems.push(AppProblem::Redirects));
        let keys = parse_keys(keys).map_err(|why| problems.push(AppProblem::Keys(why)));
        let read = |name: &String| Permission::from_name(name).filter(|found| is_for_apps(*found));
        let permissions = may.iter().map(read).collect::<Option<Permissions>>().filter(|all| !all.is_empty());
        let permissions = permissions.ok_or_else(|| problems.push(AppProblem::Permissions));
        match (redirects, keys, permissions) {
            (Ok(redirects), Ok(keys), Ok(permissions)) => Ok(NewApp { name, redirects, keys, permissions }),
            _ => Err(problems),
        }
    }
}

fn parse_redirects(text: &str) -> Option<Vec<String>> {
    let lines: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let fits =
        !lines.is_empty() && lines.len() <= APP_REDIRECTS_MAX && lines.iter().all(|line| is_redirect(line));
    fits.then_some(lines)
}

/// Whether browsers may be sent back there: over TLS, or to the app's own machine while it is being made.
fn is_redirect(text: &str) -> bool {
    let plain =
        text.len() <= APP_REDIRECT_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    let Some(url) = Url::parse(text).ok().filter(|_| plain) else { return false };
    let is_own_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_own_machine);
    is_safe && url.username().is_empty() && url.password().is_none()
}

fn parse_keys(text: &str) -> Result<Vec<PublicKey>, KeyProblem> {
    if text.len() > APP_KEYS_BYTES_MAX {
        return Err(KeyProblem::Malformed);
    }
    PublicKey::parse_all(text, APP_KEYS_MAX)
}

/// An app of a shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// The app; its `client_id`.
    pub id: AppId,
    /// What the shop calls it.
    pub name: String,
    /// Where its members may be sent back to.
    pub redirects: Vec<String>,
    /// The keys it proves itself with.
    pub keys: Vec<PublicKey>,
    /// The most it may be allowed.
    pub permissions: Permissions,
    /// Since when.
    pub created: Timestamp,
}

/// What one member allowed one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The connection.
    pub id: ConnectionId,
    /// The app.
    pub app: AppId,
    /// Who allowed it.
    pub member: MemberId,
    /// What was allowed.
    pub permissions: Permissions,
    /// Since when.
    pub created: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
    /// The last use, to the hour.
    pub used: Option<Timestamp>,
}

/// Why an app could not be registered or disconnected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// A shop has so many.
    #[error("a shop has at most {APPS_MAX} apps; remove one first")]
    TooMany,
    /// No such app or connection in this shop.
    #[error("no such app")]
    NotFound,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(AppError);

impl From<Denied> for AppError {
    fn from(denied: Denied) -> AppError {
        AppError::Denied(denied)
    }
}

/// Registers an app. Whoever else manages the shop's keys is told.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::TooMany`].
pub fn register_app(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    new: &NewApp,
) -> Result<App, AppError> {
    actor.allow(Permission::ManageApiKeys, shop)?;
    if rows::list_apps(tx, shop)?.len() >= APPS_MAX {
        return Err(AppError::TooMany);
    }
    let row = AppRow {
        id: AppId::new(shop, means.now, means.dice),
        name: new.name.as_str().to_owned(),
        redirects: new.redirects.clone(),
        keys: PublicKey::text_of(&new.keys),
        permissions: new.permissions,
        maker: match actor {
            Actor::Member(session) => Some(session.member),
            _ => None,
        },
        created: means.now,
        ended: None,
    };
    rows::put_app(tx, row.clone())?;
    let event =
        Event::new(shop, actor, record::APP_REGISTERED, row.id).with("permissions", listed(new.permissions));
    record::note(tx, means, event)?;
    tell_keepers(tx, means, actor, shop, &Notice::AppRegistered { app: row.name.clone() })?;
    Ok(app(&row)?)
}

/// Tells whoever manages the shop's keys, without `actor`.
pub(super) fn tell_keepers(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    notice: &Notice,
) -> Result<(), Fault> {
    for holder in list_holders(tx, shop, Permission::ManageApiKeys, actor)? {
        queue_notice(tx, means, Person::Member(holder.id), notice)?;
    }
    Ok(())
}

/// Permissions as the audit log lists them.
pub(super) fn listed(permissions: Permissions) -> audit::Text {
    audit::Text::masked(&permissions.to_text())
}

/// The apps of a shop, newest first, each with what members allowed it.
///
/// # Errors
/// [`AppError::Denied`].
pub fn list_apps(
    tx: &mut Tx,
    actor: &Actor,
    shop: ShopId,
    now: Timestamp,
) -> Result<Vec<(App, Vec<Connection>)>, AppError> {
    actor.allow(Permission::ManageApiKeys, shop)?;
    let connections = rows::list_connections(tx, shop)?;
    let mut found = Vec::new();
    for row in rows::list_apps(tx, shop)? {
        let own = connections.iter().filter(|one| one.app == row.id && now < one.expires);
        found.push((app(&row)?, own.map(connection).collect()));
    }
    Ok(found)
}

/// The app that calls itself `id`, if it was not removed.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_active_app(tx: &mut Tx, id: AppId) -> Result<Option<App>, Fault> {
    rows::find_app(tx, id)?.filter(|row| row.ended.is_none()).map(|row| app(&row)).transpose()
}

/// What a member allowed apps, with each app; newest first.
///
/// # Errors
/// [`Fault`] alone.
pub(crate) fn list_own_connections(
    tx: &mut Tx,
    member: MemberId,
    now: Timestamp,
) -> Result<Vec<(App, Connection)>, Fault> {
    let all = rows::list_connections(tx, member.shop())?;
    let mut found = Vec::new();
    for row in all.iter().filter(|one| one.member == member && now < one.expires) {
        found.extend(find_active_app(tx, row.app)?.map(|app| (app, connection(row))));
    }
    found.sort_by_key(|(_, one)| std::cmp::Reverse(one.created));
    Ok(found)
}

/// Ends what a member allowed, by that member. Nobody's right is asked: it is their own.
///
/// # Errors
/// [`AppError::NotFound`], also for what somebody else allowed.
pub(crate) fn disconnect_own(
    tx: &mut Tx,
    means: &Means<'_>,
    member: MemberId,
    id: ConnectionId,
) -> Result<(), AppError> {
    let row = rows::find_connection(tx, id)?.filter(|row| row.member == member).ok_or(AppError::NotFound)?;
    Ok(end_connection(tx, means, member, row)?)
}

/// Ends what one member allowed, for good: its tokens open nothing from the next call on.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::NotFound`].
pub fn disconnect(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: ConnectionId,
) -> Result<(), AppError> {
    actor.allow(Permission::ManageApiKeys, shop)?;
    let row = rows::find_connection(tx, id)?.filter(|row| row.id.shop() == shop).ok_or(AppError::NotFound)?;
    Ok(end_connection(tx, means, actor, row)?)
}

/// Removes an app with all that members allowed it.
///
/// # Errors
/// [`AppError::Denied`], [`AppError::NotFound`].
pub fn remove_app(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: AppId,
) -> Result<(), AppError> {
    actor.allow(Permission::ManageApiKeys, shop)?;
    let row = rows::find_app(tx, id)?.filter(|row| row.id.shop() == shop).ok_or(AppError::NotFound)?;
    if row.ended.is_some() {
        return Ok(());
    }
    for connection in rows::list_connections(tx, shop)?.into_iter().filter(|one| one.app == id) {
        end_connection(tx, means, actor, connection)?;
    }
    rows::put_app(tx, AppRow { ended: Some(means.now), ..row })?;
    Ok(record::note(tx, means, Event::new(shop, actor, record::APP_REMOVED, id))?)
}

/// Ends what a member allowed, with the codes of theirs that wait: they leave, are suspended, or somebody else may have had
/// their password. `actor` is whoever did that. Returns how many connections there were.
///
/// # Errors
/// [`Fault`] alone.
pub(crate) fn end_connections_of(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: impl Into<audit::Actor>,
    member: MemberId,
) -> Result<usize, Fault> {
    let actor = actor.into();
    let all = rows::list_connections(tx, member.shop())?;
    let own: Vec<ConnectionRow> = all.into_iter().filter(|one| one.member == member).collect();
    let ended = own.len();
    for row in own {
        end_connection(tx, means, actor.clone(), row)?;
    }
    for (hash, _) in rows::list_waiting_codes(tx, member)? {
        rows::delete_code(tx, member.shop(), &hash)?;
    }
    Ok(ended)
}

/// Ends a connection, and forgets its tokens and the codes of the same member and app that wait. Ending twice is no error.
pub(super) fn end_connection(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: impl Into<audit::Actor>,
    row: ConnectionRow,
) -> Result<(), Fault> {
    if row.ended.is_some() {
        return Ok(());
    }
    for hash in rows::list_tokens_of(tx, row.id)? {
        rows::delete_token(tx, row.id.shop(), &hash)?;
    }
    for (hash, _) in rows::list_waiting_codes(tx, row.member)?.into_iter().filter(|(_, app)| *app == row.app)
    {
        rows::delete_code(tx, row.id.shop(), &hash)?;
    }
    let event = Event::new(row.id.shop(), actor, record::APP_DISCONNECTED, row.id).with("app", row.app);
    rows::put_connection(tx, ConnectionRow { ended: Some(means.now), ..row })?;
    record::note(tx, means, event)
}

pub(super) fn app(row: &AppRow) -> Result<App, Fault> {
    let keys = PublicKey::parse_all(&row.keys, APP_KEYS_MAX).map_err(|_| Fault::Row("app"))?;
    Ok(App {
        id: row.id,
        name: row.name.clone(),
        redirects: row.redirects.clone(),
        keys,
        permissions: row.permissions,
        created: row.created,
    })
}

fn connection(row: &ConnectionRow) -> Connection {
    Connection {
        id: row.id,
        app: row.app,
        member: row.member,
        permissions: row.permissions,
        created: row.created,
        expires: row.expires,
        used: row.used,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oi_2_addresses_of_return_are_exact_and_safe() {
        for good in [
            "https://books.example/back",
            "http://localhost:8000/cb?x=1",
            "http://127.0.0.1/",
            "http://[::1]:3/",
        ] {
            assert!(is_redirect(good), "{good}");
        }
        for bad in [
            "books.example/back",
            "http://books.example/back",
            "https://books.example/back#part",
            "https://user@books.example/",
            "https://u:p@books.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "com.books.app:/back",
            "https://b\u{fc}cher.example/",
            "http://localhost.evil.example/",
        ] {
            assert!(!is_redirect(bad), "{bad}");
        }
        let long =
            |bytes: usize| format!("https://a.example/{}", "a".repeat(bytes - "https://a.example/".len()));
        assert!(
            is_redirect(&long(APP_REDIRECT_BYTES_MAX)) && !is_redirect(&long(APP_REDIRECT_BYTES_MAX + 1))
        );
    }

    #[test]
    fn oi_2_an_app_is_described_within_its_limits() {
        let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let set = |keys: usize| format!(r#"{{"keys":[{}]}}"#, vec![key; keys].join(","));
        let back = |lines: usize| vec!["https://books.example/back"; lines].join("\n");
        let may = ["view payments".to_owned()];
        let parse = |redirects: &str, keys: &str, may: &[String]| {
            NewApp::parse(Label::parse("Books").unwrap(), redirects, keys, may).map(drop)
        };
        assert_eq!(parse(&back(1), key, &may), Ok(()));
        assert_eq!(parse(&back(APP_REDIRECTS_MAX), &set(APP_KEYS_MAX), &may), Ok(()));
        assert_eq!(parse(&back(APP_REDIRECTS_MAX + 1), key, &may), Err(vec![AppProblem::Redirects]));
        let malformed = AppProblem::Keys(KeyProblem::Malformed);
        assert_eq!(parse(&back(1), &set(APP_KEYS_MAX + 1), &may), Err(vec![malformed]));
        let padded = |bytes: usize| format!("{}{key}", " ".repeat(bytes - key.len()));
        assert_eq!(parse(&back(1), &padded(APP_KEYS_BYTES_MAX), &may), Ok(()));
        assert_eq!(parse(&back(1), &padded(APP_KEYS_BYTES_MAX + 1), &may), Err(vec![malformed]));
        let all = vec![AppProblem::Redirects, malformed, AppProblem::Permissions];
        assert_eq!(parse("", "{", &[]), Err(all));
        for refused in ["open tokens", "open customers", "manage members", "enter"] {
            assert_eq!(
                parse(&back(1), key, &[refused.to_owned()]),
                Err(vec![AppProblem::Permissions]),
                "{refused}"
            );
        }
    }
}
