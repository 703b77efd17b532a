//! Settings of the key source: where the root key is. In a file they stand in a table of their own, `[keys]`.

use std::path::PathBuf;

use serde::Deserialize;
use vault::{Pkcs11Settings, TransitSettings};

use super::ConfigError;

const LABEL: &str = "tillward-root";
const MOUNT: &str = "transit";

/// The kinds of key sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceName {
    /// A file, see --key-file
    File,
    /// Shares of custodians, made by `tillward keys split`
    Shares,
    /// A PKCS#11 token: HSM or smart card
    Pkcs11,
    /// The transit engine of Vault or OpenBao
    Transit,
}

/// Settings as given in one place.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeySettings {
    /// Where the root key is; docs/keys.md shows each
    #[arg(id = "keys_source", long = "keys-source", value_name = "SOURCE", env = "TILLWARD_KEYS_SOURCE")]
    pub source: Option<SourceName>,
    /// shares: files with a share each, separated by commas; asked for on the terminal when not given
    #[arg(
        id = "keys_shares",
        long = "keys-shares",
        value_name = "FILES",
        env = "TILLWARD_KEYS_SHARES",
        value_delimiter = ','
    )]
    pub shares: Option<Vec<PathBuf>>,
    /// pkcs11: the token's library
    #[arg(id = "keys_module", long = "keys-module", value_name = "FILE", env = "TILLWARD_KEYS_MODULE")]
    pub module: Option<PathBuf>,
    /// pkcs11: the token's label
    #[arg(id = "keys_token", long = "keys-token", value_name = "LABEL", env = "TILLWARD_KEYS_TOKEN")]
    pub token: Option<String>,
    /// pkcs11: the label of the root keys in it
    #[arg(id = "keys_label", long = "keys-label", value_name = "LABEL", env = "TILLWARD_KEYS_LABEL")]
    pub label: Option<String>,
    /// pkcs11: file with the user PIN
    #[arg(id = "keys_pin_file", long = "keys-pin-file", value_name = "FILE", env = "TILLWARD_KEYS_PIN_FILE")]
    pub pin_file: Option<PathBuf>,
    /// transit: address of the service
    #[arg(id = "keys_url", long = "keys-url", value_name = "URL", env = "TILLWARD_KEYS_URL")]
    pub url: Option<String>,
    /// transit: where the engine is mounted
    #[arg(id = "keys_mount", long = "keys-mount", value_name = "PATH", env = "TILLWARD_KEYS_MOUNT")]
    pub mount: Option<String>,
    /// transit: name of the key
    #[arg(id = "keys_key", long = "keys-key", value_name = "NAME", env = "TILLWARD_KEYS_KEY")]
    pub key: Option<String>,
    /// transit: file with the token, read for each call
    #[arg(
        id = "keys_token_file",
        long = "keys-token-file",
        value_name = "FILE",
        env = "TILLWARD_KEYS_TOKEN_FILE"
    )]
    pub token_file: Option<PathBuf>,
    /// transit: PEM file with the authority of the service; no other is believed then
    #[arg(id = "keys_ca", long = "keys-ca", value_name = "FILE", env = "TILLWARD_KEYS_CA")]
    pub ca: Option<PathBuf>,
}

/// The variables of [`KeySettings`].
pub(super) const VARIABLES: [&str; 11] = [
    "TILLWARD_KEYS_SOURCE",
    "TILLWARD_KEYS_SHARES",
    "TILLWARD_KEYS_MODULE",
    "TILLWARD_KEYS_TOKEN",
    "TILLWARD_KEYS_LABEL",
    "TILLWARD_KEYS_PIN_FILE",
    "TILLWARD_KEYS_URL",
    "TILLWARD_KEYS_MOUNT",
    "TILLWARD_KEYS_KEY",
    "TILLWARD_KEYS_TOKEN_FILE",
    "TILLWARD_KEYS_CA",
];

/// Where the root key is, with all that is needed to reach it.
#[derive(Clone, Debug)]
pub enum Keys {
    /// In the key file.
    File,
    /// In these files; on the terminal when there are none.
    Shares(Vec<PathBuf>),
    /// In a token.
    Pkcs11(Pkcs11Settings),
    /// In a transit engine.
    Transit(TransitSettings),
}

