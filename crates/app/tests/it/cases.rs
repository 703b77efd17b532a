//! "This was not me", from the click to the closed case (C16).

use identity::Role;
use serde_json::{Value, json};
use testkit::http::{Answer, Request};

use crate::browsing;
use crate::house::{House, Phone, RICH, Shop, each_house, text};

/// A payment that its payer disowned on the page.
struct Disowned {
    shop: Shop,
    phone: Phone,
    payment: Value,
}

impl Disowned {
    fn at(house: &House) -> Disowned {
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let payment = house.paid(&shop, &phone, 5_000);
        let disowned = Disowned { shop, phone, payment };
        disowned.click(house);
        disowned
    }

    #[track_caller]
    fn click(&self, house: &House) {
        let path = format!("/pay/{}/not-me", text(&self.payment, "id"));
        let done = house.send(browsing::form(&path, &[], Some(&self.phone.token)));
        assert_eq!(done.status, 200, "{}", String::from_utf8_lossy(&done.body));
    }

    fn label(&self, house: &House) -> String {
        let (_, owner) = house.member(self.shop.id, Role::Owner);
        let path = format!("/v1/payments/{}/label", text(&self.payment, "id"));
        house.send(Request::get(&path).bearer(&owner)).text("/label")
    }
}

fn list(house: &House, session: &str, state: &str) -> Vec<Value> {
    let found = house.send(Request::get(&format!("/v1/cases?state={state}")).bearer(session));
    assert_eq!(found.status, 200, "{}", found.json());
    found.json()["data"].as_array().unwrap().clone()
}

fn press(house: &House, session: &str, case: &str, what: &str, body: &Value) -> Answer {
    house.send(Request::post(&format!("/v1/cases/{case}/{what}"), body).bearer(session))
}

fn ended(outcome: &str) -> Value {
    json!({"outcome": outcome, "note": "spoke with the payer"})
}

/// Notices of a kind that wait to be sent.
fn told(house: &House) -> i64 {
    let sql = "SELECT COUNT(*) FROM outbox_mail WHERE template = 'case_opened'";
    house.read(|tx| tx.query(sql, &[])?.first().map_or(Ok(0), |row| row.int(0)))
}

#[test]
fn c16_this_was_not_me_freezes_ends_sessions_and_opens_one_case_for_the_shop_and_one_for_the_house() {
    each_house(|house| {
        let keeper = house.keeper();
        let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
        let (_, risk) = house.member(shop.id, Role::Risk);
        let payment = house.paid(&shop, &phone, 5_000);
        let (thief, disowned) = (house.other_phone(&phone), Disowned { shop, phone, payment });
        let before = told(&house);
        disowned.click(&house);
        let refused = house.pay(&disowned.phone, &house.bill(&disowned.shop, 100));
        assert_eq!((refused.status, refused.code()), (403, "account_not_active".to_owned()));
        assert_eq!(house.pay(&thief, &house.bill(&disowned.shop, 100)).status, 401, "its session ended");
        assert_eq!(told(&house) - before, 2, "who works on risk, and whoever runs the installation");

        disowned.click(&house);
        let [shops, houses] = [&risk, &keeper].map(|session| list(&house, session, "open"));
        assert_eq!((shops.len(), houses.len()), (1, 1), "a second click opens nothing");
        assert_eq!(told(&house) - before, 2);
        let payment = text(&disowned.payment, "id");
        let buyer = disowned.phone.buyer.to_string();
        assert_eq!((&*text(&shops[0], "payment"), &*text(&shops[0], "account")), (&*payment, &*buyer));
        assert_eq!((&shops[0]["cause"], &shops[0]["state"]), (&json!("payment"), &json!("open")));
        assert_eq!((&houses[0]["payment"], &*text(&houses[0], "account")), (&Value::Null, &*buyer));
    });
}

