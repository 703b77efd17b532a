//! SQL of connected apps: the apps, what they asked for, what members allowed them, and the tokens that came of it.

use base::{AppId, ConnectionId, MemberId, ScopedId, ShopId, Timestamp};
use store::{Error, Row, Table, Tx, Value, int, text};

use super::broken;
use crate::grants::Permissions;

static APPS: Table = Table::new(
    "apps",
    &[text("shop_id"), text("id")],
    &[
        text("name"),
        text("redirects"),
        text("keys"),
        text("permissions"),
        text("maker"),
        int("created_ms"),
        int("ended_ms"),
    ],
)
.kept();
static REQUESTS: Table = Table::new(
    "app_requests",
    &[text("shop_id"), text("request_hash")],
    &[
        text("app_id"),
        text("redirect"),
        text("challenge"),
        text("permissions"),
        text("state"),
        text("proof_key"),
        int("expires_ms"),
    ],
);
static CODES: Table = Table::new(
    "app_codes",
    &[text("shop_id"), text("code_hash")],
    &[
        text("app_id"),
        text("member_id"),
        text("redirect"),
        text("challenge"),
        text("permissions"),
        text("proof_key"),
        int("expires_ms"),
        text("connection_id"),
    ],
);
static CONNECTIONS: Table = Table::new(
    "app_connections",
    &[text("shop_id"), text("id")],
    &[
        text("app_id"),
        text("member_id"),
        text("permissions"),
        int("created_ms"),
        int("expires_ms"),
        int("used_ms"),
        int("ended_ms"),
    ],
)
.kept();
static TOKENS: Table = Table::new(
    "app_tokens",
    &[text("shop_id"), text("token_hash")],
    &[text("connection_id"), text("proof_key"), int("expires_ms")],
)
.kept();

/// Somebody else's program.
#[derive(Clone)]
pub(crate) struct AppRow {
    pub(crate) id: AppId,
    pub(crate) name: String,
    /// Exact addresses that its members are sent back to.
    pub(crate) redirects: Vec<String>,
    /// Its public keys, a JSON list.
    pub(crate) keys: String,
    /// The most it may be allowed.
    pub(crate) permissions: Permissions,
    pub(crate) maker: Option<MemberId>,
    pub(crate) created: Timestamp,
    pub(crate) ended: Option<Timestamp>,
}

/// A request that an app pushed.
#[derive(Clone)]
pub(crate) struct RequestRow {
    pub(crate) hash: String,
    pub(crate) app: AppId,
    pub(crate) redirect: String,
    pub(crate) challenge: String,
    pub(crate) permissions: Permissions,
    pub(crate) state: Option<String>,
    /// The thumbprint of the key whose proof the code will ask for.
    pub(crate) proof_key: Option<String>,
    pub(crate) expires: Timestamp,
}

/// A member's yes that waits to be traded.
#[derive(Clone)]
pub(crate) struct CodeRow {
    pub(crate) hash: String,
    pub(crate) app: AppId,
    pub(crate) member: MemberId,
    pub(crate) redirect: String,
    pub(crate) challenge: String,
    pub(crate) permissions: Permissions,
    pub(crate) proof_key: Option<String>,
    pub(crate) expires: Timestamp,
    /// What came of it, once it was traded.
    pub(crate) connection: Option<ConnectionId>,
}

/// What one member allowed one app.
#[derive(Clone)]
pub(crate) struct ConnectionRow {
    pub(crate) id: ConnectionId,
    pub(crate) app: AppId,
    pub(crate) member: MemberId,
    pub(crate) permissions: Permissions,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) used: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
}

/// A token of a connection.
pub(crate) struct TokenRow {
    pub(crate) shop: ShopId,
    pub(crate) hash: String,
    pub(crate) connection: ConnectionId,
    /// The thumbprint of the key that must be proven with it; none for a refresh token, which its app's key guards.
    pub(crate) proof_key: Option<String>,
    pub(crate) expires: Timestamp,
}

