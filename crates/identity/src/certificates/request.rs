//! A client's request for a certificate (PKCS #10). Only its public key is taken, and only after the request's own
//! signature has shown that the client holds the private key. What else it asks for is not even looked at.

use rcgen::SubjectPublicKeyInfo;
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
    OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ED25519,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo as KeyInfo;

use crate::limits::{REQUEST_BYTES_MAX, RSA_BITS_MAX, RSA_BITS_MIN};

/// Smallest public exponent of an RSA key that is taken (NIST SP 800-56B).
const RSA_EXPONENT_MIN: u64 = 65_537;

/// Why a request for a certificate was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestProblem {
    /// Too long.
    #[error("must have at most {REQUEST_BYTES_MAX} bytes")]
    TooLong,
    /// Not PKCS #10 in PEM.
    #[error("must be one PKCS #10 request in PEM, beginning with `-----BEGIN CERTIFICATE REQUEST-----`")]
    Malformed,
    /// A key we do not take.
    #[error("key must be EC P-256 or P-384, Ed25519, or RSA of {RSA_BITS_MIN} to {RSA_BITS_MAX} bits")]
    Key,
    /// The signature is wrong, or of a kind we do not take.
    #[error("must be signed with its own key, by ECDSA or RSA with SHA-256 or better, or Ed25519")]
    Signature,
}

/// The public key of a request whose sender holds the private one.
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    key: SubjectPublicKeyInfo,
}

impl CertificateRequest {
    /// Reads a request in PEM.
    ///
    /// # Errors
    /// [`RequestProblem`].
    pub fn parse(text: &str) -> Result<CertificateRequest, RequestProblem> {
        if text.len() > REQUEST_BYTES_MAX {
            return Err(RequestProblem::TooLong);
        }
        let der = CertificateSigningRequestDer::from_pem_slice(text.as_bytes());
        let der = der.map_err(|_| RequestProblem::Malformed)?;
        let (rest, request) =
            X509CertificationRequest::from_der(&der).map_err(|_| RequestProblem::Malformed)?;
        if !rest.is_empty() {
            return Err(RequestProblem::Malformed);
        }
        let info = &request.certification_request_info.subject_pki;
        check_key(info)?;
        if !is_sound(&request) || request.verify_signature().is_err() {
            return Err(RequestProblem::Signature);
        }
        let key = SubjectPublicKeyInfo::from_der(info.raw).map_err(|_| RequestProblem::Key)?;
        Ok(CertificateRequest { key })
    }

    pub(crate) fn key(&self) -> &SubjectPublicKeyInfo {
        &self.key
    }
}

fn check_key(info: &KeyInfo<'_>) -> Result<(), RequestProblem> {
    let kind = &info.algorithm.algorithm;
    let curve = || info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let good = if *kind == OID_SIG_ED25519 {
        true
    } else if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY {
        curve().is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384)
    } else if *kind == OID_PKCS1_RSAENCRYPTION {
        matches!(info.parsed(), Ok(PublicKey::RSA(key))
            if (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&key.key_size())
                && key.try_exponent().is_ok_and(|exponent| exponent >= RSA_EXPONENT_MIN && exponent % 2 == 1))
    } else {
        false
    };
    if good { Ok(()) } else { Err(RequestProblem::Key) }
}

/// Whether the signature is of a kind that is still sound; what verifies it would take SHA-1 too.
fn is_sound(request: &X509CertificationRequest<'_>) -> bool {
    let kind = &request.signature_algorithm.algorithm;
    [
        OID_SIG_ECDSA_WITH_SHA256,
        OID_SIG_ECDSA_WITH_SHA384,
        OID_SIG_ED25519,
        OID_PKCS1_SHA256WITHRSA,
        OID_PKCS1_SHA384WITHRSA,
        OID_PKCS1_SHA512WITHRSA,
    ]
    .contains(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};

    fn request(kind: &'static SignatureAlgorithm) -> String {
        let key = KeyPair::generate_for(kind).unwrap();
        CertificateParams::new(vec!["owner.example".to_owned()])
            .unwrap()
            .serialize_request(&key)
            .unwrap()
            .pem()
            .unwrap()
    }

    #[test]
    fn tls_2_keys_of_today_are_taken() {
        for kind in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
            assert!(CertificateRequest::parse(&request(kind)).is_ok(), "{kind:?}");
        }
    }

    fn rsa_request(size: rcgen::RsaKeySize) -> String {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).unwrap();
        CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap()
    }

    #[test]
    fn asvs_11_2_3_rsa_keys_of_3072_bits_are_taken_and_shorter_ones_refused_with_what_to_do() {
        assert_eq!(RSA_BITS_MIN, 3072);
        assert!(CertificateRequest::parse(&rsa_request(rcgen::RsaKeySize::_3072)).is_ok());
        let refused = CertificateRequest::parse(&rsa_request(rcgen::RsaKeySize::_2048)).unwrap_err();
        assert_eq!(refused, RequestProblem::Key);
        assert!(refused.to_string().ends_with("or RSA of 3072 to 4096 bits"), "{refused}");
    }

    #[test]
    fn tls_2_a_request_that_its_key_did_not_sign_is_refused() {
        let good = request(&rcgen::PKCS_ED25519);
        let mut der = CertificateSigningRequestDer::from_pem_slice(good.as_bytes()).unwrap().to_vec();
        let last = der.len() - 1;
        der[last] ^= 1;
        let (_, forged) = X509CertificationRequest::from_der(&der).unwrap();
        assert!(is_sound(&forged) && forged.verify_signature().is_err());
        let text = pem(&der);
        assert_eq!(CertificateRequest::parse(&text).unwrap_err(), RequestProblem::Signature);
    }

    #[test]
    fn other_texts_are_refused_at_the_limit_and_past_it() {
        for bad in
            ["", "hello", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"]
        {
            assert_eq!(CertificateRequest::parse(bad).unwrap_err(), RequestProblem::Malformed, "{bad}");
        }
        let good = request(&rcgen::PKCS_ED25519);
        let padded = |bytes: usize| format!("{}{good}", "\n".repeat(bytes - good.len()));
        assert!(CertificateRequest::parse(&padded(REQUEST_BYTES_MAX)).is_ok());
        assert_eq!(
            CertificateRequest::parse(&padded(REQUEST_BYTES_MAX + 1)).unwrap_err(),
            RequestProblem::TooLong
        );
    }

    #[test]
    fn tls_2_keys_of_other_kinds_are_refused() {
        let good = request(&rcgen::PKCS_ECDSA_P256_SHA256);
        let der = CertificateSigningRequestDer::from_pem_slice(good.as_bytes()).unwrap().to_vec();
        // The object identifier of P-256 becomes that of another curve of the same length.
        let p256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        let at = der.windows(8).position(|bytes| bytes == p256).unwrap();
        let mut other = der.clone();
        other[at + 7] = 0x01;
        assert_eq!(CertificateRequest::parse(&pem(&other)).unwrap_err(), RequestProblem::Key);
    }

    fn pem(der: &[u8]) -> String {
        super::super::pem_text("CERTIFICATE REQUEST", der)
    }
}
