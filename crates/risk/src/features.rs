//! The numbers a decision is made of: one fixed row of slots, filled from facts and profiles in constant time.
//!
//! Rules and models read the same row, a decision stores it, and a replay starts from it. Every slot has a name, a
//! type and a sentence; what is unknown is `NaN`. Windows `count_…`, `sum_…`, `mean_…` include the attempt itself;
//! everything else is from before it. `labelled_…` and `risk_…` are the windows `(t - 7 d - w, t - 7 d]` of the
//! Fraud Detection Handbook (Le Borgne et al.): fraud shares as they can be known under a label delay of a week.

use crate::facts::{Entity, Facts, Place, Word};
use crate::profile::{Acquaintance, HISTORY_MIN, Profile, Profiles, is_fresh, seconds};
use crate::window::{DAY, HOUR, SPANS, Sums};

/// The type of a slot, as rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A whole number (CEL `int`).
    Int,
    /// A number with decimals (CEL `double`).
    Double,
    /// True (1) or false (0) (CEL `bool`).
    Bool,
    /// A short text, packed as [`Word`] (CEL `string`).
    Text,
}

/// What a slot is.
#[derive(Clone, Copy, Debug)]
pub struct SlotInfo {
    /// Its name in rules, such as `payer.count_1h`.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// What it means, with unit.
    pub about: &'static str,
}

macro_rules! slots {
    ($($name:ident $text:literal $kind:ident $about:literal;)*) => {
        /// A slot that belongs to the attempt itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Own { $(#[doc = $about] $name,)* }

        const OWN: &[SlotInfo] = &[$(SlotInfo { name: $text, kind: Kind::$kind, about: $about },)*];
    };
}

slots! {
    Amount "payment.amount_minor" Int "amount in minor units";
    AmountMajor "payment.amount" Double "amount in major units (yuan, dollars)";
    Small "payment.small" Bool "whether the amount is one card testers try";
    Hour "payment.hour" Int "hour of the day where the shop is, 0-23";
    Weekday "payment.weekday" Int "day of the week where the shop is, Monday 1 - Sunday 7";
    Night "payment.night" Bool "whether the hour is 0-6";
    Weekend "payment.weekend" Bool "whether it is Saturday or Sunday";
    DistanceKm "payment.distance_km" Double "kilometres from the payer's device to the code or terminal";
    CodeAge "payment.code_age_minutes" Double "minutes since the code was made";
    CountryMismatch "payment.country_mismatch" Bool "whether the known countries of account, card and address differ";
    Foreign "payment.foreign" Bool "whether the network address is in another country than the shop";
    Balance "payment.balance_minor" Int "the payer's balance before this payment, minor units";
    BalanceShare "payment.balance_share" Double "amount divided by the balance before";
    ToppedUp "payment.topped_up_1d_minor" Int "what the payer topped up in the last 24 hours, minor units";
    ToppedUpShare "payment.topped_up_share" Double "amount divided by what was topped up in the last 24 hours";
    Refunded "payment.refunded_1d_minor" Int "what this shop refunded to this payer in the last 24 hours, minor units";
    DeviceAge "login.device_age_days" Double "days since this device first signed in for this payer";
    SessionAge "login.session_age_minutes" Double "minutes since the session began";
    FailedPins "login.failed_pins" Int "wrong PINs of this payer in the last 24 hours";
    ContactChanged "login.contact_changed_hours" Double "hours since the payer's e-mail or phone was changed";
    CredentialChanged "login.credential_changed_hours" Double "hours since the payer's PIN, password or passkey was changed";
    PayerAccount "payer.account_days" Double "days since the payer's account was opened";
    ShopAccount "shop.account_days" Double "days since the shop was opened";
    NewShop "payer.new_shop" Bool "whether the payer has never paid this shop";
    NewDevice "payer.new_device" Bool "whether the payer has never paid from this device";
    NewCard "payer.new_card" Bool "whether the payer has never paid with this card";
    NewAddress "payer.new_address" Bool "whether the payer has never paid from this network address";
    TravelKm "payer.travel_km" Double "kilometres from the payer's last paid place";
    TravelKmh "payer.travel_kmh" Double "speed needed from the payer's last paid place, km/h";
    ScanKm "terminal.scan_km" Double "kilometres between this payer's device and the last one that paid at this terminal";
    ScanKmh "terminal.scan_kmh" Double "speed needed between the two, km/h";
    HourShare "payer.hour_share" Double "share of the payer's payments in this three-hour slot of the day";
}

