//! One request that may be signed: opened, carried out once, answered and signed.

use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use store::{Key, Tx};
use vault::SubKey;
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::idempotency::{self, Answer, Begin, Fingerprint, IdempotencyKey, Replayed, Scope, Turn, Work};
use webkit::replay;
use webkit::signing::{Refusal, Signer, SigningKey};

use super::{Asked, Caller, Credential, asker, is_touch_due, signature};
use crate::context::Context;
use crate::oauth::token_key;
use crate::permissions::{Actor, Permission};
use crate::sessions;
use crate::store::api_keys::api_key_key;
use crate::store::sessions::session_key;

/// What an answer of status 200 to 299 goes through after its transaction is durable and before it is signed.
pub type Finish = Arc<dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync>;

/// A request whose signature or proof, where it has one, is right. Whether its caller may come in is not asked yet.
pub struct Call {
    context: Context,
    incoming: Arc<Incoming>,
    credential: Arc<Credential>,
    /// Media type of the answer where it is not JSON.
    kind: Option<&'static str>,
    finish: Option<Finish>,
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
    /// When to come back, for a refusal that is an answer; see [`Caller::made`].
    pub(super) retry_after_seconds: Option<u32>,
}

impl Made {
    /// A body that is no JSON, with status 200.
    pub fn bytes(body: Vec<u8>) -> Made {
        Made { status: 200, body, retry_after_seconds: None }
    }

    /// A view with its status.
    ///
    /// # Errors
    /// Never for our views; a view that is no JSON is a mistake of ours.
    pub fn new(status: u16, view: &impl serde::Serialize) -> Result<Made, ApiError> {
        let body = serde_json::to_vec(view).map_err(ApiError::internal)?;
        Ok(Made { status, body, retry_after_seconds: None })
    }
}

impl Call {
    /// Reads a request and verifies its signature, if it has one.
    ///
    /// # Errors
    /// 400 for a malformed signature, 401 for one that is refused.
    pub async fn open(context: &Context, incoming: Incoming) -> Result<Call, ApiError> {
        let headers = &incoming.headers;
        let signed = headers.contains_key("signature-input") || headers.contains_key("signature");
        let credential = if signed && incoming.peer.is_none() {
            signature::verify(context, &incoming).await?
        } else {
            let (method, path) = (incoming.method.as_str(), incoming.uri.path());
            let asked = Asked { method, path, headers, context: incoming.context };
            Credential::of(context, incoming.peer.clone(), &asked).await?
        };
        Ok(Call {
            context: context.clone(),
            incoming: Arc::new(incoming),
            credential: Arc::new(credential),
            kind: None,
            finish: None,
        })
    }

    /// The same call, answered with another media type than JSON.
    #[must_use]
    pub fn answering(self, kind: &'static str) -> Call {
        Call { kind: Some(kind), ..self }
    }

    /// The same call, whose answers go through `finish`.
    #[must_use]
    pub fn finished_by(self, finish: Finish) -> Call {
        Call { finish: Some(finish), ..self }
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
        let vault = &self.context.vault;
        let older: Vec<_> = vault.hmac_keys(SubKey::Fingerprint).into_iter().skip(1).collect();
        let print = self.incoming.fingerprint(&vault.hmac_key(SubKey::Fingerprint), &older);
        let name = self.credential.name();
        let keys = [keys, self.keys(&name, operation.name, &key)].concat();
        let turn = match self.enter((name, operation.name, &key), &print) {
            Ok(turn) => turn,
            Err(refused) => return self.refuse(refused).await,
        };
        let (context, incoming, credential) = self.shared();
        let written = self.context.db.write_with(keys, move |tx| {
            let caller = admit(tx, &context, &incoming, &credential, operation.permission, Nonce::Use)?;
            caller.touch(tx)?;
            let scope = Scope { shop: caller.shop, caller: asker(&caller.actor), endpoint: operation.name };
            let begun = idempotency::begin(tx, &scope, &key, &print, incoming.context.at)?;
            once(tx, begun, |tx| work(tx, &caller))
        });
        let written = written.await;
        drop(turn);
        match written {
            Ok((answer, replayed)) => Ok(self.respond(self.finish(answer), replayed)),
            Err(refused) => self.refuse(refused).await,
        }
    }

