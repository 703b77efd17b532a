//! What takes two people, over HTTP and on the page (C13, AZ-6): refunds, limits, key ceremonies.

use axum::http::Method;
use base::{ShopId, Timestamp};
use identity::{Role, approvals};
use payments::limits::REFUND_LIMIT_DEFAULT_MINOR;
use serde_json::{Value, json};
use testkit::http::{Answer, Request};
use vault::rotation::list_rotations;
use vault::{KeyState, Level};

use crate::browsing;
use crate::house::{House, Phone, RICH, Shop, each_house, key, text};

const LARGE: i64 = REFUND_LIMIT_DEFAULT_MINOR + 1;

fn approve(house: &House, session: &str, approval: &str) -> Answer {
    house.send(Request::post(&format!("/v1/approvals/{approval}/approve"), &json!({})).bearer(session))
}

/// A payment of three times what one person may give back alone, and who is asked about it.
struct Sale {
    shop: Shop,
    owner: String,
    payer: Phone,
    paid: Value,
    path: String,
}

impl Sale {
    fn of(house: &House) -> Sale {
        let shop = house.shop("SG");
        let (_, owner) = house.member(shop.id, Role::Owner);
        let payer = house.buyer(RICH);
        let paid = house.paid(&shop, &payer, 3 * LARGE);
        let path = format!("/v1/payments/{}/refunds", text(&paid, "id"));
        Sale { shop, owner, payer, paid, path }
    }
}

fn put(house: &House, session: &str, path: &str, body: &Value) -> Answer {
    house.send(Request::new(Method::PUT, path).json(body).bearer(session))
}

#[test]
fn c13_a_large_refund_of_a_shops_system_waits_and_is_made_by_a_members_yes() {
    each_house(|house| {
        let Sale { shop, owner, payer, paid, path } = Sale::of(&house);
        let once = key();
        let body = json!({"amount_minor": LARGE, "currency": "CNY", "reason": "two tins"});
        let ask = || house.send(house.signed(&shop, Request::post(&path, &body).once(&once)));
        let waits = ask();
        assert_eq!((waits.status, waits.text("/state").as_str()), (202, "waiting"), "{}", waits.json());
        let approval = waits.text("/approval");
        assert_eq!(ask().json(), waits.json(), "the same request again is the same answer");
        let proposal = format!("/v1/refund_proposals/{approval}");
        let look = || house.send(house.signed(&shop, Request::get(&proposal))).json();
        assert_eq!((&look()["state"], &look()["refund"]), (&json!("waiting"), &Value::Null));
        assert_eq!((&look()["reason"], &look()["amount_minor"]), (&json!("two tins"), &json!(LARGE)));
        assert_eq!(house.balance(payer.buyer), RICH - 3 * LARGE);
        let (_, cashier) = house.member(shop.id, Role::Cashier);
        assert_eq!(approve(&house, &cashier, &approval).status, 403);
        let done = approve(&house, &owner, &approval);
        assert_eq!((done.status, done.text("/state").as_str()), (200, "used"), "{}", done.json());
        assert_eq!(house.balance(payer.buyer), RICH - 2 * LARGE);
        assert_eq!(look()["state"], "done");
        let refund = house.send(house.signed(&shop, Request::get(&path))).text("/data/0/id");
        assert_eq!(look()["refund"], json!(refund));
        let again = approve(&house, &owner, &approval);
        assert_eq!((again.status, again.code().as_str()), (409, "already_decided"));
        assert_eq!(ask().json(), waits.json(), "and the first request asks for nothing more");
        assert_eq!(house.transfers(&paid), 2);
    });
}

#[test]
fn c13_the_button_on_the_approvals_page_makes_the_refund_once_and_for_who_may() {
    each_house(|house| {
        let Sale { shop, owner, payer, paid, path } = Sale::of(&house);
        let body = json!({"amount_minor": LARGE, "currency": "CNY", "reason": "two tins"});
        let waits = house.send(house.signed(&shop, Request::post(&path, &body).once(&key())));
        let button = format!("/desk/approvals/{}/approve", waits.text("/approval"));
        let press = |session: &str| house.ask(browsing::form(&button, &[], Some(session)), None);
        let shown = house.send(browsing::page("/desk/approvals", Some(&owner)));
        let shown = String::from_utf8_lossy(&shown.body).into_owned();
        assert!(shown.contains(&format!("action=\"{button}\"")), "{shown}");
        let (_, cashier) = house.member(shop.id, Role::Cashier);
        assert_eq!(press(&cashier).0, 403);
        let elsewhere = house.member(house.shop("SG").id, Role::Owner).1;
        assert_eq!(press(&elsewhere).0, 404);
        assert_eq!(house.balance(payer.buyer), RICH - 3 * LARGE);
        let back = (303, "/desk/approvals".to_owned());
        assert_eq!(press(&owner), back);
        assert_eq!(house.balance(payer.buyer), RICH - 2 * LARGE);
        assert_eq!(press(&owner), back, "what a colleague decided a moment ago is shown as it stands");
        assert_eq!((house.balance(payer.buyer), house.transfers(&paid)), (RICH - 2 * LARGE, 2));
    });
}