macro_rules! words {
    ($($name:ident $text:literal $about:literal;)*) => {
        /// A slot that holds a text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Text { $(#[doc = $about] $name,)* }

        const TEXTS: &[SlotInfo] = &[$(SlotInfo { name: $text, kind: Kind::Text, about: $about },)*];
    };
}

words! {
    Currency "payment.currency" "ISO 4217 code";
    Method "payment.method" "way of paying, such as `balance` or `card`";
    Code "payment.code" "kind of code that was scanned: `none`, `static`, `dynamic`";
    PayerCountry "payment.payer_country" "country of the payer's account, ISO 3166-1";
    CardCountry "payment.card_country" "country that issued the card";
    AddressCountry "payment.address_country" "country of the network address";
    ShopCountry "payment.shop_country" "country of the shop";
}

// `$d` is a dollar sign: the inner macro is defined with the list of fields inside it.
macro_rules! fields {
    ($d:tt $($name:ident $text:literal $kind:ident $about:literal;)*) => {
        /// A slot that every party has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Field { $(#[doc = $about] $name,)* }

        macro_rules! block {
            ($d entity:literal) => {
                [$(SlotInfo { name: concat!($d entity, ".", $text), kind: Kind::$kind, about: $about }),*]
            };
        }
    };
}

fields! { $
    Count10m "count_10m" Int "attempts in the last 10 minutes, with this one";
    Count1h "count_1h" Int "attempts in the last hour, with this one";
    Count1d "count_1d" Int "attempts in the last 24 hours, with this one";
    Count7d "count_7d" Int "attempts in the last 7 days, with this one";
    Count30d "count_30d" Int "attempts in the last 30 days, with this one";
    Sum1h "sum_1h_minor" Int "paid in the last hour and this amount, minor units";
    Sum1d "sum_1d_minor" Int "paid in the last 24 hours and this amount, minor units";
    Sum7d "sum_7d_minor" Int "paid in the last 7 days and this amount, minor units";
    Sum30d "sum_30d_minor" Int "paid in the last 30 days and this amount, minor units";
    Mean1d "mean_1d_minor" Double "mean amount of the last 24 hours, with this one, minor units";
    Mean7d "mean_7d_minor" Double "mean amount of the last 7 days, with this one, minor units";
    Mean30d "mean_30d_minor" Double "mean amount of the last 30 days, with this one, minor units";
    Deviation30d "deviation_30d_minor" Double "standard deviation of the amounts of the last 30 days, minor units";
    Declined10m "declined_10m" Int "declined attempts in the last 10 minutes";
    Declined1h "declined_1h" Int "declined attempts in the last hour";
    Declined1d "declined_1d" Int "declined attempts in the last 24 hours";
    Small10m "small_10m" Int "attempts with a small amount in the last 10 minutes, with this one";
    Small1h "small_1h" Int "attempts with a small amount in the last hour, with this one";
    Fresh10m "fresh_10m" Int "attempts with a counterpart never met before in the last 10 minutes, with this one";
    Fresh1h "fresh_1h" Int "the same in the last hour";
    Fresh1d "fresh_1d" Int "the same in the last 24 hours";
    Pace10m "pace_10m" Double "attempts in 10 minutes divided by the usual number (30 days), at least one";
    Pace1h "pace_1h" Double "attempts in an hour divided by the usual number (30 days), at least one";
    AgeDays "age_days" Double "days since first seen";
    IdleHours "idle_hours" Double "hours since last seen";
    GapHours "gap_hours" Double "usual hours between attempts, over the last 30 days";
    Total "total" Int "payments so far";
    Mean "mean_minor" Double "mean amount so far, minor units";
    Deviation "deviation_minor" Double "standard deviation of the amounts so far, minor units";
    Ratio "ratio" Double "this amount divided by the mean so far";
    Zscore "zscore" Double "this amount's distance from the mean so far, in standard deviations";
    LargestRatio "largest_ratio" Double "this amount divided by the largest so far";
    High3d "high_3d" Int "payments far above the mean in the last 3 days";
    High14d "high_14d" Int "payments far above the mean in the last 14 days";
    Peak14d "peak_14d" Double "highest ratio to the mean in the last 14 days";
    Payers1h "payers_1h" Int "different payers in the last hour, with this one (counts to 12)";
    Payers1d "payers_1d" Int "different payers in the last 24 hours, with this one (counts to 12)";
    Payers30d "payers_30d" Int "different payers in the last 30 days, with this one (counts to 12)";
    Cards1h "cards_1h" Int "different cards in the last hour, with this one (counts to 12)";
    Cards1d "cards_1d" Int "different cards in the last 24 hours, with this one (counts to 12)";
    Devices1h "devices_1h" Int "different devices in the last hour, with this one (counts to 12)";
    Devices1d "devices_1d" Int "different devices in the last 24 hours, with this one (counts to 12)";
    Devices30d "devices_30d" Int "different devices in the last 30 days, with this one (counts to 12)";
    Shops1h "shops_1h" Int "different shops in the last hour, with this one (counts to 16)";
    Shops1d "shops_1d" Int "different shops in the last 24 hours, with this one (counts to 16)";
    Frauds "frauds" Int "payments known to be fraud";
    FraudDays "fraud_days" Double "days since the latest known fraud was paid";
    RunDays "fraud_run_days" Double "days since the first of the latest run of known frauds was paid";
    GenuineDays "genuine_days" Double "days since the latest known genuine payment was paid";
    RunLength "fraud_run" Int "known frauds in the latest run, without a genuine payment between";
    GenuineSince "genuine_since_fraud" Int "known genuine payments since the latest known fraud";
    Labelled1d "labelled_1d" Int "payments in the day before the last 7 days";
    Labelled7d "labelled_7d" Int "payments in the 7 days before the last 7 days";
    Labelled30d "labelled_30d" Int "payments in the 30 days before the last 7 days";
    Risk1d "risk_1d" Double "share of known frauds in the day before the last 7 days";
    Risk7d "risk_7d" Double "share of known frauds in the 7 days before the last 7 days";
    Risk30d "risk_30d" Double "share of known frauds in the 30 days before the last 7 days";
}

