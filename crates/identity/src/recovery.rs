//! Ten recovery codes, for the day the telephone is gone. Each has 120 random bits, works once, and is kept as an HMAC
//! under a vault key; making new ones ends the old ones (OTP-6).
//!
//! 120 bits, since a code below 112 would have to be kept by a password hash (ASVS 6.5.2): ten of them are ten slow hashes for
//! each wrong try, at a door that strangers knock at. Six groups of four letters are a line to copy, once in years.

use base::Secret;
use store::Tx;
use vault::SubKey;

use crate::context::{Fault, Means};
use crate::factors::{self, FactorError, FactorKind, NewFactor};
use crate::limits::RECOVERY_CODES;
use crate::notices::{self, Notice};
use crate::person::Person;
use crate::store::factors as rows;
use crate::text::Label;
use crate::token::{hash_text, read_hash};

const CODE_CHARS: usize = 24;
/// Codes that were made before had 50 bits; they work until they are used or replaced.
const OLD_CODE_CHARS: usize = 10;
const GROUP_CHARS: usize = 4;
const OLD_GROUP_CHARS: usize = 5;
/// 32 letters and digits that are not mistaken for each other (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A recovery code as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryCode(Secret<String>);

/// What is no recovery code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a recovery code has 24 letters and digits, such as `4k7x-q9mz-2d0a-h5tw-8ncr-3jve`")]
pub struct NotARecoveryCode;

impl RecoveryCode {
    /// Reads a code as people copy it: spaces and hyphens anywhere, either case, `o` for zero, `i` and `l` for one.
    ///
    /// # Errors
    /// [`NotARecoveryCode`].
    pub fn parse(text: &str) -> Result<RecoveryCode, NotARecoveryCode> {
        let read = |c: char| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        };
        let chars = text.chars().filter(|c| !matches!(c, ' ' | '-')).map(read);
        let code: String = chars.take(CODE_CHARS + 1).collect();
        let long = [CODE_CHARS, OLD_CODE_CHARS].contains(&code.len());
        let whole = long && code.bytes().all(|b| ALPHABET.contains(&b));
        if whole { Ok(RecoveryCode(Secret::new(code))) } else { Err(NotARecoveryCode) }
    }

    fn random(means: &Means<'_>) -> RecoveryCode {
        let bytes: [u8; CODE_CHARS] = means.dice.bytes();
        let letter = |byte: u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('0', char::from);
        RecoveryCode(Secret::new(bytes.into_iter().map(letter).collect()))
    }

    /// In groups, to be written down.
    pub fn reveal(&self) -> Secret<String> {
        let code = self.0.expose();
        let group = if code.len() == OLD_CODE_CHARS { OLD_GROUP_CHARS } else { GROUP_CHARS };
        let mut text = String::with_capacity(code.len() + code.len() / group);
        for (at, letter) in code.chars().enumerate() {
            if at > 0 && at % group == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        Secret::new(text)
    }

    fn tag(&self, means: &Means<'_>, person: Person) -> String {
        hash_text(&means.vault.keyed(SubKey::RecoveryCode, &self.message(person)))
    }

    // INVARIANT: every part before the code has a fixed length.
    fn message(&self, person: Person) -> Vec<u8> {
        let shop = person.shop();
        [shop.short().as_bytes(), person.short().as_bytes(), self.0.expose().as_bytes()].concat()
    }

    /// Which of these tags was made of this code.
    fn find<'t>(
        &self,
        means: &Means<'_>,
        person: Person,
        tags: &'t [String],
    ) -> Result<Option<&'t str>, Fault> {
        for tag in tags {
            let hash = read_hash(tag).ok_or(Fault::Row("recovery code"))?;
            if means.vault.keyed_fits(SubKey::RecoveryCode, &self.message(person), &hash)? {
                return Ok(Some(tag));
            }
        }
        Ok(None)
    }
}

/// Makes [`RECOVERY_CODES`] new codes; older ones work no longer. The person is told that there are new ones.
///
/// # Errors
/// [`FactorError::TooMany`].
pub fn create_recovery_codes(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
) -> Result<Vec<RecoveryCode>, FactorError> {
    for tag in rows::list_recovery_codes(tx, person.shop(), person.short())? {
        rows::delete_recovery_code(tx, person.shop(), person.short(), &tag)?;
    }
    for row in factors::list_active(tx, person)?.iter().filter(|row| row.kind == FactorKind::Recovery) {
        rows::delete_factor(tx, person.shop(), person.short(), row.id)?;
    }
    let mut codes = Vec::new();
    while codes.len() < RECOVERY_CODES {
        let code = RecoveryCode::random(means);
        if !codes.contains(&code) {
            rows::insert_recovery_code(
                tx,
                person.shop(),
                person.short(),
                code.tag(means, person),
                means.now,
            )?;
            codes.push(code);
        }
    }
    let (label, secret) = (Label::from_agent("recovery codes"), Secret::new(Vec::new()));
    let new = NewFactor { kind: FactorKind::Recovery, label: &label, secret: &secret };
    factors::add_factor(tx, means, person, &new)?;
    Ok(codes)
}

/// How many codes a person has left.
///
/// # Errors
/// [`Fault`] alone.
pub fn count_recovery_codes(tx: &mut Tx, person: Person) -> Result<usize, Fault> {
    Ok(rows::list_recovery_codes(tx, person.shop(), person.short())?.len())
}

/// Takes a code, once, and tells the person.
pub(crate) fn use_recovery_code(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    code: &RecoveryCode,
) -> Result<bool, Fault> {
    let tags = rows::list_recovery_codes(tx, person.shop(), person.short())?;
    let Some(tag) = code.find(means, person, &tags)? else { return Ok(false) };
    rows::delete_recovery_code(tx, person.shop(), person.short(), tag)?;
    for row in factors::list_active(tx, person)?.iter().filter(|row| row.kind == FactorKind::Recovery) {
        factors::note_active_use(tx, means, person, row.id)?;
    }
    let left = count_recovery_codes(tx, person)?;
    notices::queue_notice(tx, means, person, &Notice::RecoveryUsed { left })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_copy_them() {
        let read = |text: &str| RecoveryCode::parse(text).map(|code| code.reveal().expose().clone());
        let shown = "4k7x-q9mz-2d0a-h5tw-8ncr-3jve";
        assert_eq!(read(" 4K7X q9mz 2dOa H5TW-8ncr3jve ").as_deref(), Ok(shown));
        assert_eq!(read(shown).as_deref(), Ok(shown));
        assert_eq!(read("oOiIl-00000").as_deref(), Ok("00111-00000"), "an old one");
        let (short, long) = (shown.trim_end_matches('e'), format!("{shown}0"));
        for bad in ["", "4k7xq-9mz2", "4k7xq-9mz2dd", "4k7xq-9mz2u", "４k7xq-9mz2d", short, &long] {
            assert_eq!(read(bad), Err(NotARecoveryCode), "{bad}");
        }
    }

    #[test]
    fn v6_5_2_a_recovery_code_has_112_bits_or_more_drawn_evenly_from_all_letters() {
        let chars = u32::try_from(CODE_CHARS).unwrap();
        assert!(chars * ALPHABET.len().ilog2() >= 112, "below it a code is kept by a password hash");
        assert_eq!(ALPHABET.iter().collect::<std::collections::BTreeSet<_>>().len(), 32);
        // A byte is one of 256, so each of 32 letters comes from eight of them.
        let of = |byte: u8| ALPHABET[usize::from(byte % 32)];
        for letter in ALPHABET {
            assert_eq!((0..=255u8).filter(|byte| of(*byte) == *letter).count(), 8);
        }
    }
}
