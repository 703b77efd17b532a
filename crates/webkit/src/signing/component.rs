//! Component identifiers (RFC 9421 §2) and the values they have in a message.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sfv::{BareItem, Dictionary, FieldType, Item, List, ListEntry, Parser};

use super::message::{Message, RequestParts};

/// One covered component: its identifier as written in the base, and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    text: Cow<'static, str>,
    source: Source,
    of_request: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Method,
    Authority,
    Scheme,
    TargetUri,
    RequestTarget,
    Path,
    Query,
    QueryParam(String),
    Status,
    Field { name: HeaderName, form: Form, trailer: bool },
}

/// How a field's value is written in the base.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Its lines, trimmed and joined with a comma.
    Plain,
    /// Parsed and written again strictly (`;sf`).
    Strict,
    /// Each line as a byte sequence (`;bs`).
    Bytes,
    /// One member of a dictionary (`;key`).
    Member(String),
}

/// Why a component has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// The identifier is not one RFC 9421 knows, or its parameters do not go together.
    #[error("component `{0}` is not one this server knows")]
    Unknown(String),
    /// The message has no such part.
    #[error("component `{0}` is not in the message")]
    Absent(String),
    /// The message's part cannot be read as the component asks.
    #[error("component `{0}` cannot be read: {1}")]
    Unreadable(String, &'static str),
}

macro_rules! known {
    ($($name:ident: $text:literal = $source:expr, $of_request:literal;)*) => {
        $(pub(super) const $name: Component =
            Component { text: Cow::Borrowed($text), source: $source, of_request: $of_request };)*
    };
}

/// A plain field.
const fn plain(name: HeaderName) -> Source {
    Source::Field { name, form: Form::Plain, trailer: false }
}

known! {
    METHOD: "\"@method\"" = Source::Method, false;
    AUTHORITY: "\"@authority\"" = Source::Authority, false;
    PATH: "\"@path\"" = Source::Path, false;
    QUERY: "\"@query\"" = Source::Query, false;
    STATUS: "\"@status\"" = Source::Status, false;
    CONTENT_TYPE: "\"content-type\"" = plain(header::CONTENT_TYPE), false;
    CONTENT_DIGEST: "\"content-digest\"" = plain(HeaderName::from_static("content-digest")), false;
    IDEMPOTENCY_KEY: "\"idempotency-key\"" = plain(HeaderName::from_static("idempotency-key")), false;
    REQUEST_METHOD: "\"@method\";req" = Source::Method, true;
    REQUEST_AUTHORITY: "\"@authority\";req" = Source::Authority, true;
    REQUEST_PATH: "\"@path\";req" = Source::Path, true;
}

impl Component {
    /// The identifier with its parameters, as `"@query-param";name="Pet"`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature of the request that an answer belongs to: `"signature";req;key="sig1"`.
    pub(super) fn request_signature(label: &str) -> Component {
        let form = Form::Member(label.to_owned());
        let name = HeaderName::from_static("signature");
        Component {
            text: Cow::Owned(format!("\"signature\";req;key=\"{label}\"")),
            source: Source::Field { name, form, trailer: false },
            of_request: true,
        }
    }

    /// Reads an item of the covered list.
    ///
    /// # Errors
    /// [`ComponentError::Unknown`].
    pub fn from_item(item: &Item) -> Result<Component, ComponentError> {
        let text = item.serialize();
        let unknown = || ComponentError::Unknown(text.clone());
        let BareItem::String(name) = &item.bare_item else { return Err(unknown()) };
        let options = Options::read(item).ok_or_else(unknown)?;
        let of_request = options.req;
        let source = options.source(name.as_str()).ok_or_else(unknown)?;
        Ok(Component { text: Cow::Owned(text), source, of_request })
    }

    /// Appends the component's line to a signature base, without the line end.
    ///
    /// # Errors
    /// [`ComponentError::Absent`], [`ComponentError::Unreadable`].
    pub fn append_line(&self, message: &Message<'_>, out: &mut String) -> Result<(), ComponentError> {
        out.push_str(&self.text);
        out.push_str(": ");
        let subject = message.subject(self.of_request).ok_or_else(|| self.absent())?;
        match (&self.source, &subject) {
            (Source::Field { name, form, trailer }, _) => {
                let fields = subject.fields(*trailer).ok_or_else(|| self.absent())?;
                self.append_field(fields, name, form, out)
            }
            (Source::Status, Message::Response(response)) => {
                out.push_str(&response.status.to_string());
                Ok(())
            }
            (source, _) => {
                let request = subject.request().ok_or_else(|| self.absent())?;
                self.append_derived(source, request, out)
            }
        }
    }

