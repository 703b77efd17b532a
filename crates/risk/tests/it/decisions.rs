//! Decisions: how rules and model are weighed, what is stored, and whole scenarios through the profiles.

use base::{Currency, Money, Timestamp};
use proptest::prelude::*;
use risk::decide::{DECISION_BYTES_MAX, DecisionError, MODEL_RULE};
use risk::features::{INPUTS, SLOTS};
use risk::rules::{Bilingual, RuleText};
use risk::{
    Attempt, Audience, CodeKind, Costs, Decision, Entity, Facts, Features, Key, Lang, Modes, Outcome, Place,
    Profiles, RuleSet, Scorer, Slot, decide, decide_under, explain, judge, observe,
};

const START: i64 = 1_772_000_000;

/// A model that always says the same.
struct Fixed(f32);

impl Scorer for Fixed {
    fn probability(&self, _row: &Features) -> f32 {
        self.0
    }

    fn version(&self) -> u64 {
        42
    }

    fn causes(&self, _row: &Features) -> Vec<(Slot, f32)> {
        vec![(Slot::named("payment.amount").unwrap(), 1.25)]
    }
}

fn text(name: &str, outcome: &str, priority: i32) -> RuleText {
    let both = || Bilingual { en: "Please confirm.".to_owned(), zh: "请确认。".to_owned() };
    RuleText {
        name: name.to_owned(),
        when: "payment.amount > 1.0".to_owned(),
        outcome: outcome.to_owned(),
        priority,
        analyst: both(),
        seller: both(),
        buyer: both(),
    }
}

fn outcome_of(rules: &[RuleText], model: Option<&dyn Scorer>) -> Decision {
    let rules = RuleSet::new(3, rules).unwrap();
    let facts = Facts::new(Timestamp(START * 1000), Money::new(100_000, Currency::CNY));
    decide(&facts, &Profiles::default(), &rules, model, &Costs::default())
}

#[test]
fn the_strictest_proposal_counts_and_comes_first() {
    let decision = outcome_of(&[text("a", "challenge", 5), text("b", "review", 1)], None);
    assert_eq!(decision.outcome, Outcome::Review);
    let order: Vec<&str> = decision.reasons.iter().map(|reason| &*reason.rule).collect();
    assert_eq!(order, ["b", "a"]);
    assert_eq!((decision.rule_set_version, decision.model_version, decision.score), (3, 0, None));
    assert_eq!(outcome_of(&[], None).outcome, Outcome::Allow);
}

#[test]
fn an_allow_rule_overrules_lower_priorities_and_the_model_only() {
    let trusted = outcome_of(&[text("trust", "allow", 5), text("low", "block", 4)], Some(&Fixed(0.99)));
    assert_eq!(trusted.outcome, Outcome::Allow);
    assert!(trusted.reasons.iter().filter(|reason| reason.overruled).count() == 2);
    let higher = outcome_of(&[text("trust", "allow", 5), text("high", "block", 6)], None);
    assert_eq!(higher.outcome, Outcome::Block);
    let equal = outcome_of(&[text("trust", "allow", 5), text("same", "block", 5)], None);
    assert_eq!(equal.outcome, Outcome::Block);
}

#[test]
fn a_watched_rule_is_noted_and_changes_nothing_and_one_that_is_off_is_not_noted() {
    let texts = [
        text("trust", "allow", 9),
        text("stop", "block", 5),
        text("look", "review", 4),
        text("ask", "challenge", 3),
    ];
    let rules = RuleSet::new(3, &texts).unwrap();
    let facts = Facts::new(Timestamp(START * 1000), Money::new(100_000, Currency::CNY));
    let under = |modes: &str| {
        let modes = Modes::from_text(modes).unwrap();
        decide_under(&facts, &Profiles::default(), (&rules, &modes), None, &Costs::default())
    };
    let noted = |decision: &Decision| -> Vec<(String, bool)> {
        decision.reasons.iter().map(|reason| (reason.rule.to_string(), reason.watched)).collect()
    };
    assert_eq!(under("").outcome, Outcome::Allow);
    let strict = under("trust=watch");
    assert_eq!((strict.outcome, noted(&strict).last()), (Outcome::Block, Some(&("trust".to_owned(), true))));
    assert!(strict.reasons.iter().all(|reason| !reason.overruled), "a watched trust overrules nobody");
    let mild = under("trust=off stop=watch look=off");
    assert_eq!(mild.outcome, Outcome::Challenge);
    assert_eq!(noted(&mild), [("ask".to_owned(), false), ("stop".to_owned(), true)]);
    assert_eq!(Decision::from_bytes(&mild.to_bytes()).as_ref(), Ok(&mild));
    for audience in [Audience::Analyst, Audience::Seller, Audience::Buyer] {
        assert_eq!(explain(&mild, &rules, audience, Lang::En), ["Please confirm."]);
    }
    assert_eq!(risk::explain_watched(&mild, &rules, Lang::En), ["Please confirm."]);
    assert_eq!(under("trust=off stop=off look=off ask=off").reasons, []);
}

