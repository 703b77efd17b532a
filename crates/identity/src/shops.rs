//! Shops: the tenants. What a shop sells and earns is told elsewhere; here is who it is.

use base::{Currency, Money, ShopId, Timestamp};
use store::Tx;

use crate::context::{Fault, Means};
use crate::limits::NAME_CHARS_MAX;
use crate::permissions::Actor;
use crate::record::{self, Event};
use crate::store::shops::{self, ShopRow};
use crate::text::{TextError, clean};

pub use crate::store::shops::ShopState;

/// Longest name of a town, in characters; what an EMV payment code can hold.
pub const CITY_CHARS_MAX: usize = 15;

/// What describes a shop, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopProfile {
    name: String,
    city: String,
    country: String,
    category: String,
    currency: Currency,
}

/// What a shop tells about itself, as typed.
#[derive(Clone, Copy, Debug)]
pub struct ShopDraft<'a> {
    /// Its name, up to [`NAME_CHARS_MAX`] characters.
    pub name: &'a str,
    /// Its town, up to [`CITY_CHARS_MAX`] characters.
    pub city: &'a str,
    /// Its country, two letters of ISO 3166.
    pub country: &'a str,
    /// Its merchant category, four digits of ISO 18245.
    pub category: &'a str,
    /// The currency it sells in.
    pub currency: Currency,
}

/// Why a shop's description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShopProblem {
    /// The name.
    #[error("name {0}")]
    Name(TextError),
    /// The town.
    #[error("city {0}")]
    City(TextError),
    /// Not two letters.
    #[error("country must be two letters of ISO 3166 such as `CN`")]
    Country,
    /// Not four digits.
    #[error("category must be four digits of ISO 18245 such as `5499`")]
    Category,
}

impl ShopProblem {
    /// The field it is about.
    pub fn field(self) -> &'static str {
        match self {
            ShopProblem::Name(_) => "name",
            ShopProblem::City(_) => "city",
            ShopProblem::Country => "country",
            ShopProblem::Category => "category",
        }
    }
}

impl ShopProfile {
    /// Checks a description; reports every problem.
    ///
    /// # Errors
    /// One [`ShopProblem`] for each field that is wrong.
    pub fn parse(draft: &ShopDraft<'_>) -> Result<ShopProfile, Vec<ShopProblem>> {
        let name = clean(draft.name, NAME_CHARS_MAX).map_err(ShopProblem::Name);
        let city = clean(draft.city, CITY_CHARS_MAX).map_err(ShopProblem::City);
        let country = Some(draft.country).filter(|code| base::is_country(code)).ok_or(ShopProblem::Country);
        let digits = |text: &str| text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
        let category = if digits(draft.category) { Ok(draft.category) } else { Err(ShopProblem::Category) };
        match (name, city, country, category) {
            (Ok(name), Ok(city), Ok(country), Ok(category)) => Ok(ShopProfile {
                name,
                city,
                country: country.to_owned(),
                category: category.to_owned(),
                currency: draft.currency,
            }),
            (name, city, country, category) => {
                let found = [name.err(), city.err(), country.err(), category.err()];
                Err(found.into_iter().flatten().collect())
            }
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    /// The shop.
    pub id: ShopId,
    /// Its name.
    pub name: String,
    /// Its town.
    pub city: String,
    /// Its country, two letters.
    pub country: String,
    /// Its merchant category, four digits.
    pub category: String,
    /// The currency it sells in.
    pub currency: Currency,
    /// Whether it sells.
    pub state: ShopState,
    /// Since when.
    pub created: Timestamp,
    /// Above which amount the shop demands a second factor of buyers, minor units of its currency; `None` where it demands
    /// none.
    pub buyer_factor_above_minor: Option<i64>,
}

impl Shop {
    /// Whether the shop demands a second factor for a payment of this amount. What is paid in a currency that the amount
    /// was not set in is always above it.
    pub fn demands_factor(&self, amount: Money) -> bool {
        let is_above = |limit: i64| amount.currency != self.currency || amount.minor > limit;
        self.buyer_factor_above_minor.is_some_and(is_above)
    }
}

/// A shop, or `None`. One keyed read. The house, whose members are the operators, is one without a row.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_shop(tx: &mut Tx, id: ShopId) -> Result<Option<Shop>, Fault> {
    if id == ShopId::HOUSE {
        return Ok(Some(house()));
    }
    Ok(shops::find_shop(tx, id)?.map(|row| row.shop))
}

/// The house itself. It sells nothing.
fn house() -> Shop {
    Shop {
        id: ShopId::HOUSE,
        name: "Tillward".to_owned(),
        city: "-".to_owned(),
        country: "CN".to_owned(),
        category: "9999".to_owned(),
        currency: Currency::CNY,
        state: ShopState::Closed,
        created: Timestamp(0),
        buyer_factor_above_minor: None,
    }
}

/// Every shop, by name.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_shops(tx: &mut Tx, limit: usize) -> Result<Vec<Shop>, Fault> {
    Ok(shops::list_shops(tx, limit)?.into_iter().map(|row| row.shop).collect())
}

/// Makes a shop. The caller may [`crate::Permission::Operate`], or is the one-time set-up.
///
/// # Errors
/// [`Fault`] alone.
pub fn create_shop(
    tx: &mut Tx,
    means: &Means<'_>,
    actor: &Actor,
    profile: &ShopProfile,
) -> Result<Shop, Fault> {
    let shop = Shop {
        id: ShopId::random(means.dice),
        name: profile.name.clone(),
        city: profile.city.clone(),
        country: profile.country.clone(),
        category: profile.category.clone(),
        currency: profile.currency,
        state: ShopState::Open,
        created: means.now,
        buyer_factor_above_minor: None,
    };
    shops::insert_shop(tx, ShopRow { shop: shop.clone() })?;
    record::note(tx, means, Event::new(shop.id, actor, record::SHOP_CREATED, shop.id))?;
    Ok(shop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: ShopDraft<'static> = ShopDraft {
        name: "Tea House",
        city: "Hangzhou",
        country: "CN",
        category: "5499",
        currency: Currency::CNY,
    };

    #[test]
    fn every_problem_of_a_description_is_reported() {
        assert!(ShopProfile::parse(&GOOD).is_ok());
        let bad =
            ShopDraft { name: "", city: "x\ny", country: "china", category: "54", currency: Currency::CNY };
        let fields: Vec<&str> =
            ShopProfile::parse(&bad).unwrap_err().into_iter().map(ShopProblem::field).collect();
        assert_eq!(fields, ["name", "city", "country", "category"]);
    }

    #[test]
    fn a_town_has_at_most_15_characters() {
        let at_limit = "a".repeat(CITY_CHARS_MAX);
        assert!(ShopProfile::parse(&ShopDraft { city: &at_limit, ..GOOD }).is_ok());
        let past = "a".repeat(CITY_CHARS_MAX + 1);
        assert!(ShopProfile::parse(&ShopDraft { city: &past, ..GOOD }).is_err());
    }
}
