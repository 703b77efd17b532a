//! Settings: a file, the environment and flags, in this order; later ones win. Unknown keys are refused.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use base::Secret;
use identity::{Email, PasswordProfile};
use serde::Deserialize;

use crate::limits::CONFIG_BYTES_MAX;
use crate::page_watch::browser::{Browser, Sandbox};
use crate::server::ClientFiles;
use addresses::{check_mail_server, is_on_this_machine};

mod addresses;
mod keys;
mod oidc;
mod passkeys;

pub use keys::{KeySettings, Keys, SourceName};
pub use oidc::{Oidc, OidcSettings};
pub use passkeys::{PasskeySettings, Passkeys};

/// Settings as given in one place.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Folder for the database and the checkpoints of the audit log
    #[arg(long, value_name = "FOLDER", env = "TILLWARD_DATA")]
    pub data: Option<PathBuf>,
    /// File with the root key, outside the data folder; made at the first start
    #[arg(long, value_name = "FILE", env = "TILLWARD_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// postgres:// URL; the embedded engine without it
    #[arg(long, value_name = "URL", env = "TILLWARD_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// PEM file with the authority of the database server, when it is not a public one
    #[arg(long, value_name = "FILE", env = "TILLWARD_DATABASE_CA")]
    pub database_ca: Option<PathBuf>,
    /// Address to listen on; beyond loopback it needs a certificate
    #[arg(long, value_name = "ADDRESS", env = "TILLWARD_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// What codes and links point to, such as https://pay.shop.example
    #[arg(long, value_name = "URL", env = "TILLWARD_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// PEM file with the certificate chain
    #[arg(long, value_name = "FILE", env = "TILLWARD_TLS_CERTIFICATE")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", env = "TILLWARD_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// Address of a second listener, for machines that show a client certificate; it needs the server's certificate too
    #[arg(long, value_name = "ADDRESS", env = "TILLWARD_MTLS_LISTEN")]
    pub mtls_listen: Option<SocketAddr>,
    /// PEM file with your own authority for client certificates, trusted beside the built-in one
    #[arg(long, value_name = "FILE", env = "TILLWARD_MTLS_CA")]
    pub mtls_ca: Option<PathBuf>,
    /// PEM file with the certificates that your own authority revoked
    #[arg(long, value_name = "FILE", env = "TILLWARD_MTLS_CRL")]
    pub mtls_crl: Option<PathBuf>,
    /// Proxies whose x-forwarded-for is believed, separated by commas
    #[arg(long, value_name = "ADDRESSES", env = "TILLWARD_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Option<Vec<IpAddr>>,
    /// Mail server: smtps://user:password@host, or smtp://host for one that offers STARTTLS
    #[arg(long, value_name = "URL", env = "TILLWARD_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// PEM file with the authority of the mail server's certificate, trusted in place of the public ones
    #[arg(long, value_name = "FILE", env = "TILLWARD_SMTP_CA")]
    pub smtp_ca: Option<PathBuf>,
    /// Sender of mails
    #[arg(long, value_name = "ADDRESS", env = "TILLWARD_MAIL_FROM")]
    pub mail_from: Option<String>,
    /// Folder to write mails into in place of sending them, readable by whoever reads the folder
    #[arg(long, value_name = "FOLDER", env = "TILLWARD_MAIL_FOLDER")]
    pub mail_folder: Option<PathBuf>,
    /// HTTP gateway for text messages; see docs/sms-gateway.md
    #[arg(long, value_name = "URL", env = "TILLWARD_SMS_URL", hide_env_values = true)]
    pub sms_url: Option<String>,
    /// What the gateway knows us by
    #[arg(long, value_name = "TOKEN", env = "TILLWARD_SMS_TOKEN", hide_env_values = true)]
    pub sms_token: Option<String>,
    /// File for the checkpoints of the audit log; put it on another disk or machine than the database
    #[arg(long, value_name = "FILE", env = "TILLWARD_CHECKPOINTS")]
    pub checkpoints: Option<PathBuf>,
    /// Address that gets the newest checkpoint of the audit log by mail once a day
    #[arg(long, value_name = "ADDRESS", env = "TILLWARD_CHECKPOINT_MAIL")]
    pub checkpoint_mail: Option<String>,
    /// Passwords nobody may choose, in place of the list that ships; made by `tillward passwords build`
    #[arg(long, value_name = "FILE", env = "TILLWARD_PASSWORD_LIST")]
    pub password_list: Option<PathBuf>,
    /// What members' passwords take besides their length: `standard`, nothing; `pci`, at least 12 characters with letters and
    /// digits (PCI DSS 8.3.6)
    #[arg(long, value_name = "PROFILE", env = "TILLWARD_PASSWORD_PROFILE")]
    pub password_profile: Option<String>,
    /// Rule file in place of the starter rules
    #[arg(long, value_name = "FILE", env = "TILLWARD_RULES")]
    pub rules: Option<PathBuf>,
    /// Model file made by `tillward train`
    #[arg(long, value_name = "FILE", env = "TILLWARD_MODEL")]
    pub model: Option<PathBuf>,
    /// Table of countries of network addresses: lines such as 192.0.2.0,192.0.2.255,SG; see docs/address-countries.md
    #[arg(long, value_name = "FILE", env = "TILLWARD_ADDRESS_COUNTRIES")]
    pub address_countries: Option<PathBuf>,
    /// Browser of the Chromium family in which the payment pages are watched, such as /usr/bin/chromium; without one they are
    /// fetched, and their scripts do not run
    #[arg(long, value_name = "FILE", env = "TILLWARD_WATCH_BROWSER")]
    pub watch_browser: Option<PathBuf>,
    /// Give up the sandbox of that browser, without which none runs as root: `true` or `false`. A page that breaks the browser
    /// then has what its user has
    #[arg(long, value_name = "BOOL", env = "TILLWARD_WATCH_BROWSER_DANGEROUSLY_UNSANDBOXED")]
    pub watch_browser_dangerously_unsandboxed: Option<bool>,
    /// Where the root key is.
    #[command(flatten)]
    pub keys: KeySettings,
    /// The operator's own provider for members.
    #[command(flatten)]
    pub oidc: OidcSettings,
    /// Whose passkeys members may add.
    #[command(flatten)]
    pub passkeys: PasskeySettings,
}

