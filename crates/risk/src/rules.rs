//! Rules: CEL expressions over the row of an attempt, each with an outcome and reasons in words.
//!
//! CEL is the Common Expression Language with its published specification. A rule is parsed by `cel`, checked here
//! against the types of the slots, and compiled to comparisons over the row. What is not compiled (functions on
//! texts) is left to `cel`'s interpreter, which is also the oracle of the compiler's tests.
//!
//! What is unknown follows CEL's errors: a comparison with an unknown slot is unknown, `false && unknown` is false,
//! `true || unknown` is true, and a rule that ends unknown does not fire. `has(payer.ratio)` tests for it.
//!
//! Text from outside is bounded before it is parsed; see the `…_MAX` constants.

mod check;
mod file;
mod interpret;
mod modes;
mod parse;
mod place;
mod program;
mod starter;

use std::sync::Arc;

use crate::decide::Outcome;
use crate::features::{Features, Slot};
use crate::reasons::Words;

pub use file::{Bilingual, FILE_BYTES_MAX, InBoth, RULES_MAX, RuleOf, RuleText};
pub use modes::{Mode, Modes};
pub use parse::{DEPTH_MAX, NESTING_MAX, NODES_MAX, SOURCE_BYTES_MAX, UNARY_RUN_MAX};
pub use starter::STARTER;

use file::Written;
use place::{Problem, Spot};

/// Longest name of a rule, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Most literals in a list.
pub const LIST_MAX: usize = 64;
/// Longest regular expression for `matches`, in bytes.
pub const PATTERN_BYTES_MAX: usize = 100;

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}line {line}, column {column}: {problem}", of_rule(.rule))]
pub struct RuleError {
    /// Name of the rule, or what the file calls it; empty for the file as a whole.
    pub rule: String,
    /// Line in the rule file, from 1; in the value that is wrong, where a rule came from no file.
    pub line: u32,
    /// Column in the line, from 1.
    pub column: u32,
    /// What is wrong and what to do.
    pub problem: String,
}

fn of_rule(rule: &str) -> String {
    if rule.is_empty() { String::new() } else { format!("rule `{rule}`, ") }
}

/// One rule, ready to be asked.
#[derive(Clone, Debug)]
pub struct Rule {
    name: Arc<str>,
    outcome: Outcome,
    priority: i32,
    source: Arc<str>,
    words: Arc<Words>,
    slots: Vec<Slot>,
    /// The parts joined by `&&` at the top that could be compiled.
    parts: Vec<program::Part>,
    oracle: Arc<interpret::Interpreter>,
    /// Whether some part is left to the interpreter.
    interpreted: bool,
}

impl Rule {
    /// Checks and compiles one rule.
    ///
    /// # Errors
    /// The first problem of its expression, and all others of its name, outcome and texts.
    pub fn new(text: &RuleText) -> Result<Rule, Vec<RuleError>> {
        let inside = |problem: Problem| {
            let value = text.value(problem.spot);
            problem.inside(&text.name, value)
        };
        Rule::check(text).map_err(|problems| problems.into_iter().map(inside).collect())
    }

    fn check(text: &RuleText) -> Result<Rule, Vec<Problem>> {
        let mut problems = Vec::new();
        if let Err(problem) = file::check_name(&text.name) {
            problems.push(Problem::of(Spot::Name, problem));
        }
        let outcome = Outcome::named(&text.outcome);
        if outcome.is_none() {
            let problem =
                format!("outcome is `{}`; it must be allow, challenge, review or block", text.outcome);
            problems.push(Problem::of(Spot::Outcome, problem));
        }
        let words = Words::parse(&text.analyst, &text.seller, &text.buyer)
            .map_err(|e| problems.push(Problem::of(Spot::Words(e.audience, e.lang), e.problem)))
            .ok();
        let compiled = parse::compile(&text.when).map_err(|problem| problems.push(problem)).ok();
        let (Some(outcome), Some(words), Some(compiled), true) =
            (outcome, words, compiled, problems.is_empty())
        else {
            return Err(problems);
        };
        Ok(Rule {
            name: text.name.as_str().into(),
            outcome,
            priority: text.priority,
            source: text.when.as_str().into(),
            words: Arc::new(words),
            slots: compiled.slots,
            parts: compiled.parts,
            oracle: Arc::new(compiled.oracle),
            interpreted: compiled.interpreted,
        })
    }

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

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it says to analyst, seller and buyer.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The slots it reads, each once.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether part of it runs in `cel`'s interpreter, some ten microseconds when all other parts hold.
    pub fn is_interpreted(&self) -> bool {
        self.interpreted
    }

