//! One's own account, and a shop's people, through the whole router: freezing and taking it back, devices, PIN and
//! password; inviting, changing and removing members.

use identity::{Actor, BuyerState, Freeze, Role};
use risk::Outcome;

use crate::pages::{BUYER, at_pin, code, opened};
use crate::site::{Browser, PASSWORD, Site};
use crate::world::{PIN, WRONG_PIN};

/// Another device of the buyer.
fn second_device(site: &Site) -> Browser {
    let mut browser = site.browser();
    let form = browser.get("/me/sign-in").form("/me/sign-in").with("contact", BUYER);
    let page = browser.send(&form);
    let form = page.form("/me/code").with("code", &site.mailed_code());
    browser.send(&form).is(200);
    browser
}

/// A shop, a buyer with two devices, and the page before the PIN on the first.
fn buyer_with_two_devices() -> (Site, Browser, crate::site::Page, Browser) {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, _) = code(&mut owner, "100", "Tea");
    let (first, page) = at_pin(&site, &path, BUYER);
    let second = second_device(&site);
    (site, first, page, second)
}

#[test]
fn c15_freezing_everything_stops_payments_and_signs_other_devices_out() {
    let (_site, mut phone, pin_page, mut tablet) = buyer_with_two_devices();
    let account = tablet.get("/me/account");
    account.is(200).shows("Li Hua").shows("Ready to pay").shows("2 signed in");
    let page = tablet.get("/me/freeze");
    page.is(200).shows("The other device is signed out");
    let page = tablet.send(&page.form("/me/freeze"));
    page.is(200).shows("Your account is frozen").shows("Take the freeze back");
    assert!(phone.get("/me").path.starts_with("/me/sign-in"), "the phone is signed out");
    let refused = phone.send(&pin_page.form("/confirm").with("pin", PIN));
    assert!(!refused.html.contains("Paid"), "{}", refused.text());
    // The second submit of the same form changes nothing, and the way back needs the PIN.
    let form = tablet.get("/me/freeze").form("/me/thaw").with("pin", WRONG_PIN);
    let wrong = tablet.send(&form);
    wrong.is(403).shows("4 tries are left");
    let right = tablet.send(&wrong.form("/me/thaw").with("pin", PIN));
    right.is(200).shows("Ready to pay");
}

#[test]
fn a_freeze_is_taken_back_with_a_fresh_proof_only() {
    let (site, _, _, mut tablet) = buyer_with_two_devices();
    let page = tablet.get("/me/freeze");
    let frozen = tablet.send(&page.form("/me/freeze"));
    let old_form = frozen.form("/me/thaw").with("pin", PIN);
    for _ in 0..4 {
        site.clock.advance_seconds(240);
        tablet.get("/me/account").is(200);
    }
    tablet.get("/me/freeze").is(200).shows("first show that it is you");
    // A form from before is refused as well.
    tablet.send(&old_form).is(200).shows("first show that it is you");
    assert_eq!(state(&site), BuyerState::Frozen);
}

#[test]
fn c15_who_has_no_second_step_takes_a_freeze_back_with_a_code_and_the_pin() {
    let (site, _, _, mut tablet) = buyer_with_two_devices();
    let page = tablet.get("/me/freeze");
    tablet.send(&page.form("/me/freeze"));
    for _ in 0..4 {
        site.clock.advance_seconds(240);
        tablet.get("/me/account").is(200);
    }
    let page = tablet.get("/me/freeze");
    let page = tablet.get(&before(&page.html, "Show that it is me"));
    let page = tablet.send(&page.form("/me/again/code"));
    let code = code_of(&mailed(&site, "sent_code"));
    let page = tablet.send(&page.form("/me/again").with("code", &code));
    page.is(200).shows("Take the freeze back");
    tablet.send(&page.form("/me/thaw").with("pin", PIN)).is(200).shows("Ready to pay");
    assert_eq!(state(&site), BuyerState::Active);
}

