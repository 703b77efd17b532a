//! Flat trees against the trainer's own, and files made to hurt.

use base::Dice;
use proptest::prelude::*;

use super::fit::{Columns, ceil_f32, grow};
use super::*;

const NAMES: [&str; 4] = ["amount", "night", "ratio", "constant"];

/// Payments in which fraud is likelier with a high first feature and a missing third.
fn example(rows: usize) -> (Vec<f32>, Vec<bool>) {
    let dice = Dice::predictable_for_tests(11);
    let unit = || dice.below(1_000_000) as f32 / 1e6;
    let (mut values, mut fraud) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let (amount, night) = (unit() * 300.0, f32::from(unit() < 0.3));
        let missing = unit() < 0.2;
        values.extend([amount, night, if missing { f32::NAN } else { unit() * 10.0 }, 1.0]);
        fraud.push(unit() < 0.02 + 0.3 * f32::from(amount > 220.0) + 0.2 * f32::from(missing && night > 0.5));
    }
    (values, fraud)
}

fn samples<'a>(values: &'a [f32], fraud: &'a [bool]) -> Samples<'a> {
    Samples { names: &NAMES, values, fraud, from_ms: 1, until_ms: 2 }
}

fn small() -> Recipe {
    Recipe { trees: 21, ..Recipe::default() }
}

fn model() -> Model {
    let (values, fraud) = example(3000);
    fit(&samples(&values, &fraud), &small()).expect("a model")
}

#[test]
fn flat_trees_give_exactly_the_trainers_scores_missing_values_included() {
    let (values, fraud) = example(3000);
    let samples = samples(&values, &fraud);
    let columns = Columns::gather(&samples);
    let all: Vec<usize> = (0..fraud.len()).collect();
    let booster = grow(&columns, &all, &fraud, &small()).unwrap();
    let data = columns.pick(&all);
    let expected = booster.predict(&forust_ml::Matrix::new(&data, fraud.len(), columns.names.len()), false);
    let model = fit(&samples, &small()).unwrap();
    for (row, expected) in values.chunks_exact(4).zip(expected) {
        assert_eq!(model.margin(row), expected, "{row:?}");
    }
}

#[test]
fn contributions_add_up_to_the_score_and_equal_the_trainers() {
    let (values, fraud) = example(3000);
    let samples = samples(&values, &fraud);
    let columns = Columns::gather(&samples);
    let all: Vec<usize> = (0..fraud.len()).collect();
    let booster = grow(&columns, &all, &fraud, &small()).unwrap();
    let data = columns.pick(&all);
    let matrix = forust_ml::Matrix::new(&data, fraud.len(), columns.names.len());
    let method = forust_ml::gradientbooster::ContributionsMethod::Weight;
    let expected = booster.predict_contributions(&matrix, method, false);
    let model = fit(&samples, &small()).unwrap();
    for (row, expected) in values.chunks_exact(4).zip(expected.chunks_exact(4)) {
        let mut got = [0.0f32; 4];
        let start = model.contributions(row, &mut got);
        let sum: f64 = start + got.iter().map(|v| f64::from(*v)).sum::<f64>();
        assert!((sum - model.margin(row)).abs() < 1e-4);
        assert!(
            got.iter().zip(expected).take(3).all(|(g, e)| (f64::from(*g) - e).abs() < 1e-4),
            "{got:?} {expected:?}"
        );
        assert_eq!(got[3], 0.0);
    }
}

#[test]
fn a_feature_that_never_differs_is_left_out() {
    assert!(model().features().all(|name| name != "constant"));
    let (values, fraud) =
        (vec![1.0; 400], vec![true; 100].into_iter().chain(vec![false; 300]).collect::<Vec<_>>());
    let samples = Samples { names: &["x"], values: &values, fraud: &fraud, from_ms: 0, until_ms: 0 };
    assert!(matches!(fit(&samples, &small()), Err(FitError::NothingToLearn)));
}

#[test]
fn too_few_frauds_are_refused_with_the_count() {
    let (values, _) = example(200);
    let mut fraud = vec![false; 200];
    fraud[..19].fill(true);
    let error = fit(&samples(&values, &fraud), &small()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "only 19 frauds in the training period; at least 20 are needed: choose a longer period"
    );
    fraud[19] = true;
    assert!(fit(&samples(&values, &fraud), &small()).is_ok());
}

