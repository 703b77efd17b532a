//! Profiles: what they remember, and their stored form.

use base::{Currency, Money, Timestamp};
use proptest::prelude::*;
use risk::features::{Field, Own};
use risk::profile::{Acquaintance, MET_MAX, PROFILE_BYTES_MAX, ProfileError};
use risk::{
    Attempt, Change, Entity, Facts, Flow, Key, Label, Place, Profile, Profiles, Slot, Word, features, observe,
};

const START: i64 = 1_772_000_000;

fn facts(at: i64, amount: i64) -> Facts {
    Facts::new(Timestamp(at * 1000), Money::new(amount, Currency::CNY))
}

fn all_parties(at: i64, amount: i64, keys: [u64; 6]) -> Facts {
    Entity::ALL
        .into_iter()
        .zip(keys)
        .fold(facts(at, amount), |facts, (entity, key)| facts.with(entity, Key(key)))
}

/// Seconds since the one before, amount, parties, ending, hour, place.
type Step = (u32, i64, [u64; 6], Attempt, Option<u8>, Option<(f64, f64)>);

fn an_attempt() -> impl Strategy<Value = Step> {
    let ending = prop_oneof![
        4 => Just(Attempt::Paid),
        1 => Just(Attempt::Declined),
        1 => Just(Attempt::Paused),
        1 => Just(Attempt::Resumed)
    ];
    let keys = prop::array::uniform6(0u64..30);
    let place = prop::option::of((-90f64..=90.0, -180f64..=180.0));
    (0u32..100_000, 1i64..1_000_000_000, keys, ending, prop::option::of(0u8..24), place)
}

proptest! {
    #[test]
    fn a_profile_reads_back_as_it_was_written(
        attempts in prop::collection::vec(an_attempt(), 0..150),
        labels in prop::collection::vec((0i64..5_000_000, any::<bool>()), 0..10),
        flows in prop::collection::vec((0i64..200_000, 0u64..5, any::<i64>()), 0..40),
    ) {
        let (mut profiles, mut at) = (Profiles::default(), START);
        for (step, amount, keys, ending, hour, place) in attempts {
            at += i64::from(step);
            let mut facts = all_parties(at, amount, keys);
            facts.hour = hour;
            facts.payer_place = place.and_then(|(lat, lon)| Place::new(lat, lon));
            facts.address_country = Word::parse(if amount % 2 == 0 { "SG" } else { "CN" }).filter(|_| amount % 3 > 0);
            observe(&facts, &mut profiles, ending);
        }
        for (after, shop, minor) in flows {
            let flow = if shop == 0 { Flow::TopUp } else { Flow::Refund(Key(shop)) };
            if let Some(payer) = profiles.get_mut(Entity::Payer) {
                payer.add_flow(Timestamp((at + after) * 1000), flow, minor, Currency::CNY);
            }
        }
        for (after, fraud) in labels {
            for entity in Entity::ALL {
                if let Some(profile) = profiles.get_mut(entity) {
                    let label = if fraud { Label::Fraud } else { Label::Genuine };
                    profile.label(Timestamp((START + after) * 1000), label, after % 2 == 0, Change::Set);
                }
            }
        }
        for entity in Entity::ALL {
            let profile = profiles.take(entity).unwrap_or_default();
            let bytes = profile.to_bytes();
            prop_assert!(bytes.len() <= PROFILE_BYTES_MAX);
            prop_assert_eq!(Profile::from_bytes(&bytes), Ok(profile));
        }
    }

    #[test]
    fn hostile_bytes_are_an_error_or_a_profile_and_never_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        versioned in any::<bool>(),
    ) {
        if let Some(first) = bytes.first_mut().filter(|_| versioned) {
            *first = 1 + *first % 2;
        }
        if let Ok(profile) = Profile::from_bytes(&bytes) {
            use_it(profile);
        }
    }

    #[test]
    fn a_damaged_profile_is_an_error_or_a_profile_and_never_a_panic(
        attempts in prop::collection::vec(an_attempt(), 1..60),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (mut profiles, mut at) = (Profiles::default(), START);
        for (step, amount, keys, ending, _, _) in attempts {
            at += i64::from(step);
            observe(&all_parties(at, amount, keys), &mut profiles, ending);
        }
        let mut bytes = profiles.take(Entity::Payer).unwrap().to_bytes();
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(profile) = Profile::from_bytes(&bytes) {
            use_it(profile);
        }
    }
}

