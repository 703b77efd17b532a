//! One payment over the API, from the order to the receipt and back, and what each step refuses.

use app::openapi::openapi;
use audit::{AnchorFile, Digest, Inclusion, Sequencer, verify_promise};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use testkit::http::Request;

use crate::house::{ASKED, BLOCKED, House, PIN, REVIEWED, RICH, WRONG_PIN, each_house, key, text};

#[test]
fn a_payment_goes_from_the_order_to_the_receipt_and_back() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let order =
            json!({"amount_minor": 12_800, "currency": "CNY", "reference": "A-17", "description": "茶 tea"});
        let order = house.send(house.signed(&shop, Request::post("/v1/orders", &order).once(&key())));
        assert_eq!(order.status, 201);
        let body = json!({"order": order.text("/id")});
        let bill = house.send(house.signed(&shop, Request::post("/v1/payments", &body).once(&key())));
        assert_eq!((bill.status, bill.json()["amount_minor"].as_i64()), (201, Some(12_800)));

        let scan = json!({"text": bill.text("/pay_url")});
        let scanned = house.send(Request::post("/v1/codes/scan", &scan).bearer(&phone.token));
        assert_eq!(scanned.text("/next"), "payment");
        assert_eq!(scanned.text("/shop_name"), "Tea House");
        let shown = scanned.json()["payment"].clone();
        let paid = house.pay(&phone, &shown);
        assert_eq!((paid.status, paid.text("/state").as_str()), (200, "paid"));
        assert_eq!(house.balance(phone.buyer), RICH - 12_800);
        prove_entry(&house, &phone.token, &paid.json());

        let target = format!("/v1/payments/{}", text(&shown, "id"));
        let receipt = house.send(Request::get(&target).bearer(&phone.token)).json();
        assert_eq!((receipt["state"].as_str(), receipt["reference"].as_str()), (Some("paid"), Some("A-17")));
        assert_eq!(receipt["order"], order.json()["id"]);
        refund_in_parts(&house, &shop, &target);
        assert_eq!(house.balance(phone.buyer), RICH);
        assert_eq!(house.transfers(&shown), 3);
    });
}

/// AU: the promise of the answer holds, and once a checkpoint covers the entry the receipt proves it.
fn prove_entry(house: &House, token: &str, paid: &Value) {
    let log = house.at.signer.verifier_key().clone();
    let promise = verify_promise(&log, paid["audit"]["promise"].as_str().unwrap()).unwrap();
    assert_eq!(promise.leaf.entry_id.to_string(), paid["audit"]["entry"]);
    let target = format!("/v1/payments/{}/proof", text(paid, "id"));
    let ask = || house.send(Request::get(&target).bearer(token));
    assert_eq!(ask().text("/standing"), "pending");
    let file = AnchorFile::new(&house.at.checkpoints);
    let mut sequencer = Sequencer::open((*house.at.signer).clone(), "test", file).unwrap();
    sequencer.step(&house.at.db, house.now()).unwrap();
    let proof = ask();
    assert_eq!(proof.text("/standing"), "included");
    let leaf = leaf_hash(&proof.text("/text"));
    assert_eq!(leaf, promise.leaf.leaf_hash);
    assert!(Inclusion::parse(&proof.text("/proof")).unwrap().verify(&log, &leaf).is_ok());
    assert!(Inclusion::parse(&proof.text("/proof")).unwrap().verify(&log, &leaf_hash("another")).is_err());
}

/// RFC 6962, as anybody can compute it: SHA-256 of a zero byte and the entry's text.
fn leaf_hash(entry: &str) -> Digest {
    let hash = digest(&SHA256, &[&[0], entry.as_bytes()].concat());
    Digest(hash.as_ref().try_into().unwrap())
}

fn refund_in_parts(house: &House, shop: &crate::house::Shop, target: &str) {
    let refund = |body: Value| {
        let request = Request::post(&format!("{target}/refunds"), &body).once(&key());
        house.send(house.signed(shop, request))
    };
    let state = || house.send(house.signed(shop, Request::get(target))).text("/state");
    assert_eq!(refund(json!({"amount_minor": 12_801, "currency": "CNY"})).code(), "refund_too_large");
    assert_eq!(refund(json!({"amount_minor": 2_800, "currency": "CNY", "reason": "one cup"})).status, 201);
    assert_eq!(state(), "partly_refunded");
    assert_eq!(refund(json!({"amount_minor": 10_001, "currency": "CNY"})).code(), "refund_too_large");
    assert_eq!(refund(json!({})).json()["amount_minor"], 10_000);
    assert_eq!(state(), "refunded");
    assert_eq!(refund(json!({})).code(), "not_refundable");
    let list = house.send(house.signed(shop, Request::get(&format!("{target}/refunds")))).json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
}

