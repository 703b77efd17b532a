//! What screening knows of a live payment beyond the payment itself: money that came to the payer in the last day, and the
//! country of the network address. Each rule that uses it fires on real events, and is silent without them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::Method;
use identity::Role;
use payments::Screen;
use risk::Countries;
use serde_json::{Value, json};
use store::testing::Scratch;
use testkit::http::Request;

use crate::house::{House, PIN, Phone, Shop, key, text};

const TABLE: &[u8] =
    b"198.51.100.0,198.51.100.255,SG\n203.0.113.0,203.0.113.255,DE\n2001:db8::,2001:db8:ffff::,DE\n";
const SINGAPORE: &str = "198.51.100.20";
const GERMANY: &str = "203.0.113.20";
const DAY_SECONDS: i64 = 86_400;

fn starter(countries: Option<&[u8]>) -> Screen {
    let countries = countries.map(|table| Arc::new(Countries::parse(table).unwrap()));
    Screen { countries, ..Screen::starter() }
}

/// A house on each engine, with the starter rules.
fn each_screened(countries: Option<&[u8]>, test: impl Fn(&House)) {
    Scratch::each().into_iter().for_each(|scratch| test(&House::on(scratch).screened(starter(countries))));
}

/// Money comes in, as an operator enters it.
#[track_caller]
fn top_up(house: &House, phone: &Phone, amount_minor: i64) {
    let body = json!({"buyer": phone.buyer.to_string(), "amount_minor": amount_minor, "currency": "CNY"});
    let made = house.send(Request::post("/v1/top_ups", &body).once(&key()).bearer(&house.keeper()));
    assert_eq!(made.status, 201, "{}", made.json());
}

#[track_caller]
fn refund(house: &House, shop: &Shop, payment: &Value, amount_minor: i64) {
    let body = json!({"amount_minor": amount_minor, "currency": "CNY"});
    let request = Request::post(&format!("/v1/payments/{}/refunds", text(payment, "id")), &body).once(&key());
    let made = house.send(house.signed(shop, request));
    assert_eq!(made.status, 201, "{}", made.json());
}

