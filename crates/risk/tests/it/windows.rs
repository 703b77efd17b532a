//! Sliding windows against a naive recount over the full list of attempts.

use base::{Currency, Money, Timestamp};
use proptest::prelude::*;
use risk::features::Field;
use risk::window::{DAY, ENTRIES_MAX, HOUR, LABEL_DELAY, Log, MINUTE, SPANS, Sums, square};
use risk::{Attempt, Change, Entity, Facts, Key, Label, Profiles, Slot, features, observe};

const START: u32 = 1_530_000_000;

/// What a log of any density promises for a window: how far beyond it an entry may reach.
fn grain(span: u32) -> u32 {
    match span {
        0..=600 => MINUTE,
        601..=3_600 => 10 * MINUTE,
        3_601..=86_400 => 2 * HOUR,
        86_401..=604_800 => 12 * HOUR,
        _ => DAY,
    }
}

fn naive(list: &[(u32, i64)], now: u32, span: u32) -> (u32, i64) {
    let inside = list.iter().filter(|(at, _)| *at <= now && now - *at < span);
    inside.fold((0, 0), |(count, sum), (_, amount)| (count + 1, sum + amount))
}

fn one(amount: i64) -> Sums {
    Sums { attempts: 1, paid: 1, sum: amount, squares: square(amount), ..Sums::default() }
}

proptest! {
    #[test]
    fn counts_and_sums_lie_between_the_window_and_the_window_plus_one_grain(
        steps in prop::collection::vec((prop_oneof![0u32..90, 0u32..4_000, 0u32..100_000], 1i64..100_000), 1..400),
        wait in 0u32..200_000,
    ) {
        let (mut log, mut list, mut at) = (Log::default(), Vec::new(), START);
        for (step, amount) in steps {
            at += step;
            log.add(at, &one(amount));
            list.push((at, amount));
            prop_assert!(log.len() <= ENTRIES_MAX);
        }
        let now = at + wait;
        for (span, sums) in SPANS.into_iter().zip(log.sums(now)) {
            let (least, least_sum) = naive(&list, now, span);
            let (most, most_sum) = naive(&list, now, span + grain(span));
            prop_assert!((least..=most).contains(&sums.paid), "{span}: {} not in {least}..={most}", sums.paid);
            prop_assert!((least_sum..=most_sum).contains(&sums.sum));
        }
    }

    #[test]
    fn a_log_that_was_never_thinned_is_exact(
        steps in prop::collection::vec((MINUTE..60_000u32, 1i64..100_000), 1..ENTRIES_MAX),
        wait in 0u32..200_000,
    ) {
        let (mut log, mut list, mut at) = (Log::default(), Vec::new(), START);
        for (step, amount) in steps {
            at += step;
            log.add(at, &one(amount));
            list.push((at, amount));
        }
        for (span, sums) in SPANS.into_iter().zip(log.sums(at + wait)) {
            prop_assert_eq!((sums.paid, sums.sum), naive(&list, at + wait, span));
        }
    }
}

/// The Fraud Detection Handbook's features, recounted from the whole list: customer windows `(t - w, t]` with the
/// payment itself, terminal windows `(t - 7 d - w, t - 7 d]` with the labels that are a week old by then.
#[test]
fn handbook_windows_come_out_right_with_a_week_of_label_delay() {
    let mut list: Vec<(u32, i64, bool)> = Vec::new();
    let mut profiles = Profiles::default();
    let mut labelled = 0;
    let mut at = START;
    for step in 0..300u32 {
        // About two payments a day over five months, every seventh a fraud, in runs.
        at += 20_000 + step * 7_919 % 50_000;
        let (amount, fraud) = (i64::from(100 + step * 37 % 9_000), step / 5 % 7 == 3);
        while let Some((paid, _, fraud)) = list.get(labelled).filter(|(paid, _, _)| paid + LABEL_DELAY <= at)
        {
            let paid_at = Timestamp(i64::from(*paid) * 1000);
            let terminal = profiles.get_mut(Entity::Terminal).unwrap();
            if *fraud {
                terminal.label(paid_at, Label::Fraud, true, Change::Set);
            }
            labelled += 1;
        }
        let facts = Facts::new(Timestamp(i64::from(at) * 1000), Money::new(amount, Currency::EUR))
            .with(Entity::Payer, Key(1))
            .with(Entity::Terminal, Key(2));
        let row = features(&facts, &profiles);
        observe(&facts, &mut profiles, Attempt::Paid);
        list.push((at, amount, fraud));

        let near =
            |got: f64, want: f64| assert!((got - want).abs() <= want.abs() * 2e-5, "{got} is not {want}");
        for (days, count, mean) in [
            (1, Field::Count1d, Field::Mean1d),
            (7, Field::Count7d, Field::Mean7d),
            (30, Field::Count30d, Field::Mean30d),
        ] {
            let inside: Vec<_> = list.iter().filter(|(paid, _, _)| at - paid < days * DAY).collect();
            let total: i64 = inside.iter().map(|(_, amount, _)| amount).sum();
            near(row.get(Slot::of(Entity::Payer, count)), inside.len() as f64);
            near(row.get(Slot::of(Entity::Payer, mean)), total as f64 / inside.len() as f64);
        }
        for (days, count, risk) in [
            (1, Field::Labelled1d, Field::Risk1d),
            (7, Field::Labelled7d, Field::Risk7d),
            (30, Field::Labelled30d, Field::Risk30d),
        ] {
            let window = LABEL_DELAY..LABEL_DELAY + days * DAY;
            let inside: Vec<_> = list.iter().filter(|(paid, _, _)| window.contains(&(at - paid))).collect();
            let frauds = inside.iter().filter(|(_, _, fraud)| *fraud).count();
            near(row.get(Slot::of(Entity::Terminal, count)), inside.len() as f64);
            near(row.get(Slot::of(Entity::Terminal, risk)), frauds as f64 / inside.len().max(1) as f64);
        }
    }
}
