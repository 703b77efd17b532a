//! The one error format of the API, and the list of codes it may carry.
//!
//! An [`ApiError`] carries data and decides nothing about looks: as a response it is JSON, and it travels beside the
//! response as an extension, so that the edge ([`crate::request`]) can add the request id or show a page in its place.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::RequestId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};

use crate::jose::ALGORITHM_NAMES;
use crate::limits::{ERROR_DETAILS_MAX, ERROR_MESSAGE_CHARS_MAX};

/// What a handler of the API returns.
pub type ApiResult<T> = Result<axum::Json<T>, ApiError>;

/// One meaning with one name and one status. The name is part of the contract; each domain keeps its own list as
/// `pub const CODES: &[&Code]`, and a test holds that no two lists share a name.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Its name in the body, as `refund_too_large`.
    pub name: &'static str,
    /// The HTTP status it always comes with.
    pub status: u16,
    /// What it means and what to do, one line for the documentation.
    pub meaning: &'static str,
}

impl Code {
    /// Declares a code.
    pub const fn new(name: &'static str, status: u16, meaning: &'static str) -> Code {
        Code { name, status, meaning }
    }

    /// The status as the HTTP library has it; 500 for a number that is no status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

macro_rules! codes {
    ($($name:ident = $text:literal, $status:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub static $name: Code = Code::new($text, $status, $meaning);)*
        /// Every code of this crate.
        pub static CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    INVALID_REQUEST = "invalid_request", 400, "the request is malformed or has invalid fields; `details` lists every problem found";
    INVALID_CURSOR = "invalid_cursor", 400, "the cursor is not one this list gave out; start again without it";
    SIGNATURE_MALFORMED = "signature_malformed", 400, "the signature fields cannot be read as RFC 9421 says";
    IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing", 400, "this request needs an `Idempotency-Key` header";
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid", 400, "an idempotency key has 1 to 255 visible ASCII characters";
    UNAUTHENTICATED = "unauthenticated", 401, "sign in, or send a valid key or session";
    SIGNATURE_REFUSED = "signature_refused", 401, "the signature is wrong, stale, replayed or covers too little";
    FORBIDDEN = "forbidden", 403, "the caller may not do this";
    CROSS_SITE_REFUSED = "cross_site_refused", 403, "a form of this site must be sent from a page of this site";
    NOT_FOUND = "not_found", 404, "there is no such thing, or it is not the caller's to know";
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "this address has other methods; the `Allow` header lists them";
    CONFLICT = "conflict", 409, "the request conflicts with the present state";
    REQUEST_IN_PROGRESS = "request_in_progress", 409, "a request with this idempotency key still runs; ask again shortly";
    PAYLOAD_TOO_LARGE = "payload_too_large", 413, "the body is larger than allowed";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "the body is of another media type than this address reads";
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", 422, "this idempotency key was used for a different request; take a new key";
    UNPROCESSABLE = "unprocessable", 422, "the request is well formed but cannot be carried out";
    TOO_MANY_REQUESTS = "too_many_requests", 429, "too many requests; wait as `Retry-After` says";
    INTERNAL = "internal", 500, "a mistake of ours; it is in our log under the request id";
    UNAVAILABLE = "unavailable", 503, "the service cannot answer now; try again as `Retry-After` says, with the same idempotency key";
}

/// The names that occur more than once in the lists of several crates. Empty when all is well.
pub fn duplicate_codes(lists: &[&[&Code]]) -> Vec<&'static str> {
    let mut seen = BTreeMap::new();
    for code in lists.iter().copied().flatten() {
        *seen.entry(code.name).or_insert(0usize) += 1;
    }
    seen.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}

/// One problem with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Which field, as `items[0].amount_minor`; `body` for the body as a whole.
    #[schema(value_type = String)]
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    pub message: String,
}

impl FieldProblem {
    /// A problem with `field`.
    pub fn new(field: impl Into<Cow<'static, str>>, message: impl ToString) -> FieldProblem {
        FieldProblem { field: field.into(), message: message.to_string() }
    }
}

