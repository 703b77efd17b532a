//! Signed requests (C24, SIG-2 to SIG-9): who may not sign, what may not be left out, and nothing twice.

use base::{Dice, Timestamp};
use identity::{NewApiKey, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Request};
use webkit::signing::{KeyRecord, Message, Policy, Presented, RESPONSE_TAG, ResponseParts, VerifyingKey};

use crate::house::{AUTHORITY, House, Shop, each_house, key, signer};

fn plain() -> Request {
    Request::post("/v1/payments", &json!({"amount_minor": 900, "currency": "CNY"})).once(&key())
}

fn payments_of(house: &House, shop: &Shop) -> usize {
    let list = house.send(house.signed(shop, Request::get("/v1/payments?limit=100"))).json();
    list["data"].as_array().map_or(0, Vec::len)
}

#[track_caller]
fn refused(house: &House, request: Request) -> Answer {
    let answer = house.send(request);
    assert_eq!((answer.status, answer.code().as_str()), (401, "signature_refused"), "{}", answer.json());
    answer
}

#[test]
fn sig_4_the_same_bytes_are_taken_once() {
    each_house(|house| {
        let shop = house.shop("SG");
        let captured = house.signed(&shop, plain());
        assert_eq!(house.send(captured.clone()).status, 201);
        refused(&house, captured.clone());
        house.wait(301);
        refused(&house, captured);
        assert_eq!(payments_of(&house, &shop), 1);
    });
}

#[test]
fn sig_4_a_hundred_copies_at_once_are_taken_once() {
    each_house(|house| {
        let shop = house.shop("SG");
        let captured = house.signed(&shop, plain());
        let answers = house.send_all(vec![captured; 100]);
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.code() == "signature_refused").count(), 99);
        assert_eq!(payments_of(&house, &shop), 1);
    });
}

#[test]
fn sig_4_a_read_is_taken_once_as_well() {
    let house = House::new();
    let shop = house.shop("SG");
    let captured = house.signed(&shop, Request::get("/v1/payments"));
    assert_eq!(house.send(captured.clone()).status, 200);
    refused(&house, captured);
}

#[test]
fn sig_4_a_refused_read_cannot_be_sent_again() {
    each_house(|house| {
        let shop = house.shop("SG");
        let narrow = house.key(
            shop.id,
            NewApiKey::new(identity::Label::parse("risk").unwrap(), Role::Decisions, None).unwrap(),
        );
        let captured = house.signed(&narrow, Request::get("/v1/payments"));
        assert_eq!(house.send(captured.clone()).status, 403);
        refused(&house, captured);
        let absent = base::PaymentId::new(shop.id, house.now(), &Dice::System);
        let absent = house.signed(&shop, Request::get(&format!("/v1/payments/{absent}")));
        assert_eq!(house.send(absent.clone()).status, 404);
        refused(&house, absent);
    });
}

#[test]
fn sig_4_the_window_is_five_minutes_either_way() {
    each_house(|house| {
        let shop = house.shop("SG");
        let made = |offset: i64| {
            let at = Timestamp(house.now().0 + offset * 1_000);
            plain().signed(&shop.signer, AUTHORITY, at, &Dice::System).unwrap()
        };
        for offset in [-299, 0, 299, 300] {
            assert_eq!(house.send(made(offset)).status, 201, "{offset}");
        }
        for offset in [-301, 301, -86_400, 86_400] {
            refused(&house, made(offset));
        }
    });
}

