//! Who calls, whether they may, and whether they asked before: checked in the transaction of the work itself.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base::{ApiKeyId, EntryId, ScopedId, ShopId};
use identity::{Actor, Permission, RingKey, Token, TokenKind};
use store::{Key, Tx};
use vault::SubKey;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::idempotency::{self, Answer, Begin, Replayed, Scope, Work};
use webkit::replay;
use webkit::signing::{
    Accepted, KeyRecord, Message, Policy, Presented, REQUEST_TAG, Refusal, Signer, SigningKey, VerifyingKey,
};

use super::{Context, errors};
use crate::screening::Origination;

/// What the caller showed.
enum Credential {
    Nobody,
    Key { key: Arc<RingKey>, accepted: Accepted, label: String },
    Buyer(Token),
    Member(Token),
}

/// A request whose signature, where it has one, is right. Nothing in the database has been asked yet.
pub struct Call {
    context: Context,
    incoming: Arc<Incoming>,
    credential: Arc<Credential>,
    /// Media type of the answer where it is not JSON.
    kind: Option<&'static str>,
}

/// One kind of write.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its name, as in the OpenAPI description; idempotency keys are kept apart by it.
    pub name: &'static str,
    /// What the caller must be allowed to.
    pub permission: Permission,
}

/// What a write answers with.
pub struct Made {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub body: Vec<u8>,
}

impl Made {
    /// A view with its status.
    ///
    /// # Errors
    /// Never for our views; a view that is no JSON is a mistake of ours.
    pub fn new(status: u16, view: &impl serde::Serialize) -> Result<Made, ApiError> {
        let body = serde_json::to_vec(view).map_err(ApiError::internal)?;
        Ok(Made { status, body })
    }
}

/// What a write may use: who calls, for which shop, and the means of a domain function.
pub struct Caller<'a> {
    /// Who.
    pub actor: Actor,
    /// The caller's shop; the house for buyers.
    pub shop: ShopId,
    /// Vault, chance, time.
    pub means: identity::Means<'a>,
    /// Where from.
    pub from: Origination,
    token: Option<&'a Token>,
}

impl Caller<'_> {
    /// The buyer's session, of an account that may be shown: one that was used within five minutes (SES-1).
    ///
    /// # Errors
    /// 401 for everybody else, 403 `session_asleep`.
    pub fn awake_buyer(&self) -> Result<&identity::BuyerSession, ApiError> {
        let session = self.buyer()?;
        if session.awake { Ok(session) } else { Err(identity::routes::asleep()) }
    }

    fn touch(&self, tx: &mut Tx<'_>) -> Result<(), ApiError> {
        match self.token.filter(|_| self.is_touch_due()) {
            Some(token) => identity::touch_session(tx, token, self.means.now).map_err(|e| errors::fault(&e)),
            None => Ok(()),
        }
    }

    fn is_touch_due(&self) -> bool {
        match &self.actor {
            Actor::Buyer(session) => session.touch_due,
            Actor::Member(session) => session.touch_due,
            _ => false,
        }
    }

    /// Lets the buyer's session show the account again, after the right PIN. Writes at most once a minute.
    ///
    /// # Errors
    /// Those of the store.
    pub fn wake(&self, tx: &mut Tx<'_>) -> Result<(), ApiError> {
        match (&self.actor, self.token) {
            (Actor::Buyer(session), Some(token)) if !session.awake || session.touch_due => {
                identity::wake_session(tx, token, self.means.now).map_err(|e| errors::fault(&e))
            }
            _ => Ok(()),
        }
    }

    /// The buyer's session.
    ///
    /// # Errors
    /// 401 for everybody else.
    pub fn buyer(&self) -> Result<&identity::BuyerSession, ApiError> {
        match &self.actor {
            Actor::Buyer(session) => Ok(session),
            _ => Err(ApiError::unauthenticated("a buyer's session is needed")),
        }
    }

    /// The caller as the audit log names them.
    pub fn audit(&self) -> audit::Actor {
        match &self.actor {
            Actor::Buyer(session) => session.buyer.into(),
            Actor::Member(session) => session.member.into(),
            Actor::ApiKey(caller) => caller.key.into(),
            Actor::Operator => audit::Actor::system("operator"),
            Actor::System => audit::Actor::system("system"),
            Actor::Anyone => audit::Actor::unknown(),
        }
    }

    /// Lets the caller through to something of `shop`.
    ///
    /// # Errors
    /// 401, 403, or 404 where it belongs to another shop.
    pub fn allow(&self, permission: Permission, shop: ShopId) -> Result<(), ApiError> {
        self.actor.allow(permission, shop).map_err(errors::denied)
    }
}

