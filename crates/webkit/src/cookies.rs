//! Cookies and the defence of forms against other sites.
//!
//! Under TLS a cookie is `__Host-…`: bound to this host, to the whole path and to TLS, so that neither a sister host
//! nor plain HTTP can set it. Without TLS (the demo on localhost) the prefix and `Secure` are left out, since not every
//! browser keeps such a cookie there.

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::error::{ApiError, CROSS_SITE_REFUSED};
use crate::limits::COOKIE_BYTES_MAX;

/// A cookie of ours, for the browser alone (`HttpOnly`), sent with links from other sites but not with their forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    name: &'static str,
    max_age_seconds: Option<u32>,
}

impl Cookie {
    /// A cookie that ends with the browser session.
    pub const fn new(name: &'static str) -> Cookie {
        Cookie { name, max_age_seconds: None }
    }

    /// A cookie that is kept `seconds`.
    pub const fn kept(name: &'static str, seconds: u32) -> Cookie {
        Cookie { name, max_age_seconds: Some(seconds) }
    }

    /// The name the browser knows.
    pub fn full_name(&self, secure: bool) -> String {
        format!("{}{}", if secure { "__Host-" } else { "" }, self.name)
    }

    /// The value the browser sent. `None` when it is missing or sent twice.
    pub fn find<'h>(&self, headers: &'h HeaderMap, secure: bool) -> Option<&'h str> {
        let name = self.full_name(secure);
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok().filter(|line| line.len() <= COOKIE_BYTES_MAX))
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The `Set-Cookie` value; `value` must be a token of ours (base64url, hex, id), anything else gives an empty one.
    pub fn set(&self, value: &str, secure: bool) -> HeaderValue {
        let clean =
            value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'='));
        let value = if clean { value } else { "" };
        self.line(value, self.max_age_seconds, secure)
    }

    /// The `Set-Cookie` value that removes it.
    pub fn clear(&self, secure: bool) -> HeaderValue {
        self.line("", Some(0), secure)
    }

    fn line(&self, value: &str, max_age_seconds: Option<u32>, secure: bool) -> HeaderValue {
        let mut line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", self.full_name(secure));
        if secure {
            line.push_str("; Secure");
        }
        if let Some(seconds) = max_age_seconds {
            line.push_str(&format!("; Max-Age={seconds}"));
        }
        HeaderValue::from_str(&line).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Refuses a changing request that a browser sent from another site. `origin` is our own, as `https://pay.example`.
///
/// `Sec-Fetch-Site` decides where the browser sends it, else `Origin`; with neither the request is refused, so this is
/// for pages alone, not for the API (which reads no cookie).
///
/// # Errors
/// 403 `cross_site_refused`.
pub fn check_same_site(method: &Method, headers: &HeaderMap, origin: &str) -> Result<(), ApiError> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let fits = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), sent) => site == "same-origin" && sent.is_none_or(|sent| same_origin(sent, origin)),
        (None, Some(sent)) => same_origin(sent, origin),
        (None, None) => false,
    };
    if fits { Ok(()) } else { Err(refused()) }
}

/// Whether a browser was led here by another site, where it says so (`Sec-Fetch-Site`). For pages that begin something by
/// being looked at.
pub fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

fn same_origin(sent: &str, own: &str) -> bool {
    sent.eq_ignore_ascii_case(own.trim_end_matches('/'))
}

/// The token that the forms of a session carry. It is derived from the session's secret, so nothing is stored.
pub fn form_token(session_secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, session_secret);
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"webkit form token v1"))
}

/// Compares a form's token with the session's, in constant time.
///
/// # Errors
/// 403 `cross_site_refused`.
pub fn check_form_token(session_secret: &[u8], sent: &str) -> Result<(), ApiError> {
    let expected = form_token(session_secret);
    if bool::from(expected.as_bytes().ct_eq(sent.as_bytes())) { Ok(()) } else { Err(refused()) }
}

fn refused() -> ApiError {
    ApiError::new(
        &CROSS_SITE_REFUSED,
        "send this form from a page of this site; reload the page and try again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Cookie = Cookie::kept("session", 900);

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn cookies_are_bound_to_the_host_under_tls() {
        let line = SESSION.set("abc", true);
        assert_eq!(line, "__Host-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=900");
        assert_eq!(SESSION.set("a;b", false), "session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=900");
        assert_eq!(SESSION.clear(false), "session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn a_cookie_is_found_by_its_full_name_once() {
        let sent = headers(&[("cookie", "a=1; __Host-session=x=y; session=z")]);
        assert_eq!(SESSION.find(&sent, true), Some("x=y"));
        assert_eq!(SESSION.find(&sent, false), Some("z"));
        assert_eq!(SESSION.find(&headers(&[("cookie", "session=1; session=2")]), false), None);
        assert_eq!(SESSION.find(&HeaderMap::new(), false), None);
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let check = |pairs: &[(&'static str, &'static str)]| {
            check_same_site(&Method::POST, &headers(pairs), "https://pay.example/").is_ok()
        };
        assert!(check(&[("sec-fetch-site", "same-origin")]));
        assert!(check(&[("sec-fetch-site", "same-origin"), ("origin", "https://pay.example")]));
        assert!(check(&[("origin", "https://pay.example")]));
        for bad in ["same-site", "cross-site", "none", ""] {
            assert!(!check(&[("sec-fetch-site", bad)]), "{bad}");
        }
        for bad in ["null", "https://evil.example", "http://pay.example", "https://pay.example.evil"] {
            assert!(!check(&[("origin", bad)]), "{bad}");
        }
        assert!(!check(&[]));
        assert!(check_same_site(&Method::GET, &HeaderMap::new(), "https://pay.example").is_ok());
    }

    #[test]
    fn form_tokens_belong_to_one_session() {
        let token = form_token(b"one");
        assert!(check_form_token(b"one", &token).is_ok());
        assert!(check_form_token(b"two", &token).is_err());
        assert!(check_form_token(b"one", "").is_err());
    }
}
