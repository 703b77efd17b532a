//! One's own sign-in and security, alike for buyers and members: what the account is locked with, where it is open.

use askama::Template;
use base::Timestamp;
use webkit::page::{Frame, Mark, Problems};

/// How an account is locked, and what to add. Template `security.html`.
#[derive(Template)]
#[template(path = "security.html")]
pub struct SecurityPage {
    /// The frame, with the bar for a member.
    pub page: Frame,
    /// What all addresses of the account start with: `/me` or `/desk`.
    pub base: &'static str,
    /// Where another factor is added.
    pub add_href: String,
    /// Whether the account has a password: a member's has.
    pub has_password: bool,
    /// The factors, oldest first, without recovery codes.
    pub factors: Vec<FactorLine>,
    /// Recovery codes that are left.
    pub recovery_left: usize,
    /// Devices signed in, this one included.
    pub sessions: usize,
    /// Apps that act for a member.
    pub apps: Vec<AppLine>,
}

/// An app that acts for a member.
#[derive(Clone, Debug)]
pub struct AppLine {
    /// What the shop calls it.
    pub name: String,
    /// What it may do, in words.
    pub may: Vec<String>,
    /// Since when.
    pub at: Timestamp,
    /// The last use.
    pub used: Option<Timestamp>,
    /// Where "disconnect" posts to.
    pub end_href: String,
}

impl SecurityPage {
    /// Whether no second factor counts.
    fn is_single(&self) -> bool {
        self.factors.iter().all(|factor| factor.is_contact)
    }

    /// How well the account is locked: its shape.
    pub fn mark(&self) -> Mark {
        if self.is_single() { Mark::Review } else { Mark::Done }
    }

    /// How well the account is locked: the key of its sentence.
    pub fn verdict(&self) -> &'static str {
        match (self.is_single(), self.recovery_left, self.has_password) {
            (true, _, true) => "security-verdict-none",
            (true, _, false) => "security-verdict-code",
            (false, 0, _) => "security-verdict-no-codes",
            (false, _, _) => "security-verdict-good",
        }
    }
}

/// A second factor as a line.
#[derive(Clone, Debug)]
pub struct FactorLine {
    /// Its kind: `totp`, `passkey`, `sms`.
    pub kind: &'static str,
    /// What its owner calls it.
    pub label: String,
    /// Since when.
    pub created: Timestamp,
    /// The last use.
    pub used: Option<Timestamp>,
    /// Whether it is a number that opens the account already, so that it adds nothing.
    pub is_contact: bool,
    /// Where its removal is asked about.
    pub remove_href: String,
}

impl FactorLine {
    /// The key of its kind's name.
    pub fn key(&self) -> String {
        format!("factor-{}", self.kind)
    }
}

/// Removing a factor: what follows. Template `factor_remove.html`. No fields.
#[derive(Template)]
#[template(path = "factor_remove.html")]
pub struct FactorRemovePage {
    /// The frame.
    pub page: Frame,
    /// The factor.
    pub factor: FactorLine,
    /// Whether it is the only one, which a member has to keep.
    pub is_last: bool,
    /// Where the form posts to.
    pub action_href: String,
    /// Back.
    pub back_href: String,
    /// Where another one is added.
    pub add_href: String,
}

/// Where the account is open. Template `devices.html`. The forms have no fields.
#[derive(Template)]
#[template(path = "devices.html")]
pub struct DevicesPage {
    /// The frame.
    pub page: Frame,
    /// The sessions, this one first.
    pub rows: Vec<SessionRow>,
    /// Where "end all others" posts to; empty when there is none.
    pub end_others_href: String,
    /// Back.
    pub back_href: String,
}

/// A session as a line.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The browser and system.
    pub device: String,
    /// When it was opened.
    pub opened: Timestamp,
    /// The last use.
    pub used: Timestamp,
    /// Whether it is the one that asks.
    pub is_this: bool,
    /// The network it was opened from, masked, where that is known.
    pub network: Option<String>,
    /// Its country, two letters, where the operator's table knows it.
    pub country: Option<String>,
    /// Where "end it" posts to.
    pub end_href: String,
}

/// A member changes the password. Template `password.html`. Fields `old`, `password`.
#[derive(Template)]
#[template(path = "password.html")]
pub struct PasswordPage {
    /// The frame.
    pub page: Frame,
    /// Whether nothing else opens before the password is another one.
    pub is_due: bool,
    /// Shortest password, in characters.
    pub chars_min: usize,
    /// Whether it takes letters and digits.
    pub wants_both: bool,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Back.
    pub back_href: String,
}

impl PasswordPage {
    /// The key of what a password takes.
    pub fn hint_key(&self) -> &'static str {
        if self.wants_both { "password-hint-kinds" } else { "password-hint" }
    }
}

/// A member's other address: first the address, then the code that came to it. Template `address.html`. Field `email`; then
/// `email`, `request`, `code`.
#[derive(Template)]
#[template(path = "address.html")]
pub struct AddressPage {
    /// The frame.
    pub page: Frame,
    /// The address up to now, masked.
    pub now_masked: String,
    /// The new one, as typed; empty before.
    pub email: String,
    /// The new one, masked.
    pub new_masked: String,
    /// The request its code belongs to; empty before it was asked for.
    pub request: String,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Back.
    pub back_href: String,
}

/// How good a password is, as a piece of a page. Template `meter.html`.
#[derive(Template)]
#[template(path = "meter.html")]
pub struct MeterPart {
    /// The frame, for its texts.
    pub page: Frame,
    /// 0 (guessed at once) to 4 (holds).
    pub score: u8,
    /// What would make it better; may be empty.
    pub advice: String,
}

impl MeterPart {
    /// The key of its word.
    pub fn word(&self) -> String {
        format!("meter-{}", self.score.min(4))
    }

    /// Its colour.
    pub fn tone(&self) -> &'static str {
        match self.score {
            0 | 1 => "bad",
            2 => "amber",
            _ => "good",
        }
    }
}
