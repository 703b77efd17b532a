//! Doing it once (C25, IDEM-1 to IDEM-4): whatever is sent again, money moves at most once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use testkit::http::{Answer, Request};

use crate::house::{RICH, each_house, key, text};

fn is_replay(answer: &Answer) -> bool {
    answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

#[test]
fn idem_2_a_retried_create_gets_the_stored_answer() {
    each_house(|house| {
        let shop = house.shop("SG");
        let body = json!({"amount_minor": 900, "currency": "CNY"});
        let request = || house.signed(&shop, Request::post("/v1/payments", &body).once("order-17"));
        let (first, again) = (house.send(request()), house.send(request()));
        assert_eq!((first.status, is_replay(&first)), (201, false));
        assert_eq!((again.status, is_replay(&again)), (201, true));
        assert_eq!(first.json(), again.json());
        let list = house.send(house.signed(&shop, Request::get("/v1/payments"))).json();
        assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn idem_2_a_retried_confirmation_gets_the_stored_answer_and_pays_once() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let bill = house.bill(&shop, 900);
        let request = house.confirmation(&phone, &bill, crate::house::PIN, "tap-1");
        let (first, again) = (house.send(request.clone()), house.send(request));
        assert_eq!((first.text("/state").as_str(), is_replay(&first)), ("paid", false));
        assert_eq!((again.text("/state").as_str(), is_replay(&again)), ("paid", true));
        assert_eq!(first.text("/audit/promise"), again.text("/audit/promise"), "the promise is the same");
        assert_eq!((house.transfers(&bill), house.balance(phone.buyer)), (1, RICH - 900));
    });
}

#[test]
fn idem_3_a_key_for_another_body_is_refused_and_does_nothing() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let (bill, other) = (house.bill(&shop, 900), house.bill(&shop, 900));
        assert_eq!(house.send(house.confirmation(&phone, &bill, crate::house::PIN, "tap-1")).status, 200);
        let reused = house.send(house.confirmation(&phone, &other, crate::house::PIN, "tap-1"));
        assert_eq!((reused.status, reused.code().as_str()), (422, "idempotency_key_reused"));
        assert_eq!(house.transfers(&other), 0);
    });
}

#[test]
fn idem_1_a_write_without_a_key_is_refused() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let bill = house.bill(&shop, 900);
        let mut request = house.confirmation(&phone, &bill, crate::house::PIN, "x");
        request.headers.remove("idempotency-key");
        assert_eq!(house.send(request).code(), "idempotency_key_missing");
        for bad in ["", &"k".repeat(256), "a b"] {
            let request = house.confirmation(&phone, &bill, crate::house::PIN, bad);
            assert_eq!(house.send(request).code(), "idempotency_key_invalid", "{bad:?}");
        }
        let longest = house.confirmation(&phone, &bill, crate::house::PIN, &"k".repeat(255));
        assert_eq!(house.send(longest).text("/state"), "paid");
    });
}

#[test]
fn keys_are_kept_apart_by_caller_and_operation() {
    each_house(|house| {
        let (one, two) = (house.shop("SG"), house.shop("SG"));
        let body = json!({"amount_minor": 900, "currency": "CNY"});
        let make = |shop, path: &str| house.send(house.signed(shop, Request::post(path, &body).once("same")));
        let ids = [
            make(&one, "/v1/payments").text("/id"),
            make(&two, "/v1/payments").text("/id"),
            make(&one, "/v1/orders").text("/id"),
        ];
        assert!(ids.iter().all(|id| !id.is_empty()) && ids[0] != ids[1] && ids[0] != ids[2], "{ids:?}");
    });
}

#[test]
fn a_refused_request_does_not_use_its_key_up() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let bill = house.bill(&shop, 900);
        let mut wrong = bill.clone();
        wrong["amount_minor"] = json!(901);
        let refused = house.send(house.confirmation(&phone, &wrong, crate::house::PIN, "tap-1"));
        assert_eq!(refused.code(), "confirmation_mismatch");
        let right = house.send(house.confirmation(&phone, &bill, crate::house::PIN, "tap-1"));
        assert_eq!(right.text("/state"), "paid");
    });
}

#[test]
fn c25_a_hundred_taps_with_one_key_pay_once_and_all_hear_so() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let bill = house.bill(&shop, 900);
        let request = house.confirmation(&phone, &bill, crate::house::PIN, "tap-1");
        let answers = house.send_all(vec![request; 100]);
        // A tap that meets a running one is told to ask again (IDEM-4); all others hear the one outcome.
        let told = answers.iter().filter(|answer| answer.text("/state") == "paid").count();
        let wait = answers.iter().filter(|answer| answer.code() == "request_in_progress").count();
        assert_eq!(told + wait, 100);
        assert_eq!(answers.iter().filter(|answer| answer.is_ok() && !is_replay(answer)).count(), 1);
        assert_eq!((house.transfers(&bill), house.balance(phone.buyer)), (1, RICH - 900));
    });
}

