//! Gradient-boosted trees as the live path serves them: flat arrays, a probability in about a microsecond, and what
//! each feature added to it.
//!
//! [`fit`] trains a model (with `forust-ml`) and flattens it; [`Model::load`] and [`Model::save`] read and write the file
//! `model.tw`. Serving knows nothing of training: a loaded model is checked so that walking it always ends, whatever
//! the file held.

mod file;
mod fit;

pub use file::{LoadError, limits};
pub use fit::{Calibration, EXAMPLES_MIN, FitError, Recipe, Samples, TRAINING_VALUES_MAX, fit};

use limits::FEATURES_MAX;

use crate::decide::Scorer;
use crate::features::{Features, INPUTS, Slot};

/// Trees walked side by side, so that one tree's memory latency hides behind the others'.
const LANES: usize = 8;

/// One node. A leaf points at itself: its threshold is not a number, so no value goes right of it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    /// Values at or above it go right.
    threshold: f32,
    /// The left child, counted from the tree's first node; the right child follows it.
    left: u16,
    /// Position among the model's features, with [`MISSING_RIGHT`] and [`LEAF`].
    feature: u16,
}

/// A missing value goes right.
const MISSING_RIGHT: u16 = 0x8000;
/// A leaf.
const LEAF: u16 = 0x4000;
/// The bits of `Node::feature` that hold a position.
const POSITION: u16 = FEATURES_MAX as u16 - 1;
/// What an impossible position reads as.
const NOWHERE: Node = Node { threshold: f32::NAN, left: 0, feature: LEAF };

impl Node {
    const fn is_leaf(self) -> bool {
        self.feature & LEAF != 0
    }

    const fn position(self) -> usize {
        (self.feature & POSITION) as usize
    }
}

/// Where a tree's nodes lie.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tree {
    start: u32,
    nodes: u32,
    depth: u32,
}

/// Up to [`LANES`] trees walked together, for as many steps as the deepest needs.
#[derive(Clone, Copy, Debug)]
struct Group {
    starts: [u32; LANES],
    depth: u32,
}

/// From when and how many payments a model learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trained {
    /// First payment trained on, milliseconds since the epoch.
    pub from_ms: i64,
    /// End of the training period, milliseconds since the epoch.
    pub until_ms: i64,
    /// Payments trained on.
    pub rows: u64,
    /// Frauds among them.
    pub frauds: u64,
}

/// A trained model, ready to serve.
#[derive(Clone, Debug)]
pub struct Model {
    /// Feature names, each with its position in the row a caller gives.
    features: Vec<(String, u16)>,
    base: f64,
    calibration: Calibration,
    trees: Vec<Tree>,
    groups: Vec<Group>,
    nodes: Vec<Node>,
    /// The value of each node: the leaf's score, or an inner node's average, which explains a path.
    values: Vec<f32>,
    trained: Trained,
    version: u64,
}

impl Model {
    /// The calibrated probability of fraud, 0 to 1, for a row of the program's features (missing ones are NaN).
    pub fn probability(&self, row: &[f32]) -> f32 {
        self.calibration.probability(self.margin(row))
    }

    /// The uncalibrated log-odds: the base plus one leaf of each tree.
    pub fn margin(&self, row: &[f32]) -> f64 {
        self.walk(&self.gather(|place| row.get(place).copied()))
    }

    /// Adds to `out` what each feature moved the log-odds by, along each tree's path (Saabas 2014): the change of the
    /// node's value at each split, credited to the split's feature. `out` is by position in the row; returns the
    /// starting value, which together with the sum of `out` makes [`Model::margin`].
    pub fn contributions(&self, row: &[f32], out: &mut [f32]) -> f64 {
        self.explain(&self.gather(|place| row.get(place).copied()), |place, moved| {
            if let Some(slot) = out.get_mut(place) {
                *slot += moved;
            }
        })
    }

    /// The values the model reads, in its own order.
    #[inline]
    fn gather(&self, value: impl Fn(usize) -> Option<f32>) -> [f32; FEATURES_MAX] {
        let mut own = [f32::NAN; FEATURES_MAX];
        for (slot, (_, place)) in own.iter_mut().zip(&self.features) {
            *slot = value(usize::from(*place)).unwrap_or(f32::NAN);
        }
        own
    }

