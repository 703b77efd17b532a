//! The payout account over HTTP and on its page (AZ-1, AZ-4, AZ-6, C13): refusals, two people, races.

use axum::http::Method;
use identity::Role;
use serde_json::{Value, json};
use testkit::http::{Answer, Request};
use tokens::limits::PAYOUT_COOLING_SECONDS;

use crate::browsing;
use crate::house::{House, Shop, each_house, text};

const HERE: &str = "/v1/payout-account";
/// How long a second factor counts for a change, seconds.
const FRESH_SECONDS: i64 = 900;

fn iban(number: &str) -> Value {
    json!({"holder": "Tea House Ltd", "scheme": "iban", "number": number})
}

fn put(session: &str, number: &str) -> Request {
    Request::new(Method::PUT, HERE).json(&iban(number)).bearer(session)
}

fn withdraw(session: &str) -> Request {
    Request::new(Method::DELETE, "/v1/payout-account/next").bearer(session)
}

fn look(house: &House, session: &str) -> Value {
    house.send(Request::get(HERE).bearer(session)).json()
}

fn gist(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

const GOOD: &str = "GB29 NWBK 6016 1331 9268 19";
const OTHER: &str = "DE89 3704 0044 0532 0130 00";

#[test]
fn az_1_who_may_not_changes_nothing_and_a_stale_second_factor_is_asked_for_again() {
    let house = House::new();
    let shop: Shop = house.shop("SG");
    let (_, owner) = house.member(shop.id, Role::Owner);
    let nobody = Request::new(Method::PUT, HERE).json(&iban(GOOD));
    assert_eq!(house.send(nobody.clone()).status, 401);
    assert_eq!(house.send(house.signed(&shop, nobody)).status, 401, "a key is no person");
    for role in [Role::Manager, Role::Cashier, Role::Support, Role::Risk, Role::Security, Role::Auditor] {
        let (_, member) = house.member(shop.id, role);
        assert_eq!(house.send(put(&member, GOOD)).status, 403, "{}", role.name());
        assert_eq!(house.send(withdraw(&member)).status, 403, "{}", role.name());
    }
    house.wait(FRESH_SECONDS - 300);
    assert_eq!(look(&house, &owner)["next"], Value::Null);
    house.wait(300);
    assert_eq!(gist(&house.send(put(&owner, GOOD))), (403, "step_up_needed".to_owned()));
    let page = house.send(browsing::page("/desk/payout-account/change", Some(&owner)));
    let door = page.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
    assert!(page.status == 303 && door.starts_with("/sign-in/again"), "{} {door}", page.status);
    let elsewhere = house.member(house.shop("SG").id, Role::Owner).1;
    assert_eq!(gist(&house.send(withdraw(&elsewhere))), (404, "not_found".to_owned()));
    assert_eq!(look(&house, &elsewhere)["next"], Value::Null);
    let (_, fresh) = house.member(shop.id, Role::Finance);
    assert_eq!(look(&house, &fresh)["next"], Value::Null);
    let wrong = house.send(put(&fresh, "GB29 NWBK 6016 1331 9268 18"));
    assert_eq!(
        (wrong.status, wrong.text("/error/details/0/field").as_str()),
        (400, "number"),
        "{}",
        wrong.json()
    );
    assert!(!wrong.json().to_string().contains("9268"), "{}", wrong.json());
}

#[test]
fn az_6_a_second_persons_yes_on_the_approvals_page_begins_the_48_hours() {
    each_house(|house| {
        let shop = house.shop("SG");
        let (_, owner) = house.member(shop.id, Role::Owner);
        let (_, finance) = house.member(shop.id, Role::Finance);
        let waits = house.send(put(&finance, GOOD));
        assert_eq!((waits.status, waits.text("/state").as_str()), (202, "waiting"), "{}", waits.json());
        let shown = house.send(browsing::page("/desk/payout-account", Some(&owner)));
        let shown = String::from_utf8_lossy(&shown.body).into_owned();
        assert!(shown.contains("GB****6819") && shown.contains("Approve GB****6819"), "{shown}");
        assert!(!shown.contains("NWBK"), "{shown}");
        let button = format!("/desk/approvals/{}/approve", waits.text("/approval"));
        let press = |session: &str| house.ask(browsing::form(&button, &[], Some(session)), None);
        assert_eq!(press(&finance).0, 403, "nobody approves what they proposed");
        assert_eq!(press(&owner), (303, "/desk/approvals".to_owned()));
        let begun = look(&house, &owner);
        assert_eq!(begun["current"], Value::Null);
        assert!(begun["next"]["effective_at"].is_string(), "{begun}");
        house.wait(PAYOUT_COOLING_SECONDS);
        let (_, late) = house.member(shop.id, Role::Finance);
        let counts = look(&house, &late);
        assert_eq!(
            (text(&counts["current"], "number").as_str(), &counts["next"]),
            ("GB****6819", &Value::Null)
        );
    });
}

#[test]
fn two_changes_at_once_are_one_and_the_other_is_told() {
    each_house(|house| {
        let shop = house.shop("SG");
        let (_, owner) = house.member(shop.id, Role::Owner);
        let answers = house.send_all(vec![put(&owner, GOOD), put(&owner, OTHER)]);
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        let refused = answers.iter().find(|answer| answer.status == 409).unwrap();
        assert_eq!(refused.code(), "payout_change_waits");
        let stopped = house.send(withdraw(&owner));
        assert_eq!((stopped.status, &stopped.json()["next"]), (200, &Value::Null));
        assert_eq!(house.send(withdraw(&owner)).status, 404);
        let form = [("holder", "Tea House Ltd"), ("scheme", "iban"), ("number", OTHER), ("bank", "")];
        let form = form.map(|(name, value)| (name, value.to_owned()));
        let sent = house.ask(browsing::form("/desk/payout-account/change", &form, Some(&owner)), None);
        assert_eq!(sent, (303, "/desk/payout-account".to_owned()));
        assert_eq!(text(&look(&house, &owner)["next"], "number"), "DE****3000");
    });
}
