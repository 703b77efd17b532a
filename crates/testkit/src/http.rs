//! A small client: HTTP/1.1 over one kept-open connection, without TLS. Signs as a shop's own system does.
//!
//! A [`Request`] is a value: it can be sent, kept and sent again byte by byte, or handed to a router in process.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use base::{Dice, Timestamp};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use webkit::signing::{Outgoing, Signer};

/// Longest head of an answer, bytes.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Longest body of an answer, bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest wait for an answer, seconds.
pub const ANSWER_SECONDS_MAX: u64 = 30;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The connection.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The server ended the connection first.
    #[error("the connection ended before the answer did")]
    Cut,
    /// Not HTTP/1.1, or past a limit.
    #[error("the answer is not HTTP this client reads: {0}")]
    Malformed(&'static str),
    /// Too slow.
    #[error("no answer within {ANSWER_SECONDS_MAX} s")]
    Late,
}

/// A request, ready to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Header fields; `host` and `content-length` are added when it is sent.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    pub fn new(method: Method, target: &str) -> Request {
        Request { method, target: target.to_owned(), headers: HeaderMap::new(), body: Vec::new() }
    }

    /// A `GET`.
    pub fn get(target: &str) -> Request {
        Request::new(Method::GET, target)
    }

    /// A `POST` of JSON.
    pub fn post(target: &str, body: &Value) -> Request {
        Request::new(Method::POST, target).json(body)
    }

    /// The same with JSON as body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Request {
        self.body = body.to_string().into_bytes();
        self.headers.insert(header::CONTENT_TYPE, JSON);
        self
    }

    /// The same with a header field. A value that cannot be one is left out.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &str) -> Request {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The same as a session.
    #[must_use]
    pub fn bearer(self, token: &str) -> Request {
        self.with(header::AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// The same with an idempotency key.
    #[must_use]
    pub fn once(self, key: &str) -> Request {
        self.with(IDEMPOTENCY_KEY, key)
    }

    /// The same as if a proxy had passed it on for `address`; counts only where the proxy is trusted.
    #[must_use]
    pub fn passed_on_for(self, address: IpAddr) -> Request {
        self.with(FORWARDED_FOR, &address.to_string())
    }

    /// The same signed for `authority` (RFC 9421). The idempotency key, if any, must be set before: it is covered.
    ///
    /// # Errors
    /// What cannot be signed, as text.
    pub fn signed(
        mut self,
        signer: &Signer,
        authority: &str,
        now: Timestamp,
        dice: &Dice,
    ) -> Result<Request, String> {
        let is_read = self.method == Method::GET || self.method == Method::HEAD;
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or("application/json").to_owned();
        let key = self.headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let outgoing = Outgoing {
            method: self.method.as_str(),
            scheme: "http",
            authority,
            target: &self.target,
            content_type: (!is_read).then_some(kind.as_str()),
            body: &self.body,
            idempotency_key: key.as_deref(),
        };
        let signed = signer.sign_request(&outgoing, now, dice).map_err(|e| e.to_string())?;
        self.headers.extend(signed);
        Ok(self)
    }

    /// The request for a router in process.
    ///
    /// # Errors
    /// The target is no target.
    pub fn into_http(self, authority: &str) -> Result<axum::http::Request<Body>, axum::http::Error> {
        let mut request = axum::http::Request::builder().method(self.method).uri(self.target);
        if let Some(headers) = request.headers_mut() {
            *headers = self.headers;
        }
        request.header(header::HOST, authority).body(Body::from(self.body))
    }

    fn to_bytes(&self, authority: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024 + self.body.len());
        let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
        put(&[self.method.as_str().as_bytes(), b" ", self.target.as_bytes(), b" HTTP/1.1\r\nhost: "]);
        put(&[authority.as_bytes(), b"\r\n"]);
        for (name, value) in &self.headers {
            put(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
        if !self.body.is_empty() || self.method != Method::GET {
            put(&[b"content-length: ", self.body.len().to_string().as_bytes(), b"\r\n"]);
        }
        put(&[b"\r\n", &self.body]);
        out
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether it is a 2xx.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A text in the body, such as `/id` or `/audit/entry` (RFC 6901); empty when it is not there.
    pub fn text(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The code of an error; empty when it is none.
    pub fn code(&self) -> String {
        self.text("/error/code")
    }

    /// The answer of a router in process.
    ///
    /// # Errors
    /// The body could not be read, or is past [`BODY_BYTES_MAX`].
    pub async fn of(response: axum::response::Response) -> Result<Answer, axum::Error> {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await?.to_vec();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}

/// A client with one connection, opened when it is needed.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    authority: String,
    open: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// Bytes that were read past the last answer.
    ahead: Vec<u8>,
    used: bool,
}

impl Client {
    /// A client of the server at `address`, which is called `authority` (host and port, as in a URL).
    pub fn new(address: SocketAddr, authority: &str) -> Client {
        Client { address, authority: authority.to_owned(), open: None }
    }

    /// What the server is called.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Sends a request and reads the answer. A kept connection that the server closed meanwhile is opened anew, once.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn send(&mut self, request: &Request) -> Result<Answer, HttpError> {
        let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
        tokio::time::timeout(limit, self.send_patiently(request)).await.unwrap_or(Err(HttpError::Late))
    }

    async fn send_patiently(&mut self, request: &Request) -> Result<Answer, HttpError> {
        let bytes = request.to_bytes(&self.authority);
        if let Some(mut connection) = self.open.take() {
            match connection.exchange(&bytes, &request.method).await {
                Err(HttpError::Cut | HttpError::Io(_)) if connection.used && connection.ahead.is_empty() => {}
                answer => return self.keep(connection, answer),
            }
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut connection = Connection { stream, ahead: Vec::new(), used: false };
        let answer = connection.exchange(&bytes, &request.method).await;
        self.keep(connection, answer)
    }

    fn keep(
        &mut self,
        connection: Connection,
        answer: Result<Answer, HttpError>,
    ) -> Result<Answer, HttpError> {
        let answer = answer?;
        let close = answer.headers.get(header::CONNECTION).is_some_and(|value| value.as_bytes() == b"close");
        self.open = (!close).then_some(Connection { used: true, ..connection });
        Ok(answer)
    }
}

impl Connection {
    async fn exchange(&mut self, request: &[u8], method: &Method) -> Result<Answer, HttpError> {
        self.stream.write_all(request).await?;
        loop {
            let (status, headers) = self.read_head().await?;
            // 100 to 199 only announce the answer.
            if (100..200).contains(&status) {
                continue;
            }
            let bodiless = *method == Method::HEAD || matches!(status, 204 | 304);
            let body = if bodiless { Vec::new() } else { self.read_body(&headers).await? };
            return Ok(Answer { status, headers, body });
        }
    }

    async fn read_head(&mut self) -> Result<(u16, HeaderMap), HttpError> {
        let end = loop {
            if let Some(end) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if self.ahead.len() > HEAD_BYTES_MAX {
                return Err(HttpError::Malformed("its head is too long"));
            }
            self.read_more().await?;
        };
        let head: Vec<u8> = self.ahead.drain(..end + 4).collect();
        parse_head(&head)
    }

    async fn read_body(&mut self, headers: &HeaderMap) -> Result<Vec<u8>, HttpError> {
        let chunked =
            headers.get(header::TRANSFER_ENCODING).is_some_and(|value| value.as_bytes() == b"chunked");
        if chunked {
            return self.read_chunks().await;
        }
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let length: usize = length.ok_or(HttpError::Malformed("its length is not known"))?;
        self.take(length).await
    }

    async fn read_chunks(&mut self) -> Result<Vec<u8>, HttpError> {
        let mut body = Vec::new();
        loop {
            let line = self.take_line().await?;
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
            let size =
                std::str::from_utf8(digits).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
            let size = size.ok_or(HttpError::Malformed("a chunk has no size"))?;
            if size == 0 {
                while !self.take_line().await?.is_empty() {}
                return Ok(body);
            }
            let chunk = self.take(size).await?;
            body.extend_from_slice(&chunk);
            if body.len() > BODY_BYTES_MAX || !self.take_line().await?.is_empty() {
                return Err(HttpError::Malformed("a chunk has a wrong size"));
            }
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, HttpError> {
        if length > BODY_BYTES_MAX {
            return Err(HttpError::Malformed("its body is too long"));
        }
        while self.ahead.len() < length {
            self.read_more().await?;
        }
        Ok(self.ahead.drain(..length).collect())
    }

    async fn take_line(&mut self) -> Result<Vec<u8>, HttpError> {
        loop {
            if let Some(end) = self.ahead.windows(2).position(|two| two == b"\r\n") {
                let mut line: Vec<u8> = self.ahead.drain(..end + 2).collect();
                line.truncate(end);
                return Ok(line);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), HttpError> {
        if self.stream.read_buf(&mut self.ahead).await? == 0 {
            return Err(HttpError::Cut);
        }
        Ok(())
    }
}

fn parse_head(head: &[u8]) -> Result<(u16, HeaderMap), HttpError> {
    let text = std::str::from_utf8(head).map_err(|_| HttpError::Malformed("its head is not ASCII"))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|rest| rest.get(..3));
    let status =
        status.and_then(|code| code.parse::<u16>().ok()).filter(|code| StatusCode::from_u16(*code).is_ok());
    let status = status.ok_or(HttpError::Malformed("it has no status"))?;
    let mut headers = HeaderMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(HttpError::Malformed("a header field has no name"))?;
        let name =
            name.parse::<HeaderName>().map_err(|_| HttpError::Malformed("a header field has no name"))?;
        let value = HeaderValue::from_str(value.trim())
            .map_err(|_| HttpError::Malformed("a header field is broken"))?;
        headers.append(name, value);
    }
    Ok((status, headers))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers each connection with the given bytes, one list entry for each request on it.
    async fn server(answers: Vec<Vec<&'static [u8]>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for connection in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                for answer in connection {
                    let mut seen = vec![0; 4096];
                    assert!(stream.read(&mut seen).await.unwrap() > 0);
                    for byte in answer.chunks(7) {
                        stream.write_all(byte).await.unwrap();
                    }
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn answers_of_known_length_and_in_chunks_are_read_on_one_connection() {
        let one: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"id\":\"pay_1\"}";
        let two: &[u8] =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n\
            5\r\n{\"err\r\n1c;x=y\r\nor\":{\"code\":\"not_found\"}}   \r\n0\r\n\r\n";
        let mut client = Client::new(server(vec![vec![one, two]]).await, "localhost");
        let first = client.send(&Request::get("/a")).await.unwrap();
        assert_eq!((first.status, first.text("/id").as_str()), (200, "pay_1"));
        let second = client.send(&Request::get("/b")).await.unwrap();
        assert_eq!((second.status, second.is_ok(), second.code().as_str()), (404, false, "not_found"));
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_is_opened_anew_and_a_cut_answer_is_an_error() {
        let whole: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
        let cut: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
        let mut client = Client::new(server(vec![vec![whole], vec![whole], vec![cut]]).await, "localhost");
        for _ in 0..2 {
            assert_eq!(client.send(&Request::post("/", &Value::Null)).await.unwrap().status, 204);
        }
        let mut other = Client::new(client.address, "localhost");
        assert!(matches!(other.send(&Request::get("/")).await, Err(HttpError::Cut)));
    }

    #[tokio::test]
    async fn what_is_not_http_is_an_error() {
        for bad in [
            &b"SSH-2.0-x\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
        ] {
            let mut client = Client::new(server(vec![vec![bad]]).await, "localhost");
            assert!(matches!(client.send(&Request::get("/")).await, Err(HttpError::Malformed(_))));
        }
    }

    #[test]
    fn a_request_is_written_as_it_is_signed() {
        let request = Request::post("/v1/x", &serde_json::json!({"a": 1})).once("k").bearer("t");
        let text = String::from_utf8(request.to_bytes("localhost:1")).unwrap();
        assert!(text.starts_with("POST /v1/x HTTP/1.1\r\nhost: localhost:1\r\n"), "{text}");
        for part in [
            "idempotency-key: k\r\n",
            "authorization: Bearer t\r\n",
            "content-length: 7\r\n",
            "\r\n\r\n{\"a\":1}",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
