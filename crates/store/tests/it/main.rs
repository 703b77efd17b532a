//! What the store promises, on every engine.

mod batches;
mod collect;
mod files;
mod journal;