#[test]
fn c13_what_cannot_be_refunded_any_more_is_not_approved_either() {
    let house = House::new();
    let shop = house.shop("SG");
    let (_, owner) = house.member(shop.id, Role::Owner);
    let payer = house.buyer(RICH);
    let paid = house.paid(&shop, &payer, LARGE);
    let path = format!("/v1/payments/{}/refunds", text(&paid, "id"));
    let refund = |body: Value| house.send(house.signed(&shop, Request::post(&path, &body).once(&key())));
    let approval = refund(json!({})).text("/approval");
    assert_eq!(refund(json!({"amount_minor": 1, "currency": "CNY"})).status, 201);
    let late = approve(&house, &owner, &approval);
    assert_eq!((late.status, late.code().as_str()), (422, "refund_too_large"), "{}", late.json());
    let open = house.send(Request::get("/v1/approvals").bearer(&owner));
    assert_eq!(open.text("/data/0/state"), "waiting");
    let no = Request::post(&format!("/v1/approvals/{approval}/refuse"), &json!({})).bearer(&owner);
    assert_eq!(house.send(no).status, 200);
    let proposal = Request::get(&format!("/v1/refund_proposals/{approval}"));
    assert_eq!(house.send(house.signed(&shop, proposal)).text("/state"), "refused");
}

#[test]
fn c13_higher_limits_are_set_by_a_second_members_yes() {
    each_house(|house| {
        let shop = house.shop("SG").id;
        let (_, first) = house.member(shop, Role::Owner);
        let (_, second) = house.member(shop, Role::Owner);
        let path = "/v1/refund_limits/CNY";
        let limit = || house.send(Request::get("/v1/refund_limits").bearer(&first)).json()["data"].clone();
        let preset = json!({"currency": null, "amount_minor": REFUND_LIMIT_DEFAULT_MINOR});
        assert_eq!(limit(), json!([preset]));
        assert_eq!(put(&house, &first, path, &json!({"amount_minor": -1})).status, 400);
        assert_eq!(put(&house, &first, "/v1/refund_limits/XXX", &json!({"amount_minor": 1})).status, 400);
        assert_eq!(put(&house, &first, path, &json!({"amount_minor": 500})).status, 200);
        let waits = put(&house, &first, path, &json!({"amount_minor": 501}));
        assert_eq!(waits.status, 202, "{}", waits.json());
        let approval = waits.text("/approval");
        assert_eq!(approve(&house, &first, &approval).code(), "own_proposal");
        assert_eq!(limit()[0]["amount_minor"], 500);
        assert_eq!(approve(&house, &second, &approval).text("/state"), "used");
        assert_eq!(limit()[0]["amount_minor"], 501);

        let path = "/v1/openings/limits";
        let before = house.send(Request::get(path).bearer(&first)).json();
        let mut more = before.clone();
        more["shop_hour"] = json!(before["shop_hour"].as_i64().unwrap() + 1);
        let waits = put(&house, &first, path, &more);
        assert_eq!(waits.status, 202, "{}", waits.json());
        assert_eq!(house.send(Request::get(path).bearer(&first)).json(), before);
        assert_eq!(approve(&house, &second, &waits.text("/approval")).text("/state"), "used");
        assert_eq!(house.send(Request::get(path).bearer(&first)).json(), more);
        let waits = put(
            &house,
            &first,
            path,
            &json!({"person_hour": 9_000, "key_hour": 1, "shop_hour": 1, "alert_hour": 1, "alert_day": 1}),
        );
        assert_eq!(put(&house, &first, path, &before).status, 200, "less is set by one");
        assert_eq!(approve(&house, &second, &waits.text("/approval")).code(), "limits_changed");
    });
}

#[test]
fn c13_the_root_key_is_replaced_by_two_operators() {
    let house = House::new();
    let first = house.keeper();
    let rotate = |session: &str, level: &str| {
        let body = json!({"level": level});
        house.send(Request::post("/v1/keys/rotations", &body).bearer(session))
    };
    let second = house.keeper();
    let waits = rotate(&first, "root");
    assert_eq!(waits.status, 202, "{}", waits.json());
    let approval = waits.text("/approval");
    assert_eq!(approve(&house, &first, &approval).code(), "own_proposal");
    assert!(house.read(list_rotations).is_empty());
    assert_eq!(approve(&house, &second, &approval).text("/state"), "used");
    assert_eq!(house.read(list_rotations).first().map(|one| one.level), Some(Level::Root));
    assert_eq!(approve(&house, &second, &approval).code(), "already_decided");
    // What does not weigh so much is started by one; here another one goes on already.
    assert_eq!(rotate(&first, "kek").code(), "rotation_running");
}

