//! The listener and everything it answers.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use payments::routes::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use webkit::{Edge, request};

use crate::installation::Installation;
use crate::limits::{CONNECTIONS_MAX, HEADER_SECONDS_MAX, STOP_SECONDS_MAX};

/// Why the listener could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// Certificate or key.
    #[error("cannot use the certificate `{path}`: {why}")]
    Tls {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
}

/// What the API is, for people and tools.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tillward",
        description = "Payments from the scan of a QR code to the receipt: screened, durable and provable.\n\n\
            Shops sign their requests (RFC 9421, `hmac-sha256`, tag `tillward-v1`); members and buyers send a session \
            as a bearer token. Every POST that makes or moves something takes an `Idempotency-Key`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(webkit::ErrorBody, webkit::ErrorView, webkit::FieldProblem))
)]
struct Description;

/// The description of the API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = Description::openapi();
    api.merge(payments::routes::router().split_for_parts().1);
    api.merge(identity::routes::router().split_for_parts().1);
    let bearer = |about: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build();
        SecurityScheme::Http(scheme)
    };
    let signed = "HTTP Message Signatures (RFC 9421): `Signature-Input`, `Signature`, `Content-Digest`";
    let header = ApiKeyValue::with_description("Signature", signed);
    let components = api.components.get_or_insert_with(Default::default);
    components.add_security_scheme("signature", SecurityScheme::ApiKey(ApiKey::Header(header)));
    components.add_security_scheme("member_session", bearer("a member's session, `twm_…`"));
    components.add_security_scheme("buyer_session", bearer("a buyer's session, `twb_…`"));
    api
}

/// Everything the program answers.
pub fn router(context: &Context, edge: Edge) -> Router {
    let description: Arc<str> = openapi().to_json().unwrap_or_default().into();
    let describe = |Extension(text): Extension<Arc<str>>| async move {
        ([(axum::http::header::CONTENT_TYPE, "application/json")], text.to_string())
    };
    let (payments, _) = payments::routes::router().with_state::<()>(context.clone()).split_for_parts();
    let (identity, _) = identity::routes::router().with_state::<()>(context.identity.clone()).split_for_parts();
    Router::new()
        .merge(payments)
        .merge(identity)
        .route("/openapi.json", get(describe))
        .route("/health", get(|| async { "ok" }))
        .route(webkit::page::assets::ROUTE, get(webkit::page::assets::find_asset))
        .merge(payments::desk::router(context.clone()))
        .layer(Extension(description))
        .layer(from_fn_with_state(edge, request::edge))
}

/// What stands before every request: the clock, the caller's address, errors in one format.
pub fn edge(installation: &Installation, secure: bool, trusted_proxies: &[IpAddr]) -> Edge {
    Edge::new(installation.clock.clone(), installation.dice.clone(), secure)
        .behind_proxies(trusted_proxies)
        .with_error_page(payments::desk::error_page)
}

/// Done when the program is asked to stop: Ctrl-C, or a termination signal.
pub async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}

/// A bound listener, with TLS where a certificate is given.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Binds `address`.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind(address: SocketAddr, tls: Option<(&Path, &Path)>) -> Result<Listener, ServeError> {
        let tls = tls.map(|(certificate, key)| acceptor(certificate, key)).transpose()?;
        let tcp = TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
        Ok(Listener { tcp, tls })
    }

    /// Where it listens; the port is chosen by the system when 0 was asked for.
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp.local_addr().ok()
    }

    /// Serves until `stop` is done, then lets running requests end.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>) {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                () = &mut stop => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file descriptors or the like: wait for others to close.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let (router, tls, watcher) = (router.clone(), self.tls.clone(), graceful.watcher());
            tokio::spawn(async move {
                answer(stream, peer, router, tls, watcher).await;
                drop(permit);
            });
        }
        let ended = tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), graceful.shutdown()).await;
        if ended.is_err() {
            tracing::warn!("some requests did not end in time");
        }
    }
}

async fn answer(
    stream: TcpStream, peer: SocketAddr, router: Router, tls: Option<TlsAcceptor>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let _ = stream.set_nodelay(true);
    let service = router.map_request(move |mut request: Request<_>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let service = TowerToHyperService::new(service);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(HEADER_SECONDS_MAX));
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(100);
    let served = match tls {
        None => {
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            watcher.watch(connection).await
        }
        Some(tls) => {
            let limit = Duration::from_secs(HEADER_SECONDS_MAX);
            let Ok(Ok(stream)) = tokio::time::timeout(limit, tls.accept(stream)).await else { return };
            watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned()).await
        }
    };
    if let Err(problem) = served {
        tracing::debug!(%problem, %peer, "connection ended");
    }
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, ServeError> {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let refused = |path: &Path, why: String| ServeError::Tls { path: path.display().to_string(), why };
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certificate).map_err(|e| refused(certificate, e.to_string()))?.collect();
    let chain = chain.map_err(|e| refused(certificate, e.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| refused(key, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| refused(certificate, e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private);
    let mut config = config.map_err(|e| refused(certificate, e.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
