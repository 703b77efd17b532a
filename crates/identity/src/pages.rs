//! The pages of the door, of accounts and of a shop's people: a view struct each, filled by a handler of
//! [`desk`](crate::desk), shown by a template in `templates/`.
//!
//! View structs are flat: words, money, times and flags that the handler already holds. They look nothing up. Every
//! struct has a `sample` with which the gallery shows the page without a server
//! (`cargo run -p app --example gallery -- target/gallery`).

use std::sync::LazyLock;

use webkit::page::Texts;

pub mod account;
pub mod api_keys;
pub mod apps;
pub mod entry;
pub mod front;
pub mod keys;
pub mod notice;
pub mod passkeys;
pub mod people;
pub mod review;
pub mod roles;
pub mod sample;
pub mod second_step;
pub mod security;

/// The English and the Chinese texts of this crate, as Fluent. Domains above put them before their own.
pub const LOCALES: (&str, &str) = (include_str!("../locales/en.ftl"), include_str!("../locales/zh.ftl"));

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[LOCALES]));

/// The texts of this crate and of the frame, parsed once.
pub fn texts() -> &'static Texts {
    &TEXTS
}

#[cfg(test)]
mod tests;