#[test]
fn c16_a_changed_contact_is_stopped_from_the_old_one_by_a_page_that_asks_for_nothing() {
    let (site, mut phone, _, mut tablet) = buyer_with_two_devices();
    let page = phone.get("/me/contact");
    let page = phone.send(&page.form("/me/contact").with("contact", "thief").with("pin", PIN));
    page.is(422).shows("Enter an e-mail address");
    let page =
        phone.send(&page.form("/me/contact").with("contact", "thief@b.example").with("pin", WRONG_PIN));
    page.is(403).shows("4 tries are left");
    let page = phone.send(&page.form("/me/contact").with("contact", "thief@b.example").with("pin", PIN));
    page.is(200).shows("t•••@b.example");
    let code = code_of(&mailed(&site, "sent_code"));
    let wrong = phone.send(&page.form("/me/contact/set").with("code", "000000"));
    wrong.is(403);
    phone.send(&wrong.form("/me/contact/set").with("code", &code)).is(200).shows("t•••@b.example");
    assert!(tablet.get("/me/account").path.starts_with("/me/sign-in"), "other devices are signed out");
    let told = mailed_to(&site, BUYER, "contact_changed");
    let link = told.split("https://pay.example").nth(1).unwrap().split_whitespace().next().unwrap();
    let mut owner = site.browser();
    for _ in 0..2 {
        owner.get(link).is(200).shows("changed the address or number").shows("opens your account no longer");
    }
    assert_eq!(state_of(&site, "thief@b.example"), BuyerState::Active, "looking does nothing");
    let page = owner.get(link);
    owner.send(&page.form("/freeze/")).is(200).shows("Your account is frozen").shows("put your own back");
    owner.get(link).is(410);
    assert!(phone.get("/me/account").path.starts_with("/me/sign-in"));
}

fn state(site: &Site) -> BuyerState {
    state_of(site, BUYER)
}

fn state_of(site: &Site, contact: &str) -> BuyerState {
    let id = site.buyer(contact);
    site.write(move |tx, _| identity::find_buyer(tx, id)).unwrap().state
}

#[test]
fn what_the_house_stopped_its_owner_cannot_set_free() {
    let (site, _, _, mut tablet) = buyer_with_two_devices();
    let id = site.buyer(BUYER);
    let page = tablet.get("/me/freeze");
    let own = tablet.send(&page.form("/me/freeze")).form("/me/thaw").with("pin", PIN);
    site.write(move |tx, means| identity::set_frozen(tx, means, &Actor::Operator, id, Freeze::Freeze));
    let page = tablet.get("/me/freeze");
    page.is(200).shows("Ask whoever runs this service");
    assert!(!page.html.contains("/me/thaw"));
    tablet.send(&own).is(200);
    assert_eq!(state(&site), BuyerState::Held);
}

#[test]
fn a_buyer_sees_each_balance_and_what_confirms_a_payment_and_no_method_that_is_not_there() {
    let (site, mut phone, _, _) = buyer_with_two_devices();
    site.top_up(site.buyer(BUYER), base::Money::new(2_050, base::Currency::EUR));
    let account = phone.get("/me/account");
    let page = phone.get(&before(&account.html, "Payment methods"));
    page.is(200)
        .shows("Stored balance")
        .shows("20.50")
        .shows("Payment PIN")
        .shows("No card and no bank account");
    assert!(!page.html.contains("/remove"), "there is no passkey");
    phone.get("/me").is(200).shows("20.50");
    site.clock.advance_seconds(300);
    let asleep = phone.get("/me/methods");
    assert!(asleep.path.starts_with("/me/wake"), "{}", asleep.path);
    let mut stranger = site.browser();
    assert!(stranger.get("/me/methods").path.starts_with("/me/sign-in"));
}

#[test]
fn c14_a_buyer_sees_and_ends_the_own_sessions_alone() {
    let (site, mut phone, _, mut tablet) = buyer_with_two_devices();
    let page = tablet.get("/me/devices");
    page.is(200).shows("this device").shows("Sign out everywhere but here");
    let form = page.form("/end");
    tablet.send(&form).is(200);
    assert!(phone.get("/me").path.starts_with("/me/sign-in"));
    tablet.get("/me/devices").is(200);
    // Another buyer's session is not found by its id.
    let mut stranger = site.browser();
    assert!(stranger.get("/me/devices").path.starts_with("/me/sign-in"));
}

