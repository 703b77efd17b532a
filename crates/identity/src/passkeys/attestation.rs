//! Whose make an authenticator is, where the installation asks for it (WA-5; WebAuthn L3 §8.2 and §8.3).
//!
//! Promises:
//! - nobody is asked unless the operator named the makers' roots, and a buyer never is;
//! - a statement counts that was signed for this very registration, by a certificate that leads to one of those roots at
//!   this moment, and the root's own certificate holds at this moment too;
//! - where models are named as well, the device is one of them. One that hides its model (an AAGUID of zeros) is none;
//! - what comes without a maker's certificate, or in another form than `packed` and `tpm`, is refused.
//!
//! Not asked: whether a maker withdrew its word since. Makers say so to FIDO's metadata service alone, which is not read.
//!
//! Reading order: `object` (what comes), `maker` (certificates), `packed`, `tpm`.

use std::fmt;
use std::str::FromStr;

use base::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::ceremony::PasskeyProblem;
use super::key::PublicKey;

mod maker;
mod object;
mod packed;
#[cfg(test)]
mod tests;
mod tpm;

pub(super) use object::{AttestationObject, Statement};

/// Whose authenticators members and operators may add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationPolicy {
    roots: Vec<Root>,
    models: Vec<Model>,
}

/// A maker's root, and when its own certificate holds: a path asks that of all below it, not of the root.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Root {
    anchor: TrustAnchor<'static>,
    begins: Timestamp,
    ends: Timestamp,
}

/// A model of authenticator: its AAGUID, which its maker gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model(pub [u8; 16]);

/// Why a policy cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationPolicyError {
    /// An AAGUID proves nothing without its maker's signature.
    #[error("models count only with the roots of their makers")]
    NoRoot,
    /// Counted from 1.
    #[error("certificate {0} is not one that others can lead to")]
    Root(usize),
}

/// A text that is no AAGUID, or the one of zeros, by which a device hides its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an AAGUID, as `2fc0579f-8113-47ea-b116-bb5a8db9202a`")]
pub struct ModelError;

/// A registration whose maker is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    /// What the statement is about: authenticator data and the hash of the client data, in one.
    pub signed: &'a [u8],
    /// The new key.
    pub key: &'a PublicKey,
    /// What the authenticator says it is.
    pub model: Model,
    /// The instant of the registration.
    pub now: Timestamp,
}

impl AttestationPolicy {
    /// Of these roots. Without `models`, every model of theirs counts.
    ///
    /// # Errors
    /// [`AttestationPolicyError`].
    pub fn new(
        roots: &[CertificateDer<'_>],
        models: Vec<Model>,
    ) -> Result<AttestationPolicy, AttestationPolicyError> {
        if roots.is_empty() {
            return Err(AttestationPolicyError::NoRoot);
        }
        let read = |(at, der)| Root::read(der).ok_or(AttestationPolicyError::Root(at + 1));
        let roots = roots.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(AttestationPolicy { roots, models })
    }

    /// The roots that no longer hold at an instant: their places, counted from 1, and the first instant of each without it.
    pub fn roots_over_at(&self, at: Timestamp) -> impl Iterator<Item = (usize, Timestamp)> {
        let over = self.roots.iter().enumerate().filter(move |(_, root)| root.ends <= at);
        over.map(|(place, root)| (place + 1, root.ends))
    }

    /// Whether a maker we know stands for this registration.
    ///
    /// # Errors
    /// [`PasskeyProblem::NoMaker`], [`PasskeyProblem::Statement`], [`PasskeyProblem::UnknownMaker`],
    /// [`PasskeyProblem::Model`].
    pub(super) fn check(
        &self,
        object: &AttestationObject<'_>,
        claim: &Claim<'_>,
    ) -> Result<(), PasskeyProblem> {
        let check = match object.format {
            "packed" => packed::check,
            "tpm" => tpm::check,
            _ => return Err(PasskeyProblem::NoMaker),
        };
        let statement = Statement::read(object.statement).ok_or(PasskeyProblem::Statement)?;
        if statement.certificates.is_empty() {
            return Err(PasskeyProblem::NoMaker);
        }
        let hold = self.roots.iter().filter(|root| (root.begins..root.ends).contains(&claim.now));
        let anchors: Vec<TrustAnchor<'_>> = hold.map(|root| root.anchor.clone()).collect();
        check(&anchors, &statement, claim)?;
        let listed = self.models.is_empty() || self.models.contains(&claim.model);
        if listed { Ok(()) } else { Err(PasskeyProblem::Model) }
    }
}

impl Root {
    fn read(der: &CertificateDer<'_>) -> Option<Root> {
        let anchor = webpki::anchor_from_trusted_cert(der).ok()?.to_owned();
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let validity = certificate.validity();
        let begins = Timestamp(0).plus_seconds(validity.not_before.timestamp());
        // It holds for the whole of its last second.
        let ends = Timestamp(0).plus_seconds(validity.not_after.timestamp().saturating_add(1));
        Some(Root { anchor, begins, ends })
    }
}

impl FromStr for Model {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Model, ModelError> {
        let groups: Vec<usize> = text.split('-').map(str::len).collect();
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let is_uuid = groups == [8, 4, 4, 4, 12] && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(&digits, 16).ok().filter(|number| is_uuid && *number != 0);
        Ok(Model(number.ok_or(ModelError)?.to_be_bytes()))
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", u128::from_be_bytes(self.0));
        let (a, rest) = digits.split_at(8);
        let (b, rest) = rest.split_at(4);
        let (c, rest) = rest.split_at(4);
        let (d, e) = rest.split_at(4);
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}
