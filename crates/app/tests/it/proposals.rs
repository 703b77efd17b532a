//! What a second person reads before they say yes: who gets which role, and what it would change (C13, AZ-6).

use axum::http::Method;
use identity::Role;
use serde_json::{Value, json};
use testkit::http::{Answer, Request};

use crate::browsing;
use crate::house::{House, each_house};

fn put(house: &House, session: &str, path: &str, body: &Value) -> Answer {
    house.send(Request::new(Method::PUT, path).json(body).bearer(session))
}

/// The page of approvals as `session` sees it.
fn shown(house: &House, session: &str) -> String {
    let page = house.send(browsing::page("/desk/approvals", Some(session)));
    assert_eq!(page.status, 200);
    String::from_utf8_lossy(&page.body).into_owned()
}

#[track_caller]
fn has(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "`{word}` is missing in {page}");
    }
}

#[test]
fn c13_who_gets_a_role_and_what_they_may_then_stands_on_the_page() {
    each_house(|house| {
        let shop = house.shop("SG").id;
        let (first, second) = (house.member(shop, Role::Owner).1, house.member(shop, Role::Owner).1);
        let cashier = house.member(shop, Role::Cashier).0;
        let waits =
            put(&house, &first, &format!("/v1/members/{cashier}/roles"), &json!({"roles": ["finance"]}));
        assert_eq!(waits.status, 202, "{}", waits.json());
        let page = shown(&house, &second);
        has(&page, &["Li Si</a> · Finance", &format!("href=\"/desk/members/{cashier}\"")]);
        let (gains, loses) = page.split_once("May no longer:").unwrap();
        let gains = gains.split_once("May then:").unwrap().1;
        has(gains, &["give money back", "change where money is paid out to"]);
        has(loses, &["make codes and payments"]);
        assert!(!gains.contains("sign in ·"), "what everybody may is no difference: {gains}");
        assert!(!gains.contains("see payments, codes and refunds"), "a cashier may that already: {gains}");
    });
}

#[test]
fn c13_somebody_who_is_to_be_invited_is_named_until_it_is_decided() {
    each_house(|house| {
        let shop = house.shop("SG").id;
        let (first, second) = (house.member(shop, Role::Owner).1, house.member(shop, Role::Owner).1);
        let person = json!({"name": "Wang Wu", "email": "wang.wu@mail.example", "roles": ["owner"]});
        let invite = || house.send(Request::post("/v1/members", &person).bearer(&first));
        let sealed = || {
            let sql = "SELECT COUNT(*) FROM approvals WHERE invited IS NOT NULL";
            house.read(|tx| tx.query(sql, &[])?.first().map_or(Ok(0), |row| row.int(0)))
        };
        let waits = invite();
        assert_eq!(waits.status, 202, "{}", waits.json());
        has(&shown(&house, &second), &["wang.wu@mail.example, who is to be invited", "Owner"]);
        let listed = house.send(Request::get("/v1/approvals").bearer(&second));
        assert_eq!(listed.text("/data/0/invited"), "wang.wu@mail.example", "over the API as well");
        assert_eq!(sealed(), 1);
        let no = format!("/v1/approvals/{}/refuse", waits.text("/approval"));
        assert_eq!(house.send(Request::post(&no, &json!({})).bearer(&second)).status, 200);
        assert_eq!(sealed(), 0, "whom nobody invited is forgotten");

        let waits = invite();
        let yes = format!("/v1/approvals/{}/approve", waits.text("/approval"));
        assert_eq!(house.send(Request::post(&yes, &json!({})).bearer(&second)).status, 200);
        has(&shown(&house, &first), &["wang.wu@mail.example"]);
        assert_eq!(invite().status, 201);
        assert_eq!(sealed(), 0);

        let other = json!({"name": "Wang Wu", "email": "wu@mail.example", "roles": ["owner"]});
        assert_eq!(house.send(Request::post("/v1/members", &other).bearer(&first)).status, 202);
        let sweep = |house: &House| house.write(identity::sweep);
        sweep(&house);
        assert_eq!(sealed(), 1);
        house.wait(identity::limits::APPROVAL_WAIT_SECONDS);
        sweep(&house);
        assert_eq!(sealed(), 0, "what nobody decided is forgotten when its time runs out");
    });
}

#[test]
fn c13_what_a_changed_role_would_hold_stands_on_the_page() {
    let house = House::new();
    let shop = house.shop("SG").id;
    let (first, second) = (house.member(shop, Role::Owner).1, house.member(shop, Role::Owner).1);
    let cashier = house.member(shop, Role::Cashier).0;
    let role = json!({"name": "night shift", "permissions": ["view payments", "manage codes"]});
    let role = house.send(Request::post("/v1/roles", &role).bearer(&first)).text("/id");
    let given = put(&house, &first, &format!("/v1/members/{cashier}/roles"), &json!({"roles": [role]}));
    assert_eq!(given.status, 204, "{}", given.json());
    let wider = json!({"name": "night and day", "permissions": ["view payments", "manage API keys"]});
    let waits = put(&house, &first, &format!("/v1/roles/{role}"), &wider);
    assert_eq!(waits.status, 202, "{}", waits.json());
    let page = shown(&house, &second);
    has(&page, &[&format!("<a href=\"/desk/roles/{role}\">night shift → night and day</a>")]);
    has(&page, &["May then: make and revoke API keys</span>", "May no longer: make printed codes</span>"]);
}

#[test]
fn c13_each_proposal_leads_to_the_page_it_is_about() {
    let house = House::new();
    let shop = house.shop("SG").id;
    let (first, second) = (house.member(shop, Role::Owner).1, house.member(shop, Role::Owner).1);
    let mut more = house.send(Request::get("/v1/openings/limits").bearer(&first)).json();
    more["shop_hour"] = json!(more["shop_hour"].as_i64().unwrap() + 1);
    assert_eq!(put(&house, &first, "/v1/openings/limits", &more).status, 202);
    let page = shown(&house, &second);
    has(&page, &["openings: "]);
    assert!(!page.contains("/desk/refunds/limit"), "that limit is another one: {page}");
    let path = "/v1/refund_limits/CNY";
    assert_eq!(put(&house, &first, path, &json!({"amount_minor": 500})).status, 200);
    assert_eq!(put(&house, &first, path, &json!({"amount_minor": 501})).status, 202);
    has(&shown(&house, &second), &["href=\"/desk/refunds/limit\""]);
    let lost = house.member(shop, Role::Cashier).0;
    let reset = Request::post(&format!("/v1/members/{lost}/factor_resets"), &json!({})).bearer(&first);
    assert_eq!(house.send(reset).status, 202);
    has(&shown(&house, &second), &[&format!("<a href=\"/desk/members/{lost}\">Li Si</a>")]);
}
