//! Who opens, how often, and what is left behind.

use base::{ScopedId, ShopId};
use identity::{Actor, Role};
use tokens::opening::{self, Attempt, OpeningError, Purpose};
use tokens::token::State;
use tokens::watch::{self, AlertKind, Limits};

use crate::world::{BY, PAN, World, card, each_world, person};

fn set(world: &World, shop: ShopId, limits: Limits) {
    world.write(move |tx, means| watch::update_limits(tx, means, &BY, shop, &limits)).unwrap();
}

fn alerts(world: &World, shop: ShopId) -> Vec<(AlertKind, i64, i64)> {
    let found = world.db.read_blocking(|tx| watch::list_alerts(tx, shop)).unwrap();
    found.iter().rev().map(|alert| (alert.kind, alert.openings, alert.threshold)).collect()
}

#[test]
fn c48_each_opening_is_logged_with_its_purpose_and_never_with_the_value() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.card(shop);
        let member = world.member(shop, Role::Owner);
        assert_eq!(world.opened(&member, shop, id), PAN);
        let entries: Vec<String> =
            world.log().into_iter().filter(|entry| entry.contains("token.opened")).collect();
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert!(entry.contains(&member.label()) && entry.contains(&id.to_string()));
        assert!(entry.contains("\"purpose\":\"check_fraud\""), "{entry}");
        for secret in [PAN, "Zhang", "Wuji", "1111", "4711"] {
            assert!(!entry.contains(secret), "{secret} in {entry}");
        }
    });
}

#[test]
fn c40_the_person_it_is_about_can_be_shown_who_opened_what_and_why() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.customer(shop, person("13800138000")).unwrap();
        let member = world.member(shop, Role::Support);
        world.open_customer(&member, shop, id, &[2, 1]).unwrap();
        world.wait(60);
        world.open_customer(&world.key(shop), shop, id, &[3]).unwrap();
        let list = |world: &World| {
            world.write(move |tx, means| opening::list_customer_openings(tx, means, shop, id)).unwrap()
        };
        let found = list(&world);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].opened.as_str(), found[1].opened.as_str()), ("email", "name,phone"));
        assert_eq!(
            (found[1].reader.as_str(), found[1].purpose),
            (member.label().as_str(), Purpose::CheckFraud)
        );
        assert_eq!(found[1].reason.as_ref().unwrap().expose(), "ticket 4711");
        world.write(move |tx, means| tokens::customer::erase_customer(tx, means, &BY, shop, id)).unwrap();
        let after = list(&world);
        assert_eq!(after.len(), 2, "who looked stays known");
        assert!(after.iter().all(|one| one.reason.is_none()), "what staff wrote about the person is gone");
    });
}

#[test]
fn c48_a_person_is_stopped_at_the_hourly_limit_and_goes_on_in_the_next_hour() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.card(shop);
        let (member, other) = (world.member(shop, Role::Owner), world.member(shop, Role::Owner));
        set(&world, shop, Limits { person_hour: 3, ..Limits::default() });
        for _ in 0..3 {
            world.opened(&member, shop, id);
        }
        for _ in 0..2 {
            let attempt = world.open(&member, shop, id).unwrap();
            assert!(matches!(attempt, Attempt::Over { retry_after_seconds: 1..=3600 }), "{attempt:?}");
        }
        assert_eq!(world.opened(&other, shop, id), PAN, "one person's limit is not another's");
        assert_eq!(world.opened(&world.key(shop), shop, id), PAN, "nor a machine's");
        assert_eq!(world.logged("opening.refused"), 1, "a flood of refusals is one entry");
        assert_eq!(alerts(&world, shop), [(AlertKind::Limit, 3, 3)]);
        assert_eq!(world.logged("token.opened"), 5);
        world.wait(3600);
        assert_eq!(world.opened(&member, shop, id), PAN);
    });
}

#[test]
fn c48_taking_out_in_bulk_trips_the_keys_and_the_shops_limits() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.card(shop);
        set(&world, shop, Limits { key_hour: 5, shop_hour: 8, ..Limits::default() });
        let (one, two) = (world.key(shop), world.key(shop));
        let opened = |actor: &Actor| {
            (0..10).filter(|_| matches!(world.open(actor, shop, id), Ok(Attempt::Opened(_)))).count()
        };
        assert_eq!(opened(&one), 5);
        assert_eq!(opened(&two), 3, "the shop's limit holds for all its keys together");
        let mut told = alerts(&world, shop);
        told.sort_by_key(|(_, openings, _)| *openings);
        assert_eq!(told, [(AlertKind::Limit, 5, 5), (AlertKind::Limit, 8, 8)], "both of the same instant");
    });
}

