//! A form whose sender has to give the second factor again is there afterwards, filled in and not sent.

use risk::Outcome;

use crate::pages::opened;
use crate::site::{Browser, Form, ORIGIN, Page, Site};

/// Sends a form as a browser does that says which page it stands on.
fn send_from_page(member: &mut Browser, page: &str, form: &Form) -> Page {
    let referer = format!("{ORIGIN}{page}");
    let from = [("sec-fetch-site", "same-origin"), ("origin", ORIGIN), ("referer", &referer)];
    member.send_from(form, &from)
}

/// Waits until a second factor is not fresh any more, in a session that is used meanwhile.
fn let_the_factor_age(site: &Site, member: &mut Browser) {
    for _ in 0..2 {
        site.clock.advance_seconds(500);
        member.get("/desk").is(200);
    }
}

#[test]
fn asvs_7_5_1_a_form_that_came_too_late_is_filled_in_again_after_the_proof_and_not_carried_out() {
    let (site, mut owner) = opened(Outcome::Allow);
    let new = "/desk/members/new";
    let form = owner.get(new).is(200).form(new);
    let form = form.with("name", "Li & Hua").with("email", "li@shop.example").with("role", "cashier");
    let_the_factor_age(&site, &mut owner);
    let asked = send_from_page(&mut owner, new, &form);
    asked.is(303);
    let step = owner.get(asked.headers["location"].to_str().unwrap());
    assert!(step.path.starts_with("/sign-in/again?next=%2Fdesk%2Fmembers%2Fnew"), "{}", step.path);
    let back = site.prove_again(&mut owner, &step);
    assert_eq!(back.path, new);
    back.is(200).shows("Your entries are still here");
    let filled = back.form(new);
    assert_eq!((&*filled.fields["name"], &*filled.fields["email"]), ("Li & Hua", "li@shop.example"));
    assert!(back.html.contains("name=\"role\" value=\"cashier\" checked"), "{}", back.html);
    assert_eq!(back.html.matches(" checked").count(), 1);
    let members = || site.read(|tx| tx.query("SELECT id FROM members", &[])).len();
    let before = members();
    let again = owner.get(new);
    assert!(!again.is(200).html.contains("li@shop.example"), "it is filled in once");
    owner.send(&filled).is(200);
    assert_eq!(members(), before + 1, "pressing again carries it out");
}

#[test]
fn asvs_7_5_1_a_form_that_waits_is_for_the_session_that_sent_it() {
    let (site, mut owner) = opened(Outcome::Allow);
    let new = "/desk/members/new";
    let form = owner.get(new).is(200).form(new).with("email", "li@shop.example");
    let_the_factor_age(&site, &mut owner);
    send_from_page(&mut owner, new, &form).is(303);
    owner.send(&owner.clone().get("/desk").form("/sign-out"));
    let door = owner.get("/sign-in").form("/sign-in").with("email", "mei@shop.example");
    let page = owner.send(&door.with("password", crate::site::PASSWORD));
    site.enter(&mut owner, page).is(200);
    assert!(!owner.get(new).is(200).html.contains("li@shop.example"));
}
