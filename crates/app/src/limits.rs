//! Limits of the running program.

/// Longest configuration file, bytes.
pub const CONFIG_BYTES_MAX: u64 = 64 * 1024;
/// Most cases in one list.
pub const CASES_LISTED_MAX: i64 = 100;
/// Connections open at once, or fewer where the system allows fewer open files.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Connections open at once from one network address (IPv6: one /64). Not for this machine and trusted proxies. A shop's
/// guests share an address.
pub const CONNECTIONS_PER_PEER_MAX: usize = 256;
/// Open files that are not for connections: database, log, checkpoints, keys.
pub const FILES_RESERVED: usize = 128;
/// How often a silent HTTP/2 connection is asked whether the other side lives, seconds.
pub const PING_EVERY_SECONDS: u64 = 20;
/// How long its answer may take, seconds.
pub const PING_SECONDS_MAX: u64 = 10;
/// How long a connection may take to send the head of its first request, with the handshake of TLS before it, and of
/// each request after it, seconds.
pub const HEADER_SECONDS_MAX: u64 = 10;
/// How long running requests may take when the program stops, seconds.
pub const STOP_SECONDS_MAX: u64 = 10;
/// How often the audit log is sequenced and signed, milliseconds.
pub const SEQUENCE_EVERY_MS: u64 = 1_000;
/// How often rows that ended are swept, seconds.
pub const SWEEP_EVERY_SECONDS: u64 = 10;
/// Transactions of one sweep of one kind of rows. With 500 rows in each and a sweep each 10 seconds it keeps up with
/// 10,000 new rows a second.
pub const SWEEP_ROUNDS_MAX: usize = 200;
/// How often an alarm is repeated in the log while its cause lasts, milliseconds.
pub const ALARM_EVERY_MS: i64 = 60_000;
/// How often mails are looked for, milliseconds.
pub const MAIL_EVERY_MS: u64 = 500;
/// How often it is looked whether the day's work is done, seconds.
pub const DAILY_LOOK_EVERY_SECONDS: u64 = 600;
/// How often a node looks at its keys: for those another node made, for a rotation to go on with, milliseconds.
pub const KEYS_EVERY_MS: u64 = 1_000;
/// How long a rotation leaves the database to others between two of its transactions, milliseconds.
pub const ROTATION_PAUSE_MS: u64 = 5;
/// How often the age of keys is looked at, milliseconds.
pub const KEY_AGE_EVERY_MS: i64 = 3_600_000;
/// Largest file of certificates, keys or revoked certificates, bytes.
pub const TLS_FILE_BYTES_MAX: usize = 1024 * 1024;
/// Names of a client certificate.
pub const CLIENT_NAMES_MAX: usize = 16;
/// How often the files of certificates are looked at, seconds.
pub const TLS_RELOAD_SECONDS: u64 = 10;
/// How often the inventory of certificates is looked through for alarms, seconds.
pub const CERTIFICATES_EVERY_SECONDS: u64 = 600;
/// Longest file with the roots of makers of passkeys, bytes.
pub const ATTESTATION_ROOTS_BYTES_MAX: usize = 256 * 1024;
/// How long before its end the start warns of a root of makers of passkeys, days.
pub const ATTESTATION_ROOT_WARNING_DAYS: i64 = 30;
/// Longest file with a client secret, bytes.
pub const SECRET_FILE_BYTES_MAX: usize = 4096;
/// How often access reviews and idle members are looked after, in seconds.
pub const ACCESS_EVERY_SECONDS: u64 = 3_600;
