//! Who opens how much: limits by the hour, and alerts where somebody reads more than they should or more than they do.
//!
//! A search by an exact value is counted as well, apart from openings: who may see a masked value and search without end
//! finds the rest of it by trying.
//!
//! Counts are rows, written in the transaction of the opening, so they hold on every node. A reader's own usual day is
//! an exponentially weighted mean (weight 1/8) of the days up to yesterday; days without an opening count.

use ::store::Tx;
use base::{AlertId, ShopId, Timestamp};
use identity::{Actor, Fault, Means};

use crate::limits::{
    HISTORY_DAYS_MIN, HOURLY_MAX, KEY_HOUR_DEFAULT, LIST_MAX, PERSON_ALERT_DAY_DEFAULT,
    PERSON_ALERT_HOUR_DEFAULT, PERSON_HOUR_DEFAULT, SEARCH_KEY_ALERT_DAY, SEARCH_KEY_HOUR_MAX,
    SEARCH_PERSON_ALERT_DAY, SEARCH_PERSON_HOUR_MAX, SHOP_HOUR_DEFAULT, UNUSUAL_DAY_MIN, UNUSUAL_TIMES,
};
use crate::record::{self, By, Event, note};
use crate::store::openings as rows;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The reader under which a whole shop is counted.
const WHOLE_SHOP: &str = "shop";
/// One part of a day's count goes into the usual day.
const WEIGHT: i64 = 8;
/// Days without an opening that are folded in one by one; after that the past is forgotten.
const EMPTY_DAYS_MAX: i64 = 60;

/// How much may be opened, and when security is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Openings of one person in an hour.
    pub person_hour: i64,
    /// Openings of one API key in an hour.
    pub key_hour: i64,
    /// Openings of the whole shop in an hour.
    pub shop_hour: i64,
    /// Openings of one person in an hour after which security is told.
    pub alert_hour: i64,
    /// Openings of one person in a day after which security is told.
    pub alert_day: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            person_hour: PERSON_HOUR_DEFAULT,
            key_hour: KEY_HOUR_DEFAULT,
            shop_hour: SHOP_HOUR_DEFAULT,
            alert_hour: PERSON_ALERT_HOUR_DEFAULT,
            alert_day: PERSON_ALERT_DAY_DEFAULT,
        }
    }
}

/// A limit outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 0 to {HOURLY_MAX}")]
pub struct LimitProblem;

impl Limits {
    /// Checks one number.
    ///
    /// # Errors
    /// [`LimitProblem`].
    pub fn check(number: i64) -> Result<i64, LimitProblem> {
        if (0..=HOURLY_MAX).contains(&number) { Ok(number) } else { Err(LimitProblem) }
    }
}

/// What one reader did lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Habit {
    pub(crate) hour: Timestamp,
    pub(crate) hour_count: i64,
    pub(crate) day: Timestamp,
    pub(crate) day_count: i64,
    /// The usual day, thousandths of an opening.
    pub(crate) usual_milli: i64,
    /// Days that the usual day is made of.
    pub(crate) days: i64,
    pub(crate) told_hour: Timestamp,
    pub(crate) told_day: Timestamp,
    /// The hour of the last refusal.
    pub(crate) refused: Timestamp,
    /// The day whose number against the usual day was told of.
    pub(crate) told_unusual: Timestamp,
}

impl Habit {
    /// The habit as it stands at `now`: past hours and days are folded in.
    fn at(mut self, now: Timestamp) -> Habit {
        let (hour, day) = (floor(now, HOUR_MS), floor(now, DAY_MS));
        if self.hour != hour {
            (self.hour, self.hour_count) = (hour, 0);
        }
        if self.day != day {
            if self.day != Timestamp::default() {
                self.fold(self.day_count);
                let empty = (day.millis_since(self.day) / DAY_MS - 1).clamp(0, EMPTY_DAYS_MAX);
                (0..empty).for_each(|_| self.fold(0));
            }
            (self.day, self.day_count) = (day, 0);
        }
        self
    }

    fn fold(&mut self, count: i64) {
        let milli = count.saturating_mul(1_000);
        self.usual_milli =
            if self.days == 0 { milli } else { self.usual_milli + (milli - self.usual_milli) / WEIGHT };
        self.days += 1;
    }

