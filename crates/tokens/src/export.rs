//! Taking many records out at once: proposed by one person, approved by another, sealed for one named recipient.
//!
//! An export is proposed with its recipient, purpose and reason, so that whoever approves it approves exactly that. Once
//! taken, its proposer may fetch the file for a quarter of an hour; then a new approval is needed. It holds what was there when
//! it was proposed, less what was erased since, and each time it is fetched is in the audit log. The file is in the age
//! format (see [`crate::age`] and `docs/sealed-export.md`).

use ::store::Tx;
use base::{CustomerId, ExportId, ScopedId, Secret, ShopId, Timestamp, TokenId};
use identity::approvals::{self, ApprovalAction, ApprovalError, Proposal};
use identity::{Fault, Means};
use vault::Place;

use crate::age::Recipient;
use crate::card::{Brand, Expiry};
use crate::customer::{self, CustomerError};
use crate::legible::find_key;
use crate::limits::{EXPORT_LIFE_SECONDS, EXPORT_RECORDS_MAX, LIST_MAX};
use crate::opening::{Purpose, Why};
use crate::record::{self, By, Event, note, takes_faults};
use crate::store::cards;
use crate::store::customers as customer_rows;
use crate::store::exports::{self as rows, ExportRow};
use crate::token::{self, TokenError};
use crate::values::Value;

/// How long the file of a taken export can be fetched, seconds.
pub const FETCH_SECONDS_MAX: i64 = 900;
pub(crate) const TABLE: &str = "exports";
/// The owner of the data key that reasons of exports are sealed with.
pub(crate) const OWNER: &str = "exports";
/// Records read in one query.
const PAGE: i64 = 500;

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Customers with all their values.
    Customers,
    /// Active tokens with their cards.
    Cards,
}

impl What {
    /// Its name in the API and the database.
    pub fn name(self) -> &'static str {
        match self {
            What::Customers => "customers",
            What::Cards => "cards",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<What> {
        [What::Customers, What::Cards].into_iter().find(|what| what.name() == name)
    }
}

/// Where an export stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a second person, or for being taken.
    Proposed,
    /// Its file can be fetched.
    Taken,
    /// Over.
    Closed,
}

impl State {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            State::Proposed => "proposed",
            State::Taken => "taken",
            State::Closed => "closed",
        }
    }
}

/// An export, without any record.
#[derive(Clone, Debug)]
pub struct Export {
    /// The export.
    pub id: ExportId,
    /// What is taken out.
    pub what: What,
    /// Who can open the file.
    pub recipient: String,
    /// What for.
    pub purpose: Purpose,
    /// Why.
    pub reason: Secret<String>,
    /// Who proposed it.
    pub proposer: String,
    /// How many records it held when it was taken.
    pub records: Option<i64>,
    /// When it was proposed.
    pub created: Timestamp,
    /// When it was taken.
    pub taken: Option<Timestamp>,
}

impl Export {
    /// Where it stands at `now`.
    pub fn state_at(&self, now: Timestamp) -> State {
        match self.taken {
            Some(taken) if now < taken.plus_seconds(FETCH_SECONDS_MAX) => State::Taken,
            None if now < self.created.plus_seconds(EXPORT_LIFE_SECONDS) => State::Proposed,
            _ => State::Closed,
        }
    }
}

/// A customer in an export.
pub struct CustomerRecord {
    /// The customer.
    pub id: CustomerId,
    /// What the shop calls them.
    pub external: Option<Secret<String>>,
    /// Since when.
    pub created: Timestamp,
    /// The values that open.
    pub values: Vec<Value>,
    /// How many values do not open, since they were altered in the database.
    pub unreadable: usize,
}

/// A card in an export.
pub struct CardRecord {
    /// The token.
    pub id: TokenId,
    /// Whose card it is.
    pub customer: Option<CustomerId>,
    /// The scheme.
    pub brand: Brand,
    /// The last month.
    pub expiry: Expiry,
    /// The number; `None` where it does not open, since it was altered in the database.
    pub number: Option<Secret<String>>,
    /// The name on the card.
    pub holder: Option<Secret<String>>,
}

/// Everything of an export.
pub enum Records {
    /// Customers.
    Customers(Vec<CustomerRecord>),
    /// Cards.
    Cards(Vec<CardRecord>),
}

impl Records {
    /// How many.
    pub fn count(&self) -> usize {
        match self {
            Records::Customers(records) => records.len(),
            Records::Cards(records) => records.len(),
        }
    }
}

/// Why an export was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// No such export in this shop.
    #[error("there is no such export")]
    NotFound,
    /// Too many records for one file.
    #[error("the shop has more than {EXPORT_RECORDS_MAX} records; one export cannot hold them")]
    TooLarge,
    /// Somebody else's, or past its time.
    #[error("only its proposer takes an export, and fetches it within {FETCH_SECONDS_MAX} seconds")]
    Closed,
    /// The second person.
    #[error(transparent)]
    Approval(ApprovalError),
    /// Not the caller's fault.
    #[error(transparent)]
    Fault(Fault),
}
takes_faults!(ExportError);

