//! API keys: sealed, shown once, revoked at once.

use std::sync::Arc;

use identity::{ApiKeyError, ApiKeyProblem, AuthError, Denied, KeyState, Label, NewApiKey, Role};

use crate::world::{World, each_world};

fn new_key(days: Option<i64>) -> NewApiKey {
    NewApiKey::new(Label::parse("till system").unwrap(), Role::Integration, days).unwrap()
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn find(world: &World, id: base::ApiKeyId) -> Option<Arc<identity::RingKey>> {
    let cx = world.cx.clone();
    block(async move { cx.keys.find(&cx.db, &cx.vault, id, cx.clock.now()).await.unwrap() })
}

#[test]
fn a_key_is_shown_once_and_verifies_from_the_ring() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let by = owner.clone();
        let (key, secret) = world
            .write(move |tx, means| identity::create_api_key(tx, means, &by, shop, &new_key(None)))
            .unwrap();
        assert!(secret.secret().expose().starts_with("tw_live_"));
        let ring = find(&world, key.id).unwrap();
        assert_eq!(ring.secret.expose(), secret.secret().expose());
        assert_eq!((ring.caller.shop, ring.caller.role), (shop, Role::Integration));
        assert!(world.cx.keys.get(key.id).is_some());
        let listed = world.read(|tx, _| identity::list_api_keys(tx, &owner, shop)).unwrap();
        assert_eq!(listed, [key]);
        let raw = world.cx.db.read_blocking(|tx| tx.query("SELECT secret FROM api_keys", &[])).unwrap();
        let text = secret.secret().expose().as_bytes();
        assert!(!raw[0].blob(0).unwrap().windows(text.len()).any(|window| window == text));
    });
}

#[test]
fn az_7_a_revoked_key_is_refused_with_the_next_request() {
    each_world(|world| {
        let shop = world.shop().id;
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let (key, _) = world
            .write(move |tx, means| identity::create_system_api_key(tx, means, shop, &new_key(None)))
            .unwrap();
        find(&world, key.id).unwrap();
        let require = || world.read(|tx, means| identity::require_active_key(tx, key.id, means.now));
        assert_eq!(require().unwrap().shop, shop);
        let (by, ring, id) = (owner.clone(), Arc::clone(&world.cx.keys), key.id);
        world.write(move |tx, means| identity::revoke_api_key(tx, means, &by, shop, id, &ring)).unwrap();
        assert_eq!(require(), Err(AuthError::SignInNeeded));
        assert!(find(&world, key.id).is_none());
        let listed = world.read(|tx, _| identity::list_api_keys(tx, &owner, shop)).unwrap();
        assert_eq!(listed[0].state, KeyState::Revoked);
        assert_eq!((world.audited("api_key.created"), world.audited("api_key.revoked")), (1, 1));
    });
}

#[test]
fn an_expired_key_is_refused_in_memory_and_in_the_database() {
    each_world(|world| {
        let shop = world.shop().id;
        let (key, _) = world
            .write(move |tx, means| identity::create_system_api_key(tx, means, shop, &new_key(Some(1))))
            .unwrap();
        world.wait(86_399);
        assert!(find(&world, key.id).is_some());
        world.wait(1);
        assert!(find(&world, key.id).is_none());
        world.cx.keys.forget(key.id);
        assert!(find(&world, key.id).is_none(), "it is not loaded anew either");
        assert!(world.cx.keys.get(key.id).is_none());
        let found = world.read(|tx, means| identity::require_active_key(tx, key.id, means.now));
        assert_eq!(found, Err(AuthError::SignInNeeded));
    });
}

#[test]
fn az_4_keys_of_another_shop_are_not_found() {
    each_world(|world| {
        let (own, other) = (world.shop().id, world.shop().id);
        let owner = world.actor(own, "owner@shop.example", &[Role::Owner]);
        let (key, _) = world
            .write(move |tx, means| identity::create_system_api_key(tx, means, other, &new_key(None)))
            .unwrap();
        let revoke = |shop| {
            let (by, ring, id) = (owner.clone(), Arc::clone(&world.cx.keys), key.id);
            world.write(move |tx, means| identity::revoke_api_key(tx, means, &by, shop, id, &ring))
        };
        assert_eq!(revoke(other), Err(ApiKeyError::Denied(Denied::NotFound)));
        assert_eq!(revoke(own), Err(ApiKeyError::NotFound));
        let cashier = world.actor(own, "cashier@shop.example", &[Role::Cashier]);
        let listed = world.read(|tx, _| identity::list_api_keys(tx, &cashier, own));
        assert_eq!(listed, Err(ApiKeyError::Denied(Denied::NotAllowed)));
    });
}