/// Gathers every problem of a request, so that all are reported at once.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<FieldProblem>);

impl Problems {
    /// No problem yet.
    pub fn new() -> Problems {
        Problems::default()
    }

    /// Notes a problem.
    pub fn add(&mut self, field: impl Into<Cow<'static, str>>, message: impl ToString) {
        self.0.push(FieldProblem::new(field, message));
    }

    /// The value of `result`, or `None` after noting its error.
    pub fn take<T, E: ToString>(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.add(field, error)).ok()
    }

    /// Whether none was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Ok` when none was noted.
    ///
    /// # Errors
    /// 400 `invalid_request` with all of them.
    pub fn check(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::bad_request(self.0)) }
    }

    /// The error, for a caller that knows there is a problem.
    pub fn into_error(self) -> ApiError {
        ApiError::bad_request(self.0)
    }
}

/// What a field of the answer tells besides the body. One field, since an error is handed up by value.
#[derive(Clone, Debug)]
enum Hint {
    /// The methods that there are.
    Allow(HeaderValue),
    /// What was wrong with an app's token or proof.
    Challenge(&'static str),
}

/// An error as the API answers it.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// What kind it is; gives the status as well.
    pub code: &'static Code,
    /// One line for the caller. Never SQL, paths or types.
    pub message: Cow<'static, str>,
    /// Problems by field.
    pub details: Vec<FieldProblem>,
    /// Seconds for `Retry-After`.
    pub retry_after_seconds: Option<u32>,
    hint: Option<Hint>,
    /// For the log alone.
    cause: Option<Arc<str>>,
}

