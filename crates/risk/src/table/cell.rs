//! Reads one cell: a time, an amount, a label, a number. Each answers with the value or what was expected instead.

use base::limits::AMOUNT_MAX_MINOR;

const DAY_MS: i64 = 86_400_000;
/// Epoch numbers from here on are milliseconds, below it seconds (the year 5138 in seconds, 1973 in milliseconds).
const EPOCH_MS_FROM: i64 = 100_000_000_000;
/// Latest epoch number read, in milliseconds (the year 9999).
const EPOCH_MS_MAX: i64 = 253_402_300_799_999;

/// A time in milliseconds since the epoch: RFC 3339, `YYYY-MM-DD[ HH:MM[:SS[.fff]]]` (also with `/`), or epoch
/// seconds or milliseconds. A time without a zone is taken as `zone_minutes` east of UTC.
pub fn parse_time(text: &str, zone_minutes: i32) -> Result<i64, &'static str> {
    const WANTED: &str = "a time such as `2026-03-01T09:30:00Z`, `2026-03-01 09:30:00` or epoch seconds";
    let bytes = text.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
        let number: i64 = text.parse().map_err(|_| WANTED)?;
        let ms = if number < EPOCH_MS_FROM { number * 1000 } else { number };
        return if ms <= EPOCH_MS_MAX { Ok(ms) } else { Err(WANTED) };
    }
    if let Some(local) = parse_civil(bytes) {
        return Ok(local - i64::from(zone_minutes) * 60_000);
    }
    text.parse::<jiff::Timestamp>().map(|at| at.as_millisecond()).map_err(|_| WANTED)
}

/// `YYYY-MM-DD[( |T)HH:MM[:SS[.fff]]]` without a zone, as milliseconds of a UTC clock.
fn parse_civil(bytes: &[u8]) -> Option<i64> {
    let digits = |from: usize, count: usize| -> Option<i64> {
        bytes.get(from..from + count)?.iter().try_fold(0i64, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
        })
    };
    let is = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    if !is(4, b"-/") || bytes.get(4) != bytes.get(7) || !day_exists(year, month, day) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * DAY_MS;
    if bytes.len() == 10 {
        return Some(midnight);
    }
    let (hour, minute) = (digits(11, 2)?, digits(14, 2)?);
    if !is(10, b" T") || !is(13, b":") || hour > 23 || minute > 59 {
        return None;
    }
    let (second, part) = match bytes.len() {
        16 => (0, 0),
        19 => (digits(17, 2)?, 0),
        len @ 21..=29 if is(19, b".") => {
            let count = len - 20;
            (digits(17, 2)?, digits(20, count)? * 1000 / 10i64.pow(count as u32))
        }
        _ => return None,
    };
    if second > 59 || (bytes.len() > 16 && !is(16, b":")) {
        return None;
    }
    Some(midnight + ((hour * 60 + minute) * 60 + second) * 1000 + part)
}

fn day_exists(year: i64, month: i64, day: i64) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// Days since 1970-01-01 of a date in the Gregorian calendar (Hinnant, `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// An amount in minor units of a currency with `decimals`: `57.16`, `1,280.00`, `¥12`, `12,50` (decimal comma),
/// rounded half up past the currency's decimals.
pub fn parse_amount(text: &str, decimals: u32) -> Result<i64, &'static str> {
    const WANTED: &str = "an amount such as `57.16`";
    let text = text.trim_matches(|c: char| c.is_whitespace() || "¥￥$€£元".contains(c));
    if text.starts_with(['-', '(']) {
        return Err("an amount of zero or more; leave refunds out of the file");
    }
    let (whole, part) = split_decimal(text);
    let (mut minor, mut seen) = (0i64, 0usize);
    for byte in whole.bytes().filter(|byte| *byte != b',') {
        minor = push_digit(minor, byte).ok_or(WANTED)?;
        seen += 1;
    }
    if seen == 0 || (part.is_empty() && text.ends_with('.')) {
        return Err(WANTED);
    }
    let mut digits = part.bytes();
    for _ in 0..decimals {
        minor = push_digit(minor, digits.next().unwrap_or(b'0')).ok_or(WANTED)?;
    }
    let mut rest = digits.map(|byte| push_digit(0, byte));
    let round_up = rest.next().map(|digit| digit.ok_or(WANTED)).transpose()?.is_some_and(|digit| digit >= 5);
    if rest.any(|digit| digit.is_none()) {
        return Err(WANTED);
    }
    minor += i64::from(round_up);
    if minor <= AMOUNT_MAX_MINOR { Ok(minor) } else { Err("an amount of at most ten billion") }
}

/// The digit appended, `None` when it is no digit or the number grows past any amount.
fn push_digit(number: i64, byte: u8) -> Option<i64> {
    let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
    (number <= 10 * AMOUNT_MAX_MINOR).then(|| number * 10 + digit)
}

/// Cuts at the decimal point, or at a lone comma that is not followed by three digits.
fn split_decimal(text: &str) -> (&str, &str) {
    if let Some(cut) = text.rsplit_once('.') {
        return cut;
    }
    match text.rsplit_once(',') {
        Some((whole, part)) if part.len() != 3 && !whole.contains(',') => (whole, part),
        _ => (text, ""),
    }
}

