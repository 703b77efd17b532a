//! What surrounds every page: the visitor's name and language, the refusal of other sites' forms, the way to sign in,
//! and errors that people can read.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use webkit::body::find_authority;
use webkit::cookies::check_same_site;
use webkit::error::{ApiError, CROSS_SITE_REFUSED};
use webkit::page::lang::LANGUAGE;
use webkit::page::{Fault, FaultKind, Frame, Lang};
use webkit::request::{RequestContext, loggable_path};

use super::form::go;
use super::hall::Hall;
use super::held::{self, HELD, Keeper};
use super::member::admit_member;
use super::visit::{BROWSER, Browser, Side, Visit, add_cookie, is_local, secret_of, token_of, with_next};
use crate::pages;
use crate::pages::notice::NoticeKind;
use crate::permissions::Permission;
use crate::routes::{ACCOUNT_NOT_ACTIVE, PASSWORD_CHANGE_NEEDED, SECOND_FACTOR_NEEDED, STEP_UP_NEEDED};

/// Where the desk begins: the overview.
const DESK: &str = "/desk";
const BROWSER_BYTES: usize = 24;
const BROWSER_CHARS: usize = 32;
/// Seconds to wait where an error does not say.
const WAIT_SECONDS: u32 = 30;

/// The middleware around all pages.
pub(super) async fn dress(State(hall): State<Hall>, mut request: Request, next: Next) -> Response {
    let context = RequestContext::of(request.extensions());
    let (browser, is_new) = browser_of(&hall, &context, &request);
    let asker = Asker {
        get: request.method() == Method::GET,
        html: accepts_html(request.headers()),
        browser: browser.clone(),
        context,
        route: loggable_path(&request),
        headers: request.headers().clone(),
        hall: hall.clone(),
    };
    let refused = check_origin(&hall, &context, &request).err();
    request.extensions_mut().insert(browser.clone());
    let answer = match refused {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    };
    let answer = asker.explain(answer).await;
    let mut answer = asker.fill_in(answer).await;
    if is_new {
        answer.headers_mut().append(header::SET_COOKIE, BROWSER.set(&browser.id, browser.secure));
    }
    remember_lang(&mut answer, &browser);
    answer
}

/// The browser by its cookie, or a new one.
fn browser_of(hall: &Hall, context: &RequestContext, request: &Request) -> (Browser, bool) {
    let (headers, uri) = (request.headers(), request.uri());
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let secure = hall.is_secure(context);
    let known = BROWSER.find(headers, secure).filter(|id| id.len() == BROWSER_CHARS);
    let fresh = || URL_SAFE_NO_PAD.encode(hall.identity.dice.bytes::<BROWSER_BYTES>());
    let browser = Browser {
        id: known.map_or_else(fresh, str::to_owned),
        lang: Lang::choose(uri.query(), text(header::COOKIE), text(header::ACCEPT_LANGUAGE)),
        path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        secure,
        sent: Arc::default(),
    };
    (browser, known.is_none())
}

/// A form must come from this site: from the address that codes and links point to, or the one that was asked for.
fn check_origin(hall: &Hall, context: &RequestContext, request: &Request) -> Result<(), ApiError> {
    let (method, headers) = (request.method(), request.headers());
    let public = check_same_site(method, headers, &hall.identity.public_url);
    if public.is_ok() {
        return public;
    }
    let scheme = if context.secure { "https" } else { "http" };
    let asked = format!("{scheme}://{}", find_authority(request.uri(), headers)?);
    check_same_site(method, headers, &asked)
}

/// The language that the address asked for stays.
fn remember_lang(answer: &mut Response, browser: &Browser) {
    let (_, query) = browser.path.split_once('?').unwrap_or_default();
    let asked = query.split('&').any(|pair| pair.starts_with("lang="));
    if asked {
        answer.headers_mut().append(header::SET_COOKIE, LANGUAGE.set(browser.lang.code(), browser.secure));
    }
}

