//! Sums decisions up: by outcome, over time, by rule; the worst cases; and with labels how good they were.

use std::collections::HashMap;
use std::sync::Arc;

use base::{Currency, Money, Timestamp};

use super::place;
use crate::decide::{Decision, MODEL_RULE, Outcome};
use crate::metrics::{CARDS_PER_DAY, CardScore, Hits, Point, Ranking, card_precision};
use crate::model::Model;
use crate::reasons::{Audience, Lang, explain};
use crate::rules::RuleSet;
use crate::table::{Field, Table};
use crate::train::Figures;

/// Worst cases shown, and largest frauds let through.
pub const CASES_MAX: usize = 20;
/// Most buckets of time in the report.
pub const BUCKETS_MAX: usize = 100;

/// Payments and money of one outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Payments.
    pub payments: u64,
    /// Their money in minor units of the file's main currency; other currencies are not counted here.
    pub minor: i64,
}

impl Total {
    fn add(&mut self, minor: i64) {
        self.payments += 1;
        self.minor = self.minor.saturating_add(minor);
    }
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Its first day, counted from 1970-01-01.
    pub day: i64,
    /// By outcome: allow, challenge, review, block.
    pub totals: [Total; 4],
    /// Frauds, where labelled.
    pub frauds: u64,
    /// Frauds that were not simply allowed.
    pub caught: u64,
}

impl Bucket {
    fn merge(&mut self, other: &Bucket) {
        for (own, other) in self.totals.iter_mut().zip(other.totals) {
            own.payments += other.payments;
            own.minor = own.minor.saturating_add(other.minor);
        }
        self.frauds += other.frauds;
        self.caught += other.caught;
    }
}

/// What one rule did; the model counts as one.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleResult {
    /// Its name.
    pub name: String,
    /// What it proposes; for the model the strictest outcome it proposed.
    pub outcome: Outcome,
    /// What it fired on; without labels all counts as genuine.
    pub hits: Hits,
    /// Money of those payments, minor units of the main currency.
    pub minor: i64,
}

/// One payment worth a look.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// How much.
    pub amount: Money,
    /// What would have been decided.
    pub outcome: Outcome,
    /// What it is ranked by.
    pub score: f32,
    /// Whether it was a fraud, where labelled.
    pub fraud: Option<bool>,
    /// Why, in words for an analyst.
    pub why: Vec<String>,
}

/// How good the decisions were.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// The figures; caught means not simply allowed.
    pub figures: Figures,
    /// Payments the figures are of: all but those the model learned from.
    pub rows: u64,
    /// Payments left out because the model learned from them.
    pub learned_rows: u64,
    /// Frauds among `rows`.
    pub frauds: u64,
    /// What was not simply allowed.
    pub caught: Hits,
    /// Money of the frauds, and of those caught, minor units of the main currency.
    pub money: (i64, i64),
    /// ROC curve.
    pub roc: Vec<Point>,
    /// Precision–recall curve.
    pub precision_recall: Vec<Point>,
}

/// What came out of screening a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Screening {
    /// Name of the file.
    pub file: String,
    /// Payments.
    pub rows: u64,
    /// Time taken, reading included.
    pub seconds: f64,
    /// First and last payment.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Currency that money is summed in.
    pub currency: Currency,
    /// By outcome: allow, challenge, review, block.
    pub totals: [Total; 4],
    /// Over time; days, or as many days together as make at most [`BUCKETS_MAX`] buckets.
    pub buckets: Vec<Bucket>,
    /// Days in a bucket.
    pub bucket_days: i64,
    /// Every rule that could fire, most firings first.
    pub rules: Vec<RuleResult>,
    /// Rules that could not, since the file lacks what they read.
    pub skipped_rules: Vec<String>,
    /// The highest scores.
    pub worst: Vec<Case>,
    /// The largest frauds that were allowed; empty without labels.
    pub missed: Vec<Case>,
    /// With labels.
    pub quality: Option<Quality>,
    /// Field and column.
    pub columns: Vec<(&'static str, String)>,
    /// Columns that were not read.
    pub unread_columns: Vec<String>,
    /// Whether the file was out of order.
    pub sorted: bool,
    /// Days until a label counted; `None` without labels.
    pub label_delay_days: Option<u32>,
    /// Version of the model, if any.
    pub model: Option<String>,
}

/// The sums so far.
pub(super) struct Summing<'a> {
    table: &'a Table,
    rules: &'a RuleSet,
    labelled: bool,
    /// When the model learned, milliseconds: those payments do not count in its figures.
    learned_ms: std::ops::Range<i64>,
    currency: Currency,
    totals: [Total; 4],
    buckets: Vec<Bucket>,
    by_rule: Vec<RuleResult>,
    rule_places: HashMap<Arc<str>, usize>,
    scored: Vec<CardScore>,
    caught: Hits,
    money: (i64, i64),
    worst: Cases,
    missed: Cases,
}

