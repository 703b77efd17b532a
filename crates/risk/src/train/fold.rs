//! One fold: train on its days, test on the days after the label delay.

use std::collections::HashSet;
use std::ops::Range;

use super::{Collected, DAY_MS, TrainOptions};
use crate::metrics::{CARDS_PER_DAY, CardScore, Hits, Ranking, card_precision};
use crate::model::{FitError, Model, Samples, fit};
use crate::table::Table;

/// Probability from which a payment counts as caught for precision and recall.
const CAUGHT_FROM: f32 = 0.5;

/// How good a ranking is; see [`crate::metrics`]. `None` where the labels do not allow a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Area under the ROC curve.
    pub auc_roc: Option<f64>,
    /// Average precision.
    pub average_precision: Option<f64>,
    /// Card precision at 100 cards a day.
    pub card_precision_at_100: Option<f64>,
    /// Share of frauds that were caught.
    pub recall: Option<f64>,
    /// Share of caught payments that were frauds.
    pub precision: Option<f64>,
}

/// One fold and how it did.
#[derive(Clone, Debug)]
pub struct Fold {
    /// First training day, and the day after the last.
    pub train: Range<i64>,
    /// First test day, and the day after the last.
    pub test: Range<i64>,
    /// Payments trained on.
    pub train_rows: usize,
    /// Payments tested on, customers known to be compromised left out.
    pub test_rows: usize,
    /// Payments left out because their customer was already known to be compromised.
    pub known_rows: usize,
    /// Frauds among the payments tested on.
    pub test_frauds: u64,
    /// How well they were ranked; caught means a probability of at least a half.
    pub figures: Figures,
    /// Mean probability given to the payments tested on, to be compared with the share of frauds.
    pub mean_probability: f64,
}

pub(super) fn run(
    options: &TrainOptions,
    table: &Table,
    collected: &Collected,
    from: i64,
) -> Result<(Fold, Model), FitError> {
    let train = from..from + i64::from(options.train_days);
    let test_from = train.end + i64::from(options.delay_days);
    let test = test_from..test_from + i64::from(options.test_days);
    let range = collected.range(train.clone());
    let rows = collected.rows.get(range.clone()).unwrap_or_default();
    let fraud: Vec<bool> = rows.iter().map(|row| table.is_fraud(*row)).collect();
    let zone_ms = i64::from(options.read.zone_minutes) * 60_000;
    let samples = Samples {
        names: &collected.names,
        values: collected.values_of(&range),
        fraud: &fraud,
        from_ms: train.start * DAY_MS - zone_ms,
        until_ms: train.end * DAY_MS - zone_ms,
    };
    let model = fit(&samples, &options.recipe)?;
    let known = Known::of(options, table, &train);
    let mut tested = Tested::default();
    for (day, row, values) in collected.each(&test) {
        let card = table.card_or_payer(row);
        if card.is_some_and(|card| known.on(day, test_from, card)) {
            tested.known_rows += 1;
            continue;
        }
        let score = model.probability(values);
        tested.rows.push(CardScore {
            day,
            card: card.unwrap_or(u32::MAX),
            score,
            fraud: table.is_fraud(row),
        });
    }
    Ok((tested.fold(train, test, fraud.len()), model))
}

impl Collected {
    fn each(&self, days: &Range<i64>) -> impl Iterator<Item = (i64, usize, &[f32])> {
        let range = self.range(days.clone());
        let rows = self.rows.get(range.clone()).unwrap_or_default();
        let days = self.days.get(range.clone()).unwrap_or_default();
        let values = self.values_of(&range).chunks_exact(self.slots.len().max(1));
        days.iter().zip(rows).zip(values).map(|((day, row), values)| (*day, *row, values))
    }
}

/// Customers with a fraud in the training period, and those of the days before the test as they become known.
struct Known {
    trained: HashSet<u32>,
    /// One set for each test day: frauds of the day `delay_days + 1` days before it.
    added: Vec<HashSet<u32>>,
}

impl Known {
    fn of(options: &TrainOptions, table: &Table, train: &Range<i64>) -> Known {
        let mut known =
            Known { trained: HashSet::new(), added: vec![HashSet::new(); options.test_days as usize] };
        for row in (0..table.len()).filter(|row| table.is_fraud(*row)) {
            let (day, Some(card)) = (table.day(row), table.card_or_payer(row)) else { continue };
            if train.contains(&day) {
                known.trained.insert(card);
            }
            let test_day = usize::try_from(day - train.end + 1).ok();
            if let Some(set) = test_day.and_then(|test_day| known.added.get_mut(test_day)) {
                set.insert(card);
            }
        }
        known
    }

    fn on(&self, day: i64, test_from: i64, card: u32) -> bool {
        let passed = usize::try_from(day - test_from + 1).unwrap_or(0);
        self.trained.contains(&card) || self.added.iter().take(passed).any(|set| set.contains(&card))
    }
}

#[derive(Default)]
struct Tested {
    rows: Vec<CardScore>,
    known_rows: usize,
}

impl Tested {
    fn fold(self, train: Range<i64>, test: Range<i64>, train_rows: usize) -> Fold {
        let ranking = Ranking::new(self.rows.iter().map(|row| (row.score, row.fraud)));
        let mut caught = Hits::default();
        for row in self.rows.iter().filter(|row| row.score >= CAUGHT_FROM) {
            caught.count(row.fraud);
        }
        let sum: f64 = self.rows.iter().map(|row| f64::from(row.score)).sum();
        Fold {
            train,
            test,
            train_rows,
            test_rows: self.rows.len(),
            known_rows: self.known_rows,
            test_frauds: ranking.frauds(),
            figures: Figures {
                auc_roc: ranking.auc_roc(),
                average_precision: ranking.average_precision(),
                card_precision_at_100: card_precision(&self.rows, CARDS_PER_DAY),
                recall: caught.recall(ranking.frauds()),
                precision: caught.precision(),
            },
            mean_probability: sum / self.rows.len().max(1) as f64,
        }
    }
}
