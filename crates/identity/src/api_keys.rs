//! API keys: how a shop's own system signs its requests (HMAC-SHA256, RFC 9421).
//!
//! A secret that signs must be known to both sides, so it is sealed and not hashed. It is shown once, when it is made.
//! The text itself, `tw_live_…`, is the HMAC key. The edge verifies signatures with the [`ApiKeyRing`], which keeps
//! unsealed keys in memory; whether a key is still in force is asked again in the transaction that does the work, by
//! [`require_active_key`], so a revocation holds on every node at once (AZ-7).

use std::sync::{Arc, PoisonError, RwLock};

use base::{ApiKeyId, MemberId, ScopedId, Secret, ShopId, Timestamp};
use rustc_hash::FxHashMap;
use store::{Db, Tx};
use vault::{Place, Vault};

use crate::context::{Fault, Means, takes_faults};
use crate::grants::list_holders;
use crate::limits::{
    API_KEY_DAYS_DEFAULT, API_KEY_DAYS_MAX, API_KEY_REMINDER_DAYS, API_KEY_REMINDERS_MAX, API_KEY_RING_MAX,
    API_KEYS_MAX, KEY_TOUCH_SECONDS,
};
use crate::notices::{Notice, queue_notice};
use crate::permissions::{Actor, Denied, KeyCaller, Permission, Role};
use crate::person::Person;
use crate::record::{self, Event};
use crate::store::api_keys::{self as rows, KeyRow};
use crate::text::Label;
use crate::token::{Token, TokenKind};

pub use crate::store::api_keys::KeyState;

pub(crate) const OWNER: &str = "api keys";
const TABLE: &str = "api_keys";
const DAY_SECONDS: i64 = 86_400;

/// What makes an API key, checked.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    label: Label,
    role: Role,
    days: i64,
}

/// Why an API key's description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyProblem {
    /// Not a role for keys.
    #[error("role must be `integration`, `decisions` or `detokenise`")]
    Role,
    /// Zero, negative or too long.
    #[error("days must be 1 to {API_KEY_DAYS_MAX}")]
    Days,
}

impl NewApiKey {
    /// Checks a description. Without `days` the key lives [`API_KEY_DAYS_DEFAULT`] days.
    ///
    /// # Errors
    /// [`ApiKeyProblem`].
    pub fn new(label: Label, role: Role, days: Option<i64>) -> Result<NewApiKey, ApiKeyProblem> {
        if !role.is_for_keys() {
            return Err(ApiKeyProblem::Role);
        }
        let days = days.unwrap_or(API_KEY_DAYS_DEFAULT);
        if !(1..=API_KEY_DAYS_MAX).contains(&days) {
            return Err(ApiKeyProblem::Days);
        }
        Ok(NewApiKey { label, role, days })
    }

    /// A key of whoever runs the installation. Made at the command line alone, for the house.
    pub fn operator(label: Label) -> NewApiKey {
        NewApiKey { label, role: Role::Operator, days: API_KEY_DAYS_DEFAULT }
    }
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// The key; `keyid` in signatures.
    pub id: ApiKeyId,
    /// What the shop calls it.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// Active or revoked.
    pub state: KeyState,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself; `None` for one of an earlier version, which ends when it is revoked.
    pub expires: Option<Timestamp>,
    /// The member who made it.
    pub maker: Option<MemberId>,
    /// When it was last used, to the day.
    pub used: Option<Timestamp>,
}

/// Why a key could not be made or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// The caller may not.
    #[error(transparent)]
    Denied(Denied),
    /// A shop has so many.
    #[error("a shop has at most {API_KEYS_MAX} API keys in force; revoke one first")]
    TooMany,
    /// No such key in this shop.
    #[error("no such API key")]
    NotFound,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(ApiKeyError);

impl From<Denied> for ApiKeyError {
    fn from(denied: Denied) -> ApiKeyError {
        ApiKeyError::Denied(denied)
    }
}

