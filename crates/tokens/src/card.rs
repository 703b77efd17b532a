//! Card numbers: read, checked by Luhn and the scheme's own rules, and shown masked.
//!
//! A card's verification code (CVC, CVV, CID) has no place here: nothing reads it, so nothing can store it (PCI 3.3.1).

use std::fmt;

use base::{Secret, Timestamp};

use crate::limits::{CARD_DIGITS_MAX, CARD_DIGITS_MIN, CARD_TEXT_BYTES_MAX, EXPIRY_YEARS_MAX};

/// Digits of the number's start that may be kept beside the last four, for 16 digits and more (PCI DSS, FAQ 1091).
const BIN_LONG: usize = 8;
/// The same for shorter numbers.
const BIN_SHORT: usize = 6;
/// A number has to be this long for the longer start.
const BIN_LONG_FROM: usize = 16;
const LAST: usize = 4;
/// Digits that are never shown.
const HIDDEN_MIN: usize = 4;

/// Whose card it is, told by the number's start (issuer identification number).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Brand {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// American Express.
    Amex,
    /// UnionPay.
    UnionPay,
    /// JCB.
    Jcb,
    /// Discover.
    Discover,
    /// Diners Club.
    Diners,
}

/// One range of starts: both ends have the same number of digits.
struct Range {
    brand: Brand,
    from: u32,
    to: u32,
    digits: u32,
    /// Bit `n` says that numbers of `n` digits are issued.
    lengths: u32,
}

const fn range(brand: Brand, from: u32, to: u32, digits: u32, lengths: u32) -> Range {
    Range { brand, from, to, digits, lengths }
}

const LONG: u32 = 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19;
const ALL_DINERS: u32 = 1 << 14 | 1 << 15 | LONG;

/// The schemes' published ranges. What two schemes share (622126–622925) runs on UnionPay's network.
const RANGES: [Range; 15] = [
    range(Brand::Visa, 4, 4, 1, 1 << 13 | 1 << 16 | 1 << 19),
    range(Brand::Mastercard, 51, 55, 2, 1 << 16),
    range(Brand::Mastercard, 2221, 2720, 4, 1 << 16),
    range(Brand::Amex, 34, 34, 2, 1 << 15),
    range(Brand::Amex, 37, 37, 2, 1 << 15),
    range(Brand::UnionPay, 62, 62, 2, LONG),
    range(Brand::UnionPay, 810, 817, 3, LONG),
    range(Brand::Jcb, 3528, 3589, 4, LONG),
    range(Brand::Discover, 6011, 6011, 4, LONG),
    range(Brand::Discover, 644, 649, 3, LONG),
    range(Brand::Discover, 65, 65, 2, LONG),
    range(Brand::Diners, 300, 305, 3, ALL_DINERS),
    range(Brand::Diners, 3095, 3095, 4, ALL_DINERS),
    range(Brand::Diners, 36, 36, 2, ALL_DINERS),
    range(Brand::Diners, 38, 39, 2, ALL_DINERS),
];

impl Brand {
    /// Every brand.
    pub const ALL: [Brand; 7] = [
        Brand::Visa,
        Brand::Mastercard,
        Brand::Amex,
        Brand::UnionPay,
        Brand::Jcb,
        Brand::Discover,
        Brand::Diners,
    ];

    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            Brand::Visa => "visa",
            Brand::Mastercard => "mastercard",
            Brand::Amex => "amex",
            Brand::UnionPay => "unionpay",
            Brand::Jcb => "jcb",
            Brand::Discover => "discover",
            Brand::Diners => "diners",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Brand::Visa => "Visa",
            Brand::Mastercard => "Mastercard",
            Brand::Amex => "American Express",
            Brand::UnionPay => "UnionPay",
            Brand::Jcb => "JCB",
            Brand::Discover => "Discover",
            Brand::Diners => "Diners Club",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Brand> {
        Brand::ALL.into_iter().find(|brand| brand.name() == name)
    }

