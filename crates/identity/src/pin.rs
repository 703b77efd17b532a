//! The payment PIN: six digits, none of those that are guessed first, kept as an HMAC under a vault key.
//!
//! A slow hash cannot protect a million possibilities; a key that is not in the database can. The counter of wrong
//! tries is written in the transaction that checked the PIN, so parallel tries are counted one by one (C04, C21).

use base::{BuyerId, Dice, Money, Secret, Timestamp};
use store::Tx;
use vault::{KeyedHash, SubKey, Vault};

use crate::context::{Fault, Means};
use crate::factors;
use crate::limits::{PIN_COOLING_MINOR_MAX, PIN_COOLING_SECONDS, PIN_TRIES_MAX};
use crate::notices::{self, Notice};
use crate::person::Person;
use crate::record::{self, Event};
use crate::store::buyers::{self, BuyerRow, BuyerState};

/// Digits of a PIN.
pub const PIN_DIGITS: usize = 6;
pub(crate) const SALT_BYTES: usize = 16;

/// What many people take, beyond what the rules find.
const COMMON: [&str; 16] = [
    "147258", "258369", "147369", "159357", "357159", "159753", "753951", "951753", "520131", "131420",
    "314159", "271828", "142857", "112358", "168168", "789456",
];

/// Why a PIN was refused. The texts say nothing about its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinProblem {
    /// Something else than six digits.
    #[error("a PIN has exactly 6 digits")]
    NotSixDigits,
    /// Too few different digits.
    #[error("choose a PIN with at least three different digits")]
    Repeated,
    /// Digits that go up or down evenly.
    #[error("choose a PIN that is not a sequence")]
    Sequence,
    /// A repeated, doubled or mirrored group.
    #[error("choose a PIN without a repeated or mirrored group")]
    Pattern,
    /// Could be a date of birth.
    #[error("choose a PIN that is not a date; birthdays are guessed first")]
    Date,
    /// Part of the contact.
    #[error("choose a PIN that is not part of your phone number or address")]
    InContact,
    /// On the list of common ones.
    #[error("choose another PIN; this one is among the most common")]
    Common,
}

/// Six digits as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin(Secret<[u8; PIN_DIGITS]>);

impl Pin {
    /// Reads six ASCII digits.
    ///
    /// # Errors
    /// [`PinProblem::NotSixDigits`].
    pub fn parse(text: &str) -> Result<Pin, PinProblem> {
        let digits: [u8; PIN_DIGITS] = text.as_bytes().try_into().map_err(|_| PinProblem::NotSixDigits)?;
        if digits.iter().all(u8::is_ascii_digit) {
            Ok(Pin(Secret::new(digits.map(|digit| digit - b'0'))))
        } else {
            Err(PinProblem::NotSixDigits)
        }
    }

    /// Refuses a PIN that would be guessed early. `contact` is the buyer's address or number.
    ///
    /// # Errors
    /// Every [`PinProblem`] but the first.
    pub fn check_strength(&self, contact: &str) -> Result<(), PinProblem> {
        let digits = *self.0.expose();
        let text: String = digits.iter().map(|digit| char::from(digit + b'0')).collect();
        let contact: String = contact.chars().filter(char::is_ascii_digit).collect();
        match () {
            () if distinct(digits) < 3 => Err(PinProblem::Repeated),
            () if is_even_sequence(&digits) || is_two_runs(digits) => Err(PinProblem::Sequence),
            () if is_pattern(digits) => Err(PinProblem::Pattern),
            () if is_date(digits) => Err(PinProblem::Date),
            () if contact.contains(&text) => Err(PinProblem::InContact),
            () if COMMON.contains(&text.as_str()) => Err(PinProblem::Common),
            () => Ok(()),
        }
    }

    /// A random PIN that passes [`Pin::check_strength`], for demonstrations and load.
    pub fn random(dice: &Dice) -> Pin {
        loop {
            let pin = Pin(Secret::new(std::array::from_fn(|_| dice.below(10) as u8)));
            if pin.check_strength("").is_ok() {
                return pin;
            }
        }
    }

    /// The digits as text, to be typed somewhere.
    pub fn reveal(&self) -> Secret<String> {
        Secret::new(self.0.expose().iter().map(|digit| char::from(digit + b'0')).collect())
    }

    /// The verifier of this PIN for one buyer and salt, under the key in use.
    pub(crate) fn verifier(&self, vault: &Vault, buyer: BuyerId, salt: &[u8]) -> Vec<u8> {
        vault.keyed(SubKey::Pin, self.message(buyer, salt).expose()).stored()
    }

