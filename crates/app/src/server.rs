//! The listener and everything it answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use identity::desk::{Hall, Menu};
use payments::routes::Context;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;
use webkit::{Edge, PeerCertificate, request};

use crate::installation::Installation;
use crate::limits::{
    CONNECTIONS_MAX, CONNECTIONS_PER_PEER_MAX, FILES_RESERVED, HEADER_SECONDS_MAX, PING_EVERY_SECONDS,
    PING_SECONDS_MAX, STOP_SECONDS_MAX,
};

mod clients;
mod peers;
mod renewal;
mod tls;

pub(crate) use clients::fuzz as fuzz_peer;
use peers::{Peers, Place};
pub use renewal::Renewal;
pub use tls::{ClientFiles, Reload, Tls, TlsFiles};

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

/// Everything the program answers.
pub fn router(context: &Context, edge: Edge) -> Router {
    let hall = hall(context);
    interface(context)
        .route(webkit::page::assets::ROUTE, get(webkit::page::assets::find_asset))
        .merge(identity::routes::oauth_router().with_state(context.identity.clone()))
        .merge(identity::desk::router(&hall))
        .merge(tokens::desk::router(hall.clone()))
        .merge(crate::approvals::pages(context.clone(), &hall))
        .merge(crate::cases::desk::router(hall.clone()))
        .merge(payments::desk::router(context.clone(), hall))
        .merge(crate::page_watch::reports::router(&context.identity))
        .layer(from_fn_with_state(edge, request::edge))
}

/// What the listener for machines answers: the interface, and no pages.
pub fn machine_router(context: &Context, edge: Edge) -> Router {
    interface(context).layer(from_fn_with_state(edge, request::edge))
}

fn interface(context: &Context) -> Router {
    let describe =
        || async { ([(axum::http::header::CONTENT_TYPE, "application/json")], crate::openapi::as_json()) };
    let (payments, _) = payments::routes::router().with_state::<()>(context.clone()).split_for_parts();
    let (identity, _) =
        identity::routes::router().with_state::<()>(context.identity.clone()).split_for_parts();
    let (keys, _) = crate::keys::router().with_state::<()>(context.identity.clone()).split_for_parts();
    let (tokens, _) = tokens::routes::router().with_state::<()>(context.identity.clone()).split_for_parts();
    let (approvals, _) = crate::approvals::router().with_state::<()>(context.clone()).split_for_parts();
    let (cases, _) = crate::cases::routes::router().with_state::<()>(context.clone()).split_for_parts();
    Router::new()
        .merge(payments)
        .merge(cases)
        .merge(approvals)
        .merge(tokens)
        .merge(identity)
        .merge(keys)
        .route("/openapi.json", get(describe))
        .route("/health", get(|| async { "ok" }))
}

/// The shell of all pages, to whose bar every domain adds its sections.
fn hall(context: &Context) -> Hall {
    let domains =
        [identity::desk::menu(), payments::desk::menu(), crate::cases::desk::menu(), tokens::desk::menu()];
    let entries = domains.into_iter().flatten();
    Hall::new(context.identity.clone(), Menu::new(entries), Arc::new(payments::desk::Trade))
}

/// What stands before every request: the clock, the caller's address, errors in one format.
pub fn edge(installation: &Installation, secure: bool, trusted_proxies: &[IpAddr]) -> Edge {
    Edge::new(installation.clock.clone(), installation.dice.clone(), secure)
        .behind_proxies(trusted_proxies)
        .with_error_page(identity::desk::error_page)
}

/// Done when the program is asked to stop: Ctrl-C, or a termination signal. From this call on neither ends the program
/// by itself, also while nobody waits yet. To be called inside the runtime.
pub fn asked_to_stop() -> impl Future<Output = ()> {
    let [interrupt, terminate] =
        [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok());
    async move {
        tokio::select! {
            () = asked_by(interrupt) => {}
            () = asked_by(terminate) => {}
        }
    }
}