#[test]
fn c24_every_part_that_is_signed_must_be_what_was_signed() {
    let house = House::new();
    let shop = house.shop("SG");
    let change = |change: &dyn Fn(&mut Request)| {
        let mut request = house.signed(&shop, plain());
        change(&mut request);
        request
    };
    let set = |name: &'static str, value: &'static str| {
        move |request: &mut Request| drop(request.headers.insert(name, value.parse().unwrap()))
    };
    refused(&house, change(&|r| r.body = br#"{"amount_minor":1,"currency":"CNY"}"#.to_vec()));
    refused(&house, change(&|r| r.target = "/v1/orders".to_owned()));
    refused(&house, change(&|r| r.target.push_str("?x=1")));
    refused(&house, change(&set("idempotency-key", "another")));
    refused(&house, change(&set("content-digest", "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:")));
    let elsewhere = plain().signed(&shop.signer, "pay.evil.example", house.now(), &Dice::System).unwrap();
    refused(&house, elsewhere);
    let get = house.signed(&shop, Request::get("/v1/payments?limit=1"));
    refused(&house, Request { target: "/v1/payments?limit=2".to_owned(), ..get });
    assert_eq!(payments_of(&house, &shop), 0);
}

#[test]
fn sig_2_a_signature_that_covers_too_little_is_refused() {
    let house = House::new();
    let shop = house.shop("SG");
    for name in ["\"content-digest\" ", " \"@path\"", " \"@query\"", " \"@authority\"", "\"@method\" "] {
        let mut request = house.signed(&shop, plain());
        let input = request.headers["signature-input"].to_str().unwrap().replacen(name, "", 1);
        request.headers.insert("signature-input", input.parse().unwrap());
        refused(&house, request);
    }
    for name in ["nonce", "expires", "created", "keyid", "tag"] {
        let mut request = house.signed(&shop, plain());
        let input = request.headers["signature-input"].to_str().unwrap().to_owned();
        let parts: Vec<&str> =
            input.split(';').filter(|part| !part.starts_with(&format!("{name}="))).collect();
        request.headers.insert("signature-input", parts.join(";").parse().unwrap());
        let answer = house.send(request);
        assert!(matches!(answer.status, 400 | 401), "without {name}: {}", answer.json());
    }
    assert_eq!(payments_of(&house, &shop), 0);
}

#[test]
fn sig_6_unknown_revoked_and_ended_keys_are_refused_alike() {
    each_house(|house| {
        let shop = house.shop("SG");
        let other = house.shop("SG");
        let stolen_name = signer(&shop.key, &other.secret);
        let wrong = plain().signed(&stolen_name, AUTHORITY, house.now(), &Dice::System).unwrap();
        let unknown = signer(&base::ApiKeyId::new(shop.id, house.now(), &Dice::System), &shop.secret);
        let unknown = plain().signed(&unknown, AUTHORITY, house.now(), &Dice::System).unwrap();
        let short = house.key(
            shop.id,
            NewApiKey::new(identity::Label::parse("day").unwrap(), Role::Integration, Some(1)).unwrap(),
        );
        assert_eq!(house.send(house.signed(&short, plain())).status, 201);
        let texts: Vec<String> =
            [wrong, unknown].map(|request| refused(&house, request).text("/error/message")).to_vec();
        house.wait(86_400);
        let ended = refused(&house, house.signed(&short, plain())).text("/error/message");
        let (_, owner) = house.member(shop.id, Role::Owner);
        let revoke =
            Request::new(axum::http::Method::DELETE, &format!("/v1/api_keys/{}", shop.key)).bearer(&owner);
        assert_eq!(house.send(revoke).status, 204);
        let revoked = refused(&house, house.signed(&shop, plain())).text("/error/message");
        assert!(
            texts.iter().chain([&ended]).all(|text| *text == revoked),
            "SIG-9: {texts:?} {ended} {revoked}"
        );
    });
}

#[test]
fn sig_5_the_algorithm_is_the_keys() {
    let house = House::new();
    let shop = house.shop("SG");
    let mut request = house.signed(&shop, plain());
    let input = request.headers["signature-input"].to_str().unwrap().replace("hmac-sha256", "ed25519");
    request.headers.insert("signature-input", input.parse().unwrap());
    refused(&house, request);
}

#[test]
fn sig_7_what_cannot_be_read_is_a_malformed_request() {
    let house = House::new();
    let shop = house.shop("SG");
    for (name, value) in [("signature-input", "sig1=("), ("signature", "sig1=:!:"), ("signature-input", "")] {
        let mut request = house.signed(&shop, plain());
        request.headers.insert(name, value.parse().unwrap());
        let answer = house.send(request);
        assert!(matches!(answer.status, 400 | 401), "{name}: {value}: {}", answer.json());
    }
    for name in ["signature-input", "signature"] {
        let mut request = house.signed(&shop, plain());
        request.headers.remove(name);
        let answer = house.send(request);
        assert!(matches!(answer.status, 400 | 401), "without {name}: {}", answer.json());
    }
}

#[test]
fn sig_8_the_answer_to_a_signed_request_is_signed_for_that_request_alone() {
    let house = House::new();
    let shop = house.shop("SG");
    let (one, two) = (house.signed(&shop, plain()), house.signed(&shop, plain()));
    let answer = house.send(one.clone());
    assert!(verifies(&shop, &one, &answer, house.now()));
    assert!(!verifies(&shop, &two, &answer, house.now()), "an answer cannot be moved to another request");
    let mut altered = answer.clone();
    altered.body = answer.json().to_string().replace("900", "9").into_bytes();
    assert!(!verifies(&shop, &one, &altered, house.now()));
}

fn verifies(shop: &Shop, request: &Request, answer: &Answer, now: Timestamp) -> bool {
    let parts = webkit::signing::RequestParts {
        method: request.method.as_str(),
        scheme: "http",
        authority: AUTHORITY,
        path: &request.target,
        query: None,
        headers: &request.headers,
        trailers: None,
    };
    let parts = ResponseParts {
        status: answer.status,
        headers: &answer.headers,
        trailers: None,
        request: Some(parts),
    };
    let presented = Presented::read(&answer.headers, RESPONSE_TAG).unwrap().unwrap();
    let record = KeyRecord::always(VerifyingKey::hmac_sha256(shop.secret.as_bytes()).unwrap());
    presented.verify(&Message::Response(parts), &answer.body, &record, &Policy::RESPONSE, now).is_ok()
}

#[test]
fn sig_9_the_log_has_the_reason_that_the_caller_is_not_told() {
    let house = House::new();
    let shop = house.shop("SG");
    let captured = house.signed(&shop, plain());
    house.send(captured.clone());
    let answer = refused(&house, captured);
    assert!(!answer.json().to_string().contains("replayed"), "{}", answer.json());
    let rows = house.read(|tx| tx.query("SELECT body FROM audit_entries", &[]));
    let bodies: Vec<String> = rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect();
    assert!(bodies.iter().any(|body| body.contains("signature_replayed")), "{bodies:?}");
}

#[test]
fn a_key_that_asks_for_decisions_alone_does_not_sell() {
    let house = House::new();
    let shop = house.shop("SG");
    let new = NewApiKey::new(identity::Label::parse("risk").unwrap(), Role::Decisions, None).unwrap();
    let asks = house.key(shop.id, new);
    assert_eq!(house.send(house.signed(&asks, plain())).status, 403);
    let body: Value = json!({"amount_minor": 900, "currency": "CNY", "payer": "p-1", "device": "d-1"});
    let decided = house.send(house.signed(&asks, Request::post("/v1/decisions", &body).once(&key())));
    assert_eq!((decided.status, decided.text("/outcome").as_str()), (201, "allow"));
}
