//! The seed of the sub-keys replaced under codes: what is shown and what is printed stays good.

use base::Dice;
use payments::code::{self, Scanned, claims_of_static};
use payments::code_token::{CodeToken, CodeTokenError};
use vault::rotation::{Hanging, RotationError};
use vault::testing::Replacing;

use crate::world::{World, each_world};

static HANGING: &Hanging = &Hanging {
    sealed: &[vault::rotation::SEALED, identity::SEALED],
    keyed: &[identity::KEYED, payments::KEYED],
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
fn c47_codes_from_before_a_replaced_seed_are_good_until_it_is_destroyed() {
    each_world(|world| {
        let shop = world.shop("CN");
        let printed = world.printed_code(&shop);
        let print = |world: &World| {
            CodeToken::issue(&code::code_key(&world.vault), &claims_of_static(&printed)).unwrap().to_string()
        };
        let (payment, old) = (world.payment(shop.id, 12_800), print(&world));
        let shown = world.token(&payment);
        world.wait(60);
        replace_seed(&world);
        let new = print(&world);
        assert_ne!(old, new);
        for token in [&old, &new] {
            assert_eq!(world.scan(token, None), Ok(Scanned::Amount(Box::new(printed.clone()))));
        }
        assert!(matches!(world.scan(&shown, None), Ok(Scanned::Payment(_))));
        let used = destroy(&world, 1);
        assert!(matches!(used, Err(RotationError::InUse { uses: 1, .. })), "the printed code: {used:?}");
        let (id, by) = (printed.id, audit::Actor::system("test"));
        world.write(move |tx, means| code::revoke_code(tx, means, &by, id)).unwrap();
        world.wait(60);
        let fresh = world.printed_code(&shop);
        destroy(&world, 1).unwrap();
        let altered = world.scan(&old, None).unwrap_err();
        assert_eq!(altered, CodeTokenError::Altered.into());
        let token = CodeToken::issue(&code::code_key(&world.vault), &claims_of_static(&fresh)).unwrap();
        assert!(world.scan(&token.to_string(), None).is_ok());
    });
}
