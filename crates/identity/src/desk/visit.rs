//! Who asks for a page: the browser, its language, its sessions. Nothing in the database has been asked yet.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use axum::body::Bytes;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base::Timestamp;
use store::Tx;
use vault::SubKey;
use webkit::cookies::Cookie;
use webkit::error::ApiError;
use webkit::page::{Frame, Lang, Zone};
use webkit::request::RequestContext;

use super::hall::Hall;
use super::held::HELD;
use super::words::device_words;
use crate::buyers::DeviceToken;
use crate::codes::ShownDevice;
use crate::context::Means;
use crate::members::{Place, origin_of};
use crate::permissions::{Actor, Permission};
use crate::routes::gate;
use crate::sessions::{BuyerSession, NewSession, touch_session};
use crate::text::Label;
use crate::token::{Token, TokenKind};

/// Names the browser until it is closed; form tokens are made of it.
pub(super) const BROWSER: Cookie = Cookie::new("tw_visit");
/// A member's session.
pub(super) const MEMBER: Cookie = Cookie::new("tw_member");
/// A buyer's session, until the browser is closed.
pub(super) const BUYER: Cookie = Cookie::new("tw_buyer");
/// A buyer's session on a device that is remembered; as long as the session lives.
pub(super) const BUYER_KEPT: Cookie = Cookie::kept("tw_buyer", 30 * 86_400);
/// That the buyer asked to be remembered: a new token is kept as long as the old one was.
pub(super) const KEEP: Cookie = Cookie::kept("tw_keep", 30 * 86_400);
/// By what a buyer's device is recognised at the next sign-in; 400 days is the longest that browsers keep a cookie.
pub(super) const DEVICE: Cookie = Cookie::kept("tw_device", 400 * 86_400);

/// By what a member's device is recognised at the next sign-in.
pub(super) const MEMBER_DEVICE: Cookie = Cookie::kept("tw_member_device", 400 * 86_400);
/// A sign-in that waits for its second step.
pub(super) const PENDING: Cookie = Cookie::kept("tw_pending", 600);

/// Where a buyer signs out.
pub(super) const BUYER_SIGN_OUT: &str = "/me/sign-out";
/// Where a member signs out.
pub(super) const MEMBER_SIGN_OUT: &str = "/sign-out";
/// Longest path a visitor is sent back to, in bytes.
const NEXT_BYTES_MAX: usize = 512;

/// What the surrounding of the handlers found out; see `dress.rs`.
#[derive(Clone)]
pub struct Browser {
    /// Its random name.
    pub id: String,
    /// Its language.
    pub lang: Lang,
    /// Path and query asked for.
    pub path: String,
    /// Whether it comes over TLS.
    pub secure: bool,
    /// The form that it sent, once its token was found right.
    pub(super) sent: Arc<OnceLock<Bytes>>,
}

/// Whose pages a form belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A buyer's.
    Buyer,
    /// A member's.
    Member,
}

/// A visitor.
#[derive(Clone)]
pub struct Visit {
    /// Its browser.
    pub browser: Browser,
    /// The instant of the request.
    pub now: Timestamp,
    /// The network address it comes from.
    pub remote: Option<IpAddr>,
    /// What the browser says it is, in words.
    pub device_label: Label,
    /// A buyer's session, not yet looked up.
    pub buyer: Option<Token>,
    /// A member's session, not yet looked up.
    pub member: Option<Token>,
    /// A sign-in that waits for its second step, not yet looked up.
    pub pending: Option<Token>,
    /// By what a buyer's device is recognised.
    pub device: Option<DeviceToken>,
    /// By what a member's device is recognised.
    pub member_device: Option<DeviceToken>,
    /// Whether the buyer's session is kept when the browser is closed.
    pub is_kept: bool,
    /// A form that waits for a second factor, sealed.
    pub(super) held: Option<String>,
    /// What the fields of forms are hashed under.
    pub(super) print_key: hmac::Key,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit
where
    Hall: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Visit, Infallible> {
        let hall = Hall::from_ref(state);
        let context = RequestContext::of(&parts.extensions);
        let browser = parts.extensions.get::<Browser>().cloned();
        Ok(Visit::read_from(&hall, &parts.headers, context, browser))
    }
}

impl Visit {
    /// The visitor behind what a request brought.
    pub(super) fn read_from(
        hall: &Hall,
        headers: &HeaderMap,
        context: RequestContext,
        browser: Option<Browser>,
    ) -> Visit {
        let secure = hall.is_secure(&context);
        let (path, sent) = ("/".to_owned(), Arc::default());
        let fallback = || Browser { id: String::new(), lang: Lang::En, path, secure, sent };
        let browser = browser.unwrap_or_else(fallback);
        let cookie = |cookie: Cookie| cookie.find(headers, secure);
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Visit {
            now: context.at,
            remote: context.remote,
            device_label: Label::from_agent(&device_words(agent)),
            buyer: token_of(Side::Buyer, headers, secure),
            member: token_of(Side::Member, headers, secure),
            pending: cookie(PENDING).and_then(|text| Token::parse(TokenKind::PendingSignIn, text)),
            device: cookie(DEVICE).and_then(DeviceToken::parse),
            member_device: cookie(MEMBER_DEVICE).and_then(DeviceToken::parse),
            is_kept: cookie(KEEP).is_some(),
            held: cookie(HELD).map(str::to_owned),
            print_key: hall.identity.vault.hmac_key(SubKey::Fingerprint),
            browser,
        }
    }

    /// By what tries are counted.
    pub fn origin(&self) -> String {
        origin_of(self.remote)
    }

