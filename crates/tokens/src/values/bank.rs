//! Bank accounts for payouts.

use super::{Kind, Scheme, Value, ValueProblem, compact};
use crate::card::CardNumber;
use crate::limits::{ACCOUNT_DIGITS_MAX, ACCOUNT_DIGITS_MIN, IBAN_CHARS_MAX};

/// Countries that issue IBANs, each with the length of its own (ISO 13616 registry).
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 \
    DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 \
    IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 \
    OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 \
    UA29 VA22 VG24 XK20 YE30";

/// An account number, with its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankAccount<'a> {
    /// `iban`, `card` or `account`.
    pub scheme: Scheme,
    /// As typed.
    pub text: &'a str,
}

impl BankAccount<'_> {
    /// Checks the number by its form's rules.
    ///
    /// # Errors
    /// [`ValueProblem::Iban`], [`ValueProblem::Card`], [`ValueProblem::Account`].
    pub fn parse(self) -> Result<Value, ValueProblem> {
        let value = |text| Ok(Value::checked(Kind::BankAccount, self.scheme, text));
        match self.scheme {
            Scheme::Iban => {
                let iban = compact(self.text, IBAN_CHARS_MAX).filter(|text| is_iban(text));
                value(iban.ok_or(ValueProblem::Iban)?)
            }
            Scheme::Card => {
                let card = CardNumber::parse(self.text).map_err(|_| ValueProblem::Card)?;
                value(card.digits().expose().clone())
            }
            Scheme::Account => {
                let digits = compact(self.text, ACCOUNT_DIGITS_MAX).filter(|text| is_account(text));
                value(digits.ok_or(ValueProblem::Account)?)
            }
            Scheme::Plain | Scheme::CnResidentId | Scheme::Passport | Scheme::OtherId => {
                Err(ValueProblem::Account)
            }
        }
    }
}

fn is_account(text: &str) -> bool {
    (ACCOUNT_DIGITS_MIN..=ACCOUNT_DIGITS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether compact upper-case text is an IBAN: its country's length, and the whole, moved by four and letters as 10 to
/// 35, reads 1 modulo 97 (ISO 13616, ISO 7064 MOD 97-10).
pub fn is_iban(text: &str) -> bool {
    let (Some(country), Some(check), Some(rest)) = (text.get(..2), text.get(2..4), text.get(4..)) else {
        return false;
    };
    let issued = IBAN_LENGTHS.split_whitespace().any(|entry| {
        let (name, length) = entry.split_at(2);
        name == country && length.parse() == Ok(text.len())
    });
    // 00, 01 and 99 read 1 modulo 97 as well as 97, 98 and 02 do, and are never issued.
    let check_fits = check.bytes().all(|b| b.is_ascii_digit()) && !matches!(check, "00" | "01" | "99");
    let moved = rest.chars().chain(country.chars()).chain(check.chars());
    let left = moved.map(|c| c.to_digit(36)).try_fold(0u32, |left, digit| {
        let digit = digit?;
        Some((left * if digit > 9 { 100 } else { 10 } + digit) % 97)
    });
    issued && check_fits && left == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(scheme: Scheme, text: &str) -> Result<String, ValueProblem> {
        BankAccount { scheme, text }.parse().map(|value| value.text().expose().clone())
    }

    #[test]
    fn examples_of_the_registry_are_ibans() {
        for (text, expect) in [
            ("GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"),
            ("de89 3704 0044 0532 0130 00", "DE89370400440532013000"),
            ("FR14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606"),
            ("NO93 8601 1117 947", "NO9386011117947"),
        ] {
            assert_eq!(read(Scheme::Iban, text).as_deref(), Ok(expect));
        }
        for bad in
            ["GB29 NWBK 6016 1331 9268 18", "GB29NWBK6016133192681", "ZZ29NWBK60161331926819", "", "GB"]
        {
            assert_eq!(read(Scheme::Iban, bad), Err(ValueProblem::Iban), "{bad}");
        }
    }

    #[test]
    fn payout_cards_pass_luhn() {
        assert_eq!(read(Scheme::Card, "6200 0000 0000 0005").as_deref(), Ok("6200000000000005"));
        assert_eq!(read(Scheme::Card, "6200 0000 0000 0006"), Err(ValueProblem::Card));
    }

    #[test]
    fn plain_accounts_are_digits_within_limits() {
        assert!(read(Scheme::Account, &"1".repeat(ACCOUNT_DIGITS_MIN)).is_ok());
        assert!(read(Scheme::Account, &"1".repeat(ACCOUNT_DIGITS_MIN - 1)).is_err());
        assert!(read(Scheme::Account, &"1".repeat(ACCOUNT_DIGITS_MAX)).is_ok());
        assert!(read(Scheme::Account, &"1".repeat(ACCOUNT_DIGITS_MAX + 1)).is_err());
        assert!(read(Scheme::Account, "12345A").is_err());
    }

    proptest! {
        #[test]
        fn two_neighbours_exchanged_are_caught(place in 4usize..21) {
            let mut iban: Vec<char> = "GB29NWBK60161331926819".chars().collect();
            prop_assume!(iban[place] != iban[place - 1] && place != 4);
            iban.swap(place, place - 1);
            prop_assert!(!is_iban(&iban.iter().collect::<String>()));
        }
    }
}
