//! Daily limits on paying by code, by kind of code (QR-13, C19): the profile of the People's Bank of China's rules for
//! bar-code payments (银发〔2017〕296号), applied to shops in China.

use base::{BuyerId, Currency, Money, Timestamp};
use store::Tx;

use crate::payment::{Origin, Payment};
use crate::store as rows;

/// What a buyer may pay in a day, minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayLimit {
    /// Through printed codes, whatever the proof (class D).
    pub static_minor: i64,
    /// In all, with two factors that are neither certificate nor electronic signature (class B): the device and the PIN.
    pub total_minor: i64,
}

/// The Chinese profile, in fen.
pub const CHINA: DayLimit = DayLimit { static_minor: 50_000, total_minor: 500_000 };

const CHINA_OFFSET_SECONDS: i64 = 8 * 3600;
const SECONDS_A_DAY: i64 = 86_400;

/// The limit that applies to a shop in `country` that takes `currency`; none elsewhere. The rules are in yuan, so what is
/// paid in another currency is neither counted nor limited by them.
pub fn limit_of(country: &str, currency: Currency) -> Option<DayLimit> {
    (country == "CN" && currency == Currency::CNY).then_some(CHINA)
}

/// What a buyer will have paid on a day, once a payment is paid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    day: i64,
    static_minor: i64,
    total_minor: i64,
}

/// By how much a payment would pass what its buyer may pay today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The part that is too much.
    pub by: Money,
    /// When the next day begins, and with it a new limit.
    pub resets_at: Timestamp,
    /// Whether the payment alone is within the limit of a day.
    pub fits_a_day: bool,
}

/// Whether paying this now would pass its buyer's limit, and by how much. `None` where it would not.
///
/// # Errors
/// Those of the store.
pub fn find_passed(
    tx: &mut Tx<'_>,
    country: &str,
    payment: &Payment,
    now: Timestamp,
) -> Result<Option<Passed>, store::Error> {
    let (Some(limit), Some(buyer)) = (limit_of(country, payment.amount.currency), payment.buyer) else {
        return Ok(None);
    };
    let amount = payment.amount.minor;
    let is_static = matches!(payment.origin, Origin::Static(_));
    let day = day_of(now);
    let (static_minor, total_minor) = rows::find_code_day(tx, buyer, day)?;
    let over = |spent: i64, most: i64| spent.saturating_add(amount).saturating_sub(most);
    let over_static = if is_static { over(static_minor, limit.static_minor) } else { 0 };
    let by = over(total_minor, limit.total_minor).max(over_static);
    let fits_a_day = amount <= limit.total_minor && (!is_static || amount <= limit.static_minor);
    let resets_at = Timestamp(((day + 1) * SECONDS_A_DAY - CHINA_OFFSET_SECONDS) * 1000);
    let by = Money::new(by, payment.amount.currency);
    Ok((by.minor > 0).then_some(Passed { by, resets_at, fits_a_day }))
}

fn day_of(now: Timestamp) -> i64 {
    (now.seconds() + CHINA_OFFSET_SECONDS).div_euclid(SECONDS_A_DAY)
}

/// The row of a buyer's present day.
pub(crate) fn day_key(buyer: BuyerId, now: Timestamp) -> store::Key {
    rows::code_day_key(buyer, day_of(now))
}

/// What the buyer's day comes to with this payment; `None` when that is past the limit. Writes nothing.
///
/// # Errors
/// Those of the store.
pub(crate) fn count(
    tx: &mut Tx<'_>,
    limit: DayLimit,
    buyer: BuyerId,
    payment: &Payment,
    now: Timestamp,
) -> Result<Option<Counted>, store::Error> {
    let day = day_of(now);
    let (mut static_minor, mut total_minor) = rows::find_code_day(tx, buyer, day)?;
    total_minor = total_minor.saturating_add(payment.amount.minor);
    if matches!(payment.origin, Origin::Static(_)) {
        static_minor = static_minor.saturating_add(payment.amount.minor);
    }
    let within = total_minor <= limit.total_minor && static_minor <= limit.static_minor;
    Ok(within.then_some(Counted { day, static_minor, total_minor }))
}

/// Keeps the count of a payment that was paid: one that was declined does not use up the day.
///
/// # Errors
/// Those of the store.
pub(crate) fn keep(tx: &mut Tx<'_>, buyer: BuyerId, counted: Counted) -> Result<(), store::Error> {
    rows::put_code_day(tx, buyer, counted.day, counted.static_minor, counted.total_minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qr_13_the_limit_is_for_yuan_in_china_alone() {
        let currency = |code: &str| -> Currency { code.parse().unwrap() };
        assert_eq!(limit_of("CN", currency("CNY")), Some(CHINA));
        assert_eq!(limit_of("CN", currency("USD")), None);
        assert_eq!(limit_of("SG", currency("CNY")), None);
    }
}