/// Whatever was read can be used without a panic.
fn use_it(mut profile: Profile) {
    for change in [Change::Lift, Change::Set, Change::Lift] {
        for at in [0, START, i64::from(u32::MAX)] {
            profile.label(Timestamp(at * 1000), Label::Fraud, true, change);
            profile.label(Timestamp(at * 1000), Label::Fraud, false, change);
            profile.label(Timestamp(at * 1000), Label::Genuine, true, change);
            let _ = profile.labels(Timestamp(START * 1000));
        }
    }
    let mut profiles = Profiles::default();
    for entity in Entity::ALL {
        profiles.set(entity, Some(profile.clone()));
    }
    for at in [0, START, i64::from(u32::MAX), i64::MAX / 1000] {
        let facts = all_parties(at, i64::MAX, [7; 6]);
        let _ = features(&facts, &profiles);
        observe(&facts, &mut profiles, Attempt::Paid);
    }
    for entity in Entity::ALL {
        let _ = profiles.take(entity).map(|profile| profile.to_bytes());
    }
}

#[test]
fn another_version_and_damage_are_told_apart() {
    assert_eq!(Profile::from_bytes(&[]), Err(ProfileError::Damaged(0)));
    assert_eq!(Profile::from_bytes(&[9, 0]), Err(ProfileError::Version(9)));
    let bytes = Profile::default().to_bytes();
    assert_eq!(Profile::from_bytes(&bytes), Ok(Profile::default()));
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(Profile::from_bytes(&longer), Err(ProfileError::Damaged(longer.len())));
    longer.resize(PROFILE_BYTES_MAX + 1, 0);
    assert_eq!(Profile::from_bytes(&longer), Err(ProfileError::Damaged(PROFILE_BYTES_MAX + 1)));
}

#[test]
fn what_is_written_without_a_country_or_flows_is_what_was_always_written() {
    let mut profiles = Profiles::default();
    observe(&all_parties(START, 5_000, [1; 6]), &mut profiles, Attempt::Paid);
    let mut profile = profiles.take(Entity::Payer).unwrap();
    assert_eq!(profile.to_bytes()[0], 1);
    let plain = profile.to_bytes();
    profile.add_flow(Timestamp(START * 1000), Flow::TopUp, 1_000_000, Currency::CNY);
    let long = profile.to_bytes();
    assert_eq!((long[0], &long[1..plain.len()]), (2, &plain[1..]));
    assert!(long.len() - plain.len() <= 16, "a top-up takes {} bytes", long.len() - plain.len());
    assert_eq!(Profile::from_bytes(&long), Ok(profile));
    assert_eq!(Profile::from_bytes(&long[..plain.len()]), Err(ProfileError::Damaged(plain.len())));
}

#[test]
fn the_country_paid_from_last_stands_in_for_that_of_the_account() {
    let from = |country: &str| {
        let mut facts = facts(START, 100).with(Entity::Payer, Key(1));
        facts.address_country = Word::parse(country);
        facts
    };
    let mismatch =
        |facts: &Facts, profiles: &Profiles| features(facts, profiles).known(Slot::own(Own::CountryMismatch));
    let mut profiles = Profiles::default();
    assert_eq!(mismatch(&from("SG"), &profiles), None);
    observe(&from("SG"), &mut profiles, Attempt::Declined);
    assert_eq!(mismatch(&from("SG"), &profiles), None, "nothing was paid yet");
    observe(&from("SG"), &mut profiles, Attempt::Paid);
    observe(&facts(START, 100).with(Entity::Payer, Key(1)), &mut profiles, Attempt::Paid);
    assert_eq!((mismatch(&from("SG"), &profiles), mismatch(&from("DE"), &profiles)), (Some(0.0), Some(1.0)));
    // What is known of the account comes first.
    let known = Facts { payer_country: Word::parse("DE"), ..from("DE") };
    assert_eq!(mismatch(&known, &profiles), Some(0.0));
}

