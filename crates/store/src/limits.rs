//! Limits of the store.

/// Most closures that share one commit where each round trip serves all of them.
pub const BATCH_CLOSURES_MAX: usize = 128;
/// Most closures that share one record of the journal: while it is flushed and answered, the next ones run.
pub const RECORD_CLOSURES_MAX: usize = 16;
/// Most closures that may wait for the committer; one more is answered `Unavailable` at once.
pub const QUEUE_CLOSURES_MAX: usize = 10_000;
/// Read-only connections kept open.
pub const READERS_MAX: usize = 8;
/// How often a batch is tried again after the database lost a serialisation race.
pub const RETRIES_MAX: usize = 8;
/// SQLite's write-ahead log is copied into the database file past this size, bytes.
pub const WAL_COPY_BYTES: u64 = 64 * 1024 * 1024;
/// An alarm is raised when the log is larger than this and a reader keeps it from being copied, bytes.
pub const WAL_ALARM_BYTES: u64 = 256 * 1024 * 1024;
/// How often that alarm is repeated, seconds.
pub const WAL_ALARM_EVERY_SECONDS: u64 = 60;
/// How long committed rows wait in memory for the next transaction of SQLite while the committer is busy, milliseconds.
pub const SETTLE_EVERY_MS: u64 = 1_000;
/// They are written earlier when they took more than this in the journal, bytes.
pub const SETTLE_BYTES: usize = 32 * 1024 * 1024;
/// The committer waits for the writer when the waiting rows took more than this, bytes.
pub const UNSETTLED_BYTES_MAX: usize = 96 * 1024 * 1024;
/// How long the committer waits for work before it has committed rows written, milliseconds.
pub const SETTLE_IDLE_MS: u64 = 3;
/// How long after a failure SQLite is written to again, milliseconds.
pub const SETTLE_RETRY_MS: u64 = 500;
/// Groups of growing tables whose greatest key is kept in memory; more are searched each time.
pub const HEIGHTS_MAX: usize = 500_000;
/// Rows of a followed table that wait for their follower; it is told when there were more.
pub const FOLLOWED_ROWS_MAX: usize = 32_768;
/// Committed rows kept in memory on the embedded engine, in two halves: the older half is dropped at once.
pub const ROWS_KEPT_MAX: usize = 200_000;
/// How often the closures of a batch are stopped to load their rows together, where a look-up is a round trip.
pub const COLLECT_ROUNDS_MAX: usize = 24;
/// How many drafts of the journal are kept to be written again, and how much room one may take, bytes.
pub const SPARE_DRAFTS_MAX: usize = 8;
/// See [`SPARE_DRAFTS_MAX`].
pub const SPARE_DRAFT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Between two flushes of a file that is being filled, milliseconds. A disk writes about half a megabyte in one.
pub const FLUSH_STEADILY_MS: u64 = 4;
