//! Statements of security keys, in the form `packed` (WebAuthn L3 §8.2).

use rustls_pki_types::TrustAnchor;
use x509_parser::prelude::X509Certificate;
use x509_parser::x509::AttributeTypeAndValue;

use super::super::ceremony::PasskeyProblem;
use super::{Claim, Statement, maker};

/// Checks that the maker signed the registration itself.
pub(super) fn check(
    roots: &[TrustAnchor<'_>],
    statement: &Statement<'_>,
    claim: &Claim<'_>,
) -> Result<(), PasskeyProblem> {
    let certificate = maker::check(roots, statement, claim.signed, claim)?;
    if is_named(&certificate) { Ok(()) } else { Err(PasskeyProblem::Statement) }
}

/// §8.2.1: country, maker, the words every such certificate has, and a name.
fn is_named(certificate: &X509Certificate<'_>) -> bool {
    let subject = certificate.subject();
    let mut unit = subject.iter_organizational_unit();
    let text = |one: &AttributeTypeAndValue<'_>| one.as_str().is_ok_and(|text| !text.is_empty());
    unit.any(|one| one.as_str() == Ok("Authenticator Attestation"))
        && subject.iter_country().next().is_some_and(text)
        && subject.iter_organization().next().is_some_and(text)
        && subject.iter_common_name().next().is_some_and(text)
}
