//! Strict readers of requests: [`Incoming`] keeps the raw bytes for digest and fingerprint, [`Json`], [`Form`] and
//! [`Query`] parse them. Size, media type and syntax are checked, and the answer says which field is wrong and where,
//! without repeating the value (it may be a PIN).

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, FieldProblem};
use crate::idempotency::{Fingerprint, IdempotencyKey};
use crate::limits::BODY_BYTES_MAX;
use crate::peer::PeerCertificate;
use crate::request::RequestContext;
use crate::signing::RequestParts;

/// A whole request, body read, nothing parsed.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its method.
    pub method: Method,
    /// Its target as received.
    pub uri: Uri,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body, at most [`BODY_BYTES_MAX`].
    pub body: Bytes,
    /// Id, time and origin.
    pub context: RequestContext,
    /// The certificate of the channel it came over.
    pub peer: Option<Arc<PeerCertificate>>,
}

impl Incoming {
    /// The body as JSON. Give `T` `#[serde(deny_unknown_fields)]`.
    ///
    /// # Errors
    /// 415 for another media type, 400 with the field path, line and column.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        check_media_type(&self.headers, "application/json")?;
        parse_json(&self.body)
    }

    /// The body as an HTML form.
    ///
    /// # Errors
    /// 415 for another media type, 400 with the field path.
    pub fn form<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        check_media_type(&self.headers, "application/x-www-form-urlencoded")?;
        parse_form(&self.body, "body")
    }

    /// The query as a struct.
    ///
    /// # Errors
    /// 400 with the field path.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        parse_form(self.uri.query().unwrap_or_default().as_bytes(), "query")
    }

    /// What an idempotency key stands for: method, target and body, under `key`; or under one of the `older` keys, which
    /// were replaced.
    pub fn fingerprint(&self, key: &aws_lc_rs::hmac::Key, older: &[aws_lc_rs::hmac::Key]) -> Fingerprint {
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        let of = |key| Fingerprint::of(key, self.method.as_str(), target, &self.body);
        older.iter().fold(of(key), |print, key| print.or_older(&of(key)))
    }

    /// The `Idempotency-Key`, where the request must have one.
    ///
    /// # Errors
    /// 400 when it is missing, repeated or malformed.
    pub fn idempotency_key(&self) -> Result<IdempotencyKey, ApiError> {
        IdempotencyKey::required(&self.headers)
    }

    /// The request as signatures see it.
    ///
    /// # Errors
    /// 400 without exactly one host.
    pub fn parts(&self) -> Result<RequestParts<'_>, ApiError> {
        Ok(RequestParts {
            method: self.method.as_str(),
            scheme: if self.context.secure { "https" } else { "http" },
            authority: find_authority(&self.uri, &self.headers)?,
            path: self.uri.path(),
            query: self.uri.query(),
            headers: &self.headers,
            trailers: None,
        })
    }
}

/// The host the request names, as sent: from the target (HTTP/2) or the `Host` field.
///
/// # Errors
/// 400 when there is none, more than one, or two that differ.
pub fn find_authority<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, ApiError> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let host = host.map(|value| value.to_str().unwrap_or_default());
    match (uri.authority().map(|authority| authority.as_str()), host, second) {
        (_, _, Some(_)) => Err(ApiError::bad_field("host", "send one `host` field")),
        (Some(target), None, _) => Ok(target),
        (Some(target), Some(host), _) if target.eq_ignore_ascii_case(host) => Ok(target),
        (None, Some(host), _) if !host.is_empty() => Ok(host),
        _ => Err(ApiError::bad_field("host", "name one host, in the `host` field or the target")),
    }
}

impl<S: Sync> FromRequest<S> for Incoming {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Incoming, ApiError> {
        let (parts, body) = request.into_parts();
        let context = RequestContext::of(&parts.extensions);
        let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        let body = read_body(body, announced.unwrap_or(0)).await?;
        let peer = PeerCertificate::of(&parts.extensions);
        Ok(Incoming { method: parts.method, uri: parts.uri, headers: parts.headers, body, context, peer })
    }
}

