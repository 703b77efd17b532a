//! Which client certificates a listener takes, and what they say (TLS-2, C43).
//!
//! The chain, its time and its purpose are checked in the handshake, against the built-in authority and, where the
//! operator named one, against theirs. A certificate without `clientAuth` among its purposes is refused even where the
//! standard would let it pass, and so is an RSA key of less than 128 bits of security. Whether it was revoked by us is asked of the database at each request.

use std::sync::Arc;

use base::Timestamp;
use identity::limits::RSA_BITS_MIN;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use webkit::peer::{PeerCertificate, PeerIssuer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::limits::CLIENT_NAMES_MAX;

/// The authorities whose clients are let in.
#[derive(Debug)]
pub(super) struct Clients {
    own: Arc<dyn ClientCertVerifier>,
    operator: Option<Arc<dyn ClientCertVerifier>>,
    hints: Vec<DistinguishedName>,
}

impl Clients {
    /// `own` are our root certificates, DER; `operator` the operator's, `revoked` what that authority revoked, PEM.
    pub(super) fn new(
        own: &[Vec<u8>],
        operator: &[CertificateDer<'_>],
        revoked: Option<&[u8]>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Clients, String> {
        let own: Vec<CertificateDer<'_>> =
            own.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let own = verifier(&own, Vec::new(), provider)?;
        let lists: Result<Vec<_>, _> =
            CertificateRevocationListDer::pem_slice_iter(revoked.unwrap_or_default()).collect();
        let lists = lists.map_err(|e| e.to_string())?;
        if revoked.is_some() && lists.is_empty() {
            return Err("it holds no list of revoked certificates".to_owned());
        }
        let operator = if operator.is_empty() { None } else { Some(verifier(operator, lists, provider)?) };
        let others = operator.iter().flat_map(|other| other.root_hint_subjects());
        let hints = own.root_hint_subjects().iter().chain(others).cloned().collect();
        Ok(Clients { own, operator, hints })
    }

    /// What the certificate of a finished handshake says.
    pub(super) fn read(&self, chain: &[CertificateDer<'_>]) -> Result<PeerCertificate, &'static str> {
        let (first, rest) = chain.split_first().ok_or("there is none")?;
        let own = self.own.verify_client_cert(first, rest, UnixTime::now()).is_ok();
        read(first, if own { PeerIssuer::Own } else { PeerIssuer::Operator })
    }
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let own = self.own.verify_client_cert(end_entity, intermediates, now);
        match (own, &self.operator) {
            (Err(_), Some(operator)) => operator.verify_client_cert(end_entity, intermediates, now),
            (own, _) => own,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.own.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.own.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.own.supported_verify_schemes()
    }
}

fn verifier(
    roots: &[CertificateDer<'_>],
    lists: Vec<CertificateRevocationListDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone().into_owned()).map_err(|e| e.to_string())?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    // With a list, a certificate it does not speak of is refused, and so is everybody once the list is out of date.
    let builder = if lists.is_empty() {
        builder
    } else {
        builder.with_crls(lists).only_check_end_entity_revocation().enforce_revocation_expiration()
    };
    builder.build().map_err(|e| e.to_string())
}

fn read(der: &CertificateDer<'_>, issuer: PeerIssuer) -> Result<PeerCertificate, &'static str> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| "it cannot be read")?;
    if !rest.is_empty() {
        return Err("it cannot be read");
    }
    let usage = certificate.extended_key_usage().map_err(|_| "its purposes cannot be read")?;
    if !usage.is_some_and(|usage| usage.value.client_auth) {
        return Err("it is not for clients: `clientAuth` is not among its purposes");
    }
    if certificate.is_ca() {
        return Err("it is an authority's");
    }
    let key = certificate.public_key().parsed().map_err(|_| "its key cannot be read")?;
    if matches!(&key, PublicKey::RSA(rsa) if rsa.key_size() < RSA_BITS_MIN) {
        return Err("its RSA key has less than 3072 bits; make another one, best on P-256");
    }
    let names = certificate.subject_alternative_name().map_err(|_| "its names cannot be read")?;
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    if names.len() > CLIENT_NAMES_MAX {
        return Err("it has too many names");
    }
    let uri = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    };
    let serial = certificate.raw_serial();
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    Ok(PeerCertificate {
        issuer,
        uris: names.iter().filter_map(uri).collect(),
        serial: serial.get(zeros..).unwrap_or_default().to_vec(),
        fingerprint: identity::fingerprint(der),
        ends: end(&certificate),
    })
}

/// A certificate as a fuzzer makes it: what is taken of it keeps its limits.
pub fn fuzz(der: &[u8]) {
    if let Ok(peer) = read(&CertificateDer::from(der), PeerIssuer::Operator) {
        assert!(peer.uris.len() <= CLIENT_NAMES_MAX, "names keep their limit");
        assert!(peer.serial.first() != Some(&0) && end_of(der) == Some(peer.ends), "it is read one way");
    }
}

/// When a certificate ends; `None` for bytes that are none.
pub(super) fn end_of(der: &[u8]) -> Option<Timestamp> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| end(&certificate))
}

/// The first instant at which it no longer holds: `notAfter` itself still counts (RFC 5280).
fn end(certificate: &X509Certificate<'_>) -> Timestamp {
    Timestamp(0).plus_seconds(certificate.validity().not_after.timestamp().saturating_add(1))
}
