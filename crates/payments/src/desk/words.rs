//! How pages word what the domain knows: states, people, devices, shops.

use base::{Money, Timestamp};
use identity::Shop;
use store::Tx;
use webkit::error::ApiError;
use webkit::page::Zone;

use crate::pages::shown::{OutcomeShown, PaymentShown};
use crate::payment::{Payment, State};
pub(super) use crate::routes::read::risk_lang;
use crate::shop::find_premises;

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
