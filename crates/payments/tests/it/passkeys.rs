//! Payments confirmed by passkey, with an authenticator in software (C08, C20, SCA-1, WA-6).

use base::ScopedId;
use identity::passkeys::{self, Enrolled, Holder, PasskeyProblem, PasskeyRefusal, Site};
use identity::routes::passkey_bodies::{CreationView, NewPasskeyBody, PasskeyUseBody, RequestView};
use identity::{BuyerSession, Label, Person};
use payments::challenge::Answer;
use payments::confirm::{Confirm, ConfirmError, Confirmed};
use payments::confirmation::{Nonce, bind};
use payments::proof::{PasskeyProof, ask_passkey};
use payments::{Payment, State};
use risk::Outcome::{Allow, Challenge};
use serde_json::{Value, json};

use crate::authenticator::Phone;
use crate::world::{PIN, WRONG_PIN, World, each_world, nonce, pin, seen, yuan};

fn site() -> Site {
    Site::of("https://pay.example").unwrap()
}

/// A buyer who is signed in and has a passkey on a phone.
fn buyer(world: &World) -> (BuyerSession, Phone) {
    let session = world.buyer();
    let mut phone = Phone::new();
    let (person, holder) = (Person::Buyer(session.buyer), Holder::Session(session.id));
    let asked =
        world.write(move |tx, means| passkeys::start_registration(tx, means, person, holder)).unwrap();
    let options = serde_json::to_value(CreationView::new(&site(), asked)).unwrap();
    let new = NewPasskeyBody::parse_text(&phone.create(&options).to_string()).unwrap();
    let label = Label::parse("phone").unwrap();
    let enrolled = world.write(move |tx, means| {
        passkeys::finish_registration(tx, means, &site(), person, holder, (&new, &label))
    });
    assert!(matches!(enrolled, Ok(Enrolled::Added(_))));
    (session, phone)
}

/// Asks for a passkey as the pay page does, and touches the phone.
fn touch(world: &World, who: &BuyerSession, phone: &mut Phone, payment: &Payment, nonce: &Nonce) -> Value {
    let (session, id, nonce) = (who.clone(), payment.id, nonce.clone());
    let asked = world.write(move |tx, means| ask_passkey(tx, means, &session, id, &nonce));
    let options = serde_json::to_value(RequestView::new(&site(), &asked.unwrap().1)).unwrap();
    phone.touch(&options)
}

fn proof(touched: &Value) -> PasskeyProof {
    PasskeyProof::new(site(), PasskeyUseBody::parse_text(&touched.to_string()).unwrap())
}

/// A confirmation of a payment as it is.
fn command(payment: &Payment, nonce: &Nonce, touched: &Value) -> Confirm {
    Confirm::by_passkey(payment.id, payment.amount, payment.id.shop(), nonce.clone(), proof(touched))
}

fn other_nonce() -> Nonce {
    Nonce::parse(&"a5".repeat(16)).unwrap()
}

const WRONG: PasskeyRefusal = PasskeyRefusal::Problem(PasskeyProblem::WrongChallenge);

