//! Tokens: what an app trades its code for, and what stands behind each call.

use base::{AppId, ConnectionId, MemberId, ScopedId, ShopId, Timestamp};
use store::Tx;

use super::apps::{App, end_connection};
use super::requests::read_scope;
use super::{Refusal, RefusalWord};
use crate::context::{Fault, Means};
use crate::grants::{Permissions, permissions_of};
use crate::limits::{APP_ACCESS_SECONDS, APP_CONNECTION_SECONDS, APP_TOUCH_SECONDS};
use crate::outside::challenge_of;
use crate::permissions::{Actor, AppCaller};
use crate::record::{self, Event};
use crate::sessions::AuthError;
use crate::store::apps::{self as rows, CodeRow, ConnectionRow, TokenRow};
use crate::store::members::{self as member_rows, MemberRow, MemberState};
use crate::token::{Token, TokenKind};

/// Shortest and longest verifier (RFC 7636 §4.1).
const VERIFIER_CHARS: std::ops::RangeInclusive<usize> = 43..=128;

/// An access token: a secret, a dot, and the shop it is for, so that its row is found in the shop's shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    secret: Token,
    shop: ShopId,
}

impl AccessToken {
    /// Reads one; `None` for anything that cannot be one.
    pub fn parse(text: &str) -> Option<AccessToken> {
        let (secret, shop) = text.rsplit_once('.')?;
        let secret = Token::parse(TokenKind::AppAccess, secret)?;
        Some(AccessToken { secret, shop: ShopId::from_short(shop)? })
    }

    /// The text, to be handed to the app once.
    pub fn reveal(&self) -> base::Secret<String> {
        base::Secret::new(format!("{}.{}", self.secret.secret().expose(), self.shop.short()))
    }

    /// The shop that it says it is for.
    pub fn shop(&self) -> ShopId {
        self.shop
    }

    /// What the database knows it by.
    pub fn hash(&self) -> String {
        self.secret.hash()
    }
}

/// The row of a token, for [`store::Db::write_with`].
pub fn token_key(token: &AccessToken) -> store::Key {
    rows::token_key(token.shop, &token.hash())
}

/// What an app gets.
#[derive(Clone, Debug)]
pub struct Issued {
    /// With what it calls.
    pub access: AccessToken,
    /// How long, in seconds.
    pub seconds: i64,
    /// With what it gets the next one, when it is new.
    pub refresh: Option<Token>,
    /// What it may do.
    pub permissions: Permissions,
}

/// What an app shows with a code.
#[derive(Clone, Copy, Debug)]
pub struct Redeemed<'a> {
    /// The code.
    pub code: &'a Token,
    /// The address that it came back to.
    pub redirect: &'a str,
    /// What the challenge was made from.
    pub verifier: &'a str,
    /// The thumbprint of the key that was proven.
    pub proof_key: &'a str,
}

const fn grant(text: &'static str) -> Refusal {
    Refusal::new(RefusalWord::InvalidGrant, text)
}

/// Trades a code. A code that comes a second time ends what came of it the first time: one of the two who had it is a
/// thief. A code shown with the wrong verifier, address or key is used up.
///
/// # Errors
/// [`Fault`] alone; a refusal is a result, so that what it changed is kept.
pub fn redeem_code(
    tx: &mut Tx,
    means: &Means<'_>,
    app: &App,
    shown: Redeemed<'_>,
) -> Result<Result<Issued, Refusal>, Fault> {
    const UNKNOWN: Refusal = grant("the code is unknown, was used, or ran out");
    let shop = app.id.shop();
    let row = rows::find_code(tx, shop, &shown.code.hash())?.filter(|row| row.app == app.id);
    let Some(row) = row else { return Ok(Err(UNKNOWN)) };
    if let Some(id) = row.connection {
        end_twice_used(tx, means, app.id, id)?;
        return Ok(Err(UNKNOWN));
    }
    if means.now >= row.expires {
        return Ok(Err(UNKNOWN));
    }
    if let Err(refusal) = check_shown(&row, shown) {
        rows::delete_code(tx, shop, &row.hash)?;
        record::note(tx, means, Event::new(shop, app.id, record::APP_CODE_REFUSED, row.member).refused())?;
        return Ok(Err(refusal));
    }
    if !is_active(tx, shop, row.member)? {
        return Ok(Err(UNKNOWN));
    }
    let connection = connect(tx, means, &row)?;
    let refresh = Token::random(TokenKind::AppRefresh, means.dice);
    let (id, expires) = (connection.id, connection.expires);
    rows::insert_token(
        tx,
        TokenRow { shop, hash: refresh.hash(), connection: id, proof_key: None, expires },
    )?;
    rows::put_code(tx, CodeRow { connection: Some(id), ..row })?;
    Ok(Ok(Issued { refresh: Some(refresh), ..issue(tx, means, &connection, shown.proof_key)? }))
}