    fn walk(&self, own: &[f32; FEATURES_MAX]) -> f64 {
        let mut sum = self.base;
        for group in &self.groups {
            let mut at = group.starts;
            for _ in 0..group.depth {
                for (place, start) in at.iter_mut().zip(group.starts) {
                    *place = self.step(*place, start, own);
                }
            }
            for place in at {
                sum += f64::from(self.values.get(place as usize).copied().unwrap_or(0.0));
            }
        }
        sum
    }

    fn explain(&self, own: &[f32; FEATURES_MAX], mut credit: impl FnMut(usize, f32)) -> f64 {
        let value = |at: u32| self.values.get(at as usize).copied().unwrap_or(0.0);
        let mut start = self.base;
        for tree in &self.trees {
            start += f64::from(value(tree.start));
            let mut at = tree.start;
            while let Some(node) = self.nodes.get(at as usize).filter(|node| !node.is_leaf()) {
                let next = self.step(at, tree.start, own);
                if let Some((_, place)) = self.features.get(node.position()) {
                    credit(usize::from(*place), value(next) - value(at));
                }
                at = next;
            }
        }
        start
    }

    /// The model's number for records: the first eight bytes of its file's SHA-256.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The same as sixteen hex digits, for people.
    pub fn version_text(&self) -> String {
        format!("{:016x}", self.version)
    }

    /// Names of the features it reads.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(|(name, _)| name.as_str())
    }

    /// Number of trees.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// What it was trained on.
    pub fn trained(&self) -> Trained {
        self.trained
    }

    /// How its log-odds become a probability.
    pub fn calibration(&self) -> Calibration {
        self.calibration
    }

    #[inline(always)]
    fn step(&self, at: u32, start: u32, own: &[f32; FEATURES_MAX]) -> u32 {
        let node = self.nodes.get(at as usize).copied().unwrap_or(NOWHERE);
        // INVARIANT: FEATURES_MAX is a power of two, so every position lies inside the row.
        let value = own.get(node.position()).copied().unwrap_or(f32::NAN);
        let missing_right = value.is_nan() & (node.feature & MISSING_RIGHT != 0);
        let right = (value >= node.threshold) | missing_right;
        start.wrapping_add(u32::from(node.left)).wrapping_add(u32::from(right))
    }

    /// Puts checked parts together. The last group is filled with an extra leaf of value zero.
    fn assemble(parts: Parts) -> Model {
        let Parts { features, base, calibration, mut nodes, mut values, mut trees, trained } = parts;
        let spare = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        nodes.push(NOWHERE);
        values.push(0.0);
        trees.shrink_to_fit();
        let group = |chunk: &[Tree]| {
            let mut starts = [spare; LANES];
            for (slot, tree) in starts.iter_mut().zip(chunk) {
                *slot = tree.start;
            }
            Group { starts, depth: chunk.iter().map(|tree| tree.depth).max().unwrap_or(0) }
        };
        let groups = trees.chunks(LANES).map(group).collect();
        let mut model =
            Model { features, base, calibration, trees, groups, nodes, values, trained, version: 0 };
        model.version = file::version_of(&model.save());
        model
    }
}

/// The checked content of a model.
struct Parts {
    features: Vec<(String, u16)>,
    base: f64,
    calibration: Calibration,
    nodes: Vec<Node>,
    values: Vec<f32>,
    trees: Vec<Tree>,
    trained: Trained,
}

impl Scorer for Model {
    fn probability(&self, row: &Features) -> f32 {
        let own = self.gather(|place| row.values().get(place).map(|value| *value as f32));
        self.calibration.probability(self.walk(&own))
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn causes(&self, row: &Features) -> Vec<(Slot, f32)> {
        let own = self.gather(|place| row.values().get(place).map(|value| *value as f32));
        let mut moved = vec![0.0f32; INPUTS];
        self.explain(&own, |place, by| {
            if let Some(slot) = moved.get_mut(place) {
                *slot += by;
            }
        });
        let mut causes: Vec<(Slot, f32)> = (0..)
            .zip(moved)
            .filter(|(_, by)| *by != 0.0)
            .filter_map(|(place, by)| Slot::at(place).map(|slot| (slot, by)))
            .collect();
        causes.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        causes
    }
}

#[cfg(test)]
mod tests;
