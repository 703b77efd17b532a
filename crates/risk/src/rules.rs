//! Rules: CEL expressions over the row of an attempt, each with an outcome and reasons in words.

use std::sync::Arc;

use crate::decide::Outcome;
use crate::features::Features;

/// Longest name of a rule, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    name: Arc<str>,
    outcome: Outcome,
    priority: i32,
}

impl Rule {
    /// Its name, unique in its set.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it proposes when it fires.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Higher ones are read first.
    pub fn priority(&self) -> i32 {
        self.priority
    }
}

/// A set of rules under one version.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    version: u64,
    rules: Vec<Rule>,
}

impl RuleSet {
    /// Which set it is.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The rules that fire on a row, highest priority first.
    pub fn firing<'a>(&'a self, _row: &'a Features) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter()
    }
}
