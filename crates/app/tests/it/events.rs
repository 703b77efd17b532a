//! What PCI DSS 10.2.1.1 to 10.2.1.7 wants in the log, made over HTTP as it happens and looked for in the log (AU-5).
//! That the log starts and stops (10.2.1.6) is in `watch.rs`, that it is copied (10.2.1.3) in `commands.rs`.

use std::collections::BTreeMap;

use identity::{Label, NewApiKey, Person, Role};
use serde_json::{Value, json};
use testkit::http::{Answer, Request};

use crate::house::{House, PIN, RICH, Shop, WRONG_PIN, each_house, key, text};

/// How many entries there are of an action with an outcome.
type Logged = BTreeMap<(String, String), usize>;

fn logged(house: &House) -> Logged {
    let rows = house.read(|tx| tx.query("SELECT body FROM audit_entries", &[]));
    let read = |row: &store::Row| {
        let entry: Value = serde_json::from_str(row.text(0).unwrap()).unwrap();
        for field in ["at", "actor", "object", "outcome"] {
            assert!(!entry[field].is_null(), "no `{field}` in {entry}");
        }
        (text(&entry, "action"), text(&entry, "outcome"))
    };
    let mut logged = Logged::new();
    rows.iter().map(read).for_each(|entry| *logged.entry(entry).or_default() += 1);
    logged
}

/// Does something, and finds entries of exactly these actions among what is new in the log.
#[track_caller]
fn enters(house: &House, clause: &str, actions: &[(&str, &str)], deed: impl FnOnce()) {
    let before = logged(house);
    deed();
    let mut new = logged(house);
    new.retain(|entry, count| *count > before.get(entry).copied().unwrap_or(0));
    for (action, outcome) in actions {
        let wanted = ((*action).to_owned(), (*outcome).to_owned());
        assert!(new.contains_key(&wanted), "{clause}: no {action} {outcome} among {new:?}");
    }
}

#[track_caller]
fn good(answer: Answer) -> Value {
    assert!(answer.is_ok(), "{} {}", answer.status, answer.json());
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

fn delete(path: &str) -> Request {
    Request::new(axum::http::Method::DELETE, path)
}

fn put(path: &str, body: &Value) -> Request {
    Request::new(axum::http::Method::PUT, path).json(body)
}

fn card(house: &House, shop: &Shop) -> String {
    let body = json!({"number": "4111111111111111", "expiry_month": 12, "expiry_year": 2029});
    let made = house.send(house.signed(shop, Request::post("/v1/tokens", &body).once(&key())));
    text(&good(made), "id")
}

#[test]
fn pci_10_2_1_1_access_to_cards_makes_an_entry() {
    each_house(|house| {
        let shop = house.shop("SG");
        let (_, owner) = house.member(shop.id, Role::Owner);
        let opener = house
            .key(shop.id, NewApiKey::new(Label::parse("open").unwrap(), Role::Detokenise, None).unwrap());
        let card = card(&house, &shop);
        let open = || {
            let why = json!({"purpose": "process_payment", "reason": "order 17"});
            Request::post(&format!("/v1/tokens/{card}/open"), &why)
        };
        enters(&house, "10.2.1.1", &[("token.opened", "success")], || {
            good(house.send(open().bearer(&owner)));
        });
        enters(&house, "10.2.1.1, each time", &[("token.opened", "success")], || {
            good(house.send(house.signed(&opener, open())));
        });
    });
}

#[test]
fn pci_10_2_1_2_what_administrators_do_makes_an_entry() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let (keeper, (_, owner)) = (house.keeper(), house.member(shop.id, Role::Owner));
        enters(&house, "10.2.1.2", &[("balance.top_up", "success")], || {
            let body = json!({"buyer": phone.buyer.to_string(), "amount_minor": 7, "currency": "CNY"});
            good(house.send(Request::post("/v1/top_ups", &body).once(&key()).bearer(&keeper)));
        });
        enters(&house, "10.2.1.2", &[("key.rotation_started", "success")], || {
            good(house.send(Request::post("/v1/keys/rotations", &json!({"level": "kek"})).bearer(&keeper)));
        });
        enters(&house, "10.2.1.2", &[("opening.limits_changed", "success")], || {
            let body =
                json!({"person_hour": 1, "key_hour": 1, "shop_hour": 1, "alert_hour": 1, "alert_day": 1});
            good(house.send(put("/v1/openings/limits", &body).bearer(&owner)));
        });
    });
}