impl From<CustomerError> for ExportError {
    fn from(error: CustomerError) -> ExportError {
        match error {
            CustomerError::Fault(fault) => ExportError::Fault(fault),
            _ => ExportError::Fault(Fault::Row("customer")),
        }
    }
}

impl From<TokenError> for ExportError {
    fn from(error: TokenError) -> ExportError {
        match error {
            TokenError::Fault(fault) => ExportError::Fault(fault),
            _ => ExportError::Fault(Fault::Row("token")),
        }
    }
}

/// An export that somebody asks for.
#[derive(Clone, Debug)]
pub struct NewExport {
    /// What is taken out.
    pub what: What,
    /// Who can open the file.
    pub recipient: Recipient,
    /// What for, and why.
    pub why: Why,
}

/// Proposes an export; it can be taken once a second person approved it.
///
/// # Errors
/// [`ExportError::TooLarge`], [`ExportError::Approval`].
pub fn propose_export(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    new: &NewExport,
) -> Result<Export, ExportError> {
    let records = count_records(tx, (shop, means.now), new.what)?;
    let id = ExportId::new(shop, means.now, means.dice);
    let key = means.vault.data_key(tx, shop, OWNER, means.now, means.dice)?;
    let row = ExportRow {
        id,
        what: new.what,
        recipient: new.recipient.to_string(),
        purpose: new.why.of(),
        reason: key.seal(&reason_place(&id), new.why.reason(), means.dice)?,
        proposer: by.actor.label(),
        records: None,
        created: means.now,
        taken: None,
    };
    rows::put_export(tx, row.clone())?;
    approvals::propose(tx, means, by.actor, &proposal_of(&row, records)).map_err(of_approval)?;
    let event = Event::new(record::EXPORT_PROPOSED, id)
        .with("what", new.what.name())
        .with("purpose", row.purpose.name())
        .with("records", records);
    note(tx, means, by, shop, event)?;
    open_row(tx, means, row)
}

/// Uses the approval up: from now on the proposer can fetch the file, for [`FETCH_SECONDS_MAX`].
///
/// # Errors
/// [`ExportError::NotFound`], [`ExportError::Closed`], [`ExportError::Approval`], [`ExportError::TooLarge`].
pub fn take_export(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    id: ExportId,
) -> Result<Export, ExportError> {
    let row = find_row(tx, shop, id)?;
    let export = open_row(tx, means, row.clone())?;
    if export.state_at(means.now) != State::Proposed || row.proposer != by.actor.label() {
        return Err(ExportError::Closed);
    }
    let records = count_records(tx, (shop, row.created), row.what)?;
    approvals::take(tx, means, by.actor, &proposal_of(&row, records)).map_err(of_approval)?;
    let row = ExportRow { taken: Some(means.now), records: Some(records), ..row };
    rows::put_export(tx, row.clone())?;
    let event = Event::new(record::EXPORT_TAKEN, id)
        .with("what", row.what.name())
        .with("purpose", row.purpose.name())
        .with("records", records);
    note(tx, means, by, shop, event)?;
    open_row(tx, means, row)
}

/// The records of an export that was taken a moment ago, opened, and who may read the file. The caller seals them at once.
///
/// # Errors
/// [`ExportError::NotFound`], [`ExportError::Closed`].
pub fn fetch_export(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    shop: ShopId,
    id: ExportId,
) -> Result<(Export, Recipient, Records), ExportError> {
    let row = find_row(tx, shop, id)?;
    let export = open_row(tx, means, row)?;
    if export.state_at(means.now) != State::Taken || export.proposer != by.actor.label() {
        return Err(ExportError::Closed);
    }
    let recipient = export.recipient.parse().map_err(|_| Fault::Row("export"))?;
    let records = match export.what {
        What::Customers => Records::Customers(list_customer_records(tx, means, (shop, export.created))?),
        What::Cards => Records::Cards(list_card_records(tx, means, (shop, export.created))?),
    };
    Ok((export, recipient, records))
}

/// Enters in the audit log that the file of an export leaves, with how many records it holds.
///
/// # Errors
/// [`ExportError::Fault`] alone.
pub fn note_fetch(
    tx: &mut Tx,
    means: &Means<'_>,
    by: &By<'_>,
    (id, records): (ExportId, usize),
) -> Result<(), ExportError> {
    let records = i64::try_from(records).unwrap_or(i64::MAX);
    let event = Event::new(record::EXPORT_FETCHED, id).with("records", records);
    note(tx, means, by, id.shop(), event)?;
    Ok(())
}

