//! All arithmetic of the ledger: pure and checked.

use crate::account::{Account, Limit};
use crate::refusal::Refusal;

/// What an account holds, in minor units of its currency. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Sum of all transfers that debit it.
    pub debits_posted: i64,
    /// Sum of all transfers that credit it.
    pub credits_posted: i64,
    /// Sum of all open holds that would debit it.
    pub debits_pending: i64,
    /// Sum of all open holds that would credit it.
    pub credits_pending: i64,
}

impl Balance {
    /// What an owner the platform owes to can spend: posted credits less posted and held debits.
    pub fn available_minor(&self) -> i64 {
        self.credits_posted.saturating_sub(self.debits_posted).saturating_sub(self.debits_pending)
    }

    /// Posted credits less posted debits, holds left aside.
    pub fn posted_minor(&self) -> i64 {
        self.credits_posted.saturating_sub(self.debits_posted)
    }
}

/// The change that an operation makes to both of its accounts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// Moves an amount.
    Post(i64),
    /// Reserves an amount.
    Hold(i64),
    /// Frees `held` and moves `posted` of it, perhaps nothing.
    Settle { held: i64, posted: i64 },
}

/// Applies `change` with `debit` on one side and `credit` on the other, and checks both limits.
pub(crate) fn apply(change: Change, debit: &mut Account, credit: &mut Account) -> Result<(), Refusal> {
    let (posted, pending) = match change {
        Change::Post(amount) => (amount, 0),
        Change::Hold(amount) => (0, amount),
        Change::Settle { held, posted } => (posted, held.saturating_neg()),
    };
    let (from, to) = (debit.balance, credit.balance);
    let moved = |sum: i64, by: i64, account: &Account| {
        sum.checked_add(by).filter(|sum| *sum >= 0).ok_or(Refusal::BalanceTooLarge(account.key))
    };
    debit.balance.debits_posted = moved(from.debits_posted, posted, debit)?;
    debit.balance.debits_pending = moved(from.debits_pending, pending, debit)?;
    credit.balance.credits_posted = moved(to.credits_posted, posted, credit)?;
    credit.balance.credits_pending = moved(to.credits_pending, pending, credit)?;
    if let Change::Settle { .. } = change {
        // INVARIANT: settling moves at most what was held, and holds were counted, so no limit can break.
        return Ok(());
    }
    within_limit(debit, Limit::DebitsMustNotExceedCredits)?;
    within_limit(credit, Limit::CreditsMustNotExceedDebits)
}

/// Checks the one limit that this side of a transfer can break. The other limit is not looked at: money that comes in
/// is never refused because of what went out.
fn within_limit(account: &Account, limit: Limit) -> Result<(), Refusal> {
    let Balance { debits_posted, credits_posted, debits_pending, credits_pending } = account.balance;
    let (used, pending, given) = match limit {
        Limit::None => return Ok(()),
        Limit::DebitsMustNotExceedCredits => (debits_posted, debits_pending, credits_posted),
        Limit::CreditsMustNotExceedDebits => (credits_posted, credits_pending, debits_posted),
    };
    let used = used.checked_add(pending).ok_or(Refusal::BalanceTooLarge(account.key))?;
    if account.limit == limit && used > given {
        return Err(Refusal::InsufficientFunds(account.key));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountKey, HousePurpose};
    use base::{Currency, Timestamp};

    fn pair(limit: Limit) -> (Account, Account) {
        let account = |purpose| Account {
            key: AccountKey::house(purpose, Currency::CNY),
            limit,
            balance: Balance::default(),
            opened_at: Timestamp(0),
            last: None,
        };
        (account(HousePurpose::Cash), account(HousePurpose::Fees))
    }

    #[test]
    fn a_sum_past_64_bits_is_refused_and_one_below_is_not() {
        let (mut debit, mut credit) = pair(Limit::None);
        debit.balance.debits_posted = i64::MAX - 1;
        assert_eq!(apply(Change::Post(1), &mut debit, &mut credit), Ok(()));
        let key = debit.key;
        assert_eq!(apply(Change::Post(1), &mut debit, &mut credit), Err(Refusal::BalanceTooLarge(key)));
    }

    #[test]
    fn posted_and_held_together_past_64_bits_are_refused() {
        let (mut debit, mut credit) = pair(Limit::None);
        debit.balance.debits_posted = i64::MAX;
        let key = debit.key;
        assert_eq!(apply(Change::Hold(1), &mut debit, &mut credit), Err(Refusal::BalanceTooLarge(key)));
    }

    #[test]
    fn settling_more_than_is_held_is_refused() {
        let (mut debit, mut credit) = pair(Limit::None);
        assert!(apply(Change::Settle { held: 1, posted: 1 }, &mut debit, &mut credit).is_err());
    }

    #[test]
    fn money_in_is_not_refused_because_of_money_out() {
        let (mut debit, mut credit) = pair(Limit::DebitsMustNotExceedCredits);
        debit.balance.credits_posted = 10;
        credit.balance.debits_posted = 500;
        assert_eq!(apply(Change::Post(10), &mut debit, &mut credit), Ok(()));
        let key = debit.key;
        assert_eq!(apply(Change::Post(1), &mut debit, &mut credit), Err(Refusal::InsufficientFunds(key)));
    }
}