    fn range_of(digits: &str) -> Option<&'static Range> {
        RANGES.iter().find(|range| {
            let start = digits.get(..range.digits as usize).and_then(|text| text.parse::<u32>().ok());
            start.is_some_and(|start| (range.from..=range.to).contains(&start))
        })
    }
}

/// Why a card was refused. The number is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardProblem {
    /// Not digits in groups.
    #[error(
        "must be {CARD_DIGITS_MIN} to {CARD_DIGITS_MAX} digits, with single spaces or hyphens between groups at most"
    )]
    NotDigits,
    /// No scheme we know.
    #[error(
        "starts like no card of Visa, Mastercard, American Express, UnionPay, JCB, Discover or Diners Club"
    )]
    UnknownBrand,
    /// A length the scheme does not issue.
    #[error("has a length that {} does not issue", .0.title())]
    Length(Brand),
    /// A typing error.
    #[error("is not a card number: its check digit is wrong; look for a mistyped digit")]
    Luhn,
    /// Not a month.
    #[error("must be a month from 1 to 12")]
    Month,
    /// Over, or too far ahead.
    #[error("must be a month that is not over and at most {EXPIRY_YEARS_MAX} years ahead")]
    Expired,
}

/// A card number (PAN) that passed every check.
#[derive(Clone, PartialEq, Eq)]
pub struct CardNumber {
    digits: Secret<String>,
    brand: Brand,
}

impl CardNumber {
    /// Reads a number as people type it: digits, single spaces or hyphens between groups.
    ///
    /// # Errors
    /// [`CardProblem`].
    pub fn parse(text: &str) -> Result<CardNumber, CardProblem> {
        let digits = Secret::new(read_digits(text).ok_or(CardProblem::NotDigits)?);
        let range = Brand::range_of(digits.expose()).ok_or(CardProblem::UnknownBrand)?;
        if range.lengths & (1 << digits.expose().len()) == 0 {
            return Err(CardProblem::Length(range.brand));
        }
        if !is_luhn(digits.expose()) {
            return Err(CardProblem::Luhn);
        }
        Ok(CardNumber { brand: range.brand, digits })
    }

    /// The whole number. Each call is a place to review.
    pub fn digits(&self) -> &Secret<String> {
        &self.digits
    }

    /// Whose card it is.
    pub fn brand(&self) -> Brand {
        self.brand
    }

    /// What may be kept and shown beside the token (PCI 3.4.1).
    pub fn shown(&self) -> Shown {
        let digits = self.digits.expose();
        let long = digits.len() >= BIN_LONG_FROM;
        let start =
            if long { BIN_LONG } else { BIN_SHORT.min(digits.len().saturating_sub(LAST + HIDDEN_MIN)) };
        Shown {
            brand: self.brand,
            bin: digits.get(..start).unwrap_or_default().to_owned(),
            last4: digits.get(digits.len() - LAST..).unwrap_or_default().to_owned(),
            digits: digits.len(),
        }
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardNumber")
    }
}

/// The part of a card number that is no secret: at most the first eight digits and the last four.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whose card it is.
    pub brand: Brand,
    /// The first eight digits, of a short number as many as leave four hidden; empty once the card was deleted.
    pub bin: String,
    /// The last four digits.
    pub last4: String,
    /// How many digits the number has.
    pub digits: usize,
}

impl Shown {
    /// For people: `Visa ···· 1111`.
    pub fn masked(&self) -> String {
        format!("{} ···· {}", self.brand.title(), self.last4)
    }
}

/// The last month in which a card is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry {
    /// Four digits.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
}

