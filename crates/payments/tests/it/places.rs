//! Where shops, tills and payers are, over HTTP: who sets it, how a payer lets the page say it, and that the rules of place
//! speak of live payments.

use base::{PaymentId, ScopedId};
use payments::{Screen, State};

use crate::pages::{BUYER, code, code_path, open, settle, sign_up};
use crate::site::{Browser, Page, Site};
use crate::world::PIN;

const PARIS: &str = "48.86,2.35";
const SINGAPORE: &str = "1.36,103.81";

/// A shop in Singapore that said so, with the starter rules and its owner signed in.
fn placed() -> (Site, Browser) {
    let (site, mut owner) = open(Site::new(Screen::starter()));
    let form = owner.get("/desk/places").is(200).form("/desk/places");
    let form = form.with("of", "shop").with("latitude", "1.3521").with("longitude", "103.8198");
    owner.send(&form).is(200).shows("1.35, 103.82");
    (site, owner)
}

/// The rules that spoke of a payment.
fn reasons(site: &Site, id: PaymentId) -> Vec<String> {
    let decision = site.payment(id).decision.expect("a decision");
    let stored = site.read(|tx| payments::store::find_decision(tx, decision)).unwrap();
    let decision = risk::Decision::from_bytes(&stored.0).unwrap();
    decision.reasons.iter().map(|reason| reason.rule.to_string()).collect()
}

fn payment_on(page: &Page) -> PaymentId {
    page.path.trim_start_matches("/pay/").split(['/', '?']).next().unwrap().parse().unwrap()
}

/// Scans the printed code behind `path`, types an amount, signs up and stands before the PIN.
fn at_pin_of_printed(site: &Site, path: &str, email: &str) -> (Browser, Page) {
    let mut buyer = site.browser();
    let page = buyer.get(path);
    let page = buyer.send(&page.is(200).form("/amount").with("amount", "38.50"));
    let page = sign_up(site, &mut buyer, &page, email);
    (buyer, page)
}

fn printed(owner: &mut Browser) -> String {
    let form = owner.get("/desk/codes/new").form("/desk/codes").with("kind", "static");
    code_path(&owner.send(&form.with("order_line", "Counter 1")))
}

#[test]
fn c34_a_printed_code_that_is_paid_from_far_away_is_reviewed() {
    let (site, mut owner) = placed();
    let path = printed(&mut owner);
    let paid_from = |place: Option<&str>, email: &str| {
        let (mut buyer, page) = at_pin_of_printed(&site, &path, email);
        let id = payment_on(&page);
        let form = settle(&page, PIN);
        assert_eq!(form.fields["place"], "", "the page itself knows no place");
        buyer.send(&place.map_or(form.clone(), |place| form.with("place", place))).is(200);
        (reasons(&site, id).contains(&"static_code_far_away".to_owned()), site.payment(id).stored_state)
    };
    assert_eq!(paid_from(Some(PARIS), "far@mail.example"), (true, State::InReview));
    assert_eq!(paid_from(Some(SINGAPORE), "near@mail.example"), (false, State::Paid));
    assert_eq!(
        paid_from(None, "silent@mail.example"),
        (false, State::Paid),
        "nobody has to say where they are"
    );
}

#[test]
fn c34_a_payer_who_is_in_two_far_places_within_minutes_is_asked() {
    let (site, mut owner) = placed();
    let (path, first) = code(&mut owner, "20", "Tea");
    let (mut buyer, page) = crate::pages::at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, PIN).with("place", SINGAPORE)).is(200);
    assert_eq!(site.payment(first).stored_state, State::Paid);
    let mut pay_from = |place: &str| {
        site.clock.advance_seconds(300);
        let (path, id) = code(&mut owner, "20", "Tea");
        let page = buyer.get(&path);
        let page = buyer.send(&page.form("/p/"));
        buyer.send(&settle(&page, PIN).with("place", place)).is(200);
        (reasons(&site, id).contains(&"impossible_travel".to_owned()), site.payment(id).stored_state)
    };
    assert_eq!(pay_from("1.30,103.90"), (false, State::Paid), "across the town");
    assert_eq!(pay_from(PARIS), (true, State::Paused));
    assert_eq!(pay_from(SINGAPORE), (false, State::Paid), "a payment that was not made moves nobody");
}

#[test]
fn c35_a_payer_who_proves_that_it_was_them_from_afar_is_remembered_there_and_who_does_not_is_not() {
    let (site, mut owner) = placed();
    let (path, _) = code(&mut owner, "20", "Tea");
    let (mut buyer, page) = crate::pages::at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, PIN).with("place", SINGAPORE)).is(200);
    let mut pay_from = |buyer: &mut Browser, place: &str| {
        site.clock.advance_seconds(300);
        let (path, id) = code(&mut owner, "20", "Tea");
        let page = buyer.get(&path);
        let page = buyer.send(&page.form("/p/"));
        buyer.send(&settle(&page, PIN).with("place", place)).is(200);
        (id, site.payment(id).stored_state)
    };
    let answer = |buyer: &mut Browser, id: PaymentId, answer: &str, pin: &str| {
        let form = buyer.get(&format!("/pay/{id}")).form("/answer").with("answer", answer);
        buyer.send(&if pin.is_empty() { form } else { form.with("pin", pin) })
    };
    // A wrong PIN and a "no" prove nothing: the payer is still in Singapore.
    let (asked, state) = pay_from(&mut buyer, PARIS);
    assert_eq!(state, State::Paused);
    answer(&mut buyer, asked, "yes", crate::world::WRONG_PIN).is(403);
    assert_eq!(pay_from(&mut buyer, SINGAPORE).1, State::Paid, "a wrong PIN moves nobody");
    answer(&mut buyer, asked, "no", "").is(200);
    assert_eq!(pay_from(&mut buyer, SINGAPORE).1, State::Paid, "a no moves nobody");
    let (asked, state) = pay_from(&mut buyer, PARIS);
    assert_eq!(state, State::Paused);
    answer(&mut buyer, asked, "yes", PIN).is(200);
    assert_eq!(pay_from(&mut buyer, PARIS).1, State::Paid, "who proved it is in Paris now");
    assert_eq!(pay_from(&mut buyer, SINGAPORE).1, State::Paused);
    let left = site.read(|tx| tx.query("SELECT payment_id FROM asked_places", &[]));
    assert_eq!(left.len(), 1, "of what was answered nothing is kept");
}

