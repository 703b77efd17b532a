//! The root key in the hands of several custodians: any `k` of `n` shares give it back, fewer say nothing about it.
//!
//! Shamir's scheme over GF(2^8), byte by byte, as `vsss-rs` implements it in constant time. A share is one line of text,
//! `TILLWARD-SHARE-1:<k>:<n>:<key's name>:<number>:<64 hex digits>:<8 hex digits>`; numbers are two hex digits. The last
//! part is the start of a SHA-256 over the line before it, so a typing error is noticed at the share that has it. The
//! key's name keeps shares of two keys apart, and is checked on the key that comes out.

use std::convert::Infallible;

use aws_lc_rs::digest;
use base::{Dice, Secret};
use rand_core::{TryCryptoRng, TryRng};
use vsss_rs::Gf256;
use zeroize::{Zeroize, Zeroizing};

use crate::keyfile::RootKey;
use crate::keys::{self, KEY_BYTES};
use crate::limits::SHARES_MAX;

const PREFIX: &str = "TILLWARD-SHARE-1";
const CHECK_BYTES: usize = 4;
const NAME_CHARS: usize = 16;

/// Why a key was not split or put together. No text holds a part of a share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Out of range.
    #[error(
        "a key is split into 2 to {SHARES_MAX} shares, of which at least 2 are needed: `{needed} of {count}` is not possible"
    )]
    Range {
        /// Shares that were to be needed.
        needed: u8,
        /// Shares that were to be made.
        count: u8,
    },
    /// Not a share, or a mistyped one.
    #[error("this is not a share, or a letter of it is wrong")]
    Malformed,
    /// The same share twice.
    #[error("share {number} was given twice")]
    Twice {
        /// Its number.
        number: u8,
    },
    /// Shares of two keys, or of two splittings.
    #[error("share {number} belongs to another key or was made at another time")]
    Foreign {
        /// Its number.
        number: u8,
    },
    /// Too few.
    #[error("{given} of {needed} needed shares were given")]
    TooFew {
        /// How many there are.
        given: usize,
        /// How many must be.
        needed: u8,
    },
    /// The shares fit each other and give another key than they name.
    #[error("these shares do not give the key they were made of")]
    WrongKey,
}

/// One share, read and checked.
pub struct Share {
    needed: u8,
    count: u8,
    name: String,
    number: u8,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Share {
    /// Reads the line of a share; blanks around it do not matter.
    ///
    /// # Errors
    /// [`ShareError::Malformed`].
    pub fn parse(text: &str) -> Result<Share, ShareError> {
        read(text.trim()).ok_or(ShareError::Malformed)
    }

    /// Its number, from 1.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// How many are needed.
    pub fn needed(&self) -> u8 {
        self.needed
    }

    /// Refuses a share that was given already, or that is of another splitting than those given.
    ///
    /// # Errors
    /// [`ShareError::Twice`], [`ShareError::Foreign`].
    pub fn check_beside(&self, given: &[Share]) -> Result<(), ShareError> {
        let number = self.number;
        if given.iter().any(|other| other.number == number) {
            return Err(ShareError::Twice { number });
        }
        let same =
            |other: &Share| (self.needed, self.count, &self.name) == (other.needed, other.count, &other.name);
        if given.iter().all(same) { Ok(()) } else { Err(ShareError::Foreign { number }) }
    }

    /// The line that [`Share::parse`] reads.
    pub(crate) fn print(&self) -> Secret<String> {
        let Share { needed, count, name, number, bytes } = self;
        let digits = keys::to_hex(bytes.as_slice());
        let line =
            Zeroizing::new(format!("{PREFIX}:{needed:02x}:{count:02x}:{name}:{number:02x}:{}", *digits));
        Secret::new(format!("{}:{}", *line, *check_of(&line)))
    }
}

/// Splits a key into `count` shares of which any `needed` give it back.
///
/// # Errors
/// [`ShareError::Range`].
pub fn split_key(
    root: &RootKey,
    needed: u8,
    count: u8,
    dice: &Dice,
) -> Result<Vec<Secret<String>>, ShareError> {
    let range = ShareError::Range { needed, count };
    if needed < 2 || needed > count || count > SHARES_MAX {
        return Err(range);
    }
    let made = Gf256::split_bytes(needed.into(), count.into(), root.bytes().as_slice(), Chance(dice));
    let mut texts = Vec::new();
    for mut raw in made.map_err(|_| range.clone())? {
        let share = raw.split_first().and_then(|(number, bytes)| {
            let bytes = Zeroizing::new(bytes.try_into().ok()?);
            Some(Share { needed, count, name: name_of(root), number: *number, bytes })
        });
        raw.zeroize();
        texts.push(share.ok_or(range.clone())?.print());
    }
    Ok(texts)
}

/// Puts a key together.
///
/// # Errors
/// [`ShareError`].
pub fn join_key(shares: &[Share]) -> Result<RootKey, ShareError> {
    let Some(first) = shares.first() else { return Err(ShareError::TooFew { given: 0, needed: 2 }) };
    for (at, share) in shares.iter().enumerate() {
        share.check_beside(shares.get(..at).unwrap_or_default())?;
    }
    if shares.len() < usize::from(first.needed) {
        return Err(ShareError::TooFew { given: shares.len(), needed: first.needed });
    }
    let mut raw: Vec<Vec<u8>> =
        shares.iter().map(|share| [&[share.number][..], share.bytes.as_slice()].concat()).collect();
    let joined = Gf256::combine_bytes(&raw).map(Zeroizing::new);
    raw.zeroize();
    let joined = joined.map_err(|_| ShareError::WrongKey)?;
    let key = joined.as_slice().try_into().map_err(|_| ShareError::WrongKey)?;
    let root = RootKey::from_bytes(key);
    if name_of(&root) == first.name { Ok(root) } else { Err(ShareError::WrongKey) }
}

fn name_of(root: &RootKey) -> String {
    root.name().as_str().rsplit('/').next().unwrap_or_default().to_owned()
}

fn read(text: &str) -> Option<Share> {
    let (line, check) = text.rsplit_once(':')?;
    if check != check_of(line).as_str() {
        return None;
    }
    let mut parts = line.strip_prefix(PREFIX)?.strip_prefix(':')?.split(':');
    let (needed, count) = (byte(parts.next()?)?, byte(parts.next()?)?);
    let name = parts.next().filter(|name| name.len() == NAME_CHARS && name.bytes().all(is_hex))?.to_owned();
    let number = byte(parts.next()?)?;
    let bytes = keys::from_hex(parts.next()?)?;
    let fits = (2..=count).contains(&needed) && count <= SHARES_MAX && (1..=count).contains(&number);
    (fits && parts.next().is_none()).then_some(Share { needed, count, name, number, bytes })
}

fn byte(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(is_hex)).then(|| u8::from_str_radix(text, 16).ok())?
}

