//! The page `docs/errors.md`: every error code of the API with its status and its meaning.
//!
//! Promises: nothing here is written by hand but the head; each line is a code of [`crate::error_codes`].
//! `tillward openapi --errors` prints the page; a test compares it with the one that is kept.

use std::fmt::Write as _;

const HEAD: &str = "# Error codes\n\n\
    What `code` of an error may be ([how errors look](api.md#errors)). A code always comes with the same status. New ones may come: \
    treat one that you do not know by its status. This page is made by `tillward openapi --errors`; a test fails when it is not \
    what the program says.\n\n\
    | status | code | means |\n|---|---|---|\n";

/// The page as Markdown, by status and then by name.
pub fn print_error_codes() -> String {
    let mut codes = crate::error_codes();
    codes.sort_by_key(|code| (code.status, code.name));
    let mut out = HEAD.to_owned();
    for code in codes {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {} | `{}` | {} |", code.status, code.name, code.meaning.replace('|', "\\|"));
    }
    out
}
