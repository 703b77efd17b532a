//! Verifying the signature of a request with the API key it names (RFC 9421), and noting what was refused.

use std::sync::Arc;

use base::{ApiKeyId, EntryId, ScopedId, ShopId};
use webkit::body::Incoming;
use webkit::error::ApiError;
use webkit::signing::{Accepted, KeyRecord, Message, Policy, Presented, REQUEST_TAG, Refusal, VerifyingKey};

use super::noting::enter;
use super::{Credential, Signed};
use crate::api_keys::RingKey;
use crate::context::Context;

const SIGNATURE_REFUSED: audit::Action = audit::Action::new("signature.refused");

/// What a signed request shows.
///
/// # Errors
/// 400 for a malformed signature, 401 for one that is refused.
pub(super) async fn verify(context: &Context, incoming: &Incoming) -> Result<Credential, ApiError> {
    let presented = Presented::read(&incoming.headers, REQUEST_TAG).map_err(Refusal::from)?;
    let presented = presented.ok_or(Refusal::Unsigned)?;
    let named = presented.key_id().and_then(|id| id.parse::<ApiKeyId>().ok());
    let verified = match named {
        Some(id) => verify_with(context, incoming, &presented, id).await?,
        None => Err(Refusal::UnknownKey),
    };
    match verified {
        Ok((key, accepted)) => {
            let label = presented.label().to_owned();
            Ok(Credential::Key(Arc::new(Signed { key, accepted, label })))
        }
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
    let found = context.keys.find(&context.db, &context.vault, id, incoming.context.at).await;
    let Some(key) = found? else { return Ok(Err(Refusal::UnknownKey)) };
    let secret = VerifyingKey::hmac_sha256(key.secret.expose().as_bytes()).map_err(ApiError::internal)?;
    let message = Message::Request(incoming.parts()?);
    let policy = Policy::of_method(&incoming.method);
    let record = KeyRecord::always(secret);
    let verified = presented.verify(&message, &incoming.body, &record, policy, incoming.context.at);
    Ok(verified.map(|accepted| (key, accepted)))
}

/// Enters a refused signature into the audit log with its true reason, which the caller does not learn (SIG-9). A flood
/// of them is thinned out: the log is not for an attacker to fill.
pub(super) async fn note_refusal(
    context: &Context,
    incoming: &Incoming,
    key: Option<ApiKeyId>,
    refusal: &Refusal,
) {
    let (now, reason) = (incoming.context.at, refusal.reason());
    let bucket = key.map_or("unknown", |_| "known");
    if context.refusals.take(bucket.as_bytes(), now).is_err() {
        return;
    }
    tracing::warn!(key = ?key, reason, "signature refused");
    let shop = key.map_or(ShopId::HOUSE, |key| key.shop());
    let id = EntryId::new(shop, now, &context.dice);
    let (actor, object) =
        (audit::Actor::unknown(), key.map_or(audit::Object::word("request"), audit::Object::from));
    let entry = audit::Entry::new(id, now, actor, SIGNATURE_REFUSED, object, audit::Outcome::Refused)
        .address(incoming.context.remote)
        .request(incoming.context.id)
        .detail("reason", reason);
    enter(context, entry).await;
}
