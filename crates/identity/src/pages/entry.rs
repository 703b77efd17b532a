//! At the door: opening the shop once, invitations, sign-in of members and buyers, sign-up, coming back.

use askama::Template;
use base::Money;
use webkit::page::form::Choice;
use webkit::page::{Frame, Problems};

/// First start: the one-time link opens the shop and makes its owner. Template `set_up.html`.
/// Fields `shop`, `city`, `country`, `category`, `currency`, `zone`, `name`, `email`, `password`.
#[derive(Template)]
#[template(path = "set_up.html")]
pub struct SetUpPage {
    /// The frame, without desk.
    pub page: Frame,
    /// What was typed as the shop's name.
    pub shop_typed: String,
    /// What was typed as the shop's town.
    pub city_typed: String,
    /// The chosen country, two letters.
    pub country: String,
    /// Countries to choose from.
    pub countries: Vec<Choice>,
    /// What the shop sells, as a chosen merchant category.
    pub category: String,
    /// Merchant categories to choose from.
    pub categories: Vec<Choice>,
    /// The chosen currency's code.
    pub currency: String,
    /// Currencies to choose from.
    pub currencies: Vec<Choice>,
    /// The chosen zone's name.
    pub zone: String,
    /// Zones to choose from.
    pub zones: Vec<Choice>,
    /// What was typed as the owner's name.
    pub name_typed: String,
    /// What was typed as the owner's e-mail.
    pub email_typed: String,
    /// Whether a password takes letters and digits.
    pub wants_both: bool,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

impl SetUpPage {
    /// The key of what a password takes.
    pub fn hint_key(&self) -> &'static str {
        if self.wants_both { "setup-password-hint-kinds" } else { "setup-password-hint" }
    }
}

/// A member who forgot the password gives the address, and then hears that a link may be on its way. Template
/// `forgotten.html`. Field `email`.
#[derive(Template)]
#[template(path = "forgotten.html")]
pub struct ForgottenPage {
    /// The frame, without desk.
    pub page: Frame,
    /// What was typed as the address.
    pub email_typed: String,
    /// What is wrong with `email`.
    pub problems: Problems,
    /// Whether the address was taken; the same for known and unknown ones.
    pub is_sent: bool,
    /// How long a link works, in minutes.
    pub minutes: i64,
    /// Where the form posts to.
    pub action_href: String,
}

/// Whoever signed up had an account already, and is in it. Template `buyer_known.html`.
#[derive(Template)]
#[template(path = "buyer_known.html")]
pub struct BuyerKnownPage {
    /// The frame.
    pub page: Frame,
    /// Where the buyer wanted to go.
    pub next_href: String,
    /// Where the PIN is set anew.
    pub forgot_href: String,
}

/// A forgotten password is set anew. Template `reset.html`. Field `password`.
#[derive(Template)]
#[template(path = "reset.html")]
pub struct ResetPage {
    /// The frame, without desk.
    pub page: Frame,
    /// The member's e-mail.
    pub email: String,
    /// Fewest characters of a password.
    pub chars_min: usize,
    /// Whether it takes letters and digits.
    pub wants_both: bool,
    /// What is wrong with `password`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

impl ResetPage {
    /// The key of what a password takes.
    pub fn hint_key(&self) -> &'static str {
        if self.wants_both { "password-hint-kinds" } else { "password-hint" }
    }
}

/// An invited member chooses a password. Template `invited.html`. Field `password`.
#[derive(Template)]
#[template(path = "invited.html")]
pub struct InvitedPage {
    /// The frame, without desk.
    pub page: Frame,
    /// The shop's name.
    pub shop: String,
    /// The member's e-mail.
    pub email: String,
    /// Whether a password takes letters and digits.
    pub wants_both: bool,
    /// What is wrong with `password`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

impl InvitedPage {
    /// The key of what a password takes.
    pub fn hint_key(&self) -> &'static str {
        if self.wants_both { "setup-password-hint-kinds" } else { "setup-password-hint" }
    }
}

