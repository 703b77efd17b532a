//! The audit log: append-only, in a Merkle tree as in RFC 6962, with signed C2SP checkpoints.
//!
//! What it promises:
//! - an entry is written in the transaction of the work it records, or neither is ([`append`]);
//! - each second a single sequencer gives positions, extends the tree and signs a checkpoint ([`Sequencer`]); it never
//!   signs two histories;
//! - a payment's answer carries a signed [`Promise`] of its entry, its receipt an [`Inclusion`] proof later ([`prove`]);
//! - whoever has the exported log and the public key can find every altered, removed, reordered, inserted or
//!   back-dated entry ([`verify_export`]), and with a checkpoint kept elsewhere a cut tail or a rolled-back database.
//!
//! What it does not promise: it cannot tell that an entry is true, only that it was not changed since. Nothing in it
//! may be secret; see `entry.rs`.
//!
//! ```text
//! audit::append(tx, &Entry::new(id, at, buyer, CONFIRM, payment, Outcome::Success).detail("amount", amount))?;
//! ```
//!
//! Reading order: `entry.rs`, `tree.rs`, `tiles.rs`, `note.rs`, `sequencer.rs`, `verify.rs`.

mod anchor;
mod canonical;
mod checkpoint;
mod compare;
mod entry;
mod export;
#[doc(hidden)]
pub mod fuzz;
mod lease;
mod lookup;
mod note;
mod promise;
mod proof;
mod sequencer;
mod store;
mod text;
pub mod tiles;
pub mod tree;
mod verify;

pub use crate::store::{MIGRATIONS, append, find_entry_text, list_entries};
pub use anchor::{ANCHOR_FILE_BYTES_MAX, APPEND_EVERY_MS, AnchorError, AnchorFile, parse_anchors};
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use entry::{
    Action, Actor, DETAILS_MAX, Detail, ENTRY_BYTES_MAX, Entry, EntryError, Object, Outcome, WORD_BYTES_MAX,
};
pub use export::{ExportError, Exported, LINE_BYTES_MAX, export};
pub use lease::{Lease, acquire_lease, release_lease};
pub use lookup::{
    LookupError, PromiseStanding, Standing, check_promise, consistency, find_signed, find_signed_at, prove,
};
pub use note::{
    KEY_NAME_BYTES_MAX, NOTE_BYTES_MAX, Note, NoteError, NoteSignature, SIGNATURES_MAX, Signer, VerifierKey,
};
pub use promise::{Leaf, PROMISE_BYTES_MAX, Promise, PromiseError, verify_promise};
pub use proof::{Consistency, Inclusion, PROOF_BYTES_MAX, ProofError};
pub use sequencer::{
    CHUNK_ENTRIES_MAX, FOUND_ENTRIES_MAX, LEASE_MS, LEASE_NAME, STEP_LOOKS_MAX, SequenceError, Sequenced,
    Sequencer, Step, Waiting, sequence,
};
pub use text::{
    CARD_DIGITS_MAX, CARD_DIGITS_MIN, PIN_DIGITS_MIN, TEXT_CHARS_MAX, Text, TextError, holds_card_number,
};
pub use tree::Digest;
pub use verify::{
    CLOCK_SLACK_MS, FINDINGS_MAX, Finding, Report, VerifyError, verify_database, verify_export,
};