impl ApiError {
    /// An error with `code`.
    pub fn new(code: &'static Code, message: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError {
            code,
            message: shortened(message.into()),
            details: Vec::new(),
            retry_after_seconds: None,
            hint: None,
            cause: None,
        }
    }

    /// 400 with every problem found.
    pub fn bad_request(mut problems: Vec<FieldProblem>) -> ApiError {
        problems.truncate(ERROR_DETAILS_MAX);
        let message = match problems.as_slice() {
            [one] => format!("`{}` is invalid: {}", one.field, one.message),
            many => format!("{} fields are invalid, see `details`", many.len()),
        };
        for problem in &mut problems {
            problem.message = shortened(Cow::Owned(std::mem::take(&mut problem.message))).into_owned();
        }
        ApiError { details: problems, ..ApiError::new(&INVALID_REQUEST, message) }
    }

    /// 400 with one problem.
    pub fn bad_field(field: impl Into<Cow<'static, str>>, message: impl ToString) -> ApiError {
        ApiError::bad_request(vec![FieldProblem::new(field, message)])
    }

    /// 401 `unauthenticated`.
    pub fn unauthenticated(message: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(&UNAUTHENTICATED, message)
    }

    /// 403 `forbidden`.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(&FORBIDDEN, message)
    }

    /// 404 `not_found`.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(&NOT_FOUND, message)
    }

    /// 405 `method_not_allowed` with the `Allow` header, as `GET, POST`; without it where the router adds it.
    pub fn method_not_allowed(allow: impl Into<Option<HeaderValue>>) -> ApiError {
        let error = ApiError::new(&METHOD_NOT_ALLOWED, "this address does not have that method");
        ApiError { hint: allow.into().map(Hint::Allow), ..error }
    }

    /// 409 `conflict`.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(&CONFLICT, message)
    }

    /// 413 `payload_too_large`.
    pub fn payload_too_large(bytes_max: usize) -> ApiError {
        ApiError::new(&PAYLOAD_TOO_LARGE, format!("the body must have at most {bytes_max} bytes"))
    }

    /// 415 `unsupported_media_type`.
    pub fn unsupported(wanted: &str) -> ApiError {
        ApiError::new(&UNSUPPORTED_MEDIA_TYPE, format!("send the body as `content-type: {wanted}`"))
    }

    /// 422 `unprocessable`.
    pub fn unprocessable(message: impl Into<Cow<'static, str>>) -> ApiError {
        ApiError::new(&UNPROCESSABLE, message)
    }

    /// 429 `too_many_requests` with `Retry-After`.
    pub fn too_many(retry_after_seconds: u32) -> ApiError {
        let message = format!("too many requests; try again in {retry_after_seconds} s");
        ApiError::new(&TOO_MANY_REQUESTS, message).retry_after(retry_after_seconds)
    }

    /// 503 `unavailable` with `Retry-After`; `cause` goes to the log alone.
    pub fn unavailable(retry_after_seconds: u32, cause: impl ToString) -> ApiError {
        ApiError::new(&UNAVAILABLE, "the service cannot answer now, nothing was lost; try again shortly")
            .retry_after(retry_after_seconds)
            .because(cause)
    }

    /// 500 `internal`; `cause` goes to the log alone.
    pub fn internal(cause: impl ToString) -> ApiError {
        ApiError::new(&INTERNAL, "something went wrong on our side; it is logged under the request id")
            .because(cause)
    }

    /// The same error with a cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl ToString) -> ApiError {
        self.cause = Some(cause.to_string().into());
        self
    }

    /// The same error for an app that showed a token: `WWW-Authenticate` tells `word`, one of RFC 6750 §3.1 or RFC 9449 §7.1.
    #[must_use]
    pub fn challenging(self, word: &'static str) -> ApiError {
        ApiError { hint: Some(Hint::Challenge(word)), ..self }
    }

    /// The same error with `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> ApiError {
        self.retry_after_seconds = Some(seconds.max(1));
        self
    }

    /// The status its code has.
    pub fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// What the log may know beyond the message.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The body as the API sends it.
    pub fn body(&self, request: Option<RequestId>) -> ErrorBody {
        ErrorBody {
            error: ErrorView {
                code: Cow::Borrowed(self.code.name),
                message: self.message.clone().into_owned(),
                details: self.details.clone(),
                request_id: request.map(|id| id.to_string()),
            },
        }
    }

    /// The response in JSON, with the request id where it is known. The error travels along as an extension.
    pub fn to_response(&self, request: Option<RequestId>) -> Response {
        let body = serde_json::to_vec(&self.body(request)).unwrap_or_default();
        let json = HeaderValue::from_static("application/json");
        let mut response = (self.status(), [(header::CONTENT_TYPE, json)], body).into_response();
        self.add_headers(&mut response);
        response.extensions_mut().insert(self.clone());
        response
    }

    /// Adds `Retry-After`, `Allow` and `WWW-Authenticate` where they belong.
    pub fn add_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
        if let Some(seconds) = self.retry_after_seconds {
            set(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(Hint::Allow(allow)) = &self.hint {
            set(header::ALLOW, allow.clone());
        }
        if let Some(value) = self.challenge_value() {
            set(header::WWW_AUTHENTICATE, value);
        }
    }

    /// How to show who calls, and to an app what was wrong.
    fn challenge_value(&self) -> Option<HeaderValue> {
        let algorithms = ALGORITHM_NAMES.join(" ");
        let text = match self.hint {
            Some(Hint::Challenge(word)) => {
                let told = self.message.replace(['"', '\\'], "'");
                format!(r#"DPoP error="{word}", error_description="{told}", algs="{algorithms}""#)
            }
            _ if self.status() == StatusCode::UNAUTHORIZED => {
                format!(r#"Signature, Bearer, DPoP algs="{algorithms}""#)
            }
            _ => return None,
        };
        HeaderValue::from_str(&text).ok()
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.code.status, self.code.name, self.message)
    }
}

impl std::error::Error for ApiError {}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.to_response(None)
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> ApiError {
        match &error {
            store::Error::Unavailable(_) | store::Error::Raced => ApiError::unavailable(1, error),
            store::Error::Conflict(_) => {
                ApiError::conflict("another request changed the same thing; read it again").because(error)
            }
            store::Error::Refused(_) | store::Error::Bug(_) => ApiError::internal(error),
        }
    }
}

