//! The first page of the site: the desk for members, own payments for buyers, else the way in for both.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use webkit::page::show;

use super::Desk;
use super::form::go;
use super::visit::Visit;
use crate::pages::front::FrontPage;

/// Shows where to go.
pub(super) async fn show_front(State(desk): State<Desk>, visit: Visit) -> Response {
    if visit.member.is_some() {
        return go("/desk");
    }
    let page = visit.buyer_frame(&desk);
    show(StatusCode::OK, &FrontPage { page, own_href: "/me".to_owned(), desk_href: "/desk".to_owned() })
}
