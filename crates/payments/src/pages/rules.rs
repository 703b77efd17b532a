//! The rules of screening, and what the shop makes of each.

use askama::Template;
use webkit::page::form::Choice;
use webkit::page::{Frame, Mark, Problems};

use super::shown::OutcomeShown;

/// What a rule does, as pages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeShown {
    /// It counts.
    On,
    /// It is noted alone.
    Watch,
    /// It does nothing.
    Off,
}

impl ModeShown {
    /// Its mark.
    pub fn mark(self) -> Mark {
        match self {
            ModeShown::On => Mark::Done,
            ModeShown::Watch => Mark::Waiting,
            ModeShown::Off => Mark::Closed,
        }
    }

    /// The key of its word.
    pub fn key(self) -> &'static str {
        match self {
            ModeShown::On => "rule-mode-on",
            ModeShown::Watch => "rule-mode-watch",
            ModeShown::Off => "rule-mode-off",
        }
    }
}

/// All rules. Template `rules.html`. The form of what was just changed takes it back: hidden fields `mode` and `note`.
#[derive(Template)]
#[template(path = "rules.html")]
pub struct RulesPage {
    /// The frame.
    pub page: Frame,
    /// The rules, highest priority first.
    pub rows: Vec<RuleRow>,
    /// Decisions among which is counted how often they fired.
    pub decisions: u64,
    /// What was just changed; absent for nothing.
    pub changed: Option<RuleChanged>,
}

/// A rule as a row.
#[derive(Clone, Debug)]
pub struct RuleRow {
    /// Its name.
    pub name: String,
    /// What it says, without figures.
    pub text: String,
    /// What it proposes.
    pub outcome: OutcomeShown,
    /// How often it fired.
    pub fired: u64,
    /// What it does.
    pub mode: ModeShown,
    /// Whether it stays on at every shop.
    pub is_fixed: bool,
    /// Where its mode is changed; empty for a member who may not, and for one that stays on.
    pub change_href: String,
}

/// What was just changed.
#[derive(Clone, Debug)]
pub struct RuleChanged {
    /// In words.
    pub text: String,
    /// Where it is taken back.
    pub undo_href: String,
    /// The mode before.
    pub before: String,
}

/// One rule, to be changed. Template `rule.html`. Fields `mode` and `note`.
#[derive(Template)]
#[template(path = "rule.html")]
pub struct RulePage {
    /// The frame.
    pub page: Frame,
    /// Its name.
    pub name: String,
    /// What it says to whoever works on risk, without figures.
    pub text: String,
    /// What it says to the buyer.
    pub buyer_text: String,
    /// When it fires, in CEL.
    pub when: String,
    /// What it proposes.
    pub outcome: OutcomeShown,
    /// What it does now.
    pub mode: ModeShown,
    /// The modes to choose from.
    pub choices: Vec<Choice>,
    /// The mode chosen.
    pub chosen: String,
    /// The note, as typed.
    pub note: String,
    /// What is wrong with `note`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Back to all rules.
    pub back_href: String,
}
