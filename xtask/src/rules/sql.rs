//! SQL stands in a domain's `store.rs` alone, and only `crates/store` names an engine.

use crate::ratchet::Finding;
use crate::source::{Literal, Source, words};
use crate::tree::Tree;

/// Crates whose code may not tell the engines apart. `app` chooses the engine, `testkit` starts it.
const ENGINE_FREE: [&str; 10] =
    ["base", "webkit", "audit", "vault", "identity", "tokens", "ledger", "risk", "payments", "connectors"];
const ENGINES: [&str; 5] = ["rusqlite", "postgres", "tokio_postgres", "Sqlite", "Postgres"];

/// Finds SQL in the wrong file and engines in the wrong crate.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let checked =
        tree.sources.iter().filter(|source| source.crate_name().is_some_and(|name| name != "store"));
    checked.flat_map(|source| stray_sql(source).into_iter().chain(engine_names(source))).collect()
}

fn stray_sql(source: &Source) -> Vec<Finding> {
    if source.file_name() == "store.rs" || source.path.contains("/store/") {
        return Vec::new();
    }
    let stray = source.production_literals().filter(|literal| is_sql(literal));
    stray
        .map(|literal| {
            let message = "SQL outside `store.rs`; move the query there and give it a name".to_owned();
            Finding::new("sql", &source.path, literal.line, "", message)
        })
        .collect()
}

fn is_sql(literal: &Literal) -> bool {
    let text = format!("{} ", literal.text.split_whitespace().collect::<Vec<_>>().join(" "));
    let pairs = [
        ("SELECT ", " "),
        ("INSERT INTO ", " "),
        ("DELETE FROM ", " "),
        ("UPDATE ", " SET "),
        ("CREATE TABLE ", " "),
    ];
    pairs.iter().any(|(first, second)| text.contains(first) && text.contains(second))
}

fn engine_names(source: &Source) -> Vec<Finding> {
    if !source.crate_name().is_some_and(|name| ENGINE_FREE.contains(&name)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (line, code) in source.production_code() {
        for engine in ENGINES.iter().filter(|engine| words(code, engine).next().is_some()) {
            let message = format!("`{engine}` is known to `crates/store` alone");
            findings.push(Finding::new("engine", &source.path, line, engine, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn sql_outside_the_store_is_found() {
        let text =
            "fn a() { tx.query(\"SELECT id\n FROM x\"); }\nconst B: &str = \"UPDATE x\n SET y = 1\";\n";
        assert_eq!(
            found(check, &[("crates/a/src/b.rs", text)]),
            ["crates/a/src/b.rs:1 ", "crates/a/src/b.rs:3 "]
        );
        for path in ["crates/a/src/store.rs", "crates/store/src/tx.rs", "crates/a/tests/it/main.rs"] {
            assert!(found(check, &[(path, text)]).is_empty(), "{path}");
        }
        let words = "const A: &str = \"select a payment and update it\"; // SELECT x FROM y\n";
        assert!(found(check, &[("crates/a/src/b.rs", words)]).is_empty());
    }

    #[test]
    fn a_domain_that_names_an_engine_is_found() {
        let text = "\nuse rusqlite::Connection;\n";
        assert_eq!(
            found(check, &[("crates/ledger/src/lib.rs", text)]),
            ["crates/ledger/src/lib.rs:2 rusqlite"]
        );
        assert!(found(check, &[("crates/store/src/lib.rs", text)]).is_empty());
    }
}