async fn asked_by(signal: Option<Signal>) {
    match signal {
        Some(mut signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// How much a listener takes.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Connections open at once.
    pub connections_max: usize,
    /// The same from one network address.
    pub per_peer_max: usize,
    /// How long a connection may take until its first request is there.
    pub first_request: Duration,
}

impl Default for Capacity {
    /// What the limits of the program and the system's limit of open files allow.
    fn default() -> Capacity {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let files = open_files_max(&limits).unwrap_or(usize::MAX);
        Capacity {
            connections_max: CONNECTIONS_MAX.min(files.saturating_sub(FILES_RESERVED)).max(1),
            per_peer_max: CONNECTIONS_PER_PEER_MAX,
            first_request: Duration::from_secs(HEADER_SECONDS_MAX),
        }
    }
}

/// The soft limit of open files, from the text of `/proc/self/limits`.
fn open_files_max(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A bound listener, with TLS where a certificate is given.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<Arc<Tls>>,
    capacity: Capacity,
    trusted_proxies: Vec<IpAddr>,
}

impl Listener {
    /// Binds `address`.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn bind(address: SocketAddr, tls: Option<Arc<Tls>>) -> Result<Listener, ServeError> {
        let tcp =
            TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
        Ok(Listener { tcp, tls, capacity: Capacity::default(), trusted_proxies: Vec::new() })
    }

    /// The same, behind proxies that may open as many connections as they need.
    #[must_use]
    pub fn behind_proxies(self, proxies: &[IpAddr]) -> Listener {
        Listener { trusted_proxies: proxies.to_vec(), ..self }
    }

    /// The same with another capacity.
    #[must_use]
    pub fn with_capacity(self, capacity: Capacity) -> Listener {
        Listener { capacity, ..self }
    }

    /// Where it listens; the port is chosen by the system when 0 was asked for.
    pub fn address(&self) -> Option<SocketAddr> {
        self.tcp.local_addr().ok()
    }

    /// Serves until `stop` is done, then lets running requests end.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>) {
        let room = Arc::new(Semaphore::new(self.capacity.connections_max));
        if self.capacity.connections_max < CONNECTIONS_MAX {
            tracing::info!(
                connections_max = self.capacity.connections_max,
                "raise the limit of open files for more connections"
            );
        }
        let peers = Peers::new(self.capacity.per_peer_max, &self.trusted_proxies);
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let (permit, stream, peer) = tokio::select! {
                accepted = self.accept(&room) => accepted,
                () = &mut stop => break,
            };
            let Some(place) = peers.enter(peer.ip()) else {
                tracing::debug!(%peer, "too many connections from one address");
                continue;
            };
            let client = Client { stream, peer, place, permit, first_request: self.capacity.first_request };
            tokio::spawn(client.answer(router.clone(), self.tls.clone(), graceful.watcher()));
        }
        let ended = tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), graceful.shutdown()).await;
        if ended.is_err() {
            tracing::warn!("some requests did not end in time");
        }
    }

    /// The next connection, once there is room for it.
    async fn accept(&self, room: &Arc<Semaphore>) -> (Option<OwnedSemaphorePermit>, TcpStream, SocketAddr) {
        // INVARIANT: the semaphore is never closed, so there is always a permit.
        let permit = Arc::clone(room).acquire_owned().await.ok();
        loop {
            match self.tcp.accept().await {
                Ok((stream, peer)) => return (permit, stream, peer),
                // Out of file descriptors or the like: wait for others to close.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

/// A connection that was let in.
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    permit: Option<OwnedSemaphorePermit>,
    first_request: Duration,
}

impl Client {
    async fn answer(self, router: Router, tls: Option<Arc<Tls>>, watcher: Watcher) {
        let Client { stream, peer, place, permit, first_request } = self;
        let asked = Arc::new(Notify::new());
        let served = serve_stream(stream, peer, router, tls, watcher, Arc::clone(&asked));
        tokio::select! {
            () = served => {}
            () = silence(first_request, &asked) => tracing::debug!(%peer, "no request came in time"),
        }
        drop((place, permit));
    }
}

/// Done when no request came in time; never, once one did. Whatever the connection waits for meanwhile (the handshake of
/// TLS, the first byte, the rest of the head) counts.
async fn silence(limit: Duration, asked: &Notify) {
    if tokio::time::timeout(limit, asked.notified()).await.is_ok() {
        std::future::pending().await
    }
}

async fn serve_stream(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tls: Option<Arc<Tls>>,
    watcher: Watcher,
    asked: Arc<Notify>,
) {
    let _ = stream.set_nodelay(true);
    match tls.map(|tls| tls.current()) {
        None => serve_requests(stream, Caller { peer, certificate: None }, router, watcher, asked).await,
        Some(tls) => {
            let Some((stream, certificate)) = tls.accept(stream).await else { return };
            serve_requests(stream, Caller { peer, certificate }, router, watcher, asked).await;
        }
    }
}

/// Who is at the other end of a connection.
struct Caller {
    peer: SocketAddr,
    certificate: Option<Arc<PeerCertificate>>,
}

async fn serve_requests<S>(stream: S, caller: Caller, router: Router, watcher: Watcher, asked: Arc<Notify>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = caller.peer;
    let service = router.map_request(move |mut request: Request<_>| {
        asked.notify_one();
        request.extensions_mut().insert(ConnectInfo(caller.peer));
        if let Some(certificate) = &caller.certificate {
            request.extensions_mut().insert(Arc::clone(certificate));
        }
        request
    });
    let service = TowerToHyperService::new(service);
    let connection = protocol().serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(problem) = watcher.watch(connection).await {
        tracing::debug!(%problem, %peer, "connection ended");
    }
}

fn protocol() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(HEADER_SECONDS_MAX));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .keep_alive_interval(Duration::from_secs(PING_EVERY_SECONDS))
        .keep_alive_timeout(Duration::from_secs(PING_SECONDS_MAX));
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    const SHORT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(60);

    /// A server on this machine: its address, what stops it, and when it has stopped.
    async fn start(capacity: Capacity) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), None).await.unwrap();
        let (address, (stop, stopped)) = (listener.address().unwrap(), oneshot::channel());
        let router = Router::new().route("/", get(|| async { "hello" }));
        let serving = listener.with_capacity(capacity).serve(router, async { drop(stopped.await) });
        (address, stop, tokio::spawn(serving))
    }

    fn capacity(connections_max: usize, first_request: Duration) -> Capacity {
        Capacity { connections_max, per_peer_max: 1, first_request }
    }

    async fn ask(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn fz_1_a_silent_connection_is_closed_whatever_it_began_with() {
        let (address, _stop, _) = start(capacity(10, SHORT)).await;
        let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        for beginning in [b"".as_slice(), b"P", b"GET / HTTP/1.1\r\nhost", &preface[..20], preface] {
            let begun = Instant::now();
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(beginning).await.unwrap();
            let mut rest = Vec::new();
            let read = tokio::time::timeout(10 * SHORT, stream.read_to_end(&mut rest)).await;
            assert!(read.is_ok(), "{beginning:?} holds its connection");
            assert!(begun.elapsed() >= SHORT, "{beginning:?} was not waited for");
        }
        assert!(ask(address).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn a_connection_that_asked_stays_for_its_next_request() {
        let (address, _stop, _) = start(capacity(10, SHORT)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..2 {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let mut answer = [0; 512];
            let read = stream.read(&mut answer).await.unwrap();
            assert!(answer[..read].ends_with(b"hello"));
            tokio::time::sleep(2 * SHORT).await;
        }
    }

    #[tokio::test]
    async fn the_program_stops_while_every_connection_is_taken() {
        let (address, stop, serving) = start(capacity(1, LONG)).await;
        let _first = TcpStream::connect(address).await.unwrap();
        let _waits = TcpStream::connect(address).await.unwrap();
        tokio::time::sleep(SHORT).await;
        stop.send(()).unwrap();
        let stopped = tokio::time::timeout(Duration::from_secs(5), serving).await;
        assert!(stopped.is_ok(), "still running");
    }

    #[tokio::test]
    async fn whoever_asks_to_stop_before_anybody_waits_is_heard() {
        for name in ["TERM", "INT"] {
            let stop = asked_to_stop();
            let itself = std::process::id().to_string();
            let sent = std::process::Command::new("kill").args(["-s", name, &itself]).status();
            assert!(sent.unwrap().success());
            assert!(tokio::time::timeout(LONG, stop).await.is_ok(), "{name} was not heard");
        }
    }

    #[test]
    fn the_systems_limit_of_open_files_is_heeded() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max open files            1024                 524288               files     \n";
        assert_eq!(open_files_max(text), Some(1024));
        assert_eq!(open_files_max(&text.replace("1024", "unlimited")), None);
        assert_eq!(open_files_max(""), None);
    }
}
