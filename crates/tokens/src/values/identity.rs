//! Numbers of identity documents.

use super::{Kind, Scheme, Value, ValueProblem, compact};
use crate::limits::{IDENTITY_CHARS_MAX, IDENTITY_CHARS_MIN};

/// An identity number, with the document it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityNumber<'a> {
    /// `cn_resident_id`, `passport` or `other`.
    pub scheme: Scheme,
    /// As typed.
    pub text: &'a str,
}

impl IdentityNumber<'_> {
    /// Checks the number by its document's rules.
    ///
    /// # Errors
    /// [`ValueProblem::Identity`], [`ValueProblem::ResidentId`].
    pub fn parse(self) -> Result<Value, ValueProblem> {
        let text = compact(self.text, IDENTITY_CHARS_MAX).ok_or(ValueProblem::Identity)?;
        if text.len() < IDENTITY_CHARS_MIN {
            return Err(ValueProblem::Identity);
        }
        match self.scheme {
            Scheme::CnResidentId if !is_resident_id(&text) => Err(ValueProblem::ResidentId),
            Scheme::CnResidentId | Scheme::Passport | Scheme::OtherId => {
                Ok(Value::checked(Kind::Identity, self.scheme, text))
            }
            Scheme::Plain | Scheme::Iban | Scheme::Card | Scheme::Account => Err(ValueProblem::Identity),
        }
    }
}

/// The check character of 17 digits by ISO 7064 MOD 11-2 (GB 11643-1999): the whole reads 1 modulo 11 where each place
/// counts twice the one to its right and `X` stands for ten.
pub fn check_character(seventeen: &str) -> Option<char> {
    if seventeen.len() != 17 {
        return None;
    }
    let mut sum = 0u32;
    for c in seventeen.chars() {
        sum = (sum + c.to_digit(10)?) * 2 % 11;
    }
    let check = (12 - sum) % 11;
    if check == 10 { Some('X') } else { char::from_digit(check, 10) }
}

/// Six digits of a place, eight of a date of birth, three of a sequence, one check character.
fn is_resident_id(text: &str) -> bool {
    let (Some(body), Some(last)) = (text.get(..17), text.get(17..)) else { return false };
    let place = matches!(body.as_bytes().first(), Some(b'1'..=b'9'));
    let born = body.get(6..14).is_some_and(is_date);
    let check = check_character(body);
    place && born && last.len() == 1 && check.is_some() && last.chars().next() == check
}

fn is_date(text: &str) -> bool {
    let part = |from: usize, to: usize| text.get(from..to).and_then(|t| t.parse::<i16>().ok());
    let (Some(year), Some(month), Some(day)) = (part(0, 4), part(4, 6), part(6, 8)) else { return false };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else { return false };
    year >= 1850 && jiff::civil::Date::new(year, month, day).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(scheme: Scheme, text: &str) -> Result<String, ValueProblem> {
        IdentityNumber { scheme, text }.parse().map(|value| value.text().expose().clone())
    }

    #[test]
    fn the_published_example_of_gb_11643_is_a_resident_id() {
        assert_eq!(read(Scheme::CnResidentId, "11010519491231002x").unwrap(), "11010519491231002X");
        assert_eq!(read(Scheme::CnResidentId, "440524 18800101 0014").unwrap(), "440524188001010014");
    }

    #[test]
    fn a_wrong_date_or_check_character_is_refused() {
        for bad in ["110105194912310021", "110105194913310026", "11010519491231002", "1101051949123100233"] {
            assert_eq!(read(Scheme::CnResidentId, bad), Err(ValueProblem::ResidentId), "{bad}");
        }
        assert_eq!(read(Scheme::CnResidentId, "一二三四"), Err(ValueProblem::Identity));
    }

    #[test]
    fn other_documents_are_letters_and_digits() {
        assert_eq!(read(Scheme::Passport, "e 1234-5678").unwrap(), "E12345678");
        assert!(read(Scheme::OtherId, &"A".repeat(IDENTITY_CHARS_MAX)).is_ok());
        assert!(read(Scheme::OtherId, &"A".repeat(IDENTITY_CHARS_MAX + 1)).is_err());
        assert!(read(Scheme::OtherId, &"A".repeat(IDENTITY_CHARS_MIN)).is_ok());
        assert!(read(Scheme::OtherId, &"A".repeat(IDENTITY_CHARS_MIN - 1)).is_err());
        assert!(read(Scheme::OtherId, "A/1234").is_err());
        assert!(read(Scheme::Iban, "A1234").is_err());
    }

    proptest! {
        #[test]
        fn any_one_wrong_character_is_caught(body in "[1-6][0-9]{5}19[5-9][0-9]0[1-9][12][0-9][0-9]{3}", place in 0usize..17, step in 1u32..10) {
            let whole = format!("{body}{}", check_character(&body).unwrap());
            prop_assume!(is_resident_id(&whole));
            let mut wrong: Vec<char> = whole.chars().collect();
            wrong[place] = char::from_digit((wrong[place].to_digit(10).unwrap() + step) % 10, 10).unwrap();
            let wrong: String = wrong.iter().collect();
            prop_assert!(!is_resident_id(&wrong));
        }
    }
}
