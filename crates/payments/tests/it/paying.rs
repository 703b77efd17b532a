//! Paying, step by step: what each step leads to and what it leaves alone (C20, C21, C22, FR-3).

use base::{Currency, Money};
use identity::{Actor, Freeze};
use ledger::Reason;
use payments::challenge::Answer;
use payments::confirm::{Confirm, ConfirmError, Confirmed};
use payments::create::CreateError;
use payments::limits::{CHALLENGE_SECONDS_MAX, CODE_SECONDS_DEFAULT, REVIEW_SECONDS_MAX};
use payments::review::ReviewState;
use payments::{DeclineReason, Payment, State};
use risk::Outcome::{Allow, Block, Challenge, Review};

use crate::world::{PIN, RICH, WRONG_PIN, World, each_world, nonce, pin, seen, yuan};

/// Nothing moved: neither for the buyer nor for the payment.
#[track_caller]
fn assert_no_money_moved(world: &World, payment: &Payment, buyer: base::BuyerId) {
    assert_eq!(world.transfers(payment.id), 0);
    assert_eq!(world.balance(buyer), RICH);
    world.prove();
}

fn moved(result: Result<Confirmed, ConfirmError>) -> Payment {
    match result {
        Ok(Confirmed::Moved(moved)) => moved.payment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_confirmed_payment_is_paid_posted_and_in_the_log() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.payment(shop.id, 12_800);
        assert_eq!(world.state(payment.id), State::Waiting);
        let Ok(Confirmed::Moved(done)) = world.pay(&buyer, &payment, Allow) else { panic!("not paid") };
        let stored = world.stored(payment.id);
        assert_eq!(stored, done.payment);
        assert_eq!((stored.stored_state, stored.buyer), (State::Paid, Some(buyer.buyer)));
        assert_eq!((stored.settled_at, stored.entry), (Some(world.now()), Some(done.leaf.entry_id)));
        assert!(stored.decision.is_some() && stored.confirmation.is_some_and(|bound| bound.len() == 32));
        assert_eq!((world.balance(buyer.buyer), world.takings(shop.id)), (RICH - 12_800, 12_800));
        let transfers = world.read(|tx| ledger::list_payment_transfers(tx, payment.id));
        assert_eq!(transfers.len(), 1);
        assert_eq!((transfers[0].reason, transfers[0].amount), (Reason::Payment, yuan(12_800)));
        assert_eq!(world.audited(payment.id), 1);
        world.prove();
    });
}

#[test]
fn c22_a_paid_payment_is_not_paid_again() {
    each_world(|world| {
        let (shop, buyer, other) = (world.shop("SG"), world.buyer(), world.buyer());
        let payment = world.payment(shop.id, 500);
        world.paid(&buyer, &payment, Allow);
        assert_eq!(world.pay(&buyer, &payment, Allow), Err(ConfirmError::NotWaiting(State::Paid)));
        assert_eq!(world.pay(&other, &payment, Allow), Err(ConfirmError::OtherPayer));
        assert_eq!(
            world.answer(&buyer, payment.id, Answer::Yes(pin(PIN))).err(),
            Some(ConfirmError::NotWaiting(State::Paid))
        );
        assert_eq!(world.review(payment.id, true).err(), Some(ConfirmError::NotWaiting(State::Paid)));
        assert_eq!(world.takings(shop.id), 500);
        assert_eq!(world.transfers(payment.id), 1);
    });
}

#[test]
fn c22_a_hundred_confirmations_at_once_pay_once() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.payment(shop.id, 500);
        let paid = std::thread::scope(|scope| {
            let tries: Vec<_> =
                (0..100).map(|_| scope.spawn(|| world.pay(&buyer, &payment, Allow).is_ok())).collect();
            tries.into_iter().filter(|_| true).map(|t| usize::from(t.join().unwrap())).sum::<usize>()
        });
        assert_eq!((paid, world.takings(shop.id)), (1, 500));
        world.prove();
    });
}

