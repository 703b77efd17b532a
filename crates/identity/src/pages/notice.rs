//! Calm pages that say one thing: a locked PIN, a frozen account, a link that is used, something that changed meanwhile.

use webkit::page::{Frame, Mark, NoticePage};

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
    /// What an app asked is unknown, was decided, or is too old.
    RequestOver,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 6] = [
        NoticeKind::PinLocked,
        NoticeKind::Cooling,
        NoticeKind::Frozen,
        NoticeKind::LinkGone,
        NoticeKind::Changed,
        NoticeKind::RequestOver,
    ];

    /// The start of its text keys, also its name in the gallery.
    pub fn slug(self) -> &'static str {
        match self {
            NoticeKind::PinLocked => "pin-locked",
            NoticeKind::Cooling => "cooling",
            NoticeKind::Frozen => "frozen",
            NoticeKind::LinkGone => "link-gone",
            NoticeKind::Changed => "changed",
            NoticeKind::RequestOver => "request-over",
        }
    }

    /// Its shape.
    pub fn mark(self) -> Mark {
        match self {
            NoticeKind::LinkGone | NoticeKind::Changed | NoticeKind::RequestOver => Mark::Closed,
            NoticeKind::PinLocked | NoticeKind::Cooling | NoticeKind::Frozen => Mark::Paused,
        }
    }

    /// The page that says it; the next step leads to `action_href`, empty to leave it out.
    pub fn page(self, page: Frame, action_href: String) -> NoticePage {
        NoticePage { page, slug: self.slug(), mark: self.mark(), action_key: self.action_key(), action_href }
    }

    fn action_key(self) -> &'static str {
        match self {
            NoticeKind::PinLocked => "pin-forgot-set",
            NoticeKind::LinkGone => "sign-in-button",
            NoticeKind::Changed => "notice-go-on",
            NoticeKind::Cooling | NoticeKind::Frozen | NoticeKind::RequestOver => "",
        }
    }
}