    /// Takes one form sent without a session.
    ///
    /// # Errors
    /// 429.
    pub fn knock(&self, hall: &Hall) -> Result<(), ApiError> {
        hall.knock(&self.origin(), self.now)
    }

    /// A frame for a page of `side` in `zone`.
    pub fn frame(&self, hall: &Hall, side: Side, zone: Zone) -> Frame {
        let mut page = Frame::new(hall.texts(), self.browser.lang, self.now, &self.browser.path);
        page.csrf = self.form_token(side, &hall.identity.dice);
        page.zone = zone;
        match side {
            Side::Buyer if self.buyer.is_some() => BUYER_SIGN_OUT.clone_into(&mut page.sign_out_href),
            Side::Member if self.member.is_some() => MEMBER_SIGN_OUT.clone_into(&mut page.sign_out_href),
            Side::Buyer | Side::Member => {}
        }
        page
    }

    /// A buyer's page where no shop is known.
    pub fn buyer_frame(&self, hall: &Hall) -> Frame {
        self.frame(hall, Side::Buyer, Zone::default())
    }

    /// What the form tokens of `side` are derived from: browser and session.
    pub fn secret(&self, side: Side) -> String {
        let token = match side {
            Side::Buyer => &self.buyer,
            Side::Member => &self.member,
        };
        secret_of(&self.browser, token.as_ref())
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

/// The token of a side's session, not yet looked up.
pub(super) fn token_of(side: Side, headers: &HeaderMap, secure: bool) -> Option<Token> {
    let (cookie, kind) = match side {
        Side::Buyer => (BUYER, TokenKind::BuyerSession),
        Side::Member => (MEMBER, TokenKind::MemberSession),
    };
    cookie.find(headers, secure).and_then(|text| Token::parse(kind, text))
}

/// See [`Visit::secret`].
pub(super) fn secret_of(browser: &Browser, token: Option<&Token>) -> String {
    format!("{}|{}", browser.id, token.map_or("", |token| token.secret().expose()))
}

/// Whether a path stays on this site, however a browser reads it.
pub fn is_local(path: &str) -> bool {
    let second = path.as_bytes().get(1);
    path.starts_with('/')
        && !matches!(second, Some(b'/' | b'\\'))
        && path.len() <= NEXT_BYTES_MAX
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// An address with `next` as its query.
pub fn with_next(path: &str, next: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", next);
    format!("{path}?{}", query.finish())
}

/// A buyer who was let through, in a transaction.
pub struct Payer<'a> {
    /// The session.
    pub session: BuyerSession,
    /// Its token.
    pub token: &'a Token,
    /// What domain functions are handed.
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
pub fn admit_payer<'a>(tx: &mut Tx<'_>, hall: &'a Hall, visit: &'a Visit) -> Result<Payer<'a>, ApiError> {
    let token = visit.buyer.as_ref().ok_or_else(|| ApiError::unauthenticated("sign in first"))?;
    let session = gate::admit_buyer(tx, token, Permission::Pay, visit.now)?;
    Ok(Payer { session, token, means: hall.identity.means(visit.now) })
}

/// As [`admit_payer`]; `None` when nobody is signed in.
///
/// # Errors
/// Those of the store.
pub fn find_payer<'a>(
    tx: &mut Tx<'_>,
    hall: &'a Hall,
    visit: &'a Visit,
) -> Result<Option<Payer<'a>>, ApiError> {
    match admit_payer(tx, hall, visit) {
        Ok(payer) => Ok(Some(payer)),
        Err(error) if error.status() == axum::http::StatusCode::UNAUTHORIZED => Ok(None),
        Err(error) => Err(error),
    }
}

/// Adds a cookie to an answer.
pub(super) fn add_cookie(answer: &mut Response, line: HeaderValue) {
    answer.headers_mut().append(header::SET_COOKIE, line);
}

/// The device of a visit, with the session of a side that it holds already.
pub(super) fn shown_device(visit: &Visit, side: Side) -> ShownDevice {
    let (session, token) = match side {
        Side::Buyer => (visit.buyer.clone(), visit.device.clone()),
        Side::Member => (visit.member.clone(), visit.member_device.clone()),
    };
    let (label, origin) = (visit.device_label.clone(), visit.origin());
    ShownDevice { token, label, origin, session }
}

/// Gives the browser a member's session, and what a device that was new is to keep.
pub(super) fn let_member_in(answer: &mut Response, visit: &Visit, session: &NewSession) {
    let secure = visit.browser.secure;
    add_cookie(answer, MEMBER.set(session.token.secret().expose(), secure));
    if let Some(device) = &session.device {
        add_cookie(answer, MEMBER_DEVICE.set(device.reveal().expose(), secure));
    }
}

/// Gives the browser a buyer's session under its new token, kept as long as before.
pub fn renew_buyer(answer: &mut Response, visit: &Visit, session: &NewSession) {
    let cookie = if visit.is_kept { BUYER_KEPT } else { BUYER };
    add_cookie(answer, cookie.set(session.token.secret().expose(), visit.browser.secure));
}

/// Where a sign-in comes from.
pub fn place(visit: &Visit) -> Place {
    Place {
        origin: visit.origin(),
        agent: visit.device_label.clone(),
        device: visit.member_device.clone(),
        session: visit.member.clone(),
    }
}

/// Writes down that a buyer's session is in use.
///
/// # Errors
/// Those of the store.
pub async fn touch_buyer(hall: &Hall, visit: &Visit) -> Result<(), ApiError> {
    let (token, now) = (visit.buyer.clone(), visit.now);
    let touched = hall.db().write(move |tx| match &token {
        Some(token) => touch_session(tx, token, now).map_err(ApiError::from),
        None => Ok(()),
    });
    touched.await
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
