//! A shop that asks buyers for a second factor above an amount, over HTTP.

use axum::http::Method;
use base::Secret;
use identity::factors::{FactorKind, NewFactor};
use identity::limits::BUYER_FACTOR_SECONDS;
use identity::{Label, Person, Role};
use serde_json::{Value, json};
use testkit::http::Request;

use crate::house::{House, Phone, RICH, each_house};

const ABOVE: i64 = 5_000;

/// Gives a second factor again: the same phone with the session's new token.
fn step_up(house: &House, phone: &Phone, secret: &Secret<Vec<u8>>) -> Phone {
    let code = identity::show_code(secret, house.now()).unwrap();
    let body = json!({"kind": "totp", "code": code.expose()});
    let done = house.send(Request::post("/v1/session/step-up", &body).bearer(&phone.token));
    assert_eq!(done.status, 200, "{}", done.json());
    Phone { buyer: phone.buyer, session: done.text("/session"), token: done.text("/token") }
}

#[test]
fn c05_above_the_shops_amount_a_pin_alone_is_refused_and_a_fresh_second_factor_pays() {
    each_house(|house| {
        let shop = house.shop("SG");
        let (_, owner) = house.member(shop.id, Role::Owner);
        let set = |above: Value| {
            let body = json!({"factor_above_minor": above});
            let asked = Request::new(Method::PUT, "/v1/shop/buyer_policy").json(&body).bearer(&owner);
            assert!(house.send(asked).is_ok());
        };
        let phone = house.buyer(RICH);
        set(json!(ABOVE));
        house.paid(&shop, &phone, ABOVE);
        let bill = house.bill(&shop, ABOVE + 1);
        let refused = house.pay(&phone, &bill);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "buyer_factor_needed"),
            "{}",
            refused.json()
        );
        assert_eq!(house.balance(phone.buyer), RICH - ABOVE, "no money moved");

        let secret = Secret::new(vec![7; 20]);
        let (buyer, kept) = (phone.buyer, secret.clone());
        house.write(move |tx, means| {
            let label = Label::parse("test").unwrap();
            let new = NewFactor { kind: FactorKind::Totp, label: &label, secret: &kept };
            let fault = |e: identity::factors::FactorError| store::Error::Bug(e.to_string());
            identity::factors::add_factor(tx, means, Person::Buyer(buyer), &new).map(drop).map_err(fault)
        });
        assert_eq!(
            house.pay(&phone, &bill).code(),
            "buyer_factor_needed",
            "one that was not given counts not"
        );
        let phone = step_up(&house, &phone, &secret);
        let done = house.pay(&phone, &bill);
        assert_eq!((done.status, done.text("/state").as_str()), (200, "paid"), "{}", done.json());
        house.wait(BUYER_FACTOR_SECONDS);
        let bill = house.bill(&shop, ABOVE + 1);
        assert_eq!(house.pay(&phone, &bill).code(), "buyer_factor_needed", "five minutes later it is old");
        set(Value::Null);
        let phone = house.other_phone(&phone);
        assert_eq!(
            house.pay(&phone, &house.bill(&shop, ABOVE + 1)).status,
            200,
            "where nothing is asked for"
        );
    });
}
