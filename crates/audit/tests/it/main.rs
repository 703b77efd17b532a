//! The audit log from outside: published vectors, both engines, and edits behind the program's back.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod entries;
mod exports;
mod hostile;
mod notes;
mod promises;
mod sequencing;
mod setup;
mod tampering;
mod trees;