impl<'a> Summing<'a> {
    pub(super) fn new(table: &'a Table, rules: &'a RuleSet, model: Option<&Model>) -> Summing<'a> {
        let result = |name: &str, outcome| RuleResult {
            name: name.to_owned(),
            outcome,
            hits: Hits::default(),
            minor: 0,
        };
        let mut by_rule: Vec<RuleResult> =
            rules.rules().iter().map(|rule| result(rule.name(), rule.outcome())).collect();
        let mut rule_places: HashMap<Arc<str>, usize> =
            rules.rules().iter().zip(0..).map(|(rule, place)| (rule.name().clone(), place)).collect();
        if model.is_some() {
            rule_places.insert(MODEL_RULE.into(), by_rule.len());
            by_rule.push(result(MODEL_RULE, Outcome::Allow));
        }
        Summing {
            table,
            rules,
            labelled: table.has(Field::Label),
            learned_ms: model.map_or(0..0, |model| model.trained().from_ms..model.trained().until_ms),
            currency: table.main_currency(),
            totals: Default::default(),
            buckets: Vec::new(),
            by_rule,
            rule_places,
            scored: Vec::new(),
            caught: Hits::default(),
            money: (0, 0),
            worst: Cases::default(),
            missed: Cases::default(),
        }
    }

    /// Adds one decision. Rows come in time order.
    pub(super) fn add(&mut self, row: usize, decision: &Decision, score: f32) {
        let (fraud, day) = (self.table.is_fraud(row), self.table.day(row));
        let amount = self.table.amount(row);
        let minor = if amount.currency == self.currency { amount.minor } else { 0 };
        let stopped = decision.outcome != Outcome::Allow;
        if let Some(total) = self.totals.get_mut(place(decision.outcome)) {
            total.add(minor);
        }
        if self.buckets.last().is_none_or(|bucket| bucket.day != day) {
            self.buckets.push(Bucket { day, ..Bucket::default() });
        }
        if let Some(bucket) = self.buckets.last_mut() {
            if let Some(total) = bucket.totals.get_mut(place(decision.outcome)) {
                total.add(minor);
            }
            bucket.frauds += u64::from(fraud);
            bucket.caught += u64::from(fraud && stopped);
        }
        self.add_reasons(decision, fraud, minor);
        if self.labelled && !self.learned_ms.contains(&self.table.at(row).0) {
            self.add_quality(row, minor, stopped, score);
        }
        self.add_cases(row, decision, score, fraud);
    }

    fn add_quality(&mut self, row: usize, minor: i64, stopped: bool, score: f32) {
        let fraud = self.table.is_fraud(row);
        if stopped {
            self.caught.count(fraud);
        }
        if fraud {
            self.money.0 = self.money.0.saturating_add(minor);
            self.money.1 = self.money.1.saturating_add(if stopped { minor } else { 0 });
        }
        let card = self.table.card_or_payer(row).unwrap_or(u32::MAX);
        self.scored.push(CardScore { day: self.table.day(row), card, score, fraud });
    }

    fn add_reasons(&mut self, decision: &Decision, fraud: bool, minor: i64) {
        for reason in &decision.reasons {
            let found = self.rule_places.get(&reason.rule).and_then(|place| self.by_rule.get_mut(*place));
            if let Some(rule) = found {
                rule.hits.count(fraud);
                rule.minor = rule.minor.saturating_add(minor);
                rule.outcome = rule.outcome.max(reason.outcome);
            }
        }
    }

    fn add_cases(&mut self, row: usize, decision: &Decision, score: f32, fraud: bool) {
        let (table, rules, labelled) = (self.table, self.rules, self.labelled);
        let amount = table.amount(row);
        let case = || Case {
            id: table.id(row).into_owned(),
            at: table.at(row),
            amount,
            outcome: decision.outcome,
            score,
            fraud: labelled.then_some(fraud),
            why: explain(decision, rules, Audience::Analyst, Lang::En),
        };
        if decision.outcome != Outcome::Allow {
            self.worst.offer((score, amount.minor), case);
        } else if fraud {
            self.missed.offer((0.0, amount.minor), case);
        }
    }

    pub(super) fn finish(mut self, skipped_rules: Vec<String>) -> Screening {
        let table = self.table;
        self.by_rule.sort_by_key(|rule| std::cmp::Reverse(rule.hits.total()));
        let mut order = table.in_time_order();
        let first = order.next();
        let period = first.map(|row| (table.at(row), table.at(order.last().unwrap_or(row))));
        let quality = self.labelled.then(|| self.quality());
        let (buckets, bucket_days) = widen(&self.buckets);
        Screening {
            file: String::new(),
            rows: table.len() as u64,
            seconds: 0.0,
            period,
            currency: self.currency,
            totals: self.totals,
            buckets,
            bucket_days,
            rules: self.by_rule,
            skipped_rules,
            worst: self.worst.finish(),
            missed: self.missed.finish(),
            quality,
            columns: table.mapping().map(|(field, column)| (field.name(), column.to_owned())).collect(),
            unread_columns: table.unread().map(str::to_owned).collect(),
            sorted: table.was_sorted_here(),
            label_delay_days: None,
            model: None,
        }
    }

    fn quality(&self) -> Quality {
        let ranking = Ranking::new(self.scored.iter().map(|row| (row.score, row.fraud)));
        let frauds = ranking.frauds();
        Quality {
            figures: Figures {
                auc_roc: ranking.auc_roc(),
                average_precision: ranking.average_precision(),
                card_precision_at_100: card_precision(&self.scored, CARDS_PER_DAY),
                recall: self.caught.recall(frauds),
                precision: self.caught.precision(),
            },
            rows: self.scored.len() as u64,
            learned_rows: (self.table.len() - self.scored.len()) as u64,
            frauds,
            caught: self.caught,
            money: self.money,
            roc: ranking.roc_curve(),
            precision_recall: ranking.precision_recall_curve(),
        }
    }
}

