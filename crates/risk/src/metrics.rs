//! Measures of a ranking against labels: AUC ROC, average precision, card precision@k, curves, precision and recall.
//!
//! Pure arithmetic over slices. Definitions are those of scikit-learn (`roc_auc_score`, `average_precision_score`) and,
//! for card precision, of the *Fraud Detection Handbook* (`card_precision_top_k`).

use std::collections::{BTreeMap, HashMap, HashSet};

/// The cards looked at each day in [`card_precision`] when nothing else is asked for.
pub const CARDS_PER_DAY: usize = 100;
/// The most points a curve for drawing keeps.
pub const CURVE_POINTS_MAX: usize = 240;

/// Payments ordered from the most to the least suspicious, with equal scores taken together.
pub struct Ranking {
    /// Cumulative counts after each distinct score, highest first.
    steps: Vec<Step>,
}

/// What lies at or above one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The score.
    pub score: f32,
    /// Frauds scored at least that high.
    pub frauds: u64,
    /// Genuine payments scored at least that high.
    pub genuine: u64,
}

/// One point of a curve, both axes from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Horizontal position.
    pub x: f64,
    /// Vertical position.
    pub y: f64,
}

impl Ranking {
    /// Ranks `(score, is fraud)` pairs. A score that is not a number ranks last.
    pub fn new(scored: impl Iterator<Item = (f32, bool)>) -> Ranking {
        let mut rows: Vec<(f32, bool)> =
            scored.map(|(s, fraud)| (if s.is_nan() { f32::NEG_INFINITY } else { s }, fraud)).collect();
        rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut steps: Vec<Step> = Vec::new();
        let (mut frauds, mut genuine) = (0u64, 0u64);
        for (score, fraud) in rows {
            if fraud {
                frauds += 1
            } else {
                genuine += 1
            }
            match steps.last_mut() {
                Some(last) if last.score == score => *last = Step { score, frauds, genuine },
                _ => steps.push(Step { score, frauds, genuine }),
            }
        }
        Ranking { steps }
    }

    /// Number of frauds.
    pub fn frauds(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.frauds)
    }

    /// Number of genuine payments.
    pub fn genuine(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.genuine)
    }

    /// The chance that a random fraud scores above a random genuine payment, ties counting half (Mann–Whitney).
    /// `None` unless both kinds are there.
    pub fn auc_roc(&self) -> Option<f64> {
        let (frauds, genuine) = self.both()?;
        let (mut area, mut before) = (0.0, Step { score: 0.0, frauds: 0, genuine: 0 });
        for step in &self.steps {
            let width = (step.genuine - before.genuine) as f64;
            area += width * (step.frauds + before.frauds) as f64 / 2.0;
            before = *step;
        }
        Some(area / (frauds * genuine))
    }

    /// Average precision: Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores, without interpolation. `None` without a fraud.
    pub fn average_precision(&self) -> Option<f64> {
        let frauds = self.frauds();
        if frauds == 0 {
            return None;
        }
        let (mut sum, mut before) = (0.0, 0u64);
        for step in &self.steps {
            let precision = step.frauds as f64 / (step.frauds + step.genuine) as f64;
            sum += (step.frauds - before) as f64 * precision;
            before = step.frauds;
        }
        Some(sum / frauds as f64)
    }

    /// The ROC curve from (0,0) to (1,1): share of genuine payments hit against share of frauds hit, thinned for drawing.
    pub fn roc_curve(&self) -> Vec<Point> {
        let Some((frauds, genuine)) = self.both() else { return Vec::new() };
        let mut points = vec![Point { x: 0.0, y: 0.0 }];
        points.extend(
            self.steps.iter().map(|s| Point { x: s.genuine as f64 / genuine, y: s.frauds as f64 / frauds }),
        );
        thin(&points)
    }

    /// The precision–recall curve: share of frauds hit against share of hits that are fraud, thinned for drawing.
    pub fn precision_recall_curve(&self) -> Vec<Point> {
        let Some((frauds, _)) = self.both() else { return Vec::new() };
        let point = |s: &Step| Point {
            x: s.frauds as f64 / frauds,
            y: s.frauds as f64 / (s.frauds + s.genuine) as f64,
        };
        thin(&self.steps.iter().map(point).collect::<Vec<_>>())
    }

    /// The lowest score at which precision is still at least `precision`, with what lies at or above it.
    pub fn at_precision(&self, precision: f64) -> Option<Step> {
        self.steps
            .iter()
            .rev()
            .find(|s| s.frauds as f64 >= precision * (s.frauds + s.genuine) as f64)
            .copied()
    }

    fn both(&self) -> Option<(f64, f64)> {
        let (frauds, genuine) = (self.frauds(), self.genuine());
        (frauds > 0 && genuine > 0).then_some((frauds as f64, genuine as f64))
    }
}

