//! Short texts of shops and orders, checked once where they come in.

use std::fmt;

/// A text that people typed: trimmed, not empty, bounded, without control characters or direction overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortText(String);

impl ShortText {
    /// Checks a text against a limit in characters.
    ///
    /// # Errors
    /// [`TextError`].
    pub fn parse(text: &str, chars_max: usize) -> Result<ShortText, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.chars().count() > chars_max {
            return Err(TextError::TooLong(chars_max));
        }
        if text.chars().any(is_hostile) {
            return Err(TextError::Characters);
        }
        if audit::holds_card_number(text) {
            return Err(TextError::CardNumber);
        }
        Ok(ShortText(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Control characters, and the bidirectional controls with which a text can look like another (Unicode TR 36).
fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but spaces.
    #[error("must not be empty")]
    Empty,
    /// Too long.
    #[error("must be at most {0} characters")]
    TooLong(usize),
    /// Control characters.
    #[error("must not contain control characters")]
    Characters,
    /// A card number, which belongs into a token and nowhere else (PCI DSS 3.3).
    #[error("must not contain a card number; if it is none, put a letter in front of it")]
    CardNumber,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c31_texts_have_a_limit_on_both_sides_no_tricks_and_no_card_number() {
        assert_eq!(ShortText::parse(" 茶 ", 1).unwrap().as_str(), "茶");
        assert_eq!(ShortText::parse("ab", 1), Err(TextError::TooLong(1)));
        assert_eq!(ShortText::parse("  ", 1), Err(TextError::Empty));
        for bad in ["a\nb", "a\u{0}b", "pay \u{202E}eolp"] {
            assert_eq!(ShortText::parse(bad, 20), Err(TextError::Characters));
        }
        for card in ["4111111111111111", "card 5555 5555 5555 4444"] {
            assert_eq!(ShortText::parse(card, 40), Err(TextError::CardNumber));
        }
        for other in ["order 4111111111111112", "1772357400000"] {
            assert!(ShortText::parse(other, 40).is_ok());
        }
    }
}
