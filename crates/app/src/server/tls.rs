//! What a listener presents, and which clients it lets in by certificate.
//!
//! Certificate and key are files. They are read again when they change or when the program gets SIGHUP; connections that
//! are open keep what they began with, so a renewal costs nobody anything (TLS-6). Files that do not fit together are
//! refused and the old ones stay. Versions and suites are those of `rustls`: TLS 1.3, and 1.2 with ECDHE and AEAD (TLS-1), in its order and not in the client's.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest;
use base::Timestamp;
use identity::{Purpose, Watched};
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use webkit::PeerCertificate;

use super::ServeError;
use super::clients::Clients;
use crate::files::read_at_most;
use crate::limits::TLS_FILE_BYTES_MAX;

/// The files of a listener.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// For a listener that asks clients for a certificate.
    pub clients: Option<ClientFiles>,
}

/// Which clients are trusted beside those of the built-in authority.
#[derive(Clone, Debug, Default)]
pub struct ClientFiles {
    /// The operator's own authority, PEM.
    pub authority: Option<PathBuf>,
    /// What it revoked, PEM.
    pub revoked: Option<PathBuf>,
}

/// What came of reading the files again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// They are as they were.
    Same,
    /// New connections get the new ones.
    Changed,
}

/// TLS of one listener.
pub struct Tls {
    files: TlsFiles,
    loaded: RwLock<Arc<Loaded>>,
}

/// What connections begin with.
pub(super) struct Loaded {
    acceptor: TlsAcceptor,
    clients: Option<Arc<Clients>>,
    presented: Found,
    operator: Option<Found>,
    print: [u8; 32],
}

/// A certificate for the inventory.
#[derive(Clone, Copy)]
struct Found {
    fingerprint: [u8; 32],
    ends: Timestamp,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

/// The files' bytes.
struct Read {
    chain: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
    authority: Option<Vec<u8>>,
    revoked: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files. `own` are the root certificates of the built-in authority, DER; used where clients are asked.
    ///
    /// # Errors
    /// [`ServeError::Tls`] with the file and what is wrong with it.
    pub fn open(files: TlsFiles, own: &[Vec<u8>]) -> Result<Tls, ServeError> {
        let read = Read::files(&files)?;
        let print = read.print(own);
        let loaded = Loaded::make(&files, &read, own, print)?;
        Ok(Tls { files, loaded: RwLock::new(Arc::new(loaded)) })
    }

    /// Reads the files again, and takes them over when they changed.
    ///
    /// # Errors
    /// As [`Tls::open`]; what was loaded before stays.
    pub fn reload(&self, own: &[Vec<u8>]) -> Result<Reload, ServeError> {
        let read = Read::files(&self.files)?;
        let print = read.print(own);
        if print == self.current().print {
            return Ok(Reload::Same);
        }
        let loaded = Loaded::make(&self.files, &read, own, print)?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        Ok(Reload::Changed)
    }

    /// What it presents and whom it trusts by file, for the inventory. `name` is the listener's, as `listener :443`.
    pub fn watched(&self, name: &str) -> Vec<Watched> {
        let loaded = self.current();
        let watched = |purpose, name: String, found: Found| Watched {
            purpose,
            name,
            fingerprint: found.fingerprint,
            ends: found.ends,
        };
        let operator = loaded.operator.map(|found| {
            watched(Purpose::OperatorAuthority, "operator's authority for clients".to_owned(), found)
        });
        std::iter::once(watched(Purpose::Listener, name.to_owned(), loaded.presented))
            .chain(operator)
            .collect()
    }

    /// Whether clients must show a certificate.
    pub fn asks_clients(&self) -> bool {
        self.files.clients.is_some()
    }

    pub(super) fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Loaded {
    /// The handshake. `None` when it failed, or when the client's certificate is not one for a client.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Option<(TlsStream<TcpStream>, Option<Arc<PeerCertificate>>)> {
        let stream = match self.acceptor.accept(stream).await {
            Ok(stream) => stream,
            Err(problem) => {
                tracing::debug!(%problem, "the handshake failed");
                return None;
            }
        };
        let Some(clients) = &self.clients else { return Some((stream, None)) };
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        match clients.read(chain) {
            Ok(peer) => Some((stream, Some(Arc::new(peer)))),
            Err(problem) => {
                tracing::info!(problem, "a client's certificate was refused");
                None
            }
        }
    }

