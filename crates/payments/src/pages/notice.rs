//! Calm pages that say one thing to a buyer: a code that cannot be paid, a balance too small, an account just frozen.

use webkit::page::{Frame, Mark, NoticePage};

/// Why a buyer cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// The single-use code was paid already.
    CodeUsed,
    /// The code's time ran out.
    CodeExpired,
    /// Not signed by us, or changed after it was.
    CodeAltered,
    /// Not the form of a code at all: cut, mistyped.
    CodeUnreadable,
    /// Made by another shop.
    CodeOtherShop,
    /// The shop took it back.
    CodeWithdrawn,
    /// A shop's own member cannot pay it.
    CodeOwnShop,
    /// The balance does not cover the amount.
    ShortBalance,
    /// The amount is past what may be paid in a day.
    DayLimit,
    /// The account was just frozen by its owner.
    FrozenNow,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [NoticeKind; 10] = [
        NoticeKind::CodeUsed,
        NoticeKind::CodeExpired,
        NoticeKind::CodeAltered,
        NoticeKind::CodeUnreadable,
        NoticeKind::CodeOtherShop,
        NoticeKind::CodeWithdrawn,
        NoticeKind::CodeOwnShop,
        NoticeKind::ShortBalance,
        NoticeKind::DayLimit,
        NoticeKind::FrozenNow,
    ];

    /// The start of its text keys, also its name in the gallery.
    pub fn slug(self) -> &'static str {
        match self {
            NoticeKind::CodeUsed => "code-used",
            NoticeKind::CodeExpired => "code-expired",
            NoticeKind::CodeAltered => "code-altered",
            NoticeKind::CodeUnreadable => "code-unreadable",
            NoticeKind::CodeOtherShop => "code-other-shop",
            NoticeKind::CodeWithdrawn => "code-withdrawn",
            NoticeKind::CodeOwnShop => "code-own-shop",
            NoticeKind::ShortBalance => "short-balance",
            NoticeKind::DayLimit => "day-limit",
            NoticeKind::FrozenNow => "frozen-now",
        }
    }

    /// Its shape.
    pub fn mark(self) -> Mark {
        match self {
            NoticeKind::CodeUsed => Mark::Done,
            NoticeKind::CodeExpired => Mark::Waiting,
            NoticeKind::CodeAltered | NoticeKind::CodeOtherShop => Mark::Stopped,
            NoticeKind::CodeUnreadable | NoticeKind::CodeWithdrawn | NoticeKind::CodeOwnShop => Mark::Closed,
            NoticeKind::ShortBalance | NoticeKind::DayLimit => Mark::Closed,
            NoticeKind::FrozenNow => Mark::Paused,
        }
    }

    /// The page that says it; the next step leads to `action_href`, empty to leave it out.
    pub fn page(self, page: Frame, action_href: String) -> NoticePage {
        NoticePage { page, slug: self.slug(), mark: self.mark(), action_key: self.action_key(), action_href }
    }

    fn action_key(self) -> &'static str {
        match self {
            NoticeKind::CodeUsed => "notice-receipt",
            NoticeKind::FrozenNow => "notice-receipt",
            _ => "",
        }
    }
}
