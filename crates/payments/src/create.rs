//! Making payments, and taking them back before they are paid.

use base::{CodeId, Currency, Money, OrderId, PaymentId, ScopedId, ShopId, TerminalId, Timestamp};
use identity::Means;
use store::Tx;

use crate::limits::{CODE_SECONDS_DEFAULT, CODE_SECONDS_MAX, CODE_SECONDS_MIN};
use crate::payment::{Origin, Payment, State};
use crate::record::{self, Deed};
use crate::screening::Origination;
use crate::store as rows;
use crate::text::ShortText;

/// What making a payment takes, checked.
#[derive(Clone, Debug)]
pub struct NewPayment {
    amount: Option<Money>,
    order: Option<OrderId>,
    reference: Option<ShortText>,
    description: Option<ShortText>,
    terminal: Option<TerminalId>,
    life_seconds: i64,
}

/// What a payment is for: an order kept here, or an amount with what the shop says of it.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// An order kept here; its amount counts.
    Order(OrderId),
    /// An amount.
    Amount {
        /// How much.
        amount: Money,
        /// The shop's own reference.
        reference: Option<ShortText>,
        /// What is bought.
        description: Option<ShortText>,
    },
}

impl NewPayment {
    /// A payment for `purpose`, at a terminal if one is named, that can be paid for `life_seconds`.
    ///
    /// # Errors
    /// [`CreateError::Life`].
    pub fn new(
        purpose: Purpose,
        terminal: Option<TerminalId>,
        life_seconds: Option<i64>,
    ) -> Result<NewPayment, CreateError> {
        let life_seconds = life_seconds.unwrap_or(CODE_SECONDS_DEFAULT);
        if !(CODE_SECONDS_MIN..=CODE_SECONDS_MAX).contains(&life_seconds) {
            return Err(CreateError::Life);
        }
        let (amount, order, reference, description) = match purpose {
            Purpose::Order(order) => (None, Some(order), None, None),
            Purpose::Amount { amount, reference, description } => {
                (Some(amount), None, reference, description)
            }
        };
        Ok(NewPayment { amount, order, reference, description, terminal, life_seconds })
    }

    /// The same at this terminal.
    ///
    /// # Errors
    /// [`CreateError::NoTerminal`] when it names another one.
    pub fn at(self, terminal: TerminalId) -> Result<NewPayment, CreateError> {
        match self.terminal {
            Some(other) if other != terminal => Err(CreateError::NoTerminal),
            _ => Ok(NewPayment { terminal: Some(terminal), ..self }),
        }
    }
}

/// Why a payment was not made, or not taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The life is out of range.
    #[error("expires_in_seconds must be {CODE_SECONDS_MIN} to {CODE_SECONDS_MAX}")]
    Life,
    /// The shop has no such order.
    #[error("order does not exist")]
    NoOrder,
    /// The order is paid.
    #[error("order was paid already by `{0}`")]
    OrderPaid(PaymentId),
    /// The shop has no such terminal.
    #[error("terminal does not exist")]
    NoTerminal,
    /// The shop has no such payment.
    #[error("payment does not exist")]
    NoPayment,
    /// It is past being taken back.
    #[error("payment is {}, only one that is waiting can be cancelled", .0.name())]
    NotWaiting(State),
    /// No such printed code.
    #[error("code is not known; ask the shop for a new one")]
    NoCode,
    /// The shop took the printed code back.
    #[error("code is no longer valid; ask the shop for a new one")]
    CodeRevoked,
    /// The printed code takes another currency.
    #[error("must be {0}, the currency of the code")]
    CodeCurrency(Currency),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Makes a payment that waits to be scanned and confirmed.
///
/// # Errors
/// [`CreateError`].
pub fn create_payment(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    shop: ShopId,
    new: &NewPayment,
) -> Result<Payment, CreateError> {
    let mut payment = blank(PaymentId::new(shop, means.now, means.dice), means.now, new.life_seconds);
    if let Some(terminal) = new.terminal {
        check_terminal(tx, shop, terminal)?;
        payment.terminal = Some(terminal);
    }
    if let Some(id) = new.order {
        let order = if id.shop() == shop { rows::find_order(tx, id)? } else { None };
        let order = order.ok_or(CreateError::NoOrder)?;
        if let Some(paid_by) = order.payment {
            return Err(CreateError::OrderPaid(paid_by));
        }
        payment.amount = order.amount;
        payment.order = Some(id);
        payment.reference = order.reference;
        payment.description = order.description;
    }
    if let Some(amount) = new.amount {
        payment.amount = amount;
        payment.reference = new.reference.as_ref().map(ToString::to_string);
        payment.description = new.description.as_ref().map(ToString::to_string);
    }
    rows::insert_payment(tx, &payment)?;
    Ok(payment)
}

/// Makes the payment of a buyer who scanned a printed code and typed an amount, and perhaps what it is for.
///
/// # Errors
/// [`CreateError::NoCode`], [`CreateError::CodeRevoked`], [`CreateError::CodeCurrency`], or the store's.
pub fn create_payment_from_code(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    code: CodeId,
    amount: Money,
    note: Option<&ShortText>,
) -> Result<Payment, CreateError> {
    let code = rows::find_code(tx, code)?.ok_or(CreateError::NoCode)?;
    if code.revoked_at.is_some() {
        return Err(CreateError::CodeRevoked);
    }
    if code.currency != amount.currency {
        return Err(CreateError::CodeCurrency(code.currency));
    }
    let id = PaymentId::new(code.id.shop(), means.now, means.dice);
    let payment = Payment {
        amount,
        terminal: code.terminal,
        description: note.map(ToString::to_string),
        origin: Origin::Static(code.id),
        scanned_at: Some(means.now),
        ..blank(id, means.now, CODE_SECONDS_DEFAULT)
    };
    rows::insert_payment(tx, &payment)?;
    Ok(payment)
}

/// Takes back a payment that waits.
///
/// # Errors
/// [`CreateError::NoPayment`], [`CreateError::NotWaiting`], or the store's.
pub fn cancel_payment(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    actor: &audit::Actor,
    id: PaymentId,
    from: &Origination,
) -> Result<Payment, CreateError> {
    let payment = rows::find_payment(tx, id)?.ok_or(CreateError::NoPayment)?;
    let state = payment.state_at(means.now);
    if state != State::Waiting {
        return Err(CreateError::NotWaiting(state));
    }
    let mut payment = Payment { stored_state: State::Cancelled, settled_at: Some(means.now), ..payment };
    payment.entry = Some(record::note(tx, means, actor, Deed::Cancel, &payment, from)?.entry_id);
    rows::update_payment(tx, &payment)?;
    Ok(payment)
}

fn check_terminal(tx: &mut Tx<'_>, shop: ShopId, terminal: TerminalId) -> Result<(), CreateError> {
    let known = terminal.shop() == shop && rows::find_terminal(tx, terminal)?.is_some();
    if known { Ok(()) } else { Err(CreateError::NoTerminal) }
}

fn blank(id: PaymentId, now: Timestamp, life_seconds: i64) -> Payment {
    Payment {
        id,
        amount: Money::new(0, base::Currency::CNY),
        refunded_minor: 0,
        refunds: 0,
        stored_state: State::Waiting,
        decline: None,
        order: None,
        reference: None,
        description: None,
        terminal: None,
        origin: Origin::Dynamic,
        buyer: None,
        device: None,
        confirmation: None,
        decision: None,
        entry: None,
        created_at: now,
        scanned_at: None,
        confirmed_at: None,
        settled_at: None,
        expires_at: now.plus_seconds(life_seconds),
    }
}