/// Settings that hold together.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder for the database and the checkpoints.
    pub data: PathBuf,
    /// File with the root key.
    pub key_file: PathBuf,
    /// Where the root key is.
    pub keys: Keys,
    /// The operator's own provider for members.
    pub oidc: Option<Oidc>,
    /// Whose passkeys members may add; anybody's without.
    pub passkeys: Option<Passkeys>,
    /// Which database.
    pub database: store::Config,
    /// Where to listen.
    pub listen: SocketAddr,
    /// What codes and links point to; by default where it listens.
    pub public_url: Option<String>,
    /// Certificate chain and private key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Where machines with a client certificate are answered.
    pub mtls_listen: Option<SocketAddr>,
    /// Which of them are trusted beside those of the built-in authority.
    pub mtls_clients: ClientFiles,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where the checkpoints of the audit log go.
    pub checkpoints: PathBuf,
    /// Who gets the newest checkpoint by mail.
    pub checkpoint_mail: Option<Email>,
    /// How mails leave.
    pub mail: Mail,
    /// How text messages leave.
    pub texts: TextMessages,
    /// Passwords nobody may choose.
    pub password_list: Option<PathBuf>,
    /// What is asked of members' passwords besides their length.
    pub password_profile: PasswordProfile,
    /// Rule file.
    pub rules: Option<PathBuf>,
    /// Model file.
    pub model: Option<PathBuf>,
    /// Table of countries of network addresses.
    pub address_countries: Option<PathBuf>,
    /// The browser in which the payment pages are watched.
    pub watch_browser: Option<Browser>,
}

/// How mails leave.
#[derive(Clone, Debug)]
pub enum Mail {
    /// Nothing is set: mails wait, and the log says so.
    Nowhere,
    /// A server.
    Smtp {
        /// Its URL, with its password.
        url: Secret<String>,
        /// The sender.
        from: String,
        /// File with the one authority that is trusted, in place of the public ones.
        authority: Option<PathBuf>,
    },
    /// A folder, for trying things out.
    Folder(PathBuf),
}

/// How text messages leave.
#[derive(Clone, Debug)]
pub enum TextMessages {
    /// Nothing is set: nobody is offered codes by text message.
    Nowhere,
    /// An HTTP gateway.
    Gateway {
        /// Where to post to.
        url: String,
        /// What it knows us by.
        token: Secret<String>,
    },
    /// The mail folder, for trying things out.
    Folder(PathBuf),
}

