//! Every page end to end through the whole router: a shop is set up, shows a code, is paid, asks, reviews, refunds; and
//! what must not happen does not.

use axum::http::header;
use base::{PaymentId, ScopedId};
use identity::Role;
use payments::State;
use risk::Outcome;
use store::testing::Scratch;

use crate::site::{Browser, PASSWORD, Page, Site};
use crate::world::{PIN, WRONG_PIN, screen, yuan};

pub const BUYER: &str = "li.hua@mail.example";
const BALANCE: i64 = 500_000;

/// A site whose screening finds the same in every payment, with a shop and its owner signed in.
pub fn opened(found: Outcome) -> (Site, Browser) {
    open(Site::new(screen(found)))
}

/// The same with any screening, on any database.
pub fn open(site: Site) -> (Site, Browser) {
    let mut owner = site.browser();
    let page = owner.get(&site.setup_path());
    let form = page.is(200).form("/setup/");
    let form = form.with("shop", "Green Tea House").with("city", "Singapore").with("country", "SG");
    let form = form.with("name", "Mei Lin").with("email", "mei@shop.example").with("password", PASSWORD);
    let page = owner.send(&form);
    site.enter(&mut owner, page).is(200).shows("Green Tea House").shows("No payments yet");
    (site, owner)
}

/// Makes a code for one order and gives the path behind it, with its payment.
pub fn code(owner: &mut Browser, amount: &str, line: &str) -> (String, PaymentId) {
    let form = owner.get("/desk/codes/new").is(200).form("/desk/codes");
    let form = form.with("kind", "dynamic").with("amount", amount).with("order_line", line);
    let form = form.with("order_reference", "A-7").with("minutes", "5");
    let page = owner.send(&form);
    page.is(200).shows("Scan to pay Green Tea House");
    let path = code_path(&page);
    let id = page.path.trim_start_matches("/desk/codes/code_").to_owned();
    (path, PaymentId::from_short(&id).unwrap())
}

pub fn code_path(page: &Page) -> String {
    let rest = page.html.split("https://pay.example/p/").nth(1).expect("a link");
    let token: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    format!("/p/{token}")
}

/// Scans, signs up with a balance, and stands before the PIN.
pub fn at_pin(site: &Site, path: &str, email: &str) -> (Browser, Page) {
    let mut buyer = site.browser();
    let page = buyer.get(path);
    page.is(200).shows("Green Tea House");
    let page = buyer.send(&page.form("/p/"));
    let page = sign_up(site, &mut buyer, &page, email);
    (buyer, page)
}

/// From the door, with a balance, to the PIN.
pub fn sign_up(site: &Site, buyer: &mut Browser, page: &Page, email: &str) -> Page {
    page.is(200).shows("Who is paying?");
    let new =
        page.html.split("href=\"/me/new").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let page = buyer.get(&format!("/me/new{new}"));
    let form = page.form("/me/new").with("contact", email).with("name", "Li Hua");
    let page = buyer.send(&form.with("pin", PIN).with("pin_again", PIN));
    page.is(200).shows("Enter the code");
    let form = page.form("/me/code").with("code", &site.mailed_code());
    let page = buyer.send(&form);
    page.is(200).shows("Enter your payment PIN");
    site.top_up(site.buyer(email), yuan(BALANCE));
    page
}

pub fn settle(page: &Page, pin: &str) -> crate::site::Form {
    page.form("/confirm").with("pin", pin)
}

#[test]
fn a_buyer_pays_from_the_scan_to_the_receipt() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "1,280.00", "Two tins of Longjing");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    page.shows("¥1,280.00").shows("Green Tea House");
    assert!(site.payment(id).scanned_at.is_some());
    let page = buyer.send(&settle(&page, WRONG_PIN));
    page.is(403).shows("4 tries are left");
    let done = buyer.send(&settle(&page, PIN));
    done.is(200)
        .shows("Paid")
        .shows("¥1,280.00")
        .shows("Two tins of Longjing")
        .shows("A-7")
        .shows(&id.to_string());
    done.shows("twp1:");
    assert_eq!(site.payment(id).stored_state, State::Paid);
    // The used code: a notice for others, the receipt for the payer.
    site.browser().get(&path).is(410).shows("This code is already paid");
    buyer.get(&path).is(200).shows("Paid");
    buyer.get("/me").is(200).shows("Green Tea House").shows("¥3,720.00 available");
    // The desk shows it at once.
    owner.get("/desk").is(200).shows("¥1,280.00").shows("Li H.").shows("The books balance");
    owner.get(&format!("/desk/payments/{id}")).is(200).shows("Confirmed with PIN").shows("Balance of Li H.");
    owner.get("/desk/codes").is(200).shows("Two tins of Longjing").shows("used");
    site.prove();
}

