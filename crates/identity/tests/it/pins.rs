//! The payment PIN: counted strictly, locked after five, cheap when right.

use std::sync::Arc;

use identity::{Actor, Freeze, PinChange, PinCheck};

use crate::world::{PIN, WRONG_PIN, World, each_world, pin};

fn check(world: &World, buyer: base::BuyerId, digits: &'static str) -> PinCheck {
    world.write(move |tx, means| identity::verify_pin(tx, means, buyer, &pin(digits))).unwrap()
}

#[test]
fn c21_five_wrong_pins_lock_paying_and_the_right_one_no_longer_helps() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        for left in (0..5).rev() {
            assert_eq!(check(&world, buyer, WRONG_PIN), PinCheck::Wrong { left });
        }
        assert_eq!(check(&world, buyer, PIN), PinCheck::Locked);
        assert_eq!(check(&world, buyer, WRONG_PIN), PinCheck::Locked);
        assert_eq!((world.audited("pin.refused"), world.audited("pin.locked")), (4, 1));
        let known = world.read(|tx, _| identity::find_buyer(tx, buyer)).unwrap().unwrap();
        assert!(known.pin_locked);
    });
}

#[test]
fn the_right_pin_starts_the_count_anew() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        for _ in 0..4 {
            check(&world, buyer, WRONG_PIN);
        }
        assert_eq!(check(&world, buyer, PIN), PinCheck::Right);
        assert_eq!(check(&world, buyer, WRONG_PIN), PinCheck::Wrong { left: 4 });
    });
}

#[test]
fn c04_c21_of_200_parallel_wrong_pins_exactly_five_are_looked_at() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        let start = Arc::new(std::sync::Barrier::new(200));
        let tries: Vec<_> = (0..200)
            .map(|_| {
                let (world, start) = (world.clone(), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    check(&world, buyer, WRONG_PIN)
                })
            })
            .collect();
        let results: Vec<PinCheck> = tries.into_iter().map(|job| job.join().unwrap()).collect();
        let mut left: Vec<i64> = results
            .iter()
            .filter_map(|found| if let PinCheck::Wrong { left } = found { Some(*left) } else { None })
            .collect();
        left.sort_unstable();
        assert_eq!(left, [0, 1, 2, 3, 4]);
        assert_eq!(results.iter().filter(|found| **found == PinCheck::Locked).count(), 195);
        assert_eq!(check(&world, buyer, PIN), PinCheck::Locked);
    });
}

#[test]
fn two_buyers_with_one_pin_have_different_verifiers() {
    each_world(|world| {
        world.buyer("a@b.example");
        world.buyer("c@d.example");
        let rows = world.cx.db.read_blocking(|tx| tx.query("SELECT pin_verifier FROM buyers", &[])).unwrap();
        assert_ne!(rows[0].blob(0).unwrap(), rows[1].blob(0).unwrap());
        assert_eq!(rows[0].blob(0).unwrap().len(), 32);
    });
}

#[test]
fn a_pin_verifier_moved_to_another_buyer_does_not_open() {
    each_world(|world| {
        let (one, two) = (world.buyer("a@b.example"), world.buyer("c@d.example"));
        let steal = "UPDATE buyers SET pin_salt = (SELECT pin_salt FROM buyers WHERE id = ?1),
                     pin_verifier = (SELECT pin_verifier FROM buyers WHERE id = ?1) WHERE id = ?2";
        let params = [one.short().into(), two.short().into()];
        world.cx.db.write_blocking(move |tx| tx.execute(steal, &params)).unwrap();
        assert_eq!(check(&world, two, PIN), PinCheck::Wrong { left: 4 });
    });
}

#[test]
fn a_frozen_or_unknown_buyer_does_not_pay_and_no_try_is_counted() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        let set = |freeze| {
            world
                .write(move |tx, means| identity::set_frozen(tx, means, &Actor::Operator, buyer, freeze))
                .unwrap();
        };
        set(Freeze::Freeze);
        assert_eq!(check(&world, buyer, PIN), PinCheck::NotActive);
        assert_eq!(check(&world, buyer, WRONG_PIN), PinCheck::NotActive);
        set(Freeze::Unfreeze);
        assert_eq!(check(&world, buyer, WRONG_PIN), PinCheck::Wrong { left: 4 });
        let other = base::BuyerId::new(base::ShopId::HOUSE, world.now(), &base::Dice::System);
        assert_eq!(check(&world, other, PIN), PinCheck::NotActive);
    });
}

#[test]
fn pw_6_a_pin_is_changed_with_the_old_one_and_the_buyer_is_told() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        let change = |old: &'static str, new: &'static str| {
            world.write(move |tx, means| identity::change_pin(tx, means, buyer, &pin(old), &pin(new)))
        };
        assert_eq!(change(WRONG_PIN, "305871"), Ok(PinChange::Refused(PinCheck::Wrong { left: 4 })));
        assert!(change(PIN, "123456").is_err());
        assert_eq!(change(PIN, "305871"), Ok(PinChange::Done));
        assert_eq!(check(&world, buyer, "305871"), PinCheck::Right);
        assert_eq!(check(&world, buyer, PIN), PinCheck::Wrong { left: 4 });
        let mails = world.deliver();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].template, "pin_changed");
        assert_eq!(mails[0].recipient.expose(), "a@b.example");
    });
}

#[test]
fn c21_the_operator_unlocks_a_pin_and_it_is_written_down() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        let unlock = |buyer| {
            world.write(move |tx, means| identity::unlock_pin(tx, means, &identity::Actor::Operator, buyer))
        };
        for _ in 0..5 {
            check(&world, buyer, WRONG_PIN);
        }
        assert_eq!(check(&world, buyer, PIN), PinCheck::Locked);
        unlock(buyer).unwrap();
        assert_eq!(
            check(&world, buyer, WRONG_PIN),
            PinCheck::Wrong { left: 4 },
            "the count starts at nothing"
        );
        assert_eq!(check(&world, buyer, PIN), PinCheck::Right);
        unlock(buyer).unwrap();
        assert_eq!(world.audited("pin.unlocked"), 1, "nothing to unlock, nothing to write down");
        let nobody = base::BuyerId::new(base::ShopId::HOUSE, world.now(), &base::Dice::System);
        assert_eq!(unlock(nobody), Err(identity::BuyerError::NotFound));
    });
}
