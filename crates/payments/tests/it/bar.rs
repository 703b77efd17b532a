//! The bar of the desk: what a member's roles open stands there and nothing else, and it says where one is.

use std::collections::BTreeSet;

use identity::Role;
use risk::Outcome;

use crate::pages::opened;
use crate::site::{Browser, PASSWORD, Site};

/// What the row of menus links to; what the folded list links to.
fn links(html: &str) -> [BTreeSet<String>; 2] {
    ["class=\"spread\"", "class=\"fold\""].map(|begin| {
        let part = html.split(begin).nth(1).expect("a bar").split("</nav>").next().unwrap_or_default();
        let hrefs = part.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        hrefs.map(str::to_owned).collect()
    })
}

fn enter(site: &Site, email: &'static str, role: Role) -> Browser {
    let shops = site.write(|tx, _| identity::list_shops(tx, 10));
    let shop = shops.iter().find(|shop| shop.name == "Green Tea House").unwrap().id;
    site.member(shop, email, role);
    let mut browser = site.browser();
    let door = browser.get("/sign-in").form("/sign-in").with("email", email).with("password", PASSWORD);
    let page = browser.send(&door);
    site.enter(&mut browser, page);
    browser
}

#[test]
fn az_1_the_bar_shows_what_the_role_opens_and_each_link_opens() {
    let (site, mut owner) = opened(Outcome::Allow);
    let all = links(&owner.get("/desk").html)[0].clone();
    let roles = [
        ("mei2@shop.example", Role::Owner),
        ("till@shop.example", Role::Cashier),
        ("desk@shop.example", Role::Support),
        ("books@shop.example", Role::Finance),
        ("risk@shop.example", Role::Risk),
        ("guard@shop.example", Role::Security),
        ("audit@shop.example", Role::Auditor),
    ];
    for (email, role) in roles {
        let mut member = enter(&site, email, role);
        let home = member.get("/desk/security");
        let [row, list] = links(&home.html);
        assert_eq!(row, list, "{}", role.name());
        // More people may read these two than have something to decide there, and only those are led there.
        let read = |href: &str| ["/desk/approvals", "/desk/access-review"].contains(&href);
        for href in all.iter().filter(|href| !read(href) || row.contains(*href)) {
            // Whoever has no overview is led on from it.
            let page = member.get(href);
            let is_shown = page.status == 200 && page.path == *href;
            assert_eq!(is_shown, row.contains(href), "{} at {href}: {}", role.name(), page.status);
        }
        assert!(row.is_subset(&all), "{}", role.name());
    }
}

#[test]
fn the_bar_says_where_one_is() {
    let (_site, mut owner) = opened(Outcome::Allow);
    let marked = |html: &str| {
        let bar = html.split("class=\"spread\"").nth(1).unwrap().split("</nav>").next().unwrap().to_owned();
        let here = bar.split(" aria-current").next().unwrap().rsplit("href=\"").next().unwrap().to_owned();
        (bar.matches("aria-current").count(), bar.contains("class=\"here\""), here)
    };
    let at = |found: (usize, bool, String), place: &str| {
        assert_eq!((found.0, found.2.trim_end_matches('"')), (1, place));
        found.1
    };
    assert!(!at(marked(&owner.get("/desk").html), "/desk"), "a link of its own");
    assert!(at(marked(&owner.get("/desk/refunds").html), "/desk/refunds"), "inside a menu");
    assert!(at(marked(&owner.get("/desk/roles").html), "/desk/members"), "roles belong to members");
    assert_eq!(marked(&owner.get("/desk/password").html).0, 0, "one's own pages are not in the row");
}

#[test]
fn what_waits_is_counted_on_the_section_and_on_the_folded_menu() {
    let (site, mut owner) = opened(Outcome::Review);
    assert!(!owner.get("/desk").html.contains("class=\"count\""));
    let (path, _) = crate::pages::code(&mut owner, "100", "Tea");
    let (mut buyer, page) = crate::pages::at_pin(&site, &path, crate::pages::BUYER);
    buyer.send(&crate::pages::settle(&page, crate::world::PIN));
    let home = owner.get("/desk");
    // In the row on the group and on its section, and the same in the folded menu.
    assert_eq!(home.html.matches("<span class=\"hush\">1 waiting</span>").count(), 4, "{}", home.html);
}
