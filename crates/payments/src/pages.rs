//! The pages of paying and of the shop's desk: a view struct each, filled by a handler, shown by a template beside it in
//! `templates/`.
//!
//! View structs are flat: words, money, times and flags that the handler already holds. They look nothing up. Every
//! struct has a `sample` with which the gallery shows the page without a server
//! (`cargo run -p app --example gallery -- target/gallery`).
//!
//! Reading order: [`shown`] (states as pages show them), [`pay`] (the buyer's way), [`receipt`], [`notice`], then the desk:
//! [`overview`], [`list`], [`detail`], [`codes`], [`reviews`], [`rules`], [`places`], [`certificates`].

use std::sync::LazyLock;

use webkit::page::Texts;

pub mod certificates;
pub mod codes;
pub mod detail;
pub mod list;
pub mod notice;
pub mod overview;
pub mod pay;
pub mod places;
pub mod receipt;
pub mod reviews;
pub mod rules;
pub mod sample;
pub mod shown;

/// The English and the Chinese texts of this crate, as Fluent.
pub const LOCALES: (&str, &str) = (include_str!("../locales/en.ftl"), include_str!("../locales/zh.ftl"));

static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::new(&[identity::pages::LOCALES, LOCALES]));

/// The texts of this crate, of identity and of the frame, parsed once.
pub fn texts() -> &'static Texts {
    &TEXTS
}

#[cfg(test)]
mod tests;
