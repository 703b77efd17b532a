//! Identity against the real store.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

mod api_keys;
mod certificates;
mod codes;
mod factors;
mod http;
mod mail;
mod members;
mod pins;
mod secrecy;
mod sessions;
mod world;
