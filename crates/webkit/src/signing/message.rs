//! A message as signatures see it.

use std::borrow::Cow;

use axum::http::HeaderMap;

/// A request, taken apart. Target parts are as received, not decoded.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// The method, as `POST`.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host and port as received.
    pub authority: &'a str,
    /// The path, as `/foo`.
    pub path: &'a str,
    /// The query without its question mark.
    pub query: Option<&'a str>,
    /// Header fields.
    pub headers: &'a HeaderMap,
    /// Trailer fields.
    pub trailers: Option<&'a HeaderMap>,
}

/// A response, with the request it answers.
#[derive(Clone, Copy, Debug)]
pub struct ResponseParts<'a> {
    /// The status code.
    pub status: u16,
    /// Header fields.
    pub headers: &'a HeaderMap,
    /// Trailer fields.
    pub trailers: Option<&'a HeaderMap>,
    /// The request, for components marked `;req`.
    pub request: Option<RequestParts<'a>>,
}

/// A request or a response.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// A request.
    Request(RequestParts<'a>),
    /// A response.
    Response(ResponseParts<'a>),
}

impl<'a> Message<'a> {
    /// The message a component speaks of: the request when it is marked `;req`.
    pub(super) fn subject(&self, of_request: bool) -> Option<Message<'a>> {
        match (self, of_request) {
            (Message::Response(response), true) => response.request.map(Message::Request),
            (Message::Request(_), true) => None,
            (message, false) => Some(*message),
        }
    }

    /// Header fields, or the trailer fields.
    pub(super) fn fields(&self, trailers: bool) -> Option<&'a HeaderMap> {
        let (headers, trailer) = match self {
            Message::Request(request) => (request.headers, request.trailers),
            Message::Response(response) => (response.headers, response.trailers),
        };
        if trailers { trailer } else { Some(headers) }
    }

    pub(super) fn request(&self) -> Option<&RequestParts<'a>> {
        match self {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        }
    }
}

impl<'a> RequestParts<'a> {
    /// Host in lower case, without the scheme's default port (RFC 9421 §2.2.3).
    pub(super) fn normal_authority(&self) -> Cow<'a, str> {
        let default_port = match self.scheme {
            "https" => ":443",
            "http" => ":80",
            _ => "",
        };
        let bare = self.authority.strip_suffix(default_port).unwrap_or(self.authority);
        if bare.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(bare.to_ascii_lowercase())
        } else {
            Cow::Borrowed(bare)
        }
    }

    /// The path, `/` when it is empty (RFC 9421 §2.2.6).
    pub(super) fn normal_path(&self) -> &'a str {
        if self.path.is_empty() { "/" } else { self.path }
    }
}
