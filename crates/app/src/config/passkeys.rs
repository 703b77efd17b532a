//! Settings of whose passkeys members and operators may add (WA-5).

use std::path::PathBuf;

use base::Timestamp;
use identity::passkeys::{AttestationPolicy, AttestationPolicyError, Model};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;

use super::ConfigError;
use crate::files::read_at_most;
use crate::limits::{ATTESTATION_ROOT_WARNING_DAYS, ATTESTATION_ROOTS_BYTES_MAX};

const DAY_SECONDS: i64 = 86_400;
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
    /// [`ConfigError::Named`] with the certificate. A root that is over is none: it lets nobody in, and payments begin
    /// without it ([`Passkeys::warnings`]).
    pub fn read(&self) -> Result<AttestationPolicy, ConfigError> {
        let setting = "passkeys attestation_roots";
        let refused = |why: String| ConfigError::Named { setting, path: self.roots.clone(), why };
        let pem = read_at_most(&self.roots, ATTESTATION_ROOTS_BYTES_MAX).map_err(refused)?;
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let roots = roots.map_err(|e| refused(e.to_string()))?;
        AttestationPolicy::new(&roots, self.models.clone()).map_err(|error| match error {
            AttestationPolicyError::NoRoot => refused("it holds no certificate in PEM".to_owned()),
            AttestationPolicyError::Root(_) => refused(error.to_string()),
        })
    }

    /// What the operator should know at the start: each root that is over, or soon will be.
    pub fn warnings(&self, policy: &AttestationPolicy, now: Timestamp) -> Vec<String> {
        let soon = now.plus_seconds(ATTESTATION_ROOT_WARNING_DAYS * DAY_SECONDS);
        let path = self.roots.display();
        let warning = |(place, ends): (usize, Timestamp)| {
            let when = if ends <= now { "held until" } else { "holds only until" };
            let ends = ends.to_rfc3339();
            format!(
                "passkeys attestation_roots: certificate {place} of `{path}` {when} {ends}; ask its maker for the next"
            )
        };
        policy.roots_over_at(soon).map(warning).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
        let refused = passkeys.read().unwrap_err().to_string();
        for part in ["passkeys attestation_roots", "roots.pem", "No such file"] {
            assert!(refused.contains(part), "{refused}");
        }
        std::fs::write(&path, "").unwrap();
        assert!(passkeys.read().unwrap_err().to_string().contains("no certificate"));
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let refused = passkeys.read().unwrap_err().to_string();
        for part in ["passkeys attestation_roots", "roots.pem", "certificate 1"] {
            assert!(refused.contains(part), "{refused}");
        }
        let made = rcgen::generate_simple_self_signed(Vec::new()).unwrap();
        std::fs::write(&path, made.cert.pem()).unwrap();
        assert!(passkeys.read().is_ok());
        let filled = |more: usize| made.cert.pem() + &" ".repeat(more - made.cert.pem().len());
        std::fs::write(&path, filled(ATTESTATION_ROOTS_BYTES_MAX)).unwrap();
        assert!(passkeys.read().is_ok());
        std::fs::write(&path, filled(ATTESTATION_ROOTS_BYTES_MAX + 1)).unwrap();
        assert!(passkeys.read().unwrap_err().to_string().contains("must have at most"));
    }

    #[test]
    fn wa_5_the_start_warns_of_a_root_that_ends_within_thirty_days() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        let root = |year| {
            let mut params = rcgen::CertificateParams::default();
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
        };
        std::fs::write(&path, root(2040) + &root(2030)).unwrap();
        let passkeys = settings(Some(&path), &[]).check().unwrap().unwrap();
        let policy = passkeys.read().unwrap();
        let at = |text: &str| passkeys.warnings(&policy, Timestamp::parse_rfc3339(text).unwrap());
        assert_eq!(at("2029-12-02T00:00:00Z"), Vec::<String>::new());
        let soon = at("2029-12-02T00:00:01Z");
        assert!(soon.len() == 1 && soon[0].contains("attestation_roots: certificate 2 of `"), "{soon:?}");
        assert!(soon[0].contains("roots.pem` holds only until 2030-01-01T00:00:01"), "{soon:?}");
        let over = at("2030-01-01T00:00:01Z");
        assert!(over.len() == 1 && over[0].contains("held until"), "{over:?}");
    }

    #[test]
    fn wa_5_a_model_of_zeros_is_none() {
        let zeros = "00000000-0000-0000-0000-000000000000";
        let refused =
            settings(Some(Path::new("roots.pem")), &[MODEL, zeros]).check().unwrap_err().to_string();
        assert!(refused.contains("passkeys models") && refused.contains(zeros), "{refused}");
    }
}
