//! Personal data, typed: what a value must look like, how it is normalised, what of it may be shown.
//!
//! A [`Value`] is checked and in one canonical form, so that the same phone number is the same text however it was
//! typed; its blind index is made from [`Value::index_text`]. What is shown without opening is [`mask`]'s.

mod bank;
mod identity;
mod mask;
mod phone;
mod place;

use std::fmt;

use base::Secret;
use unicode_normalization::UnicodeNormalization;

pub use bank::{BankAccount, is_iban};
pub use identity::{IdentityNumber, check_character};
pub use mask::mask;
pub use phone::read_phone;
pub use place::Address;

use crate::limits::{EXTERNAL_ID_CHARS_MAX, MAIL_BYTES_MAX, MAIL_LOCAL_BYTES_MAX, NAME_CHARS_MAX};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A person's name.
    Name,
    /// A phone number, E.164.
    Phone,
    /// An e-mail address.
    Email,
    /// A postal address.
    Address,
    /// A number of an identity document.
    Identity,
    /// A bank account for payouts.
    BankAccount,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] =
        [Kind::Name, Kind::Phone, Kind::Email, Kind::Address, Kind::Identity, Kind::BankAccount];

    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Name => "name",
            Kind::Phone => "phone",
            Kind::Email => "email",
            Kind::Address => "address",
            Kind::Identity => "identity",
            Kind::BankAccount => "bank_account",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether customers are found by it. An address has too many spellings to be found by.
    pub fn is_searchable(self) -> bool {
        self != Kind::Address
    }
}

/// Which rules a number follows, where a kind has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The kind has one form.
    Plain,
    /// A Chinese resident identity number (GB 11643, ISO 7064 MOD 11-2).
    CnResidentId,
    /// A passport.
    Passport,
    /// Another document; length and characters are all that is checked.
    OtherId,
    /// An international bank account number (ISO 13616).
    Iban,
    /// A bank card that payouts go to (Luhn).
    Card,
    /// An account number of one country's own form.
    Account,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Scheme; 7] = [
        Scheme::Plain,
        Scheme::CnResidentId,
        Scheme::Passport,
        Scheme::OtherId,
        Scheme::Iban,
        Scheme::Card,
        Scheme::Account,
    ];

    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Plain => "plain",
            Scheme::CnResidentId => "cn_resident_id",
            Scheme::Passport => "passport",
            Scheme::OtherId => "other",
            Scheme::Iban => "iban",
            Scheme::Card => "card",
            Scheme::Account => "account",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|scheme| scheme.name() == name)
    }
}

/// Why a value was refused. The value is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueProblem {
    /// Nothing but spaces.
    #[error("must not be empty")]
    Empty,
    /// Past the limit.
    #[error("must have at most {max} characters")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// A control character, line break or invisible mark.
    #[error("must not contain line breaks, control or invisible characters")]
    Invisible,
    /// Not a phone number.
    #[error("must be a phone number with its country, as `+86 138 0013 8000`")]
    Phone,
    /// Not an e-mail address.
    #[error("must be an e-mail address such as `name@shop.example`")]
    Email,
    /// Not a country.
    #[error("must be a country as two upper-case letters (ISO 3166-1), as `CN`")]
    Country,
    /// An address without city or street.
    #[error("an address needs a country, a city and 1 to 4 street lines")]
    Address,
    /// Not an identity number.
    #[error("must be letters and digits, 4 to 40, with spaces or hyphens between groups at most")]
    Identity,
    /// The check character is wrong, or the date inside.
    #[error("is not a resident identity number: 18 characters with a date of birth and a check character")]
    ResidentId,
    /// Not an IBAN.
    #[error("is not an IBAN: wrong country, length or check digits")]
    Iban,
    /// Not a bank card.
    #[error("is not a bank card number: wrong length or check digit")]
    Card,
    /// Not an account number.
    #[error("must be 5 to 30 digits, with spaces or hyphens between groups at most")]
    Account,
    /// Not an id of a shop's own.
    #[error("must be 1 to {EXTERNAL_ID_CHARS_MAX} visible characters without spaces")]
    ExternalId,
    /// A card number where it would be shown whole.
    #[error("must not be a card number")]
    CardNumber,
}

/// One value, checked and in canonical form.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    kind: Kind,
    scheme: Scheme,
    text: Secret<String>,
}