fn check_shown(row: &CodeRow, shown: Redeemed<'_>) -> Result<(), Refusal> {
    if row.redirect != shown.redirect {
        return Err(grant("`redirect_uri` is not the one of the request"));
    }
    let is_long = VERIFIER_CHARS.contains(&shown.verifier.len());
    if !is_long || challenge_of(shown.verifier) != row.challenge {
        return Err(grant("`code_verifier` does not belong to the challenge of the request"));
    }
    if row.proof_key.as_deref().is_some_and(|key| key != shown.proof_key) {
        return Err(grant("the request was made with another key than the proof's"));
    }
    Ok(())
}

fn end_twice_used(tx: &mut Tx, means: &Means<'_>, app: AppId, id: ConnectionId) -> Result<(), Fault> {
    record::note(tx, means, Event::new(id.shop(), app, record::APP_CODE_REUSED, id).refused())?;
    match rows::find_connection(tx, id)? {
        Some(row) => end_connection(tx, means, &Actor::System, row),
        None => Ok(()),
    }
}

/// A new connection; the same member's earlier one with this app ends.
fn connect(tx: &mut Tx, means: &Means<'_>, code: &CodeRow) -> Result<ConnectionRow, Fault> {
    let shop = code.app.shop();
    let earlier = rows::list_connections(tx, shop)?;
    for row in earlier.into_iter().filter(|one| one.app == code.app && one.member == code.member) {
        end_connection(tx, means, &Actor::System, row)?;
    }
    let row = ConnectionRow {
        id: ConnectionId::new(shop, means.now, means.dice),
        app: code.app,
        member: code.member,
        permissions: code.permissions,
        created: means.now,
        expires: means.now.plus_seconds(APP_CONNECTION_SECONDS),
        used: None,
        ended: None,
    };
    rows::put_connection(tx, row.clone())?;
    let event = Event::new(shop, code.app, record::APP_CONNECTED, row.id).with("member", code.member);
    record::note(tx, means, event)?;
    Ok(row)
}

/// An access token of a connection, bound to a key. It does not outlive the connection.
fn issue(
    tx: &mut Tx,
    means: &Means<'_>,
    connection: &ConnectionRow,
    proof_key: &str,
) -> Result<Issued, Fault> {
    let shop = connection.id.shop();
    let access = AccessToken { secret: Token::random(TokenKind::AppAccess, means.dice), shop };
    let ends = means.now.plus_seconds(APP_ACCESS_SECONDS).min(connection.expires);
    let row = TokenRow {
        shop,
        hash: access.hash(),
        connection: connection.id,
        proof_key: Some(proof_key.to_owned()),
        expires: ends,
    };
    rows::insert_token(tx, row)?;
    let seconds = ends.millis_since(means.now) / 1000;
    Ok(Issued { access, seconds, refresh: None, permissions: connection.permissions })
}

/// A new access token for a refresh token, which stays as it is until its connection ends.
///
/// # Errors
/// [`Fault`] alone.
pub fn refresh(
    tx: &mut Tx,
    means: &Means<'_>,
    app: &App,
    (token, scope): (&Token, Option<&str>),
    proof_key: &str,
) -> Result<Result<Issued, Refusal>, Fault> {
    const UNKNOWN: Refusal = grant("the refresh token is unknown, was revoked, or ran out");
    let row = rows::find_token(tx, app.id.shop(), &token.hash())?;
    let row = row.filter(|row| row.proof_key.is_none() && means.now < row.expires);
    let Some(row) = row else { return Ok(Err(UNKNOWN)) };
    let found = rows::find_connection(tx, row.connection)?;
    let found =
        found.filter(|found| found.app == app.id && found.ended.is_none() && means.now < found.expires);
    let Some(connection) = found else { return Ok(Err(UNKNOWN)) };
    if !is_active(tx, app.id.shop(), connection.member)? {
        return Ok(Err(UNKNOWN));
    }
    // A narrower token would need rows of its own; what was allowed is what every token of it opens.
    if let Err(refusal) = read_scope(connection.permissions, scope) {
        return Ok(Err(refusal));
    }
    Ok(Ok(issue(tx, means, &connection, proof_key)?))
}

