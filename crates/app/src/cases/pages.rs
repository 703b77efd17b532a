//! The pages of cases: a view struct each, filled by a handler, shown by a template beside it in `templates/`.

use std::sync::LazyLock;

use askama::Template;
use base::Timestamp;
use identity::cases::{CaseOutcome, CaseState};
use webkit::page::form::Choice;
use webkit::page::parts::Step;
use webkit::page::{Frame, Mark, Problems, Texts};

use super::OUTCOMES;

pub mod sample;

/// The English and the Chinese texts of this folder, as Fluent.
pub const LOCALES: (&str, &str) =
    (include_str!("../../locales/en.ftl"), include_str!("../../locales/zh.ftl"));

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[identity::pages::LOCALES, LOCALES]));

/// The texts of this folder, of identity and of the frame, parsed once.
pub fn texts() -> &'static Texts {
    &TEXTS
}

/// A case's state as a shape, and the key of its word.
pub fn shown(state: CaseState) -> (Mark, &'static str) {
    match state {
        CaseState::Open => (Mark::Review, "case-open"),
        CaseState::Worked => (Mark::Waiting, "case-worked"),
        CaseState::Closed => (Mark::Done, "case-closed"),
    }
}

/// One case as a row.
#[derive(Clone, Debug)]
pub struct CaseRow {
    /// Its page.
    pub href: String,
    /// What was said, in words.
    pub what: String,
    /// Whose account it is, shortened.
    pub who: String,
    /// How far it is.
    pub state: CaseState,
    /// Who works it, or closed it; may be empty.
    pub worker: String,
    /// How it ended, in words; may be empty.
    pub outcome: String,
    /// Since when it is open.
    pub opened: Timestamp,
}

impl CaseRow {
    /// The shape of its state.
    pub fn mark(&self) -> Mark {
        shown(self.state).0
    }

    /// The key of its state.
    pub fn key(&self) -> &'static str {
        shown(self.state).1
    }
}

/// The cases of a shop. Template `cases.html`.
#[derive(Template)]
#[template(path = "cases.html")]
pub struct CasesPage {
    /// The frame.
    pub page: Frame,
    /// The rows.
    pub rows: Vec<CaseRow>,
    /// Whether closed ones are shown.
    pub shows_closed: bool,
    /// Where open ones are.
    pub open_href: String,
    /// Where closed ones are.
    pub closed_href: String,
}

/// One case. Template `case.html`. Taking has no fields; closing has `outcome` and `note`.
#[derive(Template)]
#[template(path = "case.html")]
pub struct CasePage {
    /// The frame.
    pub page: Frame,
    /// The case's id.
    pub id: String,
    /// What was said, in words.
    pub what: String,
    /// Whose account it is, shortened.
    pub who: String,
    /// Whose account it is: an id.
    pub account: String,
    /// How far it is.
    pub state: CaseState,
    /// What happened with it.
    pub steps: Vec<Step>,
    /// What the program did by itself when it was opened.
    pub done: Vec<String>,
    /// How the account stands now, in words.
    pub standing: String,
    /// The command that lets a stopped account pay again; empty where there is none to give, or for who cannot.
    pub free_command: String,
    /// Pages that help: their names and addresses.
    pub links: Vec<(String, String)>,
    /// Where the button that takes it posts to; empty for who may not, and where they have it.
    pub take_href: String,
    /// Where the form that closes it posts to; empty for who has not taken it.
    pub close_href: String,
    /// The outcome that is chosen.
    pub outcome: String,
    /// The note as typed.
    pub note: String,
    /// What is wrong, by field.
    pub problems: Problems,
}

impl CasePage {
    /// The shape of its state.
    pub fn mark(&self) -> Mark {
        shown(self.state).0
    }

    /// The key of its state.
    pub fn key(&self) -> &'static str {
        shown(self.state).1
    }

    /// The ways it can end.
    pub fn outcome_choices(&self) -> Vec<Choice> {
        let choice =
            |one: CaseOutcome| Choice::new(one.name(), self.page.t(format!("case-outcome-{}", one.name())));
        OUTCOMES.map(choice).to_vec()
    }
}
