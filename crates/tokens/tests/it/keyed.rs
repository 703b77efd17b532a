//! The seed of the sub-keys replaced under cards and customers: they are found and recognised throughout.

use base::Dice;
use tokens::import::{Outcome, Summary, What};
use tokens::opening::Attempt;
use tokens::token::TokenError;
use tokens::values::Value;
use vault::rotation::{Hanging, RotationError};
use vault::testing::Replacing;

use crate::importing::{CARDS, CUSTOMERS, import};
use crate::world::{BY, PAN, World, card, each_world, external};

static HANGING: &Hanging = &Hanging {
    sealed: &[vault::rotation::SEALED, identity::SEALED, tokens::SEALED],
    keyed: &[identity::KEYED, tokens::KEYED],
};

fn replacing(world: &World) -> Replacing<'_> {
    Replacing { db: &world.db, vault: &world.vault, root: [7; 32], hanging: HANGING, dice: Dice::System }
}

fn replace_seed(world: &World) {
    replacing(world).replace_seed(world.now()).unwrap();
}

fn destroy(world: &World, version: i64) -> Result<(), RotationError> {
    replacing(world).destroy_seed(version, world.now())
}

#[test]
fn c47_customers_and_cards_are_found_through_a_replaced_seed() {
    each_world(|world| {
        let shop = world.shop();
        import(&world, shop, What::Customers, CUSTOMERS);
        let (_, outcomes) = import(&world, shop, What::Cards, CARDS);
        let Outcome::Created(id) = &outcomes[0] else { panic!() };
        let id = id.parse().unwrap();
        let find = |id| world.db.read_blocking(|tx| tokens::token::find_token(tx, shop, id)).unwrap();
        let before = find(id).fingerprint.unwrap();
        replace_seed(&world);
        let phone = Value::phone("+442079460958").unwrap();
        assert_eq!(world.search(shop, &phone).len(), 1);
        let print = find(id).fingerprint.unwrap();
        assert_ne!(print, before, "the old key says nothing of a card any more");
        let second = world.token(shop, card(PAN)).unwrap();
        assert_eq!(second.fingerprint, Some(print), "the same card is recognised");
        let Ok(Attempt::Opened(same)) = world.matching(&world.key(shop), shop, id) else { panic!() };
        assert_eq!(same.len(), 2);
        let put = |print: [u8; 16]| {
            let short = id.short().to_owned();
            let sql = "UPDATE card_tokens SET fingerprint = ?1 WHERE id = ?2";
            world
                .write(move |tx, _| tx.execute(sql, &[print.to_vec().into(), short.clone().into()]))
                .unwrap();
        };
        put(before);
        let Ok(Attempt::Opened(same)) = world.matching(&world.key(shop), shop, second.id) else { panic!() };
        assert_eq!(same.len(), 2, "also while the replacement has not come to one of them");
        put(print);
        let taken = world.token(shop, tokens::token::NewToken { external: external("k-1"), ..card(PAN) });
        assert_eq!(taken.err(), Some(TokenError::ExternalTaken(id.to_string())));

        let used = destroy(&world, 1);
        assert!(
            matches!(used, Err(RotationError::InUse { uses: 3, .. })),
            "three ids of the shop's own: {used:?}"
        );
        let (customers, _) = import(&world, shop, What::Customers, CUSTOMERS);
        let (cards, _) = import(&world, shop, What::Cards, CARDS);
        assert_eq!((customers.unchanged, cards), (2, Summary { created: 0, unchanged: 1, refused: 2 }));
        destroy(&world, 1).unwrap();
        assert_eq!(world.search(shop, &phone).len(), 1);
        let (cards, _) = import(&world, shop, What::Cards, CARDS);
        assert_eq!(cards, Summary { created: 0, unchanged: 1, refused: 2 });
        world.write(move |tx, means| tokens::token::delete_token(tx, means, &BY, shop, id)).unwrap();
        let (cards, _) = import(&world, shop, What::Cards, CARDS);
        assert_eq!(cards.created, 1, "the id went with its card");
    });
}

#[test]
fn c47_an_erased_customers_own_id_is_free_again_whatever_seed_it_was_kept_by() {
    each_world(|world| {
        let shop = world.shop();
        import(&world, shop, What::Customers, CUSTOMERS);
        replace_seed(&world);
        world.wait(60);
        replace_seed(&world);
        let id = world.search(shop, &Value::name("li, hua").unwrap())[0];
        world.write(move |tx, means| tokens::customer::erase_customer(tx, means, &BY, shop, id)).unwrap();
        assert_eq!(world.rows("SELECT COUNT(*) FROM external_ids"), 1);
        let (again, _) = import(&world, shop, What::Customers, CUSTOMERS);
        assert_eq!(again, Summary { created: 1, unchanged: 1, refused: 1 });
    });
}