/// What of a request decides how its error looks.
struct Asker {
    get: bool,
    html: bool,
    browser: Browser,
    context: RequestContext,
    /// For the log: the path may hold a code or a one-time link.
    route: String,
    headers: HeaderMap,
    hall: Hall,
}

impl Asker {
    /// Shows an error as a page, or leads to the sign-in.
    async fn explain(&self, answer: Response) -> Response {
        let Some(error) = answer.extensions().get::<ApiError>().cloned() else { return answer };
        if !self.html {
            return answer;
        }
        if error.status() == StatusCode::UNAUTHORIZED {
            return go(&self.sign_in_path());
        }
        if error.code.name == crate::routes::asleep().code.name {
            return go(&with_next("/me/wake", &self.next("/me")));
        }
        if error.code.name == ACCOUNT_NOT_ACTIVE.name && self.path().starts_with("/me/") {
            return go("/me/freeze");
        }
        if let Some((door, home)) = self.factor_door(&error) {
            return self.hold(&error, &door).unwrap_or_else(|| go(&with_next(&door, &self.next(home))));
        }
        if error.status().is_server_error() {
            let (id, path, cause) = (self.context.id, self.route.as_str(), error.cause().unwrap_or_default());
            tracing::error!(%id, path, code = error.code.name, cause, "page failed");
        }
        let mut page = Frame::new(self.hall.texts(), self.browser.lang, self.context.at, &self.browser.path);
        let home = if self.path().starts_with(DESK) { DESK } else { "/" };
        if let Some((framed, first)) = self.find_desk(&error).await {
            let has_no_overview = self.path() == DESK && error.status() == StatusCode::FORBIDDEN;
            if let Some(first) = first.filter(|_| has_no_overview && self.get) {
                return go(first);
            }
            page = framed;
        }
        if !self.get {
            // The language switch and "try again" are links: they lead to the page the form was on.
            home.clone_into(&mut page.path);
        }
        show_error(page, &error, home, &self.context.id.to_string())
    }

    /// The frame with the bar for a page of the desk that this member cannot be shown, and the first section they may open
    /// instead of the overview. `None` elsewhere, for whoever is not signed in, and where the error says that nobody is to
    /// be asked more.
    async fn find_desk(&self, error: &ApiError) -> Option<(Frame, Option<&'static str>)> {
        let status = error.status();
        let is_plain = matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
        if !is_plain || error.code.name == CROSS_SITE_REFUSED.name || !self.path().starts_with(DESK) {
            return None;
        }
        let visit = Visit::read_from(&self.hall, &self.headers, self.context, Some(self.browser.clone()));
        let hall = self.hall.clone();
        let found = self.hall.db().read(move |tx| {
            let member = admit_member(tx, &hall, &visit, Permission::OwnSecurity)?;
            Ok::<_, ApiError>((member.frame(tx)?, hall.menu().first_path(&member, DESK)))
        });
        found.await.ok()
    }

    /// A form that came with a factor that is too old waits in the browser, and the way leads back to its page.
    fn hold(&self, error: &ApiError, door: &str) -> Option<Response> {
        let body = self.browser.sent.get().filter(|_| error.code.name == STEP_UP_NEEDED.name)?;
        let (page, form) = held::hold(self.keeper(&self.secret()), self.path(), &self.headers, body)?;
        let mut answer = go(&with_next(door, &page));
        add_cookie(&mut answer, HELD.set(&form, self.browser.secure));
        Some(answer)
    }

    /// Fills in the form that waited for this page, once.
    async fn fill_in(&self, answer: Response) -> Response {
        let waiting = HELD.find(&self.headers, self.browser.secure).filter(|_| self.get && self.html);
        let Some(form) = waiting else { return answer };
        let page = Frame::new(self.hall.texts(), self.browser.lang, self.context.at, &self.browser.path);
        let secret = self.secret();
        let (mut answer, is_filled) =
            held::fill(self.keeper(&secret), form, &self.browser.path, &page, answer).await;
        if is_filled {
            add_cookie(&mut answer, HELD.clear(self.browser.secure));
        }
        answer
    }

