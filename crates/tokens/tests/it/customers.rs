//! Personal data, value by value.

use identity::{Actor, Role};
use tokens::customer::{self, CustomerError, NewCustomer, Search, State, Wanted};
use tokens::limits::{SEARCH_KEY_HOUR_MAX, SEARCH_PERSON_ALERT_DAY, SEARCH_PERSON_HOUR_MAX, VALUES_MAX};
use tokens::opening::{self, Attempt, OpeningError};
use tokens::values::{Address, BankAccount, IdentityNumber, Kind, Scheme, Value};
use tokens::watch::{self, AlertKind};

use crate::world::{BY, World, each_world, external, person};

const RESIDENT: &str = "11010519491231002X";

fn everything() -> NewCustomer {
    let address = Address {
        country: "CN".into(),
        region: "浙江".into(),
        city: "杭州".into(),
        postcode: "310000".into(),
        lines: vec!["文三路 1 号".into()],
    };
    NewCustomer {
        values: vec![
            Value::name("张无忌").unwrap(),
            Value::phone("13800138000").unwrap(),
            Value::email("Wuji@Mail.Example").unwrap(),
            address.parse().unwrap(),
            IdentityNumber { scheme: Scheme::CnResidentId, text: RESIDENT }.parse().unwrap(),
            BankAccount { scheme: Scheme::Iban, text: "GB29NWBK60161331926819" }.parse().unwrap(),
        ],
        external: external("C-1001"),
    }
}

#[test]
fn a_customer_is_shown_masked() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.customer(shop, everything()).unwrap();
        let found = world.find_customer(shop, id).unwrap();
        let masked: Vec<&str> = found.values.iter().map(|value| value.masked.as_deref().unwrap()).collect();
        assert_eq!(
            masked,
            ["张**", "+86****8000", "W****@mail.example", "****, 杭州, CN", "****2X", "GB****6819"]
        );
        assert_eq!(found.external.unwrap().expose(), "C-1001");
    });
}

#[test]
fn cr_6_a_customer_is_found_by_any_exact_value_of_their_own_shop() {
    each_world(|world| {
        let (shop, other) = (world.shop(), world.shop());
        let id = world.customer(shop, everything()).unwrap();
        world.customer(shop, person("13900139000")).unwrap();
        for value in [
            Value::name("张无忌").unwrap(),
            Value::phone("+86 138-0013-8000").unwrap(),
            Value::email("wuji@MAIL.example").unwrap(),
            IdentityNumber { scheme: Scheme::CnResidentId, text: "11010519491231002x" }.parse().unwrap(),
            BankAccount { scheme: Scheme::Iban, text: "GB29 NWBK 6016 1331 9268 19" }.parse().unwrap(),
        ] {
            let found = world.search(shop, &value);
            assert!(found.contains(&id), "{value:?}");
            assert!(world.search(other, &value).is_empty(), "{value:?}");
        }
        assert!(world.search(shop, &Value::phone("13800138001").unwrap()).is_empty());
        let passport = IdentityNumber { scheme: Scheme::Passport, text: RESIDENT }.parse().unwrap();
        assert!(world.search(shop, &passport).is_empty(), "another document has another index");
        let own = |text| world.search_as(&Actor::Operator, shop, Wanted::External(external(text).unwrap()));
        let Ok(Search::Found(by_own)) = own("C-1001") else { panic!() };
        assert_eq!(by_own[0].customer.id, id);
        let Ok(Search::Found(nobody)) = own("C-1002") else { panic!() };
        assert!(nobody.is_empty());
    });
}

#[test]
fn c48_a_value_is_not_found_by_searching_for_all_that_fit() {
    each_world(|world| {
        let shop = world.shop();
        world.customer(shop, person("13800138000")).unwrap();
        let phone = |last: i64| Wanted::Value(Value::phone(&format!("1380013{last:04}")).unwrap());
        let (person, key) = (world.member(shop, Role::Support), world.key(shop));
        for (reader, max) in [(&person, SEARCH_PERSON_HOUR_MAX), (&key, SEARCH_KEY_HOUR_MAX)] {
            for last in 0..max {
                assert!(matches!(world.search_as(reader, shop, phone(last)), Ok(Search::Found(_))), "{last}");
            }
            for _ in 0..2 {
                let over = world.search_as(reader, shop, phone(8000));
                assert!(matches!(over, Ok(Search::Over { retry_after_seconds: 1..=3600 })), "{over:?}");
            }
        }
        let entries = world.log();
        let searched: Vec<&String> = entries.iter().filter(|one| one.contains("customer.searched")).collect();
        assert_eq!(searched.len(), usize::try_from(SEARCH_PERSON_HOUR_MAX + SEARCH_KEY_HOUR_MAX).unwrap());
        assert!(searched.iter().all(|one| one.contains("\"by\":\"phone\"") && !one.contains("1380013")));
        assert_eq!(world.logged("search.refused"), 2, "a flood of refusals is one entry for each reader");
        let alerts = world.db.read_blocking(|tx| watch::list_alerts(tx, shop)).unwrap();
        let told: Vec<_> = alerts.iter().map(|one| (one.kind, one.reader.clone(), one.threshold)).collect();
        assert!(told.contains(&(AlertKind::Search, person.label(), SEARCH_PERSON_HOUR_MAX)), "{told:?}");
        world.wait(3600);
        assert!(
            matches!(world.search_as(&person, shop, phone(8000)), Ok(Search::Found(found)) if found.len() == 1)
        );
    });
}

