//! Domain code reads no clock, environment or chance by itself: they are arguments, so a seed replays a day.

use crate::ratchet::Finding;
use crate::source::Source;
use crate::tree::Tree;

const DOMAIN_CRATES: [&str; 7] = ["audit", "vault", "identity", "tokens", "ledger", "risk", "payments"];
const AMBIENT: [&str; 6] =
    ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "env::var", "Dice::System"];

/// Finds domain code that helps itself to the world.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let domain = |source: &&Source| source.crate_name().is_some_and(|name| DOMAIN_CRATES.contains(&name));
    tree.sources.iter().filter(domain).flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in AMBIENT {
        let used = source.production_code().find(|(_, code)| code.contains(word));
        if let Some((line, _)) = used {
            let message = format!("`{word}` in domain code; take the value as an argument");
            findings.push(Finding::new("ambient", &source.path, line, word, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::check;

    #[test]
    fn a_domain_that_reads_the_clock_is_found() {
        let text = "\nfn a() { let at = std::time::Instant::now(); }\n";
        let path = "crates/ledger/src/hold.rs";
        assert_eq!(found(check, &[(path, text)]), [format!("{path}:2 Instant::now")]);
        assert!(found(check, &[("crates/app/src/bench.rs", text)]).is_empty());
        let text = "\nfn a(at: Timestamp) -> OrderId { OrderId::new(SHOP, at, &Dice::System) }\n";
        assert_eq!(found(check, &[(path, text)]), [format!("{path}:2 Dice::System")]);
        assert!(found(check, &[(path, "#[cfg(test)]\nfn a() { Instant::now(); }\n")]).is_empty());
    }
}
