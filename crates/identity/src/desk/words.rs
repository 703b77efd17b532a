//! How pages word people, devices, roles and what is wrong with a form.

use base::BuyerId;
use store::Tx;
use vault::Vault;
use webkit::error::ApiError;
use webkit::page::Frame;

use crate::buyers::{BuyerError, find_buyer_person};
use crate::password::PasswordProblem;
use crate::permissions::Role;
use crate::phone::Phone;
use crate::text::TextError;

/// Characters of a first name that are shown.
const NAME_CHARS_SHOWN: usize = 16;

/// A payer's name as others see it, `Li H.`; a dash for one who is erased or not there yet.
///
/// # Errors
/// Those of store and vault.
pub fn payer_name(tx: &mut Tx<'_>, vault: &Vault, buyer: Option<BuyerId>) -> Result<String, ApiError> {
    let Some(buyer) = buyer else { return Ok(String::new()) };
    match find_buyer_person(tx, vault, buyer) {
        Ok(person) => Ok(short_name(person.name.expose())),
        Err(BuyerError::NotFound) => Ok("–".to_owned()),
        Err(error) => Err(error.into()),
    }
}

/// The first word and an initial; of a Chinese name the family name. A number is no name and stays.
pub fn short_name(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first: String = words.next().unwrap_or("–").chars().take(NAME_CHARS_SHOWN).collect();
    let is_han = |c: char| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3134f}');
    let last = words.next_back();
    match (first.chars().next(), last.and_then(|last| last.chars().next())) {
        (Some(head), _) if is_han(head) => format!("{head}*"),
        (Some(_), Some(digit)) if digit.is_ascii_digit() => format!("{first} {}", last.unwrap_or_default()),
        (_, Some(initial)) => format!("{first} {initial}."),
        (Some(head), None) if first.chars().count() > 1 => format!("{head}…"),
        _ => first,
    }
}

/// An address or number as its owner recognises it: `l•••@mail.example`, `•• 42`.
pub(super) fn masked_contact(contact: &str) -> String {
    if let Ok(phone) = Phone::parse(contact) {
        return phone.hint();
    }
    let (local, domain) = contact.split_once('@').unwrap_or((contact, ""));
    let head: String = local.chars().take(1).collect();
    format!("{head}•••@{domain}")
}

/// What a browser says it is, as `Chrome|Android`: stored with the device, worded by [`device_text`].
pub(super) fn device_words(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 7] = [
        ("MicroMessenger", "WeChat"),
        ("AlipayClient", "Alipay"),
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let named = |names: &[(&str, &str)]| {
        let found = names.iter().find(|(mark, _)| agent.contains(mark));
        found.map_or("", |(_, name)| *name).to_owned()
    };
    format!("{}|{}", named(&BROWSERS), named(&SYSTEMS))
}

/// A device's label in words.
pub fn device_text(page: &Frame, label: &str) -> String {
    match label.split_once('|') {
        None => label.to_owned(),
        Some(("", "")) => page.t("device-unknown"),
        Some((one, "") | ("", one)) => one.to_owned(),
        Some((browser, system)) => page.t2("device-on", "browser", browser, "system", system),
    }
}

/// What was wrong with a PIN.
#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    /// Nothing.
    No,
    /// Not six digits.
    NotSixDigits,
    /// Set anew a short while ago.
    Cooling,
    /// Not the right PIN.
    Pin {
        /// How many tries are left.
        left: i64,
    },
}

impl Wrong {
    /// The sentence; empty when nothing was wrong.
    pub fn say(self, page: &Frame) -> String {
        match self {
            Wrong::No => String::new(),
            Wrong::NotSixDigits => page.t("problem-pin"),
            Wrong::Cooling => page.t("problem-pin-cooling"),
            Wrong::Pin { left } => page.t1("pin-wrong", "left", left),
        }
    }
}

/// Why a text was refused, in the visitor's words.
pub fn text_problem(page: &Frame, why: TextError) -> String {
    match why {
        TextError::Empty => page.t("problem-empty"),
        TextError::TooLong { .. } => page.t("problem-long"),
        TextError::Invisible => page.t("problem-characters"),
        TextError::NotEmail => page.t("problem-email"),
        TextError::NotPhone => page.t("problem-phone"),
    }
}

/// Why a password was refused, in the visitor's words.
pub(super) fn password_problem(page: &Frame, why: PasswordProblem) -> String {
    match why {
        PasswordProblem::TooShort { chars_min } => page.t1("problem-password-short", "n", chars_min),
        PasswordProblem::OneKind => page.t("problem-password-kinds"),
        PasswordProblem::TooLong => page.t("problem-password-long"),
        PasswordProblem::Repetitive => page.t("problem-password-repeats"),
        PasswordProblem::Common => page.t("problem-password-common"),
        PasswordProblem::FromContext => page.t("problem-password-context"),
    }
}

/// A role in words.
pub fn role_text(page: &Frame, role: Role) -> String {
    page.t(format!("role-{}", role.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_as_people_do() {
        let pairs = [
            ("Li Hua", "Li H."),
            ("Guest 17", "Guest 17"),
            ("李华", "李*"),
            ("Ana María López", "Ana L."),
            ("Cher", "C…"),
            ("X", "X"),
        ];
        for (name, short) in pairs {
            assert_eq!(short_name(name), short);
        }
    }

    #[test]
    fn devices_are_told_in_two_words() {
        let agent = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36";
        assert_eq!(device_words(agent), "Chrome|Android");
        assert_eq!(device_words("curl/8"), "|");
    }
}