#[test]
fn a_pin_is_changed_with_the_old_one_and_never_to_a_weak_one() {
    let (_site, mut phone, _, _) = buyer_with_two_devices();
    let form = |page: &crate::site::Page, old: &str, new: &str| {
        page.form("/me/pin").with("old", old).with("pin", new).with("pin_again", new)
    };
    let page = phone.get("/me/pin");
    let page = phone.send(&form(&page, PIN, "123456"));
    page.is(422).shows("harder to guess");
    let page = phone.send(&form(&page, WRONG_PIN, "618204"));
    page.is(422).shows("4 tries are left");
    let unlike = page.form("/me/pin").with("old", PIN).with("pin", "618204").with("pin_again", "618205");
    let page = phone.send(&unlike);
    page.is(422).shows("not the same");
    phone.send(&form(&page, PIN, "618204")).is(200).shows("Ready to pay");
    phone.get("/me/activity").is(200).shows("The PIN was set").shows("Chrome on Android");
}

/// The newest message of a kind.
fn mailed(site: &Site, template: &str) -> String {
    find_mail(site, |mail| mail.template == template)
}

/// The code that a message begins with.
fn code_of(text: &str) -> String {
    text.split(' ').next().unwrap().to_owned()
}

fn mailed_to(site: &Site, address: &str, template: &str) -> String {
    find_mail(site, |mail| mail.template == template && mail.recipient.expose() == address)
}

fn find_mail(site: &Site, wanted: impl Fn(&identity::DueMail) -> bool) -> String {
    let mails = site.write(|tx, means| {
        let mails = identity::take_due(tx, means, 100)?;
        for mail in &mails {
            identity::mark_sent(tx, mail.shop, &mail.id)?;
        }
        Ok::<_, identity::Fault>(mails)
    });
    mails.iter().rfind(|mail| wanted(mail)).expect("a mail").body.expose().clone()
}

#[test]
fn pin_2_a_locked_pin_is_set_anew_from_the_pay_page_and_pays_after_a_day() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, id) = code(&mut owner, "100", "Tea");
    let (mut phone, mut page) = at_pin(&site, &path, BUYER);
    page.shows("Forgot your PIN?");
    for _ in 0..4 {
        page = phone.send(&page.form("/confirm").with("pin", WRONG_PIN));
    }
    let locked = phone.send(&page.form("/confirm").with("pin", WRONG_PIN));
    locked.is(403).shows("Your PIN is locked").shows("Set a new PIN");
    let account = phone.get("/me/account");
    account.is(200).shows("PIN locked").shows("/me/pin/forgot");
    let ask = phone.get(&before(&locked.html, "Set a new PIN"));
    let sent = phone.send(&ask.is(200).shows("does not pay").form("/me/pin/forgot"));
    let digits = code_of(&mailed(&site, "sent_code"));
    let set = |page: &crate::site::Page, code: &str, new: &str| {
        page.form("/forgot/set").with("code", code).with("pin", new).with("pin_again", new)
    };
    let page = phone.send(&set(&sent, "", "618204"));
    page.is(422).shows("six digits");
    let page = phone.send(&set(&page, &digits, "123456"));
    page.is(403).shows("harder to guess");
    let before = phone.cookies.clone();
    let done = phone.send(&set(&page, &digits, "618204"));
    done.is(200).shows("Your new PIN is set").shows("pays nothing for a day");
    assert_ne!(before.get("__Host-tw_buyer"), phone.cookies.get("__Host-tw_buyer"));
    // The page leads back to the payment, which the new PIN does not pay yet.
    let page = phone.get(&format!("/pay/{id}"));
    let held = phone.send(&page.form("/confirm").with("pin", "618204"));
    held.is(403).shows("Not yet with this PIN").shows("No money has moved");
    phone.get("/me/account").is(200).shows("Ready to pay").shows("pays nothing for a day");
    assert_eq!(site.payment(id).stored_state, payments::State::Waiting);
    site.clock.advance_seconds(86_400);
    let (path, _) = code(&mut signed_in_again(&site, owner), "100", "Tea");
    let page = phone.get(&path);
    let page = phone.send(&page.form("/p/"));
    phone.send(&page.form("/confirm").with("pin", "618204")).is(200).shows("Paid");
}

