//! Cards and personal data that a shop keeps: sealed, masked, and opened only with a right, a reason and a trace.
//!
//! Promises:
//! - a card number, a name, a phone number stands in no row, log or error in the clear; each card and each customer has
//!   a data key of its own, and deleting or erasing destroys it;
//! - a token is drawn by chance: nothing of the card is in it, and it never passes for a card number (CR-4);
//! - a card's verification code is read by nothing here, so it cannot be stored (PCI 3.3.1);
//! - opening a value needs a permission with a fresh second factor (or a signed key with the role for it), a purpose and
//!   a reason; each is counted, limited, entered into the audit log and kept for the person it is about (C40, C48);
//! - taking many out at once needs two people and gives a file that only the named recipient can read.
//!
//! Reading order: `card`, `values`, `token`, `customer`, `payout`, `opening`, `watch`, `export`, `age`, `import`; SQL is in
//! `store/`, JSON in `routes/`, HTML in `desk` and `pages`.

pub mod age;
pub mod card;
pub mod customer;
pub mod desk;
pub mod export;
pub mod import;
mod keyed;
mod legible;
pub mod limits;
pub mod opening;
pub mod opening_limits;
pub mod pages;
pub mod payout;
mod record;
pub mod routes;
mod sealed;
mod store;
pub mod token;
pub mod values;
pub mod watch;

pub use crate::store::MIGRATIONS;
pub use keyed::KEYED;
pub use record::By;
pub use sealed::SEALED;
