//! Telephone numbers as people type them, kept in the one form of ITU-T E.164: a plus, the country, the number.

use std::fmt;

use base::Secret;

use crate::limits::{PHONE_DIGITS_MAX, PHONE_DIGITS_MIN};
use crate::text::{Email, TextError};

/// A telephone number, `+` and digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(Secret<String>);

impl Phone {
    /// Reads a number with its country code: `+86 138 0013 8000`, `0086-138…`. Spaces, dots, hyphens and brackets are how
    /// people write; without a country nobody can be reached from another one, so it is asked for.
    ///
    /// # Errors
    /// [`TextError::Empty`], [`TextError::NotPhone`].
    pub fn parse(text: &str) -> Result<Phone, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        let international = text.strip_prefix('+').or_else(|| text.strip_prefix("00"));
        let rest = international.ok_or(TextError::NotPhone)?;
        let digits: String =
            rest.chars().filter(|c| !" .-()".contains(*c)).take(PHONE_DIGITS_MAX + 1).collect();
        let fits = (PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&digits.len());
        if !fits || !digits.bytes().all(|b| b.is_ascii_digit()) || digits.starts_with('0') {
            return Err(TextError::NotPhone);
        }
        Ok(Phone(Secret::new(format!("+{digits}"))))
    }

    /// The number, to be sealed, indexed or written to.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }

    /// The last two digits behind dots, to recognise one's own number by: `•• 42`.
    pub fn hint(&self) -> String {
        let digits = self.0.expose();
        format!("•• {}", digits.get(digits.len().saturating_sub(2)..).unwrap_or_default())
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone")
    }
}

/// Where somebody is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// By mail.
    Email(Email),
    /// By text message.
    Phone(Phone),
}

impl Contact {
    /// Reads an address where there is an `@`, a number otherwise.
    ///
    /// # Errors
    /// Those of [`Email::parse`] and [`Phone::parse`].
    pub fn parse(text: &str) -> Result<Contact, TextError> {
        if text.contains('@') {
            Email::parse(text).map(Contact::Email)
        } else {
            Phone::parse(text).map(Contact::Phone)
        }
    }

    /// As [`Contact::parse`] where text messages go out; else an address alone, since a number could not be written to.
    ///
    /// # Errors
    /// Those of [`Contact::parse`].
    pub fn parse_reachable(text: &str, sends_texts: bool) -> Result<Contact, TextError> {
        if sends_texts { Contact::parse(text) } else { Email::parse(text).map(Contact::Email) }
    }

    /// The address or number.
    pub fn secret(&self) -> &Secret<String> {
        match self {
            Contact::Email(email) => email.secret(),
            Contact::Phone(phone) => phone.secret(),
        }
    }
}

impl From<Email> for Contact {
    fn from(email: Email) -> Contact {
        Contact::Email(email)
    }
}

impl From<Phone> for Contact {
    fn from(phone: Phone) -> Contact {
        Contact::Phone(phone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&str, TextError>) {
        let found = Phone::parse(text);
        assert_eq!(
            found.as_ref().map(|phone| phone.0.expose().as_str()),
            expect.as_ref().map(|e| *e),
            "{text}"
        );
    }

    #[test]
    fn numbers_are_kept_in_one_form() {
        for text in ["+86 138 0013 8000", "+86-138-0013-8000", "0086 (138) 0013.8000", " +8613800138000 "] {
            check(text, Ok("+8613800138000"));
        }
    }

    #[test]
    fn a_number_has_a_country_and_7_to_15_digits() {
        check("+1234567", Ok("+1234567"));
        check("+123456789012345", Ok("+123456789012345"));
        for bad in [
            "13800138000",
            "+123456",
            "+1234567890123456",
            "+0123456789",
            "+86 138a0138000",
            "+８６13800138000",
        ] {
            check(bad, Err(TextError::NotPhone));
        }
        check("", Err(TextError::Empty));
    }

    #[test]
    fn a_number_is_never_printed_and_its_hint_shows_two_digits() {
        let phone = Phone::parse("+8613800138042").unwrap();
        assert_eq!(phone.hint(), "•• 42");
        assert_eq!(format!("{phone:?}"), "Phone");
    }

    #[test]
    fn a_contact_is_an_address_or_a_number() {
        assert!(matches!(Contact::parse("a@b.example"), Ok(Contact::Email(_))));
        assert!(matches!(Contact::parse("+8613800138000"), Ok(Contact::Phone(_))));
        assert_eq!(Contact::parse("zhang"), Err(TextError::NotPhone));
    }
}
