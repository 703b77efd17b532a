//! Entry points for a fuzzer: every reader of the vault that takes bytes from outside. None panics or ends the process;
//! what is read prints as it was.

use base::ShopId;

use crate::keyfile::{parse_text, print_text};
use crate::keys::KEY_BYTES;
use crate::seal::{DataKey, Place};
use crate::shares::Share;

/// The line of a custodian's share.
pub fn share(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(share) = Share::parse(text)
    {
        assert!(share.print().expose() == text.trim(), "a share prints as it was read");
    }
}

/// The text of a key file.
pub fn key_file(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(key) = parse_text(text)
    {
        assert!(*print_text(&key) == text, "a key file prints as it was read");
    }
}

/// Sealed bytes of a row somebody edited.
pub fn sealed(data: &[u8]) {
    let key = DataKey::new(ShopId::HOUSE, "fuzz", 1, &zeroize::Zeroizing::new([7; KEY_BYTES]));
    let place = Place { table: "t", column: "c", row: "r" };
    assert!(key.open_bytes(&place, data).is_err() || data.len() > 32, "nothing short opens");
}
