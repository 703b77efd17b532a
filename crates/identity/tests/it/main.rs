//! Identity against the real store.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

mod access_reviews;
mod activity;
mod addresses;
mod api_keys;
mod approvals;
mod authenticator;
mod buyer_policy;
mod certificates;
mod codes;
mod connected_apps;
mod contacts;
mod emergencies;
mod factors;
mod http;
mod keyed;
mod mail;
mod members;
mod neighbours;
mod own_changes;
mod passkeys;
mod passwords;
mod pin_resets;
mod pins;
mod restarts;
mod roles;
mod second_steps;
mod secrecy;
mod sessions;
mod sim_change;
mod world;
