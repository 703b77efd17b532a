//! Licence expressions: whether a choice exists that the project accepts.

/// Licences whose terms fit an Apache-2.0 program that is handed on as a binary.
pub const ACCEPTED: [&str; 16] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
    "MPL-2.0",
    "Unlicense",
    "CC0-1.0",
    "OpenSSL",
];

/// Whether the SPDX expression can be met with [`ACCEPTED`] licences. `/` is the old way to write `OR`.
pub fn is_accepted(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(&mut rest);
    met && rest.is_empty()
}

fn any_of(words: &mut &[&str]) -> bool {
    let mut met = all_of(words);
    while take(words, "OR") {
        met |= all_of(words);
    }
    met
}

fn all_of(words: &mut &[&str]) -> bool {
    let mut met = one(words);
    while take(words, "AND") {
        met &= one(words);
    }
    met
}

fn one(words: &mut &[&str]) -> bool {
    if take(words, "(") {
        let met = any_of(words);
        return take(words, ")") && met;
    }
    let Some((name, rest)) = words.split_first() else { return false };
    *words = rest;
    // An exception (`WITH …`) only grants more.
    if take(words, "WITH") {
        *words = words.get(1..).unwrap_or_default();
    }
    ACCEPTED.contains(name)
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_accepted;

    #[test]
    fn a_licence_is_accepted_where_a_choice_exists() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/Apache-2.0",
            "ISC AND (Apache-2.0 OR ISC)",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(is_accepted(good), "{good}");
        }
        for bad in ["AGPL-3.0-only", "MIT AND GPL-3.0", "", "(MIT", "MIT MIT", "LGPL-2.1 OR GPL-3.0"] {
            assert!(!is_accepted(bad), "{bad}");
        }
    }
}
