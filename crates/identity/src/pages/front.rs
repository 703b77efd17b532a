//! The first page of the site.

use askama::Template;
use webkit::page::Frame;

/// The way in for buyers and for members. Template `front.html`.
#[derive(Template)]
#[template(path = "front.html")]
pub struct FrontPage {
    /// The frame.
    pub page: Frame,
    /// A buyer's own payments.
    pub own_href: String,
    /// A shop's desk.
    pub desk_href: String,
}
