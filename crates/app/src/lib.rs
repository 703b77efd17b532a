//! The program `tillward`: composes the domains into one process and gives it a command line.
//!
//! Reading order: `cli.rs` (commands), `config.rs` (settings), `installation.rs` (opens database, vault, log),
//! `server.rs` (listener, routes), `openapi.rs`, `jobs.rs` (what runs beside requests), then a file for each command.

pub mod access;
pub mod approvals;
pub mod bench;
pub mod cases;
pub mod cli;
pub mod config;
mod data_folder;
pub mod demo;
pub mod error_page;
mod files;
pub mod fuzz;
pub mod hardening;
pub mod installation;
pub mod jobs;
pub mod key_source;
pub mod keys;
pub mod limits;
pub mod openapi;
pub mod page_watch;
pub mod server;

/// Every migration of the program.
pub fn migrations() -> Vec<store::Migration> {
    let domains = [
        audit::MIGRATIONS,
        vault::MIGRATIONS,
        identity::MIGRATIONS,
        ledger::MIGRATIONS,
        tokens::MIGRATIONS,
        payments::store::MIGRATIONS,
        webkit::MIGRATIONS,
        jobs::MIGRATIONS,
        page_watch::MIGRATIONS,
    ];
    domains.iter().flat_map(|list| list.iter().copied()).collect()
}

/// Every error code of the API.
pub fn error_codes() -> Vec<&'static webkit::Code> {
    [webkit::error::CODES, identity::routes::CODES, tokens::routes::CODES, payments::routes::CODES]
        .into_iter()
        .flatten()
        .copied()
        .collect()
}
