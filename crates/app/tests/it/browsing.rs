//! What a browser sends: a page asked for, or a form of it, with the session in its cookie.

use axum::http::{HeaderName, Method, header};
use testkit::http::Request;
use webkit::cookies::form_token;
use webkit::page::html::query_escape;

use crate::house::{AUTHORITY, key};

/// The name of a browser, as its cookie has it.
const BROWSER: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Asks for a page, with the token of a member's or a buyer's session.
pub fn page(path: &str, session: Option<&str>) -> Request {
    browse(Method::GET, path, session)
}

/// Sends a form with the token that its page would have given it.
pub fn form(path: &str, fields: &[(&str, String)], session: Option<&str>) -> Request {
    let nonce = key();
    let of_members = !["/me", "/pay"].iter().any(|start| path.starts_with(start));
    let known = session.filter(|token| is_members(token) == of_members).unwrap_or_default();
    let bound = format!("{BROWSER}|{known}|{nonce}");
    let mut body = vec![format!("csrf={nonce}.{}", form_token(bound.as_bytes()))];
    body.extend(fields.iter().map(|(name, value)| format!("{name}={}", query_escape(value))));
    let request = browse(Method::POST, path, session);
    let request = request.with(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.with(HeaderName::from_static("sec-fetch-site"), "same-origin");
    let mut request = request.with(header::ORIGIN, &format!("https://{AUTHORITY}"));
    request.body = body.join("&").into_bytes();
    request
}

fn browse(method: Method, path: &str, session: Option<&str>) -> Request {
    let token = session.unwrap_or_default();
    let name = if is_members(token) { "__Host-tw_member" } else { "__Host-tw_buyer" };
    let cookie = format!("__Host-tw_visit={BROWSER}; {name}={token}");
    Request::new(method, path).with(header::ACCEPT, "text/html").with(header::COOKIE, &cookie)
}

fn is_members(token: &str) -> bool {
    token.starts_with("twm_")
}
