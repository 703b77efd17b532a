//! Training: `forust-ml` grows the trees, this file flattens them and calibrates their score to a probability.
//!
//! The calibration is Platt's (1999) with the targets and the Newton iteration of Lin, Lin and Weng (2007), fitted on
//! scores a payment got from trees that never saw it: the training period is cut in time into blocks, and each block
//! is scored by trees grown on the others.

use std::collections::VecDeque;

use forust_ml::GradientBooster;
use forust_ml::data::Matrix;
use forust_ml::gradientbooster::GrowPolicy;
use forust_ml::sampler::SampleMethod;
use forust_ml::tree::Tree as GrownTree;

use super::file::{depth, limits};
use super::{LEAF, MISSING_RIGHT, Model, Node, Parts, Trained, Tree};

/// Blocks the training period is cut into for calibration.
const CALIBRATION_BLOCKS: usize = 3;
/// Fewest frauds, and fewest genuine payments, that can be learned from.
pub const EXAMPLES_MIN: usize = 20;
/// Most values (rows × features) trained on at once: 3.2 GB.
pub const TRAINING_VALUES_MAX: usize = 400_000_000;

/// How to grow a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Number of trees.
    pub trees: usize,
    /// Deepest a tree may grow.
    pub depth: usize,
    /// Most leaves of a tree.
    pub leaves: usize,
    /// Step of each tree.
    pub rate: f32,
    /// Penalty on leaf weights.
    pub l2: f32,
    /// Least sum of second derivatives in a leaf.
    pub leaf_weight_min: f32,
    /// Share of payments each tree sees.
    pub rows_share: f32,
    /// Share of features each tree sees.
    pub features_share: f64,
    /// Bins a feature is cut into.
    pub bins: u16,
    /// Seed of the sampling.
    pub seed: u64,
}

impl Default for Recipe {
    /// Chosen on weeks before the first test fold of the handbook data; see `docs/performance.md`.
    fn default() -> Recipe {
        Recipe {
            trees: 100,
            depth: 6,
            leaves: 15,
            rate: 0.05,
            l2: 5.0,
            leaf_weight_min: 3.0,
            rows_share: 0.8,
            features_share: 0.4,
            bins: 255,
            seed: 7,
        }
    }
}

/// Payments to learn from, in time order.
pub struct Samples<'a> {
    /// Feature names, one for each column.
    pub names: &'a [&'a str],
    /// Feature values, row after row, NaN where missing.
    pub values: &'a [f32],
    /// Whether each row is a fraud.
    pub fraud: &'a [bool],
    /// Start of the period, milliseconds since the epoch.
    pub from_ms: i64,
    /// End of the period, milliseconds since the epoch.
    pub until_ms: i64,
}

/// Why a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// Too few of a kind.
    #[error(
        "only {got} {what} in the training period; at least {EXAMPLES_MIN} are needed: choose a longer period"
    )]
    TooFew {
        /// `frauds` or `genuine payments`.
        what: &'static str,
        /// How many there are.
        got: usize,
    },
    /// Too many.
    #[error("{0} payments are too many to train on at once; choose a shorter period")]
    TooMany(usize),
    /// No feature differs between payments.
    #[error("every feature is the same for all payments; map more columns with `--map`")]
    NothingToLearn,
    /// The trainer refused.
    #[error("training failed: {0}")]
    Trainer(String),
    /// The trees do not fit the serving form.
    #[error("the grown trees cannot be served: {0}")]
    Shape(&'static str),
}

/// Turns log-odds into a probability: `1 / (1 + exp(−(slope · log-odds + offset)))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Factor on the log-odds; above zero, so that order is kept.
    pub slope: f64,
    /// Added to the log-odds.
    pub offset: f64,
}

impl Calibration {
    /// Leaves the log-odds as they are.
    pub const NONE: Calibration = Calibration { slope: 1.0, offset: 0.0 };

