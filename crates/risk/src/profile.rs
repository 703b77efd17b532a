//! What is remembered of one party: sliding windows, long-run figures, counterparts met, known frauds.
//!
//! A profile is a row written in the payment's own transaction: updating and encoding take about a microsecond, a
//! typical one is 100–600 bytes. Labels count from the call of [`Profile::label`], which belongs at the moment they
//! become known: a profile never knows the future. What they come to is in [`crate::labels`].

use base::Timestamp;

use crate::facts::{Entity, Facts, Key, Place, Word};
use crate::flows::{Flow, Flows};
use crate::labels::{Change, Label, Labels};
use crate::window::{Log, StoredPast, Sums, square};
use crate::wire::{Reader, Writer};

/// First byte of an encoded profile.
const VERSION: u8 = 1;
/// The same of one that has a country or [`Flows`] at its end; most have not.
const VERSION_LONG: u8 = 2;
/// Largest encoded profile that is read, in bytes.
pub const PROFILE_BYTES_MAX: usize = 8_192;
/// Most counterparts of one kind that are remembered; the one not seen for longest is forgotten first.
pub const MET_MAX: usize = 12;
/// The same for the shops of a payer.
pub const MET_SHOPS_MAX: usize = 16;
/// An amount this many times the long-run mean is high.
pub const HIGH_RATIO: f64 = 3.0;
/// Payments needed before the long-run mean is compared with.
pub const HISTORY_MIN: u32 = 3;

/// How long the place of a payment is remembered, seconds: after a week nobody is anywhere too soon.
pub const PLACE_SECONDS_MAX: u32 = 7 * crate::window::DAY;

/// How an attempt ended, as far as the memory of the parties is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was paid.
    Paid,
    /// It was declined: by a rule, a wrong PIN, a short balance.
    Declined,
    /// It waits for a challenge or a review. It counts as an attempt, its amount does not count yet.
    Paused,
    /// It was paused before and is now paid: its amount counts, the attempt was counted.
    Resumed,
}

/// Why bytes are not a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Written by another version.
    #[error("profile has version {0}, this program reads versions {VERSION} and {VERSION_LONG}")]
    Version(u8),
    /// Empty, cut, too long, or not a profile.
    #[error("profile is damaged: {0} bytes that cannot be read")]
    Damaged(usize),
}

/// A counterpart: the device of a payer, the payer of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Met {
    /// Low half of the counterpart's [`Key`].
    key: u32,
    kind: Entity,
    /// Whether a payment with it was ever paid.
    paid: bool,
    /// Last attempt with it, seconds since the epoch.
    at: u32,
}

/// How well a counterpart is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquaintance {
    /// Never met (or long forgotten).
    New,
    /// Met, but nothing was ever paid with it.
    Tried,
    /// Paid with before.
    Known,
}

/// What is remembered of one party.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) paid: u32,
    pub(crate) mean: f64,
    pub(crate) m2: f64,
    pub(crate) largest: i64,
    /// Payments by three-hour slot of the shop's day, halved when one is full.
    pub(crate) hours: [u8; 8],
    pub(crate) place: Option<(Place, u32)>,
    pub(crate) met: Vec<Met>,
    pub(crate) log: Log,
    /// Country of the address of the payer's latest payment, where it is known.
    pub(crate) country: Option<Word>,
    pub(crate) flows: Flows,
}

/// Seconds since the epoch as profiles keep them: 1970 to 2106, clamped.
pub(crate) fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.seconds().max(0)).unwrap_or(u32::MAX)
}

impl Profile {
    /// When the party was first seen. `None` for never.
    pub fn first_seen(&self) -> Option<Timestamp> {
        (self.first > 0).then(|| Timestamp(i64::from(self.first) * 1000))
    }

    /// When the party was last seen. `None` for never.
    pub fn last_seen(&self) -> Option<Timestamp> {
        (self.last > 0).then(|| Timestamp(i64::from(self.last) * 1000))
    }

    /// Payments over the party's whole life.
    pub fn paid(&self) -> u32 {
        self.paid
    }

    /// Long-run mean of the paid amounts, minor units. `None` before the first payment.
    pub fn mean(&self) -> Option<f64> {
        (self.paid > 0).then_some(self.mean)
    }

