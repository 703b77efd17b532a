//! Talking to the provider: where its doors are, its keys, and trading the code of a sign-in for the ID token.
//!
//! Only the addresses of the settings and of the provider's own description are asked, over `https`, or over `http` for a
//! provider on this machine; redirects are not followed, answers are bounded in size and time. Nothing here holds a
//! transaction.

use std::sync::Arc;
use std::time::Duration;

use base::{Secret, Timestamp};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::JwkSet;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::id_token::{self, ALGORITHMS, Claims, Expected, Logout, TokenProblem};
use crate::limits::{
    PROVIDER_ANSWER_BYTES_MAX, PROVIDER_KEEP_SECONDS, PROVIDER_KEYS_EVERY_SECONDS, PROVIDER_SECONDS_MAX,
    STEP_UP_SECONDS,
};

pub mod fuzz;

/// How the operator's provider is reached and what it is worth.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Its issuer, exactly as it says itself: `https://id.shop.example`.
    pub issuer: String,
    /// What it knows us by.
    pub client_id: String,
    /// What we prove that with; without one PKCE stands alone.
    pub client_secret: Option<Secret<String>>,
    /// What people call it, for the button.
    pub label: String,
    /// The `acr` and `amr` values that count as a second factor.
    pub second_factors: Vec<String>,
}

/// Why a sign-in at the provider failed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// An address that may not be asked.
    #[error("`{0}` must be https://, or http:// on this machine for a provider on this machine")]
    Address(String),
    /// The provider cannot be asked at all.
    #[error("cannot prepare to ask the provider: {0}")]
    Client(String),
    /// No answer, or none that can be read.
    #[error("the provider does not answer as it should: {0}")]
    Answer(String),
    /// It says it is another.
    #[error("the provider calls itself `{0}`, and not by the issuer in the settings")]
    OtherIssuer(String),
    /// It signs by no algorithm that we take.
    #[error("the provider signs ID tokens by no algorithm that is taken")]
    NoAlgorithm,
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenProblem),
}

/// What the provider says of itself (OpenID Connect Discovery).
#[derive(Clone, Debug, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    id_token_signing_alg_values_supported: Vec<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

#[derive(Default)]
struct Known {
    discovery: Option<(Arc<Discovery>, Timestamp)>,
    keys: Option<(Arc<JwkSet>, Timestamp)>,
}

/// One sign-in as the provider gets it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Where it sends people back to.
    pub redirect_url: &'a str,
    /// Comes back with the code.
    pub state: &'a str,
    /// Comes back in the token.
    pub nonce: &'a str,
    /// PKCE: what the code is bound to.
    pub verifier: &'a str,
}

/// The operator's provider.
pub struct Provider {
    settings: ProviderSettings,
    client: Client,
    loopback: bool,
    known: Mutex<Known>,
}

impl Provider {
    /// Checks the settings. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ProviderError::Address`], [`ProviderError::Client`].
    pub fn new(settings: ProviderSettings) -> Result<Provider, ProviderError> {
        let issuer = check_address(&settings.issuer, true)?;
        let loopback = issuer.scheme() == "http";
        let seconds = Duration::from_secs(PROVIDER_SECONDS_MAX);
        let client = Client::builder().redirect(Policy::none()).timeout(seconds).connect_timeout(seconds);
        let client = client.no_proxy().build().map_err(|error| ProviderError::Client(error.to_string()))?;
        Ok(Provider { settings, client, loopback, known: Mutex::default() })
    }

