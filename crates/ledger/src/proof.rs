//! The books proven: every balance is computed again from what moved it.

use base::Currency;
use store::Tx;

use crate::store as rows;

/// What a proof found. It is taken in one transaction, so nothing moves under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Accounts looked at.
    pub accounts: i64,
    /// Transfers added up.
    pub transfers: i64,
    /// Sums over all accounts of a currency.
    pub totals: Vec<Totals>,
    /// What does not fit; at most [`Proof::FAULTS_MAX`] of each kind.
    pub faults: Vec<Fault>,
}

/// Sums over all accounts of a currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The currency.
    pub currency: Currency,
    /// All posted debits.
    pub debits_posted: i64,
    /// All posted credits.
    pub credits_posted: i64,
    /// All held debits.
    pub debits_pending: i64,
    /// All held credits.
    pub credits_pending: i64,
}

/// Something in the books that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Debits and credits of a currency differ.
    #[error("debits and credits in {0} do not add up to zero")]
    Currency(Currency),
    /// A stored balance is not the sum of the account's transfers and open holds.
    #[error("balance of account `{0}` is not the sum of its transfers and open holds")]
    Balance(String),
    /// A transfer or open hold names an account that does not exist, or has another currency.
    #[error("account `{0}` is moved by transfers or holds, but does not exist in their currency")]
    Account(String),
    /// An account is past its limit.
    #[error("account `{0}` is past its limit")]
    Limit(String),
    /// A hold says that it was captured, and no transfer of that amount names it, or the other way round.
    #[error("hold `{0}` and its capture do not fit")]
    Hold(String),
    /// A transfer of zero or less.
    #[error("transfer `{0}` is not above zero")]
    Amount(String),
}

impl Proof {
    /// Most faults of one kind that are listed.
    pub const FAULTS_MAX: i64 = 100;

    /// Whether everything fits.
    pub fn is_balanced(&self) -> bool {
        self.faults.is_empty()
    }
}

impl Totals {
    /// Whether debits and credits are the same.
    pub fn is_zero(&self) -> bool {
        self.debits_posted == self.credits_posted && self.debits_pending == self.credits_pending
    }
}

/// The sums over all accounts of each currency, as the balances have it. Quick; [`prove_balanced`] looks deeper.
///
/// # Errors
/// Those of the store.
pub fn list_totals(tx: &mut Tx<'_>) -> Result<Vec<Totals>, store::Error> {
    rows::list_totals(tx)
}

/// Proves the books: in every currency the debits equal the credits, and each stored balance equals what its transfers
/// and open holds add up to. Reads every transfer: for tests, for the night and for an incident.
///
/// # Errors
/// Those of the store.
pub fn prove_balanced(tx: &mut Tx<'_>) -> Result<Proof, store::Error> {
    let (accounts, transfers) = rows::count_rows(tx)?;
    let totals = rows::list_totals(tx)?;
    let mut faults: Vec<Fault> = totals
        .iter()
        .filter(|totals| !totals.is_zero())
        .map(|totals| Fault::Currency(totals.currency))
        .collect();
    faults.extend(rows::list_wrong_balances(tx)?.into_iter().map(Fault::Balance));
    faults.extend(rows::list_lost_accounts(tx)?.into_iter().map(Fault::Account));
    faults.extend(rows::list_past_limits(tx)?.into_iter().map(Fault::Limit));
    faults.extend(rows::list_wrong_holds(tx)?.into_iter().map(Fault::Hold));
    faults.extend(rows::list_wrong_amounts(tx)?.into_iter().map(Fault::Amount));
    Ok(Proof { accounts, transfers, totals, faults })
}