    /// Whether a verifier was made of this PIN, and the one that takes its place: by the key in use alone, where the
    /// stored one is by an older key or has layers.
    fn check(&self, vault: &Vault, row: &BuyerRow) -> Result<Option<Checked>, Fault> {
        let Some(verifier) = KeyedHash::read(&row.pin_verifier) else { return Ok(None) };
        let message = self.message(row.id, &row.pin_salt);
        if !vault.keyed_fits(SubKey::Pin, message.expose(), &verifier)? {
            return Ok(None);
        }
        let is_plain = vault.is_plain(&verifier);
        let anew = (!is_plain).then(|| vault.keyed(SubKey::Pin, message.expose()).stored());
        Ok(Some(Checked { anew }))
    }

    // INVARIANT: all three parts have a fixed length, so they cannot flow into each other.
    fn message(&self, buyer: BuyerId, salt: &[u8]) -> Secret<Vec<u8>> {
        let mut message = Vec::with_capacity(64);
        message.extend_from_slice(buyer.short().as_bytes());
        message.extend_from_slice(salt);
        message.extend_from_slice(self.0.expose());
        Secret::new(message)
    }
}

/// A PIN that was right.
struct Checked {
    /// The verifier to keep from now on, if it is another one.
    anew: Option<Vec<u8>>,
}

/// What a PIN check found. All are results, not errors, so that the count is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinCheck {
    /// The right PIN of an active buyer.
    Right,
    /// A wrong one.
    Wrong {
        /// Tries that are left until paying is locked.
        left: i64,
    },
    /// Too many wrong ones; the PIN was not looked at.
    Locked,
    /// The right one, but it was set without the old one and does not do this yet.
    Cooling {
        /// When it does; see [`Cooling::until`].
        until: Option<Timestamp>,
    },
    /// The buyer is frozen, erased or unknown; the PIN was not looked at.
    NotActive,
}

/// Checks a buyer's PIN. With nothing to count it reads one row and writes none.
///
/// # Errors
/// [`Fault`] alone.
pub fn verify_pin(tx: &mut Tx, means: &Means<'_>, buyer: BuyerId, pin: &Pin) -> Result<PinCheck, Fault> {
    let Some(row) = buyers::find_buyer(tx, buyer)? else { return Ok(PinCheck::NotActive) };
    if row.state != BuyerState::Active {
        return Ok(PinCheck::NotActive);
    }
    verify_pin_of(tx, means, row, pin)
}

/// What holds a new PIN back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooling {
    /// Until when. `None` for a PIN that rests on a code to the contact alone, once its first day is over: until a second
    /// factor has been there for [`crate::limits::FACTOR_SETTLED_SECONDS`], or whoever runs the installation says who the buyer is.
    pub until: Option<Timestamp>,
    /// Small payments it may still confirm until then.
    pub payments_left: i64,
    /// Whether it stays held back after its first day: it rests on a code to the contact alone, and no second factor has been
    /// there for long.
    pub is_held_after: bool,
}

/// What holds a buyer's PIN back that was set without the old one. Nothing more is read for one that was not.
pub(crate) fn find_cooling(tx: &mut Tx, means: &Means<'_>, row: &BuyerRow) -> Result<Option<Cooling>, Fault> {
    let Some(reset) = row.pin_reset else { return Ok(None) };
    let first_day = reset.plus_seconds(PIN_COOLING_SECONDS);
    let is_held_after = row.pin_alone && !has_settled_factor(tx, means, row.id)?;
    if means.now < first_day {
        return Ok(Some(on_first_day(row, first_day, is_held_after)));
    }
    let left = Cooling { until: None, payments_left: row.pin_reset_left, is_held_after };
    Ok(Some(left).filter(|_| is_held_after))
}

/// What holds a PIN back that was set anew just now.
pub(crate) fn begin_cooling(tx: &mut Tx, means: &Means<'_>, row: &BuyerRow) -> Result<Cooling, Fault> {
    let is_held_after = row.pin_alone && !has_settled_factor(tx, means, row.id)?;
    Ok(on_first_day(row, means.now.plus_seconds(PIN_COOLING_SECONDS), is_held_after))
}

fn on_first_day(row: &BuyerRow, until: Timestamp, is_held_after: bool) -> Cooling {
    let payments_left = if row.pin_alone { 0 } else { row.pin_reset_left };
    Cooling { until: Some(until), payments_left, is_held_after }
}