    fn append_derived(
        &self,
        source: &Source,
        request: &RequestParts<'_>,
        out: &mut String,
    ) -> Result<(), ComponentError> {
        match source {
            Source::Method => out.push_str(request.method),
            Source::Authority => out.push_str(&request.normal_authority()),
            Source::Scheme => out.push_str(&request.scheme.to_ascii_lowercase()),
            Source::Path => out.push_str(request.normal_path()),
            Source::Query => {
                out.push('?');
                out.push_str(request.query.unwrap_or_default());
            }
            Source::TargetUri => {
                out.push_str(&format!("{}://{}", request.scheme, request.normal_authority()));
                append_target(request, out);
            }
            Source::RequestTarget => append_target(request, out),
            Source::QueryParam(name) => return self.append_query_param(request, name, out),
            Source::Status | Source::Field { .. } => return Err(self.absent()),
        }
        Ok(())
    }

    /// RFC 9421 §2.2.8: decoded as a form, compared, encoded again; a name that occurs twice is refused.
    fn append_query_param(
        &self,
        request: &RequestParts<'_>,
        name: &str,
        out: &mut String,
    ) -> Result<(), ComponentError> {
        let query = request.query.unwrap_or_default();
        let mut values = form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| percent_encode(key) == name)
            .map(|(_, value)| value);
        let value = values.next().ok_or_else(|| self.absent())?;
        if values.next().is_some() {
            return Err(ComponentError::Unreadable(self.text.to_string(), "the parameter occurs twice"));
        }
        out.push_str(&percent_encode(&value));
        Ok(())
    }

    fn append_field(
        &self,
        fields: &HeaderMap,
        name: &HeaderName,
        form: &Form,
        out: &mut String,
    ) -> Result<(), ComponentError> {
        let lines = fields.get_all(name);
        if lines.iter().next().is_none() {
            return Err(self.absent());
        }
        match form {
            Form::Plain => {
                for (index, line) in lines.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    out.push_str(self.text_of(line)?.trim_matches([' ', '\t']));
                }
            }
            Form::Bytes => {
                for (index, line) in lines.iter().enumerate() {
                    out.push_str(if index == 0 { ":" } else { ", :" });
                    STANDARD.encode_string(line.as_bytes().trim_ascii(), out);
                    out.push(':');
                }
            }
            Form::Strict => out.push_str(&self.strict(name, &self.joined(fields, name)?)?),
            Form::Member(key) => {
                let dictionary: Dictionary = self.parse(&self.joined(fields, name)?)?;
                let entry = dictionary.get(key.as_str()).ok_or_else(|| self.absent())?;
                out.push_str(&vec![entry.clone()].serialize().unwrap_or_default());
            }
        }
        Ok(())
    }

    fn joined(&self, fields: &HeaderMap, name: &HeaderName) -> Result<String, ComponentError> {
        let lines: Result<Vec<_>, _> = fields.get_all(name).iter().map(|line| self.text_of(line)).collect();
        Ok(lines?.join(", "))
    }

    fn strict(&self, name: &HeaderName, text: &str) -> Result<String, ComponentError> {
        match field_type(name.as_str()) {
            Some(StructuredType::Dictionary) => {
                Ok(self.parse::<Dictionary>(text)?.serialize().unwrap_or_default())
            }
            Some(StructuredType::List) => Ok(self.parse::<List>(text)?.serialize().unwrap_or_default()),
            Some(StructuredType::Item) => Ok(self.parse::<Item>(text)?.serialize()),
            None => {
                Err(ComponentError::Unreadable(self.text.to_string(), "its structured type is not known"))
            }
        }
    }

    fn parse<T: FieldType>(&self, text: &str) -> Result<T, ComponentError> {
        let bad = |_| ComponentError::Unreadable(self.text.to_string(), "it is not a structured field");
        Parser::new(text).parse::<T>().map_err(bad)
    }

    fn text_of<'v>(&self, line: &'v HeaderValue) -> Result<&'v str, ComponentError> {
        line.to_str().map_err(|_| ComponentError::Unreadable(self.text.to_string(), "it is not ASCII"))
    }

    fn absent(&self) -> ComponentError {
        ComponentError::Absent(self.text.to_string())
    }
}

