//! Trains a model on a labelled file, by time, and measures it on payments it never saw.
//!
//! The protocol is that of the *Fraud Detection Handbook*: learn from `train_days`, wait `delay_days` for labels, test
//! on the `test_days` after; further folds start a week later each. From each test day the payments of customers
//! already known to be compromised are left out: fraud in the training period, or up to `delay_days + 1` days before
//! the test day. Features come from everything earlier than the payment, labels among it only once `delay_days` old.

mod fold;

use std::collections::HashSet;
use std::path::PathBuf;

use base::{Clock, Timestamp};

pub use fold::{Figures, Fold};

use crate::facts::Entity;
use crate::features::{INPUTS, Slot, features};
use crate::model::{FitError, Model, Recipe, TRAINING_VALUES_MAX};
use crate::output::{OutputError, write_whole};
use crate::replay::{Plan, replay};
use crate::table::{self, OnProgress, Progress, ReadOptions, Table, TableError};

const DAY_MS: i64 = 86_400_000;
/// Days between the starts of two folds.
pub const FOLD_STEP_DAYS: u32 = 7;
/// Most folds.
pub const FOLDS_MAX: u32 = 52;
/// Ends of the names of slots that are not learned from: they grow with the calendar for everybody, so a model that
/// reads them mistrusts a shop's first weeks. Without them the figures are the same (handbook data, five folds before
/// 2018-08-01: average precision 0.7521 against 0.7523) and the first week has a fifth of the false alarms.
const DRIFTING: [&str; 2] = [".age_days", ".total"];
/// Longest training, delay or test period, in days.
pub const PERIOD_DAYS_MAX: u32 = 3_660;

/// What to train on and how.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// The labelled file.
    pub file: PathBuf,
    /// How to read it; `labels` must name a column.
    pub read: ReadOptions,
    /// First day of the first training period; see [`parse_day`].
    pub train_from_day: i64,
    /// Days learned from.
    pub train_days: u32,
    /// Days until a label is known.
    pub delay_days: u32,
    /// Days tested on.
    pub test_days: u32,
    /// Folds, each a week later than the one before.
    pub folds: u32,
    /// Where to write the model of the first fold.
    pub out: Option<PathBuf>,
    /// How to grow the trees.
    pub recipe: Recipe,
    /// Slots left out, by the start of their name (`terminal.`, `payer.pace`); for experiments.
    pub without: Vec<String>,
    /// For the time taken.
    pub clock: Clock,
}

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The file was refused.
    #[error(transparent)]
    Table(#[from] TableError),
    /// No label column was named.
    #[error("training needs labels; name their column with `--labels COLUMN`")]
    NoLabels,
    /// Not a date.
    #[error("`{0}` is not a day; write `YYYY-MM-DD`")]
    Day(String),
    /// A period that cannot be.
    #[error("{what} must be between {min} and {max}")]
    Period {
        /// Which.
        what: &'static str,
        /// Least.
        min: u32,
        /// Most.
        max: u32,
    },
    /// The file does not reach.
    #[error(
        "the file has payments from {from} until {until}; training and test need {needed_from} until {needed_until}"
    )]
    Reach {
        /// First day in the file.
        from: String,
        /// Last day in the file.
        until: String,
        /// First day needed.
        needed_from: String,
        /// Last day needed.
        needed_until: String,
    },
    /// Too much to hold.
    #[error(
        "{rows} payments in the training and test periods are too many; choose shorter periods or fewer folds"
    )]
    TooMany {
        /// How many there are.
        rows: usize,
    },
    /// The trainer refused.
    #[error("fold {fold}: {source}")]
    Fit {
        /// Which fold, from 1.
        fold: u32,
        /// Why.
        source: FitError,
    },
    /// The model cannot be written.
    #[error(transparent)]
    Write(#[from] OutputError),
}

