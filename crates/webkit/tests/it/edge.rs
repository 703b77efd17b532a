//! The edge around a real router.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use base::{Clock, Dice, Timestamp};
use tower::ServiceExt;
use webkit::limits::BODY_BYTES_MAX;
use webkit::request::{self, Edge, RequestContext};
use webkit::{ApiError, ApiErrors, ApiResult, Json};

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    note: String,
}

async fn create_order(order: Json<Order>) -> ApiResult<usize> {
    Ok(axum::Json(order.0.note.len()))
}

async fn fail() -> ApiResult<()> {
    Err(ApiError::internal("secret cause: table pins"))
}

async fn burst() -> ApiResult<()> {
    panic!("planted panic")
}

async fn show_time(context: RequestContext) -> String {
    format!("{} {}", context.id, context.at)
}

fn edge(secure: bool) -> Edge {
    Edge::new(Clock::manual(Timestamp(1_000)), Dice::predictable_for_tests(1), secure)
}

fn router(edge: Edge) -> Router {
    Router::new()
        .route("/v1/orders", post(create_order).get(|| async { "[]" }))
        .route("/v1/fail", get(fail))
        .route("/v1/panic", get(burst))
        .route("/v1/slow", get(std::future::pending::<String>))
        .route("/time", get(show_time))
        .route("/page-error", get(|| async { ApiError::not_found("no such page") }))
        .route("/style.css", get(|| async { ([("cache-control", "max-age=60")], "a{}") }))
        .layer(from_fn_with_state(edge, request::edge))
}