#[test]
fn idem_4_a_second_request_while_the_first_runs_is_told_so_at_once() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let bill = house.bill(&shop, 900);
        let request = house.confirmation(&phone, &bill, crate::house::PIN, "tap-1");
        let (held, open) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let at = &house;
        std::thread::scope(|scope| {
            // A write before both holds them up, so that the first still runs when the second comes.
            let (holding, opened) = (Arc::clone(&held), Arc::clone(&open));
            scope.spawn(move || {
                at.write(move |_, _| {
                    holding.store(true, Ordering::SeqCst);
                    while !opened.load(Ordering::SeqCst) {
                        std::thread::yield_now();
                    }
                    Ok::<_, store::Error>(())
                });
            });
            while !held.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let (told, tell) = std::sync::mpsc::channel();
            for _ in 0..2 {
                let (request, told) = (request.clone(), told.clone());
                scope.spawn(move || told.send(at.send(request)).unwrap());
            }
            let second = tell.recv().unwrap();
            assert_eq!((second.status, second.code().as_str()), (409, "request_in_progress"));
            assert_eq!(second.headers["retry-after"], "1");
            open.store(true, Ordering::SeqCst);
            let first = tell.recv().unwrap();
            assert!(first.text("/state") == "paid" && !is_replay(&first));
            let later = at.send(request.clone());
            assert!(later.text("/state") == "paid" && is_replay(&later));
        });
        assert_eq!((house.transfers(&bill), house.balance(phone.buyer)), (1, RICH - 900));
    });
}

#[test]
fn c22_a_hundred_taps_with_their_own_keys_pay_once() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let bill = house.bill(&shop, 900);
        let taps = (0..100).map(|_| house.confirmation(&phone, &bill, crate::house::PIN, &key())).collect();
        let answers = house.send_all(taps);
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert!(answers.iter().filter(|a| !a.is_ok()).all(|a| a.code() == "payment_not_waiting"));
        assert_eq!((house.transfers(&bill), house.balance(phone.buyer)), (1, RICH - 900));
    });
}

#[test]
fn c22_an_order_is_paid_once_by_whichever_of_its_payments_is_first() {
    each_house(|house| {
        let shop = house.shop("SG");
        let order = json!({"amount_minor": 900, "currency": "CNY"});
        let order =
            house.send(house.signed(&shop, Request::post("/v1/orders", &order).once(&key()))).text("/id");
        let phones: Vec<_> = (0..10).map(|_| house.buyer(RICH)).collect();
        let bills: Vec<_> = phones
            .iter()
            .map(|_| {
                let request = Request::post("/v1/payments", &json!({"order": order})).once(&key());
                house.send(house.signed(&shop, request)).json()
            })
            .collect();
        let taps = phones.iter().zip(&bills);
        let taps =
            taps.map(|(phone, bill)| house.confirmation(phone, bill, crate::house::PIN, &key())).collect();
        let answers = house.send_all(taps);
        assert_eq!(answers.iter().filter(|answer| answer.text("/state") == "paid").count(), 1);
        assert!(answers.iter().filter(|a| !a.is_ok()).all(|a| a.code() == "order_paid"));
        assert_eq!(phones.iter().filter(|phone| house.balance(phone.buyer) < RICH).count(), 1);
        let again = house.signed(&shop, Request::post("/v1/payments", &json!({"order": order})).once(&key()));
        assert_eq!(house.send(again).code(), "order_paid");
    });
}

#[test]
fn c23_twenty_refunds_at_once_give_back_no_more_than_was_paid() {
    each_house(|house| {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let paid = house.paid(&shop, &phone, 1_000);
        house.paid(&shop, &phone, 5_000);
        let target = format!("/v1/payments/{}/refunds", text(&paid, "id"));
        let refunds = (0..20)
            .map(|_| {
                let body = json!({"amount_minor": 300, "currency": "CNY"});
                house.signed(&shop, Request::post(&target, &body).once(&key()))
            })
            .collect();
        let answers = house.send_all(refunds);
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 3);
        assert!(answers.iter().filter(|a| !a.is_ok()).all(|a| a.code() == "refund_too_large"));
        assert_eq!(house.balance(phone.buyer), RICH - 6_000 + 900);
    });
}