fn append_target(request: &RequestParts<'_>, out: &mut String) {
    out.push_str(request.normal_path());
    if let Some(query) = request.query {
        out.push('?');
        out.push_str(query);
    }
}

/// The parameters of an identifier.
#[derive(Default)]
struct Options {
    req: bool,
    sf: bool,
    bs: bool,
    tr: bool,
    key: Option<String>,
    name: Option<String>,
}

impl Options {
    fn read(item: &Item) -> Option<Options> {
        let mut options = Options::default();
        for (key, value) in &item.params {
            match (key.as_str(), value) {
                ("req", BareItem::Boolean(true)) => options.req = true,
                ("sf", BareItem::Boolean(true)) => options.sf = true,
                ("bs", BareItem::Boolean(true)) => options.bs = true,
                ("tr", BareItem::Boolean(true)) => options.tr = true,
                ("key", BareItem::String(key)) => options.key = Some(key.as_str().to_owned()),
                ("name", BareItem::String(name)) => options.name = Some(name.as_str().to_owned()),
                _ => return None,
            }
        }
        Some(options)
    }

    fn source(self, name: &str) -> Option<Source> {
        if name.starts_with('@') { self.derived(name) } else { self.field(name) }
    }

    fn derived(self, name: &str) -> Option<Source> {
        if self.sf || self.bs || self.tr || self.key.is_some() {
            return None;
        }
        match (name, self.name) {
            ("@query-param", Some(param)) => Some(Source::QueryParam(param)),
            (_, Some(_)) => None,
            ("@method", None) => Some(Source::Method),
            ("@authority", None) => Some(Source::Authority),
            ("@scheme", None) => Some(Source::Scheme),
            ("@target-uri", None) => Some(Source::TargetUri),
            ("@request-target", None) => Some(Source::RequestTarget),
            ("@path", None) => Some(Source::Path),
            ("@query", None) => Some(Source::Query),
            ("@status", None) if !self.req => Some(Source::Status),
            _ => None,
        }
    }

    fn field(self, name: &str) -> Option<Source> {
        let lower = !name.bytes().any(|b| b.is_ascii_uppercase());
        let header = HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| lower && self.name.is_none())?;
        let form = match (self.sf, self.bs, self.key) {
            (false, false, None) => Form::Plain,
            (true, false, None) => Form::Strict,
            (false, true, None) => Form::Bytes,
            (_, false, Some(key)) => Form::Member(key),
            (true, true, _) | (_, true, Some(_)) => return None,
        };
        Some(Source::Field { name: header, form, trailer: self.tr })
    }
}

/// Percent-encodes all but the unreserved characters of the form encoding (RFC 9421 §2.2.8); a space is `%20`.
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'-' | b'.' | b'_') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

enum StructuredType {
    Dictionary,
    List,
    Item,
}

/// Structured types of registered fields, for `;sf` (IANA field name registry and RFC 9651's retrofits).
fn field_type(name: &str) -> Option<StructuredType> {
    match name {
        "content-digest"
        | "repr-digest"
        | "want-content-digest"
        | "want-repr-digest"
        | "signature"
        | "signature-input"
        | "accept-signature"
        | "priority"
        | "cache-control" => Some(StructuredType::Dictionary),
        "accept" | "accept-encoding" | "accept-language" | "cache-status" | "proxy-status" | "vary"
        | "client-cert-chain" | "te" => Some(StructuredType::List),
        "content-type" | "content-length" | "client-cert" | "age" | "etag" | "idempotency-key" => {
            Some(StructuredType::Item)
        }
        _ => None,
    }
}

/// Whether any entry of a dictionary is an item of bytes; how `Signature` and `Content-Digest` carry theirs.
pub(super) fn bytes_of(entry: &ListEntry) -> Option<&[u8]> {
    match entry {
        ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. }) => Some(bytes),
        _ => None,
    }
}
