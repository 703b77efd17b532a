//! Where the shop and its tills are.

use askama::Template;
use webkit::page::form::Choice;
use webkit::page::{Frame, Problems};

/// The places and the form that sets one. Template `places.html`. Fields `of`, `latitude`, `longitude`.
#[derive(Template)]
#[template(path = "places.html")]
pub struct PlacesPage {
    /// The frame.
    pub page: Frame,
    /// The shop, then its tills by name.
    pub rows: Vec<PlaceRow>,
    /// The same, to choose from.
    pub choices: Vec<Choice>,
    /// Whose place the form sets.
    pub of: String,
    /// Degrees north, as typed; empty for unknown.
    pub latitude: String,
    /// Degrees east.
    pub longitude: String,
    /// What is wrong with `latitude`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

/// One place as a row.
#[derive(Clone, Debug)]
pub struct PlaceRow {
    /// Where it is chosen in the form.
    pub href: String,
    /// The shop or the till.
    pub name: String,
    /// Degrees north and east; absent where nobody said.
    pub place: Option<(f64, f64)>,
}

impl PlaceRow {
    /// The place as it is written, such as `31.23, 121.47`; empty for none.
    pub fn shown(&self) -> String {
        self.place.map_or_else(String::new, |(north, east)| format!("{north:.2}, {east:.2}"))
    }
}
