//! The one gate: who calls, whether they may, and whether they asked before.
//!
//! Promises:
//! - a session, key, permission, nonce and idempotency key are asked in the transaction of the work itself, so what was
//!   revoked a moment ago opens nothing (AZ-7, C12);
//! - nothing passes without a [`Permission`], and that includes how fresh a person's second factor is (C05, C10);
//! - a signature serves once, also when it was refused for another reason (SIG-4), and each refusal that matters is in
//!   the audit log with its true reason (SIG-9).
//!
//! An app that a member let in ([`crate::oauth`]) shows a token and a proof of its key, and comes through the same doors.
//!
//! Three doors lead to it: [`Bearer`] for operations of people, [`Call`] for operations that systems sign, and
//! [`admit_member`] and [`admit_buyer`] for pages, which read cookies. All three end in [`let_through`].

mod app;
mod call;
mod noting;
mod signature;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use base::{AppId, MemberId, RequestId, ShopId, Timestamp};
use store::Tx;
use webkit::error::ApiError;
use webkit::peer::PeerCertificate;
use webkit::replay;
use webkit::request::RequestContext;
use webkit::signing::{Accepted, Refusal};

use super::errors::{asleep, fault};
use crate::api_keys::{self, RingKey};
use crate::certificates;
use crate::context::{Context, Means};
use crate::members::{Place, origin_of};
use crate::oauth::{self, ProofProblem};
use crate::permissions::{Actor, Permission};
use crate::sessions::{self, AuthError, BuyerSession, MemberSession};
use crate::text::Label;
use crate::token::{Token, TokenKind, key_text};

pub use app::AppCall;
pub(super) use app::one_proof;
use app::{Asked, CallProblem};
pub use call::{Call, Finish, Made, Operation};
use noting::Seen;
pub(super) use noting::{note_assertion, note_proof};

/// What a caller showed.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing.
    Nobody,
    /// A buyer's session.
    Buyer(Token),
    /// A member's session.
    Member(Token),
    /// A signature that is right, of an API key that was in force when it was loaded.
    Key(Arc<Signed>),
    /// The certificate of the channel, its chain checked.
    Certificate(Arc<PeerCertificate>),
    /// An app's token, with a proof of its key that is right.
    App(Arc<AppCall>),
}

/// A signature that was verified.
#[derive(Debug)]
pub struct Signed {
    /// The key.
    pub key: Arc<RingKey>,
    /// What the signature says of itself.
    pub accepted: Accepted,
    /// Its label, which the answer's signature bears too.
    pub label: String,
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

