//! Pages: the frame, the languages, the components and the charts from which every domain builds its HTML.
//!
//! Server-rendered with askama, no inline script or style (the content policy refuses both), two languages,
//! light and dark. A domain writes a template that extends `buyer.html` or `desk.html`, a view struct with a
//! field `page: Frame`, and answers with [`show`]. Nothing here knows a payment or a shop's rules.
//!
//! Reading order: [`lang`], [`frame`], [`parts`], [`form`], [`chart`], [`assets`], [`fault`]; [`check`] holds what tests use.

pub mod assets;
pub mod chart;
pub mod check;
pub mod fault;
pub mod form;
pub mod frame;
pub mod html;
pub mod lang;
pub mod notice;
pub mod parts;
pub mod refill;
pub mod scripts;
pub mod when;

#[cfg(test)]
mod contrast;

pub use fault::{Fault, FaultKind};
pub use form::{Field, Problems};
pub use frame::{Desk, Flash, Frame, Group, Section};
pub use html::Html;
pub use lang::{Lang, Texts};
pub use notice::NoticePage;
pub use parts::{Mark, Pager, SortHead, Step};
pub use when::Zone;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Renders `view` and answers it as HTML that no cache keeps. A template that fails is a bug: it is logged and
/// answered as 500 without details.
pub fn show<T: Template>(status: StatusCode, view: &T) -> Response {
    match view.render() {
        Ok(html) => answer(status, html),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            answer(StatusCode::INTERNAL_SERVER_ERROR, fault::bare_page())
        }
    }
}

/// Lets this page, and no other, ask the browser where it is; the browser asks the person.
pub fn let_ask_for_place(response: &mut Response) {
    let policy = HeaderValue::from_static(crate::request::PLACE_PERMISSIONS);
    response.headers_mut().insert(crate::request::PERMISSIONS_POLICY, policy);
}

fn answer(status: StatusCode, html: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(crate::request::PAGE_POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, html).into_response()
}
