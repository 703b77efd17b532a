//! The edge of every request: id, time, origin, time limit, caught panics, one error format and security headers.
//!
//! [`edge`] is the outermost middleware. It reads the clock once; handlers take the [`RequestContext`].

use std::any::Any;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use base::{Clock, Dice, RequestId, ShopId, Timestamp};
use futures_util::FutureExt;

use crate::error::{self, ApiError};
use crate::limits::REQUEST_MS_MAX;

/// The response field that names the request.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where browsers report what a page tried to load against its policy. By `report-uri`, which all of them know and send at
/// once; beside a `report-to` some would ignore it, and that one works over TLS alone.
pub const REPORTS_PATH: &str = "/csp-reports";
/// What pages may load: this site alone, no inline script or style; QR codes may be `data:` images. What a browser stops,
/// it reports.
pub(crate) const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                                      form-action 'self'; frame-ancestors 'none'; report-uri /csp-reports";
/// What a page may ask the browser for.
pub(crate) const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const NO_PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=()";
/// The same on the page that asks for the payer's place.
pub const PLACE_PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(self), payment=()";
/// Two years, for every name below ours.
const TLS_ALONE: &str = "max-age=63072000; includeSubDomains";
/// What an answer of the API may load: nothing.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Characters of an unknown path's first segment that reach the log; all our own are shorter.
const SEGMENT_CHARS_LOGGED: usize = 16;

/// What is known of a request before anything of it is read.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext {
    /// Names the request in answers, log and audit.
    pub id: RequestId,
    /// When it arrived; the one reading of the clock.
    pub at: Timestamp,
    /// Who connected.
    pub remote: Option<IpAddr>,
    /// Whether the caller sees TLS.
    pub secure: bool,
}

impl RequestContext {
    /// The context [`edge`] left; in its absence (a handler under test) an empty one.
    pub fn of(extensions: &Extensions) -> RequestContext {
        extensions.get().copied().unwrap_or_else(|| RequestContext {
            id: RequestId::new(ShopId::HOUSE, Timestamp(0), &Dice::System),
            at: Timestamp(0),
            remote: None,
            secure: false,
        })
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<RequestContext, Infallible> {
        Ok(RequestContext::of(&parts.extensions))
    }
}

/// Shows an error to a person: gets the error, the context and the request's headers (for the language).
pub type ErrorPage = dyn Fn(&ApiError, &RequestContext, &HeaderMap) -> Response + Send + Sync;

/// How the edge behaves.
#[derive(Clone)]
pub struct Edge {
    /// The clock.
    pub clock: Clock,
    /// Request ids come from it.
    pub dice: Dice,
    /// Callers see TLS: cookies and links are secure, and HSTS is sent.
    pub secure: bool,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Shows errors to browsers outside the API; JSON without it.
    pub error_page: Option<Arc<ErrorPage>>,
    /// Proxies whose `x-forwarded-for` is believed. Anybody else's is ignored.
    pub trusted_proxies: Arc<[IpAddr]>,
}

impl Edge {
    /// An edge with the usual time limit and errors in JSON.
    pub fn new(clock: Clock, dice: Dice, secure: bool) -> Edge {
        Edge {
            clock,
            dice,
            secure,
            timeout: Duration::from_millis(REQUEST_MS_MAX),
            error_page: None,
            trusted_proxies: Arc::new([]),
        }
    }

    /// The same behind proxies that name the caller in `x-forwarded-for`.
    #[must_use]
    pub fn behind_proxies(mut self, proxies: &[IpAddr]) -> Edge {
        self.trusted_proxies = proxies.into();
        self
    }

    /// Who called: who connected, or whom a trusted proxy names. The last name that is not a trusted proxy counts, since
    /// all before it could be the caller's own invention.
    fn caller(&self, connected: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let connected = connected?.to_canonical();
        if !self.trusted_proxies.contains(&connected) {
            return Some(connected);
        }
        let named = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = named.flat_map(|value| value.split(',')).collect();
        let parsed = named.iter().rev().map_while(|name| name.trim().parse::<IpAddr>().ok());
        let mut outside = parsed.map(|address| address.to_canonical());
        outside.find(|address| !self.trusted_proxies.contains(address)).or(Some(connected))
    }