    /// How it is set up.
    pub fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Where to send the browser for this sign-in.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn sign_in_url(&self, request: Request<'_>, now: Timestamp) -> Result<String, ProviderError> {
        let discovery = self.discover(now).await?;
        let mut url = check_address(&discovery.authorization_endpoint, self.loopback)?;
        let challenge = super::challenge_of(request.verifier);
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", request.redirect_url)
            .append_pair("scope", "openid email")
            .append_pair("state", request.state)
            .append_pair("nonce", request.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if !self.settings.second_factors.is_empty() {
            // A second factor that was given there long ago would open little here: the provider asks for it again.
            url.query_pairs_mut().append_pair("max_age", &STEP_UP_SECONDS.to_string());
        }
        Ok(url.into())
    }

    /// Trades the code for the ID token and checks it.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn redeem(
        &self,
        code: &str,
        request: Request<'_>,
        now: Timestamp,
    ) -> Result<Claims, ProviderError> {
        let discovery = self.discover(now).await?;
        let url = check_address(&discovery.token_endpoint, self.loopback)?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", request.redirect_url),
            ("client_id", self.settings.client_id.as_str()),
            ("code_verifier", request.verifier),
        ];
        let methods = &discovery.token_endpoint_auth_methods_supported;
        let has = |name: &str| methods.iter().any(|method| method == name);
        let mut ask = self.client.post(url);
        if let Some(secret) = &self.settings.client_secret {
            if has("client_secret_post") && !has("client_secret_basic") {
                form.push(("client_secret", secret.expose()));
            } else {
                ask = ask.basic_auth(percent(&self.settings.client_id), Some(percent(secret.expose())));
            }
        }
        let answer: TokenAnswer = read(ask.form(&form)).await?;
        self.check(&answer.id_token, request.nonce, &discovery, now).await
    }

    /// Reads a token by which the provider ends somebody's sessions.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn read_logout(&self, token: &str, now: Timestamp) -> Result<Logout, ProviderError> {
        let discovery = self.discover(now).await?;
        let algorithms = algorithms_of(&discovery)?;
        let (issuer, client_id) = (self.settings.issuer.as_str(), self.settings.client_id.as_str());
        let expected = Expected { issuer, client_id, nonce: "", algorithms: &algorithms, now };
        self.check_with(&discovery, now, |keys| id_token::check_logout(token, keys, expected)).await
    }

    async fn check(
        &self,
        token: &str,
        nonce: &str,
        discovery: &Discovery,
        now: Timestamp,
    ) -> Result<Claims, ProviderError> {
        let algorithms = algorithms_of(discovery)?;
        let (issuer, client_id) = (self.settings.issuer.as_str(), self.settings.client_id.as_str());
        let expected = Expected { issuer, client_id, nonce, algorithms: &algorithms, now };
        self.check_with(discovery, now, |keys| id_token::check(token, keys, expected)).await
    }

    /// Checks with the keys at hand. The provider may have turned them: where one is not known they are asked for again, not
    /// more than once a minute.
    async fn check_with<T>(
        &self,
        discovery: &Discovery,
        now: Timestamp,
        check: impl Fn(&JwkSet) -> Result<T, TokenProblem>,
    ) -> Result<T, ProviderError> {
        let keys = self.keys(discovery, now, PROVIDER_KEEP_SECONDS).await?;
        match check(&keys) {
            Err(TokenProblem::UnknownKey) => {
                let keys = self.keys(discovery, now, PROVIDER_KEYS_EVERY_SECONDS).await?;
                Ok(check(&keys)?)
            }
            other => Ok(other?),
        }
    }

    async fn discover(&self, now: Timestamp) -> Result<Arc<Discovery>, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some((discovery, at)) = &known.discovery
            && now < at.plus_seconds(PROVIDER_KEEP_SECONDS)
        {
            return Ok(Arc::clone(discovery));
        }
        let issuer = self.settings.issuer.trim_end_matches('/');
        let url = check_address(&format!("{issuer}/.well-known/openid-configuration"), self.loopback)?;
        let discovery: Discovery = read(self.client.get(url)).await?;
        if discovery.issuer != self.settings.issuer {
            return Err(ProviderError::OtherIssuer(discovery.issuer));
        }
        algorithms_of(&discovery)?;
        let discovery = Arc::new(discovery);
        known.discovery = Some((Arc::clone(&discovery), now));
        Ok(discovery)
    }

    /// The provider's keys, no older than `age_seconds`.
    async fn keys(
        &self,
        discovery: &Discovery,
        now: Timestamp,
        age_seconds: i64,
    ) -> Result<Arc<JwkSet>, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some((keys, at)) = &known.keys
            && now < at.plus_seconds(age_seconds)
        {
            return Ok(Arc::clone(keys));
        }
        let url = check_address(&discovery.jwks_uri, self.loopback)?;
        let keys: Arc<JwkSet> = Arc::new(read(self.client.get(url)).await?);
        known.keys = Some((Arc::clone(&keys), now));
        Ok(keys)
    }
}

