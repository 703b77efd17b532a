//! The ledger's answers.

use crate::account::AccountKey;
use crate::hold::HoldState;

/// What an operation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It was done now.
    Done,
    /// The same had been done before; nothing changed.
    AlreadyDone,
}

/// The store's error outside, the ledger's answer inside.
pub type Answer<T> = Result<Result<T, Refusal>, store::Error>;

/// Why the ledger did nothing. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The account would owe more than it has: debits would exceed credits, or credits debits, against its limit.
    #[error("account `{0}` has not enough funds")]
    InsufficientFunds(AccountKey),
    /// No such account.
    #[error("account `{0}` does not exist; open it first")]
    NoAccount(AccountKey),
    /// The account is open already, with another limit.
    #[error("account `{0}` is open with another limit")]
    OtherLimit(AccountKey),
    /// Debit and credit are one account.
    #[error("debit and credit are the same account `{0}`")]
    SameAccount(AccountKey),
    /// Accounts and amount are not all in one currency.
    #[error("debit, credit and amount are not in one currency")]
    OtherCurrency,
    /// The amount is zero, negative, or past the limit of one transfer.
    #[error(transparent)]
    Amount(#[from] base::MoneyError),
    /// The id was used before, for something else.
    #[error("id was used before for another transfer or hold")]
    IdReused,
    /// The payment, the hold or a shop's account is not of the shop that the id is of.
    #[error("id belongs to another shop")]
    OtherShop,
    /// A balance would not fit 64 bits.
    #[error("balance of account `{0}` would be too large")]
    BalanceTooLarge(AccountKey),
    /// No such hold.
    #[error("hold does not exist")]
    NoHold,
    /// The hold has ended.
    #[error("hold has ended: it was {0}")]
    HoldEnded(HoldState),
    /// More than was held.
    #[error("capture of {asked} exceeds the {held} held (minor units)")]
    ExceedsHold {
        /// Minor units asked for.
        asked: i64,
        /// Minor units held.
        held: i64,
    },
}

/// Lets the inside of an operation stop with `?` for either reason.
pub(crate) enum Stop {
    Refused(Refusal),
    Store(store::Error),
}

impl From<store::Error> for Stop {
    fn from(problem: store::Error) -> Stop {
        Stop::Store(problem)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}

pub(crate) fn answer<T>(done: Result<T, Stop>) -> Answer<T> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Store(problem)) => Err(problem),
    }
}
