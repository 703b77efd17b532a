//! Payments known to be fraud or genuine (C16, C36): who says so, that the parties remember it once, unlearn what is taken
//! back, and know the same as in a replay of a file.

use base::{PaymentId, ScopedId, Timestamp};
use identity::BuyerSession;
use identity::{Actor, Denied, Role};
use payments::challenge::Answer;
use payments::labels::{LabelError, LabelSource, Word, label_fraud, set_label};
use payments::review::{ReviewState, Ruling};
use payments::{DeclineReason, Payment, State};
use risk::Outcome::{self, Allow, Challenge, Review};
use risk::{Entity, Facts, Key};

use crate::pages::{BUYER, code, opened, settle};
use crate::site::Site;
use crate::world::{NOWHERE, PIN, RICH, World, each_world, yuan};

/// The numbers of a row that tell of labels, by their names.
const TOLD: [&str; 22] = [
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
    "payer.genuine_days",
    "payer.genuine_since_fraud",
    "payer.labelled_7d",
    "device.fraud_run",
    "device.genuine_days",
    "device.genuine_since_fraud",
    "shop.fraud_run_days",
    "shop.genuine_days",
    "shop.genuine_since_fraud",
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
    let now = world.now();
    let known = |entity| profiles.get(entity).map_or(0, |profile| profile.labels(now).frauds);
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
    profiles.get(Entity::Shop).map_or(0, |shop| shop.labels(site.clock.now()).frauds)
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
fn what_is_known_of_live_payments_is_what_a_replay_of_the_same_payments_knows() {
    const DAY: i64 = 86_400;
    const HOUR: i64 = 3_600;
    /// When a label becomes known in the replay, and when the payers here say that it was not them.
    const LATER: i64 = 9 * DAY;
    each_world(|world| {
        let (shop, buyer, start) = (world.shop("SG"), world.buyer(), world.now());
        let mut table = String::from("time,amount,payer,device,shop,fraud\n");
        // A payment every nineteen hours, over seven weeks; some are frauds, one after another or alone.
        let payments: Vec<(i64, bool)> =
            (0..60i64).map(|step| (step * 19 * HOUR, matches!(step % 17, 3 | 4 | 11))).collect();
        let mut made: Vec<Payment> = Vec::new();
        let mut disowned = 0;
        let until = |after: i64| world.wait(start.plus_seconds(after).millis_since(world.now()) / 1000);
        for (after, fraud) in &payments {
            while payments.get(disowned).is_some_and(|(paid, _)| paid + LATER <= *after) {
                let (paid, fraud) = payments[disowned];
                if fraud {
                    until(paid + LATER);
                    let (who, payment) = (buyer.buyer.into(), made[disowned].clone());
                    let said = world.write(move |tx, means| {
                        label_fraud(tx, means, &who, &NOWHERE, &payment, LabelSource::Payer)
                    });
                    assert_eq!(said, Ok(()));
                }
                disowned += 1;
            }
            until(*after);
            let minor = 500 + after % 700;
            made.push(world.paid(&buyer, &world.payment(shop.id, minor), Allow));
            let (at, amount) = (world.now().seconds(), minor as f64 / 100.0);
            table.push_str(&format!("{at},{amount},p,d,s,{}\n", u8::from(*fraud)));
        }
        let options = risk::table::ReadOptions { labels: Some("fraud".into()), ..Default::default() };
        let file = risk::table::read(table.as_bytes(), &options).unwrap();
        let plan =
            risk::replay::Plan { label_delay_ms: LATER * 1000, until: Timestamp(i64::MAX), phase: "test" };
        let mut replayed = Vec::new();
        risk::replay::replay(&file, &plan, &mut |_| {}, |_, facts, profiles| {
            replayed.push(told(&risk::features(facts, profiles)));
            Ok::<(), ()>(())
        })
        .unwrap();
        for (index, payment) in made.iter().enumerate() {
            let stored = world.read(|tx| payments::store::find_decision(tx, payment.decision.unwrap()));
            let live = risk::Decision::from_bytes(&stored.unwrap().0).unwrap();
            assert_eq!(told(&live.features), replayed[index], "payment {index}");
        }
        let last = replayed.last().unwrap();
        let known = |name: &str| last.iter().find(|(told, _)| *told == name).unwrap().1;
        assert!(
            known("payer.frauds") > Some(4.0) && known("payer.genuine_since_fraud") > Some(2.0),
            "{last:?}"
        );
    });
}

fn member(world: &World, shop: base::ShopId, role: Role) -> Actor {
    crate::two_people::member(world, shop, role)
}

fn say(
    world: &World,
    who: &Actor,
    payment: PaymentId,
    wanted: Option<Word>,
) -> Result<Option<Word>, LabelError> {
    let (who, note) = (who.clone(), crate::world::text("the buyer wrote to us"));
    let said = world.write(move |tx, means| set_label(tx, means, &who, &NOWHERE, payment, (wanted, &note)));
    said.map(|label| label.map(|label| label.word))
}

/// The stored profiles of everybody, byte for byte.
fn memory(world: &World) -> Vec<Vec<u8>> {
    let sql = "SELECT body FROM profiles ORDER BY entity, party";
    let rows = world.read(|tx| tx.query(sql, &[]));
    rows.iter().map(|row| row.blob(0).unwrap().to_vec()).collect()
}

fn entries(world: &World) -> Vec<String> {
    let sql = "SELECT body FROM audit_entries WHERE body LIKE '%payment.label%' ORDER BY id";
    world.read(|tx| tx.query(sql, &[])).iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

#[test]
fn c16_a_member_labels_a_payment_and_takes_it_back_and_nothing_is_left_of_it() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let risk = member(&world, shop.id, Role::Risk);
        let paid = world.paid(&buyer, &world.payment(shop.id, 500), Allow);
        world.wait(3_600);
        let resumed = world.paid(&buyer, &world.payment(shop.id, 700), Challenge);
        world.wait(120);
        world.answer(&buyer, resumed.id, Answer::Yes(crate::world::pin(PIN))).unwrap();
        let stopped = world.paid(&buyer, &world.payment(shop.id, 900), Outcome::Block);
        let before = memory(&world);
        for payment in [&paid, &resumed, &stopped] {
            let id = payment.id;
            assert_eq!(say(&world, &risk, id, Some(Word::Fraud)), Ok(Some(Word::Fraud)));
            let labelled = memory(&world);
            assert_eq!(frauds(&world, &buyer, payment), [1; 3]);
            assert_eq!(say(&world, &risk, id, Some(Word::Fraud)), Ok(Some(Word::Fraud)), "said once");
            assert_eq!(memory(&world), labelled);
            assert_eq!(say(&world, &risk, id, Some(Word::Genuine)), Ok(Some(Word::Genuine)));
            assert_eq!(frauds(&world, &buyer, payment), [0; 3]);
            // A payer who disowns it has the last word, and the member the next.
            let (who, disowned) = (buyer.buyer.into(), world.stored(id));
            let said = world.write(move |tx, means| {
                label_fraud(tx, means, &who, &NOWHERE, &disowned, LabelSource::Payer)
            });
            assert_eq!((said, frauds(&world, &buyer, payment)), (Ok(()), [1; 3]));
            assert_eq!(say(&world, &risk, id, None), Ok(None));
            assert_eq!(say(&world, &risk, id, None), Ok(None));
            assert_eq!(memory(&world), before, "{:?}", payment.stored_state);
        }
        let log = entries(&world);
        assert_eq!(log.len(), 9);
        let Actor::Member(session) = &risk else { panic!("a member") };
        for word in ["fraud", "genuine", "none"] {
            let word = format!("\"label\":\"{word}\"");
            let about = |line: &&String| line.contains(&word) && line.contains(&paid.id.to_string());
            let line = log.iter().find(about).expect("a line");
            assert!(line.contains(&session.member.to_string()), "{line}");
            assert!(line.contains("the buyer wrote to us"), "{line}");
        }
    });
}

