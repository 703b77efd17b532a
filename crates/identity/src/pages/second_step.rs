//! The second step of a sign-in, and setting up what it is taken with.

use askama::Template;
use webkit::page::form::Choice;
use webkit::page::{Frame, Html, Problems};

/// Asks for a code of the second factor. Template `second_step.html`. Fields `code`, `kind`, `request`; `remember` (`1`)
/// for a buyer who signs in.
#[derive(Template)]
#[template(path = "second_step.html")]
pub struct SecondStepPage {
    /// The frame, without desk.
    pub page: Frame,
    /// What is asked for: `totp`, `sms`, `recovery`, `passkey`, or `contact`.
    pub kind: String,
    /// Other ways: the address of the page that asks for each, and its name.
    pub others: Vec<Choice>,
    /// Whether somebody who is signed in gives it again.
    pub is_again: bool,
    /// Whether it is a buyer.
    pub is_buyer: bool,
    /// Which sent code is answered; empty before one was sent.
    pub request: String,
    /// What is wrong with `code`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Where "send me a code" posts to.
    pub send_href: String,
    /// Where the sign-in begins.
    pub begin_href: String,
    /// Where the form of a passkey posts to, and with `/options` behind it asks.
    pub passkey_href: String,
    /// Its hidden field `next`.
    pub passkey_next: String,
}

/// The ways to set up a second factor. Template `enrol.html`. Field `number`.
#[derive(Template)]
#[template(path = "enrol.html")]
pub struct EnrolPage {
    /// The frame, without desk.
    pub page: Frame,
    /// Whether the person has none yet.
    pub is_first: bool,
    /// Whether it is a buyer.
    pub is_buyer: bool,
    /// What is wrong with `number`.
    pub problems: Problems,
    /// Where a passkey is added; empty where it cannot be yet.
    pub passkey_href: String,
    /// Where "use an app" posts to.
    pub app_href: String,
    /// Where a number posts to; empty where no text messages are sent.
    pub phone_href: String,
    /// Where "new recovery codes" posts to; empty for the first factor.
    pub codes_href: String,
    /// Where to go on without.
    pub next_href: String,
}

/// The key of an authenticator app, and the field for its first code. Template `enrol_app.html`. Fields `code`, `factor`.
#[derive(Template)]
#[template(path = "enrol_app.html")]
pub struct EnrolAppPage {
    /// The frame, without desk.
    pub page: Frame,
    /// The address as a QR code.
    pub qr: Html,
    /// The key in groups of four.
    pub key: String,
    /// The address, for an app on the same device.
    pub uri: String,
    /// The factor.
    pub factor: String,
    /// What is wrong with `code`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Back to the ways.
    pub back_href: String,
}

/// The field for the code that came to a number. Template `enrol_phone.html`. Fields `code`, `factor`, `request`.
#[derive(Template)]
#[template(path = "enrol_phone.html")]
pub struct EnrolPhonePage {
    /// The frame, without desk.
    pub page: Frame,
    /// The factor.
    pub factor: String,
    /// Which sent code is answered.
    pub request: String,
    /// What is wrong with `code`.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
    /// Back to the ways.
    pub back_href: String,
}

/// Recovery codes, shown once. Template `recovery_codes.html`.
#[derive(Template)]
#[template(path = "recovery_codes.html")]
pub struct RecoveryCodesPage {
    /// The frame, without desk.
    pub page: Frame,
    /// The codes.
    pub codes: Vec<String>,
    /// Where to go on.
    pub next_href: String,
}