async fn ask(router: Router, request: Request<Body>) -> (u16, axum::http::HeaderMap, String) {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

fn json(body: impl Into<Body>) -> Request<Body> {
    let builder =
        Request::builder().method("POST").uri("/v1/orders").header("content-type", "application/json");
    builder.body(body.into()).unwrap()
}

#[tokio::test]
async fn every_error_has_the_one_format_and_names_the_request() {
    let cases = [
        (request("GET", "/v1/nowhere"), 404, "not_found"),
        (request("GET", "/v1/fail"), 500, "internal"),
        (request("GET", "/v1/panic"), 500, "internal"),
        (request("DELETE", "/v1/orders"), 405, "method_not_allowed"),
        (request("TRACE", "/v1/orders"), 405, "method_not_allowed"),
        (request("QUERY", "/v1/orders"), 405, "method_not_allowed"),
        (request("POST", "/v1/orders"), 415, "unsupported_media_type"),
        (json("{\"note\": 1}"), 400, "invalid_request"),
        (json("{\"note\": \"\", \"x\": 1}"), 400, "invalid_request"),
        (json(vec![b' '; BODY_BYTES_MAX + 1]), 413, "payload_too_large"),
    ];
    for (request, status, code) in cases {
        let name = format!("{} {}", request.method(), request.uri());
        let (got, headers, body) = ask(router(edge(false)), request).await;
        assert_eq!(got, status, "{name}: {body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["error"]["code"], code, "{name}");
        assert_eq!(body["error"]["request_id"], headers["x-request-id"].to_str().unwrap(), "{name}");
        assert!(body["error"]["details"].is_array() && body["error"]["message"].is_string(), "{name}");
        assert!(
            !body.to_string().contains("secret cause") && !body.to_string().contains("planted"),
            "{name}"
        );
        assert_eq!(headers["content-type"], "application/json", "{name}");
    }
}

#[tokio::test]
async fn fz_1_a_method_not_offered_is_405_with_allow() {
    for method in ["TRACE", "QUERY", "DELETE", "PUT", "CONNECT", "PROPFIND"] {
        for (path, expected) in
            [("/v1/orders", vec!["GET", "HEAD", "POST"]), ("/v1/fail", vec!["GET", "HEAD"])]
        {
            let (status, headers, _) = ask(router(edge(false)), request(method, path)).await;
            let mut allow: Vec<_> = headers["allow"].to_str().unwrap().split([',', ' ']).collect();
            allow.retain(|name| !name.is_empty());
            allow.sort_unstable();
            assert_eq!((status, allow), (405, expected), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn bodies_have_a_limit_on_both_sides_however_they_are_sent() {
    let note = |bytes: usize| format!("{{\"note\":\"{}\"}}", "a".repeat(bytes - "{\"note\":\"\"}".len()));
    assert_eq!(ask(router(edge(false)), json(note(BODY_BYTES_MAX))).await.0, 200);
    assert_eq!(ask(router(edge(false)), json(note(BODY_BYTES_MAX + 1))).await.0, 413);
    let chunks = |count: usize| {
        let chunk = || Ok::<_, std::io::Error>(vec![b' '; 1024]);
        Body::from_stream(futures_util::stream::iter((0..count).map(move |_| chunk())))
    };
    assert_eq!(ask(router(edge(false)), json(chunks(65))).await.0, 413);
    assert_eq!(ask(router(edge(false)), json(chunks(64))).await.0, 400);
    let announced = Request::builder()
        .method("POST")
        .uri("/v1/orders")
        .header("content-type", "application/json")
        .header("content-length", BODY_BYTES_MAX + 1)
        .body(Body::empty());
    assert_eq!(ask(router(edge(false)), announced.unwrap()).await.0, 413);
}

#[tokio::test]
async fn a_slow_handler_is_503_after_the_time_limit() {
    let edge = Edge { timeout: Duration::from_millis(20), ..edge(false) };
    let (status, headers, body) = ask(router(edge), request("GET", "/v1/slow")).await;
    assert_eq!((status, &headers["retry-after"]), (503, &HeaderValue::from_static("1")), "{body}");
}

#[tokio::test]
async fn answers_carry_security_headers() {
    let (_, headers, body) = ask(router(edge(true)), request("GET", "/time")).await;
    assert_eq!(body, format!("{} 1970-01-01T00:00:01.000Z", headers["x-request-id"].to_str().unwrap()));
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "same-origin");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(headers.contains_key("strict-transport-security"));
    let (_, headers, _) = ask(router(edge(false)), request("GET", "/style.css")).await;
    assert_eq!(headers["cache-control"], "max-age=60");
    assert!(!headers.contains_key("strict-transport-security"));
    let (_, headers, _) = ask(router(edge(false)), request("GET", "/v1/orders")).await;
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
}

#[tokio::test]
async fn browsers_see_errors_as_pages_and_the_api_does_not() {
    let page = |error: &ApiError, _: &RequestContext, _: &axum::http::HeaderMap| {
        Response::new(Body::from(format!("<h1>{}</h1>", error.message)))
    };
    let edge = edge(false).with_error_page(page);
    let html = |path: &str| {
        Request::builder().uri(path).header("accept", "text/html,*/*").body(Body::empty()).unwrap()
    };
    let (status, _, body) = ask(router(edge.clone()), html("/page-error")).await;
    assert_eq!((status, body.as_str()), (404, "<h1>no such page</h1>"));
    let (status, _, body) = ask(router(edge.clone()), html("/nowhere")).await;
    assert_eq!((status, body.as_str()), (404, "<h1>there is nothing at this address</h1>"));
    let (_, headers, _) = ask(router(edge.clone()), html("/v1/nowhere")).await;
    assert_eq!(headers["content-type"], "application/json");
    let (_, headers, _) = ask(router(edge), request("GET", "/nowhere")).await;
    assert_eq!(headers["content-type"], "application/json");
}

#[test]
fn the_openapi_description_gets_every_error_status() {
    use utoipa::IntoResponses;
    let responses = ApiErrors::responses();
    let statuses: Vec<_> = responses.keys().map(String::as_str).collect();
    assert_eq!(statuses, ["400", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503"]);
    let text = serde_json::to_string(&responses["400"]).unwrap();
    assert!(text.contains("#/components/schemas/ErrorBody") && text.contains("invalid_request"), "{text}");
}
