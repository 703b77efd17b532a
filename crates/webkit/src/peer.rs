//! The certificate a client showed in the handshake of TLS.
//!
//! The listener that asks for certificates checks the chain, the purpose and the time, and leaves the facts in the
//! request's extensions as `Arc<PeerCertificate>`. They come from the channel alone: no header field can make one.

use std::sync::Arc;

use axum::http::{Extensions, HeaderMap, HeaderName};
use base::Timestamp;

/// Whose signature is on a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerIssuer {
    /// Our own authority.
    Own,
    /// The authority of whoever runs the installation.
    Operator,
}

/// What a client's certificate says, its chain checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Whose signature is on it.
    pub issuer: PeerIssuer,
    /// The URIs among its alternative names, in order.
    pub uris: Vec<String>,
    /// Its serial number, big-endian, without leading zeros.
    pub serial: Vec<u8>,
    /// SHA-256 over its DER form.
    pub fingerprint: [u8; 32],
    /// The first instant at which it no longer holds.
    pub ends: Timestamp,
}

impl PeerCertificate {
    /// The certificate of the request's channel.
    pub fn of(extensions: &Extensions) -> Option<Arc<PeerCertificate>> {
        extensions.get::<Arc<PeerCertificate>>().cloned()
    }
}

/// What proxies and servers call the certificate of a client that they saw (TLS-3). We read none of them, and nothing
/// behind us shall.
const FORWARDED: [&str; 12] = [
    "client-cert",
    "client-cert-chain",
    "ssl-client-cert",
    "ssl-client-verify",
    "x-client-cert",
    "x-client-certificate",
    "x-client-dn",
    "x-client-verify",
    "x-forwarded-client-cert",
    "x-ssl-cert",
    "x-ssl-client-cert",
    "x-ssl-client-verify",
];

/// Takes out every field that claims to carry a client's certificate.
pub fn strip_forwarded(headers: &mut HeaderMap) {
    for name in FORWARDED {
        headers.remove(HeaderName::from_static(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn tls_3_forwarded_certificates_are_taken_out_and_nothing_else() {
        let mut headers = HeaderMap::new();
        for name in FORWARDED.into_iter().chain(["x-forwarded-for", "authorization"]) {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("a"));
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("b"));
        }
        strip_forwarded(&mut headers);
        assert_eq!(headers.keys_len(), 2);
    }
}
