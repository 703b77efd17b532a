//! Which PostgreSQL is spoken to: 15 or newer. An older one is refused when it is connected to, before anything is asked of it.

use crate::error::Error;

/// The oldest major version that is supported; tests run against it and newer ones.
const MAJOR_MIN: u32 = 15;

/// Reads what a server says of itself when a connection begins (`server_version`).
///
/// # Errors
/// [`Error::Refused`] for an older server, and for one that says no version.
pub(super) fn check(said: Option<&str>) -> Result<(), Error> {
    let said = said.unwrap_or_default();
    match major(said) {
        Some(major) if major >= MAJOR_MIN => Ok(()),
        Some(_) => Err(Error::Refused(format!(
            "the database server is PostgreSQL {said}; {MAJOR_MIN} or newer is needed, upgrade the server"
        ))),
        None => Err(Error::Refused(format!(
            "the database server says that its version is `{said}`; PostgreSQL {MAJOR_MIN} or newer is needed"
        ))),
    }
}

/// `15.4 (Debian 15.4-1)`, `16beta2` and `9.6.24` begin with the major version; up to 9.6 it had two parts, all too old.
fn major(said: &str) -> Option<u32> {
    let digits = said.find(|c: char| !c.is_ascii_digit()).unwrap_or(said.len());
    said.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_15_is_the_oldest_that_is_taken() {
        for said in ["15", "15.0", "15.14 (Debian 15.14-0+deb12u1)", "16beta2", "17rc1", "18devel", "100.1"] {
            assert_eq!(check(Some(said)), Ok(()), "{said}");
        }
        for said in ["14.19", "14beta1", "9.6.24", "8.4", "0"] {
            let Err(Error::Refused(why)) = check(Some(said)) else { panic!("{said} was taken") };
            assert_eq!(
                why,
                format!(
                    "the database server is PostgreSQL {said}; 15 or newer is needed, upgrade the server"
                )
            );
        }
        for said in [None, Some(""), Some("v15"), Some("-15"), Some("99999999999999")] {
            assert!(matches!(check(said), Err(Error::Refused(_))), "{said:?}");
        }
    }
}
