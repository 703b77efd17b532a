//! Payments known to be fraud (C16, C36): who says so, that the parties remember it once, and that they remember it as a
//! replay of a file does.

use base::{PaymentId, ScopedId, Timestamp};
use identity::BuyerSession;
use payments::challenge::Answer;
use payments::labels::{LabelSource, label_fraud};
use payments::review::{ReviewState, Ruling};
use payments::{DeclineReason, Payment, State};
use risk::Outcome::{self, Allow, Challenge, Review};
use risk::{Entity, Facts, Key};

use crate::pages::{BUYER, code, opened, settle};
use crate::site::Site;
use crate::world::{NOWHERE, PIN, RICH, World, each_world, yuan};

/// The numbers of a row that tell of frauds, each with its name.
const TOLD: [&str; 13] = [
    "payer.frauds",
    "payer.fraud_days",
    "payer.fraud_run_days",
    "payer.fraud_run",
    "payer.risk_1d",
    "payer.risk_7d",
    "payer.risk_30d",
    "device.frauds",
    "device.fraud_days",
    "device.risk_7d",
    "shop.frauds",
    "shop.fraud_run",
    "shop.risk_30d",
];

fn parties(who: &BuyerSession, payment: &Payment) -> Facts {
    Facts::new(Timestamp(0), yuan(1))
        .with(Entity::Payer, Key::of(who.buyer.short()))
        .with(Entity::Device, Key::of(who.device.short()))
        .with(Entity::Shop, Key::of(payment.id.shop().short()))
}

/// Known frauds of payer, device and shop.
fn frauds(world: &World, who: &BuyerSession, payment: &Payment) -> [u32; 3] {
    let facts = parties(who, payment);
    let profiles = world.read(|tx| payments::screening::load_profiles(tx, base::ShopId::HOUSE, &facts));
    let known = |entity| profiles.get(entity).map_or(0, |profile| profile.labels().frauds);
    [known(Entity::Payer), known(Entity::Device), known(Entity::Shop)]
}

#[test]
fn c35_a_payer_who_says_no_to_the_challenge_labels_the_payment_once() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 500), Challenge);
        assert_eq!(frauds(&world, &buyer, &payment), [0; 3]);
        world.answer(&buyer, payment.id, Answer::No).unwrap();
        assert_eq!(frauds(&world, &buyer, &payment), [1; 3]);
        assert!(world.answer(&buyer, payment.id, Answer::No).is_err());
        assert_eq!(frauds(&world, &buyer, &payment), [1; 3]);
        let entries = world
            .read(|tx| tx.query("SELECT body FROM audit_entries WHERE body LIKE '%payment.fraud%'", &[]));
        assert_eq!(entries.len(), 1);
        // A yes labels nothing.
        let other = world.paid(&buyer, &world.payment(shop.id, 500), Challenge);
        world.answer(&buyer, other.id, Answer::Yes(crate::world::pin(PIN))).unwrap();
        assert_eq!(frauds(&world, &buyer, &payment), [1; 3]);
    });
}

#[test]
fn c36_a_review_refused_as_fraud_labels_the_payment_and_one_refused_otherwise_does_not() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        for (ruling, after) in [(Ruling::Approve, 0), (Ruling::Decline, 0), (Ruling::DeclineAsFraud, 1)] {
            let payment = world.paid(&buyer, &world.payment(shop.id, 500), Review);
            let done = world.rule(payment.id, ruling).unwrap().payment;
            assert_eq!(done.stored_state == State::Paid, ruling == Ruling::Approve);
            assert_eq!(frauds(&world, &buyer, &payment), [after; 3], "{ruling:?}");
        }
        assert_eq!(world.balance(buyer.buyer), RICH - 500);
    });
}

#[test]
fn c36_an_approved_review_that_cannot_be_paid_ends_so() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let waiting = world.paid(&buyer, &world.payment(shop.id, RICH), Review);
        world.paid(&buyer, &world.payment(shop.id, 1), Allow);
        let done = world.rule(waiting.id, Ruling::Approve).unwrap().payment;
        assert_eq!(
            (done.stored_state, done.decline),
            (State::Declined, Some(DeclineReason::InsufficientFunds))
        );
        let review = world.read(|tx| payments::store::find_review(tx, waiting.id)).unwrap();
        assert_eq!((review.state, review.decided_at), (ReviewState::ApprovedUnpaid, Some(world.now())));
        assert!(world.read(|tx| payments::store::list_open_reviews(tx, shop.id, world.now(), 9)).is_empty());
        world.prove();
    });
}