#[track_caller]
fn moved(confirmed: Result<Confirmed, ConfirmError>) -> Payment {
    match confirmed {
        Ok(Confirmed::Moved(moved)) => moved.payment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn c20_a_payment_is_confirmed_by_a_passkey_bound_to_exactly_that_payment() {
    each_world(|world| {
        let shop = world.shop("SG");
        let (who, mut phone) = buyer(&world);
        let payment = world.payment(shop.id, 1_280);
        let touched = touch(&world, &who, &mut phone, &payment, &nonce());
        let paid = moved(world.confirm(&who, command(&payment, &nonce(), &touched), Allow));
        assert_eq!(paid.stored_state, State::Paid);
        let bound = bind(payment.amount, shop.id, payment.id, &nonce());
        assert_eq!(paid.confirmation.as_deref(), Some(&bound[..]), "the record holds what was signed");
        assert_eq!(world.takings(shop.id), 1_280);
        let again = world.confirm(&who, command(&payment, &nonce(), &touched), Allow);
        assert_eq!(again, Err(ConfirmError::NotWaiting(State::Paid)));
        world.prove();
    });
}

#[test]
fn c20_a_touch_replayed_on_another_amount_payee_payment_or_nonce_is_refused() {
    each_world(|world| {
        let (shop, other_shop) = (world.shop("SG"), world.shop("SG"));
        let (who, mut phone) = buyer(&world);
        let meant = world.payment(shop.id, 1_000);
        let touched = touch(&world, &who, &mut phone, &meant, &nonce());
        let another = world.payment(shop.id, 1_000);
        let dearer = world.payment(shop.id, 900_000);
        let elsewhere = world.payment(other_shop.id, 1_000);
        for target in [&another, &dearer, &elsewhere] {
            // Also where the attacker has asked for that payment's own challenge.
            let (session, id) = (who.clone(), target.id);
            world.write(move |tx, means| ask_passkey(tx, means, &session, id, &nonce()).map(drop)).unwrap();
            let replayed = world.confirm(&who, command(target, &nonce(), &touched), Allow);
            assert_eq!(replayed, Ok(Confirmed::PasskeyRefused(WRONG)), "{}", target.id);
            assert_eq!(world.state(target.id), State::Waiting);
            assert_eq!(world.transfers(target.id), 0);
        }
        let renonced = world.confirm(&who, command(&meant, &other_nonce(), &touched), Allow);
        assert_eq!(renonced, Ok(Confirmed::PasskeyRefused(WRONG)));
        // What the payer saw must be what the payment is, whatever the touch says.
        let cheaper = Confirm::by_passkey(dearer.id, yuan(1_000), shop.id, nonce(), proof(&touched));
        assert_eq!(world.confirm(&who, cheaper, Allow), Err(ConfirmError::Mismatch("amount")));
        let swapped = Confirm::by_passkey(meant.id, yuan(1_000), other_shop.id, nonce(), proof(&touched));
        assert_eq!(world.confirm(&who, swapped, Allow), Err(ConfirmError::Mismatch("payee")));
        assert_eq!(world.balance(who.buyer), crate::world::RICH);
        let paid = moved(world.confirm(&who, command(&meant, &nonce(), &touched), Allow));
        assert_eq!(paid.stored_state, State::Paid, "and what it was meant for goes through");
        world.prove();
    });
}

#[test]
fn c20_the_server_computes_the_binding_from_the_payments_own_row() {
    each_world(|world| {
        let shop = world.shop("SG");
        let (who, mut phone) = buyer(&world);
        let payment = world.payment(shop.id, 1_000);
        let touched = touch(&world, &who, &mut phone, &payment, &nonce());
        let raised = Payment { amount: yuan(900_000), ..payment };
        let id = raised.id;
        let edit = move |tx: &mut store::Tx<'_>, _: &identity::Means<'_>| {
            let sql = "UPDATE payments SET amount_minor = ?1 WHERE shop_id = ?2 AND id = ?3";
            tx.execute(sql, &[900_000.into(), id.shop().short().into(), id.short().into()])
        };
        assert_eq!(world.write(edit), Ok(1));
        assert_eq!(world.stored(id).amount, raised.amount);
        let confirmed = world.confirm(&who, command(&raised, &nonce(), &touched), Allow);
        assert_eq!(confirmed, Ok(Confirmed::PasskeyRefused(WRONG)));
        assert_eq!(world.balance(who.buyer), crate::world::RICH);
    });
}

#[test]
fn wa_1_a_payments_challenge_is_for_one_session_for_five_minutes_and_once() {
    each_world(|world| {
        let shop = world.shop("SG");
        let (who, mut phone) = buyer(&world);
        let payment = world.payment(shop.id, 1_000);
        let touched = touch(&world, &who, &mut phone, &payment, &nonce());
        let stale = Ok(Confirmed::PasskeyRefused(PasskeyRefusal::Stale));
        let elsewhere = BuyerSession {
            id: base::SessionId::new(base::ShopId::HOUSE, world.now(), &base::Dice::System),
            ..who.clone()
        };
        assert_eq!(world.confirm(&elsewhere, command(&payment, &nonce(), &touched), Allow), stale);
        let (stranger, mut theirs) = buyer(&world);
        let refused = world.confirm(&stranger, command(&payment, &nonce(), &touched), Allow);
        assert_eq!(refused, stale);
        let hers = touch(&world, &stranger, &mut theirs, &payment, &other_nonce());
        let unknown = Ok(Confirmed::PasskeyRefused(PasskeyRefusal::Unknown));
        let mixed = json!({"id": touched["id"], "rawId": touched["id"], "type": "public-key", "response": hers["response"]});
        assert_eq!(world.confirm(&stranger, command(&payment, &other_nonce(), &mixed), Allow), unknown);
        world.wait(300);
        assert_eq!(world.confirm(&who, command(&payment, &nonce(), &touched), Allow), stale);
        let fresh = touch(&world, &who, &mut phone, &payment, &nonce());
        assert_eq!(
            moved(world.confirm(&who, command(&payment, &nonce(), &fresh), Allow)).stored_state,
            State::Paid
        );
    });
}

#[test]
fn c08_a_touch_without_verification_or_from_another_site_pays_nothing() {
    each_world(|world| {
        let shop = world.shop("SG");
        let (who, mut phone) = buyer(&world);
        let payment = world.payment(shop.id, 1_000);
        type Change = fn(&mut Phone);
        let cases: [(Change, PasskeyProblem); 3] = [
            (|phone| phone.verifies = false, PasskeyProblem::NotVerified),
            (|phone| phone.origin = "https://evil.pay.example", PasskeyProblem::WrongOrigin),
            (|phone| phone.extra = json!({"topOrigin": "https://shop.example"}), PasskeyProblem::Framed),
        ];
        for (change, problem) in cases {
            let mut changed = Phone { keys: phone.keys.clone(), ..Phone::new() };
            change(&mut changed);
            let touched = touch(&world, &who, &mut changed, &payment, &nonce());
            let refused = world.confirm(&who, command(&payment, &nonce(), &touched), Allow);
            assert_eq!(refused, Ok(Confirmed::PasskeyRefused(PasskeyRefusal::Problem(problem))));
        }
        let touched = touch(&world, &who, &mut phone, &payment, &nonce());
        assert_eq!(
            moved(world.confirm(&who, command(&payment, &nonce(), &touched), Allow)).stored_state,
            State::Paid
        );
    });
}

#[test]
fn pin_1_refused_passkeys_lock_the_passkey_and_leave_the_pin_alone() {
    each_world(|world| {
        let shop = world.shop("SG");
        let (who, mut phone) = buyer(&world);
        let payment = world.payment(shop.id, 1_000);
        let touched = touch(&world, &who, &mut phone, &payment, &nonce());
        let refuse = || world.confirm(&who, command(&payment, &other_nonce(), &touched), Allow);
        for _ in 0..5 {
            assert_eq!(refuse(), Ok(Confirmed::PasskeyRefused(WRONG)));
        }
        let right = || world.confirm(&who, command(&payment, &nonce(), &touched), Allow);
        assert_eq!(right(), Ok(Confirmed::PasskeyLocked { retry_after_seconds: 3600 }));
        assert_eq!(world.pin_failures(who.buyer), 0);
        let wrong = world.confirm(&who, seen(&payment, WRONG_PIN), Allow);
        assert_eq!(wrong, Ok(Confirmed::PinWrong { left: 4 }));
        assert_eq!(world.paid(&who, &payment, Allow).stored_state, State::Paid, "the PIN still pays");
        world.wait(3601);
        let next = world.payment(shop.id, 1_000);
        let touched = touch(&world, &who, &mut phone, &next, &nonce());
        let paid = moved(world.confirm(&who, command(&next, &nonce(), &touched), Allow));
        assert_eq!(paid.stored_state, State::Paid, "and the way back is an hour");
    });
}

#[test]
fn c35_is_this_you_is_answered_by_passkey() {
    each_world(|world| {
        let shop = world.shop("SG");
        let (who, mut phone) = buyer(&world);
        let (asked, other) = (world.payment(shop.id, 1_000), world.payment(shop.id, 1_000));
        assert_eq!(world.paid(&who, &asked, Challenge).stored_state, State::Paused);
        assert_eq!(world.paid(&who, &other, Challenge).stored_state, State::Paused);
        let touched = touch(&world, &who, &mut phone, &asked, &nonce());
        let answer = |payment: &Payment| {
            world.answer(&who, payment.id, Answer::Passkey(Box::new((proof(&touched), nonce()))))
        };
        assert_eq!(answer(&other), Ok(Confirmed::PasskeyRefused(WRONG)), "for another payment");
        assert_eq!(moved(answer(&asked)).stored_state, State::Paid);
        assert_eq!(moved(world.answer(&who, other.id, Answer::Yes(pin(PIN)))).stored_state, State::Paid);
        world.prove();
    });
}

#[test]
fn a_frozen_account_pays_nothing_by_passkey() {
    each_world(|world| {
        let shop = world.shop("SG");
        let (who, mut phone) = buyer(&world);
        let payment = world.payment(shop.id, 1_000);
        let touched = touch(&world, &who, &mut phone, &payment, &nonce());
        let actor = identity::Actor::Buyer(who.clone());
        let buyer = who.buyer;
        world
            .write(move |tx, means| identity::set_frozen(tx, means, &actor, buyer, identity::Freeze::Freeze))
            .unwrap();
        let refused = world.confirm(&who, command(&payment, &nonce(), &touched), Allow);
        assert_eq!(refused, Ok(Confirmed::NotActive));
    });
}

#[test]
fn a_payment_that_is_not_the_callers_or_is_over_is_not_asked_for() {
    each_world(|world| {
        let shop = world.shop("SG");
        let (who, _) = buyer(&world);
        let (stranger, _) = buyer(&world);
        let paid = world.payment(shop.id, 1_000);
        world.paid(&who, &paid, Allow);
        let ask = |who: &BuyerSession| {
            let (who, id) = (who.clone(), paid.id);
            world.write(move |tx, means| ask_passkey(tx, means, &who, id, &nonce()).map(drop))
        };
        assert_eq!(ask(&stranger), Err(ConfirmError::OtherPayer));
        assert_eq!(ask(&who), Err(ConfirmError::NotWaiting(State::Paid)));
    });
}
