//! The house rules, one module each. Every rule is a function from the tree to what is wrong in it.

mod ambient;
mod arrows;
mod dead;
pub mod dependencies;
mod edge;
mod error_codes;
mod leftovers;
mod links;
mod machine_paths;
mod names;
mod proofs;
mod size;
mod spdx;
mod sql;

use crate::ratchet::Finding;
use crate::tree::Tree;

/// Runs every rule that needs nothing but the files.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let rules: [fn(&Tree) -> Vec<Finding>; 12] = [
        size::check,
        names::check,
        leftovers::check,
        sql::check,
        edge::check,
        ambient::check,
        arrows::check,
        dead::check,
        machine_paths::check,
        links::check,
        error_codes::check,
        proofs::check,
    ];
    rules.iter().flat_map(|rule| rule(tree)).collect()
}

/// For the rules' tests: what `rule` says about made-up files, as `path:line item`.
#[cfg(test)]
fn found(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
    let findings = rule(&Tree::of(files));
    findings.iter().map(|f| format!("{}:{} {}", f.path, f.line, f.item)).collect()
}
