//! What is known of one payment attempt when it is decided on. Everything but time and amount may be unknown.
//!
//! Identities come in as [`Key`]s (a hash of the caller's own id), countries, currencies and methods as [`Word`]s:
//! no text is copied, compared or hashed on the way to a decision.

use base::{Money, Timestamp};

/// The six parties of a payment that have a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// Who pays: account, customer.
    Payer,
    /// The card or other instrument.
    Card,
    /// The payer's device.
    Device,
    /// The network address the attempt came from.
    Address,
    /// Who is paid.
    Shop,
    /// The terminal or printed code of the shop.
    Terminal,
}

impl Entity {
    /// All six, in the order of their [`Entity::index`].
    pub const ALL: [Entity; 6] =
        [Entity::Payer, Entity::Card, Entity::Device, Entity::Address, Entity::Shop, Entity::Terminal];

    /// Position in [`Entity::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name rules and stored rows use: `payer`, `card`, `device`, `address`, `shop`, `terminal`.
    pub const fn name(self) -> &'static str {
        match self {
            Entity::Payer => "payer",
            Entity::Card => "card",
            Entity::Device => "device",
            Entity::Address => "address",
            Entity::Shop => "shop",
            Entity::Terminal => "terminal",
        }
    }
}

/// A 64-bit stand-in for the caller's id of a party. Profiles remember counterparts by it; it is not a secret hash,
/// so personal data must be blinded before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub u64);

impl Key {
    /// The key of a text id. Equal texts have equal keys, on every machine and in every version.
    pub fn of(id: &str) -> Key {
        Key::of_bytes(id.as_bytes())
    }

    /// The key of a binary id.
    pub fn of_bytes(id: &[u8]) -> Key {
        // INVARIANT: stored profiles hold parts of these values; the function never changes.
        let mut state = mix(id.len() as u64 ^ 0x9E37_79B9_7F4A_7C15);
        for chunk in id.chunks(8) {
            let mut word = [0u8; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            state = mix(state ^ u64::from_le_bytes(word));
        }
        Key(state)
    }
}

/// SplitMix64's output function (Steele, Lea, Flood 2014): every input bit reaches every output bit.
const fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Most characters a [`Word`] holds.
pub const WORD_CHARS_MAX: usize = 8;

/// A short text of one to eight characters out of `A-Z a-z 0-9 _`, packed into 48 bits: a country, currency or method.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word(u64);

impl Word {
    /// Packs a text. `None` when it is empty, longer than [`WORD_CHARS_MAX`] or has other characters.
    pub const fn parse(text: &str) -> Option<Word> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > WORD_CHARS_MAX {
            return None;
        }
        let (mut packed, mut rest) = (0u64, bytes);
        while let Some((byte, tail)) = rest.split_first() {
            let digit = match *byte {
                c @ b'A'..=b'Z' => c - b'A' + 1,
                c @ b'a'..=b'z' => c - b'a' + 27,
                c @ b'0'..=b'9' => c - b'0' + 53,
                b'_' => 63,
                _ => return None,
            };
            packed = (packed << 6) | digit as u64;
            rest = tail;
        }
        Some(Word(packed))
    }

    /// The 48-bit number; exact as `f64`.
    pub const fn packed(self) -> u64 {
        self.0
    }

    /// The word of a 48-bit number. `None` when no text packs to it.
    pub fn from_packed(packed: u64) -> Option<Word> {
        let text = unpack(packed)?;
        Word::parse(&text).filter(|word| word.0 == packed)
    }

    /// The text.
    pub fn text(self) -> String {
        unpack(self.0).unwrap_or_default()
    }
}

fn unpack(packed: u64) -> Option<String> {
    let mut text = String::new();
    for shift in (0..WORD_CHARS_MAX).rev() {
        let digit = u8::try_from((packed >> (6 * shift)) & 63).ok()?;
        match digit {
            0 if text.is_empty() => {}
            0 => return None,
            1..=26 => text.push((digit - 1 + b'A') as char),
            27..=52 => text.push((digit - 27 + b'a') as char),
            53..=62 => text.push((digit - 53 + b'0') as char),
            _ => text.push('_'),
        }
    }
    (packed >> 48 == 0 && !text.is_empty()).then_some(text)
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

/// Farthest from the equator, degrees.
pub const LATITUDE_DEGREES_MAX: f64 = 90.0;
/// Farthest from the meridian of Greenwich, degrees.
pub const LONGITUDE_DEGREES_MAX: f64 = 180.0;

/// A place on earth, to about a kilometre (hundredths of a degree): fine enough to tell impossible travel, too
/// coarse to follow a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    lat_centi: i16,
    lon_centi: i16,
}