    /// What a caller showed: the certificate of the channel, or else a session or an app's token in the `Authorization`
    /// field.
    async fn of(
        cx: &Context,
        peer: Option<Arc<PeerCertificate>>,
        asked: &Asked<'_>,
    ) -> Result<Credential, ApiError> {
        let headers = asked.headers;
        let Some(present) = peer else {
            if let Some(call) = app::read_call(cx, asked).await? {
                return Ok(Credential::App(Arc::new(call)));
            }
            let field = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or("?"));
            return Credential::parse(field).ok_or_else(unknown_token);
        };
        // One answer to who calls, or a proxy in between and we might each take another.
        let others = ["authorization", "signature", "signature-input"];
        match others.into_iter().find(|name| headers.contains_key(*name)) {
            None => Ok(Credential::Certificate(present)),
            Some(name) => {
                Err(ApiError::bad_field(name, "the client certificate says who calls; leave this out"))
            }
        }
    }

    /// Who it is. Reads only.
    ///
    /// # Errors
    /// 401 for a session or key that opens nothing, or no longer.
    pub fn actor(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Actor, ApiError> {
        Ok(match self {
            Credential::Nobody => Actor::Anyone,
            Credential::Buyer(token) => Actor::Buyer(sessions::require_buyer(tx, token, now)?),
            Credential::Member(token) => Actor::Member(sessions::require_member(tx, token, now)?),
            Credential::Key(signed) => {
                let found = api_keys::require_active_key(tx, signed.key.caller.key, now);
                Actor::ApiKey(found.map_err(|error| match error {
                    AuthError::SignInNeeded => Refusal::UnusableKey.into(),
                    AuthError::Fault(found) => fault(&found),
                })?)
            }
            Credential::Certificate(present) => certificates::require_certificate(tx, present, now)?,
            Credential::App(call) => {
                let found = oauth::require_app(tx, &call.token, &call.proof.thumbprint, now);
                Actor::App(found.map_err(|error| match error {
                    AuthError::SignInNeeded => CallProblem::Token.into(),
                    AuthError::Fault(found) => fault(&found),
                })?)
            }
        })
    }

    /// What tells it from every other, and gives nothing away.
    fn name(&self) -> String {
        match self {
            Credential::Nobody => String::new(),
            Credential::Buyer(token) | Credential::Member(token) => token.hash(),
            Credential::Key(signed) => signed.key.caller.key.to_string(),
            Credential::Certificate(present) => key_text(&present.fingerprint),
            Credential::App(call) => for_member(call.app, call.member),
        }
    }

    /// The token of a session.
    pub fn token(&self) -> Option<&Token> {
        match self {
            Credential::Buyer(token) | Credential::Member(token) => Some(token),
            Credential::Nobody | Credential::Key(_) | Credential::Certificate(_) | Credential::App(_) => None,
        }
    }

    /// Uses up what serves once: the nonce of a signature, or the proof of an app.
    ///
    /// # Errors
    /// 401 when it was used before.
    fn use_up(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), ApiError> {
        match self {
            Credential::Key(signed) => {
                Ok(replay::insert_nonce(tx, signed.key.caller.shop, &signed.accepted)?)
            }
            Credential::App(call) => match oauth::use_up(tx, call.token.shop(), &call.proof.single, now)? {
                true => Ok(()),
                false => Err(CallProblem::Proof(ProofProblem::Used).into()),
            },
            Credential::Nobody
            | Credential::Buyer(_)
            | Credential::Member(_)
            | Credential::Certificate(_) => Ok(()),
        }
    }

    /// Enters the second coming of an app's proof into the audit log.
    async fn note_copy(&self, cx: &Context, seen: Seen, refused: &ApiError) {
        let used = ProofProblem::Used;
        if let Credential::App(call) = self
            && refused.cause() == Some(used.reason())
        {
            note_proof(cx, seen, call.app, used).await;
        }
    }

    /// A refusal, told to an app as one of its token's reach (RFC 6750 §3.1).
    fn narrow(&self, refused: ApiError) -> ApiError {
        match self {
            Credential::App(_) if refused.status() == StatusCode::FORBIDDEN => {
                refused.challenging("insufficient_scope")
            }
            _ => refused,
        }
    }

    /// Whether something of it serves once.
    fn serves_once(&self) -> bool {
        matches!(self, Credential::Key(_) | Credential::App(_))
    }

    /// Notes in a writing transaction that the session or key is in use, when that is due.
    ///
    /// # Errors
    /// Those of the store.
    pub fn touch(&self, tx: &mut Tx<'_>, actor: &Actor, now: Timestamp) -> Result<(), ApiError> {
        match (self.token(), actor) {
            (_, Actor::ApiKey(caller)) if caller.touch_due => {
                api_keys::touch_key(tx, caller.key, now)?;
            }
            (_, Actor::App(caller)) if caller.touch_due => {
                oauth::touch_app(tx, caller.connection, now)?;
            }
            (Some(token), actor) if is_touch_due(actor) => sessions::touch_session(tx, token, now)?,
            _ => {}
        }
        Ok(())
    }
}

/// Whose idempotency keys a request uses. An app has some for each member, whichever connection and token it shows: what is
/// sent again after a new yes is still the same.
fn asker(actor: &Actor) -> String {
    match actor {
        Actor::App(caller) => for_member(caller.app, caller.member),
        other => other.label(),
    }
}

fn for_member(app: AppId, member: MemberId) -> String {
    format!("{app} for {member}")
}

/// Lets `actor` through to `permission` in their own shop, and says which that is: the house for buyers. What belongs to
/// a shop is asked for again with [`Actor::allow`], by the shop it belongs to.
///
/// # Errors
/// 401, 403.
pub fn let_through(actor: &Actor, permission: Permission) -> Result<ShopId, ApiError> {
    let shop = actor.home().unwrap_or(ShopId::HOUSE);
    actor.allow(permission, shop)?;
    Ok(shop)
}