#[test]
fn the_model_proposes_what_costs_least() {
    let costs = Costs::default();
    assert_eq!(costs.cheapest(100_000, 0.0001), Outcome::Allow);
    assert_eq!(costs.cheapest(100_000, 0.005), Outcome::Challenge);
    assert_eq!(costs.cheapest(10_000_000, 0.05), Outcome::Review);
    assert_eq!(costs.cheapest(100_000, 0.97), Outcome::Block);
    let plain = Costs { challenge_minor: 1e12, review_minor: 1e12, ..costs };
    // Block exactly when p × loss > (1 - p) × cost of blocking: 1,015 p > 230 (1 - p), p > 0.1847.
    assert_eq!(
        (plain.cheapest(100_000, 0.184), plain.cheapest(100_000, 0.186)),
        (Outcome::Allow, Outcome::Block)
    );
    let decision = outcome_of(&[], Some(&Fixed(0.97)));
    assert_eq!((decision.outcome, &*decision.reasons[0].rule), (Outcome::Block, MODEL_RULE));
    assert_eq!((decision.score, decision.model_version), (Some(0.97), 42));
}

#[test]
fn the_model_is_explained_to_each_reader() {
    let decision = outcome_of(&[], Some(&Fixed(0.97)));
    let say = |audience, lang| explain(&decision, &RuleSet::default(), audience, lang).join("|");
    assert_eq!(
        say(Audience::Analyst, Lang::En),
        "The model estimates 97 % probability of fraud; mostly by payment.amount = ¥1,000.00 (+1.25)"
    );
    assert_eq!(say(Audience::Buyer, Lang::Zh), "这笔付款未能完成，未扣款。");
    assert!(say(Audience::Seller, Lang::En).contains("97 %"));
}

#[test]
fn a_stored_decision_is_explained_and_replayed_years_later() {
    let rules = RuleSet::starter();
    let mut profiles = Profiles::default();
    let mut last = None;
    for step in 0..8 {
        let facts = payment(START + step * 30, 100, 1, 1, 1);
        let decision = decide(&facts, &profiles, &rules, None, &Costs::default());
        observe(&facts, &mut profiles, Attempt::Paid);
        last = Some(decision);
    }
    let decision = last.unwrap();
    assert_eq!(decision.outcome, Outcome::Challenge);
    let read = Decision::from_bytes(&decision.to_bytes()).unwrap();
    assert_eq!(read, decision);
    let replayed = judge(read.features.clone(), &rules, None, &Costs::default());
    assert_eq!(replayed, decision);
    let said = explain(&read, &rules, Audience::Analyst, Lang::En);
    assert!(said[0].starts_with("8 payments in 10 minutes"), "{said:?}");
    let gone = explain(&read, &RuleSet::default(), Audience::Analyst, Lang::En);
    assert_eq!(gone[0], "rule `payer_burst` of rule set 1 fired");
}

fn payment(at: i64, amount: i64, payer: u64, device: u64, shop: u64) -> Facts {
    Facts::new(Timestamp(at * 1000), Money::new(amount, Currency::CNY))
        .with(Entity::Payer, Key(payer))
        .with(Entity::Device, Key(device))
        .with(Entity::Shop, Key(shop))
}

/// Plays payments through decisions and profiles; each party has its own memory.
struct World {
    rules: RuleSet,
    memory: std::collections::HashMap<(Entity, Key), risk::Profile>,
}

impl World {
    fn new() -> World {
        World { rules: RuleSet::starter(), memory: Default::default() }
    }

    fn pay(&mut self, facts: &Facts, forced: Option<Attempt>) -> Decision {
        let mut profiles = Profiles::default();
        for entity in Entity::ALL {
            let known = facts.key(entity).and_then(|key| self.memory.remove(&(entity, key)));
            profiles.set(entity, known);
        }
        let decision = decide(facts, &profiles, &self.rules, None, &Costs::default());
        let attempt = forced.unwrap_or(match decision.outcome {
            Outcome::Allow => Attempt::Paid,
            Outcome::Block => Attempt::Declined,
            Outcome::Challenge | Outcome::Review => Attempt::Paused,
        });
        observe(facts, &mut profiles, attempt);
        for entity in Entity::ALL {
            if let Some((key, profile)) = facts.key(entity).zip(profiles.take(entity)) {
                self.memory.insert((entity, key), profile);
            }
        }
        decision
    }
}