    /// What a reader is told who is over a limit: to come back when the hour is over.
    fn over(&self, now: Timestamp) -> Admission {
        let left = HOUR_MS - now.millis_since(self.hour);
        Admission::Over { retry_after_seconds: u32::try_from(left / 1_000 + 1).unwrap_or(3_600) }
    }

    /// Notes that the alert of this kind was given: each kind once in its hour or day, so that none hides another.
    fn mark_told(&mut self, kind: AlertKind) {
        match kind {
            AlertKind::Hour => self.told_hour = self.hour,
            AlertKind::Unusual => self.told_unusual = self.day,
            AlertKind::Day | AlertKind::Search => self.told_day = self.day,
            AlertKind::Limit => self.refused = self.hour,
        }
    }

    fn counted(self) -> Habit {
        Habit { hour_count: self.hour_count + 1, day_count: self.day_count + 1, ..self }
    }

    /// The alert that this count calls for, if it was not given already.
    fn alert(&self, limits: &Limits, is_person: bool) -> Option<(AlertKind, i64, i64)> {
        let fresh_hour = self.told_hour != self.hour;
        let fresh_day = self.told_day != self.day;
        let unusual = UNUSUAL_DAY_MIN.max(self.usual_milli.saturating_mul(UNUSUAL_TIMES) / 1_000);
        if is_person && fresh_hour && self.hour_count > limits.alert_hour {
            Some((AlertKind::Hour, self.hour_count, limits.alert_hour))
        } else if is_person && fresh_day && self.day_count > limits.alert_day {
            Some((AlertKind::Day, self.day_count, limits.alert_day))
        } else if self.told_unusual != self.day && self.days >= HISTORY_DAYS_MIN && self.day_count > unusual {
            Some((AlertKind::Unusual, self.day_count, unusual))
        } else {
            None
        }
    }
}

fn floor(at: Timestamp, step_ms: i64) -> Timestamp {
    Timestamp(at.millis() - at.millis().rem_euclid(step_ms))
}

/// Why security is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertKind {
    /// Many in an hour.
    Hour,
    /// Many in a day.
    Day,
    /// Many against the reader's own usual day.
    Unusual,
    /// Stopped by a limit of openings.
    Limit,
    /// Many searches in a day, or stopped by their limit.
    Search,
}

impl AlertKind {
    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            AlertKind::Hour => "hour",
            AlertKind::Day => "day",
            AlertKind::Unusual => "unusual",
            AlertKind::Limit => "limit",
            AlertKind::Search => "search",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<AlertKind> {
        let all = [AlertKind::Hour, AlertKind::Day, AlertKind::Unusual, AlertKind::Limit, AlertKind::Search];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// Somebody reads too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The alert.
    pub id: AlertId,
    /// Who: an id of ours, or `shop` for the whole shop.
    pub reader: String,
    /// Why.
    pub kind: AlertKind,
    /// Openings, or searches, in the hour or day.
    pub openings: i64,
    /// What they were measured against.
    pub threshold: i64,
    /// When.
    pub created: Timestamp,
}

/// Whether one more may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Counted.
    Go,
    /// Over a limit.
    Over { retry_after_seconds: u32 },
}

/// Counts one opening of a reader and of the shop, or refuses it. Two keyed rows, the same ones for a whole batch.
pub(crate) fn admit(tx: &mut Tx, means: &Means<'_>, by: &By<'_>, shop: ShopId) -> Result<Admission, Fault> {
    let limits = rows::find_limits(tx, shop)?;
    let reader = by.actor.label();
    let own_max = if by.is_person() { limits.person_hour } else { limits.key_hour };
    let own = rows::find_habit(tx, shop, &reader)?.at(means.now);
    let whole = rows::find_habit(tx, shop, WHOLE_SHOP)?.at(means.now);
    for (name, habit, max) in [(reader.as_str(), own, own_max), (WHOLE_SHOP, whole, limits.shop_hour)] {
        if habit.hour_count >= max {
            refuse(tx, means, by, shop, (name, AlertKind::Limit, habit, max))?;
            return Ok(habit.over(means.now));
        }
    }
    let mut own = own.counted();
    if let Some((kind, openings, threshold)) = own.alert(&limits, by.is_person()) {
        own.mark_told(kind);
        raise(tx, means, by, shop, (&reader, kind, openings, threshold))?;
    }
    rows::put_habit(tx, shop, &reader, &own)?;
    rows::put_habit(tx, shop, WHOLE_SHOP, &whole.counted())?;
    Ok(Admission::Go)
}

