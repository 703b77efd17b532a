//! Seals and opens of a 64-byte field a second on one core, with the data key at hand and with the data key to
//! unwrap. Run with `cargo bench -p vault`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Dice, Secret, ShopId, Timestamp};
use store::testing::Scratch;
use vault::limits::SEALS_EACH_FETCH;
use vault::{Place, RootKey, Vault, VaultError};

const PLACE: Place<'static> = Place { table: "buyers", column: "name", row: "000000000000000000000000abcd" };
const NOW: Timestamp = Timestamp(0);
const SECONDS: u64 = 2;

fn measure(name: &str, mut work: impl FnMut()) {
    let (start, mut done) = (Instant::now(), 0u64);
    while start.elapsed() < Duration::from_secs(SECONDS) {
        for _ in 0..1000 {
            work();
        }
        done += 1000;
    }
    println!("{name:<40} {:>12.0} a second", done as f64 / start.elapsed().as_secs_f64());
}

fn main() {
    let scratch = Scratch::file();
    let db = scratch.open(&[audit::MIGRATIONS, vault::MIGRATIONS].concat()).unwrap();
    let root = RootKey::from_bytes([1; 32]);
    let vault = Arc::new(db.write_blocking(move |tx| Vault::open(tx, &root, NOW, &Dice::System)).unwrap());
    let text = Secret::new("x".repeat(64));
    let shared = Arc::clone(&vault);
    let key =
        db.write_blocking(move |tx| shared.data_key(tx, ShopId::HOUSE, "buyer", NOW, &Dice::System)).unwrap();
    let sealed = key.seal(&PLACE, &text, &Dice::System).unwrap();
    let (shared, plain) = (Arc::clone(&vault), text.clone());
    db.write_blocking(move |tx| {
        let mut fetch = || shared.sealing_key(tx, ShopId::HOUSE, "buyer", NOW, &Dice::System).unwrap();
        let (mut key, mut left) = (fetch(), SEALS_EACH_FETCH);
        measure("seal, data key at hand", || {
            if left == 0 {
                (key, left) = (fetch(), SEALS_EACH_FETCH);
            }
            left -= 1;
            black_box(key.seal(&PLACE, black_box(&plain), &Dice::System).unwrap());
        });
        Ok::<_, VaultError>(())
    })
    .unwrap();
    measure("open, data key at hand", || {
        black_box(key.open(&PLACE, black_box(&sealed)).unwrap());
    });
    db.read_blocking(|tx| {
        measure("open, data key to unwrap (cached row)", || {
            let key = vault.find_data_key(tx, ShopId::HOUSE, "buyer").unwrap();
            black_box(key.open(&PLACE, black_box(&sealed)).unwrap());
        });
        Ok::<_, VaultError>(())
    })
    .unwrap();
    measure("blind index", || {
        black_box(vault.index("email", black_box("someone@shop.example")));
    });
}