#[test]
fn c22_a_form_sent_twice_pays_once_and_shows_the_same() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    // A wrong PIN sent twice counts once.
    let wrong = settle(&page, WRONG_PIN);
    let first = buyer.send(&wrong);
    let second = buyer.send(&wrong);
    first.shows("4 tries are left");
    second.shows("4 tries are left");
    let right = settle(&second, PIN);
    let first = buyer.send(&right);
    let second = buyer.send(&right);
    assert_eq!(first.text(), second.text());
    first.is(200).shows("Paid");
    let balance = site.read(|tx| payments::balance::find_balance(tx, site.buyer(BUYER), base::Currency::CNY));
    assert_eq!(balance, BALANCE - 10_000);
    assert_eq!(site.read(|tx| ledger::list_payment_transfers(tx, id)).len(), 1);
    // Making a code twice makes one.
    let form =
        owner.get("/desk/codes/new").form("/desk/codes").with("amount", "5").with("order_line", "once");
    assert_eq!(owner.send(&form).path, owner.send(&form).path);
    assert_eq!(owner.get("/desk/codes").html.matches(">once<").count(), 1);
}

/// Somebody goes back to a form that was sent, fills it in otherwise and sends it: that is done as well, and not taken for
/// the first.
#[test]
fn c22_a_form_filled_in_otherwise_is_another_form() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, _) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, WRONG_PIN)).shows("4 tries are left");
    buyer.send(&settle(&page, PIN)).is(200).shows("Paid");
    let form = owner.get("/desk/codes/new").form("/desk/codes").with("amount", "5");
    for line in ["first", "second"] {
        owner.send(&form.clone().with("order_line", line));
    }
    let codes = owner.get("/desk/codes").html;
    assert_eq!((codes.matches(">first<").count(), codes.matches(">second<").count()), (1, 1));
}

#[test]
fn c20_a_confirmation_is_bound_to_payment_amount_and_session() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (other_path, other) = code(&mut owner, "1", "Small");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    let cheap = buyer.get(&other_path);
    let cheap = buyer.send(&cheap.form("/p/"));
    // The seal of a small payment does not fit a large one, nor does one with another amount in it.
    let seal = cheap.form("/confirm").fields["confirm_token"].clone();
    let form = settle(&page, PIN).with("confirm_token", &seal);
    buyer.send(&form).shows("Enter your payment PIN");
    let bent = page.form("/confirm").fields["confirm_token"].replacen("10000", "1", 1);
    buyer.send(&settle(&page, PIN).with("confirm_token", &bent)).shows("Enter your payment PIN");
    assert_eq!(site.payment(id).stored_state, State::Waiting);
    assert_eq!(site.payment(other).stored_state, State::Waiting);
}

#[test]
fn five_wrong_pins_lock_and_say_so() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, mut page) = at_pin(&site, &path, BUYER);
    for left in ["4 tries are", "3 tries are", "2 tries are", "One try is"] {
        page = buyer.send(&settle(&page, WRONG_PIN));
        page.is(403).shows(left);
    }
    let locked = buyer.send(&settle(&page, WRONG_PIN));
    locked.is(403).shows("Your PIN is locked").shows("No money has moved");
    let page = buyer.get(&format!("/pay/{id}"));
    buyer.send(&settle(&page, PIN)).shows("Your PIN is locked");
    assert_eq!(site.payment(id).stored_state, State::Waiting);
}