/// Where the link around these words leads.
fn before(html: &str, words: &str) -> String {
    let link = html.split(words).next().unwrap().rsplit("href=\"").next().unwrap();
    link.split('"').next().unwrap().replace("&amp;", "&")
}

/// The owner after a day away.
fn signed_in_again(site: &Site, mut owner: Browser) -> Browser {
    let page = owner.get("/sign-in");
    let form = page.form("/sign-in").with("email", "mei@shop.example").with("password", PASSWORD);
    let page = owner.send(&form);
    site.enter(&mut owner, page).is(200);
    owner
}

#[test]
fn c15_the_link_in_the_notice_of_a_new_pin_freezes_and_opening_it_does_nothing() {
    let (site, mut phone, _, mut tablet) = buyer_with_two_devices();
    site.clock.advance_seconds(301);
    // Whoever forgot the PIN cannot wake the session with it, and sets a new one all the same.
    let asleep = tablet.get("/me/account");
    let ask = tablet.get(&before(&asleep.shows("Welcome back").html, "Forgot your PIN?"));
    let sent = tablet.send(&ask.is(200).form("/me/pin/forgot"));
    let digits = mailed(&site, "sent_code").split(' ').next().unwrap().to_owned();
    let form =
        sent.form("/forgot/set").with("code", &digits).with("pin", "618204").with("pin_again", "618204");
    tablet.send(&form).is(200).shows("Your new PIN is set");
    assert!(phone.get("/me").path.starts_with("/me/sign-in"), "other devices are signed out");
    let notice = mailed(&site, "pin_reset");
    let link = notice.split("https://pay.example").nth(1).unwrap().split_whitespace().next().unwrap();
    let mut owner = site.browser();
    owner.get(link).is(200);
    let page = owner.get(link);
    page.is(200).shows("Was this not you?");
    assert_eq!(state(&site), BuyerState::Active, "opening the page does nothing");
    owner.send(&page.form("/freeze/")).is(200).shows("Your account is frozen");
    assert_eq!(state(&site), BuyerState::Held);
    assert!(tablet.get("/me").path.starts_with("/me/sign-in"));
    owner.get(link).is(410).shows("does not work any more");
}

#[test]
fn v6_4_3_a_member_who_forgot_the_password_sets_it_anew_and_gives_the_second_factor() {
    let (site, mut owner) = opened(Outcome::Allow);
    let mut browser = site.browser();
    let page = browser.get("/sign-in");
    let page = browser.get(&before(&page.html, "Forgot your password?"));
    browser
        .send(&page.form("/sign-in/forgotten").with("email", "mei"))
        .is(422)
        .shows("Enter an e-mail address");
    let known = browser.send(&page.form("/sign-in/forgotten").with("email", "mei@shop.example"));
    let page = browser.get("/sign-in/forgotten");
    let unknown = browser.send(&page.form("/sign-in/forgotten").with("email", "nobody@shop.example"));
    assert_eq!(known.is(200).shows("Look into your mail").text(), unknown.is(200).text());
    let answered = site.write(|tx, means| identity::answer_password_resets(tx, means, 10));
    assert_eq!(answered, 2, "the one of nobody as well");
    let letter = mailed(&site, "password_reset");
    let link = letter.split("https://pay.example").nth(1).unwrap().split_whitespace().next().unwrap();
    let page = browser.get(link);
    page.is(200).shows("Choose a new password").shows("mei@shop.example");
    let page = browser.send(&page.form("/reset/").with("password", "short"));
    page.is(422);
    let set = browser.send(&page.form("/reset/").with("password", "seven lamps under the bridge"));
    set.is(200).shows("Your new password is set").shows("Sign in");
    assert!(owner.get("/desk").path.starts_with("/sign-in"), "every session ended");
    let form = set.form("/sign-in").with("email", "mei@shop.example");
    browser.send(&form.clone().with("password", PASSWORD)).is(403);
    let step = browser.send(&form.with("password", "seven lamps under the bridge"));
    assert!(step.path.starts_with("/sign-in/step"), "{}", step.path);
    site.enter(&mut browser, step).is(200).shows("Green Tea House");
    browser.get(link).is(410).shows("does not work any more");
}