#[test]
fn c16_said_genuine_counts_at_once_and_unsaid_after_the_delay() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let risk = member(&world, shop.id, Role::Risk);
        let first = world.paid(&buyer, &world.payment(shop.id, 500), Allow);
        world.wait(60);
        world.paid(&buyer, &world.payment(shop.id, 500), Allow);
        let genuine = |world: &World| {
            let facts = parties(&buyer, &first);
            let profiles =
                world.read(|tx| payments::screening::load_profiles(tx, base::ShopId::HOUSE, &facts));
            profiles.get(Entity::Payer).unwrap().labels(world.now()).genuine_since
        };
        assert_eq!(genuine(&world), 0);
        say(&world, &risk, first.id, Some(Word::Genuine)).unwrap();
        assert_eq!(genuine(&world), 1);
        world.wait(i64::from(risk::window::LABEL_DELAY) - 1);
        assert_eq!(genuine(&world), 1);
        world.wait(1);
        assert_eq!(genuine(&world), 2, "the second one is a week old");
    });
}

#[test]
fn az_4_a_label_is_for_members_of_the_shop_who_review_and_for_payments_that_ended() {
    each_world(|world| {
        let (shop, other, buyer) = (world.shop("SG"), world.shop("SG"), world.buyer());
        let risk = member(&world, shop.id, Role::Risk);
        let paid = world.paid(&buyer, &world.payment(shop.id, 500), Allow);
        let before = memory(&world);
        for role in [Role::Manager, Role::Cashier, Role::Support, Role::Finance, Role::Auditor] {
            let who = member(&world, shop.id, role);
            let refused = say(&world, &who, paid.id, Some(Word::Fraud));
            assert_eq!(refused, Err(LabelError::Denied(Denied::NotAllowed)), "{role:?}");
        }
        let stranger = member(&world, other.id, Role::Owner);
        let refused = say(&world, &stranger, paid.id, Some(Word::Fraud));
        assert_eq!(refused, Err(LabelError::Denied(Denied::NotFound)));
        let refused = say(&world, &Actor::Anyone, paid.id, Some(Word::Fraud));
        assert_eq!(refused, Err(LabelError::Denied(Denied::SignInNeeded)));
        let unknown = PaymentId::new(shop.id, world.now(), &world.dice);
        assert_eq!(say(&world, &risk, unknown, None), Err(LabelError::NoPayment));
        let waiting = world.payment(shop.id, 500);
        let paused = world.paid(&buyer, &world.payment(shop.id, 500), Challenge);
        let reviewed = world.paid(&buyer, &world.payment(shop.id, 500), Review);
        for (payment, state) in
            [(&waiting, State::Waiting), (&paused, State::Paused), (&reviewed, State::InReview)]
        {
            let refused = say(&world, &risk, payment.id, Some(Word::Fraud));
            assert_eq!(refused, Err(LabelError::NotEnded(state)));
        }
        assert_eq!(frauds(&world, &buyer, &paid), [0; 3]);
        assert_eq!((entries(&world).len(), before.len()), (0, memory(&world).len()));
        world.wait(2 * 86_400);
        assert_eq!(
            say(&world, &risk, waiting.id, Some(Word::Fraud)),
            Err(LabelError::NotEnded(State::Expired))
        );
        assert_eq!(
            say(&world, &risk, paused.id, Some(Word::Fraud)),
            Ok(Some(Word::Fraud)),
            "nobody answered"
        );
    });
}

