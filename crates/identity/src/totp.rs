//! Codes of an authenticator app: RFC 6238 over HMAC-SHA-1 with six digits and 30 seconds, which every app can do.
//!
//! The key has 160 random bits and is shown once. A code of the step before or after is taken too, for clocks that are
//! a little off. The step of a code that was used is written in the transaction that took it, and no step at or before
//! it is ever taken again: of any number of parallel uses of one code, one works (OTP-2, C06).

use base::{FactorId, Secret, Timestamp};
use store::Tx;
use totp_rs::{Algorithm, Builder, Totp};

use crate::codes::OneTimeCode;
use crate::context::{Fault, Means};
use crate::factors::{self, FactorError, FactorKind, NewFactor};
use crate::limits::{ENROL_SECONDS, TOTP_KEY_BYTES};
use crate::person::{Person, find_reach};
use crate::store::factors::{self as rows, FactorRow, FactorState};
use crate::text::Label;

/// Length of a step, in seconds.
const STEP_SECONDS: u64 = 30;
/// Steps before and after the present one that are taken too.
const SKEW_STEPS: u16 = 1;
const DIGITS: u8 = 6;

/// An app that was offered. Shown once, then never again.
#[derive(Clone, Debug)]
pub struct TotpOffer {
    /// The factor, which counts once its first code is given.
    pub id: FactorId,
    /// The key in base 32, to be typed where no camera is at hand.
    pub key: Secret<String>,
    /// The `otpauth:` address, to be shown as a QR code.
    pub uri: Secret<String>,
}

/// Makes a key for an authenticator app, which shows it under `issuer`, the host of this installation, and the contact of
/// the account. It counts once [`confirm_totp`] has seen a code of it; an earlier offer that
/// was never confirmed is forgotten.
///
/// # Errors
/// [`FactorError::TooMany`].
pub fn offer_totp(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    label: &Label,
    issuer: &str,
) -> Result<TotpOffer, FactorError> {
    factors::forget_offers(tx, person, FactorKind::Totp)?;
    let bytes: [u8; TOTP_KEY_BYTES] = means.dice.bytes();
    let secret = Secret::new(bytes.to_vec());
    let new = NewFactor { kind: FactorKind::Totp, label, secret: &secret };
    let row = factors::seal_factor(tx, means, person, &new)?;
    let id = row.id;
    rows::insert_factor(tx, FactorRow { state: FactorState::Pending, ..row })?;
    show_offer(tx, means, person, id, &secret, issuer)
}

/// The key of an app that was offered and not yet confirmed, to be shown while its first code is typed again.
///
/// # Errors
/// [`FactorError::NotFound`] for an offer that is gone.
pub fn find_totp_offer(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    id: FactorId,
    issuer: &str,
) -> Result<TotpOffer, FactorError> {
    let row = factors::find_offer(tx, means, person, FactorKind::Totp, id)?.ok_or(FactorError::NotFound)?;
    let secret = factors::open_secret(tx, means, person, &row)?;
    show_offer(tx, means, person, id, &secret, issuer)
}

fn show_offer(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    id: FactorId,
    secret: &Secret<Vec<u8>>,
    issuer: &str,
) -> Result<TotpOffer, FactorError> {
    let account = find_reach(tx, means.vault, person)?.map(|reach| reach.contact);
    let account = account.ok_or(FactorError::NotFound)?;
    let plain = |text: &str| text.replace(':', " ");
    let builder = builder(secret).with_issuer(Some(plain(issuer))).with_account_name(plain(account.expose()));
    let totp = builder.build().map_err(|_| Fault::Row("authenticator key"))?;
    let uri = totp.to_url().map_err(|_| Fault::Row("authenticator key"))?;
    Ok(TotpOffer { id, key: Secret::new(totp.secret().to_base32()), uri: Secret::new(uri) })
}

/// Takes the first code of an app that was offered within [`ENROL_SECONDS`]; from then on it counts, and the person is
/// told. `false` for a wrong code, which the caller has counted.
///
/// # Errors
/// [`FactorError::NotFound`] for an offer that is gone.
pub fn confirm_totp(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    id: FactorId,
    code: &OneTimeCode,
) -> Result<bool, FactorError> {
    let row = factors::find_offer(tx, means, person, FactorKind::Totp, id)?.ok_or(FactorError::NotFound)?;
    let Some(step) = find_step(&factors::open_secret(tx, means, person, &row)?, code, means.now)? else {
        return Ok(false);
    };
    rows::update_factor(tx, FactorRow { state: FactorState::Active, step, used: Some(means.now), ..row })?;
    factors::note_added(tx, means, person, id, FactorKind::Totp)?;
    Ok(true)
}

