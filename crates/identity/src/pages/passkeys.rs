//! Adding a passkey.

use askama::Template;
use webkit::page::{Frame, Problems};

/// A new passkey: its name, and a buyer's PIN where nothing stronger is there yet. Template `passkey_new.html`. Fields
/// `label`, `pin`, hidden `credential`.
#[derive(Template)]
#[template(path = "passkey_new.html")]
pub struct PasskeyNewPage {
    /// The frame.
    pub page: Frame,
    /// What was typed as its name.
    pub label_typed: String,
    /// Whether the payment PIN is asked for.
    pub asks_pin: bool,
    /// Whether a device of certain makers is asked for.
    pub asks_maker: bool,
    /// What is wrong with the PIN, as a sentence; empty at the first try.
    pub wrong: String,
    /// What is wrong with `label`, or with the passkey.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Where its script asks for what the device is told.
    pub options_href: String,
    /// Back to the security settings, or to where the person came from.
    pub back_href: String,
}
