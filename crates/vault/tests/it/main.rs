//! The vault against the real store, and published vectors.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on stops")]

mod clearing;
mod keys_in_store;
mod rotation;
mod seals;
mod seeds;
mod service;
mod sources;
mod token;
mod vectors;
mod wycheproof;
