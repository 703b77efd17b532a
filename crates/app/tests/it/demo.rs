//! `tillward demo` ends by itself with one object, stops its own attacks, and leaves nothing behind.

use std::process::Command;

use serde_json::Value;

#[test]
fn the_demo_plays_checks_itself_and_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_tillward"))
        .args(["demo", "--seconds", "6", "--json"])
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8(done.stdout).unwrap(), String::from_utf8_lossy(&done.stderr).into_owned());
    assert!(done.status.success(), "{out}\n{err}");
    let summary: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"));
    assert_eq!(summary["ledger_balanced"], true, "{summary}");
    assert_eq!(summary["audit_verified"], true, "{summary}");
    assert!(summary["seconds"].as_f64().is_some_and(|seconds| (5.0..120.0).contains(&seconds)), "{summary}");
    for state in ["paid", "refunded", "in_review", "declined"] {
        assert!(
            summary["payments"][state].as_i64().is_some_and(|count| count > 0),
            "no payment is {state}: {summary}"
        );
    }
    let attacks = summary["attacks"].as_array().unwrap();
    let names: Vec<&str> = attacks.iter().filter_map(|attack| attack["name"].as_str()).collect();
    assert_eq!(names, ["card_testing", "account_takeover", "replay"]);
    for attack in attacks {
        let (attempts, stopped) = (attack["attempts"].as_u64().unwrap(), attack["stopped"].as_u64().unwrap());
        assert!(attempts > 0 && stopped <= attempts && stopped * 2 > attempts, "{attack}");
    }
    assert_eq!(attacks[2]["stopped"], attacks[2]["attempts"], "C24, C25: nothing sent again ever pays");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
