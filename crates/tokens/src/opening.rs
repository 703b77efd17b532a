//! Opening a value: who, what for, with which reason; counted, limited, logged, and kept for the person it is about.
//!
//! A person needs the permission with a second factor of the last five minutes; a machine needs an API key whose role is
//! `detokenise`, which signs each request (C05: the signature with a sealed secret stands where a person's second factor
//! does, and the role is given to no other use). Both name a purpose from a list and a reason, such as a ticket.
//!
//! The reason is sealed with the subject's own data key: it may name people, and it goes when they are erased.

use ::store::Tx;
use base::{CustomerId, OpeningId, Secret, ShopId, Timestamp, TokenId};
use identity::{Fault, Means};
use vault::{DataKey, Place};

use crate::card::{Expiry, Shown};
use crate::customer::{self, CustomerError};
use crate::export::What;
use crate::legible::{find_key, legible};
use crate::limits::{LIST_MAX, REASON_CHARS_MAX, REASON_CHARS_MIN, VALUES_MAX};
use crate::record::{self, By, Event, note, takes_faults};
use crate::store::customers as customer_rows;
use crate::store::exports as export_rows;
use crate::store::openings::{self as rows, OpeningRow};
use crate::token::{self, State, Token, TokenError};
use crate::values::{Kind, Value, clean};
use crate::watch::{self, Admission};

pub(crate) const TABLE: &str = "openings";

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What a value is opened for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Purpose { $($(#[$doc])* $name),* }

        impl Purpose {
            /// Every purpose.
            pub const ALL: &'static [Purpose] = &[$(Purpose::$name),*];

            /// Its name in the API, the database and the audit log.
            pub fn name(self) -> &'static str {
                match self { $(Purpose::$name => $text),* }
            }
        }
    };
}

purposes! {
    /// To charge or refund a card at a processor.
    ProcessPayment = "process_payment";
    /// To pay somebody out.
    PayOut = "pay_out";
    /// To answer a customer who asked.
    AnswerCustomer = "answer_customer";
    /// To look into a payment that may be fraud.
    CheckFraud = "check_fraud";
    /// To answer a dispute.
    HandleDispute = "handle_dispute";
    /// To correct data.
    CorrectData = "correct_data";
    /// Because the law asks for it.
    LegalDuty = "legal_duty";
    /// To move to another system.
    Migrate = "migrate";
}

impl Purpose {
    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Purpose> {
        Purpose::ALL.iter().copied().find(|purpose| purpose.name() == name)
    }
}

/// Why somebody opens, checked.
#[derive(Clone, Debug)]
pub struct Why {
    purpose: Purpose,
    reason: Secret<String>,
}

/// Why a purpose or reason was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyProblem {
    /// Not in the list.
    #[error(
        "must be one of `process_payment`, `pay_out`, `answer_customer`, `check_fraud`, `handle_dispute`, `correct_data`, `legal_duty`, `migrate`"
    )]
    Purpose,
    /// Too short, too long, or with a secret in it.
    #[error(
        "must be {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters, such as a ticket, without card numbers or codes"
    )]
    Reason,
}

impl Why {
    /// Checks a purpose.
    ///
    /// # Errors
    /// [`WhyProblem::Purpose`].
    pub fn purpose(name: &str) -> Result<Purpose, WhyProblem> {
        Purpose::from_name(name).ok_or(WhyProblem::Purpose)
    }

    /// Checks a reason.
    ///
    /// # Errors
    /// [`WhyProblem::Reason`].
    pub fn new(purpose: Purpose, reason: &str) -> Result<Why, WhyProblem> {
        let reason = clean(reason, REASON_CHARS_MAX).map_err(|_| WhyProblem::Reason)?;
        if reason.chars().count() < REASON_CHARS_MIN || audit::Text::parse(&reason).is_err() {
            return Err(WhyProblem::Reason);
        }
        Ok(Why { purpose, reason: Secret::new(reason) })
    }

    pub(crate) fn of(&self) -> Purpose {
        self.purpose
    }

