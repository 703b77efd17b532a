//! The first page of the site: the desk for members, else the way in for both.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use webkit::page::show;

use super::form::go;
use super::hall::Hall;
use super::visit::Visit;
use crate::pages::front::FrontPage;

/// Shows where to go.
pub(super) async fn show_front(State(hall): State<Hall>, visit: Visit) -> Response {
    if visit.member.is_some() {
        return go("/desk");
    }
    let page = visit.buyer_frame(&hall);
    show(StatusCode::OK, &FrontPage { page, own_href: "/me".to_owned(), desk_href: "/desk".to_owned() })
}