    /// What this browser and the session of this side are known by.
    fn secret(&self) -> String {
        let side = if self.is_buyers() { Side::Buyer } else { Side::Member };
        secret_of(&self.browser, token_of(side, &self.headers, self.browser.secure).as_ref())
    }

    fn keeper<'a>(&'a self, secret: &'a str) -> Keeper<'a> {
        Keeper { secret, now: self.context.at, dice: &self.hall.identity.dice }
    }

    fn is_buyers(&self) -> bool {
        self.path().starts_with("/me") || self.path().starts_with("/pay")
    }

    fn path(&self) -> &str {
        self.browser.path.split('?').next().unwrap_or("/")
    }

    /// Where a second factor is set up or given again, or a password changed, when that is all that is missing.
    fn factor_door(&self, error: &ApiError) -> Option<(String, &'static str)> {
        let (door, home) = self.doors();
        match error.code.name {
            name if name == PASSWORD_CHANGE_NEEDED.name => Some(("/desk/password".to_owned(), home)),
            name if name == SECOND_FACTOR_NEEDED.name => Some((format!("{door}/factor"), home)),
            name if name == STEP_UP_NEEDED.name => Some((format!("{door}/again"), home)),
            _ => None,
        }
    }

    /// Where the door of this side is, and its home.
    fn doors(&self) -> (&'static str, &'static str) {
        if self.is_buyers() { ("/me", "/me") } else { ("/sign-in", "/desk") }
    }

    /// Where to sign in, and where to come back to.
    fn sign_in_path(&self) -> String {
        let is_member = ["/desk", "/sign-in", "/oauth"].iter().any(|start| self.path().starts_with(start));
        let (door, home) = if is_member { ("/sign-in", "/desk") } else { ("/me/sign-in", "/me") };
        with_next(door, &self.next(home))
    }

    /// The page to come back to: the one asked for, or the one a form stands on.
    fn next(&self, home: &str) -> String {
        let next = match self.get {
            true => self.browser.path.clone(),
            false => self.hall.trade().form_page(self.path()).unwrap_or_else(|| home.to_owned()),
        };
        if is_local(&next) { next } else { home.to_owned() }
    }
}

/// The page for an error.
fn show_error(page: Frame, error: &ApiError, home: &str, request: &str) -> Response {
    if matches!(error.status(), StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::GONE) {
        let notice = NoticeKind::Changed.page(page, home.to_owned());
        return webkit::page::show(error.status(), &notice);
    }
    let kind = match error.status() {
        StatusCode::FORBIDDEN if error.code.name == CROSS_SITE_REFUSED.name => FaultKind::StaleForm,
        StatusCode::TOO_MANY_REQUESTS => {
            FaultKind::TooMany(error.retry_after_seconds.unwrap_or(WAIT_SECONDS))
        }
        status => FaultKind::of_status(status),
    };
    let mut answer = Fault::answer(page, kind, home, request);
    error.add_headers(&mut answer);
    answer
}

/// The page that tells a buyer why they cannot go on.
pub fn show_notice(hall: &Hall, visit: &Visit, kind: NoticeKind) -> Response {
    let action_href = match kind {
        NoticeKind::PinLocked => super::forgot::path(hall, visit),
        NoticeKind::Cooling
        | NoticeKind::Frozen
        | NoticeKind::LinkGone
        | NoticeKind::Changed
        | NoticeKind::RequestOver => String::new(),
    };
    webkit::page::show(StatusCode::FORBIDDEN, &kind.page(visit.buyer_frame(hall), action_href))
}

/// Shows an error that no page of this domain made, such as an address that leads nowhere.
pub fn error_page(error: &ApiError, context: &RequestContext, headers: &HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let lang = Lang::choose(None, text(header::COOKIE), text(header::ACCEPT_LANGUAGE));
    show_error(Frame::new(pages::texts(), lang, context.at, "/"), error, "/", &context.id.to_string())
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