    pub(crate) fn reason(&self) -> &Secret<String> {
        &self.reason
    }
}

/// What an attempt came to. Both are answers: a refusal over a limit must leave its count behind.
#[derive(Clone, Debug)]
pub enum Attempt<T> {
    /// Opened.
    Opened(T),
    /// Over a limit; nothing was opened.
    Over {
        /// Seconds until the next hour begins.
        retry_after_seconds: u32,
    },
}

/// A card, opened.
#[derive(Clone, Debug)]
pub struct OpenedCard {
    /// The opening.
    pub opening: OpeningId,
    /// The token.
    pub token: TokenId,
    /// Where the token stands now.
    pub state: State,
    /// The number.
    pub number: Secret<String>,
    /// The name on the card.
    pub holder: Option<Secret<String>>,
    /// The last month.
    pub expiry: Expiry,
    /// Brand, BIN, last four.
    pub shown: Shown,
}

/// Values of a customer, opened.
#[derive(Clone, Debug)]
pub struct OpenedCustomer {
    /// The opening.
    pub opening: OpeningId,
    /// The customer.
    pub customer: CustomerId,
    /// Slot and value.
    pub values: Vec<(i64, Value)>,
}

/// One opening, as the person it is about is shown it.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The opening; `None` for a sealed export that held the subject.
    pub id: Option<OpeningId>,
    /// Who: an id of ours.
    pub reader: String,
    /// What for.
    pub purpose: Purpose,
    /// What was opened: kinds, never values.
    pub opened: String,
    /// The reason, while the subject's data is there and opens.
    pub reason: Option<Secret<String>>,
    /// When.
    pub at: Timestamp,
}

/// Why a value was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// No such token or customer in this shop.
    #[error("there is nothing of this id")]
    NotFound,
    /// The card is gone.
    #[error("the token is {}: its card is gone", .0.name())]
    Ended(State),
    /// The data is gone.
    #[error("the customer was erased")]
    Erased,
    /// No such value.
    #[error("the customer has no value `{0}`")]
    NoValue(i64),
    /// Nothing was named.
    #[error("name 1 to {VALUES_MAX} values to open, each once")]
    Nothing,
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(OpeningError);

impl From<TokenError> for OpeningError {
    fn from(error: TokenError) -> OpeningError {
        match error {
            TokenError::Ended(state) => OpeningError::Ended(state),
            TokenError::Fault(fault) => OpeningError::Fault(fault),
            TokenError::NotFound
            | TokenError::NoCustomer
            | TokenError::Life
            | TokenError::ExternalTaken(_) => OpeningError::NotFound,
        }
    }
}

impl From<CustomerError> for OpeningError {
    fn from(error: CustomerError) -> OpeningError {
        match error {
            CustomerError::Erased => OpeningError::Erased,
            CustomerError::NoValue(slot) => OpeningError::NoValue(slot),
            CustomerError::Fault(fault) => OpeningError::Fault(fault),
            CustomerError::NotFound
            | CustomerError::Values
            | CustomerError::ExternalTaken(_)
            | CustomerError::NotSearchable => OpeningError::NotFound,
        }
    }
}

/// Opens the card behind a token. A single-use token has served then: its card and data key are destroyed in the same
/// transaction, and this answer is the last that holds the number.
///
/// # Errors
/// [`OpeningError::NotFound`], [`OpeningError::Ended`].
pub fn open_token(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    id: TokenId,
    why: &Why,
) -> Result<Attempt<OpenedCard>, OpeningError> {
    let row = token::find_row(tx, shop, id)?;
    let state = row.token.state_at(means.now);
    if state != State::Active {
        return Err(OpeningError::Ended(state));
    }
    if let Admission::Over { retry_after_seconds } = watch::admit(tx, means, by, shop)? {
        return Ok(Attempt::Over { retry_after_seconds });
    }
    let key = means.vault.sealing_key(tx, shop, id.short(), means.now, means.dice)?;
    let card = token::open_card(&key, &row)?;
    let opening =
        insert_opening(tx, means, by, shop, &key, &Opened { subject: id.to_string(), what: "card" }, why)?;
    let event =
        Event::new(record::TOKEN_OPENED, id).with("purpose", why.purpose.name()).with("opening", opening);
    note(tx, means, by, shop, event)?;
    let (expiry, shown) = (row.token.expiry, row.token.shown.clone());
    let state = if row.token.single_use {
        token::end_token(tx, row, State::Used, means.now)?.state
    } else {
        State::Active
    };
    let (number, holder) = (card.number, card.holder);
    Ok(Attempt::Opened(OpenedCard { opening, token: id, state, number, holder, expiry, shown }))
}