pub(crate) fn find_app(tx: &mut Tx, id: AppId) -> Result<Option<AppRow>, Error> {
    tx.get(&APPS, &[id.shop().short().into(), id.short().into()])?.map(|row| read_app(&row)).transpose()
}

pub(crate) fn list_apps(tx: &mut Tx, shop: ShopId) -> Result<Vec<AppRow>, Error> {
    let sql = "SELECT shop_id, id, name, redirects, keys, permissions, maker, created_ms, ended_ms
               FROM apps WHERE shop_id = ?1 AND ended_ms IS NULL ORDER BY id DESC";
    tx.query(sql, &[shop.short().into()])?.iter().map(read_app).collect()
}

pub(crate) fn put_app(tx: &mut Tx, row: AppRow) -> Result<(), Error> {
    let values = vec![
        row.id.shop().short().into(),
        row.id.short().into(),
        row.name.into(),
        row.redirects.join("\n").into(),
        row.keys.into(),
        row.permissions.to_text().into(),
        row.maker.map(|id| id.short().to_owned()).into(),
        row.created.into(),
        row.ended.into(),
    ];
    tx.put(&APPS, values)
}

fn read_app(row: &Row) -> Result<AppRow, Error> {
    let bad = || broken("apps");
    Ok(AppRow {
        id: AppId::from_short(row.text(1)?).ok_or_else(bad)?,
        name: row.text(2)?.to_owned(),
        redirects: row.text(3)?.lines().map(str::to_owned).collect(),
        keys: row.text(4)?.to_owned(),
        permissions: Permissions::from_text(row.text(5)?).ok_or_else(bad)?,
        maker: row.opt_text(6)?.map(|short| MemberId::from_short(short).ok_or_else(bad)).transpose()?,
        created: row.time(7)?,
        ended: row.opt_time(8)?,
    })
}

pub(crate) fn find_request(tx: &mut Tx, shop: ShopId, hash: &str) -> Result<Option<RequestRow>, Error> {
    let Some(row) = tx.get(&REQUESTS, &[shop.short().into(), hash.into()])? else { return Ok(None) };
    let bad = || broken("app_requests");
    Ok(Some(RequestRow {
        hash: hash.to_owned(),
        app: AppId::from_short(row.text(2)?).ok_or_else(bad)?,
        redirect: row.text(3)?.to_owned(),
        challenge: row.text(4)?.to_owned(),
        permissions: Permissions::from_text(row.text(5)?).ok_or_else(bad)?,
        state: row.opt_text(6)?.map(str::to_owned),
        proof_key: row.opt_text(7)?.map(str::to_owned),
        expires: row.time(8)?,
    }))
}

pub(crate) fn insert_request(tx: &mut Tx, row: RequestRow) -> Result<(), Error> {
    let values = vec![
        row.app.shop().short().into(),
        row.hash.into(),
        row.app.short().into(),
        row.redirect.into(),
        row.challenge.into(),
        row.permissions.to_text().into(),
        row.state.into(),
        row.proof_key.into(),
        row.expires.into(),
    ];
    tx.insert(&REQUESTS, values)
}

pub(crate) fn delete_request(tx: &mut Tx, shop: ShopId, hash: &str) -> Result<(), Error> {
    tx.delete(&REQUESTS, &[shop.short().into(), hash.into()])
}

pub(crate) fn find_code(tx: &mut Tx, shop: ShopId, hash: &str) -> Result<Option<CodeRow>, Error> {
    let Some(row) = tx.get(&CODES, &[shop.short().into(), hash.into()])? else { return Ok(None) };
    let bad = || broken("app_codes");
    Ok(Some(CodeRow {
        hash: hash.to_owned(),
        app: AppId::from_short(row.text(2)?).ok_or_else(bad)?,
        member: MemberId::from_short(row.text(3)?).ok_or_else(bad)?,
        redirect: row.text(4)?.to_owned(),
        challenge: row.text(5)?.to_owned(),
        permissions: Permissions::from_text(row.text(6)?).ok_or_else(bad)?,
        proof_key: row.opt_text(7)?.map(str::to_owned),
        expires: row.time(8)?,
        connection: row.opt_text(9)?.map(|id| ConnectionId::from_short(id).ok_or_else(bad)).transpose()?,
    }))
}