/// Makes a key and returns it with its secret, which is not shown again. Who may not open cards or customers' data makes no
/// key that does.
///
/// # Errors
/// [`ApiKeyError::Denied`], [`ApiKeyError::TooMany`].
pub fn create_api_key(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    new: &NewApiKey,
) -> Result<(ApiKey, Token), ApiKeyError> {
    actor.allow(Permission::ManageApiKeys, shop)?;
    let opens = [Permission::OpenTokens, Permission::OpenCustomers];
    let given = opens.into_iter().filter(|opens| new.role.grants(*opens)).collect();
    if !actor.covers(given) {
        return Err(Denied::NotAllowed.into());
    }
    insert_key(tx, means, actor, shop, new)
}

/// As [`create_api_key`], for the program itself: the demonstration and the load test.
///
/// # Errors
/// [`ApiKeyError::TooMany`].
pub fn create_system_api_key(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    new: &NewApiKey,
) -> Result<(ApiKey, Token), ApiKeyError> {
    insert_key(tx, means, &Actor::System, shop, new)
}

/// The keys of a shop, newest first.
///
/// # Errors
/// [`ApiKeyError::Denied`].
pub fn list_api_keys(tx: &mut Tx, actor: &Actor, shop: ShopId) -> Result<Vec<ApiKey>, ApiKeyError> {
    actor.allow(Permission::ManageApiKeys, shop)?;
    Ok(rows::list_keys(tx, shop)?.iter().map(api_key).collect())
}

/// Revokes a key, for good. `ring` forgets it once this is durable. Revoking twice is no error.
///
/// # Errors
/// [`ApiKeyError::Denied`], [`ApiKeyError::NotFound`].
pub fn revoke_api_key(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    id: ApiKeyId,
    ring: &Arc<ApiKeyRing>,
) -> Result<(), ApiKeyError> {
    actor.allow(Permission::ManageApiKeys, shop)?;
    if id.shop() != shop {
        return Err(ApiKeyError::NotFound);
    }
    let row = rows::find_key(tx, id)?.ok_or(ApiKeyError::NotFound)?;
    if row.state != KeyState::Revoked {
        rows::update_key(tx, KeyRow { state: KeyState::Revoked, ended: Some(means.now), ..row })?;
        record::note(tx, means, Event::new(shop, actor, record::API_KEY_REVOKED, id))?;
    }
    let ring = Arc::clone(ring);
    tx.after_commit(move || ring.forget(id));
    Ok(())
}

/// Revokes every key that a member made, and returns how many.
pub(crate) fn revoke_keys_of(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    maker: MemberId,
) -> Result<usize, Fault> {
    let mut theirs = rows::list_keys(tx, maker.shop())?;
    theirs.retain(|row| row.maker == Some(maker) && row.state != KeyState::Revoked);
    let count = theirs.len();
    for row in theirs {
        let id = row.id;
        rows::update_key(tx, KeyRow { state: KeyState::Revoked, ended: Some(means.now), ..row })?;
        record::note(tx, means, Event::new(maker.shop(), actor, record::API_KEY_REVOKED, id))?;
    }
    Ok(count)
}

/// Revokes one key, after an access review.
pub(crate) fn revoke_key(tx: &mut Tx, means: &Means<'_>, actor: &Actor, id: ApiKeyId) -> Result<(), Fault> {
    if let Some(row) = rows::find_key(tx, id)?.filter(|row| row.state != KeyState::Revoked) {
        rows::update_key(tx, KeyRow { state: KeyState::Revoked, ended: Some(means.now), ..row })?;
        record::note(tx, means, Event::new(id.shop(), actor, record::API_KEY_REVOKED, id))?;
    }
    Ok(())
}

