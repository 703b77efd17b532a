//! What payments know of a shop beyond its name: where it is, and its terminals.

use audit::Actor;
use base::{ShopId, TerminalId, Timestamp};
use identity::Means;
use risk::{Modes, Place};
use store::Tx;

use crate::record;
use crate::store as rows;
use crate::text::ShortText;

/// Where a shop is, and how it is screened: what each of its payments reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Premises {
    /// IANA name of its time zone, as `Asia/Shanghai`.
    pub zone: String,
    /// Where it is, if known.
    pub place: Option<Place>,
    /// What the shop made of the rules of screening.
    pub modes: Modes,
}

impl Premises {
    /// What is assumed of a shop that has not said: the zone of its country where there is one, else UTC.
    pub fn assumed(country: &str) -> Premises {
        let zone = match country {
            "CN" => "Asia/Shanghai",
            "HK" => "Asia/Hong_Kong",
            "SG" => "Asia/Singapore",
            "JP" => "Asia/Tokyo",
            "GB" => "Europe/London",
            "DE" => "Europe/Berlin",
            "FR" => "Europe/Paris",
            _ => "UTC",
        };
        Premises { zone: zone.to_owned(), place: None, modes: Modes::default() }
    }

    /// The hour (0–23) and weekday (Monday 1) at the shop. UTC when the zone is unknown.
    pub fn local_hour(&self, at: Timestamp) -> (u8, u8) {
        let Ok(instant) = jiff::Timestamp::from_millisecond(at.millis()) else { return (0, 1) };
        let zone = jiff::tz::TimeZone::get(&self.zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let local = instant.to_zoned(zone);
        let hour = u8::try_from(local.hour()).unwrap_or(0);
        (hour, u8::try_from(local.weekday().to_monday_one_offset()).unwrap_or(1))
    }
}

/// Where a shop is, as it said or as is assumed of its country.
///
/// # Errors
/// Those of the store.
pub fn find_premises(tx: &mut Tx<'_>, shop: ShopId, country: &str) -> Result<Premises, store::Error> {
    Ok(rows::find_premises(tx, shop)?.unwrap_or_else(|| Premises::assumed(country)))
}

/// Notes where a shop is.
///
/// # Errors
/// Those of the store.
pub fn set_premises(tx: &mut Tx<'_>, shop: ShopId, premises: &Premises) -> Result<(), store::Error> {
    rows::put_premises(tx, shop, premises)
}

/// A place in a shop where people pay: a till, a table, a door.
#[derive(Clone, Debug, PartialEq)]
pub struct Terminal {
    /// Its id.
    pub id: TerminalId,
    /// What the shop calls it.
    pub name: String,
    /// Where it stands, if not where the shop is.
    pub place: Option<Place>,
    /// When it was set up.
    pub created_at: Timestamp,
}

/// Sets up a terminal.
///
/// # Errors
/// Those of the store.
pub fn create_terminal(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    name: &ShortText,
    place: Option<Place>,
) -> Result<Terminal, store::Error> {
    let id = TerminalId::new(shop, means.now, means.dice);
    let terminal = Terminal { id, name: name.to_string(), place, created_at: means.now };
    rows::insert_terminal(tx, &terminal)?;
    record::note_terminal(tx, means, actor, &terminal)?;
    Ok(terminal)
}