#[test]
fn a_typical_profile_is_small() {
    let mut profiles = Profiles::default();
    for step in 0..60 {
        let keys = [1, 2, 3, 4, 100 + step % 5, 6];
        observe(&all_parties(START + step as i64 * 40_000, 5_000, keys), &mut profiles, Attempt::Paid);
    }
    let bytes = profiles.take(Entity::Payer).unwrap().to_bytes();
    assert!(bytes.len() < 600, "a payer with 60 payments in a month takes {} bytes", bytes.len());
}

#[test]
fn a_device_becomes_known_when_something_was_paid_with_it() {
    let mut profiles = Profiles::default();
    let attempt = facts(START, 100).with(Entity::Payer, Key(1)).with(Entity::Device, Key(2));
    let new_device = |profiles: &Profiles| features(&attempt, profiles).known(Slot::own(Own::NewDevice));
    let acquaintance = |profiles: &Profiles| {
        profiles.get(Entity::Payer).map(|payer| payer.acquaintance(Entity::Device, Key(2)))
    };
    assert_eq!(new_device(&profiles), Some(1.0));
    observe(&attempt, &mut profiles, Attempt::Declined);
    assert_eq!((new_device(&profiles), acquaintance(&profiles)), (Some(1.0), Some(Acquaintance::Tried)));
    observe(&attempt, &mut profiles, Attempt::Paid);
    assert_eq!((new_device(&profiles), acquaintance(&profiles)), (Some(0.0), Some(Acquaintance::Known)));
}

#[test]
fn a_paused_attempt_counts_once_and_its_amount_only_when_resumed() {
    let mut profiles = Profiles::default();
    let attempt = facts(START, 700).with(Entity::Payer, Key(1));
    let seen = |profiles: &Profiles| {
        let row = features(&attempt, profiles);
        (row.get(Slot::of(Entity::Payer, Field::Count1h)), row.get(Slot::of(Entity::Payer, Field::Sum1h)))
    };
    observe(&attempt, &mut profiles, Attempt::Paused);
    assert_eq!(seen(&profiles), (2.0, 700.0));
    observe(&attempt, &mut profiles, Attempt::Resumed);
    assert_eq!(seen(&profiles), (2.0, 1_400.0));
}

#[test]
fn a_device_forgets_the_payer_it_has_not_seen_for_longest() {
    let mut profiles = Profiles::default();
    for payer in 0..=MET_MAX as u64 {
        let attempt = facts(START + payer as i64 * 60, 100)
            .with(Entity::Device, Key(9))
            .with(Entity::Payer, Key(payer));
        profiles.set(Entity::Payer, None);
        observe(&attempt, &mut profiles, Attempt::Paid);
    }
    let device = profiles.get(Entity::Device).unwrap();
    assert_eq!(device.acquaintance(Entity::Payer, Key(0)), Acquaintance::New);
    assert_eq!(device.acquaintance(Entity::Payer, Key(1)), Acquaintance::Known);
}

#[test]
fn travel_is_measured_from_the_last_paid_place() {
    let mut profiles = Profiles::default();
    let mut attempt = facts(START, 100).with(Entity::Payer, Key(1));
    attempt.payer_place = Place::new(31.23, 121.47);
    observe(&attempt, &mut profiles, Attempt::Paid);
    let mut later = facts(START + 1_800, 100).with(Entity::Payer, Key(1));
    later.payer_place = Place::new(39.90, 116.40);
    let row = features(&later, &profiles);
    assert!((1_060.0..1_075.0).contains(&row.get(Slot::own(Own::TravelKm))));
    assert!((2_120.0..2_150.0).contains(&row.get(Slot::own(Own::TravelKmh))));
    later.payer_place = Place::new(31.30, 121.47);
    assert_eq!(features(&later, &profiles).get(Slot::own(Own::TravelKmh)), 0.0);
}