    /// The probability, 0 to 1.
    pub fn probability(self, margin: f64) -> f32 {
        (1.0 / (1.0 + (-(self.slope * margin + self.offset)).exp())) as f32
    }

    /// Fits slope and offset to scores and what they turned out to be (Lin, Lin and Weng 2007, algorithm 1).
    /// Falls back to [`Calibration::NONE`] when either kind is missing or higher scores do not mean more fraud.
    pub fn fit(margins: &[f64], fraud: &[bool]) -> Calibration {
        let positives = fraud.iter().filter(|f| **f).count() as f64;
        let negatives = fraud.len() as f64 - positives;
        if positives < 1.0 || negatives < 1.0 {
            return Calibration::NONE;
        }
        let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
        let target = |fraud: bool| if fraud { high } else { low };
        let loss =
            |c: Calibration| -> f64 { margins.iter().zip(fraud).map(|(m, f)| c.loss(*m, target(*f))).sum() };
        let mut now = Calibration { slope: 0.0, offset: ((positives + 1.0) / (negatives + 1.0)).ln() };
        let mut best = loss(now);
        for _ in 0..100 {
            let (step, size) = newton_step(now, margins, fraud, target);
            if size < 1e-5 {
                break;
            }
            let mut share = 1.0;
            loop {
                let next = Calibration {
                    slope: now.slope + share * step.slope,
                    offset: now.offset + share * step.offset,
                };
                let found = loss(next);
                if found < best + 1e-12 {
                    (now, best) = (next, found);
                    break;
                }
                share /= 2.0;
                if share < 1e-10 {
                    return now.or_none();
                }
            }
        }
        now.or_none()
    }

    fn or_none(self) -> Calibration {
        let good = self.slope.is_finite() && self.offset.is_finite() && self.slope > 0.0;
        if good { self } else { Calibration::NONE }
    }

    /// Cross entropy of one score against its target, written so that it does not overflow.
    fn loss(self, margin: f64, target: f64) -> f64 {
        let z = self.slope * margin + self.offset;
        if z >= 0.0 { (1.0 - target) * z + (-z).exp().ln_1p() } else { -target * z + z.exp().ln_1p() }
    }
}

/// The Newton direction at `at`, and the gradient's size.
fn newton_step(
    at: Calibration,
    margins: &[f64],
    fraud: &[bool],
    target: impl Fn(bool) -> f64,
) -> (Calibration, f64) {
    let (mut h11, mut h22, mut h21, mut g1, mut g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0);
    for (margin, fraud) in margins.iter().zip(fraud) {
        let p = 1.0 / (1.0 + (-(at.slope * margin + at.offset)).exp());
        let (gap, weight) = (p - target(*fraud), p * (1.0 - p));
        h11 += margin * margin * weight;
        h22 += weight;
        h21 += margin * weight;
        g1 += margin * gap;
        g2 += gap;
    }
    let det = h11 * h22 - h21 * h21;
    let step = Calibration { slope: -(h22 * g1 - h21 * g2) / det, offset: -(h11 * g2 - h21 * g1) / det };
    (step, g1.abs().max(g2.abs()))
}

/// Trains, flattens and calibrates a model, which reads rows laid out as those of `samples`. Rows must be in time
/// order.
///
/// # Errors
/// [`FitError`] when there is too little or too much to learn from, or the trainer refuses.
pub fn fit(samples: &Samples<'_>, recipe: &Recipe) -> Result<Model, FitError> {
    let rows = samples.fraud.len();
    check_counts(samples)?;
    let table = Columns::gather(samples);
    if table.names.is_empty() {
        return Err(FitError::NothingToLearn);
    }
    let booster = grow(&table, &(0..rows).collect::<Vec<_>>(), samples.fraud, recipe)?;
    let calibration = calibrate(&table, samples.fraud, recipe);
    let frauds = samples.fraud.iter().filter(|f| **f).count();
    let mut parts = Parts {
        features: Vec::new(),
        base: booster.base_score,
        calibration,
        nodes: Vec::new(),
        values: Vec::new(),
        trees: Vec::new(),
        trained: Trained {
            from_ms: samples.from_ms,
            until_ms: samples.until_ms,
            rows: rows as u64,
            frauds: frauds as u64,
        },
    };
    let mut used = Used::default();
    for tree in &booster.trees {
        flatten(tree, &mut used, &mut parts)?;
    }
    parts.features = used.columns.iter().filter_map(|column| table.names.get(*column)).cloned().collect();
    Ok(Model::assemble(parts))
}

