//! Where a problem of a rule stands: inside one of its values, and, when it came from a file, in that file.

use std::ops::Range;

use super::RuleError;
use crate::reasons::{Audience, Lang};

/// A value of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    Name,
    When,
    Outcome,
    Words(Audience, Lang),
}

/// What is wrong with a rule.
#[derive(Debug)]
pub(super) struct Problem {
    pub spot: Spot,
    /// Character of the value, from 0.
    pub at: usize,
    pub problem: String,
}

impl Problem {
    /// A problem of a value as a whole.
    pub fn of(spot: Spot, problem: String) -> Problem {
        Problem { spot, at: 0, problem }
    }

    /// As an error of the rule `rule`, whose value is `value`.
    pub fn inside(self, rule: &str, value: &str) -> RuleError {
        let offset = value.char_indices().nth(self.at).map_or(value.len(), |(offset, _)| offset);
        let (line, column) = Lines::of(value).place(offset);
        RuleError { rule: rule.to_owned(), line, column, problem: self.problem }
    }
}

/// The lines of a text.
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Offsets in bytes at which lines begin.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Lines<'a> {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Lines { text, starts }
    }

    /// Line and column, both from 1, of an offset in bytes.
    pub fn place(&self, offset: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..offset).unwrap_or_default().chars().count() + 1;
        (fit(line), fit(column))
    }

    /// Line and column of the character `at` of a string, which the file spells in `span`, quotes included.
    pub fn place_in(&self, span: &Range<usize>, value: &str, at: usize) -> (u32, u32) {
        let spelled = self.text.get(span.clone()).unwrap_or_default();
        self.place(span.start + spelled_offset(spelled, value, at))
    }
}

fn fit(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The offset in bytes at which a TOML string spells the character `at` of its value. The string as a whole, so 0, for
/// its first character.
fn spelled_offset(spelled: &str, value: &str, at: usize) -> usize {
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| spelled.starts_with(quotes));
    let Some(quotes) = quotes.filter(|_| at > 0) else { return 0 };
    let mut rest = spelled.get(quotes.len()..).unwrap_or_default();
    if quotes.len() == 3 {
        rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
    }
    let escapes = quotes.starts_with('"');
    for wanted in value.chars().take(at) {
        if escapes {
            rest = after_continuations(rest);
        }
        rest = rest.get(spelled_bytes(rest, wanted, escapes)..).unwrap_or_default();
    }
    spelled.len() - if escapes { after_continuations(rest) } else { rest }.len()
}

/// Bytes that spell the next character, `wanted`.
fn spelled_bytes(rest: &str, wanted: char, escapes: bool) -> usize {
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), Some(kind)) if escapes => match kind {
            'x' => 4,
            'u' => 6,
            'U' => 10,
            _ => 1 + kind.len_utf8(),
        },
        (Some('\r'), Some('\n')) if wanted == '\n' => 2,
        (Some(plain), _) => plain.len_utf8(),
        (None, _) => 0,
    }
}

/// What follows a backslash at the end of a line, and the blanks that it swallows.
fn after_continuations(mut rest: &str) -> &str {
    while let Some(tail) = rest.strip_prefix('\\') {
        let blank = tail.trim_start_matches([' ', '\t']);
        if !blank.starts_with('\n') && !blank.starts_with("\r\n") {
            break;
        }
        rest = blank.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of `!` in the value, looked for from the file's spelling.
    fn place(file: &str) -> (u32, u32) {
        let read: toml::Table = toml::from_str(file).unwrap();
        let value = read["a"].as_str().unwrap();
        let at = value.chars().position(|c| c == '!').unwrap();
        let start = file.find(['"', '\'']).unwrap();
        Lines::of(file).place_in(&(start..file.len()), value, at)
    }

    #[test]
    fn each_spelling_of_a_string_leads_back_to_its_place_in_the_file() {
        assert_eq!(place("a = '甲é!'"), (1, 8));
        assert_eq!(place("\na = \"\\u0031\\\"\\x31\\U00000031é!\""), (2, 29));
        assert_eq!(place("a = '''x\n  !'''"), (2, 3));
        assert_eq!(place("a = '''\r\nx\r\n  !'''"), (3, 3));
        assert_eq!(place("a = \"\"\"\nx \\\n\n   y\\\\ \\\n  !\"\"\""), (5, 3));
        assert_eq!(place("a = \"!\""), (1, 5), "the first character is the string itself");
    }

    #[test]
    fn a_place_that_is_not_there_is_the_end() {
        let lines = Lines::of("a\nb");
        assert_eq!(lines.place(3), (2, 2));
        assert_eq!(lines.place_in(&(2..3), "xyz", 9), (2, 1));
        assert_eq!(Lines::of("'ab").place_in(&(0..3), "ab", 9), (1, 4));
    }
}
