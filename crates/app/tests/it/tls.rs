//! TLS from the outside: only TLS 1.2 and 1.3 with the certificate that was given, and no way around it.
//!
//! The certificate is made by the `openssl` command; where that is not installed the tests say so and end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, NamedGroup, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedCipherSuite, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::town::{Served, Town};

const ANSWER_SECONDS_MAX: u64 = 20;
const CERTIFICATE: &str = "[req]\ndistinguished_name = name\nx509_extensions = own\nprompt = no\n[name]\nCN = localhost\n\
    [own]\nsubjectAltName = DNS:localhost\nbasicConstraints = critical, CA:FALSE\n";

/// A server with a certificate for `localhost`; none where there is no `openssl`.
struct Guarded {
    served: Served,
    roots: RootCertStore,
    _folder: tempfile::TempDir,
}

fn serve() -> Option<Guarded> {
    let folder = tempfile::tempdir().unwrap();
    if !make_certificate(folder.path()) {
        println!("skipped: there is no `openssl` command to make a certificate with");
        return None;
    }
    let town = Town::found(folder.path(), None, 0);
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let served = town.serve_with(&[
        "--tls-certificate",
        &chain.display().to_string(),
        "--tls-key",
        &key.display().to_string(),
    ]);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&chain).unwrap()).unwrap();
    Some(Guarded { served, roots, _folder: folder })
}

fn make_certificate(folder: &Path) -> bool {
    std::fs::write(folder.join("request.cnf"), CERTIFICATE).unwrap();
    let mut command = Command::new("openssl");
    command.current_dir(folder).args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]);
    command.args([
        "-nodes",
        "-days",
        "2",
        "-config",
        "request.cnf",
        "-keyout",
        "key.pem",
        "-out",
        "chain.pem",
    ]);
    match command.output() {
        Err(absent) if absent.kind() == std::io::ErrorKind::NotFound => false,
        done => {
            let done = done.unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            true
        }
    }
}

impl Guarded {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.served.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX))).unwrap();
        stream
    }

    /// Asks for `/health` over this version of TLS; gives the version that was agreed on and the answer.
    fn ask(
        &self,
        roots: &RootCertStore,
        name: &'static str,
        version: &'static SupportedProtocolVersion,
    ) -> Result<(ProtocolVersion, String), std::io::Error> {
        self.ask_any(roots, name, &[version])
    }

    /// As [`Guarded::ask`], where the server has the choice.
    fn ask_any(
        &self,
        roots: &RootCertStore,
        name: &'static str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<(ProtocolVersion, String), std::io::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let config = config.with_root_certificates(roots.clone()).with_no_client_auth();
        let name = ServerName::try_from(name).unwrap();
        let mut stream =
            StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), self.connect());
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok((stream.conn.protocol_version().unwrap(), answer.to_lowercase()))
    }

    /// The suite that is agreed on with a client that offers these, best first in its own eyes.
    fn agree(&self, suites: &[SupportedCipherSuite]) -> Option<CipherSuite> {
        let provider = CryptoProvider {
            cipher_suites: suites.to_vec(),
            ..rustls::crypto::aws_lc_rs::default_provider()
        };
        self.shake_hands(provider)?.negotiated_cipher_suite().map(|suite| suite.suite())
    }

    /// A connection of a client that can do this; `None` where nothing is agreed on.
    fn shake_hands(&self, provider: CryptoProvider) -> Option<ClientConnection> {
        let config = ClientConfig::builder_with_provider(Arc::new(provider));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(self.roots.clone()).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut tcp = self.connect();
        while client.is_handshaking() {
            client.complete_io(&mut tcp).ok()?;
        }
        Some(client)
    }

    /// Sends bytes as they are; gives what comes back until the connection ends.
    fn send_plain(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}

