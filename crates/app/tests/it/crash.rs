//! `kill -9` while buyers pay, again and again on the same folder: what was acknowledged is there, exactly once.
//!
//! `TILLWARD_CRASH_ROUNDS` says how often (3; `./test --long` 20). A kill keeps what the operating system was given;
//! that it was also flushed before each answer is shown by `flush.rs`.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use base::Dice;
use store::testing::Scratch;

use crate::town::{Line, Log, Sent, Town, check_books};

const CLIENTS: usize = 12;
const ROUNDS: usize = 3;
/// The program lives at least and at most this long, milliseconds.
const LIFE_MS: std::ops::Range<u64> = 30..900;
/// Every third life outlasts the lease of its forerunner, so that it is killed while it writes the audit log.
const LONG_LIFE_MS: std::ops::Range<u64> = 10_200..12_500;

/// What the phones know when the program is gone.
#[derive(Default)]
struct Known {
    acknowledged: Mutex<Vec<String>>,
    /// Sent, and no answer came: paid or not, nobody was told.
    unanswered: Mutex<Vec<(usize, Sent)>>,
}

#[test]
fn c25_what_was_acknowledged_before_a_kill_is_there_exactly_once() {
    survive(None);
}

#[test]
fn c25_what_was_acknowledged_before_a_kill_is_there_exactly_once_on_postgresql() {
    // The second scratch database is the one on the server, if there is one.
    for scratch in Scratch::each().iter().skip(1) {
        let store::Config::Postgres { url, .. } = scratch.config() else { unreachable!() };
        survive(Some(url.expose().clone()));
    }
}

fn survive(url: Option<String>) {
    let rounds = std::env::var("TILLWARD_CRASH_ROUNDS").ok().map_or(ROUNDS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let town = Town::found(folder.path(), url, CLIENTS);
    let known = Known::default();
    for round in 0..rounds {
        let lives = if round % 3 == 2 { LONG_LIFE_MS } else { LIFE_MS };
        let life = lives.start + Dice::System.below(lives.end - lives.start);
        let before = known.acknowledged.lock().unwrap().len();
        pay_until_killed(&town, &known, Duration::from_millis(life));
        let unanswered = known.unanswered.lock().unwrap().len();
        let served = town.serve();
        ask_again(&town, &known, &served);
        // A program that has just recovered is killed as well.
        served.kill();
        let acknowledged = known.acknowledged.lock().unwrap().clone();
        println!(
            "round {round}: killed after {life} ms, {} payments acknowledged, {unanswered} asked again",
            acknowledged.len() - before
        );
        let unique: BTreeSet<_> = acknowledged.iter().collect();
        assert_eq!(unique.len(), acknowledged.len(), "a payment was acknowledged to two phones");
        check_books(&town, &acknowledged, if round + 1 == rounds { Log::Whole } else { Log::Going });
    }
    assert!(!known.acknowledged.lock().unwrap().is_empty(), "nothing was paid, so nothing was proven");
}

/// All phones pay one payment after the other until the program dies under them.
fn pay_until_killed(town: &Town, known: &Known, life: Duration) {
    let served = town.serve();
    let address = served.address;
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            scope.spawn(move || {
                let mut line = Line::new(address, town, &town.phones[number]);
                let mut minor = 100;
                while let Ok(Ok(sent)) = line.begin(town, minor) {
                    minor += 1;
                    match line.confirm(&sent) {
                        Ok(heard) => {
                            assert!(heard.is_paid(), "{heard:?}");
                            known.acknowledged.lock().unwrap().push(sent.payment);
                        }
                        Err(_) => return known.unanswered.lock().unwrap().push((number, sent)),
                    }
                }
            });
        }
        std::thread::sleep(life);
        served.kill();
    });
}

/// A phone that got no answer sends the same request with the same key, and twice, to be sure.
fn ask_again(town: &Town, known: &Known, served: &crate::town::Served) {
    for (number, sent) in known.unanswered.lock().unwrap().drain(..) {
        let mut line = Line::new(served.address, town, &town.phones[number]);
        let first = line.confirm(&sent).unwrap();
        assert!(first.is_paid(), "{sent:?}: {first:?}");
        let second = line.confirm(&sent).unwrap();
        assert!(second.is_paid(), "{sent:?}: {second:?}");
        known.acknowledged.lock().unwrap().push(sent.payment);
    }
}