/// Keeps first and last point and those at least one drawing step away from the one kept before.
fn thin(points: &[Point]) -> Vec<Point> {
    let least = 2.0 / CURVE_POINTS_MAX as f64;
    let mut kept: Vec<Point> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let far = kept.last().is_none_or(|k| (point.x - k.x).abs() + (point.y - k.y).abs() >= least);
        if far || index + 1 == points.len() {
            kept.push(*point);
        }
    }
    kept
}

/// One scored payment of one card, for [`card_precision`].
#[derive(Clone, Copy, Debug)]
pub struct CardScore {
    /// The day, counted from anywhere.
    pub day: i64,
    /// The card or customer.
    pub card: u32,
    /// The score; higher is more suspicious.
    pub score: f32,
    /// Whether the payment is a fraud.
    pub fraud: bool,
}

/// Card precision@`k`: for each day, of the `k` cards with the day's highest scores, the share with a fraud that day,
/// cards found on an earlier day left out; averaged over the days. Cards with equal scores rank by number.
/// `None` without rows or with `k` = 0.
pub fn card_precision(rows: &[CardScore], k: usize) -> Option<f64> {
    if k == 0 || rows.is_empty() {
        return None;
    }
    let mut days: BTreeMap<i64, HashMap<u32, (f32, bool)>> = BTreeMap::new();
    for row in rows {
        let card = days.entry(row.day).or_default().entry(row.card).or_insert((f32::NEG_INFINITY, false));
        *card = (card.0.max(row.score), card.1 || row.fraud);
    }
    let mut found: HashSet<u32> = HashSet::new();
    let mut sum = 0.0;
    for cards in days.values() {
        let mut ranked: Vec<(f32, u32, bool)> = cards
            .iter()
            .filter(|(card, _)| !found.contains(card))
            .map(|(card, (score, fraud))| (*score, *card, *fraud))
            .collect();
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let hits: Vec<u32> = ranked.iter().take(k).filter(|row| row.2).map(|row| row.1).collect();
        sum += hits.len() as f64 / k as f64;
        found.extend(hits);
    }
    Some(sum / days.len() as f64)
}

/// How often something fired, on frauds and on genuine payments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Frauds it fired on.
    pub frauds: u64,
    /// Genuine payments it fired on.
    pub genuine: u64,
}

impl Hits {
    /// Counts one firing.
    pub fn count(&mut self, fraud: bool) {
        if fraud { self.frauds += 1 } else { self.genuine += 1 }
    }

    /// How often it fired.
    pub fn total(self) -> u64 {
        self.frauds + self.genuine
    }

    /// The share of firings that were frauds; `None` when it never fired.
    pub fn precision(self) -> Option<f64> {
        (self.total() > 0).then(|| self.frauds as f64 / self.total() as f64)
    }