impl Call {
    /// Reads a request and verifies its signature, if it has one.
    ///
    /// # Errors
    /// 400 for a malformed signature, 401 for one that is refused.
    pub async fn open(context: &Context, incoming: Incoming) -> Result<Call, ApiError> {
        let credential = if incoming.headers.contains_key("signature-input")
            || incoming.headers.contains_key("signature")
        {
            verify(context, &incoming).await?
        } else {
            bearer(&incoming.headers)?
        };
        Ok(Call {
            context: context.clone(),
            incoming: Arc::new(incoming),
            credential: Arc::new(credential),
            kind: None,
        })
    }

    /// The same call, answered with another media type than JSON.
    #[must_use]
    pub fn answering(self, kind: &'static str) -> Call {
        Call { kind: Some(kind), ..self }
    }

    /// The request.
    pub fn incoming(&self) -> &Incoming {
        &self.incoming
    }

    /// Carries out a write once: the same idempotency key gets the stored answer.
    ///
    /// # Errors
    /// What the gate refuses, and those of `work`. Nothing of a refused request is kept.
    pub async fn write<F>(
        self,
        operation: Operation,
        keys: Vec<Key>,
        mut work: F,
    ) -> Result<Response, ApiError>
    where
        F: FnMut(&mut Tx<'_>, &Caller<'_>) -> Result<Made, ApiError> + Send + 'static,
    {
        let key = self.incoming.idempotency_key()?;
        let print = self.incoming.fingerprint(self.context.identity.vault.hmac_key(SubKey::Fingerprint));
        let (context, incoming, credential) =
            (self.context.clone(), self.incoming.clone(), self.credential.clone());
        let written = self.context.identity.db.write_with(keys, move |tx| {
            let caller = admit(tx, &context, &incoming, &credential, operation.permission, Nonce::Use)?;
            caller.touch(tx)?;
            let scope = Scope { shop: caller.shop, caller: caller.actor.label(), endpoint: operation.name };
            let begun = idempotency::begin(tx, &scope, &key, print, incoming.context.at)?;
            once(tx, begun, |tx| work(tx, &caller))
        });
        match written.await {
            Ok((answer, replayed)) => {
                let body = super::views::with_promise(&self.context.signer, answer.body);
                Ok(self.respond(Answer { body, ..answer }, replayed))
            }
            Err(refused) => self.refuse(refused).await,
        }
    }

    /// Carries out a write that may be repeated without harm, such as a scan.
    ///
    /// # Errors
    /// What the gate refuses, and those of `work`.
    pub async fn write_plain<F>(self, operation: Operation, mut work: F) -> Result<Response, ApiError>
    where
        F: FnMut(&mut Tx<'_>, &Caller<'_>) -> Result<Made, ApiError> + Send + 'static,
    {
        let (context, incoming, credential) =
            (self.context.clone(), self.incoming.clone(), self.credential.clone());
        let made = self.context.identity.db.write(move |tx| {
            let caller = admit(tx, &context, &incoming, &credential, operation.permission, Nonce::Use)?;
            caller.touch(tx)?;
            work(tx, &caller)
        });
        match made.await {
            Ok(made) => Ok(self.respond(Answer { status: made.status, body: made.body }, Replayed::No)),
            Err(refused) => self.refuse(refused).await,
        }
    }

    /// Answers a read. A signed read uses its nonce up first, in a small write of its own, so that what it looks for
    /// never keeps payments waiting.
    ///
    /// # Errors
    /// What the gate refuses, and those of `work`.
    pub async fn read<F>(self, permission: Permission, mut work: F) -> Result<Response, ApiError>
    where
        F: FnMut(&mut Tx<'_>, &Caller<'_>) -> Result<Made, ApiError> + Send + 'static,
    {
        let (context, incoming, credential) =
            (self.context.clone(), self.incoming.clone(), self.credential.clone());
        if matches!(*credential, Credential::Key { .. }) {
            self.use_nonce(permission).await?;
        }
        let read = self.context.identity.db.read(move |tx| {
            let caller = admit(tx, &context, &incoming, &credential, permission, Nonce::Used)?;
            Ok::<_, ApiError>((work(tx, &caller)?, caller.is_touch_due()))
        });
        match read.await {
            Ok((made, touch)) => {
                if touch {
                    self.touch().await?;
                }
                let body = super::views::with_promise(&self.context.signer, made.body);
                Ok(self.respond(Answer { status: made.status, body }, Replayed::No))
            }
            Err(refused) => Ok(self.sign_refusal(&refused)),
        }
    }