/// Suspends a key in force, or lets a suspended one work again. Returns what it is called where that changed anything.
pub(crate) fn set_suspended(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    id: ApiKeyId,
    suspended: bool,
) -> Result<Option<String>, Fault> {
    let (from, to, action) = match suspended {
        true => (KeyState::Active, KeyState::Suspended, record::API_KEY_SUSPENDED),
        false => (KeyState::Suspended, KeyState::Active, record::API_KEY_RESTORED),
    };
    let Some(row) = rows::find_key(tx, id)?.filter(|row| row.state == from) else { return Ok(None) };
    let label = row.label.clone();
    rows::update_key(tx, KeyRow { state: to, ..row })?;
    record::note(tx, means, Event::new(id.shop(), actor, action, id))?;
    Ok(Some(label))
}

/// Reminds shops of API keys that end soon or have just ended, each step once: an entry in the audit log, and a mail to
/// everybody who manages the shop's keys; at the house, to its operators. Returns how many; call again while it returns [`API_KEY_REMINDERS_MAX`].
///
/// # Errors
/// [`Fault`] alone.
pub fn remind_of_api_keys(tx: &mut Tx, means: &Means<'_>) -> Result<usize, Fault> {
    let mut reminded = 0;
    // The shortest step first, so that a key found late is told once and not for every step it missed.
    for step in API_KEY_REMINDER_DAYS.into_iter().rev() {
        let room = API_KEY_REMINDERS_MAX.saturating_sub(reminded);
        let end = means.now.plus_seconds(step * DAY_SECONDS);
        for row in rows::list_ending_keys(tx, end, step, room)? {
            remind(tx, means, row, step)?;
            reminded += 1;
        }
    }
    Ok(reminded)
}

fn remind(tx: &mut Tx, means: &Means<'_>, row: KeyRow, days: i64) -> Result<(), Fault> {
    let (id, shop) = (row.id, row.id.shop());
    let notice = Notice::ApiKeyEnds { label: row.label.clone(), days };
    let who = if shop == ShopId::HOUSE { Permission::Operate } else { Permission::ManageApiKeys };
    for holder in list_holders(tx, shop, who, &Actor::System)? {
        queue_notice(tx, means, Person::Member(holder.id), &notice)?;
    }
    rows::update_key(tx, KeyRow { told_days: Some(days), ..row })?;
    record::note(
        tx,
        means,
        Event::new(shop, &Actor::System, record::API_KEY_ENDS_SOON, id).with("days", days),
    )
}

/// The caller behind a key whose signature was verified, if the key is in force now. One keyed read.
///
/// # Errors
/// [`crate::AuthError::SignInNeeded`] for an unknown, revoked or expired key.
pub fn require_active_key(tx: &mut Tx, id: ApiKeyId, now: Timestamp) -> Result<KeyCaller, crate::AuthError> {
    let row =
        rows::find_key(tx, id)?.filter(|row| row.state == KeyState::Active && !is_over(row.expires, now));
    let row = row.ok_or(crate::AuthError::SignInNeeded)?;
    let touch_due = row.used.is_none_or(|used| now >= used.plus_seconds(KEY_TOUCH_SECONDS));
    Ok(KeyCaller { key: id, shop: id.shop(), role: row.role, touch_due })
}

/// Writes down that a key is in use. Call it when `touch_due` says so, in a writing transaction.
pub(crate) fn touch_key(tx: &mut Tx, id: ApiKeyId, now: Timestamp) -> Result<(), Fault> {
    if let Some(row) = rows::find_key(tx, id)? {
        rows::update_key(tx, KeyRow { used: Some(now), ..row })?;
    }
    Ok(())
}

/// A key as the edge needs it, unsealed.
#[derive(Debug)]
pub struct RingKey {
    /// The key, its shop and its role, as of when it was loaded.
    pub caller: KeyCaller,
    /// The HMAC key: the bytes of the secret's text.
    pub secret: Secret<String>,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
}