#[test]
fn a_challenged_payment_asks_and_resumes_or_stops() {
    let (site, mut owner) = opened(Outcome::Challenge);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    let asked = buyer.send(&settle(&page, PIN));
    asked.is(200).shows("Is this you?").shows("Chrome on Android");
    assert_eq!(site.payment(id).stored_state, State::Paused);
    let wrong = buyer.send(&asked.form("/answer").with("answer", "yes").with("pin", WRONG_PIN));
    wrong.is(403).shows("tries are left");
    let yes = buyer.send(&wrong.form("/answer").with("answer", "yes").with("pin", PIN));
    yes.is(200).shows("Paid");
    // The next one is not me.
    let (path, id) = code(&mut owner, "50", "Tea");
    let page = buyer.get(&path);
    let page = buyer.send(&page.form("/p/"));
    let asked = buyer.send(&settle(&page, PIN));
    let no = buyer.send(&asked.form("/answer").with("answer", "no"));
    no.is(200).shows("You stopped this payment");
    assert_eq!(site.payment(id).stored_state, State::Declined);
    site.prove();
}

#[test]
fn a_reviewed_payment_waits_for_the_shop_which_decides_with_a_reason() {
    let (site, mut owner) = opened(Outcome::Review);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    let waits = buyer.send(&settle(&page, PIN));
    waits.is(200).shows("One moment, please").shows(&format!("/pay/{id}/live"));
    owner.get("/desk").shows("one payment waits for your review");
    let queue = owner.get("/desk/reviews");
    queue.is(200).shows("¥100.00").shows("Li H.");
    let form = queue.form("/desk/reviews/").with("decision", "approve");
    owner.send(&form.clone().with("note", "")).is(422).shows("Say why");
    let form = form.with("note", "called the buyer");
    let decided = owner.send(&form);
    decided.is(200).shows("Reviewed by Mei Lin").shows("called the buyer");
    assert_eq!(owner.send(&form).text(), decided.text());
    buyer.get(&format!("/pay/{id}")).is(200).shows("Paid");
    owner.get("/desk/reviews").shows("Nothing to review");
    // The payer may take the next one back.
    let (path, id) = code(&mut owner, "50", "Tea");
    let page = buyer.get(&path);
    let page = buyer.send(&page.form("/p/"));
    let waits = buyer.send(&settle(&page, PIN));
    buyer.send(&waits.form("/stop")).shows("You stopped this payment");
    assert_eq!(site.payment(id).stored_state, State::Declined);
    owner.get("/desk/reviews").shows("Nothing to review");
    site.prove();
}

#[test]
fn a_blocked_payment_is_told_calmly_and_without_reasons() {
    let (site, mut owner) = opened(Outcome::Block);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    let told = buyer.send(&settle(&page, PIN));
    told.is(200).shows("Not paid");
    let words = told.text().to_lowercase();
    assert!(!["risk", "score", "rule", "fraud"].iter().any(|word| words.contains(word)), "{words}");
    assert_eq!(site.payment(id).stored_state, State::Declined);
}

#[test]
fn a_printed_code_takes_the_buyers_amount() {
    let (site, mut owner) = opened(Outcome::Allow);
    let form = owner.get("/desk/codes/new").form("/desk/codes").with("kind", "static");
    owner.send(&form).is(422).shows("needs a name");
    let shown = owner.send(&form.with("order_line", "Counter 1"));
    let path = code_path(&shown);
    let mut buyer = site.browser();
    let page = buyer.get(&path);
    page.is(200).shows("Counter 1").shows("How much do you pay?");
    for bad in ["", "0", "-5", "1.234", "<script>"] {
        let form = page.form("/amount").with("amount", bad);
        buyer.send(&form).is(422).shows("Enter an amount above zero");
    }
    let form = page.form("/amount").with("amount", "38.50").with("note", "tea for two");
    let page = buyer.send(&form);
    page.shows("Who is paying?").shows("¥38.50");
    assert_eq!(buyer.send(&form).path, page.path);
    let made = site.read(|tx| tx.query("SELECT id, description FROM payments", &[]));
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].text(1).unwrap(), "tea for two");
    let withdrawn = owner.get(&shown.path).form("/withdraw");
    owner.send(&withdrawn).is(200).shows("withdrawn");
    buyer.get(&path).is(410).shows("The shop took this code back");
}

