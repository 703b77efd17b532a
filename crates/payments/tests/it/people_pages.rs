//! Pages about a shop's people: roles of the shop's own, invitations.

use identity::Fault;
use risk::Outcome;

use crate::pages::opened;
use crate::site::{Page, Site};

/// The link in the newest invitation, as a path.
fn mailed_link(site: &Site) -> String {
    let mails = site.write(|tx, means| {
        let mails = identity::take_due(tx, means, 100)?;
        for mail in &mails {
            identity::mark_sent(tx, mail.shop, &mail.id)?;
        }
        Ok::<_, Fault>(mails)
    });
    let body = mails.iter().rfind(|mail| mail.body.expose().contains("/setup/")).expect("an invitation");
    let rest = body.body.expose().split("/setup/").nth(1).unwrap().to_owned();
    format!("/setup/{}", rest.split_whitespace().next().unwrap())
}

/// The address that stands before `words` on a page.
fn link_before(page: &Page, words: &str) -> String {
    let before = page.html.split(words).next().unwrap();
    before.rsplit("href=\"").next().unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn az_6_a_role_of_the_shops_own_is_made_changed_and_deleted_on_its_page() {
    let (_site, mut owner) = opened(Outcome::Allow);
    let form = owner.get("/desk/roles/new").is(200).form("/desk/roles/new").with("name", "Evening shift");
    owner.send(&form).is(422).shows("Tick at least one thing");
    let made = owner.send(&form.with("may", "view payments"));
    made.is(200).shows("<b>Evening shift</b>").shows("nobody has it");
    let path = link_before(&made, "<b>Evening shift</b>");
    let again = owner.get("/desk/roles/new").form("/desk/roles/new").with("name", "Evening shift");
    owner.send(&again.with("may", "refund")).is(422).shows("A role of this name is there already");
    let edit = owner.get(&path);
    edit.is(200).shows("Nobody.");
    assert!(!edit.html.contains("rotate the keys of the installation"), "only what the owner may is offered");
    let more = owner.send(&edit.form(&path).with("may", "manage keys"));
    more.is(422).shows("You can only give and take what you may do yourself");
    let form = owner.get(&path).form(&path).with("name", "Late shift").with("may", "refund");
    owner.send(&form).is(200).shows("<b>Late shift</b>");
    let gone = owner.send(&owner.clone().get(&path).form("/delete"));
    assert!(!gone.is(200).html.contains("Late shift"));
    owner.get(&path).is(404);
}

#[test]
fn pw_6_an_invitation_is_sent_again_with_a_new_link_and_withdrawn() {
    let (site, mut owner) = opened(Outcome::Allow);
    let form = owner.get("/desk/members/new").is(200).form("/desk/members/new");
    let form = form.with("name", "Wang Wu").with("email", "wang@shop.example").with("role", "cashier");
    let list = owner.send(&form);
    let path = link_before(list.is(200).shows("invited"), "<b>Wang Wu</b>");
    let first = mailed_link(&site);
    let page = owner.get(&path);
    page.is(200).shows("Withdraw the invitation");
    owner.send(&page.form("/invitation")).is(200).shows("Send the invitation again");
    let second = mailed_link(&site);
    assert_ne!(first, second);
    let mut invited = site.browser();
    assert!(!invited.get(&first).status.is_success(), "the first link ended");
    invited.get(&second).is(200);
    let removal = owner.get(&format!("{path}/remove"));
    owner.send(&removal.is(200).form("/remove")).is(200);
    assert!(!invited.get(&second).status.is_success(), "and the second with the invitation");
}
