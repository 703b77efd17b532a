//! EMVCo merchant-presented payloads (QR Code Specification for Payment Systems, MPM v1.1): build and strict parse.
//!
//! A payload that [`EmvCode::parse`] accepts obeys requirements QR-1 to QR-10 and prints back to the text it was read
//! from (a lower-case CRC is read and printed in upper case). What we build goes through the same parser.
//! Two things are counted differently: lengths are **characters**, the CRC is over **UTF-8 bytes**.
//!
//! No payment is made from this text alone: payee and amount shown to a buyer come from the order (QR-12).
//! Reading order: this file (types, building), `emv/read.rs` (objects and CRC), `emv/rules.rs` (what each may hold).

mod read;
mod rules;

use std::fmt;

use base::{Currency, Money};

pub use read::crc16;

/// Longest text that is read, in bytes: what the largest QR symbol (40-L) can hold.
pub const PAYLOAD_READ_BYTES_MAX: usize = 2_953;
/// Longest payload that is built, in characters: the specification's advice for symbols that phones can read.
pub const PAYLOAD_BUILT_CHARS_MAX: usize = 512;
/// Longest value of one data object, in characters: two digits of length.
pub const VALUE_CHARS_MAX: usize = 99;
/// Longest merchant name (ID 59), in characters.
pub const NAME_CHARS_MAX: usize = 25;
/// Longest merchant city (ID 60), in characters.
pub const CITY_CHARS_MAX: usize = 15;
/// Longest postal code (ID 61), in characters.
pub const POSTAL_CHARS_MAX: usize = 10;
/// Longest amount (ID 54), in characters.
pub const AMOUNT_CHARS_MAX: usize = 13;
/// Longest simple field of the additional data (ID 62), in characters.
pub const LABEL_CHARS_MAX: usize = 25;
/// Longest globally unique identifier that begins a template, in characters.
pub const GUID_CHARS_MAX: usize = 32;
/// The template that carries our code.
pub const PAY_TEMPLATE_ID: u8 = 26;
/// Identifier of our template where the address has no domain that could be turned around (an IP address, a port, a
/// very long name): a UUID without hyphens, as the specification allows.
pub const PAY_GUID: &str = "5d1f6c0a9b7e4e57a2c47be8a3d1f942";

/// Place of an object in a payload: `62`, or `62.05` inside a template.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// ID at the top level.
    pub id: u8,
    /// ID inside the template, when meant.
    pub part: Option<u8>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.id)?;
        self.part.map_or(Ok(()), |part| write!(f, ".{part:02}"))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a payload. `at` counts the characters before the fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmvError {
    /// No characters at all.
    #[error("code is empty")]
    Empty,
    /// Longer than [`PAYLOAD_READ_BYTES_MAX`] when reading, [`PAYLOAD_BUILT_CHARS_MAX`] when building.
    #[error("code is {size} long, the limit is {max}")]
    TooLong {
        /// Size found.
        size: usize,
        /// Size allowed.
        max: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("code is not UTF-8 text after {bytes} bytes")]
    NotText {
        /// Good bytes before the fault.
        bytes: usize,
    },
    /// An ID or a length that is not two ASCII digits, or a text cut in the middle of them.
    #[error("two digits of an ID and two of a length are expected after {at} characters")]
    NotDigits {
        /// Characters before the fault.
        at: usize,
    },
    /// A length of zero.
    #[error("object `{place}` after {at} characters is empty")]
    EmptyValue {
        /// Which object.
        place: Place,
        /// Characters before the object.
        at: usize,
    },
    /// A length past the end of the text or template.
    #[error("object `{place}` after {at} characters is {length} long, but only {left} characters are left")]
    Overrun {
        /// Which object.
        place: Place,
        /// Characters before the object.
        at: usize,
        /// Length it claims.
        length: usize,
        /// Characters that are left.
        left: usize,
    },
    /// The same ID twice at one level.
    #[error("object `{place}` comes a second time after {at} characters")]
    Duplicate {
        /// Which object.
        place: Place,
        /// Characters before the second one.
        at: usize,
    },
    /// A text that does not begin with `000201`.
    #[error("code does not begin with `000201`")]
    NotFirst,
    /// Anything after the CRC, which must be last.
    #[error("the CRC is not last: more text after {at} characters")]
    Trailing {
        /// Characters before the surplus.
        at: usize,
    },
    /// A CRC that is not four hexadecimal digits.
    #[error("the CRC after {at} characters is not four hexadecimal digits")]
    CrcForm {
        /// Characters before the CRC's value.
        at: usize,
    },
    /// A CRC that does not belong to the text.
    #[error("the CRC is `{found:04X}`, the text gives `{computed:04X}`: the code was altered or misread")]
    Crc {
        /// What the text ends with.
        found: u16,
        /// What it should end with.
        computed: u16,
    },
    /// A mandatory object that is absent.
    #[error("object `{place}` is missing")]
    Missing {
        /// Which object.
        place: Place,
    },
    /// No merchant account (IDs 02 to 51).
    #[error("no merchant account: one of the objects `02` to `51` is needed")]
    NoAccount,
    /// A value outside its rule.
    #[error("object `{place}` after {at} characters must be {rule}")]
    Value {
        /// Which object.
        place: Place,
        /// Characters before the object.
        at: usize,
        /// What it must be.
        rule: &'static str,
    },
    /// A convenience fee without its indicator, or an indicator without its fee.
    #[error("objects `55`, `56` and `57` do not fit: {rule}")]
    Tip {
        /// What is expected.
        rule: &'static str,
    },
}

