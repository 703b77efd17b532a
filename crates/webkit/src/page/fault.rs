//! The pages that say why a page cannot be shown: each with what it means for the money, and the next step.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::Frame;
use super::parts::Mark;

/// Why a page cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 400: malformed.
    BadRequest,
    /// 403: known, but not for this role.
    NotAllowed,
    /// 403: a form from another page or an old one.
    StaleForm,
    /// 404: absent, or not for this visitor to know.
    NotFound,
    /// 405: the address exists, not with this method.
    WrongMethod,
    /// 429: too many tries; again after so many seconds.
    TooMany(u32),
    /// 500: a bug of ours.
    Internal,
    /// 503: the database is away.
    Unavailable,
    /// The browser has no connection; shown by the browser from its cache.
    Offline,
}

impl FaultKind {
    /// Every kind, for the gallery.
    pub const ALL: [FaultKind; 9] = [
        FaultKind::BadRequest,
        FaultKind::NotAllowed,
        FaultKind::StaleForm,
        FaultKind::NotFound,
        FaultKind::WrongMethod,
        FaultKind::TooMany(30),
        FaultKind::Internal,
        FaultKind::Unavailable,
        FaultKind::Offline,
    ];

    /// The status it is answered with.
    pub fn status(self) -> StatusCode {
        match self {
            FaultKind::BadRequest => StatusCode::BAD_REQUEST,
            FaultKind::NotAllowed | FaultKind::StaleForm => StatusCode::FORBIDDEN,
            FaultKind::NotFound => StatusCode::NOT_FOUND,
            FaultKind::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            FaultKind::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            FaultKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            FaultKind::Unavailable | FaultKind::Offline => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The kind for a status, for answers that were not made as a page.
    pub fn of_status(status: StatusCode) -> FaultKind {
        match status.as_u16() {
            403 => FaultKind::NotAllowed,
            404 => FaultKind::NotFound,
            405 => FaultKind::WrongMethod,
            429 => FaultKind::TooMany(60),
            503 => FaultKind::Unavailable,
            400..=499 => FaultKind::BadRequest,
            _ => FaultKind::Internal,
        }
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            FaultKind::BadRequest => ("fault-title-bad-request", "fault-text-bad-request"),
            FaultKind::NotAllowed => ("fault-title-not-allowed", "fault-text-not-allowed"),
            FaultKind::StaleForm => ("fault-title-stale-form", "fault-text-stale-form"),
            FaultKind::NotFound => ("fault-title-not-found", "fault-text-not-found"),
            FaultKind::WrongMethod => ("fault-title-wrong-method", "fault-text-wrong-method"),
            FaultKind::TooMany(_) => ("fault-title-too-many", "fault-text-too-many"),
            FaultKind::Internal => ("fault-title-internal", "fault-text-internal"),
            FaultKind::Unavailable => ("fault-title-unavailable", "fault-text-unavailable"),
            FaultKind::Offline => ("fault-title-offline", "fault-text-offline"),
        }
    }
}

/// The page for one [`FaultKind`]. Template `fault.html`.
#[derive(Template)]
#[template(path = "fault.html")]
pub struct Fault {
    /// The frame.
    pub page: Frame,
    /// The large shape.
    pub mark: Mark,
    /// What happened.
    pub title: String,
    /// What it means and what to do.
    pub text: String,
    /// The next step; empty for none.
    pub action: String,
    /// Where it leads; empty for none.
    pub action_href: String,
    /// The request's id, for whoever asks for help; empty where it helps nobody.
    pub request_id: String,
}

impl Fault {
    /// The page that explains `kind`, with `home_href` as the way out.
    pub fn new(page: Frame, kind: FaultKind, home_href: &str, request_id: &str) -> Fault {
        let (title, text) = kind.texts();
        let (title, text) = match kind {
            FaultKind::TooMany(seconds) => (page.t(title), page.t1(text, "seconds", seconds)),
            _ => (page.t(title), page.t(text)),
        };
        let (mark, again) = match kind {
            FaultKind::TooMany(_) | FaultKind::Unavailable | FaultKind::Offline => (Mark::Waiting, true),
            FaultKind::NotAllowed | FaultKind::StaleForm => (Mark::Paused, false),
            FaultKind::Internal => (Mark::Stopped, true),
            FaultKind::NotFound | FaultKind::WrongMethod | FaultKind::BadRequest => (Mark::Closed, false),
        };
        let action = page.t(if again { "fault-retry" } else { "fault-home" });
        let action_href = if again { page.path.clone() } else { home_href.to_owned() };
        let shows_id = kind == FaultKind::Internal || kind == FaultKind::Unavailable;
        let request_id = if shows_id { request_id.to_owned() } else { String::new() };
        Fault { page, mark, title, text, action, action_href, request_id }
    }

    /// The page with its status; 429 also says `Retry-After`.
    pub fn answer(page: Frame, kind: FaultKind, home_href: &str, request_id: &str) -> Response {
        let mut response = super::show(kind.status(), &Fault::new(page, kind, home_href, request_id));
        if let FaultKind::TooMany(seconds) = kind {
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// The page shown when even a template fails: both languages, no parts.
pub(crate) fn bare_page() -> String {
    "<!doctype html><meta charset=\"utf-8\"><title>Tillward</title><h1>Something went wrong on our side</h1>\
     <p>Nothing is ever paid twice for one order.</p><h1 lang=\"zh-Hans\">我们这边出了点问题</h1>\
     <p lang=\"zh-Hans\">同一笔订单绝不会重复扣款。</p>"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use base::Timestamp;

    use super::*;
    use crate::page::check;
    use crate::page::lang::{Lang, Texts};

    static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[]));

    #[test]
    fn every_fault_says_something_in_both_languages() {
        for lang in Lang::ALL {
            for kind in FaultKind::ALL {
                let frame = Frame::new(&TEXTS, lang, Timestamp(0), "/p/1");
                let html = Fault::new(frame, kind, "/", "req_1").render().unwrap();
                assert_eq!(check::page(&html), Vec::<String>::new(), "{kind:?} {lang:?}");
                assert!(!html.contains("[fault-"), "{kind:?} {lang:?}");
            }
        }
    }

    #[tokio::test]
    async fn too_many_tries_say_when_to_come_back() {
        let frame = Frame::new(&TEXTS, Lang::En, Timestamp(0), "/p/1");
        let response = Fault::answer(frame, FaultKind::TooMany(30), "/", "");
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "30");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"));
    }
}