const BLOCKS: [[SlotInfo; FIELDS]; 6] = [
    block!("payer"),
    block!("card"),
    block!("device"),
    block!("address"),
    block!("shop"),
    block!("terminal"),
];

/// Slots that every party has.
pub const FIELDS: usize = Field::Risk30d as usize + 1;
/// Slots that a model reads: all but the texts. They come first.
pub const INPUTS: usize = OWN.len() + 6 * FIELDS;
/// All slots.
pub const SLOTS: usize = INPUTS + TEXTS.len();

/// A place in the row, below [`SLOTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// The slot of the attempt itself.
    pub const fn own(own: Own) -> Slot {
        Slot(own as u16)
    }

    /// The slot of a party.
    pub const fn of(entity: Entity, field: Field) -> Slot {
        Slot((OWN.len() + entity as usize * FIELDS) as u16 + field as u16)
    }

    /// The slot of a text.
    pub const fn text(text: Text) -> Slot {
        Slot(INPUTS as u16 + text as u16)
    }

    /// The slot at a position. `None` past the end.
    pub fn at(index: usize) -> Option<Slot> {
        u16::try_from(index).ok().filter(|_| index < SLOTS).map(Slot)
    }

    /// The slot of a name, such as `payer.count_1h`.
    pub fn named(name: &str) -> Option<Slot> {
        Slot::all().find(|slot| slot.info().name == name)
    }

    /// All slots in order.
    pub fn all() -> impl Iterator<Item = Slot> {
        (0..SLOTS).filter_map(Slot::at)
    }

    /// Position in the row.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Its name, type and meaning.
    pub fn info(self) -> &'static SlotInfo {
        let index = self.index();
        let shared = BLOCK_INFO.as_flattened();
        let found = OWN
            .get(index)
            .or_else(|| shared.get(index.wrapping_sub(OWN.len())))
            .or_else(|| TEXTS.get(index.wrapping_sub(INPUTS)));
        found.unwrap_or(&UNKNOWN)
    }

    /// The party it belongs to. `None` for slots of the attempt.
    pub fn entity(self) -> Option<Entity> {
        let block = self.index().checked_sub(OWN.len())? / FIELDS;
        Entity::ALL.get(block).copied()
    }
}