    /// The same with errors shown as pages to browsers.
    #[must_use]
    pub fn with_error_page(
        mut self,
        page: impl Fn(&ApiError, &RequestContext, &HeaderMap) -> Response + Send + Sync + 'static,
    ) -> Edge {
        self.error_page = Some(Arc::new(page));
        self
    }
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edge")
            .field("secure", &self.secure)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What of a request decides how its error looks.
struct Asker {
    method: Method,
    /// For the log; see [`loggable_path`].
    path: String,
    /// Kept only where a page may be shown.
    headers: Option<HeaderMap>,
}

/// The outermost middleware: `Router::layer(middleware::from_fn_with_state(edge, request::edge))`.
pub async fn edge(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let at = edge.clock.now();
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let context = RequestContext {
        id: RequestId::new(ShopId::HOUSE, at, &edge.dice),
        at,
        remote: edge.caller(connected, request.headers()),
        secure: edge.secure,
    };
    request.extensions_mut().insert(context);
    crate::peer::strip_forwarded(request.headers_mut());
    let api = is_api(request.uri().path());
    let shows_page = !api && edge.error_page.is_some() && accepts_html(request.headers());
    let asker = Asker {
        method: request.method().clone(),
        path: loggable_path(&request),
        headers: shows_page.then(|| request.headers().clone()),
    };
    let mut response =
        bounded(edge.timeout, next.run(request)).await.unwrap_or_else(|error| error.to_response(None));
    if response.status().is_client_error() || response.status().is_server_error() {
        response = show_error(&edge, &context, &asker, response);
    }
    add_headers(&mut response, &context, api);
    response
}

/// Runs a handler within its time and without its panic.
async fn bounded(limit: Duration, work: impl Future<Output = Response>) -> Result<Response, ApiError> {
    match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(panic)) => Err(ApiError::internal(format!("panic: {}", panic_text(&*panic)))),
        Err(_) => Err(ApiError::unavailable(1, "the time limit of the request passed")),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("of another type")
}

/// Gives every error the one format, whoever made it, and logs ours once.
fn show_error(edge: &Edge, context: &RequestContext, asker: &Asker, response: Response) -> Response {
    let made_here = response.extensions().get::<ApiError>().cloned();
    let Some(error) = made_here.or_else(|| of_bare_status(&response)) else { return response };
    log(context, asker, &error);
    match (&edge.error_page, &asker.headers) {
        (Some(page), Some(headers)) => {
            let mut shown = page(&error, context, headers);
            *shown.status_mut() = error.status();
            error.add_headers(&mut shown);
            shown
        }
        _ => error.to_response(Some(context.id)),
    }
}

/// The error behind a response that a router or extractor of `axum` made; `None` for a handler's own page.
fn of_bare_status(response: &Response) -> Option<ApiError> {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if !kind.is_empty() && !kind.starts_with(b"text/plain") {
        return None;
    }
    let status = response.status();
    Some(match status {
        StatusCode::NOT_FOUND => ApiError::not_found("there is nothing at this address"),
        // The router that calls this layer adds the route's own `Allow`, unless there is one already.
        StatusCode::METHOD_NOT_ALLOWED => {
            ApiError::method_not_allowed(response.headers().get(header::ALLOW).cloned())
        }
        StatusCode::UNAUTHORIZED => ApiError::unauthenticated("sign in, or send a valid key or session"),
        StatusCode::FORBIDDEN => ApiError::forbidden("the caller may not do this"),
        StatusCode::CONFLICT => ApiError::conflict("the request conflicts with the present state"),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::payload_too_large(crate::limits::BODY_BYTES_MAX),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::unsupported("application/json"),
        StatusCode::UNPROCESSABLE_ENTITY => ApiError::unprocessable("the request cannot be carried out"),
        StatusCode::TOO_MANY_REQUESTS => ApiError::too_many(1),
        StatusCode::SERVICE_UNAVAILABLE => ApiError::unavailable(1, "answered without a cause"),
        other if other.is_server_error() => ApiError::internal(format!("answered {other} without a cause")),
        _ => ApiError::new(&error::INVALID_REQUEST, "the address or the request is malformed"),
    })
}

fn log(context: &RequestContext, asker: &Asker, error: &ApiError) {
    let (id, code, cause) = (context.id, error.code.name, error.cause().unwrap_or_default());
    let (method, path) = (asker.method.as_str(), asker.path.as_str());
    if error.status() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(%id, method, path, code, cause, "request failed");
    } else if error.status().is_server_error() {
        tracing::warn!(%id, method, path, code, cause, "request could not be answered");
    } else {
        tracing::debug!(%id, method, path, code, cause, "request refused");
    }
}

/// What the log may show of a request's path: the route's pattern, or the first segment where no route matched. A segment
/// may be a one-time link or a payment code, and whoever reads the log must not be able to use it.
pub fn loggable_path(request: &Request) -> String {
    shorten_path(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str), request.uri().path())
}

fn shorten_path(matched: Option<&str>, path: &str) -> String {
    if let Some(pattern) = matched {
        return pattern.to_owned();
    }
    let first: String =
        path.split('/').nth(1).unwrap_or_default().chars().take(SEGMENT_CHARS_LOGGED).collect();
    let rest = path.strip_prefix('/').is_some_and(|rest| rest.len() > first.len());
    if rest { format!("/{first}/…") } else { format!("/{first}") }
}

/// Whether a path belongs to the API: JSON in, JSON out, nothing cached.
pub fn is_api(path: &str) -> bool {
    path == "/openapi.json"
        || path.strip_prefix("/v1").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Adds what every answer has; a handler's own choice stays, for example the caching of a style sheet.
fn add_headers(response: &mut Response, context: &RequestContext, api: bool) {
    if let Ok(id) = HeaderValue::from_str(&context.id.to_string()) {
        response.headers_mut().insert(&REQUEST_ID, id);
    }
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    if api {
        default(header::CONTENT_SECURITY_POLICY, API_POLICY);
    }
    list_page_headers().into_iter().for_each(|(name, value)| default(name, value));
    if context.secure {
        default(header::STRICT_TRANSPORT_SECURITY, TLS_ALONE);
    }
}

/// The security headers of every page, beside `strict-transport-security` where callers see TLS. A page that asks for the
/// payer's place has [`PLACE_PERMISSIONS`].
pub fn list_page_headers() -> [(HeaderName, &'static str); 8] {
    [
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: with it browsers send `Origin: null` with forms.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (PERMISSIONS_POLICY, NO_PERMISSIONS),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c31_one_time_links_and_codes_do_not_reach_the_log() {
        let logged = |matched, path| shorten_path(matched, path);
        assert_eq!(logged(Some("/setup/{token}"), "/setup/tws_secret"), "/setup/{token}");
        assert_eq!(logged(None, "/setup/tws_secret"), "/setup/…");
        assert_eq!(logged(None, "/tws_0123456789abcdef0123456789"), "/tws_0123456789ab/…");
        assert_eq!(
            (logged(None, "/"), logged(None, "/me"), logged(None, "")),
            ("/".into(), "/me".into(), "/".into())
        );
    }
}