#[test]
fn pci_10_2_1_4_what_was_tried_in_vain_makes_an_entry() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        house.member_at(shop.id, Role::Cashier, "li@shop.example");
        enters(&house, "10.2.1.4", &[("login.refused", "refused")], || {
            let body = json!({"email": "li@shop.example", "password": "not the right one at all"});
            assert!(!house.send(Request::post("/v1/member_sessions", &body)).is_ok());
        });
        enters(&house, "10.2.1.4", &[("pin.refused", "refused")], || {
            let bill = house.bill(&shop, 900);
            assert_eq!(house.send(house.confirmation(&phone, &bill, WRONG_PIN, &key())).status, 403);
        });
        enters(&house, "10.2.1.4", &[("signature.refused", "refused")], || {
            let mut request = house.signed(&shop, Request::get("/v1/payments"));
            request.target = "/v1/orders".to_owned();
            assert_eq!(house.send(request).status, 401);
        });
    });
}

#[test]
fn pci_10_2_1_5_changes_of_accounts_and_what_opens_them_make_an_entry() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let (_, owner) = house.member(shop.id, Role::Owner);
        let (cashier, _) = house.member(shop.id, Role::Cashier);
        let clause = "10.2.1.5";
        enters(&house, clause, &[("api_key.created", "success")], || {
            let body = json!({"label": "till", "role": "integration"});
            good(house.send(Request::post("/v1/api_keys", &body).bearer(&owner)));
        });
        enters(&house, clause, &[("api_key.revoked", "success")], || {
            good(house.send(delete(&format!("/v1/api_keys/{}", shop.key)).bearer(&owner)));
        });
        enters(&house, clause, &[("member.roles_changed", "success")], || {
            let path = format!("/v1/members/{cashier}/roles");
            good(house.send(put(&path, &json!({"roles": ["risk"]})).bearer(&owner)));
        });
        enters(&house, clause, &[("member.removed", "success")], || {
            good(house.send(delete(&format!("/v1/members/{cashier}")).bearer(&owner)));
        });
        enters(&house, clause, &[("member.created", "success")], || {
            house.member_at(shop.id, Role::Owner, "second@shop.example");
        });
        enters(&house, clause, &[("pin.changed", "success")], || {
            let body = json!({"old_pin": PIN, "new_pin": WRONG_PIN});
            good(house.send(put("/v1/me/pin", &body).bearer(&phone.token)));
        });
        enters(&house, clause, &[("factor.added", "success")], || {
            let (person, now) = (Person::Buyer(phone.buyer), house.now());
            let offer = house.write(move |tx, means| {
                identity::offer_totp(tx, means, person, &Label::from_agent("phone"), "pay.example")
            });
            let app = identity::read_totp_key(offer.key.expose()).unwrap();
            let code = identity::show_code(&app, now).unwrap().expose().clone();
            let path = format!("/v1/me/factors/totp/{}/confirm", offer.id);
            good(house.send(Request::post(&path, &json!({"code": code})).bearer(&phone.token)));
        });
    });
}

#[test]
fn pci_10_2_1_7_what_the_system_is_made_of_comes_and_goes_with_an_entry() {
    each_house(|house| {
        let made = ("vault.keys_created".to_owned(), "success".to_owned());
        assert!(logged(&house).contains_key(&made), "the keys of an installation that was just made");
        enters(&house, "10.2.1.7", &[("shop.created", "success")], || {
            house.shop("SG");
        });
        let shop = house.shop("SG");
        let (_, owner) = house.member(shop.id, Role::Owner);
        let mut role = Value::Null;
        enters(&house, "10.2.1.7", &[("role.created", "success")], || {
            let body = json!({"name": "Night shift", "permissions": ["view payments"]});
            role = good(house.send(Request::post("/v1/roles", &body).bearer(&owner)));
        });
        enters(&house, "10.2.1.7", &[("role.deleted", "success")], || {
            good(house.send(delete(&format!("/v1/roles/{}", text(&role, "id"))).bearer(&owner)));
        });
    });
}