impl KeySettings {
    /// These settings where they are given, else those.
    pub(super) fn or(self, other: KeySettings) -> KeySettings {
        KeySettings {
            source: self.source.or(other.source),
            shares: self.shares.or(other.shares),
            module: self.module.or(other.module),
            token: self.token.or(other.token),
            label: self.label.or(other.label),
            pin_file: self.pin_file.or(other.pin_file),
            url: self.url.or(other.url),
            mount: self.mount.or(other.mount),
            key: self.key.or(other.key),
            token_file: self.token_file.or(other.token_file),
            ca: self.ca.or(other.ca),
        }
    }

    /// Checks that everything the source needs is there, and nothing of another source.
    pub(super) fn check(self) -> Result<Keys, ConfigError> {
        let source = self.source.unwrap_or(SourceName::File);
        let for_token =
            [self.module.is_some(), self.token.is_some(), self.label.is_some(), self.pin_file.is_some()];
        let for_transit = [
            self.url.is_some(),
            self.mount.is_some(),
            self.key.is_some(),
            self.token_file.is_some(),
            self.ca.is_some(),
        ];
        let strays = (source != SourceName::Shares && self.shares.is_some())
            || (source != SourceName::Pkcs11 && for_token.contains(&true))
            || (source != SourceName::Transit && for_transit.contains(&true));
        if strays {
            let text =
                "[keys] holds settings of another source than `source` names; remove them or change it";
            return Err(ConfigError::Conflict(text));
        }
        match source {
            SourceName::File => Ok(Keys::File),
            SourceName::Shares => Ok(Keys::Shares(self.shares.unwrap_or_default())),
            SourceName::Pkcs11 => self.pkcs11(),
            SourceName::Transit => self.transit(),
        }
    }

    fn pkcs11(self) -> Result<Keys, ConfigError> {
        let (Some(module), Some(token), Some(pin_file)) = (self.module, self.token, self.pin_file) else {
            return Err(ConfigError::Conflict("key source pkcs11 needs module, token and pin_file"));
        };
        let label = self.label.unwrap_or_else(|| LABEL.to_owned());
        Ok(Keys::Pkcs11(Pkcs11Settings { module, token, label, pin_file }))
    }

    fn transit(self) -> Result<Keys, ConfigError> {
        let (Some(url), Some(key), Some(token_file)) = (self.url, self.key, self.token_file) else {
            return Err(ConfigError::Conflict("key source transit needs url, key and token_file"));
        };
        let mount = self.mount.unwrap_or_else(|| MOUNT.to_owned());
        Ok(Keys::Transit(TransitSettings { url, mount, key, token_file, ca_file: self.ca }))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{ConfigError, Settings};

    use super::*;

    fn check(text: &str) -> Result<Keys, ConfigError> {
        Settings::parse(text).unwrap().check().map(|config| config.keys)
    }

    #[test]
    fn the_root_key_is_in_a_file_unless_said_otherwise() {
        assert!(matches!(check(""), Ok(Keys::File)));
        assert!(matches!(check("[keys]\nsource = \"file\""), Ok(Keys::File)));
        assert!(matches!(check("[keys]\nsource = \"shares\""), Ok(Keys::Shares(files)) if files.is_empty()));
    }

    #[test]
    fn a_source_needs_all_of_its_settings() {
        let token = "[keys]\nsource = \"pkcs11\"\nmodule = \"m.so\"\ntoken = \"t\"\n";
        assert!(check(token).is_err());
        let Keys::Pkcs11(settings) = check(&format!("{token}pin_file = \"p\"")).unwrap() else { panic!() };
        assert_eq!(settings.label, "tillward-root");
        let transit = "[keys]\nsource = \"transit\"\nurl = \"https://a\"\nkey = \"k\"\n";
        assert!(check(transit).is_err());
        let Keys::Transit(settings) = check(&format!("{transit}token_file = \"t\"")).unwrap() else {
            panic!()
        };
        assert_eq!(settings.mount, "transit");
    }

    #[test]
    fn settings_of_another_source_and_unknown_ones_are_refused() {
        assert!(check("[keys]\nurl = \"https://a\"").is_err());
        assert!(check("[keys]\nsource = \"transit\"\npin_file = \"p\"").is_err());
        assert!(Settings::parse("[keys]\nsource = \"hsm\"").is_err());
        assert!(Settings::parse("[keys]\npin = \"1234\"").unwrap_err().contains("line 2"));
    }
}