/// Whether a buyer has a second factor that was there long before now.
fn has_settled_factor(tx: &mut Tx, means: &Means<'_>, buyer: BuyerId) -> Result<bool, Fault> {
    let counting = factors::list_counting(tx, means.vault, Person::Buyer(buyer))?;
    Ok(counting.iter().any(|factor| factor.is_settled(means.now)))
}

/// The most that one payment may come to while a PIN is held back, in minor units.
pub fn small_payment_minor(currency: base::Currency) -> i64 {
    let found = PIN_COOLING_MINOR_MAX.iter().find(|(code, _)| *code == currency.code());
    found.map_or(0, |(_, minor)| *minor)
}

/// Checks a buyer's PIN for a payment. One that was set without the old one and is held back confirms few small payments or
/// none (PIN-2); each that it confirms is counted.
///
/// # Errors
/// [`Fault`] alone.
pub fn verify_payment_pin(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    pin: &Pin,
    amount: Money,
) -> Result<PinCheck, Fault> {
    let check = verify_pin(tx, means, buyer, pin)?;
    let Some((row, held)) = find_held(tx, means, buyer, check)? else { return Ok(check) };
    if held.payments_left < 1 || amount.minor > small_payment_minor(amount.currency) {
        return Ok(PinCheck::Cooling { until: held.until });
    }
    let pin_reset_left = held.payments_left - 1;
    buyers::update_buyer(tx, BuyerRow { pin_reset_left, ..row })?;
    Ok(PinCheck::Right)
}

/// Checks a buyer's PIN for what makes an account easier to use: it must not be held back.
///
/// # Errors
/// [`Fault`] alone.
pub fn verify_settled_pin(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    pin: &Pin,
) -> Result<PinCheck, Fault> {
    let check = verify_pin(tx, means, buyer, pin)?;
    let held = find_held(tx, means, buyer, check)?;
    Ok(held.map_or(check, |(_, held)| PinCheck::Cooling { until: held.until }))
}

/// What holds the right PIN of a buyer back.
fn find_held(
    tx: &mut Tx,
    means: &Means<'_>,
    buyer: BuyerId,
    check: PinCheck,
) -> Result<Option<(BuyerRow, Cooling)>, Fault> {
    if check != PinCheck::Right {
        return Ok(None);
    }
    let Some(row) = buyers::find_buyer(tx, buyer)? else { return Ok(None) };
    let held = find_cooling(tx, means, &row)?;
    if held.is_none() && row.pin_reset.is_some() {
        // It is over for good: a second factor that is replaced one day holds nothing back again.
        buyers::update_buyer(tx, row.with_settled_pin())?;
        return Ok(None);
    }
    Ok(held.map(|held| (row, held)))
}

/// [`verify_pin`] for a buyer who is at hand, whatever the state of the account.
pub(crate) fn verify_pin_of(
    tx: &mut Tx,
    means: &Means<'_>,
    row: BuyerRow,
    pin: &Pin,
) -> Result<PinCheck, Fault> {
    let buyer = row.id;
    if row.pin_failures >= PIN_TRIES_MAX {
        return Ok(PinCheck::Locked);
    }
    if let Some(right) = pin.check(means.vault, &row)? {
        if row.pin_failures > 0 || right.anew.is_some() {
            let pin_verifier = right.anew.unwrap_or_else(|| row.pin_verifier.clone());
            buyers::update_buyer(tx, BuyerRow { pin_failures: 0, pin_verifier, ..row })?;
        }
        return Ok(PinCheck::Right);
    }
    let pin_failures = row.pin_failures + 1;
    buyers::update_buyer(tx, BuyerRow { pin_failures, ..row })?;
    let action = if pin_failures >= PIN_TRIES_MAX { record::PIN_LOCKED } else { record::PIN_REFUSED };
    record::note(tx, means, Event::of_buyer(buyer, action).refused().with("failures", pin_failures))?;
    if pin_failures == PIN_TRIES_MAX {
        notices::queue_notice(tx, means, Person::Buyer(buyer), &Notice::PinLocked)?;
    }
    Ok(PinCheck::Wrong { left: PIN_TRIES_MAX - pin_failures })
}

fn distinct(digits: [u8; PIN_DIGITS]) -> usize {
    (0..10).filter(|digit| digits.contains(digit)).count()
}

/// Whether each digit follows from the one before by the same step, also past nine: 123456, 975319, 890123.
fn is_even_sequence(digits: &[u8]) -> bool {
    let steps = |digits: &[u8]| -> Vec<u8> {
        digits.iter().zip(digits.iter().skip(1)).map(|(a, b)| (b + 10 - a) % 10).collect()
    };
    let steps = steps(digits);
    steps.windows(2).all(|pair| pair.first() == pair.last())
}