#[test]
fn c48_security_is_told_of_many_searches_a_day_below_the_hours_limit() {
    each_world(|world| {
        let shop = world.shop();
        let person = world.member(shop, Role::Support);
        let phone = |at: i64| Wanted::Value(Value::phone(&format!("1380013{at:04}")).unwrap());
        let told = || world.db.read_blocking(|tx| watch::list_alerts(tx, shop)).unwrap().len();
        for at in 0..SEARCH_PERSON_ALERT_DAY {
            if at % 100 == 99 {
                world.wait(3600);
            }
            world.search_as(&person, shop, phone(at)).unwrap();
        }
        assert_eq!(told(), 0);
        for at in 0..3 {
            world.search_as(&person, shop, phone(at)).unwrap();
        }
        assert_eq!(told(), 1, "past it, once a day");
    });
}

#[test]
fn one_altered_value_hides_neither_its_customer_nor_others() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.customer(shop, everything()).unwrap();
        world.wait(1);
        let other = world.customer(shop, person("13900139000")).unwrap();
        let member = world.member(shop, Role::Support);
        world.open_customer(&member, shop, id, &[1]).unwrap();
        let short = id.short().to_owned();
        world
            .write(move |tx, _| {
                tx.execute(
                    "UPDATE customer_values SET sealed = ?1 WHERE customer = ?2 AND slot = 1",
                    &[vec![1u8; 60].into(), short.clone().into()],
                )?;
                tx.execute("UPDATE openings SET reason = ?1", &[vec![1u8; 60].into()])
            })
            .unwrap();
        let listed =
            world.db.read_blocking(|tx| customer::list_customers(tx, &world.vault, shop, None, 20)).unwrap();
        assert_eq!(listed.len(), 2);
        assert!(
            listed[0].customer.id == other && listed[0].values.iter().all(|value| value.masked.is_some())
        );
        let masked: Vec<bool> = listed[1].values.iter().map(|value| value.masked.is_some()).collect();
        assert!(!masked[0] && masked[1..].iter().all(|shown| *shown), "{masked:?}");
        let openings =
            world.write(move |tx, means| opening::list_customer_openings(tx, means, shop, id)).unwrap();
        assert!(openings.len() == 1 && openings[0].reason.is_none());
        assert!(world.open_customer(&member, shop, id, &[1]).is_err(), "and it is not opened");
        assert!(world.open_customer(&member, shop, id, &[2]).is_ok());
    });
}

#[test]
fn c45_a_customer_is_erased_whatever_was_altered() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.customer(shop, everything()).unwrap();
        world
            .write(move |tx, _| {
                tx.execute("UPDATE customers SET external = ?1", &[vec![1u8; 60].into()])?;
                tx.execute("UPDATE customer_values SET sealed = ?1", &[vec![1u8; 60].into()])
            })
            .unwrap();
        let found = world.find_customer(shop, id).unwrap();
        assert!(found.external.is_none() && found.values.iter().all(|value| value.masked.is_none()));
        world.write(move |tx, means| customer::erase_customer(tx, means, &BY, shop, id)).unwrap();
        assert_eq!(world.rows("SELECT COUNT(*) FROM customer_values"), 0);
        assert_eq!(world.rows("SELECT COUNT(*) FROM external_ids"), 0, "the shop's own id is free again");
        assert!(world.customer(shop, everything()).is_ok());
    });
}

#[test]
fn two_shops_rows_of_one_phone_number_have_nothing_in_common() {
    each_world(|world| {
        for shop in [world.shop(), world.shop()] {
            world.customer(shop, person("13800138000")).unwrap();
        }
        let sql = "SELECT COUNT(DISTINCT search) FROM customer_values WHERE kind = 'phone'";
        assert_eq!(world.rows(sql), 2);
    });
}

#[test]
fn values_are_added_and_removed_within_limits() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.customer(shop, person("13800138000")).unwrap();
        let add = |text: &str| {
            let value = Value::phone(text).unwrap();
            world.write(move |tx, means| customer::add_value(tx, means, &BY, shop, id, &value))
        };
        let remove =
            |slot| world.write(move |tx, means| customer::remove_value(tx, means, &BY, shop, id, slot));
        assert_eq!(add("13900139000"), Ok(4));
        assert_eq!(world.search(shop, &Value::phone("13900139000").unwrap()), [id]);
        assert_eq!(remove(4), Ok(()));
        assert!(world.search(shop, &Value::phone("13900139000").unwrap()).is_empty());
        assert_eq!(remove(4), Err(CustomerError::NoValue(4)));
        assert_eq!(add("13900139000"), Ok(5), "a slot is never given twice");
        for number in 0..VALUES_MAX - 4 {
            add(&format!("139{number:08}")).unwrap();
        }
        assert_eq!(add("13700137000"), Err(CustomerError::Values));
        let too_many =
            NewCustomer { values: vec![Value::name("a").unwrap(); VALUES_MAX + 1], external: None };
        assert_eq!(world.customer(shop, too_many), Err(CustomerError::Values));
        let none = NewCustomer { values: Vec::new(), external: None };
        assert_eq!(world.customer(shop, none), Err(CustomerError::Values));
    });
}