#[test]
fn pin_1_wrong_pins_are_counted_change_nothing_else_and_the_fifth_locks() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.payment(shop.id, 500);
        let before = world.stored(payment.id);
        let wrong = || world.confirm(&buyer, seen(&payment, WRONG_PIN), Allow);
        for left in [4, 3] {
            assert_eq!(wrong(), Ok(Confirmed::PinWrong { left }));
        }
        assert_eq!(world.pin_failures(buyer.buyer), 2);
        assert_eq!(world.stored(payment.id), before);
        // The right one starts the count anew.
        let other = world.payment(shop.id, 1);
        world.paid(&buyer, &other, Allow);
        assert_eq!(world.pin_failures(buyer.buyer), 0);
        for left in [4, 3, 2, 1, 0] {
            assert_eq!(wrong(), Ok(Confirmed::PinWrong { left }));
        }
        assert_eq!(world.pay(&buyer, &payment, Allow), Ok(Confirmed::PinLocked));
        assert_eq!(world.stored(payment.id), before);
        assert_eq!((world.transfers(payment.id), world.takings(shop.id)), (0, 1));
    });
}

/// What the memory of the payer's device holds of the last hour: all attempts, and the declined ones.
fn remembered(world: &World, who: &identity::BuyerSession) -> (Option<f64>, Option<f64>) {
    let facts = risk::Facts::new(world.now(), yuan(1))
        .with(risk::Entity::Payer, risk::Key::of(who.buyer.short()))
        .with(risk::Entity::Device, risk::Key::of(who.device.short()));
    let profiles = world.read(|tx| payments::screening::load_profiles(tx, base::ShopId::HOUSE, &facts));
    let row = risk::features(&facts, &profiles);
    let known = |name| row.known(risk::Slot::all().find(|slot| slot.info().name == name).expect(name));
    // The attempt that asks is counted as well.
    (known("device.count_1h").map(|count| count - 1.0), known("device.declined_1h"))
}

#[test]
fn c21_a_wrong_pin_is_remembered_at_the_challenge_as_it_is_at_the_confirmation() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.payment(shop.id, 500);
        let wrong = world.confirm(&buyer, seen(&payment, WRONG_PIN), Challenge);
        assert_eq!(wrong, Ok(Confirmed::PinWrong { left: 4 }));
        assert_eq!(remembered(&world, &buyer), (Some(1.0), Some(1.0)));
        world.paid(&buyer, &payment, Challenge);
        assert_eq!(remembered(&world, &buyer), (Some(2.0), Some(1.0)));
        let answer = |typed| world.answer(&buyer, payment.id, Answer::Yes(pin(typed)));
        let before = world.stored(payment.id);
        for left in [4, 3, 2, 1, 0] {
            assert_eq!(answer(WRONG_PIN), Ok(Confirmed::PinWrong { left }));
            assert_eq!(remembered(&world, &buyer).1, Some(6.0 - left as f64));
        }
        assert_eq!(answer(PIN), Ok(Confirmed::PinLocked));
        assert_eq!(remembered(&world, &buyer), (Some(7.0), Some(6.0)));
        assert_eq!(world.stored(payment.id), before);
        assert_no_money_moved(&world, &payment, buyer.buyer);
    });
}

fn freeze(world: &World, buyer: base::BuyerId) {
    let frozen = world.write(move |tx, means| {
        let done = identity::set_frozen(tx, means, &Actor::System, buyer, Freeze::Freeze);
        done.map_err(|e| store::Error::Bug(e.to_string()))
    });
    frozen.unwrap();
}

#[test]
fn an_approved_review_is_declined_where_the_payer_froze_the_account() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 500), Review);
        let asked = world.paid(&buyer, &world.payment(shop.id, 500), Challenge);
        freeze(&world, buyer.buyer);
        let done = world.review(payment.id, true).unwrap().payment;
        assert_eq!((done.stored_state, done.decline), (State::Declined, Some(DeclineReason::NotThePayer)));
        assert_eq!(world.answer(&buyer, asked.id, Answer::Yes(pin(PIN))), Ok(Confirmed::NotActive));
        assert_no_money_moved(&world, &payment, buyer.buyer);
    });
}