pub(crate) fn put_code(tx: &mut Tx, row: CodeRow) -> Result<(), Error> {
    let values = vec![
        row.app.shop().short().into(),
        row.hash.into(),
        row.app.short().into(),
        row.member.short().into(),
        row.redirect.into(),
        row.challenge.into(),
        row.permissions.to_text().into(),
        row.proof_key.into(),
        row.expires.into(),
        row.connection.map(|id| id.short().to_owned()).into(),
    ];
    tx.put(&CODES, values)
}

pub(crate) fn delete_code(tx: &mut Tx, shop: ShopId, hash: &str) -> Result<(), Error> {
    tx.delete(&CODES, &[shop.short().into(), hash.into()])
}

/// The codes of a member that wait to be traded, each with its app.
pub(crate) fn list_waiting_codes(tx: &mut Tx, member: MemberId) -> Result<Vec<(String, AppId)>, Error> {
    let sql = "SELECT code_hash, app_id FROM app_codes
               WHERE shop_id = ?1 AND member_id = ?2 AND connection_id IS NULL";
    let found = tx.query(sql, &[member.shop().short().into(), member.short().into()])?;
    let read = |row: &Row| {
        let app = AppId::from_short(row.text(1)?).ok_or_else(|| broken("app_codes"))?;
        Ok((row.text(0)?.to_owned(), app))
    };
    found.iter().map(read).collect()
}

pub(crate) fn find_connection(tx: &mut Tx, id: ConnectionId) -> Result<Option<ConnectionRow>, Error> {
    let key = [id.shop().short().into(), id.short().into()];
    tx.get(&CONNECTIONS, &key)?.map(|row| read_connection(&row)).transpose()
}

/// The connections of a shop that nobody ended, newest first.
pub(crate) fn list_connections(tx: &mut Tx, shop: ShopId) -> Result<Vec<ConnectionRow>, Error> {
    let sql = "SELECT shop_id, id, app_id, member_id, permissions, created_ms, expires_ms, used_ms, ended_ms
               FROM app_connections WHERE shop_id = ?1 AND ended_ms IS NULL ORDER BY id DESC";
    tx.query(sql, &[shop.short().into()])?.iter().map(read_connection).collect()
}

pub(crate) fn put_connection(tx: &mut Tx, row: ConnectionRow) -> Result<(), Error> {
    let values = vec![
        row.id.shop().short().into(),
        row.id.short().into(),
        row.app.short().into(),
        row.member.short().into(),
        row.permissions.to_text().into(),
        row.created.into(),
        row.expires.into(),
        row.used.into(),
        row.ended.into(),
    ];
    tx.put(&CONNECTIONS, values)
}

fn read_connection(row: &Row) -> Result<ConnectionRow, Error> {
    let bad = || broken("app_connections");
    Ok(ConnectionRow {
        id: ConnectionId::from_short(row.text(1)?).ok_or_else(bad)?,
        app: AppId::from_short(row.text(2)?).ok_or_else(bad)?,
        member: MemberId::from_short(row.text(3)?).ok_or_else(bad)?,
        permissions: Permissions::from_text(row.text(4)?).ok_or_else(bad)?,
        created: row.time(5)?,
        expires: row.time(6)?,
        used: row.opt_time(7)?,
        ended: row.opt_time(8)?,
    })
}

pub(crate) fn find_token(tx: &mut Tx, shop: ShopId, hash: &str) -> Result<Option<TokenRow>, Error> {
    let Some(row) = tx.get(&TOKENS, &[shop.short().into(), hash.into()])? else { return Ok(None) };
    Ok(Some(TokenRow {
        shop,
        hash: hash.to_owned(),
        connection: ConnectionId::from_short(row.text(2)?).ok_or_else(|| broken("app_tokens"))?,
        proof_key: row.opt_text(3)?.map(str::to_owned),
        expires: row.time(4)?,
    }))
}