/// Takes a code of one of the person's apps, once.
pub(crate) fn use_totp(
    tx: &mut Tx,
    means: &Means<'_>,
    person: Person,
    code: &OneTimeCode,
) -> Result<bool, Fault> {
    for row in factors::list_active(tx, person)? {
        if row.kind != FactorKind::Totp {
            continue;
        }
        let step = find_step(&factors::open_secret(tx, means, person, &row)?, code, means.now)?;
        if let Some(step) = step
            && step > row.step
        {
            rows::update_factor(tx, FactorRow { step, ..row.clone() })?;
            factors::note_active_use(tx, means, person, row.id)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The code an app shows at an instant: for demonstrations and tests, which play the person's telephone.
///
/// # Errors
/// [`Fault::Row`] for a key that is too short.
pub fn show_code(key: &Secret<Vec<u8>>, at: Timestamp) -> Result<Secret<String>, Fault> {
    let totp = builder(key).build().map_err(|_| Fault::Row("authenticator key"))?;
    Ok(Secret::new(totp.generate(seconds(at)).to_string()))
}

/// Reads a key in base 32 as it is shown when an app is offered, with or without spaces; `None` for anything else.
pub fn read_totp_key(text: &str) -> Option<Secret<Vec<u8>>> {
    let text: String = text.chars().filter(|c| *c != ' ').collect();
    let key = totp_rs::Secret::try_from_base32(text).ok()?;
    Some(Secret::new(key.as_ref().to_vec()))
}

/// The step whose code this is, near `now`.
fn find_step(key: &Secret<Vec<u8>>, code: &OneTimeCode, now: Timestamp) -> Result<Option<i64>, Fault> {
    let totp: Totp = builder(key).build().map_err(|_| Fault::Row("authenticator key"))?;
    let step = totp.check(code.secret().expose(), seconds(now));
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

fn builder(key: &Secret<Vec<u8>>) -> Builder {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(SKEW_STEPS)
        .with_step_duration(STEP_SECONDS)
        .with_secret(key.expose().clone())
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.millis() / 1000).unwrap_or(0)
}

const _: () = assert!(ENROL_SECONDS > 0 && TOTP_KEY_BYTES * 8 >= 160, "OTP-3");

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B.
    const RFC_6238: [(u64, &str, &str, &str); 6] = [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ];
    /// RFC 4226, appendix D.
    const RFC_4226: [&str; 10] =
        ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];

    fn key(bytes: usize) -> Vec<u8> {
        b"1234567890".iter().copied().cycle().take(bytes).collect()
    }

    #[test]
    fn otp_1_the_vectors_of_rfc_6238_hold_for_all_three_hashes() {
        for (time, sha1, sha256, sha512) in RFC_6238 {
            let shown = |algorithm, bytes| {
                let builder = Builder::new().with_algorithm(algorithm).with_digits(8).with_secret(key(bytes));
                builder.build().unwrap().generate(time).to_string()
            };
            assert_eq!(shown(Algorithm::SHA1, 20), sha1);
            assert_eq!(shown(Algorithm::SHA256, 32), sha256);
            assert_eq!(shown(Algorithm::SHA512, 64), sha512);
        }
    }

    #[test]
    fn otp_1_the_vectors_of_rfc_4226_hold_at_the_steps_of_our_own_codes() {
        for (step, expect) in RFC_4226.iter().enumerate() {
            let at = Timestamp(i64::try_from(step).unwrap() * 30_000);
            assert_eq!(show_code(&Secret::new(key(20)), at).unwrap().expose(), expect);
        }
    }

    #[test]
    fn otp_2_a_code_is_good_one_step_early_and_one_step_late_and_no_further() {
        let (key, at) = (Secret::new(key(20)), Timestamp(1_772_357_400_000));
        let code = OneTimeCode::parse(show_code(&key, at).unwrap().expose()).unwrap();
        let found = |steps: i64| find_step(&key, &code, at.plus_seconds(steps * 30)).unwrap().is_some();
        assert_eq!([-2, -1, 0, 1, 2].map(found), [false, true, true, true, false]);
    }

    #[test]
    fn otp_3_a_short_key_makes_no_codes() {
        assert!(show_code(&Secret::new(key(15)), Timestamp(0)).is_err());
    }
}
