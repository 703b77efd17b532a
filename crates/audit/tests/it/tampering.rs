//! AU-3, C55: edits behind the program's back, each found and named, on both engines.

use audit::{Finding, Report};

use crate::setup::{Log, each_log, signer};

/// 600 entries under three checkpoints.
fn grown(log: &mut Log) {
    for _ in 0..3 {
        log.grow(200);
        log.wait_seconds(61);
    }
}

/// Edits a log of 600 entries and says what verification must find, in the database and in an export of it.
fn check(edit: impl Fn(&mut Log), expect: &[Finding]) {
    each_log(|mut log| {
        grown(&mut log);
        assert!(log.verify(log.anchors()).is_clean());
        let anchors = log.anchors();
        edit(&mut log);
        let report = log.verify(anchors.clone());
        assert_eq!(report.findings, expect, "in the database");
        let exported = log.export(0);
        let report =
            audit::verify_export(&mut exported.as_slice(), signer().verifier_key(), &anchors).unwrap();
        let in_file: Vec<_> = expect.iter().filter(|f| in_an_export(f)).cloned().collect();
        assert_eq!(report.findings, in_file, "in the export");
    });
}

/// An export carries neither columns nor upper tiles nor rows past the end.
fn in_an_export(finding: &Finding) -> bool {
    !matches!(finding, Finding::Mislabelled { .. } | Finding::TileAltered { level: 1.., .. })
        && !matches!(finding, Finding::Inserted { position } if *position >= 600)
}

#[test]
fn au_3_an_altered_entry_is_named() {
    check(
        |log| {
            log.execute(
                "UPDATE audit_entries SET body = replace(body, '12.50', '99.50') WHERE position = 321",
                &[],
            );
        },
        &[Finding::Altered { position: 321 }],
    );
}

#[test]
fn au_3_every_byte_class_of_an_entry_counts() {
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("buy_0", "buy_1"),
        ("payment.confirm", "payment.refund"),
        ("success", "failed"),
        ("12.50 CNY", "12.50 USD"),
        ("{", "{ "),
        ("}", ""),
    ] {
        each_log(|mut log| {
            log.grow(9);
            let params = [from.into(), to.into()];
            log.execute("UPDATE audit_entries SET body = replace(body, ?1, ?2) WHERE position = 4", &params);
            let report = log.verify(log.anchors());
            assert!(
                report.findings.contains(&Finding::Altered { position: 4 }),
                "{from}: {:?}",
                report.findings
            );
        });
    }
}

#[test]
fn au_3_a_removed_entry_is_named() {
    check(
        |log| {
            log.execute("DELETE FROM audit_entries WHERE position = 255", &[]);
        },
        &[Finding::Removed { position: 255 }],
    );
}

#[test]
fn au_3_several_removed_entries_are_named() {
    check(
        |log| {
            log.execute(
                "DELETE FROM audit_entries WHERE position = 0 OR position = 256 OR position = 599",
                &[],
            );
        },
        &[0, 256, 599].map(|position| Finding::Removed { position }),
    );
}

#[test]
fn au_3_reordered_entries_are_named() {
    check(
        |log| {
            log.execute("UPDATE audit_entries SET position = 900 WHERE position = 10", &[]);
            log.execute("UPDATE audit_entries SET position = 10 WHERE position = 500", &[]);
            log.execute("UPDATE audit_entries SET position = 500 WHERE position = 900", &[]);
        },
        &[Finding::Reordered { position: 500, found: 10 }, Finding::Reordered { position: 10, found: 500 }],
    );
}

#[test]
fn au_3_neighbours_that_swapped_places_are_named() {
    check(
        |log| {
            log.execute("UPDATE audit_entries SET position = 900 WHERE position = 41", &[]);
            log.execute("UPDATE audit_entries SET position = 41 WHERE position = 42", &[]);
            log.execute("UPDATE audit_entries SET position = 42 WHERE position = 900", &[]);
        },
        &[Finding::Reordered { position: 42, found: 41 }],
    );
}

