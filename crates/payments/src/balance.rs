//! Stored balances: the first payment method. Money comes in from the platform's cash.

use audit::Leaf;
use base::{BuyerId, Money, ShopId, TransferId};
use identity::Means;
use ledger::{AccountKey, HousePurpose, Limit, Reason, Refusal, Transfer};
use store::Tx;

use crate::record;
use crate::screening;

/// Why a balance could not be topped up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopUpError {
    /// No such buyer.
    #[error("buyer does not exist")]
    NoBuyer,
    /// The ledger refused it.
    #[error(transparent)]
    Refused(Refusal),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(#[from] identity::Fault),
}

impl From<store::Error> for TopUpError {
    fn from(error: store::Error) -> TopUpError {
        TopUpError::Fault(error.into())
    }
}

/// Adds money to a buyer's stored balance: the platform's cash grows, and so does what it owes the buyer.
///
/// # Errors
/// [`TopUpError`].
pub fn top_up(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &audit::Actor,
    buyer: BuyerId,
    amount: Money,
) -> Result<Leaf, TopUpError> {
    if identity::find_buyer(tx, buyer)?.is_none() {
        return Err(TopUpError::NoBuyer);
    }
    let balance = AccountKey::buyer(buyer, amount.currency);
    let cash = AccountKey::house(HousePurpose::Cash, amount.currency);
    for (account, limit) in
        [(balance, Limit::DebitsMustNotExceedCredits), (cash, Limit::CreditsMustNotExceedDebits)]
    {
        if ledger::find_account(tx, account)?.is_none() {
            ledger::open_account(tx, account, limit, means.now)?.map_err(TopUpError::Refused)?;
        }
    }
    let transfer = Transfer {
        id: TransferId::new(ShopId::HOUSE, means.now, means.dice),
        debit: cash,
        credit: balance,
        amount,
        reason: Reason::TopUp,
        payment: None,
        hold: None,
        at: means.now,
    };
    ledger::post_new(tx, &transfer)?.map_err(TopUpError::Refused)?;
    screening::remember_flow(tx, buyer, None, amount, means.now)?;
    Ok(record::note_top_up(tx, means, actor, buyer, amount)?)
}

/// A buyer's balance, minor units.
///
/// # Errors
/// Those of the store.
pub fn find_balance(tx: &mut Tx<'_>, buyer: BuyerId, currency: base::Currency) -> Result<i64, store::Error> {
    let account = ledger::find_account(tx, AccountKey::buyer(buyer, currency))?;
    Ok(account.map_or(0, |account| account.balance.available_minor()))
}