impl Place {
    /// From degrees, north and east positive. `None` outside ±90, ±180 or when not a number.
    pub fn new(lat: f64, lon: f64) -> Option<Place> {
        if !(lat.abs() <= LATITUDE_DEGREES_MAX && lon.abs() <= LONGITUDE_DEGREES_MAX) {
            return None;
        }
        // In range after the check: at most ±18,000.
        Some(Place { lat_centi: (lat * 100.0).round() as i16, lon_centi: (lon * 100.0).round() as i16 })
    }

    /// Degrees, north and east positive: what [`Place::new`] reads.
    pub fn degrees(self) -> (f64, f64) {
        (f64::from(self.lat_centi) / 100.0, f64::from(self.lon_centi) / 100.0)
    }

    /// Hundredths of a degree, latitude and longitude, as stored.
    pub const fn centi(self) -> (i16, i16) {
        (self.lat_centi, self.lon_centi)
    }

    /// From hundredths of a degree. `None` out of range.
    pub fn from_centi(lat: i16, lon: i16) -> Option<Place> {
        (lat.unsigned_abs() <= 9_000 && lon.unsigned_abs() <= 18_000)
            .then_some(Place { lat_centi: lat, lon_centi: lon })
    }

    /// Great-circle distance in kilometres on a sphere of radius 6,371 km (haversine formula).
    pub fn km_to(self, other: Place) -> f64 {
        if self == other {
            return 0.0;
        }
        let rad = |centi: i16| (f64::from(centi) / 100.0).to_radians();
        let (a, b) = (rad(self.lat_centi), rad(other.lat_centi));
        let half_lat = ((b - a) / 2.0).sin();
        let half_lon = ((rad(other.lon_centi) - rad(self.lon_centi)) / 2.0).sin();
        let h = half_lat * half_lat + a.cos() * b.cos() * half_lon * half_lon;
        2.0 * 6_371.0 * h.sqrt().clamp(0.0, 1.0).asin()
    }
}

/// What kind of code the payer scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CodeKind {
    /// No code: a link, an API call, a card terminal.
    #[default]
    None,
    /// A printed code; the payer types the amount.
    Static,
    /// A code for one order and one amount.
    Dynamic,
}

impl CodeKind {
    /// The word rules compare with: `none`, `static`, `dynamic`.
    pub const fn name(self) -> &'static str {
        match self {
            CodeKind::None => "none",
            CodeKind::Static => "static",
            CodeKind::Dynamic => "dynamic",
        }
    }
}

/// Amounts at or below this count as small: what card testers try (5.00 in a currency with two decimals).
pub const SMALL_AMOUNT_MINOR: i64 = 500;

/// Everything known of one payment attempt. `None` means unknown, never zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// When it is decided on.
    pub at: Timestamp,
    /// Amount and currency.
    pub amount: Money,
    /// The parties, by [`Entity::index`]; see [`Facts::with`].
    pub parties: [Option<Key>; 6],
    /// Hour of the day where the shop is, 0–23.
    pub hour: Option<u8>,
    /// Day of the week where the shop is, Monday 1 – Sunday 7.
    pub weekday: Option<u8>,
    /// Way of paying, such as `balance` or `card`.
    pub method: Option<Word>,
    /// Kind of code that was scanned.
    pub code: Option<CodeKind>,
    /// Minutes since the code was made or last printed.
    pub code_age_minutes: Option<f64>,
    /// Where the payer's device is.
    pub payer_place: Option<Place>,
    /// Where the code or terminal stands.
    pub code_place: Option<Place>,
    /// Country (ISO 3166-1 alpha-2) of the payer's account. Where it is unknown, that of the address the payer paid from last
    /// stands in its place.
    pub payer_country: Option<Word>,
    /// Country that issued the card.
    pub card_country: Option<Word>,
    /// Country of the network address.
    pub address_country: Option<Word>,
    /// Country of the shop.
    pub shop_country: Option<Word>,
    /// Days since the payer's account was opened.
    pub payer_account_days: Option<f64>,
    /// Days since the shop was opened.
    pub shop_account_days: Option<f64>,
    /// Days since this device first signed in for this payer.
    pub device_age_days: Option<f64>,
    /// Minutes since the present session began.
    pub session_age_minutes: Option<f64>,
    /// Wrong PINs of this payer in the last 24 hours.
    pub failed_pins: Option<u32>,
    /// Hours since the payer's e-mail or phone was last changed.
    pub contact_changed_hours: Option<f64>,
    /// Hours since the payer's PIN, password or passkey was last changed or reset.
    pub credential_changed_hours: Option<f64>,
    /// The payer's balance before this payment, minor units of the same currency.
    pub balance_minor: Option<i64>,
    /// What the payer topped up in the last 24 hours, minor units.
    pub topped_up_1d_minor: Option<i64>,
    /// What this shop refunded to this payer in the last 24 hours, minor units.
    pub refunded_1d_minor: Option<i64>,
}