#[test]
fn v6_4_4_a_colleagues_second_step_is_reset_from_the_page_with_a_second_person() {
    let (site, mut owner) = opened(Outcome::Allow);
    let shops = site.write(|tx, _| identity::list_shops(tx, 10));
    let shop = shops.iter().find(|shop| shop.name == "Green Tea House").unwrap().id;
    let cashier = site.member(shop, "lost@shop.example", Role::Cashier);
    let href = format!("/desk/members/{cashier}");
    let page = owner.get(&href);
    page.is(200).shows("Lost every second step?");
    owner.send(&page.form("/factors")).is(200).shows("Nobody else here can approve this");
    let second = site.member(shop, "second@shop.example", Role::Owner);
    let page = owner.get(&href);
    let waits = owner.send(&page.form("/factors"));
    waits.is(200).shows("This waits for a second person");
    site.write(move |tx, means| {
        let agent = identity::Label::from_agent("test");
        let opened = identity::open_trusted_member_session(tx, means, second, &agent)?;
        let session = identity::require_member(tx, &opened.token, means.now);
        let actor = Actor::Member(session.map_err(|e| store::Error::Bug(e.to_string()))?);
        let open = identity::approvals::list_approvals(tx, &actor, shop, means.now);
        for row in open.map_err(|e| store::Error::Bug(e.to_string()))? {
            let done = identity::approvals::approve(tx, means, &actor, shop, row.id);
            done.map_err(|e| store::Error::Bug(e.to_string()))?;
        }
        Ok::<_, identity::Fault>(())
    });
    owner.send(&waits.form("/factors")).is(200).shows("The link is on its way").shows("invited");
    assert!(mailed(&site, "restart").contains("https://pay.example/setup/"));
}

#[test]
fn a_shop_asks_buyers_for_more_than_the_pin_above_an_amount_and_says_so() {
    let (site, mut owner) = opened(Outcome::Allow);
    let page = owner.get("/desk/buyer-policy");
    page.is(200).shows("Buyers pay every amount");
    let page = owner.send(&page.form("/desk/buyer-policy").with("above", "much"));
    page.is(422).shows("Enter an amount such as");
    owner.send(&page.form("/desk/buyer-policy").with("above", "50")).is(200).shows("Above");
    let (small, _) = code(&mut owner, "50", "Tea");
    let (mut phone, page) = at_pin(&site, &small, BUYER);
    phone.send(&page.form("/confirm").with("pin", PIN)).is(200).shows("Paid");
    let (dear, id) = code(&mut owner, "50.01", "Tea");
    let page = phone.get(&dear);
    let page = phone.send(&page.form("/p/"));
    page.is(200).shows("asks for a passkey or your second step").shows("Set up a second step");
    assert!(!page.html.contains("name=\"pin\""), "the PIN alone is not asked for");
    // Setting an app up is a second step given just now, and leads back to the payment.
    let ways = phone.get(&before(&page.html, "Set up a second step"));
    let codes = site.enter(&mut phone, ways);
    assert!(codes.path.starts_with(&format!("/pay/{id}")), "{}", codes.path);
    let page = phone.get(&format!("/pay/{id}"));
    page.is(200).shows("asks for a passkey or your second step");
    phone.send(&page.form("/confirm").with("pin", PIN)).is(200).shows("Paid");
    site.clock.advance_seconds(250);
    let (dear, id) = code(&mut owner, "50.01", "Tea");
    let page = phone.get(&dear);
    let page = phone.send(&page.form("/p/"));
    let stale = page.form("/confirm").with("pin", PIN);
    site.clock.advance_seconds(50);
    phone.send(&stale).is(200).shows("Give the second step");
    assert_eq!(site.payment(id).stored_state, payments::State::Waiting);
}

