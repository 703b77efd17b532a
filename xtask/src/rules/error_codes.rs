//! One error code, one meaning: no two declarations share a name.
//!
//! A declaration looks like `"not_found", 404,`: a snake-case name and a status, in a crate's list of codes.

use std::collections::HashMap;

use crate::ratchet::Finding;
use crate::source::{Literal, Source};
use crate::tree::Tree;

/// Finds codes that are declared twice.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut first: HashMap<&str, String> = HashMap::new();
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(|source| source.crate_name().is_some()) {
        for literal in source.production_literals().filter(|literal| is_declaration(source, literal)) {
            let here = format!("{}:{}", source.path, literal.line);
            let Some(known) = first.insert(&literal.text, here.clone()) else { continue };
            let message = format!(
                "error code `{}` is declared in {known} already; one code, one meaning",
                literal.text
            );
            findings.push(Finding::new("error-code", &source.path, literal.line, &literal.text, message));
        }
    }
    findings
}

fn is_declaration(source: &Source, literal: &Literal) -> bool {
    let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let named = literal.text.len() > 2 && literal.text.chars().all(snake);
    let behind: String = source
        .code
        .get(literal.end..)
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_whitespace())
        .take(5)
        .collect();
    let mut behind = behind.chars();
    let comma = behind.next() == Some(',');
    let status = behind.next().is_some_and(|c| matches!(c, '2'..='5'));
    let digits = behind.by_ref().take(2).filter(char::is_ascii_digit).count() == 2;
    named && comma && status && digits && behind.next() == Some(',')
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn a_code_declared_twice_is_found() {
        let first =
            ("crates/a/src/lib.rs", "codes! { A = \"not_found\", 404, \"x\"; B = \"b_c\", 409, \"y\"; }");
        let again =
            ("crates/b/src/lib.rs", "static A: Code = Code::new(\n    \"not_found\",\n    404,\n    \"z\");");
        let other = ("crates/c/src/lib.rs", "fn a() { b(\"not_found\", 4040, 1); c(\"not_found\"); }");
        assert_eq!(found(check, &[first, again, other]), ["crates/b/src/lib.rs:2 not_found"]);
    }
}