/// Takes days together until at most [`BUCKETS_MAX`] are left, and fills the days without payments in.
fn widen(days: &[Bucket]) -> (Vec<Bucket>, i64) {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return (Vec::new(), 1) };
    let span = last.day - first.day + 1;
    let steps = [1, 7, 28, 91, 364];
    let fits = |step: &&i64| span <= **step * BUCKETS_MAX as i64;
    let step = steps.iter().find(fits).copied().unwrap_or(span / BUCKETS_MAX as i64 + 1);
    let count = usize::try_from((span + step - 1) / step).unwrap_or(0);
    let mut wide: Vec<Bucket> =
        (0..count).map(|n| Bucket { day: first.day + n as i64 * step, ..Bucket::default() }).collect();
    for day in days {
        let at = usize::try_from((day.day - first.day) / step).unwrap_or(0);
        if let Some(bucket) = wide.get_mut(at) {
            bucket.merge(day);
        }
    }
    (wide, step)
}

/// The best cases by a rank, kept few on the way.
#[derive(Default)]
struct Cases {
    kept: Vec<((f32, i64), Case)>,
    /// The least rank worth keeping, once there are enough.
    floor: Option<(f32, i64)>,
}

impl Cases {
    fn offer(&mut self, rank: (f32, i64), case: impl FnOnce() -> Case) {
        if self.floor.is_some_and(|floor| rank <= floor) {
            return;
        }
        self.kept.push((rank, case()));
        if self.kept.len() >= 2 * CASES_MAX {
            self.trim();
            self.floor = self.kept.last().map(|(rank, _)| *rank);
        }
    }

    fn trim(&mut self) {
        // Stable: of equal ranks the earlier payment stays.
        self.kept.sort_by(|(a, _), (b, _)| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        self.kept.truncate(CASES_MAX);
    }

    fn finish(mut self) -> Vec<Case> {
        self.trim();
        self.kept.into_iter().map(|(_, case)| case).collect()
    }
}

impl Screening {
    /// Payments per second, reading included.
    pub fn rows_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.rows as f64 / self.seconds } else { 0.0 }
    }

    /// Payments that were not simply allowed.
    pub fn stopped(&self) -> u64 {
        self.rows - self.totals.first().map_or(0, |total| total.payments)
    }

    /// Frauds in the whole file.
    pub fn frauds(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.frauds).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_days_are_taken_together_and_gaps_are_filled() {
        let day = |day, frauds| Bucket { day, frauds, ..Bucket::default() };
        let (wide, step) = widen(&[day(10, 1), day(12, 2)]);
        assert_eq!((wide.len(), step), (3, 1));
        assert_eq!(wide.iter().map(|b| b.frauds).collect::<Vec<_>>(), [1, 0, 2]);
        assert_eq!(widen(&[day(0, 1), day(99, 1)]).1, 1);
        let (wide, step) = widen(&[day(0, 1), day(6, 1), day(7, 1), day(100, 1)]);
        assert_eq!((wide.len(), step), (15, 7));
        assert_eq!(wide[0].frauds, 2);
        let (wide, _) = widen(&[day(0, 1), day(1_000_000, 1)]);
        assert!(wide.len() <= BUCKETS_MAX);
        assert_eq!(widen(&[]), (Vec::new(), 1));
    }

    #[test]
    fn the_highest_cases_are_kept_in_order() {
        let mut cases = Cases::default();
        for n in 0..1000u32 {
            let score = (n * 7919 % 1000) as f32;
            cases.offer((score, 0), || Case {
                id: n.to_string(),
                at: Timestamp(0),
                amount: Money::new(0, Currency::CNY),
                outcome: Outcome::Block,
                score,
                fraud: None,
                why: Vec::new(),
            });
        }
        let scores: Vec<f32> = cases.finish().iter().map(|case| case.score).collect();
        assert_eq!(scores, (980..1000).rev().map(|n| n as f32).collect::<Vec<_>>());
    }
}
