//! Transfers: an amount leaves one account and reaches another, for good.

use base::{Money, PaymentId, ScopedId, Timestamp, TransferId};
use store::{Key, Tx};

use crate::account::{Account, AccountKey, Owner, need_account};
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

/// A page of an account's entries, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The entries, the one posted last first.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` when this is the last one.
    pub next: Option<TransferId>,
}

/// The transfers before this one on each of its accounts: an account's entries form a chain from its newest, so that
/// they are found without an index that every payment would have to write.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Links {
    pub(crate) debit: Option<TransferId>,
    pub(crate) credit: Option<TransferId>,
}

/// The id for the transfer (or hold) that pays a payment: the payment's own characters. So it is found without an
/// index, and a payment that would be posted twice meets its own key. Refunds and fees have ids of their own.
pub fn transfer_of(payment: PaymentId) -> TransferId {
    payment.into()
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

/// A page of an account's entries, newest first, beginning at `from` (a [`Page::next`]) or at the newest; at most
/// `limit` and [`crate::ENTRIES_PAGE_MAX`]. Empty for an account that does not exist and for a `from` that never moved it.
///
/// # Errors
/// Those of the store; [`store::Error::Bug`] when the chain of entries is broken.
pub fn list_account_entries(
    tx: &mut Tx<'_>,
    account: AccountKey,
    from: Option<TransferId>,
    limit: usize,
) -> Result<Page, store::Error> {
    let mut page = Page { entries: Vec::new(), next: from };
    if from.is_none() {
        page.next = rows::find_account(tx, account)?.and_then(|account| account.last);
    }
    while page.entries.len() < limit.min(crate::ENTRIES_PAGE_MAX) {
        let Some(id) = page.next else { break };
        let Some((transfer, links)) = rows::find_linked(tx, id)? else {
            return Err(store::Error::Bug(format!(
                "transfer `{id}` in the chain of account `{account}` is missing"
            )));
        };
        let (side, next) = match account {
            debit if debit == transfer.debit => (Side::Debit, links.debit),
            credit if credit == transfer.credit => (Side::Credit, links.credit),
            _ => return Ok(Page::default()),
        };
        page.entries.push(Entry { side, transfer });
        page.next = next;
    }
    Ok(page)
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

/// Applies a change to the balances of two accounts, debit first, and writes them after `touch` has seen both.
pub(crate) fn move_balances(
    tx: &mut Tx<'_>,
    [debit, credit]: [AccountKey; 2],
    change: Change,
    touch: impl FnOnce([&mut Account; 2]),
) -> Result<(), Stop> {
    let mut debit = need_account(tx, debit)?;
    let mut credit = need_account(tx, credit)?;
    apply(change, &mut debit, &mut credit)?;
    touch([&mut debit, &mut credit]);
    rows::put_account(tx, &debit)?;
    rows::put_account(tx, &credit)?;
    Ok(())
}

/// Moves the balances, puts the transfer at the head of both chains, and writes it.
pub(crate) fn insert(tx: &mut Tx<'_>, transfer: &Transfer, change: Change) -> Result<(), Stop> {
    let mut links = Links::default();
    move_balances(tx, [transfer.debit, transfer.credit], change, |[debit, credit]| {
        links = Links { debit: debit.last.replace(transfer.id), credit: credit.last.replace(transfer.id) };
    })?;
    Ok(rows::insert_transfer(tx, transfer, &links)?)
}

/// A payment and every shop's account must be of the shop that the id is of: one shop's books are in one place.
pub(crate) fn check_shop(
    id: TransferId,
    accounts: [AccountKey; 2],
    payment: Option<PaymentId>,
) -> Result<(), Refusal> {
    let shops = accounts.iter().filter_map(|account| match account.owner {
        Owner::Shop(shop, _) => Some(shop),
        Owner::Buyer(_) | Owner::House(_) => None,
    });
    let fits = shops.chain(payment.map(|payment| payment.shop())).all(|shop| shop == id.shop());
    if fits { Ok(()) } else { Err(Refusal::OtherShop) }
}

fn post_unseen(tx: &mut Tx<'_>, transfer: &Transfer) -> Result<Effect, Stop> {
    check_terms(transfer.debit, transfer.credit, transfer.amount)?;
    check_shop(transfer.id, [transfer.debit, transfer.credit], transfer.payment)?;
    insert(tx, transfer, Change::Post(transfer.amount.minor))?;
    Ok(Effect::Done)
}

fn same(known: &Transfer, asked: &Transfer) -> bool {
    *known == Transfer { at: known.at, ..*asked }
}
