//! Money in integer minor units with its ISO 4217 currency.

use std::fmt;
use std::str::FromStr;

use crate::limits::AMOUNT_MAX_MINOR;

/// An ISO 4217 currency that has a defined number of decimals.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Chinese yuan.
    pub const CNY: Currency = Currency(*b"CNY");
    /// US dollar.
    pub const USD: Currency = Currency(*b"USD");
    /// Euro.
    pub const EUR: Currency = Currency(*b"EUR");
    /// Japanese yen (no decimals).
    pub const JPY: Currency = Currency(*b"JPY");

    /// The three-letter code.
    pub fn code(&self) -> &str {
        // INVARIANT: built from `iso_currency`'s ASCII codes only.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Number of decimals of the minor unit: 2 for CNY, 0 for JPY, 3 for KWD.
    pub fn decimals(&self) -> u32 {
        self.iso().and_then(|iso| iso.exponent()).map_or(2, u32::from)
    }

    /// The three-digit numeric code, 156 for CNY.
    pub fn numeric(&self) -> u16 {
        self.iso().map_or(0, |iso| iso.numeric())
    }

    /// The symbol used in running text: `¥` for CNY, `US$` for USD, else the code itself.
    pub fn symbol(&self) -> &str {
        match self.code() {
            "CNY" => "¥",
            "JPY" => "JP¥",
            "USD" => "US$",
            "EUR" => "€",
            "GBP" => "£",
            "HKD" => "HK$",
            other => other,
        }
    }

    fn iso(&self) -> Option<iso_currency::Currency> {
        iso_currency::Currency::from_code(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    /// Reads an upper-case ISO 4217 code. Funds, metals and test codes without decimals are refused.
    fn from_str(text: &str) -> Result<Currency, MoneyError> {
        let iso = iso_currency::Currency::from_code(text).ok_or(MoneyError::Currency)?;
        if iso.exponent().is_none() {
            return Err(MoneyError::Currency);
        }
        let mut code = [0u8; 3];
        for (to, from) in code.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        Ok(Currency(code))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of one currency. May be negative where a difference is meant; commands ask for [`Money::payable`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units: fen, cents, yen.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// An amount in minor units.
    pub const fn new(minor: i64, currency: Currency) -> Money {
        Money { minor, currency }
    }

    /// An amount that can be paid: above zero and at most [`AMOUNT_MAX_MINOR`].
    ///
    /// # Errors
    /// [`MoneyError::NotPositive`], [`MoneyError::TooLarge`].
    pub fn payable(minor: i64, currency: Currency) -> Result<Money, MoneyError> {
        match minor {
            ..=0 => Err(MoneyError::NotPositive),
            1..=AMOUNT_MAX_MINOR => Ok(Money { minor, currency }),
            _ => Err(MoneyError::TooLarge),
        }
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] for two currencies, [`MoneyError::TooLarge`] on overflow.
    pub fn plus(self, other: Money) -> Result<Money, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Money { minor, ..self })
    }

    /// The difference; may be negative.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] for two currencies, [`MoneyError::TooLarge`] on overflow.
    pub fn minus(self, other: Money) -> Result<Money, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Money { minor, ..self })
    }

    /// Plain decimal digits without currency or separators: `1280.00`, `-3.50`, `500` for yen.
    pub fn decimal(&self) -> String {
        let decimals = self.currency.decimals();
        let unit = 10u64.pow(decimals);
        let (whole, part) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        let sign = if self.minor < 0 { "-" } else { "" };
        if decimals == 0 {
            return format!("{sign}{whole}");
        }
        format!("{sign}{whole}.{part:0width$}", width = decimals as usize)
    }

    /// Reads a decimal such as `1280`, `1280.5` or `1280.00`, as a person types it. No sign, no separators.
    ///
    /// # Errors
    /// [`MoneyError::Decimal`] for anything else, including more decimals than the currency has.
    pub fn parse_decimal(text: &str, currency: Currency) -> Result<Money, MoneyError> {
        let decimals = currency.decimals() as usize;
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let dangling = text.ends_with('.');
        if whole.is_empty() || dangling || part.len() > decimals || !digits(whole) || !digits(part) {
            return Err(MoneyError::Decimal);
        }
        let minor = format!("{whole}{part:0<decimals$}").parse().map_err(|_| MoneyError::TooLarge)?;
        Ok(Money { minor, currency })
    }

    fn same(self, other: Money) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::Mixed) }
    }
}