    /// Uses the nonce of a signed request up, alone.
    async fn use_nonce(&self, permission: Permission) -> Result<(), ApiError> {
        let (context, incoming, credential) =
            (self.context.clone(), self.incoming.clone(), self.credential.clone());
        let used =
            self.context.identity.db.write(move |tx| {
                admit(tx, &context, &incoming, &credential, permission, Nonce::Use).map(drop)
            });
        match used.await {
            Err(refused) => {
                self.note(&refused).await;
                Err(refused)
            }
            done => done,
        }
    }

    /// Enters a signature that was right and yet refused into the audit log: a copy, or one of a revoked key (SIG-9).
    async fn note(&self, refused: &ApiError) {
        if let Credential::Key { key, .. } = &*self.credential {
            let found = [Refusal::Replayed, Refusal::UnusableKey];
            if let Some(refusal) = found.iter().find(|refusal| refused.cause() == Some(refusal.reason())) {
                note_refusal(&self.context, &self.incoming, Some(key.caller.key), refusal).await;
            }
        }
    }

    /// Answers a refused write. What was refused left nothing behind, so the nonce of its signature is used up now: a
    /// captured copy must not succeed later where the sender was told no (SIG-4).
    async fn refuse(&self, refused: ApiError) -> Result<Response, ApiError> {
        self.note(&refused).await;
        if refused.status().is_client_error()
            && let Credential::Key { key, accepted, .. } = &*self.credential
        {
            let (shop, accepted) = (key.caller.shop, accepted.clone());
            let used = self.context.identity.db.write(move |tx| replay::insert_nonce(tx, shop, &accepted));
            // A replay is refused for having used it before; that stays the answer.
            let _: Result<(), replay::ReplayError> = used.await;
        }
        Ok(self.sign_refusal(&refused))
    }

    /// A refusal, signed where the request was. Failures of ours are left to the edge, which logs them.
    fn sign_refusal(&self, refused: &ApiError) -> Response {
        let plain = refused.clone().into_response();
        let signed = matches!(*self.credential, Credential::Key { .. }) && refused.status().is_client_error();
        let body = serde_json::to_vec(&refused.body(Some(self.incoming.context.id)));
        let (true, Ok(body)) = (signed, body) else { return plain };
        let mut response = self.respond(Answer { status: refused.status().as_u16(), body }, Replayed::No);
        refused.add_headers(&mut response);
        response
    }

    /// Writes down that the session is in use: due once a minute at most.
    async fn touch(&self) -> Result<(), ApiError> {
        let (credential, now) = (self.credential.clone(), self.incoming.context.at);
        let touched = self.context.identity.db.write(move |tx| match &*credential {
            Credential::Buyer(token) | Credential::Member(token) => identity::touch_session(tx, token, now),
            Credential::Nobody | Credential::Key { .. } => Ok(()),
        });
        touched.await.map_err(|e| errors::fault(&e))
    }

    /// The answer; signed where the request was (SIG-8).
    fn respond(&self, answer: Answer, replayed: Replayed) -> Response {
        let mut response = answer.to_response(replayed);
        if let Some(kind) = self.kind.filter(|_| answer.status == 200) {
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        }
        if let Credential::Key { key, accepted, label } = &*self.credential
            && let Ok(parts) = self.incoming.parts()
            && let Ok(secret) = SigningKey::hmac_sha256(key.secret.expose().as_bytes())
        {
            let signer = Signer::new(accepted.key_id.as_str(), secret);
            let now = self.context.identity.clock.now();
            let signed =
                signer.sign_response(answer.status, response.headers_mut(), &answer.body, &parts, label, now);
            if let Err(problem) = signed {
                return ApiError::internal(problem).into_response();
            }
        }
        response
    }
}

/// Does the work if its idempotency key is new.
fn once(
    tx: &mut Tx<'_>,
    begun: Begin,
    work: impl FnOnce(&mut Tx<'_>) -> Result<Made, ApiError>,
) -> Result<(Answer, Replayed), ApiError> {
    match begun.into_work()? {
        Work::Done(answer) => Ok((answer, Replayed::Yes)),
        Work::Do(claim) => {
            let made = work(tx)?;
            claim.finish(tx, made.status, &made.body)?;
            Ok((Answer { status: made.status, body: made.body }, Replayed::No))
        }
    }
}

/// Whether the nonce of a signature is used up here, or was just before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nonce {
    Use,
    Used,
}

