//! Phone numbers, to E.164: `+`, country, number, no separators.

use crate::limits::{PHONE_DIGITS_MAX, PHONE_DIGITS_MIN};

/// Longest text a number is read from, bytes.
const TEXT_BYTES_MAX: usize = 60;
const CHINA: &str = "86";

/// Reads a phone number: `+` or `00` and the country first; a mainland mobile number (11 digits from 13 to 19) may do
/// without. `None` where it is not one.
pub fn read_phone(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (international, rest) = match (text.strip_prefix('+'), text.strip_prefix("00")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => (false, text),
    };
    let digits = digits_of(rest)?;
    let number = if international { digits } else { national(&digits)? };
    is_number(&number).then(|| format!("+{number}"))
}

/// Digits, with what people put between them: spaces, hyphens, dots, and one pair of brackets.
fn digits_of(text: &str) -> Option<String> {
    let mut digits = String::new();
    let mut open = false;
    let mut separated = false;
    for c in text.chars() {
        match c {
            '0'..='9' => {
                digits.push(c);
                separated = false;
            }
            '(' if !open => open = true,
            ')' if open => open = false,
            ' ' | '-' | '.' if !separated => separated = true,
            _ => return None,
        }
    }
    (!open && !separated).then_some(digits)
}

fn national(digits: &str) -> Option<String> {
    is_mainland_mobile(digits).then(|| format!("{CHINA}{digits}"))
}

fn is_mainland_mobile(digits: &str) -> bool {
    let mut bytes = digits.bytes();
    digits.len() == 11
        && bytes.next() == Some(b'1')
        && bytes.next().is_some_and(|b| (b'3'..=b'9').contains(&b))
}

fn is_number(number: &str) -> bool {
    let fits = (PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&number.len()) && !number.starts_with('0');
    let own_rules = match (number.strip_prefix(CHINA), number.strip_prefix('1')) {
        // Mobile numbers have 11 digits; fixed lines an area code without its zero and 7 or 8 digits.
        (Some(china), _) if china.starts_with('1') && china.len() == 11 => is_mainland_mobile(china),
        (Some(china), _) => (9..=11).contains(&china.len()),
        (None, Some(american)) => american.len() == 10 && american.bytes().next().is_some_and(|b| b >= b'2'),
        (None, None) => true,
    };
    fits && own_rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(read_phone(text).as_deref(), expect, "{text}");
    }

    #[test]
    fn one_number_has_one_form() {
        for text in
            ["13800138000", "+86 138 0013 8000", "+86-138-0013-8000", "0086 13800138000", "+86(138)00138000"]
        {
            check(text, Some("+8613800138000"));
        }
        check("+44 20 7946 0958", Some("+442079460958"));
        check("+1 (415) 555-2671", Some("+14155552671"));
        check("+86 10 6552 9988", Some("+861065529988"));
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for bad in [
            "",
            "+",
            "138",
            "23800138000",
            "+0123456789",
            "+86 138 0013 800x",
            "+86 118 0013 8000",
            "+1 115 555 2671",
            "+86  138",
            "020 7946 0958",
            "+86 (138",
            "+12345678901234567",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn length_has_a_limit_on_both_sides() {
        check(
            &format!("+4{}", "9".repeat(PHONE_DIGITS_MAX - 1)),
            Some(&format!("+4{}", "9".repeat(PHONE_DIGITS_MAX - 1))),
        );
        check(&format!("+4{}", "9".repeat(PHONE_DIGITS_MAX)), None);
        assert!(read_phone(&format!("+4{}", "9".repeat(PHONE_DIGITS_MIN - 1))).is_some());
        check(&format!("+4{}", "9".repeat(PHONE_DIGITS_MIN - 2)), None);
    }
}