impl fmt::Display for Money {
    /// For people: symbol, thousands separated, as `¥1,280.00` or `-US$3.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Money { minor: self.minor.saturating_abs(), ..*self }.decimal();
        let (whole, part) = plain.split_once('.').map_or((plain.as_str(), None), |(w, p)| (w, Some(p)));
        if self.minor < 0 {
            f.write_str("-")?;
        }
        f.write_str(self.currency.symbol())?;
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        part.map_or(Ok(()), |part| write!(f, ".{part}"))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

/// Why an amount or currency was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an ISO 4217 currency with decimals.
    #[error("currency must be an ISO 4217 code such as `CNY`")]
    Currency,
    /// Zero or less.
    #[error("amount must be above zero")]
    NotPositive,
    /// Past the limit.
    #[error("amount must be at most {AMOUNT_MAX_MINOR} minor units")]
    TooLarge,
    /// Two currencies in one sum.
    #[error("amounts are in different currencies")]
    Mixed,
    /// Not a plain decimal.
    #[error("amount must be a plain number such as `12.50`")]
    Decimal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_a_limit_on_both_sides() {
        assert_eq!(Money::payable(0, Currency::CNY), Err(MoneyError::NotPositive));
        assert!(Money::payable(1, Currency::CNY).is_ok());
        assert!(Money::payable(AMOUNT_MAX_MINOR, Currency::CNY).is_ok());
        assert_eq!(Money::payable(AMOUNT_MAX_MINOR + 1, Currency::CNY), Err(MoneyError::TooLarge));
    }

    #[test]
    fn people_read_separated_thousands() {
        assert_eq!(Money::new(128_000, Currency::CNY).to_string(), "¥1,280.00");
        assert_eq!(Money::new(-350, Currency::USD).to_string(), "-US$3.50");
        assert_eq!(Money::new(5, Currency::CNY).to_string(), "¥0.05");
        assert_eq!(Money::new(1_234_567, Currency::JPY).to_string(), "JP¥1,234,567");
    }

    #[test]
    fn typed_decimals_are_read_exactly() {
        let read = |text| Money::parse_decimal(text, Currency::CNY).map(|m| m.minor);
        assert_eq!(read("12"), Ok(1200));
        assert_eq!(read("12.5"), Ok(1250));
        assert_eq!(read("0.05"), Ok(5));
        for bad in ["", ".", "12.", "1,2", "-1", "1.234", "１２", "1e3", " 1"] {
            assert_eq!(read(bad), Err(MoneyError::Decimal), "{bad}");
        }
        assert_eq!(read("99999999999999999999"), Err(MoneyError::TooLarge));
    }

    #[test]
    fn currencies_are_iso_codes() {
        assert_eq!("CNY".parse(), Ok(Currency::CNY));
        assert_eq!(Currency::CNY.numeric(), 156);
        assert_eq!("KWD".parse::<Currency>().map(|c| c.decimals()), Ok(3));
        for bad in ["cny", "XAU", "", "CNYY", "¥"] {
            assert_eq!(bad.parse::<Currency>(), Err(MoneyError::Currency), "{bad}");
        }
    }

    #[test]
    fn sums_stay_in_one_currency() {
        let one = Money::new(1, Currency::CNY);
        assert_eq!(one.plus(Money::new(1, Currency::USD)), Err(MoneyError::Mixed));
        assert_eq!(one.plus(Money::new(i64::MAX, Currency::CNY)), Err(MoneyError::TooLarge));
    }
}
