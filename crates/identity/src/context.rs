//! What identity's functions are handed, and what its handlers hold.

use std::sync::Arc;

use base::{Clock, Dice, Timestamp};
use store::Db;
use vault::{Vault, VaultError};
use webkit::error::ApiError;
use webkit::idempotency::Running;
use webkit::throttle::{Rate, Throttle};

use crate::api_keys::ApiKeyRing;
use crate::limits::{
    ANONYMOUS_BURST_MAX, ANONYMOUS_PER_MINUTE_MAX, APP_CALLS_BURST_MAX, APP_CALLS_PER_MINUTE_MAX,
    APP_REFUSALS_BURST_MAX, APP_REFUSALS_PER_MINUTE_MAX, REFUSALS_NOTED_MAX,
};
use crate::members::Place;
use crate::networks::CountryOf;
use crate::outside::Provider;
use crate::passkeys::AttestationPolicy;
use crate::password::{PasswordProfile, PasswordQueue};
use crate::thinning::Thinner;

/// What a domain function is handed beside its transaction: the vault, chance, and the time of the request.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The unlocked vault.
    pub vault: &'a Vault,
    /// The source of chance.
    pub dice: &'a Dice,
    /// The instant the edge took for this request.
    pub now: Timestamp,
}

/// What the handlers of identity hold. Cheap to clone; the program's state hands it out with `FromRef`.
#[derive(Clone)]
pub struct Context {
    /// The database.
    pub db: Db,
    /// The unlocked vault.
    pub vault: Arc<Vault>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where chance comes from.
    pub dice: Dice,
    /// Where passwords are hashed.
    pub passwords: PasswordQueue,
    /// What is asked of members' passwords besides their length.
    pub password_profile: PasswordProfile,
    /// Unsealed API keys.
    pub keys: Arc<ApiKeyRing>,
    /// Writes with an idempotency key that run now.
    pub running: Running,
    /// What callers without an account asked for, by network address.
    pub anonymous: Arc<Throttle>,
    /// What apps that proved who they are ask of the endpoints of OAuth, by app.
    pub app_calls: Arc<Throttle>,
    /// What was refused to apps and to whoever poses as one, by network address.
    pub app_refusals: Arc<Throttle>,
    /// Thins out what refused assertions and proofs of known apps write into the audit log.
    pub app_noise: Arc<Thinner>,
    /// The same of senders who are not known, by network address: their noise hides no app's.
    pub address_noise: Arc<Thinner>,
    /// Thins out what refused signatures write into the audit log.
    pub refusals: Arc<Throttle>,
    /// What links in mails start with, without a slash at the end: `https://pay.shop.example`.
    pub public_url: Arc<str>,
    /// Whether text messages go out: a gateway is set.
    pub sends_texts: bool,
    /// The operator's own provider for members, where there is one.
    pub provider: Option<Arc<Provider>>,
    /// Whose passkeys members may add; anybody's without one.
    pub makers: Option<Arc<AttestationPolicy>>,
    /// Countries of network addresses; knows none where the operator gave no table.
    pub country_of: CountryOf,
}

impl Context {
    /// A context with an empty ring of keys.
    pub fn new(db: Db, vault: Arc<Vault>, clock: Clock, dice: Dice, public_url: &str) -> Context {
        let public_url = public_url.trim_end_matches('/').into();
        let keys = Arc::new(ApiKeyRing::default());
        let rate = Rate { burst: ANONYMOUS_BURST_MAX, per_minute: ANONYMOUS_PER_MINUTE_MAX };
        let anonymous = Arc::new(Throttle::new(rate));
        let apps = Rate { burst: APP_CALLS_BURST_MAX, per_minute: APP_CALLS_PER_MINUTE_MAX };
        let app_refusals = Rate { burst: APP_REFUSALS_BURST_MAX, per_minute: APP_REFUSALS_PER_MINUTE_MAX };
        let refusals = Rate { burst: REFUSALS_NOTED_MAX, per_minute: REFUSALS_NOTED_MAX };
        let refusals = Arc::new(Throttle::new(refusals));
        let passwords = PasswordQueue::default();
        Context {
            db,
            vault,
            clock,
            dice,
            passwords,
            password_profile: PasswordProfile::default(),
            keys,
            running: Running::default(),
            anonymous,
            app_calls: Arc::new(Throttle::new(apps)),
            app_refusals: Arc::new(Throttle::new(app_refusals)),
            app_noise: Arc::default(),
            address_noise: Arc::default(),
            refusals,
            public_url,
            sends_texts: false,
            provider: None,
            makers: None,
            country_of: Arc::new(|_| None),
        }
    }

    /// The same with the operator's own provider for members.
    #[must_use]
    pub fn with_provider(self, provider: Option<Arc<Provider>>) -> Context {
        Context { provider, ..self }
    }

    /// The same with the operator's table of countries.
    #[must_use]
    pub fn with_countries(self, country_of: CountryOf) -> Context {
        Context { country_of, ..self }
    }

    /// Counts a request that needs no account, before anything is done for it. Callers of one network address share a
    /// bucket, and so do all whose address is not known.
    ///
    /// # Errors
    /// 429 with the wait.
    pub fn admit_anonymous(&self, from: &Place, now: Timestamp) -> Result<(), ApiError> {
        self.anonymous.check(from.origin.as_bytes(), now)
    }

    /// The host of this installation, without scheme and port: what codes and keys are bound to.
    pub fn host(&self) -> &str {
        let rest = self.public_url.split_once("://").map_or(&*self.public_url, |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or(rest);
        match host.rsplit_once(':') {
            Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        }
    }

    /// What a domain function needs, at the instant `now`. Take `now` once, outside the closure: a closure may run again.
    pub fn means(&self, now: Timestamp) -> Means<'_> {
        Means { vault: &self.vault, dice: &self.dice, now }
    }
}

/// What is not the caller's fault: the store, the vault or the audit log failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A key is missing or a sealed value was altered.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A stored row makes no sense.
    #[error("a stored {0} cannot be read")]
    Row(&'static str),
}

impl From<vault::SealError> for Fault {
    fn from(error: vault::SealError) -> Fault {
        Fault::Vault(error.into())
    }
}

impl From<vault::OpenError> for Fault {
    fn from(error: vault::OpenError) -> Fault {
        Fault::Vault(error.into())
    }
}

/// Lets an operation's error take in every fault, since each has a variant `Fault(Fault)`.
macro_rules! takes_faults {
    ($($error:ty),*) => {$(
        impl From<$crate::context::Fault> for $error {
            fn from(fault: $crate::context::Fault) -> $error { <$error>::Fault(fault) }
        }
        impl From<store::Error> for $error {
            fn from(error: store::Error) -> $error { <$error>::Fault(error.into()) }
        }
        impl From<vault::VaultError> for $error {
            fn from(error: vault::VaultError) -> $error { <$error>::Fault(error.into()) }
        }
    )*};
}
pub(crate) use takes_faults;