/// The member behind the session of a page, with the right to `permission` in their own shop.
///
/// # Errors
/// 401 when the session opens nothing, 403 without the right.
pub fn admit_member(
    tx: &mut Tx<'_>,
    token: &Token,
    permission: Permission,
    now: Timestamp,
) -> Result<MemberSession, ApiError> {
    let session = sessions::require_member(tx, token, now)?;
    let_through(&Actor::Member(session.clone()), permission)?;
    Ok(session)
}

/// The buyer behind the session of a page, with the right to `permission`.
///
/// # Errors
/// 401 when the session opens nothing, 403 without the right.
pub fn admit_buyer(
    tx: &mut Tx<'_>,
    token: &Token,
    permission: Permission,
    now: Timestamp,
) -> Result<BuyerSession, ApiError> {
    let session = sessions::require_buyer(tx, token, now)?;
    let_through(&Actor::Buyer(session.clone()), permission)?;
    Ok(session)
}

/// A caller who was let through: what a piece of work may use.
pub struct Caller<'a> {
    /// Who.
    pub actor: Actor,
    /// The caller's shop; the house for buyers.
    pub shop: ShopId,
    /// Vault, chance, time.
    pub means: Means<'a>,
    /// The network address, where it is known.
    pub remote: Option<IpAddr>,
    /// The request, to find it in the log.
    pub request: RequestId,
    credential: &'a Credential,
}

impl<'a> Caller<'a> {
    /// Lets `actor`, who showed `credential`, through.
    fn admit(
        cx: &'a Context,
        credential: &'a Credential,
        actor: Actor,
        permission: Permission,
        (now, remote, request): (Timestamp, Option<IpAddr>, RequestId),
    ) -> Result<Caller<'a>, ApiError> {
        let shop = let_through(&actor, permission).map_err(|refused| credential.narrow(refused))?;
        Ok(Caller { actor, shop, means: cx.means(now), remote, request, credential })
    }

    /// A refusal as an answer and not as an error, since what was counted for it must stay.
    ///
    /// # Errors
    /// Those of [`Made::new`].
    pub fn made(&self, refused: &ApiError) -> Result<Made, ApiError> {
        let made = Made::new(refused.status().as_u16(), &refused.body(Some(self.request)))?;
        Ok(Made { retry_after_seconds: refused.retry_after_seconds, ..made })
    }

    /// Lets the caller through to something of `shop`.
    ///
    /// # Errors
    /// 401, 403, or 404 where it belongs to another shop.
    pub fn allow(&self, permission: Permission, shop: ShopId) -> Result<(), ApiError> {
        Ok(self.actor.allow(permission, shop)?)
    }

    /// The buyer, whose account may be shown: used within five minutes (SES-1).
    ///
    /// # Errors
    /// 403 for everybody else, 403 `session_asleep`.
    pub fn awake_buyer(&self) -> Result<&BuyerSession, ApiError> {
        let session = self.buyer()?;
        if session.awake { Ok(session) } else { Err(asleep()) }
    }

    /// The buyer, awake or not.
    ///
    /// # Errors
    /// 401 for nobody, 403 for everybody else.
    pub fn buyer(&self) -> Result<&BuyerSession, ApiError> {
        match &self.actor {
            Actor::Buyer(session) => Ok(session),
            other => Err(self.other_than(other, "this is for buyers")),
        }
    }

    /// The member.
    ///
    /// # Errors
    /// 401 for nobody, 403 for everybody else.
    pub fn member(&self) -> Result<&MemberSession, ApiError> {
        match &self.actor {
            Actor::Member(session) => Ok(session),
            other => Err(self.other_than(other, "this is for members")),
        }
    }

    fn other_than(&self, actor: &Actor, text: &'static str) -> ApiError {
        match actor {
            Actor::Anyone => AuthError::SignInNeeded.into(),
            _ => ApiError::forbidden(text),
        }
    }

    /// The token of the session.
    ///
    /// # Errors
    /// 401 for callers without a session.
    pub fn token(&self) -> Result<&Token, ApiError> {
        self.credential.token().ok_or_else(|| AuthError::SignInNeeded.into())
    }

    /// The certificate of the channel.
    ///
    /// # Errors
    /// 401 for callers without one.
    pub fn certificate(&self) -> Result<&PeerCertificate, ApiError> {
        match self.credential {
            Credential::Certificate(present) => Ok(present),
            _ => Err(ApiError::unauthenticated("show the present certificate, on the listener for machines")),
        }
    }

    /// The caller as the audit log names them.
    pub fn audit(&self) -> audit::Actor {
        (&self.actor).into()
    }

    fn touch(&self, tx: &mut Tx<'_>) -> Result<(), ApiError> {
        self.credential.touch(tx, &self.actor, self.means.now)
    }
}

