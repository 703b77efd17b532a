//! Refunds that take two people, and the limit above which they do (C13, AZ-6).

use base::{ApprovalId, Dice, Money, ShopId};
use identity::approvals::{self, Answer, Approval, ApprovalError, ApprovalState, Asked};
use identity::{Actor, Denied, Email, Label, NewApiKey, NewMember, PasswordHash, PersonName, Role};
use payments::limits::{REFUND_LIMIT_DEFAULT_MINOR, REFUND_LIMIT_MINOR_MAX, REFUND_STEP_UP_SECONDS};
use payments::refund::{NewRefund, Refund, RefundError};
use payments::refund_limit::{self, LimitError};
use payments::refund_proposal::{self, Requested};
use payments::{Payment, State};
use risk::Outcome::Allow;

use crate::world::{NOWHERE, RICH, World, each_world, yuan};

const LIMIT: i64 = REFUND_LIMIT_DEFAULT_MINOR;

/// A member who gave a second factor a moment ago.
pub fn member(world: &World, shop: ShopId, role: Role) -> Actor {
    let address = format!("m{:x}@shop.example", u64::from_le_bytes(Dice::System.bytes()));
    let new = NewMember {
        name: PersonName::parse("Mei Lin").unwrap(),
        email: Email::parse(&address).unwrap(),
        grants: role.into(),
        lang: webkit::page::Lang::En,
    };
    let made = world.write(move |tx, means| {
        let made = identity::create_member(tx, means, &Actor::System, shop, &new, &PasswordHash::of_nobody());
        let id = made.map_err(|e| store::Error::Bug(e.to_string()))?;
        let opened = identity::open_trusted_member_session(tx, means, id, &Label::from_agent("test"))?;
        let session = identity::require_member(tx, &opened.token, means.now);
        session.map_err(|e| identity::Fault::from(store::Error::Bug(e.to_string())))
    });
    Actor::Member(made.unwrap())
}

/// A shop's own system.
fn system(world: &World, shop: ShopId) -> Actor {
    let key = world.write(move |tx, means| {
        let new = NewApiKey::new(Label::from_agent("till"), Role::Integration, None).unwrap();
        identity::create_system_api_key(tx, means, shop, &new)
    });
    let key = key.unwrap().0.id;
    Actor::ApiKey(identity::KeyCaller { key, shop, role: Role::Integration, touch_due: false })
}

fn ask(world: &World, who: &Actor, payment: &Payment, minor: i64) -> Result<Requested, RefundError> {
    let (who, new) =
        (who.clone(), NewRefund { payment: payment.id, amount: Some(yuan(minor)), reason: None });
    world.write(move |tx, means| refund_proposal::request_refund(tx, means, &who, &NOWHERE, &new))
}

#[track_caller]
fn waits(asked: Result<Requested, RefundError>) -> ApprovalId {
    match asked {
        Ok(Requested::Waits(id)) => id,
        other => panic!("{other:?}"),
    }
}

/// The yes of a second person, with what it does, in one transaction as the program has it.
fn say_yes(world: &World, who: &Actor, shop: ShopId, id: ApprovalId) -> Result<Refund, RefundError> {
    let who = who.clone();
    world.write(move |tx, means| {
        let approval = approvals::approve(tx, means, &who, shop, id)?;
        let (refund, _) = refund_proposal::carry_out(tx, means, &who, &NOWHERE, &approval)?;
        approvals::finish(tx, means, &who, approval)?;
        Ok(refund)
    })
}

fn approval(world: &World, shop: ShopId, id: ApprovalId) -> Approval {
    let found = world.write(move |tx, _| approvals::find_approval(tx, shop, id));
    found.unwrap().unwrap()
}

fn set_limit(world: &World, who: &Actor, shop: ShopId, minor: i64) -> Result<Asked, LimitError> {
    let who = who.clone();
    world.write(move |tx, means| refund_limit::request_limit(tx, means, &who, shop, yuan(minor)))
}