/// Asks the database who it is, uses up the nonce, and checks the permission in the caller's own shop.
fn admit<'c>(
    tx: &mut Tx<'_>,
    context: &'c Context,
    incoming: &Incoming,
    credential: &'c Credential,
    permission: Permission,
    nonce: Nonce,
) -> Result<Caller<'c>, ApiError> {
    let now = incoming.context.at;
    let actor = match credential {
        Credential::Nobody => Actor::Anyone,
        Credential::Buyer(token) => {
            Actor::Buyer(identity::require_buyer(tx, token, now).map_err(errors::unauthenticated)?)
        }
        Credential::Member(token) => {
            Actor::Member(identity::require_member(tx, token, now).map_err(errors::unauthenticated)?)
        }
        Credential::Key { key, accepted, .. } => {
            let caller = identity::require_active_key(tx, key.caller.key, now);
            let caller = caller.map_err(|_| ApiError::from(Refusal::UnusableKey))?;
            if nonce == Nonce::Use {
                replay::insert_nonce(tx, caller.shop, accepted)?;
            }
            Actor::ApiKey(caller)
        }
    };
    let shop = actor.home().unwrap_or(ShopId::HOUSE);
    actor.allow(permission, shop).map_err(errors::denied)?;
    let from = Origination { address: incoming.context.remote, place: None };
    let token = match credential {
        Credential::Buyer(token) | Credential::Member(token) => Some(token),
        Credential::Nobody | Credential::Key { .. } => None,
    };
    Ok(Caller { actor, shop, means: context.identity.means(now), from, token })
}

async fn verify(context: &Context, incoming: &Incoming) -> Result<Credential, ApiError> {
    let presented = Presented::read(&incoming.headers, REQUEST_TAG).map_err(Refusal::from)?;
    let presented = presented.ok_or(Refusal::Unsigned)?;
    let named = presented.key_id().and_then(|id| id.parse::<ApiKeyId>().ok());
    let verified = match named {
        Some(id) => verify_with(context, incoming, &presented, id).await?,
        None => Err(Refusal::UnknownKey),
    };
    match verified {
        Ok((key, accepted)) => Ok(Credential::Key { key, accepted, label: presented.label().to_owned() }),
        Err(refusal) => {
            note_refusal(context, incoming, named, &refusal).await;
            Err(refusal.into())
        }
    }
}

/// Verifies a signature with the key it names.
async fn verify_with(
    context: &Context,
    incoming: &Incoming,
    presented: &Presented<'_>,
    id: ApiKeyId,
) -> Result<Result<(Arc<RingKey>, Accepted), Refusal>, ApiError> {
    let identity = &context.identity;
    let found = identity.keys.find(&identity.db, &identity.vault, id, incoming.context.at).await;
    let Some(key) = found.map_err(|e| errors::fault(&e))? else { return Ok(Err(Refusal::UnknownKey)) };
    let secret = VerifyingKey::hmac_sha256(key.secret.expose().as_bytes()).map_err(ApiError::internal)?;
    let message = Message::Request(incoming.parts()?);
    let policy = Policy::of_method(&incoming.method);
    let record = KeyRecord::always(secret);
    let verified = presented.verify(&message, &incoming.body, &record, policy, incoming.context.at);
    Ok(verified.map(|accepted| (key, accepted)))
}

/// Enters a refused signature into the audit log with its true reason, which the caller does not learn (SIG-9). A flood
/// of them is thinned out: the log is not for an attacker to fill.
async fn note_refusal(context: &Context, incoming: &Incoming, key: Option<ApiKeyId>, refusal: &Refusal) {
    let (now, reason) = (incoming.context.at, refusal.reason());
    let bucket = key.map_or("unknown", |_| "known");
    if context.refusals.take(bucket.as_bytes(), now).is_err() {
        return;
    }
    tracing::warn!(key = ?key, reason, "signature refused");
    let shop = key.map_or(ShopId::HOUSE, |key| key.shop());
    let id = EntryId::new(shop, now, &context.identity.dice);
    let (actor, object) =
        (audit::Actor::unknown(), key.map_or(audit::Object::word("request"), audit::Object::from));
    let entry = audit::Entry::new(id, now, actor, SIGNATURE_REFUSED, object, audit::Outcome::Refused)
        .address(incoming.context.remote)
        .request(incoming.context.id)
        .detail("reason", reason);
    let written = context.identity.db.write(move |tx| audit::append(tx, &entry).map(drop)).await;
    if let Err(problem) = written {
        tracing::error!(%problem, "a refused signature could not be entered into the audit log");
    }
}

const SIGNATURE_REFUSED: audit::Action = audit::Action::new("signature.refused");

fn bearer(headers: &HeaderMap) -> Result<Credential, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(Credential::Nobody) };
    let unknown = || ApiError::unauthenticated("the bearer token is not a session of this installation");
    let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(unknown)?;
    if let Some(token) = Token::parse(TokenKind::BuyerSession, token) {
        return Ok(Credential::Buyer(token));
    }
    Token::parse(TokenKind::MemberSession, token).map(Credential::Member).ok_or_else(unknown)
}
