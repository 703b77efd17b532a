//! Tables of customers and cards.

use base::{Secret, ShopId, TokenId};
use identity::Role;
use tokens::By;
use tokens::import::{Outcome, Summary, What, import_line, read_line, read_table};
use tokens::limits::SEARCH_PERSON_HOUR_MAX;
use tokens::values::Value;

use crate::world::{BY, PAN, World, each_world};

pub const CUSTOMERS: &str = "\
external_id,name,phone,phone_2,email,country,city,street,identity_scheme,identity_number,bank_scheme,bank_account
c-1,张无忌,13800138000,+44 20 7946 0958,wuji@mail.example,CN,杭州,文三路 1 号,cn_resident_id,11010519491231002X,iban,GB29NWBK60161331926819
c-2,\"Li, Hua\",13900139000,,,,,,,,,
c-3,,not a phone,,,,,,,,,
";
pub const CARDS: &str = "\
external_id;number;expiry;holder;customer_external_id
k-1;4111 1111 1111 1111;12/29;Zhang Wuji;c-1
k-2;4111111111111112;12/29;;
k-3;6200000000000005;01/30;;c-9
";

pub fn import(world: &World, shop: ShopId, what: What, table: &str) -> (Summary, Vec<Outcome>) {
    import_by(world, shop, what, table, BY)
}

fn import_by(world: &World, shop: ShopId, what: What, table: &str, by: By<'_>) -> (Summary, Vec<Outcome>) {
    let (heading, lines) = read_table(what, &Secret::new(table.as_bytes().to_vec())).unwrap();
    let now = world.now();
    let mut summary = Summary::default();
    let mut outcomes = Vec::new();
    for line in &lines {
        let outcome = match read_line(&heading, line, now) {
            Err(problems) => Outcome::Refused(problems),
            Ok(parsed) => {
                let actor = by.actor.clone();
                world
                    .write(move |tx, means| import_line(tx, means, &By::local(&actor), shop, &parsed))
                    .unwrap()
            }
        };
        summary.count(&outcome);
        outcomes.push(outcome);
    }
    (summary, outcomes)
}

#[test]
fn a_line_is_in_whole_or_not_at_all_and_the_report_says_why() {
    each_world(|world| {
        let shop = world.shop();
        let (summary, outcomes) = import(&world, shop, What::Customers, CUSTOMERS);
        assert_eq!(summary, Summary { created: 2, unchanged: 0, refused: 1 });
        let Outcome::Refused(problems) = &outcomes[2] else { panic!() };
        let columns: Vec<&str> = problems.iter().map(|problem| problem.column.as_str()).collect();
        assert_eq!(columns, ["name", "phone"]);
        assert!(problems.iter().all(|problem| !problem.message.contains("not a phone")));
        assert_eq!(world.rows("SELECT COUNT(*) FROM customers"), 2);
        assert_eq!(world.rows("SELECT COUNT(*) FROM customer_values"), 7 + 2);
        assert_eq!(world.search(shop, &Value::name("li, hua").unwrap()).len(), 1);
        assert_eq!(world.search(shop, &Value::phone("+442079460958").unwrap()).len(), 1);
    });
}

#[test]
fn the_same_table_again_changes_nothing() {
    each_world(|world| {
        let shop = world.shop();
        let (_, first) = import(&world, shop, What::Customers, CUSTOMERS);
        let (summary, second) = import(&world, shop, What::Customers, CUSTOMERS);
        assert_eq!(summary, Summary { created: 0, unchanged: 2, refused: 1 });
        match (&first[0], &second[0]) {
            (Outcome::Created(one), Outcome::Unchanged(two)) => assert_eq!(one, two),
            other => panic!("{other:?}"),
        }
        assert_eq!(world.rows("SELECT COUNT(*) FROM customers"), 2);
    });
}