fn check_counts(samples: &Samples<'_>) -> Result<(), FitError> {
    let rows = samples.fraud.len();
    let frauds = samples.fraud.iter().filter(|f| **f).count();
    if frauds < EXAMPLES_MIN {
        return Err(FitError::TooFew { what: "frauds", got: frauds });
    }
    if rows - frauds < EXAMPLES_MIN {
        return Err(FitError::TooFew { what: "genuine payments", got: rows - frauds });
    }
    if rows.saturating_mul(samples.names.len()) > TRAINING_VALUES_MAX {
        return Err(FitError::TooMany(rows));
    }
    Ok(())
}

/// The features that differ between payments, as the trainer wants them: column after column.
pub(super) struct Columns {
    /// Name and position in the program's row.
    pub names: Vec<(String, u16)>,
    values: Vec<f64>,
    rows: usize,
}

impl Columns {
    pub fn gather(samples: &Samples<'_>) -> Columns {
        let width = samples.names.len().max(1);
        let rows = samples.fraud.len();
        let mut table = Columns { names: Vec::new(), values: Vec::new(), rows };
        for (place, name) in samples.names.iter().enumerate().take(usize::from(u16::MAX)) {
            let column = || samples.values.chunks_exact(width).filter_map(|row| row.get(place).copied());
            let mut present = column().filter(|v| !v.is_nan());
            let first = present.next();
            if first.is_some_and(|first| present.any(|v| v != first)) {
                table.names.push(((*name).to_owned(), place as u16));
                table.values.extend(column().map(bounded));
            }
        }
        table
    }

    /// The values of some rows, column after column.
    pub fn pick(&self, rows: &[usize]) -> Vec<f64> {
        self.values
            .chunks_exact(self.rows.max(1))
            .flat_map(|column| rows.iter().map(|row| column.get(*row).copied().unwrap_or(f64::NAN)))
            .collect()
    }
}

/// Infinite values become the largest finite one, so that a threshold can always be stored.
fn bounded(value: f32) -> f64 {
    f64::from(if value.is_nan() { value } else { value.clamp(f32::MIN / 2.0, f32::MAX / 2.0) })
}

pub(super) fn grow(
    table: &Columns,
    rows: &[usize],
    fraud: &[bool],
    recipe: &Recipe,
) -> Result<GradientBooster, FitError> {
    let labels: Vec<f64> =
        rows.iter().map(|row| f64::from(fraud.get(*row).copied().unwrap_or(false))).collect();
    let picked;
    let values = if rows.len() == table.rows {
        &table.values
    } else {
        picked = table.pick(rows);
        &picked
    };
    let matrix = Matrix::new(values, rows.len(), table.names.len());
    let mut booster = GradientBooster::default();
    booster.iterations = recipe.trees;
    booster.learning_rate = recipe.rate;
    booster.max_depth = recipe.depth;
    booster.max_leaves = recipe.leaves;
    booster.l2 = recipe.l2;
    booster.min_leaf_weight = recipe.leaf_weight_min;
    booster.subsample = recipe.rows_share;
    booster.colsample_bytree = recipe.features_share;
    let sampled = recipe.rows_share < 1.0;
    booster.sample_method = if sampled { SampleMethod::Random } else { SampleMethod::None };
    booster.grow_policy = GrowPolicy::LossGuide;
    booster.nbins = recipe.bins;
    booster.seed = recipe.seed;
    booster.initialize_base_score = true;
    booster.fit_unweighted(&matrix, &labels, None).map_err(|e| FitError::Trainer(e.to_string()))?;
    Ok(booster)
}

