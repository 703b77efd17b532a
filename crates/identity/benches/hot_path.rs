//! What a payment asks of identity: whose session, is the PIN right. Each row is read from the embedded engine; session
//! checks once more inside a writing transaction, as the gate does them. And what a password costs beside it.
//! Run with `cargo bench -p identity`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use base::{BuyerId, Clock, Dice, Timestamp};
use identity::{Context, Email, Label, Password, PersonName, Pin, PinCheck, SignUp, Token};
use store::testing::Scratch;
use vault::{RootKey, Vault};
use webkit::page::Lang;

const BUYERS: usize = 10_000;
const HASHES: u32 = 50;
const NOW: Timestamp = Timestamp(1_772_357_400_000);

struct Payer {
    buyer: BuyerId,
    token: Token,
    pin: Pin,
}

fn main() {
    let migrations = [audit::MIGRATIONS, vault::MIGRATIONS, identity::MIGRATIONS].concat();
    let scratch = Scratch::file();
    let db = scratch.open(&migrations).unwrap();
    let vault =
        db.write_blocking(|tx| Vault::open(tx, &RootKey::from_bytes([1; 32]), NOW, &Dice::System)).unwrap();
    let cx = Context::new(db, Arc::new(vault), Clock::manual(NOW), Dice::System, "https://pay.example");
    let start = Instant::now();
    let payers: Vec<Payer> = (0..BUYERS).step_by(500).flat_map(|from| seed(&cx, from)).collect();
    print_rate("sign up, device and session", start);
    let start = Instant::now();
    cx.db
        .read_blocking(|tx| {
            for payer in &payers {
                black_box(identity::require_buyer(tx, &payer.token, NOW)?);
            }
            Ok::<_, identity::AuthError>(())
        })
        .unwrap();
    print_rate("session check, row not in memory", start);
    let start = Instant::now();
    cx.db
        .read_blocking(|tx| {
            for payer in &payers {
                let check = identity::verify_pin(tx, &cx.means(NOW), payer.buyer, &payer.pin)?;
                assert_eq!(check, PinCheck::Right);
            }
            Ok::<_, identity::Fault>(())
        })
        .unwrap();
    print_rate("PIN check, row not in memory", start);
    check_in_writes(&cx, &payers);
    check_passwords();
}

/// As a payment does it: in a transaction that writes. The first time a row comes from the file, then from memory.
fn check_in_writes(cx: &Context, payers: &[Payer]) {
    let tokens: Arc<Vec<Token>> = Arc::new(payers.iter().map(|payer| payer.token.clone()).collect());
    for name in ["session check in a write, first", "session check in a write, in memory"] {
        let tokens = Arc::clone(&tokens);
        let start = Instant::now();
        let checked = cx.db.write_blocking(move |tx| {
            for token in tokens.iter() {
                black_box(identity::require_buyer(tx, token, NOW)?);
            }
            Ok::<_, identity::AuthError>(())
        });
        checked.unwrap();
        print_rate(name, start);
    }
}

fn check_passwords() {
    let password = Password::parse("pencil river nine kettles").unwrap();
    let start = Instant::now();
    let hash = identity::hash_password(&password, &Dice::System);
    (1..HASHES).for_each(|_| drop(black_box(identity::hash_password(&password, &Dice::System))));
    print_each("Argon2id hash, 19 MiB, 2 passes", start);
    let start = Instant::now();
    (0..HASHES).for_each(|_| assert!(identity::verify_password(&password, &hash)));
    print_each("Argon2id check", start);
}

fn print_each(name: &str, start: Instant) {
    println!("{name:<40} {:>10.2} ms each", start.elapsed().as_secs_f64() * 1e3 / f64::from(HASHES));
}

fn seed(cx: &Context, from: usize) -> Vec<Payer> {
    let means = cx.clone();
    let made = cx.db.write_blocking(move |tx| {
        let means = means.means(NOW);
        (from..from + 500)
            .map(|n| {
                let pin = Pin::random(means.dice);
                let contact = Email::parse(&format!("buyer{n}@shop.example")).unwrap();
                let name = PersonName::parse("Zhang San").unwrap();
                let sign_up = SignUp::new(name, contact, pin.clone(), Lang::En).unwrap();
                let buyer = identity::create_buyer(tx, &means, &sign_up)?;
                let opened = identity::open_trusted_session(tx, &means, buyer, &Label::from_agent("bench"))?;
                Ok(Payer { buyer, token: opened.1.token, pin })
            })
            .collect::<Result<Vec<_>, identity::BuyerError>>()
    });
    made.unwrap()
}

fn print_rate(name: &str, start: Instant) {
    let micros = start.elapsed().as_secs_f64() * 1e6 / BUYERS as f64;
    println!("{name:<40} {micros:>10.2} µs each");
}
