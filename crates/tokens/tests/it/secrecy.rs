//! Nothing readable: after use of every operation, no planted value is in any file of the database.

use std::path::Path;

use identity::Role;
use store::testing::Scratch;
use store::{Config, Db};
use tokens::opening::Attempt;
use tokens::values::{BankAccount, IdentityNumber, Scheme, Value};

use crate::world::{BY, World, card, external, migrations, why};

const PLANTED_PANS: [&str; 3] = ["5555555555554444", "378282246310005", "6205500000000000004"];
const PLANTED: [&str; 9] = [
    "Qiu Qianren",
    "裘千仞",
    "+8613987654321",
    "13987654321",
    "qianren@iron-palm.example",
    "11010519491231002X",
    "GB29NWBK60161331926819",
    "OWN-ID-77",
    "ticket for the scan",
];

/// Every file that belongs to the database: main file, log, journal.
fn bytes_of(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        all.extend(if path.is_dir() { bytes_of(&path) } else { std::fs::read(&path).unwrap() });
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Runs of 13 to 19 digits that pass Luhn and start like a card.
fn card_numbers(bytes: &[u8]) -> Vec<String> {
    let runs = bytes.split(|byte| !byte.is_ascii_digit()).filter(|run| (13..=19).contains(&run.len()));
    let texts = runs.map(|run| String::from_utf8_lossy(run).into_owned());
    texts.filter(|text| tokens::card::CardNumber::parse(text).is_ok()).collect()
}

fn use_everything(world: &World) {
    let shop = world.shop();
    let member = world.member(shop, Role::Owner);
    let mut new = crate::world::person("13987654321");
    new.values = vec![
        Value::name("Qiu Qianren").unwrap(),
        Value::name("裘千仞").unwrap(),
        Value::phone("13987654321").unwrap(),
        Value::email("qianren@iron-palm.example").unwrap(),
        IdentityNumber { scheme: Scheme::CnResidentId, text: "11010519491231002X" }.parse().unwrap(),
        BankAccount { scheme: Scheme::Iban, text: "GB29NWBK60161331926819" }.parse().unwrap(),
    ];
    new.external = external("OWN-ID-77");
    let customer = world.customer(shop, new).unwrap();
    for pan in PLANTED_PANS {
        let mut new = card(pan);
        new.holder = Some(Value::name("Qiu Qianren").unwrap());
        new.customer = Some(customer);
        let id = world.token(shop, new).unwrap().id;
        assert_eq!(world.opened(&member, shop, id), pan);
    }
    let opened = world.write(move |tx, means| {
        let why = tokens::opening::Why::new(why_purpose(), "ticket for the scan").unwrap();
        let by = tokens::By::local(&member);
        tokens::opening::open_customer(tx, means, &by, shop, customer, &[1, 2, 3, 4, 5, 6], &why)
    });
    assert!(matches!(opened, Ok(Attempt::Opened(_))));
    assert_eq!(world.search(shop, &Value::phone("13987654321").unwrap()), [customer]);
    let phone = Value::phone("13987654321").unwrap();
    world
        .write(move |tx, means| tokens::customer::add_value(tx, means, &BY, shop, customer, &phone))
        .unwrap();
}

fn why_purpose() -> tokens::opening::Purpose {
    drop(why());
    tokens::opening::Purpose::AnswerCustomer
}

#[test]
fn c31_cr_5_no_planted_value_is_readable_in_the_files_of_the_database() {
    let scratch = Scratch::file();
    let Config::File(path) = scratch.config().clone() else { panic!() };
    let folder = path.parent().unwrap().to_owned();
    let world = World::on(scratch.open(&migrations()).unwrap());
    use_everything(&world);
    let found = |folder: &Path| {
        let bytes = bytes_of(folder);
        let texts = PLANTED.iter().filter(|text| holds(&bytes, text)).map(|text| (*text).to_owned());
        texts.chain(card_numbers(&bytes)).collect::<Vec<_>>()
    };
    assert!(bytes_of(&folder).len() > 100_000, "there is something to look through");
    assert_eq!(found(&folder), Vec::<String>::new(), "while it runs, journal and log included");
    let db: Db = world.db.clone();
    drop(world);
    // The control: what is planted in the clear is found, by the same search.
    db.write_blocking(|tx| {
        let sql = "UPDATE openings SET opened = ?1 WHERE id = (SELECT MIN(id) FROM openings)";
        tx.execute(sql, &["裘千仞 13987654321 5555555555554444".into()])
    })
    .unwrap();
    drop(db);
    assert_eq!(found(&folder), ["裘千仞", "13987654321", "5555555555554444"], "after it closed");
}

#[test]
fn errors_and_debug_prints_hold_no_value() {
    let prints = [
        format!("{:?}", card("5555555555554444")),
        format!("{:?}", crate::world::person("13987654321")),
        format!("{:?}", tokens::card::CardNumber::parse("5555555555554445").unwrap_err()),
        tokens::card::CardNumber::parse("5555555555554445").unwrap_err().to_string(),
        Value::phone("1398765432").unwrap_err().to_string(),
        format!("{:?}", why()),
    ];
    for text in prints {
        for secret in ["5555", "4444", "1398765", "Wuji", "Zhang", "mail.example", "4711"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
