//! The seed of the sub-keys replaced under people: they are found, their PINs and codes are taken, and what hangs from the
//! old seed leaves as they come by.

use base::Dice;
use identity::outside::{Claims, find_outside_member};
use identity::{BuyerError, Contact, MemberError, PasswordHash, Person, PinCheck, Proof, ProofCheck, Role};
use vault::rotation::{Hanging, RotationError};
use vault::testing::Replacing;

use crate::codes::{ask_up, give, right};
use crate::second_steps::{PLACE, prove};
use crate::world::{PIN, WRONG_PIN, World, code_in, each_world, new_member, pin, sign_up};

static HANGING: &Hanging =
    &Hanging { sealed: &[vault::rotation::SEALED, identity::SEALED], keyed: &[identity::KEYED] };
const ISSUER: &str = "https://id.shop.example";

fn replacing(world: &World) -> Replacing<'_> {
    Replacing {
        db: &world.cx.db,
        vault: &world.cx.vault,
        root: [7; 32],
        hanging: HANGING,
        dice: Dice::System,
    }
}

fn replace_seed(world: &World) {
    replacing(world).replace_seed(world.now()).unwrap();
}

fn destroy(world: &World, version: i64) -> Result<(), RotationError> {
    replacing(world).destroy_seed(version, world.now())
}

fn verifier_bytes(world: &World) -> usize {
    let rows = world.cx.db.read_blocking(|tx| tx.query("SELECT pin_verifier FROM buyers", &[])).unwrap();
    rows[0].blob(0).unwrap().len()
}

fn claims(email: Option<&str>) -> Claims {
    Claims {
        subject: "248289761001".into(),
        verified_email: email.map(str::to_owned),
        methods: Vec::new(),
        session: None,
        authenticated: None,
    }
}

#[test]
fn c47_people_sign_in_and_pay_through_a_replaced_seed_and_the_old_one_goes_when_they_have() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        let shop = world.shop().id;
        let member = world.member(shop, "m@shop.example", &[Role::Owner], &PasswordHash::of_nobody());
        let person = Person::Member(member);
        let codes = world.write(move |tx, means| identity::create_recovery_codes(tx, means, person)).unwrap();
        let bound = |email| {
            world.write(move |tx, means| find_outside_member(tx, means, ISSUER, &claims(email))).unwrap()
        };
        assert_eq!(bound(Some("m@shop.example")), Some(member));
        assert_eq!(verifier_bytes(&world), 32);
        for version in [2, 3] {
            world.wait(60);
            replace_seed(&world);
            assert_eq!(verifier_bytes(&world), 32 + 4 * usize::try_from(version).unwrap(), "a layer each");
        }
        let contact = Contact::parse("a@b.example").unwrap();
        let found = world.read(|tx, means| identity::find_buyer_by_contact(tx, means.vault, &contact));
        assert_eq!(found, Ok(Some(buyer)));
        let again = world.write(|tx, means| identity::create_buyer(tx, means, &sign_up("a@b.example")));
        assert_eq!(again, Err(BuyerError::ContactTaken));
        let again = world.write(move |tx, means| {
            let new = new_member("m@shop.example", &[Role::Owner]);
            identity::create_member(
                tx,
                means,
                &identity::Actor::System,
                shop,
                &new,
                &PasswordHash::of_nobody(),
            )
        });
        assert_eq!(again, Err(MemberError::EmailTaken));
        assert_eq!(bound(None), Some(member), "by the name at the provider alone");

        let check = |digits: &'static str| {
            world.write(move |tx, means| identity::verify_pin(tx, means, buyer, &pin(digits))).unwrap()
        };
        assert_eq!(check(WRONG_PIN), PinCheck::Wrong { left: 4 });
        assert!(
            matches!(destroy(&world, 1), Err(RotationError::InUse { uses: 11, .. })),
            "a PIN and ten codes"
        );
        assert_eq!(check(PIN), PinCheck::Right);
        assert_eq!(verifier_bytes(&world), 36, "by the newest key alone");
        assert_eq!((check(WRONG_PIN), check(PIN)), (PinCheck::Wrong { left: 4 }, PinCheck::Right));

        assert_eq!(prove(&world, person, Proof::Recovery(codes[3].clone()), PLACE), ProofCheck::Right);
        world.write(move |tx, means| identity::create_recovery_codes(tx, means, person)).unwrap();
        destroy(&world, 1).unwrap();
        destroy(&world, 2).unwrap();
        assert_eq!(check(PIN), PinCheck::Right);
        let found = world.read(|tx, means| identity::find_buyer_by_contact(tx, means.vault, &contact));
        assert_eq!(found, Ok(Some(buyer)));
        assert_eq!(bound(None), Some(member));
        world
            .write(move |tx, means| identity::erase_buyer(tx, means, &identity::Actor::System, buyer))
            .unwrap();
        let found = world.read(|tx, means| identity::find_buyer_by_contact(tx, means.vault, &contact));
        assert_eq!(found, Ok(None), "erased by the index it has now");
    });
}

