//! The outbox: sealed, retried, given up, never sent to the erased.

use base::ShopId;
use identity::{Actor, Fault, Letter, Recipient};

use crate::world::{World, each_world, email};

fn queue(world: &World, expires_in: Option<i64>) -> base::BuyerId {
    let buyer = world.buyer("a@b.example");
    world
        .write(move |tx, means| {
            let address = email("a@b.example").into();
            let to = Recipient { shop: ShopId::HOUSE, owner: buyer.short(), contact: &address };
            let letter = Letter {
                template: "test",
                subject: "hello".to_owned(),
                body: base::Secret::new("planted body 7731".to_owned()),
                expires: expires_in.map(|seconds| means.now.plus_seconds(seconds)),
            };
            identity::queue_mail(tx, means, &to, &letter)
        })
        .unwrap();
    buyer
}

fn take(world: &World) -> Vec<identity::DueMail> {
    world.write(|tx, means| identity::take_due(tx, means, 10)).unwrap()
}

fn state(world: &World) -> (String, bool) {
    let sql = "SELECT state, body FROM outbox_mail";
    let row = world.cx.db.read_blocking(|tx| tx.query_opt(sql, &[])).unwrap().unwrap();
    (row.text(0).unwrap().to_owned(), row.opt_blob(1).unwrap().is_some())
}

#[test]
fn a_mail_is_taken_once_and_again_when_its_worker_died() {
    each_world(|world| {
        queue(&world, None);
        let first = take(&world);
        assert_eq!(first[0].body.expose(), "planted body 7731");
        assert!(take(&world).is_empty());
        world.wait(120);
        let again = take(&world);
        assert_eq!(again[0].id, first[0].id);
        let (shop, id) = (again[0].shop, again[0].id.clone());
        world.write(move |tx, _| identity::mark_sent(tx, shop, &id)).unwrap();
        assert_eq!(state(&world), ("sent".to_owned(), false));
        world.wait(100_000);
        assert!(take(&world).is_empty());
    });
}

#[test]
fn a_failing_mail_is_tried_six_times_with_growing_waits_and_then_given_up() {
    each_world(|world| {
        queue(&world, None);
        for wait in [10, 60, 300, 1_800, 7_200, 0] {
            let mail = take(&world).remove(0);
            let now = world.now();
            world
                .write(move |tx, _| identity::mark_failed(tx, mail.shop, &mail.id, "connection refused", now))
                .unwrap();
            if wait > 0 {
                world.wait(wait - 1);
                assert!(take(&world).is_empty(), "before {wait} s");
                world.wait(1);
            }
        }
        assert_eq!(state(&world), ("given_up".to_owned(), false));
    });
}

#[test]
fn an_expired_mail_is_not_sent() {
    each_world(|world| {
        queue(&world, Some(60));
        world.wait(60);
        assert!(take(&world).is_empty());
        assert_eq!(state(&world), ("given_up".to_owned(), false));
    });
}

#[test]
fn a_mail_to_an_erased_person_is_not_sent() {
    each_world(|world| {
        let buyer = queue(&world, None);
        world.write(move |tx, means| identity::erase_buyer(tx, means, &Actor::Operator, buyer)).unwrap();
        assert!(take(&world).is_empty());
        assert_eq!(state(&world), ("given_up".to_owned(), false));
        assert_eq!(
            world.write(|tx, means| identity::take_due(tx, means, 10)).map(|mails| mails.len()),
            Ok::<_, Fault>(0)
        );
    });
}

#[test]
fn a_mail_that_is_done_is_forgotten_after_two_days_and_one_that_waits_is_not() {
    each_world(|world| {
        queue(&world, None);
        let sent = take(&world).remove(0);
        world.write(move |tx, _| identity::mark_sent(tx, sent.shop, &sent.id)).unwrap();
        let waiting = world.buyer("b@b.example");
        world
            .write(move |tx, means| {
                let address = email("b@b.example").into();
                let to = Recipient { shop: ShopId::HOUSE, owner: waiting.short(), contact: &address };
                let body = base::Secret::new("b".to_owned());
                let letter = Letter { template: "test", subject: "hello".to_owned(), body, expires: None };
                identity::queue_mail(tx, means, &to, &letter)
            })
            .unwrap();
        let mails = || {
            let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox_mail";
            world.read(|tx, _| tx.query(count, &[])?.remove(0).int(0)).unwrap()
        };
        let sweep = || world.write(identity::sweep).unwrap();
        world.wait(2 * 86_400);
        sweep();
        assert_eq!(mails(), 2);
        world.wait(1);
        sweep();
        assert_eq!(mails(), 1);
    });
}