impl Expiry {
    /// Reads a month that is not over at `now`, wherever on earth the card was issued. Two-digit years are of this
    /// century.
    ///
    /// # Errors
    /// [`CardProblem::Month`], [`CardProblem::Expired`].
    pub fn parse(year: i64, month: i64, now: Timestamp) -> Result<Expiry, CardProblem> {
        if !(1..=12).contains(&month) {
            return Err(CardProblem::Month);
        }
        let year = if (0..100).contains(&year) { year + 2000 } else { year };
        // It is still the last day of the month twelve hours west of Greenwich.
        let present = year_month(now.plus_seconds(-12 * 3600));
        let expiry = Expiry { year, month };
        let last = Expiry { year: present.year + EXPIRY_YEARS_MAX, month: present.month };
        if expiry < present || expiry > last { Err(CardProblem::Expired) } else { Ok(expiry) }
    }

    /// One number, as stored: `202912`.
    pub fn to_number(self) -> i64 {
        self.year * 100 + self.month
    }

    /// Reads the stored number.
    pub fn from_number(number: i64) -> Expiry {
        Expiry { year: number / 100, month: number % 100 }
    }

    /// Whether the month is over everywhere at `now`.
    pub fn is_over(self, now: Timestamp) -> bool {
        self < year_month(now.plus_seconds(-12 * 3600))
    }
}

fn year_month(at: Timestamp) -> Expiry {
    let date =
        jiff::Timestamp::from_millisecond(at.millis()).map(|t| t.to_zoned(jiff::tz::TimeZone::UTC).date());
    let date = date.unwrap_or(jiff::civil::Date::ZERO);
    Expiry { year: i64::from(date.year()), month: i64::from(date.month()) }
}

/// Digits with single separators between them; `None` for anything else.
fn read_digits(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > CARD_TEXT_BYTES_MAX {
        return None;
    }
    let mut digits = String::with_capacity(CARD_DIGITS_MAX + 1);
    let mut separated = true;
    for c in text.chars() {
        match c {
            '0'..='9' => {
                digits.push(c);
                separated = false;
            }
            ' ' | '-' if !separated => separated = true,
            _ => {
                zeroize::Zeroize::zeroize(&mut digits);
                return None;
            }
        }
    }
    let fits = !separated && (CARD_DIGITS_MIN..=CARD_DIGITS_MAX).contains(&digits.len());
    fits.then_some(digits)
}

