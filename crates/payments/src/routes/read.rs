//! Reading the fields that several bodies share.

use base::{Currency, Money};
use risk::Place;
use webkit::error::Problems;
use webkit::page::Lang;

use crate::limits::{DESCRIPTION_CHARS_MAX, NAME_CHARS_MAX, REFERENCE_CHARS_MAX};
use crate::place::parse_degrees;
use crate::text::ShortText;

/// A payable amount, or problems.
pub(super) fn amount(problems: &mut Problems, minor: i64, currency: &str) -> Option<Money> {
    let currency = problems.take("currency", currency.parse::<Currency>());
    // The range is the same in all currencies, so the amount is looked at even where the currency is none.
    problems
        .take("amount_minor", Money::payable(minor, currency.unwrap_or(Currency::CNY)))
        .filter(|_| currency.is_some())
}

/// The shop's own reference.
pub(super) fn reference(problems: &mut Problems, text: Option<&str>) -> Option<ShortText> {
    problems.take("reference", ShortText::parse(text?, REFERENCE_CHARS_MAX))
}

/// A description, reason or note.
pub(super) fn words(problems: &mut Problems, field: &'static str, text: Option<&str>) -> Option<ShortText> {
    problems.take(field, ShortText::parse(text?, DESCRIPTION_CHARS_MAX))
}

/// A name.
pub(super) fn name(problems: &mut Problems, text: &str) -> Option<ShortText> {
    problems.take("name", ShortText::parse(text, NAME_CHARS_MAX))
}

/// A place, where both degrees are given.
pub(super) fn place(problems: &mut Problems, north: Option<f64>, east: Option<f64>) -> Option<Place> {
    problems.take("latitude", parse_degrees(north, east)).flatten()
}

/// The language in which screening explains itself.
pub(crate) fn risk_lang(lang: Lang) -> risk::Lang {
    match lang {
        Lang::En => risk::Lang::En,
        Lang::Zh => risk::Lang::Zh,
    }
}

/// An optional id.
pub(super) fn id<T: std::str::FromStr<Err = base::IdError>>(
    problems: &mut Problems,
    field: &'static str,
    text: Option<&str>,
) -> Option<T> {
    problems.take(field, text?.parse::<T>())
}
