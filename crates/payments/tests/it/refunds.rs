//! Giving money back: never more than was paid, never twice (C23).

use base::{Currency, Money};
use payments::State;
use payments::limits::REFUNDS_MAX;
use payments::refund::RefundError;
use risk::Outcome::{Allow, Block, Challenge, Review};

use crate::world::{RICH, each_world, yuan};

#[test]
fn c23_a_payment_is_refunded_in_parts_and_then_whole() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 1_000), Allow);
        let (first, after) = world.refund(payment.id, Some(yuan(300))).unwrap();
        assert_eq!((first.amount, after.stored_state), (yuan(300), State::PartlyRefunded));
        assert_eq!((after.refundable_minor(), world.balance(buyer.buyer)), (700, RICH - 700));
        assert_eq!(
            world.refund(payment.id, Some(yuan(701))).err(),
            Some(RefundError::TooMuch { left_minor: 700 })
        );
        let (rest, after) = world.refund(payment.id, None).unwrap();
        assert_eq!((rest.amount, after.stored_state), (yuan(700), State::Refunded));
        assert_eq!(after, world.stored(payment.id));
        assert_eq!((world.balance(buyer.buyer), world.takings(shop.id)), (RICH, 0));
        assert_eq!(world.refund(payment.id, None).err(), Some(RefundError::NotRefundable(State::Refunded)));
        let kept = world.read(|tx| payments::store::list_refunds(tx, payment.id));
        assert_eq!(kept.iter().map(|refund| refund.amount.minor).sum::<i64>(), 1_000);
        assert_eq!((world.transfers(payment.id), world.audited(payment.id)), (3, 3));
        world.prove();
    });
}

#[test]
fn c23_a_refund_of_too_much_too_little_or_another_currency_is_refused() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 1_000), Allow);
        let too_much = || Some(RefundError::TooMuch { left_minor: 1_000 });
        for wrong in [1_001, 0, -1, i64::MAX, i64::MIN] {
            assert_eq!(world.refund(payment.id, Some(yuan(wrong))).err(), too_much(), "{wrong}");
        }
        let dollars = Some(Money::new(1, Currency::USD));
        assert_eq!(world.refund(payment.id, dollars).err(), Some(RefundError::Currency));
        assert_eq!(world.stored(payment.id), payment);
        assert_eq!((world.transfers(payment.id), world.takings(shop.id)), (1, 1_000));
    });
}

#[test]
fn c23_what_was_not_paid_is_not_refunded() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let waiting = world.payment(shop.id, 100);
        assert_eq!(world.refund(waiting.id, None).err(), Some(RefundError::NotRefundable(State::Waiting)));
        for (found, state) in
            [(Block, State::Declined), (Challenge, State::Paused), (Review, State::InReview)]
        {
            let payment = world.paid(&buyer, &world.payment(shop.id, 100), found);
            assert_eq!(world.refund(payment.id, None).err(), Some(RefundError::NotRefundable(state)));
        }
        let unknown = base::PaymentId::new(shop.id, world.now(), &world.dice);
        assert_eq!(world.refund(unknown, None).err(), Some(RefundError::NoPayment));
        assert_eq!(world.balance(buyer.buyer), RICH);
    });
}

#[test]
fn c23_a_payment_has_at_most_fifty_refunds() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 1_000), Allow);
        for _ in 0..REFUNDS_MAX {
            world.refund(payment.id, Some(yuan(1))).unwrap();
        }
        assert_eq!(world.refund(payment.id, Some(yuan(1))).err(), Some(RefundError::TooMany));
        assert_eq!(world.refund(payment.id, None).err(), Some(RefundError::TooMany));
        assert_eq!(world.read(|tx| payments::store::list_refunds(tx, payment.id)).len(), 50);
        assert_eq!(world.balance(buyer.buyer), RICH - 1_000 + REFUNDS_MAX);
        world.prove();
    });
}

#[test]
fn c23_a_shop_that_spent_its_takings_cannot_refund() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 1_000), Allow);
        let (shop_id, dice, now) = (shop.id, world.dice.clone(), world.now());
        let cash = ledger::AccountKey::house(ledger::HousePurpose::Cash, Currency::CNY);
        let out = ledger::Transfer {
            id: base::TransferId::new(shop_id, now, &dice),
            debit: ledger::AccountKey::shop(shop_id, ledger::ShopPurpose::Settlement, Currency::CNY),
            credit: cash,
            amount: yuan(400),
            reason: ledger::Reason::Payout,
            payment: None,
            hold: None,
            at: now,
        };
        world.write(move |tx, _| ledger::post_new(tx, &out)).unwrap().unwrap();
        assert_eq!(world.refund(payment.id, None).err(), Some(RefundError::ShopFunds));
        assert_eq!(world.stored(payment.id), payment);
        assert!(world.refund(payment.id, Some(yuan(600))).is_ok());
        world.prove();
    });
}

#[test]
fn c23_fifty_refunds_at_once_give_back_no_more_than_was_paid() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("SG"), world.buyer());
        let payment = world.paid(&buyer, &world.payment(shop.id, 1_000), Allow);
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| world.refund(payment.id, Some(yuan(300))));
            }
        });
        assert_eq!((world.balance(buyer.buyer), world.takings(shop.id)), (RICH - 100, 100));
        assert_eq!(world.stored(payment.id).refunds, 3);
        world.prove();
    });
}
