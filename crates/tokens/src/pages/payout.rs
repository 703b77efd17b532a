//! The pages of the payout account.

use askama::Template;
use base::Timestamp;
use webkit::page::form::Choice;
use webkit::page::{Frame, Problems};

use crate::payout::SCHEMES;

/// An account, masked.
#[derive(Clone, Debug)]
pub struct AccountShown {
    /// The holder, masked.
    pub holder: String,
    /// `iban`, `card` or `account`.
    pub scheme: String,
    /// The number, masked.
    pub number: String,
    /// The bank; may be empty.
    pub bank: String,
    /// Who proposed it.
    pub who: String,
    /// Since when.
    pub since: Timestamp,
    /// From when on it counts; `None` while it waits for a second person.
    pub effective: Option<Timestamp>,
}

impl AccountShown {
    /// The key of the form of its number.
    pub fn scheme_key(&self) -> String {
        format!("payout-scheme-{}", self.scheme)
    }
}

/// The account that counts, and the one to come. Template `payout.html`.
#[derive(Template)]
#[template(path = "payout.html")]
pub struct PayoutPage {
    /// The frame.
    pub page: Frame,
    /// The account that counts.
    pub current: Option<AccountShown>,
    /// The one to come.
    pub next: Option<AccountShown>,
    /// Where a change begins; empty where there is one, or for who may not.
    pub change_href: String,
    /// Where the button that stops the change posts to; empty where there is none, or for who may not.
    pub withdraw_href: String,
    /// Where the button of the second person posts to; empty for who is not.
    pub approve_href: String,
    /// How long a change takes until it counts, hours.
    pub hours: i64,
}

/// The form. Template `payout_change.html`. Fields `holder`, `scheme`, `number`, `bank`.
#[derive(Template)]
#[template(path = "payout_change.html")]
pub struct PayoutChangePage {
    /// The frame.
    pub page: Frame,
    /// What was typed as the holder.
    pub holder: String,
    /// The chosen form of number.
    pub scheme: String,
    /// What was typed as the bank.
    pub bank: String,
    /// What is wrong, by field.
    pub problems: Problems,
    /// How long a change takes until it counts, hours.
    pub hours: i64,
    /// Where the form posts to.
    pub action_href: String,
    /// Back without a change.
    pub back_href: String,
}

impl PayoutChangePage {
    /// The forms of a number.
    pub fn scheme_choices(&self) -> Vec<Choice> {
        let choice = |name: &str| Choice::new(name, self.page.t(format!("payout-scheme-{name}")));
        SCHEMES.map(|scheme| choice(scheme.name())).to_vec()
    }
}