#[test]
fn a_shop_has_at_most_50_keys_in_force() {
    each_world(|world| {
        let shop = world.shop().id;
        let make =
            || world.write(move |tx, means| identity::create_system_api_key(tx, means, shop, &new_key(None)));
        for _ in 0..identity::limits::API_KEYS_MAX {
            make().unwrap();
        }
        assert_eq!(make().err(), Some(ApiKeyError::TooMany));
    });
}

#[test]
fn a_key_lives_1_to_366_days_and_has_a_role_for_keys() {
    let label = || Label::parse("x").unwrap();
    let days = |days| NewApiKey::new(label(), Role::Decisions, Some(days)).map(|_| ());
    assert_eq!((days(1), days(366)), (Ok(()), Ok(())));
    assert_eq!((days(0), days(367)), (Err(ApiKeyProblem::Days), Err(ApiKeyProblem::Days)));
    assert_eq!(NewApiKey::new(label(), Role::Owner, None).err(), Some(ApiKeyProblem::Role));
}

#[test]
fn c09_every_key_has_an_end_and_one_from_before_that_was_so_is_overdue() {
    each_world(|world| {
        let shop = world.shop().id;
        let year = world.now().plus_seconds(365 * 86_400);
        let operator = NewApiKey::operator(Label::parse("cash desk").unwrap());
        for (shop, new) in [(shop, new_key(None)), (base::ShopId::HOUSE, operator)] {
            let made = world
                .write(move |tx, means| identity::create_system_api_key(tx, means, shop, &new.clone()))
                .unwrap()
                .0;
            assert_eq!(made.expires, Some(year));
        }
        let owner = world.actor(shop, "owner@shop.example", &[Role::Owner]);
        let flags = || {
            let by = owner.clone();
            let opened = world.write(move |tx, means| identity::open_access_review(tx, means, shop)).unwrap();
            let lines = world.read(|tx, _| identity::find_access_review(tx, &by, shop, opened)).unwrap().1;
            lines.into_iter().find(|line| line.kind == identity::LineKind::ApiKey).unwrap().flags
        };
        assert_eq!(flags(), []);
        let endless = "UPDATE api_keys SET expires_ms = NULL";
        world.write(move |tx, _| tx.execute(endless, &[]).map(drop)).unwrap();
        assert_eq!(flags(), [identity::LineFlag::OldKey]);
    });
}

#[test]
fn c09_a_shop_is_reminded_of_the_end_of_an_api_key_in_five_steps_each_once() {
    each_world(|world| {
        let shop = world.shop().id;
        world.actor(shop, "owner@shop.example", &[Role::Owner]);
        world.actor(shop, "security@shop.example", &[Role::Security]);
        world.actor(shop, "cashier@shop.example", &[Role::Cashier]);
        let make = |days| {
            world
                .write(move |tx, means| identity::create_system_api_key(tx, means, shop, &new_key(days)))
                .unwrap()
                .0
        };
        let (long, revoked, key) = (make(None), make(Some(40)), make(Some(40)));
        let by = world.actor(shop, "boss@shop.example", &[Role::Manager]);
        assert!(
            world.read(|tx, _| identity::list_api_keys(tx, &by, shop)).is_err(),
            "a manager manages no keys"
        );
        let revoke = "UPDATE api_keys SET state = 'revoked' WHERE id = ?1";
        world.write(move |tx, _| tx.execute(revoke, &[revoked.id.short().into()]).map(drop)).unwrap();
        let told = || {
            world.write(identity::remind_of_api_keys).unwrap();
            let mails = world.deliver();
            assert!(mails.iter().all(|mail| mail.template == "api_key_ends"));
            mails.len()
        };
        let mut told_on = Vec::new();
        for day in 0..45 {
            match told() {
                0 => {}
                mails => told_on.push((40 - day, mails)),
            }
            assert_eq!(told(), 0, "once");
            world.wait(86_400);
        }
        assert_eq!(told_on, [(30, 2), (14, 2), (7, 2), (1, 2), (0, 2)], "the two who manage keys");
        assert_eq!(world.audited("api_key.ends_soon"), 5);
        let require = |id| world.read(|tx, means| identity::require_active_key(tx, id, means.now));
        assert_eq!(require(key.id), Err(AuthError::SignInNeeded));
        assert!(require(long.id).is_ok());
        let late = make(Some(3));
        assert_eq!(told(), 2, "found late it is told once: {late:?}");
        assert_eq!(told(), 0);
    });
}