/// Counts one search of a reader, or refuses it.
pub(crate) fn admit_search(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
) -> Result<Admission, Fault> {
    let admission = check_search(tx, means, by, shop)?;
    if admission == Admission::Go {
        count_search(tx, means, by, shop)?;
    }
    Ok(admission)
}

/// Whether a reader may search once more.
pub(crate) fn check_search(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
) -> Result<Admission, Fault> {
    let name = searcher(by);
    let habit = rows::find_habit(tx, shop, &name)?.at(means.now);
    let max = if by.is_person() { SEARCH_PERSON_HOUR_MAX } else { SEARCH_KEY_HOUR_MAX };
    if habit.hour_count < max {
        return Ok(Admission::Go);
    }
    refuse(tx, means, by, shop, (&name, AlertKind::Search, habit, max))?;
    Ok(habit.over(means.now))
}

/// Counts one search of a reader, and tells security of many in a day: whoever stays below the hour's limit can go on for days.
pub(crate) fn count_search(tx: &mut Tx, means: &Means<'_>, by: &By<'_>, shop: ShopId) -> Result<(), Fault> {
    let name = searcher(by);
    let mut habit = rows::find_habit(tx, shop, &name)?.at(means.now).counted();
    let threshold = if by.is_person() { SEARCH_PERSON_ALERT_DAY } else { SEARCH_KEY_ALERT_DAY };
    if habit.day_count > threshold && habit.told_day != habit.day {
        habit.mark_told(AlertKind::Search);
        let reader = by.actor.label();
        raise(tx, means, by, shop, (&reader, AlertKind::Search, habit.day_count, threshold))?;
    }
    Ok(rows::put_habit(tx, shop, &name, &habit)?)
}

/// What a reader's searches are counted under, apart from openings.
fn searcher(by: &By<'_>) -> String {
    format!("search {}", by.actor.label())
}

/// The first refusal of an hour is entered and told; the rest of them would fill the log for nobody's good.
fn refuse(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    (name, kind, habit, max): (&str, AlertKind, Habit, i64),
) -> Result<(), Fault> {
    if habit.refused == habit.hour {
        return Ok(());
    }
    rows::put_habit(tx, shop, name, &Habit { refused: habit.hour, ..habit })?;
    let action = if kind == AlertKind::Search { record::SEARCH_REFUSED } else { record::OPENING_REFUSED };
    note(tx, means, by, shop, Event::new(action, shop).refused().with("limit", max))?;
    let reader = name.rsplit(' ').next().unwrap_or(name);
    raise(tx, means, by, shop, (reader, kind, habit.hour_count, max))
}

fn raise(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    (reader, kind, openings, threshold): (&str, AlertKind, i64, i64),
) -> Result<(), Fault> {
    let id = AlertId::new(shop, means.now, means.dice);
    let alert = Alert { id, reader: reader.to_owned(), kind, openings, threshold, created: means.now };
    rows::insert_alert(tx, &alert)?;
    let event = Event::new(record::OPENING_ALERT, id)
        .with("kind", kind.name())
        .with("openings", openings)
        .with("threshold", threshold);
    note(tx, means, by, shop, event)?;
    tell(tx, means, shop, &alert)
}

/// Tells everybody in the shop who watches over security; where nobody does, the owners.
fn tell(tx: &mut Tx, means: &Means<'_>, shop: ShopId, alert: &Alert) -> Result<(), Fault> {
    let notice = identity::Notice::ReadsTooMuch { reader: alert.reader.clone(), openings: alert.openings };
    for member in identity::list_security_members(tx, shop)? {
        identity::queue_notice(tx, means, identity::Person::Member(member), &notice)?;
    }
    Ok(())
}

/// The limits of a shop.
///
/// # Errors
/// [`Fault`] alone.
pub fn find_limits(tx: &mut Tx, shop: ShopId) -> Result<Limits, Fault> {
    Ok(rows::find_limits(tx, shop)?)
}

