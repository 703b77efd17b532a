//! Connected apps: somebody else's software at a shop's API, without a key handed over (OI-2).
//!
//! Tillward is the authorization server for its own `/v1` alone, after the FAPI 2.0 Security Profile: pushed requests
//! (RFC 9126), PKCE S256 (RFC 7636), apps that prove themselves by a signed assertion (RFC 7523), tokens bound to a key
//! that signs each call (DPoP, RFC 9449), the issuer in the answer (RFC 9207).
//!
//! Promises:
//! - nothing is reachable this way before an owner registers an app, with its exact addresses, its public keys and the
//!   most it may ever do;
//! - what a token opens is what the app may have, of that what the member allowed, and of that what the member may do at
//!   the moment of the call; never what only people may do, and never a card's number or a customer's open data;
//! - a code, a pushed request, an assertion and a proof serve once; a code that comes a second time ends what came of the
//!   first;
//! - tokens and codes are known here by their hash; keys are the app's public ones;
//! - a member who leaves, a role that is taken and an app that is disconnected count with the next call;
//! - what ends all sessions of a member because somebody else may have been in them (a forgotten password set anew, factors
//!   set up anew, a suspension) ends what they allowed; while a listed password must be changed, their apps wait.
//!
//! No implicit grant, no password grant, and no grant without a member (`client_credentials`): a shop's own servers have
//! signed keys and certificates for that. Refresh tokens are not rotated: each use of one takes the app's signed
//! assertion, so a copy alone is worth nothing, and a rotation lost on the way would cut honest apps off (FAPI 2.0
//! §5.3.2.1). Nonces of the server's own are not asked for in proofs: a proof serves once and for a minute, so what they
//! would add is protection from proofs made ahead by whoever holds the key for a moment, at the price of a round trip.
//!
//! Reading order: `webkit::jose`, `proof.rs`, `assertion.rs`, `apps.rs`, `requests.rs`, `consent.rs`, `tokens.rs`.

use base::{ShopId, Timestamp};
use store::Tx;
use webkit::replay::{self, ReplayError};
use webkit::signing::Accepted;

use crate::context::{Fault, Means};
use crate::limits::{APP_CODE_KEPT_SECONDS, APP_ENDED_KEPT_SECONDS};
use crate::permissions::Permission;
use crate::store::apps as rows;

mod apps;
mod assertion;
mod consent;
pub mod fuzz;
mod proof;
mod requests;
mod tokens;

pub use apps::{
    App, AppError, AppProblem, Connection, NewApp, disconnect, find_active_app, is_for_apps, list_apps,
    register_app, remove_app,
};
pub use assertion::{AssertionProblem, assertion_subject, check_assertion};
pub use consent::{ConsentError, Decided, Question, allow_request, decline_request, find_question};
pub use proof::{Proof, ProofProblem, Proven, check_proof};
pub use requests::{PushedRequest, REQUEST_URI_PREFIX, push_request, read_fields, read_request};
pub use tokens::{
    AccessToken, Holder, Issued, Redeemed, find_holder, redeem_code, refresh, require_app, revoke, token_key,
    touch_app,
};

pub(crate) use apps::{disconnect_own, end_connections_of, list_own_connections};

/// Why an endpoint of OAuth refused: a word of the standards, and what a developer should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// The word.
    pub error: RefusalWord,
    /// What is wrong, without anything that was sent.
    pub text: &'static str,
}

impl Refusal {
    /// A refusal.
    pub const fn new(error: RefusalWord, text: &'static str) -> Refusal {
        Refusal { error, text }
    }
}

/// Error codes of RFC 6749 §5.2, RFC 9126 §2.3 and RFC 9449 §5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalWord {
    /// A parameter is missing, doubled or malformed.
    InvalidRequest,
    /// The app did not prove who it is.
    InvalidClient,
    /// The code or refresh token opens nothing.
    InvalidGrant,
    /// More is asked than the app may have.
    InvalidScope,
    /// The proof of the key is wrong, or was used.
    InvalidProof,
    /// Another grant than the two there are.
    UnsupportedGrant,
    /// Another answer than a code.
    UnsupportedResponse,
}

