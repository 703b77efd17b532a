//! Cards and the tokens that stand for them.

use base::{CustomerId, Dice, ScopedId, TokenId};
use tokens::card::holds_card_number;
use tokens::limits::{SINGLE_USE_SECONDS_MAX, SINGLE_USE_SECONDS_MIN};
use tokens::opening::{Attempt, OpeningError};
use tokens::token::{self, State, TokenError, Use};

use crate::world::{BY, OTHER_PAN, PAN, START, World, card, each_world, external, person};

#[test]
fn cr_4_a_token_is_drawn_by_chance_and_never_looks_like_a_card() {
    each_world(|world| {
        let shop = world.shop();
        let (one, two) = (world.card(shop), world.card(shop));
        assert_ne!(one, two, "the same card twice has two tokens");
        for id in [one, two] {
            assert_eq!(id.shop(), shop);
            assert!(!holds_card_number(&id.to_string()));
            assert!(
                !PAN.as_bytes().windows(6).any(|part| id
                    .to_string()
                    .as_bytes()
                    .windows(6)
                    .any(|w| w == part))
            );
        }
    });
}

#[test]
fn a_token_shows_brand_bin_and_last_four() {
    each_world(|world| {
        let made = world.token(world.shop(), card(PAN)).unwrap();
        assert_eq!((made.shown.bin.as_str(), made.shown.last4.as_str()), ("41111111", "1111"));
        assert_eq!(made.state_at(world.now()), State::Active);
        assert_eq!(world.logged("token.created"), 1);
    });
}

#[test]
fn cr_6_the_same_card_is_recognised_in_its_shop_and_nowhere_else() {
    each_world(|world| {
        let (shop, other) = (world.shop(), world.shop());
        let print = |shop, pan| world.token(shop, card(pan)).unwrap().fingerprint.unwrap();
        assert_eq!(print(shop, PAN), print(shop, "4111 1111 1111 1111"));
        assert_ne!(print(shop, PAN), print(shop, OTHER_PAN));
        assert_ne!(print(shop, PAN), print(other, PAN));
        world.wait(1);
        let id = world.card(shop);
        let Ok(Attempt::Opened(found)) = world.matching(&world.key(shop), shop, id) else { panic!() };
        assert_eq!((found.len(), found[0].id), (5, id));
    });
}

#[test]
fn a_deleted_card_is_gone_with_its_key_and_what_was_made_from_it() {
    each_world(|world| {
        let shop = world.shop();
        let made =
            world.token(shop, tokens::token::NewToken { external: external("c-1"), ..card(PAN) }).unwrap();
        let deleted =
            world.write(move |tx, means| token::delete_token(tx, means, &BY, shop, made.id)).unwrap();
        assert_eq!(
            (deleted.state, deleted.fingerprint, deleted.shown.bin.as_str()),
            (State::Deleted, None, "")
        );
        let opened = world.open(&world.key(shop), shop, made.id);
        assert_eq!(opened.err(), Some(OpeningError::Ended(State::Deleted)));
        let sql = "SELECT COUNT(*) FROM card_tokens WHERE pan IS NOT NULL OR holder IS NOT NULL";
        assert_eq!(world.rows(sql), 0);
        let sql = "SELECT COUNT(*) FROM vault_data_keys WHERE wrapped IS NULL AND destroyed_ms IS NOT NULL";
        assert_eq!(world.rows(sql), 1);
        assert_eq!(world.rows("SELECT COUNT(*) FROM external_ids"), 0);
        world.write(move |tx, means| token::delete_token(tx, means, &BY, shop, made.id)).unwrap();
        assert_eq!(world.logged("token.deleted"), 1, "twice is one entry");
    });
}

#[test]
fn a_single_use_token_lives_within_limits() {
    each_world(|world| {
        let shop = world.shop();
        let make = |seconds| {
            let new = tokens::token::NewToken { lasting: Use::Once { seconds }, ..card(PAN) };
            world.token(shop, new).map(drop)
        };
        assert_eq!(make(SINGLE_USE_SECONDS_MIN), Ok(()));
        assert_eq!(make(SINGLE_USE_SECONDS_MIN - 1), Err(TokenError::Life));
        assert_eq!(make(SINGLE_USE_SECONDS_MAX), Ok(()));
        assert_eq!(make(SINGLE_USE_SECONDS_MAX + 1), Err(TokenError::Life));
    });
}

