//! Root keys in the transit engine of HashiCorp Vault or OpenBao: `encrypt`, `decrypt`, `rewrap`, and the versions of one
//! key.
//!
//! The root key is a version of the transit key; it never leaves the service. What is encrypted there is a key of ours
//! behind a tag of its name, so that one wrapped key cannot pass for another, also not after a `rewrap`. A transit key
//! that may be exported or backed up in plain text is refused. The address is https, with a pinned authority where one
//! is given; plain http is taken on this machine alone. The token is read from its file for each call, so an agent may
//! renew it.
//!
//! Each call has a runtime and connection of its own: calls are a handful at a start and at a rotation.

use std::path::PathBuf;
use std::time::Duration;

use base::{Dice, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Certificate, Client, Method, StatusCode, Url};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{KeyName, KeySource, RootName, SourceError, SourceKind, of_secret_file, tagged, untag};
use crate::keys::KeyBytes;
use crate::limits::{
    CA_FILE_BYTES_MAX, SECRET_FILE_BYTES_MAX, TRANSIT_ANSWER_BYTES_MAX, TRANSIT_CONNECT_MS_MAX,
    TRANSIT_TOTAL_MS_MAX,
};
use crate::secret_file::read_secret_file;

const KEY_TYPE: &str = "aes256-gcm96";

/// Which service and which key.
#[derive(Clone, Debug)]
pub struct TransitSettings {
    /// `https://bao.shop.example:8200`.
    pub url: String,
    /// Where the engine is mounted, usually `transit`.
    pub mount: String,
    /// The name of the key.
    pub key: String,
    /// The file that holds the token, readable by its owner only.
    pub token_file: PathBuf,
    /// PEM file with the authority of the service's certificate; no other one is believed then.
    pub ca_file: Option<PathBuf>,
}

/// Root keys in a transit engine.
pub struct TransitSource {
    settings: TransitSettings,
    base: Url,
    authorities: Option<Vec<Certificate>>,
}

impl TransitSource {
    /// Checks the settings and asks the service for the key.
    ///
    /// # Errors
    /// [`SourceError::File`] for files and address, [`SourceError::Weak`] for a key that could be taken out, and those
    /// of a call.
    pub fn open(settings: TransitSettings) -> Result<TransitSource, SourceError> {
        let base = check_url(&settings.url)?;
        for (what, name) in [("mount", &settings.mount), ("key", &settings.key)] {
            check_name(what, name)?;
        }
        let authorities = settings.ca_file.as_ref().map(read_authorities).transpose()?;
        let source = TransitSource { settings, base, authorities };
        source.newest()?;
        Ok(source)
    }

    fn name(&self, version: u64) -> RootName {
        RootName::new(format!("transit/{}/{}/{version}", self.settings.mount, self.settings.key))
    }

    fn version_of(&self, root: &RootName) -> Result<u64, SourceError> {
        let prefix = format!("transit/{}/{}/", self.settings.mount, self.settings.key);
        let version = root.as_str().strip_prefix(&prefix).and_then(|version| version.parse().ok());
        version.ok_or_else(|| SourceError::UnknownRoot(root.to_string()))
    }

    fn read_key(&self) -> Result<Value, SourceError> {
        self.call(Method::GET, &format!("keys/{}", self.settings.key), &Value::Null)
    }

    /// The newest version, after a look at what the key allows.
    fn newest(&self) -> Result<u64, SourceError> {
        let answer = self.read_key()?;
        let refused = |why| Err(SourceError::Weak { name: self.settings.key.clone(), why });
        let is = |name: &str| answer.pointer(&format!("/data/{name}")).and_then(Value::as_bool);
        if is("exportable") != Some(false) {
            return refused("it may be exported from the service (exportable)");
        }
        if is("allow_plaintext_backup") != Some(false) {
            return refused("it may be backed up in plain text (allow_plaintext_backup)");
        }
        if is("derived") == Some(true) {
            return refused("it wants a context with each call (derived)");
        }
        if answer.pointer("/data/type").and_then(Value::as_str) != Some(KEY_TYPE) {
            return refused("its type is not aes256-gcm96");
        }
        let version = answer.pointer("/data/latest_version").and_then(Value::as_u64);
        version.ok_or_else(|| unexpected("its answer names no version"))
    }

    fn ciphertext(&self, answer: &Value, version: u64) -> Result<Vec<u8>, SourceError> {
        let text = answer.pointer("/data/ciphertext").and_then(Value::as_str);
        let text = text.filter(|text| text.starts_with(&format!("vault:v{version}:")));
        let text = text.ok_or_else(|| unexpected("its answer holds no ciphertext of the wanted version"))?;
        Ok(text.as_bytes().to_vec())
    }

    fn post(&self, what: &str, body: &Value) -> Result<Value, SourceError> {
        self.call(Method::POST, &format!("{what}/{}", self.settings.key), body)
    }

