//! Whether the time of a comparison tells where two secrets part (CR-9): the first byte wrong against the last byte wrong,
//! in random order, judged by Welch's t-test as dudect does it (Reparaz, Balasch and Verbauwhede, 2017), over all times and
//! over those without the slowest. A comparison that stops at the first difference has to be found, or the test is blind.
//! Run with `cargo bench -p identity --bench constant_time`; it fails where a secret leaks or the planted leak is not found.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench prints its figures and may stop"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use base::{Dice, Timestamp};
use store::testing::Scratch;
use vault::{KeyedHash, RootKey, SubKey, Vault};
use webkit::cookies::{check_form_token, form_token};
use webkit::signing::VerifyingKey;

const NOW: Timestamp = Timestamp(1_772_357_400_000);
const SAMPLES: usize = 400_000;
/// From here on dudect calls a difference certain.
const CERTAIN: f64 = 10.0;
/// Shares of the times that are looked at, the fastest first.
const KEPT: [f64; 6] = [1.0, 0.99, 0.95, 0.9, 0.75, 0.5];

/// How often, with which mean and with which sum of squared distances from it (Welford).
#[derive(Clone, Copy, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, time: f64) {
        self.count += 1.0;
        let off = time - self.mean;
        self.mean += off / self.count;
        self.squares += off * (time - self.mean);
    }

    /// The variance of the mean.
    fn error(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

fn welch(a: &Spread, b: &Spread) -> f64 {
    (a.mean - b.mean) / (a.error() + b.error()).sqrt()
}

/// The largest |t| between the two classes.
fn largest_t(times: &[(bool, f64)]) -> f64 {
    let mut sorted: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    let cut = |kept: &f64| {
        let parts = 100;
        let percent = (1..=parts).take_while(|at| f64::from(*at) <= kept * f64::from(parts)).count();
        let limit = sorted[(sorted.len() * percent / 100).saturating_sub(1)];
        let mut classes = [Spread::default(); 2];
        for (late, time) in times.iter().filter(|(_, time)| *time <= limit) {
            classes[usize::from(*late)].add(*time);
        }
        welch(&classes[0], &classes[1]).abs()
    };
    KEPT.iter().map(cut).fold(0.0, f64::max)
}

/// Times `compare` with what is wrong at the first byte and at the last one.
fn judge<T>(name: &str, make: impl Fn(bool) -> T, compare: impl Fn(&T) -> bool) -> f64 {
    let bits: Vec<u8> = (0..SAMPLES / 8 / 50).flat_map(|_| Dice::System.bytes::<50>()).collect();
    let mut times = Vec::with_capacity(SAMPLES);
    for bit in bits.iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1 == 1)) {
        // Made anew each time, so that neither class has a place in memory of its own.
        let wrong = black_box(make(bit));
        let start = Instant::now();
        let same = black_box(compare(&wrong));
        let nanos = start.elapsed().subsec_nanos();
        assert!(!same, "{name}: something wrong was taken for right");
        times.push((bit, f64::from(nanos)));
    }
    let t = largest_t(&times);
    println!("{name:<44} |t| {t:8.2}  {} times", times.len());
    t
}

/// `right` with its first or its last byte changed.
fn altered(right: &[u8], late: bool) -> Vec<u8> {
    let mut wrong = right.to_vec();
    let at = if late { wrong.len() - 1 } else { 0 };
    wrong[at] ^= 1;
    wrong
}

fn stops_at_the_first_difference(right: &[u8], found: &[u8]) -> bool {
    right.iter().zip(found).all(|(a, b)| black_box(a) == black_box(b))
}

fn main() -> ExitCode {
    let scratch = Scratch::file();
    let db = scratch.open(&[audit::MIGRATIONS, vault::MIGRATIONS, identity::MIGRATIONS].concat()).unwrap();
    let vault =
        db.write_blocking(|tx| Vault::open(tx, &RootKey::from_bytes([1; 32]), NOW, &Dice::System)).unwrap();
    let message = b"a payment of 12.80 to the tea house";
    let stored = vault.keyed(SubKey::Pin, message).stored();
    let tag =
        aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &[7; 32]), message);
    let key = VerifyingKey::hmac_sha256(&[7; 32]).unwrap();
    let token = form_token(message);
    let secrets = [
        judge(
            "PIN, code, recovery code: keyed hash",
            |late| KeyedHash::read(&altered(&stored, late)).unwrap(),
            |wrong| vault.keyed_fits(SubKey::Pin, message, wrong).unwrap(),
        ),
        judge(
            "signature of a request: HMAC",
            |late| altered(tag.as_ref(), late),
            |wrong| key.verifies(message, wrong),
        ),
        judge(
            "token of a form",
            |late| String::from_utf8(altered(token.as_bytes(), late)).unwrap(),
            |wrong| check_form_token(message, wrong).is_ok(),
        ),
    ];
    let planted = judge(
        "planted: stops at the first difference",
        |late| altered(tag.as_ref(), late),
        |wrong| stops_at_the_first_difference(tag.as_ref(), wrong),
    );
    let leaks = secrets.iter().filter(|t| **t >= CERTAIN).count();
    println!(
        "{leaks} leaks; the planted one {}",
        if planted >= CERTAIN { "was found" } else { "was NOT found" }
    );
    if leaks == 0 && planted >= CERTAIN { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
