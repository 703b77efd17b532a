//! A buyer's own account: where everything is, the PIN, what happened lately, freezing it all.

use askama::Template;
use base::Timestamp;
use webkit::page::{Frame, Mark, Problems};

use crate::disputes::Disputed;
use crate::pin::Cooling;

/// The account at a glance. Template `account.html`.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// The frame.
    pub page: Frame,
    /// The buyer's name.
    pub who: String,
    /// The contact, masked.
    pub contact: String,
    /// Whether it can pay.
    pub standing: Standing,
    /// Second factors that count each day.
    pub factors: usize,
    /// Devices signed in.
    pub sessions: usize,
    /// When the PIN was last set.
    pub pin_changed: Timestamp,
    /// Until when a PIN that was set anew is held back, and what it pays until then.
    pub cooling: Option<Cooling>,
}

/// Whether an account can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can.
    Good,
    /// The PIN is locked.
    PinLocked,
    /// Its owner froze it.
    Frozen,
    /// The house stopped it.
    Held,
}

impl Standing {
    /// Its shape.
    pub fn mark(&self) -> Mark {
        match self {
            Standing::Good => Mark::Done,
            Standing::PinLocked | Standing::Frozen | Standing::Held => Mark::Paused,
        }
    }

    /// The key of its word.
    pub fn key(&self) -> &'static str {
        match self {
            Standing::Good => "account-good",
            Standing::PinLocked => "account-pin-locked",
            Standing::Frozen => "account-frozen",
            Standing::Held => "account-held",
        }
    }
}

/// A new PIN. Template `pin_change.html`. Fields `old`, `pin`, `pin_again`.
#[derive(Template)]
#[template(path = "pin_change.html")]
pub struct PinChangePage {
    /// The frame.
    pub page: Frame,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Where a forgotten PIN is replaced; empty where that is not offered.
    pub forgot_href: String,
}

/// Another contact: first the contact and the PIN, then the code that came to it. Template `contact.html`. Fields `contact`,
/// `pin`; then `contact`, `request`, `code`.
#[derive(Template)]
#[template(path = "contact.html")]
pub struct ContactPage {
    /// The frame.
    pub page: Frame,
    /// The contact up to now, masked.
    pub now_masked: String,
    /// The new one, as typed; empty before.
    pub contact: String,
    /// The new one, masked.
    pub new_masked: String,
    /// The request its code belongs to; empty before it was asked for.
    pub request: String,
    /// Whether a number will do as well.
    pub takes_numbers: bool,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

/// A PIN set anew without the old one. Template `pin_forgot.html`. Fields of the second stage `code`, `pin`, `pin_again`,
/// `request`; the first posts nothing.
#[derive(Template)]
#[template(path = "pin_forgot.html")]
pub struct PinForgotPage {
    /// The frame.
    pub page: Frame,
    /// Where the buyer is.
    pub stage: ForgotStage,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Where a code is asked for again.
    pub again_href: String,
    /// Where to go on.
    pub next_href: String,
}

/// How far the setting anew of a PIN has come.
#[derive(Clone, Debug)]
pub enum ForgotStage {
    /// The code is asked for.
    Ask,
    /// It is on its way.
    Code {
        /// The request it belongs to.
        request: String,
    },
    /// The new PIN is in force, and held back.
    Done(Cooling),
}

/// "This was not me", from the link of a notice. Template `freeze_link.html`. No fields.
#[derive(Template)]
#[template(path = "freeze_link.html")]
pub struct FreezeLinkPage {
    /// The frame.
    pub page: Frame,
    /// What was not the buyer.
    pub about: Disputed,
    /// Whether the account is frozen by now.
    pub is_done: bool,
    /// Where the form posts to.
    pub action_href: String,
}

impl FreezeLinkPage {
    /// The key of a sentence that depends on what was not the buyer.
    pub fn key(&self, sentence: &str) -> String {
        match self.about {
            Disputed::Pin => sentence.to_owned(),
            Disputed::Contact => format!("{sentence}-contact"),
            Disputed::Address => format!("{sentence}-address"),
        }
    }

    /// The key of a sentence that is the same for everything that was not a buyer.
    pub fn key_of_two(&self, sentence: &str) -> String {
        if self.is_buyers() { sentence.to_owned() } else { self.key(sentence) }
    }

    /// Whether a buyer's account is frozen with it.
    pub fn is_buyers(&self) -> bool {
        self.about != Disputed::Address
    }
}

/// Freezing everything: what follows, and the button. Template `freeze.html`. No fields.
#[derive(Template)]
#[template(path = "freeze.html")]
pub struct FreezePage {
    /// The frame.
    pub page: Frame,
    /// Other devices that would be signed out.
    pub others: usize,
    /// Where the form posts to.
    pub action_href: String,
}

/// A frozen account, and the way back with the PIN. Template `frozen.html`. Field `pin`.
#[derive(Template)]
#[template(path = "frozen.html")]
pub struct FrozenPage {
    /// The frame.
    pub page: Frame,
    /// Whether the buyer froze it and can take that back.
    pub is_own: bool,
    /// Where a fresh proof is given first; empty when there was one lately.
    pub proof_href: String,
    /// What is wrong with the PIN, as a sentence; empty at the first try.
    pub wrong: String,
    /// Where the form posts to.
    pub action_href: String,
}

/// What happened to the account lately. Template `activity.html`.
#[derive(Template)]
#[template(path = "activity.html")]
pub struct ActivityPage {
    /// The frame.
    pub page: Frame,
    /// What happened, newest first.
    pub rows: Vec<ActivityRow>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct ActivityRow {
    /// When.
    pub at: Timestamp,
    /// What, in words.
    pub what: String,
    /// On which device or with what; may be empty.
    pub note: String,
    /// The network it came from, masked, where that is known.
    pub network: Option<String>,
    /// Its country, two letters, where the operator's table knows it.
    pub country: Option<String>,
    /// Where "this was not me" leads to; empty for what nobody else can have done to the buyer's harm.
    pub not_me_href: String,
}