/// What came out.
#[derive(Debug)]
pub struct Trained {
    /// The model of the first fold: trained on the first training period only, so that its figures are its own.
    pub model: Model,
    /// Each fold with its figures.
    pub folds: Vec<Fold>,
    /// Which column was read as what.
    pub mapping: Vec<(&'static str, String)>,
    /// Payments read.
    pub rows: u64,
    /// Time taken.
    pub seconds: f64,
}

/// Reads a day, as days since 1970-01-01.
///
/// # Errors
/// [`TrainError::Day`].
pub fn parse_day(text: &str) -> Result<i64, TrainError> {
    let day = (text.len() == 10).then(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"))).flatten();
    day.map(|at| at.0.div_euclid(DAY_MS)).ok_or_else(|| TrainError::Day(text.to_owned()))
}

/// A day as `YYYY-MM-DD`.
pub fn day_text(day: i64) -> String {
    let text = Timestamp(day.saturating_mul(DAY_MS)).to_rfc3339();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// Reads the file, replays it, trains and tests each fold, and writes the first fold's model.
///
/// # Errors
/// [`TrainError`]; nothing is written unless all folds were trained.
pub fn run(options: &TrainOptions, progress: OnProgress<'_>) -> Result<Trained, TrainError> {
    let began = options.clock.now();
    check(options)?;
    let table = table::read_file(&options.file, &options.read, progress)?;
    check_reach(options, &table)?;
    let rows = Collected::replay(options, &table, progress)?;
    let mut folds = Vec::new();
    let mut first = None;
    for number in 0..options.folds {
        let (done, total) = (u64::from(number), Some(u64::from(options.folds)));
        progress(Progress { phase: "training", done, total });
        let from = options.train_from_day + i64::from(number * FOLD_STEP_DAYS);
        let (fold, model) = fold::run(options, &table, &rows, from)
            .map_err(|source| TrainError::Fit { fold: number + 1, source })?;
        folds.push(fold);
        first.get_or_insert(model);
    }
    let model = first.ok_or(TrainError::Period { what: "`--folds`", min: 1, max: FOLDS_MAX })?;
    let file = model.save();
    if let Some(path) = &options.out {
        write_whole(path, &file)?;
    }
    // Read back, so that it reads the program's rows and not the collected ones.
    let model = Model::load(&file).unwrap_or(model);
    let mapping = table.mapping().map(|(field, column)| (field.name(), column.to_owned())).collect();
    let seconds = options.clock.now().millis_since(began) as f64 / 1000.0;
    Ok(Trained { model, folds, mapping, rows: table.len() as u64, seconds })
}

fn check(options: &TrainOptions) -> Result<(), TrainError> {
    if options.read.labels.is_none() {
        return Err(TrainError::NoLabels);
    }
    let most = PERIOD_DAYS_MAX;
    for (what, value, min, max) in [
        ("`--train-days`", options.train_days, 1, most),
        ("`--delay-days`", options.delay_days, 0, most),
        ("`--test-days`", options.test_days, 1, most),
        ("`--folds`", options.folds, 1, FOLDS_MAX),
    ] {
        if !(min..=max).contains(&value) {
            return Err(TrainError::Period { what, min, max });
        }
    }
    Ok(())
}

/// The day after the last test day of the last fold.
fn end_day(options: &TrainOptions) -> i64 {
    let later = u64::from(options.folds - 1) * u64::from(FOLD_STEP_DAYS);
    let fold = u64::from(options.train_days) + u64::from(options.delay_days) + u64::from(options.test_days);
    options.train_from_day + (later + fold) as i64
}

fn check_reach(options: &TrainOptions, table: &Table) -> Result<(), TrainError> {
    let mut order = table.in_time_order();
    let first = order.next();
    let days = first.map(|row| (table.day(row), table.day(order.last().unwrap_or(row))));
    let (from, until) = days.ok_or(TableError::Empty)?;
    if options.train_from_day < from || end_day(options) - 1 > until {
        return Err(TrainError::Reach {
            from: day_text(from),
            until: day_text(until),
            needed_from: day_text(options.train_from_day),
            needed_until: day_text(end_day(options) - 1),
        });
    }
    Ok(())
}

/// The feature rows of all payments from the first training day to the last test day, in time order.
struct Collected {
    names: Vec<&'static str>,
    slots: Vec<usize>,
    rows: Vec<usize>,
    days: Vec<i64>,
    values: Vec<f32>,
}

impl Collected {
    fn replay(
        options: &TrainOptions,
        table: &Table,
        progress: OnProgress<'_>,
    ) -> Result<Collected, TrainError> {
        let (names, slots) = candidate_slots(options, table);
        let mut kept = Collected { names, slots, rows: Vec::new(), days: Vec::new(), values: Vec::new() };
        let zone_ms = i64::from(options.read.zone_minutes) * 60_000;
        let plan = Plan {
            label_delay_ms: i64::from(options.delay_days) * DAY_MS,
            until: Timestamp(end_day(options).saturating_mul(DAY_MS).saturating_sub(zone_ms)),
            phase: "replaying",
        };
        replay(table, &plan, progress, |row, facts, profiles| {
            let day = table.day(row);
            if day >= options.train_from_day {
                let row_values = features(facts, profiles);
                let get =
                    |slot: &usize| row_values.values().get(*slot).map_or(f32::NAN, |value| *value as f32);
                kept.values.extend(kept.slots.iter().map(get));
                kept.rows.push(row);
                kept.days.push(day);
            }
            let fits = kept.values.len() <= TRAINING_VALUES_MAX;
            if fits { Ok(()) } else { Err(TrainError::TooMany { rows: kept.rows.len() }) }
        })?;
        Ok(kept)
    }

    /// Positions of the payments of `days`, which lie together.
    fn range(&self, days: std::ops::Range<i64>) -> std::ops::Range<usize> {
        let from = self.days.partition_point(|day| *day < days.start);
        from..self.days.partition_point(|day| *day < days.end)
    }

    fn values_of(&self, range: &std::ops::Range<usize>) -> &[f32] {
        let width = self.slots.len();
        self.values.get(range.start * width..range.end * width).unwrap_or_default()
    }
}

/// The slots that can be known from this file: the attempt's own, and those of parties it names.
fn candidate_slots(options: &TrainOptions, table: &Table) -> (Vec<&'static str>, Vec<usize>) {
    let named: HashSet<Entity> = Entity::ALL.into_iter().filter(|e| table.party_count(*e) > 0).collect();
    Slot::all()
        .take(INPUTS)
        .filter(|slot| slot.entity().is_none_or(|entity| named.contains(&entity)))
        .filter(|slot| DRIFTING.iter().all(|end| !slot.info().name.ends_with(end)))
        .filter(|slot| options.without.iter().all(|start| !slot.info().name.starts_with(start.as_str())))
        .map(|slot| (slot.info().name, slot.index()))
        .unzip()
}

impl Trained {
    /// The mean of a figure over the folds that have it.
    fn mean(&self, figure: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        let found: Vec<f64> = self.folds.iter().filter_map(|fold| figure(&fold.figures)).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    }

    /// The figures averaged over the folds.
    pub fn means(&self) -> Figures {
        Figures {
            auc_roc: self.mean(|f| f.auc_roc),
            average_precision: self.mean(|f| f.average_precision),
            card_precision_at_100: self.mean(|f| f.card_precision_at_100),
            recall: self.mean(|f| f.recall),
            precision: self.mean(|f| f.precision),
        }
    }
}

#[cfg(test)]
mod tests;
