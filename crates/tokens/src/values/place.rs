//! Postal addresses: a few parts in one sealed text.

use base::Secret;

use super::{Kind, Scheme, Value, ValueProblem, clean};
use crate::limits::{ADDRESS_LINE_CHARS_MAX, ADDRESS_LINES_MAX};

/// Between the parts of the canonical text; no part can hold a line break.
const BREAK: char = '\n';
/// Parts before the street lines.
const PARTS: usize = 4;
/// An address in its parts, as typed.
#[derive(Clone, Debug, Default)]
pub struct Address {
    /// ISO 3166-1, two letters.
    pub country: String,
    /// Province or state; may be empty.
    pub region: String,
    /// City.
    pub city: String,
    /// Postcode; may be empty.
    pub postcode: String,
    /// Street, house, flat: 1 to 4 lines.
    pub lines: Vec<String>,
}

impl Address {
    /// Checks the parts and joins them.
    ///
    /// # Errors
    /// [`ValueProblem::Country`], [`ValueProblem::Address`], and what is wrong with a part.
    pub fn parse(&self) -> Result<Value, ValueProblem> {
        if !base::is_country(&self.country) {
            return Err(ValueProblem::Country);
        }
        if self.lines.is_empty() || self.lines.len() > ADDRESS_LINES_MAX {
            return Err(ValueProblem::Address);
        }
        let optional = |text: &str| match clean(text, ADDRESS_LINE_CHARS_MAX) {
            Err(ValueProblem::Empty) => Ok(String::new()),
            other => other,
        };
        let mut parts = vec![
            self.country.clone(),
            optional(&self.region)?,
            clean(&self.city, ADDRESS_LINE_CHARS_MAX).map_err(needed)?,
            optional(&self.postcode)?,
        ];
        for line in &self.lines {
            parts.push(clean(line, ADDRESS_LINE_CHARS_MAX).map_err(needed)?);
        }
        let text = Secret::new(parts.join(&BREAK.to_string()));
        Ok(Value::stored(Kind::Address, Scheme::Plain, text))
    }

    /// The parts of a canonical text.
    pub fn of_text(text: &str) -> Address {
        let mut parts = text.split(BREAK).map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let (country, region, city, postcode) = (next(), next(), next(), next());
        Address {
            country,
            region,
            city,
            postcode,
            lines: text.split(BREAK).skip(PARTS).map(str::to_owned).collect(),
        }
    }
}

fn needed(problem: ValueProblem) -> ValueProblem {
    if problem == ValueProblem::Empty { ValueProblem::Address } else { problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(lines: usize) -> Address {
        Address {
            country: "CN".to_owned(),
            region: "浙江".to_owned(),
            city: " 杭州 ".to_owned(),
            postcode: String::new(),
            lines: vec!["文三路 1 号".to_owned(); lines],
        }
    }

    #[test]
    fn parts_come_back_as_they_were() {
        let value = address(2).parse().unwrap();
        let back = Address::of_text(value.text().expose());
        assert_eq!((back.country.as_str(), back.city.as_str(), back.postcode.as_str()), ("CN", "杭州", ""));
        assert_eq!(back.lines, ["文三路 1 号", "文三路 1 号"]);
    }

    #[test]
    fn an_address_has_a_country_a_city_and_one_to_four_lines() {
        assert!(address(ADDRESS_LINES_MAX).parse().is_ok());
        assert_eq!(address(ADDRESS_LINES_MAX + 1).parse(), Err(ValueProblem::Address));
        assert_eq!(address(0).parse(), Err(ValueProblem::Address));
        assert_eq!(Address { city: " ".into(), ..address(1) }.parse(), Err(ValueProblem::Address));
        for country in ["cn", "XX", "ZZ", "C", "CN ", ""] {
            let found = Address { country: country.into(), ..address(1) }.parse();
            assert_eq!(found, Err(ValueProblem::Country), "{country}");
        }
        for country in ["AD", "TW", "XK", "ZW"] {
            assert!(Address { country: country.into(), ..address(1) }.parse().is_ok(), "{country}");
        }
        assert_eq!(
            Address { lines: vec!["a\nb".into()], ..address(1) }.parse(),
            Err(ValueProblem::Invisible)
        );
        let long = "x".repeat(ADDRESS_LINE_CHARS_MAX);
        assert!(Address { lines: vec![long.clone()], ..address(1) }.parse().is_ok());
        assert!(Address { lines: vec![format!("{long}x")], ..address(1) }.parse().is_err());
    }
}
