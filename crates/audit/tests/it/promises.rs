//! Promises and proofs: what a receipt carries.

use audit::{
    Inclusion, Promise, PromiseError, PromiseStanding, ProofError, Signer, Standing, verify_promise,
};
use base::Timestamp;

use crate::setup::{Log, each_log, signer};

fn standing(log: &Log, promise: &Promise) -> PromiseStanding {
    let promise = promise.clone();
    log.db.read_blocking(move |tx| audit::check_promise(tx, &promise)).unwrap()
}

fn prove(log: &Log, leaf: audit::Leaf) -> Standing {
    let key = signer().verifier_key().clone();
    log.db.read_blocking(move |tx| audit::prove(tx, &key, leaf.entry_id)).unwrap()
}

#[test]
fn a_promise_is_one_word_that_anybody_with_the_key_can_check() {
    each_log(|log| {
        let entry = log.entry(1);
        let promise = Promise::sign(&signer(), log.append(entry), Timestamp(1_772_357_400_500));
        let text = promise.to_string();
        assert!(text.starts_with("twp1:aud_") && !text.contains(char::is_whitespace), "{text}");
        assert_eq!(verify_promise(signer().verifier_key(), &text), Ok(promise));
    });
}

#[test]
fn every_changed_character_of_a_promise_is_found() {
    each_log(|log| {
        let entry = log.entry(1);
        let text = Promise::sign(&signer(), log.append(entry), Timestamp(77)).to_string();
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verify_promise(signer().verifier_key(), &changed).is_err(), "{changed}");
        }
        let other = Signer::predictable_for_tests("shop.example/audit", &[3; 32]).unwrap();
        assert_eq!(verify_promise(other.verifier_key(), &text), Err(PromiseError::WrongSignature));
        let other = Signer::predictable_for_tests("other.example/audit", &[42; 32]).unwrap();
        assert_eq!(verify_promise(other.verifier_key(), &text), Err(PromiseError::OtherLog));
        assert_eq!(verify_promise(signer().verifier_key(), &"x".repeat(1000)), Err(PromiseError::Malformed));
    });
}

#[test]
fn an_entry_removed_before_it_got_a_position_is_caught_by_its_promise() {
    each_log(|mut log| {
        let entry = log.entry(1);
        let promise = Promise::sign(&signer(), log.append(entry), log.now());
        assert_eq!(standing(&log, &promise), PromiseStanding::Pending);
        assert_eq!(log.execute("DELETE FROM audit_entries", &[]), 1);
        log.grow(3);
        // The log itself is sound; the promise is what tells.
        assert!(log.verify(log.anchors()).is_clean());
        assert_eq!(standing(&log, &promise), PromiseStanding::Missing);
    });
}

#[test]
fn an_entry_altered_before_it_got_a_position_is_caught_by_its_promise() {
    each_log(|mut log| {
        let entry = log.entry(1);
        let promise = Promise::sign(&signer(), log.append(entry), log.now());
        log.execute("UPDATE audit_entries SET body = replace(body, '12.50', '99.50')", &[]);
        log.grow(3);
        assert_eq!(standing(&log, &promise), PromiseStanding::Altered);
    });
}

#[test]
fn a_kept_promise_turns_into_a_proof() {
    each_log(|mut log| {
        let leaf = log.append_many(1)[0];
        assert_eq!(prove(&log, leaf), Standing::Pending);
        let leaves = log.grow(700);
        let promise = Promise::sign(&signer(), leaf, log.now());
        assert_eq!(standing(&log, &promise), PromiseStanding::Kept { position: 0 });
        for leaf in leaves.iter().step_by(37).chain([&leaf]) {
            let Standing::Included(proof) = prove(&log, *leaf) else { panic!("{leaf:?} is not included") };
            let again = Inclusion::parse(&proof.to_text()).unwrap();
            assert_eq!(again, proof);
            let checkpoint = again.verify(signer().verifier_key(), &leaf.leaf_hash).unwrap();
            assert_eq!(checkpoint.size(), 701);
            assert!(matches!(
                again.verify(signer().verifier_key(), &leaves[1].leaf_hash),
                Err(ProofError::WrongPath(_)) if leaf != &leaves[1]
            ));
        }
        let unknown = audit::Leaf { entry_id: log.entry(5).id(), ..leaf };
        assert_eq!(prove(&log, unknown), Standing::Unknown);
    });
}

#[test]
fn two_checkpoints_are_consistent_by_a_proof() {
    each_log(|mut log| {
        for count in [1, 255, 44, 800] {
            log.grow(count);
        }
        let checkpoints = log.anchors();
        let key = signer().verifier_key().clone();
        let sizes = [1u64, 256, 300, 1_100];
        for (from, to) in sizes.iter().flat_map(|from| sizes.iter().map(move |to| (*from, *to))) {
            let (key, proof) =
                (key.clone(), log.db.read_blocking(move |tx| audit::consistency(tx, from, to)));
            if from > to {
                assert!(proof.is_err());
                continue;
            }
            let open = |size| {
                let key = key.clone();
                log.db.read_blocking(move |tx| audit::find_signed_at(tx, &key, size)).unwrap().unwrap()
            };
            assert!(proof.unwrap().verify(&open(from), &open(to)), "{from} to {to}");
        }
        assert!(!checkpoints.is_empty());
        assert!(log.db.read_blocking(|tx| audit::consistency(tx, 1, 1_101)).is_err());
    });
}

#[test]
fn hostile_proofs_are_refused() {
    let note = "a\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n\u{2014} a AAAAAAA=\n";
    assert!(Inclusion::parse(&format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{note}")).is_ok());
    assert!(Inclusion::parse(&format!("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n{note}")).is_ok());
    for text in [
        String::new(),
        format!("c2sp.org/tlog-proof@v2\nindex 0\n\n{note}"),
        format!("c2sp.org/tlog-proof@v1\nindex 00\n\n{note}"),
        format!("c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\n{note}"),
        format!("c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n{note}"),
        format!(
            "c2sp.org/tlog-proof@v1\nindex 0\n{}\n{note}",
            format!("{}\n", audit::Digest([0; 32])).repeat(129)
        ),
        "c2sp.org/tlog-proof@v1\nindex 0\n\n".into(),
        "x".repeat(audit::PROOF_BYTES_MAX + 1),
    ] {
        assert!(Inclusion::parse(&text).is_err(), "{text:.60}");
    }
    let many = format!("{}\n", audit::Digest([0; 32])).repeat(128);
    assert!(Inclusion::parse(&format!("c2sp.org/tlog-proof@v1\nindex 0\n{many}\n{note}")).is_ok());
}