/// Scores each block of time with trees grown on the others, and fits the calibration to that.
fn calibrate(table: &Columns, fraud: &[bool], recipe: &Recipe) -> Calibration {
    let mut margins = Vec::with_capacity(table.rows);
    let mut labels = Vec::with_capacity(table.rows);
    for block in 0..CALIBRATION_BLOCKS {
        let from = table.rows * block / CALIBRATION_BLOCKS;
        let until = table.rows * (block + 1) / CALIBRATION_BLOCKS;
        let others: Vec<usize> = (0..from).chain(until..table.rows).collect();
        let is_fraud = |row: &&usize| fraud.get(**row).copied().unwrap_or(false);
        if others.iter().filter(is_fraud).count() < EXAMPLES_MIN / 2 {
            return Calibration::NONE;
        }
        let Ok(booster) = grow(table, &others, fraud, recipe) else { return Calibration::NONE };
        let own: Vec<usize> = (from..until).collect();
        let values = table.pick(&own);
        margins.extend(booster.predict(&Matrix::new(&values, own.len(), table.names.len()), true));
        labels.extend(own.iter().map(|row| fraud.get(*row).copied().unwrap_or(false)));
    }
    Calibration::fit(&margins, &labels)
}

/// The columns that splits read, numbered as they are met: the model names only those.
#[derive(Default)]
struct Used {
    columns: Vec<usize>,
}

impl Used {
    fn number(&mut self, column: usize) -> Result<u16, FitError> {
        let known = self.columns.iter().position(|used| *used == column);
        let number = known.unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        });
        let fits = u16::try_from(number).ok().filter(|_| number < limits::FEATURES_MAX);
        fits.ok_or(FitError::Shape("the trees read too many features"))
    }
}

/// Renumbers a grown tree so that the two children of a node lie side by side behind it.
fn flatten(grown: &GrownTree, used: &mut Used, parts: &mut Parts) -> Result<(), FitError> {
    if grown.nodes.len() > limits::TREE_NODES_MAX {
        return Err(FitError::Shape("a tree has too many nodes"));
    }
    let start = parts.nodes.len();
    let mut waiting = VecDeque::from([0usize]);
    let (mut own, mut free) = (0usize, 1usize);
    while let Some(number) = waiting.pop_front() {
        let node = grown.nodes.get(number).ok_or(FitError::Shape("a child is missing"))?;
        parts.values.push(node.weight_value);
        if node.is_leaf {
            parts.nodes.push(Node { threshold: f32::NAN, left: own as u16, feature: LEAF });
        } else {
            if node.has_missing_branch() {
                return Err(FitError::Shape("a split has a branch of its own for missing values"));
            }
            let missing = if node.missing_node == node.right_child { MISSING_RIGHT } else { 0 };
            let feature = used.number(node.split_feature)? | missing;
            parts.nodes.push(Node { threshold: ceil_f32(node.split_value), left: free as u16, feature });
            waiting.extend([node.left_child, node.right_child]);
            free += 2;
        }
        own += 1;
    }
    let depth = depth(parts.nodes.get(start..).unwrap_or_default());
    if depth > limits::TREE_DEPTH_MAX {
        return Err(FitError::Shape("a tree is too deep"));
    }
    parts.trees.push(Tree { start: start as u32, nodes: own as u32, depth });
    Ok(())
}

/// The least `f32` that is not below `value`: for every `f32` x, `x < value` exactly when `x < ceil_f32(value)`.
pub(super) fn ceil_f32(value: f64) -> f32 {
    let near = value as f32;
    let up = if f64::from(near) < value { near.next_up() } else { near };
    up.clamp(f32::MIN, f32::MAX)
}