#[test]
fn tls_1_2_and_1_3_are_spoken_with_the_certificate_given_and_hsts() {
    let Some(guarded) = serve() else { return };
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (agreed, answer) = guarded.ask(&guarded.roots, "localhost", version).unwrap();
        assert_eq!(agreed, version.version);
        assert!(answer.starts_with("http/1.1 200 ok\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
        assert!(answer.contains("\r\nstrict-transport-security: max-age=63072000"), "{answer}");
    }
    // The test's own client does look at the certificate.
    let elsewhere = guarded.ask(&guarded.roots, "other.example", &rustls::version::TLS13).unwrap_err();
    assert!(elsewhere.to_string().contains("not valid for name"), "{elsewhere}");
    assert!(guarded.ask(&RootCertStore::empty(), "localhost", &rustls::version::TLS13).is_err());
}

#[test]
fn tls_1_of_the_versions_that_both_speak_the_newest_is_taken() {
    let Some(guarded) = serve() else { return };
    for both in [
        [&rustls::version::TLS12, &rustls::version::TLS13],
        [&rustls::version::TLS13, &rustls::version::TLS12],
    ] {
        let (agreed, answer) = guarded.ask_any(&guarded.roots, "localhost", &both).unwrap();
        assert_eq!(agreed, ProtocolVersion::TLSv1_3);
        assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
    }
}

#[test]
fn asvs_12_1_2_the_strongest_suite_is_taken_in_whatever_order_they_are_offered() {
    let Some(guarded) = serve() else { return };
    let all = rustls::crypto::aws_lc_rs::default_provider().cipher_suites;
    let newest = |suite: &SupportedCipherSuite| suite.tls13().is_some();
    let reversed = |fits: &dyn Fn(&SupportedCipherSuite) -> bool| -> Vec<_> {
        all.iter().rev().filter(|suite| fits(suite)).copied().collect()
    };
    let (every, older) = (reversed(&|_| true), reversed(&|suite| !newest(suite)));
    let new = reversed(&newest);
    assert_ne!(new[0].suite(), CipherSuite::TLS13_AES_256_GCM_SHA384, "the client wants another one most");
    assert_eq!(guarded.agree(&every), Some(CipherSuite::TLS13_AES_256_GCM_SHA384));
    assert_eq!(guarded.agree(&new), Some(CipherSuite::TLS13_AES_256_GCM_SHA384));
    // The certificate has a key on P-256.
    let strongest = Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384);
    assert_eq!(guarded.agree(&older), strongest);
    // Whoever has one of the others alone gets that.
    for one in new.iter().chain(&older) {
        let name = format!("{:?}", one.suite());
        let agreed = guarded.agree(&[*one]);
        assert_eq!(agreed, (!name.contains("_RSA_")).then(|| one.suite()), "{name}");
    }
}

#[test]
fn asvs_11_2_2_a_client_that_likes_a_post_quantum_exchange_best_gets_it() {
    let Some(guarded) = serve() else { return };
    for (groups, agreed) in [
        (vec![kx_group::X25519MLKEM768, kx_group::X25519], NamedGroup::X25519MLKEM768),
        (vec![kx_group::X25519, kx_group::SECP256R1], NamedGroup::X25519),
    ] {
        let provider = CryptoProvider { kx_groups: groups, ..rustls::crypto::aws_lc_rs::default_provider() };
        let client = guarded.shake_hands(provider).unwrap();
        assert_eq!(client.negotiated_key_exchange_group().unwrap().name(), agreed);
    }
}

#[test]
fn tls_1_plain_http_to_the_same_port_gets_no_answer() {
    let Some(guarded) = serve() else { return };
    let answer = guarded.send_plain(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));
    assert!(!String::from_utf8_lossy(&answer).contains("ok"));
    assert!(guarded.ask(&guarded.roots, "localhost", &rustls::version::TLS13).is_ok(), "it lives on");
}

#[test]
fn tls_1_older_versions_are_refused() {
    const FATAL_PROTOCOL_VERSION: [u8; 2] = [2, 70];
    let Some(guarded) = serve() else { return };
    for (minor, name) in [(0, "SSL 3.0"), (1, "TLS 1.0"), (2, "TLS 1.1")] {
        let answer = guarded.send_plain(&client_hello(minor));
        assert_eq!(answer.first(), Some(&21), "{name}: not an alert: {answer:?}");
        assert_eq!(answer.get(5..7), Some(FATAL_PROTOCOL_VERSION.as_slice()), "{name}: {answer:?}");
    }
    // The same greeting with TLS 1.2 in it is answered: what was refused above is the version.
    let answer = guarded.send_plain(&client_hello(3));
    assert_eq!(answer.first(), Some(&22), "TLS 1.2: not a handshake: {answer:?}");
}

/// A `ClientHello` (RFC 5246, 7.4.1.2) of version `3.minor` without `supported_versions`.
fn client_hello(minor: u8) -> Vec<u8> {
    let mut extensions = Vec::new();
    // server_name `localhost`; supported_groups P-256; ec_point_formats; signature_algorithms ecdsa_p256_sha256;
    // extended_master_secret.
    for (kind, data) in [
        (0u8, [&[0, 12, 0, 0, 9][..], b"localhost"].concat()),
        (10, vec![0, 2, 0, 23]),
        (11, vec![1, 0]),
        (13, vec![0, 2, 4, 3]),
        (23, vec![]),
    ] {
        extensions.extend([0, kind, 0, data.len() as u8]);
        extensions.extend(data);
    }
    let mut body = vec![3, minor];
    body.extend([7; 32]);
    // No session; ECDHE-ECDSA-AES128-GCM-SHA256 and ECDHE-ECDSA-AES128-SHA; no compression.
    body.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x09, 1, 0]);
    body.extend([0, extensions.len() as u8]);
    body.extend(extensions);
    let mut hello = vec![22, 3, minor.min(1), 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    hello.extend(body);
    hello
}