/// Sets the limits of a shop.
///
/// # Errors
/// [`Fault`] alone.
pub fn update_limits(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    limits: &Limits,
) -> Result<(), Fault> {
    let before = rows::find_limits(tx, shop)?;
    rows::put_limits(tx, shop, limits)?;
    let event = Event::new(record::OPENING_LIMITS_CHANGED, shop)
        .with("person_hour", limits.person_hour)
        .with("key_hour", limits.key_hour)
        .with("shop_hour", limits.shop_hour)
        .with("alert_hour", limits.alert_hour)
        .with("alert_day", limits.alert_day)
        .with("alert_hour_before", before.alert_hour)
        .with("alert_day_before", before.alert_day);
    note(tx, means, by, shop, event).map(drop)
}

/// The limits a load test runs under; not for anything that serves.
///
/// # Errors
/// [`Fault`] alone.
pub fn lift_limits(tx: &mut Tx, means: &Means<'_>, shop: ShopId) -> Result<(), Fault> {
    let most = Limits { key_hour: HOURLY_MAX, shop_hour: HOURLY_MAX, ..Limits::default() };
    update_limits(tx, means, &By::local(&Actor::System), shop, &most)
}

/// The alerts of a shop, newest first.
///
/// # Errors
/// [`Fault`] alone.
pub fn list_alerts(tx: &mut Tx, shop: ShopId) -> Result<Vec<Alert>, Fault> {
    Ok(rows::list_alerts(tx, shop, LIST_MAX)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_772_366_400_000);

    fn after(habit: Habit, hours: i64, openings: i64) -> Habit {
        let at = NOON.plus_seconds(hours * 3_600);
        (0..openings).fold(habit.at(at), |habit, _| habit.at(at).counted())
    }

    #[test]
    fn c48_hours_and_days_are_counted_apart() {
        let habit = after(after(Habit::default(), 0, 5), 1, 3);
        assert_eq!((habit.hour_count, habit.day_count), (3, 8));
        let next_day = after(habit, 24, 1);
        assert_eq!((next_day.hour_count, next_day.day_count, next_day.usual_milli), (1, 1, 8_000));
    }

    #[test]
    fn the_usual_day_follows_slowly_and_empty_days_count() {
        let mut habit = Habit::default();
        for day in 0..10 {
            habit = after(habit, day * 24, 10);
        }
        assert_eq!((habit.usual_milli, habit.days), (10_000, 9));
        let later = after(habit, 20 * 24, 0);
        assert!(later.usual_milli < 4_000, "{later:?}");
    }

    #[test]
    fn c48_alerts_come_past_each_threshold_and_once() {
        let limits = Limits { alert_hour: 3, alert_day: 5, ..Limits::default() };
        let habit = after(Habit::default(), 0, 3);
        assert_eq!(habit.alert(&limits, true), None);
        let over = habit.counted();
        assert_eq!(over.alert(&limits, true), Some((AlertKind::Hour, 4, 3)));
        assert_eq!(over.alert(&limits, false), None, "a machine has its own limits");
        let told = Habit { told_hour: over.hour, ..over };
        assert_eq!(told.counted().alert(&limits, true), None);
        let day = after(told, 1, 2);
        assert_eq!(day.alert(&limits, true), Some((AlertKind::Day, 6, 5)));
        assert_eq!(Habit { told_day: day.day, ..day }.alert(&limits, true), None);
    }

    #[test]
    fn a_day_is_unusual_against_the_readers_own_history() {
        let mut habit = Habit::default();
        for day in 0..6 {
            habit = after(habit, day * 24, 10);
        }
        let usual = after(habit, 6 * 24, 40);
        assert_eq!(usual.alert(&Limits::default(), false), None);
        assert_eq!(usual.counted().alert(&Limits::default(), false), Some((AlertKind::Unusual, 41, 40)));
        let newcomer = after(Habit::default(), 0, 41);
        assert_eq!(newcomer.alert(&Limits::default(), false), None, "no history to go by");
        let mut told = usual.counted();
        told.mark_told(AlertKind::Unusual);
        let limits = Limits { alert_hour: HOURLY_MAX, alert_day: 41, ..Limits::default() };
        assert_eq!(told.counted().alert(&limits, true), Some((AlertKind::Day, 42, 41)), "one hides no other");
    }

    #[test]
    fn limits_have_a_range() {
        assert!(Limits::check(0).is_ok() && Limits::check(HOURLY_MAX).is_ok());
        assert!(Limits::check(-1).is_err() && Limits::check(HOURLY_MAX + 1).is_err());
    }
}
