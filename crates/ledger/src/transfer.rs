//! Transfers: an amount leaves one account and reaches another, for good.

use base::{Money, PaymentId, ScopedId, Timestamp, TransferId};
use store::{Key, Tx};

use crate::account::{AccountKey, need_account};
use crate::balance::{Change, apply};
use crate::refusal::{Answer, Effect, Refusal, Stop, answer};
use crate::store as rows;

/// What a transfer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A buyer's stored balance is filled.
    TopUp,
    /// A buyer pays a shop.
    Payment,
    /// A shop pays back.
    Refund,
    /// The platform's fee.
    Fee,
    /// A shop is paid out.
    Payout,
    /// A disputed payment is taken back or returned.
    Dispute,
    /// A mistake is mended.
    Correction,
}

impl Reason {
    const ALL: [Reason; 7] = [
        Reason::TopUp,
        Reason::Payment,
        Reason::Refund,
        Reason::Fee,
        Reason::Payout,
        Reason::Dispute,
        Reason::Correction,
    ];

    /// The word that is stored and shown: `payment`.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::TopUp => "top_up",
            Reason::Payment => "payment",
            Reason::Refund => "refund",
            Reason::Fee => "fee",
            Reason::Payout => "payout",
            Reason::Dispute => "dispute",
            Reason::Correction => "correction",
        }
    }

    /// Reads the stored word.
    pub fn from_text(text: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A transfer, to be posted or as posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its id, and the shop it is stored among.
    pub id: TransferId,
    /// The account it debits: where it comes from.
    pub debit: AccountKey,
    /// The account it credits: where it goes.
    pub credit: AccountKey,
    /// How much; above zero.
    pub amount: Money,
    /// What for.
    pub reason: Reason,
    /// The payment it belongs to.
    pub payment: Option<PaymentId>,
    /// The hold it captured. Set by [`crate::capture`]; a transfer to be posted has none.
    pub hold: Option<TransferId>,
    /// When. Not compared when the same id comes again.
    pub at: Timestamp,
}

/// One side of a transfer, as an account sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The side.
    pub side: Side,
    /// The whole transfer.
    pub transfer: Transfer,
}

/// A side of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The account was debited.
    Debit,
    /// The account was credited.
    Credit,
}

/// Where a page of entries ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Time of the last entry seen.
    pub at: Timestamp,
    /// Its id.
    pub id: TransferId,
}

/// Posts a transfer, unless the same was posted before.
///
/// # Errors
/// Those of the store. Refused: [`Refusal::IdReused`], [`Refusal::Amount`], [`Refusal::OtherCurrency`],
/// [`Refusal::SameAccount`], [`Refusal::OtherShop`], [`Refusal::NoAccount`], [`Refusal::InsufficientFunds`],
/// [`Refusal::BalanceTooLarge`].
pub fn post(tx: &mut Tx<'_>, transfer: &Transfer) -> Answer<Effect> {
    let run = |tx: &mut Tx<'_>| match rows::find_transfer(tx, transfer.id)? {
        Some(known) if same(&known, transfer) => Ok(Effect::AlreadyDone),
        Some(_) => Err(Refusal::IdReused.into()),
        None => post_unseen(tx, transfer),
    };
    answer(run(tx))
}

/// As [`post`] without looking for the id: for a caller that made the id in this very transaction. Two reads, two
/// coalesced writes and one insert. An id that was there after all fails the transaction with `store::Error::Conflict`.
///
/// # Errors
/// As [`post`], apart from [`Refusal::IdReused`].
pub fn post_new(tx: &mut Tx<'_>, transfer: &Transfer) -> Answer<Effect> {
    answer(post_unseen(tx, transfer))
}

/// The rows that [`post`] reads, for `store::Db::write_with`.
pub fn keys_to_post(transfer: &Transfer) -> [Key; 3] {
    [rows::account_key(transfer.debit), rows::account_key(transfer.credit), rows::transfer_key(transfer.id)]
}

/// The transfer, or `None`.
///
/// # Errors
/// Those of the store.
pub fn find_transfer(tx: &mut Tx<'_>, id: TransferId) -> Result<Option<Transfer>, store::Error> {
    rows::find_transfer(tx, id)
}

/// All transfers of a payment, oldest first, at most [`crate::ENTRIES_PAGE_MAX`].
///
/// # Errors
/// Those of the store.
pub fn list_payment_transfers(tx: &mut Tx<'_>, payment: PaymentId) -> Result<Vec<Transfer>, store::Error> {
    rows::list_payment_transfers(tx, payment)
}

/// An account's entries, newest first, those before `after`; at most `limit` and [`crate::ENTRIES_PAGE_MAX`].
///
/// # Errors
/// Those of the store.
pub fn list_account_entries(
    tx: &mut Tx<'_>,
    account: AccountKey,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<Entry>, store::Error> {
    rows::list_account_entries(tx, account, after, limit)
}

/// What a hold or a transfer needs before any account is looked at.
pub(crate) fn check_terms(debit: AccountKey, credit: AccountKey, amount: Money) -> Result<(), Refusal> {
    Money::payable(amount.minor, amount.currency)?;
    if debit.currency != amount.currency || credit.currency != amount.currency {
        return Err(Refusal::OtherCurrency);
    }
    if debit == credit {
        return Err(Refusal::SameAccount(debit));
    }
    Ok(())
}

/// Applies a change to the balances of two accounts and writes them.
pub(crate) fn move_balances(
    tx: &mut Tx<'_>,
    debit: AccountKey,
    credit: AccountKey,
    change: Change,
) -> Result<(), Stop> {
    let mut debit = need_account(tx, debit)?;
    let mut credit = need_account(tx, credit)?;
    apply(change, &mut debit, &mut credit)?;
    rows::put_account(tx, &debit)?;
    rows::put_account(tx, &credit)?;
    Ok(())
}

pub(crate) fn check_shop(id: TransferId, payment: Option<PaymentId>) -> Result<(), Refusal> {
    let fits = payment.is_none_or(|payment| payment.shop() == id.shop());
    if fits { Ok(()) } else { Err(Refusal::OtherShop) }
}

fn post_unseen(tx: &mut Tx<'_>, transfer: &Transfer) -> Result<Effect, Stop> {
    check_terms(transfer.debit, transfer.credit, transfer.amount)?;
    check_shop(transfer.id, transfer.payment)?;
    move_balances(tx, transfer.debit, transfer.credit, Change::Post(transfer.amount.minor))?;
    rows::insert_transfer(tx, transfer)?;
    Ok(Effect::Done)
}

fn same(known: &Transfer, asked: &Transfer) -> bool {
    *known == Transfer { at: known.at, ..*asked }
}