fn limit(world: &World, shop: ShopId) -> Money {
    world.read(|tx| refund_limit::find_limit(tx, shop, base::Currency::CNY))
}

#[test]
fn c13_one_person_refunds_up_to_the_limit_and_not_one_fen_more() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG").id, world.buyer());
        let (maker, _) = (member(&world, shop, Role::Finance), member(&world, shop, Role::Owner));
        let pay = || world.paid(&buyer, &world.payment(shop, 3 * LIMIT), Allow);
        let (at, past, parts) = (pay(), pay(), pay());
        assert!(matches!(ask(&world, &maker, &at, LIMIT), Ok(Requested::Done(_))));
        let id = waits(ask(&world, &maker, &past, LIMIT + 1));
        assert_eq!(waits(ask(&world, &maker, &past, LIMIT + 1)), id, "asked again it is the same one");
        assert_eq!(world.stored(past.id), past, "nothing moved");
        // Small ones of the same payment add up.
        assert!(matches!(ask(&world, &maker, &parts, LIMIT - 1), Ok(Requested::Done(_))));
        assert!(matches!(ask(&world, &maker, &parts, 1), Ok(Requested::Done(_))));
        waits(ask(&world, &maker, &parts, 1));
        assert_eq!(world.balance(buyer.buyer), RICH - 9 * LIMIT + 2 * LIMIT);
        world.prove();
    });
}

#[test]
fn c13_the_yes_of_a_second_person_gives_the_money_back_once() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG").id, world.buyer());
        let (maker, checker) = (member(&world, shop, Role::Finance), member(&world, shop, Role::Owner));
        let payment = world.paid(&buyer, &world.payment(shop, 3 * LIMIT), Allow);
        let id = waits(ask(&world, &maker, &payment, 2 * LIMIT));
        let waiting = approval(&world, shop, id);
        let bound = format!("{} {} CNY {}", payment.id, 2 * LIMIT, buyer.buyer);
        assert_eq!(waiting.subject, bound, "payment, amount and payee are what is approved");
        let refund = say_yes(&world, &checker, shop, id).unwrap();
        assert_eq!((refund.amount, refund.payment), (yuan(2 * LIMIT), payment.id));
        let decided = approval(&world, shop, id);
        assert_eq!((decided.state, decided.decider), (ApprovalState::Used, Some(checker.label())));
        let again = say_yes(&world, &checker, shop, id);
        assert_eq!(again.err(), Some(RefundError::Approval(ApprovalError::Decided)));
        assert_eq!(world.balance(buyer.buyer), RICH - LIMIT);
        assert_eq!(world.stored(payment.id).stored_state, State::PartlyRefunded);
        let rows = world.read(|tx| tx.query("SELECT body FROM audit_entries", &[]));
        let told = |text: &str| rows.iter().filter(|row| row.text(0).unwrap().contains(text)).count();
        assert_eq!(told(&format!("\"approval\":\"{id}\"")), 1, "the entry of the refund names its approval");
        world.prove();
    });
}

#[test]
fn c13_nobody_approves_their_own_refund_also_not_by_sql() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG").id, world.buyer());
        let (maker, _) = (member(&world, shop, Role::Owner), member(&world, shop, Role::Owner));
        let cashier = member(&world, shop, Role::Cashier);
        let other = member(&world, world.shop("SG").id, Role::Owner);
        let payment = world.paid(&buyer, &world.payment(shop, 3 * LIMIT), Allow);
        let id = waits(ask(&world, &maker, &payment, 2 * LIMIT));
        let own = say_yes(&world, &maker, shop, id);
        assert_eq!(own.err(), Some(RefundError::Approval(ApprovalError::OwnProposal)));
        let denied = |why| Some(RefundError::Approval(ApprovalError::Denied(why)));
        assert_eq!(say_yes(&world, &cashier, shop, id).err(), denied(Denied::NotAllowed));
        assert_eq!(say_yes(&world, &other, shop, id).err(), denied(Denied::NotFound));
        let forged = world.write(|tx, _| {
            tx.execute("UPDATE approvals SET decider = proposer, state = 'approved'", &[]).map(drop)
        });
        assert!(forged.is_err(), "{forged:?}");
        assert_eq!(world.stored(payment.id), payment);
    });
}

