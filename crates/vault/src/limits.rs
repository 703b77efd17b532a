//! Limits of the vault, each with its unit in the name.

/// Longest value one seal takes. Longer things are files, not fields.
pub const PLAIN_BYTES_MAX: usize = 64 * 1024;
/// Longest owner of a data key, as text.
pub const OWNER_CHARS_MAX: usize = 80;
