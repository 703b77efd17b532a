//! Daily limits on paying by code in China (QR-13, C19), at the limit, one past it, and under parallel load.

use base::{CodeId, ScopedId};
use identity::BuyerSession;
use payments::State;
use payments::challenge::Answer;
use payments::confirm::ConfirmError;
use payments::day_limit::{self, CHINA};
use payments::limits::CODE_SECONDS_DEFAULT;
use risk::Outcome::{Allow, Challenge, Review};
use store::testing::Scratch;

use crate::world::{PIN, RICH, WRONG_PIN, World, each_world, migrations, pin, seen, yuan};

#[track_caller]
fn pay_printed(world: &World, code: CodeId, buyer: &BuyerSession, minor: i64) -> Result<State, ConfirmError> {
    let payment = world.printed_payment(code, minor).unwrap();
    let result = world.pay(buyer, &payment, Allow).map(drop);
    let state = world.state(payment.id);
    assert_eq!(world.transfers(payment.id), usize::from(state == State::Paid));
    result.map(|()| state)
}

#[test]
fn qr_13_printed_codes_take_500_yuan_a_day_and_not_a_fen_more() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("CN"), world.buyer());
        let code = world.printed_code(&shop).id;
        assert_eq!(pay_printed(&world, code, &buyer, CHINA.static_minor + 1), Err(ConfirmError::DayLimit));
        assert_eq!(pay_printed(&world, code, &buyer, 49_999), Ok(State::Paid));
        assert_eq!(pay_printed(&world, code, &buyer, 2), Err(ConfirmError::DayLimit));
        assert_eq!(pay_printed(&world, code, &buyer, 1), Ok(State::Paid));
        assert_eq!(pay_printed(&world, code, &buyer, 1), Err(ConfirmError::DayLimit));
        // A dynamic code still works, another buyer too.
        assert!(world.pay(&buyer, &world.payment(shop.id, 1_000), Allow).is_ok());
        assert_eq!(pay_printed(&world, code, &world.buyer(), 50_000), Ok(State::Paid));
        world.prove();
    });
}

#[test]
fn qr_13_all_codes_together_take_5000_yuan_a_day_at_all_shops_together() {
    each_world(|world| {
        let (shop, second, buyer) = (world.shop("CN"), world.shop("CN"), world.buyer());
        let code = world.printed_code(&shop).id;
        assert_eq!(pay_printed(&world, code, &buyer, 50_000), Ok(State::Paid));
        world.paid(&buyer, &world.payment(shop.id, 449_999), Allow);
        let over = world.payment(second.id, 2);
        assert_eq!(world.pay(&buyer, &over, Allow), Err(ConfirmError::DayLimit));
        assert_eq!(world.state(over.id), State::Waiting);
        world.paid(&buyer, &world.payment(second.id, 1), Allow);
        assert_eq!(world.balance(buyer.buyer), RICH - CHINA.total_minor);
        // Elsewhere there is no such limit.
        let abroad = world.shop("SG");
        world.paid(&buyer, &world.payment(abroad.id, 400_000), Allow);
        world.prove();
    });
}

#[test]
fn qr_13_the_day_ends_at_midnight_in_shanghai() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("CN"), world.buyer());
        let code = world.printed_code(&shop).id;
        assert_eq!(pay_printed(&world, code, &buyer, 50_000), Ok(State::Paid));
        // The world begins at 13:30; midnight is ten and a half hours away.
        world.wait(37_800 - 1);
        assert_eq!(pay_printed(&world, code, &buyer, 1), Err(ConfirmError::DayLimit));
        world.wait(1);
        assert_eq!(pay_printed(&world, code, &buyer, 50_000), Ok(State::Paid));
    });
}

#[test]
fn qr_13_a_payment_past_the_limit_stays_as_it_was_and_so_does_the_pin() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("CN"), world.buyer());
        let payment = world.payment(shop.id, CHINA.total_minor + 1);
        let before = world.stored(payment.id);
        world.confirm(&buyer, seen(&payment, WRONG_PIN), Allow).unwrap();
        assert_eq!(world.pay(&buyer, &payment, Allow), Err(ConfirmError::DayLimit));
        // Nothing of the refused confirmation was kept, not even that its PIN was right.
        assert_eq!((world.stored(payment.id), world.pin_failures(buyer.buyer)), (before, 1));
        assert_eq!(world.audited(payment.id), 0);
        world.confirm(&buyer, seen(&payment, WRONG_PIN), Allow).unwrap();
        assert_eq!(world.pin_failures(buyer.buyer), 2);
        world.paid(&buyer, &world.payment(shop.id, CHINA.total_minor), Allow);
        assert_eq!(world.pin_failures(buyer.buyer), 0);
    });
}