#[test]
fn c36_the_desk_and_the_payer_are_told_that_an_approved_payment_could_not_be_paid() {
    let (site, mut owner) = opened(Outcome::Review);
    let (path, id) = code(&mut owner, "5000", "A chest of tea");
    let (mut buyer, page) = crate::pages::at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, PIN)).is(200).shows("is taking a quick look at this payment");
    let (small, other) = code(&mut owner, "1", "Tea");
    let page = buyer.get(&small);
    let page = buyer.send(&page.form("/p/"));
    buyer.send(&settle(&page, PIN)).is(200);
    let decide = |owner: &mut crate::site::Browser, id: PaymentId, word: &str| {
        let form = owner.get(&format!("/desk/reviews/{id}")).is(200).form("/desk/reviews/");
        owner.send(&form.with("note", "called the buyer").with("decision", word))
    };
    decide(&mut owner, other, "approve").is(200).shows("Paid");
    let told = decide(&mut owner, id, "approve");
    told.is(200)
        .shows("Approved by Mei Lin, but it could not be paid any more")
        .shows("the balance is too small");
    buyer.get(&format!("/pay/{id}")).is(200).shows("Your balance does not cover this. No money has moved");
    let (path, id) = code(&mut owner, "2", "Tea");
    let page = buyer.get(&path);
    let page = buyer.send(&page.form("/p/"));
    buyer.send(&settle(&page, PIN)).is(200);
    decide(&mut owner, id, "fraud").is(200).shows("Remembered as fraud").shows("Declined in review");
    site.prove();
}

/// Known frauds of the shop.
fn frauds_of_shop(site: &Site, id: PaymentId) -> u32 {
    let facts = Facts::new(Timestamp(0), yuan(1)).with(Entity::Shop, Key::of(id.shop().short()));
    let profiles = site.read(|tx| payments::screening::load_profiles(tx, base::ShopId::HOUSE, &facts));
    profiles.get(Entity::Shop).map_or(0, |shop| shop.labels().frauds)
}

#[test]
fn c16_a_payer_who_disowns_a_paid_payment_labels_it_once_and_the_desk_reads_it() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = crate::pages::at_pin(&site, &path, BUYER);
    let (open, waiting) = code(&mut owner, "1", "Tea");
    buyer.send(&settle(&page, PIN)).is(200).shows("Paid");
    buyer.get(&open).is(200);
    let ask = buyer.get(&format!("/pay/{id}/not-me"));
    let form = ask.is(200).form("/not-me");
    assert_eq!(frauds_of_shop(&site, id), 0, "asking is not saying");
    // Nobody disowns a payment that they never confirmed.
    let other =
        crate::site::Form { to: form.to.replace(&id.to_string(), &waiting.to_string()), ..form.clone() };
    buyer.clone().send(&other);
    assert_eq!(frauds_of_shop(&site, id), 0);
    buyer.send(&form).is(200);
    assert_eq!(frauds_of_shop(&site, id), 1);
    buyer.send(&form);
    assert_eq!(frauds_of_shop(&site, id), 1);
    owner.get(&format!("/desk/payments/{id}")).is(200).shows("The payer says that it was not them");
}

/// Numbers of a decision's row by their names; unknown ones are `None`.
fn told(row: &risk::Features) -> Vec<(&'static str, Option<f64>)> {
    let slot = |name: &str| risk::Slot::all().find(|slot| slot.info().name == name).unwrap();
    TOLD.iter().map(|name| (*name, row.known(slot(name)))).collect()
}

#[test]
fn fraud_known_of_a_live_payment_is_what_a_replay_of_the_same_payments_knows() {
    const DAY: i64 = 86_400;
    const LATER: i64 = 9 * DAY;
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let mut table = String::from("time,amount,payer,device,shop,fraud\n");
        let mut line = |at: Timestamp, minor: i64, fraud: u8| {
            let amount = minor as f64 / 100.0;
            table.push_str(&format!("{},{amount},p,d,s,{fraud}\n", at.seconds()));
        };
        // Two frauds a day apart, each disowned nine days after, as the replay's labels become known.
        let mut disowned = Vec::new();
        for minor in [500, 700] {
            disowned.push(world.paid(&buyer, &world.payment(shop.id, minor), Allow));
            line(world.now(), minor, 1);
            world.wait(DAY);
        }
        world.wait(LATER - 2 * DAY);
        for payment in disowned {
            let who = buyer.buyer.into();
            let said = world
                .write(move |tx, means| label_fraud(tx, means, &who, &NOWHERE, &payment, LabelSource::Payer));
            assert_eq!(said, Ok(()));
            world.wait(DAY);
        }
        let last = world.paid(&buyer, &world.payment(shop.id, 900), Allow);
        line(world.now(), 900, 0);
        let (bytes, _) = world.read(|tx| payments::store::find_decision(tx, last.decision.unwrap())).unwrap();
        let live = risk::Decision::from_bytes(&bytes).unwrap();
        let options = risk::table::ReadOptions { labels: Some("fraud".into()), ..Default::default() };
        let file = risk::table::read(table.as_bytes(), &options).unwrap();
        let plan =
            risk::replay::Plan { label_delay_ms: LATER * 1000, until: Timestamp(i64::MAX), phase: "test" };
        let mut replayed = Vec::new();
        risk::replay::replay(&file, &plan, &mut |_| {}, |row, facts, profiles| {
            if row == 2 {
                replayed = told(&risk::features(facts, profiles));
            }
            Ok::<(), ()>(())
        })
        .unwrap();
        let live = told(&live.features);
        assert_eq!(live[0], ("payer.frauds", Some(2.0)));
        assert_eq!(live, replayed);
    });
}