#[test]
fn pw_2_a_listed_password_leads_to_another_one_before_anything_else() {
    let (site, mut owner) = opened(Outcome::Allow);
    let shops = site.write(|tx, _| identity::list_shops(tx, 10));
    let shop = shops.iter().find(|shop| shop.name == "Green Tea House").unwrap().id;
    let listed = "correct horse battery staple";
    let hash = identity::hash_password(&identity::Password::parse(listed).unwrap(), &base::Dice::System);
    site.write(move |tx, means| {
        let new = identity::NewMember {
            name: identity::PersonName::parse("Wang Fang").unwrap(),
            email: identity::Email::parse("wang@shop.example").unwrap(),
            grants: Role::Cashier.into(),
            lang: webkit::page::Lang::En,
        };
        let made = identity::create_member(tx, means, &Actor::System, shop, &new, &hash);
        made.map_err(|e| store::Error::Bug(e.to_string()))
    });
    owner.get("/desk").is(200);
    let mut cashier = site.browser();
    let form = cashier.get("/sign-in").form("/sign-in").with("email", "wang@shop.example");
    let page = cashier.send(&form.with("password", listed));
    page.is(200).shows("on the lists that thieves try first");
    assert!(page.path.starts_with("/desk/password"), "{}", page.path);
    for path in ["/desk", "/desk/security", "/desk/devices", "/sign-in/factor"] {
        assert!(cashier.get(path).path.starts_with("/desk/password"), "{path}");
    }
    let form = |new: &str| page.form("/desk/password").with("old", listed).with("password", new);
    cashier.send(&form(listed)).is(422);
    let before = cashier.cookies.get("__Host-tw_member").cloned();
    let on = cashier.send(&form("seven lamps under the bridge"));
    on.is(200);
    assert!(on.path.starts_with("/sign-in/factor"), "the second step is set up next: {}", on.path);
    assert_ne!(before, cashier.cookies.get("__Host-tw_member").cloned());
}

#[test]
fn ses_1_a_payment_from_a_sleeping_session_goes_on_under_a_new_token() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, _) = code(&mut owner, "100", "Tea");
    let (mut phone, _) = at_pin(&site, &path, BUYER);
    let before = phone.cookies.get("__Host-tw_buyer").cloned();
    site.clock.advance_seconds(301);
    let mut thief = phone.clone();
    let (path, _) = code(&mut owner, "50", "Tea");
    let page = phone.get(&path);
    let page = phone.send(&page.form("/p/"));
    phone.send(&page.form("/confirm").with("pin", PIN)).is(200).shows("Paid");
    assert_ne!(before, phone.cookies.get("__Host-tw_buyer").cloned());
    assert!(thief.get("/me").path.starts_with("/me/sign-in"), "the token of the sleeping session is gone");
}

#[test]
fn an_owner_invites_changes_and_removes_members_but_never_the_last_owner() {
    let (_site, mut owner) = opened(Outcome::Allow);
    let page = owner.get("/desk/members/new");
    let empty = owner.send(&page.form("/desk/members/new").with("name", "Wang Fang").with("email", "x"));
    empty.is(422).shows("Tick at least one role").shows("Enter an e-mail address");
    let form = page.form("/desk/members/new").with("name", "Wang Fang").with("email", "wang@shop.example");
    let list = owner.send(&form.with("role", "cashier"));
    list.is(200).shows("Wang Fang").shows("invited");
    let taken = owner.get("/desk/members/new").form("/desk/members/new").with("name", "Wang");
    let taken = owner.send(&taken.with("email", "wang@shop.example").with("role", "cashier"));
    taken.is(422).shows("is a member already");
    let href = link_to(&list.html, "Wang Fang");
    let page = owner.get(&href);
    page.is(200).shows("Withdraw the invitation");
    let page = owner.send(&page.form("/roles").with("role", "support"));
    page.is(200).shows("Support");
    let ask = owner.get(&format!("{href}/remove"));
    ask.is(200).shows("Remove Wang Fang from Green Tea House");
    owner.send(&ask.form("/remove")).is(200).shows("removed");
    let own = owner.get(&link_to(&list.html, "Mei Lin"));
    own.is(200).shows("Nobody else here may do everything");
    let kept = owner.send(&own.form("/roles").with("role", "cashier"));
    kept.is(422).shows("Nobody else here may do everything");
}