#[test]
fn c16_a_case_is_taken_handed_over_and_closed_and_its_payment_labelled() {
    each_house(|house| {
        let disowned = Disowned::at(&house);
        let shop = disowned.shop.id;
        let [first, second] = [Role::Support, Role::Risk].map(|role| house.member(shop, role));
        let case = text(&list(&house, &first.1, "open")[0], "id");
        let none = json!({});
        assert_eq!(press(&house, &first.1, &case, "take", &none).text("/state"), "worked");
        house.wait(1);
        let early = press(&house, &second.1, &case, "close", &ended("genuine"));
        assert_eq!((early.status, early.code()), (409, "case_not_taken".to_owned()));
        assert_eq!(press(&house, &second.1, &case, "take", &none).text("/worker"), second.0.to_string());
        let late = press(&house, &first.1, &case, "close", &ended("fraud"));
        assert_eq!((late.status, late.code()), (409, "case_not_taken".to_owned()));
        assert_eq!(disowned.label(&house), "fraud");
        let done = press(&house, &second.1, &case, "close", &ended("genuine"));
        assert_eq!((done.status, done.text("/outcome").as_str()), (200, "genuine"), "{}", done.json());
        assert_eq!(disowned.label(&house), "genuine", "what the case came to");
        for what in ["take", "close"] {
            let over = press(&house, &second.1, &case, what, &ended("fraud"));
            assert_eq!((over.status, over.code()), (409, "case_closed".to_owned()), "{what}");
        }
        let seen = house.send(Request::get(&format!("/v1/cases/{case}")).bearer(&first.1)).json();
        let hands: Vec<String> =
            seen["hands"].as_array().unwrap().iter().map(|hand| text(hand, "member")).collect();
        assert_eq!(hands, [first.0.to_string(), second.0.to_string()]);
        assert_eq!((list(&house, &first.1, "open").len(), list(&house, &first.1, "closed").len()), (0, 1));

        // Said once more of a payment that was found to be the payer's own: somebody looks again. Once it is known to be
        // fraud, there is nothing more to find.
        disowned.click(&house);
        let again = text(&list(&house, &second.1, "open")[0], "id");
        assert_ne!(again, case);
        assert_eq!(press(&house, &second.1, &again, "close", &ended("fraud")).status, 200, "taken with it");
        disowned.click(&house);
        assert_eq!(list(&house, &second.1, "open").len(), 0);
    });
}

#[test]
fn c16_who_may_not_label_payments_closes_a_case_and_leaves_the_label() {
    let house = House::new();
    let disowned = Disowned::at(&house);
    let (_, support) = house.member(disowned.shop.id, Role::Support);
    let case = text(&list(&house, &support, "open")[0], "id");
    assert_eq!(press(&house, &support, &case, "close", &ended("genuine")).status, 200);
    assert_eq!(disowned.label(&house), "fraud");
}

#[test]
fn c16_a_case_is_closed_with_an_outcome_and_a_line_that_says_why() {
    let house = House::new();
    let disowned = Disowned::at(&house);
    let (_, risk) = house.member(disowned.shop.id, Role::Risk);
    let case = text(&list(&house, &risk, "open")[0], "id");
    for body in [
        json!({"outcome": "fraud", "note": ""}),
        json!({"outcome": "fraud", "note": "x".repeat(141)}),
        json!({"outcome": "solved", "note": "done"}),
        json!({"outcome": "fraud"}),
    ] {
        assert_eq!(press(&house, &risk, &case, "close", &body).status, 400, "{body}");
    }
    let long = json!({"outcome": "unclear", "note": "x".repeat(140)});
    assert_eq!(press(&house, &risk, &case, "close", &long).status, 200);
    let bad = house.send(Request::get("/v1/cases?state=all").bearer(&risk));
    assert_eq!(bad.status, 400);
}