/// Revokes a token of the app's own (RFC 7009): an access token alone, or with a refresh token the whole connection. What
/// is unknown is as good as revoked.
///
/// # Errors
/// [`Fault`] alone.
pub fn revoke(tx: &mut Tx, means: &Means<'_>, app: &App, text: &str) -> Result<(), Fault> {
    let shop = app.id.shop();
    let access = AccessToken::parse(text).map(|token| token.hash());
    let refresh = || Token::parse(TokenKind::AppRefresh, text).map(|token| token.hash());
    let Some(hash) = access.or_else(refresh) else { return Ok(()) };
    let Some(row) = rows::find_token(tx, shop, &hash)? else { return Ok(()) };
    let connection = rows::find_connection(tx, row.connection)?;
    let Some(connection) = connection.filter(|found| found.app == app.id) else { return Ok(()) };
    match row.proof_key {
        Some(_) => Ok(rows::delete_token(tx, shop, &row.hash)?),
        None => end_connection(tx, means, &Actor::App(caller_of(&connection)), connection),
    }
}

fn caller_of(connection: &ConnectionRow) -> AppCaller {
    AppCaller {
        connection: connection.id,
        app: connection.app,
        shop: connection.id.shop(),
        member: connection.member,
        permissions: connection.permissions,
        touch_due: false,
    }
}

/// Whose an access token is, and who must prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The app.
    pub app: AppId,
    /// Who let it in.
    pub member: MemberId,
    /// The thumbprint of the key that the token is bound to.
    pub proof_key: String,
}

/// Whose an access token is that has not ended. What it may do is not asked here; see [`require_app`].
///
/// # Errors
/// [`Fault`] alone.
pub fn find_holder(tx: &mut Tx, token: &AccessToken, now: Timestamp) -> Result<Option<Holder>, Fault> {
    let row = rows::find_token(tx, token.shop, &token.hash())?.filter(|row| now < row.expires);
    let Some(TokenRow { connection, proof_key: Some(proof_key), .. }) = row else { return Ok(None) };
    let found = rows::find_connection(tx, connection)?;
    Ok(found.map(|found| Holder { app: found.app, member: found.member, proof_key }))
}

/// The app behind an access token and the key that was proven with it, with what it may do at this moment.
///
/// # Errors
/// [`AuthError::SignInNeeded`] for a token that opens nothing, or was shown with another key.
pub fn require_app(
    tx: &mut Tx,
    token: &AccessToken,
    proof_key: &str,
    now: Timestamp,
) -> Result<AppCaller, AuthError> {
    let none = AuthError::SignInNeeded;
    let row = rows::find_token(tx, token.shop, &token.hash())?;
    let row = row.filter(|row| now < row.expires && row.proof_key.as_deref() == Some(proof_key));
    let Some(row) = row else { return Err(none) };
    let found = rows::find_connection(tx, row.connection)?;
    let found = found.filter(|found| found.ended.is_none() && now < found.expires);
    let Some(connection) = found else { return Err(none) };
    let app = rows::find_app(tx, connection.app)?.filter(|app| app.ended.is_none());
    let member = member_rows::find_member(tx, token.shop, connection.member)?;
    let member = member.filter(may_act);
    let (Some(app), Some(member)) = (app, member) else { return Err(none) };
    let may = permissions_of(tx, &member)?;
    let permissions = connection.permissions.within(app.permissions).within(may);
    let touch_due = connection.used.is_none_or(|used| now >= used.plus_seconds(APP_TOUCH_SECONDS));
    Ok(AppCaller { permissions, touch_due, ..caller_of(&connection) })
}

/// Writes down that a connection is in use. Call it when `touch_due` says so, in a writing transaction.
///
/// # Errors
/// [`Fault`] alone.
pub fn touch_app(tx: &mut Tx, id: ConnectionId, now: Timestamp) -> Result<(), Fault> {
    if let Some(row) = rows::find_connection(tx, id)? {
        rows::put_connection(tx, ConnectionRow { used: Some(now), ..row })?;
    }
    Ok(())
}

fn is_active(tx: &mut Tx, shop: ShopId, member: MemberId) -> Result<bool, Fault> {
    let found = member_rows::find_member(tx, shop, member)?;
    Ok(found.is_some_and(|row| may_act(&row)))
}

/// Whether an app may act for the member: they could themselves, once signed in.
fn may_act(row: &MemberRow) -> bool {
    row.state == MemberState::Active && row.password_due.is_none()
}
