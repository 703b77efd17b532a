//! The exported file and its offline verifier.

use audit::{Finding, LINE_BYTES_MAX, Report, Signer, VerifyError, verify_export};

use crate::setup::{Log, each_log, signer};

fn verify(text: &str) -> Result<Report, VerifyError> {
    verify_export(&mut text.as_bytes(), signer().verifier_key(), &[])
}

fn exported(log: &Log, first: u64) -> String {
    String::from_utf8(log.export(first)).unwrap()
}

#[test]
fn au_3_an_export_is_verified_with_the_public_key_alone() {
    each_log(|mut log| {
        log.grow(300);
        log.grow(1);
        let text = exported(&log, 0);
        let report = verify(&text).unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!((report.entries, report.checkpoints, report.proven_size), (301, 2, 301));
        assert_eq!(text.lines().count(), 1 + 2 + 301 + 2 + 1);
        let other = Signer::predictable_for_tests("shop.example/audit", &[1; 32]).unwrap();
        let foreign = verify_export(&mut text.as_bytes(), other.verifier_key(), &[]).unwrap();
        assert!(!foreign.is_clean());
    });
}

#[test]
fn an_empty_log_exports_and_verifies() {
    each_log(|log| {
        let report = verify(&exported(&log, 0)).unwrap();
        assert!(report.is_clean() && report.entries == 0);
    });
}

#[test]
fn a_part_of_a_log_verifies_against_a_later_checkpoint() {
    each_log(|mut log| {
        log.grow(300);
        log.grow(400);
        for first in [1, 255, 256, 299, 300, 513, 699, 700] {
            let text = exported(&log, first);
            let report = verify(&text).unwrap();
            assert!(report.is_clean(), "{first}: {:?}", report.findings);
            assert_eq!((report.first, report.entries), (first, 700 - first));
            if first == 256 {
                let edited = text.replacen("12.50", "99.50", 1);
                assert_eq!(verify(&edited).unwrap().findings, [Finding::Altered { position: 256 }]);
            }
        }
        let key = signer().verifier_key().clone();
        let past = log.db.read_blocking(move |tx| audit::export(tx, &key, 701, &mut Vec::new()));
        assert!(matches!(past, Err(audit::ExportError::PastEnd { first: 701, size: 700 })));
    });
}

#[test]
fn au_3_lines_of_a_file_altered_removed_or_moved_are_named() {
    each_log(|mut log| {
        log.grow(300);
        let text = exported(&log, 0);
        let lines: Vec<&str> = text.lines().collect();
        let find = |edited: Vec<&str>| {
            // Whoever edits the file also repairs its last line.
            let entries = edited.iter().filter(|line| line.starts_with("{\"v\"")).count();
            let mut joined = edited[..edited.len() - 1].join("\n");
            joined.push_str(&format!("\n{{\"end\":{{\"entries\":{entries}}}}}\n"));
            verify(&joined).unwrap().findings
        };
        let mut removed = lines.clone();
        removed.remove(2 + 17);
        assert_eq!(find(removed), [Finding::Removed { position: 17 }]);
        let mut moved = lines.clone();
        let line = moved.remove(2 + 17);
        moved.insert(2 + 90, line);
        assert_eq!(find(moved), [Finding::Reordered { position: 17, found: 90 }]);
        let mut twice = lines.clone();
        twice.insert(2 + 18, lines[2 + 17]);
        assert_eq!(find(twice), [Finding::Inserted { position: 18 }]);
        let altered = lines[2 + 40].replace("12.50", "99.50");
        let mut changed = lines.clone();
        changed[2 + 40] = &altered;
        assert_eq!(find(changed), [Finding::Altered { position: 40 }]);
        let bare: Vec<&str> =
            lines.iter().copied().filter(|line| !line.starts_with("{\"checkpoint\"")).collect();
        assert_eq!(find(bare), [Finding::Uncovered { from: 0, to: 300 }]);
    });
}

#[test]
fn a_cut_or_foreign_file_is_refused_with_the_line() {
    each_log(|mut log| {
        log.grow(10);
        let text = exported(&log, 0);
        let lines: Vec<&str> = text.lines().collect();
        let cut = lines[..6].join("\n");
        assert!(matches!(verify(&cut), Err(VerifyError::Cut(6))));
        assert!(matches!(verify(""), Err(VerifyError::Cut(0))));
        assert!(matches!(verify("hello"), Err(VerifyError::Line { line: 1, .. })));
        assert!(matches!(verify(&format!("{text}more\n")), Err(VerifyError::Line { line: 15, .. })));
        let short = text.replace("\"entries\":10", "\"entries\":9");
        assert!(matches!(verify(&short), Err(VerifyError::Line { line: 14, .. })));
        let no_tile = [lines[0], lines[2]].join("\n");
        assert!(matches!(verify(&no_tile), Err(VerifyError::Line { line: 2, .. })));
        let many_tiles = [lines[0], lines[1], lines[1]].join("\n");
        assert!(matches!(verify(&many_tiles), Err(VerifyError::Line { line: 3, .. })));
        let other = Signer::predictable_for_tests("other.example/audit", &[1; 32]).unwrap();
        let wrong = verify_export(&mut text.as_bytes(), other.verifier_key(), &[]);
        assert!(matches!(wrong, Err(VerifyError::OtherLog { .. })));
    });
}

#[test]
fn lines_have_a_limit_on_both_sides() {
    each_log(|mut log| {
        log.grow(2);
        let text = exported(&log, 0);
        let lines: Vec<&str> = text.lines().collect();
        let with = |bytes: usize| {
            let long = "x".repeat(bytes);
            let rest = lines[3..].join("\n");
            verify(&[lines[0], lines[1], &long, &rest].join("\n"))
        };
        let findings = with(LINE_BYTES_MAX).unwrap().findings;
        assert!(findings.contains(&Finding::Altered { position: 0 }), "{findings:?}");
        assert!(matches!(with(LINE_BYTES_MAX + 1), Err(VerifyError::Line { line: 3, .. })));
    });
}

#[test]
fn bytes_that_are_not_text_are_refused_with_the_line() {
    each_log(|mut log| {
        log.grow(2);
        let mut bytes = log.export(0);
        let place = bytes.iter().position(|b| *b == b'\n').unwrap() + 3;
        bytes[place] = 0xFF;
        let refused = verify_export(&mut bytes.as_slice(), signer().verifier_key(), &[]);
        assert!(matches!(refused, Err(VerifyError::Line { line: 2, problem: "not UTF-8" })));
    });
}
