//! AZ-4: what belongs to another shop is as if it did not exist. Generated: each operation whose path names a thing of a
//! shop, and each body that can name one, is asked by people and keys of another shop. They must get the very answer that
//! they get for an id that nobody ever had.

use std::collections::BTreeSet;

use identity::Role;
use serde_json::{Value, json};
use testkit::http::{Answer, Request};

use super::callers::{Call, Thing, Who, find_operation, thing_of};
use super::{Stage, card, cases, key, post, put, text};

/// Those who ask: together they hold every permission that a shop can give to people and keys.
const OTHERS: [Who; 4] = [
    Who::OtherOwner,
    Who::OtherKey(Role::Integration),
    Who::OtherKey(Role::Decisions),
    Who::OtherKey(Role::Detokenise),
];

/// How long the part of an id is that comes after the shop's.
const UNIQUE: usize = 20;

/// The same request for ids of the same shop that nobody ever had.
fn made_up(stage: &Stage, request: &Request) -> Request {
    let shop = format!("_{}", stage.shop.id.short());
    let swap = |text: &str| {
        let mut parts = text.split(&shop);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |out, rest| format!("{out}{shop}{}{}", "0".repeat(UNIQUE), &rest[UNIQUE..]))
    };
    let body = swap(&String::from_utf8(request.body.clone()).unwrap()).into_bytes();
    Request { target: swap(&request.target), body, ..request.clone() }
}

/// Status and error, without what differs from one request to the next.
fn gist(answer: &Answer) -> (u16, String, String) {
    let error = &answer.json()["error"];
    (answer.status, error["code"].to_string(), error["message"].to_string())
}

#[test]
fn az_4_every_id_of_another_shop_in_a_path_is_answered_as_if_it_did_not_exist() {
    let api = serde_json::to_value(app::openapi::openapi()).unwrap();
    let mut asked = 0;
    for case in cases() {
        let (path, _) = find_operation(&api, case.operation);
        if thing_of(path, case.operation) != Thing::OfShop {
            continue;
        }
        let stage = Stage::set();
        for who in OTHERS {
            let call = Call::new(&stage, who);
            let there = (case.request)(&stage);
            let gone = made_up(&stage, &there);
            assert_ne!(there.target, gone.target, "{} names no thing of a shop", case.operation);
            let (found, missed) = (call.send(&stage, there), call.send(&stage, gone));
            assert_eq!(gist(&found), gist(&missed), "{} by {who:?}", case.operation);
            let refused: &[u16] = if who == Who::OtherOwner { &[404] } else { &[401, 403, 404] };
            assert!(refused.contains(&found.status), "{} by {who:?}: {}", case.operation, found.json());
        }
        asked += 1;
    }
    assert!(asked >= 40, "{asked}");
}

/// A body that names a thing, and the request with one of the first shop for somebody of the other shop.
struct Named {
    operation: &'static str,
    field: &'static str,
    request: fn(&Stage) -> Request,
}

/// Fields of bodies that name no thing of a shop, though they are called like one.
const NO_THING: [(&str, &str); 25] = [
    ("accept_invitation", "token"),
    ("confirm_sms", "code"),
    ("confirm_sms", "request"),
    ("create_step_up", "code"),
    ("create_step_up", "request"),
    ("confirm_totp", "code"),
    ("create_certificate", "code"),
    ("create_certificate", "request"),
    // Facts for screening in the caller's own words.
    ("create_decision", "card"),
    ("create_decision", "code"),
    ("create_decision", "device"),
    ("create_decision", "terminal"),
    ("create_second_step", "code"),
    ("create_second_step", "request"),
    ("create_second_step", "token"),
    ("create_setup", "token"),
    // Buyers are the house's.
    ("create_top_up", "buyer"),
    ("finish_address_change", "code"),
    ("finish_contact_change", "code"),
    ("finish_password_reset", "token"),
    ("finish_pin_reset", "code"),
    ("renew_certificate", "request"),
    ("send_second_step_code", "token"),
    ("use_freeze_link", "token"),
    ("verify_buyer_session", "code"),
];