#[test]
fn c16_az_4_a_case_of_another_shop_or_of_the_house_does_not_exist() {
    let house = House::new();
    let disowned = Disowned::at(&house);
    let other = house.shop("SG");
    let (_, stranger) = house.member(other.id, Role::Owner);
    let (_, risk) = house.member(disowned.shop.id, Role::Risk);
    let keeper = house.keeper();
    let case = |session: &str| text(&list(&house, session, "open")[0], "id");
    let (of_shop, of_house) = (case(&risk), case(&keeper));
    for (who, asked) in
        [(&stranger, &of_shop), (&stranger, &of_house), (&risk, &of_house), (&keeper, &of_shop)]
    {
        let found = house.send(Request::get(&format!("/v1/cases/{asked}")).bearer(who));
        assert_eq!(found.status, 404, "{}", found.json());
        assert_eq!(press(&house, who, asked, "take", &json!({})).status, 404);
        assert_eq!(press(&house, who, asked, "close", &ended("fraud")).status, 404);
        let page = browsing::page(&format!("/desk/cases/{asked}"), Some(who));
        assert_eq!(house.send(page).status, 404);
    }
    assert_eq!(list(&house, &stranger, "open").len(), 0);
}

#[test]
fn c16_nobody_disowns_what_was_not_confirmed_or_is_not_theirs_into_a_case() {
    let house = House::new();
    let (shop, phone) = (house.shop("SG"), house.buyer(RICH));
    let stranger = house.buyer(RICH);
    let paid = house.paid(&shop, &phone, 5_000);
    let waiting = house.bill(&shop, 100);
    for (who, payment) in [(&stranger, &paid), (&phone, &waiting)] {
        let path = format!("/pay/{}/not-me", text(payment, "id"));
        house.send(browsing::form(&path, &[], Some(&who.token)));
    }
    let (_, risk) = house.member(shop.id, Role::Risk);
    assert_eq!(list(&house, &risk, "open").len(), 0);
}

#[test]
fn c16_an_account_that_its_owner_froze_is_a_case_of_the_house_alone() {
    each_house(|house| {
        let (shop, phone, keeper) = (house.shop("SG"), house.buyer(RICH), house.keeper());
        house.paid(&shop, &phone, 5_000);
        let frozen = house.send(browsing::form("/me/freeze", &[], Some(&phone.token)));
        assert_eq!(frozen.status, 303);
        let found = list(&house, &keeper, "open");
        assert_eq!((found.len(), &found[0]["cause"]), (1, &json!("activity")));
        let (_, owner) = house.member(shop.id, Role::Owner);
        assert_eq!(list(&house, &owner, "open").len(), 0);
    });
}

#[test]
fn c16_the_pages_show_a_case_and_close_it_with_buttons() {
    let house = House::new();
    let disowned = Disowned::at(&house);
    let (_, risk) = house.member(disowned.shop.id, Role::Risk);
    let case = text(&list(&house, &risk, "open")[0], "id");
    let see = |path: &str| {
        let page = house.send(browsing::page(path, Some(&risk)));
        assert_eq!(page.status, 200);
        String::from_utf8_lossy(&page.body).into_owned()
    };
    let home = format!("/desk/cases/{case}");
    assert!(see("/desk/cases").contains(&format!("href=\"{home}\"")));
    let page = see(&home);
    let links = format!("/desk/payments/{}", text(&disowned.payment, "id"));
    for words in [links.as_str(), "counts as fraud", "was frozen", "signed out", "Take this case"] {
        assert!(page.contains(words), "`{words}` is missing");
    }
    assert!(!page.contains("tillward buyer"), "a shop frees no buyer");
    let send = |rest: &str, fields: &[(&str, String)]| {
        house.send(browsing::form(&format!("{home}/{rest}"), fields, Some(&risk))).status
    };
    assert_eq!(send("take", &[]), 303);
    assert_eq!(send("close", &[("outcome", "fraud".into()), ("note", String::new())]), 422);
    assert_eq!(send("close", &[("outcome", "fraud".into()), ("note", "stolen phone".into())]), 303);
    let page = see(&home);
    assert!(page.contains("stolen phone") && !page.contains("Take this case"));
    assert!(see("/desk/cases").contains("No open case"));
    assert!(see("/desk/cases?state=closed").contains(&home));
}