#[test]
fn the_pay_page_alone_may_ask_where_the_payer_is() {
    let (site, mut owner) = placed();
    let (path, id) = code(&mut owner, "20", "Tea");
    let asks = |page: &Page| {
        let policy = page.headers["permissions-policy"].to_str().unwrap();
        (policy.contains("geolocation=(self)"), page.html.contains("/assets/place-"))
    };
    let mut nobody = site.browser();
    for path in [&*path, "/me/sign-in", "/sign-in"] {
        assert_eq!(asks(&nobody.get(path)), (false, false), "{path}");
    }
    let (mut buyer, page) = crate::pages::at_pin(&site, &path, BUYER);
    assert_eq!(asks(&page), (true, true));
    page.shows("rounded to about a kilometre").shows("You can pay without it");
    let wrong = buyer.send(&settle(&page, crate::world::WRONG_PIN));
    assert_eq!(asks(wrong.is(403)), (true, true), "the second try asks as the first");
    let policy = wrong.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    for bad in ["91,0", "0,181", "48.86", "here", "1e1,2", "NaN,0"] {
        buyer.send(&settle(&page, PIN).with("place", bad)).is(400);
    }
    assert_eq!(site.payment(id).stored_state, State::Waiting);
    let done = buyer.send(&settle(&wrong, PIN).with("place", SINGAPORE));
    assert_eq!(asks(done.is(200)), (false, false));
    buyer.lang = "zh";
    let (path, _) = code(&mut owner, "20", "Tea");
    let page = buyer.get(&path);
    buyer.send(&page.form("/p/")).shows("不提供也可以付款");
    // What is kept of a place is nowhere finer than a hundredth of a degree.
    let rows = site.read(|tx| tx.query("SELECT body FROM audit_entries", &[]));
    assert!(
        rows.iter().all(|row| !row.text(0).unwrap().contains("103.81")),
        "the log holds no payer's place"
    );
}

#[test]
fn the_owner_sets_places_within_the_earth_and_the_log_says_so() {
    let (site, mut owner) = placed();
    let form = owner.get("/desk/places").form("/desk/places").with("of", "shop");
    for (north, east) in [("90.01", "0"), ("0", "-180.01"), ("x", "1")] {
        let page = owner.send(&form.clone().with("latitude", north).with("longitude", east));
        page.is(422).shows("Degrees north are -90 to 90");
    }
    owner.send(&form.clone().with("latitude", "1").with("longitude", "")).is(422).shows("Give both numbers");
    for (north, east) in [("-90", "180"), ("90", "-180"), ("1.3521", "103.8198")] {
        let form = owner.get("/desk/places").form("/desk/places").with("of", "shop");
        owner.send(&form.with("latitude", north).with("longitude", east)).is(200);
    }
    let shop = site.read(|tx| tx.query("SELECT shop_id, lat_centi, zone FROM premises", &[]));
    assert_eq!((shop.len(), shop[0].int(1).unwrap(), shop[0].text(2).unwrap()), (1, 135, "Asia/Shanghai"));
    let told = site.read(|tx| tx.query("SELECT body FROM audit_entries WHERE body LIKE '%shop.place%'", &[]));
    assert_eq!(told.len(), 4, "each change, with whoever made it");
    assert!(told.iter().any(|row| row.text(0).unwrap().contains("10382")));
    // A till of its own place; another shop's till is not there.
    let (_, id) = code(&mut owner, "1", "x");
    let till = |shop, name: &'static str| {
        site.write(move |tx, means| {
            let name = payments::text::ShortText::parse(name, 60).unwrap();
            payments::shop::create_terminal(tx, means, &audit::Actor::system("test"), shop, &name, None)
        })
        .id
    };
    let (own, foreign) = (till(id.shop(), "Airport"), till(site.shop("Other"), "Theirs"));
    let page = owner.get(&format!("/desk/places?of={own}"));
    page.shows("Airport").shows("not said");
    assert!(!page.html.contains("Theirs"));
    let form = page.form("/desk/places").with("latitude", "1.36").with("longitude", "103.99");
    assert_eq!(form.fields["of"], own.to_string());
    owner.send(&form).is(200).shows("1.36, 103.99");
    for (of, status) in [(foreign.to_string(), 404), ("nothing".to_owned(), 400)] {
        let form = owner.get("/desk/places").form("/desk/places");
        owner.send(&form.with("of", &of)).is(status);
    }
}