#[test]
fn c16_the_desk_says_what_a_payment_was_and_takes_it_back() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = crate::pages::at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, PIN)).is(200);
    let home = format!("/desk/payments/{id}");
    let said = |owner: &mut crate::site::Browser, word: &str, note: &str| {
        let form = owner.get(&home).is(200).form("/label").with("label", word).with("note", note);
        owner.send(&form)
    };
    owner.get(&home).is(200).shows("Nobody has said. It counts as genuine once it is a week old");
    said(&mut owner, "fraud", " ").is(422).shows("Say why");
    assert_eq!(frauds_of_shop(&site, id), 0);
    let page = said(&mut owner, "fraud", "card reported stolen");
    page.is(200).shows("Mei Lin says that it was fraud").shows("card reported stolen");
    assert_eq!(frauds_of_shop(&site, id), 1);
    said(&mut owner, "genuine", "spoke with the buyer").is(200).shows("Mei Lin says that it was genuine");
    let page = said(&mut owner, "none", "was another payment");
    page.is(200).shows("Nobody has said");
    assert!(!page.html.contains("says that it was"), "nothing is left of it");
    assert_eq!(frauds_of_shop(&site, id), 0);
    said(&mut owner, "maybe", "x").is(400);
    owner.lang = "zh";
    owner.get(&home).is(200).shows("这笔付款是欺诈吗");
    // A colleague who may see payments and not review sees no form.
    site.member(id.shop(), "till@shop.example", Role::Cashier);
    let mut cashier = site.browser();
    let door = cashier.get("/sign-in").form("/sign-in").with("email", "till@shop.example");
    let page = cashier.send(&door.with("password", crate::site::PASSWORD));
    site.enter(&mut cashier, page).is(200);
    let page = cashier.get(&home);
    assert!(!page.is(200).html.contains("/label\""), "{}", page.html);
}
