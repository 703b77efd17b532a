//! Limits of the store.

/// Most closures that share one commit.
pub const BATCH_CLOSURES_MAX: usize = 128;
/// Most closures that may wait for the committer; one more is answered `Unavailable` at once.
pub const QUEUE_CLOSURES_MAX: usize = 10_000;
/// Read-only connections kept open.
pub const READERS_MAX: usize = 8;
/// How often a batch is tried again after the database lost a serialisation race.
pub const RETRIES_MAX: usize = 8;
/// The write-ahead log is copied into the database file in the background past this size.
pub const WAL_COPY_BYTES: u64 = 16 * 1024 * 1024;
/// The committer itself waits for the copy past this size, so that the log cannot grow without end.
pub const WAL_WAIT_BYTES: u64 = 256 * 1024 * 1024;
/// How long SQLite's transaction stays open over batches while the committer is busy, milliseconds.
pub const SETTLE_EVERY_MS: u64 = 100;
/// How long the committer waits for work before it commits SQLite's transaction, milliseconds.
pub const SETTLE_IDLE_MS: u64 = 3;
/// Committed rows kept in memory on the embedded engine, in two halves: the older half is dropped at once.
pub const ROWS_KEPT_MAX: usize = 200_000;
/// How often the closures of a batch are stopped to load their rows together, where a look-up is a round trip.
pub const COLLECT_ROUNDS_MAX: usize = 24;