impl Value {
    pub(crate) fn checked(kind: Kind, scheme: Scheme, text: String) -> Value {
        Value { kind, scheme, text: Secret::new(text) }
    }

    /// A person's name: NFC, spaces collapsed.
    ///
    /// # Errors
    /// [`ValueProblem::Empty`], [`ValueProblem::TooLong`], [`ValueProblem::Invisible`].
    pub fn name(text: &str) -> Result<Value, ValueProblem> {
        clean(text, NAME_CHARS_MAX).map(|text| Value::checked(Kind::Name, Scheme::Plain, text))
    }

    /// A phone number, to E.164. Mainland mobile numbers may come without their country.
    ///
    /// # Errors
    /// [`ValueProblem::Phone`].
    pub fn phone(text: &str) -> Result<Value, ValueProblem> {
        let number = read_phone(text).ok_or(ValueProblem::Phone)?;
        Ok(Value::checked(Kind::Phone, Scheme::Plain, number))
    }

    /// An e-mail address: NFC, the domain in lower case.
    ///
    /// # Errors
    /// [`ValueProblem::Email`] and those of [`Value::name`].
    pub fn email(text: &str) -> Result<Value, ValueProblem> {
        let address = clean(text, MAIL_BYTES_MAX)?;
        let (local, domain) = address.rsplit_once('@').ok_or(ValueProblem::Email)?;
        if address.len() > MAIL_BYTES_MAX || !is_local_part(local) || !is_domain(domain) {
            return Err(ValueProblem::Email);
        }
        let address = format!("{local}@{}", domain.to_lowercase());
        Ok(Value::checked(Kind::Email, Scheme::Plain, address))
    }

    /// Reads back what was sealed: our own canonical form.
    pub(crate) fn stored(kind: Kind, scheme: Scheme, text: Secret<String>) -> Value {
        Value { kind, scheme, text }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which rules it follows.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The value in canonical form. Each call is a place to review.
    pub fn text(&self) -> &Secret<String> {
        &self.text
    }

    /// What the blind index is made from: the same for every way of writing the same value.
    pub fn index_text(&self) -> Option<Secret<String>> {
        let text = self.text.expose();
        let folded = match self.kind {
            Kind::Address => return None,
            Kind::Name | Kind::Email => text.nfkc().collect::<String>().to_lowercase(),
            Kind::Phone | Kind::Identity | Kind::BankAccount => text.clone(),
        };
        Some(Secret::new(folded))
    }

    /// What of it is shown without opening it.
    pub fn masked(&self) -> String {
        mask(self.kind, self.scheme, self.text.expose())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.kind.name())
    }
}

/// What a shop calls a customer or card itself: not shown to anybody else, sealed all the same.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalId(Secret<String>);

impl ExternalId {
    /// Reads an id of 1 to [`EXTERNAL_ID_CHARS_MAX`] visible characters. It is shown whole, so a card number is none.
    ///
    /// # Errors
    /// [`ValueProblem::ExternalId`].
    pub fn parse(text: &str) -> Result<ExternalId, ValueProblem> {
        let text = text.trim();
        let fits = (1..=EXTERNAL_ID_CHARS_MAX).contains(&text.chars().count())
            && text.chars().all(|c| !c.is_whitespace() && !is_invisible(c));
        if audit::holds_card_number(text) {
            return Err(ValueProblem::CardNumber);
        }
        if fits { Ok(ExternalId(Secret::new(text.nfc().collect()))) } else { Err(ValueProblem::ExternalId) }
    }

    /// The id.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId")
    }
}

/// NFC, spaces collapsed, not empty, at most `max` characters, nothing invisible.
pub(crate) fn clean(text: &str, max: usize) -> Result<String, ValueProblem> {
    if text.len() > max.saturating_mul(16) {
        return Err(ValueProblem::TooLong { max });
    }
    let text: String = text.nfc().collect();
    let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
    let text = words.join(" ");
    if text.is_empty() {
        return Err(ValueProblem::Empty);
    }
    if text.chars().any(is_invisible) {
        return Err(ValueProblem::Invisible);
    }
    if text.chars().count() > max { Err(ValueProblem::TooLong { max }) } else { Ok(text) }
}

/// Spaces as people type them; a line break or tab is none.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{3000}' | '\u{2000}'..='\u{200a}' | '\u{202f}')
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

