//! The protocol on files small enough to check by hand.

use base::Dice;

use super::*;
use crate::table::read;

const DAY_S: i64 = 86_400;

fn options(train_from_day: i64) -> TrainOptions {
    TrainOptions {
        file: PathBuf::new(),
        read: ReadOptions { labels: Some("fraud".into()), ..ReadOptions::default() },
        train_from_day,
        train_days: 2,
        delay_days: 1,
        test_days: 2,
        folds: 1,
        out: None,
        recipe: Recipe { trees: 10, ..Recipe::default() },
        without: Vec::new(),
        clock: Clock::System,
    }
}

/// Twelve days; customer 1 defrauds on day 1, customer 2 on day 2, customer 3 on days 3 and 4, all with amounts
/// that stand out; 40 others pay 30 times a day, the first ten of them fraudulently on each day with high amounts.
fn file() -> String {
    let dice = Dice::predictable_for_tests(9);
    let mut text = String::from("time,amount,payer,fraud\n");
    let mut row = |at: i64, amount: u64, payer: u64, fraud: bool| {
        text.push_str(&format!("{at},{amount}.00,{payer},{}\n", u8::from(fraud)));
    };
    for day in 0..12i64 {
        for step in 0..200i64 {
            let at = day * DAY_S + step * 400;
            // One in eight is a fraud; nearly all of those are high.
            let fraud = step % 8 == 0;
            let amount = if fraud != (dice.below(20) == 0) { 500 } else { 20 } + dice.below(40);
            row(at, amount, 100 + day as u64 * 200 + step as u64, fraud);
        }
        for (payer, days) in [(1, [1, 1]), (2, [2, 2]), (3, [3, 4])] {
            row(day * DAY_S + 81_000 + payer, 20, payer as u64, days.contains(&day));
        }
    }
    text
}

fn trained(options: &TrainOptions, text: &str) -> Result<Fold, TrainError> {
    check(options)?;
    let table = read(text.as_bytes(), &options.read)?;
    check_reach(options, &table)?;
    let rows = Collected::replay(options, &table, &mut |_| {})?;
    let fold = fold::run(options, &table, &rows, options.train_from_day);
    let (fold, _) = fold.map_err(|source| TrainError::Fit { fold: 1, source })?;
    Ok(fold)
}

#[test]
fn a_fold_trains_waits_and_tests_and_leaves_known_customers_out() {
    // Trains on days 1–2, waits day 3, tests days 4–5.
    let fold = trained(&options(1), &file()).unwrap();
    assert_eq!((fold.train.clone(), fold.test.clone()), (1..3, 4..6));
    assert_eq!(fold.train_rows, 2 * 203);
    // Customers 1 and 2 are known from training. Customer 3's fraud of day 3 counts from test day 5 (delay 1 plus 1
    // days later), so only the payment of day 5 is left out: 2 × 2 + 1.
    assert_eq!(fold.known_rows, 5);
    assert_eq!(fold.test_rows, 2 * 203 - 5);
    assert_eq!(fold.test_frauds, 2 * 25 + 1);
    assert!(fold.figures.auc_roc.unwrap() > 0.8, "{:?}", fold.figures);
    assert!((fold.mean_probability - 51.0 / 401.0).abs() < 0.05, "{}", fold.mean_probability);
}

#[test]
fn the_future_does_not_leak_into_features() {
    let options = options(1);
    let table = read(file().as_bytes(), &options.read).unwrap();
    let all = Collected::replay(&options, &table, &mut |_| {}).unwrap();
    // The same file cut right after the last test payment, and with every later label turned.
    let cut: String = file().lines().take(1 + 6 * 203).map(|line| format!("{line}\n")).collect();
    let short =
        Collected::replay(&options, &read(cut.as_bytes(), &options.read).unwrap(), &mut |_| {}).unwrap();
    assert_eq!(all.rows.len(), short.rows.len());
    let same = all.values.iter().zip(&short.values).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
    assert!(same);
    let turned: String = file()
        .lines()
        .enumerate()
        .map(|(n, line)| {
            // Labels of day 5 and later become known on day 6 at the earliest, with a delay of one day.
            match line.strip_suffix(",1").filter(|_| n > 5 * 203) {
                Some(start) => format!("{start},0\n"),
                None => format!("{line}\n"),
            }
        })
        .collect();
    let turned =
        Collected::replay(&options, &read(turned.as_bytes(), &options.read).unwrap(), &mut |_| {}).unwrap();
    let width = all.slots.len();
    let until = all.range(1..6).end * width;
    let same =
        all.values[..until].iter().zip(&turned.values).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
    assert!(same);
}

#[test]
fn days_are_read_and_said() {
    assert_eq!(parse_day("1970-01-02").unwrap(), 1);
    assert_eq!(day_text(parse_day("2018-07-25").unwrap()), "2018-07-25");
    for bad in ["", "2018-7-25", "2018-02-30", "25.07.2018", "2018-07-25T00:00:00Z"] {
        assert!(parse_day(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_period_outside_the_file_says_what_the_file_has() {
    let error = trained(&options(8), &file()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the file has payments from 1970-01-01 until 1970-01-12; training and test need 1970-01-09 until 1970-01-13"
    );
    assert!(trained(&options(7), &file()).is_ok());
    assert!(trained(&options(-1), &file()).is_err());
}

#[test]
fn limits_hold_on_both_sides() {
    let check = |change: &dyn Fn(&mut TrainOptions)| {
        let mut options = options(0);
        change(&mut options);
        check(&options).is_ok()
    };
    assert!(
        check(&|o| o.folds = FOLDS_MAX) && !check(&|o| o.folds = FOLDS_MAX + 1) && !check(&|o| o.folds = 0)
    );
    assert!(check(&|o| o.train_days = PERIOD_DAYS_MAX) && !check(&|o| o.train_days = PERIOD_DAYS_MAX + 1));
    assert!(!check(&|o| o.train_days = 0) && !check(&|o| o.test_days = 0));
    assert!(check(&|o| o.delay_days = 0) && !check(&|o| o.delay_days = PERIOD_DAYS_MAX + 1));
    assert!(!check(&|o| o.read.labels = None));
}