#[test]
fn c13_a_key_is_destroyed_by_two_operators_and_not_by_one() {
    let house = House::new();
    let first = house.keeper();
    let destroy = |session: &str, key: &str| {
        house.send(Request::post(&format!("/v1/keys/{key}/destroy"), &json!({})).bearer(session))
    };
    for (key, status, code) in [
        ("kek/1", 409, "key_in_use"),
        ("kek/9", 404, "not_found"),
        ("kek/x", 404, "not_found"),
        ("pin/1", 404, "not_found"),
        ("data/0", 409, "key_in_use"),
    ] {
        let refused = destroy(&first, key);
        assert_eq!((refused.status, refused.code().as_str()), (status, code), "{key}");
    }
    replace_kek(&house);
    assert_eq!(destroy(&first, "kek/1").code(), "nobody_else");
    let second = house.keeper();
    let waits = destroy(&first, "kek/1");
    assert_eq!(waits.status, 202, "{}", waits.json());
    let approval = waits.text("/approval");
    app::jobs::keys::destroy_due(&house.at, house.now()).unwrap();
    assert_eq!(state(&house), KeyState::Retired, "nothing before the yes");
    assert_eq!(approve(&house, &second, &approval).text("/state"), "approved");
    assert_eq!(destroy(&first, "kek/1").text("/approval"), approval, "asked again it is the same one");
    app::jobs::keys::destroy_due(&house.at, house.now()).unwrap();
    assert_eq!(state(&house), KeyState::Destroyed);
    let id = approval.parse().unwrap();
    let found = house.write(move |tx, _| approvals::find_approval(tx, ShopId::HOUSE, id)).unwrap();
    assert_eq!(found.state, approvals::ApprovalState::Used);
    app::jobs::keys::destroy_due(&house.at, house.now()).unwrap();
}

#[test]
fn c13_a_destruction_that_a_crash_cut_off_is_written_down_later() {
    let house = House::new();
    let (first, second) = (house.keeper(), house.keeper());
    replace_kek(&house);
    let asked = house.send(Request::post("/v1/keys/kek/1/destroy", &json!({})).bearer(&first));
    let approval = asked.text("/approval");
    assert!(approve(&house, &second, &approval).is_ok());
    let by = audit::Actor::system("test");
    let key = (Level::Kek, 1, app::installation::HANGING);
    let now: (Timestamp, _) = (house.now(), &house.at.dice);
    vault::rotation::destroy_key(&house.at.db, &house.at.vault, &*house.at.keys, key, &by, now).unwrap();
    app::jobs::keys::destroy_due(&house.at, house.now()).unwrap();
    let id = approval.parse().unwrap();
    let found = house.write(move |tx, _| approvals::find_approval(tx, ShopId::HOUSE, id)).unwrap();
    assert_eq!(found.state, approvals::ApprovalState::Used);
}

/// Replaces the first key-encryption key, so that nothing hangs from it any more.
fn replace_kek(house: &House) {
    let by = audit::Actor::system("test");
    house.write(move |tx, means| {
        let started = vault::rotation::start_rotation(tx, Level::Kek, &by, means.now, means.dice);
        started.map(drop).map_err(|e| store::Error::Bug(e.to_string()))
    });
    let rotator = app::jobs::keys::rotator(&house.at, "test");
    let clock = house.at.clock.clone();
    rotator.run(&house.at.db, &house.at.vault, || clock.now(), &house.at.dice, |_, _| ()).unwrap();
}

fn state(house: &House) -> KeyState {
    let keys = house.read(vault::inventory::list_keys);
    keys.iter().find(|key| key.purpose.starts_with("key-encryption") && key.version == 1).unwrap().state
}

#[test]
fn cr_7_keys_whose_time_is_over_are_replaced_by_the_program_one_level_at_a_time() {
    let house = House::new();
    let days = |days: i64| house.now().plus_seconds(days * 86_400);
    let replace = |now: Timestamp| app::jobs::keys::replace_aged(&house.at, now).unwrap();
    let payer = house.buyer(RICH);
    assert_eq!(replace(days(365)), None, "on its last day a key is still good");
    assert_eq!(replace(days(366)), Some(Level::Kek));
    assert_eq!(replace(days(366)), None, "one at a time");
    let at = std::cell::Cell::new(366);
    let finish = || {
        let rotator = app::jobs::keys::rotator(&house.at, "test");
        rotator
            .run(
                &house.at.db,
                &house.at.vault,
                || house.now().plus_seconds(at.get() * 86_400),
                &house.at.dice,
                |_, _| (),
            )
            .unwrap();
    };
    finish();
    assert_eq!(replace(days(730)), None);
    assert_eq!(replace(days(731)), Some(Level::Data));
    at.set(731);
    finish();
    assert_eq!(replace(days(731)), None, "the root key and the seed are not replaced without their keepers");
    let done: Vec<Level> = house.read(list_rotations).iter().map(|one| one.level).collect();
    assert_eq!(done.len(), 2);
    let name = house.write(move |tx, means| identity::find_buyer_person(tx, means.vault, payer.buyer));
    assert!(!name.name.expose().is_empty(), "everything opens");
}