#[test]
fn a_frozen_buyer_cannot_pay() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.payment(shop.id, 500);
        freeze(&world, buyer.buyer);
        assert_eq!(world.pay(&buyer, &payment, Allow), Ok(Confirmed::NotActive));
        assert_eq!(world.state(payment.id), State::Waiting);
        assert_no_money_moved(&world, &payment, buyer.buyer);
    });
}

#[test]
fn too_little_money_declines_and_takes_nothing() {
    each_world(|world| {
        let shop = world.shop("SG");
        for (balance, amount, state) in
            [(500, 500, State::Paid), (500, 501, State::Declined), (0, 1, State::Declined)]
        {
            let buyer = world.buyer_with(balance);
            let payment = world.paid(&buyer, &world.payment(shop.id, amount), Allow);
            assert_eq!(payment.stored_state, state, "{amount} of {balance}");
            let declined = (state == State::Declined).then_some(DeclineReason::InsufficientFunds);
            assert_eq!(payment.decline, declined);
            assert_eq!(world.balance(buyer.buyer), if state == State::Paid { 0 } else { balance });
            assert_eq!(world.transfers(payment.id), usize::from(state == State::Paid));
        }
        world.prove();
    });
}

#[test]
fn fr_3_a_blocked_payment_is_declined_and_moves_nothing() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 500), Block);
        assert_eq!(
            (payment.stored_state, payment.decline),
            (State::Declined, Some(DeclineReason::Screening))
        );
        assert_eq!(world.pay(&buyer, &payment, Allow), Err(ConfirmError::NotWaiting(State::Declined)));
        assert_no_money_moved(&world, &payment, buyer.buyer);
    });
}

#[test]
fn fr_3_a_challenged_payment_moves_nothing_until_the_payer_says_yes() {
    each_world(|world| {
        let (shop, buyer, other) = (world.shop("SG"), world.buyer(), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 500), Challenge);
        assert_eq!(payment.stored_state, State::Paused);
        assert_no_money_moved(&world, &payment, buyer.buyer);
        // Somebody else does not even learn that it is there.
        assert_eq!(world.answer(&other, payment.id, Answer::Yes(pin(PIN))), Err(ConfirmError::NoPayment));
        let wrong = world.answer(&buyer, payment.id, Answer::Yes(pin(WRONG_PIN)));
        assert_eq!(wrong, Ok(Confirmed::PinWrong { left: 4 }));
        assert_eq!((world.state(payment.id), world.pin_failures(buyer.buyer)), (State::Paused, 1));
        assert_no_money_moved(&world, &payment, buyer.buyer);
        let paid = moved(world.answer(&buyer, payment.id, Answer::Yes(pin(PIN))));
        assert_eq!((paid.stored_state, world.transfers(payment.id)), (State::Paid, 1));
        assert_eq!((world.balance(buyer.buyer), world.audited(payment.id)), (RICH - 500, 2));
        let again = world.answer(&buyer, payment.id, Answer::Yes(pin(PIN)));
        assert_eq!(again, Err(ConfirmError::NotWaiting(State::Paid)));
        world.prove();
    });
}

#[test]
fn fr_3_a_payer_who_says_no_or_nothing_pays_nothing() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let refused = world.paid(&buyer, &world.payment(shop.id, 500), Challenge);
        let refused = moved(world.answer(&buyer, refused.id, Answer::No));
        assert_eq!(
            (refused.stored_state, refused.decline),
            (State::Declined, Some(DeclineReason::NotThePayer))
        );
        assert_no_money_moved(&world, &refused, buyer.buyer);
        let silent = world.paid(&buyer, &world.payment(shop.id, 500), Challenge);
        world.wait(CHALLENGE_SECONDS_MAX - 1);
        assert_eq!(world.state(silent.id), State::Paused);
        world.wait(1);
        let late = world.answer(&buyer, silent.id, Answer::Yes(pin(PIN)));
        assert_eq!(late, Err(ConfirmError::NotWaiting(State::Expired)));
        assert_no_money_moved(&world, &silent, buyer.buyer);
    });
}

