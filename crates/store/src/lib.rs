//! The only crate that knows SQLite from PostgreSQL.
//!
//! [`Db::write`] gives a closure a [`Tx`] and returns once everything it wrote is on disk. Closures that wait at the
//! same time share one commit (group commit): the flush is what an engine is paid for, so it is paid once a batch.
//!
//! What a closure may rely on:
//! - it runs alone, after every closure before it in its batch, and sees what those wrote;
//! - if it returns `Err`, nothing it wrote remains, and nobody else in the batch is touched;
//! - it may run more than once (after a conflict), so it touches nothing but its `Tx`; what must happen once goes into
//!   [`Tx::after_commit`];
//! - rows read and written by key ([`Tx::get`], [`Tx::insert`], [`Tx::put`], [`Tx::delete`]) are kept in memory for the
//!   batch and written together at its end; raw SQL ([`Tx::query`], [`Tx::execute`]) sees them. On the embedded engine
//!   raw SQL inside [`Db::write`] waits until SQLite holds everything before it, and so does every closure behind it:
//!   what runs often reads by key, or ahead with [`Db::read`].
//!
//! Reading order: `table.rs`, `tx.rs`, `committer.rs`; then `embedded.rs` with `journal.rs`, `flushing.rs`,
//! `settling.rs`, `sqlite_engine.rs`, `wal.rs`; then `postgres_engine.rs`.

mod committer;
mod conn;
mod db;
mod embedded;
mod error;
mod flushing;
mod following;
#[doc(hidden)]
pub mod fuzz;
mod heights;
mod journal;
mod kept;
mod known;
pub mod limits;
mod lock;
mod migrate;
mod postgres_engine;
mod settling;
mod sqlite_engine;
mod table;
pub mod testing;
mod tx;
mod unsettled;
mod value;
mod wal;

pub use db::{Config, Db, EngineKind};
pub use embedded::files_of;
pub use error::Error;
pub use following::Follower;
pub use migrate::Migration;
pub use table::{Column, Kind, Table, blob, int, real, text};
pub use tx::{Key, Tx};
pub use value::{Row, Value};