#[test]
fn other_data_under_a_known_id_is_refused_and_left_as_it_is() {
    each_world(|world| {
        let shop = world.shop();
        import(&world, shop, What::Customers, CUSTOMERS);
        let (summary, outcomes) =
            import(&world, shop, What::Customers, "external_id,name,phone\nc-1,Someone Else,13800138000\n");
        assert_eq!(summary.refused, 1);
        let Outcome::Refused(problems) = &outcomes[0] else { panic!() };
        assert_eq!(problems[0].column, "external_id");
        assert!(world.search(shop, &Value::name("Someone Else").unwrap()).is_empty());
    });
}

#[test]
fn cards_find_their_customer_by_the_shops_own_id() {
    each_world(|world| {
        let shop = world.shop();
        import(&world, shop, What::Customers, CUSTOMERS);
        let (summary, outcomes) = import(&world, shop, What::Cards, CARDS);
        assert_eq!(summary, Summary { created: 1, unchanged: 0, refused: 2 });
        let Outcome::Created(id) = &outcomes[0] else { panic!() };
        let id = id.parse().unwrap();
        let token = world.db.read_blocking(|tx| tokens::token::find_token(tx, shop, id)).unwrap();
        assert_eq!(token.customer, Some(world.search(shop, &Value::name("张无忌").unwrap())[0]));
        assert_eq!(world.opened(&world.key(shop), shop, id), PAN);
        let Outcome::Refused(problems) = &outcomes[2] else { panic!() };
        assert_eq!(problems[0].column, "customer_external_id");
        let (again, _) = import(&world, shop, What::Cards, CARDS);
        assert_eq!((again.created, again.unchanged), (0, 1));
    });
}

#[test]
fn one_id_twice_in_a_table_is_one_customer() {
    each_world(|world| {
        let table = "external_id,name\nc-1,Li Hua\nc-1,Li Hua\nc-1,Li Hao\n";
        let (summary, _) = import(&world, world.shop(), What::Customers, table);
        assert_eq!(summary, Summary { created: 1, unchanged: 1, refused: 1 });
    });
}

#[test]
fn cr_4_an_import_does_not_tell_the_hidden_digits_of_a_card() {
    each_world(|world| {
        let shop = world.shop();
        import(&world, shop, What::Cards, "external_id,number,expiry\nk-1,4111111111111111,12/29\n");
        // The same BIN and last four, and a right check digit.
        let (summary, _) =
            import(&world, shop, What::Cards, "external_id,number,expiry\nk-1,4111111100061111,12/29\n");
        assert_eq!(summary.unchanged, 1, "which of the numbers that fit it was is not told");
        let table = "external_id,number,expiry\nk-1,4111111111111111,11/29\nk-1,5555555555554444,12/29\n";
        assert_eq!(import(&world, shop, What::Cards, table).0.refused, 2, "what is shown is compared");
        let id = world.read(|tx| tx.query("SELECT id FROM card_tokens", &[]))[0].text(0).unwrap().to_owned();
        assert_eq!(world.opened(&world.key(shop), shop, TokenId::from_short(&id).unwrap()), PAN);
    });
}

#[test]
fn c48_a_value_is_not_found_by_importing_all_that_fit() {
    each_world(|world| {
        let shop = world.shop();
        let table = |phone: &str| format!("external_id,name,phone\nc-1,Li Hua,{phone}\n");
        import(&world, shop, What::Customers, &table("13800138000"));
        let member = world.member(shop, Role::Owner);
        let by = By::local(&member);
        let send = |phone: &str| import_by(&world, shop, What::Customers, &table(phone), by).1.remove(0);
        for last in 0..SEARCH_PERSON_HOUR_MAX {
            let Outcome::Refused(problems) = send(&format!("1380013{last:04}")) else { panic!("{last}") };
            assert_eq!(problems[0].column, "external_id", "{last}");
        }
        for phone in ["13800138000", "13800138001"] {
            let Outcome::Refused(problems) = send(phone) else { panic!("{phone}") };
            assert_eq!(problems[0].column, "line", "right or wrong, it is not compared: {phone}");
        }
        let (local, _) = import(&world, shop, What::Customers, &table("13800138000"));
        assert_eq!(local.unchanged, 1, "at the machine itself nothing counts");
        world.wait(3600);
        assert!(matches!(send("13800138000"), Outcome::Unchanged(_)));
    });
}