#[test]
fn too_little_money_declines_and_is_no_error() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(500));
        let answer = house.pay(&phone, &house.bill(&shop, 501));
        assert_eq!((answer.status, answer.text("/state").as_str()), (200, "declined"));
        assert_eq!(answer.text("/decline"), "insufficient_funds");
        assert_eq!(house.balance(phone.buyer), 500);
        house.paid(&shop, &phone, 500);
        assert_eq!(house.balance(phone.buyer), 0);
    });
}

#[test]
fn fr_3_a_paused_payment_goes_on_with_yes_and_stops_with_no() {
    each_house(|house| {
        let (shop, phone, other) = (house.shop("SG"), house.buyer(RICH), house.buyer(RICH));
        let answer = |id: &str, body: Value, token: &str| {
            house.send(Request::post(&format!("/v1/payments/{id}/answer"), &body).once(&key()).bearer(token))
        };
        for (was_me, state) in [(true, "paid"), (false, "declined")] {
            let bill = house.bill(&shop, ASKED);
            let id = text(&bill, "id");
            assert_eq!(house.pay(&phone, &bill).text("/state"), "paused");
            assert_eq!(house.transfers(&bill), 0);
            assert_eq!(answer(&id, json!({"it_was_me": true, "pin": PIN}), &other.token).status, 404);
            assert_eq!(answer(&id, json!({"it_was_me": true}), &phone.token).status, 400);
            assert_eq!(
                answer(&id, json!({"it_was_me": true, "pin": WRONG_PIN}), &phone.token).code(),
                "pin_wrong"
            );
            assert_eq!(
                answer(&id, json!({"it_was_me": was_me, "pin": PIN}), &phone.token).text("/state"),
                state
            );
            assert_eq!(house.transfers(&bill), usize::from(was_me));
        }
    });
}

#[test]
fn fr_3_a_payment_in_review_waits_for_a_member() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let (_, risk) = house.member(shop.id, identity::Role::Risk);
        for (approve, state) in [(true, "paid"), (false, "declined")] {
            let bill = house.bill(&shop, REVIEWED);
            assert_eq!(house.pay(&phone, &bill).text("/state"), "in_review");
            let queue = house.send(Request::get("/v1/reviews").bearer(&risk)).json();
            assert_eq!(queue["data"][0]["payment"]["id"], bill["id"]);
            let target = format!("/v1/reviews/{}/decision", text(&bill, "id"));
            let decide = |note: &str| {
                let body = json!({"approve": approve, "note": note});
                house.send(Request::post(&target, &body).once(&key()).bearer(&risk))
            };
            assert_eq!(decide(" ").status, 400, "a decision has a reason");
            assert_eq!(decide("called the buyer").text("/state"), state);
            assert_eq!(decide("again").code(), "payment_not_waiting");
            assert_eq!(house.transfers(&bill), usize::from(approve));
        }
    });
}

#[test]
fn fr_3_a_blocked_payment_is_declined_and_keeps_its_reasons_from_the_buyer() {
    let house = House::new();
    let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
    let bill = house.bill(&shop, BLOCKED);
    let answer = house.pay(&phone, &bill);
    assert_eq!(
        (answer.text("/state").as_str(), answer.text("/decline").as_str()),
        ("declined", "not_accepted")
    );
    assert!(!answer.json().to_string().contains("blocked"), "{}", answer.json());
    let (_, risk) = house.member(shop.id, identity::Role::Risk);
    let decision =
        house.send(Request::get(&format!("/v1/decisions/{}", answer.text("/decision"))).bearer(&risk));
    assert_eq!(decision.text("/reasons/0/rule"), "blocked");
}

#[test]
fn c21_five_wrong_pins_lock_paying_and_change_nothing() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let bill = house.bill(&shop, 900);
        for left in (0..5).rev() {
            let answer = house.send(house.confirmation(&phone, &bill, WRONG_PIN, &key()));
            assert_eq!((answer.status, answer.code().as_str()), (403, "pin_wrong"), "{left} left");
        }
        assert_eq!(house.pay(&phone, &bill).code(), "pin_locked");
        assert_eq!((house.state(&bill), house.transfers(&bill)), (payments::State::Waiting, 0));
    });
}

