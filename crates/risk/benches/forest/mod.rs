//! A model for the benches: 100 trees of depth 6 with all their leaves, fitted to rows that differ.

use base::Dice;
use risk::features::{INPUTS, input_names};
use risk::model::{Model, Recipe, Samples, fit};

/// Rows it is fitted to.
pub const ROWS: usize = 20_000;
/// Slots that are known, as of a file with payer and terminal.
const KNOWN: usize = 120;

/// The model, and the rows.
pub fn grow() -> (Model, Vec<f32>) {
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
    (fit(&samples, &recipe).expect("a model"), values)
}