fn is_local_part(local: &str) -> bool {
    let atom = |part: &str| {
        let fits = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        !part.is_empty() && part.chars().all(fits)
    };
    local.len() <= MAIL_LOCAL_BYTES_MAX && local.split('.').all(atom)
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        let fits =
            |c: char| c == '-' || if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() };
        (1..=63).contains(&label.len())
            && label.chars().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

/// Letters and digits in upper case, without the single separators between groups; `None` where there is anything else.
pub(crate) fn compact(text: &str, chars_max: usize) -> Option<String> {
    let text = text.trim();
    if text.len() > chars_max.saturating_mul(4) {
        return None;
    }
    let mut kept = String::with_capacity(text.len());
    let mut separated = true;
    for c in text.chars() {
        match c {
            ' ' | '-' if !separated => separated = true,
            c if c.is_ascii_alphanumeric() => {
                kept.push(c.to_ascii_uppercase());
                separated = false;
            }
            _ => return None,
        }
    }
    (!separated && kept.len() <= chars_max).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: Result<Value, ValueProblem>) -> Result<String, ValueProblem> {
        value.map(|value| value.text().expose().clone())
    }

    #[test]
    fn names_are_in_one_form() {
        assert_eq!(text(Value::name("  Zoe\u{301}   Li\u{3000}Hua ")).unwrap(), "Zoé Li Hua");
        assert_eq!(text(Value::name("张三")).unwrap(), "张三");
        assert_eq!(text(Value::name(" \u{3000} ")), Err(ValueProblem::Empty));
        assert_eq!(text(Value::name("a\nb")), Err(ValueProblem::Invisible));
        assert_eq!(text(Value::name("a\u{202e}b")), Err(ValueProblem::Invisible));
        assert!(Value::name(&"x".repeat(NAME_CHARS_MAX)).is_ok());
        assert!(Value::name(&"x".repeat(NAME_CHARS_MAX + 1)).is_err());
    }

    #[test]
    fn mail_keeps_its_local_part_and_is_found_in_any_case() {
        let mail = Value::email("Li.Hua@EXAMPLE.com").unwrap();
        assert_eq!(mail.text().expose(), "Li.Hua@example.com");
        assert_eq!(mail.index_text(), Value::email("li.hua@example.com").unwrap().index_text());
        for bad in [
            "",
            "a",
            "a@b",
            "@b.example",
            "a@",
            "a b@c.example",
            "a@-b.example",
            "a..b@c.example",
            "a@b@c.example",
        ] {
            assert!(Value::email(bad).is_err(), "{bad}");
        }
        assert!(Value::email(&format!("{}@b.example", "x".repeat(MAIL_LOCAL_BYTES_MAX))).is_ok());
        assert!(Value::email(&format!("{}@b.example", "x".repeat(MAIL_LOCAL_BYTES_MAX + 1))).is_err());
    }

    #[test]
    fn a_name_is_found_however_it_was_typed() {
        let index = |text: &str| Value::name(text).unwrap().index_text();
        assert_eq!(index("Ｌi　HUA"), index("li hua"));
        assert_ne!(index("Li Hua"), index("Li Hao"));
    }

    #[test]
    fn a_shops_own_ids_have_limits() {
        assert!(ExternalId::parse(&"x".repeat(EXTERNAL_ID_CHARS_MAX)).is_ok());
        assert!(ExternalId::parse(&"x".repeat(EXTERNAL_ID_CHARS_MAX + 1)).is_err());
        for card in ["4111111111111111", "4111-1111-1111-1111", "cust-4111111111111111"] {
            assert_eq!(ExternalId::parse(card).err(), Some(ValueProblem::CardNumber), "c31: {card}");
        }
        assert!(ExternalId::parse("4111111111111112").is_ok(), "an order's number");
        assert!(ExternalId::parse("").is_err() && ExternalId::parse("a b").is_err());
    }

    #[test]
    fn values_print_their_kind_alone() {
        assert_eq!(format!("{:?}", Value::name("Li Hua").unwrap()), "Value(name)");
        assert_eq!(format!("{:?}", ExternalId::parse("c-1").unwrap()), "ExternalId");
    }

    proptest! {
        #[test]
        fn what_was_read_once_is_read_the_same_again(input in "\\PC{0,40}") {
            for read in [Value::name, Value::phone, Value::email] {
                if let Ok(value) = read(&input) {
                    let again = read(value.text().expose());
                    prop_assert_eq!(again, Ok(value));
                }
            }
        }
    }
}