/// Whether the code is for many payments or for one (ID 01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiation {
    /// No ID 01.
    Unstated,
    /// `11`: printed once, used for many payments.
    Static,
    /// `12`: made for one payment.
    Dynamic,
}

/// One data object, in the order it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataObject {
    id: u8,
    at: usize,
    value: String,
    parts: Vec<DataObject>,
}

impl DataObject {
    /// The ID, 0 to 99.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The value as written; of a template its whole text.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The objects inside a template (IDs 26–51, 62, 64, 80–99); empty for others.
    pub fn parts(&self) -> &[DataObject] {
        &self.parts
    }

    /// The value of the object `part` inside this template.
    pub fn find_part(&self, part: u8) -> Option<&str> {
        self.parts.iter().find(|object| object.id == part).map(DataObject::value)
    }
}

/// A payload that keeps all rules. Unknown IDs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmvCode {
    // INVARIANT: all rules hold; the CRC object is not among them.
    objects: Vec<DataObject>,
}

impl EmvCode {
    /// Reads a payload strictly.
    ///
    /// # Errors
    /// The first fault found, with its place; never panics, whatever the bytes.
    pub fn parse(bytes: &[u8]) -> Result<EmvCode, EmvError> {
        let objects = read::read_payload(bytes)?;
        rules::check_all(&objects)?;
        Ok(EmvCode { objects })
    }

    /// All objects apart from the CRC, in their order.
    pub fn objects(&self) -> &[DataObject] {
        &self.objects
    }

    /// The object with this ID.
    pub fn find(&self, id: u8) -> Option<&DataObject> {
        self.objects.iter().find(|object| object.id == id)
    }

    /// Whether the code is for one payment or many.
    pub fn initiation(&self) -> Initiation {
        match self.text(1) {
            "11" => Initiation::Static,
            "12" => Initiation::Dynamic,
            _ => Initiation::Unstated,
        }
    }

    /// Merchant category code, four digits.
    pub fn category(&self) -> &str {
        self.text(52)
    }

    /// ISO 4217 numeric code, three digits: `156` for CNY.
    pub fn currency_numeric(&self) -> &str {
        self.text(53)
    }

    /// The amount as written; `None` when the buyer enters it.
    pub fn amount(&self) -> Option<&str> {
        self.find(54).map(DataObject::value)
    }

    /// The amount in `currency`; `None` when there is none, when the code names another currency, or when it has more
    /// decimals than the currency.
    pub fn amount_in(&self, currency: Currency) -> Option<Money> {
        if self.currency_numeric() != numeric(currency) {
            return None;
        }
        let text = self.amount()?;
        Money::parse_decimal(text.strip_suffix('.').unwrap_or(text), currency).ok()
    }

    /// ISO 3166 country, two upper-case letters.
    pub fn country(&self) -> &str {
        self.text(58)
    }

    /// Merchant name.
    pub fn name(&self) -> &str {
        self.text(59)
    }

    /// Merchant city.
    pub fn city(&self) -> &str {
        self.text(60)
    }

    /// The code token of our own template, if the payload is one of ours for `public_url`.
    pub fn pay_token(&self, public_url: &str) -> Option<&str> {
        let guid = pay_guid(public_url);
        let ours =
            |object: &&DataObject| is_account_template(object.id) && object.find_part(0) == Some(&guid);
        self.objects.iter().find(ours).and_then(|object| object.find_part(1))
    }

    fn text(&self, id: u8) -> &str {
        self.find(id).map_or("", DataObject::value)
    }
}

impl fmt::Display for EmvCode {
    /// The payload with its CRC in upper case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for object in &self.objects {
            write_object(&mut text, object.id, &object.value);
        }
        f.write_str(&sealed(text))
    }
}

/// The merchant's name and city in its own script (ID 64).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalName {
    /// ISO 639 language, two letters: `ZH`.
    pub language: String,
    /// Name, at most [`NAME_CHARS_MAX`] characters.
    pub name: String,
    /// City, at most [`CITY_CHARS_MAX`] characters.
    pub city: Option<String>,
}