fn link_to(html: &str, name: &str) -> String {
    let before = html.split(&format!("\"><b>{name}</b></a>")).next().unwrap();
    before.rsplit("href=\"").next().unwrap().to_owned()
}

#[test]
fn az_1_a_cashier_neither_sees_nor_changes_members() {
    let (site, mut owner) = opened(Outcome::Allow);
    let members = owner.get("/desk/members");
    let form =
        owner.get("/desk/members/new").form("/desk/members/new").with("name", "Eve").with("role", "owner");
    let shops = site.write(|tx, _| identity::list_shops(tx, 10));
    let shop = shops.iter().find(|shop| shop.name == "Green Tea House").unwrap().id;
    site.member(shop, "till@shop.example", Role::Cashier);
    let mut till = site.browser();
    let door = till.get("/sign-in").form("/sign-in").with("email", "till@shop.example");
    let page = till.send(&door.with("password", PASSWORD));
    site.enter(&mut till, page).is(200);
    till.get("/desk/members").is(403);
    till.get("/desk/members/new").is(403);
    till.get(&link_to(&members.html, "Mei Lin")).is(403);
    till.send(&form.with("email", "eve@shop.example")).is(403);
    assert!(!till.get("/desk").html.contains("/desk/members"));
}

#[test]
fn a_password_is_changed_with_the_old_one_and_other_devices_are_signed_out() {
    let (site, mut owner) = opened(Outcome::Allow);
    let mut elsewhere = site.browser();
    let door = elsewhere.get("/sign-in").form("/sign-in").with("email", "mei@shop.example");
    let page = elsewhere.send(&door.with("password", PASSWORD));
    site.enter(&mut elsewhere, page).is(200);
    let new = "eight ferries cross the bay";
    let page = owner.get("/desk/password");
    let wrong = owner.send(&page.form("/desk/password").with("old", "not the old one").with("password", new));
    wrong.is(422).shows("That password is not right");
    let weak = owner.send(&page.form("/desk/password").with("old", PASSWORD).with("password", "short"));
    weak.is(422).shows("At least 8 characters");
    let form = owner.get("/desk/password").form("/desk/password").with("old", PASSWORD).with("password", new);
    owner.send(&form).is(200).shows("What opens this account");
    assert!(elsewhere.get("/desk").path.starts_with("/sign-in"));
    let mut again = site.browser();
    let door = again.get("/sign-in").form("/sign-in").with("email", "mei@shop.example");
    again.send(&door.with("password", PASSWORD)).is(403);
}

#[test]
fn the_meter_says_what_would_help_and_only_to_this_site() {
    let (_site, mut owner) = opened(Outcome::Allow);
    let form = owner.get("/desk/password").form("/desk/password");
    let form = crate::site::Form { to: "/password-strength".to_owned(), ..form }
        .without("csrf")
        .without("old")
        .with("password", "password");
    owner.send_once(&form).is(200).shows("Guessed at once").shows("thieves try first");
    let good = form.with("password", "eight ferries cross the bay at dawn");
    owner.send_once(&good).is(200).shows("Very good");
    let elsewhere = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    owner.send_from(&good, &elsewhere).is(403);
}

#[test]
fn coming_in_by_the_set_up_link_is_a_sign_in_and_its_device_is_known_from_then_on() {
    let (site, mut owner) = opened(Outcome::Allow);
    let list = owner.get("/desk/members");
    let rest = list.html.split("href=\"/desk/members/mem_").nth(1).expect("a member");
    let page = owner.get(&format!("/desk/members/mem_{}", rest.split('"').next().unwrap()));
    page.is(200).shows("Last sign-in");
    assert!(!page.html.contains("<dd>never</dd>"), "{}", page.text());

    let door = owner.get("/desk").form("/sign-out");
    owner.send(&door);
    let door = owner.get("/sign-in").form("/sign-in");
    let page = owner.send(&door.with("email", "mei@shop.example").with("password", PASSWORD));
    site.enter(&mut owner, page).is(200).shows("Green Tea House");
    let mails = site.write(|tx, means| identity::take_due(tx, means, 100));
    assert!(mails.iter().all(|mail| mail.template != "new_device"), "it is the device of the set-up");
}

