//! Where a member comes out who signs in for nothing in particular: on a page they may open, whatever their role.

use base::ShopId;
use identity::Role;

use crate::browsing::page;
use crate::house::House;

/// Where a member is led from the site's first page, and what it is answered with.
fn landing(house: &House, session: &str) -> (u16, String) {
    let mut path = "/".to_owned();
    for _ in 0..4 {
        match house.ask(page(&path, Some(session)), None) {
            (303, to) => path = to,
            (status, _) => return (status, path),
        }
    }
    panic!("no end of redirections, the last one to {path}")
}

#[test]
fn every_role_lands_on_a_page_it_may_open() {
    let house = House::new();
    let shop = house.shop("SG").id;
    for role in Role::ALL.iter().filter(|role| role.is_for_members() || **role == Role::Operator) {
        let places = [shop, ShopId::HOUSE];
        for place in places.into_iter().filter(|place| role.fits(*place)) {
            let (_, session) = house.member(place, *role);
            let (status, path) = landing(&house, &session);
            assert_eq!(status, 200, "{} at {path}", role.name());
            // They have no overview; what waits for them comes first.
            let begins_with_cases = matches!(role, Role::Security | Role::Operator);
            assert_eq!(path, if begins_with_cases { "/desk/cases" } else { "/desk" }, "{}", role.name());
        }
    }
}

#[test]
fn who_may_not_open_a_page_of_the_desk_keeps_the_bar_and_the_house_has_no_payout_account() {
    let house = House::new();
    let operator = house.keeper();
    for (path, status) in [("/desk/rules", 403), ("/desk/members/mem_none", 404)] {
        let answer = house.send(page(path, Some(&operator)));
        let html = String::from_utf8(answer.body.to_vec()).unwrap();
        assert_eq!(answer.status, status, "{path}");
        assert!(html.contains("<header class=\"bar\">") && html.contains("href=\"/desk/keys\""), "{html}");
        assert!(!html.contains("/desk/payout-account"), "{html}");
    }
    // A program that asks is led nowhere.
    let mut bare = page("/desk", Some(&operator));
    bare.headers.remove("accept");
    assert_eq!(house.send(bare).status, 403);
}
