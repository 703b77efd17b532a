//! Tests of the public face of `risk`, one module per topic.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what the tests share sits outside the test functions, where the lints do not see tests"
)]

mod decisions;
mod files;
mod labels;
mod profiles;
mod rules;
mod starter;
mod windows;
