//! The certificate a maker signs its statements with: whether it leads to a root, signed this one, and is for that.
//!
//! Paths and signatures are `webpki`'s work, as for TLS; what WebAuthn asks of the certificate besides is read with
//! `x509-parser`.

use std::time::Duration;

use base::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::aws_lc_rs::{
    ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P256_SHA512, ECDSA_P384_SHA256, ECDSA_P384_SHA384,
    ECDSA_P384_SHA512, ECDSA_P521_SHA256, ECDSA_P521_SHA384, ECDSA_P521_SHA512, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

use super::super::ceremony::PasskeyProblem;
use super::{Claim, Statement};

/// How certificates on the way to a root may be signed.
const PATH: [&dyn SignatureVerificationAlgorithm; 13] = [
    ECDSA_P256_SHA256,
    ECDSA_P256_SHA384,
    ECDSA_P256_SHA512,
    ECDSA_P384_SHA256,
    ECDSA_P384_SHA384,
    ECDSA_P384_SHA512,
    ECDSA_P521_SHA256,
    ECDSA_P521_SHA384,
    ECDSA_P521_SHA512,
    ED25519,
    RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512,
];
/// `id-fido-gen-ce-aaguid`: the model, in a maker's certificate.
const MODEL_EXTENSION: &str = "1.3.6.1.4.1.45724.1.1.4";

/// Purposes of certificates are no matter of the path: WebAuthn asks for one of a TPM's own certificate alone, and makers'
/// authorities write into theirs what they like.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// Checks that the maker's certificate leads to one of `roots` and signed `message`; gives it, read.
pub(super) fn check<'a>(
    roots: &[TrustAnchor<'_>],
    statement: &Statement<'a>,
    message: &[u8],
    claim: &Claim<'_>,
) -> Result<X509Certificate<'a>, PasskeyProblem> {
    let broken = PasskeyProblem::Statement;
    let (first, between) = statement.certificates.split_first().ok_or(PasskeyProblem::NoMaker)?;
    let der = CertificateDer::from(*first);
    let leaf = EndEntityCert::try_from(&der).map_err(|_| broken)?;
    let between: Vec<CertificateDer<'_>> = between.iter().map(|der| CertificateDer::from(*der)).collect();
    let verified = leaf.verify_for_usage(&PATH, roots, &between, instant(claim.now), AnyPurpose, None, None);
    verified.map_err(|_| PasskeyProblem::UnknownMaker)?;
    let algorithm = statement.algorithm.and_then(algorithm).ok_or(broken)?;
    leaf.verify_signature(algorithm, message, statement.signature.unwrap_or_default()).map_err(|_| broken)?;
    let read = X509Certificate::from_der(first).ok().filter(|(rest, _)| rest.is_empty());
    let certificate = read.map(|(_, read)| read).filter(|read| read.version() == X509Version::V3);
    certificate.filter(|read| is_no_authority(read) && names_model(read, claim)).ok_or(broken)
}

/// Both forms ask for the extension and that it says no; a path would do without it.
fn is_no_authority(certificate: &X509Certificate<'_>) -> bool {
    certificate.basic_constraints().is_ok_and(|found| found.is_some_and(|found| !found.value.ca))
}

/// Whether the certificate is for the model that the device says it is, or for all of its maker's.
fn names_model(certificate: &X509Certificate<'_>, claim: &Claim<'_>) -> bool {
    let mut found = certificate.extensions().iter().filter(|one| one.oid.to_id_string() == MODEL_EXTENSION);
    match (found.next(), found.next()) {
        (None, _) => true,
        // An octet string of 16 bytes inside the extension's own.
        (Some(one), None) => !one.critical && one.value == [&[4, 16], &claim.model.0[..]].concat(),
        _ => false,
    }
}

/// The signature algorithms of statements, by their COSE numbers.
fn algorithm(cose: i64) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    Some(match cose {
        -7 => ECDSA_P256_SHA256,
        -8 => ED25519,
        -35 => ECDSA_P384_SHA384,
        -36 => ECDSA_P521_SHA512,
        -257 => RSA_PKCS1_2048_8192_SHA256,
        _ => return None,
    })
}

fn instant(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or_default()))
}