    fn make(files: &TlsFiles, read: &Read, own: &[Vec<u8>], print: [u8; 32]) -> Result<Loaded, ServeError> {
        let chain = certificates(&files.certificate, &read.chain)?;
        let key = PrivateKeyDer::from_pem_slice(&read.key).map_err(|e| refused(&files.key, e))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let clients = files.clients.as_ref().map(|named| trust(named, read, own, &provider)).transpose()?;
        let (clients, operator) = clients.unzip();
        let presented = found(&files.certificate, &chain)?;
        let builder = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| refused(&files.certificate, e))?;
        let builder = match &clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients) as Arc<_>),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|e| refused(&files.certificate, e))?;
        // Of what a client offers the strongest is taken, AES-256-GCM first, in whatever order it was offered.
        config.ignore_client_order = true;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        if clients.is_some() {
            // Whoever resumes a session skips the check of the certificate, so nobody does.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Loaded { acceptor, clients, presented, operator: operator.flatten(), print })
    }
}

/// Whom a listener lets in, and what the inventory says of the operator's authority.
fn trust(
    named: &ClientFiles,
    read: &Read,
    own: &[Vec<u8>],
    provider: &Arc<CryptoProvider>,
) -> Result<(Arc<Clients>, Option<Found>), ServeError> {
    let (Some(path), Some(pem)) = (&named.authority, &read.authority) else {
        let clients = Clients::new(own, &[], None, provider);
        return Ok((Arc::new(clients.map_err(|e| refused(Path::new("the built-in authority"), e))?), None));
    };
    let roots = certificates(path, pem)?;
    let clients = Clients::new(own, &roots, read.revoked.as_deref(), provider);
    let clients = clients.map_err(|e| refused(named.revoked.as_deref().unwrap_or(path), e))?;
    Ok((Arc::new(clients), Some(found(path, &roots)?)))
}

impl Read {
    fn files(files: &TlsFiles) -> Result<Read, ServeError> {
        let clients = files.clients.clone().unwrap_or_default();
        Ok(Read {
            chain: bytes_of(&files.certificate)?,
            key: zeroize::Zeroizing::new(bytes_of(&files.key)?),
            authority: clients.authority.as_deref().map(bytes_of).transpose()?,
            revoked: clients.revoked.as_deref().map(bytes_of).transpose()?,
        })
    }

    /// A hash of everything that was read, to see a change by.
    fn print(&self, own: &[Vec<u8>]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        let (none, empty) = (Vec::new(), Vec::new());
        let parts = [
            &self.chain,
            &*self.key,
            self.authority.as_ref().unwrap_or(&none),
            self.revoked.as_ref().unwrap_or(&empty),
        ];
        for part in parts.into_iter().chain(own) {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        context.finish().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, ServeError> {
    read_at_most(path, TLS_FILE_BYTES_MAX).map_err(|why| refused(path, why))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|e| refused(path, e))?;
    if read.is_empty() { Err(refused(path, "it holds no certificate")) } else { Ok(read) }
}

/// The first certificate of a file and the earliest end among all of them.
fn found(path: &Path, chain: &[CertificateDer<'_>]) -> Result<Found, ServeError> {
    let ends: Option<Vec<Timestamp>> = chain.iter().map(|der| super::clients::end_of(der)).collect();
    let earliest = ends.and_then(|ends| ends.into_iter().min());
    let (Some(first), Some(ends)) = (chain.first(), earliest) else {
        return Err(refused(path, "it holds something else than certificates"));
    };
    Ok(Found { fingerprint: identity::fingerprint(first), ends })
}

fn refused(path: &Path, why: impl fmt::Display) -> ServeError {
    ServeError::Tls { path: path.display().to_string(), why: why.to_string() }
}
