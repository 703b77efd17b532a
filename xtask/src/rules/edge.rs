//! HTTP, JSON and HTML stay at the edge: `routes`, `pages`, `desk` (the handlers of pages), `webkit` and `app`; and
//! `transit` and `provider`, which call a service outside.
//!
//! A domain type that cannot be serialized cannot leak into a response or a log. Reading a file by `Deserialize` is no
//! leak.

use crate::ratchet::Finding;
use crate::source::{Source, words};
use crate::tree::Tree;

const EDGE_CRATES: [&str; 4] = ["webkit", "app", "testkit", "connectors"];
const EDGE_FILES: [&str; 5] = ["routes", "pages", "desk", "transit", "provider"];
const EDGE_WORDS: [&str; 6] = ["axum", "hyper", "utoipa", "askama", "serde_json", "Serialize"];

/// Finds web words in domain code.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.iter().filter(|source| is_domain(source)).flat_map(check_source).collect()
}

fn is_domain(source: &Source) -> bool {
    let Some(name) = source.crate_name() else { return false };
    let mut parts = source.path.split('/').map(|part| part.trim_end_matches(".rs"));
    !EDGE_CRATES.contains(&name) && !parts.any(|part| EDGE_FILES.contains(&part))
}

fn check_source(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in EDGE_WORDS {
        let used = source.production_code().find(|(_, code)| words(code, word).next().is_some());
        if let Some((line, _)) = used {
            let message = format!("`{word}` in domain code; it belongs into routes.rs, pages.rs or webkit");
            findings.push(Finding::new("edge", &source.path, line, word, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn web_words_in_domain_code_are_found_once_a_file() {
        let text = "use axum::Json;\n#[derive(Serialize)]\nstruct A;\nfn b() -> axum::Response {}\n";
        let path = "crates/payments/src/refund.rs";
        assert_eq!(found(check, &[(path, text)]), [format!("{path}:1 axum"), format!("{path}:2 Serialize")]);
        for path in [
            "crates/payments/src/routes.rs",
            "crates/payments/src/pages/receipt.rs",
            "crates/webkit/src/a.rs",
        ] {
            assert!(found(check, &[(path, text)]).is_empty(), "{path}");
        }
    }
}