static BLOCK_INFO: [[SlotInfo; FIELDS]; 6] = BLOCKS;
static UNKNOWN: SlotInfo = SlotInfo { name: "unknown", kind: Kind::Double, about: "no such slot" };

/// Names of the slots a model reads, in the order of [`Features::inputs`].
pub fn input_names() -> impl Iterator<Item = &'static str> {
    Slot::all().take(INPUTS).map(|slot| slot.info().name)
}

/// The row. `NaN` is unknown.
#[derive(Clone, Debug)]
pub struct Features {
    values: [f64; SLOTS],
}

impl Features {
    /// A row in which nothing is known.
    pub const UNKNOWN: Features = Features { values: [f64::NAN; SLOTS] };

    /// The value of a slot; `NaN` when unknown.
    #[inline]
    pub fn get(&self, slot: Slot) -> f64 {
        self.values.get(slot.index()).copied().unwrap_or(f64::NAN)
    }

    /// The value of a slot. `None` when unknown.
    pub fn known(&self, slot: Slot) -> Option<f64> {
        Some(self.get(slot)).filter(|value| !value.is_nan())
    }

    /// The text of a text slot. `None` when unknown.
    pub fn word(&self, slot: Slot) -> Option<Word> {
        self.known(slot).and_then(|packed| Word::from_packed(packed as u64))
    }

    /// Sets a slot.
    #[inline]
    pub fn set(&mut self, slot: Slot, value: f64) {
        if let Some(place) = self.values.get_mut(slot.index()) {
            *place = value;
        }
    }

    /// All values in slot order.
    pub fn values(&self) -> &[f64; SLOTS] {
        &self.values
    }

    /// What a model reads: all slots but the texts, as `f32`, `NaN` where unknown.
    pub fn inputs(&self) -> [f32; INPUTS] {
        let mut out = [f32::NAN; INPUTS];
        for (to, from) in out.iter_mut().zip(&self.values) {
            *to = *from as f32;
        }
        out
    }

    #[inline]
    fn own(&mut self, own: Own, value: f64) {
        self.set(Slot::own(own), round(value));
    }

    fn own_opt(&mut self, own: Own, value: Option<f64>) {
        self.own(own, value.unwrap_or(f64::NAN));
    }

    fn flag(&mut self, own: Own, value: Option<bool>) {
        self.own_opt(own, value.map(|value| f64::from(u8::from(value))));
    }

    fn exact(&mut self, own: Own, value: Option<i64>) {
        self.set(Slot::own(own), value.map_or(f64::NAN, |value| value as f64));
    }
}

impl PartialEq for Features {
    /// Two rows are equal when every slot is, unknown being equal to unknown.
    fn eq(&self, other: &Features) -> bool {
        self.values.iter().zip(&other.values).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
    }
}

