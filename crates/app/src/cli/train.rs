//! `tillward train`: a model from a labelled file, by time, measured on payments it never saw.

use std::path::PathBuf;
use std::process::ExitCode;

use base::Clock;
use risk::model::Recipe;
use risk::train::{Fold, TrainError, TrainOptions, Trained, day_text, parse_day};

use super::progress::Bar;
use super::screen::{Reading, check_outputs, columns, figures, refused};
use super::{say, whole};

/// Train the screening model on a labelled file, by time.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tillward train transactions.csv.zst --labels TX_FRAUD --train-from 2018-07-25 \\\n    \
    --train-days 7 --delay-days 7 --test-days 7 --folds 4 --out model.tw\n\n\
    Learns from `--train-days`, waits `--delay-days` for labels, and is measured on the `--test-days` after; each further \
    fold starts a week later. The model written is that of the first fold. Use it with `screen --model` and `serve --model`."
)]
pub(super) struct Train {
    /// The file: CSV, also compressed with zstd or gzip
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Column that says which payments were frauds
    #[arg(long, value_name = "COLUMN")]
    labels: String,
    /// First day to learn from
    #[arg(long, value_name = "YYYY-MM-DD")]
    train_from: String,
    /// Days to learn from
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    train_days: u32,
    /// Days until a fraud is known
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    delay_days: u32,
    /// Days to be measured on
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    test_days: u32,
    /// How often, each a week later than the one before
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    folds: u32,
    /// Where to write the model
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Train {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        check_outputs(&[Some(&self.file), self.reading.countries_file()], &[Some(&self.out)])?;
        let options = TrainOptions {
            file: self.file,
            read: self.reading.options(Some(self.labels))?,
            train_from_day: parse_day(&self.train_from)
                .map_err(|e| format!("--train-from: {}", whole(&e)))?,
            train_days: self.train_days,
            delay_days: self.delay_days,
            test_days: self.test_days,
            folds: self.folds,
            out: Some(self.out),
            recipe: Recipe::default(),
            without: Vec::new(),
            clock: Clock::System,
        };
        let mut bar = Bar::new(self.json);
        let trained = risk::train::run(&options, &mut |progress| bar.show(progress));
        bar.clear();
        let trained = trained.map_err(|e| match &e {
            TrainError::Table(problem) => refused(&options.file, problem),
            _ => whole(&e),
        })?;
        if self.json {
            say(&trained.to_json().to_string());
        } else {
            lines(&trained, &options).iter().for_each(|line| say(line));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn lines(trained: &Trained, options: &TrainOptions) -> Vec<String> {
    let mut out =
        vec![format!("{} payments, {:.1} s", trained.rows, trained.seconds), columns(&trained.mapping, &[])];
    out.extend(trained.folds.iter().map(fold));
    if trained.folds.len() > 1 {
        out.push(format!("mean of {} folds: {}", trained.folds.len(), figures(&trained.means())));
    }
    if let Some(path) = &options.out {
        let features = trained.model.features().count();
        out.push(format!(
            "wrote model {} ({} trees, {features} features) to {}",
            trained.model.version_text(),
            trained.model.trees(),
            path.display()
        ));
    }
    out
}

fn fold(fold: &Fold) -> String {
    format!(
        "learnt {} to {} ({} payments), measured {} to {} ({} payments, {} frauds): {}",
        day_text(fold.train.start),
        day_text(fold.train.end - 1),
        fold.train_rows,
        day_text(fold.test.start),
        day_text(fold.test.end - 1),
        fold.test_rows,
        fold.test_frauds,
        figures(&fold.figures)
    )
}