/// A JSON body. Unknown fields are refused when `T` has `#[serde(deny_unknown_fields)]`.
#[derive(Clone, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Json<T>, ApiError> {
        Incoming::from_request(request, state).await?.json().map(Json)
    }
}

/// The body of an HTML form.
#[derive(Clone, Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Form<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Form<T>, ApiError> {
        Incoming::from_request(request, state).await?.form().map(Form)
    }
}

/// The query of the target.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query<T>, ApiError> {
        parse_form(parts.uri.query().unwrap_or_default().as_bytes(), "query").map(Query)
    }
}

/// Reads a JSON object strictly. Where a struct is wanted `serde` would take an array of its fields as well.
///
/// # Errors
/// 400 with field path, line and column; values are not repeated.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if let Err(error) = std::str::from_utf8(body) {
        return Err(ApiError::bad_field("body", format!("not UTF-8 at byte {}", error.valid_up_to())));
    }
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(ApiError::bad_field("body", "expected an object, found an array"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = path_or(error.path(), "body");
        json_problem(field, error.inner())
    })?;
    reader.end().map_err(|error| json_problem(Cow::Borrowed("body"), &error))?;
    Ok(value)
}

/// A form or a query string; `whole` is what it is called where no field of it is wrong.
///
/// # Errors
/// 400 with the field.
pub fn parse_form<T: DeserializeOwned>(input: &[u8], whole: &'static str) -> Result<T, ApiError> {
    let pairs = serde_urlencoded::Deserializer::new(form_pairs(input));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let text = error.inner().to_string();
        ApiError::bad_request(vec![FieldProblem::new(path_or(error.path(), whole), without_value(&text))])
    })
}

fn form_pairs(input: &[u8]) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(input)
}

fn json_problem(field: Cow<'static, str>, error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(place.as_str()).unwrap_or(&text);
    let message = format!("{}, line {} column {}", without_value(what), error.line(), error.column());
    ApiError::bad_request(vec![FieldProblem::new(field, message)])
}

fn path_or(path: &serde_path_to_error::Path, whole: &'static str) -> Cow<'static, str> {
    let text = path.to_string();
    if text == "." || text.is_empty() { Cow::Borrowed(whole) } else { Cow::Owned(text) }
}

/// Drops the part of a `serde` message that repeats what was sent.
fn without_value(text: &str) -> Cow<'_, str> {
    let repeats = ["invalid type:", "invalid value:", "unknown variant", "invalid length"];
    match text.rfind("expected ") {
        Some(at) if repeats.iter().any(|start| text.starts_with(start)) => {
            Cow::Borrowed(text.get(at..).unwrap_or(text))
        }
        _ => Cow::Borrowed(text),
    }
}

fn check_media_type(headers: &HeaderMap, wanted: &str) -> Result<(), ApiError> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kind, parameters) = sent.split_once(';').unwrap_or((sent, ""));
    let parameters = parameters.trim();
    let charset_fits = parameters.is_empty()
        || parameters.eq_ignore_ascii_case("charset=utf-8")
        || parameters.eq_ignore_ascii_case("charset=\"utf-8\"");
    if kind.trim().eq_ignore_ascii_case(wanted) && charset_fits {
        return Ok(());
    }
    Err(ApiError::unsupported(wanted))
}