#[test]
fn probabilities_are_calibrated() {
    let (values, fraud) = example(20_000);
    let (train, test) = (10_000, 10_000..20_000);
    let model = fit(&samples(&values[..train * 4], &fraud[..train]), &small()).unwrap();
    let rows: Vec<(f32, bool)> =
        test.map(|row| (model.probability(&values[row * 4..row * 4 + 4]), fraud[row])).collect();
    for (low, high) in [(0.0, 0.1), (0.1, 1.0)] {
        let inside: Vec<_> = rows.iter().filter(|(p, _)| (low..high).contains(p)).collect();
        let said: f32 = inside.iter().map(|(p, _)| p).sum::<f32>() / inside.len() as f32;
        let was = inside.iter().filter(|(_, fraud)| *fraud).count() as f32 / inside.len() as f32;
        assert!((said - was).abs() < 0.03, "said {said}, was {was} in {low}–{high} of {}", inside.len());
    }
}

#[test]
fn platt_finds_the_curve_the_labels_were_drawn_from() {
    let dice = Dice::predictable_for_tests(5);
    let margins: Vec<f64> = (0..20_000).map(|n| f64::from(n) / 2500.0 - 4.0).collect();
    let truth = Calibration { slope: 0.7, offset: -1.0 };
    let labels: Vec<bool> =
        margins.iter().map(|m| (dice.below(1 << 24) as f32 / 16_777_216.0) < truth.probability(*m)).collect();
    let found = Calibration::fit(&margins, &labels);
    assert!((found.slope - 0.7).abs() < 0.05 && (found.offset + 1.0).abs() < 0.08, "{found:?}");
    assert_eq!(Calibration::fit(&margins, &vec![false; 20_000]), Calibration::NONE);
    let turned: Vec<f64> = margins.iter().map(|m| -m).collect();
    assert_eq!(Calibration::fit(&turned, &labels), Calibration::NONE);
}

#[test]
fn a_saved_model_loads_as_the_same_model() {
    let model = model();
    let file = model.save();
    let loaded = Model::load_for(&file, &NAMES).unwrap();
    assert_eq!(loaded.version(), model.version());
    assert_eq!(loaded.version_text().len(), 16);
    assert_eq!(loaded.save(), file);
    assert_eq!((loaded.trees(), loaded.trained()), (21, model.trained()));
    // A program that computes the features in another order reads the same.
    let other = Model::load_for(&file, &["ratio", "new", "amount", "night"]).unwrap();
    for row in example(100).0.chunks_exact(4) {
        assert_eq!(loaded.margin(row), model.margin(row));
        assert_eq!(other.margin(&[row[2], 9.0, row[0], row[1]]), model.margin(row));
    }
}

#[test]
fn a_short_or_infinite_row_is_scored_as_missing_or_large() {
    let model = model();
    assert_eq!(model.margin(&[]), model.margin(&[f32::NAN; 4]));
    assert!(model.probability(&[f32::INFINITY, 0.0, f32::NEG_INFINITY, 0.0]).is_finite());
}