/// A sign-up that waits for its code while the seed is replaced becomes an account that is found, and not a second one.
#[test]
fn c47_a_sign_up_on_its_way_through_a_replaced_seed_is_one_account() {
    each_world(|world| {
        let first = ask_up(&world, "a@b.example");
        let code = code_in(&world.deliver()[0].body);
        replace_seed(&world);
        let second = ask_up(&world, "a@b.example");
        let later = code_in(&world.deliver()[0].body);
        let buyer = right(give(&world, first, &code, None)).buyer;
        assert_eq!(right(give(&world, second, &later, None)).buyer, buyer, "the same account");
        let found = world.cx.db.read_blocking(|tx| tx.query("SELECT contact_index FROM buyer_contacts", &[]));
        assert_eq!(found.unwrap().len(), 1);
    });
}

/// Numbers have an index of their own, and a contact that is changed leaves its old index behind, whichever key made it.
#[test]
fn c47_a_number_is_found_and_changed_through_a_replaced_seed() {
    each_world(|world| {
        let contact = |text: &str| Contact::parse(text).unwrap();
        let (number, address) = (contact("+8613800138042"), contact("a@b.example"));
        let name = identity::PersonName::parse("Zhang San").unwrap();
        let new = identity::SignUp::new(name, number.clone(), pin(PIN), webkit::page::Lang::En).unwrap();
        let buyer = world.write(move |tx, means| identity::create_buyer(tx, means, &new)).unwrap();
        let find = |contact: &Contact| {
            world.read(|tx, means| identity::find_buyer_by_contact(tx, means.vault, contact)).unwrap()
        };
        let put = |contact: &Contact| {
            let contact = contact.clone();
            let put = world.write(move |tx, means| {
                identity::put_contact_as_operator(tx, means, (buyer, &contact), "https://pay.example")
            });
            assert_eq!(put, Ok(()));
        };
        replace_seed(&world);
        assert_eq!(find(&number), Some(buyer));
        put(&address);
        assert_eq!((find(&number), find(&address)), (None, Some(buyer)));
        replace_seed(&world);
        assert_eq!((find(&number), find(&address)), (None, Some(buyer)));
        put(&number);
        assert_eq!((find(&number), find(&address)), (Some(buyer), None));
        let found = world.cx.db.read_blocking(|tx| tx.query("SELECT contact_index FROM buyer_contacts", &[]));
        assert_eq!(found.unwrap().len(), 1);
    });
}

#[test]
fn otp_6_a_recovery_code_from_before_a_replaced_seed_works_once() {
    each_world(|world| {
        let shop = world.shop().id;
        let member = world.member(shop, "m@shop.example", &[Role::Owner], &PasswordHash::of_nobody());
        let person = Person::Member(member);
        let codes = world.write(move |tx, means| identity::create_recovery_codes(tx, means, person)).unwrap();
        replace_seed(&world);
        for (at, expected) in [(0, true), (0, false), (1, true)] {
            let taken = prove(&world, person, Proof::Recovery(codes[at].clone()), PLACE) == ProofCheck::Right;
            assert_eq!(taken, expected, "{at}");
        }
        let left = world.read(|tx, _| identity::count_recovery_codes(tx, person)).unwrap();
        assert_eq!(left, 8);
    });
}
