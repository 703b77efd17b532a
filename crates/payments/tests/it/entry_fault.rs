//! AU-6: money does not move where its entry in the audit log cannot be written. The fault is at the entry alone: all else
//! that the transaction writes could be written.

use std::sync::atomic::Ordering;

use audit::{Action, Actor, Entry, Object, Outcome as Logged};
use base::{Dice, EntryId, MemberId, ShopId};
use identity::{BuyerSession, Means};
use payments::challenge::{Answer, answer_challenge};
use payments::confirm::{Confirmed, confirm};
use payments::refund::{NewRefund, refund};
use payments::review::{Ruling, Verdict, decide_review};
use payments::{Payment, Screen};
use risk::Outcome::{Allow, Challenge, Review};
use store::{EngineKind, Tx};

use crate::world::{NOWHERE, PIN, START, World, each_world, pin, screen, seen, text, yuan};

/// Why a deed was not done.
#[derive(Debug)]
enum Stop {
    /// It was to be taken back: the id that its entry was given.
    Drawn(EntryId),
    Failed(String),
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Stop {
        Stop::Failed(error.to_string())
    }
}

fn failed(error: impl std::fmt::Display) -> Stop {
    Stop::Failed(error.to_string())
}

/// Everything that money can be moved with.
#[derive(Clone)]
struct Scene {
    shop: ShopId,
    member: MemberId,
    buyer: BuyerSession,
    waiting: Payment,
    paused: Payment,
    reviewed: Payment,
    paid: Payment,
    allow: Screen,
}

impl Scene {
    fn set(world: &World) -> Scene {
        let (shop, buyer) = (world.shop("SG").id, world.buyer());
        let found = |outcome| world.paid(&buyer, &world.payment(shop, 500), outcome);
        Scene {
            shop,
            member: MemberId::new(shop, START, &world.dice),
            waiting: world.payment(shop, 500),
            paused: found(Challenge),
            reviewed: found(Review),
            paid: found(Allow),
            allow: screen(Allow),
            buyer,
        }
    }

    /// What money there is and where every payment stands.
    fn standing(&self, world: &World) -> String {
        let payments = [&self.waiting, &self.paused, &self.reviewed, &self.paid];
        let each = payments.map(|payment| (world.stored(payment.id), world.transfers(payment.id)));
        format!("{} {} {each:?}", world.balance(self.buyer.buyer), world.takings(self.shop))
    }
}

type Deed = fn(&mut Tx<'_>, &Means<'_>, &Scene) -> Result<EntryId, Stop>;

fn entry_of(done: Confirmed) -> Result<EntryId, Stop> {
    match done {
        Confirmed::Moved(moved) => Ok(moved.leaf.entry_id),
        other => Err(Stop::Failed(format!("{other:?}"))),
    }
}

const DEEDS: [(&str, Deed); 5] = [
    ("confirm", |tx, means, at| {
        let command = seen(&at.waiting, PIN);
        entry_of(confirm(tx, means, &at.allow, &at.buyer, &NOWHERE, &command).map_err(failed)?)
    }),
    ("answer", |tx, means, at| {
        let answer = Answer::Yes(pin(PIN));
        entry_of(answer_challenge(tx, means, &at.buyer, &NOWHERE, at.paused.id, &answer).map_err(failed)?)
    }),
    ("review", |tx, means, at| {
        let verdict = Verdict { ruling: Ruling::Approve, note: text("called the buyer") };
        let done = decide_review(tx, means, at.member, &NOWHERE, at.reviewed.id, &verdict);
        Ok(done.map_err(failed)?.leaf.entry_id)
    }),
    ("refund", |tx, means, at| {
        let new = NewRefund { payment: at.paid.id, amount: None, reason: None };
        let done = refund(tx, means, &Actor::system("test"), &NOWHERE, &new).map_err(failed)?;
        Ok(done.0.entry.unwrap())
    }),
    ("top up", |tx, means, at| {
        let by = Actor::system("test");
        let done = payments::balance::top_up(tx, means, &by, at.buyer.buyer, yuan(700));
        Ok(done.map_err(failed)?.entry_id)
    }),
];

fn run(world: &World, scene: &Scene, deed: Deed) -> Result<EntryId, Stop> {
    let scene = scene.clone();
    world.write(move |tx, means| deed(tx, means, &scene))
}

/// Makes the next entry of `deed` impossible to write: on the embedded engine by an entry that has its id already, on
/// PostgreSQL by a constraint that no entry meets.
fn break_entry(world: &World, scene: &Scene, deed: Deed) {
    if world.db.engine() == EngineKind::Postgres {
        return script(
            world,
            "ALTER TABLE audit_entries ADD CONSTRAINT nothing_fits CHECK (at < 0) NOT VALID",
        );
    }
    let Dice::PredictableForTests(state) = &world.dice else { panic!("chance must be replayed") };
    let before = state.load(Ordering::SeqCst);
    let at = scene.clone();
    let tried: Result<(), Stop> = world.write(move |tx, means| Err(Stop::Drawn(deed(tx, means, &at)?)));
    let Err(Stop::Drawn(id)) = tried else { panic!("{tried:?}") };
    world
        .write(move |tx, means| {
            let object = Object::word("payment");
            let (action, by) = (Action::new("test.taken"), Actor::system("test"));
            let entry = Entry::new(id, means.now, by, action, object, Logged::Success);
            audit::append(tx, &entry)
        })
        .unwrap();
    state.store(before, Ordering::SeqCst);
}

fn mend(world: &World) {
    if world.db.engine() == EngineKind::Postgres {
        script(world, "ALTER TABLE audit_entries DROP CONSTRAINT nothing_fits");
    }
}

fn script(world: &World, sql: &'static str) {
    world.write(move |tx, _| tx.execute(sql, &[]).map(drop)).unwrap();
}

#[test]
fn au_6_money_does_not_move_where_its_entry_alone_cannot_be_written() {
    each_world(|world| {
        let scene = Scene::set(&world);
        for (name, deed) in DEEDS {
            let before = scene.standing(&world);
            break_entry(&world, &scene, deed);
            assert_eq!(scene.standing(&world), before, "{name} was tried and taken back");
            let done = run(&world, &scene, deed);
            assert!(matches!(&done, Err(Stop::Failed(why)) if !why.is_empty()), "{name}: {done:?}");
            assert_eq!(scene.standing(&world), before, "{name}");
            world.prove();
            mend(&world);
            let done = run(&world, &scene, deed);
            assert!(done.is_ok(), "{name}: {done:?}");
            assert_ne!(scene.standing(&world), before, "{name}");
            world.prove();
        }
    });
}
