//! What can go wrong below a domain.

/// An error of the store. Domains pass it through unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The world's fault: disk full, database away, too much waiting. Nothing was written; try later.
    #[error("the database cannot be reached or written now: {0}")]
    Unavailable(String),
    /// A row with this key is already there.
    #[error("a row with the same key exists in `{0}`")]
    Conflict(String),
    /// Another writer was first; the committer runs the closure again before a caller sees this.
    #[error("another writer changed the same rows")]
    Raced,
    /// The file or schema is not one this program can use.
    #[error("{0}")]
    Refused(String),
    /// Our own mistake: wrong SQL, wrong column, a panic in a closure.
    #[error("internal store error: {0}")]
    Bug(String),
}