/// To the precision that is stored: an `f32` with a mantissa of 15 bits, which is three bytes and a relative error
/// below 2^-16. Rounding before anything reads the row makes a stored row the row that was decided on.
#[inline]
pub(crate) fn round(value: f64) -> f64 {
    let bits = (value as f32).to_bits();
    let rounded = if value.is_finite() { bits.saturating_add(0x80) } else { bits };
    f64::from(f32::from_bits(rounded & 0xFFFF_FF00))
}

/// The row of one attempt: to be read before [`crate::observe`] adds the attempt to the profiles.
pub fn features(facts: &Facts, profiles: &Profiles) -> Features {
    let mut row = Features::UNKNOWN;
    fill_payment(&mut row, facts);
    fill_countries(&mut row, facts, profiles);
    fill_login(&mut row, facts);
    fill_texts(&mut row, facts);
    fill_payer(&mut row, facts, profiles);
    let unseen = Profile::default();
    for entity in Entity::ALL {
        if facts.key(entity).is_some() {
            let profile = profiles.get(entity).unwrap_or(&unseen);
            let fresh = is_fresh(facts, profiles, entity);
            Block::of(&mut row, entity).fill(facts, profile, entity, fresh);
        }
    }
    row
}

fn fill_payment(row: &mut Features, facts: &Facts) {
    let minor = facts.amount.minor;
    row.exact(Own::Amount, Some(minor));
    row.own(Own::AmountMajor, minor as f64 / major_unit(facts));
    row.flag(Own::Small, Some(facts.is_small()));
    row.exact(Own::Hour, facts.hour.map(i64::from));
    row.exact(Own::Weekday, facts.weekday.map(i64::from));
    row.flag(Own::Night, facts.hour.map(|hour| hour <= 6));
    row.flag(Own::Weekend, facts.weekday.map(|day| day >= 6));
    row.own_opt(Own::DistanceKm, facts.payer_place.zip(facts.code_place).map(|(a, b)| a.km_to(b)));
    row.own_opt(Own::CodeAge, facts.code_age_minutes);
    row.exact(Own::Balance, facts.balance_minor);
    row.own_opt(Own::BalanceShare, facts.balance_minor.and_then(|all| share(minor, all)));
    row.exact(Own::ToppedUp, facts.topped_up_1d_minor);
    row.own_opt(Own::ToppedUpShare, facts.topped_up_1d_minor.and_then(|all| share(minor, all)));
    row.exact(Own::Refunded, facts.refunded_1d_minor);
    row.own_opt(Own::ShopAccount, facts.shop_account_days);
}

fn fill_login(row: &mut Features, facts: &Facts) {
    row.own_opt(Own::DeviceAge, facts.device_age_days);
    row.own_opt(Own::SessionAge, facts.session_age_minutes);
    row.exact(Own::FailedPins, facts.failed_pins.map(i64::from));
    row.own_opt(Own::ContactChanged, facts.contact_changed_hours);
    row.own_opt(Own::CredentialChanged, facts.credential_changed_hours);
    row.own_opt(Own::PayerAccount, facts.payer_account_days);
}

fn fill_texts(row: &mut Features, facts: &Facts) {
    let mut set = |text, word: Option<Word>| {
        row.set(Slot::text(text), word.map_or(f64::NAN, |word| word.packed() as f64));
    };
    set(Text::Currency, Word::parse(facts.amount.currency.code()));
    set(Text::Method, facts.method);
    set(Text::Code, facts.code.and_then(|code| Word::parse(code.name())));
}