#[test]
fn the_last_value_is_not_removed() {
    each_world(|world| {
        let shop = world.shop();
        let one = NewCustomer { values: vec![Value::name("Li Hua").unwrap()], external: None };
        let id = world.customer(shop, one).unwrap();
        let removed = world.write(move |tx, means| customer::remove_value(tx, means, &BY, shop, id, 1));
        assert_eq!(removed, Err(CustomerError::Values));
    });
}

#[test]
fn cr_3_an_erased_customer_is_gone_with_everything_and_the_id_can_be_given_again() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.customer(shop, everything()).unwrap();
        let card = tokens::token::NewToken { customer: Some(id), ..crate::world::card(crate::world::PAN) };
        world.token(shop, card).unwrap();
        let erase = move |world: &World| {
            world.write(move |tx, means| customer::erase_customer(tx, means, &BY, shop, id)).unwrap()
        };
        assert_eq!(erase(&world).state, State::Erased);
        assert_eq!(erase(&world).state, State::Erased, "twice is no error");
        assert_eq!(world.logged("customer.erased"), 1);
        for sql in [
            "SELECT COUNT(*) FROM customer_values",
            "SELECT COUNT(*) FROM external_ids",
            "SELECT COUNT(*) FROM customers WHERE external IS NOT NULL",
            "SELECT COUNT(*) FROM card_tokens WHERE pan IS NOT NULL",
        ] {
            assert_eq!(world.rows(sql), 0, "{sql}");
        }
        let destroyed = "SELECT COUNT(*) FROM vault_data_keys WHERE wrapped IS NULL";
        assert_eq!(world.rows(destroyed), 2, "the customer's key and the card's");
        let opened = world.open_customer(&world.key(shop), shop, id, &[1]);
        assert_eq!(opened.err(), Some(OpeningError::Erased));
        let value = Value::name("x").unwrap();
        let added = world.write(move |tx, means| customer::add_value(tx, means, &BY, shop, id, &value));
        assert_eq!(added, Err(CustomerError::Erased));
        assert!(world.find_customer(shop, id).unwrap().values.is_empty());
        assert!(world.customer(shop, everything()).is_ok());
    });
}

#[test]
fn az_4_another_shops_customer_is_not_found() {
    each_world(|world| {
        let (shop, other) = (world.shop(), world.shop());
        let id = world.customer(shop, person("13800138000")).unwrap();
        assert_eq!(world.find_customer(other, id).err(), Some(CustomerError::NotFound));
        let opened = world.open_customer(&world.key(other), other, id, &[1]);
        assert_eq!(opened.err(), Some(OpeningError::NotFound));
        let erased = world.write(move |tx, means| customer::erase_customer(tx, means, &BY, other, id));
        assert_eq!(erased, Err(CustomerError::NotFound));
        let removed = world.write(move |tx, means| customer::remove_value(tx, means, &BY, other, id, 1));
        assert_eq!(removed, Err(CustomerError::NotFound));
    });
}

#[test]
fn c45_a_value_moved_to_another_slot_or_customer_does_not_open() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.customer(shop, person("13800138000")).unwrap();
        let swap = "UPDATE customer_values SET sealed = (SELECT sealed FROM customer_values WHERE slot = 2)
                    WHERE slot = 3";
        world.db.write_blocking(move |tx| tx.execute(swap, &[])).unwrap();
        assert!(matches!(world.open_customer(&world.key(shop), shop, id, &[3]), Err(OpeningError::Fault(_))));
        assert!(matches!(world.open_customer(&world.key(shop), shop, id, &[2]), Ok(Attempt::Opened(_))));
    });
}

#[test]
fn opening_gives_the_named_values_and_no_others() {
    each_world(|world| {
        let shop = world.shop();
        let id = world.customer(shop, everything()).unwrap();
        let key = world.key(shop);
        let Ok(Attempt::Opened(opened)) = world.open_customer(&key, shop, id, &[2, 4]) else { panic!() };
        let kinds: Vec<Kind> = opened.values.iter().map(|(_, value)| value.kind()).collect();
        assert_eq!(kinds, [Kind::Phone, Kind::Address]);
        assert_eq!(opened.values[0].1.text().expose(), "+8613800138000");
        assert_eq!(Address::of_text(opened.values[1].1.text().expose()).city, "杭州");
        let refused = |slots| world.open_customer(&key, shop, id, slots).err();
        assert_eq!(refused(&[]), Some(OpeningError::Nothing));
        assert_eq!(refused(&[1, 1]), Some(OpeningError::Nothing));
        assert_eq!(refused(&[1, 99]), Some(OpeningError::NoValue(99)));
    });
}