#[test]
fn pay_page_and_receipt_show_an_order_number_without_a_description() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, _) = code(&mut owner, "100", "");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    buyer.get(&path).is(200).shows("A-7");
    buyer.send(&settle(&page, PIN)).is(200).shows("Paid").shows("A-7");
}

#[test]
fn qr_11_each_code_that_cannot_be_paid_says_why() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let mut buyer = site.browser();
    buyer.get("/p/abc").is(404).shows("We cannot read this code");
    let last = path.chars().last().unwrap();
    let altered = format!("{}{}", &path[..path.len() - 1], if last == 'A' { 'E' } else { 'A' });
    buyer.get(&altered).is(404).shows("This code is not from us");
    let other = site.shop("Other");
    let (cx, now) = (site.context.clone(), site.clock.now());
    let foreign = site.write(move |tx, means| {
        let purpose =
            payments::create::Purpose::Amount { amount: yuan(5), reference: None, description: None };
        let new = payments::create::NewPayment::new(purpose, None, None).unwrap();
        payments::create::create_payment(tx, means, other, &new)
    });
    // A code of one shop with the id of another: the tag does not fit.
    let token =
        payments::code_token::CodeToken::issue(&cx.code_key(), &payments::code::claims_of(&foreign)).unwrap();
    assert!(token.expires().is_some_and(|end| end > now));
    buyer.get(&format!("/p/{token}")).is(200).shows("Other");
    // A shop's own page says which shop it is: a code of another one goes no further, before and after the look.
    let here = site.payment(id).id.shop();
    buyer.get(&format!("/p/{token}?shop={other}")).is(200).shows("Other");
    buyer.get(&format!("/p/{token}?shop={here}")).is(404).shows("This code belongs to another shop");
    buyer.get(&format!("/p/{token}?shop=nonsense")).is(404).shows("This code belongs to another shop");
    let seen = buyer.get(&format!("{path}?shop={here}"));
    let form = seen.is(200).form("/p/");
    assert!(form.to.ends_with(&format!("?shop={here}")), "{}", form.to);
    let elsewhere =
        crate::site::Form { to: form.to.replace(&here.to_string(), &other.to_string()), ..form.clone() };
    buyer.send(&elsewhere).is(404).shows("This code belongs to another shop");
    buyer.send(&form).is(200).shows("Who is paying?");
    site.clock.advance_seconds(6 * 60);
    buyer.get(&path).is(410).shows("This code is too old");
    let page = owner.get("/desk/codes");
    page.shows("expired");
    let (path, id) = code(&mut owner, "100", "Tea");
    let form = owner.get(&format!("/desk/payments/{id}")).form("/cancel");
    let first = owner.send(&form);
    first.is(200).shows("Cancelled by the shop");
    assert_eq!(owner.send(&form).text(), first.text());
    buyer.get(&path).is(410).shows("The shop took this code back");
}

#[test]
fn a_refund_asks_for_the_password_and_happens_once() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, PIN)).shows("Paid");
    let detail = owner.get(&format!("/desk/payments/{id}"));
    let form = detail.form("/refund").with("reason", "one tin was dented");
    owner.send(&form.clone().with("amount", "100.01")).is(422).shows("More than can still be refunded");
    let ask = owner.send(&form.with("amount", "40"));
    ask.is(200).shows("Refund ¥40.00 to Li H.?").shows("¥60.00");
    assert_eq!(site.payment(id).refunded_minor, 0);
    let wrong = owner.send(&ask.form("/refund").with("password", "not the password at all"));
    wrong.is(403).shows("That password is not right");
    let form = wrong.form("/refund").with("password", PASSWORD);
    let done = owner.send(&form);
    done.is(200).shows("partly refunded").shows("one tin was dented");
    assert_eq!(owner.send(&form).text(), done.text());
    assert_eq!(site.payment(id).refunded_minor, 4_000);
    owner.get("/desk/refunds").is(200).shows("¥40.00").shows("Mei Lin").shows("one tin was dented");
    buyer.get(&format!("/pay/{id}")).shows("Partly refunded");
    site.prove();
}