#[test]
fn qr_13_a_payment_that_waited_for_an_answer_or_a_review_is_counted_when_it_is_paid() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("CN"), world.buyer());
        let asked = world.paid(&buyer, &world.payment(shop.id, 300_000), Challenge);
        let looked_at = world.paid(&buyer, &world.payment(shop.id, 300_000), Review);
        world.paid(&buyer, &world.payment(shop.id, 200_001), Allow);
        let yes = || Answer::Yes(pin(PIN));
        assert_eq!(world.answer(&buyer, asked.id, yes()), Err(ConfirmError::DayLimit));
        assert_eq!(world.review(looked_at.id, true).err(), Some(ConfirmError::DayLimit));
        assert_eq!((world.state(asked.id), world.state(looked_at.id)), (State::Paused, State::InReview));
        assert_eq!(world.balance(buyer.buyer), RICH - 200_001);
        // The next day has room for it.
        world.wait(12 * 3600);
        assert_eq!(world.review(looked_at.id, true).unwrap().payment.stored_state, State::Paid);
        world.prove();
    });
}

#[test]
fn qr_13_what_was_declined_does_not_use_up_the_day() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("CN"), world.buyer_with(1_000));
        let code = world.printed_code(&shop).id;
        for _ in 0..3 {
            assert_eq!(pay_printed(&world, code, &buyer, 50_000), Ok(State::Declined));
        }
        world.top_up(buyer.buyer, crate::world::yuan(50_000));
        assert_eq!(pay_printed(&world, code, &buyer, 50_000), Ok(State::Paid));
    });
}

#[test]
fn c19_two_hundred_payments_at_once_never_pass_the_limit() {
    for scratch in Scratch::each() {
        let one = World::on(scratch.open(&migrations()).unwrap(), 1);
        // Where a database is shared, half of them go through a second node.
        let two = scratch.open(&migrations()).map_or_else(|_| one.clone(), |db| one.at(db));
        let (shop, buyer) = (one.shop("CN"), one.buyer());
        let code = one.printed_code(&shop).id;
        let payments: Vec<_> = (0..200)
            .map(|n| match n % 2 {
                0 => one.printed_payment(code, 3_000).unwrap(),
                _ => one.payment(shop.id, 9_000),
            })
            .collect();
        std::thread::scope(|scope| {
            for (n, payment) in payments.iter().enumerate() {
                let (world, buyer) = (if n % 4 < 2 { &one } else { &two }, &buyer);
                scope.spawn(move || {
                    // A lost race is the database's to tell and the caller's to try again.
                    let done = (0..1_000)
                        .find(|_| !matches!(world.pay(buyer, payment, Allow), Err(ConfirmError::Fault(_))));
                    assert!(done.is_some(), "the race never ended");
                });
            }
        });
        let paid = |printed: bool| -> i64 {
            let of = payments.iter().enumerate().filter(|(n, _)| (n % 2 == 0) == printed);
            of.filter(|(_, p)| one.state(p.id) == State::Paid).map(|(_, p)| p.amount.minor).sum()
        };
        let (printed, in_all) = (paid(true), paid(true) + paid(false));
        assert!(printed <= CHINA.static_minor && in_all <= CHINA.total_minor, "{printed} {in_all}");
        // And they come as close as the amounts allow, whichever limit is met first.
        assert!(printed > 50_000 - 3_000 || in_all > 500_000 - 3_000, "{printed} {in_all}");
        assert!(in_all > 500_000 - 9_000, "{in_all}");
        assert_eq!((one.balance(buyer.buyer), one.takings(shop.id)), (RICH - in_all, in_all));
        one.prove();
    }
}

#[test]
fn a_payment_lives_as_long_as_it_says() {
    use payments::create::{CreateError, NewPayment, Purpose};
    use payments::limits::{CODE_SECONDS_MAX, CODE_SECONDS_MIN};
    let purpose = || Purpose::Amount { amount: crate::world::yuan(1), reference: None, description: None };
    for (seconds, good) in [
        (CODE_SECONDS_MIN, true),
        (CODE_SECONDS_MIN - 1, false),
        (CODE_SECONDS_MAX, true),
        (CODE_SECONDS_MAX + 1, false),
        (CODE_SECONDS_DEFAULT, true),
        (0, false),
        (i64::MIN, false),
    ] {
        let made = NewPayment::new(purpose(), None, Some(seconds));
        assert_eq!(made.err(), (!good).then_some(CreateError::Life), "{seconds}");
    }
}