/// What a payload of ours is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmvDraft {
    /// For one payment or many.
    pub initiation: Initiation,
    /// Address of this installation, such as `https://pay.example.com`; names our template.
    pub public_url: String,
    /// The code token (see `code_token`).
    pub token: String,
    /// Merchant category code, four digits; `0000` when unknown.
    pub category: String,
    /// Currency of the code.
    pub currency: Currency,
    /// The amount; `None` lets the buyer enter it.
    pub amount: Option<Money>,
    /// ISO 3166 country, two upper-case letters.
    pub country: String,
    /// Merchant name in Latin letters. Cut to [`NAME_CHARS_MAX`] characters.
    pub name: String,
    /// Merchant city in Latin letters. Cut to [`CITY_CHARS_MAX`] characters.
    pub city: String,
    /// Name and city in the merchant's own script.
    pub local: Option<LocalName>,
    /// The shop's order reference (62.05), at most [`LABEL_CHARS_MAX`] characters.
    pub reference: Option<String>,
    /// The terminal (62.07), at most [`LABEL_CHARS_MAX`] characters.
    pub terminal: Option<String>,
}

impl EmvDraft {
    /// Builds the payload; its text is `to_string()`.
    ///
    /// # Errors
    /// [`EmvError::TooLong`] past [`PAYLOAD_BUILT_CHARS_MAX`], and what [`EmvCode::parse`] would say of a bad field.
    pub fn build(&self) -> Result<EmvCode, EmvError> {
        let text = sealed(self.body());
        let size = text.chars().count();
        if size > PAYLOAD_BUILT_CHARS_MAX {
            return Err(EmvError::TooLong { size, max: PAYLOAD_BUILT_CHARS_MAX });
        }
        EmvCode::parse(text.as_bytes())
    }

    fn body(&self) -> String {
        let mut text = String::from("000201");
        match self.initiation {
            Initiation::Unstated => {}
            Initiation::Static => write_object(&mut text, 1, "11"),
            Initiation::Dynamic => write_object(&mut text, 1, "12"),
        }
        let guid = pay_guid(&self.public_url);
        write_template(&mut text, PAY_TEMPLATE_ID, &[(0, Some(&guid)), (1, Some(&self.token))]);
        write_object(&mut text, 52, &self.category);
        write_object(&mut text, 53, &numeric(self.currency));
        if let Some(amount) = &self.amount {
            write_object(&mut text, 54, &amount.decimal());
        }
        write_object(&mut text, 58, &self.country);
        write_object(&mut text, 59, cut(&self.name, NAME_CHARS_MAX));
        write_object(&mut text, 60, cut(&self.city, CITY_CHARS_MAX));
        let labels = [(5, self.reference.as_deref()), (7, self.terminal.as_deref())];
        write_template(&mut text, 62, &labels);
        if let Some(local) = &self.local {
            let name = cut(&local.name, NAME_CHARS_MAX);
            let city = local.city.as_deref().map(|city| cut(city, CITY_CHARS_MAX));
            write_template(&mut text, 64, &[(0, Some(&local.language)), (1, Some(name)), (2, city)]);
        }
        text
    }
}

/// The identifier of our template for an installation: its domain turned around (`com.example.pay`) when the address is
/// plain `https` on a domain name of at most [`GUID_CHARS_MAX`] characters, so that a reader can build
/// `https://{domain}/p/{token}`; else [`PAY_GUID`].
pub fn pay_guid(public_url: &str) -> String {
    let host = public_url.strip_prefix("https://").map_or("", |rest| rest.trim_end_matches('/'));
    let labels: Vec<&str> = host.split('.').collect();
    let named = |label: &&str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let lettered = labels.last().is_some_and(|top| top.chars().any(|c| c.is_ascii_lowercase()));
    if labels.len() < 2 || host.len() > GUID_CHARS_MAX || !lettered || !labels.iter().all(named) {
        return PAY_GUID.to_owned();
    }
    labels.iter().rev().copied().collect::<Vec<_>>().join(".")
}

fn is_account_template(id: u8) -> bool {
    (26..=51).contains(&id)
}

fn is_template(id: u8) -> bool {
    is_account_template(id) || id == 62 || id == 64 || (80..=99).contains(&id)
}

fn numeric(currency: Currency) -> String {
    format!("{:03}", currency.numeric())
}

/// The first `max` characters.
fn cut(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Appends one object. A value past 99 characters gets a three-digit length, which the parser refuses.
fn write_object(text: &mut String, id: u8, value: &str) {
    text.push_str(&format!("{id:02}{:02}{value}", value.chars().count()));
}

/// Appends a template of the parts that are present; nothing when there are none.
fn write_template(text: &mut String, id: u8, parts: &[(u8, Option<&str>)]) {
    let mut inner = String::new();
    for (part, value) in parts.iter().filter_map(|(part, value)| value.map(|value| (*part, value))) {
        write_object(&mut inner, part, value);
    }
    if !inner.is_empty() {
        write_object(text, id, &inner);
    }
}

/// Appends the CRC object.
fn sealed(mut text: String) -> String {
    text.push_str("6304");
    let crc = crc16(text.as_bytes());
    text.push_str(&format!("{crc:04X}"));
    text
}