#[test]
fn otp_3_a_page_shows_the_key_of_an_app_until_it_counts_and_never_again() {
    let (site, _, _, mut phone) = buyer_with_two_devices();
    let ways = phone.get("/me/factor");
    ways.is(200).shows("nobody who reads them gets in");
    let offer = phone.send(&ways.form("/factor/app"));
    let shown = offer.is(200).html.split("<code>").nth(1).and_then(|rest| rest.split("</code>").next());
    let shown = shown.expect("a key").to_owned();
    let key = identity::read_totp_key(&shown).unwrap();
    let confirm = |code: &str| offer.form("/factor/app/confirm").with("code", code);
    let code = identity::show_code(&key, site.clock.now()).unwrap().expose().clone();
    let done = phone.send(&confirm(&code));
    done.is(200).shows("Keep these codes");
    let again = phone.send(&confirm("000000"));
    let pages = ["/me/security", "/me/factor", "/me/account", "/me/activity"].map(|path| phone.get(path));
    let bare = shown.replace(' ', "");
    for page in pages.iter().chain([&done, &again]) {
        assert!(!page.html.contains(&shown) && !page.html.contains(&bare), "{}", page.path);
    }
}

#[test]
fn asvs_7_4_4_signing_out_is_in_reach_while_paying_and_on_the_receipt() {
    let (site, mut owner) = opened(Outcome::Allow);
    let (path, _) = code(&mut owner, "100", "Tea");
    let pay_page = site.browser().get(&path);
    assert!(!pay_page.is(200).html.contains("/me/sign-out"), "nobody is signed in");
    let (mut buyer, pin) = at_pin(&site, &path, BUYER);
    pin.form("/me/sign-out");
    let receipt = buyer.send(&pin.form("/confirm").with("pin", PIN));
    receipt.is(200).shows("Paid").form("/me/sign-out");
    let (path, _) = code(&mut owner, "5", "Tea");
    let pay_page = buyer.get(&path);
    pay_page.is(200).shows("Green Tea House");
    for page in ["/me", "/me/account", "/me/devices", "/me/security", "/me/activity", "/me/pin"] {
        buyer.get(page).is(200).form("/me/sign-out");
    }
    let door = buyer.send(&pay_page.form("/me/sign-out"));
    assert!(!door.is(200).html.contains("/me/sign-out"), "{}", door.text());
    assert!(buyer.get("/me").path.starts_with("/me/sign-in"));
}

#[test]
fn asvs_7_5_2_other_devices_are_signed_out_after_a_fresh_proof_alone() {
    let (site, mut phone, _, mut tablet) = buyer_with_two_devices();
    let devices = tablet.get("/me/devices");
    let (one, all) = (devices.form("/end"), devices.form("/me/devices/end"));
    for _ in 0..4 {
        site.clock.advance_seconds(240);
        tablet.get("/me/account").is(200);
        phone.get("/me/account").is(200);
    }
    for form in [&one, &all] {
        let asked = tablet.clone().send(form);
        assert!(asked.path.starts_with("/me/again"), "{}", asked.path);
        phone.get("/me/account").is(200);
    }
    let page = tablet.send(&all);
    let page = tablet.send(&page.form("/me/again/code"));
    let code = code_of(&mailed(&site, "sent_code"));
    tablet.send(&page.form("/me/again").with("code", &code)).is(200);
    let form = tablet.get("/me/devices").form("/me/devices/end");
    tablet.send(&form).is(200);
    assert!(phone.get("/me/account").path.starts_with("/me/sign-in"), "signed out");
    tablet.get("/me/account").is(200);
}
