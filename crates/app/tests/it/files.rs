//! `tillward screen` and `tillward train` on files: one object for a script, clear refusals, nothing half done.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tillward")).args(args).current_dir(folder).output().unwrap()
}

#[track_caller]
fn json(done: &Output) -> Value {
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{err}");
    serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}: {err}"))
}

#[track_caller]
fn refused(folder: &Path, args: &[&str], words: &[&str]) {
    let before = names(folder);
    let done = run(folder, args);
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && done.stdout.is_empty(), "{args:?}: {err}");
    assert!(words.iter().all(|word| err.contains(word)), "{args:?}: {err}");
    assert_eq!(names(folder), before, "nothing is left behind");
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

fn sample() -> String {
    format!("{}/../../samples/payments.csv", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_file_is_screened_into_one_object_a_line_each_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let sample = sample();
    let args =
        ["screen", &sample, "--labels", "fraud", "--decisions", "d.csv", "--report", "r.html", "--json"];
    let object = json(&run(folder.path(), &args));
    let rows = object["rows"].as_u64().unwrap();
    let by_outcome: u64 = object["outcomes"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert!(rows > 4_000 && by_outcome == rows, "{object}");
    for name in [
        "seconds",
        "rows_per_second",
        "auc_roc",
        "average_precision",
        "card_precision_at_100",
        "recall",
        "precision",
    ] {
        assert!(object[name].is_f64(), "{name}: {object}");
    }
    assert!(object["skipped_rules"].as_array().is_some_and(|rules| !rules.is_empty()));
    let decisions = std::fs::read_to_string(folder.path().join("d.csv")).unwrap();
    assert_eq!(decisions.lines().count() as u64, rows + 1);
    let report = std::fs::read_to_string(folder.path().join("r.html")).unwrap();
    assert!(report.starts_with("<!doctype html>") && !report.contains("src=\"http"));
    assert_eq!(names(folder.path()).len(), 2);
}

#[test]
fn without_labels_there_are_no_figures() {
    let folder = tempfile::tempdir().unwrap();
    let object = json(&run(folder.path(), &["screen", &sample(), "--json"]));
    assert!(object["rows"].is_u64() && object.get("auc_roc").is_none(), "{object}");
}

#[test]
fn a_model_is_trained_by_time_and_screens() {
    let folder = tempfile::tempdir().unwrap();
    let sample = sample();
    let train = [
        "train",
        &sample,
        "--labels",
        "fraud",
        "--train-from",
        "2026-03-02",
        "--folds",
        "2",
        "--out",
        "m.tw",
        "--json",
    ];
    let trained = json(&run(folder.path(), &train));
    assert_eq!(trained["folds"].as_array().map(Vec::len), Some(2));
    assert!(trained["auc_roc"].as_f64().is_some_and(|area| area > 0.8), "{trained}");
    assert!(trained["mean"]["average_precision"].is_f64());
    let screened =
        json(&run(folder.path(), &["screen", &sample, "--labels", "fraud", "--model", "m.tw", "--json"]));
    assert_eq!(screened["model"], trained["model"]["version"]);
    assert!(
        screened["figures_rows"].as_u64() < screened["rows"].as_u64(),
        "what it learnt from does not count"
    );
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (at, sample) = (folder.path(), sample());
    let bad = at.join("bad.csv");
    std::fs::write(&bad, "time,amount\n2026-01-01 00:00:00,1.00\n2026-01-01 00:01:00,much\n").unwrap();
    refused(at, &["screen", "bad.csv", "--decisions", "d.csv"], &["bad.csv", "line 3", "amount", "much"]);
    refused(at, &["screen", "none.csv"], &["none.csv", "cannot be opened"]);
    refused(at, &["screen", &sample, "--labels", "nope", "--report", "r.html"], &["no column `nope`"]);
    refused(at, &["screen", &sample, "--map", "tyme=x"], &["`tyme` is not a field"]);
    refused(at, &["screen", &sample, "--model", "bad.csv"], &["bad.csv", "not a model file"]);
    refused(at, &["screen", &sample, "--rules", "bad.csv"], &["bad.csv", "line 1"]);
    refused(at, &["screen", &sample, "--decisions", "no/d.csv"], &["there is no folder"]);
    refused(at, &["screen", "bad.csv", "--decisions", "bad.csv"], &["named twice"]);
    let train = ["train", &sample, "--labels", "fraud", "--out", "m.tw", "--train-from"];
    refused(at, &[&train[..], &["soon"]].concat(), &["`soon` is not a day"]);
    refused(at, &[&train[..], &["2027-01-01"]].concat(), &["2026-03-29"]);
    refused(at, &[&train[..], &["2026-03-02", "--train-days", "0"]].concat(), &["`--train-days`"]);
}

#[test]
fn help_shows_examples() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["serve", "demo", "screen", "train", "bench", "audit"] {
        let done = run(folder.path(), &[command, "--help"]);
        assert!(String::from_utf8_lossy(&done.stdout).contains("Example"), "{command}");
    }
}