/// Two runs of three, each up or down by one: 123789, 321654.
fn is_two_runs([a, b, c, d, e, f]: [u8; PIN_DIGITS]) -> bool {
    let run = |x: u8, y: u8, z: u8| (y == x + 1 && z == y + 1) || (x == y + 1 && y == z + 1);
    run(a, b, c) && run(d, e, f)
}

fn is_pattern([a, b, c, d, e, f]: [u8; PIN_DIGITS]) -> bool {
    let repeated = (a, b) == (c, d) && (c, d) == (e, f) || (a, b, c) == (d, e, f);
    let mirrored = (a, b, c) == (f, e, d);
    let doubled = a == b && c == d && e == f;
    repeated || mirrored || doubled
}

/// Year, month and day in the orders in use, for people who can be customers; or a year and a month.
fn is_date([a, b, c, d, e, f]: [u8; PIN_DIGITS]) -> bool {
    let pair = |tens: u8, ones: u8| u32::from(tens) * 10 + u32::from(ones);
    let (one, two, three) = (pair(a, b), pair(c, d), pair(e, f));
    let year = |y: u32| y >= 40 || y <= 15;
    let month = |m: u32| (1..=12).contains(&m);
    let day = |d: u32| (1..=31).contains(&d);
    let orders = [(one, two, three), (three, two, one), (three, one, two)];
    let full = orders.iter().any(|&(y, m, d)| year(y) && month(m) && day(d));
    let long_year = one * 100 + two;
    full || ((1940..=2030).contains(&long_year) && month(three))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expect: Result<(), PinProblem>) {
        let found = Pin::parse(text).and_then(|pin| pin.check_strength("a13800138000@mail.example"));
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn pin_1_weak_pins_are_refused() {
        for text in ["000000", "111111", "111112", "122122"] {
            check(text, Err(PinProblem::Repeated));
        }
        for text in ["123456", "654321", "890123", "024680", "135791", "975319", "123789", "321654"] {
            check(text, Err(PinProblem::Sequence));
        }
        for text in ["427427", "427724", "225588", "362636"] {
            check(text, if text == "362636" { Ok(()) } else { Err(PinProblem::Pattern) });
        }
        for text in ["851231", "311285", "123185", "900229", "010203", "199307", "200412"] {
            check(text, Err(PinProblem::Date));
        }
        check("138001", Err(PinProblem::InContact));
        check("147258", Err(PinProblem::Common));
        for text in ["482916", "739264", "305871"] {
            check(text, Ok(()));
        }
    }

    #[test]
    fn pin_1_only_six_ascii_digits_are_a_pin() {
        for text in ["", "12345", "1234567", "12345a", " 12345", "１２３４５６", "+12345", "12345\n"] {
            check(text, Err(PinProblem::NotSixDigits));
        }
    }

    #[test]
    fn pin_1_nine_in_ten_pins_can_be_chosen() {
        let weak = (0..1_000_000)
            .filter(|n| Pin::parse(&format!("{n:06}")).unwrap().check_strength("").is_err())
            .count();
        assert!((50_000..120_000).contains(&weak), "{weak} of a million are refused");
    }

    #[test]
    fn a_pin_is_never_printed() {
        assert!(!format!("{:?}", Pin::parse("482916").unwrap()).contains("482916"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_pin_or_a_refusal(text in "\\PC*") {
            let digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
            prop_assert_eq!(Pin::parse(&text).is_ok(), digits);
        }

        #[test]
        fn reversing_a_sequence_or_pattern_does_not_make_it_strong(n in 0u32..1_000_000) {
            let text = format!("{n:06}");
            let strength = |text: &str| Pin::parse(text).unwrap().check_strength("");
            if let Err(problem @ (PinProblem::Repeated | PinProblem::Sequence | PinProblem::Pattern)) = strength(&text) {
                let reversed: String = text.chars().rev().collect();
                prop_assert_eq!(strength(&reversed), Err(problem));
            }
        }

        #[test]
        fn random_pins_are_strong(seed in any::<u64>()) {
            let pin = Pin::random(&Dice::predictable_for_tests(seed));
            prop_assert_eq!(pin.check_strength(""), Ok(()));
            prop_assert_eq!(Pin::parse(pin.reveal().expose()), Ok(pin));
        }
    }
}
