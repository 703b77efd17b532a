//! How long one signed request takes to verify and to sign. Run: `cargo bench -p webkit --bench signing`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints and may stop")]

use std::hint::black_box;
use std::time::Instant;

use base::{Dice, Timestamp};
use webkit::signing::{
    KeyRecord, Message, Outgoing, Policy, Presented, REQUEST_TAG, RequestParts, Signer, SigningKey,
    VerifyingKey,
};

const ROUNDS: u32 = 20_000;

fn measure(name: &str, mut work: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    }
    println!("{name:<34} {best:8.2} µs");
}

fn main() {
    let (now, dice) = (Timestamp(1_772_357_400_000), Dice::System);
    let body = br#"{"amount_minor":1280,"currency":"CNY","order":"A-1001","buyer":"buy_0000000000000000000000000000","note":"two coffees"}"#;
    let outgoing = Outgoing {
        method: "POST",
        scheme: "http",
        authority: "localhost:8080",
        target: "/v1/payments",
        content_type: Some("application/json"),
        body,
        idempotency_key: Some("0123456789abcdef"),
    };
    for (name, signing, verifying) in [
        (
            "hmac-sha256",
            SigningKey::hmac_sha256(&[7; 32]).unwrap(),
            VerifyingKey::hmac_sha256(&[7; 32]).unwrap(),
        ),
        ("ed25519", SigningKey::ed25519(&[7; 32]).unwrap(), {
            let pair = SigningKey::ed25519(&[7; 32]).unwrap();
            VerifyingKey::ed25519(pair.public().unwrap()).unwrap()
        }),
    ] {
        let signer = Signer::new("key_0000000000000000000000000000", signing);
        let record = KeyRecord::always(verifying);
        let headers = signer.sign_request(&outgoing, now, &dice).unwrap();
        let request = RequestParts {
            method: "POST",
            scheme: "http",
            authority: "localhost:8080",
            path: "/v1/payments",
            query: None,
            headers: &headers,
            trailers: None,
        };
        let message = Message::Request(request);
        let verify = |presented: Presented<'_>| {
            assert!(presented.verify(&message, body, &record, &Policy::WRITE, now).is_ok(), "must verify");
        };
        measure(&format!("{name}: read and verify"), || {
            verify(Presented::read(black_box(&headers), REQUEST_TAG).unwrap().unwrap());
        });
        measure(&format!("{name}: the general reader"), || {
            verify(Presented::read_general(black_box(&headers), REQUEST_TAG).unwrap().unwrap());
        });
        measure(&format!("{name}: sign"), || {
            black_box(signer.sign_request(black_box(&outgoing), now, &dice).unwrap());
        });
    }
}
