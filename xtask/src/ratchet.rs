//! The list of accepted exceptions, which may only shrink.
//!
//! A line of `xtask/tidy-exceptions.txt` is `rule path item size`, where `item` and `size` may be `-`, then perhaps
//! `# reason`. A finding that is not listed fails; so does a line that is no longer needed or allows more than is
//! used. [`EXCEPTIONS_MAX`] caps the number of lines: it is lowered when the list gets shorter, never raised.

use std::fmt;

/// Where the exceptions stand.
pub const FILE: &str = "xtask/tidy-exceptions.txt";
/// How many lines the list may have. It only goes down.
pub const EXCEPTIONS_MAX: usize = 0;

/// Something against a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's name, as in the list of exceptions.
    pub rule: &'static str,
    /// The file, from the top of the workspace.
    pub path: String,
    /// The line, counted from 1; 0 if it concerns the whole file.
    pub line: usize,
    /// What it is about: a function, a word, a crate. No blanks.
    pub item: String,
    /// For rules with a limit, the measured size.
    pub size: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    /// A finding without a size.
    pub fn new(rule: &'static str, path: &str, line: usize, item: &str, message: String) -> Finding {
        let item = item.split_whitespace().collect::<Vec<_>>().join("_");
        Finding { rule, path: path.to_owned(), line, item, size: 0, message }
    }

    fn as_exception(&self) -> String {
        let item = if self.item.is_empty() { "-" } else { &self.item };
        let size = if self.size == 0 { "-".to_owned() } else { self.size.to_string() };
        format!("{} {} {item} {size}", self.rule, self.path)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.message)
    }
}

/// What remains after the exceptions.
pub struct Verdict {
    unlisted: Vec<Finding>,
    /// Complaints about the list itself.
    stale: Vec<String>,
    accepted: usize,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.unlisted.is_empty() && self.stale.is_empty()
    }

    /// The findings as lines for the list.
    pub fn as_exceptions(&self) -> String {
        let mut lines: Vec<String> = self.unlisted.iter().map(Finding::as_exception).collect();
        lines.dedup();
        lines.join("\n")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.unlisted {
            writeln!(f, "{finding}")?;
        }
        for complaint in &self.stale {
            writeln!(f, "{FILE}: {complaint}")?;
        }
        match self.unlisted.len() + self.stale.len() {
            0 => writeln!(f, "tidy: nothing to mend, {} accepted exceptions", self.accepted),
            count => writeln!(f, "tidy: {count} to mend"),
        }
    }
}

struct Exception<'a> {
    text: &'a str,
    words: Vec<&'a str>,
    used: bool,
}

/// Sets the findings against the list.
pub fn weigh(findings: Vec<Finding>, list: &str) -> Verdict {
    weigh_up_to(findings, list, EXCEPTIONS_MAX)
}

fn weigh_up_to(findings: Vec<Finding>, list: &str, lines_max: usize) -> Verdict {
    let mut exceptions: Vec<Exception<'_>> = list.lines().filter_map(read_line).collect();
    let mut stale = Vec::new();
    if exceptions.len() != lines_max {
        stale.push(format!(
            "{} lines where xtask/src/ratchet.rs says {lines_max}; mend the code, and lower the number when lines go",
            exceptions.len()
        ));
    }
    let unlisted =
        findings.into_iter().filter(|finding| !accept(finding, &mut exceptions, &mut stale)).collect();
    let unused = exceptions.iter().filter(|exception| !exception.used);
    stale.extend(unused.map(|exception| format!("no longer needed, remove it: `{}`", exception.text)));
    Verdict { unlisted, stale, accepted: exceptions.len() }
}

fn read_line(line: &str) -> Option<Exception<'_>> {
    let text = line.split('#').next().unwrap_or_default().trim();
    let words: Vec<&str> = text.split_whitespace().collect();
    (!words.is_empty()).then_some(Exception { text, words, used: false })
}

fn accept(finding: &Finding, exceptions: &mut [Exception<'_>], stale: &mut Vec<String>) -> bool {
    let wanted = finding.as_exception();
    let wanted: Vec<&str> = wanted.split_whitespace().collect();
    let Some(exception) = exceptions.iter_mut().find(|exception| exception.words.get(..3) == wanted.get(..3))
    else {
        return false;
    };
    exception.used = true;
    let allowed = exception.words.get(3).and_then(|size| size.parse().ok()).unwrap_or(0);
    if finding.size < allowed {
        stale.push(format!("`{}` is down to {}, lower its number", exception.text, finding.size));
    }
    finding.size <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(size: usize) -> Vec<Finding> {
        let finding = Finding::new("function-length", "a.rs", 1, "pay", "too long".to_owned());
        vec![Finding { size, ..finding }]
    }

    #[test]
    fn what_is_not_listed_fails() {
        let verdict = weigh_up_to(long(80), "", 0);
        assert!(!verdict.is_clean());
        assert_eq!(verdict.as_exceptions(), "function-length a.rs pay 80");
    }

    #[test]
    fn what_is_listed_passes_and_may_not_grow() {
        let list = "# longer than it should be\nfunction-length a.rs pay 80 # the table of states\n";
        assert!(weigh_up_to(long(80), list, 1).is_clean());
        assert!(!weigh_up_to(long(81), list, 1).is_clean());
    }

    #[test]
    fn the_list_may_only_shrink() {
        let list = "function-length a.rs pay 80\n";
        assert!(weigh_up_to(long(79), list, 1).to_string().contains("down to 79"));
        assert!(weigh_up_to(Vec::new(), list, 1).to_string().contains("no longer needed"));
        assert!(weigh_up_to(long(80), list, 0).to_string().contains("1 lines where"));
    }
}
