//! Who asks for a page: the browser, its language, its sessions. Nothing in the database has been asked yet.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use base::{ShopId, Timestamp};
use identity::{Actor, BuyerSession, DeviceToken, Label, Means, Permission, Token, TokenKind};
use store::Tx;
use webkit::cookies::Cookie;
use webkit::error::ApiError;
use webkit::page::{Frame, Lang, Zone};
use webkit::request::RequestContext;

use super::Desk;
use super::words::device_words;
use crate::pages;
use crate::screening::Origination;

/// Names the browser until it is closed; form tokens are made of it.
pub(super) const BROWSER: Cookie = Cookie::new("tw_visit");
/// A member's session.
pub(super) const MEMBER: Cookie = Cookie::new("tw_member");
/// A buyer's session, until the browser is closed.
pub(super) const BUYER: Cookie = Cookie::new("tw_buyer");
/// A buyer's session on a device that is remembered; as long as the session lives.
pub(super) const BUYER_KEPT: Cookie = Cookie::kept("tw_buyer", 30 * 86_400);
/// By what a buyer's device is recognised at the next sign-in; 400 days is the longest that browsers keep a cookie.
pub(super) const DEVICE: Cookie = Cookie::kept("tw_device", 400 * 86_400);

/// Longest path a visitor is sent back to, in bytes.
const NEXT_BYTES_MAX: usize = 512;

/// What the surrounding of the handlers found out; see `dress.rs`.
#[derive(Clone)]
pub(super) struct Browser {
    /// Its random name.
    pub id: String,
    /// Its language.
    pub lang: Lang,
    /// Path and query asked for.
    pub path: String,
    /// Whether it comes over TLS.
    pub secure: bool,
}

/// Whose pages a form belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A buyer's.
    Buyer,
    /// A member's.
    Member,
}

/// A visitor.
#[derive(Clone)]
pub(super) struct Visit {
    pub browser: Browser,
    pub now: Timestamp,
    pub remote: Option<IpAddr>,
    /// What the browser says it is, in words.
    pub device_label: Label,
    pub buyer: Option<Token>,
    pub member: Option<Token>,
    pub device: Option<DeviceToken>,
}

impl FromRequestParts<Desk> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Visit, Infallible> {
        let context = RequestContext::of(&parts.extensions);
        let secure = desk.is_secure(&context);
        let fallback = || Browser { id: String::new(), lang: Lang::En, path: "/".to_owned(), secure };
        let browser = parts.extensions.get::<Browser>().cloned().unwrap_or_else(fallback);
        let cookie = |cookie: Cookie| cookie.find(&parts.headers, secure);
        let agent =
            parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Visit {
            now: context.at,
            remote: context.remote,
            device_label: Label::from_agent(&device_words(agent)),
            buyer: cookie(BUYER).and_then(|text| Token::parse(TokenKind::BuyerSession, text)),
            member: cookie(MEMBER).and_then(|text| Token::parse(TokenKind::MemberSession, text)),
            device: cookie(DEVICE).and_then(DeviceToken::parse),
            browser,
        })
    }
}

impl Visit {
    /// Where the visit comes from, for screening and the log.
    pub fn origination(&self) -> Origination {
        Origination { address: self.remote, place: None }
    }

    /// By what tries are counted.
    pub fn origin(&self) -> String {
        identity::origin_of(self.remote)
    }

    /// Takes one form sent without a session.
    ///
    /// # Errors
    /// 429.
    pub fn knock(&self, desk: &Desk) -> Result<(), ApiError> {
        desk.knocks.check(self.origin().as_bytes(), self.now)
    }

    /// A frame for a page of `side` in `zone`.
    pub fn frame(&self, desk: &Desk, side: Side, zone: Zone) -> Frame {
        let mut page = Frame::new(pages::texts(), self.browser.lang, self.now, &self.browser.path);
        page.csrf = self.form_token(side, &desk.identity().dice);
        page.zone = zone;
        page
    }

    /// A buyer's page where no shop is known.
    pub fn buyer_frame(&self, desk: &Desk) -> Frame {
        self.frame(desk, Side::Buyer, Zone::default())
    }

    /// What the form tokens of `side` are derived from: browser and session.
    pub fn secret(&self, side: Side) -> String {
        let token = match side {
            Side::Buyer => &self.buyer,
            Side::Member => &self.member,
        };
        let token = token.as_ref().map_or("", |token| token.secret().expose());
        format!("{}|{token}", self.browser.id)
    }

    /// The value of one query field of the address.
    pub fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.browser.path.split_once('?')?;
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Where the address says to go on: a path of this site, or `home`.
    pub fn next(&self, home: &str) -> String {
        let asked = self.query("next");
        asked.filter(|path| is_local(path)).unwrap_or_else(|| home.to_owned())
    }
}

/// Whether a path stays on this site, however a browser reads it.
pub(super) fn is_local(path: &str) -> bool {
    let second = path.as_bytes().get(1);
    path.starts_with('/')
        && !matches!(second, Some(b'/' | b'\\'))
        && path.len() <= NEXT_BYTES_MAX
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// An address with `next` as its query.
pub(super) fn with_next(path: &str, next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", next);
    format!("{path}?{}", query.finish())
}

/// A buyer who was let through, in a transaction.
pub(super) struct Payer<'a> {
    pub session: BuyerSession,
    pub token: &'a Token,
    pub means: Means<'a>,
}

impl Payer<'_> {
    /// The buyer as an actor.
    pub fn actor(&self) -> Actor {
        Actor::Buyer(self.session.clone())
    }
}

/// The buyer behind the visit's session.
///
/// # Errors
/// 401 without one.
pub(super) fn admit_payer<'a>(
    tx: &mut Tx<'_>,
    desk: &'a Desk,
    visit: &'a Visit,
) -> Result<Payer<'a>, ApiError> {
    let token = visit.buyer.as_ref().ok_or_else(|| ApiError::unauthenticated("sign in first"))?;
    let session = identity::require_buyer(tx, token, visit.now)?;
    Actor::Buyer(session.clone()).allow(Permission::Pay, ShopId::HOUSE)?;
    Ok(Payer { session, token, means: desk.identity().means(visit.now) })
}

/// As [`admit_payer`]; `None` when nobody is signed in.
///
/// # Errors
/// Those of the store.
pub(super) fn find_payer<'a>(
    tx: &mut Tx<'_>,
    desk: &'a Desk,
    visit: &'a Visit,
) -> Result<Option<Payer<'a>>, ApiError> {
    match admit_payer(tx, desk, visit) {
        Ok(payer) => Ok(Some(payer)),
        Err(error) if error.status() == axum::http::StatusCode::UNAUTHORIZED => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_paths_of_this_site_are_gone_on_to() {
        for good in ["/", "/desk", "/pay/pay_1?x=1#top"] {
            assert!(is_local(good), "{good}");
        }
        for bad in [
            "",
            "desk",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "/a b",
            "/\t/e",
        ] {
            assert!(!is_local(bad), "{bad:?}");
        }
        assert!(is_local(&format!("/{}", "a".repeat(511))));
        assert!(!is_local(&format!("/{}", "a".repeat(512))));
    }
}