impl TextMessages {
    /// Whether text messages go out at all.
    pub fn go_out(&self) -> bool {
        !matches!(self, TextMessages::Nowhere)
    }
}

/// Why settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{path}`: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A file that a setting names.
    #[error("{setting}: cannot use `{path}`: {why}")]
    Named {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// An environment variable of ours that is not one.
    #[error("environment variable `{0}` is not a setting of tillward; `tillward serve --help` lists them")]
    Variable(String),
    /// Settings that do not fit each other.
    #[error("{0}")]
    Conflict(&'static str),
    /// The address for checkpoints.
    #[error("checkpoint_mail `{0}` is not a mail address")]
    Email(String),
    /// A model of passkeys.
    #[error(
        "passkeys models: `{0}` is no AAGUID of a model; give one such as 2fc0579f-8113-47ea-b116-bb5a8db9202a"
    )]
    Model(String),
    /// The profile of passwords.
    #[error("password_profile `{0}` is neither `standard` nor `pci`")]
    PasswordProfile(String),
    /// The public URL.
    #[error("public url `{0}` must begin with http:// or https://, name a host, and have no path")]
    PublicUrl(String),
}

/// Variables that are read elsewhere.
const OTHER_VARIABLES: [&str; 3] = ["TILLWARD_CONFIG", "TILLWARD_LOG", store::testing::POSTGRES_VARIABLE];
const VARIABLES: [&str; 27] = [
    "TILLWARD_CHECKPOINTS",
    "TILLWARD_CHECKPOINT_MAIL",
    "TILLWARD_DATA",
    "TILLWARD_KEY_FILE",
    "TILLWARD_DATABASE_URL",
    "TILLWARD_DATABASE_CA",
    "TILLWARD_LISTEN",
    "TILLWARD_PUBLIC_URL",
    "TILLWARD_TLS_CERTIFICATE",
    "TILLWARD_TLS_KEY",
    "TILLWARD_MTLS_LISTEN",
    "TILLWARD_MTLS_CA",
    "TILLWARD_MTLS_CRL",
    "TILLWARD_TRUSTED_PROXIES",
    "TILLWARD_SMTP_URL",
    "TILLWARD_SMTP_CA",
    "TILLWARD_MAIL_FROM",
    "TILLWARD_MAIL_FOLDER",
    "TILLWARD_SMS_URL",
    "TILLWARD_SMS_TOKEN",
    "TILLWARD_PASSWORD_LIST",
    "TILLWARD_PASSWORD_PROFILE",
    "TILLWARD_RULES",
    "TILLWARD_MODEL",
    "TILLWARD_ADDRESS_COUNTRIES",
    "TILLWARD_WATCH_BROWSER",
    "TILLWARD_WATCH_BROWSER_DANGEROUSLY_UNSANDBOXED",
];

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError::File`] with the line.
    pub fn read(path: &Path) -> Result<Settings, ConfigError> {
        let refused = |why: String| ConfigError::File { path: path.to_owned(), why };
        let size = std::fs::metadata(path).map_err(|e| refused(e.to_string()))?.len();
        if size > CONFIG_BYTES_MAX {
            return Err(refused(format!("it has {size} bytes, at most {CONFIG_BYTES_MAX} are read")));
        }
        let bytes = std::fs::read(path).map_err(|e| refused(e.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".to_owned()))?;
        Settings::parse(&text).map_err(refused)
    }

    /// Reads the text of a configuration file; the error is one line and names the line of the file.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Settings, String> {
        toml::from_str(text).map_err(|e| {
            let before = e.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(before).filter(|byte| *byte == b'\n').count();
            format!("line {line}: {}", e.message().trim_end().replace('\n', "; "))
        })
    }

    /// These settings where they are given, else those.
    #[must_use]
    pub fn or(self, other: Settings) -> Settings {
        Settings {
            data: self.data.or(other.data),
            key_file: self.key_file.or(other.key_file),
            database_url: self.database_url.or(other.database_url),
            database_ca: self.database_ca.or(other.database_ca),
            listen: self.listen.or(other.listen),
            public_url: self.public_url.or(other.public_url),
            tls_certificate: self.tls_certificate.or(other.tls_certificate),
            tls_key: self.tls_key.or(other.tls_key),
            mtls_listen: self.mtls_listen.or(other.mtls_listen),
            mtls_ca: self.mtls_ca.or(other.mtls_ca),
            mtls_crl: self.mtls_crl.or(other.mtls_crl),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            smtp_url: self.smtp_url.or(other.smtp_url),
            smtp_ca: self.smtp_ca.or(other.smtp_ca),
            mail_from: self.mail_from.or(other.mail_from),
            mail_folder: self.mail_folder.or(other.mail_folder),
            sms_url: self.sms_url.or(other.sms_url),
            sms_token: self.sms_token.or(other.sms_token),
            checkpoints: self.checkpoints.or(other.checkpoints),
            checkpoint_mail: self.checkpoint_mail.or(other.checkpoint_mail),
            password_list: self.password_list.or(other.password_list),
            password_profile: self.password_profile.or(other.password_profile),
            rules: self.rules.or(other.rules),
            model: self.model.or(other.model),
            address_countries: self.address_countries.or(other.address_countries),
            watch_browser: self.watch_browser.or(other.watch_browser),
            watch_browser_dangerously_unsandboxed: self
                .watch_browser_dangerously_unsandboxed
                .or(other.watch_browser_dangerously_unsandboxed),
            keys: self.keys.or(other.keys),
            oidc: self.oidc.or(other.oidc),
            passkeys: self.passkeys.or(other.passkeys),
        }
    }

    /// Checks that the settings hold together, and fills in what is usual.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn check(self) -> Result<Config, ConfigError> {
        let data = self.data.unwrap_or_else(|| PathBuf::from("tillward-data"));
        let listen = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
        let tls = match (self.tls_certificate, self.tls_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(ConfigError::Conflict("tls_certificate and tls_key belong together; give both")),
        };
        if !listen.ip().is_loopback() && tls.is_none() {
            let text =
                "listening beyond this machine needs tls_certificate and tls_key; or listen on 127.0.0.1";
            return Err(ConfigError::Conflict(text));
        }
        check_clients(self.mtls_listen, tls.is_some(), self.mtls_ca.as_deref(), self.mtls_crl.as_deref())?;
        let public_url = self.public_url.map(check_public_url).transpose()?;
        let database = match self.database_url {
            Some(url) => store::Config::Postgres { url: Secret::new(url), ca_file: self.database_ca },
            None => store::Config::File(data.join("tillward.db")),
        };
        Ok(Config {
            key_file: self.key_file.unwrap_or_else(|| beside(&data)),
            checkpoints: self.checkpoints.unwrap_or_else(|| data.join("audit-checkpoints.jsonl")),
            data,
            database,
            listen,
            public_url,
            tls,
            mtls_listen: self.mtls_listen,
            mtls_clients: ClientFiles { authority: self.mtls_ca, revoked: self.mtls_crl },
            trusted_proxies: self.trusted_proxies.unwrap_or_default(),
            checkpoint_mail: self.checkpoint_mail.map(check_email).transpose()?,
            texts: texts(self.sms_url, self.sms_token, self.mail_folder.as_deref())?,
            mail: mail((self.smtp_url, self.smtp_ca), self.mail_from, self.mail_folder)?,
            password_list: self.password_list,
            password_profile: self.password_profile.map_or(Ok(PasswordProfile::Standard), |name| {
                PasswordProfile::from_name(&name).ok_or(ConfigError::PasswordProfile(name))
            })?,
            rules: self.rules,
            model: self.model,
            address_countries: self.address_countries,
            watch_browser: browser(self.watch_browser, self.watch_browser_dangerously_unsandboxed)?,
            keys: self.keys.check()?,
            oidc: self.oidc.check()?,
            passkeys: self.passkeys.check()?,
        })
    }
}

fn check_clients(
    listen: Option<SocketAddr>,
    tls: bool,
    authority: Option<&Path>,
    revoked: Option<&Path>,
) -> Result<(), ConfigError> {
    let conflict = match (listen, authority, revoked) {
        (Some(_), _, _) if !tls => "mtls_listen needs tls_certificate and tls_key, which it presents",
        (None, Some(_), _) => "mtls_ca is for the listener that mtls_listen names; give both",
        (_, None, Some(_)) => "mtls_crl lists what the authority in mtls_ca revoked; give both",
        _ => return Ok(()),
    };
    Err(ConfigError::Conflict(conflict))
}

/// Where the root key is kept unless said otherwise: beside the data folder, not in it.
fn beside(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or(data.as_os_str()).to_owned();
    name.push(".key");
    data.with_file_name(name)
}

fn mail(
    (url, authority): (Option<String>, Option<PathBuf>),
    from: Option<String>,
    folder: Option<PathBuf>,
) -> Result<Mail, ConfigError> {
    if url.is_none() && authority.is_some() {
        return Err(ConfigError::Conflict("smtp_ca belongs to smtp_url; give both"));
    }
    match (url, from, folder) {
        (Some(_), _, Some(_)) => Err(ConfigError::Conflict("give smtp_url or mail_folder, not both")),
        (Some(_), None, None) => Err(ConfigError::Conflict("smtp_url needs mail_from, the sender of mails")),
        (Some(url), Some(from), None) => {
            Ok(Mail::Smtp { url: Secret::new(check_mail_server(url)?), from, authority })
        }
        (None, _, Some(folder)) => Ok(Mail::Folder(folder)),
        (None, _, None) => Ok(Mail::Nowhere),
    }
}

fn browser(program: Option<PathBuf>, unsandboxed: Option<bool>) -> Result<Option<Browser>, ConfigError> {
    let sandbox = if unsandboxed == Some(true) { Sandbox::GivenUp } else { Sandbox::Kept };
    match program {
        None if unsandboxed.is_some() => {
            let text =
                "watch_browser_dangerously_unsandboxed is about the browser in watch_browser; give both";
            Err(ConfigError::Conflict(text))
        }
        program => Ok(program.map(|program| Browser { program, sandbox })),
    }
}

fn check_email(text: String) -> Result<Email, ConfigError> {
    Email::parse(&text).map_err(|_| ConfigError::Email(text))
}

fn texts(
    url: Option<String>,
    token: Option<String>,
    folder: Option<&Path>,
) -> Result<TextMessages, ConfigError> {
    match (url, token, folder) {
        (Some(url), _, _) if !url.starts_with("https://") && !is_on_this_machine(&url) => {
            Err(ConfigError::Conflict("sms_url must begin with https://; codes and numbers travel to it"))
        }
        (Some(url), Some(token), _) => Ok(TextMessages::Gateway { url, token: Secret::new(token) }),
        (Some(_), None, _) => {
            Err(ConfigError::Conflict("sms_url needs sms_token, what the gateway knows us by"))
        }
        (None, Some(_), _) => Err(ConfigError::Conflict("sms_token belongs to sms_url; give both")),
        (None, None, Some(folder)) => Ok(TextMessages::Folder(folder.to_owned())),
        (None, None, None) => Ok(TextMessages::Nowhere),
    }
}

fn check_public_url(url: String) -> Result<String, ConfigError> {
    let trimmed = url.trim_end_matches('/');
    let host = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    let plain = |host: &str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    };
    if host.is_some_and(plain) { Ok(trimmed.to_owned()) } else { Err(ConfigError::PublicUrl(url)) }
}

/// Refuses variables that look like settings and are none: a typing mistake must not pass silently.
///
/// # Errors
/// [`ConfigError::Variable`].
pub fn check_variables(names: impl Iterator<Item = String>) -> Result<(), ConfigError> {
    for name in names {
        let groups =
            [&VARIABLES[..], &keys::VARIABLES, &oidc::VARIABLES, &passkeys::VARIABLES, &OTHER_VARIABLES];
        let known = groups.concat().contains(&name.as_str());
        if name.starts_with("TILLWARD_") && !known {
            return Err(ConfigError::Variable(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Settings)) -> Result<Config, ConfigError> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check()
    }

    #[test]
    fn nothing_given_is_a_safe_installation() {
        let config = with(|_| {}).unwrap();
        assert!(config.listen.ip().is_loopback());
        assert_eq!(config.key_file, PathBuf::from("tillward-data.key"));
        assert!(!config.key_file.starts_with(&config.data));
    }

    #[test]
    fn listening_beyond_this_machine_needs_tls() {
        let open = "0.0.0.0:443".parse().ok();
        assert!(with(|s| s.listen = open).is_err());
        assert!(with(|s| s.tls_key = Some("key.pem".into())).is_err());
        let both = with(|s| {
            s.listen = open;
            s.tls_key = Some("key.pem".into());
            s.tls_certificate = Some("chain.pem".into());
        });
        assert!(both.is_ok());
    }

    #[test]
    fn the_listener_for_machines_needs_a_certificate_and_its_authority_a_listener() {
        let with_all = |change: fn(&mut Settings)| {
            with(|s| {
                s.tls_key = Some("key.pem".into());
                s.tls_certificate = Some("chain.pem".into());
                s.mtls_listen = "0.0.0.0:8443".parse().ok();
                s.mtls_ca = Some("ca.pem".into());
                s.mtls_crl = Some("crl.pem".into());
                change(s);
            })
        };
        assert!(with_all(|_| {}).is_ok());
        assert!(with_all(|s| (s.mtls_ca, s.mtls_crl) = (None, None)).is_ok());
        assert!(with_all(|s| (s.tls_key, s.tls_certificate) = (None, None)).is_err());
        assert!(with_all(|s| s.mtls_ca = None).is_err());
        assert!(with_all(|s| s.mtls_listen = None).is_err());
    }

    #[test]
    fn c01_the_profile_of_passwords_is_one_of_two_and_the_standard_one_where_nothing_is_said() {
        let profile = |name: Option<&str>| with(|s| s.password_profile = name.map(str::to_owned));
        assert_eq!(profile(None).unwrap().password_profile, PasswordProfile::Standard);
        assert_eq!(profile(Some("pci")).unwrap().password_profile, PasswordProfile::Pci);
        let refused = profile(Some("hard")).err().map(|e| e.to_string());
        assert_eq!(refused.as_deref(), Some("password_profile `hard` is neither `standard` nor `pci`"));
    }

    #[test]
    fn text_messages_go_to_a_gateway_over_tls_with_a_token() {
        let set = |url: &str, token: Option<&str>| {
            with(|s| {
                s.sms_url = Some(url.to_owned());
                s.sms_token = token.map(str::to_owned);
            })
        };
        assert!(set("https://sms.example/send", Some("t")).unwrap().texts.go_out());
        assert!(set("http://127.0.0.1:9/send", Some("t")).is_ok(), "a gateway on this machine");
        assert!(set("http://sms.example/send", Some("t")).is_err());
        assert!(set("https://sms.example/send", None).is_err());
        assert!(with(|s| s.sms_token = Some("t".into())).is_err());
        assert!(!with(|_| {}).unwrap().texts.go_out());
        assert!(with(|s| s.mail_folder = Some("mail".into())).unwrap().texts.go_out());
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let error = Settings::parse("data = \"x\"\nlissten = \"y\"\n").unwrap_err();
        assert!(error.contains("lissten") && error.contains("line 2"), "{error}");
        assert!(Settings::parse("listen = 5").is_err());
    }

    #[test]
    fn unknown_variables_are_refused() {
        let names = |list: &[&str]| check_variables(list.iter().map(|s| (*s).to_owned()));
        assert!(names(&["TILLWARD_DATA", "PATH"]).is_ok());
        assert!(names(&["TILLWARD_DATTA"]).is_err());
    }

    #[test]
    fn every_setting_has_a_variable_and_flags_win() {
        use clap::{Args, Command};
        let command = Settings::augment_args(Command::new("x"));
        let named: Vec<_> = command.get_arguments().filter_map(|a| a.get_env()).collect();
        let known = [&VARIABLES[..], &keys::VARIABLES, &oidc::VARIABLES, &passkeys::VARIABLES].concat();
        assert_eq!(named.len(), known.len());
        assert!(named.iter().all(|n| known.iter().any(|v| *n == *v)));
        let (flag, file) =
            (Settings::parse("data = \"a\"").unwrap(), Settings::parse("data = \"b\"").unwrap());
        assert_eq!(flag.or(file).data, Some("a".into()));
    }

    #[test]
    fn checkpoints_go_to_an_address_or_nowhere() {
        assert!(with(|s| s.checkpoint_mail = Some("keeper@elsewhere.example".to_owned())).is_ok());
        assert!(with(|s| s.checkpoint_mail = Some("elsewhere".to_owned())).is_err());
    }

    #[test]
    fn public_urls_are_an_origin() {
        for good in ["https://pay.example", "http://localhost:8080/", "http://[::1]:80"] {
            assert!(check_public_url(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["pay.example", "https://", "https://a/b", "javascript:alert(1)", "https://a b"] {
            assert!(check_public_url(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