    fn call(&self, method: Method, path: &str, body: &Value) -> Result<Value, SourceError> {
        let file = &self.settings.token_file;
        let token = read_secret_file(file, SECRET_FILE_BYTES_MAX)
            .map_err(|why| of_secret_file("token", file, &why))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| SourceError::Unreachable(e.to_string()))?;
        let (status, answer) = runtime.block_on(self.ask(method, path, body, &token))?;
        if status.is_success() { Ok(answer) } else { Err(refusal(status, &answer)) }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        token: &Secret<String>,
    ) -> Result<(StatusCode, Value), SourceError> {
        let url = self.base.join(&format!("v1/{}/{path}", self.settings.mount)).map_err(|e| away(&e))?;
        let mut request = self.client()?.request(method, url).header("X-Vault-Token", token.expose());
        if !body.is_null() {
            request = request.json(body);
        }
        // The address of the request is left out of messages: it is in the settings, and nothing else may slip in.
        let mut response = request.send().await.map_err(|e| away(&e.without_url()))?;
        let status = response.status();
        let mut raw = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|e| away(&e.without_url()))? {
            if raw.len() + chunk.len() > TRANSIT_ANSWER_BYTES_MAX {
                return Err(unexpected("its answer is too long"));
            }
            raw.extend_from_slice(&chunk);
        }
        if raw.is_empty() {
            return Ok((status, Value::Null));
        }
        let parsed = serde_json::from_slice(&raw);
        match parsed {
            Ok(answer) => Ok((status, answer)),
            Err(_) if !status.is_success() => Ok((status, Value::Null)),
            Err(_) => Err(unexpected("its answer is not JSON")),
        }
    }

    fn client(&self) -> Result<Client, SourceError> {
        let mut builder = Client::builder()
            .connect_timeout(Duration::from_millis(TRANSIT_CONNECT_MS_MAX))
            .timeout(Duration::from_millis(TRANSIT_TOTAL_MS_MAX))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(authorities) = &self.authorities {
            builder = builder.tls_certs_only(authorities.iter().cloned());
        }
        builder.build().map_err(|e| away(&e))
    }
}

impl KeySource for TransitSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Transit
    }

    fn first(&self, _: &Dice) -> Result<RootName, SourceError> {
        Ok(self.name(self.newest()?))
    }

    fn next(&self, after: &RootName, _: &Dice) -> Result<RootName, SourceError> {
        let after = self.version_of(after)?;
        let mut newest = self.newest()?;
        if newest <= after {
            let path = format!("keys/{}/rotate", self.settings.key);
            self.call(Method::POST, &path, &json!({}))?;
            newest = self.newest()?;
        }
        if newest <= after {
            return Err(unexpected("it rotated the key and shows no newer version"));
        }
        Ok(self.name(newest))
    }

    fn wrap(
        &self,
        root: &RootName,
        what: KeyName<'_>,
        key: &KeyBytes,
        _: &Dice,
    ) -> Result<Vec<u8>, SourceError> {
        let version = self.version_of(root)?;
        let plain = Zeroizing::new(STANDARD.encode(tagged(what, key).as_slice()));
        let answer = self.post("encrypt", &json!({ "plaintext": *plain, "key_version": version }))?;
        self.ciphertext(&answer, version)
    }

    fn unwrap(&self, root: &RootName, what: KeyName<'_>, wrapped: &[u8]) -> Result<KeyBytes, SourceError> {
        let version = self.version_of(root)?;
        let text = std::str::from_utf8(wrapped).map_err(|_| SourceError::WrongKey)?;
        if !text.starts_with(&format!("vault:v{version}:")) {
            return Err(SourceError::WrongKey);
        }
        let answer = match self.post("decrypt", &json!({ "ciphertext": text })) {
            Err(SourceError::Refused(why)) if why.contains("message authentication failed") => {
                return Err(SourceError::WrongKey);
            }
            answer => answer?,
        };
        let plain = answer.pointer("/data/plaintext").and_then(Value::as_str);
        let plain = plain.and_then(|plain| STANDARD.decode(plain).ok()).map(Zeroizing::new);
        let plain = plain.ok_or_else(|| unexpected("its answer holds no plaintext"))?;
        untag(what, &plain).ok_or(SourceError::WrongKey)
    }

    fn rewrap(
        &self,
        from: &RootName,
        to: &RootName,
        what: KeyName<'_>,
        wrapped: &[u8],
        _: &Dice,
    ) -> Result<Vec<u8>, SourceError> {
        self.unwrap(from, what, wrapped)?;
        let text = std::str::from_utf8(wrapped).map_err(|_| SourceError::WrongKey)?;
        let version = self.version_of(to)?;
        let answer = self.post("rewrap", &json!({ "ciphertext": text, "key_version": version }))?;
        let rewrapped = self.ciphertext(&answer, version)?;
        self.unwrap(to, what, &rewrapped)?;
        Ok(rewrapped)
    }

    fn adopt(&self, _: &RootName) -> Result<(), SourceError> {
        Ok(())
    }

    /// Trims the version and those before it: the service forgets them for good. What was trimmed before stays so, and no
    /// least version is ever lowered: an engine refuses one below the versions it still has.
    fn destroy(&self, root: &RootName) -> Result<(), SourceError> {
        let least = self.version_of(root)?.saturating_add(1);
        let key = self.read_key()?;
        let now = |name: &str| key.pointer(&format!("/data/{name}")).and_then(Value::as_u64).unwrap_or(0);
        if now("min_available_version") >= least {
            return Ok(());
        }
        let decryption = least.max(now("min_decryption_version"));
        let encryption = decryption.max(now("min_encryption_version"));
        let body = json!({ "min_decryption_version": decryption, "min_encryption_version": encryption });
        self.call(Method::POST, &format!("keys/{}/config", self.settings.key), &body)?;
        let body = json!({ "min_available_version": least });
        self.call(Method::POST, &format!("keys/{}/trim", self.settings.key), &body)?;
        Ok(())
    }
}

