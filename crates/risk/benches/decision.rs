//! What one decision costs in process, each part alone and all together: `cargo bench -p risk`.
//!
//! Prints the median over many batches in nanoseconds. No assertion: the figures go into `docs/performance.md`.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::hint::black_box;
use std::time::Instant;

use base::{Currency, Money, Timestamp};
use risk::rules::{Bilingual, RuleText};
use risk::{
    Attempt, CodeKind, Costs, Entity, Facts, Key, Place, Profile, Profiles, RuleSet, Scorer, Word, decide,
    features, observe,
};

mod forest;

const BATCHES: usize = 401;
const START: i64 = 1_772_000_000;

/// Median nanoseconds of one call, over batches of `calls`.
fn median(calls: u32, mut work: impl FnMut(u32)) -> f64 {
    let mut times: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let started = Instant::now();
            (0..calls).for_each(&mut work);
            started.elapsed().as_nanos() as f64 / f64::from(calls)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[BATCHES / 2]
}

fn attempt(at: i64, step: u64) -> Facts {
    let amount = 900 + (step * 7_919 % 40_000) as i64;
    let mut facts = Facts::new(Timestamp(at * 1000), Money::new(amount, Currency::CNY));
    let keys = [1, 2, 3, 4, 100 + step % 11, 6];
    for (entity, key) in Entity::ALL.into_iter().zip(keys) {
        facts.set(entity, Some(Key(key)));
    }
    facts.hour = Some((at / 3_600 % 24) as u8);
    facts.weekday = Some(3);
    facts.method = Word::parse("balance");
    facts.code = Some(CodeKind::Static);
    facts.payer_place = Place::new(31.23, 121.47);
    facts.code_place = Place::new(31.24, 121.47);
    facts.payer_account_days = Some(200.0);
    facts.device_age_days = Some(90.0);
    facts.failed_pins = Some(0);
    facts.balance_minor = Some(500_000);
    facts
}

/// Profiles after `payments` payments, `gap` seconds apart.
fn warm(payments: u64, gap: i64) -> (Profiles, Facts) {
    let mut profiles = Profiles::default();
    for step in 0..payments {
        observe(&attempt(START + step as i64 * gap, step), &mut profiles, Attempt::Paid);
    }
    (profiles, attempt(START + payments as i64 * gap, payments))
}

/// A set of `count` rules: the starter set, cut or filled up with variants of plain velocity rules.
fn rules(count: usize) -> RuleSet {
    let both = || Bilingual { en: "Please confirm.".to_owned(), zh: "请确认。".to_owned() };
    let starter = RuleSet::starter();
    let mut sources: Vec<String> = starter.rules().iter().map(|rule| rule.source().to_owned()).collect();
    for step in sources.len()..count {
        sources.push(format!("payer.count_1h >= {} && payer.ratio >= 3.0 && payment.amount >= 100.0", step));
    }
    sources.truncate(count);
    let texts: Vec<RuleText> = sources
        .into_iter()
        .enumerate()
        .map(|(index, when)| RuleText {
            name: format!("rule_{index}"),
            when,
            outcome: "challenge".to_owned(),
            priority: 0,
            analyst: both(),
            seller: both(),
            buyer: both(),
        })
        .collect();
    RuleSet::new(1, &texts).expect("rules of the bench compile")
}

fn print(what: &str, nanoseconds: f64) {
    println!("{what:<58} {nanoseconds:>9.0} ns");
}

fn main() {
    let (twenty, fifty, costs) = (rules(20), rules(50), Costs::default());
    let (model, _) = forest::grow();
    let model: &dyn Scorer = &model;
    println!("a model of 100 trees of depth 6");
    for (label, payments, gap) in [("a party a day", 40, 60_000), ("parties with full logs", 5_000, 600)] {
        let (mut profiles, facts) = warm(payments, gap);
        println!("-- {label}: {payments} payments, {gap} s apart");
        let row = features(&facts, &profiles);
        print("20 rules", median(2_000, |_| _ = black_box(twenty.firing(black_box(&row)).count())));
        print("50 rules", median(2_000, |_| _ = black_box(fifty.firing(black_box(&row)).count())));
        print(
            "features of six parties",
            median(500, |_| _ = black_box(features(black_box(&facts), &profiles))),
        );
        let decision = decide(&facts, &profiles, &twenty, None, &costs);
        let bytes = decision.to_bytes();
        print(
            "decision: features and 20 rules, profiles in memory",
            median(500, |_| drop(black_box(decide(black_box(&facts), &profiles, &twenty, None, &costs)))),
        );
        print("the model on that row", median(500, |_| _ = black_box(model.probability(black_box(&row)))));
        let both = || decide(black_box(&facts), &profiles, &twenty, Some(model), &costs);
        print("decision: features, 20 rules and the model", median(500, |_| drop(black_box(both()))));
        assert!(both().score.is_some(), "the model was asked");
        print("decision encoded", median(500, |_| drop(black_box(decision.to_bytes()))));
        println!("{:<58} {:>9} bytes", "decision stored", bytes.len());
        let payer = profiles.get(Entity::Payer).cloned().unwrap_or_default();
        let stored = payer.to_bytes();
        println!("{:<58} {:>9} bytes", "payer's profile stored", stored.len());
        print("profile encoded", median(1_000, |_| drop(black_box(payer.to_bytes()))));
        print("profile read", median(1_000, |_| drop(black_box(Profile::from_bytes(black_box(&stored))))));
        let mut at = START + payments as i64 * gap;
        print(
            "six profiles updated",
            median(500, |step| {
                at += gap;
                observe(&attempt(at, u64::from(step)), &mut profiles, Attempt::Paid);
            }),
        );
    }
}
