//! How pages word what the domain knows: states, people, devices, shops.

use base::{BuyerId, Money, Timestamp};
use identity::Shop;
use store::Tx;
use vault::Vault;
use webkit::error::ApiError;
use webkit::page::{Frame, Lang, Zone};

use crate::pages::shown::{OutcomeShown, PaymentShown};
use crate::payment::{Payment, State};
use crate::shop::find_premises;

/// Characters of a first name that are shown.
const NAME_CHARS_SHOWN: usize = 16;

/// The state of a payment as pages show it.
pub(super) fn shown(state: State) -> PaymentShown {
    match state {
        State::Waiting => PaymentShown::Created,
        State::Paused => PaymentShown::Challenged,
        State::InReview => PaymentShown::Review,
        State::Paid => PaymentShown::Paid,
        State::PartlyRefunded => PaymentShown::PartRefunded,
        State::Refunded => PaymentShown::Refunded,
        State::Declined => PaymentShown::Declined,
        State::Expired => PaymentShown::Expired,
        State::Cancelled => PaymentShown::Cancelled,
    }
}

/// The state behind a slug of [`PaymentShown`].
pub(super) fn state_of_slug(slug: &str) -> Option<State> {
    State::ALL.into_iter().find(|state| shown(*state).slug() == slug)
}

/// An outcome of screening as pages show it.
pub(super) fn shown_outcome(outcome: risk::Outcome) -> OutcomeShown {
    match outcome {
        risk::Outcome::Allow => OutcomeShown::Allow,
        risk::Outcome::Challenge => OutcomeShown::Challenge,
        risk::Outcome::Review => OutcomeShown::Review,
        risk::Outcome::Block => OutcomeShown::Block,
    }
}

/// The language in which screening explains itself.
pub(super) fn risk_lang(lang: Lang) -> risk::Lang {
    match lang {
        Lang::En => risk::Lang::En,
        Lang::Zh => risk::Lang::Zh,
    }
}

/// Who is paid, and where that is.
pub(super) struct Payee {
    pub shop: Shop,
    pub zone: Zone,
}

/// The shop behind a payment or code.
///
/// # Errors
/// 404 when there is none.
pub(super) fn find_payee(tx: &mut Tx<'_>, id: base::ShopId) -> Result<Payee, ApiError> {
    let shop = identity::find_shop(tx, id)?.ok_or_else(|| ApiError::not_found("shop does not exist"))?;
    let premises = find_premises(tx, id, &shop.country)?;
    Ok(Payee { shop, zone: Zone::named(&premises.zone) })
}

/// The name of the till of a payment; empty when there is none.
///
/// # Errors
/// Those of the store.
pub(super) fn till_name(tx: &mut Tx<'_>, payment: &Payment) -> Result<String, ApiError> {
    let terminal = payment.terminal.map_or(Ok(None), |id| crate::store::find_terminal(tx, id))?;
    Ok(terminal.map_or_else(String::new, |terminal| terminal.name))
}

/// A payer's name as others see it, `Li H.`; a dash for one who is erased or not there yet.
///
/// # Errors
/// Those of store and vault.
pub(super) fn payer_name(tx: &mut Tx<'_>, vault: &Vault, buyer: Option<BuyerId>) -> Result<String, ApiError> {
    let Some(buyer) = buyer else { return Ok(String::new()) };
    match identity::find_buyer_person(tx, vault, buyer) {
        Ok(person) => Ok(short_name(person.name.expose())),
        Err(identity::BuyerError::NotFound) => Ok("–".to_owned()),
        Err(error) => Err(error.into()),
    }
}

/// The first word and an initial; of a Chinese name the family name. A number is no name and stays.
pub(super) fn short_name(name: &str) -> String {
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

/// An address as its owner recognises it: `l•••@mail.example`.
pub(super) fn masked_contact(contact: &str) -> String {
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
pub(super) fn device_text(page: &Frame, label: &str) -> String {
    match label.split_once('|') {
        None => label.to_owned(),
        Some(("", "")) => page.t("device-unknown"),
        Some((one, "") | ("", one)) => one.to_owned(),
        Some((browser, system)) => page.t2("device-on", "browser", browser, "system", system),
    }
}

/// When a payment reached the state it is in.
pub(super) fn reached_at(payment: &Payment, state: State) -> Timestamp {
    match state {
        State::Expired => payment.expires_at,
        State::Waiting => payment.created_at,
        State::Paused | State::InReview => payment.confirmed_at.unwrap_or(payment.created_at),
        _ => payment.settled_at.or(payment.confirmed_at).unwrap_or(payment.created_at),
    }
}

/// An amount as typed: digits with a point, thousands perhaps set apart.
pub(super) fn typed_amount(text: &str, currency: base::Currency) -> Option<Money> {
    let plain: String = text.trim().chars().filter(|c| !matches!(c, ',' | ' ' | '\u{a0}')).collect();
    let grouped = text.contains(',');
    let fits = !grouped || text.trim().split('.').next().is_some_and(is_grouped);
    let money = Money::parse_decimal(&plain, currency).ok().filter(|_| fits)?;
    Money::payable(money.minor, money.currency).ok()
}

/// `1,280`: groups of three after the first, so that `1,28` is not read as 128.
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)
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

    #[test]
    fn amounts_are_read_as_typed_and_never_guessed() {
        let read = |text: &str| typed_amount(text, base::Currency::CNY).map(|money| money.minor);
        assert_eq!(read(" 12.5 "), Some(1_250));
        assert_eq!(read("1,280.00"), Some(128_000));
        for bad in ["", "0", "-1", "1,28", "12,5", "1.234", "abc", "1e3", "1,2,3", "99999999999999999999"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_state_has_its_own_slug() {
        for state in State::ALL {
            assert_eq!(state_of_slug(shown(state).slug()), Some(state));
        }
    }
}