#[test]
fn c48_somebody_who_reads_much_is_told_of_to_security_once() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.card(shop);
        world.member(shop, Role::Owner);
        world.member(shop, Role::Security);
        let member = world.member(shop, Role::Support);
        set(&world, shop, Limits { alert_hour: 2, alert_day: 4, ..Limits::default() });
        let mails = "SELECT COUNT(*) FROM outbox_mail WHERE template = 'reads_too_much'";
        for _ in 0..2 {
            world.opened(&member, shop, id);
        }
        assert_eq!(world.rows(mails), 0);
        world.opened(&member, shop, id);
        assert_eq!(world.rows(mails), 1, "the one who watches over security, not the owner");
        world.opened(&member, shop, id);
        world.wait(3600);
        world.opened(&member, shop, id);
        assert_eq!(alerts(&world, shop), [(AlertKind::Hour, 3, 2), (AlertKind::Day, 5, 4)]);
        assert_eq!(world.rows(mails), 2);
        assert_eq!(world.logged("opening.alert"), 2);
    });
}

#[test]
fn c48_a_day_far_over_the_readers_own_usual_day_is_an_alert() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.card(shop);
        world.member(shop, Role::Owner);
        let key = world.key(shop);
        for _ in 0..6 {
            for _ in 0..6 {
                world.opened(&key, shop, id);
            }
            world.wait(86_400);
        }
        for _ in 0..24 {
            world.opened(&key, shop, id);
        }
        assert_eq!(alerts(&world, shop), []);
        world.opened(&key, shop, id);
        world.opened(&key, shop, id);
        assert_eq!(alerts(&world, shop), [(AlertKind::Unusual, 25, 24)]);
    });
}

#[test]
fn where_nobody_watches_over_security_the_owners_are_told() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.card(shop);
        world.member(shop, Role::Cashier);
        let owner = world.member(shop, Role::Owner);
        set(&world, shop, Limits { person_hour: 0, ..Limits::default() });
        assert!(matches!(world.open(&owner, shop, id), Ok(Attempt::Over { .. })));
        let mails = "SELECT COUNT(*) FROM outbox_mail WHERE template = 'reads_too_much'";
        assert_eq!(world.rows(mails), 1);
    });
}

#[test]
fn what_cannot_be_opened_is_not_counted() {
    each_world(|world| {
        let (shop, other) = (world.shop(), world.shop());
        let id = world.token(other, card(PAN)).unwrap().id;
        assert_eq!(id.shop(), other);
        assert!(world.open(&world.key(shop), shop, id).is_err());
        assert_eq!(world.rows("SELECT COUNT(*) FROM reading_habits"), 0);
        assert_eq!(world.rows("SELECT COUNT(*) FROM openings"), 0);
    });
}

#[test]
fn cr_4_which_tokens_share_a_card_is_asked_as_a_card_is_opened() {
    each_world(|world| {
        let (shop, other) = (world.shop(), world.shop());
        let id = world.card(shop);
        world.wait(1);
        let same = world.card(shop);
        world.card(other);
        let member = world.member(shop, Role::Owner);
        set(&world, shop, Limits { person_hour: 3, ..Limits::default() });
        let Ok(Attempt::Opened(found)) = world.matching(&member, shop, id) else { panic!() };
        assert_eq!(found.iter().map(|token| token.id).collect::<Vec<_>>(), [same, id]);
        world.opened(&member, shop, id);
        world.matching(&member, shop, same).unwrap();
        let over = world.matching(&member, shop, id);
        assert!(matches!(over, Ok(Attempt::Over { .. })), "asking counts as opening: {over:?}");
        assert_eq!(world.logged("token.matched"), 2);
        let openings =
            world.write(move |tx, means| opening::list_token_openings(tx, means, shop, same)).unwrap();
        assert_eq!(openings[0].opened, "same card");
        assert_eq!(world.matching(&member, other, id).err(), Some(OpeningError::NotFound));
        world.write(move |tx, means| tokens::token::delete_token(tx, means, &BY, shop, id)).unwrap();
        assert_eq!(
            world.matching(&world.key(shop), shop, id).err(),
            Some(OpeningError::Ended(State::Deleted))
        );
    });
}