    /// Long-run standard deviation (sample) of the paid amounts. `None` below two payments.
    pub fn deviation(&self) -> Option<f64> {
        (self.paid > 1).then(|| (self.m2 / f64::from(self.paid - 1)).max(0.0).sqrt())
    }

    /// The labels known at `now`.
    pub fn labels(&self, now: Timestamp) -> Labels {
        self.labels_at(seconds(now))
    }

    pub(crate) fn labels_at(&self, now: u32) -> Labels {
        self.log.labels(now, self.paid)
    }

    /// How well a counterpart is known.
    pub fn acquaintance(&self, kind: Entity, key: Key) -> Acquaintance {
        match self.met.iter().find(|met| met.kind == kind && met.key == key.0 as u32) {
            None => Acquaintance::New,
            Some(met) if met.paid => Acquaintance::Known,
            Some(_) => Acquaintance::Tried,
        }
    }

    /// Different counterparts of `kind` met in the last 1 hour, 1 day and 30 days. Saturates at [`MET_MAX`].
    pub(crate) fn distinct(&self, kind: Entity, now: u32, besides: Option<Key>) -> [u32; 3] {
        let mut out = [0u32; 3];
        for met in
            self.met.iter().filter(|met| met.kind == kind && besides.map(|k| k.0 as u32) != Some(met.key))
        {
            let age = now.saturating_sub(met.at);
            for (slot, span) in
                out.iter_mut().zip([crate::window::HOUR, crate::window::DAY, 30 * crate::window::DAY])
            {
                *slot += u32::from(age < span);
            }
        }
        out
    }

    /// Remembers money of a payer that did not come from a payment of theirs, minor units.
    pub fn add_flow(&mut self, at: Timestamp, flow: Flow, minor: i64, currency: base::Currency) {
        self.flows.add(at, flow, minor, currency);
    }

    /// What came to a payer in the day before `now`, minor units of `currency`.
    pub fn flow(&self, now: Timestamp, flow: Flow, currency: base::Currency) -> i64 {
        self.flows.sum(now, flow, currency)
    }

    /// Learns what somebody says of a payment of this party, or that they take it back. `at`: when its money moved, or, with
    /// `paid` false, when it was tried. Call it when that becomes known, and lift nothing that was not set.
    pub fn label(&mut self, at: Timestamp, label: Label, paid: bool, change: Change) {
        self.log.label(seconds(at).max(1), label, paid, change);
    }

    /// Where the party last paid from and when, unless that was more than [`PLACE_SECONDS_MAX`] before `now`.
    pub(crate) fn place_at(&self, now: u32) -> Option<(Place, u32)> {
        self.place.filter(|(_, at)| now.saturating_sub(*at) <= PLACE_SECONDS_MAX)
    }

    /// Remembers one attempt of this party, which plays the part of `entity`. `fresh`: see [`observe`].
    fn record(&mut self, facts: &Facts, entity: Entity, attempt: Attempt, fresh: bool) {
        let at = seconds(facts.at).max(1);
        let paid = matches!(attempt, Attempt::Paid | Attempt::Resumed);
        let counted = u32::from(attempt != Attempt::Resumed);
        let mut sums = Sums {
            attempts: counted,
            declined: u32::from(attempt == Attempt::Declined),
            small: counted * u32::from(facts.is_small()),
            fresh: counted * u32::from(fresh),
            ..Sums::default()
        };
        if self.first == 0 {
            self.first = at;
        }
        self.last = self.last.max(at);
        self.place = self.place_at(at);
        if paid {
            self.record_amount(facts.amount.minor, &mut sums);
            self.record_habits(facts, at);
            if entity == Entity::Payer {
                self.country = facts.address_country.or(self.country);
            }
        }
        self.log.add(at, &sums);
        self.record_met(facts, entity, at, paid);
    }

    /// Welford's update of mean and variance, and the high-ratio counts against the mean before.
    fn record_amount(&mut self, minor: i64, sums: &mut Sums) {
        let amount = minor as f64;
        (sums.paid, sums.sum, sums.squares) = (1, minor, square(minor));
        if self.paid >= HISTORY_MIN && self.mean > 0.0 && amount >= HIGH_RATIO * self.mean {
            (sums.high, sums.peak) = (1, (amount / self.mean) as f32);
        }
        self.paid = self.paid.saturating_add(1);
        let delta = amount - self.mean;
        self.mean += delta / f64::from(self.paid);
        self.m2 += delta * (amount - self.mean);
        self.largest = self.largest.max(minor);
    }