    /// The share of `frauds_all` it fired on; `None` when there are none.
    pub fn recall(self, frauds_all: u64) -> Option<f64> {
        (frauds_all > 0).then(|| self.frauds as f64 / frauds_all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(scores: &[f32], labels: &[u8]) -> Ranking {
        Ranking::new(scores.iter().copied().zip(labels.iter().map(|l| *l == 1)))
    }

    fn close(got: Option<f64>, want: f64) {
        let got = got.expect("a figure");
        assert!((got - want).abs() < 1e-12, "{got} is not {want}");
    }

    #[test]
    fn the_example_of_scikit_learn_gives_its_printed_figures() {
        // The docstrings of roc_auc_score (0.75) and average_precision_score (0.8333…) use this very input.
        let ranking = rank(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]);
        close(ranking.auc_roc(), 0.75);
        close(ranking.average_precision(), 0.5 * 1.0 + 0.5 * (2.0 / 3.0));
    }

    #[test]
    fn equal_scores_count_half_for_auc_and_as_one_step_for_precision() {
        // Pairs (fraud, genuine): 0.9>0.5 1, 0.9>0.1 1, 0.5=0.5 half, 0.5>0.1 1: 3.5 of 4.
        let ranking = rank(&[0.9, 0.5, 0.5, 0.1], &[1, 1, 0, 0]);
        close(ranking.auc_roc(), 3.5 / 4.0);
        close(ranking.average_precision(), 0.5 * 1.0 + 0.5 * (2.0 / 3.0));
        close(rank(&[0.3; 4], &[1, 0, 0, 0]).auc_roc(), 0.5);
        close(rank(&[0.3; 4], &[1, 0, 0, 0]).average_precision(), 0.25);
    }

    #[test]
    fn one_kind_alone_has_no_auc() {
        assert_eq!(rank(&[0.1, 0.2], &[0, 0]).auc_roc(), None);
        assert_eq!(rank(&[0.1, 0.2], &[0, 0]).average_precision(), None);
        assert_eq!(rank(&[0.1, 0.2], &[1, 1]).auc_roc(), None);
        assert_eq!(rank(&[], &[]).auc_roc(), None);
        close(rank(&[f32::NAN, 0.2], &[0, 1]).auc_roc(), 1.0);
    }

    #[test]
    fn curves_end_where_they_must_and_stay_small() {
        let scores: Vec<f32> = (0..5000u16).map(|n| f32::from(n % 977)).collect();
        let labels: Vec<u8> = (0..5000u16).map(|n| u8::from(n % 7 == 0)).collect();
        let ranking = rank(&scores, &labels);
        let roc = ranking.roc_curve();
        assert_eq!(roc.first(), Some(&Point { x: 0.0, y: 0.0 }));
        assert_eq!(roc.last(), Some(&Point { x: 1.0, y: 1.0 }));
        assert!(roc.len() <= CURVE_POINTS_MAX + 2, "{}", roc.len());
        let pr = ranking.precision_recall_curve();
        assert_eq!(pr.last().map(|p| p.x), Some(1.0));
        assert!(pr.windows(2).all(|w| w[0].x <= w[1].x));
    }

    #[test]
    fn a_threshold_for_a_precision_is_the_lowest_that_holds() {
        let ranking = rank(&[0.9, 0.8, 0.7, 0.6], &[1, 0, 1, 0]);
        assert_eq!(ranking.at_precision(0.6).map(|s| s.score), Some(0.7));
        assert_eq!(ranking.at_precision(1.0).map(|s| s.score), Some(0.9));
        assert_eq!(ranking.at_precision(1.1), None);
    }

    #[test]
    fn cards_found_on_an_earlier_day_are_left_out() {
        let row = |day, card, score, fraud| CardScore { day, card, score, fraud };
        let rows = [
            // Day 1: cards 1 (fraud) and 2 lead; card 3's fraud is missed. 1 of 2.
            row(1, 1, 0.9, true),
            row(1, 1, 0.1, false),
            row(1, 2, 0.8, false),
            row(1, 3, 0.2, true),
            // Day 2: card 1 is known; cards 3 (fraud on a lower-scored payment of the day) and 4 (fraud) lead. 2 of 2.
            row(2, 1, 0.99, true),
            row(2, 3, 0.7, false),
            row(2, 3, 0.1, true),
            row(2, 4, 0.6, true),
            row(2, 2, 0.5, false),
        ];
        close(card_precision(&rows, 2), (0.5 + 1.0) / 2.0);
        // With one card a day: day 1 finds card 1; day 2 finds card 3.
        close(card_precision(&rows, 1), 1.0);
        // Fewer cards than k: still divided by k.
        close(card_precision(&rows[..1], 100), 0.01);
        assert_eq!(card_precision(&[], 100), None);
        assert_eq!(card_precision(&rows, 0), None);
    }

    #[test]
    fn hits_give_precision_and_recall() {
        let mut hits = Hits::default();
        assert_eq!(hits.precision(), None);
        for fraud in [true, true, false, true] {
            hits.count(fraud);
        }
        assert_eq!(hits.precision(), Some(0.75));
        assert_eq!(hits.recall(6), Some(0.5));
        assert_eq!(hits.recall(0), None);
    }
}
