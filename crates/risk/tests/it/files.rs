//! Screening and training on real files: the sample in the repository, and the handbook's data where it is there.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use base::Clock;
use risk::model::{Model, Recipe};
use risk::screen::{self, ScreenOptions};
use risk::table::{Mapping, ReadOptions};
use risk::train::{self, TrainOptions, parse_day};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The handbook's payments: `TILLWARD_HANDBOOK`, or beside the repository.
fn handbook() -> Option<PathBuf> {
    let named = std::env::var_os("TILLWARD_HANDBOOK").map(PathBuf::from);
    let path = named.unwrap_or_else(|| root().join("../shared/data/handbook/transactions.csv.zst"));
    let there = path.is_file();
    if !there {
        eprintln!(
            "skipped: no data of the Fraud Detection Handbook at {}; set TILLWARD_HANDBOOK",
            path.display()
        );
    }
    there.then_some(path)
}

fn options(file: PathBuf, labels: &str, from: &str, days: [u32; 3]) -> TrainOptions {
    let [train_days, delay_days, test_days] = days;
    TrainOptions {
        file,
        read: ReadOptions { labels: Some(labels.into()), ..ReadOptions::default() },
        train_from_day: parse_day(from).unwrap(),
        train_days,
        delay_days,
        test_days,
        folds: 1,
        out: None,
        recipe: Recipe::default(),
        without: Vec::new(),
        clock: Clock::System,
    }
}

#[test]
fn the_sample_is_screened_and_most_attacks_are_caught_by_rules_alone() {
    let mut options = ScreenOptions::new(&root().join("samples/payments.csv"));
    options.read.labels = Some("fraud".into());
    let screening = screen::run(&options, &mut |_| {}).unwrap();
    let figures = screening.quality.as_ref().unwrap().figures;
    assert!(figures.recall.unwrap() > 0.35 && figures.precision.unwrap() > 0.5, "{figures:?}");
    assert!(screening.columns.contains(&("address", "ip".to_owned())));
    assert_eq!(screening.unread_columns, ["scenario"]);
}

#[test]
fn a_model_trained_on_the_sample_is_written_loaded_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.tw");
    let sample = root().join("samples/payments.csv");
    let mut training = options(sample.clone(), "fraud", "2026-03-09", [7, 7, 5]);
    training.out = Some(out.clone());
    let trained = train::run(&training, &mut |_| {}).unwrap();
    assert!(trained.means().auc_roc.unwrap() > 0.8, "{:?}", trained.means());
    let json = trained.to_json();
    for field in ["auc_roc", "average_precision", "card_precision_at_100", "folds", "mean", "model"] {
        assert!(!json[field].is_null(), "{field}");
    }
    let model = Model::load(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(model.version(), trained.model.version());
    let mut options = ScreenOptions::new(&sample);
    options.read.labels = Some("fraud".into());
    let bare = screen::run(&options, &mut |_| {}).unwrap();
    options.model = Some(model);
    let helped = screen::run(&options, &mut |_| {}).unwrap();
    let quality = helped.quality.as_ref().unwrap();
    assert!(quality.learned_rows > 1_000 && quality.rows + quality.learned_rows == helped.rows);
    let ap = |screening: &screen::Screening| {
        screening.quality.as_ref().unwrap().figures.average_precision.unwrap()
    };
    assert!(ap(&helped) > ap(&bare), "{} {}", ap(&helped), ap(&bare));
}

#[test]
fn the_first_days_of_the_handbook_are_learned_from_and_screened() {
    let Some(path) = handbook() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("first.csv");
    // Nine days of it: a whole replay belongs into a release build, see `docs/performance.md`.
    let lines = BufReader::new(zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap()).lines();
    let mut kept = std::fs::File::create(&file).unwrap();
    let mut rows = 0u64;
    for line in lines.map_while(Result::ok).take_while(|line| !line.contains(",2018-04-10 ")) {
        writeln!(kept, "{line}").unwrap();
        rows += 1;
    }
    let mut training = options(file.clone(), "TX_FRAUD", "2018-04-04", [2, 2, 2]);
    training.recipe.trees = 40;
    let trained = train::run(&training, &mut |_| {}).unwrap();
    assert_eq!(trained.rows, rows - 1);
    assert!(trained.means().auc_roc.unwrap() > 0.7, "{:?}", trained.means());
    let mapped: Vec<Mapping> = vec!["card=CUSTOMER_ID".parse().unwrap(), "payer=".parse().unwrap()];
    let mut options = ScreenOptions::new(&file);
    (options.read.map, options.model) = (mapped, Some(trained.model));
    let screening = screen::run(&options, &mut |_| {}).unwrap();
    assert_eq!(screening.rows, rows - 1);
    assert!(screening.columns.contains(&("card", "CUSTOMER_ID".to_owned())));
}