#[test]
fn c19_a_day_at_a_chinese_shop_has_its_limit() {
    each_house(|house| {
        let (shop, phone) = (house.shop("CN"), house.buyer(RICH));
        house.paid(&shop, &phone, 499_999);
        assert_eq!(house.pay(&phone, &house.bill(&shop, 2)).code(), "day_limit");
        house.paid(&shop, &phone, 1);
        assert_eq!(house.pay(&phone, &house.bill(&shop, 1)).code(), "day_limit");
        house.wait(86_400);
        house.paid(&shop, &phone, 1);
    });
}

#[test]
fn c20_what_was_confirmed_must_be_what_the_payment_is() {
    each_house(|house| {
        let (shop, other, phone) = (house.shop("SG"), house.shop("SG"), house.buyer(RICH));
        let bill = house.bill(&shop, 900);
        let twin = house.bill(&other, 900);
        for (field, value) in
            [("amount_minor", json!(901)), ("currency", json!("USD")), ("shop", twin["shop"].clone())]
        {
            let mut seen = bill.clone();
            seen[field] = value;
            let refused = house.pay(&phone, &seen);
            assert_eq!((refused.status, refused.code().as_str()), (422, "confirmation_mismatch"), "{field}");
        }
        assert_eq!(house.transfers(&bill), 0);
        assert_eq!(house.pay(&phone, &bill).text("/state"), "paid");
    });
}

#[test]
fn c18_each_code_that_cannot_be_paid_says_why() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let scan = |url: &str| {
            house.send(Request::post("/v1/codes/scan", &json!({"text": url})).bearer(&phone.token)).code()
        };
        let bill = house.bill(&shop, 900);
        let url = text(&bill, "pay_url");
        assert_eq!(scan(&url), "");
        assert_eq!(scan("https://elsewhere.example/p/x"), "code_malformed");
        assert_eq!(scan(&url.replace("pay.example", "pay.evil.example")), "code_malformed");
        let (head, tail) = url.split_at(url.len() - 4);
        let turned: String = tail.chars().rev().collect();
        let altered = format!("{head}{}", if turned == tail { "AAAA".to_owned() } else { turned });
        assert_eq!(scan(&altered), "code_altered");
        house.pay(&phone, &bill);
        assert_eq!(scan(&url), "code_used");
        assert_eq!(scan(&altered), "code_altered", "a forger does not learn that it was used");

        let late = house.bill(&shop, 900);
        house.wait(900);
        assert_eq!(scan(&text(&late, "pay_url")), "code_expired");
        assert_eq!(house.pay(&phone, &late).code(), "payment_expired");
        // An app that knows the shop it stands in refuses another one's code, and says so for each kind.
        let other = house.shop("SG");
        let at = |url: &str, shop: &str| {
            let body = json!({"text": url, "shop": shop});
            house.send(Request::post("/v1/codes/scan", &body).bearer(&phone.token))
        };
        let (here, there) = (shop.id.to_string(), other.id.to_string());
        let fresh = text(&house.bill(&shop, 900), "pay_url");
        assert_eq!(at(&fresh, &here).text("/next"), "payment");
        let refused = at(&fresh, &there);
        assert_eq!((refused.status, refused.code().as_str()), (422, "code_other_shop"));
        assert_eq!(at(&url, &there).code(), "code_other_shop", "and not that it was used");
        assert_eq!(at(&fresh, "nonsense").status, 400);
        let printed = Request::post("/v1/codes", &json!({"name": "Till 1"})).once(&key());
        let printed = house.send(house.signed(&shop, printed)).json();
        assert_eq!(at(&text(&printed, "url"), &there).code(), "code_other_shop");
        let begin = |shop: &str| {
            let body = json!({"amount_minor": 500, "currency": "CNY", "shop": shop});
            let target = format!("/v1/codes/{}/payments", text(&printed, "id"));
            house.send(Request::post(&target, &body).once(&key()).bearer(&phone.token))
        };
        let refused = begin(&there);
        assert_eq!((refused.status, refused.code().as_str()), (422, "code_other_shop"));
        assert_eq!(begin(&here).status, 201);

        let taken = house.bill(&shop, 900);
        let cancel =
            Request::post(&format!("/v1/payments/{}/cancel", text(&taken, "id")), &json!({})).once(&key());
        assert_eq!(house.send(house.signed(&shop, cancel)).status, 200);
        assert_eq!(scan(&text(&taken, "pay_url")), "code_revoked");
        assert_eq!(house.pay(&phone, &taken).code(), "payment_not_waiting");
    });
}