/// The tokens of the card behind a token, newest first, at most [`crate::limits::MATCH_MAX`]. Nothing is given out, but who learns that two tokens hold one card can find any card by making tokens of the numbers that fit: so asking takes
/// what opening takes, and counts as one. A single-use token has not served by it.
///
/// # Errors
/// [`OpeningError::NotFound`], [`OpeningError::Ended`].
pub fn match_token(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    id: TokenId,
    why: &Why,
) -> Result<Attempt<Vec<Token>>, OpeningError> {
    let row = token::find_row(tx, shop, id)?;
    let state = row.token.state_at(means.now);
    if state != State::Active {
        return Err(OpeningError::Ended(state));
    }
    if let Admission::Over { retry_after_seconds } = watch::admit(tx, means, by, shop)? {
        return Ok(Attempt::Over { retry_after_seconds });
    }
    let key = means.vault.sealing_key(tx, shop, id.short(), means.now, means.dice)?;
    let asked = Opened { subject: id.to_string(), what: "same card" };
    let opening = insert_opening(tx, means, by, shop, &key, &asked, why)?;
    let number = token::open_card(&key, &row)?.number;
    let found = token::list_tokens_of_card(tx, means.vault, shop, &number)?;
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let event = Event::new(record::TOKEN_MATCHED, id)
        .with("purpose", why.purpose.name())
        .with("opening", opening)
        .with("found", count);
    note(tx, means, by, shop, event)?;
    Ok(Attempt::Opened(found))
}

/// Opens the named values of a customer, and no others.
///
/// # Errors
/// [`OpeningError::NotFound`], [`OpeningError::Erased`], [`OpeningError::NoValue`], [`OpeningError::Nothing`].
pub fn open_customer(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    id: CustomerId,
    slots: &[i64],
    why: &Why,
) -> Result<Attempt<OpenedCustomer>, OpeningError> {
    let twice =
        slots.iter().enumerate().any(|(at, slot)| slots.iter().skip(at + 1).any(|other| other == slot));
    if slots.is_empty() || slots.len() > VALUES_MAX || twice {
        return Err(OpeningError::Nothing);
    }
    customer::find_active(tx, shop, id)?;
    let mut sealed = Vec::new();
    for slot in slots {
        sealed.push(customer_rows::find_value(tx, id, *slot)?.ok_or(OpeningError::NoValue(*slot))?);
    }
    if let Admission::Over { retry_after_seconds } = watch::admit(tx, means, by, shop)? {
        return Ok(Attempt::Over { retry_after_seconds });
    }
    let key = means.vault.sealing_key(tx, shop, id.short(), means.now, means.dice)?;
    let mut values = Vec::new();
    for row in &sealed {
        values.push((row.slot, customer::open_value(&key, row)?));
    }
    let kinds = kinds_of(sealed.iter().map(|row| row.kind));
    let opening =
        insert_opening(tx, means, by, shop, &key, &Opened { subject: id.to_string(), what: &kinds }, why)?;
    let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
    let event = Event::new(record::CUSTOMER_OPENED, id)
        .with("purpose", why.purpose.name())
        .with("kinds", audit::Text::masked(&kinds))
        .with("values", count)
        .with("opening", opening);
    note(tx, means, by, shop, event)?;
    Ok(Attempt::Opened(OpenedCustomer { opening, customer: id, values }))
}

fn kinds_of(kinds: impl Iterator<Item = Kind>) -> String {
    let mut kinds: Vec<Kind> = kinds.collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")
}

