//! Names for the tests: `anna` is a buyer, `shop` a shop's settlement account, `cash` one of the house, `anna/USD` the
//! same in another currency; `t1` is a transfer, `h1` a hold, `x1` an id of another shop.

use base::{BuyerId, Currency, Money, PaymentId, ShopId, TransferId};
use ledger::{AccountKey, HousePurpose, Refusal, ShopPurpose};

pub fn shop() -> ShopId {
    ShopId::from_short("sh0p0001").unwrap()
}

pub fn account(name: &str) -> AccountKey {
    let (name, currency) = name.split_once('/').unwrap_or((name, "CNY"));
    let currency: Currency = currency.parse().unwrap();
    match name {
        "cash" => AccountKey::house(HousePurpose::Cash, currency),
        "fees" => AccountKey::house(HousePurpose::Fees, currency),
        "shop" => AccountKey::shop(shop(), ShopPurpose::Settlement, currency),
        "reserve" => AccountKey::shop(shop(), ShopPurpose::Reserve, currency),
        buyer => {
            let number = buyer.bytes().fold(0u64, |sum, b| sum * 31 + u64::from(b));
            AccountKey::buyer(BuyerId::from_short(&format!("00000000{number:020}")).unwrap(), currency)
        }
    }
}

/// `t7`, `h7` are of our shop, `x7` of another.
pub fn id(name: &str) -> TransferId {
    let (kind, number) = name.split_at(1);
    let scope = if kind == "x" { "0ther001" } else { shop().short().to_owned().leak() };
    let kind = if kind == "h" { 1 } else { 2 };
    TransferId::from_short(&format!("{scope}{kind}{:019}", number.parse::<u64>().unwrap())).unwrap()
}

pub fn payment(number: u64) -> PaymentId {
    PaymentId::from_short(&format!("{}{number:020}", shop().short())).unwrap()
}

pub fn money(text: &str) -> Money {
    let (minor, currency) = text.split_once('/').unwrap_or((text, "CNY"));
    Money::new(minor.parse().unwrap(), currency.parse().unwrap())
}

/// The name of a refusal's variant: `InsufficientFunds`.
pub fn variant(refusal: &Refusal) -> String {
    let text = format!("{refusal:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}