fn fill_countries(row: &mut Features, facts: &Facts, profiles: &Profiles) {
    let remembered = || profiles.get(Entity::Payer).and_then(|payer| payer.country);
    let payer = facts.payer_country.or_else(remembered);
    row.flag(Own::CountryMismatch, country_mismatch([payer, facts.card_country, facts.address_country]));
    row.flag(Own::Foreign, facts.address_country.zip(facts.shop_country).map(|(a, b)| a != b));
    for (text, country) in [
        (Text::PayerCountry, payer),
        (Text::CardCountry, facts.card_country),
        (Text::AddressCountry, facts.address_country),
        (Text::ShopCountry, facts.shop_country),
    ] {
        row.set(Slot::text(text), country.map_or(f64::NAN, |country| country.packed() as f64));
    }
}

fn fill_payer(row: &mut Features, facts: &Facts, profiles: &Profiles) {
    let unseen = Profile::default();
    if facts.key(Entity::Payer).is_some() {
        let payer = profiles.get(Entity::Payer).unwrap_or(&unseen);
        for (own, kind) in [
            (Own::NewShop, Entity::Shop),
            (Own::NewDevice, Entity::Device),
            (Own::NewCard, Entity::Card),
            (Own::NewAddress, Entity::Address),
        ] {
            let new = facts.key(kind).map(|key| payer.acquaintance(kind, key) != Acquaintance::Known);
            row.flag(own, new);
        }
        let (km, kmh) = travel(facts, payer.place_at(seconds(facts.at)));
        row.own_opt(Own::TravelKm, km);
        row.own_opt(Own::TravelKmh, kmh);
        row.own_opt(Own::HourShare, facts.hour.and_then(|hour| hour_share(payer, hour)));
    }
    let terminal = profiles.get(Entity::Terminal);
    let (km, kmh) = travel(facts, terminal.and_then(|terminal| terminal.place_at(seconds(facts.at))));
    row.own_opt(Own::ScanKm, km);
    row.own_opt(Own::ScanKmh, kmh);
}

/// Minor units in a major one.
pub(crate) fn major_unit(facts: &Facts) -> f64 {
    // CNY, USD and EUR are nearly everything; the table look-up of the others is slower.
    match facts.amount.currency.code() {
        "CNY" | "USD" | "EUR" => 100.0,
        _ => f64::from(10u32.saturating_pow(facts.amount.currency.decimals())),
    }
}

/// `minor / all`; unknown when there is nothing to divide by.
fn share(minor: i64, all: i64) -> Option<f64> {
    (all > 0).then(|| minor as f64 / all as f64)
}

/// Whether the known ones of account, card and address country differ. Unknown below two of them.
fn country_mismatch(countries: [Option<Word>; 3]) -> Option<bool> {
    let mut known = countries.into_iter().flatten();
    let first = known.next()?;
    let second = known.next()?;
    Some(first != second || known.any(|other| other != first))
}

/// Distance from a remembered place, and the speed it takes. Below 20 km the speed counts as 0: places are coarse,
/// and networks place phones wrongly by that much.
fn travel(facts: &Facts, before: Option<(Place, u32)>) -> (Option<f64>, Option<f64>) {
    let Some((now, (place, at))) = facts.payer_place.zip(before) else { return (None, None) };
    let km = now.km_to(place);
    let hours = f64::from(seconds(facts.at).saturating_sub(at).max(60)) / f64::from(HOUR);
    (Some(km), Some(if km < 20.0 { 0.0 } else { km / hours }))
}

/// Share of the payer's payments in the three-hour slot of `hour`. Unknown below ten payments.
fn hour_share(payer: &Profile, hour: u8) -> Option<f64> {
    let all: u32 = payer.hours.iter().map(|count| u32::from(*count)).sum();
    let here = payer.hours.get(usize::from(hour / 3))?;
    (all >= 10).then(|| f64::from(*here) / f64::from(all))
}

/// The slots of one party.
struct Block<'a> {
    values: &'a mut [f64],
}