#[test]
fn au_3_an_entry_put_between_others_is_named() {
    each_log(|mut log| {
        grown(&mut log);
        let entry = log.entry(7);
        let (id, at) = (entry.id(), entry.at());
        let shop = base::ScopedId::shop(&id);
        log.execute(
            "INSERT INTO audit_entries (shop_id, id, at, position, body) VALUES (?1, ?2, ?3, 77, ?4)",
            &[shop.short().into(), id.short().into(), at.into(), entry.encode().into()],
        );
        assert_eq!(log.verify(log.anchors()).findings, [Finding::Inserted { position: 77 }]);
        // A file knows only the order: the newcomer stands after the entry whose position it took.
        let exported = log.export(0);
        let report = audit::verify_export(&mut exported.as_slice(), signer().verifier_key(), &[]).unwrap();
        assert_eq!(report.findings, [Finding::Inserted { position: 78 }]);
    });
}

#[test]
fn au_3_a_cut_tail_is_found_by_the_checkpoints_that_remain() {
    check(
        |log| {
            log.execute("DELETE FROM audit_entries WHERE position >= 400", &[]);
            log.execute("UPDATE audit_head SET size = 400", &[]);
        },
        &[Finding::CutTail { size: 400, signed: 600 }],
    );
}

#[test]
fn au_4_a_rolled_back_database_is_found_by_a_checkpoint_kept_elsewhere() {
    each_log(|mut log| {
        grown(&mut log);
        let anchors = log.anchors();
        log.execute("DELETE FROM audit_entries WHERE position >= 200", &[]);
        log.execute("DELETE FROM audit_checkpoints WHERE size > 200", &[]);
        log.execute("UPDATE audit_head SET size = 200", &[]);
        let without = log.verify(Vec::new());
        assert!(
            !without.findings.iter().any(|f| matches!(f, Finding::CutTail { .. })),
            "by itself it is consistent"
        );
        let report = log.verify(anchors);
        assert!(
            report.findings.contains(&Finding::CutTail { size: 200, signed: 600 }),
            "{:?}",
            report.findings
        );
    });
}

#[test]
fn au_4_a_rewritten_history_is_found_by_a_checkpoint_kept_elsewhere() {
    each_log(|mut log| {
        log.grow(50);
        let anchors = log.anchors();
        for table in ["audit_entries", "audit_tiles", "audit_checkpoints", "audit_head"] {
            log.db.write_blocking(move |tx| tx.execute(&format!("DELETE FROM {table}"), &[])).unwrap();
        }
        // Even somebody who has the key: another history under a new checkpoint file.
        std::fs::remove_file(&log.file).unwrap();
        std::fs::remove_file(log.file.with_extension("latest")).unwrap();
        log.node = audit::Sequencer::open(signer(), "node-a", audit::AnchorFile::new(&log.file)).unwrap();
        log.grow(80);
        assert!(log.verify(log.anchors()).is_clean());
        assert_eq!(log.verify(anchors).findings, [Finding::Forked { size: 50 }]);
    });
}

#[test]
fn au_3_a_forged_checkpoint_is_named() {
    check(
        |log| {
            log.execute(
                "UPDATE audit_checkpoints SET note = replace(note, '400', '401') WHERE size = 400",
                &[],
            );
        },
        &[Finding::ForgedCheckpoint {
            after: 400,
            problem: "the signature of `shop.example/audit` is wrong: the text or the signature was changed"
                .into(),
        }],
    );
}

#[test]
fn au_3_entries_and_tiles_edited_together_do_not_have_the_signed_root() {
    each_log(|mut log| {
        grown(&mut log);
        log.execute(
            "UPDATE audit_entries SET body = replace(body, '12.50', '99.50') WHERE position = 300",
            &[],
        );
        let exported = String::from_utf8(log.export(0)).unwrap();
        let body = exported.lines().find(|line| line.contains("99.50")).unwrap().to_owned();
        let tile = tile_with(&log, 1, 44, &audit::tree::leaf_hash(body.as_bytes()));
        log.execute("UPDATE audit_tiles SET hashes = ?1 WHERE level = 0 AND tile = 1", &[tile.into()]);
        let report = log.verify(Vec::new());
        assert!(report.findings.contains(&Finding::Diverged { from: 200, to: 400 }), "{:?}", report.findings);
    });
}

fn tile_with(log: &Log, tile: i64, place: usize, hash: &audit::Digest) -> Vec<u8> {
    let sql = "SELECT hashes FROM audit_tiles WHERE level = 0 AND tile = ?1";
    let row = log.db.read_blocking(move |tx| tx.query_opt(sql, &[tile.into()])).unwrap().unwrap();
    let mut bytes = row.blob(0).unwrap().to_vec();
    bytes[place * 32..place * 32 + 32].copy_from_slice(&hash.0);
    bytes
}