#[test]
fn features_the_program_lacks_are_named() {
    let error = Model::load_for(&model().save(), &["amount", "night"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "model reads the feature `ratio`, which this program does not compute; train it again with this program"
    );
}

#[test]
fn files_cut_anywhere_are_refused() {
    let file = model().save();
    for length in (0..file.len()).step_by(7).chain([file.len() - 1]) {
        let error = Model::load_for(&file[..length], &NAMES).unwrap_err();
        let fits = matches!(error, LoadError::Truncated(..) | LoadError::NotAModel);
        assert!(fits, "{length}: {error}");
    }
    let longer = [file.as_slice(), b"x"].concat();
    assert!(Model::load_for(&longer, &NAMES).is_err());
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let file = model().save();
    for at in (0..file.len()).step_by(5) {
        let mut bad = file.clone();
        bad[at] ^= 0x10;
        assert!(Model::load_for(&bad, &NAMES).is_err(), "byte {at}");
    }
}

#[test]
fn foreign_and_newer_files_say_so() {
    assert_eq!(Model::load_for(b"", &NAMES).unwrap_err(), LoadError::NotAModel);
    assert_eq!(Model::load_for(b"id,time,amount\n", &NAMES).unwrap_err(), LoadError::NotAModel);
    let mut newer = model().save();
    newer[8] = 2;
    assert_eq!(
        Model::load_for(&newer, &NAMES).unwrap_err().to_string(),
        "model file has format 2 and this program reads 1; use a newer program or train again"
    );
}

/// A file with a right check sum.
fn sealed(body: &[u8]) -> Vec<u8> {
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    [body, sum.as_ref()].concat()
}

/// A file of trees given as `(threshold, left, feature and flags, value)` nodes.
fn handmade(trees: &[Vec<(f32, u16, u16, f32)>]) -> Vec<u8> {
    let mut body = b"TILLWARD\x01\0\0\0\x01\0\x01x".to_vec();
    body.extend([0u8; 8]);
    body.extend(1f64.to_le_bytes());
    body.extend([0u8; 8 + 32]);
    body.extend((trees.len() as u32).to_le_bytes());
    for tree in trees {
        body.extend((tree.len() as u16).to_le_bytes());
        for (threshold, left, feature, value) in tree {
            body.extend(threshold.to_le_bytes());
            body.extend(left.to_le_bytes());
            body.extend(feature.to_le_bytes());
            body.extend(value.to_le_bytes());
        }
    }
    sealed(&body)
}

fn leaf(own: u16, value: f32) -> (f32, u16, u16, f32) {
    (0.0, own, LEAF, value)
}

#[test]
fn trees_that_would_not_end_or_read_outside_are_refused() {
    let load = |nodes: Vec<_>| Model::load_for(&handmade(&[nodes]), &["x"]);
    let good = load(vec![(5.0, 1, 0, 0.0), leaf(1, -1.0), leaf(2, 2.0)]).unwrap();
    assert_eq!((good.margin(&[4.9]), good.margin(&[5.0]), good.margin(&[f32::NAN])), (-1.0, 2.0, -1.0));
    for (nodes, why) in [
        (vec![(5.0, 0, 0, 0.0), leaf(1, 0.0), leaf(2, 0.0)], "points at itself"),
        (vec![(5.0, 2, 0, 0.0), leaf(1, 0.0), leaf(2, 0.0)], "right child outside"),
        (vec![(5.0, 900, 0, 0.0), leaf(1, 0.0), leaf(2, 0.0)], "outside"),
        (vec![(5.0, 1, 1, 0.0), leaf(1, 0.0), leaf(2, 0.0)], "unnamed feature"),
        (vec![(5.0, 1, 0x2000, 0.0), leaf(1, 0.0), leaf(2, 0.0)], "unknown flag"),
        (vec![(f32::NAN, 1, 0, 0.0), leaf(1, 0.0), leaf(2, 0.0)], "threshold"),
        (vec![leaf(0, f32::INFINITY)], "infinite value"),
        (vec![leaf(0, 1000.1)], "value past the limit"),
        (vec![leaf(1, 0.0), leaf(1, 0.0)], "leaf that points on"),
        (vec![], "no nodes"),
    ] {
        assert!(load(nodes).is_err(), "{why}");
    }
    assert!(load(vec![leaf(0, 1000.0)]).is_ok());
}

#[test]
fn limits_hold_on_both_sides() {
    let trees = |count| Model::load_for(&handmade(&vec![vec![leaf(0, 0.1)]; count]), &["x"]);
    assert!(trees(limits::TREES_MAX).is_ok());
    assert_eq!(
        trees(limits::TREES_MAX + 1).unwrap_err().to_string(),
        "model file has 2001 trees; at most 2000 are read"
    );
    // Each split's left child is a leaf, its right child the next split.
    let chain = |depth: u16| {
        let mut nodes = vec![(1.0, 1, 0, 0.0)];
        for level in 1..=depth {
            let left = 2 * level - 1;
            nodes.push(leaf(left, 0.0));
            nodes.push(if level == depth { leaf(left + 1, 0.0) } else { (1.0, left + 2, 0, 0.0) });
        }
        Model::load_for(&handmade(&[nodes]), &["x"])
    };
    assert!(chain(32).is_ok(), "{:?}", chain(32).err());
    assert!(matches!(chain(33), Err(LoadError::Limit { what: "levels in a tree", .. })));
    let huge = vec![0u8; limits::FILE_BYTES_MAX + 1];
    assert_eq!(Model::load_for(&huge, &NAMES).unwrap_err(), LoadError::TooLarge(limits::FILE_BYTES_MAX + 1));
    assert_eq!(Model::load_for(&huge[1..], &NAMES).unwrap_err(), LoadError::NotAModel);
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..200) {
        let _ = Model::load_for(&body, &NAMES);
        let mut file = handmade(&[vec![(5.0, 1, MISSING_RIGHT, 0.0), leaf(1, -1.0), leaf(2, 2.0)]]);
        let at = cut.min(file.len() - 33);
        let end = file.len() - 32;
        for (slot, byte) in file[at..end].iter_mut().zip(&body) {
            *slot = *byte;
        }
        if let Ok(model) = Model::load_for(&sealed(&file[..end]), &["x"]) {
            assert!(!model.margin(&[1.0]).is_nan());
        }
    }

    #[test]
    fn a_rounded_up_threshold_splits_the_same(value in any::<f32>(), threshold in -1e30f64..1e30) {
        prop_assume!(!value.is_nan());
        prop_assert_eq!(f64::from(value) < threshold, value < ceil_f32(threshold));
    }
}
