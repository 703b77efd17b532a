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

use risk::Scorer;
use risk::features::{Features, INPUTS, Slot};
use risk::model::Model;

mod forest;

use forest::ROWS;

const BATCHES: usize = 201;

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
    let (model, values) = forest::grow();
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