/// The body of every error of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorView,
}

/// What the API says about an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorView {
    /// Stable name of the error; `docs/errors.md` lists them all, and so does `tillward openapi --errors`.
    #[schema(value_type = String, example = "invalid_request")]
    pub code: Cow<'static, str>,
    /// One line for a person; its wording may change.
    pub message: String,
    /// Problems by field; empty when the error is not about fields.
    pub details: Vec<FieldProblem>,
    /// Names the request in our log.
    pub request_id: Option<String>,
}

/// The error responses every operation may give, for `responses(…, ApiErrors)` in an OpenAPI description. The
/// description must list [`ErrorBody`], [`ErrorView`] and [`FieldProblem`] under `components(schemas(…))`.
pub struct ApiErrors;

impl utoipa::IntoResponses for ApiErrors {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let mut meanings: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for code in CODES.iter().filter(|code| code.status != 405) {
            meanings.entry(code.status).or_default().push(code.name);
        }
        meanings
            .into_iter()
            .map(|(status, names)| {
                let content = Content::new(Some(Ref::from_schema_name("ErrorBody")));
                let text = format!("`{}` and the like", names.join("`, `"));
                let response = ResponseBuilder::new().description(text).content("application/json", content);
                (status.to_string(), RefOr::T(response.build()))
            })
            .collect()
    }
}

/// The methods a router answers, for [`ApiError::method_not_allowed`] outside it.
pub fn allow_header(methods: &[Method]) -> HeaderValue {
    let list = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    HeaderValue::from_str(&list).unwrap_or(HeaderValue::from_static("GET"))
}

fn shortened(text: Cow<'static, str>) -> Cow<'static, str> {
    match text.char_indices().nth(ERROR_MESSAGE_CHARS_MAX) {
        None => text,
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_have_error_statuses() {
        assert_eq!(duplicate_codes(&[CODES]), Vec::<&str>::new());
        assert_eq!(duplicate_codes(&[CODES, &[&CONFLICT]]), ["conflict"]);
        assert!(CODES.iter().all(|code| (400..600).contains(&code.status)));
    }

    #[test]
    fn the_body_has_one_shape() {
        let error = ApiError::bad_field("amount_minor", "must be above zero");
        let body = serde_json::to_value(error.body(None)).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"error": {
                "code": "invalid_request",
                "message": "`amount_minor` is invalid: must be above zero",
                "details": [{"field": "amount_minor", "message": "must be above zero"}],
                "request_id": null,
            }})
        );
    }

    #[test]
    fn a_long_message_is_cut_at_the_limit() {
        let text = "é".repeat(ERROR_MESSAGE_CHARS_MAX);
        assert_eq!(ApiError::conflict(text.clone()).message, text);
        let cut = ApiError::conflict(format!("{text}é")).message;
        assert_eq!(cut.chars().count(), ERROR_MESSAGE_CHARS_MAX + 1);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn too_many_problems_are_cut_at_the_limit() {
        let problems = |n| (0..n).map(|i| FieldProblem::new(format!("f{i}"), "bad")).collect();
        assert_eq!(ApiError::bad_request(problems(ERROR_DETAILS_MAX)).details.len(), ERROR_DETAILS_MAX);
        assert_eq!(ApiError::bad_request(problems(ERROR_DETAILS_MAX + 1)).details.len(), ERROR_DETAILS_MAX);
    }

    #[test]
    fn the_cause_stays_in_the_log() {
        let error = ApiError::from(store::Error::Bug("no such column: pin".into()));
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(error.cause().unwrap().contains("no such column"));
        assert!(!serde_json::to_string(&error.body(None)).unwrap().contains("column"));
        assert_eq!(ApiError::from(store::Error::Unavailable("disk full".into())).status().as_u16(), 503);
        assert_eq!(ApiError::from(store::Error::Conflict("t".into())).status().as_u16(), 409);
    }
}