/// A request of a person: caller, place and time. The body is read by another extractor.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// What the caller showed.
    pub credential: Credential,
    /// Where from.
    pub place: Place,
    /// When it arrived.
    pub at: Timestamp,
    /// The network address, where it is known.
    pub remote: Option<IpAddr>,
    /// The request, to find it in the log.
    pub request: RequestId,
}

impl<S: Sync> FromRequestParts<S> for Bearer
where
    Context: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Bearer, ApiError> {
        let text = |name| parts.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let context = RequestContext::of(&parts.extensions);
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let asked = Asked { method, path, headers: &parts.headers, context };
        let peer = PeerCertificate::of(&parts.extensions);
        let credential = Credential::of(&Context::from_ref(state), peer, &asked).await?;
        let agent = Label::from_agent(text(header::USER_AGENT).unwrap_or_default());
        let session = credential.token().cloned();
        let place = Place { origin: origin_of(context.remote), agent, device: None, session };
        Ok(Bearer { credential, place, at: context.at, remote: context.remote, request: context.id })
    }
}

impl Bearer {
    fn admit<'a>(
        &'a self,
        tx: &mut Tx<'_>,
        cx: &'a Context,
        permission: Permission,
    ) -> Result<Caller<'a>, ApiError> {
        let actor = self.credential.actor(tx, self.at)?;
        Caller::admit(cx, &self.credential, actor, permission, (self.at, self.remote, self.request))
    }
}

fn unknown_token() -> ApiError {
    ApiError::unauthenticated("the bearer token is not a session of this installation")
}

impl Context {
    /// Lets a person through to `permission` in their own shop and runs `work` as one writing transaction.
    ///
    /// # Errors
    /// What the gate refuses, and those of `work`.
    pub async fn write_as<T: Send + 'static>(
        &self,
        who: Bearer,
        permission: Permission,
        mut work: impl FnMut(&mut Tx<'_>, &Caller<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (cx, proof) = (self.clone(), who.clone());
        let run = move |tx: &mut Tx<'_>| {
            let caller = who.admit(tx, &cx, permission)?;
            caller.touch(tx)?;
            work(tx, &caller)
        };
        self.use_up(&proof).await?;
        self.db.write(run).await
    }

    /// Uses the proof of an app up, before anything is looked at: a copy must not succeed where its sender was refused.
    async fn use_up(&self, who: &Bearer) -> Result<(), ApiError> {
        if !who.credential.serves_once() {
            return Ok(());
        }
        let (credential, now) = (who.credential.clone(), who.at);
        let used = self.db.write(move |tx| credential.use_up(tx, now)).await;
        if let Err(refused) = &used {
            let seen = Seen { at: who.at, remote: who.remote, request: who.request };
            who.credential.note_copy(self, seen, refused).await;
        }
        used
    }

    /// The same for work that reads. The use of the session is noted afterwards, when that is due.
    ///
    /// # Errors
    /// What the gate refuses, and those of `work`.
    pub async fn read_as<T: Send + 'static>(
        &self,
        who: Bearer,
        permission: Permission,
        work: impl FnOnce(&mut Tx<'_>, &Caller<'_>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.use_up(&who).await?;
        let (cx, reader) = (self.clone(), who.clone());
        let read = self.db.read(move |tx| {
            let caller = reader.admit(tx, &cx, permission)?;
            Ok::<_, ApiError>((work(tx, &caller)?, caller.actor))
        });
        let (found, actor) = read.await?;
        if is_touch_due(&actor) {
            self.db.write(move |tx| who.credential.touch(tx, &actor, who.at)).await?;
        }
        Ok(found)
    }
}

fn is_touch_due(actor: &Actor) -> bool {
    match actor {
        Actor::Buyer(session) => session.touch_due,
        Actor::Member(session) => session.touch_due,
        Actor::App(caller) => caller.touch_due,
        Actor::Anyone | Actor::ApiKey(_) | Actor::Terminal(_) | Actor::Operator | Actor::System => false,
    }
}
