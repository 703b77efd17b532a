//! Where a shop and its terminals are: what screening measures a payer's distance from.
//!
//! Promises: whoever looks after the shop or its terminals sets it, it is kept to about a kilometre, and each change is in
//! the log. A terminal without a place of its own stands where the shop is.

use base::{ScopedId, ShopId, TerminalId};
use identity::{Actor, Denied, Means, Permission};
use risk::Place;
use store::Tx;

use crate::record;
use crate::shop::{Premises, Terminal, find_premises};
use crate::store as rows;

/// Why a place was not set. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The shop is not there.
    #[error("shop does not exist")]
    NoShop,
    /// The shop has no such terminal.
    #[error("terminal does not exist")]
    NoTerminal,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(#[from] identity::Fault),
}

impl From<store::Error> for PlaceError {
    fn from(error: store::Error) -> PlaceError {
        PlaceError::Fault(error.into())
    }
}

/// Sets where the shop is; `None` when it is not to be known.
///
/// # Errors
/// [`PlaceError::Denied`], [`PlaceError::NoShop`], or the store's.
pub fn set_shop_place(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    shop: ShopId,
    place: Option<Place>,
) -> Result<Premises, PlaceError> {
    actor.allow(Permission::ManageShop, shop)?;
    let country = identity::find_shop(tx, shop)?.ok_or(PlaceError::NoShop)?.country;
    let premises = Premises { place, ..find_premises(tx, shop, &country)? };
    rows::put_premises(tx, shop, &premises)?;
    record::note_place(tx, means, &actor.into(), (shop, shop.into()), place)?;
    Ok(premises)
}

/// Sets where a terminal stands; `None` for where the shop is.
///
/// # Errors
/// [`PlaceError::Denied`], [`PlaceError::NoTerminal`], or the store's.
pub fn set_terminal_place(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &Actor,
    id: TerminalId,
    place: Option<Place>,
) -> Result<Terminal, PlaceError> {
    actor.allow(Permission::ManageTerminals, id.shop())?;
    let known = rows::find_terminal(tx, id)?.ok_or(PlaceError::NoTerminal)?;
    let terminal = Terminal { place, ..known };
    rows::update_terminal(tx, &terminal)?;
    record::note_place(tx, means, &actor.into(), (id.shop(), id.into()), place)?;
    Ok(terminal)
}

/// Why degrees are no place, as a sentence for whoever sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DegreesError {
    /// One of the two is missing.
    #[error("send `latitude` and `longitude`, or neither")]
    Half,
    /// Off the earth.
    #[error("latitude must be within ±90 and longitude within ±180 degrees")]
    Range,
}

/// A place from degrees north and east, or none.
///
/// # Errors
/// [`DegreesError`].
pub fn parse_degrees(north: Option<f64>, east: Option<f64>) -> Result<Option<Place>, DegreesError> {
    match (north, east) {
        (None, None) => Ok(None),
        (Some(north), Some(east)) => Place::new(north, east).map(Some).ok_or(DegreesError::Range),
        _ => Err(DegreesError::Half),
    }
}

/// A place as pages send it: degrees north and east as decimals, such as `31.23` and `121.47`; both empty for none.
///
/// # Errors
/// [`DegreesError`]; what is no decimal is [`DegreesError::Range`].
pub fn parse_typed(north: &str, east: &str) -> Result<Option<Place>, DegreesError> {
    let read = |text: &str| match text.trim() {
        "" => Ok(None),
        text if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+')) => {
            text.parse::<f64>().map(Some).map_err(|_| DegreesError::Range)
        }
        _ => Err(DegreesError::Range),
    };
    parse_degrees(read(north)?, read(east)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_read_up_to_the_poles_and_the_date_line_and_no_further() {
        let read = |north, east| parse_typed(north, east).map(|place| place.map(Place::centi));
        assert_eq!(read("31.2304", " 121.4737 "), Ok(Some((3_123, 12_147))));
        assert_eq!(read("-90", "+180.00"), Ok(Some((-9_000, 18_000))));
        assert_eq!((read("", " "), read("1", "")), (Ok(None), Err(DegreesError::Half)));
        for (north, east) in [
            ("90.01", "0"),
            ("0", "-180.01"),
            ("x", "1"),
            ("1e1", "1"),
            ("inf", "0"),
            ("NaN", "0"),
            ("1,5", "2"),
        ] {
            assert_eq!(read(north, east), Err(DegreesError::Range), "{north} {east}");
        }
        assert_eq!(parse_degrees(Some(f64::NAN), Some(0.0)), Err(DegreesError::Range));
        assert_eq!(parse_degrees(None, Some(0.0)), Err(DegreesError::Half));
    }
}
