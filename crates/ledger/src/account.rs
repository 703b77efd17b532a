//! Accounts: whose they are, in which currency, and how far they may go.

use std::fmt;
use std::str::FromStr;

use base::{BuyerId, Currency, IdError, ScopedId, ShopId, Timestamp, TransferId};
use store::Tx;

use crate::balance::Balance;
use crate::refusal::{Answer, Effect, Refusal, Stop, answer};
use crate::store as rows;

/// Names an account: an owner and a currency. As text: `buyer:0000…:CNY`, `shop:7f3k2m9q:settlement:CNY`,
/// `house:cash:CNY`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountKey {
    /// Whose.
    pub owner: Owner,
    /// In which currency: one account holds one.
    pub currency: Currency,
}

/// Whose an account is, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A buyer's stored balance.
    Buyer(BuyerId),
    /// A shop's account.
    Shop(ShopId, ShopPurpose),
    /// An account of the platform itself.
    House(HousePurpose),
}

/// What a shop's account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShopPurpose {
    /// What the platform owes the shop.
    Settlement,
    /// What is kept back for disputes.
    Reserve,
}

/// What an account of the platform is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HousePurpose {
    /// Money at the bank.
    Cash,
    /// Fees earned.
    Fees,
    /// Money on its way from a payment processor.
    Processor,
    /// Losses taken.
    Losses,
}

impl ShopPurpose {
    const ALL: [ShopPurpose; 2] = [ShopPurpose::Settlement, ShopPurpose::Reserve];

    fn text(self) -> &'static str {
        match self {
            ShopPurpose::Settlement => "settlement",
            ShopPurpose::Reserve => "reserve",
        }
    }
}

impl HousePurpose {
    const ALL: [HousePurpose; 4] =
        [HousePurpose::Cash, HousePurpose::Fees, HousePurpose::Processor, HousePurpose::Losses];

    fn text(self) -> &'static str {
        match self {
            HousePurpose::Cash => "cash",
            HousePurpose::Fees => "fees",
            HousePurpose::Processor => "processor",
            HousePurpose::Losses => "losses",
        }
    }
}

impl AccountKey {
    /// A buyer's stored balance.
    pub fn buyer(buyer: BuyerId, currency: Currency) -> AccountKey {
        AccountKey { owner: Owner::Buyer(buyer), currency }
    }

    /// A shop's account.
    pub fn shop(shop: ShopId, purpose: ShopPurpose, currency: Currency) -> AccountKey {
        AccountKey { owner: Owner::Shop(shop, purpose), currency }
    }

    /// An account of the platform.
    pub fn house(purpose: HousePurpose, currency: Currency) -> AccountKey {
        AccountKey { owner: Owner::House(purpose), currency }
    }

    /// The shop whose rows it is stored among; the house for buyers.
    pub fn scope(&self) -> ShopId {
        match self.owner {
            Owner::Buyer(buyer) => buyer.shop(),
            Owner::Shop(shop, _) => shop,
            Owner::House(_) => ShopId::HOUSE,
        }
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner {
            Owner::Buyer(buyer) => write!(f, "buyer:{}:{}", buyer.short(), self.currency),
            Owner::Shop(shop, purpose) => {
                write!(f, "shop:{}:{}:{}", shop.short(), purpose.text(), self.currency)
            }
            Owner::House(purpose) => write!(f, "house:{}:{}", purpose.text(), self.currency),
        }
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AccountKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<AccountKey, IdError> {
        read_key(text).ok_or(IdError { noun: "account", prefix: "buyer:… shop:… house:" })
    }
}

fn read_key(text: &str) -> Option<AccountKey> {
    let (owner, currency) = text.rsplit_once(':')?;
    let currency = currency.parse().ok()?;
    let (kind, rest) = owner.split_once(':')?;
    let owner = match kind {
        "buyer" => Owner::Buyer(BuyerId::from_short(rest)?),
        "shop" => {
            let (shop, purpose) = rest.split_once(':')?;
            let purpose = ShopPurpose::ALL.into_iter().find(|known| known.text() == purpose)?;
            Owner::Shop(ShopId::from_short(shop)?, purpose)
        }
        "house" => Owner::House(HousePurpose::ALL.into_iter().find(|known| known.text() == rest)?),
        _ => return None,
    };
    Some(AccountKey { owner, currency })
}

/// How far an account may go. Holds count as if they were captured, so a limit never breaks at capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Anywhere.
    None,
    /// What the platform owes its owner cannot fall below zero: a buyer's or a shop's balance.
    DebitsMustNotExceedCredits,
    /// What the platform owns cannot fall below zero: cash.
    CreditsMustNotExceedDebits,
}

