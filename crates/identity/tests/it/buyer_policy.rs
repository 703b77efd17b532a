//! What a shop demands of buyers: who sets it, within which limits, and what it asks for.

use axum::http::Method;
use base::limits::AMOUNT_MAX_MINOR;
use base::{Currency, Money};
use identity::{Actor, BuyerPolicyError, Denied, Role};
use serde_json::json;

use crate::http::each_site;
use crate::world::{World, each_world};

fn set(world: &World, who: &Actor, shop: base::ShopId, above: Option<i64>) -> Result<(), BuyerPolicyError> {
    let who = who.clone();
    world.write(move |tx, means| identity::set_buyer_policy(tx, means, &who, shop, above))
}

fn found(world: &World, shop: base::ShopId) -> identity::Shop {
    world.read(|tx, _| identity::find_shop(tx, shop)).unwrap().unwrap()
}

#[test]
fn the_owner_sets_it_within_its_limits_and_it_is_told_and_written_down() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        assert_eq!(found(&world, shop).buyer_factor_above_minor, None);
        for (above, fits) in [(0, true), (AMOUNT_MAX_MINOR, true), (-1, false), (AMOUNT_MAX_MINOR + 1, false)]
        {
            let done = set(&world, &owner, shop, Some(above));
            assert_eq!(done, if fits { Ok(()) } else { Err(BuyerPolicyError::Amount) }, "{above}");
        }
        world.deliver();
        set(&world, &owner, shop, Some(50_000)).unwrap();
        let told = world.deliver();
        assert_eq!((told.len(), told[0].template.as_str()), (1, "buyer_policy_changed"));
        set(&world, &owner, shop, Some(50_000)).unwrap();
        assert!(world.deliver().is_empty(), "nothing changed, nothing is told");
        set(&world, &owner, shop, None).unwrap();
        assert_eq!(found(&world, shop).buyer_factor_above_minor, None);
        assert_eq!(world.audited("shop.buyer_policy_changed"), 4);
    });
}

#[test]
fn who_may_not_and_other_shops_change_nothing() {
    each_world(|world| {
        let (shop, other) = (world.shop().id, world.shop().id);
        let cashier = world.actor(shop, "cashier@shop.example", &[Role::Cashier]);
        let security = world.actor(shop, "security@shop.example", &[Role::Security]);
        let stranger = world.actor(other, "stranger@shop.example", &[Role::Owner]);
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let denied = |denied| Err(BuyerPolicyError::Denied(denied));
        assert_eq!(set(&world, &cashier, shop, Some(1)), denied(Denied::NotAllowed));
        assert_eq!(set(&world, &security, shop, Some(1)), denied(Denied::NotAllowed));
        assert_eq!(set(&world, &stranger, shop, Some(1)), denied(Denied::NotFound));
        let Actor::Member(session) = owner else { panic!() };
        let at = session.at.plus_seconds(15 * 60);
        let stale = Actor::Member(identity::MemberSession { at, ..session });
        assert_eq!(set(&world, &stale, shop, Some(1)), denied(Denied::StepUpNeeded));
        assert_eq!(found(&world, shop).buyer_factor_above_minor, None);
    });
}

#[test]
fn above_the_amount_and_in_other_currencies_a_fresh_second_factor_is_lacking() {
    each_site(|site| {
        let world = &site.world;
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        set(world, &owner, shop, Some(50_000)).unwrap();
        let token = site.buyer("a@b.example").text("token");
        let lacks = |token: &str, minor: i64, currency: Currency| {
            let (session, shop) = (site.session(token), found(world, shop));
            let amount = Money::new(minor, currency);
            world.read(|tx, means| identity::lacks_factor(tx, &shop, &session, amount, means)).unwrap()
        };
        assert!(!lacks(&token, 50_000, Currency::CNY), "up to the amount the PIN will do");
        assert!(lacks(&token, 50_001, Currency::CNY));
        assert!(lacks(&token, 1, Currency::USD), "the amount says nothing of other currencies");
        // A code to the contact raises the session, and is no second factor.
        let asked = site.post("/v1/session/code", Some(&token), &json!({}));
        let code = crate::world::code_in(&world.deliver().last().unwrap().body);
        let step = json!({"kind": "contact", "code": code, "request": asked.text("id")});
        let token = site.post("/v1/session/step-up", Some(&token), &step).text("token");
        assert!(lacks(&token, 50_001, Currency::CNY), "mail is no second factor");
        let (token, _, _) = site.enrol(&token);
        assert!(!lacks(&token, 50_001, Currency::CNY));
        world.wait(5 * 60 - 1);
        assert!(!lacks(&token, 50_001, Currency::CNY));
        world.wait(1);
        assert!(lacks(&token, 50_001, Currency::CNY), "five minutes are over");
    });
}

#[test]
fn it_is_set_and_seen_over_the_api() {
    each_site(|site| {
        let shop = site.world.shop().id;
        let token = site.member(shop, "owner@shop.example", &[Role::Owner]);
        let put = |body: serde_json::Value| {
            site.send(Method::PUT, "/v1/shop/buyer_policy", Some(&token), Some(&body))
        };
        assert_eq!(put(json!({"factor_above_minor": 50_000})).status, 204);
        assert_eq!(site.get("/v1/shop", Some(&token)).body["buyer_factor_above_minor"], json!(50_000));
        assert_eq!(put(json!({"factor_above_minor": -1})).code(), "invalid_request");
        assert_eq!(put(json!({"factor_above_minor": null})).status, 204);
        assert_eq!(site.get("/v1/shop", Some(&token)).body["buyer_factor_above_minor"], json!(null));
    });
}