/// What is opened of whom.
struct Opened<'a> {
    subject: String,
    what: &'a str,
}

fn insert_opening(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    key: &DataKey,
    opened: &Opened<'_>,
    why: &Why,
) -> Result<OpeningId, OpeningError> {
    let id = OpeningId::new(shop, means.now, means.dice);
    let reason = key.seal(&reason_place(&id), &why.reason, means.dice)?;
    let row = OpeningRow {
        shop,
        subject: opened.subject.clone(),
        id,
        reader: by.actor.label(),
        purpose: why.purpose,
        opened: opened.what.to_owned(),
        reason,
        created: means.now,
    };
    rows::insert_opening(tx, row)?;
    Ok(id)
}

/// The openings of a shop, counted.
///
/// # Errors
/// [`OpeningError::Fault`] alone.
pub fn count_openings(tx: &mut Tx, shop: ShopId) -> Result<i64, OpeningError> {
    Ok(rows::count_openings(tx, shop)?)
}

/// Who opened the card behind a token, newest first.
///
/// # Errors
/// [`OpeningError::NotFound`].
pub fn list_token_openings(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    id: TokenId,
) -> Result<Vec<Opening>, OpeningError> {
    let token = token::find_token(tx, shop, id)?;
    list_openings(tx, means, shop, (&id.to_string(), id.short()), (What::Cards, token.created, token.ended))
}

/// Who opened values of a customer, newest first: what the person is shown who asks.
///
/// # Errors
/// [`OpeningError::NotFound`].
pub fn list_customer_openings(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    id: CustomerId,
) -> Result<Vec<Opening>, OpeningError> {
    let customer = customer::find_row(tx, shop, id)?.customer;
    let of = (What::Customers, customer.created, customer.erased);
    list_openings(tx, means, shop, (&id.to_string(), id.short()), of)
}

fn list_openings(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    (subject, owner): (&str, &str),
    (what, since, until): (What, Timestamp, Option<Timestamp>),
) -> Result<Vec<Opening>, OpeningError> {
    let key = find_key(tx, means.vault, shop, owner)?;
    let mut openings = Vec::new();
    for row in rows::list_openings(tx, shop, subject, LIST_MAX)? {
        let place = reason_place(&row.id);
        let reason = key.as_ref().and_then(|key| legible(&place, key.open(&place, &row.reason)));
        openings.push(Opening {
            id: Some(row.id),
            reader: row.reader,
            purpose: row.purpose,
            opened: row.opened,
            reason,
            at: row.created,
        });
    }
    for row in export_rows::list_taken_exports(tx, shop, what, (since, until), LIST_MAX)? {
        let at = row.taken.unwrap_or(row.created);
        let opened = format!("export {}", row.id);
        openings.push(Opening {
            id: None,
            reader: row.proposer,
            purpose: row.purpose,
            opened,
            reason: None,
            at,
        });
    }
    openings.sort_by_key(|opening| std::cmp::Reverse(opening.at));
    Ok(openings)
}

fn reason_place(id: &OpeningId) -> Place<'_> {
    Place { table: TABLE, column: "reason", row: id.short() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c40_a_reason_has_limits_and_no_card_number() {
        let read = |text: &str| Why::new(Purpose::CheckFraud, text).map(drop);
        assert!(read(&"x".repeat(REASON_CHARS_MAX)).is_ok());
        assert!(read(&"x".repeat(REASON_CHARS_MAX + 1)).is_err());
        assert!(read("T-1").is_ok());
        assert!(read("T1").is_err() && read("   ").is_err());
        assert!(read("card 4111 1111 1111 1111").is_err());
        assert!(read("cvv 123").is_err());
    }

    #[test]
    fn purposes_round_trip_and_the_message_names_them_all() {
        let message = WhyProblem::Purpose.to_string();
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::from_name(purpose.name()), Some(*purpose));
            assert!(message.contains(purpose.name()));
        }
        assert!(Why::purpose("curiosity").is_err());
    }
}