/// Sign-in of members. Template `sign_in.html`. Fields `email`, `password`, hidden `next`.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// The frame, without desk.
    pub page: Frame,
    /// What was typed as the e-mail.
    pub email_typed: String,
    /// What is wrong: of the whole form (`sign-in-failed`, `sign-in-locked`) or by field.
    pub problems: Problems,
    /// Hidden field `next`: the page to return to; empty for the overview.
    pub next: String,
    /// Where the form posts to.
    pub action_href: String,
    /// Where the form of a passkey posts to, and with `/options` behind it asks.
    pub passkey_href: String,
    /// Its hidden field `next`.
    pub passkey_next: String,
    /// What the operator's own provider is called; empty where there is none.
    pub outside: String,
    /// Where its sign-in begins.
    pub outside_href: String,
    /// Whether a new password was set a moment ago.
    pub is_password_set: bool,
    /// Where a forgotten password is set anew.
    pub forgotten_href: String,
}

/// Who is paying? Template `buyer_sign_in.html`. Field `contact`.
#[derive(Template)]
#[template(path = "buyer_sign_in.html")]
pub struct BuyerSignInPage {
    /// The frame.
    pub page: Frame,
    /// The shop that is about to be paid; empty when the buyer came without a payment.
    pub shop: String,
    /// What is about to be paid; absent without a payment.
    pub amount: Option<Money>,
    /// What was typed before.
    pub contact_typed: String,
    /// Whether a telephone number will do as well.
    pub takes_numbers: bool,
    /// What is wrong with `contact`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Where the form of a passkey posts to, and with `/options` behind it asks.
    pub passkey_href: String,
    /// Its hidden field `next`.
    pub passkey_next: String,
    /// Where somebody without an account makes one.
    pub new_href: String,
}

/// The code sent to the contact. Template `buyer_code.html`. Fields `code`, `remember` (`1`), hidden `challenge`.
#[derive(Template)]
#[template(path = "buyer_code.html")]
pub struct BuyerCodePage {
    /// The frame.
    pub page: Frame,
    /// Where the code was sent, masked.
    pub contact_masked: String,
    /// Hidden field `contact` of the form that asks for a new code.
    pub contact: String,
    /// Whether an account is about to be made; else the code goes only where there is one.
    pub is_sign_up: bool,
    /// Hidden field `challenge`: which sent code is answered; may be empty.
    pub challenge: String,
    /// What is wrong with `code`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Where "send a new code" posts to; empty to leave it out.
    pub again_href: String,
    /// Where another contact can be given.
    pub other_href: String,
}

/// Somebody without an account makes one: contact, name and PIN. The code for the contact comes next. Template
/// `buyer_new.html`. Fields `contact`, `name`, `pin`, `pin_again`.
#[derive(Template)]
#[template(path = "buyer_new.html")]
pub struct BuyerNewPage {
    /// The frame.
    pub page: Frame,
    /// What was typed as the contact.
    pub contact_typed: String,
    /// Whether a telephone number will do as well.
    pub takes_numbers: bool,
    /// What was typed as the name.
    pub name_typed: String,
    /// What is wrong with `contact`, `name`, `pin` or `pin_again`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Where somebody with an account signs in.
    pub sign_in_href: String,
}

/// A session that was idle shows the account again after the PIN. Template `wake.html`. Field `pin`.
#[derive(Template)]
#[template(path = "wake.html")]
pub struct WakePage {
    /// The frame.
    pub page: Frame,
    /// What is wrong with the PIN, as a sentence; empty at the first try.
    pub wrong: String,
    /// Where the form posts to.
    pub action_href: String,
    /// Where a forgotten PIN is set anew.
    pub forgot_href: String,
    /// Where "sign out" posts to.
    pub sign_out_href: String,
}