#[test]
fn a_month_of_ordinary_shopping_is_left_alone() {
    let mut world = World::new();
    for step in 0..600i64 {
        let (buyer, shop) = (step as u64 * 7 % 20, step as u64 * 13 % 9);
        let amount = 500 + step * 7_919 % 20_000;
        let mut facts = payment(START + step * 4_320, amount, buyer, 1_000 + buyer, 5_000 + shop)
            .with(Entity::Address, Key(9_000 + buyer / 3));
        facts.hour = Some((step * 4_320 / 3_600 % 24) as u8);
        facts.payer_account_days = Some(100.0);
        facts.payer_place = Place::new(31.2 + (step % 7) as f64 / 100.0, 121.4);
        facts.code = Some(CodeKind::Static);
        let decision = world.pay(&facts, None);
        assert_eq!(decision.outcome, Outcome::Allow, "payment {step}: {:?}", decision.reasons);
    }
}

#[test]
fn card_testing_from_one_device_is_stopped_early() {
    let mut world = World::new();
    let stopped = (0..20u64).filter(|step| {
        let facts =
            payment(START + *step as i64 * 20, 100, 50 + step, 1, 1).with(Entity::Card, Key(900 + step));
        let ends = (step % 2 == 0).then_some(Attempt::Declined);
        world.pay(&facts, ends).outcome == Outcome::Block
    });
    assert!(stopped.count() >= 16);
}

#[test]
fn an_account_taken_over_is_stopped_at_the_drain() {
    let mut world = World::new();
    for day in 0..20i64 {
        let mut facts = payment(START + day * 86_400, 3_000, 1, 10, 1);
        facts.payer_account_days = Some(100.0);
        assert_eq!(world.pay(&facts, None).outcome, Outcome::Allow);
    }
    let mut theft = payment(START + 20 * 86_400, 180_000, 1, 66, 2);
    theft.payer_account_days = Some(120.0);
    theft.credential_changed_hours = Some(0.5);
    theft.balance_minor = Some(190_000);
    assert_eq!(world.pay(&theft, None).outcome, Outcome::Block);
}

#[test]
fn a_copied_code_paid_from_two_cities_is_reviewed() {
    let mut world = World::new();
    let scan = |at, payer, lat, lon| {
        let mut facts = payment(at, 2_000, payer, 100 + payer, 1).with(Entity::Terminal, Key(5));
        (facts.payer_place, facts.code) = (Place::new(lat, lon), Some(CodeKind::Static));
        facts
    };
    assert_eq!(world.pay(&scan(START, 1, 31.23, 121.47), None).outcome, Outcome::Allow);
    assert_eq!(world.pay(&scan(START + 300, 2, 22.54, 114.06), None).outcome, Outcome::Review);
}

proptest! {
    #[test]
    fn a_decision_reads_back_as_it_was_written(
        values in prop::collection::vec(
            (0..SLOTS, prop_oneof![
                Just(f64::NAN), Just(0.0), (-5i64..400).prop_map(|i| i as f64),
                any::<i32>().prop_map(|i| i as f64 * 1e4), any::<f32>().prop_filter("finite", |f| f.is_finite()).prop_map(f64::from),
                -1e9f64..1e9,
            ]), 0..120),
        score in prop::option::of(0f32..=1.0),
    ) {
        let mut row = Box::new(Features::UNKNOWN);
        for (index, value) in values {
            row.set(Slot::at(index).unwrap(), value);
        }
        let fixed = score.map(Fixed);
        let model = fixed.as_ref().map(|model| model as &dyn Scorer);
        let decision = judge(row, &RuleSet::default(), model, &Costs::default());
        let bytes = decision.to_bytes();
        prop_assert!(bytes.len() <= DECISION_BYTES_MAX);
        prop_assert_eq!(Decision::from_bytes(&bytes), Ok(decision));
    }

    #[test]
    fn hostile_bytes_are_no_decision_and_no_panic(
        tail in prop::collection::vec(any::<u8>(), 0..300),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let _ = Decision::from_bytes(&tail);
        let mut bytes = outcome_of(&[text("a", "review", 1)], Some(&Fixed(0.5))).to_bytes();
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        if let Ok(decision) = Decision::from_bytes(&bytes) {
            let _ = explain(&decision, &RuleSet::default(), Audience::Analyst, Lang::Zh);
        }
    }
}

#[test]
fn a_decision_of_another_version_or_layout_is_named() {
    let mut bytes = outcome_of(&[], None).to_bytes();
    assert!(bytes.len() < 140, "an empty row takes {} bytes of {INPUTS} inputs", bytes.len());
    bytes[1] ^= 1;
    assert!(matches!(Decision::from_bytes(&bytes), Err(DecisionError::Layout { .. })));
    bytes[0] = 9;
    assert_eq!(Decision::from_bytes(&bytes), Err(DecisionError::Version(9)));
    assert_eq!(Decision::from_bytes(&[]), Err(DecisionError::Damaged(0)));
}
