//! What differs between the entries that should be in a stretch of the log and those that are.

use std::collections::HashMap;

use crate::tree::Digest;

/// A difference. Numbers count from the beginning of the stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// The expected entry is nowhere in the stretch.
    Missing { expected: usize },
    /// An entry that was not expected, in the place of `slot`.
    Alien { slot: usize, found: usize },
    /// An expected entry in the wrong order.
    Moved { expected: usize, found: usize },
}

/// Compares; empty when both are equal. The longest stretch that kept its order counts as unmoved.
pub(crate) fn compare(expected: &[Digest], actual: &[Digest]) -> Vec<Mismatch> {
    if expected == actual {
        return Vec::new();
    }
    let mut places: HashMap<&Digest, usize> =
        expected.iter().enumerate().map(|(i, hash)| (hash, i)).collect();
    // Each expected entry is used once: a second copy is an alien.
    let matched: Vec<Option<usize>> = actual.iter().map(|hash| places.remove(hash)).collect();
    let kept = longest_rising(&matched);
    let mut mismatches: Vec<Mismatch> =
        places.into_values().map(|expected| Mismatch::Missing { expected }).collect();
    let mut slot = 0;
    for (found, place) in matched.iter().enumerate() {
        match place {
            None => {
                mismatches.push(Mismatch::Alien { slot, found });
                slot += 1;
            }
            Some(expected) if kept.contains(&found) => slot = expected + 1,
            Some(expected) => mismatches.push(Mismatch::Moved { expected: *expected, found }),
        }
    }
    mismatches
}

/// The places in `values` of a longest rising subsequence, gaps ignored.
fn longest_rising(values: &[Option<usize>]) -> Vec<usize> {
    // For each place with a value: the length of the longest that ends there, and the place before it.
    let mut best: Vec<(usize, usize, Option<usize>)> = Vec::new();
    for (place, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let before = best
            .iter()
            .enumerate()
            .filter(|(_, (at, _, _))| values.get(*at).copied().flatten().is_some_and(|v| v < *value))
            .max_by_key(|(_, (_, length, _))| *length);
        let (length, link) = before.map_or((1, None), |(index, (_, length, _))| (length + 1, Some(index)));
        best.push((place, length, link));
    }
    let mut cursor =
        best.iter().enumerate().max_by_key(|(_, (_, length, _))| *length).map(|(index, _)| index);
    let mut kept = Vec::new();
    while let Some((place, _, link)) = cursor.and_then(|index| best.get(index)) {
        kept.push(*place);
        cursor = *link;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf_hash;

    fn hashes(names: &str) -> Vec<Digest> {
        names.bytes().map(|name| leaf_hash(&[name])).collect()
    }

    fn check(actual: &str, expect: &[Mismatch]) {
        let mut found = compare(&hashes("abcdef"), &hashes(actual));
        found.sort_by_key(|m| format!("{m:?}"));
        assert_eq!(found, expect, "{actual}");
    }

    #[test]
    fn each_kind_of_edit_is_named() {
        check("abcdef", &[]);
        check("abdef", &[Mismatch::Missing { expected: 2 }]);
        check("abXdef", &[Mismatch::Alien { slot: 2, found: 2 }, Mismatch::Missing { expected: 2 }]);
        check("abXcdef", &[Mismatch::Alien { slot: 2, found: 2 }]);
        check("fabcde", &[Mismatch::Moved { expected: 5, found: 0 }]);
        check("abcdeff", &[Mismatch::Alien { slot: 6, found: 6 }]);
        check("abc", &[3, 4, 5].map(|expected| Mismatch::Missing { expected }));
    }
}
