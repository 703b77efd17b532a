//! What happened to a buyer's account, as its owner reads it later (C16).

use identity::{Activity, Actor, Freeze, Happening, Label, Person};

use crate::world::{PIN, World, each_world, pin};

fn lines(world: &World, buyer: base::BuyerId) -> Vec<Activity> {
    world.read(|tx, _| identity::list_activity(tx, buyer, 100)).unwrap()
}

fn enter(world: &World, buyer: base::BuyerId, label: &'static str, origin: &'static str) -> identity::Token {
    let device = identity::ShownDevice {
        origin: origin.into(),
        token: None,
        label: Label::from_agent(label),
        session: None,
    };
    let opened = world.write(move |tx, means| {
        let arrival = identity::Arrival { device: &device, origin };
        identity::open_proven(tx, means, Person::Buyer(buyer), identity::FactorKind::Passkey, arrival)
    });
    world.wait(1);
    opened.unwrap().unwrap().session().token.clone()
}

#[test]
fn c16_what_is_gone_has_its_lines_with_time_device_and_network() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        let began = world.now();
        let token = enter(&world, buyer, "Chrome|Android", "203.0.113.77");
        world.write(move |tx, means| identity::end_session(tx, means, &token)).unwrap();
        world.wait(1);
        assert!(
            world.read(|tx, means| identity::list_buyer_sessions(tx, buyer, means.now)).unwrap().is_empty()
        );
        let found = lines(&world, buyer);
        let what: Vec<Happening> = found.iter().map(|line| line.what).collect();
        assert_eq!(what[0], Happening::SessionEnded);
        assert!(what.contains(&Happening::SignedIn) && what.contains(&Happening::DeviceAdded), "{what:?}");
        let entered = found.iter().find(|line| line.what == Happening::SignedIn).unwrap();
        assert_eq!((entered.at, entered.label.as_str()), (began, "Chrome|Android"));
        assert_eq!(entered.network.map(|network| network.to_string()).as_deref(), Some("203.0.113.•"));
    });
}

#[test]
fn c16_every_change_of_pin_state_and_wrong_tries_is_a_line_and_nobody_elses() {
    each_world(|world| {
        let (buyer, other) = (world.buyer("a@b.example"), world.buyer("c@d.example"));
        let changed =
            world.write(move |tx, means| identity::change_pin(tx, means, buyer, &pin(PIN), &pin("305871")));
        assert_eq!(changed.unwrap(), identity::PinChange::Done);
        for _ in 0..5 {
            world.wait(1);
            world.write(move |tx, means| identity::verify_pin(tx, means, buyer, &pin(PIN))).unwrap();
        }
        for freeze in [Freeze::Freeze, Freeze::Unfreeze] {
            world.wait(1);
            world
                .write(move |tx, means| identity::set_frozen(tx, means, &Actor::Operator, buyer, freeze))
                .unwrap();
        }
        let what: Vec<Happening> = lines(&world, buyer).iter().map(|line| line.what).collect();
        use Happening::{Frozen, PinChanged, PinLocked, Unfrozen};
        assert_eq!(what, [Unfrozen, Frozen, PinLocked, PinChanged], "newest first");
        assert!(lines(&world, other).is_empty());
        world.write(move |tx, means| identity::erase_buyer(tx, means, &Actor::Operator, buyer)).unwrap();
        assert!(lines(&world, buyer).is_empty(), "it goes with its owner");
    });
}

#[test]
fn c16_lines_are_kept_for_so_many_days_and_no_longer() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        enter(&world, buyer, "Chrome|Android", "203.0.113.77");
        let count = lines(&world, buyer).len();
        assert!(count > 0);
        world.wait(identity::limits::ACTIVITY_DAYS * 86_400 - 2);
        world.write(identity::sweep).unwrap();
        assert_eq!(lines(&world, buyer).len(), count);
        world.wait(3);
        world.write(identity::sweep).unwrap();
        assert!(lines(&world, buyer).is_empty());
    });
}
