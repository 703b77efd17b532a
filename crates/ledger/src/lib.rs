//! Double-entry ledger: what an account holds is the sum of immutable transfers, each debiting one account and
//! crediting another by the same amount.
//!
//! Promises (control C23):
//! - the sum of all debits equals the sum of all credits, in every currency, after every transaction;
//! - a transfer is never changed or removed; a mistake is mended by another transfer;
//! - a posting is idempotent by its id: the same id with the same content has no second effect, with other content it
//!   is refused;
//! - an account opened with a [`Limit`] never passes it, holds included;
//! - all arithmetic is checked: a balance that would not fit is refused.
//!
//! A refusal is an answer ([`Refusal`]), not an error: nothing was written, and the caller's transaction goes on.
//! The shape is TigerBeetle's: four balances an account (debits and credits, posted and pending) and two-step transfers.
//! A hold is kept apart from transfers: it reserves, and ends by capture, void or expiry.
//!
//! The ledger does not know payments, only their ids. Reading order: `account.rs`, `balance.rs` (all arithmetic),
//! `transfer.rs`, `hold.rs`, `proof.rs`, `store.rs` (all SQL).

mod account;
mod balance;
mod hold;
mod proof;
mod refusal;
mod store;
mod transfer;

pub use account::{
    Account, AccountKey, HousePurpose, Limit, Owner, ShopPurpose, find_account, list_buyer_accounts,
    open_account,
};
pub use balance::Balance;
pub use hold::{Capture, Hold, HoldState, authorise, capture, expire_due, find_hold, list_holds, void};
pub use proof::{Fault, Proof, Totals, list_totals, prove_balanced};
pub use refusal::{Answer, Effect, Refusal};
pub use store::{ENTRIES_PAGE_MAX, MIGRATIONS, account_key};
pub use transfer::{
    Entry, Page, Reason, Side, Transfer, find_transfer, keys_to_post, list_account_entries,
    list_payment_transfers, post, post_new, transfer_of,
};