#[test]
fn an_api_key_shows_its_secret_once() {
    let (_site, mut owner) = opened(Outcome::Allow);
    let form = owner.get("/desk/api-keys").is(200).form("/desk/api-keys").with("name", "web shop");
    let made = owner.send(&form);
    made.is(200).shows("tw_live_").shows("web shop");
    let again = owner.send(&form);
    assert!(!again.html.contains("tw_live_"));
    assert_eq!(again.html.matches("Revoke web shop").count(), 1);
    owner.send(&again.form("/revoke")).is(200).shows("revoked");
}

#[test]
fn az_1_who_is_not_signed_in_is_asked_to_and_comes_back() {
    let (site, _) = opened(Outcome::Allow);
    let mut nobody = site.browser();
    for path in [
        "/desk",
        "/desk/payments?state=paid",
        "/desk/codes",
        "/desk/reviews",
        "/desk/refunds",
        "/desk/api-keys",
    ] {
        let page = nobody.get(path);
        page.is(200).shows("Sign in");
        assert_eq!(page.form("/sign-in").fields["next"], path);
    }
    for path in ["/me", "/pay/pay_00000000000000000000000000000000"] {
        let page = nobody.get(path);
        assert!(page.path.starts_with("/me/sign-in") || page.status == 404, "{}", page.path);
    }
    let page = nobody.get("/desk/codes");
    let form = page.form("/sign-in").with("email", "mei@shop.example");
    nobody.send(&form.clone().with("password", "wrong password wrong")).is(403).shows("do not match");
    let page = nobody.send(&form.with("password", PASSWORD));
    page.is(200).shows("One more step");
    nobody.get("/desk").shows("Sign in");
    let page = site.enter(&mut nobody, page);
    page.is(200).shows("No codes yet");
    let signed_out = nobody.send(&page.form("/sign-out"));
    signed_out.is(200).shows("Sign in");
    nobody.get("/desk").shows("Sign in");
    // Where to go on never leaves this site.
    for evil in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        let page = nobody.get(&format!("/sign-in?next={evil}"));
        let form = page
            .form("/sign-in")
            .with("email", "mei@shop.example")
            .with("password", PASSWORD)
            .with("next", evil);
        let answer = nobody.clone().send_once(&form);
        assert_eq!(answer.headers[header::LOCATION], "/sign-in/step?next=%2Fdesk");
    }
}

#[test]
fn az_2_a_role_opens_its_own_pages_alone() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (_, id) = code(&mut owner, "100", "Tea");
    let shop = base::ScopedId::shop(&id);
    site.member(shop, "cashier@shop.example", Role::Cashier);
    site.member(shop, "risk@shop.example", Role::Risk);
    let sign_in = |email: &str| {
        let mut member = site.browser();
        let form = member.get("/sign-in").form("/sign-in").with("email", email).with("password", PASSWORD);
        let page = member.send(&form);
        site.enter(&mut member, page).is(200);
        member
    };
    let mut cashier = sign_in("cashier@shop.example");
    for (path, status) in
        [("/desk/reviews", 403), ("/desk/api-keys", 403), ("/desk/codes/new", 200), ("/desk", 200)]
    {
        cashier.get(path).is(status);
    }
    cashier.get("/desk/reviews").shows("Your role does not include this page");
    let form = cashier.get(&format!("/desk/payments/{id}")).form("/cancel");
    let refund = crate::site::Form { to: format!("/desk/payments/{id}/refund"), ..form };
    cashier.send(&refund.with("amount", "1").with("reason", "x")).is(403);
    let mut risk = sign_in("risk@shop.example");
    for (path, status) in [("/desk/reviews", 200), ("/desk/codes/new", 403), ("/desk/api-keys", 403)] {
        risk.get(path).is(status);
    }
}

