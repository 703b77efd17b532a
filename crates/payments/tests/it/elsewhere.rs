//! What other sites cannot begin, and signing other places out: from one's own pages, and for somebody else (ASVS 7.4.3,
//! 7.4.5, 7.6.2).

use identity::Role;
use risk::Outcome;

use crate::pages::opened;
use crate::site::{Browser, PASSWORD, Page, Site};

const MEI: &str = "mei@shop.example";

/// Another browser of a member who has an authenticator app, signed in.
fn signed_in(site: &Site, email: &str) -> Browser {
    let mut browser = site.browser();
    let door = browser.get("/sign-in").form("/sign-in").with("email", email);
    let page = browser.send(&door.with("password", PASSWORD));
    site.enter(&mut browser, page).is(200);
    browser
}

fn is_out(browser: &mut Browser) -> bool {
    browser.get("/desk").path.starts_with("/sign-in")
}

#[test]
fn csrf_1_the_sign_in_form_is_refused_from_another_site_and_without_its_token() {
    let (site, _owner) = opened(Outcome::Allow);
    let mut browser = site.browser();
    let form = browser.get("/sign-in").form("/sign-in").with("email", MEI).with("password", PASSWORD);
    let refused = |browser: &mut Browser, page: Page| {
        page.is(403);
        assert!(page.headers.get("location").is_none());
        assert!(is_out(browser));
    };
    for origin in [
        vec![("origin", "https://evil.example")],
        vec![("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        vec![("sec-fetch-site", "same-site"), ("origin", "https://shop.pay.example")],
        vec![("origin", "null")],
        vec![],
    ] {
        let page = browser.send_from(&form, &origin);
        refused(&mut browser, page);
    }
    let page = browser.send_once(&form.clone().without("csrf"));
    refused(&mut browser, page);
    let mut other = site.browser();
    let theirs = other.get("/sign-in").form("/sign-in").fields["csrf"].clone();
    let page = browser.send_once(&form.clone().with("csrf", &theirs));
    refused(&mut browser, page);
    let page = browser.send(&form);
    site.enter(&mut browser, page).is(200);
    assert!(!is_out(&mut browser));
}

#[test]
fn csrf_1_a_buyers_sign_in_form_is_refused_from_another_site_and_sends_nothing() {
    let (site, _owner) = opened(Outcome::Allow);
    let mut browser = site.browser();
    let form = browser.get("/me/sign-in").form("/me/sign-in").with("contact", "li@mail.example");
    let elsewhere = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    browser.send_from(&form, &elsewhere).is(403);
    let waiting = site.read(|tx| tx.query("SELECT id FROM outbox_mail WHERE template = 'code'", &[]));
    assert!(waiting.is_empty());
}

#[test]
fn c14_after_a_change_of_factors_the_page_leads_to_signing_all_other_places_out() {
    let (site, mut owner) = opened(Outcome::Allow);
    let mut elsewhere = signed_in(&site, MEI);
    // New recovery codes are a change of what opens the account.
    let ways = owner.get("/sign-in/factor");
    owner.send(&ways.is(200).form("/sign-in/factor/codes")).shows("Keep these codes");
    let security = owner.get("/desk/security");
    // Once under the own name in the bar and once on the page itself.
    assert_eq!(security.html.matches("href=\"/desk/devices\"").count(), 2, "{}", security.text());
    assert!(!is_out(&mut elsewhere));
    let devices = owner.get("/desk/devices");
    owner.send(&devices.is(200).form("/desk/devices/end")).is(200);
    assert!(is_out(&mut elsewhere));
    assert!(!is_out(&mut owner));
}

#[test]
fn asvs_7_4_5_an_owner_signs_a_member_out_everywhere_and_a_cashier_nobody() {
    let (site, mut owner) = opened(Outcome::Allow);
    let shop = shop_of(&site);
    let cashier = site.member(shop, "li@shop.example", Role::Cashier);
    let mut tills = [signed_in(&site, "li@shop.example"), signed_in(&site, "li@shop.example")];
    site.member(shop, "wang@shop.example", Role::Cashier);
    let mut other = signed_in(&site, "wang@shop.example");
    let path = format!("/desk/members/{cashier}");
    let form = owner.get(&path).is(200).form("/sessions");
    // The same button pressed by somebody who may not.
    let own = other.get("/desk").form("/sign-out").fields["csrf"].clone();
    other.send(&form.clone().with("csrf", &own)).is(403);
    assert!(!tills.iter_mut().any(is_out));
    owner.send(&form).is(200);
    assert!(tills.iter_mut().all(is_out));
    assert!(!is_out(&mut other) && !is_out(&mut owner));
}

#[test]
fn asvs_7_4_5_an_owner_signs_everybody_else_of_the_shop_out_with_one_button() {
    let (site, mut owner) = opened(Outcome::Allow);
    let shop = shop_of(&site);
    site.member(shop, "li@shop.example", Role::Cashier);
    let mut tills = [signed_in(&site, "li@shop.example"), signed_in(&site, "li@shop.example")];
    let neighbour = site.shop("Neighbour");
    site.member(neighbour, "wang@shop.example", Role::Owner);
    let mut elsewhere = signed_in(&site, "wang@shop.example");
    let form = owner.get("/desk/members").is(200).form("/desk/members/sign-out");
    let theirs = elsewhere.get("/desk/members").form("/desk/members/sign-out");
    let foreign = form.clone().with("csrf", &tills[0].get("/desk").form("/sign-out").fields["csrf"]);
    tills[0].send(&foreign).is(403);
    assert!(!tills.iter_mut().any(is_out), "a cashier signs nobody out");
    owner.send(&form).is(200).shows("2 sessions were ended");
    assert!(tills.iter_mut().all(is_out));
    assert!(!is_out(&mut owner) && !is_out(&mut elsewhere));
    elsewhere.send(&theirs).is(200).shows("Nobody else was signed in");
    let told = "SELECT id FROM audit_entries WHERE body LIKE '%shop.signed_out%'";
    assert_eq!(site.read(|tx| tx.query(told, &[])).len(), 2, "the log says who did it");
}

fn shop_of(site: &Site) -> base::ShopId {
    let rows = site.read(|tx| tx.query("SELECT shop_id FROM shops", &[]));
    let shops = rows.iter().filter_map(|row| base::ShopId::from_short(row.text(0).unwrap()));
    shops.into_iter().find(|shop| *shop != base::ShopId::HOUSE).expect("a shop")
}
