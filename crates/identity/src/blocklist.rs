//! Passwords that attackers try first: a filter over a list, built once and shipped or put in place by the operator
//! (PW-2, C02).
//!
//! The filter is a binary fuse filter with 16-bit fingerprints: no password of the list passes, and one in 65,536 others
//! is refused without being on it, which costs its owner another choice. A password is asked for as typed and in lower
//! case, by the first 64 bits of its SHA-1: so a list of SHA-1 hashes, as breach collections are published, serves as
//! well as one of words. The hash protects nothing here; it only spreads the keys.

use std::sync::{Arc, LazyLock, OnceLock};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use xorf::{BinaryFuse16, Descriptor, Filter};

use crate::limits::{BLOCKLIST_BYTES_MAX, PASSWORD_BESIDE_FACTOR_CHARS_MIN};
use crate::password::Password;

const MAGIC: &[u8; 8] = b"TWBLOCK1";
const VERSION_BYTES: usize = 8;
const HEAD_BYTES: usize = 8 + VERSION_BYTES + 8 + 8 + 4 + 4 + 4;
const SHA1_HEX_CHARS: usize = 40;

/// The list that ships; see `data/README.md` for where it comes from.
static BUILT_IN: LazyLock<Option<Arc<Blocklist>>> =
    LazyLock::new(|| Blocklist::parse(include_bytes!("../data/common_passwords.bin")).ok().map(Arc::new));

/// The operator's own list, in place of the one that ships.
static CHOSEN: OnceLock<Arc<Blocklist>> = OnceLock::new();

/// Puts the operator's own list in place of the one that ships, once, when the program starts. `false` when one is in
/// place already.
pub fn use_blocklist(list: Blocklist) -> bool {
    CHOSEN.set(Arc::new(list)).is_ok()
}

/// Whether nobody may choose this password, by the list in force.
pub(crate) fn is_blocked(password: &Password) -> bool {
    let list = CHOSEN.get().or(BUILT_IN.as_ref());
    list.is_some_and(|list| list.contains(password))
}

/// Passwords nobody may choose.
pub struct Blocklist {
    filter: BinaryFuse16,
    version: [u8; VERSION_BYTES],
    passwords: u64,
}

/// Why a list was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlocklistError {
    /// Nothing in it, or too little.
    #[error(
        "the list holds no password of at least {PASSWORD_BESIDE_FACTOR_CHARS_MIN} characters and no SHA-1 hash"
    )]
    Empty,
    /// Past the limit.
    #[error("a list has at most {BLOCKLIST_BYTES_MAX} bytes")]
    TooLarge,
    /// Not a file that `tillward passwords build` made, or damaged.
    #[error("this is no password list; make one with `tillward passwords build LIST OUT`")]
    Malformed,
    /// The filter could not be built; in practice it always can.
    #[error("the filter could not be built from this list")]
    Unbuildable,
}

impl Blocklist {
    /// The list that ships with the program.
    ///
    /// # Errors
    /// [`BlocklistError::Malformed`] never happens in a program that passed its tests.
    pub fn built_in() -> Result<Arc<Blocklist>, BlocklistError> {
        BUILT_IN.clone().ok_or(BlocklistError::Malformed)
    }

    /// Builds the file for a list: one password a line, or one SHA-1 hash in hexadecimal a line, perhaps with `:count`
    /// behind it. Shorter passwords than anybody may choose are left out.
    ///
    /// # Errors
    /// [`BlocklistError::Empty`], [`BlocklistError::Unbuildable`].
    pub fn build<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<u8>, BlocklistError> {
        let mut keys: Vec<u64> =
            lines.filter_map(|line| read_line(line.trim_end_matches(['\r', '\n']))).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Err(BlocklistError::Empty);
        }
        let filter = BinaryFuse16::try_from(&keys).map_err(|_| BlocklistError::Unbuildable)?;
        let all: Vec<u8> = keys.iter().flat_map(|key| key.to_be_bytes()).collect();
        let version = digest(&SHA256, &all);
        let mut out = Vec::with_capacity(HEAD_BYTES + filter.fingerprints.len() * 2);
        out.extend_from_slice(MAGIC);
        out.extend(version.as_ref().iter().take(VERSION_BYTES));
        out.extend_from_slice(&(keys.len() as u64).to_be_bytes());
        out.extend_from_slice(&filter.descriptor.seed.to_be_bytes());
        out.extend_from_slice(&filter.descriptor.segment_length.to_be_bytes());
        out.extend_from_slice(&filter.descriptor.segment_length_mask.to_be_bytes());
        out.extend_from_slice(&filter.descriptor.segment_count_length.to_be_bytes());
        out.extend(filter.fingerprints.iter().flat_map(|print| print.to_be_bytes()));
        Ok(out)
    }

    /// Reads a file that [`Blocklist::build`] made.
    ///
    /// # Errors
    /// [`BlocklistError::TooLarge`], [`BlocklistError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Blocklist, BlocklistError> {
        if bytes.len() > BLOCKLIST_BYTES_MAX {
            return Err(BlocklistError::TooLarge);
        }
        read_file(bytes).ok_or(BlocklistError::Malformed)
    }

    /// Whether nobody may choose this password.
    pub fn contains(&self, password: &Password) -> bool {
        let typed = password.secret().expose();
        self.filter.contains(&key_of(typed)) || self.filter.contains(&key_of(&typed.to_lowercase()))
    }

    /// What the list is told apart by: the first 64 bits of the SHA-256 of its sorted keys, in hexadecimal.
    pub fn version(&self) -> String {
        self.version.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// How many passwords it holds.
    pub fn passwords(&self) -> u64 {
        self.passwords
    }
}