#[test]
fn az_4_another_shops_things_do_not_exist() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (_, id) = code(&mut owner, "100", "Tea");
    let code_id = site.payment(id).code();
    let other = site.shop("Other");
    site.member(other, "other@shop.example", Role::Owner);
    let mut stranger = site.browser();
    let form = stranger
        .get("/sign-in")
        .form("/sign-in")
        .with("email", "other@shop.example")
        .with("password", PASSWORD);
    let page = stranger.send(&form);
    let home = site.enter(&mut stranger, page);
    home.is(200);
    for path in [
        format!("/desk/payments/{id}"),
        format!("/desk/payments/{id}/proof"),
        format!("/desk/reviews/{id}"),
        format!("/desk/codes/{code_id}"),
        format!("/desk/codes/{code_id}/print"),
        format!("/desk/codes/{code_id}/image.svg"),
        format!("/desk/codes/{code_id}/live"),
    ] {
        stranger.get(&path).is(404).shows("This page does not exist");
    }
    let button = home.form("/sign-out");
    for path in [format!("/desk/payments/{id}/cancel"), format!("/desk/codes/{code_id}/withdraw")] {
        let form = crate::site::Form { to: path, ..button.clone() };
        stranger.send(&form).is(404);
    }
    let searched = stranger.get(&format!("/desk/payments?q={id}"));
    searched.is(200).shows("No payment matches");
    assert_eq!(site.payment(id).stored_state, State::Waiting);
}

#[test]
fn az_5_another_buyers_payment_does_not_exist() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, PIN)).shows("Paid");
    let (path, _) = code(&mut owner, "5", "Tea");
    let (mut stranger, _) = at_pin(&site, &path, "wang@mail.example");
    for rest in ["", "/proof", "/not-me", "/live"] {
        stranger.get(&format!("/pay/{id}{rest}")).is(404);
    }
}

