//! Calm pages that say one thing: a locked PIN, a frozen account, a link that is used, something that changed meanwhile.

use askama::Template;
use webkit::page::{Frame, Mark};

/// Why somebody cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Too many wrong PINs.
    PinLocked,
    /// The PIN was set anew a short while ago and does not pay this yet.
    Cooling,
    /// The account is frozen.
    Frozen,
    /// A one-time link that is used or too old.
    LinkGone,
    /// What a form asked for is not possible any more.
    Changed,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 5] = [
        NoticeKind::PinLocked,
        NoticeKind::Cooling,
        NoticeKind::Frozen,
        NoticeKind::LinkGone,
        NoticeKind::Changed,
    ];

    /// The start of its text keys, also its name in the gallery.
    pub fn slug(&self) -> &'static str {
        match self {
            NoticeKind::PinLocked => "pin-locked",
            NoticeKind::Cooling => "cooling",
            NoticeKind::Frozen => "frozen",
            NoticeKind::LinkGone => "link-gone",
            NoticeKind::Changed => "changed",
        }
    }

    /// Its shape.
    pub fn mark(&self) -> Mark {
        match self {
            NoticeKind::LinkGone | NoticeKind::Changed => Mark::Closed,
            NoticeKind::PinLocked | NoticeKind::Cooling | NoticeKind::Frozen => Mark::Paused,
        }
    }

    /// The key of its title.
    pub fn title_key(&self) -> String {
        format!("{}-title", self.slug())
    }

    /// The key of its sentence.
    pub fn text_key(&self) -> String {
        format!("{}-text", self.slug())
    }

    fn action_key(&self) -> Option<&'static str> {
        match self {
            NoticeKind::PinLocked => Some("pin-forgot-set"),
            NoticeKind::LinkGone => Some("sign-in-button"),
            NoticeKind::Changed => Some("notice-go-on"),
            NoticeKind::Cooling | NoticeKind::Frozen => None,
        }
    }
}

/// The page for one [`NoticeKind`]. Template `notice.html`.
#[derive(Template)]
#[template(path = "notice.html")]
pub struct NoticePage {
    /// The frame.
    pub page: Frame,
    /// What is said.
    pub kind: NoticeKind,
    /// Where the next step leads; empty to leave it out.
    pub action_href: String,
}

impl NoticePage {
    /// The next step in words; empty when there is none.
    pub fn action(&self) -> String {
        let key = self.kind.action_key().filter(|_| !self.action_href.is_empty());
        key.map_or_else(String::new, |key| self.page.t(key))
    }
}
