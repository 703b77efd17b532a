//! A calm page that says one thing: why somebody cannot go on, and the next step where there is one.

use askama::Template;

use super::{Frame, Mark};

/// The page. Its texts are a domain's: `SLUG-title` and `SLUG-text`. Template `notice.html`.
#[derive(Template)]
#[template(path = "notice.html")]
pub struct NoticePage {
    /// The frame.
    pub page: Frame,
    /// The start of its text keys.
    pub slug: &'static str,
    /// Its shape.
    pub mark: Mark,
    /// The key of the next step's name; empty where there is none.
    pub action_key: &'static str,
    /// Where the next step leads; empty to leave it out.
    pub action_href: String,
}

impl NoticePage {
    fn title_key(&self) -> String {
        format!("{}-title", self.slug)
    }

    fn text_key(&self) -> String {
        format!("{}-text", self.slug)
    }

    /// The next step in words; empty when there is none.
    fn action(&self) -> String {
        let is_shown = !self.action_key.is_empty() && !self.action_href.is_empty();
        if is_shown { self.page.t(self.action_key) } else { String::new() }
    }
}