#[test]
fn fr_3_a_payment_in_review_moves_nothing_until_a_member_approves() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 500), Review);
        assert_eq!(payment.stored_state, State::InReview);
        assert_no_money_moved(&world, &payment, buyer.buyer);
        let open = world.read(|tx| payments::store::list_open_reviews(tx, shop.id, world.now(), 10));
        assert_eq!(open.len(), 1);
        let done = world.review(payment.id, true).unwrap();
        assert_eq!((done.payment.stored_state, world.takings(shop.id)), (State::Paid, 500));
        let review = world.read(|tx| payments::store::find_review(tx, payment.id)).unwrap();
        assert_eq!((review.state, review.decided_at), (ReviewState::Approved, Some(world.now())));
        assert_eq!(world.review(payment.id, false).err(), Some(ConfirmError::NotWaiting(State::Paid)));
        assert!(world.read(|tx| payments::store::list_open_reviews(tx, shop.id, world.now(), 10)).is_empty());
        world.prove();
    });
}

#[test]
fn fr_3_a_rejected_or_forgotten_review_moves_nothing() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let rejected = world.paid(&buyer, &world.payment(shop.id, 500), Review);
        let done = world.review(rejected.id, false).unwrap().payment;
        assert_eq!((done.stored_state, done.decline), (State::Declined, Some(DeclineReason::Review)));
        assert_no_money_moved(&world, &rejected, buyer.buyer);
        let forgotten = world.paid(&buyer, &world.payment(shop.id, 500), Review);
        world.wait(REVIEW_SECONDS_MAX - 1);
        assert_eq!(world.state(forgotten.id), State::InReview);
        world.wait(1);
        assert_eq!(world.review(forgotten.id, true).err(), Some(ConfirmError::NotWaiting(State::Expired)));
        assert!(world.read(|tx| payments::store::list_open_reviews(tx, shop.id, world.now(), 10)).is_empty());
        assert_no_money_moved(&world, &forgotten, buyer.buyer);
    });
}

#[test]
fn an_approved_review_is_declined_where_the_money_is_gone() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer_with(600));
        let waiting = world.paid(&buyer, &world.payment(shop.id, 500), Review);
        world.paid(&buyer, &world.payment(shop.id, 200), Allow);
        let done = world.review(waiting.id, true).unwrap().payment;
        assert_eq!(
            (done.stored_state, done.decline),
            (State::Declined, Some(DeclineReason::InsufficientFunds))
        );
        assert_eq!((world.balance(buyer.buyer), world.transfers(waiting.id)), (400, 0));
        world.prove();
    });
}

#[test]
fn an_expired_payment_is_not_paid_and_not_cancelled() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let (first, second) = (world.payment(shop.id, 500), world.payment(shop.id, 500));
        world.wait(CODE_SECONDS_DEFAULT - 1);
        assert_eq!(world.paid(&buyer, &first, Allow).stored_state, State::Paid);
        world.wait(1);
        assert_eq!(world.pay(&buyer, &second, Allow), Err(ConfirmError::NotWaiting(State::Expired)));
        assert_eq!(world.cancel(second.id), Err(CreateError::NotWaiting(State::Expired)));
        assert_eq!(world.transfers(second.id), 0);
    });
}

#[test]
fn only_a_waiting_payment_is_cancelled_and_then_never_paid() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.payment(shop.id, 500);
        assert_eq!(world.cancel(payment.id).unwrap().stored_state, State::Cancelled);
        assert_eq!(world.pay(&buyer, &payment, Allow), Err(ConfirmError::NotWaiting(State::Cancelled)));
        assert_no_money_moved(&world, &payment, buyer.buyer);
        for (found, state) in [(Allow, State::Paid), (Challenge, State::Paused), (Review, State::InReview)] {
            let payment = world.paid(&buyer, &world.payment(shop.id, 1), found);
            assert_eq!(world.cancel(payment.id), Err(CreateError::NotWaiting(state)));
            assert_eq!(world.state(payment.id), state);
        }
    });
}