#[test]
fn c18_a_printed_code_asks_for_the_amount_until_it_is_taken_back() {
    let house = House::new();
    let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
    let code = house
        .send(house.signed(&shop, Request::post("/v1/codes", &json!({"name": "Till 1"})).once(&key())))
        .json();
    let scan = || {
        let request = Request::post("/v1/codes/scan", &json!({"text": code["url"]}));
        house.send(request.bearer(&phone.token))
    };
    assert_eq!(scan().text("/next"), "amount");
    let pay = |minor: i64, currency: &str| {
        let body = json!({"amount_minor": minor, "currency": currency});
        let target = format!("/v1/codes/{}/payments", text(&code, "id"));
        house.send(Request::post(&target, &body).once(&key()).bearer(&phone.token))
    };
    let other = pay(700, "USD");
    assert_eq!((other.status, other.text("/error/details/0/field").as_str()), (400, "currency"));
    assert_eq!(house.pay(&phone, &pay(700, "CNY").json()).text("/state"), "paid");
    let revoke = Request::post(&format!("/v1/codes/{}/revoke", text(&code, "id")), &json!({})).once(&key());
    assert_eq!(house.send(house.signed(&shop, revoke)).status, 200);
    assert_eq!(scan().code(), "code_revoked");
    assert_eq!(pay(700, "CNY").code(), "code_revoked");
}

#[test]
fn limits_of_a_payment_hold_on_both_sides() {
    let house = House::new();
    let shop = house.shop("SG");
    let make =
        |body: Value| house.send(house.signed(&shop, Request::post("/v1/payments", &body).once(&key())));
    let amount = |minor: i64| json!({"amount_minor": minor, "currency": "CNY"});
    let with = |field: &str, value: Value| {
        let mut body = amount(1);
        body[field] = value;
        body
    };
    for good in [
        amount(1),
        amount(1_000_000_000_000),
        with("reference", json!("r".repeat(64))),
        with("description", json!("茶".repeat(140))),
        with("expires_in_seconds", json!(30)),
        with("expires_in_seconds", json!(86_400)),
    ] {
        assert_eq!(make(good.clone()).status, 201, "{good}");
    }
    for (bad, field) in [
        (amount(0), "amount_minor"),
        (amount(1_000_000_000_001), "amount_minor"),
        (with("currency", json!("CNX")), "currency"),
        (with("reference", json!("r".repeat(65))), "reference"),
        (with("description", json!("茶".repeat(141))), "description"),
        (with("expires_in_seconds", json!(29)), "expires_in_seconds"),
        (with("expires_in_seconds", json!(86_401)), "expires_in_seconds"),
        (with("terminal", json!("trm_x")), "terminal"),
        (with("tip", json!(1)), "tip"),
        (json!({}), "amount_minor"),
    ] {
        let refused = make(bad.clone());
        assert_eq!(refused.status, 400, "{bad}: {}", refused.json());
        assert!(refused.json()["error"].to_string().contains(field), "{bad}: {}", refused.json());
    }
}

#[test]
fn all_problems_of_a_body_are_told_at_once() {
    let house = House::new();
    let shop = house.shop("SG");
    let body = json!({"amount_minor": 0, "currency": "CNX", "reference": ""});
    let refused = house.send(house.signed(&shop, Request::post("/v1/orders", &body).once(&key()))).json();
    let details = refused["error"]["details"].to_string();
    assert!(["currency", "reference"].iter().all(|field| details.contains(field)), "{refused}");
}

#[test]
fn lists_are_paged_newest_first_and_end() {
    each_house(|house| {
        let shop = house.shop("SG");
        let made: Vec<String> = (1..=5)
            .map(|minor| {
                house.wait(1);
                text(&house.bill(&shop, minor), "id")
            })
            .collect();
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let target = format!("/v1/payments?limit=2{cursor}");
            let page = house.send(house.signed(&shop, Request::get(&target))).json();
            let data = page["data"].as_array().unwrap().clone();
            seen.extend(data.iter().map(|payment| text(payment, "id")));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert!(seen.iter().rev().eq(made.iter()), "{seen:?}");
    });
}

#[test]
fn the_description_of_the_api_is_served_and_names_each_operation_once() {
    let house = House::new();
    let served = house.send(Request::get("/openapi.json")).json();
    assert_eq!(served["openapi"].as_str().map(|v| v.starts_with("3.")), Some(true));
    let api = serde_json::to_value(openapi()).unwrap();
    assert_eq!(served, api);
    let mut ids: Vec<String> = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            ids.push(text(operation, "operationId"));
            let named = operation["parameters"].as_array().cloned().unwrap_or_default();
            for parameter in named.iter().filter(|parameter| parameter["in"] == "path") {
                assert!(path.contains(&format!("{{{}}}", text(parameter, "name"))), "{path}: {parameter}");
            }
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}
