//! A wrapper for what must never be printed.

use std::fmt;

use zeroize::Zeroize;

/// Personal data or a secret. It has no `Display`, its `Debug` gives neither a letter nor the length, and its
/// memory is cleared when it is dropped. Opening it is the named call [`Secret::expose`], easy to search for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Secret<T> {
        Secret(value)
    }

    /// The value itself. Each call is a place to review.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_no_part_of_it() {
        let secret = Secret::new(String::from("planted-value"));
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(secret.expose(), "planted-value");
    }
}