#[test]
fn csrf_1_forms_need_their_token_and_their_own_site() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (_, id) = code(&mut owner, "100", "Tea");
    let form = owner.get(&format!("/desk/payments/{id}")).form("/cancel");
    let refused = |page: Page| {
        page.is(403).shows("This page was open for too long");
    };
    refused(owner.send(&form.clone().without("csrf")));
    refused(owner.send(&form.clone().with("csrf", "x.y")));
    // A token of another browser.
    let mut other = site.browser();
    let theirs = other.get("/sign-in").form("/sign-in").fields["csrf"].clone();
    refused(owner.send(&form.clone().with("csrf", &theirs)));
    for origin in [
        vec![("origin", "https://evil.example")],
        vec![("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "null")],
        vec![],
    ] {
        refused(owner.send_from(&form, &origin));
    }
    assert_eq!(site.payment(id).stored_state, State::Waiting);
    owner.send(&form).shows("Cancelled by the shop");
}

#[test]
fn hostile_words_stay_words_on_every_page() {
    let evil = "\"><script>alert(1)</script>'&lt;";
    let (site, mut owner) = opened(Outcome::Review);
    let (path, id) = code(&mut owner, "100", evil);
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    let waits = buyer.send(&settle(&page, PIN));
    let code_id = site.payment(id).code();
    let mut pages = vec![
        page,
        waits,
        buyer.get("/me"),
        site.browser().get(&format!("/p/{evil}").replace(['<', '>', '"', ' '], "%3C")),
    ];
    for path in [
        "/desk".to_owned(),
        "/desk/payments".to_owned(),
        "/desk/payments?q=%22%3E%3Cscript%3E&state=%22%3E%3Cscript%3E&from=%22%3E%3Cscript%3E&sort=%3Cscript%3E".to_owned(),
        format!("/desk/payments/{id}"),
        "/desk/codes".to_owned(),
        format!("/desk/codes/{code_id}"),
        "/desk/reviews".to_owned(),
        "/sign-in?next=%22%3E%3Cscript%3E".to_owned(),
        "/me/sign-in?next=/%22%3E%3Cscript%3E".to_owned(),
    ] {
        pages.push(owner.get(&path));
    }
    let queue =
        owner.get("/desk/reviews").form("/desk/reviews/").with("decision", "approve").with("note", evil);
    pages.push(owner.send(&queue));
    for page in pages {
        assert!(!page.html.contains("<script>alert"), "{}", page.path);
        assert!(!page.html.contains("\"><script"), "{}", page.path);
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{}", page.path);
    }
    let csv = owner.get("/desk/payments.csv");
    assert!(csv.headers[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
}

#[test]
fn lists_are_filtered_sorted_and_paged_by_their_address() {
    for scratch in Scratch::each() {
        check_lists(open(Site::on(scratch, screen(Outcome::Allow))));
    }
}

fn check_lists((site, mut owner): (Site, Browser)) {
    for n in 1..=55 {
        let line = format!("Tin {n}");
        code(&mut owner, &format!("{n}"), &line);
        site.clock.advance_seconds(1);
    }
    let page = owner.get("/desk/payments");
    page.is(200).shows("Tin 55");
    assert!(!page.html.contains(">Tin 5<"));
    let next = page
        .html
        .split("rel=\"next\" href=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .replace("&amp;", "&");
    owner.get(&next).is(200).shows(">Tin 5<").shows("First page");
    owner.get("/desk/payments?sort=amount-up").shows(">Tin 1<");
    owner.get("/desk/payments?q=12.00").is(200).shows("Tin 12<").shows("¥12.00");
    owner.get("/desk/payments?q=nothing").shows("No payment matches");
    owner.get("/desk/payments?state=paid").shows("No payment matches");
    site.clock.advance_seconds(255);
    // The first ones have run out by now.
    owner.get("/desk/payments?state=expired").shows(">Tin 1<");
    owner.get("/desk/payments?state=created").shows("Tin 55");
    owner.get("/desk/payments?from=2026-03-02").shows("No payment matches");
    owner.get("/desk/payments?from=2026-03-01&to=2026-03-01").shows("Tin 55");
    let csv = owner.get("/desk/payments.csv?sort=amount-up");
    assert_eq!(csv.html.lines().count(), 56);
    for path in ["/desk", "/desk/codes", "/desk/refunds", "/desk/reviews", "/desk/payments?sort=amount-down"]
    {
        owner.get(path).is(200);
    }
}

#[test]
fn ses_1_idle_sessions_ask_again() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, PIN)).shows("Paid");
    site.clock.advance_seconds(6 * 60);
    let asleep = buyer.get(&format!("/pay/{id}"));
    asleep.is(200).shows("Welcome back");
    assert!(!asleep.html.contains("¥100.00"));
    buyer.send(&asleep.form("/me/wake").with("pin", WRONG_PIN)).is(403).shows("tries are left");
    buyer.send(&asleep.form("/me/wake").with("pin", WRONG_PIN)).shows("tries are left");
    let asleep = buyer.get("/me");
    buyer.send(&asleep.form("/me/wake").with("pin", PIN)).is(200).shows("Your payments");
    site.clock.advance_seconds(16 * 60);
    owner.get("/desk").shows("Sign in");
}

#[test]
fn a_buyer_can_say_that_it_was_not_me() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut buyer, page) = at_pin(&site, &path, BUYER);
    buyer.send(&settle(&page, PIN)).shows("This was not me");
    let ask = buyer.get(&format!("/pay/{id}/not-me"));
    buyer.send(&ask.form("/not-me")).is(200).shows("Your account is frozen");
    let (path, id) = code(&mut owner, "100", "Tea");
    let page = buyer.get(&path);
    let page = buyer.send(&page.form("/p/"));
    buyer.send(&settle(&page, PIN)).is(403).shows("Your account is frozen");
    assert_eq!(site.payment(id).stored_state, State::Waiting);
}

#[test]
fn set_up_works_once_and_judges_the_password() {
    let site = Site::new(screen(Outcome::Allow));
    let path = site.setup_path();
    let mut owner = site.browser();
    let page = owner.get(&path);
    let form = page.form("/setup/").with("shop", "Tea").with("city", "Hangzhou").with("name", "Mei");
    let form = form.with("email", "mei@shop.example");
    owner.send(&form.clone().with("password", "short")).is(422).shows("At least 15 characters");
    owner
        .send(&form.clone().with("password", PASSWORD).with("email", "no"))
        .is(422)
        .shows("Enter an e-mail address");
    let weak = owner.send(&form.clone().with("password", "aaaaaaaaaaaaaaaaaa"));
    weak.is(422).shows("does not repeat itself");
    assert!(!weak.html.contains("aaaaaaaaaaaaaaaaaa"));
    let form = form.with("password", PASSWORD);
    owner.send(&form).is(200).shows("Set up a second step");
    let page = owner.send(&form);
    page.is(200).shows("Set up a second step");
    site.enter(&mut owner, page).is(200).shows("No payments yet");
    site.browser().get(&path).is(410).shows("This link does not work any more");
    let shops = site.read(|tx| identity::list_shops(tx, 10).map_err(|e| store::Error::Bug(e.to_string())));
    assert_eq!(shops.len(), 1);
}

