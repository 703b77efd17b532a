//! The rule file: TOML with a version and one table for each rule.

use serde::Deserialize;

use super::{NAME_BYTES_MAX, RuleError};

/// Largest rule file, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Most rules in a set.
pub const RULES_MAX: usize = 500;

/// One text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

/// A rule as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// Unique name: lower-case letters, digits and `_`.
    pub name: String,
    /// The CEL expression; the rule fires when it is true.
    pub when: String,
    /// `allow`, `challenge`, `review` or `block`.
    pub outcome: String,
    /// Higher ones are read first; an `allow` overrules lower ones.
    #[serde(default)]
    pub priority: i32,
    /// Why, for the analyst, with figures: `{payer.count_10m} payments in 10 minutes`.
    pub analyst: Bilingual,
    /// Why, for the seller, with figures.
    pub seller: Bilingual,
    /// What the buyer reads. No figures, and never a word of risk, scores or rules.
    pub buyer: Bilingual,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    version: u64,
    #[serde(default)]
    rule: Vec<RuleText>,
}

/// A problem of the file as a whole.
pub(super) fn whole(problem: String) -> RuleError {
    RuleError { rule: String::new(), line: 1, column: 1, problem }
}

pub(super) fn parse(text: &str) -> Result<(u64, Vec<RuleText>), RuleError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(whole(format!("the rule file has {} bytes; it may have {FILE_BYTES_MAX}", text.len())));
    }
    let file: RuleFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let fit = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let problem = error.message().replace('\n', " ");
        RuleError { rule: String::new(), line: fit(line), column: fit(column), problem }
    })?;
    Ok((file.version, file.rule))
}

pub(super) fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
        let most = NAME_BYTES_MAX;
        return Err(format!("the name must be 1 to {most} lower-case letters, digits and `_`"));
    }
    Ok(())
}
