//! Second factors and the notices about them.

use base::{FactorId, Secret};
use identity::{Channel, FactorError, FactorKind, Label, NewFactor, Notice, Person, factors};

use crate::world::{World, each_world, email};

fn add(world: &World, person: Person, kind: FactorKind, secret: &'static str) -> FactorId {
    world
        .write(move |tx, means| {
            let (label, secret) = (Label::from_agent("mine"), Secret::new(secret.as_bytes().to_vec()));
            factors::add_factor(tx, means, person, &NewFactor { kind, label: &label, secret: &secret })
        })
        .unwrap()
}

fn texts(world: &World) -> Vec<identity::DueMail> {
    world.write(|tx, means| identity::take_due_on(tx, means, Channel::Sms, 100)).unwrap()
}

#[test]
fn c15_every_change_of_a_factor_is_told_on_every_channel_and_written_down() {
    each_world(|world| {
        let person = Person::Buyer(world.buyer("a@b.example"));
        let phone = add(&world, person, FactorKind::Sms, "+8613800138042");
        let (mails, messages) = (world.deliver(), texts(&world));
        assert_eq!(mails.len(), 1);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].recipient.expose(), "+8613800138042");
        assert_eq!(mails[0].template, "factor_added");
        let app = add(&world, person, FactorKind::Totp, "a secret of twenty bytes");
        assert_eq!((world.deliver().len(), texts(&world).len()), (1, 1));
        world.write(move |tx, means| factors::remove_factor(tx, means, person, person, app)).unwrap();
        let mails = world.deliver();
        assert!(
            mails[0].body.expose().contains("authenticator app can no longer"),
            "{:?}",
            mails[0].template
        );
        assert_eq!(texts(&world).len(), 1);
        let removed = world.write(move |tx, means| factors::remove_factor(tx, means, person, person, app));
        assert_eq!(removed, Err(FactorError::NotFound));
        assert_eq!((world.audited("factor.added"), world.audited("factor.removed")), (2, 1));
        let left = world.read(|tx, _| factors::list_factors(tx, person)).unwrap();
        assert_eq!(left.iter().map(|factor| factor.id).collect::<Vec<_>>(), [phone]);
        world.write(move |tx, means| factors::remove_factor(tx, means, person, person, phone)).unwrap();
        let messages = texts(&world);
        assert_eq!(messages.len(), 1, "the number that is removed is told as well");
        assert_eq!(messages[0].recipient.expose(), "+8613800138042");
    });
}

#[test]
fn c05_a_member_keeps_a_second_factor_and_recovery_codes_are_none() {
    each_world(|world| {
        let shop = world.shop().id;
        let hash = identity::PasswordHash::of_nobody();
        let person =
            Person::Member(world.member(shop, "owner@shop.example", &[identity::Role::Owner], &hash));
        let has = |world: &World| {
            world.read(|tx, means| factors::has_second_factor(tx, means.vault, person)).unwrap()
        };
        add(&world, person, FactorKind::Recovery, "");
        assert!(!has(&world));
        let app = add(&world, person, FactorKind::Totp, "one");
        assert!(has(&world));
        let removed = world.write(move |tx, means| factors::remove_factor(tx, means, person, person, app));
        assert_eq!(removed, Err(FactorError::LastFactor));
        add(&world, person, FactorKind::Passkey, "two");
        let removed = world.write(move |tx, means| factors::remove_factor(tx, means, person, person, app));
        assert_eq!(removed, Ok(FactorKind::Totp));
    });
}

#[test]
fn a_factor_belongs_to_one_person_and_its_secret_is_sealed() {
    each_world(|world| {
        let (one, two) =
            (Person::Buyer(world.buyer("a@b.example")), Person::Buyer(world.buyer("c@d.example")));
        let id = add(&world, one, FactorKind::Totp, "planted secret 9917");
        let find = |person| {
            world.read(|tx, means| factors::find_secret(tx, means, person, FactorKind::Totp, id)).unwrap()
        };
        assert_eq!(find(one).unwrap().expose(), b"planted secret 9917");
        assert!(find(two).is_none());
        world
            .write(move |tx, means| {
                factors::update_secret(tx, means, one, id, &Secret::new(b"planted again".to_vec()))?;
                factors::note_refusal(tx, means, one, FactorKind::Totp)?;
                factors::note_use(tx, means, one, id)
            })
            .unwrap();
        assert_eq!(find(one).unwrap().expose(), b"planted again");
        assert_eq!((world.audited("factor.used"), world.audited("factor.refused")), (1, 1));
        let listed = world.read(|tx, _| factors::list_factors(tx, one)).unwrap();
        assert_eq!(listed[0].used, Some(world.now()));
        let sql = "SELECT secret FROM factors";
        let row = world.cx.db.read_blocking(|tx| tx.query_opt(sql, &[])).unwrap().unwrap();
        assert!(!row.blob(0).unwrap().windows(7).any(|part| part == b"planted"));
    });
}

#[test]
fn an_account_has_at_most_20_factors() {
    each_world(|world| {
        let person = Person::Buyer(world.buyer("a@b.example"));
        for _ in 0..identity::limits::FACTORS_MAX {
            add(&world, person, FactorKind::Totp, "x");
        }
        let again = world.write(move |tx, means| {
            let (label, secret) = (Label::from_agent("one more"), Secret::new(b"x".to_vec()));
            let new = NewFactor { kind: FactorKind::Totp, label: &label, secret: &secret };
            factors::add_factor(tx, means, person, &new)
        });
        assert_eq!(again, Err(FactorError::TooMany));
    });
}

#[test]
fn c15_a_changed_contact_is_told_to_the_old_one_too_in_the_language_of_the_account() {
    each_world(|world| {
        let shop = world.shop().id;
        let hash = identity::PasswordHash::of_nobody();
        let person = Person::Member(world.member(shop, "new@shop.example", &[identity::Role::Owner], &hash));
        world
            .write(move |tx, means| {
                let link = base::Secret::new("https://pay.example/freeze/x".to_owned());
                let notice = Notice::ContactChanged { old: email("old@shop.example").into(), link };
                identity::queue_notice(tx, means, person, &notice)?;
                identity::queue_notice(tx, means, person, &Notice::PasswordChanged)
            })
            .unwrap();
        let mut told: Vec<(String, String)> = world
            .deliver()
            .into_iter()
            .map(|mail| (mail.template, mail.recipient.expose().clone()))
            .collect();
        told.sort();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            told,
            [
                pair("contact_changed", "new@shop.example"),
                pair("contact_changed", "old@shop.example"),
                pair("password_changed", "new@shop.example"),
            ]
        );
    });
}

#[test]
fn an_erased_buyer_is_told_nothing_and_has_no_factors() {
    each_world(|world| {
        let buyer = world.buyer("a@b.example");
        let person = Person::Buyer(buyer);
        add(&world, person, FactorKind::Totp, "x");
        world.deliver();
        world
            .write(move |tx, means| identity::erase_buyer(tx, means, &identity::Actor::System, buyer))
            .unwrap();
        world.write(move |tx, means| identity::queue_notice(tx, means, person, &Notice::PinChanged)).unwrap();
        assert!(world.deliver().is_empty());
        assert!(world.read(|tx, _| factors::list_factors(tx, person)).unwrap().is_empty());
    });
}