#[test]
fn c13_what_was_refunded_otherwise_meanwhile_is_not_refunded_by_an_approval() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG").id, world.buyer());
        let (maker, checker) = (member(&world, shop, Role::Finance), member(&world, shop, Role::Owner));
        let payment = world.paid(&buyer, &world.payment(shop, 3 * LIMIT), Allow);
        let id = waits(ask(&world, &maker, &payment, 3 * LIMIT));
        world.refund(payment.id, Some(yuan(1))).unwrap();
        let left_minor = 3 * LIMIT - 1;
        let refused = say_yes(&world, &checker, shop, id);
        assert_eq!(refused.err(), Some(RefundError::TooMuch { left_minor }));
        assert_eq!(approval(&world, shop, id).state, ApprovalState::Waiting, "the yes was not kept either");
        world.refund(payment.id, None).unwrap();
        let refused = say_yes(&world, &checker, shop, id);
        assert_eq!(refused.err(), Some(RefundError::NotRefundable(State::Refunded)));
        assert_eq!(world.balance(buyer.buyer), RICH);
        world.prove();
    });
}

#[test]
fn c13_a_refused_refund_and_one_out_of_time_give_nothing_back() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG").id, world.buyer());
        let (maker, checker) = (member(&world, shop, Role::Finance), member(&world, shop, Role::Owner));
        let payment = world.paid(&buyer, &world.payment(shop, 3 * LIMIT), Allow);
        let first = waits(ask(&world, &maker, &payment, 2 * LIMIT));
        let no = checker.clone();
        let refused =
            world.write(move |tx, means| approvals::decide(tx, means, &no, (shop, first), Answer::No));
        assert_eq!(refused.unwrap().state, ApprovalState::Refused);
        let decided = Some(RefundError::Approval(ApprovalError::Decided));
        assert_eq!(say_yes(&world, &checker, shop, first).err(), decided);
        let second = waits(ask(&world, &maker, &payment, 2 * LIMIT));
        assert_ne!(first, second);
        world.wait(identity::limits::APPROVAL_WAIT_SECONDS);
        let late = member(&world, shop, Role::Owner);
        let gone = Some(RefundError::Approval(ApprovalError::NotFound));
        assert_eq!(say_yes(&world, &late, shop, second).err(), gone);
        assert_eq!(world.stored(payment.id), payment);
    });
}

#[test]
fn c13_an_approval_is_good_for_the_refund_that_was_shown_and_for_no_other() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG").id, world.buyer());
        let (maker, checker) = (member(&world, shop, Role::Finance), member(&world, shop, Role::Owner));
        let payment = world.paid(&buyer, &world.payment(shop, 4 * LIMIT), Allow);
        let other = world.buyer();
        for change in [
            format!("amount_minor = {}", 3 * LIMIT),
            "currency = 'USD'".to_owned(),
            format!("buyer_id = '{}'", other.buyer.short()),
        ] {
            let id = waits(ask(&world, &maker, &payment, 2 * LIMIT));
            let sql = format!("UPDATE refund_proposals SET {change}");
            world.write(move |tx, _| tx.execute(&sql, &[]).map(drop)).unwrap();
            let refused = say_yes(&world, &checker, shop, id).err();
            assert_eq!(refused, Some(RefundError::NotAsApproved), "{change}");
            let no = checker.clone();
            world.write(move |tx, means| approvals::decide(tx, means, &no, (shop, id), Answer::No)).unwrap();
        }
        assert_eq!(world.stored(payment.id), payment);
    });
}

