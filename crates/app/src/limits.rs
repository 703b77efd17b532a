//! Limits of the running program.

/// Longest configuration file, bytes.
pub const CONFIG_BYTES_MAX: u64 = 64 * 1024;
/// Connections open at once.
pub const CONNECTIONS_MAX: usize = 10_000;
/// How long a connection may take to send the head of a request, seconds.
pub const HEADER_SECONDS_MAX: u64 = 10;
/// How long running requests may take when the program stops, seconds.
pub const STOP_SECONDS_MAX: u64 = 10;
/// How often the audit log is sequenced and signed, milliseconds.
pub const SEQUENCE_EVERY_MS: u64 = 1_000;
/// How often rows that ended are swept, seconds.
pub const SWEEP_EVERY_SECONDS: u64 = 60;
/// How often mails are looked for, milliseconds.
pub const MAIL_EVERY_MS: u64 = 500;
