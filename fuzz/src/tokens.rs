//! Card numbers, personal data, and the tables they come in.

use base::{Secret, Timestamp};
use ::tokens::card::{CardNumber, Expiry, holds_card_number};
use ::tokens::import::{What, read_line, read_table};
use ::tokens::values::{Address, BankAccount, IdentityNumber, Scheme, Value};

const NOW: Timestamp = Timestamp(1_772_343_000_000);

/// A card number: what is read is read the same again, and no more than twelve digits are shown.
pub fn card(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    holds_card_number(text);
    if let Some((month, year)) = text.split_once('/') {
        let _ = Expiry::parse(year.parse().unwrap_or(-1), month.parse().unwrap_or(-1), NOW);
    }
    if let Ok(card) = CardNumber::parse(text) {
        assert_eq!(CardNumber::parse(card.digits().expose()).as_ref(), Ok(&card));
        let shown = card.shown();
        assert!(shown.bin.len() + shown.last4.len() + 4 <= shown.digits);
    }
}

/// Names, phones, mails, numbers: what is read is read the same again, and has a mask.
pub fn personal(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for read in [Value::name, Value::phone, Value::email] {
        if let Ok(value) = read(text) {
            assert_eq!(read(value.text().expose()).as_ref(), Ok(&value));
            assert!(!value.masked().is_empty());
        }
    }
    for scheme in Scheme::ALL {
        for value in [IdentityNumber { scheme, text }.parse(), BankAccount { scheme, text }.parse()].into_iter().flatten() {
            assert!(!value.masked().is_empty());
        }
    }
    let lines: Vec<String> = text.split('|').map(str::to_owned).collect();
    let address = Address { country: "CN".to_owned(), city: "x".to_owned(), lines: lines.clone(), ..Address::default() };
    if let Ok(value) = address.parse() {
        assert_eq!(Address::of_text(value.text().expose()).lines.len(), lines.len());
    }
}

/// A table: every line is read or refused, and no problem repeats a long piece of it.
pub fn import(data: &[u8]) {
    let table = Secret::new(data.to_vec());
    for what in [What::Customers, What::Cards] {
        let Ok((heading, lines)) = read_table(what, &table) else { continue };
        for line in &lines {
            let _ = read_line(&heading, line, NOW);
        }
    }
}