#[test]
fn c13_a_shop_of_one_person_refunds_alone_and_the_log_says_so() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG").id, world.buyer());
        let owner = member(&world, shop, Role::Owner);
        member(&world, shop, Role::Cashier);
        let payment = world.paid(&buyer, &world.payment(shop, 3 * LIMIT), Allow);
        let alone = || {
            let rows = world.read(|tx| tx.query("SELECT body FROM audit_entries", &[]));
            rows.iter().filter(|row| row.text(0).unwrap().contains("\"alone\"")).count()
        };
        assert!(matches!(ask(&world, &owner, &payment, LIMIT + 1), Ok(Requested::Done(_))));
        assert_eq!(alone(), 1);
        // A stolen key is not a person: the owner is asked.
        let till = system(&world, shop);
        let id = waits(ask(&world, &till, &payment, LIMIT));
        assert!(say_yes(&world, &owner, shop, id).is_ok());
        assert_eq!((alone(), world.balance(buyer.buyer)), (1, RICH - LIMIT + 1));
        world.prove();
    });
}

#[test]
fn c13_above_the_limit_the_second_factor_is_given_again() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG").id, world.buyer());
        for (seconds, fresh) in [(REFUND_STEP_UP_SECONDS - 1, true), (REFUND_STEP_UP_SECONDS, false)] {
            let Actor::Member(session) = member(&world, shop, Role::Owner) else { panic!() };
            let payment = world.paid(&buyer, &world.payment(shop, 3 * LIMIT), Allow);
            world.wait(seconds);
            let later = Actor::Member(identity::MemberSession { at: world.now(), ..session });
            assert!(matches!(ask(&world, &later, &payment, 1), Ok(Requested::Done(_))));
            let asked = ask(&world, &later, &payment, LIMIT + 1);
            let denied = Some(RefundError::Denied(Denied::StepUpNeeded));
            assert_eq!(asked.as_ref().err(), if fresh { None } else { denied.as_ref() }, "{asked:?}");
        }
    });
}

#[test]
fn c13_a_higher_limit_takes_two_people_and_a_lower_one_does_not() {
    each_world(|world| {
        let shop = world.shop("SG").id;
        let (maker, checker) = (member(&world, shop, Role::Manager), member(&world, shop, Role::Owner));
        let cashier = member(&world, shop, Role::Cashier);
        assert_eq!(limit(&world, shop), yuan(LIMIT), "where none was set");
        assert_eq!(set_limit(&world, &cashier, shop, 1), Err(LimitError::Denied(Denied::NotAllowed)));
        for wrong in [-1, REFUND_LIMIT_MINOR_MAX + 1] {
            assert_eq!(set_limit(&world, &maker, shop, wrong), Err(LimitError::OutOfRange));
        }
        assert_eq!(set_limit(&world, &maker, shop, 0), Ok(Asked::Go));
        let Ok(Asked::Wait(id)) = set_limit(&world, &maker, shop, REFUND_LIMIT_MINOR_MAX) else { panic!() };
        assert_eq!(limit(&world, shop), yuan(0), "nothing changed yet");
        let yes = |id| {
            let who = checker.clone();
            world.write(move |tx, means| {
                let approval = approvals::approve(tx, means, &who, shop, id)?;
                refund_limit::carry_out(tx, means, &who, &approval)?;
                approvals::finish(tx, means, &who, approval)?;
                Ok::<_, LimitError>(())
            })
        };
        let Ok(Asked::Wait(other)) = set_limit(&world, &maker, shop, 5) else { panic!() };
        assert_eq!(yes(id), Ok(()));
        assert_eq!(limit(&world, shop), yuan(REFUND_LIMIT_MINOR_MAX));
        assert_eq!(yes(id), Err(LimitError::Approval(ApprovalError::Decided)));
        assert_eq!(yes(other), Err(LimitError::Stale), "it was proposed for another present limit");
        let entries = world.read(|tx| tx.query("SELECT body FROM audit_entries", &[]));
        let told = entries.iter().filter(|row| row.text(0).unwrap().contains("shop.refund_limit")).count();
        assert_eq!(told, 2);
    });
}