    fn record_habits(&mut self, facts: &Facts, at: u32) {
        if let Some(place) = facts.payer_place {
            self.place = Some((place, at));
        }
        let Some(slot) = facts.hour.and_then(|hour| self.hours.get_mut(usize::from(hour / 3))) else {
            return;
        };
        if *slot == u8::MAX {
            self.hours = self.hours.map(|count| count / 2);
        } else {
            *slot += 1;
        }
    }

    fn record_met(&mut self, facts: &Facts, entity: Entity, at: u32, paid: bool) {
        for &kind in counterparts(entity) {
            if let Some(key) = facts.key(kind) {
                self.meet(kind, key, at, paid);
            }
        }
    }

    fn meet(&mut self, kind: Entity, key: Key, at: u32, paid: bool) {
        let key = key.0 as u32;
        let (mut count, mut stalest) = (0usize, None::<(usize, u32)>);
        for (index, met) in self.met.iter_mut().enumerate().filter(|(_, met)| met.kind == kind) {
            if met.key == key {
                (met.at, met.paid) = (met.at.max(at), met.paid | paid);
                return;
            }
            count += 1;
            if stalest.is_none_or(|(_, oldest)| met.at < oldest) {
                stalest = Some((index, met.at));
            }
        }
        let met = Met { key, kind, paid, at };
        let limit = if kind == Entity::Shop { MET_SHOPS_MAX } else { MET_MAX };
        match stalest.and_then(|(index, _)| self.met.get_mut(index)).filter(|_| count >= limit) {
            Some(slot) => *slot = met,
            None => self.met.push(met),
        }
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(96 + 8 * self.met.len() + 10 * self.log.len());
        let long = self.country.is_some() || !self.flows.is_empty();
        out.byte(if long { VERSION_LONG } else { VERSION });
        out.uint(u64::from(self.first));
        out.uint(u64::from(self.last.saturating_sub(self.first)));
        out.uint(u64::from(self.paid));
        if self.paid > 0 {
            out.f64(self.mean);
            out.f64(self.m2);
            out.int(self.largest);
            out.raw(&self.hours);
        }
        self.write_place(&mut out);
        self.log.write_past(&mut out);
        out.uint(self.met.len() as u64);
        for met in &self.met {
            out.byte((met.kind.index() as u8) << 1 | u8::from(met.paid));
            out.raw(&met.key.to_le_bytes());
            out.uint(u64::from(self.last.saturating_sub(met.at)));
        }
        self.log.write(&mut out);
        if long {
            out.uint(self.country.map_or(0, Word::packed));
            self.flows.write(&mut out);
        }
        out.0
    }

    fn write_place(&self, out: &mut Writer) {
        let Some((place, at)) = self.place else { return out.byte(0) };
        let (lat, lon) = place.centi();
        out.byte(1);
        out.raw(&lat.to_le_bytes());
        out.raw(&lon.to_le_bytes());
        out.uint(u64::from(self.last.saturating_sub(at)));
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`ProfileError::Version`], [`ProfileError::Damaged`]; never panics, whatever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Profile, ProfileError> {
        let damaged = ProfileError::Damaged(bytes.len());
        match bytes.split_first() {
            Some((&version @ (VERSION | VERSION_LONG), rest)) if bytes.len() <= PROFILE_BYTES_MAX => {
                let mut input = Reader(rest);
                let read = Profile::read(&mut input, version == VERSION_LONG);
                read.filter(|_| input.is_empty()).ok_or(damaged)
            }
            Some((&version, _)) if !matches!(version, VERSION | VERSION_LONG) => {
                Err(ProfileError::Version(version))
            }
            _ => Err(damaged),
        }
    }

