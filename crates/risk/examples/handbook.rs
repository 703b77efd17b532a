//! Trains on the Fraud Detection Handbook's data with a recipe given on the command line and prints the figures:
//! `cargo run --release -p risk --example handbook -- FILE 2018-07-25 4 trees=150 depth=6 rate=0.05 without=payer.pace`.
//! The shipped recipe was chosen with it on weeks before the first test fold. With the word `screen` in place of the
//! day, screens the file: `… -- FILE screen [model=model.tw] [report=out.html] [decisions=out.csv]`.
#![expect(clippy::print_stdout, clippy::expect_used, clippy::panic, reason = "a tool for developers")]

use std::path::{Path, PathBuf};

use risk::model::{Model, Recipe};
use risk::screen::ScreenOptions;
use risk::table::ReadOptions;
use risk::train::{TrainOptions, parse_day, run};

fn main() {
    let mut args = std::env::args().skip(1);
    let file = PathBuf::from(args.next().expect("a file"));
    let day = args.next().expect("a first training day");
    if day == "screen" {
        return screen(&file, args);
    }
    let day = parse_day(&day).expect("a day");
    let folds = args.next().and_then(|n| n.parse().ok()).expect("a number of folds");
    let mut options = TrainOptions {
        file,
        read: ReadOptions { labels: Some("TX_FRAUD".into()), ..ReadOptions::default() },
        train_from_day: day,
        train_days: 7,
        delay_days: 7,
        test_days: 7,
        folds,
        out: None,
        recipe: Recipe::default(),
        without: Vec::new(),
        clock: base::Clock::System,
    };
    for arg in args {
        let (name, value) = arg.split_once('=').expect("name=value");
        let number = || value.parse::<f64>().expect("a number");
        let recipe = &mut options.recipe;
        match name {
            "trees" => recipe.trees = number() as usize,
            "depth" => recipe.depth = number() as usize,
            "leaves" => recipe.leaves = number() as usize,
            "rate" => recipe.rate = number() as f32,
            "l2" => recipe.l2 = number() as f32,
            "leaf" => recipe.leaf_weight_min = number() as f32,
            "rows" => recipe.rows_share = number() as f32,
            "features" => recipe.features_share = number(),
            "bins" => recipe.bins = number() as u16,
            "seed" => recipe.seed = number() as u64,
            "days" => options.train_days = number() as u32,
            "out" => options.out = Some(value.into()),
            "without" => options.without.extend(value.split(',').map(str::to_owned)),
            other => panic!("unknown setting `{other}`"),
        }
    }
    let done = run(&options, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
    for fold in &done.folds {
        println!("{}", fold.to_json());
    }
    println!(
        "mean {} in {:.1} s, {} features",
        done.means().to_json(),
        done.seconds,
        done.model.features().count()
    );
}

fn screen(file: &Path, args: impl Iterator<Item = String>) {
    let mut options = ScreenOptions::new(file);
    for arg in args {
        let (name, value) = arg.split_once('=').expect("name=value");
        match name {
            "model" => {
                options.model = Some(Model::load(&std::fs::read(value).expect("a file")).expect("a model"))
            }
            "report" => options.report = Some(value.into()),
            "decisions" => options.decisions = Some(value.into()),
            "labels" => options.read.labels = Some(value.to_owned()),
            other => panic!("unknown setting `{other}`"),
        }
    }
    let done = risk::screen::run(&options, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
    println!("{:#}", done.to_json());
}
