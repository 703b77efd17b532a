//! A member's yes or no to what an app asks.

use base::{AppId, ScopedId};
use store::Tx;
use url::Url;

use super::apps::{App, find_active_app, listed, tell_keepers};
use crate::context::{Fault, Means, takes_faults};
use crate::grants::{Permissions, permissions_of};
use crate::limits::{APP_CODE_SECONDS, STEP_UP_SECONDS};
use crate::notices::{Notice, queue_notice};
use crate::permissions::{Actor, Denied};
use crate::person::Person;
use crate::record::{self, Event};
use crate::sessions::MemberSession;
use crate::store::apps::{self as rows, CodeRow, RequestRow};
use crate::store::members as member_rows;
use crate::token::{Token, TokenKind};

/// What a member is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// By which app.
    pub app: App,
    /// What it would get: of what it asks, what the member may do.
    pub permissions: Permissions,
    /// Where the browser goes afterwards.
    pub redirect: String,
}

/// Why a request could not be shown or decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// Unknown, decided, over, or of another app or shop.
    #[error("the request was used or ran out; begin again in the app")]
    Gone,
    /// The member may do nothing of what is asked.
    #[error("you may do nothing of what the app asks for")]
    NothingToGive,
    /// The second factor is too old.
    #[error(transparent)]
    Denied(Denied),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(ConsentError);

impl From<Denied> for ConsentError {
    fn from(denied: Denied) -> ConsentError {
        ConsentError::Denied(denied)
    }
}

/// What was decided: where the browser goes, with what.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The whole address; it holds a code.
    pub address: base::Secret<String>,
}

/// What the request asks `session`'s member. Asks for a fresh second factor, as the answer will.
///
/// # Errors
/// [`ConsentError::Gone`], [`ConsentError::Denied`].
pub fn find_question(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &MemberSession,
    app: AppId,
    request: &Token,
) -> Result<Question, ConsentError> {
    let (app, row) = find_pending(tx, means, session, app, request)?;
    let permissions = in_reach(tx, session, row.permissions)?;
    Ok(Question { app, permissions, redirect: row.redirect })
}

/// Allows it: the code of the answer is good for one trade within [`APP_CODE_SECONDS`].
///
/// # Errors
/// [`ConsentError`].
pub fn allow_request(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &MemberSession,
    (app, request): (AppId, &Token),
    issuer: &str,
) -> Result<Decided, ConsentError> {
    let (app, row) = take_pending(tx, means, session, app, request)?;
    let permissions = in_reach(tx, session, row.permissions)?;
    if permissions.is_empty() {
        return Err(ConsentError::NothingToGive);
    }
    let code = Token::random(TokenKind::AppCode, means.dice);
    let waits = CodeRow {
        hash: code.hash(),
        app: app.id,
        member: session.member,
        redirect: row.redirect.clone(),
        challenge: row.challenge.clone(),
        permissions,
        proof_key: row.proof_key.clone(),
        expires: means.now.plus_seconds(APP_CODE_SECONDS),
        connection: None,
    };
    rows::put_code(tx, waits)?;
    let actor = Actor::Member(session.clone());
    let event = Event::new(session.shop, &actor, record::APP_ALLOWED, app.id)
        .with("permissions", listed(permissions));
    record::note(tx, means, event)?;
    let notice = Notice::AppAllowed { app: app.name, who: session.member.to_string() };
    tell_keepers(tx, means, &actor, session.shop, &notice)?;
    queue_notice(tx, means, Person::Member(session.member), &notice)?;
    Ok(answer(&row, ("code", code.secret().expose()), issuer))
}

/// Declines it.
///
/// # Errors
/// [`ConsentError::Gone`], [`ConsentError::Denied`].
pub fn decline_request(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &MemberSession,
    (app, request): (AppId, &Token),
    issuer: &str,
) -> Result<Decided, ConsentError> {
    let (app, row) = take_pending(tx, means, session, app, request)?;
    let event =
        Event::new(session.shop, &Actor::Member(session.clone()), record::APP_DECLINED, app.id).refused();
    record::note(tx, means, event)?;
    Ok(answer(&row, ("error", "access_denied"), issuer))
}

/// The request, which is decided with that.
fn take_pending(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &MemberSession,
    app: AppId,
    request: &Token,
) -> Result<(App, RequestRow), ConsentError> {
    let (app, row) = find_pending(tx, means, session, app, request)?;
    rows::delete_request(tx, session.shop, &row.hash)?;
    Ok((app, row))
}

fn find_pending(
    tx: &mut Tx,
    means: &Means<'_>,
    session: &MemberSession,
    app: AppId,
    request: &Token,
) -> Result<(App, RequestRow), ConsentError> {
    Actor::Member(session.clone()).require_fresh(STEP_UP_SECONDS)?;
    if app.shop() != session.shop {
        return Err(ConsentError::Gone);
    }
    let row = rows::find_request(tx, session.shop, &request.hash())?;
    let row = row.filter(|row| row.app == app && means.now < row.expires).ok_or(ConsentError::Gone)?;
    let app = find_active_app(tx, app)?.ok_or(ConsentError::Gone)?;
    Ok((app, row))
}

/// What of `asked` the member may do by their own roles; power of an emergency is not passed on.
fn in_reach(tx: &mut Tx, session: &MemberSession, asked: Permissions) -> Result<Permissions, Fault> {
    let Some(row) = member_rows::find_member(tx, session.shop, session.member)? else {
        return Ok(Permissions::NONE);
    };
    Ok(asked.within(permissions_of(tx, &row)?))
}

/// The registered address with the answer, the app's own `state`, and who answers (RFC 9207).
fn answer(row: &RequestRow, (name, value): (&str, &str), issuer: &str) -> Decided {
    let mut pairs = vec![(name, value)];
    pairs.extend(row.state.as_deref().map(|state| ("state", state)));
    pairs.push(("iss", issuer));
    let address = match Url::parse(&row.redirect) {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(pairs);
            url.to_string()
        }
        // INVARIANT: only addresses that were read as one are registered.
        Err(_) => row.redirect.clone(),
    };
    Decided { address: base::Secret::new(address) }
}