/// A label: whether the payment was a fraud. Empty means it was not.
pub fn parse_label(text: &str) -> Result<bool, &'static str> {
    match text {
        "" | "0" | "0.0" | "false" | "False" | "FALSE" | "no" | "No" | "N" | "n" | "genuine" | "legit"
        | "否" => Ok(false),
        "1" | "1.0" | "true" | "True" | "TRUE" | "yes" | "Yes" | "Y" | "y" | "fraud" | "Fraud"
        | "chargeback" | "disputed" | "是" => Ok(true),
        _ => Err("a label such as `0` or `1`"),
    }
}

/// Whether a status, in the words exports use, means that nothing was paid.
pub fn is_declined(text: &str) -> bool {
    const WORDS: [&str; 14] = [
        "declined",
        "failed",
        "refused",
        "rejected",
        "blocked",
        "canceled",
        "cancelled",
        "expired",
        "error",
        "requires_payment_method",
        "交易关闭",
        "支付失败",
        "已关闭",
        "已撤销",
    ];
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A plain number; empty is unknown (not a number).
pub fn parse_number(text: &str) -> Result<f32, &'static str> {
    if text.is_empty() {
        return Ok(f32::NAN);
    }
    let number = text.parse::<f32>().ok().filter(|number| number.is_finite());
    number.ok_or("a number such as `12.5`, or nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_exports_use() {
        let at = |text| parse_time(text, 0);
        assert_eq!(at("2018-04-01 00:00:31"), Ok(1_522_540_831_000));
        assert_eq!(at("2018-04-01T00:00:31"), Ok(1_522_540_831_000));
        assert_eq!(at("2018-04-01T00:00:31Z"), Ok(1_522_540_831_000));
        assert_eq!(at("2018-04-01T08:00:31+08:00"), Ok(1_522_540_831_000));
        assert_eq!(at("2018/04/01 00:00:31"), Ok(1_522_540_831_000));
        assert_eq!(at("2018-04-01 00:00:31.250"), Ok(1_522_540_831_250));
        assert_eq!(at("2018-04-01 00:00"), Ok(1_522_540_800_000));
        assert_eq!(at("2018-04-01"), Ok(1_522_540_800_000));
        assert_eq!(at("1522540831"), Ok(1_522_540_831_000));
        assert_eq!(at("1522540831000"), Ok(1_522_540_831_000));
        assert_eq!(at("0"), Ok(0));
        assert_eq!(at("2024-02-29"), Ok(1_709_164_800_000));
        assert_eq!(at("1600-03-01"), parse_time("1600-03-01T00:00:00Z", 0));
        assert_eq!(parse_time("2018-04-01 08:00:31", 480), Ok(1_522_540_831_000));
    }

    #[test]
    fn other_times_are_refused() {
        for bad in [
            "",
            "now",
            "2018-13-01",
            "2023-02-29",
            "2018-04-01 24:00:00",
            "2018-04-01 00:60:00",
            "2018-04-01 00:00:61x",
            "99999999999999999999",
            "253402300800000",
            "-5",
            "2018-04/01",
            "２０１８-04-01",
            "2018-04-01 00-00-31",
        ] {
            assert!(parse_time(bad, 0).is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts_become_minor_units() {
        let fen = |text| parse_amount(text, 2);
        assert_eq!(fen("57.16"), Ok(5716));
        assert_eq!(fen("146.0"), Ok(14_600));
        assert_eq!(fen("146"), Ok(14_600));
        assert_eq!(fen("0"), Ok(0));
        assert_eq!(fen("1,280.00"), Ok(128_000));
        assert_eq!(fen("¥1,280.5"), Ok(128_050));
        assert_eq!(fen("12,50"), Ok(1250));
        assert_eq!(fen("1,234"), Ok(123_400));
        assert_eq!(fen("0.005"), Ok(1));
        assert_eq!(fen("12.3400000001"), Ok(1234));
        assert_eq!(parse_amount("500", 0), Ok(500));
        assert_eq!(parse_amount("1.234", 3), Ok(1234));
        assert_eq!(fen("10000000000.00"), Ok(AMOUNT_MAX_MINOR));
    }

    #[test]
    fn other_amounts_are_refused() {
        for bad in ["", "-1", "(5.00)", "abc", "1.2.3", "1e3", "12.", ".5x", "10000000000.01", "９", "NaN"] {
            assert!(parse_amount(bad, 2).is_err(), "{bad}");
        }
        assert!(parse_amount(&"9".repeat(60_000), 2).is_err());
        assert!(parse_amount(&format!("1.{}x", "0".repeat(60_000)), 2).is_err());
    }

    #[test]
    fn labels_and_numbers() {
        assert_eq!(parse_label("1"), Ok(true));
        assert_eq!(parse_label(""), Ok(false));
        assert!(parse_label("maybe").is_err());
        assert!(is_declined("Failed") && is_declined("支付失败") && !is_declined("Paid") && !is_declined(""));
        assert!(parse_number("").unwrap().is_nan());
        assert_eq!(parse_number("-3.5"), Ok(-3.5));
        for bad in ["x", "inf", "nan", "1e99"] {
            assert!(parse_number(bad).is_err(), "{bad}");
        }
    }
}
