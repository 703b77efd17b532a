//! What serving a model costs: `cargo bench -p risk --bench model`.
//!
//! A model of 100 trees of depth 6 with all their leaves, on rows that differ, so that neither branches nor caches
//! learn one row by heart. Prints medians in nanoseconds; no assertion: the figures go into `docs/performance.md`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::hint::black_box;
use std::time::Instant;

use base::Dice;
use risk::Scorer;
use risk::features::{Features, INPUTS, Slot, input_names};
use risk::model::{Model, Recipe, Samples, fit};

const BATCHES: usize = 201;
const ROWS: usize = 20_000;
/// Slots that are known, as of a file with payer and terminal.
const KNOWN: usize = 120;

fn median(mut work: impl FnMut(usize)) -> f64 {
    let mut times: Vec<f64> = (0..BATCHES)
        .map(|batch| {
            let started = Instant::now();
            (0..1_000).for_each(|call| work((batch * 1_000 + call) % ROWS));
            started.elapsed().as_nanos() as f64 / 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[BATCHES / 2]
}

fn main() {
    let dice = Dice::predictable_for_tests(3);
    let names: Vec<&str> = input_names().collect();
    let mut values = vec![f32::NAN; ROWS * INPUTS];
    let mut fraud = Vec::with_capacity(ROWS);
    for row in values.chunks_exact_mut(INPUTS) {
        for value in row.iter_mut().take(KNOWN).filter(|_| dice.below(10) > 0) {
            *value = dice.below(100_000) as f32 / 100.0;
        }
        let signs = row[0].max(0.0) + row[40].max(0.0) + row[90].max(0.0);
        fraud.push(signs + dice.below(900) as f32 > 2_600.0);
    }
    let samples = Samples { names: &names, values: &values, fraud: &fraud, from_ms: 0, until_ms: 1 };
    let recipe = Recipe { trees: 100, depth: 6, leaves: 64, leaf_weight_min: 0.01, ..Recipe::default() };
    let model = fit(&samples, &recipe).expect("a model");
    let file = model.save();
    let rows: Vec<Features> = values
        .chunks_exact(INPUTS)
        .map(|row| {
            let mut features = Features::UNKNOWN;
            for (slot, value) in Slot::all().zip(row) {
                features.set(slot, f64::from(*value));
            }
            features
        })
        .collect();
    println!("{} trees, {} features read, {} bytes", model.trees(), model.features().count(), file.len());
    let served: &dyn Scorer = &model;
    println!(
        "probability  {:>7.0} ns",
        median(|row| _ = black_box(served.probability(black_box(&rows[row]))))
    );
    println!("causes       {:>7.0} ns", median(|row| _ = black_box(served.causes(black_box(&rows[row])))));
    let mut times: Vec<u128> = (0..21)
        .map(|_| {
            let started = Instant::now();
            let _ = black_box(Model::load(black_box(&file)));
            started.elapsed().as_micros()
        })
        .collect();
    times.sort_unstable();
    println!("load         {:>7} us", times[10]);
}