impl<'a> Block<'a> {
    fn of(row: &'a mut Features, entity: Entity) -> Block<'a> {
        let start = OWN.len() + entity.index() * FIELDS;
        Block { values: row.values.get_mut(start..start + FIELDS).unwrap_or_default() }
    }

    /// A whole number: kept as it is, exact to 2^53.
    #[inline]
    fn int(&mut self, field: Field, value: impl Into<f64>) {
        if let Some(slot) = self.values.get_mut(field as usize) {
            *slot = value.into();
        }
    }

    #[inline]
    fn double(&mut self, field: Field, value: Option<f64>) {
        self.int(field, value.map_or(f64::NAN, round));
    }

    fn fill(&mut self, facts: &Facts, profile: &Profile, entity: Entity, fresh: Option<bool>) {
        let now = seconds(facts.at).max(1);
        let sums = profile.log.sums(now);
        self.fill_counts(facts, &sums, fresh);
        self.fill_amounts(facts, &sums);
        self.fill_pace(profile, &sums, now);
        self.fill_history(facts, profile, &sums);
        self.fill_met(facts, profile, entity, now);
        self.fill_labels(profile, &sums, now);
    }

    fn fill_counts(&mut self, facts: &Facts, sums: &[Sums; SPANS.len()], fresh: Option<bool>) {
        let [m10, h1, d1, _, d7, _, _, d30, _] = sums;
        let small = u32::from(facts.is_small());
        for (field, window) in [
            (Field::Count10m, m10),
            (Field::Count1h, h1),
            (Field::Count1d, d1),
            (Field::Count7d, d7),
            (Field::Count30d, d30),
        ] {
            self.int(field, window.attempts.saturating_add(1));
        }
        self.int(Field::Declined10m, m10.declined);
        self.int(Field::Declined1h, h1.declined);
        self.int(Field::Declined1d, d1.declined);
        self.int(Field::Small10m, m10.small.saturating_add(small));
        self.int(Field::Small1h, h1.small.saturating_add(small));
        if let Some(fresh) = fresh.map(u32::from) {
            self.int(Field::Fresh10m, m10.fresh.saturating_add(fresh));
            self.int(Field::Fresh1h, h1.fresh.saturating_add(fresh));
            self.int(Field::Fresh1d, d1.fresh.saturating_add(fresh));
        }
    }

    fn fill_amounts(&mut self, facts: &Facts, sums: &[Sums; SPANS.len()]) {
        let [_, h1, d1, _, d7, _, _, d30, _] = sums;
        let minor = facts.amount.minor;
        let with = |window: &Sums| window.sum.saturating_add(minor) as f64;
        let mean = |window: &Sums| Some(with(window) / (f64::from(window.paid) + 1.0));
        self.int(Field::Sum1h, with(h1));
        self.int(Field::Sum1d, with(d1));
        self.int(Field::Sum7d, with(d7));
        self.int(Field::Sum30d, with(d30));
        self.double(Field::Mean1d, mean(d1));
        self.double(Field::Mean7d, mean(d7));
        self.double(Field::Mean30d, mean(d30));
        self.double(Field::Deviation30d, d30.deviation());
    }

    fn fill_pace(&mut self, profile: &Profile, sums: &[Sums; SPANS.len()], now: u32) {
        let [m10, h1, _, _, _, _, _, d30, _] = sums;
        if profile.first == 0 {
            return;
        }
        let age = now.saturating_sub(profile.first);
        self.double(Field::AgeDays, Some(f64::from(age) / f64::from(DAY)));
        self.double(Field::IdleHours, Some(f64::from(now.saturating_sub(profile.last)) / f64::from(HOUR)));
        // What is usual comes from before the last hour, over a day at least.
        let span = f64::from(age.clamp(DAY, 30 * DAY));
        let usual = f64::from(d30.attempts.saturating_sub(h1.attempts));
        let pace = |recent: &Sums, window: u32| {
            (f64::from(recent.attempts) + 1.0) / (usual * f64::from(window) / span).max(1.0)
        };
        self.double(Field::Pace10m, Some(pace(m10, HOUR / 6)));
        self.double(Field::Pace1h, Some(pace(h1, HOUR)));
        self.double(Field::GapHours, (usual > 0.0).then(|| span / f64::from(HOUR) / usual));
    }

    fn fill_history(&mut self, facts: &Facts, profile: &Profile, sums: &[Sums; SPANS.len()]) {
        let [_, _, _, d3, _, _, d14, _, _] = sums;
        let amount = facts.amount.minor as f64;
        self.int(Field::Total, profile.paid);
        self.double(Field::Mean, profile.mean());
        self.double(Field::Deviation, profile.deviation());
        if profile.paid >= HISTORY_MIN && profile.mean > 0.0 {
            self.double(Field::Ratio, Some(amount / profile.mean));
            self.double(Field::LargestRatio, share(facts.amount.minor, profile.largest));
            // A deviation below a tenth of the mean would make every other amount look extreme.
            let spread = profile.deviation().unwrap_or(0.0).max(profile.mean / 10.0);
            self.double(Field::Zscore, Some((amount - profile.mean) / spread));
        }
        self.int(Field::High3d, d3.high);
        self.int(Field::High14d, d14.high);
        self.double(Field::Peak14d, Some(f64::from(d14.peak)));
    }

    fn fill_met(&mut self, facts: &Facts, profile: &Profile, entity: Entity, now: u32) {
        for &kind in crate::profile::counterparts(entity) {
            let here = facts.key(kind);
            let [h1, d1, d30] =
                profile.distinct(kind, now, here).map(|count| count + u32::from(here.is_some()));
            match kind {
                Entity::Payer => {
                    self.int(Field::Payers1h, h1);
                    self.int(Field::Payers1d, d1);
                    self.int(Field::Payers30d, d30);
                }
                Entity::Card => {
                    self.int(Field::Cards1h, h1);
                    self.int(Field::Cards1d, d1);
                }
                Entity::Device => {
                    self.int(Field::Devices1h, h1);
                    self.int(Field::Devices1d, d1);
                    self.int(Field::Devices30d, d30);
                }
                Entity::Shop => {
                    self.int(Field::Shops1h, h1);
                    self.int(Field::Shops1d, d1);
                }
                Entity::Address | Entity::Terminal => {}
            }
        }
    }

    fn fill_labels(&mut self, profile: &Profile, sums: &[Sums; SPANS.len()], now: u32) {
        let labels = profile.labels_at(now);
        let days = |at: u32| (at > 0).then(|| f64::from(now.saturating_sub(at)) / f64::from(DAY));
        self.int(Field::Frauds, labels.frauds);
        self.double(Field::FraudDays, days(labels.last_fraud));
        self.double(Field::RunDays, days(labels.run_start));
        self.double(Field::GenuineDays, days(labels.last_genuine));
        self.int(Field::RunLength, labels.run_length);
        self.int(Field::GenuineSince, labels.genuine_since);
        let [_, _, _, _, d7, d8, d14, _, d37] = sums;
        for (count, risk, far) in [
            (Field::Labelled1d, Field::Risk1d, d8),
            (Field::Labelled7d, Field::Risk7d, d14),
            (Field::Labelled30d, Field::Risk30d, d37),
        ] {
            let paid = f64::from(far.paid.saturating_sub(d7.paid));
            let frauds = f64::from(far.frauds.saturating_sub(d7.frauds));
            self.int(count, paid);
            // As the book does: no payments, no risk known, which it writes as 0.
            self.double(risk, Some(if paid > 0.0 { frauds / paid } else { 0.0 }));
        }
    }
}

/// A fingerprint of the slots' names and order; stored with each row.
pub fn layout() -> u32 {
    static LAYOUT: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *LAYOUT.get_or_init(|| {
        let names: Vec<&str> = Slot::all().map(|slot| slot.info().name).collect();
        crate::facts::Key::of(&names.join("\n")).0 as u32
    })
}
