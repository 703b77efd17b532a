//! Entry points for fuzzers: what a machine shows on the listener for machines. None may panic.

/// A client's certificate.
pub fn peer_certificate(der: &[u8]) {
    crate::server::fuzz_peer(der);
}
