//! A model to have in force: grown at the start from made-up payments that look like the bench's own.
//!
//! What it says does not matter here, what it costs does: 100 trees over the same features as any other model.

use base::{Currency, Dice, Money, Timestamp};
use risk::features::{INPUTS, input_names};
use risk::model::{Model, Recipe, Samples, fit};
use risk::{Attempt, CodeKind, Entity, Facts, Key, Profile, Profiles, Word, features, observe};

/// Trees of the model.
pub(super) const TREES: usize = 100;
const PAYMENTS: u64 = 6_000;
const PAYERS: u64 = 200;
const SHOPS: u64 = 20;
/// One payment in this many is a fraud.
const FRAUD_EVERY: u64 = 40;
const START_MS: i64 = 1_772_000_000_000;
const STEP_MS: i64 = 10;

/// Grows the model.
pub(super) fn train() -> Result<Model, String> {
    let dice = Dice::predictable_for_tests(11);
    let mut parties = vec![Profiles::default(); usize::try_from(PAYERS).unwrap_or_default()];
    let mut shops: Vec<Option<Profile>> = vec![None; usize::try_from(SHOPS).unwrap_or_default()];
    let (mut values, mut fraud) = (Vec::new(), Vec::new());
    for number in 0..PAYMENTS {
        let bad = dice.below(FRAUD_EVERY) == 0;
        let (payer, shop) = (dice.below(PAYERS), dice.below(SHOPS));
        let facts = attempt(&dice, number, payer, shop, bad);
        let index = |n: u64| usize::try_from(n).unwrap_or_default();
        let (Some(own), Some(of_shop)) = (parties.get_mut(index(payer)), shops.get_mut(index(shop))) else {
            continue;
        };
        own.set(Entity::Shop, of_shop.take());
        values.extend(features(&facts, own).inputs());
        fraud.push(bad);
        observe(&facts, own, Attempt::Paid);
        *of_shop = own.get(Entity::Shop).cloned();
    }
    let names: Vec<&str> = input_names().collect();
    debug_assert_eq!(names.len(), INPUTS);
    let until_ms = START_MS + STEP_MS * i64::try_from(PAYMENTS).unwrap_or_default();
    let samples = Samples { names: &names, values: &values, fraud: &fraud, from_ms: START_MS, until_ms };
    fit(&samples, &Recipe { trees: TREES, ..Recipe::default() })
        .map_err(|e| format!("cannot train the model: {e}"))
}

fn attempt(dice: &Dice, number: u64, payer: u64, shop: u64, bad: bool) -> Facts {
    // Wider than what the bench pays, so that nothing it pays lies at the edge of what the model knows.
    let span = i64::try_from(dice.below(12_000)).unwrap_or_default();
    let amount = if bad { 200_000 + 100 * span } else { 600 + span };
    let at = Timestamp(START_MS + STEP_MS * i64::try_from(number).unwrap_or_default());
    let device = if bad { 900_000 + number } else { payer };
    let mut facts = Facts::new(at, Money::new(amount, Currency::CNY))
        .with(Entity::Payer, Key(1_000 + payer))
        .with(Entity::Device, Key(2_000 + device))
        .with(Entity::Address, Key(3_000 + device))
        .with(Entity::Shop, Key(4_000 + shop));
    facts.hour = Some(u8::try_from(dice.below(24)).unwrap_or_default());
    facts.weekday = Some(1 + u8::try_from(dice.below(7)).unwrap_or_default());
    facts.method = Word::parse("balance");
    facts.code = Some(CodeKind::Dynamic);
    facts.code_age_minutes = Some(0.001);
    facts.shop_country = Word::parse("CN");
    facts.balance_minor = Some(1_000_000_000 - span);
    facts
}