/// Whether the last digit is the check digit of those before it (ISO/IEC 7812-1, annex B: Luhn). Digits alone.
pub fn is_luhn(digits: &str) -> bool {
    let mut sum = 0u32;
    for (place, byte) in digits.bytes().rev().enumerate() {
        let Some(digit) = char::from(byte).to_digit(10) else { return false };
        let weighed = if place.is_multiple_of(2) { digit } else { digit * 2 };
        sum += if weighed > 9 { weighed - 9 } else { weighed };
    }
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// Whether a text holds a run of 13 to 19 digits that passes Luhn: what a scan for card numbers would find (CR-5).
pub fn holds_card_number(text: &str) -> bool {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.filter(|run| (CARD_DIGITS_MIN..=CARD_DIGITS_MAX).contains(&run.len())).any(is_luhn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-03-01 in Shanghai, still February in Honolulu.
    const NOW: Timestamp = Timestamp(1_772_330_400_000);

    #[track_caller]
    fn check(text: &str, expect: Result<Brand, CardProblem>) {
        assert_eq!(CardNumber::parse(text).map(|card| card.brand()), expect, "{text}");
    }

    #[test]
    fn cr_4_each_scheme_is_known_by_its_start_and_length() {
        check("4111111111111111", Ok(Brand::Visa));
        check("4222222222222", Ok(Brand::Visa));
        check("5555-5555-5555-4444", Ok(Brand::Mastercard));
        check("2223 0031 2200 3222", Ok(Brand::Mastercard));
        check("378282246310005", Ok(Brand::Amex));
        check("6200000000000005", Ok(Brand::UnionPay));
        check("6205500000000000004", Ok(Brand::UnionPay));
        check("8171999927660000", Ok(Brand::UnionPay));
        check("3530111333300000", Ok(Brand::Jcb));
        check("6011000990139424", Ok(Brand::Discover));
        check("30569309025904", Ok(Brand::Diners));
        check("36227206271667", Ok(Brand::Diners));
    }

    #[test]
    fn a_wrong_number_says_what_is_wrong_and_not_which_number() {
        check("4111111111111112", Err(CardProblem::Luhn));
        check("411111111111116", Err(CardProblem::Length(Brand::Visa)));
        check("1111111111111117", Err(CardProblem::UnknownBrand));
        check("0000000000000000", Err(CardProblem::UnknownBrand));
        for bad in [
            "",
            "4111 1111",
            "4111--1111-1111-1111",
            "-4111111111111111",
            "4111111111111111 1 1 1 1",
            "４１１１１１１１１１１１１１１１",
            "4111111111111111x",
            "4111.1111.1111.1111",
        ] {
            check(bad, Err(CardProblem::NotDigits));
        }
        let text = CardProblem::Length(Brand::Visa).to_string();
        assert!(!text.chars().any(|c| c.is_ascii_digit()), "{text}");
    }

    #[test]
    fn cr_5_at_most_bin_and_last_four_are_shown() {
        let shown = CardNumber::parse("4111 1111 1111 1111").unwrap().shown();
        assert_eq!((shown.bin.as_str(), shown.last4.as_str()), ("41111111", "1111"));
        let amex = CardNumber::parse("378282246310005").unwrap().shown();
        assert_eq!((amex.bin.as_str(), amex.last4.as_str()), ("378282", "0005"));
        assert_eq!(amex.masked(), "American Express ···· 0005");
    }

    #[test]
    fn a_card_is_good_to_the_end_of_its_month_everywhere() {
        let read = |year, month| Expiry::parse(year, month, NOW).map(Expiry::to_number);
        assert_eq!(read(2026, 2), Ok(202_602));
        assert_eq!(read(26, 2), Ok(202_602));
        assert_eq!(read(2026, 1), Err(CardProblem::Expired));
        assert_eq!(read(2026, 0), Err(CardProblem::Month));
        assert_eq!(read(2026, 13), Err(CardProblem::Month));
        assert_eq!(read(2046, 2), Ok(204_602));
        assert_eq!(read(2046, 3), Err(CardProblem::Expired));
        assert!(Expiry { year: 2026, month: 1 }.is_over(NOW));
        assert!(!Expiry { year: 2026, month: 2 }.is_over(NOW));
    }

    #[test]
    fn no_two_ranges_claim_one_start() {
        for range in &RANGES {
            for start in [range.from, range.to] {
                let found = Brand::range_of(&format!("{start}000000")).map(|found| found.brand);
                assert_eq!(found, Some(range.brand), "{start}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_one_mistyped_digit_is_caught(body in "4[0-9]{14}", place in 0usize..16, step in 1u32..10) {
            let number = with_check_digit(&body);
            prop_assert!(CardNumber::parse(&number).is_ok());
            let mut wrong: Vec<u32> = number.chars().map(|c| c.to_digit(10).unwrap()).collect();
            wrong[place] = (wrong[place] + step) % 10;
            let wrong: String = wrong.iter().map(ToString::to_string).collect();
            prop_assert!(!is_luhn(&wrong));
        }

        #[test]
        fn separators_change_nothing(body in "62[0-9]{13,16}") {
            let number = with_check_digit(&body);
            let grouped: Vec<String> = number.as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
            prop_assert_eq!(CardNumber::parse(&number), CardNumber::parse(&grouped.join(" ")));
        }

        #[test]
        fn no_more_than_twelve_digits_are_ever_shown(body in "(4[0-9]{14}|3[47][0-9]{12}|62[0-9]{16})") {
            let shown = CardNumber::parse(&with_check_digit(&body)).unwrap().shown();
            prop_assert!(shown.bin.len() + shown.last4.len() <= 12);
            prop_assert!(shown.digits - shown.bin.len() - shown.last4.len() >= 4);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = CardNumber::parse(&text);
        }
    }

    fn with_check_digit(body: &str) -> String {
        (0..10).map(|digit| format!("{body}{digit}")).find(|number| is_luhn(number)).unwrap()
    }
}