/// Unsealed API keys of this node. Loaded when first used, forgotten when revoked or when there are too many.
#[derive(Debug, Default)]
pub struct ApiKeyRing {
    keys: RwLock<FxHashMap<ApiKeyId, Arc<RingKey>>>,
}

impl ApiKeyRing {
    /// The key, from memory or from the database; `None` when unknown, revoked or expired.
    ///
    /// # Errors
    /// [`Fault`] alone.
    pub async fn find(
        &self,
        db: &Db,
        vault: &Arc<Vault>,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<Option<Arc<RingKey>>, Fault> {
        if let Some(key) = self.get(id) {
            return Ok(Some(key).filter(|key| !is_over(key.expires, now)));
        }
        let vault = Arc::clone(vault);
        let found = db.read(move |tx| load_key(tx, &vault, id)).await?;
        let found = found.filter(|key| !is_over(key.expires, now)).map(Arc::new);
        if let Some(key) = &found {
            self.insert(id, Arc::clone(key));
        }
        Ok(found)
    }

    /// The key if it is in memory already.
    pub fn get(&self, id: ApiKeyId) -> Option<Arc<RingKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Forgets a key.
    pub fn forget(&self, id: ApiKeyId) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn insert(&self, id: ApiKeyId, key: Arc<RingKey>) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= API_KEY_RING_MAX {
            keys.clear();
        }
        keys.insert(id, key);
    }
}

fn insert_key(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    new: &NewApiKey,
) -> Result<(ApiKey, Token), ApiKeyError> {
    let in_force = rows::list_keys(tx, shop)?;
    let in_force =
        in_force.iter().filter(|row| row.state == KeyState::Active && !is_over(row.expires, means.now));
    if in_force.count() >= usize::try_from(API_KEYS_MAX).unwrap_or(usize::MAX) {
        return Err(ApiKeyError::TooMany);
    }
    let id = ApiKeyId::new(shop, means.now, means.dice);
    let token = Token::random(TokenKind::ApiSecret, means.dice);
    let data_key = means.vault.data_key(tx, shop, OWNER, means.now, means.dice)?;
    let sealed = data_key.seal(&place(&id), token.secret(), means.dice).map_err(Fault::from)?;
    let row = KeyRow {
        id,
        label: new.label.as_str().to_owned(),
        secret: sealed,
        role: new.role,
        state: KeyState::Active,
        created: means.now,
        expires: Some(means.now.plus_seconds(new.days * DAY_SECONDS)),
        ended: None,
        maker: match actor {
            Actor::Member(session) => Some(session.member),
            _ => None,
        },
        used: None,
        told_days: None,
    };
    let made = api_key(&row);
    rows::insert_key(tx, row)?;
    let event = Event::new(shop, actor, record::API_KEY_CREATED, id).with("role", new.role.name());
    record::note(tx, means, event)?;
    Ok((made, token))
}

fn load_key(tx: &mut Tx, vault: &Vault, id: ApiKeyId) -> Result<Option<RingKey>, Fault> {
    let Some(row) = rows::find_key(tx, id)?.filter(|row| row.state == KeyState::Active) else {
        return Ok(None);
    };
    let data_key = vault.find_data_key(tx, id.shop(), OWNER)?;
    let secret = data_key.open(&place(&id), &row.secret)?;
    let caller = KeyCaller { key: id, shop: id.shop(), role: row.role, touch_due: false };
    Ok(Some(RingKey { caller, secret, expires: row.expires }))
}

fn api_key(row: &KeyRow) -> ApiKey {
    ApiKey {
        id: row.id,
        label: row.label.clone(),
        role: row.role,
        state: row.state,
        created: row.created,
        expires: row.expires,
        maker: row.maker,
        used: row.used,
    }
}

fn is_over(expires: Option<Timestamp>, now: Timestamp) -> bool {
    expires.is_some_and(|end| end <= now)
}

fn place(id: &ApiKeyId) -> Place<'_> {
    Place { table: TABLE, column: "secret", row: id.short() }
}
