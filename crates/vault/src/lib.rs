//! Keeps personal data and secrets sealed: what a thief of the database reads is nothing.
//!
//! Keys form a tree. The **root key** lives in a file outside the data folder ([`RootKey`]). It wraps the
//! **key-encryption keys**, which the [`Vault`] holds in memory, and the seed of the named **sub-keys** for PINs,
//! blind indexes and signatures ([`SubKey`]). A key-encryption key wraps one **data key** for each owner, a person
//! or a shop ([`DataKey`]), and the data key seals values with AES-256-GCM, bound to the place they are stored at
//! ([`Place`]). Destroying the data key erases its owner's values, in backups as well.
//!
//! What it does not do: it holds no roles and no purposes (that is `identity`), and it knows no HTTP.
//!
//! Reading order: `keyfile`, `keys`, `seal`, `handle`, `store`.

mod handle;
mod keyfile;
mod keys;
pub mod limits;
mod seal;
mod store;

pub use handle::{SubKey, Vault, VaultError};
pub use keyfile::{KeyFileError, RootKey};
pub use seal::{DataKey, OpenError, Place, SealError};
pub use store::MIGRATIONS;
