//! Settings of the operator's own provider for members (OpenID Connect).

use std::path::{Path, PathBuf};

use base::Secret;
use identity::outside::ProviderSettings;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::ConfigError;
use crate::files::read_at_most;
use crate::limits::SECRET_FILE_BYTES_MAX;

pub(super) const VARIABLES: [&str; 5] = [
    "TILLWARD_OIDC_ISSUER",
    "TILLWARD_OIDC_CLIENT_ID",
    "TILLWARD_OIDC_CLIENT_SECRET_FILE",
    "TILLWARD_OIDC_LABEL",
    "TILLWARD_OIDC_SECOND_FACTORS",
];

/// Settings as given in one place.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OidcSettings {
    /// Your own provider for members: its issuer, as https://id.shop.example; docs/sign-in.md shows how
    #[arg(id = "oidc_issuer", long = "oidc-issuer", value_name = "URL", env = "TILLWARD_OIDC_ISSUER")]
    pub issuer: Option<String>,
    /// oidc: what the provider knows us by
    #[arg(
        id = "oidc_client_id",
        long = "oidc-client-id",
        value_name = "ID",
        env = "TILLWARD_OIDC_CLIENT_ID"
    )]
    pub client_id: Option<String>,
    /// oidc: file with the client secret
    #[arg(
        id = "oidc_client_secret_file",
        long = "oidc-client-secret-file",
        value_name = "FILE",
        env = "TILLWARD_OIDC_CLIENT_SECRET_FILE"
    )]
    pub client_secret_file: Option<PathBuf>,
    /// oidc: what people call the provider, for the link on the sign-in page
    #[arg(id = "oidc_label", long = "oidc-label", value_name = "NAME", env = "TILLWARD_OIDC_LABEL")]
    pub label: Option<String>,
    /// oidc: values of acr and amr that count as a second factor, separated by commas; ours is asked otherwise
    #[arg(
        id = "oidc_second_factors",
        long = "oidc-second-factors",
        value_name = "VALUES",
        env = "TILLWARD_OIDC_SECOND_FACTORS",
        value_delimiter = ','
    )]
    pub second_factors: Option<Vec<String>>,
}

/// A provider as it is set, its secret not yet read.
#[derive(Clone, Debug)]
pub struct Oidc {
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    label: String,
    second_factors: Vec<String>,
}

impl OidcSettings {
    pub(super) fn or(self, other: OidcSettings) -> OidcSettings {
        OidcSettings {
            issuer: self.issuer.or(other.issuer),
            client_id: self.client_id.or(other.client_id),
            client_secret_file: self.client_secret_file.or(other.client_secret_file),
            label: self.label.or(other.label),
            second_factors: self.second_factors.or(other.second_factors),
        }
    }

    pub(super) fn check(self) -> Result<Option<Oidc>, ConfigError> {
        let more = self.client_secret_file.is_some() || self.label.is_some() || self.second_factors.is_some();
        match (self.issuer, self.client_id) {
            (None, None) if !more => Ok(None),
            (Some(issuer), Some(client_id)) => Ok(Some(Oidc {
                issuer,
                client_id,
                client_secret_file: self.client_secret_file,
                label: self.label.unwrap_or_else(|| "OpenID".to_owned()),
                second_factors: self.second_factors.unwrap_or_default(),
            })),
            _ => Err(ConfigError::Conflict("sign-in at your own provider needs oidc issuer and client_id")),
        }
    }
}

impl Oidc {
    /// Reads the secret.
    ///
    /// # Errors
    /// [`ConfigError::Named`].
    pub fn read(&self) -> Result<ProviderSettings, ConfigError> {
        Ok(ProviderSettings {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret_file.as_deref().map(read_secret).transpose()?,
            label: self.label.clone(),
            second_factors: self.second_factors.clone(),
        })
    }
}

fn read_secret(path: &Path) -> Result<Secret<String>, ConfigError> {
    let setting = "oidc client_secret_file";
    let refused = |why: String| ConfigError::Named { setting, path: path.to_owned(), why };
    let bytes = Zeroizing::new(read_at_most(path, SECRET_FILE_BYTES_MAX).map_err(refused)?);
    match std::str::from_utf8(&bytes).map(str::trim) {
        Ok(text) if !text.is_empty() => Ok(Secret::new(text.to_owned())),
        _ => Err(refused("it must hold a secret, as text".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_needs_issuer_and_client_and_its_secret_comes_from_a_file() {
        let with = |issuer: Option<&str>, client: Option<&str>, label: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let (issuer, client_id, label) = (own(issuer), own(client), own(label));
            OidcSettings { issuer, client_id, label, ..OidcSettings::default() }.check()
        };
        assert!(with(None, None, None).unwrap().is_none());
        assert!(
            with(None, None, Some("x")).is_err() && with(Some("https://id.example"), None, None).is_err()
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let oidc = Oidc {
            client_secret_file: Some(path.clone()),
            ..with(Some("https://id.example"), Some("shop"), None).unwrap().unwrap()
        };
        assert!(oidc.read().is_err(), "no file");
        std::fs::write(&path, "hush\n").unwrap();
        assert_eq!(oidc.read().unwrap().client_secret.unwrap().expose(), "hush");
        std::fs::write(&path, " \n").unwrap();
        assert!(oidc.read().is_err(), "empty");
        std::fs::write(&path, "x".repeat(SECRET_FILE_BYTES_MAX)).unwrap();
        assert!(oidc.read().is_ok(), "as long as it may be");
        std::fs::write(&path, "x".repeat(SECRET_FILE_BYTES_MAX + 1)).unwrap();
        let refused = oidc.read().unwrap_err().to_string();
        assert!(refused.contains("oidc client_secret_file") && refused.contains("must have at most"));
    }
}