    fn read(input: &mut Reader<'_>, long: bool) -> Option<Profile> {
        let first = input.u32()?;
        let last = first.checked_add(input.u32()?)?;
        let mut profile = Profile { first, last, paid: input.u32()?, ..Profile::default() };
        if profile.paid > 0 {
            profile.mean = input.f64()?;
            profile.m2 = input.f64()?;
            profile.largest = input.int()?;
            profile.hours = input.array()?;
        }
        profile.place = read_place(input, last)?;
        let past = StoredPast::read(input)?;
        let count = input.count(3 * MET_MAX + MET_SHOPS_MAX)?;
        profile.met.reserve_exact(count.min(input.0.len() / 6));
        for _ in 0..count {
            let head = input.byte()?;
            let kind = *Entity::ALL.get(usize::from(head >> 1))?;
            let key = u32::from_le_bytes(input.array()?);
            let at = last.checked_sub(input.u32()?)?;
            profile.met.push(Met { key, kind, paid: head & 1 == 1, at });
        }
        profile.log = Log::read(input)?.with_past(past, profile.paid);
        if long {
            let country = input.uint()?;
            profile.country = if country == 0 { None } else { Some(Word::from_packed(country)?) };
            profile.flows = Flows::read(input)?;
        }
        Some(profile)
    }
}

fn read_place(input: &mut Reader<'_>, last: u32) -> Option<Option<(Place, u32)>> {
    match input.byte()? {
        0 => Some(None),
        1 => {
            let (lat, lon) = (i16::from_le_bytes(input.array()?), i16::from_le_bytes(input.array()?));
            let at = last.checked_sub(input.u32()?)?;
            Some(Some((Place::from_centi(lat, lon)?, at)))
        }
        _ => None,
    }
}

/// Whom each party remembers having met. Shops and terminals meet too many to remember.
pub(crate) const fn counterparts(entity: Entity) -> &'static [Entity] {
    match entity {
        Entity::Payer => &[Entity::Shop, Entity::Device, Entity::Card, Entity::Address],
        Entity::Card => &[Entity::Payer, Entity::Device],
        Entity::Device => &[Entity::Payer, Entity::Card],
        Entity::Address => &[Entity::Payer, Entity::Card, Entity::Device],
        Entity::Shop | Entity::Terminal => &[],
    }
}

/// The profiles of the parties of one attempt, as the caller loaded them. A missing one of a known party counts as
/// never seen before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profiles {
    slots: [Option<Profile>; 6],
}

impl Profiles {
    /// The profile of one party, where loaded.
    pub fn get(&self, entity: Entity) -> Option<&Profile> {
        self.slots.get(entity.index()).and_then(Option::as_ref)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, entity: Entity) -> Option<&mut Profile> {
        self.slots.get_mut(entity.index()).and_then(Option::as_mut)
    }

    /// Puts a profile in, or takes it out.
    pub fn set(&mut self, entity: Entity, profile: Option<Profile>) {
        if let Some(slot) = self.slots.get_mut(entity.index()) {
            *slot = profile;
        }
    }

    /// Takes a profile out.
    pub fn take(&mut self, entity: Entity) -> Option<Profile> {
        self.slots.get_mut(entity.index()).and_then(Option::take)
    }
}

/// Updates the profiles with one attempt, after it was decided. Creates the profile of a known party that has none.
pub fn observe(facts: &Facts, profiles: &mut Profiles, attempt: Attempt) {
    let fresh = Entity::ALL.map(|entity| is_fresh(facts, profiles, entity));
    for (entity, fresh) in Entity::ALL.into_iter().zip(fresh) {
        if facts.key(entity).is_some()
            && let Some(slot) = profiles.slots.get_mut(entity.index())
        {
            slot.get_or_insert_default().record(facts, entity, attempt, fresh.unwrap_or(false));
        }
    }
}

/// Whether this attempt brings the party a counterpart it never met: a payer a new shop, everyone else a new payer.
/// `None` when one of the two is unknown.
pub(crate) fn is_fresh(facts: &Facts, profiles: &Profiles, entity: Entity) -> Option<bool> {
    facts.key(entity)?;
    let (from, kind) = match entity {
        // The payer's own memory of shops is complete; a shop's memory of payers could not be.
        Entity::Payer | Entity::Shop | Entity::Terminal => (Entity::Payer, Entity::Shop),
        Entity::Card | Entity::Device | Entity::Address => (entity, Entity::Payer),
    };
    let (_, key) = (facts.key(from)?, facts.key(kind)?);
    Some(profiles.get(from).is_none_or(|profile| profile.acquaintance(kind, key) == Acquaintance::New))
}