/// An address that is refused is not repeated: whoever wrote a password into it would find it in the log.
fn check_url(text: &str) -> Result<Url, SourceError> {
    let refused = |why: &str| SourceError::File(format!("the url of the key source {why}"));
    if text.contains('@') {
        return Err(refused(
            "holds a user or password; take them out, the token stands in a file of its own",
        ));
    }
    let form = || refused("must be https://host:port, or http:// on this machine");
    let url = Url::parse(&format!("{}/", text.trim_end_matches('/'))).map_err(|_| form())?;
    let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let plain = url.query().is_none() && url.fragment().is_none() && url.path() == "/";
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
    if plain && scheme { Ok(url) } else { Err(form()) }
}

fn check_name(what: &str, name: &str) -> Result<(), SourceError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
    let whole = name.len() <= 200 && name.split('/').all(part) && (what == "mount" || !name.contains('/'));
    let refused =
        || SourceError::File(format!("transit {what} `{name}` is letters, digits, `-`, `_` and `.`"));
    whole.then_some(()).ok_or_else(refused)
}

fn read_authorities(path: &PathBuf) -> Result<Vec<Certificate>, SourceError> {
    let refused = |why: String| SourceError::File(format!("authority file `{}` {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| refused(format!("cannot be read: {e}")))?.len();
    if size > CA_FILE_BYTES_MAX {
        return Err(refused(format!("has more than {CA_FILE_BYTES_MAX} bytes")));
    }
    let pem = std::fs::read(path).map_err(|e| refused(format!("cannot be read: {e}")))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|_| refused("is not PEM".to_owned()))?;
    if found.is_empty() { Err(refused("holds no certificate".to_owned())) } else { Ok(found) }
}

/// What the service's refusal means. Its own words are shown: they name paths and versions, never values.
fn refusal(status: StatusCode, answer: &Value) -> SourceError {
    let said = answer.pointer("/errors/0").and_then(Value::as_str).unwrap_or_default();
    let said: String = said.trim().chars().filter(|c| !c.is_control()).take(200).collect();
    match status.as_u16() {
        403 => SourceError::Refused(format!("403, the token may not do this or has ended; {said}")),
        404 => SourceError::Refused(format!("404, there is no such key or engine; {said}")),
        429 | 472 | 473 | 500..=599 => {
            SourceError::Unreachable(format!("status {}, {said}", status.as_u16()))
        }
        other => SourceError::Refused(format!("{other}, {said}")),
    }
}

fn unexpected(why: &str) -> SourceError {
    SourceError::Refused(format!("it does not answer like a transit engine: {why}"))
}

fn away(problem: &dyn std::error::Error) -> SourceError {
    let mut text = problem.to_string();
    let mut source = problem.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    SourceError::Unreachable(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_or_on_this_machine() {
        for good in
            ["https://bao.example:8200", "https://bao.example/", "http://127.0.0.1:8200", "http://[::1]:1"]
        {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in
            ["http://bao.example:8200", "bao.example", "https://a/b", "ftp://a", "https://a?b", "https://a#b"]
        {
            assert!(check_url(bad).unwrap_err().to_string().contains("must be https://host:port"), "{bad}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        for bad in [
            "https://u:planted@bao.example",
            "u:planted@bao.example",
            "https://u:pla/nted@bao",
            "https://planted@",
            "https:u:planted@bao.example:x",
        ] {
            let refused = check_url(bad).unwrap_err().to_string();
            assert!(refused.contains("user or password") && !refused.contains("nted"), "{refused}");
        }
    }

    #[test]
    fn names_cannot_change_the_path() {
        assert!(check_name("key", "tillward-root").is_ok() && check_name("mount", "kms/transit").is_ok());
        for bad in ["", "a/b", "..", "a?b", "a%2Fb", "a b"] {
            assert!(check_name("key", bad).is_err(), "{bad}");
        }
        assert!(check_name("mount", "a/../b").is_err());
    }
}
