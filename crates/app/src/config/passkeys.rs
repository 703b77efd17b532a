//! Settings of whose passkeys members and operators may add (WA-5).

use std::io::Read;
use std::path::{Path, PathBuf};

use identity::passkeys::{AttestationPolicy, AttestationPolicyError, Model};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;

use super::ConfigError;
use crate::limits::ATTESTATION_ROOTS_BYTES_MAX;

pub(super) const VARIABLES: [&str; 2] = ["TILLWARD_PASSKEYS_ATTESTATION_ROOTS", "TILLWARD_PASSKEYS_MODELS"];

/// Settings as given in one place.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasskeySettings {
    /// Members and operators add only passkeys whose maker these roots stand for (PEM); docs/sign-in.md shows how
    #[arg(
        id = "passkeys_attestation_roots",
        long = "passkeys-attestation-roots",
        value_name = "FILE",
        env = "TILLWARD_PASSKEYS_ATTESTATION_ROOTS"
    )]
    pub attestation_roots: Option<PathBuf>,
    /// passkeys: and only of these models: their AAGUIDs, separated by commas
    #[arg(
        id = "passkeys_models",
        long = "passkeys-models",
        value_name = "AAGUIDS",
        env = "TILLWARD_PASSKEYS_MODELS",
        value_delimiter = ','
    )]
    pub models: Option<Vec<String>>,
}

/// Whose passkeys count, as it is set; the roots not yet read.
#[derive(Clone, Debug)]
pub struct Passkeys {
    roots: PathBuf,
    models: Vec<Model>,
}

impl PasskeySettings {
    pub(super) fn or(self, other: PasskeySettings) -> PasskeySettings {
        PasskeySettings {
            attestation_roots: self.attestation_roots.or(other.attestation_roots),
            models: self.models.or(other.models),
        }
    }

    pub(super) fn check(self) -> Result<Option<Passkeys>, ConfigError> {
        let model = |text: String| match text.trim().parse() {
            Ok(model) => Ok(model),
            Err(_) => Err(ConfigError::Model(text)),
        };
        let models = self.models.unwrap_or_default().into_iter().map(model).collect::<Result<Vec<_>, _>>()?;
        match self.attestation_roots {
            Some(roots) => Ok(Some(Passkeys { roots, models })),
            None if models.is_empty() => Ok(None),
            None => Err(ConfigError::Conflict(
                "passkeys models need passkeys attestation_roots: without its maker's signature a model proves nothing",
            )),
        }
    }
}

impl Passkeys {
    /// Reads the roots.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn read(&self) -> Result<AttestationPolicy, ConfigError> {
        let refused = |why: String| ConfigError::File { path: self.roots.clone(), why };
        let pem = read_whole(&self.roots).map_err(refused)?;
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let roots = roots.map_err(|e| refused(e.to_string()))?;
        AttestationPolicy::new(&roots, self.models.clone()).map_err(|error| match error {
            AttestationPolicyError::NoRoot => refused("it holds no certificate in PEM".to_owned()),
            AttestationPolicyError::Root(_) => refused(error.to_string()),
        })
    }
}

fn read_whole(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    file.take(ATTESTATION_ROOTS_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    let fits = u64::try_from(bytes.len()).unwrap_or(u64::MAX) <= ATTESTATION_ROOTS_BYTES_MAX;
    if fits { Ok(bytes) } else { Err(format!("it must have at most {ATTESTATION_ROOTS_BYTES_MAX} bytes")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = "2fc0579f-8113-47ea-b116-bb5a8db9202a";

    fn settings(roots: Option<&Path>, models: &[&str]) -> PasskeySettings {
        let models = (!models.is_empty()).then(|| models.iter().map(|text| (*text).to_owned()).collect());
        PasskeySettings { attestation_roots: roots.map(Path::to_owned), models }
    }

    #[test]
    fn wa_5_models_need_roots_and_are_aaguids() {
        let refused = |roots, models: &[&str]| settings(roots, models).check().unwrap_err().to_string();
        assert!(settings(None, &[]).check().unwrap().is_none());
        assert!(refused(None, &[MODEL]).contains("attestation_roots"));
        assert!(refused(Some(Path::new("roots.pem")), &[MODEL, "yubikey"]).contains("`yubikey`"));
        assert!(settings(Some(Path::new("roots.pem")), &[MODEL]).check().unwrap().is_some());
    }

    #[test]
    fn wa_5_roots_are_a_file_of_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        let passkeys = settings(Some(&path), &[]).check().unwrap().unwrap();
        assert!(passkeys.read().is_err(), "no file");
        std::fs::write(&path, "").unwrap();
        assert!(passkeys.read().unwrap_err().to_string().contains("no certificate"));
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(passkeys.read().unwrap_err().to_string().contains("certificate 1"));
        let made = rcgen::generate_simple_self_signed(Vec::new()).unwrap();
        std::fs::write(&path, made.cert.pem()).unwrap();
        assert!(passkeys.read().is_ok());
        let filled = |more: usize| made.cert.pem() + &" ".repeat(more - made.cert.pem().len());
        std::fs::write(&path, filled(ATTESTATION_ROOTS_BYTES_MAX as usize)).unwrap();
        assert!(passkeys.read().is_ok());
        std::fs::write(&path, filled(ATTESTATION_ROOTS_BYTES_MAX as usize + 1)).unwrap();
        assert!(passkeys.read().unwrap_err().to_string().contains("at most"));
    }
}