fn is_hex(digit: u8) -> bool {
    matches!(digit, b'0'..=b'9' | b'a'..=b'f')
}

fn check_of(line: &str) -> Zeroizing<String> {
    let hash = digest::digest(&digest::SHA256, line.as_bytes());
    keys::to_hex(hash.as_ref().first_chunk::<CHECK_BYTES>().map_or(&[], |head| head.as_slice()))
}

/// Our source of chance for the scheme's coefficients.
struct Chance<'a>(&'a Dice);

impl TryRng for Chance<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.0.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.0.bytes()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Chance<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(byte: u8) -> RootKey {
        RootKey::from_bytes([byte; KEY_BYTES])
    }

    fn split(needed: u8, count: u8) -> Vec<String> {
        let shares = split_key(&root(7), needed, count, &Dice::System).unwrap();
        shares.iter().map(|share| share.expose().clone()).collect()
    }

    fn join(texts: &[&String]) -> Result<RootKey, ShareError> {
        let shares: Result<Vec<_>, _> = texts.iter().map(|text| Share::parse(text)).collect();
        join_key(&shares?)
    }

    /// The multiplication examples of FIPS 197, section 4.2: `57 · 83 = c1` and `57 · 13 = fe`. With the polynomial
    /// `secret + 57 · x` the shares at 83 and 13 are the secret plus those products.
    #[test]
    fn the_field_is_the_published_one() {
        for secret in [0x00, 0x01, 0xa5, 0xff_u8] {
            let shares = vec![vec![0x83, secret ^ 0xc1], vec![0x13, secret ^ 0xfe]];
            assert_eq!(Gf256::combine_bytes(shares).unwrap(), [secret]);
        }
    }

    #[test]
    fn cr_7_any_two_of_three_shares_give_the_key_and_one_does_not() {
        let shares = split(2, 3);
        for (one, two) in [(0, 1), (1, 0), (0, 2), (2, 1)] {
            let joined = join(&[&shares[one], &shares[two]]).unwrap();
            assert_eq!(joined.bytes(), root(7).bytes());
        }
        assert!(join(&[&shares[0], &shares[1], &shares[2]]).is_ok(), "more than needed is fine");
        let alone = join(&[&shares[0]]).err();
        assert_eq!(alone, Some(ShareError::TooFew { given: 1, needed: 2 }));
    }

    #[test]
    fn every_choice_of_three_of_five_gives_the_key() {
        let shares = split(3, 5);
        for one in 0..5 {
            for two in 0..one {
                for three in 0..two {
                    assert!(join(&[&shares[one], &shares[two], &shares[three]]).is_ok());
                }
            }
        }
    }

    #[test]
    fn mixed_and_repeated_shares_are_refused_by_number() {
        let (shares, others) = (split(2, 3), split(2, 3));
        let twice = join(&[&shares[0], &shares[0]]).err();
        assert_eq!(twice, Some(ShareError::Twice { number: 1 }));
        let foreign = split_key(&root(8), 2, 3, &Dice::System).unwrap();
        let foreign = join(&[&shares[0], foreign[1].expose()]).err();
        assert_eq!(foreign, Some(ShareError::Foreign { number: 2 }));
        let mixed = join(&[&shares[0], &others[1]]).err();
        assert_eq!(mixed, Some(ShareError::WrongKey), "two splittings of one key");
    }

    #[test]
    fn a_mistyped_share_is_noticed_wherever_it_is_wrong() {
        let share = split(2, 3).remove(0);
        assert!(Share::parse(&format!("  {share}\n")).is_ok());
        for at in 0..share.len() {
            let mut wrong = share.clone().into_bytes();
            wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(Share::parse(&wrong).err(), Some(ShareError::Malformed), "letter {at}");
            assert_eq!(Share::parse(&share[..at]).err(), Some(ShareError::Malformed), "cut to {at}");
        }
    }

    #[test]
    fn ranges_are_kept_on_both_sides() {
        let try_split = |needed, count| split_key(&root(1), needed, count, &Dice::System).is_ok();
        assert!(try_split(2, 2) && try_split(SHARES_MAX, SHARES_MAX));
        assert!(!try_split(1, 3) && !try_split(4, 3) && !try_split(2, SHARES_MAX + 1) && !try_split(0, 0));
    }

    proptest::proptest! {
        #[test]
        fn hostile_text_is_an_error_and_never_a_panic(text in ".{0,200}") {
            proptest::prop_assert!(Share::parse(&text).is_err());
        }
    }
}
