//! What a thief of the database gets: nothing.

use identity::{Actor, BuyerError, BuyerState, Role, hash_password};
use store::Config;
use store::testing::Scratch;

use crate::world::{World, each_world, email, migrations, password};

#[test]
fn c45_planted_names_contacts_pins_codes_and_passwords_are_nowhere_in_the_file() {
    let scratch = Scratch::file();
    let world = World::on(scratch.open(&migrations()).unwrap());
    world.buyer("planted.contact@shop.example");
    let shop = world.shop().id;
    let hash = hash_password(&password("planted password nine kettles"), &base::Dice::System);
    world.member(shop, "planted.member@shop.example", &[Role::Owner], &hash);
    let request = |address: &'static str| {
        world
            .write(move |tx, means| {
                identity::request_sign_in(
                    tx,
                    means,
                    &email(address).into(),
                    webkit::page::Lang::En,
                    identity::Knock { origin: "192.0.2.1", host: "pay.example", device: None },
                )
            })
            .unwrap()
    };
    request("planted.contact@shop.example");
    // The database stays open meanwhile, so the write-ahead log is looked at as well.
    let Config::File(file) = scratch.config() else { panic!("the embedded engine has a file") };
    let mut found = 0;
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        found += bytes.len();
        for planted in ["planted", "Zhang San", "Li Si", "482916", "is your code"] {
            let seen = bytes.windows(planted.len()).any(|window| window == planted.as_bytes());
            assert!(!seen, "`{planted}` is readable");
        }
    }
    assert!(found > 10_000, "the database was looked at");
    drop(world);
}

#[test]
fn cr_3_an_erased_buyer_cannot_be_opened_and_the_contact_is_free_again() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        world.write(move |tx, means| identity::erase_buyer(tx, means, &Actor::Operator, buyer)).unwrap();
        let found = world.read(|tx, means| identity::find_buyer_person(tx, means.vault, buyer));
        assert_eq!(found, Err(BuyerError::NotFound));
        let kept = world.read(|tx, _| identity::find_buyer(tx, buyer)).unwrap().unwrap();
        assert_eq!(kept.state, BuyerState::Erased);
        assert_ne!(world.buyer("a@b.example"), buyer);
        let again = world.write(move |tx, means| identity::erase_buyer(tx, means, &Actor::Operator, buyer));
        assert_eq!(again, Err(BuyerError::NotFound));
    });
}

#[test]
fn c45_a_name_moved_to_another_buyer_does_not_open() {
    each_world(|world| {
        let (one, two) = (world.buyer("a@b.example"), world.buyer("c@d.example"));
        let swap = "UPDATE buyers SET name = (SELECT name FROM buyers WHERE id = ?1) WHERE id = ?2";
        let params = [one.short().into(), two.short().into()];
        world.cx.db.write_blocking(move |tx| tx.execute(swap, &params)).unwrap();
        assert!(world.read(|tx, means| identity::find_buyer_person(tx, means.vault, one)).is_ok());
        let found = world.read(|tx, means| identity::find_buyer_person(tx, means.vault, two));
        assert!(matches!(found, Err(BuyerError::Fault(_))), "{found:?}");
    });
}

#[test]
fn two_buyers_cannot_share_a_contact() {
    each_world(|world| {
        world.buyer("a@b.example");
        let again =
            world.write(|tx, means| identity::create_buyer(tx, means, &crate::world::sign_up("A@B.example")));
        assert_eq!(again, Err(BuyerError::ContactTaken));
    });
}