async fn read_body(body: axum::body::Body, announced: usize) -> Result<Bytes, ApiError> {
    if announced > BODY_BYTES_MAX {
        return Err(ApiError::payload_too_large(BODY_BYTES_MAX));
    }
    let mut stream = body.into_data_stream();
    let mut whole: Option<Vec<u8>> = None;
    let mut first = Bytes::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| ApiError::bad_field("body", "the connection ended inside the body"))?;
        let known = whole.as_ref().map_or(first.len(), Vec::len);
        if known + chunk.len() > BODY_BYTES_MAX {
            return Err(ApiError::payload_too_large(BODY_BYTES_MAX));
        }
        match &mut whole {
            Some(whole) => whole.extend_from_slice(&chunk),
            None if first.is_empty() => first = chunk,
            None => whole = Some([first.as_ref(), chunk.as_ref()].concat()),
        }
    }
    Ok(whole.map_or(first, Bytes::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        pin: String,
        items: Vec<Item>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        amount_minor: i64,
    }

    #[track_caller]
    fn refused(body: &[u8]) -> String {
        let error = parse_json::<Order>(body).unwrap_err();
        assert_eq!(error.status().as_u16(), 400);
        error.details.iter().map(|p| format!("{}: {}", p.field, p.message)).collect()
    }

    #[test]
    fn json_problems_name_field_line_and_column() {
        let found = refused(b"{\"pin\": \"1\",\n \"items\": [{\"amount_minor\": \"5\"}]}");
        assert_eq!(found, "items[0].amount_minor: expected i64, line 2 column 31");
        assert!(
            refused(b"{\"pin\":\"1\",\"items\":[],\"extra\":1}").starts_with("extra: unknown field `extra`")
        );
        assert!(refused(b"{\"pin\":\"1\",\"pin\":\"1\",\"items\":[]}").contains("duplicate field `pin`"));
        assert!(refused(b"{\"pin\":\"1\",\"items\":[]} x").starts_with("body: trailing characters"));
        assert!(refused(b"").starts_with("body: EOF"));
        assert!(refused(b"\xff\xfe").starts_with("body: not UTF-8 at byte 0"));
        assert!(refused(b"{\"pin\":\"1\",\"items\":").starts_with("items: EOF"));
        assert!(refused(&[b"{\"items\":".as_slice(), &[b'['; 60_000]].concat()).contains("line 1"));
    }

    #[test]
    fn fields_without_their_names_are_refused() {
        assert!(parse_json::<Item>(b"{\"amount_minor\":5}").is_ok());
        for body in [b"[5]".as_slice(), b" \n[5]", b"[", b"[]"] {
            let error = parse_json::<Item>(body).unwrap_err();
            assert_eq!((error.status().as_u16(), error.details[0].field.as_ref()), (400, "body"));
        }
    }

    #[test]
    fn json_problems_do_not_repeat_a_value() {
        assert_eq!(refused(b"{\"pin\": 123456, \"items\": []}"), "pin: expected a string, line 1 column 14");
    }

    #[test]
    fn forms_are_as_strict() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Login {
            name: String,
        }
        assert_eq!(parse_form::<Login>(b"name=J%C3%A9+x", "body").unwrap().name, "Jé x");
        let error = parse_form::<Login>(b"name=a&b=c", "body").unwrap_err();
        assert!(error.details[0].message.contains("unknown field `b`"), "{error:?}");
    }

    #[test]
    fn media_types_are_compared_without_parameters() {
        let check = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, text.parse().unwrap());
            check_media_type(&headers, "application/json").is_ok()
        };
        assert!(check("application/json") && check("Application/JSON; charset=UTF-8"));
        assert!(
            !check("application/json; charset=gbk") && !check("text/json") && !check("application/jsonx")
        );
        assert!(check_media_type(&HeaderMap::new(), "application/json").is_err());
    }

    #[test]
    fn exactly_one_host_is_named() {
        let check = |uri: &'static str, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            hosts.iter().for_each(|host| {
                headers.append(header::HOST, host.parse().unwrap());
            });
            find_authority(&Uri::from_static(uri), &headers).map(str::to_owned).ok()
        };
        assert_eq!(check("/x", &["a.example"]).as_deref(), Some("a.example"));
        assert_eq!(check("http://a.example/x", &[]).as_deref(), Some("a.example"));
        assert_eq!(check("http://a.example/x", &["A.example"]).as_deref(), Some("a.example"));
        assert_eq!(check("http://a.example/x", &["b.example"]), None);
        assert_eq!(check("/x", &["a.example", "b.example"]), None);
        assert_eq!(check("/x", &[]), None);
    }
}