impl Limit {
    pub(crate) fn code(self) -> i64 {
        match self {
            Limit::None => 0,
            Limit::DebitsMustNotExceedCredits => 1,
            Limit::CreditsMustNotExceedDebits => 2,
        }
    }

    pub(crate) fn from_code(code: i64) -> Option<Limit> {
        [Limit::None, Limit::DebitsMustNotExceedCredits, Limit::CreditsMustNotExceedDebits]
            .into_iter()
            .find(|limit| limit.code() == code)
    }
}

/// An account as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub key: AccountKey,
    /// How far it may go.
    pub limit: Limit,
    /// What it holds.
    pub balance: Balance,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The newest transfer that moved it: where its list of entries begins.
    pub last: Option<TransferId>,
}

/// Opens an account. Doing it twice changes nothing.
///
/// # Errors
/// Those of the store. Refused: [`Refusal::OtherLimit`].
pub fn open_account(tx: &mut Tx<'_>, key: AccountKey, limit: Limit, at: Timestamp) -> Answer<Effect> {
    let open = |tx: &mut Tx<'_>| -> Result<Effect, Stop> {
        match rows::find_account(tx, key)? {
            Some(account) if account.limit == limit => Ok(Effect::AlreadyDone),
            Some(_) => Err(Refusal::OtherLimit(key).into()),
            None => {
                rows::put_account(
                    tx,
                    &Account { key, limit, balance: Balance::default(), opened_at: at, last: None },
                )?;
                Ok(Effect::Done)
            }
        }
    };
    answer(open(tx))
}

/// The account, or `None`.
///
/// # Errors
/// Those of the store.
pub fn find_account(tx: &mut Tx<'_>, key: AccountKey) -> Result<Option<Account>, store::Error> {
    rows::find_account(tx, key)
}

/// The accounts of a buyer, in the order of their currencies.
///
/// # Errors
/// Those of the store.
pub fn list_buyer_accounts(tx: &mut Tx<'_>, buyer: BuyerId) -> Result<Vec<Account>, store::Error> {
    let mut found = Vec::new();
    for currency in rows::list_buyer_currencies(tx, buyer)? {
        found.extend(rows::find_account(tx, AccountKey::buyer(buyer, currency))?);
    }
    Ok(found)
}

/// The account that an operation needs.
pub(crate) fn need_account(tx: &mut Tx<'_>, key: AccountKey) -> Result<Account, Stop> {
    Ok(rows::find_account(tx, key)?.ok_or(Refusal::NoAccount(key))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Dice;

    #[test]
    fn names_round_trip() {
        let dice = Dice::predictable_for_tests(1);
        let shop = ShopId::random(&dice);
        let buyer = BuyerId::new(ShopId::HOUSE, Timestamp(5), &dice);
        let mut keys = vec![AccountKey::buyer(buyer, Currency::CNY)];
        keys.extend(ShopPurpose::ALL.map(|purpose| AccountKey::shop(shop, purpose, Currency::JPY)));
        keys.extend(HousePurpose::ALL.map(|purpose| AccountKey::house(purpose, Currency::USD)));
        for key in keys {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert_eq!(AccountKey::buyer(buyer, Currency::CNY).scope(), ShopId::HOUSE);
        assert_eq!(AccountKey::shop(shop, ShopPurpose::Settlement, Currency::CNY).scope(), shop);
    }

    #[test]
    fn other_names_are_refused() {
        for bad in [
            "",
            "house",
            "house:cash",
            "house:gold:CNY",
            "house:cash:cny",
            "shop:x:settlement:CNY",
            "buyer:CNY",
        ] {
            assert!(bad.parse::<AccountKey>().is_err(), "{bad}");
        }
    }
}
