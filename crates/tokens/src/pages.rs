//! The pages of customers: a view struct each, filled by a handler, shown by a template beside it in `templates/`.
//!
//! View structs are flat and look nothing up. Every struct has a `sample` for the gallery.

use std::sync::LazyLock;

use askama::Template;
use base::Timestamp;
use webkit::page::form::Choice;
use webkit::page::{Frame, Mark, Problems, Texts};

use crate::opening::Purpose;

pub mod payout;
pub mod sample;

/// The English and the Chinese texts of this crate, as Fluent.
pub const LOCALES: (&str, &str) = (include_str!("../locales/en.ftl"), include_str!("../locales/zh.ftl"));

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[identity::pages::LOCALES, LOCALES]));

/// The texts of this crate, of identity and of the frame, parsed once.
pub fn texts() -> &'static Texts {
    &TEXTS
}

/// What customers can be found by.
pub const SEARCH_KINDS: [&str; 4] = ["phone", "email", "name", "external"];

/// One customer as a row, masked.
#[derive(Clone, Debug)]
pub struct CustomerRow {
    /// The customer.
    pub id: String,
    /// Their page.
    pub href: String,
    /// The masked name.
    pub name: String,
    /// A masked phone number or address of mail.
    pub contact: String,
    /// What the shop calls them; may be empty.
    pub own_number: String,
    /// Since when.
    pub at: Timestamp,
}

/// Customers: the newest, or those found. Template `customers.html`. Fields `kind`, `value`.
#[derive(Template)]
#[template(path = "customers.html")]
pub struct CustomersPage {
    /// The frame.
    pub page: Frame,
    /// The rows.
    pub rows: Vec<CustomerRow>,
    /// Whether they were looked for.
    pub searched: bool,
    /// The chosen way to look: one of [`SEARCH_KINDS`].
    pub kind: String,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

impl CustomersPage {
    /// The ways to look.
    pub fn kind_choices(&self) -> Vec<Choice> {
        SEARCH_KINDS.map(|kind| Choice::new(kind, self.page.t(format!("customers-kind-{kind}")))).to_vec()
    }
}

/// A value, masked.
#[derive(Clone, Debug)]
pub struct ValueLine {
    /// What it is, in words.
    pub kind: String,
    /// What may be shown.
    pub masked: String,
    /// Since when.
    pub at: Timestamp,
}

/// A card, masked.
#[derive(Clone, Debug)]
pub struct CardLine {
    /// The token.
    pub id: String,
    /// Scheme and last four digits.
    pub masked: String,
    /// `12/2029`.
    pub expiry: String,
    /// The state's name.
    pub state: String,
    /// The state's shape.
    pub mark: Mark,
}

impl CardLine {
    /// The key of the state's words.
    pub fn state_key(&self) -> String {
        format!("customer-card-{}", self.state)
    }
}

/// Who looked.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    /// When.
    pub at: Timestamp,
    /// Who, in words.
    pub who: String,
    /// What, in words.
    pub what: String,
    /// What for, in words.
    pub purpose: String,
    /// Why; empty once the customer was erased.
    pub reason: String,
}

/// A value, opened.
#[derive(Clone, Debug)]
pub struct OpenedLine {
    /// What it is, in words.
    pub what: String,
    /// The value.
    pub text: String,
}

/// One customer. Template `customer.html`. Fields `what`, `purpose`, `reason`.
#[derive(Template)]
#[template(path = "customer.html")]
pub struct CustomerPage {
    /// The frame.
    pub page: Frame,
    /// The customer.
    pub id: String,
    /// The masked name.
    pub title: String,
    /// What the shop calls them; may be empty.
    pub own_number: String,
    /// Whether the data is gone.
    pub erased: bool,
    /// The values.
    pub values: Vec<ValueLine>,
    /// The cards.
    pub cards: Vec<CardLine>,
    /// Who looked, newest first.
    pub history: Vec<HistoryLine>,
    /// What the member may open; empty for nothing.
    pub choices: Vec<Choice>,
    /// Whether one of them is a single-use card.
    pub has_single_use: bool,
    /// What was chosen to open.
    pub what: String,
    /// The chosen purpose.
    pub purpose: String,
    /// What was typed as the reason.
    pub reason_typed: String,
    /// What was just opened.
    pub opened: Option<OpenedLine>,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

impl CustomerPage {
    /// The purposes to choose from.
    pub fn purpose_choices(&self) -> Vec<Choice> {
        let choice = |purpose: &Purpose| Choice::new(purpose.name(), purpose_text(&self.page, *purpose));
        Purpose::ALL.iter().map(choice).collect()
    }
}

/// A purpose in words.
pub fn purpose_text(page: &Frame, purpose: Purpose) -> String {
    page.t(format!("purpose-{}", purpose.name()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use webkit::page::{Lang, check};

    use super::*;
    use crate::token::State;
    use crate::values::Kind;

    #[test]
    fn every_page_is_sound_in_both_languages() {
        for lang in Lang::ALL {
            assert_eq!(check::gallery(&sample::gallery(lang).unwrap()), Vec::<String>::new(), "{lang:?}");
        }
    }

    #[test]
    fn both_languages_hold_the_same_texts_and_each_one_used() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (templates, sources) = (root.join("templates"), root.join("src"));
        let folders = [templates.as_path(), sources.as_path()];
        assert_eq!(check::texts(texts(), LOCALES.0, LOCALES.1, &folders), Vec::<String>::new());
    }

    #[test]
    fn every_purpose_kind_and_state_has_its_words() {
        let purposes = Purpose::ALL.iter().map(|purpose| format!("purpose-{}", purpose.name()));
        let kinds = Kind::ALL.iter().map(|kind| format!("customer-kind-{}", kind.name()));
        let states = [State::Active, State::Used, State::Expired, State::Deleted];
        let states = states.iter().map(|state| format!("customer-card-{}", state.name()));
        let schemes = crate::payout::SCHEMES.iter().map(|scheme| format!("payout-scheme-{}", scheme.name()));
        for key in purposes.chain(kinds).chain(states).chain(schemes) {
            assert!(Lang::ALL.into_iter().all(|lang| texts().has(lang, &key)), "{key}");
        }
    }
}
