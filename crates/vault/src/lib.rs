//! Keeps personal data and secrets sealed: what a thief of the database reads is nothing.
//!
//! Keys form a tree. The **root key** lives in a key source ([`KeySource`]): a file outside the data folder, shares of
//! custodians, a PKCS#11 token, or a transit service. It wraps the **key-encryption keys**, which the [`Vault`] holds in
//! memory, and the seed of the named **sub-keys** for PINs, blind indexes and codes ([`SubKey`]). A key-encryption
//! key wraps one **data key** for each owner, a person or a shop ([`DataKey`]), and the data key seals values with
//! AES-256-GCM, bound to the place they are stored at ([`Place`]).
//!
//! Every level can be replaced while payments run ([`rotation`]). Destroying a data key closes its owner's values here at
//! once; destroying the root key closes every backup of its time.
//!
//! What it does not do: it holds no roles and no purposes (that is `identity`), and it answers no requests.
//!
//! Reading order: `secret_file`, `keyfile`, `source`, `keys`, `seal`, `handle`, `data_keys`, `keyed`, `rotation`, `inventory`, `store`.

mod data_keys;
pub mod fuzz;
mod handle;
pub mod inventory;
mod keyed;
mod keyfile;
mod keys;
pub mod limits;
mod nonces;
pub mod rotation;
mod seal;
mod secret_file;
pub mod shares;
mod source;
mod store;
mod sub_keys;
pub mod testing;

pub use handle::{Vault, VaultError};
pub use keyed::KeyedHash;
pub use keyfile::{KeyFileError, RootKey};
pub use keys::KeyBytes;
pub use nonces::{NonceReport, check_nonces};
pub use rotation::{Hanging, KeyedColumn, Pass, Rekeyed, SealedColumn, SealedValue};
pub use seal::{DataKey, OpenError, Place, SealError};
pub use secret_file::{SecretFileError, read_secret_file, write_secret_file};
pub use source::{
    FileSource, KeyName, KeySource, Pkcs11Settings, Pkcs11Source, RootName, SourceError, SourceKind,
    TransitSettings, TransitSource,
};
pub use store::MIGRATIONS;
pub use store::keks::KeyState;
pub use store::rotations::{Level, Rotation, RotationState};
pub use store::seeds::SeedUses;
pub use sub_keys::SubKey;
