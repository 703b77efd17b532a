//! Connected apps: the list of them, registering one, and the question to a member.

use askama::Template;
use base::Timestamp;
use webkit::page::{Frame, Problems};

use super::roles::PermissionChoice;

/// All apps, and registering one. Template `apps.html`. Fields `name`, `redirects`, `keys`, `may` (several); the buttons
/// have none.
#[derive(Template)]
#[template(path = "apps.html")]
pub struct AppsPage {
    /// The frame.
    pub page: Frame,
    /// The apps, newest first.
    pub apps: Vec<AppCard>,
    /// What was typed as the name.
    pub name_typed: String,
    /// What was typed as the addresses.
    pub redirects_typed: String,
    /// What was typed as the keys.
    pub keys_typed: String,
    /// What can be ticked.
    pub choices: Vec<PermissionChoice>,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

/// An app.
#[derive(Clone, Debug)]
pub struct AppCard {
    /// Its `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was registered.
    pub at: Timestamp,
    /// The most it may do, in words.
    pub may: Vec<String>,
    /// Where its members are sent back to.
    pub redirects: Vec<String>,
    /// What members allowed it.
    pub connections: Vec<ConnectionRow>,
    /// Where "remove" posts to.
    pub remove_href: String,
}

/// What a member allowed an app.
#[derive(Clone, Debug)]
pub struct ConnectionRow {
    /// Who.
    pub who: String,
    /// What, in words.
    pub may: Vec<String>,
    /// Since when.
    pub at: Timestamp,
    /// The last use.
    pub used: Option<Timestamp>,
    /// When it ends by itself.
    pub ends: Timestamp,
    /// Where "disconnect" posts to.
    pub end_href: String,
}

/// The question to a member whether an app may. Template `consent.html`. Fields `client_id`, `request_uri`, and
/// `decision`: `allow` or `decline`.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    /// The frame.
    pub page: Frame,
    /// The app's name.
    pub app: String,
    /// The shop's name.
    pub shop: String,
    /// What it would get, in words; nothing where the member may do none of it.
    pub may: Vec<String>,
    /// The site that the browser goes back to.
    pub back_to: String,
    /// For how many days.
    pub days: i64,
    /// The app's `client_id`.
    pub client_id: String,
    /// The request's name.
    pub request_uri: String,
    /// Where the form posts to.
    pub action_href: String,
}

/// The way back to an app. The browser goes on by itself; the button is for one that does not. Template `leaving.html`.
#[derive(Template)]
#[template(path = "leaving.html")]
pub struct LeavingPage {
    /// The frame.
    pub page: Frame,
    /// The site that the browser goes to.
    pub site: String,
    /// The whole address, of those that were registered, with the answer.
    pub address: String,
}