#[test]
fn both_languages_are_spoken_and_the_choice_stays() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, _) = code(&mut owner, "100", "Tea");
    let mut buyer = site.browser();
    buyer.lang = "zh-CN,zh;q=0.9";
    buyer.get(&path).is(200).shows("lang=\"zh-Hans\"").shows("付款");
    let mut buyer = site.browser();
    buyer.get(&format!("{path}?lang=zh")).shows("付款 ¥100.00");
    buyer.get(&path).shows("付款 ¥100.00");
    buyer.get("/p/abc").is(404).shows("无法识别此码");
    buyer.get("/nowhere").is(404).shows("lang=\"zh-Hans\"");
    owner.get("/desk?lang=zh").shows("概览").shows("账目分毫不差");
    owner.get("/desk/codes/new").shows("新建收款码");
}

#[test]
fn unknown_contacts_cannot_be_told_from_known_ones() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, _) = code(&mut owner, "100", "Tea");
    at_pin(&site, &path, BUYER);
    let mut texts = Vec::new();
    for email in [BUYER, "la.hub@mail.example"] {
        let mut buyer = site.browser();
        let page = buyer.get("/me/sign-in");
        let page = buyer.send(&page.form("/me/sign-in").with("contact", email));
        page.is(200);
        texts.push(page.text());
    }
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn pw_5_who_signs_up_with_a_known_contact_is_told_after_the_code_that_the_account_and_its_pin_are_the_old_ones()
 {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, _) = code(&mut owner, "100", "Tea");
    at_pin(&site, &path, BUYER);
    let mut again = site.browser();
    let page = again.get("/me/new");
    let form = page.form("/me/new").with("contact", BUYER).with("name", "Li Hua");
    let page = again.send(&form.with("pin", "305871").with("pin_again", "305871"));
    let before = page.is(200).shows("Enter the code").text();
    assert!(!before.contains("already"), "nothing is told before the code: {before}");
    let page = again.send(&page.form("/me/code").with("code", &site.mailed_code()));
    page.is(200).shows("You had an account already").shows("the one you chose for it earlier");
    assert!(page.path.starts_with("/me/known?next="), "{}", page.path);
    assert!(page.html.contains("href=\"/me/pin/forgot?next=%2Fme\""), "the way to set it anew");
    let mut nobody = site.browser();
    assert!(nobody.get("/me/known").path.starts_with("/me/sign-in"), "only who is signed in");
}

#[test]
fn v7_4_4_every_page_of_somebody_signed_in_has_a_sign_out() {
    let (site, _) = opened(Outcome::Allow);
    let shop = site.shop("Green Tea House");
    site.member(shop, "new@shop.example", Role::Cashier);
    let mut cashier = site.browser();
    let form = cashier.get("/sign-in").form("/sign-in").with("email", "new@shop.example");
    assert!(!cashier.get("/sign-in").html.contains("action=\"/sign-out\""), "nobody is signed in yet");
    let page = cashier.send(&form.with("password", PASSWORD));
    assert!(page.path.starts_with("/sign-in/factor"), "{}", page.path);
    page.is(200).shows("Sign out");
    assert!(
        !page.html.contains("Use a passkey"),
        "the first factor brings recovery codes, which a passkey's page does not"
    );
    let passkey = cashier.get("/desk/security/passkey?next=%2Fdesk%2Fcodes");
    passkey.is(200).shows("Sign out");
    assert!(passkey.html.contains("data-options=\"/desk/security/passkey/options\""));
    let app = cashier.send(&page.form("/sign-in/factor/app"));
    app.is(200).shows("Sign out");
    let out = cashier.send(&app.form("/sign-out"));
    assert!(out.path.starts_with("/sign-in"), "{}", out.path);
    assert!(cashier.get("/desk").path.starts_with("/sign-in"), "it ended");
}