#[test]
fn a_buyers_id_is_of_the_house_so_that_its_day_is_one_row_for_all_shops() {
    each_world(|world| assert_eq!(world.buyer().buyer.shop(), base::ShopId::HOUSE));
}

#[test]
fn qr_13_what_a_limit_leaves_no_room_for_is_told_with_its_excess_and_the_next_day() {
    each_world(|world| {
        let (shop, buyer) = (world.shop("CN"), world.buyer());
        let most = day_limit::CHINA.total_minor;
        let passed = |payment: &payments::Payment| {
            let (payment, now) = (payment.clone(), world.now());
            world.read(|tx| day_limit::find_passed(tx, "CN", &payment, now))
        };
        world.paid(&buyer, &world.payment(shop.id, most - 1_000), Allow);
        let fits = world.paid(&buyer, &world.payment(shop.id, 1_000), Review);
        assert_eq!(passed(&fits), None);
        let over = world.paid(&buyer, &world.payment(shop.id, 1_001), Review);
        let found = passed(&over).unwrap();
        assert_eq!((found.by, found.fits_a_day), (yuan(1), true));
        // Half past one in the afternoon in Shanghai: ten and a half hours to midnight.
        assert_eq!(found.resets_at.millis_since(world.now()), (10 * 60 + 30) * 60 * 1000);
        let large = world.paid(&buyer, &world.payment(shop.id, most + 1), Review);
        assert_eq!(passed(&large).map(|found| found.fits_a_day), Some(false));
        world.wait(10 * 3_600 + 30 * 60 - 1);
        assert!(passed(&over).is_some());
        world.wait(1);
        assert_eq!(passed(&over), None, "a new day");
        assert_eq!(world.review(over.id, true).unwrap().payment.stored_state, State::Paid);
    });
}

#[test]
fn qr_13_the_desk_says_beforehand_that_a_review_cannot_be_approved_today_and_what_can_be_done() {
    let site = crate::site::Site::new(crate::world::screen(Allow));
    let mut owner = site.browser();
    let form = owner.get(&site.setup_path()).is(200).form("/setup/");
    let form = form.with("shop", "Green Tea House").with("city", "Hangzhou").with("country", "CN");
    let form = form.with("name", "Mei Lin").with("email", "mei@shop.example");
    let page = owner.send(&form.with("password", crate::site::PASSWORD));
    site.enter(&mut owner, page).is(200);
    let (path, _) = crate::pages::code(&mut owner, "4000", "Tea");
    let (mut buyer, page) = crate::pages::at_pin(&site, &path, crate::pages::BUYER);
    site.top_up(site.buyer(crate::pages::BUYER), yuan(RICH));
    buyer.send(&crate::pages::settle(&page, crate::world::PIN)).is(200);
    site.context.set_screen(crate::world::screen(Review));
    let (path, id) = crate::pages::code(&mut owner, "3000", "A chest of tea");
    let page = buyer.get(&path);
    let page = buyer.send(&page.form("/p/"));
    buyer.send(&crate::pages::settle(&page, crate::world::PIN)).is(200);
    assert_eq!(site.payment(id).stored_state, State::InReview);
    let here = format!("/desk/reviews/{id}");
    let page = owner.get(&here);
    page.is(200).shows("limit for one day would be passed by ¥2,000.00").shows("a new day begins");
    assert!(!page.html.contains("value=\"approve\""), "what cannot be done is not offered");
    let form = page.form("/desk/reviews/").with("note", "called the buyer");
    owner.send(&form.clone().with("decision", "approve")).is(422).shows("would be passed by ¥2,000.00");
    assert_eq!(site.payment(id).stored_state, State::InReview, "it stays in review");
    owner.lang = "zh";
    owner.get(&here).is(200).shows("付款人当日的法定限额将超出");
    owner.lang = "en";
    // Past midnight in Shanghai there is room, and the review has time left.
    site.clock.advance_seconds(11 * 3_600);
    let page = owner.get("/sign-in").form("/sign-in").with("email", "mei@shop.example");
    let page = owner.send(&page.with("password", crate::site::PASSWORD));
    site.enter(&mut owner, page).is(200);
    let page = owner.get(&here);
    assert!(!page.is(200).html.contains("would be passed"), "{}", page.html);
    let form = page.form("/desk/reviews/").with("note", "called the buyer").with("decision", "approve");
    owner.send(&form).is(200).shows("Paid");
    site.prove();
}