    /// Whether it fires on a row.
    #[inline]
    pub fn fires(&self, row: &Features) -> bool {
        self.parts.iter().all(|part| part.holds(row))
            && (!self.interpreted || self.interpret(row) == Some(true))
    }

    /// What `cel`'s interpreter makes of the whole expression; `None` where it ends in an error, such as an unknown
    /// slot. Slow: the oracle for tests, and the way to check a stored decision independently.
    pub fn interpret(&self, row: &Features) -> Option<bool> {
        self.oracle.run(row)
    }

    /// Whether it can fire at all where only some slots are ever known, as in a file without some columns.
    pub fn can_fire(&self, known: &dyn Fn(Slot) -> bool) -> bool {
        self.parts.iter().all(|part| part.can_hold(known))
            && (!self.interpreted || self.slots.iter().any(|s| known(*s)))
    }
}

/// A set of rules under one version.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    version: u64,
    rules: Vec<Rule>,
}

impl RuleSet {
    /// Checks and compiles rules; higher priority comes first, equal ones in the order given.
    ///
    /// # Errors
    /// All problems of all rules, a name used twice, and more than [`RULES_MAX`] rules.
    pub fn new(version: u64, texts: &[RuleText]) -> Result<RuleSet, Vec<RuleError>> {
        RuleSet::check(version, texts, &|place, problem| match texts.get(place) {
            Some(text) => {
                let value = text.value(problem.spot);
                problem.inside(&text.name, value)
            }
            None => problem.inside("", ""),
        })
    }

    /// `locate` says where the problem of the rule at a place stands.
    fn check(
        version: u64,
        texts: &[RuleText],
        locate: &dyn Fn(usize, Problem) -> RuleError,
    ) -> Result<RuleSet, Vec<RuleError>> {
        let mut problems = Vec::new();
        let mut rules: Vec<Rule> = Vec::new();
        if texts.len() > RULES_MAX {
            let problem = format!("{} rules; a set has at most {RULES_MAX}", texts.len());
            return Err(vec![locate(RULES_MAX, Problem::of(Spot::Name, problem))]);
        }
        for (place, text) in texts.iter().enumerate() {
            if rules.iter().any(|rule| *rule.name == *text.name) {
                let problem = String::from("two rules have this name; rename one");
                problems.push(locate(place, Problem::of(Spot::Name, problem)));
            }
            match Rule::check(text) {
                Ok(rule) => rules.push(rule),
                Err(found) => problems.extend(found.into_iter().map(|problem| locate(place, problem))),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
        Ok(RuleSet { version, rules })
    }

    /// Reads a rule file (TOML): `version`, then a `[[rule]]` table for each [`RuleText`].
    ///
    /// # Errors
    /// As [`RuleSet::new`], and what is not TOML or not a rule file, with the line.
    pub fn parse(text: &str) -> Result<RuleSet, Vec<RuleError>> {
        let file = Written::read(text).map_err(|error| vec![error])?;
        RuleSet::check(file.version, &file.rules(), &|place, problem| file.locate(place, problem))
    }

    /// The starter set, [`STARTER`].
    ///
    /// # Panics
    /// Never: a test compiles it.
    pub fn starter() -> RuleSet {
        starter::set()
    }

    /// Which set it is.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Its rules, highest priority first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of a name.
    pub fn find(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| *rule.name == *name)
    }

    /// The rules that fire on a row, highest priority first.
    pub fn firing<'a>(&'a self, row: &'a Features) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(|rule| rule.fires(row))
    }

    /// The set without the rules that cannot fire where only some slots are known, and their names.
    pub fn restricted(&self, known: &dyn Fn(Slot) -> bool) -> (RuleSet, Vec<Arc<str>>) {
        let (rules, skipped): (Vec<Rule>, Vec<Rule>) =
            self.rules.iter().cloned().partition(|rule| rule.can_fire(known));
        (RuleSet { version: self.version, rules }, skipped.into_iter().map(|rule| rule.name).collect())
    }
}