/// How things are called in bodies.
const NOUNS: [&str; 19] = [
    "api_key",
    "approval",
    "buyer",
    "card",
    "certificate",
    "code",
    "customer",
    "device",
    "export",
    "member",
    "order",
    "payment",
    "recipient_key",
    "refund",
    "request",
    "roles",
    "subject",
    "terminal",
    "token",
];

fn named() -> Vec<Named> {
    let named = |operation, field, request| Named { operation, field, request };
    vec![
        named("create_payment", "order", |s| {
            post("/v1/payments".into(), json!({"order": text(&s.order(), "id")}))
        }),
        named("create_payment", "terminal", |s| {
            let body = json!({"amount_minor": 1, "currency": "CNY", "terminal": s.terminal().to_string()});
            post("/v1/payments".into(), body)
        }),
        named("create_code", "terminal", |s| {
            post("/v1/codes".into(), json!({"name": "Till 2", "terminal": s.terminal().to_string()}))
        }),
        named("create_token", "customer", |s| {
            let mut body = card();
            body["customer"] = json!(s.customer("").rsplit('/').next().unwrap());
            post("/v1/tokens".into(), body)
        }),
        named("create_member", "roles", |s| {
            let email = format!("{}@shop.example", key());
            let body = json!({"name": "Wang Wu", "email": email, "roles": [s.light_role()]});
            Request::post("/v1/members", &body)
        }),
        named("update_member_roles", "roles", |s| {
            let (member, _) = s.house.member(s.other.id, Role::Cashier);
            put(format!("/v1/members/{member}/roles"), json!({"roles": [s.light_role()]}))
        }),
        named("decide_access", "subject", |s| {
            let (at, body) = (s.other.id, json!({"subject": s.helper().to_string(), "confirm": true}));
            let review = s.house.write(move |tx, means| identity::open_access_review(tx, means, at));
            Request::post(&format!("/v1/access_reviews/{review}/decisions"), &body)
        }),
    ]
}

#[test]
fn az_4_every_id_of_another_shop_in_a_body_is_answered_as_if_it_did_not_exist() {
    let stage = Stage::set();
    let owner = Call::new(&stage, Who::OtherOwner);
    for case in named() {
        let there = (case.request)(&stage);
        let gone = made_up(&stage, &there);
        let what = format!("`{}` of {}", case.field, case.operation);
        assert_ne!(there.body, gone.body, "{what} names no thing of a shop");
        let (found, missed) = (owner.send(&stage, there), owner.send(&stage, gone));
        assert_eq!(gist(&found), gist(&missed), "{what}");
        assert!(matches!(found.status, 400 | 404), "{what}: {} {}", found.status, found.json());
    }
}

#[test]
fn az_4_every_field_of_a_body_that_is_called_like_a_thing_is_asked_or_excepted() {
    let api = serde_json::to_value(app::openapi::openapi()).unwrap();
    let mut found = BTreeSet::new();
    for entry in
        api["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap().values())
    {
        for field in fields_of(&api, entry) {
            if NOUNS.contains(&field.as_str()) {
                found.insert((text(entry, "operationId"), field));
            }
        }
    }
    let asked = named().into_iter().map(|case| (case.operation, case.field));
    let listed: BTreeSet<(String, String)> =
        asked.chain(NO_THING).map(|(operation, field)| (operation.to_owned(), field.to_owned())).collect();
    assert_eq!(found, listed);
}

/// The names of the fields of an operation's body.
fn fields_of(api: &Value, entry: &Value) -> Vec<String> {
    let schema = &entry["requestBody"]["content"]["application/json"]["schema"];
    let reference = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let schema = reference.map_or(schema, |name| &api["components"]["schemas"][name]);
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}