/// An export of the shop.
///
/// # Errors
/// [`ExportError::NotFound`].
pub fn find_export(
    tx: &mut Tx,
    means: &Means<'_>,
    shop: ShopId,
    id: ExportId,
) -> Result<Export, ExportError> {
    let row = find_row(tx, shop, id)?;
    open_row(tx, means, row)
}

/// The exports of a shop, newest first.
///
/// # Errors
/// [`ExportError::Fault`] alone.
pub fn list_exports(tx: &mut Tx, means: &Means<'_>, shop: ShopId) -> Result<Vec<Export>, ExportError> {
    rows::list_exports(tx, shop, LIST_MAX)?.into_iter().map(|row| open_row(tx, means, row)).collect()
}

fn of_approval(error: ApprovalError) -> ExportError {
    match error {
        ApprovalError::Fault(fault) => ExportError::Fault(fault),
        other => ExportError::Approval(other),
    }
}

/// What a second person approves: this export, with this content, for this recipient.
fn proposal_of(row: &ExportRow, records: i64) -> Proposal {
    let subject = format!("{} {} {}", row.id, row.what.name(), row.recipient);
    let summary = format!("{} {records}, {}, {}", row.what.name(), row.purpose.name(), row.recipient);
    Proposal::new(row.id.shop(), ApprovalAction::ExportCustomers, &subject, &summary)
}

fn find_row(tx: &mut Tx, shop: ShopId, id: ExportId) -> Result<ExportRow, ExportError> {
    let row = if id.shop() == shop { rows::find_export(tx, id)? } else { None };
    row.ok_or(ExportError::NotFound)
}

fn open_row(tx: &mut Tx, means: &Means<'_>, row: ExportRow) -> Result<Export, ExportError> {
    let key = means.vault.find_data_key(tx, row.id.shop(), OWNER)?;
    Ok(Export {
        reason: key.open(&reason_place(&row.id), &row.reason)?,
        id: row.id,
        what: row.what,
        recipient: row.recipient,
        purpose: row.purpose,
        proposer: row.proposer,
        records: row.records,
        created: row.created,
        taken: row.taken,
    })
}

/// Counts what an export proposed at `until` holds.
fn count_records(tx: &mut Tx, (shop, until): (ShopId, Timestamp), what: What) -> Result<i64, ExportError> {
    let count = match what {
        What::Customers => customer_rows::count_customers(tx, shop, until)?,
        What::Cards => cards::count_active_tokens(tx, shop, until)?,
    };
    let fits = usize::try_from(count).is_ok_and(|count| count <= EXPORT_RECORDS_MAX);
    if fits { Ok(count) } else { Err(ExportError::TooLarge) }
}

fn list_customer_records(
    tx: &mut Tx,
    means: &Means<'_>,
    (shop, until): (ShopId, Timestamp),
) -> Result<Vec<CustomerRecord>, ExportError> {
    let (mut records, mut after) = (Vec::new(), String::new());
    loop {
        let page = customer_rows::list_customers_after(tx, (shop, until), &after, PAGE)?;
        let Some(last) = page.last() else { return Ok(records) };
        after = last.customer.id.short().to_owned();
        for row in &page {
            let id = row.customer.id;
            let key = find_key(tx, means.vault, shop, id.short())?;
            let sealed = customer_rows::list_values(tx, id)?;
            let open = |value| key.as_ref().and_then(|key| customer::open_legible(key, value));
            let values: Vec<Value> = sealed.iter().filter_map(open).collect();
            let external = key.as_ref().and_then(|key| customer::open_external(key, row));
            let unreadable = sealed.len() - values.len();
            records.push(CustomerRecord { id, external, created: row.customer.created, values, unreadable });
        }
        if records.len() > EXPORT_RECORDS_MAX {
            return Err(ExportError::TooLarge);
        }
    }
}

fn list_card_records(
    tx: &mut Tx,
    means: &Means<'_>,
    (shop, until): (ShopId, Timestamp),
) -> Result<Vec<CardRecord>, ExportError> {
    let (mut records, mut after) = (Vec::new(), String::new());
    loop {
        let page = cards::list_active_rows(tx, (shop, until), &after, PAGE)?;
        let Some(last) = page.last() else { return Ok(records) };
        after = last.token.id.short().to_owned();
        for row in page.iter().filter(|row| row.token.state_at(means.now) == token::State::Active) {
            let key = find_key(tx, means.vault, shop, row.token.id.short())?;
            let (number, holder) = key.as_ref().map_or((None, None), |key| token::open_legible(key, row));
            let token = &row.token;
            records.push(CardRecord {
                id: token.id,
                customer: token.customer,
                brand: token.shown.brand,
                expiry: token.expiry,
                number,
                holder,
            });
        }
        if records.len() > EXPORT_RECORDS_MAX {
            return Err(ExportError::TooLarge);
        }
    }
}

fn reason_place(id: &ExportId) -> Place<'_> {
    Place { table: TABLE, column: "reason", row: id.short() }
}