#[test]
fn au_3_edited_tiles_are_told_from_edited_entries() {
    each_log(|mut log| {
        grown(&mut log);
        let tile = tile_with(&log, 1, 44, &audit::Digest([1; 32]));
        log.execute("UPDATE audit_tiles SET hashes = ?1 WHERE level = 0 AND tile = 1", &[tile.into()]);
        let findings = log.verify(log.anchors()).findings;
        assert!(findings.contains(&Finding::TileAltered { level: 0, tile: 1 }), "{findings:?}");
        assert!(!findings.iter().any(|f| matches!(f, Finding::Altered { .. } | Finding::Diverged { .. })));
        log.execute("DELETE FROM audit_tiles WHERE level = 0 AND tile = 0", &[]);
        let report = log.verify(log.anchors());
        assert!(!report.is_clean());
        assert!(
            !report.findings.iter().any(|f| matches!(f, Finding::Altered { .. })),
            "{:?}",
            report.findings
        );
    });
}

#[test]
fn au_3_an_edited_upper_tile_is_named() {
    check(
        |log| {
            log.execute("UPDATE audit_tiles SET hashes = ?1 WHERE level = 1", &[vec![3u8; 64].into()]);
        },
        &[Finding::TileAltered { level: 1, tile: 0 }],
    );
}

#[test]
fn au_3_edited_columns_are_named() {
    check(
        |log| {
            log.execute("UPDATE audit_entries SET at = at + 1 WHERE position = 12", &[]);
            log.execute("UPDATE audit_entries SET shop_id = 'zzzzzzzz' WHERE position = 13", &[]);
        },
        &[Finding::Mislabelled { position: 12 }, Finding::Mislabelled { position: 13 }],
    );
}

#[test]
fn au_3_a_row_past_the_end_is_named() {
    check(
        |log| {
            let entry = log.entry(1);
            log.append(entry);
            log.execute("UPDATE audit_entries SET position = 5000 WHERE position IS NULL", &[]);
        },
        &[Finding::Inserted { position: 5000 }],
    );
}

#[test]
fn au_3_a_back_dated_entry_is_named() {
    each_log(|mut log| {
        let old = log.entry(1);
        log.wait_seconds(3600);
        log.grow(5);
        log.append(old.clone());
        log.grow(5);
        let report = log.verify(log.anchors());
        assert_eq!(report.findings, [Finding::BackDated { position: 5, at: old.at() }]);
    });
}

#[test]
fn au_3_a_post_dated_entry_is_named_and_does_not_hide_others() {
    each_log(|mut log| {
        let now = log.now();
        log.wait_seconds(7200);
        let future = log.entry(1);
        log.wait_seconds(-7200);
        assert_eq!(log.now().millis() / 1000, now.millis() / 1000);
        log.append(future.clone());
        log.grow(5);
        log.grow(5);
        let report = log.verify(log.anchors());
        assert_eq!(report.findings, [Finding::PostDated { position: 5, at: future.at() }]);
    });
}

#[test]
fn au_3_random_edits_never_pass() {
    each_log(|mut log| {
        log.grow(60);
        let clean = log.export(0);
        let anchors = log.anchors();
        let verdict = |bytes: &[u8]| audit::verify_export(&mut &*bytes, signer().verifier_key(), &anchors);
        assert!(verdict(&clean).is_ok_and(|report| report.is_clean()));
        let dice = base::Dice::predictable_for_tests(11);
        let header_end = clean.iter().position(|b| *b == b'\n').unwrap() as u64;
        for _ in 0..400 {
            let place = header_end + 1 + dice.below(clean.len() as u64 - header_end - 2);
            let place = usize::try_from(place).unwrap();
            let mut bytes = clean.clone();
            bytes[place] ^= 1 << dice.below(8);
            let passed = verdict(&bytes).is_ok_and(|report| report.is_clean() && report.proven_size == 60);
            assert!(!passed, "byte {place} changed from {:?}", char::from(clean[place]));
        }
    });
}

#[test]
fn findings_read_as_sentences() {
    let report =
        Report { findings: vec![Finding::Removed { position: 3 }], findings_total: 1, ..Report::default() };
    assert!(!report.is_clean());
    assert_eq!(report.findings[0].to_string(), "entry 3 was removed");
    let cut = Finding::CutTail { size: 400, signed: 600 };
    assert_eq!(cut.to_string(), "the end was cut off: 400 entries are there, 600 were signed");
}