impl RefusalWord {
    /// The word as the standards write it.
    pub fn name(self) -> &'static str {
        match self {
            RefusalWord::InvalidRequest => "invalid_request",
            RefusalWord::InvalidClient => "invalid_client",
            RefusalWord::InvalidGrant => "invalid_grant",
            RefusalWord::InvalidScope => "invalid_scope",
            RefusalWord::InvalidProof => "invalid_dpop_proof",
            RefusalWord::UnsupportedGrant => "unsupported_grant_type",
            RefusalWord::UnsupportedResponse => "unsupported_response_type",
        }
    }
}

/// A permission as a word of `scope`, where no blank may stand.
pub fn scope_of(permission: Permission) -> String {
    permission.name().replace(' ', "_")
}

/// The permission that a word of `scope` names, of those that an app may have.
pub fn from_scope(word: &str) -> Option<Permission> {
    Permission::from_name(&word.replace('_', " "))
        .filter(|found| is_for_apps(*found) && scope_of(*found) == word)
}

/// Something signed that serves once: an assertion or a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleUse {
    /// By whom: an app, or the thumbprint of a key.
    pub signer: String,
    /// The hash of its `jti`.
    pub id_hash: String,
    /// After this it is stale by itself.
    pub forget_at: Timestamp,
}

/// Uses `single` up in `shop`; `false` when it was used before.
///
/// # Errors
/// [`Fault`] alone.
pub fn use_up(tx: &mut Tx, shop: ShopId, single: &SingleUse, now: Timestamp) -> Result<bool, Fault> {
    let accepted = Accepted {
        key_id: single.signer.clone(),
        nonce: single.id_hash.clone(),
        created: now,
        forget_at: single.forget_at,
    };
    match replay::insert_nonce(tx, shop, &accepted) {
        Ok(()) => Ok(true),
        // A conflict: another node used it up between our look and our write.
        Err(ReplayError::Refused(_) | ReplayError::Store(store::Error::Conflict(_))) => Ok(false),
        Err(ReplayError::Store(error)) => Err(error.into()),
    }
}

/// Forgets requests, codes, tokens, connections and apps that ended, up to `limit`; returns how many. A used code is
/// remembered a while longer, so that its second coming is noticed; what the log's newer entries name is kept
/// [`APP_ENDED_KEPT_SECONDS`].
///
/// # Errors
/// [`Fault`] alone.
pub(crate) fn sweep_apps(tx: &mut Tx, means: &Means<'_>, limit: usize) -> Result<usize, Fault> {
    let requests = rows::list_ended_requests(tx, means.now, limit)?;
    for (shop, hash) in &requests {
        rows::delete_request(tx, *shop, hash)?;
    }
    let mut gone = requests.len();
    let codes = rows::list_ended_codes(tx, means.now.plus_seconds(-APP_CODE_KEPT_SECONDS), limit - gone)?;
    for (shop, hash) in &codes {
        rows::delete_code(tx, *shop, hash)?;
    }
    gone += codes.len();
    let tokens = rows::list_ended_tokens(tx, means.now, limit - gone)?;
    for (shop, hash) in &tokens {
        rows::delete_token(tx, *shop, hash)?;
    }
    gone += tokens.len();
    let before = means.now.plus_seconds(-APP_ENDED_KEPT_SECONDS);
    let connections = rows::list_ended_connections(tx, before, limit - gone)?;
    for id in &connections {
        rows::delete_connection(tx, *id)?;
    }
    gone += connections.len();
    let apps = rows::list_ended_apps(tx, before, limit - gone)?;
    for id in &apps {
        rows::delete_app(tx, *id)?;
    }
    Ok(gone + apps.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oi_2_scopes_are_the_permissions_of_keys_without_those_that_open_data() {
        let all: Vec<String> = Permission::ALL
            .iter()
            .filter(|found| is_for_apps(**found))
            .map(|found| scope_of(*found))
            .collect();
        assert_eq!(
            all.join(" "),
            "view_shop view_payments take_payments manage_codes settle_payments refund request_decision \
             view_customers manage_customers create_tokens"
        );
        for permission in Permission::ALL {
            let read = from_scope(&scope_of(*permission));
            assert_eq!(read, Some(*permission).filter(|found| is_for_apps(*found)), "{}", permission.name());
        }
        assert_eq!(from_scope("view payments"), None);
    }
}
