//! What the store promises, on every engine.

mod batches;
mod files;
mod journal;
