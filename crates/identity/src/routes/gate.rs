//! Who calls: the session behind the bearer token, looked up in the transaction of the work itself.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use base::{ShopId, Timestamp};
use store::Tx;
use webkit::error::ApiError;

use super::errors::asleep;
use crate::context::{Context, Means};
use crate::members::{Place, origin_of};
use crate::permissions::{Actor, Permission};
use crate::sessions::{self, BuyerSession, MemberSession};
use crate::text::Label;
use crate::token::{Token, TokenKind};
use webkit::request::RequestContext;

/// What a caller showed.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing.
    Nobody,
    /// A buyer's session.
    Buyer(Token),
    /// A member's session.
    Member(Token),
}

impl Credential {
    /// Reads an `Authorization` field; `None` when it holds something else than a session of this installation.
    pub fn parse(field: Option<&str>) -> Option<Credential> {
        let Some(field) = field else { return Some(Credential::Nobody) };
        let (scheme, text) = field.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let buyer = Token::parse(TokenKind::BuyerSession, text).map(Credential::Buyer);
        buyer.or_else(|| Token::parse(TokenKind::MemberSession, text).map(Credential::Member))
    }

    /// Who it is. Reads only.
    ///
    /// # Errors
    /// 401 for a session that opens nothing, or no longer.
    pub fn actor(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Actor, ApiError> {
        Ok(match self {
            Credential::Nobody => Actor::Anyone,
            Credential::Buyer(token) => Actor::Buyer(sessions::require_buyer(tx, token, now)?),
            Credential::Member(token) => Actor::Member(sessions::require_member(tx, token, now)?),
        })
    }

    /// Notes in a writing transaction that the session is in use, when that is due.
    ///
    /// # Errors
    /// Those of the store.
    pub fn touch(&self, tx: &mut Tx<'_>, actor: &Actor, now: Timestamp) -> Result<(), ApiError> {
        if let (Credential::Buyer(token) | Credential::Member(token), true) = (self, is_touch_due(actor)) {
            sessions::touch_session(tx, token, now)?;
        }
        Ok(())
    }
}

/// A request's caller, place and time.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// What the caller showed.
    pub credential: Credential,
    /// Where from.
    pub place: Place,
    /// When it arrived.
    pub at: Timestamp,
}

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Bearer, ApiError> {
        let text = |name| parts.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let refused = || ApiError::unauthenticated("the bearer token is not a session of this installation");
        let credential = Credential::parse(text(header::AUTHORIZATION)).ok_or_else(refused)?;
        let context = RequestContext::of(&parts.extensions);
        let agent = Label::from_agent(text(header::USER_AGENT).unwrap_or_default());
        let place = Place { origin: origin_of(context.remote), agent };
        Ok(Bearer { credential, place, at: context.at })
    }
}

/// A caller who was let through.
pub(super) struct Caller<'a> {
    pub actor: Actor,
    /// The caller's shop; the house for buyers.
    pub shop: ShopId,
    pub means: Means<'a>,
    pub credential: &'a Credential,
}

impl Caller<'_> {
    /// The buyer, whose account may be shown.
    pub fn awake_buyer(&self) -> Result<&BuyerSession, ApiError> {
        let session = self.buyer()?;
        if session.awake {
            return Ok(session);
        }
        Err(asleep())
    }

    /// The buyer, awake or not.
    pub fn buyer(&self) -> Result<&BuyerSession, ApiError> {
        match &self.actor {
            Actor::Buyer(session) => Ok(session),
            _ => Err(ApiError::forbidden("this is for buyers")),
        }
    }

    /// The member.
    pub fn member(&self) -> Result<&MemberSession, ApiError> {
        match &self.actor {
            Actor::Member(session) => Ok(session),
            _ => Err(ApiError::forbidden("this is for members")),
        }
    }

    /// The token of the session.
    pub fn token(&self) -> Result<&Token, ApiError> {
        match self.credential {
            Credential::Buyer(token) | Credential::Member(token) => Ok(token),
            Credential::Nobody => Err(ApiError::unauthenticated("sign in first")),
        }
    }
}

impl Context {
    /// Lets the caller through to `permission` in their own shop and runs `work` as one writing transaction.
    pub(super) async fn write_as<T: Send + 'static>(
        &self,
        who: Bearer,
        permission: Permission,
        mut work: impl FnMut(&mut Tx<'_>, &Caller<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let cx = self.clone();
        let run = move |tx: &mut Tx<'_>| {
            let caller = admit(tx, &cx, &who, permission)?;
            who.credential.touch(tx, &caller.actor, who.at)?;
            work(tx, &caller)
        };
        self.db.write(run).await
    }

    /// The same for work that reads. The use of the session is noted afterwards, when that is due.
    pub(super) async fn read_as<T: Send + 'static>(
        &self,
        who: Bearer,
        permission: Permission,
        work: impl FnOnce(&mut Tx<'_>, &Caller<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (cx, reader) = (self.clone(), who.clone());
        let read = self.db.read(move |tx| {
            let caller = admit(tx, &cx, &reader, permission)?;
            Ok::<_, ApiError>((work(tx, &caller)?, caller.actor))
        });
        let (found, actor) = read.await?;
        if is_touch_due(&actor) {
            self.db.write(move |tx| who.credential.touch(tx, &actor, who.at)).await?;
        }
        Ok(found)
    }
}

fn admit<'a>(
    tx: &mut Tx<'_>,
    cx: &'a Context,
    who: &'a Bearer,
    permission: Permission,
) -> Result<Caller<'a>, ApiError> {
    let actor = who.credential.actor(tx, who.at)?;
    let shop = actor.home().unwrap_or(ShopId::HOUSE);
    actor.allow(permission, shop)?;
    Ok(Caller { actor, shop, means: cx.means(who.at), credential: &who.credential })
}

fn is_touch_due(actor: &Actor) -> bool {
    match actor {
        Actor::Buyer(session) => session.touch_due,
        Actor::Member(session) => session.touch_due,
        Actor::Anyone | Actor::ApiKey(_) | Actor::Operator | Actor::System => false,
    }
}
