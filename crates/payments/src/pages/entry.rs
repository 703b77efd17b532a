//! Into the desk: opening the shop once, signing in.

use askama::Template;
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
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
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
    /// What is wrong with `password`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
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
}
