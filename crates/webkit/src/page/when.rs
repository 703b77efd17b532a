//! Times as people read them: near ones relative, others as a date, in the shop's zone, in both languages.

use base::Timestamp;
use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::lang::Lang;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time zone of the IANA database. A name that is not known reads as UTC.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Zone {
        Zone(TimeZone::UTC)
    }
}

impl Zone {
    /// The zone called `name`, such as `Asia/Shanghai`; UTC when there is no such zone.
    pub fn named(name: &str) -> Zone {
        Zone(TimeZone::get(name).unwrap_or(TimeZone::UTC))
    }

    /// The zone's name, `UTC` for none.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    fn at(&self, at: Timestamp) -> Zoned {
        jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default().to_zoned(self.0.clone())
    }

    /// The hour of the day there, 0 to 23.
    pub fn hour(&self, at: Timestamp) -> i8 {
        self.at(at).hour()
    }

    /// The first instant of the day in which `at` falls there.
    pub fn start_of_day(&self, at: Timestamp) -> Timestamp {
        let zoned = self.at(at);
        zoned.start_of_day().map_or(at, |start| Timestamp(start.timestamp().as_millisecond()))
    }
}

/// Hours and minutes: `14:02`.
pub fn clock(zone: &Zone, at: Timestamp) -> String {
    let zoned = zone.at(at);
    format!("{:02}:{:02}", zoned.hour(), zoned.minute())
}

/// Hours, minutes and seconds: `14:02:05`.
pub fn clock_seconds(zone: &Zone, at: Timestamp) -> String {
    let zoned = zone.at(at);
    format!("{:02}:{:02}:{:02}", zoned.hour(), zoned.minute(), zoned.second())
}

/// The day alone: `1 Mar 2026`, `2026年3月1日`.
pub fn day(lang: Lang, zone: &Zone, at: Timestamp) -> String {
    written_day(lang, zone.at(at).date(), true)
}

/// Day and time to the second: `1 Mar 2026, 14:02:05`, `2026年3月1日 14:02:05`.
pub fn exact(lang: Lang, zone: &Zone, at: Timestamp) -> String {
    let (day, clock) = (day(lang, zone, at), clock_seconds(zone, at));
    match lang {
        Lang::En => format!("{day}, {clock}"),
        Lang::Zh => format!("{day} {clock}"),
    }
}

/// How near or far `at` is from `now`: `just now`, `4 min ago`, `in 4 min`, `14:02`, `yesterday 14:02`, `1 Mar 14:02`,
/// `1 Mar 2025`.
pub fn relative(lang: Lang, zone: &Zone, now: Timestamp, at: Timestamp) -> String {
    let seconds = now.millis_since(at).div_euclid(1000);
    match seconds {
        -3_599..=-60 => minutes_to_come(lang, -seconds / 60),
        -59..=-6 => moment_to_come(lang),
        -5..=44 => moment_ago(lang),
        45..=3_599 => minutes_ago(lang, (seconds + 15) / 60),
        _ => date_and_clock(lang, zone, now, at),
    }
}

fn minutes_ago(lang: Lang, minutes: i64) -> String {
    match lang {
        Lang::En => format!("{minutes} min ago"),
        Lang::Zh => format!("{minutes} 分钟前"),
    }
}

fn minutes_to_come(lang: Lang, minutes: i64) -> String {
    match lang {
        Lang::En => format!("in {minutes} min"),
        Lang::Zh => format!("{minutes} 分钟后"),
    }
}

fn moment_to_come(lang: Lang) -> String {
    match lang {
        Lang::En => "in under a minute".to_owned(),
        Lang::Zh => "不到 1 分钟后".to_owned(),
    }
}

fn moment_ago(lang: Lang) -> String {
    match lang {
        Lang::En => "just now".to_owned(),
        Lang::Zh => "刚刚".to_owned(),
    }
}

fn date_and_clock(lang: Lang, zone: &Zone, now: Timestamp, at: Timestamp) -> String {
    let (today, date, clock) = (zone.at(now).date(), zone.at(at).date(), clock(zone, at));
    if date == today {
        return clock;
    }
    if date.tomorrow().is_ok_and(|next| next == today) {
        return match lang {
            Lang::En => format!("yesterday {clock}"),
            Lang::Zh => format!("昨天 {clock}"),
        };
    }
    if date.year() == today.year() {
        return format!("{} {clock}", written_day(lang, date, false));
    }
    written_day(lang, date, true)
}

fn written_day(lang: Lang, date: Date, with_year: bool) -> String {
    let index = usize::try_from(date.month() - 1).unwrap_or(0);
    let month = MONTHS.get(index).copied().unwrap_or("");
    match (lang, with_year) {
        (Lang::En, true) => format!("{} {month} {}", date.day(), date.year()),
        (Lang::En, false) => format!("{} {month}", date.day()),
        (Lang::Zh, true) => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        (Lang::Zh, false) => format!("{}月{}日", date.month(), date.day()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: &str, at: &str, en: &str, zh: &str) {
        let read = |text| Timestamp::parse_rfc3339(text).unwrap();
        let zone = Zone::named("Asia/Shanghai");
        assert_eq!(relative(Lang::En, &zone, read(now), read(at)), en);
        assert_eq!(relative(Lang::Zh, &zone, read(now), read(at)), zh);
    }

    #[test]
    fn near_times_are_relative_and_far_ones_dates() {
        let now = "2026-03-01T09:30:00Z";
        check(now, "2026-03-01T09:29:50Z", "just now", "刚刚");
        check(now, "2026-03-01T09:26:00Z", "4 min ago", "4 分钟前");
        check(now, "2026-03-01T09:34:30Z", "in 4 min", "4 分钟后");
        check(now, "2026-03-01T09:30:30Z", "in under a minute", "不到 1 分钟后");
        check(now, "2026-03-01T06:02:00Z", "14:02", "14:02");
        check(now, "2026-02-28T06:02:00Z", "yesterday 14:02", "昨天 14:02");
        check(now, "2026-01-05T06:02:00Z", "5 Jan 14:02", "1月5日 14:02");
        check(now, "2025-12-31T12:00:00Z", "31 Dec 2025", "2025年12月31日");
        check(now, "2026-03-02T06:02:00Z", "2 Mar 14:02", "3月2日 14:02");
    }

    #[test]
    fn an_unknown_zone_is_utc_and_says_so() {
        assert_eq!(Zone::named("Mars/Olympus").name(), "UTC");
        assert_eq!(exact(Lang::En, &Zone::default(), Timestamp(0)), "1 Jan 1970, 00:00:00");
        assert_eq!(exact(Lang::Zh, &Zone::default(), Timestamp(i64::MAX)), "1970年1月1日 00:00:00");
    }

    #[test]
    fn the_day_starts_at_midnight_there() {
        let at = Timestamp::parse_rfc3339("2026-03-01T20:30:00Z").unwrap();
        let start = Zone::named("Asia/Shanghai").start_of_day(at);
        assert_eq!(start.to_rfc3339(), "2026-03-01T16:00:00.000Z");
    }
}