impl std::fmt::Debug for Blocklist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Blocklist {} of {}", self.version(), self.passwords)
    }
}

fn read_line(line: &str) -> Option<u64> {
    let (hash, _) = line.split_once(':').unwrap_or((line, ""));
    if hash.len() == SHA1_HEX_CHARS && hash.bytes().all(|b| b.is_ascii_hexdigit()) {
        return u64::from_str_radix(hash.get(..16)?, 16).ok();
    }
    let password = Password::parse(line).ok()?;
    let text = password.secret().expose();
    (text.chars().count() >= PASSWORD_BESIDE_FACTOR_CHARS_MIN).then(|| key_of(&text.to_lowercase()))
}

fn key_of(text: &str) -> u64 {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    hash.as_ref().first_chunk().map_or(0, |first: &[u8; 8]| u64::from_be_bytes(*first))
}

fn read_file(bytes: &[u8]) -> Option<Blocklist> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (version, rest) = rest.split_first_chunk::<VERSION_BYTES>()?;
    let (passwords, rest) = rest.split_first_chunk::<8>()?;
    let (seed, rest) = rest.split_first_chunk::<8>()?;
    let (segment, rest) = rest.split_first_chunk::<4>()?;
    let (mask, rest) = rest.split_first_chunk::<4>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let descriptor = Descriptor {
        seed: u64::from_be_bytes(*seed),
        segment_length: u32::from_be_bytes(*segment),
        segment_length_mask: u32::from_be_bytes(*mask),
        segment_count_length: u32::from_be_bytes(*count),
    };
    let prints =
        rest.chunks_exact(2).filter_map(|pair| pair.first_chunk().map(|two| u16::from_be_bytes(*two)));
    let fingerprints: Box<[u16]> = prints.collect();
    // A lookup reads three segments beginning anywhere below `segment_count_length`, each place turned about within its own
    // segment: with whole segments it stays inside.
    let length = u64::from(descriptor.segment_length);
    let reach = u64::from(descriptor.segment_count_length) + 2 * length;
    let whole = descriptor.segment_length.is_power_of_two()
        && descriptor.segment_length_mask == descriptor.segment_length - 1
        && descriptor.segment_count_length > 0
        && descriptor.segment_count_length.is_multiple_of(descriptor.segment_length)
        && reach <= fingerprints.len() as u64
        && rest.len() % 2 == 0;
    let filter = BinaryFuse16 { descriptor, fingerprints };
    whole.then(|| Blocklist { filter, version: *version, passwords: u64::from_be_bytes(*passwords) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[test]
    fn c02_what_is_listed_is_found_in_any_case_and_as_a_hash() {
        let hashed = digest(&SHA1_FOR_LEGACY_USE_ONLY, b"Correcthorse");
        let hashed: String = hashed.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let lines = ["Password12345678", "short", "", &format!("{hashed}:37")].map(str::to_owned);
        let bytes = Blocklist::build(lines.iter().map(String::as_str)).unwrap();
        let list = Blocklist::parse(&bytes).unwrap();
        assert_eq!(list.passwords(), 2);
        for found in ["password12345678", "PASSWORD12345678", "Correcthorse"] {
            assert!(list.contains(&password(found)), "{found}");
        }
        assert!(!list.contains(&password("correcthorse")), "a hash says nothing of other cases");
        assert!(!list.contains(&password("short")), "too short for anybody");
    }

    #[test]
    fn c02_the_list_that_ships_refuses_what_is_tried_first_and_little_else() {
        let list = Blocklist::built_in().unwrap();
        assert!(list.passwords() > 1_400_000, "{list:?}");
        for common in [
            "passwordpassword",
            "ThisIsMyPassword",
            "1qaz2wsx3edc4rfv",
            "correct horse battery staple",
            "Iloveyou",
            "football",
        ] {
            assert!(list.contains(&password(common)), "{common}");
        }
        let others = (0..20_000).map(|n| format!("violet kettle {n} harbour"));
        let refused = others.filter(|text| list.contains(&password(text))).count();
        assert!(refused <= 8, "{refused} of 20,000 are refused by chance");
    }

    #[test]
    fn an_empty_list_and_a_damaged_file_are_refused() {
        assert_eq!(Blocklist::build(["a", "b"].into_iter()), Err(BlocklistError::Empty));
        let bytes = Blocklist::build(["password12345678"].into_iter()).unwrap();
        for cut in 0..bytes.len() {
            assert!(Blocklist::parse(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_list_or_refused_and_never_a_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(list) = Blocklist::parse(&[MAGIC.as_slice(), &tail].concat()) {
                list.contains(&password("whatever it is"));
            }
        }
    }
}