#[test]
fn a_single_use_token_opens_once_and_its_card_is_destroyed() {
    each_world(|world| {
        let shop = world.shop();
        let new = tokens::token::NewToken { lasting: Use::Once { seconds: 600 }, ..card(PAN) };
        let made = world.token(shop, new).unwrap();
        let key = world.key(shop);
        assert_eq!(world.opened(&key, shop, made.id), PAN);
        assert_eq!(world.open(&key, shop, made.id).err(), Some(OpeningError::Ended(State::Used)));
        assert_eq!(world.rows("SELECT COUNT(*) FROM card_tokens WHERE pan IS NOT NULL"), 0);
    });
}

#[test]
fn pci_3_2_1_a_single_use_token_nobody_opens_ends_by_itself() {
    each_world(|world| {
        let shop = world.shop();
        let new = tokens::token::NewToken { lasting: Use::Once { seconds: 600 }, ..card(PAN) };
        let made = world.token(shop, new).unwrap();
        world.wait(599);
        assert_eq!(world.write(token::sweep).unwrap(), 0);
        world.wait(1);
        assert_eq!(made.state_at(world.now()), State::Expired);
        assert_eq!(
            world.open(&world.key(shop), shop, made.id).err(),
            Some(OpeningError::Ended(State::Expired))
        );
        assert_eq!(world.write(token::sweep).unwrap(), 1);
        assert_eq!(world.write(token::sweep).unwrap(), 0);
        assert_eq!(world.rows("SELECT COUNT(*) FROM card_tokens WHERE pan IS NOT NULL"), 0);
        assert_eq!(world.logged("token.expired"), 1);
    });
}

#[test]
fn az_4_another_shops_token_is_not_found() {
    each_world(|world| {
        let (shop, other) = (world.shop(), world.shop());
        let id = world.card(shop);
        let found = world.db.read_blocking(|tx| token::find_token(tx, other, id));
        assert_eq!(found, Err(TokenError::NotFound));
        assert_eq!(world.open(&world.key(other), other, id).err(), Some(OpeningError::NotFound));
        let deleted = world.write(move |tx, means| token::delete_token(tx, means, &BY, other, id));
        assert_eq!(deleted, Err(TokenError::NotFound));
        let unknown = TokenId::new(shop, START, &Dice::System);
        assert_eq!(world.open(&world.key(shop), shop, unknown).err(), Some(OpeningError::NotFound));
    });
}

#[test]
fn a_card_belongs_to_a_customer_of_the_same_shop_who_is_there() {
    each_world(|world| {
        let (shop, other) = (world.shop(), world.shop());
        let customer = world.customer(shop, person("13800138000")).unwrap();
        let with = |customer| tokens::token::NewToken { customer: Some(customer), ..card(PAN) };
        let id = world.token(shop, with(customer)).unwrap().id;
        assert_eq!(world.token(other, with(customer)), Err(TokenError::NoCustomer));
        let nobody = CustomerId::new(shop, START, &Dice::System);
        assert_eq!(world.token(shop, with(nobody)), Err(TokenError::NoCustomer));
        world
            .write(move |tx, means| tokens::customer::erase_customer(tx, means, &BY, shop, customer))
            .unwrap();
        assert_eq!(world.token(shop, with(customer)), Err(TokenError::NoCustomer));
        assert_eq!(world.open(&world.key(shop), shop, id).err(), Some(OpeningError::Ended(State::Deleted)));
    });
}

#[test]
fn an_external_id_is_given_once() {
    each_world(|world: World| {
        let (shop, other) = (world.shop(), world.shop());
        let new = || tokens::token::NewToken {
            external: external("card 1".replace(' ', "-").as_str()),
            ..card(PAN)
        };
        let id = world.token(shop, new()).unwrap().id;
        assert_eq!(world.token(shop, new()), Err(TokenError::ExternalTaken(id.to_string())));
        assert!(world.token(other, new()).is_ok());
    });
}

#[test]
fn c45_a_sealed_card_moved_to_another_row_does_not_open() {
    each_world(|world| {
        let shop = world.shop();
        let (one, two) = (world.card(shop), world.token(shop, card(OTHER_PAN)).unwrap().id);
        let swap = "UPDATE card_tokens SET pan = (SELECT pan FROM card_tokens WHERE id = ?1) WHERE id = ?2";
        world
            .db
            .write_blocking(move |tx| tx.execute(swap, &[one.short().into(), two.short().into()]))
            .unwrap();
        assert_eq!(world.opened(&world.key(shop), shop, one), PAN);
        assert!(matches!(world.open(&world.key(shop), shop, two), Err(OpeningError::Fault(_))));
    });
}
