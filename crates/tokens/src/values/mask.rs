//! What of a value is shown to somebody who has not opened it: enough to tell two apart, not enough to use one.

use super::{Address, Kind, Scheme};
use crate::card::CardNumber;

/// In place of what is hidden, whatever its length.
const HIDDEN: &str = "****";
/// From this many characters on, four at the end are shown; below, two.
const LONG: usize = 10;
/// From this many characters on, a phone number shows its country too.
const LONG_PHONE: usize = 13;

/// The masked form of a canonical text.
pub fn mask(kind: Kind, scheme: Scheme, text: &str) -> String {
    match (kind, scheme) {
        (Kind::Name, _) => mask_name(text),
        (Kind::Phone, _) => mask_phone(text),
        (Kind::Email, _) => mask_email(text),
        (Kind::Address, _) => mask_address(text),
        (Kind::Identity, _) => format!("{HIDDEN}{}", tail(text, 2)),
        (Kind::BankAccount, Scheme::Iban) => format!("{}{HIDDEN}{}", head(text, 2), tail(text, 4)),
        (Kind::BankAccount, Scheme::Card) => mask_card(text),
        (Kind::BankAccount, _) => format!("{HIDDEN}{}", end(text)),
    }
}

/// The first character of each of up to three words; of a Chinese name, the family name.
fn mask_name(text: &str) -> String {
    let words: Vec<String> = text.split(' ').take(3).map(|word| format!("{}**", head(word, 1))).collect();
    words.join(" ")
}

fn mask_phone(text: &str) -> String {
    let shown = if text.chars().count() >= LONG_PHONE { 3 } else { 1 };
    format!("{}{HIDDEN}{}", head(text, shown), end(text))
}

fn mask_email(text: &str) -> String {
    let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
    let shown = if local.chars().count() > 2 { 1 } else { 0 };
    format!("{}{HIDDEN}@{domain}", head(local, shown))
}

fn mask_address(text: &str) -> String {
    let address = Address::of_text(text);
    format!("{HIDDEN}, {}, {}", address.city, address.country)
}

fn mask_card(text: &str) -> String {
    CardNumber::parse(text).map_or_else(|_| HIDDEN.to_owned(), |card| card.shown().masked())
}

fn end(text: &str) -> &str {
    tail(text, if text.chars().count() >= LONG { 4 } else { 2 })
}

fn head(text: &str, chars: usize) -> &str {
    let end = text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

fn tail(text: &str, chars: usize) -> &str {
    let count = text.chars().count();
    let start = text.char_indices().nth(count.saturating_sub(chars)).map_or(text.len(), |(at, _)| at);
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{BankAccount, IdentityNumber, Value};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_has_its_mask() {
        let masked = |value: Value| value.masked();
        assert_eq!(masked(Value::name("张三丰").unwrap()), "张**");
        assert_eq!(masked(Value::name("Li Hua").unwrap()), "L** H**");
        assert_eq!(masked(Value::phone("13800138000").unwrap()), "+86****8000");
        assert_eq!(masked(Value::phone("+4912345").unwrap()), "+****45");
        assert_eq!(masked(Value::email("li.hua@mail.example").unwrap()), "l****@mail.example");
        assert_eq!(masked(Value::email("li@mail.example").unwrap()), "****@mail.example");
        let id = IdentityNumber { scheme: Scheme::CnResidentId, text: "11010519491231002X" };
        assert_eq!(masked(id.parse().unwrap()), "****2X");
        let iban = BankAccount { scheme: Scheme::Iban, text: "GB29NWBK60161331926819" };
        assert_eq!(masked(iban.parse().unwrap()), "GB****6819");
        let card = BankAccount { scheme: Scheme::Card, text: "6200000000000005" };
        assert_eq!(masked(card.parse().unwrap()), "UnionPay ···· 0005");
        let account = BankAccount { scheme: Scheme::Account, text: "12345" };
        assert_eq!(masked(account.parse().unwrap()), "****45");
    }

    proptest! {
        #[test]
        fn a_mask_never_gives_half_of_a_number_away(digits in "[1-9][0-9]{6,13}") {
            let Ok(value) = Value::phone(&format!("+{digits}")) else { return Ok(()) };
            let shown = value.masked().chars().filter(char::is_ascii_digit).count();
            prop_assert!(shown * 2 <= digits.len() + 1, "{} of {}", shown, digits.len());
        }

        #[test]
        fn a_mask_of_a_name_is_first_characters_alone(name in "\\w{2,20}( \\w{2,20}){0,3}") {
            let Ok(value) = Value::name(&name) else { return Ok(()) };
            let kept = value.masked().chars().filter(|c| *c != '*' && *c != ' ').count();
            prop_assert!(kept <= 3);
        }

        #[test]
        fn a_masked_identity_number_keeps_two_characters(text in "[A-Z0-9]{4,40}") {
            let value = IdentityNumber { scheme: Scheme::OtherId, text: &text }.parse().unwrap();
            prop_assert_eq!(value.masked().len(), HIDDEN.len() + 2);
        }
    }
}