/// The row of an access token, for [`store::Db::write_with`].
pub(crate) fn token_key(shop: ShopId, hash: &str) -> store::Key {
    store::Key::new(&TOKENS, vec![shop.short().into(), hash.into()])
}

pub(crate) fn insert_token(tx: &mut Tx, row: TokenRow) -> Result<(), Error> {
    let values = vec![
        row.shop.short().into(),
        row.hash.into(),
        row.connection.short().into(),
        row.proof_key.into(),
        row.expires.into(),
    ];
    tx.insert(&TOKENS, values)
}

pub(crate) fn delete_token(tx: &mut Tx, shop: ShopId, hash: &str) -> Result<(), Error> {
    tx.delete(&TOKENS, &[shop.short().into(), hash.into()])
}

/// The hashes of a connection's tokens.
pub(crate) fn list_tokens_of(tx: &mut Tx, id: ConnectionId) -> Result<Vec<String>, Error> {
    let sql = "SELECT token_hash FROM app_tokens WHERE shop_id = ?1 AND connection_id = ?2";
    let found = tx.query(sql, &[id.shop().short().into(), id.short().into()])?;
    found.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// What ended before an instant, by shop and hash.
type Ended = Vec<(ShopId, String)>;

fn list_ended(tx: &mut Tx, sql: &str, before: Timestamp, limit: usize) -> Result<Ended, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = tx.query(sql, &[before.into(), Value::Int(limit)])?;
    found.iter().map(|row| Ok((super::shop_at(row, 0, "app_tokens")?, row.text(1)?.to_owned()))).collect()
}

pub(crate) fn list_ended_requests(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Ended, Error> {
    let sql =
        "SELECT shop_id, request_hash FROM app_requests WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    list_ended(tx, sql, before, limit)
}

pub(crate) fn list_ended_codes(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Ended, Error> {
    let sql = "SELECT shop_id, code_hash FROM app_codes WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    list_ended(tx, sql, before, limit)
}

/// Connections that were ended, or ran out, before an instant.
pub(crate) fn list_ended_connections(
    tx: &mut Tx,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<ConnectionId>, Error> {
    let sql = "SELECT shop_id, id FROM app_connections WHERE COALESCE(ended_ms, expires_ms) < ?1
               ORDER BY COALESCE(ended_ms, expires_ms) LIMIT ?2";
    let found = list_ended(tx, sql, before, limit)?;
    let read =
        |(_, id): (ShopId, String)| ConnectionId::from_short(&id).ok_or_else(|| broken("app_connections"));
    found.into_iter().map(read).collect()
}

/// Apps that were removed before an instant.
pub(crate) fn list_ended_apps(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Vec<AppId>, Error> {
    let sql = "SELECT shop_id, id FROM apps WHERE ended_ms < ?1 ORDER BY ended_ms LIMIT ?2";
    let found = list_ended(tx, sql, before, limit)?;
    found.into_iter().map(|(_, id)| AppId::from_short(&id).ok_or_else(|| broken("apps"))).collect()
}

pub(crate) fn delete_connection(tx: &mut Tx, id: ConnectionId) -> Result<(), Error> {
    tx.delete(&CONNECTIONS, &[id.shop().short().into(), id.short().into()])
}

pub(crate) fn delete_app(tx: &mut Tx, id: AppId) -> Result<(), Error> {
    tx.delete(&APPS, &[id.shop().short().into(), id.short().into()])
}

pub(crate) fn list_ended_tokens(tx: &mut Tx, before: Timestamp, limit: usize) -> Result<Ended, Error> {
    let sql = "SELECT shop_id, token_hash FROM app_tokens WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2";
    list_ended(tx, sql, before, limit)
}
