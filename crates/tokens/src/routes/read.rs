//! From what was sent to what is checked, shared by the operations of this domain.

use std::str::FromStr;

use base::Secret;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use webkit::error::{ApiError, Problems};
use webkit::paging::{Cursor, parse_limit};

use crate::opening::Why;
use crate::values::{Address, BankAccount, IdentityNumber, Kind, Scheme, Value, ValueProblem};

/// An id of the path.
pub(super) fn path_id<T: FromStr>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("there is nothing of this id"))
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// Items on the page, 1 to 100; 20 without it.
    pub(super) limit: Option<String>,
    /// Where the page before ended.
    pub(super) cursor: Option<String>,
}

impl PageQuery {
    /// The limit, and the id before which the page starts.
    pub(super) fn parse<T: FromStr>(&self, list: &str) -> Result<(u32, Option<T>), ApiError> {
        let limit =
            parse_limit(self.limit.as_deref()).map_err(|problem| ApiError::bad_request(vec![problem]))?;
        let Some(cursor) = &self.cursor else { return Ok((limit, None)) };
        let id = Cursor::decode(list, cursor)?.text()?.parse();
        let id =
            id.map_err(|_| ApiError::new(&webkit::error::INVALID_CURSOR, "start again without the cursor"));
        Ok((limit, Some(id?)))
    }
}

/// What a value is opened for, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhyBody {
    /// `process_payment`, `pay_out`, `answer_customer`, `check_fraud`, `handle_dispute`, `correct_data`, `legal_duty` or
    /// `migrate`.
    #[schema(example = "answer_customer")]
    purpose: String,
    /// A ticket or a sentence. Kept for the person it is about.
    #[schema(min_length = 3, max_length = 200, example = "ticket 4711")]
    reason: String,
}

impl WhyBody {
    pub(super) fn parse(&self, problems: &mut Problems) -> Option<Why> {
        why(problems, &self.purpose, &self.reason)
    }
}

/// A purpose and a reason.
pub(super) fn why(problems: &mut Problems, purpose: &str, reason: &str) -> Option<Why> {
    let purpose = problems.take("purpose", Why::purpose(purpose));
    // The purpose is told of by itself; the reason is checked whatever it is.
    let checked = Why::new(purpose.unwrap_or(crate::opening::Purpose::CorrectData), reason);
    problems.take("reason", checked).filter(|_| purpose.is_some())
}

/// A postal address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressBody {
    /// ISO 3166-1, two letters.
    #[schema(example = "CN", min_length = 2, max_length = 2)]
    country: String,
    /// Province or state.
    #[schema(max_length = 120)]
    region: Option<String>,
    /// City.
    #[schema(min_length = 1, max_length = 120)]
    city: String,
    /// Postcode.
    #[schema(max_length = 120)]
    postcode: Option<String>,
    /// Street, house, flat.
    #[schema(min_items = 1, max_items = 4)]
    lines: Vec<String>,
}

/// One value of a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ValueBody {
    /// `name`, `phone`, `email`, `address`, `identity` or `bank_account`.
    #[schema(example = "phone")]
    kind: String,
    /// The value; not for addresses.
    #[schema(max_length = 254, example = "+86 138 0013 8000")]
    value: Option<String>,
    /// For `identity`: `cn_resident_id`, `passport` or `other`. For `bank_account`: `iban`, `card` or `account`.
    scheme: Option<String>,
    /// The address, for `address` alone.
    address: Option<AddressBody>,
}

impl ValueBody {
    /// The value, or `None` after noting what is wrong under `at`.
    pub(super) fn parse(self, problems: &mut Problems, at: &str) -> Option<Value> {
        let field = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        let kind = Kind::from_name(&self.kind)
            .ok_or("must be one of `name`, `phone`, `email`, `address`, `identity`, `bank_account`");
        let kind = problems.take(field("kind"), kind)?;
        if kind == Kind::Address {
            return self.address(problems, at);
        }
        if self.address.is_some() {
            problems.add(field("address"), "is for values of the kind `address` alone");
            return None;
        }
        let text = problems.take(field("value"), self.value.ok_or("is needed"))?;
        let text = Secret::new(text);
        let scheme = match (kind, self.scheme.as_deref()) {
            (Kind::Identity | Kind::BankAccount, Some(name)) => {
                problems.take(field("scheme"), Scheme::from_name(name).ok_or("is not a kind of number"))?
            }
            (Kind::Identity | Kind::BankAccount, None) => {
                problems.add(field("scheme"), "is needed: it says what kind of number this is");
                return None;
            }
            (_, Some(_)) => {
                problems.add(field("scheme"), "is for identity numbers and bank accounts alone");
                return None;
            }
            (_, None) => Scheme::Plain,
        };
        problems.take(field("value"), read_value(kind, scheme, text.expose()))
    }

    fn address(self, problems: &mut Problems, at: &str) -> Option<Value> {
        let field = if at.is_empty() { "address".to_owned() } else { format!("{at}.address") };
        if self.value.is_some() || self.scheme.is_some() {
            problems.add(field, "an address has neither `value` nor `scheme`");
            return None;
        }
        let Some(body) = self.address else {
            problems.add(field, "is needed");
            return None;
        };
        let address = Address {
            country: body.country,
            region: body.region.unwrap_or_default(),
            city: body.city,
            postcode: body.postcode.unwrap_or_default(),
            lines: body.lines,
        };
        problems.take(field, address.parse())
    }
}

fn read_value(kind: Kind, scheme: Scheme, text: &str) -> Result<Value, ValueProblem> {
    match kind {
        Kind::Name => Value::name(text),
        Kind::Phone => Value::phone(text),
        Kind::Email => Value::email(text),
        Kind::Identity => IdentityNumber { scheme, text }.parse(),
        Kind::BankAccount => BankAccount { scheme, text }.parse(),
        Kind::Address => Err(ValueProblem::Address),
    }
}
