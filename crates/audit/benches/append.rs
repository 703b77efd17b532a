//! What the log costs: `cargo bench -p audit`. Prints microseconds an entry for each part, and what sequencing 10,000
//! entries takes.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use std::time::Instant;

use audit::{Action, AnchorFile, Entry, Outcome, Promise, Sequencer, Signer};
use base::{BuyerId, Currency, Dice, EntryId, Money, PaymentId, ShopId, Timestamp};
use store::testing::Scratch;

const CONFIRM: Action = Action::new("payment.confirm");
const ENTRIES: usize = 20_000;
/// Entries a commit: as many as payments that wait together, and enough to hide the flush.
const BATCHES: [usize; 3] = [64, 128, 2_000];

fn entries(shops: &[ShopId], start: i64) -> Vec<Entry> {
    let dice = Dice::System;
    (start..)
        .zip(shops.iter().cycle())
        .take(ENTRIES)
        .map(|(n, shop)| {
            let at = Timestamp(1_772_357_400_000 + n);
            let payment = PaymentId::new(*shop, at, &dice);
            let buyer = BuyerId::new(ShopId::HOUSE, at, &dice);
            Entry::new(EntryId::new(*shop, at, &dice), at, buyer, CONFIRM, payment, Outcome::Success)
                .address("192.0.2.7".parse::<std::net::IpAddr>().unwrap())
                .request(base::RequestId::new(*shop, at, &dice))
                .detail("amount", Money::new(1_250, Currency::CNY))
                .detail("decision", "allow")
        })
        .collect()
}

fn report(what: &str, start: Instant) {
    println!("{what:<58} {:>8.2} µs an entry", start.elapsed().as_secs_f64() * 1e6 / ENTRIES as f64);
}

fn main() {
    let shops: Vec<ShopId> = (0..100).map(|_| ShopId::random(&Dice::System)).collect();
    let start = Instant::now();
    let list = entries(&shops, 0);
    report("build entries (ids included)", start);
    let start = Instant::now();
    let bytes: usize = list.iter().map(|entry| entry.encode().len()).sum();
    report("encode", start);
    println!("{:<58} {:>8} bytes", "an encoded entry", bytes / ENTRIES);
    let start = Instant::now();
    let leaves: Vec<_> = list.iter().map(Entry::leaf_hash).collect();
    report("encode and hash", start);
    let start = Instant::now();
    let mut edge = audit::tiles::Edge::default();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    println!("{:<58} {:>8.2} ms", "tree over 20,000 leaves", start.elapsed().as_secs_f64() * 1e3);
    let (signer, _) = Signer::generate("bench.example/audit").unwrap();
    let start = Instant::now();
    for (entry, leaf) in list.iter().zip(&leaves) {
        let leaf = audit::Leaf { entry_id: entry.id(), leaf_hash: *leaf };
        std::hint::black_box(Promise::sign(&signer, leaf, entry.at()));
    }
    report("sign a promise", start);
    for scratch in Scratch::each() {
        through_the_store(&scratch, &shops, &signer);
    }
}

fn through_the_store(scratch: &Scratch, shops: &[ShopId], signer: &Signer) {
    let db = scratch.open(audit::MIGRATIONS).unwrap();
    let engine = db.engine().name();
    let folder = tempfile::tempdir().unwrap();
    let file = AnchorFile::new(&folder.path().join("checkpoints"));
    let mut node = Sequencer::open(signer.clone(), "bench", file).unwrap();
    for (round, batch_size) in (0..).zip(BATCHES) {
        let list = entries(shops, round * 1_000_000);
        let start = Instant::now();
        for batch in list.chunks(batch_size) {
            let batch = batch.to_vec();
            db.write_blocking(move |tx| {
                batch.iter().try_for_each(|entry| audit::append(tx, entry).map(drop))
            })
            .unwrap();
        }
        report(&format!("{engine}: append, {batch_size} a commit, durable"), start);
        let start = Instant::now();
        let step = node.step(&db, Timestamp(1_772_357_430_000 + round * 1_000_000)).unwrap();
        assert!(step.appended == ENTRIES, "all entries get a position");
        let ms = start.elapsed().as_secs_f64() * 1e3 * 10_000.0 / ENTRIES as f64;
        println!("{:<58} {ms:>8.1} ms", format!("{engine}: sequence 10,000 entries"));
    }
    let start = Instant::now();
    let key = signer.verifier_key().clone();
    let verified = db.read_blocking(move |tx| audit::verify_database(tx, &key, &[])).unwrap();
    assert!(verified.is_clean(), "the log verifies");
    let ms = start.elapsed().as_secs_f64() * 1e3;
    println!("{:<58} {ms:>8.1} ms", format!("{engine}: verify {} entries", verified.entries));
}