impl Facts {
    /// An attempt of which only time and amount are known.
    pub fn new(at: Timestamp, amount: Money) -> Facts {
        Facts {
            at,
            amount,
            parties: [None; 6],
            hour: None,
            weekday: None,
            method: None,
            code: None,
            code_age_minutes: None,
            payer_place: None,
            code_place: None,
            payer_country: None,
            card_country: None,
            address_country: None,
            shop_country: None,
            payer_account_days: None,
            shop_account_days: None,
            device_age_days: None,
            session_age_minutes: None,
            failed_pins: None,
            contact_changed_hours: None,
            credential_changed_hours: None,
            balance_minor: None,
            topped_up_1d_minor: None,
            refunded_1d_minor: None,
        }
    }

    /// The same with one party known.
    pub fn with(mut self, entity: Entity, key: Key) -> Facts {
        self.set(entity, Some(key));
        self
    }

    /// Sets or clears one party.
    pub fn set(&mut self, entity: Entity, key: Option<Key>) {
        if let Some(slot) = self.parties.get_mut(entity.index()) {
            *slot = key;
        }
    }

    /// The key of one party, where known.
    pub fn key(&self, entity: Entity) -> Option<Key> {
        self.parties.get(entity.index()).copied().flatten()
    }

    /// Whether the amount is one card testers try: at most [`SMALL_AMOUNT_MINOR`].
    pub fn is_small(&self) -> bool {
        self.amount.minor <= SMALL_AMOUNT_MINOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_pack_and_unpack() {
        for text in ["CN", "CNY", "balance", "dynamic", "a", "________", "Az09_z"] {
            let word = Word::parse(text).unwrap();
            assert_eq!(word.text(), text);
            assert_eq!(Word::from_packed(word.packed()), Some(word));
            assert_eq!(word.packed() as f64 as u64, word.packed());
        }
        for bad in ["", "ninechars", "a-b", "中"] {
            assert_eq!(Word::parse(bad), None, "{bad}");
        }
        assert_eq!(Word::from_packed(0), None);
        assert_eq!(Word::from_packed(1 << 48), None);
        assert_eq!(Word::from_packed(1 << 6), None);
    }

    #[test]
    fn keys_are_stable_and_differ_by_length() {
        assert_eq!(Key::of("abc"), Key::of_bytes(b"abc"));
        assert_ne!(Key::of("abc"), Key::of("abc\0"));
        assert_ne!(Key::of(""), Key::of("\0"));
        assert_eq!(Key::of("buy_1").0, 15_701_596_118_124_145_944);
    }

    #[test]
    fn distances_are_great_circles() {
        let place = |lat, lon| Place::new(lat, lon).unwrap();
        let km = place(31.23, 121.47).km_to(place(39.90, 116.40));
        assert!((km - 1_067.0).abs() < 8.0, "Shanghai to Beijing is about 1,067 km, got {km}");
        assert_eq!(place(1.0, 1.0).km_to(place(1.0, 1.0)), 0.0);
        assert!((place(0.0, 180.0).km_to(place(0.0, -180.0))) < 0.001);
        assert!((place(90.0, 0.0).km_to(place(-90.0, 0.0)) - 20_015.0).abs() < 1.0);
        assert_eq!(place(-90.0, 180.0).degrees(), (-90.0, 180.0));
        assert_eq!(place(31.2349, -121.4751).degrees(), (31.23, -121.48), "to about a kilometre");
        for (lat, lon) in [(90.01, 0.0), (0.0, 180.01), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Place::new(lat, lon), None);
        }
    }
}