#[test]
fn c22_an_order_is_paid_at_most_once_whatever_way_its_payments_take() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        // Two payments at once, both asked back, both in review: whoever is first wins.
        for found in [Allow, Challenge, Review] {
            let order = world.order(shop.id, 700).id;
            let make = || world.payment_of_order(shop.id, order).unwrap();
            let (first, second, third) = (make(), make(), make());
            let taken = world.takings(shop.id);
            if found != Allow {
                world.paid(&buyer, &first, found);
                world.paid(&buyer, &second, found);
            }
            let end = |payment: &Payment| match found {
                Challenge => world.answer(&buyer, payment.id, Answer::Yes(pin(PIN))).map(drop),
                Review => world.review(payment.id, true).map(drop),
                _ => world.pay(&buyer, payment, Allow).map(drop),
            };
            assert_eq!(end(&first), Ok(()));
            assert_eq!(end(&second), Err(ConfirmError::OrderPaid(first.id)));
            assert_eq!(world.pay(&buyer, &third, found), Err(ConfirmError::OrderPaid(first.id)));
            let fourth = world.payment_of_order(shop.id, order);
            assert_eq!(fourth, Err(CreateError::OrderPaid(first.id)));
            assert_eq!(world.takings(shop.id), taken + 700);
            assert_eq!((world.transfers(first.id), world.transfers(second.id)), (1, 0));
        }
        world.prove();
    });
}

#[test]
fn c22_an_order_of_another_shop_is_not_there() {
    each_world(|world| {
        let (shop, other) = (world.shop("SG"), world.shop("SG"));
        let order = world.order(shop.id, 700).id;
        assert_eq!(world.payment_of_order(other.id, order), Err(CreateError::NoOrder));
    });
}

#[test]
fn c20_a_confirmation_of_another_amount_currency_payee_or_payment_is_void() {
    each_world(|world| {
        let (shop, other, buyer) = (world.shop("SG"), world.shop("SG"), world.buyer());
        let payment = world.payment(shop.id, 500);
        let before = world.stored(payment.id);
        let command = |amount, payee| Confirm::new(payment.id, amount, payee, nonce(), pin(PIN));
        let cases = [
            (command(yuan(499), shop.id), "amount"),
            (command(yuan(501), shop.id), "amount"),
            (command(yuan(-500), shop.id), "amount"),
            (command(Money::new(500, Currency::USD), shop.id), "currency"),
            (command(yuan(500), other.id), "payee"),
        ];
        for (command, field) in cases {
            assert_eq!(world.confirm(&buyer, command, Allow), Err(ConfirmError::Mismatch(field)));
        }
        // The same amount to the same payee, but another payment: a different binding, and a payment of its own.
        let twin = world.payment(shop.id, 500);
        let bound = world.paid(&buyer, &twin, Allow).confirmation;
        assert_eq!(world.stored(payment.id), before);
        assert_eq!(world.transfers(payment.id), 0);
        assert_ne!(bound, world.paid(&buyer, &payment, Allow).confirmation);
        let unknown = Confirm::new(
            base::PaymentId::new(shop.id, world.now(), &world.dice),
            yuan(500),
            shop.id,
            nonce(),
            pin(PIN),
        );
        assert_eq!(world.confirm(&buyer, unknown, Allow), Err(ConfirmError::NoPayment));
    });
}

#[test]
fn c20_what_was_not_seen_right_costs_no_try_of_the_pin() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.payment(shop.id, 500);
        let command = Confirm::new(payment.id, yuan(499), shop.id, nonce(), pin(WRONG_PIN));
        assert_eq!(world.confirm(&buyer, command, Allow), Err(ConfirmError::Mismatch("amount")));
        assert_eq!(world.pin_failures(buyer.buyer), 0);
    });
}