/// An address that may be asked: `https`, or `http` on this machine where that is allowed.
fn check_address(text: &str, loopback: bool) -> Result<Url, ProviderError> {
    let refused = || ProviderError::Address(text.to_owned());
    let url = Url::parse(text).map_err(|_| refused())?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let allowed = url.scheme() == "https" || (url.scheme() == "http" && here && loopback);
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if allowed && bare { Ok(url) } else { Err(refused()) }
}

/// What is on our list and the provider's; RS256, which every provider has, where it says nothing.
fn algorithms_of(discovery: &Discovery) -> Result<Vec<Algorithm>, ProviderError> {
    let named = &discovery.id_token_signing_alg_values_supported;
    if named.is_empty() {
        return Ok(vec![Algorithm::RS256]);
    }
    let found: Vec<Algorithm> = ALGORITHMS
        .iter()
        .filter(|(_, name)| named.iter().any(|known| known == name))
        .map(|(algorithm, _)| *algorithm)
        .collect();
    if found.is_empty() { Err(ProviderError::NoAlgorithm) } else { Ok(found) }
}

/// Asks, and reads a JSON answer of bounded size.
async fn read<T: DeserializeOwned>(ask: RequestBuilder) -> Result<T, ProviderError> {
    let refused = |why: String| ProviderError::Answer(why);
    let mut answer = ask.send().await.map_err(|error| refused(error.without_url().to_string()))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(refused(format!("status {status}")));
    }
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| refused(error.without_url().to_string()))? {
        if bytes.len() + part.len() > PROVIDER_ANSWER_BYTES_MAX {
            return Err(refused(format!("more than {PROVIDER_ANSWER_BYTES_MAX} bytes")));
        }
        bytes.extend_from_slice(&part);
    }
    // The error of the parser could repeat the answer, so it is not shown.
    serde_json::from_slice(&bytes).map_err(|_| refused("not the JSON that is expected".to_owned()))
}

/// As RFC 6749 §2.3.1 wants name and secret inside of `Basic`.
fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oi_1_only_https_and_this_machine_are_asked() {
        for good in ["https://id.example", "https://id.example:8443/realms/shop"] {
            assert!(check_address(good, false).is_ok(), "{good}");
        }
        for here in ["http://localhost:9000", "http://127.0.0.1:9000/x", "http://[::1]:9000"] {
            assert!(check_address(here, true).is_ok() && check_address(here, false).is_err(), "{here}");
        }
        for bad in [
            "http://id.example",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            "id.example",
            "",
            "https://user:word@id.example",
            "http://localhost.example",
            "https://id.example/#x",
        ] {
            assert!(check_address(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn jwt_1_the_algorithms_are_those_on_both_lists() {
        let with = |named: &[&str]| {
            algorithms_of(&Discovery {
                issuer: String::new(),
                authorization_endpoint: String::new(),
                token_endpoint: String::new(),
                jwks_uri: String::new(),
                id_token_signing_alg_values_supported: named.iter().map(|name| (*name).to_owned()).collect(),
                token_endpoint_auth_methods_supported: Vec::new(),
            })
        };
        assert_eq!(with(&[]).unwrap(), [Algorithm::RS256]);
        assert_eq!(with(&["none", "HS256", "ES256", "RS256"]).unwrap(), [Algorithm::RS256, Algorithm::ES256]);
        assert!(matches!(with(&["none", "HS256", "RS1"]), Err(ProviderError::NoAlgorithm)));
    }

    #[test]
    fn names_and_secrets_are_spelled_as_forms_want_them() {
        assert_eq!(percent("a-b_c.d~e"), "a-b_c.d~e");
        assert_eq!(percent("a:b c/é"), "a%3Ab%20c%2F%C3%A9");
    }
}
