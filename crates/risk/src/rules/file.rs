//! The rule file: TOML with a version and one table for each rule.

use serde::Deserialize;
use toml::Spanned;

use super::place::{Lines, Problem, Spot};
use super::{NAME_BYTES_MAX, RuleError};
use crate::reasons::{Audience, Lang};

/// Largest rule file, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Most rules in a set.
pub const RULES_MAX: usize = 500;

/// One text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InBoth<T> {
    /// English.
    pub en: T,
    /// Simplified Chinese.
    pub zh: T,
}

/// One text in both languages.
pub type Bilingual = InBoth<String>;

/// A rule of such values: plain ones, or each with where the file spells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleOf<T> {
    /// Unique name: lower-case letters, digits and `_`.
    pub name: T,
    /// The CEL expression; the rule fires when it is true.
    pub when: T,
    /// `allow`, `challenge`, `review` or `block`.
    pub outcome: T,
    /// Higher ones are read first; an `allow` overrules lower ones.
    #[serde(default)]
    pub priority: i32,
    /// Why, for the analyst, with figures: `{payer.count_10m} payments in 10 minutes`.
    pub analyst: InBoth<T>,
    /// Why, for the seller, with figures.
    pub seller: InBoth<T>,
    /// What the buyer reads. No figures, and never a word of risk, scores or rules.
    pub buyer: InBoth<T>,
}

/// A rule as it is written.
pub type RuleText = RuleOf<String>;
type Spelled = RuleOf<Spanned<String>>;

impl<T> RuleOf<T> {
    /// One of its values.
    pub(super) fn value(&self, spot: Spot) -> &T {
        let words = |audience| match audience {
            Audience::Analyst => &self.analyst,
            Audience::Seller => &self.seller,
            Audience::Buyer => &self.buyer,
        };
        match spot {
            Spot::Name => &self.name,
            Spot::When => &self.when,
            Spot::Outcome => &self.outcome,
            Spot::Words(audience, Lang::En) => &words(audience).en,
            Spot::Words(audience, Lang::Zh) => &words(audience).zh,
        }
    }
}

impl Spelled {
    fn plain(&self) -> RuleText {
        let one = |value: &Spanned<String>| value.get_ref().clone();
        let both = |words: &InBoth<_>| InBoth { en: one(&words.en), zh: one(&words.zh) };
        RuleOf {
            name: one(&self.name),
            when: one(&self.when),
            outcome: one(&self.outcome),
            priority: self.priority,
            analyst: both(&self.analyst),
            seller: both(&self.seller),
            buyer: both(&self.buyer),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    version: u64,
    #[serde(default)]
    rule: Vec<Spelled>,
}

/// A rule file that was read.
pub(super) struct Written<'a> {
    pub version: u64,
    rules: Vec<Spelled>,
    lines: Lines<'a>,
}

impl<'a> Written<'a> {
    pub fn read(text: &'a str) -> Result<Written<'a>, RuleError> {
        if text.len() > FILE_BYTES_MAX {
            let problem = format!("the rule file has {} bytes; it may have {FILE_BYTES_MAX}", text.len());
            return Err(RuleError { rule: String::new(), line: 1, column: 1, problem });
        }
        let lines = Lines::of(text);
        let file: RuleFile = toml::from_str(text).map_err(|error| {
            let (line, column) = lines.place(error.span().map_or(0, |span| span.start));
            RuleError { rule: String::new(), line, column, problem: error.message().replace('\n', " ") }
        })?;
        Ok(Written { version: file.version, rules: file.rule, lines })
    }

    pub fn rules(&self) -> Vec<RuleText> {
        self.rules.iter().map(Spelled::plain).collect()
    }

    /// The problem of the rule at `place`, with its line in the file.
    pub fn locate(&self, place: usize, problem: Problem) -> RuleError {
        let Some(rule) = self.rules.get(place) else { return problem.inside("", "") };
        let value = rule.value(problem.spot);
        let (line, column) = self.lines.place_in(&value.span(), value.get_ref(), problem.at);
        RuleError { rule: rule.name.get_ref().clone(), line, column, problem: problem.problem }
    }
}

pub(super) fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
        let most = NAME_BYTES_MAX;
        return Err(format!("the name must be 1 to {most} lower-case letters, digits and `_`"));
    }
    Ok(())
}
