//! Labels against a list of payments that is counted anew each time, in random order: said, said otherwise, taken back.

use base::{Currency, Money, Timestamp};
use proptest::prelude::*;
use risk::window::{DAY, ENTRIES_EXACT_MAX, LABEL_DELAY};
use risk::{Attempt, Change, Entity, Facts, Key, Label, Labels, Profile, Profiles, observe};

const START: u32 = 1_772_000_000;

fn time(seconds: u32) -> Timestamp {
    Timestamp(i64::from(seconds) * 1000)
}

/// One attempt of a party, as a list remembers it.
#[derive(Clone, Copy, Debug)]
struct Listed {
    at: u32,
    paid: bool,
    label: Option<Label>,
}

fn observed(profiles: &mut Profiles, at: u32, paid: bool) {
    let facts = Facts::new(time(at), Money::new(500, Currency::CNY)).with(Entity::Payer, Key(1));
    observe(&facts, profiles, if paid { Attempt::Paid } else { Attempt::Declined });
}

/// What a label is changed to: the one before is lifted, the new one set, as the live path does it.
fn relabel(profile: &mut Profile, of: &mut Listed, label: Option<Label>) {
    if let Some(old) = of.label {
        profile.label(time(of.at), old, of.paid, Change::Lift);
    }
    if let Some(new) = label {
        profile.label(time(of.at), new, of.paid, Change::Set);
    }
    of.label = label;
}

/// Counted from the list alone: in the order paid, known genuine and known frauds.
fn counted(list: &[Listed], now: u32) -> Labels {
    let mut labels = Labels::default();
    for one in list {
        let vouched = one.label == Some(Label::Genuine);
        if one.label == Some(Label::Fraud) {
            labels.frauds += 1;
            if labels.genuine_since > 0 || labels.run_length == 0 {
                (labels.run_start, labels.run_length) = (one.at, 0);
            }
            labels.run_length += 1;
            (labels.genuine_since, labels.last_fraud) = (0, one.at);
        } else if one.paid && (vouched || now - one.at >= LABEL_DELAY) {
            labels.genuine_since += 1;
            labels.last_genuine = one.at;
        }
    }
    labels
}

fn a_label() -> impl Strategy<Value = Option<Label>> {
    prop_oneof![Just(None), Just(Some(Label::Fraud)), Just(Some(Label::Genuine))]
}

/// Seconds to wait, whether something is paid then, and what is said of which earlier one.
type Step = (u32, bool, Option<(prop::sample::Index, Option<Label>)>);

fn steps(gap: std::ops::Range<u32>, most: usize) -> impl Strategy<Value = Vec<Step>> {
    let said = prop::option::of((any::<prop::sample::Index>(), a_label()));
    prop::collection::vec((gap, prop::bool::weighted(0.8), said), 1..most)
}

proptest! {
    #[test]
    fn c16_labels_are_what_a_count_over_all_payments_finds(
        steps in steps(61..3 * DAY, ENTRIES_EXACT_MAX),
        wait in 0u32..20 * DAY,
    ) {
        let (mut profiles, mut list, mut now) = (Profiles::default(), Vec::new(), START);
        for (gap, paid, said) in steps {
            now += gap;
            observed(&mut profiles, now, paid);
            list.push(Listed { at: now, paid, label: None });
            let profile = profiles.get_mut(Entity::Payer).unwrap();
            if let Some((which, label)) = said {
                let which = which.index(list.len());
                relabel(profile, &mut list[which], label);
            }
            prop_assert_eq!(profile.labels(time(now)), counted(&list, now));
            let stored = Profile::from_bytes(&profile.to_bytes()).unwrap();
            prop_assert_eq!(stored.labels(time(now + wait)), counted(&list, now + wait));
        }
    }

    #[test]
    fn c16_a_label_taken_back_leaves_a_profile_as_if_it_had_never_been_said(
        steps in steps(0..DAY / 2, 500),
    ) {
        let (mut labelled, mut untouched) = (Profiles::default(), Profiles::default());
        let (mut list, mut now) = (Vec::<Listed>::new(), START);
        for (gap, paid, said) in steps {
            now += gap;
            observed(&mut labelled, now, paid);
            observed(&mut untouched, now, paid);
            list.push(Listed { at: now, paid, label: None });
            let profile = labelled.get_mut(Entity::Payer).unwrap();
            if let Some((which, label)) = said {
                let which = which.index(list.len());
                relabel(profile, &mut list[which], label);
            }
            let frauds = list.iter().filter(|one| one.label == Some(Label::Fraud)).count();
            prop_assert_eq!(profile.labels(time(now)).frauds as usize, frauds);
        }
        let profile = labelled.get_mut(Entity::Payer).unwrap();
        for one in &mut list {
            relabel(profile, one, None);
        }
        let untouched = untouched.get(Entity::Payer).unwrap();
        prop_assert_eq!(profile.labels(time(now)), untouched.labels(time(now)));
        prop_assert_eq!(profile.to_bytes(), untouched.to_bytes());
    }
}

#[test]
fn c16_a_payment_is_genuine_when_the_label_delay_has_passed_and_not_a_second_before() {
    let mut profiles = Profiles::default();
    observed(&mut profiles, START, true);
    observed(&mut profiles, START + 60, false);
    let profile = profiles.get(Entity::Payer).unwrap();
    let genuine = |now: u32| profile.labels(time(now)).genuine_since;
    assert_eq!((genuine(START + LABEL_DELAY - 1), genuine(START + LABEL_DELAY)), (0, 1));
    assert_eq!(genuine(START + 90 * DAY), 1, "what was declined is nobody's payment");
}

#[test]
fn a_profile_of_a_program_that_folded_labels_as_they_came_keeps_its_frauds() {
    let mut profiles = Profiles::default();
    for day in 0..3 {
        observed(&mut profiles, START + day * DAY, true);
    }
    let mut profile = profiles.take(Entity::Payer).unwrap();
    let plain = profile.to_bytes();
    profile.label(time(START + DAY), Label::Fraud, true, Change::Set);
    // As that program wrote it: the labels, of one fraud, stand where there is a zero without any.
    let labelled = profile.to_bytes();
    let zero = plain.iter().zip(&labelled).position(|(a, b)| a != b).unwrap();
    let mut old = labelled[..zero].to_vec();
    old.push(1);
    for value in [1, 0, START + DAY, START + DAY, 0, 1, 0] {
        let mut left = value;
        while left >= 128 {
            old.push((left & 127) as u8 | 128);
            left >>= 7;
        }
        old.push(left as u8);
    }
    // After the labels as they are written now: a two and ten numbers of which one is not zero.
    old.extend(&labelled[zero + 11..]);
    let read = Profile::from_bytes(&old).unwrap();
    let now = time(START + 30 * DAY);
    assert_eq!((read.labels(now), &read), (profile.labels(now), &profile));
    assert_eq!((read.labels(now).frauds, read.labels(now).genuine_since), (1, 1));
}
