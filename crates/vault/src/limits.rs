//! Limits of the vault, each with its unit in the name.

/// Longest value one seal takes. Longer things are files, not fields.
pub const PLAIN_BYTES_MAX: usize = 64 * 1024;
/// Values that one version of a data key seals at most: what SP 800-38D 8.3 allows where nonces are random (CR-1).
pub const SEALS_MAX: i64 = 1 << 32;
/// Values that a data key seals each time it is fetched for sealing. They count as sealed from then on, used or not.
pub const SEALS_EACH_FETCH: u32 = 1_024;
/// Longest owner of a data key, as text.
pub const OWNER_CHARS_MAX: usize = 80;
/// Longest PIN, token or share in a file.
pub const SECRET_FILE_BYTES_MAX: usize = 4096;
/// Longest file with authorities of a transit service.
pub const CA_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Longest answer of a transit service.
pub const TRANSIT_ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long connecting to a transit service may take.
pub const TRANSIT_CONNECT_MS_MAX: u64 = 5_000;
/// How long a call of a transit service may take, from the first byte to the last.
pub const TRANSIT_TOTAL_MS_MAX: u64 = 15_000;
/// Data keys that one transaction of a rotation wraps anew: few enough that payments get their turn.
pub const REWRAP_ROWS_MAX: i64 = 200;
/// Values that one transaction of a rotation seals anew.
pub const RESEAL_ROWS_MAX: usize = 200;
/// Keyed hashes that one transaction of a rotation makes anew.
pub const REKEY_ROWS_MAX: i64 = 100;
/// Seeds of sub-keys that are kept at once: each one that is not destroyed costs every look-up a few hashes.
pub const SEEDS_MAX: usize = 8;
/// Days a seed of sub-keys makes new hashes: about a year for keys that others are derived from (NIST SP 800-57, part 1, 5.3.6).
pub const SEED_DAYS_MAX: i64 = 365;
/// How long a new key-encryption key waits until every node has it, where several nodes share a database. Each looks
/// for new keys four times in that time.
pub const KEK_SETTLE_MS: i64 = 20_000;
/// How often a node looks for keys that another one made.
pub const REFRESH_EVERY_MS: i64 = 5_000;
/// How long a node may hold the lease of a rotation without renewing it.
pub const ROTATION_LEASE_MS: i64 = 30_000;
/// Shares a root key is split into at most.
pub const SHARES_MAX: u8 = 16;
/// Days a root key is used for (SP 800-57 part 1, 5.3.6: up to two years for a key that wraps keys).
pub const ROOT_DAYS_MAX: i64 = 730;
/// Days a key-encryption key wraps new data keys.
pub const KEK_DAYS_MAX: i64 = 365;
/// Days a data key seals new values.
pub const DATA_KEY_DAYS_MAX: i64 = 730;
/// Days before the end of a key's time at which an alarm is raised (C44).
pub const ALARM_DAYS: [i64; 4] = [30, 14, 7, 1];
