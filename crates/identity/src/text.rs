//! Texts people type, checked: names, e-mail addresses, labels. Normalised to Unicode NFC, without control characters.

use std::fmt;

use base::Secret;
use unicode_normalization::UnicodeNormalization;

use crate::limits::{EMAIL_BYTES_MAX, EMAIL_LOCAL_BYTES_MAX, LABEL_CHARS_MAX, NAME_CHARS_MAX};

/// Why a text was refused. The text itself is not repeated: it may be personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but spaces.
    #[error("must not be empty")]
    Empty,
    /// Past the limit.
    #[error("must have at most {max} characters")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// A control character, line break, or invisible direction mark.
    #[error("must not contain line breaks, control or invisible characters")]
    Invisible,
    /// Not an e-mail address.
    #[error("must be an e-mail address such as `name@shop.example`")]
    NotEmail,
    /// Not a telephone number.
    #[error("must be a telephone number with its country, such as `+86 138 0013 8000`")]
    NotPhone,
}

/// The name of a person.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonName(Secret<String>);

impl PersonName {
    /// Reads a name: 1 to [`NAME_CHARS_MAX`] characters, trimmed.
    ///
    /// # Errors
    /// [`TextError::Empty`], [`TextError::TooLong`], [`TextError::Invisible`].
    pub fn parse(text: &str) -> Result<PersonName, TextError> {
        clean(text, NAME_CHARS_MAX).map(|name| PersonName(Secret::new(name)))
    }

    /// The name, to be sealed or shown to who may see it.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName")
    }
}

/// An e-mail address, in NFC and lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(Secret<String>);

impl Email {
    /// Reads an address of at most [`EMAIL_BYTES_MAX`] bytes. Quoted local parts and comments are refused: no provider
    /// gives them out, and every one of them is a trap for a mail program.
    ///
    /// # Errors
    /// [`TextError::Empty`], [`TextError::TooLong`], [`TextError::Invisible`], [`TextError::NotEmail`].
    pub fn parse(text: &str) -> Result<Email, TextError> {
        let address = clean(text, EMAIL_BYTES_MAX)?.to_lowercase();
        if address.len() > EMAIL_BYTES_MAX {
            return Err(TextError::TooLong { max: EMAIL_BYTES_MAX });
        }
        if !is_address(&address) {
            return Err(TextError::NotEmail);
        }
        Ok(Email(Secret::new(address)))
    }

    /// The address, to be sealed, indexed or written to.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email")
    }
}

/// A label: what somebody calls an API key, a device, a shop. Not personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// Reads a label of 1 to [`LABEL_CHARS_MAX`] characters.
    ///
    /// # Errors
    /// [`TextError::Empty`], [`TextError::TooLong`], [`TextError::Invisible`].
    pub fn parse(text: &str) -> Result<Label, TextError> {
        clean(text, LABEL_CHARS_MAX).map(Label)
    }

    /// A label from what a machine says about itself: shortened and cleaned instead of refused.
    pub fn from_agent(text: &str) -> Label {
        let kept: String = text.chars().filter(|c| !is_invisible(*c)).take(LABEL_CHARS_MAX).collect();
        let kept = kept.trim();
        Label(if kept.is_empty() { "unknown".to_owned() } else { kept.to_owned() })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// NFC, trimmed, not empty, at most `max` characters, nothing invisible.
pub(crate) fn clean(text: &str, max: usize) -> Result<String, TextError> {
    // A character can take a few code points before NFC; far more than that is not worth normalising.
    if text.len() > max.saturating_mul(16) {
        return Err(TextError::TooLong { max });
    }
    let cleaned: String = text.trim().nfc().collect();
    if cleaned.is_empty() {
        return Err(TextError::Empty);
    }
    if cleaned.chars().any(is_invisible) {
        return Err(TextError::Invisible);
    }
    if cleaned.chars().count() > max { Err(TextError::TooLong { max }) } else { Ok(cleaned) }
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let local_fits = local.len() <= EMAIL_LOCAL_BYTES_MAX && local.split('.').all(is_atom);
    let labels: Vec<&str> = domain.split('.').collect();
    local_fits && labels.len() >= 2 && labels.iter().all(|label| is_domain_label(label))
}

fn is_atom(part: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    !part.is_empty() && part.chars().all(fits)
}

fn is_domain_label(label: &str) -> bool {
    let fits =
        |c: char| c == '-' || if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() };
    let edges = !label.starts_with('-') && !label.ends_with('-');
    !label.is_empty() && label.len() <= 63 && edges && label.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn email(text: &str, expect: Result<&str, TextError>) {
        let found = Email::parse(text);
        assert_eq!(found.as_ref().map(|email| email.secret().expose().as_str()), expect.as_ref().map(|e| *e));
    }

    #[test]
    fn addresses_are_normalised() {
        email(" Zhang.San@Shop.Example ", Ok("zhang.san@shop.example"));
        email("e\u{301}va@shop.example", Ok("\u{e9}va@shop.example"));
        email("张三@邮件.example", Ok("张三@邮件.example"));
        email("a+tag@b.example", Ok("a+tag@b.example"));
    }

    #[test]
    fn other_texts_are_no_addresses() {
        for bad in [
            "a",
            "@b.example",
            "a@",
            "a@b",
            "a@@b.example",
            "a b@c.example",
            "a@b..example",
            "a@-b.example",
            ".a@b.example",
            "a.@b.example",
            "\"a\"@b.example",
            "a@b.example,c@d.example",
            "a<b@c.example>",
            "a@b_c.example",
        ] {
            email(bad, Err(TextError::NotEmail));
        }
        email("", Err(TextError::Empty));
        email("a@b.example\r\nbcc: c@d.example", Err(TextError::Invisible));
        email("a\u{202e}@b.example", Err(TextError::Invisible));
    }

    #[test]
    fn an_address_has_at_most_254_bytes_and_64_before_the_at() {
        let domain = format!("{}.{}.{}.example", "b".repeat(63), "c".repeat(63), "d".repeat(53));
        let at_limit = format!("{}@{domain}", "a".repeat(254 - 1 - domain.len()));
        assert_eq!(at_limit.len(), EMAIL_BYTES_MAX);
        assert!(Email::parse(&at_limit).is_ok());
        email(&format!("a{at_limit}"), Err(TextError::TooLong { max: EMAIL_BYTES_MAX }));
        assert!(Email::parse(&format!("{}@b.example", "a".repeat(64))).is_ok());
        email(&format!("{}@b.example", "a".repeat(65)), Err(TextError::NotEmail));
        email(&"a".repeat(100_000), Err(TextError::TooLong { max: EMAIL_BYTES_MAX }));
    }

    #[test]
    fn names_are_1_to_100_characters() {
        assert_eq!(PersonName::parse("  "), Err(TextError::Empty));
        assert!(PersonName::parse(&"张".repeat(100)).is_ok());
        assert_eq!(PersonName::parse(&"张".repeat(101)), Err(TextError::TooLong { max: 100 }));
        assert_eq!(PersonName::parse("a\nb"), Err(TextError::Invisible));
        assert_eq!(format!("{:?}", PersonName::parse("Zhang San").unwrap()), "PersonName");
    }

    #[test]
    fn labels_of_machines_are_shortened_and_never_empty() {
        assert_eq!(Label::from_agent("\n\u{202e}").as_str(), "unknown");
        assert_eq!(Label::from_agent(&"x".repeat(500)).as_str().len(), LABEL_CHARS_MAX);
    }
}
