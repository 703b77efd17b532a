//! Ids, currencies and decimal amounts as a person or a program may type them.

use base::{Currency, Money, PaymentId, ShopId};

/// An id that is read is written again alike.
pub fn ids(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(id) = text.parse::<PaymentId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(id) = text.parse::<ShopId>() {
        assert_eq!(id.to_string(), text);
    }
}

/// An amount that is read means the same when it is written and read again.
pub fn money(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (code, amount) = text.split_once(' ').unwrap_or(("CNY", text));
    let Ok(currency) = code.parse::<Currency>() else { return };
    if let Ok(money) = Money::parse_decimal(amount, currency) {
        assert_eq!(Money::parse_decimal(&money.decimal(), currency), Ok(money));
    }
}
