//! Free text that may enter the log: short, and without what looks like a card number or a PIN.

use std::fmt;

/// Longest free text of an entry, in characters.
pub const TEXT_CHARS_MAX: usize = 200;
/// Digits a card number has at least (ISO/IEC 7812).
pub const CARD_DIGITS_MIN: usize = 13;
/// Digits a card number has at most.
pub const CARD_DIGITS_MAX: usize = 19;
/// Digits from which a number after a word such as `pin` counts as a secret.
pub const PIN_DIGITS_MIN: usize = 3;

/// Words after which a number is taken for a secret.
const SECRET_WORDS: [&str; 9] =
    ["pin", "cvv", "cvc", "otp", "password", "passcode", "密码", "验证码", "口令"];

/// Why a text may not enter the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing in it.
    #[error("the text is empty")]
    Empty,
    /// Longer than [`TEXT_CHARS_MAX`].
    #[error("the text is longer than {TEXT_CHARS_MAX} characters")]
    TooLong,
    /// A run of 13 to 19 digits that passes the check of a card number.
    #[error("the text seems to contain a card number; leave it out")]
    CardNumber,
    /// A number right after a word such as `pin` or `cvv`.
    #[error("the text seems to contain a PIN or code; leave it out")]
    SecretNumber,
}

/// A text that may enter the log: 1 to [`TEXT_CHARS_MAX`] characters, no card number, no PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// Checks a text that a person or another system gave.
    ///
    /// # Errors
    /// [`TextError`], one for each reason.
    pub fn parse(text: &str) -> Result<Text, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(TextError::TooLong);
        }
        match find_secret(text) {
            Some((_, problem)) => Err(problem),
            None => Ok(Text(text.to_owned())),
        }
    }

    /// Cuts a text to length and masks the digits of what [`Text::parse`] would refuse. For texts that must be logged
    /// and cannot be refused, such as a browser's name of itself. An empty text becomes `-`.
    pub fn masked(text: &str) -> Text {
        let mut kept: Vec<char> = text.chars().take(TEXT_CHARS_MAX).collect();
        while let Some((digits, _)) = find_secret(&kept.iter().collect::<String>()) {
            for place in digits {
                if let Some(c) = kept.get_mut(place) {
                    *c = '*';
                }
            }
        }
        Text(if kept.is_empty() { "-".to_owned() } else { kept.into_iter().collect() })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Bytes in hexadecimal, such as a hash. For what this program computed: a hash may well look like a number.
    pub fn hex(bytes: &[u8]) -> Text {
        Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// A text this crate built itself from ids and numbers.
    pub(crate) fn own(text: String) -> Text {
        Text(text)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run of digits: the places of its characters, and the digits.
#[derive(Default)]
struct Group {
    places: Vec<usize>,
    digits: Vec<u32>,
}

/// The first secret in a text: the places (in characters) of its digits, and what it looks like.
fn find_secret(text: &str) -> Option<(Vec<usize>, TextError)> {
    let chars: Vec<char> = text.chars().collect();
    let groups = digit_groups(&chars);
    let card = find_card(&chars, &groups, passes_luhn).map(|places| (places, TextError::CardNumber));
    card.or_else(|| find_pin(&chars, &groups).map(|places| (places, TextError::SecretNumber)))
}

fn digit_groups(chars: &[char]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group::default();
    for (place, c) in chars.iter().enumerate() {
        match digit(*c) {
            Some(value) => {
                group.places.push(place);
                group.digits.push(value);
            }
            None if group.digits.is_empty() => {}
            None => groups.push(std::mem::take(&mut group)),
        }
    }
    if !group.digits.is_empty() {
        groups.push(group);
    }
    groups
}

/// ASCII and full-width digits, as Chinese keyboards give them.
fn digit(c: char) -> Option<u32> {
    match c {
        '０'..='９' => Some(u32::from(c) - u32::from('０')),
        c => c.to_digit(10),
    }
}

/// Whether a text holds a card number: digits that begin as a card scheme's do, of the scheme's length and with the right
/// check digit (ISO/IEC 7812-1), whatever separates them. Narrower than [`Text::parse`], which may be wrong one time in ten
/// about a long order number; this is wrong about one in fifty that has 16 digits, and less often about others.
pub fn holds_card_number(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    find_card(&chars, &digit_groups(&chars), |digits| passes_luhn(digits) && has_scheme(digits)).is_some()
}

/// Whether digits begin and end as those of a card scheme: Visa, Mastercard, American Express, Diners Club, JCB, Discover,
/// UnionPay.
fn has_scheme(digits: &[u32]) -> bool {
    let start = digits.iter().take(4).fold(0, |number, digit| number * 10 + digit);
    matches!(
        (start / 100, start, digits.len()),
        (40..=49, _, 13 | 16 | 19)
            | (34 | 37, _, 15)
            | (36 | 38 | 39, _, 14)
            | (51..=55, _, 16)
            | (_, 2221..=2720, 16)
            | (35, _, 16)
            | (30, _, 14 | 16)
            | (62 | 81, _, 16..=19)
            | (_, 6011 | 6440..=6599, 16..=19)
    )
}

/// Groups that a single space, hyphen or dot separates (`4111 1111 …`, `4111-1111-…`) count as one number.
fn find_card(chars: &[char], groups: &[Group], fits: fn(&[u32]) -> bool) -> Option<Vec<usize>> {
    (0..groups.len()).find_map(|start| {
        let mut number = Group::default();
        for group in groups.iter().skip(start) {
            let adjacent = match (number.places.last(), group.places.first()) {
                (Some(last), Some(first)) => {
                    first - last == 2
                        && matches!(chars.get(last + 1), Some(' ' | '-' | '.' | '_' | '\u{a0}' | '\u{3000}'))
                }
                _ => true,
            };
            number.places.extend(&group.places);
            number.digits.extend(&group.digits);
            if !adjacent || number.digits.len() > CARD_DIGITS_MAX {
                return None;
            }
            if number.digits.len() >= CARD_DIGITS_MIN && fits(&number.digits) {
                return Some(number.places);
            }
        }
        None
    })
}

/// The check digit of ISO/IEC 7812-1 annex B.
fn passes_luhn(digits: &[u32]) -> bool {
    let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(i, d)| if i % 2 == 1 { doubled(*d) } else { *d }).sum();
    sum.is_multiple_of(10)
}

/// A number right after one of [`SECRET_WORDS`], with at most three characters such as `: ` or ` = ` between.
fn find_pin(chars: &[char], groups: &[Group]) -> Option<Vec<usize>> {
    let group = groups.iter().filter(|group| group.digits.len() >= PIN_DIGITS_MIN).find(|group| {
        let start = group.places.first().copied().unwrap_or(0);
        let before: String = chars.iter().take(start).collect::<String>().to_lowercase();
        let trimmed = before.trim_end_matches(|c: char| !c.is_alphanumeric());
        let gap = before.chars().count() - trimmed.chars().count();
        gap <= 3 && SECRET_WORDS.iter().any(|word| ends_with_word(trimmed, word))
    })?;
    Some(group.places.clone())
}

/// Whether `text` ends in `word`; a Latin word must stand alone, so that `spin 4567` is fine.
fn ends_with_word(text: &str, word: &str) -> bool {
    let Some(before) = text.strip_suffix(word) else { return false };
    !word.is_ascii() || !before.ends_with(|c: char| c.is_alphanumeric())
}