/// Confirms a new bill from an address; the payment as it then is.
#[track_caller]
fn pay_from(house: &House, shop: &Shop, phone: &Phone, amount_minor: i64, from: &str) -> Value {
    let from: IpAddr = from.parse().unwrap();
    let bill = house.bill(shop, amount_minor);
    let answer = house.send(house.confirmation(phone, &bill, PIN, &key()).passed_on_for(from));
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

fn pay(house: &House, shop: &Shop, phone: &Phone, amount_minor: i64) -> Value {
    pay_from(house, shop, phone, amount_minor, SINGAPORE)
}

/// Whether a rule was among the reasons of a payment's decision, as those who work on risk are shown them.
#[track_caller]
fn fired(house: &House, shop: &Shop, payment: &Value, rule: &str) -> bool {
    let (_, risk) = house.member(shop.id, Role::Risk);
    let shown =
        house.send(Request::get(&format!("/v1/decisions/{}", text(payment, "decision"))).bearer(&risk));
    assert_eq!(shown.status, 200, "{}", shown.json());
    let reasons = shown.json()["reasons"].as_array().cloned().unwrap();
    reasons.iter().any(|reason| reason["rule"] == rule)
}

#[test]
fn money_topped_up_and_paid_out_at_once_by_a_new_account_is_reviewed() {
    each_screened(None, |house| {
        let shop = house.shop("SG");
        let drawn = |before: &[i64], wait: i64, amount: i64| {
            let phone = house.buyer(0);
            before.iter().for_each(|minor| top_up(house, &phone, *minor));
            house.wait(wait);
            let phone = house.other_phone(&phone);
            let paid = pay(house, &shop, &phone, amount);
            (fired(house, &shop, &paid, "top_up_and_out"), text(&paid, "state"))
        };
        assert_eq!(drawn(&[130_000, 120_000], 60, 240_000), (true, "in_review".to_owned()));
        assert_eq!(drawn(&[250_000], DAY_SECONDS - 1, 240_000), (true, "in_review".to_owned()));
        // A day old, far more than is paid, or too little to mind.
        assert!(!drawn(&[250_000], DAY_SECONDS, 240_000).0);
        assert!(!drawn(&[500_000], 60, 240_000).0);
        assert!(!drawn(&[190_000], 60, 180_000).0);
    });
}

#[test]
fn paying_again_what_the_shop_gave_back_today_is_reviewed() {
    each_screened(None, |house| {
        let (shop, other) = (house.shop("SG"), house.shop("SG"));
        let trip = |gives: &Shop, given: i64, wait: i64| {
            let phone = house.buyer(0);
            top_up(house, &phone, 500_000);
            let first = pay(house, gives, &phone, 60_000);
            assert_eq!(text(&first, "state"), "paid");
            refund(house, gives, &first, given / 2);
            refund(house, gives, &first, given - given / 2);
            house.wait(wait);
            let phone = house.other_phone(&phone);
            for _ in 0..3 {
                assert_eq!(text(&pay(house, &shop, &phone, 1_000), "state"), "paid");
            }
            fired(house, &shop, &pay(house, &shop, &phone, 60_000), "refund_round_trip")
        };
        assert!(trip(&shop, 60_000, 60));
        assert!(trip(&shop, 48_000, DAY_SECONDS - 1), "four fifths are enough, for a day");
        // Too little, another shop's, or of yesterday.
        assert!(!trip(&shop, 47_999, 60));
        assert!(!trip(&other, 60_000, 60));
        assert!(!trip(&shop, 60_000, DAY_SECONDS));
    });
}

/// Pays from home, then a larger amount from `from`; whether the countries were told apart.
#[track_caller]
fn travelled(house: &House, from: &str, on_new_device: bool) -> bool {
    let shop = house.shop("SG");
    let phone = house.buyer(1_000_000);
    assert_eq!(text(&pay(house, &shop, &phone, 1_000), "state"), "paid");
    let phone = if on_new_device { house.other_phone(&phone) } else { phone };
    let paid = pay_from(house, &shop, &phone, 100_000, from);
    fired(house, &shop, &paid, "country_mismatch_high")
}

#[test]
fn a_new_device_in_another_country_is_asked() {
    each_screened(Some(TABLE), |house| {
        assert!(travelled(house, GERMANY, true));
        assert!(travelled(house, "2001:db8::7", true));
        assert!(!travelled(house, GERMANY, false), "a device that paid before");
        assert!(!travelled(house, SINGAPORE, true), "at home");
        assert!(!travelled(house, "192.0.2.1", true), "in no range of the table");
    });
}

#[test]
fn without_a_table_no_address_has_a_country() {
    each_screened(None, |house| assert!(!travelled(house, GERMANY, true)));
}

#[test]
fn a_decision_alone_looks_the_country_up_where_it_is_left_out() {
    let house = House::new().screened(starter(Some(TABLE)));
    let shop = house.shop("SG");
    let asked = |more: Value| {
        let mut body = json!({"amount_minor": 200_000, "currency": "CNY", "payer": key(), "device": "d",
            "payer_country": "SG"});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let request = Request::post("/v1/decisions", &body).once(&key());
        let made = house.send(house.signed(&shop, request)).json();
        made["reasons"].as_array().unwrap().iter().any(|reason| reason["rule"] == "country_mismatch_high")
    };
    assert!(asked(json!({"address": GERMANY})));
    assert!(asked(json!({"address_country": "DE"})));
    assert!(!asked(json!({"address": GERMANY, "address_country": "SG"})), "what the shop says comes first");
    assert!(!asked(json!({"address": SINGAPORE})));
    assert!(!asked(json!({"address": "a hash of it"})));
}

/// Confirms a new bill from where the payer's device says it is; the payment as it then is.
#[track_caller]
fn pay_at(house: &House, shop: &Shop, phone: &Phone, amount_minor: i64, (north, east): (f64, f64)) -> Value {
    let bill = house.bill(shop, amount_minor);
    let mut body = json!({
        "amount_minor": amount_minor, "currency": "CNY", "payee": shop.id.to_string(), "nonce": "5a".repeat(16),
        "pin": PIN, "latitude": north, "longitude": east,
    });
    let target = format!("/v1/payments/{}/confirm", text(&bill, "id"));
    let send = |body: &Value| house.send(Request::post(&target, body).once(&key()).bearer(&phone.token));
    body["latitude"] = json!(90.01);
    assert_eq!(send(&body).status, 400);
    body["latitude"] = json!(north);
    let answer = send(&body);
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

#[test]
fn c35_whoever_disowned_a_payment_is_looked_at_afterwards() {
    each_screened(None, |house| {
        let shop = house.shop("SG");
        let after = |it_was_me: bool| {
            let phone = house.buyer(1_000_000);
            for _ in 0..4 {
                house.wait(3_600);
                assert_eq!(text(&pay_at(house, &shop, &phone, 1_000, (1.35, 103.82)), "state"), "paid");
            }
            house.wait(600);
            let asked = pay_at(house, &shop, &phone, 1_000, (48.86, 2.35));
            assert_eq!(text(&asked, "state"), "paused", "{asked}");
            assert!(fired(house, &shop, &asked, "impossible_travel"));
            let mut body = json!({"it_was_me": it_was_me});
            if it_was_me {
                body["pin"] = json!(PIN);
            }
            let target = format!("/v1/payments/{}/answer", text(&asked, "id"));
            let answer = house.send(Request::post(&target, &body).once(&key()).bearer(&phone.token));
            assert_eq!(answer.status, 200, "{}", answer.json());
            house.wait(20 * DAY_SECONDS);
            fired(house, &shop, &pay(house, &shop, &phone, 2_500), "payer_recent_fraud")
        };
        assert!(after(false));
        assert!(!after(true));
    });
}

/// What `/v1/decisions` answers a shop; `more` is what it tells besides an amount and a payer of its own.
#[track_caller]
fn decide(house: &House, shop: &Shop, more: Value, language: &str) -> Value {
    let mut body = json!({"amount_minor": 1_000, "currency": "CNY", "payer": key(), "device": key()});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    let mut request = Request::post("/v1/decisions", &body).once(&key());
    request.headers.insert("accept-language", language.parse().unwrap());
    let made = house.send(house.signed(shop, request));
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()
}

fn put(target: &str, body: &Value) -> Request {
    Request::new(Method::PUT, target).json(body)
}

fn says(decision: &Value, rule: &str) -> bool {
    decision["reasons"].as_array().unwrap().iter().any(|reason| reason["rule"] == rule)
}

#[test]
fn c34_a_decision_alone_knows_what_the_shop_tells_of_the_payer() {
    let house = House::new().screened(starter(None));
    let shop = house.shop("SG");
    for (rule, told, untold) in [
        (
            "credential_change_then_high",
            json!({"amount_minor": 100_000, "credential_changed_hours": 1}),
            json!({"amount_minor": 100_000, "credential_changed_hours": 24}),
        ),
        ("failed_pins_then_high", json!({"failed_pins": 3}), json!({"failed_pins": 2})),
        (
            "new_device_new_shop_high",
            json!({"amount_minor": 200_000, "device_age_days": 0.5, "payer_account_days": 2}),
            json!({"amount_minor": 200_000, "device_age_days": 1, "payer_account_days": 2}),
        ),
        (
            "static_code_far_away",
            json!({"code": "static", "latitude": 48.86, "longitude": 2.35, "code_latitude": 1.35, "code_longitude": 103.82}),
            json!({"code": "dynamic", "latitude": 48.86, "longitude": 2.35, "code_latitude": 1.35, "code_longitude": 103.82}),
        ),
    ] {
        assert!(says(&decide(&house, &shop, told, "en"), rule), "{rule}");
        assert!(!says(&decide(&house, &shop, untold, "en"), rule), "{rule} without its sign");
    }
}

#[test]
fn c34_a_decision_alone_knows_the_hour_and_the_place_of_the_shop() {
    let house = House::new().screened(starter(None));
    let shop = house.shop("SG");
    let payer = key();
    // Noon and half past one in the afternoon, in the shop's zone.
    for _ in 0..12 {
        decide(&house, &shop, json!({"payer": payer, "device": "d", "amount_minor": 10_000}), "en");
        house.wait(DAY_SECONDS);
    }
    let much = json!({"payer": payer, "device": "d", "amount_minor": 60_000});
    assert!(!says(&decide(&house, &shop, much.clone(), "en"), "night_unusual_amount"), "by day");
    house.wait(13 * 3_600);
    assert!(says(&decide(&house, &shop, much, "en"), "night_unusual_amount"), "half past two at night");
    let far = json!({"code": "static", "latitude": 48.86, "longitude": 2.35});
    assert!(!says(&decide(&house, &shop, far.clone(), "en"), "static_code_far_away"), "nobody said where");
    let (_, owner) = house.member(shop.id, Role::Owner);
    let place = json!({"latitude": 1.35, "longitude": 103.82});
    let set = house.send(put("/v1/shop/place", &place).bearer(&owner));
    assert_eq!((set.status, set.text("/time_zone").as_str()), (200, "Asia/Singapore"), "{}", set.json());
    assert!(says(&decide(&house, &shop, far, "en"), "static_code_far_away"));
    for (body, status) in [
        (json!({"latitude": 90.01, "longitude": 0}), 400),
        (json!({"latitude": 0, "longitude": -180.01}), 400),
        (json!({"latitude": 1}), 400),
        (json!({"latitude": -90, "longitude": 180}), 200),
        (json!({}), 200),
    ] {
        assert_eq!(house.send(put("/v1/shop/place", &body).bearer(&owner)).status, status, "{body}");
    }
    let found = house.send(Request::get("/v1/shop/place").bearer(&owner)).json();
    assert_eq!((&found["latitude"], &found["time_zone"]), (&Value::Null, &json!("Asia/Singapore")));
}

#[test]
fn an_allowed_decision_tells_the_buyer_nothing_for_nobody_was_charged() {
    let house = House::new().screened(starter(None));
    let shop = house.shop("SG");
    let (_, risk) = house.member(shop.id, Role::Risk);
    for lang in ["en", "zh"] {
        let allowed = decide(&house, &shop, json!({"device": "d"}), lang);
        let told = (&allowed["outcome"], &allowed["language"], &allowed["buyer_message"]);
        assert_eq!(told, (&json!("allow"), &json!(lang), &Value::Null), "{allowed}");
        let mut again = Request::get(&format!("/v1/decisions/{}", text(&allowed, "id"))).bearer(&risk);
        again.headers.insert("accept-language", lang.parse().unwrap());
        assert_eq!(house.send(again).json(), allowed);
    }
}

#[test]
fn a_decision_speaks_to_analyst_seller_and_buyer_in_the_language_asked() {
    let house = House::new().screened(starter(None));
    let shop = house.shop("SG");
    let told = |more: Value, header: &str| {
        let mut body = json!({"failed_pins": 3});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        decide(&house, &shop, body, header)
    };
    let words = |decision: &Value| {
        let first = |field: &str| text(decision, field);
        (first("language"), decision["analyst_messages"][0].to_string(), first("buyer_message"))
    };
    let (lang, analyst, buyer) = words(&told(json!({}), "en-GB"));
    assert_eq!((&*lang, &*buyer), ("en", "Please confirm that this payment is yours."));
    assert!(analyst.contains('3') && analyst.is_ascii(), "{analyst}");
    for asked in [told(json!({}), "zh-CN,zh;q=0.9"), told(json!({"language": "zh"}), "en")] {
        let (lang, analyst, buyer) = words(&asked);
        assert_eq!((&*lang, &*buyer), ("zh", "请确认这笔付款是您本人操作。"));
        assert!(!analyst.is_ascii(), "{analyst}");
        assert!(!asked["seller_messages"][0].to_string().is_ascii());
        let (_, risk) = house.member(shop.id, Role::Risk);
        let mut again = Request::get(&format!("/v1/decisions/{}", text(&asked, "id"))).bearer(&risk);
        again.headers.insert("accept-language", "zh".parse().unwrap());
        assert_eq!(house.send(again).json(), asked, "read again, it says the same");
    }
}