    /// A place among the writes that run now.
    fn enter(
        &self,
        asked: (String, &'static str, &IdempotencyKey),
        print: &Fingerprint,
    ) -> Result<Option<Turn>, ApiError> {
        let nonce = match &*self.credential {
            Credential::Key(signed) => Some(signed.accepted.nonce.as_str()),
            Credential::App(call) => Some(call.proof.single.id_hash.as_str()),
            _ => None,
        };
        self.context.running.enter(asked, print, nonce)
    }

    /// The rows that every write of this call reads; `name` is the credential's.
    fn keys(&self, name: &str, endpoint: &'static str, key: &IdempotencyKey) -> Vec<Key> {
        match &*self.credential {
            Credential::Nobody | Credential::Certificate(_) => Vec::new(),
            Credential::Buyer(_) | Credential::Member(_) => vec![session_key(name)],
            Credential::App(call) => vec![token_key(&call.token)],
            Credential::Key(signed) => {
                let caller = &signed.key.caller;
                let scope = Scope { shop: caller.shop, caller: name.to_owned(), endpoint };
                vec![
                    api_key_key(caller.key),
                    replay::prefetch_key(caller.shop, &signed.accepted),
                    idempotency::prefetch_key(&scope, key),
                ]
            }
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
        let (context, incoming, credential) = self.shared();
        let made = self.context.db.write(move |tx| {
            let caller = admit(tx, &context, &incoming, &credential, operation.permission, Nonce::Use)?;
            caller.touch(tx)?;
            work(tx, &caller)
        });
        match made.await {
            Ok(made) => {
                let wait = made.retry_after_seconds;
                let mut response =
                    self.respond(Answer { status: made.status, body: made.body }, Replayed::No);
                if let Some(seconds) = wait {
                    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                Ok(response)
            }
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
        let (context, incoming, credential) = self.shared();
        if credential.serves_once()
            && let Err(refused) = self.use_nonce(permission).await
        {
            return self.refuse(refused).await;
        }
        let read = self.context.db.read(move |tx| {
            let caller = admit(tx, &context, &incoming, &credential, permission, Nonce::Used)?;
            Ok::<_, ApiError>((work(tx, &caller)?, is_touch_due(&caller.actor)))
        });
        match read.await {
            Ok((made, touch)) => {
                if touch {
                    self.touch().await?;
                }
                let answer = Answer { status: made.status, body: made.body };
                Ok(self.respond(self.finish(answer), Replayed::No))
            }
            Err(refused) => Ok(self.sign_refusal(&refused)),
        }
    }

    fn shared(&self) -> (Context, Arc<Incoming>, Arc<Credential>) {
        (self.context.clone(), Arc::clone(&self.incoming), Arc::clone(&self.credential))
    }

    fn finish(&self, answer: Answer) -> Answer {
        match &self.finish {
            Some(finish) => Answer { body: finish(answer.body), ..answer },
            None => answer,
        }
    }

    /// Uses the nonce of a signed request up, alone.
    async fn use_nonce(&self, permission: Permission) -> Result<(), ApiError> {
        let (context, incoming, credential) = self.shared();
        let used = self.context.db.write(move |tx| {
            let caller = admit(tx, &context, &incoming, &credential, permission, Nonce::Use)?;
            match caller.actor {
                Actor::App(_) => caller.touch(tx),
                _ => Ok(()),
            }
        });
        used.await
    }

    /// Enters a signature that was right and yet refused into the audit log: a copy, or one of a revoked key (SIG-9).
    async fn note(&self, refused: &ApiError) {
        if let Credential::Key(signed) = &*self.credential {
            let found = [Refusal::Replayed, Refusal::UnusableKey];
            if let Some(refusal) = found.iter().find(|refusal| refused.cause() == Some(refusal.reason())) {
                let key = Some(signed.key.caller.key);
                signature::note_refusal(&self.context, &self.incoming, key, refusal).await;
            }
        }
        self.credential.note_copy(&self.context, self.incoming.context.into(), refused).await;
    }

    /// Answers a refused request. What was refused left nothing behind, so the nonce of its signature is used up now: a
    /// captured copy must not succeed later where the sender was told no (SIG-4).
    async fn refuse(&self, refused: ApiError) -> Result<Response, ApiError> {
        self.note(&refused).await;
        if refused.status().is_client_error() && self.credential.serves_once() {
            let (credential, now) = (Arc::clone(&self.credential), self.incoming.context.at);
            let used = self.context.db.write(move |tx| credential.use_up(tx, now));
            // A replay is refused for having used it before; that stays the answer.
            let _: Result<(), ApiError> = used.await;
        }
        Ok(self.sign_refusal(&refused))
    }

    /// A refusal, signed where the request was. Failures of ours are left to the edge, which logs them.
    fn sign_refusal(&self, refused: &ApiError) -> Response {
        let plain = refused.clone().into_response();
        let signed = matches!(*self.credential, Credential::Key(_)) && refused.status().is_client_error();
        let body = serde_json::to_vec(&refused.body(Some(self.incoming.context.id)));
        let (true, Ok(body)) = (signed, body) else { return plain };
        let mut response = self.respond(Answer { status: refused.status().as_u16(), body }, Replayed::No);
        refused.add_headers(&mut response);
        response
    }

    /// Writes down that the session is in use: due once a minute at most.
    async fn touch(&self) -> Result<(), ApiError> {
        let (credential, now) = (Arc::clone(&self.credential), self.incoming.context.at);
        let touched = self.context.db.write(move |tx| match credential.token() {
            Some(token) => sessions::touch_session(tx, token, now),
            None => Ok(()),
        });
        Ok(touched.await?)
    }

    /// The answer; signed where the request was (SIG-8).
    fn respond(&self, answer: Answer, replayed: Replayed) -> Response {
        let mut response = answer.to_response(replayed);
        if let Some(kind) = self.kind.filter(|_| answer.status == 200) {
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        }
        if let Credential::Key(signed) = &*self.credential
            && let Ok(parts) = self.incoming.parts()
            && let Ok(secret) = SigningKey::hmac_sha256(signed.key.secret.expose().as_bytes())
        {
            let signer = Signer::new(signed.accepted.key_id.as_str(), secret);
            let (headers, now) = (response.headers_mut(), self.context.clock.now());
            let done = signer.sign_response(answer.status, headers, &answer.body, &parts, &signed.label, now);
            if let Err(problem) = done {
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

/// Asks the database who it is, uses the nonce up, and checks the permission in the caller's own shop.
fn admit<'c>(
    tx: &mut Tx<'_>,
    context: &'c Context,
    incoming: &Incoming,
    credential: &'c Credential,
    permission: Permission,
    nonce: Nonce,
) -> Result<Caller<'c>, ApiError> {
    let (now, remote) = (incoming.context.at, incoming.context.remote);
    let actor = credential.actor(tx, now)?;
    if nonce == Nonce::Use {
        credential.use_up(tx, now)?;
    }
    Caller::admit(context, credential, actor, permission, (now, remote, incoming.context.id))
}
